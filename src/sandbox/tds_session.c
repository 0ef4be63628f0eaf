/*
 * A connection: prelogin, TLS, login, then one request after the other.
 */
#include "sandbox/tds_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/sandbox.h"
#include "tds/prelogin.h"

enum {
  LOGIN_TIMEOUT_MS = 60000,
  TLS_RECORD_HANDSHAKE = 0x16, /* the first byte of a strict connection */
};

/* What the server calls itself. */
static const uint8_t version_of_login[4] = {16, 0, 0x10, 0x27};
static const uint8_t version_of_prelogin[6] = {16, 0, 0x10, 0x27, 0, 0};
#define PROGRAM "Microsoft SQL Server"

/* Whose fault it is does not matter here: the connection ends, and the client sees that. */
static br_status open_io(tds_session *s, br_error *err) {
  br_status st = tds_reader_init(&s->reader, s->stream, err);
  return st == BR_OK ? tds_writer_init(&s->writer, s->stream, TDS_PACKET_SIZE_LOGIN, err) : st;
}

static void close_io(tds_session *s) {
  tds_reader_done(&s->reader);
  tds_writer_done(&s->writer);
}

/* Prelogin and TLS. */

static br_status wait_for_first_byte(const tds_session *s, uint8_t *ret_byte, br_error *err) {
  struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN},
                          {.fd = br_cancel_fd(s->server->stop), .events = POLLIN}};
  int ready = br_sys.poll(fds, 2, LOGIN_TIMEOUT_MS);
  if (ready <= 0 || fds[1].revents != 0 ||
      br_sys.recv(s->fd, ret_byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
    return br_error_set(err, BR_ERR_NETWORK, "No login");
  }
  return BR_OK;
}

/* What the two sides' wishes come to (2.2.6.5). */
static uint8_t agree(uint8_t client, bool tls) {
  if (!tls || client == TDS_ENCRYPTION_NOT_SUPPORTED) {
    return TDS_ENCRYPTION_NOT_SUPPORTED;
  }
  return client == TDS_ENCRYPTION_OFF ? TDS_ENCRYPTION_OFF : TDS_ENCRYPTION_ON;
}

static br_status answer_prelogin(tds_session *s, bool strict, uint8_t *ret_encryption,
                                 br_error *err) {
  br_buf message;
  tds_prelogin asked;
  br_buf_init(&message, TDS_LOGIN_MAX);
  br_status st = tds_reader_begin(&s->reader, err);
  if (st == BR_OK && s->reader.type != TDS_PACKET_PRELOGIN) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "No prelogin");
  }
  if (st == BR_OK) {
    st = tds_message_read(&s->reader, &message, err);
  }
  if (st == BR_OK) {
    st = tds_prelogin_read(message.data, message.len, &asked, err);
  }
  if (st == BR_OK) {
    /* Inside a strict connection nothing is left to agree on. */
    tds_prelogin reply = {.encryption = strict ? TDS_ENCRYPTION_ON
                                               : agree(asked.encryption, s->tcp && s->server->tls)};
    memcpy(reply.version, version_of_prelogin, sizeof reply.version);
    br_buf_clear(&message);
    st = tds_prelogin_write(&reply, &message, err);
    *ret_encryption = reply.encryption;
  }
  if (st == BR_OK) {
    tds_writer_begin(&s->writer, TDS_PACKET_RESPONSE, 0);
    st = tds_writer_bytes(&s->writer, message.data, message.len, err);
  }
  if (st == BR_OK) {
    st = tds_writer_end(&s->writer, err);
  }
  br_buf_done(&message);
  return st;
}

/* Puts TLS around the stream, and reader and writer on top of it. */
static br_status wrap_tls(tds_session *s, bool strict, br_error *err) {
  tds_stream *tls = NULL;
  close_io(s);
  br_status st = tds_tls_server(s->stream, s->server->tls, strict, &tls, err);
  if (st != BR_OK) {
    return st;
  }
  s->stream = tls;
  return strict ? BR_OK : open_io(s, err);
}

static br_status open_connection(tds_session *s, uint8_t *ret_encryption, bool *ret_strict,
                                 br_error *err) {
  uint8_t first = 0;
  tds_wait wait = tds_wait_forever();
  wait.cancel = s->server->stop;
  wait.deadline = br_deadline_after_ms(LOGIN_TIMEOUT_MS);
  br_status st = wait_for_first_byte(s, &first, err);
  if (st == BR_OK) {
    st = tds_stream_of_socket(s->fd, wait, &s->stream, err);
  }
  if (st != BR_OK) {
    return st;
  }
  bool strict = first == TLS_RECORD_HANDSHAKE;
  if (strict && (!s->tcp || s->server->tls == NULL || !s->server->options.strict)) {
    return br_error_set(err, BR_ERR_TLS, "TDS 8.0 is not offered");
  }
  if (strict) {
    st = wrap_tls(s, true, err);
  }
  if (st == BR_OK) {
    st = open_io(s, err);
  }
  if (st == BR_OK) {
    st = answer_prelogin(s, strict, ret_encryption, err);
  }
  if (st == BR_OK && !strict && *ret_encryption != TDS_ENCRYPTION_NOT_SUPPORTED) {
    st = wrap_tls(s, false, err);
  }
  *ret_strict = strict;
  return st;
}

/* The login. */

static br_status read_login(tds_session *s, tds_server_login *ret_login, br_error *err) {
  br_buf message;
  br_buf_init(&message, TDS_LOGIN_MAX);
  br_status st = tds_reader_begin(&s->reader, err);
  if (st == BR_OK && s->reader.type != TDS_PACKET_LOGIN7) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "No login");
  }
  if (st == BR_OK) {
    st = tds_message_read(&s->reader, &message, err);
  }
  if (st == BR_OK) {
    st = tds_server_login_read(message.data, message.len, ret_login, err);
  }
  if (message.data != NULL) {
    br_wipe(message.data, message.cap);
  }
  br_buf_done(&message);
  return st;
}

static bool credentials_are_right(const tds_server_login *login) {
  bool user = br_text_equal_nocase(login->username, SANDBOX_USERNAME) ||
              br_text_equal_nocase(login->username, "bridge");
  return user && strcmp(login->password, SANDBOX_PASSWORD) == 0 &&
         (login->flags2 & TDS_LOGIN7_FLAGS2_INTEGRATED) == 0;
}

/* Refuses the login with errors and ends the message. */
static br_status refuse_login(tds_session *s, const tds_server_login *login, bool database,
                              br_error *err) {
  tds_answer a;
  br_status st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, NULL, err);
  if (st == BR_OK && database) {
    st = tds_answer_refuse(&a, 4060, 11, err,
                           "Cannot open database \"%.128s\" requested by the login. The login "
                           "failed.",
                           login->database);
  }
  if (st == BR_OK) {
    st = tds_answer_refuse(&a, 18456, 14, err, "Login failed for user '%.128s'.", login->username);
  }
  if (st == BR_OK) {
    st = tds_answer_end(&a, err);
  }
  return st == BR_OK ? br_error_set(err, BR_ERR_AUTH, "The login failed") : st;
}

static uint32_t packet_size_of(const tds_server_login *login, bool encrypted) {
  const uint32_t most = encrypted ? TDS_PACKET_SIZE_TLS_MAX : TDS_PACKET_SIZE_MAX;
  uint32_t size = login->packet_size == 0 ? TDS_PACKET_SIZE_LOGIN : login->packet_size;
  size = size < TDS_PACKET_SIZE_MIN ? TDS_PACKET_SIZE_MIN : size;
  return size > most ? most : size;
}

static br_status put_info(tds_session *s, int32_t number, const char *text, br_error *err) {
  tds_server_error message = {.number = number, .state = 1, .severity = 0, .line = 1};
  (void)snprintf(message.server, sizeof message.server, "%s", SANDBOX_SERVER_NAME);
  (void)snprintf(message.message, sizeof message.message, "%s", text);
  return tds_put_message(&s->writer, &message, err);
}

static br_status put_welcome(tds_session *s, const tds_server_login *login, uint32_t packet_size,
                             bool strict, br_error *err) {
  const uint32_t known = UINT32_C(1) << TDS_FEATURE_UTF8_SUPPORT | UINT32_C(1)
                                                                       << TDS_FEATURE_JSON_SUPPORT;
  char text[TDS_NAME_MAX + 64], size[16];
  tds_writer *w = &s->writer;
  (void)snprintf(text, sizeof text, "Changed database context to '%s'.", s->database);
  (void)snprintf(size, sizeof size, "%u", packet_size);
  br_status st = tds_put_env_text(w, TDS_ENV_DATABASE, s->database, "master", err);
  st = st == BR_OK ? put_info(s, 5701, text, err) : st;
  st = st == BR_OK ? tds_put_env_bytes(w, TDS_ENV_COLLATION, tds_collation_latin1,
                                       TDS_COLLATION_SIZE, NULL, 0, err)
                   : st;
  st = st == BR_OK ? tds_put_env_text(w, TDS_ENV_LANGUAGE, "us_english", "", err) : st;
  st = st == BR_OK ? put_info(s, 5703, "Changed language setting to us_english.", err) : st;
  st = st == BR_OK ? tds_put_login_ack(w, strict ? TDS_VERSION_8_0 : TDS_VERSION_7_4, PROGRAM,
                                       version_of_login, err)
                   : st;
  st = st == BR_OK ? tds_put_env_text(w, TDS_ENV_PACKET_SIZE, size, "4096", err) : st;
  if (st == BR_OK && (login->features & known) != 0) {
    st = tds_put_feature_ack(w, login->features & known, err);
  }
  return st;
}

static br_status welcome(tds_session *s, const tds_server_login *login, bool encrypted, bool strict,
                         br_error *err) {
  tds_answer a;
  const uint32_t size = packet_size_of(login, encrypted);
  br_status st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, NULL, err);
  if (st == BR_OK) {
    st = put_welcome(s, login, size, strict, err);
  }
  if (st == BR_OK) {
    st = tds_answer_end(&a, err);
  }
  return st == BR_OK ? tds_writer_set_packet_size(&s->writer, size, err) : st;
}

/* A session of the engine in the database that the login wants. */
static br_status new_engine_session(tds_session *s, bool *ret_found, br_error *err) {
  engine_session *session = NULL;
  engine_error why = {0};
  br_status st = engine_session_new(s->server->options.engine, &session, err);
  *ret_found = true;
  if (st == BR_OK && s->login_database[0] != '\0') {
    br_status used = engine_session_use(session, s->login_database, NULL, &why, err);
    *ret_found = used == BR_OK;
    st = used == BR_OK || why.number != 0 ? BR_OK : used;
  }
  if (st != BR_OK || !*ret_found) {
    engine_session_free(session);
    return st;
  }
  engine_session_free(s->engine);
  s->engine = session;
  (void)snprintf(s->database, sizeof s->database, "%s", engine_session_database(session));
  return BR_OK;
}

/* Encrypting the login alone: back to plain packets behind it. */
static br_status drop_tls(tds_session *s, br_error *err) {
  close_io(s);
  s->stream = tds_tls_detach(s->stream);
  return open_io(s, err);
}

static br_status check_login(tds_session *s, const tds_server_login *login, bool encrypted,
                             bool strict, br_error *err) {
  sandbox_fault fault;
  bool found = false;
  if (sandbox_fault_strikes(s->server->options.faults, SANDBOX_FAULT_TDS_LOGIN_DELAY,
                            login->username, NULL, &fault)) {
    br_status st = br_cancel_sleep_ms(s->server->stop, fault.value, err);
    if (st != BR_OK) {
      return st;
    }
  }
  if (!credentials_are_right(login)) {
    return refuse_login(s, login, false, err);
  }
  (void)snprintf(s->login_database, sizeof s->login_database, "%s", login->database);
  s->json = (login->features >> TDS_FEATURE_JSON_SUPPORT & 1U) != 0;
  br_status st = new_engine_session(s, &found, err);
  if (st != BR_OK) {
    return st;
  }
  return found ? welcome(s, login, encrypted, strict, err) : refuse_login(s, login, true, err);
}

static br_status log_in(tds_session *s, br_error *err) {
  uint8_t encryption = TDS_ENCRYPTION_NOT_SUPPORTED;
  bool strict = false;
  tds_server_login login;
  br_status st = open_connection(s, &encryption, &strict, err);
  if (st == BR_OK) {
    st = read_login(s, &login, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (!strict && encryption == TDS_ENCRYPTION_OFF) {
    st = drop_tls(s, err);
  }
  if (st == BR_OK) {
    s->writer.spid = (uint16_t)(s->id & 0x7FFF);
    st = check_login(s, &login, strict || encryption == TDS_ENCRYPTION_ON, strict, err);
  }
  tds_server_login_done(&login);
  if (st == BR_OK) {
    s->stream->wait.deadline = tds_wait_forever().deadline;
  }
  return st;
}

/* Faults that count bytes or rows need a stream that can break. */
static br_status arm_faults(tds_session *s, br_error *err) {
  static const struct {
    sandbox_fault_action action;
    tds_fault_kind kind;
  } kinds[] = {{SANDBOX_FAULT_TDS_CLOSE_BYTES, TDS_FAULT_CLOSE},
               {SANDBOX_FAULT_TDS_STALL_BYTES, TDS_FAULT_STALL},
               {SANDBOX_FAULT_TDS_GARBAGE_BYTES, TDS_FAULT_GARBAGE}};
  tds_stream *stream = NULL;
  sandbox_fault fault;
  br_status st = tds_fault_stream(s->stream, &stream, err);
  if (st != BR_OK) {
    return st;
  }
  s->stream = s->reader.stream = s->writer.stream = stream;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (sandbox_fault_strikes(s->server->options.faults, kinds[i].action, NULL, NULL, &fault)) {
      tds_fault_arm(stream, kinds[i].kind, fault.value);
    }
  }
  return BR_OK;
}

/* Requests. */

static br_status answer_attention(tds_session *s, br_error *err) {
  tds_writer_begin(&s->writer, TDS_PACKET_RESPONSE, 0);
  br_status st = tds_put_done(&s->writer, TDS_TOKEN_DONE, TDS_DONE_ATTN, 0, 0, err);
  return st == BR_OK ? tds_writer_end(&s->writer, err) : st;
}

/* A request that its sender gave up. */
static br_status answer_abandoned(tds_session *s, br_error *err) {
  tds_writer_begin(&s->writer, TDS_PACKET_RESPONSE, 0);
  br_status st = tds_put_done(&s->writer, TDS_TOKEN_DONE, TDS_DONE_ERROR, 0, 0, err);
  return st == BR_OK ? tds_writer_end(&s->writer, err) : st;
}

static br_status run_batch(tds_session *s, const uint8_t *payload, size_t length, br_error *err) {
  br_buf text;
  tds_answer a;
  br_buf_init(&text, TDS_REQUEST_MAX);
  br_status st = tds_batch_text_read(payload, length, &text, err);
  const char *sql = st == BR_OK ? br_buf_cstr(&text) : NULL;
  if (st == BR_OK && sql == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK && tds_is_insert_bulk(sql, text.len)) {
    st = tds_bulk_announce(s, sql, text.len, err);
  } else if (st == BR_OK) {
    st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, sql, err);
    if (st == BR_OK) {
      st = tds_answer_execute(&a, sql, text.len, NULL, 0, err);
    }
    if (st == BR_OK) {
      st = tds_answer_end(&a, err);
    }
  }
  br_buf_done(&text);
  return st;
}

/* " [name]", its brackets doubled; "" for none. */
static void bracketed_name(const char *name, char *out) {
  if (name[0] != '\0') {
    *out++ = ' ';
    *out++ = '[';
    for (const char *p = name; *p != '\0'; p++) {
      *out++ = *p;
      if (*p == ']') {
        *out++ = ']';
      }
    }
    *out++ = ']';
  }
  *out = '\0';
}

static br_status run_transaction(tds_session *s, const uint8_t *payload, size_t length,
                                 br_error *err) {
  static const char *const levels[] = {
      NULL, "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"};
  tds_transaction_request request;
  tds_answer a;
  char sql[2 * sizeof request.name + 200], name[2 * sizeof request.name + 4];
  int used = 0;
  br_status st = tds_transaction_read(payload, length, &request, err);
  if (st != BR_OK) {
    return st;
  }
  const char *level = request.isolation < 6 ? levels[request.isolation] : NULL;
  if (level != NULL) {
    used = snprintf(sql, sizeof sql, "SET TRANSACTION ISOLATION LEVEL %s; ", level);
  }
  const char *verb = request.type == TDS_TRANSACTION_BEGIN      ? "BEGIN"
                     : request.type == TDS_TRANSACTION_COMMIT   ? "COMMIT"
                     : request.type == TDS_TRANSACTION_ROLLBACK ? "ROLLBACK"
                                                                : "SAVE";
  bracketed_name(request.name, name);
  (void)snprintf(sql + used, sizeof sql - (size_t)used, "%s TRANSACTION%s%s", verb, name,
                 request.begin_next ? "; BEGIN TRANSACTION" : "");
  st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, sql, err);
  if (st == BR_OK) {
    /* A request of its own is no statement of a batch: FMTONLY keeps none from its transaction. */
    bool fmtonly = engine_session_set_fmtonly(s->engine, false);
    st = tds_answer_execute(&a, sql, strlen(sql), NULL, 0, err);
    (void)engine_session_set_fmtonly(s->engine, fmtonly);
  }
  return st == BR_OK ? tds_answer_end(&a, err) : st;
}

/* RESETCONNECTION (2.2.3.1.2): a session like new, in the login's database; its transaction goes
 * unless it is to be kept. */
static br_status reset_session(tds_session *s, bool keep_transaction, br_error *err) {
  engine_error why = {0};
  tds_prepared_clear(s);
  tds_bulk_forget(s);
  s->reset = true;
  br_status st =
      engine_session_reset(s->engine, s->login_database[0] == '\0' ? NULL : s->login_database,
                           keep_transaction, &why, err);
  (void)snprintf(s->database, sizeof s->database, "%s", engine_session_database(s->engine));
  return st;
}

/* A request must name the transaction that is open, or none where none is. */
static br_status refuse_descriptor(tds_session *s, br_error *err) {
  tds_answer a;
  br_status st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, NULL, err);
  if (st == BR_OK) {
    st = tds_answer_refuse(&a, 3989, 16, err,
                           "New request is not allowed to start because it should come with valid "
                           "transaction descriptor.");
  }
  return st == BR_OK ? tds_answer_end(&a, err) : st;
}

/* A request that resets the connection may name what it ends. */
static br_status run_payload(tds_session *s, uint8_t type, const br_buf *message, bool reset,
                             br_error *err) {
  size_t headers = 0;
  br_status st = tds_all_headers_read(message->data, message->len, &headers, err);
  if (st != BR_OK) {
    return st;
  }
  if (!reset && tds_all_headers_transaction(message->data, headers) != s->descriptor) {
    return refuse_descriptor(s, err);
  }
  const uint8_t *payload = message->data + headers;
  size_t length = message->len - headers;
  st = tds_watch_begin(s, err);
  if (st != BR_OK) {
    return st;
  }
  switch (type) {
  case TDS_PACKET_BATCH:
    st = run_batch(s, payload, length, err);
    break;
  case TDS_PACKET_RPC:
    st = tds_call_run(s, payload, length, err);
    break;
  default:
    st = run_transaction(s, payload, length, err);
    break;
  }
  tds_watch_end(s);
  return st;
}

static br_status run_request(tds_session *s, br_error *err) {
  br_buf message;
  const uint8_t type = s->reader.type;
  const uint8_t resets = TDS_STATUS_RESET_CONNECTION | TDS_STATUS_RESET_CONNECTION_KEEP_TRANSACTION;
  const uint8_t resets_asked = s->reader.status & resets;
  br_buf_init(&message, TDS_REQUEST_MAX);
  br_status st = tds_message_read(&s->reader, &message, err);
  if (st == BR_OK && resets_asked != 0) {
    st = reset_session(s, (resets_asked & TDS_STATUS_RESET_CONNECTION_KEEP_TRANSACTION) != 0, err);
  }
  if (st == BR_OK) {
    st = run_payload(s, type, &message, resets_asked != 0, err);
  } else if (st == BR_DONE) {
    st = answer_abandoned(s, err);
  }
  br_buf_done(&message);
  return st;
}

static br_status next_request(tds_session *s, br_error *err) {
  br_status st = tds_reader_begin(&s->reader, err);
  if (st != BR_OK) {
    return st;
  }
  switch (s->reader.type) {
  case TDS_PACKET_BATCH:
  case TDS_PACKET_RPC:
  case TDS_PACKET_TRANSACTION:
    tds_bulk_forget(s);
    return run_request(s, err);
  case TDS_PACKET_BULK:
    return tds_bulk_run(s, err);
  case TDS_PACKET_ATTENTION:
    tds_bulk_forget(s);
    return answer_attention(s, err);
  default:
    return br_error_set(err, BR_ERR_PROTOCOL, "Unexpected message 0x%02X", s->reader.type);
  }
}

void tds_session_run(tds_session *s) {
  br_error err = BR_ERROR_INIT;
  br_status st = log_in(s, &err);
  if (st == BR_OK) {
    st = arm_faults(s, &err);
  }
  while (st == BR_OK) {
    st = next_request(s, &err);
  }
  /* At once: its locks must not wait until somebody joins the thread. */
  engine_session_free(s->engine);
  s->engine = NULL;
}

void tds_session_close(tds_session *s) {
  engine_session_free(s->engine);
  tds_prepared_clear(s);
  tds_bulk_forget(s);
  close_io(s);
  if (s->stream != NULL) {
    tds_stream_close(s->stream);
  } else {
    (void)br_sys.close(s->fd);
  }
}
