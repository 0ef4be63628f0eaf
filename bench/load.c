/*
 * load.c: what a bulk load costs.
 *
 *   bench_load [rows [shape]]                          CPU seconds per million rows, without the
 *                                                      network: the stream goes into memory that
 *                                                      is thrown away
 *   bench_load rows shape host port database table     into a table that is there already, as
 *                                                      user BRIDGE_TEST_SQLSERVER_USERNAME with
 *                                                      BRIDGE_TEST_SQLSERVER_PASSWORD
 *
 * The rows (rows.h) are made before the clock starts. Prints a line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rows.h"
#include "tds/conn.h"
#include "tds/load.h"
#include "tds/server.h"

enum { PACKET = 32767 };

static br_status put_message(tds_writer *w, const batch_schema *schema, br_error *err) {
  tds_type_info *infos = br_calloc(schema->count, sizeof *infos);
  br_status st = infos == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK) {
    st = tds_result_types(schema, false, infos, err);
  }
  if (st == BR_OK) {
    st = tds_put_columns(w, schema, infos, err);
  }
  br_free(infos);
  return st;
}

/* The answers to SELECT TOP (0), INSERT BULK and the stream. */
static br_status make_answers(const batch_schema *schema, br_buf *answers, br_error *err) {
  tds_stream *stream = NULL;
  tds_writer w;
  br_status st = tds_stream_memory(NULL, 0, answers, &stream, err);
  if (st != BR_OK) {
    return st;
  }
  st = tds_writer_init(&w, stream, PACKET, err);
  for (int i = 0; st == BR_OK && i < 3; i++) {
    tds_writer_begin(&w, TDS_PACKET_RESPONSE, 0);
    st = i == 0 ? put_message(&w, schema, err) : BR_OK;
    if (st == BR_OK) {
      st = tds_put_done(&w, TDS_TOKEN_DONE, 0, 0xC1, 0, err);
    }
    if (st == BR_OK) {
      st = tds_writer_end(&w, err);
    }
  }
  tds_writer_done(&w);
  tds_stream_close(stream);
  return st;
}

static br_status connect_to_memory(const br_buf *answers, tds_conn **ret_conn, br_error *err) {
  const tds_options options = {.host = "localhost"};
  tds_stream *stream = NULL;
  br_status st = tds_conn_new(&options, NULL, ret_conn, err);
  if (st == BR_OK) {
    st = tds_stream_memory(answers->data, answers->len, NULL, &stream, err);
  }
  if (st == BR_OK) {
    st = tds_conn_attach(*ret_conn, stream, err);
  }
  if (st == BR_OK) {
    tds_conn_ready(*ret_conn);
    st = tds_writer_set_packet_size(&(*ret_conn)->writer, PACKET, err);
  }
  return st;
}

static br_status connect_to_server(char **argv, tds_conn **ret_conn, br_error *err) {
  const char *username = getenv("BRIDGE_TEST_SQLSERVER_USERNAME");
  const char *password = getenv("BRIDGE_TEST_SQLSERVER_PASSWORD");
  br_secret *secret = NULL;
  br_status st = br_secret_new(password != NULL ? password : "", &secret, err);
  if (st != BR_OK) {
    return st;
  }
  const tds_options options = {.host = argv[3],
                               .port = (uint16_t)strtoul(argv[4], NULL, 10),
                               .database = argv[5],
                               .username = username != NULL ? username : "sa",
                               .password = secret,
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .trust_server_certificate = true};
  st = tds_connect(&options, NULL, ret_conn, NULL, err);
  br_secret_free(secret);
  return st;
}

static br_status load_rows(tds_conn *conn, const bench_rows *rows, const char *table,
                           uint64_t *ret_rows, br_error *err) {
  const char *names[64];
  size_t count = rows->schema->count < 64 ? rows->schema->count : 64;
  for (size_t i = 0; i < count; i++) {
    names[i] = rows->schema->fields[i].name;
  }
  const tds_load_options options = {
      .table = table, .columns = names, .column_count = count, .table_lock = true};
  tds_load *load = NULL;
  br_status st = tds_load_open(conn, &options, &load, err);
  for (size_t i = 0; st == BR_OK && i < rows->count; i++) {
    st = tds_load_write(load, rows->batches[i], err);
  }
  if (st == BR_OK) {
    st = tds_load_finish(load, ret_rows, err);
  }
  tds_load_free(load);
  return st;
}

int main(int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  bench_rows rows = bench_rows_make(argc > 2 ? argv[2] : "lineitem",
                                    argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000);
  br_buf answers;
  br_buf_init(&answers, SIZE_MAX);
  tds_conn *conn = NULL;
  br_status st = argc > 6 ? BR_OK : make_answers(rows.schema, &answers, &err);
  if (st == BR_OK) {
    st = argc > 6 ? connect_to_server(argv, &conn, &err) : connect_to_memory(&answers, &conn, &err);
  }
  uint64_t cpu = br_clock_cpu_ns();
  uint64_t start = br_clock_monotonic_ms();
  uint64_t count = 0;
  if (st == BR_OK) {
    st = load_rows(conn, &rows, argc > 6 ? argv[6] : "T", &count, &err);
  }
  if (st != BR_OK) {
    bench_die(&err);
  }
  double seconds = (double)(br_clock_cpu_ns() - cpu) / 1e9;
  (void)printf("{\"rows\": %" PRIu64 ", \"seconds\": %.3f, \"cpu_seconds\": %.4f, "
               "\"per_million_rows\": %.4f}\n",
               count, (double)(br_clock_monotonic_ms() - start) / 1e3, seconds,
               seconds * 1e6 / (double)(count == 0 ? 1 : count));
  tds_close(conn);
  br_buf_done(&answers);
  bench_rows_free(&rows);
  return 0;
}
