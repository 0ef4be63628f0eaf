/*
 * batch.h: record batches: rows of a result as columns in memory, laid out as Apache Arrow defines
 * (https://arrow.apache.org/docs/format/Columnar.html): validity bitmap, offsets, values.
 *
 *   batch_schema ──1:n── batch_field (name, type, where it came from)
 *   batch ──1:n── batch_column (buffers)       every column has `rows` values
 *
 * A decoder appends to the columns of a batch directly (no rows, no cells in between); an encoder
 * reads the buffers. batch_reset() keeps the memory for the next rows, so a pipeline allocates in
 * its first moments only.
 */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H

#include "batch/arrow_abi.h"
#include "batch/type.h"

typedef struct batch_field {
  char *name; /* UTF-8, owned */
  batch_type type;
  bool nullable;
  bool has_source; /* source is filled: the column comes from SQL Server */
  batch_sql_typespec source;
  unsigned loss; /* batch_loss bits that apply */
} batch_field;

typedef struct batch_schema {
  batch_field *fields;
  size_t count;
} batch_schema;

br_status batch_schema_new(size_t count, batch_schema **ret_schema, br_error *err) BR_CHECKED;
br_status batch_schema_copy(const batch_schema *schema, batch_schema **ret_schema,
                            br_error *err) BR_CHECKED;
void batch_schema_free(batch_schema *schema);
/* Sets a field's name (copied) and type. */
br_status batch_schema_set(batch_schema *schema, size_t index, const char *name, batch_type type,
                           bool nullable, br_error *err) BR_CHECKED;
/* Same names, types and nullability in the same order. */
bool batch_schema_equal(const batch_schema *a, const batch_schema *b);
/* Index by exact name; -1 = none. */
ptrdiff_t batch_schema_find(const batch_schema *schema, const char *name);

/* One column's buffers. Invariants between appends: `rows` values, of which `nulls` are NULL; where
 * nulls > 0 validity has a bit per row (1 = value present), else it may be unset and is not read.
 * Values of NULL rows are zero. */
typedef struct batch_column {
  batch_layout layout;
  uint8_t *validity; /* capacity_rows bits; always allocated for nullable fields */
  void *values;     /* fixed width: capacity_rows values; BATCH_BOOL: bits; offsets layouts: NULL */
  int32_t *offsets; /* offsets layouts: capacity_rows + 1, offsets[0] = 0 */
  uint8_t *data;    /* offsets layouts: the bytes */
  size_t data_len;  /* = offsets[rows] */
  size_t data_cap;
  size_t nulls;
  size_t last_null; /* 1 + the row of the last NULL appended; 0 = none since the last rollback */
} batch_column;

typedef struct batch {
  const batch_schema *schema; /* borrowed: outlives the batch */
  batch_column *columns;      /* schema->count */
  size_t rows;                /* complete rows */
  size_t capacity_rows;
  uint64_t
      first_row; /* the 0-based number of the first row in the whole result, for error messages */
} batch;

br_status batch_new(const batch_schema *schema, size_t capacity_rows, batch **ret_batch,
                    br_error *err) BR_CHECKED;
void batch_free(batch *b);
/* No rows; memory is kept, except data buffers over keep_bytes, which shrink. */
void batch_reset(batch *b, size_t keep_bytes);
/* Bytes of values, offsets and data in use (not capacity). */
size_t batch_bytes(const batch *b);
/* Bytes allocated. */
size_t batch_capacity_bytes(const batch *b);

static inline bool batch_column_is_valid(const batch_column *column, size_t row) {
  return column->nulls == 0 || (column->validity[row >> 3] >> (row & 7U) & 1U) != 0;
}

/* NULL in a column whose field is not nullable is BR_ERR_DATA.
 * Appending: `row` is the row being filled (= batch rows while it is incomplete); the caller
 * appends to every column once per row and then raises batch->rows. Rows below capacity_rows are
 * the caller's duty. Bits of validity are only written from the first NULL on:
 * batch_column_append_null() back-fills. */
br_status batch_column_append_null(batch_column *column, size_t row, br_error *err) BR_CHECKED;
br_status batch_column_append_bytes(batch_column *column, size_t row, const void *bytes,
                                    size_t length,
                                    br_error *err) BR_CHECKED; /* string and binary */
/* Room for `more` bytes in data; BR_ERR_LIMIT over 2 GiB - 1. */
br_status batch_column_reserve_data(batch_column *column, size_t more, br_error *err) BR_CHECKED;

static inline void batch_column_mark_valid(batch_column *column, size_t row) {
  if (column->nulls != 0) {
    column->validity[row >> 3] = (uint8_t)(column->validity[row >> 3] | 1U << (row & 7U));
  }
}

/* Writes a value of a BATCH_BOOL column (not its validity). */
static inline void batch_column_set_bool(batch_column *column, size_t row, bool value) {
  uint8_t *byte = (uint8_t *)column->values + (row >> 3);
  unsigned mask = 1U << (row & 7U);
  *byte = (uint8_t)(value ? *byte | mask : *byte & ~mask);
}

static inline bool batch_column_get_bool(const batch_column *column, size_t row) {
  return (((const uint8_t *)column->values)[row >> 3] >> (row & 7U) & 1U) != 0;
}

/* Drops the row that was begun and not completed: every column goes back to batch->rows values. */
void batch_rollback_row(batch *b);

/* Export by the Arrow C Data Interface. The schema export copies; the array export takes the
 * batch's memory over (moved: the batch is then empty, without memory, and may be freed). As the
 * interface wants, a record batch is a struct array. */
br_status batch_export_schema(const batch_schema *schema, struct ArrowSchema *ret_schema,
                              br_error *err) BR_CHECKED;
br_status batch_export(batch *b, struct ArrowArray *ret_array, br_error *err) BR_CHECKED;
/* Import copies what the producer hands over and releases it, whether it succeeds or not. Columns
 * in layouts that batches don't have and dictionaries are BR_ERR_UNSUPPORTED. */
br_status batch_import_schema(struct ArrowSchema *schema, batch_schema **ret_schema,
                              br_error *err) BR_CHECKED;
br_status batch_import(struct ArrowArray *array, const batch_schema *schema, batch **ret_batch,
                       br_error *err) BR_CHECKED;

#endif
