/* Values out of columns, as text, and into columns by the table of targets. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "batch/cast_value.h"

static void load_bytes(const batch_column *column, size_t row, cast_value *value) {
  size_t at = (size_t)column->offsets[row];
  value->length = (size_t)column->offsets[row + 1] - at;
  /* A column of empty values may have no data at all. */
  value->bytes = value->length == 0 ? "" : (const char *)column->data + at;
}

void cast_load(const batch_column *column, const batch_type *type, size_t row,
               cast_value *ret_value) {
  ret_value->source = cast_source_of(column->layout);
  switch (column->layout) {
  case BATCH_BOOL:
    ret_value->integer = batch_column_get_bool(column, row) ? 1 : 0;
    break;
  case BATCH_FLOAT:
    ret_value->number = (double)((const float *)column->values)[row];
    ret_value->is_single = true;
    break;
  case BATCH_DOUBLE:
    ret_value->number = ((const double *)column->values)[row];
    ret_value->is_single = false;
    break;
  case BATCH_DECIMAL32:
  case BATCH_DECIMAL64:
    ret_value->decimal = cast_get_int(column, row);
    ret_value->scale = type->scale;
    break;
  case BATCH_DECIMAL128:
    ret_value->decimal = batch_load_i128((const uint8_t *)column->values + row * 16);
    ret_value->scale = type->scale;
    break;
  case BATCH_STRING:
  case BATCH_BINARY:
    load_bytes(column, row, ret_value);
    break;
  default:
    ret_value->integer = cast_get_int(column, row);
    break;
  }
}

void cast_value_text(const cast_value *value, char *text, size_t size) {
  switch (value->source) {
  case CAST_FROM_BOOL:
    (void)snprintf(text, size, "%s", value->integer != 0 ? "true" : "false");
    break;
  case CAST_FROM_INT:
    (void)snprintf(text, size, "%" PRId64, value->integer);
    break;
  case CAST_FROM_DECIMAL:
    batch_decimal_text(value->decimal, value->scale, text, size);
    break;
  case CAST_FROM_FLOAT:
    if (value->is_single) {
      batch_float_text((float)value->number, text, size);
    } else {
      batch_double_text(value->number, text, size);
    }
    break;
  case CAST_FROM_DATE:
    batch_date_text((int32_t)value->integer, text);
    break;
  case CAST_FROM_TIME:
    batch_time_text((uint64_t)value->integer, 6, text);
    break;
  case CAST_FROM_STAMP:
  case CAST_FROM_INSTANT:
    batch_timestamp_text(value->integer, 6, text);
    if (value->source == CAST_FROM_INSTANT) {
      (void)strncat(text, "Z", size - strlen(text) - 1);
    }
    break;
  default:
    (void)snprintf(text, size, "a value of %zu bytes", value->length);
    break;
  }
}

enum { SHOWN_MAX = 64, SHOWN_SIZE = SHOWN_MAX + BR_EXCERPT_MORE + 2 };

/* A value for a message: text in quotes, whole characters of it. */
static void show(const cast_value *value, char shown[static SHOWN_SIZE]) {
  if (value->source != CAST_FROM_TEXT) {
    cast_value_text(value, shown, SHOWN_SIZE);
    return;
  }
  shown[0] = '\'';
  const size_t length = br_secret_excerpt(shown + 1, SHOWN_MAX, value->bytes, value->length);
  memcpy(shown + 1 + length, "'", sizeof "'");
}

br_status cast_is_no(const cast_target *target, const cast_value *value, br_error *err) {
  char shown[SHOWN_SIZE];
  show(value, shown);
  return br_error_set(err, BR_ERR_DATA, "%s is no %s", shown, target->name);
}

br_status cast_out_of_range(const cast_target *target, const cast_value *value, br_error *err) {
  char shown[SHOWN_SIZE];
  show(value, shown);
  return br_error_set(err, BR_ERR_DATA, "%s is out of the range of %s", shown, target->name);
}

br_status cast_store(const cast_target *target, const cast_value *value, batch_column *out,
                     size_t row, br_error *err) {
  static cast_store_fn *const stores[CAST_KIND_COUNT] = {
      [CAST_TO_BOOL] = cast_store_bool,       [CAST_TO_INT] = cast_store_int,
      [CAST_TO_DECIMAL] = cast_store_decimal, [CAST_TO_FLOAT] = cast_store_float,
      [CAST_TO_DATE] = cast_store_date,       [CAST_TO_TIME] = cast_store_time,
      [CAST_TO_STAMP] = cast_store_stamp,     [CAST_TO_TEXT] = cast_store_text,
      [CAST_TO_GUID] = cast_store_guid,       [CAST_TO_BINARY] = cast_store_binary,
  };
  br_status st = stores[target->kind](target, value, out, row, err);
  if (st == BR_OK) {
    batch_column_mark_valid(out, row);
  }
  return st;
}

br_status cast_store_null(const cast_target *target, batch_column *out, size_t row, br_error *err) {
  if (!target->nullable) {
    return br_error_set(err, BR_ERR_DATA, "NULL in a column that is NOT NULL");
  }
  return batch_column_append_null(out, row, err);
}
