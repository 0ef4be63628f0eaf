/*
 * parse_merge.c: MERGE INTO target USING source ON … WHEN … THEN ….
 */
#include "sandbox/sql/parser.h"

/* MATCHED, NOT MATCHED [BY TARGET|SOURCE], behind WHEN. */
static bool parse_match(sql_parser *p, sql_merge_clause *clause) {
  bool not_matched = parse_accept(p, "NOT");
  if (!parse_expect(p, "MATCHED")) {
    return false;
  }
  clause->match = not_matched ? SQL_MERGE_NOT_MATCHED : SQL_MERGE_MATCHED;
  if (not_matched && parse_accept(p, "BY")) {
    if (parse_accept(p, "SOURCE")) {
      clause->match = SQL_MERGE_NOT_MATCHED_BY_SOURCE;
    } else if (!parse_expect(p, "TARGET")) {
      return false;
    }
  }
  if (parse_accept(p, "AND") && (clause->condition = parse_expr(p)) == NULL) {
    return false;
  }
  return parse_expect(p, "THEN");
}

static bool parse_insert_action(sql_parser *p, sql_merge_clause *clause) {
  clause->insert = true;
  if (!p->is_tsql && parse_accept_symbol(p, '*')) {
    clause->star = true;
    return true;
  }
  if (parse_is_symbol(p, '(') && (clause->names = parse_column_list(p, false)) == NULL) {
    return false;
  }
  clause->row = sql_new(p->context, sizeof *clause->row);
  if (clause->row == NULL || !parse_expect(p, "VALUES") || !parse_expect_symbol(p, '(')) {
    return false;
  }
  clause->row->values = parse_expr_list(p, &clause->row->count);
  return parse_expect_symbol(p, ')');
}

static bool parse_action(sql_parser *p, sql_merge_clause *clause) {
  if (clause->match == SQL_MERGE_NOT_MATCHED) {
    return parse_expect(p, "INSERT") && parse_insert_action(p, clause);
  }
  if (parse_accept(p, "DELETE")) {
    return true;
  }
  clause->update = true;
  if (!parse_expect(p, "UPDATE") || !parse_expect(p, "SET")) {
    return false;
  }
  if (!p->is_tsql && clause->match == SQL_MERGE_MATCHED && parse_accept_symbol(p, '*')) {
    clause->star = true;
    return true;
  }
  clause->assignments = parse_assignments(p);
  return !parse_failed(p);
}

static sql_merge_clause *parse_clause(sql_parser *p) {
  sql_merge_clause *clause = sql_new(p->context, sizeof *clause);
  if (clause == NULL) {
    return NULL;
  }
  clause->line = parse_peek(p, 0)->line;
  return parse_match(p, clause) && parse_action(p, clause) ? clause : NULL;
}

sql_stmt *parse_merge(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_MERGE);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (!p->is_tsql && parse_is(p, "WITH")) {
    return sql_unsupported(p->context, stmt->line, "MERGE WITH SCHEMA EVOLUTION");
  }
  if (!parse_accept(p, "INTO") && !p->is_tsql) {
    return parse_syntax_error(p);
  }
  stmt->target = parse_table_name(p);
  parse_table_hints(p);
  if (stmt->target != NULL && !parse_is(p, "USING")) {
    stmt->target->alias = parse_alias(p);
  }
  if (!parse_expect(p, "USING") || (stmt->from = parse_table_list(p)) == NULL ||
      !parse_expect(p, "ON") || (stmt->where = parse_expr(p)) == NULL) {
    return NULL;
  }
  sql_merge_clause **tail = &stmt->clauses;
  while (parse_accept(p, "WHEN")) {
    *tail = parse_clause(p);
    if (*tail == NULL) {
      return NULL;
    }
    tail = &(*tail)->next;
  }
  if (stmt->clauses == NULL) {
    return parse_syntax_error(p);
  }
  if (p->is_tsql && parse_is(p, "OUTPUT")) {
    return sql_unsupported(p->context, stmt->line, "OUTPUT of MERGE");
  }
  parse_option_clause(p);
  if (p->is_tsql && !parse_failed(p) && !parse_is_symbol(p, ';')) {
    return sql_fail(p->context, 10713, stmt->line,
                    "A MERGE statement must be terminated by a semi-colon (;).");
  }
  return parse_failed(p) ? NULL : stmt;
}
