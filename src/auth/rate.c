/*
 * The generic cell rate algorithm: for each caller one time is kept, at which all that it has sent
 * would have been due at the allowed rate. It may be ahead of the clock by the burst.
 */
#include "auth/rate.h"

#include <pthread.h>
#include <string.h>

#include "auth/source_key.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

enum { SETS = 512, WAYS = 8, NS_PER_MS = 1000000 };
static const uint64_t minute_ns = UINT64_C(60) * 1000 * NS_PER_MS;

typedef struct place {
  uint64_t who;    /* 0: free */
  uint64_t due_ns; /* of the next request */
} place;

struct auth_rate {
  pthread_mutex_t lock;
  uint64_t seed;
  uint64_t each_ns;  /* between two requests; 0: no limit */
  uint64_t burst_ns; /* how far the time due may be ahead */
  place places[SETS][WAYS];
};

br_status auth_rate_new(uint64_t per_minute, auth_rate **ret_rate, br_error *err) {
  auth_rate *rate = br_calloc(1, sizeof *rate);
  if (rate == NULL) {
    return br_error_nomem(err);
  }
  (void)pthread_mutex_init(&rate->lock, NULL);
  if (per_minute > 0) {
    rate->each_ns = minute_ns / per_minute;
    rate->burst_ns = minute_ns / 6;
    /* One at least, however slow the rate. */
    rate->burst_ns = rate->burst_ns < rate->each_ns ? rate->each_ns : rate->burst_ns;
  }
  br_status st = br_random(&rate->seed, sizeof rate->seed, err);
  if (st != BR_OK) {
    auth_rate_free(rate);
    return st;
  }
  *ret_rate = rate;
  return BR_OK;
}

void auth_rate_free(auth_rate *rate) {
  if (rate != NULL) {
    (void)pthread_mutex_destroy(&rate->lock);
    br_free(rate);
  }
}

/* The place of who, or the one that makes room. */
static place *place_of(auth_rate *rate, uint64_t who) {
  place *set = rate->places[who % SETS];
  place *oldest = set;
  for (size_t i = 0; i < WAYS; i++) {
    if (set[i].who == who) {
      return &set[i];
    }
    oldest = set[i].due_ns < oldest->due_ns ? &set[i] : oldest;
  }
  *oldest = (place){.who = who};
  return oldest;
}

static uint64_t take(auth_rate *rate, uint64_t who) {
  const uint64_t now = br_clock_monotonic_ns();
  uint64_t wait_ms = 0;
  (void)pthread_mutex_lock(&rate->lock);
  place *p = place_of(rate, who == 0 ? 1 : who);
  const uint64_t due = p->due_ns > now ? p->due_ns : now;
  const uint64_t ahead = due + rate->each_ns - now;
  if (ahead > rate->burst_ns) {
    wait_ms = (ahead - rate->burst_ns) / NS_PER_MS + 1;
  } else {
    p->due_ns = due + rate->each_ns;
  }
  (void)pthread_mutex_unlock(&rate->lock);
  return wait_ms;
}

uint64_t auth_rate_take_user(auth_rate *rate, const char *name) {
  return rate->each_ns == 0 ? 0 : take(rate, auth_source_hash(rate->seed, name, strlen(name)));
}

uint64_t auth_rate_take_address(auth_rate *rate, const char *address) {
  if (rate->each_ns == 0) {
    return 0;
  }
  const auth_source_key key = auth_source_key_of(rate->seed, address);
  return take(rate, auth_source_hash(~rate->seed, &key, sizeof key));
}
