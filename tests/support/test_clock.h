/*
 * test_clock.h: a clock that only the test moves.
 *
 *   cmocka_unit_test_setup_teardown(some_test, test_clock_start, test_clock_stop)
 *     test_clock_ms += 500;
 */
#ifndef TESTS_SUPPORT_TEST_CLOCK_H
#define TESTS_SUPPORT_TEST_CLOCK_H

#include "base/sys.h"

/* What every clock shows, in ms. */
static uint64_t test_clock_ms;

static inline int test_clock_read(clockid_t clock, struct timespec *ret_time) {
  (void)clock;
  *ret_time = (struct timespec){.tv_sec = (time_t)(test_clock_ms / 1000),
                                .tv_nsec = (long)(test_clock_ms % 1000) * 1000000};
  return 0;
}

static inline int test_clock_start(void **state) {
  (void)state;
  test_clock_ms = 1000000;
  br_sys.clock_gettime = test_clock_read;
  return 0;
}

/* Gives all calls of the system back. */
static inline int test_clock_stop(void **state) {
  (void)state;
  br_sys_reset();
  return 0;
}

#endif
