#include "auth/source_key.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

/* FNV-1a over the seed and the bytes, stirred as MurmurHash3 ends. */
uint64_t auth_source_hash(uint64_t seed, const void *bytes, size_t length) {
  const uint8_t *p = bytes;
  uint64_t hash = 0xcbf29ce484222325U ^ seed;
  for (size_t i = 0; i < length; i++) {
    hash = (hash ^ p[i]) * 0x100000001b3U;
  }
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
  return hash ^ (hash >> 33);
}

static auth_source_key key_of_text(uint8_t kind, uint64_t seed, const char *text) {
  const uint64_t hash = auth_source_hash(seed, text, strlen(text));
  auth_source_key who = {.kind = kind};
  memcpy(who.bytes, &hash, sizeof hash);
  return who;
}

auth_source_key auth_source_key_of_name(uint64_t seed, const char *name) {
  return key_of_text(2, seed, name);
}

auth_source_key auth_source_key_of(uint64_t seed, const char *address) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}; /* ::ffff:1.2.3.4 */
  uint8_t bytes[16];
  auth_source_key who = {.kind = 0};
  if (inet_pton(AF_INET, address, bytes) == 1) {
    who.kind = 4;
    memcpy(who.bytes, bytes, 4);
  } else if (inet_pton(AF_INET6, address, bytes) == 1) {
    bool is_mapped = memcmp(bytes, mapped, sizeof mapped) == 0;
    who.kind = is_mapped ? 4 : 6;
    memcpy(who.bytes, is_mapped ? bytes + 12 : bytes, is_mapped ? 4 : 8);
  } else {
    who = key_of_text(1, seed, address);
  }
  return who;
}
