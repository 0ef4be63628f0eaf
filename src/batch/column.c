#include "batch/column.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#define DATA_CAP_FIRST BR_KIB(4)
/* From here on data grows by a quarter instead of doubling. */
#define DATA_CAP_LARGE BR_MIB(16)
#define DATA_CAP_MAX   ((size_t)INT32_MAX)

static br_status alloc(size_t count, size_t size, void *ret_memory, br_error *err) {
  void *memory = br_calloc(count, size);
  if (memory == NULL) {
    return br_error_nomem(err);
  }
  memcpy(ret_memory, &memory, sizeof memory);
  return BR_OK;
}

br_status batch_column_init(batch_column *column, const batch_field *field, size_t capacity_rows,
                            br_error *err) {
  *column = (batch_column){.layout = field->type.layout};
  size_t bitmap = (capacity_rows + 7) / 8;
  br_status st = field->nullable ? alloc(bitmap, 1, &column->validity, err) : BR_OK;
  if (st == BR_OK && batch_layout_has_offsets(column->layout)) {
    st = alloc(capacity_rows + 1, sizeof *column->offsets, &column->offsets, err);
  } else if (st == BR_OK && column->layout == BATCH_BOOL) {
    st = alloc(bitmap, 1, &column->values, err);
  } else if (st == BR_OK) {
    st = alloc(capacity_rows, batch_layout_width(column->layout), &column->values, err);
  }
  if (st != BR_OK) {
    batch_column_done(column);
  }
  return st;
}

void batch_column_done(batch_column *column) {
  br_free(column->validity);
  br_free(column->values);
  br_free(column->offsets);
  br_free(column->data);
  *column = (batch_column){.layout = column->layout};
}

void batch_column_shrink_data(batch_column *column, size_t keep_bytes) {
  if (keep_bytes == 0) {
    br_free(column->data);
    column->data = NULL;
    column->data_cap = 0;
    return;
  }
  uint8_t *data = br_realloc(column->data, keep_bytes);
  if (data != NULL) {
    column->data = data;
    column->data_cap = keep_bytes;
  }
}

/* A cell may be huge, so growth is bounded: memory that is only reserved is never touched, and a
 * large block moves by remapping its pages, not by copying them. */
static size_t grown_cap(size_t cap, size_t need) {
  size_t step = cap < DATA_CAP_LARGE ? cap : cap / 4;
  size_t grown = cap == 0 ? DATA_CAP_FIRST : cap + step;
  grown = grown < need ? need : grown;
  return grown > DATA_CAP_MAX ? DATA_CAP_MAX : grown;
}

br_status batch_column_reserve_data(batch_column *column, size_t more, br_error *err) {
  if (more <= column->data_cap - column->data_len) {
    return BR_OK;
  }
  if (more > DATA_CAP_MAX - column->data_len) {
    return br_error_set(err, BR_ERR_LIMIT,
                        "The values of one column in a batch exceed 2 GiB: %zu bytes and %zu more",
                        column->data_len, more);
  }
  size_t cap = grown_cap(column->data_cap, column->data_len + more);
  uint8_t *data = br_realloc(column->data, cap);
  if (data == NULL) {
    return br_error_nomem(err);
  }
  column->data = data;
  column->data_cap = cap;
  return BR_OK;
}

/* Marks the rows before the first NULL as present. */
static void back_fill(uint8_t *validity, size_t rows) {
  memset(validity, 0xFF, rows / 8);
  if (rows % 8 != 0) {
    validity[rows / 8] = (uint8_t)((1U << (rows % 8)) - 1U);
  }
}

br_status batch_column_append_null(batch_column *column, size_t row, br_error *err) {
  if (column->validity == NULL) {
    return br_error_set(err, BR_ERR_DATA, "NULL in a column that is described as NOT NULL");
  }
  uint8_t mask = (uint8_t)(1U << (row & 7U));
  if (column->nulls == 0) {
    back_fill(column->validity, row);
  }
  column->validity[row >> 3] = (uint8_t)(column->validity[row >> 3] & ~mask);
  column->nulls++;
  column->last_null = row + 1;
  if (column->offsets != NULL) {
    column->offsets[row + 1] = column->offsets[row];
  } else if (column->layout == BATCH_BOOL) {
    batch_column_set_bool(column, row, false);
  } else {
    size_t width = batch_layout_width(column->layout);
    memset((uint8_t *)column->values + row * width, 0, width);
  }
  return BR_OK;
}

br_status batch_column_append_bytes(batch_column *column, size_t row, const void *bytes,
                                    size_t length, br_error *err) {
  br_status st = batch_column_reserve_data(column, length, err);
  if (st != BR_OK) {
    return st;
  }
  if (length > 0) {
    memcpy(column->data + column->data_len, bytes, length);
    column->data_len += length;
  }
  column->offsets[row + 1] = (int32_t)column->data_len;
  batch_column_mark_valid(column, row);
  return BR_OK;
}

size_t batch_bits_copy(const uint8_t *from, size_t start, size_t rows, uint8_t *to) {
  if (rows == 0) {
    return 0;
  }
  size_t bytes = (rows + 7) / 8;
  unsigned shift = start & 7U;
  const uint8_t *p = from + (start >> 3);
  if (shift == 0) {
    memcpy(to, p, bytes);
  } else {
    /* The byte behind is only there where bits of it are wanted. */
    size_t there = (shift + rows + 7) / 8;
    for (size_t i = 0; i < bytes; i++) {
      unsigned behind = i + 1 < there ? p[i + 1] : 0U;
      to[i] = (uint8_t)(p[i] >> shift | behind << (8 - shift));
    }
  }
  if (rows % 8 != 0) {
    to[bytes - 1] = (uint8_t)(to[bytes - 1] & ((1U << (rows % 8)) - 1U));
  }
  size_t ones = 0;
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t word = 0;
    memcpy(&word, to + i, sizeof word);
    ones += (size_t)__builtin_popcountll(word);
  }
  for (; i < bytes; i++) {
    ones += (size_t)__builtin_popcount(to[i]);
  }
  return rows - ones;
}

void batch_column_zero_nulls(batch_column *column, size_t rows) {
  size_t width = batch_layout_width(column->layout);
  for (size_t row = 0; column->nulls > 0 && row < rows; row++) {
    if (row % 8 == 0 && column->validity[row >> 3] == 0xFF) {
      row += 7;
    } else if (batch_column_is_valid(column, row)) {
      continue;
    } else if (column->layout == BATCH_BOOL) {
      batch_column_set_bool(column, row, false);
    } else {
      memset((uint8_t *)column->values + row * width, 0, width);
    }
  }
}
