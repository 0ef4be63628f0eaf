#include "base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

struct br_sha256 {
  EVP_MD_CTX *context;
};

br_status br_sha256_new(br_sha256 **ret_hash, br_error *err) {
  br_sha256 *hash = br_calloc(1, sizeof *hash);
  if (hash == NULL) {
    return br_error_nomem(err);
  }
  hash->context = EVP_MD_CTX_new();
  if (hash->context == NULL) {
    br_sha256_free(hash);
    return br_error_nomem(err);
  }
  if (EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1) {
    br_sha256_free(hash);
    return br_error_set(err, BR_ERR_INTERNAL, "SHA-256 is not available");
  }
  *ret_hash = hash;
  return BR_OK;
}

void br_sha256_free(br_sha256 *hash) {
  if (hash != NULL) {
    EVP_MD_CTX_free(hash->context);
    br_free(hash);
  }
}

br_status br_sha256_update(br_sha256 *hash, const void *bytes, size_t length, br_error *err) {
  if (length > 0 && EVP_DigestUpdate(hash->context, bytes, length) != 1) {
    return br_error_set(err, BR_ERR_INTERNAL, "SHA-256 failed");
  }
  return BR_OK;
}

br_status br_sha256_final_hex(br_sha256 *hash, char *hex, br_error *err) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_DigestFinal_ex(hash->context, digest, &length) != 1 || length != BR_SHA256_SIZE) {
    return br_error_set(err, BR_ERR_INTERNAL, "SHA-256 failed");
  }
  br_hex_encode(digest, BR_SHA256_SIZE, hex);
  return BR_OK;
}

br_status br_sha256_hex(const void *bytes, size_t length, char *hex, br_error *err) {
  br_sha256 *hash = NULL;
  br_status st = br_sha256_new(&hash, err);
  if (st == BR_OK) {
    st = br_sha256_update(hash, bytes, length, err);
  }
  if (st == BR_OK) {
    st = br_sha256_final_hex(hash, hex, err);
  }
  br_sha256_free(hash);
  return st;
}

br_status br_random(void *bytes, size_t length, br_error *err) {
  uint8_t *place = bytes;
  while (length > 0) {
    ssize_t n = getrandom(place, length, 0);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return br_error_errno(err, errno, "Can't get random bytes");
    }
    place += n;
    length -= (size_t)n;
  }
  return BR_OK;
}

br_status br_uuid(char *text, br_error *err) {
  uint8_t bytes[16];
  br_status st = br_random(bytes, sizeof bytes, err);
  if (st != BR_OK) {
    return st;
  }
  /* RFC 9562 5.4: version 4, variant 10. */
  bytes[6] = (uint8_t)((bytes[6] & 0x0FU) | 0x40U);
  bytes[8] = (uint8_t)((bytes[8] & 0x3FU) | 0x80U);
  char hex[33];
  br_hex_encode(bytes, sizeof bytes, hex);
  static const struct {
    uint8_t from;
    uint8_t length;
  } groups[] = {{0, 8}, {8, 4}, {12, 4}, {16, 4}, {20, 12}};
  char *out = text;
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
    if (i > 0) {
      *out++ = '-';
    }
    memcpy(out, hex + groups[i].from, groups[i].length);
    out += groups[i].length;
  }
  *out = '\0';
  return BR_OK;
}

void br_hex_encode(const uint8_t *bytes, size_t length, char *text) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < length; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 0x0FU];
  }
  text[2 * length] = '\0';
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

br_status br_base64_encode(const uint8_t *bytes, size_t length, br_buf *out, br_error *err) {
  if (length > SIZE_MAX / 2) {
    return br_error_set(err, BR_ERR_LIMIT, "Too long for base64");
  }
  if (length == 0) {
    return BR_OK;
  }
  br_status st = br_buf_reserve(out, (length + 2) / 3 * 4, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *to = out->data + out->len;
  for (size_t i = 0; i < length; i += 3) {
    size_t left = length - i;
    uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                     (left > 2 ? bytes[i + 2] : 0);
    *to++ = (uint8_t)base64_digits[group >> 18];
    *to++ = (uint8_t)base64_digits[group >> 12 & 63U];
    *to++ = left > 1 ? (uint8_t)base64_digits[group >> 6 & 63U] : '=';
    *to++ = left > 2 ? (uint8_t)base64_digits[group & 63U] : '=';
  }
  out->len += (length + 2) / 3 * 4;
  return BR_OK;
}

/* The value of a digit of either alphabet (RFC 4648 4 and 5), or -1. */
static int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  if (c == '+' || c == '-') {
    return 62;
  }
  return c == '/' || c == '_' ? 63 : -1;
}

static size_t without_padding(const char *text, size_t length) {
  size_t end = length;
  while (end > 0 && length - end < 2 && text[end - 1] == '=') {
    end--;
  }
  return end;
}

br_status br_base64_decode(const char *text, size_t length, br_buf *out, br_error *err) {
  size_t digits = without_padding(text, length);
  if (digits % 4 == 1 || (digits != length && length % 4 != 0)) {
    return br_error_set(err, BR_ERR_DATA, "Not base64: its length of %zu can't be", length);
  }
  br_status st = br_buf_reserve(out, digits / 4 * 3 + 2, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *to = out->data + out->len;
  uint32_t bits = 0;
  unsigned count = 0;
  for (size_t i = 0; i < digits; i++) {
    int value = base64_value(text[i]);
    if (value < 0) {
      return br_error_set(err, BR_ERR_DATA, "Not base64 at byte %zu", i);
    }
    bits = bits << 6 | (uint32_t)value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      *to++ = (uint8_t)(bits >> count);
      bits &= (1U << count) - 1U;
    }
  }
  if (bits != 0) {
    return br_error_set(err, BR_ERR_DATA, "Not base64: bits are left over at its end");
  }
  out->len = (size_t)(to - out->data);
  return BR_OK;
}
