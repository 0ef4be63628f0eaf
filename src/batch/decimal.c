/* The decimals of value.h: 128-bit integers with a scale, to text and back. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "batch/value.h"

__extension__ typedef unsigned __int128 batch_u128;

enum { DIGITS_MAX = 38, EXPONENT_MAX = 100000 };

batch_i128 batch_load_i128(const uint8_t *little_endian) {
  batch_u128 low = br_load_u64le(little_endian);
  batch_u128 high = br_load_u64le(little_endian + 8);
  return (batch_i128)(high << 64 | low);
}

void batch_store_i128(uint8_t *little_endian, batch_i128 value) {
  br_store_u64le(little_endian, (uint64_t)(batch_u128)value);
  br_store_u64le(little_endian + 8, (uint64_t)((batch_u128)value >> 64));
}

void batch_decimal_text(batch_i128 value, unsigned scale, char *text, size_t size) {
  if (scale > DIGITS_MAX) {
    scale = DIGITS_MAX;
  }
  /* Sign, 39 digits of 2^127, "0." in front of a pure fraction, NUL. */
  char digits[48];
  char *p = digits + sizeof digits;
  *--p = '\0';
  bool negative = value < 0;
  batch_u128 rest = negative ? (batch_u128)0 - (batch_u128)value : (batch_u128)value;
  unsigned count = 0;
  do {
    *--p = (char)('0' + (unsigned)(rest % 10));
    rest /= 10;
    count++;
    if (count == scale) {
      *--p = '.';
    }
  } while (rest != 0 || count <= scale);
  if (negative) {
    *--p = '-';
  }
  (void)snprintf(text, size, "%s", p);
}

/* The pieces of a number in text. */
typedef struct number_text {
  bool negative;
  const char *digits; /* with at most one point among them */
  size_t length;
  size_t whole; /* digits in front of the point */
  long exponent;
} number_text;

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* "[+-]digits" at p up to end; too large is cut at EXPONENT_MAX, which overflows or is zero. */
static bool split_exponent(const char *p, const char *end, long *ret_exponent) {
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) {
    p++;
  }
  if (p == end) {
    return false;
  }
  long exponent = 0;
  for (; p < end; p++) {
    if (!is_digit(*p)) {
      return false;
    }
    exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*p - '0') : exponent;
  }
  *ret_exponent = negative ? -exponent : exponent;
  return true;
}

static bool split_number(const char *text, size_t length, number_text *ret_number) {
  const char *p = text;
  const char *end = text + length;
  number_text number = {.negative = length > 0 && *p == '-'};
  if (p < end && (*p == '-' || *p == '+')) {
    p++;
  }
  number.digits = p;
  bool point = false;
  size_t count = 0;
  for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
    if (*p == '.') {
      point = true;
    } else {
      count++;
      number.whole += point ? 0 : 1;
    }
  }
  number.length = (size_t)(p - number.digits);
  if (count == 0) {
    return false;
  }
  if (p < end) {
    if ((*p != 'e' && *p != 'E') || !split_exponent(p + 1, end, &number.exponent)) {
      return false;
    }
  }
  *ret_number = number;
  return true;
}

static batch_u128 power_of_ten(unsigned exponent) {
  batch_u128 power = 1;
  while (exponent-- > 0) {
    power *= 10;
  }
  return power;
}

typedef enum scaling { SCALED, SCALED_TOO_LARGE, SCALED_TOO_FINE } scaling;

/* value * 10 + digit, as long as it stays below limit, a power of ten. */
static bool push_digit(batch_u128 *value, unsigned digit, batch_u128 limit) {
  if (*value >= limit / 10) {
    return false;
  }
  *value = *value * 10 + digit;
  return true;
}

/* The number × 10^scale, below limit = 10^precision. */
static scaling scale_number(const number_text *number, unsigned scale, bool round, batch_u128 limit,
                            batch_u128 *ret_value) {
  batch_u128 value = 0;
  /* Digits that count: those down to 10^-scale. May be negative, then all are too small. */
  long wanted = (long)number->whole + number->exponent + (long)scale;
  bool too_fine = false;
  bool up = false;
  long seen = 0;
  for (size_t i = 0; i < number->length; i++) {
    if (number->digits[i] == '.') {
      continue;
    }
    unsigned digit = (unsigned)(number->digits[i] - '0');
    if (seen < wanted) {
      if (!push_digit(&value, digit, limit)) {
        return SCALED_TOO_LARGE;
      }
    } else {
      too_fine = too_fine || digit != 0;
      up = up || (seen == wanted && digit >= 5);
    }
    seen++;
  }
  for (; value != 0 && seen < wanted; seen++) {
    if (!push_digit(&value, 0, limit)) {
      return SCALED_TOO_LARGE;
    }
  }
  if (too_fine && !round) {
    return SCALED_TOO_FINE;
  }
  value += up ? 1 : 0;
  if (value >= limit) {
    return SCALED_TOO_LARGE;
  }
  *ret_value = value;
  return SCALED;
}

br_status batch_decimal_parse(const char *text, size_t length, unsigned precision, unsigned scale,
                              bool round, batch_i128 *ret_value, br_error *err) {
  enum { SHOWN_MAX = 64 };
  char shown[SHOWN_MAX + BR_EXCERPT_MORE];
  if (precision < 1 || precision > DIGITS_MAX || scale > precision) {
    return br_error_set(err, BR_ERR_DATA, "decimal(%u,%u) can't be", precision, scale);
  }
  number_text number;
  if (!split_number(text, length, &number)) {
    (void)br_secret_excerpt(shown, SHOWN_MAX, text, length);
    return br_error_set(err, BR_ERR_DATA, "'%s' is not a number", shown);
  }
  batch_u128 value = 0;
  switch (scale_number(&number, scale, round, power_of_ten(precision), &value)) {
  case SCALED:
    *ret_value = number.negative ? -(batch_i128)value : (batch_i128)value;
    return BR_OK;
  case SCALED_TOO_LARGE:
    (void)br_secret_excerpt(shown, SHOWN_MAX, text, length);
    return br_error_set(err, BR_ERR_DATA, "'%s' does not fit into decimal(%u,%u)", shown, precision,
                        scale);
  case SCALED_TOO_FINE:
    break;
  }
  (void)br_secret_excerpt(shown, SHOWN_MAX, text, length);
  return br_error_set(err, BR_ERR_DATA, "'%s' has more than %u digits behind the point", shown,
                      scale);
}
