/*
 * Stopping a query, and servers that stop answering: cancel, time-outs, values that can't be taken,
 * closed connections. After each the connection is usable or says that it isn't.
 */
#include <string.h>

#include "answer_dump.h"
#include "base/mem.h"
#include "scripted_server.h"
#include "support/cmocka.h"

/* One int column "a", NOT NULL; a row of it; the DONE tokens. */
#define META       "\x81\x01\x00\x00\x00\x00\x00\x00\x00\x38\x01\x61\x00"
#define ROW        "\xD1\x07\x00\x00\x00"
#define HALF_ROW   "\xD1\x07\x00"
#define OTHER_HALF "\x00\x00"
#define DONE_OK    "\xFD\x10\x00\xC1\x00\x01\x00\x00\x00\x00\x00\x00\x00"
#define DONE_ERROR "\xFD\x02\x00\xC1\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define DONE_ATTN  "\xFD\x20\x00\xFD\x00\x00\x00\x00\x00\x00\x00\x00\x00"

/* How a second query is answered, to show that the connection still works. */
#define ANSWER_AGAIN                                                                               \
  EXPECT(TDS_PACKET_BATCH), SEND_LAST(META ROW DONE_OK), {                                         \
    .kind = SCRIPT_WAIT                                                                            \
  }

typedef struct fixture {
  scripted_server server;
  br_cancel *cancel;
  tds_conn *conn;
  br_buf text;
  br_error err;
} fixture;

static const tds_options plain = {.host = "localhost"};

static void begin(fixture *f, const script_step *steps, const tds_options *options) {
  *f = (fixture){.conn = NULL};
  br_buf_init(&f->text, 1 << 20);
  assert_int_equal(br_cancel_new(&f->cancel, NULL), BR_OK);
  tds_stream *stream = NULL;
  scripted_server_start(&f->server, steps, f->cancel, &stream);
  assert_int_equal(connect_without_login(stream, options, f->cancel, &f->conn, NULL), BR_OK);
}

static br_status run(fixture *f) {
  br_buf_clear(&f->text);
  br_status st = tds_execute(f->conn, "SELECT", 6, &f->err);
  return st == BR_OK ? dump_results(f->conn, &f->text, &f->err) : st;
}

/* The connection answers another query, with a token that nobody has used. */
static void still_works(fixture *f) {
  assert_true(tds_is_usable(f->conn));
  f->conn->cancel = NULL;
  br_status st = run(f);
  if (st != BR_OK) {
    fail_msg("%s: %s", br_status_name(st), f->err.message);
  }
  assert_string_equal(br_buf_cstr(&f->text),
                      "column a int not null\nrow 1: 7\nend, rows affected 1\n");
}

static void end(fixture *f) {
  tds_close(f->conn);
  scripted_server_join(&f->server);
  br_cancel_free(f->cancel);
  br_buf_done(&f->text);
}

/* Between the steps, by the script; the connection lives on. */
static void a_query_is_cancelled(const script_step *steps) {
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(run(&f), BR_ERR_CANCELLED);
  still_works(&f);
  end(&f);
}

static void cancel_between_rows_acknowledged_in_the_next_message(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_PART(META ROW),
                                      {.kind = SCRIPT_CANCEL},
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_LAST(DONE_ERROR),
                                      SEND_LAST(DONE_ATTN),
                                      ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  a_query_is_cancelled(steps);
}

static void cancel_between_rows_acknowledged_in_the_same_message(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH), SEND_PART(META ROW),
                                      {.kind = SCRIPT_CANCEL},  EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_LAST(ROW DONE_ATTN), ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  a_query_is_cancelled(steps);
}

static void cancel_after_the_answer_was_sent_whole(void **state) {
  (void)state;
  /* The server had finished when the attention came: two final DONEs. */
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_LAST(META ROW ROW DONE_OK),
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_LAST(DONE_ATTN),
                                      ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(tds_execute(f.conn, "SELECT", 6, NULL), BR_OK);
  assert_int_equal(tds_next_result(f.conn, NULL), BR_OK);
  assert_int_equal(tds_cancel_query(f.conn, &f.err), BR_OK);
  still_works(&f);
  end(&f);
}

static void cancel_in_the_middle_of_a_row(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_PART(META ROW HALF_ROW),
                                      {.kind = SCRIPT_CANCEL},
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_PART(OTHER_HALF ROW),
                                      SEND_LAST(DONE_ATTN),
                                      ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  a_query_is_cancelled(steps);
}

static void cancel_where_the_server_breaks_the_row_off(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_PART(META ROW HALF_ROW),
                                      {.kind = SCRIPT_CANCEL},
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_LAST(""),
                                      SEND_LAST(DONE_ATTN),
                                      ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  a_query_is_cancelled(steps);
}

static void cancel_before_any_answer(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),     {.kind = SCRIPT_CANCEL},
                                      EXPECT(TDS_PACKET_ATTENTION), SEND_LAST(META ROW DONE_ERROR),
                                      SEND_LAST(DONE_ATTN),         ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  a_query_is_cancelled(steps);
}

static void a_cancel_that_nobody_acknowledges_loses_the_connection(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_PART(META ROW),
                                      {.kind = SCRIPT_CANCEL},
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(run(&f), BR_ERR_CANCELLED);
  assert_false(tds_is_usable(f.conn));
  assert_int_equal(run(&f), BR_ERR_NETWORK);
  end(&f);
}

static void a_cancel_before_the_request_sends_nothing(void **state) {
  (void)state;
  static const script_step steps[] = {ANSWER_AGAIN, {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  br_cancel_request(f.cancel);
  assert_int_equal(run(&f), BR_ERR_CANCELLED);
  still_works(&f);
  end(&f);
}

static void the_caller_can_stop_a_query_himself(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_PART(META ROW ROW),
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_LAST(ROW DONE_ATTN),
                                      ANSWER_AGAIN,
                                      {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(tds_execute(f.conn, "SELECT", 6, NULL), BR_OK);
  assert_int_equal(tds_next_result(f.conn, NULL), BR_OK);
  assert_int_equal(tds_cancel_query(f.conn, &f.err), BR_OK);
  assert_int_equal(tds_cancel_query(f.conn, &f.err), BR_OK); /* nothing runs: nothing happens */
  still_works(&f);
  end(&f);
}

static void silence_over_the_time_out_stops_the_query(void **state) {
  (void)state;
  static const script_step steps[] = {
      EXPECT(TDS_PACKET_BATCH), SEND_PART(META ROW), EXPECT(TDS_PACKET_ATTENTION),
      SEND_LAST(DONE_ATTN),     ANSWER_AGAIN,        {.kind = SCRIPT_END}};
  tds_options options = plain;
  options.query_timeout_ms = 50;
  fixture f;
  begin(&f, steps, &options);
  assert_int_equal(run(&f), BR_ERR_TIMEOUT);
  assert_non_null(strstr(f.err.message, "50 ms"));
  f.conn->options.query_timeout_ms = 0;
  still_works(&f);
  end(&f);
}

/* nvarchar(4) "s"; a row with an unpaired surrogate. */
#define META_TEXT "\x81\x01\x00\x00\x00\x00\x00\x01\x00\xE7\x08\x00\x09\x04\xD0\x00\x34\x01s\x00"
#define BAD_TEXT  "\xD1\x04\x00\x61\x00\x00\xD8"
#define GOOD_TEXT "\xD1\x04\x00\x61\x00\x62\x00"

static void a_value_that_cant_be_taken_stops_the_query_and_names_its_place(void **state) {
  (void)state;
  static const script_step steps[] = {
      EXPECT(TDS_PACKET_BATCH),     SEND_PART(META_TEXT GOOD_TEXT BAD_TEXT GOOD_TEXT),
      EXPECT(TDS_PACKET_ATTENTION), SEND_LAST(GOOD_TEXT DONE_ERROR),
      SEND_LAST(DONE_ATTN),         ANSWER_AGAIN,
      {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(run(&f), BR_ERR_DATA);
  assert_non_null(strstr(f.err.message, "Row 2, column 1 (s)"));
  still_works(&f);
  end(&f);
}

static void invalid_text_can_be_replaced_by_option(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH),
                                      SEND_LAST(META_TEXT BAD_TEXT DONE_OK),
                                      {.kind = SCRIPT_WAIT},
                                      {.kind = SCRIPT_END}};
  tds_options options = plain;
  options.types.invalid_replaced = true;
  fixture f;
  begin(&f, steps, &options);
  assert_int_equal(run(&f), BR_OK);
  assert_non_null(strstr(br_buf_cstr(&f.text), "row 1: a\xEF\xBF\xBD\n"));
  end(&f);
}

/* varbinary(max) "b"; a value of unknown length whose chunks go on and on. */
#define META_PLP                                                                                   \
  "\x81\x01\x00\x00\x00\x00\x00\x01\x00\xA5\xFF\xFF\x01"                                           \
  "b\x00"
#define PLP_BEGIN "\xD1\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
#define CHUNK                                                                                      \
  "\x08\x00\x00\x00"                                                                               \
  "01234567"

static void a_cell_over_the_limit_stops_the_query(void **state) {
  (void)state;
  static const script_step steps[] = {
      EXPECT(TDS_PACKET_BATCH),     SEND_PART(META_PLP PLP_BEGIN CHUNK CHUNK CHUNK),
      EXPECT(TDS_PACKET_ATTENTION), SEND_LAST(CHUNK),
      SEND_LAST(DONE_ATTN),         ANSWER_AGAIN,
      {.kind = SCRIPT_END}};
  tds_options options = plain;
  options.max_cell = 20;
  fixture f;
  begin(&f, steps, &options);
  assert_int_equal(run(&f), BR_ERR_LIMIT);
  assert_non_null(strstr(f.err.message, "Row 1, column 1 (b)"));
  assert_non_null(strstr(f.err.message, "20 bytes"));
  still_works(&f);
  end(&f);
}

static void a_server_that_closes_in_a_row_is_named_with_row_and_column(void **state) {
  (void)state;
  static const script_step steps[] = {
      EXPECT(TDS_PACKET_BATCH), SEND_PART(META ROW HALF_ROW), {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(run(&f), BR_ERR_NETWORK);
  assert_non_null(strstr(f.err.message, "Row 2, column 1 (a)"));
  assert_true(f.err.retriable);
  assert_false(tds_is_usable(f.conn));
  assert_int_equal(run(&f), BR_ERR_NETWORK);
  end(&f);
}

/* ERROR 21, severity 20, "x", no server, no procedure, line 1; then the server closes. */
#define FATAL "\xAA\x10\x00\x15\x00\x00\x00\x01\x14\x01\x00x\x00\x00\x00\x01\x00\x00\x00"

static void the_last_words_of_a_dying_server_are_reported(void **state) {
  (void)state;
  static const script_step steps[] = {
      EXPECT(TDS_PACKET_BATCH), SEND_PART(META ROW FATAL), {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(run(&f), BR_ERR_REMOTE);
  assert_int_equal(f.err.native_code, 21);
  assert_int_equal(tds_last_error(f.conn)->severity, 20);
  assert_false(tds_is_usable(f.conn));
  end(&f);
}

static void unread_results_are_the_callers_error(void **state) {
  (void)state;
  static const script_step steps[] = {
      EXPECT(TDS_PACKET_BATCH), SEND_LAST(META ROW DONE_OK), ANSWER_AGAIN, {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps, &plain);
  assert_int_equal(tds_execute(f.conn, "SELECT", 6, NULL), BR_OK);
  assert_int_equal(tds_execute(f.conn, "SELECT", 6, NULL), BR_ERR_INTERNAL);
  assert_int_equal(tds_next_result(f.conn, NULL), BR_OK);
  assert_int_equal(tds_next_result(f.conn, NULL), BR_DONE); /* reads over the rows */
  assert_int_equal(tds_next_result(f.conn, NULL), BR_DONE);
  still_works(&f);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cancel_between_rows_acknowledged_in_the_next_message),
      cmocka_unit_test(cancel_between_rows_acknowledged_in_the_same_message),
      cmocka_unit_test(cancel_after_the_answer_was_sent_whole),
      cmocka_unit_test(cancel_in_the_middle_of_a_row),
      cmocka_unit_test(cancel_where_the_server_breaks_the_row_off),
      cmocka_unit_test(cancel_before_any_answer),
      cmocka_unit_test(a_cancel_that_nobody_acknowledges_loses_the_connection),
      cmocka_unit_test(a_cancel_before_the_request_sends_nothing),
      cmocka_unit_test(the_caller_can_stop_a_query_himself),
      cmocka_unit_test(silence_over_the_time_out_stops_the_query),
      cmocka_unit_test(a_value_that_cant_be_taken_stops_the_query_and_names_its_place),
      cmocka_unit_test(invalid_text_can_be_replaced_by_option),
      cmocka_unit_test(a_cell_over_the_limit_stops_the_query),
      cmocka_unit_test(a_server_that_closes_in_a_row_is_named_with_row_and_column),
      cmocka_unit_test(the_last_words_of_a_dying_server_are_reported),
      cmocka_unit_test(unread_results_are_the_callers_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
