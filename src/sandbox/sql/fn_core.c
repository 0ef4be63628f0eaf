/*
 * fn_core.c: conversion, arithmetic, LIKE and the guards of generated SQL.
 *
 *   cv(x, from, to, style)             CAST and CONVERT
 *   tcv(x, from, to, style)            TRY_CAST: NULL where it fails
 *   asg(x, from, to, table, column)    assignment to a column
 *   ar(op, a, b, type, type_a, type_b) a op b
 *   neg(a, type)  bnot(a, type)        -a, ~a
 *   lk(text, pattern, escape, type, ilike)
 *   bkey(x)                            binary as SQL Server compares it: without zeros at the end
 *   stop(number, message)              an error where a value is never right
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/sql/collate.h"
#include "sandbox/sql/runtime.h"
#include "store/store.h"

sql_runtime *sql_runtime_of(sqlite3_context *context) {
  return sqlite3_user_data(context);
}

void sql_raise(sqlite3_context *context) {
  sql_runtime *runtime = sql_runtime_of(context);
  runtime->raised = true;
  sqlite3_result_error(context, runtime->error.message, -1);
}

void sql_fail_call(sqlite3_context *context, br_status status) {
  if (status == BR_ERR_REMOTE) {
    sql_raise(context);
    return;
  }
  sql_runtime_of(context)->failed = status;
  if (status == BR_ERR_NOMEM) {
    sqlite3_result_error_nomem(context);
  } else {
    sqlite3_result_error(context, br_status_name(status), -1);
  }
}

void sql_raise_overflow(sqlite3_context *context, const char *type_word) {
  sql_runtime *runtime = sql_runtime_of(context);
  if (runtime->dialect == ENGINE_TSQL) {
    sql_error_set(&runtime->error, 8115, 16,
                  "Arithmetic overflow error converting expression to data type %s.", type_word);
    runtime->error.state = 2;
  } else {
    sql_error_condition(
        &runtime->error, "ARITHMETIC_OVERFLOW", "22003",
        "%s overflow. Use functions that tolerate overflow and return NULL "
        "instead. If necessary set \"ansi_mode\" to \"false\" to bypass this error.",
        type_word);
  }
  sql_raise(context);
}

bool sql_any_null(int argc, sqlite3_value **argv) {
  for (int i = 0; i < argc; i++) {
    if (sqlite3_value_type(argv[i]) == SQLITE_NULL) {
      return true;
    }
  }
  return false;
}

sql_type sql_type_argument(sqlite3_value *value) {
  return sql_type_unpack(sqlite3_value_int64(value));
}

static void convert_call(sqlite3_context *context, sqlite3_value **argv, int style,
                         const char *table, const char *column, bool try_) {
  sql_runtime *runtime = sql_runtime_of(context);
  sql_type from = sql_type_argument(argv[1]);
  sql_type to = sql_type_argument(argv[2]);
  sql_value in = sql_value_of(argv[0]);
  sql_value out = sql_value_null();
  sql_conversion c = {.dialect = runtime->dialect,
                      .style = style,
                      .table = table,
                      .column = column,
                      .scratch = &runtime->scratch,
                      .error = &runtime->error};
  br_status st = sql_convert(&c, &from, &to, &in, &out);
  if (st == BR_OK) {
    sql_value_result(context, &out);
  } else if (st != BR_ERR_REMOTE || !try_) {
    sql_fail_call(context, st);
  }
}

static void call_cv(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  convert_call(context, argv, sqlite3_value_int(argv[3]), NULL, NULL, false);
}

static void call_tcv(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  convert_call(context, argv, sqlite3_value_int(argv[3]), NULL, NULL, true);
}

static void call_asg(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  convert_call(context, argv, SQL_STYLE_NONE, (const char *)sqlite3_value_text(argv[3]),
               (const char *)sqlite3_value_text(argv[4]), false);
}

/* ---- arithmetic ---- */

static void raise_zero(sqlite3_context *context) {
  sql_runtime *runtime = sql_runtime_of(context);
  if (runtime->dialect == ENGINE_TSQL) {
    sql_error_set(&runtime->error, 8134, 16, "Divide by zero error encountered.");
  } else {
    sql_error_condition(&runtime->error, "DIVIDE_BY_ZERO", "22012",
                        "Division by zero. Use `try_divide` to tolerate divisor being 0 and return "
                        "NULL instead. If necessary set \"ansi_mode\" to \"false\" to bypass this "
                        "error.");
  }
  sql_raise(context);
}

static bool in_range(sql_kind kind, batch_i128 value) {
  switch (kind) {
  case SQL_BIT:
    return value >= 0 && value <= 1;
  case SQL_TINYINT:
    return value >= 0 && value <= UINT8_MAX;
  case SQL_BYTE:
    return value >= INT8_MIN && value <= INT8_MAX;
  case SQL_SMALLINT:
    return value >= INT16_MIN && value <= INT16_MAX;
  case SQL_INT:
  case SQL_SMALLMONEY:
    return value >= INT32_MIN && value <= INT32_MAX;
  default:
    return value >= INT64_MIN && value <= INT64_MAX;
  }
}

static void arithmetic_integer(sqlite3_context *context, int op, int64_t a, int64_t b,
                               const sql_type *type) {
  batch_i128 r = 0;
  if ((op == '/' || op == '%') && b == 0) {
    raise_zero(context);
    return;
  }
  switch (op) {
  case '+':
    r = (batch_i128)a + b;
    break;
  case '-':
    r = (batch_i128)a - b;
    break;
  case '*':
    r = (batch_i128)a * b;
    break;
  case '/':
    r = (batch_i128)a / b;
    break;
  case '%':
    r = (batch_i128)a % b;
    break;
  case '&':
    r = a & b;
    break;
  case '|':
    r = a | b;
    break;
  default:
    r = a ^ b;
    break;
  }
  if (!in_range(type->kind, r)) {
    sql_raise_overflow(context, sql_type_word(sql_runtime_of(context)->dialect, type->kind));
    return;
  }
  sqlite3_result_int64(context, (int64_t)r);
}

static void arithmetic_money(sqlite3_context *context, int op, int64_t a, int64_t b,
                             const sql_type *type) {
  batch_i128 r = 0;
  if ((op == '/' || op == '%') && b == 0) {
    raise_zero(context);
    return;
  }
  switch (op) {
  case '+':
    r = (batch_i128)a + b;
    break;
  case '-':
    r = (batch_i128)a - b;
    break;
  case '*':
    (void)sql_decimal_multiply(a, b, 8, 4, &r);
    break;
  case '/':
    (void)sql_decimal_divide(a, 4, b, 4, 4, false, &r);
    break;
  default:
    r = (batch_i128)a % b;
    break;
  }
  if (!in_range(type->kind, r)) {
    sql_raise_overflow(context, sql_type_word(ENGINE_TSQL, type->kind));
    return;
  }
  sqlite3_result_int64(context, (int64_t)r);
}

static void arithmetic_float(sqlite3_context *context, int op, double a, double b,
                             const sql_type *type) {
  double r = 0;
  bool tsql = sql_runtime_of(context)->dialect == ENGINE_TSQL;
  if ((op == '/' || op == '%') && b == 0) {
    raise_zero(context);
    return;
  }
  switch (op) {
  case '+':
    r = a + b;
    break;
  case '-':
    r = a - b;
    break;
  case '*':
    r = a * b;
    break;
  case '/':
    r = a / b;
    break;
  default:
    r = fmod(a, b);
    break;
  }
  if (type->kind == SQL_REAL) {
    r = (double)(float)r;
  }
  if (!isfinite(r)) {
    if (tsql) {
      sql_raise_overflow(context, sql_type_word(ENGINE_TSQL, type->kind));
    } else {
      sql_runtime *runtime = sql_runtime_of(context);
      sql_error_condition(&runtime->error, "UNSUPPORTED_FEATURE", "0A000",
                          "The sandbox has no Infinity and NaN.");
      sql_raise(context);
    }
    return;
  }
  sqlite3_result_double(context, r);
}

/* Both as integers of one scale. */
static bool remainder_of(batch_i128 a, unsigned scale_a, batch_i128 b, unsigned scale_b,
                         unsigned scale, batch_i128 *ret_value) {
  unsigned common = scale_a > scale_b ? scale_a : scale_b;
  batch_i128 x = 0;
  batch_i128 y = 0;
  return sql_decimal_rescale(a, scale_a, common, false, &x) &&
         sql_decimal_rescale(b, scale_b, common, false, &y) &&
         sql_decimal_rescale(x % y, common, scale, true, ret_value);
}

static void arithmetic_decimal(sqlite3_context *context, int op, sqlite3_value **argv,
                               const sql_type *type) {
  sql_runtime *runtime = sql_runtime_of(context);
  sql_type type_a = sql_type_argument(argv[4]);
  sql_type type_b = sql_type_argument(argv[5]);
  sql_value value_a = sql_value_of(argv[1]);
  sql_value value_b = sql_value_of(argv[2]);
  batch_i128 a = sql_decimal_get(&value_a);
  batch_i128 b = sql_decimal_get(&value_b);
  batch_i128 r = 0;
  bool good = false;
  if ((op == '/' || op == '%') && b == 0) {
    raise_zero(context);
    return;
  }
  if (op == '*') {
    good = sql_decimal_multiply(a, b, (unsigned)type_a.scale + type_b.scale, type->scale, &r);
  } else if (op == '/') {
    good = sql_decimal_divide(a, type_a.scale, b, type_b.scale, type->scale,
                              runtime->dialect == ENGINE_DATABRICKS, &r);
  } else if (op == '%') {
    good = remainder_of(a, type_a.scale, b, type_b.scale, type->scale, &r);
  } else {
    good = sql_decimal_add(a, type_a.scale, op == '-' ? -b : b, type_b.scale, type->scale, &r);
  }
  if (!good || !sql_decimal_fits(r, type->precision)) {
    if (runtime->dialect == ENGINE_TSQL) {
      sql_raise_overflow(context, "numeric");
    } else {
      sql_error_condition(&runtime->error, "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
                          "The result cannot be represented as Decimal(%u, %u).", type->precision,
                          type->scale);
      sql_raise(context);
    }
    return;
  }
  sql_value out = sql_decimal_put(r, type->precision, &runtime->scratch);
  sql_value_result(context, &out);
}

/* datetime counts from 1900-01-01 already; smalldatetime's ticks from 0001-01-01. */
static void arithmetic_datetime(sqlite3_context *context, int op, int64_t a, int64_t b,
                                const sql_type *type) {
  sql_runtime *runtime = sql_runtime_of(context);
  int64_t base = type->kind == SQL_DATETIME ? 0 : SQL_DAYS_1900 * SQL_TICKS_PER_DAY;
  sql_value value = sql_value_integer(op == '+' ? (a - base) + (b - base) + base
                                                : (a - base) - (b - base) + base);
  sql_moment m = sql_moment_get(type->kind, &value);
  sql_value out;
  if (!sql_moment_put(&m, type, &runtime->scratch, &out)) {
    sql_error_set(&runtime->error, 517, 16, "Adding a value to a '%s' column caused an overflow.",
                  sql_type_word(ENGINE_TSQL, type->kind));
    sql_raise(context);
    return;
  }
  sql_value_result(context, &value);
}

static void call_ar(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv + 1)) {
    return;
  }
  int op = sqlite3_value_int(argv[0]);
  sql_type type = sql_type_argument(argv[3]);
  int64_t a = sqlite3_value_int64(argv[1]);
  int64_t b = sqlite3_value_int64(argv[2]);
  switch (sql_type_family(type.kind)) {
  case SQL_FAMILY_DECIMAL:
    arithmetic_decimal(context, op, argv, &type);
    break;
  case SQL_FAMILY_MONEY:
    arithmetic_money(context, op, a, b, &type);
    break;
  case SQL_FAMILY_FLOAT:
    arithmetic_float(context, op, sqlite3_value_double(argv[1]), sqlite3_value_double(argv[2]),
                     &type);
    break;
  case SQL_FAMILY_DATETIME:
    arithmetic_datetime(context, op, a, b, &type);
    break;
  default:
    arithmetic_integer(context, op, a, b, &type);
    break;
  }
}

static void call_neg(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_type type = sql_type_argument(argv[1]);
  if (sql_any_null(1, argv)) {
    return;
  }
  if (type.kind == SQL_DECIMAL) {
    sql_value value = sql_value_of(argv[0]);
    sql_value out = sql_decimal_put(-sql_decimal_get(&value), type.precision,
                                    &sql_runtime_of(context)->scratch);
    sql_value_result(context, &out);
  } else if (sql_type_family(type.kind) == SQL_FAMILY_FLOAT) {
    sqlite3_result_double(context, -sqlite3_value_double(argv[0]));
  } else {
    arithmetic_integer(context, '-', 0, sqlite3_value_int64(argv[0]), &type);
  }
}

static void call_bnot(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_type type = sql_type_argument(argv[1]);
  if (sql_any_null(1, argv)) {
    return;
  }
  int64_t v = sqlite3_value_int64(argv[0]);
  sqlite3_result_int64(context, type.kind == SQL_BIT       ? !v
                                : type.kind == SQL_TINYINT ? (~v & 0xff)
                                                           : ~v);
}

static void call_lk(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_runtime *runtime = sql_runtime_of(context);
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value text = sql_value_of(argv[0]);
  sql_value pattern = sql_value_of(argv[1]);
  sql_type type = sql_type_argument(argv[3]);
  bool tsql = runtime->dialect == ENGINE_TSQL;
  uint32_t escape = tsql ? 0 : '\\';
  sql_value mark = sql_value_of(argv[2]);
  if (mark.form == SQL_FORM_TEXT) {
    const char *p = mark.p;
    const char *end = mark.p + mark.n;
    escape = p < end ? sql_utf8_next(&p, end) : 0;
    if (p != end || mark.n == 0) {
      sql_error_set(&runtime->error, 506, 16,
                    "The invalid escape character \"%.*s\" was specified in a LIKE predicate.",
                    (int)mark.n, mark.p);
      sql_raise(context);
      return;
    }
  }
  sqlite3_result_int(context, sql_text_like(&type, text.p, text.n, pattern.p, pattern.n, escape,
                                            tsql, sqlite3_value_int(argv[4]) != 0));
}

static void call_bkey(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value value = sql_value_of(argv[0]);
  while (value.form == SQL_FORM_BLOB && value.n > 0 && value.p[value.n - 1] == '\0') {
    value.n--;
  }
  sql_value_result(context, &value);
}

static void call_stop(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_runtime *runtime = sql_runtime_of(context);
  const char *message = (const char *)sqlite3_value_text(argv[1]);
  sql_error_set(&runtime->error, sqlite3_value_int(argv[0]), 16, "%s",
                message == NULL ? "" : message);
  sql_raise(context);
}

const sql_function sql_functions_core[] = {
    {"cv", 4, call_cv},     {"tcv", 4, call_tcv},   {"asg", 5, call_asg}, {"ar", 6, call_ar},
    {"neg", 2, call_neg},   {"bnot", 2, call_bnot}, {"lk", 5, call_lk},   {"bkey", 1, call_bkey},
    {"stop", 2, call_stop}, {NULL, 0, NULL},
};

static br_status register_functions(sql_runtime *runtime, sqlite3 *db, const sql_function *table,
                                    br_error *err) {
  for (const sql_function *f = table; f->name != NULL; f++) {
    if (sqlite3_create_function_v2(db, f->name, f->args, SQLITE_UTF8, runtime, f->call, NULL, NULL,
                                   NULL) != SQLITE_OK) {
      return store_error(db, f->name, err);
    }
  }
  return BR_OK;
}

br_status sql_runtime_register(sql_runtime *runtime, sqlite3 *db, br_error *err) {
  static const sql_function *const tables[] = {
      sql_functions_core, sql_functions_text, sql_functions_time, sql_functions_lock,
      sql_functions_name, sql_functions_json, sql_functions_misc};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    br_status st = register_functions(runtime, db, tables[i], err);
    if (st != BR_OK) {
      return st;
    }
  }
  for (const sql_aggregate *a = sql_aggregates; a->name != NULL; a++) {
    if (sqlite3_create_window_function(db, a->name, a->args, SQLITE_UTF8, runtime, a->step,
                                       a->final, a->value, a->inverse, NULL) != SQLITE_OK) {
      return store_error(db, a->name, err);
    }
  }
  return BR_OK;
}
