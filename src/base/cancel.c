/*
 * An atomic flag for those who look, and an eventfd for those who wait. The descriptor is written
 * once and never read, so it stays readable. Both an atomic store and write() may be used in a
 * signal handler.
 */
#include "base/cancel.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"

struct br_cancel {
  atomic_bool requested;
  int fd;
  bool timed; /* fd is a timer's, and the deadline counts */
  br_deadline deadline;
};

br_status br_cancel_new(br_cancel **ret_cancel, br_error *err) {
  br_cancel *cancel = br_calloc(1, sizeof *cancel);
  if (cancel == NULL) {
    return br_error_nomem(err);
  }
  atomic_init(&cancel->requested, false);
  cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (cancel->fd < 0) {
    int errnum = errno;
    br_free(cancel);
    return br_error_errno(err, errnum, "Can't make an event descriptor");
  }
  *ret_cancel = cancel;
  return BR_OK;
}

br_status br_cancel_new_timed(uint64_t milliseconds, br_cancel **ret_cancel, br_error *err) {
  br_cancel *cancel = br_calloc(1, sizeof *cancel);
  if (cancel == NULL) {
    return br_error_nomem(err);
  }
  atomic_init(&cancel->requested, false);
  cancel->timed = true;
  cancel->deadline = br_deadline_after_ms(milliseconds);
  const struct itimerspec end = {.it_value = {.tv_sec = (time_t)(milliseconds / 1000),
                                              .tv_nsec = (long)(milliseconds % 1000) * 1000000}};
  cancel->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (cancel->fd < 0 || timerfd_settime(cancel->fd, 0, &end, NULL) != 0) {
    int errnum = errno;
    br_cancel_free(cancel);
    return br_error_errno(err, errnum, "Can't make a timer");
  }
  *ret_cancel = cancel;
  return BR_OK;
}

void br_cancel_free(br_cancel *cancel) {
  if (cancel != NULL) {
    if (cancel->fd >= 0) {
      (void)close(cancel->fd);
    }
    br_free(cancel);
  }
}

void br_cancel_request(br_cancel *cancel) {
  if (cancel == NULL) {
    return;
  }
  int saved = errno;
  atomic_store(&cancel->requested, true);
  const uint64_t one = 1;
  /* The only failure is a full counter, and then the descriptor is readable already. */
  ssize_t written = write(cancel->fd, &one, sizeof one);
  (void)written;
  errno = saved;
}

bool br_cancel_requested(const br_cancel *cancel) {
  return cancel != NULL && (atomic_load_explicit(&cancel->requested, memory_order_relaxed) ||
                            (cancel->timed && br_deadline_passed(cancel->deadline)));
}

int br_cancel_fd(const br_cancel *cancel) {
  return cancel == NULL ? -1 : cancel->fd;
}

br_status br_cancel_check(const br_cancel *cancel, br_error *err) {
  return br_cancel_requested(cancel) ? br_error_set(err, BR_ERR_CANCELLED, "Cancelled") : BR_OK;
}

br_status br_cancel_sleep_ms(const br_cancel *cancel, uint64_t milliseconds, br_error *err) {
  br_status st = br_cancel_check(cancel, err);
  if (st != BR_OK || milliseconds == 0) {
    return st;
  }
  br_deadline deadline = br_deadline_after_ms(milliseconds);
  /* poll() passes over a negative descriptor: without a token this only sleeps. */
  struct pollfd waiting = {.fd = br_cancel_fd(cancel), .events = POLLIN};
  while (!br_deadline_passed(deadline)) {
    int n = br_sys.poll(&waiting, 1, br_deadline_poll_ms(deadline));
    if (n < 0 && errno != EINTR) {
      return br_error_errno(err, errno, "Can't wait");
    }
    if ((st = br_cancel_check(cancel, err)) != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}
