/* What the permissions file says of events, and what holds without it. */
#include "sync/policy.h"

#include <string.h>

#include "support/cmocka.h"

static const char file[] = "users:\n"
                           "  - name: databricks\n"
                           "    token_sha256: \""
                           "0123456789abcdef0123456789abcdef"
                           "0123456789abcdef0123456789abcdef"
                           "\"\n"
                           "    permissions:\n"
                           "      - table: dbo.Orders\n"
                           "        access: read_write\n"
                           "        max_delete_rows: 5\n"
                           "      - table: dbo.Prices\n"
                           "        access: write\n"
                           "      - table: sales.*\n"
                           "        access: read\n";

static auth_permissions *current(void *context) {
  return context == NULL ? NULL : auth_permissions_ref(context);
}

static sync_rights ask_as(auth_permissions *permissions, bool strict, const sync_actor *actor,
                          const char *table) {
  sync_policy policy = {.current = current,
                        .context = permissions,
                        .file = "permissions.yaml",
                        .strict = strict,
                        .max_delete_rows = 10000};
  sync_rights rights;
  sync_policy_rights(&policy, actor, table, &rights);
  return rights;
}

/* For an event of the table. */
static sync_rights ask(auth_permissions *permissions, bool strict, const char *user,
                       const char *table) {
  return ask_as(permissions, strict, &(sync_actor){.name = user}, table);
}

static void rights_come_from_the_file_and_limits_from_the_rule(void **state) {
  (void)state;
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_parse(file, strlen(file), "permissions.yaml", &p, &err), BR_OK);
  for (int strict = 0; strict < 2; strict++) {
    assert_true(ask(p, strict, "databricks", "dbo.orders").may_write);
    assert_int_equal(ask(p, strict, "databricks", "dbo.orders").max_delete_rows, 5);
    assert_int_equal(ask(p, strict, "databricks", "dbo.Prices").max_delete_rows, 10000);
    assert_false(ask(p, strict, "databricks", "sales.Orders").may_write);
    assert_non_null(strstr(ask(p, strict, "databricks", "sales.Orders").reason, "sales.Orders"));
    assert_false(ask(p, strict, "databricks", "hr.People").may_write);
    assert_true(ask(p, strict, "databricks", "dbo.Orders").may_read);
    assert_false(ask(p, strict, "databricks", "dbo.Prices").may_read);
  }
  auth_permissions_unref(p);
}

static void without_a_user_strict_mode_writes_nothing(void **state) {
  (void)state;
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_parse(file, strlen(file), "permissions.yaml", &p, &err), BR_OK);
  assert_false(ask(p, true, "somebody", "dbo.Orders").may_write);
  assert_false(ask(NULL, true, "databricks", "dbo.Orders").may_write);
  assert_non_null(strstr(ask(NULL, true, "databricks", "dbo.Orders").reason, "permissions.yaml"));
  assert_true(ask(p, false, "somebody", "dbo.Orders").may_write);
  assert_true(ask(p, false, "somebody", "dbo.Orders").may_read);
  assert_int_equal(ask(NULL, false, "databricks", "dbo.Orders").max_delete_rows, 10000);
  auth_permissions_unref(p);
}

/* Whoever asked over HTTP and has been taken out of the file since then may do nothing, also where
 * events of the table may do everything. */
static void who_asked_over_http_has_no_rights_without_the_file(void **state) {
  (void)state;
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_parse(file, strlen(file), "permissions.yaml", &p, &err), BR_OK);
  const sync_actor gone = {.name = "alice", .asked = true};
  const sync_actor there = {.name = "databricks", .asked = true};
  for (int strict = 0; strict < 2; strict++) {
    const sync_rights rights = ask_as(p, strict, &gone, "dbo.Orders");
    assert_false(rights.may_write);
    assert_non_null(strstr(rights.reason, "There is no user 'alice' any more"));
    assert_non_null(strstr(rights.reason, "permissions.yaml"));
    assert_false(ask_as(NULL, strict, &gone, "dbo.Orders").may_write);
    assert_false(ask_as(NULL, strict, &there, "dbo.Orders").may_write);
    assert_int_equal(ask_as(p, strict, &there, "dbo.Orders").max_delete_rows, 5);
  }
  auth_permissions_unref(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rights_come_from_the_file_and_limits_from_the_rule),
      cmocka_unit_test(without_a_user_strict_mode_writes_nothing),
      cmocka_unit_test(who_asked_over_http_has_no_rights_without_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
