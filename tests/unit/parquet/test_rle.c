#include "memory_file.h"
#include "parquet/bits.h"
#include "parquet/rle.h"

enum { VALUES = 3000 };

/* Different mixes of runs and changing values. */
static void make_values(uint32_t *values, size_t count, unsigned width, unsigned pattern) {
  uint32_t mask = width == 32 ? UINT32_MAX : (1U << width) - 1U;
  uint64_t state = 88172645463325252U + pattern;
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    uint32_t random = (uint32_t)(state >> 32);
    if (pattern == 0) {
      values[i] = mask;
    } else if (pattern == 1) {
      values[i] = random & mask;
    } else if (pattern == 2) {
      values[i] = i % 97 < 70 ? 1 & mask : random & mask;
    } else {
      values[i] = (uint32_t)(i / (8 * pattern)) & mask;
    }
  }
}

static void all_widths_and_lengths_come_back(void **state) {
  (void)state;
  static const size_t lengths[] = {1, 2, 7, 8, 9, 15, 16, 63, 64, 65, 1000, VALUES};
  uint32_t *values = br_malloc(VALUES * sizeof *values);
  uint32_t *back = br_malloc(VALUES * sizeof *back);
  assert_true(values != NULL && back != NULL);
  for (unsigned width = 1; width <= 32; width++) {
    for (unsigned pattern = 0; pattern < 6; pattern++) {
      make_values(values, VALUES, width, pattern);
      for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = lengths[i];
        size_t bound = parquet_rle_bound(n, width);
        uint8_t *out = br_malloc(bound); /* exact, so that the sanitizer sees the bound broken */
        size_t length = parquet_rle_encode(values, n, width, out);
        assert_true(length <= bound);
        parquet_rle_decoder d = parquet_rle_decoder_of(out, length, width);
        assert_int_equal(parquet_rle_decode(&d, back, n / 2, NULL), BR_OK);
        assert_int_equal(parquet_rle_decode(&d, back + n / 2, n - n / 2, NULL), BR_OK);
        assert_memory_equal(values, back, n * sizeof *values);
        br_free(out);
      }
    }
  }
  br_free(values);
  br_free(back);
}

static void runs_are_short(void **state) {
  (void)state;
  static uint32_t values[VALUES];
  uint8_t out[64];
  for (size_t i = 0; i < VALUES; i++) {
    values[i] = i < 1000 ? 5 : 6;
  }
  assert_true(parquet_rle_encode(values, VALUES, 3, out) <= 8);
}

static void bytes_are_those_of_the_specification(void **state) {
  (void)state;
  static const uint32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7};
  static const uint8_t want[] = {0x03, 0x88, 0xC6, 0xFA};
  uint8_t out[64];
  assert_int_equal(parquet_rle_encode(values, 8, 3, out), sizeof want);
  assert_memory_equal(out, want, sizeof want);
}

static void bits_come_back(void **state) {
  (void)state;
  uint8_t bits[VALUES / 8];
  uint32_t back[VALUES];
  for (unsigned pattern = 0; pattern < 4; pattern++) {
    for (size_t i = 0; i < sizeof bits; i++) {
      bits[i] = pattern == 0   ? 0
                : pattern == 1 ? 0xFF
                : pattern == 2 ? (uint8_t)(i * 37)
                               : (uint8_t)(i / 40 % 3 == 0   ? 0xFF
                                           : i / 40 % 3 == 1 ? 0
                                                             : i);
    }
    for (size_t n = 1; n <= VALUES; n += n < 40 ? 1 : 997) {
      uint8_t *out = br_malloc(parquet_rle_bound(n, 1));
      size_t length = parquet_rle_encode_bits(bits, n, out);
      assert_true(length <= parquet_rle_bound(n, 1));
      parquet_rle_decoder d = parquet_rle_decoder_of(out, length, 1);
      assert_int_equal(parquet_rle_decode(&d, back, n, NULL), BR_OK);
      for (size_t i = 0; i < n; i++) {
        assert_int_equal(back[i], bits[i / 8] >> (i % 8) & 1);
      }
      br_free(out);
    }
  }
}

static void cut_runs_are_errors(void **state) {
  (void)state;
  uint32_t values[200];
  uint32_t back[200];
  uint8_t out[1024];
  make_values(values, 200, 11, 2);
  size_t length = parquet_rle_encode(values, 200, 11, out);
  for (size_t cut = 0; cut < length; cut++) {
    uint8_t *exact = br_malloc(cut);
    memcpy(exact, out, cut);
    parquet_rle_decoder d = parquet_rle_decoder_of(exact, cut, 11);
    if (parquet_rle_decode(&d, back, 200, NULL) ==
        BR_OK) { /* what fills the last group up is cut */
      assert_true(cut + 11 > length);
      assert_memory_equal(values, back, sizeof values);
    }
    br_free(exact);
  }
  static const uint8_t empty_run[] = {0x00, 0x01};
  parquet_rle_decoder d = parquet_rle_decoder_of(empty_run, 2, 1);
  assert_int_equal(parquet_rle_decode(&d, back, 1, NULL), BR_ERR_DATA);
}

static void bitmaps_are_copied_from_any_place(void **state) {
  (void)state;
  uint8_t from[32];
  uint8_t to[40];
  for (size_t i = 0; i < sizeof from; i++) {
    from[i] = (uint8_t)(i * 73 + 11);
  }
  for (size_t at = 0; at < 10; at++) {
    for (size_t start = 0; start < 18; start++) {
      for (size_t count = 0; count + start <= 256; count += 7) {
        memset(to, 0xA5, sizeof to);
        parquet_bits_copy(to, at, from, start, count);
        for (size_t i = 0; i < at; i++) {
          assert_int_equal(to[i / 8] >> (i % 8) & 1, 0xA5 >> (i % 8) & 1);
        }
        for (size_t i = 0; i < count; i++) {
          assert_int_equal(to[(at + i) / 8] >> ((at + i) % 8) & 1,
                           from[(start + i) / 8] >> ((start + i) % 8) & 1);
        }
      }
    }
  }
}

static void bits_are_counted_and_set_anywhere(void **state) {
  (void)state;
  uint8_t bits[64];
  for (size_t first = 0; first < 200; first += 3) {
    for (size_t last = first; last <= 512; last += 31) {
      memset(bits, 0, sizeof bits);
      parquet_bits_set(bits, first, last - first);
      assert_int_equal(parquet_bits_count(bits, 0, 512), last - first);
      assert_int_equal(parquet_bits_count(bits, first, last - first), last - first);
      assert_int_equal(parquet_bits_count(bits, 0, first), 0);
      assert_int_equal(parquet_bits_count(bits, last, 512 - last), 0);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_widths_and_lengths_come_back),
      cmocka_unit_test(runs_are_short),
      cmocka_unit_test(bytes_are_those_of_the_specification),
      cmocka_unit_test(bits_come_back),
      cmocka_unit_test(cut_runs_are_errors),
      cmocka_unit_test(bitmaps_are_copied_from_any_place),
      cmocka_unit_test(bits_are_counted_and_set_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
