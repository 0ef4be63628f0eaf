/*
 * One column's buffers of an Arrow IPC message: checked once when the message comes, then copied
 * into batch columns, a slice of its rows at a time. Buffers need not be aligned, so that numbers
 * are loaded byte by byte (memcpy).
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "batch/column.h"
#include "batch/ipc.h"
#include "batch/value.h"

#define MS_PER_DAY INT64_C(86400000)

unsigned ipc_wire_buffers(const ipc_wire *wire) {
  return wire->kind == IPC_NOTHING ? 0U : wire->kind == IPC_BYTES ? 3U : 2U;
}

static int64_t load_signed(const uint8_t *values, size_t row, size_t width) {
  const uint8_t *p = values + row * width;
  switch (width) {
  case 1:
    return *p - (*p >= 0x80 ? 0x100 : 0);
  case 2:
    return (int16_t)br_load_u16le(p);
  case 4:
    return (int32_t)br_load_u32le(p);
  default:
    return (int64_t)br_load_u64le(p);
  }
}

static int64_t load_integer(const ipc_wire *wire, const uint8_t *values, size_t row) {
  int64_t value = load_signed(values, row, wire->width);
  if (!wire->is_unsigned || wire->width == 8) {
    return value;
  }
  return value & ((INT64_C(1) << (8 * wire->width)) - 1);
}

static size_t offset_width(const ipc_wire *wire) {
  return wire->is_large ? 8 : 4;
}

static int64_t load_offset(const ipc_wire *wire, const ipc_array *array, size_t row) {
  return load_signed(array->values, row, offset_width(wire));
}

static br_status check_offsets(const ipc_wire *wire, const ipc_array *array, br_error *err) {
  if (array->rows == 0) {
    return BR_OK;
  }
  if (array->values_length / offset_width(wire) < array->rows + 1) {
    return br_error_set(err, BR_ERR_PROTOCOL, "%zu bytes of offsets are not enough for %zu rows",
                        array->values_length, array->rows);
  }
  int64_t last = load_offset(wire, array, 0);
  bool ordered = last >= 0;
  for (size_t row = 1; ordered && row <= array->rows; row++) {
    int64_t next = load_offset(wire, array, row);
    ordered = next >= last;
    last = next;
  }
  if (!ordered || (uint64_t)last > array->data_length) {
    return br_error_set(err, BR_ERR_PROTOCOL, "Offsets that go backwards or out of the data");
  }
  return BR_OK;
}

br_status ipc_array_check(const ipc_wire *wire, const ipc_array *array, br_error *err) {
  size_t bitmap = (array->rows + 7) / 8;
  if (array->validity != NULL && array->validity_length < bitmap) {
    return br_error_set(err, BR_ERR_PROTOCOL, "NULLs without a bitmap for all rows");
  }
  if (wire->kind == IPC_BYTES) {
    return check_offsets(wire, array, err);
  }
  size_t needed = wire->kind == IPC_BITS ? bitmap : array->rows * wire->width;
  if (array->values_length < needed) {
    return br_error_set(err, BR_ERR_PROTOCOL, "%zu bytes of values are not enough for %zu rows",
                        array->values_length, array->rows);
  }
  return BR_OK;
}

static bool is_valid(const ipc_array *array, size_t row) {
  return array->validity == NULL || (array->validity[row >> 3] >> (row & 7U) & 1U) != 0;
}

static br_status slice_validity(const ipc_array *array, size_t start, size_t rows,
                                batch_column *out, br_error *err) {
  if (array->validity == NULL) {
    return BR_OK;
  }
  if (out->validity != NULL) {
    out->nulls = batch_bits_copy(array->validity, start, rows, out->validity);
    return BR_OK;
  }
  for (size_t row = 0; row < rows; row++) {
    if (!is_valid(array, start + row)) {
      return br_error_set(err, BR_ERR_PROTOCOL, "NULL in a column that is NOT NULL");
    }
  }
  return BR_OK;
}

static br_status slice_nothing(size_t rows, batch_column *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t row = 0; st == BR_OK && row < rows; row++) {
    st = batch_column_append_null(out, row, err);
  }
  return st;
}

static void slice_widened(const ipc_wire *wire, const ipc_array *array, size_t start, size_t rows,
                          batch_column *out) {
  size_t width = batch_layout_width(out->layout);
  for (size_t row = 0; row < rows; row++) {
    int64_t value = load_integer(wire, array->values, start + row);
    if (width == 2) {
      ((int16_t *)out->values)[row] = (int16_t)value;
    } else if (width == 4) {
      ((int32_t *)out->values)[row] = (int32_t)value;
    } else {
      ((int64_t *)out->values)[row] = value;
    }
  }
}

/* Other programs trust a decimal to have no more digits than its type. */
static br_status check_digits(const ipc_wire *wire, const batch_column *out, size_t rows,
                              br_error *err) {
  batch_i128 limit = 1;
  for (unsigned i = 0; i < wire->type.precision; i++) {
    limit *= 10;
  }
  bool ok = true;
  for (size_t row = 0; row < rows; row++) {
    batch_i128 value = wire->width == 16 ? batch_load_i128((const uint8_t *)out->values + row * 16)
                                         : load_signed(out->values, row, wire->width);
    ok = ok && value < limit && value > -limit;
  }
  return ok ? BR_OK
            : br_error_set(err, BR_ERR_PROTOCOL, "A decimal of more than %u digits",
                           wire->type.precision);
}

static br_status slice_scaled(const ipc_wire *wire, const ipc_array *array, size_t start,
                              size_t rows, batch_column *out, br_error *err) {
  bool is_time = out->layout == BATCH_TIME64_US;
  for (size_t row = 0; row < rows; row++) {
    int64_t value = load_signed(array->values, start + row, wire->width);
    int64_t us = 0;
    if (!is_valid(array, start + row)) {
      value = 0; /* what lies there may be anything */
    }
    if (value % wire->divide != 0) {
      return br_error_set(err, BR_ERR_DATA,
                          "%" PRId64 " ns have digits behind the microsecond, which can't be kept",
                          value);
    }
    if (__builtin_mul_overflow(value / wire->divide, wire->multiply, &us) ||
        (is_time && (us < 0 || us >= BATCH_US_PER_DAY))) {
      return br_error_set(err, BR_ERR_DATA, "The time %" PRId64 " is out of range", value);
    }
    ((int64_t *)out->values)[row] = us;
  }
  return BR_OK;
}

static br_status slice_days(const ipc_array *array, size_t start, size_t rows, batch_column *out,
                            br_error *err) {
  for (size_t row = 0; row < rows; row++) {
    int64_t ms = load_signed(array->values, start + row, 8);
    if (!is_valid(array, start + row)) {
      ms = 0;
    }
    int64_t days = ms / MS_PER_DAY;
    if (ms % MS_PER_DAY != 0 || days > INT32_MAX || days < INT32_MIN) {
      return br_error_set(err, BR_ERR_DATA, "%" PRId64 " ms are no whole days", ms);
    }
    ((int32_t *)out->values)[row] = (int32_t)days;
  }
  return BR_OK;
}

/* The bytes of one value; fixed_size_binary has them without offsets. */
static const uint8_t *value_bytes(const ipc_wire *wire, const ipc_array *array, size_t row,
                                  size_t *ret_length) {
  if (wire->kind == IPC_FIXED) {
    *ret_length = wire->width;
    return array->values + row * wire->width;
  }
  int64_t from = load_offset(wire, array, row);
  *ret_length = (size_t)(load_offset(wire, array, row + 1) - from);
  return array->data + from;
}

static br_status broken_text(br_error *err) {
  return br_error_set(err, BR_ERR_PROTOCOL, "Text that is not UTF-8");
}

/* Some rows are NULL, and bytes may lie under them: value by value. */
static br_status slice_some_bytes(const ipc_wire *wire, const ipc_array *array, size_t start,
                                  size_t rows, batch_column *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t row = 0; st == BR_OK && row < rows; row++) {
    size_t length = 0;
    const uint8_t *bytes = NULL;
    if (is_valid(array, start + row)) {
      bytes = value_bytes(wire, array, start + row, &length);
    }
    if (out->layout == BATCH_STRING && !br_utf8_valid((const char *)bytes, length, NULL)) {
      return broken_text(err);
    }
    st = batch_column_reserve_data(out, length, err);
    if (st == BR_OK && length > 0) {
      memcpy(out->data + out->data_len, bytes, length);
      out->data_len += length;
    }
    if (st == BR_OK) {
      out->offsets[row + 1] = (int32_t)out->data_len;
    }
  }
  return st;
}

/* Without NULLs the bytes lie as they are wanted. */
static br_status slice_all_bytes(const ipc_wire *wire, const ipc_array *array, size_t start,
                                 size_t rows, batch_column *out, br_error *err) {
  bool fixed = wire->kind == IPC_FIXED;
  int64_t first = fixed ? (int64_t)(start * wire->width) : load_offset(wire, array, start);
  int64_t end =
      fixed ? (int64_t)((start + rows) * wire->width) : load_offset(wire, array, start + rows);
  size_t length = (size_t)(end - first);
  const uint8_t *bytes = (fixed ? array->values : array->data) + first;
  br_status st = batch_column_reserve_data(out, length, err);
  if (st != BR_OK) {
    return st;
  }
  bool is_text = out->layout == BATCH_STRING;
  if (is_text && !br_utf8_valid((const char *)bytes, length, NULL)) {
    return broken_text(err);
  }
  if (length > 0) {
    memcpy(out->data, bytes, length);
  }
  out->data_len = length;
  for (size_t row = 1; row <= rows; row++) {
    int64_t offset =
        fixed ? (int64_t)(row * wire->width) : load_offset(wire, array, start + row) - first;
    /* All of it is UTF-8; no value may begin inside of a character. */
    if (is_text && (size_t)offset < length && (out->data[offset] & 0xC0U) == 0x80U) {
      return broken_text(err);
    }
    out->offsets[row] = (int32_t)offset;
  }
  return BR_OK;
}

br_status ipc_array_slice(const ipc_wire *wire, const ipc_array *array, size_t start, size_t rows,
                          batch_column *out, br_error *err) {
  if (rows == 0) {
    return BR_OK;
  }
  if (wire->kind == IPC_NOTHING) {
    return slice_nothing(rows, out, err);
  }
  br_status st = slice_validity(array, start, rows, out, err);
  if (st != BR_OK) {
    return st;
  }
  switch (wire->kind) {
  case IPC_BYTES:
  case IPC_FIXED:
    return out->nulls > 0 ? slice_some_bytes(wire, array, start, rows, out, err)
                          : slice_all_bytes(wire, array, start, rows, out, err);
  case IPC_BITS:
    (void)batch_bits_copy(array->values, start, rows, out->values);
    break;
  case IPC_WIDENED:
    slice_widened(wire, array, start, rows, out);
    break;
  case IPC_SCALED:
    st = slice_scaled(wire, array, start, rows, out, err);
    break;
  case IPC_DAYS:
    st = slice_days(array, start, rows, out, err);
    break;
  default:
    memcpy(out->values, array->values + start * wire->width, rows * wire->width);
    break;
  }
  if (st == BR_OK) {
    batch_column_zero_nulls(out, rows);
  }
  return st == BR_OK && wire->kind == IPC_DECIMAL ? check_digits(wire, out, rows, err) : st;
}

/* Appends value `from` of a column to another of the same type. */
static br_status append_value(const batch_column *values, size_t from, batch_column *out,
                              size_t row, br_error *err) {
  if (!batch_column_is_valid(values, from)) {
    return batch_column_append_null(out, row, err);
  }
  if (values->offsets != NULL) {
    size_t at = (size_t)values->offsets[from];
    size_t length = (size_t)values->offsets[from + 1] - at;
    return batch_column_append_bytes(out, row, length == 0 ? NULL : values->data + at, length, err);
  }
  size_t width = batch_layout_width(values->layout);
  if (width == 0) {
    batch_column_set_bool(out, row, batch_column_get_bool(values, from));
  } else {
    memcpy((uint8_t *)out->values + row * width, (const uint8_t *)values->values + from * width,
           width);
  }
  batch_column_mark_valid(out, row);
  return BR_OK;
}

/* The number of a valid row's value in its dictionary; false: there is none with this number. */
static bool find_value(const ipc_wire *index, const ipc_array *array, const batch *values,
                       size_t row, size_t *ret_number) {
  int64_t number = load_integer(index, array->values, row);
  if (values == NULL || number < 0 || (uint64_t)number >= values->rows) {
    return false;
  }
  *ret_number = (size_t)number;
  return true;
}

br_status ipc_array_slice_dictionary(const ipc_wire *index, const ipc_array *array,
                                     const batch *values, size_t start, size_t rows,
                                     batch_column *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t row = 0; st == BR_OK && row < rows; row++) {
    size_t number = 0;
    if (!is_valid(array, start + row)) {
      st = batch_column_append_null(out, row, err);
    } else if (!find_value(index, array, values, start + row, &number)) {
      st = br_error_set(err, BR_ERR_PROTOCOL, "A value that is not in its dictionary");
    } else {
      st = append_value(&values->columns[0], number, out, row, err);
    }
  }
  return st;
}

size_t ipc_array_value_length(const ipc_wire *wire, const ipc_array *array, size_t row) {
  size_t length = 0;
  if ((wire->kind == IPC_BYTES || wire->kind == IPC_FIXED) && is_valid(array, row)) {
    (void)value_bytes(wire, array, row, &length);
  }
  return length;
}

size_t ipc_array_dictionary_value_length(const ipc_wire *index, const ipc_array *array,
                                         const batch *values, size_t row) {
  size_t number = 0;
  if (!is_valid(array, row) || !find_value(index, array, values, row, &number) ||
      values->columns[0].offsets == NULL) {
    return 0;
  }
  const int32_t *offsets = values->columns[0].offsets;
  return (size_t)(offsets[number + 1] - offsets[number]);
}
