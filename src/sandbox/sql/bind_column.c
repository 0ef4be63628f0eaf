/*
 * bind_column.c: names of columns and variables.
 */
#include "sandbox/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

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
    if (!qualifies(s, name) || (scope->qualified && name->count == 1)) {
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

bool bind_is_grouped(const sql_scope *scope, const char *sql) {
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
    if (scope->grouped && !scope->in_aggregate && !bind_is_grouped(scope, column->sql)) {
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

sql_bound *bind_variable(sql_binder *b, const sql_expr *expr) {
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
