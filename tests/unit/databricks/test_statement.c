/* Statements from submission to result. */
#include <string.h>

#include "unit/databricks/support.h"

#define ID         "01f00000-0000-1000-8000-000000000001"
#define STATEMENTS "/api/2.0/sql/statements"
#define SCHEMA_2                                                                                   \
  "\"schema\":{\"column_count\":2,\"columns\":[{\"name\":\"id\",\"type_text\":\"INT\","            \
  "\"type_name\":\"INT\",\"position\":0},{\"name\":\"s\",\"type_text\":\"STRING\","                \
  "\"type_name\":\"STRING\",\"position\":1}]}"
#define SUCCEEDED(manifest, result)                                                                \
  "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{\"format\":"    \
  "\"JSON_ARRAY\"," manifest "},\"result\":" result "}"
#define TWO_ROWS                                                                                   \
  SUCCEEDED(SCHEMA_2 ",\"total_chunk_count\":1,\"total_row_count\":2,\"truncated\":false",         \
            "{\"chunk_index\":0,\"row_offset\":0,\"row_count\":2,\"data_array\":[[\"1\","          \
            "\"a\\u00e4\\n\"],[\"2\",null]]}")

static void statement_with_an_inline_result(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = script_json(200, NULL, TWO_ROWS)}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  const dbx_parameter parameters[] = {{.name = "n", .value = "5", .type = "INT"}, {.name = "x"}};
  dbx_statement statement = {
      .sql = "SELECT :n, \"ä\"", .parameters = parameters, .parameter_count = 2, .row_limit = 9};
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_statement_run(client, &statement, NULL, &result, &err), BR_OK, &err);
  assert_string_equal(dbx_result_statement_id(result), ID);
  assert_int_equal(dbx_result_columns(result), 2);
  assert_string_equal(dbx_result_column(result, 1)->name, "s");
  assert_string_equal(dbx_result_column(result, 1)->type_text, "STRING");
  assert_int_equal(dbx_result_rows(result), 2);
  assert_string_equal(dbx_result_value(result, 0, 0), "1");
  assert_string_equal(dbx_result_value(result, 0, 1), "aä\n");
  assert_int_equal(dbx_result_value_length(result, 0, 1), 4);
  assert_null(dbx_result_value(result, 1, 1));
  assert_null(dbx_result_value(result, 2, 0));
  dbx_result_free(result);

  const script_request *request = script_request_at(server, 0);
  assert_string_equal(request->method, "POST");
  assert_string_equal(request->target, STATEMENTS);
  assert_string_equal(
      (const char *)request->body,
      "{\"statement\":\"SELECT :n, \\\"ä\\\"\",\"warehouse_id\":\"abc123\",\"wait_timeout\":"
      "\"10s\",\"on_wait_timeout\":\"CONTINUE\",\"disposition\":\"INLINE\",\"format\":"
      "\"JSON_ARRAY\",\"parameters\":[{\"name\":\"n\",\"value\":\"5\",\"type\":\"INT\"},"
      "{\"name\":\"x\"}],\"row_limit\":9}");
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statement_with_an_inline_result),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
