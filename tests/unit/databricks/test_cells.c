/* Rows of JSON results, decoded in place. */
#include "databricks/cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit/databricks/support.h"

/* Decodes a copy of exactly the text's size, so that the sanitizer sees a step over its end. */
static br_status decode(const char *text, size_t length, size_t columns, char **ret_copy,
                        dbx_cells *cells, br_error *err) {
  char *copy = malloc(length == 0 ? 1 : length);
  assert_non_null(copy);
  memcpy(copy, text, length);
  *ret_copy = copy;
  return dbx_cells_decode(copy, (dbx_span){.end = length}, columns, cells, err);
}

static void assert_one(const char *json, const char *value, size_t length) {
  char *copy = NULL;
  dbx_cells cells = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(decode(json, strlen(json), 1, &copy, &cells, &err), BR_OK, &err);
  assert_int_equal(cells.count, 1);
  if (value == NULL) {
    assert_true(cells.cells[0].offset == DBX_CELL_NULL);
  } else {
    assert_int_equal(cells.cells[0].length, length);
    assert_memory_equal(copy + cells.cells[0].offset, value, length + 1);
  }
  dbx_cells_done(&cells);
  free(copy);
}

static void every_kind_of_cell(void **state) {
  (void)state;
  assert_one("[[null]]", NULL, 0);
  assert_one("[[\"\"]]", "", 0);
  assert_one("[[\"null\"]]", "null", 4);
  assert_one(" [ [ \"a\" ] ] ", "a", 1);
  assert_one("[[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]]", "\"\\/\b\f\n\r\t", 8);
  assert_one("[[\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"]]", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
             10);
  assert_one("[[\"a\\u0000b\"]]", "a\0b", 3);
  assert_one("[[\"こんにちは\"]]", "こんにちは", 15);
  assert_one("[[12]]", "12", 2);
  assert_one("[[-1.5e+10]]", "-1.5e+10", 8);
  assert_one("[[true]]", "true", 4);
  assert_one("[[ false ]]", "false", 5);
}

static void many_rows_with_neighbours_that_move(void **state) {
  (void)state;
  static const char json[] = "[[\"a\",1,null],[2, \"\\u0062\",true],\n[\"]\\\"[\",\"\",\"c\"]]";
  static const char *const expected[] = {"a", "1", NULL, "2", "b", "true", "]\"[", "", "c"};
  char *copy = NULL;
  dbx_cells cells = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(decode(json, sizeof json - 1, 3, &copy, &cells, &err), BR_OK, &err);
  assert_int_equal(cells.rows, 3);
  assert_int_equal(cells.count, 9);
  for (size_t i = 0; i < 9; i++) {
    if (expected[i] == NULL) {
      assert_true(cells.cells[i].offset == DBX_CELL_NULL);
    } else {
      assert_string_equal(copy + cells.cells[i].offset, expected[i]);
    }
  }
  dbx_cells_done(&cells);
  free(copy);
}

static void broken_rows_are_refused(void **state) {
  (void)state;
  static const char *const cases[] = {
      "",
      "[",
      "[[",
      "[[\"a\"]",
      "[[\"a\"]]]",
      "[[\"a\"],]",
      "[[\"a\",]]",
      "[[,\"a\"]]",
      "[\"a\"]",
      "[[\"a\"}]",
      "[[\"a\" \"b\"]]",
      "[[{}]]",
      "[[[\"a\"]]]",
      "[[nul]]",
      "[[nulll]]",
      "[[True]]",
      "[[+1]]",
      "[[\"\\x\"]]",
      "[[\"\\u12\"]]",
      "[[\"\\u12G4\"]]",
      "[[\"\\ud800\"]]",
      "[[\"\\udc00\"]]",
      "[[\"\\ud800\\u0041\"]]",
      "[[\"a\nb\"]]",
      "[[\"\xff\"]]",
      "[[]]",
      "[[\"a\",\"b\"]]",
      "[[\"a\"],[]]",
      "null",
      "{}",
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char *copy = NULL;
    dbx_cells cells = {0};
    br_error err = BR_ERROR_INIT;
    br_status st = decode(cases[i], strlen(cases[i]), 1, &copy, &cells, &err);
    if (st != BR_ERR_PROTOCOL) {
      fail_msg("%s: %s", cases[i], br_status_name(st));
    }
    assert_null(cells.cells);
    free(copy);
  }
}

static void text_that_ends_anywhere_is_refused(void **state) {
  (void)state;
  static const char json[] = "[[\"a\\u20ac\\n\",null,12],[\"\\ud83d\\ude00\",true,\"x\"]]";
  for (size_t length = 0; length < sizeof json - 1; length++) {
    char *copy = NULL;
    dbx_cells cells = {0};
    br_error err = BR_ERROR_INIT;
    assert_status(decode(json, length, 3, &copy, &cells, &err), BR_ERR_PROTOCOL, &err);
    free(copy);
  }
}

static dbx_span find(const char *text, br_status expected) {
  dbx_span span = {0};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_cells_find(text, strlen(text), &span, &err), expected, &err);
  return span;
}

static void span_is_found_at_the_root_and_in_the_result(void **state) {
  (void)state;
  static const char *const texts[] = {
      "{\"data_array\":[[1]]}",
      "{\"a\":{\"data_array\":[[9]]},\"result\":{\"x\":[1,{}],\"data_array\":[[1]]},\"b\":1}",
      " { \"s\":\"\\\"data_array\\\":[[2]]\" , \"result\" : { \"data_array\" : [[1]] } }",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    dbx_span span = find(texts[i], BR_OK);
    assert_int_equal(span.end - span.start, 5);
    assert_memory_equal(texts[i] + span.start, "[[1]]", 5);
  }
  static const char *const without[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"result\":{}}",
                                        "{\"",
                                        "{\"data_array\":null}",
                                        "{\"x\":{\"data_array\":[[1]]}}"};
  for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
    dbx_span span = find(without[i], BR_OK);
    assert_true(span.start == span.end);
  }
  (void)find("{\"data_array\":[],\"result\":{\"data_array\":[]}}", BR_ERR_PROTOCOL);
}

static void finding_ends_wherever_the_text_does(void **state) {
  (void)state;
  static const char text[] =
      "{\"a\":[{\"\\\\\":1}],\"result\":{\"data_array\":[[\"\\\"\"]]},\"b\":2}";
  for (size_t length = 0; length < sizeof text; length++) {
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    dbx_span span = {0};
    assert_int_equal(dbx_cells_find(copy, length, &span, NULL), BR_OK);
    assert_true(span.end <= length);
    free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_cell),
      cmocka_unit_test(many_rows_with_neighbours_that_move),
      cmocka_unit_test(broken_rows_are_refused),
      cmocka_unit_test(text_that_ends_anywhere_is_refused),
      cmocka_unit_test(span_is_found_at_the_root_and_in_the_result),
      cmocka_unit_test(finding_ends_wherever_the_text_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
