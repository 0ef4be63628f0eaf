/*
 * Into text, GUIDs and binary. Lengths are those of the SQL Server type: UTF-16 units of nchar and
 * nvarchar, bytes of char and varchar. Which bytes other characters than ASCII take depends on the
 * column's code page, so that text with such in it is measured where it is sent.
 */
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"
#include "batch/cast_value.h"

enum { GUID_LENGTH = 36 };

/* UTF-16 units; *ret_ascii: no other characters. */
static size_t utf16_length(const char *bytes, size_t length, bool *ret_ascii) {
  size_t units = 0;
  bool ascii = true;
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = (uint8_t)bytes[i];
    ascii = ascii && byte < 0x80U;
    /* Bytes inside of a character don't count; characters of four bytes are two units. */
    units += (byte & 0xC0U) == 0x80U ? 0U : byte >= 0xF0U ? 2U : 1U;
  }
  *ret_ascii = ascii;
  return units;
}

br_status cast_check_length(const cast_target *target, const char *bytes, size_t length,
                            br_error *err) {
  /* No character takes more units than it has bytes in UTF-8. */
  if (length <= target->limit) {
    return BR_OK;
  }
  if (target->kind == CAST_TO_BINARY) {
    return br_error_set(err, BR_ERR_DATA, "%zu bytes, the column takes %" PRIu32, length,
                        target->limit);
  }
  bool ascii = false;
  size_t units = utf16_length(bytes, length, &ascii);
  if (target->utf16 ? units <= target->limit : !ascii) {
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_DATA, "%zu characters, the column takes %" PRIu32, units,
                      target->limit);
}

static br_status append_checked(const cast_target *target, const char *bytes, size_t length,
                                batch_column *out, size_t row, br_error *err) {
  br_status st = cast_check_length(target, bytes, length, err);
  return st == BR_OK ? batch_column_append_bytes(out, row, bytes, length, err) : st;
}

/* Binary as 0x… */
static br_status append_hex(const cast_target *target, const cast_value *value, batch_column *out,
                            size_t row, br_error *err) {
  static const char digits[] = "0123456789ABCDEF";
  size_t length = 2 + 2 * value->length;
  if (length > target->limit) {
    return br_error_set(err, BR_ERR_DATA, "%zu characters, the column takes %" PRIu32, length,
                        target->limit);
  }
  br_status st = batch_column_reserve_data(out, length, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t *to = out->data + out->data_len;
  *to++ = '0';
  *to++ = 'x';
  for (size_t i = 0; i < value->length; i++) {
    uint8_t byte = (uint8_t)value->bytes[i];
    *to++ = (uint8_t)digits[byte >> 4];
    *to++ = (uint8_t)digits[byte & 0x0FU];
  }
  out->data_len += length;
  out->offsets[row + 1] = (int32_t)out->data_len;
  return BR_OK;
}

br_status cast_store_text(const cast_target *target, const cast_value *value, batch_column *out,
                          size_t row, br_error *err) {
  if (value->source == CAST_FROM_TEXT) {
    return append_checked(target, value->bytes, value->length, out, row, err);
  }
  if (value->source == CAST_FROM_BINARY) {
    return append_hex(target, value, out, row, err);
  }
  char text[64];
  cast_value_text(value, text, sizeof text);
  return append_checked(target, text, strlen(text), out, row, err);
}

br_status cast_store_guid(const cast_target *target, const cast_value *value, batch_column *out,
                          size_t row, br_error *err) {
  uint8_t wire[16];
  char text[GUID_LENGTH + 1];
  if (batch_guid_parse(value->bytes, value->length, wire, NULL) != BR_OK) {
    return cast_is_no(target, value, err);
  }
  batch_guid_text(wire, text);
  return batch_column_append_bytes(out, row, text, GUID_LENGTH, err);
}

static br_status append_of_hex(const cast_target *target, const cast_value *value,
                               batch_column *out, size_t row, br_error *err) {
  const char *text = value->bytes;
  if (value->length < 2 || value->length % 2 != 0 || text[0] != '0' ||
      (text[1] != 'x' && text[1] != 'X')) {
    return cast_is_no(target, value, err);
  }
  size_t length = value->length / 2 - 1;
  br_status st = cast_check_length(target, text, length, err);
  st = st == BR_OK ? batch_column_reserve_data(out, length, err) : st;
  for (size_t i = 0; st == BR_OK && i < length; i++) {
    int high = br_hex_digit(text[2 + 2 * i]);
    int low = br_hex_digit(text[3 + 2 * i]);
    if (high < 0 || low < 0) {
      return cast_is_no(target, value, err);
    }
    out->data[out->data_len + i] = (uint8_t)(high * 16 + low);
  }
  if (st == BR_OK) {
    out->data_len += length;
    out->offsets[row + 1] = (int32_t)out->data_len;
  }
  return st;
}

static br_status append_of_base64(const cast_target *target, const cast_value *value,
                                  batch_column *out, size_t row, br_error *err) {
  br_buf bytes;
  br_buf_init(&bytes, BR_LIMIT_CELL_MAX);
  br_status st = br_base64_decode(value->bytes, value->length, &bytes, err);
  if (st != BR_OK && st != BR_ERR_NOMEM && st != BR_ERR_LIMIT) {
    st = cast_is_no(target, value, err);
  }
  if (st == BR_OK) {
    st = append_checked(target, (const char *)bytes.data, bytes.len, out, row, err);
  }
  br_buf_done(&bytes);
  return st;
}

br_status cast_store_binary(const cast_target *target, const cast_value *value, batch_column *out,
                            size_t row, br_error *err) {
  if (value->source == CAST_FROM_BINARY) {
    return append_checked(target, value->bytes, value->length, out, row, err);
  }
  return target->base64 ? append_of_base64(target, value, out, row, err)
                        : append_of_hex(target, value, out, row, err);
}
