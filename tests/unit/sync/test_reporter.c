/* Statuses on their way: when a write is due, and that the thread makes it by itself, against the
 * embedded servers. */
#include "sync/reporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/sandbox.h"
#include "support/cmocka.h"
#include "sync/setup.h"

#define EVENTS "main.default.events"

/* The promise is two seconds; one is left for the write. */
enum { LATEST_MS = 1000, NOW = 50000 };

static void a_write_is_due_a_second_after_the_oldest_report(void **state) {
  (void)state;
  for (size_t count = 1; count < 100; count++) {
    for (uint64_t age = 0; age < 5000; age += 100) {
      const uint64_t due = sync_reporter_due_ms(count, NOW - age, false, NOW);
      assert_int_equal(due, NOW - age + LATEST_MS);
    }
    assert_true(sync_reporter_due_ms(count, NOW, true, NOW) <= NOW);
  }
  assert_true(sync_reporter_due_ms(100, NOW, false, NOW) <= NOW); /* a whole statement's worth */
  assert_true(sync_reporter_due_ms(5000, NOW, false, NOW) <= NOW);
  assert_true(sync_reporter_due_ms(0, UINT64_MAX, false, NOW) == UINT64_MAX);
  assert_true(sync_reporter_due_ms(0, UINT64_MAX, true, NOW) == UINT64_MAX);
}

static char folder[64];
static sandbox *servers;
static br_secret *password, *token;
static dbx_client *client;
static tds_options sqlserver;
static sync_ledger ledger;
static sync_queue *queue;
static sync_session session;

static void assert_ok(br_status st, const br_error *err) {
  if (st != BR_OK) {
    print_error("%s\n", err->message);
  }
  assert_int_equal(st, BR_OK);
}

static void run_sql(const char *sql, char *ret_first, size_t size) {
  br_error err = BR_ERROR_INIT;
  dbx_result *result = NULL;
  const dbx_statement statement = {.sql = sql};
  assert_ok(dbx_statement_run(client, &statement, NULL, &result, &err), &err);
  if (ret_first != NULL) {
    const char *value = dbx_result_rows(result) == 0 ? "" : dbx_result_value(result, 0, 0);
    (void)snprintf(ret_first, size, "%s", value == NULL ? "" : value);
  }
  dbx_result_free(result);
}

static void make_tables(void) {
  br_error err = BR_ERROR_INIT;
  sync_setup setup = {.count = 0};
  assert_ok(sync_setup_plan(EVENTS, "dbo.bridge_ledger", false, &setup, &err), &err);
  for (size_t i = 0; i < setup.count; i++) {
    bool made = false;
    assert_ok(sync_setup_run(&setup.steps[i], client, session.conn, NULL, &made, &err), &err);
  }
  sync_setup_done(&setup);
  run_sql("INSERT INTO " EVENTS " (event_id, operation, source_table, target_table) VALUES "
          "('e', 'INSERT', 'main.default.s', 'dbo.T')",
          NULL, 0);
}

static int set_up(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  (void)snprintf(folder, sizeof folder, "/tmp/sync-reporter-XXXXXX");
  assert_non_null(mkdtemp(folder));
  const sandbox_options options = {.data_folder = folder, .sqlserver = true, .databricks = true};
  assert_ok(sandbox_start(&options, &servers, &err), &err);
  assert_ok(br_secret_new(SANDBOX_PASSWORD, &password, &err), &err);
  assert_ok(br_secret_new(SANDBOX_TOKEN, &token, &err), &err);
  sqlserver = (tds_options){.host = "sandbox",
                            .unix_path = sandbox_sqlserver_socket(servers),
                            .username = SANDBOX_USERNAME,
                            .password = password,
                            .encrypt = TDS_ENCRYPT_OPTIONAL};
  const dbx_options databricks = {.host = "http://localhost",
                                  .unix_path = sandbox_databricks_socket(servers),
                                  .token = token,
                                  .warehouse_id = SANDBOX_WAREHOUSE,
                                  .catalog = SANDBOX_CATALOG,
                                  .schema = SANDBOX_SCHEMA};
  assert_ok(dbx_client_new(&databricks, &client, &err), &err);
  assert_ok(sync_ledger_init(&ledger, "dbo.bridge_ledger", &err), &err);
  session = (sync_session){.options = &sqlserver};
  assert_ok(sync_session_ensure(&session, &err), &err);
  make_tables();
  assert_ok(sync_queue_open(client, EVENTS, false, NULL, &queue, &err), &err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[96];
  sync_session_close(&session);
  sync_queue_free(queue);
  dbx_client_free(client);
  sandbox_stop(servers);
  br_secret_free(password);
  br_secret_free(token);
  br_secret_forget_all();
  (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void add(sync_reporter *reporter, const char *fingerprint, sync_status status) {
  br_error err = BR_ERROR_INIT;
  sync_report report = {.status = status, .has_rows = status == SYNC_COMPLETED};
  report.rows_affected = 7;
  memcpy(report.fingerprint, fingerprint, sizeof report.fingerprint);
  assert_ok(sync_reporter_add(reporter, &report, NULL, &err), &err);
}

/* Nobody asks for it (a drain would make it due at once). The newest report of a row counts. */
static void a_status_leaves_by_itself(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_reporter *reporter = NULL;
  sync_event_list list = {.count = 0};
  char found[64] = "";
  const sync_reporter_options options = {
      .queue = queue, .ledger = &ledger, .sqlserver = &sqlserver, .blocked_as = "blocked"};
  assert_ok(sync_queue_fetch(queue, 10, NULL, NULL, &list, &err), &err);
  assert_int_equal(list.count, 1);
  assert_ok(sync_reporter_start(&options, &reporter, &err), &err);
  add(reporter, list.items[0]->fingerprint, SYNC_PROCESSING);
  add(reporter, list.items[0]->fingerprint, SYNC_COMPLETED);
  for (int i = 0; i < 600 && strcmp(found, "completed 7") != 0; i++) {
    const struct timespec pause = {.tv_nsec = 100000000};
    (void)nanosleep(&pause, NULL);
    run_sql("SELECT concat(status, ' ', CAST(rows_affected AS STRING)) FROM " EVENTS, found,
            sizeof found);
  }
  assert_string_equal(found, "completed 7");
  sync_reporter_stop(reporter, 1000);
  sync_event_list_done(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_write_is_due_a_second_after_the_oldest_report),
      cmocka_unit_test(a_status_leaves_by_itself),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
