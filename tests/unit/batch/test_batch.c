#include "batch/batch.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "samples.h"
#include "support/cmocka.h"
#include "support/torture.h"

static batch_schema *make_schema(bool nullable) {
  batch_schema *schema = NULL;
  assert_int_equal(sample_schema(nullable, &schema, NULL), BR_OK);
  return schema;
}

static batch *make_batch(const batch_schema *schema, size_t capacity) {
  batch *b = NULL;
  assert_int_equal(batch_new(schema, capacity, &b, NULL), BR_OK);
  return b;
}

static void append_rows(batch *b, size_t rows, unsigned nulls_every) {
  for (size_t i = 0; i < rows; i++) {
    assert_int_equal(sample_append(b, nulls_every, NULL), BR_OK);
  }
}

/* Every cell is what sample_append() wrote. */
static void assert_rows(const batch *b, unsigned nulls_every) {
  for (size_t i = 0; i < b->schema->count; i++) {
    const batch_column *column = &b->columns[i];
    size_t nulls = 0;
    for (size_t row = 0; row < b->rows; row++) {
      bool null = nulls_every != 0 && (row + i) % nulls_every == 0;
      uint8_t byte = null ? 0 : (uint8_t)('A' + row % 26);
      nulls += null ? 1 : 0;
      assert_int_equal(batch_column_is_valid(column, row), !null);
      if (column->offsets != NULL) {
        size_t length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
        assert_int_equal(length, null ? 0 : row % 5);
        for (size_t j = 0; j < length; j++) {
          assert_int_equal(column->data[(size_t)column->offsets[row] + j], byte);
        }
      } else if (column->layout == BATCH_BOOL) {
        assert_int_equal(batch_column_get_bool(column, row), !null && row % 2 == 1);
      } else {
        size_t width = batch_layout_width(column->layout);
        const uint8_t *value = (const uint8_t *)column->values + row * width;
        assert_int_equal(value[0], byte);
        for (size_t j = 1; j < width; j++) {
          assert_int_equal(value[j], 0);
        }
      }
    }
    assert_int_equal(column->nulls, nulls);
    assert_true(column->offsets == NULL || column->data_len == (size_t)column->offsets[b->rows]);
  }
}

static void rows_are_what_was_appended(void **state) {
  (void)state;
  static const unsigned nulls[] = {0, 1, 2, 3, 7, 50};
  for (size_t n = 0; n < sizeof nulls / sizeof nulls[0]; n++) {
    batch_schema *schema = make_schema(true);
    batch *b = make_batch(schema, 100);
    for (int round = 0; round < 3; round++) {
      append_rows(b, 100, nulls[n]);
      assert_rows(b, nulls[n]);
      batch_reset(b, SIZE_MAX);
      assert_int_equal(b->rows, 0);
    }
    batch_free(b);
    batch_schema_free(schema);
  }
}

static void memory_used_before_leaves_no_trace(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  batch *b = make_batch(schema, 64);
  append_rows(b, 64, 0);
  batch_reset(b, SIZE_MAX);
  append_rows(b, 64, 1);
  assert_rows(b, 1);
  batch_reset(b, SIZE_MAX);
  append_rows(b, 10, 0);
  assert_rows(b, 0);
  batch_free(b);
  batch_schema_free(schema);
}

/* A decoder that runs out of bytes in the middle of a row begins it again. */
static void a_row_begun_is_rolled_back_wherever_it_stopped(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  for (size_t stop = 0; stop <= SAMPLE_COLUMNS; stop++) {
    batch *b = make_batch(schema, 50);
    for (size_t row = 0; row < 50; row++) {
      for (size_t i = 0; i < stop; i++) {
        batch_column *column = &b->columns[i];
        if ((row + i) % 2 == 0) {
          assert_int_equal(batch_column_append_null(column, row, NULL), BR_OK);
        } else if (column->offsets != NULL) {
          assert_int_equal(batch_column_append_bytes(column, row, "half a row", 10, NULL), BR_OK);
        } else {
          batch_column_mark_valid(column, row);
        }
      }
      batch_rollback_row(b);
      batch_rollback_row(b);
      append_rows(b, 1, 3);
    }
    assert_rows(b, 3);
    batch_free(b);
  }
  batch_schema_free(schema);
}

static void a_null_where_none_may_be_is_refused(void **state) {
  (void)state;
  batch_schema *schema = make_schema(false);
  batch *b = make_batch(schema, 8);
  br_error err = BR_ERROR_INIT;
  append_rows(b, 1, 0);
  assert_int_equal(batch_column_append_null(&b->columns[0], 1, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "NOT NULL"));
  assert_int_equal(b->columns[0].nulls, 0);
  batch_free(b);
  batch_schema_free(schema);
}

static void a_batch_without_rows_or_columns_can_be(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  batch *b = make_batch(schema, 0);
  assert_int_equal(b->rows, 0);
  batch_reset(b, 0);
  batch_free(b);
  batch_schema_free(schema);
  assert_int_equal(batch_schema_new(0, &schema, NULL), BR_OK);
  b = make_batch(schema, 10);
  assert_int_equal(batch_bytes(b), 0);
  batch_free(b);
  batch_schema_free(schema);
  batch_free(NULL);
  batch_schema_free(NULL);
}

static void too_many_rows_or_columns_are_refused(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  assert_int_equal(batch_schema_new(BR_LIMIT_COLUMNS + 1, &schema, NULL), BR_ERR_LIMIT);
  assert_null(schema);
  schema = make_schema(true);
  batch *b = NULL;
  assert_int_equal(batch_new(schema, INT32_MAX, &b, NULL), BR_ERR_LIMIT);
  assert_int_equal(batch_new(schema, SIZE_MAX, &b, NULL), BR_ERR_LIMIT);
  assert_null(b);
  batch_schema_free(schema);
}

static void a_large_cell_takes_little_more_than_its_size(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  batch *b = make_batch(schema, 4);
  batch_column *column = &b->columns[BATCH_STRING];
  static const uint8_t piece[BR_KIB(64)];
  for (size_t total = 0; total < BR_MIB(100); total += sizeof piece) {
    assert_int_equal(batch_column_reserve_data(column, sizeof piece, NULL), BR_OK);
    column->data_len += sizeof piece;
    assert_true(column->data_cap >= column->data_len);
    if (column->data_len > BR_MIB(32)) {
      assert_true(column->data_cap <= column->data_len / 4 * 5 + sizeof piece);
    }
  }
  batch_reset(b, BR_MIB(1));
  assert_true(column->data_cap <= BR_MIB(1));
  assert_int_equal(column->data_len, 0);
  append_rows(b, 4, 3);
  assert_rows(b, 3);
  batch_reset(b, 0);
  assert_null(column->data);
  append_rows(b, 4, 3);
  assert_rows(b, 3);
  batch_free(b);
  batch_schema_free(schema);
}

static void one_reservation_is_exact_where_it_is_large(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  batch *b = make_batch(schema, 4);
  batch_column *column = &b->columns[BATCH_BINARY];
  assert_int_equal(batch_column_reserve_data(column, BR_MIB(50), NULL), BR_OK);
  assert_int_equal(column->data_cap, BR_MIB(50));
  batch_free(b);
  batch_schema_free(schema);
}

static void a_column_over_2_gib_is_a_limit(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  batch *b = make_batch(schema, 4);
  batch_column *column = &b->columns[BATCH_STRING];
  br_error err = BR_ERROR_INIT;
  append_rows(b, 4, 0);
  size_t before = column->data_len;
  assert_int_equal(batch_column_reserve_data(column, INT32_MAX, &err), BR_ERR_LIMIT);
  assert_int_equal(batch_column_reserve_data(column, SIZE_MAX, &err), BR_ERR_LIMIT);
  assert_int_equal(column->data_len, before);
  assert_non_null(strstr(err.message, "2 GiB"));
  batch_free(b);
  batch_schema_free(schema);
}

static void bytes_count_what_is_used_and_capacity_what_is_there(void **state) {
  (void)state;
  batch_schema *schema = NULL;
  assert_int_equal(batch_schema_new(3, &schema, NULL), BR_OK);
  assert_int_equal(batch_schema_set(schema, 0, "i", (batch_type){BATCH_INT32, 0, 0}, true, NULL),
                   BR_OK);
  assert_int_equal(batch_schema_set(schema, 1, "s", (batch_type){BATCH_STRING, 0, 0}, true, NULL),
                   BR_OK);
  assert_int_equal(batch_schema_set(schema, 2, "b", (batch_type){BATCH_BOOL, 0, 0}, false, NULL),
                   BR_OK);
  batch *b = make_batch(schema, 1000);
  size_t empty = batch_capacity_bytes(b);
  assert_true(empty >= 1000 * 4 + 125 + 1001 * 4 + 125 + 125);
  append_rows(b, 9, 0);
  /* 9 values, 10 offsets, 16 letters, 2 bytes of bits. */
  assert_int_equal(batch_bytes(b), 36 + 40 + (0 + 1 + 2 + 3 + 4 + 0 + 1 + 2 + 3) + 2);
  assert_true(batch_capacity_bytes(b) >= empty + 16);
  batch_free(b);
  batch_schema_free(schema);
}

static void schemas_are_compared_and_searched_by_name(void **state) {
  (void)state;
  batch_schema *a = make_schema(true);
  batch_schema *b = NULL;
  a->fields[3].has_source = true;
  a->fields[3].source = (batch_sql_typespec){BATCH_SQL_BIGINT, 0, 0, 0};
  assert_int_equal(batch_schema_copy(a, &b, NULL), BR_OK);
  assert_true(batch_schema_equal(a, b));
  assert_true(b->fields[3].has_source);
  assert_int_equal(b->fields[3].source.type, BATCH_SQL_BIGINT);
  assert_ptr_not_equal(a->fields[0].name, b->fields[0].name);
  assert_int_equal(batch_schema_find(b, "cc"), 2);
  assert_int_equal(batch_schema_find(b, "CC"), -1);
  batch_type other = b->fields[7].type;
  other.scale++;
  assert_int_equal(batch_schema_set(b, 7, b->fields[7].name, other, true, NULL), BR_OK);
  assert_false(batch_schema_equal(a, b));
  batch_schema_free(b);
  assert_int_equal(batch_schema_copy(a, &b, NULL), BR_OK);
  b->fields[2].nullable = false;
  assert_false(batch_schema_equal(a, b));
  batch_schema_free(b);
  assert_int_equal(batch_schema_copy(a, &b, NULL), BR_OK);
  assert_int_equal(batch_schema_set(b, 2, "other", b->fields[2].type, true, NULL), BR_OK);
  assert_false(batch_schema_equal(a, b));
  batch_schema_free(b);
  batch_schema_free(a);
}

static void a_field_without_a_name_yet_is_harmless(void **state) {
  (void)state;
  batch_schema *a = NULL;
  batch_schema *b = NULL;
  assert_int_equal(batch_schema_new(2, &a, NULL), BR_OK);
  assert_int_equal(batch_schema_copy(a, &b, NULL), BR_OK);
  assert_true(batch_schema_equal(a, b));
  assert_int_equal(batch_schema_find(a, "x"), -1);
  batch_schema_free(a);
  batch_schema_free(b);
}

static br_status build(void *context, br_error *err) {
  (void)context;
  batch_schema *schema = NULL;
  batch_schema *copy = NULL;
  batch *b = NULL;
  br_status st = sample_schema(true, &schema, err);
  if (st == BR_OK) {
    st = batch_schema_copy(schema, &copy, err);
  }
  if (st == BR_OK) {
    st = batch_new(copy, 20, &b, err);
  }
  for (int i = 0; st == BR_OK && i < 20; i++) {
    st = sample_append(b, 4, err);
  }
  if (st == BR_OK) {
    assert_rows(b, 4);
  }
  batch_free(b);
  batch_schema_free(copy);
  batch_schema_free(schema);
  return st;
}

static void batches_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(build, NULL);
}

static void a_failed_append_leaves_the_column_as_it_was(void **state) {
  (void)state;
  batch_schema *schema = make_schema(true);
  batch *b = make_batch(schema, 4);
  append_rows(b, 3, 2);
  br_mem_fail_after(0);
  static const uint8_t large[10000];
  br_status st = batch_column_append_bytes(&b->columns[BATCH_STRING], 3, large, sizeof large, NULL);
  br_mem_fail_after(-1);
  assert_int_equal(st, BR_ERR_NOMEM);
  assert_rows(b, 2);
  batch_free(b);
  batch_schema_free(schema);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_what_was_appended),
      cmocka_unit_test(memory_used_before_leaves_no_trace),
      cmocka_unit_test(a_row_begun_is_rolled_back_wherever_it_stopped),
      cmocka_unit_test(a_null_where_none_may_be_is_refused),
      cmocka_unit_test(a_batch_without_rows_or_columns_can_be),
      cmocka_unit_test(too_many_rows_or_columns_are_refused),
      cmocka_unit_test(a_large_cell_takes_little_more_than_its_size),
      cmocka_unit_test(one_reservation_is_exact_where_it_is_large),
      cmocka_unit_test(a_column_over_2_gib_is_a_limit),
      cmocka_unit_test(bytes_count_what_is_used_and_capacity_what_is_there),
      cmocka_unit_test(schemas_are_compared_and_searched_by_name),
      cmocka_unit_test(a_field_without_a_name_yet_is_harmless),
      cmocka_unit_test(batches_survive_every_failing_allocation),
      cmocka_unit_test(a_failed_append_leaves_the_column_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
