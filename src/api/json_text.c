#include "api/json_text.h"

#include <string.h>

/* Numbers with a fraction, and texts with something to escape. 15 digits: what people write as 1.1
 * comes out so. */
static br_status write_leaf(const json_t *value, br_buf *out, br_error *err) {
  const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15);
  const size_t length = json_dumpb(value, NULL, 0, flags);
  br_status st = length == 0 ? br_error_nomem(err) : br_buf_reserve(out, length, err);
  if (st == BR_OK) {
    out->len += json_dumpb(value, (char *)out->data + out->len, length, flags);
  }
  return st;
}

static br_status write_integer(json_int_t value, br_buf *out, br_error *err) {
  char text[24];
  size_t at = sizeof text;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    text[--at] = (char)('0' + left % 10);
    left /= 10;
  } while (left > 0);
  if (value < 0) {
    text[--at] = '-';
  }
  return br_buf_append(out, text + at, sizeof text - at, err);
}

static bool is_plain(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)text[i] < 0x20U || text[i] == '"' || text[i] == '\\') {
      return false;
    }
  }
  return true;
}

static br_status write_plain(const char *text, size_t length, br_buf *out, br_error *err) {
  br_status st = br_buf_reserve(out, length + 2, err);
  if (st == BR_OK) {
    out->data[out->len] = '"';
    memcpy(out->data + out->len + 1, text, length);
    out->data[out->len + 1 + length] = '"';
    out->len += length + 2;
  }
  return st;
}

static br_status write_name(const char *name, br_buf *out, br_error *err) {
  const size_t length = strlen(name);
  if (is_plain(name, length)) {
    return write_plain(name, length, out, err);
  }
  json_t *value = json_string(name);
  br_status st = value == NULL ? br_error_nomem(err) : write_leaf(value, out, err);
  json_decref(value);
  return st;
}

static br_status write_object(const json_t *object, br_buf *out, br_error *err) {
  br_status st = br_buf_u8(out, '{', err);
  bool first = true;
  /* The iterator's functions take a pointer to a changeable object and change nothing. */
  json_t *walked = (json_t *)object;
  for (void *at = json_object_iter(walked); st == BR_OK && at != NULL;
       at = json_object_iter_next(walked, at)) {
    st = first ? BR_OK : br_buf_u8(out, ',', err);
    first = false;
    st = st == BR_OK ? write_name(json_object_iter_key(at), out, err) : st;
    st = st == BR_OK ? br_buf_u8(out, ':', err) : st;
    st = st == BR_OK ? api_json_write(json_object_iter_value(at), out, err) : st;
  }
  return st == BR_OK ? br_buf_u8(out, '}', err) : st;
}

static br_status write_array(const json_t *array, br_buf *out, br_error *err) {
  br_status st = br_buf_u8(out, '[', err);
  for (size_t i = 0; st == BR_OK && i < json_array_size(array); i++) {
    st = i == 0 ? BR_OK : br_buf_u8(out, ',', err);
    st = st == BR_OK ? api_json_write(json_array_get(array, i), out, err) : st;
  }
  return st == BR_OK ? br_buf_u8(out, ']', err) : st;
}

br_status api_json_write(const json_t *value, br_buf *out, br_error *err) {
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return write_object(value, out, err);
  case JSON_ARRAY:
    return write_array(value, out, err);
  case JSON_INTEGER:
    return write_integer(json_integer_value(value), out, err);
  case JSON_TRUE:
    return br_buf_append(out, "true", 4, err);
  case JSON_FALSE:
    return br_buf_append(out, "false", 5, err);
  case JSON_NULL:
    return br_buf_append(out, "null", 4, err);
  case JSON_STRING:
    if (is_plain(json_string_value(value), json_string_length(value))) {
      return write_plain(json_string_value(value), json_string_length(value), out, err);
    }
    return write_leaf(value, out, err);
  default:
    return write_leaf(value, out, err);
  }
}
