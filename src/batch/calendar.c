/*
 * The dates and times of value.h. The calendar is counted in cycles of 400 years (146,097 days)
 * from 1 March, so that the leap day is the last of its year.
 */
#include <stdio.h>

#include "base/secret.h"
#include "batch/value.h"

enum { DAYS_PER_CYCLE = 146097, DAYS_TO_1970 = 719468 };
#define US_PER_SECOND INT64_C(1000000)

int32_t batch_days_of_civil(int year, unsigned month, unsigned day) {
  int y = month <= 2 ? year - 1 : year;
  int cycle = (y >= 0 ? y : y - 399) / 400;
  int year_of_cycle = y - cycle * 400;
  int month_from_march = month > 2 ? (int)month - 3 : (int)month + 9;
  int day_of_year = (153 * month_from_march + 2) / 5 + (int)day - 1;
  int day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
  return (int32_t)(cycle * DAYS_PER_CYCLE + day_of_cycle - DAYS_TO_1970);
}

void batch_civil_of_days(int32_t days, int *ret_year, unsigned *ret_month, unsigned *ret_day) {
  int64_t z = (int64_t)days + DAYS_TO_1970;
  int64_t cycle = (z >= 0 ? z : z - (DAYS_PER_CYCLE - 1)) / DAYS_PER_CYCLE;
  unsigned day_of_cycle = (unsigned)(z - cycle * DAYS_PER_CYCLE);
  unsigned year_of_cycle =
      (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
  unsigned day_of_year =
      day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  unsigned month_from_march = (5 * day_of_year + 2) / 153;
  *ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  *ret_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  *ret_year = (int)(cycle * 400 + year_of_cycle + (*ret_month <= 2 ? 1 : 0));
}

/* Text and a place in it; the take_ functions move on only where they find what they look for. */
typedef struct cursor {
  const char *p;
  const char *end;
} cursor;

static bool take_digits(cursor *c, unsigned count, unsigned *ret_number) {
  if ((size_t)(c->end - c->p) < count) {
    return false;
  }
  unsigned number = 0;
  for (unsigned i = 0; i < count; i++) {
    if (c->p[i] < '0' || c->p[i] > '9') {
      return false;
    }
    number = number * 10 + (unsigned)(c->p[i] - '0');
  }
  c->p += count;
  *ret_number = number;
  return true;
}

static bool take(cursor *c, char wanted) {
  if (c->p == c->end || *c->p != wanted) {
    return false;
  }
  c->p++;
  return true;
}

static unsigned days_in_month(unsigned year, unsigned month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

static bool take_date(cursor *c, int32_t *ret_days) {
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!take_digits(c, 4, &year) || !take(c, '-') || !take_digits(c, 2, &month) || !take(c, '-') ||
      !take_digits(c, 2, &day)) {
    return false;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
    return false;
  }
  *ret_days = batch_days_of_civil((int)year, month, day);
  return true;
}

/* One to nine digits as microseconds. */
static bool take_fraction(cursor *c, int64_t *ret_us) {
  int64_t us = 0;
  unsigned count = 0;
  unsigned digit = 0;
  while (count < 9 && take_digits(c, 1, &digit)) {
    us = count < 6 ? us * 10 + digit : us;
    count++;
  }
  for (unsigned i = count; i < 6; i++) {
    us *= 10;
  }
  *ret_us = us;
  return count > 0;
}

static bool take_time(cursor *c, int64_t *ret_us) {
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  int64_t fraction = 0;
  if (!take_digits(c, 2, &hour) || !take(c, ':') || !take_digits(c, 2, &minute)) {
    return false;
  }
  if (take(c, ':') && !take_digits(c, 2, &second)) {
    return false;
  }
  if (take(c, '.') && !take_fraction(c, &fraction)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) {
    return false;
  }
  *ret_us = (int64_t)(hour * 3600 + minute * 60 + second) * US_PER_SECOND + fraction;
  return true;
}

/* "Z", "+02:00", with or without a blank in front; nothing at all is fine too. */
static bool take_zone(cursor *c, bool *ret_has_zone, int64_t *ret_offset_us) {
  *ret_has_zone = false;
  *ret_offset_us = 0;
  if (c->p == c->end) {
    return true;
  }
  (void)take(c, ' ');
  *ret_has_zone = true;
  if (take(c, 'Z')) {
    return true;
  }
  bool negative = c->p < c->end && *c->p == '-';
  unsigned hours = 0;
  unsigned minutes = 0;
  if (!(take(c, '+') || take(c, '-')) || !take_digits(c, 2, &hours) || !take(c, ':') ||
      !take_digits(c, 2, &minutes) || hours > 18 || minutes > 59) {
    return false;
  }
  int64_t offset = (int64_t)(hours * 60 + minutes) * 60 * US_PER_SECOND;
  *ret_offset_us = negative ? -offset : offset;
  return true;
}

static uint64_t ten_to(unsigned exponent) {
  uint64_t power = 1;
  while (exponent-- > 0) {
    power *= 10;
  }
  return power;
}

enum { SHOWN_MAX = 64 };

/* "'text' is no date" */
static br_status is_no(const char *text, size_t length, const char *what, br_error *err) {
  if (err == NULL) {
    return BR_ERR_DATA; /* a caller that only tries */
  }
  char shown[SHOWN_MAX + BR_EXCERPT_MORE];
  (void)br_secret_excerpt(shown, SHOWN_MAX, text, length);
  return br_error_set(err, BR_ERR_DATA, "'%s' is %s", shown, what);
}

br_status batch_date_parse(const char *text, size_t length, int32_t *ret_days, br_error *err) {
  cursor c = {text, text + length};
  int32_t days = 0;
  if (!take_date(&c, &days) || c.p != c.end) {
    return is_no(text, length, "not a date", err);
  }
  *ret_days = days;
  return BR_OK;
}

br_status batch_timestamp_parse(const char *text, size_t length, int64_t *ret_us,
                                bool *ret_has_zone, br_error *err) {
  cursor c = {text, text + length};
  int32_t days = 0;
  int64_t time_us = 0;
  int64_t offset_us = 0;
  bool has_zone = false;
  bool ok = take_date(&c, &days);
  if (ok && c.p != c.end) {
    ok = (take(&c, 'T') || take(&c, ' ')) && take_time(&c, &time_us) &&
         take_zone(&c, &has_zone, &offset_us) && c.p == c.end;
  }
  if (!ok) {
    return is_no(text, length, "not a date with time", err);
  }
  *ret_us = days * BATCH_US_PER_DAY + time_us - offset_us;
  if (ret_has_zone != NULL) {
    *ret_has_zone = has_zone;
  }
  return BR_OK;
}

/* ".digits" as `wanted` digits, those behind them zeros; nothing at all is fine too. */
static bool take_exact_fraction(cursor *c, unsigned wanted, uint64_t *ret_units) {
  uint64_t units = 0;
  unsigned count = 0;
  unsigned digit = 0;
  if (take(c, '.')) {
    while (take_digits(c, 1, &digit)) {
      if (count >= wanted && digit != 0) {
        return false;
      }
      units = count < wanted ? units * 10 + digit : units;
      count++;
    }
    if (count == 0) {
      return false;
    }
  }
  *ret_units = count < wanted ? units * ten_to(wanted - count) : units;
  return true;
}

br_status batch_time_parse(const char *text, size_t length, unsigned digits, uint64_t *ret_units,
                           br_error *err) {
  cursor c = {text, text + length};
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  uint64_t fraction = 0;
  bool ok = take_digits(&c, 2, &hour) && take(&c, ':') && take_digits(&c, 2, &minute);
  if (ok && take(&c, ':')) {
    ok = take_digits(&c, 2, &second) && take_exact_fraction(&c, digits, &fraction);
  }
  if (!ok || c.p != c.end || hour > 23 || minute > 59 || second > 59) {
    char what[24];
    (void)snprintf(what, sizeof what, "no time(%u)", digits);
    return is_no(text, length, what, err);
  }
  *ret_units = (uint64_t)(hour * 3600 + minute * 60 + second) * ten_to(digits) + fraction;
  return BR_OK;
}

/* Two digits and what follows them. */
static char *put_two(char *p, unsigned number, char behind) {
  p[0] = (char)('0' + number / 10 % 10);
  p[1] = (char)('0' + number % 10);
  p[2] = behind;
  return p + 3;
}

void batch_time_text(uint64_t units, unsigned digits, char *text) {
  digits = digits > 7 ? 7 : digits;
  uint64_t one_second = ten_to(digits);
  /* A number over a day can't come from a time; it must not overrun text either. */
  unsigned seconds = (unsigned)(units / one_second % 86400);
  uint64_t fraction = units % one_second;
  char *p = put_two(text, seconds / 3600, ':');
  p = put_two(p, seconds / 60 % 60, ':');
  p = put_two(p, seconds % 60, '\0');
  if (digits > 0) {
    p[-1] = '.';
    for (unsigned i = digits; i > 0; i--) {
      p[i - 1] = (char)('0' + fraction % 10);
      fraction /= 10;
    }
    p[digits] = '\0';
  }
}

void batch_date_text(int32_t days, char *text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  batch_civil_of_days(days, &year, &month, &day);
  if (year >= 0 && year <= 9999) {
    (void)put_two(text, (unsigned)year / 100, '\0');
    (void)put_two(text + 2, (unsigned)year % 100, '-');
    char *p = put_two(text + 5, month, '-');
    (void)put_two(p, day, '\0');
    return;
  }
  /* Seven digits are the most that days of 32 bits can have. */
  unsigned positive = (unsigned)(year < 0 ? -year : year) % 10000000U;
  (void)snprintf(text, 16, "%s%04u-%02u-%02u", year < 0 ? "-" : "", positive, month % 100,
                 day % 100);
}

void batch_timestamp_text(int64_t us, unsigned digits, char *text) {
  digits = digits > 6 ? 6 : digits;
  int64_t time_us = 0;
  const int64_t days = batch_days_of_us(us, &time_us);
  batch_date_text((int32_t)days, text);
  char *p = text;
  while (*p != '\0') {
    p++;
  }
  *p++ = ' ';
  batch_time_text((uint64_t)time_us / ten_to(6 - digits), digits, p);
}
