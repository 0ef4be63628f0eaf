/*
 * Tokens of a server's answers (MS-TDS 2.2.7).
 */
#include <string.h>

#include "base/limits.h"
#include "tds/server.h"

enum { MESSAGE_MAX = 60000 };

/* A token whose 16-bit length stands in front of its body. */
static br_status put_framed(tds_writer *w, uint8_t token, const br_buf *body, br_error *err) {
  br_status st = tds_writer_u8(w, token, err);
  if (st == BR_OK) {
    st = tds_writer_u16(w, (uint16_t)body->len, err);
  }
  return st == BR_OK ? tds_writer_bytes(w, body->data, body->len, err) : st;
}

br_status tds_put_login_ack(tds_writer *w, uint32_t tds_version, const char *program,
                            const uint8_t version[4], br_error *err) {
  br_buf body;
  br_buf_init(&body, MESSAGE_MAX);
  br_status st = br_buf_u8(&body, 1, err); /* the interface: SQL_TSQL */
  if (st == BR_OK) {
    st = br_buf_u32be(&body, tds_version, err);
  }
  if (st == BR_OK) {
    st = tds_buf_bvarchar(&body, program, err);
  }
  if (st == BR_OK) {
    st = br_buf_append(&body, version, 4, err);
  }
  if (st == BR_OK) {
    st = put_framed(w, TDS_TOKEN_LOGINACK, &body, err);
  }
  br_buf_done(&body);
  return st;
}

br_status tds_put_env_text(tds_writer *w, tds_env type, const char *to, const char *from,
                           br_error *err) {
  br_buf body;
  br_buf_init(&body, MESSAGE_MAX);
  br_status st = br_buf_u8(&body, (uint8_t)type, err);
  if (st == BR_OK) {
    st = tds_buf_bvarchar(&body, to, err);
  }
  if (st == BR_OK) {
    st = tds_buf_bvarchar(&body, from, err);
  }
  if (st == BR_OK) {
    st = put_framed(w, TDS_TOKEN_ENVCHANGE, &body, err);
  }
  br_buf_done(&body);
  return st;
}

br_status tds_put_env_bytes(tds_writer *w, tds_env type, const void *to, size_t to_length,
                            const void *from, size_t from_length, br_error *err) {
  uint8_t body[3 + 2 * 255];
  size_t fill = 0;
  body[fill++] = (uint8_t)type;
  body[fill++] = (uint8_t)to_length;
  if (to_length > 0) {
    memcpy(body + fill, to, to_length);
    fill += to_length;
  }
  body[fill++] = (uint8_t)from_length;
  if (from_length > 0) {
    memcpy(body + fill, from, from_length);
    fill += from_length;
  }
  const br_buf view = {.data = body, .len = fill};
  return put_framed(w, TDS_TOKEN_ENVCHANGE, &view, err);
}

br_status tds_put_message(tds_writer *w, const tds_server_error *message, br_error *err) {
  br_buf body;
  br_buf_init(&body, MESSAGE_MAX);
  br_status st = br_buf_u32le(&body, (uint32_t)message->number, err);
  if (st == BR_OK) {
    st = br_buf_u8(&body, message->state, err);
  }
  if (st == BR_OK) {
    st = br_buf_u8(&body, message->severity, err);
  }
  if (st == BR_OK) {
    st = tds_buf_usvarchar(&body, message->message, err);
  }
  if (st == BR_OK) {
    st = tds_buf_bvarchar(&body, message->server, err);
  }
  if (st == BR_OK) {
    st = tds_buf_bvarchar(&body, message->procedure, err);
  }
  if (st == BR_OK) {
    st = br_buf_u32le(&body, (uint32_t)message->line, err);
  }
  if (st == BR_OK) {
    st = put_framed(w, message->severity > 10 ? TDS_TOKEN_ERROR : TDS_TOKEN_INFO, &body, err);
  }
  br_buf_done(&body);
  return st;
}

br_status tds_put_feature_ack(tds_writer *w, uint32_t features, br_error *err) {
  br_status st = tds_writer_u8(w, TDS_TOKEN_FEATUREEXTACK, err);
  for (uint8_t id = 0; id < 32 && st == BR_OK; id++) {
    if ((features >> id & 1U) == 0) {
      continue;
    }
    /* Each of those that we acknowledge answers with one byte: 1. */
    const uint8_t entry[] = {id, 1, 0, 0, 0, 1};
    st = tds_writer_bytes(w, entry, sizeof entry, err);
  }
  return st == BR_OK ? tds_writer_u8(w, TDS_FEATURE_TERMINATOR, err) : st;
}

br_status tds_put_done(tds_writer *w, tds_token token, uint16_t status, uint16_t command,
                       uint64_t rows, br_error *err) {
  uint8_t bytes[1 + TDS_DONE_SIZE];
  bytes[0] = (uint8_t)token;
  br_store_u16le(bytes + 1, status);
  br_store_u16le(bytes + 3, command);
  br_store_u64le(bytes + 5, rows);
  return tds_writer_bytes(w, bytes, sizeof bytes, err);
}

br_status tds_put_return_status(tds_writer *w, int32_t value, br_error *err) {
  br_status st = tds_writer_u8(w, TDS_TOKEN_RETURNSTATUS, err);
  return st == BR_OK ? tds_writer_u32(w, (uint32_t)value, err) : st;
}

br_status tds_put_return_int(tds_writer *w, uint16_t ordinal, const char *name,
                             const int32_t *value, br_error *err) {
  /* Status: output parameter; user type and flags 0; INTN(4). */
  static const uint8_t head[] = {1, 0, 0, 0, 0, 0, 0, TDS_TYPE_INTN, 4};
  br_status st = tds_writer_u8(w, TDS_TOKEN_RETURNVALUE, err);
  if (st == BR_OK) {
    st = tds_writer_u16(w, ordinal, err);
  }
  if (st == BR_OK) {
    st = tds_writer_bvarchar(w, name, err);
  }
  if (st == BR_OK) {
    st = tds_writer_bytes(w, head, sizeof head, err);
  }
  if (st == BR_OK) {
    st = tds_writer_u8(w, value != NULL ? 4 : 0, err);
  }
  return st == BR_OK && value != NULL ? tds_writer_u32(w, (uint32_t)*value, err) : st;
}
