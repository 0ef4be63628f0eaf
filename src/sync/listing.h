/*
 * listing.h: the first 20 rows of many, in words: "id=1, …; id=2, …; and 18 more".
 *
 *   sync_listing_begin(list)                      one entry, while !list->full
 *   sync_listing_value(list, "id", "1", 1, err)   "id=1"; the next one has ", " in front
 *   sync_listing_words(list, ": ", err)
 *   sync_listing_add(list, SYNC_PIECE_REASON, …)
 *   sync_listing_end(list)
 *   sync_listing_close(list, total, err)          list->text is there
 *
 * Every entry is shown. Where they have no room as they are, the long ones are shortened to an
 * equal share of it: values first, then names, then reasons, each in its middle with "…"; where
 * there are very many fields, those in the middle are left out.
 */
#ifndef SYNC_LISTING_H
#define SYNC_LISTING_H

#include "base/buf.h"
#include "batch/batch.h"
#include "sync/entry.h"

enum { SYNC_LISTING_ENTRIES = 20, SYNC_LISTING_VALUE_MAX = 60, SYNC_LISTING_REASON_MAX = 300 };

typedef struct sync_listing {
  br_buf text;  /* after sync_listing_close(): all of it, with a NUL behind */
  size_t room;  /* bytes for the entries; "; and 18 more" comes on top */
  size_t shown; /* entries */
  bool full;    /* there are 20: no further one is to be begun */
  br_buf raw;   /* the pieces' texts */
  sync_piece *pieces;
  size_t piece_count, piece_cap;
  size_t first[SYNC_LISTING_ENTRIES + 1]; /* each entry's first piece */
  size_t fields, field;                   /* of the entry at hand: how many; which, 0 = none */
} sync_listing;

void sync_listing_init(sync_listing *listing, size_t room);
void sync_listing_done(sync_listing *listing);

void sync_listing_begin(sync_listing *listing);
void sync_listing_end(sync_listing *listing);

/* Appends a piece to the entry: UTF-8, mended where it is not, without registered secrets. A value
 * longer than 60 bytes and a reason longer than 300 are cut behind a whole character, with "…". */
br_status sync_listing_add(sync_listing *listing, sync_piece_kind kind, const char *text,
                           size_t length, br_error *err) BR_CHECKED;
/* Begins a field, with these words in front: pieces added from here on go with it. */
br_status sync_listing_field(sync_listing *listing, const char *separator,
                             br_error *err) BR_CHECKED;
/* Words that belong to no field; nor does what is added behind them. */
br_status sync_listing_words(sync_listing *listing, const char *words, br_error *err) BR_CHECKED;

/* A field "name=value"; value NULL: "name=NULL". */
br_status sync_listing_value(sync_listing *listing, const char *name, const char *value,
                             size_t length, br_error *err) BR_CHECKED;
/* The same with a batch's cell, under its column's name. */
br_status sync_listing_cell(sync_listing *listing, const batch *b, size_t column, size_t row,
                            br_error *err) BR_CHECKED;

/* After the last entry: makes the text, and says how many of `total` are not shown. */
br_status sync_listing_close(sync_listing *listing, uint64_t total, br_error *err) BR_CHECKED;

#endif
