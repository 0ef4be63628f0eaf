/*
 * convert_number.c: to integers, decimal, money and float.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sql/convert.h"

static void trim(const char **text, size_t *length) {
  while (*length > 0 && sql_is_blank((*text)[0])) {
    (*text)++;
    (*length)--;
  }
  while (*length > 0 && sql_is_blank((*text)[*length - 1])) {
    (*length)--;
  }
}

bool sql_parse_decimal(const char *text, size_t length, batch_i128 *ret_mantissa, int *ret_scale,
                       bool *ret_overflow) {
  trim(&text, &length);
  bool negative = length > 0 && text[0] == '-';
  if (length > 0 && (text[0] == '-' || text[0] == '+')) {
    text++;
    length--;
    trim(&text, &length);
  }
  batch_i128 mantissa = 0;
  int scale = 0;
  size_t digits = 0;
  bool point = false;
  *ret_overflow = false;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') {
      return false;
    }
    digits++;
    if (!sql_decimal_fits(mantissa, 37)) { /* full: digits behind the point are dropped */
      *ret_overflow = *ret_overflow || !point;
      continue;
    }
    mantissa = mantissa * 10 + (c - '0');
    scale += point;
  }
  *ret_mantissa = negative ? -mantissa : mantissa;
  *ret_scale = scale;
  return digits > 0;
}

bool sql_parse_double(const char *text, size_t length, double *ret_value) {
  char copy[400];
  trim(&text, &length);
  if (length == 0 || length >= sizeof copy) {
    return false;
  }
  for (size_t i = 0; i < length; i++) { /* no hex, no INF, no NAN */
    if (strchr("0123456789.eE+-", text[i]) == NULL || text[i] == '\0') {
      return false;
    }
  }
  memcpy(copy, text, length);
  copy[length] = '\0';
  char *end = NULL;
  double d = strtod(copy, &end);
  if (*end != '\0' || !isfinite(d)) {
    return false;
  }
  *ret_value = d;
  return true;
}

static bool integer_range(sql_kind kind, int64_t *ret_low, int64_t *ret_high) {
  switch (kind) {
  case SQL_TINYINT:
    *ret_low = 0;
    *ret_high = UINT8_MAX;
    return true;
  case SQL_BYTE:
    *ret_low = INT8_MIN;
    *ret_high = INT8_MAX;
    return true;
  case SQL_SMALLINT:
    *ret_low = INT16_MIN;
    *ret_high = INT16_MAX;
    return true;
  case SQL_INT:
    *ret_low = INT32_MIN;
    *ret_high = INT32_MAX;
    return true;
  default:
    *ret_low = INT64_MIN;
    *ret_high = INT64_MAX;
    return true;
  }
}

/* A whole number into an integer type. */
static br_status put_integer(sql_conversion *c, const sql_type *from, const sql_type *to,
                             const sql_value *in, batch_i128 value, sql_value *ret_value) {
  int64_t low = 0;
  int64_t high = 0;
  if (to->kind == SQL_BIT) {
    *ret_value = sql_value_integer(value != 0);
    return BR_OK;
  }
  (void)integer_range(to->kind, &low, &high);
  if (value < low || value > high) {
    return sql_conversion_overflow(c, from, to, in);
  }
  *ret_value = sql_value_integer((int64_t)value);
  return BR_OK;
}

/* An exact number (mantissa × 10^-scale) into any number type. */
static br_status put_exact(sql_conversion *c, const sql_type *from, const sql_type *to,
                           const sql_value *in, batch_i128 mantissa, unsigned scale,
                           sql_value *ret_value) {
  batch_i128 value = 0;
  switch (sql_type_family(to->kind)) {
  case SQL_FAMILY_INTEGER:
    /* T-SQL cuts the fraction of numeric, and rounds that of money. */
    if (to->kind == SQL_BIT) {
      value = mantissa;
    } else if (!sql_decimal_rescale(mantissa, scale, 0,
                                    sql_type_family(from->kind) == SQL_FAMILY_MONEY, &value)) {
      return sql_conversion_overflow(c, from, to, in);
    }
    return put_integer(c, from, to, in, value, ret_value);
  case SQL_FAMILY_DECIMAL:
    if (!sql_decimal_rescale(mantissa, scale, to->scale, true, &value) ||
        !sql_decimal_fits(value, to->precision)) {
      return sql_conversion_overflow(c, from, to, in);
    }
    *ret_value = sql_decimal_put(value, to->precision, c->scratch);
    return BR_OK;
  case SQL_FAMILY_MONEY: {
    int64_t limit = to->kind == SQL_MONEY ? INT64_MAX : INT32_MAX;
    if (!sql_decimal_rescale(mantissa, scale, 4, true, &value) || value > limit ||
        value < -(batch_i128)limit - 1) {
      return sql_conversion_overflow(c, from, to, in);
    }
    *ret_value = sql_value_integer((int64_t)value);
    return BR_OK;
  }
  default: {
    double d = sql_decimal_double(mantissa, scale);
    *ret_value = sql_value_real(to->kind == SQL_REAL ? (double)(float)d : d);
    return BR_OK;
  }
  }
}

static br_status put_double(sql_conversion *c, const sql_type *from, const sql_type *to,
                            const sql_value *in, double d, sql_value *ret_value) {
  batch_i128 value = 0;
  switch (sql_type_family(to->kind)) {
  case SQL_FAMILY_INTEGER:
    if (to->kind == SQL_BIT) {
      *ret_value = sql_value_integer(d != 0);
      return BR_OK;
    }
    if (!(fabs(d) < 1e37)) {
      return sql_conversion_overflow(c, from, to, in);
    }
    return put_integer(c, from, to, in, (batch_i128)trunc(d), ret_value);
  case SQL_FAMILY_DECIMAL:
    if (!sql_decimal_of_double(d, to->scale, &value) || !sql_decimal_fits(value, to->precision)) {
      return sql_conversion_overflow(c, from, to, in);
    }
    *ret_value = sql_decimal_put(value, to->precision, c->scratch);
    return BR_OK;
  case SQL_FAMILY_MONEY:
    if (!sql_decimal_of_double(d, 4, &value)) {
      return sql_conversion_overflow(c, from, to, in);
    }
    return put_exact(c, from, to, in, value, 4, ret_value);
  default:
    if (to->kind == SQL_REAL) {
      if (fabs(d) > (double)FLT_MAX) {
        if (c->dialect == ENGINE_TSQL) {
          sql_error_set(c->error, 232, 16, "Arithmetic overflow error for type real, value = %f.",
                        d);
          return BR_ERR_REMOTE;
        }
        return sql_conversion_overflow(c, from, to, in);
      }
      d = (double)(float)d;
    }
    *ret_value = sql_value_real(d);
    return BR_OK;
  }
}

static bool equals_word(const char *text, size_t length, const char *word) {
  if (strlen(word) != length) {
    return false;
  }
  for (size_t i = 0; i < length; i++) {
    if ((text[i] | 0x20) != word[i]) {
      return false;
    }
  }
  return true;
}

static bool text_to_bool(engine_dialect dialect, const char *text, size_t length, bool *ret_value) {
  static const char *const databricks_true[] = {"true", "t", "yes", "y", "1"};
  static const char *const databricks_false[] = {"false", "f", "no", "n", "0"};
  trim(&text, &length);
  size_t count = dialect == ENGINE_TSQL ? 1 : 5;
  for (size_t i = 0; i < count; i++) {
    if (equals_word(text, length, databricks_true[i]) ||
        equals_word(text, length, databricks_false[i])) {
      *ret_value = equals_word(text, length, databricks_true[i]);
      return true;
    }
  }
  return (length == 1 && (text[0] == '0' || text[0] == '1')) &&
         ((*ret_value = text[0] == '1'), true);
}

/* Money may carry a currency sign and thousands separators. */
static br_status text_to_money(sql_conversion *c, const sql_type *from, const sql_type *to,
                               const sql_value *in, sql_value *ret_value) {
  char copy[64];
  size_t used = 0;
  batch_i128 mantissa = 0;
  int scale = 0;
  bool overflow = false;
  for (size_t i = 0; i < in->n; i++) {
    if (in->p[i] == ',' || in->p[i] == '$') {
      continue;
    }
    if (used == sizeof copy) {
      return sql_conversion_failed(c, from, to, in);
    }
    copy[used++] = in->p[i];
  }
  const char *rest = copy;
  size_t rest_length = used;
  trim(&rest, &rest_length);
  if (rest_length == 0) {
    *ret_value = sql_value_integer(0);
    return BR_OK;
  }
  if (!sql_parse_decimal(copy, used, &mantissa, &scale, &overflow)) {
    return sql_conversion_failed(c, from, to, in);
  }
  return overflow ? sql_conversion_overflow(c, from, to, in)
                  : put_exact(c, from, to, in, mantissa, (unsigned)scale, ret_value);
}

static br_status text_to_integer(sql_conversion *c, const sql_type *from, const sql_type *to,
                                 const sql_value *in, sql_value *ret_value) {
  batch_i128 mantissa = 0;
  int scale = 0;
  bool overflow = false;
  bool flag = false;
  const char *text = in->p;
  size_t length = in->n;
  trim(&text, &length);
  if (to->kind == SQL_BIT && text_to_bool(c->dialect, in->p, in->n, &flag)) {
    *ret_value = sql_value_integer(flag);
    return BR_OK;
  }
  if (length == 0 && c->dialect == ENGINE_TSQL) {
    *ret_value = sql_value_integer(0); /* an empty string is 0 */
    return BR_OK;
  }
  bool good = sql_parse_decimal(in->p, in->n, &mantissa, &scale, &overflow);
  bool point = length > 0 && memchr(text, '.', length) != NULL;
  if (!good || point || (to->kind == SQL_BIT && c->dialect == ENGINE_DATABRICKS)) {
    return sql_conversion_failed(c, from, to, in);
  }
  if (c->dialect == ENGINE_DATABRICKS) {
    int64_t low = 0;
    int64_t high = 0;
    (void)integer_range(to->kind, &low, &high);
    if (overflow || mantissa < low || mantissa > high) {
      return sql_conversion_failed(c, from, to, in); /* Spark calls these malformed too */
    }
  }
  return overflow ? sql_conversion_overflow(c, from, to, in)
                  : put_integer(c, from, to, in, mantissa, ret_value);
}

static br_status text_to_number(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in, sql_value *ret_value) {
  batch_i128 mantissa = 0;
  int scale = 0;
  bool overflow = false;
  double d = 0;
  switch (sql_type_family(to->kind)) {
  case SQL_FAMILY_INTEGER:
    return text_to_integer(c, from, to, in, ret_value);
  case SQL_FAMILY_MONEY:
    return text_to_money(c, from, to, in, ret_value);
  case SQL_FAMILY_DECIMAL:
    if (!sql_parse_decimal(in->p, in->n, &mantissa, &scale, &overflow)) {
      /* Databricks reads 1E3 as a decimal, T-SQL doesn't. */
      if (c->dialect == ENGINE_DATABRICKS && sql_parse_double(in->p, in->n, &d)) {
        return put_double(c, from, to, in, d, ret_value);
      }
      return sql_conversion_failed(c, from, to, in);
    }
    return overflow ? sql_conversion_overflow(c, from, to, in)
                    : put_exact(c, from, to, in, mantissa, (unsigned)scale, ret_value);
  default:
    if (in->n == 0 && c->dialect == ENGINE_TSQL) {
      *ret_value = sql_value_real(0);
      return BR_OK;
    }
    return sql_parse_double(in->p, in->n, &d) ? put_double(c, from, to, in, d, ret_value)
                                              : sql_conversion_failed(c, from, to, in);
  }
}

static br_status binary_to_number(sql_conversion *c, const sql_type *from, const sql_type *to,
                                  const sql_value *in, sql_value *ret_value) {
  uint64_t bits = 0;
  static const uint8_t widths[SQL_KIND_COUNT] = {
      [SQL_BIT] = 1, [SQL_TINYINT] = 1, [SQL_SMALLINT] = 2, [SQL_INT] = 4, [SQL_BIGINT] = 8};
  size_t width = widths[to->kind];
  if (width == 0) {
    return sql_conversion_failed(c, from, to, in);
  }
  for (size_t i = in->n > width ? in->n - width : 0; i < in->n; i++) {
    bits = bits << 8 | (uint8_t)in->p[i];
  }
  int64_t value = width == 8   ? (int64_t)bits
                  : width == 4 ? (int32_t)(uint32_t)bits
                  : width == 2 ? (int16_t)(uint16_t)bits
                               : (int64_t)bits;
  *ret_value = sql_value_integer(to->kind == SQL_BIT ? value != 0 : value);
  return BR_OK;
}

/* datetime as a number is its days since 1900. */
static br_status time_to_number(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in, sql_value *ret_value) {
  if (c->dialect == ENGINE_DATABRICKS) { /* TIMESTAMP: seconds since 1970 */
    return put_exact(c, from, to, in, in->i, 6, ret_value);
  }
  sql_moment m = sql_moment_get(from->kind, in);
  double days =
      (double)(m.days - (int32_t)SQL_DAYS_1900) + (double)m.ticks / (double)SQL_TICKS_PER_DAY;
  if (sql_type_family(to->kind) == SQL_FAMILY_INTEGER) {
    days = floor(days + 0.5); /* rounded, unlike float */
  }
  return put_double(c, from, to, in, days, ret_value);
}

br_status sql_convert_to_number(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in, sql_value *ret_value) {
  switch (sql_type_family(from->kind)) {
  case SQL_FAMILY_INTEGER:
    return put_exact(c, from, to, in, in->i, 0, ret_value);
  case SQL_FAMILY_DECIMAL:
    return put_exact(c, from, to, in, sql_decimal_get(in), from->scale, ret_value);
  case SQL_FAMILY_MONEY:
    return put_exact(c, from, to, in, in->i, 4, ret_value);
  case SQL_FAMILY_FLOAT:
    return put_double(c, from, to, in, in->d, ret_value);
  case SQL_FAMILY_TEXT:
    return text_to_number(c, from, to, in, ret_value);
  case SQL_FAMILY_BINARY:
    return binary_to_number(c, from, to, in, ret_value);
  case SQL_FAMILY_DATETIME:
    return time_to_number(c, from, to, in, ret_value);
  default:
    return sql_conversion_failed(c, from, to, in);
  }
}
