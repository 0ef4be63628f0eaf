#include "interop/parquet_dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "batch/value.h"
#include "parquet/parquet.h"

enum { BATCH_ROWS = 3000 };

static br_status read_file(void *context, uint64_t offset, void *bytes, size_t length,
                           br_error *err) {
  FILE *file = context;
  if (fseek(file, (long)offset, SEEK_SET) != 0 || fread(bytes, 1, length, file) != length) {
    return br_error_set(err, BR_ERR_IO, "The file can't be read at %" PRIu64, offset);
  }
  return BR_OK;
}

static void put_text(FILE *out, const uint8_t *text, size_t length) {
  (void)fputc('"', out);
  for (size_t i = 0; i < length; i++) {
    if (text[i] < 0x20 || text[i] == '"' || text[i] == '\\') {
      (void)fprintf(out, "\\u%04x", text[i]);
    } else {
      (void)fputc(text[i], out);
    }
  }
  (void)fputc('"', out);
}

static void put_bytes(FILE *out, const uint8_t *bytes, size_t length) {
  (void)fputc('"', out);
  for (size_t i = 0; i < length; i++) {
    (void)fprintf(out, "%02x", bytes[i]);
  }
  (void)fputc('"', out);
}

static void put_cell(FILE *out, const batch_column *column, size_t row) {
  const void *values = column->values;
  char text[48];
  if (!batch_column_is_valid(column, row)) {
    (void)fputs("null", out);
    return;
  }
  switch (column->layout) {
  case BATCH_BOOL:
    (void)fputs(batch_column_get_bool(column, row) ? "true" : "false", out);
    break;
  case BATCH_INT16:
    (void)fprintf(out, "%d", ((const int16_t *)values)[row]);
    break;
  case BATCH_INT32:
  case BATCH_DATE32:
  case BATCH_DECIMAL32:
    (void)fprintf(out, "%" PRId32, ((const int32_t *)values)[row]);
    break;
  case BATCH_FLOAT:
    (void)fprintf(out, "\"%a\"", (double)((const float *)values)[row]);
    break;
  case BATCH_DOUBLE:
    (void)fprintf(out, "\"%a\"", ((const double *)values)[row]);
    break;
  case BATCH_DECIMAL128:
    batch_decimal_text(batch_load_i128((const uint8_t *)values + row * 16), 0, text, sizeof text);
    (void)fputs(text, out);
    break;
  case BATCH_STRING:
    put_text(out, column->data + column->offsets[row],
             (size_t)(column->offsets[row + 1] - column->offsets[row]));
    break;
  case BATCH_BINARY:
    put_bytes(out, column->data + column->offsets[row],
              (size_t)(column->offsets[row + 1] - column->offsets[row]));
    break;
  default:
    (void)fprintf(out, "%" PRId64, ((const int64_t *)values)[row]);
    break;
  }
}

static void put_rows(FILE *out, const batch *b) {
  for (size_t row = 0; row < b->rows; row++) {
    for (size_t c = 0; c < b->schema->count; c++) {
      (void)fputs(c == 0 ? "[" : ", ", out);
      put_cell(out, &b->columns[c], row);
    }
    (void)fputs("]\n", out);
  }
}

static void put_schema(FILE *out, const batch_schema *schema) {
  for (size_t c = 0; c < schema->count; c++) {
    const batch_field *field = &schema->fields[c];
    char format[32];
    batch_type_arrow_format(&field->type, format, sizeof format);
    (void)fputs(c == 0 ? "[[" : ", [", out);
    put_text(out, (const uint8_t *)field->name, strlen(field->name));
    (void)fprintf(out, ", \"%s\", %s]", format, field->nullable ? "true" : "false");
  }
  (void)fputs("]\n", out);
}

br_status parquet_dump(const char *path, FILE *out, br_error *err) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    return br_error_set(err, BR_ERR_IO, "%s can't be read", path);
  }
  parquet_input input = {.read_at = read_file, .context = file, .size = (uint64_t)ftell(file)};
  parquet_reader *reader = NULL;
  batch *b = NULL;
  br_status st = parquet_reader_new(input, &reader, err);
  if (st == BR_OK) {
    put_schema(out, parquet_reader_schema(reader));
    st = batch_new(parquet_reader_schema(reader), BATCH_ROWS, &b, err);
  }
  while (st == BR_OK) {
    batch_reset(b, SIZE_MAX);
    st = parquet_reader_read(reader, b, err);
    if (st == BR_OK) {
      put_rows(out, b);
    }
  }
  batch_free(b);
  parquet_reader_free(reader);
  (void)fclose(file);
  return st == BR_DONE ? BR_OK : st;
}
