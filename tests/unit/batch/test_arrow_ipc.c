#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/arrow_ipc.h"
#include "samples.h"
#include "support/cmocka.h"
#include "support/torture.h"

enum { MESSAGE_MAX = 1 << 20, OUT_MAX = 8 << 20, ROWS = 20 };

typedef struct feeder {
  const uint8_t *bytes;
  size_t length;
  size_t at;
  size_t feed; /* bytes of one read at most */
} feeder;

static br_status read_some(void *context, void *bytes, size_t size, size_t *ret_length,
                           br_error *err) {
  (void)err;
  feeder *f = context;
  size_t length = f->length - f->at;
  length = length < size ? length : size;
  length = length < f->feed ? length : f->feed;
  memcpy(bytes, f->bytes + f->at, length);
  f->at += length;
  *ret_length = length;
  return BR_OK;
}

/* A stream of the sample schema: batches of ROWS rows each. */
static br_status write_sample(unsigned batches, unsigned nulls_every, br_buf *out, br_error *err) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_status st = sample_schema(true, &schema, err);
  st = st == BR_OK ? batch_new(schema, ROWS, &b, err) : st;
  for (int i = 0; st == BR_OK && i < ROWS; i++) {
    st = sample_append(b, nulls_every, err);
  }
  st = st == BR_OK ? batch_ipc_write_schema(schema, out, err) : st;
  for (unsigned i = 0; st == BR_OK && i < batches; i++) {
    st = batch_ipc_write_batch(b, out, err);
  }
  st = st == BR_OK ? batch_ipc_write_end(out, err) : st;
  batch_free(b);
  batch_schema_free(schema);
  return st;
}

/* Reads a stream to its end; BR_OK where it has one. */
static br_status read_all(feeder *f, size_t capacity, size_t *ret_rows, br_error *err) {
  batch_ipc_reader *reader = NULL;
  batch *b = NULL;
  size_t rows = 0;
  br_status st = batch_ipc_reader_new(read_some, f, MESSAGE_MAX, &reader, err);
  st = st == BR_OK ? batch_new(batch_ipc_reader_schema(reader), capacity, &b, err) : st;
  while (st == BR_OK && (st = batch_ipc_reader_next(reader, b, 0, err)) == BR_OK) {
    assert_true(b->rows > 0 && b->rows <= capacity);
    rows += b->rows;
    batch_reset(b, SIZE_MAX);
  }
  if (st == BR_DONE) {
    assert_int_equal(batch_ipc_reader_next(reader, b, 0, err), BR_DONE);
    *ret_rows = rows;
    st = BR_OK;
  } else if (b != NULL) {
    /* What is broken stays so, and the batch is as good as new. */
    assert_int_equal(batch_ipc_reader_next(reader, b, 0, NULL), st);
    assert_int_equal(b->rows, 0);
    for (size_t i = 0; i < b->schema->count; i++) {
      assert_true(b->columns[i].nulls == 0 && b->columns[i].data_len == 0);
    }
  }
  batch_free(b);
  batch_ipc_reader_free(reader);
  return st;
}

static br_status read_bytes(const uint8_t *bytes, size_t length, br_error *err) {
  /* A copy of the exact size: the sanitizer sees a read behind its end. */
  uint8_t *copy = br_malloc(length == 0 ? 1 : length);
  assert_non_null(copy);
  if (length > 0) {
    memcpy(copy, bytes, length);
  }
  feeder f = {copy, length, 0, SIZE_MAX};
  size_t rows = 0;
  br_status st = read_all(&f, 8, &rows, err);
  br_free(copy);
  return st;
}

static br_status there_and_back(void *context, br_error *err) {
  unsigned nulls_every = *(const unsigned *)context;
  br_buf stream;
  br_buf_init(&stream, OUT_MAX);
  size_t rows = 0;
  br_status st = write_sample(2, nulls_every, &stream, err);
  if (st == BR_OK) {
    feeder f = {stream.data, stream.len, 0, 100};
    st = read_all(&f, 7, &rows, err);
    /* Failed reads fail with what the allocation said. */
    assert_true(st != BR_OK || rows == (size_t)2 * ROWS);
  }
  br_buf_done(&stream);
  return st;
}

static void both_ways_survive_every_failing_allocation(void **state) {
  (void)state;
  unsigned nulls_every = 0;
  torture_allocations(there_and_back, &nulls_every);
  nulls_every = 3;
  torture_allocations(there_and_back, &nulls_every);
}

static void a_failed_write_leaves_the_buffer_as_it_was(void **state) {
  (void)state;
  br_buf whole;
  br_buf_init(&whole, OUT_MAX);
  assert_int_equal(write_sample(1, 3, &whole, NULL), BR_OK);
  batch_schema *schema = NULL;
  batch *b = NULL;
  assert_int_equal(sample_schema(true, &schema, NULL), BR_OK);
  assert_int_equal(batch_new(schema, 1, &b, NULL), BR_OK);
  assert_int_equal(sample_append(b, 0, NULL), BR_OK);
  for (size_t max = 1; max < whole.len; max += 13) {
    br_buf out;
    br_buf_init(&out, max);
    assert_int_equal(br_buf_u8(&out, 7, NULL), BR_OK);
    br_status st = batch_ipc_write_schema(schema, &out, NULL);
    assert_true(st == BR_ERR_LIMIT ? out.len == 1 : out.len > 8);
    size_t before = out.len;
    st = batch_ipc_write_batch(b, &out, NULL);
    assert_true(st == BR_ERR_LIMIT ? out.len == before : out.len > before);
    br_buf_done(&out);
  }
  batch_free(b);
  batch_schema_free(schema);
  br_buf_done(&whole);
}

static void a_stream_cut_anywhere_is_told_from_a_whole_one(void **state) {
  (void)state;
  br_buf stream;
  br_buf_init(&stream, OUT_MAX);
  assert_int_equal(write_sample(2, 3, &stream, NULL), BR_OK);
  unsigned whole = 0;
  for (size_t length = 0; length < stream.len; length++) {
    br_status st = read_bytes(stream.data, length, NULL);
    whole += st == BR_OK ? 1 : 0;
    assert_true(st == BR_OK || st == BR_ERR_PROTOCOL);
  }
  /* Between its three messages, and with the marker cut into its halves: none of them. */
  assert_int_equal(whole, 3);
  br_buf_done(&stream);
}

static bool is_expected(br_status st) {
  return st == BR_OK || st == BR_ERR_PROTOCOL || st == BR_ERR_LIMIT || st == BR_ERR_UNSUPPORTED ||
         st == BR_ERR_DATA;
}

static void lies_in_any_byte_or_number_do_no_harm(void **state) {
  (void)state;
  static const uint64_t lies[] = {0, 1, 3, 0x7F, 0xFF, 0x7FFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  br_buf stream;
  br_buf_init(&stream, OUT_MAX);
  assert_int_equal(write_sample(1, 3, &stream, NULL), BR_OK);
  size_t statuses[BR_ERR_INTERNAL + 1] = {0};
  for (size_t at = 0; at + 8 <= stream.len; at++) {
    uint8_t before[8];
    memcpy(before, stream.data + at, sizeof before);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
      /* One byte everywhere; numbers of 32 bits and the high half of those of 64 where they lie. */
      if (at % 4 == 0) {
        br_store_u32le(stream.data + at, (uint32_t)lies[i]);
      } else {
        stream.data[at] = (uint8_t)lies[i];
      }
      br_status st = read_bytes(stream.data, stream.len, NULL);
      assert_true(is_expected(st));
      statuses[st]++;
      memcpy(stream.data + at, before, sizeof before);
    }
  }
  /* The lies were seen, of each kind some. */
  assert_true(statuses[BR_ERR_PROTOCOL] > 100 && statuses[BR_ERR_LIMIT] > 0);
  assert_true(statuses[BR_ERR_UNSUPPORTED] > 0 && statuses[BR_ERR_DATA] > 0);
  br_buf_done(&stream);
}

static void a_long_message_without_bytes_costs_no_memory(void **state) {
  (void)state;
  static const uint8_t stream[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, 2, 3, 4};
  feeder f = {stream, sizeof stream, 0, SIZE_MAX};
  batch_ipc_reader *reader = NULL;
  br_error err = BR_ERROR_INIT;
  /* 2 GiB are allowed, 4 bytes come. */
  assert_int_equal(batch_ipc_reader_new(read_some, &f, SIZE_MAX, &reader, &err), BR_ERR_PROTOCOL);
  assert_string_equal(err.message, "The Arrow stream ends inside of a message");
  f.at = 0;
  assert_int_equal(batch_ipc_reader_new(read_some, &f, 1000, &reader, &err), BR_ERR_LIMIT);
  assert_string_equal(
      err.message, "The metadata of an Arrow message has 2147483647 bytes, over the 1000 allowed");
}

static br_status fails(void *context, void *bytes, size_t size, size_t *ret_length, br_error *err) {
  (void)bytes;
  (void)size;
  (void)ret_length;
  size_t *calls = context;
  (*calls)++;
  return br_error_set(err, BR_ERR_NETWORK, "gone");
}

static void failures_of_the_source_are_passed_on(void **state) {
  (void)state;
  size_t calls = 0;
  batch_ipc_reader *reader = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(batch_ipc_reader_new(fails, &calls, 1000, &reader, &err), BR_ERR_NETWORK);
  assert_string_equal(err.message, "gone");
  assert_int_equal(calls, 1);
}

static void text_that_is_no_stream_is_refused(void **state) {
  (void)state;
  static const char html[] = "<html><body>503</body></html>";
  br_error err = BR_ERROR_INIT;
  br_status st = read_bytes((const uint8_t *)html, sizeof html - 1, &err);
  assert_int_equal(st, BR_ERR_LIMIT);
  assert_int_equal(read_bytes(NULL, 0, &err), BR_ERR_PROTOCOL);
  assert_string_equal(err.message, "The Arrow stream is empty: it has no schema");
}

static void values_and_nulls_come_back_as_they_were(void **state) {
  (void)state;
  br_buf stream;
  br_buf_init(&stream, OUT_MAX);
  assert_int_equal(write_sample(1, 3, &stream, NULL), BR_OK);
  feeder f = {stream.data, stream.len, 0, 1};
  batch_ipc_reader *reader = NULL;
  batch *b = NULL;
  assert_int_equal(batch_ipc_reader_new(read_some, &f, MESSAGE_MAX, &reader, NULL), BR_OK);
  const batch_schema *schema = batch_ipc_reader_schema(reader);
  assert_int_equal(schema->count, SAMPLE_COLUMNS);
  for (size_t i = 0; i < schema->count; i++) {
    /* Decimals are written in 128 bits. */
    batch_layout written =
        i == BATCH_DECIMAL32 || i == BATCH_DECIMAL64 ? BATCH_DECIMAL128 : (batch_layout)i;
    assert_int_equal(schema->fields[i].type.layout, written);
  }
  assert_int_equal(batch_new(schema, ROWS, &b, NULL), BR_OK);
  assert_int_equal(batch_ipc_reader_next(reader, b, 0, NULL), BR_OK);
  assert_int_equal(b->rows, ROWS);
  for (size_t row = 0; row < ROWS; row++) {
    for (size_t i = 0; i < schema->count; i++) {
      const batch_column *column = &b->columns[i];
      bool null = (row + i) % 3 == 0;
      assert_int_equal(batch_column_is_valid(column, row), !null);
      size_t width = batch_layout_width(column->layout);
      if (width != 0) {
        assert_int_equal(((const uint8_t *)column->values)[row * width], null ? 0 : 'A' + row);
      } else if (column->offsets != NULL) {
        assert_int_equal(column->offsets[row + 1] - column->offsets[row], null ? 0 : row % 5);
      }
    }
  }
  batch_free(b);
  batch_ipc_reader_free(reader);
  br_buf_done(&stream);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_nulls_come_back_as_they_were),
      cmocka_unit_test(both_ways_survive_every_failing_allocation),
      cmocka_unit_test(a_failed_write_leaves_the_buffer_as_it_was),
      cmocka_unit_test(a_stream_cut_anywhere_is_told_from_a_whole_one),
      cmocka_unit_test(lies_in_any_byte_or_number_do_no_harm),
      cmocka_unit_test(a_long_message_without_bytes_costs_no_memory),
      cmocka_unit_test(failures_of_the_source_are_passed_on),
      cmocka_unit_test(text_that_is_no_stream_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
