/* Broken sessions are counted for each event, for an hour, and forgotten when it has ended, here or
 * elsewhere. */
#include "sync/losses.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/test_clock.h"

static sync_losses losses;
static char last[SYNC_LOSS_MESSAGE_MAX];
static const sync_ledger_row unknown = {.state = SYNC_LEDGER_NONE};

static void each_event_is_counted_alone(void **state) {
  (void)state;
  sync_losses_init(&losses);
  sync_losses_add(&losses, "a", &unknown, "first");
  sync_losses_add(&losses, "b", &unknown, "other");
  sync_losses_add(&losses, "a", &unknown, "second");
  assert_int_equal(sync_losses_count(&losses, "a", &unknown, last), 2);
  assert_string_equal(last, "second");
  sync_losses_forget(&losses, "a");
  sync_losses_forget(&losses, "c");
  assert_int_equal(sync_losses_count(&losses, "a", &unknown, last), 0);
  assert_string_equal(last, "");
  assert_int_equal(sync_losses_count(&losses, "b", &unknown, last), 1);
  sync_losses_done(&losses);
}

static void an_hour_without_a_loss_ends_the_count(void **state) {
  (void)state;
  sync_losses_init(&losses);
  sync_losses_add(&losses, "a", &unknown, "x");
  test_clock_ms += SYNC_LOSSES_KEPT_MS - 1;
  assert_int_equal(sync_losses_count(&losses, "a", &unknown, last), 1);
  sync_losses_add(&losses, "a", &unknown, "x");
  test_clock_ms += SYNC_LOSSES_KEPT_MS - 1;
  assert_int_equal(sync_losses_count(&losses, "a", &unknown, last), 2);
  test_clock_ms++;
  assert_int_equal(sync_losses_count(&losses, "a", &unknown, last), 0);
  sync_losses_add(&losses, "a", &unknown, "x");
  assert_int_equal(sync_losses_count(&losses, "a", &unknown, last), 1);
  sync_losses_done(&losses);
}

/* Another replica has ended the event, and its author tries it again: what broke before that says
 * nothing about this try. */
static void a_retry_begins_anew(void **state) {
  (void)state;
  static const sync_ledger_row rows[] = {
      {.state = SYNC_LEDGER_FAILED, .changed_at = "2026-01-02 03:04:05.006"},
      {.state = SYNC_LEDGER_FAILED, .changed_at = "2026-01-02 03:04:05.007"},
      {.state = SYNC_LEDGER_ACCEPTED, .changed_at = "2026-01-02 03:04:05.007"}};
  sync_losses_init(&losses);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const sync_ledger_row *before = i == 0 ? &unknown : &rows[i - 1];
    sync_losses_add(&losses, "a", before, "then");
    assert_int_equal(sync_losses_count(&losses, "a", before, last), i == 0 ? 1 : 2);
    assert_int_equal(sync_losses_count(&losses, "a", &rows[i], last), 0);
    assert_string_equal(last, "");
    sync_losses_add(&losses, "a", &rows[i], "now");
    assert_int_equal(sync_losses_count(&losses, "a", &rows[i], last), 1);
    assert_string_equal(last, "now");
    assert_int_equal(sync_losses_count(&losses, "a", before, last), 0);
  }
  sync_losses_done(&losses);
}

/* Many events, and messages longer than a place: the oldest give way, nothing is written past. */
static void the_latest_are_remembered(void **state) {
  (void)state;
  char name[16], message[2 * SYNC_LOSS_MESSAGE_MAX];
  memset(message, 'x', sizeof message);
  message[sizeof message - 1] = '\0';
  sync_losses_init(&losses);
  for (int i = 0; i <= SYNC_LOSSES_PLACES; i++) {
    (void)snprintf(name, sizeof name, "%d", i);
    sync_losses_add(&losses, name, &unknown, message);
    test_clock_ms++;
  }
  assert_int_equal(sync_losses_count(&losses, "0", &unknown, last), 0);
  assert_int_equal(sync_losses_count(&losses, "1", &unknown, last), 1);
  assert_int_equal(sync_losses_count(&losses, name, &unknown, last), 1);
  assert_int_equal(strlen(last), SYNC_LOSS_MESSAGE_MAX - 1);
  sync_losses_done(&losses);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_event_is_counted_alone, test_clock_start,
                                      test_clock_stop),
      cmocka_unit_test_setup_teardown(an_hour_without_a_loss_ends_the_count, test_clock_start,
                                      test_clock_stop),
      cmocka_unit_test_setup_teardown(a_retry_begins_anew, test_clock_start, test_clock_stop),
      cmocka_unit_test_setup_teardown(the_latest_are_remembered, test_clock_start, test_clock_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
