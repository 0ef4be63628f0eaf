/* Names of tables: every spelling of a table is that table, what is no name is refused, and a
 * pattern covers what it says and no more. */
#include <stdio.h>
#include <string.h>

#include "auth/table_name.h"
#include "base/mem.h"
#include "support/cmocka.h"

/* "database|schema|table", - for a part that is not there, or "! why". */
static void assert_parsed(const char *text, bool patterns, const char *want) {
  char *storage = br_malloc(strlen(text) + AUTH_NAME_EXTRA); /* exact: the sanitizer watches */
  auth_table_name name = {.table = "untouched"};
  br_error err = BR_ERROR_INIT;
  char got[BR_ERROR_MESSAGE_MAX + 8];
  if (auth_table_name_parse(text, patterns, storage, &name, &err) == BR_OK) {
    (void)snprintf(got, sizeof got, "%s|%s|%s", name.database == NULL ? "-" : name.database,
                   name.schema == NULL ? "-" : name.schema, name.table == NULL ? "-" : name.table);
  } else {
    assert_int_equal(err.status, BR_ERR_USAGE);
    assert_string_equal(name.table, "untouched");
    (void)snprintf(got, sizeof got, "! %s", err.message);
  }
  br_free(storage);
  assert_string_equal(got, want);
}

static void every_spelling_gives_the_same_parts(void **state) {
  (void)state;
  assert_parsed("Orders", false, "-|dbo|orders");
  assert_parsed("dbo.Orders", false, "-|dbo|orders");
  assert_parsed("[DBO].[Orders]", false, "-|dbo|orders");
  assert_parsed("\"dbo\".`Orders`", false, "-|dbo|orders");
  assert_parsed(" dbo . Orders ", false, "-|dbo|orders");
  assert_parsed("[dbo].[My Table]", false, "-|dbo|my table");
  assert_parsed("[dbo].[Orders  ]", false, "-|dbo|orders");
  assert_parsed("[dbo].[ Orders]", false, "-|dbo| orders");
  assert_parsed("Sales.dbo.Orders", false, "sales|dbo|orders");
  assert_parsed("[a.b].[c]]d].[e\"f]", false, "a.b|c]d|e\"f");
  assert_parsed("\"a\"\"b\".x", false, "-|a\"b|x");
  assert_parsed("[*]", false, "-|dbo|*");
  assert_parsed("sales-2.dbo.x", false, "sales-2|dbo|x");
  assert_parsed("dbo.A\xC3\xB1o", false, "-|dbo|a\xC3\xB1o");
}

static void what_is_no_name_is_refused(void **state) {
  (void)state;
  assert_parsed("", false, "! a part is empty");
  assert_parsed("dbo.", false, "! a part is empty");
  assert_parsed(".x", false, "! a part is empty");
  assert_parsed("db..x", false, "! a part is empty");
  assert_parsed("[].x", false, "! a part is empty");
  assert_parsed("[  ]", false, "! a part is empty");
  assert_parsed("a.b.c.d", false, "! it has more than three parts");
  assert_parsed("[a", false, "! ] is missing");
  assert_parsed("[a]]", false, "! ] is missing");
  assert_parsed("\"a", false, "! \" is missing");
  assert_parsed("[a]b", false, "! something stands behind a closing quote");
  assert_parsed("a[b]", false, "! a quote or bracket stands inside a part");
  assert_parsed("dbo.*", false, "! * is no table");
  assert_parsed("*", false, "! * is no table");
  assert_parsed("dbo.Or*", false, "! * stands only for a whole part");
  assert_parsed("dbo.x\n", false, "! it holds characters that no name has");
  assert_parsed("dbo.\xC3", false, "! it holds characters that no name has");
  char longest[AUTH_NAME_MAX + 2];
  memset(longest, 'a', sizeof longest);
  longest[AUTH_NAME_MAX + 1] = '\0';
  assert_parsed(longest, false, "! it is too long");
  longest[AUTH_NAME_PART_MAX + 1] = '\0';
  assert_parsed(longest, false, "! a part is too long");
}

static void patterns_end_in_a_star(void **state) {
  (void)state;
  assert_parsed("*", true, "-|-|-");
  assert_parsed("dbo.*", true, "-|dbo|-");
  assert_parsed("Sales.dbo.*", true, "sales|dbo|-");
  assert_parsed("*.x", true, "! * stands only for the last part");
  assert_parsed("*.*", true, "! * stands only for the last part");
  assert_parsed("db.*.x", true, "! * stands only for the last part");
  assert_parsed("db.*.*", true, "! * stands only for the last part");
  assert_parsed("dbo.Or*", true, "! * stands only for a whole part");
  assert_parsed("[dbo].[*]", true, "-|dbo|*");
}

static void parse(const char *text, char *storage, auth_table_name *ret_name) {
  assert_true(strlen(text) + AUTH_NAME_EXTRA <= 128);
  assert_int_equal(auth_table_name_parse(text, true, storage, ret_name, NULL), BR_OK);
}

static void assert_covers(const char *pattern, const char *name, bool covers, bool may_cover) {
  char a[128];
  char b[128];
  auth_table_name p;
  auth_table_name n;
  parse(pattern, a, &p);
  parse(name, b, &n);
  assert_int_equal(auth_table_name_covers(&p, &n), covers);
  assert_int_equal(auth_table_name_may_cover(&p, &n), may_cover);
}

static void a_pattern_covers_what_it_says(void **state) {
  (void)state;
  assert_covers("*", "sales.x.y", true, true);
  assert_covers("x.*", "sales.x.y", true, true);
  assert_covers("x.*", "y", false, false);
  assert_covers("dbo.*", "y", true, true);
  assert_covers("sales.dbo.*", "sales.dbo.y", true, true);
  assert_covers("sales.dbo.*", "other.dbo.y", false, false);
  assert_covers("dbo.y", "other.dbo.Y", true, true);
  assert_covers("dbo.y", "dbo.y2", false, false);
  assert_covers("dbo.y2", "dbo.y", false, false);
  /* No database in the name: it may be any. */
  assert_covers("sales.dbo.y", "dbo.y", false, true);
  assert_covers("sales.dbo.y", "dbo.z", false, false);
}

static void other_letters_may_mean_the_same(void **state) {
  (void)state;
  static const char *const alike[][2] = {
      {"a\xC3\xB1o", "A\xC3\x91O"}, /* another case */
      {"a\xC3\xB1o", "ano"},        /* without its accent */
      {"stra\xC3\x9F"
       "e",
       "strasse"},                                     /* one letter for two */
      {"\xEF\xBC\xAF\xEF\xBC\xB2\xEF\xBC\xA4", "ord"}, /* full width */
      {"or\xC2\xAD"
       "ders",
       "orders"},         /* a soft hyphen is nothing */
      {"x\xC3\xA9", "x"}, /* at the end */
  };
  for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++) {
    assert_covers(alike[i][0], alike[i][1], false, true);
    assert_covers(alike[i][1], alike[i][0], false, true);
  }
  assert_covers("a\xC3\xB1o", "a\xC3\xB1o", true, true);
  assert_covers("a\xC3\xB1o", "orders", false, false);
  assert_covers("a\xC3\xB1o", "ana", false, false);
  assert_covers("a\xC3\xB1o", "a", false, false);
}

static void the_more_is_said_the_more_it_counts(void **state) {
  (void)state;
  static const char *const rising[] = {"*", "dbo.*", "sales.dbo.*", "dbo.x", "sales.dbo.x"};
  for (int i = 0; i < 5; i++) {
    char storage[64];
    auth_table_name p;
    parse(rising[i], storage, &p);
    assert_int_equal(auth_table_name_specificity(&p), i + 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_spelling_gives_the_same_parts),
      cmocka_unit_test(what_is_no_name_is_refused),
      cmocka_unit_test(patterns_end_in_a_star),
      cmocka_unit_test(a_pattern_covers_what_it_says),
      cmocka_unit_test(other_letters_may_mean_the_same),
      cmocka_unit_test(the_more_is_said_the_more_it_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
