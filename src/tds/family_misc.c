/*
 * uniqueidentifier (MS-TDS 2.2.5.4.2), sql_variant (2.2.5.5.4) and the type of a bare NULL.
 */
#include "batch/value.h"
#include "tds/family.h"
#include "tds/value_write.h"

/* --- uniqueidentifier --- */

enum { GUID_TEXT = 36 };

static batch_sql_typespec guid_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_UNIQUEIDENTIFIER};
}

static br_status decode_guid(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                             br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st != BR_OK) {
    return st;
  }
  if (value == NULL) {
    return batch_column_append_null(out, row, err);
  }
  char text[GUID_TEXT + 1];
  batch_guid_text(value, text);
  return batch_column_append_bytes(out, row, text, GUID_TEXT, err);
}

static br_status prepare_guid(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = decode_guid;
  return BR_OK;
}

static uint8_t *encode_guid(const tds_type_info *info, const batch_column *column, size_t row,
                            uint8_t *p, br_error *err) {
  size_t length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
  p = tds_put_head(info, p);
  br_status st =
      batch_guid_parse((const char *)column->data + column->offsets[row], length, p, err);
  return st == BR_OK ? p + 16 : NULL;
}

static tds_encode_fn guid_encoder(const tds_type_info *info) {
  (void)info;
  return encode_guid;
}

const tds_type_family tds_family_guid = {
    .name = "uniqueidentifier",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = guid_spec,
    .prepare = prepare_guid,
    .encoder = guid_encoder,
};

/* --- sql_variant --- */

static br_status read_variant_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                   br_error *err) {
  (void)place;
  info->frame = TDS_FRAME_LEN32;
  return tds_reader_u32(r, &info->size, err);
}

static br_status write_variant_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                    br_error *err) {
  (void)place;
  return tds_writer_u32(w, info->size, err);
}

static batch_sql_typespec variant_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_VARIANT};
}

static br_status decode_variant(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                br_error *err) {
  uint32_t length = 0;
  br_status st = tds_reader_u32(r, &length, err);
  if (st != BR_OK) {
    return st;
  }
  if (length == 0) {
    st = batch_column_append_null(out, row, err);
    return st == BR_OK && d->columns == 2 ? batch_column_append_null(out + 1, row, err) : st;
  }
  if (length > TDS_VARIANT_MAX + UINT8_MAX) {
    return tds_bad_length(err, &d->info, length);
  }
  br_reader view;
  st = tds_reader_view(r, length, &view, err);
  if (st != BR_OK) {
    return st;
  }
  br_buf text;
  br_buf_init(&text, 3U * (TDS_VARIANT_MAX + UINT8_MAX));
  st = tds_variant_text(view.data, view.len, d->invalid_text, &text, err);
  if (st == BR_OK && text.len > d->max_cell) {
    st = br_error_set(err, BR_ERR_LIMIT, "The cell is larger than the limit of %zu bytes",
                      d->max_cell);
  }
  if (st == BR_OK) {
    st = batch_column_append_bytes(out, row, text.data, text.len, err);
  }
  br_buf_done(&text);
  if (st == BR_OK && d->columns == 2) {
    const char *name = tds_variant_type_name(view.data[0]);
    st = batch_column_append_bytes(out + 1, row, name, strlen(name), err);
  }
  return st;
}

static br_status prepare_variant(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = decode_variant;
  return BR_OK;
}

/* The batch holds text, so the base type is nvarchar: its collation and most bytes, then UTF-16. */
static br_status write_variant(tds_writer *w, const tds_type_info *info, const batch_column *column,
                               size_t row, br_error *err) {
  enum { HEAD = 9, PROPERTIES = 7, NVARCHAR_MAX = 8000 };
  (void)info;
  br_buf text;
  br_buf_init(&text, NVARCHAR_MAX);
  size_t length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
  br_status st =
      batch_utf8_to_utf16le((const char *)column->data + column->offsets[row], length, &text, err);
  if (st == BR_OK) {
    uint8_t head[4 + HEAD] = {0};
    br_store_u32le(head, (uint32_t)(HEAD + text.len));
    head[4] = TDS_TYPE_NVARCHAR;
    head[5] = PROPERTIES;
    memcpy(head + 6, tds_collation_latin1, TDS_COLLATION_SIZE);
    br_store_u16le(head + 6 + TDS_COLLATION_SIZE, NVARCHAR_MAX);
    st = tds_writer_bytes(w, head, sizeof head, err);
  }
  if (st == BR_OK) {
    st = tds_writer_bytes(w, text.data, text.len, err);
  }
  br_buf_done(&text);
  return st;
}

const tds_type_family tds_family_variant = {
    .name = "sql_variant",
    .read_info = read_variant_info,
    .write_info = write_variant_info,
    .spec = variant_spec,
    .prepare = prepare_variant,
    .write_value = write_variant,
};

/* --- NULL: a column without a type, all of whose values are NULL and take no bytes --- */

static batch_sql_typespec null_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_INT};
}

static br_status decode_null(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                             br_error *err) {
  (void)d;
  (void)r;
  return batch_column_append_null(out, row, err);
}

static br_status prepare_null(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = decode_null;
  return BR_OK;
}

static br_status write_no_value(tds_writer *w, const tds_type_info *info,
                                const batch_column *column, size_t row, br_error *err) {
  (void)w;
  (void)info;
  (void)column;
  (void)row;
  return br_error_set(err, BR_ERR_DATA, "A value in a column of NULLs");
}

const tds_type_family tds_family_null = {
    .name = "NULL",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = null_spec,
    .prepare = prepare_null,
    .write_value = write_no_value,
};
