#include "sync/rejects.h"

#include <inttypes.h>

/* An error's message holds 2,047 bytes, with the words in front. */
enum { ROOM = 1850 };

void sync_rejects_init(sync_rejects *rejects, const size_t *key_columns, size_t key_count) {
  *rejects = (sync_rejects){.key_columns = key_columns, .key_count = key_count};
  sync_listing_init(&rejects->rows, ROOM);
}

void sync_rejects_done(sync_rejects *rejects) {
  sync_listing_done(&rejects->rows);
}

br_status sync_rejects_add(sync_rejects *rejects, const batch *in, size_t row, const char *column,
                           const char *why, br_error *err) {
  br_buf *out = &rejects->rows.text;
  rejects->count++;
  if (rejects->rows.full) {
    return BR_OK;
  }
  br_status st = sync_listing_begin(&rejects->rows, err);
  for (size_t i = 0; i < rejects->key_count && st == BR_OK; i++) {
    st = i > 0 ? br_buf_text(out, ", ", err) : BR_OK;
    st = st == BR_OK ? sync_listing_cell(out, in, rejects->key_columns[i], row, err) : st;
  }
  if (st == BR_OK && rejects->key_count == 0) {
    st = br_buf_printf(out, err, "row %" PRIu64, in->first_row + row + 1);
  }
  st = st == BR_OK ? br_buf_printf(out, err, ", column '%s': %.300s", column, why) : st;
  return st == BR_OK ? sync_listing_end(&rejects->rows, err) : st;
}

br_status sync_rejects_fail(sync_rejects *rejects, br_error *err) {
  br_status st = sync_listing_close(&rejects->rows, rejects->count, err);
  return st == BR_OK ? br_error_set(err, BR_ERR_DATA,
                                    "%" PRIu64 " %s can't be taken; nothing was changed: %s",
                                    rejects->count, rejects->count == 1 ? "row" : "rows",
                                    (const char *)rejects->rows.text.data)
                     : st;
}
