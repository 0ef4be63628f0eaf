/*
 * Batches of every layout for Python's tests, handed over by the Arrow C Data Interface, and
 * batches taken over from Python and handed back. The values follow simple formulas of the row,
 * which the tests compute for themselves.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/value.h"

static atomic_long live_blocks;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static void *counted(void *memory) {
  atomic_fetch_add(&live_blocks, memory != NULL ? 1 : 0);
  return memory;
}

void *__wrap_malloc(size_t size) {
  return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
  return counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size) {
  return memory == NULL ? counted(__real_malloc(size)) : __real_realloc(memory, size);
}

void __wrap_free(void *memory) {
  atomic_fetch_sub(&live_blocks, memory != NULL ? 1 : 0);
  __real_free(memory);
}

/* The tests call these through ctypes. */
long interop_live_blocks(void);
int interop_export(unsigned rows, unsigned nulls_every, struct ArrowSchema *schema,
                   struct ArrowArray *array, char *message);
int interop_round_trip(struct ArrowSchema *schema, struct ArrowArray *array,
                       struct ArrowSchema *ret_schema, struct ArrowArray *ret_array, char *message);

long interop_live_blocks(void) {
  return atomic_load(&live_blocks);
}

static const struct {
  const char *name;
  batch_type type;
} columns[] = {
    {"bool", {BATCH_BOOL, 0, 0}},
    {"int16", {BATCH_INT16, 0, 0}},
    {"int32", {BATCH_INT32, 0, 0}},
    {"int64", {BATCH_INT64, 0, 0}},
    {"float", {BATCH_FLOAT, 0, 0}},
    {"double", {BATCH_DOUBLE, 0, 0}},
    {"decimal32", {BATCH_DECIMAL32, 9, 2}},
    {"decimal64", {BATCH_DECIMAL64, 18, 4}},
    {"decimal128", {BATCH_DECIMAL128, 38, 10}},
    {"date", {BATCH_DATE32, 0, 0}},
    {"time", {BATCH_TIME64_US, 0, 0}},
    {"timestamp", {BATCH_TIMESTAMP_US, 0, 0}},
    {"timestamp_utc", {BATCH_TIMESTAMP_US_UTC, 0, 0}},
    {"string", {BATCH_STRING, 0, 0}},
    {"binary", {BATCH_BINARY, 0, 0}},
};
enum { COLUMNS = sizeof columns / sizeof columns[0], STEPS = 9 };

static br_status append_repeated(batch_column *column, size_t row, const void *unit, size_t size,
                                 unsigned count, br_error *err) {
  uint8_t bytes[STEPS * 16];
  for (unsigned i = 0; i < count; i++) {
    memcpy(bytes + i * size, unit, size);
  }
  return batch_column_append_bytes(column, row, bytes, count * size, err);
}

static void put_integer(batch_column *column, size_t row, int64_t value) {
  switch (batch_layout_width(column->layout)) {
  case 2:
    ((int16_t *)column->values)[row] = (int16_t)value;
    break;
  case 4:
    ((int32_t *)column->values)[row] = (int32_t)value;
    break;
  default:
    ((int64_t *)column->values)[row] = value;
    break;
  }
}

static int64_t integer_of(batch_layout layout, int64_t step) {
  switch (layout) {
  case BATCH_INT16:
    return step * 8191 - 32768;
  case BATCH_INT32:
    return step * 536870911 - INT64_C(2147483648);
  case BATCH_INT64:
    return step * INT64_C(1152921504606846975) + INT64_MIN;
  case BATCH_DECIMAL32:
    return step * 249999999 - 999999999;
  case BATCH_DECIMAL64:
    return step * INT64_C(249999999999999999) - INT64_C(999999999999999999);
  case BATCH_DATE32:
    return step * 400000 - 719162;
  case BATCH_TIME64_US:
    return step * INT64_C(10799999999);
  default:
    return step * INT64_C(38900000000000001) - INT64_C(62135596800000000);
  }
}

static br_status append_value(batch_column *column, size_t row, br_error *err) {
  unsigned step = (unsigned)(row % STEPS);
  switch (column->layout) {
  case BATCH_BOOL:
    batch_column_set_bool(column, row, step % 2 == 0);
    break;
  case BATCH_FLOAT:
    ((float *)column->values)[row] = (float)step * 0.5F - 2.0F;
    break;
  case BATCH_DOUBLE:
    ((double *)column->values)[row] = (double)step * 0.1 - 1e300;
    break;
  case BATCH_DECIMAL128: {
    batch_i128 unit = (batch_i128)INT64_C(2500000000000000000) * 10 * INT64_C(1000000000000000000);
    batch_store_i128((uint8_t *)column->values + row * 16, ((int)step - 4) * (unit - 1) + 1);
    break;
  }
  case BATCH_STRING:
    return append_repeated(column, row, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, step, err);
  case BATCH_BINARY:
    return append_repeated(column, row, "\0\xFF", 2, step, err);
  default:
    put_integer(column, row, integer_of(column->layout, step));
    break;
  }
  batch_column_mark_valid(column, row);
  return BR_OK;
}

static br_status fill(batch *b, unsigned rows, unsigned nulls_every, br_error *err) {
  br_status st = BR_OK;
  for (size_t row = 0; st == BR_OK && row < rows; row++) {
    for (size_t i = 0; st == BR_OK && i < COLUMNS; i++) {
      bool null = nulls_every != 0 && (row + i) % nulls_every == 0;
      st = null ? batch_column_append_null(&b->columns[i], row, err)
                : append_value(&b->columns[i], row, err);
    }
    b->rows = row + 1;
  }
  return st;
}

static int failed(br_status st, const br_error *err, char *message) {
  (void)snprintf(message, 256, "%s: %.200s", br_status_name(st), err->message);
  return 1;
}

/* Every nulls_every-th value is NULL; 0: none, and the columns are not nullable. */
int interop_export(unsigned rows, unsigned nulls_every, struct ArrowSchema *schema,
                   struct ArrowArray *array, char *message) {
  br_error err = BR_ERROR_INIT;
  batch_schema *made = NULL;
  batch *b = NULL;
  br_status st = batch_schema_new(COLUMNS, &made, &err);
  for (size_t i = 0; st == BR_OK && i < COLUMNS; i++) {
    st = batch_schema_set(made, i, columns[i].name, columns[i].type, nulls_every != 0, &err);
  }
  if (st == BR_OK) {
    st = batch_new(made, rows, &b, &err);
  }
  if (st == BR_OK) {
    st = fill(b, rows, nulls_every, &err);
  }
  if (st == BR_OK && (st = batch_export_schema(made, schema, &err)) == BR_OK &&
      (st = batch_export(b, array, &err)) != BR_OK) {
    schema->release(schema);
  }
  batch_free(b);
  batch_schema_free(made);
  return st == BR_OK ? 0 : failed(st, &err, message);
}

int interop_round_trip(struct ArrowSchema *schema, struct ArrowArray *array,
                       struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                       char *message) {
  br_error err = BR_ERROR_INIT;
  batch_schema *taken = NULL;
  batch *b = NULL;
  br_status st = batch_import_schema(schema, &taken, &err);
  if (st == BR_OK) {
    st = batch_import(array, taken, &b, &err);
  } else {
    array->release(array);
  }
  if (st == BR_OK && (st = batch_export_schema(taken, ret_schema, &err)) == BR_OK &&
      (st = batch_export(b, ret_array, &err)) != BR_OK) {
    ret_schema->release(ret_schema);
  }
  batch_free(b);
  batch_schema_free(taken);
  return st == BR_OK ? 0 : failed(st, &err, message);
}
