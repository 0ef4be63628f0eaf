#include "batch/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

static void assert_decimal(const char *text, unsigned precision, unsigned scale, bool round,
                           const char *wanted) {
  batch_i128 value = 0;
  char back[48];
  assert_int_equal(batch_decimal_parse(text, strlen(text), precision, scale, round, &value, NULL),
                   BR_OK);
  batch_decimal_text(value, scale, back, sizeof back);
  assert_string_equal(back, wanted);
}

static void decimals_are_exact_to_38_digits(void **state) {
  (void)state;
  assert_decimal("99999999999999999999999999999999999999", 38, 0, false,
                 "99999999999999999999999999999999999999");
  assert_decimal("-99999999999999999999999999999999999999", 38, 0, false,
                 "-99999999999999999999999999999999999999");
  assert_decimal("0.99999999999999999999999999999999999999", 38, 38, false,
                 "0.99999999999999999999999999999999999999");
  assert_decimal("-.00000000000000000000000000000000000001", 38, 38, false,
                 "-0.00000000000000000000000000000000000001");
  assert_decimal("1234567890123456789.0123456789012345678", 38, 19, false,
                 "1234567890123456789.0123456789012345678");
}

static void decimals_are_read_in_every_notation(void **state) {
  (void)state;
  assert_decimal("0", 1, 0, false, "0");
  assert_decimal("-0", 1, 0, false, "0");
  assert_decimal("+5", 3, 2, false, "5.00");
  assert_decimal("5.", 3, 2, false, "5.00");
  assert_decimal(".5", 3, 2, false, "0.50");
  assert_decimal("0000012.3400000", 4, 2, false, "12.34");
  assert_decimal("1E3", 4, 0, false, "1000");
  assert_decimal("12.5e-1", 4, 2, false, "1.25");
  assert_decimal("1.25e+2", 4, 0, false, "125");
  assert_decimal("0E-18", 38, 18, false, "0.000000000000000000");
  assert_decimal("0e999999999999", 5, 2, false, "0.00");
  assert_decimal("1e-37", 38, 37, false, "0.0000000000000000000000000000000000001");
}

static void rounding_is_half_away_from_zero(void **state) {
  (void)state;
  assert_decimal("1.005", 5, 2, true, "1.01");
  assert_decimal("-1.005", 5, 2, true, "-1.01");
  assert_decimal("1.0049999", 5, 2, true, "1.00");
  assert_decimal("9.995", 4, 2, true, "10.00");
  assert_decimal("5e-3", 5, 2, true, "0.01");
  assert_decimal("4.9e-3", 5, 2, true, "0.00");
  assert_decimal("9e-99", 5, 2, true, "0.00");
  assert_decimal("1.0000", 5, 2, false, "1.00");
}

static void what_is_no_decimal_of_its_type_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned precision;
    unsigned scale;
    bool round;
  } bad[] = {
      {"", 5, 2, true},
      {"-", 5, 2, true},
      {".", 5, 2, true},
      {"abc", 5, 2, true},
      {"1.2.3", 5, 2, true},
      {" 1", 5, 2, true},
      {"1 ", 5, 2, true},
      {"1e", 5, 2, true},
      {"1e+", 5, 2, true},
      {"1e1.5", 5, 2, true},
      {"e5", 5, 2, true},
      {"--1", 5, 2, true},
      {"1,5", 5, 2, true},
      {"0x1", 5, 2, true},
      {"NaN", 5, 2, true},
      {"1000", 5, 2, true},
      {"999.995", 5, 2, true},
      {"1.005", 5, 2, false},
      {"1e99999999", 38, 0, true},
      {"1e-99", 38, 38, false},
      {"100000000000000000000000000000000000000", 38, 0, true},
      {"340282366920938463463374607431768211457", 38, 0, true},
      {"1", 0, 0, true},
      {"1", 39, 0, true},
      {"1", 2, 3, true},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    br_error err = BR_ERROR_INIT;
    batch_i128 value = 77;
    assert_int_equal(batch_decimal_parse(bad[i].text, strlen(bad[i].text), bad[i].precision,
                                         bad[i].scale, bad[i].round, &value, &err),
                     BR_ERR_DATA);
    assert_true(value == 77);
    assert_string_not_equal(err.message, "");
  }
}

static void a_decimal_ends_where_its_length_says(void **state) {
  (void)state;
  batch_i128 value = 0;
  assert_int_equal(batch_decimal_parse("12345", 3, 5, 0, false, &value, NULL), BR_OK);
  assert_true(value == 123);
  assert_int_equal(batch_decimal_parse("1e5", 2, 5, 0, false, &value, NULL), BR_ERR_DATA);
}

static void the_largest_integers_have_a_text(void **state) {
  (void)state;
  char text[48];
  batch_i128 least = (batch_i128)1 << 126;
  least = -least - least;
  batch_decimal_text(least, 0, text, sizeof text);
  assert_string_equal(text, "-170141183460469231731687303715884105728");
  batch_decimal_text(least, 38, text, sizeof text);
  assert_string_equal(text, "-1.70141183460469231731687303715884105728");
  batch_decimal_text(least, 255, text, sizeof text);
  batch_decimal_text(-1, 4, text, sizeof text);
  assert_string_equal(text, "-0.0001");
  batch_decimal_text(12345, 2, text, 4);
  assert_string_equal(text, "123");
}

static void i128_is_little_endian_twos_complement(void **state) {
  (void)state;
  uint8_t bytes[16];
  batch_store_i128(bytes, -2);
  assert_int_equal(bytes[0], 0xFE);
  assert_int_equal(bytes[15], 0xFF);
  assert_true(batch_load_i128(bytes) == -2);
  memset(bytes, 0, sizeof bytes);
  bytes[8] = 1;
  assert_true(batch_load_i128(bytes) == (batch_i128)1 << 64);
}

/* Day by day through 10,000 years, counted by the rules of the calendar. */
static void the_calendar_counts_every_day_of_ten_thousand_years(void **state) {
  (void)state;
  static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int32_t days = -719162;
  for (int year = 1; year <= 9999; year++) {
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (unsigned month = 1; month <= 12; month++) {
      unsigned length = lengths[month - 1] + (month == 2 && leap ? 1U : 0U);
      for (unsigned day = 1; day <= length; day++, days++) {
        int y = 0;
        unsigned m = 0;
        unsigned d = 0;
        batch_civil_of_days(days, &y, &m, &d);
        if (y != year || m != month || d != day || batch_days_of_civil(year, month, day) != days) {
          fail_msg("%d-%u-%u is not day %d", year, month, day, days);
        }
      }
    }
  }
  assert_int_equal(days, 2932897);
}

static void dates_and_times_have_texts(void **state) {
  (void)state;
  char text[32];
  batch_date_text(0, text);
  assert_string_equal(text, "1970-01-01");
  batch_date_text(-719162, text);
  assert_string_equal(text, "0001-01-01");
  batch_date_text(2932896, text);
  assert_string_equal(text, "9999-12-31");
  batch_date_text(INT32_MAX, text);
  assert_string_equal(text, "5881580-07-11");
  batch_date_text(INT32_MIN, text);
  assert_string_equal(text, "-5877641-06-23");
  batch_timestamp_text(-1, 6, text);
  assert_string_equal(text, "1969-12-31 23:59:59.999999");
  batch_timestamp_text(-1, 3, text);
  assert_string_equal(text, "1969-12-31 23:59:59.999");
  batch_timestamp_text(1, 0, text);
  assert_string_equal(text, "1970-01-01 00:00:00");
  batch_timestamp_text(INT64_MIN, 6, text);
  assert_string_equal(text, "-290308-12-21 19:59:05.224192");
  batch_timestamp_text(INT64_MAX, 9, text);
  assert_string_equal(text, "294247-01-10 04:00:54.775807");
  batch_time_text(863999999999, 7, text);
  assert_string_equal(text, "23:59:59.9999999");
  batch_time_text(86399, 0, text);
  assert_string_equal(text, "23:59:59");
  batch_time_text(UINT64_MAX, 7, text);
  assert_int_equal(strlen(text), 16);
}

static void assert_timestamp(const char *text, const char *wanted, bool wanted_zone) {
  int64_t us = 0;
  bool has_zone = !wanted_zone;
  char back[32];
  assert_int_equal(batch_timestamp_parse(text, strlen(text), &us, &has_zone, NULL), BR_OK);
  batch_timestamp_text(us, 6, back);
  assert_string_equal(back, wanted);
  assert_int_equal(has_zone, wanted_zone);
}

static void timestamps_are_read_with_and_without_a_zone(void **state) {
  (void)state;
  assert_timestamp("2013-01-01", "2013-01-01 00:00:00.000000", false);
  assert_timestamp("2013-01-01 05:06", "2013-01-01 05:06:00.000000", false);
  assert_timestamp("2013-01-01T05:06:07", "2013-01-01 05:06:07.000000", false);
  assert_timestamp("2013-01-01 05:06:07.1", "2013-01-01 05:06:07.100000", false);
  assert_timestamp("2013-01-01 05:06:07.123456789", "2013-01-01 05:06:07.123456", false);
  assert_timestamp("2013-01-01T05:06:07Z", "2013-01-01 05:06:07.000000", true);
  assert_timestamp("2013-01-01 05:06:07.5 +02:30", "2013-01-01 02:36:07.500000", true);
  assert_timestamp("2013-01-01T00:00:00-14:00", "2013-01-01 14:00:00.000000", true);
  assert_timestamp("0001-01-01T00:00:00+01:00", "0000-12-31 23:00:00.000000", true);
  assert_timestamp("2000-02-29", "2000-02-29 00:00:00.000000", false);
}

static void what_is_no_timestamp_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "2013",
                                    "2013-1-01",
                                    "2013-13-01",
                                    "2013-00-01",
                                    "2013-02-29",
                                    "1900-02-29",
                                    "2013-04-31",
                                    "2013-01-00",
                                    "2013-01-32",
                                    "0000-01-01",
                                    "2013/01/01",
                                    "2013-01-01 ",
                                    "2013-01-01 24:00:00",
                                    "2013-01-01 23:60",
                                    "2013-01-01 23:59:60",
                                    "2013-01-01 05:06:",
                                    "2013-01-01 05:06:07.",
                                    "2013-01-01 05:06:07.1234567890",
                                    "2013-01-01 05:06:07 ",
                                    "2013-01-01 05:06:07x",
                                    "2013-01-01 05:06:07+2",
                                    "2013-01-01 05:06:07+0230",
                                    "2013-01-01 05:06:07+19:00",
                                    "2013-01-01 05:06:07+02:60",
                                    "2013-01-01 05:06:07ZZ",
                                    "-013-01-01",
                                    "2013-01-01x05:06:07",
                                    "2013-01-01Z"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t us = 5;
    bool has_zone = true;
    br_error err = BR_ERROR_INIT;
    if (batch_timestamp_parse(bad[i], strlen(bad[i]), &us, &has_zone, &err) != BR_ERR_DATA) {
      fail_msg("'%s' was taken", bad[i]);
    }
    assert_int_equal(us, 5);
    assert_string_not_equal(err.message, "");
  }
}

/* Copies of the exact size, so that the sanitizer sees a read behind the end. */
static void texts_cut_at_every_byte_are_not_read_behind_it(void **state) {
  (void)state;
  static const char *const whole[] = {"2013-01-01 05:06:07.123456+02:30", "-123.456e-12",
                                      "{6F9619FF-8B86-D011-B42D-00C04FC964FF}"};
  for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
    for (size_t length = 0; length <= strlen(whole[i]); length++) {
      char *cut = br_malloc(length);
      assert_non_null(cut);
      memcpy(cut, whole[i], length);
      int64_t us = 0;
      int32_t days = 0;
      batch_i128 value = 0;
      uint8_t guid[16];
      br_status st = batch_timestamp_parse(cut, length, &us, NULL, NULL);
      assert_true(st == BR_OK || st == BR_ERR_DATA);
      st = batch_date_parse(cut, length, &days, NULL);
      assert_int_equal(st == BR_OK, i == 0 && length == 10);
      st = batch_decimal_parse(cut, length, 38, 20, true, &value, NULL);
      assert_true(st == BR_OK || st == BR_ERR_DATA);
      st = batch_guid_parse(cut, length, guid, NULL);
      assert_int_equal(st == BR_OK, i == 2 && length == 38);
      br_free(cut);
    }
  }
}

static void guids_have_the_byte_order_of_the_wire(void **state) {
  (void)state;
  static const uint8_t wire[16] = {0xFF, 0x19, 0x96, 0x6F, 0x86, 0x8B, 0x11, 0xD0,
                                   0xB4, 0x2D, 0x00, 0xC0, 0x4F, 0xC9, 0x64, 0xFF};
  char text[37];
  batch_guid_text(wire, text);
  assert_string_equal(text, "6F9619FF-8B86-D011-B42D-00C04FC964FF");
  uint8_t back[16];
  assert_int_equal(batch_guid_parse("{6f9619ff-8b86-d011-b42d-00c04fc964ff}", 38, back, NULL),
                   BR_OK);
  assert_memory_equal(back, wire, sizeof wire);
  static const char *const bad[] = {"",
                                    "6F9619FF",
                                    "6F9619FF-8B86-D011-B42D-00C04FC964F",
                                    "6F9619FF-8B86-D011-B42D-00C04FC964FG",
                                    "6F9619FF08B86-D011-B42D-00C04FC964FF",
                                    "{6F9619FF-8B86-D011-B42D-00C04FC964FF)"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(batch_guid_parse(bad[i], strlen(bad[i]), back, NULL), BR_ERR_DATA);
    assert_memory_equal(back, wire, sizeof wire);
  }
}

/* A batch of one column and two rows: a value and a NULL. */
static br_status one_cell(batch_type type, const void *bytes, size_t length,
                          batch_schema **ret_schema, batch **ret_batch, br_error *err) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_status st = batch_schema_new(1, &schema, err);
  if (st == BR_OK) {
    st = batch_schema_set(schema, 0, "c", type, true, err);
  }
  if (st == BR_OK) {
    st = batch_new(schema, 2, &b, err);
  }
  if (st == BR_OK && b->columns[0].offsets != NULL) {
    st = batch_column_append_bytes(&b->columns[0], 0, bytes, length, err);
  } else if (st == BR_OK) {
    memcpy(b->columns[0].values, bytes, length);
  }
  if (st == BR_OK) {
    st = batch_column_append_null(&b->columns[0], 1, err);
  }
  if (st != BR_OK) {
    batch_free(b);
    batch_schema_free(schema);
    return st;
  }
  b->rows = 2;
  *ret_schema = schema;
  *ret_batch = b;
  return BR_OK;
}

static void assert_cell(batch_type type, const void *bytes, size_t length, const char *wanted) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  bool null = true;
  br_buf out;
  br_buf_init(&out, 1000);
  assert_int_equal(one_cell(type, bytes, length, &schema, &b, NULL), BR_OK);
  assert_int_equal(batch_cell_text(b, 0, 0, &out, &null, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&out), wanted);
  assert_false(null);
  br_buf_clear(&out);
  assert_int_equal(batch_cell_text(b, 0, 1, &out, &null, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&out), "NULL");
  assert_true(null);
  br_buf_done(&out);
  batch_free(b);
  batch_schema_free(schema);
}

#define ASSERT_CELL(layout, precision, scale, ctype, number, wanted)                               \
  do {                                                                                             \
    ctype value = (number);                                                                        \
    assert_cell((batch_type){layout, precision, scale}, &value, sizeof value, wanted);             \
  } while (0)

static void cells_of_every_layout_have_a_text(void **state) {
  (void)state;
  ASSERT_CELL(BATCH_BOOL, 0, 0, uint8_t, 1, "true");
  ASSERT_CELL(BATCH_BOOL, 0, 0, uint8_t, 0, "false");
  ASSERT_CELL(BATCH_INT16, 0, 0, int16_t, INT16_MIN, "-32768");
  ASSERT_CELL(BATCH_INT32, 0, 0, int32_t, INT32_MAX, "2147483647");
  ASSERT_CELL(BATCH_INT64, 0, 0, int64_t, INT64_MIN, "-9223372036854775808");
  ASSERT_CELL(BATCH_DECIMAL32, 9, 2, int32_t, -5, "-0.05");
  ASSERT_CELL(BATCH_DECIMAL64, 18, 0, int64_t, 12, "12");
  ASSERT_CELL(BATCH_DECIMAL128, 38, 1, batch_i128, -123, "-12.3");
  ASSERT_CELL(BATCH_DATE32, 0, 0, int32_t, 15706, "2013-01-01");
  ASSERT_CELL(BATCH_TIME64_US, 0, 0, int64_t, 3723000001, "01:02:03.000001");
  ASSERT_CELL(BATCH_TIMESTAMP_US, 0, 0, int64_t, 1357016400000000, "2013-01-01 05:00:00.000000");
  ASSERT_CELL(BATCH_TIMESTAMP_US_UTC, 0, 0, int64_t, 0, "1970-01-01 00:00:00.000000Z");
  assert_cell((batch_type){BATCH_STRING, 0, 0}, "\xC3\xA9", 2, "\xC3\xA9");
  assert_cell((batch_type){BATCH_STRING, 0, 0}, "", 0, "");
  assert_cell((batch_type){BATCH_BINARY, 0, 0}, "\x00\xAB", 2, "0x00AB");
  assert_cell((batch_type){BATCH_BINARY, 0, 0}, "", 0, "0x");
}

static void floating_point_is_as_short_as_reads_back_the_same(void **state) {
  (void)state;
  ASSERT_CELL(BATCH_FLOAT, 0, 0, float, 0.1F, "0.1");
  ASSERT_CELL(BATCH_FLOAT, 0, 0, float, 16777216.0F, "16777216");
  ASSERT_CELL(BATCH_FLOAT, 0, 0, float, (float)NAN, "NaN");
  ASSERT_CELL(BATCH_DOUBLE, 0, 0, double, 0.1, "0.1");
  ASSERT_CELL(BATCH_DOUBLE, 0, 0, double, 0.1 + 0.2, "0.30000000000000004");
  ASSERT_CELL(BATCH_DOUBLE, 0, 0, double, 5e-324, "4.94065645841247e-324");
  ASSERT_CELL(BATCH_DOUBLE, 0, 0, double, -0.0, "-0");
  ASSERT_CELL(BATCH_DOUBLE, 0, 0, double, (double)INFINITY, "Infinity");
  ASSERT_CELL(BATCH_DOUBLE, 0, 0, double, -(double)INFINITY, "-Infinity");
}

static br_status cell_text(void *context, br_error *err) {
  (void)context;
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_buf out;
  br_buf_init(&out, 1000);
  br_status st = one_cell((batch_type){BATCH_BINARY, 0, 0}, "abc", 3, &schema, &b, err);
  if (st == BR_OK) {
    st = batch_cell_text(b, 0, 0, &out, NULL, err);
    batch_free(b);
    batch_schema_free(schema);
  }
  br_buf_done(&out);
  return st;
}

static void cells_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(cell_text, NULL);
}

static void days_are_rounded_down_before_1970_too(void **state) {
  (void)state;
  static const struct {
    int64_t us, days, rest;
  } cases[] = {
      {0, 0, 0},
      {86399999999, 0, 86399999999},
      {86400000000, 1, 0},
      {-1, -1, 86399999999},
      {-86400000000, -1, 0},
      {-86400000001, -2, 86399999999},
      {INT64_MAX, 106751991, 14454775807},
      {INT64_MIN, -106751992, 71945224192},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int64_t rest = -1;
    assert_int_equal(batch_days_of_us(cases[i].us, &rest), cases[i].days);
    assert_int_equal(rest, cases[i].rest);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decimals_are_exact_to_38_digits),
      cmocka_unit_test(days_are_rounded_down_before_1970_too),
      cmocka_unit_test(decimals_are_read_in_every_notation),
      cmocka_unit_test(rounding_is_half_away_from_zero),
      cmocka_unit_test(what_is_no_decimal_of_its_type_is_refused),
      cmocka_unit_test(a_decimal_ends_where_its_length_says),
      cmocka_unit_test(the_largest_integers_have_a_text),
      cmocka_unit_test(i128_is_little_endian_twos_complement),
      cmocka_unit_test(the_calendar_counts_every_day_of_ten_thousand_years),
      cmocka_unit_test(dates_and_times_have_texts),
      cmocka_unit_test(timestamps_are_read_with_and_without_a_zone),
      cmocka_unit_test(what_is_no_timestamp_is_refused),
      cmocka_unit_test(texts_cut_at_every_byte_are_not_read_behind_it),
      cmocka_unit_test(guids_have_the_byte_order_of_the_wire),
      cmocka_unit_test(cells_of_every_layout_have_a_text),
      cmocka_unit_test(floating_point_is_as_short_as_reads_back_the_same),
      cmocka_unit_test(cells_survive_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
