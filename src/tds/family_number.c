/*
 * Numbers: tinyint to bigint, bit, real and float, money, decimal (MS-TDS 2.2.5.4.1, 2.2.5.4.2,
 * 2.2.5.5.1). Fixed forms come for columns that are NOT NULL, N forms for the others.
 */
#include "batch/value.h"
#include "tds/family.h"

/* The validity of a value that was stored, or is NULL. */
static br_status finish(const uint8_t *value, batch_column *out, size_t row, br_error *err) {
  if (value == NULL) {
    return batch_column_append_null(out, row, err);
  }
  batch_column_mark_valid(out, row);
  return BR_OK;
}

/* --- integers --- */

static batch_sql_typespec integer_spec(const tds_type_info *info) {
  static const batch_sql_type by_size[9] = {[1] = BATCH_SQL_TINYINT,
                                            [2] = BATCH_SQL_SMALLINT,
                                            [4] = BATCH_SQL_INT,
                                            [8] = BATCH_SQL_BIGINT};
  return (batch_sql_typespec){.type = by_size[info->size]};
}

static br_status decode_tinyint(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st == BR_OK && value != NULL) {
    ((int16_t *)out->values)[row] = *value;
  }
  return st == BR_OK ? finish(value, out, row, err) : st;
}

/* Integers and floats have the batch's own form, so one function per width does for both. */
#define DECODE_AS_IS(name, width)                                                                  \
  static br_status name(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,              \
                        br_error *err) {                                                           \
    const uint8_t *value = NULL;                                                                   \
    br_status st = tds_take_sized(d, r, &value, err);                                              \
    if (st == BR_OK && value != NULL) {                                                            \
      memcpy((uint8_t *)out->values + row * (width), value, width);                                \
    }                                                                                              \
    return st == BR_OK ? finish(value, out, row, err) : st;                                        \
  }
DECODE_AS_IS(decode_as_is_2, 2)
DECODE_AS_IS(decode_as_is_4, 4)
DECODE_AS_IS(decode_as_is_8, 8)

static br_status prepare_integer(tds_decoder *d, br_error *err) {
  static const tds_decode_fn by_size[9] = {
      [1] = decode_tinyint, [2] = decode_as_is_2, [4] = decode_as_is_4, [8] = decode_as_is_8};
  (void)err;
  d->decode = by_size[d->info.size];
  return BR_OK;
}

/* The way out, by width again. */
#define ENCODE_AS_IS(name, width)                                                                  \
  static uint8_t *name(const tds_type_info *info, const batch_column *column, size_t row,          \
                       uint8_t *p, br_error *err) {                                                \
    (void)err;                                                                                     \
    p = tds_put_head(info, p);                                                                     \
    memcpy(p, (const uint8_t *)column->values + row * (width), width);                             \
    return p + (width);                                                                            \
  }
ENCODE_AS_IS(encode_as_is_2, 2)
ENCODE_AS_IS(encode_as_is_4, 4)
ENCODE_AS_IS(encode_as_is_8, 8)

static uint8_t *encode_tinyint(const tds_type_info *info, const batch_column *column, size_t row,
                               uint8_t *p, br_error *err) {
  int16_t value = ((const int16_t *)column->values)[row];
  if (value < 0 || value > UINT8_MAX) {
    br_error_set(err, BR_ERR_DATA, "%d is outside tinyint's 0 to 255", value);
    return NULL;
  }
  p = tds_put_head(info, p);
  *p++ = (uint8_t)value;
  return p;
}

static tds_encode_fn integer_encoder(const tds_type_info *info) {
  static const tds_encode_fn by_size[9] = {
      [1] = encode_tinyint, [2] = encode_as_is_2, [4] = encode_as_is_4, [8] = encode_as_is_8};
  return by_size[info->size];
}

const tds_type_family tds_family_integer = {
    .name = "integer",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = integer_spec,
    .prepare = prepare_integer,
    .encoder = integer_encoder,
};

/* --- bit --- */

static batch_sql_typespec bit_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_BIT};
}

static br_status decode_bit(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                            br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st == BR_OK && value != NULL) {
    batch_column_set_bool(out, row, *value != 0);
  }
  return st == BR_OK ? finish(value, out, row, err) : st;
}

static br_status prepare_bit(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = decode_bit;
  return BR_OK;
}

static uint8_t *encode_bit(const tds_type_info *info, const batch_column *column, size_t row,
                           uint8_t *p, br_error *err) {
  (void)err;
  p = tds_put_head(info, p);
  *p++ = batch_column_get_bool(column, row);
  return p;
}

static tds_encode_fn bit_encoder(const tds_type_info *info) {
  (void)info;
  return encode_bit;
}

const tds_type_family tds_family_bit = {
    .name = "bit",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = bit_spec,
    .prepare = prepare_bit,
    .encoder = bit_encoder,
};

/* --- real, float --- */

static batch_sql_typespec float_spec(const tds_type_info *info) {
  return (batch_sql_typespec){.type = info->size == 4 ? BATCH_SQL_REAL : BATCH_SQL_FLOAT};
}

static br_status prepare_float(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = d->info.size == 4 ? decode_as_is_4 : decode_as_is_8;
  return BR_OK;
}

static tds_encode_fn float_encoder(const tds_type_info *info) {
  return info->size == 4 ? encode_as_is_4 : encode_as_is_8;
}

const tds_type_family tds_family_float = {
    .name = "float",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = float_spec,
    .prepare = prepare_float,
    .encoder = float_encoder,
};

/* --- money --- */

static batch_sql_typespec money_spec(const tds_type_info *info) {
  return (batch_sql_typespec){.type = info->size == 4 ? BATCH_SQL_SMALLMONEY : BATCH_SQL_MONEY};
}

static br_status decode_money(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                              br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st == BR_OK && value != NULL) {
    batch_store_i128((uint8_t *)out->values + row * 16, tds_load_money(value));
  }
  return st == BR_OK ? finish(value, out, row, err) : st;
}

static br_status decode_smallmoney(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                   br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st == BR_OK && value != NULL) {
    ((int64_t *)out->values)[row] = (int32_t)br_load_u32le(value);
  }
  return st == BR_OK ? finish(value, out, row, err) : st;
}

static br_status prepare_money(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = d->info.size == 4 ? decode_smallmoney : decode_money;
  return BR_OK;
}

static uint8_t *encode_smallmoney(const tds_type_info *info, const batch_column *column, size_t row,
                                  uint8_t *p, br_error *err) {
  int64_t value = ((const int64_t *)column->values)[row];
  if (value < INT32_MIN || value > INT32_MAX) {
    br_error_set(err, BR_ERR_DATA, "The value is outside smallmoney");
    return NULL;
  }
  p = tds_put_head(info, p);
  br_store_u32le(p, (uint32_t)(int32_t)value);
  return p + 4;
}

static uint8_t *encode_money(const tds_type_info *info, const batch_column *column, size_t row,
                             uint8_t *p, br_error *err) {
  batch_i128 value = batch_load_i128((const uint8_t *)column->values + row * 16);
  if (value < INT64_MIN || value > INT64_MAX) {
    br_error_set(err, BR_ERR_DATA, "The value is outside money");
    return NULL;
  }
  p = tds_put_head(info, p);
  br_store_u32le(p, (uint32_t)((uint64_t)(int64_t)value >> 32));
  br_store_u32le(p + 4, (uint32_t)(uint64_t)(int64_t)value);
  return p + 8;
}

static tds_encode_fn money_encoder(const tds_type_info *info) {
  return info->size == 4 ? encode_smallmoney : encode_money;
}

const tds_type_family tds_family_money = {
    .name = "money",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = money_spec,
    .prepare = prepare_money,
    .encoder = money_encoder,
};
