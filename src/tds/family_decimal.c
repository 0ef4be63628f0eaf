/*
 * decimal and numeric (MS-TDS 2.2.5.5.1.6): a length, a sign byte (1 = not negative), a magnitude
 * of 4, 8, 12 or 16 bytes. The length decides, not the precision: some servers always send 16.
 */
#include <string.h>

#include "batch/value.h"
#include "tds/family.h"

enum { PRECISION_MAX = 38, MAGNITUDE_MAX = 16 };

__extension__ typedef unsigned __int128 u128;

static u128 ten_to(unsigned digits) {
  return digits < 20 ? tds_ten_to[digits] : (u128)tds_ten_to[19] * tds_ten_to[digits - 19];
}

size_t tds_decimal_size(unsigned precision) {
  return precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17;
}

static br_status read_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                           br_error *err) {
  /* 4, 8, 12 or 16 bytes say the specification and SQL Server; FreeTDS as a client sends what the
   * precision needs to the byte, and SQL Server takes that. */
  info->any_decimal_length = place != TDS_IN_RESULT;
  br_reader view;
  br_status st = tds_reader_view(r, 3, &view, err);
  if (st != BR_OK) {
    return st;
  }
  info->size = view.data[0];
  info->precision = view.data[1];
  info->scale = view.data[2];
  info->frame = TDS_FRAME_LEN8;
  if (info->precision < 1 || info->precision > PRECISION_MAX || info->scale > info->precision) {
    return br_error_set(err, BR_ERR_PROTOCOL, "decimal(%u,%u) can't be", info->precision,
                        info->scale);
  }
  return info->size == 0 || info->size > MAGNITUDE_MAX + 1 ? tds_bad_length(err, info, info->size)
                                                           : BR_OK;
}

static br_status write_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                            br_error *err) {
  (void)place;
  const uint8_t bytes[3] = {(uint8_t)info->size, info->precision, info->scale};
  return tds_writer_bytes(w, bytes, sizeof bytes, err);
}

static batch_sql_typespec spec(const tds_type_info *info) {
  return (batch_sql_typespec){
      .type = BATCH_SQL_DECIMAL, .precision = info->precision, .scale = info->scale};
}

/* Reads sign and magnitude. *ret_null, or the magnitude within the precision. */
static br_status take(tds_reader *r, const tds_type_info *info, bool *ret_null, bool *ret_negative,
                      u128 *ret_magnitude, br_error *err) {
  br_status st = tds_reader_need(r, 1, err);
  if (st != BR_OK) {
    return st;
  }
  size_t length = *r->pos;
  *ret_null = length == 0;
  if (length == 0) {
    r->pos++;
    return BR_OK;
  }
  if (length > MAGNITUDE_MAX + 1 || length == 1 || (length % 4 != 1 && !info->any_decimal_length)) {
    return tds_bad_length(err, info, length);
  }
  st = tds_reader_need(r, 1 + length, err);
  if (st != BR_OK) {
    return st;
  }
  uint8_t bytes[MAGNITUDE_MAX] = {0};
  memcpy(bytes, r->pos + 2, length - 1);
  u128 magnitude = (u128)br_load_u64le(bytes + 8) << 64 | br_load_u64le(bytes);
  if (magnitude >= ten_to(info->precision)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A value has more digits than decimal(%u,%u)",
                        info->precision, info->scale);
  }
  *ret_negative = r->pos[1] == 0;
  *ret_magnitude = magnitude;
  r->pos += 1 + length;
  return BR_OK;
}

/* The common case in the shortest way: a magnitude of up to 8 bytes, all of it in the window. */
static inline bool take_fast(tds_reader *r, uint64_t limit, int64_t *ret_value) {
  if (r->end - r->pos < 10) {
    return false;
  }
  uint64_t magnitude = 0;
  if (*r->pos == 9) {
    magnitude = br_load_u64le(r->pos + 2);
  } else if (*r->pos == 5) {
    magnitude = br_load_u32le(r->pos + 2);
  } else {
    return false;
  }
  if (magnitude >= limit) {
    return false;
  }
  *ret_value = r->pos[1] == 0 ? -(int64_t)magnitude : (int64_t)magnitude;
  r->pos += 1 + *r->pos;
  return true;
}

static br_status decode_slow(const tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                             br_error *err) {
  bool null = false;
  bool negative = false;
  u128 magnitude = 0;
  br_status st = take(r, &d->info, &null, &negative, &magnitude, err);
  if (st != BR_OK) {
    return st;
  }
  if (null) {
    return batch_column_append_null(out, row, err);
  }
  batch_i128 value = negative ? -(batch_i128)magnitude : (batch_i128)magnitude;
  switch (d->type.layout) {
  case BATCH_DECIMAL32:
    ((int32_t *)out->values)[row] = (int32_t)value;
    break;
  case BATCH_DECIMAL64:
    ((int64_t *)out->values)[row] = (int64_t)value;
    break;
  default:
    batch_store_i128((uint8_t *)out->values + row * 16, value);
    break;
  }
  batch_column_mark_valid(out, row);
  return BR_OK;
}

static br_status decode_32(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                           br_error *err) {
  int64_t value = 0;
  if (!take_fast(r, tds_ten_to[d->info.precision], &value)) {
    return decode_slow(d, r, out, row, err);
  }
  ((int32_t *)out->values)[row] = (int32_t)value;
  batch_column_mark_valid(out, row);
  return BR_OK;
}

static br_status decode_64(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                           br_error *err) {
  int64_t value = 0;
  if (!take_fast(r, tds_ten_to[d->info.precision], &value)) {
    return decode_slow(d, r, out, row, err);
  }
  ((int64_t *)out->values)[row] = value;
  batch_column_mark_valid(out, row);
  return BR_OK;
}

static br_status decode_128(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                            br_error *err) {
  return decode_slow(d, r, out, row, err);
}

static br_status prepare(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = d->type.layout == BATCH_DECIMAL32   ? decode_32
              : d->type.layout == BATCH_DECIMAL64 ? decode_64
                                                  : decode_128;
  return BR_OK;
}

static uint8_t *too_many_digits(const tds_type_info *info, br_error *err) {
  br_error_set(err, BR_ERR_DATA, "The value has more digits than decimal(%u,%u)", info->precision,
               info->scale);
  return NULL;
}

/* Sign and as many bytes of magnitude as the type's size says; low has the first 8 of them. */
static uint8_t *put_magnitude(const tds_type_info *info, bool negative, uint64_t low, uint64_t high,
                              uint8_t *p) {
  p[0] = (uint8_t)info->size;
  p[1] = negative ? 0 : 1;
  br_store_u64le(p + 2, low);
  br_store_u64le(p + 10, high);
  return p + 1 + info->size;
}

static uint8_t *put_64(const tds_type_info *info, int64_t value, uint8_t *p, br_error *err) {
  uint64_t magnitude = value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
  if (magnitude >= tds_ten_to[info->precision]) {
    return too_many_digits(info, err);
  }
  return put_magnitude(info, value < 0, magnitude, 0, p);
}

static uint8_t *encode_32(const tds_type_info *info, const batch_column *column, size_t row,
                          uint8_t *p, br_error *err) {
  return put_64(info, ((const int32_t *)column->values)[row], p, err);
}

static uint8_t *encode_64(const tds_type_info *info, const batch_column *column, size_t row,
                          uint8_t *p, br_error *err) {
  return put_64(info, ((const int64_t *)column->values)[row], p, err);
}

static uint8_t *encode_128(const tds_type_info *info, const batch_column *column, size_t row,
                           uint8_t *p, br_error *err) {
  batch_i128 value = batch_load_i128((const uint8_t *)column->values + row * 16);
  u128 magnitude = value < 0 ? (u128)0 - (u128)value : (u128)value;
  if (magnitude >= ten_to(info->precision)) {
    return too_many_digits(info, err);
  }
  return put_magnitude(info, value < 0, (uint64_t)magnitude, (uint64_t)(magnitude >> 64), p);
}

/* By the layout that the precision has in a batch (batch_type_resolve()). */
static tds_encode_fn encoder(const tds_type_info *info) {
  return info->precision <= 9 ? encode_32 : info->precision <= 18 ? encode_64 : encode_128;
}

const tds_type_family tds_family_decimal = {
    .name = "decimal",
    .read_info = read_info,
    .write_info = write_info,
    .spec = spec,
    .prepare = prepare,
    .encoder = encoder,
};
