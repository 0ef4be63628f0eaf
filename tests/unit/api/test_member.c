/* The text of a member as it was written: digits, blanks and escapes stay. */
#include <string.h>

#include "api/event_json.h"
#include "base/mem.h"
#include "support/cmocka.h"

static void assert_member(const char *object, const char *name, const char *want) {
  char *text = NULL;
  assert_int_equal(api_member_text(object, name, &text, NULL), BR_OK);
  if (want == NULL) {
    assert_null(text);
  } else {
    assert_non_null(text);
    assert_string_equal(text, want);
  }
  br_free(text);
}

static void members_keep_their_text(void **state) {
  (void)state;
  assert_member("{\"a\":12.10}", "a", "12.10");
  assert_member(" { \"x\" : 1 , \"a\" : { \"b\" : 1e2 } } ", "a", "{ \"b\" : 1e2 }");
  assert_member("{\"a\":[1,[2,{}],\"]\"],\"b\":2}", "a", "[1,[2,{}],\"]\"]");
  assert_member("{\"a\":[],\"b\":2}", "b", "2");
  assert_member("{\"a\":\"x\\\"}\\\\\",\"b\":true}", "b", "true");
  assert_member("{\"a\":\"x\\\"}\\\\\",\"b\":true}", "a", "\"x\\\"}\\\\\"");
  assert_member("{\"a\":{\"filter\":1},\"filter\":2}", "filter", "2");
  assert_member("{\"\\u0061\":3}", "a", "3");
  assert_member("{}", "a", NULL);
  assert_member("{\"a\":null}", "a", NULL);
  assert_member("{\"ab\":1}", "a", NULL);
  assert_member("{\"a\":{}}", "a", "{}");
}

/* The text is checked before; cut or broken it must still end. */
static void broken_texts_end(void **state) {
  (void)state;
  static const char whole[] = "{ \"a\" : [ { \"b\" : \"\\\"\" } , 1 ] , \"c\" : 12.10 }";
  for (size_t length = 0; length < sizeof whole; length++) {
    char *cut = br_strndup(whole, length); /* exact: the sanitizer watches */
    char *text = NULL;
    assert_non_null(cut);
    assert_int_equal(api_member_text(cut, "c", &text, NULL), BR_OK);
    br_free(text);
    br_free(cut);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_keep_their_text),
      cmocka_unit_test(broken_texts_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
