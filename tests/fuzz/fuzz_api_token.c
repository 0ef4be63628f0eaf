/* Any bytes as the header Authorization: a token is recognised only where it is one of the file's,
 * letter by letter, and none of the file's is left in a redacted text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char first[] = "a-token-of-the-fuzzer";
/* SHA-256 of the next, as `token new` would print it. */
static const char second[] = "another-token-of-the-fuzzer";
static const char file[] =
    "users: [{name: a, token: a-token-of-the-fuzzer, permissions: []}, {name: b, token_sha256: "
    "\"SECOND\", permissions: []}]";

static auth_permissions *load(void) {
  char hash[BR_SHA256_HEX_MAX];
  char text[512];
  auth_permissions *p = NULL;
  const char *place = strstr(file, "SECOND");
  if (br_sha256_hex(second, strlen(second), hash, NULL) != BR_OK) {
    abort();
  }
  (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(place - file), file, hash,
                 place + strlen("SECOND"));
  if (auth_permissions_parse(text, strlen(text), "f.yaml", &p, NULL) != BR_OK) {
    abort();
  }
  return p;
}

static void check(const auth_permissions *p, const char *header) {
  const char *token = api_bearer(header);
  if (token == NULL) {
    return;
  }
  const auth_user *user = auth_user_of_token(p, token);
  const char *expected = strcmp(token, first) == 0 ? "a" : strcmp(token, second) == 0 ? "b" : NULL;
  if ((user == NULL) != (expected == NULL) ||
      (user != NULL && strcmp(auth_user_name(user), expected) != 0)) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static auth_permissions *p; /* for the whole run; its plain token stays registered */
  if (p == NULL) {
    p = load();
  }
  char *header = br_strndup((const char *)data, size);
  if (header == NULL) {
    return 0;
  }
  check(p, header);
  br_secret_redact(header);
  if (strstr(header, first) != NULL) {
    abort();
  }
  br_free(header);
  return 0;
}
