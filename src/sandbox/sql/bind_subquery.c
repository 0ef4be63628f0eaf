/*
 * bind_subquery.c: subqueries as values and in IN, EXISTS, ANY and ALL.
 */
#include "sandbox/sql/bind.h"

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

sql_bound *bind_subquery(sql_binder *b, const sql_expr *expr) {
  sql_bound_query query;
  if (!bind_inner(b, expr->query, &query) || !one_column(b, &query, expr->line)) {
    return NULL;
  }
  return bind_new(b, query.columns[0].type, true,
                  query.single_row ? sql_text(b->context, "(%s)", query.sql)
                                   : sql_text(b->context, "(SELECT one(c1) FROM (%s))", query.sql));
}

sql_bound *bind_exists(sql_binder *b, const sql_expr *expr) {
  sql_bound_query query;
  if (!bind_inner(b, expr->query, &query)) {
    return NULL;
  }
  return bind_make_condition(b, false, sql_text(b->context, "EXISTS(%s)", query.sql));
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
  return bind_negate(b,
                     bind_make_condition(b, true, sql_text(b->context, "(%s IN (%s))", key, rows)),
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
  return bind_negate(b, bind_make_condition(b, true, bind_balanced(b, parts, count, "OR")),
                     expr->negated);
}

/* x op ANY|ALL (subquery), by counting the rows for which it is true, false, unknown. */
sql_bound *bind_quantified(sql_binder *b, const sql_expr *expr) {
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
  return bind_make_condition(
      b, true,
      sql_text(b->context,
               "(SELECT CASE WHEN count(*) = 0 THEN %d WHEN %s(c1) = %d THEN %d"
               " WHEN count(*) > count(c1) THEN NULL ELSE %d END FROM (SELECT %s AS c1 FROM (%s)))",
               expr->negated, function, !expr->negated, !expr->negated, expr->negated,
               compared->sql, query.sql));
}
