/*
 * Single values given as text. The first byte chooses the column's SQL Server type and its
 * arguments, or a layout; the rest is the value. What is taken must be taken again, and be the
 * same, when it is written as text.
 *
 *   type(1) arguments(1) text
 */
#include <stdlib.h>
#include <string.h>

#include "batch/cast.h"
#include "batch/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

static batch_field field_of(uint8_t kind, uint8_t argument) {
  static char name[] = "c";
  batch_field field = {.name = name, .nullable = true};
  if (kind % 64 < BATCH_SQL_TYPE_COUNT) {
    field.has_source = true;
    field.source.type = (batch_sql_type)(kind % 64);
    field.source.precision = field.source.type == BATCH_SQL_DECIMAL ? argument % 38 + 1 : 0;
    field.source.scale = field.source.type == BATCH_SQL_DECIMAL
                             ? (uint8_t)(argument / 8 % (field.source.precision + 1))
                             : argument % 8;
    field.source.length = argument == 255 ? BATCH_LENGTH_MAX : argument;
    if (batch_type_resolve(&field.source, NULL, &field.type, NULL, NULL) != BR_OK) {
      abort();
    }
    return field;
  }
  field.type.layout = (batch_layout)(kind % BATCH_LAYOUT_COUNT);
  if (field.type.layout == BATCH_DECIMAL32 || field.type.layout == BATCH_DECIMAL64 ||
      field.type.layout == BATCH_DECIMAL128) {
    field.type.precision = 9;
    field.type.scale = argument % 10;
  }
  return field;
}

static bool same(const batch *b, br_buf *text) {
  br_buf_clear(text);
  if (batch_cell_text(b, 0, 0, text, NULL, NULL) != BR_OK) {
    abort();
  }
  batch *again = NULL;
  const batch_field *field = &b->schema->fields[0];
  if (batch_new(b->schema, 1, &again, NULL) != BR_OK) {
    abort();
  }
  bool equal = batch_append_text(&again->columns[0], field, 0, (const char *)text->data, text->len,
                                 false, NULL) == BR_OK;
  again->rows = 1;
  br_buf second;
  br_buf_init(&second, TEXT_MAX);
  equal = equal && batch_cell_text(again, 0, 0, &second, NULL, NULL) == BR_OK &&
          second.len == text->len &&
          (text->len == 0 || memcmp(second.data, text->data, text->len) == 0);
  br_buf_done(&second);
  batch_free(again);
  return equal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) {
    return 0;
  }
  batch_field field = field_of(data[0], data[1]);
  batch_schema schema = {&field, 1};
  batch *b = NULL;
  br_buf text;
  br_buf_init(&text, TEXT_MAX);
  /* Also a text of no bytes has a place then. */
  if (batch_new(&schema, 1, &b, NULL) != BR_OK || br_buf_reserve(&text, 1, NULL) != BR_OK) {
    abort();
  }
  bool base64 = data[0] >= 192;
  if (batch_append_text(&b->columns[0], &field, 0, (const char *)data + 2, size - 2, base64,
                        NULL) == BR_OK) {
    b->rows = 1;
    if (!same(b, &text)) {
      abort();
    }
  }
  br_buf_done(&text);
  batch_free(b);
  return 0;
}
