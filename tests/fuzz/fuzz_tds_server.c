/* What a server reads: the first byte chooses between login, call, bulk load, transaction request
 * and prelogin. */
#include "base/limits.h"
#include "tds/prelogin.h"
#include "tds/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_load(const uint8_t *data, size_t size) {
  tds_reader r;
  tds_bulk bulk;
  batch *b = NULL;
  tds_reader_init_memory(&r, data, size);
  if (tds_bulk_begin(&bulk, &r, BR_KIB(64), NULL) != BR_OK) {
    return;
  }
  br_status st = batch_new(bulk.schema, 4, &b, NULL);
  while (st == BR_OK) {
    batch_reset(b, BR_KIB(64));
    st = tds_bulk_read(&bulk, &r, b, NULL);
  }
  batch_free(b);
  tds_bulk_done(&bulk);
}

static void read_calls(const uint8_t *data, size_t size) {
  tds_reader r;
  tds_rpc rpc;
  size_t used = 0;
  if (tds_all_headers_read(data, size, &used, NULL) != BR_OK) {
    used = 0;
  }
  tds_reader_init_memory(&r, data + used, size - used);
  while (!tds_reader_at_end(&r) && tds_rpc_read(&r, &rpc, NULL) == BR_OK) {
    tds_rpc_done(&rpc);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tds_server_login login;
  tds_transaction_request transaction;
  tds_prelogin prelogin;
  br_status st = BR_OK;
  if (size == 0) {
    return 0;
  }
  switch (data[0] % 5) {
  case 0:
    st = tds_server_login_read(data + 1, size - 1, &login, NULL);
    if (st == BR_OK) {
      tds_server_login_done(&login);
    }
    break;
  case 1:
    read_calls(data + 1, size - 1);
    break;
  case 2:
    read_load(data + 1, size - 1);
    break;
  case 3:
    st = tds_transaction_read(data + 1, size - 1, &transaction, NULL);
    break;
  default:
    st = tds_prelogin_read(data + 1, size - 1, &prelogin, NULL);
    break;
  }
  (void)st;
  return 0;
}
