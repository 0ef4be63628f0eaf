/*
 * The client's side of TLS: whom to trust and which name to expect.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tds/tls_internal.h"

enum {
  READ_AHEAD = 64 * 1024,
  RECORD_ALERT = 0x15, /* types of TLS records (RFC 8446, 5.1) */
  RECORD_HANDSHAKE = 0x16,
};

/* ALPN of TDS 8.0, in its wire form. */
static const unsigned char alpn_tds8[] = "\x07tds/8.0";

static bool is_address(const char *host) {
  struct in6_addr address;
  return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* Keeps the first reason in words; OpenSSL's own result is only "certificate verify failed". */
static int on_verify(int ok, X509_STORE_CTX *store) {
  if (ok == 1) {
    return 1;
  }
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  tls_stream *t = ssl == NULL ? NULL : SSL_get_app_data(ssl);
  if (t == NULL || t->verify_message[0] != '\0') {
    return 0;
  }
  int reason = X509_STORE_CTX_get_error(store);
  char subject[256] = "";
  const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
  if (certificate != NULL) {
    (void)X509_NAME_oneline(X509_get_subject_name(certificate), subject, (int)sizeof subject);
  }
  if (reason == X509_V_ERR_HOSTNAME_MISMATCH || reason == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    (void)snprintf(t->verify_message, sizeof t->verify_message,
                   "The server's certificate (%s) is not for '%s'", subject, t->expected_host);
  } else {
    (void)snprintf(t->verify_message, sizeof t->verify_message,
                   "The server's certificate (%s) is not trusted: %s", subject,
                   X509_verify_cert_error_string(reason));
  }
  return 0;
}

/* A folder as c_rehash makes it: names like 5ed36f99.0. */
static bool has_hashed_names(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) {
    return false;
  }
  bool found = false;
  const struct dirent *entry = NULL;
  while (!found && (entry = readdir(folder)) != NULL) {
    found = strlen(entry->d_name) == 10 && strcmp(entry->d_name + 8, ".0") == 0;
  }
  (void)closedir(folder);
  return found;
}

static br_status trust(SSL_CTX *context, const char *ca_file, br_error *err) {
  if (ca_file != NULL) {
    if (SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1) {
      br_status st = tls_library_error(err, "Can't read the certificates");
      return br_error_append(err, st, " (%s)", ca_file);
    }
    return BR_OK;
  }
  /* A folder of hashed names is looked into when a certificate needs it; reading the one file with
   * all of them costs some 20 ms of each connection. */
  const char *hashed = X509_get_default_cert_dir();
  bool by_folder = getenv(X509_get_default_cert_file_env()) == NULL &&
                   getenv(X509_get_default_cert_dir_env()) == NULL && has_hashed_names(hashed);
  int ok = by_folder ? SSL_CTX_load_verify_locations(context, NULL, hashed)
                     : SSL_CTX_set_default_verify_paths(context);
  return ok == 1 ? BR_OK : tls_library_error(err, "Can't read the system's certificates");
}

static br_status new_context(const tds_tls_client_options *options, SSL_CTX **ret_context,
                             br_error *err) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == NULL) {
    return tls_library_error(err, "Can't set up TLS");
  }
  (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  /* TDS has lengths of its own: a missing close_notify can't hide cut data. */
  (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  br_status st = BR_OK;
  if (options->trust_any) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    st = trust(context, options->ca_file, err);
  }
  /* SSL_CTX_set_alpn_protos() returns 0 for success. */
  if (st == BR_OK && options->strict &&
      SSL_CTX_set_alpn_protos(context, alpn_tds8, sizeof alpn_tds8 - 1) != 0) {
    st = tls_library_error(err, "Can't set up TLS");
  }
  if (st != BR_OK) {
    SSL_CTX_free(context);
    return st;
  }
  *ret_context = context;
  return BR_OK;
}

/* The name goes into the SNI extension (never an address: RFC 6066) and into the check. */
static br_status expect_host(tls_stream *t, const tds_tls_client_options *options, br_error *err) {
  (void)snprintf(t->expected_host, sizeof t->expected_host, "%s", options->host);
  bool address = is_address(options->host);
  int ok = 1;
  if (!address) {
    ok = (int)SSL_set_tlsext_host_name(t->ssl, options->host);
  }
  if (ok == 1 && !options->trust_any) {
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ok = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), options->host)
                 : SSL_set1_host(t->ssl, options->host);
  }
  return ok == 1 ? BR_OK : tls_library_error(err, "The host can't be checked");
}

/* TDS 8.0 begins with TLS, and a server that knows only 7.4 takes that for a broken packet: it
 * stays silent, closes, or answers in packets. Says so where no TLS came back at all. */
static br_status explain_strict(const tls_stream *t, br_status st, br_error *err) {
  bool tls = t->heard && (t->first == RECORD_HANDSHAKE || t->first == RECORD_ALERT);
  if (tls || st == BR_ERR_CANCELLED || st == BR_ERR_NOMEM) {
    return st;
  }
  const char *met = "The server closes the connection instead of answering in TLS";
  if (st == BR_ERR_TIMEOUT) {
    met = "The server stays silent instead of answering in TLS";
  } else if (t->heard) {
    met = "The server answers in something else than TLS";
    st = BR_ERR_PROTOCOL;
  } else {
    st = BR_ERR_NETWORK;
  }
  return br_error_set(err, st,
                      "%s; it probably speaks TDS 7.4 only (SQL Server 2019 and older), not the "
                      "8.0 of SQLSERVER_ENCRYPT=strict: set SQLSERVER_ENCRYPT=mandatory",
                      met);
}

br_status tds_tls_client(tds_stream *below, const tds_tls_client_options *options,
                         tds_stream **ret_stream, br_error *err) {
  SSL_CTX *context = NULL;
  br_status st = new_context(options, &context, err);
  if (st != BR_OK) {
    return st;
  }
  tls_stream *t = NULL;
  st = tls_stream_new(below, context, !options->strict, &t, err);
  if (st != BR_OK) {
    SSL_CTX_free(context);
    return st;
  }
  t->context = context;
  SSL_set_app_data(t->ssl, t);
  SSL_set_connect_state(t->ssl);
  SSL_set_default_read_buffer_len(t->ssl, READ_AHEAD);
  st = expect_host(t, options, err);
  if (st == BR_OK) {
    st = tls_handshake(t, err);
    st = st != BR_OK && options->strict ? explain_strict(t, st, err) : st;
  }
  if (st != BR_OK) {
    tls_stream_free(t);
    return st;
  }
  /* Many records in one read, where a record would be two: head and body. Not before the handshake
   * has ended: behind it TLS may end too, and what was read ahead would be lost. */
  SSL_set_read_ahead(t->ssl, 1);
  *ret_stream = &t->base;
  return BR_OK;
}
