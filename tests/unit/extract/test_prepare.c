/* What is known before anything runs: queries with their SQL, and all mistakes at once. */
#include "extract/prepare.h"
#include "files.h"

static br_status prepare(extract_prepared *prepared, br_error *err) {
  extract_prepare_options options = {.queries_path = "q", .config_path = "c", .country = "North"};
  return extract_prepare(&options, prepared, err);
}

static void queries_carry_their_sql_and_the_parameters_they_use(void **state) {
  (void)state;
  write_text("q/b.sql", "SELECT * FROM {orders} WHERE c = '{country}' -- {t_orders}");
  write_text("q/a.sql", "SELECT 1");
  write_text("c/North.yaml", "database: sales\nt: {orders: dbo.o}\nunused: 1\n");
  extract_prepared prepared = {0};
  assert_int_equal(prepare(&prepared, NULL), BR_OK);
  assert_int_equal(prepared.count, 2);
  assert_string_equal(prepared.database, "sales");
  assert_string_equal(prepared.queries[0].name, "a");
  assert_int_equal(prepared.queries[0].parameter_count, 0);
  const extract_query *b = &prepared.queries[1];
  assert_string_equal(b->sql, "SELECT * FROM dbo.o WHERE c = 'North' -- dbo.o");
  assert_int_equal(b->parameter_count, 3);
  assert_string_equal(b->parameters[0].name, "country");
  assert_string_equal(b->parameters[0].value, "North");
  assert_string_equal(b->parameters[1].name, "orders");
  assert_string_equal(b->parameters[2].name, "t_orders");
  extract_prepared_done(&prepared);
}

static void mistakes_of_all_queries_are_told_at_once(void **state) {
  (void)state;
  write_text("q/a.sql", "SELECT {x}");
  write_text("q/b.sql", "SELECT 1");
  write_text("q/c.sql", "SELECT {y}, {z}");
  write_text("c/North.yaml", "");
  extract_prepared prepared = {0};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(prepare(&prepared, &err), BR_ERR_USAGE);
  assert_string_equal(err.message, "Missing parameters for query 'a': x\n"
                                   "Missing parameters for query 'c': y, z");
  assert_null(prepared.queries);
}

static void an_empty_or_ambiguous_database_is_handled(void **state) {
  (void)state;
  write_text("q/a.sql", "SELECT 1");
  write_text("c/North.yaml", "database: ~\n");
  extract_prepared prepared = {0};
  assert_int_equal(prepare(&prepared, NULL), BR_OK);
  assert_null(prepared.database);
  extract_prepared_done(&prepared);
  write_text("c/North.yaml", "database: a\nother: {database: b}\n");
  br_error err = BR_ERROR_INIT;
  assert_int_equal(prepare(&prepared, &err), BR_ERR_USAGE);
  assert_non_null(strstr(err.message, "Parameter 'database' is ambiguous"));
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  write_text("q/a.sql", "SELECT {x}, {t_y}");
  write_text("q/b.sql", "SELECT {y}");
  write_text("c/North.yaml", "x: 1\nt: {y: 2}\n");
  for (long n = 0;; n++) {
    extract_prepared prepared = {0};
    br_mem_fail_after(n);
    br_status st = prepare(&prepared, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 40);
      extract_prepared_done(&prepared);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

/* The samples that come with the program fit each other. */
static void the_sample_queries_find_their_parameters_in_both_countries(void **state) {
  (void)state;
  static const char *const countries[] = {"Northland", "Southland"};
  for (size_t i = 0; i < 2; i++) {
    extract_prepare_options options = {.queries_path = SOURCE_ROOT "/examples/flights/queries",
                                       .config_path = SOURCE_ROOT "/config",
                                       .country = countries[i]};
    extract_prepared prepared = {0};
    assert_int_equal(extract_prepare(&options, &prepared, NULL), BR_OK);
    assert_int_equal(prepared.count, 5);
    assert_string_equal(prepared.database, "nycflights");
    extract_prepared_done(&prepared);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FILES_TEST(queries_carry_their_sql_and_the_parameters_they_use),
      FILES_TEST(mistakes_of_all_queries_are_told_at_once),
      FILES_TEST(an_empty_or_ambiguous_database_is_handled),
      FILES_TEST(the_sample_queries_find_their_parameters_in_both_countries),
      FILES_TEST(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
