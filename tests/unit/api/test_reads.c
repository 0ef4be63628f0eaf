/* `-- reads:` in front of a query: which tables it names, and who may run it. */
#include <stdio.h>
#include <string.h>

#include "api/reads.h"
#include "base/mem.h"
#include "support/cmocka.h"

static void assert_tables(const char *sql, const char *want) {
  char table[64], got[512] = "";
  char *exact = br_strdup(sql);
  assert_non_null(exact);
  for (api_reads reads = {.at = exact}; api_reads_next(&reads, table, sizeof table);) {
    (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", table);
  }
  br_free(exact);
  assert_string_equal(got, want);
}

static void tables_are_found(void **state) {
  (void)state;
  assert_tables("-- reads: dbo.A\nSELECT 1", "dbo.A|");
  assert_tables("--reads:dbo.A,dbo.B", "dbo.A|dbo.B|");
  assert_tables("\n \t-- READS: A , [My, Table] ,\"x,y\";\r\n--reads: C\r\nSELECT",
                "A|[My, Table]|\"x,y\"|C|");
  assert_tables("-- about\n\n-- reads: A\n-- more\n-- reads: B\nSELECT", "A|B|");
  assert_tables("-- reads: ,A,,B,\n-- reads:\nSELECT", "A|B|");
  assert_tables("-- reads: [open, A\nSELECT", "[open, A|");
}

static void nothing_else_is_a_header(void **state) {
  (void)state;
  assert_tables("", "");
  assert_tables("SELECT 1", "");
  assert_tables("SELECT 1 -- reads: A", "");
  assert_tables("SELECT 1\n-- reads: A", "");
  assert_tables("/* x */ -- reads: A", "");
  assert_tables("-- reads A\nSELECT", "");
  assert_tables("-- nothing", "");
  assert_tables("- - reads: A", "");
  assert_tables("-- reads:\nSELECT", "");
}

static void a_longer_name_is_cut(void **state) {
  (void)state;
  char sql[256] = "-- reads: ", table[16];
  memset(sql + 10, 'a', 100);
  strcpy(sql + 110, ",B");
  api_reads reads = {.at = sql};
  assert_true(api_reads_next(&reads, table, sizeof table));
  assert_int_equal(strlen(table), sizeof table - 1);
  assert_true(api_reads_next(&reads, table, sizeof table));
  assert_string_equal(table, "B");
}

/* ---- who may ---- */

static auth_permissions *permissions(const char *rules) {
  char text[1024];
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  (void)snprintf(text, sizeof text,
                 "users:\n  - name: u\n    token: abcdefghijklmnop\n    permissions:\n%s", rules);
  if (auth_permissions_parse(text, strlen(text), "p", &p, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  return p;
}

static void assert_may(const char *rules, const char *sql, const char *database,
                       const char *want_denied) {
  auth_permissions *p = permissions(rules);
  const api_caller caller = {.permissions = p, .user = auth_user_of_name(p, "u")};
  char denied[256] = "";
  const bool may = api_reads_allowed(&caller, sql, database, denied, sizeof denied);
  assert_string_equal(denied, want_denied == NULL ? "" : want_denied);
  assert_int_equal(may, want_denied == NULL);
  auth_permissions_unref(p);
}

#define RULE(table, access) "      - table: '" table "'\n        access: " access "\n"

static void rights_decide(void **state) {
  (void)state;
  assert_may(RULE("dbo.A", "read"), "-- reads: dbo.A", NULL, NULL);
  assert_may(RULE("dbo.A", "read"), "-- reads: A", "db", NULL);
  assert_may(RULE("dbo.A", "read"), "-- reads: dbo.A, dbo.B", NULL, "dbo.B");
  assert_may(RULE("dbo.A", "write"), "-- reads: dbo.A", NULL, "dbo.A");
  assert_may(RULE("dbo.*", "read_write"), "-- reads: [x].A", NULL, "[x].A");
  assert_may(RULE("*", "read"), "-- reads: other.dbo.A", "db", NULL);
  assert_may(RULE("*", "read"), "-- reads: no name at all.", NULL, "no name at all.");
}

/* Without a header a rule for everything is needed: one for a schema is not enough. */
static void without_a_header_everything_is_needed(void **state) {
  (void)state;
  assert_may(RULE("dbo.*", "read"), "SELECT 1 AS a", NULL, "*");
  assert_may(RULE("dbo.*", "read"), "", NULL, "*");
  assert_may(RULE("*", "write"), "SELECT 1", NULL, "*");
  assert_may(RULE("*", "read"), "SELECT 1", NULL, NULL);
  assert_may(RULE("*", "read") RULE("*", "write"), "SELECT 1", NULL, "*");
}

/* The database that the query runs in belongs to a name without one. */
static void the_database_counts(void **state) {
  (void)state;
  assert_may(RULE("sales.dbo.A", "read"), "-- reads: dbo.A", "Sales", NULL);
  assert_may(RULE("sales.dbo.A", "read"), "-- reads: dbo.A", "other", "dbo.A");
  assert_may(RULE("sales.dbo.A", "read"), "-- reads: other.dbo.A", "sales", "other.dbo.A");
  assert_may(RULE("[s.]]x].dbo.A", "read"), "-- reads: dbo.A", "s.]x", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_are_found),
      cmocka_unit_test(nothing_else_is_a_header),
      cmocka_unit_test(a_longer_name_is_cut),
      cmocka_unit_test(rights_decide),
      cmocka_unit_test(without_a_header_everything_is_needed),
      cmocka_unit_test(the_database_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
