/* Names of tables: what people write means exactly that table, and never becomes SQL. */
#include "sync/name.h"

#include <string.h>

#include "support/cmocka.h"

static void names_are_quoted_part_by_part(void **state) {
  (void)state;
  static const struct {
    sync_dialect dialect;
    const char *text, *sql, *plain;
  } cases[] = {
      {SYNC_DATABRICKS, "cat.sch.t", "`cat`.`sch`.`t`", "cat.sch.t"},
      {SYNC_DATABRICKS, "my-cat.my-schema.t", "`my-cat`.`my-schema`.`t`", "my-cat.my-schema.t"},
      {SYNC_DATABRICKS, "`000-a`.`events`.bridge_events", "`000-a`.`events`.`bridge_events`",
       "000-a.events.bridge_events"},
      {SYNC_DATABRICKS, "`a.b`.c", "`a.b`.`c`", "`a.b`.c"},
      {SYNC_DATABRICKS, "`a``b`", "`a``b`", "`a``b`"},
      {SYNC_DATABRICKS, " c . s . t ", "`c`.`s`.`t`", "c.s.t"},
      {SYNC_SQLSERVER, "T", "[dbo].[T]", "dbo.T"},
      {SYNC_SQLSERVER, "dbo.T", "[dbo].[T]", "dbo.T"},
      {SYNC_SQLSERVER, "[sales].[Order Lines]", "[sales].[Order Lines]", "sales.Order Lines"},
      {SYNC_SQLSERVER, "\"a\"\"b\".t", "[a\"b].[t]", "[a\"b].t"},
      {SYNC_SQLSERVER, "db..T", "[db].[dbo].[T]", "db.dbo.T"},
      {SYNC_SQLSERVER, "[a]]b]", "[dbo].[a]]b]", "dbo.[a]]b]"},
      {SYNC_SQLSERVER, "[ a]", "[dbo].[ a]", "dbo.[ a]"},
      {SYNC_SQLSERVER, "[a.b].[c ]", "[a.b].[c]", "[a.b].c"},
      {SYNC_SQLSERVER, "dbo.T -- DROP TABLE x", "[dbo].[T -- DROP TABLE x]",
       "dbo.T -- DROP TABLE x"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sync_name name;
    char text[SYNC_NAME_TEXT_MAX];
    br_error err = BR_ERROR_INIT;
    assert_int_equal(sync_name_parse(cases[i].dialect, cases[i].text, &name, &err), BR_OK);
    sync_name_sql(&name, text);
    assert_string_equal(text, cases[i].sql);
    sync_name_plain(&name, text);
    assert_string_equal(text, cases[i].plain);
  }
}

static void names_that_may_be_of_one_table_are_told_from_others(void **state) {
  (void)state;
  static const struct {
    const char *a, *b;
    bool same;
  } cases[] = {
      {"T", "dbo.t", true},        {"db.dbo.T", "[T ]", true}, {"db.dbo.T", "DB.DBO.t", true},
      {"a.dbo.T", "b.T", false},   {"a.x.T", "b.x.T", false},  {"s.T", "dbo.T", false},
      {"[dbo.T]", "dbo.T", false}, {"dbo.T2", "dbo.T", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sync_name a, b;
    assert_int_equal(sync_name_parse(SYNC_SQLSERVER, cases[i].a, &a, NULL), BR_OK);
    assert_int_equal(sync_name_parse(SYNC_SQLSERVER, cases[i].b, &b, NULL), BR_OK);
    assert_int_equal(sync_name_may_mean(&a, &b), cases[i].same);
    assert_int_equal(sync_name_may_mean(&b, &a), cases[i].same);
  }
}

/* Collations that take no notice of width, accents or characters without weight are not ours to
 * know: what might be one name is asked of the server. */
static void names_that_only_the_server_tells_apart(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool same;
  } cases[] = {
      {"dbo.\xEF\xBD\x82"
       "ridge_ledger",
       true}, /* full-width b */
      {"dbo.br\xC3\xAD"
       "dge_ledger",
       true},
      {"dbo.bridge_ledger\xF0\x9F\x98\x80", true},
      {"main.db\xC3\xB6.bridge_ledger", true},
      {"m\xC3\xA1"
       "in.dbo.Bridge_Ledger",
       true},
      {"dbo.BRIDGE_LEDGER", true},
      {"dbo.bridge_ledgers", false},
      {"s.br\xC3\xAD"
       "dge_ledger",
       false},
      {"m\xC3\xA1"
       "in.dbo.Orders",
       false},
  };
  sync_name ledger;
  assert_int_equal(sync_name_parse(SYNC_SQLSERVER, "main.dbo.bridge_ledger", &ledger, NULL), BR_OK);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sync_name name;
    assert_int_equal(sync_name_parse(SYNC_SQLSERVER, cases[i].text, &name, NULL), BR_OK);
    assert_int_equal(sync_name_could_mean(&name, &ledger), cases[i].same);
    assert_int_equal(sync_name_could_mean(&ledger, &name), cases[i].same);
  }
}

static void what_is_no_name_is_refused_with_a_reason(void **state) {
  (void)state;
  static const struct {
    sync_dialect dialect;
    const char *text, *why;
  } cases[] = {
      {SYNC_DATABRICKS, "", "empty"},
      {SYNC_DATABRICKS, "  ", "empty"},
      {SYNC_DATABRICKS, "a..b", "part of it is empty"},
      {SYNC_DATABRICKS, "a.b.", "part of it is empty"},
      {SYNC_DATABRICKS, "``", "part of it is empty"},
      {SYNC_DATABRICKS, "a.b.c.d", "more than the three parts"},
      {SYNC_DATABRICKS, "`a.b", "not closed"},
      {SYNC_DATABRICKS, "`a`b", "dot"},
      {SYNC_DATABRICKS, "a'; DROP TABLE t", "quote or a semicolon"},
      {SYNC_SQLSERVER, "srv.db.dbo.T", "more than the three parts"},
      {SYNC_SQLSERVER, "[a", "not closed"},
      {SYNC_SQLSERVER, "dbo.T; DROP TABLE x", "quote or a semicolon"},
      {SYNC_SQLSERVER, "dbo.T\nGO", "control character"},
      {SYNC_SQLSERVER, "dbo.T\x7F", "control character"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sync_name name;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(sync_name_parse(cases[i].dialect, cases[i].text, &name, &err), BR_ERR_DATA);
    assert_non_null(strstr(err.message, cases[i].why));
  }
}

static void the_longest_names_fit_whole(void **state) {
  (void)state;
  char text[4 * SYNC_NAME_PART_MAX];
  sync_name name;
  char sql[SYNC_NAME_TEXT_MAX];
  /* 500 brackets a part, doubled inside of brackets. */
  size_t n = 0;
  for (int i = 0; i < 2; i++) {
    text[n++] = '[';
    memset(text + n, ']', 2 * 500);
    n += 2 * 500;
    text[n++] = ']';
    text[n++] = '.';
  }
  text[n - 1] = '\0';
  assert_int_equal(sync_name_parse(SYNC_SQLSERVER, text, &name, NULL), BR_OK);
  sync_name_sql(&name, sql);
  assert_string_equal(sql, text);
  br_error err = BR_ERROR_INIT;
  memset(text, 'x', SYNC_NAME_PART_MAX);
  text[SYNC_NAME_PART_MAX] = '\0';
  assert_int_equal(sync_name_parse(SYNC_SQLSERVER, text, &name, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "too long"));
}

static void identifiers_and_literals_escape_their_own_quotes(void **state) {
  (void)state;
  br_buf out;
  br_buf_init(&out, 1000);
  assert_int_equal(sync_quote(&out, SYNC_SQLSERVER, "a]b", NULL), BR_OK);
  assert_int_equal(sync_quote(&out, SYNC_DATABRICKS, "a`b", NULL), BR_OK);
  assert_int_equal(sync_literal(&out, "it's", NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&out), "[a]]b]`a``b`N'it''s'");
  br_buf_done(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_quoted_part_by_part),
      cmocka_unit_test(names_that_may_be_of_one_table_are_told_from_others),
      cmocka_unit_test(names_that_only_the_server_tells_apart),
      cmocka_unit_test(what_is_no_name_is_refused_with_a_reason),
      cmocka_unit_test(the_longest_names_fit_whole),
      cmocka_unit_test(identifiers_and_literals_escape_their_own_quotes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
