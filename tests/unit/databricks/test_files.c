/* The Files API: what is sent, what comes back, what happens when it doesn't. */
#include <string.h>

#include "base/mem.h"
#include "unit/databricks/support.h"

#define VOLUME "/Volumes/main/default/landing"

static void upload_sends_the_bytes_with_token_and_explicit_overwrite(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 204 No Content\r\n\r\n"},
                               {.reply = "HTTP/1.1 204 No Content\r\n\r\n"}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  test_body bytes = {.bytes = "PAR1 bytes", .length = 10};
  dbx_body body = test_body_of(&bytes);
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/a b#ä/x.parquet", &body, true, NULL, &err), BR_OK,
                &err);
  assert_status(dbx_files_put(client, VOLUME "/y", &body, false, NULL, &err), BR_OK, &err);
  assert_int_equal(bytes.last_progress, 10);

  const script_request *request = script_request_at(server, 0);
  assert_string_equal(request->method, "PUT");
  assert_string_equal(request->target,
                      "/api/2.0/fs/files" VOLUME "/a%20b%23%C3%A4/x.parquet?overwrite=true");
  assert_int_equal(request->body_length, 10);
  assert_memory_equal(request->body, "PAR1 bytes", 10);
  char text[256];
  assert_true(script_header(request, "Authorization", text, sizeof text));
  assert_string_equal(text, "Bearer " TEST_TOKEN);
  assert_true(script_header(request, "Content-Type", text, sizeof text));
  assert_string_equal(text, "application/octet-stream");
  assert_true(script_header(request, "User-Agent", text, sizeof text));
  assert_int_equal(strncmp(text, "sql-databricks-bridge/", 22), 0);
  assert_false(script_header(request, "Expect", text, sizeof text));
  assert_false(script_header(request, "Transfer-Encoding", text, sizeof text));
  assert_string_equal(script_request_at(server, 1)->target,
                      "/api/2.0/fs/files" VOLUME "/y?overwrite=false");
  dbx_client_free(client);
  script_stop(server);
}

static void head_tells_size_and_time(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n"
                                         "Last-Modified: Thu, 01 Jan 1970 00:01:40 GMT\r\n\r\n"}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  dbx_file_info info = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_head(client, VOLUME "/dir/x.parquet", &info, NULL, &err), BR_OK, &err);
  assert_true(info.size == 5000000000U);
  assert_int_equal(info.modified_ms, 100000);
  assert_string_equal(info.name, "x.parquet");
  assert_string_equal(info.path, VOLUME "/dir/x.parquet");
  dbx_file_info_done(&info);
  dbx_client_free(client);
  script_stop(server);
}

static void head_of_a_missing_file_is_not_found(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 404 Not Found\r\n\r\n"}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  dbx_file_info info = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_head(client, VOLUME "/x", &info, NULL, &err), BR_ERR_NOT_FOUND, &err);
  assert_int_equal(err.native_code, 404);
  assert_false(err.retriable);
  assert_contains(err.message, VOLUME "/x");
  dbx_client_free(client);
  script_stop(server);
}

static void download_gives_the_bytes_and_keeps_the_ceiling(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"},
                               {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  br_buf out;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_get(client, VOLUME "/x", 4, &out, NULL, &err), BR_OK, &err);
  assert_int_equal(out.len, 4);
  assert_memory_equal(out.data, "abcd", 4);
  br_buf_done(&out);
  assert_status(dbx_files_get(client, VOLUME "/x", 4, &out, NULL, &err), BR_ERR_LIMIT, &err);
  br_buf_done(&out);
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(upload_sends_the_bytes_with_token_and_explicit_overwrite),
      cmocka_unit_test(head_tells_size_and_time),
      cmocka_unit_test(head_of_a_missing_file_is_not_found),
      cmocka_unit_test(download_gives_the_bytes_and_keeps_the_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
