/*
 * source_key.h: addresses and names as keys of tables of a fixed size: seeded, so that nobody
 * outside can choose ones that share a place.
 */
#ifndef AUTH_SOURCE_KEY_H
#define AUTH_SOURCE_KEY_H

#include <stddef.h>
#include <stdint.h>

/* An IPv6 address counts as its /64 network, which is what one customer is given; a mapped one
 * (::ffff:192.0.2.1) as the IPv4 address that it is. */
typedef struct auth_source_key {
  uint8_t kind; /* 4, 6, 1 for a text that is no address, or 2 for a name */
  uint8_t bytes[8];
} auth_source_key;

uint64_t auth_source_hash(uint64_t seed, const void *bytes, size_t length);
auth_source_key auth_source_key_of(uint64_t seed, const char *address);
/* A user's name, which is never an address, however it looks. */
auth_source_key auth_source_key_of_name(uint64_t seed, const char *name);

#endif
