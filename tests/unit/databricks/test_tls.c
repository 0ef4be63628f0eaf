/* Certificates are checked: authority, host name, dates. And a TLS peer that goes away mid-upload
 * ends the upload, not the process. */
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "unit/databricks/support.h"

#define FILE_PATH "/Volumes/main/default/landing/x"

typedef struct tls_server {
  SSL_CTX *context;
  int listener;
  char base[64];
  char ca_file[64]; /* the server's own certificate */
  bool hang_up;     /* close in the middle of the request's body */
  bool reset;       /* promise to keep the connection, and reset it */
  atomic_size_t requests;
  atomic_size_t received; /* answers that the client has */
  atomic_size_t closed;
  pthread_t thread;
} tls_server;

static void check(bool good) {
  if (!good) {
    abort();
  }
}

/* A certificate signed with its own key. */
static void make_certificate(tls_server *server, const char *names, long valid_from_s,
                             long valid_to_s) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  check(key != NULL && certificate != NULL);
  check(X509_set_version(certificate, X509_VERSION_3) == 1);
  check(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
  check(X509_gmtime_adj(X509_getm_notBefore(certificate), valid_from_s) != NULL);
  check(X509_gmtime_adj(X509_getm_notAfter(certificate), valid_to_s) != NULL);
  check(X509_set_pubkey(certificate, key) == 1);
  X509_NAME *name = X509_get_subject_name(certificate);
  check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                                   0) == 1);
  check(X509_set_issuer_name(certificate, name) == 1);
  X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
  check(alt != NULL && X509_add_ext(certificate, alt, -1) == 1);
  X509_EXTENSION_free(alt);
  check(X509_sign(certificate, key, EVP_sha256()) > 0);
  FILE *file = fopen(server->ca_file, "w");
  check(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
  check(SSL_CTX_use_certificate(server->context, certificate) == 1);
  check(SSL_CTX_use_PrivateKey(server->context, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static void serve_connection(tls_server *server, int fd) {
  static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
  char bytes[4096];
  SSL *ssl = SSL_new(server->context);
  check(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
  if (SSL_accept(ssl) == 1 && SSL_read(ssl, bytes, sizeof bytes) > 0) {
    atomic_fetch_add(&server->requests, 1);
    if (!server->hang_up) {
      (void)SSL_write(ssl, reply, sizeof reply - 1);
    }
  }
  if (server->reset) {
    const struct linger at_once = {.l_onoff = 1};
    while (atomic_load(&server->received) <= atomic_load(&server->closed)) {
      (void)usleep(1000); /* a reset throws away what wasn't read */
    }
    check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  } else if (!server->hang_up) {
    (void)SSL_shutdown(ssl);
  }
  SSL_free(ssl);
  /* With unread bytes this is a reset. */
  (void)close(fd);
  atomic_fetch_add(&server->closed, 1);
}

static void *accept_connections(void *argument) {
  tls_server *server = argument;
  /* SIGPIPE may hit the client's threads only: that is what a test is about. */
  sigset_t pipe_only;
  check(sigemptyset(&pipe_only) == 0 && sigaddset(&pipe_only, SIGPIPE) == 0);
  check(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL) == 0);
  for (;;) {
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0) {
      return NULL;
    }
    serve_connection(server, fd);
  }
}

static tls_server *start_server(const char *names, long valid_from_s, long valid_to_s) {
  tls_server *server = calloc(1, sizeof *server);
  check(server != NULL);
  server->context = SSL_CTX_new(TLS_server_method());
  server->listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  check(server->context != NULL && server->listener >= 0);
  check(bind(server->listener, (struct sockaddr *)&address, sizeof address) == 0);
  check(getsockname(server->listener, (struct sockaddr *)&address, &length) == 0);
  check(listen(server->listener, 8) == 0);
  unsigned port = ntohs(address.sin_port);
  (void)snprintf(server->base, sizeof server->base, "https://127.0.0.1:%u", port);
  (void)snprintf(server->ca_file, sizeof server->ca_file, "/tmp/dbx-tls-%u.pem", port);
  make_certificate(server, names, valid_from_s, valid_to_s);
  check(pthread_create(&server->thread, NULL, accept_connections, server) == 0);
  return server;
}

static void stop_server(tls_server *server) {
  (void)shutdown(server->listener, SHUT_RDWR);
  check(pthread_join(server->thread, NULL) == 0);
  (void)close(server->listener);
  (void)unlink(server->ca_file);
  SSL_CTX_free(server->context);
  free(server);
}

static dbx_client *client_for(const char *host, const char *ca_file) {
  br_secret *token = NULL;
  assert_int_equal(br_secret_new(TEST_TOKEN, &token, NULL), BR_OK);
  dbx_options options = {.host = host, .token = token, .ca_file = ca_file};
  dbx_client *client = NULL;
  assert_int_equal(dbx_client_new(&options, &client, NULL), BR_OK);
  client->retry.first_backoff_ms = 0;
  br_secret_free(token);
  return client;
}

static br_status head(const char *host, const char *ca_file, br_error *err) {
  dbx_client *client = client_for(host, ca_file);
  dbx_file_info info = {0};
  br_error_clear(err);
  br_status st = dbx_files_head(client, FILE_PATH, &info, NULL, err);
  dbx_file_info_done(&info);
  dbx_client_free(client);
  return st;
}

enum { DAY = 24 * 3600 };

static void certificate_of_a_known_authority_is_accepted(void **state) {
  (void)state;
  tls_server *server = start_server("IP:127.0.0.1", -DAY, DAY);
  br_error err = BR_ERROR_INIT;
  assert_status(head(server->base, server->ca_file, &err), BR_OK, &err);
  assert_int_equal(server->requests, 1);
  stop_server(server);
}

static void assert_refused(const char *names, long from_s, long to_s, bool trusted) {
  tls_server *server = start_server(names, from_s, to_s);
  br_error err = BR_ERROR_INIT;
  assert_status(head(server->base, trusted ? server->ca_file : NULL, &err), BR_ERR_TLS, &err);
  assert_false(err.retriable);
  assert_lacks(err.message, "tries");
  assert_int_equal(server->requests, 0); /* the token never left */
  stop_server(server);
}

static void unknown_authority_is_refused(void **state) {
  (void)state;
  assert_refused("IP:127.0.0.1", -DAY, DAY, false);
}

static void certificate_of_another_host_is_refused(void **state) {
  (void)state;
  assert_refused("DNS:other.example.com,IP:127.0.0.2", -DAY, DAY, true);
}

static void certificate_outside_of_its_dates_is_refused(void **state) {
  (void)state;
  assert_refused("IP:127.0.0.1", -2 * DAY, -DAY, true);
  assert_refused("IP:127.0.0.1", DAY, 2 * DAY, true);
}

static void missing_ca_file_is_named(void **state) {
  (void)state;
  tls_server *server = start_server("IP:127.0.0.1", -DAY, DAY);
  br_error err = BR_ERROR_INIT;
  assert_status(head(server->base, "/nowhere/ca.pem", &err), BR_ERR_TLS, &err);
  assert_contains(err.message, "/nowhere/ca.pem");
  stop_server(server);
}

static br_status read_zeros(void *context, uint64_t offset, void *bytes, size_t length,
                            br_error *err) {
  (void)context;
  (void)offset;
  (void)err;
  memset(bytes, 0, length);
  return BR_OK;
}

static void peer_that_hangs_up_mid_upload_does_not_end_the_process(void **state) {
  (void)state;
  tls_server *server = start_server("IP:127.0.0.1", -DAY, DAY);
  server->hang_up = true;
  dbx_client *client = client_for(server->base, server->ca_file);
  const dbx_body body = {.read_at = read_zeros, .size = BR_MIB(64)};
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_files_put(client, FILE_PATH, &body, true, NULL, &err), BR_ERR_NETWORK, &err);
  assert_true(err.retriable);
  assert_int_equal(server->requests, 3);
  dbx_client_free(client);
  stop_server(server);
}

/* Saying goodbye on a connection that was reset meanwhile makes OpenSSL write to a broken pipe. */
static void connection_reset_while_idle_does_not_end_the_process(void **state) {
  (void)state;
  tls_server *server = start_server("IP:127.0.0.1", -DAY, DAY);
  server->reset = true;
  dbx_client *client = client_for(server->base, server->ca_file);
  for (size_t i = 1; i <= 3; i++) {
    dbx_file_info info = {0};
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_files_head(client, FILE_PATH, &info, NULL, &err), BR_OK, &err);
    dbx_file_info_done(&info);
    atomic_store(&server->received, i);
    while (atomic_load(&server->closed) < i) {
      (void)usleep(1000);
    }
  }
  assert_int_equal(server->requests, 3);
  dbx_client_free(client);
  stop_server(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificate_of_a_known_authority_is_accepted),
      cmocka_unit_test(unknown_authority_is_refused),
      cmocka_unit_test(certificate_of_another_host_is_refused),
      cmocka_unit_test(certificate_outside_of_its_dates_is_refused),
      cmocka_unit_test(missing_ca_file_is_named),
      cmocka_unit_test(peer_that_hangs_up_mid_upload_does_not_end_the_process),
      cmocka_unit_test(connection_reset_while_idle_does_not_end_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
