/*
 * parquet_interop.c: writes Parquet files of known content for other readers, and prints what our
 * reader finds in theirs. test_parquet_readers.py works the same values out by itself.
 *
 *   parquet_interop write FILE name=value…   rows, batch, columns, codec, level, group_rows,
 *                                            group_bytes, page_bytes, dictionary_bytes, memory,
 *                                            pattern, nulls, required, text (bytes per string)
 *   parquet_interop read FILE                a line of JSON for the schema, then one per row
 *
 * Value v of row r in column c: base = mix(r * 64 + c) for the pattern random; mix(r % 7 …) for
 * few; mix(r / 1000 …) for runs; r for sorted; 42 for constant.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "batch/value.h"
#include "interop/parquet_dump.h"
#include "parquet/parquet.h"

typedef struct settings {
  uint64_t rows;
  size_t batch_rows;
  size_t columns; /* 0: one of every type; else so many int32 */
  size_t text;    /* strings have this length; 0 = by their value */
  const char *pattern;
  const char *nulls;
  bool required;
  parquet_writer_options options;
} settings;

static const struct {
  const char *name;
  batch_type type;
} all_types[] = {
    {"bool", {BATCH_BOOL, 0, 0}},
    {"int16", {BATCH_INT16, 0, 0}},
    {"int32", {BATCH_INT32, 0, 0}},
    {"int64", {BATCH_INT64, 0, 0}},
    {"float", {BATCH_FLOAT, 0, 0}},
    {"double", {BATCH_DOUBLE, 0, 0}},
    {"decimal9", {BATCH_DECIMAL32, 9, 2}},
    {"decimal18", {BATCH_DECIMAL64, 18, 4}},
    {"money", {BATCH_DECIMAL128, 19, 4}},
    {"decimal38", {BATCH_DECIMAL128, 38, 10}},
    {"date", {BATCH_DATE32, 0, 0}},
    {"time", {BATCH_TIME64_US, 0, 0}},
    {"timestamp", {BATCH_TIMESTAMP_US, 0, 0}},
    {"instant", {BATCH_TIMESTAMP_US_UTC, 0, 0}},
    {"string", {BATCH_STRING, 0, 0}},
    {"binary", {BATCH_BINARY, 0, 0}},
};
enum { TYPES = sizeof all_types / sizeof all_types[0] };

static void die(const br_error *err) {
  (void)fprintf(stderr, "%s: %s\n", br_status_name(err->status), err->message);
  exit(1);
}

/* splitmix64's finaliser. */
static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
  x = (x ^ x >> 27) * 0x94D049BB133111EBU;
  return x ^ x >> 31;
}

static uint64_t base_of(const settings *s, uint64_t row, size_t column) {
  if (strcmp(s->pattern, "few") == 0) {
    return mix(row % 7 * 64 + column);
  }
  if (strcmp(s->pattern, "some") == 0) {
    return mix(mix(row) % 5000 * 64 + column);
  }
  if (strcmp(s->pattern, "runs") == 0) {
    return mix(row / 1000 * 64 + column);
  }
  if (strcmp(s->pattern, "sorted") == 0) {
    return row;
  }
  if (strcmp(s->pattern, "constant") == 0) {
    return 42;
  }
  return mix(row * 64 + column);
}

static bool is_null(const settings *s, uint64_t row, size_t column) {
  if (strcmp(s->nulls, "all") == 0) {
    return true;
  }
  if (strcmp(s->nulls, "third") == 0) {
    return (row + column) % 3 == 0;
  }
  if (strcmp(s->nulls, "random") == 0) {
    return mix(row * 64 + column + 7777777) % 2 == 0;
  }
  if (strcmp(s->nulls, "rare") == 0) {
    return (row + column) % 5000 == 4999;
  }
  if (strcmp(s->nulls, "first") == 0) {
    return row < s->rows / 2;
  }
  if (strcmp(s->nulls, "runs") == 0) {
    return row / 700 % 2 == 1;
  }
  return false;
}

/* Every layout's range: decimals of all their digits, years 1 to 9999. */
enum { DAYS_OF_YEARS = 3652059, DAYS_BEFORE_1970 = 719162 };
#define DAY_US INT64_C(86400000000)

__extension__ typedef unsigned __int128 wide;

static void put_decimal(uint8_t *out, uint64_t v, unsigned precision) {
  wide limit = 1;
  for (unsigned i = 0; i < precision; i++) {
    limit *= 10;
  }
  batch_i128 value = (batch_i128)(((wide)v << 64 | mix(v)) % limit);
  batch_store_i128(out, v & 1 ? -value : value);
}

static br_status put_text(batch_column *column, size_t row, uint64_t v, size_t length,
                          br_error *err) {
  static char text[64];
  int n = snprintf(text, sizeof text, "v%" PRIu64 " \xC3\xA4\xE2\x82\xAC", v);
  if (length == 0) {
    return batch_column_append_bytes(column, row, text, (size_t)n - v % 2 * 6, err);
  }
  /* In place: a test looks at how much memory writing one large value takes. */
  br_status st = batch_column_reserve_data(column, length, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *whole = column->data + column->data_len;
  for (size_t i = 0; i < length; i += 8) {
    uint64_t word = mix(v + i);
    for (size_t k = i; k < i + 8 && k < length; k++) {
      whole[k] = (uint8_t)('a' + (word >> (8 * (k - i)) & 15));
    }
  }
  column->data_len += length;
  column->offsets[row + 1] = (int32_t)column->data_len;
  return BR_OK;
}

static void put_number(batch_column *column, size_t row, uint64_t v, const batch_type *type) {
  void *values = column->values;
  switch (column->layout) {
  case BATCH_BOOL:
    batch_column_set_bool(column, row, v & 1);
    break;
  case BATCH_INT16:
    ((int16_t *)values)[row] = (int16_t)v;
    break;
  case BATCH_INT32:
    ((int32_t *)values)[row] = (int32_t)v;
    break;
  case BATCH_FLOAT:
    ((float *)values)[row] = (float)((int32_t)v >> 8) / 16;
    break;
  case BATCH_DOUBLE:
    ((double *)values)[row] = (double)((int64_t)v >> 11) / 1024;
    break;
  case BATCH_DECIMAL32:
    ((int32_t *)values)[row] = (int32_t)((int64_t)v % 1000000000);
    break;
  case BATCH_DECIMAL64:
    ((int64_t *)values)[row] = (int64_t)v % 1000000000000000000;
    break;
  case BATCH_DECIMAL128:
    put_decimal((uint8_t *)values + 16 * row, v, type->precision);
    break;
  case BATCH_DATE32:
    ((int32_t *)values)[row] = (int32_t)(v % DAYS_OF_YEARS) - DAYS_BEFORE_1970;
    break;
  case BATCH_TIME64_US:
    ((int64_t *)values)[row] = (int64_t)(v % DAY_US);
    break;
  case BATCH_TIMESTAMP_US:
  case BATCH_TIMESTAMP_US_UTC:
    ((int64_t *)values)[row] =
        (int64_t)(v % ((uint64_t)DAYS_OF_YEARS * DAY_US)) - DAYS_BEFORE_1970 * DAY_US;
    break;
  default:
    ((int64_t *)values)[row] = (int64_t)v;
    break;
  }
}

static br_status put_value(batch_column *column, size_t row, uint64_t v, const settings *s,
                           const batch_type *type, br_error *err) {
  if (column->layout == BATCH_STRING) {
    return put_text(column, row, v, s->text, err);
  }
  if (column->layout == BATCH_BINARY) {
    uint8_t bytes[24];
    for (unsigned i = 0; i < sizeof bytes; i++) {
      bytes[i] = (uint8_t)(v >> (i % 8 * 8));
    }
    return batch_column_append_bytes(column, row, bytes, (size_t)(v % 25), err);
  }
  put_number(column, row, v, type);
  return BR_OK;
}

static br_status fill(batch *b, const settings *s, uint64_t first, br_error *err) {
  br_status st = BR_OK;
  while (st == BR_OK && b->rows < b->capacity_rows && first + b->rows < s->rows) {
    size_t row = b->rows;
    for (size_t c = 0; st == BR_OK && c < b->schema->count; c++) {
      batch_column *column = &b->columns[c];
      if (!s->required && is_null(s, first + row, c)) {
        st = batch_column_append_null(column, row, err);
      } else {
        st = put_value(column, row, base_of(s, first + row, c), s, &b->schema->fields[c].type, err);
        batch_column_mark_valid(column, row);
      }
    }
    b->rows++;
  }
  return st;
}

static br_status make_schema(const settings *s, batch_schema **ret_schema, br_error *err) {
  size_t count = s->columns == 0 ? TYPES : s->columns;
  br_status st = batch_schema_new(count, ret_schema, err);
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "c%zu", i);
    const char *field_name = s->columns == 0 ? all_types[i].name : name;
    batch_type type = s->columns == 0 ? all_types[i].type : (batch_type){BATCH_INT32, 0, 0};
    st = batch_schema_set(*ret_schema, i, field_name, type, !s->required, err);
  }
  return st;
}

static br_status write_bytes(void *context, const void *bytes, size_t length, br_error *err) {
  return fwrite(bytes, 1, length, context) == length
             ? BR_OK
             : br_error_set(err, BR_ERR_DISK_FULL, "The file can't be written");
}

/* The most memory that the program has had, in KiB. */
static long peak_kib(void) {
  char line[256];
  long peak = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "VmHWM:", 6) == 0) {
      peak = strtol(line + 6, NULL, 10);
    }
  }
  if (file != NULL) {
    (void)fclose(file);
  }
  return peak;
}

static br_status write_file(const settings *s, FILE *file, br_error *err) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  parquet_writer *writer = NULL;
  br_status st = make_schema(s, &schema, err);
  if (st == BR_OK) {
    st = batch_new(schema, s->batch_rows, &b, err);
  }
  if (st == BR_OK) {
    parquet_output output = {.write = write_bytes, .context = file};
    st = parquet_writer_new(schema, &s->options, output, &writer, err);
  }
  if (st == BR_OK) {
    st = parquet_writer_metadata(writer, "origin", "interop", err);
  }
  for (uint64_t row = 0; st == BR_OK && row < s->rows; row += b->rows) {
    batch_reset(b, SIZE_MAX);
    st = fill(b, s, row, err);
    if (st == BR_OK) {
      st = parquet_writer_write(writer, b, err);
    }
  }
  parquet_summary summary = {0};
  if (st == BR_OK) {
    st = parquet_writer_finish(writer, &summary, err);
  }
  if (st == BR_OK) {
    (void)printf("{\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64
                 ", \"row_groups\": %u, \"peak_kib\": %ld}\n",
                 summary.rows, summary.bytes, (unsigned)summary.row_groups, peak_kib());
  }
  parquet_writer_free(writer);
  batch_free(b);
  batch_schema_free(schema);
  return st;
}

static size_t *size_setting(settings *s, const char *name) {
  const struct {
    const char *name;
    size_t *value;
  } table[] = {
      {"batch", &s->batch_rows},
      {"columns", &s->columns},
      {"text", &s->text},
      {"group_rows", &s->options.row_group_rows},
      {"group_bytes", &s->options.row_group_bytes},
      {"page_bytes", &s->options.page_bytes},
      {"dictionary_bytes", &s->options.dictionary_bytes},
      {"memory", &s->options.memory},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    if (strcmp(table[i].name, name) == 0) {
      return table[i].value;
    }
  }
  (void)fprintf(stderr, "unknown setting %s\n", name);
  exit(2);
}

static void set(settings *s, char *argument) {
  char *value = strchr(argument, '=');
  if (value == NULL) {
    (void)fprintf(stderr, "name=value wanted: %s\n", argument);
    exit(2);
  }
  *value++ = '\0';
  if (strcmp(argument, "rows") == 0) {
    s->rows = strtoull(value, NULL, 10);
  } else if (strcmp(argument, "pattern") == 0) {
    s->pattern = value;
  } else if (strcmp(argument, "nulls") == 0) {
    s->nulls = value;
  } else if (strcmp(argument, "required") == 0) {
    s->required = strcmp(value, "1") == 0;
  } else if (strcmp(argument, "level") == 0) {
    s->options.level = atoi(value);
  } else if (strcmp(argument, "codec") == 0) {
    s->options.codec = strcmp(value, "snappy") == 0 ? PARQUET_SNAPPY
                       : strcmp(value, "none") == 0 ? PARQUET_UNCOMPRESSED
                                                    : PARQUET_ZSTD;
  } else {
    *size_setting(s, argument) = strtoull(value, NULL, 10);
  }
}

int main(int argc, char **argv) {
  br_error err = BR_ERROR_INIT;
  if (argc < 3) {
    (void)fprintf(stderr, "parquet_interop write|read FILE [name=value…]\n");
    return 2;
  }
  if (strcmp(argv[1], "read") == 0) {
    if (parquet_dump(argv[2], stdout, &err) != BR_OK) {
      die(&err);
    }
    return 0;
  }
  settings s = {.batch_rows = 10000,
                .pattern = "random",
                .nulls = "none",
                .options = {.codec = PARQUET_ZSTD}};
  for (int i = 3; i < argc; i++) {
    set(&s, argv[i]);
  }
  FILE *file = fopen(argv[2], "wb");
  if (file == NULL) {
    perror(argv[2]);
    return 1;
  }
  br_status st = write_file(&s, file, &err);
  if (fclose(file) != 0 && st == BR_OK) {
    st = br_error_set(&err, BR_ERR_DISK_FULL, "The file can't be written");
  }
  if (st != BR_OK) {
    die(&err);
  }
  return 0;
}
