/*
 * Reading an answer: one token after the other up to the next result set or the end (MS-TDS 2.2.7).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tds/conn.h"

/* Errors after which the same request may succeed (Azure SQL throttling and fail-over, deadlock,
 * snapshot conflict). */
static bool is_transient(int32_t number) {
  static const int32_t numbers[] = {1205,  3960,  10928, 10929, 40197, 40501, 40613,
                                    49918, 49919, 49920, 4221,  42108, 42109};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (numbers[i] == number) {
      return true;
    }
  }
  return false;
}

/* The first error is reported with everything the server said; those behind it are appended. */
static void add_error(tds_conn *conn, const tds_server_error *m) {
  char procedure[sizeof m->procedure + 16] = "";
  if (m->procedure[0] != '\0') {
    (void)snprintf(procedure, sizeof procedure, ", procedure %s", m->procedure);
  }
  if (conn->pending.status == BR_OK) {
    conn->error = *m;
    br_error_set(&conn->pending, BR_ERR_REMOTE,
                 "SQL Server error %" PRId32 ", severity %u, state %u%s, line %" PRId32 ": %s",
                 m->number, m->severity, m->state, procedure, m->line, m->message);
    conn->pending.native_code = m->number;
    conn->pending.retriable = is_transient(m->number);
    return;
  }
  br_error_append(&conn->pending, BR_ERR_REMOTE,
                  "; error %" PRId32 ", state %u%s, line %" PRId32 ": %s", m->number, m->state,
                  procedure, m->line, m->message);
}

static br_status on_message(tds_conn *conn, uint8_t token, br_error *err) {
  tds_server_error message;
  br_status st = tds_token_message(&conn->reader, &message, err);
  if (st == BR_OK && token == TDS_TOKEN_ERROR) {
    add_error(conn, &message);
  } else if (st == BR_OK && conn->options.on_message != NULL) {
    conn->options.on_message(conn->options.on_message_context, message.number, message.severity,
                             message.message);
  }
  return st;
}

static br_status set_packet_size(tds_conn *conn, const char *digits, br_error *err) {
  size_t size = 0;
  for (const char *p = digits; *p >= '0' && *p <= '9' && size < 100000; p++) {
    size = size * 10 + (size_t)(*p - '0');
  }
  return tds_writer_set_packet_size(&conn->writer, size, err);
}

static br_status on_env_change(tds_conn *conn, br_error *err) {
  tds_env_change change;
  br_status st = tds_token_env_change(&conn->reader, &change, err);
  if (st != BR_OK) {
    return st;
  }
  switch (change.type) {
  case TDS_ENV_DATABASE:
    memcpy(conn->database, change.text, sizeof conn->database);
    break;
  case TDS_ENV_PACKET_SIZE:
    return set_packet_size(conn, change.text, err);
  case TDS_ENV_COLLATION:
    memcpy(conn->collation, change.collation, sizeof conn->collation);
    break;
  case TDS_ENV_BEGIN_TRANSACTION:
    conn->transaction = change.descriptor;
    break;
  case TDS_ENV_COMMIT_TRANSACTION:
  case TDS_ENV_ROLLBACK_TRANSACTION:
  case TDS_ENV_TRANSACTION_ENDED:
    conn->transaction = 0;
    break;
  case TDS_ENV_RESET_ACK:
    memcpy(conn->database, conn->login_database, sizeof conn->database);
    conn->transaction = 0;
    break;
  case TDS_ENV_ROUTING:
    conn->route_port = change.port;
    memcpy(conn->route_server, change.server, sizeof conn->route_server);
    break;
  default:
    break;
  }
  return BR_OK;
}

static br_status on_login_ack(tds_conn *conn, br_error *err) {
  br_status st = tds_token_login_ack(&conn->reader, &conn->login_ack, err);
  if (st == BR_OK) {
    const uint8_t *v = conn->login_ack.version;
    conn->login_acknowledged = true;
    (void)snprintf(conn->version, sizeof conn->version, "%u.%u.%u", v[0], v[1],
                   (unsigned)v[2] << 8 | v[3]);
  }
  return st;
}

static br_status on_feature_ack(tds_conn *conn, br_error *err) {
  uint32_t features = 0;
  br_status st = tds_token_feature_ack(&conn->reader, &features, err);
  const uint32_t asked = 1U << TDS_FEATURE_UTF8_SUPPORT | 1U << TDS_FEATURE_JSON_SUPPORT;
  if (st == BR_OK && (features & ~asked) != 0) {
    st = br_error_set(err, BR_ERR_PROTOCOL,
                      "The server acknowledges features that were not asked for (0x%08" PRIX32 ")",
                      features & ~asked);
  }
  return st;
}

static br_status on_metadata(tds_conn *conn, token_effect *ret_effect, br_error *err) {
  bool has_columns = false;
  br_status st = tds_conn_read_metadata(conn, &has_columns, err);
  *ret_effect = has_columns ? EFFECT_RESULT : EFFECT_NONE;
  return st;
}

static br_status on_done(tds_conn *conn, token_effect *ret_effect, tds_done *ret_done,
                         br_error *err) {
  br_status st = tds_token_done(&conn->reader, ret_done, err);
  *ret_effect = EFFECT_DONE;
  conn->in_rows = false;
  if (st == BR_OK && conn->attention_sent && (ret_done->status & TDS_DONE_ATTN) != 0) {
    conn->attention_acknowledged = true;
  }
  if (st == BR_OK && (ret_done->status & TDS_DONE_COUNT) != 0) {
    conn->rows_affected = ret_done->rows > INT64_MAX ? INT64_MAX : (int64_t)ret_done->rows;
  }
  if (st == BR_OK && (ret_done->status & (TDS_DONE_ERROR | TDS_DONE_SERVER_ERROR)) != 0 &&
      (ret_done->status & TDS_DONE_ATTN) == 0 && conn->pending.status == BR_OK &&
      !conn->attention_sent) {
    /* An error without words still is one. */
    br_error_set(&conn->pending, BR_ERR_REMOTE, "The server reports an error without a message");
  }
  return st;
}

br_status tds_conn_token(tds_conn *conn, token_effect *ret_effect, uint8_t *ret_token,
                         tds_done *ret_done, br_error *err) {
  tds_reader *r = &conn->reader;
  uint8_t token = 0;
  uint32_t status = 0;
  br_status st = tds_reader_u8(r, &token, err);
  if (st != BR_OK) {
    return st;
  }
  *ret_effect = EFFECT_NONE;
  *ret_token = token;
  switch (token) {
  case TDS_TOKEN_ROW:
  case TDS_TOKEN_NBCROW:
    *ret_effect = EFFECT_ROW;
    return conn->in_rows ? BR_OK : br_error_set(err, BR_ERR_PROTOCOL, "A row without columns");
  case TDS_TOKEN_COLMETADATA:
    return on_metadata(conn, ret_effect, err);
  case TDS_TOKEN_DONE:
  case TDS_TOKEN_DONEPROC:
  case TDS_TOKEN_DONEINPROC:
    return on_done(conn, ret_effect, ret_done, err);
  case TDS_TOKEN_ERROR:
  case TDS_TOKEN_INFO:
    return on_message(conn, token, err);
  case TDS_TOKEN_ENVCHANGE:
    return on_env_change(conn, err);
  case TDS_TOKEN_LOGINACK:
    return on_login_ack(conn, err);
  case TDS_TOKEN_FEATUREEXTACK:
    return on_feature_ack(conn, err);
  case TDS_TOKEN_RETURNSTATUS:
    return tds_reader_u32(r, &status, err);
  case TDS_TOKEN_RETURNVALUE:
    return tds_token_return_value(r, err);
  case TDS_TOKEN_ORDER:
  case TDS_TOKEN_TABNAME:
  case TDS_TOKEN_COLINFO:
    return tds_token_skip16(r, err);
  case TDS_TOKEN_SESSIONSTATE:
    return tds_token_skip32(r, err);
  default:
    return br_error_set(err, BR_ERR_PROTOCOL, "There is no token 0x%02X in an answer", token);
  }
}

br_status tds_conn_after_done(tds_conn *conn, const tds_done *done, br_error *err) {
  if ((done->status & TDS_DONE_MORE) != 0) {
    return BR_OK;
  }
  bool ended = false;
  br_status st = tds_reader_ended(&conn->reader, &ended, err);
  if (st != BR_OK || !ended || conn->attention_sent) {
    return st;
  }
  conn->state = CONN_IDLE;
  conn->answer_begun = false;
  if (conn->pending.status != BR_OK) {
    if (err != NULL) {
      *err = conn->pending;
    }
    /* Severity 20 and more: the server closes the connection. */
    if (conn->error.severity >= 20) {
      conn->state = CONN_DEAD;
    }
    return conn->pending.status;
  }
  return BR_DONE;
}

br_status tds_conn_begin_answer(tds_conn *conn, br_error *err) {
  if (conn->answer_begun) {
    return BR_OK;
  }
  br_status st = tds_reader_begin(&conn->reader, err);
  if (st == BR_DONE) {
    br_error_set(err, BR_ERR_NETWORK, "The server closed the connection instead of answering");
    return br_error_set_retriable(err, BR_ERR_NETWORK);
  }
  if (st == BR_OK && conn->reader.type != TDS_PACKET_RESPONSE) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The answer is a packet of type 0x%02X",
                      conn->reader.type);
  }
  conn->answer_begun = st == BR_OK;
  return st;
}

br_status tds_conn_to_next_result(tds_conn *conn, br_error *err) {
  br_status st = tds_conn_begin_answer(conn, err);
  if (st != BR_OK) {
    return tds_conn_read_failed(conn, true, st, err);
  }
  for (;;) {
    if (conn->attention_sent) {
      return tds_conn_finish_stop(conn, false, err);
    }
    token_effect effect = EFFECT_NONE;
    uint8_t token = 0;
    tds_done done = {.status = 0};
    st = tds_conn_token(conn, &effect, &token, &done, err);
    if (st == BR_OK && effect == EFFECT_ROW) {
      st = tds_conn_skip_row(conn, token, err);
    }
    if (st != BR_OK) {
      return tds_conn_read_failed(conn, true, st, err);
    }
    if (effect == EFFECT_RESULT) {
      return BR_OK;
    }
    if (effect == EFFECT_DONE) {
      st = tds_conn_after_done(conn, &done, err);
      if (st != BR_OK) {
        return conn->state == CONN_RESPONSE ? tds_conn_read_failed(conn, true, st, err) : st;
      }
    }
  }
}

br_status tds_next_result(tds_conn *conn, br_error *err) {
  if (conn->state == CONN_DEAD) {
    return tds_conn_say_lost(conn, err);
  }
  if (conn->state == CONN_IDLE) {
    return BR_DONE;
  }
  br_status st = tds_conn_to_next_result(conn, err);
  /* From here on only the current schema is the caller's. */
  batch_schema_free(conn->retired_schema);
  conn->retired_schema = NULL;
  return st;
}
