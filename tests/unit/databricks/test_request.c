/* Tries, waits, ceilings, cancelling: what happens between a request and its answer. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/sys.h"
#include "unit/databricks/support.h"

#define FILE_PATH "/Volumes/main/default/landing/x"

static br_status head(dbx_client *client, br_error *err) {
  dbx_file_info info = {0};
  br_error_clear(err);
  br_status st = dbx_files_head(client, FILE_PATH, &info, NULL, err);
  dbx_file_info_done(&info);
  return st;
}

static const char head_ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";

static void passing_failures_are_tried_again(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = script_json(429, "Retry-After: 0\r\n", "{}")},
      {.reply = script_json(503, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "{}")},
      {.reply = script_json(500, NULL, "{}")},
      {.then = SCRIPT_CLOSE}, /* no answer at all */
      {.reply = "HTTP/1.1 200 OK\r\nConte", .then = SCRIPT_CLOSE},
      {.reply = script_json(504, NULL, "<html>")},
      {.reply = script_json(503, NULL, "")},
      {.reply = script_json(200, NULL, "{\"state\":\"RUNNING\"}")},
  };
  script_server *server = script_start(steps, 8);
  dbx_client *client = test_client(script_base(server));
  char text[64];
  br_error err = BR_ERROR_INIT;
  /* One try is curl's own: the connection was kept alive and closed without a word. The 504 comes
   * after more tries than such an answer is worth. */
  assert_status(dbx_warehouse_state(client, text, sizeof text, NULL, &err), BR_ERR_REMOTE, &err);
  assert_int_equal(err.native_code, 504);
  assert_true(err.retriable);
  assert_contains(err.message, "(after 5 tries)");
  assert_status(dbx_warehouse_state(client, text, sizeof text, NULL, &err), BR_OK, &err);
  assert_string_equal(text, "RUNNING");
  assert_int_equal(script_request_count(server), 8);
  dbx_client_free(client);
  script_stop(server);
}

static void final_failures_are_not_tried_again(void **state) {
  (void)state;
  static const struct {
    int http;
    br_status status;
  } cases[] = {{400, BR_ERR_REMOTE},    {401, BR_ERR_AUTH},   {403, BR_ERR_AUTH},
               {404, BR_ERR_NOT_FOUND}, {409, BR_ERR_EXISTS}, {501, BR_ERR_REMOTE},
               {302, BR_ERR_REMOTE}};
  script_step steps[7];
  for (size_t i = 0; i < 7; i++) {
    steps[i] = (script_step){.reply = script_json(cases[i].http, NULL, "{\"message\":\"m\"}")};
  }
  script_server *server = script_start(steps, 7);
  dbx_client *client = test_client(script_base(server));
  for (size_t i = 0; i < 7; i++) {
    char text[64];
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_current_user(client, text, sizeof text, NULL, &err), cases[i].status, &err);
    assert_int_equal(err.native_code, cases[i].http);
    assert_contains(err.message, "Current user: HTTP ");
    assert_int_equal(script_request_count(server), i + 1);
  }
  dbx_client_free(client);
  script_stop(server);
}

static script_step always_busy(void *context, const script_request *request, size_t nth) {
  (void)context;
  (void)request;
  (void)nth;
  return (script_step){.reply =
                           "HTTP/1.1 429 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"};
}

static void wait_beyond_the_budget_is_not_begun(void **state) {
  (void)state;
  script_server *server = script_start_routed(always_busy, NULL);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_REMOTE, &err);
  assert_int_equal(err.native_code, 429);
  assert_true(err.retriable);
  assert_contains(err.message, "(Retry-After: 3600)");
  assert_int_equal(script_request_count(server), 1);
  dbx_client_free(client);
  script_stop(server);
}

static void unknown_host_is_given_up_soon(void **state) {
  (void)state;
  /* A port that was ours and is closed now. */
  script_server *server = script_start(NULL, 0);
  char base[64];
  (void)snprintf(base, sizeof base, "%s", script_base(server));
  script_stop(server);
  dbx_client *client = test_client(base);
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_NETWORK, &err);
  assert_true(err.retriable);
  assert_int_equal(dbx_error_stage(&err), DBX_STAGE_TCP);
  assert_contains(err.message, "(after 3 tries)");
  assert_contains(err.message, "127.0.0.1");
  dbx_client_free(client);
}

/* libcurl leaves a handle for which it found no address unfit for use: it must not be kept. */
static void a_name_without_an_address_is_told_at_each_try(void **state) {
  (void)state;
  dbx_client *client = test_client("https://nowhere.invalid");
  for (int i = 0; i < 2; i++) {
    br_error err = BR_ERROR_INIT;
    assert_status(head(client, &err), BR_ERR_NETWORK, &err);
    assert_int_equal(dbx_error_stage(&err), DBX_STAGE_NAME);
    assert_contains(err.message, "nowhere.invalid");
    assert_contains(err.message, "(after 3 tries)");
  }
  dbx_client_free(client);
}

static void answer_cut_at_any_byte_is_asked_for_again(void **state) {
  (void)state;
  static const char user[] = "{\"userName\":\"ana@example.com\"}";
  const char *reply = script_json(200, NULL, user);
  size_t length = strlen(reply);
  script_step steps[2] = {{.reply = reply}, {.reply = reply}};
  for (size_t cut = 0; cut < length; cut++) {
    steps[0].cut = cut + 1;
    script_server *server = script_start(steps, 2);
    dbx_client *client = test_client(script_base(server));
    char text[64] = "";
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_current_user(client, text, sizeof text, NULL, &err), BR_OK, &err);
    assert_string_equal(text, "ana@example.com");
    assert_int_equal(script_request_count(server), 2);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void answers_that_are_no_http_or_no_json_are_refused(void **state) {
  (void)state;
  static const char *const replies[] = {
      "220 mail.example ESMTP\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"a\":",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"userName\":null}",
      "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
  };
  enum { COUNT = sizeof replies / sizeof replies[0] };
  script_step steps[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    steps[i] = (script_step){.reply = replies[i], .then = SCRIPT_CLOSE};
  }
  script_server *server = script_start(steps, COUNT);
  dbx_client *client = test_client(script_base(server));
  for (size_t i = 0; i < COUNT; i++) {
    char text[64];
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_current_user(client, text, sizeof text, NULL, &err), BR_ERR_PROTOCOL, &err);
    assert_int_equal(script_request_count(server), i + 1);
  }
  dbx_client_free(client);
  script_stop(server);
}

static void endless_headers_hit_the_ceiling(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 200 OK\r\n", .then = SCRIPT_ENDLESS_HEADERS}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_LIMIT, &err);
  assert_int_equal(script_request_count(server), 1);
  dbx_client_free(client);
  script_stop(server);
}

static void endless_interim_answers_hit_the_ceiling(void **state) {
  (void)state;
  static char reply[256 * 1024];
  size_t used = 0;
  while (used + 32 < sizeof reply) {
    used += (size_t)snprintf(reply + used, sizeof reply - used, "HTTP/1.1 100 Continue\r\n\r\n");
  }
  const script_step steps[] = {{.reply = reply, .then = SCRIPT_CLOSE}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_LIMIT, &err);
  dbx_client_free(client);
  script_stop(server);
}

/* 20 bytes a line, 64 MiB and more, by chunks of 1 MiB. */
static char endless_body[20 + (1 << 20)];

static script_step endless_chunks(void *context, const script_request *request, size_t nth) {
  (void)context;
  (void)request;
  (void)nth;
  return (script_step){.reply = endless_body, .then = SCRIPT_ENDLESS_HEADERS};
}

static void endless_body_hits_the_ceiling(void **state) {
  (void)state;
  /* No length, no end: what follows the headers is the body. */
  int n = snprintf(endless_body, sizeof endless_body, "HTTP/1.1 200 OK\r\n\r\n");
  memset(endless_body + n, 'x', sizeof endless_body - (size_t)n - 1);
  script_server *server = script_start_routed(endless_chunks, NULL);
  dbx_client *client = test_client(script_base(server));
  br_buf out;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_get(client, FILE_PATH, BR_MIB(3), &out, NULL, &err), BR_ERR_LIMIT, &err);
  assert_int_equal(out.len, 0);
  br_buf_done(&out);
  assert_int_equal(script_request_count(server), 1);
  dbx_client_free(client);
  script_stop(server);
}

static dbx_client *impatient_client(const char *host, uint32_t silence_ms) {
  br_secret *token = NULL;
  assert_int_equal(br_secret_new(TEST_TOKEN, &token, NULL), BR_OK);
  dbx_options options = {.host = host, .token = token, .request_timeout_ms = silence_ms};
  dbx_client *client = NULL;
  assert_int_equal(dbx_client_new(&options, &client, NULL), BR_OK);
  client->retry.first_backoff_ms = 0;
  br_secret_free(token);
  return client;
}

/* Nobody has answered yet: three tries, of which the third works. */
static br_status head_at_the_third_try(uint32_t silence_ms, size_t *ret_tries, br_error *err) {
  const script_step steps[] = {{.then = SCRIPT_STALL},
                               {.reply = "HTTP/1.1 200 OK\r\nContent-", .then = SCRIPT_STALL},
                               {.reply = head_ok}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = impatient_client(script_base(server), silence_ms);
  br_status st = head(client, err);
  *ret_tries = script_request_count(server);
  dbx_client_free(client);
  script_stop(server);
  return st;
}

static void silence_becomes_a_time_out_and_another_try(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_status st = BR_ERR_TIMEOUT;
  size_t tries = 0;
  /* A slow machine's answer may pass for silence. */
  for (uint32_t silence_ms = 50; st == BR_ERR_TIMEOUT && silence_ms <= 50000; silence_ms *= 10) {
    st = head_at_the_third_try(silence_ms, &tries, &err);
  }
  assert_status(st, BR_OK, &err);
  assert_int_equal(tries, 3);
}

static void lasting_silence_is_reported(void **state) {
  (void)state;
  const script_step steps[] = {
      {.then = SCRIPT_STALL}, {.then = SCRIPT_STALL}, {.then = SCRIPT_STALL}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = impatient_client(script_base(server), 50);
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_TIMEOUT, &err);
  assert_contains(err.message, "silent");
  dbx_client_free(client);
  script_stop(server);
}

typedef struct canceller {
  script_server *server;
  br_cancel *cancel;
} canceller;

/* Cancels once the server has seen the request. */
static void *cancel_when_asked(void *argument) {
  canceller *c = argument;
  while (script_request_count(c->server) == 0) {
    (void)usleep(1000);
  }
  br_cancel_request(c->cancel);
  return NULL;
}

static void cancelling_ends_a_wait_for_an_answer(void **state) {
  (void)state;
  const script_step steps[] = {{.then = SCRIPT_STALL}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  canceller c = {.server = server};
  assert_int_equal(br_cancel_new(&c.cancel, NULL), BR_OK);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_when_asked, &c), 0);
  dbx_file_info info = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_head(client, FILE_PATH, &info, c.cancel, &err), BR_ERR_CANCELLED, &err);
  assert_int_equal(pthread_join(thread, NULL), 0);
  /* A token that was asked already lets nothing begin. */
  assert_status(dbx_files_head(client, FILE_PATH, &info, c.cancel, &err), BR_ERR_CANCELLED, &err);
  assert_int_equal(script_request_count(server), 1);
  br_cancel_free(c.cancel);
  dbx_client_free(client);
  script_stop(server);
}

static void cancelling_ends_a_wait_between_tries(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 429 Busy\r\nRetry-After: 200\r\n"
                                         "Content-Length: 0\r\n\r\n"}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  canceller c = {.server = server};
  assert_int_equal(br_cancel_new(&c.cancel, NULL), BR_OK);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_when_asked, &c), 0);
  dbx_file_info info = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_head(client, FILE_PATH, &info, c.cancel, &err), BR_ERR_CANCELLED, &err);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(script_request_count(server), 1);
  br_cancel_free(c.cancel);
  dbx_client_free(client);
  script_stop(server);
}

static void unix_socket_stands_in_for_the_network(void **state) {
  (void)state;
  char path[64];
  (void)snprintf(path, sizeof path, "/tmp/dbx-test-%ld.sock", (long)getpid());
  const script_step steps[] = {{.reply = head_ok}};
  script_server *server = script_start_unix(path, steps, 1);
  br_secret *token = NULL;
  assert_int_equal(br_secret_new(TEST_TOKEN, &token, NULL), BR_OK);
  dbx_options options = {.host = "sandbox", .unix_path = path, .token = token};
  dbx_client *client = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_client_new(&options, &client, &err), BR_OK, &err);
  assert_status(head(client, &err), BR_OK, &err);
  assert_int_equal(script_request_count(server), 1);
  br_secret_free(token);
  dbx_client_free(client);
  script_stop(server);
  (void)unlink(path);
}

static void proxies_of_the_environment_are_passed_by_on_loopback(void **state) {
  (void)state;
  assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
  const script_step steps[] = {{.reply = head_ok}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_OK, &err);
  dbx_client_free(client);
  script_stop(server);
  (void)unsetenv("http_proxy");
  (void)unsetenv("ALL_PROXY");
}

/* HTTPS through a proxy: the token must not be shown to it, and its refusal is told. */
static void proxy_sees_no_token_and_its_refusal_is_reported(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 407 Proxy Authentication Required\r\n"
                                         "Content-Length: 0\r\n\r\n",
                                .then = SCRIPT_CLOSE}};
  script_server *server = script_start(steps, 1);
  assert_int_equal(setenv("HTTPS_PROXY", script_base(server), 1), 0);
  dbx_client *client = test_client("https://workspace.example.com");
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_NETWORK, &err);
  assert_contains(err.message, "407");
  (void)unsetenv("HTTPS_PROXY");
  assert_int_equal(script_request_count(server), 1);
  const script_request *request = script_request_at(server, 0);
  assert_string_equal(request->method, "CONNECT");
  assert_string_equal(request->target, "workspace.example.com:443");
  assert_lacks(request->head, TEST_TOKEN);
  assert_lacks(request->head, "Authorization");
  dbx_client_free(client);
  script_stop(server);
}

static int no_socket(int domain, int type, int protocol) {
  (void)domain;
  (void)type;
  (void)protocol;
  return -1;
}

static void failing_socket_call_is_a_network_error(void **state) {
  (void)state;
  script_server *server = script_start(NULL, 0);
  dbx_client *client = test_client(script_base(server));
  br_sys.socket = no_socket;
  br_error err = BR_ERROR_INIT;
  assert_status(head(client, &err), BR_ERR_NETWORK, &err);
  br_sys_reset();
  dbx_client_free(client);
  script_stop(server);
}

enum { THREADS = 8, CALLS = 20 };

static script_step always_ok(void *context, const script_request *request, size_t nth) {
  (void)context;
  (void)request;
  (void)nth;
  return (script_step){.reply = head_ok};
}

static void *call_many_times(void *argument) {
  size_t failed = 0;
  for (int i = 0; i < CALLS; i++) {
    br_error err = BR_ERROR_INIT;
    failed += head(argument, &err) != BR_OK;
  }
  return failed == 0 ? argument : NULL;
}

static void many_threads_share_a_client(void **state) {
  (void)state;
  script_server *server = script_start_routed(always_ok, NULL);
  dbx_client *client = test_client(script_base(server));
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, call_many_times, client), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    void *done = NULL;
    assert_int_equal(pthread_join(threads[i], &done), 0);
    assert_ptr_equal(done, client);
  }
  assert_int_equal(script_request_count(server), THREADS * CALLS);
  dbx_client_free(client);
  script_stop(server);
}

static void wrong_options_are_refused(void **state) {
  (void)state;
  br_secret *token = NULL;
  br_secret *broken = NULL;
  assert_int_equal(br_secret_new(TEST_TOKEN, &token, NULL), BR_OK);
  assert_int_equal(br_secret_new("dapi-x\r\nX-Evil: 1", &broken, NULL), BR_OK);
  const dbx_options cases[] = {
      {.token = token},
      {.host = "", .token = token},
      {.host = "http://workspace.example.com", .token = token},
      {.host = "workspace.example.com"},
      {.host = "workspace.example.com", .client_id = "x"},
      {.host = "workspace.example.com", .client_secret = token},
      {.host = "workspace.example.com", .client_id = "a:b", .client_secret = token},
      {.host = "workspace.example.com", .token = broken},
      {.host = "workspace.example.com", .token = token, .warehouse_id = "sql/protocolv1/o/1/2"},
      {.host = "workspace.example.com", .token = token, .warehouse_id = "/sql/1.0/warehouses/"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    dbx_client *client = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_client_new(&cases[i], &client, &err), BR_ERR_USAGE, &err);
    assert_null(client);
    assert_lacks(err.message, "dapi-");
  }
  br_secret_free(token);
  br_secret_free(broken);
}

static void look_ups_encode_names_and_tell_what_is_missing(void **state) {
  (void)state;
  const char *found = script_json(200, NULL, "{\"name\":\"x\"}");
  const char *missing = script_json(
      404, NULL,
      "{\"error_code\":\"CATALOG_DOES_NOT_EXIST\",\"message\":\"Catalog 'a/b' does not exist.\"}");
  const script_step steps[] = {
      {.reply = found}, {.reply = found}, {.reply = found}, {.reply = missing}};
  script_server *server = script_start(steps, 4);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_catalog_exists(client, "000-a b", NULL, &err), BR_OK, &err);
  assert_status(dbx_schema_exists(client, "c", "s?", NULL, &err), BR_OK, &err);
  assert_status(dbx_volume_exists(client, "c", "s", "v", NULL, &err), BR_OK, &err);
  assert_status(dbx_catalog_exists(client, "a/b", NULL, &err), BR_ERR_NOT_FOUND, &err);
  assert_string_equal(err.message, "Catalog a/b: HTTP 404 CATALOG_DOES_NOT_EXIST: Catalog 'a/b' "
                                   "does not exist.");
  static const char *const targets[] = {"catalogs/000-a%20b", "schemas/c.s%3F", "volumes/c.s.v",
                                        "catalogs/a%2Fb"};
  for (size_t i = 0; i < 4; i++) {
    assert_contains(script_request_at(server, i)->target, targets[i]);
  }
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passing_failures_are_tried_again),
      cmocka_unit_test(final_failures_are_not_tried_again),
      cmocka_unit_test(wait_beyond_the_budget_is_not_begun),
      cmocka_unit_test(unknown_host_is_given_up_soon),
      cmocka_unit_test(a_name_without_an_address_is_told_at_each_try),
      cmocka_unit_test(answer_cut_at_any_byte_is_asked_for_again),
      cmocka_unit_test(answers_that_are_no_http_or_no_json_are_refused),
      cmocka_unit_test(endless_headers_hit_the_ceiling),
      cmocka_unit_test(endless_interim_answers_hit_the_ceiling),
      cmocka_unit_test(endless_body_hits_the_ceiling),
      cmocka_unit_test(silence_becomes_a_time_out_and_another_try),
      cmocka_unit_test(lasting_silence_is_reported),
      cmocka_unit_test(cancelling_ends_a_wait_for_an_answer),
      cmocka_unit_test(cancelling_ends_a_wait_between_tries),
      cmocka_unit_test(unix_socket_stands_in_for_the_network),
      cmocka_unit_test(proxies_of_the_environment_are_passed_by_on_loopback),
      cmocka_unit_test(proxy_sees_no_token_and_its_refusal_is_reported),
      cmocka_unit_test(failing_socket_call_is_a_network_error),
      cmocka_unit_test(many_threads_share_a_client),
      cmocka_unit_test(wrong_options_are_refused),
      cmocka_unit_test(look_ups_encode_names_and_tell_what_is_missing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
