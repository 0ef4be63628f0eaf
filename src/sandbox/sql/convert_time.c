/*
 * convert_time.c: to dates and times; reading them from text.
 */
#include <string.h>

#include "sandbox/sql/convert.h"

typedef struct cursor {
  const char *p;
  const char *end;
} cursor;

static void skip_blanks(cursor *c) {
  while (c->p < c->end && sql_is_blank(*c->p)) {
    c->p++;
  }
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Up to `most` digits; *ret_digits tells how many. */
static int64_t number(cursor *c, int most, int *ret_digits) {
  int64_t value = 0;
  int digits = 0;
  while (c->p < c->end && is_digit(*c->p) && digits < most) {
    value = value * 10 + (*c->p++ - '0');
    digits++;
  }
  *ret_digits = digits;
  return value;
}

static bool accept(cursor *c, char ch) {
  if (c->p < c->end && *c->p == ch) {
    c->p++;
    return true;
  }
  return false;
}

static bool is_separator(char c) {
  return c == '-' || c == '/' || c == '.';
}

/* A month's English name, whole or three letters; 0: none. */
static int month_name(cursor *c) {
  static const char *const names[] = {"january",   "february", "march",    "april",
                                      "may",       "june",     "july",     "august",
                                      "september", "october",  "november", "december"};
  size_t length = 0;
  while (c->p + length < c->end && is_letter(c->p[length])) {
    length++;
  }
  for (int m = 0; m < 12; m++) {
    if (length != 3 && length != strlen(names[m])) {
      continue;
    }
    size_t i = 0;
    while (i < length && (c->p[i] | 0x20) == names[m][i]) {
      i++;
    }
    if (i == length) {
      c->p += length;
      return m + 1;
    }
  }
  return 0;
}

/* Two digits: the two digit year cutoff is 2049. */
static int64_t full_year(int64_t year, int digits) {
  return digits > 2 ? year : year < 50 ? 2000 + year : 1900 + year;
}

static bool put_date(sql_parsed_time *t, int64_t y, int64_t m, int64_t d) {
  t->has_date = true;
  t->no_such_day = !sql_days_of_civil(y, m, d, &t->moment.days);
  return !t->no_such_day;
}

/* "Jan 1[,] 2013", "Jan 2013". */
static bool named_month_first(cursor *c, sql_parsed_time *t) {
  int digits = 0;
  int month = month_name(c);
  skip_blanks(c);
  if (month == 0) {
    return false;
  }
  int64_t day = number(c, 4, &digits);
  if (digits == 4) {
    return put_date(t, day, month, 1);
  }
  if (digits == 0) {
    return false;
  }
  (void)accept(c, ',');
  skip_blanks(c);
  int64_t year = number(c, 4, &digits);
  return (digits == 2 || digits == 4) && put_date(t, full_year(year, digits), month, day);
}

/* The order of day and month where a style names it. */
static void order_parts(int style, int64_t *a, int64_t *b) {
  static const int day_first[] = {3, 4, 5, 103, 104, 105, 13, 113};
  for (size_t i = 0; i < sizeof day_first / sizeof day_first[0]; i++) {
    if (style == day_first[i]) {
      int64_t x = *a;
      *a = *b;
      *b = x;
    }
  }
}

/* Behind the first number of a date: separators and the other two. */
static bool separated(cursor *c, int style, int64_t first, int first_digits, sql_parsed_time *t) {
  int digits = 0;
  char separator = *c->p++;
  int month = c->p < c->end && is_letter(*c->p) ? month_name(c) : 0;
  int64_t second = month != 0 ? month : number(c, 2, &digits);
  if ((month == 0 && digits == 0) || !accept(c, separator)) {
    return false;
  }
  int64_t third = number(c, 4, &digits);
  if (digits == 0) {
    return false;
  }
  if (first_digits == 4) {
    return digits <= 2 && put_date(t, first, second, third);
  }
  if (digits != 2 && digits != 4) {
    return false;
  }
  if (month != 0) { /* 1-Jan-2013 */
    return put_date(t, full_year(third, digits), month, first);
  }
  bool year_first = style == 2 || style == 11 || style == 12;
  if (year_first) {
    return put_date(t, full_year(first, first_digits), second, third);
  }
  order_parts(style, &first, &second);
  return put_date(t, full_year(third, digits), first, second);
}

static bool parse_date(cursor *c, int style, sql_parsed_time *t) {
  int digits = 0;
  if (c->p < c->end && is_letter(*c->p)) {
    return named_month_first(c, t);
  }
  int64_t v = number(c, 9, &digits);
  if (digits == 8) {
    return put_date(t, v / 10000, v / 100 % 100, v % 100);
  }
  if (digits == 6) {
    return put_date(t, full_year(v / 10000, 2), v / 100 % 100, v % 100);
  }
  if (digits == 0 || digits > 4) {
    return false;
  }
  if (c->p < c->end && is_separator(*c->p)) {
    return separated(c, style, v, digits, t);
  }
  cursor after = *c;
  skip_blanks(&after);
  if (digits <= 2 && after.p < after.end && is_letter(*after.p) && month_name(&after) != 0) {
    skip_blanks(c);
    int month = month_name(c);
    (void)accept(c, ',');
    skip_blanks(c);
    int year_digits = 0;
    int64_t year = number(c, 4, &year_digits);
    return (year_digits == 2 || year_digits == 4) &&
           put_date(t, full_year(year, year_digits), month, v);
  }
  return digits == 4 && put_date(t, v, 1, 1);
}

/* Behind a point digits of a fraction, behind a colon a number of milliseconds. */
static bool parse_fraction(cursor *c, bool colon, sql_parsed_time *t, int64_t *ticks) {
  int digits = 0;
  int64_t fraction = number(c, 9, &digits);
  t->fraction_digits = digits;
  if (digits == 0 || digits > (colon ? 3 : 7)) {
    return false;
  }
  if (colon) {
    *ticks += fraction * 10000;
    return true;
  }
  for (int i = digits; i < 7; i++) {
    fraction *= 10;
  }
  *ticks += fraction;
  return true;
}

static bool parse_meridiem(cursor *c, int64_t *hour) {
  cursor at = *c;
  skip_blanks(&at);
  if (at.end - at.p < 2 || (at.p[1] | 0x20) != 'm' ||
      ((at.p[0] | 0x20) != 'a' && (at.p[0] | 0x20) != 'p')) {
    return true;
  }
  bool afternoon = (at.p[0] | 0x20) == 'p';
  if (*hour > 12 && !afternoon) {
    return false;
  }
  if (afternoon && *hour < 12) {
    *hour += 12;
  } else if (!afternoon && *hour == 12) {
    *hour = 0;
  }
  c->p = at.p + 2;
  return true;
}

static bool parse_clock(cursor *c, sql_parsed_time *t) {
  int digits = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t ticks = 0;
  int64_t hour = number(c, 2, &digits);
  if (digits == 0) {
    return false;
  }
  t->has_time = true;
  if (accept(c, ':')) {
    minute = number(c, 2, &digits);
    if (digits == 0) {
      return false;
    }
    if (accept(c, ':')) {
      second = number(c, 2, &digits);
      const bool colon = c->p < c->end && *c->p == ':';
      if (digits == 0 ||
          ((accept(c, '.') || accept(c, ':')) && !parse_fraction(c, colon, t, &ticks))) {
        return false;
      }
    }
  } else {
    cursor at = *c; /* "5PM" needs its PM */
    skip_blanks(&at);
    if (at.p >= at.end || !is_letter(*at.p)) {
      return false;
    }
  }
  if (!parse_meridiem(c, &hour) || hour > 23 || minute > 59 || second > 59) {
    return false;
  }
  t->moment.ticks = ((hour * 60 + minute) * 60 + second) * SQL_TICKS_PER_SECOND + ticks;
  return true;
}

static bool parse_offset(cursor *c, sql_parsed_time *t) {
  int digits = 0;
  skip_blanks(c);
  if (c->p >= c->end) {
    return true;
  }
  t->has_offset = true;
  if (*c->p == 'Z' || *c->p == 'z') {
    c->p++;
    return true;
  }
  if (*c->p != '+' && *c->p != '-') {
    return false;
  }
  int sign = *c->p++ == '-' ? -1 : 1;
  int64_t hours = number(c, 2, &digits);
  if (digits == 0) {
    return false;
  }
  (void)accept(c, ':');
  int64_t minutes = number(c, 2, &digits);
  if (hours > 14 || minutes > 59 || hours * 60 + minutes > 14 * 60) {
    return false;
  }
  t->moment.offset = sign * (int32_t)(hours * 60 + minutes);
  return true;
}

bool sql_parse_time(const char *text, size_t length, int style, sql_parsed_time *ret_time) {
  cursor c = {.p = text, .end = text + length};
  sql_parsed_time t = {.moment = {.days = (int32_t)SQL_DAYS_1900}};
  while (c.end > c.p && sql_is_blank(c.end[-1])) {
    c.end--;
  }
  skip_blanks(&c);
  if (c.p < c.end) {
    const char *colon = memchr(c.p, ':', (size_t)(c.end - c.p));
    bool time_first = colon != NULL && colon - c.p <= 2;
    if (!time_first && !parse_date(&c, style, &t)) {
      ret_time->no_such_day = t.no_such_day;
      return false;
    }
    bool iso = c.p < c.end && (*c.p == 'T' || *c.p == 't');
    if (!time_first && c.p < c.end && !iso && !sql_is_blank(*c.p) && *c.p != '+' && *c.p != 'Z' &&
        *c.p != '-') {
      return false;
    }
    c.p += iso;
    skip_blanks(&c);
    if (c.p < c.end && is_digit(*c.p) && !parse_clock(&c, &t)) {
      return false;
    }
    if ((iso && !t.has_time) || !parse_offset(&c, &t)) {
      return false;
    }
    skip_blanks(&c);
    if (c.p != c.end) {
      return false;
    }
  }
  *ret_time = t;
  return true;
}

static br_status out_of_range(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in) {
  if (c->dialect == ENGINE_DATABRICKS) {
    return sql_conversion_failed(c, from, to, in);
  }
  if (sql_type_family(from->kind) == SQL_FAMILY_DATETIME || sql_type_is_text(from->kind)) {
    sql_error_set(c->error, 242, 16,
                  "The conversion of a %s data type to a %s data type resulted in an out-of-range "
                  "value.",
                  sql_type_word(ENGINE_TSQL, from->kind), sql_type_word(ENGINE_TSQL, to->kind));
    c->error->state = 3;
    return BR_ERR_REMOTE;
  }
  return sql_conversion_overflow(c, from, to, in);
}

/* What the parser accepts and a type's literals don't: T-SQL's old types take three digits of a
 * second and no offset; Databricks only ISO 8601. */
static bool acceptable(const sql_conversion *c, const sql_type *to, const sql_value *in,
                       const sql_parsed_time *t) {
  if (c->dialect == ENGINE_DATABRICKS) {
    size_t i = 0;
    while (i < in->n && sql_is_blank(in->p[i])) {
      i++;
    }
    return t->has_date && in->n >= i + 4 && is_digit(in->p[i + 3]) &&
           (in->n == i + 4 || in->p[i + 4] == '-');
  }
  if (to->kind == SQL_DATETIME || to->kind == SQL_SMALLDATETIME) {
    return t->fraction_digits <= 3 && (!t->has_offset || t->moment.offset == 0);
  }
  return true;
}

static br_status text_to_time(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in, sql_value *ret_value) {
  sql_parsed_time t = {.no_such_day = false};
  if (!sql_parse_time(in->p, in->n, c->style, &t) || !acceptable(c, to, in, &t)) {
    /* A date that reads well and isn't there (month 13) is out of the old types' range. */
    bool old = to->kind == SQL_DATETIME || to->kind == SQL_SMALLDATETIME;
    return old && t.no_such_day ? out_of_range(c, from, to, in)
                                : sql_conversion_failed(c, from, to, in);
  }
  if (c->dialect == ENGINE_DATABRICKS && to->kind == SQL_TIMESTAMP && t.has_offset) {
    int64_t ticks = t.moment.ticks - (int64_t)t.moment.offset * 60 * SQL_TICKS_PER_SECOND;
    t.moment.days += ticks < 0 ? -1 : ticks >= SQL_TICKS_PER_DAY ? 1 : 0;
    t.moment.ticks = (ticks + SQL_TICKS_PER_DAY) % SQL_TICKS_PER_DAY;
  }
  return sql_moment_put(&t.moment, to, c->scratch, ret_value) ? BR_OK
                                                              : out_of_range(c, from, to, in);
}

/* Days since 1900 as a number. */
static br_status number_to_time(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in, sql_value *ret_value) {
  const sql_type number_type = sql_type_of(SQL_FLOAT);
  sql_value number_value;
  br_status st = sql_convert_to_number(c, from, &number_type, in, &number_value);
  if (st != BR_OK) {
    return st;
  }
  double d = number_value.d;
  if (!(d > -60000 && d < 3000000)) {
    return out_of_range(c, from, to, in);
  }
  int64_t days = (int64_t)d;
  days -= (double)days > d;
  sql_moment m = {.days = (int32_t)(SQL_DAYS_1900 + days),
                  .ticks = (int64_t)((d - (double)days) * (double)SQL_TICKS_PER_DAY + 0.5)};
  return sql_moment_put(&m, to, c->scratch, ret_value) ? BR_OK : out_of_range(c, from, to, in);
}

br_status sql_convert_to_time(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in, sql_value *ret_value) {
  switch (sql_type_family(from->kind)) {
  case SQL_FAMILY_TEXT:
    return text_to_time(c, from, to, in, ret_value);
  case SQL_FAMILY_DATETIME: {
    sql_moment m = sql_moment_get(from->kind, in);
    if (to->kind != SQL_DATETIMEOFFSET) {
      m.offset = 0;
    }
    return sql_moment_put(&m, to, c->scratch, ret_value) ? BR_OK : out_of_range(c, from, to, in);
  }
  case SQL_FAMILY_INTEGER:
  case SQL_FAMILY_DECIMAL:
  case SQL_FAMILY_MONEY:
  case SQL_FAMILY_FLOAT:
    return number_to_time(c, from, to, in, ret_value);
  default:
    sql_error_set(c->error, 40517, 16, "Converting %s to %s is not supported by the sandbox.",
                  sql_type_word(c->dialect, from->kind), sql_type_word(c->dialect, to->kind));
    return BR_ERR_REMOTE;
  }
}
