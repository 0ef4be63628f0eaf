#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"

static void comparison_ignores_case_in_ascii_only(void **state) {
  (void)state;
  assert_true(br_text_equal_nocase("AbC", "aBc"));
  assert_false(br_text_equal_nocase("abc", "abcd"));
  assert_false(br_text_equal_nocase("\xC3\x89", "\xC3\xA9"));
  assert_true(br_text_compare_nocase("a", "B") < 0);
  assert_true(br_text_compare_nocase("b", "A") > 0);
  assert_true(br_text_compare_nocase("\xFF", "a") > 0);
  assert_int_equal(br_text_compare_nocase("", ""), 0);
}

static void prefixes_and_suffixes_are_found(void **state) {
  (void)state;
  assert_true(br_text_starts_with("query.sql", "query"));
  assert_false(br_text_starts_with("que", "query"));
  assert_true(br_text_ends_with("query.sql", ".sql"));
  assert_true(br_text_ends_with(".sql", ".sql"));
  assert_false(br_text_ends_with("sql", ".sql"));
  assert_true(br_text_ends_with("x", ""));
}

/* The rows of Unicode's table 3-7, and one step over each edge. */
static void utf8_is_what_unicode_says(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int bad_at; /* -1: valid */
  } cases[] = {
      {"", -1},
      {"abc", -1},
      {"\x7F", -1},
      {"\xC2\x80\xDF\xBF", -1},
      {"\xE0\xA0\x80\xEF\xBF\xBF", -1},
      {"\xED\x9F\xBF\xEE\x80\x80", -1},
      {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", -1},
      {"a\x80", 1},
      {"a\xC1\xBF", 1},
      {"ab\xE0\x9F\xBF", 2},
      {"\xED\xA0\x80", 0},
      {"\xF0\x8F\xBF\xBF", 0},
      {"\xF4\x90\x80\x80", 0},
      {"\xF5\x80\x80\x80", 0},
      {"\xFF", 0},
      {"\xC3", 0},
      {"\xE2\x82", 0},
      {"x\xF0\x9F\x98", 1},
      {"\xC3x", 0},
      {"\xE2\x82x", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t offset = 99;
    bool valid = br_utf8_valid(cases[i].text, strlen(cases[i].text), &offset);
    assert_int_equal(valid, cases[i].bad_at < 0);
    assert_int_equal(offset, cases[i].bad_at < 0 ? 99 : (size_t)cases[i].bad_at);
    assert_int_equal(br_utf8_valid(cases[i].text, strlen(cases[i].text), NULL), valid);
  }
}

static void assert_nearest(const char *word, const char *wanted) {
  static const char *const names[] = {"SQLSERVER_HOST", "SQLSERVER_PORT", "DATABRICKS_TOKEN",
                                      "extract",        "test",           "text"};
  const char *nearest = br_text_nearest(word, names, sizeof names / sizeof names[0]);
  if (wanted == NULL) {
    assert_null(nearest);
  } else {
    assert_non_null(nearest);
    assert_string_equal(nearest, wanted);
  }
}

static void broken_characters_are_replaced_and_whole_ones_stay(void **state) {
  (void)state;
  static const struct {
    const char *text, *repaired;
  } cases[] = {{"", ""},
               {"whole \xC3\xA9 \xF0\x9F\x98\x80", "whole \xC3\xA9 \xF0\x9F\x98\x80"},
               {"cut \xC3", "cut ?"},
               {"cut \xF0\x9F\x98", "cut ???"},
               {"\x80\xC3\xA9\xFFx", "?\xC3\xA9?x"},
               {"\xED\xA0\x80", "???"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[64];
    (void)snprintf(text, sizeof text, "%s", cases[i].text);
    br_utf8_repair(text);
    assert_string_equal(text, cases[i].repaired);
    assert_true(br_utf8_valid(text, strlen(text), NULL));
  }
}

static void the_nearest_name_is_meant(void **state) {
  (void)state;
  assert_nearest("SQLSERVER_HOTS", "SQLSERVER_HOST");
  assert_nearest("sqlserver_prot", "SQLSERVER_PORT");
  assert_nearest("DATABRICK_TOKN", "DATABRICKS_TOKEN");
  assert_nearest("extrct", "extract");
  assert_nearest("tests", "test");
  assert_nearest("tet", "test");
  assert_nearest("completely_different_word", NULL);
  assert_nearest("x", NULL);
  assert_nearest("", NULL);
  char longest[200];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  assert_nearest(longest, NULL);
}

static void numbers_are_digits_within_bounds(void **state) {
  (void)state;
  uint64_t value = 0;
  assert_int_equal(br_text_u64("0", 0, &value, NULL), BR_OK);
  assert_int_equal(br_text_u64("18446744073709551615", UINT64_MAX, &value, NULL), BR_OK);
  assert_true(value == UINT64_MAX);
  assert_int_equal(br_text_u64("0065535", 65535, &value, NULL), BR_OK);
  assert_int_equal(value, 65535);
  static const char *const bad[] = {"",
                                    "-1",
                                    "+1",
                                    " 1",
                                    "1 ",
                                    "1.5",
                                    "x",
                                    "65536",
                                    "18446744073709551616",
                                    "99999999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    br_error err = BR_ERROR_INIT;
    value = 7;
    assert_int_equal(br_text_u64(bad[i], 65535, &value, &err), BR_ERR_USAGE);
    assert_int_equal(value, 7);
    assert_string_not_equal(err.message, "");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comparison_ignores_case_in_ascii_only),
      cmocka_unit_test(prefixes_and_suffixes_are_found),
      cmocka_unit_test(utf8_is_what_unicode_says),
      cmocka_unit_test(broken_characters_are_replaced_and_whole_ones_stay),
      cmocka_unit_test(the_nearest_name_is_meant),
      cmocka_unit_test(numbers_are_digits_within_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
