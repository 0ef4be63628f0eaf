/* Statuses on their way: when a write is due, and that the thread makes it by itself, against the
 * embedded servers. */
#include "sync/reporter.h"

#include <string.h>
#include <time.h>

#include "embedded.h"
#include "support/cmocka.h"

#define EVENTS "main.default.events"

/* The promise is two seconds; one is left for the write. */
enum { LATEST_MS = 1000, NOW = 50000 };

static void a_write_is_due_a_second_after_the_oldest_report(void **state) {
  (void)state;
  for (size_t count = 1; count < 100; count++) {
    for (uint64_t age = 0; age < 5000; age += 100) {
      const uint64_t due = sync_reporter_due_ms(count, NOW - age, false, NOW);
      assert_int_equal(due, NOW - age + LATEST_MS);
    }
    assert_true(sync_reporter_due_ms(count, NOW, true, NOW) <= NOW);
  }
  assert_true(sync_reporter_due_ms(100, NOW, false, NOW) <= NOW); /* a whole statement's worth */
  assert_true(sync_reporter_due_ms(5000, NOW, false, NOW) <= NOW);
  assert_true(sync_reporter_due_ms(0, UINT64_MAX, false, NOW) == UINT64_MAX);
  assert_true(sync_reporter_due_ms(0, UINT64_MAX, true, NOW) == UINT64_MAX);
}

static embedded both;

static int set_up(void **state) {
  (void)state;
  embedded_start(&both, EVENTS);
  embedded_run(&both,
               "INSERT INTO " EVENTS " (event_id, operation, source_table, target_table) VALUES "
               "('e', 'INSERT', 'main.default.s', 'dbo.T')",
               NULL, 0);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  embedded_stop(&both);
  return 0;
}

static void add(sync_reporter *reporter, const char *fingerprint, sync_status status) {
  br_error err = BR_ERROR_INIT;
  sync_report report = {.status = status, .has_rows = status == SYNC_COMPLETED};
  report.rows_affected = 7;
  memcpy(report.fingerprint, fingerprint, sizeof report.fingerprint);
  embedded_assert_ok(sync_reporter_add(reporter, &report, NULL, &err), &err);
}

/* Nobody asks for it (a drain would make it due at once). The newest report of a row counts. */
static void a_status_leaves_by_itself(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_reporter *reporter = NULL;
  sync_event_list list = {.count = 0};
  char found[64] = "";
  const sync_reporter_options options = {.queue = both.queue,
                                         .ledger = &both.ledger,
                                         .sqlserver = &both.sqlserver,
                                         .blocked_as = "blocked"};
  embedded_assert_ok(sync_queue_fetch(both.queue, 10, NULL, NULL, &list, &err), &err);
  assert_int_equal(list.count, 1);
  embedded_assert_ok(sync_reporter_start(&options, &reporter, &err), &err);
  add(reporter, list.items[0]->fingerprint, SYNC_PROCESSING);
  add(reporter, list.items[0]->fingerprint, SYNC_COMPLETED);
  for (int i = 0; i < 600 && strcmp(found, "completed 7") != 0; i++) {
    const struct timespec pause = {.tv_nsec = 100000000};
    (void)nanosleep(&pause, NULL);
    embedded_run(&both, "SELECT concat(status, ' ', CAST(rows_affected AS STRING)) FROM " EVENTS,
                 found, sizeof found);
  }
  assert_string_equal(found, "completed 7");
  sync_reporter_stop(reporter, 1000);
  sync_event_list_done(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_write_is_due_a_second_after_the_oldest_report),
      cmocka_unit_test(a_status_leaves_by_itself),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
