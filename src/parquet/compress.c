/* The writing side of codec.h. Snappy's and zstd's contexts come from their libraries' own heap. */
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

#include "parquet/codec.h"
#include "parquet/thrift.h"

enum {
  /* Snappy compresses blocks of this size one by one, also within one call (snappy's
   * format_description.txt), so joined blocks are one valid stream. */
  SNAPPY_BLOCK = 1 << 16,
  STREAM_OUT = 1 << 17,
};

parquet_compression parquet_compression_of(parquet_codec codec) {
  switch (codec) {
  case PARQUET_SNAPPY:
    return PARQUET_COMPRESSION_SNAPPY;
  case PARQUET_ZSTD:
    return PARQUET_COMPRESSION_ZSTD;
  case PARQUET_UNCOMPRESSED:
    break;
  }
  return PARQUET_COMPRESSION_NONE;
}

static br_status zstd_failed(size_t code, br_error *err) {
  if (strstr(ZSTD_getErrorName(code), "llocation") != NULL) {
    return br_error_nomem(err);
  }
  return br_error_set(err, BR_ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(code));
}

br_status parquet_compressor_init(parquet_compressor *c, parquet_codec codec, int level,
                                  br_error *err) {
  *c = (parquet_compressor){.codec = codec, .level = level};
  br_buf_init(&c->out, SIZE_MAX);
  br_buf_init(&c->fragment, SNAPPY_BLOCK);
  if (codec != PARQUET_ZSTD) {
    return BR_OK;
  }
  c->zstd = ZSTD_createCCtx();
  if (c->zstd == NULL) {
    return br_error_nomem(err);
  }
  size_t code = ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, level);
  if (ZSTD_isError(code)) {
    parquet_compressor_done(c);
    return zstd_failed(code, err);
  }
  return BR_OK;
}

void parquet_compressor_done(parquet_compressor *c) {
  (void)ZSTD_freeCCtx(c->zstd);
  c->zstd = NULL;
  br_buf_done(&c->out);
  br_buf_done(&c->fragment);
}

static br_status compress_zstd(parquet_compressor *c, const uint8_t *bytes, size_t length,
                               br_error *err) {
  br_status st = br_buf_reserve(&c->out, ZSTD_compressBound(length), err);
  if (st != BR_OK) {
    return st;
  }
  size_t code = ZSTD_compress2(c->zstd, c->out.data, c->out.cap, bytes, length);
  if (ZSTD_isError(code)) {
    return zstd_failed(code, err);
  }
  c->out.len = code;
  return BR_OK;
}

static br_status compress_snappy(parquet_compressor *c, const void *bytes, size_t length,
                                 br_error *err) {
  size_t room = snappy_max_compressed_length(length);
  br_status st = br_buf_reserve(&c->out, room, err);
  if (st != BR_OK) {
    return st;
  }
  if (snappy_compress(bytes, length, (char *)c->out.data, &room) != SNAPPY_OK) {
    return br_error_set(err, BR_ERR_INTERNAL, "snappy failed");
  }
  c->out.len = room;
  return BR_OK;
}

br_status parquet_compress(parquet_compressor *c, const uint8_t *bytes, size_t length,
                           const uint8_t **ret_out, size_t *ret_length, br_error *err) {
  if (c->codec == PARQUET_UNCOMPRESSED) {
    *ret_out = bytes;
    *ret_length = length;
    return BR_OK;
  }
  br_buf_clear(&c->out);
  br_status st = c->codec == PARQUET_ZSTD ? compress_zstd(c, bytes, length, err)
                                          : compress_snappy(c, bytes, length, err);
  if (st == BR_OK) {
    *ret_out = c->out.data;
    *ret_length = c->out.len;
  }
  return st;
}

br_status parquet_compress_begin(parquet_compressor *c, uint64_t total, parquet_output sink,
                                 br_error *err) {
  c->sink = sink;
  c->stream_left = total;
  br_buf_clear(&c->fragment);
  if (c->codec == PARQUET_SNAPPY) {
    uint8_t head[PARQUET_VARINT_MAX];
    return sink.write(sink.context, head, parquet_varint_put(head, total), err);
  }
  if (c->codec == PARQUET_ZSTD) {
    size_t code = ZSTD_CCtx_reset(c->zstd, ZSTD_reset_session_only);
    if (!ZSTD_isError(code)) {
      code = ZSTD_CCtx_setPledgedSrcSize(c->zstd, total);
    }
    return ZSTD_isError(code) ? zstd_failed(code, err) : BR_OK;
  }
  return BR_OK;
}

static br_status feed_zstd(parquet_compressor *c, const void *bytes, size_t length, bool last,
                           br_error *err) {
  br_buf_clear(&c->out);
  br_status st = br_buf_reserve(&c->out, STREAM_OUT, err);
  if (st != BR_OK) {
    return st;
  }
  ZSTD_inBuffer in = {.src = bytes, .size = length};
  size_t left = 0;
  do {
    ZSTD_outBuffer out = {.dst = c->out.data, .size = STREAM_OUT};
    left = ZSTD_compressStream2(c->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) {
      return zstd_failed(left, err);
    }
    if (out.pos > 0 && (st = c->sink.write(c->sink.context, c->out.data, out.pos, err)) != BR_OK) {
      return st;
    }
  } while (last ? left > 0 : in.pos < in.size);
  return BR_OK;
}

/* One block: compressed as a stream of its own, whose head (its length) is left away. */
static br_status put_snappy_block(parquet_compressor *c, const void *bytes, size_t length,
                                  br_error *err) {
  uint8_t head[PARQUET_VARINT_MAX];
  br_buf_clear(&c->out);
  br_status st = compress_snappy(c, bytes, length, err);
  if (st != BR_OK) {
    return st;
  }
  size_t skip = parquet_varint_put(head, length);
  return c->sink.write(c->sink.context, c->out.data + skip, c->out.len - skip, err);
}

static br_status feed_snappy(parquet_compressor *c, const uint8_t *bytes, size_t length,
                             br_error *err) {
  br_status st = BR_OK;
  while (st == BR_OK && length > 0) {
    size_t n = SNAPPY_BLOCK - c->fragment.len;
    n = n < length ? n : length;
    if (n == SNAPPY_BLOCK) {
      st = put_snappy_block(c, bytes, n, err);
    } else {
      st = br_buf_append(&c->fragment, bytes, n, err);
    }
    bytes += n;
    length -= n;
    bool full = c->fragment.len == SNAPPY_BLOCK || (length == 0 && c->stream_left == 0);
    if (st == BR_OK && full && c->fragment.len > 0) {
      st = put_snappy_block(c, c->fragment.data, c->fragment.len, err);
      br_buf_clear(&c->fragment);
    }
  }
  return st;
}

br_status parquet_compress_feed(parquet_compressor *c, const void *bytes, size_t length,
                                br_error *err) {
  if (length > c->stream_left) {
    return br_error_set(err, BR_ERR_INTERNAL, "A page grew while it was compressed");
  }
  c->stream_left -= length;
  switch (c->codec) {
  case PARQUET_SNAPPY:
    return feed_snappy(c, bytes, length, err);
  case PARQUET_ZSTD:
    return feed_zstd(c, bytes, length, c->stream_left == 0, err);
  case PARQUET_UNCOMPRESSED:
    break;
  }
  return c->sink.write(c->sink.context, bytes, length, err);
}
