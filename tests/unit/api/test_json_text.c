/* JSON as text: what Jansson itself writes, byte by byte. */
#include <string.h>

#include "api/json_text.h"
#include "base/limits.h"
#include "base/mem.h"
#include "databricks/json.h"
#include "support/cmocka.h"

static const char *const documents[] = {
    "{}",
    "[]",
    "[[],{},[{}]]",
    "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"e\"}}",
    "[0,-1,9223372036854775807,-9223372036854775808]",
    "[1.1,1e300,-0.0,0.1,100000000000000000000.0,3.0,1e-7]",
    "[\"\",\"plain\",\"\\\"\",\"\\\\\",\"\\u0000\",\"\\u001f\",\"\\u007f\",\"\\n\\t\\b\",\"/\"]",
    "[\"\\u00e9\\u20ac\\ud83d\\ude00\",\"a\\u00e9\\\"\"]",
    "{\"\":1,\"a\\\"b\":2,\"c\\nd\":3,\"\\u00e9\":4}",
};

static void the_text_is_the_one_that_jansson_writes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
    json_t *value = json_loads(documents[i], JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    char *want = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    assert_non_null(want);
    br_buf out;
    br_buf_init(&out, BR_KIB(64));
    assert_int_equal(api_json_write(value, &out, NULL), BR_OK);
    assert_string_equal(br_buf_cstr(&out), want);
    br_buf_done(&out);
    br_free(want);
    json_decref(value);
  }
}

static void a_text_over_the_ceiling_is_an_error(void **state) {
  (void)state;
  json_t *value = json_loads(documents[3], 0, NULL);
  for (size_t ceiling = 0; ceiling < strlen(documents[3]); ceiling++) {
    br_buf out;
    br_buf_init(&out, ceiling);
    assert_int_equal(api_json_write(value, &out, NULL), BR_ERR_LIMIT);
    br_buf_done(&out);
  }
  json_decref(value);
}

int main(void) {
  dbx_json_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_text_is_the_one_that_jansson_writes),
      cmocka_unit_test(a_text_over_the_ceiling_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
