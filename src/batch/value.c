/* Cells as text, and GUIDs. Decimals are in decimal.c, dates and times in calendar.c. */
#include "batch/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/secret.h"

static br_status bool_text(const batch_column *column, const batch_type *type, size_t row,
                           br_buf *out, br_error *err) {
  (void)type;
  return br_buf_text(out, batch_column_get_bool(column, row) ? "true" : "false", err);
}

/* The value at row of a column of whole numbers. */
static int64_t load_integer(const batch_column *column, size_t row) {
  switch (batch_layout_width(column->layout)) {
  case 2:
    return ((const int16_t *)column->values)[row];
  case 4:
    return ((const int32_t *)column->values)[row];
  default:
    return ((const int64_t *)column->values)[row];
  }
}

static br_status integer_text(const batch_column *column, const batch_type *type, size_t row,
                              br_buf *out, br_error *err) {
  (void)type;
  return br_buf_printf(out, err, "%" PRId64, load_integer(column, row));
}

/* True: the text of a value that is not a number of digits. */
static bool special_text(double value, char *text, size_t size) {
  if (isfinite(value)) {
    return false;
  }
  (void)snprintf(text, size, "%s", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  return true;
}

void batch_float_text(float value, char *text, size_t size) {
  if (special_text((double)value, text, size)) {
    return;
  }
  for (int digits = 6; digits <= 9; digits++) {
    (void)snprintf(text, size, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value) {
      break;
    }
  }
}

void batch_double_text(double value, char *text, size_t size) {
  if (special_text(value, text, size)) {
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    (void)snprintf(text, size, "%.*g", digits, value);
    if (strtod(text, NULL) == value) {
      break;
    }
  }
}

static br_status float_text(const batch_column *column, const batch_type *type, size_t row,
                            br_buf *out, br_error *err) {
  (void)type;
  char text[32];
  batch_float_text(((const float *)column->values)[row], text, sizeof text);
  return br_buf_text(out, text, err);
}

static br_status double_text(const batch_column *column, const batch_type *type, size_t row,
                             br_buf *out, br_error *err) {
  (void)type;
  char text[32];
  batch_double_text(((const double *)column->values)[row], text, sizeof text);
  return br_buf_text(out, text, err);
}

static br_status decimal_text(const batch_column *column, const batch_type *type, size_t row,
                              br_buf *out, br_error *err) {
  batch_i128 value = column->layout == BATCH_DECIMAL128
                         ? batch_load_i128((const uint8_t *)column->values + row * 16)
                         : load_integer(column, row);
  char text[48];
  batch_decimal_text(value, type->scale, text, sizeof text);
  return br_buf_text(out, text, err);
}

static br_status date_text(const batch_column *column, const batch_type *type, size_t row,
                           br_buf *out, br_error *err) {
  (void)type;
  char text[16];
  batch_date_text((int32_t)load_integer(column, row), text);
  return br_buf_text(out, text, err);
}

static br_status time_text(const batch_column *column, const batch_type *type, size_t row,
                           br_buf *out, br_error *err) {
  (void)type;
  char text[20];
  batch_time_text((uint64_t)load_integer(column, row), 6, text);
  return br_buf_text(out, text, err);
}

static br_status timestamp_text(const batch_column *column, const batch_type *type, size_t row,
                                br_buf *out, br_error *err) {
  char text[32];
  batch_timestamp_text(load_integer(column, row), 6, text);
  return br_buf_printf(out, err, "%s%s", text, type->layout == BATCH_TIMESTAMP_US_UTC ? "Z" : "");
}

static size_t cell_bytes(const batch_column *column, size_t row, const uint8_t **ret_bytes) {
  size_t length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
  /* A column of empty values may have no data at all. */
  *ret_bytes = length == 0 ? NULL : column->data + column->offsets[row];
  return length;
}

static br_status string_text(const batch_column *column, const batch_type *type, size_t row,
                             br_buf *out, br_error *err) {
  (void)type;
  const uint8_t *bytes = NULL;
  size_t length = cell_bytes(column, row, &bytes);
  return br_buf_append(out, bytes, length, err);
}

static br_status binary_text(const batch_column *column, const batch_type *type, size_t row,
                             br_buf *out, br_error *err) {
  (void)type;
  static const char digits[] = "0123456789ABCDEF";
  const uint8_t *bytes = NULL;
  size_t length = cell_bytes(column, row, &bytes);
  br_status st = br_buf_reserve(out, 2 + 2 * length, err);
  if (st == BR_OK) {
    uint8_t *to = out->data + out->len;
    *to++ = '0';
    *to++ = 'x';
    for (size_t i = 0; i < length; i++) {
      *to++ = (uint8_t)digits[bytes[i] >> 4];
      *to++ = (uint8_t)digits[bytes[i] & 0x0FU];
    }
    out->len += 2 + 2 * length;
  }
  return st;
}

typedef br_status cell_writer(const batch_column *column, const batch_type *type, size_t row,
                              br_buf *out, br_error *err);

static cell_writer *const writers[BATCH_LAYOUT_COUNT] = {
    [BATCH_BOOL] = bool_text,
    [BATCH_INT16] = integer_text,
    [BATCH_INT32] = integer_text,
    [BATCH_INT64] = integer_text,
    [BATCH_FLOAT] = float_text,
    [BATCH_DOUBLE] = double_text,
    [BATCH_DECIMAL32] = decimal_text,
    [BATCH_DECIMAL64] = decimal_text,
    [BATCH_DECIMAL128] = decimal_text,
    [BATCH_DATE32] = date_text,
    [BATCH_TIME64_US] = time_text,
    [BATCH_TIMESTAMP_US] = timestamp_text,
    [BATCH_TIMESTAMP_US_UTC] = timestamp_text,
    [BATCH_STRING] = string_text,
    [BATCH_BINARY] = binary_text,
};

br_status batch_cell_text(const batch *b, size_t column, size_t row, br_buf *out, bool *ret_null,
                          br_error *err) {
  const batch_column *cells = &b->columns[column];
  bool null = !batch_column_is_valid(cells, row);
  br_status st =
      null ? br_buf_text(out, "NULL", err)
           : writers[cells->layout](cells, &b->schema->fields[column].type, row, out, err);
  if (st == BR_OK && ret_null != NULL) {
    *ret_null = null;
  }
  return st;
}

enum { GUID_TEXT_LENGTH = 36 };

/* The bytes of the wire in the order of their text: the first three groups are little-endian
 * numbers (MS-DTYP 2.3.4.2), -1 is a hyphen. */
static const int8_t guid_order[] = {3,  2, 1, 0,  -1, 5,  4,  -1, 7,  6,
                                    -1, 8, 9, -1, 10, 11, 12, 13, 14, 15};

void batch_guid_text(const uint8_t *wire, char *text) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < sizeof guid_order; i++) {
    if (guid_order[i] < 0) {
      *text++ = '-';
      continue;
    }
    uint8_t byte = wire[guid_order[i]];
    *text++ = digits[byte >> 4];
    *text++ = digits[byte & 0x0FU];
  }
  *text = '\0';
}

br_status batch_guid_parse(const char *text, size_t length, uint8_t *ret_wire, br_error *err) {
  const char *p = text;
  bool ok = length == GUID_TEXT_LENGTH;
  if (length == GUID_TEXT_LENGTH + 2 && text[0] == '{' && text[length - 1] == '}') {
    p++;
    ok = true;
  }
  uint8_t wire[16] = {0};
  for (size_t i = 0; ok && i < sizeof guid_order; i++) {
    if (guid_order[i] < 0) {
      ok = *p++ == '-';
      continue;
    }
    int high = br_hex_digit(p[0]);
    int low = high < 0 ? -1 : br_hex_digit(p[1]);
    ok = low >= 0;
    wire[guid_order[i]] = ok ? (uint8_t)(high * 16 + low) : 0;
    p += 2;
  }
  if (!ok) {
    enum { SHOWN_MAX = 64 };
    char shown[SHOWN_MAX + BR_EXCERPT_MORE];
    (void)br_secret_excerpt(shown, SHOWN_MAX, text, length);
    return br_error_set(err, BR_ERR_DATA, "'%s' is not a GUID", shown);
  }
  memcpy(ret_wire, wire, sizeof wire);
  return BR_OK;
}
