/* Every allocation of a batch fails once: the batch answers, or reports that memory is out, and the
 * session works on. */
#include "engine_fixture.h"

#include "base/mem.h"

static const char *const batches[] = {
    "SELECT id, UPPER(v) + 'x', d * 2.5, CAST(w AS varchar(30)) FROM m WHERE v LIKE '%a%' ORDER BY "
    "id",
    "SELECT v, COUNT(*), SUM(d), AVG(d), STRING_AGG(v, ',') FROM m GROUP BY v HAVING COUNT(*) > 0",
    "INSERT INTO m (v, d) VALUES ('new', 1.5), ('other', 2); DELETE FROM m WHERE v IN ('new', "
    "'other')",
    "UPDATE m SET d = d + 1 WHERE id = 1; UPDATE m SET d = d - 1 WHERE id = 1",
    "DECLARE @a nvarchar(20) = N'abc', @b int = 2; IF @b > 1 SELECT @a + CAST(@b AS nvarchar(5))",
    "WITH c AS (SELECT id FROM m) SELECT COUNT(*) FROM c JOIN m ON m.id = c.id WHERE m.v = (SELECT "
    "MAX(v) FROM m)",
    "SELECT * FROM INFORMATION_SCHEMA.COLUMNS; SELECT 1 FROM nope",
    "DECLARE @o int; EXEC sp_executesql N'SET @x = @y + 1', N'@y int, @x int OUTPUT', 2, @o "
    "OUTPUT; "
    "EXEC ('SELECT 1'); SELECT @o",
    "UPDATE m SET v = v OUTPUT deleted.v, inserted.d WHERE id = 1",
    "SELECT c.name, t.name FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id "
    "WHERE c.object_id = OBJECT_ID(N'[dbo].[m]') ORDER BY c.column_id",
    "BEGIN TRAN; CREATE TABLE p (id int PRIMARY KEY WITH (IGNORE_DUP_KEY = ON)); CREATE TABLE k (p "
    "int REFERENCES p ON DELETE SET NULL, CHECK (p < 5)); INSERT p VALUES (1), (1); INSERT k "
    "VALUES "
    "(1); DELETE p; SELECT * FROM k; ROLLBACK",
    "MERGE m USING (VALUES (1, 'q')) s(a, v) ON m.id = s.a + 100 WHEN NOT MATCHED THEN INSERT (v) "
    "VALUES (s.v); DELETE FROM m WHERE v = 'q'",
};

static void each_failing_allocation_is_reported_and_survived(void **state) {
  (void)state;
  free(
      sql_text_run(session,
                   "CREATE TABLE m (id int IDENTITY PRIMARY KEY, v varchar(20), d decimal(20,4), w "
                   "datetime2(3)); INSERT INTO m (v, d, w) VALUES ('abc', 1.5, '2020-01-01'), "
                   "('xa', NULL, NULL)",
                   false));
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
    char *whole = sql_text_run(session, batches[i], false);
    assert_null(strstr(whole, "FAILED"));
    bool failed = true;
    long step = 1;
    for (long n = 0; failed && n < 4000; n += step) {
      br_mem_fail_after(n);
      char *text = sql_text_run(session, batches[i], false);
      failed = br_mem_count() > n;
      br_mem_fail_after(-1);
      /* Nothing between the whole answer and "out of memory" may come back. */
      if (strcmp(text, whole) != 0) {
        if (text != NULL && strstr(text, "FAILED") == NULL) {
          print_error("%s\nallocation %ld: %s\n", batches[i], n, text);
          fail();
        }
      }
      free(text);
      /* A statement of a batch that broke off later stays done. */
      free(sql_text_run(session,
                        "IF @@TRANCOUNT > 0 ROLLBACK; DELETE FROM m WHERE id > 2; UPDATE m SET d = "
                        "1.5 WHERE id = 1",
                        false));
      step = n > 200 ? 7 : 1;
    }
    char *again = sql_text_run(session, batches[i], false);
    assert_string_equal(again, whole);
    free(again);
    free(whole);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_failing_allocation_is_reported_and_survived),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
