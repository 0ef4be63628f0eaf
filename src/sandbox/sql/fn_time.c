/*
 * fn_time.c: date and time functions. `part` is a sql_part; `type` a packed type.
 *
 *   f_now(type)  f_dateadd(part, n, x, type)  f_datediff(part, a, type, b, type, big)
 *   f_datepart(part, x, type)  f_datename(part, x, type)  f_datetrunc(part, x, type)
 *   f_eomonth(x, type, n)  f_fromparts(type, y, m, d, h, mi, s, fraction, offset)
 *   f_tooffset(x, type, offset, switch)
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/sql/functions.h"
#include "sandbox/sql/runtime.h"

enum { MONTHS_MAX = 12 * 10000 }; /* more lead out of the calendar from anywhere */

static void call_now(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_runtime *runtime = sql_runtime_of(context);
  sql_type type = sql_type_argument(argv[0]);
  sql_value us = sql_value_integer(runtime->now_us);
  sql_moment m = sql_moment_get(SQL_TIMESTAMP, &us);
  sql_value out;
  if (sql_moment_put(&m, &type, &runtime->scratch, &out)) {
    sql_value_result(context, &out);
  }
}

static void raise_range(sqlite3_context *context, const sql_type *type) {
  sql_runtime *runtime = sql_runtime_of(context);
  if (runtime->dialect == ENGINE_TSQL) {
    sql_error_set(&runtime->error, 517, 16, "Adding a value to a '%s' column caused an overflow.",
                  sql_type_word(ENGINE_TSQL, type->kind));
  } else {
    sql_error_condition(&runtime->error, "DATETIME_OVERFLOW", "22008",
                        "Datetime operation overflow.");
  }
  sql_raise(context);
}

static void result_moment(sqlite3_context *context, const sql_moment *m, const sql_type *type) {
  sql_value out;
  if (sql_moment_put(m, type, &sql_runtime_of(context)->scratch, &out)) {
    sql_value_result(context, &out);
  } else {
    raise_range(context, type);
  }
}

/* Months keep the day, or the month's last one. */
static bool add_months(sql_moment *m, int64_t months) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (months < -MONTHS_MAX || months > MONTHS_MAX) {
    return false;
  }
  sql_moment_civil(m, &year, &month, &day);
  int64_t total = (int64_t)year * 12 + (int64_t)month - 1 + months;
  if (total < 12 || total >= INT64_C(10000) * 12) {
    return false;
  }
  unsigned new_month = (unsigned)(total % 12) + 1;
  unsigned last = sql_days_in_month((int)(total / 12), new_month);
  return sql_days_of_civil(total / 12, new_month, day > last ? last : day, &m->days);
}

static int64_t part_ticks(sql_part part) {
  switch (part) {
  case SQL_PART_HOUR:
    return 3600 * SQL_TICKS_PER_SECOND;
  case SQL_PART_MINUTE:
    return 60 * SQL_TICKS_PER_SECOND;
  case SQL_PART_SECOND:
    return SQL_TICKS_PER_SECOND;
  case SQL_PART_MILLISECOND:
    return 10000;
  case SQL_PART_MICROSECOND:
    return 10;
  default:
    return SQL_TICKS_PER_DAY;
  }
}

/* A nanosecond counts where it rounds up to 100 of them. */
static batch_i128 added_ticks(sql_part part, int64_t n) {
  if (part == SQL_PART_NANOSECOND) {
    return ((batch_i128)n + (n < 0 ? -50 : 50)) / 100;
  }
  return (batch_i128)n * (part == SQL_PART_WEEK ? 7 : 1) * part_ticks(part);
}

/* The time of day alone, around midnight as often as it takes. */
static void turn_clock(sql_moment *m, batch_i128 ticks) {
  batch_i128 turned = (m->ticks + ticks) % SQL_TICKS_PER_DAY;
  m->ticks = (int64_t)(turned < 0 ? turned + SQL_TICKS_PER_DAY : turned);
}

static bool add_ticks(sql_moment *m, batch_i128 ticks) {
  batch_i128 total = (batch_i128)m->days * SQL_TICKS_PER_DAY + m->ticks + ticks;
  if (total < 0 || total >= (batch_i128)(SQL_DAYS_MAX + 1) * SQL_TICKS_PER_DAY) {
    return false;
  }
  m->days = (int32_t)(total / SQL_TICKS_PER_DAY);
  m->ticks = (int64_t)(total % SQL_TICKS_PER_DAY);
  return true;
}

static void call_dateadd(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_part part = (sql_part)sqlite3_value_int(argv[0]);
  int64_t n = sqlite3_value_int64(argv[1]);
  sql_value in = sql_value_of(argv[2]);
  sql_type type = sql_type_argument(argv[3]);
  sql_moment m = sql_moment_get(type.kind, &in);
  bool good = true;
  switch (part) {
  case SQL_PART_YEAR:
  case SQL_PART_QUARTER:
  case SQL_PART_MONTH:
    good = n >= -MONTHS_MAX && n <= MONTHS_MAX &&
           add_months(&m, n * (part == SQL_PART_YEAR      ? 12
                               : part == SQL_PART_QUARTER ? 3
                                                          : 1));
    break;
  default:
    if (type.kind == SQL_TIME) {
      turn_clock(&m, added_ticks(part, n));
    } else {
      good = add_ticks(&m, added_ticks(part, n));
    }
    break;
  }
  if (!good) {
    raise_range(context, &type);
    return;
  }
  result_moment(context, &m, &type);
}

/* Boundaries of the part crossed between two moments. */
static batch_i128 difference(sql_part part, const sql_moment *a, const sql_moment *b) {
  int year_a = 0;
  int year_b = 0;
  unsigned month_a = 0;
  unsigned month_b = 0;
  unsigned day = 0;
  sql_moment_civil(a, &year_a, &month_a, &day);
  sql_moment_civil(b, &year_b, &month_b, &day);
  int64_t months = ((int64_t)year_b - year_a) * 12 + (int64_t)month_b - (int64_t)month_a;
  switch (part) {
  case SQL_PART_YEAR:
    return year_b - year_a;
  case SQL_PART_QUARTER:
    return ((int64_t)year_b * 4 + (month_b - 1) / 3) - ((int64_t)year_a * 4 + (month_a - 1) / 3);
  case SQL_PART_MONTH:
    return months;
  case SQL_PART_WEEK: /* weeks begin on Sunday: 0001-01-01 was a Monday */
    return (b->days + 1) / 7 - (a->days + 1) / 7;
  case SQL_PART_NANOSECOND:
    return ((batch_i128)(b->days - a->days) * SQL_TICKS_PER_DAY + b->ticks - a->ticks) * 100;
  case SQL_PART_HOUR:
  case SQL_PART_MINUTE:
  case SQL_PART_SECOND:
  case SQL_PART_MILLISECOND:
  case SQL_PART_MICROSECOND: {
    int64_t unit = part_ticks(part);
    return (batch_i128)(b->days - a->days) * (SQL_TICKS_PER_DAY / unit) + b->ticks / unit -
           a->ticks / unit;
  }
  default:
    return b->days - a->days;
  }
}

/* datetimeoffset counts in UTC. */
static void to_utc(sql_moment *m) {
  (void)add_ticks(m, -(batch_i128)m->offset * 60 * SQL_TICKS_PER_SECOND);
}

static void call_datediff(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(5, argv)) {
    return;
  }
  sql_value a = sql_value_of(argv[1]);
  sql_value b = sql_value_of(argv[3]);
  sql_moment x = sql_moment_get(sql_type_argument(argv[2]).kind, &a);
  sql_moment y = sql_moment_get(sql_type_argument(argv[4]).kind, &b);
  to_utc(&x);
  to_utc(&y);
  batch_i128 result = difference((sql_part)sqlite3_value_int(argv[0]), &x, &y);
  bool big = sqlite3_value_int(argv[5]) != 0;
  if (result > (big ? INT64_MAX : INT32_MAX) || result < (big ? INT64_MIN : INT32_MIN)) {
    sql_runtime *runtime = sql_runtime_of(context);
    sql_error_set(&runtime->error, 535, 16,
                  "The datediff function resulted in an overflow. The number of dateparts "
                  "separating two date/time instances is too large. Try to use datediff with a "
                  "less precise datepart.");
    sql_raise(context);
    return;
  }
  sqlite3_result_int64(context, (int64_t)result);
}

static int32_t first_day_of_year(int year) {
  int32_t days = 0;
  (void)sql_days_of_civil(year, 1, 1, &days);
  return days;
}

/* ISO 8601: week 1 holds the year's first Thursday. */
static int64_t iso_week(const sql_moment *m) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  sql_moment thursday = *m;
  thursday.days = m->days - m->days % 7 + 3;
  sql_moment_civil(&thursday, &year, &month, &day);
  return (thursday.days - first_day_of_year(year)) / 7 + 1;
}

static int64_t part_of(sql_part part, const sql_moment *m) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  sql_moment_civil(m, &year, &month, &day);
  switch (part) {
  case SQL_PART_YEAR:
    return year;
  case SQL_PART_QUARTER:
    return (month - 1) / 3 + 1;
  case SQL_PART_MONTH:
    return month;
  case SQL_PART_DAY:
    return day;
  case SQL_PART_DAYOFYEAR:
    return m->days - first_day_of_year(year) + 1;
  case SQL_PART_WEEK: { /* weeks begin on Sunday; the first may be short */
    int32_t first = first_day_of_year(year);
    return (m->days - first + (first + 1) % 7) / 7 + 1;
  }
  case SQL_PART_ISO_WEEK:
    return iso_week(m);
  case SQL_PART_WEEKDAY: /* Sunday is 1 */
    return (m->days + 1) % 7 + 1;
  case SQL_PART_HOUR:
    return m->ticks / part_ticks(part);
  case SQL_PART_MINUTE:
  case SQL_PART_SECOND:
    return m->ticks / part_ticks(part) % 60;
  case SQL_PART_MILLISECOND:
  case SQL_PART_MICROSECOND:
    return m->ticks % SQL_TICKS_PER_SECOND / part_ticks(part);
  case SQL_PART_NANOSECOND:
    return m->ticks % SQL_TICKS_PER_SECOND * 100;
  default:
    return m->offset;
  }
}

static sql_moment moment_argument(sqlite3_value *value, sqlite3_value *type) {
  sql_value in = sql_value_of(value);
  return sql_moment_get(sql_type_argument(type).kind, &in);
}

/* datetime's milliseconds are those it prints. */
static void round_datetime(sql_moment *m, sql_kind kind) {
  if (kind == SQL_DATETIME) {
    m->ticks = (m->ticks + 5000) / 10000 * 10000;
  }
}

static void call_datepart(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_moment m = moment_argument(argv[1], argv[2]);
  round_datetime(&m, sql_type_argument(argv[2]).kind);
  sqlite3_result_int64(context, part_of((sql_part)sqlite3_value_int(argv[0]), &m));
}

static void call_datename(sqlite3_context *context, int argc, sqlite3_value **argv) {
  static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday"};
  static const char *const months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_part part = (sql_part)sqlite3_value_int(argv[0]);
  sql_moment m = moment_argument(argv[1], argv[2]);
  round_datetime(&m, sql_type_argument(argv[2]).kind);
  int64_t value = part_of(part, &m);
  char text[32];
  if (part == SQL_PART_OFFSET) {
    (void)snprintf(text, sizeof text, "%c%02d:%02d", m.offset < 0 ? '-' : '+',
                   (m.offset < 0 ? -m.offset : m.offset) / 60,
                   (m.offset < 0 ? -m.offset : m.offset) % 60);
  } else if (part == SQL_PART_MONTH || part == SQL_PART_WEEKDAY) {
    (void)snprintf(text, sizeof text, "%s",
                   part == SQL_PART_MONTH ? months[(value - 1) % 12] : days[(value - 1) % 7]);
  } else {
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
  }
  sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void call_datetrunc(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_part part = (sql_part)sqlite3_value_int(argv[0]);
  sql_type type = sql_type_argument(argv[2]);
  sql_moment m = moment_argument(argv[1], argv[2]);
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  sql_moment_civil(&m, &year, &month, &day);
  switch (part) {
  case SQL_PART_YEAR:
    month = 1;
    break;
  case SQL_PART_QUARTER:
    month = (month - 1) / 3 * 3 + 1;
    break;
  case SQL_PART_MONTH:
    break;
  case SQL_PART_WEEK: /* T-SQL's weeks begin on Sunday, Databricks' on Monday */
    m.days -= (m.days + (sql_runtime_of(context)->dialect == ENGINE_TSQL)) % 7;
    break;
  case SQL_PART_ISO_WEEK:
    m.days -= m.days % 7;
    break;
  case SQL_PART_DAY:
  case SQL_PART_DAYOFYEAR:
    break;
  default:
    m.ticks -= m.ticks % part_ticks(part);
    break;
  }
  if (part == SQL_PART_YEAR || part == SQL_PART_QUARTER || part == SQL_PART_MONTH) {
    (void)sql_days_of_civil(year, month, 1, &m.days);
  }
  if (part_ticks(part) == SQL_TICKS_PER_DAY) {
    m.ticks = 0;
  }
  result_moment(context, &m, &type);
}

static void call_eomonth(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  const sql_type date = sql_type_of(SQL_DATE);
  sql_moment m = moment_argument(argv[0], argv[1]);
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!add_months(&m, sqlite3_value_int64(argv[2]))) {
    raise_range(context, &date);
    return;
  }
  sql_moment_civil(&m, &year, &month, &day);
  (void)sql_days_of_civil(year, month, sql_days_in_month(year, month), &m.days);
  result_moment(context, &m, &date);
}

static void call_fromparts(sqlite3_context *context, int argc, sqlite3_value **argv) {
  sql_runtime *runtime = sql_runtime_of(context);
  sql_type type = sql_type_argument(argv[0]);
  int64_t p[8];
  if (argc != 9 || sql_any_null(8, argv + 1)) {
    return;
  }
  for (int i = 0; i < 8; i++) {
    p[i] = sqlite3_value_int64(argv[i + 1]);
  }
  sql_moment m = {.offset = (int32_t)p[7]};
  sql_value out;
  bool good = sql_days_of_civil(p[0], p[1], p[2], &m.days) && p[3] >= 0 && p[3] < 24 && p[4] >= 0 &&
              p[4] < 60 && p[5] >= 0 && p[5] < 60 && p[6] >= 0 && p[6] < SQL_TICKS_PER_SECOND;
  if (good) {
    m.ticks = ((p[3] * 60 + p[4]) * 60 + p[5]) * SQL_TICKS_PER_SECOND + p[6];
  }
  if (!good || !sql_moment_put(&m, &type, &runtime->scratch, &out)) {
    if (runtime->dialect == ENGINE_TSQL) {
      sql_error_set(&runtime->error, 289, 16,
                    "Cannot construct data type %s, some of the arguments have values which are "
                    "not valid.",
                    sql_type_word(ENGINE_TSQL, type.kind));
    } else {
      sql_error_condition(&runtime->error, "DATETIME_FIELD_OUT_OF_BOUNDS", "22023",
                          "The value of a date or time field is out of bounds.");
    }
    sql_raise(context);
    return;
  }
  sql_value_result(context, &out);
}

static bool parse_offset(sqlite3_value *value, int32_t *ret_minutes) {
  if (sqlite3_value_type(value) == SQLITE_INTEGER) {
    *ret_minutes = sqlite3_value_int(value);
    return *ret_minutes >= -840 && *ret_minutes <= 840;
  }
  const char *text = (const char *)sqlite3_value_text(value);
  if (text == NULL || strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
    return false;
  }
  for (size_t i = 1; i < 6; i++) {
    if (i != 3 && (text[i] < '0' || text[i] > '9')) {
      return false;
    }
  }
  const int32_t minutes = (text[4] - '0') * 10 + text[5] - '0';
  *ret_minutes = ((text[1] - '0') * 10 + text[2] - '0') * 60 + minutes;
  const bool good = minutes < 60 && *ret_minutes <= 840;
  *ret_minutes *= text[0] == '-' ? -1 : 1;
  return good;
}

static void call_tooffset(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_runtime *runtime = sql_runtime_of(context);
  const sql_type type = sql_type_scaled(SQL_DATETIMEOFFSET, 7);
  int32_t offset = 0;
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_moment m = moment_argument(argv[0], argv[1]);
  if (!parse_offset(argv[2], &offset)) {
    sql_error_set(&runtime->error, 9812, 16,
                  "The timezone provided to builtin function %s is invalid.",
                  sqlite3_value_int(argv[3]) != 0 ? "switchoffset" : "todatetimeoffset");
    sql_raise(context);
    return;
  }
  if (sqlite3_value_int(argv[3]) != 0) { /* the same instant, shown elsewhere */
    to_utc(&m);
    (void)add_ticks(&m, (batch_i128)offset * 60 * SQL_TICKS_PER_SECOND);
  }
  m.offset = offset;
  result_moment(context, &m, &type);
}

const sql_function sql_functions_time[] = {
    {"f_now", 1, call_now},           {"f_dateadd", 4, call_dateadd},
    {"f_datediff", 6, call_datediff}, {"f_datepart", 3, call_datepart},
    {"f_datename", 3, call_datename}, {"f_datetrunc", 3, call_datetrunc},
    {"f_eomonth", 3, call_eomonth},   {"f_fromparts", 9, call_fromparts},
    {"f_tooffset", 4, call_tooffset}, {NULL, 0, NULL},
};
