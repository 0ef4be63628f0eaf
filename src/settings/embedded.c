/*
 * embedded.c: passwords inside of values that are no secrets: connection strings and addresses,
 * which people paste where a host belongs.
 *
 *   Server=tcp:db;User ID=sa;Password=…;      https://user:…@host/?access_token=…
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "settings/internal.h"

static br_status hide(const char *text, size_t length, br_error *err) {
  char *copy = br_strndup(text, length);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  br_secret *secret = NULL;
  br_status st = br_secret_new(copy, &secret, err); /* from now on it is redacted */
  br_secret_free(secret);
  br_wipe(copy, length);
  br_free(copy);
  return st;
}

/* What stands between :// and @: a password behind the user's name, or a token alone. */
static br_status hide_user(const char *text, br_error *err) {
  const char *start = strstr(text, "://");
  if (start == NULL) {
    return BR_OK;
  }
  start += strlen("://");
  const char *end = start + strcspn(start, "/?#");
  const char *at = memrchr(start, '@', (size_t)(end - start));
  if (at == NULL) {
    return BR_OK;
  }
  const char *colon = memchr(start, ':', (size_t)(at - start));
  start = colon == NULL ? start : colon + 1;
  return hide(start, (size_t)(at - start), err);
}

static bool names_a_secret(const char *name, size_t length) {
  static const char *const words[] = {"password", "pwd",       "token", "secret",
                                      "sig",      "signature", "key",   "credential"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    const size_t n = strlen(words[i]);
    /* "access_token", "X-Amz-Signature": the last word counts. */
    if (n <= length && strncasecmp(name + length - n, words[i], n) == 0) {
      return true;
    }
  }
  return false;
}

/* name=value pairs behind ; & ? or blanks; a value may be in quotes or braces. */
static br_status hide_pairs(const char *text, br_error *err) {
  static const char between[] = ";&?";
  br_status st = BR_OK;
  while (st == BR_OK && *text != '\0') {
    const size_t length = strcspn(text, between);
    const char *equals = memchr(text, '=', length);
    size_t name = equals == NULL ? 0 : (size_t)(equals - text);
    while (name > 0 && text[name - 1] == ' ') {
      name--;
    }
    if (equals != NULL && names_a_secret(text, name)) {
      const char *value = equals + 1;
      const char *end = text + length;
      value += strspn(value, " ");
      if (end - value > 1 && strchr("'\"{", *value) != NULL) {
        value++;
        end--;
      }
      st = end > value ? hide(value, (size_t)(end - value), err) : BR_OK;
    }
    text += length + (text[length] != '\0');
  }
  return st;
}

br_status settings_hide_embedded(const char *text, br_error *err) {
  br_status st = hide_user(text, err);
  return st == BR_OK ? hide_pairs(text, err) : st;
}
