/*
 * Into bit, whole numbers, decimals and floating point. Decimals are exact; floating point takes a
 * decimal where its shortest text gives that decimal back, and the other way a decimal takes the
 * digits of that text, so that 0.1 is 0.1 in both.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "batch/cast_value.h"

enum { DIGITS_MAX = 38, NUMBER_TEXT_MAX = 512 };

static const int64_t powers_of_ten[] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

batch_i128 cast_ten_to(unsigned exponent) {
  enum { LAST = sizeof powers_of_ten / sizeof powers_of_ten[0] - 1 };
  batch_i128 power = 1;
  for (; exponent > LAST; exponent -= LAST) {
    power *= powers_of_ten[LAST];
  }
  return power * powers_of_ten[exponent];
}

static bool text_is(const cast_value *value, const char *word) {
  size_t length = strlen(word);
  if (value->length != length) {
    return false;
  }
  char text[16] = {0};
  memcpy(text, value->bytes, length);
  return br_text_equal_nocase(text, word);
}

/* "-123" and the like, the usual text of a whole number. */
static bool plain_integer(const char *text, size_t length, int64_t *ret_integer) {
  bool negative = length > 0 && text[0] == '-';
  size_t i = negative ? 1 : 0;
  if (i == length || length - i > 18) {
    return false;
  }
  int64_t integer = 0;
  for (; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
    integer = integer * 10 + (text[i] - '0');
  }
  *ret_integer = negative ? -integer : integer;
  return true;
}

/* A whole number of any size out of a value; BR_ERR_DATA where it is none. */
static br_status whole_number(const cast_target *target, const cast_value *value,
                              batch_i128 *ret_number, br_error *err) {
  int64_t integer = 0;
  switch (value->source) {
  case CAST_FROM_DECIMAL: {
    batch_i128 unit = cast_ten_to(value->scale);
    if (value->decimal % unit != 0) {
      return cast_is_no(target, value, err);
    }
    *ret_number = value->decimal / unit;
    return BR_OK;
  }
  case CAST_FROM_FLOAT:
    /* 2^126: what is larger fits nowhere. */
    if (!isfinite(value->number) || trunc(value->number) != value->number) {
      return cast_is_no(target, value, err);
    }
    if (fabs(value->number) > 0x1p126) {
      return cast_out_of_range(target, value, err);
    }
    *ret_number = (batch_i128)value->number;
    return BR_OK;
  case CAST_FROM_TEXT:
    if (plain_integer(value->bytes, value->length, &integer)) {
      *ret_number = integer;
      return BR_OK;
    }
    return batch_decimal_parse(value->bytes, value->length, DIGITS_MAX, 0, false, ret_number,
                               NULL) == BR_OK
               ? BR_OK
               : cast_is_no(target, value, err);
  default:
    *ret_number = value->integer;
    return BR_OK;
  }
}

br_status cast_store_bool(const cast_target *target, const cast_value *value, batch_column *out,
                          size_t row, br_error *err) {
  batch_i128 number = 0;
  if (value->source == CAST_FROM_TEXT && (text_is(value, "true") || text_is(value, "false"))) {
    number = value->length == 4 ? 1 : 0;
  } else {
    br_status st = whole_number(target, value, &number, err);
    if (st != BR_OK) {
      return st;
    }
  }
  if (number != 0 && number != 1) {
    return cast_is_no(target, value, err);
  }
  batch_column_set_bool(out, row, number == 1);
  return BR_OK;
}

br_status cast_store_int(const cast_target *target, const cast_value *value, batch_column *out,
                         size_t row, br_error *err) {
  batch_i128 number = value->integer;
  if (value->source != CAST_FROM_INT && value->source != CAST_FROM_BOOL) {
    br_status st = whole_number(target, value, &number, err);
    if (st != BR_OK) {
      return st;
    }
  }
  if (number < target->min || number > target->max) {
    return cast_out_of_range(target, value, err);
  }
  cast_put_int(out, row, (int64_t)number);
  return BR_OK;
}

/* From one scale to another; only zeros are dropped. */
static br_status rescale(const cast_target *target, const cast_value *value, batch_i128 number,
                         unsigned from, batch_i128 *ret_number, br_error *err) {
  unsigned to = target->type.scale;
  if (from == to) {
    *ret_number = number;
    return BR_OK;
  }
  if (from > to) {
    batch_i128 unit = cast_ten_to(from - to);
    if (number % unit != 0) {
      return br_error_set(err, BR_ERR_DATA, "the value has more than %u digits behind the point",
                          to);
    }
    *ret_number = number / unit;
    return BR_OK;
  }
  batch_i128 unit = cast_ten_to(to - from);
  batch_i128 most = cast_ten_to(DIGITS_MAX) / unit;
  if (number >= most || number <= -most) {
    return cast_out_of_range(target, value, err);
  }
  *ret_number = number * unit;
  return BR_OK;
}

static br_status parse_decimal(const cast_target *target, const char *text, size_t length,
                               batch_i128 *ret_number, br_error *err) {
  return batch_decimal_parse(text, length, target->type.precision, target->type.scale, false,
                             ret_number, err);
}

/* The usual double at once. Where a decimal of at most 15 digits is nearest to it, that decimal is
 * the number's shortest text: all such survive the way through a double. */
static bool short_decimal(const cast_value *value, unsigned scale, batch_i128 *ret_number) {
  enum { SCALE_MAX = 15 };
  if (value->is_single || scale > SCALE_MAX || !(fabs(value->number) < 1e15)) {
    return false;
  }
  double unit = (double)powers_of_ten[scale];
  double scaled = rint(value->number * unit);
  if (fabs(scaled) >= 1e15 || scaled / unit != value->number) {
    return false;
  }
  *ret_number = (batch_i128)(int64_t)scaled;
  return true;
}

static br_status decimal_of_float(const cast_target *target, const cast_value *value,
                                  batch_i128 *ret_number, br_error *err) {
  if (short_decimal(value, target->type.scale, ret_number)) {
    return BR_OK;
  }
  char text[64];
  cast_value_text(value, text, sizeof text);
  return parse_decimal(target, text, strlen(text), ret_number, err);
}

br_status cast_store_decimal(const cast_target *target, const cast_value *value, batch_column *out,
                             size_t row, br_error *err) {
  batch_i128 number = 0;
  br_status st = BR_OK;
  switch (value->source) {
  case CAST_FROM_TEXT:
    st = parse_decimal(target, value->bytes, value->length, &number, err);
    break;
  case CAST_FROM_FLOAT:
    st = decimal_of_float(target, value, &number, err);
    break;
  case CAST_FROM_DECIMAL:
    st = rescale(target, value, value->decimal, value->scale, &number, err);
    break;
  default:
    st = rescale(target, value, value->integer, 0, &number, err);
    break;
  }
  if (st != BR_OK) {
    return st;
  }
  batch_i128 limit = cast_ten_to(target->type.precision);
  if (number >= limit || number <= -limit ||
      (target->bounded && (number < target->min || number > target->max))) {
    return cast_out_of_range(target, value, err);
  }
  if (out->layout == BATCH_DECIMAL128) {
    batch_store_i128((uint8_t *)out->values + row * 16, number);
  } else {
    cast_put_int(out, row, (int64_t)number);
  }
  return BR_OK;
}

/* [+-]digits[.digits][e[+-]digits]: not all that strtod() takes. */
static bool is_number(const char *text) {
  const char *p = text + (*text == '-' || *text == '+' ? 1 : 0);
  size_t whole = strspn(p, "0123456789");
  p += whole;
  size_t behind = 0;
  if (*p == '.') {
    behind = strspn(++p, "0123456789");
    p += behind;
  }
  if (whole + behind == 0) {
    return false;
  }
  if (*p == 'e' || *p == 'E') {
    p++;
    p += *p == '-' || *p == '+' ? 1 : 0;
    size_t digits = strspn(p, "0123456789");
    p += digits;
    return digits > 0 && *p == '\0';
  }
  return *p == '\0';
}

/* The nearest number of the target's width to a text. */
static double nearest(const cast_target *target, const char *text) {
  return target->type.layout == BATCH_FLOAT ? (double)strtof(text, NULL) : strtod(text, NULL);
}

static br_status float_of_text(const cast_target *target, const cast_value *value,
                               double *ret_number, br_error *err) {
  char text[NUMBER_TEXT_MAX];
  if (!target->finite &&
      (text_is(value, "NaN") || text_is(value, "Infinity") || text_is(value, "-Infinity"))) {
    *ret_number = value->length == 3 ? (double)NAN : value->length == 8 ? HUGE_VAL : -HUGE_VAL;
    return BR_OK;
  }
  if (value->length >= sizeof text || memchr(value->bytes, '\0', value->length) != NULL) {
    return cast_is_no(target, value, err);
  }
  memcpy(text, value->bytes, value->length);
  text[value->length] = '\0';
  if (!is_number(text)) {
    return cast_is_no(target, value, err);
  }
  double number = nearest(target, text);
  /* Too large is infinite; too small is zero though a digit before the exponent is not. */
  size_t mantissa = strcspn(text, "eE");
  bool vanished = number == 0 && strcspn(text, "123456789") < mantissa;
  if (isinf(number) || vanished) {
    return cast_out_of_range(target, value, err);
  }
  *ret_number = number;
  return BR_OK;
}

static br_status float_of_float(const cast_target *target, const cast_value *value,
                                double *ret_number, br_error *err) {
  double number = value->number;
  if (!isfinite(number)) {
    *ret_number = number;
    return target->finite ? cast_is_no(target, value, err) : BR_OK;
  }
  if (target->type.layout == BATCH_FLOAT) {
    number = fabs(number) >= 0x1.FFFFFFp127 ? HUGE_VAL : (double)(float)number;
  }
  if (isinf(number) || (number == 0 && value->number != 0)) {
    return cast_out_of_range(target, value, err);
  }
  *ret_number = number;
  return BR_OK;
}

static br_status too_many_digits(const cast_target *target, const cast_value *value,
                                 br_error *err) {
  char text[64];
  cast_value_text(value, text, sizeof text);
  return br_error_set(err, BR_ERR_DATA, "%s has more digits than %s keeps", text, target->name);
}

static br_status float_of_decimal(const cast_target *target, const cast_value *value,
                                  double *ret_number, br_error *err) {
  char text[64];
  cast_value_text(value, text, sizeof text);
  cast_value back = {.source = CAST_FROM_FLOAT,
                     .number = nearest(target, text),
                     .is_single = target->type.layout == BATCH_FLOAT};
  batch_i128 again = 0;
  cast_value_text(&back, text, sizeof text);
  if (batch_decimal_parse(text, strlen(text), DIGITS_MAX, value->scale, false, &again, NULL) !=
          BR_OK ||
      again != value->decimal) {
    return too_many_digits(target, value, err);
  }
  *ret_number = back.number;
  return BR_OK;
}

static br_status float_of_int(const cast_target *target, const cast_value *value,
                              double *ret_number, br_error *err) {
  double number =
      target->type.layout == BATCH_FLOAT ? (double)(float)value->integer : (double)value->integer;
  /* 2^63 itself is no int64_t. */
  if (number >= 0x1p63 || (int64_t)number != value->integer) {
    return too_many_digits(target, value, err);
  }
  *ret_number = number;
  return BR_OK;
}

br_status cast_store_float(const cast_target *target, const cast_value *value, batch_column *out,
                           size_t row, br_error *err) {
  double number = 0;
  br_status st = BR_OK;
  switch (value->source) {
  case CAST_FROM_TEXT:
    st = float_of_text(target, value, &number, err);
    break;
  case CAST_FROM_FLOAT:
    st = float_of_float(target, value, &number, err);
    break;
  case CAST_FROM_DECIMAL:
    st = float_of_decimal(target, value, &number, err);
    break;
  default:
    st = float_of_int(target, value, &number, err);
    break;
  }
  if (st == BR_OK && out->layout == BATCH_FLOAT) {
    ((float *)out->values)[row] = (float)number;
  } else if (st == BR_OK) {
    ((double *)out->values)[row] = number;
  }
  return st;
}
