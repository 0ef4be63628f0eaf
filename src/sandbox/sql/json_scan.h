/*
 * json_scan.h: walks JSON text without building trees: spans of values, elements of arrays and
 * objects (RFC 8259). Numbers keep their digits.
 */
#ifndef SANDBOX_SQL_JSON_SCAN_H
#define SANDBOX_SQL_JSON_SCAN_H

#include "base/buf.h"

typedef enum json_kind {
  JSON_KIND_NULL,
  JSON_KIND_BOOLEAN,
  JSON_KIND_NUMBER,
  JSON_KIND_STRING,
  JSON_KIND_ARRAY,
  JSON_KIND_OBJECT,
} json_kind;

/* A value as it stands in the text, without blanks around it. */
typedef struct json_span {
  json_kind kind;
  const char *p;
  size_t n;
} json_span;

/* The whole of a text; false: it is no JSON. */
bool json_scan(const char *text, size_t length, json_span *ret_value);

/* Elements of an array or members of an object that json_scan() has seen. */
typedef struct json_walk {
  const char *at, *end;
  bool object;
} json_walk;
json_walk json_walk_begin(const json_span *container);
/* False: none is left. ret_key: the member's name as a string; untouched for arrays. */
bool json_walk_next(json_walk *walk, json_span *ret_key, json_span *ret_value);

/* What a string says, in UTF-8; anything else as written, without blanks between tokens. */
br_status json_text(const json_span *value, br_buf *out, br_error *err) BR_CHECKED;
/* A string with the escapes that JSON asks for. */
br_status json_put_string(const char *text, size_t length, br_buf *out, br_error *err) BR_CHECKED;

#endif
