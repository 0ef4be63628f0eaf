/*
 * parse_stmt.c: which statement it is.
 */
#include "sandbox/sql/parser.h"

sql_stmt *parse_new_stmt(sql_parser *p, sql_stmt_kind kind) {
  sql_stmt *stmt = sql_new(p->context, sizeof *stmt);
  if (stmt != NULL) {
    stmt->kind = kind;
    stmt->line = parse_peek(p, 0)->line;
  }
  return stmt;
}

sql_stmt *parse_statement(sql_parser *p) {
  static sql_stmt *(*const parsers[])(sql_parser *) = {parse_dml, parse_ddl, parse_flow};
  if (parse_failed(p) || !parse_deeper(p)) {
    return NULL;
  }
  int32_t line = parse_peek(p, 0)->line;
  const bool outer_keeps_locks = p->keeps_locks;
  p->keeps_locks = false;
  for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++) {
    sql_stmt *stmt = parsers[i](p);
    if (stmt != NULL || parse_failed(p)) {
      p->depth--;
      if (stmt != NULL) {
        stmt->line = line;
        stmt->keeps_locks = p->keeps_locks;
      }
      p->keeps_locks = p->keeps_locks || outer_keeps_locks;
      return stmt;
    }
  }
  return parse_syntax_error(p);
}
