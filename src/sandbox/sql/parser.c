/*
 * parser.c: the parser's hands: tokens, names, types; and the entrances.
 */
#include "sandbox/sql/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"

bool parse_failed(const sql_parser *p) {
  return p->context->status != BR_OK;
}

const sql_token *parse_peek(const sql_parser *p, size_t ahead) {
  const sql_token *token = &p->tokens[p->at];
  while (ahead-- > 0 && token->kind != SQL_TOKEN_END) {
    token++;
  }
  return token;
}

bool parse_is_at(const sql_parser *p, size_t ahead, const char *word) {
  const sql_token *token = parse_peek(p, ahead);
  return token->kind == SQL_TOKEN_WORD && br_text_equal_nocase(token->text, word);
}

bool parse_is(const sql_parser *p, const char *word) {
  return parse_is_at(p, 0, word);
}

bool parse_is_symbol_at(const sql_parser *p, size_t ahead, int op) {
  const sql_token *token = parse_peek(p, ahead);
  return token->kind == SQL_TOKEN_SYMBOL && token->op == op;
}

bool parse_is_symbol(const sql_parser *p, int op) {
  return parse_is_symbol_at(p, 0, op);
}

bool parse_accept(sql_parser *p, const char *word) {
  if (parse_failed(p) || !parse_is(p, word)) {
    return false;
  }
  p->at++;
  return true;
}

bool parse_accept_symbol(sql_parser *p, int op) {
  if (parse_failed(p) || !parse_is_symbol(p, op)) {
    return false;
  }
  p->at++;
  return true;
}

/* The position of a token for Databricks' "(line 1, pos 0)". */
static void databricks_syntax_error(sql_parser *p, const sql_token *token) {
  const char *start = p->context->text;
  const char *line = token->raw;
  while (line > start && line[-1] != '\n') {
    line--;
  }
  char near[80];
  if (token->kind == SQL_TOKEN_END) {
    (void)snprintf(near, sizeof near, "end of input");
  } else {
    (void)snprintf(near, sizeof near, "'%.*s'",
                   token->raw_length > 60 ? 60 : (int)token->raw_length, token->raw);
  }
  if (parse_failed(p)) {
    return;
  }
  (void)sql_fail_condition(p->context, "PARSE_SYNTAX_ERROR", "42601", "Syntax error at or near %s.",
                           near);
  engine_error *error = &p->context->error;
  error->line = token->line;
  size_t used = strlen(error->message);
  size_t length = p->context->length > 400 ? 400 : p->context->length;
  (void)snprintf(error->message + used, sizeof error->message - used,
                 " (line %d, pos %td)\n\n== SQL ==\n%.*s", (int)token->line, token->raw - line,
                 (int)length, start);
}

void *parse_syntax_error(sql_parser *p) {
  const sql_token *token = parse_peek(p, 0);
  if (!p->is_tsql) {
    databricks_syntax_error(p, token);
    return NULL;
  }
  if (token->kind == SQL_TOKEN_END && p->at > 0) {
    token--; /* SQL Server names the last word there is */
  }
  int shown = token->raw_length > 100 ? 100 : (int)token->raw_length;
  if (token->kind == SQL_TOKEN_WORD && token->reserved) {
    return sql_fail(p->context, 156, token->line, "Incorrect syntax near the keyword '%.*s'.",
                    shown, token->raw);
  }
  if (token->kind == SQL_TOKEN_STRING || token->kind == SQL_TOKEN_NSTRING ||
      token->kind == SQL_TOKEN_QUOTED) {
    return sql_fail(p->context, 102, token->line, "Incorrect syntax near '%.100s'.", token->text);
  }
  return sql_fail(p->context, 102, token->line, "Incorrect syntax near '%.*s'.", shown, token->raw);
}

bool parse_skip_brackets(sql_parser *p) {
  int depth = 1;
  while (depth > 0 && parse_peek(p, 0)->kind != SQL_TOKEN_END) {
    depth += parse_is_symbol(p, '(');
    depth -= parse_is_symbol(p, ')');
    p->at++;
  }
  if (depth != 0) {
    (void)parse_syntax_error(p);
  }
  return depth == 0;
}

bool parse_expect(sql_parser *p, const char *word) {
  if (parse_accept(p, word)) {
    return true;
  }
  (void)parse_syntax_error(p);
  return false;
}

bool parse_expect_symbol(sql_parser *p, int op) {
  if (parse_accept_symbol(p, op)) {
    return true;
  }
  (void)parse_syntax_error(p);
  return false;
}

bool parse_deeper(sql_parser *p) {
  if (p->depth < SQL_MAX_DEPTH) {
    p->depth++;
    return true;
  }
  if (p->is_tsql) {
    (void)sql_fail(p->context, 191, parse_peek(p, 0)->line,
                   "Some part of your SQL statement is nested too deeply. Rewrite the query or "
                   "break it up into smaller queries.");
  } else {
    (void)sql_fail_condition(p->context, "FAILED_TO_PARSE_TOO_COMPLEX", "54001",
                             "The statement, including potential SQL functions and referenced "
                             "views, was too complex to parse.");
  }
  return false;
}

bool parse_is_identifier(const sql_parser *p, size_t ahead) {
  const sql_token *token = parse_peek(p, ahead);
  return token->kind == SQL_TOKEN_QUOTED || (token->kind == SQL_TOKEN_WORD && !token->reserved);
}

const char *parse_identifier(sql_parser *p) {
  if (parse_failed(p)) {
    return NULL;
  }
  if (!parse_is_identifier(p, 0)) {
    return parse_syntax_error(p);
  }
  const sql_token *token = &p->tokens[p->at];
  if (token->length == 0) {
    return p->is_tsql ? sql_fail(p->context, 1038, token->line,
                                 "An object or column name is missing or empty.")
                      : parse_syntax_error(p);
  }
  p->at++;
  return token->text;
}

bool parse_name(sql_parser *p, sql_name *ret_name) {
  if (parse_is_identifier_clause(p)) {
    return parse_identifier_clause(p, ret_name);
  }
  sql_name name = {.line = parse_peek(p, 0)->line};
  for (;;) {
    if (name.count == SQL_NAME_PARTS) {
      (void)(p->is_tsql ? sql_fail(p->context, 117, name.line,
                                   "The object name contains more than the maximum number of "
                                   "prefixes. The maximum is 3.")
                        : parse_syntax_error(p));
      return false;
    }
    const char *part = parse_identifier(p);
    if (part == NULL) {
      return false;
    }
    name.parts[name.count++] = part;
    if (!parse_is_symbol(p, '.') || parse_is_symbol_at(p, 1, '*')) {
      break;
    }
    p->at++;
    while (p->is_tsql && parse_is_symbol(p, '.') && name.count < SQL_NAME_PARTS) {
      name.parts[name.count++] = ""; /* db..table */
      p->at++;
    }
  }
  *ret_name = name;
  return true;
}

const char **parse_identifier_list(sql_parser *p, size_t *ret_count) {
  size_t count = 0;
  size_t capacity = 8;
  const char **names = sql_new(p->context, capacity * sizeof *names);
  if (names == NULL || !parse_expect_symbol(p, '(')) {
    return NULL;
  }
  do {
    if (count == capacity) {
      const char **more = sql_new(p->context, capacity * 2 * sizeof *more);
      if (more == NULL) {
        return NULL;
      }
      memcpy(more, names, count * sizeof *more);
      names = more;
      capacity *= 2;
    }
    names[count] = parse_identifier(p);
    if (names[count++] == NULL) {
      return NULL;
    }
  } while (parse_accept_symbol(p, ','));
  if (!parse_expect_symbol(p, ')')) {
    return NULL;
  }
  *ret_count = count;
  return names;
}

sql_names *parse_column_list(sql_parser *p, bool with_order) {
  sql_names *first = NULL;
  sql_names **tail = &first;
  if (!parse_expect_symbol(p, '(')) {
    return NULL;
  }
  do {
    sql_names *node = sql_new(p->context, sizeof *node);
    sql_name name;
    if (node == NULL || !parse_name(p, &name)) {
      return NULL;
    }
    node->name = name.parts[name.count - 1];
    if (with_order && !parse_accept(p, "ASC")) {
      node->descending = parse_accept(p, "DESC");
    }
    *tail = node;
    tail = &node->next;
  } while (parse_accept_symbol(p, ','));
  return parse_expect_symbol(p, ')') ? first : NULL;
}

const char *parse_text_since(sql_parser *p, size_t first_token) {
  if (parse_failed(p) || p->at <= first_token) {
    return NULL;
  }
  const sql_token *last = &p->tokens[p->at - 1];
  const char *from = p->tokens[first_token].raw;
  return sql_copy(p->context, from, (size_t)(last->raw + last->raw_length - from));
}

int64_t parse_integer(sql_parser *p) {
  bool negative = parse_accept_symbol(p, '-');
  const sql_token *token = parse_peek(p, 0);
  uint64_t value = 0;
  if (parse_failed(p)) {
    return 0;
  }
  if (token->kind != SQL_TOKEN_NUMBER ||
      br_text_u64(token->text, INT64_MAX, &value, NULL) != BR_OK) {
    (void)parse_syntax_error(p);
    return 0;
  }
  p->at++;
  return negative ? -(int64_t)value : (int64_t)value;
}

/* Databricks: ARRAY<…>, MAP<…,…>, STRUCT<a: …>: written again in one way. */
static bool parse_complex(sql_parser *p, br_buf *out, br_error *err);

static bool parse_type_text(sql_parser *p, br_buf *out, br_error *err) {
  if (parse_is(p, "ARRAY") || parse_is(p, "MAP") || parse_is(p, "STRUCT")) {
    return parse_complex(p, out, err);
  }
  const sql_typename *type = parse_type(p);
  if (type == NULL) {
    return false;
  }
  sql_type resolved;
  bool bad = false;
  char name[64];
  if (!sql_type_of_name(ENGINE_DATABRICKS, type, false, &resolved, &bad) || bad) {
    (void)sql_fail_condition(p->context, "UNSUPPORTED_DATATYPE", "0A000",
                             "Unsupported data type \"%s\".", type->name);
    return false;
  }
  sql_type_name(ENGINE_DATABRICKS, &resolved, name, sizeof name);
  return br_buf_text(out, name, err) == BR_OK;
}

static bool parse_struct_field(sql_parser *p, br_buf *out, br_error *err) {
  const char *name = parse_identifier(p);
  if (name == NULL || br_buf_printf(out, err, "%s: ", name) != BR_OK) {
    return false;
  }
  (void)parse_accept_symbol(p, ':');
  return parse_type_text(p, out, err);
}

static bool parse_complex(sql_parser *p, br_buf *out, br_error *err) {
  static const char *const words[] = {"ARRAY", "MAP", "STRUCT"};
  size_t kind = parse_is(p, "ARRAY") ? 0 : parse_is(p, "MAP") ? 1 : 2;
  p->at++;
  if (!parse_deeper(p) || !parse_expect_symbol(p, '<') ||
      br_buf_printf(out, err, "%s<", words[kind]) != BR_OK) {
    return false;
  }
  size_t count = 0;
  do {
    if ((count++ != 0 && br_buf_text(out, ", ", err) != BR_OK) ||
        !(kind == 2 ? parse_struct_field(p, out, err) : parse_type_text(p, out, err))) {
      return false;
    }
  } while (parse_accept_symbol(p, ','));
  p->depth--;
  return count == (kind == 1 ? 2U : count) && (kind != 0 || count == 1) &&
         br_buf_text(out, ">", err) == BR_OK && parse_expect_symbol(p, '>');
}

static const sql_typename *parse_complex_type(sql_parser *p) {
  sql_typename *type = sql_new(p->context, sizeof *type);
  if (type == NULL) {
    return NULL;
  }
  type->name = parse_peek(p, 0)->text;
  type->line = parse_peek(p, 0)->line;
  br_buf out;
  br_error err = BR_ERROR_INIT;
  br_buf_init(&out, 4096);
  if (!parse_complex(p, &out, &err)) {
    (void)(err.status == BR_ERR_NOMEM ? sql_fail_memory(p->context) : parse_syntax_error(p));
  } else {
    type->text = sql_copy(p->context, (const char *)out.data, out.len);
  }
  br_buf_done(&out);
  return parse_failed(p) ? NULL : type;
}

/* "double precision", "national character varying": one name of several words. */
static const char *parse_type_words(sql_parser *p) {
  const sql_token *first = parse_peek(p, 0);
  if (first->kind == SQL_TOKEN_WORD && p->is_tsql) {
    static const char *const followers[] = {"precision", "varying", "character", "char", "text"};
    const char *name = first->text;
    bool leads = parse_is(p, "double") || parse_is(p, "national") || parse_is(p, "char") ||
                 parse_is(p, "character") || parse_is(p, "binary");
    p->at++;
    for (size_t i = 0; leads && i < sizeof followers / sizeof followers[0]; i++) {
      if (parse_accept(p, followers[i])) {
        name = sql_text(p->context, "%s %s", name, followers[i]);
        i = (size_t)-1;
      }
    }
    return name;
  }
  const char *name = parse_identifier(p);
  if (name != NULL && p->is_tsql && parse_accept_symbol(p, '.')) {
    name = parse_identifier(p); /* sys.int */
  }
  return name;
}

const sql_typename *parse_type(sql_parser *p) {
  if (parse_failed(p)) {
    return NULL;
  }
  if (!p->is_tsql && parse_is_symbol_at(p, 1, '<') &&
      (parse_is(p, "ARRAY") || parse_is(p, "MAP") || parse_is(p, "STRUCT"))) {
    return parse_complex_type(p);
  }
  sql_typename *type = sql_new(p->context, sizeof *type);
  if (type == NULL) {
    return NULL;
  }
  type->line = parse_peek(p, 0)->line;
  if (parse_peek(p, 0)->kind != SQL_TOKEN_WORD && parse_peek(p, 0)->kind != SQL_TOKEN_QUOTED) {
    return parse_syntax_error(p);
  }
  type->name = parse_type_words(p);
  if (parse_accept_symbol(p, '(')) {
    if (parse_accept(p, "max")) {
      type->max = true;
    } else {
      do {
        if (type->count == 2) {
          return parse_syntax_error(p);
        }
        type->args[type->count++] = parse_integer(p);
      } while (parse_accept_symbol(p, ','));
    }
    (void)parse_expect_symbol(p, ')');
  }
  return parse_failed(p) ? NULL : type;
}

static br_status start(sql_context *context, sql_parser *p) {
  sql_token *tokens = NULL;
  size_t count = 0;
  br_status st = sql_lex(context, &tokens, &count);
  *p = (sql_parser){
      .context = context, .tokens = tokens, .is_tsql = context->dialect == ENGINE_TSQL};
  return st;
}

br_status sql_parse(sql_context *context, sql_stmt **ret_stmts) {
  sql_parser p;
  sql_stmt *first = NULL;
  sql_stmt **tail = &first;
  br_status st = start(context, &p);
  while (st == BR_OK && !parse_failed(&p)) {
    while (parse_accept_symbol(&p, ';')) {
    }
    if (parse_peek(&p, 0)->kind == SQL_TOKEN_END) {
      break;
    }
    if (!p.is_tsql && first != NULL) { /* Databricks takes one statement */
      (void)parse_syntax_error(&p);
      break;
    }
    sql_stmt *stmt = parse_statement(&p);
    if (stmt == NULL) {
      break;
    }
    if (!p.is_tsql && parse_peek(&p, 0)->kind != SQL_TOKEN_END && !parse_is_symbol(&p, ';')) {
      (void)parse_syntax_error(&p);
    }
    *tail = stmt;
    tail = &stmt->next;
  }
  if (context->status == BR_OK) {
    *ret_stmts = first;
  }
  return context->status;
}

br_status sql_parse_expression(sql_context *context, sql_expr **ret_expr) {
  sql_parser p;
  if (start(context, &p) == BR_OK) {
    sql_expr *expr = parse_expr(&p);
    if (expr != NULL && parse_peek(&p, 0)->kind != SQL_TOKEN_END) {
      (void)parse_syntax_error(&p);
    }
    *ret_expr = expr;
  }
  return context->status;
}

br_status sql_parse_query(sql_context *context, sql_query **ret_query) {
  sql_parser p;
  if (start(context, &p) == BR_OK) {
    sql_query *query = parse_query(&p, true);
    (void)parse_accept_symbol(&p, ';');
    if (query != NULL && parse_peek(&p, 0)->kind != SQL_TOKEN_END) {
      (void)parse_syntax_error(&p);
    }
    *ret_query = query;
  }
  return context->status;
}

br_status sql_parse_parameters(sql_context *context, sql_declaration **ret_parameters) {
  sql_parser p;
  if (start(context, &p) == BR_OK && parse_peek(&p, 0)->kind != SQL_TOKEN_END) {
    sql_declaration *parameters = parse_declarations(&p, true);
    if (parameters != NULL && parse_peek(&p, 0)->kind != SQL_TOKEN_END) {
      (void)parse_syntax_error(&p);
    }
    *ret_parameters = parameters;
  }
  return context->status;
}

br_status sql_parse_types(sql_context *context, const sql_typename **ret_first,
                          const sql_typename **ret_second) {
  sql_parser p;
  if (start(context, &p) == BR_OK) {
    *ret_first = parse_type(&p);
    *ret_second = parse_accept_symbol(&p, ',') ? parse_type(&p) : NULL;
    if (!parse_failed(&p) && parse_peek(&p, 0)->kind != SQL_TOKEN_END) {
      (void)parse_syntax_error(&p);
    }
  }
  return context->status;
}

br_status sql_parse_name(sql_context *context, sql_name *ret_name) {
  sql_parser p;
  if (start(context, &p) == BR_OK && parse_name(&p, ret_name) &&
      parse_peek(&p, 0)->kind != SQL_TOKEN_END) {
    (void)parse_syntax_error(&p);
  }
  return context->status;
}
