/* What SQL Server refuses and a kinder server would let pass: a program that is right on the
 * sandbox must not be wrong there. */
#include "engine_fixture.h"

#define TERMINATED "#3621 The statement has been terminated.\n"

static void an_identity_takes_no_null(void **state) {
  (void)state;
  CHECK(
      {"CREATE TABLE t (id int IDENTITY, v int)", ""}, {"SET IDENTITY_INSERT t ON", ""},
      {"INSERT t (id, v) VALUES (NULL, 1)",
       "!339 DEFAULT or NULL are not allowed as explicit identity values.\n"},
      {"INSERT t (id, v) VALUES (DEFAULT, 1)",
       "!339 DEFAULT or NULL are not allowed as explicit identity values.\n"},
      {"INSERT t (id, v) SELECT CAST(NULL AS int), 1",
       "!515 Cannot insert the value NULL into column 'id', table 'master.dbo.t'; column does not "
       "allow nulls. INSERT fails.\n" TERMINATED},
      {"INSERT t VALUES (1, 1)",
       "!8101 An explicit value for the identity column in table 't' can only be specified when a "
       "column list is used and IDENTITY_INSERT is ON.\n"},
      {"INSERT t VALUES (1)",
       "!545 Explicit value must be specified for identity column in table 't' either when "
       "IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT FOR "
       "REPLICATION identity column.\n"},
      {"INSERT t (id, v) VALUES (5, 1); SET IDENTITY_INSERT t OFF; INSERT t VALUES (2)",
       "(1)\n(1)\n"},
      {"SELECT * FROM t; DROP TABLE t", "5|1\n6|2\n"});
}

static void merge_inserts_into_what_insert_may_fill(void **state) {
  (void)state;
#define MERGE_S "MERGE t USING (VALUES (7, 1)) s(a, b) ON t.id = s.a WHEN NOT MATCHED THEN INSERT "
  CHECK(
      {"CREATE TABLE t (id int IDENTITY, v int, c AS v + 1, r rowversion)", ""},
      {MERGE_S "(id, v) VALUES (s.a, s.b);",
       "!544 Cannot insert explicit value for identity column in table 't' when IDENTITY_INSERT "
       "is set to OFF.\n"},
      {MERGE_S "(v, c) VALUES (s.a, s.b);",
       "!271 The column \"c\" cannot be modified because it is either a computed column or is the "
       "result of a UNION operator.\n"},
      {MERGE_S "(v, r) VALUES (s.a, 0x00);",
       "!273 Cannot insert an explicit value into a timestamp column. Use INSERT with a column "
       "list to exclude the timestamp column, or insert a DEFAULT into the timestamp column.\n"},
      {"SET IDENTITY_INSERT t ON; " MERGE_S "(id, v) VALUES (s.a, s.b);", "(1)\n"},
      {"SET IDENTITY_INSERT t OFF; MERGE t USING (VALUES (1)) s(a) ON 1 = 0 WHEN NOT MATCHED THEN "
       "INSERT VALUES (s.a);",
       "(1)\n"},
      {"SELECT id, v FROM t; DROP TABLE t", "7|1\n8|1\n"});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_identity_takes_no_null),
      cmocka_unit_test(merge_inserts_into_what_insert_may_fill),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
