/*
 * LOGIN7 taken apart. Every offset and length comes from outside.
 */
#include "tds/server.h"

#include <string.h>

#include "base/mem.h"

enum {
  PAIRS_AT = 36, /* of the first offset and length */
  PAIR_HOST = 0,
  PAIR_USER = 1,
  PAIR_PASSWORD = 2,
  PAIR_APPLICATION = 3,
  PAIR_EXTENSION = 5,
  PAIR_LIBRARY = 6,
  PAIR_LANGUAGE = 7,
  PAIR_DATABASE = 8,
};

br_status tds_message_read(tds_reader *r, br_buf *out, br_error *err) {
  for (;;) {
    size_t there = (size_t)(r->end - r->pos);
    br_status st = br_buf_append(out, r->pos, there, err);
    if (st != BR_OK) {
      return st;
    }
    r->pos = r->end;
    if (tds_reader_at_end(r)) {
      return (r->status & TDS_STATUS_IGNORE) != 0 ? BR_DONE : BR_OK;
    }
    st = tds_reader_more(r, err);
    if (st != BR_OK) {
      return st;
    }
  }
}

static br_status broken(br_error *err) {
  return br_error_set(err, BR_ERR_PROTOCOL, "The login message is broken");
}

/* The bytes that a pair names; `unit` bytes each. */
static br_status pair_view(const uint8_t *bytes, size_t length, size_t pair, size_t unit,
                           br_reader *ret_view, size_t *ret_count, br_error *err) {
  const uint8_t *p = bytes + PAIRS_AT + 4 * pair;
  size_t offset = br_load_u16le(p);
  size_t count = br_load_u16le(p + 2);
  if (count > 0 && (offset > length || count * unit > length - offset)) {
    return broken(err);
  }
  *ret_view = br_reader_of(count > 0 ? bytes + offset : bytes, count * unit);
  *ret_count = count;
  return BR_OK;
}

static br_status read_text(const uint8_t *bytes, size_t length, size_t pair, char *text,
                           br_error *err) {
  br_reader view;
  size_t units = 0;
  br_status st = pair_view(bytes, length, pair, 2, &view, &units, err);
  if (st != BR_OK) {
    return st;
  }
  if (units > TDS_LOGIN7_NAME_MAX) {
    return broken(err);
  }
  return tds_view_utf16(&view, units, text, TDS_LOGIN_TEXT_MAX, err);
}

/* XOR 0xA5, then the nibbles swapped: the reverse of what the client did. */
static br_status read_password(const uint8_t *bytes, size_t length, char *text, br_error *err) {
  br_reader view;
  size_t units = 0;
  uint8_t plain[2 * TDS_LOGIN7_NAME_MAX];
  br_status st = pair_view(bytes, length, PAIR_PASSWORD, 2, &view, &units, err);
  if (st != BR_OK) {
    return st;
  }
  if (units > TDS_LOGIN7_NAME_MAX) {
    return broken(err);
  }
  for (size_t i = 0; i < 2 * units; i++) {
    uint8_t byte = (uint8_t)(view.data[i] ^ 0xA5U);
    plain[i] = (uint8_t)(byte << 4 | byte >> 4);
  }
  view = br_reader_of(plain, 2 * units);
  st = tds_view_utf16(&view, units, text, TDS_LOGIN_TEXT_MAX, err);
  br_wipe(plain, sizeof plain);
  return st;
}

/* {id u8, length u32, data}* 0xFF at the offset that the extension's four bytes name. */
static br_status read_features(const uint8_t *bytes, size_t length, uint32_t *ret_features,
                               br_error *err) {
  br_reader view;
  size_t count = 0;
  uint32_t offset = 0, features = 0;
  br_status st = pair_view(bytes, length, PAIR_EXTENSION, 1, &view, &count, err);
  if (st == BR_OK) {
    st = br_reader_u32le(&view, &offset, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (offset > length) {
    return broken(err);
  }
  view = br_reader_of(bytes + offset, length - offset);
  for (;;) {
    uint8_t id = 0;
    uint32_t size = 0;
    st = br_reader_u8(&view, &id, err);
    if (st != BR_OK || id == TDS_FEATURE_TERMINATOR) {
      break;
    }
    st = br_reader_u32le(&view, &size, err);
    if (st == BR_OK) {
      st = br_reader_skip(&view, size, err);
    }
    if (st != BR_OK) {
      break;
    }
    features |= id < 32 ? UINT32_C(1) << id : 0;
  }
  *ret_features = features;
  return st;
}

static br_status read_texts(const uint8_t *bytes, size_t length, tds_server_login *login,
                            br_error *err) {
  const struct {
    size_t pair;
    char *text;
  } texts[] = {
      {PAIR_HOST, login->host_name},          {PAIR_USER, login->username},
      {PAIR_APPLICATION, login->application}, {PAIR_LIBRARY, login->library},
      {PAIR_LANGUAGE, login->language},       {PAIR_DATABASE, login->database},
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    br_status st = read_text(bytes, length, texts[i].pair, texts[i].text, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return read_password(bytes, length, login->password, err);
}

br_status tds_server_login_read(const uint8_t *bytes, size_t length, tds_server_login *ret_login,
                                br_error *err) {
  if (length < TDS_LOGIN7_FIXED_SIZE || br_load_u32le(bytes) != length) {
    return broken(err);
  }
  tds_server_login login = {
      .tds_version = br_load_u32le(bytes + 4),
      .packet_size = br_load_u32le(bytes + 8),
      .flags1 = bytes[24],
      .flags2 = bytes[25],
      .type_flags = bytes[26],
      .flags3 = bytes[27],
  };
  br_status st = read_texts(bytes, length, &login, err);
  if (st == BR_OK && (login.flags3 & TDS_LOGIN7_FLAGS3_EXTENSION) != 0) {
    st = read_features(bytes, length, &login.features, err);
  }
  if (st == BR_OK) {
    *ret_login = login;
  }
  br_wipe(login.password, sizeof login.password);
  return st;
}

void tds_server_login_done(tds_server_login *login) {
  br_wipe(login->password, sizeof login->password);
}
