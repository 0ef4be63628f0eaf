/*
 * cascade.h: which other tables a change reaches through foreign keys with ON DELETE or ON UPDATE
 * (CASCADE, SET NULL, SET DEFAULT), level by level.
 *
 *   DELETE, upsert's and UPDATE's SET ──▶ keys that refer to the target ──▶ keys to those tables
 * ──▶ …
 *
 * Keys that the login may not see are not found.
 */
#ifndef SYNC_CASCADE_H
#define SYNC_CASCADE_H

#include "sync/change.h"

typedef struct sync_cascade {
  char *key;   /* the foreign key's name */
  char *table; /* that it changes, as sync_name_plain() writes it; NULL: the login may not see it */
  int64_t key_id, table_id;
  bool deletes; /* rows of the table; else it sets the key's columns */
} sync_cascade;

typedef struct sync_cascades {
  sync_cascade *items;
  size_t count;
} sync_cascades;

/* A condition on sys.foreign_keys AS f, over @object, the target's quoted name: which of them a
 * DELETE, or the SET of an UPDATE or upsert whose source is open, meets first. Appended. */
br_status sync_cascades_where(const sync_change *change, br_buf *where, br_error *err) BR_CHECKED;

/* Of a change whose source, where it has one, is open. {0}: ret is filled, also where it fails. */
br_status sync_cascades_find(const sync_change *change, sync_cascades *ret,
                             br_error *err) BR_CHECKED;
void sync_cascades_done(sync_cascades *cascades);

typedef enum sync_cascade_part { SYNC_CASCADE_KEY, SYNC_CASCADE_TABLE } sync_cascade_part;
/* No item before this one has its key, or table. */
bool sync_cascades_is_first(const sync_cascades *cascades, size_t index, sync_cascade_part part);

/* "FK_lines on dbo.Lines", each key once, as entries of an empty list, which is closed. */
br_status sync_cascades_list(const sync_change *change, sync_listing *list,
                             br_error *err) BR_CHECKED;
/* BR_ERR_DATA with their names, unless the login may see none of the tables. */
br_status sync_cascades_refuse(const sync_change *change, br_error *err) BR_CHECKED;

#endif
