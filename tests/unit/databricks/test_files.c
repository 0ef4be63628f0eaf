/* The Files API: what is sent, what comes back, what happens when it doesn't. */
#include <signal.h>
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

/* A body whose bytes tell where they stand. */
static br_status read_pattern(void *context, uint64_t offset, void *bytes, size_t length,
                              br_error *err) {
  (void)context;
  (void)err;
  for (size_t i = 0; i < length; i++) {
    ((unsigned char *)bytes)[i] = (unsigned char)((offset + i) % 251);
  }
  return BR_OK;
}

static void large_upload_is_repeated_whole_after_a_cut(void **state) {
  (void)state;
  enum { SIZE = 3 * 1024 * 1024 + 17 };
  const script_step steps[] = {
      {.then = SCRIPT_CLOSE}, /* all came, no answer */
      {.reply = script_json(500, NULL, "{}"), .then = SCRIPT_CLOSE, .unread = true},
      {.then = SCRIPT_CLOSE, .unread = true}, /* closed in the middle of the body */
      {.reply = "HTTP/1.1 204 No Content\r\n\r\n"},
  };
  script_server *server = script_start(steps, 4);
  dbx_client *client = test_client(script_base(server));
  atomic_store(&client->reached, true);
  const dbx_body body = {.read_at = read_pattern, .size = SIZE};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/big", &body, true, NULL, &err), BR_OK, &err);
  assert_int_equal(script_request_count(server), 4);
  const script_request *last = script_request_at(server, 3);
  assert_int_equal(last->body_length, SIZE);
  assert_true(last->complete);
  for (size_t i = 0; i < SIZE; i++) {
    assert_int_equal(last->body[i], i % 251);
  }
  dbx_client_free(client);
  script_stop(server);
}

static void refusal_before_the_body_was_read_is_reported(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = script_json(403, "Connection: close\r\n",
                            "{\"error_code\":\"PERMISSION_DENIED\",\"message\":\"no WRITE "
                            "VOLUME\"}"),
       .then = SCRIPT_STALL,
       .unread = true}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  const dbx_body body = {.read_at = read_pattern, .size = 16 << 20};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/big", &body, true, NULL, &err), BR_ERR_AUTH, &err);
  assert_contains(err.message, "no WRITE VOLUME");
  assert_contains(err.message, VOLUME "/big");
  assert_int_equal(script_request_count(server), 1);
  dbx_client_free(client);
  script_stop(server);
}

static void empty_file_is_uploaded(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 204 No Content\r\n\r\n"}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  test_body bytes = {.bytes = "", .length = 0};
  dbx_body body = test_body_of(&bytes);
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/empty", &body, true, NULL, &err), BR_OK, &err);
  char text[16];
  assert_true(script_header(script_request_at(server, 0), "Content-Length", text, sizeof text));
  assert_string_equal(text, "0");
  assert_int_equal(bytes.reads, 0);
  dbx_client_free(client);
  script_stop(server);
}

static br_status read_fails(void *context, uint64_t offset, void *bytes, size_t length,
                            br_error *err) {
  (void)context;
  if (offset == 0) {
    memset(bytes, 0, length);
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_IO, "The spool can't be read");
}

static void body_that_can_not_be_read_ends_the_upload_with_its_own_error(void **state) {
  (void)state;
  const script_step steps[] = {{.then = SCRIPT_CLOSE}, {.then = SCRIPT_CLOSE}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  const dbx_body body = {.read_at = read_fails, .size = 8 << 20};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/x", &body, true, NULL, &err), BR_ERR_IO, &err);
  assert_contains(err.message, "The spool can't be read");
  dbx_client_free(client);
  script_stop(server); /* joins all connections: their number is final now */
}

static void file_over_5_gib_is_refused_before_anything_is_sent(void **state) {
  (void)state;
  script_server *server = script_start(NULL, 0);
  dbx_client *client = test_client(script_base(server));
  const dbx_body body = {.read_at = read_pattern, .size = (UINT64_C(5) << 30) + 1};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/x", &body, true, NULL, &err), BR_ERR_LIMIT, &err);
  assert_int_equal(script_request_count(server), 0);
  dbx_client_free(client);
  script_stop(server);
}

static void existing_file_is_kept_and_said_so(void **state) {
  (void)state;
  static const char exists[] =
      "{\"error_code\":\"ALREADY_EXISTS\",\"message\":\"The file being created already exists.\"}";
  const script_step steps[] = {{.reply = script_json(409, NULL, exists)},
                               {.reply = "HTTP/1.1 204 ", .then = SCRIPT_CLOSE},
                               {.reply = script_json(409, NULL, exists)}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  test_body bytes = {.bytes = "x", .length = 1};
  dbx_body body = test_body_of(&bytes);
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/x", &body, false, NULL, &err), BR_ERR_EXISTS, &err);
  assert_lacks(err.message, "earlier try");
  /* After a lost answer the file may be our own. */
  assert_status(dbx_files_put(client, VOLUME "/x", &body, false, NULL, &err), BR_ERR_EXISTS, &err);
  assert_contains(err.message, "earlier try");
  dbx_client_free(client);
  script_stop(server);
}

static void head_without_a_length_is_refused(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = "HTTP/1.1 200 OK\r\nLast-Modified: x\r\n\r\n"},
      {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .then = SCRIPT_CLOSE},
      {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nLast-Modified: yesterday?\r\n\r\n"}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  dbx_file_info info = {0};
  br_error err = BR_ERROR_INIT;
  for (int i = 0; i < 2; i++) {
    assert_status(dbx_files_head(client, VOLUME "/x", &info, NULL, &err), BR_ERR_PROTOCOL, &err);
  }
  assert_status(dbx_files_head(client, VOLUME "/x", &info, NULL, &err), BR_OK, &err);
  assert_int_equal(info.size, 12);
  assert_int_equal(info.modified_ms, 0);
  dbx_file_info_done(&info);
  dbx_client_free(client);
  script_stop(server);
}

/* What a TLS library does where its peer has gone, in the middle of an exchange. */
static br_status read_with_broken_pipe(void *context, uint64_t offset, void *bytes, size_t length,
                                       br_error *err) {
  (void)context;
  (void)offset;
  (void)err;
  memset(bytes, 0, length);
  return raise(SIGPIPE) == 0 ? BR_OK : BR_ERR_INTERNAL;
}

static void broken_pipe_during_an_exchange_is_no_signal_afterwards(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 204 No Content\r\n\r\n"}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  const dbx_body body = {.read_at = read_with_broken_pipe, .size = 10};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/x", &body, true, NULL, &err), BR_OK, &err);
  sigset_t pending;
  sigset_t blocked;
  assert_int_equal(sigpending(&pending), 0);
  assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
  assert_int_equal(sigismember(&pending, SIGPIPE), 0);
  assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
  dbx_client_free(client);
  script_stop(server);
}

static void sign_in_page_is_no_success(void **state) {
  (void)state;
  static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
                             "Content-Length: 6\r\n\r\n<html>";
  const script_step steps[] = {{.reply = page}, {.reply = page}, {.reply = page}, {.reply = page}};
  script_server *server = script_start(steps, 4);
  dbx_client *client = test_client(script_base(server));
  test_body bytes = {.bytes = "x", .length = 1};
  dbx_body body = test_body_of(&bytes);
  char name[16];
  br_buf out;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, VOLUME "/x", &body, true, NULL, &err), BR_ERR_PROTOCOL, &err);
  assert_contains(err.message, "web page");
  assert_status(dbx_files_delete(client, VOLUME "/x", NULL, &err), BR_ERR_PROTOCOL, &err);
  assert_status(dbx_current_user(client, name, sizeof name, NULL, &err), BR_ERR_PROTOCOL, &err);
  /* A file may be a page. */
  assert_status(dbx_files_get(client, VOLUME "/x.html", 100, &out, NULL, &err), BR_OK, &err);
  assert_memory_equal(out.data, "<html>", 6);
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
      cmocka_unit_test(large_upload_is_repeated_whole_after_a_cut),
      cmocka_unit_test(refusal_before_the_body_was_read_is_reported),
      cmocka_unit_test(empty_file_is_uploaded),
      cmocka_unit_test(body_that_can_not_be_read_ends_the_upload_with_its_own_error),
      cmocka_unit_test(file_over_5_gib_is_refused_before_anything_is_sent),
      cmocka_unit_test(existing_file_is_kept_and_said_so),
      cmocka_unit_test(head_without_a_length_is_refused),
      cmocka_unit_test(sign_in_page_is_no_success),
      cmocka_unit_test(broken_pipe_during_an_exchange_is_no_signal_afterwards),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
