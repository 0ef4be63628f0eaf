/* Options by table: what is accepted, and the one sentence for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/option.h"

static const cli_option options[] = {
    {.name = "country", .letter = 'c', .kind = CLI_TEXT, .value_name = "NAME", .required = true},
    {.name = "query", .kind = CLI_LIST, .value_name = "NAME"},
    {.name = "parallel",
     .kind = CLI_NUMBER,
     .value_name = "N",
     .initial = "4",
     .minimum = 1,
     .maximum = 64},
    {.name = "memory", .kind = CLI_SIZE, .value_name = "BYTES", .initial = "160M"},
    {.name = "output", .kind = CLI_CHOICE, .choices = "table|json", .initial = "table"},
    {.name = "sandbox", .kind = CLI_OPTIONAL_CHOICE, .choices = "sqlserver|databricks|both"},
    {.name = "overwrite", .kind = CLI_FLAG},
};

static const cli_command command = {
    .name = "extract",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .operands = "STATEMENT",
    .operands_max = 1,
};

enum { MOST_WORDS = 20 };

static br_status parse(cli_arguments **ret_args, br_error *err, const char *line, char *copy,
                       size_t size) {
  char *words[MOST_WORDS];
  int count = 0;
  assert_true(strlen(line) < size);
  memcpy(copy, line, strlen(line) + 1);
  for (char *rest = copy, *word = NULL;
       (word = strsep(&rest, " ")) != NULL && count < MOST_WORDS;) {
    words[count++] = word;
  }
  return cli_parse(&command, count, words, ret_args, err);
}

static void every_kind_is_read(void **state) {
  (void)state;
  char copy[256];
  cli_arguments *args = NULL;
  assert_int_equal(parse(&args, NULL,
                         "-c Northland --query a --query=b --parallel 8 --memory 2G --output json "
                         "--overwrite --sandbox x",
                         copy, sizeof copy),
                   BR_OK);
  assert_string_equal(cli_text(args, "country"), "Northland");
  const char *const *queries = NULL;
  assert_int_equal(cli_list(args, "query", &queries), 2);
  assert_string_equal(queries[0], "a");
  assert_string_equal(queries[1], "b");
  assert_int_equal(cli_number(args, "parallel"), 8);
  assert_int_equal(cli_number(args, "memory"), 2LL << 30);
  assert_string_equal(cli_text(args, "output"), "json");
  assert_true(cli_flag(args, "overwrite"));
  assert_string_equal(cli_text(args, "sandbox"), "both");
  const char *const *operands = NULL;
  assert_int_equal(cli_operands(args, &operands), 1);
  assert_string_equal(operands[0], "x");
  cli_arguments_free(args);
}

static void defaults_hold_and_do_not_count_as_given(void **state) {
  (void)state;
  char copy[256];
  cli_arguments *args = NULL;
  assert_int_equal(parse(&args, NULL, "--country=X", copy, sizeof copy), BR_OK);
  assert_int_equal(cli_number(args, "parallel"), 4);
  assert_int_equal(cli_number(args, "memory"), 160 << 20);
  assert_false(cli_given(args, "parallel"));
  assert_null(cli_text(args, "sandbox"));
  cli_arguments_free(args);
}

static void an_optional_choice_takes_the_next_word_only_where_it_is_one(void **state) {
  (void)state;
  char copy[256];
  cli_arguments *args = NULL;
  assert_int_equal(parse(&args, NULL, "--sandbox sqlserver -c X", copy, sizeof copy), BR_OK);
  assert_string_equal(cli_text(args, "sandbox"), "sqlserver");
  cli_arguments_free(args);
}

static void wrong_words_get_one_clear_sentence(void **state) {
  (void)state;
  static const struct {
    const char *line, *message;
  } cases[] = {
      {"--county X", "extract has no option --county; did you mean --country?"},
      {"--country", "--country wants a value: NAME"},
      {"--query a", "extract needs --country NAME"},
      {"-c X -c Y", "--country is given twice"},
      {"-c X --output yaml", "--output: 'yaml' is not one of table|json"},
      {"-c X --parallel 65", "--parallel: 65 is out of range: 1 to 64"},
      {"-c X --memory 12Q",
       "--memory: '12Q' is not a size; write bytes, or a number with K, M or G"},
      {"-c X --overwrite=yes", "--overwrite takes no value"},
      {"-c X a b", "extract: 'b' is too much"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char copy[256];
    cli_arguments *args = NULL;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(parse(&args, &err, cases[i].line, copy, sizeof copy), BR_ERR_USAGE);
    assert_string_equal(err.message, cases[i].message);
    assert_null(args);
  }
}

static void every_failing_allocation_is_reported(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    char copy[256];
    cli_arguments *args = NULL;
    br_mem_fail_after(n);
    br_status st = parse(&args, NULL, "-c X --query a --query b", copy, sizeof copy);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      cli_arguments_free(args);
      assert_true(n > 3);
      return;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_is_read),
      cmocka_unit_test(defaults_hold_and_do_not_count_as_given),
      cmocka_unit_test(an_optional_choice_takes_the_next_word_only_where_it_is_one),
      cmocka_unit_test(wrong_words_get_one_clear_sentence),
      cmocka_unit_test(every_failing_allocation_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
