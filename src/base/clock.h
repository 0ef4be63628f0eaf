/*
 * clock.h: time as numbers (monotonic for waiting, wall for people) and as text.
 */
#ifndef BR_BASE_CLOCK_H
#define BR_BASE_CLOCK_H

#include "base/status.h"

uint64_t br_clock_monotonic_ms(void);
uint64_t br_clock_monotonic_ns(void);
int64_t br_clock_wall_us(void); /* microseconds since 1970-01-01 UTC */
uint64_t br_clock_cpu_ns(void); /* CPU time of the process */

enum { BR_CLOCK_TEXT_MAX = 32 };
/* "2026-01-02T03:04:05.678Z" into text, which holds BR_CLOCK_TEXT_MAX bytes. */
void br_clock_format_ms(int64_t wall_us, char *text);
/* "2026-01-02T03:04:05.678901Z". */
void br_clock_format_us(int64_t wall_us, char *text);

/* A point in time that waiting must not pass. timeout_ms 0 = no limit. */
typedef struct br_deadline {
  uint64_t at_ms; /* monotonic; UINT64_MAX = never */
} br_deadline;
br_deadline br_deadline_after_ms(uint64_t timeout_ms);
bool br_deadline_passed(br_deadline deadline);
/* For poll(): milliseconds left, at least 0, -1 = no limit. */
int br_deadline_poll_ms(br_deadline deadline);

#endif
