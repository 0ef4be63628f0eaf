/* Pages of a single giant value, compressed in pieces. */
#include "parquet/giant.h"

#include "parquet/page.h"

/* What is in front of the value's bytes: levels and the length. */
static size_t giant_head(const parquet_column *column, uint8_t *out) {
  size_t length = column->field->nullable ? parquet_levels_full(out, 1) : 0;
  br_store_u32le(out + length, (uint32_t)column->giant.length);
  return length + 4;
}

static br_status stream(parquet_column *column, parquet_encoder *encoder, parquet_output sink,
                        br_error *err) {
  uint8_t head[PARQUET_LEVELS_MAX + 4];
  size_t head_length = giant_head(column, head);
  const parquet_giant *giant = &column->giant;
  parquet_compressor *c = &encoder->compressor;
  br_status st = parquet_compress_begin(c, head_length + giant->length, sink, err);
  if (st == BR_OK) {
    st = parquet_compress_feed(c, head, head_length, err);
  }
  return st == BR_OK ? parquet_compress_feed(c, giant->value, giant->length, err) : st;
}

typedef struct measure {
  parquet_column *column;
  parquet_encoder *encoder;
  bool keep;
} measure;

/* Counts; keeps the bytes too while they are few. */
static br_status measure_write(void *context, const void *bytes, size_t length, br_error *err) {
  measure *m = context;
  parquet_giant *giant = &m->column->giant;
  giant->compressed += length;
  if (m->keep && giant->compressed > m->encoder->giant_kept) {
    m->keep = false;
    parquet_rope_clear(&giant->rope, &m->encoder->pool);
  }
  return m->keep ? parquet_rope_append(&giant->rope, &m->encoder->pool, bytes, length, err) : BR_OK;
}

static br_status put_header(const parquet_column *column, parquet_encoder *encoder, size_t *ret_raw,
                            br_error *err) {
  uint8_t head[PARQUET_LEVELS_MAX + 4];
  *ret_raw = giant_head(column, head) + column->giant.length;
  return parquet_page_header(&encoder->header, PARQUET_DATA_PAGE, *ret_raw,
                             (size_t)column->giant.compressed, 1, PARQUET_PLAIN, err);
}

br_status parquet_column_add_giant(parquet_column *column, parquet_encoder *encoder,
                                   const batch_column *from, size_t row, br_error *err) {
  br_status st = parquet_page_close(column, encoder, true, err);
  if (st != BR_OK) {
    return st;
  }
  column->giant.value = from->data + from->offsets[row];
  column->giant.length = (size_t)(from->offsets[row + 1] - from->offsets[row]);
  column->giant.compressed = 0;
  measure m = {column, encoder, true};
  st = stream(column, encoder, (parquet_output){.write = measure_write, .context = &m}, err);
  size_t raw = 0;
  if (st == BR_OK) {
    st = put_header(column, encoder, &raw, err);
  }
  if (st != BR_OK) {
    return st;
  }
  parquet_page page = {.rows = 1, .encoding = PARQUET_PLAIN};
  page.bytes = (uint32_t)(encoder->header.len + column->giant.compressed);
  parquet_stats_bytes(&page.stats, column->giant.value, column->giant.length);
  column->raw_bytes += encoder->header.len + raw;
  column->chunk_rows++;
  return br_buf_append(&column->pages, &page, sizeof page, err);
}

br_status parquet_giant_write(parquet_column *column, parquet_encoder *encoder,
                              parquet_output output, br_error *err) {
  size_t raw = 0;
  br_status st = put_header(column, encoder, &raw, err);
  if (st == BR_OK) {
    st = output.write(output.context, encoder->header.data, encoder->header.len, err);
  }
  if (st != BR_OK) {
    return st;
  }
  return column->giant.rope.length > 0 ? parquet_rope_write(&column->giant.rope, output, err)
                                       : stream(column, encoder, output, err);
}
