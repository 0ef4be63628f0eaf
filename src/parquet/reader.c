/* The reader: footer, schema, and batches from one row group after the other. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "parquet/pages.h"
#include "parquet/parquet.h"

enum {
  FOOTER_MAX = 256 << 20,
  SLICE_FIRST = 64, /* rows read of each column before their size is looked at */
  SLICE_MAX = 1 << 14,
};
/* A batch that has grown to this is handed out, full or not. */
#define BATCH_BYTES BR_MIB(64)

struct parquet_reader {
  parquet_metadata metadata;
  batch_schema *schema;
  parquet_page_source source;
  parquet_page_reader *columns;
  parquet_chunk *chunks;
  size_t next_group;
  size_t next_group_at; /* its place in the footer */
  uint64_t rows_left;   /* of the open row group */
};

/* Reads length bytes of the footer in steps, so that a claimed length costs no memory by itself. */
static br_status read_footer(parquet_reader *r, br_buf *footer, br_error *err) {
  uint8_t tail[PARQUET_FOOTER_TAIL];
  parquet_input *in = &r->source.input;
  if (in->size < PARQUET_MAGIC_LENGTH + sizeof tail) {
    return br_error_set(err, BR_ERR_DATA, "Not a Parquet file: too short");
  }
  br_status st = in->read_at(in->context, in->size - sizeof tail, tail, sizeof tail, err);
  if (st != BR_OK) {
    return st;
  }
  if (memcmp(tail + 4, "PARE", 4) == 0) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "Encrypted Parquet files are not supported");
  }
  if (memcmp(tail + 4, PARQUET_MAGIC, PARQUET_MAGIC_LENGTH) != 0) {
    return br_error_set(err, BR_ERR_DATA, "Not a Parquet file: it does not end in " PARQUET_MAGIC);
  }
  uint32_t length = br_load_u32le(tail);
  if (length > in->size - sizeof tail - PARQUET_MAGIC_LENGTH || length > FOOTER_MAX) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: the footer's length is broken");
  }
  st = br_buf_reserve(footer, length, err);
  if (st == BR_OK && length > 0) {
    st = in->read_at(in->context, in->size - sizeof tail - length, footer->data, length, err);
  }
  footer->len = st == BR_OK ? length : 0;
  return st;
}

static br_status make_schema(parquet_reader *r, br_error *err) {
  const parquet_metadata *m = &r->metadata;
  br_status st = batch_schema_new(m->count, &r->schema, err);
  for (size_t i = 0; st == BR_OK && i < m->count; i++) {
    const parquet_leaf *leaf = &m->leaves[i];
    st = batch_schema_set(r->schema, i, leaf->name, leaf->type, leaf->nullable, err);
  }
  return st;
}

static br_status open_reader(parquet_reader *r, br_error *err) {
  br_buf footer;
  br_buf_init(&footer, FOOTER_MAX);
  br_status st = read_footer(r, &footer, err);
  if (st == BR_OK) {
    uint64_t data_end = r->source.input.size - PARQUET_FOOTER_TAIL - footer.len;
    st = parquet_metadata_parse(&r->metadata, &footer, data_end, err);
  }
  br_buf_done(&footer);
  if (st == BR_OK) {
    st = make_schema(r, err);
  }
  if (st != BR_OK) {
    return st;
  }
  size_t count = r->metadata.count;
  r->chunks = br_calloc(count, sizeof *r->chunks);
  r->columns = br_calloc(count, sizeof *r->columns);
  if (r->chunks == NULL || r->columns == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    parquet_page_reader_init(&r->columns[i], &r->metadata.leaves[i]);
  }
  r->next_group_at = r->metadata.groups_at;
  return BR_OK;
}

br_status parquet_reader_new(parquet_input input, parquet_reader **ret_reader, br_error *err) {
  parquet_reader *r = br_calloc(1, sizeof *r);
  if (r == NULL) {
    return br_error_nomem(err);
  }
  r->source.input = input;
  br_buf_init(&r->source.raw, SIZE_MAX);
  br_status st = open_reader(r, err);
  if (st != BR_OK) {
    parquet_reader_free(r);
    return st;
  }
  *ret_reader = r;
  return BR_OK;
}

void parquet_reader_free(parquet_reader *r) {
  if (r == NULL) {
    return;
  }
  for (size_t i = 0; r->columns != NULL && i < r->metadata.count; i++) {
    parquet_page_reader_done(&r->columns[i]);
  }
  br_free(r->columns);
  br_free(r->chunks);
  parquet_metadata_done(&r->metadata);
  parquet_decompressor_done(&r->source.decompressor);
  br_buf_done(&r->source.raw);
  batch_schema_free(r->schema);
  br_free(r);
}

const batch_schema *parquet_reader_schema(const parquet_reader *r) {
  return r->schema;
}

uint64_t parquet_reader_rows(const parquet_reader *r) {
  return r->metadata.rows;
}

uint32_t parquet_reader_row_groups(const parquet_reader *r) {
  return (uint32_t)r->metadata.groups;
}

const char *parquet_reader_metadata(const parquet_reader *r, const char *key) {
  for (size_t i = 0; i < r->metadata.pair_count; i++) {
    const parquet_pair *pair = &r->metadata.pairs[i];
    if (pair->key != NULL && strcmp(pair->key, key) == 0) {
      return pair->value;
    }
  }
  return NULL;
}

/* Goes on to the next row group that has rows; BR_DONE after the last. */
static br_status next_group(parquet_reader *r, br_error *err) {
  while (r->rows_left == 0) {
    if (r->next_group == r->metadata.groups) {
      return BR_DONE;
    }
    br_status st =
        parquet_metadata_group(&r->metadata, &r->next_group_at, r->chunks, &r->rows_left, err);
    if (st != BR_OK) {
      return st;
    }
    r->next_group++;
    for (size_t i = 0; i < r->metadata.count; i++) {
      parquet_page_reader_begin(&r->columns[i], &r->chunks[i]);
    }
  }
  return BR_OK;
}

static br_status read_slice(parquet_reader *r, batch *b, size_t rows, br_error *err) {
  for (size_t i = 0; i < r->metadata.count; i++) {
    br_status st =
        parquet_page_reader_rows(&r->columns[i], &r->source, &b->columns[i], b->rows, rows, err);
    if (st != BR_OK) {
      return st;
    }
  }
  b->rows += rows;
  r->rows_left -= rows;
  return BR_OK;
}

br_status parquet_reader_read(parquet_reader *r, batch *b, br_error *err) {
  size_t slice = SLICE_FIRST;
  while (b->rows < b->capacity_rows && batch_bytes(b) < BATCH_BYTES) {
    br_status st = next_group(r, err);
    if (st == BR_DONE) {
      break;
    }
    size_t rows = b->capacity_rows - b->rows;
    rows = rows < slice ? rows : slice;
    rows = rows < r->rows_left ? rows : (size_t)r->rows_left;
    if (st == BR_OK) {
      st = read_slice(r, b, rows, err);
    }
    if (st != BR_OK) {
      return st;
    }
    /* What is in there tells how many rows more will do. */
    size_t per_row = batch_bytes(b) / b->rows + 1;
    slice = BATCH_BYTES / 4 / per_row;
    slice = slice < 1 ? 1 : slice > SLICE_MAX ? SLICE_MAX : slice;
  }
  return b->rows > 0 ? BR_OK : BR_DONE;
}
