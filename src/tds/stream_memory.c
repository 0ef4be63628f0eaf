/*
 * Streams without a network: bytes in memory, and a stream that fails on purpose. Tests and fuzz
 * targets hold whole conversations through them.
 */
#include <string.h>

#include "base/mem.h"
#include "tds/stream.h"

typedef struct memory_stream {
  tds_stream base;
  br_reader input;
  br_buf *output; /* borrowed; NULL: thrown away */
} memory_stream;

static br_status memory_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                             br_error *err) {
  memory_stream *self = (memory_stream *)s;
  size_t left = br_reader_left(&self->input);
  if (left == 0) {
    return BR_DONE;
  }
  size_t n = left < size ? left : size;
  const uint8_t *view = NULL;
  br_status st = br_reader_view(&self->input, n, &view, err);
  if (st == BR_OK) {
    memcpy(buffer, view, n);
    *ret_length = n;
  }
  return st;
}

static br_status memory_write(tds_stream *s, const void *bytes, size_t length, br_error *err) {
  const memory_stream *self = (const memory_stream *)s;
  return self->output == NULL ? BR_OK : br_buf_append(self->output, bytes, length, err);
}

static int no_fd(const tds_stream *s) {
  (void)s;
  return -1;
}

static bool memory_pending(const tds_stream *s) {
  return br_reader_left(&((const memory_stream *)s)->input) > 0;
}

static void memory_close(tds_stream *s) {
  br_free(s);
}

static const tds_stream_ops memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .fd = no_fd,
    .pending = memory_pending,
    .close = memory_close,
};

br_status tds_stream_memory(const void *input, size_t length, br_buf *output,
                            tds_stream **ret_stream, br_error *err) {
  memory_stream *self = br_calloc(1, sizeof *self);
  if (self == NULL) {
    return br_error_nomem(err);
  }
  self->base = (tds_stream){.ops = &memory_ops, .wait = tds_wait_forever()};
  self->input = br_reader_of(input, length);
  self->output = output;
  *ret_stream = &self->base;
  return BR_OK;
}

typedef struct faulty_stream {
  tds_stream base;
  tds_stream *below;
  tds_faults faults;
  uint64_t read;
  uint64_t written;
} faulty_stream;

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static br_status faulty_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                             br_error *err) {
  faulty_stream *self = (faulty_stream *)s;
  tds_faults *f = &self->faults;
  if (self->read >= f->close_at) {
    return BR_DONE;
  }
  if (self->read >= f->stall_at) {
    return br_error_set(err, BR_ERR_TIMEOUT, "No answer");
  }
  if (self->read >= f->cancel_at && s->wait.cancel != NULL) {
    f->cancel_at = UINT64_MAX;
    return br_error_set(err, BR_ERR_CANCELLED, "Cancelled");
  }
  uint64_t most = f->read_most == 0 ? size : least(size, f->read_most);
  most = least(most, f->close_at - self->read);
  most = least(most, f->stall_at - self->read);
  if (f->cancel_at > self->read) {
    most = least(most, f->cancel_at - self->read);
  }
  self->below->wait = s->wait;
  br_status st = tds_stream_read(self->below, buffer, (size_t)most, ret_length, err);
  if (st == BR_OK) {
    self->read += *ret_length;
  }
  return st;
}

static br_status faulty_write(tds_stream *s, const void *bytes, size_t length, br_error *err) {
  faulty_stream *self = (faulty_stream *)s;
  uint64_t room = self->faults.write_fails_at - self->written;
  if (length > room) {
    return br_error_set(err, BR_ERR_NETWORK, "The connection broke");
  }
  self->below->wait = s->wait;
  br_status st = tds_stream_write(self->below, bytes, length, err);
  if (st == BR_OK) {
    self->written += length;
  }
  return st;
}

static int faulty_fd(const tds_stream *s) {
  return tds_stream_fd(((const faulty_stream *)s)->below);
}

static bool faulty_pending(const tds_stream *s) {
  return tds_stream_pending(((const faulty_stream *)s)->below);
}

static void faulty_close(tds_stream *s) {
  tds_stream_close(((faulty_stream *)s)->below);
  br_free(s);
}

static const tds_stream_ops faulty_ops = {
    .read = faulty_read,
    .write = faulty_write,
    .fd = faulty_fd,
    .pending = faulty_pending,
    .close = faulty_close,
};

br_status tds_stream_faulty(tds_stream *below, const tds_faults *faults, tds_stream **ret_stream,
                            br_error *err) {
  faulty_stream *self = br_calloc(1, sizeof *self);
  if (self == NULL) {
    return br_error_nomem(err);
  }
  self->base = (tds_stream){.ops = &faulty_ops, .wait = below->wait};
  self->below = below;
  self->faults = *faults;
  *ret_stream = &self->base;
  return BR_OK;
}
