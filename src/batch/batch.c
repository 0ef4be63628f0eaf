#include "batch/batch.h"

#include <string.h>

#include "base/mem.h"
#include "batch/column.h"

br_status batch_new(const batch_schema *schema, size_t capacity_rows, batch **ret_batch,
                    br_error *err) {
  /* Offsets and Arrow's lengths of a batch have 31 bits. */
  if (capacity_rows >= INT32_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "A batch can't hold %zu rows", capacity_rows);
  }
  batch *b = br_calloc(1, sizeof *b);
  if (b == NULL) {
    return br_error_nomem(err);
  }
  b->schema = schema;
  b->capacity_rows = capacity_rows;
  b->columns = br_calloc(schema->count, sizeof *b->columns);
  br_status st = b->columns == NULL ? br_error_nomem(err) : BR_OK;
  for (size_t i = 0; st == BR_OK && i < schema->count; i++) {
    st = batch_column_init(&b->columns[i], &schema->fields[i], capacity_rows, err);
  }
  if (st != BR_OK) {
    batch_free(b);
    return st;
  }
  *ret_batch = b;
  return BR_OK;
}

void batch_free(batch *b) {
  if (b == NULL) {
    return;
  }
  for (size_t i = 0; b->columns != NULL && i < b->schema->count; i++) {
    batch_column_done(&b->columns[i]);
  }
  br_free(b->columns);
  br_free(b);
}

void batch_reset(batch *b, size_t keep_bytes) {
  for (size_t i = 0; i < b->schema->count; i++) {
    batch_column *column = &b->columns[i];
    column->nulls = 0;
    column->last_null = 0;
    column->data_len = 0;
    if (column->data_cap > keep_bytes) {
      batch_column_shrink_data(column, keep_bytes);
    }
  }
  b->rows = 0;
}

static size_t bitmap_bytes(size_t rows) {
  return (rows + 7) / 8;
}

size_t batch_bytes(const batch *b) {
  size_t bytes = 0;
  for (size_t i = 0; i < b->schema->count; i++) {
    const batch_column *column = &b->columns[i];
    bytes += column->nulls == 0 ? 0 : bitmap_bytes(b->rows);
    if (batch_layout_has_offsets(column->layout)) {
      bytes += (b->rows + 1) * sizeof *column->offsets + column->data_len;
    } else if (column->layout == BATCH_BOOL) {
      bytes += bitmap_bytes(b->rows);
    } else {
      bytes += b->rows * batch_layout_width(column->layout);
    }
  }
  return bytes;
}

size_t batch_capacity_bytes(const batch *b) {
  size_t bytes = sizeof *b + b->schema->count * sizeof *b->columns;
  for (size_t i = 0; i < b->schema->count; i++) {
    const batch_column *column = &b->columns[i];
    bytes += column->validity == NULL ? 0 : bitmap_bytes(b->capacity_rows);
    bytes += column->data_cap;
    if (column->offsets != NULL) {
      bytes += (b->capacity_rows + 1) * sizeof *column->offsets;
    }
    if (column->values != NULL) {
      bytes += column->layout == BATCH_BOOL ? bitmap_bytes(b->capacity_rows)
                                            : b->capacity_rows * batch_layout_width(column->layout);
    }
  }
  return bytes;
}

void batch_rollback_row(batch *b) {
  for (size_t i = 0; i < b->schema->count; i++) {
    batch_column *column = &b->columns[i];
    if (column->offsets != NULL) {
      column->data_len = (size_t)column->offsets[b->rows];
    }
    if (column->last_null == b->rows + 1) {
      column->nulls--;
      column->last_null = 0;
    }
  }
}
