/*
 * listing.h: the first rows of many, in words: "id=1, …; id=2, …; and 18 more". An entry is shown
 * whole or counted among the others.
 */
#ifndef SYNC_LISTING_H
#define SYNC_LISTING_H

#include "base/buf.h"
#include "batch/batch.h"

enum { SYNC_LISTING_ENTRIES = 20, SYNC_LISTING_VALUE_MAX = 60, SYNC_LISTING_MORE_MAX = 40 };

typedef struct sync_listing {
  br_buf text;
  size_t room;  /* bytes for the entries; "; and 18 more" (at most SYNC_LISTING_MORE_MAX) comes on
                   top */
  size_t begun; /* where the entry that is being written begins */
  size_t shown;
  bool full; /* no further entry has room: it need not be written */
} sync_listing;

void sync_listing_init(sync_listing *listing, size_t room);
void sync_listing_done(sync_listing *listing);

/* Between these an entry is appended to listing->text. Where it has no room it is taken back; the
 * very first is cut instead, so that something is shown. */
br_status sync_listing_begin(sync_listing *listing, br_error *err) BR_CHECKED;
br_status sync_listing_end(sync_listing *listing, br_error *err) BR_CHECKED;

/* After the last entry: says how many of `total` are not shown, and puts a NUL behind the text. */
br_status sync_listing_close(sync_listing *listing, uint64_t total, br_error *err) BR_CHECKED;

/* "name=value", a long value cut behind a whole character, with "…"; value NULL: "name=NULL". */
br_status sync_listing_value(br_buf *out, const char *name, const char *value, size_t length,
                             br_error *err) BR_CHECKED;

/* The same with a batch's cell, under its column's name. */
br_status sync_listing_cell(br_buf *out, const batch *b, size_t column, size_t row,
                            br_error *err) BR_CHECKED;

#endif
