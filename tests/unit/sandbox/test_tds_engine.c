/* The SQL Server of the sandbox with its real engine: what depends on a session's whole life. */
#include "engine_fixture.h"

#include "base/cancel.h"
#include "base/secret.h"
#include "http/listen.h"
#include "sandbox/fault.h"
#include "sandbox/sandbox.h"
#include "sandbox/tds_server.h"
#include "tds/conn.h"
#include "tds/load.h"

static char socket_path[96];
static sandbox_tds_server *server;
static sandbox_faults *faults;
static br_secret *password;

static tds_conn *open_conn(void) {
  const tds_options options = {.unix_path = socket_path,
                               .username = "sa",
                               .password = password,
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .query_timeout_ms = 20000};
  tds_conn *conn = NULL;
  assert_int_equal(tds_connect(&options, NULL, &conn, NULL, NULL), BR_OK);
  return conn;
}

static void run(tds_conn *conn, const char *sql) {
  br_error err = BR_ERROR_INIT;
  if (tds_run(conn, sql, &err) != BR_OK) {
    fail_msg("%s: %s", sql, err.message);
  }
}

/* The one number that the query that was sent gives. */
static int32_t one_number(tds_conn *conn, const char *what) {
  br_error err = BR_ERROR_INIT;
  batch *b = NULL;
  const tds_batch_limits limits = {0};
  if (tds_next_result(conn, &err) != BR_OK ||
      batch_new(tds_result_schema(conn), 4, &b, &err) != BR_OK ||
      tds_read_batch(conn, &limits, b, &err) != BR_OK || b->rows != 1) {
    fail_msg("%s: %s", what, err.message);
  }
  int32_t value = ((const int32_t *)b->columns[0].values)[0];
  batch_free(b);
  assert_int_equal(tds_conn_finish_answer(conn, NULL), BR_OK);
  return value;
}

static int32_t number(tds_conn *conn, const char *sql) {
  assert_int_equal(tds_execute(conn, sql, strlen(sql), NULL), BR_OK);
  return one_number(conn, sql);
}

/* A transaction request (2.2.6.9) with a name of ASCII. */
static br_status transaction(tds_conn *conn, uint16_t type, const char *name, br_error *err) {
  uint8_t bytes[300];
  size_t n = 0;
  bytes[n++] = (uint8_t)type;
  bytes[n++] = 0;
  if (type == TDS_TRANSACTION_BEGIN) {
    bytes[n++] = 0;
  }
  bytes[n++] = (uint8_t)(2 * strlen(name));
  for (const char *p = name; *p != '\0'; p++) {
    bytes[n++] = (uint8_t)*p;
    bytes[n++] = 0;
  }
  if (type == TDS_TRANSACTION_COMMIT || type == TDS_TRANSACTION_ROLLBACK) {
    bytes[n++] = 0;
  }
  br_status st = tds_conn_begin_request(conn, TDS_PACKET_TRANSACTION, err);
  if (st == BR_OK) {
    st = tds_writer_bytes(&conn->writer, bytes, n, err);
    st = tds_conn_end_request(conn, st, err);
  }
  return st == BR_OK ? tds_conn_finish_answer(conn, err) : st;
}

static void names_with_brackets_arrive_whole(void **state) {
  (void)state;
  static const char *const names[] = {"plain", "a]b", "]]", "x]; ROLLBACK --"};
  tds_conn *conn = open_conn();
  br_error err = BR_ERROR_INIT;
  run(conn, "CREATE TABLE n (a int)");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_int_equal(transaction(conn, TDS_TRANSACTION_BEGIN, names[i], &err), BR_OK);
    run(conn, "INSERT n VALUES (1)");
    assert_int_equal(transaction(conn, TDS_TRANSACTION_SAVE, "s]p", &err), BR_OK);
    run(conn, "INSERT n VALUES (2)");
    assert_int_equal(transaction(conn, TDS_TRANSACTION_ROLLBACK, "s]p", &err), BR_OK);
    assert_int_equal(number(conn, "SELECT COUNT(*) FROM n"), 1);
    assert_int_equal(transaction(conn, TDS_TRANSACTION_ROLLBACK, "other", &err), BR_ERR_REMOTE);
    assert_int_equal(err.native_code, 6401);
    assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), 1);
    assert_int_equal(transaction(conn, TDS_TRANSACTION_ROLLBACK, names[i], &err), BR_OK);
    assert_int_equal(number(conn, "SELECT COUNT(*) FROM n"), 0);
  }
  run(conn, "DROP TABLE n");
  tds_close(conn);
}

/* A batch whose first packet has the status bits of a reset. */
static void run_with_status(tds_conn *conn, uint8_t status, const char *sql) {
  br_buf text;
  br_buf_init(&text, 4096);
  assert_int_equal(batch_utf8_to_utf16le(sql, strlen(sql), &text, NULL), BR_OK);
  assert_int_equal(tds_conn_begin_request(conn, TDS_PACKET_BATCH, NULL), BR_OK);
  conn->writer.first_status = status;
  assert_int_equal(tds_writer_bytes(&conn->writer, text.data, text.len, NULL), BR_OK);
  assert_int_equal(tds_conn_end_request(conn, BR_OK, NULL), BR_OK);
  assert_int_equal(tds_conn_finish_answer(conn, NULL), BR_OK);
  br_buf_done(&text);
}

static void a_reset_keeps_the_transaction_where_it_is_told_to(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  run(conn, "CREATE TABLE r (a int)");
  int32_t spid = number(conn, "SELECT CAST(@@SPID AS int)");
  run(conn, "CREATE TABLE #r (a int); BEGIN TRAN; INSERT r VALUES (1)");
  const uint64_t kept = conn->transaction;
  run_with_status(conn, TDS_STATUS_RESET_CONNECTION_KEEP_TRANSACTION, "INSERT r VALUES (2)");
  conn->transaction = kept; /* the client itself never keeps one */
  assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), 1);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM r"), 2);
  assert_int_equal(number(conn, "SELECT ISNULL(OBJECT_ID('tempdb..#r'), 0)"), 0);
  run_with_status(conn, TDS_STATUS_RESET_CONNECTION, "INSERT r VALUES (3)");
  assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), 0);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM r"), 1);
  assert_int_equal(number(conn, "SELECT CAST(@@SPID AS int)"), spid);
  run(conn, "DROP TABLE r");
  tds_close(conn);
}

/* A client that goes in the middle of its transaction holds nobody up: no other has to connect for
 * its session to end. */
static void a_client_that_goes_leaves_no_lock(void **state) {
  (void)state;
  tds_conn *stays = open_conn();
  run(stays, "CREATE TABLE g (a int)");
  tds_conn *goes = open_conn();
  run(goes, "BEGIN TRAN; INSERT g VALUES (1)");
  tds_close(goes);
  run(stays, "INSERT g VALUES (2)");
  assert_int_equal(number(stays, "SELECT COUNT(*) FROM g"), 1);
  run(stays, "DROP TABLE g");
  tds_close(stays);
}

/* The client learns that its cancelled batch took the transaction with it. */
static void a_cancel_under_xact_abort_ends_the_transaction(void **state) {
  (void)state;
  static const char text[] = "BEGIN TRAN; INSERT x VALUES (1); WAITFOR DELAY '00:10'";
  tds_conn *conn = open_conn();
  run(conn, "CREATE TABLE x (a int); SET XACT_ABORT ON");
  assert_int_equal(tds_execute(conn, text, sizeof text - 1, NULL), BR_OK);
  assert_int_equal(tds_cancel_query(conn, NULL), BR_OK);
  assert_int_equal(conn->transaction, 0);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM x"), 0);
  assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), 0);
  run(conn, "DROP TABLE x");
  tds_close(conn);
}

/* A NUL is a blank like any other control character, and a character of a literal. */
static void a_statement_is_not_cut_at_a_nul(void **state) {
  (void)state;
  static const char blank[] = "SELECT 40 + @a WHERE 1 = @a\0 OR 1 = 1";
  static const char literal[] = "SELECT LEN('a\0b') + @a";
  const tds_parameter parameter = {
      .name = "a", .type = {.type = BATCH_SQL_INT}, .text = "2", .length = 1};
  tds_conn *conn = open_conn();
  assert_int_equal(tds_execute_parameters(conn, blank, sizeof blank - 1, &parameter, 1, NULL),
                   BR_OK);
  assert_int_equal(one_number(conn, "a NUL as a blank"), 42);
  assert_int_equal(tds_execute_parameters(conn, literal, sizeof literal - 1, &parameter, 1, NULL),
                   BR_OK);
  assert_int_equal(one_number(conn, "a NUL in a literal"), 5);
  tds_close(conn);
}

/* Describing a wide table for a load takes SQLite long enough to ask whether it shall stop: what
 * stopped the request before must not be asked any more. */
static void a_load_asks_no_token_of_an_earlier_request(void **state) {
  (void)state;
  br_buf sql;
  tds_conn *conn = open_conn();
  br_buf_init(&sql, 1 << 20);
  assert_int_equal(br_buf_text(&sql, "CREATE TABLE w (c0 int", NULL), BR_OK);
  for (int i = 1; i < 1000; i++) {
    assert_int_equal(br_buf_printf(&sql, NULL, ", c%d int", i), BR_OK);
  }
  assert_int_equal(br_buf_text(&sql, ")", NULL), BR_OK);
  run(conn, br_buf_cstr(&sql));
  run(conn, "INSERT BULK w (c0 int)");
  run(conn, "DROP TABLE w");
  br_buf_done(&sql);
  tds_close(conn);
}

/* What a batch that ends in an error on purpose leaves: the transaction and its one row, or none.
 */
static void check_strike(tds_conn *conn, const char *begin, const char *sql,
                         int32_t number_of_error, int32_t rows) {
  br_error err = BR_ERROR_INIT;
  run(conn, begin);
  assert_int_equal(tds_run(conn, sql, &err), BR_ERR_REMOTE);
  assert_int_equal(err.native_code, number_of_error);
  assert_int_equal(conn->transaction != 0, rows != 0);
  assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), rows);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM f"), rows);
  run(conn, rows != 0 ? "ROLLBACK" : "SET XACT_ABORT OFF");
}

/* A deadlock's victim has lost its transaction, whatever XACT_ABORT says; under it every error does
 * that. */
static void an_error_on_purpose_does_to_the_transaction_what_a_real_one_does(void **state) {
  (void)state;
  static const char begin[] = "BEGIN TRAN; INSERT f VALUES (1)";
  static const char begin_abort[] = "SET XACT_ABORT ON; BEGIN TRAN; INSERT f VALUES (1)";
  tds_conn *conn = open_conn();
  run(conn, "CREATE TABLE f (a int)");
  check_strike(conn, begin, "SELECT 'strike 1205'", 1205, 0);
  check_strike(conn, begin, "SELECT 'strike 1222'", 1222, 1);
  check_strike(conn, begin_abort, "SELECT 'strike 1222'", 1222, 0);
  check_strike(conn, begin, "SELECT 'strike row' FROM f; INSERT f VALUES (2)", 1205, 0);
  run(conn, "DROP TABLE f");
  tds_close(conn);
}

/* Loads the row (1, NULL); the number of its error, or 0. */
static int64_t load_row(tds_conn *conn, const tds_load_options *options) {
  tds_load *load = NULL;
  batch *b = NULL;
  uint64_t rows = 0;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(tds_load_open(conn, options, &load, &err), BR_OK);
  assert_int_equal(batch_new(tds_load_schema(load), 1, &b, &err), BR_OK);
  ((int32_t *)b->columns[0].values)[0] = 1;
  batch_column_mark_valid(&b->columns[0], 0);
  assert_int_equal(batch_column_append_null(&b->columns[1], 0, &err), BR_OK);
  b->rows = 1;
  br_status st = tds_load_write(load, b, &err);
  if (st == BR_OK) {
    st = tds_load_finish(load, &rows, &err);
  }
  batch_free(b);
  tds_load_free(load);
  return st == BR_OK ? 0 : err.native_code;
}

/* What the client leaves out of INSERT BULK's WITH is left out. */
static void hints_of_a_load_mean_what_they_say(void **state) {
  (void)state;
  const char *columns[] = {"a", "d"};
  tds_load_options options = {.table = "l", .columns = columns, .column_count = 2};
  br_error err = BR_ERROR_INIT;
  tds_conn *conn = open_conn();
  run(conn, "CREATE TABLE l (a int, d int NULL DEFAULT 7)");
  assert_int_equal(load_row(conn, &options), 0);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM l WHERE d = 7"), 1);
  options.keep_nulls = options.table_lock = options.fire_triggers = true;
  options.rows_expected = 1;
  assert_int_equal(load_row(conn, &options), 0);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM l WHERE d IS NULL"), 1);
  run(conn, "ALTER TABLE l ADD CONSTRAINT l_low CHECK (a < 2)");
  assert_int_equal(load_row(conn, &options), 40517);
  options.check_constraints = true;
  assert_int_equal(load_row(conn, &options), 0);
  assert_int_equal(number(conn, "SELECT COUNT(*) FROM l"), 3);
  assert_int_equal(tds_run(conn, "INSERT BULK l (a int) WITH (TABLOCK, KEEPNULLS)", &err),
                   BR_ERR_REMOTE);
  assert_int_equal(err.native_code, 156);
  run(conn, "INSERT BULK l (a int) WITH (ORDER(a ASC), KILOBYTES_PER_BATCH = 5);");
  run(conn, "DROP TABLE l");
  tds_close(conn);
}

/* What a client takes for its transaction must be the one that is open: SQL Server refuses the
 * rest, and nothing runs outside by mistake. */
static void a_request_names_the_open_transaction_or_none(void **state) {
  (void)state;
  tds_conn *conn = open_conn();
  br_error err = BR_ERROR_INIT;
  run(conn, "CREATE TABLE e (a int)");
  conn->transaction = 77;
  assert_int_equal(tds_run(conn, "INSERT e VALUES (1)", &err), BR_ERR_REMOTE);
  assert_int_equal(err.native_code, 3989);
  conn->transaction = 0;
  run(conn, "BEGIN TRAN; INSERT e VALUES (2)");
  const uint64_t own = conn->transaction;
  conn->transaction = 0;
  assert_int_equal(tds_run(conn, "INSERT e VALUES (3)", &err), BR_ERR_REMOTE);
  assert_int_equal(err.native_code, 3989);
  conn->transaction = own;
  assert_int_equal(number(conn, "SELECT SUM(a) FROM e"), 2);
  run(conn, "COMMIT; DROP TABLE e");
  tds_close(conn);
}

/* Under XACT_ABORT a load's error ends the transaction around it, as any statement's does; also
 * one that comes before the first row (40517). */
static void a_load_that_fails_under_xact_abort_ends_the_transaction(void **state) {
  (void)state;
  const char *columns[] = {"a", "d"};
  tds_load_options options = {.table = "x", .columns = columns, .column_count = 2};
  tds_conn *conn = open_conn();
  run(conn, "CREATE TABLE x (a int CHECK (a > 1), d int NULL)");
  for (int i = 0; i < 4; i++) {
    const bool abort = i % 2 != 0;
    options.check_constraints = i < 2;
    run(conn, abort ? "SET XACT_ABORT ON" : "SET XACT_ABORT OFF");
    run(conn, "BEGIN TRAN; INSERT x VALUES (2, 2)");
    assert_int_equal(load_row(conn, &options), i < 2 ? 547 : 40517);
    assert_int_equal(conn->transaction != 0, !abort);
    assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), !abort);
    assert_int_equal(number(conn, "SELECT COUNT(*) FROM x"), !abort);
    run(conn, "IF @@TRANCOUNT > 0 ROLLBACK");
  }
  run(conn, "DROP TABLE x");
  tds_close(conn);
}

/* A remote sp_executesql is a scope of its own. */
static void what_a_call_sets_ends_with_it(void **state) {
  (void)state;
  static const char text[] = "SET XACT_ABORT ON; SET LOCK_TIMEOUT 3; USE msdb; SELECT @a";
  const tds_parameter parameter = {
      .name = "a", .type = {.type = BATCH_SQL_INT}, .text = "4", .length = 1};
  tds_conn *conn = open_conn();
  assert_int_equal(tds_execute_parameters(conn, text, sizeof text - 1, &parameter, 1, NULL), BR_OK);
  assert_int_equal(one_number(conn, text), 4);
  assert_int_equal(number(conn, "SELECT @@LOCK_TIMEOUT"), -1);
  assert_int_equal(number(conn, "SELECT CAST(DB_ID() AS int)"), 1);
  assert_string_equal(conn->database, "master");
  run(conn, "CREATE TABLE s (a int UNIQUE); BEGIN TRAN; INSERT s VALUES (1)");
  assert_int_equal(tds_run(conn, "INSERT s VALUES (1)", NULL), BR_ERR_REMOTE);
  assert_int_equal(number(conn, "SELECT @@TRANCOUNT"), 1);
  run(conn, "ROLLBACK; DROP TABLE s");
  tds_close(conn);
}

static int set_up(void **state) {
  if (open_tsql(state) != 0) {
    return -1;
  }
  (void)snprintf(socket_path, sizeof socket_path, "%s/s.sock", fixture_folder);
  assert_int_equal(br_secret_new(SANDBOX_PASSWORD, &password, NULL), BR_OK);
  assert_int_equal(
      sandbox_faults_parse("tds.error=1205,match=strike 1205; tds.error=1222,match=strike "
                           "1222; tds.error_row=1,match=strike row",
                           &faults, NULL),
      BR_OK);
  sandbox_tds_options options = {.engine = the_engine, .listen_count = 1, .faults = faults};
  assert_int_equal(http_listen_unix(socket_path, &options.listen_fds[0], NULL), BR_OK);
  assert_int_equal(sandbox_tds_start(&options, &server, NULL), BR_OK);
  return 0;
}

static int tear_down(void **state) {
  sandbox_tds_stop(server);
  sandbox_faults_free(faults);
  br_secret_free(password);
  br_secret_forget_all();
  return close_engine(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_with_brackets_arrive_whole),
      cmocka_unit_test(a_reset_keeps_the_transaction_where_it_is_told_to),
      cmocka_unit_test(a_client_that_goes_leaves_no_lock),
      cmocka_unit_test(a_cancel_under_xact_abort_ends_the_transaction),
      cmocka_unit_test(a_statement_is_not_cut_at_a_nul),
      cmocka_unit_test(a_load_asks_no_token_of_an_earlier_request),
      cmocka_unit_test(an_error_on_purpose_does_to_the_transaction_what_a_real_one_does),
      cmocka_unit_test(hints_of_a_load_mean_what_they_say),
      cmocka_unit_test(a_load_that_fails_under_xact_abort_ends_the_transaction),
      cmocka_unit_test(what_a_call_sets_ends_with_it),
      cmocka_unit_test(a_request_names_the_open_transaction_or_none),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
