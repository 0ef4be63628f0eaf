/*
 * parse_primary.c: literals, names, CASE, CAST, functions and their windows.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/parser.h"

static sql_expr *parse_case(sql_parser *p) {
  sql_expr *expr = parse_new_expr(p, SQL_E_CASE);
  p->at++;
  if (expr == NULL || (!parse_is(p, "WHEN") && (expr->a = parse_expr(p)) == NULL)) {
    return NULL;
  }
  sql_expr **tail = &expr->list;
  if (!parse_is(p, "WHEN")) {
    return parse_syntax_error(p);
  }
  while (parse_accept(p, "WHEN")) {
    sql_expr *when = parse_expr(p);
    if (when == NULL || !parse_expect(p, "THEN") || (when->next = parse_expr(p)) == NULL) {
      return NULL;
    }
    *tail = when;
    tail = &when->next->next;
    expr->count += 2;
  }
  if (parse_accept(p, "ELSE") && (expr->c = parse_expr(p)) == NULL) {
    return NULL;
  }
  return parse_expect(p, "END") ? expr : NULL;
}

/* CAST(a AS type), TRY_CAST. */
static sql_expr *parse_cast(sql_parser *p, bool try_) {
  sql_expr *expr = parse_new_expr(p, SQL_E_CAST);
  p->at += 2;
  if (expr == NULL) {
    return NULL;
  }
  expr->try_ = try_;
  expr->a = parse_expr(p);
  if (!parse_expect(p, "AS")) {
    return NULL;
  }
  expr->type = parse_type(p);
  return parse_expect_symbol(p, ')') ? expr : NULL;
}

/* CONVERT(type, a[, style]), TRY_CONVERT. */
static sql_expr *parse_convert(sql_parser *p, bool try_) {
  sql_expr *expr = parse_new_expr(p, SQL_E_CAST);
  p->at += 2;
  if (expr == NULL) {
    return NULL;
  }
  expr->try_ = try_;
  expr->type = parse_type(p);
  if (!parse_expect_symbol(p, ',')) {
    return NULL;
  }
  expr->a = parse_expr(p);
  if (parse_accept_symbol(p, ',')) {
    expr->b = parse_expr(p);
  }
  return parse_expect_symbol(p, ')') ? expr : NULL;
}

static bool parse_bound(sql_parser *p, sql_frame_bound *ret_bound, uint64_t *ret_rows) {
  if (parse_accept(p, "UNBOUNDED")) {
    *ret_bound = parse_accept(p, "PRECEDING") ? SQL_BOUND_UNBOUNDED_PRECEDING
                                              : SQL_BOUND_UNBOUNDED_FOLLOWING;
    return *ret_bound == SQL_BOUND_UNBOUNDED_PRECEDING || parse_expect(p, "FOLLOWING");
  }
  if (parse_accept(p, "CURRENT")) {
    *ret_bound = SQL_BOUND_CURRENT;
    return parse_expect(p, "ROW");
  }
  int64_t rows = parse_integer(p);
  *ret_rows = rows < 0 ? 0 : (uint64_t)rows;
  *ret_bound = parse_accept(p, "PRECEDING") ? SQL_BOUND_PRECEDING : SQL_BOUND_FOLLOWING;
  return *ret_bound == SQL_BOUND_PRECEDING || parse_expect(p, "FOLLOWING");
}

static bool parse_frame(sql_parser *p, sql_window *window) {
  window->rows = parse_is(p, "ROWS");
  p->at++;
  if (!parse_accept(p, "BETWEEN")) {
    window->end = SQL_BOUND_CURRENT;
    return parse_bound(p, &window->start, &window->start_rows);
  }
  return parse_bound(p, &window->start, &window->start_rows) && parse_expect(p, "AND") &&
         parse_bound(p, &window->end, &window->end_rows);
}

static sql_window *parse_over(sql_parser *p) {
  sql_window *window = sql_new(p->context, sizeof *window);
  size_t count = 0;
  if (window == NULL || !parse_expect_symbol(p, '(')) {
    return NULL;
  }
  if (parse_accept(p, "PARTITION")) {
    if (!parse_expect(p, "BY") || (window->partition = parse_expr_list(p, &count)) == NULL) {
      return NULL;
    }
  }
  if (parse_accept(p, "ORDER")) {
    if (!parse_expect(p, "BY") || (window->order = parse_order_list(p)) == NULL) {
      return NULL;
    }
  }
  if ((parse_is(p, "ROWS") || parse_is(p, "RANGE")) && !parse_frame(p, window)) {
    return NULL;
  }
  return parse_expect_symbol(p, ')') ? window : NULL;
}

/* Arguments that are words: DATEADD(day, …). The binder takes a column's name for the word. */
static bool parse_arguments(sql_parser *p, sql_expr *call) {
  if (parse_accept_symbol(p, ')')) {
    return true;
  }
  if (parse_is_symbol(p, '*') && parse_is_symbol_at(p, 1, ')')) {
    p->at += 2;
    call->star = true;
    return true;
  }
  call->distinct = parse_accept(p, "DISTINCT");
  if (!call->distinct) {
    (void)parse_accept(p, "ALL");
  }
  call->list = parse_expr_list(p, &call->count);
  return parse_expect_symbol(p, ')');
}

/* TRIM([characters] FROM a), EXTRACT(part FROM a): rewritten as TRIM(a, characters), a function
 * EXTRACT(part, a). */
static sql_expr *parse_from_call(sql_parser *p, sql_expr *call) {
  if (parse_accept(p, "BOTH") || parse_accept(p, "LEADING") || parse_accept(p, "TRAILING")) {
    return sql_unsupported(p->context, call->line, "%s with a direction", call->text);
  }
  sql_expr *first = parse_expr(p);
  if (first == NULL) {
    return NULL;
  }
  call->list = first;
  call->count = 1;
  if (parse_accept(p, "FROM")) {
    sql_expr *second = parse_expr(p);
    if (second == NULL) {
      return NULL;
    }
    bool trim = br_text_equal_nocase(call->text, "TRIM");
    call->list = trim ? second : first;
    call->list->next = trim ? first : second;
    call->count = 2;
  } else if (parse_accept_symbol(p, ',')) {
    if ((first->next = parse_expr(p)) == NULL) {
      return NULL;
    }
    call->count = 2;
  }
  return parse_expect_symbol(p, ')') ? call : NULL;
}

sql_expr *parse_function_call(sql_parser *p) {
  sql_expr *call = parse_new_expr(p, SQL_E_FUNCTION);
  const sql_token *name = parse_peek(p, 0);
  p->at += 2;
  if (call == NULL) {
    return NULL;
  }
  call->text = name->text;
  if (br_text_equal_nocase(name->text, "TRIM") || br_text_equal_nocase(name->text, "EXTRACT")) {
    return parse_from_call(p, call);
  }
  if (!parse_arguments(p, call)) {
    return NULL;
  }
  if (parse_is(p, "WITHIN") && parse_is_at(p, 1, "GROUP")) {
    p->at += 2;
    if (!parse_expect_symbol(p, '(') || !parse_expect(p, "ORDER") || !parse_expect(p, "BY")) {
      return NULL;
    }
    call->order = parse_order_list(p);
    if (!parse_expect_symbol(p, ')')) {
      return NULL;
    }
  }
  if (parse_accept(p, "OVER") && (call->window = parse_over(p)) == NULL) {
    return NULL;
  }
  return parse_failed(p) ? NULL : call;
}

static sql_expr *parse_parenthesis(sql_parser *p) {
  p->at++;
  if (parse_starts_query(p) && !parse_is_symbol(p, '(')) {
    sql_expr *expr = parse_new_expr(p, SQL_E_SUBQUERY);
    if (expr == NULL) {
      return NULL;
    }
    expr->query = parse_query(p, true);
    return parse_expect_symbol(p, ')') ? expr : NULL;
  }
  sql_expr *expr = parse_expr(p);
  if (expr != NULL) {
    expr->parenthesized = true;
  }
  return parse_expect_symbol(p, ')') ? expr : NULL;
}

static sql_expr *parse_column(sql_parser *p) {
  sql_expr *expr = parse_new_expr(p, SQL_E_COLUMN);
  if (expr == NULL || !parse_name(p, &expr->name)) {
    return NULL;
  }
  if (parse_is_symbol(p, '.') && parse_is_symbol_at(p, 1, '*')) {
    p->at += 2;
    expr->kind = SQL_E_STAR;
  }
  return expr;
}

static sql_expr *parse_literal(sql_parser *p, sql_expr_kind kind) {
  sql_expr *expr = parse_new_expr(p, kind);
  if (expr != NULL) {
    const sql_token *token = parse_peek(p, 0);
    expr->text = token->text;
    expr->length = token->length;
    expr->national = token->kind == SQL_TOKEN_NSTRING;
    p->at++;
  }
  return expr;
}

/* Functions that are written without parentheses. */
static bool is_bare_function(const sql_parser *p) {
  return parse_is(p, "CURRENT_TIMESTAMP") || parse_is(p, "CURRENT_DATE") ||
         parse_is(p, "CURRENT_USER") ||
         (p->is_tsql &&
          (parse_is(p, "SESSION_USER") || parse_is(p, "SYSTEM_USER") || parse_is(p, "USER")));
}

/* Reserved words that name functions when a ( follows. */
static bool is_function_word(const sql_parser *p) {
  static const char *const words[] = {
      "LEFT", "RIGHT",        "COALESCE",          "NULLIF",       "CONVERT", "EXISTS", "IF",
      "USER", "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER", "LIKE"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (parse_is(p, words[i])) {
      return true;
    }
  }
  return false;
}

static sql_expr *parse_word(sql_parser *p) {
  bool call = parse_is_symbol_at(p, 1, '(');
  if (parse_is(p, "NULL")) {
    return parse_literal(p, SQL_E_NULL);
  }
  if (parse_is(p, "CASE")) {
    return parse_case(p);
  }
  if (parse_is(p, "DEFAULT") && !call) {
    return parse_literal(p, SQL_E_DEFAULT);
  }
  if (!p->is_tsql && !call && (parse_is(p, "TRUE") || parse_is(p, "FALSE"))) {
    bool value = parse_is(p, "TRUE");
    sql_expr *expr = parse_literal(p, SQL_E_BOOL);
    if (expr != NULL) {
      expr->op = value;
    }
    return expr;
  }
  if (call && (parse_is(p, "CAST") || parse_is(p, "TRY_CAST"))) {
    return parse_cast(p, parse_is(p, "TRY_CAST"));
  }
  if (call && p->is_tsql && (parse_is(p, "CONVERT") || parse_is(p, "TRY_CONVERT"))) {
    return parse_convert(p, parse_is(p, "TRY_CONVERT"));
  }
  if (parse_is_identifier_clause(p)) {
    return parse_column(p);
  }
  if (is_bare_function(p) && !call) {
    return parse_literal(p, SQL_E_FUNCTION);
  }
  if (call && (!parse_peek(p, 0)->reserved || is_function_word(p))) {
    return parse_function_call(p);
  }
  /* Databricks: DATE '2020-01-01', TIMESTAMP '…'. */
  if (!p->is_tsql && parse_peek(p, 1)->kind == SQL_TOKEN_STRING &&
      (parse_is(p, "DATE") || parse_is(p, "TIMESTAMP") || parse_is(p, "TIMESTAMP_NTZ"))) {
    sql_expr *expr = parse_new_expr(p, SQL_E_CAST);
    if (expr != NULL) {
      expr->type = parse_type(p);
      expr->a = parse_literal(p, SQL_E_STRING);
    }
    return parse_failed(p) ? NULL : expr;
  }
  return parse_column(p);
}

sql_expr *parse_primary(sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  if (parse_failed(p)) {
    return NULL;
  }
  switch (token->kind) {
  case SQL_TOKEN_NUMBER:
    return parse_literal(p, SQL_E_NUMBER);
  case SQL_TOKEN_MONEY:
    return parse_literal(p, SQL_E_MONEY);
  case SQL_TOKEN_STRING:
  case SQL_TOKEN_NSTRING:
    return parse_literal(p, SQL_E_STRING);
  case SQL_TOKEN_HEX:
    return parse_literal(p, SQL_E_HEX);
  case SQL_TOKEN_VARIABLE:
  case SQL_TOKEN_MARKER:
    return parse_literal(p, SQL_E_VARIABLE);
  case SQL_TOKEN_GLOBAL:
    return parse_literal(p, SQL_E_GLOBAL);
  case SQL_TOKEN_QUOTED:
    return parse_column(p);
  case SQL_TOKEN_WORD:
    return parse_word(p);
  case SQL_TOKEN_SYMBOL:
    if (token->op == '(') {
      return parse_parenthesis(p);
    }
    if (token->op == '*') {
      return parse_literal(p, SQL_E_STAR);
    }
    break;
  default:
    break;
  }
  return parse_syntax_error(p);
}
