/*
 * functions_tsql.c: T-SQL's functions and @@globals.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/functions_tsql.h"

/* ISNULL has the type of its first argument. */
static sql_bound *bind_isnull(sql_binder *b, const sql_call *call) {
  sql_type type = call->args[0]->type;
  if (type.kind == SQL_VOID) {
    type = call->args[1]->type;
  }
  sql_bound *x = call_as(b, call, 0, &type);
  sql_bound *y =
      bind_convert(b, call->args[1], &type, SQL_IMPLICIT, SQL_STYLE_NONE, call->expr->line);
  if (x == NULL || y == NULL) {
    return NULL;
  }
  sql_bound *bound = bind_new(b, type, y->nullable && x->nullable,
                              sql_text(b->context, "ifnull(%s,%s)", x->sql, y->sql));
  if (bound != NULL) {
    bound->proven =
        !bind_described_nullable(call->args[0]) || !bind_described_nullable(call->args[1]);
  }
  return bound;
}

static sql_bound *bind_datalength(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  bool big = x->type.length == SQL_LENGTH_MAX;
  return bind_new(b, sql_type_of(big ? SQL_BIGINT : SQL_INT), x->nullable,
                  sql_text(b->context, "f_datalength(%s,%lld)", x->sql, call_pack(&x->type)));
}

static sql_bound *bind_charindex(sql_binder *b, const sql_call *call) {
  sql_bound *what = call_text(b, call, 0);
  sql_bound *x = call_text(b, call, 1);
  sql_bound *start = call->count > 2 ? call_integer(b, call, 2) : bind_integer(b, 1);
  sql_type type;
  if (start == NULL || !bind_common(b, what, x, "charindex", call->expr->line, &type)) {
    return NULL;
  }
  bool big = x->type.length == SQL_LENGTH_MAX;
  return bind_new(b, sql_type_of(big ? SQL_BIGINT : SQL_INT), true,
                  sql_text(b->context, "f_charindex(%s,%s,%s,%lld)", what->sql, x->sql, start->sql,
                           call_pack(&type)));
}

static sql_bound *bind_patindex(sql_binder *b, const sql_call *call) {
  sql_bound *pattern = call_text(b, call, 0);
  sql_bound *x = call_text(b, call, 1);
  sql_type type;
  if (!bind_common(b, pattern, x, "patindex", call->expr->line, &type)) {
    return NULL;
  }
  return bind_new(
      b, sql_type_of(SQL_INT), true,
      sql_text(b->context, "f_patindex(%s,%s,%lld)", pattern->sql, x->sql, call_pack(&type)));
}

static sql_bound *bind_stuff(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  sql_bound *start = call_integer(b, call, 1);
  sql_bound *length = call_integer(b, call, 2);
  sql_bound *with = call_text(b, call, 3);
  if (x == NULL || start == NULL || length == NULL || with == NULL) {
    return NULL;
  }
  bool unicode = sql_type_is_unicode(x->type.kind) ||
                 (with->type.kind != SQL_VOID && sql_type_is_unicode(with->type.kind));
  sql_type type = sql_type_text(unicode ? SQL_NVARCHAR : SQL_VARCHAR,
                                x->type.length == SQL_LENGTH_MAX ? SQL_LENGTH_MAX
                                : unicode                        ? 4000
                                                                 : 8000);
  return bind_new(b, type, true,
                  sql_text(b->context, "f_stuff(%s,%s,%s,%s,%lld)", x->sql, start->sql, length->sql,
                           with->sql, call_pack(&x->type)));
}

static sql_bound *bind_space(sql_binder *b, const sql_call *call) {
  sql_bound *count = call_integer(b, call, 0);
  return count == NULL
             ? NULL
             : bind_new(b, sql_type_text(SQL_VARCHAR, 8000), true,
                        sql_text(b->context, "f_replicate(' ',min(8000,%s))", count->sql));
}

static sql_bound *bind_char(sql_binder *b, const sql_call *call) {
  bool unicode = br_text_equal_nocase(call->expr->text, "NCHAR");
  sql_bound *code = call_integer(b, call, 0);
  return code == NULL ? NULL
                      : bind_new(b, sql_type_text(unicode ? SQL_NCHAR : SQL_CHAR, 1), true,
                                 sql_text(b->context, "f_char(%s,%d)", code->sql, unicode));
}

static sql_bound *bind_code(sql_binder *b, const sql_call *call) {
  bool unicode = br_text_equal_nocase(call->expr->text, "UNICODE");
  sql_bound *x = call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_INT), true,
                              sql_text(b->context, "f_code(%s,%d)", x->sql, unicode));
}

static sql_bound *bind_quotename(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  sql_bound *quote = call->count > 1 ? call_text(b, call, 1) : bind_string(b, "[");
  return x == NULL || quote == NULL
             ? NULL
             : bind_new(b, sql_type_text(SQL_NVARCHAR, 258), true,
                        sql_text(b->context, "f_quotename(%s,%s)", x->sql, quote->sql));
}

static sql_bound *bind_str(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_number(b, call, 0);
  sql_bound *length = call->count > 1 ? call_integer(b, call, 1) : bind_integer(b, 10);
  sql_bound *digits = call->count > 2 ? call_integer(b, call, 2) : bind_integer(b, 0);
  if (x == NULL || length == NULL || digits == NULL) {
    return NULL;
  }
  bool known = length->literal && length->value.i > 0 && length->value.i <= 8000;
  return bind_new(b, sql_type_text(SQL_VARCHAR, known ? (uint32_t)length->value.i : 8000), true,
                  sql_text(b->context, "f_str(%s,%s,%s)", x->sql, length->sql, digits->sql));
}

static sql_bound *bind_sign(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  sql_family family = sql_type_family(x->type.kind);
  if (family == SQL_FAMILY_TEXT || family == SQL_FAMILY_NONE || x->type.kind == SQL_BIT ||
      x->type.kind == SQL_REAL) {
    x = call_number(b, call, 0);
  }
  if (x == NULL) {
    return NULL;
  }
  sql_type type = x->type;
  if (type.kind == SQL_TINYINT || type.kind == SQL_SMALLINT) {
    type = sql_type_of(SQL_INT);
  } else if (type.kind == SQL_DECIMAL) {
    type = sql_type_decimal(38, type.scale == 38 ? 37 : type.scale); /* one digit in front */
  }
  return bind_new(b, type, x->nullable,
                  sql_text(b->context, "f_sign(%s,%lld)", x->sql, call_pack(&x->type)));
}

/* Of whole numbers DEGREES and RADIANS make whole numbers. */
static sql_bound *bind_angle(sql_binder *b, const sql_call *call) {
  const sql_kind kind = call->args[0]->type.kind;
  const bool whole = sql_type_family(kind) == SQL_FAMILY_INTEGER && kind != SQL_BIT;
  const sql_type type = sql_type_of(kind == SQL_BIGINT ? SQL_BIGINT : SQL_INT);
  const sql_bound *x = bind_math(b, call);
  return x == NULL || !whole
             ? (sql_bound *)x
             : bind_convert(b, x, &type, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
}

static sql_bound *bind_log(sql_binder *b, const sql_call *call) {
  if (call->count == 1) {
    return bind_math(b, call);
  }
  sql_bound *x = call_number(b, call, 0);
  sql_bound *base = call_number(b, call, 1);
  return x == NULL || base == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_FLOAT), true,
                        sql_text(b->context, "(f_math(%d,%s)/f_math(%d,%s))", SQL_MATH_LOG, x->sql,
                                 SQL_MATH_LOG, base->sql));
}

static sql_bound *bind_pi(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_literal(b, sql_type_of(SQL_FLOAT), sql_value_real(3.14159265358979323846));
}

static sql_bound *bind_square(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_number(b, call, 0);
  return x == NULL ? NULL : bind_arithmetic(b, '*', x, x, call->expr->line);
}

static sql_bound *bind_isnumeric(sql_binder *b, const sql_call *call) {
  bool number = sql_type_family(call->args[0]->type.kind) <= SQL_FAMILY_FLOAT;
  sql_bound *x = number ? call->args[0] : call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_INT), false,
                              number ? sql_text(b->context, "(%s IS NOT NULL)", x->sql)
                                     : sql_text(b->context, "f_isnumeric(%s)", x->sql));
}

static sql_bound *bind_isdate(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_INT), false,
                              sql_text(b->context, "f_isdate(%s)", x->sql));
}

/* ---- date and time ---- */

static sql_bound *now(sql_binder *b, sql_type type) {
  return bind_new(b, type, false, sql_text(b->context, "f_now(%lld)", call_pack(&type)));
}

static sql_bound *bind_now(sql_binder *b, const sql_call *call) {
  const char *name = call->expr->text;
  if (br_text_equal_nocase(name, "SYSDATETIME") || br_text_equal_nocase(name, "SYSUTCDATETIME")) {
    return now(b, sql_type_scaled(SQL_DATETIME2, 7));
  }
  if (br_text_equal_nocase(name, "SYSDATETIMEOFFSET")) {
    return now(b, sql_type_scaled(SQL_DATETIMEOFFSET, 7));
  }
  if (br_text_equal_nocase(name, "CURRENT_DATE")) {
    return now(b, sql_type_of(SQL_DATE));
  }
  return now(b, sql_type_of(SQL_DATETIME));
}

/* Parts that a function never takes, and those that a type has not. any_type: the function takes
 * what a type lacks for zero. */
static bool part_fits(sql_binder *b, const sql_call *call, sql_part part, const sql_bound *x,
                      bool any_type) {
  static const struct {
    const char *name;
    sql_part refused[3];
  } functions[] = {
      {"dateadd", {SQL_PART_ISO_WEEK, SQL_PART_OFFSET, SQL_PART_OFFSET}},
      {"datediff", {SQL_PART_ISO_WEEK, SQL_PART_OFFSET, SQL_PART_OFFSET}},
      {"datediff_big", {SQL_PART_ISO_WEEK, SQL_PART_OFFSET, SQL_PART_OFFSET}},
      {"datetrunc", {SQL_PART_WEEKDAY, SQL_PART_OFFSET, SQL_PART_NANOSECOND}},
      {"datepart", {SQL_PART_COUNT, SQL_PART_COUNT, SQL_PART_COUNT}},
      {"datename", {SQL_PART_COUNT, SQL_PART_COUNT, SQL_PART_COUNT}},
  };
  const char *word =
      call->expr->list->name.count == 1 ? call->expr->list->name.parts[0] : "of this name";
  const sql_kind kind = x->type.kind;
  const bool clock = part >= SQL_PART_HOUR && part != SQL_PART_OFFSET;
  const bool lacks = kind == SQL_DATE   ? part >= SQL_PART_HOUR
                     : kind == SQL_TIME ? !clock
                                        : part == SQL_PART_OFFSET &&
                                              (kind == SQL_DATETIME || kind == SQL_SMALLDATETIME);
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    if (!br_text_equal_nocase(functions[i].name, call->expr->text)) {
      continue;
    }
    for (size_t k = 0; k < 3; k++) {
      if (functions[i].refused[k] == part) {
        return sql_fail(b->context, 9806, call->expr->line,
                        "The datepart %s is not supported by date function %s.", word,
                        functions[i].name) != NULL;
      }
    }
    return !lacks || any_type ||
           sql_fail(b->context, 9810, call->expr->line,
                    "The datepart %s is not supported by date function %s for data type %s.", word,
                    functions[i].name, sql_type_word(ENGINE_TSQL, kind)) != NULL;
  }
  return true;
}

static sql_bound *bind_dateadd(sql_binder *b, const sql_call *call) {
  sql_part part = SQL_PART_DAY;
  if (!call_part(b, call->expr->list, call->expr->text, &part)) {
    return NULL;
  }
  const sql_type integer = sql_type_of(SQL_INT);
  sql_bound *count =
      bind_convert(b, call->args[1], &integer, SQL_EXPLICIT, SQL_STYLE_NONE, call->expr->line);
  sql_bound *x = call->args[2];
  if (x != NULL && sql_type_family(x->type.kind) != SQL_FAMILY_DATETIME) {
    const sql_type type = sql_type_of(SQL_DATETIME); /* also of text */
    x = bind_convert(b, x, &type, SQL_IMPLICIT, SQL_STYLE_NONE, call->expr->line);
  }
  if (count == NULL || x == NULL || !part_fits(b, call, part, x, false)) {
    return NULL;
  }
  return bind_new(b, x->type, true,
                  sql_text(b->context, "f_dateadd(%d,%s,%s,%lld)", (int)part, count->sql, x->sql,
                           call_pack(&x->type)));
}

static sql_bound *bind_datediff(sql_binder *b, const sql_call *call) {
  sql_part part = SQL_PART_DAY;
  bool big = br_text_equal_nocase(call->expr->text, "DATEDIFF_BIG");
  if (!call_part(b, call->expr->list, call->expr->text, &part)) {
    return NULL;
  }
  sql_bound *x = call_moment(b, call, 1);
  sql_bound *y = call_moment(b, call, 2);
  if (x == NULL || y == NULL || !part_fits(b, call, part, x, true)) {
    return NULL;
  }
  return bind_new(b, sql_type_of(big ? SQL_BIGINT : SQL_INT), true,
                  sql_text(b->context, "f_datediff(%d,%s,%lld,%s,%lld,%d)", (int)part, x->sql,
                           call_pack(&x->type), y->sql, call_pack(&y->type), big));
}

static sql_bound *bind_datepart(sql_binder *b, const sql_call *call) {
  sql_part part = SQL_PART_DAY;
  return call_part(b, call->expr->list, call->expr->text, &part) &&
                 part_fits(b, call, part, call->args[1], false)
             ? bind_datepart_of(b, call, part, 1)
             : NULL;
}

static sql_bound *bind_datename(sql_binder *b, const sql_call *call) {
  sql_part part = SQL_PART_DAY;
  sql_bound *x =
      call_part(b, call->expr->list, call->expr->text, &part) ? call_moment(b, call, 1) : NULL;
  return x == NULL || !part_fits(b, call, part, x, false)
             ? NULL
             : bind_new(b, sql_type_text(SQL_NVARCHAR, 30), x->nullable,
                        sql_text(b->context, "f_datename(%d,%s,%lld)", (int)part, x->sql,
                                 call_pack(&x->type)));
}

static sql_bound *bind_datetrunc(sql_binder *b, const sql_call *call) {
  sql_part part = SQL_PART_DAY;
  sql_bound *x =
      call_part(b, call->expr->list, call->expr->text, &part) ? call_moment(b, call, 1) : NULL;
  return x == NULL || !part_fits(b, call, part, x, false)
             ? NULL
             : bind_new(b, x->type, x->nullable,
                        sql_text(b->context, "f_datetrunc(%d,%s,%lld)", (int)part, x->sql,
                                 call_pack(&x->type)));
}

static sql_bound *bind_eomonth(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_moment(b, call, 0);
  sql_bound *months = call->count > 1 ? call_integer(b, call, 1) : bind_integer(b, 0);
  return x == NULL || months == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_DATE), true,
                        sql_text(b->context, "f_eomonth(%s,%lld,ifnull(%s,0))", x->sql,
                                 call_pack(&x->type), months->sql));
}

static sql_bound *bind_fromparts(sql_binder *b, const sql_call *call) {
  const char *name = call->expr->text;
  bool date = br_text_equal_nocase(name, "DATEFROMPARTS");
  bool time = br_text_equal_nocase(name, "TIMEFROMPARTS");
  bool old = br_text_equal_nocase(name, "DATETIMEFROMPARTS");
  sql_type type = sql_type_of(date   ? SQL_DATE
                              : time ? SQL_TIME
                              : old  ? SQL_DATETIME
                                     : SQL_DATETIME2);
  const char *parts[8] = {"1900", "1", "1", "0", "0", "0", "0", "0"};
  size_t first = time ? 3 : 0;
  size_t given = date ? 3 : time ? 4 : 7;
  for (size_t i = 0; i < given; i++) {
    sql_bound *arg = call_integer(b, call, i);
    if (arg == NULL) {
      return NULL;
    }
    parts[first + i] = arg->sql;
  }
  if (old) { /* milliseconds */
    parts[6] = sql_text(b->context, "(%s*10000)", parts[6]);
  } else if (!date) { /* units of 10^-precision */
    const sql_bound *precision = call->args[call->count - 1];
    if (!precision->literal || precision->value.i < 0 || precision->value.i > 7) {
      return sql_fail(b->context, 10760, call->expr->line,
                      "Scale argument is not valid. Valid expressions for data type %s scale "
                      "argument are integer constants and integer constant expressions.",
                      sql_type_word(ENGINE_TSQL, type.kind));
    }
    type.scale = (uint8_t)precision->value.i;
    parts[6] = sql_text(b->context, "(%s*%lld)", parts[6], (long long)sql_power10(7U - type.scale));
  }
  return bind_new(b, type, true,
                  sql_text(b->context, "f_fromparts(%lld,%s,%s,%s,%s,%s,%s,%s,%s)",
                           call_pack(&type), parts[0], parts[1], parts[2], parts[3], parts[4],
                           parts[5], parts[6], parts[7]));
}

static sql_bound *bind_tooffset(sql_binder *b, const sql_call *call) {
  bool switches = br_text_equal_nocase(call->expr->text, "SWITCHOFFSET");
  sql_bound *x = NULL;
  if (switches) {
    const sql_type type = sql_type_scaled(SQL_DATETIMEOFFSET, 7);
    x = call_as(b, call, 0, &type);
  } else {
    x = call_moment(b, call, 0);
  }
  sql_bound *offset = call->args[1];
  return x == NULL ? NULL
                   : bind_new(b, sql_type_scaled(SQL_DATETIMEOFFSET, 7), true,
                              sql_text(b->context, "f_tooffset(%s,%lld,%s,%d)", x->sql,
                                       call_pack(&x->type), offset->sql, switches));
}

/* ---- system ---- */

static sql_bound *bind_identity(sql_binder *b, const sql_call *call) {
  (void)call;
  const sql_type type = sql_type_decimal(38, 0);
  sql_scratch scratch;
  return bind_literal(b, type,
                      b->environment->has_identity
                          ? sql_decimal_put(b->environment->identity, 38, &scratch)
                          : sql_value_null());
}

/* ERROR_NUMBER() and its sisters, inside CATCH. */
static sql_bound *bind_error(sql_binder *b, const sql_call *call) {
  const char *name = call->expr->text + strlen("ERROR_");
  const engine_error *error = b->environment->caught;
  const sql_type integer = sql_type_of(SQL_INT);
  if (br_text_equal_nocase(name, "MESSAGE")) {
    const sql_type type = sql_type_text(SQL_NVARCHAR, 4000);
    return bind_literal(b, type,
                        error == NULL ? sql_value_null()
                                      : sql_value_text(error->message, strlen(error->message)));
  }
  if (br_text_equal_nocase(name, "PROCEDURE") || error == NULL) {
    return bind_literal(b, integer, sql_value_null());
  }
  int64_t value = br_text_equal_nocase(name, "NUMBER")     ? error->number
                  : br_text_equal_nocase(name, "SEVERITY") ? error->severity
                  : br_text_equal_nocase(name, "STATE")    ? error->state
                                                           : error->line;
  return bind_literal(b, integer, sql_value_integer(value));
}

static sql_bound *bind_xact_state(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_literal(
      b, sql_type_of(SQL_SMALLINT),
      sql_value_integer(b->environment->doomed ? -1 : b->environment->trancount > 0));
}

static sql_bound *bind_rowcount_big(sql_binder *b, const sql_call *call) {
  (void)call;
  return bind_literal(b, sql_type_of(SQL_BIGINT), sql_value_integer(b->environment->rowcount));
}

sql_bound *bind_global(sql_binder *b, const sql_expr *expr) {
  static const char version[] =
      "Microsoft SQL Server 2022 (sandbox of sql-databricks-bridge) - 16.0.1000.6";
  const sql_environment *e = b->environment;
  const struct {
    const char *name;
    int64_t value;
  } numbers[] = {
      {"ROWCOUNT", (int32_t)e->rowcount},
      {"TRANCOUNT", e->trancount},
      {"SPID", e->spid},
      {"ERROR", e->error_number},
      {"DATEFIRST", 7},
      {"MAX_PRECISION", 38},
      {"TEXTSIZE", 2147483647},
      {"LOCK_TIMEOUT", e->lock_timeout_ms},
      {"NESTLEVEL", 0},
      {"OPTIONS", e->options},
      {"FETCH_STATUS", 0},
      {"LANGID", 0},
      {"MICROSOFTVERSION", 0x100003e8},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (br_text_equal_nocase(expr->text, numbers[i].name)) {
      return bind_integer(b, numbers[i].value);
    }
  }
  if (br_text_equal_nocase(expr->text, "VERSION")) {
    return bind_literal(b, sql_type_text(SQL_NVARCHAR, 300),
                        sql_value_text(version, strlen(version)));
  }
  if (br_text_equal_nocase(expr->text, "SERVERNAME")) {
    return tsql_sysname(b, "sandbox");
  }
  if (br_text_equal_nocase(expr->text, "LANGUAGE")) {
    return tsql_sysname(b, "us_english");
  }
  if (br_text_equal_nocase(expr->text, "IDENTITY")) {
    return bind_identity(b, NULL);
  }
  return sql_fail(b->context, 137, expr->line, "Must declare the scalar variable \"@@%s\".",
                  expr->text);
}

const sql_function_row sql_function_rows_tsql[] = {
    {"ISNULL", 2, 2, false, bind_isnull},
    {"COALESCE", 2, UINT8_MAX, false, bind_coalesce},
    {"NULLIF", 2, 2, false, bind_nullif},
    {"IIF", 3, 3, false, bind_iif},
    {"LEN", 1, 1, false, bind_len},
    {"DATALENGTH", 1, 1, false, bind_datalength},
    {"SUBSTRING", 3, 3, false, bind_substring},
    {"LEFT", 2, 2, false, bind_left},
    {"RIGHT", 2, 2, false, bind_right},
    {"UPPER", 1, 1, false, bind_upper},
    {"LOWER", 1, 1, false, bind_lower},
    {"LTRIM", 1, 2, false, bind_ltrim},
    {"RTRIM", 1, 2, false, bind_rtrim},
    {"TRIM", 1, 2, false, bind_trim},
    {"REPLACE", 3, 3, false, bind_replace},
    {"CHARINDEX", 2, 3, false, bind_charindex},
    {"PATINDEX", 2, 2, false, bind_patindex},
    {"CONCAT", 2, 254, false, bind_concat},
    {"CONCAT_WS", 3, 254, false, bind_concat_ws},
    {"REPLICATE", 2, 2, false, bind_replicate},
    {"REVERSE", 1, 1, false, bind_reverse},
    {"STUFF", 4, 4, false, bind_stuff},
    {"SPACE", 1, 1, false, bind_space},
    {"CHAR", 1, 1, false, bind_char},
    {"NCHAR", 1, 1, false, bind_char},
    {"ASCII", 1, 1, false, bind_code},
    {"UNICODE", 1, 1, false, bind_code},
    {"QUOTENAME", 1, 2, false, bind_quotename},
    {"STR", 1, 3, false, bind_str},
    {"ISNUMERIC", 1, 1, false, bind_isnumeric},
    {"ISDATE", 1, 1, false, bind_isdate},
    {"ABS", 1, 1, false, bind_abs},
    {"ROUND", 2, 3, false, bind_round},
    {"CEILING", 1, 1, false, bind_ceiling},
    {"FLOOR", 1, 1, false, bind_floor},
    {"POWER", 2, 2, false, bind_power},
    {"SIGN", 1, 1, false, bind_sign},
    {"SQRT", 1, 1, false, bind_math},
    {"SQUARE", 1, 1, false, bind_square},
    {"EXP", 1, 1, false, bind_math},
    {"LOG", 1, 2, false, bind_log},
    {"LOG10", 1, 1, false, bind_math},
    {"SIN", 1, 1, false, bind_math},
    {"COS", 1, 1, false, bind_math},
    {"TAN", 1, 1, false, bind_math},
    {"ASIN", 1, 1, false, bind_math},
    {"ACOS", 1, 1, false, bind_math},
    {"ATAN", 1, 1, false, bind_math},
    {"DEGREES", 1, 1, false, bind_angle},
    {"RADIANS", 1, 1, false, bind_angle},
    {"PI", 0, 0, false, bind_pi},
    {"GETDATE", 0, 0, false, bind_now},
    {"GETUTCDATE", 0, 0, false, bind_now},
    {"CURRENT_TIMESTAMP", 0, 0, false, bind_now},
    {"CURRENT_DATE", 0, 0, false, bind_now},
    {"SYSDATETIME", 0, 0, false, bind_now},
    {"SYSUTCDATETIME", 0, 0, false, bind_now},
    {"SYSDATETIMEOFFSET", 0, 0, false, bind_now},
    {"DATEADD", 3, 3, true, bind_dateadd},
    {"DATEDIFF", 3, 3, true, bind_datediff},
    {"DATEDIFF_BIG", 3, 3, true, bind_datediff},
    {"DATEPART", 2, 2, true, bind_datepart},
    {"DATENAME", 2, 2, true, bind_datename},
    {"DATETRUNC", 2, 2, true, bind_datetrunc},
    {"YEAR", 1, 1, false, bind_year},
    {"MONTH", 1, 1, false, bind_year},
    {"DAY", 1, 1, false, bind_year},
    {"EOMONTH", 1, 2, false, bind_eomonth},
    {"DATEFROMPARTS", 3, 3, false, bind_fromparts},
    {"TIMEFROMPARTS", 5, 5, false, bind_fromparts},
    {"DATETIMEFROMPARTS", 7, 7, false, bind_fromparts},
    {"DATETIME2FROMPARTS", 8, 8, false, bind_fromparts},
    {"SWITCHOFFSET", 2, 2, false, bind_tooffset},
    {"TODATETIMEOFFSET", 2, 2, false, bind_tooffset},
    {"NEWID", 0, 0, false, bind_newid},
    {"NEWSEQUENTIALID", 0, 0, false, bind_newid},
    {"HASHBYTES", 2, 2, false, bind_hashbytes},
    {"DB_NAME", 0, 1, false, bind_db_name},
    {"DB_ID", 0, 1, false, bind_db_id},
    {"SCHEMA_NAME", 0, 1, false, bind_schema_name},
    {"SCHEMA_ID", 0, 1, false, bind_schema_id},
    {"OBJECT_ID", 1, 2, false, bind_object_id},
    {"OBJECT_NAME", 1, 2, false, bind_object_name},
    {"OBJECT_SCHEMA_NAME", 1, 2, false, bind_object_schema_name},
    {"OBJECTPROPERTY", 2, 2, false, bind_objectproperty},
    {"COL_LENGTH", 2, 2, false, bind_col_length},
    {"COL_NAME", 2, 2, false, bind_col_name},
    {"COLUMNPROPERTY", 3, 3, false, bind_columnproperty},
    {"TYPE_NAME", 1, 1, false, bind_type_name},
    {"TYPE_ID", 1, 1, false, bind_type_id},
    {"IDENT_CURRENT", 1, 1, false, bind_ident_current},
    {"HAS_PERMS_BY_NAME", 3, 5, false, bind_yes},
    {"HAS_DBACCESS", 1, 1, false, bind_yes},
    {"IS_MEMBER", 1, 1, false, bind_yes},
    {"IS_ROLEMEMBER", 1, 2, false, bind_yes},
    {"IS_SRVROLEMEMBER", 1, 2, false, bind_yes},
    {"USER_NAME", 0, 0, false, bind_user_name},
    {"USER", 0, 0, false, bind_user_name},
    {"CURRENT_USER", 0, 0, false, bind_user_name},
    {"SESSION_USER", 0, 0, false, bind_user_name},
    {"SYSTEM_USER", 0, 0, false, bind_user_name},
    {"SUSER_SNAME", 0, 0, false, bind_user_name},
    {"SUSER_NAME", 0, 0, false, bind_user_name},
    {"ORIGINAL_LOGIN", 0, 0, false, bind_user_name},
    {"HOST_NAME", 0, 0, false, bind_host},
    {"APP_NAME", 0, 0, false, bind_host},
    {"SERVERPROPERTY", 1, 1, false, bind_serverproperty},
    {"DATABASEPROPERTYEX", 2, 2, false, bind_databaseproperty},
    {"APPLOCK_MODE", 3, 3, false, bind_applock},
    {"APPLOCK_TEST", 4, 4, false, bind_applock},
    {"SCOPE_IDENTITY", 0, 0, false, bind_identity},
    {"ERROR_NUMBER", 0, 0, false, bind_error},
    {"ERROR_MESSAGE", 0, 0, false, bind_error},
    {"ERROR_SEVERITY", 0, 0, false, bind_error},
    {"ERROR_STATE", 0, 0, false, bind_error},
    {"ERROR_LINE", 0, 0, false, bind_error},
    {"ERROR_PROCEDURE", 0, 0, false, bind_error},
    {"XACT_STATE", 0, 0, false, bind_xact_state},
    {"ROWCOUNT_BIG", 0, 0, false, bind_rowcount_big},
    {NULL, 0, 0, false, NULL},
};
