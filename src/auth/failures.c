#include "auth/failures.h"

#include <stdio.h>

#include "auth/source_table.h"
#include "base/clock.h"
#include "base/mem.h"

typedef struct entry {
  auth_source_entry source;            /* when: its window's begin, in ms */
  char address[AUTH_FAILURES_ADDRESS]; /* the first one of its network */
  unsigned told;
  uint64_t counted;
} entry;

struct auth_failures {
  auth_source_table table;
  auth_failures_options options;
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
  br_status st = auth_source_table_init(&f->table, o->sets, sizeof(entry), err);
  if (st != BR_OK) {
    br_free(f);
    return st;
  }
  *ret_failures = f;
  return BR_OK;
}

void auth_failures_free(auth_failures *failures) {
  if (failures != NULL) {
    auth_source_table_done(&failures->table);
    br_free(failures);
  }
}

static bool is_over(const auth_failures *f, const entry *e, uint64_t now_ms) {
  return now_ms - e->source.when >= f->options.window_ms;
}

static void count_more(entry *e, uint64_t count, uint64_t now_ms) {
  if (!e->source.used) {
    *e = (entry){.source = {.used = true, .when = now_ms}};
  }
  e->counted += count;
}

/* The address's entry, made where it has none. Under the lock, as all below. */
static entry *entry_of(auth_failures *f, const char *address, uint64_t now_ms) {
  const auth_source_key who = auth_source_key_of(f->table.seed, address);
  entry *e = auth_source_table_find(&f->table, &who);
  if (e != NULL) {
    return e;
  }
  e = auth_source_table_room(&f->table, &who);
  if (e->source.used && e->counted > 0) {
    count_more(&f->others, e->counted, now_ms);
  }
  *e = (entry){.source = {.used = true, .who = who, .when = now_ms}};
  (void)snprintf(e->address, sizeof e->address, "%s", address);
  return e;
}

bool auth_failures_note(auth_failures *failures, const char *address) {
  auth_source_table_lock(&failures->table);
  const uint64_t now_ms = br_clock_monotonic_ms();
  entry *e = entry_of(failures, address, now_ms);
  if (is_over(failures, e, now_ms) && e->counted == 0) {
    e->source.when = now_ms;
    e->told = 0;
  }
  const bool tell = e->told < failures->options.lines;
  e->told += tell;
  e->counted += !tell;
  auth_source_table_unlock(&failures->table);
  return tell;
}

static entry *next_sum(auth_failures *f, bool everything, uint64_t now_ms) {
  for (size_t i = 0; i < auth_source_table_size(&f->table); i++) {
    entry *e = auth_source_table_at(&f->table, i);
    if (e->source.used && (everything || is_over(f, e, now_ms))) {
      if (e->counted > 0) {
        return e;
      }
      e->source.used = false;
    }
  }
  return f->others.source.used && (everything || is_over(f, &f->others, now_ms)) ? &f->others
                                                                                 : NULL;
}

bool auth_failures_take(auth_failures *failures, bool everything, auth_failures_sum *ret_sum) {
  auth_source_table_lock(&failures->table);
  entry *e = next_sum(failures, everything, br_clock_monotonic_ms());
  if (e != NULL) {
    *ret_sum = (auth_failures_sum){.others = e == &failures->others, .count = e->counted};
    (void)snprintf(ret_sum->address, sizeof ret_sum->address, "%s", e->address);
    *e = (entry){.source = {.used = false}};
  }
  auth_source_table_unlock(&failures->table);
  return e != NULL;
}

void auth_failures_give_back(auth_failures *failures, const auth_failures_sum *sum) {
  auth_source_table_lock(&failures->table);
  const uint64_t now_ms = br_clock_monotonic_ms();
  entry *e = sum->others ? &failures->others : entry_of(failures, sum->address, now_ms);
  count_more(e, sum->count, now_ms);
  auth_source_table_unlock(&failures->table);
}
