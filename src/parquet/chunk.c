#include "parquet/chunk.h"

#include "parquet/giant.h"
#include "parquet/page.h"

br_status parquet_file_write(parquet_file *file, const void *bytes, size_t length, br_error *err) {
  br_status st = file->output.write(file->output.context, bytes, length, err);
  if (st == BR_OK) {
    file->offset += length;
  }
  return st;
}

static br_status write_to_file(void *context, const void *bytes, size_t length, br_error *err) {
  return parquet_file_write(context, bytes, length, err);
}

parquet_output parquet_file_output(parquet_file *file) {
  return (parquet_output){.write = write_to_file, .context = file};
}

static const parquet_page *pages_of(const parquet_column *column, size_t *ret_count) {
  *ret_count = column->pages.len / sizeof(parquet_page);
  return (const parquet_page *)(const void *)column->pages.data;
}

static size_t count_pages(const parquet_column *column, parquet_encoding encoding) {
  size_t count = 0;
  size_t n = 0;
  const parquet_page *pages = pages_of(column, &count);
  for (size_t i = 0; i < count; i++) {
    n += pages[i].encoding == encoding;
  }
  return n;
}

static br_status write_dictionary(parquet_column *column, parquet_encoder *encoder,
                                  parquet_file *file, br_error *err) {
  const parquet_dictionary *d = &column->dictionary;
  const uint8_t *compressed = NULL;
  size_t length = 0;
  br_status st = parquet_compress(&encoder->compressor, d->values.data, d->values.len, &compressed,
                                  &length, err);
  if (st == BR_OK) {
    st = parquet_page_header(&encoder->header, PARQUET_DICTIONARY_PAGE, d->values.len, length,
                             d->count, PARQUET_PLAIN, err);
  }
  if (st == BR_OK) {
    st = parquet_file_write(file, encoder->header.data, encoder->header.len, err);
  }
  if (st == BR_OK) {
    st = parquet_file_write(file, compressed, length, err);
  }
  column->raw_bytes += encoder->header.len + d->values.len;
  return st;
}

br_status parquet_chunk_write(parquet_column *column, parquet_encoder *encoder, parquet_file *file,
                              br_error *err) {
  br_status st = BR_OK;
  column->dictionary_offset = 0;
  if (count_pages(column, PARQUET_RLE_DICTIONARY) > 0) {
    column->dictionary_offset = file->offset;
    st = write_dictionary(column, encoder, file, err);
  }
  column->data_offset = file->offset;
  if (st == BR_OK) {
    st = parquet_rope_write(&column->rope, parquet_file_output(file), err);
  }
  if (st == BR_OK && column->giant.value != NULL) {
    st = parquet_giant_write(column, encoder, parquet_file_output(file), err);
  }
  column->end_offset = file->offset;
  /* The next column's pages find room in these blocks: values and pages of a whole row group are
   * never in memory side by side. */
  parquet_rope_clear(&column->rope, &encoder->pool);
  parquet_rope_clear(&column->giant.rope, &encoder->pool);
  return st;
}

/* How the bounds of pages follow each other (parquet.thrift, BoundaryOrder). */
static int boundary_order(const parquet_column *column) {
  enum { UNORDERED, ASCENDING, DESCENDING };
  size_t count = 0;
  const parquet_page *pages = pages_of(column, &count);
  const parquet_page *before = NULL;
  parquet_order order = column->kind->order;
  bool up = true;
  bool down = true;
  for (size_t i = 0; i < count; i++) {
    if (!pages[i].stats.any) {
      continue;
    }
    if (before != NULL) {
      int min = parquet_bound_compare(&before->stats.min, &pages[i].stats.min, order);
      int max = parquet_bound_compare(&before->stats.max, &pages[i].stats.max, order);
      up = up && min <= 0 && max <= 0;
      down = down && min >= 0 && max >= 0;
    }
    before = &pages[i];
  }
  if (up) {
    return ASCENDING;
  }
  return down ? DESCENDING : UNORDERED;
}

/* Every page is all NULL or has both bounds. */
static bool bounds_known(const parquet_column *column) {
  size_t count = 0;
  const parquet_page *pages = pages_of(column, &count);
  for (size_t i = 0; i < count; i++) {
    parquet_written_bound bound;
    if (pages[i].nulls < pages[i].rows &&
        (!pages[i].stats.any || !parquet_stats_max(&pages[i].stats, column->kind->order, &bound))) {
      return false;
    }
  }
  return count > 0;
}

/* The list of all pages' minima (id 2) or maxima (id 3). */
static void put_bounds(const parquet_column *column, parquet_thrift_writer *w, int id) {
  size_t count = 0;
  const parquet_page *pages = pages_of(column, &count);
  parquet_thrift_list(w, id, PARQUET_THRIFT_BINARY, count);
  for (size_t i = 0; i < count; i++) {
    parquet_written_bound bound = {.length = 0};
    if (pages[i].nulls < pages[i].rows && id == 2) {
      parquet_stats_min(&pages[i].stats, column->kind->order, &bound);
    } else if (pages[i].nulls < pages[i].rows) {
      (void)parquet_stats_max(&pages[i].stats, column->kind->order, &bound);
    }
    parquet_thrift_element_binary(w, bound.bytes, bound.length);
  }
}

br_status parquet_column_index_put(parquet_column *column, br_buf *out, uint64_t base,
                                   br_error *err) {
  column->column_index_length = 0;
  if (!bounds_known(column)) {
    return BR_OK;
  }
  size_t count = 0;
  const parquet_page *pages = pages_of(column, &count);
  size_t start = out->len;
  parquet_thrift_writer w = parquet_thrift_writer_of(out, err);
  parquet_thrift_list(&w, 1, PARQUET_THRIFT_TRUE, count);
  for (size_t i = 0; i < count; i++) {
    parquet_thrift_element_bool(&w, pages[i].nulls == pages[i].rows);
  }
  put_bounds(column, &w, 2);
  put_bounds(column, &w, 3);
  parquet_thrift_i32(&w, 4, boundary_order(column));
  parquet_thrift_list(&w, 5, PARQUET_THRIFT_I64, count);
  for (size_t i = 0; i < count; i++) {
    parquet_thrift_element_int(&w, pages[i].nulls);
  }
  parquet_thrift_end(&w);
  column->column_index_offset = base + start;
  column->column_index_length = (uint32_t)(out->len - start);
  return parquet_thrift_status(&w);
}

br_status parquet_offset_index_put(parquet_column *column, br_buf *out, uint64_t base,
                                   br_error *err) {
  size_t count = 0;
  const parquet_page *pages = pages_of(column, &count);
  size_t start = out->len;
  uint64_t offset = column->data_offset;
  uint64_t row = 0;
  parquet_thrift_writer w = parquet_thrift_writer_of(out, err);
  parquet_thrift_list(&w, 1, PARQUET_THRIFT_STRUCT, count);
  for (size_t i = 0; i < count; i++) {
    parquet_thrift_element_struct(&w);
    parquet_thrift_i64(&w, 1, (int64_t)offset);
    parquet_thrift_i32(&w, 2, (int32_t)pages[i].bytes);
    parquet_thrift_i64(&w, 3, (int64_t)row);
    parquet_thrift_end(&w);
    offset += pages[i].bytes;
    row += pages[i].rows;
  }
  parquet_thrift_end(&w);
  column->offset_index_offset = base + start;
  column->offset_index_length = (uint32_t)(out->len - start);
  return parquet_thrift_status(&w);
}

static void describe_stats(const parquet_column *column, parquet_thrift_writer *w) {
  parquet_order order = column->kind->order;
  parquet_stats stats = {.any = false};
  uint64_t nulls = 0;
  size_t count = 0;
  const parquet_page *pages = pages_of(column, &count);
  for (size_t i = 0; i < count; i++) {
    parquet_stats_merge(&stats, &pages[i].stats, order);
    nulls += pages[i].nulls;
  }
  parquet_thrift_struct(w, 12);
  parquet_thrift_i64(w, 3, (int64_t)nulls);
  if (stats.any) {
    parquet_written_bound min;
    parquet_written_bound max;
    bool has_max = parquet_stats_max(&stats, order, &max);
    parquet_stats_min(&stats, order, &min);
    if (has_max) {
      parquet_thrift_binary(w, 5, max.bytes, max.length);
    }
    parquet_thrift_binary(w, 6, min.bytes, min.length);
    if (has_max) {
      parquet_thrift_bool(w, 7, max.exact);
    }
    parquet_thrift_bool(w, 8, min.exact);
  }
  parquet_thrift_end(w);
}

static void encoding_count(parquet_thrift_writer *w, parquet_page_type type,
                           parquet_encoding encoding, size_t count) {
  parquet_thrift_element_struct(w);
  parquet_thrift_i32(w, 1, (int32_t)type);
  parquet_thrift_i32(w, 2, (int32_t)encoding);
  parquet_thrift_i32(w, 3, (int32_t)count);
  parquet_thrift_end(w);
}

/* What encodings the chunk's pages have, and how many of each. */
static void describe_encodings(const parquet_column *column, parquet_thrift_writer *w,
                               bool counts) {
  size_t dictionary = count_pages(column, PARQUET_RLE_DICTIONARY);
  size_t plain = count_pages(column, PARQUET_PLAIN);
  if (counts) {
    parquet_thrift_list(w, 13, PARQUET_THRIFT_STRUCT,
                        (dictionary > 0 ? 2U : 0U) + (plain > 0 ? 1U : 0U));
    if (dictionary > 0) {
      encoding_count(w, PARQUET_DICTIONARY_PAGE, PARQUET_PLAIN, 1);
      encoding_count(w, PARQUET_DATA_PAGE, PARQUET_RLE_DICTIONARY, dictionary);
    }
    if (plain > 0) {
      encoding_count(w, PARQUET_DATA_PAGE, PARQUET_PLAIN, plain);
    }
    return;
  }
  parquet_thrift_list(w, 2, PARQUET_THRIFT_I32, dictionary > 0 ? 3 : 2);
  parquet_thrift_element_int(w, PARQUET_PLAIN);
  parquet_thrift_element_int(w, PARQUET_RLE);
  if (dictionary > 0) {
    parquet_thrift_element_int(w, PARQUET_RLE_DICTIONARY);
  }
}

static void describe_data(const parquet_column *column, parquet_codec codec,
                          parquet_thrift_writer *w) {
  uint64_t start = column->dictionary_offset != 0 ? column->dictionary_offset : column->data_offset;
  parquet_thrift_struct(w, 3);
  parquet_thrift_i32(w, 1, (int32_t)column->kind->physical);
  describe_encodings(column, w, false);
  parquet_thrift_list(w, 3, PARQUET_THRIFT_BINARY, 1);
  parquet_thrift_element_text(w, column->field->name);
  parquet_thrift_i32(w, 4, (int32_t)parquet_compression_of(codec));
  parquet_thrift_i64(w, 5, (int64_t)column->chunk_rows);
  parquet_thrift_i64(w, 6, (int64_t)column->raw_bytes);
  parquet_thrift_i64(w, 7, (int64_t)(column->end_offset - start));
  parquet_thrift_i64(w, 9, (int64_t)column->data_offset);
  if (column->dictionary_offset != 0) {
    parquet_thrift_i64(w, 11, (int64_t)column->dictionary_offset);
  }
  describe_stats(column, w);
  describe_encodings(column, w, true);
  parquet_thrift_end(w);
}

void parquet_chunk_describe(const parquet_column *column, parquet_codec codec,
                            parquet_thrift_writer *w) {
  parquet_thrift_element_struct(w);
  parquet_thrift_i64(w, 2, 0);
  describe_data(column, codec, w);
  parquet_thrift_i64(w, 4, (int64_t)column->offset_index_offset);
  parquet_thrift_i32(w, 5, (int32_t)column->offset_index_length);
  if (column->column_index_length > 0) {
    parquet_thrift_i64(w, 6, (int64_t)column->column_index_offset);
    parquet_thrift_i32(w, 7, (int32_t)column->column_index_length);
  }
  parquet_thrift_end(w);
}
