/*
 * tls_internal.h: what tls.c shares with the files that set up the client's and the server's side.
 */
#ifndef TDS_TLS_INTERNAL_H
#define TDS_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "tds/tls.h"

typedef struct tls_stream {
  tds_stream base;
  tds_stream *below;
  SSL *ssl;
  SSL_CTX *context; /* owned; NULL where it belongs to somebody else */
  bool wrapped;     /* handshake bytes travel in PRELOGIN packets */
  bool closed;      /* the stream below has ended */
  bool heard;       /* at least one byte of the other side has come */
  uint8_t first;    /* that byte: the type of its first TLS record */
  br_buf flight;    /* wrapped: handshake bytes to send */
  size_t packet_left;
  br_status io_status; /* why the stream below failed last; BR_OK = it didn't */
  br_error io_error;
  char verify_message[512]; /* why the certificate was refused */
  char expected_host[256];
} tls_stream;

br_status tls_stream_new(tds_stream *below, SSL_CTX *context, bool wrapped, tls_stream **ret_stream,
                         br_error *err) BR_CHECKED;
/* Frees the TLS stream, not the one below. */
void tls_stream_free(tls_stream *t);
br_status tls_handshake(tls_stream *t, br_error *err) BR_CHECKED;
/* BR_ERR_TLS "what: OpenSSL's reason". */
br_status tls_library_error(br_error *err, const char *what);

#endif
