/*
 * Values inside a sql_variant as text (MS-TDS 2.2.5.5.4): base type, properties, data.
 *
 * Text as CAST gives it where CAST keeps the value; where it would not, the full value: dates ISO
 * 8601, money with 4 digits, float with as many digits as it takes to read it back, binary 0x….
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch/value.h"
#include "tds/family.h"

/* What a base type's printer gets: properties and data have the lengths of its row. */
typedef struct variant_value {
  uint8_t id;
  const uint8_t *properties;
  const uint8_t *data;
  size_t length;
  batch_invalid invalid;
} variant_value;

typedef br_status (*variant_print)(const variant_value *v, br_buf *out, br_error *err);

static br_status malformed(br_error *err, uint8_t id) {
  return br_error_set(err, BR_ERR_PROTOCOL, "A sql_variant of type 0x%02X is malformed", id);
}

static br_status print_integer(const variant_value *v, br_buf *out, br_error *err) {
  int64_t value = 0;
  switch (v->length) {
  case 1:
    value = v->id == TDS_TYPE_BIT ? v->data[0] != 0 : v->data[0];
    break;
  case 2:
    value = (int16_t)br_load_u16le(v->data);
    break;
  case 4:
    value = (int32_t)br_load_u32le(v->data);
    break;
  default:
    value = (int64_t)br_load_u64le(v->data);
    break;
  }
  return br_buf_printf(out, err, "%" PRId64, value);
}

/* The fewest digits that read back as the same number. */
static br_status print_float(const variant_value *v, br_buf *out, br_error *err) {
  char text[40] = "";
  if (v->length == 4) {
    uint32_t bits = br_load_u32le(v->data);
    float value = 0;
    memcpy(&value, &bits, sizeof value);
    for (int digits = 6; digits <= 9; digits++) {
      (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
      if (strtof(text, NULL) == value) {
        break;
      }
    }
  } else {
    uint64_t bits = br_load_u64le(v->data);
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    for (int digits = 15; digits <= 17; digits++) {
      (void)snprintf(text, sizeof text, "%.*g", digits, value);
      if (strtod(text, NULL) == value) {
        break;
      }
    }
  }
  return br_buf_text(out, text, err);
}

static br_status print_money(const variant_value *v, br_buf *out, br_error *err) {
  int64_t value = v->length == 4 ? (int32_t)br_load_u32le(v->data) : tds_load_money(v->data);
  char text[48];
  batch_decimal_text(value, 4, text, sizeof text);
  return br_buf_text(out, text, err);
}

static br_status print_decimal(const variant_value *v, br_buf *out, br_error *err) {
  size_t size = v->length - 1;
  unsigned scale = v->properties[1];
  if (v->length < 5 || size > 16 || scale > 38) {
    return malformed(err, v->id);
  }
  uint8_t magnitude[16] = {0};
  memcpy(magnitude, v->data + 1, size);
  batch_i128 value = batch_load_i128(magnitude);
  if (value < 0) {
    return malformed(err, v->id); /* over 2^127, far over 38 digits */
  }
  char text[48];
  batch_decimal_text(v->data[0] == 0 ? -value : value, scale, text, sizeof text);
  return br_buf_text(out, text, err);
}

static br_status print_guid(const variant_value *v, br_buf *out, br_error *err) {
  char text[40];
  batch_guid_text(v->data, text);
  return br_buf_text(out, text, err);
}

static br_status print_datetime(const variant_value *v, br_buf *out, br_error *err) {
  int64_t days = 0;
  int64_t us = 0;
  unsigned digits = 0;
  if (v->length == 4) {
    days = br_load_u16le(v->data);
    us = br_load_u16le(v->data + 2) * INT64_C(60000000);
  } else {
    uint32_t ticks = br_load_u32le(v->data + 4);
    days = (int32_t)br_load_u32le(v->data);
    if (days < TDS_DATETIME_DAYS_MIN || days > TDS_DATETIME_DAYS_MAX ||
        ticks >= TDS_DATETIME_DAY_TICKS) {
      return malformed(err, v->id);
    }
    us = (int64_t)tds_datetime_ms(ticks) * 1000;
    digits = 3;
  }
  char text[40];
  batch_timestamp_text((days - TDS_DAYS_1900_TO_1970) * BATCH_US_PER_DAY + us, digits, text);
  return br_buf_text(out, text, err);
}

static br_status print_date_of(const uint8_t *bytes, int32_t carry, br_buf *out, uint8_t id,
                               br_error *err) {
  int32_t days = (int32_t)tds_load_uint(bytes, 3) + carry;
  if (days < 0 || days > TDS_DATE_DAYS_MAX) {
    return malformed(err, id);
  }
  char text[16];
  batch_date_text(days - TDS_DAYS_0001_TO_1970, text);
  return br_buf_text(out, text, err);
}

static br_status print_date(const variant_value *v, br_buf *out, br_error *err) {
  return print_date_of(v->data, 0, out, v->id, err);
}

/* time, datetime2 and datetimeoffset: the date in front, local time, the offset behind. */
static br_status print_time(const variant_value *v, br_buf *out, br_error *err) {
  unsigned scale = v->properties[0];
  size_t behind = v->id == TDS_TYPE_DATETIME2N ? 3 : v->id == TDS_TYPE_DATETIMEOFFSETN ? 5 : 0;
  if (scale > 7 || v->length != tds_time_size(scale) + behind) {
    return malformed(err, v->id);
  }
  const uint8_t *date = v->data + tds_time_size(scale);
  int64_t day = (int64_t)(TDS_DAY_SECONDS * tds_ten_to[scale]);
  int64_t units = (int64_t)tds_load_uint(v->data, tds_time_size(scale));
  int32_t minutes = behind == 5 ? (int16_t)br_load_u16le(date + 3) : 0;
  if (units >= day || minutes > TDS_OFFSET_MINUTES_MAX || minutes < -TDS_OFFSET_MINUTES_MAX) {
    return malformed(err, v->id);
  }
  units += minutes * (day / 1440);
  int32_t carry = units < 0 ? -1 : units >= day ? 1 : 0;
  units -= carry * day;
  br_status st = behind == 0 ? BR_OK : print_date_of(date, carry, out, v->id, err);
  char text[20];
  batch_time_text((uint64_t)units, scale, text);
  if (st == BR_OK) {
    st = br_buf_printf(out, err, "%s%s", behind == 0 ? "" : " ", text);
  }
  if (st == BR_OK && behind == 5) {
    unsigned size = (unsigned)abs(minutes);
    st = br_buf_printf(out, err, " %c%02u:%02u", minutes < 0 ? '-' : '+', size / 60, size % 60);
  }
  return st;
}

static br_status print_binary(const variant_value *v, br_buf *out, br_error *err) {
  br_status st = br_buf_text(out, "0x", err);
  for (size_t i = 0; st == BR_OK && i < v->length; i++) {
    st = br_buf_printf(out, err, "%02X", v->data[i]);
  }
  return st;
}

static br_status print_text(const variant_value *v, br_buf *out, br_error *err) {
  bool wide = v->id == TDS_TYPE_NVARCHAR || v->id == TDS_TYPE_NCHAR;
  if (wide && v->length % 2 != 0) {
    return malformed(err, v->id);
  }
  br_status st = br_buf_reserve(out, v->length * 3 + 1, err);
  size_t written = 0;
  size_t used = 0;
  if (st == BR_OK && wide) {
    st = batch_utf16le_to_utf8(v->data, v->length, false, v->invalid, out->data + out->len,
                               &written, &used, err);
  } else if (st == BR_OK) {
    st = batch_code_page_to_utf8(batch_collation_code_page(v->properties), v->data, v->length,
                                 false, v->invalid, out->data + out->len, &written, &used, err);
  }
  out->len += st == BR_OK ? written : 0;
  return st;
}

enum { ANY_LENGTH = 255 };

static const struct variant_row {
  uint8_t id;
  uint8_t properties; /* bytes */
  uint8_t length;     /* of the data; ANY_LENGTH */
  variant_print print;
  const char *name; /* as SQL_VARIANT_PROPERTY(…, 'BaseType') says it */
} variant_rows[] = {
    {TDS_TYPE_GUID, 0, 16, print_guid, "uniqueidentifier"},
    {TDS_TYPE_BIT, 0, 1, print_integer, "bit"},
    {TDS_TYPE_INT1, 0, 1, print_integer, "tinyint"},
    {TDS_TYPE_INT2, 0, 2, print_integer, "smallint"},
    {TDS_TYPE_INT4, 0, 4, print_integer, "int"},
    {TDS_TYPE_INT8, 0, 8, print_integer, "bigint"},
    {TDS_TYPE_FLT4, 0, 4, print_float, "real"},
    {TDS_TYPE_FLT8, 0, 8, print_float, "float"},
    {TDS_TYPE_MONEY4, 0, 4, print_money, "smallmoney"},
    {TDS_TYPE_MONEY, 0, 8, print_money, "money"},
    {TDS_TYPE_DATETIM4, 0, 4, print_datetime, "smalldatetime"},
    {TDS_TYPE_DATETIME, 0, 8, print_datetime, "datetime"},
    {TDS_TYPE_DATEN, 0, 3, print_date, "date"},
    {TDS_TYPE_TIMEN, 1, ANY_LENGTH, print_time, "time"},
    {TDS_TYPE_DATETIME2N, 1, ANY_LENGTH, print_time, "datetime2"},
    {TDS_TYPE_DATETIMEOFFSETN, 1, ANY_LENGTH, print_time, "datetimeoffset"},
    {TDS_TYPE_DECIMALN, 2, ANY_LENGTH, print_decimal, "decimal"},
    {TDS_TYPE_NUMERICN, 2, ANY_LENGTH, print_decimal, "numeric"},
    {TDS_TYPE_BIGVARBINARY, 2, ANY_LENGTH, print_binary, "varbinary"},
    {TDS_TYPE_BIGBINARY, 2, ANY_LENGTH, print_binary, "binary"},
    {TDS_TYPE_BIGVARCHAR, 7, ANY_LENGTH, print_text, "varchar"},
    {TDS_TYPE_BIGCHAR, 7, ANY_LENGTH, print_text, "char"},
    {TDS_TYPE_NVARCHAR, 7, ANY_LENGTH, print_text, "nvarchar"},
    {TDS_TYPE_NCHAR, 7, ANY_LENGTH, print_text, "nchar"},
};

static const struct variant_row *row_of(uint8_t id) {
  for (size_t i = 0; i < sizeof variant_rows / sizeof *variant_rows; i++) {
    if (variant_rows[i].id == id) {
      return &variant_rows[i];
    }
  }
  return NULL;
}

const char *tds_variant_type_name(uint8_t id) {
  const struct variant_row *row = row_of(id);
  return row == NULL ? "" : row->name;
}

br_status tds_variant_text(const uint8_t *bytes, size_t length, batch_invalid invalid, br_buf *out,
                           br_error *err) {
  if (length < 2 || (size_t)bytes[1] + 2 > length) {
    return malformed(err, length == 0 ? 0 : bytes[0]);
  }
  const variant_value value = {.id = bytes[0],
                               .properties = bytes + 2,
                               .data = bytes + 2 + bytes[1],
                               .length = length - 2 - bytes[1],
                               .invalid = invalid};
  const struct variant_row *row = row_of(value.id);
  if (row == NULL) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A sql_variant holds the unknown type 0x%02X",
                        value.id);
  }
  if (row->properties != bytes[1] || (row->length != ANY_LENGTH && row->length != value.length)) {
    return malformed(err, value.id);
  }
  return row->print(&value, out, err);
}
