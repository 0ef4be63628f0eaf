/*
 * Bulk loads that end early: given up, cancelled, refused by the server, cut off. After each the
 * connection is usable or says that it isn't.
 */
#include <string.h>

#include "answer_dump.h"
#include "base/mem.h"
#include "scripted_server.h"
#include "support/cmocka.h"
#include "tds/load.h"

/* One int column "a", NOT NULL; the DONE tokens; errors 2627 of severity 14 and 4807 of 21. */
#define META       "\x81\x01\x00\x00\x00\x00\x00\x00\x00\x38\x01\x61\x00"
#define ROW        "\xD1\x07\x00\x00\x00"
#define DONE_OK    "\xFD\x10\x00\xC1\x00\x01\x00\x00\x00\x00\x00\x00\x00"
#define DONE_ERROR "\xFD\x02\x00\xFD\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define DONE_ATTN  "\xFD\x20\x00\xFD\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define ERROR_2627 "\xAA\x12\x00\x43\x0A\x00\x00\x01\x0E\x02\x00n\x00o\x00\x00\x00\x01\x00\x00\x00"
#define ERROR_4807 "\xAA\x12\x00\xC7\x12\x00\x00\x01\x15\x02\x00n\x00o\x00\x00\x00\x01\x00\x00\x00"

#define OPEN                                                                                       \
  EXPECT(TDS_PACKET_BATCH), SEND_LAST(META DONE_OK), EXPECT(TDS_PACKET_BATCH), SEND_LAST(DONE_OK)
#define ANSWER_AGAIN                                                                               \
  EXPECT(TDS_PACKET_BATCH), SEND_LAST(META ROW DONE_OK), {.kind = SCRIPT_WAIT}, {                  \
    .kind = SCRIPT_END                                                                             \
  }

enum { ROWS = 2000 }; /* about three packets of 4096 bytes */

typedef struct fixture {
  scripted_server server;
  br_cancel *cancel;
  tds_conn *conn;
  tds_load *load;
  batch *rows;
  br_error err;
} fixture;

static void begin(fixture *f, const script_step *steps) {
  static const tds_options options = {.host = "localhost"};
  static const char *const columns[] = {"a"};
  const tds_load_options load = {.table = "t", .columns = columns, .column_count = 1};
  *f = (fixture){.conn = NULL};
  assert_int_equal(br_cancel_new(&f->cancel, NULL), BR_OK);
  tds_stream *stream = NULL;
  scripted_server_start(&f->server, steps, f->cancel, &stream);
  assert_int_equal(connect_without_login(stream, &options, f->cancel, &f->conn, NULL), BR_OK);
  assert_int_equal(tds_load_open(f->conn, &load, &f->load, NULL), BR_OK);
  assert_int_equal(batch_new(tds_load_schema(f->load), ROWS, &f->rows, NULL), BR_OK);
  for (int32_t i = 0; i < ROWS; i++) {
    ((int32_t *)f->rows->columns[0].values)[i] = i;
  }
  f->rows->rows = ROWS;
}

static br_status write_rows(fixture *f, size_t rows) {
  f->rows->rows = rows;
  return tds_load_write(f->load, f->rows, &f->err);
}

static void still_works(fixture *f) {
  br_buf text;
  br_buf_init(&text, 1 << 16);
  assert_true(tds_is_usable(f->conn));
  f->conn->cancel = NULL;
  assert_int_equal(tds_execute(f->conn, "SELECT", 6, &f->err), BR_OK);
  assert_int_equal(dump_results(f->conn, &text, &f->err), BR_OK);
  assert_string_equal(br_buf_cstr(&text),
                      "column a int not null\nrow 1: 7\nend, rows affected 1\n");
  br_buf_done(&text);
}

static void end(fixture *f) {
  batch_free(f->rows);
  tds_load_free(f->load);
  tds_close(f->conn);
  scripted_server_join(&f->server);
  br_cancel_free(f->cancel);
}

static void free_load(fixture *f) {
  batch_free(f->rows);
  f->rows = NULL;
  tds_load_free(f->load);
  f->load = NULL;
}

static void a_load_given_up_after_packets_is_ignored(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, EXPECT_GIVEN_UP(TDS_PACKET_BULK), SEND_LAST(DONE_ERROR),
                                      ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  assert_int_equal(tds_execute(f.conn, "SELECT", 6, &f.err), BR_ERR_INTERNAL);
  free_load(&f);
  still_works(&f);
  end(&f);
}

static void a_load_given_up_in_its_first_packet_ends_without_rows(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, EXPECT(TDS_PACKET_BULK), SEND_LAST(DONE_OK),
                                      ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, 1), BR_OK);
  free_load(&f);
  still_works(&f);
  end(&f);
}

static void cancel_between_batches(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, EXPECT_GIVEN_UP(TDS_PACKET_BULK), SEND_LAST(DONE_ERROR),
                                      ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  br_cancel_request(f.cancel);
  assert_int_equal(write_rows(&f, ROWS), BR_ERR_CANCELLED);
  still_works(&f);
  end(&f);
}

static void cancel_before_the_end_is_sent(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, EXPECT_GIVEN_UP(TDS_PACKET_BULK), SEND_LAST(DONE_ERROR),
                                      ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  br_cancel_request(f.cancel);
  assert_int_equal(tds_load_finish(f.load, NULL, &f.err), BR_ERR_CANCELLED);
  still_works(&f);
  end(&f);
}

static void cancel_while_waiting_for_the_answer(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN,
                                      EXPECT(TDS_PACKET_BULK),
                                      {.kind = SCRIPT_CANCEL},
                                      EXPECT(TDS_PACKET_ATTENTION),
                                      SEND_LAST(DONE_ATTN),
                                      ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  assert_int_equal(tds_load_finish(f.load, NULL, &f.err), BR_ERR_CANCELLED);
  still_works(&f);
  end(&f);
}

static void the_server_refuses_the_rows(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, EXPECT(TDS_PACKET_BULK),
                                      SEND_LAST(ERROR_2627 DONE_ERROR), ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  uint64_t rows = 77;
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  assert_int_equal(tds_load_finish(f.load, &rows, &f.err), BR_ERR_REMOTE);
  assert_int_equal(f.err.native_code, 2627);
  assert_int_equal(rows, 77);
  still_works(&f);
  end(&f);
}

static void the_server_refuses_before_the_stream_ends(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, SEND_LAST(ERROR_2627 DONE_ERROR),
                                      EXPECT(TDS_PACKET_BULK), ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  assert_int_equal(write_rows(&f, ROWS), BR_OK);
  assert_int_equal(tds_load_finish(f.load, NULL, &f.err), BR_ERR_REMOTE);
  assert_int_equal(f.err.native_code, 2627);
  still_works(&f);
  end(&f);
}

static void the_server_refuses_the_statement(void **state) {
  (void)state;
  static const script_step steps[] = {EXPECT(TDS_PACKET_BATCH), SEND_LAST(META DONE_OK),
                                      EXPECT(TDS_PACKET_BATCH), SEND_LAST(ERROR_2627 DONE_ERROR),
                                      ANSWER_AGAIN};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_rows(&f, ROWS), BR_ERR_REMOTE);
  assert_int_equal(f.err.native_code, 2627);
  assert_int_equal(write_rows(&f, ROWS), BR_ERR_INTERNAL);
  still_works(&f);
  end(&f);
}

/* Writes until the closed connection is noticed. */
static br_status write_until_it_fails(fixture *f) {
  br_status st = BR_OK;
  for (int i = 0; st == BR_OK && i < 10000; i++) {
    st = write_rows(f, ROWS);
  }
  return st;
}

static void a_server_that_closes_with_an_error(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, SEND_LAST(ERROR_4807 DONE_ERROR), {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_until_it_fails(&f), BR_ERR_REMOTE);
  assert_int_equal(f.err.native_code, 4807);
  assert_false(tds_is_usable(f.conn));
  end(&f);
}

static void a_server_that_closes_without_a_word(void **state) {
  (void)state;
  static const script_step steps[] = {OPEN, {.kind = SCRIPT_END}};
  fixture f;
  begin(&f, steps);
  assert_int_equal(write_until_it_fails(&f), BR_ERR_NETWORK);
  assert_false(tds_is_usable(f.conn));
  assert_int_equal(write_rows(&f, 1), BR_ERR_INTERNAL);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_load_given_up_after_packets_is_ignored),
      cmocka_unit_test(a_load_given_up_in_its_first_packet_ends_without_rows),
      cmocka_unit_test(cancel_between_batches),
      cmocka_unit_test(cancel_before_the_end_is_sent),
      cmocka_unit_test(cancel_while_waiting_for_the_answer),
      cmocka_unit_test(the_server_refuses_the_rows),
      cmocka_unit_test(the_server_refuses_before_the_stream_ends),
      cmocka_unit_test(the_server_refuses_the_statement),
      cmocka_unit_test(a_server_that_closes_with_an_error),
      cmocka_unit_test(a_server_that_closes_without_a_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
