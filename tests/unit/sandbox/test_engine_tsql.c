/* What T-SQL batches answer: one table of batches and their results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sql_text.h"

typedef struct answer {
  const char *sql, *text;
} answer;

static engine *the_engine;
static engine_session *session;

static int open_engine(void **state) {
  (void)state;
  char path[] = "/tmp/engine-test-XXXXXX";
  int fd = mkstemp(path);
  const engine_options options = {.dialect = ENGINE_TSQL, .path = path};
  if (fd < 0 || close(fd) != 0 || engine_open(&options, &the_engine, NULL) != BR_OK) {
    return -1;
  }
  br_status st = engine_session_new(the_engine, &session, NULL);
  (void)remove(path);
  return st == BR_OK ? 0 : -1;
}

static int close_engine(void **state) {
  (void)state;
  engine_session_free(session);
  engine_close(the_engine);
  return 0;
}

static void check(const answer *answers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char *text = sql_text_run(session, answers[i].sql, false);
    if (strcmp(text, answers[i].text) != 0) {
      print_error("%s\n", answers[i].sql);
    }
    assert_string_equal(text, answers[i].text);
    free(text);
  }
}

#define CHECK(...)                                                                                 \
  do {                                                                                             \
    static const answer answers[] = {__VA_ARGS__};                                                 \
    check(answers, sizeof answers / sizeof answers[0]);                                            \
  } while (0)

static void integer_division_cuts_and_decimals_keep_their_documented_scale(void **state) {
  (void)state;
  CHECK({"SELECT 1/2, -7/2, 7 % 3, 1.0/3, 2.0/3", "0|-3|1|0.333333|0.666666\n"},
        {"SELECT CAST(1 AS decimal(10,4)) / CAST(3 AS decimal(10,2))", "0.333333333333333\n"},
        {"SELECT CAST(99999999999999999999999999999999999999 AS decimal(38,0)) + 1",
         "!8115 Arithmetic overflow error converting expression to data type numeric.\n"},
        {"SELECT 2147483647 + 1",
         "!8115 Arithmetic overflow error converting expression to data type int.\n"},
        {"SELECT 1/0", "!8134 Divide by zero error encountered.\n"});
}

static void text_compares_without_case_and_trailing_blanks(void **state) {
  (void)state;
  CHECK({"SELECT CASE WHEN 'abc' = 'ABC  ' THEN 1 ELSE 0 END", "1\n"},
        {"SELECT CASE WHEN N'straße' = N'STRASSE' THEN 1 ELSE 0 END", "1\n"},
        {"SELECT CASE WHEN 'a' = 'ä' THEN 1 ELSE 0 END", "0\n"},
        {"SELECT CASE WHEN 'abc' LIKE 'A[a-c]_' THEN 1 ELSE 0 END", "1\n"},
        {"SELECT CASE WHEN 'a%c' LIKE 'a!%c' ESCAPE '!' THEN 1 ELSE 0 END", "1\n"},
        {"SELECT x FROM (VALUES ('b'), ('A'), ('a'), ('B')) v(x) GROUP BY x ORDER BY x", "A\nb\n"});
}

static void rows_are_stored_with_their_types(void **state) {
  (void)state;
  CHECK({"CREATE TABLE dbo.t (id int IDENTITY(10,5) PRIMARY KEY, name nvarchar(5) NOT NULL,"
         " d decimal(10,2), w datetime, g uniqueidentifier DEFAULT NEWID(), v varbinary(4))",
         ""},
        {"INSERT INTO t (name, d, w, v) VALUES (N'ab', 1.005, '2020-01-02 03:04:05.678', 0xAB),"
         " ('c', NULL, NULL, NULL)",
         "(2)\n"},
        {"SELECT id, name, d, w, v FROM t ORDER BY id",
         "10|ab|1.01|2020-01-02 03:04:05.677000|0xAB\n15|c|NULL|NULL|NULL\n"},
        {"SELECT SCOPE_IDENTITY(), @@ROWCOUNT", "15|2\n"},
        {"INSERT INTO t (name) VALUES ('toolong')",
         "!2628 String or binary data would be truncated in table 'master.dbo.t', column 'name'. "
         "Truncated value: 'toolo'.\n#3621 The statement has been terminated.\n"},
        {"INSERT INTO t (name) VALUES (NULL)",
         "!515 Cannot insert the value NULL into column 'name', table 'master.dbo.t'; column does "
         "not allow nulls. INSERT fails.\n#3621 The statement has been terminated.\n"},
        {"INSERT INTO t (id, name) VALUES (1, 'x')",
         "!544 Cannot insert explicit value for identity column in table 't' when IDENTITY_INSERT "
         "is set to OFF.\n"},
        {"UPDATE t SET d = d + 1 WHERE id = 10; SELECT d FROM t WHERE id = 10", "(1)\n2.01\n"},
        {"DELETE FROM t WHERE name = 'C'; SELECT COUNT(*) FROM t", "(1)\n1\n"},
        {"DROP TABLE t", ""});
}

static void keys_and_constraints_hold_at_the_end_of_a_statement(void **state) {
  (void)state;
  CHECK(
      {"CREATE TABLE p (id int CONSTRAINT pk_p PRIMARY KEY, u int CONSTRAINT uq_p UNIQUE)", ""},
      {"CREATE TABLE c (id int, pid int CONSTRAINT fk_c REFERENCES p(id), n int CONSTRAINT ck_n"
       " CHECK (n > 0))",
       ""},
      {"INSERT INTO p VALUES (1, 1), (2, NULL)", "(2)\n"},
      {"INSERT INTO p VALUES (2, 5)",
       "!2627 Violation of PRIMARY KEY constraint 'pk_p'. Cannot insert duplicate key in object "
       "'dbo.p'. The duplicate key value is (2).\n#3621 The statement has been terminated.\n"},
      {"INSERT INTO p VALUES (3, NULL)",
       "!2627 Violation of UNIQUE KEY constraint 'uq_p'. Cannot insert duplicate key in object "
       "'dbo.p'. The duplicate key value is (<NULL>).\n#3621 The statement has been "
       "terminated.\n"},
      {"UPDATE p SET id = id + 1; SELECT id FROM p ORDER BY id", "(2)\n2\n3\n"},
      {"INSERT INTO c VALUES (1, 9, 1)",
       "!547 The INSERT statement conflicted with the FOREIGN KEY constraint \"fk_c\". The "
       "conflict occurred in database \"master\", table \"dbo.p\", column 'id'.\n#3621 The "
       "statement has been terminated.\n"},
      {"INSERT INTO c VALUES (1, 2, 0)",
       "!547 The INSERT statement conflicted with the CHECK constraint \"ck_n\". The conflict "
       "occurred in database \"master\", table \"dbo.c\".\n#3621 The statement has been "
       "terminated.\n"},
      {"INSERT INTO c VALUES (1, 2, NULL)", "(1)\n"},
      {"DELETE FROM p WHERE id = 2",
       "!547 The DELETE statement conflicted with the REFERENCE constraint \"fk_c\". The conflict "
       "occurred in database \"master\", table \"dbo.c\", column 'pid'.\n#3621 The statement has "
       "been terminated.\n"},
      {"DROP TABLE c; DROP TABLE p", ""});
}

static void names_that_lead_nowhere_have_their_errors(void **state) {
  (void)state;
  CHECK({"SELECT 1 FROM nope", "!208 Invalid object name 'nope'.\n"},
        {"CREATE TABLE n (a int, b int)", ""},
        {"SELECT x FROM n", "!207 Invalid column name 'x'.\n"},
        {"SELECT z.a FROM n", "!4104 The multi-part identifier \"z.a\" could not be bound.\n"},
        {"SELECT a FROM n x, n y", "!209 Ambiguous column name 'a'.\n"},
        {"SELECT a, b FROM n GROUP BY a",
         "!8120 Column 'dbo.n.b' is invalid in the select list because it is not contained in "
         "either an aggregate function or the GROUP BY clause.\n"},
        {"SELECT a FROM n WHERE", "!156 Incorrect syntax near the keyword 'WHERE'.\n"},
        {"SELECT nope(1)", "!195 'nope' is not a recognized built-in function name.\n"},
        {"SELECT CAST('abc' AS int)",
         "!245 Conversion failed when converting the varchar value 'abc' to data type int.\n"},
        {"SELECT CAST('1.x' AS decimal(5,2))",
         "!8114 Error converting data type varchar to numeric.\n"},
        {"DROP TABLE n", ""});
}

static void transactions_and_savepoints_undo_what_they_should(void **state) {
  (void)state;
  CHECK({"CREATE TABLE x (a int)", ""},
        {"BEGIN TRAN; INSERT INTO x VALUES (1); SAVE TRAN s; INSERT INTO x VALUES (2);"
         " ROLLBACK TRAN s; COMMIT; SELECT a FROM x",
         "(1)\n(1)\n1\n"},
        {"BEGIN TRAN; DELETE FROM x; ROLLBACK; SELECT COUNT(*) FROM x", "(1)\n1\n"},
        {"BEGIN TRAN; INSERT INTO x VALUES (3); SELECT @@TRANCOUNT; SELECT CAST('q' AS int);"
         " SELECT 'never'",
         "(1)\n1\n!245 Conversion failed when converting the varchar value 'q' to data type "
         "int.\n"},
        {"SELECT @@TRANCOUNT, COUNT(*) FROM x", "0|1\n"},
        {"COMMIT", "!3902 The COMMIT TRANSACTION request has no corresponding BEGIN "
                   "TRANSACTION.\n"},
        {"DROP TABLE x", ""});
}

static void control_of_flow_runs_as_written(void **state) {
  (void)state;
  CHECK({"DECLARE @i int = 0, @s varchar(20) = ''; WHILE 1 = 1 BEGIN SET @i += 1; IF @i = 2"
         " CONTINUE; IF @i > 4 BREAK; SET @s = @s + CAST(@i AS varchar) END; SELECT @s",
         "134\n"},
        {"BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH", "8134\n"},
        {"BEGIN TRY THROW 50001, 'mine', 3 END TRY BEGIN CATCH THROW END CATCH", "!50001 mine\n"},
        {"RAISERROR('n %d of %s', 16, 1, 5, 'x'); SELECT 1", "!50000 n 5 of x\n1\n"},
        {"PRINT 'hello'", "#0 hello\n"});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integer_division_cuts_and_decimals_keep_their_documented_scale),
      cmocka_unit_test(text_compares_without_case_and_trailing_blanks),
      cmocka_unit_test(rows_are_stored_with_their_types),
      cmocka_unit_test(keys_and_constraints_hold_at_the_end_of_a_statement),
      cmocka_unit_test(names_that_lead_nowhere_have_their_errors),
      cmocka_unit_test(transactions_and_savepoints_undo_what_they_should),
      cmocka_unit_test(control_of_flow_runs_as_written),
  };
  return cmocka_run_group_tests(tests, open_engine, close_engine);
}
