#include "answer_dump.h"

#include <inttypes.h>

#include "batch/value.h"

enum { BATCH_ROWS = 3 }; /* few, so that results go over several batches */

static br_status dump_schema(const batch_schema *schema, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < schema->count; i++) {
    char name[48];
    if (schema->fields[i].has_source) {
      batch_sql_typespec_name(&schema->fields[i].source, name, sizeof name);
    } else {
      batch_type_delta_name(&schema->fields[i].type, name, sizeof name);
    }
    st = br_buf_printf(out, err, "column %s %s%s\n", schema->fields[i].name, name,
                       schema->fields[i].nullable ? "" : " not null");
  }
  return st;
}

static br_status dump_rows(const batch *b, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t row = 0; st == BR_OK && row < b->rows; row++) {
    st = br_buf_printf(out, err, "row %" PRIu64 ":", b->first_row + row + 1);
    for (size_t i = 0; st == BR_OK && i < b->schema->count; i++) {
      st = br_buf_text(out, i == 0 ? " " : " | ", err);
      if (st == BR_OK) {
        st = batch_cell_text(b, i, row, out, NULL, err);
      }
    }
    if (st == BR_OK) {
      st = br_buf_text(out, "\n", err);
    }
  }
  return st;
}

static br_status dump_result(tds_conn *conn, br_buf *out, br_error *err) {
  const batch_schema *schema = tds_result_schema(conn);
  batch *b = NULL;
  br_status st = dump_schema(schema, out, err);
  if (st == BR_OK) {
    st = batch_new(schema, BATCH_ROWS, &b, err);
  }
  const tds_batch_limits limits = {.rows = 0};
  while (st == BR_OK) {
    st = tds_read_batch(conn, &limits, b, err);
    if (st == BR_OK) {
      st = dump_rows(b, out, err);
      batch_reset(b, 1 << 20);
    }
  }
  for (size_t i = 0; st == BR_DONE && i < schema->count; i++) {
    uint64_t rounded = tds_values_rounded(conn, i);
    br_status printed = rounded == 0 ? BR_OK
                                     : br_buf_printf(out, err, "rounded %s %" PRIu64 "\n",
                                                     schema->fields[i].name, rounded);
    st = printed == BR_OK ? BR_DONE : printed;
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

br_status dump_results(tds_conn *conn, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  while (st == BR_OK) {
    st = tds_next_result(conn, err);
    if (st == BR_OK) {
      st = dump_result(conn, out, err);
    }
  }
  if (st != BR_DONE) {
    return st;
  }
  return br_buf_printf(out, err, "end, rows affected %" PRId64 "\n", tds_rows_affected(conn));
}

static void dump_message(void *context, int32_t number, uint8_t severity, const char *message) {
  br_status st =
      br_buf_printf(context, NULL, "message %" PRId32 "/%u: %s\n", number, severity, message);
  (void)st;
}

br_status connect_without_login(tds_stream *stream, const tds_options *options, br_cancel *cancel,
                                tds_conn **ret_conn, br_error *err) {
  tds_conn *conn = NULL;
  br_status st = tds_conn_new(options, cancel, &conn, err);
  if (st != BR_OK) {
    tds_stream_close(stream);
    return st;
  }
  st = tds_conn_attach(conn, stream, err);
  if (st != BR_OK) {
    tds_close(conn);
    return st;
  }
  tds_conn_ready(conn);
  *ret_conn = conn;
  return BR_OK;
}

br_status dump_answer(const uint8_t *bytes, size_t length, const tds_options *options, br_buf *out,
                      br_error *err) {
  tds_options o = *options;
  o.on_message = dump_message;
  o.on_message_context = out;
  tds_stream *stream = NULL;
  tds_conn *conn = NULL;
  br_status st = tds_stream_memory(bytes, length, NULL, &stream, err);
  if (st == BR_OK) {
    st = connect_without_login(stream, &o, NULL, &conn, err);
  }
  if (st == BR_OK) {
    st = tds_execute(conn, "", 0, err);
  }
  if (st == BR_OK) {
    st = dump_results(conn, out, err);
  }
  tds_close(conn);
  return st;
}

br_status dump_login(const uint8_t *bytes, size_t length, const tds_options *options, br_buf *out,
                     br_error *err) {
  tds_options o = *options;
  o.on_message = dump_message;
  o.on_message_context = out;
  tds_stream *stream = NULL;
  tds_conn *conn = NULL;
  br_status st = tds_stream_memory(bytes, length, NULL, &stream, err);
  if (st == BR_OK) {
    st = tds_connect_over(stream, &o, NULL, &conn, NULL, err);
  }
  if (st == BR_OK) {
    st = br_buf_printf(out, err, "server %s %s, database %s, packet size %zu\n",
                       tds_server_name(conn), tds_server_version(conn), tds_database(conn),
                       tds_packet_size(conn));
  }
  tds_close(conn);
  return st;
}
