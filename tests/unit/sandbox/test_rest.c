#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "base/mem.h"
#include "fake_engine.h"
#include "http/listen.h"
#include "sandbox/rest.h"

static char folder[64], volumes[80], uploads[80], socket_path[80];
static rest_server *server;
static sandbox_faults *faults;
static engine *sql;

typedef struct answer {
  int status;
  char *head, *body; /* inside text */
  size_t body_length;
  char text[6 << 20];
} answer;

static answer *a;

static void start_server(const char *fault_text) {
  rest_options options = {
      .engine = sql, .volumes_folder = volumes, .uploads_folder = uploads, .listen_count = 1};
  assert_int_equal(sandbox_faults_parse(fault_text, &faults, NULL), BR_OK);
  options.faults = faults;
  assert_int_equal(http_listen_unix(socket_path, &options.listen_fds[0], NULL), BR_OK);
  assert_int_equal(rest_server_start(&options, &server, NULL), BR_OK);
}

static void stop_server(void) {
  rest_server_stop(server);
  server = NULL;
  sandbox_faults_free(faults);
  faults = NULL;
  (void)unlink(socket_path);
}

static void send_raw(const char *request, size_t length) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  for (size_t sent = 0; sent < length;) {
    ssize_t n = send(fd, request + sent, length - sent, MSG_NOSIGNAL);
    if (n <= 0) {
      break;
    }
    sent += (size_t)n;
  }
  size_t fill = 0;
  ssize_t got = 0;
  while ((got = recv(fd, a->text + fill, sizeof a->text - 1 - fill, 0)) > 0) {
    fill += (size_t)got;
  }
  (void)close(fd);
  a->text[fill] = '\0';
  a->status = fill > 12 ? atoi(a->text + 9) : 0;
  char *end = strstr(a->text, "\r\n\r\n");
  a->head = a->text;
  a->body = end != NULL ? end + 4 : a->text + fill;
  a->body_length = (size_t)(a->text + fill - a->body);
}

static void ask_with(const char *headers, const char *method, const char *target,
                     const char *body) {
  char *request = br_asprintf("%s %s HTTP/1.1\r\nHost: here:1\r\nConnection: close\r\n%s"
                              "Content-Length: %zu\r\n\r\n%s",
                              method, target, headers, strlen(body), body);
  assert_non_null(request);
  send_raw(request, strlen(request));
  br_free(request);
}

static void ask(const char *method, const char *target, const char *body) {
  ask_with("Authorization: Bearer sandbox-token-1\r\n", method, target, body);
}

static void expect(int status, const char *part) {
  if (a->status != status || strstr(a->body, part) == NULL) {
    fail_msg("expected %d with \"%s\", got:\n%s", status, part, a->text);
  }
}

#define FILES "/api/2.0/fs/files/Volumes/main/default/landing"
#define DIRS  "/api/2.0/fs/directories/Volumes/main/default/landing"

static void files_are_put_read_by_range_and_deleted(void **state) {
  (void)state;
  ask("PUT", FILES "/a%20b.txt?overwrite=true", "0123456789");
  assert_int_equal(a->status, 204);
  ask("GET", FILES "/a%20b.txt", "");
  expect(200, "0123456789");
  assert_non_null(strstr(a->head, "Last-Modified: "));
  ask_with("Authorization: Bearer sandbox-token\r\nRange: bytes=2-4\r\n", "GET", FILES "/a%20b.txt",
           "");
  expect(206, "234");
  assert_int_equal(a->body_length, 3);
  assert_non_null(strstr(a->head, "Content-Range: bytes 2-4/10\r\n"));
  ask_with("Authorization: Bearer sandbox-token\r\nRange: bytes=7-\r\n", "GET", FILES "/a%20b.txt",
           "");
  assert_string_equal(a->body, "789");
  ask_with("Authorization: Bearer sandbox-token\r\nRange: bytes=-2\r\n", "GET", FILES "/a%20b.txt",
           "");
  assert_string_equal(a->body, "89");
  ask_with("Authorization: Bearer sandbox-token\r\nRange: bytes=10-\r\n", "GET", FILES "/a%20b.txt",
           "");
  assert_int_equal(a->status, 416);
  ask("HEAD", FILES "/a%20b.txt", "");
  assert_int_equal(a->status, 200);
  assert_non_null(strstr(a->head, "Content-Length: 10\r\n"));
  assert_int_equal(a->body_length, 0);
  ask("DELETE", FILES "/a%20b.txt", "");
  assert_int_equal(a->status, 204);
  ask("DELETE", FILES "/a%20b.txt", "");
  expect(404, "FILES_API_FILE_NOT_FOUND");
  ask("HEAD", FILES "/a%20b.txt", "");
  assert_int_equal(a->status, 404);
  assert_int_equal(a->body_length, 0);
}

static void overwrite_false_keeps_what_is_there(void **state) {
  (void)state;
  ask("PUT", FILES "/x?overwrite=false", "one");
  assert_int_equal(a->status, 204);
  ask("PUT", FILES "/x?overwrite=false", "two");
  expect(409, "{\"error_code\":\"ALREADY_EXISTS\",\"message\":\"The file being created already "
              "exists.\"");
  ask("GET", FILES "/x", "");
  assert_string_equal(a->body, "one");
  ask("PUT", FILES "/x?overwrite=maybe", "two");
  expect(400, "INVALID_PARAMETER_VALUE");
  ask("PUT", FILES "/x", "three");
  assert_int_equal(a->status, 204);
  ask("GET", FILES "/x", "");
  assert_string_equal(a->body, "three");
}

static void paths_that_leave_the_volume_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
      "/api/2.0/fs/files/Volumes/main/default/../x",
      "/api/2.0/fs/files/Volumes/main/default/landing/../../../../etc/passwd",
      "/api/2.0/fs/files/Volumes/main/default/landing/%2e%2e/x",
      "/api/2.0/fs/files/Volumes/main/default/landing/a%2F..%2Fb",
      "/api/2.0/fs/files/Volumes/main/default/landing//x",
      "/api/2.0/fs/files/etc/passwd",
      "/api/2.0/fs/files/Volumes/main/default",
      "/api/2.0/fs/files/Volumes/main/default/landing/a%0Ab",
      "/api/2.0/fs/files/Volumes/main/default/landing/%FF",
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ask("GET", bad[i], "");
    expect(400, "INVALID_PARAMETER_VALUE");
    ask("PUT", bad[i], "x");
    expect(400, "INVALID_PARAMETER_VALUE");
  }
  ask("GET", "/api/2.0/fs/files/Volumes/main/default/nothing/x", "");
  expect(404, "Volume 'main.default.nothing' does not exist.");
  expect(404, "FILES_API_RESOURCE_NOT_FOUND");
}

static void folders_are_made_listed_by_pages_and_removed_when_empty(void **state) {
  (void)state;
  ask("PUT", FILES "/d/e/f", "x");
  expect(404, "FILES_API_DIRECTORY_NOT_FOUND");
  ask("PUT", DIRS "/d/e", "");
  assert_int_equal(a->status, 204);
  ask("PUT", DIRS "/d/e", "");
  assert_int_equal(a->status, 204);
  ask("HEAD", DIRS "/d/e", "");
  assert_int_equal(a->status, 200);
  ask("GET", DIRS "/d/e", "");
  assert_string_equal(a->body, "{}");
  for (int i = 0; i < 5; i++) {
    char target[128];
    (void)snprintf(target, sizeof target, FILES "/d/e/f%d", i);
    ask("PUT", target, "abc");
    assert_int_equal(a->status, 204);
  }
  ask("DELETE", DIRS "/d/e", "");
  expect(400, "FILES_API_DIRECTORY_IS_NOT_EMPTY");
  ask("GET", DIRS "/d/e?page_size=2", "");
  expect(200, "\"next_page_token\":\"f1\"");
  expect(200, "{\"path\":\"/Volumes/main/default/landing/d/e/f0\",\"is_directory\":false,"
              "\"name\":\"f0\",\"last_modified\":");
  expect(200, "\"file_size\":3");
  ask("GET", DIRS "/d/e?page_size=2&page_token=f3", "");
  expect(200, "f4");
  assert_null(strstr(a->body, "next_page_token"));
  ask("GET", DIRS "/d", "");
  expect(200, "\"is_directory\":true");
  ask("GET", DIRS "/none", "");
  expect(404, "FILES_API_DIRECTORY_NOT_FOUND");
  ask("PUT", DIRS "/d/e/f0/g", "");
  assert_int_equal(a->status, 409);
}

static size_t entries(const char *path) {
  char **names = NULL;
  size_t count = 0;
  assert_int_equal(br_dir_list(path, &names, &count, NULL), BR_OK);
  br_names_free(names, count);
  return count;
}

static void an_upload_that_breaks_off_leaves_nothing(void **state) {
  (void)state;
  const char *request =
      "PUT " FILES "/cut HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n"
      "Content-Length: 100\r\n\r\nonly this";
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
  (void)close(fd);
  rest_server_stop(server);
  server = NULL;
  assert_int_equal(entries(uploads), 0);
  char path[160];
  (void)snprintf(path, sizeof path, "%s/main/default/landing/cut", volumes);
  assert_int_not_equal(access(path, F_OK), 0);
}

static void tokens_are_asked_for_and_checked(void **state) {
  (void)state;
  ask_with("", "GET", DIRS, "");
  expect(401, "{\"error_code\":401,\"message\":\"Credential was not sent or was of an unsupported "
              "type for this API.\"}");
  ask_with("Authorization: Bearer wrong\r\n", "GET", DIRS, "");
  expect(403, "{\"error_code\":403,\"message\":\"Invalid access token.\"}");
  ask_with("Authorization: Bearer wrong\r\n", "PUT", FILES "/x", "abc");
  assert_int_equal(a->status, 403);
  ask("GET", "/api/2.0/nothing", "");
  expect(404, "No API found for 'GET /api/2.0/nothing'");
  ask_with("", "GET", "/.well-known/databricks-config", "");
  expect(200, "\"oidc_endpoint\":\"http://here:1/oidc\"");
  ask_with("", "GET", "/oidc/.well-known/oauth-authorization-server", "");
  expect(200, "\"token_endpoint\":\"http://here:1/oidc/v1/token\"");
  ask_with("Authorization: Basic aWQ6c2FuZGJveC10b2tlbg==\r\n", "POST", "/oidc/v1/token",
           "grant_type=client_credentials&scope=all-apis");
  expect(200, "\"access_token\":\"sandbox-token-");
  ask_with("Authorization: Basic aWQ6d3Jvbmc=\r\n", "POST", "/oidc/v1/token",
           "grant_type=client_credentials");
  expect(401, "invalid_client");
  ask("GET", "/api/2.0/preview/scim/v2/Me", "");
  expect(200, "\"userName\":");
}

static json_t *statement(const char *sql_text, const char *more) {
  char body[512];
  (void)snprintf(body, sizeof body, "{\"statement\":\"%s\",\"warehouse_id\":\"sandbox\"%s}",
                 sql_text, more);
  ask("POST", "/api/2.0/sql/statements/", body);
  assert_int_equal(a->status, 200);
  json_t *json = json_loads(a->body, 0, NULL);
  assert_non_null(json);
  return json;
}

static const char *at(const json_t *json, const char *name, const char *inner) {
  return json_string_value(json_object_get(json_object_get(json, name), inner));
}

static void statements_answer_in_the_recorded_shape(void **state) {
  (void)state;
  json_t *json = statement("rows 3", "");
  assert_string_equal(at(json, "status", "state"), "SUCCEEDED");
  json_decref(json);
  expect(200, "\"manifest\":{\"format\":\"JSON_ARRAY\",\"schema\":{\"column_count\":2,\"columns\":"
              "[{\"name\":\"id\",\"type_text\":\"INT\",\"type_name\":\"INT\",\"position\":0},"
              "{\"name\":\"text\",\"type_text\":\"STRING\",\"type_name\":\"STRING\",\"position\":1}"
              "]},\"total_chunk_count\":1,\"total_row_count\":3,\"truncated\":false,\"chunks\":"
              "[{\"chunk_index\":0,\"row_offset\":0,\"row_count\":3}]},\"result\":{\"chunk_index\":"
              "0,\"row_offset\":0,\"row_count\":3,\"data_array\":[[\"0\",\"row 0\"],[\"1\",\"row "
              "1\"],[\"2\",null]]}}");
  json = statement("rows 0", "");
  json_decref(json);
  expect(200, "\"total_chunk_count\":0,\"total_row_count\":0,\"truncated\":false},\"result\":{}}");
}

static void results_without_columns_have_no_list_of_them(void **state) {
  (void)state;
  json_decref(statement("use x", ""));
  expect(200, "\"schema\":{\"column_count\":0},\"total_chunk_count\":0,\"total_row_count\":0,"
              "\"truncated\":false},\"result\":{}}");
  json_decref(statement("count 7", ""));
  expect(200, "\"data_array\":[[\"7\",\"7\"]]");
  expect(200, "\"num_affected_rows\",\"type_text\":\"BIGINT\",\"type_name\":\"LONG\"");
}

static void cells_are_written_as_a_workspace_does(void **state) {
  (void)state;
  json_t *json = statement("wide", "");
  json_t *row = json_array_get(json_object_get(json_object_get(json, "result"), "data_array"), 0);
  static const char *const expected[] = {"true",           "-2",         "3",
                                         "-4000000000",    "123.4567",   "1.5",
                                         "1.0E100",        "2013-01-01", "2013-01-01T05:00:00.123",
                                         "a\"b\n\xC3\xB1", "Af8="};
  assert_int_equal(json_array_size(row), sizeof expected / sizeof expected[0]);
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    assert_string_equal(json_string_value(json_array_get(row, i)), expected[i]);
  }
  json_decref(json);
  expect(200, "\"type_text\":\"DECIMAL(20,4)\",\"type_name\":\"DECIMAL\",\"position\":4,"
              "\"type_precision\":20,\"type_scale\":4");
}

static void failures_are_states_not_http_errors(void **state) {
  (void)state;
  json_t *json = statement("fail", "");
  assert_string_equal(at(json, "status", "state"), "FAILED");
  assert_string_equal(at(json, "status", "sql_state"), "42P01");
  json_decref(json);
  expect(200, "\"error_code\":\"BAD_REQUEST\",\"message\":\"[TABLE_OR_VIEW_NOT_FOUND] Invalid "
              "object name 'fail'. SQLSTATE: 42P01\"");
  json_decref(statement("fail worded", ""));
  expect(200, "\"message\":\"[TABLE_OR_VIEW_NOT_FOUND] Gone. SQLSTATE: 42P01\"");
  json_decref(statement("rows 1", ",\"catalog\":\"nowhere\""));
  expect(200, "[SCHEMA_NOT_FOUND]");
}

static void bad_requests_are_told_why(void **state) {
  (void)state;
  static const char *const bodies[] = {
      "{\"warehouse_id\":\"sandbox\"}",
      "{\"statement\":\"x\"}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"wait_timeout\":\"3s\"}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"wait_timeout\":\"51s\"}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"format\":\"ARROW_STREAM\"}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"disposition\":\"SOMEHOW\"}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"parameters\":[{\"value\":\"1\"}]}",
      ("{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"parameters\":[{\"name\":\"a\","
       "\"value\":"
       "1}]}"),
      ("{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"parameters\":[{\"name\":\"a\",\"type\":"
       "\"ARRAY<INT>\"}]}"),
  };
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    ask("POST", "/api/2.0/sql/statements", bodies[i]);
    expect(400, "INVALID_PARAMETER_VALUE");
  }
  ask("POST", "/api/2.0/sql/statements", "{");
  expect(400, "MALFORMED_REQUEST");
  ask("POST", "/api/2.0/sql/statements", "{\"statement\":\"x\",\"warehouse_id\":\"other\"}");
  expect(404, "SQL warehouse other does not exist");
  ask("GET", "/api/2.0/sql/statements/1234", "");
  expect(404, "NOT_FOUND");
}

static void parameters_reach_the_engine(void **state) {
  (void)state;
  json_decref(statement("param", ",\"parameters\":[{\"name\":\"x\",\"type\":\"INT\",\"value\":"
                                 "\"42\"}]"));
  expect(200, "x=42");
  json_decref(statement("param", ",\"parameters\":[{\"name\":\"x\"}]"));
  expect(200, "x=NULL");
}

static void a_running_statement_is_polled_and_cancelled(void **state) {
  (void)state;
  json_t *json = statement("wait", ",\"wait_timeout\":\"0s\"");
  const char *id = json_string_value(json_object_get(json, "statement_id"));
  char target[160];
  assert_null(json_object_get(json, "manifest"));
  (void)snprintf(target, sizeof target, "/api/2.0/sql/statements/%s/result/chunks/0", id);
  ask("GET", target, "");
  expect(404, "was not found");
  (void)snprintf(target, sizeof target, "/api/2.0/sql/statements/%s/cancel", id);
  ask("POST", target, "{}");
  expect(200, "{}");
  (void)snprintf(target, sizeof target, "/api/2.0/sql/statements/%s", id);
  do {
    ask("GET", target, "");
    assert_int_equal(a->status, 200);
  } while (strstr(a->body, "\"state\":\"RUNNING\"") != NULL ||
           strstr(a->body, "\"state\":\"PENDING\"") != NULL);
  expect(200, "\"state\":\"CANCELED\"");
  ask("DELETE", target, "");
  expect(200, "{}");
  json_decref(json);
}

static void big_results_come_in_chunks(void **state) {
  (void)state;
  json_t *json = statement("rows 400000", ",\"wait_timeout\":\"50s\"");
  json_t *chunks = json_object_get(json_object_get(json, "manifest"), "chunks");
  assert_true(json_array_size(chunks) > 1);
  json_int_t rows = 0;
  char target[256];
  for (size_t i = 0; i < json_array_size(chunks); i++) {
    (void)snprintf(target, sizeof target, "/api/2.0/sql/statements/%s/result/chunks/%zu",
                   json_string_value(json_object_get(json, "statement_id")), i);
    ask("GET", target, "");
    json_t *chunk = json_loads(a->body, 0, NULL);
    assert_non_null(chunk);
    assert_int_equal(json_integer_value(json_object_get(chunk, "row_offset")), rows);
    rows += (json_int_t)json_array_size(json_object_get(chunk, "data_array"));
    const json_t *next = json_object_get(chunk, "next_chunk_index");
    assert_int_equal(next != NULL, i + 1 < json_array_size(chunks));
    json_decref(chunk);
  }
  assert_int_equal(rows, 400000);
  json_decref(json);
}

static void external_links_need_a_signature_and_no_token(void **state) {
  (void)state;
  json_t *json = statement("rows 2", ",\"disposition\":\"EXTERNAL_LINKS\"");
  json_t *link =
      json_array_get(json_object_get(json_object_get(json, "result"), "external_links"), 0);
  const char *url = json_string_value(json_object_get(link, "external_link"));
  assert_non_null(url);
  assert_memory_equal(url, "http://here:1/storage/results/", 30);
  char target[512];
  (void)snprintf(target, sizeof target, "%s", url + strlen("http://here:1"));
  ask_with("", "GET", target, "");
  expect(200, "[[\"0\",\"row 0\"],[\"1\",\"row 1\"]]");
  ask("GET", target, "");
  expect(400, "<Code>InvalidArgument</Code>");
  target[strlen(target) - 1] ^= 1;
  ask_with("", "GET", target, "");
  expect(403, "SignatureDoesNotMatch");
  json_decref(json);
}

static void limits_truncate_and_say_so(void **state) {
  (void)state;
  json_decref(statement("rows 10", ",\"row_limit\":4"));
  expect(200, "\"total_row_count\":4,\"truncated\":true");
  json_decref(statement("rows 4", ",\"row_limit\":\"4\""));
  expect(200, "\"total_row_count\":4,\"truncated\":false");
}

static void an_upload_in_parts_is_joined_in_order(void **state) {
  (void)state;
  ask("POST", FILES "/parts?action=initiate-upload&overwrite=true", "");
  assert_int_equal(a->status, 200);
  json_t *json = json_loads(a->body, 0, NULL);
  const char *token = at(json, "multipart_upload", "session_token");
  char session[64], body[512], target[2][512];
  (void)snprintf(session, sizeof session, "%s", token);
  json_decref(json);
  (void)snprintf(body, sizeof body,
                 "{\"path\":\"/Volumes/main/default/landing/parts\",\"session_token\":\"%s\","
                 "\"start_part_number\":1,\"count\":2,\"expire_time\":\"2999-01-01T00:00:00Z\"}",
                 session);
  ask("POST", "/api/2.0/fs/create-upload-part-urls", body);
  json = json_loads(a->body, 0, NULL);
  for (size_t i = 0; i < 2; i++) {
    const json_t *url = json_array_get(json_object_get(json, "upload_part_urls"), i);
    (void)snprintf(target[i], sizeof target[i], "%s",
                   json_string_value(json_object_get(url, "url")) + strlen("http://here:1"));
  }
  json_decref(json);
  ask_with("", "PUT", target[1], "world");
  assert_int_equal(a->status, 200);
  assert_non_null(strstr(a->head, "ETag: \"2-5\"\r\n"));
  ask_with("", "PUT", target[0], "hello ");
  assert_int_equal(a->status, 200);
  char complete[256];
  (void)snprintf(complete, sizeof complete,
                 FILES "/parts?action=complete-upload&upload_type=multipart&session_token=%s",
                 session);
  ask("POST", complete, "{\"parts\":[{\"part_number\":1,\"etag\":\"\\\"1-9\\\"\"}]}");
  assert_int_equal(a->status, 400);
  ask("POST", complete,
      "{\"parts\":[{\"part_number\":1,\"etag\":\"\\\"1-6\\\"\"},{\"part_number\":2,\"etag\":"
      "\"\\\"2-5\\\"\"}]}");
  assert_int_equal(a->status, 200);
  ask("GET", FILES "/parts", "");
  assert_string_equal(a->body, "hello world");
  assert_int_equal(entries(uploads), 0);
}

static void faults_strike_as_told(void **state) {
  (void)state;
  stop_server();
  start_server("rest.status=429,retry_after=3,times=1,match=/fs/files,method=GET; "
               "rest.status=503,times=1,match=/scim; rest.hang_up,times=1,match=/warehouses;"
               "rest.cut_reply=2,match=/fs/directories; rest.cut_upload=3,match=/cut;"
               "rest.lose_reply,match=/lost");
  ask("PUT", FILES "/x", "abc");
  assert_int_equal(a->status, 204);
  ask("GET", FILES "/x", "");
  expect(429, "REQUEST_LIMIT_EXCEEDED");
  assert_non_null(strstr(a->head, "Retry-After: 3\r\n"));
  ask("GET", FILES "/x", "");
  assert_int_equal(a->status, 200);
  ask("GET", "/api/2.0/preview/scim/v2/Me", "");
  expect(503, "TEMPORARILY_UNAVAILABLE");
  ask("GET", "/api/2.0/sql/warehouses", "");
  assert_string_equal(a->text, "");
  ask("GET", "/api/2.0/sql/warehouses", "");
  expect(200, "\"state\":\"RUNNING\"");
  ask("GET", DIRS, "");
  assert_int_equal(a->status, 200);
  assert_string_equal(a->body, "{\"");
  ask("PUT", FILES "/cut", "abcdef");
  assert_string_equal(a->text, "");
  ask("PUT", FILES "/lost", "abc");
  assert_string_equal(a->text, "");
  char path[160];
  (void)snprintf(path, sizeof path, "%s/main/default/landing/lost", volumes);
  assert_int_equal(access(path, F_OK), 0);
}

/* A cut or changed body is refused or runs: it never breaks the server. */
static void hostile_bodies_are_refused(void **state) {
  (void)state;
  static const char body[] =
      "{\"statement\":\"rows 1\",\"warehouse_id\":\"sandbox\",\"wait_timeout\":\"5s\","
      "\"row_limit\":3,\"parameters\":[{\"name\":\"a\",\"type\":\"DECIMAL(3,1)\",\"value\":null}]}";
  char changed[sizeof body];
  for (size_t length = 1; length + 1 < sizeof body; length++) {
    memcpy(changed, body, length);
    changed[length] = '\0';
    ask("POST", "/api/2.0/sql/statements", changed);
    expect(400, "MALFORMED_REQUEST");
  }
  static const char *const others[] = {
      "[]",
      "7",
      "null",
      "{\"statement\":7,\"warehouse_id\":[]}",
      "{\"a\":1,\"a\":2}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"parameters\":[7,null,[]]}",
      "{\"statement\":\"x\\u0000y\",\"warehouse_id\":\"sandbox\\u0000\",\"wait_timeout\":7}",
      "{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"wait_timeout\":\"99999999999s\"}",
      ("{\"statement\":\"x\",\"warehouse_id\":\"sandbox\",\"parameters\":[{\"name\":\"a\",\"type\":"
       "\"DECIMAL(99,1)\"}]}"),
      "\xFF\xFE"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    ask("POST", "/api/2.0/sql/statements", others[i]);
    assert_true(a->status == 400 || a->status == 200);
  }
  ask("POST", "/api/2.0/sql/statements", body);
  assert_int_equal(a->status, 200);
}

static void failing_allocations_end_a_request_at_most(void **state) {
  (void)state;
  for (long n = 0; n < 60; n++) {
    static const char post[] =
        "POST /api/2.0/sql/statements HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: "
        "Bearer sandbox-token\r\nContent-Length: 47\r\n\r\n"
        "{\"statement\":\"rows 5\",\"warehouse_id\":\"sandbox\"}";
    static const char put[] = "PUT " FILES "/t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                              "Authorization: Bearer sandbox-token\r\nContent-Length: 3\r\n\r\nabc";
    static const char get[] = "GET " DIRS " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                              "Authorization: Bearer sandbox-token\r\n\r\n";
    static const char *const requests[] = {post, put, get};
    for (size_t i = 0; i < 3; i++) {
      br_mem_fail_after(n);
      send_raw(requests[i], strlen(requests[i]));
      br_mem_fail_after(-1);
    }
  }
  ask("GET", "/api/2.0/sql/warehouses", "");
  assert_int_equal(a->status, 200);
}

static void remove_all(const char *path) {
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
  assert_int_equal(system(command), 0);
}

static int set_up(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/rest-test-XXXXXX");
  assert_non_null(mkdtemp(folder));
  (void)snprintf(volumes, sizeof volumes, "%s/v", folder);
  (void)snprintf(uploads, sizeof uploads, "%s/u", folder);
  (void)snprintf(socket_path, sizeof socket_path, "%s/s.sock", folder);
  char landing[160];
  (void)snprintf(landing, sizeof landing, "%s/main/default/landing", volumes);
  assert_int_equal(br_dir_make(landing, 0700, NULL), BR_OK);
  assert_int_equal(br_dir_make(uploads, 0700, NULL), BR_OK);
  a = malloc(sizeof *a);
  sql = fake_engine_make();
  start_server(NULL);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  stop_server();
  engine_close(sql);
  free(a);
  remove_all(folder);
  return 0;
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SERVER(files_are_put_read_by_range_and_deleted),
      WITH_SERVER(overwrite_false_keeps_what_is_there),
      WITH_SERVER(paths_that_leave_the_volume_are_refused),
      WITH_SERVER(folders_are_made_listed_by_pages_and_removed_when_empty),
      WITH_SERVER(an_upload_that_breaks_off_leaves_nothing),
      WITH_SERVER(tokens_are_asked_for_and_checked),
      WITH_SERVER(statements_answer_in_the_recorded_shape),
      WITH_SERVER(results_without_columns_have_no_list_of_them),
      WITH_SERVER(cells_are_written_as_a_workspace_does),
      WITH_SERVER(failures_are_states_not_http_errors),
      WITH_SERVER(bad_requests_are_told_why),
      WITH_SERVER(parameters_reach_the_engine),
      WITH_SERVER(a_running_statement_is_polled_and_cancelled),
      WITH_SERVER(big_results_come_in_chunks),
      WITH_SERVER(external_links_need_a_signature_and_no_token),
      WITH_SERVER(limits_truncate_and_say_so),
      WITH_SERVER(an_upload_in_parts_is_joined_in_order),
      WITH_SERVER(faults_strike_as_told),
      WITH_SERVER(hostile_bodies_are_refused),
      WITH_SERVER(failing_allocations_end_a_request_at_most),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
