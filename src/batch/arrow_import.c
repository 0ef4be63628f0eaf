/*
 * The Arrow C Data Interface to batches and schemas: a copy, so that a batch always owns its
 * memory. Lengths, offsets and buffers are checked as far as the interface lets a consumer: how
 * large a buffer really is, it doesn't say.
 */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/batch.h"
#include "batch/column.h"

static br_status import_field(const struct ArrowSchema *node, batch_schema *schema, size_t index,
                              br_error *err) {
  const char *name = node->name == NULL ? "" : node->name;
  if (node->dictionary != NULL) {
    return br_error_set(err, BR_ERR_UNSUPPORTED,
                        "Column %s is encoded by a dictionary, which is not supported", name);
  }
  if (node->format == NULL) {
    return br_error_set(err, BR_ERR_DATA, "Column %s has no format", name);
  }
  batch_type type;
  br_status st = batch_type_of_arrow_format(node->format, &type, err);
  if (st != BR_OK) {
    return br_error_context(err, st, "Column %s", name);
  }
  bool nullable = (node->flags & ARROW_FLAG_NULLABLE) != 0;
  return batch_schema_set(schema, index, name, type, nullable, err);
}

static br_status import_schema(const struct ArrowSchema *root, batch_schema **ret_schema,
                               br_error *err) {
  if (root->format == NULL || strcmp(root->format, "+s") != 0 || root->dictionary != NULL) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "A record batch is a struct (+s), this is '%s'",
                        root->format == NULL ? "" : root->format);
  }
  if (root->n_children < 0 || root->n_children > BR_LIMIT_COLUMNS ||
      (root->n_children > 0 && root->children == NULL)) {
    return br_error_set(err, BR_ERR_DATA, "%" PRId64 " columns can't be", root->n_children);
  }
  batch_schema *schema = NULL;
  br_status st = batch_schema_new((size_t)root->n_children, &schema, err);
  for (size_t i = 0; st == BR_OK && i < (size_t)root->n_children; i++) {
    st = root->children[i] == NULL ? br_error_set(err, BR_ERR_DATA, "Column %zu is missing", i + 1)
                                   : import_field(root->children[i], schema, i, err);
  }
  if (st != BR_OK) {
    batch_schema_free(schema);
    return st;
  }
  *ret_schema = schema;
  return BR_OK;
}

br_status batch_import_schema(struct ArrowSchema *schema, batch_schema **ret_schema,
                              br_error *err) {
  if (schema->release == NULL) {
    return br_error_set(err, BR_ERR_DATA, "The schema was released before");
  }
  br_status st = import_schema(schema, ret_schema, err);
  schema->release(schema);
  return st;
}

static bool bit_at(const uint8_t *bits, int64_t index) {
  return (bits[index >> 3] >> (index & 7) & 1) != 0;
}

/* Rows of a child that are wanted: `rows` from `start` (of its buffers). */
typedef struct child_rows {
  const struct ArrowArray *array;
  int64_t start;
  size_t rows;
} child_rows;

static br_status import_validity(const child_rows *child, batch_column *column, br_error *err) {
  const uint8_t *bits = child->array->buffers[0];
  if (child->array->null_count == 0 || bits == NULL) {
    return child->array->null_count <= 0
               ? BR_OK
               : br_error_set(err, BR_ERR_DATA, "NULLs without a validity bitmap");
  }
  if (column->validity != NULL) {
    column->nulls = batch_bits_copy(bits, (size_t)child->start, child->rows, column->validity);
    return BR_OK;
  }
  for (size_t row = 0; row < child->rows; row++) {
    if (!bit_at(bits, child->start + (int64_t)row)) {
      return br_error_set(err, BR_ERR_DATA, "NULL in row %zu of a column that is NOT NULL",
                          row + 1);
    }
  }
  return BR_OK;
}

static br_status import_values(const child_rows *child, batch_column *column, br_error *err) {
  const uint8_t *values = child->array->buffers[1];
  if (values == NULL) {
    return br_error_set(err, BR_ERR_DATA, "Values without a buffer");
  }
  if (column->layout == BATCH_BOOL) {
    (void)batch_bits_copy(values, (size_t)child->start, child->rows, column->values);
  } else {
    size_t width = batch_layout_width(column->layout);
    memcpy(column->values, values + (size_t)child->start * width, child->rows * width);
  }
  batch_column_zero_nulls(column, child->rows);
  return BR_OK;
}

/* Offsets need not be aligned in a buffer that came from elsewhere. */
static int32_t offset_at(const uint8_t *offsets, int64_t index) {
  int32_t offset = 0;
  memcpy(&offset, offsets + (size_t)index * sizeof offset, sizeof offset);
  return offset;
}

static br_status check_offsets(const uint8_t *offsets, const child_rows *child, br_error *err) {
  int32_t last = offset_at(offsets, child->start);
  bool ordered = last >= 0;
  for (size_t row = 0; ordered && row < child->rows; row++) {
    int32_t next = offset_at(offsets, child->start + (int64_t)row + 1);
    ordered = next >= last;
    last = next;
  }
  return ordered ? BR_OK : br_error_set(err, BR_ERR_DATA, "Offsets that go backwards");
}

/* Without NULLs the bytes lie as they are wanted; only the offsets begin elsewhere. */
static void copy_all_bytes(const child_rows *child, const uint8_t *offsets, const uint8_t *data,
                           batch_column *column) {
  int32_t first = offset_at(offsets, child->start);
  for (size_t row = 0; row < child->rows; row++) {
    column->offsets[row + 1] = offset_at(offsets, child->start + (int64_t)row + 1) - first;
  }
  column->data_len = (size_t)column->offsets[child->rows];
  if (column->data_len > 0) {
    memcpy(column->data, data + first, column->data_len);
  }
}

/* Bytes of NULL rows are left out. */
static void copy_valid_bytes(const child_rows *child, const uint8_t *offsets, const uint8_t *data,
                             batch_column *column) {
  for (size_t row = 0; row < child->rows; row++) {
    int32_t from = offset_at(offsets, child->start + (int64_t)row);
    int32_t to = offset_at(offsets, child->start + (int64_t)row + 1);
    if (to > from && batch_column_is_valid(column, row)) {
      memcpy(column->data + column->data_len, data + from, (size_t)(to - from));
      column->data_len += (size_t)(to - from);
    }
    column->offsets[row + 1] = (int32_t)column->data_len;
  }
}

static br_status import_bytes(const child_rows *child, batch_column *column, br_error *err) {
  const uint8_t *offsets = child->array->buffers[1];
  const uint8_t *data = child->array->buffers[2];
  if (offsets == NULL) {
    return br_error_set(err, BR_ERR_DATA, "Values without offsets");
  }
  br_status st = check_offsets(offsets, child, err);
  if (st != BR_OK) {
    return st;
  }
  int32_t first = offset_at(offsets, child->start);
  int32_t end = offset_at(offsets, child->start + (int64_t)child->rows);
  if (end > first && data == NULL) {
    return br_error_set(err, BR_ERR_DATA, "Values without a buffer");
  }
  if ((st = batch_column_reserve_data(column, (size_t)(end - first), err)) != BR_OK) {
    return st;
  }
  if (column->nulls == 0) {
    copy_all_bytes(child, offsets, data, column);
  } else {
    copy_valid_bytes(child, offsets, data, column);
  }
  return BR_OK;
}

static br_status import_column(const struct ArrowArray *parent, const struct ArrowArray *array,
                               batch_column *column, br_error *err) {
  bool offsets = batch_layout_has_offsets(column->layout);
  if (array == NULL || array->n_buffers != (offsets ? 3 : 2) || array->buffers == NULL ||
      array->n_children != 0 || array->dictionary != NULL) {
    return br_error_set(err, BR_ERR_DATA, "Its buffers are not those of its type");
  }
  /* Rows [offset, offset + length) of the parent count, in a child from its own offset on. */
  if (array->offset < 0 || array->offset > INT32_MAX ||
      array->length < parent->offset + parent->length || array->length > INT32_MAX) {
    return br_error_set(err, BR_ERR_DATA, "Its length of %" PRId64 " does not fit the batch's",
                        array->length);
  }
  child_rows child = {array, array->offset + parent->offset, (size_t)parent->length};
  if (child.rows == 0) {
    return BR_OK;
  }
  br_status st = import_validity(&child, column, err);
  if (st == BR_OK) {
    st = offsets ? import_bytes(&child, column, err) : import_values(&child, column, err);
  }
  return st;
}

/* A row that is NULL as a whole has no counterpart in a result. */
static br_status check_root(const struct ArrowArray *root, const batch_schema *schema,
                            br_error *err) {
  if (root->length < 0 || root->length >= INT32_MAX || root->offset < 0 ||
      root->offset > INT32_MAX || root->n_buffers != 1 || root->dictionary != NULL ||
      root->n_children != (int64_t)schema->count ||
      (root->n_children > 0 && root->children == NULL)) {
    return br_error_set(err, BR_ERR_DATA, "The record batch does not fit its schema");
  }
  const uint8_t *bits = root->buffers == NULL ? NULL : root->buffers[0];
  if (root->null_count == 0 || bits == NULL) {
    return BR_OK;
  }
  for (int64_t row = 0; row < root->length; row++) {
    if (!bit_at(bits, root->offset + row)) {
      return br_error_set(err, BR_ERR_UNSUPPORTED, "Row %" PRId64 " is NULL as a whole", row + 1);
    }
  }
  return BR_OK;
}

static br_status import_batch(const struct ArrowArray *root, const batch_schema *schema,
                              batch **ret_batch, br_error *err) {
  br_status st = check_root(root, schema, err);
  batch *b = NULL;
  if (st == BR_OK) {
    st = batch_new(schema, (size_t)root->length, &b, err);
  }
  for (size_t i = 0; st == BR_OK && i < schema->count; i++) {
    st = import_column(root, root->children[i], &b->columns[i], err);
    if (st != BR_OK) {
      const char *name = schema->fields[i].name;
      st = br_error_context(err, st, "Column %s", name == NULL ? "" : name);
    }
  }
  if (st != BR_OK) {
    batch_free(b);
    return st;
  }
  b->rows = (size_t)root->length;
  *ret_batch = b;
  return BR_OK;
}

br_status batch_import(struct ArrowArray *array, const batch_schema *schema, batch **ret_batch,
                       br_error *err) {
  if (array->release == NULL) {
    return br_error_set(err, BR_ERR_DATA, "The record batch was released before");
  }
  br_status st = import_batch(array, schema, ret_batch, err);
  array->release(array);
  return st;
}
