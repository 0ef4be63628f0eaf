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

static br_status run_sql(dbx_client *client, dbx_result **result, br_error *err) {
  const dbx_statement statement = {.sql = "INSERT INTO hidden_table SELECT 1"};
  br_error_clear(err);
  *result = NULL;
  return dbx_statement_run(client, &statement, NULL, result, err);
}

#define RUNNING(state) "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"" state "\"}}"

static void statement_is_polled_to_its_end(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = script_json(200, NULL, RUNNING("PENDING"))},
      {.reply = script_json(200, NULL, RUNNING("RUNNING"))},
      {.reply = script_json(503, "Retry-After: 0\r\n", "{}")},
      {.then = SCRIPT_CLOSE},
      {.reply = script_json(200, NULL, RUNNING("RUNNING"))},
      {.reply = script_json(200, NULL, TWO_ROWS)},
  };
  script_server *server = script_start(steps, 6);
  dbx_client *client = test_client(script_base(server));
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(run_sql(client, &result, &err), BR_OK, &err);
  assert_int_equal(dbx_result_rows(result), 2);
  dbx_result_free(result);
  assert_int_equal(script_count(server, "POST", STATEMENTS), 1);
  assert_int_equal(script_count(server, "GET", STATEMENTS "/" ID), 5);
  dbx_client_free(client);
  script_stop(server);
}

static void chunks_are_fetched_in_their_order(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = script_json(
           200, NULL,
           SUCCEEDED(SCHEMA_2 ",\"total_row_count\":4",
                     "{\"chunk_index\":0,\"row_offset\":0,\"row_count\":1,\"next_chunk_index\":1,"
                     "\"next_chunk_internal_link\":\"/evil\",\"data_array\":[[\"1\",\"a\"]]}"))},
      {.reply = script_json(200, NULL,
                            "{\"chunk_index\":1,\"row_offset\":1,\"row_count\":2,"
                            "\"next_chunk_index\":2,\"data_array\":[[\"2\",\"b\"],[\"3\",null]]}")},
      {.reply = script_json(200, NULL,
                            "{\"chunk_index\":2,\"row_offset\":3,\"row_count\":1,"
                            "\"data_array\":[[\"4\",\"d\"]]}")},
  };
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(run_sql(client, &result, &err), BR_OK, &err);
  assert_int_equal(dbx_result_rows(result), 4);
  for (uint64_t row = 0; row < 4; row++) {
    const char expected[] = {(char)('1' + row), '\0'};
    assert_string_equal(dbx_result_value(result, row, 0), expected);
  }
  assert_null(dbx_result_value(result, 2, 1));
  assert_string_equal(dbx_result_value(result, 3, 1), "d");
  dbx_result_free(result);
  assert_string_equal(script_request_at(server, 1)->target, STATEMENTS "/" ID "/result/chunks/1");
  assert_string_equal(script_request_at(server, 2)->target, STATEMENTS "/" ID "/result/chunks/2");
  dbx_client_free(client);
  script_stop(server);
}

static void chunk_that_is_missing_or_another_is_an_error(void **state) {
  (void)state;
  static const char first[] =
      SUCCEEDED(SCHEMA_2 ",\"total_row_count\":2",
                "{\"chunk_index\":0,\"row_count\":1,\"next_chunk_index\":1,\"data_array\":[[\"1\","
                "\"a\"]]}");
  static const char *const seconds[] = {
      "{\"chunk_index\":0,\"row_offset\":0,\"data_array\":[[\"1\",\"a\"]]}",
      "{\"chunk_index\":1,\"row_offset\":1,\"data_array\":[]}",
      "{\"chunk_index\":1,\"row_offset\":1,\"data_array\":[[\"2\"]]}",
      "{\"chunk_index\":1,\"next_chunk_index\":1,\"data_array\":[[\"2\",\"b\"]]}",
      "{\"external_links\":[]}",
  };
  for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
    const script_step steps[] = {{.reply = script_json(200, NULL, first)},
                                 {.reply = script_json(200, NULL, seconds[i])}};
    script_server *server = script_start(steps, 2);
    dbx_client *client = test_client(script_base(server));
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    br_status st = run_sql(client, &result, &err);
    assert_true(st == BR_ERR_PROTOCOL || st == BR_ERR_UNSUPPORTED);
    assert_null(result);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void cut_result_is_an_error_unless_a_limit_was_asked_for(void **state) {
  (void)state;
  const char *cut =
      script_json(200, NULL,
                  SUCCEEDED(SCHEMA_2 ",\"total_row_count\":1,\"truncated\":true",
                            "{\"chunk_index\":0,\"row_count\":1,\"data_array\":[[\"1\",\"a\"]]}"));
  const script_step steps[] = {{.reply = cut}, {.reply = cut}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(run_sql(client, &result, &err), BR_ERR_LIMIT, &err);
  assert_null(result);
  const dbx_statement limited = {.sql = "SELECT 1", .row_limit = 1};
  assert_status(dbx_statement_run(client, &limited, NULL, &result, &err), BR_OK, &err);
  assert_true(dbx_result_truncated(result));
  dbx_result_free(result);
  dbx_client_free(client);
  script_stop(server);
}

static void failed_statement_names_its_id_and_keeps_the_sql_to_itself(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = script_json(200, NULL,
                            "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"FAILED\","
                            "\"error\":{\"error_code\":\"BAD_REQUEST\",\"message\":\"[TABLE_OR_"
                            "VIEW_NOT_FOUND] gone. SQLSTATE: 42P01\\n== SQL ==\\nINSERT INTO "
                            "hidden_table\"}}}")},
      {.reply = script_json(400, NULL,
                            "{\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"abc123 is "
                            "not a valid endpoint id.\"}")}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(run_sql(client, &result, &err), BR_ERR_REMOTE, &err);
  assert_string_equal(err.message,
                      "Statement " ID ": [TABLE_OR_VIEW_NOT_FOUND] gone. SQLSTATE: 42P01");
  assert_status(run_sql(client, &result, &err), BR_ERR_REMOTE, &err);
  assert_int_equal(err.native_code, 400);
  assert_contains(err.message, "abc123 is not a valid endpoint id.");
  dbx_client_free(client);
  script_stop(server);
}

static void submission_whose_answer_is_lost_is_never_sent_again(void **state) {
  (void)state;
  const char *reply = script_json(200, NULL, TWO_ROWS);
  size_t length = strlen(reply);
  for (size_t cut = 0; cut < length; cut++) {
    const script_step steps[] = {{.reply = reply, .cut = cut + 1}, {.reply = reply}};
    script_server *server = script_start(steps, 2);
    dbx_client *client = test_client(script_base(server));
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(run_sql(client, &result, &err), BR_ERR_NETWORK, &err);
    assert_contains(err.message, "not known whether the statement ran");
    assert_false(err.retriable);
    assert_int_equal(script_request_count(server), 1);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void repeatable_statement_is_sent_again(void **state) {
  (void)state;
  const char *good = script_json(200, NULL, TWO_ROWS);
  const script_step bad[] = {{.reply = good, .cut = 1},
                             {.reply = script_json(500, NULL, "")},
                             {.reply = good, .cut = strlen(good) - 1}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const script_step steps[] = {bad[i], {.reply = good}};
    script_server *server = script_start(steps, 2);
    dbx_client *client = test_client(script_base(server));
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    const dbx_statement statement = {.sql = "SELECT 1", .repeatable = true};
    assert_status(dbx_statement_run(client, &statement, NULL, &result, &err), BR_OK, &err);
    assert_int_equal(dbx_result_rows(result), 2);
    assert_int_equal(script_count(server, "POST", STATEMENTS), 2);
    dbx_result_free(result);
    dbx_client_free(client);
    script_stop(server);
  }
}

/* A connection that was kept alive and dies under a request makes curl send that request again by
 * itself: a submission must not be on such a connection. */
static void submission_after_another_request_is_not_repeated_either(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = script_json(200, NULL, "{\"state\":\"RUNNING\"}")},
                               {.then = SCRIPT_CLOSE},
                               {.reply = script_json(200, NULL, TWO_ROWS)}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  char text[16];
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_warehouse_state(client, text, sizeof text, NULL, &err), BR_OK, &err);
  assert_status(run_sql(client, &result, &err), BR_ERR_NETWORK, &err);
  assert_int_equal(script_count(server, "POST", STATEMENTS), 1);
  dbx_client_free(client);
  script_stop(server);
}

static void answers_that_leave_open_whether_it_ran_are_final(void **state) {
  (void)state;
  static const int statuses[] = {500, 502, 504, 408};
  for (size_t i = 0; i < 4; i++) {
    const script_step steps[] = {{.reply = script_json(statuses[i], NULL, "")},
                                 {.reply = script_json(200, NULL, TWO_ROWS)}};
    script_server *server = script_start(steps, 2);
    dbx_client *client = test_client(script_base(server));
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(run_sql(client, &result, &err), BR_ERR_REMOTE, &err);
    assert_contains(err.message, "not known whether the statement ran");
    assert_false(err.retriable);
    assert_int_equal(script_request_count(server), 1);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void submission_that_surely_did_not_start_is_sent_again(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = script_json(429, "Retry-After: 0\r\n", "{}")},
                               {.reply = script_json(503, "Retry-After: 0\r\n", "{}")},
                               {.reply = script_json(200, NULL, TWO_ROWS)}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(run_sql(client, &result, &err), BR_OK, &err);
  dbx_result_free(result);
  assert_int_equal(script_count(server, "POST", STATEMENTS), 3);
  dbx_client_free(client);
  script_stop(server);
}

static void trouble_after_the_submission_tells_what_became_of_the_statement(void **state) {
  (void)state;
  const char *running = script_json(200, NULL, RUNNING("RUNNING"));
  const char *failing = script_json(500, NULL, "{}");
  const script_step steps[] = {
      {.reply = running},
      {.reply = failing},
      {.reply = failing},
      {.reply = failing},
      {.reply = failing},
      {.reply = script_json(
           200, NULL,
           SUCCEEDED(SCHEMA_2, "{\"data_array\":[[\"1\",\"a\"]],\"next_chunk_index\":1}"))},
      {.reply = failing},
      {.reply = failing},
      {.reply = failing},
      {.reply = failing},
  };
  script_server *server = script_start(steps, sizeof steps / sizeof steps[0]);
  dbx_client *client = test_client(script_base(server));
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(run_sql(client, &result, &err), BR_ERR_REMOTE, &err);
  assert_contains(err.message, ID);
  assert_contains(err.message, "may have run, or be running still");
  assert_false(err.retriable);
  assert_status(run_sql(client, &result, &err), BR_ERR_REMOTE, &err);
  assert_contains(err.message, "the statement itself succeeded");
  assert_false(err.retriable);
  assert_int_equal(script_count(server, "POST", STATEMENTS), 2);
  dbx_client_free(client);
  script_stop(server);
}

/* A server that sees the user cancel when the nth request comes in, and answers all the same. */
typedef struct cancelling {
  br_cancel *cancel;
  size_t at;
} cancelling;

static script_step cancel_then_answer(void *context, const script_request *request, size_t nth) {
  const cancelling *c = context;
  if (nth == c->at) {
    br_cancel_request(c->cancel);
  }
  (void)request;
  return (script_step){.reply = script_json(200, NULL, RUNNING("RUNNING"))};
}

static void cancelling_reaches_the_server(void **state) {
  (void)state;
  /* While the submission waits for its answer (which brings the id), and while polling. */
  for (size_t at = 0; at < 3; at++) {
    cancelling c = {.at = at};
    assert_int_equal(br_cancel_new(&c.cancel, NULL), BR_OK);
    script_server *server = script_start_routed(cancel_then_answer, &c);
    dbx_client *client = test_client(script_base(server));
    const dbx_statement statement = {.sql = "SELECT 1"};
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_statement_run(client, &statement, c.cancel, &result, &err), BR_ERR_CANCELLED,
                  &err);
    assert_int_equal(script_count(server, "POST", STATEMENTS "/" ID "/cancel"), 1);
    assert_int_equal(script_count(server, "POST", STATEMENTS), 2);
    dbx_client_free(client);
    script_stop(server);
    br_cancel_free(c.cancel);
  }
}

static void broken_first_answers_are_refused(void **state) {
  (void)state;
  static const char *const answers[] = {"{}",
                                        "{\"status\":{\"state\":\"SUCCEEDED\"}}",
                                        "{\"statement_id\":\"\"}",
                                        "{\"statement_id\":\"" ID "\"}",
                                        "{\"statement_id\":\"" ID
                                        "\",\"status\":{\"state\":\"NEW\"}}",
                                        "<html>"};
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    const script_step steps[] = {{.reply = script_json(200, NULL, answers[i])}};
    script_server *server = script_start(steps, 1);
    dbx_client *client = test_client(script_base(server));
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(run_sql(client, &result, &err), BR_ERR_PROTOCOL, &err);
    assert_true(strstr(err.message, "not known whether the statement ran") != NULL ||
                strstr(err.message, "may have run") != NULL);
    assert_int_equal(script_request_count(server), 1);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void statements_that_can_not_be_sent_are_refused_before(void **state) {
  (void)state;
  static dbx_parameter parameters[257];
  for (size_t i = 0; i < 257; i++) {
    parameters[i].name = "p";
  }
  const dbx_parameter broken = {.name = "p", .value = "\xff"};
  const struct {
    dbx_statement statement;
    br_status status;
  } cases[] = {
      {{.sql = "SELECT 1", .parameters = parameters, .parameter_count = 257}, BR_ERR_USAGE},
      {{.sql = "SELECT '\xff'"}, BR_ERR_DATA},
      {{.sql = "SELECT :p", .parameters = &broken, .parameter_count = 1}, BR_ERR_DATA},
  };
  script_server *server = script_start(NULL, 0);
  dbx_client *client = test_client(script_base(server));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    dbx_result *result = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_statement_run(client, &cases[i].statement, NULL, &result, &err),
                  cases[i].status, &err);
  }
  assert_int_equal(script_request_count(server), 0);
  dbx_client_free(client);
  script_stop(server);
}

static void most_parameters_are_256(void **state) {
  (void)state;
  static dbx_parameter parameters[256];
  for (size_t i = 0; i < 256; i++) {
    parameters[i] = (dbx_parameter){.name = "p", .value = "v"};
  }
  const script_step steps[] = {{.reply = script_json(200, NULL, TWO_ROWS)}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  const dbx_statement statement = {
      .sql = "SELECT 1", .parameters = parameters, .parameter_count = 256};
  dbx_result *result = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_statement_run(client, &statement, NULL, &result, &err), BR_OK, &err);
  dbx_result_free(result);
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statement_with_an_inline_result),
      cmocka_unit_test(statement_is_polled_to_its_end),
      cmocka_unit_test(chunks_are_fetched_in_their_order),
      cmocka_unit_test(chunk_that_is_missing_or_another_is_an_error),
      cmocka_unit_test(cut_result_is_an_error_unless_a_limit_was_asked_for),
      cmocka_unit_test(failed_statement_names_its_id_and_keeps_the_sql_to_itself),
      cmocka_unit_test(submission_whose_answer_is_lost_is_never_sent_again),
      cmocka_unit_test(repeatable_statement_is_sent_again),
      cmocka_unit_test(submission_after_another_request_is_not_repeated_either),
      cmocka_unit_test(answers_that_leave_open_whether_it_ran_are_final),
      cmocka_unit_test(submission_that_surely_did_not_start_is_sent_again),
      cmocka_unit_test(trouble_after_the_submission_tells_what_became_of_the_statement),
      cmocka_unit_test(cancelling_reaches_the_server),
      cmocka_unit_test(broken_first_answers_are_refused),
      cmocka_unit_test(statements_that_can_not_be_sent_are_refused_before),
      cmocka_unit_test(most_parameters_are_256),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
