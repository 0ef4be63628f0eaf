/* The answer to a batch, packets and all: tokens, result sets, rows of every type. */
#include "base/mem.h"
#include "tds/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(tds_conn *conn) {
  const tds_batch_limits limits = {.bytes = 1 << 16};
  while (tds_next_result(conn, NULL) == BR_OK) {
    batch *b = NULL;
    if (batch_new(tds_result_schema(conn), 8, &b, NULL) != BR_OK) {
      return;
    }
    while (tds_read_batch(conn, &limits, b, NULL) == BR_OK) {
      batch_reset(b, 1 << 16);
    }
    batch_free(b);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bool types = size % 4 >= 2;
  const tds_options options = {.host = "localhost",
                               .max_cell = 1 << 20,
                               .types = {.offset_column = types,
                                         .base_type_column = types,
                                         .clr_decoded = types,
                                         .invalid_replaced = size % 2 == 0}};
  tds_stream *stream = NULL;
  tds_conn *conn = NULL;
  if (tds_conn_new(&options, NULL, &conn, NULL) != BR_OK) {
    return 0;
  }
  if (tds_stream_memory(data, size, NULL, &stream, NULL) == BR_OK &&
      tds_conn_attach(conn, stream, NULL) == BR_OK) {
    tds_conn_ready(conn);
    /* Twice: what is left behind the first answer is the second. */
    for (int i = 0; i < 2 && tds_is_usable(conn); i++) {
      if (tds_execute(conn, "", 0, NULL) == BR_OK) {
        read_all(conn);
      }
    }
  }
  tds_close(conn);
  return 0;
}
