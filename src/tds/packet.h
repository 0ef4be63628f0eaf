/*
 * packet.h: messages in packets (MS-TDS 2.2.3): reading and writing, for both sides.
 *
 * Reading. The bytes of a message come as packets; the reader shows them as one window of
 * contiguous payload, so that a decoder works on plain memory:
 *
 *   buffer  ····[ pos … window … end ][ header ][ payload, not in the window yet ]····received
 *
 *   st = tds_reader_need(r, 12, err);   12 bytes at r->pos are there, across packets if need be
 *   value = load(r->pos);  r->pos += 12;
 *
 * Going on to the next packet moves the few bytes left in the window over the 8 bytes of its header
 * instead of copying the payload.
 *
 * Writing. Bytes are gathered into packets of the agreed size; tds_writer_end() sends the last one
 * with EOM.
 */
#ifndef TDS_PACKET_H
#define TDS_PACKET_H

#include "tds/stream.h"
#include "tds/wire.h"

/* What tds_reader_need() can be asked for: the longest value or token with a 16-bit length. */
enum { TDS_READER_NEED_MAX = 70000 };

typedef struct tds_reader {
  tds_stream *stream; /* borrowed; NULL: all bytes are in the window */
  uint8_t *buffer;    /* owned; NULL without a stream */
  const uint8_t *pos; /* pos <= end <= received; the caller moves pos */
  const uint8_t *end;
  const uint8_t *received;
  size_t packet_left; /* payload of the current packet behind `end` */
  uint64_t total;     /* payload bytes up to `end` since the reader was made */
  uint8_t type;       /* of the current message; 0 = none begun */
  uint8_t status;     /* of the current packet */
  uint16_t spid;      /* of the current packet */
  bool in_message;    /* a message has begun and its last packet's end may not be reached */
  /* Called where waiting for input was cancelled or timed out; BR_OK: go on waiting (the hook has
   * changed stream->wait). NULL: the failure is returned. */
  br_status (*interrupted)(void *context, br_status why, br_error *err);
  void *interrupted_context;
} tds_reader;

br_status tds_reader_init(tds_reader *r, tds_stream *stream, br_error *err) BR_CHECKED;
/* The payload of one message in memory (tests, fuzzing, captured answers). */
void tds_reader_init_memory(tds_reader *r, const void *payload, size_t length);
void tds_reader_done(tds_reader *r);

/* Reads the head of the next message; r->type tells its type. What is left of the current one is
 * read and dropped. BR_DONE: the other side has closed between messages. */
br_status tds_reader_begin(tds_reader *r, br_error *err) BR_CHECKED;
/* Nothing is left of the message (its last packet is read to the end). */
static inline bool tds_reader_at_end(const tds_reader *r) {
  return r->pos == r->end && r->packet_left == 0 && (r->status & TDS_STATUS_EOM) != 0;
}
/* Finds out whether the message has ended here, reading the next packet's header if it must. */
br_status tds_reader_ended(tds_reader *r, bool *ret_ended, br_error *err) BR_CHECKED;
/* Reads the current message to its end and drops it. Its last bytes, as many as there are and at
 * most size, are copied to tail (the last token: a DONE); they count what was dropped here. */
br_status tds_reader_drop(tds_reader *r, uint8_t *tail, size_t size, size_t *ret_tail,
                          br_error *err) BR_CHECKED;
/* Makes at least one more byte visible behind `end`. BR_ERR_PROTOCOL at the end of the message. */
br_status tds_reader_more(tds_reader *r, br_error *err) BR_CHECKED;
br_status tds_reader_need_slow(tds_reader *r, size_t count, br_error *err) BR_CHECKED;
/* count <= TDS_READER_NEED_MAX bytes lie at r->pos. */
BR_CHECKED static inline br_status tds_reader_need(tds_reader *r, size_t count, br_error *err) {
  return (size_t)(r->end - r->pos) >= count ? BR_OK : tds_reader_need_slow(r, count, err);
}
/* Payload bytes consumed since the reader was made. */
static inline uint64_t tds_reader_consumed(const tds_reader *r) {
  return r->total - (uint64_t)(r->end - r->pos);
}

/* Bytes behind the current message are here already (poll() on the descriptor won't tell): another
 * message, such as an attention, may have come. */
static inline bool tds_reader_has_more(const tds_reader *r) {
  return r->received != r->end || (r->stream != NULL && tds_stream_pending(r->stream));
}

br_status tds_reader_u8(tds_reader *r, uint8_t *ret_value, br_error *err) BR_CHECKED;
br_status tds_reader_u16(tds_reader *r, uint16_t *ret_value, br_error *err) BR_CHECKED;
br_status tds_reader_u32(tds_reader *r, uint32_t *ret_value, br_error *err) BR_CHECKED;
br_status tds_reader_u64(tds_reader *r, uint64_t *ret_value, br_error *err) BR_CHECKED;
/* Any length. */
br_status tds_reader_skip(tds_reader *r, uint64_t length, br_error *err) BR_CHECKED;
br_status tds_reader_copy(tds_reader *r, void *out, size_t length, br_error *err) BR_CHECKED;
/* A view of length <= TDS_READER_NEED_MAX bytes as a bounded reader; valid until the next call. */
br_status tds_reader_view(tds_reader *r, size_t length, br_reader *ret_view,
                          br_error *err) BR_CHECKED;

/* Bytes that may be put at tds_writer_room(): the longest value with a 16-bit length, and slack. */
enum { TDS_WRITER_ROOM = 16384 };

typedef struct tds_writer {
  tds_stream *stream; /* borrowed */
  uint8_t *buffer;    /* owned; TDS_PACKET_SIZE_MAX + TDS_WRITER_ROOM bytes */
  size_t packet_size; /* the agreed size, header included */
  size_t fill;        /* bytes in buffer, header included; 0 = no message begun */
  uint64_t packets;   /* of the message that have gone out */
  uint8_t type;
  uint8_t first_status; /* or-ed into the first packet's status (RESETCONNECTION) */
  uint8_t packet_id;
  uint16_t spid; /* 0 on the client */
} tds_writer;

br_status tds_writer_init(tds_writer *w, tds_stream *stream, size_t packet_size,
                          br_error *err) BR_CHECKED;
void tds_writer_done(tds_writer *w);
/* Takes effect with the next message. BR_ERR_PROTOCOL outside 512..32767. */
br_status tds_writer_set_packet_size(tds_writer *w, size_t packet_size, br_error *err) BR_CHECKED;

void tds_writer_begin(tds_writer *w, tds_packet_type type, uint8_t first_status);
br_status tds_writer_bytes(tds_writer *w, const void *bytes, size_t length,
                           br_error *err) BR_CHECKED;
br_status tds_writer_u8(tds_writer *w, uint8_t value, br_error *err) BR_CHECKED;
br_status tds_writer_u16(tds_writer *w, uint16_t value, br_error *err) BR_CHECKED;
br_status tds_writer_u32(tds_writer *w, uint32_t value, br_error *err) BR_CHECKED;
br_status tds_writer_u64(tds_writer *w, uint64_t value, br_error *err) BR_CHECKED;
/* The fast way: the next bytes, TDS_WRITER_ROOM at most, are put there, and the place behind them
 * is told to tds_writer_filled(). What is over the packet's size moves on into the next. */
static inline uint8_t *tds_writer_room(tds_writer *w) {
  return w->buffer + w->fill;
}
br_status tds_writer_spill(tds_writer *w, br_error *err) BR_CHECKED;
BR_CHECKED static inline br_status tds_writer_filled(tds_writer *w, const uint8_t *end,
                                                     br_error *err) {
  w->fill = (size_t)(end - w->buffer);
  return w->fill <= w->packet_size ? BR_OK : tds_writer_spill(w, err);
}
/* Sends the last packet with EOM. */
br_status tds_writer_end(tds_writer *w, br_error *err) BR_CHECKED;
/* Ends the message with EOM | IGNORE where packets of it have gone out (the receiver forgets it),
 * and drops it silently where none has. *ret_answer: the other side will answer. */
br_status tds_writer_abandon(tds_writer *w, bool *ret_answer, br_error *err) BR_CHECKED;
/* A server sends what it has so far without ending the message (rows trickling in). */
br_status tds_writer_flush(tds_writer *w, br_error *err) BR_CHECKED;

/* B_VARCHAR and US_VARCHAR (2.2.5.2.2): a count of UTF-16 code units, then UTF-16LE.
 * BR_ERR_LIMIT where text is longer than the count can say. */
br_status tds_writer_bvarchar(tds_writer *w, const char *text, br_error *err) BR_CHECKED;
br_status tds_writer_usvarchar(tds_writer *w, const char *text, br_error *err) BR_CHECKED;
/* The same into a buffer, for tokens whose length stands in front. */
br_status tds_buf_bvarchar(br_buf *buf, const char *text, br_error *err) BR_CHECKED;
br_status tds_buf_usvarchar(br_buf *buf, const char *text, br_error *err) BR_CHECKED;
/* Reads one as NUL-terminated UTF-8, cut at a character where it doesn't fit into size bytes;
 * invalid surrogates become U+FFFD. */
br_status tds_view_bvarchar(br_reader *view, char *text, size_t size, br_error *err) BR_CHECKED;
br_status tds_view_usvarchar(br_reader *view, char *text, size_t size, br_error *err) BR_CHECKED;
br_status tds_view_utf16(br_reader *view, size_t units, char *text, size_t size,
                         br_error *err) BR_CHECKED;

#endif
