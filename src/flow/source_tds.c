#include "flow/source_tds.h"

static br_status tds_schema(void *context, const batch_schema **ret_schema, br_error *err) {
  flow_tds_context *source = context;
  const batch_schema *schema = tds_result_schema(source->conn);
  if (schema == NULL) {
    return br_error_set(err, BR_ERR_INTERNAL, "There is no result set to read");
  }
  *ret_schema = schema;
  return BR_OK;
}

static br_status tds_next(void *context, batch *b, size_t max_bytes, br_error *err) {
  flow_tds_context *source = context;
  tds_batch_limits limits = {.bytes = max_bytes};
  return tds_read_batch(source->conn, &limits, b, err);
}

static void tds_interrupt(void *context) {
  flow_tds_context *source = context;
  br_cancel_request(source->stop);
}

flow_source flow_source_tds(flow_tds_context *context, tds_conn *conn, br_cancel *stop) {
  *context = (flow_tds_context){.conn = conn, .stop = stop};
  return (flow_source){
      .context = context, .schema = tds_schema, .next = tds_next, .interrupt = tds_interrupt};
}
