/* What the permissions file says of events, and what holds without it. */
#include "sync/policy.h"

#include <stdio.h>
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

#define USER(rules)                                                                                \
  "users:\n  - name: databricks\n    token_sha256: "                                               \
  "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n    permissions:\n" rules
#define RULE(table, access) "      - {table: \"" table "\", access: " access "}\n"

/* It may be any table, one that a narrower rule keeps from the user too. */
static void what_is_not_seen_takes_the_right_to_all(void **state) {
  (void)state;
  static const struct {
    const char *file;
    bool may;
  } cases[] = {{USER(RULE("*", "write")), true},
               {USER(RULE("*", "read_write") RULE("dbo.Orders", "write")), true},
               {USER(RULE("*", "write") RULE("hr.People", "read")), false},
               {USER(RULE("*", "write") RULE("hr.*", "read")), false},
               {USER(RULE("*", "read") RULE("hr.*", "write")), false},
               {USER(RULE("dbo.*", "write") RULE("hr.*", "write")), false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    auth_permissions *p = NULL;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(
        auth_permissions_parse(cases[i].file, strlen(cases[i].file), "permissions.yaml", &p, &err),
        BR_OK);
    assert_int_equal(ask(p, true, "databricks", SYNC_UNSEEN_TABLE).may_write, cases[i].may);
    auth_permissions_unref(p);
  }
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

/* One line for each decision. */
typedef struct audited {
  br_status answer;
  size_t lines;
  auth_audit_event event;
  char words[256];
} audited;

static br_status audit(void *context, const auth_audit_record *record, br_error *err) {
  audited *a = context;
  a->lines++;
  a->event = record->event;
  (void)snprintf(a->words, sizeof a->words, "%s %s %s %s", record->user_name, record->action,
                 record->resource, record->status);
  return a->answer == BR_OK ? BR_OK : br_error_set(err, a->answer, "The disk is full");
}

/* What can't be audited is neither granted nor denied. */
static void what_is_decided_is_audited_or_not_decided(void **state) {
  (void)state;
  for (int may = 0; may < 2; may++) {
    audited a = {.answer = BR_OK};
    sync_rights rights;
    const sync_actor actor = {.name = "databricks"};
    sync_policy policy = {.current = current,
                          .file = "permissions.yaml",
                          .strict = may == 0,
                          .max_delete_rows = 7,
                          .audit = audit,
                          .audit_context = &a};
    sync_policy_rights(&policy, &actor, "dbo.Orders", &rights);
    assert_int_equal(rights.may_write, may == 1);
    assert_false(rights.not_now);
    assert_int_equal(a.lines, 1);
    assert_int_equal(a.event,
                     may == 1 ? AUTH_AUDIT_PERMISSION_GRANTED : AUTH_AUDIT_PERMISSION_DENIED);
    assert_string_equal(a.words, may == 1 ? "databricks sync dbo.Orders success"
                                          : "databricks sync dbo.Orders denied");
    a.answer = BR_ERR_IO;
    sync_policy_rights(&policy, &actor, "dbo.Orders", &rights);
    assert_true(rights.not_now && !rights.may_write && !rights.may_read);
    assert_string_equal(rights.reason, "The disk is full");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rights_come_from_the_file_and_limits_from_the_rule),
      cmocka_unit_test(what_is_not_seen_takes_the_right_to_all),
      cmocka_unit_test(without_a_user_strict_mode_writes_nothing),
      cmocka_unit_test(who_asked_over_http_has_no_rights_without_the_file),
      cmocka_unit_test(what_is_decided_is_audited_or_not_decided),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
