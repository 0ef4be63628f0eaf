#include "sync/listing.h"

#include <inttypes.h>

#include "base/limits.h"
#include "batch/value.h"

void sync_listing_init(sync_listing *listing, size_t room) {
  *listing = (sync_listing){.room = room};
  br_buf_init(&listing->text, BR_MIB(4));
}

void sync_listing_done(sync_listing *listing) {
  br_buf_done(&listing->text);
}

/* The longest piece of at most `most` bytes that ends behind a whole character. */
static size_t cut_length(const uint8_t *text, size_t length, size_t most) {
  if (length <= most) {
    return length;
  }
  while (most > 0 && (text[most] & 0xC0U) == 0x80U) {
    most--;
  }
  return most;
}

br_status sync_listing_begin(sync_listing *listing, br_error *err) {
  listing->begun = listing->text.len;
  return listing->shown > 0 ? br_buf_text(&listing->text, "; ", err) : BR_OK;
}

br_status sync_listing_end(sync_listing *listing, br_error *err) {
  br_buf *text = &listing->text;
  if (text->len <= listing->room) {
    listing->full = ++listing->shown == SYNC_LISTING_ENTRIES;
    return BR_OK;
  }
  listing->full = true;
  if (listing->shown > 0) {
    text->len = listing->begun;
    return BR_OK;
  }
  listing->shown = 1;
  text->len = cut_length(text->data, text->len, listing->room);
  return br_buf_text(text, "…", err);
}

br_status sync_listing_close(sync_listing *listing, uint64_t total, br_error *err) {
  br_status st = BR_OK;
  if (total > listing->shown) {
    st = br_buf_printf(&listing->text, err, "; and %" PRIu64 " more", total - listing->shown);
  }
  return st == BR_OK && br_buf_cstr(&listing->text) == NULL ? br_error_nomem(err) : st;
}

br_status sync_listing_value(br_buf *out, const char *name, const char *value, size_t length,
                             br_error *err) {
  if (value == NULL) {
    return br_buf_printf(out, err, "%s=NULL", name);
  }
  const size_t shown = cut_length((const uint8_t *)value, length, SYNC_LISTING_VALUE_MAX);
  br_status st = br_buf_printf(out, err, "%s=", name);
  st = st == BR_OK ? br_buf_append(out, value, shown, err) : st;
  return st == BR_OK && shown < length ? br_buf_text(out, "…", err) : st;
}

br_status sync_listing_cell(br_buf *out, const batch *b, size_t column, size_t row, br_error *err) {
  br_buf value;
  br_buf_init(&value, BR_LIMIT_CELL_MAX);
  bool null = false;
  br_status st = batch_cell_text(b, column, row, &value, &null, err);
  const char *text = st == BR_OK ? br_buf_cstr(&value) : NULL;
  if (st == BR_OK) {
    st = text == NULL ? br_error_nomem(err)
                      : sync_listing_value(out, b->schema->fields[column].name, null ? NULL : text,
                                           value.len, err);
  }
  br_buf_done(&value);
  return st;
}
