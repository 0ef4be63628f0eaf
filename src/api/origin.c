#include "api/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { NAME_MAX_BYTES = 256 };

/* The name of "name", "name:8000" or "[::1]:8000", without brackets; false: too long. */
static bool name_of(const char *host, char *name) {
  const bool six = host[0] == '[';
  const size_t length = six ? strcspn(host + 1, "]") : strcspn(host, ":");
  if (length >= NAME_MAX_BYTES) {
    return false;
  }
  (void)snprintf(name, NAME_MAX_BYTES, "%.*s", (int)length, host + six);
  return true;
}

static bool is_nobodys(const char *host) {
  char name[NAME_MAX_BYTES];
  unsigned char bytes[16];
  return name_of(host, name) &&
         (br_text_equal_nocase(name, "localhost") || inet_pton(AF_INET, name, bytes) == 1 ||
          inet_pton(AF_INET6, name, bytes) == 1);
}

bool api_origin_is_foreign(const char *origin, const char *fetch_site, const char *host) {
  if (fetch_site != NULL && strcmp(fetch_site, "same-origin") != 0 &&
      strcmp(fetch_site, "none") != 0) {
    return true;
  }
  if (origin == NULL) {
    return false;
  }
  const char *at = strstr(origin, "://"); /* not in "null" */
  return at == NULL || host == NULL || !br_text_equal_nocase(at + 3, host) || !is_nobodys(host);
}

bool api_content_is_json(const char *content_type) {
  static const char json[] = "application/json";
  char type[sizeof json];
  if (content_type == NULL || strlen(content_type) < sizeof json - 1) {
    return false;
  }
  (void)snprintf(type, sizeof type, "%s", content_type);
  const char *rest = content_type + sizeof json - 1;
  return br_text_equal_nocase(type, json) && (*rest == '\0' || strchr("; \t", *rest) != NULL);
}
