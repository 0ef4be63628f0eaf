/*
 * Writing messages as packets. A packet goes out when the next byte no longer fits, so the last one
 * is never empty unless the message is.
 */
#include <string.h>

#include "base/mem.h"
#include "tds/packet.h"

br_status tds_writer_init(tds_writer *w, tds_stream *stream, size_t packet_size, br_error *err) {
  *w = (tds_writer){.stream = stream};
  br_status st = tds_writer_set_packet_size(w, packet_size, err);
  if (st != BR_OK) {
    return st;
  }
  w->buffer = br_malloc(TDS_PACKET_SIZE_MAX + TDS_WRITER_ROOM);
  return w->buffer == NULL ? br_error_nomem(err) : BR_OK;
}

void tds_writer_done(tds_writer *w) {
  br_free(w->buffer);
  *w = (tds_writer){.stream = NULL};
}

br_status tds_writer_set_packet_size(tds_writer *w, size_t packet_size, br_error *err) {
  if (packet_size < TDS_PACKET_SIZE_MIN || packet_size > TDS_PACKET_SIZE_MAX) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A packet size of %zu bytes is outside %d..%d",
                        packet_size, TDS_PACKET_SIZE_MIN, TDS_PACKET_SIZE_MAX);
  }
  w->packet_size = packet_size;
  return BR_OK;
}

void tds_writer_begin(tds_writer *w, tds_packet_type type, uint8_t first_status) {
  w->type = (uint8_t)type;
  w->first_status = first_status;
  w->fill = TDS_HEADER_SIZE;
  w->packets = 0;
  w->packet_id = 1;
}

/* Sends the packet gathered so far. */
static br_status send_packet(tds_writer *w, uint8_t status, br_error *err) {
  uint8_t *h = w->buffer;
  h[0] = w->type;
  h[1] = (uint8_t)(status | (w->packets == 0 ? w->first_status : 0));
  h[2] = (uint8_t)(w->fill >> 8);
  h[3] = (uint8_t)w->fill;
  h[4] = (uint8_t)(w->spid >> 8);
  h[5] = (uint8_t)w->spid;
  h[6] = w->packet_id++;
  h[7] = 0;
  br_status st = tds_stream_write(w->stream, w->buffer, w->fill, err);
  if (st == BR_OK) {
    w->packets++;
    w->fill = TDS_HEADER_SIZE;
  }
  return st;
}

br_status tds_writer_spill(tds_writer *w, br_error *err) {
  while (w->fill > w->packet_size) {
    size_t rest = w->fill - w->packet_size;
    w->fill = w->packet_size;
    br_status st = send_packet(w, TDS_STATUS_NORMAL, err);
    if (st != BR_OK) {
      return st;
    }
    memmove(w->buffer + TDS_HEADER_SIZE, w->buffer + w->packet_size, rest);
    w->fill += rest;
  }
  return BR_OK;
}

br_status tds_writer_bytes(tds_writer *w, const void *bytes, size_t length, br_error *err) {
  const uint8_t *from = bytes;
  while (length > 0) {
    if (w->fill == w->packet_size) {
      br_status st = send_packet(w, TDS_STATUS_NORMAL, err);
      if (st != BR_OK) {
        return st;
      }
    }
    size_t room = w->packet_size - w->fill;
    size_t step = length < room ? length : room;
    memcpy(w->buffer + w->fill, from, step);
    w->fill += step;
    from += step;
    length -= step;
  }
  return BR_OK;
}

br_status tds_writer_u8(tds_writer *w, uint8_t value, br_error *err) {
  return tds_writer_bytes(w, &value, 1, err);
}

br_status tds_writer_u16(tds_writer *w, uint16_t value, br_error *err) {
  uint8_t bytes[2];
  br_store_u16le(bytes, value);
  return tds_writer_bytes(w, bytes, sizeof bytes, err);
}

br_status tds_writer_u32(tds_writer *w, uint32_t value, br_error *err) {
  uint8_t bytes[4];
  br_store_u32le(bytes, value);
  return tds_writer_bytes(w, bytes, sizeof bytes, err);
}

br_status tds_writer_u64(tds_writer *w, uint64_t value, br_error *err) {
  uint8_t bytes[8];
  br_store_u64le(bytes, value);
  return tds_writer_bytes(w, bytes, sizeof bytes, err);
}

br_status tds_writer_end(tds_writer *w, br_error *err) {
  br_status st = send_packet(w, TDS_STATUS_EOM, err);
  w->fill = 0;
  return st;
}

br_status tds_writer_abandon(tds_writer *w, bool *ret_answer, br_error *err) {
  br_status st = BR_OK;
  bool answer = w->fill > 0 && w->packets > 0;
  if (answer) {
    st = send_packet(w, TDS_STATUS_EOM | TDS_STATUS_IGNORE, err);
  }
  w->fill = 0;
  if (st == BR_OK) {
    *ret_answer = answer;
  }
  return st;
}

br_status tds_writer_flush(tds_writer *w, br_error *err) {
  return w->fill > TDS_HEADER_SIZE ? send_packet(w, TDS_STATUS_NORMAL, err) : BR_OK;
}
