/*
 * retry.h: which failures are worth another try, and how long to wait before it.
 *
 * Two kinds of requests: those that may be repeated whatever happened to them (reads, whole-file
 * uploads, deletes), and those that may be repeated only where they surely did not start (a
 * statement: refused connections, 429 and 503).
 */
#ifndef DATABRICKS_RETRY_H
#define DATABRICKS_RETRY_H

#include "base/status.h"

/* How far a request got. */
typedef enum dbx_reach {
  DBX_NOT_SENT,   /* no connection, so nobody saw it */
  DBX_MAYBE_SENT, /* the connection broke or fell silent: it may have been carried out */
  DBX_ANSWERED    /* there is a complete answer */
} dbx_reach;

typedef struct dbx_retry_policy {
  uint32_t budget_ms;        /* all tries of one call together */
  uint32_t first_backoff_ms; /* doubles from try to try */
  uint32_t longest_backoff_ms;
} dbx_retry_policy;

/* Tries in all that an answer with this status is worth; 1 = final. */
unsigned dbx_retry_tries_of_status(long http_status, bool repeatable);

/* Milliseconds that a Retry-After header asks for: seconds or an HTTP date (RFC 9110 10.2.3); false
 * where it says neither. now = seconds since 1970. */
bool dbx_retry_after(const char *header, int64_t now, uint64_t *ret_ms);

/* Exponential back-off before the next try (tries = how many were made): between half and the whole
 * of the step, chosen by random. */
uint64_t dbx_retry_backoff(const dbx_retry_policy *policy, unsigned tries, uint64_t random);

#endif
