/* UTF-16 to UTF-8 and back. Most text is ASCII, so runs of it go eight units at a time. */
#include "batch/charset.h"

#include "batch/utf8.h"

/* Narrows the ASCII units that p begins with; returns how many. Stores up to eight bytes behind
 * them, never more than units in all. */
static inline size_t narrow_ascii(const uint8_t *p, size_t units, uint8_t *out) {
  size_t i = 0;
#ifdef __SSE2__
  const __m128i high = _mm_set1_epi16((short)0xFF80);
  const __m128i zero = _mm_setzero_si128();
  for (; i + 16 <= units; i += 16) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * i));
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * i + 16));
    __m128i over = _mm_and_si128(_mm_or_si128(a, b), high);
    if (_mm_movemask_epi8(_mm_cmpeq_epi16(over, zero)) != 0xFFFF) {
      break;
    }
    _mm_storeu_si128((__m128i *)(void *)(out + i), _mm_packus_epi16(a, b));
  }
  for (; i + 8 <= units; i += 8) {
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * i));
    unsigned ascii =
        (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi16(_mm_and_si128(a, high), zero)) ^ 0xFFFFU;
    _mm_storel_epi64((__m128i *)(void *)(out + i), _mm_packus_epi16(a, a));
    if (ascii != 0) {
      return i + (size_t)__builtin_ctz(ascii) / 2;
    }
  }
#endif
  for (; i + 4 <= units; i += 4) {
    uint64_t word = br_load_u64le(p + 2 * i);
    if ((word & UINT64_C(0xFF80FF80FF80FF80)) != 0) {
      break;
    }
    /* Bytes 0, 2, 4, 6 move together. */
    word = (word | word >> 8) & UINT64_C(0x0000FFFF0000FFFF);
    br_store_u32le(out + i, (uint32_t)(word | word >> 16));
  }
  for (; i < units && p[2 * i] < 0x80U && p[2 * i + 1] == 0; i++) {
    out[i] = p[2 * i];
  }
  return i;
}

/* A unit below 0x800 without a branch: words of Latin and Cyrillic and the spaces between them mix
 * too much for the processor to guess. Stores two bytes, of which the second may not count. */
static inline uint8_t *put_one_or_two(uint8_t *out, uint32_t unit) {
  uint32_t two = 0x80C0U | unit >> 6 | (unit & 0x3FU) << 8;
  br_store_u16le(out, (uint16_t)(unit < 0x80U ? unit : two));
  return out + 1 + (unit >= 0x80U);
}

/* Converts units below 0x800 until four ASCII ones follow or others come; moves *out. Returns how
 * many. out has room for three bytes a unit. */
static inline size_t convert_two_byte(const uint8_t *p, size_t units, uint8_t **out) {
  uint8_t *to = *out;
  size_t i = 0;
  for (; i + 4 <= units; i += 4) {
    uint64_t word = br_load_u64le(p + 2 * i);
    if ((word & UINT64_C(0xF800F800F800F800)) != 0 || (word & UINT64_C(0xFF80FF80FF80FF80)) == 0) {
      break;
    }
    to = put_one_or_two(to, (uint32_t)word & 0xFFFFU);
    to = put_one_or_two(to, (uint32_t)(word >> 16) & 0xFFFFU);
    to = put_one_or_two(to, (uint32_t)(word >> 32) & 0xFFFFU);
    to = put_one_or_two(to, (uint32_t)(word >> 48));
  }
  *out = to;
  return i;
}

static inline bool is_high_surrogate(uint32_t unit) {
  return (unit & 0xFC00U) == 0xD800U;
}

static inline bool is_low_surrogate(uint32_t unit) {
  return (unit & 0xFC00U) == 0xDC00U;
}

static inline uint32_t join_surrogates(uint32_t high, uint32_t low) {
  return 0x10000U + ((high & 0x3FFU) << 10 | (low & 0x3FFU));
}

br_status batch_utf16le_to_utf8(const uint8_t *bytes, size_t length, bool more_follows,
                                batch_invalid invalid, uint8_t *out, size_t *ret_written,
                                size_t *ret_used, br_error *err) {
  size_t units = length / 2;
  uint8_t *to = out;
  size_t i = 0;
  while (i < units) {
    size_t ascii = narrow_ascii(bytes + 2 * i, units - i, to);
    i += ascii;
    to += ascii;
    i += convert_two_byte(bytes + 2 * i, units - i, &to);
    /* Text in other scripts stays here until the next ASCII. */
    while (i < units) {
      uint32_t unit = br_load_u16le(bytes + 2 * i);
      if (unit < 0x80U) {
        break;
      }
      if ((unit & 0xF800U) != 0xD800U) {
        to = batch_put_utf8(to, unit);
        i++;
        continue;
      }
      if (is_high_surrogate(unit) && i + 1 == units && more_follows) {
        goto done;
      }
      uint32_t next = i + 1 < units ? br_load_u16le(bytes + 2 * i + 2) : 0;
      if (is_high_surrogate(unit) && is_low_surrogate(next)) {
        to = batch_put_utf8(to, join_surrogates(unit, next));
        i += 2;
        continue;
      }
      if (invalid == BATCH_INVALID_ERROR) {
        return br_error_set(err, BR_ERR_DATA, "Unpaired surrogate U+%04X at byte %zu",
                            (unsigned)unit, 2 * i);
      }
      to = batch_put_utf8(to, BATCH_REPLACEMENT);
      i++;
    }
  }
  if (length % 2 != 0 && !more_follows) {
    return br_error_set(err, BR_ERR_DATA, "Half a UTF-16 code unit at byte %zu", length - 1);
  }
done:
  *ret_written = (size_t)(to - out);
  *ret_used = 2 * i;
  return BR_OK;
}

/* Widens the ASCII bytes that p begins with; returns how many. out has room for length units. */
static inline size_t widen_ascii(const uint8_t *p, size_t length, uint8_t *out) {
  size_t i = 0;
#ifdef __SSE2__
  const __m128i zero = _mm_setzero_si128();
  for (; i + 16 <= length; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
    if (_mm_movemask_epi8(bytes) != 0) {
      break;
    }
    _mm_storeu_si128((__m128i *)(void *)(out + 2 * i), _mm_unpacklo_epi8(bytes, zero));
    _mm_storeu_si128((__m128i *)(void *)(out + 2 * i + 16), _mm_unpackhi_epi8(bytes, zero));
  }
#endif
  for (; i < length && p[i] < 0x80U; i++) {
    br_store_u16le(out + 2 * i, p[i]);
  }
  return i;
}

br_status batch_utf8_to_utf16le(const char *text, size_t length, br_buf *out, br_error *err) {
  if (length > SIZE_MAX / 2) {
    return br_error_set(err, BR_ERR_LIMIT, "Text too long");
  }
  if (length == 0) {
    return BR_OK;
  }
  /* No character needs more units than it has bytes. */
  size_t most = out->max - out->len < 2 * length ? 2 * batch_utf16_units(text, length) : 2 * length;
  br_status st = br_buf_reserve(out, most, err);
  if (st != BR_OK) {
    return st;
  }
  const uint8_t *p = (const uint8_t *)text;
  const uint8_t *end = p + length;
  uint8_t *to = out->data + out->len;
  while (p < end) {
    size_t ascii = widen_ascii(p, (size_t)(end - p), to);
    p += ascii;
    to += 2 * ascii;
    while (p < end && *p >= 0x80U) {
      uint32_t c = 0;
      size_t used = 0;
      if (batch_get_utf8(p, end, &c, &used) != BATCH_UTF8_CHARACTER) {
        return br_error_set(err, BR_ERR_DATA, "Not UTF-8 at byte %zu",
                            (size_t)(p - (const uint8_t *)text));
      }
      p += used;
      if (c >= 0x10000U) {
        br_store_u16le(to, (uint16_t)(0xD800U | (c - 0x10000U) >> 10));
        to += 2;
        c = 0xDC00U | (c & 0x3FFU);
      }
      br_store_u16le(to, (uint16_t)c);
      to += 2;
    }
  }
  out->len = (size_t)(to - out->data);
  return BR_OK;
}

size_t batch_utf16_units(const char *text, size_t length) {
  size_t units = 0;
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = (uint8_t)text[i];
    units += (size_t)((byte & 0xC0U) != 0x80U) + (size_t)(byte >= 0xF0U);
  }
  return units;
}
