/*
 * Arrow IPC streams. The first byte says how they are read: bytes of one read (its low bits), rows
 * and bytes of a batch. What comes out is written and must be read again, as many rows of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "batch/arrow_ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 1 << 16, OUT_MAX = 8 << 20, ROWS_MAX = 100000 };

typedef struct feeder {
  const uint8_t *bytes;
  size_t left;
  size_t feed;
} feeder;

static br_status read_some(void *context, void *bytes, size_t size, size_t *ret_length,
                           br_error *err) {
  (void)err;
  feeder *f = context;
  size_t length = size < f->feed ? size : f->feed;
  length = length < f->left ? length : f->left;
  if (length > 0) {
    memcpy(bytes, f->bytes, length);
  }
  f->bytes += length;
  f->left -= length;
  *ret_length = length;
  return BR_OK;
}

/* A stream to its end, or to its first failure or ROWS_MAX rows; BR_DONE at its end. */
static br_status read_all(feeder *f, size_t max_message, size_t capacity, size_t max_bytes,
                          br_buf *out, size_t *rows) {
  batch_ipc_reader *reader = NULL;
  batch *b = NULL;
  br_status st = batch_ipc_reader_new(read_some, f, max_message, &reader, NULL);
  if (st == BR_OK && out != NULL) {
    st = batch_ipc_write_schema(batch_ipc_reader_schema(reader), out, NULL);
  }
  st = st == BR_OK ? batch_new(batch_ipc_reader_schema(reader), capacity, &b, NULL) : st;
  while (st == BR_OK && *rows < ROWS_MAX &&
         (st = batch_ipc_reader_next(reader, b, max_bytes, NULL)) == BR_OK) {
    *rows += b->rows;
    if (out != NULL) {
      st = batch_ipc_write_batch(b, out, NULL);
    }
    batch_reset(b, SIZE_MAX);
  }
  batch_free(b);
  batch_ipc_reader_free(reader);
  return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  feeder f = {data + 1, size - 1, (data[0] & 1U) != 0 ? 3 : SIZE_MAX};
  size_t capacity = (data[0] & 2U) != 0 ? 3 : 1000;
  size_t max_bytes = (data[0] & 4U) != 0 ? 64 : 0;
  br_buf out;
  br_buf_init(&out, OUT_MAX);
  size_t rows = 0;
  br_status st = read_all(&f, MESSAGE_MAX, capacity, max_bytes, &out, &rows);
  if (st == BR_DONE) {
    feeder again = {out.data, out.len, SIZE_MAX};
    size_t rows_again = 0;
    if (read_all(&again, OUT_MAX, 1000, 0, NULL, &rows_again) != BR_DONE || rows_again != rows) {
      abort();
    }
  }
  br_buf_done(&out);
  return 0;
}
