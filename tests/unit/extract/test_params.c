/* Parameters: deep merge, names, ambiguity, where each came from, broken files. */
#include "extract/params.h"
#include "files.h"

static extract_params *load(const char *country) {
  extract_params *params = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = extract_params_load("c", country, NULL, &params, &err);
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  assert_int_equal(st, BR_OK);
  return params;
}

static void assert_param(const extract_params *params, const char *name, const char *value,
                         const char *file, size_t line) {
  const extract_param *param = NULL;
  assert_int_equal(extract_params_find(params, name, &param, NULL), BR_OK);
  assert_string_equal(param->value, value);
  assert_string_equal(param->file, file);
  assert_int_equal(param->line, line);
}

static void the_country_wins_deeply(void **state) {
  (void)state;
  write_text("c/common_params.yaml",
             "factor: factor_rw1 as factor_rw\ndatabase: d\ntables:\n  a: A\n  b: B\nlist: [x, y]\n"
             "gone: {z: 1}\n");
  write_text(
      "c/North.yaml",
      "database: n\ntables:\n  b: NB\n  c: NC\nlist: [u]\ngone: now a value\ncountry_code: N\n");
  extract_params *params = load("North");
  assert_param(params, "factor", "factor_rw1 as factor_rw", "common_params.yaml", 1);
  assert_param(params, "database", "n", "North.yaml", 1);
  assert_param(params, "tables_a", "A", "common_params.yaml", 4);
  assert_param(params, "tables_b", "NB", "North.yaml", 3);
  assert_param(params, "tables_c", "NC", "North.yaml", 4);
  assert_param(params, "list", "u", "North.yaml", 5);
  assert_param(params, "gone", "now a value", "North.yaml", 6);
  assert_param(params, "country_code", "N", "North.yaml", 7);
  assert_param(params, "country", "North", "--country", 0);
  assert_int_equal(extract_params_count(params), 9);
  for (size_t i = 1; i < extract_params_count(params); i++) {
    assert_true(strcmp(extract_params_at(params, i - 1)->name, extract_params_at(params, i)->name) <
                0);
  }
  const extract_param *param = NULL;
  assert_int_equal(extract_params_find(params, "gone_z", &param, NULL), BR_ERR_NOT_FOUND);
  assert_int_equal(extract_params_find(params, "tables", &param, NULL), BR_ERR_NOT_FOUND);
  extract_params_free(params);
}

static void values_are_the_text_that_was_written(void **state) {
  (void)state;
  write_text("c/North.yaml", "a: 1.0\nb: NO\nc: null\nd: ~\ne: [1.0, 'x', ~, NO]\nf: []\n"
                             "g: \"J'K\"\nh: 2013-01-01\n");
  extract_params *params = load("North");
  assert_param(params, "a", "1.0", "North.yaml", 1);
  assert_param(params, "b", "NO", "North.yaml", 2);
  assert_param(params, "c", "", "North.yaml", 3);
  assert_param(params, "d", "", "North.yaml", 4);
  assert_param(params, "e", "1.0, x, , NO", "North.yaml", 5);
  assert_param(params, "f", "", "North.yaml", 6);
  assert_param(params, "g", "J'K", "North.yaml", 7);
  assert_param(params, "h", "2013-01-01", "North.yaml", 8);
  extract_params_free(params);
}

static void nested_keys_answer_to_path_and_last_part(void **state) {
  (void)state;
  write_text("c/North.yaml", "tables: {orders_table: J_Orders}\na.b: {c: 1}\n");
  extract_params *params = load("North");
  assert_param(params, "tables_orders_table", "J_Orders", "North.yaml", 1);
  assert_param(params, "orders_table", "J_Orders", "North.yaml", 1);
  assert_param(params, "c", "1", "North.yaml", 2);
  const extract_param *param = NULL;
  assert_int_equal(extract_params_find(params, "b", &param, NULL), BR_ERR_NOT_FOUND);
  extract_params_free(params);
}

static void assert_ambiguous(const extract_params *params, const char *name, const char *message) {
  const extract_param *param = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_params_find(params, name, &param, &err), BR_ERR_USAGE);
  assert_string_equal(err.message, message);
}

static void a_name_that_two_keys_answer_to_names_both(void **state) {
  (void)state;
  write_text("c/common_params.yaml", "orders: {table: A}\nx_y: 1\n");
  write_text("c/North.yaml", "returns: {table: B}\nx: {y: 2}\nwhere: {country: Z}\n");
  extract_params *params = load("North");
  assert_ambiguous(params, "table",
                   "Parameter 'table' is ambiguous: orders.table (common_params.yaml) and "
                   "returns.table (North.yaml) both answer to it; use a full name, or rename one");
  assert_param(params, "orders_table", "A", "common_params.yaml", 1);
  assert_ambiguous(
      params, "x_y",
      "Parameter 'x_y' is ambiguous: x.y (North.yaml) and x_y (common_params.yaml) both "
      "answer to it; rename one");
  assert_ambiguous(params, "country",
                   "Parameter 'country' is ambiguous: country (--country) and where.country "
                   "(North.yaml) both answer to it; use a full name, or rename one");
  extract_params_free(params);
}

static void a_file_may_define_country_itself(void **state) {
  (void)state;
  write_text("c/North.yaml", "country: NO\n");
  extract_params *params = load("North");
  assert_param(params, "country", "NO", "North.yaml", 1);
  assert_int_equal(extract_params_count(params), 1);
  extract_params_free(params);
}

static void without_a_country_only_the_common_ones_count(void **state) {
  (void)state;
  extract_params *params = load(NULL);
  assert_int_equal(extract_params_count(params), 0);
  extract_params_free(params);
  write_text("c/common_params.yaml", "a: 1\n");
  params = load(NULL);
  assert_int_equal(extract_params_count(params), 1);
  extract_params_free(params);
}

static void assert_fails(const char *country, br_status status, const char *message) {
  extract_params *params = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_params_load("c", country, NULL, &params, &err), status);
  assert_string_equal(err.message, message);
  assert_null(params);
}

static void an_unknown_country_lists_those_there_are(void **state) {
  (void)state;
  assert_fails(
      "North", BR_ERR_NOT_FOUND,
      "There is no country 'North': c/North.yaml does not exist (there are no countries in "
      "that folder)");
  write_text("c/common_params.yaml", "");
  write_text("c/permissions.yaml", "users: []");
  write_text("c/Southland.yaml", "");
  write_text("c/Northland.yaml", "");
  write_text("c/notes.txt", "");
  assert_fails("Norhtland", BR_ERR_NOT_FOUND,
               "There is no country 'Norhtland': c/Norhtland.yaml does not exist; did you mean "
               "Northland? (there are: Northland, Southland)");
  assert_fails(
      "common_params", BR_ERR_NOT_FOUND,
      "There is no country 'common_params': c/common_params.yaml does not exist (there are: "
      "Northland, Southland)");
  assert_fails("../x", BR_ERR_USAGE,
               "Country name '../x' begins with .: Spark would not see its files; rename it");
}

static void broken_files_name_line_and_column(void **state) {
  (void)state;
  write_text("c/North.yaml", "a: 1\na: 2\n");
  assert_fails("North", BR_ERR_DATA,
               "c/North.yaml, line 2, column 1: the key 'a' stands already in line 1");
  write_text("c/North.yaml", "- a\n");
  assert_fails("North", BR_ERR_DATA,
               "c/North.yaml, line 1, column 1: expected parameters as key: value");
  write_text("c/North.yaml", "a:\n  - b\n  - {c: d}\n");
  assert_fails("North", BR_ERR_DATA,
               "c/North.yaml, line 3, column 5: an entry of the list is no plain value");
  write_text("c/North.yaml", "");
  write_text("c/common_params.yaml", "a: {x: [b, [c]]}\n");
  assert_fails("North", BR_ERR_DATA,
               "c/common_params.yaml, line 1, column 12: an entry of the list is no plain value");
  write_text("c/common_params.yaml", "a: [\n");
  assert_fails("North", BR_ERR_DATA,
               "c/common_params.yaml, line 2, column 1: did not find expected node content");
}

static void a_link_that_leads_nowhere_is_no_missing_file(void **state) {
  (void)state;
  write_text("c/North.yaml", "a: 1\n");
  assert_int_equal(symlink("nowhere", "c/common_params.yaml"), 0);
  assert_fails("North", BR_ERR_DATA,
               "c/common_params.yaml is a link to a file that does not exist");
  assert_fails(NULL, BR_ERR_DATA, "c/common_params.yaml is a link to a file that does not exist");
  assert_int_equal(rename("c/common_params.yaml", "c/South.yaml"), 0);
  assert_fails("South", BR_ERR_DATA, "c/South.yaml is a link to a file that does not exist");
}

static void a_file_of_the_country_under_another_name_is_told(void **state) {
  (void)state;
  write_text("c/North.yml", "");
  assert_fails("North", BR_ERR_NOT_FOUND,
               "There is no country 'North': c/North.yaml does not exist; rename c/North.yml to "
               "North.yaml (there are no countries in that folder)");
  write_text("c/South.yaml", "");
  assert_fails("South.yaml", BR_ERR_NOT_FOUND,
               "There is no country 'South.yaml': c/South.yaml.yaml does not exist; did you mean "
               "South? (there are: South)");
  assert_fails("South.yml", BR_ERR_NOT_FOUND,
               "There is no country 'South.yml': c/South.yml.yaml does not exist; did you mean "
               "South? (there are: South)");
}

static void a_missing_folder_is_told(void **state) {
  (void)state;
  extract_params *params = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_params_load("nowhere", "North", NULL, &params, &err), BR_ERR_NOT_FOUND);
  assert_string_equal(err.message, "Config path not found: nowhere");
  write_text("c/North.yaml", "a: 1\n");
  assert_int_equal(extract_params_load("c/North.yaml", "North", NULL, &params, &err),
                   BR_ERR_NOT_FOUND);
  assert_string_equal(err.message, "Config path is a file, not a folder: c/North.yaml");
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  write_text("c/common_params.yaml", "a: {b: 1, c: [x, y]}\n");
  write_text("c/North.yaml", "a: {b: 2}\nd: 3\n");
  for (long n = 0;; n++) {
    extract_params *params = NULL;
    br_mem_fail_after(n);
    br_status st = extract_params_load("c", "North", NULL, &params, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 30);
      extract_params_free(params);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FILES_TEST(the_country_wins_deeply),
      FILES_TEST(values_are_the_text_that_was_written),
      FILES_TEST(nested_keys_answer_to_path_and_last_part),
      FILES_TEST(a_name_that_two_keys_answer_to_names_both),
      FILES_TEST(a_file_may_define_country_itself),
      FILES_TEST(without_a_country_only_the_common_ones_count),
      FILES_TEST(an_unknown_country_lists_those_there_are),
      FILES_TEST(broken_files_name_line_and_column),
      FILES_TEST(a_link_that_leads_nowhere_is_no_missing_file),
      FILES_TEST(a_file_of_the_country_under_another_name_is_told),
      FILES_TEST(a_missing_folder_is_told),
      FILES_TEST(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
