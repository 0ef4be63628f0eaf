#include "sandbox/tds_fault.h"

#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"

typedef struct fault_stream {
  tds_stream base;
  tds_stream *below;
  tds_fault_kind kind;
  uint64_t left; /* bytes until it strikes */
} fault_stream;

static br_status fault_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                            br_error *err) {
  fault_stream *f = (fault_stream *)s;
  f->below->wait = s->wait;
  return tds_stream_read(f->below, buffer, size, ret_length, err);
}

/* Waits for the server's stop, or for the client to go away. */
static br_status stall(const fault_stream *f, br_error *err) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = tds_stream_fd(f->below), .events = POLLRDHUP},
                            {.fd = br_cancel_fd(f->base.wait.cancel), .events = POLLIN}};
    int ready = br_sys.poll(fds, 2, -1);
    if (ready > 0) {
      return br_error_set(err, BR_ERR_NETWORK, "The connection stalled on purpose");
    }
  }
}

static br_status strike(const fault_stream *f, size_t length, br_error *err) {
  if (f->kind == TDS_FAULT_CLOSE) {
    return br_error_set(err, BR_ERR_NETWORK, "The connection was closed on purpose");
  }
  if (f->kind == TDS_FAULT_STALL) {
    return stall(f, err);
  }
  uint8_t garbage[512];
  br_status st = BR_OK;
  memset(garbage, 0xEE, sizeof garbage);
  while (length > 0 && st == BR_OK) {
    size_t step = length < sizeof garbage ? length : sizeof garbage;
    st = tds_stream_write(f->below, garbage, step, err);
    length -= step;
  }
  return st;
}

static br_status fault_write(tds_stream *s, const void *bytes, size_t length, br_error *err) {
  fault_stream *f = (fault_stream *)s;
  f->below->wait = s->wait;
  if (f->kind == TDS_FAULT_NONE || length <= f->left) {
    f->left -= f->kind == TDS_FAULT_NONE ? 0 : length;
    return tds_stream_write(f->below, bytes, length, err);
  }
  size_t good = (size_t)f->left;
  br_status st = good > 0 ? tds_stream_write(f->below, bytes, good, err) : BR_OK;
  f->left = 0;
  return st == BR_OK ? strike(f, length - good, err) : st;
}

static int fault_fd(const tds_stream *s) {
  return tds_stream_fd(((const fault_stream *)s)->below);
}

static bool fault_pending(const tds_stream *s) {
  return tds_stream_pending(((const fault_stream *)s)->below);
}

static void fault_close(tds_stream *s) {
  tds_stream_close(((fault_stream *)s)->below);
  br_free(s);
}

static const tds_stream_ops fault_ops = {.read = fault_read,
                                         .write = fault_write,
                                         .fd = fault_fd,
                                         .pending = fault_pending,
                                         .close = fault_close};

br_status tds_fault_stream(tds_stream *below, tds_stream **ret_stream, br_error *err) {
  fault_stream *f = br_calloc(1, sizeof *f);
  if (f == NULL) {
    return br_error_nomem(err);
  }
  f->base = (tds_stream){.ops = &fault_ops, .wait = below->wait};
  f->below = below;
  *ret_stream = &f->base;
  return BR_OK;
}

void tds_fault_arm(tds_stream *stream, tds_fault_kind kind, uint64_t bytes) {
  fault_stream *f = (fault_stream *)stream;
  f->kind = kind;
  f->left = bytes;
}
