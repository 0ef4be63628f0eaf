#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/uri.h"

static void decodes_path_and_query(void **state) {
  (void)state;
  http_uri uri;
  assert_int_equal(http_uri_parse("/a%20b/c%2Fd?x=1+2&y=%C3%B1&flag&x=3&=v", &uri, NULL), BR_OK);
  assert_string_equal(uri.path, "/a b/c/d");
  assert_string_equal(uri.raw, "/a%20b/c%2Fd");
  assert_string_equal(http_uri_query(&uri, "x"), "1 2");
  assert_string_equal(http_uri_query(&uri, "y"), "\xC3\xB1");
  assert_string_equal(http_uri_query(&uri, "flag"), "");
  assert_null(http_uri_query(&uri, "z"));
  http_uri_done(&uri);
}

static void refuses_bad_targets(void **state) {
  (void)state;
  static const char *const bad[] = {"",     "*",      "http://x/", "/%",     "/%4",
                                    "/%zz", "/a%00b", "/?%0",      "/?a=%00"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    http_uri uri;
    assert_int_equal(http_uri_parse(bad[i], &uri, NULL), BR_ERR_PROTOCOL);
  }
}

static void limits_length_and_parameters(void **state) {
  (void)state;
  static char target[HTTP_URI_MAX + 8];
  http_uri uri;
  memset(target, 'a', sizeof target - 1);
  target[0] = '/';
  assert_int_equal(http_uri_parse(target, &uri, NULL), BR_ERR_LIMIT);
  target[HTTP_URI_MAX] = '\0';
  assert_int_equal(http_uri_parse(target, &uri, NULL), BR_OK);
  http_uri_done(&uri);
  size_t fill = 2;
  memcpy(target, "/?", 2);
  for (int i = 0; i <= HTTP_QUERY_MAX; i++) {
    memcpy(target + fill, "a=b&", 4);
    fill += 4;
  }
  target[fill] = '\0';
  assert_int_equal(http_uri_parse(target, &uri, NULL), BR_ERR_LIMIT);
}

static void check_match(const char *pattern, const char *path, const char *first,
                        const char *second) {
  http_captures captures = {0};
  bool match = false;
  assert_int_equal(http_pattern_match(pattern, path, &captures, &match, NULL), BR_OK);
  assert_true(match);
  assert_int_equal(captures.count, (first != NULL) + (second != NULL));
  if (first != NULL) {
    assert_string_equal(captures.texts[0], first);
  }
  if (second != NULL) {
    assert_string_equal(captures.texts[1], second);
  }
  http_captures_done(&captures);
}

static void matches_patterns(void **state) {
  (void)state;
  check_match("/a/b", "/a/b", NULL, NULL);
  check_match("/a/b", "/a/b/", NULL, NULL);
  check_match("/", "/", NULL, NULL);
  check_match("/s/{id}", "/s/x%20y", "x y", NULL);
  check_match("/s/{id}/chunks/{n}", "/s/1/chunks/2", "1", "2");
  check_match("/fs/files/{*}", "/fs/files/Volumes/a%20b/c/", "Volumes/a b/c/", NULL);
  check_match("/fs/files/{*}", "/fs/files/", "", NULL);
}

static void matches_nothing_else(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"/a/b", "/a"},        {"/a/b", "/a/bc"},       {"/a", "/a//"},        {"/s/{id}", "/s/"},
      {"/s/{id}", "/s/1/2"}, {"/s/{id}/x", "/s/1/y"}, {"/s/{id}/x", "/s/1"}, {"/f/{*}", "/f"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    http_captures captures = {0};
    bool match = true;
    assert_int_equal(http_pattern_match(pairs[i][0], pairs[i][1], &captures, &match, NULL), BR_OK);
    assert_false(match);
    assert_int_equal(captures.count, 0);
  }
}

static void failing_allocations_leave_nothing(void **state) {
  (void)state;
  for (long n = 0; n < 3; n++) {
    http_captures captures = {0};
    bool match = false;
    br_mem_fail_after(n);
    br_status st = http_pattern_match("/{a}/{b}", "/1/2", &captures, &match, NULL);
    br_mem_fail_after(-1);
    assert_int_equal(st, n < 2 ? BR_ERR_NOMEM : BR_OK);
    http_captures_done(&captures);
  }
  br_mem_fail_after(0);
  http_uri uri;
  br_status st = http_uri_parse("/a", &uri, NULL);
  br_mem_fail_after(-1);
  assert_int_equal(st, BR_ERR_NOMEM);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decodes_path_and_query),
      cmocka_unit_test(refuses_bad_targets),
      cmocka_unit_test(limits_length_and_parameters),
      cmocka_unit_test(matches_patterns),
      cmocka_unit_test(matches_nothing_else),
      cmocka_unit_test(failing_allocations_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
