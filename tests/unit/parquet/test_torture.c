/* Memory that runs out and outputs that fail, at every place there is. */
#include "memory_file.h"

enum { ROWS = 600 };

typedef struct scene {
  batch_schema *schema;
  batch *b;
} scene;

static int set_up(void **state) {
  static scene s;
  s.schema = all_layouts(true);
  assert_int_equal(batch_new(s.schema, ROWS, &s.b, NULL), BR_OK);
  fill_rows(s.b, 0, ROWS, 500, 5);
  *state = &s;
  return 0;
}

static int tear_down(void **state) {
  scene *s = *state;
  batch_free(s->b);
  batch_schema_free(s->schema);
  return 0;
}

/* Small pages, dictionaries that fill up, several row groups, giant values. */
static br_status write_all(const scene *s, memory_file *file, size_t memory, br_error *err) {
  parquet_writer *writer = NULL;
  parquet_writer_options options = {
      .codec = PARQUET_SNAPPY, .page_bytes = 2000, .dictionary_bytes = 900, .memory = memory};
  br_status st = parquet_writer_new(s->schema, &options, memory_output(file), &writer, err);
  if (st == BR_OK) {
    st = parquet_writer_metadata(writer, "key", "value", err);
  }
  if (st == BR_OK && (st = parquet_writer_write(writer, s->b, err)) != BR_OK) {
    /* A writer that has failed says so from then on. */
    assert_int_equal(parquet_writer_finish(writer, NULL, NULL), BR_ERR_USAGE);
  }
  if (st == BR_OK) {
    st = parquet_writer_finish(writer, NULL, err);
  }
  parquet_writer_free(writer);
  return st;
}

static void writing_survives_every_failed_allocation(void **state) {
  const scene *s = *state;
  memory_file file = memory_file_of();
  br_error err = BR_ERROR_INIT;
  assert_int_equal(br_buf_reserve(&file.bytes, 1 << 20, NULL), BR_OK);
  br_status st = BR_ERR_NOMEM;
  long n = 0;
  for (; st != BR_OK; n++) {
    br_buf_clear(&file.bytes);
    br_mem_fail_after(n);
    st = write_all(s, &file, 60000, &err);
    br_mem_fail_after(-1);
    assert_true(st == BR_OK || st == BR_ERR_NOMEM);
  }
  assert_true(n > 100);
  br_buf_done(&file.bytes);
}

static void writing_survives_every_failed_output(void **state) {
  const scene *s = *state;
  memory_file file = memory_file_of();
  br_error err = BR_ERROR_INIT;
  br_status st = BR_ERR_DISK_FULL;
  long n = 0;
  for (; st != BR_OK; n++) {
    br_buf_clear(&file.bytes);
    file.fail_after = n;
    st = write_all(s, &file, 60000, &err);
    assert_true(st == BR_OK || st == BR_ERR_DISK_FULL);
    if (st != BR_OK) {
      assert_string_equal(err.message, "disk full");
    }
  }
  assert_true(n > 40);
  br_buf_done(&file.bytes);
}

static br_status read_all(memory_file *file, size_t *ret_rows, br_error *err) {
  parquet_reader *reader = NULL;
  batch *b = NULL;
  br_status st = parquet_reader_new(memory_input(file), &reader, err);
  if (st == BR_OK) {
    st = batch_new(parquet_reader_schema(reader), 100, &b, err);
  }
  *ret_rows = 0;
  while (st == BR_OK) {
    batch_reset(b, SIZE_MAX);
    st = parquet_reader_read(reader, b, err);
    *ret_rows += st == BR_OK ? b->rows : 0;
  }
  batch_free(b);
  parquet_reader_free(reader);
  return st;
}

static void reading_survives_every_failed_allocation(void **state) {
  const scene *s = *state;
  memory_file file = memory_file_of();
  br_error err = BR_ERROR_INIT;
  assert_int_equal(write_all(s, &file, 60000, &err), BR_OK);
  br_status st = BR_ERR_NOMEM;
  size_t rows = 0;
  long n = 0;
  for (; st != BR_DONE; n++) {
    br_mem_fail_after(n);
    st = read_all(&file, &rows, &err);
    br_mem_fail_after(-1);
    assert_true(st == BR_DONE || st == BR_ERR_NOMEM);
  }
  assert_int_equal(rows, ROWS);
  assert_true(n > 50);
  br_buf_done(&file.bytes);
}

static void a_giant_row_survives_every_failure(void **state) {
  (void)state;
  batch_schema *schema = one_column((batch_type){.layout = BATCH_BINARY}, true);
  scene s = {.schema = schema};
  memory_file file = memory_file_of();
  br_error err = BR_ERROR_INIT;
  static uint8_t value[200000];
  for (size_t i = 0; i < sizeof value; i++) {
    value[i] = (uint8_t)(i * i >> 7);
  }
  assert_int_equal(batch_new(schema, 2, &s.b, NULL), BR_OK);
  for (size_t row = 0; row < 2; row++) {
    assert_int_equal(batch_column_append_bytes(&s.b->columns[0], row, value, sizeof value, NULL),
                     BR_OK);
    s.b->rows++;
  }
  assert_int_equal(br_buf_reserve(&file.bytes, 1 << 20, NULL), BR_OK);
  br_status st = BR_ERR_NOMEM;
  for (long n = 0; st != BR_OK; n++) {
    br_buf_clear(&file.bytes);
    br_mem_fail_after(n);
    st = write_all(&s, &file, 50000, &err);
    br_mem_fail_after(-1);
    assert_true(st == BR_OK || st == BR_ERR_NOMEM);
  }
  st = BR_ERR_DISK_FULL;
  for (long n = 0; st != BR_OK; n++) {
    br_buf_clear(&file.bytes);
    file.fail_after = n;
    st = write_all(&s, &file, 50000, &err);
    assert_true(st == BR_OK || st == BR_ERR_DISK_FULL);
  }
  size_t rows = 0;
  assert_int_equal(read_all(&file, &rows, &err), BR_DONE);
  assert_int_equal(rows, 2);
  br_buf_done(&file.bytes);
  batch_free(s.b);
  batch_schema_free(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writing_survives_every_failed_allocation),
      cmocka_unit_test(writing_survives_every_failed_output),
      cmocka_unit_test(reading_survives_every_failed_allocation),
      cmocka_unit_test(a_giant_row_survives_every_failure),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
