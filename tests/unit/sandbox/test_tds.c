/* The SQL Server of the sandbox, asked by the project's own client over its Unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fake_engine.h"
#include "http/listen.h"
#include "sandbox/sandbox.h"
#include "sandbox/tds_server.h"
#include "tds/packet.h"
#include "tds/tds.h"

static char folder[64], socket_path[96];
static engine *sql;
static sandbox_faults *faults;
static sandbox_tds_server *server;
static br_secret *password;

static void start_server(const char *fault_text) {
  sandbox_tds_options options = {.engine = sql, .listen_count = 1};
  assert_int_equal(sandbox_faults_parse(fault_text, &faults, NULL), BR_OK);
  options.faults = faults;
  assert_int_equal(http_listen_unix(socket_path, &options.listen_fds[0], NULL), BR_OK);
  assert_int_equal(sandbox_tds_start(&options, &server, NULL), BR_OK);
}

static void stop_server(void) {
  sandbox_tds_stop(server);
  server = NULL;
  sandbox_faults_free(faults);
  faults = NULL;
  (void)unlink(socket_path);
}

static br_status connect_as(const char *user, const br_secret *secret, const char *database,
                            br_cancel *cancel, tds_conn **ret_conn, br_error *err) {
  const tds_options options = {.unix_path = socket_path,
                               .username = user,
                               .password = secret,
                               .database = database,
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .query_timeout_ms = 20000};
  return tds_connect(&options, cancel, ret_conn, NULL, err);
}

static tds_conn *open_conn(void) {
  tds_conn *conn = NULL;
  br_error err = BR_ERROR_INIT;
  if (connect_as("SA", password, NULL, NULL, &conn, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  return conn;
}

static br_status execute(tds_conn *conn, const char *text, br_error *err) {
  br_status st = tds_execute(conn, text, strlen(text), err);
  return st == BR_OK ? tds_next_result(conn, err) : st;
}

/* Reads the rows of the current result; *ret_rows also where it fails. */
static br_status read_rows(tds_conn *conn, uint64_t *ret_rows, br_error *err) {
  batch *b = NULL;
  const tds_batch_limits limits = {0};
  *ret_rows = 0;
  br_status st = batch_new(tds_result_schema(conn), 1000, &b, err);
  while (st == BR_OK) {
    batch_reset(b, 1 << 20);
    st = tds_read_batch(conn, &limits, b, err);
    *ret_rows += b->rows;
  }
  batch_free(b);
  return st;
}

static void rows_arrive_with_their_nulls(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  assert_string_equal(tds_database(conn), "master");
  assert_int_equal(execute(conn, "rows 10", NULL), BR_OK);
  const batch_schema *schema = tds_result_schema(conn);
  assert_int_equal(schema->count, 2);
  assert_string_equal(schema->fields[1].name, "text");
  batch *b = NULL;
  const tds_batch_limits limits = {0};
  assert_int_equal(batch_new(schema, 100, &b, NULL), BR_OK);
  assert_int_equal(tds_read_batch(conn, &limits, b, NULL), BR_OK);
  assert_int_equal(b->rows, 10);
  assert_int_equal(b->columns[1].nulls, 3);
  assert_false(batch_column_is_valid(&b->columns[1], 2));
  assert_int_equal(((int32_t *)b->columns[0].values)[9], 9);
  assert_memory_equal(b->columns[1].data, "row 0row 1row 3", 15);
  batch_free(b);
  assert_int_equal(tds_next_result(conn, NULL), BR_DONE);
  assert_int_equal(tds_rows_affected(conn), 10);
  tds_close(conn);
}

static void results_of_a_batch_come_in_order(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  uint64_t rows = 0;
  assert_int_equal(execute(conn, "rows 3; count 7; rows 70000; use other", NULL), BR_OK);
  assert_int_equal(read_rows(conn, &rows, NULL), BR_DONE);
  assert_int_equal(rows, 3);
  assert_int_equal(tds_next_result(conn, NULL), BR_OK);
  assert_int_equal(read_rows(conn, &rows, NULL), BR_DONE);
  assert_int_equal(rows, 70000);
  assert_int_equal(tds_next_result(conn, NULL), BR_DONE);
  assert_string_equal(tds_database(conn), "other");
  tds_close(conn);
}

static void wrong_logins_are_refused_with_their_numbers(void **state) {
  (void)state;
  tds_conn *conn = NULL;
  br_secret *wrong = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(br_secret_new("not the password", &wrong, NULL), BR_OK);
  assert_int_equal(connect_as("sa", wrong, NULL, NULL, &conn, &err), BR_ERR_AUTH);
  assert_int_equal(err.native_code, 18456);
  assert_int_equal(connect_as("nobody", password, NULL, NULL, &conn, &err), BR_ERR_AUTH);
  assert_int_equal(connect_as("sa", password, "nowhere", NULL, &conn, &err), BR_ERR_NOT_FOUND);
  assert_int_equal(err.native_code, 4060);
  assert_int_equal(connect_as("bridge", password, "somewhere", NULL, &conn, &err), BR_OK);
  assert_string_equal(tds_database(conn), "somewhere");
  tds_close(conn);
  br_secret_free(wrong);
}

static void an_error_keeps_the_connection(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  br_error err = BR_ERROR_INIT;
  uint64_t rows = 0;
  assert_int_equal(execute(conn, "fail", &err), BR_ERR_REMOTE);
  assert_int_equal(err.native_code, 208);
  assert_string_equal(tds_last_error(conn)->message, "Invalid object name 'fail'.");
  assert_true(tds_is_usable(conn));
  assert_int_equal(execute(conn, "rows 1", &err), BR_OK);
  assert_int_equal(read_rows(conn, &rows, NULL), BR_DONE);
  assert_int_equal(rows, 1);
  tds_close(conn);
}

/* Resources that are at their end have SQL Server's numbers and severity. */
static void a_full_disk_and_full_memory_are_told_as_such(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  br_error err = BR_ERROR_INIT;
  uint64_t rows = 0;
  assert_int_equal(execute(conn, "full", &err), BR_ERR_REMOTE);
  assert_int_equal(err.native_code, 1105);
  assert_int_equal(execute(conn, "memory", &err), BR_ERR_REMOTE);
  assert_int_equal(err.native_code, 701);
  assert_int_equal(execute(conn, "rows 1", NULL), BR_OK);
  assert_int_equal(read_rows(conn, &rows, NULL), BR_DONE);
  tds_close(conn);
}

static void an_attention_interrupts_what_runs(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  uint64_t rows = 0;
  assert_int_equal(tds_execute(conn, "wait", 4, NULL), BR_OK);
  /* The statement would take a minute; the client gives up after five seconds. */
  assert_int_equal(tds_cancel_query(conn, NULL), BR_OK);
  assert_true(tds_is_usable(conn));
  assert_int_equal(execute(conn, "rows 100000000", NULL), BR_OK);
  assert_int_equal(tds_cancel_query(conn, NULL), BR_OK);
  assert_true(tds_is_usable(conn));
  assert_int_equal(execute(conn, "rows 2", NULL), BR_OK);
  assert_int_equal(read_rows(conn, &rows, NULL), BR_DONE);
  assert_int_equal(rows, 2);
  tds_close(conn);
}

static void a_stop_ends_connections_that_wait_and_that_run(void **state) {
  (void)state;
  tds_conn *idle = open_conn(), *busy = open_conn(), *sending = open_conn();
  br_error err = BR_ERROR_INIT;
  assert_int_equal(tds_execute(busy, "wait", 4, NULL), BR_OK);
  assert_int_equal(tds_execute(sending, "rows 100000000", 14, NULL), BR_OK);
  stop_server();
  assert_int_not_equal(execute(idle, "rows 1", &err), BR_OK);
  tds_close(idle);
  tds_close(busy);
  tds_close(sending);
}

static void check_fault(const char *text, br_status expected, uint64_t least, uint64_t most) {
  stop_server();
  start_server(text);
  const tds_options options = {.unix_path = socket_path,
                               .username = "sa",
                               .password = password,
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .query_timeout_ms = expected == BR_ERR_TIMEOUT ? 300 : 0};
  tds_conn *conn = NULL;
  br_error err = BR_ERROR_INIT;
  uint64_t rows = 0;
  assert_int_equal(tds_connect(&options, NULL, &conn, NULL, &err), BR_OK);
  br_status st = execute(conn, "rows 5000", &err);
  if (st == BR_OK) {
    st = read_rows(conn, &rows, &err);
  }
  if (st == BR_DONE) {
    st = tds_next_result(conn, &err);
  }
  if (st != expected || rows < least || rows > most) {
    fail_msg("%s: %s after %d rows: %s", text, br_status_name(st), (int)rows, err.message);
  }
  tds_close(conn);
}

static void faults_strike_in_rows_and_bytes(void **state) {
  (void)state;
  check_fault("tds.close_row=3000", BR_ERR_NETWORK, 0, 2999);
  check_fault("tds.stall_row=3000", BR_ERR_TIMEOUT, 0, 2999);
  check_fault("tds.garbage_row=3000", BR_ERR_PROTOCOL, 0,
              3000); /* what is in a value is believed */
  check_fault("tds.error_row=3000", BR_ERR_REMOTE, 2999, 2999);
  check_fault("tds.close_bytes=10000", BR_ERR_NETWORK, 0, 1000);
  check_fault("tds.garbage_bytes=10000", BR_ERR_PROTOCOL, 0, 1000);
  check_fault("tds.stall_bytes=10000", BR_ERR_TIMEOUT, 0, 1000);
  check_fault("tds.error=1205,match=rows", BR_ERR_REMOTE, 0, 0);
  check_fault("tds.error=1205,match=other", BR_DONE, 5000, 5000);
}

/* Raw packets, for what the client does not send. */

static void put_packet(tds_stream *stream, uint8_t type, uint8_t status, const void *payload,
                       size_t length) {
  uint8_t packet[512] = {type, status, (uint8_t)((length + 8) >> 8), (uint8_t)(length + 8)};
  memcpy(packet + 8, payload, length);
  assert_int_equal(tds_stream_write(stream, packet, length + 8, NULL), BR_OK);
}

static void whatever_comes_first_the_server_goes_on(void **state) {
  (void)state;
  static const uint8_t prelogin[] = {0, 0, 6, 0, 6, 0xFF, 0, 0, 0, 0, 0, 0};
  static const uint8_t kinds[] = {0x01, 0x03, 0x07, 0x10, 0x12, 0x16, 0x47};
  for (size_t i = 0; i < sizeof kinds; i++) {
    tds_stream *stream = NULL;
    uint8_t answer[64];
    size_t length = 0;
    assert_int_equal(tds_stream_unix(socket_path, tds_wait_forever(), &stream, NULL), BR_OK);
    put_packet(stream, kinds[i], TDS_STATUS_EOM, prelogin, sizeof prelogin);
    br_status st = tds_stream_read(stream, answer, sizeof answer, &length, NULL);
    if (kinds[i] == TDS_PACKET_PRELOGIN) {
      assert_int_equal(st, BR_OK);
      assert_int_equal(answer[0], TDS_PACKET_RESPONSE);
      put_packet(stream, TDS_PACKET_LOGIN7, TDS_STATUS_EOM, prelogin, sizeof prelogin);
      st = tds_stream_read(stream, answer, sizeof answer, &length, NULL);
    }
    assert_int_not_equal(st, BR_OK);
    tds_stream_close(stream);
  }
  tds_close(open_conn());
}

/* Whoever's allocation fails, client's or server's: the server goes on, and nothing leaks. */
static void failing_allocations_end_a_request_at_most(void **state) {
  (void)state;
  for (long n = 0; n < 90; n++) {
    tds_conn *conn = NULL;
    uint64_t rows = 0;
    br_mem_fail_after(n);
    br_status st = connect_as("sa", password, "db", NULL, &conn, NULL);
    if (st == BR_OK) {
      st = execute(conn, "rows 40; count 1; wide; fail", NULL);
      if (st == BR_OK) {
        st = read_rows(conn, &rows, NULL);
      }
      tds_close(conn);
    }
    br_mem_fail_after(-1);
    (void)st;
  }
  tds_close(open_conn());
}

static int set_up(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/tds-test-XXXXXX");
  assert_non_null(mkdtemp(folder));
  (void)snprintf(socket_path, sizeof socket_path, "%s/s.sock", folder);
  sql = fake_engine_make();
  assert_int_equal(br_secret_new(SANDBOX_PASSWORD, &password, NULL), BR_OK);
  start_server(NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  stop_server();
  engine_close(sql);
  br_secret_free(password);
  br_secret_forget_all();
  (void)rmdir(folder);
  return 0;
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SERVER(rows_arrive_with_their_nulls),
      WITH_SERVER(results_of_a_batch_come_in_order),
      WITH_SERVER(wrong_logins_are_refused_with_their_numbers),
      WITH_SERVER(an_error_keeps_the_connection),
      WITH_SERVER(a_full_disk_and_full_memory_are_told_as_such),
      WITH_SERVER(an_attention_interrupts_what_runs),
      WITH_SERVER(a_stop_ends_connections_that_wait_and_that_run),
      WITH_SERVER(faults_strike_in_rows_and_bytes),
      WITH_SERVER(whatever_comes_first_the_server_goes_on),
      WITH_SERVER(failing_allocations_end_a_request_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
