#include "sandbox/sql/convert.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "batch/charset.h"

enum { CODE_PAGE = 1252 };

bool sql_is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* UTF-8's first bytes say how long a character is; those of 4 bytes are two UTF-16 units. */
static size_t character_bytes(unsigned char c) {
  return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

size_t sql_text_units(const sql_type *type, const char *text, size_t length) {
  size_t units = 0;
  bool utf16 = type->kind != SQL_STRING;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    units += (c & 0xc0) != 0x80;
    units += utf16 && c >= 0xf0;
  }
  return units;
}

size_t sql_text_prefix(const sql_type *type, const char *text, size_t length, size_t units) {
  size_t i = 0;
  bool utf16 = type->kind != SQL_STRING;
  while (i < length && units > 0) {
    size_t bytes = character_bytes((unsigned char)text[i]);
    size_t width = bytes == 4 && utf16 ? 2 : 1;
    if (width > units || bytes > length - i) {
      break;
    }
    units -= width;
    i += bytes;
  }
  return i;
}

/* Bytes of a text that a message shows: at most so many, and no half character. */
static int shown_length(const char *text, size_t length, size_t most) {
  if (length > most) {
    length = most;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
      length--;
    }
  }
  return (int)length;
}

static void shown_value(const sql_type *from, const sql_value *in, char *text, size_t size) {
  char number[64] = "";
  switch (in->form) {
  case SQL_FORM_TEXT:
    (void)snprintf(text, size, "%.*s", shown_length(in->p, in->n, 200), in->p);
    return;
  case SQL_FORM_REAL:
    sql_double_text_databricks(in->d, false, number, sizeof number);
    break;
  default:
    batch_decimal_text(sql_decimal_get(in), from->kind == SQL_DECIMAL ? from->scale : 0, number,
                       sizeof number);
    break;
  }
  (void)snprintf(text, size, "%s", number);
}

static void databricks_failed(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in) {
  char value[256];
  char from_name[64];
  char to_name[64];
  shown_value(from, in, value, sizeof value);
  sql_type_name(ENGINE_DATABRICKS, from, from_name, sizeof from_name);
  sql_type_name(ENGINE_DATABRICKS, to, to_name, sizeof to_name);
  sql_error_condition(c->error, "CAST_INVALID_INPUT", "22018",
                      "The value '%s' of the type \"%s\" cannot be cast to \"%s\" because it is "
                      "malformed. Correct the value as per the syntax, or change its target type. "
                      "Use `try_cast` to tolerate malformed input and return NULL instead.",
                      value, from_name, to_name);
}

br_status sql_conversion_failed(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in) {
  if (c->dialect == ENGINE_DATABRICKS) {
    databricks_failed(c, from, to, in);
    return BR_ERR_REMOTE;
  }
  const char *f = sql_type_word(ENGINE_TSQL, from->kind);
  const char *t = to->kind == SQL_DECIMAL ? "numeric" : sql_type_word(ENGINE_TSQL, to->kind);
  int shown = in->form == SQL_FORM_TEXT ? shown_length(in->p, in->n, 400) : 0;
  switch (to->kind) {
  case SQL_BIT:
  case SQL_TINYINT:
  case SQL_SMALLINT:
  case SQL_INT:
    sql_error_set(c->error, 245, 16,
                  "Conversion failed when converting the %s value '%.*s' to data type %s.", f,
                  shown, shown == 0 ? "" : in->p, t);
    break;
  case SQL_MONEY:
  case SQL_SMALLMONEY:
    sql_error_set(c->error, 235, 16,
                  "Cannot convert a char value to %s. The char value has incorrect syntax.", t);
    break;
  case SQL_GUID:
    sql_error_set(c->error, 8169, 16,
                  "Conversion failed when converting from a character string to uniqueidentifier.");
    c->error->state = 2;
    break;
  default:
    if (sql_type_family(to->kind) == SQL_FAMILY_DATETIME) {
      sql_error_set(c->error, 241, 16,
                    "Conversion failed when converting date and/or time from character string.");
    } else {
      sql_error_set(c->error, 8114, 16, "Error converting data type %s to %s.", f, t);
      c->error->state = 5;
    }
    break;
  }
  return BR_ERR_REMOTE;
}

static void databricks_overflow(sql_conversion *c, const sql_type *from, const sql_type *to,
                                const sql_value *in) {
  char value[256];
  char from_name[64];
  char to_name[64];
  shown_value(from, in, value, sizeof value);
  sql_type_name(ENGINE_DATABRICKS, from, from_name, sizeof from_name);
  sql_type_name(ENGINE_DATABRICKS, to, to_name, sizeof to_name);
  if (to->kind == SQL_DECIMAL) {
    sql_error_condition(c->error, "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
                        "The %s rounded half up from %s cannot be represented as Decimal(%u, %u).",
                        value, value, to->precision, to->scale);
  } else if (c->column != NULL) {
    sql_error_condition(c->error, "CAST_OVERFLOW_IN_TABLE_INSERT", "22003",
                        "Fail to assign a value of \"%s\" type to the \"%s\" type column or "
                        "variable `%s` due to an overflow. Use `try_cast` on the input value to "
                        "tolerate overflow and return NULL instead.",
                        from_name, to_name, c->column);
  } else {
    sql_error_condition(c->error, "CAST_OVERFLOW", "22003",
                        "The value %s of the type \"%s\" cannot be cast to \"%s\" due to an "
                        "overflow. Use `try_cast` to tolerate overflow and return NULL instead.",
                        value, from_name, to_name);
  }
}

br_status sql_conversion_overflow(sql_conversion *c, const sql_type *from, const sql_type *to,
                                  const sql_value *in) {
  if (c->dialect == ENGINE_DATABRICKS) {
    databricks_overflow(c, from, to, in);
    return BR_ERR_REMOTE;
  }
  const bool number_to_text =
      sql_type_family(from->kind) == SQL_FAMILY_INTEGER && sql_type_is_text(to->kind);
  const char *f = from->kind == SQL_DECIMAL ? "numeric"
                  : number_to_text          ? "expression"
                                            : sql_type_word(ENGINE_TSQL, from->kind);
  const char *t = to->kind == SQL_DECIMAL ? "numeric" : sql_type_word(ENGINE_TSQL, to->kind);
  bool small = to->kind == SQL_TINYINT || to->kind == SQL_SMALLINT;
  if (sql_type_is_text(from->kind) && small) {
    sql_error_set(c->error, 244, 16,
                  "The conversion of the %s value '%.*s' overflowed an INT%c column. Use a larger "
                  "integer column.",
                  f, shown_length(in->p, in->n, 200), in->p, to->kind == SQL_TINYINT ? '1' : '2');
    c->error->state = 2;
  } else if (sql_type_is_text(from->kind) && to->kind == SQL_INT) {
    sql_error_set(c->error, 248, 16,
                  "The conversion of the %s value '%.*s' overflowed an int column.", f,
                  shown_length(in->p, in->n, 200), in->p);
  } else if (small && sql_type_family(from->kind) == SQL_FAMILY_INTEGER &&
             from->kind != SQL_BIGINT) {
    sql_error_set(c->error, 220, 16, "Arithmetic overflow error for data type %s, value = %lld.", t,
                  (long long)in->i);
  } else if (to->kind == SQL_DECIMAL || sql_type_is_text(from->kind) ||
             sql_type_is_text(to->kind)) {
    sql_error_set(c->error, 8115, 16, "Arithmetic overflow error converting %s to data type %s.", f,
                  t);
    c->error->state = to->kind == SQL_DECIMAL ? 8 : 2;
  } else {
    sql_error_set(c->error, 8115, 16,
                  "Arithmetic overflow error converting expression to data type %s.", t);
    c->error->state = 2;
  }
  return BR_ERR_REMOTE;
}

static br_status too_long(sql_conversion *c, const sql_type *to, const char *text, size_t length) {
  size_t kept = sql_text_prefix(to, text, length, to->length);
  if (c->dialect == ENGINE_DATABRICKS) {
    sql_error_condition(c->error, "DELTA_EXCEED_CHAR_VARCHAR_LIMIT", "22001",
                        "Value \"%.*s\" exceeds char/varchar type length limitation.",
                        shown_length(text, length, 200), text);
  } else {
    sql_error_set(c->error, 2628, 16,
                  "String or binary data would be truncated in table '%s', column '%s'. Truncated "
                  "value: '%.*s'.",
                  c->table, c->column, shown_length(text, kept, 300), text);
  }
  return BR_ERR_REMOTE;
}

static br_status pad(sql_conversion *c, const sql_type *to, const char *text, size_t length,
                     size_t units, sql_value *ret_value) {
  br_buf *buf = &c->scratch->buf;
  br_status st = BR_OK;
  if ((const uint8_t *)text != buf->data) {
    br_buf_clear(buf);
    if ((st = br_buf_append(buf, text, length, c->err)) != BR_OK) {
      return st;
    }
  } else {
    buf->len = length;
  }
  if ((st = br_buf_fill(buf, ' ', to->length - units, c->err)) != BR_OK) {
    return st;
  }
  *ret_value = sql_value_text((const char *)buf->data, buf->len);
  return BR_OK;
}

br_status sql_fit_text(sql_conversion *c, const sql_type *to, const char *text, size_t length,
                       sql_value *ret_value) {
  if (to->length == SQL_LENGTH_MAX || (length <= to->length && !sql_type_is_fixed(to->kind))) {
    *ret_value = sql_value_text(text, length);
    return BR_OK;
  }
  size_t units = sql_text_units(to, text, length);
  if (units > to->length) {
    size_t kept = sql_text_prefix(to, text, length, to->length);
    if (c->column != NULL) {
      size_t end = length; /* blanks at the end may go */
      while (end > kept && text[end - 1] == ' ') {
        end--;
      }
      if (end > kept) {
        return too_long(c, to, text, length);
      }
    }
    *ret_value = sql_value_text(text, kept);
    return BR_OK;
  }
  if (units < to->length && sql_type_is_fixed(to->kind)) {
    return pad(c, to, text, length, units, ret_value);
  }
  *ret_value = sql_value_text(text, length);
  return BR_OK;
}

static bool is_ascii(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)text[i] >= 0x80) {
      return false;
    }
  }
  return true;
}

/* Unicode into varchar goes through the code page: what it lacks becomes the best fit or '?'. */
static br_status through_code_page(sql_conversion *c, const sql_value *in, const char **ret_text,
                                   size_t *ret_length) {
  br_buf page;
  br_buf *out = &c->scratch->buf;
  size_t used = 0;
  size_t written = 0;
  br_buf_init(&page, in->n + 16);
  br_buf_clear(out);
  br_status st = batch_utf8_to_code_page(CODE_PAGE, in->p, in->n, true, &page, c->err);
  if (st == BR_OK && (st = br_buf_reserve(out, page.len * 3 + 1, c->err)) == BR_OK &&
      (st = batch_code_page_to_utf8(CODE_PAGE, page.data, page.len, false, BATCH_INVALID_REPLACE,
                                    out->data, &written, &used, c->err)) == BR_OK) {
    out->len = written;
    *ret_text = (const char *)out->data;
    *ret_length = written;
  }
  br_buf_done(&page);
  return st;
}

static br_status text_to_text(sql_conversion *c, const sql_type *from, const sql_type *to,
                              const sql_value *in, sql_value *ret_value) {
  const char *text = in->p;
  size_t length = in->n;
  if (sql_type_is_unicode(from->kind) && !sql_type_is_unicode(to->kind) &&
      !is_ascii(text, length)) {
    br_status st = through_code_page(c, in, &text, &length);
    if (st != BR_OK) {
      return st;
    }
  }
  return sql_fit_text(c, to, text, length, ret_value);
}

/* CONVERT(varbinary, '0x0AFF', 1) and style 2 without 0x. */
static br_status hex_to_binary(sql_conversion *c, const sql_type *from, const sql_type *to,
                               const sql_value *in) {
  const char *p = in->p;
  size_t n = in->n;
  if (c->style == 1) {
    if (n < 2 || p[0] != '0' || (p[1] != 'x' && p[1] != 'X')) {
      return sql_conversion_failed(c, from, to, in);
    }
    p += 2;
    n -= 2;
  }
  if (n % 2 != 0) {
    return sql_conversion_failed(c, from, to, in);
  }
  for (size_t i = 0; i < n; i += 2) {
    int high = br_hex_digit(p[i]);
    int low = br_hex_digit(p[i + 1]);
    if (high < 0 || low < 0) {
      return sql_conversion_failed(c, from, to, in);
    }
    br_status st = br_buf_u8(&c->scratch->buf, (uint8_t)(high << 4 | low), c->err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static br_status integer_bytes(sql_conversion *c, const sql_type *from, const sql_value *in) {
  static const uint8_t widths[] = {[SQL_BIT] = 1,      [SQL_TINYINT] = 1, [SQL_BYTE] = 1,
                                   [SQL_SMALLINT] = 2, [SQL_INT] = 4,     [SQL_BIGINT] = 8};
  br_status st = BR_OK;
  for (unsigned i = widths[from->kind]; i-- > 0 && st == BR_OK;) {
    st = br_buf_u8(&c->scratch->buf, (uint8_t)((uint64_t)in->i >> (8 * i)), c->err);
  }
  return st;
}

static br_status fill_binary(sql_conversion *c, const sql_type *from, const sql_type *to,
                             const sql_value *in) {
  br_buf *out = &c->scratch->buf;
  switch (sql_type_family(from->kind)) {
  case SQL_FAMILY_BINARY:
    return br_buf_append(out, in->p, in->n, c->err);
  case SQL_FAMILY_INTEGER:
    return integer_bytes(c, from, in);
  case SQL_FAMILY_GUID: {
    uint8_t wire[16];
    sql_guid_to_wire(in, wire);
    return br_buf_append(out, wire, sizeof wire, c->err);
  }
  case SQL_FAMILY_TEXT:
    if (c->dialect == ENGINE_DATABRICKS) {
      return br_buf_append(out, in->p, in->n, c->err);
    }
    if (c->style == 1 || c->style == 2) {
      return hex_to_binary(c, from, to, in);
    }
    if (sql_type_is_unicode(from->kind)) {
      return batch_utf8_to_utf16le(in->p, in->n, out, c->err);
    }
    return batch_utf8_to_code_page(CODE_PAGE, in->p, in->n, true, out, c->err);
  default:
    sql_error_set(c->error, 40517, 16, "Converting %s to %s is not supported by the sandbox.",
                  sql_type_word(c->dialect, from->kind), sql_type_word(c->dialect, to->kind));
    return BR_ERR_REMOTE;
  }
}

static br_status to_binary(sql_conversion *c, const sql_type *from, const sql_type *to,
                           const sql_value *in, sql_value *ret_value) {
  br_buf *out = &c->scratch->buf;
  br_buf_clear(out);
  br_status st = fill_binary(c, from, to, in);
  if (st != BR_OK) {
    return st;
  }
  if (to->length != SQL_LENGTH_MAX && out->len > to->length) {
    if (c->column != NULL && sql_type_family(from->kind) == SQL_FAMILY_BINARY) {
      sql_error_set(c->error, 2628, 16,
                    "String or binary data would be truncated in table '%s', column '%s'. "
                    "Truncated value: ''.",
                    c->table, c->column);
      return BR_ERR_REMOTE;
    }
    if (sql_type_family(from->kind) == SQL_FAMILY_INTEGER) { /* the low bytes stay */
      memmove(out->data, out->data + (out->len - to->length), to->length);
    }
    out->len = to->length;
  }
  if (to->kind == SQL_BINARY && out->len < to->length) {
    size_t missing = to->length - out->len;
    size_t had = out->len;
    if ((st = br_buf_fill(out, 0, missing, c->err)) != BR_OK) {
      return st;
    }
    if (sql_type_family(from->kind) == SQL_FAMILY_INTEGER) { /* numbers stand at the right */
      memmove(out->data + missing, out->data, had);
      memset(out->data, 0, missing);
    }
  }
  *ret_value = sql_value_blob(out->data != NULL ? (const void *)out->data : "", out->len);
  return BR_OK;
}

static br_status to_guid(sql_conversion *c, const sql_type *from, const sql_type *to,
                         const sql_value *in, sql_value *ret_value) {
  uint8_t wire[16] = {0};
  if (sql_type_family(from->kind) == SQL_FAMILY_BINARY) {
    memcpy(wire, in->p, in->n > 16 ? 16 : in->n);
  } else {
    const char *p = in->p;
    size_t n = in->n;
    if (n >= 38 && p[0] == '{' && p[37] == '}') {
      p++;
      n = 36;
    }
    if (n < 36 || batch_guid_parse(p, 36, wire, NULL) != BR_OK) {
      return sql_conversion_failed(c, from, to, in);
    }
  }
  *ret_value = sql_guid_of_wire(wire, c->scratch);
  return BR_OK;
}

static bool is_text_like(const sql_type *type) {
  return sql_type_is_text(type->kind) || sql_type_family(type->kind) == SQL_FAMILY_COMPLEX;
}

br_status sql_convert(sql_conversion *c, const sql_type *from, const sql_type *to,
                      const sql_value *in, sql_value *ret_value) {
  if (in->form == SQL_FORM_NULL || from->kind == SQL_VOID) {
    *ret_value = sql_value_null();
    return BR_OK;
  }
  switch (sql_type_family(to->kind)) {
  case SQL_FAMILY_INTEGER:
  case SQL_FAMILY_DECIMAL:
  case SQL_FAMILY_MONEY:
  case SQL_FAMILY_FLOAT:
    return sql_convert_to_number(c, from, to, in, ret_value);
  case SQL_FAMILY_TEXT:
    return is_text_like(from) ? text_to_text(c, from, to, in, ret_value)
                              : sql_convert_to_text(c, from, to, in, ret_value);
  case SQL_FAMILY_BINARY:
    return to_binary(c, from, to, in, ret_value);
  case SQL_FAMILY_DATETIME:
    return sql_convert_to_time(c, from, to, in, ret_value);
  case SQL_FAMILY_GUID:
    if (from->kind != SQL_GUID) {
      return to_guid(c, from, to, in, ret_value);
    }
    *ret_value = *in;
    return BR_OK;
  default:
    *ret_value = *in; /* arrays, maps and structs only become themselves */
    return BR_OK;
  }
}
