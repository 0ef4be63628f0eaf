/* What Databricks SQL statements answer. */
#include "engine_fixture.h"

#define BAD_RANGE                                                                                  \
  "!38000 [FAILED_FUNCTION_CALL] Failed preparing of the function `range` for call. Please, "      \
  "double "                                                                                        \
  "check function's arguments. SQLSTATE: 38000\n"

static void names_with_hyphens_hold_tables_of_every_type(void **state) {
  (void)state;
  CHECK({"CREATE CATALOG `000-x`", ""}, {"CREATE SCHEMA `000-x`.events", ""},
        {"CREATE TABLE IF NOT EXISTS `000-x`.`events`.e (id STRING, op STRING NOT NULL, keys "
         "ARRAY<STRING>, priority INT DEFAULT 5, m MAP<STRING,STRING>, at TIMESTAMP, d "
         "DECIMAL(10,2)) USING DELTA COMMENT 'x' TBLPROPERTIES ('a'='b')",
         ""},
        {"INSERT INTO `000-x`.events.e (id, op, keys, m, at) VALUES ('e\\'1', 'INSERT', "
         "ARRAY('a','b'), map('k','v'), timestamp'2020-01-01 10:00:00'), ('e2', 'DELETE', "
         "ARRAY('c'), NULL, NULL)",
         "(2)\n"},
        {"SELECT id, keys, m, priority, at FROM `000-x`.events.e WHERE op = 'INSERT'",
         "e'1|[\"a\",\"b\"]|{\"k\":\"v\"}|5|2020-01-01 10:00:00.000000Z\n"},
        {"INSERT INTO `000-x`.events.e (id) VALUES ('e3')",
         "!23502 [DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: op. "
         "SQLSTATE: 23502\n"},
        {"UPDATE `000-x`.events.e SET priority = priority + 1 WHERE id = 'e2'", "(1)\n"},
        {"DELETE FROM `000-x`.events.e WHERE priority = 6", "(1)\n"},
        {"CREATE OR REPLACE TABLE t AS SELECT id, priority FROM `000-x`.events.e", "(1)\n"},
        {"SELECT * FROM main.default.t", "e'1|5\n"},
        {"SELECT column_name, full_data_type FROM `000-x`.information_schema.columns ORDER BY "
         "ordinal_position LIMIT 3",
         "id|string\nop|string\nkeys|array<string>\n"},
        {"DROP TABLE t", ""});
}

static void values_and_ranges_are_tables(void **state) {
  (void)state;
  CHECK(
      {"SELECT * FROM VALUES (1, 'a'), (2, NULL) AS t(n, s) WHERE n > 0 ORDER BY n DESC",
       "2|NULL\n1|a\n"},
      {"SELECT col2, col1 FROM VALUES (1, 'a')", "a|1\n"},
      {"SELECT t.n + 1 FROM VALUES 1, 2 t(n)", "2\n3\n"}, {"SELECT col1 FROM VALUES -1", "-1\n"},
      {"SELECT size(col1) FROM VALUES array(1, 2)", "2\n"},
      {"SELECT a.x, b.y FROM VALUES (1), (2) AS a(x) JOIN VALUES (2, 'b') AS b(x, y) ON a.x = b.x",
       "2|b\n"},
      {"CREATE OR REPLACE TABLE v AS SELECT * FROM VALUES (1, CAST(1.5 AS DECIMAL(10, 2))), (2, "
       "NULL)"
       " AS t(id, amount)",
       "(2)\n"},
      {"SELECT column_name, full_data_type FROM information_schema.columns WHERE table_name = 'v'"
       " ORDER BY ordinal_position",
       "id|int\namount|decimal(10,2)\n"},
      {"SELECT * FROM VALUES (1, 2), (3) AS t(a, b)",
       "!42000 [INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH] Invalid inline table: rows differ in "
       "width. SQLSTATE: 42000\n"},
      {"SELECT * FROM VALUES (1) AS t(a, b)",
       "!42802 [ASSIGNMENT_ARITY_MISMATCH] The number of columns or variables assigned or aliased:"
       " 2 does not match the number of source expressions: 1. SQLSTATE: 42802\n"},
      {"CREATE TABLE values (i INT)", ""}, {"SELECT i FROM values", ""},
      {"SELECT i FROM values WHERE (i = 1)", ""},
      {"SELECT i FROM values, (SELECT 1 AS n) AS one", ""},
      {"SELECT i FROM values JOIN (SELECT 1 AS n) AS one ON n = i", ""},
      {"SELECT values.i FROM values AS values WHERE values.i = 1", ""},
      {"SELECT id FROM range(3)", "0\n1\n2\n"}, {"SELECT * FROM range(-3, 0)", "-3\n-2\n-1\n"},
      {"SELECT r.n FROM RANGE(1, 8, 3) AS r(n)", "1\n4\n7\n"},
      {"SELECT t.* FROM range(0, -5, -2, 2) AS t", "0\n-2\n-4\n"},
      {"SELECT id FROM range(5, 5)", ""}, {"SELECT id FROM range(5, 1)", ""},
      {"SELECT count(*), sum(id) FROM range(100000)", "100000|4999950000\n"},
      {"SELECT id FROM range(9223372036854775805, 9223372036854775807, 5)",
       "9223372036854775805\n"},
      {"SELECT id FROM range(9223372036854775800, 9223372036854775807, 3)",
       "9223372036854775800\n9223372036854775803\n9223372036854775806\n"},
      {"SELECT id FROM range(-9223372036854775805, -9223372036854775808, -2)",
       "-9223372036854775805\n-9223372036854775807\n"},
      {"SELECT id FROM range(9223372036854775807) LIMIT 2", "0\n1\n"},
      {"CREATE OR REPLACE TABLE v AS SELECT CAST(id AS INT) AS i, id, true AS t FROM range(2)",
       "(2)\n"},
      {"SELECT column_name, full_data_type FROM information_schema.columns WHERE table_name = 'v'"
       " ORDER BY ordinal_position",
       "i|int\nid|bigint\nt|boolean\n"},
      {"SELECT * FROM range(1, 2, 0)", BAD_RANGE}, {"SELECT * FROM range(NULL)", BAD_RANGE},
      {"SELECT * FROM range(1, 2, 3, 4, 5)",
       "!42605 [WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `range` requires [1, 2, 3, 4] parameters. "
       "SQLSTATE: 42605\n"},
      {"SELECT * FROM range(1 + 1)",
       "!0A000 [UNSUPPORTED_FEATURE] The feature is not supported by the sandbox: range of "
       "anything but literals. SQLSTATE: 0A000\n"},
      {"SELECT * FROM nobody(1)",
       "!0A000 [UNSUPPORTED_FEATURE] The feature is not supported by the sandbox: The table "
       "function 'nobody'. SQLSTATE: 0A000\n"},
      {"SELECT * FROM range()",
       "!42605 [WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `range` requires [1, 2, 3, 4] parameters. "
       "SQLSTATE: 42605\n"},
      {"DROP TABLE v", ""}, {"DROP TABLE values", ""});
}

static void numbers_follow_the_ansi_rules(void **state) {
  (void)state;
  CHECK(
      {"SELECT 7/2, 7 DIV 2, 1.5 + 1, '5' + 1, 7 % 3, 0.1 + 0.2", "3.5|3|2.5|6|1|0.3\n"},
      {"SELECT 2147483647 + 1",
       "!22003 [ARITHMETIC_OVERFLOW] INT overflow. Use functions that tolerate overflow and return "
       "NULL instead. If necessary set \"ansi_mode\" to \"false\" to bypass this error. SQLSTATE: "
       "22003\n"},
      {"SELECT 'a' = 'A', 'a' = 'a ', 'a' || 'b' || 1", "false|false|ab1\n"},
      {"SELECT try_cast('x' AS INT), '12'::BIGINT, CAST(1.5 AS STRING), CAST(1e10 AS STRING)",
       "NULL|12|1.5|1.0E10\n"},
      {"SELECT CAST('x' AS INT)",
       "!22018 [CAST_INVALID_INPUT] The value 'x' of the type \"STRING\" cannot be cast to \"INT\" "
       "because it is malformed. Correct the value as per the syntax, or change its target type. "
       "Use `try_cast` to tolerate malformed input and return NULL instead. SQLSTATE: 22018\n"});
}

static void functions_at_their_ends(void **state) {
  (void)state;
  CHECK({"SELECT ceil(1e30D), floor(-1e30D), ceil(1.2D)",
         "9223372036854775807|-9223372036854775808|2\n"},
        {"SELECT locate('', 'abc'), instr('abc', ''), locate('b', 'abcb', 3)", "1|1|4\n"},
        {"SELECT concat_ws(NULL, 'a', 'b'), concat_ws(',', 'a', NULL, 'b')", "NULL|a,b\n"},
        {"SELECT avg(x), avg(DISTINCT x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT"
         " 9223372036854775807)",
         "9.223372036854776e+18|9.223372036854776e+18\n"},
        {"SELECT x % 2 AS x, count(*) AS n FROM (SELECT 1 AS x UNION ALL SELECT 3 UNION ALL SELECT"
         " 2) GROUP BY x ORDER BY x, n",
         "0|1\n1|1\n1|1\n"},
        {"SELECT x % 2 AS y, count(*) AS n FROM (SELECT 1 AS x UNION ALL SELECT 3 UNION ALL SELECT"
         " 2) GROUP BY y ORDER BY y",
         "0|1\n1|2\n"},
        {"SELECT substring('abc', -9223372036854775808, 5), substring('abc', -5, 3)", "|a\n"});
}

static void faults_carry_condition_and_sqlstate(void **state) {
  (void)state;
  CHECK(
      {"SELEC 1",
       "!42601 [PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'. SQLSTATE: 42601 (line 1, pos "
       "0)\n\n== SQL ==\nSELEC 1\n"},
      {"SELECT x FROM (SELECT 1 AS y) t",
       "!42703 [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with "
       "name `x` cannot be resolved. Did you mean one of the following? [`y`]. SQLSTATE: 42703\n"},
      {"SELECT 1; SELECT 2",
       "!42601 [PARSE_SYNTAX_ERROR] Syntax error at or near 'SELECT'. SQLSTATE: 42601 (line 1, pos "
       "10)\n\n== SQL ==\nSELECT 1; SELECT 2\n"});
  char *text = sql_text_run(session, "SELECT * FROM no.such.thing", false);
  assert_non_null(strstr(text, "!42P01 [TABLE_OR_VIEW_NOT_FOUND] The table or view "
                               "`no`.`such`.`thing` cannot be found."));
  free(text);
}

static void parameters_are_values_and_missing_ones_are_named(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_buf out;
  const char sql[] = "SELECT :a + 1, :b, :c IS NULL";
  const engine_parameter parameters[] = {
      {.name = "a", .type = {.type = BATCH_SQL_INT}, .value = "41", .value_length = 2},
      {.name = "b",
       .type = {.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX},
       .value = "it's",
       .value_length = 4},
      {.name = "c", .type = {.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX}},
  };
  br_buf_init(&out, SQL_TEXT_MAX);
  assert_int_equal(engine_execute(session, sql, strlen(sql), parameters, 3, NULL, &err), BR_OK);
  assert_int_equal(sql_text_results(session, &out, false, &err), BR_OK);
  assert_string_equal(br_buf_cstr(&out), "42|it's|true\n");
  br_buf_clear(&out);
  assert_int_equal(engine_execute(session, "SELECT :zz", 10, NULL, 0, NULL, &err), BR_OK);
  assert_int_equal(sql_text_results(session, &out, false, &err), BR_OK);
  assert_non_null(strstr(br_buf_cstr(&out), "[UNBOUND_SQL_PARAMETER]"));
  br_buf_done(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_with_hyphens_hold_tables_of_every_type),
      cmocka_unit_test(values_and_ranges_are_tables),
      cmocka_unit_test(numbers_follow_the_ansi_rules),
      cmocka_unit_test(functions_at_their_ends),
      cmocka_unit_test(faults_carry_condition_and_sqlstate),
      cmocka_unit_test(parameters_are_values_and_missing_ones_are_named),
  };
  return cmocka_run_group_tests(tests, open_databricks, close_engine);
}
