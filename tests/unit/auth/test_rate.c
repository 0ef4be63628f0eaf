/* The rate of requests: a burst, then so many a minute, for each caller on its own. Time is the
 * test's. */
#include <stdio.h>

#include "auth/rate.h"
#include "support/cmocka.h"
#include "support/test_clock.h"
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
  assert_int_equal(granted(rate, "192.0.2.1", 100), 10);
  assert_in_range(auth_rate_take_address(rate, "192.0.2.1"), 1000, 1001);
  test_clock_ms += 999;
  assert_int_equal(granted(rate, "192.0.2.1", 3), 0);
  assert_in_range(auth_rate_take_address(rate, "192.0.2.1"), 1, 2);
  test_clock_ms += 1;
  assert_int_equal(granted(rate, "192.0.2.1", 3), 1);
  test_clock_ms += 3000;
  assert_int_equal(granted(rate, "192.0.2.1", 100), 3);
  test_clock_ms += 60000; /* what was not used is not saved up */
  assert_int_equal(granted(rate, "192.0.2.1", 100), 10);
  auth_rate_free(rate);
}

static void the_slowest_rate_grants_one(void **state) {
  (void)state;
  auth_rate *rate = make(1);
  assert_int_equal(granted(rate, "192.0.2.1", 5), 1);
  assert_in_range(auth_rate_take_address(rate, "192.0.2.1"), 60000, 60001);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clock_start, test_clock_stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(without_a_limit_everything_is_granted), TEST(a_sixth_of_a_minute_is_granted_at_once),
      TEST(the_slowest_rate_grants_one),           TEST(callers_do_not_share),
      TEST(strangers_do_not_use_up_others),        cmocka_unit_test(memory_that_runs_out_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
