/*
 * prelogin.h: the PRELOGIN message (MS-TDS 2.2.6.5), for both sides.
 *
 *   options {token u8, offset u16 BE, length u16 BE}* 0xFF, then the data; offsets from the start
 */
#ifndef TDS_PRELOGIN_H
#define TDS_PRELOGIN_H

#include "base/buf.h"
#include "tds/wire.h"

typedef struct tds_prelogin {
  uint8_t version[6]; /* the sender's own version, big-endian: major, minor, build u16, sub u16 */
  uint8_t encryption; /* TDS_ENCRYPTION_… */
  uint8_t mars;
  bool has_encryption;
  bool has_fedauth;
  uint8_t fedauth_required;
} tds_prelogin;

/* Appends version, encryption, an empty instance, thread id and MARS off; with fedauth where
 * has_fedauth is set. */
br_status tds_prelogin_write(const tds_prelogin *prelogin, br_buf *out, br_error *err) BR_CHECKED;
/* Unknown options are passed over. BR_ERR_PROTOCOL where an option lies outside the message. */
br_status tds_prelogin_read(const uint8_t *bytes, size_t length, tds_prelogin *ret_prelogin,
                            br_error *err) BR_CHECKED;

#endif
