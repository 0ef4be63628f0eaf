/*
 * delta.h: DELTA_BINARY_PACKED, decoded as a stream: blocks of differences, in miniblocks with a
 * bit width each (https://parquet.apache.org/docs/file-format/data-pages/encodings/, "Delta
 * Encoding").
 */
#ifndef PARQUET_DELTA_H
#define PARQUET_DELTA_H

#include "base/buf.h"

typedef struct parquet_delta {
  br_reader in;
  uint64_t values_left; /* not yet handed out */
  uint64_t miniblock_values;
  uint64_t miniblocks; /* per block */
  uint64_t value;      /* the last one; arithmetic wraps, as the format says */
  bool first;          /* the first value stands in the head and comes next */
  uint64_t min_delta;
  size_t widths;           /* place of the block's bit widths */
  uint64_t miniblock;      /* the next one of the block */
  uint64_t miniblock_left; /* values of the open one */
  size_t bits_at;          /* place of its packed differences */
  uint64_t bit;            /* offset of the next in bits */
  unsigned width;
} parquet_delta;

br_status parquet_delta_open(parquet_delta *delta, const uint8_t *bytes, size_t length,
                             br_error *err) BR_CHECKED;
/* One value more; BR_ERR_DATA where there is none. */
br_status parquet_delta_next(parquet_delta *delta, int64_t *ret_value, br_error *err) BR_CHECKED;
/* Reads over all values that are left; *ret_end is the place behind the last one. */
br_status parquet_delta_skip_all(parquet_delta *delta, size_t *ret_end, br_error *err) BR_CHECKED;

#endif
