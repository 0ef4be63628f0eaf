/*
 * parse_column.c: column definitions and table constraints.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/parse_ddl.h"

static sql_constraint *new_constraint(sql_parser *p, sql_constraint_kind kind, const char *name) {
  sql_constraint *constraint = sql_new(p->context, sizeof *constraint);
  if (constraint != NULL) {
    constraint->kind = kind;
    constraint->name = name;
    constraint->line = parse_peek(p, 0)->line;
  }
  return constraint;
}

static sql_fk_action parse_action(sql_parser *p) {
  if (parse_accept(p, "CASCADE")) {
    return SQL_FK_CASCADE;
  }
  if (parse_accept(p, "SET")) {
    if (parse_accept(p, "NULL")) {
      return SQL_FK_SET_NULL;
    }
    (void)parse_expect(p, "DEFAULT");
    return SQL_FK_SET_DEFAULT;
  }
  if (parse_expect(p, "NO")) {
    (void)parse_expect(p, "ACTION");
  }
  return SQL_FK_NONE;
}

static bool parse_references(sql_parser *p, sql_constraint *constraint) {
  if (!parse_name(p, &constraint->target)) {
    return false;
  }
  if (parse_is_symbol(p, '(')) {
    constraint->target_columns = parse_column_list(p, false);
  }
  while (!parse_failed(p) && parse_is(p, "ON") &&
         (parse_is_at(p, 1, "DELETE") || parse_is_at(p, 1, "UPDATE"))) {
    bool deletes = parse_is_at(p, 1, "DELETE");
    p->at += 2;
    *(deletes ? &constraint->on_delete : &constraint->on_update) = parse_action(p);
  }
  return !parse_failed(p);
}

/* An expression in parentheses whose text the catalog keeps. */
static const char *parse_kept_expression(sql_parser *p, sql_expr **ret_expr) {
  size_t first = p->at;
  sql_expr *expr = parse_expr(p);
  if (expr == NULL) {
    return NULL;
  }
  *ret_expr = expr;
  return parse_text_since(p, first);
}

void parse_index_options(sql_parser *p, bool *ret_ignore_dup_key) {
  if (!p->is_tsql || !parse_is(p, "WITH") || !parse_is_symbol_at(p, 1, '(')) {
    return;
  }
  p->at += 2;
  while (!parse_is_symbol(p, ')') && parse_peek(p, 0)->kind != SQL_TOKEN_END) {
    if (parse_is(p, "IGNORE_DUP_KEY") && parse_is_symbol_at(p, 1, '=')) {
      *ret_ignore_dup_key = parse_is_at(p, 2, "ON");
    }
    if (parse_accept_symbol(p, '(')) {
      (void)parse_skip_brackets(p);
    } else {
      p->at++;
    }
  }
  (void)parse_expect_symbol(p, ')');
}

static void parse_key_options(sql_parser *p, sql_constraint *constraint) {
  parse_index_options(p, &constraint->ignore_dup_key);
  if (p->is_tsql && parse_is(p, "ON") && !parse_is_at(p, 1, "DELETE") &&
      !parse_is_at(p, 1, "UPDATE")) {
    p->at++;
    (void)parse_identifier(p);
  }
}

/* PRIMARY KEY, UNIQUE, CHECK, FOREIGN KEY, REFERENCES; of a column where `column` is its name. NULL
 * without failure: none of these. */
static sql_constraint *parse_constraint(sql_parser *p, const char *name, const char *column) {
  sql_constraint *constraint = NULL;
  if (parse_is(p, "PRIMARY") || parse_is(p, "UNIQUE")) {
    bool primary = parse_is(p, "PRIMARY");
    constraint = new_constraint(p, primary ? SQL_C_PRIMARY : SQL_C_UNIQUE, name);
    p->at++;
    if (constraint == NULL || (primary && !parse_expect(p, "KEY"))) {
      return NULL;
    }
    constraint->clustered = primary;
    if (parse_accept(p, "CLUSTERED")) {
      constraint->clustered = true;
    } else if (parse_accept(p, "NONCLUSTERED")) {
      constraint->clustered = false;
    }
    if (column == NULL) {
      constraint->columns = parse_column_list(p, true);
    }
    parse_key_options(p, constraint);
  } else if (parse_accept(p, "CHECK")) {
    constraint = new_constraint(p, SQL_C_CHECK, name);
    if (constraint == NULL || !parse_is_symbol(p, '(')) {
      return parse_syntax_error(p);
    }
    constraint->expression = parse_kept_expression(p, &constraint->expr);
  } else if (parse_is(p, "FOREIGN") || parse_is(p, "REFERENCES")) {
    constraint = new_constraint(p, SQL_C_FOREIGN, name);
    if (constraint == NULL) {
      return NULL;
    }
    if (parse_accept(p, "FOREIGN")) {
      if (!parse_expect(p, "KEY")) {
        return NULL;
      }
      if (column == NULL || parse_is_symbol(p, '(')) {
        constraint->columns = parse_column_list(p, false);
      }
    }
    if (!parse_expect(p, "REFERENCES") || !parse_references(p, constraint)) {
      return NULL;
    }
  }
  if (constraint != NULL && constraint->columns == NULL && column != NULL) {
    constraint->columns = sql_new(p->context, sizeof *constraint->columns);
    if (constraint->columns != NULL) {
      constraint->columns->name = column;
    }
  }
  return parse_failed(p) ? NULL : constraint;
}

static bool parse_identity(sql_parser *p, sql_column_def *column) {
  column->identity = true;
  column->seed = 1;
  column->increment = 1;
  if (parse_accept_symbol(p, '(')) {
    column->seed = parse_integer(p);
    if (!parse_expect_symbol(p, ',')) {
      return false;
    }
    column->increment = parse_integer(p);
    return parse_expect_symbol(p, ')');
  }
  return true;
}

/* Databricks: GENERATED ALWAYS|BY DEFAULT AS IDENTITY [(START WITH n INCREMENT BY m)]. */
static bool parse_generated(sql_parser *p, sql_column_def *column) {
  if (!parse_accept(p, "ALWAYS") && !(parse_accept(p, "BY") && parse_expect(p, "DEFAULT"))) {
    (void)parse_syntax_error(p);
    return false;
  }
  if (!parse_expect(p, "AS")) {
    return false;
  }
  if (!parse_accept(p, "IDENTITY")) {
    (void)sql_unsupported(p->context, column->line, "A generated column");
    return false;
  }
  column->identity = true;
  column->seed = 1;
  column->increment = 1;
  if (!parse_accept_symbol(p, '(')) {
    return true;
  }
  while (!parse_failed(p) && !parse_is_symbol(p, ')')) {
    if (parse_accept(p, "START")) {
      (void)parse_accept(p, "WITH");
      column->seed = parse_integer(p);
    } else if (parse_expect(p, "INCREMENT")) {
      (void)parse_accept(p, "BY");
      column->increment = parse_integer(p);
    }
  }
  return parse_expect_symbol(p, ')');
}

/* One clause behind a column's type. False: none is left, or a failure. */
static bool parse_column_clause(sql_parser *p, sql_column_def *column) {
  const char *name = NULL;
  if (parse_accept(p, "NULL")) {
    column->nullable = 1;
    return true;
  }
  if (parse_is(p, "NOT") && parse_is_at(p, 1, "NULL")) {
    column->nullable = 0;
    p->at += 2;
    return true;
  }
  if (p->is_tsql && parse_accept(p, "IDENTITY")) {
    return parse_identity(p, column);
  }
  if (!p->is_tsql && parse_accept(p, "GENERATED")) {
    return parse_generated(p, column);
  }
  if (!p->is_tsql && parse_accept(p, "COMMENT")) {
    column->comment = parse_peek(p, 0)->text;
    p->at++;
    return true;
  }
  if (parse_accept(p, "COLLATE")) {
    column->collation = parse_identifier(p);
    return column->collation != NULL;
  }
  if (p->is_tsql && (parse_accept(p, "ROWGUIDCOL") || parse_accept(p, "SPARSE"))) {
    return true;
  }
  if (parse_accept(p, "CONSTRAINT") && (name = parse_identifier(p)) == NULL) {
    return false;
  }
  if (parse_accept(p, "DEFAULT")) {
    size_t first = p->at;
    column->default_name = name;
    column->default_expr = parse_value(p);
    column->default_text = parse_text_since(p, first);
    if (p->is_tsql && parse_is(p, "WITH") && parse_is_at(p, 1, "VALUES")) {
      p->at += 2;
    }
    return !parse_failed(p);
  }
  sql_constraint *constraint = parse_constraint(p, name, column->name);
  if (constraint == NULL) {
    if (name != NULL && !parse_failed(p)) {
      (void)parse_syntax_error(p);
    }
    return false;
  }
  constraint->next = column->constraints;
  column->constraints = constraint;
  return true;
}

static sql_column_def *parse_column_def(sql_parser *p) {
  sql_column_def *column = sql_new(p->context, sizeof *column);
  if (column == NULL) {
    return NULL;
  }
  column->nullable = -1;
  column->line = parse_peek(p, 0)->line;
  column->name = parse_identifier(p);
  if (column->name == NULL) {
    return NULL;
  }
  if (p->is_tsql && parse_accept(p, "AS")) {
    sql_expr *expr = NULL;
    column->computed = parse_kept_expression(p, &expr);
    column->persisted = parse_accept(p, "PERSISTED");
  } else if (p->is_tsql && (parse_is(p, "timestamp") || parse_is(p, "rowversion")) &&
             parse_peek(p, 0)->kind == SQL_TOKEN_WORD) {
    column->type = parse_type(p);
  } else {
    (void)(!p->is_tsql && parse_accept_symbol(p, ':'));
    column->type = parse_type(p);
  }
  while (!parse_failed(p) && parse_column_clause(p, column)) {
  }
  return parse_failed(p) ? NULL : column;
}

static bool starts_constraint(const sql_parser *p) {
  return parse_is(p, "CONSTRAINT") || parse_is(p, "PRIMARY") || parse_is(p, "UNIQUE") ||
         parse_is(p, "CHECK") || parse_is(p, "FOREIGN") || (p->is_tsql && parse_is(p, "DEFAULT"));
}

static bool parse_table_constraint(sql_parser *p, sql_stmt *stmt, sql_constraint ***tail) {
  const char *name = NULL;
  if (parse_accept(p, "CONSTRAINT") && (name = parse_identifier(p)) == NULL) {
    return false;
  }
  sql_constraint *constraint = NULL;
  if (p->is_tsql && parse_accept(p, "DEFAULT")) {
    constraint = new_constraint(p, SQL_C_DEFAULT, name);
    if (constraint == NULL) {
      return false;
    }
    constraint->expression = parse_kept_expression(p, &constraint->expr);
    constraint->columns = sql_new(p->context, sizeof *constraint->columns);
    if (!parse_expect(p, "FOR") || constraint->columns == NULL) {
      return false;
    }
    constraint->columns->name = parse_identifier(p);
  } else {
    constraint = parse_constraint(p, name, NULL);
  }
  if (constraint == NULL) {
    if (!parse_failed(p)) {
      (void)parse_syntax_error(p);
    }
    return false;
  }
  (void)stmt;
  **tail = constraint;
  *tail = &constraint->next;
  return !parse_failed(p);
}

/* ix [UNIQUE] [CLUSTERED] (a, b DESC), behind INDEX */
static bool parse_table_index(sql_parser *p, sql_constraint ***tail) {
  sql_constraint *index = new_constraint(p, SQL_C_INDEX, parse_identifier(p));
  if (index == NULL) {
    return false;
  }
  index->unique = parse_accept(p, "UNIQUE");
  index->clustered = parse_accept(p, "CLUSTERED");
  (void)(!index->clustered && parse_accept(p, "NONCLUSTERED"));
  index->columns = parse_column_list(p, true);
  parse_key_options(p, index);
  **tail = index;
  *tail = &index->next;
  return !parse_failed(p);
}

bool parse_element_list(sql_parser *p, sql_stmt *stmt) {
  sql_column_def **column_tail = &stmt->columns;
  sql_constraint **constraint_tail = &stmt->constraints;
  do {
    if (p->is_tsql && stmt->columns != NULL && parse_is_symbol(p, ')')) {
      break; /* a comma behind the last element is allowed */
    }
    if (p->is_tsql && parse_accept(p, "INDEX")) {
      if (!parse_table_index(p, &constraint_tail)) {
        return false;
      }
      continue;
    }
    if (starts_constraint(p)) {
      if (!parse_table_constraint(p, stmt, &constraint_tail)) {
        return false;
      }
      continue;
    }
    sql_column_def *column = parse_column_def(p);
    if (column == NULL) {
      return false;
    }
    *column_tail = column;
    column_tail = &column->next;
  } while (parse_accept_symbol(p, ','));
  return !parse_failed(p);
}

bool parse_table_elements(sql_parser *p, sql_stmt *stmt) {
  return parse_expect_symbol(p, '(') && parse_element_list(p, stmt) && parse_expect_symbol(p, ')');
}
