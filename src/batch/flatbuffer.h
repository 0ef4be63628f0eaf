/*
 * flatbuffer.h: the encoding of Arrow's metadata (https://flatbuffers.dev/internals/): tables whose
 * fields are found through a table of offsets, vectors, strings. Only what the IPC format needs.
 *
 *   root offset ─▶ table: ─offset to vtable, fields…        vtable: sizes, offset of each field
 *                    └─ offset field ─▶ table | vector | string      (0 = the field is absent)
 *
 * Reading: nothing is trusted. A place outside the bytes is BR_ERR_PROTOCOL; alignment is not asked
 * for. Views borrow from the bytes. Writing: front to back into a br_buf; what an offset leads to
 * is written behind it and linked by flatbuffer_link().
 */
#ifndef BATCH_FLATBUFFER_H
#define BATCH_FLATBUFFER_H

#include "base/buf.h"

typedef struct flatbuffer_table {
  const uint8_t *bytes; /* the whole buffer */
  size_t size;
  size_t at; /* of the table; `span` bytes from here are inside the buffer */
  size_t span;
  size_t vtable; /* likewise */
  size_t vtable_span;
} flatbuffer_table;

typedef struct flatbuffer_vector {
  const uint8_t *items; /* count × the item's size bytes are there */
  size_t count;
  size_t at; /* of the first item in the whole buffer */
} flatbuffer_vector;

br_status flatbuffer_root(const uint8_t *bytes, size_t size, flatbuffer_table *ret_table,
                          br_error *err) BR_CHECKED;
/* Field `slot` (numbered from 0) of a table. A signed number of width 1, 2, 4 or 8 bytes; `missing`
 * where the field is absent. */
br_status flatbuffer_number(const flatbuffer_table *table, unsigned slot, unsigned width,
                            int64_t missing, int64_t *ret_number, br_error *err) BR_CHECKED;
/* A table; *ret_there false where it is absent. */
br_status flatbuffer_child(const flatbuffer_table *table, unsigned slot,
                           flatbuffer_table *ret_child, bool *ret_there, br_error *err) BR_CHECKED;
/* A vector of items of item_size bytes; absent = empty. */
br_status flatbuffer_items(const flatbuffer_table *table, unsigned slot, size_t item_size,
                           flatbuffer_vector *ret_vector, br_error *err) BR_CHECKED;
/* Table number `index` of a vector of tables (item size 4), which came from `owner`. */
br_status flatbuffer_item_table(const flatbuffer_table *owner, const flatbuffer_vector *vector,
                                size_t index, flatbuffer_table *ret_table,
                                br_error *err) BR_CHECKED;

/* A buffer being written: the bytes of `out` from `start` on. */
typedef struct flatbuffer_writer {
  br_buf *out;
  size_t start;
} flatbuffer_writer;

/* A field to write. width 4 and value 0 for an offset that is linked later. */
typedef struct flatbuffer_field {
  unsigned slot;
  unsigned width; /* 1, 2, 4, 8 */
  int64_t value;
  size_t at; /* set by flatbuffer_put_table(): where the field lies */
} flatbuffer_field;

/* Begins at the end of out, with room for the root offset at writer->start. */
br_status flatbuffer_begin(flatbuffer_writer *writer, br_buf *out, br_error *err) BR_CHECKED;
/* Writes a table; fields in the order of their slots, at most 8. *ret_at: its place in out. */
br_status flatbuffer_put_table(flatbuffer_writer *writer, flatbuffer_field *fields, size_t count,
                               size_t *ret_at, br_error *err) BR_CHECKED;
/* Writes a vector of `count` zeroed items; the first lies at *ret_at + 4. */
br_status flatbuffer_put_vector(flatbuffer_writer *writer, size_t count, size_t item_size,
                                size_t *ret_at, br_error *err) BR_CHECKED;
br_status flatbuffer_put_string(flatbuffer_writer *writer, const char *text, size_t *ret_at,
                                br_error *err) BR_CHECKED;
/* Makes the offset at `from` lead to `to`, which lies behind it. */
void flatbuffer_link(flatbuffer_writer *writer, size_t from, size_t to);
/* Pads to a multiple of 8 bytes. */
br_status flatbuffer_end(flatbuffer_writer *writer, br_error *err) BR_CHECKED;

#endif
