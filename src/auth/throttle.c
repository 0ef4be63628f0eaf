#include "auth/throttle.h"

#include "auth/source_table.h"
#include "base/clock.h"
#include "base/mem.h"

typedef struct entry {
  auth_source_entry source; /* when: its last failure, in ms */
  unsigned failures;
  uint64_t open_ms; /* from then on it may try again */
} entry;

struct auth_throttle {
  auth_source_table table;
  auth_throttle_options options;
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
  br_status st = auth_source_table_init(&t->table, t->options.sets, sizeof(entry), err);
  if (st != BR_OK) {
    br_free(t);
    return st;
  }
  *ret_throttle = t;
  return BR_OK;
}

void auth_throttle_free(auth_throttle *throttle) {
  if (throttle != NULL) {
    auth_source_table_done(&throttle->table);
    br_free(throttle);
  }
}

static bool is_forgotten(const auth_throttle *t, const entry *e, uint64_t now) {
  return now >= e->open_ms && now - e->source.when >= t->options.forgotten_ms;
}

/* NULL: nothing is held against the address. Under the lock. */
static entry *find(auth_throttle *t, const auth_source_key *who, uint64_t now) {
  entry *e = auth_source_table_find(&t->table, who);
  if (e != NULL && is_forgotten(t, e, now)) {
    e->source.used = false;
    return NULL;
  }
  return e;
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
  auth_source_key who = auth_source_key_of(throttle->table.seed, address);
  auth_source_table_lock(&throttle->table);
  const entry *e = find(throttle, &who, now);
  uint64_t wait = e != NULL && e->open_ms > now ? e->open_ms - now : 0;
  auth_source_table_unlock(&throttle->table);
  return wait;
}

void auth_throttle_failed(auth_throttle *throttle, const char *address) {
  uint64_t now = br_clock_monotonic_ms();
  auth_source_key who = auth_source_key_of(throttle->table.seed, address);
  auth_source_table_lock(&throttle->table);
  entry *e = find(throttle, &who, now);
  if (e == NULL) {
    e = auth_source_table_room(&throttle->table, &who);
    *e = (entry){.source = {.used = true, .who = who}};
  }
  e->failures += e->failures < UINT32_MAX;
  e->source.when = now;
  e->open_ms = now + wait_after(&throttle->options, e->failures);
  auth_source_table_unlock(&throttle->table);
}

void auth_throttle_succeeded(auth_throttle *throttle, const char *address) {
  uint64_t now = br_clock_monotonic_ms();
  auth_source_key who = auth_source_key_of(throttle->table.seed, address);
  auth_source_table_lock(&throttle->table);
  entry *e = find(throttle, &who, now);
  if (e != NULL) {
    e->source.used = false;
  }
  auth_source_table_unlock(&throttle->table);
}
