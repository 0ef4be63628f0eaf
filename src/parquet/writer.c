/*
 * The writer: cuts batches into slices that memory has room for, hands them to the columns, and
 * ends row groups.
 */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "parquet/chunk.h"
#include "parquet/footer.h"
#include "parquet/parquet.h"

enum {
  SLICE_ROWS = 16384,    /* rows handed to a column at a time: its buffers stay in the cache */
  BLOCK_MIN = 4096,      /* of the pool: wide tables */
  BLOCK_MAX = 1 << 16,   /* narrow ones */
  GIANT_MIN = 1 << 12,   /* no value below this is giant */
  INDEX_FLUSH = 1 << 16, /* page indexes are written in pieces of about this size */
};

struct parquet_writer {
  batch_schema *schema;
  parquet_writer_options options; /* without zeros */
  char *created_by;
  parquet_file file;
  parquet_encoder encoder;
  parquet_column *columns;
  size_t initialised; /* columns */
  uint64_t rows;
  uint64_t group_rows; /* of the open row group */
  size_t groups;
  br_buf group_bytes; /* RowGroup structures, for the footer */
  size_t pairs;
  br_buf pair_bytes;
  br_buf index; /* page indexes on their way out */
  bool failed;  /* something could not be written: the file is broken */
  bool finished;
};

static size_t or_default(size_t value, size_t standard) {
  return value == 0 ? standard : value;
}

static br_status set_options(parquet_writer *w, const parquet_writer_options *options,
                             br_error *err) {
  parquet_writer_options *o = &w->options;
  if (options != NULL) {
    *o = *options;
  } else {
    o->codec = PARQUET_ZSTD;
  }
  if (o->level < 0 || o->level > 19) {
    return br_error_set(err, BR_ERR_USAGE, "zstd level %d is not within 1 to 19", o->level);
  }
  o->level = o->level == 0 ? 1 : o->level;
  o->row_group_rows = or_default(o->row_group_rows, (size_t)1 << 20);
  o->row_group_bytes = or_default(o->row_group_bytes, BR_MIB(64));
  o->page_bytes = or_default(o->page_bytes, BR_MIB(1));
  o->dictionary_bytes = or_default(o->dictionary_bytes, BR_MIB(1));
  o->memory = or_default(o->memory, BR_MIB(64));
  const char *created_by = o->created_by != NULL
                               ? o->created_by
                               : "sql-databricks-bridge version " PARQUET_PROGRAM_VERSION;
  w->created_by = br_strdup(created_by);
  o->created_by = w->created_by;
  return w->created_by == NULL ? br_error_nomem(err) : BR_OK;
}

static void init_encoder(parquet_writer *w) {
  const parquet_writer_options *o = &w->options;
  parquet_encoder *e = &w->encoder;
  br_buf_init(&e->page, SIZE_MAX);
  br_buf_init(&e->header, SIZE_MAX);
  br_buf_init(&e->seen, SIZE_MAX);
  e->page_bytes = o->page_bytes;
  e->dictionary_bytes = o->dictionary_bytes;
  e->giant_kept = o->memory / 4;
  size_t block = o->memory / 4 / w->schema->count;
  block = block < BLOCK_MIN ? BLOCK_MIN : block;
  e->pool.block_size = (block > BLOCK_MAX ? BLOCK_MAX : block) - sizeof(parquet_block);
}

static br_status init_writer(parquet_writer *w, const batch_schema *schema,
                             const parquet_writer_options *options, br_error *err) {
  br_buf_init(&w->group_bytes, SIZE_MAX);
  br_buf_init(&w->pair_bytes, SIZE_MAX);
  br_buf_init(&w->index, SIZE_MAX);
  br_status st = batch_schema_copy(schema, &w->schema, err);
  if (st == BR_OK) {
    st = set_options(w, options, err);
  }
  if (st != BR_OK) {
    return st;
  }
  init_encoder(w);
  w->columns = br_calloc(schema->count, sizeof *w->columns);
  if (w->columns == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < schema->count; i++) {
    parquet_column_init(&w->columns[i], &w->schema->fields[i], &w->encoder);
    w->initialised++;
  }
  return parquet_compressor_init(&w->encoder.compressor, w->options.codec, w->options.level, err);
}

br_status parquet_writer_new(const batch_schema *schema, const parquet_writer_options *options,
                             parquet_output output, parquet_writer **ret_writer, br_error *err) {
  if (schema->count == 0) {
    return br_error_set(err, BR_ERR_USAGE, "A Parquet file needs a column");
  }
  parquet_writer *w = br_calloc(1, sizeof *w);
  if (w == NULL) {
    return br_error_nomem(err);
  }
  w->file.output = output;
  br_status st = init_writer(w, schema, options, err);
  if (st != BR_OK) {
    parquet_writer_free(w);
    return st;
  }
  *ret_writer = w;
  return BR_OK;
}

void parquet_writer_free(parquet_writer *w) {
  if (w == NULL) {
    return;
  }
  for (size_t i = 0; i < w->initialised; i++) {
    parquet_column_done(&w->columns[i], &w->encoder);
  }
  parquet_compressor_done(&w->encoder.compressor);
  parquet_pool_done(&w->encoder.pool);
  br_buf_done(&w->encoder.page);
  br_buf_done(&w->encoder.header);
  br_buf_done(&w->encoder.seen);
  br_buf_done(&w->group_bytes);
  br_buf_done(&w->pair_bytes);
  br_buf_done(&w->index);
  br_free(w->columns);
  br_free(w->created_by);
  batch_schema_free(w->schema);
  br_free(w);
}

/* Bytes of the open row group in the file: known of pages that are closed, guessed of the rest. */
static uint64_t group_size(const parquet_writer *w) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < w->schema->count; i++) {
    bytes += w->columns[i].rope.length + parquet_column_pending(&w->columns[i]);
  }
  return bytes;
}

uint64_t parquet_writer_bytes(const parquet_writer *w) {
  return w->file.offset + w->group_bytes.len + group_size(w);
}

static size_t memory_in_use(const parquet_writer *w) {
  size_t bytes = parquet_pool_memory(&w->encoder.pool);
  for (size_t i = 0; i < w->schema->count; i++) {
    bytes += parquet_column_memory(&w->columns[i]);
  }
  return bytes;
}

static br_status put_magic(parquet_writer *w, br_error *err) {
  return w->file.offset > 0
             ? BR_OK
             : parquet_file_write(&w->file, PARQUET_MAGIC, PARQUET_MAGIC_LENGTH, err);
}

static br_status flush_index(parquet_writer *w, size_t at_least, br_error *err) {
  if (w->index.len <= at_least) {
    return BR_OK;
  }
  br_status st = parquet_file_write(&w->file, w->index.data, w->index.len, err);
  br_buf_clear(&w->index);
  return st;
}

static br_status write_indexes(parquet_writer *w, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < w->schema->count; i++) {
    st = parquet_column_index_put(&w->columns[i], &w->index, w->file.offset, err);
    if (st == BR_OK) {
      st = flush_index(w, INDEX_FLUSH, err);
    }
  }
  for (size_t i = 0; st == BR_OK && i < w->schema->count; i++) {
    st = parquet_offset_index_put(&w->columns[i], &w->index, w->file.offset, err);
    if (st == BR_OK) {
      st = flush_index(w, INDEX_FLUSH, err);
    }
  }
  return st == BR_OK ? flush_index(w, 0, err) : st;
}

static br_status describe_group(parquet_writer *w, uint64_t start, uint64_t end, br_error *err) {
  uint64_t raw = 0;
  parquet_thrift_writer t = parquet_thrift_writer_of(&w->group_bytes, err);
  parquet_thrift_element_struct(&t);
  parquet_thrift_list(&t, 1, PARQUET_THRIFT_STRUCT, w->schema->count);
  for (size_t i = 0; i < w->schema->count; i++) {
    parquet_chunk_describe(&w->columns[i], w->options.codec, &t);
    raw += w->columns[i].raw_bytes;
  }
  parquet_thrift_i64(&t, 2, (int64_t)raw);
  parquet_thrift_i64(&t, 3, (int64_t)w->group_rows);
  parquet_thrift_i64(&t, 5, (int64_t)start);
  parquet_thrift_i64(&t, 6, (int64_t)(end - start));
  if (w->groups <= INT16_MAX) {
    parquet_thrift_i16(&t, 7, (int16_t)w->groups);
  }
  parquet_thrift_end(&t);
  return parquet_thrift_status(&t);
}

/* Closes all pages, writes the row group, and makes the columns ready for the next one. */
static br_status end_group(parquet_writer *w, br_error *err) {
  if (w->group_rows == 0) {
    return BR_OK;
  }
  br_status st = put_magic(w, err);
  uint64_t start = w->file.offset;
  for (size_t i = 0; st == BR_OK && i < w->schema->count; i++) {
    st = parquet_page_close(&w->columns[i], &w->encoder, true, err);
    if (st == BR_OK) {
      st = parquet_chunk_write(&w->columns[i], &w->encoder, &w->file, err);
    }
  }
  uint64_t end = w->file.offset;
  if (st == BR_OK) {
    st = write_indexes(w, err);
  }
  if (st == BR_OK) {
    st = describe_group(w, start, end, err);
  }
  /* Buffers are kept for the next row group while they leave room enough for its pages. */
  bool trim = memory_in_use(w) > w->options.memory / 4 * 3;
  for (size_t i = 0; i < w->schema->count; i++) {
    parquet_column_next_group(&w->columns[i], &w->encoder, trim);
  }
  if (trim) {
    parquet_pool_done(&w->encoder.pool);
  }
  w->group_rows = 0;
  w->groups++;
  return st;
}

/* Bytes of the values in rows [start, start + count). */
static uint64_t slice_bytes(const batch *b, size_t start, size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < b->schema->count; i++) {
    const batch_column *c = &b->columns[i];
    if (batch_layout_has_offsets(c->layout)) {
      bytes += (uint64_t)(c->offsets[start + count] - c->offsets[start]) + 4 * (uint64_t)count;
    } else {
      bytes += (batch_layout_width(c->layout) + 1) * (uint64_t)count;
    }
  }
  return bytes;
}

/* Appends one row that is large against the memory: its larger values are giant. */
static br_status add_giant_row(parquet_writer *w, const batch *b, size_t row, br_error *err) {
  size_t giant = w->options.memory / 8 / w->schema->count;
  giant = giant < GIANT_MIN ? GIANT_MIN : giant;
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < w->schema->count; i++) {
    const batch_column *c = &b->columns[i];
    if (batch_layout_has_offsets(c->layout) &&
        (size_t)(c->offsets[row + 1] - c->offsets[row]) >= giant) {
      st = parquet_column_add_giant(&w->columns[i], &w->encoder, c, row, err);
    } else {
      st = parquet_column_add(&w->columns[i], &w->encoder, c, row, 1, err);
    }
  }
  w->group_rows++;
  w->rows++;
  return st == BR_OK ? end_group(w, err) : st;
}

static br_status add_slice(parquet_writer *w, const batch *b, size_t start, size_t count,
                           br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < w->schema->count; i++) {
    st = parquet_column_add(&w->columns[i], &w->encoder, &b->columns[i], start, count, err);
  }
  w->group_rows += count;
  w->rows += count;
  return st;
}

/* Appends the next rows and tells how many. The slice's own bytes may be in memory twice for a
 * moment: as values and as pages. */
static br_status write_some(parquet_writer *w, const batch *b, size_t start, size_t *ret_rows,
                            br_error *err) {
  const parquet_writer_options *o = &w->options;
  size_t count = b->rows - start;
  count = count < SLICE_ROWS ? count : SLICE_ROWS;
  size_t group_left = o->row_group_rows - (size_t)w->group_rows;
  count = count < group_left ? count : group_left;
  uint64_t bytes = 0;
  while ((bytes = slice_bytes(b, start, count)) > o->memory / 8 && count > 1) {
    count /= 2;
  }
  br_status st = BR_OK;
  if (w->group_rows > 0 && memory_in_use(w) + bytes > o->memory &&
      (st = end_group(w, err)) != BR_OK) {
    return st;
  }
  *ret_rows = count;
  if (count == 1 && bytes > o->memory / 8) {
    return add_giant_row(w, b, start, err);
  }
  st = add_slice(w, b, start, count, err);
  if (st == BR_OK && (w->group_rows >= o->row_group_rows || group_size(w) >= o->row_group_bytes)) {
    st = end_group(w, err);
  }
  return st;
}

static br_status broken(br_error *err) {
  return br_error_set(err, BR_ERR_USAGE, "The Parquet file is finished or could not be written");
}

br_status parquet_writer_write(parquet_writer *w, const batch *b, br_error *err) {
  if (w->failed || w->finished) {
    return broken(err);
  }
  if (b->schema->count != w->schema->count) {
    return br_error_set(err, BR_ERR_USAGE, "A batch of %zu columns for a file of %zu",
                        b->schema->count, w->schema->count);
  }
  for (size_t i = 0; i < w->schema->count; i++) {
    const batch_field *field = &w->schema->fields[i];
    if (b->columns[i].layout != field->type.layout) {
      return br_error_set(err, BR_ERR_USAGE, "Column %s has another type in the batch",
                          field->name);
    }
    if (!field->nullable && b->columns[i].nulls > 0) {
      return br_error_set(err, BR_ERR_DATA, "Column %s has a NULL and is declared NOT NULL",
                          field->name);
    }
  }
  br_status st = BR_OK;
  for (size_t start = 0, rows = 0; st == BR_OK && start < b->rows; start += rows) {
    st = write_some(w, b, start, &rows, err);
  }
  w->failed = st != BR_OK;
  return st;
}

br_status parquet_writer_metadata(parquet_writer *w, const char *key, const char *value,
                                  br_error *err) {
  if (w->failed || w->finished) {
    return broken(err);
  }
  br_status st = parquet_footer_pair(&w->pair_bytes, key, value, err);
  w->pairs += st == BR_OK;
  return st;
}

static br_status write_footer(parquet_writer *w, br_error *err) {
  parquet_footer footer = {.schema = w->schema,
                           .rows = w->rows,
                           .groups = w->groups,
                           .group_bytes = &w->group_bytes,
                           .pairs = w->pairs,
                           .pair_bytes = &w->pair_bytes,
                           .created_by = w->created_by};
  br_status st = put_magic(w, err);
  uint64_t start = w->file.offset;
  if (st == BR_OK) {
    st = parquet_footer_head(&footer, &w->index, err);
  }
  if (st == BR_OK) {
    st = flush_index(w, 0, err);
  }
  if (st == BR_OK && w->group_bytes.len > 0) {
    st = parquet_file_write(&w->file, w->group_bytes.data, w->group_bytes.len, err);
  }
  if (st == BR_OK) {
    st = parquet_footer_tail(&footer, &w->index, err);
  }
  uint64_t length = w->file.offset - start + w->index.len;
  if (st == BR_OK && length > INT32_MAX) {
    st = br_error_set(err, BR_ERR_LIMIT, "The Parquet footer is over 2 GiB");
  }
  if (st == BR_OK) {
    st = br_buf_u32le(&w->index, (uint32_t)length, err);
  }
  if (st == BR_OK) {
    st = br_buf_text(&w->index, PARQUET_MAGIC, err);
  }
  return st == BR_OK ? flush_index(w, 0, err) : st;
}

br_status parquet_writer_finish(parquet_writer *w, parquet_summary *ret_summary, br_error *err) {
  if (w->failed || w->finished) {
    return broken(err);
  }
  br_status st = end_group(w, err);
  if (st == BR_OK) {
    st = write_footer(w, err);
  }
  w->failed = st != BR_OK;
  w->finished = true;
  if (st == BR_OK && ret_summary != NULL) {
    *ret_summary = (parquet_summary){
        .rows = w->rows, .bytes = w->file.offset, .row_groups = (uint32_t)w->groups};
  }
  return st;
}
