/*
 * Every operation again and again, each time with another allocation failing (the program's own,
 * jansson's and libcurl's: all go through base/mem.h). What comes back is the right answer or an
 * error, never a wrong answer, and nothing leaks.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "unit/databricks/link_world.h"

#define PATH       "/Volumes/main/default/landing/x"
#define ID         "01f00000-0000-1000-8000-000000000001"
#define STATEMENTS "/api/2.0/sql/statements"

static script_step answer(void *context, const script_request *request, size_t nth) {
  (void)nth;
  static char document[256];
  const char *target = request->target;
  const char *body = "{\"userName\":\"ana\",\"state\":\"RUNNING\"}";
  if (strcmp(target, "/oidc/v1/token") == 0) {
    body = "{\"access_token\":\"issued\",\"expires_in\":3600}";
  } else if (strstr(target, ".well-known") != NULL) {
    (void)snprintf(document, sizeof document,
                   "{\"oidc_endpoint\":\"%s/oidc\",\"token_endpoint\":\"%s/oidc/v1/token\"}",
                   (const char *)context, (const char *)context);
    body = document;
  } else if (strcmp(target, STATEMENTS) == 0) {
    body = "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"RUNNING\"}}";
  } else if (strcmp(target, STATEMENTS "/" ID) == 0) {
    body = "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{"
           "\"schema\":{\"column_count\":1,\"columns\":[{\"name\":\"a\",\"type_text\":\"INT\"}]},"
           "\"total_row_count\":2},"
           "\"result\":{\"data_array\":[[\"1\"]],\"next_chunk_index\":1}}";
  } else if (strcmp(target, STATEMENTS "/" ID "/result/chunks/1") == 0) {
    body = "{\"data_array\":[[\"2\"]],\"chunk_index\":1}";
  } else if (strncmp(target, "/api/2.0/fs/directories", 23) == 0) {
    body =
        strstr(target, "page_token") != NULL
            ? "{\"contents\":[{\"path\":\"/b\",\"is_directory\":true}]}"
            : "{\"contents\":[{\"path\":\"/a\",\"is_directory\":true}],\"next_page_token\":\"t\"}";
  }
  return (script_step){.reply = script_json(200, NULL, body)};
}

typedef br_status (*operation)(dbx_client *client, br_error *err);

static br_status run_statement(dbx_client *client, br_error *err) {
  const dbx_parameter parameter = {.name = "p", .value = "v", .type = "STRING"};
  const dbx_statement statement = {
      .sql = "SELECT :p", .parameters = &parameter, .parameter_count = 1};
  dbx_result *result = NULL;
  br_status st = dbx_statement_run(client, &statement, NULL, &result, err);
  if (st == BR_OK) {
    assert_int_equal(dbx_result_rows(result), 2);
    assert_string_equal(dbx_result_value(result, 0, 0), "1");
    assert_string_equal(dbx_result_value(result, 1, 0), "2");
    dbx_result_free(result);
  }
  return st;
}

static br_status run_rows(dbx_client *client, br_error *err) {
  const dbx_rows_options options = {.from = "t", .where = "a > 0", .way = DBX_ROWS_INLINE};
  dbx_rows *rows = NULL;
  batch *b = NULL;
  br_status st = dbx_rows_open(client, &options, NULL, &rows, err);
  if (st == BR_OK) {
    st = batch_new(dbx_rows_schema(rows), 4, &b, err);
  }
  if (st == BR_OK) {
    st = dbx_rows_next(rows, b, 0, err);
  }
  if (st == BR_OK) {
    assert_int_equal(b->rows, 2);
    assert_int_equal(((const int32_t *)b->columns[0].values)[1], 2);
  }
  batch_free(b);
  dbx_rows_close(rows);
  return st;
}

/* A table through links, in three chunks. */
static br_status run_links(dbx_client *client, br_error *err) {
  size_t rows = 0;
  br_status st = world_read(client, 5, &rows, err);
  if (st == BR_DONE) {
    assert_int_equal(rows, WORLD_ROWS);
  }
  return st == BR_DONE ? BR_OK : st;
}

static br_status run_list(dbx_client *client, br_error *err) {
  dbx_file_info *infos = NULL;
  size_t count = 0;
  br_status st = dbx_directories_list(client, PATH, &infos, &count, NULL, err);
  if (st == BR_OK) {
    assert_int_equal(count, 2);
    assert_string_equal(infos[0].name, "a");
    assert_string_equal(infos[1].name, "b");
    dbx_file_infos_free(infos, count);
  }
  return st;
}

static br_status run_put(dbx_client *client, br_error *err) {
  test_body bytes = {.bytes = "some bytes", .length = 10};
  dbx_body body = test_body_of(&bytes);
  return dbx_files_put(client, PATH, &body, true, NULL, err);
}

static br_status run_get(dbx_client *client, br_error *err) {
  br_buf out;
  br_status st = dbx_files_get(client, PATH, 4096, &out, NULL, err);
  if (st == BR_OK) {
    assert_memory_equal(out.data, "{\"userName\"", 11);
  }
  br_buf_done(&out);
  return st;
}

static br_status run_head(dbx_client *client, br_error *err) {
  dbx_file_info info = {0};
  br_status st = dbx_files_head(client, PATH, &info, NULL, err);
  if (st == BR_OK) {
    assert_string_equal(info.path, PATH);
    dbx_file_info_done(&info);
  }
  return st;
}

static br_status run_user(dbx_client *client, br_error *err) {
  char name[16] = "";
  br_status st = dbx_current_user(client, name, sizeof name, NULL, err);
  if (st == BR_OK) {
    assert_string_equal(name, "ana");
  }
  return st;
}

/* Client, operation, end, with the allocation after `countdown` others failing. */
static br_status run_once(const char *host, operation op, bool oauth, long countdown,
                          br_error *err) {
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("torture-secret", &secret, NULL), BR_OK);
  dbx_options options = {.host = host, .warehouse_id = "w", .catalog = "c", .random_seed = 1};
  options.token = oauth ? NULL : secret;
  options.client_id = oauth ? "id" : NULL;
  options.client_secret = oauth ? secret : NULL;
  dbx_client *client = NULL;
  br_mem_fail_after(countdown);
  br_status st = dbx_client_new(&options, &client, err);
  if (st == BR_OK) {
    client->retry.first_backoff_ms = 0;
    client->retry.longest_backoff_ms = 0;
    client->poll_first_ms = 0;
    st = op(client, err);
  }
  br_mem_fail_after(-1);
  dbx_client_free(client);
  br_secret_free(secret);
  return st;
}

static void torture_at(const char *base, operation op, bool oauth) {
  br_error err = BR_ERROR_INIT;
  br_secret_forget_all();
  /* The first run also pays for what libraries allocate once. */
  assert_status(run_once(base, op, oauth, -1, &err), BR_OK, &err);
  long out_of_memory = 0;
  long rounds = 0;
  /* The countdown outlives the whole run when so many in a row were good: one missing allocation
   * that does no harm doesn't end the test. */
  enum { GOOD_IN_A_ROW = 100 };
  for (long good = 0; good < GOOD_IN_A_ROW; rounds++) {
    br_secret_forget_all();
    br_error_clear(&err);
    br_status st = run_once(base, op, oauth, rounds, &err);
    good = st == BR_OK ? good + 1 : 0;
    out_of_memory += st == BR_ERR_NOMEM;
    if (st != BR_OK) {
      assert_int_equal(err.status, st);
      assert_true(err.message[0] != '\0');
    }
  }
  print_message("%ld rounds, %ld out of memory\n", rounds, out_of_memory);
  assert_true(rounds > GOOD_IN_A_ROW + 50);
  assert_true(out_of_memory > 20);
  br_secret_forget_all();
}

static void torture(operation op, bool oauth) {
  char base[64];
  script_server *server = script_start_routed(answer, base);
  (void)snprintf(base, sizeof base, "%s", script_base(server));
  torture_at(base, op, oauth);
  script_stop(server);
}

static void statement(void **state) {
  (void)state;
  torture(run_statement, false);
}

static void inline_rows(void **state) {
  (void)state;
  torture(run_rows, false);
}

static void rows_behind_links(void **state) {
  (void)state;
  world w = {.links_together = true};
  world_start(&w);
  torture_at(script_base(w.server), run_links, false);
  world_stop(&w);
}

static void list(void **state) {
  (void)state;
  torture(run_list, false);
}

static void upload(void **state) {
  (void)state;
  torture(run_put, false);
}

static void download(void **state) {
  (void)state;
  torture(run_get, false);
}

static void head(void **state) {
  (void)state;
  torture(run_head, false);
}

static void user_with_oauth(void **state) {
  (void)state;
  torture(run_user, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statement),
      cmocka_unit_test(inline_rows),
      cmocka_unit_test(rows_behind_links),
      cmocka_unit_test(list),
      cmocka_unit_test(upload),
      cmocka_unit_test(download),
      cmocka_unit_test(head),
      cmocka_unit_test(user_with_oauth),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
