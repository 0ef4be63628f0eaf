/*
 * LOGIN7: 94 fixed bytes with (offset, length) pairs, the texts in UTF-16LE, the feature
 * extensions.
 *
 *   0 length, version, packet size … flags … 36 pairs … 94 │ texts and offset of features │
 *   features 0xFF
 */
#include "tds/login7.h"

#include <string.h>

#include "batch/charset.h"

enum {
  PAIR_FIRST = 36,
  PAIR_HOST = 0, /* order of the pairs */
  PAIR_USER,
  PAIR_PASSWORD,
  PAIR_APPLICATION,
  PAIR_SERVER,
  PAIR_EXTENSION,
  PAIR_LIBRARY,
  PAIR_LANGUAGE,
  PAIR_DATABASE,
  PAIR_COUNT,
  AFTER_CLIENT_ID = PAIR_FIRST + 4 * PAIR_COUNT + 6, /* the 6 bytes of the client id */
  PAIRS_BEHIND = 3,                                  /* SSPI, attach file, new password */
};

void tds_login7_mangle(uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    bytes[i] = (uint8_t)(((uint8_t)(bytes[i] << 4) | bytes[i] >> 4) ^ 0xA5U);
  }
}

static void set_pair(br_buf *out, size_t pair, size_t offset, size_t length) {
  uint8_t *p = out->data + PAIR_FIRST + 4 * pair;
  br_store_u16le(p, (uint16_t)offset);
  br_store_u16le(p + 2, (uint16_t)length);
}

/* Appends a text and sets its pair; the length counts UTF-16 code units. */
static br_status put_text(br_buf *out, size_t pair, const char *name, const char *text,
                          br_error *err) {
  text = text == NULL ? "" : text;
  size_t units = batch_utf16_units(text, strlen(text));
  if (units > TDS_LOGIN7_NAME_MAX) {
    return br_error_set(err, BR_ERR_USAGE, "The %s is longer than %d characters", name,
                        TDS_LOGIN7_NAME_MAX);
  }
  set_pair(out, pair, out->len, units);
  br_status st = batch_utf8_to_utf16le(text, strlen(text), out, err);
  return st == BR_OK ? st : br_error_context(err, st, "%s", name);
}

static br_status put_password(br_buf *out, const br_secret *password, br_error *err) {
  size_t start = out->len;
  br_status st = put_text(out, PAIR_PASSWORD, "password", br_secret_reveal(password), err);
  if (st == BR_OK) {
    tds_login7_mangle(out->data + start, out->len - start);
  }
  return st;
}

/* The place of the features' offset; put_features() fills it in. */
static br_status put_extension(br_buf *out, br_error *err) {
  set_pair(out, PAIR_EXTENSION, out->len, 4);
  return br_buf_u32le(out, 0, err);
}

/* Only features whose answers are decoded: UTF-8 collations, json. */
static br_status put_features(br_buf *out, br_error *err) {
  static const uint8_t features[] = {TDS_FEATURE_UTF8_SUPPORT, 1, 0, 0, 0, 1,
                                     TDS_FEATURE_JSON_SUPPORT, 1, 0, 0, 0, 1,
                                     TDS_FEATURE_TERMINATOR};
  size_t extension = br_load_u16le(out->data + PAIR_FIRST + 4 * PAIR_EXTENSION);
  br_store_u32le(out->data + extension, (uint32_t)out->len);
  return br_buf_append(out, features, sizeof features, err);
}

static br_status put_fixed(const tds_login7 *login, br_buf *out, br_error *err) {
  br_status st = br_buf_fill(out, 0, TDS_LOGIN7_FIXED_SIZE, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *p = out->data;
  br_store_u32le(p + 4, login->tds_version);
  br_store_u32le(p + 8, login->packet_size);
  br_store_u32le(p + 16, login->process_id);
  p[24] =
      TDS_LOGIN7_FLAGS1_USE_DB | TDS_LOGIN7_FLAGS1_INIT_DB_FATAL | TDS_LOGIN7_FLAGS1_SET_LANGUAGE;
  p[25] = TDS_LOGIN7_FLAGS2_INIT_LANGUAGE_FATAL | TDS_LOGIN7_FLAGS2_ODBC;
  p[26] = login->read_only_intent ? TDS_LOGIN7_TYPE_READ_ONLY_INTENT : 0;
  p[27] = TDS_LOGIN7_FLAGS3_EXTENSION | TDS_LOGIN7_FLAGS3_UNKNOWN_COLLATION;
  return BR_OK;
}

br_status tds_login7_write(const tds_login7 *login, br_buf *out, br_error *err) {
  /* In the order of their pairs: servers exist that read them so. */
  br_status st = put_fixed(login, out, err);
  st = st == BR_OK ? put_text(out, PAIR_HOST, "host name", login->host_name, err) : st;
  st = st == BR_OK ? put_text(out, PAIR_USER, "user name", login->username, err) : st;
  st = st == BR_OK ? put_password(out, login->password, err) : st;
  st = st == BR_OK ? put_text(out, PAIR_APPLICATION, "application name", login->application, err)
                   : st;
  st = st == BR_OK ? put_text(out, PAIR_SERVER, "server name", login->server, err) : st;
  st = st == BR_OK ? put_extension(out, err) : st;
  st = st == BR_OK ? put_text(out, PAIR_LIBRARY, "library name", login->library, err) : st;
  st = st == BR_OK ? put_text(out, PAIR_LANGUAGE, "language", NULL, err) : st;
  st = st == BR_OK ? put_text(out, PAIR_DATABASE, "database name", login->database, err) : st;
  for (size_t i = 0; st == BR_OK && i < PAIRS_BEHIND; i++) {
    br_store_u16le(out->data + AFTER_CLIENT_ID + 4 * i, (uint16_t)out->len);
  }
  st = st == BR_OK ? put_features(out, err) : st;
  if (st == BR_OK) {
    br_store_u32le(out->data, (uint32_t)out->len);
  }
  return st;
}
