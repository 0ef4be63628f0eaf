/* Folders of volumes. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "unit/databricks/support.h"

#define FOLDER "/Volumes/main/default/landing/out"
#define API    "/api/2.0/fs/directories"

static void pages_are_followed_to_the_empty_token(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = script_json(200, NULL,
                            "{\"contents\":[{\"path\":\"" FOLDER "/a.parquet\",\"name\":"
                            "\"a.parquet\",\"is_directory\":false,\"file_size\":5000000000,"
                            "\"last_modified\":1700000000123}],\"next_page_token\":\"t/1=&\"}")},
      /* a page without entries doesn't end the list */
      {.reply = script_json(200, NULL, "{\"next_page_token\":\"t2\"}")},
      {.reply = script_json(200, NULL,
                            "{\"contents\":[{\"path\":\"" FOLDER "/sub\",\"is_directory\":true},"
                            "{\"path\":\"" FOLDER "/b\",\"is_directory\":false,\"file_size\":"
                            "\"7\"}],\"next_page_token\":\"\"}")},
  };
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  dbx_file_info *infos = NULL;
  size_t count = 0;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_directories_list(client, FOLDER, &infos, &count, NULL, &err), BR_OK, &err);
  assert_int_equal(count, 3);
  assert_string_equal(infos[0].path, FOLDER "/a.parquet");
  assert_true(infos[0].size == 5000000000U);
  assert_true(infos[0].modified_ms == 1700000000123);
  assert_string_equal(infos[1].name, "sub");
  assert_true(infos[1].is_directory);
  assert_int_equal(infos[1].modified_ms, 0);
  assert_int_equal(infos[2].size, 7);
  dbx_file_infos_free(infos, count);
  assert_string_equal(script_request_at(server, 0)->target, API FOLDER);
  assert_string_equal(script_request_at(server, 1)->target, API FOLDER "?page_token=t%2F1%3D%26");
  assert_string_equal(script_request_at(server, 2)->target, API FOLDER "?page_token=t2");
  dbx_client_free(client);
  script_stop(server);
}

static void empty_folder_is_an_empty_list(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = script_json(200, NULL, "{}")}};
  script_server *server = script_start(steps, 1);
  dbx_client *client = test_client(script_base(server));
  dbx_file_info *infos = NULL;
  size_t count = 9;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_directories_list(client, FOLDER, &infos, &count, NULL, &err), BR_OK, &err);
  assert_int_equal(count, 0);
  dbx_file_infos_free(infos, count);
  dbx_client_free(client);
  script_stop(server);
}

static void lists_that_never_end_or_are_broken_are_refused(void **state) {
  (void)state;
  static const char *const seconds[] = {"{\"next_page_token\":\"t\"}",
                                        "[]",
                                        "{\"contents\":[{}]}",
                                        "{\"contents\":[null]}",
                                        "{\"contents\":[{\"path\":\"/x\",\"is_directory\":false}]}",
                                        "{\"contents\":["};
  for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
    const script_step steps[] = {
        {.reply = script_json(200, NULL,
                              "{\"contents\":[{\"path\":\"/x\",\"is_directory\":true}],"
                              "\"next_page_token\":\"t\"}")},
        {.reply = script_json(200, NULL, seconds[i])}};
    script_server *server = script_start(steps, 2);
    dbx_client *client = test_client(script_base(server));
    dbx_file_info *infos = NULL;
    size_t count = 0;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_directories_list(client, FOLDER, &infos, &count, NULL, &err), BR_ERR_PROTOCOL,
                  &err);
    assert_null(infos);
    assert_contains(err.message, FOLDER);
    dbx_client_free(client);
    script_stop(server);
  }
}

static void making_and_deleting(void **state) {
  (void)state;
  const script_step steps[] = {
      {.reply = "HTTP/1.1 204 No Content\r\n\r\n"},
      {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
      {.reply = script_json(400, NULL,
                            "{\"error_code\":\"DIRECTORY_NOT_EMPTY\","
                            "\"message\":\"The directory is not empty.\"}")},
      {.reply = "HTTP/1.1 204 No Content\r\n\r\n"},
  };
  script_server *server = script_start(steps, 4);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_directories_create(client, FOLDER, NULL, &err), BR_OK, &err);
  assert_status(dbx_directories_delete(client, FOLDER, NULL, &err), BR_OK, &err);
  assert_status(dbx_directories_delete(client, FOLDER, NULL, &err), BR_ERR_REMOTE, &err);
  assert_contains(err.message, "DIRECTORY_NOT_EMPTY");
  assert_status(dbx_files_delete(client, FOLDER "/f", NULL, &err), BR_OK, &err);
  static const char *const methods[] = {"PUT", "DELETE", "DELETE", "DELETE"};
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(script_request_at(server, i)->method, methods[i]);
  }
  char text[32];
  assert_string_equal(script_request_at(server, 0)->target, API FOLDER);
  assert_true(script_header(script_request_at(server, 0), "Content-Length", text, sizeof text));
  assert_string_equal(text, "0");
  assert_false(script_header(script_request_at(server, 0), "Content-Type", text, sizeof text));
  assert_false(script_header(script_request_at(server, 1), "Content-Length", text, sizeof text));
  assert_string_equal(script_request_at(server, 3)->target, "/api/2.0/fs/files" FOLDER "/f");
  dbx_client_free(client);
  script_stop(server);
}

static void deletion_whose_answer_was_lost_is_no_failure(void **state) {
  (void)state;
  const char *gone = script_json(404, NULL, "{\"error_code\":\"NOT_FOUND\",\"message\":\"gone\"}");
  const script_step steps[] = {{.reply = gone}, {.then = SCRIPT_CLOSE}, {.reply = gone}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_delete(client, FOLDER "/f", NULL, &err), BR_ERR_NOT_FOUND, &err);
  assert_status(dbx_files_delete(client, FOLDER "/f", NULL, &err), BR_OK, &err);
  assert_int_equal(script_request_count(server), 3);
  dbx_client_free(client);
  script_stop(server);
}

static void paths_outside_of_volumes_are_refused_before_anything_is_sent(void **state) {
  (void)state;
  static const char *const paths[] = {
      "", "/", "/tmp/x", "Volumes/a/b/c/d", "/Volumes/", "/Volumes/../x", "/volumes/a/b/c"};
  script_server *server = script_start(NULL, 0);
  dbx_client *client = test_client(script_base(server));
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_directories_create(client, paths[i], NULL, &err), BR_ERR_USAGE, &err);
    assert_status(dbx_files_delete(client, paths[i], NULL, &err), BR_ERR_USAGE, &err);
  }
  assert_int_equal(script_request_count(server), 0);
  dbx_client_free(client);
  script_stop(server);
}

static void a_folder_is_there_or_not(void **state) {
  (void)state;
  const script_step steps[] = {{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
                               {.reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_directories_head(client, FOLDER, NULL, &err), BR_OK, &err);
  assert_status(dbx_directories_head(client, FOLDER, NULL, &err), BR_ERR_NOT_FOUND, &err);
  assert_string_equal(script_request_at(server, 0)->method, "HEAD");
  assert_string_equal(script_request_at(server, 0)->target, API FOLDER);
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pages_are_followed_to_the_empty_token),
      cmocka_unit_test(empty_folder_is_an_empty_list),
      cmocka_unit_test(a_folder_is_there_or_not),
      cmocka_unit_test(lists_that_never_end_or_are_broken_are_refused),
      cmocka_unit_test(making_and_deleting),
      cmocka_unit_test(deletion_whose_answer_was_lost_is_no_failure),
      cmocka_unit_test(paths_outside_of_volumes_are_refused_before_anything_is_sent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
