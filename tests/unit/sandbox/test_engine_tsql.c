/* What T-SQL batches answer: one table of batches and their results. */
#include "engine_fixture.h"

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
        {"SELECT x FROM (VALUES ('b'), ('A'), ('a'), ('B')) v(x) GROUP BY x ORDER BY x", "A\nb\n"},
        {"CREATE TABLE c (k char(3)); CREATE TABLE v (k varchar(3)); INSERT c VALUES ('U'); INSERT "
         "v VALUES ('u')",
         "(1)\n(1)\n"},
        {"SELECT v.k FROM c JOIN v ON c.k = v.k; DROP TABLE c; DROP TABLE v", "u\n"});
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
        {"SELECT SCOPE_IDENTITY(), @@ROWCOUNT, ROWCOUNT_BIG(), 2147483647 + ROWCOUNT_BIG()",
         "15|2|2|2147483649\n"},
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

static void dates_and_styles_print_as_documented(void **state) {
  (void)state;
  CHECK({"SELECT CONVERT(varchar(30), CAST('2013-01-01 05:00:00' AS datetime), 0),"
         " CONVERT(varchar(30), CAST('2013-12-31 17:05:09.123' AS datetime), 109)",
         "Jan  1 2013  5:00AM|Dec 31 2013  5:05:09:123PM\n"},
        {"SELECT CONVERT(varchar(10), CAST('2013-02-03' AS date), 101), CONVERT(char(8),"
         " CAST('2013-02-03' AS date), 112), CONVERT(varchar, CAST('2013-02-03T04:05:06' AS"
         " datetime2(0)), 126)",
         "02/03/2013|20130203|2013-02-03T04:05:06\n"},
        {"SELECT DATEADD(month, 1, CAST('2020-01-31' AS date)), DATEDIFF(year, '2019-12-31',"
         " '2020-01-01'), DATEPART(weekday, '2024-09-01'), EOMONTH('2023-02-10')",
         "2020-02-29|1|1|2023-02-28\n"},
        {"SELECT CAST('2020-01-01 23:59:59.999' AS datetime), CAST('2020-01-01 10:00:29.999' AS"
         " smalldatetime)",
         "2020-01-02 00:00:00.000000|2020-01-01 10:01:00.000000\n"},
        {"SELECT CAST('2020-13-01' AS date)",
         "!241 Conversion failed when converting date and/or time from character string.\n"},
        {"SELECT CAST(43830 AS datetime), CAST('20200101' AS datetime) + 1.5",
         "2020-01-02 00:00:00.000000|2020-01-02 12:00:00.000000\n"});
}

static void subqueries_of_more_than_one_row_are_refused(void **state) {
  (void)state;
  CHECK(
      {"SELECT (SELECT x FROM (VALUES (1), (2)) v(x))",
       "!512 Subquery returned more than 1 value. This is not permitted when the subquery follows "
       "=, !=, <, <= , >, >= or when the subquery is used as an expression.\n"},
      {"SELECT (SELECT x FROM (VALUES (1)) v(x)), 3 IN_LIST WHERE 3 > ALL (SELECT 1 UNION SELECT "
       "2)",
       "1|3\n"},
      {"SELECT 1 WHERE 2 NOT IN (SELECT NULL)", ""});
}

static void views_ctes_and_temporary_tables_are_read(void **state) {
  (void)state;
  CHECK(
      {"CREATE TABLE s (a int, b AS a * 2)", ""}, {"INSERT INTO s VALUES (1), (2), (3)", "(3)\n"},
      {"CREATE VIEW v AS SELECT a, b FROM s WHERE a > 1", ""}, {"SELECT SUM(b) FROM v", "10\n"},
      {"WITH q (x) AS (SELECT a FROM v), r AS (SELECT x + 1 AS y FROM q) SELECT y FROM r ORDER BY "
       "y DESC",
       "4\n3\n"},
      {"SELECT a INTO #k FROM s; UPDATE k SET a = k.a * 10 FROM #k k JOIN s ON s.a = k.a WHERE"
       " s.b > 2; SELECT a FROM #k ORDER BY a",
       "(3)\n(2)\n1\n20\n30\n"},
      {"DELETE TOP (1) FROM #k WHERE a > 10; SELECT COUNT(*) FROM tempdb..#k", "(1)\n2\n"},
      {"INSERT INTO s SELECT a + 10 FROM s; SELECT COUNT(*), MAX(b) FROM s", "(3)\n6|26\n"},
      {"SELECT TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME IN ('s','v')"
       " ORDER BY 1",
       "s|BASE TABLE\nv|VIEW\n"},
      {"DROP VIEW v; DROP TABLE s; DROP TABLE #k", ""});
}

static void a_batch_with_an_unknown_column_does_nothing(void **state) {
  (void)state;
  CHECK({"CREATE TABLE u (a int)", ""},
        {"INSERT INTO u VALUES (1); SELECT nope FROM u", "!207 Invalid column name 'nope'.\n"},
        {"SELECT COUNT(*) FROM u", "0\n"},
        {"INSERT INTO u VALUES (1); SELECT 1 FROM later", "(1)\n!208 Invalid object name "
                                                          "'later'.\n"},
        {"SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO u VALUES (2); SELECT 1/0; SELECT 'never'",
         "(1)\n!8134 Divide by zero error encountered.\n"},
        {"SET XACT_ABORT OFF; SELECT @@TRANCOUNT, COUNT(*) FROM u", "0|1\n"}, {"DROP TABLE u", ""});
}

static void a_constant_column_orders_nothing_and_is_no_position(void **state) {
  (void)state;
  CHECK({"SELECT 5 AS a, x FROM (VALUES (3), (1), (2)) v(x) ORDER BY a, x", "5|1\n5|2\n5|3\n"},
        {"SELECT 2 AS a, x FROM (VALUES (3), (1), (2)) v(x) ORDER BY a DESC, x", "2|1\n2|2\n2|3\n"},
        {"SELECT DISTINCT CAST(2.5 AS int) AS a, x FROM (VALUES (3), (1), (2)) v(x) ORDER BY 1, 2",
         "2|1\n2|2\n2|3\n"},
        {"SELECT 5 AS a UNION ALL SELECT 3 ORDER BY a", "3\n5\n"},
        {"SELECT x FROM (VALUES (3), (1), (2)) v(x) ORDER BY x, CAST(1.5 AS int)",
         "!408 A constant expression was encountered in the ORDER BY list, position 2.\n"},
        {"SELECT x FROM (VALUES (3), (1), (2)) v(x) ORDER BY 'x'",
         "!408 A constant expression was encountered in the ORDER BY list, position 1.\n"});
}

#define NO_VARIABLE(position)                                                                      \
  "!1008 The SELECT item identified by the ORDER BY number " position                              \
  " contains a variable as part of the expression identifying a column position. Variables are "   \
  "only allowed when ordering by an expression referencing a column name.\n"

static void a_variable_is_no_position(void **state) {
  (void)state;
  CHECK(
      {"DECLARE @v int = 1; SELECT x FROM (VALUES (3), (1)) t(x) ORDER BY @v", NO_VARIABLE("1")},
      {"DECLARE @v int = 1; SELECT TOP 1 x FROM (VALUES (3), (1)) t(x) ORDER BY x, (@v) DESC",
       NO_VARIABLE("2")},
      {"DECLARE @v varchar(9) = 'x'; SELECT x FROM (VALUES (3)) t(x) ORDER BY CAST(@v AS char(1))",
       NO_VARIABLE("1")},
      {"DECLARE @v int = 1; SELECT x FROM (VALUES (3)) t(x) ORDER BY CONVERT(bigint, @v)",
       NO_VARIABLE("1")},
      {"DECLARE @v int = 1; SELECT 3 AS x UNION ALL SELECT 1 ORDER BY @v", NO_VARIABLE("1")},
      {"EXEC sp_executesql N'SELECT x FROM (VALUES (3)) t(x) ORDER BY @p', N'@p int', 1",
       NO_VARIABLE("1")},
      {"SELECT x FROM (VALUES (3), (1)) t(x) ORDER BY @nobody",
       "!137 Must declare the scalar variable \"@nobody\".\n"},
      /* In an expression, in a window and behind a name it orders. */
      {"DECLARE @v int = -1; SELECT x FROM (VALUES (1), (3)) t(x) ORDER BY x * @v", "3\n1\n"},
      {"DECLARE @v int = 1; SELECT x FROM (VALUES (3)) t(x) ORDER BY @v + 0", "3\n"},
      {"DECLARE @v int = 1; SELECT @v AS a, x FROM (VALUES (3), (1)) t(x) ORDER BY a, x",
       "1|1\n1|3\n"},
      {"DECLARE @v int = 1; SELECT x, ROW_NUMBER() OVER (ORDER BY @v) FROM (VALUES (3)) t(x)",
       "3|1\n"});
}

static void under_fmtonly_nothing_changes(void **state) {
  (void)state;
  CHECK(
      {"CREATE TABLE f (a int PRIMARY KEY, b int); INSERT INTO f VALUES (1, 10)", "(1)\n"},
      {"CREATE TABLE g (a int)", ""},
      {"SET FMTONLY ON; DROP TABLE f; SELECT a FROM f; SET FMTONLY OFF; SELECT a FROM f", "1\n"},
      {"SET FMTONLY ON; INSERT INTO f VALUES (2, 20); UPDATE f SET b = 0; DELETE FROM f;"
       " MERGE f USING (SELECT 3 AS a) s ON f.a = s.a WHEN NOT MATCHED THEN INSERT VALUES (3, 1)"
       " WHEN MATCHED THEN DELETE; TRUNCATE TABLE f; SELECT * INTO h FROM f;"
       " CREATE TABLE k (a int); ALTER TABLE f ADD c int; CREATE INDEX ix ON f (b);"
       " EXEC ('DELETE FROM f'); EXEC sp_executesql N'DROP TABLE g'; CREATE DATABASE other;"
       " BEGIN TRAN; PRINT 'p'; RAISERROR ('r', 16, 1); THROW 50001, 't', 1",
       ""},
      {"INSERT INTO f OUTPUT inserted.a VALUES (5, 5); DELETE FROM f OUTPUT deleted.a WHERE a = 1;"
       " UPDATE f SET b = 1 OUTPUT deleted.b, inserted.b",
       ""},
      {"INSERT INTO f (nope) VALUES (1)", "!207 Invalid column name 'nope'.\n"},
      {"SELECT a INTO #t FROM f; SELECT a FROM #t", "!208 Invalid object name '#t'.\n"},
      {"WAITFOR DELAY '10:00'; WHILE 1 = 1 DELETE FROM f; RETURN; SET FMTONLY OFF; SELECT 'end'",
       "end\n"},
      {"SELECT * FROM f; SELECT COUNT(*) FROM g; SELECT @@TRANCOUNT, OBJECT_ID('h'),"
       " OBJECT_ID('k'), DB_ID('other')",
       "1|10\n0\n0|NULL|NULL|NULL\n"},
      /* What only the session sees goes on, also in both branches. */
      {"DECLARE @i int = 0, @r int = 7; SET FMTONLY ON; IF 1 = 1 SET @i += 1 ELSE SET @i += 2;"
       " BEGIN TRY SET @i += 10 END TRY BEGIN CATCH SET @i += 20; THROW END CATCH;"
       " EXEC @r = sp_getapplock 'x', 'Exclusive', 'Session'; SELECT @i = a FROM f;"
       " SET FMTONLY OFF; SELECT @i, @r, APPLOCK_MODE('public', 'x', 'Session')",
       "33|0|NoLock\n"},
      {"DROP TABLE f; DROP TABLE g", ""});
}

static int count_described(const char *sql) {
  int count = 0;
  engine_result_kind kind = ENGINE_NONE;
  assert_int_equal(engine_execute(session, sql, strlen(sql), NULL, 0, NULL, NULL), BR_OK);
  while (engine_next_result(session, &kind, NULL) == BR_OK) {
    count += kind == ENGINE_ROWS ? 1 : kind == ENGINE_NONE ? 0 : 100;
  }
  return count;
}

static void under_fmtonly_every_branch_is_a_result(void **state) {
  (void)state;
  CHECK({"CREATE TABLE f (a int)", ""});
  assert_int_equal(count_described("SET FMTONLY ON; IF 1 = 2 SELECT 1 AS a ELSE SELECT 2 AS b;"
                                   " BEGIN TRY SELECT 3 AS c END TRY BEGIN CATCH SELECT 4 AS d END"
                                   " CATCH; WHILE 1 = 2 BEGIN SELECT 5 AS e; BREAK; SELECT 6 AS f"
                                   " END; DELETE FROM f OUTPUT deleted.a; EXEC ('SELECT 8 AS h')"),
                   8);
  assert_int_equal(count_described("DELETE FROM f; SELECT a INTO n FROM f; TRUNCATE TABLE f"), 0);
  CHECK({"SET FMTONLY OFF; DROP TABLE f", ""});
}

static void having_without_group_by_sees_one_group_even_of_no_rows(void **state) {
  (void)state;
  CHECK({"CREATE TABLE h (a int)", ""}, {"SELECT COUNT(*) FROM h HAVING COUNT(*) = 0", "0\n"},
        {"SELECT a FROM h GROUP BY a HAVING COUNT(*) = 0", ""}, {"DROP TABLE h", ""});
}

static void a_thousand_rows_of_values_fit_and_one_more_does_not(void **state) {
  char sql[16384] = "CREATE TABLE big (a int); INSERT INTO big VALUES (0)";
  (void)state;
  for (int i = 1; i < 1000; i++) {
    (void)snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ",(%d)", i);
  }
  char *text = sql_text_run(session, sql, false);
  assert_string_equal(text, "(1000)\n");
  free(text);
  (void)snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ",(0)");
  text = sql_text_run(session, strstr(sql, "INSERT"), false);
  assert_non_null(strstr(text, "!10738 "));
  free(text);
  CHECK({"SELECT COUNT(*), SUM(a) FROM big; DROP TABLE big", "1000|499500\n"});
}

static void output_tells_the_rows_before_and_after(void **state) {
  (void)state;
  CHECK({"CREATE TABLE O (Id int IDENTITY(3,1) PRIMARY KEY, N int DEFAULT 7, A nvarchar(5), X AS N"
         " * 2)",
         ""},
        {"INSERT INTO O (A) OUTPUT inserted.Id, inserted.N, inserted.X AS tw VALUES ('a'), ('b')",
         "3|7|14\n4|7|14\n"},
        {"UPDATE O SET N = N + 1 OUTPUT deleted.N, inserted.*, inserted.N - deleted.N WHERE A ="
         " 'a'; SELECT @@ROWCOUNT",
         "7|3|8|a|16|1\n1\n"},
        {"DELETE TOP (1) FROM O OUTPUT deleted.Id", "3\n"},
        {"DELETE o OUTPUT deleted.A FROM O AS o JOIN O AS p ON p.Id = o.Id", "b\n"},
        {"INSERT INTO O (A) OUTPUT Id VALUES ('a')", "!207 Invalid column name 'Id'.\n"},
        {"INSERT INTO O (A) OUTPUT deleted.Id VALUES ('a')",
         "!4104 The multi-part identifier \"deleted.Id\" could not be bound.\n"},
        {"INSERT INTO O (A) OUTPUT inserted.Id INTO #x VALUES ('a')",
         "!40517 OUTPUT … INTO is not supported by the sandbox.\n"},
        {"BEGIN TRAN; INSERT INTO O (A) OUTPUT inserted.Id VALUES ('q'); ROLLBACK; SELECT COUNT(*)"
         " FROM O",
         "5\n0\n"},
        {"DROP TABLE O", ""});
}

#define DOUBLE_KEY "INSERT INTO doom VALUES (5); INSERT INTO doom VALUES (5)"

static void a_doomed_transaction_can_only_be_rolled_back(void **state) {
  (void)state;
  CHECK(
      {"CREATE TABLE doom (Id int NOT NULL CONSTRAINT PK_doom PRIMARY KEY); SET XACT_ABORT ON", ""},
      {"BEGIN TRAN; BEGIN TRY " DOUBLE_KEY " END TRY BEGIN CATCH SELECT ERROR_NUMBER(),"
       " XACT_STATE(), @@TRANCOUNT; IF @@TRANCOUNT > 0 ROLLBACK; THROW END CATCH",
       "(1)\n2627|-1|1\n!2627 Violation of PRIMARY KEY constraint 'PK_doom'. Cannot insert"
       " duplicate key in object 'dbo.doom'. The duplicate key value is (5).\n"},
      {"SELECT COUNT(*), @@TRANCOUNT FROM doom", "0|0\n"},
      {"BEGIN TRAN; BEGIN TRY " DOUBLE_KEY " END TRY BEGIN CATCH SELECT COUNT(*) FROM doom; BEGIN"
       " TRY DELETE FROM doom END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH; BEGIN TRY"
       " COMMIT END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH END CATCH",
       "(1)\n1\n3930\n3930\n!3998 Uncommittable transaction is detected at the end of the batch."
       " The transaction is rolled back.\n"},
      {"SELECT COUNT(*), @@TRANCOUNT, XACT_STATE() FROM doom; SET XACT_ABORT OFF", "0|0|0\n"},
      {"BEGIN TRAN; BEGIN TRY " DOUBLE_KEY " END TRY BEGIN CATCH SELECT XACT_STATE() END CATCH;"
       " COMMIT; SELECT COUNT(*) FROM doom",
       "(1)\n1\n1\n"},
      {"DROP TABLE doom", ""});
}

static void a_table_is_made_with_its_indexes(void **state) {
  (void)state;
  CHECK({"CREATE TABLE #ix (a int, b int, INDEX ix_b UNIQUE (b), INDEX ix_a (a DESC)); WAITFOR"
         " DELAY '00:00:00.001'",
         ""},
        {"INSERT INTO #ix VALUES (1, 1), (1, 1)",
         "!2601 Cannot insert duplicate key row in object 'dbo.#ix' with unique index 'ix_b'. The"
         " duplicate key value is (1).\n#3621 The statement has been terminated.\n"},
        {"DROP TABLE #ix", ""});
}

/* Which columns a result describes as NOT NULL, as letters: n nullable, - not. */
static void check_described(const char *sql, const char *wanted) {
  engine_result_kind kind = ENGINE_NONE;
  char got[16] = "";
  assert_int_equal(engine_execute(session, sql, strlen(sql), NULL, 0, NULL, NULL), BR_OK);
  assert_int_equal(engine_next_result(session, &kind, NULL), BR_OK);
  assert_int_equal(kind, ENGINE_ROWS);
  const batch_schema *schema = engine_result_schema(session);
  for (size_t i = 0; i < schema->count; i++) {
    got[i] = schema->fields[i].nullable ? 'n' : '-';
  }
  assert_string_equal(got, wanted);
}

static void columns_declared_not_null_are_described_so(void **state) {
  (void)state;
  CHECK({"CREATE TABLE nn (Id int IDENTITY PRIMARY KEY, A nvarchar(5) NOT NULL, B int, R"
         " rowversion)",
         ""});
  check_described("SELECT Id, A, B, R FROM nn", "--n-");
  check_described("SELECT * FROM nn", "--n-");
  check_described("SELECT ISNULL(B, 0), ISNULL(B, Id), ISNULL(B, B), 1, NULL, Id + 1, A + 'x' FROM"
                  " nn",
                  "--n-nnn");
  check_described("SELECT a.Id, b.Id, b.A FROM nn a LEFT JOIN nn b ON b.Id = a.Id", "-nn");
  check_described("SELECT a.Id, b.Id FROM nn a FULL JOIN nn b ON b.Id = a.Id", "nn");
  check_described("SELECT q.Id, q.x FROM (SELECT Id, Id * 2 AS x FROM nn) q", "-n");
  check_described("SELECT Id FROM nn UNION ALL SELECT B FROM nn", "n");
  check_described("SELECT Id FROM nn UNION ALL SELECT 5", "-");
  check_described("SELECT MAX(Id), COUNT(*) FROM nn", "nn");
  check_described("SELECT (SELECT TOP (1) Id FROM nn)", "n");
  CHECK({"DROP TABLE nn", ""});
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
      cmocka_unit_test(dates_and_styles_print_as_documented),
      cmocka_unit_test(subqueries_of_more_than_one_row_are_refused),
      cmocka_unit_test(views_ctes_and_temporary_tables_are_read),
      cmocka_unit_test(a_batch_with_an_unknown_column_does_nothing),
      cmocka_unit_test(a_constant_column_orders_nothing_and_is_no_position),
      cmocka_unit_test(a_variable_is_no_position),
      cmocka_unit_test(under_fmtonly_nothing_changes),
      cmocka_unit_test(under_fmtonly_every_branch_is_a_result),
      cmocka_unit_test(having_without_group_by_sees_one_group_even_of_no_rows),
      cmocka_unit_test(a_thousand_rows_of_values_fit_and_one_more_does_not),
      cmocka_unit_test(output_tells_the_rows_before_and_after),
      cmocka_unit_test(a_doomed_transaction_can_only_be_rolled_back),
      cmocka_unit_test(a_table_is_made_with_its_indexes),
      cmocka_unit_test(columns_declared_not_null_are_described_so),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
