/* What `init` would run, statement by statement. */
#include "sync/setup.h"

#include <string.h>

#include "support/cmocka.h"
#include "support/torture.h"

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
  assert_non_null(strstr(setup.steps[3].sql, "`test_market_scope_data`"));
  assert_int_equal(setup.steps[4].side, SYNC_SETUP_SQLSERVER);
  assert_non_null(strstr(setup.steps[4].sql, "CREATE TABLE [dbo].[bridge_ledger]"));
  sync_setup_done(&setup);
  assert_int_equal(sync_setup_plan("a.b.c.d", "dbo.l", false, &setup, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "EVENTS_TABLE"));
  assert_int_equal(sync_setup_plan("a.b.c", "a.b.c.d", false, &setup, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "SYNC_LEDGER_TABLE"));
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
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
