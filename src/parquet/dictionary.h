/*
 * dictionary.h: the distinct values of a column chunk, found by an open-addressing hash table.
 *
 * Two sorts: numbers of 4 or 8 bytes are hashed and compared as words; byte strings (with a length
 * of their own, or all of one length) have their first 8 bytes in the table, which decides nearly
 * every comparison without a look at the values.
 */
#ifndef PARQUET_DICTIONARY_H
#define PARQUET_DICTIONARY_H

#include "base/buf.h"

/* A place in the table of byte strings. */
typedef struct parquet_entry {
  uint64_t head; /* the first 8 bytes, filled up with zeros */
  uint32_t length;
  uint32_t index_plus_1; /* 0: free */
} parquet_entry;

typedef struct parquet_dictionary {
  unsigned width;         /* of a number: 4, 8. 0: byte strings */
  unsigned fixed;         /* byte strings: their one length; 0: each its own */
  size_t max;             /* bytes of values */
  br_buf values;          /* the dictionary page: PLAIN values */
  uint32_t count;         /* of values */
  unsigned shift;         /* 64 - log2(places) */
  size_t places;          /* a power of two, 0 before the first value; at least 2 × count */
  uint32_t *slots;        /* numbers: index + 1, 0 = free */
  parquet_entry *entries; /* byte strings */
  br_buf starts;          /* byte strings: where the bytes of each value begin in values: uint32 */
} parquet_dictionary;

void parquet_dictionary_init(parquet_dictionary *d, unsigned width, unsigned fixed, size_t max);
void parquet_dictionary_done(parquet_dictionary *d);  /* frees; may be used again */
void parquet_dictionary_clear(parquet_dictionary *d); /* no values; keeps the memory */
size_t parquet_dictionary_memory(const parquet_dictionary *d);

/* Puts the index of each of count values into indexes. Stops where a new value has no room:
 * *ret_added < count. */
br_status parquet_dictionary_add_numbers(parquet_dictionary *d, const uint8_t *values, size_t count,
                                         uint32_t *indexes, size_t *ret_added,
                                         br_error *err) BR_CHECKED;
/* Value i lies at data + offsets[i], up to offsets[i + 1]. */
br_status parquet_dictionary_add_strings(parquet_dictionary *d, const uint8_t *data,
                                         const int32_t *offsets, size_t count, uint32_t *indexes,
                                         size_t *ret_added, br_error *err) BR_CHECKED;
/* Values of d->fixed bytes, one behind the other. */
br_status parquet_dictionary_add_fixed(parquet_dictionary *d, const uint8_t *values, size_t count,
                                       uint32_t *indexes, size_t *ret_added,
                                       br_error *err) BR_CHECKED;
/* The bytes of a byte string. */
const uint8_t *parquet_dictionary_string(const parquet_dictionary *d, uint32_t index,
                                         size_t *ret_length);

#endif
