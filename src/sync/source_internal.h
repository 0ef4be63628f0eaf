/*
 * source_internal.h: a source's inside, for source.c and load.c.
 */
#ifndef SYNC_SOURCE_INTERNAL_H
#define SYNC_SOURCE_INTERNAL_H

#include "sync/source.h"

struct sync_source {
  dbx_rows *rows;
  const sync_target *target;
  const sync_target_column **columns; /* of each column of the source */
  bool *is_key;
  size_t count;
  size_t key_count;
  size_t *naming; /* indexes of the columns that name a row to people */
  size_t naming_count;
  bool has_identity;
};

/* The source has a column that may be NULL and has a default: a NULL must stay one. */
bool sync_source_sends_nulls(const sync_source *source);

#endif
