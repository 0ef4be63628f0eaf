/*
 * family.h: the families of types and what they share. Only typeinfo.c and family_*.c include it.
 */
#ifndef TDS_FAMILY_H
#define TDS_FAMILY_H

#include <string.h>

#include "tds/typeinfo.h"

extern const tds_type_family tds_family_null;
extern const tds_type_family tds_family_integer;
extern const tds_type_family tds_family_bit;
extern const tds_type_family tds_family_float;
extern const tds_type_family tds_family_money;
extern const tds_type_family tds_family_decimal;
extern const tds_type_family tds_family_guid;
extern const tds_type_family tds_family_datetime;
extern const tds_type_family tds_family_date;
extern const tds_type_family tds_family_time;
extern const tds_type_family tds_family_datetime2;
extern const tds_type_family tds_family_datetimeoffset;
extern const tds_type_family tds_family_char;
extern const tds_type_family tds_family_nchar;
extern const tds_type_family tds_family_binary;
extern const tds_type_family tds_family_text;
extern const tds_type_family tds_family_xml;
extern const tds_type_family tds_family_json;
extern const tds_type_family tds_family_udt;
extern const tds_type_family tds_family_variant;

/* The size of a fixed type's values, 0 for the others. */
size_t tds_fixed_size(uint8_t type_id);
/* TYPE_INFO of the families that have a fixed form and an N form: nothing, or one byte of size. */
br_status tds_read_sized_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                              br_error *err) BR_CHECKED;
br_status tds_write_sized_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                               br_error *err) BR_CHECKED;
/* Nothing behind the type's byte. */
br_status tds_write_no_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                            br_error *err) BR_CHECKED;

/* A length that the type can't have. */
br_status tds_bad_length(br_error *err, const tds_type_info *info, uint64_t length);

/* The head of a value of a fixed or N form of `size` bytes: *ret_value points at them, or is NULL
 * for NULL. The reader has moved behind them; they stay valid until its next call. */
BR_CHECKED static inline br_status tds_take_sized(const tds_decoder *d, tds_reader *r,
                                                  const uint8_t **ret_value, br_error *err) {
  size_t size = d->info.size;
  size_t head = d->info.frame == TDS_FRAME_FIXED ? 0 : 1;
  br_status st = BR_OK;
  if (head == 1) {
    st = tds_reader_need(r, 1, err);
    if (st == BR_OK && *r->pos != size) {
      if (*r->pos != 0) {
        return tds_bad_length(err, &d->info, *r->pos);
      }
      r->pos++;
      *ret_value = NULL;
      return BR_OK;
    }
  }
  if (st == BR_OK) {
    st = tds_reader_need(r, head + size, err);
  }
  if (st == BR_OK) {
    *ret_value = r->pos + head;
    r->pos += head + size;
  }
  return st;
}

/* The length in front of a value of the N form; nothing in front of a fixed one. */
static inline uint8_t *tds_put_head(const tds_type_info *info, uint8_t *p) {
  *p = (uint8_t)info->size;
  return p + (info->frame == TDS_FRAME_FIXED ? 0 : 1);
}

/* Decodes text or binary of any length by d->convert: values with a length in front, and values
 * that come in pieces (family_text.c's columns; stream_value.c). */
br_status tds_decode_len16(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                           br_error *err) BR_CHECKED;
br_status tds_decode_len8(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                          br_error *err) BR_CHECKED;
br_status tds_decode_plp(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                         br_error *err) BR_CHECKED;
br_status tds_decode_textptr(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                             br_error *err) BR_CHECKED;
/* Converts length bytes that lie together as one whole value. */
br_status tds_store_whole(const tds_decoder *d, const uint8_t *bytes, size_t length,
                          batch_column *out, size_t row, br_error *err) BR_CHECKED;

/* The conversions. */
br_status tds_convert_utf16(const tds_decoder *d, const uint8_t *bytes, size_t length,
                            bool more_follows, uint8_t *out, size_t *ret_written, size_t *ret_used,
                            br_error *err) BR_CHECKED;
br_status tds_convert_code_page(const tds_decoder *d, const uint8_t *bytes, size_t length,
                                bool more_follows, uint8_t *out, size_t *ret_written,
                                size_t *ret_used, br_error *err) BR_CHECKED;
br_status tds_convert_bytes(const tds_decoder *d, const uint8_t *bytes, size_t length,
                            bool more_follows, uint8_t *out, size_t *ret_written, size_t *ret_used,
                            br_error *err) BR_CHECKED;

/* Bytes that a decimal's sign and magnitude take (2.2.5.5.1.6). */
size_t tds_decimal_size(unsigned precision);

/* Numbers of the time types, shared with sql_variant. */
enum { TDS_DAY_SECONDS = 86400 };
extern const uint64_t tds_ten_to[20];
size_t tds_time_size(unsigned scale); /* bytes of the time part */
/* An unsigned integer of 3 to 5 bytes. */
uint64_t tds_load_uint(const uint8_t *bytes, size_t size);
/* Milliseconds of a datetime's ticks of 1/300 s, rounded as SQL Server prints them. */
static inline uint32_t tds_datetime_ms(uint32_t ticks) {
  return (ticks * 10U + 1U) / 3U;
}
enum {
  TDS_DATETIME_DAY_TICKS = 25920000,
  TDS_DATETIME_DAYS_MIN = -53690, /* 1753-01-01 */
  TDS_DATETIME_DAYS_MAX = 2958463,
  TDS_DATE_DAYS_MAX = 3652058, /* 9999-12-31 from 0001-01-01 */
  TDS_OFFSET_MINUTES_MAX = 14 * 60,
};
/* Money's 8 bytes: the high half stands first. */
static inline int64_t tds_load_money(const uint8_t *bytes) {
  return (int64_t)((uint64_t)br_load_u32le(bytes) << 32 | br_load_u32le(bytes + 4));
}

/* The text of a value inside a sql_variant: everything behind its total length. */
br_status tds_variant_text(const uint8_t *bytes, size_t length, batch_invalid invalid, br_buf *out,
                           br_error *err) BR_CHECKED;

/* The base type's name, "" where there is none of the id. */
const char *tds_variant_type_name(uint8_t id);

/* CLR types of SQL Server from how they are sent ([MS-SSCLRT]). BR_ERR_DATA where the bytes are
 * none. hierarchyid: the text, "/1/2/", written to text: 5 * length + 2 bytes are enough. */
br_status tds_hierarchyid_text(const uint8_t *bytes, size_t length, char *text, size_t *ret_length,
                               br_error *err) BR_CHECKED;
/* geometry, geography: well-known binary in ISO's form, little-endian, geography's longitude first.
 * tds_wkb() makes scratch memory of bytes and writes at most `most` to out; tds_wkb_most() says how
 * much is enough. ret_srid -1: the value is NULL. */
br_status tds_wkb_most(uint8_t *bytes, size_t length, size_t *ret_most, br_error *err) BR_CHECKED;
br_status tds_wkb(uint8_t *bytes, size_t length, bool geography, uint8_t *out, size_t most,
                  size_t *ret_length, int32_t *ret_srid, br_error *err) BR_CHECKED;

#endif
