/* Cancelling an event whose row goes, or has gone, behind the back of who cancels it, against the
 * embedded servers. */
#include <stdio.h>
#include <string.h>

#include "embedded.h"
#include "support/skip_time.h"
#include "sync/apply.h"
#include "sync/cancel_event.h"
#include "unit/databricks/support.h"

#define EVENTS "main.default.events"

static embedded both;

static int set_up(void **state) {
  (void)state;
  embedded_start(&both, EVENTS);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  embedded_stop(&both);
  return 0;
}

static sync_event *emit(const char *event_id) {
  br_error err = BR_ERROR_INIT;
  const sync_new_event event = {.event_id = event_id,
                                .operation = "INSERT",
                                .source_table = "main.default.missing",
                                .target_table = "dbo.Missing"};
  sync_event *sent = NULL;
  embedded_assert_ok(sync_queue_emit(both.queue, &event, NULL, &err), &err);
  embedded_assert_ok(sync_queue_find(both.queue, event_id, NULL, &sent, &err), &err);
  return sent;
}

/* What a DELETE that was sent long ago does when its time comes. */
static void late_delete(const char *event_id) {
  char sql[160];
  (void)snprintf(sql, sizeof sql,
                 "DELETE FROM " EVENTS " WHERE event_id = '%s' AND status = 'pending'", event_id);
  embedded_run(&both, sql, NULL, 0);
}

static void note(const sync_event *event, sync_ledger_state state, const char *principal) {
  br_error err = BR_ERROR_INIT;
  embedded_assert_ok(sync_session_ensure(&both.session, &err), &err);
  embedded_assert_ok(sync_ledger_note(&both.ledger, both.session.conn, event->key, event->event_id,
                                      event->hash, state, principal, &err),
                     &err);
}

static void assert_ledger(const sync_event *event, sync_ledger_state expected) {
  br_error err = BR_ERROR_INIT;
  sync_ledger_row row = {.state = SYNC_LEDGER_NONE};
  embedded_assert_ok(sync_session_ensure(&both.session, &err), &err);
  embedded_assert_ok(sync_ledger_read(&both.ledger, both.session.conn, event->key, &row, &err),
                     &err);
  assert_int_equal(row.state, expected);
  sync_ledger_row_done(&row);
}

static void assert_row(const sync_event *event, const char *expected) {
  br_error err = BR_ERROR_INIT;
  char status[32];
  embedded_assert_ok(sync_queue_status(both.queue, event->fingerprint, status, NULL, &err), &err);
  assert_string_equal(status, expected);
}

static br_status cancel(const sync_event *event, br_error *err) {
  const sync_row_name row = {event->event_id, event->fingerprint};
  return sync_cancel_event(both.queue, &both.ledger, &both.session, &row, NULL, err);
}

/* Asked before anything is done: what the row says then. */
static char status_at_work[32];
static void all_rights(void *context, const sync_actor *actor, const char *table,
                       sync_rights *ret_rights) {
  (void)actor, (void)table;
  br_error err = BR_ERROR_INIT;
  const sync_event *event = context;
  embedded_assert_ok(sync_queue_status(both.queue, event->fingerprint, status_at_work, NULL, &err),
                     &err);
  *ret_rights = (sync_rights){.may_write = true, .max_delete_rows = UINT64_MAX};
}

static sync_verdict apply(const sync_event *event) {
  br_error err = BR_ERROR_INIT;
  sync_losses losses;
  sync_losses_init(&losses);
  const sync_apply_options options = {.client = both.client,
                                      .queue = both.queue,
                                      .ledger = &both.ledger,
                                      .losses = &losses,
                                      .principal = "tests",
                                      .rights = all_rights,
                                      .rights_context = (void *)(uintptr_t)event};
  sync_applied applied = {.verdict = SYNC_VERDICT_BUSY};
  sync_shelf shelf = {.places[0].used = false};
  embedded_assert_ok(sync_apply(&options, &both.session, &shelf, event, &applied, &err), &err);
  sync_shelf_done(&shelf, &both.session);
  sync_report_done(&applied.report);
  sync_losses_done(&losses);
  return applied.verdict;
}

static void a_row_that_is_gone_is_cancelled(void **state) {
  (void)state;
  static const sync_ledger_state before[] = {SYNC_LEDGER_NONE, SYNC_LEDGER_CANCELLED,
                                             SYNC_LEDGER_ACCEPTED};
  for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
    br_error err = BR_ERROR_INIT;
    char id[16];
    (void)snprintf(id, sizeof id, "gone %zu", i);
    sync_event *event = emit(id);
    if (before[i] != SYNC_LEDGER_NONE) {
      note(event, before[i], NULL);
    }
    late_delete(id);
    embedded_assert_ok(cancel(event, &err), &err);
    assert_ledger(event, SYNC_LEDGER_CANCELLED);
    assert_int_equal(apply(event), SYNC_VERDICT_DROP);
    sync_event_free(event);
  }
}

static void a_row_that_is_not_pending_stays(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_event *event = emit("failed");
  embedded_run(&both, "UPDATE " EVENTS " SET status = 'failed' WHERE event_id = 'failed'", NULL, 0);
  assert_int_equal(cancel(event, &err), BR_ERR_NOT_FOUND);
  assert_non_null(strstr(err.message, "no pending event 'failed'"));
  assert_ledger(event, SYNC_LEDGER_NONE);
  assert_row(event, "failed");
  sync_event_free(event);
}

/* Its fingerprint is another then: the row is not gone. */
static void a_row_that_its_author_changed_is_not_cancelled(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_event *event = emit("edited"), *found = NULL;
  embedded_run(&both, "UPDATE " EVENTS " SET priority = 9 WHERE event_id = 'edited'", NULL, 0);
  assert_int_equal(cancel(event, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, "written anew"));
  assert_ledger(event, SYNC_LEDGER_NONE);
  embedded_assert_ok(sync_queue_find(both.queue, "edited", NULL, &found, &err), &err);
  embedded_assert_ok(cancel(found, &err), &err);
  assert_ledger(event, SYNC_LEDGER_CANCELLED);
  sync_event_free(found);
  sync_event_free(event);
}

static void work_on_a_cancelled_event_begins_in_the_row(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_event *event = emit("half");
  note(event, SYNC_LEDGER_CANCELLED, NULL);
  assert_int_equal(apply(event), SYNC_VERDICT_REPORT);
  assert_string_equal(status_at_work, "processing");
  assert_ledger(event, SYNC_LEDGER_FAILED); /* its target is missing */
  assert_row(event, "processing");
  late_delete("half");
  assert_row(event, "processing");
  assert_int_equal(cancel(event, &err), BR_ERR_NOT_FOUND);
  assert_ledger(event, SYNC_LEDGER_FAILED);
  sync_event_free(event);
}

/* An INSERT that was sent twice comes behind the cancelling. */
static void what_came_over_http_stays_cancelled(void **state) {
  (void)state;
  sync_event *event = emit("over http");
  note(event, SYNC_LEDGER_CANCELLED, "reporting");
  assert_int_equal(apply(event), SYNC_VERDICT_DROP);
  assert_ledger(event, SYNC_LEDGER_CANCELLED);
  assert_row(event, "");
  sync_event_free(event);
}

/* Not taken away: work on it has begun once, before the DELETE. */
static void what_says_processing_is_carried_out(void **state) {
  (void)state;
  sync_event *event = emit("begun");
  note(event, SYNC_LEDGER_CANCELLED, "reporting");
  embedded_run(&both, "UPDATE " EVENTS " SET status = 'processing' WHERE event_id = 'begun'", NULL,
               0);
  assert_int_equal(apply(event), SYNC_VERDICT_REPORT);
  assert_ledger(event, SYNC_LEDGER_FAILED);
  sync_event_free(event);
}

/* Cancelled after it had failed, by a DELETE that lost against the status of that failure; then its
 * author wants it tried again. */
static void a_retry_is_no_row_that_was_forgotten(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  bool done = false;
  sync_event *event = emit("retried");
  note(event, SYNC_LEDGER_ACCEPTED, "reporting");
  assert_int_equal(apply(event), SYNC_VERDICT_REPORT);
  embedded_assert_ok(sync_ledger_move(&both.ledger, both.session.conn, event->key,
                                      SYNC_LEDGER_FAILED, SYNC_LEDGER_CANCELLED, &err),
                     &err);
  embedded_run(&both, "UPDATE " EVENTS " SET status = 'failed' WHERE event_id = 'retried'", NULL,
               0);
  const sync_row_name row = {"retried", event->fingerprint};
  embedded_assert_ok(sync_queue_retry(both.queue, &row, NULL, &done, &err), &err);
  assert_true(done);
  assert_int_equal(apply(event), SYNC_VERDICT_REPORT);
  assert_string_equal(status_at_work, "processing");
  assert_ledger(event, SYNC_LEDGER_FAILED);
  sync_event_free(event);
}

/* ---- a workspace whose DELETEs lose against others' writes ---- */

static script_step lose(void *context, const script_request *request, size_t nth) {
  (void)context, (void)nth;
  const bool is_delete =
      memmem(request->body, request->body_length, "DELETE", sizeof "DELETE" - 1) != NULL;
  return (script_step){
      .reply = script_json(
          200, NULL,
          is_delete ? "{\"statement_id\":\"1\",\"status\":{\"state\":\"FAILED\",\"error\":{"
                      "\"message\":\"[DELTA_CONCURRENT_APPEND] a write got in between\"}}}"
                    : "{\"statement_id\":\"1\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
                      "\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":["
                      "{\"name\":\"event_id\",\"type_text\":\"STRING\"},"
                      "{\"name\":\"operation\",\"type_text\":\"STRING\"},"
                      "{\"name\":\"target_table\",\"type_text\":\"STRING\"},"
                      "{\"name\":\"status\",\"type_text\":\"STRING\"}]},\"total_row_count\":0},"
                      "\"result\":{\"row_count\":0,\"data_array\":[]}}")};
}

static void a_delete_that_lost_cancels_nothing(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_event *event = emit("lost");
  script_server *server = script_start_by_body(lose, NULL);
  dbx_client *client = test_client(script_base(server));
  sync_queue *queue = NULL;
  const sync_row_name row = {"lost", event->fingerprint};
  assert_status(sync_queue_open(client, EVENTS, false, NULL, &queue, &err), BR_OK, &err);
  skip_time_start(NULL);
  const br_status st = sync_cancel_event(queue, &both.ledger, &both.session, &row, NULL, &err);
  skip_time_stop(NULL);
  assert_status(st, BR_ERR_REMOTE, &err);
  assert_contains(err.message, "DELTA_CONCURRENT_APPEND");
  assert_ledger(event, SYNC_LEDGER_NONE);
  sync_queue_free(queue);
  dbx_client_free(client);
  script_stop(server);
  sync_event_free(event);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_row_that_is_gone_is_cancelled),
      cmocka_unit_test(a_row_that_is_not_pending_stays),
      cmocka_unit_test(a_row_that_its_author_changed_is_not_cancelled),
      cmocka_unit_test(a_delete_that_lost_cancels_nothing),
      cmocka_unit_test(a_retry_is_no_row_that_was_forgotten),
      cmocka_unit_test(what_came_over_http_stays_cancelled),
      cmocka_unit_test(what_says_processing_is_carried_out),
      cmocka_unit_test(work_on_a_cancelled_event_begins_in_the_row),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
