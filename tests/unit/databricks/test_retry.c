/* Which failures are worth another try, and when. */
#include "databricks/retry.h"

#include <limits.h>

#include "unit/databricks/support.h"

static void retry_after_in_seconds_and_as_a_date(void **state) {
  (void)state;
  uint64_t ms = 1;
  assert_true(dbx_retry_after("0", 0, &ms));
  assert_int_equal(ms, 0);
  assert_true(dbx_retry_after("120", 0, &ms));
  assert_int_equal(ms, 120000);
  /* The three forms of RFC 9110 5.6.7, 784111777 seconds after the epoch. */
  static const char *const dates[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
  for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
    assert_true(dbx_retry_after(dates[i], 784111770, &ms));
    assert_int_equal(ms, 7000);
    assert_true(dbx_retry_after(dates[i], 784111780, &ms)); /* past: at once */
    assert_int_equal(ms, 0);
  }
}

static void retry_after_that_says_nothing_is_passed_over(void **state) {
  (void)state;
  uint64_t ms = 1;
  static const char *const texts[] = {"", "soon", "-1", "1.5", "12 s", "99x"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    assert_false(dbx_retry_after(texts[i], 0, &ms));
  }
  assert_int_equal(ms, 1);
}

static void enormous_retry_after_does_not_overflow(void **state) {
  (void)state;
  uint64_t ms = 0;
  assert_true(dbx_retry_after("99999999999999999999999999999999", 0, &ms));
  assert_true(ms >= 3600000 && ms <= UINT64_C(1000) * 3600 * 24 * 365);
  assert_true(dbx_retry_after("Sun, 06 Nov 2037 08:49:37 GMT", 0, &ms));
  assert_true(ms <= UINT64_C(1000) * 3600 * 24 * 365);
}

static void only_an_unstarted_statement_is_sent_again(void **state) {
  (void)state;
  static const long safe[] = {408, 429, 500, 502, 503, 504};
  static const long never[] = {200, 301, 400, 401, 403, 404, 409, 413, 501};
  for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++) {
    bool unstarted = safe[i] == 429 || safe[i] == 503;
    assert_true(dbx_retry_tries_of_status(safe[i], true) > 1);
    assert_int_equal(dbx_retry_tries_of_status(safe[i], false) > 1, unstarted);
  }
  for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
    assert_int_equal(dbx_retry_tries_of_status(never[i], true), 1);
  }
}

static void back_off_doubles_up_to_its_ceiling(void **state) {
  (void)state;
  const dbx_retry_policy policy = {.first_backoff_ms = 1000, .longest_backoff_ms = 30000};
  static const uint64_t steps[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
  for (unsigned tries = 1; tries <= 7; tries++) {
    for (uint64_t random = 0; random < 100000; random += 777) {
      uint64_t wait = dbx_retry_backoff(&policy, tries, random);
      assert_in_range(wait, steps[tries - 1] / 2, steps[tries - 1]);
    }
  }
  assert_in_range(dbx_retry_backoff(&policy, UINT_MAX, UINT64_MAX), 15000, 30000);
  assert_int_not_equal(dbx_retry_backoff(&policy, 5, 1), dbx_retry_backoff(&policy, 5, 12345));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(retry_after_in_seconds_and_as_a_date),
      cmocka_unit_test(retry_after_that_says_nothing_is_passed_over),
      cmocka_unit_test(enormous_retry_after_does_not_overflow),
      cmocka_unit_test(only_an_unstarted_statement_is_sent_again),
      cmocka_unit_test(back_off_doubles_up_to_its_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
