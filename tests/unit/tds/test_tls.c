/*
 * TLS between the client's and the server's side, wrapped (TDS 7.x) and strict (TDS 8.0), with
 * certificates made here: trusted, of another host, of an address, expired, from nobody known.
 */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cancel.h"
#include "certificates.h"
#include "support/cmocka.h"
#include "tds/tls.h"
#include "tds/wire.h"

enum { TIMEOUT_MS = 200000 };

/* The server's end: a handshake, then it sends back what it gets, doubled in clear text where asked
 * to end TLS first. */
typedef struct echo_server {
  pthread_t thread;
  int fd;
  const char *certificate;
  bool strict;
  bool detach; /* login-only: one read through TLS, the answer without */
  br_status handshake;
} echo_server;

static void *serve(void *argument) {
  echo_server *server = argument;
  tds_wait wait = {.deadline = br_deadline_after_ms(TIMEOUT_MS)};
  tds_stream *stream = NULL;
  tds_stream *tls = NULL;
  tds_tls_server_context *context = NULL;
  br_status st = tds_stream_of_socket(server->fd, wait, &stream, NULL);
  if (st == BR_OK) {
    st = tds_tls_server_context_new(server->certificate, server->certificate, &context, NULL);
  }
  if (st == BR_OK) {
    st = tds_tls_server(stream, context, server->strict, &tls, NULL);
  }
  server->handshake = st;
  if (st == BR_OK) {
    stream = tls;
  }
  char bytes[70000];
  size_t length = 0;
  while (st == BR_OK &&
         (st = tds_stream_read(stream, bytes, sizeof bytes, &length, NULL)) == BR_OK) {
    if (server->detach) {
      stream = tds_tls_detach(stream);
      server->detach = false;
    }
    st = tds_stream_write(stream, bytes, length, NULL);
  }
  tds_stream_close(stream);
  tds_tls_server_context_free(context);
  return NULL;
}

static tds_stream *start(echo_server *server, const char *certificate, bool strict) {
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  *server =
      (echo_server){.fd = ends[1], .certificate = certificate_path(certificate), .strict = strict};
  tds_wait wait = {.deadline = br_deadline_after_ms(TIMEOUT_MS)};
  tds_stream *client = NULL;
  assert_int_equal(tds_stream_of_socket(ends[0], wait, &client, NULL), BR_OK);
  return client;
}

static void run_thread(echo_server *server) {
  assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* Connects with `certificate` on the other side; the status of the client's handshake. */
static br_status shake_hands(const char *certificate, const char *host, const char *ca_file,
                             bool trust_any, bool strict, br_error *err) {
  echo_server server;
  tds_stream *client = start(&server, certificate, strict);
  run_thread(&server);
  const tds_tls_client_options options = {
      .host = host, .ca_file = ca_file, .trust_any = trust_any, .strict = strict};
  tds_stream *tls = NULL;
  br_status st = tds_tls_client(client, &options, &tls, err);
  if (st == BR_OK) {
    char echo[8] = "";
    assert_string_equal(tds_tls_version_of(tls), strict ? "TLSv1.3" : "TLSv1.2");
    assert_int_equal(tds_stream_write(tls, "hello", 6, NULL), BR_OK);
    assert_int_equal(tds_stream_read_exact(tls, echo, 6, NULL), BR_OK);
    assert_string_equal(echo, "hello");
    client = tls;
  }
  tds_stream_close(client);
  assert_int_equal(pthread_join(server.thread, NULL), 0);
  return st;
}

static void trusted_certificates_of_the_host_are_taken(void **state) {
  (void)state;
  static const char *const hosts[] = {"localhost", "127.0.0.1", "::1"};
  for (int strict = 0; strict < 2; strict++) {
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
      br_error err = BR_ERROR_INIT;
      br_status st =
          shake_hands("good", hosts[i], certificate_path("ca"), false, strict == 1, &err);
      if (st != BR_OK) {
        fail_msg("%s: %s", hosts[i], err.message);
      }
    }
  }
  br_error err = BR_ERROR_INIT;
  assert_int_equal(
      shake_hands("wildcard", "db.example.test", certificate_path("ca"), false, true, &err), BR_OK);
}

static void refused(const char *certificate, const char *host, const char *ca_file,
                    const char *words) {
  for (int strict = 0; strict < 2; strict++) {
    br_error err = BR_ERROR_INIT;
    assert_int_equal(shake_hands(certificate, host, ca_file, false, strict == 1, &err), BR_ERR_TLS);
    if (strstr(err.message, words) == NULL) {
      fail_msg("'%s' does not say '%s'", err.message, words);
    }
  }
}

static void certificates_of_another_host_are_refused(void **state) {
  (void)state;
  refused("other", "localhost", certificate_path("ca"), "not for 'localhost'");
  refused("other", "127.0.0.1", certificate_path("ca"), "not for '127.0.0.1'");
  refused("good", "127.0.0.2", certificate_path("ca"), "not for '127.0.0.2'");
  refused("wildcard", "a.b.example.test", certificate_path("ca"), "not for 'a.b.example.test'");
}

static void certificates_that_nobody_vouches_for_are_refused(void **state) {
  (void)state;
  refused("selfsigned", "localhost", certificate_path("ca"), "not trusted");
  refused("good", "localhost", NULL, "not trusted");
}

static void certificates_outside_their_time_are_refused(void **state) {
  (void)state;
  refused("expired", "localhost", certificate_path("ca"), "expired");
  refused("future", "localhost", certificate_path("ca"), "not yet valid");
}

static void any_certificate_is_taken_where_the_user_says_so(void **state) {
  (void)state;
  static const char *const names[] = {"selfsigned", "other", "expired"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_int_equal(shake_hands(names[i], "localhost", NULL, true, i % 2 == 0, NULL), BR_OK);
  }
}

static void a_ca_file_that_cant_be_read_is_named(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(shake_hands("good", "localhost", "/nonexistent.pem", false, true, &err),
                   BR_ERR_TLS);
  assert_non_null(strstr(err.message, "/nonexistent.pem"));
}

/* A flight of the client is one message of packets of type 0x12. */
static void the_handshake_travels_in_prelogin_packets(void **state) {
  (void)state;
  br_buf sent;
  br_buf_init(&sent, 1 << 20);
  tds_stream *memory = NULL;
  tds_stream *tls = NULL;
  assert_int_equal(tds_stream_memory("", 0, &sent, &memory, NULL), BR_OK);
  const tds_tls_client_options options = {.host = "server.example", .trust_any = true};
  assert_int_equal(tds_tls_client(memory, &options, &tls, NULL), BR_ERR_NETWORK);
  assert_true(sent.len > TDS_HEADER_SIZE);
  assert_int_equal(sent.data[0], TDS_PACKET_PRELOGIN);
  assert_int_equal(sent.data[1], TDS_STATUS_EOM);
  assert_int_equal(br_load_u16be(sent.data + 2), sent.len);
  assert_int_equal(sent.data[TDS_HEADER_SIZE], 0x16); /* a handshake record */
  assert_non_null(memmem(sent.data, sent.len, "server.example", 14));
  br_buf_clear(&sent);
  /* SNI never holds an address (RFC 6066). */
  const tds_tls_client_options address = {.host = "192.0.2.7", .trust_any = true};
  assert_int_equal(tds_tls_client(memory, &address, &tls, NULL), BR_ERR_NETWORK);
  assert_null(memmem(sent.data, sent.len, "192.0.2.7", 9));
  tds_stream_close(memory);
  br_buf_done(&sent);
}

static void strict_offers_its_protocol(void **state) {
  (void)state;
  br_buf sent;
  br_buf_init(&sent, 1 << 20);
  tds_stream *memory = NULL;
  tds_stream *tls = NULL;
  assert_int_equal(tds_stream_memory("", 0, &sent, &memory, NULL), BR_OK);
  const tds_tls_client_options options = {.host = "localhost", .trust_any = true, .strict = true};
  assert_int_equal(tds_tls_client(memory, &options, &tls, NULL), BR_ERR_NETWORK);
  assert_int_equal(sent.data[0], 0x16); /* no packet around it */
  assert_non_null(memmem(sent.data, sent.len, "tds/8.0", 7));
  tds_stream_close(memory);
  br_buf_done(&sent);
}

static void login_only_tls_ends_without_a_goodbye(void **state) {
  (void)state;
  echo_server server;
  tds_stream *client = start(&server, "good", false);
  server.detach = true;
  run_thread(&server);
  const tds_tls_client_options options = {.host = "localhost", .ca_file = certificate_path("ca")};
  tds_stream *tls = NULL;
  char echo[8] = "";
  assert_int_equal(tds_tls_client(client, &options, &tls, NULL), BR_OK);
  assert_int_equal(tds_stream_write(tls, "login", 5, NULL), BR_OK);
  client = tds_tls_detach(tls);
  /* The first clear bytes are the echo: no close_notify lies in between, on either side. */
  assert_int_equal(tds_stream_read_exact(client, echo, 5, NULL), BR_OK);
  assert_string_equal(echo, "login");
  assert_int_equal(tds_stream_write(client, "plain", 5, NULL), BR_OK);
  assert_int_equal(tds_stream_read_exact(client, echo, 5, NULL), BR_OK);
  assert_string_equal(echo, "plain");
  tds_stream_close(client);
  assert_int_equal(pthread_join(server.thread, NULL), 0);
}

static void a_session_survives_a_time_out_and_a_cancel(void **state) {
  (void)state;
  echo_server server;
  tds_stream *client = start(&server, "good", true);
  run_thread(&server);
  const tds_tls_client_options options = {
      .host = "localhost", .ca_file = certificate_path("ca"), .strict = true};
  tds_stream *tls = NULL;
  br_cancel *cancel = NULL;
  char byte = 0;
  size_t length = 0;
  assert_int_equal(tds_tls_client(client, &options, &tls, NULL), BR_OK);
  tls->wait = (tds_wait){.deadline = br_deadline_after_ms(0), .silence_ms = 20};
  assert_int_equal(tds_stream_read(tls, &byte, 1, &length, NULL), BR_ERR_TIMEOUT);
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  br_cancel_request(cancel);
  tls->wait = (tds_wait){.deadline = br_deadline_after_ms(TIMEOUT_MS), .cancel = cancel};
  assert_int_equal(tds_stream_read(tls, &byte, 1, &length, NULL), BR_ERR_CANCELLED);
  tls->wait.cancel = NULL;
  assert_int_equal(tds_stream_write(tls, "x", 1, NULL), BR_OK);
  assert_int_equal(tds_stream_read(tls, &byte, 1, &length, NULL), BR_OK);
  assert_int_equal(byte, 'x');
  br_cancel_free(cancel);
  tds_stream_close(tls);
  assert_int_equal(pthread_join(server.thread, NULL), 0);
}

static void large_messages_pass_through(void **state) {
  (void)state;
  enum { LARGE = 60000 };
  echo_server server;
  tds_stream *client = start(&server, "good", true);
  run_thread(&server);
  const tds_tls_client_options options = {.host = "localhost", .trust_any = true, .strict = true};
  tds_stream *tls = NULL;
  static char sent[LARGE];
  static char got[LARGE];
  memset(sent, 'q', sizeof sent);
  assert_int_equal(tds_tls_client(client, &options, &tls, NULL), BR_OK);
  assert_int_equal(tds_stream_write(tls, sent, LARGE, NULL), BR_OK);
  assert_int_equal(tds_stream_read_exact(tls, got, LARGE, NULL), BR_OK);
  assert_memory_equal(sent, got, LARGE);
  tds_stream_close(tls);
  assert_int_equal(pthread_join(server.thread, NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trusted_certificates_of_the_host_are_taken),
      cmocka_unit_test(certificates_of_another_host_are_refused),
      cmocka_unit_test(certificates_that_nobody_vouches_for_are_refused),
      cmocka_unit_test(certificates_outside_their_time_are_refused),
      cmocka_unit_test(any_certificate_is_taken_where_the_user_says_so),
      cmocka_unit_test(a_ca_file_that_cant_be_read_is_named),
      cmocka_unit_test(the_handshake_travels_in_prelogin_packets),
      cmocka_unit_test(strict_offers_its_protocol),
      cmocka_unit_test(login_only_tls_ends_without_a_goodbye),
      cmocka_unit_test(a_session_survives_a_time_out_and_a_cancel),
      cmocka_unit_test(large_messages_pass_through),
  };
  return cmocka_run_group_tests(tests, certificates_make, certificates_remove);
}
