#include "auth/source_table.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

br_status auth_source_table_init(auth_source_table *table, size_t sets, size_t entry_size,
                                 br_error *err) {
  uint64_t seed = 0;
  br_status st = br_random(&seed, sizeof seed, err);
  if (st != BR_OK) {
    return st;
  }
  void *entries = br_calloc(sets, AUTH_SOURCE_WAYS * entry_size);
  if (entries == NULL) {
    return br_error_nomem(err);
  }
  *table =
      (auth_source_table){.seed = seed, .sets = sets, .entry_size = entry_size, .entries = entries};
  (void)pthread_mutex_init(&table->lock, NULL);
  return BR_OK;
}

void auth_source_table_done(auth_source_table *table) {
  (void)pthread_mutex_destroy(&table->lock);
  br_free(table->entries);
  table->entries = NULL;
}

void auth_source_table_lock(auth_source_table *table) {
  (void)pthread_mutex_lock(&table->lock);
}

void auth_source_table_unlock(auth_source_table *table) {
  (void)pthread_mutex_unlock(&table->lock);
}

size_t auth_source_table_size(const auth_source_table *table) {
  return table->sets * AUTH_SOURCE_WAYS;
}

void *auth_source_table_at(auth_source_table *table, size_t index) {
  return (char *)table->entries + index * table->entry_size;
}

static size_t set_of(const auth_source_table *table, const auth_source_key *who) {
  return auth_source_hash(table->seed, who, sizeof *who) % table->sets * AUTH_SOURCE_WAYS;
}

void *auth_source_table_find(auth_source_table *table, const auth_source_key *who) {
  const size_t set = set_of(table, who);
  for (size_t i = set; i < set + AUTH_SOURCE_WAYS; i++) {
    auth_source_entry *e = auth_source_table_at(table, i);
    if (e->used && memcmp(&e->who, who, sizeof *who) == 0) {
      return e;
    }
  }
  return NULL;
}

void *auth_source_table_room(auth_source_table *table, const auth_source_key *who) {
  const size_t set = set_of(table, who);
  auth_source_entry *room = auth_source_table_at(table, set);
  for (size_t i = set; room->used && i < set + AUTH_SOURCE_WAYS; i++) {
    auth_source_entry *e = auth_source_table_at(table, i);
    if (!e->used || e->when < room->when) {
      room = e;
    }
  }
  return room;
}
