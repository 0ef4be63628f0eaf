/*
 * Rows of a query into a table by a bulk load, for tests/system/test_load.py:
 *
 *   load_interop copy   HOST PORT USER DATABASE QUERY TABLE
 *   load_interop give-up …    the same, given up behind the last row
 *   load_interop transaction … the same, in a transaction that is rolled back
 *
 * The password is BRIDGE_TEST_SQLSERVER_PASSWORD. Two connections: one reads, one loads. After a
 * failure the loading connection must still answer. Prints the rows, or why it failed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"
#include "flow/sink_load.h"
#include "tds/tds.h"

static br_status source_schema(void *context, const batch_schema **ret_schema, br_error *err) {
  (void)err;
  *ret_schema = tds_result_schema(context);
  return BR_OK;
}

static br_status source_next(void *context, batch *b, size_t max_bytes, br_error *err) {
  const tds_batch_limits limits = {.bytes = max_bytes};
  return tds_read_batch(context, &limits, b, err);
}

static br_status connect_to(char **argv, tds_conn **ret_conn, br_error *err) {
  const char *password = getenv("BRIDGE_TEST_SQLSERVER_PASSWORD");
  br_secret *secret = NULL;
  br_status st = br_secret_new(password != NULL ? password : "", &secret, err);
  if (st != BR_OK) {
    return st;
  }
  const tds_options options = {.host = argv[2],
                               .port = (uint16_t)strtoul(argv[3], NULL, 10),
                               .username = argv[4],
                               .database = argv[5],
                               .password = secret,
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .trust_server_certificate = true};
  st = tds_connect(&options, NULL, ret_conn, NULL, err);
  br_secret_free(secret);
  return st;
}

static br_status refuse_end(void *context, br_error *err) {
  (void)context;
  return br_error_set(err, BR_ERR_CANCELLED, "given up");
}

static br_status pump(tds_conn *from, tds_conn *to, const char *table, bool give_up,
                      uint64_t *ret_rows, br_error *err) {
  const flow_load_options options = {.conn = to, .load = {.table = table}};
  flow_load_sink *sink = NULL;
  br_status st = flow_load_sink_new(&options, &sink, err);
  if (st != BR_OK) {
    return st;
  }
  const flow_source source = {.context = from, .schema = source_schema, .next = source_next};
  flow_sink into = flow_load_sink_as_sink(sink);
  if (give_up) {
    into.finish = refuse_end;
  }
  st = flow_pump(&source, &into, NULL, ret_rows, err);
  flow_load_sink_free(sink);
  return st;
}

static br_status copy(char **argv, tds_conn *from, tds_conn *to, uint64_t *ret_rows,
                      br_error *err) {
  bool in_transaction = strcmp(argv[1], "transaction") == 0;
  br_status st = tds_execute(from, argv[6], strlen(argv[6]), err);
  st = st == BR_OK ? tds_next_result(from, err) : st;
  if (st == BR_OK && in_transaction) {
    st = tds_begin(to, TDS_ISOLATION_CURRENT, err);
  }
  st = st == BR_OK ? pump(from, to, argv[7], strcmp(argv[1], "give-up") == 0, ret_rows, err) : st;
  if (st == BR_OK && in_transaction) {
    st = tds_rollback(to, err);
  }
  return st;
}

int main(int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  tds_conn *from = NULL;
  tds_conn *to = NULL;
  uint64_t rows = 0;
  if (argc != 8) {
    return 2;
  }
  br_status st = connect_to(argv, &from, &err);
  st = st == BR_OK ? connect_to(argv, &to, &err) : st;
  st = st == BR_OK ? copy(argv, from, to, &rows, &err) : st;
  if (st == BR_OK) {
    (void)printf("%" PRIu64 " rows\n", rows);
  } else {
    (void)printf("%s: %s\n", br_status_name(st), err.message);
  }
  if (to != NULL) {
    st = tds_is_usable(to) ? tds_run(to, "SELECT 1", &err) : BR_ERR_NETWORK;
    (void)printf("%s\n", st == BR_OK ? "usable" : "lost");
  }
  tds_close(from);
  tds_close(to);
  return 0;
}
