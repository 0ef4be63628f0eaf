/*
 * Text and binary cells onto the wire: the length in the form that the frame wants, then the bytes,
 * converted on the way piece by piece where they are ASCII, which most are.
 */
#include "tds/value_write.h"

#include <inttypes.h>
#include <string.h>

enum { PIECE = 512, CONVERTED_MAX = 2147483647 };

/* The frame's head in front of `length` bytes of value. */
static br_status write_head(tds_writer *w, const tds_type_info *info, uint64_t length,
                            br_error *err) {
  static const uint8_t pointer[TDS_TEXT_POINTER_SIZE + TDS_TEXT_TIMESTAMP_SIZE] = {0};
  br_status st = BR_OK;
  if (info->frame != TDS_FRAME_PLP && info->frame != TDS_FRAME_TEXTPTR &&
      info->frame != TDS_FRAME_LONG && length > info->size) {
    return br_error_set(err, BR_ERR_DATA, "The value has %" PRIu64 " bytes, its type %" PRIu32,
                        length, info->size);
  }
  switch (info->frame) {
  case TDS_FRAME_LEN8:
    return length == 0 ? br_error_set(err, BR_ERR_DATA, "An empty value is NULL in its type")
                       : tds_writer_u8(w, (uint8_t)length, err);
  case TDS_FRAME_LEN16:
    return tds_writer_u16(w, (uint16_t)length, err);
  case TDS_FRAME_LONG:
    return tds_writer_u32(w, (uint32_t)length, err);
  case TDS_FRAME_TEXTPTR:
    st = tds_writer_u8(w, TDS_TEXT_POINTER_SIZE, err);
    st = st == BR_OK ? tds_writer_bytes(w, pointer, sizeof pointer, err) : st;
    return st == BR_OK ? tds_writer_u32(w, (uint32_t)length, err) : st;
  case TDS_FRAME_PLP:
    st = tds_writer_u64(w, info->plp_unknown_length ? TDS_PLP_UNKNOWN : length, err);
    return st == BR_OK && length > 0 ? tds_writer_u32(w, (uint32_t)length, err) : st;
  default:
    return br_error_set(err, BR_ERR_INTERNAL, "Text in a frame of kind %d", (int)info->frame);
  }
}

static br_status write_tail(tds_writer *w, const tds_type_info *info, br_error *err) {
  return info->frame == TDS_FRAME_PLP ? tds_writer_u32(w, 0, err) : BR_OK;
}

static const char *cell(const batch_column *column, size_t row, size_t *ret_length) {
  *ret_length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
  return (const char *)column->data + column->offsets[row];
}

static br_status write_framed(tds_writer *w, const tds_type_info *info, const void *bytes,
                              size_t length, br_error *err) {
  br_status st = write_head(w, info, length, err);
  if (st == BR_OK) {
    st = tds_writer_bytes(w, bytes, length, err);
  }
  return st == BR_OK ? write_tail(w, info, err) : st;
}

static size_t ascii_prefix(const char *text, size_t length) {
  size_t n = 0;
  while (n < length && (text[n] & 0x80) == 0) {
    n++;
  }
  return n;
}

br_status tds_write_binary(tds_writer *w, const tds_type_info *info, const batch_column *column,
                           size_t row, br_error *err) {
  size_t length = 0;
  const char *bytes = cell(column, row, &length);
  return write_framed(w, info, bytes, length, err);
}

br_status tds_write_char(tds_writer *w, const tds_type_info *info, const batch_column *column,
                         size_t row, br_error *err) {
  size_t length = 0;
  const char *text = cell(column, row, &length);
  unsigned code_page = batch_collation_code_page(info->collation);
  if (code_page == BATCH_CP_UTF8 || ascii_prefix(text, length) == length) {
    return write_framed(w, info, text, length, err);
  }
  br_buf converted;
  br_buf_init(&converted, CONVERTED_MAX);
  br_status st = batch_utf8_to_code_page(code_page, text, length, false, &converted, err);
  if (st == BR_OK) {
    st = write_framed(w, info, converted.data, converted.len, err);
  }
  br_buf_done(&converted);
  return st;
}

static br_status write_ascii_as_utf16(tds_writer *w, const char *text, size_t length,
                                      br_error *err) {
  uint8_t piece[2 * PIECE];
  br_status st = BR_OK;
  while (st == BR_OK && length > 0) {
    size_t step = length < PIECE ? length : PIECE;
    for (size_t i = 0; i < step; i++) {
      piece[2 * i] = (uint8_t)text[i];
      piece[2 * i + 1] = 0;
    }
    st = tds_writer_bytes(w, piece, 2 * step, err);
    text += step;
    length -= step;
  }
  return st;
}

br_status tds_write_utf16(tds_writer *w, const tds_type_info *info, const batch_column *column,
                          size_t row, br_error *err) {
  size_t length = 0;
  const char *text = cell(column, row, &length);
  if (ascii_prefix(text, length) == length) {
    br_status st = write_head(w, info, 2 * (uint64_t)length, err);
    if (st == BR_OK) {
      st = write_ascii_as_utf16(w, text, length, err);
    }
    return st == BR_OK ? write_tail(w, info, err) : st;
  }
  br_buf converted;
  br_buf_init(&converted, CONVERTED_MAX);
  br_status st = batch_utf8_to_utf16le(text, length, &converted, err);
  if (st == BR_OK) {
    st = write_framed(w, info, converted.data, converted.len, err);
  }
  br_buf_done(&converted);
  return st;
}

br_status tds_write_null(tds_writer *w, const tds_type_info *info, br_error *err) {
  switch (info->frame) {
  case TDS_FRAME_FIXED:
    return br_error_set(err, BR_ERR_DATA, "NULL in a column that is NOT NULL");
  case TDS_FRAME_LEN16:
    return tds_writer_u16(w, TDS_LENGTH16_NULL, err);
  case TDS_FRAME_LEN32:
    return tds_writer_u32(w, 0, err);
  case TDS_FRAME_LONG:
    return tds_writer_u32(w, TDS_LENGTH32_NULL, err);
  case TDS_FRAME_PLP:
    return tds_writer_u64(w, TDS_PLP_NULL, err);
  case TDS_FRAME_LEN8:
  case TDS_FRAME_TEXTPTR:
    break;
  }
  return tds_writer_u8(w, 0, err);
}
