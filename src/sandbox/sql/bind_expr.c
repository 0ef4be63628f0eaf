/*
 * bind_expr.c: operators, CASE, IN, LIKE, subqueries, columns and variables.
 */
#include "sandbox/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/lexer.h"

static sql_bound *condition(sql_binder *b, bool nullable, const char *sql) {
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

/* ---- columns ---- */

static bool same_name(const char *a, const char *b) {
  return a != NULL && b != NULL && br_text_equal_nocase(a, b);
}

/* Does the qualifier in front of a column mean this source? */
static bool qualifies(const sql_source *source, const sql_name *name) {
  int qualifiers = name->count - 1;
  if (qualifiers == 0) {
    return true;
  }
  if (!same_name(source->name, name->parts[qualifiers - 1])) {
    return false;
  }
  if (qualifiers >= 2 && name->parts[qualifiers - 2][0] != '\0' &&
      !same_name(source->schema, name->parts[qualifiers - 2])) {
    return false;
  }
  return qualifiers < 3 || same_name(source->database, name->parts[0]);
}

/* *ret_count: how many columns have the name. */
static const sql_source_column *find_in_scope(const sql_scope *scope, const sql_name *name,
                                              int *ret_count) {
  const sql_source_column *found = NULL;
  *ret_count = 0;
  for (const sql_source *s = scope->sources; s != NULL; s = s->next) {
    if (!qualifies(s, name)) {
      continue;
    }
    for (size_t i = 0; i < s->count; i++) {
      if (same_name(s->columns[i].name, name->parts[name->count - 1])) {
        found = &s->columns[i];
        (*ret_count)++;
      }
    }
  }
  return found;
}

static sql_bound *unknown_databricks(sql_binder *b, const sql_name *name) {
  char names[400] = "";
  size_t used = 0;
  size_t shown = 0;
  for (const sql_source *s = b->scope == NULL ? NULL : b->scope->sources; s != NULL; s = s->next) {
    for (size_t i = 0; i < s->count && shown < 5; i++, shown++) {
      int n = snprintf(names + used, sizeof names - used, "%s`%.60s`", shown == 0 ? "" : ", ",
                       s->columns[i].name);
      used += n < 0 ? 0 : (size_t)n;
    }
  }
  const char *text = catalog_name_text(b->context, name);
  if (shown == 0) {
    return sql_fail_condition(b->context, "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703",
                              "A column, variable, or function parameter with name %s cannot be "
                              "resolved.",
                              text == NULL ? "" : text);
  }
  return sql_fail_condition(b->context, "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
                            "A column, variable, or function parameter with name %s cannot be "
                            "resolved. Did you mean one of the following? [%s].",
                            text == NULL ? "" : text, names);
}

static sql_bound *ambiguous(sql_binder *b, const sql_name *name) {
  const char *column = name->parts[name->count - 1];
  return b->is_tsql ? sql_fail(b->context, 209, name->line, "Ambiguous column name '%s'.", column)
                    : sql_fail_condition(b->context, "AMBIGUOUS_REFERENCE", "42704",
                                         "Reference `%s` is ambiguous.", column);
}

static bool is_grouped(const sql_scope *scope, const char *sql) {
  for (size_t i = 0; i < scope->group_count; i++) {
    if (strcmp(scope->group[i], sql) == 0) {
      return true;
    }
  }
  return false;
}

static sql_bound *not_grouped(sql_binder *b, const sql_scope *scope, const sql_name *name) {
  const char *column = name->parts[name->count - 1];
  const char *table = "";
  for (const sql_source *s = scope->sources; s != NULL; s = s->next) {
    for (size_t i = 0; i < s->count && qualifies(s, name); i++) {
      if (same_name(s->columns[i].name, column)) {
        table = s->table != NULL && s->schema != NULL
                    ? sql_text(b->context, "%s.%s", s->schema, s->name)
                    : s->name;
      }
    }
  }
  if (!b->is_tsql) {
    return sql_fail_condition(b->context, "MISSING_AGGREGATION", "42803",
                              "The non-aggregating expression \"%s\" is based on columns which are "
                              "not participating in the GROUP BY clause.",
                              column);
  }
  bool having = scope->clause == SQL_CLAUSE_HAVING;
  bool order = scope->clause == SQL_CLAUSE_ORDER;
  return sql_fail(b->context,
                  having  ? 8121
                  : order ? 8127
                          : 8120,
                  name->line,
                  "Column '%s.%s' is invalid in the %s because it is not contained in either an "
                  "aggregate function or the GROUP BY clause.",
                  table == NULL ? "" : table, column,
                  having  ? "HAVING clause"
                  : order ? "ORDER BY clause"
                          : "select list");
}

sql_bound *bind_column(sql_binder *b, const sql_name *name) {
  int count = 0;
  for (sql_scope *scope = b->scope; scope != NULL; scope = scope->outer) {
    const sql_source_column *column = find_in_scope(scope, name, &count);
    if (count > 1) {
      return ambiguous(b, name);
    }
    if (count == 0) {
      continue;
    }
    if (scope->grouped && !scope->in_aggregate && !is_grouped(scope, column->sql)) {
      return not_grouped(b, scope, name);
    }
    sql_bound *bound = bind_new(b, column->type, column->nullable, column->sql);
    if (bound != NULL) {
      bound->column = column->name;
    }
    return bound;
  }
  if (!b->is_tsql) {
    return unknown_databricks(b, name);
  }
  if (name->count == 1) {
    return sql_fail(b->context, 207, name->line, "Invalid column name '%s'.", name->parts[0]);
  }
  /* A known table without the column is 207, an unknown qualifier 4104. */
  for (sql_scope *scope = b->scope; scope != NULL; scope = scope->outer) {
    for (const sql_source *s = scope->sources; s != NULL; s = s->next) {
      if (qualifies(s, name)) {
        return sql_fail(b->context, 207, name->line, "Invalid column name '%s'.",
                        name->parts[name->count - 1]);
      }
    }
  }
  const char *text = catalog_name_text(b->context, name);
  return sql_fail(b->context, 4104, name->line,
                  "The multi-part identifier \"%s\" could not be bound.", text == NULL ? "" : text);
}

static sql_bound *bind_variable(sql_binder *b, const sql_expr *expr) {
  for (const sql_variable *v = b->environment->variables; v != NULL; v = v->next) {
    if (br_text_equal_nocase(v->name, expr->text)) {
      return bind_new(b, v->type, true, sql_text(b->context, "?%d", v->number));
    }
  }
  return b->is_tsql ? sql_fail(b->context, 137, expr->line,
                               "Must declare the scalar variable \"@%s\".", expr->text)
                    : sql_fail_condition(b->context, "UNBOUND_SQL_PARAMETER", "42P02",
                                         "Found the unbound parameter: %s. Please, fix `args` and "
                                         "provide a mapping of the parameter to either a SQL "
                                         "literal or collection constructor functions such as "
                                         "`map()`, `array()`, `struct()`.",
                                         expr->text);
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
static const char *balanced(sql_binder *b, const char **parts, size_t count, const char *word) {
  if (count == 1) {
    return parts[0];
  }
  const char *left = balanced(b, parts, count / 2, word);
  const char *right = balanced(b, parts + count / 2, count - count / 2, word);
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
  return condition(b, true, balanced(b, parts, count, expr->kind == SQL_E_AND ? "AND" : "OR"));
}

static sql_bound *negate(sql_binder *b, sql_bound *bound, bool negated) {
  if (bound == NULL || !negated) {
    return bound;
  }
  return condition(b, bound->nullable, sql_text(b->context, "(NOT %s)", bound->sql));
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
      condition(b, text->nullable || pattern->nullable,
                sql_text(b->context, "lk(%s,%s,%s,%lld,%d)", both[0]->sql, both[1]->sql,
                         escape->sql, (long long)sql_type_pack(&type), expr->op));
  return negate(b, bound, expr->negated);
}

static sql_bound *bind_between(sql_binder *b, const sql_expr *expr) {
  sql_bound *value = bind_value(b, expr->a);
  sql_bound *low = bind_compare(b, SQL_OP_GE, value, bind_value(b, expr->b), expr->line);
  sql_bound *high = bind_compare(b, SQL_OP_LE, value, bind_value(b, expr->c), expr->line);
  if (low == NULL || high == NULL) {
    return NULL;
  }
  sql_bound *bound = condition(b, true, sql_text(b->context, "(%s AND %s)", low->sql, high->sql));
  return negate(b, bound, expr->negated);
}

/* ---- subqueries ---- */

static bool bind_inner(sql_binder *b, const sql_query *query, sql_bound_query *ret_query) {
  sql_scope *outer = b->scope;
  sql_cte_scope *ctes = b->ctes;
  bool good = bind_query(b, query, ret_query);
  b->scope = outer;
  b->ctes = ctes;
  return good;
}

static bool one_column(sql_binder *b, const sql_bound_query *query, int32_t line) {
  if (query->count == 1) {
    return true;
  }
  if (b->is_tsql) {
    (void)sql_fail(b->context, 116, line,
                   "Only one expression can be specified in the select list when the subquery is "
                   "not introduced with EXISTS.");
  } else {
    (void)sql_fail_condition(b->context,
                             "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_"
                             "OUTPUT_COLUMN",
                             "42823",
                             "Invalid subquery: Scalar subquery must return only one column, but "
                             "returned %zu.",
                             query->count);
  }
  return false;
}

static sql_bound *bind_subquery(sql_binder *b, const sql_expr *expr) {
  sql_bound_query query;
  if (!bind_inner(b, expr->query, &query) || !one_column(b, &query, expr->line)) {
    return NULL;
  }
  return bind_new(b, query.columns[0].type, true,
                  query.single_row ? sql_text(b->context, "(%s)", query.sql)
                                   : sql_text(b->context, "(SELECT one(c1) FROM (%s))", query.sql));
}

static sql_bound *bind_exists(sql_binder *b, const sql_expr *expr) {
  sql_bound_query query;
  if (!bind_inner(b, expr->query, &query)) {
    return NULL;
  }
  return condition(b, false, sql_text(b->context, "EXISTS(%s)", query.sql));
}

/* The subquery's column as the common type. */
static const char *converted_column(sql_binder *b, const sql_bound_query *query,
                                    const sql_type *type, int32_t line) {
  sql_bound *column = bind_new(b, query->columns[0].type, true, "c1");
  sql_bound *converted = bind_convert(b, column, type, SQL_IMPLICIT, SQL_STYLE_NONE, line);
  if (converted == NULL) {
    return NULL;
  }
  const char *key = bind_key(b, converted);
  return key == NULL ? NULL : sql_text(b->context, "SELECT %s FROM (%s)", key, query->sql);
}

static sql_bound *in_query(sql_binder *b, const sql_expr *expr, const sql_bound *left) {
  sql_bound_query query;
  sql_type type;
  if (!bind_inner(b, expr->query, &query) || !one_column(b, &query, expr->line)) {
    return NULL;
  }
  sql_bound *column = bind_new(b, query.columns[0].type, true, "c1");
  if (!bind_common(b, left, column, "IN", expr->line, &type)) {
    return NULL;
  }
  bool texts = sql_type_is_text(left->type.kind) && sql_type_is_text(column->type.kind);
  if (texts) {
    type.length = SQL_LENGTH_MAX;
    type.kind =
        sql_type_is_unicode(type.kind) ? (b->is_tsql ? SQL_NVARCHAR : SQL_STRING) : SQL_VARCHAR;
  }
  const sql_bound *value = bind_convert(b, left, &type, SQL_IMPLICIT, SQL_STYLE_NONE, expr->line);
  const char *rows = converted_column(b, &query, &type, expr->line);
  const char *key = value == NULL ? NULL : bind_key(b, value);
  if (rows == NULL || key == NULL) {
    return NULL;
  }
  return negate(b, condition(b, true, sql_text(b->context, "(%s IN (%s))", key, rows)),
                expr->negated);
}

sql_bound *bind_in(sql_binder *b, const sql_expr *expr) {
  sql_bound *left = bind_value(b, expr->a);
  if (left == NULL) {
    return NULL;
  }
  if (expr->query != NULL) {
    return in_query(b, expr, left);
  }
  /* x IN (a, b) is x = a OR x = b: each comparison has its own type. */
  const char **parts = sql_new(b->context, expr->count * sizeof *parts);
  size_t count = 0;
  if (parts == NULL) {
    return NULL;
  }
  for (const sql_expr *e = expr->list; e != NULL && count < expr->count; e = e->next) {
    sql_bound *compared = bind_compare(b, '=', left, bind_value(b, e), e->line);
    if (compared == NULL) {
      return NULL;
    }
    parts[count++] = compared->sql;
  }
  return negate(b, condition(b, true, balanced(b, parts, count, "OR")), expr->negated);
}

/* x op ANY|ALL (subquery), by counting the rows for which it is true, false, unknown. */
static sql_bound *bind_quantified(sql_binder *b, const sql_expr *expr) {
  sql_bound_query query;
  sql_bound *left = bind_value(b, expr->a);
  if (left == NULL || !bind_inner(b, expr->query, &query) || !one_column(b, &query, expr->line)) {
    return NULL;
  }
  sql_bound *column = bind_new(b, query.columns[0].type, true, "c1");
  sql_bound *compared = bind_compare(b, expr->op, left, column, expr->line);
  if (compared == NULL) {
    return NULL;
  }
  const char *function = expr->negated ? "min" : "max";
  /* max over 1, 0 with NULL between them: unknown where none decides. */
  return condition(
      b, true,
      sql_text(b->context,
               "(SELECT CASE WHEN count(*) = 0 THEN %d WHEN %s(c1) = %d THEN %d"
               " WHEN count(*) > count(c1) THEN NULL ELSE %d END FROM (SELECT %s AS c1 FROM (%s)))",
               expr->negated, function, !expr->negated, !expr->negated, expr->negated,
               compared->sql, query.sql));
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

static int hex_digit(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static sql_bound *bind_hex(sql_binder *b, const sql_expr *expr) {
  size_t digits = expr->length;
  size_t odd = digits % 2; /* 0xABC is 0x0ABC */
  char *bytes = sql_new(b->context, digits / 2 + 2);
  if (bytes == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < digits; i++) {
    if (strchr("0123456789abcdefABCDEF", expr->text[i]) == NULL) {
      return sql_fail_condition(b->context, "PARSE_SYNTAX_ERROR", "42601",
                                "Syntax error at or near '%.40s'.", expr->text);
    }
    char *byte = &bytes[(i + odd) / 2];
    *byte = (char)((uint8_t)*byte << 4 | (uint8_t)hex_digit(expr->text[i]));
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
  return negate(b, bound, distinct ? !expr->negated : expr->negated);
}

static sql_bound *bind_binary_operator(sql_binder *b, const sql_expr *expr) {
  sql_bound *x = bind_value(b, expr->a);
  sql_bound *y = x == NULL ? NULL : bind_value(b, expr->b);
  return bind_arithmetic(b, expr->op, x, y, expr->line);
}

static sql_bound *bind_not(sql_binder *b, const sql_expr *expr) {
  const char *sql = bind_condition(b, expr->a);
  return sql == NULL ? NULL : condition(b, true, sql_text(b->context, "(NOT %s)", sql));
}

static sql_bound *bind_is_null(sql_binder *b, const sql_expr *expr) {
  sql_bound *a = bind_value(b, expr->a);
  return a == NULL ? NULL
                   : condition(b, false,
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
    if (whole == NULL || is_grouped(scope, whole->sql)) {
      return whole;
    }
    b->aliases = aliases;
  }
  return bind_kind(b, expr);
}
