/* The rules by which types combine, against the documentation's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sandbox/sql/context.h"
#include "sandbox/sql/value.h"

static void decimal_results_have_the_documented_precision_and_scale(void **state) {
  static const struct {
    int op;
    unsigned p1, s1, p2, s2, p, s;
  } rows[] = {
      {'+', 10, 2, 18, 4, 19, 4},   {'-', 5, 5, 5, 0, 11, 5},     {'*', 10, 2, 10, 4, 21, 6},
      {'/', 10, 2, 10, 4, 25, 13},  {'/', 2, 1, 1, 0, 7, 6},      {'%', 10, 2, 18, 4, 12, 4},
      {'*', 38, 10, 38, 10, 38, 6}, {'/', 38, 20, 38, 20, 38, 6}, {'+', 38, 10, 38, 5, 38, 5},
      {'*', 30, 10, 20, 10, 38, 7},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sql_type a = sql_type_decimal(rows[i].p1, rows[i].s1);
    sql_type b = sql_type_decimal(rows[i].p2, rows[i].s2);
    sql_type r = sql_type_decimal_result(ENGINE_TSQL, rows[i].op, &a, &b);
    assert_int_equal(r.precision, rows[i].p);
    assert_int_equal(r.scale, rows[i].s);
  }
}

static void stored_forms_sort_as_their_values(void **state) {
  sql_scratch a;
  sql_scratch b;
  (void)state;
  for (int i = -3; i < 3; i++) {
    sql_value x = sql_decimal_put(i * sql_power10(30), 38, &a);
    sql_value y = sql_decimal_put((i + 1) * sql_power10(30), 38, &b);
    assert_true(memcmp(x.p, y.p, 16) < 0);
    assert_true(sql_decimal_get(&x) == i * sql_power10(30));
  }
}

static void wide_products_and_quotients_are_exact(void **state) {
  batch_i128 r = 0;
  (void)state;
  /* 0.99999999999999999999 squared, and 1 / 3 to 30 digits. */
  batch_i128 nines = sql_power10(20) - 1;
  assert_true(sql_decimal_multiply(nines, nines, 40, 30, &r));
  assert_true(r == sql_power10(30) - 2 * sql_power10(10));
  assert_true(sql_decimal_divide(1, 0, 3, 0, 30, false, &r));
  assert_true(r == sql_power10(30) / 3);
  assert_false(sql_decimal_multiply(sql_power10(20), sql_power10(20), 0, 0, &r));
}

/* Text that doubles with every level is stopped at the arena's ceiling, as too complex: memory is
 * not out. */
static void generated_text_has_a_ceiling(void **state) {
  (void)state;
  static const struct {
    engine_dialect dialect;
    const char *message;
  } cases[] = {{ENGINE_TSQL, "ran out of internal resources"},
               {ENGINE_DATABRICKS, "A statement as complex as this"}};
  for (size_t i = 0; i < 2; i++) {
    sql_arena arena;
    sql_arena_init(&arena, 100000);
    sql_context context = {.dialect = cases[i].dialect, .arena = &arena};
    const char *text = "x";
    for (int level = 0; level < 30 && text != NULL; level++) {
      text = sql_text(&context, "(%s+%s)", text, text);
    }
    assert_null(text);
    assert_int_equal(context.status, BR_ERR_REMOTE);
    assert_non_null(strstr(context.error.message, cases[i].message));
    assert_null(sql_new(&context, 1));
    sql_arena_done(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decimal_results_have_the_documented_precision_and_scale),
      cmocka_unit_test(stored_forms_sort_as_their_values),
      cmocka_unit_test(wide_products_and_quotients_are_exact),
      cmocka_unit_test(generated_text_has_a_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
