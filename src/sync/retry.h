/*
 * retry.h: which failures pass by themselves, and how long to wait for that.
 */
#ifndef SYNC_RETRY_H
#define SYNC_RETRY_H

#include "base/status.h"

enum {
  SYNC_ATTEMPTS = 3,
  SYNC_RETRY_BASE_MS = 1000,
  SYNC_RETRY_LONGEST_MS = 60000,
};

/* A failure of SQL Server or Databricks that may not come again: deadlock, snapshot conflict,
 * throttling, a lost connection, 429, 5xx. */
bool sync_is_transient(const br_error *err);
/* Somebody holds a lock (1222): no attempt, the event goes back to the queue. */
bool sync_is_lock_wait(const br_error *err);
/* The connection is gone, so what was sent last may or may not have been carried out. */
bool sync_is_lost(br_status status);
/* How long to wait before attempt 2, 3…: doubling from the base, with jitter (0.5 to 1 of it),
 * never longer than the longest. random: any number. */
uint64_t sync_retry_delay_ms(unsigned attempt, uint64_t random);

#endif
