#include "http/uri.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

br_status http_decode(char *text, bool plus_is_space, br_error *err) {
  char *out = text;
  for (const char *p = text; *p != '\0'; p++) {
    if (*p == '+' && plus_is_space) {
      *out++ = ' ';
      continue;
    }
    if (*p != '%') {
      *out++ = *p;
      continue;
    }
    int high = br_hex_digit(p[1]);
    int low = high < 0 ? -1 : br_hex_digit(p[2]);
    if (low < 0 || (high == 0 && low == 0)) {
      return br_error_set(err, BR_ERR_PROTOCOL, "Bad percent escape in the request's target");
    }
    *out++ = (char)(high << 4 | low);
    p += 2;
  }
  *out = '\0';
  return BR_OK;
}

/* Splits "a=1&b=2" in place. */
static br_status parse_query(char *query, http_uri *uri, br_error *err) {
  while (query != NULL && *query != '\0') {
    char *next = strchr(query, '&');
    if (next != NULL) {
      *next++ = '\0';
    }
    if (*query != '\0') {
      if (uri->query_count == HTTP_QUERY_MAX) {
        return br_error_set(err, BR_ERR_LIMIT, "More than %d query parameters", HTTP_QUERY_MAX);
      }
      http_query_item *item = &uri->query[uri->query_count];
      char *value = strchr(query, '=');
      item->name = query;
      item->value = query + strlen(query);
      if (value != NULL) {
        *value = '\0';
        item->value = value + 1;
      }
      br_status st = http_decode(item->name, true, err);
      if (st == BR_OK) {
        st = http_decode(item->value, true, err);
      }
      if (st != BR_OK) {
        return st;
      }
      uri->query_count++;
    }
    query = next;
  }
  return BR_OK;
}

br_status http_uri_parse(const char *target, http_uri *ret_uri, br_error *err) {
  size_t length = strnlen(target, HTTP_URI_MAX + 1);
  if (length > HTTP_URI_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "The request's target is longer than %d bytes",
                        HTTP_URI_MAX);
  }
  if (target[0] != '/') {
    return br_error_set(err, BR_ERR_PROTOCOL, "The request's target does not begin with /");
  }
  http_uri uri = {.memory = br_malloc(2 * (length + 1))};
  if (uri.memory == NULL) {
    return br_error_nomem(err);
  }
  uri.raw = uri.memory;
  memcpy(uri.raw, target, length + 1);
  char *query = strchr(uri.raw, '?');
  if (query != NULL) {
    *query++ = '\0';
  }
  uri.path = uri.memory + length + 1;
  memcpy(uri.path, uri.raw, strlen(uri.raw) + 1);
  br_status st = http_decode(uri.path, false, err);
  if (st == BR_OK) {
    st = parse_query(query, &uri, err);
  }
  if (st != BR_OK) {
    br_free(uri.memory);
    return st;
  }
  *ret_uri = uri;
  return BR_OK;
}

void http_uri_done(http_uri *uri) {
  br_free(uri->memory);
  *uri = (http_uri){0};
}

const char *http_uri_query(const http_uri *uri, const char *name) {
  for (size_t i = 0; i < uri->query_count; i++) {
    if (strcmp(uri->query[i].name, name) == 0) {
      return uri->query[i].value;
    }
  }
  return NULL;
}

void http_captures_done(http_captures *captures) {
  for (size_t i = 0; i < captures->count; i++) {
    br_free(captures->texts[i]);
  }
  *captures = (http_captures){0};
}

static br_status capture(http_captures *captures, const char *text, size_t length, br_error *err) {
  if (captures->count == HTTP_CAPTURES_MAX) {
    return br_error_set(err, BR_ERR_INTERNAL, "A route has more than %d captures",
                        HTTP_CAPTURES_MAX);
  }
  char *copy = br_strndup(text, length);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  captures->texts[captures->count++] = copy;
  return http_decode(copy, false, err);
}

br_status http_pattern_match(const char *pattern, const char *raw_path, http_captures *captures,
                             bool *ret_match, br_error *err) {
  const char *p = pattern, *path = raw_path;
  bool match = true;
  while (*p != '\0') {
    if (*p != '{') {
      if (*p != *path) {
        match = false;
        break;
      }
      p++;
      path++;
      continue;
    }
    bool rest = p[1] == '*';
    size_t length = rest ? strlen(path) : strcspn(path, "/");
    br_status st = length == 0 && !rest ? BR_DONE : capture(captures, path, length, err);
    if (st == BR_DONE) {
      match = false;
      break;
    }
    if (st != BR_OK) {
      http_captures_done(captures);
      return st;
    }
    p += strcspn(p, "}") + 1;
    path += length;
  }
  if (match && *path == '/' && path[1] == '\0') {
    path++;
  }
  *ret_match = match && *path == '\0';
  if (!*ret_match) {
    http_captures_done(captures);
  }
  return BR_OK;
}
