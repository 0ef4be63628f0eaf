/*
 * Recorded answers of a real workspace: every one of the Statement Execution API is understood.
 * The file is not part of the project: BRIDGE_TEST_RECORDINGS names its folder; without it the test
 * counts as skipped.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "databricks/error.h"
#include "databricks/json.h"
#include "databricks/links.h"
#include "databricks/reply.h"
#include "databricks/rows.h"
#include "unit/databricks/support.h"

enum { SKIPPED = 77, LONGEST_FILE = 64 << 20 };

typedef struct tally {
  size_t inline_results;
  size_t without_rows;
  size_t links;
  size_t failed;
  size_t chunks;
  size_t errors;
} tally;

static br_buf recordings;

static bool is_statement(const char *path) {
  return strncmp(path, "/api/2.0/sql/statements", 23) == 0;
}

/* What the same document says when it is read the long way. */
static void compare_with_tree(const dbx_result *result, const char *text) {
  json_t *tree = json_loads(text, 0, NULL);
  assert_non_null(tree);
  const json_t *rows = json_object_get(json_object_get(tree, "result"), "data_array");
  assert_int_equal(json_array_size(rows), dbx_result_rows(result));
  for (size_t row = 0; row < json_array_size(rows); row++) {
    const json_t *cells = json_array_get(rows, row);
    assert_int_equal(json_array_size(cells), dbx_result_columns(result));
    for (size_t column = 0; column < json_array_size(cells); column++) {
      const char *expected = json_string_value(json_array_get(cells, column));
      const char *value = dbx_result_value(result, row, column);
      if (expected == NULL) {
        assert_null(value);
      } else {
        assert_string_equal(value, expected);
      }
    }
  }
  json_decref(tree);
}

/* Every link is taken, with what the manifest says of its chunk. */
static void check_links(const dbx_reply *reply) {
  dbx_links links = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_links_add(&links, reply, "https://workspace.example.com", &err), BR_OK, &err);
  const json_t *chunks = dbx_json_array(dbx_json_object(reply->root, "manifest"), "chunks");
  assert_true(links.count > 0);
  for (size_t i = 0; i < links.count; i++) {
    const dbx_link *link = &links.items[i];
    assert_int_equal(strncmp(link->url, "https://", 8), 0);
    assert_true(link->row_count > 0);
    assert_true(link->expires_us > 0 && link->expires_us != INT64_MAX);
    const json_t *chunk = json_array_get(chunks, link->chunk);
    if (chunk != NULL) {
      uint64_t offset = 0;
      uint64_t rows = 0;
      assert_true(dbx_json_u64(chunk, "row_offset", &offset));
      assert_true(dbx_json_u64(chunk, "row_count", &rows));
      assert_int_equal(link->row_offset, offset);
      assert_int_equal(link->row_count, rows);
    }
  }
  dbx_links_done(&links);
}

static void check_types(const dbx_result *result) {
  for (size_t i = 0; i < dbx_result_columns(result); i++) {
    dbx_rows_column column = {0};
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_rows_type_parse(dbx_result_column(result, i)->type_text, &column, &err),
                  BR_OK, &err);
  }
}

static void check_succeeded(dbx_reply *reply, const char *text, tally *count) {
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  uint64_t next = 0;
  bool more = false;
  assert_status(dbx_result_new(reply, &result, &err), BR_OK, &err);
  for (size_t i = 0; i < dbx_result_columns(result); i++) {
    assert_true(strlen(dbx_result_column(result, i)->type_text) > 0);
    assert_true(strlen(dbx_result_column(result, i)->type_name) > 0);
  }
  check_types(result);
  br_status st = dbx_result_add(result, reply, 0, &next, &more, &err);
  if (st == BR_ERR_UNSUPPORTED) {
    check_links(reply);
    count->links++;
  } else {
    assert_status(st, BR_OK, &err);
    assert_false(more);
    assert_status(dbx_result_finish(result, false, &err), BR_OK, &err);
    compare_with_tree(result, text);
    *(dbx_result_rows(result) > 0 ? &count->inline_results : &count->without_rows) += 1;
  }
  dbx_result_free(result);
}

static void check_statement(const char *text, tally *count) {
  br_buf body;
  br_buf_init(&body, LONGEST_FILE);
  assert_int_equal(br_buf_text(&body, text, NULL), BR_OK);
  dbx_reply reply = {0};
  dbx_state state = DBX_STATE_PENDING;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_reply_parse(&body, &reply, &err), BR_OK, &err);
  if (dbx_reply_statement_id(&reply) == NULL) { /* a chunk on its own */
    check_links(&reply);
    count->chunks++;
  } else {
    assert_status(dbx_reply_state(&reply, &state, &err), BR_OK, &err);
    if (state == DBX_STATE_SUCCEEDED) {
      check_succeeded(&reply, text, count);
    } else {
      char sqlstate[DBX_SQLSTATE_MAX];
      char condition[DBX_CONDITION_MAX];
      assert_status(dbx_reply_failure(&reply, state, &err), BR_ERR_REMOTE, &err);
      assert_true(dbx_error_sqlstate(&err, sqlstate));
      assert_true(dbx_error_condition(&err, condition));
      count->failed++;
    }
  }
  dbx_reply_done(&reply);
}

static void check_error(long http, const char *text, tally *count) {
  dbx_http_response response = {.reach = DBX_ANSWERED, .status = http};
  br_buf_init(&response.body, LONGEST_FILE);
  assert_int_equal(br_buf_text(&response.body, text, NULL), BR_OK);
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_error_of_answer(&response, &err), BR_ERR_NOT_FOUND, &err);
  assert_contains(err.message, "does not exist");
  dbx_http_response_done(&response);
  count->errors++;
}

static void check_line(const char *line, size_t length, tally *count) {
  json_t *exchange = json_loadb(line, length, 0, NULL);
  assert_non_null(exchange);
  const char *path = dbx_json_text(json_object_get(exchange, "request"), "path");
  const json_t *response = json_object_get(exchange, "response");
  const char *text = dbx_json_text(response, "text");
  long http = (long)json_integer_value(json_object_get(response, "status"));
  if (text != NULL && http >= 400) {
    check_error(http, text, count);
  } else if (text != NULL && is_statement(path)) {
    check_statement(text, count);
  }
  json_decref(exchange);
}

static void every_recorded_answer_is_understood(void **state) {
  (void)state;
  tally count = {0};
  const char *text = (const char *)recordings.data;
  const char *end = text + recordings.len;
  while (text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    const char *line_end = newline == NULL ? end : newline;
    if (line_end > text) {
      check_line(text, (size_t)(line_end - text), &count);
    }
    text = line_end + 1;
  }
  print_message(
      "%zu inline, %zu without rows, %zu with links, %zu failed, %zu chunks, %zu errors\n",
      count.inline_results, count.without_rows, count.links, count.failed, count.chunks,
      count.errors);
  assert_true(count.inline_results > 0 && count.without_rows > 0 && count.links > 0);
  assert_true(count.failed > 0 && count.chunks > 0 && count.errors > 0);
}

int main(void) {
  char path[1024];
  const char *folder = getenv("BRIDGE_TEST_RECORDINGS");
  if (folder == NULL || folder[0] == '\0') {
    return SKIPPED;
  }
  (void)snprintf(path, sizeof path, "%s/databricks_statements.jsonl", folder);
  br_error err = BR_ERROR_INIT;
  if (br_file_read(path, LONGEST_FILE, &recordings, &err) != BR_OK) {
    (void)fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_recorded_answer_is_understood),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  br_buf_done(&recordings);
  return failed;
}
