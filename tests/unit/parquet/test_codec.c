#include "memory_file.h"
#include "parquet/codec.h"
#include "parquet/dictionary.h"

enum { BYTES = 300000 };

static uint8_t *sample(void) {
  uint8_t *bytes = br_malloc(BYTES);
  assert_non_null(bytes);
  for (size_t i = 0; i < BYTES; i++) {
    bytes[i] = (uint8_t)(i % 1000 < 500 ? i / 7 : (i * i) >> 5);
  }
  return bytes;
}

static const parquet_codec codecs[] = {PARQUET_UNCOMPRESSED, PARQUET_SNAPPY, PARQUET_ZSTD};

static void assert_decompresses(parquet_codec codec, const uint8_t *packed, size_t length,
                                const uint8_t *want) {
  parquet_decompressor d = {NULL};
  br_buf out;
  br_buf_init(&out, SIZE_MAX);
  assert_int_equal(
      parquet_decompress(&d, parquet_compression_of(codec), packed, length, BYTES, &out, NULL),
      BR_OK);
  assert_int_equal(out.len, BYTES);
  assert_memory_equal(out.data, want, BYTES);
  br_buf_done(&out);
  parquet_decompressor_done(&d);
}

static void pages_come_back(void **state) {
  (void)state;
  uint8_t *bytes = sample();
  for (size_t i = 0; i < 3; i++) {
    parquet_compressor c;
    const uint8_t *packed = NULL;
    size_t length = 0;
    assert_int_equal(parquet_compressor_init(&c, codecs[i], 3, NULL), BR_OK);
    for (int again = 0; again < 2; again++) {
      assert_int_equal(parquet_compress(&c, bytes, BYTES, &packed, &length, NULL), BR_OK);
      assert_decompresses(codecs[i], packed, length, bytes);
    }
    parquet_compressor_done(&c);
  }
  br_free(bytes);
}

static void streams_in_any_pieces_come_back(void **state) {
  (void)state;
  static const size_t pieces[] = {1 << 20, 65536, 65537, 1000};
  uint8_t *bytes = sample();
  for (size_t i = 0; i < 3; i++) {
    for (size_t p = 0; p < 4; p++) {
      parquet_compressor c;
      memory_file file = memory_file_of();
      assert_int_equal(parquet_compressor_init(&c, codecs[i], 1, NULL), BR_OK);
      assert_int_equal(parquet_compress_begin(&c, BYTES, memory_output(&file), NULL), BR_OK);
      assert_int_equal(parquet_compress_feed(&c, bytes, 9, NULL), BR_OK);
      for (size_t at = 9; at < BYTES; at += pieces[p]) {
        size_t n = BYTES - at < pieces[p] ? BYTES - at : pieces[p];
        assert_int_equal(parquet_compress_feed(&c, bytes + at, n, NULL), BR_OK);
      }
      assert_int_equal(parquet_compress_feed(&c, bytes, 1, NULL), BR_ERR_INTERNAL);
      assert_decompresses(codecs[i], file.bytes.data, file.bytes.len, bytes);
      br_buf_done(&file.bytes);
      parquet_compressor_done(&c);
    }
  }
  br_free(bytes);
}

static void wrong_lengths_and_cuts_are_errors(void **state) {
  (void)state;
  uint8_t *bytes = sample();
  for (size_t i = 0; i < 3; i++) {
    parquet_compressor c;
    parquet_decompressor d = {NULL};
    const uint8_t *packed = NULL;
    size_t length = 0;
    br_buf out;
    br_buf_init(&out, BR_ERROR_MESSAGE_MAX * 1024);
    assert_int_equal(parquet_compressor_init(&c, codecs[i], 1, NULL), BR_OK);
    assert_int_equal(parquet_compress(&c, bytes, 5000, &packed, &length, NULL), BR_OK);
    parquet_compression codec = parquet_compression_of(codecs[i]);
    static const size_t wrong[] = {0, 1, 4999, 5001, 2000000, INT32_MAX};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
      assert_int_not_equal(parquet_decompress(&d, codec, packed, length, wrong[k], &out, NULL),
                           BR_OK);
    }
    assert_true(out.cap < 4 << 20); /* claims alone cost nothing */
    for (size_t cut = 0; cut < length; cut += 1 + cut / 8) {
      assert_int_equal(parquet_decompress(&d, codec, packed, cut, 5000, &out, NULL), BR_ERR_DATA);
    }
    br_buf_done(&out);
    parquet_decompressor_done(&d);
    parquet_compressor_done(&c);
  }
  br_free(bytes);
}

static void unknown_codecs_are_refused(void **state) {
  (void)state;
  parquet_decompressor d = {NULL};
  br_buf out;
  br_buf_init(&out, 100);
  static const int unknown[] = {PARQUET_COMPRESSION_GZIP, 3, 4, 5, 7, 99, -1};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    assert_int_equal(parquet_decompress(&d, (parquet_compression)unknown[i], (const uint8_t *)"x",
                                        1, 1, &out, NULL),
                     BR_ERR_UNSUPPORTED);
  }
  br_buf_done(&out);
}

/* Dictionaries: every value finds its own index again, and the ceiling holds. */
static void numbers_find_their_index(void **state) {
  (void)state;
  static uint64_t values[20000];
  static uint32_t indexes[20000];
  for (size_t i = 0; i < 20000; i++) {
    values[i] = (i * 7919 % 6000) << (i % 2 == 0 ? 32 : 3);
  }
  parquet_dictionary d;
  size_t added = 0;
  parquet_dictionary_init(&d, 8, 0, 1 << 20);
  for (int round = 0; round < 2; round++) {
    assert_int_equal(
        parquet_dictionary_add_numbers(&d, (const uint8_t *)values, 20000, indexes, &added, NULL),
        BR_OK);
    assert_int_equal(added, 20000);
    for (size_t i = 0; i < 20000; i++) {
      assert_true(indexes[i] < d.count);
      assert_memory_equal(d.values.data + indexes[i] * 8U, &values[i], 8);
    }
    assert_int_equal(d.values.len, d.count * 8U);
    parquet_dictionary_clear(&d);
  }
  parquet_dictionary_done(&d);
  parquet_dictionary_init(&d, 8, 0, 80);
  for (size_t i = 0; i < 20000; i++) {
    values[i] = i;
  }
  assert_int_equal(
      parquet_dictionary_add_numbers(&d, (const uint8_t *)values, 20000, indexes, &added, NULL),
      BR_OK);
  assert_true(added == 10 && d.count == 10);
  parquet_dictionary_done(&d);
}

static void strings_find_their_index(void **state) {
  (void)state;
  enum { N = 5000 };
  static uint8_t data[N * 40];
  static int32_t offsets[N + 1];
  static uint32_t indexes[N];
  for (size_t i = 0; i < N; i++) {
    size_t length = i % 40; /* the last byte tells long ones apart */
    memset(data + offsets[i], 'q', length);
    if (length > 0) {
      data[offsets[i] + (int32_t)length - 1] = (uint8_t)(i / 40);
      data[offsets[i] + (int32_t)length / 2] ^= (uint8_t)(i % 3);
    }
    offsets[i + 1] = offsets[i] + (int32_t)length;
  }
  parquet_dictionary d;
  size_t added = 0;
  parquet_dictionary_init(&d, 0, 0, 1 << 20);
  assert_int_equal(parquet_dictionary_add_strings(&d, data, offsets, N, indexes, &added, NULL),
                   BR_OK);
  assert_int_equal(added, N);
  for (size_t i = 0; i < N; i++) {
    size_t length = 0;
    const uint8_t *value = parquet_dictionary_string(&d, indexes[i], &length);
    assert_int_equal(length, offsets[i + 1] - offsets[i]);
    assert_memory_equal(value, data + offsets[i], length);
  }
  uint32_t again[N];
  uint32_t count = d.count;
  assert_int_equal(parquet_dictionary_add_strings(&d, data, offsets, N, again, &added, NULL),
                   BR_OK);
  assert_memory_equal(again, indexes, sizeof again);
  assert_int_equal(d.count, count);
  parquet_dictionary_done(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pages_come_back),
      cmocka_unit_test(streams_in_any_pieces_come_back),
      cmocka_unit_test(wrong_lengths_and_cuts_are_errors),
      cmocka_unit_test(unknown_codecs_are_refused),
      cmocka_unit_test(numbers_find_their_index),
      cmocka_unit_test(strings_find_their_index),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
