#include "sandbox/sql/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

void sql_scratch_init(sql_scratch *scratch) {
  memset(scratch, 0, sizeof *scratch);
  br_buf_init(&scratch->buf, BR_LIMIT_CELL_MAX);
}

void sql_scratch_done(sql_scratch *scratch) {
  br_buf_done(&scratch->buf);
}

sql_value sql_value_null(void) {
  return (sql_value){.form = SQL_FORM_NULL};
}

sql_value sql_value_integer(int64_t i) {
  return (sql_value){.form = SQL_FORM_INTEGER, .i = i};
}

sql_value sql_value_real(double d) {
  return (sql_value){.form = SQL_FORM_REAL, .d = d};
}

sql_value sql_value_text(const char *p, size_t n) {
  return (sql_value){.form = SQL_FORM_TEXT, .p = p, .n = n};
}

sql_value sql_value_blob(const void *p, size_t n) {
  return (sql_value){.form = SQL_FORM_BLOB, .p = p, .n = n};
}

sql_value sql_value_of(sqlite3_value *value) {
  switch (sqlite3_value_type(value)) {
  case SQLITE_INTEGER:
    return sql_value_integer(sqlite3_value_int64(value));
  case SQLITE_FLOAT:
    return sql_value_real(sqlite3_value_double(value));
  case SQLITE_TEXT: {
    const char *text = (const char *)sqlite3_value_text(value);
    return sql_value_text(text, (size_t)sqlite3_value_bytes(value));
  }
  case SQLITE_BLOB: {
    const void *blob = sqlite3_value_blob(value);
    return sql_value_blob(blob != NULL ? blob : "", (size_t)sqlite3_value_bytes(value));
  }
  default:
    return sql_value_null();
  }
}

sql_value sql_value_of_column(sqlite3_stmt *stmt, int column) {
  switch (sqlite3_column_type(stmt, column)) {
  case SQLITE_INTEGER:
    return sql_value_integer(sqlite3_column_int64(stmt, column));
  case SQLITE_FLOAT:
    return sql_value_real(sqlite3_column_double(stmt, column));
  case SQLITE_TEXT: {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return sql_value_text(text, (size_t)sqlite3_column_bytes(stmt, column));
  }
  case SQLITE_BLOB: {
    const void *blob = sqlite3_column_blob(stmt, column);
    return sql_value_blob(blob != NULL ? blob : "", (size_t)sqlite3_column_bytes(stmt, column));
  }
  default:
    return sql_value_null();
  }
}

int sql_value_bind(sqlite3_stmt *stmt, int index, const sql_value *value) {
  switch (value->form) {
  case SQL_FORM_INTEGER:
    return sqlite3_bind_int64(stmt, index, value->i);
  case SQL_FORM_REAL:
    return sqlite3_bind_double(stmt, index, value->d);
  case SQL_FORM_TEXT:
    return sqlite3_bind_text64(stmt, index, value->p, value->n, SQLITE_TRANSIENT, SQLITE_UTF8);
  case SQL_FORM_BLOB:
    return value->n == 0 ? sqlite3_bind_zeroblob(stmt, index, 0)
                         : sqlite3_bind_blob64(stmt, index, value->p, value->n, SQLITE_TRANSIENT);
  default:
    return sqlite3_bind_null(stmt, index);
  }
}

void sql_value_result(sqlite3_context *context, const sql_value *value) {
  switch (value->form) {
  case SQL_FORM_INTEGER:
    sqlite3_result_int64(context, value->i);
    break;
  case SQL_FORM_REAL:
    sqlite3_result_double(context, value->d);
    break;
  case SQL_FORM_TEXT:
    sqlite3_result_text64(context, value->p, value->n, SQLITE_TRANSIENT, SQLITE_UTF8);
    break;
  case SQL_FORM_BLOB:
    if (value->n == 0) {
      (void)sqlite3_result_zeroblob64(context, 0);
    } else {
      sqlite3_result_blob64(context, value->p, value->n, SQLITE_TRANSIENT);
    }
    break;
  default:
    sqlite3_result_null(context);
    break;
  }
}

/* In the order in which SQL Server compares the bytes as they lie on the wire. */
static const uint8_t guid_order[16] = {10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3};

void sql_guid_to_wire(const sql_value *value, uint8_t wire[16]) {
  memset(wire, 0, 16);
  for (size_t i = 0; i < 16 && i < value->n; i++) {
    wire[guid_order[i]] = (uint8_t)value->p[i];
  }
}

sql_value sql_guid_of_wire(const uint8_t wire[16], sql_scratch *scratch) {
  for (size_t i = 0; i < 16; i++) {
    scratch->fixed[i] = wire[guid_order[i]];
  }
  return sql_value_blob(scratch->fixed, 16);
}

unsigned sql_days_in_month(int year, unsigned month) {
  static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[(month - 1) % 12];
}

bool sql_days_of_civil(int64_t year, int64_t month, int64_t day, int32_t *ret_days) {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
      day > (int64_t)sql_days_in_month((int)year, (unsigned)month)) {
    return false;
  }
  *ret_days =
      batch_days_of_civil((int)year, (unsigned)month, (unsigned)day) + (int32_t)SQL_DAYS_1970;
  return true;
}

void sql_moment_civil(const sql_moment *moment, int *ret_year, unsigned *ret_month,
                      unsigned *ret_day) {
  batch_civil_of_days(moment->days - (int32_t)SQL_DAYS_1970, ret_year, ret_month, ret_day);
}

static int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

/* Stored text of a datetimeoffset: 19 digits of UTC ticks, a sign, 4 digits of minutes. */
static sql_moment offset_get(const sql_value *value) {
  char text[32] = "";
  size_t n = value->n < sizeof text - 1 ? value->n : sizeof text - 1;
  if (value->form == SQL_FORM_TEXT && value->p != NULL) {
    memcpy(text, value->p, n);
  }
  int64_t offset = n > 19 ? strtoll(text + 19, NULL, 10) : 0;
  text[19] = '\0';
  int64_t ticks = strtoll(text, NULL, 10) + offset * 60 * SQL_TICKS_PER_SECOND;
  int64_t days = floor_div(ticks, SQL_TICKS_PER_DAY);
  return (sql_moment){
      .days = (int32_t)days, .ticks = ticks - days * SQL_TICKS_PER_DAY, .offset = (int32_t)offset};
}

sql_moment sql_moment_get(sql_kind kind, const sql_value *value) {
  int64_t v = value->i;
  int64_t days = 0;
  sql_moment moment = {.days = (int32_t)SQL_DAYS_1900};
  switch (kind) {
  case SQL_DATE:
    moment.days = (int32_t)v;
    break;
  case SQL_TIME:
    moment.ticks = v;
    break;
  case SQL_DATETIME:
    days = floor_div(v, INT64_C(25920000));
    moment.days = (int32_t)(SQL_DAYS_1900 + days);
    /* A third of a second's 1/100 in 100 ns, rounded: .0033333 and .0066667. */
    moment.ticks = ((v - days * INT64_C(25920000)) * 100000 + 1) / 3;
    break;
  case SQL_TIMESTAMP:
  case SQL_TIMESTAMP_NTZ:
    days = floor_div(v, SQL_TICKS_PER_DAY / 10);
    moment.days = (int32_t)(SQL_DAYS_1970 + days);
    moment.ticks = (v - days * (SQL_TICKS_PER_DAY / 10)) * 10;
    break;
  case SQL_DATETIMEOFFSET:
    return offset_get(value);
  default:
    days = floor_div(v, SQL_TICKS_PER_DAY);
    moment.days = (int32_t)days;
    moment.ticks = v - days * SQL_TICKS_PER_DAY;
    break;
  }
  return moment;
}

/* Rounds the time of day to units of `unit` ticks, carrying into the day. */
static void round_ticks(sql_moment *moment, int64_t unit) {
  moment->ticks = (moment->ticks + unit / 2) / unit * unit;
  if (moment->ticks >= SQL_TICKS_PER_DAY) {
    moment->ticks -= SQL_TICKS_PER_DAY;
    moment->days++;
  }
}

static int64_t scale_unit(unsigned scale) {
  int64_t unit = 1;
  for (unsigned i = scale; i < 7; i++) {
    unit *= 10;
  }
  return unit;
}

static bool put_datetime(const sql_moment *m, sql_value *ret_value) {
  int64_t ticks = (m->ticks * 3 + 50000) / 100000; /* 1/300 s, half up */
  int64_t value = ((int64_t)m->days - SQL_DAYS_1900) * 25920000 + ticks;
  *ret_value = sql_value_integer(value);
  return m->days >= 639905 && value < INT64_C(2958464) * 25920000; /* 1753-01-01 … 9999-12-31 */
}

static bool put_offset(sql_moment m, sql_scratch *scratch, sql_value *ret_value) {
  int64_t utc =
      (int64_t)m.days * SQL_TICKS_PER_DAY + m.ticks - (int64_t)m.offset * 60 * SQL_TICKS_PER_SECOND;
  if (utc < 0 || utc >= ((int64_t)SQL_DAYS_MAX + 1) * SQL_TICKS_PER_DAY || m.days > SQL_DAYS_MAX) {
    return false;
  }
  (void)snprintf((char *)scratch->fixed, sizeof scratch->fixed, "%019lld%+05d", (long long)utc,
                 (int)m.offset);
  *ret_value = sql_value_text((const char *)scratch->fixed, 24);
  return true;
}

bool sql_moment_put(const sql_moment *moment, const sql_type *type, sql_scratch *scratch,
                    sql_value *ret_value) {
  sql_moment m = *moment;
  if (m.days < 0 || m.days > SQL_DAYS_MAX) {
    return false;
  }
  switch (type->kind) {
  case SQL_DATE:
    *ret_value = sql_value_integer(m.days);
    return true;
  case SQL_TIME:
    round_ticks(&m, scale_unit(type->scale));
    *ret_value = sql_value_integer(m.ticks);
    return true;
  case SQL_DATETIME:
    return put_datetime(&m, ret_value);
  case SQL_SMALLDATETIME:
    /* 29.998 s and less go down, 29.999 s and more up. */
    m.ticks += 10000;
    round_ticks(&m, 60 * SQL_TICKS_PER_SECOND);
    if (m.days < SQL_DAYS_1900 || m.days > SQL_DAYS_1900 + 65535) {
      return false;
    }
    break;
  case SQL_TIMESTAMP:
  case SQL_TIMESTAMP_NTZ:
    *ret_value = sql_value_integer(((int64_t)m.days - SQL_DAYS_1970) * (SQL_TICKS_PER_DAY / 10) +
                                   m.ticks / 10);
    return true;
  case SQL_DATETIMEOFFSET:
    round_ticks(&m, scale_unit(type->scale));
    return put_offset(m, scratch, ret_value);
  default:
    round_ticks(&m, scale_unit(type->scale));
    break;
  }
  if (m.days > SQL_DAYS_MAX) {
    return false;
  }
  *ret_value = sql_value_integer((int64_t)m.days * SQL_TICKS_PER_DAY + m.ticks);
  return true;
}
