/*
 * memory_file.h: Parquet files in memory, and batches of known content, for this folder's tests.
 */
#ifndef UNIT_PARQUET_MEMORY_FILE_H
#define UNIT_PARQUET_MEMORY_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "batch/batch.h"
#include "batch/value.h"
#include "parquet/parquet.h"

typedef struct memory_file {
  br_buf bytes;
  long fail_after; /* writes that still succeed; negative: all */
} memory_file;

static inline br_status memory_write(void *context, const void *bytes, size_t length,
                                     br_error *err) {
  memory_file *file = context;
  if (file->fail_after == 0) {
    return br_error_set(err, BR_ERR_DISK_FULL, "disk full");
  }
  file->fail_after -= file->fail_after > 0;
  return br_buf_append(&file->bytes, bytes, length, err);
}

static inline br_status memory_read(void *context, uint64_t offset, void *bytes, size_t length,
                                    br_error *err) {
  const memory_file *file = context;
  if (offset > file->bytes.len || length > file->bytes.len - offset) {
    return br_error_set(err, BR_ERR_IO, "read behind the end");
  }
  memcpy(bytes, file->bytes.data + offset, length);
  return BR_OK;
}

static inline memory_file memory_file_of(void) {
  memory_file file = {.fail_after = -1};
  br_buf_init(&file.bytes, SIZE_MAX);
  return file;
}

static inline parquet_output memory_output(memory_file *file) {
  return (parquet_output){.write = memory_write, .context = file};
}

static inline parquet_input memory_input(memory_file *file) {
  return (parquet_input){.read_at = memory_read, .context = file, .size = file->bytes.len};
}

/* A schema with a nullable column of every layout. */
static inline batch_schema *all_layouts(bool nullable) {
  batch_schema *schema = NULL;
  assert_int_equal(batch_schema_new(BATCH_LAYOUT_COUNT, &schema, NULL), BR_OK);
  for (size_t i = 0; i < BATCH_LAYOUT_COUNT; i++) {
    batch_type type = {.layout = (batch_layout)i};
    if (type.layout == BATCH_DECIMAL32) {
      type = (batch_type){BATCH_DECIMAL32, 9, 2};
    } else if (type.layout == BATCH_DECIMAL64) {
      type = (batch_type){BATCH_DECIMAL64, 18, 4};
    } else if (type.layout == BATCH_DECIMAL128) {
      type = (batch_type){BATCH_DECIMAL128, 25, 6};
    }
    char name[8] = {'c', (char)('a' + i), 0};
    assert_int_equal(batch_schema_set(schema, i, name, type, nullable, NULL), BR_OK);
  }
  return schema;
}

static inline batch_schema *one_column(batch_type type, bool nullable) {
  batch_schema *schema = NULL;
  assert_int_equal(batch_schema_new(1, &schema, NULL), BR_OK);
  assert_int_equal(batch_schema_set(schema, 0, "c", type, nullable, NULL), BR_OK);
  return schema;
}

/* A number that fits every integer layout. */
static inline int64_t small_value(uint64_t row, size_t column, uint64_t distinct) {
  uint64_t v = (row % distinct + 1) * 2654435761U + column * 40503U;
  return (int64_t)(v >> 7 & 0x7FFF) - 0x4000;
}

static inline void set_cell(batch_column *column, size_t row, int64_t value) {
  char text[24];
  switch (column->layout) {
  case BATCH_BOOL:
    batch_column_set_bool(column, row, value & 1);
    break;
  case BATCH_INT16:
    ((int16_t *)column->values)[row] = (int16_t)value;
    break;
  case BATCH_INT32:
  case BATCH_DECIMAL32:
  case BATCH_DATE32:
    ((int32_t *)column->values)[row] = (int32_t)value * 5;
    break;
  case BATCH_FLOAT:
    ((float *)column->values)[row] = (float)value / 8;
    break;
  case BATCH_DOUBLE:
    ((double *)column->values)[row] = (double)value / 64;
    break;
  case BATCH_DECIMAL128:
    batch_store_i128((uint8_t *)column->values + 16 * row,
                     (batch_i128)value * 1000000007 * 1000000007);
    break;
  case BATCH_STRING:
  case BATCH_BINARY: {
    memset(text, 'a' + (int)(value & 15), sizeof text);
    br_store_u32le((uint8_t *)text, (uint32_t)value & 0x7F7F7F7FU);
    size_t length = (size_t)(value & 0xFF) % sizeof text;
    assert_int_equal(batch_column_append_bytes(column, row, text, length, NULL), BR_OK);
    break;
  }
  default:
    ((int64_t *)column->values)[row] = value * 3000000007;
    break;
  }
  batch_column_mark_valid(column, row);
}

/* Appends rows first, first + 1… to an empty batch. nulls: 0 none, n every n-th. */
static inline void fill_rows(batch *b, uint64_t first, size_t rows, uint64_t distinct,
                             uint64_t nulls) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t c = 0; c < b->schema->count; c++) {
      if (nulls != 0 && (first + i + c) % nulls == 0) {
        assert_int_equal(batch_column_append_null(&b->columns[c], i, NULL), BR_OK);
      } else {
        set_cell(&b->columns[c], i, small_value(first + i, c, distinct));
      }
    }
    b->rows++;
  }
}

static inline void assert_same_column(const batch_column *a, size_t a_row, const batch_column *b,
                                      size_t b_row, size_t rows) {
  assert_int_equal(a->layout, b->layout);
  for (size_t i = 0; i < rows; i++) {
    bool valid = batch_column_is_valid(a, a_row + i);
    assert_int_equal(valid, batch_column_is_valid(b, b_row + i));
    if (!valid) {
      continue;
    }
    if (a->layout == BATCH_BOOL) {
      assert_int_equal(batch_column_get_bool(a, a_row + i), batch_column_get_bool(b, b_row + i));
    } else if (batch_layout_has_offsets(a->layout)) {
      const int32_t *x = a->offsets + a_row + i;
      const int32_t *y = b->offsets + b_row + i;
      assert_int_equal(x[1] - x[0], y[1] - y[0]);
      if (x[1] > x[0]) {
        assert_memory_equal(a->data + x[0], b->data + y[0], (size_t)(x[1] - x[0]));
      }
    } else {
      size_t width = batch_layout_width(a->layout);
      assert_memory_equal((const uint8_t *)a->values + (a_row + i) * width,
                          (const uint8_t *)b->values + (b_row + i) * width, width);
    }
  }
}

#endif
