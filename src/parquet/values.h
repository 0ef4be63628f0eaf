/*
 * values.h: decodes the values of one data page, piece by piece, in whatever encoding it has.
 */
#ifndef PARQUET_VALUES_H
#define PARQUET_VALUES_H

#include "parquet/delta.h"
#include "parquet/metadata.h"
#include "parquet/rle.h"

/* Bytes somewhere in the page, the dictionary or the decoder. */
typedef struct parquet_bytes_view {
  const uint8_t *bytes;
  size_t length;
} parquet_bytes_view;

/* A dictionary page, decoded. */
typedef struct parquet_dictionary_page {
  br_buf page;    /* PLAIN values */
  br_buf strings; /* parquet_bytes_view into page, for byte strings */
  size_t count;
  bool present;
} parquet_dictionary_page;

enum { PARQUET_PIECE = 1024 /* values decoded at a time, at most */ };

/* Where a piece of values goes. */
typedef struct parquet_piece {
  uint8_t numbers[PARQUET_PIECE * 12]; /* of the physical type's width; booleans are bytes */
  parquet_bytes_view strings[PARQUET_PIECE];
} parquet_piece;

typedef struct parquet_values {
  const parquet_leaf *leaf;
  const parquet_dictionary_page *dictionary;
  parquet_encoding encoding;
  unsigned width; /* of a number; 0: byte strings */
  br_reader in;   /* PLAIN, and the bytes of delta-encoded strings */
  size_t bit;     /* PLAIN booleans: the next */
  parquet_rle_decoder rle;
  parquet_delta delta;    /* numbers, or lengths */
  parquet_delta prefixes; /* DELTA_BYTE_ARRAY */
  size_t split_count;     /* BYTE_STREAM_SPLIT: values of the page */
  size_t split_at;        /* the next */
  br_buf text;            /* the string that DELTA_BYTE_ARRAY or BYTE_STREAM_SPLIT put together */
} parquet_values;

/* Zeroed before the first use; page bytes are borrowed. */
br_status parquet_values_open(parquet_values *values, const parquet_leaf *leaf,
                              const parquet_dictionary_page *dictionary, parquet_encoding encoding,
                              const uint8_t *bytes, size_t length, br_error *err) BR_CHECKED;
void parquet_values_done(parquet_values *values);
/* Decodes the next 1 to count (at most PARQUET_PIECE) values. Views are valid until the next call.
 */
br_status parquet_values_next(parquet_values *values, size_t count, parquet_piece *piece,
                              size_t *ret_count, br_error *err) BR_CHECKED;

/* Bytes of a number of that physical type as decoded; 0: byte strings. */
unsigned parquet_number_width(parquet_physical physical);
/* Checks a dictionary page whose bytes lie in dictionary->page, and finds its values. */
br_status parquet_dictionary_page_open(parquet_dictionary_page *dictionary,
                                       const parquet_leaf *leaf, size_t count,
                                       br_error *err) BR_CHECKED;
void parquet_dictionary_page_done(parquet_dictionary_page *dictionary);

#endif
