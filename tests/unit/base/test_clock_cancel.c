#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "support/cmocka.h"
#include "support/test_clock.h"
#include "support/torture.h"

static int polls;

/* Sleeping lets the fake clock pass; every second call is interrupted half way. */
static int fake_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  (void)fds;
  (void)count;
  if (polls++ % 2 == 0) {
    test_clock_ms += (uint64_t)timeout_ms / 2;
    errno = EINTR;
    return -1;
  }
  test_clock_ms += (uint64_t)timeout_ms;
  return 0;
}

static void times_are_written_as_iso_8601_in_utc(void **state) {
  (void)state;
  static const struct {
    int64_t us;
    const char *ms_text;
    const char *us_text;
  } cases[] = {
      {0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"},
      {1767323045678901, "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678901Z"},
      {-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z"},
      {951782400000000, "2000-02-29T00:00:00.000Z", "2000-02-29T00:00:00.000000Z"},
      {INT64_MAX, "294247-01-10T04:00:54.775Z", "294247-01-10T04:00:54.775807Z"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[BR_CLOCK_TEXT_MAX];
    br_clock_format_ms(cases[i].us, text);
    assert_string_equal(text, cases[i].ms_text);
    br_clock_format_us(cases[i].us, text);
    assert_string_equal(text, cases[i].us_text);
  }
}

static void clocks_are_read_in_their_units(void **state) {
  (void)state;
  br_sys.clock_gettime = test_clock_read;
  test_clock_ms = 1234567;
  assert_int_equal(br_clock_monotonic_ms(), 1234567);
  assert_int_equal(br_clock_monotonic_ns(), UINT64_C(1234567000000));
  assert_int_equal(br_clock_wall_us(), INT64_C(1234567000));
  assert_int_equal(br_clock_cpu_ns(), UINT64_C(1234567000000));
}

static void a_deadline_passes_when_its_time_has_come(void **state) {
  (void)state;
  br_sys.clock_gettime = test_clock_read;
  test_clock_ms = 1000;
  br_deadline deadline = br_deadline_after_ms(500);
  assert_false(br_deadline_passed(deadline));
  assert_int_equal(br_deadline_poll_ms(deadline), 500);
  test_clock_ms = 1499;
  assert_int_equal(br_deadline_poll_ms(deadline), 1);
  test_clock_ms = 1500;
  assert_true(br_deadline_passed(deadline));
  assert_int_equal(br_deadline_poll_ms(deadline), 0);
}

static void no_time_limit_never_passes(void **state) {
  (void)state;
  br_sys.clock_gettime = test_clock_read;
  test_clock_ms = UINT32_MAX;
  assert_false(br_deadline_passed(br_deadline_after_ms(0)));
  assert_int_equal(br_deadline_poll_ms(br_deadline_after_ms(0)), -1);
  assert_int_equal(br_deadline_poll_ms(br_deadline_after_ms(UINT64_MAX - 5)), -1);
  assert_int_equal(br_deadline_poll_ms(br_deadline_after_ms(UINT64_C(1) << 40)), INT_MAX);
}

static br_cancel *make(void) {
  br_cancel *cancel = NULL;
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  return cancel;
}

static bool readable(const br_cancel *cancel) {
  struct pollfd fd = {.fd = br_cancel_fd(cancel), .events = POLLIN};
  return poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN) != 0;
}

static void a_request_is_seen_and_stays(void **state) {
  (void)state;
  br_cancel *cancel = make();
  br_error err = BR_ERROR_INIT;
  assert_false(br_cancel_requested(cancel));
  assert_false(readable(cancel));
  assert_int_equal(br_cancel_check(cancel, &err), BR_OK);
  br_cancel_request(cancel);
  br_cancel_request(cancel);
  assert_true(br_cancel_requested(cancel));
  assert_true(readable(cancel));
  assert_true(readable(cancel));
  assert_int_equal(br_cancel_check(cancel, &err), BR_ERR_CANCELLED);
  assert_string_equal(err.message, "Cancelled");
  br_cancel_free(cancel);
}

static void null_is_a_token_that_never_asks(void **state) {
  (void)state;
  br_cancel_request(NULL);
  assert_false(br_cancel_requested(NULL));
  assert_int_equal(br_cancel_fd(NULL), -1);
  assert_int_equal(br_cancel_check(NULL, NULL), BR_OK);
  br_cancel_free(NULL);
}

static br_cancel *signalled;

static void on_signal(int number) {
  (void)number;
  br_cancel_request(signalled);
}

static void a_signal_handler_may_ask(void **state) {
  (void)state;
  signalled = make();
  struct sigaction action = {.sa_handler = on_signal};
  struct sigaction before;
  assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
  errno = ESRCH;
  assert_int_equal(raise(SIGUSR1), 0);
  assert_int_equal(errno, ESRCH);
  assert_int_equal(br_cancel_sleep_ms(signalled, 3600000, NULL), BR_ERR_CANCELLED);
  assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
  br_cancel_free(signalled);
}

static void *request_later(void *cancel) {
  br_cancel_request(cancel);
  return NULL;
}

static void a_sleeper_is_woken_by_another_thread(void **state) {
  (void)state;
  br_cancel *cancel = make();
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, request_later, cancel), 0);
  assert_int_equal(br_cancel_sleep_ms(cancel, 3600000, NULL), BR_ERR_CANCELLED);
  assert_int_equal(pthread_join(thread, NULL), 0);
  br_cancel_free(cancel);
}

static void an_undisturbed_sleep_takes_its_time_interrupted_or_not(void **state) {
  (void)state;
  br_sys.clock_gettime = test_clock_read;
  br_sys.poll = fake_poll;
  br_cancel *cancel = make();
  for (int i = 0; i < 4; i++) {
    uint64_t start = test_clock_ms;
    assert_int_equal(br_cancel_sleep_ms(i % 2 == 0 ? cancel : NULL, 1000, NULL), BR_OK);
    assert_in_range(test_clock_ms, start + 1000, start + 1999);
  }
  assert_int_equal(br_cancel_sleep_ms(cancel, 0, NULL), BR_OK);
  br_cancel_free(cancel);
}

static int broken_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  (void)fds;
  (void)count;
  (void)timeout_ms;
  errno = EINVAL;
  return -1;
}

static void a_wait_that_fails_is_an_error(void **state) {
  (void)state;
  br_sys.poll = broken_poll;
  assert_int_equal(br_cancel_sleep_ms(NULL, 1000, NULL), BR_ERR_IO);
}

static br_status make_and_free(void *context, br_error *err) {
  (void)context;
  br_cancel *cancel = NULL;
  br_status st = br_cancel_new(&cancel, err);
  br_cancel_free(cancel);
  return st;
}

static void tokens_survive_a_failing_allocation(void **state) {
  (void)state;
  torture_allocations(make_and_free, NULL);
}

static void a_timed_token_asks_by_itself(void **state) {
  (void)state;
  br_cancel *cancel = NULL;
  assert_int_equal(br_cancel_new_timed(3600 * 1000, &cancel, NULL), BR_OK);
  assert_false(br_cancel_requested(cancel));
  br_cancel_free(cancel);
  for (uint64_t ms = 1; ms <= 2; ms++) {
    assert_int_equal(br_cancel_new_timed(ms, &cancel, NULL), BR_OK);
    struct pollfd waiting = {.fd = br_cancel_fd(cancel), .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, -1), 1);
    assert_true(br_cancel_requested(cancel));
    assert_int_equal(br_cancel_sleep_ms(cancel, 3600 * 1000, NULL), BR_ERR_CANCELLED);
    br_cancel_free(cancel);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_are_written_as_iso_8601_in_utc),
      cmocka_unit_test_teardown(clocks_are_read_in_their_units, test_clock_stop),
      cmocka_unit_test_teardown(a_deadline_passes_when_its_time_has_come, test_clock_stop),
      cmocka_unit_test_teardown(no_time_limit_never_passes, test_clock_stop),
      cmocka_unit_test(a_request_is_seen_and_stays),
      cmocka_unit_test(null_is_a_token_that_never_asks),
      cmocka_unit_test(a_signal_handler_may_ask),
      cmocka_unit_test(a_sleeper_is_woken_by_another_thread),
      cmocka_unit_test_teardown(an_undisturbed_sleep_takes_its_time_interrupted_or_not,
                                test_clock_stop),
      cmocka_unit_test_teardown(a_wait_that_fails_is_an_error, test_clock_stop),
      cmocka_unit_test(a_timed_token_asks_by_itself),
      cmocka_unit_test(tokens_survive_a_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
