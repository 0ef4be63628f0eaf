/*
 * TLS over a stream with OpenSSL: what is the same for client and server. tls_client.c and
 * tls_server.c set the session up.
 *
 *   user ──SSL_read/SSL_write──▶ OpenSSL ──own BIO──▶ [0x12 packets while shaking hands] ──▶ below
 *
 * In wrapped mode what OpenSSL writes is gathered and sent as one message when it wants to read, or
 * when the handshake has ended: a flight must be one message.
 *
 * A failure of the stream below is kept in io_status and shown to OpenSSL as "try again", so that
 * the session survives a cancel or a time-out.
 */
#include <openssl/err.h>
#include <string.h>

#include "base/mem.h"
#include "tds/tls_internal.h"
#include "tds/wire.h"

enum {
  FLIGHT_MAX = 256 * 1024,
  WRAP_PACKET_SIZE = TDS_PACKET_SIZE_LOGIN,
  GOODBYE_MS = 200,
};

static BIO_METHOD *method; /* made once, never freed */

/* Sends the flight as one message of PRELOGIN packets. */
static br_status send_flight(tls_stream *t, br_error *err) {
  const uint8_t *from = t->flight.data;
  size_t left = t->flight.len;
  uint8_t packet[WRAP_PACKET_SIZE] = {TDS_PACKET_PRELOGIN};
  for (uint8_t id = 1; left > 0; id++) {
    size_t step = left < sizeof packet - TDS_HEADER_SIZE ? left : sizeof packet - TDS_HEADER_SIZE;
    size_t length = step + TDS_HEADER_SIZE;
    packet[1] = step == left ? TDS_STATUS_EOM : TDS_STATUS_NORMAL;
    packet[2] = (uint8_t)(length >> 8);
    packet[3] = (uint8_t)length;
    packet[6] = id;
    memcpy(packet + TDS_HEADER_SIZE, from, step);
    br_status st = tds_stream_write(t->below, packet, length, err);
    if (st != BR_OK) {
      return st;
    }
    from += step;
    left -= step;
  }
  br_buf_clear(&t->flight);
  return BR_OK;
}

/* Reads handshake bytes out of packets. Some endpoints answer with type 0x04. */
static br_status read_wrapped(tls_stream *t, void *buffer, size_t size, size_t *ret_length,
                              br_error *err) {
  while (t->packet_left == 0) {
    uint8_t header[TDS_HEADER_SIZE];
    br_status st = tds_stream_read_exact(t->below, header, sizeof header, err);
    if (st != BR_OK) {
      return st;
    }
    size_t length = br_load_u16be(header + 2);
    if ((header[0] != TDS_PACKET_PRELOGIN && header[0] != TDS_PACKET_RESPONSE) ||
        length < TDS_HEADER_SIZE) {
      return br_error_set(err, BR_ERR_PROTOCOL, "No TLS handshake packet: type 0x%02X, length %zu",
                          header[0], length);
    }
    t->packet_left = length - TDS_HEADER_SIZE;
  }
  size_t most = size < t->packet_left ? size : t->packet_left;
  br_status st = tds_stream_read(t->below, buffer, most, ret_length, err);
  if (st == BR_OK) {
    t->packet_left -= *ret_length;
  }
  return st;
}

static int bio_read(BIO *bio, char *buffer, int size) {
  tls_stream *t = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  br_status st = BR_OK;
  size_t n = 0;
  if (t->wrapped && t->flight.len > 0) {
    st = send_flight(t, &t->io_error);
  }
  if (st == BR_OK) {
    st = t->wrapped ? read_wrapped(t, buffer, (size_t)size, &n, &t->io_error)
                    : tds_stream_read(t->below, buffer, (size_t)size, &n, &t->io_error);
  }
  if (st == BR_OK) {
    if (!t->heard) {
      t->heard = true;
      t->first = *(const uint8_t *)buffer;
    }
    return (int)n;
  }
  if (st == BR_DONE) {
    t->closed = true;
    return 0;
  }
  t->io_status = st;
  BIO_set_retry_read(bio);
  return -1;
}

static int bio_write(BIO *bio, const char *bytes, int length) {
  tls_stream *t = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  br_status st = t->wrapped ? br_buf_append(&t->flight, bytes, (size_t)length, &t->io_error)
                            : tds_stream_write(t->below, bytes, (size_t)length, &t->io_error);
  if (st == BR_OK) {
    return length;
  }
  t->io_status = st;
  BIO_set_retry_write(bio);
  return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  (void)number;
  (void)pointer;
  if (command == BIO_CTRL_EOF) {
    const tls_stream *t = BIO_get_data(bio);
    return t->closed ? 1 : 0;
  }
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method(void) {
  BIO_METHOD *m = __atomic_load_n(&method, __ATOMIC_ACQUIRE);
  if (m != NULL) {
    return m;
  }
  m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tds stream");
  if (m == NULL || BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_write(m, bio_write) != 1 ||
      BIO_meth_set_ctrl(m, bio_control) != 1) {
    BIO_meth_free(m);
    return NULL;
  }
  BIO_METHOD *expected = NULL;
  if (!__atomic_compare_exchange_n(&method, &expected, m, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE)) {
    BIO_meth_free(m); /* another thread was first */
    m = expected;
  }
  return m;
}

br_status tls_library_error(br_error *err, const char *what) {
  unsigned long code = ERR_peek_error();
  const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
  ERR_clear_error();
  return br_error_set(err, BR_ERR_TLS, "%s: %s", what, reason == NULL ? "unknown reason" : reason);
}

/* Why an SSL_… call failed, in the words of whoever knows best. */
static br_status failure(tls_stream *t, int result, const char *what, br_error *err) {
  int kind = SSL_get_error(t->ssl, result);
  if (t->io_status != BR_OK) {
    br_status st = t->io_status;
    t->io_status = BR_OK;
    if (err != NULL) {
      *err = t->io_error;
    }
    return st;
  }
  if (t->verify_message[0] != '\0') {
    ERR_clear_error();
    return br_error_set(err, BR_ERR_TLS, "%s", t->verify_message);
  }
  if (t->closed || kind == SSL_ERROR_ZERO_RETURN) {
    ERR_clear_error();
    return BR_DONE;
  }
  return tls_library_error(err, what);
}

static br_status tls_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                          br_error *err) {
  tls_stream *t = (tls_stream *)s;
  t->below->wait = s->wait;
  ERR_clear_error();
  int most = size > INT32_MAX ? INT32_MAX : (int)size;
  int n = SSL_read(t->ssl, buffer, most);
  if (n > 0) {
    *ret_length = (size_t)n;
    return BR_OK;
  }
  return failure(t, n, "TLS broke", err);
}

static br_status tls_write(tds_stream *s, const void *bytes, size_t length, br_error *err) {
  tls_stream *t = (tls_stream *)s;
  const uint8_t *from = bytes;
  t->below->wait = s->wait;
  ERR_clear_error();
  while (length > 0) {
    int step = length > INT32_MAX ? INT32_MAX : (int)length;
    int n = SSL_write(t->ssl, from, step);
    if (n <= 0) {
      br_status st = failure(t, n, "TLS broke", err);
      return st != BR_DONE
                 ? st
                 : br_error_set(err, BR_ERR_NETWORK, "The connection was closed by the other side");
    }
    from += n;
    length -= (size_t)n;
  }
  return BR_OK;
}

static int tls_fd(const tds_stream *s) {
  return tds_stream_fd(((const tls_stream *)s)->below);
}

static bool tls_pending(const tds_stream *s) {
  const tls_stream *t = (const tls_stream *)s;
  return SSL_has_pending(t->ssl) == 1 || tds_stream_pending(t->below);
}

void tls_stream_free(tls_stream *t) {
  SSL_free(t->ssl);
  SSL_CTX_free(t->context);
  br_buf_done(&t->flight);
  br_free(t);
}

static void tls_close(tds_stream *s) {
  tls_stream *t = (tls_stream *)s;
  tds_stream *below = t->below;
  if (!t->closed) {
    /* Best effort: a peer that doesn't take our goodbye must not hold us up. */
    below->wait = (tds_wait){.deadline = br_deadline_after_ms(GOODBYE_MS)};
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
  }
  tls_stream_free(t);
  tds_stream_close(below);
}

static const tds_stream_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .fd = tls_fd,
    .pending = tls_pending,
    .close = tls_close,
};

br_status tls_stream_new(tds_stream *below, SSL_CTX *context, bool wrapped, tls_stream **ret_stream,
                         br_error *err) {
  BIO_METHOD *m = bio_method();
  tls_stream *t = br_calloc(1, sizeof *t);
  if (m == NULL || t == NULL) {
    br_free(t);
    return br_error_nomem(err);
  }
  t->base = (tds_stream){.ops = &tls_ops, .wait = below->wait};
  t->below = below;
  t->wrapped = wrapped;
  br_buf_init(&t->flight, FLIGHT_MAX);
  t->ssl = SSL_new(context);
  BIO *bio = t->ssl == NULL ? NULL : BIO_new(m);
  if (bio == NULL) {
    tls_stream_free(t);
    return tls_library_error(err, "Can't set up TLS");
  }
  BIO_set_data(bio, t);
  BIO_set_init(bio, 1);
  SSL_set_bio(t->ssl, bio, bio);
  if (wrapped && SSL_set_max_proto_version(t->ssl, TLS1_2_VERSION) != 1) {
    tls_stream_free(t);
    return tls_library_error(err, "Can't set up TLS");
  }
  *ret_stream = t;
  return BR_OK;
}

br_status tls_handshake(tls_stream *t, br_error *err) {
  ERR_clear_error();
  int n = SSL_do_handshake(t->ssl);
  if (n != 1) {
    br_status st = failure(t, n, "The TLS handshake failed", err);
    /* An alert for the other side may still lie in the flight. */
    if (t->wrapped && t->flight.len > 0 && st == BR_ERR_TLS) {
      br_status ignored = send_flight(t, NULL);
      (void)ignored;
    }
    return st != BR_DONE ? st
                         : br_error_set(err, BR_ERR_TLS,
                                        "The other side closed the connection during the TLS "
                                        "handshake");
  }
  br_status st = t->wrapped && t->flight.len > 0 ? send_flight(t, err) : BR_OK;
  t->wrapped = false;
  br_buf_done(&t->flight);
  return st;
}

tds_stream *tds_tls_detach(tds_stream *tls) {
  tls_stream *t = (tls_stream *)tls;
  tds_stream *below = t->below;
  below->wait = tls->wait;
  SSL_set_quiet_shutdown(t->ssl, 1);
  tls_stream_free(t);
  return below;
}

const char *tds_tls_version_of(const tds_stream *tls) {
  return SSL_get_version(((const tls_stream *)tls)->ssl);
}
