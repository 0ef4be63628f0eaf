/*
 * parse_execute.c: EXEC [@status =] procedure [@a =] value [OUTPUT], …; EXEC ('text').
 */
#include "sandbox/sql/parser.h"

/* A constant, a variable, or a word that is taken for text; no expression. */
static sql_expr *parse_argument(sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  bool word = parse_is_identifier(p, 0) && !parse_is(p, "DEFAULT");
  if (word || token->kind == SQL_TOKEN_STRING || token->kind == SQL_TOKEN_NSTRING) {
    sql_expr *text = parse_new_expr(p, SQL_E_STRING);
    if (text != NULL) {
      text->text = token->text;
      text->length = token->length;
      text->national = token->kind != SQL_TOKEN_STRING;
      p->at++;
    }
    return text;
  }
  bool negative = parse_accept_symbol(p, '-');
  token = parse_peek(p, 0);
  bool number = token->kind == SQL_TOKEN_NUMBER || token->kind == SQL_TOKEN_MONEY;
  bool other = token->kind == SQL_TOKEN_HEX || token->kind == SQL_TOKEN_VARIABLE ||
               token->kind == SQL_TOKEN_GLOBAL || parse_is(p, "NULL") || parse_is(p, "DEFAULT");
  if (!number && (negative || !other)) {
    return parse_syntax_error(p);
  }
  sql_expr *value = parse_primary(p);
  if (value == NULL || !negative) {
    return value;
  }
  sql_expr *minus = parse_new_expr(p, SQL_E_UNARY);
  if (minus != NULL) {
    minus->op = '-';
    minus->a = value;
  }
  return minus;
}

static bool ends(const sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  return token->kind == SQL_TOKEN_END || parse_is_symbol(p, ';') ||
         (token->kind == SQL_TOKEN_WORD && token->reserved && !parse_is(p, "NULL") &&
          !parse_is(p, "DEFAULT"));
}

static bool parse_arguments(sql_parser *p, sql_stmt *stmt) {
  sql_assignment **tail = &stmt->assignments;
  bool named = false;
  if (ends(p)) {
    return true;
  }
  do {
    sql_assignment *item = sql_new(p->context, sizeof *item);
    if (item == NULL) {
      return false;
    }
    if (parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE && parse_is_symbol_at(p, 1, '=')) {
      item->variable = parse_peek(p, 0)->text;
      p->at += 2;
      named = true;
    } else if (named) {
      (void)sql_fail(p->context, 119, parse_peek(p, 0)->line,
                     "Must pass parameter number and subsequent parameters as '@name = value'. "
                     "After the form '@name = value' has been used, all subsequent parameters "
                     "must be passed in the form '@name = value'.");
      return false;
    }
    item->value = parse_argument(p);
    item->output = parse_accept(p, "OUTPUT") || parse_accept(p, "OUT");
    if (item->output && item->value != NULL && item->value->kind != SQL_E_VARIABLE) {
      (void)sql_fail(p->context, 179, stmt->line,
                     "Cannot use the OUTPUT option when passing a constant to a stored procedure.");
    }
    *tail = item;
    tail = &item->next;
  } while (parse_accept_symbol(p, ','));
  return !parse_failed(p);
}

sql_stmt *parse_execute(sql_parser *p) {
  sql_stmt *stmt = parse_new_stmt(p, SQL_S_EXECUTE);
  p->at++;
  if (stmt == NULL) {
    return NULL;
  }
  if (parse_accept_symbol(p, '(')) {
    stmt->expr = parse_value(p);
    return parse_expect_symbol(p, ')') ? stmt : NULL;
  }
  if (parse_peek(p, 0)->kind == SQL_TOKEN_VARIABLE && parse_is_symbol_at(p, 1, '=')) {
    stmt->text = parse_peek(p, 0)->text;
    p->at += 2;
  }
  return parse_name(p, &stmt->name) && parse_arguments(p, stmt) ? stmt : NULL;
}
