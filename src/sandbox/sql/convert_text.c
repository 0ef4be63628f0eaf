/*
 * convert_text.c: numbers, dates, times and the rest as characters, with the styles of CONVERT.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sql/convert.h"

/* The exponent has at least three digits: 1e+006. */
static void tsql_exponent(char *text, size_t size) {
  char *e = strchr(text, 'e');
  if (e == NULL) {
    return;
  }
  long exponent = strtol(e + 1, NULL, 10);
  (void)snprintf(e, size - (size_t)(e - text), "e%c%03ld", exponent < 0 ? '-' : '+',
                 labs(exponent));
}

void sql_double_text_tsql(double d, int style, bool single, char *text, size_t size) {
  switch (style) {
  case 1:
    (void)snprintf(text, size, "%.7e", d);
    break;
  case 2:
    (void)snprintf(text, size, "%.15e", d);
    break;
  case 3:
    (void)snprintf(text, size, "%.*e", single ? 8 : 16, d);
    break;
  default:
    (void)snprintf(text, size, "%.6g", d);
    break;
  }
  tsql_exponent(text, size);
}

/* The fewest digits that read back as the same number. */
static void shortest(double d, bool single, char *text, size_t size) {
  for (int digits = 1; digits <= 17; digits++) {
    (void)snprintf(text, size, "%.*e", digits - 1, d);
    double back = strtod(text, NULL);
    if (single ? (float)back == (float)d : back == d) {
      return;
    }
  }
}

/* As Java's Double.toString: 1.0, 1.5E10, 1.0E-5. */
void sql_double_text_databricks(double d, bool single, char *text, size_t size) {
  char number[64];
  if (isnan(d) || isinf(d)) {
    (void)snprintf(text, size, "%s", isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
    return;
  }
  if (d == 0) {
    (void)snprintf(text, size, "%s", signbit(d) ? "-0.0" : "0.0");
    return;
  }
  shortest(d, single, number, sizeof number);
  char *e = strchr(number, 'e');
  long exponent = strtol(e + 1, NULL, 10);
  *e = '\0';
  int digits = 0;
  for (const char *p = number; *p != '\0'; p++) {
    digits += *p >= '0' && *p <= '9';
  }
  if (exponent >= -3 && exponent < 7) {
    int behind = digits - 1 - (int)exponent;
    char again[80];
    (void)snprintf(again, sizeof again, "%se%ld", number, exponent);
    (void)snprintf(text, size, "%.*f", behind < 1 ? 1 : behind, strtod(again, NULL));
    return;
  }
  (void)snprintf(text, size, "%s%sE%ld", number, strchr(number, '.') == NULL ? ".0" : "", exponent);
}

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Styles of CONVERT: date and time halves; a type without one of them prints the other alone.
 * Letters: Y y M D d(blank-padded) b(month's name) H h(12, blank-padded) m s f(fraction with its
 * separator) F(the same, nothing where it is zero) p(AM/PM). */
static const struct {
  int style;
  const char *date, *between, *time;
} styles[] = {
    {0, "b d Y", " ", "h:mp"},
    {100, "b d Y", " ", "h:mp"},
    {1, "M/D/y", "", ""},
    {101, "M/D/Y", "", ""},
    {2, "y.M.D", "", ""},
    {102, "Y.M.D", "", ""},
    {3, "D/M/y", "", ""},
    {103, "D/M/Y", "", ""},
    {4, "D.M.y", "", ""},
    {104, "D.M.Y", "", ""},
    {5, "D-M-y", "", ""},
    {105, "D-M-Y", "", ""},
    {6, "D b y", "", ""},
    {106, "D b Y", "", ""},
    {7, "b D, y", "", ""},
    {107, "b D, Y", "", ""},
    {8, "", "", "H:m:s"},
    {108, "", "", "H:m:s"},
    {24, "", "", "H:m:s"},
    {9, "b d Y", " ", "h:m:s:fp"},
    {109, "b d Y", " ", "h:m:s:fp"},
    {10, "M-D-y", "", ""},
    {110, "M-D-Y", "", ""},
    {11, "y/M/D", "", ""},
    {111, "Y/M/D", "", ""},
    {12, "yMD", "", ""},
    {112, "YMD", "", ""},
    {13, "D b Y", " ", "H:m:s:f"},
    {113, "D b Y", " ", "H:m:s:f"},
    {14, "", "", "H:m:s:f"},
    {114, "", "", "H:m:s:f"},
    {20, "Y-M-D", " ", "H:m:s"},
    {120, "Y-M-D", " ", "H:m:s"},
    {21, "Y-M-D", " ", "H:m:s.f"},
    {25, "Y-M-D", " ", "H:m:s.f"},
    {121, "Y-M-D", " ", "H:m:s.f"},
    {23, "Y-M-D", "", ""},
    {126, "Y-M-D", "T", "H:m:sF"},
    {127, "Y-M-D", "T", "H:m:sF"},
};

typedef struct parts {
  int year;
  unsigned month, day;
  int hour, minute, second;
  int64_t fraction; /* of digits digits */
  int digits;
} parts;

static parts split(const sql_moment *m, sql_kind kind, unsigned scale) {
  parts p = {0};
  sql_moment_civil(m, &p.year, &p.month, &p.day);
  int64_t ticks = m->ticks;
  if (kind == SQL_DATETIME) { /* printed in milliseconds: .000 .003 .007 */
    ticks = (ticks + 5000) / 10000 * 10000;
  }
  p.hour = (int)(ticks / (3600 * SQL_TICKS_PER_SECOND));
  p.minute = (int)(ticks / (60 * SQL_TICKS_PER_SECOND) % 60);
  p.second = (int)(ticks / SQL_TICKS_PER_SECOND % 60);
  p.digits = kind == SQL_DATETIME || kind == SQL_SMALLDATETIME ? 3 : (int)scale;
  p.fraction = ticks % SQL_TICKS_PER_SECOND;
  for (int i = p.digits; i < 7; i++) {
    p.fraction /= 10;
  }
  return p;
}

static br_status print_letter(br_buf *out, char c, const parts *p, br_error *err) {
  int hour12 = p->hour % 12 == 0 ? 12 : p->hour % 12;
  switch (c) {
  case 'Y':
    return br_buf_printf(out, err, "%04d", p->year);
  case 'y':
    return br_buf_printf(out, err, "%02d", p->year % 100);
  case 'M':
    return br_buf_printf(out, err, "%02u", p->month);
  case 'D':
    return br_buf_printf(out, err, "%02u", p->day);
  case 'd':
    return br_buf_printf(out, err, "%2u", p->day);
  case 'b':
    return br_buf_text(out, months[(p->month - 1) % 12], err);
  case 'H':
    return br_buf_printf(out, err, "%02d", p->hour);
  case 'h':
    return br_buf_printf(out, err, "%2d", hour12);
  case 'm':
    return br_buf_printf(out, err, "%02d", p->minute);
  case 's':
    return br_buf_printf(out, err, "%02d", p->second);
  case 'p':
    return br_buf_text(out, p->hour < 12 ? "AM" : "PM", err);
  default:
    return br_buf_u8(out, (uint8_t)c, err);
  }
}

static br_status print_pattern(br_buf *out, const char *pattern, const parts *p, br_error *err) {
  br_status st = BR_OK;
  for (const char *c = pattern; *c != '\0' && st == BR_OK; c++) {
    if (c[1] == 'f' && (*c == '.' || *c == ':')) {
      if (p->digits > 0) {
        st = br_buf_printf(out, err, "%c%0*lld", *c, p->digits, (long long)p->fraction);
      }
      c++;
    } else if (*c == 'F') {
      if (p->digits > 0 && p->fraction != 0) {
        st = br_buf_printf(out, err, ".%0*lld", p->digits, (long long)p->fraction);
      }
    } else {
      st = print_letter(out, *c, p, err);
    }
  }
  return st;
}

static br_status bad_style(sql_conversion *c, const sql_type *from) {
  sql_error_set(c->error, 281, 16,
                "%d is not a valid style number when converting from %s to a character string.",
                c->style, sql_type_word(ENGINE_TSQL, from->kind));
  return BR_ERR_REMOTE;
}

static br_status time_text_tsql(sql_conversion *c, const sql_type *from, const sql_value *in) {
  bool old = from->kind == SQL_DATETIME || from->kind == SQL_SMALLDATETIME;
  int style = c->style == SQL_STYLE_NONE ? (old ? 0 : 121) : c->style;
  sql_moment m = sql_moment_get(from->kind, in);
  parts p = split(&m, from->kind, from->scale);
  br_buf *out = &c->scratch->buf;
  bool no_date = from->kind == SQL_TIME;
  bool no_time = from->kind == SQL_DATE;
  for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
    if (styles[i].style != style) {
      continue;
    }
    if ((no_date && styles[i].time[0] == '\0') || (no_time && styles[i].date[0] == '\0') ||
        (style == 127 && from->kind == SQL_DATETIMEOFFSET)) {
      return bad_style(c, from);
    }
    bool fraction = !old && (style == 126 || style == 127);
    br_status st = no_date ? BR_OK : print_pattern(out, styles[i].date, &p, c->err);
    if (st == BR_OK && !no_date && !no_time) {
      st = br_buf_text(out, styles[i].between, c->err);
    }
    if (st == BR_OK && !no_time) {
      const char *pattern = fraction ? "H:m:s.f" : styles[i].time;
      st = print_pattern(out, pattern, &p, c->err);
    }
    if (st == BR_OK && from->kind == SQL_DATETIMEOFFSET && styles[i].time[0] != '\0') {
      int offset = m.offset < 0 ? -m.offset : m.offset;
      st = br_buf_printf(out, c->err, "%s%c%02d:%02d", style == 126 ? "" : " ",
                         m.offset < 0 ? '-' : '+', offset / 60, offset % 60);
    }
    return st;
  }
  return bad_style(c, from);
}

/* Databricks: yyyy-MM-dd[ HH:mm:ss[.ffffff]], zeros at the end of the fraction left out. */
static br_status time_text_databricks(sql_conversion *c, const sql_type *from,
                                      const sql_value *in) {
  sql_moment m = sql_moment_get(from->kind, in);
  parts p = split(&m, from->kind, 6);
  br_buf *out = &c->scratch->buf;
  if (from->kind == SQL_DATE) {
    return print_pattern(out, "Y-M-D", &p, c->err);
  }
  br_status st = print_pattern(out, "Y-M-D H:m:s", &p, c->err);
  while (p.digits > 0 && p.fraction % 10 == 0) {
    p.fraction /= 10;
    p.digits--;
  }
  return st != BR_OK ? st : print_pattern(out, "F", &p, c->err);
}

static br_status money_text(sql_conversion *c, int64_t value) {
  char digits[64];
  bool four = c->style == 2;
  batch_i128 v = value;
  if (!four) {
    (void)sql_decimal_rescale(value, 4, 2, true, &v);
  }
  batch_decimal_text(v, four ? 4 : 2, digits, sizeof digits);
  if (c->style != 1) {
    return br_buf_text(&c->scratch->buf, digits, c->err);
  }
  size_t whole = strcspn(digits, ".");
  for (size_t i = 0; digits[i] != '\0'; i++) {
    size_t left = whole - i;
    if (i > 0 && i < whole && left % 3 == 0 && digits[i - 1] != '-') {
      br_status st = br_buf_u8(&c->scratch->buf, ',', c->err);
      if (st != BR_OK) {
        return st;
      }
    }
    br_status st = br_buf_u8(&c->scratch->buf, (uint8_t)digits[i], c->err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static br_status binary_text(sql_conversion *c, const sql_type *to, const sql_value *in) {
  br_buf *out = &c->scratch->buf;
  if (c->dialect == ENGINE_DATABRICKS) {
    return br_buf_append(out, in->p, in->n, c->err);
  }
  if (c->style == 1 || c->style == 2) {
    br_status st = br_buf_text(out, c->style == 1 ? "0x" : "", c->err);
    for (size_t i = 0; i < in->n && st == BR_OK; i++) {
      st = br_buf_printf(out, c->err, "%02X", (uint8_t)in->p[i]);
    }
    return st;
  }
  for (size_t i = 0; i < in->n; i++) { /* the bytes as characters: only those that surely are */
    if ((uint8_t)in->p[i] >= 0x80 || sql_type_is_unicode(to->kind)) {
      sql_error_set(c->error, 40517, 16,
                    "Converting binary bytes to characters is not supported by the sandbox; use "
                    "style 1 or 2.");
      return BR_ERR_REMOTE;
    }
  }
  return br_buf_append(out, in->p, in->n, c->err);
}

static br_status print_value(sql_conversion *c, const sql_type *from, const sql_type *to,
                             const sql_value *in) {
  char text[64] = "";
  br_buf *out = &c->scratch->buf;
  bool tsql = c->dialect == ENGINE_TSQL;
  switch (sql_type_family(from->kind)) {
  case SQL_FAMILY_INTEGER:
    if (!tsql && from->kind == SQL_BIT) {
      return br_buf_text(out, in->i != 0 ? "true" : "false", c->err);
    }
    return br_buf_printf(out, c->err, "%lld", (long long)in->i);
  case SQL_FAMILY_DECIMAL:
    batch_decimal_text(sql_decimal_get(in), from->scale, text, sizeof text);
    return br_buf_text(out, text, c->err);
  case SQL_FAMILY_MONEY:
    return money_text(c, in->i);
  case SQL_FAMILY_FLOAT:
    if (tsql) {
      sql_double_text_tsql(in->d, c->style, from->kind == SQL_REAL, text, sizeof text);
    } else {
      sql_double_text_databricks(in->d, from->kind == SQL_REAL, text, sizeof text);
    }
    return br_buf_text(out, text, c->err);
  case SQL_FAMILY_DATETIME:
    return tsql ? time_text_tsql(c, from, in) : time_text_databricks(c, from, in);
  case SQL_FAMILY_GUID: {
    uint8_t wire[16];
    sql_guid_to_wire(in, wire);
    batch_guid_text(wire, text);
    return br_buf_text(out, text, c->err);
  }
  case SQL_FAMILY_BINARY:
    return binary_text(c, to, in);
  default:
    return br_buf_append(out, in->p, in->n, c->err);
  }
}

/* A number that doesn't fit: integers become '*' in char and varchar, the rest is an error. */
static br_status number_too_long(sql_conversion *c, const sql_type *from, const sql_type *to,
                                 const sql_value *in, sql_value *ret_value) {
  if (sql_type_family(from->kind) == SQL_FAMILY_INTEGER && !sql_type_is_unicode(to->kind) &&
      from->kind != SQL_BIGINT) {
    return sql_fit_text(c, to, "*", 1, ret_value);
  }
  if (from->kind == SQL_GUID) {
    sql_error_set(c->error, 8170, 16,
                  "Insufficient result space to convert uniqueidentifier value to char.");
    return BR_ERR_REMOTE;
  }
  if (sql_type_family(from->kind) == SQL_FAMILY_MONEY) {
    sql_error_set(c->error, 234, 16,
                  "There is insufficient result space to convert a money value to %s.",
                  sql_type_word(c->dialect, to->kind));
    return BR_ERR_REMOTE;
  }
  return sql_conversion_overflow(c, from, to, in);
}

br_status sql_convert_to_text(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in, sql_value *ret_value) {
  br_buf *out = &c->scratch->buf;
  br_buf_clear(out);
  br_status st = print_value(c, from, to, in);
  if (st != BR_OK) {
    return st;
  }
  if (out->data == NULL && (st = br_buf_reserve(out, 1, c->err)) != BR_OK) {
    return st;
  }
  sql_family family = sql_type_family(from->kind);
  if (c->dialect == ENGINE_TSQL && to->length != SQL_LENGTH_MAX && out->len > to->length &&
      family != SQL_FAMILY_DATETIME && family != SQL_FAMILY_BINARY) {
    return number_too_long(c, from, to, in, ret_value);
  }
  return sql_fit_text(c, to, (const char *)out->data, out->len, ret_value);
}
