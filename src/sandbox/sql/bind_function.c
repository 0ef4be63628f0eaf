/*
 * bind_function.c: finds a function in its dialect's table and binds its arguments; and the
 * functions that both dialects have.
 */
#include "sandbox/sql/bind_function.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

long long call_pack(const sql_type *type) {
  return (long long)sql_type_pack(type);
}

sql_bound *call_as(sql_binder *b, const sql_call *call, size_t index, const sql_type *type) {
  return bind_convert(b, call->args[index], type, SQL_IMPLICIT, SQL_STYLE_NONE, call->expr->line);
}

sql_bound *call_text(sql_binder *b, const sql_call *call, size_t index) {
  sql_bound *arg = call->args[index];
  if (arg == NULL || sql_type_is_text(arg->type.kind)) {
    return arg;
  }
  bool time = sql_type_family(arg->type.kind) == SQL_FAMILY_DATETIME;
  sql_type type = !b->is_tsql ? sql_type_of(SQL_STRING)
                  : time      ? sql_type_text(SQL_VARCHAR, 40)
                              : sql_type_text(SQL_VARCHAR, 8000);
  return bind_convert(b, arg, &type, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
}

sql_bound *call_integer(sql_binder *b, const sql_call *call, size_t index) {
  const sql_type type = sql_type_of(SQL_BIGINT);
  return bind_convert(b, call->args[index], &type, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
}

sql_bound *call_number(sql_binder *b, const sql_call *call, size_t index) {
  const sql_type type = sql_type_of(SQL_FLOAT);
  return call_as(b, call, index, &type);
}

static const char *word_of(const sql_expr *expr) {
  return expr->kind == SQL_E_COLUMN && expr->name.count == 1          ? expr->name.parts[0]
         : expr->kind == SQL_E_STRING || expr->kind == SQL_E_FUNCTION ? expr->text
                                                                      : "";
}

bool call_part(sql_binder *b, const sql_expr *word, const char *function, sql_part *ret_part) {
  static const struct {
    const char *name;
    sql_part part;
  } parts[] = {
      {"year", SQL_PART_YEAR},
      {"yy", SQL_PART_YEAR},
      {"yyyy", SQL_PART_YEAR},
      {"quarter", SQL_PART_QUARTER},
      {"qq", SQL_PART_QUARTER},
      {"q", SQL_PART_QUARTER},
      {"month", SQL_PART_MONTH},
      {"mm", SQL_PART_MONTH},
      {"m", SQL_PART_MONTH},
      {"dayofyear", SQL_PART_DAYOFYEAR},
      {"dy", SQL_PART_DAYOFYEAR},
      {"y", SQL_PART_DAYOFYEAR},
      {"day", SQL_PART_DAY},
      {"dd", SQL_PART_DAY},
      {"d", SQL_PART_DAY},
      {"week", SQL_PART_WEEK},
      {"wk", SQL_PART_WEEK},
      {"ww", SQL_PART_WEEK},
      {"iso_week", SQL_PART_ISO_WEEK},
      {"isowk", SQL_PART_ISO_WEEK},
      {"isoww", SQL_PART_ISO_WEEK},
      {"weekday", SQL_PART_WEEKDAY},
      {"dw", SQL_PART_WEEKDAY},
      {"w", SQL_PART_WEEKDAY},
      {"hour", SQL_PART_HOUR},
      {"hh", SQL_PART_HOUR},
      {"minute", SQL_PART_MINUTE},
      {"mi", SQL_PART_MINUTE},
      {"n", SQL_PART_MINUTE},
      {"second", SQL_PART_SECOND},
      {"ss", SQL_PART_SECOND},
      {"s", SQL_PART_SECOND},
      {"millisecond", SQL_PART_MILLISECOND},
      {"ms", SQL_PART_MILLISECOND},
      {"microsecond", SQL_PART_MICROSECOND},
      {"mcs", SQL_PART_MICROSECOND},
      {"nanosecond", SQL_PART_NANOSECOND},
      {"ns", SQL_PART_NANOSECOND},
      {"tzoffset", SQL_PART_OFFSET},
      {"tz", SQL_PART_OFFSET},
  };
  const char *name = word_of(word);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (br_text_equal_nocase(name, parts[i].name)) {
      *ret_part = parts[i].part;
      return true;
    }
  }
  if (b->is_tsql) {
    char shown[32];
    (void)snprintf(shown, sizeof shown, "%s", function);
    for (char *c = shown; *c != '\0'; c++) {
      *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    (void)sql_fail(b->context, 155, word->line, "'%s' is not a recognized %s option.", name, shown);
  } else {
    (void)sql_fail_condition(b->context, "INVALID_PARAMETER_VALUE.DATETIME_UNIT", "22023",
                             "The value of the parameter unit is invalid: %s.", name);
  }
  return false;
}

sql_bound *call_moment(sql_binder *b, const sql_call *call, size_t index) {
  sql_bound *arg = call->args[index];
  if (arg == NULL || sql_type_family(arg->type.kind) == SQL_FAMILY_DATETIME) {
    return arg;
  }
  sql_type type = b->is_tsql ? sql_type_of(SQL_DATETIME) : sql_type_of(SQL_TIMESTAMP);
  if (b->is_tsql && sql_type_is_text(arg->type.kind)) {
    type = sql_type_scaled(SQL_DATETIME2, 7);
  }
  return bind_convert(b, arg, &type, SQL_IMPLICIT, SQL_STYLE_NONE, call->expr->line);
}

/* ---- functions of both dialects ---- */

static sql_bound *choose(sql_binder *b, const sql_call *call, const char *function) {
  sql_bound so_far = *call->args[0];
  for (size_t i = 1; i < call->count; i++) {
    sql_type type;
    if (!bind_common(b, &so_far, call->args[i], function, call->expr->line, &type)) {
      return NULL;
    }
    so_far.type = type;
  }
  const char *sql = "coalesce(";
  bool nullable = true;
  for (size_t i = 0; i < call->count; i++) {
    sql_bound *arg = call_as(b, call, i, &so_far.type);
    if (arg == NULL) {
      return NULL;
    }
    nullable = nullable && arg->nullable;
    sql = sql_text(b->context, "%s%s%s", sql, i == 0 ? "" : ",", arg->sql);
  }
  return bind_new(b, so_far.type, nullable, sql_text(b->context, "%s)", sql));
}

sql_bound *bind_coalesce(sql_binder *b, const sql_call *call) {
  bool all_null = true;
  for (size_t i = 0; i < call->count; i++) {
    all_null = all_null && call->args[i]->type.kind == SQL_VOID;
  }
  if (all_null && b->is_tsql) {
    return sql_fail(b->context, 4127, call->expr->line,
                    "At least one of the arguments to COALESCE must be an expression that is not "
                    "the NULL constant.");
  }
  return choose(b, call, "coalesce");
}

sql_bound *bind_nullif(sql_binder *b, const sql_call *call) {
  const sql_bound *x = call->args[0];
  sql_bound *same = bind_compare(b, '=', x, call->args[1], call->expr->line);
  if (same == NULL) {
    return NULL;
  }
  return bind_new(b, x->type, true,
                  sql_text(b->context, "(CASE WHEN %s THEN NULL ELSE %s END)", same->sql, x->sql));
}

/* IIF(condition, a, b) arrives with its condition bound as an expression. */
sql_bound *bind_iif(sql_binder *b, const sql_call *call) {
  const sql_bound *when = call->args[0];
  sql_type type;
  if (b->is_tsql ? !when->condition : when->type.kind != SQL_BIT) {
    return b->is_tsql ? sql_fail(b->context, 4145, call->expr->line,
                                 "An expression of non-boolean type specified in a context where a "
                                 "condition is expected, near ','.")
                      : sql_unsupported(b->context, call->expr->line, "if() of this type");
  }
  if (!bind_common(b, call->args[1], call->args[2], "iif", call->expr->line, &type)) {
    return NULL;
  }
  sql_bound *x = call_as(b, call, 1, &type);
  sql_bound *y = call_as(b, call, 2, &type);
  if (x == NULL || y == NULL) {
    return NULL;
  }
  return bind_new(
      b, type, x->nullable || y->nullable,
      sql_text(b->context, "(CASE WHEN %s THEN %s ELSE %s END)", when->sql, x->sql, y->sql));
}

/* char and nchar come back as varchar and nvarchar. */
static sql_type varying(sql_type type) {
  if (type.kind == SQL_CHAR || type.kind == SQL_TEXT) {
    type.kind = SQL_VARCHAR;
  } else if (type.kind == SQL_NCHAR || type.kind == SQL_NTEXT) {
    type.kind = SQL_NVARCHAR;
  }
  return type;
}

static sql_bound *change_case(sql_binder *b, const sql_call *call, int upper) {
  sql_bound *x = call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, varying(x->type), x->nullable,
                              sql_text(b->context, "f_case(%s,%d)", x->sql, upper));
}

sql_bound *bind_upper(sql_binder *b, const sql_call *call) {
  return change_case(b, call, 1);
}

sql_bound *bind_lower(sql_binder *b, const sql_call *call) {
  return change_case(b, call, 0);
}

static sql_bound *trim(sql_binder *b, const sql_call *call, int sides) {
  sql_bound *x = call_text(b, call, 0);
  sql_bound *set = call->count > 1 ? call_text(b, call, 1) : NULL;
  if (x == NULL || (call->count > 1 && set == NULL)) {
    return NULL;
  }
  return bind_new(
      b, varying(x->type), x->nullable,
      sql_text(b->context, "f_trim(%s,%d,%s)", x->sql, sides, set == NULL ? "NULL" : set->sql));
}

sql_bound *bind_trim(sql_binder *b, const sql_call *call) {
  return trim(b, call, 3);
}

sql_bound *bind_ltrim(sql_binder *b, const sql_call *call) {
  return trim(b, call, 1);
}

sql_bound *bind_rtrim(sql_binder *b, const sql_call *call) {
  return trim(b, call, 2);
}

sql_bound *bind_len(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  if (sql_type_family(x->type.kind) != SQL_FAMILY_BINARY) {
    x = call_text(b, call, 0);
  }
  if (x == NULL) {
    return NULL;
  }
  bool big = b->is_tsql && x->type.length == SQL_LENGTH_MAX;
  return bind_new(b, sql_type_of(big ? SQL_BIGINT : SQL_INT), x->nullable,
                  sql_text(b->context, "f_len(%s,%lld)", x->sql, call_pack(&x->type)));
}

/* Text or bytes, for functions that cut. */
static sql_bound *cuttable(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  return sql_type_family(x->type.kind) == SQL_FAMILY_BINARY ? x : call_text(b, call, 0);
}

static sql_type cut_type(const sql_bound *x, const sql_bound *length) {
  sql_type type = varying(x->type);
  if (type.kind == SQL_BINARY) {
    type.kind = SQL_VARBINARY;
  }
  if (length->literal && length->value.form == SQL_FORM_INTEGER && length->value.i > 0 &&
      type.length != SQL_LENGTH_MAX && (uint64_t)length->value.i < type.length) {
    type.length = (uint32_t)length->value.i;
  }
  return type;
}

sql_bound *bind_substring(sql_binder *b, const sql_call *call) {
  sql_bound *x = cuttable(b, call);
  sql_bound *start = call_integer(b, call, 1);
  sql_bound *length = call->count > 2 ? call_integer(b, call, 2) : bind_integer(b, INT32_MAX);
  if (x == NULL || start == NULL || length == NULL) {
    return NULL;
  }
  return bind_new(b, cut_type(x, length), true,
                  sql_text(b->context, "f_substring(%s,%s,%s,%lld)", x->sql, start->sql,
                           length->sql, call_pack(&x->type)));
}

static sql_bound *side(sql_binder *b, const sql_call *call, const char *function) {
  sql_bound *x = cuttable(b, call);
  sql_bound *length = call_integer(b, call, 1);
  if (x == NULL || length == NULL) {
    return NULL;
  }
  return bind_new(
      b, cut_type(x, length), true,
      sql_text(b->context, "%s(%s,%s,%lld)", function, x->sql, length->sql, call_pack(&x->type)));
}

sql_bound *bind_left(sql_binder *b, const sql_call *call) {
  return side(b, call, "f_left");
}

sql_bound *bind_right(sql_binder *b, const sql_call *call) {
  return side(b, call, "f_right");
}

sql_bound *bind_replace(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  sql_bound *what = call_text(b, call, 1);
  sql_bound *with = call->count > 2 ? call_text(b, call, 2) : bind_string(b, "");
  if (x == NULL || what == NULL || with == NULL) {
    return NULL;
  }
  bool unicode = sql_type_is_unicode(x->type.kind) || sql_type_is_unicode(what->type.kind) ||
                 sql_type_is_unicode(with->type.kind);
  sql_type type = varying(x->type);
  if (b->is_tsql) {
    bool max = x->type.length == SQL_LENGTH_MAX;
    type.kind = unicode ? SQL_NVARCHAR : SQL_VARCHAR;
    type.length = max ? SQL_LENGTH_MAX : unicode ? 4000 : 8000;
  }
  return bind_new(b, type, true,
                  sql_text(b->context, "f_replace(%s,%s,%s,%lld)", x->sql, what->sql, with->sql,
                           call_pack(&type)));
}

sql_bound *bind_reverse(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, varying(x->type), x->nullable,
                              sql_text(b->context, "f_reverse(%s)", x->sql));
}

/* Longer results than the type holds are cut, as the dialect cuts. */
static sql_bound *cut(sql_binder *b, sql_bound *x, sql_type type, int32_t line) {
  if (x == NULL || type.length == SQL_LENGTH_MAX) {
    return x;
  }
  sql_type open = type;
  open.length = SQL_LENGTH_MAX;
  x->type = open;
  return bind_convert(b, x, &type, SQL_EXPLICIT, SQL_STYLE_NONE, line);
}

sql_bound *bind_replicate(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  sql_bound *count = call_integer(b, call, 1);
  if (x == NULL || count == NULL) {
    return NULL;
  }
  sql_type type = varying(x->type);
  if (b->is_tsql && type.length != SQL_LENGTH_MAX) {
    type.length = sql_type_is_unicode(type.kind) ? 4000 : 8000;
  }
  return cut(
      b, bind_new(b, type, true, sql_text(b->context, "f_replicate(%s,%s)", x->sql, count->sql)),
      type, call->expr->line);
}

/* CONCAT and CONCAT_WS: the first `fixed` arguments are written in front. */
static sql_bound *concatenate(sql_binder *b, const sql_call *call, const char *function) {
  const char *sql = sql_text(b->context, "%s(", function);
  bool unicode = false;
  bool max = false;
  uint64_t total = 0;
  bool nullable = !b->is_tsql;
  const char *any_null = "";
  uint8_t collation = SQL_COLLATION_CI;
  for (size_t i = 0; i < call->count; i++) {
    sql_bound *x = call_text(b, call, i);
    if (x == NULL) {
      return NULL;
    }
    bool null = x->type.kind == SQL_VOID || (x->literal && x->value.form == SQL_FORM_NULL);
    unicode = unicode || (!null && sql_type_is_unicode(x->type.kind));
    max = max || x->type.length == SQL_LENGTH_MAX;
    total += null ? 0 : x->type.length == SQL_LENGTH_MAX ? 0 : x->type.length;
    collation = i == 0 ? x->type.collation : collation;
    sql = sql_text(b->context, "%s%s%s", sql, i == 0 ? "" : ",", x->sql);
    any_null = sql_text(b->context, "%s%s%s IS NULL", any_null, i == 0 ? "" : " OR ", x->sql);
  }
  sql = sql_text(b->context, "%s)", sql);
  if (!b->is_tsql) {
    bool skips = strcmp(function, "f_concat_ws") == 0;
    return bind_new(
        b, sql_type_of(SQL_STRING), nullable,
        skips ? sql : sql_text(b->context, "(CASE WHEN %s THEN NULL ELSE %s END)", any_null, sql));
  }
  uint32_t most = unicode ? 4000 : 8000;
  sql_type type =
      sql_type_text(unicode ? SQL_NVARCHAR : SQL_VARCHAR, max            ? SQL_LENGTH_MAX
                                                          : total == 0   ? 1
                                                          : total > most ? most
                                                                         : (uint32_t)total);
  type.collation = collation == SQL_COLLATION_NONE ? SQL_COLLATION_CI : collation;
  return cut(b, bind_new(b, type, false, sql), type, call->expr->line);
}

sql_bound *bind_concat(sql_binder *b, const sql_call *call) {
  return concatenate(b, call, "f_concat");
}

sql_bound *bind_concat_ws(sql_binder *b, const sql_call *call) {
  sql_bound *result = concatenate(b, call, "f_concat_ws");
  if (result != NULL && b->is_tsql && result->type.length != SQL_LENGTH_MAX) {
    result->type.length = sql_type_is_unicode(result->type.kind) ? 4000 : 8000;
  }
  return result;
}

/* ---- numbers ---- */

/* The argument as the number type that a mathematical function works on. */
static sql_bound *number_argument(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  sql_family family = sql_type_family(x->type.kind);
  if (x->type.kind == SQL_VOID || family == SQL_FAMILY_TEXT || x->type.kind == SQL_BIT) {
    return call_number(b, call, 0);
  }
  if (family == SQL_FAMILY_INTEGER && b->is_tsql &&
      (x->type.kind == SQL_TINYINT || x->type.kind == SQL_SMALLINT)) {
    const sql_type type = sql_type_of(SQL_INT);
    return call_as(b, call, 0, &type);
  }
  if (x->type.kind == SQL_SMALLMONEY) {
    const sql_type type = sql_type_of(SQL_MONEY);
    return call_as(b, call, 0, &type);
  }
  if (x->type.kind == SQL_REAL) {
    return call_number(b, call, 0);
  }
  if (family == SQL_FAMILY_INTEGER || family == SQL_FAMILY_DECIMAL || family == SQL_FAMILY_MONEY ||
      family == SQL_FAMILY_FLOAT) {
    return x;
  }
  return b->is_tsql
             ? sql_fail(b->context, 8116, call->expr->line,
                        "Argument data type %s is invalid for argument 1 of %s function.",
                        sql_type_word(ENGINE_TSQL, x->type.kind), call->expr->text)
             : sql_unsupported(b->context, call->expr->line, "%s of this type", call->expr->text);
}

sql_bound *bind_abs(sql_binder *b, const sql_call *call) {
  sql_bound *x = number_argument(b, call);
  return x == NULL ? NULL
                   : bind_new(b, x->type, x->nullable,
                              sql_text(b->context, "f_abs(%s,%lld)", x->sql, call_pack(&x->type)));
}

sql_bound *bind_round(sql_binder *b, const sql_call *call) {
  sql_bound *x = number_argument(b, call);
  sql_bound *digits = call->count > 1 ? call_integer(b, call, 1) : bind_integer(b, 0);
  sql_bound *cuts = call->count > 2 ? call_integer(b, call, 2) : bind_integer(b, 0);
  if (x == NULL || digits == NULL || cuts == NULL) {
    return NULL;
  }
  if (!b->is_tsql && x->type.kind == SQL_DECIMAL) {
    return sql_unsupported(b->context, call->expr->line, "round of DECIMAL");
  }
  return bind_new(b, x->type, true,
                  sql_text(b->context, "f_round(%s,%s,%s,%lld)", x->sql, digits->sql, cuts->sql,
                           call_pack(&x->type)));
}

static sql_bound *whole(sql_binder *b, const sql_call *call, int up) {
  sql_bound *x = number_argument(b, call);
  if (x == NULL) {
    return NULL;
  }
  sql_type type = x->type;
  if (type.kind == SQL_DECIMAL) {
    unsigned p = b->is_tsql ? type.precision : type.precision - type.scale + 1U;
    type = sql_type_decimal(p > 38 ? 38 : p, 0);
  } else if (!b->is_tsql) {
    type = sql_type_of(SQL_BIGINT);
  }
  return bind_new(b, type, x->nullable,
                  sql_text(b->context, "f_whole(%s,%d,%lld,%lld)", x->sql, up, call_pack(&x->type),
                           call_pack(&type)));
}

sql_bound *bind_ceiling(sql_binder *b, const sql_call *call) {
  return whole(b, call, 1);
}

sql_bound *bind_floor(sql_binder *b, const sql_call *call) {
  return whole(b, call, 0);
}

sql_bound *bind_power(sql_binder *b, const sql_call *call) {
  sql_bound *x = number_argument(b, call);
  sql_bound *base = call_number(b, call, 0);
  sql_bound *exponent = call_number(b, call, 1);
  if (x == NULL || base == NULL || exponent == NULL) {
    return NULL;
  }
  sql_type type = b->is_tsql ? x->type : sql_type_of(SQL_FLOAT);
  if (type.kind == SQL_DECIMAL) {
    type.precision = 38;
  }
  return bind_new(
      b, type, true,
      sql_text(b->context, "f_power(%s,%s,%lld)", base->sql, exponent->sql, call_pack(&type)));
}

sql_bound *bind_math(sql_binder *b, const sql_call *call) {
  static const struct {
    const char *name;
    sql_math which;
  } names[] = {
      {"SQRT", SQL_MATH_SQRT},       {"EXP", SQL_MATH_EXP},     {"LOG", SQL_MATH_LOG},
      {"LN", SQL_MATH_LOG},          {"LOG10", SQL_MATH_LOG10}, {"SIN", SQL_MATH_SIN},
      {"COS", SQL_MATH_COS},         {"TAN", SQL_MATH_TAN},     {"ASIN", SQL_MATH_ASIN},
      {"ACOS", SQL_MATH_ACOS},       {"ATAN", SQL_MATH_ATAN},   {"DEGREES", SQL_MATH_DEGREES},
      {"RADIANS", SQL_MATH_RADIANS},
  };
  sql_bound *x = call_number(b, call, 0);
  for (size_t i = 0; x != NULL && i < sizeof names / sizeof names[0]; i++) {
    if (br_text_equal_nocase(names[i].name, call->expr->text)) {
      return bind_new(b, sql_type_of(SQL_FLOAT), x->nullable,
                      sql_text(b->context, "f_math(%d,%s)", (int)names[i].which, x->sql));
    }
  }
  return NULL;
}

sql_bound *bind_datepart_of(sql_binder *b, const sql_call *call, sql_part part, size_t index) {
  sql_bound *x = call_moment(b, call, index);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_INT), x->nullable,
                              sql_text(b->context, "f_datepart(%d,%s,%lld)", (int)part, x->sql,
                                       call_pack(&x->type)));
}

sql_bound *bind_year(sql_binder *b, const sql_call *call) {
  sql_expr word = {.kind = SQL_E_STRING, .text = call->expr->text, .line = call->expr->line};
  sql_part part = SQL_PART_YEAR;
  return call_part(b, &word, "datepart", &part) ? bind_datepart_of(b, call, part, 0) : NULL;
}

/* ---- looking up ---- */

static sql_bound *unknown_function(sql_binder *b, const sql_expr *call) {
  return b->is_tsql ? sql_fail(b->context, 195, call->line,
                               "'%s' is not a recognized built-in function name.", call->text)
                    : sql_fail_condition(b->context, "UNRESOLVED_ROUTINE", "42883",
                                         "Cannot resolve routine `%s` on search path "
                                         "[`system`.`builtin`, `system`.`session`].",
                                         call->text);
}

static sql_bound *wrong_count(sql_binder *b, const sql_expr *call, const sql_function_row *row) {
  if (!b->is_tsql) {
    return sql_fail_condition(b->context, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                              "The `%s` requires %u parameters but the actual number is %zu.",
                              call->text, row->least, call->count);
  }
  if (row->least == row->most) {
    return sql_fail(b->context, 174, call->line, "The %s function requires %u argument(s).",
                    call->text, row->least);
  }
  return sql_fail(b->context, 189, call->line, "The %s function requires %u to %u arguments.",
                  call->text, row->least, row->most);
}

sql_bound *bind_function(sql_binder *b, const sql_expr *expr) {
  sql_bound *aggregate = bind_aggregate(b, expr);
  if (aggregate != NULL || bind_failed(b)) {
    return aggregate;
  }
  const sql_function_row *row = b->is_tsql ? sql_function_rows_tsql : sql_function_rows_databricks;
  while (row->name != NULL && !br_text_equal_nocase(row->name, expr->text)) {
    row++;
  }
  if (row->name == NULL) {
    return unknown_function(b, expr);
  }
  if (expr->count < row->least || (row->most != UINT8_MAX && expr->count > row->most)) {
    return wrong_count(b, expr, row);
  }
  sql_call call = {.expr = expr, .count = expr->count};
  call.args = sql_new(b->context, (expr->count + 1) * sizeof(sql_bound *));
  size_t i = 0;
  for (const sql_expr *e = expr->list; e != NULL && call.args != NULL; e = e->next, i++) {
    if (row->raw && i == 0) {
      continue;
    }
    call.args[i] = row->bind == bind_iif ? bind_expr(b, e) : bind_value(b, e);
    if (call.args[i] == NULL) {
      return NULL;
    }
  }
  return call.args == NULL ? NULL : row->bind(b, &call);
}
