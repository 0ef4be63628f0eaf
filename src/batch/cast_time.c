/*
 * Into dates, times and timestamps. Instants are taken by their UTC clock. datetime and
 * smalldatetime have a grain that values are rounded to, as SQL Server does when it assigns.
 */
#include <string.h>

#include "batch/cast_value.h"

#define US_PER_MINUTE    INT64_C(60000000)
/* datetime counts 1/300 s. */
#define TICKS_PER_DAY    INT64_C(25920000)
#define TICKS_PER_MINUTE INT64_C(18000)

/* Digits of a second behind the microsecond, which a batch has no room for, may only be zeros.
 * text is a timestamp: it has one point at most. */
static bool is_exact_in_us(const char *text, size_t length) {
  const char *point = memchr(text, '.', length);
  if (point == NULL) {
    return true;
  }
  const char *end = text + length;
  const char *p = point + 1;
  for (int i = 0; p < end && *p >= '0' && *p <= '9'; i++, p++) {
    if (i >= 6 && *p != '0') {
      return false;
    }
  }
  return true;
}

/* Microseconds since 1970 of whatever names a moment. */
static br_status moment(const cast_target *target, const cast_value *value, int64_t *ret_us,
                        br_error *err) {
  switch (value->source) {
  case CAST_FROM_DATE:
    return __builtin_mul_overflow(value->integer, BATCH_US_PER_DAY, ret_us)
               ? cast_out_of_range(target, value, err)
               : BR_OK;
  case CAST_FROM_TEXT:
    if (batch_timestamp_parse(value->bytes, value->length, ret_us, NULL, NULL) != BR_OK) {
      return cast_is_no(target, value, err);
    }
    if (!is_exact_in_us(value->bytes, value->length)) {
      return br_error_set(err, BR_ERR_DATA, "the seconds have more than 6 digits behind the point");
    }
    return BR_OK;
  default:
    *ret_us = value->integer;
    return BR_OK;
  }
}

br_status cast_store_date(const cast_target *target, const cast_value *value, batch_column *out,
                          size_t row, br_error *err) {
  int64_t days = value->integer;
  if (value->source != CAST_FROM_DATE) {
    int64_t us = 0;
    int64_t rest = 0;
    br_status st = moment(target, value, &us, err);
    if (st != BR_OK) {
      return st;
    }
    days = batch_days_of_us(us, &rest);
    if (rest != 0) {
      return cast_is_no(target, value, err);
    }
  }
  if (days < target->min || days > target->max) {
    return cast_out_of_range(target, value, err);
  }
  cast_put_int(out, row, days);
  return BR_OK;
}

/* To the grain of datetime or smalldatetime. Seconds are rounded to 1/300 first in both, so that
 * 29.999 s is the next minute and 29.998 s is not. */
static int64_t to_grain(cast_grain grain, int64_t us) {
  int64_t rest = 0;
  int64_t days = batch_days_of_us(us, &rest);
  int64_t ticks = (rest * 3 + 5000) / 10000;
  if (grain == CAST_GRAIN_MINUTE) {
    int64_t minutes = (ticks + TICKS_PER_MINUTE / 2) / TICKS_PER_MINUTE;
    return days * BATCH_US_PER_DAY + minutes * US_PER_MINUTE;
  }
  /* In whole milliseconds, as SQL Server prints them. */
  int64_t ms = (ticks * 10 + 1) / 3;
  return ticks == TICKS_PER_DAY ? (days + 1) * BATCH_US_PER_DAY
                                : days * BATCH_US_PER_DAY + ms * 1000;
}

br_status cast_store_stamp(const cast_target *target, const cast_value *value, batch_column *out,
                           size_t row, br_error *err) {
  int64_t us = 0;
  br_status st = moment(target, value, &us, err);
  if (st != BR_OK) {
    return st;
  }
  if (us < target->min || us > target->max) {
    return cast_out_of_range(target, value, err);
  }
  if (target->grain != CAST_GRAIN_STEP) {
    us = to_grain(target->grain, us);
    if (us > target->max) {
      return cast_out_of_range(target, value, err);
    }
  } else if (target->step > 1 && us % target->step != 0) {
    char text[64];
    batch_timestamp_text(us, 6, text);
    return br_error_set(err, BR_ERR_DATA, "%s has more digits of a second than %s keeps", text,
                        target->name);
  }
  ((int64_t *)out->values)[row] = us;
  return BR_OK;
}

static br_status time_units(const cast_target *target, const cast_value *value, uint64_t *ret_units,
                            br_error *err) {
  if (value->source == CAST_FROM_TEXT) {
    return batch_time_parse(value->bytes, value->length, target->digits, ret_units, NULL) == BR_OK
               ? BR_OK
               : cast_is_no(target, value, err);
  }
  uint64_t units = (uint64_t)value->integer;
  for (unsigned digits = 6; digits < target->digits; digits++) {
    units *= 10;
  }
  for (unsigned digits = 6; digits > target->digits; digits--) {
    if (units % 10 != 0) {
      return cast_is_no(target, value, err);
    }
    units /= 10;
  }
  *ret_units = units;
  return BR_OK;
}

br_status cast_store_time(const cast_target *target, const cast_value *value, batch_column *out,
                          size_t row, br_error *err) {
  uint64_t units = 0;
  br_status st = time_units(target, value, &units, err);
  if (st != BR_OK) {
    return st;
  }
  if (out->layout == BATCH_STRING) {
    char text[20];
    batch_time_text(units, target->digits, text);
    return batch_column_append_bytes(out, row, text, strlen(text), err);
  }
  for (unsigned digits = target->digits; digits < 6; digits++) {
    units *= 10;
  }
  cast_put_int(out, row, (int64_t)units);
  return BR_OK;
}
