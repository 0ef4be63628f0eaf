/*
 * Dates and times: datetime and smalldatetime, date, time, datetime2, datetimeoffset (MS-TDS
 * 2.2.5.5.1.8 and 2.2.5.5.1.3 to .5). Times count 10^-scale seconds since midnight, dates days
 * since 0001-01-01; datetime counts days since 1900-01-01 and 1/300 seconds.
 */
#include <inttypes.h>

#include "batch/value.h"
#include "tds/family.h"

const uint64_t tds_ten_to[20] = {UINT64_C(1),
                                 UINT64_C(10),
                                 UINT64_C(100),
                                 UINT64_C(1000),
                                 UINT64_C(10000),
                                 UINT64_C(100000),
                                 UINT64_C(1000000),
                                 UINT64_C(10000000),
                                 UINT64_C(100000000),
                                 UINT64_C(1000000000),
                                 UINT64_C(10000000000),
                                 UINT64_C(100000000000),
                                 UINT64_C(1000000000000),
                                 UINT64_C(10000000000000),
                                 UINT64_C(100000000000000),
                                 UINT64_C(1000000000000000),
                                 UINT64_C(10000000000000000),
                                 UINT64_C(100000000000000000),
                                 UINT64_C(1000000000000000000),
                                 UINT64_C(10000000000000000000)};

size_t tds_time_size(unsigned scale) {
  return scale <= 2 ? 3 : scale <= 4 ? 4 : 5;
}

uint64_t tds_load_uint(const uint8_t *bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i > 0; i--) {
    value = value << 8 | bytes[i - 1];
  }
  return value;
}

static br_status store_us(const uint8_t *value, int64_t us, batch_column *out, size_t row,
                          br_error *err) {
  if (value == NULL) {
    return batch_column_append_null(out, row, err);
  }
  ((int64_t *)out->values)[row] = us;
  batch_column_mark_valid(out, row);
  return BR_OK;
}

/* --- datetime, smalldatetime --- */

static batch_sql_typespec datetime_spec(const tds_type_info *info) {
  return (batch_sql_typespec){.type =
                                  info->size == 4 ? BATCH_SQL_SMALLDATETIME : BATCH_SQL_DATETIME};
}

static br_status decode_datetime(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                 br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  int64_t us = 0;
  if (st == BR_OK && value != NULL) {
    int32_t days = (int32_t)br_load_u32le(value);
    uint32_t ticks = br_load_u32le(value + 4);
    if (days < TDS_DATETIME_DAYS_MIN || days > TDS_DATETIME_DAYS_MAX ||
        ticks >= TDS_DATETIME_DAY_TICKS) {
      return br_error_set(err, BR_ERR_PROTOCOL,
                          "A datetime of %" PRId32 " days and %" PRIu32 " ticks can't be", days,
                          ticks);
    }
    us = (days - TDS_DAYS_1900_TO_1970) * BATCH_US_PER_DAY + (int64_t)tds_datetime_ms(ticks) * 1000;
  }
  return st == BR_OK ? store_us(value, us, out, row, err) : st;
}

static br_status decode_smalldatetime(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                      br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  int64_t us = 0;
  if (st == BR_OK && value != NULL) {
    int64_t minutes = br_load_u16le(value + 2);
    if (minutes >= 1440) {
      return br_error_set(err, BR_ERR_PROTOCOL, "A smalldatetime of minute %" PRId64 " can't be",
                          minutes);
    }
    us = (br_load_u16le(value) - TDS_DAYS_1900_TO_1970) * BATCH_US_PER_DAY + minutes * 60000000;
  }
  return st == BR_OK ? store_us(value, us, out, row, err) : st;
}

static br_status prepare_datetime(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = d->info.size == 4 ? decode_smalldatetime : decode_datetime;
  return BR_OK;
}

static uint8_t *encode_smalldatetime(const tds_type_info *info, const batch_column *column,
                                     size_t row, uint8_t *p, br_error *err) {
  int64_t rest = 0;
  int64_t days =
      batch_days_of_us(((const int64_t *)column->values)[row], &rest) + TDS_DAYS_1900_TO_1970;
  int64_t minutes = (rest + 30000000) / 60000000;
  days += minutes / 1440;
  if (days < 0 || days > UINT16_MAX) {
    br_error_set(err, BR_ERR_DATA, "The value is outside smalldatetime");
    return NULL;
  }
  p = tds_put_head(info, p);
  br_store_u16le(p, (uint16_t)days);
  br_store_u16le(p + 2, (uint16_t)(minutes % 1440));
  return p + 4;
}

static uint8_t *encode_datetime(const tds_type_info *info, const batch_column *column, size_t row,
                                uint8_t *p, br_error *err) {
  int64_t rest = 0;
  int64_t days =
      batch_days_of_us(((const int64_t *)column->values)[row], &rest) + TDS_DAYS_1900_TO_1970;
  int64_t ticks = (rest * 3 + 5000) / 10000;
  days += ticks / TDS_DATETIME_DAY_TICKS;
  if (days < TDS_DATETIME_DAYS_MIN || days > TDS_DATETIME_DAYS_MAX) {
    br_error_set(err, BR_ERR_DATA, "The value is outside datetime");
    return NULL;
  }
  p = tds_put_head(info, p);
  br_store_u32le(p, (uint32_t)(int32_t)days);
  br_store_u32le(p + 4, (uint32_t)(ticks % TDS_DATETIME_DAY_TICKS));
  return p + 8;
}

static tds_encode_fn datetime_encoder(const tds_type_info *info) {
  return info->size == 4 ? encode_smalldatetime : encode_datetime;
}

const tds_type_family tds_family_datetime = {
    .name = "datetime",
    .read_info = tds_read_sized_info,
    .write_info = tds_write_sized_info,
    .spec = datetime_spec,
    .prepare = prepare_datetime,
    .encoder = datetime_encoder,
};

/* --- date --- */

static br_status read_date_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                br_error *err) {
  (void)r;
  (void)place;
  (void)err;
  info->frame = TDS_FRAME_LEN8;
  info->size = 3;
  return BR_OK;
}

static batch_sql_typespec date_spec(const tds_type_info *info) {
  (void)info;
  return (batch_sql_typespec){.type = BATCH_SQL_DATE};
}

static br_status load_days(const uint8_t *bytes, int32_t *ret_days, br_error *err) {
  int32_t days = bytes[0] | bytes[1] << 8 | bytes[2] << 16;
  if (days > TDS_DATE_DAYS_MAX) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A date of day %" PRId32 " can't be", days);
  }
  *ret_days = days - TDS_DAYS_0001_TO_1970;
  return BR_OK;
}

static br_status decode_date(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                             br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st != BR_OK) {
    return st;
  }
  if (value == NULL) {
    return batch_column_append_null(out, row, err);
  }
  batch_column_mark_valid(out, row);
  return load_days(value, (int32_t *)out->values + row, err);
}

static br_status prepare_date(tds_decoder *d, br_error *err) {
  (void)err;
  d->decode = decode_date;
  return BR_OK;
}

/* Three bytes of days since 0001-01-01; NULL where they are no date. */
static uint8_t *put_days(uint8_t *p, int64_t days, br_error *err) {
  days += TDS_DAYS_0001_TO_1970;
  if (days < 0 || days > TDS_DATE_DAYS_MAX) {
    br_error_set(err, BR_ERR_DATA, "The date is outside the years 1 to 9999");
    return NULL;
  }
  p[0] = (uint8_t)days;
  p[1] = (uint8_t)(days >> 8);
  p[2] = (uint8_t)(days >> 16);
  return p + 3;
}

static uint8_t *encode_date(const tds_type_info *info, const batch_column *column, size_t row,
                            uint8_t *p, br_error *err) {
  return put_days(tds_put_head(info, p), ((const int32_t *)column->values)[row], err);
}

static tds_encode_fn date_encoder(const tds_type_info *info) {
  (void)info;
  return encode_date;
}

const tds_type_family tds_family_date = {
    .name = "date",
    .read_info = read_date_info,
    .write_info = tds_write_no_info,
    .spec = date_spec,
    .prepare = prepare_date,
    .encoder = date_encoder,
};

/* --- time, datetime2, datetimeoffset --- */

static size_t bytes_behind_time(uint8_t id) {
  return id == TDS_TYPE_DATETIME2N ? 3 : id == TDS_TYPE_DATETIMEOFFSETN ? 5 : 0;
}

static br_status read_scale_info(tds_reader *r, tds_type_place place, tds_type_info *info,
                                 br_error *err) {
  (void)place;
  br_status st = tds_reader_u8(r, &info->scale, err);
  if (st == BR_OK && info->scale > 7) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A scale of %u can't be", info->scale);
  }
  info->frame = TDS_FRAME_LEN8;
  info->size = (uint32_t)(tds_time_size(info->scale) + bytes_behind_time(info->id));
  return st;
}

static br_status write_scale_info(tds_writer *w, tds_type_place place, const tds_type_info *info,
                                  br_error *err) {
  (void)place;
  return tds_writer_u8(w, info->scale, err);
}

/* Units of 10^-scale seconds since midnight. */
static br_status load_time(const tds_decoder *d, const uint8_t *bytes, uint64_t *ret_units,
                           br_error *err) {
  uint64_t units = tds_load_uint(bytes, tds_time_size(d->info.scale));
  if (units >= d->day_units) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A time of 24 hours or more can't be");
  }
  *ret_units = units;
  return BR_OK;
}

/* To microseconds; a lost seventh digit is counted. */
static int64_t units_to_us(tds_decoder *d, uint64_t units) {
  if (d->info.scale <= 6) {
    return (int64_t)(units * tds_ten_to[6 - d->info.scale]);
  }
  d->sub_microsecond += units % 10 != 0;
  return (int64_t)(units / 10);
}

static batch_sql_typespec time_spec(const tds_type_info *info) {
  return (batch_sql_typespec){.type = BATCH_SQL_TIME, .scale = info->scale};
}

static br_status decode_time_text(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                  br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  if (st != BR_OK) {
    return st;
  }
  if (value == NULL) {
    return batch_column_append_null(out, row, err);
  }
  uint64_t units = 0;
  char text[20];
  st = load_time(d, value, &units, err);
  if (st != BR_OK) {
    return st;
  }
  batch_time_text(units, d->info.scale, text);
  size_t length = d->info.scale == 0 ? 8 : 9U + d->info.scale;
  return batch_column_append_bytes(out, row, text, length, err);
}

static br_status decode_time_us(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  uint64_t units = 0;
  if (st == BR_OK && value != NULL) {
    st = load_time(d, value, &units, err);
  }
  return st == BR_OK ? store_us(value, units_to_us(d, units), out, row, err) : st;
}

static uint64_t day_units(unsigned scale) {
  return TDS_DAY_SECONDS * tds_ten_to[scale];
}

static br_status prepare_time(tds_decoder *d, br_error *err) {
  (void)err;
  d->day_units = day_units(d->info.scale);
  d->decode = d->type.layout == BATCH_STRING ? decode_time_text : decode_time_us;
  return BR_OK;
}

static br_status decode_datetime2(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                  br_error *err) {
  const uint8_t *value = NULL;
  br_status st = tds_take_sized(d, r, &value, err);
  int64_t us = 0;
  if (st == BR_OK && value != NULL) {
    uint64_t units = 0;
    int32_t days = 0;
    st = load_time(d, value, &units, err);
    if (st == BR_OK) {
      st = load_days(value + tds_time_size(d->info.scale), &days, err);
    }
    us = days * BATCH_US_PER_DAY + units_to_us(d, units);
  }
  return st == BR_OK ? store_us(value, us, out, row, err) : st;
}

/* The date and time are in UTC already; the offset behind them only says how to show them. */
static br_status decode_datetimeoffset(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                                       br_error *err) {
  br_status st = tds_reader_need(r, 1, err);
  if (st == BR_OK && *r->pos == d->info.size) {
    st = tds_reader_need(r, 1 + (size_t)d->info.size, err);
    if (st != BR_OK) {
      return st;
    }
    int16_t minutes = (int16_t)br_load_u16le(r->pos + 1 + d->info.size - 2);
    if (minutes < -TDS_OFFSET_MINUTES_MAX || minutes > TDS_OFFSET_MINUTES_MAX) {
      return br_error_set(err, BR_ERR_PROTOCOL, "An offset of %d minutes can't be", minutes);
    }
    if (d->columns == 2) {
      ((int16_t *)out[1].values)[row] = minutes;
      batch_column_mark_valid(out + 1, row);
    }
  } else if (st == BR_OK && d->columns == 2) {
    st = batch_column_append_null(out + 1, row, err); /* NULL, or a length that fails below */
  }
  if (st != BR_OK) {
    return st;
  }
  return decode_datetime2(d, r, out, row, err);
}

static br_status prepare_datetime2(tds_decoder *d, br_error *err) {
  (void)err;
  d->day_units = day_units(d->info.scale);
  d->decode = d->info.id == TDS_TYPE_DATETIMEOFFSETN ? decode_datetimeoffset : decode_datetime2;
  return BR_OK;
}

static batch_sql_typespec datetime2_spec(const tds_type_info *info) {
  return (batch_sql_typespec){
      .type = info->id == TDS_TYPE_DATETIMEOFFSETN ? BATCH_SQL_DATETIMEOFFSET : BATCH_SQL_DATETIME2,
      .scale = info->scale};
}

/* Units since midnight in the bytes of the scale; up to 8 are written. */
static uint8_t *put_units(const tds_type_info *info, uint64_t units, uint8_t *p) {
  br_store_u64le(p, units);
  return p + tds_time_size(info->scale);
}

static uint8_t *encode_time(const tds_type_info *info, const batch_column *column, size_t row,
                            uint8_t *p, br_error *err) {
  const char *text = (const char *)column->data + column->offsets[row];
  size_t length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
  uint64_t units = 0;
  br_status st = batch_time_parse(text, length, info->scale, &units, err);
  return st == BR_OK ? put_units(info, units, tds_put_head(info, p)) : NULL;
}

static tds_encode_fn time_encoder(const tds_type_info *info) {
  (void)info;
  return encode_time;
}

static uint8_t *encode_datetime2(const tds_type_info *info, const batch_column *column, size_t row,
                                 uint8_t *p, br_error *err) {
  int64_t rest = 0;
  int64_t days = batch_days_of_us(((const int64_t *)column->values)[row], &rest);
  uint64_t units = (uint64_t)rest;
  if (info->scale >= 6) {
    units *= tds_ten_to[info->scale - 6];
  } else {
    uint64_t divisor = tds_ten_to[6 - info->scale];
    units = (units + divisor / 2) / divisor;
  }
  if (units >= day_units(info->scale)) {
    units = 0;
    days++;
  }
  return put_days(put_units(info, units, tds_put_head(info, p)), days, err);
}

/* The batch holds instants, so the offset is zero. */
static uint8_t *encode_datetimeoffset(const tds_type_info *info, const batch_column *column,
                                      size_t row, uint8_t *p, br_error *err) {
  p = encode_datetime2(info, column, row, p, err);
  if (p != NULL) {
    br_store_u16le(p, 0);
    p += 2;
  }
  return p;
}

static tds_encode_fn datetime2_encoder(const tds_type_info *info) {
  return info->id == TDS_TYPE_DATETIMEOFFSETN ? encode_datetimeoffset : encode_datetime2;
}

const tds_type_family tds_family_time = {
    .name = "time",
    .read_info = read_scale_info,
    .write_info = write_scale_info,
    .spec = time_spec,
    .prepare = prepare_time,
    .encoder = time_encoder,
};

const tds_type_family tds_family_datetime2 = {
    .name = "datetime2",
    .read_info = read_scale_info,
    .write_info = write_scale_info,
    .spec = datetime2_spec,
    .prepare = prepare_datetime2,
    .encoder = datetime2_encoder,
};

const tds_type_family tds_family_datetimeoffset = {
    .name = "datetimeoffset",
    .read_info = read_scale_info,
    .write_info = write_scale_info,
    .spec = datetime2_spec,
    .prepare = prepare_datetime2,
    .encoder = datetime2_encoder,
};
