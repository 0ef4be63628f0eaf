/*
 * tls.h: TLS as a stream on top of a stream, for both sides.
 *
 * TDS 7.x: the handshake travels inside PRELOGIN packets (type 0x12, one message per flight;
 * MS-TDS 3.2.5.2), afterwards TLS records lie directly on the lower stream; TLS 1.2, because in
 * TLS 1.3 tickets follow the handshake and nobody defines how they are wrapped.
 * TDS 8.0 strict: TLS 1.2 or 1.3 from the first byte, ALPN "tds/8.0".
 *
 * A TLS stream owns the stream below from the moment it was made successfully.
 */
#ifndef TDS_TLS_H
#define TDS_TLS_H

#include "tds/stream.h"

typedef struct tds_tls_client_options {
  const char *host;    /* for SNI (names only) and the certificate check */
  const char *ca_file; /* PEM; NULL: the system's */
  bool trust_any;      /* neither chain nor name is checked */
  bool strict;
} tds_tls_client_options;

br_status tds_tls_client(tds_stream *below, const tds_tls_client_options *options,
                         tds_stream **ret_stream, br_error *err) BR_CHECKED;

/* A server's certificate and key, loaded once. */
typedef struct tds_tls_server_context tds_tls_server_context;
br_status tds_tls_server_context_new(const char *certificate_file, const char *key_file,
                                     tds_tls_server_context **ret_context,
                                     br_error *err) BR_CHECKED;
void tds_tls_server_context_free(tds_tls_server_context *context);
br_status tds_tls_server(tds_stream *below, const tds_tls_server_context *context, bool strict,
                         tds_stream **ret_stream, br_error *err) BR_CHECKED;

/* Login-only encryption: ends the use of TLS without a close_notify (SQL Server would take it for
 * data), frees the TLS stream and hands back the stream below. */
tds_stream *tds_tls_detach(tds_stream *tls);
/* "TLSv1.2"; borrowed, static. */
const char *tds_tls_version_of(const tds_stream *tls);

#endif
