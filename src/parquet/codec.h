/*
 * codec.h: compression of pages, whole or, for giant values, in pieces.
 *
 * One compressor serves all pages of a file: its zstd context and its buffer are reused. What
 * parquet_compress() returns is valid until the next call.
 */
#ifndef PARQUET_CODEC_H
#define PARQUET_CODEC_H

#include "base/buf.h"
#include "parquet/format.h"
#include "parquet/parquet.h"

typedef struct parquet_compressor {
  parquet_codec codec;
  int level;
  void *zstd; /* ZSTD_CCtx */
  br_buf out; /* the last page */
  /* The stream that is open. */
  parquet_output sink;
  uint64_t stream_left; /* bytes announced and not yet fed */
  br_buf fragment;      /* snappy: bytes waiting for a full block */
} parquet_compressor;

br_status parquet_compressor_init(parquet_compressor *compressor, parquet_codec codec, int level,
                                  br_error *err) BR_CHECKED;
void parquet_compressor_done(parquet_compressor *compressor);
parquet_compression parquet_compression_of(parquet_codec codec);

/* Without a codec *ret_out is bytes itself. */
br_status parquet_compress(parquet_compressor *compressor, const uint8_t *bytes, size_t length,
                           const uint8_t **ret_out, size_t *ret_length, br_error *err) BR_CHECKED;

/* A stream of exactly total bytes, fed in pieces; what comes out goes to sink. The same pieces give
 * the same output each time. */
br_status parquet_compress_begin(parquet_compressor *compressor, uint64_t total,
                                 parquet_output sink, br_error *err) BR_CHECKED;
br_status parquet_compress_feed(parquet_compressor *compressor, const void *bytes, size_t length,
                                br_error *err) BR_CHECKED;

typedef struct parquet_decompressor {
  void *zstd; /* ZSTD_DCtx, made on first use */
} parquet_decompressor;

void parquet_decompressor_done(parquet_decompressor *decompressor);
/* Makes out hold exactly length bytes, out->max permitting. Memory grows with what really comes
 * out, not with the length that is claimed. */
br_status parquet_decompress(parquet_decompressor *decompressor, parquet_compression codec,
                             const uint8_t *bytes, size_t bytes_length, size_t length, br_buf *out,
                             br_error *err) BR_CHECKED;

#endif
