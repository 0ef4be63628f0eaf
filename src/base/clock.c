#include "base/clock.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/sys.h"

static uint64_t now_ns(clockid_t clock) {
  struct timespec now = {0};
  if (br_sys.clock_gettime(clock, &now) != 0) {
    return 0;
  }
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t br_clock_monotonic_ms(void) {
  return now_ns(CLOCK_MONOTONIC) / 1000000U;
}

uint64_t br_clock_monotonic_ns(void) {
  return now_ns(CLOCK_MONOTONIC);
}

int64_t br_clock_wall_us(void) {
  struct timespec now = {0};
  if (br_sys.clock_gettime(CLOCK_REALTIME, &now) != 0) {
    return 0;
  }
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t br_clock_cpu_ns(void) {
  return now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Seconds and the part behind the point, the latter never negative. */
static void split_us(int64_t wall_us, time_t *ret_seconds, int *ret_us) {
  int64_t seconds = wall_us / 1000000;
  int64_t rest = wall_us % 1000000;
  if (rest < 0) {
    rest += 1000000;
    seconds--;
  }
  *ret_seconds = (time_t)seconds;
  *ret_us = (int)rest;
}

/* The number in so many digits, and a character behind it; returns where the text goes on. */
static char *put_digits(char *to, int number, int digits, char behind) {
  to[digits] = behind;
  for (int i = digits; i-- > 0; number /= 10) {
    to[i] = (char)('0' + number % 10);
  }
  return to + digits + 1;
}

/* By hand, for lists of jobs have thousands of them. */
static void format_time(int64_t wall_us, int digits, char *text) {
  time_t seconds = 0;
  int us = 0;
  split_us(wall_us, &seconds, &us);
  struct tm tm = {0};
  (void)gmtime_r(&seconds, &tm);
  const int fraction = digits == 3 ? us / 1000 : us;
  if (tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
    size_t used = strftime(text, BR_CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + used, BR_CLOCK_TEXT_MAX - used, ".%0*dZ", digits, fraction);
    return;
  }
  char *at = put_digits(text, tm.tm_year + 1900, 4, '-');
  at = put_digits(at, tm.tm_mon + 1, 2, '-');
  at = put_digits(at, tm.tm_mday, 2, 'T');
  at = put_digits(at, tm.tm_hour, 2, ':');
  at = put_digits(at, tm.tm_min, 2, ':');
  at = put_digits(at, tm.tm_sec, 2, '.');
  *put_digits(at, fraction, digits, 'Z') = '\0';
}

void br_clock_format_ms(int64_t wall_us, char *text) {
  format_time(wall_us, 3, text);
}

void br_clock_format_us(int64_t wall_us, char *text) {
  format_time(wall_us, 6, text);
}

br_deadline br_deadline_after_ms(uint64_t timeout_ms) {
  uint64_t now = br_clock_monotonic_ms();
  br_deadline deadline = {.at_ms = UINT64_MAX};
  if (timeout_ms != 0 && timeout_ms < UINT64_MAX - now) {
    deadline.at_ms = now + timeout_ms;
  }
  return deadline;
}

bool br_deadline_passed(br_deadline deadline) {
  return deadline.at_ms != UINT64_MAX && br_clock_monotonic_ms() >= deadline.at_ms;
}

int br_deadline_poll_ms(br_deadline deadline) {
  if (deadline.at_ms == UINT64_MAX) {
    return -1;
  }
  uint64_t now = br_clock_monotonic_ms();
  if (now >= deadline.at_ms) {
    return 0;
  }
  uint64_t left = deadline.at_ms - now;
  return left > INT_MAX ? INT_MAX : (int)left;
}
