/*
 * fn_misc.c: numbers, uniqueidentifier, JSON texts.
 *
 *   f_round(x, digits, cut, type)  f_abs(x, type)  f_sign(x, type)  f_whole(x, up, type, result)
 *   f_power(x, y, type)  f_math(which, x)  f_avgd(sum, count, scale, result type)
 *   f_newid(text)  f_isnumeric(x)  f_isdate(x)
 *   f_array(type, …)  f_map(key type, value type, …)   Databricks' constructors, as JSON text
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "sandbox/sql/functions.h"
#include "sandbox/sql/json_scan.h"
#include "sandbox/sql/runtime.h"

static void result_decimal(sqlite3_context *context, batch_i128 value, unsigned precision) {
  if (!sql_decimal_fits(value, precision)) {
    sql_raise_overflow(context, "numeric");
    return;
  }
  sql_value out = sql_decimal_put(value, precision, &sql_runtime_of(context)->scratch);
  sql_value_result(context, &out);
}

/* A value at a scale to `digits` behind the point (negative: before it), zeros in their place.
 * False: more than 38 digits. */
static bool round_exact(batch_i128 value, unsigned scale, int64_t digits, bool cut,
                        batch_i128 *ret_value) {
  const int64_t drop = digits > -100 ? (int64_t)scale - digits : 100;
  batch_i128 kept = 0;
  if (drop <= 0 || drop > 38) {
    *ret_value = drop <= 0 ? value : 0;
    return true;
  }
  return sql_decimal_rescale(value, (unsigned)drop, 0, !cut, &kept) &&
         sql_decimal_rescale(kept, 0, (unsigned)drop, false, ret_value);
}

static double round_double(double d, int64_t digits, bool cut) {
  if (digits > 300 || digits < -300) {
    return digits > 0 ? d : 0;
  }
  double power = pow(10, (double)(digits < 0 ? -digits : digits));
  double scaled = digits < 0 ? d / power : d * power;
  if (!isfinite(scaled)) {
    return d;
  }
  scaled = cut ? trunc(scaled) : round(scaled);
  return digits < 0 ? scaled * power : scaled / power;
}

static void call_round(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(3, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  int64_t digits = sqlite3_value_int64(argv[1]);
  bool cut = sqlite3_value_int(argv[2]) != 0;
  sql_type type = sql_type_argument(argv[3]);
  batch_i128 r = 0;
  switch (sql_type_family(type.kind)) {
  case SQL_FAMILY_DECIMAL:
    if (round_exact(sql_decimal_get(&in), type.scale, digits, cut, &r)) {
      result_decimal(context, r, type.precision);
    } else {
      sql_raise_overflow(context, "numeric");
    }
    break;
  case SQL_FAMILY_FLOAT:
    sqlite3_result_double(context, round_double(in.d, digits, cut));
    break;
  default: {
    bool money = sql_type_family(type.kind) == SQL_FAMILY_MONEY;
    (void)round_exact(in.i, money ? 4 : 0, digits, cut, &r); /* 19 digits and one more */
    bool small = type.kind == SQL_INT || type.kind == SQL_SMALLMONEY;
    if (r > (small ? INT32_MAX : INT64_MAX) || r < (small ? INT32_MIN : INT64_MIN)) {
      sql_raise_overflow(context, sql_type_word(sql_runtime_of(context)->dialect, type.kind));
      return;
    }
    sqlite3_result_int64(context, (int64_t)r);
    break;
  }
  }
}

static void call_abs(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  sql_type type = sql_type_argument(argv[1]);
  if (in.form == SQL_FORM_REAL) {
    sqlite3_result_double(context, fabs(in.d));
  } else if (type.kind == SQL_DECIMAL) {
    batch_i128 v = sql_decimal_get(&in);
    result_decimal(context, v < 0 ? -v : v, type.precision);
  } else if (in.i == INT64_MIN || (type.kind == SQL_INT && in.i == INT32_MIN)) {
    sql_raise_overflow(context, sql_type_word(sql_runtime_of(context)->dialect, type.kind));
  } else {
    sqlite3_result_int64(context, in.i < 0 ? -in.i : in.i);
  }
}

/* -1, 0, 1 in the argument's type. */
static void call_sign(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  sql_type type = sql_type_argument(argv[1]);
  if (in.form == SQL_FORM_REAL) {
    sqlite3_result_double(context, in.d < 0 ? -1.0 : in.d > 0);
    return;
  }
  batch_i128 v = sql_decimal_get(&in);
  batch_i128 sign = v < 0 ? -1 : v > 0;
  if (type.kind == SQL_DECIMAL) {
    result_decimal(context, sign * sql_power10(type.scale), 38);
  } else {
    bool money = sql_type_family(type.kind) == SQL_FAMILY_MONEY;
    sqlite3_result_int64(context, (int64_t)sign * (money ? 10000 : 1));
  }
}

static batch_i128 whole(batch_i128 value, unsigned scale, bool up) {
  batch_i128 unit = sql_power10(scale);
  batch_i128 q = value / unit;
  batch_i128 rest = value % unit;
  return q + (up && rest > 0) - (!up && rest < 0);
}

/* CEILING and FLOOR: decimal(p,s) gives decimal(p,0), the others keep their type. */
static void call_whole(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(1, argv)) {
    return;
  }
  sql_value in = sql_value_of(argv[0]);
  bool up = sqlite3_value_int(argv[1]) != 0;
  sql_type type = sql_type_argument(argv[2]);
  sql_type result = sql_type_argument(argv[3]);
  if (in.form == SQL_FORM_REAL) {
    double d = up ? ceil(in.d) : floor(in.d);
    if (result.kind == SQL_BIGINT) { /* what is too large stops at the end, as in Java */
      sqlite3_result_int64(context, d >= 0x1p63    ? INT64_MAX
                                    : d <= -0x1p63 ? INT64_MIN
                                                   : (int64_t)d);
    } else {
      sqlite3_result_double(context, d);
    }
  } else if (type.kind == SQL_DECIMAL) {
    result_decimal(context, whole(sql_decimal_get(&in), type.scale, up), result.precision);
  } else if (sql_type_family(type.kind) == SQL_FAMILY_MONEY) {
    const batch_i128 r = whole(in.i, 4, up) * 10000;
    if (r > INT64_MAX || r < INT64_MIN) {
      sql_raise_overflow(context, "money");
    } else {
      sqlite3_result_int64(context, (int64_t)r);
    }
  } else {
    sqlite3_result_int64(context, in.i);
  }
}

static void raise_invalid_operation(sqlite3_context *context) {
  sql_error_set(&sql_runtime_of(context)->error, 3623, 16,
                "An invalid floating point operation occurred.");
  sql_raise(context);
}

static void call_power(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_runtime *runtime = sql_runtime_of(context);
  const sql_type from = sql_type_of(SQL_FLOAT);
  sql_type to = sql_type_argument(argv[2]);
  double d = pow(sqlite3_value_double(argv[0]), sqlite3_value_double(argv[1]));
  if (isnan(d) && runtime->dialect == ENGINE_TSQL) {
    raise_invalid_operation(context);
    return;
  }
  if (!isfinite(d)) {
    sql_raise_overflow(context, to.kind == SQL_DECIMAL && runtime->dialect == ENGINE_TSQL
                                    ? "numeric"
                                    : sql_type_word(runtime->dialect, to.kind));
    return;
  }
  sql_value in = sql_value_real(d);
  sql_value out;
  sql_conversion c = {.dialect = runtime->dialect,
                      .style = SQL_STYLE_NONE,
                      .scratch = &runtime->scratch,
                      .error = &runtime->error};
  br_status st = sql_convert(&c, &from, &to, &in, &out);
  if (st != BR_OK) {
    sql_fail_call(context, st);
    return;
  }
  sql_value_result(context, &out);
}

static double math(sql_math which, double d) {
  static const double pi = 3.14159265358979323846;
  switch (which) {
  case SQL_MATH_SQRT:
    return sqrt(d);
  case SQL_MATH_EXP:
    return exp(d);
  case SQL_MATH_LOG:
    return log(d);
  case SQL_MATH_LOG10:
    return log10(d);
  case SQL_MATH_SIN:
    return sin(d);
  case SQL_MATH_COS:
    return cos(d);
  case SQL_MATH_TAN:
    return tan(d);
  case SQL_MATH_ASIN:
    return asin(d);
  case SQL_MATH_ACOS:
    return acos(d);
  case SQL_MATH_ATAN:
    return atan(d);
  case SQL_MATH_DEGREES:
    return d * 180 / pi;
  default:
    return d * pi / 180;
  }
}

static void call_math(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_runtime *runtime = sql_runtime_of(context);
  double d = math((sql_math)sqlite3_value_int(argv[0]), sqlite3_value_double(argv[1]));
  if (!isfinite(d)) {
    if (runtime->dialect == ENGINE_TSQL) {
      raise_invalid_operation(context);
      return;
    }
    sql_error_condition(&runtime->error, "UNSUPPORTED_FEATURE", "0A000",
                        "The sandbox has no Infinity and NaN.");
    sql_raise(context);
    return;
  }
  sqlite3_result_double(context, d);
}

static void call_avgd(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sql_any_null(2, argv)) {
    return;
  }
  sql_value sum = sql_value_of(argv[0]);
  sql_type type = sql_type_argument(argv[3]);
  batch_i128 result = 0;
  bool round = sql_runtime_of(context)->dialect == ENGINE_DATABRICKS;
  if (!sql_decimal_divide(sql_decimal_get(&sum), (unsigned)sqlite3_value_int(argv[2]),
                          sqlite3_value_int64(argv[1]), 0, type.scale, round, &result)) {
    sql_raise_overflow(context, "numeric");
    return;
  }
  result_decimal(context, result, type.precision);
}

static void call_newid(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  char text[BR_UUID_MAX];
  uint8_t wire[16];
  br_status st = br_uuid(text, NULL);
  if (st == BR_OK) {
    st = batch_guid_parse(text, 36, wire, NULL);
  }
  if (st != BR_OK) {
    sql_fail_call(context, st);
    return;
  }
  if (sqlite3_value_int(argv[0]) != 0) {
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
    return;
  }
  sql_value out = sql_guid_of_wire(wire, &sql_runtime_of(context)->scratch);
  sql_value_result(context, &out);
}

/* Money may have a sign and a currency's, thousands separators anywhere, and no digit at all. */
static bool is_money_text(const char *text, size_t length) {
  size_t signs = 0;
  size_t currencies = 0;
  size_t points = 0;
  size_t i = 0;
  while (i < length && sql_is_blank(text[i])) {
    i++;
  }
  while (length > i && sql_is_blank(text[length - 1])) {
    length--;
  }
  const size_t begin = i;
  for (; i < length && strchr("+-$ ", text[i]) != NULL && text[i] != '\0'; i++) {
    signs += text[i] == '+' || text[i] == '-';
    currencies += text[i] == '$';
  }
  for (; i < length; i++) {
    if (text[i] != ',' && text[i] != '.' && (text[i] < '0' || text[i] > '9')) {
      return false;
    }
    points += text[i] == '.';
  }
  return length > begin && signs <= 1 && currencies <= 1 && points <= 1;
}

static void call_isnumeric(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  double d = 0;
  sqlite3_result_int(context, in.form == SQL_FORM_TEXT &&
                                  (sql_parse_double(in.p, in.n, &d) || is_money_text(in.p, in.n)));
}

static void call_isdate(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  sql_parsed_time time;
  bool good = in.form == SQL_FORM_TEXT && in.n > 0 &&
              sql_parse_time(in.p, in.n, SQL_STYLE_NONE, &time) && time.fraction_digits <= 3 &&
              !time.has_offset && time.moment.days >= 639905;
  sqlite3_result_int(context, good);
}

/* ---- JSON texts of arrays and maps ---- */

/* Element of an array or map as JSON: numbers and booleans bare, nested ones as they are. */
static br_status json_value(sql_runtime *runtime, br_buf *out, const sql_type *type,
                            const sql_value *in) {
  static const sql_type string = {.kind = SQL_STRING, .length = SQL_LENGTH_MAX};
  sql_value text;
  if (in->form == SQL_FORM_NULL) {
    return br_buf_text(out, "null", NULL);
  }
  if (sql_type_family(type->kind) == SQL_FAMILY_COMPLEX) {
    return br_buf_append(out, in->p, in->n, NULL);
  }
  sql_conversion c = {.dialect = runtime->dialect,
                      .style = SQL_STYLE_NONE,
                      .scratch = &runtime->scratch,
                      .error = &runtime->error};
  br_status st = sql_convert(&c, type, &string, in, &text);
  if (st != BR_OK) {
    return st;
  }
  sql_family family = sql_type_family(type->kind);
  bool bare =
      family == SQL_FAMILY_INTEGER || family == SQL_FAMILY_DECIMAL || family == SQL_FAMILY_FLOAT;
  return bare ? br_buf_append(out, text.p, text.n, NULL)
              : json_put_string(text.p, text.n, out, NULL);
}

static void result_json(sqlite3_context *context, br_buf *out, br_status st) {
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else {
    sqlite3_result_text64(context, (const char *)out->data, out->len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
  }
  br_buf_done(out);
}

static void call_array(sqlite3_context *context, int argc, sqlite3_value **argv) {
  sql_runtime *runtime = sql_runtime_of(context);
  sql_type type = sql_type_argument(argv[0]);
  br_buf out;
  br_buf_init(&out, 1U << 30);
  br_status st = br_buf_u8(&out, '[', NULL);
  for (int i = 1; i < argc && st == BR_OK; i++) {
    sql_value in = sql_value_of(argv[i]);
    st = i > 1 ? br_buf_u8(&out, ',', NULL) : BR_OK;
    if (st == BR_OK) {
      st = json_value(runtime, &out, &type, &in);
    }
  }
  if (st == BR_OK) {
    st = br_buf_u8(&out, ']', NULL);
  }
  result_json(context, &out, st);
}

static void call_map(sqlite3_context *context, int argc, sqlite3_value **argv) {
  static const sql_type string = {.kind = SQL_STRING, .length = SQL_LENGTH_MAX};
  sql_runtime *runtime = sql_runtime_of(context);
  sql_type key_type = sql_type_argument(argv[0]);
  sql_type value_type = sql_type_argument(argv[1]);
  br_buf out;
  br_buf_init(&out, 1U << 30);
  br_status st = br_buf_u8(&out, '{', NULL);
  for (int i = 2; i + 1 < argc && st == BR_OK; i += 2) {
    sql_value key = sql_value_of(argv[i]);
    sql_value value = sql_value_of(argv[i + 1]);
    sql_value text;
    sql_conversion c = {.dialect = runtime->dialect,
                        .style = SQL_STYLE_NONE,
                        .scratch = &runtime->scratch,
                        .error = &runtime->error};
    if (key.form == SQL_FORM_NULL) {
      sql_error_condition(&runtime->error, "NULL_MAP_KEY", "2200E", "Cannot use null as map key.");
      st = BR_ERR_REMOTE;
      break;
    }
    st = i > 2 ? br_buf_u8(&out, ',', NULL) : BR_OK;
    if (st == BR_OK && (st = sql_convert(&c, &key_type, &string, &key, &text)) == BR_OK &&
        (st = json_put_string(text.p, text.n, &out, NULL)) == BR_OK &&
        (st = br_buf_u8(&out, ':', NULL)) == BR_OK) {
      st = json_value(runtime, &out, &value_type, &value);
    }
  }
  if (st == BR_OK) {
    st = br_buf_u8(&out, '}', NULL);
  }
  result_json(context, &out, st);
}

/* ---- types, for the system views ---- */

int64_t sql_system_type_id(sql_kind kind) {
  static const uint8_t ids[SQL_KIND_COUNT] = {
      [SQL_BIT] = 104,       [SQL_TINYINT] = 48,     [SQL_SMALLINT] = 52,
      [SQL_INT] = 56,        [SQL_BIGINT] = 127,     [SQL_DECIMAL] = 106,
      [SQL_MONEY] = 60,      [SQL_SMALLMONEY] = 122, [SQL_REAL] = 59,
      [SQL_FLOAT] = 62,      [SQL_CHAR] = 175,       [SQL_VARCHAR] = 167,
      [SQL_TEXT] = 35,       [SQL_NCHAR] = 239,      [SQL_NVARCHAR] = 231,
      [SQL_NTEXT] = 99,      [SQL_XML] = 241,        [SQL_BINARY] = 173,
      [SQL_VARBINARY] = 165, [SQL_IMAGE] = 34,       [SQL_ROWVERSION] = 189,
      [SQL_DATE] = 40,       [SQL_TIME] = 41,        [SQL_SMALLDATETIME] = 58,
      [SQL_DATETIME] = 61,   [SQL_DATETIME2] = 42,   [SQL_DATETIMEOFFSET] = 43,
      [SQL_GUID] = 36,
  };
  return ids[kind];
}

/* Precision as sys.columns has it; 0: none. */
static int64_t type_precision(const sql_type *type) {
  static const uint8_t digits[SQL_KIND_COUNT] = {
      [SQL_BIT] = 1,      [SQL_TINYINT] = 3, [SQL_BYTE] = 3,   [SQL_SMALLINT] = 5,
      [SQL_INT] = 10,     [SQL_BIGINT] = 19, [SQL_MONEY] = 19, [SQL_SMALLMONEY] = 10,
      [SQL_REAL] = 24,    [SQL_FLOAT] = 53,  [SQL_DATE] = 10,  [SQL_SMALLDATETIME] = 16,
      [SQL_DATETIME] = 23};
  unsigned s = type->scale;
  switch (type->kind) {
  case SQL_DECIMAL:
    return type->precision;
  case SQL_TIME:
    return s == 0 ? 8 : 9 + s;
  case SQL_DATETIME2:
    return s == 0 ? 19 : 20 + s;
  case SQL_DATETIMEOFFSET:
    return s == 0 ? 26 : 27 + s;
  default:
    return digits[type->kind];
  }
}

static int64_t type_bytes(const sql_type *type) {
  static const uint8_t bytes[SQL_KIND_COUNT] = {
      [SQL_BIT] = 1,    [SQL_TINYINT] = 1,    [SQL_SMALLINT] = 2,      [SQL_INT] = 4,
      [SQL_BIGINT] = 8, [SQL_MONEY] = 8,      [SQL_SMALLMONEY] = 4,    [SQL_REAL] = 4,
      [SQL_FLOAT] = 8,  [SQL_DATE] = 3,       [SQL_SMALLDATETIME] = 4, [SQL_DATETIME] = 8,
      [SQL_GUID] = 16,  [SQL_ROWVERSION] = 8, [SQL_TEXT] = 16,         [SQL_NTEXT] = 16,
      [SQL_IMAGE] = 16};
  int64_t time = type->scale <= 2 ? 3 : type->scale <= 4 ? 4 : 5;
  switch (type->kind) {
  case SQL_DECIMAL:
    return type->precision <= 9 ? 5 : type->precision <= 19 ? 9 : type->precision <= 28 ? 13 : 17;
  case SQL_TIME:
    return time;
  case SQL_DATETIME2:
    return time + 3;
  case SQL_DATETIMEOFFSET:
    return time + 5;
  default:
    if (bytes[type->kind] != 0) {
      return bytes[type->kind];
    }
    return type->length == SQL_LENGTH_MAX    ? -1
           : sql_type_is_unicode(type->kind) ? (int64_t)type->length * 2
                                             : (int64_t)type->length;
  }
}

static const char *collation_name(const sql_type *type) {
  if (!sql_type_is_text(type->kind) || type->kind == SQL_XML || type->kind == SQL_STRING) {
    return NULL;
  }
  return type->collation == SQL_COLLATION_CS    ? "SQL_Latin1_General_CP1_CS_AS"
         : type->collation == SQL_COLLATION_BIN ? "Latin1_General_BIN2"
                                                : "SQL_Latin1_General_CP1_CI_AS";
}

/* 0 name, 1 characters, 2 their bytes, 3 numeric precision, 4 its scale, 5 of a time, 6 type id, 7
 * bytes, 8 precision, 9 scale, 10 collation, 11 the whole name. */
static void call_type(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  engine_dialect dialect = sql_runtime_of(context)->dialect;
  sql_type type = sql_type_argument(argv[0]);
  sql_family family = sql_type_family(type.kind);
  bool chars = (family == SQL_FAMILY_TEXT && type.kind != SQL_STRING) ||
               (family == SQL_FAMILY_BINARY && dialect == ENGINE_TSQL);
  bool number = family == SQL_FAMILY_INTEGER || family == SQL_FAMILY_DECIMAL ||
                family == SQL_FAMILY_MONEY || family == SQL_FAMILY_FLOAT;
  int64_t scale = family == SQL_FAMILY_MONEY ? 4 : type.kind == SQL_DATETIME ? 3 : type.scale;
  char text[64];
  switch (sqlite3_value_int(argv[1])) {
  case 0:
    sqlite3_result_text(context, sql_type_word(dialect, type.kind), -1, SQLITE_STATIC);
    return;
  case 1:
  case 2:
    if (chars && type.kind != SQL_ROWVERSION) {
      int64_t n = type.length == SQL_LENGTH_MAX ? -1 : (int64_t)type.length;
      bool doubled = sqlite3_value_int(argv[1]) == 2 && n > 0 && sql_type_is_unicode(type.kind);
      sqlite3_result_int64(context, doubled ? n * 2 : n);
    }
    return;
  case 3:
    if (number && type.kind != SQL_BIT) {
      sqlite3_result_int64(context, type_precision(&type));
    }
    return;
  case 4:
    if (number && type.kind != SQL_BIT && family != SQL_FAMILY_FLOAT) {
      sqlite3_result_int64(context, scale);
    }
    return;
  case 5:
    if (family == SQL_FAMILY_DATETIME) {
      sqlite3_result_int64(context, scale);
    }
    return;
  case 6:
    sqlite3_result_int64(context, sql_system_type_id(type.kind));
    return;
  case 7:
    sqlite3_result_int64(context, type_bytes(&type));
    return;
  case 8:
    sqlite3_result_int64(context, type_precision(&type));
    return;
  case 9:
    sqlite3_result_int64(context, scale);
    return;
  case 10:
    sqlite3_result_text(context, collation_name(&type), -1, SQLITE_STATIC);
    return;
  default:
    sql_type_name(dialect, &type, text, sizeof text);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
    return;
  }
}

/* The n-th type of sys.types at its widest, packed; -1: sysname's. NULL: T-SQL has none of that
 * number. */
static void call_widest(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  int kind = sqlite3_value_int(argv[0]);
  if (kind >= SQL_KIND_COUNT || (kind >= 0 && sql_system_type_id((sql_kind)kind) == 0)) {
    return;
  }
  sql_type type = sql_type_of(kind < 0 ? SQL_NVARCHAR : (sql_kind)kind);
  if (type.kind == SQL_DECIMAL) {
    type = sql_type_decimal(38, 38);
  } else if (type.length != 0 && type.kind != SQL_ROWVERSION && type.length != SQL_LENGTH_MAX) {
    type.length = sql_type_is_unicode(type.kind) ? 4000 : 8000;
  } else if (type.kind == SQL_VARBINARY) {
    type.length = 8000;
  }
  sqlite3_result_int64(context, sql_type_pack(&type));
}

const sql_function sql_functions_misc[] = {
    {"f_widest", 1, call_widest},
    {"f_type", 2, call_type},
    {"f_round", 4, call_round},
    {"f_abs", 2, call_abs},
    {"f_sign", 2, call_sign},
    {"f_whole", 4, call_whole},
    {"f_power", 3, call_power},
    {"f_math", 2, call_math},
    {"f_avgd", 4, call_avgd},
    {"f_newid", 1, call_newid},
    {"f_isnumeric", 1, call_isnumeric},
    {"f_isdate", 1, call_isdate},
    {"f_array", -1, call_array},
    {"f_map", -1, call_map},
    {NULL, 0, NULL},
};
