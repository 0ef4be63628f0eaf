/*
 * arrow_ipc.h: the Arrow IPC streaming format
 * (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format) into batches and back.
 *
 *   schema message ─▶ record batch message ─▶ … ─▶ end of stream
 *        │                    │ body: buffers
 *        ▼                    ▼
 *   batch_schema        rows appended to the caller's batches, a slice at a time
 *
 * The reader holds one message's body at a time, so memory is bounded by max_message whatever the
 * stream's length. Everything that the metadata says (lengths, offsets, counts, nesting) is checked
 * before it is used: streams come from a network.
 */
#ifndef BATCH_ARROW_IPC_H
#define BATCH_ARROW_IPC_H

#include "base/buf.h"
#include "batch/batch.h"

/* Hands out up to `size` bytes of the stream; *ret_length 0 = its end. */
typedef br_status (*batch_ipc_read_fn)(void *context, void *bytes, size_t size, size_t *ret_length,
                                       br_error *err);

typedef struct batch_ipc_reader batch_ipc_reader;

/* Reads the schema message. max_message: bytes of one message's body and metadata at most
 * (BR_ERR_LIMIT above). Columns: bool, int8..int64 and uint8..uint32 (int8, uint8 as INT16, uint16
 * as INT32, uint32 as INT64), float, double, decimal32/64/128, date32, date64,
 * time32/64, timestamp of every unit (nanoseconds lose their digits behind the microsecond only
 * where these are zero, else BR_ERR_DATA), utf8, large_utf8, binary, large_binary,
 * fixed_size_binary, null (as STRING, all NULL), dictionaries of those. Nested types and
 * compressed bodies are BR_ERR_UNSUPPORTED naming the column. */
br_status batch_ipc_reader_new(batch_ipc_read_fn read, void *context, size_t max_message,
                               batch_ipc_reader **ret_reader, br_error *err) BR_CHECKED;
void batch_ipc_reader_free(batch_ipc_reader *reader); /* NULL is fine */
/* Borrowed from the reader. */
const batch_schema *batch_ipc_reader_schema(const batch_ipc_reader *reader);
/* Appends rows to an empty batch (made with the reader's schema) until it is full, holds max_bytes
 * (one row at least; 0: no limit, but where dictionaries make more of a message than four times
 * max_message), or the current message has no more. BR_DONE: the stream has ended properly
 * (end-of-stream marker, or end of bytes between messages). BR_ERR_PROTOCOL, _LIMIT, _UNSUPPORTED
 * for a broken or strange stream, BR_ERR_DATA for a value out of its type's range; the batch is
 * empty then, and the reader fails from there on. */
br_status batch_ipc_reader_next(batch_ipc_reader *reader, batch *b, size_t max_bytes,
                                br_error *err) BR_CHECKED;

/* The other way, appended to out, which a failure leaves as it was: schema, record batches (not
 * compressed, buffers aligned to 8 bytes), end. Decimals of every layout are written in 128 bits,
 * which all readers know. */
br_status batch_ipc_write_schema(const batch_schema *schema, br_buf *out, br_error *err) BR_CHECKED;
br_status batch_ipc_write_batch(const batch *b, br_buf *out, br_error *err) BR_CHECKED;
br_status batch_ipc_write_end(br_buf *out, br_error *err) BR_CHECKED;

#endif
