#include "sync/rejects.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "batch/value.h"

enum { KEY_TEXT_MAX = 60 };

void sync_rejects_init(sync_rejects *rejects, const size_t *key_columns, size_t key_count) {
  *rejects = (sync_rejects){.key_columns = key_columns, .key_count = key_count};
  br_buf_init(&rejects->text, BR_KIB(64));
}

void sync_rejects_done(sync_rejects *rejects) {
  br_buf_done(&rejects->text);
}

static br_status add_key(br_buf *out, const batch *in, size_t column, size_t row, br_error *err) {
  br_buf value;
  br_buf_init(&value, BR_LIMIT_CELL_MAX);
  bool null = false;
  br_status st = batch_cell_text(in, column, row, &value, &null, err);
  if (st == BR_OK) {
    st = br_buf_printf(out, err, "%s=%.*s%s", in->schema->fields[column].name,
                       (int)(value.len < KEY_TEXT_MAX ? value.len : KEY_TEXT_MAX),
                       value.len == 0 ? "" : (const char *)value.data,
                       value.len > KEY_TEXT_MAX ? "…" : "");
  }
  br_buf_done(&value);
  return st;
}

br_status sync_rejects_add(sync_rejects *rejects, const batch *in, size_t row, const char *column,
                           const char *why, br_error *err) {
  br_buf *out = &rejects->text;
  br_status st = BR_OK;
  if (rejects->count++ >= SYNC_REJECTS_SHOWN) {
    return BR_OK;
  }
  st = out->len > 0 ? br_buf_text(out, "; ", err) : BR_OK;
  for (size_t i = 0; i < rejects->key_count && st == BR_OK; i++) {
    st = i > 0 ? br_buf_text(out, ", ", err) : BR_OK;
    st = st == BR_OK ? add_key(out, in, rejects->key_columns[i], row, err) : st;
  }
  if (st == BR_OK && rejects->key_count == 0) {
    st = br_buf_printf(out, err, "row %" PRIu64, in->first_row + row + 1);
  }
  return st == BR_OK ? br_buf_printf(out, err, ", column '%s': %.300s", column, why) : st;
}

br_status sync_rejects_fail(sync_rejects *rejects, br_error *err) {
  const char *text = br_buf_cstr(&rejects->text);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  const uint64_t hidden =
      rejects->count > SYNC_REJECTS_SHOWN ? rejects->count - SYNC_REJECTS_SHOWN : 0;
  char more[64] = "";
  if (hidden > 0) {
    (void)snprintf(more, sizeof more, "; and %" PRIu64 " more", hidden);
  }
  return br_error_set(err, BR_ERR_DATA,
                      "%" PRIu64 " %s can't be taken; nothing was changed: %.1700s%s",
                      rejects->count, rejects->count == 1 ? "row" : "rows", text, more);
}
