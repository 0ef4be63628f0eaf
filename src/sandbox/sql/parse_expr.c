/*
 * parse_expr.c: expressions, by precedence from OR down to a primary.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/parser.h"

static sql_expr *parse_and(sql_parser *p);
static sql_expr *parse_not(sql_parser *p);

sql_expr *parse_new_expr(sql_parser *p, sql_expr_kind kind) {
  sql_expr *expr = sql_new(p->context, sizeof *expr);
  if (expr != NULL) {
    expr->kind = kind;
    expr->line = parse_peek(p, 0)->line;
  }
  return expr;
}

/* a OR b OR c becomes one node with a list: chains of thousands stay flat. */
static sql_expr *parse_chain(sql_parser *p, const char *word, sql_expr_kind kind,
                             sql_expr *(*parse_next)(sql_parser *)) {
  sql_expr *first = parse_next(p);
  if (first == NULL || !parse_is(p, word)) {
    return first;
  }
  sql_expr *chain = parse_new_expr(p, kind);
  sql_expr *last = first;
  if (chain == NULL) {
    return NULL;
  }
  chain->list = first;
  chain->count = 1;
  while (parse_accept(p, word)) {
    last->next = parse_next(p);
    if (last->next == NULL) {
      return NULL;
    }
    last = last->next;
    chain->count++;
  }
  return chain;
}

sql_expr *parse_expr(sql_parser *p) {
  if (parse_failed(p) || !parse_deeper(p)) {
    return NULL;
  }
  sql_expr *expr = parse_chain(p, "OR", SQL_E_OR, parse_and);
  p->depth--;
  return expr;
}

static sql_expr *parse_and(sql_parser *p) {
  return parse_chain(p, "AND", SQL_E_AND, parse_not);
}

static sql_expr *parse_in(sql_parser *p, sql_expr *left, bool negated) {
  sql_expr *expr = parse_new_expr(p, SQL_E_IN);
  if (expr == NULL || !parse_expect_symbol(p, '(')) {
    return NULL;
  }
  expr->a = left;
  expr->negated = negated;
  if (parse_starts_query(p) && !parse_is_symbol(p, '(')) {
    expr->query = parse_query(p, !p->is_tsql);
  } else {
    expr->list = parse_expr_list(p, &expr->count);
  }
  return parse_expect_symbol(p, ')') ? expr : NULL;
}

static sql_expr *parse_like(sql_parser *p, sql_expr *left, bool negated, int op) {
  sql_expr *expr = parse_new_expr(p, SQL_E_LIKE);
  if (expr == NULL) {
    return NULL;
  }
  expr->a = left;
  expr->op = op;
  expr->negated = negated;
  expr->b = parse_value(p);
  if (parse_accept(p, "ESCAPE")) {
    expr->c = parse_value(p);
  }
  return parse_failed(p) ? NULL : expr;
}

static sql_expr *parse_between(sql_parser *p, sql_expr *left, bool negated) {
  sql_expr *expr = parse_new_expr(p, SQL_E_BETWEEN);
  if (expr == NULL) {
    return NULL;
  }
  expr->a = left;
  expr->negated = negated;
  expr->b = parse_value(p);
  if (!parse_expect(p, "AND")) {
    return NULL;
  }
  expr->c = parse_value(p);
  return parse_failed(p) ? NULL : expr;
}

static sql_expr *parse_is_null(sql_parser *p, sql_expr *left) {
  sql_expr *expr = parse_new_expr(p, SQL_E_IS_NULL);
  if (expr == NULL) {
    return NULL;
  }
  expr->a = left;
  expr->negated = parse_accept(p, "NOT");
  if (parse_is(p, "DISTINCT")) {
    p->at++;
    if (!parse_expect(p, "FROM")) {
      return NULL;
    }
    expr->kind = SQL_E_COMPARE;
    expr->op = SQL_OP_NULL_SAFE;
    expr->negated = !expr->negated; /* IS NOT DISTINCT FROM is <=> */
    expr->b = parse_value(p);
    return parse_failed(p) ? NULL : expr;
  }
  if (!p->is_tsql && (parse_is(p, "TRUE") || parse_is(p, "FALSE"))) {
    expr->kind = SQL_E_COMPARE;
    expr->op = SQL_OP_NULL_SAFE;
    expr->b = parse_value(p);
    return parse_failed(p) ? NULL : expr;
  }
  return parse_expect(p, "NULL") ? expr : NULL;
}

static bool is_comparison(const sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  return token->kind == SQL_TOKEN_SYMBOL &&
         (token->op == '=' || token->op == '<' || token->op == '>' || token->op == SQL_OP_LE ||
          token->op == SQL_OP_GE || token->op == SQL_OP_NE || token->op == SQL_OP_NULL_SAFE);
}

static sql_expr *parse_comparison(sql_parser *p, sql_expr *left) {
  sql_expr *expr = parse_new_expr(p, SQL_E_COMPARE);
  if (expr == NULL) {
    return NULL;
  }
  expr->a = left;
  expr->op = parse_peek(p, 0)->op;
  p->at++;
  bool all = parse_is(p, "ALL");
  if ((all || parse_is(p, "ANY") || parse_is(p, "SOME")) && parse_is_symbol_at(p, 1, '(')) {
    p->at += 2;
    expr->kind = SQL_E_QUANTIFIED;
    expr->negated = all;
    expr->query = parse_query(p, false);
    return parse_expect_symbol(p, ')') ? expr : NULL;
  }
  expr->b = parse_value(p);
  return parse_failed(p) ? NULL : expr;
}

/* What may stand behind a value to make a condition of it. */
static sql_expr *parse_predicate(sql_parser *p) {
  sql_expr *left = parse_value(p);
  while (left != NULL) {
    if (is_comparison(p)) {
      left = parse_comparison(p, left);
      continue;
    }
    bool negated = parse_is(p, "NOT") &&
                   (parse_is_at(p, 1, "IN") || parse_is_at(p, 1, "LIKE") ||
                    parse_is_at(p, 1, "BETWEEN") || (!p->is_tsql && parse_is_at(p, 1, "ILIKE")));
    p->at += negated;
    if (parse_accept(p, "IN")) {
      left = parse_in(p, left, negated);
    } else if (parse_accept(p, "LIKE")) {
      left = parse_like(p, left, negated, 0);
    } else if (!p->is_tsql && parse_accept(p, "ILIKE")) {
      left = parse_like(p, left, negated, 1);
    } else if (parse_accept(p, "BETWEEN")) {
      left = parse_between(p, left, negated);
    } else if (parse_accept(p, "IS")) {
      left = parse_is_null(p, left);
    } else {
      break;
    }
    if (p->is_tsql) {
      break; /* a condition is no value there */
    }
  }
  return left;
}

static sql_expr *parse_not(sql_parser *p) {
  if (parse_is(p, "NOT") || (!p->is_tsql && parse_is_symbol(p, '!'))) {
    if (!parse_deeper(p)) {
      return NULL;
    }
    sql_expr *expr = parse_new_expr(p, SQL_E_NOT);
    p->at++;
    if (expr == NULL || (expr->a = parse_not(p)) == NULL) {
      return NULL;
    }
    p->depth--;
    return expr;
  }
  if (parse_is(p, "EXISTS") && parse_is_symbol_at(p, 1, '(')) {
    sql_expr *expr = parse_new_expr(p, SQL_E_EXISTS);
    p->at += 2;
    if (expr == NULL) {
      return NULL;
    }
    expr->query = parse_query(p, !p->is_tsql);
    return parse_expect_symbol(p, ')') ? expr : NULL;
  }
  return parse_predicate(p);
}

/* Precedence of operators between values: T-SQL has two levels, + - & ^ | being one; Databricks
 * & above ^ above |, all below + -. 0: no such operator. */
static int binary_level(const sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  if (!p->is_tsql && parse_is(p, "DIV")) {
    return 9;
  }
  if (token->kind != SQL_TOKEN_SYMBOL) {
    return 0;
  }
  switch (token->op) {
  case '*':
  case '/':
  case '%':
    return 9;
  case '+':
  case '-':
    return 8;
  case '&':
    return p->is_tsql ? 8 : 6;
  case '^':
    return p->is_tsql ? 8 : 5;
  case '|':
    return p->is_tsql ? 8 : 4;
  case SQL_OP_CONCAT:
    return 7;
  default:
    return 0;
  }
}

static sql_expr *parse_unary(sql_parser *p);

static bool is_interval(const sql_parser *p) {
  sql_token_kind kind = parse_peek(p, 1)->kind;
  return !p->is_tsql && parse_is(p, "INTERVAL") &&
         (kind == SQL_TOKEN_NUMBER || kind == SQL_TOKEN_STRING) && parse_is_identifier(p, 2);
}

/* x + INTERVAL 5 MINUTES, behind the operator: timestampadd(MINUTE, 5, x). */
static sql_expr *parse_interval(sql_parser *p, sql_expr *x, bool subtract) {
  sql_expr *call = parse_new_expr(p, SQL_E_FUNCTION);
  sql_expr *unit = parse_new_expr(p, SQL_E_STRING);
  sql_expr *count = parse_new_expr(p, SQL_E_NUMBER);
  if (call == NULL || unit == NULL || count == NULL) {
    return NULL;
  }
  const sql_token *number = parse_peek(p, 1);
  const char *word = parse_peek(p, 2)->text;
  size_t length = strlen(word);
  bool plural = length > 1 && (word[length - 1] | 0x20) == 's';
  bool digits = number->length != 0 && strspn(number->text, "0123456789") == number->length;
  p->at += 3;
  if (!digits || parse_is(p, "TO") || parse_peek(p, 0)->kind == SQL_TOKEN_NUMBER) {
    return sql_unsupported(p->context, call->line, "This INTERVAL");
  }
  unit->text = sql_copy(p->context, word, length - plural);
  count->text = number->text;
  count->length = number->length;
  if (subtract) {
    sql_expr *minus = parse_new_expr(p, SQL_E_UNARY);
    if (minus == NULL) {
      return NULL;
    }
    minus->op = '-';
    minus->a = count;
    count = minus;
  }
  call->text = "timestampadd";
  call->list = unit;
  unit->next = count;
  count->next = x;
  call->count = 3;
  return call;
}

static sql_expr *parse_binary(sql_parser *p, int least) {
  int depth = p->depth;
  sql_expr *left = parse_unary(p);
  int level = 0;
  while (left != NULL && (level = binary_level(p)) >= least && level != 0) {
    if (!parse_deeper(p)) { /* chains lean to the left: each link is a level */
      return NULL;
    }
    sql_expr *expr = parse_new_expr(p, SQL_E_BINARY_OP);
    if (expr == NULL) {
      return NULL;
    }
    expr->op = parse_is(p, "DIV") ? 'd' : parse_peek(p, 0)->op;
    p->at++;
    if ((expr->op == '+' || expr->op == '-') && is_interval(p)) {
      left = parse_interval(p, left, expr->op == '-');
      continue;
    }
    expr->a = left;
    expr->b = parse_binary(p, level + 1);
    left = expr->b == NULL ? NULL : expr;
  }
  p->depth = depth;
  return left;
}

sql_expr *parse_value(sql_parser *p) {
  if (parse_failed(p) || !parse_deeper(p)) {
    return NULL;
  }
  sql_expr *expr = parse_binary(p, 1);
  p->depth--;
  return expr;
}

/* a[i]: a call of the function "[]". */
static sql_expr *parse_subscript(sql_parser *p, sql_expr *a) {
  sql_expr *call = parse_new_expr(p, SQL_E_FUNCTION);
  p->at++;
  if (call == NULL || !parse_deeper(p)) {
    return NULL;
  }
  call->text = "[]";
  call->list = a;
  call->count = 2;
  a->next = parse_expr(p);
  p->depth--;
  return a->next != NULL && parse_expect_symbol(p, ']') ? call : NULL;
}

/* ::, [i] and COLLATE, behind a primary. */
static sql_expr *parse_postfix(sql_parser *p) {
  sql_expr *expr = parse_primary(p);
  while (expr != NULL) {
    sql_expr *outer = NULL;
    if (!p->is_tsql && parse_is_symbol(p, SQL_OP_CAST)) {
      outer = parse_new_expr(p, SQL_E_CAST);
      p->at++;
      if (outer != NULL) {
        outer->type = parse_type(p);
      }
    } else if (!p->is_tsql && parse_is_symbol(p, '[')) {
      outer = parse_subscript(p, expr);
      if (outer == NULL) {
        return NULL;
      }
      expr = outer;
      continue;
    } else if (parse_is(p, "COLLATE")) {
      outer = parse_new_expr(p, SQL_E_COLLATE);
      p->at++;
      if (outer != NULL) {
        outer->text = parse_identifier(p);
      }
    } else {
      return expr;
    }
    if (outer == NULL || parse_failed(p) || !parse_deeper(p)) {
      return NULL;
    }
    p->depth--;
    outer->a = expr;
    expr = outer;
  }
  return NULL;
}

static sql_expr *parse_unary(sql_parser *p) {
  if (!parse_is_symbol(p, '-') && !parse_is_symbol(p, '+') && !parse_is_symbol(p, '~')) {
    return parse_postfix(p);
  }
  if (!parse_deeper(p)) {
    return NULL;
  }
  sql_expr *expr = parse_new_expr(p, SQL_E_UNARY);
  if (expr == NULL) {
    return NULL;
  }
  expr->op = parse_peek(p, 0)->op;
  p->at++;
  expr->a = parse_unary(p);
  p->depth--;
  return expr->a == NULL ? NULL : expr;
}

sql_expr *parse_expr_list(sql_parser *p, size_t *ret_count) {
  sql_expr *first = NULL;
  sql_expr **tail = &first;
  size_t count = 0;
  do {
    sql_expr *expr = parse_expr(p);
    if (expr == NULL) {
      return NULL;
    }
    *tail = expr;
    tail = &expr->next;
    count++;
  } while (parse_accept_symbol(p, ','));
  *ret_count = count;
  return first;
}

sql_order *parse_order_list(sql_parser *p) {
  sql_order *first = NULL;
  sql_order **tail = &first;
  do {
    sql_order *term = sql_new(p->context, sizeof *term);
    if (term == NULL || (term->expr = parse_expr(p)) == NULL) {
      return NULL;
    }
    if (!parse_accept(p, "ASC")) {
      term->descending = parse_accept(p, "DESC");
    }
    if (!p->is_tsql && parse_accept(p, "NULLS")) {
      term->nulls = parse_accept(p, "FIRST") ? 1 : parse_expect(p, "LAST") ? 2 : 0;
    }
    *tail = term;
    tail = &term->next;
  } while (parse_accept_symbol(p, ','));
  return parse_failed(p) ? NULL : first;
}
