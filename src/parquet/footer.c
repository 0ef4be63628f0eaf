#include "parquet/footer.h"

#include "parquet/kind.h"
#include "parquet/thrift.h"

enum { FORMAT_VERSION = 2 };

static void put_logical(parquet_thrift_writer *w, const batch_type *type,
                        const parquet_kind *kind) {
  if (kind->logical == PARQUET_LOGICAL_NONE) {
    return;
  }
  parquet_thrift_struct(w, 10);
  parquet_thrift_struct(w, (int)kind->logical);
  if (kind->logical == PARQUET_LOGICAL_DECIMAL) {
    parquet_thrift_i32(w, 1, type->scale);
    parquet_thrift_i32(w, 2, type->precision);
  } else if (kind->logical == PARQUET_LOGICAL_TIME || kind->logical == PARQUET_LOGICAL_TIMESTAMP) {
    parquet_thrift_bool(w, 1, kind->utc);
    parquet_thrift_struct(w, 2);
    parquet_thrift_empty(w, PARQUET_MICROS);
    parquet_thrift_end(w);
  } else if (kind->logical == PARQUET_LOGICAL_INTEGER) {
    parquet_thrift_i8(w, 1, 16);
    parquet_thrift_bool(w, 2, true);
  }
  parquet_thrift_end(w);
  parquet_thrift_end(w);
}

static void put_field(parquet_thrift_writer *w, const batch_field *field) {
  const parquet_kind *kind = parquet_kind_of(field->type.layout);
  parquet_thrift_element_struct(w);
  parquet_thrift_i32(w, 1, (int32_t)kind->physical);
  if (kind->physical == PARQUET_FIXED_LEN_BYTE_ARRAY) {
    parquet_thrift_i32(w, 2, (int32_t)parquet_plain_width(&field->type));
  }
  parquet_thrift_i32(w, 3, field->nullable ? PARQUET_OPTIONAL : PARQUET_REQUIRED);
  parquet_thrift_text(w, 4, field->name);
  if (kind->converted != PARQUET_CONVERTED_NONE) {
    parquet_thrift_i32(w, 6, (int32_t)kind->converted);
  }
  if (kind->logical == PARQUET_LOGICAL_DECIMAL) {
    parquet_thrift_i32(w, 7, field->type.scale);
    parquet_thrift_i32(w, 8, field->type.precision);
  }
  put_logical(w, &field->type, kind);
  parquet_thrift_end(w);
}

static void put_schema(parquet_thrift_writer *w, const batch_schema *schema) {
  parquet_thrift_list(w, 2, PARQUET_THRIFT_STRUCT, schema->count + 1);
  parquet_thrift_element_struct(w);
  parquet_thrift_text(w, 4, "schema");
  parquet_thrift_i32(w, 5, (int32_t)schema->count);
  parquet_thrift_end(w);
  for (size_t i = 0; i < schema->count; i++) {
    put_field(w, &schema->fields[i]);
  }
}

br_status parquet_footer_head(const parquet_footer *footer, br_buf *out, br_error *err) {
  parquet_thrift_writer w = parquet_thrift_writer_of(out, err);
  parquet_thrift_i32(&w, 1, FORMAT_VERSION);
  put_schema(&w, footer->schema);
  parquet_thrift_i64(&w, 3, (int64_t)footer->rows);
  parquet_thrift_list(&w, 4, PARQUET_THRIFT_STRUCT, footer->groups);
  return parquet_thrift_status(&w);
}

br_status parquet_footer_tail(const parquet_footer *footer, br_buf *out, br_error *err) {
  parquet_thrift_writer w = parquet_thrift_writer_of(out, err);
  w.last_id[0] = 4; /* the list of row groups is before this */
  if (footer->pairs > 0) {
    parquet_thrift_list(&w, 5, PARQUET_THRIFT_STRUCT, footer->pairs);
    if (parquet_thrift_status(&w) == BR_OK) {
      w.status = br_buf_append(out, footer->pair_bytes->data, footer->pair_bytes->len, err);
    }
  }
  parquet_thrift_text(&w, 6, footer->created_by);
  parquet_thrift_list(&w, 7, PARQUET_THRIFT_STRUCT, footer->schema->count);
  for (size_t i = 0; i < footer->schema->count; i++) {
    parquet_thrift_element_struct(&w);
    parquet_thrift_empty(&w, 1); /* TypeDefinedOrder */
    parquet_thrift_end(&w);
  }
  parquet_thrift_end(&w);
  return parquet_thrift_status(&w);
}

br_status parquet_footer_pair(br_buf *out, const char *key, const char *value, br_error *err) {
  size_t before = out->len;
  parquet_thrift_writer w = parquet_thrift_writer_of(out, err);
  parquet_thrift_element_struct(&w);
  parquet_thrift_text(&w, 1, key);
  parquet_thrift_text(&w, 2, value);
  parquet_thrift_end(&w);
  br_status st = parquet_thrift_status(&w);
  if (st != BR_OK) {
    out->len = before;
  }
  return st;
}
