/* New tokens: of the form that is promised, each another, and their hash lets them in. */
#include <stdio.h>
#include <string.h>

#include "auth/permissions.h"
#include "auth/token.h"
#include "support/torture.h"

static void tokens_have_their_form_and_differ(void **state) {
  (void)state;
  char tokens[100][AUTH_TOKEN_TEXT_MAX];
  char hash[BR_SHA256_HEX_MAX];
  for (size_t i = 0; i < 100; i++) {
    assert_int_equal(auth_token_new(tokens[i], hash, NULL), BR_OK);
    assert_int_equal(strlen(tokens[i]), AUTH_TOKEN_TEXT_MAX - 1);
    assert_memory_equal(tokens[i], "sdb_", 4);
    assert_int_equal(
        strspn(tokens[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        AUTH_TOKEN_TEXT_MAX - 1);
    for (size_t k = 0; k < i; k++) {
      assert_string_not_equal(tokens[k], tokens[i]);
    }
  }
}

static void the_hash_lets_the_token_in(void **state) {
  (void)state;
  char token[AUTH_TOKEN_TEXT_MAX];
  char hash[BR_SHA256_HEX_MAX];
  char text[256];
  assert_int_equal(auth_token_new(token, hash, NULL), BR_OK);
  (void)snprintf(text, sizeof text, "users: [{name: a, token_sha256: %s, permissions: []}]", hash);
  auth_permissions *p = NULL;
  assert_int_equal(auth_permissions_parse(text, strlen(text), "p", &p, NULL), BR_OK);
  assert_non_null(auth_user_of_token(p, token));
  auth_permissions_unref(p);
}

static br_status make(void *context, br_error *err) {
  char token[AUTH_TOKEN_TEXT_MAX] = "untouched";
  char hash[BR_SHA256_HEX_MAX];
  (void)context;
  br_status st = auth_token_new(token, hash, err);
  assert_int_equal(st != BR_OK, strcmp(token, "untouched") == 0);
  return st;
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  torture_allocations(make, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_have_their_form_and_differ),
      cmocka_unit_test(the_hash_lets_the_token_in),
      cmocka_unit_test(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
