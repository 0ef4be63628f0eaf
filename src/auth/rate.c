/*
 * The generic cell rate algorithm: for each caller one time is kept, at which all that it has sent
 * would have been due at the allowed rate. It may be ahead of the clock by the burst.
 */
#include "auth/rate.h"

#include "auth/source_table.h"
#include "base/clock.h"
#include "base/mem.h"

enum { SETS = 512, NS_PER_MS = 1000000 };
static const uint64_t minute_ns = UINT64_C(60) * 1000 * NS_PER_MS;

struct auth_rate {
  auth_source_table table; /* when: the next request is due, in ns */
  uint64_t each_ns;        /* between two requests; 0: no limit */
  uint64_t burst_ns;       /* how far the time due may be ahead */
};

br_status auth_rate_new(uint64_t per_minute, auth_rate **ret_rate, br_error *err) {
  auth_rate *rate = br_calloc(1, sizeof *rate);
  if (rate == NULL) {
    return br_error_nomem(err);
  }
  br_status st = auth_source_table_init(&rate->table, SETS, sizeof(auth_source_entry), err);
  if (st != BR_OK) {
    br_free(rate);
    return st;
  }
  if (per_minute > 0) {
    rate->each_ns = minute_ns / per_minute;
    rate->burst_ns = minute_ns / 6;
    /* One at least, however slow the rate. */
    rate->burst_ns = rate->burst_ns < rate->each_ns ? rate->each_ns : rate->burst_ns;
  }
  *ret_rate = rate;
  return BR_OK;
}

void auth_rate_free(auth_rate *rate) {
  if (rate != NULL) {
    auth_source_table_done(&rate->table);
    br_free(rate);
  }
}

/* The source's entry, made where it has none. Under the lock. */
static auth_source_entry *entry_of(auth_rate *rate, const auth_source_key *who) {
  auth_source_entry *e = auth_source_table_find(&rate->table, who);
  if (e == NULL) {
    e = auth_source_table_room(&rate->table, who);
    *e = (auth_source_entry){.used = true, .who = *who};
  }
  return e;
}

static uint64_t take(auth_rate *rate, auth_source_key who) {
  const uint64_t now = br_clock_monotonic_ns();
  uint64_t wait_ms = 0;
  auth_source_table_lock(&rate->table);
  auth_source_entry *e = entry_of(rate, &who);
  const uint64_t due = e->when > now ? e->when : now;
  const uint64_t ahead = due + rate->each_ns - now;
  if (ahead > rate->burst_ns) {
    wait_ms = (ahead - rate->burst_ns) / NS_PER_MS + 1;
  } else {
    e->when = due + rate->each_ns;
  }
  auth_source_table_unlock(&rate->table);
  return wait_ms;
}

uint64_t auth_rate_take_user(auth_rate *rate, const char *name) {
  return rate->each_ns == 0 ? 0 : take(rate, auth_source_key_of_name(rate->table.seed, name));
}

uint64_t auth_rate_take_address(auth_rate *rate, const char *address) {
  return rate->each_ns == 0 ? 0 : take(rate, auth_source_key_of(rate->table.seed, address));
}
