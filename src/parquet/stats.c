#include "parquet/stats.h"

#include <string.h>

#include "base/buf.h"

static void set_bound(parquet_bound *bound, const void *bytes, size_t length) {
  bound->length = (uint8_t)(length < PARQUET_BOUND_KEPT ? length : PARQUET_BOUND_KEPT);
  memcpy(bound->bytes, bytes, bound->length);
}

static int compare_bytes(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length) {
  size_t shared = a_length < b_length ? a_length : b_length;
  int order = shared == 0 ? 0 : memcmp(a, b, shared);
  return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Big-endian two's complement of equal length: flipping the sign bit makes it an unsigned order. */
static int compare_decimal(const uint8_t *a, const uint8_t *b, size_t length) {
  int first = (a[0] ^ 0x80) - (b[0] ^ 0x80);
  return first != 0 ? first : memcmp(a + 1, b + 1, length - 1);
}

#define COMPARE_AS(type)                                                                           \
  type x;                                                                                          \
  type y;                                                                                          \
  memcpy(&x, a->bytes, sizeof x);                                                                  \
  memcpy(&y, b->bytes, sizeof y);                                                                  \
  return (x > y) - (x < y);

int parquet_bound_compare(const parquet_bound *a, const parquet_bound *b, parquet_order order) {
  switch (order) {
  case PARQUET_ORDER_BOOL:
    return a->bytes[0] - b->bytes[0];
  case PARQUET_ORDER_INT32: {
    COMPARE_AS(int32_t)
  }
  case PARQUET_ORDER_INT64: {
    COMPARE_AS(int64_t)
  }
  case PARQUET_ORDER_FLOAT: {
    COMPARE_AS(float)
  }
  case PARQUET_ORDER_DOUBLE: {
    COMPARE_AS(double)
  }
  case PARQUET_ORDER_DECIMAL:
    return compare_decimal(a->bytes, b->bytes, a->length);
  case PARQUET_ORDER_BYTES:
  case PARQUET_ORDER_TEXT:
    break;
  }
  return compare_bytes(a->bytes, a->length, b->bytes, b->length);
}

void parquet_stats_merge(parquet_stats *into, const parquet_stats *from, parquet_order order) {
  if (!from->any) {
    return;
  }
  if (!into->any) {
    *into = *from;
    return;
  }
  if (parquet_bound_compare(&from->min, &into->min, order) < 0) {
    into->min = from->min;
  }
  if (parquet_bound_compare(&from->max, &into->max, order) > 0) {
    into->max = from->max;
  }
}

static void merge_range(parquet_stats *stats, parquet_order order, const void *min, const void *max,
                        unsigned width) {
  parquet_stats range = {.any = true};
  set_bound(&range.min, min, width);
  set_bound(&range.max, max, width);
  parquet_stats_merge(stats, &range, order);
}

/* Plain loops over aligned copies: compilers turn them into vector code. */
#define RANGE_OF_INTEGERS(name, type)                                                              \
  static void name(const uint8_t *plain, size_t count, type *ret_min, type *ret_max) {             \
    type min;                                                                                      \
    memcpy(&min, plain, sizeof min);                                                               \
    type max = min;                                                                                \
    for (size_t i = 1; i < count; i++) {                                                           \
      type value;                                                                                  \
      memcpy(&value, plain + i * sizeof value, sizeof value);                                      \
      min = value < min ? value : min;                                                             \
      max = value > max ? value : max;                                                             \
    }                                                                                              \
    *ret_min = min;                                                                                \
    *ret_max = max;                                                                                \
  }

RANGE_OF_INTEGERS(range_of_int32, int32_t)
RANGE_OF_INTEGERS(range_of_int64, int64_t)

/* false: nothing but NaN. A NaN loses every comparison, so it never replaces a bound. */
#define RANGE_OF_FLOATS(name, type)                                                                \
  static bool name(const uint8_t *plain, size_t count, type *ret_min, type *ret_max) {             \
    type min = (type)__builtin_inf();                                                              \
    type max = -min;                                                                               \
    for (size_t i = 0; i < count; i++) {                                                           \
      type value;                                                                                  \
      memcpy(&value, plain + i * sizeof value, sizeof value);                                      \
      min = value < min ? value : min;                                                             \
      max = value > max ? value : max;                                                             \
    }                                                                                              \
    if (min > max) {                                                                               \
      return false;                                                                                \
    }                                                                                              \
    *ret_min = min;                                                                                \
    *ret_max = max;                                                                                \
    return true;                                                                                   \
  }

RANGE_OF_FLOATS(range_of_floats, float)
RANGE_OF_FLOATS(range_of_doubles, double)

static void decimals(parquet_stats *stats, const uint8_t *plain, size_t count, unsigned width) {
  const uint8_t *min = plain;
  const uint8_t *max = plain;
  for (size_t i = 1; i < count; i++) {
    const uint8_t *value = plain + i * width;
    if (compare_decimal(value, min, width) < 0) {
      min = value;
    } else if (compare_decimal(value, max, width) > 0) {
      max = value;
    }
  }
  merge_range(stats, PARQUET_ORDER_DECIMAL, min, max, width);
}

#define MERGE_INTEGERS(type, range)                                                                \
  type min = 0;                                                                                    \
  type max = 0;                                                                                    \
  range(plain, count, &min, &max);                                                                 \
  merge_range(stats, order, &min, &max, sizeof min);

#define MERGE_FLOATS(type, range)                                                                  \
  type min = 0;                                                                                    \
  type max = 0;                                                                                    \
  if (range(plain, count, &min, &max)) {                                                           \
    merge_range(stats, order, &min, &max, sizeof min);                                             \
  }

void parquet_stats_fixed(parquet_stats *stats, parquet_order order, const uint8_t *plain,
                         size_t count, unsigned width) {
  if (count == 0) {
    return;
  }
  if (order == PARQUET_ORDER_INT32) {
    MERGE_INTEGERS(int32_t, range_of_int32)
  } else if (order == PARQUET_ORDER_INT64) {
    MERGE_INTEGERS(int64_t, range_of_int64)
  } else if (order == PARQUET_ORDER_FLOAT) {
    MERGE_FLOATS(float, range_of_floats)
  } else if (order == PARQUET_ORDER_DOUBLE) {
    MERGE_FLOATS(double, range_of_doubles)
  } else if (order == PARQUET_ORDER_DECIMAL) {
    decimals(stats, plain, count, width);
  }
}

void parquet_stats_bool(parquet_stats *stats, const uint8_t *bits, size_t count) {
  size_t ones = 0;
  for (size_t i = 0; i < count / 8; i++) {
    ones += (size_t)__builtin_popcount(bits[i]);
  }
  if (count % 8 != 0) {
    ones += (size_t)__builtin_popcount(bits[count / 8] & ((1U << (count % 8)) - 1U));
  }
  if (count > 0) {
    uint8_t min = ones == count;
    uint8_t max = ones > 0;
    merge_range(stats, PARQUET_ORDER_BOOL, &min, &max, 1);
  }
}

void parquet_stats_bytes_slow(parquet_stats *stats, const uint8_t *value, size_t length,
                              uint64_t key) {
  size_t kept = length < PARQUET_BOUND_KEPT ? length : PARQUET_BOUND_KEPT;
  if (!stats->any || compare_bytes(value, kept, stats->min.bytes, stats->min.length) < 0) {
    set_bound(&stats->min, value, kept);
    stats->min.key = key;
  }
  if (!stats->any || compare_bytes(value, kept, stats->max.bytes, stats->max.length) > 0) {
    set_bound(&stats->max, value, kept);
    stats->max.key = key;
  }
  stats->any = true;
}

/* Where the character that holds byte `at` begins; at itself where the text is not UTF-8. */
static size_t character_start(const uint8_t *text, size_t at) {
  size_t start = at;
  while (start > 0 && at - start < 3 && (text[start] & 0xC0) == 0x80) {
    start--;
  }
  return (text[start] & 0xC0) == 0x80 ? at : start;
}

/* The bytes of a string's bound that may be written: all, or cut at a character. */
static size_t cut_length(const parquet_bound *bound, parquet_order order) {
  if (bound->length <= PARQUET_BOUND_WRITTEN) {
    return bound->length;
  }
  return order == PARQUET_ORDER_TEXT ? character_start(bound->bytes, PARQUET_BOUND_WRITTEN)
                                     : PARQUET_BOUND_WRITTEN;
}

static void copy_bound(const parquet_bound *bound, size_t length, parquet_written_bound *out) {
  memcpy(out->bytes, bound->bytes, length);
  out->length = length;
  out->exact = length == bound->length;
}

static void set_zero(parquet_written_bound *bound, uint8_t sign) {
  for (size_t i = 0; i + 1 < bound->length; i++) {
    if (bound->bytes[i] != 0) {
      return;
    }
  }
  if ((bound->bytes[bound->length - 1] & 0x7F) == 0) {
    bound->bytes[bound->length - 1] = sign;
  }
}

static bool is_floating(parquet_order order) {
  return order == PARQUET_ORDER_FLOAT || order == PARQUET_ORDER_DOUBLE;
}

void parquet_stats_min(const parquet_stats *stats, parquet_order order,
                       parquet_written_bound *ret_bound) {
  copy_bound(&stats->min, cut_length(&stats->min, order), ret_bound);
  if (is_floating(order)) {
    set_zero(ret_bound, 0x80);
  }
}

/* The next character by code point, of the same number of bytes; false: there is none. Carries into
 * the bytes of the character, so that the text stays UTF-8. */
static bool raise_character(uint8_t *character, size_t length) {
  for (size_t i = length; i-- > 1;) {
    if (character[i] < 0xBF) {
      character[i]++;
      return true;
    }
    character[i] = 0x80;
  }
  static const uint8_t last[] = {0x7F, 0xDF, 0xEF, 0xF4};
  if (length > 4 || character[0] >= last[length - 1]) {
    return false;
  }
  character[0]++;
  return true;
}

/* U+D800..U+DFFF are no characters, U+110000 and up neither. */
static bool is_character(const uint8_t *c, size_t length) {
  return !(length == 3 && c[0] == 0xED && c[1] >= 0xA0) &&
         !(length == 4 && c[0] == 0xF4 && c[1] >= 0x90);
}

static bool raise_text(parquet_written_bound *bound) {
  while (bound->length > 0) {
    size_t start = character_start(bound->bytes, bound->length - 1);
    uint8_t *character = bound->bytes + start;
    size_t length = bound->length - start;
    if (raise_character(character, length)) {
      if (is_character(character, length)) {
        return true;
      }
      if (length == 3) { /* over the surrogates */
        memcpy(character, "\xEE\x80\x80", 3);
        return true;
      }
    }
    bound->length = start;
  }
  return false;
}

static bool raise_bytes(parquet_written_bound *bound) {
  while (bound->length > 0) {
    if (bound->bytes[bound->length - 1] < 0xFF) {
      bound->bytes[bound->length - 1]++;
      return true;
    }
    bound->length--;
  }
  return false;
}

bool parquet_stats_max(const parquet_stats *stats, parquet_order order,
                       parquet_written_bound *ret_bound) {
  copy_bound(&stats->max, cut_length(&stats->max, order), ret_bound);
  if (is_floating(order)) {
    set_zero(ret_bound, 0);
  }
  if (ret_bound->exact) {
    return true;
  }
  return order == PARQUET_ORDER_TEXT ? raise_text(ret_bound) : raise_bytes(ret_bound);
}
