#include "parquet/bits.h"

#include <string.h>

static inline unsigned bit_at(const uint8_t *bits, size_t at) {
  return bits[at >> 3] >> (at & 7) & 1U;
}

static void put_bit(uint8_t *to, size_t at, unsigned bit) {
  unsigned below = (1U << (at & 7)) - 1U;
  to[at >> 3] = (uint8_t)((to[at >> 3] & below) | bit << (at & 7));
}

void parquet_bits_copy(uint8_t *to, size_t at, const uint8_t *from, size_t start, size_t count) {
  while (count > 0 && (at & 7) != 0) {
    put_bit(to, at++, bit_at(from, start++));
    count--;
  }
  uint8_t *out = to + (at >> 3);
  const uint8_t *in = from + (start >> 3);
  unsigned shift = start & 7;
  size_t bytes = count / 8;
  if (shift == 0 && bytes > 0) {
    memcpy(out, in, bytes);
  } else {
    for (size_t i = 0; i < bytes; i++) {
      out[i] = (uint8_t)(in[i] >> shift | in[i + 1] << (8 - shift));
    }
  }
  at += bytes * 8;
  start += bytes * 8;
  for (size_t left = count % 8; left > 0; left--) {
    put_bit(to, at++, bit_at(from, start++));
  }
}

void parquet_bits_set(uint8_t *to, size_t at, size_t count) {
  while (count > 0 && (at & 7) != 0) {
    put_bit(to, at++, 1);
    count--;
  }
  if (count / 8 > 0) {
    memset(to + (at >> 3), 0xFF, count / 8);
  }
  at += count / 8 * 8;
  if (count % 8 > 0) {
    to[at >> 3] = (uint8_t)((1U << (count % 8)) - 1U);
  }
}

size_t parquet_bits_count(const uint8_t *bits, size_t start, size_t count) {
  size_t ones = 0;
  size_t end = start + count;
  while (start < end && (start & 7) != 0) {
    ones += bit_at(bits, start++);
  }
  for (; end - start >= 8; start += 8) {
    ones += (size_t)__builtin_popcount(bits[start >> 3]);
  }
  while (start < end) {
    ones += bit_at(bits, start++);
  }
  return ones;
}
