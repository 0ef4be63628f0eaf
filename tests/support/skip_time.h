/*
 * skip_time.h: who waits for nothing but time doesn't wait: the clock goes on by as much.
 *
 *   cmocka_unit_test_setup_teardown(some_test, skip_time_start, skip_time_stop)
 *     assert_int_equal(skip_time.pauses, 3);
 */
#ifndef TESTS_SUPPORT_SKIP_TIME_H
#define TESTS_SUPPORT_SKIP_TIME_H

#include "base/sys.h"

/* Servers of a test look at the clock too, in threads of their own. */
static struct {
  int (*poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
  int (*clock)(clockid_t clock, struct timespec *ret_time);
  _Atomic int64_t slept_ms;
  _Atomic size_t pauses;
} skip_time;

/* A wait for nothing but time has no descriptor. */
static inline int skip_time_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  if (count != 1 || fds->fd >= 0 || timeout_ms < 0) {
    return skip_time.poll(fds, count, timeout_ms);
  }
  skip_time.slept_ms += timeout_ms + 1;
  skip_time.pauses++;
  return 0;
}

static inline int skip_time_clock(clockid_t clock, struct timespec *ret_time) {
  int failed = skip_time.clock(clock, ret_time);
  const int64_t ns = ret_time->tv_nsec + skip_time.slept_ms * 1000000;
  ret_time->tv_sec += (time_t)(ns / 1000000000);
  ret_time->tv_nsec = (long)(ns % 1000000000);
  return failed;
}

static inline int skip_time_start(void **state) {
  (void)state;
  skip_time.poll = br_sys.poll;
  skip_time.clock = br_sys.clock_gettime;
  skip_time.slept_ms = 0;
  skip_time.pauses = 0;
  br_sys.poll = skip_time_poll;
  br_sys.clock_gettime = skip_time_clock;
  return 0;
}

/* Gives all calls of the system back. */
static inline int skip_time_stop(void **state) {
  (void)state;
  br_sys_reset();
  return 0;
}

#endif
