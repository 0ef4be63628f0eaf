/*
 * bind_literal.c: literals, conversion and comparison.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/bind.h"
#include "sandbox/sql/lexer.h"

bool bind_failed(const sql_binder *b) {
  return b->context->status != BR_OK;
}

const char *bind_join(sql_binder *b, const char *left, const char *between, const char *right) {
  if (left == NULL || right == NULL) {
    return bind_failed(b) ? NULL : left == NULL ? right : left;
  }
  return sql_text(b->context, "%s%s%s", left, between, right);
}

sql_bound *bind_new(sql_binder *b, sql_type type, bool nullable, const char *sql) {
  if (sql == NULL) {
    return bind_failed(b) ? NULL : sql_fail_memory(b->context);
  }
  sql_bound *bound = sql_new(b->context, sizeof *bound);
  if (bound != NULL) {
    bound->type = type;
    bound->nullable = nullable;
    bound->sql = sql;
  }
  return bound;
}

static char *hex_text(sql_binder *b, const char *prefix, const char *p, size_t n,
                      const char *suffix) {
  static const char digits[] = "0123456789ABCDEF";
  size_t before = strlen(prefix);
  char *text = sql_new(b->context, before + n * 2 + strlen(suffix) + 1);
  if (text == NULL) {
    return NULL;
  }
  memcpy(text, prefix, before);
  for (size_t i = 0; i < n; i++) {
    text[before + i * 2] = digits[(uint8_t)p[i] >> 4];
    text[before + i * 2 + 1] = digits[(uint8_t)p[i] & 15];
  }
  memcpy(text + before + n * 2, suffix, strlen(suffix) + 1);
  return text;
}

static char *quoted_text(sql_binder *b, const char *p, size_t n) {
  if (n != 0 && memchr(p, '\0', n) != NULL) {
    return hex_text(b, "CAST(X'", p, n, "' AS TEXT)");
  }
  char *text = sql_new(b->context, n * 2 + 3);
  if (text == NULL) {
    return NULL;
  }
  char *out = text;
  *out++ = '\'';
  for (size_t i = 0; i < n; i++) {
    if (p[i] == '\'') {
      *out++ = '\'';
    }
    *out++ = p[i];
  }
  *out = '\'';
  return text;
}

static const char *literal_text(sql_binder *b, const sql_value *value) {
  switch (value->form) {
  case SQL_FORM_INTEGER:
    if (value->i == INT64_MIN) {
      return "(-9223372036854775807-1)";
    }
    return sql_text(b->context, value->i < 0 ? "(%lld)" : "%lld", (long long)value->i);
  case SQL_FORM_REAL:
    return sql_text(b->context, "(%.17e)", value->d);
  case SQL_FORM_TEXT:
    return quoted_text(b, value->p, value->n);
  case SQL_FORM_BLOB:
    return hex_text(b, "X'", value->p, value->n, "'");
  default:
    return "NULL";
  }
}

sql_bound *bind_literal(sql_binder *b, sql_type type, sql_value value) {
  if ((value.form == SQL_FORM_TEXT || value.form == SQL_FORM_BLOB)) {
    value.p = sql_copy(b->context, value.p, value.n);
    if (value.p == NULL) {
      return NULL;
    }
  }
  sql_bound *bound = bind_new(b, type, value.form == SQL_FORM_NULL, literal_text(b, &value));
  if (bound != NULL) {
    bound->literal = true;
    bound->value = value;
  }
  return bound;
}

sql_bound *bind_null(sql_binder *b) {
  return bind_literal(b, sql_type_of(SQL_VOID), sql_value_null());
}

sql_bound *bind_integer(sql_binder *b, int64_t value) {
  return bind_literal(b, sql_type_of(SQL_INT), sql_value_integer(value));
}

sql_bound *bind_string(sql_binder *b, const char *text) {
  size_t n = strlen(text);
  sql_type type =
      b->is_tsql ? sql_type_text(SQL_NVARCHAR, n == 0 ? 1 : (uint32_t)n) : sql_type_of(SQL_STRING);
  return bind_literal(b, type, sql_value_text(text, n));
}

static sql_bound *decimal_literal(sql_binder *b, const char *text, size_t length, bool negative) {
  batch_i128 mantissa = 0;
  int scale = 0;
  bool overflow = false;
  sql_scratch scratch;
  if (!sql_parse_decimal(text, length, &mantissa, &scale, &overflow) || overflow || scale > 38) {
    return b->is_tsql ? sql_fail(b->context, 1007, 1,
                                 "The number '%.*s' is out of the range for numeric "
                                 "representation (maximum precision 38).",
                                 length > 100 ? 100 : (int)length, text)
                      : sql_fail_condition(b->context, "NUMERIC_VALUE_OUT_OF_RANGE", "22003",
                                           "The number %.*s is out of range.",
                                           length > 100 ? 100 : (int)length, text);
  }
  unsigned digits = 1;
  while (digits < 38 && !sql_decimal_fits(mantissa, digits)) {
    digits++;
  }
  unsigned precision = digits > (unsigned)scale ? digits : scale == 0 ? 1 : (unsigned)scale;
  return bind_literal(b, sql_type_decimal(precision, (unsigned)scale),
                      sql_decimal_put(negative ? -mantissa : mantissa, precision, &scratch));
}

/* Databricks' suffixes: L S Y whole numbers, D F BD the others. */
static sql_bound *suffixed_literal(sql_binder *b, const char *text, size_t length, bool negative,
                                   bool *ret_done) {
  static const struct {
    const char *suffix;
    sql_kind kind;
  } suffixes[] = {{"BD", SQL_DECIMAL}, {"L", SQL_BIGINT}, {"S", SQL_SMALLINT},
                  {"Y", SQL_BYTE},     {"D", SQL_FLOAT},  {"F", SQL_REAL}};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
    size_t n = strlen(suffixes[i].suffix);
    double d = 0;
    if (length <= n || !br_text_equal_nocase(text + length - n, suffixes[i].suffix)) {
      continue;
    }
    *ret_done = true;
    if (suffixes[i].kind == SQL_DECIMAL) {
      return decimal_literal(b, text, length - n, negative);
    }
    if (suffixes[i].kind == SQL_FLOAT || suffixes[i].kind == SQL_REAL) {
      if (!sql_parse_double(text, length - n, &d)) {
        break;
      }
      return bind_literal(b, sql_type_of(suffixes[i].kind), sql_value_real(negative ? -d : d));
    }
    sql_bound *plain = decimal_literal(b, text, length - n, negative);
    const sql_type type = sql_type_of(suffixes[i].kind);
    return plain == NULL ? NULL : bind_convert(b, plain, &type, SQL_EXPLICIT, SQL_STYLE_NONE, 1);
  }
  return NULL;
}

sql_bound *bind_number(sql_binder *b, const sql_expr *expr, bool negative) {
  const char *text = expr->text;
  size_t length = expr->length;
  bool done = false;
  if (!b->is_tsql) {
    sql_bound *bound = suffixed_literal(b, text, length, negative, &done);
    if (done || bind_failed(b)) {
      return bound;
    }
  }
  if (strpbrk(text, "eE") != NULL) {
    char copy[128];
    double d = 0;
    /* T-SQL reads 1e as 1e0. */
    (void)snprintf(copy, sizeof copy, "%s%s", text,
                   strchr("eE+-", text[length - 1]) != NULL ? "0" : "");
    if (!sql_parse_double(copy, strlen(copy), &d)) {
      return b->is_tsql ? sql_fail(b->context, 168, expr->line,
                                   "The floating point value '%.100s' is out of the range of "
                                   "computer representation (8 bytes).",
                                   text)
                        : sql_fail_condition(b->context, "PARSE_SYNTAX_ERROR", "42601",
                                             "Syntax error at or near '%.100s'.", text);
    }
    return bind_literal(b, sql_type_of(SQL_FLOAT), sql_value_real(negative ? -d : d));
  }
  sql_bound *bound = decimal_literal(b, text, length, negative);
  if (bound == NULL || strchr(text, '.') != NULL) {
    return bound;
  }
  batch_i128 value = sql_decimal_get(&bound->value);
  if (value >= INT32_MIN && value <= INT32_MAX) {
    return bind_integer(b, (int64_t)value);
  }
  if (!b->is_tsql && value >= INT64_MIN && value <= INT64_MAX) {
    return bind_literal(b, sql_type_of(SQL_BIGINT), sql_value_integer((int64_t)value));
  }
  return bound;
}

/* ---- conversion ---- */

static sql_bound *refuse_conversion(sql_binder *b, const sql_type *from, const sql_type *to,
                                    bool implicit, int32_t line) {
  char f[64];
  char t[64];
  if (!b->is_tsql) {
    sql_type_name(ENGINE_DATABRICKS, from, f, sizeof f);
    sql_type_name(ENGINE_DATABRICKS, to, t, sizeof t);
    return sql_fail_condition(b->context, "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "42K09",
                              "Cannot cast \"%s\" to \"%s\".", f, t);
  }
  const char *from_word = sql_type_word(ENGINE_TSQL, from->kind);
  const char *to_word = sql_type_word(ENGINE_TSQL, to->kind);
  bool clash = sql_type_family(from->kind) != SQL_FAMILY_TEXT &&
               sql_type_family(from->kind) != SQL_FAMILY_MONEY &&
               !sql_type_convertible(ENGINE_TSQL, from, to, false);
  if (implicit && clash) {
    return sql_fail(b->context, 206, line, "Operand type clash: %s is incompatible with %s",
                    from_word, to_word);
  }
  if (implicit) {
    return sql_fail(b->context, 257, line,
                    "Implicit conversion from data type %s to %s is not allowed. Use the CONVERT "
                    "function to run this query.",
                    from_word, to_word);
  }
  return sql_fail(b->context, 529, line,
                  "Explicit conversion from data type %s to %s is not allowed.", from_word,
                  to_word);
}

/* A literal is converted at once; where that fails, the statement fails when it runs. */
static sql_bound *convert_literal(sql_binder *b, const sql_bound *value, const sql_type *type,
                                  int style, bool *ret_done) {
  sql_scratch scratch;
  engine_error error;
  sql_value out;
  sql_scratch_init(&scratch);
  sql_conversion c = {
      .dialect = b->context->dialect, .style = style, .scratch = &scratch, .error = &error};
  sql_bound *bound = NULL;
  br_status st = sql_convert(&c, &value->type, type, &value->value, &out);
  if (st == BR_OK) {
    bound = bind_literal(b, *type, out);
  } else if (st == BR_ERR_NOMEM) {
    (void)sql_fail_memory(b->context);
  }
  *ret_done = st != BR_ERR_REMOTE;
  sql_scratch_done(&scratch);
  return bound;
}

sql_bound *bind_convert(sql_binder *b, const sql_bound *value, const sql_type *type,
                        sql_convert_how how, int style, int32_t line) {
  if (value == NULL || bind_failed(b)) {
    return NULL;
  }
  bool implicit = how == SQL_IMPLICIT;
  if (!sql_type_convertible(b->context->dialect, &value->type, type, implicit)) {
    return refuse_conversion(b, &value->type, type, implicit, line);
  }
  bool done = false;
  if (value->literal) {
    sql_bound *bound = convert_literal(b, value, type, style, &done);
    if (done) {
      return bound;
    }
    if (how == SQL_TRY) {
      return bind_literal(b, *type, sql_value_null());
    }
  } else if (sql_type_same_form(&value->type, type)) {
    sql_bound *bound = bind_new(b, *type, value->nullable, value->sql);
    return bound;
  }
  return bind_new(b, *type, value->nullable || how == SQL_TRY,
                  sql_text(b->context, "%s(%s,%lld,%lld,%d)", how == SQL_TRY ? "tcv" : "cv",
                           value->sql, (long long)sql_type_pack(&value->type),
                           (long long)sql_type_pack(type), style));
}

sql_bound *bind_assign(sql_binder *b, const sql_bound *value, const sql_type *type,
                       const char *table, const char *column, int32_t line) {
  if (value == NULL || bind_failed(b)) {
    return NULL;
  }
  bool text = (sql_type_is_text(type->kind) || sql_type_family(type->kind) == SQL_FAMILY_BINARY) &&
              type->length != SQL_LENGTH_MAX;
  bool longer = !sql_type_same_form(&value->type, type);
  if (!b->is_tsql && !sql_type_convertible(ENGINE_DATABRICKS, &value->type, type, true)) {
    char f[64];
    char t[64];
    sql_type_name(ENGINE_DATABRICKS, &value->type, f, sizeof f);
    sql_type_name(ENGINE_DATABRICKS, type, t, sizeof t);
    return sql_fail_condition(b->context, "DELTA_FAILED_TO_MERGE_FIELDS", "22005",
                              "Failed to merge fields '%s' and '%s': \"%s\" is not \"%s\".", column,
                              column, f, t);
  }
  if (!(text && longer) && b->is_tsql) {
    return bind_convert(b, value, type, SQL_IMPLICIT, SQL_STYLE_NONE, line);
  }
  if (!longer) {
    return bind_new(b, *type, value->nullable, value->sql);
  }
  if (b->is_tsql && !sql_type_convertible(ENGINE_TSQL, &value->type, type, true)) {
    return refuse_conversion(b, &value->type, type, true, line);
  }
  sql_bound *table_text = bind_string(b, table);
  sql_bound *column_text = bind_string(b, column);
  if (table_text == NULL || column_text == NULL) {
    return NULL;
  }
  return bind_new(b, *type, value->nullable,
                  sql_text(b->context, "asg(%s,%lld,%lld,%s,%s)", value->sql,
                           (long long)sql_type_pack(&value->type), (long long)sql_type_pack(type),
                           table_text->sql, column_text->sql));
}

/* ---- comparison ---- */

bool bind_common(sql_binder *b, const sql_bound *x, const sql_bound *y, const char *what,
                 int32_t line, sql_type *ret_type) {
  sql_type type;
  if (x == NULL || y == NULL) {
    return false;
  }
  if (!sql_type_common(b->context->dialect, &x->type, &y->type, &type)) {
    if (b->is_tsql) {
      (void)sql_fail(b->context, 206, line, "Operand type clash: %s is incompatible with %s",
                     sql_type_word(ENGINE_TSQL, x->type.kind),
                     sql_type_word(ENGINE_TSQL, y->type.kind));
    } else {
      char f[64];
      char t[64];
      sql_type_name(ENGINE_DATABRICKS, &x->type, f, sizeof f);
      sql_type_name(ENGINE_DATABRICKS, &y->type, t, sizeof t);
      (void)sql_fail_condition(b->context, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09",
                               "Cannot resolve \"%s\" due to data type mismatch: the left and "
                               "right operands of the binary operator have incompatible types "
                               "(\"%s\" and \"%s\").",
                               what, f, t);
    }
    return false;
  }
  if (sql_type_is_text(type.kind) && x->collated != y->collated) {
    type.collation = x->collated ? x->type.collation : y->type.collation;
  }
  *ret_type = type;
  return true;
}

const char *bind_collated(sql_binder *b, const sql_bound *value) {
  const char *collate = sql_type_collate(&value->type);
  return collate[0] == '\0' ? value->sql : sql_text(b->context, "%s%s", value->sql, collate);
}

const char *bind_key(sql_binder *b, const sql_bound *value) {
  if (b->is_tsql && sql_type_family(value->type.kind) == SQL_FAMILY_BINARY) {
    return sql_text(b->context, "bkey(%s)", value->sql);
  }
  return bind_collated(b, value);
}

static const char *operator_text(int op) {
  switch (op) {
  case SQL_OP_LE:
    return "<=";
  case SQL_OP_GE:
    return ">=";
  case SQL_OP_NE:
    return "<>";
  case SQL_OP_NULL_SAFE:
    return "IS";
  case '<':
    return "<";
  case '>':
    return ">";
  default:
    return "=";
  }
}

static const char *operator_name(int op) {
  switch (op) {
  case SQL_OP_LE:
    return "less than or equal to";
  case SQL_OP_GE:
    return "greater than or equal to";
  case SQL_OP_NE:
    return "not equal to";
  case '<':
    return "less than";
  case '>':
    return "greater than";
  default:
    return "equal to";
  }
}

/* Two columns, or two collations that were asked for, conflict; one that was asked for wins, else
 * the default one gives way
 * (https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql). */
static bool collations_conflict(const sql_bound *x, const sql_bound *y) {
  if (!sql_type_is_text(x->type.kind) || !sql_type_is_text(y->type.kind) ||
      x->type.collation == y->type.collation || x->collated != y->collated) {
    return false;
  }
  return x->collated || (x->column != NULL && y->column != NULL) ||
         (x->type.collation != SQL_COLLATION_CI && y->type.collation != SQL_COLLATION_CI);
}

/* Types that have no comparison. */
static bool comparable(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                       int32_t line) {
  const sql_bound *both[] = {x, y};
  for (size_t i = 0; i < 2; i++) {
    sql_kind kind = both[i]->type.kind;
    if (b->is_tsql &&
        (kind == SQL_TEXT || kind == SQL_NTEXT || kind == SQL_IMAGE || kind == SQL_XML)) {
      (void)sql_fail(b->context, 402, line,
                     "The data types %s and %s are incompatible in the %s operator.",
                     sql_type_word(ENGINE_TSQL, x->type.kind),
                     sql_type_word(ENGINE_TSQL, y->type.kind), operator_name(op));
      return false;
    }
    if (kind == SQL_MAP) {
      (void)sql_fail_condition(b->context, "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE", "42K09",
                               "Maps can't be compared.");
      return false;
    }
  }
  if (b->is_tsql && collations_conflict(x, y)) {
    (void)sql_fail(b->context, 468, line,
                   "Cannot resolve the collation conflict in the %s operation.", operator_name(op));
    return false;
  }
  return true;
}

sql_bound *bind_compare(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                        int32_t line) {
  sql_type type;
  if (x == NULL || y == NULL || !comparable(b, op, x, y, line) ||
      !bind_common(b, x, y, operator_text(op), line, &type)) {
    return NULL;
  }
  bool texts = sql_type_is_text(x->type.kind) && sql_type_is_text(y->type.kind);
  sql_bound left = *x;
  sql_bound right = *y;
  if (!texts) { /* text is compared as it is, whatever its length */
    const sql_bound *p = bind_convert(b, x, &type, SQL_IMPLICIT, SQL_STYLE_NONE, line);
    const sql_bound *q = bind_convert(b, y, &type, SQL_IMPLICIT, SQL_STYLE_NONE, line);
    if (p == NULL || q == NULL) {
      return NULL;
    }
    left = *p;
    right = *q;
  } else {
    left.type = type;
  }
  bool fixed = type.kind == SQL_BINARY && x->type.kind == SQL_BINARY &&
               y->type.kind == SQL_BINARY && x->type.length == y->type.length;
  const char *l = fixed ? left.sql : bind_key(b, &left);
  right.type.collation = left.type.collation;
  const char *r = texts ? right.sql : fixed ? right.sql : bind_key(b, &right);
  if (l == NULL || r == NULL) {
    return NULL;
  }
  sql_bound *bound = bind_new(b, sql_type_of(SQL_BIT), x->nullable || y->nullable,
                              sql_text(b->context, "(%s %s %s)", l, operator_text(op), r));
  if (bound != NULL) {
    bound->condition = b->is_tsql;
    bound->nullable = op != SQL_OP_NULL_SAFE && bound->nullable;
  }
  return bound;
}

/* ---- type names ---- */

bool bind_type(sql_binder *b, const sql_typename *name, bool in_cast, sql_type *ret_type) {
  bool bad = false;
  if (name == NULL) {
    return false;
  }
  if (!sql_type_of_name(b->context->dialect, name, in_cast, ret_type, &bad)) {
    if (b->is_tsql) {
      (void)sql_fail(b->context, in_cast ? 243 : 2715, name->line,
                     in_cast ? "Type %s is not a defined system type."
                             : "Column, parameter, or variable: Cannot find data type %s.",
                     name->name);
    } else {
      (void)sql_fail_condition(b->context, "UNSUPPORTED_DATATYPE", "0A000",
                               "Unsupported data type \"%s\".", name->name);
    }
    return false;
  }
  if (bad) {
    if (b->is_tsql) {
      (void)sql_fail(b->context, 1001, name->line,
                     "Line %d: Length or precision specification %lld is invalid.", name->line,
                     (long long)name->args[0]);
    } else {
      (void)sql_fail_condition(b->context, "DATATYPE_INVALID_ARGUMENTS", "42611",
                               "The arguments of data type %s are not valid.", name->name);
    }
    return false;
  }
  return true;
}

bool bind_collation(sql_binder *b, const char *name, int32_t line, uint8_t *ret_collation) {
  static const struct {
    const char *suffix;
    sql_collation collation;
  } known[] = {{"_CI_AS", SQL_COLLATION_CI},
               {"_CS_AS", SQL_COLLATION_CS},
               {"_BIN", SQL_COLLATION_BIN},
               {"_BIN2", SQL_COLLATION_BIN},
               {"database_default", SQL_COLLATION_CI},
               {"UTF8_BINARY", SQL_COLLATION_NONE}};
  size_t length = name == NULL ? 0 : strlen(name);
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    size_t n = strlen(known[i].suffix);
    bool latin = length > 5 && (strstr(name, "Latin1") != NULL || known[i].suffix[0] != '_');
    if (length >= n && latin && br_text_equal_nocase(name + length - n, known[i].suffix)) {
      *ret_collation = (uint8_t)known[i].collation;
      return true;
    }
  }
  if (b->is_tsql) {
    (void)sql_fail(b->context, 448, line, "Invalid collation '%s'.", name == NULL ? "" : name);
  } else {
    (void)sql_fail_condition(b->context, "COLLATION_INVALID_NAME", "42704",
                             "The value %s does not represent a correct collation name.",
                             name == NULL ? "" : name);
  }
  return false;
}
