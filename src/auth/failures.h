/*
 * failures.h: failed logins on their way into the audit, so that nobody without a token can fill
 * the disk: an address's first few of a minute are told one by one, the others as a number.
 *
 *   if (auth_failures_note(failures, address)) …       write a line
 *   while (auth_failures_take(failures, false, &sum)) … now and then: write a line with the number
 *   while (auth_failures_take(failures, true, &sum)) …  at the end: whatever has been counted
 *
 * None is lost: what has not been taken is counted on. Memory is constant: a table of a fixed
 * number of addresses, in sets; in a full set the one that came first makes room, and what was
 * counted of it goes to "others", whose address is NULL. An IPv6 address counts as its /64 network.
 * All functions may be called from any thread.
 */
#ifndef AUTH_FAILURES_H
#define AUTH_FAILURES_H

#include "base/status.h"

typedef struct auth_failures auth_failures;

enum { AUTH_FAILURES_ADDRESS = 64 };

typedef struct auth_failures_options {
  size_t sets;        /* of AUTH_SOURCE_WAYS addresses each; 0 = 128 */
  unsigned lines;     /* told one by one in a window; 0 = 5 */
  uint64_t window_ms; /* 0 = 60 s */
} auth_failures_options;

/* options NULL: all defaults. */
br_status auth_failures_new(const auth_failures_options *options, auth_failures **ret_failures,
                            br_error *err) BR_CHECKED;
void auth_failures_free(auth_failures *failures); /* NULL is fine */

/* Counts a failure. true: it is to be told by itself, and is not counted. Time is
 * br_clock_monotonic_ms(). */
bool auth_failures_note(auth_failures *failures, const char *address);

typedef struct auth_failures_sum {
  bool others; /* of addresses that had to make room */
  char address[AUTH_FAILURES_ADDRESS];
  uint64_t count;
} auth_failures_sum;
/* Takes what was counted of an address whose window is over (everything: of any). false: nothing
 * is left. */
bool auth_failures_take(auth_failures *failures, bool everything, auth_failures_sum *ret_sum);
/* It could not be told: counted again. */
void auth_failures_give_back(auth_failures *failures, const auth_failures_sum *sum);

#endif
