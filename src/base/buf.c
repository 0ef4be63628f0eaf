#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { SMALLEST_CAP = 64 };

void br_buf_init(br_buf *buf, size_t max) {
  *buf = (br_buf){.max = max};
}

void br_buf_done(br_buf *buf) {
  br_free(buf->data);
  *buf = (br_buf){.max = buf->max};
}

void br_buf_clear(br_buf *buf) {
  buf->len = 0;
}

/* The slow part of br_buf_reserve(): moves to a larger block, doubling up to the ceiling. */
static br_status grow(br_buf *buf, size_t need, br_error *err) {
  size_t cap = buf->cap == 0 ? SMALLEST_CAP : buf->cap;
  while (cap < need) {
    cap = cap > buf->max / 2 ? buf->max : cap * 2;
  }
  if (cap > buf->max) {
    cap = buf->max;
  }
  uint8_t *data = br_realloc(buf->data, cap);
  if (data == NULL) {
    return br_error_nomem(err);
  }
  buf->data = data;
  buf->cap = cap;
  return BR_OK;
}

br_status br_buf_reserve(br_buf *buf, size_t more, br_error *err) {
  if (more <= buf->cap - buf->len) {
    return BR_OK;
  }
  if (more > buf->max - buf->len) {
    return br_error_set(err, BR_ERR_LIMIT, "Over the limit of %zu bytes", buf->max);
  }
  return grow(buf, buf->len + more, err);
}

br_status br_buf_append(br_buf *buf, const void *bytes, size_t length, br_error *err) {
  br_status st = br_buf_reserve(buf, length, err);
  if (st == BR_OK && length > 0) {
    memcpy(buf->data + buf->len, bytes, length);
    buf->len += length;
  }
  return st;
}

br_status br_buf_fill(br_buf *buf, uint8_t byte, size_t count, br_error *err) {
  br_status st = br_buf_reserve(buf, count, err);
  if (st == BR_OK && count > 0) {
    memset(buf->data + buf->len, byte, count);
    buf->len += count;
  }
  return st;
}

br_status br_buf_u8(br_buf *buf, uint8_t value, br_error *err) {
  return br_buf_append(buf, &value, 1, err);
}

br_status br_buf_u16le(br_buf *buf, uint16_t value, br_error *err) {
  uint8_t bytes[2];
  br_store_u16le(bytes, value);
  return br_buf_append(buf, bytes, sizeof bytes, err);
}

br_status br_buf_u32le(br_buf *buf, uint32_t value, br_error *err) {
  uint8_t bytes[4];
  br_store_u32le(bytes, value);
  return br_buf_append(buf, bytes, sizeof bytes, err);
}

br_status br_buf_u64le(br_buf *buf, uint64_t value, br_error *err) {
  uint8_t bytes[8];
  br_store_u64le(bytes, value);
  return br_buf_append(buf, bytes, sizeof bytes, err);
}

br_status br_buf_u16be(br_buf *buf, uint16_t value, br_error *err) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  return br_buf_append(buf, bytes, sizeof bytes, err);
}

br_status br_buf_u32be(br_buf *buf, uint32_t value, br_error *err) {
  uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                      (uint8_t)value};
  return br_buf_append(buf, bytes, sizeof bytes, err);
}

br_status br_buf_text(br_buf *buf, const char *text, br_error *err) {
  return br_buf_append(buf, text, strlen(text), err);
}

br_status br_buf_printf(br_buf *buf, br_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  br_status st = n < 0 ? br_error_set(err, BR_ERR_INTERNAL, "Bad format")
                       : br_buf_reserve(buf, (size_t)n + 1, err);
  if (st == BR_OK) {
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)n + 1, format, again);
    buf->len += (size_t)n;
  }
  va_end(again);
  return st;
}

const char *br_buf_cstr(br_buf *buf) {
  if (br_buf_reserve(buf, 1, NULL) != BR_OK) {
    return NULL;
  }
  buf->data[buf->len] = '\0';
  return (const char *)buf->data;
}

char *br_buf_take(br_buf *buf, size_t *ret_length) {
  if (br_buf_cstr(buf) == NULL) {
    return NULL;
  }
  char *bytes = (char *)buf->data;
  if (ret_length != NULL) {
    *ret_length = buf->len;
  }
  *buf = (br_buf){.max = buf->max};
  return bytes;
}

br_reader br_reader_of(const void *bytes, size_t length) {
  return (br_reader){.data = bytes, .len = length};
}

size_t br_reader_left(const br_reader *reader) {
  return reader->len - reader->pos;
}

br_status br_reader_view(br_reader *reader, size_t length, const uint8_t **ret_view,
                         br_error *err) {
  if (length > br_reader_left(reader)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "Ends early: %zu bytes wanted at %zu, %zu left",
                        length, reader->pos, br_reader_left(reader));
  }
  if (reader->data == NULL) { /* no bytes at all, and none wanted */
    if (length > 0) {
      return br_error_set(err, BR_ERR_INTERNAL, "A reader has a length but no data");
    }
    *ret_view = NULL;
    return BR_OK;
  }
  *ret_view = reader->data + reader->pos;
  reader->pos += length;
  return BR_OK;
}

br_status br_reader_skip(br_reader *reader, size_t length, br_error *err) {
  const uint8_t *view = NULL;
  return br_reader_view(reader, length, &view, err);
}

br_status br_reader_u8(br_reader *reader, uint8_t *ret_value, br_error *err) {
  const uint8_t *p = NULL;
  br_status st = br_reader_view(reader, 1, &p, err);
  if (st == BR_OK) {
    *ret_value = *p;
  }
  return st;
}

br_status br_reader_u16le(br_reader *reader, uint16_t *ret_value, br_error *err) {
  const uint8_t *p = NULL;
  br_status st = br_reader_view(reader, 2, &p, err);
  if (st == BR_OK) {
    *ret_value = br_load_u16le(p);
  }
  return st;
}

br_status br_reader_u32le(br_reader *reader, uint32_t *ret_value, br_error *err) {
  const uint8_t *p = NULL;
  br_status st = br_reader_view(reader, 4, &p, err);
  if (st == BR_OK) {
    *ret_value = br_load_u32le(p);
  }
  return st;
}

br_status br_reader_u64le(br_reader *reader, uint64_t *ret_value, br_error *err) {
  const uint8_t *p = NULL;
  br_status st = br_reader_view(reader, 8, &p, err);
  if (st == BR_OK) {
    *ret_value = br_load_u64le(p);
  }
  return st;
}

br_status br_reader_u16be(br_reader *reader, uint16_t *ret_value, br_error *err) {
  const uint8_t *p = NULL;
  br_status st = br_reader_view(reader, 2, &p, err);
  if (st == BR_OK) {
    *ret_value = br_load_u16be(p);
  }
  return st;
}

br_status br_reader_u32be(br_reader *reader, uint32_t *ret_value, br_error *err) {
  const uint8_t *p = NULL;
  br_status st = br_reader_view(reader, 4, &p, err);
  if (st == BR_OK) {
    *ret_value = br_load_u32be(p);
  }
  return st;
}
