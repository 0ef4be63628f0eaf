/*
 * Making a connection (MS-TDS 3.2.5.1 to .4):
 *
 *   name ─▶ socket ─▶ [strict: TLS] ─▶ PRELOGIN ─▶ [TLS in packets] ─▶ LOGIN7 ─▶ answer
 *              ▲                                                                   │
 *              └─────────────────────── redirect (once or twice) ──────────────────┘
 *
 * One deadline covers all of it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "tds/conn.h"
#include "tds/login7.h"
#include "tds/prelogin.h"
#include "tds/tls.h"

enum {
  CONNECT_TIMEOUT_MS = 15000,
  REDIRECTS_MAX = 2,
  MESSAGE_MAX = 65536,
  DEFAULT_PORT = 1433,
  STRICT_SILENCE_SHARE = 3, /* of the time to connect, how long TLS that comes first may wait */
  TLS_RECORD_ALERT = 0x15,
  TLS_RECORD_DATA = 0x17,
};

static const char program_name[] = "sql-databricks-bridge";

/* What a round of connecting aims at: first the options' server, then where it redirects to. */
typedef struct target {
  const char *host;
  uint16_t port;
  const char *certificate_host;
} target;

/* --- options --- */

static br_status copy_text(tds_conn *conn, size_t slot, const char **text, br_error *err) {
  if (*text == NULL) {
    return BR_OK;
  }
  conn->texts[slot] = br_strdup(*text);
  *text = conn->texts[slot];
  return *text == NULL ? br_error_nomem(err) : BR_OK;
}

static br_status copy_options(tds_conn *conn, const tds_options *options, br_error *err) {
  conn->options = *options;
  tds_options *o = &conn->options;
  const char **texts[] = {&o->host,    &o->unix_path,        &o->database,   &o->username,
                          &o->ca_file, &o->certificate_host, &o->application};
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < sizeof texts / sizeof *texts; i++) {
    st = copy_text(conn, i, texts[i], err);
  }
  if (st == BR_OK) {
    st = br_secret_copy(options->password, &conn->password, err);
  }
  o->password = NULL;
  o->port = o->port == 0 ? DEFAULT_PORT : o->port;
  o->max_cell = o->max_cell == 0 ? BR_LIMIT_CELL_DEFAULT : o->max_cell;
  o->connect_timeout_ms = o->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS : o->connect_timeout_ms;
  if (st == BR_OK && o->unix_path == NULL && (o->host == NULL || *o->host == '\0')) {
    st = br_error_set(err, BR_ERR_USAGE, "No server is named");
  }
  if (st == BR_OK && o->packet_size != 0 &&
      (o->packet_size < TDS_PACKET_SIZE_MIN || o->packet_size > TDS_PACKET_SIZE_MAX)) {
    st = br_error_set(err, BR_ERR_USAGE, "The packet size %" PRIu32 " is outside %d..%d",
                      o->packet_size, TDS_PACKET_SIZE_MIN, TDS_PACKET_SIZE_MAX);
  }
  return st;
}

/* --- socket and TLS --- */

static br_status open_socket(tds_conn *conn, const target *to, tds_stage *stage, br_error *err) {
  tds_wait wait = {.deadline = conn->connect_by, .cancel = conn->cancel};
  bool resolved = conn->options.unix_path != NULL;
  br_status st = conn->options.unix_path != NULL
                     ? tds_stream_unix(conn->options.unix_path, wait, &conn->stream, err)
                     : tds_stream_tcp(to->host, to->port, wait, &resolved, &conn->stream, err);
  *stage = resolved ? TDS_STAGE_TCP : TDS_STAGE_NAME;
  return st;
}

static br_status start_tls(tds_conn *conn, const target *to, bool strict, br_error *err) {
  /* What lies unread here was not encrypted and must not be taken for what is. */
  if (conn->reader.received != conn->reader.end) {
    return br_error_set(err, BR_ERR_PROTOCOL, "Bytes follow the answer to PRELOGIN");
  }
  const tds_tls_client_options options = {.host = to->certificate_host,
                                          .ca_file = conn->options.ca_file,
                                          .trust_any = conn->options.trust_server_certificate,
                                          .strict = strict};
  tds_stream *tls = NULL;
  if (strict) { /* a server of TDS 7.4 may wait for ever for the rest of what it takes for a packet
                 */
    conn->stream->wait.silence_ms = conn->options.connect_timeout_ms / STRICT_SILENCE_SHARE + 1;
  }
  br_status st = tds_tls_client(conn->stream, &options, &tls, err);
  if (st == BR_OK) {
    tls->wait.silence_ms = 0;
    conn->stream = tls;
    conn->tls = true;
    conn->reader.stream = tls;
    conn->writer.stream = tls;
  }
  return st;
}

/* --- PRELOGIN --- */

static br_status send_prelogin(tds_conn *conn, br_error *err) {
  const tds_prelogin ours = {.version = {0, 1},
                             .encryption = conn->options.encrypt == TDS_ENCRYPT_OPTIONAL
                                               ? TDS_ENCRYPTION_OFF
                                               : TDS_ENCRYPTION_ON};
  br_buf message;
  br_buf_init(&message, 256);
  br_status st = tds_prelogin_write(&ours, &message, err);
  tds_writer_begin(&conn->writer, TDS_PACKET_PRELOGIN, 0);
  if (st == BR_OK) {
    st = tds_writer_bytes(&conn->writer, message.data, message.len, err);
  }
  if (st == BR_OK) {
    st = tds_writer_end(&conn->writer, err);
  }
  br_buf_done(&message);
  return st;
}

static br_status closed(br_error *err, const char *where) {
  br_error_set(err, BR_ERR_NETWORK, "The server closed the connection %s", where);
  return br_error_set_retriable(err, BR_ERR_NETWORK);
}

/* Begins the answer, which must be of type 0x04. */
static br_status begin_answer(tds_conn *conn, const char *where, br_error *err) {
  br_status st = tds_reader_begin(&conn->reader, err);
  if (st == BR_DONE) {
    return closed(err, where);
  }
  if (st == BR_OK && conn->reader.type != TDS_PACKET_RESPONSE) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The answer is a packet of type 0x%02X: no TDS server",
                      conn->reader.type);
  }
  return st;
}

/* What a server that takes only TDS 8.0 does with a PRELOGIN outside TLS: it closes, or sends an
 * alert, or says nothing. */
static br_status explain_no_prelogin(const tds_conn *conn, br_status st, br_error *err) {
  bool silent = conn->reader.received == conn->reader.buffer;
  bool alert = !silent && conn->reader.buffer[0] == TLS_RECORD_ALERT;
  if (conn->strict || (!alert && !(silent && (st == BR_ERR_TIMEOUT || st == BR_ERR_NETWORK)))) {
    return st;
  }
  if (alert) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "The server answers PRELOGIN with a TLS alert");
  } else if (st == BR_ERR_TIMEOUT) {
    br_error_set(err, st, "The server stays silent instead of answering PRELOGIN");
    br_error_set_retriable(err, st);
  }
  return br_error_append(err, st,
                         "; if it takes only TDS 8.0 (strict encryption forced), set "
                         "SQLSERVER_ENCRYPT=strict");
}

static br_status read_prelogin(tds_conn *conn, tds_prelogin *ret_theirs, br_error *err) {
  br_status st = begin_answer(conn, "instead of answering PRELOGIN", err);
  br_buf message;
  br_buf_init(&message, MESSAGE_MAX);
  bool ended = false;
  while (st == BR_OK && !ended) {
    st = tds_reader_ended(&conn->reader, &ended, err);
    if (st == BR_OK && !ended) {
      size_t there = (size_t)(conn->reader.end - conn->reader.pos);
      st = br_buf_append(&message, conn->reader.pos, there, err);
      conn->reader.pos = conn->reader.end;
    }
  }
  if (st == BR_OK) {
    st = tds_prelogin_read(message.data, message.len, ret_theirs, err);
  }
  br_buf_done(&message);
  return st == BR_OK ? st : explain_no_prelogin(conn, st, err);
}

typedef enum encryption { ENCRYPT_NOTHING, ENCRYPT_LOGIN, ENCRYPT_ALL } encryption;

/* What both sides' ENCRYPTION options come to (2.2.6.5). A Unix socket is private to its machine
 * and user, so there a server without TLS is good enough. */
static br_status agree_on_encryption(const tds_conn *conn, const tds_prelogin *theirs,
                                     encryption *ret_result, br_error *err) {
  uint8_t answer = theirs->has_encryption ? theirs->encryption : TDS_ENCRYPTION_NOT_SUPPORTED;
  bool optional = conn->options.encrypt == TDS_ENCRYPT_OPTIONAL || conn->options.unix_path != NULL;
  switch (answer) {
  case TDS_ENCRYPTION_ON:
  case TDS_ENCRYPTION_REQUIRED:
    *ret_result = ENCRYPT_ALL;
    return BR_OK;
  case TDS_ENCRYPTION_OFF:
    *ret_result = ENCRYPT_LOGIN;
    break;
  case TDS_ENCRYPTION_NOT_SUPPORTED:
    *ret_result = ENCRYPT_NOTHING;
    break;
  default:
    return br_error_set(err, BR_ERR_PROTOCOL, "The server answers ENCRYPTION with 0x%02X", answer);
  }
  return optional ? BR_OK
                  : br_error_set(err, BR_ERR_TLS,
                                 "The server does not encrypt connections, and encryption is "
                                 "mandatory");
}

/* --- LOGIN7 --- */

static br_status write_login(const tds_conn *conn, const target *to, bool login_only,
                             br_buf *message, br_error *err) {
  char machine[256] = "";
  (void)gethostname(machine, sizeof machine - 1);
  uint32_t packet_size = conn->options.packet_size;
  if (packet_size == 0) {
    packet_size = conn->tls && !login_only ? TDS_PACKET_SIZE_TLS_MAX : TDS_PACKET_SIZE_MAX;
  }
  const tds_login7 login = {
      .tds_version = conn->strict ? TDS_VERSION_8_0 : TDS_VERSION_7_4,
      .packet_size = packet_size,
      .process_id = (uint32_t)getpid(),
      .host_name = machine,
      .username = conn->options.username,
      .password = conn->password,
      .application = conn->options.application != NULL ? conn->options.application : program_name,
      .server = to->host,
      .library = program_name,
      .database = conn->options.database,
      .read_only_intent = conn->options.read_only_intent,
  };
  return tds_login7_write(&login, message, err);
}

/* Sends LOGIN7. Where only the login is encrypted, TLS ends behind its (only) packet. */
static br_status send_login(tds_conn *conn, const target *to, bool login_only, br_error *err) {
  br_buf message;
  br_buf_init(&message, MESSAGE_MAX);
  br_status st = write_login(conn, to, login_only, &message, err);
  tds_writer_begin(&conn->writer, TDS_PACKET_LOGIN7, 0);
  if (st == BR_OK) {
    st = tds_writer_bytes(&conn->writer, message.data, message.len, err);
  }
  if (st == BR_OK) {
    st = tds_writer_end(&conn->writer, err);
  }
  br_wipe(message.data, message.cap);
  br_wipe(conn->writer.buffer, TDS_PACKET_SIZE_LOGIN);
  br_buf_done(&message);
  if (st == BR_OK && login_only && conn->tls) {
    conn->stream = tds_tls_detach(conn->stream);
    conn->tls = false;
    conn->reader.stream = conn->stream;
    conn->writer.stream = conn->stream;
  }
  return st;
}

/* Server errors of the login as statuses of their own. */
static br_status login_status(const tds_conn *conn) {
  static const struct {
    int32_t number;
    br_status status;
  } known[] = {
      {18456, BR_ERR_AUTH},    {18452, BR_ERR_AUTH},     {18470, BR_ERR_AUTH},
      {18486, BR_ERR_AUTH},    {18487, BR_ERR_AUTH},     {18488, BR_ERR_AUTH},
      {916, BR_ERR_AUTH},      {4060, BR_ERR_NOT_FOUND}, {4064, BR_ERR_NOT_FOUND},
      {911, BR_ERR_NOT_FOUND},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (known[i].number == conn->error.number) {
      return known[i].status;
    }
  }
  return conn->pending.status;
}

/* Babelfish does so where it refuses a login, as while it recovers from a crash. */
static br_status explain_tls_answer(const tds_conn *conn, br_status st, br_error *err) {
  return st == BR_ERR_PROTOCOL && !conn->tls && conn->reader.type == TLS_RECORD_DATA
             ? br_error_set(err, st,
                            "The server answers the login inside TLS, though both sides agreed to "
                            "encrypt nothing but the login (a refusal, perhaps: "
                            "SQLSERVER_ENCRYPT=mandatory shows its words)")
             : st;
}

static br_status read_login_answer(tds_conn *conn, br_error *err) {
  br_status st = begin_answer(conn, "instead of answering the login", err);
  st = explain_tls_answer(conn, st, err);
  conn->state = CONN_RESPONSE;
  conn->answer_begun = true;
  while (st == BR_OK) {
    token_effect effect = EFFECT_NONE;
    uint8_t token = 0;
    tds_done done = {.status = 0};
    st = tds_conn_token(conn, &effect, &token, &done, err);
    if (st == BR_OK && (effect == EFFECT_RESULT || effect == EFFECT_ROW)) {
      st = br_error_set(err, BR_ERR_PROTOCOL, "Rows in the answer to the login");
    }
    if (st == BR_OK && effect == EFFECT_DONE) {
      st = tds_conn_after_done(conn, &done, err);
    }
  }
  if (conn->pending.status != BR_OK) {
    st = login_status(conn);
    if (err != NULL) {
      *err = conn->pending;
      err->status = st;
    }
    return st;
  }
  if (st != BR_DONE) {
    return st;
  }
  return conn->login_acknowledged
             ? BR_OK
             : br_error_set(err, BR_ERR_PROTOCOL, "The server did not acknowledge the login");
}

/* --- one round --- */

static void drop_connection(tds_conn *conn) {
  tds_reader_done(&conn->reader);
  tds_writer_done(&conn->writer);
  tds_stream_close(conn->stream);
  conn->stream = NULL;
  conn->tls = false;
  conn->login_acknowledged = false;
  conn->route_port = 0;
  conn->state = CONN_IDLE;
  conn->answer_begun = false;
}

br_status tds_conn_attach(tds_conn *conn, tds_stream *stream, br_error *err) {
  conn->stream = stream;
  br_status st = tds_reader_init(&conn->reader, stream, err);
  return st == BR_OK ? tds_writer_init(&conn->writer, stream, TDS_PACKET_SIZE_LOGIN, err) : st;
}

/* "127.example.org" is a name like others. */
static bool is_this_machine(const tds_conn *conn, const target *to) {
  struct in_addr address;
  bool loopback =
      inet_pton(AF_INET, to->host, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
  return loopback || conn->options.unix_path != NULL ||
         br_text_equal_nocase(to->host, "localhost") || strcmp(to->host, "::1") == 0;
}

static void tell_clear_login(const tds_conn *conn, const target *to) {
  if (conn->options.on_clear_login != NULL && !is_this_machine(conn, to)) {
    conn->options.on_clear_login(to->host, to->port);
  }
}

static br_status talk(tds_conn *conn, const target *to, tds_stage *stage, br_error *err) {
  conn->strict = conn->options.encrypt == TDS_ENCRYPT_STRICT;
  br_status st = tds_conn_attach(conn, conn->stream, err);
  if (st == BR_OK && conn->strict) {
    *stage = TDS_STAGE_TLS;
    st = start_tls(conn, to, true, err);
  }
  tds_prelogin theirs = {.has_encryption = false};
  if (st == BR_OK) {
    *stage = TDS_STAGE_PRELOGIN;
    st = send_prelogin(conn, err);
  }
  if (st == BR_OK) {
    st = read_prelogin(conn, &theirs, err);
  }
  encryption encrypt = ENCRYPT_NOTHING;
  if (st == BR_OK && !conn->strict) {
    *stage = TDS_STAGE_TLS;
    st = agree_on_encryption(conn, &theirs, &encrypt, err);
    if (st == BR_OK && encrypt != ENCRYPT_NOTHING) {
      st = start_tls(conn, to, false, err);
    } else if (st == BR_OK) {
      tell_clear_login(conn, to);
    }
  }
  if (st == BR_OK) {
    *stage = TDS_STAGE_LOGIN;
    st = send_login(conn, to, encrypt == ENCRYPT_LOGIN, err);
  }
  return st == BR_OK ? read_login_answer(conn, err) : st;
}

/* "host\instance" is connected to by host. */
static void cut_instance(char *host) {
  char *backslash = strchr(host, '\\');
  if (backslash != NULL) {
    *backslash = '\0';
  }
}

static br_status connect_to(tds_conn *conn, const target *to, tds_stage *stage, br_error *err) {
  *stage = TDS_STAGE_NAME;
  br_status st = open_socket(conn, to, stage, err);
  return st == BR_OK ? talk(conn, to, stage, err) : st;
}

/* A socket of the file system has no place that helps anybody; who is waited for is told all the
 * same. */
static br_status with_where(const tds_conn *conn, const target *to, br_status st, br_error *err) {
  if (conn->options.unix_path == NULL) {
    return br_error_context(err, st, "%s:%u", to->host, (unsigned)to->port);
  }
  return st == BR_ERR_TIMEOUT ? br_error_context(err, st, "SQL Server") : st;
}

static br_status connect_all(tds_conn *conn, tds_stage *stage, br_error *err) {
  char host[sizeof conn->route_server] = "";
  const char *named = conn->options.host != NULL ? conn->options.host : "localhost";
  target to = {.host = named, .port = conn->options.port, .certificate_host = named};
  if (conn->options.certificate_host != NULL) {
    to.certificate_host = conn->options.certificate_host;
  }
  br_status st = connect_to(conn, &to, stage, err);
  for (int i = 0; st == BR_OK && conn->route_port != 0; i++) {
    if (i == REDIRECTS_MAX) {
      st = br_error_set(err, BR_ERR_PROTOCOL, "The server redirects again and again");
      break;
    }
    memcpy(host, conn->route_server, sizeof host);
    cut_instance(host);
    to = (target){.host = host, .port = conn->route_port, .certificate_host = host};
    drop_connection(conn);
    st = connect_to(conn, &to, stage, err);
  }
  return st == BR_OK ? st : with_where(conn, &to, st, err);
}

br_status tds_conn_new(const tds_options *options, br_cancel *cancel, tds_conn **ret_conn,
                       br_error *err) {
  tds_conn *conn = br_calloc(1, sizeof *conn);
  if (conn == NULL) {
    return br_error_nomem(err);
  }
  conn->cancel = cancel;
  conn->rows_affected = -1;
  br_status st = copy_options(conn, options, err);
  if (st != BR_OK) {
    tds_close(conn);
    return st;
  }
  conn->connect_by = br_deadline_after_ms(conn->options.connect_timeout_ms);
  *ret_conn = conn;
  return BR_OK;
}

void tds_conn_ready(tds_conn *conn) {
  br_secret_free(conn->password);
  conn->password = NULL;
  memcpy(conn->login_database, conn->database, sizeof conn->login_database);
  conn->reader.interrupted = tds_conn_interrupted;
  conn->reader.interrupted_context = conn;
  tds_conn_set_wait(conn);
}

static br_status finish_connect(tds_conn *conn, br_status st, tds_stage stage, tds_conn **ret_conn,
                                tds_stage *ret_stage) {
  if (ret_stage != NULL) {
    *ret_stage = st == BR_OK ? TDS_STAGE_READY : stage;
  }
  if (st != BR_OK) {
    tds_close(conn);
    return st;
  }
  tds_conn_ready(conn);
  *ret_conn = conn;
  return BR_OK;
}

br_status tds_connect(const tds_options *options, br_cancel *cancel, tds_conn **ret_conn,
                      tds_stage *ret_stage, br_error *err) {
  tds_conn *conn = NULL;
  tds_stage stage = TDS_STAGE_NAME;
  br_status st = tds_conn_new(options, cancel, &conn, err);
  if (st == BR_OK) {
    st = connect_all(conn, &stage, err);
  }
  return finish_connect(conn, st, stage, ret_conn, ret_stage);
}

br_status tds_connect_over(tds_stream *stream, const tds_options *options, br_cancel *cancel,
                           tds_conn **ret_conn, tds_stage *ret_stage, br_error *err) {
  tds_conn *conn = NULL;
  tds_stage stage = TDS_STAGE_PRELOGIN;
  br_status st = tds_conn_new(options, cancel, &conn, err);
  if (st != BR_OK) {
    tds_stream_close(stream);
    return st;
  }
  const target to = {.host = options->host != NULL ? options->host : "localhost",
                     .port = conn->options.port,
                     .certificate_host = options->host};
  conn->stream = stream;
  stream->wait = (tds_wait){.deadline = conn->connect_by, .cancel = cancel};
  st = talk(conn, &to, &stage, err);
  if (st == BR_OK && conn->route_port != 0) {
    st = br_error_set(err, BR_ERR_UNSUPPORTED, "The server redirects to %s:%u", conn->route_server,
                      (unsigned)conn->route_port);
  }
  return finish_connect(conn, st, stage, ret_conn, ret_stage);
}
