/* The first twenty rejected rows are named by their keys, the others are counted. */
#include "sync/rejects.h"

#include <string.h>

#include "support/cmocka.h"

static void twenty_rows_are_named_and_all_are_counted(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(batch_schema_new(2, &schema, NULL), BR_OK);
  assert_int_equal(
      batch_schema_set(schema, 0, "id", (batch_type){.layout = BATCH_INT32}, false, NULL), BR_OK);
  assert_int_equal(
      batch_schema_set(schema, 1, "name", (batch_type){.layout = BATCH_STRING}, true, NULL), BR_OK);
  assert_int_equal(batch_new(schema, 30, &b, NULL), BR_OK);
  for (size_t row = 0; row < 30; row++) {
    ((int32_t *)b->columns[0].values)[row] = (int32_t)row + 100;
    assert_int_equal(batch_column_append_bytes(&b->columns[1], row, "x", 1, NULL), BR_OK);
    b->rows++;
  }
  const size_t keys[] = {0};
  sync_rejects rejects;
  sync_rejects_init(&rejects, keys, 1);
  for (size_t row = 0; row < 30; row++) {
    assert_int_equal(sync_rejects_add(&rejects, b, row, "price", "'x' is no int", &err), BR_OK);
  }
  assert_int_equal(sync_rejects_fail(&rejects, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "30 rows can't be taken; nothing was changed: id=100, "
                                      "column 'price': 'x' is no int; id=101"));
  assert_non_null(strstr(err.message, "id=119, column"));
  assert_null(strstr(err.message, "id=120"));
  assert_non_null(strstr(err.message, "; and 10 more"));
  sync_rejects_done(&rejects);

  sync_rejects_init(&rejects, NULL, 0);
  b->first_row = 1000;
  assert_int_equal(sync_rejects_add(&rejects, b, 4, "price", "NULL", &err), BR_OK);
  assert_int_equal(sync_rejects_fail(&rejects, &err), BR_ERR_DATA);
  assert_string_equal(err.message, "1 row can't be taken; nothing was changed: row 1005, column "
                                   "'price': NULL");
  sync_rejects_done(&rejects);
  batch_free(b);
  batch_schema_free(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(twenty_rows_are_named_and_all_are_counted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
