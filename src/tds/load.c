/*
 * The life of a bulk load.
 *
 *   open ──▶ INSERT BULK ──▶ COLMETADATA, ROW… ──▶ DONE ──▶ the server's answer
 *                               │
 *                               └─ given up: what has gone out is ended with EOM | IGNORE
 */
#include "tds/load.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tds/load_internal.h"

enum { GIVE_UP_TIMEOUT_MS = 5000 };

br_status tds_load_open(tds_conn *conn, const tds_load_options *options, tds_load **ret_load,
                        br_error *err) {
  if (options->column_count == 0 || options->column_count > BR_LIMIT_COLUMNS) {
    return br_error_set(err, BR_ERR_USAGE, "A load of %zu columns", options->column_count);
  }
  tds_load *load = br_calloc(1, sizeof *load);
  if (load == NULL) {
    return br_error_nomem(err);
  }
  load->conn = conn;
  br_status st = load_describe(load, options, err);
  if (st == BR_OK) {
    st = load_build_statement(load, options, err);
  }
  if (st != BR_OK) {
    tds_load_free(load);
    return st;
  }
  *ret_load = load;
  return BR_OK;
}

const batch_schema *tds_load_schema(const tds_load *load) {
  return load->schema;
}

/* The stream's head. A bulk load's packets have no ALL_HEADERS. */
static br_status begin_stream(tds_load *load, br_error *err) {
  tds_writer_begin(&load->conn->writer, TDS_PACKET_BULK, 0);
  return load_put_columns(load, err);
}

static br_status put_done(tds_writer *w, br_error *err) {
  static const uint8_t done[1 + TDS_DONE_SIZE] = {TDS_TOKEN_DONE};
  br_status st = tds_writer_bytes(w, done, sizeof done, err);
  return st == BR_OK ? tds_writer_end(w, err) : st;
}

/* Makes the server forget the stream. Where none of it has gone out the server still waits for one,
 * and gets it without rows. */
static br_status end_stream_unused(tds_load *load, br_error *err) {
  bool answer = false;
  br_status st = tds_writer_abandon(&load->conn->writer, &answer, err);
  if (st != BR_OK || answer) {
    return st;
  }
  st = begin_stream(load, err);
  return st == BR_OK ? put_done(&load->conn->writer, err) : st;
}

/* Reads the answer to a stream that was given up, or the last words of a server that has closed.
 * There is nothing that an attention could stop. */
static br_status read_last_words(tds_conn *conn, br_error *err) {
  conn->stream->wait = (tds_wait){.deadline = br_deadline_after_ms(GIVE_UP_TIMEOUT_MS)};
  conn->state = CONN_RESPONSE;
  conn->no_attention = true;
  br_status st = tds_conn_finish_answer(conn, err);
  conn->no_attention = false;
  tds_conn_set_wait(conn);
  return st;
}

static void give_up(tds_load *load) {
  tds_conn *conn = load->conn;
  bool sending = load->state == LOAD_SENDING;
  load->state = LOAD_ENDED;
  if (!sending) {
    return;
  }
  br_error ignored = BR_ERROR_INIT;
  conn->stream->wait = (tds_wait){.deadline = br_deadline_after_ms(GIVE_UP_TIMEOUT_MS)};
  if (end_stream_unused(load, &ignored) != BR_OK) {
    conn->state = CONN_DEAD;
    return;
  }
  br_status st = read_last_words(conn, &ignored);
  if (st != BR_OK && st != BR_ERR_REMOTE) {
    conn->state = CONN_DEAD;
  }
}

/* The stream broke, maybe in the middle of a packet. A server that closed may have said why. */
static br_status lost(tds_load *load, br_status st, br_error *err) {
  tds_conn *conn = load->conn;
  load->state = LOAD_ENDED;
  if (st == BR_ERR_NETWORK || st == BR_ERR_TLS || st == BR_ERR_IO) {
    br_error words = BR_ERROR_INIT;
    if (read_last_words(conn, &words) == BR_ERR_REMOTE) {
      st = BR_ERR_REMOTE;
      if (err != NULL) {
        *err = words;
      }
    }
  }
  conn->state = CONN_DEAD;
  return st;
}

/* A value or memory was the problem, so that the stream is whole up to here. */
static bool is_local(br_status st) {
  return st == BR_ERR_DATA || st == BR_ERR_NOMEM || st == BR_ERR_LIMIT || st == BR_ERR_UNSUPPORTED;
}

/* Announces the load and begins its stream. */
static br_status begin(tds_load *load, br_error *err) {
  tds_conn *conn = load->conn;
  br_status st = tds_execute(conn, (const char *)load->statement.data, load->statement.len, err);
  if (st == BR_OK) {
    st = tds_conn_finish_answer(conn, err);
  }
  if (st != BR_OK) {
    load->state = LOAD_ENDED;
    return st;
  }
  conn->state = CONN_LOAD;
  load->state = LOAD_SENDING;
  return begin_stream(load, err);
}

static br_status check_batch(const tds_load *load, const batch *b, br_error *err) {
  bool same = b->schema->count == load->schema->count;
  for (size_t i = 0; same && i < load->schema->count; i++) {
    same = b->schema->fields[i].type.layout == load->schema->fields[i].type.layout &&
           b->schema->fields[i].type.scale == load->schema->fields[i].type.scale;
  }
  if (!same) {
    return br_error_set(err, BR_ERR_INTERNAL, "A batch of another schema than the load's");
  }
  return load->state == LOAD_ENDED ? br_error_set(err, BR_ERR_INTERNAL, "The load has ended")
                                   : BR_OK;
}

br_status tds_load_write(tds_load *load, const batch *b, br_error *err) {
  br_status st = check_batch(load, b, err);
  if (st != BR_OK || b->rows == 0) {
    return st;
  }
  if (load->state == LOAD_OPEN) {
    st = begin(load, err);
    if (st != BR_OK) {
      return st;
    }
  }
  st = br_cancel_check(load->conn->cancel, err);
  if (st != BR_OK) {
    give_up(load);
    return st;
  }
  st = load_put_rows(load, b, err);
  if (st == BR_OK) {
    load->rows += b->rows;
    return BR_OK;
  }
  if (!is_local(st)) {
    return lost(load, st, err);
  }
  give_up(load);
  return st;
}

br_status tds_load_finish(tds_load *load, uint64_t *ret_rows, br_error *err) {
  tds_conn *conn = load->conn;
  br_status st = BR_OK;
  if (load->state == LOAD_ENDED) {
    return br_error_set(err, BR_ERR_INTERNAL, "The load has ended");
  }
  if (load->state == LOAD_SENDING) {
    st = br_cancel_check(conn->cancel, err);
    if (st != BR_OK) {
      give_up(load);
      return st;
    }
    st = put_done(&conn->writer, err);
    if (st != BR_OK) {
      return lost(load, st, err);
    }
    conn->state = CONN_RESPONSE;
    conn->rows_affected = -1;
    st = tds_conn_finish_answer(conn, err);
    if (conn->rows_affected >= 0) {
      load->rows = (uint64_t)conn->rows_affected;
    }
  }
  load->state = LOAD_ENDED;
  if (st == BR_OK && ret_rows != NULL) {
    *ret_rows = load->rows;
  }
  return st;
}

void tds_load_free(tds_load *load) {
  if (load == NULL) {
    return;
  }
  give_up(load);
  batch_schema_free(load->schema);
  br_free(load->columns);
  br_buf_done(&load->statement);
  br_buf_done(&load->scratch);
  br_free(load);
}
