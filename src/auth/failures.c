#include "auth/failures.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "auth/source_key.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

typedef struct entry {
  bool used;
  auth_source_key who;
  char address[AUTH_FAILURES_ADDRESS]; /* the first one of its network */
  uint64_t begin_ms;                   /* of its window */
  unsigned told;
  uint64_t counted;
} entry;

struct auth_failures {
  pthread_mutex_t lock;
  auth_failures_options options;
  uint64_t seed; /* nobody outside can choose addresses that share a set */
  entry *entries;
  entry others;
};

br_status auth_failures_new(const auth_failures_options *options, auth_failures **ret_failures,
                            br_error *err) {
  auth_failures *f = br_calloc(1, sizeof *f);
  if (f == NULL) {
    return br_error_nomem(err);
  }
  if (options != NULL) {
    f->options = *options;
  }
  auth_failures_options *o = &f->options;
  o->sets = o->sets == 0 ? 128 : o->sets;
  o->lines = o->lines == 0 ? 5 : o->lines;
  o->window_ms = o->window_ms == 0 ? 60000 : o->window_ms;
  (void)pthread_mutex_init(&f->lock, NULL);
  f->entries = br_calloc(o->sets, AUTH_FAILURES_WAYS * sizeof *f->entries);
  br_status st = f->entries == NULL ? br_error_nomem(err) : BR_OK;
  st = st == BR_OK ? br_random(&f->seed, sizeof f->seed, err) : st;
  if (st != BR_OK) {
    auth_failures_free(f);
    return st;
  }
  *ret_failures = f;
  return BR_OK;
}

void auth_failures_free(auth_failures *failures) {
  if (failures != NULL) {
    (void)pthread_mutex_destroy(&failures->lock);
    br_free(failures->entries);
    br_free(failures);
  }
}

static bool is_over(const auth_failures *f, const entry *e, uint64_t now_ms) {
  return now_ms - e->begin_ms >= f->options.window_ms;
}

static void count_more(entry *e, uint64_t count, uint64_t now_ms) {
  if (!e->used) {
    *e = (entry){.used = true, .begin_ms = now_ms};
  }
  e->counted += count;
}

/* The address's entry, made where it has none. Under the lock, as all below. */
static entry *entry_of(auth_failures *f, const char *address, uint64_t now_ms) {
  const auth_source_key who = auth_source_key_of(f->seed, address);
  entry *set = f->entries +
               auth_source_hash(f->seed, &who, sizeof who) % f->options.sets * AUTH_FAILURES_WAYS;
  entry *room = set;
  for (size_t i = 0; i < AUTH_FAILURES_WAYS; i++) {
    if (set[i].used && memcmp(&set[i].who, &who, sizeof who) == 0) {
      return &set[i];
    }
    if (room->used && (!set[i].used || set[i].begin_ms < room->begin_ms)) {
      room = &set[i];
    }
  }
  if (room->used && room->counted > 0) {
    count_more(&f->others, room->counted, now_ms);
  }
  *room = (entry){.used = true, .who = who, .begin_ms = now_ms};
  (void)snprintf(room->address, sizeof room->address, "%s", address);
  return room;
}

bool auth_failures_note(auth_failures *failures, const char *address) {
  (void)pthread_mutex_lock(&failures->lock);
  const uint64_t now_ms = br_clock_monotonic_ms();
  entry *e = entry_of(failures, address, now_ms);
  if (is_over(failures, e, now_ms) && e->counted == 0) {
    e->begin_ms = now_ms;
    e->told = 0;
  }
  const bool tell = e->told < failures->options.lines;
  e->told += tell;
  e->counted += !tell;
  (void)pthread_mutex_unlock(&failures->lock);
  return tell;
}

static entry *next_sum(auth_failures *f, bool everything, uint64_t now_ms) {
  for (size_t i = 0; i < f->options.sets * AUTH_FAILURES_WAYS; i++) {
    entry *e = &f->entries[i];
    if (e->used && (everything || is_over(f, e, now_ms))) {
      if (e->counted > 0) {
        return e;
      }
      e->used = false;
    }
  }
  return f->others.used && (everything || is_over(f, &f->others, now_ms)) ? &f->others : NULL;
}

bool auth_failures_take(auth_failures *failures, bool everything, auth_failures_sum *ret_sum) {
  (void)pthread_mutex_lock(&failures->lock);
  entry *e = next_sum(failures, everything, br_clock_monotonic_ms());
  if (e != NULL) {
    *ret_sum = (auth_failures_sum){.others = e == &failures->others, .count = e->counted};
    (void)snprintf(ret_sum->address, sizeof ret_sum->address, "%s", e->address);
    *e = (entry){.used = false};
  }
  (void)pthread_mutex_unlock(&failures->lock);
  return e != NULL;
}

void auth_failures_give_back(auth_failures *failures, const auth_failures_sum *sum) {
  (void)pthread_mutex_lock(&failures->lock);
  const uint64_t now_ms = br_clock_monotonic_ms();
  entry *e = sum->others ? &failures->others : entry_of(failures, sum->address, now_ms);
  count_more(e, sum->count, now_ms);
  (void)pthread_mutex_unlock(&failures->lock);
}
