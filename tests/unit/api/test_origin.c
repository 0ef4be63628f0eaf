/* Which requests come from a page that has no business here. */
#include <string.h>

#include "api/origin.h"
#include "support/cmocka.h"

static void pages_of_others_are_foreign(void **state) {
  (void)state;
  static const struct {
    const char *origin, *site, *host;
    bool foreign;
  } samples[] = {
      /* No browser. */
      {NULL, NULL, "127.0.0.1:8000", false},
      {NULL, NULL, "bridge.example:8000", false},
      {NULL, NULL, NULL, false},
      /* The service's own page. */
      {"http://127.0.0.1:8000", "same-origin", "127.0.0.1:8000", false},
      {"http://127.0.0.1:8000", NULL, "127.0.0.1:8000", false},
      {"https://[::1]:8000", NULL, "[::1]:8000", false},
      {"http://localhost:8000", "same-origin", "LOCALHOST:8000", false},
      {"http://192.0.2.7", NULL, "192.0.2.7", false},
      {NULL, "none", "bridge.example", false}, /* typed by the user */
      /* Others. */
      {"http://evil.example", "cross-site", "127.0.0.1:8000", true},
      {"http://evil.example", NULL, "127.0.0.1:8000", true},
      {NULL, "cross-site", "127.0.0.1:8000", true},
      {NULL, "same-site", "127.0.0.1:8000", true},
      {"http://127.0.0.1:9000", NULL, "127.0.0.1:8000", true},
      {"http://127.0.0.1", NULL, "127.0.0.1:8000", true},
      {"http://127.0.0.1:8000.evil.example", NULL, "127.0.0.1:8000", true},
      {"null", NULL, "127.0.0.1:8000", true},
      {"null", NULL, "null", true},
      {"", NULL, "127.0.0.1:8000", true},
      {"http://", NULL, "", true},
      {"http://127.0.0.1:8000", NULL, NULL, true},
      {"http://127.0.0.1:8000", "SAME-ORIGIN", "127.0.0.1:8000", true},
      /* A name that points here for now. */
      {"http://evil.example:8000", "same-origin", "evil.example:8000", true},
      {"http://127.0.0.1.evil.example", NULL, "127.0.0.1.evil.example", true},
      {"http://localhost.evil.example", NULL, "localhost.evil.example", true},
      {"http://[::1.evil.example]", NULL, "[::1.evil.example]", true},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    if (api_origin_is_foreign(samples[i].origin, samples[i].site, samples[i].host) !=
        samples[i].foreign) {
      fail_msg("sample %zu", i);
    }
  }
  static char long_name[1000];
  memset(long_name, 'a', sizeof long_name - 1);
  memcpy(long_name, "http://", 7);
  assert_true(api_origin_is_foreign(long_name, NULL, long_name + 7));
}

static void json_is_what_says_so(void **state) {
  (void)state;
  static const char *const good[] = {"application/json", "Application/JSON", "application/json;x",
                                     "application/json; charset=utf-8", "application/json "};
  static const char *const bad[] = {"",
                                    "text/plain",
                                    "application/x-www-form-urlencoded",
                                    "application/jsonp",
                                    "application/jso",
                                    "application/json-patch+json",
                                    " application/json",
                                    "text/plain; application/json"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    assert_true(api_content_is_json(good[i]));
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_false(api_content_is_json(bad[i]));
  }
  assert_false(api_content_is_json(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pages_of_others_are_foreign),
      cmocka_unit_test(json_is_what_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
