/*
 * rate.h: how many requests a user, or an address without one, may send: so many a minute on
 * average, a sixth of them at once.
 *
 *   wait = auth_rate_take_user(rate, name)     > 0: answer 429 with Retry-After
 *
 * Memory is constant: a table of a fixed number of places, in sets; in a full set who has been
 * quiet longest makes room. All functions may be called from any thread.
 */
#ifndef AUTH_RATE_H
#define AUTH_RATE_H

#include "base/status.h"

typedef struct auth_rate auth_rate;

/* per_minute 0: no limit. */
br_status auth_rate_new(uint64_t per_minute, auth_rate **ret_rate, br_error *err) BR_CHECKED;
void auth_rate_free(auth_rate *rate); /* NULL is fine */

/* Takes one request; 0: it may go on. Otherwise nothing is taken, and after so many milliseconds
 * one would be granted. Time is br_clock_monotonic_ns(). */
uint64_t auth_rate_take_user(auth_rate *rate, const char *name);
uint64_t auth_rate_take_address(auth_rate *rate, const char *address);

#endif
