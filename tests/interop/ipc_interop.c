/* An Arrow IPC stream read into batches and written again, for Python's tests. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "batch/arrow_ipc.h"

/* The tests call these through ctypes. Bytes of one read, rows and bytes of a batch as told. */
int interop_ipc_copy(const uint8_t *in, size_t length, size_t feed, size_t rows, size_t max_bytes,
                     uint8_t **ret_out, size_t *ret_length, char *message);
void interop_ipc_free(uint8_t *out);

enum { MESSAGE_MAX = 64 << 20, OUT_MAX = 512 << 20 };

typedef struct feeder {
  br_reader in;
  size_t feed;
} feeder;

static br_status read_some(void *context, void *bytes, size_t size, size_t *ret_length,
                           br_error *err) {
  feeder *f = context;
  size_t length = size < f->feed ? size : f->feed;
  length = length < br_reader_left(&f->in) ? length : br_reader_left(&f->in);
  const uint8_t *view = NULL;
  br_status st = br_reader_view(&f->in, length, &view, err);
  if (st == BR_OK) {
    memcpy(bytes, view, length);
    *ret_length = length;
  }
  return st;
}

static br_status copy_batches(batch_ipc_reader *reader, size_t rows, size_t max_bytes, br_buf *out,
                              br_error *err) {
  batch *b = NULL;
  br_status st = batch_new(batch_ipc_reader_schema(reader), rows, &b, err);
  while (st == BR_OK && (st = batch_ipc_reader_next(reader, b, max_bytes, err)) == BR_OK) {
    if (b->rows == 0) {
      st = br_error_set(err, BR_ERR_INTERNAL, "A batch without rows");
    } else {
      st = batch_ipc_write_batch(b, out, err);
    }
    batch_reset(b, BATCH_LENGTH_MAX);
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

int interop_ipc_copy(const uint8_t *in, size_t length, size_t feed, size_t rows, size_t max_bytes,
                     uint8_t **ret_out, size_t *ret_length, char *message) {
  br_error err = BR_ERROR_INIT;
  feeder f = {br_reader_of(in, length), feed};
  batch_ipc_reader *reader = NULL;
  br_buf out;
  br_buf_init(&out, OUT_MAX);
  br_status st = batch_ipc_reader_new(read_some, &f, MESSAGE_MAX, &reader, &err);
  if (st == BR_OK) {
    st = batch_ipc_write_schema(batch_ipc_reader_schema(reader), &out, &err);
  }
  st = st == BR_OK ? copy_batches(reader, rows, max_bytes, &out, &err) : st;
  st = st == BR_OK ? batch_ipc_write_end(&out, &err) : st;
  batch_ipc_reader_free(reader);
  if (st == BR_OK) {
    *ret_out = (uint8_t *)br_buf_take(&out, ret_length);
    return 0;
  }
  br_buf_done(&out);
  (void)snprintf(message, 256, "%s: %.200s", br_status_name(st), err.message);
  return 1;
}

void interop_ipc_free(uint8_t *out) {
  br_free(out);
}
