#include "sync/listing.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "batch/value.h"

enum { SEPARATOR = 2 };

void sync_listing_init(sync_listing *listing, size_t room) {
  *listing = (sync_listing){.room = room};
  br_buf_init(&listing->text, BR_MIB(4));
  br_buf_init(&listing->raw, BR_MIB(16));
}

void sync_listing_done(sync_listing *listing) {
  br_buf_done(&listing->text);
  br_buf_done(&listing->raw);
  br_free(listing->pieces);
  listing->pieces = NULL;
}

void sync_listing_begin(sync_listing *listing) {
  listing->fields = listing->field = 0;
}

void sync_listing_end(sync_listing *listing) {
  listing->first[++listing->shown] = listing->piece_count;
  listing->full = listing->shown == SYNC_LISTING_ENTRIES;
}

static br_status new_piece(sync_listing *listing, br_error *err) {
  if (listing->piece_count < listing->piece_cap) {
    return BR_OK;
  }
  const size_t cap = listing->piece_cap == 0 ? 64 : listing->piece_cap * 2;
  sync_piece *pieces = br_realloc_array(listing->pieces, cap, sizeof *pieces);
  if (pieces == NULL) {
    return br_error_nomem(err);
  }
  listing->pieces = pieces;
  listing->piece_cap = cap;
  return BR_OK;
}

br_status sync_listing_add(sync_listing *listing, sync_piece_kind kind, const char *text,
                           size_t length, br_error *err) {
  const size_t most = kind == SYNC_PIECE_VALUE    ? SYNC_LISTING_VALUE_MAX
                      : kind == SYNC_PIECE_REASON ? SYNC_LISTING_REASON_MAX
                                                  : BR_EXCERPT_MAX;
  char shown[BR_EXCERPT_MAX + BR_EXCERPT_MORE];
  const size_t at = listing->raw.len;
  br_status st = new_piece(listing, err);
  st = st == BR_OK
           ? br_buf_append(&listing->raw, shown, br_secret_excerpt(shown, most, text, length), err)
           : st;
  if (st == BR_OK) {
    listing->pieces[listing->piece_count++] = (sync_piece){
        .kind = kind, .field = listing->field, .at = at, .length = listing->raw.len - at};
  }
  return st;
}

br_status sync_listing_field(sync_listing *listing, const char *separator, br_error *err) {
  listing->field = ++listing->fields;
  return sync_listing_add(listing, SYNC_PIECE_WORDS, separator, strlen(separator), err);
}

br_status sync_listing_words(sync_listing *listing, const char *words, br_error *err) {
  listing->field = 0;
  return sync_listing_add(listing, SYNC_PIECE_WORDS, words, strlen(words), err);
}

br_status sync_listing_value(sync_listing *listing, const char *name, const char *value,
                             size_t length, br_error *err) {
  br_status st = sync_listing_field(listing, listing->fields > 0 ? ", " : "", err);
  st = st == BR_OK ? sync_listing_add(listing, SYNC_PIECE_NAME, name, strlen(name), err) : st;
  st = st == BR_OK ? sync_listing_add(listing, SYNC_PIECE_WORDS, "=", 1, err) : st;
  return st != BR_OK     ? st
         : value == NULL ? sync_listing_add(listing, SYNC_PIECE_WORDS, "NULL", 4, err)
                         : sync_listing_add(listing, SYNC_PIECE_VALUE, value, length, err);
}

br_status sync_listing_cell(sync_listing *listing, const batch *b, size_t column, size_t row,
                            br_error *err) {
  br_buf value;
  br_buf_init(&value, BR_LIMIT_CELL_MAX);
  bool null = false;
  br_status st = batch_cell_text(b, column, row, &value, &null, err);
  const char *text = st == BR_OK ? br_buf_cstr(&value) : NULL;
  if (st == BR_OK) {
    st = text == NULL ? br_error_nomem(err)
                      : sync_listing_value(listing, b->schema->fields[column].name,
                                           null ? NULL : text, value.len, err);
  }
  br_buf_done(&value);
  return st;
}

static br_status write_entries(sync_listing *listing, br_error *err) {
  size_t wanted[SYNC_LISTING_ENTRIES];
  for (size_t i = 0; i < listing->shown; i++) {
    const size_t first = listing->first[i];
    wanted[i] =
        SEPARATOR + sync_entry_length(listing->pieces + first, listing->first[i + 1] - first);
  }
  const size_t share = sync_fair_share(wanted, listing->shown, listing->room);
  br_status st = BR_OK;
  for (size_t i = 0; i < listing->shown && st == BR_OK; i++) {
    const size_t first = listing->first[i];
    st = i > 0 ? br_buf_text(&listing->text, "; ", err) : BR_OK;
    st = st == BR_OK
             ? sync_entry_write(listing->pieces + first, listing->first[i + 1] - first,
                                listing->raw.data, share < SEPARATOR ? 0 : share - SEPARATOR,
                                &listing->text, err)
             : st;
  }
  return st;
}

br_status sync_listing_close(sync_listing *listing, uint64_t total, br_error *err) {
  br_status st = write_entries(listing, err);
  if (st == BR_OK && total > listing->shown) {
    st = br_buf_printf(&listing->text, err, "; and %" PRIu64 " more", total - listing->shown);
  }
  return st == BR_OK && br_buf_cstr(&listing->text) == NULL ? br_error_nomem(err) : st;
}
