/*
 * stats.h: the smallest and largest value of a page or column chunk, by the column's order.
 *
 * A bound is kept as a PLAIN value without length. Of byte strings only the first
 * PARQUET_BOUND_KEPT bytes are kept: one more than is ever written, so that a cut one is known.
 *
 * Rules of the format (parquet.thrift, ColumnOrder): NaN is no bound; a zero is written as -0.0 in
 * a minimum and +0.0 in a maximum; decimals are signed, strings unsigned.
 */
#ifndef PARQUET_STATS_H
#define PARQUET_STATS_H

#include "parquet/kind.h"

enum { PARQUET_BOUND_WRITTEN = 64, PARQUET_BOUND_KEPT = PARQUET_BOUND_WRITTEN + 1 };

typedef struct parquet_bound {
  uint64_t key; /* byte strings: the first 8 bytes, big-endian, to decide most comparisons */
  uint8_t length;
  uint8_t bytes[PARQUET_BOUND_KEPT];
} parquet_bound;

typedef struct parquet_stats {
  bool any; /* min and max are set */
  parquet_bound min;
  parquet_bound max;
} parquet_stats;

/* Takes count PLAIN values of width bytes each into account. Not for booleans and byte strings. */
void parquet_stats_fixed(parquet_stats *stats, parquet_order order, const uint8_t *plain,
                         size_t count, unsigned width);
void parquet_stats_bool(parquet_stats *stats, const uint8_t *bits, size_t count);
/* Where the value's key may change a bound. */
void parquet_stats_bytes_slow(parquet_stats *stats, const uint8_t *value, size_t length,
                              uint64_t key);
void parquet_stats_merge(parquet_stats *into, const parquet_stats *from, parquet_order order);
/* <0, 0, >0. */
int parquet_bound_compare(const parquet_bound *a, const parquet_bound *b, parquet_order order);

/* As it goes into the file. */
typedef struct parquet_written_bound {
  uint8_t bytes[PARQUET_BOUND_WRITTEN];
  size_t length;
  bool exact;
} parquet_written_bound;

void parquet_stats_min(const parquet_stats *stats, parquet_order order,
                       parquet_written_bound *ret_bound);
/* false: no string of the length allowed is known to be as large (all bytes are 0xFF). */
bool parquet_stats_max(const parquet_stats *stats, parquet_order order,
                       parquet_written_bound *ret_bound);

/* The first 8 bytes, big-endian, filled up with zeros. */
static inline uint64_t parquet_bytes_key(const uint8_t *value, size_t length) {
  uint64_t key = 0;
  if (length >= 8) {
    __builtin_memcpy(&key, value, 8);
    return __builtin_bswap64(key);
  }
  for (size_t i = 0; i < length; i++) {
    key |= (uint64_t)value[i] << (56 - 8 * i);
  }
  return key;
}

static inline void parquet_stats_bytes(parquet_stats *stats, const uint8_t *value, size_t length) {
  uint64_t key = parquet_bytes_key(value, length);
  if (!stats->any || key <= stats->min.key || key >= stats->max.key) {
    parquet_stats_bytes_slow(stats, value, length, key);
  }
}

#endif
