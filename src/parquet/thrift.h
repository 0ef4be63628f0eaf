/*
 * thrift.h: the compact protocol of Apache Thrift, as far as Parquet's footers and page headers use
 * it (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
 *
 * The writer keeps the first failure and does nothing from then on: callers write a whole structure
 * and ask once, with parquet_thrift_status(). The reader is bounded by its bytes; every count and
 * length is checked against what is left.
 */
#ifndef PARQUET_THRIFT_H
#define PARQUET_THRIFT_H

#include "base/buf.h"

typedef enum parquet_thrift_type {
  PARQUET_THRIFT_STOP = 0,
  PARQUET_THRIFT_TRUE = 1,
  PARQUET_THRIFT_FALSE = 2,
  PARQUET_THRIFT_BYTE = 3,
  PARQUET_THRIFT_I16 = 4,
  PARQUET_THRIFT_I32 = 5,
  PARQUET_THRIFT_I64 = 6,
  PARQUET_THRIFT_DOUBLE = 7,
  PARQUET_THRIFT_BINARY = 8,
  PARQUET_THRIFT_LIST = 9,
  PARQUET_THRIFT_SET = 10,
  PARQUET_THRIFT_MAP = 11,
  PARQUET_THRIFT_STRUCT = 12,
} parquet_thrift_type;

enum { PARQUET_THRIFT_DEPTH_MAX = 16, PARQUET_VARINT_MAX = 10 };

typedef struct parquet_thrift_writer {
  br_buf *out;
  br_error *err;
  br_status status; /* the first failure */
  unsigned depth;
  int last_id[PARQUET_THRIFT_DEPTH_MAX]; /* of the structure open at each depth */
} parquet_thrift_writer;

/* Writes behind out->len; the outermost structure is open. */
parquet_thrift_writer parquet_thrift_writer_of(br_buf *out, br_error *err);
br_status parquet_thrift_status(const parquet_thrift_writer *w) BR_CHECKED;

/* Fields of the structure that is open. */
void parquet_thrift_bool(parquet_thrift_writer *w, int id, bool value);
void parquet_thrift_i8(parquet_thrift_writer *w, int id, int8_t value);
void parquet_thrift_i16(parquet_thrift_writer *w, int id, int16_t value);
void parquet_thrift_i32(parquet_thrift_writer *w, int id, int32_t value);
void parquet_thrift_i64(parquet_thrift_writer *w, int id, int64_t value);
void parquet_thrift_binary(parquet_thrift_writer *w, int id, const void *bytes, size_t length);
void parquet_thrift_text(parquet_thrift_writer *w, int id, const char *text);
void parquet_thrift_struct(parquet_thrift_writer *w, int id); /* opens; parquet_thrift_end() */
void parquet_thrift_empty(parquet_thrift_writer *w, int id);  /* a structure without fields */
void parquet_thrift_list(parquet_thrift_writer *w, int id, parquet_thrift_type type, size_t count);
/* Elements of the list just written. */
void parquet_thrift_element_struct(parquet_thrift_writer *w); /* opens; parquet_thrift_end() */
void parquet_thrift_element_bool(parquet_thrift_writer *w, bool value);
void parquet_thrift_element_int(parquet_thrift_writer *w, int64_t value); /* i16, i32, i64 */
void parquet_thrift_element_binary(parquet_thrift_writer *w, const void *bytes, size_t length);
void parquet_thrift_element_text(parquet_thrift_writer *w, const char *text);
/* Closes the structure opened last. */
void parquet_thrift_end(parquet_thrift_writer *w);

/* A field of the structure being read. Zero it before the first parquet_thrift_next(). */
typedef struct parquet_thrift_field {
  int id;
  parquet_thrift_type type; /* PARQUET_THRIFT_STOP: the structure has ended */
} parquet_thrift_field;

br_status parquet_thrift_next(br_reader *in, parquet_thrift_field *field, br_error *err) BR_CHECKED;
/* Skips the value of a field. */
br_status parquet_thrift_skip(br_reader *in, parquet_thrift_type type, br_error *err) BR_CHECKED;
br_status parquet_thrift_get_bool(const parquet_thrift_field *field, bool *ret_value,
                                  br_error *err) BR_CHECKED;
br_status parquet_thrift_get_i8(br_reader *in, const parquet_thrift_field *field, int8_t *ret_value,
                                br_error *err) BR_CHECKED;
br_status parquet_thrift_get_i32(br_reader *in, const parquet_thrift_field *field,
                                 int32_t *ret_value, br_error *err) BR_CHECKED;
br_status parquet_thrift_get_i64(br_reader *in, const parquet_thrift_field *field,
                                 int64_t *ret_value, br_error *err) BR_CHECKED;
/* Borrowed from the reader's bytes. */
br_status parquet_thrift_get_binary(br_reader *in, const parquet_thrift_field *field,
                                    const uint8_t **ret_bytes, size_t *ret_length,
                                    br_error *err) BR_CHECKED;
/* The head of a list of elements of that type; the count is at most the bytes left. */
br_status parquet_thrift_get_list(br_reader *in, const parquet_thrift_field *field,
                                  parquet_thrift_type type, size_t *ret_count,
                                  br_error *err) BR_CHECKED;
/* Nothing is read: BR_ERR_DATA unless the field is a structure. */
br_status parquet_thrift_want_struct(const parquet_thrift_field *field, br_error *err) BR_CHECKED;

/* Unsigned LEB128, also used by Parquet's encodings. */
size_t parquet_varint_put(uint8_t *out, uint64_t value); /* at most PARQUET_VARINT_MAX bytes */
br_status parquet_varint_get(br_reader *in, uint64_t *ret_value, br_error *err) BR_CHECKED;
static inline int64_t parquet_unzigzag(uint64_t value) {
  return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
