#include "sandbox/sql/json_scan.h"

#include <string.h>

#include "base/hash.h"

enum { DEPTH_MAX = 200 };

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip(const char *p, const char *end) {
  while (p < end && is_blank(*p)) {
    p++;
  }
  return p;
}

static const char *scan_value(const char *p, const char *end, int depth, json_kind *ret_kind);

/* Each of these returns what comes behind the token; NULL: it is malformed. */

static const char *scan_string(const char *p, const char *end) {
  for (p++; p < end && *p != '"'; p++) {
    if ((unsigned char)*p < 0x20) {
      return NULL;
    }
    if (*p != '\\') {
      continue;
    }
    p++;
    if (p == end || strchr("\"\\/bfnrtu", *p) == NULL || *p == '\0') {
      return NULL;
    }
    for (int i = 0; *p == 'u' && i < 4; i++) {
      if (end - p < 5 || br_hex_digit(p[1 + i]) < 0) {
        return NULL;
      }
    }
    p += *p == 'u' ? 4 : 0;
  }
  return p < end ? p + 1 : NULL;
}

static const char *digits(const char *p, const char *end) {
  const char *from = p;
  while (p < end && *p >= '0' && *p <= '9') {
    p++;
  }
  return p == from ? NULL : p;
}

static const char *scan_number(const char *p, const char *end) {
  p += *p == '-';
  bool zero = p < end && *p == '0';
  const char *whole = digits(p, end);
  if (whole == NULL || (zero && whole > p + 1)) {
    return NULL;
  }
  p = whole;
  if (p < end && *p == '.' && (p = digits(p + 1, end)) == NULL) {
    return NULL;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    p += p < end && (*p == '+' || *p == '-');
    p = digits(p, end);
  }
  return p;
}

static const char *scan_word(const char *p, const char *end, const char *word) {
  size_t n = strlen(word);
  return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *scan_container(const char *p, const char *end, int depth, bool object) {
  const char close = object ? '}' : ']';
  json_kind kind;
  p = skip(p + 1, end);
  if (p < end && *p == close) {
    return p + 1;
  }
  for (;;) {
    if (object) {
      p = p < end && *p == '"' ? scan_string(p, end) : NULL;
      p = p == NULL ? NULL : skip(p, end);
      if (p == NULL || p == end || *p != ':') {
        return NULL;
      }
      p = skip(p + 1, end);
    }
    p = scan_value(p, end, depth + 1, &kind);
    p = p == NULL ? NULL : skip(p, end);
    if (p == NULL || p == end || (*p != ',' && *p != close)) {
      return NULL;
    }
    if (*p == close) {
      return p + 1;
    }
    p = skip(p + 1, end);
  }
}

static const char *scan_value(const char *p, const char *end, int depth, json_kind *ret_kind) {
  if (p >= end || depth > DEPTH_MAX) {
    return NULL;
  }
  switch (*p) {
  case '{':
    *ret_kind = JSON_KIND_OBJECT;
    return scan_container(p, end, depth, true);
  case '[':
    *ret_kind = JSON_KIND_ARRAY;
    return scan_container(p, end, depth, false);
  case '"':
    *ret_kind = JSON_KIND_STRING;
    return scan_string(p, end);
  case 'n':
    *ret_kind = JSON_KIND_NULL;
    return scan_word(p, end, "null");
  case 't':
  case 'f':
    *ret_kind = JSON_KIND_BOOLEAN;
    return scan_word(p, end, *p == 't' ? "true" : "false");
  default:
    *ret_kind = JSON_KIND_NUMBER;
    return *p == '-' || (*p >= '0' && *p <= '9') ? scan_number(p, end) : NULL;
  }
}

bool json_scan(const char *text, size_t length, json_span *ret_value) {
  const char *end = text + length;
  const char *p = skip(text, end);
  json_kind kind = JSON_KIND_NULL;
  const char *behind = scan_value(p, end, 0, &kind);
  if (behind == NULL || skip(behind, end) != end) {
    return false;
  }
  *ret_value = (json_span){kind, p, (size_t)(behind - p)};
  return true;
}

json_walk json_walk_begin(const json_span *container) {
  return (json_walk){.at = container->p + 1,
                     .end = container->p + container->n - 1,
                     .object = container->kind == JSON_KIND_OBJECT};
}

bool json_walk_next(json_walk *walk, json_span *ret_key, json_span *ret_value) {
  const char *p = skip(walk->at, walk->end);
  if (p < walk->end && *p == ',') {
    p = skip(p + 1, walk->end);
  }
  if (p >= walk->end) {
    return false;
  }
  if (walk->object) {
    const char *behind = scan_string(p, walk->end);
    if (behind == NULL) {
      return false;
    }
    *ret_key = (json_span){JSON_KIND_STRING, p, (size_t)(behind - p)};
    p = skip(behind, walk->end);
    p = skip(p + (p < walk->end), walk->end);
  }
  json_kind kind = JSON_KIND_NULL;
  const char *behind = scan_value(p, walk->end, 0, &kind);
  if (behind == NULL) {
    return false;
  }
  *ret_value = (json_span){kind, p, (size_t)(behind - p)};
  walk->at = behind;
  return true;
}

/* ---- texts ---- */

static uint32_t hex4(const char *p) {
  uint32_t c = 0;
  for (int i = 0; i < 4; i++) {
    c = c << 4 | (uint32_t)br_hex_digit(p[i]);
  }
  return c;
}

static br_status put_character(uint32_t c, br_buf *out, br_error *err) {
  char bytes[4];
  size_t n = 0;
  if (c < 0x80) {
    bytes[n++] = (char)c;
  } else if (c < 0x800) {
    bytes[n++] = (char)(0xc0 | c >> 6);
    bytes[n++] = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    bytes[n++] = (char)(0xe0 | c >> 12);
    bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    bytes[n++] = (char)(0x80 | (c & 0x3f));
  } else {
    bytes[n++] = (char)(0xf0 | c >> 18);
    bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
    bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    bytes[n++] = (char)(0x80 | (c & 0x3f));
  }
  return br_buf_append(out, bytes, n, err);
}

/* \uXXXX, with its second half for what lies beyond the BMP; a lone half becomes U+FFFD. */
static br_status put_escaped(const char **at, const char *end, br_buf *out, br_error *err) {
  const char *p = *at;
  uint32_t c = hex4(p + 1);
  *at = p + 5;
  if (c >= 0xd800 && c < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
    uint32_t low = hex4(*at + 2);
    if (low >= 0xdc00 && low < 0xe000) {
      *at += 6;
      return put_character(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), out, err);
    }
  }
  return put_character(c >= 0xd800 && c < 0xe000 ? 0xfffd : c, out, err);
}

static br_status string_text(const json_span *value, br_buf *out, br_error *err) {
  static const char escapes[] = "bfnrt";
  static const char meant[] = "\b\f\n\r\t";
  const char *p = value->p + 1;
  const char *end = value->p + value->n - 1;
  br_status st = BR_OK;
  while (p < end && st == BR_OK) {
    const char *plain = p;
    while (p < end && *p != '\\') {
      p++;
    }
    st = br_buf_append(out, plain, (size_t)(p - plain), err);
    if (st != BR_OK || p == end) {
      break;
    }
    p++;
    if (*p == 'u') {
      st = put_escaped(&p, end, out, err);
      continue;
    }
    const char *known = strchr(escapes, *p);
    st = br_buf_u8(out, (uint8_t)(known != NULL ? meant[known - escapes] : *p), err);
    p++;
  }
  return st;
}

br_status json_text(const json_span *value, br_buf *out, br_error *err) {
  if (value->kind == JSON_KIND_STRING) {
    return string_text(value, out, err);
  }
  const char *p = value->p;
  const char *end = value->p + value->n;
  br_status st = BR_OK;
  while (p < end && st == BR_OK) {
    if (*p == '"') {
      const char *behind = scan_string(p, end);
      size_t n = behind == NULL ? (size_t)(end - p) : (size_t)(behind - p);
      st = br_buf_append(out, p, n, err);
      p += n;
    } else {
      st = is_blank(*p) ? BR_OK : br_buf_u8(out, (uint8_t)*p, err);
      p++;
    }
  }
  return st;
}

br_status json_put_string(const char *text, size_t length, br_buf *out, br_error *err) {
  br_status st = br_buf_u8(out, '"', err);
  for (size_t i = 0; i < length && st == BR_OK; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') {
      st = br_buf_printf(out, err, "\\%c", c);
    } else if (c < 0x20) {
      st = br_buf_printf(out, err, "\\u%04x", c);
    } else {
      st = br_buf_u8(out, c, err);
    }
  }
  return st != BR_OK ? st : br_buf_u8(out, '"', err);
}
