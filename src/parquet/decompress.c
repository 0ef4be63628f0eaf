/* The reading side of codec.h. */
#include <snappy-c.h>
#include <zstd.h>

#include "parquet/codec.h"

enum {
  /* Snappy's longest copy makes 64 bytes of 3; a stream that claims more than that lies. */
  SNAPPY_GROWTH_MAX = 32,
  ZSTD_STEP = 1 << 20,
};

void parquet_decompressor_done(parquet_decompressor *d) {
  (void)ZSTD_freeDCtx(d->zstd);
  d->zstd = NULL;
}

static br_status broken(br_error *err, const char *codec) {
  return br_error_set(err, BR_ERR_DATA, "Parquet: a page is no valid %s", codec);
}

static br_status decompress_snappy(const uint8_t *bytes, size_t bytes_length, size_t length,
                                   br_buf *out, br_error *err) {
  size_t claimed = 0;
  if (snappy_uncompressed_length((const char *)bytes, bytes_length, &claimed) != SNAPPY_OK ||
      claimed != length || length / SNAPPY_GROWTH_MAX > bytes_length) {
    return broken(err, "snappy");
  }
  br_status st = br_buf_reserve(out, length, err);
  if (st != BR_OK) {
    return st;
  }
  if (snappy_uncompress((const char *)bytes, bytes_length, (char *)out->data, &claimed) !=
      SNAPPY_OK) {
    return broken(err, "snappy");
  }
  out->len = length;
  return BR_OK;
}

/* Decompresses step by step into a buffer that grows. */
static br_status decompress_steps(ZSTD_DCtx *zstd, const uint8_t *bytes, size_t bytes_length,
                                  size_t length, br_buf *out, br_error *err) {
  ZSTD_inBuffer in = {.src = bytes, .size = bytes_length};
  size_t code = ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only);
  while (!ZSTD_isError(code)) {
    size_t step = length - out->len < ZSTD_STEP ? length - out->len : ZSTD_STEP;
    br_status st = br_buf_reserve(out, step, err);
    if (st != BR_OK) {
      return st;
    }
    size_t room = out->cap - out->len < length - out->len ? out->cap - out->len : length - out->len;
    ZSTD_outBuffer o = {.dst = out->data == NULL ? NULL : out->data + out->len, .size = room};
    size_t before = in.pos;
    code = ZSTD_decompressStream(zstd, &o, &in);
    out->len += o.pos;
    if (code == 0) {
      return out->len == length && in.pos == in.size ? BR_OK : broken(err, "zstd");
    }
    if (o.pos == 0 && in.pos == before) {
      break;
    }
  }
  return broken(err, "zstd");
}

static br_status decompress_zstd(parquet_decompressor *d, const uint8_t *bytes, size_t bytes_length,
                                 size_t length, br_buf *out, br_error *err) {
  if (d->zstd == NULL && (d->zstd = ZSTD_createDCtx()) == NULL) {
    return br_error_nomem(err);
  }
  if (length > ZSTD_STEP && length > out->cap) {
    return decompress_steps(d->zstd, bytes, bytes_length, length, out, err);
  }
  br_status st = br_buf_reserve(out, length, err);
  if (st != BR_OK) {
    return st;
  }
  size_t code = ZSTD_decompressDCtx(d->zstd, out->data, length, bytes, bytes_length);
  if (ZSTD_isError(code) || code != length) {
    return broken(err, "zstd");
  }
  out->len = length;
  return BR_OK;
}

br_status parquet_decompress(parquet_decompressor *d, parquet_compression codec,
                             const uint8_t *bytes, size_t bytes_length, size_t length, br_buf *out,
                             br_error *err) {
  br_buf_clear(out);
  switch (codec) {
  case PARQUET_COMPRESSION_NONE:
    if (bytes_length != length) {
      return br_error_set(err, BR_ERR_DATA, "Parquet: a page has %zu bytes, %zu are claimed",
                          bytes_length, length);
    }
    return br_buf_append(out, bytes, length, err);
  case PARQUET_COMPRESSION_SNAPPY:
    return decompress_snappy(bytes, bytes_length, length, out, err);
  case PARQUET_COMPRESSION_ZSTD:
    return decompress_zstd(d, bytes, bytes_length, length, out, err);
  case PARQUET_COMPRESSION_GZIP:
    break;
  }
  return br_error_set(err, BR_ERR_UNSUPPORTED, "Parquet: codec %d is not supported", (int)codec);
}
