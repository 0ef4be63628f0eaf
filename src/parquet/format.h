/*
 * format.h: the numbers of parquet.thrift
 * (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 */
#ifndef PARQUET_FORMAT_H
#define PARQUET_FORMAT_H

#include <stdint.h>

typedef enum parquet_physical {
  PARQUET_BOOLEAN = 0,
  PARQUET_INT32 = 1,
  PARQUET_INT64 = 2,
  PARQUET_INT96 = 3,
  PARQUET_FLOAT = 4,
  PARQUET_DOUBLE = 5,
  PARQUET_BYTE_ARRAY = 6,
  PARQUET_FIXED_LEN_BYTE_ARRAY = 7,
  PARQUET_PHYSICAL_COUNT
} parquet_physical;

typedef enum parquet_converted {
  PARQUET_CONVERTED_NONE = -1,
  PARQUET_UTF8 = 0,
  PARQUET_CONVERTED_ENUM = 4,
  PARQUET_CONVERTED_DECIMAL = 5,
  PARQUET_CONVERTED_DATE = 6,
  PARQUET_TIME_MILLIS = 7,
  PARQUET_TIME_MICROS = 8,
  PARQUET_TIMESTAMP_MILLIS = 9,
  PARQUET_TIMESTAMP_MICROS = 10,
  PARQUET_UINT_8 = 11,
  PARQUET_UINT_16 = 12,
  PARQUET_UINT_32 = 13,
  PARQUET_UINT_64 = 14,
  PARQUET_INT_8 = 15,
  PARQUET_INT_16 = 16,
  PARQUET_INT_32 = 17,
  PARQUET_INT_64 = 18,
  PARQUET_CONVERTED_JSON = 19,
  PARQUET_CONVERTED_BSON = 20,
} parquet_converted;

/* Field ids of the union LogicalType. */
typedef enum parquet_logical {
  PARQUET_LOGICAL_NONE = 0,
  PARQUET_LOGICAL_STRING = 1,
  PARQUET_LOGICAL_ENUM = 4,
  PARQUET_LOGICAL_DECIMAL = 5,
  PARQUET_LOGICAL_DATE = 6,
  PARQUET_LOGICAL_TIME = 7,
  PARQUET_LOGICAL_TIMESTAMP = 8,
  PARQUET_LOGICAL_INTEGER = 10,
  PARQUET_LOGICAL_UNKNOWN = 11,
  PARQUET_LOGICAL_JSON = 12,
  PARQUET_LOGICAL_BSON = 13,
  PARQUET_LOGICAL_UUID = 14,
  PARQUET_LOGICAL_FLOAT16 = 15,
} parquet_logical;

/* Field ids of the union TimeUnit. */
typedef enum parquet_unit {
  PARQUET_MILLIS = 1,
  PARQUET_MICROS = 2,
  PARQUET_NANOS = 3
} parquet_unit;

typedef enum parquet_repetition {
  PARQUET_REQUIRED = 0,
  PARQUET_OPTIONAL = 1,
  PARQUET_REPEATED = 2,
} parquet_repetition;

typedef enum parquet_encoding {
  PARQUET_PLAIN = 0,
  PARQUET_PLAIN_DICTIONARY = 2,
  PARQUET_RLE = 3,
  PARQUET_BIT_PACKED = 4,
  PARQUET_DELTA_BINARY_PACKED = 5,
  PARQUET_DELTA_LENGTH_BYTE_ARRAY = 6,
  PARQUET_DELTA_BYTE_ARRAY = 7,
  PARQUET_RLE_DICTIONARY = 8,
  PARQUET_BYTE_STREAM_SPLIT = 9,
} parquet_encoding;

typedef enum parquet_compression {
  PARQUET_COMPRESSION_NONE = 0,
  PARQUET_COMPRESSION_SNAPPY = 1,
  PARQUET_COMPRESSION_GZIP = 2,
  PARQUET_COMPRESSION_ZSTD = 6,
} parquet_compression;

typedef enum parquet_page_type {
  PARQUET_DATA_PAGE = 0,
  PARQUET_INDEX_PAGE = 1,
  PARQUET_DICTIONARY_PAGE = 2,
  PARQUET_DATA_PAGE_V2 = 3,
} parquet_page_type;

#define PARQUET_MAGIC "PAR1"
enum { PARQUET_MAGIC_LENGTH = 4, PARQUET_FOOTER_TAIL = 8 /* length of the footer, magic */ };

#endif
