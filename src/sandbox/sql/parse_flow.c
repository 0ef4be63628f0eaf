/*
 * parse_flow.c: T-SQL's variables, control of flow, transactions and SET; USE and SHOW.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/parser.h"

sql_declaration *parse_declarations(sql_parser *p, bool parameters) {
  sql_declaration *first = NULL;
  sql_declaration **tail = &first;
  do {
    sql_declaration *item = sql_new(p->context, sizeof *item);
    if (item == NULL) {
      return NULL;
    }
    if (parse_peek(p, 0)->kind != SQL_TOKEN_VARIABLE) {
      return parse_syntax_error(p);
    }
    item->name = parse_peek(p, 0)->text;
    p->at++;
    (void)parse_accept(p, "AS");
    if (parse_is(p, "TABLE") || parse_is(p, "CURSOR")) {
      return sql_unsupported(p->context, parse_peek(p, 0)->line, "A %s variable",
                             parse_peek(p, 0)->text);
    }
    item->type = parse_type(p);
    if (parse_accept_symbol(p, '=')) {
      item->value = parse_expr(p);
    }
    item->output = parameters && (parse_accept(p, "OUTPUT") || parse_accept(p, "OUT"));
    *tail = item;
    tail = &item->next;
  } while (parse_accept_symbol(p, ','));
  return parse_failed(p) ? NULL : first;
}

static sql_stmt *parse_declare(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_DECLARE);
  p->at++;
  if (stmt != NULL) {
    stmt->declarations = parse_declarations(p, false);
  }
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_set_variable(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_SET_VARIABLE);
  if (stmt == NULL) {
    return NULL;
  }
  sql_assignment *item = sql_new(p->context, sizeof *item);
  if (item == NULL) {
    return NULL;
  }
  item->variable = parse_peek(p, 0)->text;
  p->at++;
  stmt->assignments = item;
  return parse_assigned(p, item) ? stmt : NULL;
}

/* SET a[, b] ON|OFF; SET TRANSACTION ISOLATION LEVEL x; SET IDENTITY_INSERT t ON; SET x value. */
static sql_stmt *parse_set(sql_parser *p) {
  p->at++;
  if (parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE) {
    return parse_set_variable(p);
  }
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_SET_OPTION);
  if (stmt == NULL || parse_peek(p, 0)->kind != SQL_TOKEN_WORD) {
    return parse_syntax_error(p);
  }
  if (parse_is(p, "TRANSACTION")) {
    p->at++;
    if (!parse_expect(p, "ISOLATION") || !parse_expect(p, "LEVEL")) {
      return NULL;
    }
    stmt->text = "ISOLATION";
    const char *first = parse_peek(p, 0)->text;
    p->at++;
    bool two = parse_is(p, "UNCOMMITTED") || parse_is(p, "COMMITTED") ||
               (br_text_equal_nocase(first, "REPEATABLE") && parse_is(p, "READ"));
    stmt->value = two ? sql_text(p->context, "%s %s", first, parse_peek(p, 0)->text) : first;
    p->at += two;
    return stmt;
  }
  if (parse_accept(p, "IDENTITY_INSERT")) {
    stmt->text = "IDENTITY_INSERT";
    if (!parse_name(p, &stmt->name)) {
      return NULL;
    }
  } else {
    size_t first = p->at;
    p->at++;
    if (parse_is_at(p, (size_t)0, "IO") || parse_is(p, "TIME") || parse_is(p, "XML") ||
        parse_is(p, "PROFILE")) { /* SET STATISTICS x */
      p->at++;
    }
    stmt->text = p->tokens[first].text;
    while (parse_accept_symbol(p, ',')) { /* several options at once */
      stmt->text = sql_text(p->context, "%s,%s", stmt->text, parse_peek(p, 0)->text);
      p->at++;
    }
  }
  bool negative = parse_accept_symbol(p, '-');
  const sql_token *value = parse_peek(p, 0);
  if (value->kind == SQL_TOKEN_END || value->kind == SQL_TOKEN_SYMBOL) {
    return parse_syntax_error(p);
  }
  stmt->value = negative ? sql_text(p->context, "-%s", value->text) : value->text;
  p->at++;
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_if(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_IF);
  p->at++;
  if (stmt == NULL || (stmt->expr = parse_expr(p)) == NULL) {
    return NULL;
  }
  stmt->body = parse_statement(p);
  (void)(stmt->body != NULL && parse_is_symbol(p, ';') && parse_is_at(p, 1, "ELSE") &&
         parse_accept_symbol(p, ';'));
  if (stmt->body != NULL && parse_accept(p, "ELSE")) {
    stmt->other_body = parse_statement(p);
  }
  return parse_failed(p) ? NULL : stmt;
}

/* Statements up to END [TRY|CATCH]. */
static sql_stmt *parse_block_body(sql_parser *p, const char *word) {
  sql_stmt *first = NULL;
  sql_stmt **tail = &first;
  for (;;) {
    while (parse_accept_symbol(p, ';')) {
    }
    if (parse_is(p, "END")) {
      p->at++;
      if (word != NULL && !parse_expect(p, word)) {
        return NULL;
      }
      if (first == NULL && word == NULL) {
        return parse_syntax_error(p);
      }
      return first;
    }
    sql_stmt *stmt = parse_statement(p);
    if (stmt == NULL) {
      return NULL;
    }
    *tail = stmt;
    tail = &stmt->next;
  }
}

static sql_stmt *parse_try(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_TRY);
  p->at += 2;
  if (stmt == NULL) {
    return NULL;
  }
  stmt->body = parse_block_body(p, "TRY");
  while (parse_accept_symbol(p, ';')) {
  }
  if (parse_failed(p) || !parse_expect(p, "BEGIN") || !parse_expect(p, "CATCH")) {
    return NULL;
  }
  stmt->other_body = parse_block_body(p, "CATCH");
  return parse_failed(p) ? NULL : stmt;
}

/* TRAN[SACTION] [name]. */
static sql_stmt *parse_transaction(sql_parser *p, sql_stmt_kind kind) {
  sql_stmt *stmt = parse_new_stmt(p, kind);
  if (stmt == NULL) {
    return NULL;
  }
  bool word = parse_accept(p, "TRAN") || parse_accept(p, "TRANSACTION");
  if (!word && kind != SQL_S_BEGIN_TRAN && kind != SQL_S_SAVE) {
    (void)parse_accept(p, "WORK");
    return stmt;
  }
  if (!word) {
    return parse_syntax_error(p);
  }
  if (parse_is_identifier(p, 0) || parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE) {
    const sql_token *name = parse_peek(p, 0);
    if (name->kind == SQL_TOKEN_VARIABLE) {
      return sql_unsupported(p->context, stmt->line, "A transaction named by a variable");
    }
    stmt->text = name->text;
    p->at++;
  } else if (kind == SQL_S_SAVE) {
    return parse_syntax_error(p);
  }
  return stmt;
}

static sql_stmt *parse_begin(sql_parser *p) {
  if (parse_is_at(p, 1, "TRAN") || parse_is_at(p, 1, "TRANSACTION")) {
    p->at++;
    return parse_transaction(p, SQL_S_BEGIN_TRAN);
  }
  if (parse_is_at(p, 1, "TRY")) {
    return parse_try(p);
  }
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_BLOCK);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  stmt->body = parse_block_body(p, NULL);
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_raiserror(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_RAISERROR);
  size_t count = 0;
  p->at++;
  if (stmt == NULL || !parse_expect_symbol(p, '(')) {
    return NULL;
  }
  stmt->args = parse_expr_list(p, &count);
  if (!parse_expect_symbol(p, ')')) {
    return NULL;
  }
  if (parse_accept(p, "WITH")) {
    do {
      (void)parse_identifier(p);
    } while (parse_accept_symbol(p, ','));
  }
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_throw(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_THROW);
  size_t count = 0;
  p->at++;
  if (stmt != NULL && parse_peek(p, 0)->kind != SQL_TOKEN_END && !parse_is_symbol(p, ';') &&
      !parse_is(p, "END")) {
    stmt->args = parse_expr_list(p, &count);
    if (count != 3) {
      return parse_syntax_error(p);
    }
  }
  return parse_failed(p) ? NULL : stmt;
}

/* WAITFOR DELAY '00:00:05' */
static sql_stmt *parse_waitfor(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_WAITFOR);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (!parse_accept(p, "DELAY")) {
    return sql_unsupported(p->context, stmt->line, "WAITFOR %s", parse_peek(p, 0)->text);
  }
  stmt->expr = parse_primary(p);
  return parse_failed(p) ? NULL : stmt;
}

/* PRINT x, WHILE c body, RETURN [x]: the expression and the body. */
static sql_stmt *parse_with_expr(sql_parser *p, sql_stmt_kind kind) {
  sql_stmt *stmt = parse_new_stmt(p, kind);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (kind == SQL_S_RETURN) {
    const sql_token *token = parse_peek(p, 0);
    if (token->kind == SQL_TOKEN_NUMBER || token->kind == SQL_TOKEN_VARIABLE) {
      stmt->expr = parse_expr(p);
    }
    return parse_failed(p) ? NULL : stmt;
  }
  stmt->expr = parse_expr(p);
  if (stmt->expr != NULL && kind == SQL_S_WHILE) {
    stmt->body = parse_statement(p);
  }
  return parse_failed(p) ? NULL : stmt;
}

static sql_stmt *parse_use(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_USE);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (!p->is_tsql) {
    stmt->unique = parse_accept(p, "CATALOG"); /* a catalog, not a schema */
    (void)(!stmt->unique && (parse_accept(p, "SCHEMA") || parse_accept(p, "DATABASE")));
  }
  return parse_name(p, &stmt->name) ? stmt : NULL;
}

static sql_stmt *parse_flow_tsql(sql_parser *p) {
  static const struct {
    const char *word;
    sql_stmt *(*parse)(sql_parser *);
  } words[] = {
      {"DECLARE", parse_declare},
      {"SET", parse_set},
      {"IF", parse_if},
      {"BEGIN", parse_begin},
      {"RAISERROR", parse_raiserror},
      {"THROW", parse_throw},
      {"WAITFOR", parse_waitfor},
      {"EXEC", parse_execute},
      {"EXECUTE", parse_execute},
  };
  static const struct {
    const char *word;
    sql_stmt_kind kind;
  } with_expr[] = {{"PRINT", SQL_S_PRINT}, {"WHILE", SQL_S_WHILE}, {"RETURN", SQL_S_RETURN}};
  static const struct {
    const char *word;
    sql_stmt_kind kind;
  } transactions[] = {{"COMMIT", SQL_S_COMMIT}, {"ROLLBACK", SQL_S_ROLLBACK}, {"SAVE", SQL_S_SAVE}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (parse_is(p, words[i].word)) {
      return words[i].parse(p);
    }
  }
  for (size_t i = 0; i < 3; i++) {
    if (parse_is(p, with_expr[i].word)) {
      return parse_with_expr(p, with_expr[i].kind);
    }
    if (parse_accept(p, transactions[i].word)) {
      return parse_transaction(p, transactions[i].kind);
    }
  }
  if (parse_is(p, "BREAK") || parse_is(p, "CONTINUE") || parse_is(p, "CHECKPOINT")) {
    sql_stmt *stmt = parse_new_stmt(p, parse_is(p, "BREAK")      ? SQL_S_BREAK
                                       : parse_is(p, "CONTINUE") ? SQL_S_CONTINUE
                                                                 : SQL_S_NOTHING);
    p->at++;
    return stmt;
  }
  if (parse_is(p, "UPDATE") && parse_is_at(p, 1, "STATISTICS")) {
    sql_stmt *stmt = parse_new_stmt(p, SQL_S_NOTHING);
    p->at += 2;
    return stmt != NULL && parse_name(p, &stmt->name) ? stmt : NULL;
  }
  return NULL;
}

sql_stmt *parse_flow(sql_parser *p) {
  if (parse_is(p, "USE")) {
    return parse_use(p);
  }
  if (p->is_tsql) {
    return parse_flow_tsql(p);
  }
  if (parse_is(p, "SHOW")) {
    return parse_show(p);
  }
  if (parse_is(p, "DESCRIBE") || parse_is(p, "DESC")) {
    return parse_describe(p);
  }
  return NULL;
}
