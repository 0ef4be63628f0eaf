/* The events table as its columns make it, and writes that lose against somebody else's. */
#include "sync/queue.h"

#include <stdlib.h>
#include <string.h>

#include "support/skip_time.h"
#include "unit/databricks/support.h"

#define OPENED(columns)                                                                            \
  "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"SUCCEEDED\"" \
  "},\"manifest\":{\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":[" columns "]},"              \
  "\"total_row_count\":0},\"result\":{\"row_count\":0,\"data_array\":[]}}"
#define COLUMN(name, type) "{\"name\":\"" name "\",\"type_text\":\"" type "\"}"
#define PLAIN                                                                                      \
  OPENED(COLUMN("event_id", "STRING") "," COLUMN("operation", "STRING") "," COLUMN(                \
      "target_table", "STRING") "," COLUMN("status", "STRING"))
#define CHANGED(name, rows)                                                                        \
  "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"SUCCEEDED\"" \
  "},\"manifest\":{\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":[" COLUMN(                    \
      name,                                                                                        \
      "BIGINT") "]},\"total_row_count\":1},\"result\":{\"row_count\":1,\"data_array\":[[\"" rows   \
                "\"]]}}"
#define FAILED(message, sqlstate)                                                                  \
  "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"FAILED\","   \
  "\"error\":{\"error_code\":\"BAD_REQUEST\",\"message\":\"" message "\"}" sqlstate "}}"
#define CONFLICT                                                                                   \
  FAILED("[DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES] Transaction conflict detected",              \
         ",\"sql_state\":\"2D521\"")

/* ---- conflicts ---- */

typedef enum deed { EMIT, RETRY, CANCEL, DEEDS } deed;

static br_status do_it(sync_queue *queue, deed which, bool *ret_done, br_error *err) {
  static const sync_new_event event = {
      .event_id = "e", .operation = "INSERT", .target_table = "dbo.T"};
  static const sync_row_name row = {.event_id = "e", .fingerprint = "f"};
  *ret_done = true;
  return which == EMIT    ? sync_queue_emit(queue, &event, NULL, err)
         : which == RETRY ? sync_queue_retry(queue, &row, NULL, ret_done, err)
                          : sync_queue_delete(queue, &row, NULL, ret_done, err);
}

/* The queue is opened, then the statement gets these answers; all of them must be asked for. */
static br_status against(deed which, const char *const *answers, size_t count, bool *ret_done,
                         br_error *err) {
  script_step steps[16] = {{.reply = NULL}};
  char *copies[16];
  for (size_t i = 0; i <= count; i++) {
    copies[i] = strdup(script_json(200, NULL, i == 0 ? PLAIN : answers[i - 1]));
    steps[i].reply = copies[i];
  }
  script_server *server = script_start(steps, count + 1);
  dbx_client *client = test_client(script_base(server));
  sync_queue *queue = NULL;
  assert_status(sync_queue_open(client, "c.s.t", false, NULL, &queue, err), BR_OK, err);
  br_status st = do_it(queue, which, ret_done, err);
  assert_int_equal(script_request_count(server), count + 1);
  for (size_t i = 2; i <= count; i++) { /* the same statement every time */
    const script_request *first = script_request_at(server, 1),
                         *again = script_request_at(server, i);
    assert_int_equal(first->body_length, again->body_length);
    assert_memory_equal(first->body, again->body, first->body_length);
  }
  sync_queue_free(queue);
  dbx_client_free(client);
  script_stop(server);
  for (size_t i = 0; i <= count; i++) {
    free(copies[i]);
  }
  return st;
}

static void what_loses_a_conflict_is_done_again(void **state) {
  (void)state;
  static const char *const answers[] = {
      CONFLICT,
      FAILED("[DELTA_CONCURRENT_DELETE_READ] no SQLSTATE came with it", ""),
      FAILED("[DELTA_METADATA_CHANGED] The metadata has changed. SQLSTATE: 2D521", ""),
      CHANGED("num_affected_rows", "1"),
  };
  for (deed which = EMIT; which < DEEDS; which++) {
    bool done = false;
    br_error err = BR_ERROR_INIT;
    skip_time.pauses = 0;
    assert_status(against(which, answers, 4, &done, &err), BR_OK, &err);
    assert_true(done);
    assert_true(skip_time.pauses >= 3);
  }
}

static void eight_conflicts_are_enough(void **state) {
  (void)state;
  static const char *const answers[] = {CONFLICT, CONFLICT, CONFLICT, CONFLICT,
                                        CONFLICT, CONFLICT, CONFLICT, CONFLICT};
  for (deed which = EMIT; which < DEEDS; which++) {
    bool done = false;
    br_error err = BR_ERROR_INIT;
    assert_status(against(which, answers, 8, &done, &err), BR_ERR_REMOTE, &err);
    assert_contains(err.message, "events table c.s.t");
    assert_contains(err.message, "DELTA_CONCURRENT_APPEND");
  }
}

static void other_failures_are_not_repeated(void **state) {
  (void)state;
  static const char *const answers[] = {FAILED(
      "[DELTA_MAX_COMMIT_RETRIES_EXCEEDED] DELTA_CONCURRENT_APPEND", ",\"sql_state\":\"40000\"")};
  for (deed which = EMIT; which < DEEDS; which++) {
    bool done = false;
    br_error err = BR_ERROR_INIT;
    assert_status(against(which, answers, 1, &done, &err), BR_ERR_REMOTE, &err);
    assert_int_equal(skip_time.pauses, 0);
  }
}

/* What somebody else did in between is what the repeated statement finds. */
static void the_winner_may_have_done_it(void **state) {
  (void)state;
  static const char *const answers[] = {CONFLICT, CHANGED("num_affected_rows", "0")};
  bool done = true;
  br_error err = BR_ERROR_INIT;
  assert_status(against(EMIT, answers, 2, &done, &err), BR_ERR_EXISTS, &err);
  assert_status(against(RETRY, answers, 2, &done, &err), BR_OK, &err);
  assert_false(done);
  done = true;
  assert_status(against(CANCEL, answers, 2, &done, &err), BR_OK, &err);
  assert_false(done);
}

/* ---- columns ---- */

/* The statement that reads one event of a table with these columns. */
static void expect_read(const char *opened, const char *const *parts) {
  char *first = strdup(script_json(200, NULL, opened));
  const script_step steps[] = {{.reply = first}, {.reply = script_json(200, NULL, PLAIN)}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  sync_queue *queue = NULL;
  sync_event *event = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(sync_queue_open(client, "c.s.t", false, NULL, &queue, &err), BR_OK, &err);
  assert_status(sync_queue_find(queue, "e", NULL, &event, &err), BR_ERR_NOT_FOUND, &err);
  for (; *parts != NULL; parts++) {
    assert_contains((const char *)script_request_at(server, 1)->body, *parts);
  }
  sync_queue_free(queue);
  dbx_client_free(client);
  script_stop(server);
  free(first);
}

/* CHAR values come filled up with blanks, which are no part of an id or a name. */
static void the_blanks_of_char_columns_are_no_part_of_a_value(void **state) {
  (void)state;
  static const char *const padded[] = {"sha2(rtrim(event_id), 256)",
                                       "left(rtrim(event_id), 1024)",
                                       "left(rtrim(target_table), 2048)",
                                       "left(operation, 256)",
                                       "left(nullif(lower(trim(status)), ''), 64)",
                                       NULL};
  static const char *const plain[] = {"sha2(event_id, 256)", "left(target_table, 2048)",
                                      "left(nullif(lower(trim(status)), ''), 64)", NULL};
  expect_read(
      OPENED(COLUMN("event_id", "CHAR(40)") "," COLUMN("operation", "VARCHAR(6)") "," COLUMN(
          "target_table", "CHAR(200)") "," COLUMN("status", "CHAR(12)")),
      padded);
  expect_read(PLAIN, plain);
}

/* ---- texts ---- */

#define TEXT(name)    ",{\"name\":\"" name "\",\"type_text\":\"STRING\"}"
#define TEXTS_1_TO_5  TEXT("r1") TEXT("r2") TEXT("r3") TEXT("r4") TEXT("r5")
#define TEXTS_6_TO_10 TEXT("r6") TEXT("r7") TEXT("r8") TEXT("r9") TEXT("r10")
#define READ(rows)                                                                                 \
  "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"SUCCEEDED\"" \
  "},\"manifest\":{\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":[" COLUMN("r0", "STRING")     \
      TEXTS_1_TO_5 TEXTS_6_TO_10 TEXT("r99") "]}},\"result\":{\"data_array\":[" rows "]}}"
#define ROW(fingerprint, id, metadata)                                                             \
  "[\"" fingerprint "\",\"" id "\",\"INSERT\",\"s\",\"t\",null,null,\"pending\",null,null,"        \
  "\"" metadata "\",null]"

/* A text that is cut at a NUL must not pass for another event: not in the ledger's key, and not in
 * the hash of the content. */
static void a_text_with_a_nul_is_no_event(void **state) {
  (void)state;
  char *first = strdup(script_json(200, NULL, PLAIN));
  char *second =
      strdup(script_json(200, NULL,
                         READ(ROW("1", "x", "{}") "," ROW("2", "x\\u0000y", "{}") "," ROW(
                             "3", "x", "{}\\u0000y") "," ROW("4", "\\u0000", "{}"))));
  const script_step steps[] = {{.reply = first}, {.reply = second}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  sync_queue *queue = NULL;
  sync_event_list list = {.count = 0};
  br_error err = BR_ERROR_INIT;
  assert_status(sync_queue_open(client, "c.s.t", false, NULL, &queue, &err), BR_OK, &err);
  assert_status(sync_queue_fetch(queue, 10, NULL, NULL, &list, &err), BR_OK, &err);
  assert_int_equal(list.count, 4);
  assert_null(list.items[0]->problem);
  assert_string_equal(list.items[0]->event_id, "x");
  for (size_t i = 1; i < 4; i++) {
    assert_null(list.items[i]->event_id);
    assert_string_equal(list.items[i]->problem,
                        i == 2 ? "metadata holds a NUL character (U+0000), which no event takes"
                               : "event_id holds a NUL character (U+0000), which no event takes");
  }
  assert_string_equal(list.items[1]->fingerprint, "2");
  sync_event_list_done(&list);
  sync_queue_free(queue);
  dbx_client_free(client);
  script_stop(server);
  free(first);
  free(second);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, skip_time_start, skip_time_stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_loses_a_conflict_is_done_again),
      TEST(eight_conflicts_are_enough),
      TEST(other_failures_are_not_repeated),
      TEST(the_winner_may_have_done_it),
      cmocka_unit_test(a_text_with_a_nul_is_no_event),
      cmocka_unit_test(the_blanks_of_char_columns_are_no_part_of_a_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
