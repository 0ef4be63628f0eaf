/* The answers to PRELOGIN and LOGIN7. */
#include "tds/conn.h"
#include "tds/prelogin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const tds_options options = {.host = "localhost",
                               .username = "sa",
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .trust_server_certificate = true};
  tds_prelogin prelogin;
  br_status st = tds_prelogin_read(data, size, &prelogin, NULL);
  tds_stream *stream = NULL;
  tds_conn *conn = NULL;
  st = tds_stream_memory(data, size, NULL, &stream, NULL);
  if (st == BR_OK) {
    st = tds_connect_over(stream, &options, NULL, &conn, NULL, NULL);
  }
  if (st == BR_OK) {
    tds_close(conn);
  }
  return 0;
}
