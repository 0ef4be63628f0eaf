/*
 * rejects.h: rows that can't be taken: the first 20 in words, and how many there are in all.
 */
#ifndef SYNC_REJECTS_H
#define SYNC_REJECTS_H

#include "batch/batch.h"
#include "sync/listing.h"

typedef struct sync_rejects {
  sync_listing rows; /* "id=7, column 'price': 'x' is no decimal(9,2); …" */
  uint64_t count;
  const size_t *naming; /* borrowed: indexes in the source's batches that name a row */
  size_t naming_count;
} sync_rejects;

void sync_rejects_init(sync_rejects *rejects, const size_t *naming, size_t naming_count);
void sync_rejects_done(sync_rejects *rejects);
/* A row of a batch, with its keys (its number where it has none), the target's column and why. */
br_status sync_rejects_add(sync_rejects *rejects, const batch *in, size_t row, const char *column,
                           const char *why, br_error *err) BR_CHECKED;
/* "3 rows can't be taken: …". An error, BR_ERR_DATA unless memory is out. */
br_status sync_rejects_fail(sync_rejects *rejects, br_error *err);

#endif
