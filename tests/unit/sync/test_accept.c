/* Events that come over HTTP, against the embedded servers: what is checked is what the table will
 * say, and the ledger knows who asked before the event is there. */
#include <string.h>

#include "embedded.h"
#include "support/cmocka.h"
#include "sync/accept_event.h"
#include "sync/lock.h"
#include "unit/databricks/support.h"

#define TEXTS "bridge.events.bridge_events"
#define MAPS  "main.default.map_events"

static embedded both;

static int set_up(void **state) {
  (void)state;
  embedded_start(&both, TEXTS);
  embedded_run(&both,
               "CREATE TABLE " MAPS " (event_id STRING, operation STRING, source_table STRING, "
               "target_table STRING, primary_keys ARRAY<STRING>, priority INT, status STRING, "
               "rows_expected INT, filter_conditions MAP<STRING,STRING>, "
               "metadata MAP<STRING,STRING>, created_at TIMESTAMP)",
               NULL, 0);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  embedded_stop(&both);
  return 0;
}

/* ---- checking ---- */

static const char *const id_key[] = {"id"};
static const char *const odd_keys[] = {"a \"b\"", "ñ"};
#define EVENT(id_, operation_, ...)                                                                \
  { .event_id = (id_), .operation = (operation_), .target_table = "dbo.T", __VA_ARGS__ }

static const sync_new_event samples[] = {
    EVENT("insert", "INSERT", .source_table = "main.default.s"),
    EVENT("lower case", "insert", .source_table = "main.default.s", .has_priority = true,
          .priority = -3),
    EVENT("update", "UPDATE", .source_table = "main.default.s", .keys = id_key, .key_count = 1,
          .has_rows_expected = true, .rows_expected = 5),
    EVENT("odd keys", "UPDATE", .source_table = "main.default.s", .keys = odd_keys, .key_count = 2),
    EVENT("delete", "DELETE", .keys = id_key, .key_count = 1,
          .filter_conditions = "{\"name\":\"ä\\\"\",\"n\":null}"),
    EVENT("metadata", "INSERT", .source_table = "main.default.s",
          .metadata = "{\"mode\":\"upsert\",\"note\":\"a\"}", .keys = id_key, .key_count = 1),
    EVENT("conditions inside", "DELETE", .keys = id_key, .key_count = 1,
          .metadata = "{\"filter_conditions\":{\"id\":\"1\"}}"),
    /* What can't be carried out. */
    EVENT("no keys", "UPDATE", .source_table = "main.default.s"),
    EVENT("no source", "INSERT", .source_table = NULL),
    EVENT("merge", "MERGE", .source_table = "main.default.s"),
    EVENT("no condition", "DELETE", .keys = id_key, .key_count = 1),
};

static void assert_same(const char *a, const char *b) {
  assert_int_equal(a == NULL, b == NULL);
  if (a != NULL) {
    assert_string_equal(a, b);
  }
}

static void check_against(const char *table) {
  br_error err = BR_ERROR_INIT;
  sync_queue *q = NULL;
  embedded_assert_ok(sync_queue_open(both.client, table, false, NULL, &q, &err), &err);
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    sync_event *checked = NULL, *found = NULL;
    embedded_assert_ok(sync_queue_check(q, &samples[i], NULL, &checked, &err), &err);
    embedded_assert_ok(sync_queue_emit(q, &samples[i], NULL, &err), &err);
    embedded_assert_ok(sync_queue_find(q, samples[i].event_id, NULL, &found, &err), &err);
    assert_string_equal(checked->key, found->key);
    assert_string_equal(checked->hash, found->hash);
    assert_same(checked->problem, found->problem);
    assert_int_equal(checked->problem != NULL, i >= 7);
    sync_event_free(checked);
    sync_event_free(found);
  }
  sync_queue_free(q);
}

static void what_is_checked_is_what_the_table_says(void **state) {
  (void)state;
  check_against(TEXTS);
  check_against(MAPS);
}

static void what_is_wrong_is_said_in_words(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  static const struct {
    sync_new_event event;
    const char *words;
  } wrong[] = {
      {EVENT("x", "UPDATE", .source_table = "a.b.c"), "Primary keys required for UPDATE operation"},
      {EVENT("x", "DELETE", .source_table = "a.b.c"), "Primary keys required for DELETE operation"},
      {EVENT("x", "INSERT", .source_table = "a.b.c", .metadata = "{"), "metadata"},
      {EVENT("x", "DELETE", .keys = id_key, .key_count = 1, .filter_conditions = "[1]"),
       "filter_conditions"},
      {EVENT("x", "INSERT", .source_table = "a..c"), "a..c"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    sync_event *checked = NULL;
    embedded_assert_ok(sync_queue_check(both.queue, &wrong[i].event, NULL, &checked, &err), &err);
    assert_non_null(checked->problem);
    assert_non_null(strstr(checked->problem, wrong[i].words));
    sync_event_free(checked);
  }
}

/* ---- accepting ---- */

static br_status accept_into(sync_queue *queue, const char *event_id, const char *principal,
                             br_error *err) {
  const sync_new_event event = EVENT(event_id, "INSERT", .source_table = "main.default.s");
  sync_event *checked = NULL;
  embedded_assert_ok(sync_queue_check(queue, &event, NULL, &checked, err), err);
  assert_null(checked->problem);
  br_status st =
      sync_accept_event(queue, &both.ledger, &both.session, &event, checked, principal, NULL, err);
  sync_event_free(checked);
  return st;
}

static br_status accept_as(const char *event_id, const char *principal, br_error *err) {
  return accept_into(both.queue, event_id, principal, err);
}

static void key_of(const char *event_id, char key[BR_SHA256_HEX_MAX]) {
  assert_int_equal(sync_event_key(sync_queue_name(both.queue), event_id, key, NULL), BR_OK);
}

/* What the ledger says of the event, and how many rows the table has. */
static void assert_stands(const char *event_id, sync_ledger_state noted, const char *principal,
                          uint64_t rows) {
  br_error err = BR_ERROR_INIT;
  char key[BR_SHA256_HEX_MAX];
  sync_ledger_row row = {.state = SYNC_LEDGER_NONE};
  const sync_list_options options = {.event_id = event_id, .limit = 10};
  dbx_result *result = NULL;
  key_of(event_id, key);
  embedded_assert_ok(sync_session_ensure(&both.session, &err), &err);
  embedded_assert_ok(sync_ledger_read(&both.ledger, both.session.conn, key, &row, &err), &err);
  assert_int_equal(row.state, noted);
  assert_string_equal(row.principal, principal);
  if (strstr(event_id, "late") != NULL) { /* as note() has left it */
    assert_int_equal(strspn(row.hash, "0"), strlen(row.hash));
  }
  sync_ledger_row_done(&row);
  embedded_assert_ok(sync_queue_list(both.queue, &options, NULL, &result, &err), &err);
  assert_int_equal(dbx_result_rows(result), rows);
  dbx_result_free(result);
}

static void note(const char *event_id, sync_ledger_state as, const char *principal) {
  br_error err = BR_ERROR_INIT;
  char key[BR_SHA256_HEX_MAX], hash[BR_SHA256_HEX_MAX];
  key_of(event_id, key);
  memset(hash, '0', sizeof hash - 1);
  hash[sizeof hash - 1] = '\0';
  embedded_assert_ok(sync_session_ensure(&both.session, &err), &err);
  embedded_assert_ok(
      sync_ledger_note(&both.ledger, both.session.conn, key, event_id, hash, as, principal, &err),
      &err);
}

static void the_ledger_knows_who_asked(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  embedded_assert_ok(accept_as("first", "reporting", &err), &err);
  assert_stands("first", SYNC_LEDGER_ACCEPTED, "reporting", 1);
  /* Once more, by somebody else: nothing changes. */
  assert_int_equal(accept_as("first", "other", &err), BR_ERR_EXISTS);
  assert_non_null(strstr(err.message, "'first' already"));
  assert_stands("first", SYNC_LEDGER_ACCEPTED, "reporting", 1);
}

static void a_note_without_its_event_gives_way(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  note("died", SYNC_LEDGER_ACCEPTED, "who died");
  embedded_assert_ok(accept_as("died", "reporting", &err), &err);
  assert_stands("died", SYNC_LEDGER_ACCEPTED, "reporting", 1);
}

/* Who looks sees no row; when the MERGE comes there is one. */
static script_step come_late(void *context, const script_request *request, size_t nth) {
  (void)context, (void)nth;
  const bool is_merge =
      memmem(request->body, request->body_length, "MERGE", sizeof "MERGE" - 1) != NULL;
  return (script_step){
      .reply = script_json(
          200, NULL,
          is_merge ? "{\"statement_id\":\"1\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
                     "\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":["
                     "{\"name\":\"num_affected_rows\",\"type_text\":\"BIGINT\"}]},"
                     "\"total_row_count\":1},\"result\":{\"row_count\":1,\"data_array\":[[\"0\"]]}}"
                   : "{\"statement_id\":\"1\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
                     "\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":["
                     "{\"name\":\"event_id\",\"type_text\":\"STRING\"},"
                     "{\"name\":\"operation\",\"type_text\":\"STRING\"},"
                     "{\"name\":\"source_table\",\"type_text\":\"STRING\"},"
                     "{\"name\":\"target_table\",\"type_text\":\"STRING\"},"
                     "{\"name\":\"status\",\"type_text\":\"STRING\"}]},\"total_row_count\":0},"
                     "\"result\":{\"row_count\":0,\"data_array\":[]}}")};
}

/* A service that died while it accepted the event has had its MERGE carried out after all, behind
 * the look of who accepts the event anew: it is the first one's, and acts as who sent that. */
static void a_late_event_keeps_who_asked(void **state) {
  (void)state;
  static const struct {
    const char *event_id, *noted;
    sync_ledger_state stands;
  } cases[] = {{"late", "who died", SYNC_LEDGER_ACCEPTED},
               {"theirs, late", NULL, SYNC_LEDGER_NONE}};
  script_server *server = script_start_by_body(come_late, NULL);
  dbx_client *client = test_client(script_base(server));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    br_error err = BR_ERROR_INIT;
    sync_queue *queue = NULL;
    assert_status(sync_queue_open(client, TEXTS, false, NULL, &queue, &err), BR_OK, &err);
    if (cases[i].noted != NULL) {
      note(cases[i].event_id, SYNC_LEDGER_ACCEPTED, cases[i].noted);
    }
    assert_status(accept_into(queue, cases[i].event_id, "reporting", &err), BR_ERR_EXISTS, &err);
    assert_stands(cases[i].event_id, cases[i].stands, cases[i].noted == NULL ? "" : cases[i].noted,
                  0);
    sync_queue_free(queue);
  }
  dbx_client_free(client);
  script_stop(server);
}

static void an_id_that_was_used_is_refused(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  note("cancelled", SYNC_LEDGER_CANCELLED, "somebody");
  assert_int_equal(accept_as("cancelled", "reporting", &err), BR_ERR_EXISTS);
  assert_non_null(strstr(err.message, "was used before"));
  assert_stands("cancelled", SYNC_LEDGER_CANCELLED, "somebody", 0);
}

/* A notebook wrote it: it goes on acting as the table's principal. */
static void an_event_of_the_table_is_not_taken_over(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  embedded_run(&both,
               "INSERT INTO " TEXTS " (event_id, operation, target_table) "
               "VALUES ('theirs', 'INSERT', 'dbo.T')",
               NULL, 0);
  assert_int_equal(accept_as("theirs", "reporting", &err), BR_ERR_EXISTS);
  assert_stands("theirs", SYNC_LEDGER_NONE, "", 1);
}

static void nobody_gets_in_between(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  char key[BR_SHA256_HEX_MAX];
  sync_session other = {.options = &both.sqlserver};
  sync_event_lock lock;
  bool granted = false;
  key_of("held", key);
  embedded_assert_ok(sync_session_ensure(&other, &err), &err);
  embedded_assert_ok(sync_lock_event(other.conn, key, NULL, &lock, &granted, &err), &err);
  assert_true(granted);
  assert_int_equal(accept_as("held", "reporting", &err), BR_ERR_CONFLICT);
  assert_stands("held", SYNC_LEDGER_NONE, "", 0);
  embedded_assert_ok(sync_unlock_event(other.conn, &lock, &err), &err);
  /* It is free again, and accepting gives the lock back at once. */
  embedded_assert_ok(accept_as("held", "reporting", &err), &err);
  granted = false;
  embedded_assert_ok(sync_lock_event(other.conn, key, NULL, &lock, &granted, &err), &err);
  assert_true(granted);
  sync_session_close(&other);
}

static void without_a_server_nothing_is_there(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  const tds_options away = {.host = "127.0.0.1",
                            .port = 1,
                            .username = "x",
                            .password = both.password,
                            .connect_timeout_ms = 2000};
  sync_session_close(&both.session);
  both.session = (sync_session){.options = &away};
  assert_int_not_equal(accept_as("nowhere", "reporting", &err), BR_OK);
  both.session = (sync_session){.options = &both.sqlserver};
  assert_stands("nowhere", SYNC_LEDGER_NONE, "", 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_checked_is_what_the_table_says),
      cmocka_unit_test(what_is_wrong_is_said_in_words),
      cmocka_unit_test(the_ledger_knows_who_asked),
      cmocka_unit_test(a_note_without_its_event_gives_way),
      cmocka_unit_test(a_late_event_keeps_who_asked),
      cmocka_unit_test(an_id_that_was_used_is_refused),
      cmocka_unit_test(an_event_of_the_table_is_not_taken_over),
      cmocka_unit_test(nobody_gets_in_between),
      cmocka_unit_test(without_a_server_nothing_is_there),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
