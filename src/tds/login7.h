/*
 * login7.h: the client's LOGIN7 message (MS-TDS 2.2.6.4).
 */
#ifndef TDS_LOGIN7_H
#define TDS_LOGIN7_H

#include "base/buf.h"
#include "base/secret.h"
#include "tds/wire.h"

typedef struct tds_login7 {
  uint32_t tds_version;
  uint32_t packet_size;
  uint32_t process_id;
  const char *host_name; /* this machine; text fields are UTF-8, NULL = empty */
  const char *username;
  const br_secret *password;
  const char *application;
  const char *server;
  const char *library;
  const char *database;
  bool read_only_intent;
} tds_login7;

/* Appends the message; the caller wipes and frees the buffer, it holds the password. BR_ERR_USAGE
 * names the field that is longer than LOGIN7 can carry. */
br_status tds_login7_write(const tds_login7 *login, br_buf *out, br_error *err) BR_CHECKED;

/* Hides a password in place, byte by byte (UTF-16LE): nibbles swapped, then XOR 0xA5. */
void tds_login7_mangle(uint8_t *bytes, size_t length);

#endif
