#include "auth/throttle.h"

#include <pthread.h>
#include <string.h>

#include "auth/source_key.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

typedef struct entry {
  auth_source_key who;
  unsigned failures; /* 0: free */
  uint64_t failed_ms;
  uint64_t open_ms; /* from then on it may try again */
} entry;

struct auth_throttle {
  pthread_mutex_t lock;
  auth_throttle_options options;
  uint64_t seed; /* nobody outside can choose addresses that share a set */
  entry *entries;
};

static void fill_defaults(auth_throttle_options *o) {
  o->sets = o->sets == 0 ? 512 : o->sets;
  o->free_tries = o->free_tries == 0 ? 5 : o->free_tries;
  o->first_ms = o->first_ms == 0 ? 1000 : o->first_ms;
  o->longest_ms = o->longest_ms == 0 ? 60000 : o->longest_ms;
  o->forgotten_ms = o->forgotten_ms == 0 ? 15U * 60U * 1000U : o->forgotten_ms;
}

br_status auth_throttle_new(const auth_throttle_options *options, auth_throttle **ret_throttle,
                            br_error *err) {
  auth_throttle *t = br_calloc(1, sizeof *t);
  if (t == NULL) {
    return br_error_nomem(err);
  }
  if (options != NULL) {
    t->options = *options;
  }
  fill_defaults(&t->options);
  (void)pthread_mutex_init(&t->lock, NULL);
  t->entries = br_calloc(t->options.sets, AUTH_THROTTLE_WAYS * sizeof *t->entries);
  br_status st = t->entries == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK) {
    st = br_random(&t->seed, sizeof t->seed, err);
  }
  if (st != BR_OK) {
    auth_throttle_free(t);
    return st;
  }
  *ret_throttle = t;
  return BR_OK;
}

void auth_throttle_free(auth_throttle *throttle) {
  if (throttle != NULL) {
    (void)pthread_mutex_destroy(&throttle->lock);
    br_free(throttle->entries);
    br_free(throttle);
  }
}

static entry *set_of(auth_throttle *t, const auth_source_key *who) {
  uint64_t hash = auth_source_hash(t->seed, who, sizeof *who);
  return t->entries + hash % t->options.sets * AUTH_THROTTLE_WAYS;
}

static bool is_forgotten(const auth_throttle *t, const entry *e, uint64_t now) {
  return now >= e->open_ms && now - e->failed_ms >= t->options.forgotten_ms;
}

/* NULL: nothing is held against the address. */
static entry *find(auth_throttle *t, const auth_source_key *who, uint64_t now) {
  entry *set = set_of(t, who);
  for (size_t i = 0; i < AUTH_THROTTLE_WAYS; i++) {
    if (set[i].failures > 0 && memcmp(&set[i].who, who, sizeof *who) == 0) {
      if (is_forgotten(t, &set[i], now)) {
        set[i].failures = 0;
        return NULL;
      }
      return &set[i];
    }
  }
  return NULL;
}

static entry *make_room(auth_throttle *t, const auth_source_key *who) {
  entry *set = set_of(t, who);
  entry *oldest = set;
  for (size_t i = 0; i < AUTH_THROTTLE_WAYS; i++) {
    if (set[i].failures == 0) {
      return &set[i];
    }
    oldest = set[i].failed_ms < oldest->failed_ms ? &set[i] : oldest;
  }
  return oldest;
}

static uint64_t wait_after(const auth_throttle_options *o, unsigned failures) {
  if (failures <= o->free_tries) {
    return 0;
  }
  uint64_t wait = o->first_ms;
  for (unsigned i = o->free_tries + 1; i < failures && wait < o->longest_ms; i++) {
    wait *= 2;
  }
  return wait < o->longest_ms ? wait : o->longest_ms;
}

uint64_t auth_throttle_wait_ms(auth_throttle *throttle, const char *address) {
  uint64_t now = br_clock_monotonic_ms();
  auth_source_key who = auth_source_key_of(throttle->seed, address);
  (void)pthread_mutex_lock(&throttle->lock);
  const entry *e = find(throttle, &who, now);
  uint64_t wait = e != NULL && e->open_ms > now ? e->open_ms - now : 0;
  (void)pthread_mutex_unlock(&throttle->lock);
  return wait;
}

void auth_throttle_failed(auth_throttle *throttle, const char *address) {
  uint64_t now = br_clock_monotonic_ms();
  auth_source_key who = auth_source_key_of(throttle->seed, address);
  (void)pthread_mutex_lock(&throttle->lock);
  entry *e = find(throttle, &who, now);
  if (e == NULL) {
    e = make_room(throttle, &who);
    *e = (entry){.who = who};
  }
  e->failures += e->failures < UINT32_MAX;
  e->failed_ms = now;
  e->open_ms = now + wait_after(&throttle->options, e->failures);
  (void)pthread_mutex_unlock(&throttle->lock);
}

void auth_throttle_succeeded(auth_throttle *throttle, const char *address) {
  uint64_t now = br_clock_monotonic_ms();
  auth_source_key who = auth_source_key_of(throttle->seed, address);
  (void)pthread_mutex_lock(&throttle->lock);
  entry *e = find(throttle, &who, now);
  if (e != NULL) {
    e->failures = 0;
  }
  (void)pthread_mutex_unlock(&throttle->lock);
}
