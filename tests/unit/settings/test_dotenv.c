/* The .env parser: quotes, export, comments, and errors that name the line and never a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "settings/dotenv.h"

static br_status parse(const char *text, dotenv *file, br_error *err) {
  return dotenv_parse(text, strlen(text), ".env", file, err);
}

static void assert_value(const char *text, const char *name, const char *value) {
  dotenv file = {0};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(parse(text, &file, &err), BR_OK);
  assert_int_equal(file.count, 1);
  assert_string_equal(file.entries[0].name, name);
  assert_string_equal(file.entries[0].value, value);
  dotenv_done(&file);
}

static void values_are_read_as_documented(void **state) {
  (void)state;
  assert_value("A=1", "A", "1");
  assert_value("  A  =  two words  \n", "A", "two words");
  assert_value("\xEF\xBB\xBF"
               "A=1\r\n",
               "A", "1");
  assert_value("export A=1", "A", "1");
  assert_value("export=1", "export", "1");
  assert_value("A=", "A", "");
  assert_value("A=#nothing", "A", "");
  assert_value("A=a#b # comment", "A", "a#b");
  assert_value("A='a # $b \\n' # c", "A", "a # $b \\n");
  assert_value("A=\"a\\tb\\\"c\\\\d\\$e\\x\"", "A", "a\tb\"c\\d$e\\x");
  assert_value("A=$B", "A", "$B");
  assert_value("A=x=y", "A", "x=y");
  assert_value("A=\"line 1\nline 2\"\n", "A", "line 1\nline 2");
  assert_value("# comment\n\n  # another\nA_1=\xC3\xA9", "A_1", "\xC3\xA9");
}

static void lines_are_counted_over_quotes_and_comments(void **state) {
  (void)state;
  dotenv file = {0};
  assert_int_equal(parse("# c\r\nA='1\n2'\n\nB=3\nA=4", &file, NULL), BR_OK);
  assert_int_equal(file.count, 3);
  assert_int_equal(file.entries[0].line, 2);
  assert_int_equal(file.entries[1].line, 5);
  assert_int_equal(file.entries[2].line, 6);
  dotenv_done(&file);
}

static void assert_fails(const char *text, size_t length, const char *message) {
  dotenv file = {0};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(dotenv_parse(text, length, ".env", &file, &err), BR_ERR_DATA);
  assert_string_equal(err.message, message);
  assert_null(file.entries);
}
#define ASSERT_FAILS(text, message) assert_fails(text, sizeof(text) - 1, message)

static void errors_name_the_line(void **state) {
  (void)state;
  ASSERT_FAILS("A=1\nB", ".env, line 2: expected NAME=value");
  ASSERT_FAILS("A=1\n=2", ".env, line 2: expected NAME=value");
  ASSERT_FAILS("1A=2", ".env, line 1: expected NAME=value");
  ASSERT_FAILS("A B=2", ".env, line 1: expected NAME=value");
  ASSERT_FAILS("\nA='secret\n\n", ".env, line 2: a quote is opened and never closed");
  ASSERT_FAILS("A=\"secret\\", ".env, line 1: a quote is opened and never closed");
  ASSERT_FAILS("A='x' y", ".env, line 1: there is text behind the closing quote");
  ASSERT_FAILS("A=1\nB=\xFF", ".env, line 2: not UTF-8; save the file as UTF-8");
  ASSERT_FAILS("A=1\nB=x\0y", ".env, line 2: a value holds a NUL byte");
}

static void every_cut_of_a_file_is_read_or_refused(void **state) {
  (void)state;
  static const char text[] = "# c\nexport A='1 # 2'\r\nB=\"x\\ny\" # c\nC = \xE2\x82\xAC #\n";
  for (size_t length = 0; length < sizeof text; length++) {
    char *copy = br_strndup(text, length);
    assert_non_null(copy);
    dotenv file = {0};
    br_status st = dotenv_parse(copy, length, ".env", &file, NULL);
    assert_true(st == BR_OK || st == BR_ERR_DATA);
    dotenv_done(&file);
    br_free(copy);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    dotenv file = {0};
    br_mem_fail_after(n);
    br_status st = parse("A=1\nB='2'\nC=\"3\"", &file, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 5);
      dotenv_done(&file);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_read_as_documented),
      cmocka_unit_test(lines_are_counted_over_quotes_and_comments),
      cmocka_unit_test(errors_name_the_line),
      cmocka_unit_test(every_cut_of_a_file_is_read_or_refused),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
