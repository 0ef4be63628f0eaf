/* Files that lie: the reader says so, and never crashes or takes the memory they claim. */
#include "memory_file.h"
#include "parquet/delta.h"

enum { ROWS = 150 };

static memory_file small_file(parquet_codec codec) {
  batch_schema *schema = all_layouts(true);
  batch *b = NULL;
  parquet_writer *writer = NULL;
  memory_file file = memory_file_of();
  parquet_writer_options options = {.codec = codec, .page_bytes = 400, .row_group_rows = 100};
  assert_int_equal(batch_new(schema, ROWS, &b, NULL), BR_OK);
  fill_rows(b, 0, ROWS, 20, 3);
  assert_int_equal(parquet_writer_new(schema, &options, memory_output(&file), &writer, NULL),
                   BR_OK);
  assert_int_equal(parquet_writer_write(writer, b, NULL), BR_OK);
  assert_int_equal(parquet_writer_finish(writer, NULL, NULL), BR_OK);
  parquet_writer_free(writer);
  batch_free(b);
  batch_schema_free(schema);
  return file;
}

/* Reads a file whatever is in it; rows are given up on after a while. */
static br_status read_any(memory_file *file) {
  parquet_reader *reader = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = parquet_reader_new(memory_input(file), &reader, &err);
  if (st == BR_OK) {
    st = batch_new(parquet_reader_schema(reader), 64, &b, &err);
  }
  for (int i = 0; st == BR_OK && i < 20; i++) {
    batch_reset(b, SIZE_MAX);
    st = parquet_reader_read(reader, b, &err);
  }
  if (st != BR_OK && st != BR_DONE) {
    assert_true(err.message[0] != '\0');
  }
  batch_free(b);
  parquet_reader_free(reader);
  return st;
}

static void every_cut_is_an_error(void **state) {
  (void)state;
  memory_file file = small_file(PARQUET_SNAPPY);
  assert_int_equal(read_any(&file), BR_DONE);
  size_t length = file.bytes.len;
  for (size_t cut = 0; cut < length; cut++) {
    memory_file part = memory_file_of();
    assert_int_equal(br_buf_append(&part.bytes, file.bytes.data, cut, NULL), BR_OK);
    assert_int_equal(read_any(&part), BR_ERR_DATA);
    br_buf_done(&part.bytes);
  }
  br_buf_done(&file.bytes);
}

static void every_changed_byte_is_survived(void **state) {
  (void)state;
  static const parquet_codec codecs[] = {PARQUET_UNCOMPRESSED, PARQUET_ZSTD};
  static const uint8_t masks[] = {0x01, 0xFF};
  for (size_t c = 0; c < 2; c++) {
    memory_file file = small_file(codecs[c]);
    for (size_t i = 0; i < file.bytes.len; i++) {
      for (size_t m = 0; m < 2; m++) {
        file.bytes.data[i] ^= masks[m];
        (void)read_any(&file); /* right, wrong or an error: but no crash, which is what is tested */
        file.bytes.data[i] ^= masks[m];
      }
    }
    assert_int_equal(read_any(&file), BR_DONE);
    br_buf_done(&file.bytes);
  }
}

static void other_files_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t length;
    br_status status;
  } files[] = {
      {"", 0, BR_ERR_DATA},
      {"PAR1PAR1", 8, BR_ERR_DATA},
      {"PAR1\0\0\0\0PAR1", 12, BR_ERR_DATA},
      {"PAR1\x01\0\0\0PAR1", 12, BR_ERR_DATA},
      {"PAR1\xFF\xFF\xFF\x7FPAR1", 12, BR_ERR_DATA},
      {"PAR1\0\0\0\0PARE", 12, BR_ERR_UNSUPPORTED},
      {"SQLite format 3\0", 16, BR_ERR_DATA},
      {"PAR1\0\x01\0\0\0PAR1", 13, BR_ERR_DATA},
  };
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    memory_file file = memory_file_of();
    assert_int_equal(br_buf_append(&file.bytes, files[i].bytes, files[i].length, NULL), BR_OK);
    assert_int_equal(read_any(&file), files[i].status);
    br_buf_done(&file.bytes);
  }
}

static void put(uint8_t **at, uint64_t value) {
  while (value >= 0x80) {
    *(*at)++ = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  *(*at)++ = (uint8_t)value;
}

/* A head of DELTA_BINARY_PACKED. */
static size_t delta_head(uint8_t *bytes, uint64_t block, uint64_t miniblocks, uint64_t count) {
  uint8_t *at = bytes;
  put(&at, block);
  put(&at, miniblocks);
  put(&at, count);
  put(&at, 0);
  return (size_t)(at - bytes);
}

static void delta_heads_that_lie_are_errors(void **state) {
  (void)state;
  static const uint64_t bad[][2] = {{128, 0},        {0, 1},        {128, 3},         {100, 1},
                                    {UINT64_MAX, 1}, {1U << 31, 1}, {128, UINT64_MAX}};
  uint8_t bytes[64];
  parquet_delta d;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    size_t length = delta_head(bytes, bad[i][0], bad[i][1], 5);
    assert_int_equal(parquet_delta_open(&d, bytes, length, NULL), BR_ERR_DATA);
  }
  /* Values that aren't there. */
  size_t length = delta_head(bytes, 128, 4, UINT64_MAX);
  int64_t value = 1;
  size_t end = 0;
  assert_int_equal(parquet_delta_open(&d, bytes, length, NULL), BR_OK);
  assert_int_equal(parquet_delta_next(&d, &value, NULL), BR_OK);
  assert_int_equal(value, 0);
  assert_int_equal(parquet_delta_next(&d, &value, NULL), BR_ERR_DATA);
  assert_int_equal(parquet_delta_open(&d, bytes, length, NULL), BR_OK);
  assert_int_equal(parquet_delta_skip_all(&d, &end, NULL), BR_ERR_DATA);
  /* A bit width over 64. */
  length = delta_head(bytes, 128, 1, 2);
  bytes[length++] = 0;
  bytes[length++] = 65;
  assert_int_equal(parquet_delta_open(&d, bytes, length, NULL), BR_OK);
  assert_int_equal(parquet_delta_next(&d, &value, NULL), BR_OK);
  assert_int_equal(parquet_delta_next(&d, &value, NULL), BR_ERR_DATA);
}

static void input_that_fails_is_passed_on(void **state) {
  (void)state;
  memory_file file = small_file(PARQUET_ZSTD);
  parquet_reader *reader = NULL;
  parquet_input input = memory_input(&file);
  input.size += 100; /* reads behind the end fail */
  br_error err = BR_ERROR_INIT;
  assert_int_equal(parquet_reader_new(input, &reader, &err), BR_ERR_IO);
  assert_string_equal(err.message, "read behind the end");
  br_buf_done(&file.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cut_is_an_error),
      cmocka_unit_test(every_changed_byte_is_survived),
      cmocka_unit_test(other_files_are_refused_by_name),
      cmocka_unit_test(delta_heads_that_lie_are_errors),
      cmocka_unit_test(input_that_fails_is_passed_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
