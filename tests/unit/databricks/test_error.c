/* Error answers in every shape that the platform has. */
#include "databricks/error.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "unit/databricks/support.h"

static br_status report(long http, const char *body, br_error *err) {
  dbx_http_response response = {.reach = DBX_ANSWERED, .status = http};
  br_buf_init(&response.body, 1 << 22);
  assert_int_equal(br_buf_text(&response.body, body, NULL), BR_OK);
  br_error_clear(err);
  br_status st = dbx_error_of_answer(&response, err);
  dbx_http_response_done(&response);
  return st;
}

typedef struct shape {
  long http;
  const char *body;
  br_status status;
  const char *message;
} shape;

static void every_shape_is_understood(void **state) {
  (void)state;
  static const shape shapes[] = {
      /* error_code as text, and as a number */
      {404, "{\"error_code\":\"RESOURCE_DOES_NOT_EXIST\",\"message\":\"No such thing\"}",
       BR_ERR_NOT_FOUND, "HTTP 404 RESOURCE_DOES_NOT_EXIST: No such thing"},
      {401,
       "{\"error_code\":401,\"message\":\"Credential was not sent or was of an unsupported type "
       "for this API.\"}",
       BR_ERR_AUTH,
       "HTTP 401 401: Credential was not sent or was of an unsupported type for this API."},
      {403, "{\"error_code\":403,\"message\":\"Invalid access token.\"}", BR_ERR_AUTH,
       "HTTP 403 403: Invalid access token."},
      /* the code counts more than the status */
      {400, "{\"error_code\":\"PERMISSION_DENIED\",\"message\":\"m\"}", BR_ERR_AUTH,
       "HTTP 400 PERMISSION_DENIED: m"},
      {400, "{\"error_code\":\"RESOURCE_ALREADY_EXISTS\",\"message\":\"m\"}", BR_ERR_EXISTS,
       "HTTP 400 RESOURCE_ALREADY_EXISTS: m"},
      {409,
       "{\"error_code\":\"ALREADY_EXISTS\",\"message\":\"The file being created already "
       "exists.\"}",
       BR_ERR_EXISTS, "HTTP 409 ALREADY_EXISTS: The file being created already exists."},
      {409, "{\"error_code\":\"ABORTED\",\"message\":\"m\"}", BR_ERR_CONFLICT,
       "HTTP 409 ABORTED: m"},
      {400, "{\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"m\"}", BR_ERR_REMOTE,
       "HTTP 400 INVALID_PARAMETER_VALUE: m"},
      /* details name the request */
      {404,
       "{\"error_code\":\"NOT_FOUND\",\"message\":\"gone\",\"details\":[{\"@type\":\"x\"},"
       "{\"@type\":\"y\",\"request_id\":\"1bbc5c95\"}]}",
       BR_ERR_NOT_FOUND, "HTTP 404 NOT_FOUND: gone (request 1bbc5c95)"},
      /* API 1.2 */
      {400, "{\"error\":\"RuntimeException: broken\"}", BR_ERR_REMOTE,
       "HTTP 400: RuntimeException: broken"},
      /* OAuth */
      {401, "{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed\"}",
       BR_ERR_AUTH, "HTTP 401 invalid_client: Client authentication failed"},
      {400, "{\"errorCode\":\"invalid_client\",\"errorSummary\":\"Invalid value\"}", BR_ERR_AUTH,
       "HTTP 400 invalid_client: Invalid value"},
      /* SCIM */
      {404,
       "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"detail\":\"User not "
       "found\",\"status\":\"404\",\"scimType\":\"noTarget\"}",
       BR_ERR_NOT_FOUND, "HTTP 404 noTarget: User not found"},
      /* text */
      {400, "MALFORMED_REQUEST: vpc_endpoints malformed parameters", BR_ERR_REMOTE,
       "HTTP 400 MALFORMED_REQUEST: vpc_endpoints malformed parameters"},
      {500, "something else", BR_ERR_REMOTE, "HTTP 500: something else"},
      /* pages */
      {502, "<html><head><title>502 Bad Gateway</title></head></html>", BR_ERR_REMOTE,
       "HTTP 502: 502 Bad Gateway"},
      {500, "<HTML><body><pre>\n  java.lang.Error:\n  x </pre></body></HTML>", BR_ERR_REMOTE,
       "HTTP 500: java.lang.Error: x"},
      {403, "<!doctype html><p>no", BR_ERR_AUTH, "HTTP 403: a web page, not an answer of the API"},
      /* nothing */
      {404, "", BR_ERR_NOT_FOUND, "HTTP 404: Not found"},
      {503, "{}", BR_ERR_REMOTE, "HTTP 503: The service is not available"},
      {400, "{\"message\":null,\"error_code\":{}}", BR_ERR_REMOTE,
       "HTTP 400: The request was refused"},
      {413, "", BR_ERR_LIMIT, "HTTP 413: The request was refused"},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    br_error err = BR_ERROR_INIT;
    assert_status(report(shapes[i].http, shapes[i].body, &err), shapes[i].status, &err);
    assert_string_equal(err.message, shapes[i].message);
    assert_int_equal(err.native_code, shapes[i].http);
  }
}

static void passing_failures_are_marked_retriable(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  (void)report(429, "{}", &err);
  assert_true(err.retriable);
  (void)report(503, "", &err);
  assert_true(err.retriable);
  (void)report(403, "", &err);
  assert_false(err.retriable);
}

static void redirect_names_where_to_without_its_query(void **state) {
  (void)state;
  dbx_http_response response = {.reach = DBX_ANSWERED, .status = 302};
  (void)snprintf(response.location, sizeof response.location,
                 "https://example.com/login.html?next=secret-state");
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_error_of_answer(&response, &err), BR_ERR_REMOTE, &err);
  assert_contains(err.message, "\"https://example.com/login.html\"");
  assert_lacks(err.message, "secret-state");
}

static void text_of_a_server_can_neither_steer_a_terminal_nor_show_a_secret(void **state) {
  (void)state;
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("dapi-very-secret", &secret, NULL), BR_OK);
  br_error err = BR_ERROR_INIT;
  (void)report(400,
               "{\"message\":\"\\u001b[2Jtoken dapi-very-secret\\r\\nline\",\"error_code\":"
               "\"dapi-very-secret\"}",
               &err);
  assert_lacks(err.message, "dapi-very-secret");
  assert_lacks(err.message, "\033");
  assert_lacks(err.message, "\n");
  assert_contains(err.message, "[2Jtoken *** line");
  (void)report(500, "plain \xff\xfe bytes dapi-very-secret", &err);
  assert_string_equal(err.message, "HTTP 500: plain ?? bytes ***");
  br_secret_free(secret);
}

static void long_message_is_cut_after_the_secret_is_blotted_out(void **state) {
  (void)state;
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("dapi-at-the-edge-of-the-cut", &secret, NULL), BR_OK);
  static char body[8192];
  for (size_t fill = 1400; fill < 1600; fill++) {
    memset(body, 'x', fill);
    (void)snprintf(body + fill, sizeof body - fill, "dapi-at-the-edge-of-the-cut");
    br_error err = BR_ERROR_INIT;
    (void)report(400, body, &err);
    assert_lacks(err.message, "dapi-a");
  }
  br_secret_free(secret);
}

static void failing_allocations_are_reported_as_such(void **state) {
  (void)state;
  dbx_http_response response = {.reach = DBX_ANSWERED, .status = 404};
  br_buf_init(&response.body, 4096);
  assert_int_equal(br_buf_text(&response.body,
                               "{\"error_code\":\"NOT_FOUND\",\"message\":\"m\",\"details\":[{"
                               "\"request_id\":\"r\"}]}",
                               NULL),
                   BR_OK);
  br_error err = BR_ERROR_INIT;
  br_mem_fail_after(-1);
  assert_status(dbx_error_of_answer(&response, &err), BR_ERR_NOT_FOUND, &err);
  long count = br_mem_count();
  assert_true(count > 3);
  size_t out_of_memory = 0;
  for (long i = 0; i < count; i++) {
    br_mem_fail_after(i);
    br_status st = dbx_error_of_answer(&response, &err);
    br_mem_fail_after(-1);
    out_of_memory += st == BR_ERR_NOMEM;
    assert_true(st == BR_ERR_NOMEM || st == BR_ERR_NOT_FOUND);
  }
  assert_true(out_of_memory > 0);
  dbx_http_response_done(&response);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_shape_is_understood),
      cmocka_unit_test(passing_failures_are_marked_retriable),
      cmocka_unit_test(redirect_names_where_to_without_its_query),
      cmocka_unit_test(text_of_a_server_can_neither_steer_a_terminal_nor_show_a_secret),
      cmocka_unit_test(long_message_is_cut_after_the_secret_is_blotted_out),
      cmocka_unit_test(failing_allocations_are_reported_as_such),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
