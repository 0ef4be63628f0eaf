#include "sandbox/rest_arrow.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "batch/arrow_ipc.h"
#include "batch/value.h"

struct rest_arrow {
  batch_schema *schema;  /* owned; decimals widened */
  batch_column *columns; /* owned: views of a batch's columns, or of wide */
  uint8_t **wide;        /* owned: 16 bytes a row for decimals that are narrower; else NULL */
};

static bool is_narrow(batch_layout layout) {
  return layout == BATCH_DECIMAL32 || layout == BATCH_DECIMAL64;
}

static bool is_nested(const char *type_text) {
  return type_text != NULL &&
         (br_text_starts_with(type_text, "ARRAY<") || br_text_starts_with(type_text, "MAP<") ||
          br_text_starts_with(type_text, "STRUCT<"));
}

void rest_arrow_free(rest_arrow *arrow) {
  if (arrow == NULL) {
    return;
  }
  for (size_t i = 0; arrow->wide != NULL && i < arrow->schema->count; i++) {
    br_free(arrow->wide[i]);
  }
  br_free(arrow->wide);
  br_free(arrow->columns);
  batch_schema_free(arrow->schema);
  br_free(arrow);
}

static br_status fill(const batch_schema *schema, const engine_session *session, rest_arrow *arrow,
                      br_error *err) {
  br_status st = batch_schema_copy(schema, &arrow->schema, err);
  if (st != BR_OK) {
    return st;
  }
  arrow->columns = br_calloc(schema->count, sizeof *arrow->columns);
  arrow->wide = br_calloc(schema->count, sizeof *arrow->wide);
  if (arrow->columns == NULL || arrow->wide == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < schema->count; i++) {
    batch_type *type = &arrow->schema->fields[i].type;
    if (session != NULL && is_nested(engine_result_type_text(session, i))) {
      return br_error_set(err, BR_ERR_UNSUPPORTED,
                          "The sandbox has no nested types in Arrow streams: column %s; ask for "
                          "to_json() of it",
                          schema->fields[i].name);
    }
    type->layout = is_narrow(type->layout) ? BATCH_DECIMAL128 : type->layout;
  }
  return BR_OK;
}

br_status rest_arrow_new(const batch_schema *schema, const engine_session *session,
                         rest_arrow **ret_arrow, br_error *err) {
  rest_arrow *arrow = br_calloc(1, sizeof *arrow);
  br_status st = arrow == NULL ? br_error_nomem(err) : fill(schema, session, arrow, err);
  if (st != BR_OK) {
    rest_arrow_free(arrow);
    return st;
  }
  *ret_arrow = arrow;
  return BR_OK;
}

static br_status widen(rest_arrow *arrow, size_t index, const batch_column *from, size_t rows,
                       br_error *err) {
  uint8_t *wide = br_realloc_array(arrow->wide[index], rows, 16);
  if (wide == NULL) {
    return br_error_nomem(err);
  }
  arrow->wide[index] = wide;
  for (size_t row = 0; row < rows; row++) {
    batch_i128 value = from->layout == BATCH_DECIMAL32 ? ((const int32_t *)from->values)[row]
                                                       : ((const int64_t *)from->values)[row];
    batch_store_i128(wide + row * 16, value);
  }
  batch_column *to = &arrow->columns[index];
  to->layout = BATCH_DECIMAL128;
  to->values = wide;
  return BR_OK;
}

/* The first rows of a column. */
static br_status view(rest_arrow *arrow, size_t index, const batch_column *from, size_t rows,
                      br_error *err) {
  batch_column *to = &arrow->columns[index];
  *to = *from;
  to->nulls = 0;
  for (size_t row = 0; row < rows; row++) {
    to->nulls += !batch_column_is_valid(from, row);
  }
  if (from->offsets != NULL) {
    to->data_len = (size_t)from->offsets[rows];
  }
  return is_narrow(from->layout) && rows > 0 ? widen(arrow, index, from, rows, err) : BR_OK;
}

br_status rest_arrow_put(rest_arrow *arrow, const batch *b, size_t rows, br_buf *out,
                         br_error *err) {
  br_status st = out->len == 0 ? batch_ipc_write_schema(arrow->schema, out, err) : BR_OK;
  for (size_t i = 0; i < arrow->schema->count && st == BR_OK; i++) {
    st = view(arrow, i, &b->columns[i], rows, err);
  }
  const batch part = {.schema = arrow->schema,
                      .columns = arrow->columns,
                      .rows = rows,
                      .capacity_rows = rows,
                      .first_row = b->first_row};
  return st == BR_OK ? batch_ipc_write_batch(&part, out, err) : st;
}
