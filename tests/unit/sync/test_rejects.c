/* The first twenty rejected rows are named by their keys, the others are counted. */
#include "sync/rejects.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
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

/* A batch of rows with two text keys: the row's number and then `letter`, a character of UTF-8. */
static batch *long_keys(batch_schema **ret_schema, size_t rows, const char *letter, size_t times) {
  batch *b = NULL;
  assert_int_equal(batch_schema_new(2, ret_schema, NULL), BR_OK);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(batch_schema_set(*ret_schema, i, i == 0 ? "country_name" : "customer_name",
                                      (batch_type){.layout = BATCH_STRING}, true, NULL),
                     BR_OK);
  }
  assert_int_equal(batch_new(*ret_schema, rows, &b, NULL), BR_OK);
  for (size_t row = 0; row < rows; row++) {
    char value[400] = "";
    size_t used = (size_t)snprintf(value, sizeof value, "%03zu", row);
    for (size_t i = 0; i < times; i++) {
      used += (size_t)snprintf(value + used, sizeof value - used, "%s", letter);
    }
    for (size_t i = 0; i < 2; i++) {
      assert_int_equal(batch_column_append_bytes(&b->columns[i], row, value, used, NULL), BR_OK);
    }
    b->rows++;
  }
  return b;
}

#define WHY ", column 'price': 12 characters, the column takes 10"

/* Reads whole entries: how many there are, and what stands behind them. */
static size_t read_entries(const char *at, const char *letter, const char **ret_rest) {
  size_t shown = 0;
  while (at[0] == 'c') {
    char begin[64];
    (void)snprintf(begin, sizeof begin, "country_name=%03zu%s", shown, letter);
    assert_int_equal(strncmp(at, begin, strlen(begin)), 0);
    const char *end = strstr(at, WHY), *other = strstr(at, ", customer_name=");
    assert_true(end != NULL && other != NULL && other < end);
    at = end + strlen(WHY);
    shown++;
    if (*at != '\0') {
      assert_int_equal(strncmp(at, "; ", 2), 0);
      at += 2;
    }
  }
  *ret_rest = at;
  return shown;
}

/* Where a message has no room for twenty, none is torn and none is forgotten: what is shown and
 * what is counted is all. */
static void rows_with_long_keys_are_shown_whole_or_counted(void **state) {
  (void)state;
  static const struct {
    size_t rows;
    const char *letter;
    size_t times;
  } cases[] = {{25, "x", 50}, {15, "x", 50}, {25, "x", 90}, {25, "€", 40}, {200, "é", 55}};
  static const char words[] = "nothing was changed: ";
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    batch_schema *schema = NULL;
    batch *b = long_keys(&schema, cases[i].rows, cases[i].letter, cases[i].times);
    const size_t keys[] = {0, 1};
    sync_rejects rejects;
    br_error err = BR_ERROR_INIT;
    sync_rejects_init(&rejects, keys, 2);
    for (size_t row = 0; row < cases[i].rows; row++) {
      assert_int_equal(
          sync_rejects_add(&rejects, b, row, "price", "12 characters, the column takes 10", &err),
          BR_OK);
    }
    assert_int_equal(sync_rejects_fail(&rejects, &err), BR_ERR_DATA);
    assert_true(br_utf8_valid(err.message, strlen(err.message), NULL));
    const char *list = strstr(err.message, words), *rest = NULL;
    assert_non_null(list);
    const size_t shown = read_entries(list + strlen(words), cases[i].letter, &rest);
    char more[64] = "";
    (void)snprintf(more, sizeof more, "and %zu more", cases[i].rows - shown);
    assert_string_equal(rest, more);
    assert_in_range(shown, 8, SYNC_LISTING_ENTRIES - 1);
    sync_rejects_done(&rejects);
    batch_free(b);
    batch_schema_free(schema);
  }
}

/* A first entry that has no room at all is cut behind a whole character, and counts as shown. */
static void something_is_always_shown(void **state) {
  (void)state;
  sync_listing list;
  sync_listing_init(&list, 6);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(sync_listing_begin(&list, NULL), BR_OK);
    assert_int_equal(br_buf_text(&list.text, "a=€€€", NULL), BR_OK);
    assert_int_equal(sync_listing_end(&list, NULL), BR_OK);
  }
  assert_true(list.full);
  assert_int_equal(sync_listing_close(&list, 3, NULL), BR_OK);
  assert_string_equal((const char *)list.text.data, "a=€…; and 2 more");
  sync_listing_done(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(twenty_rows_are_named_and_all_are_counted),
      cmocka_unit_test(rows_with_long_keys_are_shown_whole_or_counted),
      cmocka_unit_test(something_is_always_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
