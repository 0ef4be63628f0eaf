/* Results on stdout as table, JSON and CSV; messages on stderr without secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/sys.h"
#include "cli/output.h"
#include "cli/progress.h"

/* What the program wrote, through br_sys. */
static char written[1 << 16];
static size_t written_length;
static int written_to;

static ssize_t keep(int fd, const void *bytes, size_t size) {
  assert_true(written_length + size < sizeof written);
  memcpy(written + written_length, bytes, size);
  written_length += size;
  written[written_length] = '\0';
  written_to = fd;
  return (ssize_t)size;
}

static void begin(void) {
  written_length = 0;
  written[0] = '\0';
  br_sys.write = keep;
}

/* Cells row by row; NULL is SQL NULL. */
static br_status print(cli_format format, const cli_column *columns, size_t count,
                       const char *const *cells, size_t cell_count, const char *extra) {
  begin();
  cli_table *table = NULL;
  br_status st = cli_table_new(format, columns, count, extra, &table, NULL);
  for (size_t i = 0; st == BR_OK && i < cell_count; i++) {
    st = cli_table_cstr(table, cells[i], NULL);
  }
  if (st == BR_OK) {
    st = cli_table_end(table, NULL);
  }
  cli_table_free(table);
  br_sys_reset();
  return st;
}

static const cli_column columns[] = {
    {.name = "name", .type = "nvarchar(9)"},
    {.name = "n", .kind = CLI_CELL_NUMBER},
    {.name = "ok", .kind = CLI_CELL_BOOL},
};

static void a_table_is_aligned_by_characters(void **state) {
  (void)state;
  const char *cells[] = {"caf\xC3\xA9", "1", "true", "x", "-100", NULL};
  assert_int_equal(print(CLI_FORMAT_TABLE, columns, 3, cells, 6, NULL), BR_OK);
  assert_int_equal(written_to, STDOUT_FILENO);
  assert_string_equal(written, "name     n  ok\n"
                               "----  ----  ----\n"
                               "caf\xC3\xA9     1  true\n"
                               "x     -100  NULL\n");
}

static void a_table_without_rows_has_its_head(void **state) {
  (void)state;
  assert_int_equal(print(CLI_FORMAT_TABLE, columns, 3, NULL, 0, NULL), BR_OK);
  assert_string_equal(written, "name  n  ok\n----  -  --\n");
  assert_int_equal(print(CLI_FORMAT_JSON, columns, 3, NULL, 0, NULL), BR_OK);
  json_t *json = json_loads(written, 0, NULL);
  assert_int_equal(json_array_size(json_object_get(json, "rows")), 0);
  json_decref(json);
}

static void a_cell_of_a_table_cannot_move_the_cursor(void **state) {
  (void)state;
  const char *cells[] = {"a\x1B[2Jb\nc\x7F"
                         "d\xC2\x9B"
                         "2Je"};
  assert_int_equal(print(CLI_FORMAT_TABLE, columns, 1, cells, 1, NULL), BR_OK);
  assert_non_null(strstr(written, "a [2Jb c d 2Je\n"));
}

static void more_rows_than_are_measured_come_out_in_order(void **state) {
  (void)state;
  enum { ROWS = 2500 };
  static char texts[ROWS][8];
  const char *cells[ROWS];
  for (int i = 0; i < ROWS; i++) {
    (void)snprintf(texts[i], sizeof texts[i], "%d", i);
    cells[i] = texts[i];
  }
  const cli_column number[] = {{.name = "n", .kind = CLI_CELL_NUMBER}};
  assert_int_equal(print(CLI_FORMAT_TABLE, number, 1, cells, ROWS, NULL), BR_OK);
  char *line = strchr(strchr(written, '\n') + 1, '\n') + 1;
  for (int i = 0; i < ROWS; i++) {
    assert_int_equal(strtol(line, &line, 10), i);
    line++;
  }
  assert_int_equal(*line, '\0');
}

static void json_is_json_whatever_the_cells_hold(void **state) {
  (void)state;
  const char *cells[] = {
      "q\"b\\n\n\t\x01 \xE2\x82\xAC \xFF\xC3", "12.50", "false", NULL, NULL, NULL};
  assert_int_equal(print(CLI_FORMAT_JSON, columns, 3, cells, 6, ",\"sandbox\":[\"sqlserver\"]"),
                   BR_OK);
  json_error_t where;
  json_t *json = json_loads(written, JSON_REJECT_DUPLICATES, &where);
  assert_non_null(json);
  json_t *row = json_array_get(json_object_get(json, "rows"), 0);
  assert_string_equal(json_string_value(json_array_get(row, 0)),
                      "q\"b\\n\n\t\x01 \xE2\x82\xAC \xEF\xBF\xBD\xEF\xBF\xBD");
  assert_true(json_real_value(json_array_get(row, 1)) == 12.5);
  assert_true(json_is_false(json_array_get(row, 2)));
  row = json_array_get(json_object_get(json, "rows"), 1);
  for (size_t i = 0; i < 3; i++) {
    assert_true(json_is_null(json_array_get(row, i)));
  }
  json_t *column = json_array_get(json_object_get(json, "columns"), 0);
  assert_string_equal(json_string_value(json_object_get(column, "type")), "nvarchar(9)");
  assert_int_equal(json_array_size(json_object_get(json, "sandbox")), 1);
  json_decref(json);
}

/* What a column of numbers holds is a number in JSON where JSON has one for it, whatever follows it
 * in memory, and a text otherwise; a column of texts can hold numbers. */
static void json_has_numbers_for_numbers_alone(void **state) {
  (void)state;
  static const char *const numbers[] = {"0", "-1", "10", "0.5", "-0.25e-7", "1E+30", "9e9"};
  static const char *const texts[] = {"",   "-",  "NaN", "Infinity", "01",  "+1", "1.",
                                      ".5", "1e", "1e+", "1x",       "0x1", " 1", "1 "};
  const cli_column kinds[] = {{.name = "n", .kind = CLI_CELL_NUMBER}, {.name = "t"}};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] + sizeof texts / sizeof texts[0]; i++) {
    const size_t count = sizeof numbers / sizeof numbers[0];
    const char *text = i < count ? numbers[i] : texts[i - count];
    char followed[32];
    cli_table *table = NULL;
    (void)snprintf(followed, sizeof followed, "%s5", text);
    begin();
    assert_int_equal(cli_table_new(CLI_FORMAT_JSON, kinds, 2, NULL, &table, NULL), BR_OK);
    assert_int_equal(cli_table_cell(table, followed, strlen(text), NULL), BR_OK);
    assert_int_equal(cli_table_number(table, text, NULL), BR_OK);
    assert_int_equal(cli_table_cstr(table, NULL, NULL), BR_OK);
    assert_int_equal(cli_table_cstr(table, text, NULL), BR_OK);
    assert_int_equal(cli_table_end(table, NULL), BR_OK);
    cli_table_free(table);
    br_sys_reset();
    json_t *json = json_loads(written, 0, NULL);
    assert_non_null(json);
    json_t *row = json_array_get(json_object_get(json, "rows"), 0);
    for (size_t k = 0; k < 2; k++) {
      assert_int_equal(json_is_number(json_array_get(row, k)), i < count);
      assert_int_equal(json_is_string(json_array_get(row, k)), i >= count);
    }
    row = json_array_get(json_object_get(json, "rows"), 1);
    assert_string_equal(json_string_value(json_array_get(row, 1)), text);
    json_decref(json);
  }
}

static void csv_quotes_what_needs_it_and_tells_null_from_empty(void **state) {
  (void)state;
  const char *cells[] = {"a,\"b\"\nc", "1", "true", "", NULL, NULL};
  assert_int_equal(print(CLI_FORMAT_CSV, columns, 3, cells, 6, NULL), BR_OK);
  assert_string_equal(written, "name,n,ok\r\n\"a,\"\"b\"\"\nc\",1,true\r\n\"\",,\r\n");
}

static void messages_go_to_stderr_without_secrets(void **state) {
  (void)state;
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("s3cr3t-w0rd", &secret, NULL), BR_OK);
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, BR_ERR_USAGE, "login with s3cr3t-w0rd failed");
  begin();
  assert_int_equal(cli_fail(&err), 2);
  assert_int_equal(written_to, STDERR_FILENO);
  assert_true(strncmp(written, "error: login with ", 18) == 0);
  assert_null(strstr(written, "s3cr3t"));
  err.status = BR_ERR_NETWORK;
  assert_int_equal(cli_fail(&err), 1);
  err.status = BR_ERR_USAGE;
  assert_int_equal(cli_fail_run(&err), 1);
  cli_note("%s", "s3cr3t-w0rd");
  cli_warn("%s", "s3cr3t-w0rd");
  br_sys_reset();
  assert_null(strstr(written, "s3cr3t"));
  br_secret_free(secret);
  br_secret_forget_all();
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  static const cli_format formats[] = {CLI_FORMAT_TABLE, CLI_FORMAT_JSON, CLI_FORMAT_CSV};
  const char *cells[] = {"a", "1", "true", "b", "2", NULL};
  for (size_t i = 0; i < 3; i++) {
    br_status st = BR_ERR_NOMEM;
    for (long n = 0; st != BR_OK; n++) {
      br_mem_fail_after(n);
      st = print(formats[i], columns, 3, cells, 6, NULL);
      br_mem_fail_after(-1);
      assert_true(st == BR_OK || st == BR_ERR_NOMEM);
      assert_true(n < 1000);
    }
  }
}

/* A server repeats the data in its messages: it must not move the cursor or look like more of them.
 */
static void messages_hold_no_control_characters(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_error_set(&err, BR_ERR_REMOTE, "%s",
               "'\x1b[2J\x07\x7f\xc2\x9b"
               "\rX\tY\xff\xc3\xa9'\nerror: forged\nkept");
  begin();
  assert_int_equal(cli_fail_run(&err), 1);
  br_sys_reset();
  assert_string_equal(written,
                      "error: '\\u001b[2J\\u0007\\u007f\\u009b\\u000dX\tY\xef\xbf\xbd\xc3\xa9'\n"
                      "  error: forged\nkept\n");
  char cut[8];
  cli_plain(cut, sizeof cut,
            "abc\x1b"
            "d");
  assert_string_equal(cut, "abc");
  cli_plain(cut, sizeof cut, "abcdefgh");
  assert_string_equal(cut, "abcdefg");
}

/* A failed attempt as a line, and as a member of JSON, which escapes by itself. */
static void a_failed_attempt_is_escaped_once(void **state) {
  (void)state;
  extract_query query = {.name = "q", .retries = 1};
  br_error_set(&query.failed[0], BR_ERR_REMOTE, "%s", "dead\x1b[2Jlock\nerror: 'forged'");
  extract_request request = {.queries = &query, .query_count = 1};
  for (int json = 0; json < 2; json++) {
    br_log_configure(BR_LOG_INFO, json == 1 ? BR_LOG_JSON : BR_LOG_TEXT, STDERR_FILENO);
    cli_progress progress;
    assert_int_equal(cli_progress_init(&progress, 1, NULL), BR_OK);
    begin();
    cli_progress_tick(&progress, &request);
    br_sys_reset();
    cli_progress_done(&progress);
    if (json == 0) {
      assert_non_null(strstr(written, "trying again: dead\\u001b[2Jlock\n  error: 'forged'\n"));
      continue;
    }
    json_t *line = json_loads(written, 0, NULL);
    const char *message = json_string_value(json_object_get(line, "message"));
    assert_non_null(message);
    assert_non_null(strstr(message, "trying again: dead\x1b[2Jlock\nerror: 'forged'"));
    json_decref(line);
  }
  br_log_configure(BR_LOG_INFO, BR_LOG_TEXT, STDERR_FILENO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_hold_no_control_characters),
      cmocka_unit_test(a_failed_attempt_is_escaped_once),
      cmocka_unit_test(a_table_is_aligned_by_characters),
      cmocka_unit_test(a_table_without_rows_has_its_head),
      cmocka_unit_test(a_cell_of_a_table_cannot_move_the_cursor),
      cmocka_unit_test(more_rows_than_are_measured_come_out_in_order),
      cmocka_unit_test(json_is_json_whatever_the_cells_hold),
      cmocka_unit_test(json_has_numbers_for_numbers_alone),
      cmocka_unit_test(csv_quotes_what_needs_it_and_tells_null_from_empty),
      cmocka_unit_test(messages_go_to_stderr_without_secrets),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
