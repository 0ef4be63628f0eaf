/*
 * entry.h: one entry of a listing, in so many bytes.
 */
#ifndef SYNC_ENTRY_H
#define SYNC_ENTRY_H

#include "base/buf.h"

typedef enum sync_piece_kind {
  SYNC_PIECE_WORDS, /* stands as it is */
  SYNC_PIECE_VALUE,
  SYNC_PIECE_NAME,
  SYNC_PIECE_COLUMN, /* the name of the column at fault */
  SYNC_PIECE_REASON,
} sync_piece_kind;

typedef struct sync_piece {
  sync_piece_kind kind;
  size_t field; /* from 1; 0 = it belongs to none */
  size_t at, length;
} sync_piece;

/* The largest share that each may have at most, for the sum to be within room; SIZE_MAX: all have
 * what they want. */
size_t sync_fair_share(const size_t *wanted, size_t count, size_t room);

size_t sync_entry_length(const sync_piece *pieces, size_t count);

/* Appends the pieces (at `raw` + piece->at), shortened where they have no room as they are. */
br_status sync_entry_write(const sync_piece *pieces, size_t count, const uint8_t *raw, size_t room,
                           br_buf *out, br_error *err) BR_CHECKED;

#endif
