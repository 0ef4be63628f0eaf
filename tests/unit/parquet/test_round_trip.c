#include <math.h>

#include "memory_file.h"

typedef struct round_trip {
  parquet_writer_options options;
  size_t rows;
  size_t batch_rows;
  uint64_t distinct;
  uint64_t nulls;
  bool required;
} round_trip;

static void write_rows(const round_trip *t, memory_file *file, parquet_summary *summary) {
  batch_schema *schema = all_layouts(!t->required);
  batch *b = NULL;
  parquet_writer *writer = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(batch_new(schema, t->batch_rows, &b, NULL), BR_OK);
  assert_int_equal(parquet_writer_new(schema, &t->options, memory_output(file), &writer, &err),
                   BR_OK);
  for (size_t row = 0; row < t->rows; row += t->batch_rows) {
    size_t n = t->rows - row < t->batch_rows ? t->rows - row : t->batch_rows;
    batch_reset(b, SIZE_MAX);
    fill_rows(b, row, n, t->distinct, t->nulls);
    assert_int_equal(parquet_writer_write(writer, b, &err), BR_OK);
  }
  assert_int_equal(parquet_writer_finish(writer, summary, &err), BR_OK);
  assert_int_equal(summary->rows, t->rows);
  assert_int_equal(summary->bytes, file->bytes.len);
  parquet_writer_free(writer);
  batch_free(b);
  batch_schema_free(schema);
}

static void assert_rows_come_back(const round_trip *t, memory_file *file) {
  parquet_reader *reader = NULL;
  br_error err = BR_ERROR_INIT;
  batch_schema *schema = all_layouts(!t->required);
  batch *got = NULL;
  batch *want = NULL;
  assert_int_equal(parquet_reader_new(memory_input(file), &reader, &err), BR_OK);
  assert_true(batch_schema_equal(parquet_reader_schema(reader), schema));
  assert_int_equal(parquet_reader_rows(reader), t->rows);
  assert_int_equal(batch_new(schema, 1000, &got, NULL), BR_OK);
  assert_int_equal(batch_new(schema, 1000, &want, NULL), BR_OK);
  size_t row = 0;
  br_status st = BR_OK;
  while ((st = parquet_reader_read(reader, got, &err)) == BR_OK) {
    batch_reset(want, SIZE_MAX);
    fill_rows(want, row, got->rows, t->distinct, t->nulls);
    for (size_t c = 0; c < schema->count; c++) {
      assert_same_column(&want->columns[c], 0, &got->columns[c], 0, got->rows);
    }
    row += got->rows;
    batch_reset(got, SIZE_MAX);
  }
  assert_int_equal(st, BR_DONE);
  assert_int_equal(row, t->rows);
  batch_free(got);
  batch_free(want);
  parquet_reader_free(reader);
  batch_schema_free(schema);
}

static uint32_t check_round(const round_trip *t) {
  memory_file file = memory_file_of();
  parquet_summary summary = {0};
  write_rows(t, &file, &summary);
  assert_rows_come_back(t, &file);
  br_buf_done(&file.bytes);
  return summary.row_groups;
}

static void every_layout_comes_back(void **state) {
  (void)state;
  static const size_t rows[] = {0, 1, 7, 8, 9, 1000, 12345};
  static const uint64_t distinct[] = {1, 2, 300, 5000, 1000000};
  static const uint64_t nulls[] = {0, 1, 2, 9, 1001};
  for (size_t r = 0; r < 7; r++) {
    for (size_t d = 0; d < 5; d++) {
      for (size_t n = 0; n < 5; n++) {
        round_trip t = {.rows = rows[r],
                        .batch_rows = 1000,
                        .distinct = distinct[d],
                        .nulls = nulls[n],
                        .options = {.codec = PARQUET_ZSTD}};
        check_round(&t);
      }
    }
  }
}

static void every_codec_and_required_columns_come_back(void **state) {
  (void)state;
  static const parquet_codec codecs[] = {PARQUET_UNCOMPRESSED, PARQUET_SNAPPY, PARQUET_ZSTD};
  for (size_t c = 0; c < 3; c++) {
    for (int required = 0; required < 2; required++) {
      round_trip t = {.rows = 20000,
                      .batch_rows = 3001,
                      .distinct = 400,
                      .nulls = required ? 0 : 5,
                      .required = required != 0,
                      .options = {.codec = codecs[c]}};
      check_round(&t);
    }
  }
}

/* Pages and dictionaries end everywhere: in the middle of a batch, of a run of NULLs, of a value
 * that has no room. */
static void small_pages_and_dictionaries_come_back(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 7, 64, 1000, 5000, 30000};
  for (size_t p = 0; p < 6; p++) {
    for (size_t d = 0; d < 6; d++) {
      for (uint64_t nulls = 0; nulls < 4; nulls += 3) {
        round_trip t = {.rows = 9000,
                        .batch_rows = 1234,
                        .distinct = 700,
                        .nulls = nulls,
                        .options = {.codec = PARQUET_SNAPPY,
                                    .page_bytes = sizes[p] < 64 && d > 1 ? 200 : sizes[p],
                                    .dictionary_bytes = sizes[d]}};
        check_round(&t);
      }
    }
  }
}

static void row_groups_end_by_rows_bytes_and_memory(void **state) {
  (void)state;
  round_trip t = {.rows = 30000,
                  .batch_rows = 999,
                  .distinct = 1000000,
                  .nulls = 4,
                  .options = {.codec = PARQUET_ZSTD, .row_group_rows = 7000}};
  assert_int_equal(check_round(&t), 5);
  t.options = (parquet_writer_options){.codec = PARQUET_ZSTD, .row_group_bytes = 100000};
  assert_true(check_round(&t) > 3);
  t.options = (parquet_writer_options){.codec = PARQUET_ZSTD, .memory = 400000};
  assert_true(check_round(&t) > 3);
  t.options = (parquet_writer_options){.codec = PARQUET_UNCOMPRESSED, .memory = 1};
  t.rows = 50;
  assert_int_equal(check_round(&t), 50);
}

/* Strings larger than the memory that there is, beside small ones and NULLs. */
static void giant_values_come_back(void **state) {
  (void)state;
  enum { ROWS = 7, GIANT = 700000 };
  static const parquet_codec codecs[] = {PARQUET_UNCOMPRESSED, PARQUET_SNAPPY, PARQUET_ZSTD};
  uint8_t *value = br_malloc(GIANT);
  assert_non_null(value);
  for (size_t i = 0; i < GIANT; i++) {
    value[i] = (uint8_t)(i * i >> 9);
  }
  for (size_t c = 0; c < 3; c++) {
    batch_schema *schema = NULL;
    batch *b = NULL;
    batch *got = NULL;
    parquet_writer *writer = NULL;
    parquet_reader *reader = NULL;
    memory_file file = memory_file_of();
    parquet_summary summary = {0};
    assert_int_equal(batch_schema_new(2, &schema, NULL), BR_OK);
    batch_type binary = {.layout = BATCH_BINARY};
    assert_int_equal(batch_schema_set(schema, 0, "a", binary, true, NULL), BR_OK);
    assert_int_equal(batch_schema_set(schema, 1, "b", binary, false, NULL), BR_OK);
    assert_int_equal(batch_new(schema, ROWS, &b, NULL), BR_OK);
    for (size_t row = 0; row < ROWS; row++) {
      if (row == 3) {
        assert_int_equal(batch_column_append_null(&b->columns[0], row, NULL), BR_OK);
      } else {
        size_t length = row % 2 == 0 ? GIANT - row : row;
        assert_int_equal(batch_column_append_bytes(&b->columns[0], row, value, length, NULL),
                         BR_OK);
      }
      size_t length = row == 5 || row == 6 ? GIANT : 3;
      assert_int_equal(
          batch_column_append_bytes(&b->columns[1], row, value + GIANT - length, length, NULL),
          BR_OK);
      b->rows++;
    }
    parquet_writer_options options = {.codec = codecs[c], .memory = 400000};
    assert_int_equal(parquet_writer_new(schema, &options, memory_output(&file), &writer, NULL),
                     BR_OK);
    assert_int_equal(parquet_writer_write(writer, b, NULL), BR_OK);
    assert_int_equal(parquet_writer_finish(writer, &summary, NULL), BR_OK);
    assert_true(summary.row_groups >= 4);
    assert_int_equal(parquet_reader_new(memory_input(&file), &reader, NULL), BR_OK);
    assert_int_equal(batch_new(schema, ROWS, &got, NULL), BR_OK);
    assert_int_equal(parquet_reader_read(reader, got, NULL), BR_OK);
    assert_int_equal(got->rows, ROWS);
    assert_same_column(&b->columns[0], 0, &got->columns[0], 0, ROWS);
    assert_same_column(&b->columns[1], 0, &got->columns[1], 0, ROWS);
    batch_free(b);
    batch_free(got);
    parquet_writer_free(writer);
    parquet_reader_free(reader);
    batch_schema_free(schema);
    br_buf_done(&file.bytes);
  }
  br_free(value);
}

static void edge_numbers_come_back_bit_by_bit(void **state) {
  (void)state;
  static const double doubles[] = {
      0.0, -0.0, NAN, INFINITY, -INFINITY, 5e-324, 1.7976931348623157e308, -1.0, 0.1};
  batch_schema *schema = one_column((batch_type){.layout = BATCH_DOUBLE}, true);
  batch *b = NULL;
  batch *got = NULL;
  parquet_writer *writer = NULL;
  parquet_reader *reader = NULL;
  memory_file file = memory_file_of();
  assert_int_equal(batch_new(schema, 9, &b, NULL), BR_OK);
  memcpy(b->columns[0].values, doubles, sizeof doubles);
  b->rows = 9;
  assert_int_equal(parquet_writer_new(schema, NULL, memory_output(&file), &writer, NULL), BR_OK);
  assert_int_equal(parquet_writer_write(writer, b, NULL), BR_OK);
  assert_int_equal(parquet_writer_finish(writer, NULL, NULL), BR_OK);
  assert_int_equal(parquet_reader_new(memory_input(&file), &reader, NULL), BR_OK);
  assert_int_equal(batch_new(schema, 20, &got, NULL), BR_OK);
  assert_int_equal(parquet_reader_read(reader, got, NULL), BR_OK);
  assert_memory_equal(got->columns[0].values, doubles, sizeof doubles);
  batch_free(b);
  batch_free(got);
  parquet_writer_free(writer);
  parquet_reader_free(reader);
  batch_schema_free(schema);
  br_buf_done(&file.bytes);
}

static void metadata_comes_back(void **state) {
  (void)state;
  batch_schema *schema = one_column((batch_type){.layout = BATCH_INT32}, true);
  parquet_writer *writer = NULL;
  parquet_reader *reader = NULL;
  memory_file file = memory_file_of();
  assert_int_equal(parquet_writer_new(schema, NULL, memory_output(&file), &writer, NULL), BR_OK);
  assert_int_equal(parquet_writer_metadata(writer, "query", "SELECT \xC3\xA4", NULL), BR_OK);
  assert_int_equal(parquet_writer_metadata(writer, "", "", NULL), BR_OK);
  assert_int_equal(parquet_writer_finish(writer, NULL, NULL), BR_OK);
  assert_int_equal(parquet_reader_new(memory_input(&file), &reader, NULL), BR_OK);
  assert_string_equal(parquet_reader_metadata(reader, "query"), "SELECT \xC3\xA4");
  assert_string_equal(parquet_reader_metadata(reader, ""), "");
  assert_null(parquet_reader_metadata(reader, "other"));
  assert_int_equal(parquet_reader_row_groups(reader), 0);
  parquet_writer_free(writer);
  parquet_reader_free(reader);
  batch_schema_free(schema);
  br_buf_done(&file.bytes);
}

static void misuse_is_refused(void **state) {
  (void)state;
  batch_schema *schema = one_column((batch_type){.layout = BATCH_INT32}, false);
  batch_schema *other = one_column((batch_type){.layout = BATCH_INT64}, true);
  batch_schema *none = NULL;
  parquet_writer *writer = NULL;
  batch *b = NULL;
  memory_file file = memory_file_of();
  parquet_writer_options options = {.level = 20};
  assert_int_equal(batch_schema_new(0, &none, NULL), BR_OK);
  assert_int_equal(parquet_writer_new(none, NULL, memory_output(&file), &writer, NULL),
                   BR_ERR_USAGE);
  assert_int_equal(parquet_writer_new(schema, &options, memory_output(&file), &writer, NULL),
                   BR_ERR_USAGE);
  assert_int_equal(parquet_writer_new(schema, NULL, memory_output(&file), &writer, NULL), BR_OK);
  assert_int_equal(batch_new(other, 4, &b, NULL), BR_OK);
  assert_int_equal(parquet_writer_write(writer, b, NULL), BR_ERR_USAGE);
  b->columns[0].layout = BATCH_INT32;
  assert_int_equal(batch_column_append_null(&b->columns[0], 0, NULL), BR_OK);
  b->rows = 1;
  assert_int_equal(parquet_writer_write(writer, b, NULL), BR_ERR_DATA);
  b->columns[0].layout = BATCH_INT64;
  assert_int_equal(parquet_writer_finish(writer, NULL, NULL), BR_OK);
  assert_int_equal(parquet_writer_finish(writer, NULL, NULL), BR_ERR_USAGE);
  assert_int_equal(parquet_writer_write(writer, b, NULL), BR_ERR_USAGE);
  assert_int_equal(parquet_writer_metadata(writer, "a", "b", NULL), BR_ERR_USAGE);
  batch_free(b);
  parquet_writer_free(writer);
  batch_schema_free(schema);
  batch_schema_free(other);
  batch_schema_free(none);
  br_buf_done(&file.bytes);
}

/* What callers split results into files by. */
static void the_size_so_far_is_near_the_truth(void **state) {
  (void)state;
  round_trip t = {.rows = 40000,
                  .batch_rows = 40000,
                  .distinct = 30000,
                  .nulls = 7,
                  .options = {.codec = PARQUET_ZSTD}};
  batch_schema *schema = all_layouts(true);
  batch *b = NULL;
  parquet_writer *writer = NULL;
  memory_file file = memory_file_of();
  parquet_summary summary = {0};
  assert_int_equal(batch_new(schema, t.batch_rows, &b, NULL), BR_OK);
  fill_rows(b, 0, t.rows, t.distinct, t.nulls);
  assert_int_equal(parquet_writer_new(schema, &t.options, memory_output(&file), &writer, NULL),
                   BR_OK);
  assert_int_equal(parquet_writer_write(writer, b, NULL), BR_OK);
  uint64_t bytes = parquet_writer_bytes(writer);
  assert_int_equal(parquet_writer_finish(writer, &summary, NULL), BR_OK);
  assert_true(bytes > summary.bytes / 3 && bytes < summary.bytes * 3);
  batch_free(b);
  parquet_writer_free(writer);
  batch_schema_free(schema);
  br_buf_done(&file.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_layout_comes_back),
      cmocka_unit_test(every_codec_and_required_columns_come_back),
      cmocka_unit_test(small_pages_and_dictionaries_come_back),
      cmocka_unit_test(row_groups_end_by_rows_bytes_and_memory),
      cmocka_unit_test(giant_values_come_back),
      cmocka_unit_test(edge_numbers_come_back_bit_by_bit),
      cmocka_unit_test(metadata_comes_back),
      cmocka_unit_test(misuse_is_refused),
      cmocka_unit_test(the_size_so_far_is_near_the_truth),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
