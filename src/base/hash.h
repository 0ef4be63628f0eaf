/*
 * hash.h: SHA-256, random ids, hex and base64.
 */
#ifndef BR_BASE_HASH_H
#define BR_BASE_HASH_H

#include "base/buf.h"
#include "base/status.h"

enum { BR_SHA256_SIZE = 32, BR_SHA256_HEX_MAX = 65, BR_UUID_MAX = 37 };

typedef struct br_sha256 br_sha256;
br_status br_sha256_new(br_sha256 **ret_hash, br_error *err) BR_CHECKED;
void br_sha256_free(br_sha256 *hash);
br_status br_sha256_update(br_sha256 *hash, const void *bytes, size_t length,
                           br_error *err) BR_CHECKED;
/* Ends the hash; hex holds BR_SHA256_HEX_MAX bytes, lower case. */
br_status br_sha256_final_hex(br_sha256 *hash, char *hex, br_error *err) BR_CHECKED;
/* All at once. */
br_status br_sha256_hex(const void *bytes, size_t length, char *hex, br_error *err) BR_CHECKED;

/* Random bytes of the operating system. */
br_status br_random(void *bytes, size_t length, br_error *err) BR_CHECKED;
/* A version 4 UUID in lower case; text holds BR_UUID_MAX bytes. */
br_status br_uuid(char *text, br_error *err) BR_CHECKED;

void br_hex_encode(const uint8_t *bytes, size_t length,
                   char *text); /* 2 * length + NUL, lower case */
/* The value of a hex digit of either case, -1 where it is none. */
static inline int br_hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}
br_status br_base64_encode(const uint8_t *bytes, size_t length, br_buf *out,
                           br_error *err) BR_CHECKED;
br_status br_base64_decode(const char *text, size_t length, br_buf *out, br_error *err) BR_CHECKED;

#endif
