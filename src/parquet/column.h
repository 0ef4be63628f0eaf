/*
 * column.h: one column of the writer: values in, encoded pages out.
 *
 *   batch column ──▶ open page (dictionary indexes, or PLAIN values) ──full──▶ encoded, compressed
 *                                                                              ──▶ rope of pages
 *   end of the row group: dictionary page, rope, giant page ──▶ output
 *
 * Which encoding: a row group begins by trying a dictionary. It is dropped at once where the first
 * values hardly repeat (samples), and after the first page where the page is smaller without it
 * (both are compressed and compared, unless the dictionary is so small that it must pay). It ends
 * where it grows over its ceiling; the values after that are PLAIN.
 *
 * A giant value (one that memory has no room for a second time) gets a page of its own that is
 * compressed in pieces straight from the batch. Its compressed size stands in front of it, so it is
 * compressed once to measure; where what came out was too much to keep (giant_kept), a second time
 * into the output. Its batch has to live until then.
 */
#ifndef PARQUET_COLUMN_H
#define PARQUET_COLUMN_H

#include "batch/batch.h"
#include "parquet/codec.h"
#include "parquet/dictionary.h"
#include "parquet/kind.h"
#include "parquet/rope.h"
#include "parquet/stats.h"

/* What the columns of a writer share. */
typedef struct parquet_encoder {
  parquet_compressor compressor;
  parquet_pool pool;
  br_buf page;   /* a page being put together */
  br_buf header; /* a page header */
  br_buf seen;   /* marks for the values of a dictionary that a page uses */
  size_t page_bytes;
  size_t dictionary_bytes;
  size_t giant_kept; /* compressed bytes of a giant value kept in memory */
} parquet_encoder;

typedef enum parquet_mode {
  PARQUET_MODE_TRYING,     /* the first page of a row group, with a dictionary */
  PARQUET_MODE_DICTIONARY, /* the dictionary pays */
  PARQUET_MODE_PLAIN,
} parquet_mode;

/* How many values had been added, and how many of them were new. */
typedef struct parquet_mark {
  size_t values;
  uint32_t distinct;
} parquet_mark;

/* A data page that has been closed. */
typedef struct parquet_page {
  uint32_t rows;
  uint32_t nulls;
  uint32_t bytes; /* in the file, with its header */
  parquet_encoding encoding;
  parquet_stats stats;
} parquet_page;

/* A page that is compressed in pieces. */
typedef struct parquet_giant {
  const uint8_t *value; /* borrowed from the batch; NULL: none */
  size_t length;
  uint64_t compressed; /* bytes of the page without its header */
  parquet_rope rope;   /* they, where they were few enough to be kept */
} parquet_giant;

typedef struct parquet_column {
  const batch_field *field; /* borrowed from the writer's schema */
  const parquet_kind *kind;
  unsigned width; /* of a PLAIN value; 0: bits, or bytes with a length */
  parquet_mode mode;
  unsigned plain_groups; /* row groups that begin PLAIN, since a trial said so */

  /* The open page. */
  size_t rows;
  size_t nulls;
  br_buf valid;         /* a bit per row; kept from the page's first NULL on */
  br_buf plain;         /* PLAIN values, behind room for the levels */
  br_buf indexes;       /* uint32_t; while there is a dictionary */
  size_t plain_bytes;   /* what the indexes would be as PLAIN values */
  parquet_stats stats;  /* of byte strings in plain */
  parquet_mark earlier; /* where the dictionary stood when the page had half the values or less */
  parquet_mark later;
  unsigned sampled; /* samples that the dictionary has passed */

  /* The chunk: what the row group has of this column. */
  parquet_dictionary dictionary;
  parquet_rope rope;
  br_buf pages; /* parquet_page */
  parquet_giant giant;
  uint64_t chunk_rows;
  uint64_t raw_bytes; /* of all pages with headers, uncompressed */

  /* Where it went, once it is written; 0 = not there. */
  uint64_t dictionary_offset;
  uint64_t data_offset;
  uint64_t end_offset;
  uint64_t column_index_offset;
  uint32_t column_index_length;
  uint64_t offset_index_offset;
  uint32_t offset_index_length;
} parquet_column;

void parquet_column_init(parquet_column *column, const batch_field *field,
                         const parquet_encoder *encoder);
void parquet_column_done(parquet_column *column, parquet_encoder *encoder);

/* Appends rows [start, start + count) of a batch's column. */
br_status parquet_column_add(parquet_column *column, parquet_encoder *encoder,
                             const batch_column *from, size_t start, size_t count,
                             br_error *err) BR_CHECKED;
/* Appends one row whose value is giant: the row group has to end before the batch does. */
br_status parquet_column_add_giant(parquet_column *column, parquet_encoder *encoder,
                                   const batch_column *from, size_t row, br_error *err) BR_CHECKED;
/* Closes the page that is open, if any. last: the row group ends with it. */
br_status parquet_page_close(parquet_column *column, parquet_encoder *encoder, bool last,
                             br_error *err) BR_CHECKED;
/* Writes the values behind the indexes of the open page into column->plain. */
br_status parquet_column_spell_out(parquet_column *column, br_error *err) BR_CHECKED;
/* After that: the page goes on without dictionary, which no earlier page uses. */
void parquet_column_drop_dictionary(parquet_column *column);
/* Ready for the next row group; trim frees the memory of pages and dictionary too. */
void parquet_column_next_group(parquet_column *column, parquet_encoder *encoder, bool trim);
/* Bytes allocated, without the rope's blocks. */
size_t parquet_column_memory(const parquet_column *column);
/* Bytes that the open page and the dictionary will come to, roughly. */
size_t parquet_column_pending(const parquet_column *column);

enum {
  PARQUET_HEADROOM = 16, /* in front of plain values: levels without NULLs fit */
  PARQUET_PAGE_ROWS_MAX = 1 << 20,
};

static inline size_t parquet_column_values(const parquet_column *column) {
  return column->rows - column->nulls;
}
static inline bool parquet_column_has_strings(const parquet_column *column) {
  return column->kind->physical == PARQUET_BYTE_ARRAY;
}

#endif
