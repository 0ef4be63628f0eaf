/*
 * Whole connections over sockets: name, TCP, PRELOGIN, TLS in all its modes, login, a query, a
 * redirect; and everything that can be on the other side instead of a server.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer_dump.h"
#include "base/sys.h"
#include "certificates.h"
#include "support/cmocka.h"
#include "tds/login7.h"
#include "tds/prelogin.h"
#include "tds/tls.h"

enum { TIMEOUT_MS = 200000, LOGIN_SIZE = 65536 };

typedef enum server_mode {
  SERVER_PLAIN,        /* no TLS at all */
  SERVER_LOGIN_ONLY,   /* ENCRYPT_OFF */
  SERVER_STAYS_IN_TLS, /* the same, and yet answers inside TLS */
  SERVER_ENCRYPTED,    /* ENCRYPT_ON */
  SERVER_STRICT,       /* TDS 8.0 */
  SERVER_SILENT,       /* takes the connection and says nothing */
  SERVER_HTTP,         /* speaks something else */
  SERVER_CLOSES,       /* closes at once */
  SERVER_CLOSES_AFTER_PRELOGIN,
  SERVER_TLS_ALERT, /* what a server of TDS 8.0 alone says to a PRELOGIN */
} server_mode;

typedef struct server {
  pthread_t thread;
  int listener;
  uint16_t port;
  server_mode mode;
  uint16_t redirect_to; /* 0 = answers itself */
  uint32_t tds_version; /* what the login asked for */
  uint32_t packet_size;
  char database[64];
  bool logged_in;
} server;

#define DONE_OK   "\xFD\x10\x00\xC1\x00\x01\x00\x00\x00\x00\x00\x00\x00"
#define DONE_0    "\xFD\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
/* LOGINACK: SQL, 7.4, "s", 16.0.1000. */
#define LOGIN_ACK "\xAD\x0C\x00\x01\x74\x00\x00\x04\x01s\x00\x10\x00\x03\xE8"
#define PACKET_SIZE_8000                                                                           \
  "\xE3\x0B\x00\x04\x04"                                                                           \
  "8\x00"                                                                                          \
  "0\x00"                                                                                          \
  "0\x00"                                                                                          \
  "0\x00\x00"
#define ANSWER "\x81\x01\x00\x00\x00\x00\x00\x00\x00\x38\x01\x61\x00\xD1\x07\x00\x00\x00" DONE_OK

/* Reads a message whole. */
static bool read_message(tds_reader *r, uint8_t type, br_buf *out) {
  bool ended = false;
  br_buf_clear(out);
  if (tds_reader_begin(r, NULL) != BR_OK || r->type != type) {
    return false;
  }
  while (tds_reader_ended(r, &ended, NULL) == BR_OK && !ended) {
    if (br_buf_append(out, r->pos, (size_t)(r->end - r->pos), NULL) != BR_OK) {
      return false;
    }
    r->pos = r->end;
  }
  return ended;
}

static bool write_message(tds_writer *w, const void *bytes, size_t length) {
  tds_writer_begin(w, TDS_PACKET_RESPONSE, 0);
  return tds_writer_bytes(w, bytes, length, NULL) == BR_OK && tds_writer_end(w, NULL) == BR_OK;
}

static bool answer_prelogin(const server *s, tds_reader *r, tds_writer *w, br_buf *buf) {
  static const uint8_t encryption[] = {[SERVER_PLAIN] = TDS_ENCRYPTION_NOT_SUPPORTED,
                                       [SERVER_LOGIN_ONLY] = TDS_ENCRYPTION_OFF,
                                       [SERVER_STAYS_IN_TLS] = TDS_ENCRYPTION_OFF,
                                       [SERVER_ENCRYPTED] = TDS_ENCRYPTION_ON,
                                       [SERVER_STRICT] = TDS_ENCRYPTION_ON,
                                       [SERVER_CLOSES_AFTER_PRELOGIN] =
                                           TDS_ENCRYPTION_NOT_SUPPORTED};
  const tds_prelogin reply = {.version = {16}, .encryption = encryption[s->mode]};
  if (!read_message(r, TDS_PACKET_PRELOGIN, buf)) {
    return false;
  }
  br_buf_clear(buf);
  return tds_prelogin_write(&reply, buf, NULL) == BR_OK && write_message(w, buf->data, buf->len);
}

static bool start_tls(tds_stream **stream, tds_reader *r, tds_writer *w, bool strict) {
  tds_tls_server_context *context = NULL;
  tds_stream *tls = NULL;
  br_status st = tds_tls_server_context_new(certificate_path("good"), certificate_path("good"),
                                            &context, NULL);
  if (st == BR_OK) {
    st = tds_tls_server(*stream, context, strict, &tls, NULL);
  }
  tds_tls_server_context_free(context);
  if (st == BR_OK) {
    *stream = r->stream = w->stream = tls;
  }
  return st == BR_OK;
}

static void take_login(server *s, const br_buf *login) {
  s->tds_version = br_load_u32le(login->data + 4);
  s->packet_size = br_load_u32le(login->data + 8);
  br_reader view = br_reader_of(login->data, login->len);
  size_t offset = br_load_u16le(login->data + 36 + 8 * 4);
  size_t units = br_load_u16le(login->data + 36 + 8 * 4 + 2);
  if (br_reader_skip(&view, offset, NULL) == BR_OK) {
    s->logged_in = tds_view_utf16(&view, units, s->database, sizeof s->database, NULL) == BR_OK;
  }
}

static bool answer_login(const server *s, tds_writer *w, br_buf *buf) {
  br_buf_clear(buf);
  br_status st = br_buf_append(buf, LOGIN_ACK, sizeof LOGIN_ACK - 1, NULL);
  if (st == BR_OK && s->redirect_to != 0) {
    uint8_t route[] = {0xE3, 28, 0, TDS_ENV_ROUTING, 23, 0, 0, 0, 0, 9, 0};
    br_store_u16le(route + 7, s->redirect_to);
    st = br_buf_append(buf, route, sizeof route, NULL);
    static const char name[] = "l\0o\0c\0a\0l\0h\0o\0s\0t\0\0";
    st = st == BR_OK ? br_buf_append(buf, name, sizeof name, NULL) : st;
  } else if (st == BR_OK) {
    st = br_buf_append(buf, PACKET_SIZE_8000, sizeof PACKET_SIZE_8000 - 1, NULL);
  }
  st = st == BR_OK ? br_buf_append(buf, DONE_0, sizeof DONE_0 - 1, NULL) : st;
  return st == BR_OK && write_message(w, buf->data, buf->len);
}

static void speak(server *s, tds_stream **stream, tds_reader *r, tds_writer *w, br_buf *buf) {
  bool tls =
      s->mode == SERVER_LOGIN_ONLY || s->mode == SERVER_STAYS_IN_TLS || s->mode == SERVER_ENCRYPTED;
  if (s->mode == SERVER_STRICT && !start_tls(stream, r, w, true)) {
    return;
  }
  if (!answer_prelogin(s, r, w, buf) || s->mode == SERVER_CLOSES_AFTER_PRELOGIN ||
      (tls && !start_tls(stream, r, w, false)) || !read_message(r, TDS_PACKET_LOGIN7, buf)) {
    return;
  }
  take_login(s, buf);
  if (s->mode == SERVER_LOGIN_ONLY) {
    *stream = r->stream = w->stream = tds_tls_detach(*stream);
  }
  if (answer_login(s, w, buf)) {
    while (read_message(r, TDS_PACKET_BATCH, buf) && write_message(w, ANSWER, sizeof ANSWER - 1)) {
    }
  }
}

static void serve_one(server *s, int fd) {
  tds_wait wait = {.deadline = br_deadline_after_ms(TIMEOUT_MS)};
  tds_stream *stream = NULL;
  tds_reader r = {.stream = NULL};
  tds_writer w = {.stream = NULL};
  br_buf buf;
  br_buf_init(&buf, LOGIN_SIZE);
  char byte[256];
  size_t length = 0;
  if (tds_stream_of_socket(fd, wait, &stream, NULL) == BR_OK &&
      tds_reader_init(&r, stream, NULL) == BR_OK &&
      tds_writer_init(&w, stream, TDS_PACKET_SIZE_LOGIN, NULL) == BR_OK) {
    if (s->mode == SERVER_SILENT) {
      while (tds_stream_read(stream, byte, sizeof byte, &length, NULL) == BR_OK) {
      }
    } else if (s->mode == SERVER_HTTP) {
      br_status st = tds_stream_read(stream, byte, sizeof byte, &length, NULL);
      st = tds_stream_write(stream, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, NULL);
      (void)st;
    } else if (s->mode == SERVER_TLS_ALERT) {
      br_status st = tds_stream_read(stream, byte, sizeof byte, &length, NULL);
      st = tds_stream_write(stream, "\x15\x03\x03\x00\x02\x02\x46", 7, NULL);
      (void)st;
    } else if (s->mode != SERVER_CLOSES) {
      speak(s, &stream, &r, &w, &buf);
    }
  }
  tds_reader_done(&r);
  tds_writer_done(&w);
  br_buf_done(&buf);
  tds_stream_close(stream);
}

static void *serve(void *argument) {
  server *s = argument;
  int fd = accept(s->listener, NULL, NULL);
  if (fd >= 0) {
    serve_one(s, fd);
  }
  return NULL;
}

static void server_start(server *s, server_mode mode) {
  *s = (server){.mode = mode, .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  assert_true(s->listener >= 0);
  assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(s->listener, 4), 0);
  assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
  s->port = ntohs(address.sin_port);
  assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_join(server *s) {
  (void)shutdown(s->listener, SHUT_RDWR);
  assert_int_equal(pthread_join(s->thread, NULL), 0);
  (void)close(s->listener);
}

static tds_options options_for(const server *s, tds_encrypt encrypt) {
  return (tds_options){.host = "localhost",
                       .port = s->port,
                       .database = "sales",
                       .username = "sa",
                       .encrypt = encrypt,
                       .ca_file = certificate_path("ca"),
                       .connect_timeout_ms = TIMEOUT_MS};
}

/* Connects, asks once, closes. */
static br_status connect_and_ask(const tds_options *options, tds_stage *stage, char *tls_version,
                                 br_error *err) {
  tds_conn *conn = NULL;
  br_buf text;
  br_buf_init(&text, LOGIN_SIZE);
  br_status st = tds_connect(options, NULL, &conn, stage, err);
  if (st == BR_OK) {
    (void)snprintf(tls_version, 16, "%s", tds_tls_version(conn));
    assert_string_equal(tds_server_version(conn), "16.0.1000");
    assert_int_equal(tds_packet_size(conn), 8000);
    st = tds_execute(conn, "SELECT 7", 8, err);
  }
  if (st == BR_OK) {
    st = dump_results(conn, &text, err);
    assert_string_equal(br_buf_cstr(&text),
                        "column a int not null\nrow 1: 7\nend, rows affected 1\n");
  }
  tds_close(conn);
  br_buf_done(&text);
  return st;
}

static void connects(server_mode mode, tds_encrypt encrypt, const char *tls, uint32_t packet_size) {
  server s;
  br_error err = BR_ERROR_INIT;
  tds_stage stage = TDS_STAGE_NAME;
  char version[16] = "";
  server_start(&s, mode);
  const tds_options options = options_for(&s, encrypt);
  br_status st = connect_and_ask(&options, &stage, version, &err);
  server_join(&s);
  if (st != BR_OK) {
    fail_msg("mode %d: stage %s: %s", (int)mode, tds_stage_name(stage), err.message);
  }
  assert_int_equal(stage, TDS_STAGE_READY);
  assert_string_equal(version, tls);
  assert_true(s.logged_in);
  assert_string_equal(s.database, "sales");
  assert_int_equal(s.packet_size, packet_size);
  assert_int_equal(s.tds_version, mode == SERVER_STRICT ? TDS_VERSION_8_0 : TDS_VERSION_7_4);
}

static void every_mode_of_encryption_connects(void **state) {
  (void)state;
  connects(SERVER_PLAIN, TDS_ENCRYPT_OPTIONAL, "", 32767);
  connects(SERVER_LOGIN_ONLY, TDS_ENCRYPT_OPTIONAL, "", 32767);
  connects(SERVER_ENCRYPTED, TDS_ENCRYPT_OPTIONAL, "TLSv1.2", 16383);
  connects(SERVER_ENCRYPTED, TDS_ENCRYPT_MANDATORY, "TLSv1.2", 16383);
  connects(SERVER_STRICT, TDS_ENCRYPT_STRICT, "TLSv1.3", 16383);
}

static br_status connect_in(uint32_t timeout_ms, server_mode mode, tds_encrypt encrypt,
                            tds_stage *ret_stage, br_error *err) {
  server s;
  tds_conn *conn = NULL;
  server_start(&s, mode);
  tds_options options = options_for(&s, encrypt);
  options.connect_timeout_ms = timeout_ms;
  br_error_clear(err);
  br_status st = tds_connect(&options, NULL, &conn, ret_stage, err);
  server_join(&s);
  return st;
}

/* Fails to connect; what is said, and how far it came. A slow machine takes longer to come there: a
 * server that stays silent gets more time then. */
static void fails(server_mode mode, tds_encrypt encrypt, br_status expected, tds_stage where,
                  const char *words) {
  br_error err = BR_ERROR_INIT;
  tds_stage stage = TDS_STAGE_NAME;
  br_status st = BR_ERR_TIMEOUT;
  for (uint32_t timeout_ms = mode == SERVER_SILENT ? 200 : TIMEOUT_MS;
       st == BR_ERR_TIMEOUT && stage < where && timeout_ms <= TIMEOUT_MS; timeout_ms *= 10) {
    st = connect_in(timeout_ms, mode, encrypt, &stage, &err);
  }
  if (st != expected || stage != where || strstr(err.message, words) == NULL) {
    fail_msg("mode %d: %s at %s: %s", (int)mode, br_status_name(st), tds_stage_name(stage),
             err.message);
  }
  assert_non_null(strstr(err.message, "localhost:"));
}

static void what_is_no_server_is_told_with_its_stage(void **state) {
  (void)state;
  fails(SERVER_SILENT, TDS_ENCRYPT_OPTIONAL, BR_ERR_TIMEOUT, TDS_STAGE_PRELOGIN, "stays silent");
  fails(SERVER_HTTP, TDS_ENCRYPT_OPTIONAL, BR_ERR_PROTOCOL, TDS_STAGE_PRELOGIN, "no TDS server");
  fails(SERVER_CLOSES, TDS_ENCRYPT_OPTIONAL, BR_ERR_NETWORK, TDS_STAGE_PRELOGIN, "");
  fails(SERVER_CLOSES_AFTER_PRELOGIN, TDS_ENCRYPT_OPTIONAL, BR_ERR_NETWORK, TDS_STAGE_LOGIN, "");
  fails(SERVER_PLAIN, TDS_ENCRYPT_MANDATORY, BR_ERR_TLS, TDS_STAGE_TLS, "mandatory");
  fails(SERVER_LOGIN_ONLY, TDS_ENCRYPT_MANDATORY, BR_ERR_TLS, TDS_STAGE_TLS, "mandatory");
  fails(SERVER_STAYS_IN_TLS, TDS_ENCRYPT_OPTIONAL, BR_ERR_PROTOCOL, TDS_STAGE_LOGIN, "inside TLS");
}

/* Each side speaks only one of TDS 7.4 and 8.0, and they don't meet: the message names the setting
 * that would make them, and only then. */
static void servers_of_the_other_tds_are_told(void **state) {
  (void)state;
  static const char to_mandatory[] = "SQLSERVER_ENCRYPT=mandatory";
  static const char to_strict[] = "SQLSERVER_ENCRYPT=strict";
  fails(SERVER_SILENT, TDS_ENCRYPT_STRICT, BR_ERR_TIMEOUT, TDS_STAGE_TLS, to_mandatory);
  fails(SERVER_CLOSES, TDS_ENCRYPT_STRICT, BR_ERR_NETWORK, TDS_STAGE_TLS, to_mandatory);
  fails(SERVER_HTTP, TDS_ENCRYPT_STRICT, BR_ERR_PROTOCOL, TDS_STAGE_TLS, to_mandatory);
  fails(SERVER_TLS_ALERT, TDS_ENCRYPT_STRICT, BR_ERR_TLS, TDS_STAGE_TLS, "alert");
  for (int encrypt = TDS_ENCRYPT_OPTIONAL; encrypt <= TDS_ENCRYPT_MANDATORY; encrypt++) {
    fails(SERVER_SILENT, (tds_encrypt)encrypt, BR_ERR_TIMEOUT, TDS_STAGE_PRELOGIN, to_strict);
    fails(SERVER_CLOSES, (tds_encrypt)encrypt, BR_ERR_NETWORK, TDS_STAGE_PRELOGIN, to_strict);
    fails(SERVER_TLS_ALERT, (tds_encrypt)encrypt, BR_ERR_PROTOCOL, TDS_STAGE_PRELOGIN, to_strict);
  }
}

/* OpenSSL as the server's side: its alert arrives, or the reset that follows on its heels does. */
static void a_real_server_of_tds_8_is_told_too(void **state) {
  (void)state;
  server s;
  br_error err = BR_ERROR_INIT;
  tds_conn *conn = NULL;
  server_start(&s, SERVER_STRICT);
  const tds_options options = options_for(&s, TDS_ENCRYPT_MANDATORY);
  br_status st = tds_connect(&options, NULL, &conn, NULL, &err);
  server_join(&s);
  assert_true(st == BR_ERR_PROTOCOL || st == BR_ERR_NETWORK);
  assert_non_null(strstr(err.message, "SQLSERVER_ENCRYPT=strict"));
}

static void an_unknown_name_and_a_closed_port_are_told_apart(void **state) {
  (void)state;
  server s;
  server_start(&s, SERVER_CLOSES);
  server_join(&s); /* nobody listens there now */
  tds_options options = options_for(&s, TDS_ENCRYPT_OPTIONAL);
  tds_conn *conn = NULL;
  tds_stage stage = TDS_STAGE_READY;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(tds_connect(&options, NULL, &conn, &stage, &err), BR_ERR_NETWORK);
  assert_int_equal(stage, TDS_STAGE_TCP);
  assert_true(err.retriable);
  options.host = "no-such-host.invalid";
  assert_int_equal(tds_connect(&options, NULL, &conn, &stage, &err), BR_ERR_NETWORK);
  assert_int_equal(stage, TDS_STAGE_NAME);
  assert_non_null(strstr(err.message, "no-such-host.invalid"));
}

static void a_redirect_is_followed_with_the_same_login(void **state) {
  (void)state;
  server first;
  server second;
  char version[16] = "";
  br_error err = BR_ERROR_INIT;
  server_start(&second, SERVER_ENCRYPTED);
  server_start(&first, SERVER_ENCRYPTED);
  first.redirect_to = second.port; /* read by the thread behind the login only */
  const tds_options options = options_for(&first, TDS_ENCRYPT_MANDATORY);
  br_status st = connect_and_ask(&options, NULL, version, &err);
  server_join(&first);
  server_join(&second);
  if (st != BR_OK) {
    fail_msg("%s", err.message);
  }
  assert_true(first.logged_in && second.logged_in);
  assert_string_equal(second.database, "sales");
}

static void connecting_can_be_cancelled(void **state) {
  (void)state;
  server s;
  br_cancel *cancel = NULL;
  tds_conn *conn = NULL;
  server_start(&s, SERVER_SILENT);
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  br_cancel_request(cancel);
  tds_options options = options_for(&s, TDS_ENCRYPT_OPTIONAL);
  assert_int_equal(tds_connect(&options, cancel, &conn, NULL, NULL), BR_ERR_CANCELLED);
  options.host = "127.0.0.1";
  assert_int_equal(tds_connect(&options, cancel, &conn, NULL, NULL), BR_ERR_CANCELLED);
  br_cancel_free(cancel);
  server_join(&s);
}

static int no_socket(int domain, int type, int protocol) {
  (void)domain;
  (void)type;
  (void)protocol;
  errno = EMFILE;
  return -1;
}

static ssize_t broken_send(int fd, const void *buffer, size_t size, int flags) {
  (void)fd;
  (void)buffer;
  (void)size;
  (void)flags;
  errno = EPIPE;
  return -1;
}

static void failing_calls_are_network_errors(void **state) {
  (void)state;
  server s;
  tds_conn *conn = NULL;
  br_error err = BR_ERROR_INIT;
  server_start(&s, SERVER_SILENT);
  tds_options options = options_for(&s, TDS_ENCRYPT_OPTIONAL);
  br_sys.socket = no_socket;
  assert_int_equal(tds_connect(&options, NULL, &conn, NULL, &err), BR_ERR_NETWORK);
  assert_int_equal(err.native_code, EMFILE);
  br_sys_reset();
  br_sys.send = broken_send;
  assert_int_equal(tds_connect(&options, NULL, &conn, NULL, &err), BR_ERR_NETWORK);
  assert_int_equal(err.native_code, EPIPE);
  br_sys_reset();
  server_join(&s);
}

static void a_unix_socket_needs_no_encryption(void **state) {
  (void)state;
  char path[] = "/tmp/tds-unix-XXXXXX";
  int made = mkstemp(path);
  assert_true(made >= 0);
  (void)close(made);
  (void)unlink(path);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, sizeof path);
  server s = {.mode = SERVER_PLAIN, .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  assert_int_equal(bind(s.listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(s.listener, 1), 0);
  assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
  const tds_options options = {
      .unix_path = path, .database = "sales", .username = "sa", .encrypt = TDS_ENCRYPT_MANDATORY};
  char version[16] = "";
  br_error err = BR_ERROR_INIT;
  br_status st = connect_and_ask(&options, NULL, version, &err);
  server_join(&s);
  (void)unlink(path);
  if (st != BR_OK) {
    fail_msg("%s", err.message);
  }
  tds_conn *conn = NULL;
  assert_int_equal(tds_connect(&options, NULL, &conn, NULL, &err), BR_ERR_NETWORK);
  assert_non_null(strstr(err.message, path));
}

static void a_unix_socket_that_stays_silent_is_named(void **state) {
  (void)state;
  char path[] = "/tmp/tds-unix-XXXXXX";
  int made = mkstemp(path);
  assert_true(made >= 0);
  (void)close(made);
  (void)unlink(path);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, sizeof path);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(listener, 1), 0);
  const tds_options options = {.unix_path = path,
                               .username = "sa",
                               .encrypt = TDS_ENCRYPT_OPTIONAL,
                               .connect_timeout_ms = 50};
  tds_conn *conn = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(tds_connect(&options, NULL, &conn, NULL, &err), BR_ERR_TIMEOUT);
  assert_true(strncmp(err.message, "SQL Server: ", 12) == 0);
  (void)close(listener);
  (void)unlink(path);
}

static void impossible_options_are_refused(void **state) {
  (void)state;
  tds_conn *conn = NULL;
  const tds_options nowhere = {.username = "sa"};
  assert_int_equal(tds_connect(&nowhere, NULL, &conn, NULL, NULL), BR_ERR_USAGE);
  const tds_options small = {.host = "localhost", .packet_size = 100};
  assert_int_equal(tds_connect(&small, NULL, &conn, NULL, NULL), BR_ERR_USAGE);
}

static char told_host[64];
static unsigned told_count;

static void note_clear_login(const char *host, uint16_t port) {
  assert_true(port != 0);
  (void)snprintf(told_host, sizeof told_host, "%s", host);
  told_count++;
}

/* In front of the C library's: a name that no resolver need know leads here too. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_list) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  assert_non_null(real);
  bool ours = host != NULL && strcmp(host, "127.example.org") == 0;
  return real(ours ? "127.0.0.1" : host, service, hints, ret_list);
}

/* "0.0.0.0" leads here too, and is not this machine by its name. */
static void a_login_in_clear_to_another_machine_is_told(void **state) {
  (void)state;
  static const struct {
    const char *host;
    server_mode mode;
    unsigned count;
  } cases[] = {{"0.0.0.0", SERVER_PLAIN, 1},     {"0.0.0.0", SERVER_LOGIN_ONLY, 0},
               {"0.0.0.0", SERVER_ENCRYPTED, 0}, {"127.example.org", SERVER_PLAIN, 1},
               {"127.0.0.1", SERVER_PLAIN, 0},   {"Localhost", SERVER_PLAIN, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    server s;
    server_start(&s, cases[i].mode);
    tds_options options = options_for(&s, TDS_ENCRYPT_OPTIONAL);
    options.host = cases[i].host;
    options.certificate_host = "localhost";
    options.trust_server_certificate = true;
    options.on_clear_login = note_clear_login;
    told_count = 0;
    br_error err = BR_ERROR_INIT;
    char version[16];
    tds_stage stage = TDS_STAGE_NAME;
    br_status st = connect_and_ask(&options, &stage, version, &err);
    server_join(&s);
    if (st != BR_OK) {
      fail_msg("%s: %s", cases[i].host, err.message);
    }
    assert_int_equal(told_count, cases[i].count);
    if (told_count > 0) {
      assert_string_equal(told_host, cases[i].host);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_mode_of_encryption_connects),
      cmocka_unit_test(a_login_in_clear_to_another_machine_is_told),
      cmocka_unit_test(what_is_no_server_is_told_with_its_stage),
      cmocka_unit_test(servers_of_the_other_tds_are_told),
      cmocka_unit_test(a_real_server_of_tds_8_is_told_too),
      cmocka_unit_test(an_unknown_name_and_a_closed_port_are_told_apart),
      cmocka_unit_test(a_redirect_is_followed_with_the_same_login),
      cmocka_unit_test(connecting_can_be_cancelled),
      cmocka_unit_test(failing_calls_are_network_errors),
      cmocka_unit_test(a_unix_socket_needs_no_encryption),
      cmocka_unit_test(a_unix_socket_that_stays_silent_is_named),
      cmocka_unit_test(impossible_options_are_refused),
  };
  return cmocka_run_group_tests(tests, certificates_make, certificates_remove);
}
