/* Batches into tables. */
#include "engine_fixture.h"

#include "base/mem.h"

static batch_schema *schema_of(const char *table) {
  batch_schema *schema = NULL;
  engine_error error = {0};
  assert_int_equal(engine_describe_table(session, table, &schema, &error, NULL), BR_OK);
  return schema;
}

/* Rows id = 1…, name "n<id>" or NULL every third, d = id / 100, at = 2020-01-01 + id s. */
static void fill(batch *b, size_t rows, int32_t first) {
  static const int64_t base = INT64_C(1577836800) * 1000000;
  for (size_t r = 0; r < rows; r++) {
    char name[32];
    int n = snprintf(name, sizeof name, "n%d", (int)first + (int)r);
    ((int32_t *)b->columns[0].values)[r] = first + (int32_t)r;
    batch_column_mark_valid(&b->columns[0], r);
    if (r % 3 == 2) {
      assert_int_equal(batch_column_append_null(&b->columns[1], r, NULL), BR_OK);
    } else {
      assert_int_equal(batch_column_append_bytes(&b->columns[1], r, name, (size_t)n, NULL), BR_OK);
    }
    ((int32_t *)b->columns[2].values)[r] = first + (int32_t)r;
    batch_column_mark_valid(&b->columns[2], r);
    ((int64_t *)b->columns[3].values)[r] = base + (int64_t)r * 1000000;
    batch_column_mark_valid(&b->columns[3], r);
    b->rows++;
  }
}

static void a_batch_is_inserted_whole_or_not_at_all(void **state) {
  (void)state;
  free(sql_text_run(session,
                    "CREATE TABLE b (id int PRIMARY KEY, name nvarchar(4), d decimal(9,2), at "
                    "datetime2(0))",
                    false));
  batch_schema *schema = schema_of("dbo.b");
  batch *b = NULL;
  uint64_t rows = 0;
  engine_error error = {0};
  assert_int_equal(schema->count, 4);
  assert_int_equal(batch_new(schema, 16, &b, NULL), BR_OK);
  fill(b, 4, 1);
  (void)!engine_insert_batch(session, "[dbo].[b]", b, &rows, &error, NULL);
  assert_string_equal(error.message, "");
  assert_int_equal(rows, 4);
  CHECK({"SELECT * FROM b WHERE id > 2",
         "3|NULL|0.03|2020-01-01 00:00:02.000000\n4|n4|0.04|2020-01-01 00:00:03.000000\n"});
  batch_reset(b, 0);
  fill(b, 3, 4); /* 4 is there already */
  assert_int_equal(engine_insert_batch(session, "b", b, &rows, &error, NULL), BR_ERR_REMOTE);
  assert_int_equal(error.number, 2627);
  batch_reset(b, 0);
  fill(b, 2, 1000); /* n1000 is too long */
  assert_int_equal(engine_insert_batch(session, "b", b, &rows, &error, NULL), BR_ERR_REMOTE);
  assert_int_equal(error.number, 2628);
  CHECK({"SELECT COUNT(*) FROM b", "4\n"}, {"DROP TABLE b", ""});
  batch_free(b);
  batch_schema_free(schema);
}

/* One row (1, NULL) for the columns of a schema that both are int. */
static batch *one_row(const batch_schema *schema) {
  batch *b = NULL;
  assert_int_equal(batch_new(schema, 1, &b, NULL), BR_OK);
  ((int32_t *)b->columns[0].values)[0] = 1;
  batch_column_mark_valid(&b->columns[0], 0);
  assert_int_equal(batch_column_append_null(&b->columns[1], 0, NULL), BR_OK);
  b->rows = 1;
  return b;
}

static void load(const char *table, const batch *b, engine_load_hints hints, br_status expected,
                 int32_t number) {
  engine_error error = {0};
  uint64_t rows = 0;
  br_status st = engine_load_begin(session, table, hints, &error, NULL);
  if (st == BR_OK) {
    st = engine_insert_batch(session, table, b, &rows, &error, NULL);
    assert_int_equal(engine_load_end(session, st == BR_OK, &error, NULL), BR_OK);
  }
  assert_int_equal(st, expected);
  assert_int_equal(error.number, number);
}

static void a_null_stays_one_only_where_the_hint_says_so(void **state) {
  (void)state;
  CHECK({"CREATE TABLE h (a int, d int NULL DEFAULT 7)", ""});
  batch_schema *schema = schema_of("h");
  batch *b = one_row(schema);
  load("h", b, (engine_load_hints){.keep_nulls = true}, BR_OK, 0);
  load("h", b, (engine_load_hints){.keep_nulls = false}, BR_OK, 0);
  CHECK({"SELECT * FROM h ORDER BY d; DROP TABLE h", "1|NULL\n1|7\n"});
  batch_free(b);
  batch_schema_free(schema);
}

/* SQL Server would keep such rows unchecked; the sandbox can't, and must not check in silence what
 * nobody asked to be checked. */
static void constraints_are_looked_at_only_where_the_hint_says_so(void **state) {
  (void)state;
  CHECK({"CREATE TABLE k (a int CHECK (a > 1), d int)", ""});
  batch_schema *schema = schema_of("k");
  batch *b = one_row(schema);
  load("k", b, (engine_load_hints){.check_constraints = false}, BR_ERR_REMOTE, 40517);
  load("k", b, (engine_load_hints){.check_constraints = true}, BR_ERR_REMOTE, 547);
  CHECK({"SELECT COUNT(*), @@TRANCOUNT FROM k; DROP TABLE k", "0|0\n"});
  batch_free(b);
  batch_schema_free(schema);
}

static void a_default_of_newid_is_another_for_each_row(void **state) {
  (void)state;
  batch *b = NULL;
  CHECK(
      {"CREATE TABLE h (id int, name nvarchar(4), d decimal(9,2), at datetime2(0)); CREATE TABLE g "
       "(id int, name nvarchar(4), d decimal(9,2), at datetime2(0), u uniqueidentifier DEFAULT "
       "NEWID())",
       ""});
  batch_schema *schema = schema_of("h");
  assert_int_equal(batch_new(schema, 8, &b, NULL), BR_OK);
  fill(b, 5, 1);
  load("g", b, (engine_load_hints){.keep_nulls = true}, BR_OK, 0);
  CHECK({"SELECT COUNT(DISTINCT u), COUNT(u) FROM g; DROP TABLE g; DROP TABLE h", "5|5\n"});
  batch_free(b);
  batch_schema_free(schema);
}

static void an_identity_that_is_sent_as_null_is_refused(void **state) {
  (void)state;
  CHECK({"CREATE TABLE i (a int, id int IDENTITY)", ""});
  batch_schema *schema = schema_of("i");
  batch *b = one_row(schema);
  load("i", b, (engine_load_hints){.keep_nulls = true}, BR_ERR_REMOTE, 515);
  load("i", b, (engine_load_hints){.keep_nulls = false}, BR_ERR_REMOTE, 515);
  CHECK({"SELECT COUNT(*) FROM i; DROP TABLE i", "0\n"});
  batch_free(b);
  batch_schema_free(schema);
}

static void an_unknown_table_is_named(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  engine_error error = {0};
  assert_int_equal(engine_describe_table(session, "dbo.nope", &schema, &error, NULL),
                   BR_ERR_REMOTE);
  assert_int_equal(error.number, 208);
  assert_null(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_batch_is_inserted_whole_or_not_at_all),
      cmocka_unit_test(a_null_stays_one_only_where_the_hint_says_so),
      cmocka_unit_test(constraints_are_looked_at_only_where_the_hint_says_so),
      cmocka_unit_test(a_default_of_newid_is_another_for_each_row),
      cmocka_unit_test(an_identity_that_is_sent_as_null_is_refused),
      cmocka_unit_test(an_unknown_table_is_named),
  };
  return cmocka_run_group_tests(tests, open_tsql, close_engine);
}
