/*
 * Names and messages on the wire: counted UTF-16LE (B_VARCHAR, US_VARCHAR; MS-TDS 2.2.5.2.2) to
 * and from UTF-8.
 */
#include <string.h>

#include "batch/charset.h"
#include "tds/packet.h"

enum { NAME_BYTES_MAX = 2 * 65535 };

static br_status too_long(br_error *err, size_t units, size_t most) {
  return br_error_set(err, BR_ERR_LIMIT, "A text of %zu characters where %zu are the most", units,
                      most);
}

/* The counted form into a buffer; the count takes count_size bytes. */
static br_status put_counted(br_buf *buf, const char *text, size_t count_size, br_error *err) {
  size_t most = count_size == 1 ? UINT8_MAX : UINT16_MAX;
  size_t length = strlen(text);
  size_t units = batch_utf16_units(text, length);
  if (units > most) {
    return too_long(err, units, most);
  }
  br_status st = count_size == 1 ? br_buf_u8(buf, (uint8_t)units, err)
                                 : br_buf_u16le(buf, (uint16_t)units, err);
  if (st != BR_OK) {
    return st;
  }
  return batch_utf8_to_utf16le(text, length, buf, err);
}

br_status tds_buf_bvarchar(br_buf *buf, const char *text, br_error *err) {
  return put_counted(buf, text, 1, err);
}

br_status tds_buf_usvarchar(br_buf *buf, const char *text, br_error *err) {
  return put_counted(buf, text, 2, err);
}

static br_status write_counted(tds_writer *w, const char *text, size_t count_size, br_error *err) {
  br_buf buf;
  br_buf_init(&buf, NAME_BYTES_MAX + 2);
  br_status st = put_counted(&buf, text, count_size, err);
  if (st == BR_OK) {
    st = tds_writer_bytes(w, buf.data, buf.len, err);
  }
  br_buf_done(&buf);
  return st;
}

br_status tds_writer_bvarchar(tds_writer *w, const char *text, br_error *err) {
  return write_counted(w, text, 1, err);
}

br_status tds_writer_usvarchar(tds_writer *w, const char *text, br_error *err) {
  return write_counted(w, text, 2, err);
}

/* Converts piece by piece, so that a text longer than its place is cut and costs no memory. */
br_status tds_view_utf16(br_reader *view, size_t units, char *text, size_t size, br_error *err) {
  const uint8_t *bytes = NULL;
  br_status st = br_reader_view(view, units * 2, &bytes, err);
  size_t left = units * 2;
  size_t fill = 0;
  bool full = size == 0;
  while (st == BR_OK && left > 0 && !full) {
    uint8_t piece[3 * 32];
    size_t step = left < 64 ? left : 64;
    size_t written = 0;
    size_t used = 0;
    st = batch_utf16le_to_utf8(bytes, step, step < left, BATCH_INVALID_REPLACE, piece, &written,
                               &used, err);
    if (st != BR_OK || used == 0) {
      break;
    }
    full = fill + written >= size;
    size_t take = full ? size - 1 - fill : written;
    while (full && take > 0 && (piece[take] & 0xC0U) == 0x80U) {
      take--;
    }
    memcpy(text + fill, piece, take);
    fill += take;
    bytes += used;
    left -= used;
  }
  if (st == BR_OK && size > 0) {
    text[fill] = '\0';
  }
  return st;
}

br_status tds_view_bvarchar(br_reader *view, char *text, size_t size, br_error *err) {
  uint8_t units = 0;
  br_status st = br_reader_u8(view, &units, err);
  return st == BR_OK ? tds_view_utf16(view, units, text, size, err) : st;
}

br_status tds_view_usvarchar(br_reader *view, char *text, size_t size, br_error *err) {
  uint16_t units = 0;
  br_status st = br_reader_u16le(view, &units, err);
  return st == BR_OK ? tds_view_utf16(view, units, text, size, err) : st;
}
