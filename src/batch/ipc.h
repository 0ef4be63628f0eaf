/*
 * ipc.h: inside the Arrow IPC format: how columns lie on the wire, and the steps from there into
 * batches.
 *
 *   ipc_schema.c   schema message ─▶ batch_schema + an ipc_column each
 *   ipc_read.c     framing, messages, dictionaries, slices of a message's rows
 *   ipc_array.c    one column's buffers of a message: checked, then copied into a batch column
 *   ipc_write.c    the other way
 */
#ifndef BATCH_IPC_H
#define BATCH_IPC_H

#include "base/buf.h"
#include "batch/batch.h"
#include "batch/flatbuffer.h"

/* Numbers and slots of the format's tables (apache/arrow, format/Message.fbs and Schema.fbs). */
enum {
  IPC_VERSION_V4 = 3,
  IPC_VERSION_V5 = 4,

  IPC_MESSAGE_VERSION = 0,
  IPC_MESSAGE_HEADER_TYPE = 1,
  IPC_MESSAGE_HEADER = 2,
  IPC_MESSAGE_BODY_LENGTH = 3,

  IPC_HEADER_SCHEMA = 1,
  IPC_HEADER_DICTIONARY = 2,
  IPC_HEADER_BATCH = 3,

  IPC_SCHEMA_ENDIANNESS = 0,
  IPC_SCHEMA_FIELDS = 1,

  IPC_FIELD_NAME = 0,
  IPC_FIELD_NULLABLE = 1,
  IPC_FIELD_TYPE_TYPE = 2,
  IPC_FIELD_TYPE = 3,
  IPC_FIELD_DICTIONARY = 4,
  IPC_FIELD_CHILDREN = 5,

  IPC_DICTIONARY_ID = 0,
  IPC_DICTIONARY_INDEX = 1,

  IPC_DICTIONARY_BATCH_ID = 0,
  IPC_DICTIONARY_BATCH_DATA = 1,
  IPC_DICTIONARY_BATCH_DELTA = 2,

  IPC_BATCH_LENGTH = 0,
  IPC_BATCH_NODES = 1,
  IPC_BATCH_BUFFERS = 2,
  IPC_BATCH_COMPRESSION = 3,
};

typedef enum ipc_type {
  IPC_TYPE_NULL = 1,
  IPC_TYPE_INT = 2,
  IPC_TYPE_FLOAT = 3,
  IPC_TYPE_BINARY = 4,
  IPC_TYPE_UTF8 = 5,
  IPC_TYPE_BOOL = 6,
  IPC_TYPE_DECIMAL = 7,
  IPC_TYPE_DATE = 8,
  IPC_TYPE_TIME = 9,
  IPC_TYPE_TIMESTAMP = 10,
  IPC_TYPE_FIXED_BINARY = 15,
  IPC_TYPE_LARGE_BINARY = 19,
  IPC_TYPE_LARGE_UTF8 = 20,
} ipc_type;

enum { IPC_UNIT_SECOND = 0, IPC_UNIT_MILLI = 1, IPC_UNIT_MICRO = 2, IPC_UNIT_NANO = 3 };

/* How the values of an array lie in a message's body, and what becomes of them. */
typedef enum ipc_kind {
  IPC_NOTHING, /* the null type: no buffers at all */
  IPC_BITS,    /* one bit a value */
  IPC_COPIED,  /* fixed width, as in the batch */
  IPC_DECIMAL, /* the same, digits counted */
  IPC_WIDENED, /* an integer that the batch holds in more bytes */
  IPC_SCALED,  /* times and timestamps: × multiply, or ÷ divide without a rest */
  IPC_DAYS,    /* date64: milliseconds to days */
  IPC_BYTES,   /* offsets (32 bits, 64 where is_large) and data */
  IPC_FIXED,   /* fixed_size_binary: data without offsets */
} ipc_kind;

typedef struct ipc_wire {
  ipc_kind kind;
  batch_type type;  /* in the batch */
  uint32_t width;   /* bytes of a value; 0: bits, offsets, nothing */
  bool is_unsigned; /* integers */
  bool is_large;    /* IPC_BYTES */
  int64_t multiply; /* IPC_SCALED: one of the two is 1 */
  int64_t divide;
} ipc_wire;

/* Buffers of an array in a message: 0, 2 or 3. */
unsigned ipc_wire_buffers(const ipc_wire *wire);

/* One column's part of a message: views into its body. */
typedef struct ipc_array {
  size_t rows;
  const uint8_t *validity; /* NULL: no value is NULL */
  size_t validity_length;
  const uint8_t *values; /* or offsets */
  size_t values_length;
  const uint8_t *data; /* IPC_BYTES */
  size_t data_length;
} ipc_array;

/* Values of dictionary-encoded columns; columns of the same id share one. */
typedef struct ipc_dictionary {
  int64_t id;
  ipc_wire wire;
  batch_schema *schema; /* one nullable field */
  batch *values;        /* NULL until a message brings them */
  size_t body_length;   /* of that message */
} ipc_dictionary;

typedef struct ipc_column {
  ipc_wire wire;        /* of the values; of the indices where there is a dictionary */
  ptrdiff_t dictionary; /* its number; -1 = none */
} ipc_column;

typedef struct ipc_schema {
  batch_schema *schema;
  ipc_column *columns; /* schema->count */
  ipc_dictionary *dictionaries;
  size_t dictionary_count;
} ipc_schema;

/* The schema message's header table. */
br_status ipc_schema_read(const flatbuffer_table *header, ipc_schema *ret_schema,
                          br_error *err) BR_CHECKED;
void ipc_schema_done(ipc_schema *schema);

/* Are the buffers large enough for the rows, the offsets ordered and inside of the data? All that
 * follows relies on it. */
br_status ipc_array_check(const ipc_wire *wire, const ipc_array *array, br_error *err) BR_CHECKED;
/* Copies rows [start, start + rows) into an empty column. */
br_status ipc_array_slice(const ipc_wire *wire, const ipc_array *array, size_t start, size_t rows,
                          batch_column *out, br_error *err) BR_CHECKED;
/* The same through a dictionary; values NULL: there is none yet. */
br_status ipc_array_slice_dictionary(const ipc_wire *index, const ipc_array *array,
                                     const batch *values, size_t start, size_t rows,
                                     batch_column *out, br_error *err) BR_CHECKED;
/* Bytes that value `row` takes behind a column's offsets; 0 for other kinds and NULL. */
size_t ipc_array_value_length(const ipc_wire *wire, const ipc_array *array, size_t row);
size_t ipc_array_dictionary_value_length(const ipc_wire *index, const ipc_array *array,
                                         const batch *values, size_t row);

#endif
