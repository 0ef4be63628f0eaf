#include "canned.h"

#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "tds/packet.h"
#include "unit/tds/answer_dump.h"

enum { MOST = 1 << 16 };

static const uint8_t done[] = {0xFD, 0, 0, 0xC1, 0, 0, 0, 0, 0, 0, 0, 0, 0};

void canned_init(canned *c) {
  *c = (canned){.conn = NULL};
  br_buf_init(&c->answers, MOST);
  br_buf_init(&c->sent, MOST);
}

static void answer(canned *c, const void *payload, size_t length) {
  const uint8_t header[8] = {TDS_PACKET_RESPONSE,
                             TDS_STATUS_EOM,
                             (uint8_t)((length + 8) >> 8),
                             (uint8_t)(length + 8),
                             0,
                             0,
                             1,
                             0};
  assert_int_equal(br_buf_append(&c->answers, header, sizeof header, NULL), BR_OK);
  assert_int_equal(br_buf_append(&c->answers, payload, length, NULL), BR_OK);
}

static void put_wide(br_buf *out, const char *ascii) {
  for (; *ascii != '\0'; ascii++) {
    assert_int_equal(br_buf_u16le(out, (uint8_t)*ascii, NULL), BR_OK);
  }
}

void canned_number(canned *c, int64_t number) {
  /* One column without a name, INTN of 8 bytes. */
  uint8_t bytes[] = {0x81, 1, 0, 0, 0,    0, 0, 0,    0, 0x26, 8, 0, 0xD1, 8, 0, 0, 0, 0,
                     0,    0, 0, 0, 0xFD, 0, 0, 0xC1, 0, 0,    0, 0, 0,    0, 0, 0, 0};
  br_store_u64le(bytes + 14, (uint64_t)number);
  answer(c, bytes, sizeof bytes);
}

void canned_text(canned *c, const char *text) {
  /* One column without a name, NVARCHAR(128) of the collation Latin1_General_CI_AS. */
  static const uint8_t head[] = {0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xE7, 0, 1, 9, 4, 0xD0, 0, 0x34, 0};
  const size_t length = strlen(text);
  br_buf body;
  br_buf_init(&body, MOST);
  assert_true(br_buf_append(&body, head, sizeof head, NULL) == BR_OK &&
              br_buf_u8(&body, 0xD1, NULL) == BR_OK &&
              br_buf_u16le(&body, (uint16_t)(2 * length), NULL) == BR_OK);
  put_wide(&body, text);
  assert_int_equal(br_buf_append(&body, done, sizeof done, NULL), BR_OK);
  answer(c, body.data, body.len);
  br_buf_done(&body);
}

void canned_table(canned *c, size_t columns, const char *const *names, size_t rows,
                  const char *const *cells) {
  /* NVARCHAR(128), may be NULL, of the collation Latin1_General_CI_AS. */
  static const uint8_t type[] = {0, 0, 0, 0, 9, 0, 0xE7, 0, 1, 9, 4, 0xD0, 0, 0x34};
  br_buf body;
  br_buf_init(&body, MOST);
  assert_true(br_buf_u8(&body, 0x81, NULL) == BR_OK &&
              br_buf_u16le(&body, (uint16_t)columns, NULL) == BR_OK);
  for (size_t i = 0; i < columns; i++) {
    assert_true(br_buf_append(&body, type, sizeof type, NULL) == BR_OK &&
                br_buf_u8(&body, (uint8_t)strlen(names[i]), NULL) == BR_OK);
    put_wide(&body, names[i]);
  }
  for (size_t i = 0; i < rows * columns; i++) {
    assert_int_equal(i % columns == 0 ? br_buf_u8(&body, 0xD1, NULL) : BR_OK, BR_OK);
    const uint16_t length = cells[i] == NULL ? 0xFFFF : (uint16_t)(2 * strlen(cells[i]));
    assert_int_equal(br_buf_u16le(&body, length, NULL), BR_OK);
    put_wide(&body, cells[i] == NULL ? "" : cells[i]);
  }
  assert_int_equal(br_buf_append(&body, done, sizeof done, NULL), BR_OK);
  answer(c, body.data, body.len);
  br_buf_done(&body);
}

void canned_nothing(canned *c) {
  answer(c, done, sizeof done);
}

void canned_one_row(canned *c) {
  static const uint8_t counted[] = {0xFD, 0x10, 0, 0xC3, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  answer(c, counted, sizeof counted);
}

void canned_error(canned *c, uint32_t number, const char *message) {
  br_buf body;
  br_buf_init(&body, MOST);
  const size_t length = strlen(message);
  assert_true(br_buf_u8(&body, 0xAA, NULL) == BR_OK &&
              br_buf_u16le(&body, (uint16_t)(14 + 2 * length), NULL) == BR_OK &&
              br_buf_u32le(&body, number, NULL) == BR_OK &&
              br_buf_append(&body, "\x01\x0E", 2, NULL) == BR_OK && /* state, class */
              br_buf_u16le(&body, (uint16_t)length, NULL) == BR_OK);
  put_wide(&body, message);
  assert_int_equal(br_buf_append(&body, "\0\0\1\0\0\0", 6, NULL), BR_OK); /* names, line */
  const uint8_t failed[] = {0xFD, 2, 0, 0xC1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  assert_int_equal(br_buf_append(&body, failed, sizeof failed, NULL), BR_OK);
  answer(c, body.data, body.len);
  br_buf_done(&body);
}

void canned_connect(canned *c) {
  static const tds_options options = {.host = "localhost"};
  tds_stream *stream = NULL;
  assert_int_equal(tds_stream_memory(c->answers.data, c->answers.len, &c->sent, &stream, NULL),
                   BR_OK);
  assert_int_equal(connect_without_login(stream, &options, NULL, &c->conn, NULL), BR_OK);
}

size_t canned_requests(const canned *c) {
  size_t count = 0;
  for (size_t at = 0; at + 8 <= c->sent.len;) {
    const uint8_t *header = c->sent.data + at;
    const size_t length = ((size_t)header[2] << 8) + header[3];
    assert_true(length >= 8);
    count += (header[1] & TDS_STATUS_EOM) != 0;
    at += length;
  }
  return count;
}

size_t canned_count_sent(const canned *c, const char *text) {
  const size_t length = strlen(text);
  size_t count = 0;
  for (size_t at = 0; at + 2 * length <= c->sent.len; at++) {
    size_t i = 0;
    while (i < length && c->sent.data[at + 2 * i] == (uint8_t)text[i] &&
           c->sent.data[at + 2 * i + 1] == 0) {
      i++;
    }
    count += i == length;
  }
  return count;
}

bool canned_was_sent(const canned *c, const char *text) {
  return canned_count_sent(c, text) > 0;
}

void canned_done(canned *c) {
  tds_close(c->conn);
  br_buf_done(&c->answers);
  br_buf_done(&c->sent);
}
