/*
 * throttle.h: slows down who fails to log in: each address has a few tries for free, then waits
 * twice as long after each further failure.
 *
 *   wait = auth_throttle_wait_ms(throttle, address)     > 0: answer 429 with Retry-After
 *   … token unknown: auth_throttle_failed(…)            known: auth_throttle_succeeded(…)
 *
 * Memory is constant: a table of a fixed number of addresses, in sets of AUTH_SOURCE_WAYS; in a
 * full set the address that failed longest ago makes room. An IPv6 address counts as its /64
 * network, which is what one customer is given. All functions may be called from any thread.
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include "base/status.h"

typedef struct auth_throttle auth_throttle;

typedef struct auth_throttle_options {
  size_t sets;           /* of AUTH_SOURCE_WAYS addresses each; 0 = 512 */
  unsigned free_tries;   /* failures without a wait; 0 = 5 */
  uint64_t first_ms;     /* the wait after the first one beyond; 0 = 1 s */
  uint64_t longest_ms;   /* 0 = 60 s */
  uint64_t forgotten_ms; /* without a failure for this long, an address starts anew; 0 = 15 min */
} auth_throttle_options;

/* options NULL: all defaults. */
br_status auth_throttle_new(const auth_throttle_options *options, auth_throttle **ret_throttle,
                            br_error *err) BR_CHECKED;
void auth_throttle_free(auth_throttle *throttle); /* NULL is fine */

/* Milliseconds that the address has to wait before its next try; 0 = none. Time is
 * br_clock_monotonic_ms(). */
uint64_t auth_throttle_wait_ms(auth_throttle *throttle, const char *address);
void auth_throttle_failed(auth_throttle *throttle, const char *address);
void auth_throttle_succeeded(auth_throttle *throttle, const char *address);

#endif
