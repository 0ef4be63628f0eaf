/*
 * chunk.h: writing a column chunk, its page indexes and what the footer says about it.
 *
 *   dictionary page │ data pages │ giant page     each chunk in turn
 *   column index …  │ offset index …              behind the last chunk of the row group
 */
#ifndef PARQUET_CHUNK_H
#define PARQUET_CHUNK_H

#include "parquet/column.h"
#include "parquet/thrift.h"

/* The file so far. */
typedef struct parquet_file {
  parquet_output output;
  uint64_t offset; /* bytes written */
} parquet_file;

br_status parquet_file_write(parquet_file *file, const void *bytes, size_t length,
                             br_error *err) BR_CHECKED;
/* The file as a place where bytes go. */
parquet_output parquet_file_output(parquet_file *file);

/* All pages of the column are closed. */
br_status parquet_chunk_write(parquet_column *column, parquet_encoder *encoder, parquet_file *file,
                              br_error *err) BR_CHECKED;
/* Put the indexes into out, which will be written at offset base + out->len. A column index is left
 * out where a page has no bounds. */
br_status parquet_column_index_put(parquet_column *column, br_buf *out, uint64_t base,
                                   br_error *err) BR_CHECKED;
br_status parquet_offset_index_put(parquet_column *column, br_buf *out, uint64_t base,
                                   br_error *err) BR_CHECKED;
/* ColumnChunk, as an element of the list that is open. */
void parquet_chunk_describe(const parquet_column *column, parquet_codec codec,
                            parquet_thrift_writer *w);

#endif
