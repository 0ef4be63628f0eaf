/*
 * Transaction requests and the session's reset: what goes out, and what the server's ENVCHANGE
 * tokens make of the connection.
 */
#include <string.h>

#include "answer_dump.h"
#include "support/cmocka.h"
#include "tds/conn.h"

/* ENVCHANGE 8 with descriptor 0x1122334455667788, 9, 10 and 18; DONE. */
#define BEGUN      "\xE3\x0B\x00\x08\x08\x88\x77\x66\x55\x44\x33\x22\x11\x00"
#define COMMITTED  "\xE3\x0B\x00\x09\x00\x08\x88\x77\x66\x55\x44\x33\x22\x11"
#define ROLLEDBACK "\xE3\x0B\x00\x0A\x00\x08\x88\x77\x66\x55\x44\x33\x22\x11"
#define RESET      "\xE3\x03\x00\x12\x00\x00"
#define DONE       "\xFD\x00\x00\xD5\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define DESCRIPTOR UINT64_C(0x1122334455667788)

typedef struct fixture {
  br_buf answers, sent;
  tds_conn *conn;
  size_t seen; /* bytes of sent that were looked at */
} fixture;

static void answer(fixture *f, const char *payload, size_t length) {
  const uint8_t header[8] = {
      TDS_PACKET_RESPONSE, TDS_STATUS_EOM, 0, (uint8_t)(length + 8), 0, 0, 1, 0};
  assert_int_equal(br_buf_append(&f->answers, header, sizeof header, NULL), BR_OK);
  assert_int_equal(br_buf_append(&f->answers, payload, length, NULL), BR_OK);
}
#define ANSWER(f, text) answer((f), (text), sizeof(text) - 1)

static void prepare(fixture *f) {
  *f = (fixture){.conn = NULL};
  br_buf_init(&f->answers, 1 << 16);
  br_buf_init(&f->sent, 1 << 16);
}

static void connect_it(fixture *f) {
  static const tds_options options = {.host = "localhost"};
  tds_stream *s = NULL;
  assert_int_equal(tds_stream_memory(f->answers.data, f->answers.len, &f->sent, &s, NULL), BR_OK);
  assert_int_equal(connect_without_login(s, &options, NULL, &f->conn, NULL), BR_OK);
}

static void done(fixture *f) {
  tds_close(f->conn);
  br_buf_done(&f->answers);
  br_buf_done(&f->sent);
}

/* The next message that was sent: one packet with ALL_HEADERS; *ret_rest is what follows them. */
static void expect_request(fixture *f, uint8_t type, uint8_t status, uint64_t descriptor,
                           br_reader *ret_rest) {
  const uint8_t *p = f->sent.data + f->seen;
  assert_true(f->sent.len - f->seen >= TDS_HEADER_SIZE + TDS_ALL_HEADERS_SIZE);
  size_t length = br_load_u16be(p + 2);
  assert_int_equal(p[0], type);
  assert_int_equal(p[1], status);
  assert_int_equal(br_load_u32le(p + 8), TDS_ALL_HEADERS_SIZE);
  assert_true(br_load_u64le(p + 18) == descriptor);
  *ret_rest = br_reader_of(p + TDS_HEADER_SIZE + TDS_ALL_HEADERS_SIZE,
                           length - TDS_HEADER_SIZE - TDS_ALL_HEADERS_SIZE);
  f->seen += length;
}

static void expect_transaction(fixture *f, uint64_t descriptor, const char *bytes) {
  br_reader rest;
  expect_request(f, TDS_PACKET_TRANSACTION, TDS_STATUS_EOM, descriptor, &rest);
  assert_int_equal(rest.len, 4);
  assert_memory_equal(rest.data, bytes, 4);
}

static void a_transaction_is_named_in_all_requests_until_its_end(void **state) {
  (void)state;
  fixture f;
  br_reader rest;
  prepare(&f);
  ANSWER(&f, BEGUN DONE);
  ANSWER(&f, DONE);
  ANSWER(&f, COMMITTED DONE);
  ANSWER(&f, DONE);
  connect_it(&f);
  assert_false(tds_in_transaction(f.conn));
  assert_int_equal(tds_begin(f.conn, TDS_ISOLATION_SNAPSHOT, NULL), BR_OK);
  assert_true(tds_in_transaction(f.conn));
  assert_int_equal(tds_run(f.conn, "x", NULL), BR_OK);
  assert_int_equal(tds_commit(f.conn, NULL), BR_OK);
  assert_false(tds_in_transaction(f.conn));
  assert_int_equal(tds_run(f.conn, "x", NULL), BR_OK);
  expect_transaction(&f, 0, "\x05\x00\x05\x00");
  expect_request(&f, TDS_PACKET_BATCH, TDS_STATUS_EOM, DESCRIPTOR, &rest);
  expect_transaction(&f, DESCRIPTOR, "\x07\x00\x00\x00");
  expect_request(&f, TDS_PACKET_BATCH, TDS_STATUS_EOM, 0, &rest);
  assert_int_equal(f.seen, f.sent.len);
  done(&f);
}

static void a_rollback_without_a_transaction_sends_nothing(void **state) {
  (void)state;
  fixture f;
  br_reader rest;
  prepare(&f);
  ANSWER(&f, BEGUN DONE);
  ANSWER(&f, ROLLEDBACK DONE); /* the server by itself */
  ANSWER(&f, BEGUN DONE);
  ANSWER(&f, ROLLEDBACK DONE);
  connect_it(&f);
  assert_int_equal(tds_begin(f.conn, TDS_ISOLATION_CURRENT, NULL), BR_OK);
  assert_int_equal(tds_run(f.conn, "x", NULL), BR_OK);
  assert_false(tds_in_transaction(f.conn));
  assert_int_equal(tds_rollback(f.conn, NULL), BR_OK);
  assert_int_equal(tds_begin(f.conn, TDS_ISOLATION_CURRENT, NULL), BR_OK);
  assert_int_equal(tds_rollback(f.conn, NULL), BR_OK);
  assert_false(tds_in_transaction(f.conn));
  expect_transaction(&f, 0, "\x05\x00\x00\x00");
  expect_request(&f, TDS_PACKET_BATCH, TDS_STATUS_EOM, DESCRIPTOR, &rest);
  expect_transaction(&f, 0, "\x05\x00\x00\x00");
  expect_transaction(&f, DESCRIPTOR, "\x08\x00\x00\x00");
  assert_int_equal(f.seen, f.sent.len);
  done(&f);
}

static void a_begin_that_names_no_transaction_is_an_error(void **state) {
  (void)state;
  fixture f;
  prepare(&f);
  ANSWER(&f, DONE);
  connect_it(&f);
  assert_int_equal(tds_begin(f.conn, TDS_ISOLATION_CURRENT, NULL), BR_ERR_PROTOCOL);
  done(&f);
}

static void a_reset_goes_with_the_next_request_only(void **state) {
  (void)state;
  fixture f;
  br_reader rest;
  prepare(&f);
  ANSWER(&f, BEGUN DONE);
  ANSWER(&f, RESET DONE);
  ANSWER(&f, DONE);
  connect_it(&f);
  memcpy(f.conn->login_database, "home", 5);
  memcpy(f.conn->database, "away", 5);
  assert_int_equal(tds_begin(f.conn, TDS_ISOLATION_CURRENT, NULL), BR_OK);
  tds_reset_session(f.conn);
  assert_string_equal(tds_database(f.conn), "away");
  assert_int_equal(tds_run(f.conn, "x", NULL), BR_OK);
  assert_string_equal(tds_database(f.conn), "home");
  assert_false(tds_in_transaction(f.conn));
  assert_int_equal(tds_run(f.conn, "x", NULL), BR_OK);
  expect_transaction(&f, 0, "\x05\x00\x00\x00");
  expect_request(&f, TDS_PACKET_BATCH, TDS_STATUS_EOM | TDS_STATUS_RESET_CONNECTION, 0, &rest);
  expect_request(&f, TDS_PACKET_BATCH, TDS_STATUS_EOM, 0, &rest);
  done(&f);
}

static void the_query_timeout_can_be_changed(void **state) {
  (void)state;
  fixture f;
  prepare(&f);
  ANSWER(&f, DONE);
  connect_it(&f);
  tds_set_query_timeout(f.conn, 1234);
  assert_int_equal(tds_run(f.conn, "x", NULL), BR_OK);
  assert_int_equal(f.conn->stream->wait.silence_ms, 1234);
  done(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_transaction_is_named_in_all_requests_until_its_end),
      cmocka_unit_test(a_rollback_without_a_transaction_sends_nothing),
      cmocka_unit_test(a_begin_that_names_no_transaction_is_an_error),
      cmocka_unit_test(a_reset_goes_with_the_next_request_only),
      cmocka_unit_test(the_query_timeout_can_be_changed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
