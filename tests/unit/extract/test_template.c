/* Placeholders: exactly {name}, one pass, everything else untouched. */
#include "extract/template.h"
#include "files.h"

static extract_params *sample(void) {
  write_text("c/common_params.yaml", "a: 1\nb_2: two\n_c: '{a}'\nbrace: '}{'\nt: {orders_table: "
                                     "J_Orders}\nu: {x: 1}\nv: {x: 2}\n");
  extract_params *params = NULL;
  assert_int_equal(extract_params_load("c", NULL, NULL, &params, NULL), BR_OK);
  return params;
}

static void placeholders_are_replaced_and_nothing_else(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", ""},
      {"SELECT {a}", "SELECT 1"},
      {"{a}{b_2}", "1two"},
      {"'{a}' -- {b_2}\n/* {a} */", "'1' -- two\n/* 1 */"},
      {"{t_orders_table} {orders_table}", "J_Orders J_Orders"},
      {"{_c}", "{a}"}, /* a value is never expanded again */
      {"{brace}a}", "}{a}"},
      {"{{a}}", "{a}"},
      {"{{nobody}}", "{nobody}"},
      {"{{{a}}}", "{{a}}"},
      {"{{a}", "{1"},
      {"{a}}", "1}"},
      {"{{a} }", "{1 }"},
      {"{ a }{a }{ a}", "{ a }{a }{ a}"},
      {"{d '2024-01-01'} {fn NOW()} {ts '…'}", "{d '2024-01-01'} {fn NOW()} {ts '…'}"},
      {"{\"k\": {\"j\": 1}} {} {0} {1a} {a-b} {a.b} {\xC3\xA9}",
       "{\"k\": {\"j\": 1}} {} {0} {1a} {a-b} {a.b} {\xC3\xA9}"},
      {"{", "{"},
      {"{{", "{{"},
      {"{a", "{a"},
      {"{{a", "{{a"},
      {"}", "}"},
  };
  extract_params *params = sample();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    br_buf out;
    br_buf_init(&out, 1024);
    br_error err = BR_ERROR_INIT;
    br_status st =
        extract_template_expand("q", cases[i][0], strlen(cases[i][0]), params, &out, &err);
    if (st != BR_OK) {
      print_error("%s: %s\n", cases[i][0], err.message);
    }
    assert_int_equal(st, BR_OK);
    assert_string_equal(br_buf_cstr(&out), cases[i][1]);
    br_buf_done(&out);
  }
  extract_params_free(params);
}

static void assert_refused(const extract_params *params, const char *sql, const char *message) {
  br_buf out;
  br_buf_init(&out, 1024);
  assert_int_equal(br_buf_text(&out, "before", NULL), BR_OK);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_template_expand("q", sql, strlen(sql), params, &out, &err),
                   BR_ERR_USAGE);
  assert_string_equal(err.message, message);
  assert_string_equal(br_buf_cstr(&out), "before");
  br_buf_done(&out);
}

static void missing_parameters_are_all_named(void **state) {
  (void)state;
  extract_params *params = sample();
  assert_refused(params, "{zz} {a} {yyyy} {zz}", "Missing parameters for query 'q': yyyy, zz");
  assert_refused(
      params, "{order_table} {qqqq}",
      "Missing parameters for query 'q': order_table, qqqq (did you mean orders_table for "
      "order_table?)");
  assert_refused(params, "{u} {t}", "Missing parameters for query 'q': t, u");
  assert_refused(params, "{x}",
                 "Query 'q': Parameter 'x' is ambiguous: u.x (common_params.yaml) and v.x "
                 "(common_params.yaml) both answer to it; use a full name, or rename one");
  extract_params_free(params);
}

static void names_are_listed_once_and_sorted(void **state) {
  (void)state;
  static const char sql[] = "{b} {a} {b} {{c}} {_d1} {e";
  extract_names names = {0};
  assert_int_equal(extract_template_names(sql, sizeof sql - 1, &names, NULL), BR_OK);
  assert_int_equal(names.count, 3);
  assert_string_equal(names.items[0], "_d1");
  assert_string_equal(names.items[1], "a");
  assert_string_equal(names.items[2], "b");
  extract_names_done(&names);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  static const char sql[] = "{a} {b_2} {orders_table} {{x}}";
  extract_params *params = sample();
  for (long n = 0;; n++) {
    br_buf out;
    br_buf_init(&out, 1024);
    br_mem_fail_after(n);
    br_status st = extract_template_expand("q", sql, sizeof sql - 1, params, &out, NULL);
    br_mem_fail_after(-1);
    br_buf_done(&out);
    if (st == BR_OK) {
      assert_true(n > 8);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
  extract_params_free(params);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FILES_TEST(placeholders_are_replaced_and_nothing_else),
      FILES_TEST(missing_parameters_are_all_named),
      FILES_TEST(names_are_listed_once_and_sorted),
      FILES_TEST(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
