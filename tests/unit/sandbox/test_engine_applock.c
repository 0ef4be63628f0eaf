/* Application locks: between sessions, with their counts, owners and ends. */
#include "engine_fixture.h"

#include "base/mem.h"

static engine_session *other;

static char *in(engine_session *s, const char *sql) {
  return sql_text_run(s, sql, false);
}

static void expect(engine_session *s, const char *sql, const char *text) {
  char *got = in(s, sql);
  if (strcmp(got, text) != 0) {
    print_error("%s\n", sql);
  }
  assert_string_equal(got, text);
  free(got);
}

#define GET(resource, mode, more)                                                                  \
  "DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'" resource "', @LockMode = '" mode        \
  "', @LockOwner = 'Session', @LockTimeout = 0" more "; SELECT @r"
#define RELEASE(resource)                                                                          \
  "DECLARE @r int; EXEC @r = sp_releaseapplock @Resource = N'" resource                            \
  "', @LockOwner = 'Session'; SELECT @r"

static void an_exclusive_lock_keeps_other_sessions_out_until_it_is_released(void **state) {
  (void)state;
  expect(session, GET("a", "Exclusive", ""), "0\n");
  expect(other, GET("a", "Exclusive", ""), "-1\n");
  expect(other, GET("a", "Shared", ""), "-1\n");
  expect(other, GET("A", "Exclusive", ""), "0\n"); /* the name's case counts */
  expect(other, "USE tempdb", "#5701 Changed database context to 'tempdb'.\n");
  expect(other, GET("a", "Exclusive", ""), "0\n"); /* so does the database */
  expect(other, RELEASE("a") "; USE master", "0\n#5701 Changed database context to 'master'.\n");
  expect(session, RELEASE("a"), "0\n");
  expect(other, GET("a", "Exclusive", ""), "0\n");
  expect(other, RELEASE("a"), "0\n");
  expect(other, RELEASE("A"), "0\n");
}

static void each_request_asks_for_a_release_and_the_strongest_mode_stays(void **state) {
  (void)state;
  expect(session, GET("b", "Shared", ""), "0\n");
  expect(session, GET("b", "Exclusive", ""), "0\n");
  expect(session, "SELECT APPLOCK_MODE('public', 'b', 'Session')", "Exclusive\n");
  expect(session, RELEASE("b"), "0\n");
  expect(other, GET("b", "Shared", ""), "-1\n");
  expect(session, RELEASE("b"), "0\n");
  expect(session, "SELECT APPLOCK_MODE('public', 'b', 'Session')", "NoLock\n");
  expect(other, GET("b", "Shared", ""), "0\n");
  expect(other, RELEASE("b"), "0\n");
  expect(session, RELEASE("b"),
         "!1223 Cannot release the application lock (Database Principal: 'public', Resource: 'b') "
         "because it is not currently held.\n-999\n");
}

static void modes_share_as_documented(void **state) {
  (void)state;
  static const char *const modes[] = {"IntentShared", "Shared", "Update", "Exclusive"};
  static const char granted[4][4] = {{1, 1, 1, 0}, {1, 1, 1, 0}, {1, 1, 0, 0}, {0, 0, 0, 0}};
  for (size_t i = 0; i < 4; i++) {
    for (size_t k = 0; k < 4; k++) {
      char sql[400];
      char *text = NULL;
      (void)snprintf(sql, sizeof sql,
                     "EXEC sp_getapplock 'm', '%s', 'Session', 0; SELECT APPLOCK_MODE('public', "
                     "'m', 'Session')",
                     modes[i]);
      text = in(session, sql);
      assert_non_null(strstr(text, modes[i]));
      free(text);
      (void)snprintf(sql, sizeof sql, "SELECT APPLOCK_TEST('public', 'm', '%s', 'Session')",
                     modes[k]);
      expect(other, sql, granted[i][k] ? "1\n" : "0\n");
      (void)snprintf(
          sql, sizeof sql,
          "DECLARE @r int; EXEC @r = sp_getapplock 'm', '%s', Session, 0; IF @r >= 0 EXEC "
          "sp_releaseapplock 'm', Session; SELECT @r",
          modes[k]);
      expect(other, sql, granted[i][k] ? "0\n" : "-1\n");
      expect(session, RELEASE("m"), "0\n");
    }
  }
  expect(session, GET("m", "IntentExclusive", ""),
         "!40517 The lock mode IntentExclusive is not supported by the sandbox.\nNULL\n");
}

static void a_transactions_locks_end_with_it(void **state) {
  (void)state;
  expect(session, "DECLARE @r int = 7; EXEC @r = sp_getapplock 't', 'Exclusive'; SELECT @r",
         "!3918 The statement or function must be executed in the context of a user transaction.\n"
         "-999\n");
  expect(session, "DECLARE @r int; BEGIN TRAN; EXEC @r = sp_getapplock 't', 'Exclusive'; SELECT @r",
         "0\n");
  expect(other, GET("t", "Exclusive", ""), "-1\n");
  expect(session, "COMMIT", "");
  expect(other, GET("t", "Exclusive", ""), "0\n");
  expect(other, RELEASE("t"), "0\n");
  expect(session, "BEGIN TRAN; EXEC sp_getapplock 't', 'Exclusive'; ROLLBACK", "");
  expect(other, GET("t", "Exclusive", ""), "0\n");
  expect(other, RELEASE("t"), "0\n");
  /* What the session holds itself stays, in its own mode. */
  expect(session,
         "BEGIN TRAN; EXEC sp_getapplock 't', 'Exclusive'; EXEC sp_getapplock 't', 'Update', "
         "'Session'; COMMIT; SELECT APPLOCK_MODE('public', 't', 'Session'), "
         "APPLOCK_MODE('public', 't', 'Transaction')",
         "Update|NoLock\n");
  expect(other, GET("t", "Update", ""), "-1\n");
  expect(other, GET("t", "Shared", ""), "0\n");
  expect(other, RELEASE("t"), "0\n");
  expect(session, RELEASE("t"), "0\n");
}

static void a_session_that_ends_lets_go(void **state) {
  (void)state;
  engine_session *third = NULL;
  assert_int_equal(engine_session_new(the_engine, &third, NULL), BR_OK);
  expect(third, GET("s", "Exclusive", ""), "0\n");
  expect(session, GET("s", "Shared", ""), "-1\n");
  engine_session_free(third);
  expect(session, GET("s", "Shared", ""), "0\n");
  expect(session, RELEASE("s"), "0\n");
}

static void wrong_arguments_are_named(void **state) {
  (void)state;
  expect(session, "EXEC sp_getapplock 'x', 'Strong', 'Session'",
         "!1225 An invalid application lock mode was passed to xp_userlock.\n");
  expect(session, "EXEC sp_getapplock 'x', 'Shared', 'Nobody'",
         "!1226 An invalid application lock owner was passed to xp_userlock.\n");
  expect(session, "EXEC sp_getapplock @Resource = 'x', @LockMode = 'Shared', @LockTimeout = -7",
         "!1227 An invalid application lock time-out was passed to xp_userlock.\n");
  expect(session, "EXEC sp_getapplock @LockMode = 'Shared', @LockOwner = 'Session'",
         "!1224 An invalid application lock resource was passed to xp_userlock.\n");
  expect(session, "EXEC sp_getapplock @Name = 'x'",
         "!8145 @Name is not a parameter for procedure sp_getapplock.\n");
  expect(session, "EXEC sp_releaseapplock 'x', 'Session', 'public', 4",
         "!8144 Procedure or function sp_releaseapplock has too many arguments specified.\n");
  expect(session, "EXEC @r = sp_getapplock 'x', 'Shared', 'Session'",
         "!137 Must declare the scalar variable \"@r\".\n");
}

static void each_failing_allocation_leaves_the_lock_free_or_held(void **state) {
  (void)state;
  for (long n = 0; n < 400; n++) {
    br_mem_fail_after(n);
    char *text = in(session, GET("f", "Exclusive", ""));
    bool failed = br_mem_count() > n;
    br_mem_fail_after(-1);
    assert_true(text == NULL || strstr(text, "FAILED") != NULL || strcmp(text, "0\n") == 0);
    free(text);
    free(in(session, RELEASE("f")));
    expect(other, GET("f", "Exclusive", ""), "0\n");
    expect(other, RELEASE("f"), "0\n");
    if (!failed) {
      return;
    }
  }
  fail();
}

static int open_two(void **state) {
  return open_tsql(state) != 0 || engine_session_new(the_engine, &other, NULL) != BR_OK;
}

static int close_two(void **state) {
  engine_session_free(other);
  return close_engine(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_exclusive_lock_keeps_other_sessions_out_until_it_is_released),
      cmocka_unit_test(each_request_asks_for_a_release_and_the_strongest_mode_stays),
      cmocka_unit_test(modes_share_as_documented),
      cmocka_unit_test(a_transactions_locks_end_with_it),
      cmocka_unit_test(a_session_that_ends_lets_go),
      cmocka_unit_test(wrong_arguments_are_named),
      cmocka_unit_test(each_failing_allocation_leaves_the_lock_free_or_held),
  };
  return cmocka_run_group_tests(tests, open_two, close_two);
}
