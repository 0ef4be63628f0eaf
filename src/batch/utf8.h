/*
 * utf8.h: single characters to UTF-8 and back, and runs of ASCII sixteen bytes at a time. Inline:
 * for the inner loops of charset.c and code_page.c.
 */
#ifndef BATCH_UTF8_H
#define BATCH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BATCH_REPLACEMENT = 0xFFFD };

/* Writes a character (at most 0x10FFFF); returns the place behind it. */
static inline uint8_t *batch_put_utf8(uint8_t *out, uint32_t c) {
  if (c < 0x80U) {
    *out++ = (uint8_t)c;
  } else if (c < 0x800U) {
    *out++ = (uint8_t)(0xC0U | c >> 6);
    *out++ = (uint8_t)(0x80U | (c & 0x3FU));
  } else if (c < 0x10000U) {
    *out++ = (uint8_t)(0xE0U | c >> 12);
    *out++ = (uint8_t)(0x80U | (c >> 6 & 0x3FU));
    *out++ = (uint8_t)(0x80U | (c & 0x3FU));
  } else {
    *out++ = (uint8_t)(0xF0U | c >> 18);
    *out++ = (uint8_t)(0x80U | (c >> 12 & 0x3FU));
    *out++ = (uint8_t)(0x80U | (c >> 6 & 0x3FU));
    *out++ = (uint8_t)(0x80U | (c & 0x3FU));
  }
  return out;
}

/* What batch_get_utf8() found. */
typedef enum batch_utf8_found {
  BATCH_UTF8_CHARACTER,
  BATCH_UTF8_BROKEN,     /* no character begins like this */
  BATCH_UTF8_UNFINISHED, /* right so far; the bytes end too early */
} batch_utf8_found;

/* Reads the character at p (before end). *ret_length: its bytes, or of a broken one the bytes that
 * U+FFFD stands for (Unicode 3.9, maximal subparts). Table 3-7 gives the second byte's range. */
static inline batch_utf8_found batch_get_utf8(const uint8_t *p, const uint8_t *end,
                                              uint32_t *ret_char, size_t *ret_length) {
  uint32_t first = p[0];
  *ret_length = 1;
  if (first < 0x80U) {
    *ret_char = first;
    return BATCH_UTF8_CHARACTER;
  }
  if (first < 0xC2U || first > 0xF4U) {
    return BATCH_UTF8_BROKEN;
  }
  size_t length = first < 0xE0U ? 2 : first < 0xF0U ? 3 : 4;
  uint8_t low = first == 0xE0U ? 0xA0U : first == 0xF0U ? 0x90U : 0x80U;
  uint8_t high = first == 0xEDU ? 0x9FU : first == 0xF4U ? 0x8FU : 0xBFU;
  uint32_t c = first & (0x7FU >> length);
  for (size_t i = 1; i < length; i++) {
    if (p + i == end) {
      *ret_length = i;
      return BATCH_UTF8_UNFINISHED;
    }
    if (p[i] < low || p[i] > high) {
      *ret_length = i;
      return BATCH_UTF8_BROKEN;
    }
    c = c << 6 | (p[i] & 0x3FU);
    low = 0x80U;
    high = 0xBFU;
  }
  *ret_char = c;
  *ret_length = length;
  return BATCH_UTF8_CHARACTER;
}

/* Copies the ASCII bytes that p begins with; returns how many. out has room for the whole input. */
static inline size_t batch_copy_ascii(const uint8_t *p, size_t length, uint8_t *out) {
  size_t i = 0;
#ifdef __SSE2__
  for (; i + 16 <= length; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
    unsigned mask = (unsigned)_mm_movemask_epi8(bytes);
    _mm_storeu_si128((__m128i *)(void *)(out + i), bytes);
    if (mask != 0) {
      return i + (size_t)__builtin_ctz(mask);
    }
  }
#endif
  for (; i + 8 <= length; i += 8) {
    uint64_t word = 0;
    memcpy(&word, p + i, sizeof word);
    if ((word & UINT64_C(0x8080808080808080)) != 0) {
      break;
    }
    memcpy(out + i, &word, sizeof word);
  }
  for (; i < length && p[i] < 0x80U; i++) {
    out[i] = p[i];
  }
  return i;
}

#endif
