/* Answers of the Statement Execution API: captures, and captures with something wrong. */
#include "databricks/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "unit/databricks/support.h"

static void read_golden(const char *name, br_buf *out) {
  char path[512];
  const char *folder = getenv("GOLDEN_DIR");
  assert_non_null(folder);
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  br_error err = BR_ERROR_INIT;
  assert_status(br_file_read(path, 1 << 20, out, &err), BR_OK, &err);
}

static br_status parse(const char *text, dbx_reply *reply, br_error *err) {
  br_buf body;
  br_buf_init(&body, 1 << 20);
  assert_int_equal(br_buf_text(&body, text, NULL), BR_OK);
  br_status st = dbx_reply_parse(&body, reply, err);
  assert_null(body.data);
  return st;
}

/* A one-chunk result from the text of an answer. */
static br_status result_of(const char *text, dbx_result **ret_result, br_error *err) {
  dbx_reply reply = {0};
  dbx_state state = DBX_STATE_PENDING;
  dbx_result *result = NULL;
  uint64_t next = 0;
  bool more = false;
  br_status st = parse(text, &reply, err);
  if (st != BR_OK) {
    return st;
  }
  if ((st = dbx_reply_state(&reply, &state, err)) == BR_OK) {
    st = state == DBX_STATE_SUCCEEDED ? dbx_result_new(&reply, &result, err)
                                      : dbx_reply_failure(&reply, state, err);
  }
  if (st == BR_OK) {
    st = dbx_result_add(result, &reply, 0, &next, &more, err);
  }
  if (st == BR_OK) {
    st = more ? br_error_set(err, BR_ERR_INTERNAL, "More chunks")
              : dbx_result_finish(result, false, err);
  }
  dbx_reply_done(&reply);
  if (st == BR_OK) {
    *ret_result = result;
  } else {
    dbx_result_free(result);
  }
  return st;
}

static dbx_result *golden_result(const char *name) {
  br_buf text;
  read_golden(name, &text);
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(result_of(br_buf_cstr(&text), &result, &err), BR_OK, &err);
  br_buf_done(&text);
  return result;
}

static void golden_failure(const char *name, br_error *err) {
  br_buf text;
  read_golden(name, &text);
  dbx_result *result = NULL;
  assert_status(result_of(br_buf_cstr(&text), &result, err), BR_ERR_REMOTE, err);
  br_buf_done(&text);
}

static void texts_and_nulls(void **state) {
  (void)state;
  dbx_result *result = golden_result("select_text.json");
  assert_string_equal(dbx_result_statement_id(result), "01f00000-0000-1000-8000-000000000001");
  assert_int_equal(dbx_result_rows(result), 3);
  assert_string_equal(dbx_result_value(result, 0, 1), "  blanks around  ");
  assert_string_equal(dbx_result_value(result, 1, 1), "日本 \"quoted\" \\ \n");
  assert_null(dbx_result_value(result, 2, 1));
  assert_string_equal(dbx_result_value(result, 2, 0), "3");
  assert_null(dbx_result_value(result, 3, 0));
  assert_null(dbx_result_value(result, 0, 2));
  assert_int_equal(dbx_result_value_length(result, 0, 2), 0);
  assert_null(dbx_result_column(result, 2));
  assert_false(dbx_result_truncated(result));
  dbx_result_free(result);
}

static void types_that_are_unknown_or_unnamed_pass(void **state) {
  (void)state;
  dbx_result *result = golden_result("select_types.json");
  assert_int_equal(dbx_result_columns(result), 17);
  assert_string_equal(dbx_result_column(result, 7)->type_text, "DECIMAL(10,2)");
  assert_string_equal(dbx_result_column(result, 10)->type_name, "TIMESTAMP_NTZ");
  assert_string_equal(dbx_result_column(result, 16)->type_text, "SOMETHING_NEW");
  assert_string_equal(dbx_result_column(result, 16)->type_name, "");
  assert_string_equal(dbx_result_value(result, 0, 13), "{\"k\":\"v\"}");
  assert_string_equal(dbx_result_value(result, 0, 9), "2021-06-15T12:34:56.789-07:00");
  dbx_result_free(result);
  result = golden_result("select_void.json");
  assert_string_equal(dbx_result_column(result, 0)->type_name, "NULL");
  assert_null(dbx_result_value(result, 0, 0));
  dbx_result_free(result);
}

static void results_without_rows_or_columns(void **state) {
  (void)state;
  dbx_result *result = golden_result("empty_select.json");
  assert_int_equal(dbx_result_columns(result), 1);
  assert_int_equal(dbx_result_rows(result), 0);
  dbx_result_free(result);
  result = golden_result("ddl.json");
  assert_int_equal(dbx_result_columns(result), 0);
  assert_int_equal(dbx_result_rows(result), 0);
  dbx_result_free(result);
  result = golden_result("insert.json");
  assert_string_equal(dbx_result_column(result, 1)->name, "num_inserted_rows");
  assert_string_equal(dbx_result_value(result, 0, 1), "3");
  dbx_result_free(result);
}

static void numbers_may_be_text_and_cells_numbers(void **state) {
  (void)state;
  dbx_result *result = golden_result("numbers_as_text.json");
  assert_int_equal(dbx_result_rows(result), 2);
  assert_string_equal(dbx_result_value(result, 0, 0), "1");
  assert_string_equal(dbx_result_value(result, 1, 0), "2");
  dbx_result_free(result);
}

static void failures_tell_condition_and_sqlstate_but_no_sql(void **state) {
  (void)state;
  char sqlstate[DBX_SQLSTATE_MAX];
  char condition[DBX_CONDITION_MAX];
  br_error err = BR_ERROR_INIT;
  golden_failure("failed.json", &err);
  assert_string_equal(err.message, "[PARSE_SYNTAX_ERROR] Syntax error at or near 'INSER'. "
                                   "SQLSTATE: 42601 (line 1, pos 0)");
  assert_true(dbx_error_sqlstate(&err, sqlstate));
  assert_string_equal(sqlstate, "42601");
  assert_true(dbx_error_condition(&err, condition));
  assert_string_equal(condition, "PARSE_SYNTAX_ERROR");
  assert_false(err.retriable);

  golden_failure("failed_sqlstate_beside.json", &err);
  assert_true(dbx_error_sqlstate(&err, sqlstate));
  assert_string_equal(sqlstate, "42P01");
  assert_true(dbx_error_condition(&err, condition));
  assert_string_equal(condition, "TABLE_OR_VIEW_NOT_FOUND");

  golden_failure("failed_plain.json", &err);
  assert_string_equal(err.message, "RESOURCE_EXHAUSTED: The warehouse is full.");
  assert_true(err.retriable);
  assert_false(dbx_error_sqlstate(&err, sqlstate));
  assert_false(dbx_error_condition(&err, condition));
  assert_false(dbx_error_sqlstate(NULL, sqlstate));
  assert_false(dbx_error_condition(NULL, condition));
}

static void concurrent_write_is_worth_another_try(void **state) {
  (void)state;
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(
      result_of(
          "{\"statement_id\":\"i\",\"status\":{\"state\":\"FAILED\",\"error\":{\"error_code\":"
          "\"BAD_REQUEST\",\"message\":\"[DELTA_CONCURRENT_APPEND.WHOLE_TABLE_READ] "
          "m\"},\"sql_state\":\"2D521\"}}",
          &result, &err),
      BR_ERR_REMOTE, &err);
  assert_true(err.retriable);
  char condition[DBX_CONDITION_MAX];
  assert_true(dbx_error_condition(&err, condition));
  assert_string_equal(condition, "DELTA_CONCURRENT_APPEND.WHOLE_TABLE_READ");
}

static void other_ends_are_failures(void **state) {
  (void)state;
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  static const char *const ends[] = {"CANCELED", "CLOSED", "FAILED"};
  for (size_t i = 0; i < 3; i++) {
    char text[128];
    (void)snprintf(text, sizeof text, "{\"status\":{\"state\":\"%s\"}}", ends[i]);
    assert_status(result_of(text, &result, &err), BR_ERR_REMOTE, &err);
    assert_true(strlen(err.message) > 10);
  }
}

static void links_instead_of_rows_are_not_supported(void **state) {
  (void)state;
  br_buf text;
  read_golden("external_links.json", &text);
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(result_of(br_buf_cstr(&text), &result, &err), BR_ERR_UNSUPPORTED, &err);
  br_buf_done(&text);
}

#define ANSWER(manifest, result)                                                                   \
  "{\"statement_id\":\"i\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":" manifest            \
  ",\"result\":" result "}"
#define ONE_COLUMN "\"schema\":{\"column_count\":1,\"columns\":[{\"name\":\"a\"}]}"

static void answers_that_contradict_themselves_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    br_status status;
  } cases[] = {
      {"", BR_ERR_PROTOCOL},
      {"[]", BR_ERR_PROTOCOL},
      {"{}", BR_ERR_PROTOCOL},
      {"{\"status\":{\"state\":\"DONE\"}}", BR_ERR_PROTOCOL},
      {"{\"status\":\"SUCCEEDED\"}", BR_ERR_PROTOCOL},
      /* rows without columns */
      {ANSWER("null", "{\"data_array\":[[\"1\"]]}"), BR_ERR_PROTOCOL},
      /* counts that differ */
      {ANSWER("{" ONE_COLUMN ",\"total_row_count\":2}", "{\"data_array\":[[\"1\"]]}"),
       BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN ",\"total_row_count\":1}", "{}"), BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"row_count\":2,\"data_array\":[[\"1\"]]}"), BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"row_offset\":2,\"data_array\":[[\"1\"]]}"), BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"chunk_index\":1,\"data_array\":[[\"1\"]]}"), BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"data_array\":[[\"1\",\"2\"]]}"), BR_ERR_PROTOCOL},
      {ANSWER("{\"schema\":{\"column_count\":2,\"columns\":[{\"name\":\"a\"}]}}", "{}"),
       BR_ERR_PROTOCOL},
      {ANSWER("{\"schema\":{\"columns\":[{\"name\":5}]}}", "{}"), BR_ERR_PROTOCOL},
      {ANSWER("{\"schema\":{\"columns\":[{\"name\":\"a\",\"position\":1}]}}", "{}"),
       BR_ERR_PROTOCOL},
      {ANSWER("{\"schema\":{\"columns\":[7]}}", "{}"), BR_ERR_PROTOCOL},
      /* the next chunk must be the next */
      {ANSWER("{" ONE_COLUMN "}", "{\"data_array\":[[\"1\"]],\"next_chunk_index\":0}"),
       BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"data_array\":[[\"1\"]],\"next_chunk_index\":2}"),
       BR_ERR_PROTOCOL},
      /* rows that hide behind an escape, or are no array */
      {ANSWER("{" ONE_COLUMN "}", "{\"data\\u005farray\":[[\"1\"]]}"), BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"data_array\":\"x\"}"), BR_ERR_PROTOCOL},
      {ANSWER("{" ONE_COLUMN "}", "{\"data_array\":[[\"1\"]],\"data_array\":[[\"2\"]]}"),
       BR_ERR_PROTOCOL},
      /* a result that was cut */
      {ANSWER("{" ONE_COLUMN ",\"truncated\":true,\"total_row_count\":5}",
              "{\"data_array\":[[\"1\"]]}"),
       BR_ERR_LIMIT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    br_status st = result_of(cases[i].text, &result, &err);
    if (st != cases[i].status) {
      fail_msg("%s: %s", cases[i].text, br_status_name(st));
    }
    assert_null(result);
  }
}

static void capture_cut_at_any_byte_is_refused(void **state) {
  (void)state;
  static const char *const names[] = {"select_text.json", "numbers_as_text.json",
                                      "empty_select.json", "failed.json"};
  for (size_t n = 0; n < 4; n++) {
    br_buf text;
    read_golden(names[n], &text);
    for (size_t length = 0; length + 1 < text.len; length++) {
      br_buf body;
      br_buf_init(&body, length + 1);
      assert_int_equal(br_buf_append(&body, text.data, length, NULL), BR_OK);
      dbx_reply reply = {0};
      br_error err = BR_ERROR_INIT;
      assert_status(dbx_reply_parse(&body, &reply, &err), BR_ERR_PROTOCOL, &err);
    }
    br_buf_done(&text);
  }
}

static void too_many_columns_are_refused(void **state) {
  (void)state;
  br_buf text;
  br_buf_init(&text, 1 << 20);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(br_buf_text(&text,
                               "{\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
                               "\"schema\":{\"columns\":[{\"name\":\"a\"}",
                               &err),
                   BR_OK);
  for (int i = 0; i < 4096; i++) {
    assert_int_equal(br_buf_text(&text, ",{\"name\":\"a\"}", &err), BR_OK);
  }
  assert_int_equal(br_buf_text(&text, "]}}}", &err), BR_OK);
  dbx_result *result = NULL;
  assert_status(result_of(br_buf_cstr(&text), &result, &err), BR_ERR_LIMIT, &err);
  br_buf_done(&text);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  br_buf text;
  read_golden("select_text.json", &text);
  const char *json = br_buf_cstr(&text);
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  br_mem_fail_after(-1);
  assert_status(result_of(json, &result, &err), BR_OK, &err);
  dbx_result_free(result);
  /* The first allocation is the test's own. */
  long count = br_mem_count();
  assert_true(count > 20);
  long failures = 0;
  for (long i = 1; i < count; i++) {
    result = NULL;
    br_mem_fail_after(i);
    br_status st = result_of(json, &result, &err);
    br_mem_fail_after(-1);
    if (st == BR_OK) { /* it could do with less */
      assert_int_equal(dbx_result_rows(result), 3);
      dbx_result_free(result);
      continue;
    }
    assert_status(st, BR_ERR_NOMEM, &err);
    assert_null(result);
    failures++;
  }
  assert_true(failures * 2 > count);
  br_buf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_and_nulls),
      cmocka_unit_test(types_that_are_unknown_or_unnamed_pass),
      cmocka_unit_test(results_without_rows_or_columns),
      cmocka_unit_test(numbers_may_be_text_and_cells_numbers),
      cmocka_unit_test(failures_tell_condition_and_sqlstate_but_no_sql),
      cmocka_unit_test(concurrent_write_is_worth_another_try),
      cmocka_unit_test(other_ends_are_failures),
      cmocka_unit_test(links_instead_of_rows_are_not_supported),
      cmocka_unit_test(answers_that_contradict_themselves_are_refused),
      cmocka_unit_test(capture_cut_at_any_byte_is_refused),
      cmocka_unit_test(too_many_columns_are_refused),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
