/*
 * The server's side of TLS: certificate, key, ALPN. Sessions are never resumed: in a resumed
 * handshake the client speaks last and raw records follow its packet at once.
 */
#include <string.h>

#include "base/mem.h"
#include "tds/tls_internal.h"

struct tds_tls_server_context {
  SSL_CTX *context;
};

static const char protocol[] = "tds/8.0";

/* A client that offers application protocols must offer ours. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                   const unsigned char *in, unsigned int in_length, void *argument) {
  (void)ssl;
  (void)argument;
  for (unsigned int i = 0; i < in_length && i + in[i] < in_length; i += in[i] + 1U) {
    if (in[i] == sizeof protocol - 1 && memcmp(in + i + 1, protocol, in[i]) == 0) {
      *out = in + i + 1;
      *out_length = in[i];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

br_status tds_tls_server_context_new(const char *certificate_file, const char *key_file,
                                     tds_tls_server_context **ret_context, br_error *err) {
  tds_tls_server_context *self = br_calloc(1, sizeof *self);
  if (self == NULL) {
    return br_error_nomem(err);
  }
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  self->context = context;
  if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    tds_tls_server_context_free(self);
    br_status st = tls_library_error(err, "Can't use the server's certificate");
    return br_error_append(err, st, " (%s, %s)", certificate_file, key_file);
  }
  (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  (void)SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
  *ret_context = self;
  return BR_OK;
}

void tds_tls_server_context_free(tds_tls_server_context *context) {
  if (context != NULL) {
    SSL_CTX_free(context->context);
    br_free(context);
  }
}

br_status tds_tls_server(tds_stream *below, const tds_tls_server_context *context, bool strict,
                         tds_stream **ret_stream, br_error *err) {
  tls_stream *t = NULL;
  br_status st = tls_stream_new(below, context->context, !strict, &t, err);
  if (st != BR_OK) {
    return st;
  }
  SSL_set_accept_state(t->ssl);
  st = tls_handshake(t, err);
  if (st != BR_OK) {
    tls_stream_free(t);
    return st;
  }
  *ret_stream = &t->base;
  return BR_OK;
}
