#include "tds/prelogin.h"

#include <string.h>

enum { OPTION_SIZE = 5, OPTIONS_MAX = 6 };

typedef struct option {
  uint8_t token;
  uint8_t length;
  uint8_t data[8];
} option;

br_status tds_prelogin_write(const tds_prelogin *prelogin, br_buf *out, br_error *err) {
  option options[OPTIONS_MAX] = {
      {TDS_PRELOGIN_VERSION, 6, {0}},
      {TDS_PRELOGIN_ENCRYPTION, 1, {prelogin->encryption}},
      {TDS_PRELOGIN_INSTANCE, 1, {0}},
      {TDS_PRELOGIN_THREAD_ID, 4, {0}},
      {TDS_PRELOGIN_MARS, 1, {prelogin->mars}},
      {TDS_PRELOGIN_FEDAUTH_REQUIRED, 1, {prelogin->fedauth_required}},
  };
  memcpy(options[0].data, prelogin->version, sizeof prelogin->version);
  size_t count = prelogin->has_fedauth ? OPTIONS_MAX : OPTIONS_MAX - 1;
  size_t offset = count * OPTION_SIZE + 1;
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    const uint8_t entry[OPTION_SIZE] = {options[i].token, (uint8_t)(offset >> 8), (uint8_t)offset,
                                        0, options[i].length};
    offset += options[i].length;
    st = br_buf_append(out, entry, sizeof entry, err);
  }
  if (st == BR_OK) {
    st = br_buf_u8(out, TDS_PRELOGIN_TERMINATOR, err);
  }
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = br_buf_append(out, options[i].data, options[i].length, err);
  }
  return st;
}

/* One option into the struct; servers may leave data out (length 0). */
static void take_option(uint8_t token, const uint8_t *data, size_t length, tds_prelogin *p) {
  switch (token) {
  case TDS_PRELOGIN_VERSION:
    memcpy(p->version, data, length < sizeof p->version ? length : sizeof p->version);
    break;
  case TDS_PRELOGIN_ENCRYPTION:
    p->has_encryption = length > 0;
    p->encryption = length > 0 ? data[0] : 0;
    break;
  case TDS_PRELOGIN_MARS:
    p->mars = length > 0 ? data[0] : 0;
    break;
  case TDS_PRELOGIN_FEDAUTH_REQUIRED:
    p->has_fedauth = length > 0;
    p->fedauth_required = length > 0 ? data[0] : 0;
    break;
  default:
    break;
  }
}

br_status tds_prelogin_read(const uint8_t *bytes, size_t length, tds_prelogin *ret_prelogin,
                            br_error *err) {
  tds_prelogin prelogin = {.has_encryption = false};
  br_reader r = br_reader_of(bytes, length);
  for (;;) {
    uint8_t token = 0;
    uint16_t offset = 0;
    uint16_t size = 0;
    br_status st = br_reader_u8(&r, &token, err);
    if (st == BR_OK && token == TDS_PRELOGIN_TERMINATOR) {
      *ret_prelogin = prelogin;
      return BR_OK;
    }
    if (st == BR_OK) {
      st = br_reader_u16be(&r, &offset, err);
    }
    if (st == BR_OK) {
      st = br_reader_u16be(&r, &size, err);
    }
    if (st == BR_OK && (size_t)offset + size > length) {
      st = br_error_set(err, BR_ERR_PROTOCOL, "Option 0x%02X lies outside the message", token);
    }
    if (st != BR_OK) {
      return br_error_context(err, st, "PRELOGIN");
    }
    take_option(token, bytes + offset, size, &prelogin);
  }
}
