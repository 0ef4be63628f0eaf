/* MERGE of Databricks: which clause takes which row, what is counted, what is refused. */
#include "engine_fixture.h"

#include "base/mem.h"

#define START                                                                                      \
  {"CREATE OR REPLACE TABLE t (id STRING NOT NULL, c STRING DEFAULT 'dd', n INT)", ""}, {          \
    "INSERT INTO t VALUES ('1', 'a', 1), ('2', 'b', 2), ('3', 'c', 3)", "(3)\n"                    \
  }
#define ROWS(text)                                                                                 \
  { "SELECT * FROM t ORDER BY id", text }

static void each_row_goes_to_the_first_clause_that_takes_it(void **state) {
  (void)state;
  CHECK(START,
        {"MERGE INTO t USING (SELECT '1' AS id, 'z' AS c UNION ALL SELECT '9', 'new' UNION ALL"
         " SELECT '2', NULL) AS s ON t.id = s.id WHEN MATCHED AND s.c IS NULL THEN DELETE"
         " WHEN MATCHED THEN UPDATE SET c = s.c, t.n = t.n + 10"
         " WHEN NOT MATCHED BY TARGET THEN INSERT (id) VALUES (s.id)"
         " WHEN NOT MATCHED BY SOURCE AND t.n > 2 THEN UPDATE SET n = -1",
         "(4)\n"},
        ROWS("1|z|11\n3|c|-1\n9|dd|NULL\n"));
  const engine_merge_counts counts = engine_rows_merged(session);
  assert_int_equal(counts.updated, 2);
  assert_int_equal(counts.deleted, 1);
  assert_int_equal(counts.inserted, 1);
}

static void stars_take_the_columns_of_the_same_name(void **state) {
  (void)state;
  CHECK(START, {"CREATE OR REPLACE TABLE s (n INT, c STRING, id STRING)", ""},
        {"INSERT INTO s VALUES (7, 'q', '1'), (8, 'w', '7')", "(2)\n"},
        {"MERGE INTO t USING s ON t.id <=> s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED"
         " THEN INSERT *",
         "(2)\n"},
        ROWS("1|q|7\n2|b|2\n3|c|3\n7|w|8\n"),
        {"MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE", "(2)\n"},
        ROWS("1|q|7\n7|w|8\n"));
}

static void conditions_see_the_rows_before_the_change(void **state) {
  (void)state;
  CHECK(START,
        {"MERGE INTO t USING (SELECT id, n FROM t) s ON t.n = s.n + 1 WHEN MATCHED THEN UPDATE SET"
         " n = s.n WHEN NOT MATCHED THEN INSERT (id, c, n) VALUES (concat('new', s.id), DEFAULT,"
         " s.n * 100)",
         "(3)\n"},
        ROWS("1|a|1\n2|b|1\n3|c|2\nnew3|dd|300\n"));
}

#define MULTIPLE                                                                                   \
  "!21506 [DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot perform Merge as "       \
  "multiple source rows matched and attempted to modify the same target row in the Delta table "   \
  "in possibly conflicting ways. SQLSTATE: 21506\n"
#define TWICE "MERGE INTO t USING (SELECT '1' AS id UNION ALL SELECT '1') s ON t.id = s.id "

static void a_row_is_changed_once(void **state) {
  (void)state;
  CHECK(START, {TWICE "WHEN MATCHED THEN UPDATE SET n = 5", MULTIPLE},
        {TWICE "WHEN MATCHED AND t.n > 0 THEN DELETE", MULTIPLE},
        {TWICE "WHEN MATCHED AND t.n > 1 THEN DELETE", "(0)\n"}, ROWS("1|a|1\n2|b|2\n3|c|3\n"),
        {TWICE "WHEN MATCHED THEN DELETE", "(1)\n"}, ROWS("2|b|2\n3|c|3\n"),
        {TWICE "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)", "(2)\n"});
}

static void faults_leave_the_table_as_it_was(void **state) {
  (void)state;
  CHECK(START,
        {"MERGE INTO t USING (SELECT '1' AS id UNION ALL SELECT NULL) s ON t.id = s.id WHEN MATCHED"
         " THEN UPDATE SET n = 5 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
         "!23502 [DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: id. "
         "SQLSTATE: 23502\n"},
        {"MERGE INTO t USING (SELECT '1' AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN"
         " MATCHED THEN UPDATE SET n = 1",
         "!42613 [NON_LAST_MATCHED_CLAUSE_OMIT_CONDITION] When there are more than one clauses of a"
         " kind in a MERGE statement, only the last one can omit the condition. SQLSTATE: 42613\n"},
        {"MERGE INTO t USING (SELECT '9' AS x) s ON t.id = s.x WHEN NOT MATCHED THEN INSERT (id)"
         " VALUES (t.id)",
         "!42703 [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with"
         " name `t`.`id` cannot be resolved. Did you mean one of the following? [`x`]. SQLSTATE:"
         " 42703\n"},
        {"MERGE INTO t USING (SELECT '9' AS x) s ON t.id = s.x WHEN NOT MATCHED THEN INSERT (id, n)"
         " VALUES (s.x)",
         "!21S01 [INSERT_COLUMN_ARITY_MISMATCH] The INSERT of a MERGE names 2 columns and 1 values."
         " SQLSTATE: 21S01\n"},
        ROWS("1|a|1\n2|b|2\n3|c|3\n"));
}

static void each_failing_allocation_is_survived(void **state) {
  (void)state;
  static const char sql[] =
      "MERGE INTO t USING (SELECT '1' AS id, from_json('[\"x\"]', 'ARRAY<STRING>')[0] AS c UNION "
      "ALL"
      " SELECT '8', element_at(map('k', 'v'), 'k')) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET"
      " c = s.c WHEN NOT MATCHED THEN INSERT (id, c) VALUES (s.id, s.c)";
  CHECK(START);
  bool failed = true;
  for (long n = 0; failed && n<6000; n += n> 200 ? 7 : 1) {
    br_mem_fail_after(n);
    char *text = sql_text_run(session, sql, false);
    failed = br_mem_count() > n;
    br_mem_fail_after(-1);
    if (text != NULL && strstr(text, "FAILED") == NULL && strcmp(text, "(2)\n") != 0) {
      print_error("allocation %ld: %s\n", n, text);
    }
    assert_true(text == NULL || strstr(text, "FAILED") != NULL || strcmp(text, "(2)\n") == 0);
    free(text);
    free(sql_text_run(session, "DELETE FROM t WHERE id = '8'", false));
  }
  assert_false(failed);
  CHECK(ROWS("1|x|1\n2|b|2\n3|c|3\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_row_goes_to_the_first_clause_that_takes_it),
      cmocka_unit_test(stars_take_the_columns_of_the_same_name),
      cmocka_unit_test(conditions_see_the_rows_before_the_change),
      cmocka_unit_test(a_row_is_changed_once),
      cmocka_unit_test(faults_leave_the_table_as_it_was),
      cmocka_unit_test(each_failing_allocation_is_survived),
  };
  return cmocka_run_group_tests(tests, open_databricks, close_engine);
}
