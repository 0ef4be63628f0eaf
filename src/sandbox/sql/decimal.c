/*
 * decimal.c: decimals of up to 38 digits: 128-bit integers at a scale, with 512 bits between a
 * multiplication or division and its result.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sql/value.h"

__extension__ typedef unsigned __int128 u128;

enum { LIMBS = 16 };

/* A magnitude, least significant limb first. */
typedef struct wide {
  uint32_t limb[LIMBS];
} wide;

batch_i128 sql_power10(unsigned exponent) {
  batch_i128 power = 1;
  for (unsigned i = 0; i < exponent && i < 38; i++) {
    power *= 10;
  }
  return power;
}

static u128 magnitude(batch_i128 value) {
  return value < 0 ? (u128)0 - (u128)value : (u128)value;
}

bool sql_decimal_fits(batch_i128 value, unsigned precision) {
  return magnitude(value) < (u128)sql_power10(precision);
}

batch_i128 sql_decimal_get(const sql_value *value) {
  if (value->form != SQL_FORM_BLOB || value->n != 16) {
    return value->i;
  }
  u128 v = 0;
  for (size_t i = 0; i < 16; i++) {
    v = v << 8 | (uint8_t)value->p[i];
  }
  return (batch_i128)(v ^ (u128)1 << 127);
}

sql_value sql_decimal_put(batch_i128 value, unsigned precision, sql_scratch *scratch) {
  if (precision <= 18) {
    return sql_value_integer((int64_t)value);
  }
  u128 v = (u128)value ^ (u128)1 << 127;
  for (size_t i = 16; i-- > 0;) {
    scratch->fixed[i] = (uint8_t)v;
    v >>= 8;
  }
  return sql_value_blob(scratch->fixed, 16);
}

static wide wide_of(u128 value) {
  wide w = {{0}};
  for (size_t i = 0; i < 4; i++) {
    w.limb[i] = (uint32_t)value;
    value >>= 32;
  }
  return w;
}

/* w × factor + add. */
static void wide_scale(wide *w, uint32_t factor, uint32_t add) {
  uint64_t carry = add;
  for (size_t i = 0; i < LIMBS; i++) {
    carry += (uint64_t)w->limb[i] * factor;
    w->limb[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

static void wide_power10(wide *w, unsigned exponent) {
  while (exponent-- > 0) {
    wide_scale(w, 10, 0);
  }
}

static wide wide_multiply(u128 a, u128 b) {
  wide w = {{0}};
  wide x = wide_of(a);
  for (size_t i = 0; i < 4; i++) {
    uint64_t carry = 0;
    uint32_t y = (uint32_t)(b >> (32 * i));
    for (size_t j = 0; j < 5; j++) {
      carry += (uint64_t)x.limb[j] * y + w.limb[i + j];
      w.limb[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
  }
  return w;
}

static u128 wide_low(const wide *w) {
  return (u128)w->limb[3] << 96 | (u128)w->limb[2] << 64 | (u128)w->limb[1] << 32 | w->limb[0];
}

static bool wide_fits(const wide *w) {
  for (size_t i = 4; i < LIMBS; i++) {
    if (w->limb[i] != 0) {
      return false;
    }
  }
  return wide_low(w) < (u128)sql_power10(38);
}

/* w / divisor bit by bit; the remainder (always below the divisor) says how to round. */
static wide wide_divide(const wide *w, u128 divisor, u128 *ret_remainder) {
  wide quotient = {{0}};
  u128 remainder = 0;
  for (size_t bit = (size_t)LIMBS * 32; bit-- > 0;) {
    bool top = remainder >> 127 != 0;
    remainder = remainder << 1 | (w->limb[bit / 32] >> (bit % 32) & 1U);
    if (top || remainder >= divisor) {
      remainder -= divisor;
      quotient.limb[bit / 32] |= 1U << (bit % 32);
    }
  }
  *ret_remainder = remainder;
  return quotient;
}

static bool finish(const wide *w, bool negative, batch_i128 *ret_value) {
  if (!wide_fits(w)) {
    return false;
  }
  batch_i128 value = (batch_i128)wide_low(w);
  *ret_value = negative ? -value : value;
  return true;
}

static void round_up(wide *quotient, u128 remainder, u128 divisor) {
  if (remainder >= divisor - remainder) {
    wide_scale(quotient, 1, 1);
  }
}

bool sql_decimal_rescale(batch_i128 value, unsigned from, unsigned to, bool round,
                         batch_i128 *ret_value) {
  if (to >= from) {
    wide w = wide_of(magnitude(value));
    wide_power10(&w, to - from);
    return finish(&w, value < 0, ret_value);
  }
  unsigned digits = from - to;
  if (digits > 38) { /* not even half of the last digit that stays */
    *ret_value = 0;
    return true;
  }
  u128 divisor = (u128)sql_power10(digits);
  u128 m = magnitude(value);
  u128 quotient = m / divisor;
  if (round && m % divisor >= divisor - m % divisor) {
    quotient++;
  }
  *ret_value = value < 0 ? -(batch_i128)quotient : (batch_i128)quotient;
  return true;
}

static bool wide_less(const wide *a, const wide *b) {
  for (size_t i = LIMBS; i-- > 0;) {
    if (a->limb[i] != b->limb[i]) {
      return a->limb[i] < b->limb[i];
    }
  }
  return false;
}

/* a + b, or a - b where a is not less. */
static wide wide_join(const wide *a, const wide *b, bool subtract) {
  wide w = {{0}};
  int64_t carry = 0;
  for (size_t i = 0; i < LIMBS; i++) {
    carry += (int64_t)a->limb[i] + (subtract ? -(int64_t)b->limb[i] : (int64_t)b->limb[i]);
    w.limb[i] = (uint32_t)carry;
    carry = carry < 0 ? -1 : carry >> 32;
  }
  return w;
}

bool sql_decimal_add(batch_i128 a, unsigned scale_a, batch_i128 b, unsigned scale_b, unsigned scale,
                     batch_i128 *ret_value) {
  const unsigned common = scale_a > scale_b ? scale_a : scale_b;
  wide x = wide_of(magnitude(a));
  wide y = wide_of(magnitude(b));
  wide_power10(&x, common - scale_a);
  wide_power10(&y, common - scale_b);
  const bool differ = (a < 0) != (b < 0);
  const bool swap = differ && wide_less(&x, &y);
  wide w = swap ? wide_join(&y, &x, true) : wide_join(&x, &y, differ);
  if (scale < common) {
    const u128 divisor = (u128)sql_power10(common - scale);
    u128 remainder = 0;
    w = wide_divide(&w, divisor, &remainder);
    round_up(&w, remainder, divisor);
  } else {
    wide_power10(&w, scale - common);
  }
  return finish(&w, swap ? b < 0 : a < 0, ret_value);
}

bool sql_decimal_multiply(batch_i128 a, batch_i128 b, unsigned scale_of_both, unsigned scale,
                          batch_i128 *ret_value) {
  wide w = wide_multiply(magnitude(a), magnitude(b));
  unsigned drop = scale_of_both - scale;
  while (drop > 0) { /* only the last division rounds */
    unsigned digits = drop > 38 ? 38 : drop;
    u128 remainder = 0;
    w = wide_divide(&w, (u128)sql_power10(digits), &remainder);
    drop -= digits;
    if (drop == 0) {
      round_up(&w, remainder, (u128)sql_power10(digits));
    }
  }
  return finish(&w, (a < 0) != (b < 0), ret_value);
}

bool sql_decimal_divide(batch_i128 a, unsigned scale_a, batch_i128 b, unsigned scale_b,
                        unsigned scale, bool round, batch_i128 *ret_value) {
  wide w = wide_of(magnitude(a));
  u128 divisor = magnitude(b);
  u128 remainder = 0;
  /* a / 10^sa ÷ b / 10^sb = a × 10^(scale + sb - sa) ÷ b at the scale. */
  if (scale + scale_b >= scale_a) {
    wide_power10(&w, scale + scale_b - scale_a);
  } else {
    w = wide_divide(&w, (u128)sql_power10(scale_a - scale - scale_b), &remainder);
  }
  w = wide_divide(&w, divisor, &remainder);
  if (round) {
    round_up(&w, remainder, divisor);
  }
  return finish(&w, (a < 0) != (b < 0), ret_value);
}

double sql_decimal_double(batch_i128 value, unsigned scale) {
  /* Through text: exactly the nearest double. */
  char text[64];
  batch_decimal_text(value, scale, text, sizeof text);
  return strtod(text, NULL);
}

bool sql_decimal_of_double(double d, unsigned scale, batch_i128 *ret_value) {
  if (!isfinite(d) || fabs(d) >= 1e39) {
    return false;
  }
  /* 17 digits say which double it is; SQL Server keeps them and fills up with zeros. */
  char text[400];
  (void)snprintf(text, sizeof text, "%.16e", d);
  char *e = strchr(text, 'e');
  long exponent = strtol(e + 1, NULL, 10);
  batch_i128 mantissa = 0;
  for (const char *p = text; p < e; p++) {
    if (*p >= '0' && *p <= '9') {
      mantissa = mantissa * 10 + (*p - '0');
    }
  }
  if (text[0] == '-') {
    mantissa = -mantissa;
  }
  long from = 16 - exponent; /* digits behind the point */
  if (from < 0) {
    wide w = wide_of(magnitude(mantissa));
    wide_power10(&w, (unsigned)-from + scale);
    return finish(&w, mantissa < 0, ret_value);
  }
  if (from - (long)scale > 38) {
    *ret_value = 0;
    return true;
  }
  if (from >= (long)scale) {
    return sql_decimal_rescale(mantissa, (unsigned)(from - (long)scale), 0, true, ret_value);
  }
  return sql_decimal_rescale(mantissa, 0, scale - (unsigned)from, true, ret_value);
}
