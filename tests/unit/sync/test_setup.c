/* What `init` would run, statement by statement; and what it says where a right is missing. */
#include "sync/setup.h"

#include <string.h>

#include "canned.h"
#include "support/torture.h"
#include "unit/databricks/support.h"

static void the_plan_makes_catalog_schema_tables_and_ledger(void **state) {
  (void)state;
  sync_setup setup;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(
      sync_setup_plan("`000-x`.events.bridge_events", "dbo.bridge_ledger", true, &setup, &err),
      BR_OK);
  assert_int_equal(setup.count, 5);
  assert_string_equal(setup.steps[0].sql, "CREATE CATALOG IF NOT EXISTS `000-x`");
  assert_string_equal(setup.steps[1].sql, "CREATE SCHEMA IF NOT EXISTS `000-x`.`events`");
  assert_true(setup.steps[0].may_fail && setup.steps[1].may_fail);
  assert_non_null(
      strstr(setup.steps[2].sql, "CREATE TABLE IF NOT EXISTS `000-x`.`events`.`bridge_events`"));
  assert_non_null(strstr(setup.steps[2].sql, "status STRING DEFAULT 'pending'"));
  assert_non_null(strstr(setup.steps[2].sql, "created_at TIMESTAMP DEFAULT current_timestamp()"));
  const char *properties = strstr(setup.steps[2].sql, ") USING DELTA TBLPROPERTIES (");
  assert_non_null(properties);
  assert_non_null(strstr(properties, "'delta.feature.allowColumnDefaults' = 'supported'"));
  assert_non_null(strstr(properties, "'delta.enableDeletionVectors' = 'true'"));
  assert_non_null(strstr(setup.steps[3].sql, "`test_market_scope_data`"));
  assert_int_equal(setup.steps[4].side, SYNC_SETUP_SQLSERVER);
  assert_non_null(strstr(setup.steps[4].sql, "CREATE TABLE [dbo].[bridge_ledger]"));
  sync_setup_done(&setup);
  assert_int_equal(sync_setup_plan("a.b.c.d", "dbo.l", false, &setup, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "EVENTS_TABLE"));
  assert_int_equal(sync_setup_plan("a.b.c", "a.b.c.d", false, &setup, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "SYNC_LEDGER_TABLE"));
}

static void a_name_of_two_parts_has_a_schema_and_no_catalog(void **state) {
  (void)state;
  sync_setup setup;
  assert_int_equal(sync_setup_plan("events.queue", "dbo.l", false, &setup, NULL), BR_OK);
  assert_int_equal(setup.count, 3);
  assert_string_equal(setup.steps[0].sql, "CREATE SCHEMA IF NOT EXISTS `events`");
  assert_string_equal(setup.steps[0].what, "schema events");
  assert_string_equal(setup.steps[0].grants,
                      "GRANT USE CATALOG, CREATE SCHEMA ON CATALOG <the default catalog> TO {}");
  assert_non_null(strstr(setup.steps[1].grants, "ON SCHEMA `events` TO {}"));
  sync_setup_done(&setup);
}

/* ---- missing rights ---- */

#define FAILED(code, message, sqlstate)                                                            \
  "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"FAILED\","   \
  "\"error\":{\"error_code\":\"" code "\",\"message\":\"" message "\"}" sqlstate "}}"

/* The words of the error classes INSUFFICIENT_PERMISSIONS (42501) and of Unity Catalog's own
 * PERMISSION_DENIED. */
static const char *const refusals[] = {
    FAILED("BAD_REQUEST", "[INSUFFICIENT_PERMISSIONS] Insufficient privileges: no CREATE TABLE",
           ",\"sql_state\":\"42501\""),
    FAILED("BAD_REQUEST", "PERMISSION_DENIED: User does not have CREATE TABLE on Schema 'c.s'.",
           ""),
    FAILED("PERMISSION_DENIED", "User does not have USE SCHEMA on Schema 'c.s'.", ""),
};

/* Runs a step of the plan against a workspace that answers so; me: the answer to "who am I". */
static br_status run_step(size_t step, const char *refusal, const char *me, br_error *err) {
  const script_step steps[] = {{.reply = script_json(200, NULL, refusal)}, {.reply = me}};
  script_server *server = script_start(steps, 2);
  dbx_client *client = test_client(script_base(server));
  sync_setup setup;
  bool made = false;
  assert_int_equal(sync_setup_plan("c.`s-1`.t", "dbo.l", true, &setup, NULL), BR_OK);
  br_status st = sync_setup_run(&setup.steps[step], client, NULL, NULL, &made, err);
  sync_setup_done(&setup);
  dbx_client_free(client);
  script_stop(server);
  return st;
}

static void a_missing_right_in_databricks_names_the_grant(void **state) {
  (void)state;
  static const char *const grants[] = {
      "GRANT CREATE CATALOG ON METASTORE TO `a``b@example.com`",
      "GRANT USE CATALOG, CREATE SCHEMA ON CATALOG `c` TO `a``b@example.com`",
      "GRANT USE CATALOG ON CATALOG `c` TO `a``b@example.com`; GRANT USE SCHEMA, CREATE TABLE ON "
      "SCHEMA `c`.`s-1` TO `a``b@example.com`",
      "GRANT USE CATALOG ON CATALOG `c` TO `a``b@example.com`; GRANT USE SCHEMA, CREATE TABLE ON "
      "SCHEMA `c`.`s-1` TO `a``b@example.com`",
  };
  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
    for (size_t step = 0; step < sizeof grants / sizeof grants[0]; step++) {
      br_error err = BR_ERROR_INIT;
      assert_status(run_step(step, refusals[i],
                             script_json(200, NULL, "{\"userName\":\"a`b@example.com\"}"), &err),
                    BR_ERR_AUTH, &err);
      assert_int_equal(err.status, BR_ERR_AUTH);
      const char *tail = strstr(err.message, "; a right is missing: ");
      assert_non_null(tail);
      assert_string_equal(tail + strlen("; a right is missing: "), grants[step]);
      assert_contains(err.message, i == 0 ? "[INSUFFICIENT_PERMISSIONS]" : "User does not have");
    }
  }
}

static void nobody_knows_whom_to_grant_it(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  assert_status(run_step(1, refusals[0], script_json(403, NULL, "{}"), &err), BR_ERR_AUTH, &err);
  assert_contains(err.message, "ON CATALOG `c` TO <principal>");
}

static void other_failures_speak_of_no_right(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  static const char broken[] =
      FAILED("BAD_REQUEST", "[PARSE_SYNTAX_ERROR] oh", ",\"sql_state\":\"42601\"");
  assert_status(run_step(2, broken, script_json(200, NULL, "{}"), &err), BR_ERR_REMOTE, &err);
  assert_lacks(err.message, "GRANT");
}

/* The last step, on a server that has no ledger and answers the CREATE TABLE with that error. */
static br_status run_ledger(const char *ledger, uint32_t number, bool knows_user, br_error *err) {
  canned server;
  sync_setup setup;
  bool made = false;
  canned_init(&server);
  canned_number(&server, 0);
  canned_error(&server, number, "refused");
  if (number == 2714) {
    canned_number(&server, 0); /* it is there, and still not to be seen */
  }
  if (knows_user) {
    canned_text(&server, "[svc bridge]");
  }
  canned_connect(&server);
  assert_int_equal(sync_setup_plan("c.s.t", ledger, false, &setup, NULL), BR_OK);
  br_status st = sync_setup_run(&setup.steps[setup.count - 1], NULL, server.conn, NULL, &made, err);
  assert_true(canned_was_sent(&server, "CREATE TABLE "));
  sync_setup_done(&setup);
  canned_done(&server);
  return st;
}

static void a_missing_right_in_sql_server_names_the_grant(void **state) {
  (void)state;
  static const uint32_t numbers[] = {262, 2760, 2714};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    br_error err = BR_ERROR_INIT;
    assert_status(run_ledger("audit.bridge_ledger", numbers[i], true, &err), BR_ERR_AUTH, &err);
    assert_contains(
        err.message,
        "refused; a right is missing: GRANT CREATE TABLE TO [svc bridge]; GRANT ALTER, SELECT, "
        "INSERT, UPDATE, DELETE ON SCHEMA::[audit] TO [svc bridge]; or, when somebody else has "
        "made it (--dry-run shows how): GRANT SELECT, INSERT, UPDATE, DELETE ON "
        "[audit].[bridge_ledger] TO [svc bridge]");
  }
  br_error err = BR_ERROR_INIT;
  assert_status(run_ledger("bridge_ledger", 262, false, &err), BR_ERR_AUTH, &err);
  assert_contains(err.message, "ON SCHEMA::[dbo] TO <user>");
  assert_status(run_ledger("bridge_ledger", 1105, true, &err), BR_ERR_REMOTE, &err);
  assert_lacks(err.message, "GRANT");
}

static void a_ledger_that_another_made_meanwhile_is_there(void **state) {
  (void)state;
  canned server;
  sync_setup setup;
  bool made = true;
  br_error err = BR_ERROR_INIT;
  canned_init(&server);
  canned_number(&server, 0);
  canned_error(&server, 2714, "There is already an object");
  canned_number(&server, 1);
  canned_connect(&server);
  assert_int_equal(sync_setup_plan("c.s.t", "dbo.l", false, &setup, NULL), BR_OK);
  assert_status(sync_setup_run(&setup.steps[setup.count - 1], NULL, server.conn, NULL, &made, &err),
                BR_OK, &err);
  assert_false(made);
  sync_setup_done(&setup);
  canned_done(&server);
}

static br_status plan_one(void *context, br_error *err) {
  (void)context;
  sync_setup setup;
  br_status st = sync_setup_plan("a.b.c", "dbo.l", true, &setup, err);
  if (st == BR_OK) {
    sync_setup_done(&setup);
  }
  return st;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  torture_allocations(plan_one, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_plan_makes_catalog_schema_tables_and_ledger),
      cmocka_unit_test(a_name_of_two_parts_has_a_schema_and_no_catalog),
      cmocka_unit_test(a_missing_right_in_databricks_names_the_grant),
      cmocka_unit_test(nobody_knows_whom_to_grant_it),
      cmocka_unit_test(other_failures_speak_of_no_right),
      cmocka_unit_test(a_missing_right_in_sql_server_names_the_grant),
      cmocka_unit_test(a_ledger_that_another_made_meanwhile_is_there),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
