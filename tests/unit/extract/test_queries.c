/* Query files: which count, in which order, and what is wrong with the others. */
#include "extract/queries.h"
#include "files.h"

static void assert_fails(const char *const *only, size_t only_count, br_status status,
                         const char *message) {
  extract_query_files files = {0};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_query_files_load("q", only, only_count, NULL, &files, &err), status);
  assert_string_equal(err.message, message);
  assert_null(files.items);
}

static void sql_files_of_the_folder_are_queries_sorted_by_name(void **state) {
  (void)state;
  write_text("q/b.sql", "SELECT 2");
  write_text("q/a.b.sql", "\xEF\xBB\xBFSELECT 1\r\n");
  write_text("q/c.SQL", "x");
  write_text("q/.sql", "x");
  write_text("q/.hidden.sql", "x");
  write_text("q/notes.txt", "x");
  assert_int_equal(br_dir_make("q/sub", 0700, NULL), BR_OK);
  write_text("q/sub/d.sql", "x");
  extract_query_files files = {0};
  assert_int_equal(extract_query_files_load("q", NULL, 0, NULL, &files, NULL), BR_OK);
  assert_int_equal(files.count, 2);
  assert_string_equal(files.items[0].name, "a.b");
  assert_string_equal(files.items[0].sql, "SELECT 1\r\n");
  assert_int_equal(files.items[0].length, 10);
  assert_string_equal(files.items[1].name, "b");
  extract_query_files_done(&files);
}

static void names_pick_queries_once_each(void **state) {
  (void)state;
  write_text("q/a.sql", "SELECT 1");
  write_text("q/b.sql", "SELECT 2");
  write_bytes("q/broken.sql", "\xFF", 1);
  const char *const only[] = {"b", "a", "b"};
  extract_query_files files = {0};
  assert_int_equal(extract_query_files_load("q", only, 3, NULL, &files, NULL), BR_OK);
  assert_int_equal(files.count, 2);
  assert_string_equal(files.items[0].name, "a");
  assert_string_equal(files.items[1].name, "b");
  extract_query_files_done(&files);
}

static void unknown_names_are_told_with_the_nearest_and_all_there_are(void **state) {
  (void)state;
  write_text("q/flights.sql", "SELECT 1");
  write_text("q/planes.sql", "SELECT 2");
  const char *const only[] = {"fligths", "planes", "x"};
  assert_fails(only, 3, BR_ERR_USAGE,
               "Unknown queries: fligths, x; did you mean flights? (there are: flights, planes)");
}

static void a_missing_or_empty_folder_is_told(void **state) {
  (void)state;
  assert_fails(NULL, 0, BR_ERR_USAGE, "There are no .sql files in q");
  extract_query_files files = {0};
  br_error err = BR_ERROR_INIT;
  assert_int_equal(extract_query_files_load("nowhere", NULL, 0, NULL, &files, &err),
                   BR_ERR_NOT_FOUND);
  assert_string_equal(err.message, "Queries path not found: nowhere");
  write_text("file", "x");
  assert_int_equal(extract_query_files_load("file", NULL, 0, NULL, &files, &err), BR_ERR_NOT_FOUND);
  assert_string_equal(err.message, "Queries path is a file, not a folder: file");
}

static void files_that_are_no_text_are_told_with_their_line(void **state) {
  (void)state;
  write_bytes("q/a.sql", "SELECT 1\n-- \xE9\n", 14);
  assert_fails(NULL, 0, BR_ERR_USAGE, "q/a.sql, line 2: not UTF-8; save the file as UTF-8");
  write_bytes("q/a.sql", "\xFF\xFES\0", 4);
  assert_fails(NULL, 0, BR_ERR_USAGE, "q/a.sql is UTF-16; save it as UTF-8");
  write_bytes("q/a.sql", "\n\n\0", 3);
  assert_fails(NULL, 0, BR_ERR_USAGE, "q/a.sql, line 3: a NUL byte");
  write_text("q/a.sql", "\xEF\xBB\xBF \n;\n");
  assert_fails(NULL, 0, BR_ERR_USAGE, "q/a.sql is empty");
  write_text("q/a.sql", "");
  assert_fails(NULL, 0, BR_ERR_USAGE, "q/a.sql is empty");
}

static void names_that_make_bad_folders_are_refused(void **state) {
  (void)state;
  write_text("q/_a.sql", "SELECT 1");
  assert_fails(NULL, 0, BR_ERR_USAGE,
               "Query name '_a' begins with _: Spark would not see its files; rename it");
  static const char *const bad[] = {"", ".", "..", "../x", "a/b", "a\\b", "a\nb", "\xFF", "_x"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(extract_check_name("Country", bad[i], NULL), BR_ERR_USAGE);
  }
  static const char *const good[] = {"a", "Côte d'Ivoire", "a.b", "a b", "1"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    assert_int_equal(extract_check_name("Country", good[i], NULL), BR_OK);
  }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  write_text("q/a.sql", "SELECT 1");
  write_text("q/b.sql", "SELECT 2");
  for (long n = 0;; n++) {
    extract_query_files files = {0};
    br_mem_fail_after(n);
    br_status st = extract_query_files_load("q", NULL, 0, NULL, &files, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 8);
      extract_query_files_done(&files);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FILES_TEST(sql_files_of_the_folder_are_queries_sorted_by_name),
      FILES_TEST(names_pick_queries_once_each),
      FILES_TEST(unknown_names_are_told_with_the_nearest_and_all_there_are),
      FILES_TEST(a_missing_or_empty_folder_is_told),
      FILES_TEST(files_that_are_no_text_are_told_with_their_line),
      FILES_TEST(names_that_make_bad_folders_are_refused),
      FILES_TEST(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
