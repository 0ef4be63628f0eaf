/* Closing a page: levels and values are put together, compressed and kept with their header. */
#include "parquet/page.h"

#include <string.h>

#include "parquet/bits.h"
#include "parquet/column.h"
#include "parquet/rle.h"
#include "parquet/thrift.h"

enum {
  /* A dictionary this many times smaller than its values pays without a trial. */
  DICTIONARY_SURELY_PAYS = 16,
  /* Row groups that do without a dictionary after a trial spoke against it. */
  PLAIN_GROUPS = 3,
};

br_status parquet_page_header(br_buf *out, parquet_page_type type, size_t raw, size_t compressed,
                              size_t values, parquet_encoding encoding, br_error *err) {
  if (raw > INT32_MAX || compressed > INT32_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "A page of %zu bytes is too large for Parquet", raw);
  }
  br_buf_clear(out);
  parquet_thrift_writer w = parquet_thrift_writer_of(out, err);
  parquet_thrift_i32(&w, 1, (int32_t)type);
  parquet_thrift_i32(&w, 2, (int32_t)raw);
  parquet_thrift_i32(&w, 3, (int32_t)compressed);
  parquet_thrift_struct(&w, type == PARQUET_DICTIONARY_PAGE ? 7 : 5);
  parquet_thrift_i32(&w, 1, (int32_t)values);
  parquet_thrift_i32(&w, 2, (int32_t)encoding);
  if (type == PARQUET_DATA_PAGE) {
    parquet_thrift_i32(&w, 3, PARQUET_RLE);
    parquet_thrift_i32(&w, 4, PARQUET_RLE);
  }
  parquet_thrift_end(&w);
  parquet_thrift_end(&w);
  return parquet_thrift_status(&w);
}

size_t parquet_levels_full(uint8_t *out, size_t rows) {
  size_t length = parquet_varint_put(out + 4, (uint64_t)rows << 1);
  out[4 + length++] = 1;
  br_store_u32le(out, (uint32_t)length);
  return 4 + length;
}

/* Appends the definition levels of the open page. */
static br_status put_levels(const parquet_column *column, br_buf *out, br_error *err) {
  if (!column->field->nullable) {
    return BR_OK;
  }
  br_status st = br_buf_reserve(out, 4 + parquet_rle_bound(column->rows, 1), err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *at = out->data + out->len;
  if (column->nulls == 0) {
    out->len += parquet_levels_full(at, column->rows);
    return BR_OK;
  }
  size_t length = parquet_rle_encode_bits(column->valid.data, column->rows, at + 4);
  br_store_u32le(at, (uint32_t)length);
  out->len += 4 + length;
  return BR_OK;
}

/* Puts levels and indexes into encoder->page. */
static br_status build_indexes(parquet_column *column, parquet_encoder *encoder, br_error *err) {
  br_buf *page = &encoder->page;
  const uint32_t *indexes = (const uint32_t *)(const void *)column->indexes.data;
  size_t count = column->indexes.len / sizeof *indexes;
  unsigned width = parquet_bit_width(column->dictionary.count - 1);
  width = width == 0 ? 1 : width;
  br_buf_clear(page);
  br_status st = put_levels(column, page, err);
  if (st == BR_OK) {
    st = br_buf_reserve(page, 1 + parquet_rle_bound(count, width), err);
  }
  if (st == BR_OK) {
    page->data[page->len++] = (uint8_t)width;
    page->len += parquet_rle_encode(indexes, count, width, page->data + page->len);
  }
  return st;
}

/* Puts levels in front of the plain values: into their headroom, or, where NULLs make them long,
 * into encoder->page with a copy of the values. */
static br_status build_plain(parquet_column *column, parquet_encoder *encoder,
                             const uint8_t **ret_body, size_t *ret_length, br_error *err) {
  static const uint8_t nothing[1];
  size_t length = column->plain.len == 0 ? 0 : column->plain.len - PARQUET_HEADROOM;
  uint8_t *values = length == 0 ? NULL : column->plain.data + PARQUET_HEADROOM;
  if (!column->field->nullable || (column->nulls == 0 && length > 0)) {
    uint8_t levels[PARQUET_LEVELS_MAX];
    size_t n = column->field->nullable ? parquet_levels_full(levels, column->rows) : 0;
    if (n > 0) {
      memcpy(values - n, levels, n);
    }
    *ret_body = values == NULL ? nothing : values - n;
    *ret_length = n + length;
    return BR_OK;
  }
  br_buf_clear(&encoder->page);
  br_status st = put_levels(column, &encoder->page, err);
  if (st == BR_OK) {
    st = br_buf_append(&encoder->page, values, length, err);
  }
  if (st == BR_OK) {
    *ret_body = encoder->page.data;
    *ret_length = encoder->page.len;
  }
  return st;
}

/* Bounds of the values of the dictionary that the open page uses. */
static br_status stats_of_indexes(const parquet_column *column, parquet_encoder *encoder,
                                  parquet_stats *stats, br_error *err) {
  const parquet_dictionary *d = &column->dictionary;
  const uint32_t *indexes = (const uint32_t *)(const void *)column->indexes.data;
  size_t count = column->indexes.len / sizeof *indexes;
  br_buf_clear(&encoder->seen);
  br_status st = br_buf_fill(&encoder->seen, 0, d->count, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *seen = encoder->seen.data;
  for (size_t i = 0; i < count; i++) {
    seen[indexes[i]] = 1;
  }
  for (uint32_t i = 0; i < d->count; i++) {
    if (seen[i] == 0) {
      continue;
    }
    if (d->width != 0 || d->fixed != 0) {
      unsigned width = column->width;
      parquet_stats_fixed(stats, column->kind->order, d->values.data + (size_t)i * width, 1, width);
    } else {
      size_t length = 0;
      const uint8_t *value = parquet_dictionary_string(d, i, &length);
      parquet_stats_bytes(stats, value, length);
    }
  }
  return BR_OK;
}

static void stats_of_plain(const parquet_column *column, parquet_stats *stats) {
  if (column->plain.len == 0) {
    return;
  }
  const uint8_t *values = column->plain.data + PARQUET_HEADROOM;
  size_t count = parquet_column_values(column);
  if (column->kind->physical == PARQUET_BOOLEAN) {
    parquet_stats_bool(stats, values, count);
  } else if (parquet_column_has_strings(column)) {
    *stats = column->stats;
  } else {
    parquet_stats_fixed(stats, column->kind->order, values, count, column->width);
  }
}

static void reset_page(parquet_column *column) {
  column->chunk_rows += column->rows;
  column->rows = 0;
  column->nulls = 0;
  column->plain_bytes = 0;
  column->stats.any = false;
  br_buf_clear(&column->valid);
  br_buf_clear(&column->plain);
  br_buf_clear(&column->indexes);
}

/* Keeps the page whose compressed body is given. */
static br_status keep_page(parquet_column *column, parquet_encoder *encoder, const uint8_t *body,
                           size_t compressed, size_t raw, parquet_page *page, br_error *err) {
  br_status st = parquet_page_header(&encoder->header, PARQUET_DATA_PAGE, raw, compressed,
                                     column->rows, page->encoding, err);
  if (st == BR_OK) {
    st = parquet_rope_append(&column->rope, &encoder->pool, encoder->header.data,
                             encoder->header.len, err);
  }
  if (st == BR_OK) {
    st = parquet_rope_append(&column->rope, &encoder->pool, body, compressed, err);
  }
  if (st != BR_OK) {
    return st;
  }
  page->rows = (uint32_t)column->rows;
  page->nulls = (uint32_t)column->nulls;
  page->bytes = (uint32_t)(encoder->header.len + compressed);
  column->raw_bytes += encoder->header.len + raw;
  st = br_buf_append(&column->pages, page, sizeof *page, err);
  if (st == BR_OK) {
    reset_page(column);
  }
  return st;
}

static br_status close_plain(parquet_column *column, parquet_encoder *encoder, br_error *err) {
  parquet_page page = {.encoding = PARQUET_PLAIN};
  const uint8_t *body = NULL;
  size_t length = 0;
  const uint8_t *compressed = NULL;
  size_t compressed_length = 0;
  stats_of_plain(column, &page.stats);
  br_status st = build_plain(column, encoder, &body, &length, err);
  if (st == BR_OK) {
    st = parquet_compress(&encoder->compressor, body, length, &compressed, &compressed_length, err);
  }
  return st == BR_OK ? keep_page(column, encoder, compressed, compressed_length, length, &page, err)
                     : st;
}

static br_status close_indexes(parquet_column *column, parquet_encoder *encoder, br_error *err) {
  parquet_page page = {.encoding = PARQUET_RLE_DICTIONARY};
  const uint8_t *compressed = NULL;
  size_t compressed_length = 0;
  br_status st = stats_of_indexes(column, encoder, &page.stats, err);
  if (st == BR_OK) {
    st = build_indexes(column, encoder, err);
  }
  if (st == BR_OK) {
    st = parquet_compress(&encoder->compressor, encoder->page.data, encoder->page.len, &compressed,
                          &compressed_length, err);
  }
  return st == BR_OK ? keep_page(column, encoder, compressed, compressed_length, encoder->page.len,
                                 &page, err)
                     : st;
}

static br_status compressed_size(parquet_encoder *encoder, const uint8_t *bytes, size_t length,
                                 size_t *ret_size, br_error *err) {
  const uint8_t *out = NULL;
  return parquet_compress(&encoder->compressor, bytes, length, &out, ret_size, err);
}

/* The part of the dictionary's size that each page of this size adds: all of it while new values
 * keep coming, next to nothing once they have stopped. */
static size_t dictionary_share(const parquet_column *column, size_t size, bool last) {
  const parquet_dictionary *d = &column->dictionary;
  size_t values = column->indexes.len / sizeof(uint32_t);
  if (last || column->earlier.values == 0 || values <= column->earlier.values) {
    return size;
  }
  double rate =
      (double)(d->count - column->earlier.distinct) / (double)(values - column->earlier.values);
  double grown = rate * (double)values / (double)d->count;
  return grown >= 1 ? size : (size_t)((double)size * grown);
}

/* Compresses the first page both ways. */
static br_status dictionary_pays(parquet_column *column, parquet_encoder *encoder, bool last,
                                 bool *ret_pays, br_error *err) {
  const parquet_dictionary *d = &column->dictionary;
  size_t plain = 0;
  size_t values = 0;
  size_t indexes = 0;
  br_status st = parquet_column_spell_out(column, err);
  if (st == BR_OK) {
    st = compressed_size(encoder, column->plain.data + PARQUET_HEADROOM,
                         column->plain.len - PARQUET_HEADROOM, &plain, err);
  }
  if (st == BR_OK) {
    st = compressed_size(encoder, d->values.data, d->values.len, &values, err);
  }
  if (st == BR_OK) {
    st = build_indexes(column, encoder, err);
  }
  if (st == BR_OK) {
    st = compressed_size(encoder, encoder->page.data, encoder->page.len, &indexes, err);
  }
  if (st == BR_OK) {
    *ret_pays = indexes + dictionary_share(column, values, last) < plain;
  }
  return st;
}

br_status parquet_page_close(parquet_column *column, parquet_encoder *encoder, bool last,
                             br_error *err) {
  if (column->rows == 0) {
    return BR_OK;
  }
  /* A page of NULLs has no values and needs no dictionary. */
  if (column->mode == PARQUET_MODE_PLAIN || column->indexes.len == 0) {
    return close_plain(column, encoder, err);
  }
  if (column->mode == PARQUET_MODE_TRYING) {
    bool pays = column->dictionary.values.len * DICTIONARY_SURELY_PAYS <= column->plain_bytes;
    br_status st = pays ? BR_OK : dictionary_pays(column, encoder, last, &pays, err);
    if (st != BR_OK) {
      return st;
    }
    if (!pays) {
      column->plain_groups = last ? 0 : PLAIN_GROUPS;
      parquet_column_drop_dictionary(column);
      return close_plain(column, encoder, err);
    }
    br_buf_clear(&column->plain);
    column->stats.any = false;
    column->mode = PARQUET_MODE_DICTIONARY;
  }
  return close_indexes(column, encoder, err);
}
