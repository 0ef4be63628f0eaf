/* Any bytes as a Parquet file: schema, footer, pages, values. */
#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "parquet/parquet.h"

enum { BATCH_ROWS = 256, BATCHES = 16 };

typedef struct bytes_view {
  const uint8_t *data;
  size_t size;
} bytes_view;

static br_status read_at(void *context, uint64_t offset, void *bytes, size_t length,
                         br_error *err) {
  const bytes_view *view = context;
  if (offset > view->size || length > view->size - offset) {
    return br_error_set(err, BR_ERR_IO, "behind the end");
  }
  memcpy(bytes, view->data + offset, length);
  return BR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes_view view = {data, size};
  parquet_input input = {.read_at = read_at, .context = &view, .size = size};
  parquet_reader *reader = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = parquet_reader_new(input, &reader, &err);
  if (st == BR_OK) {
    st = batch_new(parquet_reader_schema(reader), BATCH_ROWS, &b, &err);
  }
  for (int i = 0; st == BR_OK && i < BATCHES; i++) {
    batch_reset(b, 0);
    st = parquet_reader_read(reader, b, &err);
    if (st == BR_OK && b->rows > BATCH_ROWS) {
      abort();
    }
  }
  if (st != BR_OK && st != BR_DONE && err.message[0] == '\0') {
    abort();
  }
  batch_free(b);
  parquet_reader_free(reader);
  return 0;
}
