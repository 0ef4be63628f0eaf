/*
 * fn_text.c: character functions. `type` is the packed type of the text; lengths and positions
 * count its characters.
 *
 *   f_len(x, type)  f_datalength(x, type)  f_substring(x, start, length, type)
 *   f_left(x, n, type)  f_right(x, n, type)  f_case(x, upper)
 *   f_trim(x, sides, characters)  f_replace(x, what, with, type)
 *   f_charindex(what, x, start, type)  f_patindex(pattern, x, type)
 *   f_cat(a, b)  f_concat(…)  f_concat_ws(separator, …)
 *   f_replicate(x, n)  f_reverse(x)  f_stuff(x, start, length, with, type)  f_char(n, unicode)
 *   f_code(x, unicode)  f_quotename(x, quote)  f_str(x, length, digits)
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "batch/charset.h"
#include "sandbox/sql/collate.h"
#include "sandbox/sql/runtime.h"

static void result_text(sqlite3_context *context, const char *text, size_t length) {
  sqlite3_result_text64(context, text, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* A text or blob cut to a part, in its own form. */
static void result_part(sqlite3_context *context, const sql_value *in, size_t from, size_t length) {
  sql_value out = *in;
  out.p += from;
  out.n = length;
  sql_value_result(context, &out);
}

static void result_buffer(sqlite3_context *context, br_status st) {
  br_buf *buf = &sql_runtime_of(context)->scratch.buf;
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else {
    result_text(context, buf->len == 0 ? "" : (const char *)buf->data, buf->len);
  }
}

static br_buf *fresh_buffer(sqlite3_context *context) {
  br_buf *buf = &sql_runtime_of(context)->scratch.buf;
  br_buf_clear(buf);
  return buf;
}

static void call_len(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  sql_type type = sql_type_argument(argv[1]);
  if (in.form == SQL_FORM_NULL) {
    return;
  }
  if (in.form == SQL_FORM_BLOB) {
    sqlite3_result_int64(context, (int64_t)in.n);
    return;
  }
  while (type.kind != SQL_STRING && in.n > 0 && in.p[in.n - 1] == ' ') {
    in.n--;
  }
  sqlite3_result_int64(context, (int64_t)sql_text_units(&type, in.p, in.n));
}

static int64_t stored_bytes(const sql_type *type, const sql_value *in) {
  static const uint8_t widths[SQL_KIND_COUNT] = {
      [SQL_BIT] = 1,    [SQL_TINYINT] = 1, [SQL_SMALLINT] = 2,      [SQL_INT] = 4,
      [SQL_BIGINT] = 8, [SQL_MONEY] = 8,   [SQL_SMALLMONEY] = 4,    [SQL_REAL] = 4,
      [SQL_FLOAT] = 8,  [SQL_DATE] = 3,    [SQL_SMALLDATETIME] = 4, [SQL_DATETIME] = 8,
      [SQL_GUID] = 16};
  if (sql_type_is_text(type->kind)) {
    size_t units = sql_text_units(type, in->p, in->n);
    return (int64_t)(sql_type_is_unicode(type->kind) ? units * 2 : units);
  }
  if (sql_type_family(type->kind) == SQL_FAMILY_BINARY) {
    return (int64_t)in->n;
  }
  if (type->kind == SQL_DECIMAL) {
    return type->precision <= 9 ? 5 : type->precision <= 19 ? 9 : type->precision <= 28 ? 13 : 17;
  }
  int time = type->scale <= 2 ? 3 : type->scale <= 4 ? 4 : 5;
  return type->kind == SQL_TIME             ? time
         : type->kind == SQL_DATETIME2      ? time + 3
         : type->kind == SQL_DATETIMEOFFSET ? time + 5
                                            : widths[type->kind];
}

static void call_datalength(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  sql_type type = sql_type_argument(argv[1]);
  if (in.form != SQL_FORM_NULL) {
    sqlite3_result_int64(context, stored_bytes(&type, &in));
  }
}

static void raise_length(sqlite3_context *context, const char *function) {
  sql_runtime *runtime = sql_runtime_of(context);
  sql_error_set(&runtime->error, 537, 16,
                "Invalid length parameter passed to the LEFT or SUBSTRING function.");
  if (strcmp(function, "right") == 0) {
    sql_error_set(&runtime->error, 536, 16,
                  "Invalid length parameter passed to the right function.");
  }
  sql_raise(context);
}

/* Characters [first, first + count) of a text or bytes of a blob. */
static void result_span(sqlite3_context *context, const sql_value *in, const sql_type *type,
                        int64_t first, int64_t count) {
  if (first < 0) {
    count += first;
    first = 0;
  }
  if (count < 0) {
    count = 0;
  }
  if (in->form == SQL_FORM_BLOB) {
    size_t from = (uint64_t)first > in->n ? in->n : (size_t)first;
    size_t length = (uint64_t)count > in->n - from ? in->n - from : (size_t)count;
    result_part(context, in, from, length);
    return;
  }
  size_t from = sql_text_prefix(type, in->p, in->n, (size_t)first);
  size_t length = sql_text_prefix(type, in->p + from, in->n - from, (size_t)count);
  result_part(context, in, from, length);
}

static void call_substring(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_type type = sql_type_argument(argv[3]);
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int64_t start = sqlite3_value_int64(argv[1]);
  int64_t count = sqlite3_value_int64(argv[2]);
  if (sql_runtime_of(context)->dialect == ENGINE_DATABRICKS) {
    int64_t total = (int64_t)sql_text_units(&type, in.p, in.n);
    start = start < 0 ? total + start : start == 0 ? 0 : start - 1;
  } else {
    if (count < 0) {
      raise_length(context, "substring");
      return;
    }
    start = start == INT64_MIN ? start : start - 1;
  }
  result_span(context, &in, &type, start, count);
}

static void call_left(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_type type = sql_type_argument(argv[2]);
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int64_t count = sqlite3_value_int64(argv[1]);
  if (count < 0 && sql_runtime_of(context)->dialect == ENGINE_TSQL) {
    raise_length(context, "left");
    return;
  }
  result_span(context, &in, &type, 0, count);
}

static void call_right(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_type type = sql_type_argument(argv[2]);
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int64_t count = sqlite3_value_int64(argv[1]);
  if (count < 0 && sql_runtime_of(context)->dialect == ENGINE_TSQL) {
    raise_length(context, "right");
    return;
  }
  int64_t total =
      in.form == SQL_FORM_BLOB ? (int64_t)in.n : (int64_t)sql_text_units(&type, in.p, in.n);
  count = count < 0 ? 0 : count > total ? total : count;
  result_span(context, &in, &type, total - count, count);
}

static br_status put_character(br_buf *buf, uint32_t c) {
  uint8_t bytes[4];
  size_t n = 0;
  if (c < 0x80) {
    bytes[n++] = (uint8_t)c;
  } else if (c < 0x800) {
    bytes[n++] = (uint8_t)(0xc0 | c >> 6);
    bytes[n++] = (uint8_t)(0x80 | (c & 0x3f));
  } else {
    if (c < 0x10000) {
      bytes[n++] = (uint8_t)(0xe0 | c >> 12);
    } else {
      bytes[n++] = (uint8_t)(0xf0 | c >> 18);
      bytes[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    }
    bytes[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    bytes[n++] = (uint8_t)(0x80 | (c & 0x3f));
  }
  return br_buf_append(buf, bytes, n, NULL);
}

static void call_case(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  bool upper = sqlite3_value_int(argv[1]) != 0;
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  const char *end = in.p + in.n;
  for (const char *p = in.p; p < end && st == BR_OK;) {
    uint32_t c = sql_utf8_next(&p, end);
    st = put_character(buf, upper ? sql_upper(c) : sql_lower(c));
  }
  result_buffer(context, st);
}

static bool in_characters(const char *set, size_t set_length, const char *at, size_t width) {
  for (size_t i = 0; i + width <= set_length; i++) {
    if (memcmp(set + i, at, width) == 0) {
      return true;
    }
  }
  return false;
}

static void call_trim(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int sides = sqlite3_value_int(argv[1]);
  sql_value set = sql_value_of(argv[2]);
  if (set.form != SQL_FORM_TEXT) {
    set = sql_value_text(" ", 1);
  }
  size_t from = 0;
  size_t to = in.n;
  while ((sides & 1) != 0 && from < to) {
    size_t width = 1;
    while (from + width < to && ((unsigned char)in.p[from + width] & 0xc0) == 0x80) {
      width++;
    }
    if (!in_characters(set.p, set.n, in.p + from, width)) {
      break;
    }
    from += width;
  }
  while ((sides & 2) != 0 && to > from) {
    size_t width = 1;
    while (to - width > from && ((unsigned char)in.p[to - width] & 0xc0) == 0x80) {
      width++;
    }
    if (!in_characters(set.p, set.n, in.p + to - width, width)) {
      break;
    }
    to -= width;
  }
  result_part(context, &in, from, to - from);
}

static void call_replace(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  sql_value what = sql_value_of(argv[1]);
  sql_value with = sql_value_of(argv[2]);
  sql_type type = sql_type_argument(argv[3]);
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  size_t from = 0;
  size_t matched = 0;
  ptrdiff_t at = 0;
  while (st == BR_OK &&
         (at = sql_text_find(&type, in.p, in.n, from, what.p, what.n, &matched)) >= 0) {
    st = br_buf_append(buf, in.p + from, (size_t)at - from, NULL);
    if (st == BR_OK) {
      st = br_buf_append(buf, with.p, with.n, NULL);
    }
    from = (size_t)at + matched;
  }
  if (st == BR_OK) {
    st = br_buf_append(buf, in.p + from, in.n - from, NULL);
  }
  result_buffer(context, st);
}

static void call_charindex(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_value what = sql_value_of(argv[0]);
  sql_value in = sql_value_of(argv[1]);
  int64_t start = sqlite3_value_int64(argv[2]);
  sql_type type = sql_type_argument(argv[3]);
  if (what.n == 0 && sql_runtime_of(context)->dialect == ENGINE_DATABRICKS) {
    sqlite3_result_int64(context, 1); /* an empty text stands everywhere */
    return;
  }
  size_t from = start <= 1 ? 0 : sql_text_prefix(&type, in.p, in.n, (size_t)(start - 1));
  size_t matched = 0;
  ptrdiff_t at = sql_text_find(&type, in.p, in.n, from, what.p, what.n, &matched);
  sqlite3_result_int64(context, at < 0 ? 0 : (int64_t)sql_text_units(&type, in.p, (size_t)at) + 1);
}

static void call_patindex(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value pattern = sql_value_of(argv[0]);
  sql_value in = sql_value_of(argv[1]);
  sql_type type = sql_type_argument(argv[2]);
  bool open = pattern.n > 0 && pattern.p[0] == '%';
  const char *end = in.p + in.n;
  int64_t position = 1;
  for (const char *p = in.p; p <= end; position++) {
    const char *rest = open ? pattern.p + 1 : pattern.p;
    if (sql_text_like(&type, p, (size_t)(end - p), rest, pattern.n - open, 0, true, false)) {
      sqlite3_result_int64(context, position);
      return;
    }
    if (!open || p == end) {
      break;
    }
    (void)sql_utf8_next(&p, end);
  }
  sqlite3_result_int64(context, 0);
}

static void concatenate(sqlite3_context *context, int argc, sqlite3_value **argv,
                        const sql_value *separator) {
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  bool first = true;
  for (int i = 0; i < argc && st == BR_OK; i++) {
    sql_value in = sql_value_of(argv[i]);
    if (in.form == SQL_FORM_NULL) {
      continue;
    }
    if (separator != NULL && !first) {
      st = br_buf_append(buf, separator->p, separator->n, NULL);
    }
    first = false;
    if (st == BR_OK) {
      st = br_buf_append(buf, in.p, in.n, NULL);
    }
  }
  result_buffer(context, st);
}

static void call_concat(sqlite3_context *context, int argc, sqlite3_value **argv) {
  concatenate(context, argc, argv, NULL);
}

static void call_concat_ws(sqlite3_context *context, int argc, sqlite3_value **argv) {
  sql_value separator = sql_value_of(argv[0]);
  if (separator.form == SQL_FORM_NULL && sql_runtime_of(context)->dialect == ENGINE_DATABRICKS) {
    return;
  }
  concatenate(context, argc - 1, argv + 1, separator.form == SQL_FORM_NULL ? NULL : &separator);
}

/* a + b: NULL where one is; blobs stay blobs. */
static void call_cat(sqlite3_context *context, int argc, sqlite3_value **argv) {
  if (sql_any_null(argc, argv)) {
    return;
  }
  bool blob = sqlite3_value_type(argv[0]) == SQLITE_BLOB;
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  for (int i = 0; i < argc && st == BR_OK; i++) {
    sql_value in = sql_value_of(argv[i]);
    st = br_buf_append(buf, in.p, in.n, NULL);
  }
  if (st == BR_OK && blob) {
    sql_value out = sql_value_blob(buf->data, buf->len);
    sql_value_result(context, &out);
    return;
  }
  result_buffer(context, st);
}

static void call_replicate(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int64_t count = sqlite3_value_int64(argv[1]);
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  if (count < 0) {
    return;
  }
  for (int64_t i = 0; i < count && in.n > 0 && st == BR_OK; i++) {
    st = br_buf_append(buf, in.p, in.n, NULL);
  }
  result_buffer(context, st);
}

static void call_reverse(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  size_t end = in.n;
  while (end > 0 && st == BR_OK) {
    size_t from = end - 1;
    while (from > 0 && ((unsigned char)in.p[from] & 0xc0) == 0x80) {
      from--;
    }
    st = br_buf_append(buf, in.p + from, end - from, NULL);
    end = from;
  }
  result_buffer(context, st);
}

static void call_stuff(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int64_t start = sqlite3_value_int64(argv[1]);
  int64_t count = sqlite3_value_int64(argv[2]);
  sql_value with = sql_value_of(argv[3]);
  sql_type type = sql_type_argument(argv[4]);
  int64_t total = (int64_t)sql_text_units(&type, in.p, in.n);
  if (start < 1 || start > total || count < 0) {
    return;
  }
  size_t from = sql_text_prefix(&type, in.p, in.n, (size_t)(start - 1));
  size_t to = from + sql_text_prefix(&type, in.p + from, in.n - from, (size_t)count);
  br_buf *buf = fresh_buffer(context);
  br_status st = br_buf_append(buf, in.p, from, NULL);
  if (st == BR_OK && with.form == SQL_FORM_TEXT) {
    st = br_buf_append(buf, with.p, with.n, NULL);
  }
  if (st == BR_OK) {
    st = br_buf_append(buf, in.p + to, in.n - to, NULL);
  }
  result_buffer(context, st);
}

static void call_char(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  int64_t n = sqlite3_value_int64(argv[0]);
  bool unicode = sqlite3_value_int(argv[1]) != 0;
  br_buf *buf = fresh_buffer(context);
  if (n < 0 || n > (unicode ? 0xffff : 0xff) || (n >= 0xd800 && n <= 0xdfff)) {
    return;
  }
  br_status st = BR_OK;
  if (unicode || n < 0x80) {
    st = put_character(buf, (uint32_t)n);
  } else {
    uint8_t byte = (uint8_t)n;
    size_t used = 0;
    size_t written = 0;
    st = br_buf_reserve(buf, 4, NULL);
    if (st == BR_OK) {
      st = batch_code_page_to_utf8(1252, &byte, 1, false, BATCH_INVALID_REPLACE, buf->data,
                                   &written, &used, NULL);
      buf->len = written;
    }
  }
  result_buffer(context, st);
}

static void call_code(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  if (in.form != SQL_FORM_TEXT || in.n == 0) {
    return;
  }
  const char *p = in.p;
  uint32_t c = sql_utf8_next(&p, in.p + in.n);
  if (sqlite3_value_int(argv[1]) == 0 && c >= 0x80) {
    br_buf *buf = fresh_buffer(context);
    br_status st = batch_utf8_to_code_page(1252, in.p, (size_t)(p - in.p), true, buf, NULL);
    if (st != BR_OK) {
      sql_fail_call(context, st);
      return;
    }
    c = buf->len == 0 ? '?' : buf->data[0];
  }
  sqlite3_result_int64(context, c > 0xffff ? 0xd800 + ((c - 0x10000) >> 10) : c);
}

static void call_quotename(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  sql_value quote = sql_value_of(argv[1]);
  static const char pairs[] = "[]\"\"''(){}<>``";
  char q = (char)(quote.n == 0 ? '[' : quote.p[0]);
  const char *at = strchr(pairs, q == ']'   ? '['
                                 : q == ')' ? '('
                                 : q == '}' ? '{'
                                 : q == '>' ? '<'
                                            : q);
  if (at == NULL || q == '\0' ||
      sql_text_units(&(sql_type){.kind = SQL_NVARCHAR}, in.p, in.n) > 128) {
    return;
  }
  br_buf *buf = fresh_buffer(context);
  br_status st = br_buf_u8(buf, (uint8_t)at[0], NULL);
  for (size_t i = 0; i < in.n && st == BR_OK; i++) {
    if (in.p[i] == at[1]) {
      st = br_buf_u8(buf, (uint8_t)at[1], NULL);
    }
    if (st == BR_OK) {
      st = br_buf_u8(buf, (uint8_t)in.p[i], NULL);
    }
  }
  if (st == BR_OK) {
    st = br_buf_u8(buf, (uint8_t)at[1], NULL);
  }
  result_buffer(context, st);
}

static void call_str(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(3, argv)) {
    return;
  }
  int64_t length = sqlite3_value_int64(argv[1]);
  int64_t digits = sqlite3_value_int64(argv[2]);
  char text[400];
  if (length < 1 || length > 8000 || digits < 0) {
    return;
  }
  digits = digits > 16 ? 16 : digits;
  batch_i128 value = 0;
  double d = sqlite3_value_double(argv[0]);
  if (fabs(d) < 1e20 && sql_decimal_of_double(d, (unsigned)digits, &value)) {
    batch_decimal_text(value, (unsigned)digits, text, sizeof text);
  } else {
    (void)snprintf(text, sizeof text, "%.*f", (int)digits, d);
  }
  size_t whole = strcspn(text, ".");
  br_buf *buf = fresh_buffer(context);
  br_status st = BR_OK;
  if (whole > (size_t)length) {
    st = br_buf_fill(buf, '*', (size_t)length, NULL);
  } else {
    size_t n = strlen(text);
    if (n > (size_t)length) { /* fewer digits behind the point, rounded again */
      size_t room = (size_t)length - whole;
      unsigned scale = room < 2 ? 0 : (unsigned)room - 1;
      if (sql_decimal_of_double(d, scale, &value)) {
        batch_decimal_text(value, scale, text, sizeof text);
      }
      n = strlen(text);
    }
    st = n < (size_t)length ? br_buf_fill(buf, ' ', (size_t)length - n, NULL) : BR_OK;
    if (st == BR_OK) {
      st = br_buf_append(buf, text, n, NULL);
    }
  }
  result_buffer(context, st);
}

const sql_function sql_functions_text[] = {
    {"f_len", 2, call_len},
    {"f_datalength", 2, call_datalength},
    {"f_substring", 4, call_substring},
    {"f_left", 3, call_left},
    {"f_right", 3, call_right},
    {"f_case", 2, call_case},
    {"f_trim", 3, call_trim},
    {"f_replace", 4, call_replace},
    {"f_charindex", 4, call_charindex},
    {"f_patindex", 3, call_patindex},
    {"f_cat", 2, call_cat},
    {"f_concat", -1, call_concat},
    {"f_concat_ws", -1, call_concat_ws},
    {"f_replicate", 2, call_replicate},
    {"f_reverse", 1, call_reverse},
    {"f_stuff", 5, call_stuff},
    {"f_char", 2, call_char},
    {"f_code", 2, call_code},
    {"f_quotename", 2, call_quotename},
    {"f_str", 3, call_str},
    {NULL, 0, NULL},
};
