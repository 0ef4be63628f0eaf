/*
 * A connection's life and facts.
 */
#include "tds/conn.h"
#include "tds/tls.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void tds_conn_set_wait(tds_conn *conn) {
  conn->stream->wait = (tds_wait){.deadline = br_deadline_after_ms(0),
                                  .silence_ms = conn->options.query_timeout_ms,
                                  .cancel = conn->cancel};
}

br_status tds_conn_say_lost(const tds_conn *conn, br_error *err) {
  if (conn->pending.status == BR_OK) {
    return br_error_set(err, BR_ERR_NETWORK, "The connection is lost");
  }
  if (err != NULL) {
    *err = conn->pending;
  }
  return conn->pending.status;
}

void tds_conn_forget_result(tds_conn *conn) {
  if (conn->retired_schema == NULL) {
    conn->retired_schema = conn->schema;
  } else {
    batch_schema_free(conn->schema);
  }
  conn->schema = NULL;
  br_free(conn->decoders);
  conn->decoders = NULL;
  conn->decoder_count = 0;
  br_free(conn->null_bitmap);
  conn->null_bitmap = NULL;
}

void tds_close(tds_conn *conn) {
  if (conn == NULL) {
    return;
  }
  tds_conn_forget_result(conn);
  batch_schema_free(conn->retired_schema);
  tds_reader_done(&conn->reader);
  tds_writer_done(&conn->writer);
  tds_stream_close(conn->stream);
  br_secret_free(conn->password);
  for (size_t i = 0; i < sizeof conn->texts / sizeof *conn->texts; i++) {
    br_free(conn->texts[i]);
  }
  br_free(conn);
}

bool tds_is_usable(const tds_conn *conn) {
  return conn->state != CONN_DEAD;
}

const char *tds_server_name(const tds_conn *conn) {
  return conn->login_ack.program;
}

const char *tds_server_version(const tds_conn *conn) {
  return conn->version;
}

const char *tds_database(const tds_conn *conn) {
  return conn->database;
}

const char *tds_tls_version(const tds_conn *conn) {
  return conn->tls ? tds_tls_version_of(conn->stream) : "";
}

bool tds_is_strict(const tds_conn *conn) {
  return conn->strict;
}

const tds_server_error *tds_last_error(const tds_conn *conn) {
  return &conn->error;
}

const batch_schema *tds_result_schema(const tds_conn *conn) {
  return conn->schema;
}

int64_t tds_rows_affected(const tds_conn *conn) {
  return conn->rows_affected;
}

uint64_t tds_values_rounded(const tds_conn *conn, size_t column) {
  size_t place = 0;
  for (size_t i = 0; i < conn->decoder_count && place <= column; i++) {
    if (place == column) {
      return conn->decoders[i].sub_microsecond;
    }
    place += conn->decoders[i].columns;
  }
  return 0;
}

size_t tds_packet_size(const tds_conn *conn) {
  return conn->writer.packet_size;
}

const char *tds_stage_name(tds_stage stage) {
  static const char *const names[] = {"name", "TCP", "prelogin", "TLS", "login", "ready"};
  return (size_t)stage < sizeof names / sizeof *names ? names[stage] : "";
}
