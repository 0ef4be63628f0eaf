/*
 * metadata.h: the footer as the reader needs it: flat columns with what they become in a batch,
 * places of row groups, key-value pairs. Row groups are parsed one by one when they are read.
 */
#ifndef PARQUET_METADATA_H
#define PARQUET_METADATA_H

#include "batch/batch.h"
#include "parquet/format.h"
#include "parquet/thrift.h"

/* How values come out of a file. */
typedef enum parquet_conversion {
  PARQUET_CONVERT_COPY,    /* the same 4 or 8 bytes */
  PARQUET_CONVERT_BOOL,    /* bits */
  PARQUET_CONVERT_INTEGER, /* another width, sign or unit; range checked */
  PARQUET_CONVERT_INT96,   /* nanoseconds of the day and Julian day */
  PARQUET_CONVERT_DECIMAL, /* big-endian bytes */
  PARQUET_CONVERT_FLOAT16,
  PARQUET_CONVERT_BYTES,
  PARQUET_CONVERT_TEXT, /* UTF-8, checked */
} parquet_conversion;

typedef struct parquet_leaf {
  char *name; /* owned */
  parquet_physical physical;
  uint32_t type_length; /* of PARQUET_FIXED_LEN_BYTE_ARRAY */
  bool nullable;
  batch_type type;
  parquet_conversion conversion;
  bool is_unsigned; /* PARQUET_CONVERT_INTEGER: of the value in the file */
  int64_t multiply; /* the same: value × multiply / divide, which must leave no rest */
  int64_t divide;
} parquet_leaf;

typedef struct parquet_chunk {
  uint64_t start; /* of its pages in the file */
  uint64_t end;
  uint64_t values; /* NULLs included */
  parquet_compression codec;
} parquet_chunk;

typedef struct parquet_pair {
  char *key;
  char *value; /* NULL: none */
} parquet_pair;

typedef struct parquet_metadata {
  br_buf footer;
  uint64_t data_end; /* pages end before this offset */
  parquet_leaf *leaves;
  size_t count;
  uint64_t rows;
  size_t groups_at; /* place of the first row group in footer */
  size_t groups;
  parquet_pair *pairs;
  size_t pair_count;
} parquet_metadata;

/* footer holds the bytes of FileMetaData; it is taken over. data_end: where it begins in the file.
 */
br_status parquet_metadata_parse(parquet_metadata *metadata, br_buf *footer, uint64_t data_end,
                                 br_error *err) BR_CHECKED;
void parquet_metadata_done(parquet_metadata *metadata);
/* Parses the row group at *at (groups_at is the first) and moves *at behind it. chunks has an entry
 * per leaf. */
br_status parquet_metadata_group(const parquet_metadata *metadata, size_t *at,
                                 parquet_chunk *chunks, uint64_t *ret_rows,
                                 br_error *err) BR_CHECKED;

/* A SchemaElement. */
typedef struct parquet_element {
  int32_t physical; /* -1: none, a group */
  int32_t type_length;
  int32_t repetition;
  int32_t children;
  int32_t converted; /* -1: none */
  int32_t scale;
  int32_t precision;
  parquet_logical logical;
  int32_t logical_scale;
  int32_t logical_precision;
  int32_t unit; /* parquet_unit; 0: none */
  bool utc;
  int8_t bits;
  bool is_signed;
  const uint8_t *name; /* borrowed from the footer */
  size_t name_length;
} parquet_element;

/* What a column of the file becomes. BR_ERR_UNSUPPORTED: nested, or a type without a layout. */
br_status parquet_leaf_resolve(const parquet_element *element, parquet_leaf *leaf,
                               br_error *err) BR_CHECKED;

#endif
