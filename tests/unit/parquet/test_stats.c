#include <math.h>

#include "memory_file.h"
#include "parquet/stats.h"

#define ADD_FIXED(stats, order, type, ...)                                                         \
  do {                                                                                             \
    const type values[] = {__VA_ARGS__};                                                           \
    parquet_stats_fixed(stats, order, (const uint8_t *)values, sizeof values / sizeof(type),       \
                        sizeof(type));                                                             \
  } while (0)

static void add_text(parquet_stats *stats, const char *text) {
  parquet_stats_bytes(stats, (const uint8_t *)text, strlen(text));
}

static void integers_are_signed(void **state) {
  (void)state;
  parquet_stats stats = {.any = false};
  parquet_written_bound bound;
  ADD_FIXED(&stats, PARQUET_ORDER_INT32, int32_t, 5, -7, 3);
  ADD_FIXED(&stats, PARQUET_ORDER_INT32, int32_t, 4, 2000000000);
  parquet_stats_min(&stats, PARQUET_ORDER_INT32, &bound);
  assert_int_equal((int32_t)br_load_u32le(bound.bytes), -7);
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_INT32, &bound));
  assert_int_equal((int32_t)br_load_u32le(bound.bytes), 2000000000);
  assert_true(bound.exact && bound.length == 4);
}

static double double_of(const parquet_written_bound *bound) {
  double value = 0;
  memcpy(&value, bound->bytes, sizeof value);
  return value;
}

static void nan_is_no_bound(void **state) {
  (void)state;
  parquet_stats stats = {.any = false};
  parquet_written_bound bound;
  ADD_FIXED(&stats, PARQUET_ORDER_DOUBLE, double, NAN, NAN);
  assert_false(stats.any);
  ADD_FIXED(&stats, PARQUET_ORDER_DOUBLE, double, NAN, 2, NAN, -3, NAN);
  parquet_stats_min(&stats, PARQUET_ORDER_DOUBLE, &bound);
  assert_true(double_of(&bound) == -3);
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_DOUBLE, &bound));
  assert_true(double_of(&bound) == 2);
  ADD_FIXED(&stats, PARQUET_ORDER_DOUBLE, double, INFINITY, -INFINITY);
  parquet_stats_min(&stats, PARQUET_ORDER_DOUBLE, &bound);
  assert_true(double_of(&bound) == -INFINITY);
}

static void zeros_are_written_with_the_sign_that_holds(void **state) {
  (void)state;
  static const double zeros[][2] = {{0.0, 0.0}, {-0.0, -0.0}, {0.0, -0.0}};
  for (size_t i = 0; i < 3; i++) {
    parquet_stats stats = {.any = false};
    parquet_written_bound bound;
    parquet_stats_fixed(&stats, PARQUET_ORDER_DOUBLE, (const uint8_t *)zeros[i], 2, 8);
    parquet_stats_min(&stats, PARQUET_ORDER_DOUBLE, &bound);
    assert_true(double_of(&bound) == 0 && signbit(double_of(&bound)));
    assert_true(parquet_stats_max(&stats, PARQUET_ORDER_DOUBLE, &bound));
    assert_true(double_of(&bound) == 0 && !signbit(double_of(&bound)));
  }
  parquet_stats stats = {.any = false};
  parquet_written_bound bound;
  ADD_FIXED(&stats, PARQUET_ORDER_FLOAT, float, 1.0F, -2.0F);
  parquet_stats_min(&stats, PARQUET_ORDER_FLOAT, &bound);
  float min = 0;
  memcpy(&min, bound.bytes, sizeof min);
  assert_true(min == -2.0F);
}

static void decimals_are_signed_big_endian(void **state) {
  (void)state;
  static const uint8_t values[] = {0x00, 0x01, 0xFF, 0xFE, 0x80, 0x00, 0x7F, 0xFF, 0xFF, 0xFF};
  parquet_stats stats = {.any = false};
  parquet_written_bound bound;
  parquet_stats_fixed(&stats, PARQUET_ORDER_DECIMAL, values, 5, 2);
  parquet_stats_min(&stats, PARQUET_ORDER_DECIMAL, &bound);
  assert_memory_equal(bound.bytes, "\x80\x00", 2);
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_DECIMAL, &bound));
  assert_memory_equal(bound.bytes, "\x7F\xFF", 2);
}

static void booleans_count_only_their_bits(void **state) {
  (void)state;
  static const uint8_t bits[] = {0xFF, 0xF8};
  parquet_stats stats = {.any = false};
  parquet_written_bound bound;
  parquet_stats_bool(&stats, bits, 8);
  parquet_stats_min(&stats, PARQUET_ORDER_BOOL, &bound);
  assert_int_equal(bound.bytes[0], 1);
  parquet_stats_bool(&stats, bits, 11);
  parquet_stats_min(&stats, PARQUET_ORDER_BOOL, &bound);
  assert_int_equal(bound.bytes[0], 0);
  stats.any = false;
  parquet_stats_bool(&stats, bits + 1, 3);
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_BOOL, &bound));
  assert_int_equal(bound.bytes[0], 0);
}

static void strings_are_unsigned_bytes(void **state) {
  (void)state;
  static const char *const sorted[] = {
      "",  "a",         "a\x01",    "abcdefgh",     "abcdefgha",       "abcdefgi",
      "b", "z\xC3\xA4", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  enum { N = sizeof sorted / sizeof sorted[0] };
  for (size_t low = 0; low < N; low++) {
    for (size_t high = low; high < N; high++) {
      parquet_stats stats = {.any = false};
      parquet_written_bound bound;
      for (size_t i = low; i <= high; i++) {
        add_text(&stats, sorted[low + (i - low) * 7 % (high - low + 1)]);
      }
      add_text(&stats, sorted[low]);
      add_text(&stats, sorted[high]);
      parquet_stats_min(&stats, PARQUET_ORDER_TEXT, &bound);
      assert_int_equal(bound.length, strlen(sorted[low]));
      assert_memory_equal(bound.bytes, sorted[low], bound.length);
      assert_true(parquet_stats_max(&stats, PARQUET_ORDER_TEXT, &bound) && bound.exact);
      assert_int_equal(bound.length, strlen(sorted[high]));
      assert_memory_equal(bound.bytes, sorted[high], bound.length);
    }
  }
}

/* A long text: `before` times 'x', then the character, then more. */
static parquet_stats long_text(size_t before, const char *character) {
  static char text[400];
  parquet_stats stats = {.any = false};
  memset(text, 'x', before);
  size_t length = strlen(character);
  size_t end = before;
  while (end + length < 100) {
    memcpy(text + end, character, length);
    end += length;
  }
  parquet_stats_bytes(&stats, (const uint8_t *)text, end);
  return stats;
}

static void long_text_is_cut_at_a_character(void **state) {
  (void)state;
  parquet_written_bound bound;
  parquet_stats stats = long_text(63, "\xC3\xA4");
  parquet_stats_min(&stats, PARQUET_ORDER_TEXT, &bound);
  assert_true(bound.length == 63 && !bound.exact);
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_TEXT, &bound));
  assert_true(bound.length == 63 && !bound.exact && bound.bytes[62] == 'y');
  stats = long_text(62, "\xC3\xA4");
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_TEXT, &bound));
  assert_true(bound.length == 64 && memcmp(bound.bytes + 62, "\xC3\xA5", 2) == 0);
}

static void a_raised_maximum_stays_utf8(void **state) {
  (void)state;
  static const struct {
    const char *last;
    const char *raised; /* "": the x before it is raised */
  } cases[] = {
      {"\xC3\xBF", "\xC4\x80"},
      {"\xED\x9F\xBF", "\xEE\x80\x80"},
      {"\xEF\xBF\xBF", ""},
      {"\x7F", ""},
      {"\xDF\xBF", ""},
      {"\xF4\x8F\xBF\xBF", ""},
      {"\xF0\x9F\x98\xBF", "\xF0\x9F\x99\x80"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    parquet_written_bound bound;
    size_t length = strlen(cases[i].last);
    char text[128];
    memset(text, 'x', sizeof text);
    memcpy(text + 64 - length, cases[i].last, length);
    parquet_stats stats = {.any = false};
    parquet_stats_bytes(&stats, (const uint8_t *)text, sizeof text);
    assert_true(parquet_stats_max(&stats, PARQUET_ORDER_TEXT, &bound));
    if (cases[i].raised[0] == '\0') {
      assert_int_equal(bound.length, 64 - length);
      assert_int_equal(bound.bytes[bound.length - 1], 'y');
    } else {
      assert_int_equal(bound.length, 64 - length + strlen(cases[i].raised));
      assert_memory_equal(bound.bytes + 64 - length, cases[i].raised, strlen(cases[i].raised));
    }
  }
}

static void binary_of_ones_has_no_maximum(void **state) {
  (void)state;
  uint8_t value[70];
  parquet_written_bound bound;
  parquet_stats stats = {.any = false};
  memset(value, 0xFF, sizeof value);
  parquet_stats_bytes(&stats, value, sizeof value);
  assert_false(parquet_stats_max(&stats, PARQUET_ORDER_BYTES, &bound));
  parquet_stats_min(&stats, PARQUET_ORDER_BYTES, &bound);
  assert_true(bound.length == 64 && !bound.exact);
  stats.any = false;
  value[10] = 0x7F;
  parquet_stats_bytes(&stats, value, sizeof value);
  assert_true(parquet_stats_max(&stats, PARQUET_ORDER_BYTES, &bound));
  assert_true(bound.length == 11 && bound.bytes[10] == 0x80);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integers_are_signed),
      cmocka_unit_test(nan_is_no_bound),
      cmocka_unit_test(zeros_are_written_with_the_sign_that_holds),
      cmocka_unit_test(decimals_are_signed_big_endian),
      cmocka_unit_test(booleans_count_only_their_bits),
      cmocka_unit_test(strings_are_unsigned_bytes),
      cmocka_unit_test(long_text_is_cut_at_a_character),
      cmocka_unit_test(a_raised_maximum_stays_utf8),
      cmocka_unit_test(binary_of_ones_has_no_maximum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
