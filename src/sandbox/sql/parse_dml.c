/*
 * parse_dml.c: INSERT, UPDATE, DELETE, TRUNCATE.
 */
#include <string.h>

#include "sandbox/sql/parser.h"

/* OUTPUT a, b: rows to the client. False: failed. */
static bool parse_output(sql_parser *p, sql_stmt *stmt) {
  if (!p->is_tsql || !parse_accept(p, "OUTPUT")) {
    return !parse_failed(p);
  }
  stmt->output = parse_items(p);
  if (stmt->output != NULL && parse_is(p, "INTO")) {
    (void)sql_unsupported(p->context, stmt->line, "OUTPUT … INTO");
  }
  return !parse_failed(p);
}

static sql_stmt *parse_insert(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_INSERT);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (p->is_tsql && parse_accept(p, "TOP")) {
    return sql_unsupported(p->context, stmt->line, "INSERT TOP");
  }
  if (!p->is_tsql && parse_accept(p, "OVERWRITE")) {
    stmt->overwrite = true;
  } else if (!p->is_tsql) {
    (void)parse_expect(p, "INTO");
  } else {
    (void)parse_accept(p, "INTO");
  }
  if (!p->is_tsql) {
    (void)parse_accept(p, "TABLE");
  }
  stmt->target = parse_table_name(p);
  parse_table_hints(p);
  if (!parse_failed(p) && parse_is_symbol(p, '(') && !parse_starts_query(p)) {
    stmt->names = parse_column_list(p, false);
  }
  if (parse_failed(p) || !parse_output(p, stmt)) {
    return NULL;
  }
  if (p->is_tsql && parse_is(p, "DEFAULT") && parse_is_at(p, 1, "VALUES")) {
    p->at += 2;
    stmt->default_values = true;
  } else if (p->is_tsql && (parse_is(p, "EXEC") || parse_is(p, "EXECUTE"))) {
    return sql_unsupported(p->context, stmt->line, "INSERT … EXECUTE");
  } else if (!parse_starts_query(p)) {
    return parse_syntax_error(p);
  } else {
    stmt->query = parse_query(p, true);
  }
  return parse_failed(p) ? NULL : stmt;
}

bool parse_assigned(sql_parser *p, sql_assignment *item) {
  const sql_token *token = parse_peek(p, 0);
  if (token->kind != SQL_TOKEN_SYMBOL ||
      (token->op != '=' && (token->op < SQL_OP_PLUS_SET || token->op > SQL_OP_MODULO_SET))) {
    (void)parse_syntax_error(p);
    return false;
  }
  item->op = token->op;
  p->at++;
  item->value = parse_expr(p);
  return item->value != NULL;
}

static sql_assignment *parse_assignment(sql_parser *p) {
  sql_assignment *item = sql_new(p->context, sizeof *item);
  if (item == NULL) {
    return NULL;
  }
  if (parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE) {
    return sql_unsupported(p->context, parse_peek(p, 0)->line, "Setting a variable in UPDATE");
  }
  if (!parse_name(p, &item->column)) {
    return NULL;
  }
  return parse_assigned(p, item) ? item : NULL;
}

sql_assignment *parse_assignments(sql_parser *p) {
  sql_assignment *first = NULL;
  sql_assignment **tail = &first;
  do {
    *tail = parse_assignment(p);
    if (*tail == NULL) {
      return NULL;
    }
    tail = &(*tail)->next;
  } while (parse_accept_symbol(p, ','));
  return first;
}

/* What UPDATE and DELETE end with: OUTPUT …, FROM …, WHERE …, OPTION (…). */
static sql_stmt *parse_rows_of(sql_parser *p, sql_stmt *stmt) {
  if (parse_failed(p) || !parse_output(p, stmt)) {
    return NULL;
  }
  if (p->is_tsql && parse_accept(p, "FROM")) {
    stmt->from = parse_table_list(p);
  }
  if (parse_accept(p, "WHERE")) {
    stmt->where = parse_expr(p);
  }
  parse_option_clause(p);
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_update(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_UPDATE);
  bool ties = false;
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (p->is_tsql && parse_accept(p, "TOP")) {
    stmt->top = parse_top(p, &stmt->top_percent, &ties);
  }
  stmt->target = parse_table_name(p);
  parse_table_hints(p);
  if (stmt->target != NULL && !p->is_tsql && !parse_is(p, "SET")) {
    stmt->target->alias = parse_alias(p);
  }
  if (!parse_expect(p, "SET")) {
    return NULL;
  }
  stmt->assignments = parse_assignments(p);
  return parse_rows_of(p, stmt);
}

static sql_stmt *parse_delete(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_DELETE);
  bool ties = false;
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (p->is_tsql && parse_accept(p, "TOP")) {
    stmt->top = parse_top(p, &stmt->top_percent, &ties);
  }
  if (p->is_tsql) {
    (void)parse_accept(p, "FROM");
  } else {
    (void)parse_expect(p, "FROM");
  }
  stmt->target = parse_table_name(p);
  parse_table_hints(p);
  if (stmt->target != NULL && !p->is_tsql && !parse_is(p, "WHERE")) {
    stmt->target->alias = parse_alias(p);
  }
  return parse_rows_of(p, stmt);
}

/* WITH … in front of any of them. */
static sql_stmt *parse_with_statement(sql_parser *p) {
  size_t at = p->at;
  p->at++;
  sql_cte *ctes = parse_with(p);
  if (ctes == NULL) {
    return NULL;
  }
  if (parse_is(p, "SELECT") || parse_is_symbol(p, '(')) {
    p->at = at;
    sql_stmt *stmt = parse_new_stmt(p, SQL_S_SELECT);
    if (stmt != NULL) {
      stmt->query = parse_query(p, true);
    }
    return parse_failed(p) ? NULL : stmt;
  }
  sql_stmt *stmt = parse_dml(p);
  if (stmt == NULL) {
    return parse_failed(p) ? NULL : parse_syntax_error(p);
  }
  stmt->ctes = ctes;
  return stmt;
}

sql_stmt *parse_dml(sql_parser *p) {
  if (parse_is(p, "WITH")) {
    return parse_with_statement(p);
  }
  if (parse_is(p, "SELECT") || (parse_is_symbol(p, '(') && parse_starts_query(p)) ||
      (!p->is_tsql && parse_is(p, "VALUES"))) {
    sql_stmt *stmt = parse_new_stmt(p, SQL_S_SELECT);
    if (stmt != NULL) {
      stmt->query = parse_query(p, true);
    }
    return parse_failed(p) ? NULL : stmt;
  }
  if (parse_is(p, "INSERT")) {
    return parse_insert(p);
  }
  if (parse_is(p, "UPDATE") && !parse_is_at(p, 1, "STATISTICS")) {
    return parse_update(p);
  }
  if (parse_is(p, "DELETE")) {
    return parse_delete(p);
  }
  if (parse_is(p, "MERGE")) {
    return parse_merge(p);
  }
  if (parse_is(p, "TRUNCATE")) {
    sql_stmt *stmt = parse_new_stmt(p, SQL_S_TRUNCATE);
    p->at++;
    if (stmt == NULL || !parse_expect(p, "TABLE") || !parse_name(p, &stmt->name)) {
      return NULL;
    }
    return stmt;
  }
  return NULL;
}
