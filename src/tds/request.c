/*
 * Sending a request, and stopping one.
 *
 * A stop never breaks off in the middle of decoding. Where waiting for input is cancelled or times
 * out, the reader's hook sends the attention (MS-TDS 2.2.1.7) and reading goes on as if nothing had
 * happened, now with 5 seconds left; the loops see attention_sent at the next token and read to the
 * DONE that acknowledges it. That may come in the answer's own message or in the next one.
 */
#include <string.h>

#include "base/limits.h"
#include "tds/conn.h"

enum { STOP_TIMEOUT_MS = 5000 };

/* --- sending --- */

static br_status write_headers(tds_conn *conn, br_error *err) {
  uint8_t headers[TDS_ALL_HEADERS_SIZE];
  br_store_u32le(headers, TDS_ALL_HEADERS_SIZE);
  br_store_u32le(headers + 4, TDS_ALL_HEADERS_SIZE - 4);
  br_store_u16le(headers + 8, TDS_HEADER_TRANSACTION_DESCRIPTOR);
  br_store_u64le(headers + 10, conn->transaction);
  br_store_u32le(headers + 18, 1); /* outstanding requests: no MARS */
  return tds_writer_bytes(&conn->writer, headers, sizeof headers, err);
}

static void forget_answer(tds_conn *conn) {
  tds_conn_forget_result(conn);
  conn->in_rows = false;
  conn->rows_affected = -1;
  conn->rows_read = 0;
  conn->answer_begun = false;
  conn->error = (tds_server_error){.number = 0};
  br_error_clear(&conn->pending);
}

static br_status check_idle(const tds_conn *conn, br_error *err) {
  switch (conn->state) {
  case CONN_IDLE:
    return BR_OK;
  case CONN_DEAD:
    return br_error_set(err, BR_ERR_NETWORK, "The connection is lost");
  case CONN_LOAD:
    return br_error_set(err, BR_ERR_INTERNAL, "A bulk load has not been finished");
  case CONN_RESPONSE:
    break;
  }
  return br_error_set(err, BR_ERR_INTERNAL, "The last batch has not been read to its end");
}

br_status tds_conn_begin_request(tds_conn *conn, tds_packet_type type, br_error *err) {
  br_status st = check_idle(conn, err);
  if (st == BR_OK) {
    st = br_cancel_check(conn->cancel, err);
  }
  if (st != BR_OK) {
    return st;
  }
  forget_answer(conn);
  tds_conn_set_wait(conn);
  tds_writer_begin(&conn->writer, type, conn->reset_next ? TDS_STATUS_RESET_CONNECTION : 0);
  if (conn->reset_next) {
    conn->transaction = 0;
    conn->reset_next = false;
  }
  return write_headers(conn, err);
}

br_status tds_conn_end_request(tds_conn *conn, br_status st, br_error *err) {
  if (st == BR_OK) {
    st = tds_writer_end(&conn->writer, err);
  }
  conn->state = st == BR_OK ? CONN_RESPONSE : CONN_DEAD;
  return st;
}

br_status tds_conn_finish_answer(tds_conn *conn, br_error *err) {
  br_status st = BR_OK;
  while (st == BR_OK) {
    st = tds_next_result(conn, err);
  }
  return st == BR_DONE ? BR_OK : st;
}

br_status tds_execute(tds_conn *conn, const char *sql, size_t length, br_error *err) {
  br_buf text;
  br_buf_init(&text, 2 * BR_LIMIT_SQL_FILE);
  br_status st = batch_utf8_to_utf16le(sql, length, &text, err);
  if (st == BR_OK) {
    st = tds_conn_begin_request(conn, TDS_PACKET_BATCH, err);
  }
  if (st == BR_OK) {
    st = tds_writer_bytes(&conn->writer, text.data, text.len, err);
    st = tds_conn_end_request(conn, st, err);
  }
  br_buf_done(&text);
  return st;
}

br_status tds_run(tds_conn *conn, const char *sql, br_error *err) {
  br_status st = tds_execute(conn, sql, strlen(sql), err);
  return st == BR_OK ? tds_conn_finish_answer(conn, err) : st;
}

void tds_reset_session(tds_conn *conn) {
  conn->reset_next = true;
}

void tds_set_query_timeout(tds_conn *conn, uint32_t timeout_ms) {
  conn->options.query_timeout_ms = timeout_ms;
}

/* --- stopping --- */

static br_status send_attention(tds_conn *conn, br_error *err) {
  conn->stream->wait = (tds_wait){.deadline = br_deadline_after_ms(STOP_TIMEOUT_MS)};
  tds_writer_begin(&conn->writer, TDS_PACKET_ATTENTION, 0);
  br_status st = tds_writer_end(&conn->writer, err);
  conn->attention_sent = st == BR_OK;
  conn->attention_acknowledged = false;
  return st;
}

static void remember_why(tds_conn *conn, br_status why, const br_error *err) {
  conn->why_stopped = why;
  if (err != NULL) {
    conn->why_error = *err;
  } else {
    br_error_set(&conn->why_error, why, "Stopped");
  }
}

br_status tds_conn_interrupted(void *context, br_status why, br_error *err) {
  tds_conn *conn = context;
  if (conn->state != CONN_RESPONSE || conn->attention_sent || conn->no_attention) {
    return why;
  }
  remember_why(conn, why, err);
  br_status st = send_attention(conn, err);
  if (st != BR_OK) {
    if (err != NULL) {
      *err = conn->why_error;
    }
    return why;
  }
  return BR_OK;
}

/* Goes to the next message of the answer. */
static br_status next_message(tds_conn *conn, br_error *err) {
  conn->answer_begun = false;
  return tds_conn_begin_answer(conn, err);
}

/* Reads tokens to the DONE that acknowledges the attention. */
static br_status drain_tokens(tds_conn *conn, br_error *err) {
  br_status st = tds_conn_begin_answer(conn, err);
  while (st == BR_OK && !conn->attention_acknowledged) {
    bool ended = false;
    st = tds_reader_ended(&conn->reader, &ended, err);
    if (st == BR_OK && ended) {
      st = next_message(conn, err);
      continue;
    }
    token_effect effect = EFFECT_NONE;
    uint8_t token = 0;
    tds_done done = {.status = 0};
    if (st == BR_OK) {
      st = tds_conn_token(conn, &effect, &token, &done, err);
    }
    if (st == BR_OK && effect == EFFECT_ROW) {
      st = tds_conn_skip_row(conn, token, err);
    }
  }
  return st;
}

/* Reads messages to the one whose last token, always a DONE, acknowledges the attention. */
static br_status drain_packets(tds_conn *conn, br_error *err) {
  br_status st = tds_conn_begin_answer(conn, err);
  while (st == BR_OK) {
    uint8_t tail[1 + TDS_DONE_SIZE];
    size_t length = 0;
    st = tds_reader_drop(&conn->reader, tail, sizeof tail, &length, err);
    if (st == BR_OK && length == sizeof tail && tail[0] == TDS_TOKEN_DONE &&
        (br_load_u16le(tail + 1) & TDS_DONE_ATTN) != 0) {
      return BR_OK;
    }
    if (st == BR_OK) {
      st = next_message(conn, err);
    }
  }
  return st;
}

br_status tds_conn_finish_stop(tds_conn *conn, bool mid_token, br_error *err) {
  br_error ignored = BR_ERROR_INIT;
  br_status st = BR_OK;
  if (!conn->attention_acknowledged) {
    st = mid_token ? BR_ERR_PROTOCOL : drain_tokens(conn, &ignored);
  }
  if (st == BR_ERR_PROTOCOL || st == BR_ERR_DATA) {
    st = drain_packets(conn, &ignored);
  }
  conn->attention_sent = false;
  conn->in_rows = false;
  conn->answer_begun = false;
  br_error_clear(&conn->pending);
  conn->state = st == BR_OK ? CONN_IDLE : CONN_DEAD;
  tds_conn_set_wait(conn);
  if (err != NULL) {
    *err = conn->why_error;
  }
  return conn->why_stopped;
}

/* A closed connection whose last word was an error of the server: that error is the news. */
static br_status lost(tds_conn *conn, br_status st, br_error *err) {
  conn->state = CONN_DEAD;
  if (conn->pending.status == BR_OK) {
    return st;
  }
  if (err != NULL) {
    *err = conn->pending;
  }
  return conn->pending.status;
}

br_status tds_conn_read_failed(tds_conn *conn, bool mid_token, br_status st, br_error *err) {
  if (conn->attention_sent) {
    if (st == BR_ERR_NETWORK || st == BR_ERR_TIMEOUT) {
      conn->state = CONN_DEAD;
      if (err != NULL) {
        *err = conn->why_error;
      }
      return conn->why_stopped;
    }
    return tds_conn_finish_stop(conn, mid_token, err);
  }
  bool can_stop =
      st == BR_ERR_DATA || st == BR_ERR_LIMIT || st == BR_ERR_UNSUPPORTED || st == BR_ERR_NOMEM;
  if (!can_stop || conn->no_attention) {
    return lost(conn, st, err);
  }
  br_error ignored = BR_ERROR_INIT;
  remember_why(conn, st, err);
  if (send_attention(conn, &ignored) != BR_OK) {
    return lost(conn, st, err);
  }
  return tds_conn_finish_stop(conn, mid_token, err);
}

br_status tds_cancel_query(tds_conn *conn, br_error *err) {
  if (conn->state != CONN_RESPONSE) {
    return conn->state == CONN_IDLE ? BR_OK
                                    : br_error_set(err, BR_ERR_NETWORK, "The connection is lost");
  }
  br_error_set(&conn->why_error, BR_OK, "Cancelled");
  conn->why_stopped = BR_OK;
  br_status st = send_attention(conn, err);
  if (st != BR_OK) {
    conn->state = CONN_DEAD;
    return st;
  }
  st = tds_conn_finish_stop(conn, false, NULL);
  return conn->state == CONN_DEAD
             ? br_error_set(err, BR_ERR_TIMEOUT, "The server did not acknowledge the cancellation")
             : st;
}
