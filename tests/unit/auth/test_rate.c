/* The rate of requests: a burst, then so many a minute, for each caller on its own. */
#include <stdio.h>

#include "auth/rate.h"
#include "base/clock.h"
#include "support/cmocka.h"
#include "support/torture.h"

static auth_rate *make(uint64_t per_minute) {
  auth_rate *rate = NULL;
  assert_int_equal(auth_rate_new(per_minute, &rate, NULL), BR_OK);
  return rate;
}

static unsigned granted(auth_rate *rate, const char *address, unsigned asked) {
  unsigned count = 0;
  for (unsigned i = 0; i < asked; i++) {
    count += auth_rate_take_address(rate, address) == 0;
  }
  return count;
}

static void without_a_limit_everything_is_granted(void **state) {
  (void)state;
  auth_rate *rate = make(0);
  assert_int_equal(granted(rate, "192.0.2.1", 100000), 100000);
  auth_rate_free(rate);
  auth_rate_free(NULL);
}

static void a_sixth_of_a_minute_is_granted_at_once(void **state) {
  (void)state;
  auth_rate *rate = make(60); /* one a second: ten at once */
  const uint64_t start_ms = br_clock_monotonic_ms();
  const unsigned count = granted(rate, "192.0.2.1", 100);
  const uint64_t wait_ms = auth_rate_take_address(rate, "192.0.2.1");
  const uint64_t took_s = (br_clock_monotonic_ms() - start_ms) / 1000;
  assert_in_range(count, 10, 11 + took_s); /* however slow this machine is */
  assert_in_range(wait_ms, 1, 1001);
  auth_rate_free(rate);
}

static void the_slowest_rate_grants_one(void **state) {
  (void)state;
  auth_rate *rate = make(1);
  assert_int_equal(granted(rate, "192.0.2.1", 5), 1);
  assert_in_range(auth_rate_take_address(rate, "192.0.2.1"), 30000, 60001);
  auth_rate_free(rate);
}

static void callers_do_not_share(void **state) {
  (void)state;
  auth_rate *rate = make(1);
  assert_int_equal(auth_rate_take_user(rate, "a"), 0);
  assert_int_not_equal(auth_rate_take_user(rate, "a"), 0);
  assert_int_equal(auth_rate_take_user(rate, "b"), 0);
  assert_int_equal(auth_rate_take_user(rate, "192.0.2.1"), 0); /* a name that looks so */
  assert_int_equal(granted(rate, "192.0.2.1", 3), 1);
  assert_int_equal(granted(rate, "192.0.2.2", 3), 1);
  assert_int_equal(granted(rate, "::ffff:192.0.2.2", 3), 0);
  assert_int_equal(granted(rate, "2001:db8::1", 3), 1);
  assert_int_equal(granted(rate, "2001:db8::ffff:2", 3), 0); /* the same network */
  assert_int_equal(granted(rate, "2001:db8:0:1::1", 3), 1);
  assert_int_equal(granted(rate, "unix", 3), 1);
  auth_rate_free(rate);
}

/* More callers than places: nobody is refused for what others did. */
static void strangers_do_not_use_up_others(void **state) {
  (void)state;
  auth_rate *rate = make(1);
  for (unsigned i = 0; i < 20000; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "user-%u", i);
    assert_int_equal(auth_rate_take_user(rate, name), 0);
  }
  auth_rate_free(rate);
}

static br_status make_and_free(void *context, br_error *err) {
  (void)context;
  auth_rate *rate = NULL;
  br_status st = auth_rate_new(1, &rate, err);
  if (st == BR_OK) {
    auth_rate_free(rate);
  }
  return st;
}

static void memory_that_runs_out_is_told(void **state) {
  (void)state;
  torture_allocations(make_and_free, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_limit_everything_is_granted),
      cmocka_unit_test(a_sixth_of_a_minute_is_granted_at_once),
      cmocka_unit_test(the_slowest_rate_grants_one),
      cmocka_unit_test(callers_do_not_share),
      cmocka_unit_test(strangers_do_not_use_up_others),
      cmocka_unit_test(memory_that_runs_out_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
