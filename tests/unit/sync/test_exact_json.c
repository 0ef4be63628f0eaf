/* Numbers of a JSON object keep the digits that were written. */
#include "sync/exact_json.h"

#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

static void assert_scalar(const sync_json *json, const json_t *value, const char *expected) {
  char *text = NULL;
  assert_int_equal(sync_json_scalar(json, value, &text, NULL), BR_OK);
  if (expected == NULL) {
    assert_null(text);
  } else {
    assert_string_equal(text, expected);
  }
  br_free(text);
}

static void numbers_keep_their_digits(void **state) {
  (void)state;
  sync_json *json = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(
      sync_json_parse("{\"a 1\": 12.10, \"b\\\"2\": [0.1234567890123456789, -0, 7], \"c\": "
                      "{\"d\": 1E+2}, \"e\": \"3.0\", \"f\": null, \"g\": true, \"h\": false}",
                      &json, &err),
      BR_OK);
  json_t *root = sync_json_root(json);
  const json_t *list = json_object_get(root, "b\"2");
  assert_scalar(json, json_object_get(root, "a 1"), "12.10");
  assert_scalar(json, json_array_get(list, 0), "0.1234567890123456789");
  assert_scalar(json, json_array_get(list, 1), "-0");
  assert_scalar(json, json_array_get(list, 2), "7");
  assert_scalar(json, json_object_get(json_object_get(root, "c"), "d"), "1E+2");
  assert_scalar(json, json_object_get(root, "e"), "3.0");
  assert_scalar(json, json_object_get(root, "f"), NULL);
  assert_scalar(json, json_object_get(root, "g"), "1");
  assert_scalar(json, json_object_get(root, "h"), "0");
  char *text = NULL;
  assert_int_equal(sync_json_scalar(json, list, &text, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "not a list"));
  sync_json_free(json);
}

static void any_value_is_written_with_its_digits(void **state) {
  (void)state;
  static const char text[] =
      "{ \"a\" : [1.50, {\"b \\\"\" : 12345678901234567890.10}, []], \"c\":{},"
      "\"d\":[null,true,\"\\u00e4\\n\",-0]}";
  sync_json *json = NULL;
  char *made = NULL;
  assert_int_equal(sync_json_parse(text, &json, NULL), BR_OK);
  assert_int_equal(sync_json_text(json, sync_json_root(json), &made, NULL), BR_OK);
  assert_string_equal(made, "{\"a\":[1.50,{\"b \\\"\":12345678901234567890.10},[]],\"c\":{},"
                            "\"d\":[null,true,\"\xC3\xA4\\n\",-0]}");
  br_free(made);
  sync_json_free(json);
}

static br_status write_one(void *context, br_error *err) {
  char *made = NULL;
  sync_json *json = NULL;
  (void)context;
  br_status st = sync_json_parse("{\"a\":[1,{\"b\":2.0}],\"c\":\"d\"}", &json, err);
  st = st == BR_OK ? sync_json_text(json, sync_json_root(json), &made, err) : st;
  br_free(made);
  sync_json_free(json);
  return st;
}

static void writing_survives_a_lack_of_memory(void **state) {
  (void)state;
  torture_allocations(write_one, NULL);
}

static void what_is_no_object_is_refused_with_its_place(void **state) {
  (void)state;
  static const char *const texts[] = {"",      "{",           "[1]",
                                      "\"a\"", "{\"a\": 1,}", "{\"a\": 1, \"a\": 2}",
                                      "{} x",  "{\"a\": 01}", "{\"a\": \"\\u0000\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    sync_json *json = NULL;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(sync_json_parse(texts[i], &json, &err), BR_ERR_DATA);
    assert_non_null(strstr(err.message, "line 1, column"));
    assert_null(json);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_keep_their_digits),
      cmocka_unit_test(any_value_is_written_with_its_digits),
      cmocka_unit_test(writing_survives_a_lack_of_memory),
      cmocka_unit_test(what_is_no_object_is_refused_with_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
