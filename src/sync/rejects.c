#include "sync/rejects.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of an error's message, without the words around the rows. */
enum { ROOM = BR_ERROR_MESSAGE_MAX - 240 };

void sync_rejects_init(sync_rejects *rejects, const size_t *naming, size_t naming_count) {
  *rejects = (sync_rejects){.naming = naming, .naming_count = naming_count};
  sync_listing_init(&rejects->rows, ROOM);
}

void sync_rejects_done(sync_rejects *rejects) {
  sync_listing_done(&rejects->rows);
}

br_status sync_rejects_add(sync_rejects *rejects, const batch *in, size_t row, const char *column,
                           const char *why, br_error *err) {
  sync_listing *rows = &rejects->rows;
  rejects->count++;
  if (rows->full) {
    return BR_OK;
  }
  br_status st = BR_OK;
  sync_listing_begin(rows);
  for (size_t i = 0; i < rejects->naming_count && st == BR_OK; i++) {
    st = sync_listing_cell(rows, in, rejects->naming[i], row, err);
  }
  if (st == BR_OK && rejects->naming_count == 0) {
    char number[32];
    (void)snprintf(number, sizeof number, "row %" PRIu64, in->first_row + row + 1);
    st = sync_listing_words(rows, number, err);
  }
  st = st == BR_OK ? sync_listing_words(rows, ", column '", err) : st;
  st = st == BR_OK ? sync_listing_add(rows, SYNC_PIECE_COLUMN, column, strlen(column), err) : st;
  st = st == BR_OK ? sync_listing_words(rows, "': ", err) : st;
  st = st == BR_OK ? sync_listing_add(rows, SYNC_PIECE_REASON, why, strlen(why), err) : st;
  if (st == BR_OK) {
    sync_listing_end(rows);
  }
  return st;
}

br_status sync_rejects_fail(sync_rejects *rejects, br_error *err) {
  br_status st = sync_listing_close(&rejects->rows, rejects->count, err);
  return st == BR_OK ? br_error_set(err, BR_ERR_DATA,
                                    "%" PRIu64 " %s can't be taken; nothing was changed: %s. Mend "
                                    "%s in the source",
                                    rejects->count, rejects->count == 1 ? "row" : "rows",
                                    (const char *)rejects->rows.text.data,
                                    rejects->count == 1 ? "this value" : "these values")
                     : st;
}
