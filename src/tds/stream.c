/*
 * The seam itself: calls through the op table, and what is the same for all streams.
 */
#include "tds/stream.h"

tds_wait tds_wait_forever(void) {
  return (tds_wait){.deadline = br_deadline_after_ms(0)};
}

br_status tds_stream_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                          br_error *err) {
  return s->ops->read(s, buffer, size, ret_length, err);
}

br_status tds_stream_read_exact(tds_stream *s, void *buffer, size_t size, br_error *err) {
  uint8_t *out = buffer;
  size_t got = 0;
  while (got < size) {
    size_t n = 0;
    br_status st = s->ops->read(s, out + got, size - got, &n, err);
    if (st == BR_DONE) {
      br_error_set(err, BR_ERR_NETWORK, "The connection was closed by the other side");
      return br_error_set_retriable(err, BR_ERR_NETWORK);
    }
    if (st != BR_OK) {
      return st;
    }
    got += n;
  }
  return BR_OK;
}

br_status tds_stream_write(tds_stream *s, const void *bytes, size_t length, br_error *err) {
  return s->ops->write(s, bytes, length, err);
}

int tds_stream_fd(const tds_stream *s) {
  return s->ops->fd(s);
}

bool tds_stream_pending(const tds_stream *s) {
  return s->ops->pending(s);
}

void tds_stream_close(tds_stream *s) {
  if (s != NULL) {
    s->ops->close(s);
  }
}
