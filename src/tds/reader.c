/*
 * Reading messages out of packets: see packet.h for the window.
 *
 * The stream is read in large pieces, many packets at once. Invariants: pos <= end <= received;
 * where packet_left > 0 all that was received is in the window (end == received), or the window
 * would have been extended.
 */
#include <string.h>

#include "base/mem.h"
#include "tds/packet.h"

enum {
  BUFFER_SIZE = 160 * 1024,
  READ_LEAST = 32 * 1024, /* room for one read; below it the window moves to the front */
};

br_status tds_reader_init(tds_reader *r, tds_stream *stream, br_error *err) {
  *r = (tds_reader){.stream = stream, .status = TDS_STATUS_EOM};
  r->buffer = br_malloc(BUFFER_SIZE);
  if (r->buffer == NULL) {
    return br_error_nomem(err);
  }
  r->pos = r->end = r->received = r->buffer;
  return BR_OK;
}

void tds_reader_init_memory(tds_reader *r, const void *payload, size_t length) {
  *r = (tds_reader){.status = TDS_STATUS_EOM, .type = TDS_PACKET_RESPONSE, .in_message = true};
  r->pos = payload;
  r->end = r->received = r->pos + length;
  r->total = length;
}

void tds_reader_done(tds_reader *r) {
  br_free(r->buffer);
  *r = (tds_reader){.status = TDS_STATUS_EOM};
}

/* Moves the window, and what was received behind it, to the front of the buffer. */
static void move_to_front(tds_reader *r) {
  size_t shift = (size_t)(r->pos - r->buffer);
  memmove(r->buffer, r->pos, (size_t)(r->received - r->pos));
  r->pos -= shift;
  r->end -= shift;
  r->received -= shift;
}

/* Receives at least one byte. BR_DONE: the other side has closed. */
static br_status receive(tds_reader *r, br_error *err) {
  if ((size_t)(r->buffer + BUFFER_SIZE - r->received) < READ_LEAST) {
    move_to_front(r);
  }
  size_t room = (size_t)(r->buffer + BUFFER_SIZE - r->received);
  if (room == 0) {
    return br_error_set(err, BR_ERR_INTERNAL, "The packet buffer is full");
  }
  for (;;) {
    size_t n = 0;
    uint8_t *into = r->buffer + (r->received - r->buffer);
    br_status st = tds_stream_read(r->stream, into, room, &n, err);
    if (st == BR_OK) {
      r->received += n;
      return BR_OK;
    }
    bool can_go_on = (st == BR_ERR_CANCELLED || st == BR_ERR_TIMEOUT) && r->interrupted != NULL;
    if (can_go_on) {
      st = r->interrupted(r->interrupted_context, st, err);
    }
    if (st != BR_OK || !can_go_on) {
      return st;
    }
  }
}

static br_status closed_early(br_error *err) {
  br_error_set(err, BR_ERR_NETWORK, "The connection was closed in the middle of a message");
  return br_error_set_retriable(err, BR_ERR_NETWORK);
}

/* Takes into the window what was received of the current packet. */
static void extend_window(tds_reader *r) {
  size_t there = (size_t)(r->received - r->end);
  size_t take = there < r->packet_left ? there : r->packet_left;
  r->end += take;
  r->packet_left -= take;
  r->total += take;
}

/* Reads the header behind the window; *ret_any: at least one byte of it came. */
static br_status next_header(tds_reader *r, bool first, bool *ret_any, br_error *err) {
  while (r->received - r->end < TDS_HEADER_SIZE) {
    br_status st = receive(r, err);
    *ret_any = *ret_any || r->received != r->end;
    if (st != BR_OK) {
      return st;
    }
  }
  *ret_any = true;
  const uint8_t *h = r->end;
  size_t length = br_load_u16be(h + 2);
  if (length < TDS_HEADER_SIZE) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A packet says it is %zu bytes long", length);
  }
  if (!first && h[0] != r->type) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "A packet of type 0x%02X stands in a message of type 0x%02X", h[0],
                        r->type);
  }
  r->type = h[0];
  r->status = h[1];
  r->spid = br_load_u16be(h + 4);
  /* The rest of the window moves over the header, next to the payload. */
  size_t rest = (size_t)(r->end - r->pos);
  if (rest > 0) {
    uint8_t *window = r->buffer + (r->pos - r->buffer);
    memmove(window + TDS_HEADER_SIZE, window, rest);
  }
  r->pos += TDS_HEADER_SIZE;
  r->end += TDS_HEADER_SIZE;
  r->packet_left = length - TDS_HEADER_SIZE;
  extend_window(r);
  return BR_OK;
}

br_status tds_reader_more(tds_reader *r, br_error *err) {
  uint64_t before = r->total;
  while (r->total == before) {
    if (r->packet_left > 0) {
      br_status st = receive(r, err);
      if (st != BR_OK) {
        return st == BR_DONE ? closed_early(err) : st;
      }
      extend_window(r);
      continue;
    }
    if ((r->status & TDS_STATUS_EOM) != 0) {
      return br_error_set(err, BR_ERR_PROTOCOL, "The message ends early");
    }
    bool any = false;
    br_status st = next_header(r, false, &any, err);
    if (st != BR_OK) {
      return st == BR_DONE ? closed_early(err) : st;
    }
  }
  return BR_OK;
}

br_status tds_reader_need_slow(tds_reader *r, size_t count, br_error *err) {
  if (count > TDS_READER_NEED_MAX) {
    return br_error_set(err, BR_ERR_INTERNAL, "%zu bytes at once", count);
  }
  while ((size_t)(r->end - r->pos) < count) {
    br_status st = tds_reader_more(r, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

br_status tds_reader_ended(tds_reader *r, bool *ret_ended, br_error *err) {
  while (r->pos == r->end && !tds_reader_at_end(r)) {
    bool any = false;
    br_status st = r->packet_left > 0 ? tds_reader_more(r, err) : next_header(r, false, &any, err);
    if (st != BR_OK) {
      return st == BR_DONE ? closed_early(err) : st;
    }
  }
  *ret_ended = r->pos == r->end;
  return BR_OK;
}

/* Appends what is in the window to the tail, which keeps its last bytes. */
static void move_to_tail(tds_reader *r, uint8_t *tail, size_t size, size_t *tail_length) {
  size_t there = (size_t)(r->end - r->pos);
  size_t take = there < size ? there : size;
  size_t keep = size - take < *tail_length ? size - take : *tail_length;
  if (size > 0) {
    memmove(tail, tail + *tail_length - keep, keep);
    memcpy(tail + keep, r->end - take, take);
  }
  *tail_length = keep + take;
  r->pos = r->end;
}

br_status tds_reader_drop(tds_reader *r, uint8_t *tail, size_t size, size_t *ret_tail,
                          br_error *err) {
  size_t tail_length = 0;
  bool ended = false;
  while (!ended) {
    move_to_tail(r, tail, size, &tail_length);
    br_status st = tds_reader_ended(r, &ended, err);
    if (st != BR_OK) {
      return st;
    }
  }
  *ret_tail = tail_length;
  return BR_OK;
}

br_status tds_reader_begin(tds_reader *r, br_error *err) {
  if (r->stream == NULL) {
    return BR_DONE;
  }
  size_t tail = 0;
  br_status st = r->in_message ? tds_reader_drop(r, NULL, 0, &tail, err) : BR_OK;
  if (st != BR_OK) {
    return st;
  }
  r->in_message = false;
  bool any = false;
  st = next_header(r, true, &any, err);
  if (st == BR_DONE) {
    return any ? closed_early(err) : BR_DONE;
  }
  if (st == BR_OK) {
    r->in_message = true;
  }
  return st;
}

br_status tds_reader_u8(tds_reader *r, uint8_t *ret_value, br_error *err) {
  br_status st = tds_reader_need(r, 1, err);
  if (st == BR_OK) {
    *ret_value = *r->pos++;
  }
  return st;
}

br_status tds_reader_u16(tds_reader *r, uint16_t *ret_value, br_error *err) {
  br_status st = tds_reader_need(r, 2, err);
  if (st == BR_OK) {
    *ret_value = br_load_u16le(r->pos);
    r->pos += 2;
  }
  return st;
}

br_status tds_reader_u32(tds_reader *r, uint32_t *ret_value, br_error *err) {
  br_status st = tds_reader_need(r, 4, err);
  if (st == BR_OK) {
    *ret_value = br_load_u32le(r->pos);
    r->pos += 4;
  }
  return st;
}

br_status tds_reader_u64(tds_reader *r, uint64_t *ret_value, br_error *err) {
  br_status st = tds_reader_need(r, 8, err);
  if (st == BR_OK) {
    *ret_value = br_load_u64le(r->pos);
    r->pos += 8;
  }
  return st;
}

br_status tds_reader_skip(tds_reader *r, uint64_t length, br_error *err) {
  while (length > 0) {
    br_status st = tds_reader_need(r, 1, err);
    if (st != BR_OK) {
      return st;
    }
    size_t there = (size_t)(r->end - r->pos);
    size_t step = there < length ? there : (size_t)length;
    r->pos += step;
    length -= step;
  }
  return BR_OK;
}

br_status tds_reader_copy(tds_reader *r, void *out, size_t length, br_error *err) {
  uint8_t *to = out;
  while (length > 0) {
    br_status st = tds_reader_need(r, 1, err);
    if (st != BR_OK) {
      return st;
    }
    size_t there = (size_t)(r->end - r->pos);
    size_t step = there < length ? there : length;
    memcpy(to, r->pos, step);
    to += step;
    r->pos += step;
    length -= step;
  }
  return BR_OK;
}

br_status tds_reader_view(tds_reader *r, size_t length, br_reader *ret_view, br_error *err) {
  br_status st = tds_reader_need(r, length, err);
  if (st == BR_OK) {
    *ret_view = br_reader_of(r->pos, length);
    r->pos += length;
  }
  return st;
}
