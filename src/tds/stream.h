/*
 * stream.h: where bytes come from and go to: TCP, Unix socket, TLS on top of either (tls.h), memory
 * and a stream that fails on purpose. One op table; everything above sees only this.
 *
 * A stream that waits obeys its `wait`: an absolute deadline, a longest silence, a cancel token.
 * BR_ERR_CANCELLED and BR_ERR_TIMEOUT leave it usable: nothing was lost, the same call may be
 * repeated with another wait (that is how an attention is sent and its answer read).
 */
#ifndef TDS_STREAM_H
#define TDS_STREAM_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/status.h"

typedef struct tds_wait {
  br_deadline deadline;    /* nothing waits past it */
  uint64_t silence_ms;     /* the longest single wait; 0 = no limit */
  const br_cancel *cancel; /* NULL: nobody can ask */
} tds_wait;

/* Waits for as long as it takes. */
tds_wait tds_wait_forever(void);

typedef struct tds_stream tds_stream;

typedef struct tds_stream_ops {
  /* Reads 1..size bytes. BR_DONE: the other side has closed. */
  br_status (*read)(tds_stream *s, void *buffer, size_t size, size_t *ret_length, br_error *err);
  /* Writes all bytes. After an error part of them may have gone out. */
  br_status (*write)(tds_stream *s, const void *bytes, size_t length, br_error *err);
  /* The descriptor to poll() for input, -1 = none. */
  int (*fd)(const tds_stream *s);
  /* Bytes can be read without waiting for the descriptor (TLS holds decrypted bytes). */
  bool (*pending)(const tds_stream *s);
  /* Closes and frees the stream and all below it. */
  void (*close)(tds_stream *s);
} tds_stream_ops;

struct tds_stream {
  const tds_stream_ops *ops;
  tds_wait wait; /* set by the user at any time between calls */
};

br_status tds_stream_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                          br_error *err) BR_CHECKED;
/* Reads exactly size bytes; BR_ERR_NETWORK where the other side closes before. */
br_status tds_stream_read_exact(tds_stream *s, void *buffer, size_t size, br_error *err) BR_CHECKED;
br_status tds_stream_write(tds_stream *s, const void *bytes, size_t length,
                           br_error *err) BR_CHECKED;
int tds_stream_fd(const tds_stream *s);
bool tds_stream_pending(const tds_stream *s);
void tds_stream_close(tds_stream *s); /* NULL is fine */

/* A connected socket; owned by the stream from here on success (it is made non-blocking). */
br_status tds_stream_of_socket(int fd, tds_wait wait, tds_stream **ret_stream,
                               br_error *err) BR_CHECKED;
/* Connects to a Unix socket. */
br_status tds_stream_unix(const char *path, tds_wait wait, tds_stream **ret_stream,
                          br_error *err) BR_CHECKED;
/* Looks a name up and connects to the first of its addresses that answers. ret_resolved (may be
 * NULL) tells, also on failure, that the name was found. */
br_status tds_stream_tcp(const char *host, uint16_t port, tds_wait wait, bool *ret_resolved,
                         tds_stream **ret_stream, br_error *err) BR_CHECKED;

/* Reads from `input` (borrowed, BR_DONE at its end), appends what is written to `output` (borrowed;
 * NULL: thrown away). */
br_status tds_stream_memory(const void *input, size_t length, br_buf *output,
                            tds_stream **ret_stream, br_error *err) BR_CHECKED;

/* What a faulty stream does on top of another, which it owns. */
typedef struct tds_faults {
  size_t read_most;   /* bytes that one read hands out; 0 = no limit */
  uint64_t close_at;  /* the input ends after so many bytes; UINT64_MAX = never */
  uint64_t stall_at;  /* reading fails with BR_ERR_TIMEOUT from here on */
  uint64_t cancel_at; /* reading fails once with BR_ERR_CANCELLED here, if anybody can cancel */
  uint64_t write_fails_at; /* writing fails with BR_ERR_NETWORK from here on */
} tds_faults;
#define TDS_NO_FAULTS                                                                              \
  {                                                                                                \
    .close_at = UINT64_MAX, .stall_at = UINT64_MAX, .cancel_at = UINT64_MAX,                       \
    .write_fails_at = UINT64_MAX                                                                   \
  }
br_status tds_stream_faulty(tds_stream *below, const tds_faults *faults, tds_stream **ret_stream,
                            br_error *err) BR_CHECKED;

#endif
