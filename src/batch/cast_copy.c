/* Whole columns at once: what lies as it is wanted, and whole numbers of another width. */
#include <math.h>
#include <string.h>

#include "batch/cast_value.h"

/* Do all values fit as they are? Most loops have no exit in them, so that the compiler can take
 * several values at a time. NULLs are zero, which fits everywhere. */

static bool ints_fit(const cast_target *t, const batch_column *in, size_t rows) {
  const int16_t *values = in->values;
  if (in->layout != BATCH_INT16) {
    return false; /* tinyint, the only bounded one, has this layout */
  }
  bool ok = true;
  for (size_t i = 0; i < rows; i++) {
    ok &= values[i] >= t->min && values[i] <= t->max;
  }
  return ok;
}

static bool dates_fit(const cast_target *t, const batch_column *in, size_t rows) {
  const int32_t *values = in->values;
  int32_t min = (int32_t)t->min;
  int32_t max = (int32_t)t->max;
  bool ok = true;
  for (size_t i = 0; i < rows; i++) {
    ok &= values[i] >= min && values[i] <= max;
  }
  return ok;
}

static bool stamps_fit(const cast_target *t, const batch_column *in, size_t rows) {
  const int64_t *values = in->values;
  bool ok = true;
  for (size_t i = 0; i < rows; i++) {
    ok &= values[i] >= t->min && values[i] <= t->max;
  }
  for (size_t i = 0; ok && t->step > 1 && i < rows; i++) {
    ok = values[i] % t->step == 0;
  }
  return ok;
}

static bool decimals_fit(const cast_target *t, const batch_column *in, size_t rows) {
  bool ok = true;
  for (size_t i = 0; i < rows; i++) {
    if (in->layout == BATCH_DECIMAL128) {
      batch_i128 value = batch_load_i128((const uint8_t *)in->values + i * 16);
      ok &= value >= t->min && value <= t->max;
    } else {
      int64_t value = in->layout == BATCH_DECIMAL32 ? ((const int32_t *)in->values)[i]
                                                    : ((const int64_t *)in->values)[i];
      ok &= value >= t->min && value <= t->max;
    }
  }
  return ok;
}

static bool floats_fit(const batch_column *in, size_t rows) {
  bool ok = true;
  if (in->layout == BATCH_FLOAT) {
    const float *values = in->values;
    for (size_t i = 0; i < rows; i++) {
      ok &= isfinite(values[i]) != 0;
    }
  } else {
    const double *values = in->values;
    for (size_t i = 0; i < rows; i++) {
      ok &= isfinite(values[i]) != 0;
    }
  }
  return ok;
}

static bool lengths_fit(const cast_target *t, const batch_column *in, size_t rows) {
  const int32_t *offsets = in->offsets;
  uint32_t longest = 0;
  for (size_t i = 0; i < rows; i++) {
    uint32_t length = (uint32_t)(offsets[i + 1] - offsets[i]);
    longest = length > longest ? length : longest;
  }
  bool ok = true;
  for (size_t i = 0; longest > t->limit && ok && i < rows; i++) {
    size_t length = (size_t)(offsets[i + 1] - offsets[i]);
    if (length > t->limit) {
      ok = cast_check_length(t, (const char *)in->data + offsets[i], length, NULL) == BR_OK;
    }
  }
  return ok;
}

static bool values_fit(const cast_target *t, const batch_column *in, size_t rows) {
  switch (t->kind) {
  case CAST_TO_INT:
    return !t->bounded || ints_fit(t, in, rows);
  case CAST_TO_DECIMAL:
    return !t->bounded || decimals_fit(t, in, rows);
  case CAST_TO_DATE:
    return !t->bounded || dates_fit(t, in, rows);
  case CAST_TO_STAMP:
    return !t->bounded || stamps_fit(t, in, rows);
  case CAST_TO_FLOAT:
    return !t->finite || floats_fit(in, rows);
  case CAST_TO_TEXT:
  case CAST_TO_BINARY:
    return t->limit == BATCH_LENGTH_MAX || lengths_fit(t, in, rows);
  default:
    return true;
  }
}

static br_status copy_values(const batch_column *in, size_t rows, batch_column *out,
                             br_error *err) {
  if (in->offsets == NULL) {
    size_t width = batch_layout_width(in->layout);
    memcpy(out->values, in->values, width == 0 ? (rows + 7) / 8 : rows * width);
    return BR_OK;
  }
  size_t length = (size_t)in->offsets[rows];
  br_status st = batch_column_reserve_data(out, length, err);
  if (st == BR_OK && length > 0) {
    memcpy(out->data, in->data, length);
  }
  if (st == BR_OK) {
    memcpy(out->offsets, in->offsets, (rows + 1) * sizeof *in->offsets);
    out->data_len = length;
  }
  return st;
}

/* NULLs are zero and become zero. */
static bool resize_ints(const cast_target *t, const batch_column *in, size_t rows,
                        batch_column *out) {
  bool ok = true;
  for (size_t i = 0; i < rows; i++) {
    int64_t value = cast_get_int(in, i);
    ok &= value >= t->min && value <= t->max;
    cast_put_int(out, i, value);
  }
  return ok;
}

static bool resize_decimals(const cast_target *t, const batch_column *in, size_t rows,
                            batch_column *out) {
  batch_i128 most = cast_ten_to(t->type.precision) - 1;
  batch_i128 max = t->bounded && t->max < most ? t->max : most;
  batch_i128 min = t->bounded && t->min > -most ? t->min : -most;
  bool ok = true;
  for (size_t i = 0; i < rows; i++) {
    batch_i128 value = in->layout == BATCH_DECIMAL128
                           ? batch_load_i128((const uint8_t *)in->values + i * 16)
                           : cast_get_int(in, i);
    ok &= value >= min && value <= max;
    if (out->layout == BATCH_DECIMAL128) {
      batch_store_i128((uint8_t *)out->values + i * 16, value);
    } else {
      cast_put_int(out, i, (int64_t)value);
    }
  }
  return ok;
}

br_status cast_copy_column(const cast_target *target, cast_way way, const batch_column *in,
                           size_t rows, batch_column *out, br_error *err) {
  if (rows == 0) {
    return BR_OK;
  }
  if ((in->nulls > 0 && !target->nullable) ||
      (way == CAST_COPIED && !values_fit(target, in, rows))) {
    return BR_ERR_DATA;
  }
  if (way == CAST_RESIZED) {
    bool ok = target->kind == CAST_TO_INT ? resize_ints(target, in, rows, out)
                                          : resize_decimals(target, in, rows, out);
    if (!ok) {
      return BR_ERR_DATA;
    }
  }
  if (in->nulls > 0) {
    memcpy(out->validity, in->validity, (rows + 7) / 8);
    out->nulls = in->nulls;
  }
  return way == CAST_RESIZED ? BR_OK : copy_values(in, rows, out, err);
}
