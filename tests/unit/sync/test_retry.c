/* Which failures pass, and how long is waited for that. */
#include "sync/retry.h"

#include "support/cmocka.h"

static br_error failure(br_status status, int64_t number) {
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, status, "x");
  err.native_code = number;
  return err;
}

static void passing_failures_are_told_from_lasting_ones(void **state) {
  (void)state;
  static const int64_t passing[] = {1205,  3960,  41301, 41302, 41305, 41325, 40197,
                                    40501, 40613, 10928, 10929, 49918, 49919, 49920};
  for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
    br_error err = failure(BR_ERR_REMOTE, passing[i]);
    assert_true(sync_is_transient(&err));
    assert_false(sync_is_lock_wait(&err));
  }
  static const int64_t lasting[] = {2627, 547, 515, 208, 229, 0};
  for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++) {
    br_error err = failure(BR_ERR_REMOTE, lasting[i]);
    assert_false(sync_is_transient(&err));
  }
  br_error lost = failure(BR_ERR_NETWORK, 0), waiting = failure(BR_ERR_REMOTE, 1222);
  br_error data = failure(BR_ERR_DATA, 1205), throttled = failure(BR_ERR_REMOTE, 429);
  throttled.retriable = true;
  assert_true(sync_is_transient(&lost));
  assert_true(sync_is_lock_wait(&waiting));
  assert_false(sync_is_transient(&waiting));
  assert_false(sync_is_transient(&data));
  assert_true(sync_is_transient(&throttled));
}

static void waits_double_up_to_a_minute_with_jitter(void **state) {
  (void)state;
  static const uint64_t whole[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
  for (unsigned attempt = 1; attempt <= 8; attempt++) {
    const uint64_t most = whole[attempt - 1];
    assert_int_equal(sync_retry_delay_ms(attempt, 0), most / 2);
    assert_int_equal(sync_retry_delay_ms(attempt, most / 2), most);
    for (uint64_t random = 1; random < 100000; random = random * 3 + 1) {
      assert_in_range(sync_retry_delay_ms(attempt, random), most / 2, most);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passing_failures_are_told_from_lasting_ones),
      cmocka_unit_test(waits_double_up_to_a_minute_with_jitter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
