#include "auth/token.h"

#include <string.h>

#include "base/mem.h"

enum { RANDOM_BYTES = 32, DIGITS = 43 };

static char url_digit(uint8_t digit) {
  if (digit == '+') {
    return '-';
  }
  return (char)(digit == '/' ? '_' : digit);
}

br_status auth_token_new(char *text, char *sha256, br_error *err) {
  enum { PREFIX = sizeof AUTH_TOKEN_PREFIX - 1 };
  _Static_assert(PREFIX + DIGITS + 1 == AUTH_TOKEN_TEXT_MAX, "prefix, digits, NUL");
  uint8_t bytes[RANDOM_BYTES];
  char token[AUTH_TOKEN_TEXT_MAX] = AUTH_TOKEN_PREFIX;
  br_buf digits;
  br_buf_init(&digits, 64);
  br_status st = br_random(bytes, sizeof bytes, err);
  if (st == BR_OK) {
    st = br_base64_encode(bytes, sizeof bytes, &digits, err);
  }
  if (st == BR_OK) {
    for (size_t i = 0; i < DIGITS; i++) {
      token[PREFIX + i] = url_digit(digits.data[i]);
    }
    br_wipe(digits.data, digits.len);
    st = br_sha256_hex(token, AUTH_TOKEN_TEXT_MAX - 1, sha256, err);
  }
  if (st == BR_OK) {
    memcpy(text, token, sizeof token);
  }
  br_wipe(bytes, sizeof bytes);
  br_wipe(token, sizeof token);
  br_buf_done(&digits);
  return st;
}
