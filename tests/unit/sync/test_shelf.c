/* Sources that were read for an event that waits for a lock, where another worker has ended the
 * event meanwhile, against the embedded servers. */
#include "sync/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "support/cmocka.h"
#include "sync/apply.h"

#define EVENTS "main.default.events"
/* Changes that meet a lock: the first one of dbo.New, the second one of dbo.Old, two of dbo.Both.
 */
#define LOCKS                                                                                      \
  "tds.error=1222,times=1,match=INSERT INTO [dbo].[New];"                                          \
  "tds.error=1222,after=1,times=1,match=INSERT INTO [dbo].[Old];"                                  \
  "tds.error=1222,times=2,match=INSERT INTO [dbo].[Both]"

static embedded both;

static int set_up(void **state) {
  (void)state;
  assert_int_equal(setenv("BRIDGE_SANDBOX_FAULTS", LOCKS, 1), 0);
  embedded_start(&both, EVENTS);
  assert_int_equal(unsetenv("BRIDGE_SANDBOX_FAULTS"), 0);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  embedded_stop(&both);
  return 0;
}

/* ---- workers ---- */

typedef struct worker {
  sync_session session;
  sync_shelf shelf;
} worker;

static void worker_begin(worker *w) {
  br_error err = BR_ERROR_INIT;
  *w = (worker){.session = {.options = &both.sqlserver}};
  embedded_assert_ok(sync_session_ensure(&w->session, &err), &err);
}

static void worker_end(worker *w) {
  sync_shelf_done(&w->shelf, &w->session);
  sync_session_close(&w->session);
}

static void all_rights(void *context, const sync_actor *actor, const char *table,
                       sync_rights *ret_rights) {
  (void)context, (void)actor, (void)table;
  *ret_rights = (sync_rights){.may_write = true, .max_delete_rows = UINT64_MAX};
}

static bool lies_there(const worker *w) {
  for (size_t i = 0; i < SYNC_SHELF_PLACES; i++) {
    if (w->shelf.places[i].used) {
      return true;
    }
  }
  return false;
}

/* What a worker makes of the event, told to Databricks and to the ledger. */
static sync_verdict work_on(worker *w, const sync_event *event, sync_status expected) {
  br_error err = BR_ERROR_INIT;
  const char *keys[] = {event->key};
  sync_losses losses;
  sync_losses_init(&losses);
  const sync_apply_options options = {.client = both.client,
                                      .queue = both.queue,
                                      .ledger = &both.ledger,
                                      .losses = &losses,
                                      .principal = "tests",
                                      .rights = all_rights};
  sync_applied applied = {.verdict = SYNC_VERDICT_BUSY};
  embedded_assert_ok(sync_apply(&options, &w->session, &w->shelf, event, &applied, &err), &err);
  if (applied.verdict == SYNC_VERDICT_REPORT) {
    if (applied.report.status != expected) {
      fail_msg("%s: %s", sync_status_name(applied.report.status), applied.report.error_message);
    }
    embedded_assert_ok(sync_queue_write(both.queue, &applied.report, 1, "blocked", NULL, &err),
                       &err);
    embedded_assert_ok(sync_ledger_reported(&both.ledger, w->session.conn, keys, 1, &err), &err);
  }
  sync_report_done(&applied.report);
  sync_losses_done(&losses);
  return applied.verdict;
}

/* ---- the event ---- */

static void write_source(int n) {
  char sql[128];
  (void)snprintf(sql, sizeof sql, "CREATE OR REPLACE VIEW main.default.source AS SELECT %d AS n",
                 n);
  embedded_run(&both, sql, NULL, 0);
}

/* An INSERT into a new table, named as it, that takes numbers below 5. */
static sync_event *emit(const char *table) {
  char sql[128];
  br_error err = BR_ERROR_INIT;
  const sync_new_event event = {.event_id = table,
                                .operation = "INSERT",
                                .source_table = "main.default.source",
                                .target_table = table};
  sync_event *sent = NULL;
  (void)snprintf(sql, sizeof sql, "CREATE TABLE dbo.[%s] (n int NOT NULL CHECK (n < 5))", table);
  embedded_assert_ok(tds_run(both.session.conn, sql, &err), &err);
  embedded_assert_ok(sync_queue_emit(both.queue, &event, NULL, &err), &err);
  embedded_assert_ok(sync_queue_find(both.queue, table, NULL, &sent, &err), &err);
  return sent;
}

static void retry(const sync_event *event) {
  br_error err = BR_ERROR_INIT;
  const sync_row_name row = {event->event_id, event->fingerprint};
  bool done = false;
  embedded_assert_ok(sync_queue_retry(both.queue, &row, NULL, &done, &err), &err);
  assert_true(done);
}

static void wait_for_a_lock(worker *w, const sync_event *event) {
  assert_int_equal(work_on(w, event, SYNC_COMPLETED), SYNC_VERDICT_BUSY);
  assert_true(lies_there(w));
}

/* Its author mends the source and puts it back: the retry is of what the source holds then,
 * whichever worker takes it, also where the event had failed once before it waited. */
static void a_retry_reads_its_source_anew(void **state) {
  (void)state;
  worker first, second;
  worker_begin(&first);
  worker_begin(&second);
  for (int failed_before = 0; failed_before < 2; failed_before++) {
    write_source(7);
    sync_event *event = emit(failed_before == 0 ? "New" : "Old");
    if (failed_before == 1) {
      assert_int_equal(work_on(&second, event, SYNC_FAILED), SYNC_VERDICT_REPORT);
      retry(event);
    }
    wait_for_a_lock(&first, event);
    assert_int_equal(work_on(&second, event, SYNC_FAILED), SYNC_VERDICT_REPORT);
    write_source(3);
    retry(event);
    assert_int_equal(work_on(&first, event, SYNC_COMPLETED), SYNC_VERDICT_REPORT);
    assert_false(lies_there(&first));
    sync_event_free(event);
  }
  worker_end(&second);
  worker_end(&first);
}

/* Nobody has ended it: what was read counts, and is read once. */
static void who_only_waited_does_not_read_again(void **state) {
  (void)state;
  worker first, second;
  worker_begin(&first);
  worker_begin(&second);
  write_source(3);
  sync_event *event = emit("Both");
  wait_for_a_lock(&first, event);
  wait_for_a_lock(&second, event);
  write_source(7);
  assert_int_equal(work_on(&first, event, SYNC_COMPLETED), SYNC_VERDICT_REPORT);
  sync_event_free(event);
  worker_end(&second);
  worker_end(&first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_retry_reads_its_source_anew),
      cmocka_unit_test(who_only_waited_does_not_read_again),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
