/* Any bytes are a permissions file that keeps its promises or an error in words; any bytes as a
 * table's name have no more rights than the user's rules give together. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/permissions.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const tables[] = {"dbo.x", "a", "[a].[b]", "a.b.c", "a.\xC3\xB1", ""};

static void check_rights(const auth_user *user, const char *table) {
  auth_rights rights = auth_rights_on(user, table);
  unsigned all = 0;
  bool known = rights.rule == NULL;
  for (size_t i = 0; i < auth_user_rules(user); i++) {
    auth_rights rule = auth_user_rule(user, i);
    all |= rule.access;
    known = known || rule.rule == rights.rule;
  }
  if ((rights.access & ~all) != 0 || !known || (rights.rule == NULL && rights.access != 0)) {
    abort();
  }
}

static void check(const auth_permissions *p, const char *text) {
  for (size_t i = 0; i < auth_permissions_warnings(p); i++) {
    if (auth_permissions_warning(p, i)[0] == '\0') {
      abort();
    }
  }
  if (auth_user_of_token(p, "") != NULL) {
    abort();
  }
  const auth_user *user = auth_user_of_name(p, "a");
  for (size_t i = 0; user != NULL && i < sizeof tables / sizeof tables[0]; i++) {
    check_rights(user, tables[i]);
  }
  if (user != NULL) {
    check_rights(user, text);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char fixed[] = "users: [{name: a, token: a-token-of-the-fuzzer, permissions: ["
                              "{table: '*', access: read}, {table: 'dbo.*', access: write}, "
                              "{table: dbo.x, access: read_write}]}]";
  char *text = malloc(size + 1);
  if (text == NULL) {
    return 0;
  }
  memcpy(text, data, size);
  text[size] = '\0';
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = auth_permissions_parse(text, size, "f.yaml", &p, &err);
  if (st == BR_OK) {
    check(p, text);
    auth_permissions_unref(p);
  } else if (p != NULL || st != BR_ERR_DATA || err.message[0] == '\0') {
    abort();
  }
  if (auth_permissions_parse(fixed, strlen(fixed), "f.yaml", &p, NULL) == BR_OK) {
    check(p, text);
    auth_permissions_unref(p);
  }
  br_secret_forget_all();
  free(text);
  return 0;
}
