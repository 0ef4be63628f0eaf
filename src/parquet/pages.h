/*
 * pages.h: one column of a row group as the reader goes through it: page headers, bodies, levels.
 */
#ifndef PARQUET_PAGES_H
#define PARQUET_PAGES_H

#include "parquet/codec.h"
#include "parquet/convert.h"

/* A page may be so large uncompressed, no more. */
#define PARQUET_READ_PAGE_MAX ((size_t)512 * 1024 * 1024)

typedef struct parquet_page_reader {
  const parquet_leaf *leaf;
  parquet_chunk chunk;
  uint64_t offset;      /* of the next page */
  uint64_t values_left; /* of the chunk, NULLs included */
  parquet_dictionary_page dictionary;
  br_buf page; /* the open page, uncompressed */
  size_t left; /* values of the open page, NULLs included */
  bool has_levels;
  parquet_rle_decoder levels;
  parquet_values values;
} parquet_page_reader;

/* What the columns of a reader share. */
typedef struct parquet_page_source {
  parquet_input input;
  parquet_decompressor decompressor;
  br_buf raw;          /* a page as it lies in the file */
  parquet_piece piece; /* values on their way */
} parquet_page_source;

void parquet_page_reader_init(parquet_page_reader *pages, const parquet_leaf *leaf);
void parquet_page_reader_done(parquet_page_reader *pages);
/* Goes to the start of a chunk. */
void parquet_page_reader_begin(parquet_page_reader *pages, const parquet_chunk *chunk);
/* Appends the next rows to a column; the chunk has them. */
br_status parquet_page_reader_rows(parquet_page_reader *pages, parquet_page_source *source,
                                   batch_column *column, size_t row, size_t rows,
                                   br_error *err) BR_CHECKED;

#endif
