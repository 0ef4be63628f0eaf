/*
 * parquet.h: writes record batches as Apache Parquet files and reads them back
 * (https://parquet.apache.org/docs/file-format/ and parquet.thrift).
 *
 *   parquet_writer_new(schema, &options, output, &writer, err)
 *     parquet_writer_write(writer, b, err)      any number of times
 *   parquet_writer_finish(writer, &summary, err)
 *   parquet_writer_free(writer)                 before finish: the file is left unfinished
 *
 * The writer chooses encodings from the data (dictionary, RLE, plain), closes row groups by rows
 * and bytes, and holds no more than options.memory bytes of encoded pages.
 */
#ifndef PARQUET_PARQUET_H
#define PARQUET_PARQUET_H

#include "batch/batch.h"

typedef enum parquet_codec { PARQUET_UNCOMPRESSED, PARQUET_SNAPPY, PARQUET_ZSTD } parquet_codec;

/* Where the bytes go, in order. */
typedef struct parquet_output {
  br_status (*write)(void *context, const void *bytes, size_t length, br_error *err);
  void *context;
} parquet_output;

typedef struct parquet_writer_options {
  parquet_codec codec;     /* PARQUET_ZSTD is what the product uses */
  int level;               /* zstd: 1..19; 0 = 1 */
  size_t row_group_rows;   /* 0: 1,048,576 */
  size_t row_group_bytes;  /* compressed; 0: 64 MiB. A row group may be smaller where `memory`
                              demands it */
  size_t page_bytes;       /* uncompressed target; 0: 1 MiB */
  size_t dictionary_bytes; /* a column's dictionary grows no larger; 0: 1 MiB */
  size_t memory;           /* 0: 64 MiB */
  const char *created_by;  /* NULL: "sql-databricks-bridge version X" */
} parquet_writer_options;

typedef struct parquet_summary {
  uint64_t rows;
  uint64_t bytes; /* of the file */
  uint32_t row_groups;
} parquet_summary;

typedef struct parquet_writer parquet_writer;

/* schema is copied; output.write is called from the caller's thread. */
br_status parquet_writer_new(const batch_schema *schema, const parquet_writer_options *options,
                             parquet_output output, parquet_writer **ret_writer,
                             br_error *err) BR_CHECKED;
br_status parquet_writer_write(parquet_writer *writer, const batch *b, br_error *err) BR_CHECKED;
/* Bytes that the file would have if it were finished now, roughly: for splitting a result into
 * files. */
uint64_t parquet_writer_bytes(const parquet_writer *writer);
/* Key-value metadata of the footer; any time before finish. Copied. */
br_status parquet_writer_metadata(parquet_writer *writer, const char *key, const char *value,
                                  br_error *err) BR_CHECKED;
br_status parquet_writer_finish(parquet_writer *writer, parquet_summary *ret_summary,
                                br_error *err) BR_CHECKED;
void parquet_writer_free(parquet_writer *writer); /* NULL is fine */

/*
 * Reading: files of this writer, of Spark and of pyarrow with flat columns: pages V1 and V2; codecs
 * none, snappy, zstd; encodings PLAIN, dictionary, RLE (booleans), the three DELTA ones,
 * BYTE_STREAM_SPLIT. Columns come as the layout that holds their values: unsigned integers as the
 * next wider signed one (64 bits: decimal(20,0)), times in microseconds (nanoseconds that aren't
 * whole microseconds are an error), INT96 as an instant, half floats as float, UUIDs as binary.
 */
typedef struct parquet_input {
  br_status (*read_at)(void *context, uint64_t offset, void *bytes, size_t length, br_error *err);
  void *context;
  uint64_t size;
} parquet_input;

typedef struct parquet_reader parquet_reader;

br_status parquet_reader_new(parquet_input input, parquet_reader **ret_reader,
                             br_error *err) BR_CHECKED;
const batch_schema *parquet_reader_schema(const parquet_reader *reader);
uint64_t parquet_reader_rows(const parquet_reader *reader);
uint32_t parquet_reader_row_groups(const parquet_reader *reader);
/* NULL: no such key. Borrowed. */
const char *parquet_reader_metadata(const parquet_reader *reader, const char *key);
/* Appends rows to b (made with the reader's schema, empty): up to its capacity_rows, fewer where
 * they are large (64 MiB of values are enough). BR_DONE: no rows are left. After a failure b has to
 * be reset. */
br_status parquet_reader_read(parquet_reader *reader, batch *b, br_error *err) BR_CHECKED;
void parquet_reader_free(parquet_reader *reader);

#endif
