/*
 * buf.h: growing byte buffers with a ceiling (for writing) and bounded readers (for reading).
 *
 *   br_buf b;  br_buf_init(&b, LIMIT);  st = br_buf_u16le(&b, 7, err);  …  br_buf_done(&b);
 *   br_reader r = br_reader_of(bytes, length);  st = br_reader_u16le(&r, &value, err);
 *
 * A buffer never grows over the max it was given; hitting it is BR_ERR_LIMIT. After a failed append
 * the buffer is as it was before. A reader that runs short fails with BR_ERR_PROTOCOL and does not
 * move.
 */
#ifndef BR_BASE_BUF_H
#define BR_BASE_BUF_H

#include "base/status.h"

typedef struct br_buf {
  uint8_t *data; /* owned; NULL while cap is 0 */
  size_t len;    /* <= cap */
  size_t cap;    /* <= max */
  size_t max;    /* the ceiling, in bytes */
} br_buf;

void br_buf_init(br_buf *buf, size_t max);
void br_buf_done(
    br_buf *buf); /* frees; the buffer is empty and usable again; zeroed ones are fine */
void br_buf_clear(br_buf *buf); /* len = 0; keeps the memory */

/* Makes room for `more` bytes behind len without changing len. */
br_status br_buf_reserve(br_buf *buf, size_t more, br_error *err) BR_CHECKED;
br_status br_buf_append(br_buf *buf, const void *bytes, size_t length, br_error *err) BR_CHECKED;
br_status br_buf_fill(br_buf *buf, uint8_t byte, size_t count, br_error *err) BR_CHECKED;
br_status br_buf_u8(br_buf *buf, uint8_t value, br_error *err) BR_CHECKED;
br_status br_buf_u16le(br_buf *buf, uint16_t value, br_error *err) BR_CHECKED;
br_status br_buf_u32le(br_buf *buf, uint32_t value, br_error *err) BR_CHECKED;
br_status br_buf_u64le(br_buf *buf, uint64_t value, br_error *err) BR_CHECKED;
br_status br_buf_u16be(br_buf *buf, uint16_t value, br_error *err) BR_CHECKED;
br_status br_buf_u32be(br_buf *buf, uint32_t value, br_error *err) BR_CHECKED;

/* Text. br_buf_text() and br_buf_printf() add no NUL; br_buf_cstr() puts one behind len (not
 * counted) and returns the text, valid until the next change; NULL: no memory or over max. */
br_status br_buf_text(br_buf *buf, const char *text, br_error *err) BR_CHECKED;
br_status br_buf_printf(br_buf *buf, br_error *err, const char *format, ...)
    BR_PRINTF(3, 4) BR_CHECKED;
const char *br_buf_cstr(br_buf *buf);

/* Hands the bytes over (with a NUL behind them) and leaves the buffer empty. The caller frees with
 * br_free(). NULL: no memory; the buffer is as before. */
char *br_buf_take(br_buf *buf, size_t *ret_length);

/* Borrowed bytes and a place in them. */
typedef struct br_reader {
  const uint8_t *data;
  size_t len;
  size_t pos; /* <= len */
} br_reader;

br_reader br_reader_of(const void *bytes, size_t length);
size_t br_reader_left(const br_reader *reader);
br_status br_reader_u8(br_reader *reader, uint8_t *ret_value, br_error *err) BR_CHECKED;
br_status br_reader_u16le(br_reader *reader, uint16_t *ret_value, br_error *err) BR_CHECKED;
br_status br_reader_u32le(br_reader *reader, uint32_t *ret_value, br_error *err) BR_CHECKED;
br_status br_reader_u64le(br_reader *reader, uint64_t *ret_value, br_error *err) BR_CHECKED;
br_status br_reader_u16be(br_reader *reader, uint16_t *ret_value, br_error *err) BR_CHECKED;
br_status br_reader_u32be(br_reader *reader, uint32_t *ret_value, br_error *err) BR_CHECKED;
/* A view of the next length bytes; borrowed from the reader's data. */
br_status br_reader_view(br_reader *reader, size_t length, const uint8_t **ret_view,
                         br_error *err) BR_CHECKED;
br_status br_reader_skip(br_reader *reader, size_t length, br_error *err) BR_CHECKED;

/* Little-endian loads and stores without alignment. */
static inline uint16_t br_load_u16le(const uint8_t *p) {
  return (uint16_t)(p[0] | (uint16_t)(p[1] << 8));
}
static inline uint32_t br_load_u32le(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t br_load_u64le(const uint8_t *p) {
  return (uint64_t)br_load_u32le(p) | (uint64_t)br_load_u32le(p + 4) << 32;
}
static inline uint16_t br_load_u16be(const uint8_t *p) {
  return (uint16_t)((uint16_t)(p[0] << 8) | p[1]);
}
static inline uint32_t br_load_u32be(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}
static inline void br_store_u16le(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
}
static inline void br_store_u32le(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
  p[2] = (uint8_t)(v >> 16);
  p[3] = (uint8_t)(v >> 24);
}
static inline void br_store_u64le(uint8_t *p, uint64_t v) {
  br_store_u32le(p, (uint32_t)v);
  br_store_u32le(p + 4, (uint32_t)(v >> 32));
}

#endif
