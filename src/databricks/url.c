#include "databricks/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { LONGEST_HOST = 255, LONGEST_URL_PATH = 32 * 1024 };

static bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The host without port and brackets; false where url has none that fits. */
static bool host_of(const char *url, char *host, size_t size) {
  const char *start = strstr(url, "://");
  start = start == NULL ? url : start + 3;
  size_t length = 0;
  if (*start == '[') {
    start++;
    length = strcspn(start, "]");
  } else {
    length = strcspn(start, ":/?#");
  }
  if (length == 0 || length >= size) {
    return false;
  }
  memcpy(host, start, length);
  host[length] = '\0';
  return true;
}

bool dbx_url_is_loopback(const char *url) {
  char host[LONGEST_HOST + 1];
  if (!host_of(url, host, sizeof host)) {
    return false;
  }
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, host, &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  if (inet_pton(AF_INET6, host, &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return br_text_equal_nocase(host, "localhost");
}

bool dbx_url_is_safe(const char *url) {
  return br_text_starts_with(url, "https://") ||
         (br_text_starts_with(url, "http://") && dbx_url_is_loopback(url));
}

/* Bytes of "name", "name:port" or "[v6]:port" at text, 0 where it is none of these. */
static size_t authority_length(const char *text) {
  size_t n = 0;
  if (text[0] == '[') {
    n = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
    if (text[n] != ']' || n == 1) {
      return 0;
    }
    n++;
  } else {
    while (is_alnum(text[n]) || text[n] == '-' || text[n] == '.' || text[n] == '_') {
      n++;
    }
  }
  if (n == 0 || n > LONGEST_HOST) {
    return 0;
  }
  if (text[n] == ':') {
    size_t digits = strspn(text + n + 1, "0123456789");
    if (digits == 0 || digits > 5 || strtoul(text + n + 1, NULL, 10) > UINT16_MAX) {
      return 0;
    }
    n += 1 + digits;
  }
  return text[n] == '\0' || strchr("/?#", text[n]) != NULL ? n : 0;
}

bool dbx_url_may_be_followed(const char *url, const char *base) {
  bool tls = br_text_starts_with(url, "https://");
  /* What stands before an '@' is no host, and is no authority here either. */
  if ((!tls && !br_text_starts_with(url, "http://")) ||
      authority_length(url + (tls ? 8 : 7)) == 0) {
    return false;
  }
  for (const char *p = url; *p != '\0'; p++) {
    if ((unsigned char)*p <= ' ' || *p == 0x7F) {
      return false;
    }
  }
  return tls || (dbx_url_is_loopback(base) && dbx_url_is_loopback(url));
}

br_status dbx_url_base(const char *host, char **ret_base, br_error *err) {
  const char *scheme = "https://";
  const char *rest = host;
  const char *mark = strstr(host, "://");
  if (mark != NULL) {
    rest = mark + 3;
    if (strncasecmp(host, "http://", 7) == 0) {
      scheme = "http://";
    } else if (strncasecmp(host, "https://", 8) != 0) {
      return br_error_set(err, BR_ERR_USAGE,
                          "The Databricks host must be an https:// address or a bare host name");
    }
  }
  size_t length = authority_length(rest);
  if (length == 0) {
    return br_error_set(err, BR_ERR_USAGE,
                        "The Databricks host is not a host name or https:// address");
  }
  if (scheme[4] == 's' && length > 4 && strncmp(rest + length - 4, ":443", 4) == 0) {
    length -= 4;
  }
  char *base = br_asprintf("%s%.*s", scheme, (int)length, rest);
  if (base == NULL) {
    return br_error_nomem(err);
  }
  if (!dbx_url_is_safe(base)) {
    br_error_set(err, BR_ERR_USAGE,
                 "The Databricks host %s is refused: http:// would send the credentials in clear; "
                 "use https://",
                 base);
    br_free(base);
    return BR_ERR_USAGE;
  }
  *ret_base = base;
  return BR_OK;
}

br_status dbx_url_append_encoded(br_buf *url, const char *text, const char *keep, br_error *err) {
  static const char digits[] = "0123456789ABCDEF";
  size_t before = url->len;
  for (const char *p = text; *p != '\0'; p++) {
    unsigned char byte = (unsigned char)*p;
    char out[3] = {'%', digits[byte >> 4], digits[byte & 15U]};
    bool plain = is_alnum(*p) || strchr("_.-~", *p) != NULL || strchr(keep, *p) != NULL;
    br_status st = plain ? br_buf_u8(url, byte, err) : br_buf_append(url, out, sizeof out, err);
    if (st != BR_OK) {
      url->len = before;
      return st;
    }
  }
  return BR_OK;
}

static bool is_bad_segment(const char *segment, size_t length) {
  return length == 0 || (length == 1 && segment[0] == '.') ||
         (length == 2 && segment[0] == '.' && segment[1] == '.');
}

br_status dbx_url_append_path(br_buf *url, const char *path, br_error *err) {
  size_t total = strlen(path);
  if (path[0] != '/' || total > LONGEST_URL_PATH) {
    return br_error_set(err, BR_ERR_USAGE, "\"%.200s\" is not an absolute path", path);
  }
  size_t offset = 0;
  if (!br_utf8_valid(path, total, &offset)) {
    return br_error_set(err, BR_ERR_USAGE, "A path is not UTF-8 (byte %zu)", offset + 1);
  }
  /* One slash at the end is how people write a folder. */
  for (const char *p = path; *p == '/' && (p[1] != '\0' || p == path);) {
    size_t length = strcspn(p + 1, "/");
    if (is_bad_segment(p + 1, length)) {
      return br_error_set(err, BR_ERR_USAGE, "The path \"%.200s\" has an empty, . or .. segment",
                          path);
    }
    p += 1 + length;
  }
  return dbx_url_append_encoded(url, path, "/", err);
}
