/* One value of a JSON result into a column. The text is in the form that the select list asked for,
 * so anything else is the server's fault. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "batch/value.h"
#include "databricks/error.h"
#include "databricks/rows.h"

enum { LONGEST_NUMBER = 400 };

static bool parse_integer(const char *text, size_t length, int64_t least, int64_t most,
                          int64_t *ret_value) {
  bool negative = length > 0 && text[0] == '-';
  size_t i = negative ? 1 : 0;
  uint64_t ceiling = negative ? UINT64_C(1) << 63 : (uint64_t)INT64_MAX;
  uint64_t number = 0;
  if (i == length) {
    return false;
  }
  for (; i < length; i++) {
    unsigned digit = (unsigned)(unsigned char)text[i] - '0';
    if (digit > 9 || number > (ceiling - digit) / 10) {
      return false;
    }
    number = number * 10 + digit;
  }
  int64_t value = negative ? (int64_t)(UINT64_C(0) - number) : (int64_t)number;
  if (value < least || value > most) {
    return false;
  }
  *ret_value = value;
  return true;
}

/* Java's words, or decimal digits with an exponent: strtod takes more than that. */
static bool parse_real(const char *text, size_t length, bool single, double *ret_value) {
  static const struct {
    const char *word;
    double value;
  } words[] = {
      {"NaN", (double)NAN}, {"Infinity", (double)INFINITY}, {"-Infinity", -(double)INFINITY}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strlen(words[i].word) == length && memcmp(words[i].word, text, length) == 0) {
      *ret_value = words[i].value;
      return true;
    }
  }
  char copy[LONGEST_NUMBER + 1];
  if (length == 0 || length > LONGEST_NUMBER || text[0] == '+') {
    return false;
  }
  memcpy(copy, text, length);
  copy[length] = '\0';
  if (strspn(copy, "0123456789+-.eE") != length) {
    return false;
  }
  char *end = NULL;
  double value = single ? (double)strtof(copy, &end) : strtod(copy, &end);
  if (end != copy + length || isinf(value)) {
    return false;
  }
  *ret_value = value;
  return true;
}

static bool append_real(batch_column *column, size_t row, const char *text, size_t length) {
  double value = 0;
  bool single = column->layout == BATCH_FLOAT;
  if (!parse_real(text, length, single, &value)) {
    return false;
  }
  if (single) {
    ((float *)column->values)[row] = (float)value;
  } else {
    ((double *)column->values)[row] = value;
  }
  return true;
}

static bool append_integer(batch_column *column, size_t row, const char *text, size_t length) {
  int64_t value = 0;
  switch (column->layout) {
  case BATCH_INT16:
    if (!parse_integer(text, length, INT16_MIN, INT16_MAX, &value)) {
      return false;
    }
    ((int16_t *)column->values)[row] = (int16_t)value;
    return true;
  case BATCH_INT32:
  case BATCH_DATE32:
    if (!parse_integer(text, length, INT32_MIN, INT32_MAX, &value)) {
      return false;
    }
    ((int32_t *)column->values)[row] = (int32_t)value;
    return true;
  default:
    return parse_integer(text, length, INT64_MIN, INT64_MAX, &((int64_t *)column->values)[row]);
  }
}

static bool append_bool(batch_column *column, size_t row, const char *text, size_t length) {
  bool value = length == 4 && memcmp(text, "true", 4) == 0;
  if (!value && (length != 5 || memcmp(text, "false", 5) != 0)) {
    return false;
  }
  batch_column_set_bool(column, row, value);
  return true;
}

static bool append_decimal(const batch_type *type, batch_column *column, size_t row,
                           const char *text, size_t length) {
  batch_i128 value = 0;
  if (batch_decimal_parse(text, length, type->precision, type->scale, false, &value, NULL) !=
      BR_OK) {
    return false;
  }
  batch_store_i128((uint8_t *)column->values + row * 16, value);
  return true;
}

static bool append_timestamp(batch_column *column, size_t row, const char *text, size_t length) {
  bool zone = false;
  int64_t value = 0;
  if (batch_timestamp_parse(text, length, &value, &zone, NULL) != BR_OK || zone) {
    return false;
  }
  ((int64_t *)column->values)[row] = value;
  return true;
}

/* Decoded where it is to lie: a value may be large. */
static br_status append_hex(batch_column *column, size_t row, const char *text, size_t length,
                            bool *ret_good, br_error *err) {
  br_status st = batch_column_reserve_data(column, length / 2, err);
  if (st != BR_OK) {
    return st;
  }
  bool good = length % 2 == 0;
  uint8_t *out = length == 0 ? NULL : column->data + column->data_len;
  for (size_t i = 0; good && i < length; i += 2) {
    int high = br_hex_digit(text[i]);
    int low = br_hex_digit(text[i + 1]);
    good = high >= 0 && low >= 0;
    if (good) {
      out[i / 2] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
  }
  if (good) {
    column->data_len += length / 2;
    column->offsets[row + 1] = (int32_t)column->data_len;
  }
  *ret_good = good;
  return BR_OK;
}

static br_status refuse(const dbx_rows_column *about, const char *text, size_t length,
                        br_error *err) {
  enum { SHOWN = 40 };
  char shown[SHOWN + 1];
  size_t cut = length < SHOWN ? length : SHOWN;
  memcpy(shown, text, cut);
  shown[cut] = '\0';
  dbx_text_clean(shown);
  return br_error_set(err, BR_ERR_PROTOCOL, "\"%s%s\" is no %.100s as this program asked for it",
                      shown, cut < length ? "…" : "", about->type_text);
}

br_status dbx_rows_append(const dbx_rows_column *about, batch_column *column, size_t row,
                          const char *text, size_t length, br_error *err) {
  bool good = true;
  br_status st = BR_OK;
  if (text == NULL) {
    return batch_column_append_null(column, row, err);
  }
  switch (column->layout) {
  case BATCH_STRING:
    return batch_column_append_bytes(column, row, text, length, err);
  case BATCH_BINARY:
    st = append_hex(column, row, text, length, &good, err);
    break;
  case BATCH_BOOL:
    good = append_bool(column, row, text, length);
    break;
  case BATCH_FLOAT:
  case BATCH_DOUBLE:
    good = append_real(column, row, text, length);
    break;
  case BATCH_DECIMAL128:
    good = append_decimal(&about->type, column, row, text, length);
    break;
  case BATCH_TIMESTAMP_US:
    good = append_timestamp(column, row, text, length);
    break;
  default:
    good = append_integer(column, row, text, length);
    break;
  }
  if (st != BR_OK || !good) {
    return st != BR_OK ? st : refuse(about, text, length, err);
  }
  batch_column_mark_valid(column, row);
  return BR_OK;
}
