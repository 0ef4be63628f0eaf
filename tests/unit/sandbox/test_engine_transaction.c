/* Transactions, loops and CATCH on the engine itself. */
#include "engine_fixture.h"

#include "base/text.h"
#include "sandbox/engine_internal.h"

static void a_wrong_name_takes_nothing_back(void **state) {
  (void)state;
  CHECK({"CREATE TABLE t (a int)", ""},
        {"BEGIN TRAN outermost; INSERT t VALUES (1); ROLLBACK TRAN typo",
         "(1)\n!6401 Cannot roll back typo. No transaction or savepoint of that name was found.\n"},
        {"SELECT @@TRANCOUNT", "1\n"},
        {"BEGIN TRAN inside; ROLLBACK TRAN inside",
         "!6401 Cannot roll back inside. No transaction or savepoint of that name was found.\n"},
        {"ROLLBACK TRAN outermost; SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM t)", "0|0\n"},
        {"DROP TABLE t", ""});
}

static void names_of_savepoints_tell_upper_from_lower_case(void **state) {
  (void)state;
  CHECK({"CREATE TABLE t (a int)", ""},
        {"BEGIN TRAN; SAVE TRAN p; INSERT t VALUES (1); SAVE TRAN P; INSERT t VALUES (2)",
         "(1)\n(1)\n"},
        {"ROLLBACK TRAN p; SELECT COUNT(*) FROM t", "0\n"},
        {"SAVE TRAN [x]]\"y]; INSERT t VALUES (3); ROLLBACK TRAN [x]]\"y]; COMMIT; SELECT COUNT(*) "
         "FROM t",
         "(1)\n0\n"},
        {"DROP TABLE t", ""});
}

static batch *rows_for(const char *table, int32_t first, size_t count, batch_schema **ret_schema) {
  engine_error error = {0};
  batch *b = NULL;
  assert_int_equal(engine_describe_table(session, table, ret_schema, &error, NULL), BR_OK);
  assert_int_equal(batch_new(*ret_schema, count, &b, NULL), BR_OK);
  for (size_t i = 0; i < count; i++) {
    ((int32_t *)b->columns[0].values)[i] = first + (int32_t)i;
    batch_column_mark_valid(&b->columns[0], i);
  }
  b->rows = count;
  return b;
}

/* A load inside a transaction has no savepoint that a user could see or hit. */
static void a_load_hides_no_savepoint_of_the_user(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  engine_error error = {0};
  uint64_t rows = 0;
  CHECK(
      {"CREATE TABLE t (a int)", ""},
      {"BEGIN TRAN; INSERT t VALUES (1); SAVE TRAN bulk_load; INSERT t VALUES (2)", "(1)\n(1)\n"});
  batch *b = rows_for("t", 10, 3, &schema);
  assert_int_equal(
      engine_load_begin(session, "t", (engine_load_hints){.keep_nulls = true}, &error, NULL),
      BR_OK);
  assert_int_equal(engine_insert_batch(session, "t", b, &rows, &error, NULL), BR_OK);
  assert_int_equal(engine_load_end(session, true, &error, NULL), BR_OK);
  CHECK({"SELECT COUNT(*) FROM t", "5\n"});
  assert_int_equal(
      engine_load_begin(session, "t", (engine_load_hints){.keep_nulls = true}, &error, NULL),
      BR_OK);
  assert_int_equal(engine_insert_batch(session, "t", b, &rows, &error, NULL), BR_OK);
  assert_int_equal(engine_load_end(session, false, &error, NULL), BR_OK);
  CHECK({"SELECT COUNT(*), @@TRANCOUNT FROM t", "5|1\n"},
        {"ROLLBACK TRAN part",
         "!6401 Cannot roll back part. No transaction or savepoint of that name was found.\n"},
        {"ROLLBACK TRAN bulk_load; SELECT COUNT(*) FROM t; ROLLBACK", "1\n"});
  assert_int_equal(
      engine_load_begin(session, "t", (engine_load_hints){.keep_nulls = true}, &error, NULL),
      BR_OK);
  assert_int_equal(engine_insert_batch(session, "t", b, &rows, &error, NULL), BR_OK);
  assert_int_equal(engine_load_end(session, true, &error, NULL), BR_OK);
  CHECK({"SELECT COUNT(*), @@TRANCOUNT FROM t; DROP TABLE t", "3|0\n"});
  batch_free(b);
  batch_schema_free(schema);
}

/* SQLite rolls everything back by itself where the file can't grow: the session must know. */
static void a_transaction_that_sqlite_took_back_is_not_open(void **state) {
  (void)state;
  CHECK({"CREATE TABLE t (a int, v varchar(8000))", ""},
        {"BEGIN TRAN; INSERT t VALUES (1, 'x')", "(1)\n"});
  assert_int_equal(sqlite3_exec(session->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL),
                   SQLITE_OK);
  char *text = sql_text_run(session,
                            "INSERT t SELECT 2, REPLICATE('y', 8000) FROM (VALUES (1), (2), (3), "
                            "(4)) a(x) CROSS JOIN (VALUES (1), (2), (3), (4)) b(x)",
                            false);
  assert_non_null(strstr(text, "FAILED"));
  free(text);
  assert_int_equal(sqlite3_exec(session->db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL),
                   SQLITE_OK);
  CHECK({"SELECT @@TRANCOUNT", "0\n"}, {"INSERT t VALUES (3, 'z')", "(1)\n"},
        {"ROLLBACK", "!3903 The ROLLBACK TRANSACTION request has no corresponding BEGIN "
                     "TRANSACTION.\n"},
        {"SELECT a FROM t", "3\n"}, {"DROP TABLE t", ""});
}

static int no_commit(void *context) {
  (void)context;
  return 1;
}

/* A COMMIT that SQLite turns into a rollback (as it does where the disk is full) leaves no
 * transaction behind in which statements would be kept one by one. */
static void a_commit_that_fails_leaves_no_transaction(void **state) {
  (void)state;
  CHECK({"CREATE TABLE t (a int)", ""}, {"BEGIN TRAN; INSERT t VALUES (1)", "(1)\n"});
  (void)sqlite3_commit_hook(session->db, no_commit, NULL);
  char *text = sql_text_run(session, "COMMIT", false);
  (void)sqlite3_commit_hook(session->db, NULL, NULL);
  assert_non_null(strstr(text, "FAILED"));
  free(text);
  CHECK({"SELECT @@TRANCOUNT, COUNT(*) FROM t", "0|0\n"},
        {"ROLLBACK", "!3903 The ROLLBACK TRANSACTION request has no corresponding BEGIN "
                     "TRANSACTION.\n"},
        {"DROP TABLE t", ""});
}

static void a_condition_that_fails_ends_its_loop(void **state) {
  (void)state;
  CHECK({"DECLARE @i int = 1; WHILE 1 / @i >= 0 SET @i = @i - 1; SELECT 'on'",
         "!8134 Divide by zero error encountered.\non\n"});
}

static void each_catch_knows_its_own_error(void **state) {
  (void)state;
  CHECK({"BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH BEGIN TRY THROW 50001, 'x', 1 END TRY BEGIN "
         "CATCH SELECT ERROR_NUMBER() END CATCH; SELECT ERROR_NUMBER() END CATCH; SELECT "
         "ERROR_NUMBER()",
         "50001\n8134\nNULL\n"},
        {"WHILE 1 = 1 BEGIN BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH BREAK END CATCH END SELECT "
         "ERROR_NUMBER()",
         "NULL\n"});
}

static void a_reset_leaves_nothing_of_the_session(void **state) {
  (void)state;
  engine_error error = {0};
  CHECK({"CREATE TABLE t (a int); CREATE TABLE #t (a int); SET NOCOUNT ON; BEGIN TRAN; INSERT t "
         "VALUES (1)",
         "(-1)\n"});
  assert_int_equal(engine_session_reset(session, NULL, true, &error, NULL), BR_OK);
  CHECK({"SELECT @@TRANCOUNT; INSERT t VALUES (2)", "1\n(1)\n"},
        {"SELECT * FROM #t", "!208 Invalid object name '#t'.\n"});
  assert_int_equal(engine_session_reset(session, NULL, false, &error, NULL), BR_OK);
  CHECK({"SELECT @@TRANCOUNT, COUNT(*) FROM t", "0|0\n"}, {"DROP TABLE t", ""});
  assert_int_equal(engine_session_reset(session, "nope", false, &error, NULL), BR_ERR_REMOTE);
  assert_int_equal(error.number, 911);
}

static void under_xact_abort_a_batch_cut_off_is_rolled_back(void **state) {
  (void)state;
  static const char batch_text[] = "SET XACT_ABORT ON; BEGIN TRAN; INSERT t VALUES (1); SELECT 1";
  engine_result_kind kind;
  CHECK({"CREATE TABLE t (a int)", ""});
  assert_int_equal(engine_execute(session, batch_text, strlen(batch_text), NULL, 0, NULL, NULL),
                   BR_OK);
  while (engine_next_result(session, &kind, NULL) == BR_OK && kind != ENGINE_ROWS) {
  }
  engine_abandon(session);
  CHECK({"SELECT @@TRANCOUNT, COUNT(*) FROM t; SET XACT_ABORT OFF; DROP TABLE t", "0|0\n"});
}

static void a_message_too_long_is_cut_between_characters(void **state) {
  (void)state;
  char sql[2000];
  for (size_t pad = 0; pad < 3; pad++) {
    size_t n = (size_t)snprintf(sql, sizeof sql, "THROW 50000, N'%.*s", (int)pad, "ab");
    while (n < 1800) {
      memcpy(sql + n, "\xE2\x82\xAC", 3); /* the euro sign */
      n += 3;
    }
    memcpy(sql + n, "', 1", 5);
    char *text = sql_text_run(session, sql, false);
    assert_true(strlen(text) > 1000);
    assert_true(br_utf8_valid(text, strlen(text), NULL));
    free(text);
  }
}

static void other_runs(engine_session *other, const char *sql, const char *expected) {
  char *text = sql_text_run(other, sql, false);
  assert_string_equal(text, expected);
  free(text);
}

/* Whatever reads: SELECT, SELECT @v =, IF, SET. What names no table is no read. */
static void isolation_begins_with_the_first_table_that_is_read(void **state) {
  (void)state;
  static const char *const reads[] = {"SELECT a FROM t", "DECLARE @a int; SELECT @a = a FROM t",
                                      "DECLARE @a int = (SELECT a FROM t)",
                                      "IF EXISTS (SELECT 1 FROM t WHERE a = 1) PRINT ''"};
  engine_session *other = NULL;
  assert_int_equal(engine_session_new(the_engine, &other, NULL), BR_OK);
  CHECK({"CREATE TABLE t (a int); INSERT t VALUES (0)", "(1)\n"});
  other_runs(other, "SET LOCK_TIMEOUT 0", "");
  for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
    CHECK({"UPDATE t SET a = 0; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT "
           "@@TRANCOUNT",
           "(1)\n1\n"});
    other_runs(other, "UPDATE t SET a = 1", "(1)\n");
    free(sql_text_run(session, reads[i], false));
    other_runs(other, "UPDATE t SET a = 2", "(1)\n");
    CHECK({"SELECT a FROM t; ROLLBACK; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN",
           "1\n"});
    free(sql_text_run(session, reads[i], false));
    other_runs(other, "UPDATE t SET a = 3",
               "!1222 Lock request time out period exceeded.\n#3621 The statement has been "
               "terminated.\n");
    CHECK({"ROLLBACK", ""});
  }
  CHECK({"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; DROP TABLE t", ""});
  engine_session_free(other);
}

/* The old way to an upsert: read under UPDLOCK and HOLDLOCK, then insert. Two that do it must not
 * both find nothing. */
static void hints_that_keep_locks_keep_them(void **state) {
  (void)state;
  static const char busy[] = "!1222 Lock request time out period exceeded.\n";
  engine_session *other = NULL;
  assert_int_equal(engine_session_new(the_engine, &other, NULL), BR_OK);
  CHECK({"CREATE TABLE t (a int)", ""});
  other_runs(other, "SET LOCK_TIMEOUT 0", "");
  other_runs(other, "BEGIN TRAN; SELECT COUNT(*) FROM t WITH (NOLOCK, INDEX(1))", "0\n");
  CHECK(
      {"BEGIN TRAN; IF NOT EXISTS (SELECT 1 FROM t WITH (UPDLOCK, HOLDLOCK) WHERE a = 1) INSERT t "
       "VALUES (1)",
       "(1)\n"},
      {"ROLLBACK", ""},
      {"BEGIN TRAN; DECLARE @n int; SELECT @n = COUNT(*) FROM t WITH (HOLDLOCK)", ""});
  other_runs(other, "SELECT COUNT(*) FROM t WITH (UPDLOCK)", busy);
  CHECK({"ROLLBACK", ""});
  other_runs(other, "SELECT COUNT(*) FROM t WITH (UPDLOCK)", "0\n");
  CHECK({"SET LOCK_TIMEOUT 0; BEGIN TRAN; SELECT COUNT(*) FROM t WITH (XLOCK)", busy},
        {"SELECT COUNT(*) FROM t", "0\n"}, {"ROLLBACK; SET LOCK_TIMEOUT -1", ""});
  other_runs(other, "ROLLBACK", "");
  engine_session_free(other);
  CHECK({"DROP TABLE t", ""});
}

static void what_a_text_sets_ends_with_it(void **state) {
  (void)state;
  CHECK({"CREATE TABLE t (id int IDENTITY)", ""},
        {"EXEC ('SET LOCK_TIMEOUT 7; SET ROWCOUNT 1; SET IDENTITY_INSERT t ON; SET XACT_ABORT ON; "
         "SET FMTONLY ON')",
         ""},
        {"SELECT @@LOCK_TIMEOUT, @@OPTIONS & 16384; SELECT 1 UNION ALL SELECT 2", "-1|0\n1\n2\n"},
        {"INSERT t (id) VALUES (1)",
         "!544 Cannot insert explicit value for identity column in table 't' when IDENTITY_INSERT "
         "is set to OFF.\n"},
        {"DROP TABLE t", ""});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_wrong_name_takes_nothing_back),
      cmocka_unit_test(names_of_savepoints_tell_upper_from_lower_case),
      cmocka_unit_test(a_load_hides_no_savepoint_of_the_user),
      cmocka_unit_test(a_transaction_that_sqlite_took_back_is_not_open),
      cmocka_unit_test(a_commit_that_fails_leaves_no_transaction),
      cmocka_unit_test(a_condition_that_fails_ends_its_loop),
      cmocka_unit_test(each_catch_knows_its_own_error),
      cmocka_unit_test(a_reset_leaves_nothing_of_the_session),
      cmocka_unit_test(under_xact_abort_a_batch_cut_off_is_rolled_back),
      cmocka_unit_test(isolation_begins_with_the_first_table_that_is_read),
      cmocka_unit_test(hints_that_keep_locks_keep_them),
      cmocka_unit_test(what_a_text_sets_ends_with_it),
      cmocka_unit_test(a_message_too_long_is_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
