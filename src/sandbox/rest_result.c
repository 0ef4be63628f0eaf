/*
 * Batches to chunks: the text of JSON_ARRAY results (an array of rows, every cell a string or null,
 * in the forms that a workspace gives), or Arrow streams.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "batch/arrow_ipc.h"
#include "batch/value.h"
#include "sandbox/rest_statement.h"

enum { CHUNK_TEXT_MAX = 1024 * 1024 * 1024 };

void rest_result_init(rest_result *result) {
  *result = (rest_result){.row_limit = UINT64_MAX, .byte_limit = UINT64_MAX};
  br_buf_init(&result->open, CHUNK_TEXT_MAX);
}

void rest_result_done(rest_result *result) {
  for (size_t i = 0; i < result->chunk_count; i++) {
    br_free(result->chunks[i].text);
    if (result->chunks[i].file != NULL) {
      (void)br_sys.unlink(result->chunks[i].file);
      br_free(result->chunks[i].file);
    }
  }
  br_free(result->chunks);
  br_free(result->file_prefix);
  json_decref(result->columns);
  rest_arrow_free(result->arrow);
  br_buf_done(&result->open);
  *result = (rest_result){0};
}

void rest_type_name(const char *type_text, char *name, size_t size) {
  static const char *const others[][2] = {
      {"BIGINT", "LONG"}, {"SMALLINT", "SHORT"}, {"TINYINT", "BYTE"}, {"VOID", "NULL"}};
  size_t length = strcspn(type_text, "(< ");
  (void)snprintf(name, size, "%.*s", (int)length, type_text);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    if (strcmp(others[i][0], name) == 0) {
      (void)snprintf(name, size, "%s", others[i][1]);
      return;
    }
  }
}

static json_t *make_column(const batch_field *field, const char *own_text, size_t position) {
  char plain[48], name[32];
  batch_type_delta_name(&field->type, plain, sizeof plain);
  const char *text = own_text != NULL ? own_text : plain;
  rest_type_name(text, name, sizeof name);
  json_t *column = json_pack("{s:s, s:s, s:s, s:I}", "name", field->name, "type_text", text,
                             "type_name", name, "position", (json_int_t)position);
  bool decimal = column != NULL && field->type.precision != 0;
  if (decimal &&
      (json_object_set_new(column, "type_precision", json_integer(field->type.precision)) != 0 ||
       json_object_set_new(column, "type_scale", json_integer(field->type.scale)) != 0)) {
    json_decref(column);
    return NULL;
  }
  return column;
}

br_status rest_result_columns(rest_result *result, const batch_schema *schema,
                              const engine_session *session, br_error *err) {
  json_t *columns = json_array();
  for (size_t i = 0; columns != NULL && i < schema->count; i++) {
    const char *text = session != NULL ? engine_result_type_text(session, i) : NULL;
    if (json_array_append_new(columns, make_column(&schema->fields[i], text, i)) != 0) {
      json_decref(columns);
      columns = NULL;
    }
  }
  if (columns == NULL) {
    return br_error_nomem(err);
  }
  json_decref(result->columns);
  result->columns = columns;
  rest_arrow_free(result->arrow);
  result->arrow = NULL;
  return result->as_arrow ? rest_arrow_new(schema, session, &result->arrow, err) : BR_OK;
}

static br_status put_string(br_buf *out, const uint8_t *bytes, size_t length, br_error *err) {
  br_status st = br_buf_u8(out, '"', err);
  size_t start = 0;
  for (size_t i = 0; i < length && st == BR_OK; i++) {
    if (bytes[i] >= 0x20 && bytes[i] != '"' && bytes[i] != '\\') {
      continue;
    }
    st = br_buf_append(out, bytes + start, i - start, err);
    start = i + 1;
    if (st == BR_OK) {
      st = bytes[i] < 0x20 ? br_buf_printf(out, err, "\\u%04x", bytes[i])
                           : br_buf_printf(out, err, "\\%c", bytes[i]);
    }
  }
  if (st == BR_OK && length > start) {
    st = br_buf_append(out, bytes + start, length - start, err);
  }
  return st == BR_OK ? br_buf_u8(out, '"', err) : st;
}

/* The shortest digits that give the same number again; "1.0" and not "1". */
static void double_text(double value, bool single, char *text, size_t size) {
  if (isnan(value)) {
    (void)snprintf(text, size, "NaN");
    return;
  }
  if (isinf(value)) {
    (void)snprintf(text, size, value < 0 ? "-Infinity" : "Infinity");
    return;
  }
  int most = single ? 9 : 17;
  double magnitude = fabs(value);
  bool plain = magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7);
  for (int digits = 1; digits <= most; digits++) {
    (void)snprintf(text, size, "%.*E", digits - 1, value);
    if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) {
      break;
    }
  }
  /* d.dddE±xx as Java writes it: the exponent without + and leading zeros, or none at all. */
  char *mark = strchr(text, 'E');
  int exponent = (int)strtol(mark + 1, NULL, 10);
  int decimals = (int)(mark - text) - (value < 0) - 2;
  decimals = decimals < 0 ? 0 : decimals;
  if (plain) {
    int places = decimals - exponent;
    (void)snprintf(text, size, "%.*f", places < 1 ? 1 : places, value);
    return;
  }
  (void)snprintf(mark, size - (size_t)(mark - text), "%sE%d", decimals == 0 ? ".0" : "", exponent);
}

static void timestamp_text(int64_t us, bool zone, char *text, size_t size) {
  char plain[32];
  /* Milliseconds: what the statement API shows. */
  int64_t ms = us >= 0 ? us / 1000 : -((999 - us) / 1000);
  batch_timestamp_text(ms * 1000, 3, plain);
  char *blank = strchr(plain, ' ');
  if (blank != NULL) {
    *blank = 'T';
  }
  (void)snprintf(text, size, "%s%s", plain, zone ? "Z" : "");
}

static br_status put_bytes64(br_buf *out, const uint8_t *bytes, size_t length, br_error *err) {
  br_status st = br_buf_u8(out, '"', err);
  if (st == BR_OK) {
    st = br_base64_encode(bytes, length, out, err);
  }
  return st == BR_OK ? br_buf_u8(out, '"', err) : st;
}

static br_status put_cell(br_buf *out, const batch *b, size_t c, size_t row, br_error *err) {
  const batch_column *column = &b->columns[c];
  char text[64];
  if (!batch_column_is_valid(column, row)) {
    return br_buf_text(out, "null", err);
  }
  switch (column->layout) {
  case BATCH_STRING:
  case BATCH_BINARY: {
    const uint8_t *bytes = column->data + column->offsets[row];
    size_t length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
    return column->layout == BATCH_STRING ? put_string(out, bytes, length, err)
                                          : put_bytes64(out, bytes, length, err);
  }
  case BATCH_BOOL: {
    const uint8_t *bits = column->values;
    return br_buf_text(out, (bits[row >> 3] >> (row & 7U) & 1U) != 0 ? "\"true\"" : "\"false\"",
                       err);
  }
  case BATCH_FLOAT:
    double_text((double)((const float *)column->values)[row], true, text, sizeof text);
    break;
  case BATCH_DOUBLE:
    double_text(((const double *)column->values)[row], false, text, sizeof text);
    break;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    timestamp_text(((const int64_t *)column->values)[row], column->layout == BATCH_TIMESTAMP_US_UTC,
                   text, sizeof text);
    break;
  default: {
    br_status st = br_buf_u8(out, '"', err);
    if (st == BR_OK) {
      st = batch_cell_text(b, c, row, out, NULL, err);
    }
    return st == BR_OK ? br_buf_u8(out, '"', err) : st;
  }
  }
  return br_buf_printf(out, err, "\"%s\"", text);
}

static br_status put_row(br_buf *out, const batch *b, size_t row, br_error *err) {
  br_status st = br_buf_u8(out, out->len == 0 ? '[' : ',', err);
  if (st == BR_OK) {
    st = br_buf_u8(out, '[', err);
  }
  for (size_t c = 0; c < b->schema->count && st == BR_OK; c++) {
    st = c > 0 ? br_buf_u8(out, ',', err) : BR_OK;
    if (st == BR_OK) {
      st = put_cell(out, b, c, row, err);
    }
  }
  return st == BR_OK ? br_buf_u8(out, ']', err) : st;
}

static br_status write_chunk_file(const rest_result *result, rest_chunk *chunk, br_error *err) {
  chunk->file = br_asprintf("%s-%zu", result->file_prefix, result->chunk_count);
  if (chunk->file == NULL) {
    return br_error_nomem(err);
  }
  br_status st = br_file_write_atomic(chunk->file, result->open.data, result->open.len, 0600, err);
  if (st != BR_OK) {
    br_free(chunk->file);
  }
  return st;
}

static br_status close_chunk(rest_result *result, br_error *err) {
  if (result->open_rows == 0) {
    return BR_OK;
  }
  br_status st = result->as_arrow ? batch_ipc_write_end(&result->open, err)
                                  : br_buf_u8(&result->open, ']', err);
  rest_chunk *chunks =
      br_realloc_array(result->chunks, result->chunk_count + 1, sizeof *result->chunks);
  if (chunks != NULL) {
    result->chunks = chunks;
  }
  if (st != BR_OK || chunks == NULL) {
    return st != BR_OK ? st : br_error_nomem(err);
  }
  rest_chunk chunk = {.length = result->open.len,
                      .row_offset = result->rows - result->open_rows,
                      .row_count = result->open_rows};
  if (result->external) {
    st = write_chunk_file(result, &chunk, err);
  } else if ((chunk.text = br_buf_take(&result->open, &chunk.length)) == NULL) {
    st = br_error_nomem(err);
  }
  if (st != BR_OK) {
    return st;
  }
  br_buf_clear(&result->open);
  result->open_rows = 0;
  result->chunks[result->chunk_count++] = chunk;
  return BR_OK;
}

static br_status add_arrow(rest_result *result, const batch *b, br_error *err) {
  uint64_t wanted = result->row_limit - result->rows;
  size_t rows = b->rows < wanted ? b->rows : (size_t)wanted;
  size_t before = result->open.len;
  if (b->rows == 0) {
    return BR_OK;
  }
  if (rows == 0 || result->bytes >= result->byte_limit) {
    result->truncated = true;
    return BR_DONE;
  }
  br_status st = rest_arrow_put(result->arrow, b, rows, &result->open, err);
  if (st != BR_OK) {
    return st;
  }
  result->bytes += result->open.len - before;
  result->rows += rows;
  result->open_rows += rows;
  result->truncated = rows < b->rows;
  if (result->open.len >= REST_CHUNK_BYTES || result->open_rows >= REST_CHUNK_ROWS) {
    st = close_chunk(result, err);
  }
  return st == BR_OK && result->truncated ? BR_DONE : st;
}

br_status rest_result_add(rest_result *result, const batch *b, br_error *err) {
  if (result->as_arrow) {
    return add_arrow(result, b, err);
  }
  for (size_t row = 0; row < b->rows; row++) {
    if (result->rows >= result->row_limit || result->bytes >= result->byte_limit) {
      result->truncated = true;
      return BR_DONE;
    }
    size_t before = result->open.len;
    br_status st = put_row(&result->open, b, row, err);
    if (st != BR_OK) {
      return br_error_context(err, st, "row %" PRIu64, result->rows + 1);
    }
    result->bytes += result->open.len - before;
    result->rows++;
    result->open_rows++;
    if (!result->external && result->bytes > REST_INLINE_MAX) {
      return br_error_set(err, BR_ERR_LIMIT,
                          "Inline byte limit exceeded. Statements executed with "
                          "disposition=INLINE can have a result size of at most %d bytes. Please "
                          "execute the statement with disposition=EXTERNAL_LINKS if you want to "
                          "download the full result.",
                          REST_INLINE_MAX);
    }
    if (result->open.len >= REST_CHUNK_BYTES && (st = close_chunk(result, err)) != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

br_status rest_result_finish(rest_result *result, br_error *err) {
  br_status st = close_chunk(result, err);
  br_buf_done(&result->open);
  return st;
}
