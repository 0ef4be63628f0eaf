#include "parquet/convert.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "batch/value.h"

static br_status out_of_range(br_error *err) {
  return br_error_set(err, BR_ERR_DATA, "a value does not fit its type");
}

/* 10^precision. */
static batch_i128 power_of_ten(unsigned precision) {
  batch_i128 limit = 1;
  for (unsigned i = 0; i < precision; i++) {
    limit *= 10;
  }
  return limit;
}

/* Stores an integer into a layout of integers or decimals, if it has room. */
static br_status store_integer(const parquet_leaf *leaf, batch_column *column, size_t row,
                               batch_i128 value, br_error *err) {
  unsigned precision = leaf->type.precision;
  if (precision != 0) {
    batch_i128 limit = power_of_ten(precision);
    if (value >= limit || value <= -limit) {
      return out_of_range(err);
    }
  }
  switch (batch_layout_width(column->layout)) {
  case 2:
    if (value < INT16_MIN || value > INT16_MAX) {
      return out_of_range(err);
    }
    ((int16_t *)column->values)[row] = (int16_t)value;
    return BR_OK;
  case 4:
    if (value < INT32_MIN || value > INT32_MAX) {
      return out_of_range(err);
    }
    ((int32_t *)column->values)[row] = (int32_t)value;
    return BR_OK;
  case 8:
    if (value < INT64_MIN || value > INT64_MAX) {
      return out_of_range(err);
    }
    ((int64_t *)column->values)[row] = (int64_t)value;
    return BR_OK;
  default:
    batch_store_i128((uint8_t *)column->values + row * 16, value);
    return BR_OK;
  }
}

static br_status convert_integer(const parquet_leaf *leaf, const uint8_t *number,
                                 batch_column *column, size_t row, br_error *err) {
  batch_i128 value = 0;
  if (leaf->physical == PARQUET_INT32) {
    uint32_t raw = br_load_u32le(number);
    int bits = leaf->type.layout == BATCH_INT16 && leaf->is_unsigned ? 8 : 32;
    value = leaf->is_unsigned ? (batch_i128)raw : (batch_i128)(int32_t)raw;
    if (bits == 8 && raw > UINT8_MAX) {
      return out_of_range(err);
    }
  } else {
    uint64_t raw = br_load_u64le(number);
    value = leaf->is_unsigned ? (batch_i128)raw : (batch_i128)(int64_t)raw;
  }
  if (leaf->divide != 1) {
    if (value % leaf->divide != 0) {
      return br_error_set(err, BR_ERR_UNSUPPORTED,
                          "a time has nanoseconds, which microseconds can't hold");
    }
    value /= leaf->divide;
  }
  return store_integer(leaf, column, row, value * leaf->multiply, err);
}

/* Nanoseconds since midnight and the Julian day: what Spark and Impala wrote before there were
 * logical types. */
static br_status convert_int96(const uint8_t *number, batch_column *column, size_t row,
                               br_error *err) {
  enum { JULIAN_DAY_1970 = 2440588, NS_PER_US = 1000 };
  int64_t ns = (int64_t)br_load_u64le(number);
  int64_t day = (int32_t)br_load_u32le(number + 8) - (int64_t)JULIAN_DAY_1970;
  if (ns % NS_PER_US != 0) {
    return br_error_set(err, BR_ERR_UNSUPPORTED,
                        "a time has nanoseconds, which microseconds can't hold");
  }
  int64_t us = 0;
  if (__builtin_mul_overflow(day, BATCH_US_PER_DAY, &us) ||
      __builtin_add_overflow(us, ns / NS_PER_US, &us)) {
    return out_of_range(err);
  }
  ((int64_t *)column->values)[row] = us;
  return BR_OK;
}

/* Big-endian two's complement of any length; bytes over 16 may only repeat the sign. */
static br_status convert_decimal(const parquet_leaf *leaf, parquet_bytes_view view,
                                 batch_column *column, size_t row, br_error *err) {
  uint8_t little[16];
  uint8_t sign = view.length > 0 && (view.bytes[0] & 0x80) != 0 ? 0xFF : 0;
  memset(little, sign, sizeof little);
  for (size_t i = 0; i < view.length; i++) {
    uint8_t byte = view.bytes[view.length - 1 - i];
    if (i < sizeof little) {
      little[i] = byte;
    } else if (byte != sign) {
      return out_of_range(err);
    }
  }
  if ((little[15] & 0x80) != (sign & 0x80)) {
    return out_of_range(err);
  }
  return store_integer(leaf, column, row, batch_load_i128(little), err);
}

static float float_of_half(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
  unsigned exponent = half >> 10 & 0x1FU;
  uint32_t fraction = half & 0x3FFU;
  float value = 0;
  if (exponent == 0) {
    value = (float)fraction / 16777216.0F; /* 2^-24: subnormal */
    return sign != 0 ? -value : value;
  }
  uint32_t bits = sign | (exponent == 31 ? 0xFFU : exponent + 112) << 23 | fraction << 13;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static br_status convert_bytes(const parquet_leaf *leaf, parquet_bytes_view view,
                               batch_column *column, size_t row, br_error *err) {
  size_t bad = 0;
  if (leaf->conversion == PARQUET_CONVERT_TEXT &&
      !br_utf8_valid((const char *)view.bytes, view.length, &bad)) {
    return br_error_set(err, BR_ERR_DATA, "text is not UTF-8 at its byte %zu", bad);
  }
  return batch_column_append_bytes(column, row, view.bytes, view.length, err);
}

static br_status convert_one(const parquet_leaf *leaf, const parquet_piece *piece, size_t at,
                             unsigned width, batch_column *column, size_t row, br_error *err) {
  const uint8_t *number = piece->numbers + at * width;
  batch_column_mark_valid(column, row);
  switch (leaf->conversion) {
  case PARQUET_CONVERT_COPY:
    memcpy((uint8_t *)column->values + row * width, number, width);
    return BR_OK;
  case PARQUET_CONVERT_BOOL:
    batch_column_set_bool(column, row, *number != 0);
    return BR_OK;
  case PARQUET_CONVERT_INTEGER:
    return convert_integer(leaf, number, column, row, err);
  case PARQUET_CONVERT_INT96:
    return convert_int96(number, column, row, err);
  case PARQUET_CONVERT_DECIMAL:
    return convert_decimal(leaf, piece->strings[at], column, row, err);
  case PARQUET_CONVERT_FLOAT16:
    ((float *)column->values)[row] = float_of_half(br_load_u16le(piece->strings[at].bytes));
    return BR_OK;
  case PARQUET_CONVERT_BYTES:
  case PARQUET_CONVERT_TEXT:
    return convert_bytes(leaf, piece->strings[at], column, row, err);
  }
  return br_error_set(err, BR_ERR_INTERNAL, "a conversion without a rule");
}

br_status parquet_convert_rows(const parquet_leaf *leaf, parquet_values *values,
                               parquet_piece *piece, const uint32_t *present, size_t rows,
                               batch_column *column, size_t row, br_error *err) {
  size_t want = rows;
  if (present != NULL) {
    want = 0;
    for (size_t i = 0; i < rows; i++) {
      want += present[i];
    }
  }
  size_t have = 0;
  size_t at = 0;
  for (size_t i = 0; i < rows; i++) {
    br_status st = BR_OK;
    if (present != NULL && present[i] == 0) {
      if ((st = batch_column_append_null(column, row + i, err)) != BR_OK) {
        return st;
      }
      continue;
    }
    if (at == have) {
      if ((st = parquet_values_next(values, want, piece, &have, err)) != BR_OK) {
        return st;
      }
      at = 0;
      want -= have;
    }
    st = convert_one(leaf, piece, at++, values->width, column, row + i, err);
    if (st != BR_OK) {
      return br_error_context(err, st, "Parquet: column %s", leaf->name);
    }
  }
  return BR_OK;
}
