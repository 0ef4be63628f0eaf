/*
 * source_table.h: what is kept of each source (an address, a user), in constant memory however many
 * there are: a table of sets, of which a source's key chooses one.
 *
 *   typedef struct entry { auth_source_entry source; … } entry;
 *
 *   auth_source_table_lock(table)
 *     e = auth_source_table_find(table, &who)           NULL: nothing is kept of it
 *     e = auth_source_table_room(table, &who)           where it would stand
 *     *e = (entry){.source = {.used = true, .who = who, .when = now}}
 *   auth_source_table_unlock(table)
 *
 * The seed is the table's own, so nobody outside can choose sources that share a set.
 */
#ifndef AUTH_SOURCE_TABLE_H
#define AUTH_SOURCE_TABLE_H

#include <pthread.h>
#include <stdbool.h>

#include "auth/source_key.h"
#include "base/status.h"

/* Entries of a set. */
enum { AUTH_SOURCE_WAYS = 8 };

/* An entry's first member; zeroed, the entry is free. */
typedef struct auth_source_entry {
  bool used;
  auth_source_key who;
  uint64_t when; /* in a full set the earliest makes room */
} auth_source_entry;

typedef struct auth_source_table {
  pthread_mutex_t lock;
  uint64_t seed; /* for auth_source_key_of() */
  size_t sets;
  size_t entry_size;
  void *entries;
} auth_source_table;

/* Of `sets` times AUTH_SOURCE_WAYS entries, all free. After a failure there is nothing to undo. */
br_status auth_source_table_init(auth_source_table *table, size_t sets, size_t entry_size,
                                 br_error *err) BR_CHECKED;
void auth_source_table_done(auth_source_table *table);

void auth_source_table_lock(auth_source_table *table);
void auth_source_table_unlock(auth_source_table *table);

/* All with the lock held; what they return is an entry. */
void *auth_source_table_find(auth_source_table *table, const auth_source_key *who);
/* For a source that is not there: a free entry or, where the set is full, the one that makes room,
 * as it is. */
void *auth_source_table_room(auth_source_table *table, const auth_source_key *who);
/* Any entry, used or not; index < auth_source_table_size(). */
void *auth_source_table_at(auth_source_table *table, size_t index);
size_t auth_source_table_size(const auth_source_table *table);

#endif
