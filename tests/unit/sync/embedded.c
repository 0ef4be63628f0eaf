#include "embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "sync/setup.h"

void embedded_assert_ok(br_status st, const br_error *err) {
  if (st != BR_OK) {
    print_error("%s\n", err->message);
  }
  assert_int_equal(st, BR_OK);
}

void embedded_run(embedded *both, const char *sql, char *ret_first, size_t size) {
  br_error err = BR_ERROR_INIT;
  dbx_result *result = NULL;
  const dbx_statement statement = {.sql = sql};
  embedded_assert_ok(dbx_statement_run(both->client, &statement, NULL, &result, &err), &err);
  if (ret_first != NULL) {
    const char *value = dbx_result_rows(result) == 0 ? NULL : dbx_result_value(result, 0, 0);
    (void)snprintf(ret_first, size, "%s", value == NULL ? "" : value);
  }
  dbx_result_free(result);
}

static void start_servers(embedded *both) {
  br_error err = BR_ERROR_INIT;
  (void)snprintf(both->folder, sizeof both->folder, "/tmp/sync-embedded-XXXXXX");
  assert_non_null(mkdtemp(both->folder));
  const sandbox_options options = {
      .data_folder = both->folder, .sqlserver = true, .databricks = true};
  embedded_assert_ok(sandbox_start(&options, &both->servers, &err), &err);
  embedded_assert_ok(br_secret_new(SANDBOX_PASSWORD, &both->password, &err), &err);
  embedded_assert_ok(br_secret_new(SANDBOX_TOKEN, &both->token, &err), &err);
}

static void connect_both(embedded *both) {
  br_error err = BR_ERROR_INIT;
  both->sqlserver = (tds_options){.host = "sandbox",
                                  .unix_path = sandbox_sqlserver_socket(both->servers),
                                  .username = SANDBOX_USERNAME,
                                  .password = both->password,
                                  .encrypt = TDS_ENCRYPT_OPTIONAL};
  const dbx_options databricks = {.host = "http://localhost",
                                  .unix_path = sandbox_databricks_socket(both->servers),
                                  .token = both->token,
                                  .warehouse_id = SANDBOX_WAREHOUSE,
                                  .catalog = SANDBOX_CATALOG,
                                  .schema = SANDBOX_SCHEMA};
  embedded_assert_ok(dbx_client_new(&databricks, &both->client, &err), &err);
  both->session = (sync_session){.options = &both->sqlserver};
  embedded_assert_ok(sync_session_ensure(&both->session, &err), &err);
}

static void make_tables(embedded *both, const char *events) {
  br_error err = BR_ERROR_INIT;
  sync_setup setup = {.count = 0};
  embedded_assert_ok(sync_setup_plan(events, EMBEDDED_LEDGER, false, &setup, &err), &err);
  for (size_t i = 0; i < setup.count; i++) {
    bool made = false;
    embedded_assert_ok(
        sync_setup_run(&setup.steps[i], both->client, both->session.conn, NULL, &made, &err), &err);
  }
  sync_setup_done(&setup);
}

void embedded_start(embedded *both, const char *events) {
  br_error err = BR_ERROR_INIT;
  *both = (embedded){.servers = NULL};
  start_servers(both);
  connect_both(both);
  make_tables(both, events);
  embedded_assert_ok(sync_ledger_init(&both->ledger, EMBEDDED_LEDGER, &err), &err);
  embedded_assert_ok(sync_queue_open(both->client, events, false, NULL, &both->queue, &err), &err);
}

void embedded_stop(embedded *both) {
  char command[96];
  sync_session_close(&both->session);
  sync_queue_free(both->queue);
  dbx_client_free(both->client);
  sandbox_stop(both->servers);
  br_secret_free(both->password);
  br_secret_free(both->token);
  br_secret_forget_all();
  (void)snprintf(command, sizeof command, "rm -rf '%s'", both->folder);
  assert_int_equal(system(command), 0);
}
