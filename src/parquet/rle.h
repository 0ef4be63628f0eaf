/*
 * rle.h: the hybrid of run lengths and bit-packed groups that Parquet uses for levels, dictionary
 * indexes and booleans (https://parquet.apache.org/docs/file-format/data-pages/encodings/, "RLE").
 *
 *   run    = varint(count << 1)      value in ceil(width / 8) bytes
 *   packed = varint(groups << 1 | 1) groups of 8 values, width bits each, least significant first
 */
#ifndef PARQUET_RLE_H
#define PARQUET_RLE_H

#include "base/status.h"

/* Bits that values up to max need. */
static inline unsigned parquet_bit_width(uint32_t max) {
  return max == 0 ? 0 : 32U - (unsigned)__builtin_clz(max);
}

/* Bytes that encoding may write at most. */
size_t parquet_rle_bound(size_t count, unsigned width);
/* Encodes count values of width bits (1..32) each; returns the bytes written to out. */
size_t parquet_rle_encode(const uint32_t *values, size_t count, unsigned width, uint8_t *out);
/* The same for bits, least significant first, as in a validity bitmap. Bits behind count in the
 * last byte are not read as values. */
size_t parquet_rle_encode_bits(const uint8_t *bits, size_t count, uint8_t *out);

typedef struct parquet_rle_decoder {
  const uint8_t *next; /* borrowed */
  const uint8_t *end;
  unsigned width;
  size_t left;    /* values left in the run that is open */
  bool packed;    /* what kind of run it is */
  uint32_t value; /* of a run */
  unsigned bit;   /* bits of *next used up, in a packed run: 0..7 */
} parquet_rle_decoder;

/* width 0..32. */
parquet_rle_decoder parquet_rle_decoder_of(const uint8_t *bytes, size_t length, unsigned width);
/* Decodes exactly count values; fewer than that in the bytes is BR_ERR_DATA. */
br_status parquet_rle_decode(parquet_rle_decoder *decoder, uint32_t *out, size_t count,
                             br_error *err) BR_CHECKED;

#endif
