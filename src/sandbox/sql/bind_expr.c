/*
 * bind_expr.c: operators, CASE, IN, LIKE, subqueries, columns and variables.
 */
#include "base/hash.h"
#include "sandbox/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/lexer.h"

sql_bound *bind_make_condition(sql_binder *b, bool nullable, const char *sql) {
  sql_bound *bound = bind_new(b, sql_type_of(SQL_BIT), nullable, sql);
  if (bound != NULL) {
    bound->condition = b->is_tsql;
  }
  return bound;
}

sql_bound *bind_value(sql_binder *b, const sql_expr *expr) {
  sql_bound *bound = bind_expr(b, expr);
  if (bound != NULL && bound->condition) {
    return sql_fail(b->context, 102, expr->line, "Incorrect syntax near '%s'.",
                    expr->kind == SQL_E_COMPARE ? "=" : "a condition where a value is expected");
  }
  return bound;
}

const char *bind_condition(sql_binder *b, const sql_expr *expr) {
  sql_bound *bound = bind_expr(b, expr);
  if (bound == NULL) {
    return NULL;
  }
  if (b->is_tsql && !bound->condition) {
    return sql_fail(b->context, 4145, expr->line,
                    "An expression of non-boolean type specified in a context where a condition is "
                    "expected, near '%s'.",
                    expr->kind == SQL_E_COLUMN ? expr->name.parts[expr->name.count - 1] : ")");
  }
  if (!b->is_tsql) {
    const sql_type boolean = sql_type_of(SQL_BIT);
    if (bound->type.kind != SQL_BIT && bound->type.kind != SQL_VOID) {
      return sql_fail_condition(b->context, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09",
                                "Cannot resolve the filter due to data type mismatch: Filter "
                                "expression must be a \"BOOLEAN\" type.");
    }
    bound = bind_convert(b, bound, &boolean, SQL_IMPLICIT, SQL_STYLE_NONE, expr->line);
  }
  return bound == NULL ? NULL : bound->sql;
}

/* ---- operators ---- */

static sql_bound *bind_unary(sql_binder *b, const sql_expr *expr) {
  if (expr->op == '-' && expr->a->kind == SQL_E_NUMBER) {
    return bind_number(b, expr->a, true);
  }
  sql_bound *a = bind_value(b, expr->a);
  if (a == NULL || expr->op == '+') {
    return a;
  }
  sql_family family = sql_type_family(a->type.kind);
  sql_type type = a->type;
  if (expr->op == '~') {
    if (family != SQL_FAMILY_INTEGER) {
      return b->is_tsql ? sql_fail(b->context, 8117, expr->line,
                                   "Operand data type %s is invalid for '~' operator.",
                                   sql_type_word(ENGINE_TSQL, type.kind))
                        : sql_unsupported(b->context, expr->line, "~ of this type");
    }
    return bind_new(b, type, a->nullable,
                    sql_text(b->context, "bnot(%s,%lld)", a->sql, (long long)sql_type_pack(&type)));
  }
  if (type.kind == SQL_VOID) {
    return a;
  }
  if (family == SQL_FAMILY_TEXT && !b->is_tsql) {
    type = sql_type_of(SQL_FLOAT);
    a = bind_convert(b, a, &type, SQL_IMPLICIT, SQL_STYLE_NONE, expr->line);
  } else if ((family != SQL_FAMILY_INTEGER && family != SQL_FAMILY_DECIMAL &&
              family != SQL_FAMILY_MONEY && family != SQL_FAMILY_FLOAT) ||
             type.kind == SQL_BIT) {
    return b->is_tsql ? sql_fail(b->context, 8117, expr->line,
                                 "Operand data type %s is invalid for minus operator.",
                                 sql_type_word(ENGINE_TSQL, type.kind))
                      : sql_unsupported(b->context, expr->line, "- of this type");
  }
  if (type.kind == SQL_TINYINT) {
    type = sql_type_of(SQL_SMALLINT);
  }
  return a == NULL ? NULL
                   : bind_new(b, type, a->nullable,
                              sql_text(b->context, "neg(%s,%lld)", a->sql,
                                       (long long)sql_type_pack(&type)));
}

/* A balanced tree of AND or OR: SQLite's parser counts depth. */
const char *bind_balanced(sql_binder *b, const char **parts, size_t count, const char *word) {
  if (count == 1) {
    return parts[0];
  }
  const char *left = bind_balanced(b, parts, count / 2, word);
  const char *right = bind_balanced(b, parts + count / 2, count - count / 2, word);
  return left == NULL || right == NULL ? NULL
                                       : sql_text(b->context, "(%s %s %s)", left, word, right);
}

static sql_bound *bind_chain(sql_binder *b, const sql_expr *expr) {
  const char **parts = sql_new(b->context, expr->count * sizeof *parts);
  size_t count = 0;
  if (parts == NULL) {
    return NULL;
  }
  for (const sql_expr *e = expr->list; e != NULL && count < expr->count; e = e->next) {
    if ((parts[count++] = bind_condition(b, e)) == NULL) {
      return NULL;
    }
  }
  return bind_make_condition(
      b, true, bind_balanced(b, parts, count, expr->kind == SQL_E_AND ? "AND" : "OR"));
}

sql_bound *bind_negate(sql_binder *b, sql_bound *bound, bool negated) {
  if (bound == NULL || !negated) {
    return bound;
  }
  return bind_make_condition(b, bound->nullable, sql_text(b->context, "(NOT %s)", bound->sql));
}

static sql_bound *bind_like(sql_binder *b, const sql_expr *expr) {
  sql_bound *text = bind_value(b, expr->a);
  sql_bound *pattern = bind_value(b, expr->b);
  sql_bound *escape = expr->c == NULL ? bind_null(b) : bind_value(b, expr->c);
  if (text == NULL || pattern == NULL || escape == NULL) {
    return NULL;
  }
  const sql_bound *both[2] = {text, pattern};
  for (size_t i = 0; i < 2; i++) { /* numbers and dates are matched as text */
    if (!sql_type_is_text(both[i]->type.kind)) {
      sql_type type = b->is_tsql ? sql_type_text(SQL_VARCHAR, 8000) : sql_type_of(SQL_STRING);
      both[i] = bind_convert(b, both[i], &type, b->is_tsql ? SQL_IMPLICIT : SQL_EXPLICIT,
                             SQL_STYLE_NONE, expr->line);
      if (both[i] == NULL) {
        return NULL;
      }
    }
  }
  sql_type type;
  if (!bind_common(b, both[0], both[1], "LIKE", expr->line, &type)) {
    return NULL;
  }
  sql_bound *bound =
      bind_make_condition(b, text->nullable || pattern->nullable,
                          sql_text(b->context, "lk(%s,%s,%s,%lld,%d)", both[0]->sql, both[1]->sql,
                                   escape->sql, (long long)sql_type_pack(&type), expr->op));
  return bind_negate(b, bound, expr->negated);
}

static sql_bound *bind_between(sql_binder *b, const sql_expr *expr) {
  sql_bound *value = bind_value(b, expr->a);
  sql_bound *low = bind_compare(b, SQL_OP_GE, value, bind_value(b, expr->b), expr->line);
  sql_bound *high = bind_compare(b, SQL_OP_LE, value, bind_value(b, expr->c), expr->line);
  if (low == NULL || high == NULL) {
    return NULL;
  }
  sql_bound *bound =
      bind_make_condition(b, true, sql_text(b->context, "(%s AND %s)", low->sql, high->sql));
  return bind_negate(b, bound, expr->negated);
}

/* ---- CASE ---- */

static bool common_of_all(sql_binder *b, sql_bound *const *values, size_t count, int32_t line,
                          sql_type *ret_type) {
  sql_bound so_far = *values[0];
  for (size_t i = 1; i < count; i++) {
    sql_type type;
    if (!bind_common(b, &so_far, values[i], "CASE", line, &type)) {
      return false;
    }
    so_far.type = type;
    so_far.collated = so_far.collated || values[i]->collated;
  }
  *ret_type = so_far.type;
  return true;
}

sql_bound *bind_case(sql_binder *b, const sql_expr *expr) {
  size_t branches = expr->count / 2;
  sql_bound **results = sql_new(b->context, (branches + 1) * sizeof(sql_bound *));
  const char **conditions = sql_new(b->context, branches * sizeof *conditions);
  sql_bound *operand = expr->a == NULL ? NULL : bind_value(b, expr->a);
  size_t i = 0;
  if (results == NULL || conditions == NULL || (expr->a != NULL && operand == NULL)) {
    return NULL;
  }
  for (const sql_expr *e = expr->list; e != NULL && i < branches; e = e->next->next, i++) {
    if (operand == NULL) {
      conditions[i] = bind_condition(b, e);
    } else {
      sql_bound *compared = bind_compare(b, '=', operand, bind_value(b, e), e->line);
      conditions[i] = compared == NULL ? NULL : compared->sql;
    }
    results[i] = bind_value(b, e->next);
    if (conditions[i] == NULL || results[i] == NULL) {
      return NULL;
    }
  }
  results[branches] = expr->c == NULL ? bind_null(b) : bind_value(b, expr->c);
  sql_type type;
  if (results[branches] == NULL || !common_of_all(b, results, branches + 1, expr->line, &type)) {
    return NULL;
  }
  if (type.kind == SQL_VOID && b->is_tsql) {
    return sql_fail(b->context, 8133, expr->line,
                    "At least one of the result expressions in a CASE specification must be an "
                    "expression other than the NULL constant.");
  }
  const char *sql = "(CASE";
  bool nullable = false;
  for (i = 0; i <= branches && sql != NULL; i++) {
    sql_bound *value = bind_convert(b, results[i], &type, SQL_IMPLICIT, SQL_STYLE_NONE, expr->line);
    if (value == NULL) {
      return NULL;
    }
    nullable = nullable || value->nullable;
    sql = i < branches ? sql_text(b->context, "%s WHEN %s THEN %s", sql, conditions[i], value->sql)
                       : sql_text(b->context, "%s ELSE %s END)", sql, value->sql);
  }
  return bind_new(b, type, nullable, sql);
}

static sql_bound *bind_cast(sql_binder *b, const sql_expr *expr) {
  sql_type type;
  int style = SQL_STYLE_NONE;
  if (!bind_type(b, expr->type, true, &type)) {
    return NULL;
  }
  sql_bound *value = bind_value(b, expr->a);
  if (value == NULL) {
    return NULL;
  }
  if (expr->b != NULL) {
    sql_bound *number = bind_value(b, expr->b);
    if (number == NULL) {
      return NULL;
    }
    if (!number->literal || number->value.form != SQL_FORM_INTEGER) {
      return sql_unsupported(b->context, expr->line, "A style that is no constant");
    }
    style = (int)number->value.i;
  }
  if (sql_type_is_text(type.kind) && sql_type_is_text(value->type.kind)) {
    type.collation = value->type.collation;
  }
  return bind_convert(b, value, &type, expr->try_ ? SQL_TRY : SQL_EXPLICIT, style, expr->line);
}

static sql_bound *bind_collate(sql_binder *b, const sql_expr *expr) {
  sql_bound *value = bind_value(b, expr->a);
  uint8_t collation = 0;
  if (value == NULL || !bind_collation(b, expr->text, expr->line, &collation)) {
    return NULL;
  }
  if (!sql_type_is_text(value->type.kind)) {
    return b->is_tsql ? sql_fail(b->context, 447, expr->line,
                                 "Expression type %s is invalid for COLLATE clause.",
                                 sql_type_word(ENGINE_TSQL, value->type.kind))
                      : sql_unsupported(b->context, expr->line, "COLLATE of this type");
  }
  sql_bound *copy = bind_new(b, value->type, value->nullable, value->sql);
  if (copy != NULL) {
    copy->type.collation = collation;
    copy->collated = true;
  }
  return copy;
}

static sql_bound *bind_string_literal(sql_binder *b, const sql_expr *expr) {
  if (!b->is_tsql) {
    return bind_literal(b, sql_type_of(SQL_STRING), sql_value_text(expr->text, expr->length));
  }
  sql_type type = sql_type_of(expr->national ? SQL_NVARCHAR : SQL_VARCHAR);
  size_t units = sql_text_units(&type, expr->text, expr->length);
  type.length = units == 0                               ? 1
                : units > (expr->national ? 4000 : 8000) ? SQL_LENGTH_MAX
                                                         : (uint32_t)units;
  if (expr->national) {
    return bind_literal(b, type, sql_value_text(expr->text, expr->length));
  }
  /* '…' is varchar: its characters are those of the code page. */
  sql_type open = sql_type_text(SQL_NVARCHAR, SQL_LENGTH_MAX);
  sql_bound *wide = bind_literal(b, open, sql_value_text(expr->text, expr->length));
  return wide == NULL ? NULL
                      : bind_convert(b, wide, &type, SQL_EXPLICIT, SQL_STYLE_NONE, expr->line);
}

static sql_bound *bind_hex(sql_binder *b, const sql_expr *expr) {
  size_t digits = expr->length;
  size_t odd = digits % 2; /* 0xABC is 0x0ABC */
  char *bytes = sql_new(b->context, digits / 2 + 2);
  if (bytes == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < digits; i++) {
    const int digit = br_hex_digit(expr->text[i]);
    if (digit < 0) {
      return sql_fail_condition(b->context, "PARSE_SYNTAX_ERROR", "42601",
                                "Syntax error at or near '%.40s'.", expr->text);
    }
    char *byte = &bytes[(i + odd) / 2];
    *byte = (char)((uint8_t)*byte << 4 | (uint8_t)digit);
  }
  size_t length = (digits + odd) / 2;
  sql_type type = sql_type_of(SQL_VARBINARY);
  type.length = length == 0 ? 1 : length > 8000 ? SQL_LENGTH_MAX : (uint32_t)length;
  return bind_literal(b, type, sql_value_blob(bytes, length));
}

static sql_bound *bind_money(sql_binder *b, const sql_expr *expr) {
  const sql_type money = sql_type_of(SQL_MONEY);
  const sql_type text = sql_type_text(SQL_VARCHAR, SQL_LENGTH_MAX);
  sql_bound *literal = bind_literal(b, text, sql_value_text(expr->text, expr->length));
  return literal == NULL
             ? NULL
             : bind_convert(b, literal, &money, SQL_EXPLICIT, SQL_STYLE_NONE, expr->line);
}

/* Databricks' <=> and T-SQL's IS [NOT] DISTINCT FROM carry their negation here. */
static sql_bound *bind_comparison(sql_binder *b, const sql_expr *expr) {
  sql_bound *x = bind_value(b, expr->a);
  sql_bound *y = bind_value(b, expr->b);
  sql_bound *bound = bind_compare(b, expr->op, x, y, expr->line);
  bool distinct = expr->op == SQL_OP_NULL_SAFE && b->is_tsql;
  return bind_negate(b, bound, distinct ? !expr->negated : expr->negated);
}

static sql_bound *bind_binary_operator(sql_binder *b, const sql_expr *expr) {
  sql_bound *x = bind_value(b, expr->a);
  sql_bound *y = x == NULL ? NULL : bind_value(b, expr->b);
  return bind_arithmetic(b, expr->op, x, y, expr->line);
}

static sql_bound *bind_not(sql_binder *b, const sql_expr *expr) {
  const char *sql = bind_condition(b, expr->a);
  return sql == NULL ? NULL : bind_make_condition(b, true, sql_text(b->context, "(NOT %s)", sql));
}

static sql_bound *bind_is_null(sql_binder *b, const sql_expr *expr) {
  sql_bound *a = bind_value(b, expr->a);
  return a == NULL ? NULL
                   : bind_make_condition(b, false,
                                         sql_text(b->context, "(%s IS %sNULL)", a->sql,
                                                  expr->negated ? "NOT " : ""));
}

static sql_bound *bind_kind(sql_binder *b, const sql_expr *expr) {
  switch (expr->kind) {
  case SQL_E_NULL:
    return bind_null(b);
  case SQL_E_NUMBER:
    return bind_number(b, expr, false);
  case SQL_E_MONEY:
    return bind_money(b, expr);
  case SQL_E_STRING:
    return bind_string_literal(b, expr);
  case SQL_E_HEX:
    return bind_hex(b, expr);
  case SQL_E_BOOL:
    return bind_literal(b, sql_type_of(SQL_BIT), sql_value_integer(expr->op));
  case SQL_E_COLUMN:
    return bind_column(b, &expr->name);
  case SQL_E_VARIABLE:
    return bind_variable(b, expr);
  case SQL_E_GLOBAL:
    return bind_global(b, expr);
  case SQL_E_UNARY:
    return bind_unary(b, expr);
  case SQL_E_BINARY_OP:
    return bind_binary_operator(b, expr);
  case SQL_E_COMPARE:
    return bind_comparison(b, expr);
  case SQL_E_AND:
  case SQL_E_OR:
    return bind_chain(b, expr);
  case SQL_E_NOT:
    return bind_not(b, expr);
  case SQL_E_LIKE:
    return bind_like(b, expr);
  case SQL_E_IN:
    return bind_in(b, expr);
  case SQL_E_BETWEEN:
    return bind_between(b, expr);
  case SQL_E_IS_NULL:
    return bind_is_null(b, expr);
  case SQL_E_EXISTS:
    return bind_exists(b, expr);
  case SQL_E_QUANTIFIED:
    return bind_quantified(b, expr);
  case SQL_E_SUBQUERY:
    return bind_subquery(b, expr);
  case SQL_E_CASE:
    return bind_case(b, expr);
  case SQL_E_CAST:
    return bind_cast(b, expr);
  case SQL_E_COLLATE:
    return bind_collate(b, expr);
  case SQL_E_FUNCTION:
    return bind_function(b, expr);
  default:
    return b->is_tsql
               ? sql_fail(b->context, 156, expr->line, "Incorrect syntax near the keyword '%s'.",
                          expr->kind == SQL_E_DEFAULT ? "DEFAULT" : "*")
               : sql_fail_condition(b->context, "PARSE_SYNTAX_ERROR", "42601",
                                    "Syntax error at or near '%s'.",
                                    expr->kind == SQL_E_DEFAULT ? "DEFAULT" : "*");
  }
}

sql_bound *bind_expr(sql_binder *b, const sql_expr *expr) {
  sql_scope *scope = b->scope;
  if (expr == NULL || bind_failed(b)) {
    return NULL;
  }
  bool leaf = expr->kind <= SQL_E_GLOBAL;
  if (scope != NULL && scope->grouped && !scope->in_aggregate && scope->group_count > 0 && !leaf) {
    /* Is the whole of it one of the GROUP BY expressions? */
    scope->grouped = false;
    int aliases = b->aliases;
    sql_bound *whole = bind_kind(b, expr);
    scope->grouped = true;
    if (whole == NULL || bind_is_grouped(scope, whole->sql)) {
      return whole;
    }
    b->aliases = aliases;
  }
  return bind_kind(b, expr);
}
