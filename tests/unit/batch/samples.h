/*
 * samples.h: a schema with every layout, and rows for it.
 */
#ifndef TESTS_UNIT_BATCH_SAMPLES_H
#define TESTS_UNIT_BATCH_SAMPLES_H

#include <string.h>

#include "batch/batch.h"

enum { SAMPLE_COLUMNS = BATCH_LAYOUT_COUNT };

static inline br_status sample_schema(bool nullable, batch_schema **ret_schema, br_error *err) {
  batch_schema *schema = NULL;
  br_status st = batch_schema_new(SAMPLE_COLUMNS, &schema, err);
  for (size_t i = 0; st == BR_OK && i < SAMPLE_COLUMNS; i++) {
    batch_type type = {.layout = (batch_layout)i};
    if (i >= BATCH_DECIMAL32 && i <= BATCH_DECIMAL128) {
      type.precision = 9;
      type.scale = 2;
    }
    char name[3] = {'c', (char)('a' + i), '\0'};
    st = batch_schema_set(schema, i, name, type, nullable, err);
  }
  if (st != BR_OK) {
    batch_schema_free(schema);
    return st;
  }
  *ret_schema = schema;
  return BR_OK;
}

/* Row r: every value has r in its low byte; strings and binaries are r % 5 bytes of it; column i is
 * NULL where (r + i) % nulls_every == 0 (0: never). */
static inline br_status sample_append(batch *b, unsigned nulls_every, br_error *err) {
  size_t row = b->rows;
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < b->schema->count; i++) {
    batch_column *column = &b->columns[i];
    uint8_t bytes[16] = {0};
    memset(bytes, (int)('A' + row % 26), 5);
    if (nulls_every != 0 && (row + i) % nulls_every == 0) {
      st = batch_column_append_null(column, row, err);
    } else if (column->offsets != NULL) {
      st = batch_column_append_bytes(column, row, bytes, row % 5, err);
    } else if (column->layout == BATCH_BOOL) {
      batch_column_set_bool(column, row, row % 2 == 1);
      batch_column_mark_valid(column, row);
    } else {
      size_t width = batch_layout_width(column->layout);
      memset(bytes + 1, 0, sizeof bytes - 1);
      memcpy((uint8_t *)column->values + row * width, bytes, width);
      batch_column_mark_valid(column, row);
    }
  }
  b->rows += st == BR_OK ? 1 : 0;
  return st;
}

#endif
