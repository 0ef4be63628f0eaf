/*
 * parser.h: tokens to tree. sql_parse() is the entrance; the rest is shared by parse_*.c.
 *
 *   parse_expr.c    expressions
 *   parse_query.c   SELECT, FROM, WITH, UNION…
 *   parse_dml.c     INSERT, UPDATE, DELETE
 *   parse_merge.c   MERGE
 *   parse_show.c    SHOW, DESCRIBE, IDENTIFIER
 *   parse_ddl.c     CREATE, ALTER, DROP
 *   parse_flow.c    variables, control of flow, transactions, SET
 *   parse_execute.c EXECUTE
 *   parse_stmt.c    which statement it is
 */
#ifndef SANDBOX_SQL_PARSER_H
#define SANDBOX_SQL_PARSER_H

#include "sandbox/sql/ast.h"
#include "sandbox/sql/lexer.h"

/* The statements of a batch; NULL for an empty one. BR_ERR_REMOTE: context->error says what is
 * wrong with the text. */
br_status sql_parse(sql_context *context, sql_stmt **ret_stmts) BR_CHECKED;
/* A single expression or query: defaults, checks, computed columns, views as the catalog keeps
 * them. */
br_status sql_parse_expression(sql_context *context, sql_expr **ret_expr) BR_CHECKED;
br_status sql_parse_query(sql_context *context, sql_query **ret_query) BR_CHECKED;
/* Databricks: one type, or two with a comma between them (ret_second; else NULL). */
br_status sql_parse_types(sql_context *context, const sql_typename **ret_first,
                          const sql_typename **ret_second) BR_CHECKED;
br_status sql_parse_name(sql_context *context, sql_name *ret_name) BR_CHECKED;
/* sp_executesql's "@a int, @b nvarchar(10) OUTPUT"; NULL for an empty text. */
br_status sql_parse_parameters(sql_context *context, sql_declaration **ret_parameters) BR_CHECKED;

/* ---- inside the parser ---- */

/* Trees deeper than this are refused: the binder and SQLite walk them recursively. */
enum { SQL_MAX_DEPTH = 200 };

typedef struct sql_parser {
  sql_context *context;
  const sql_token *tokens;
  size_t at; /* tokens[at] is the next one; the last is SQL_TOKEN_END */
  int depth;
  bool is_tsql;
  bool keeps_locks; /* hints of the statement so far: sql_stmt.keeps_locks */
} sql_parser;

const sql_token *parse_peek(const sql_parser *p, size_t ahead);
bool parse_failed(const sql_parser *p);
/* The next token is this keyword (also one that is not reserved) or symbol. */
bool parse_is(const sql_parser *p, const char *word);
bool parse_is_at(const sql_parser *p, size_t ahead, const char *word);
bool parse_is_symbol(const sql_parser *p, int op);
bool parse_is_symbol_at(const sql_parser *p, size_t ahead, int op);
bool parse_accept(sql_parser *p, const char *word);
bool parse_accept_symbol(sql_parser *p, int op);
/* … or it is a syntax error. */
bool parse_expect(sql_parser *p, const char *word);
bool parse_expect_symbol(sql_parser *p, int op);
void *parse_syntax_error(sql_parser *p);
/* Behind a bracket that has been opened: to the one that closes it; false: there is none. */
bool parse_skip_brackets(sql_parser *p);
bool parse_deeper(sql_parser *p); /* false: too deep, an error is set; else depth is raised */

/* A name: word that is not reserved, or quoted. NULL: syntax error. */
const char *parse_identifier(sql_parser *p);
bool parse_is_identifier(const sql_parser *p, size_t ahead);
bool parse_name(sql_parser *p, sql_name *ret_name);
/* (a, b, c); *ret_count may be NULL. */
const char **parse_identifier_list(sql_parser *p, size_t *ret_count);
/* (a ASC, b DESC). */
sql_names *parse_column_list(sql_parser *p, bool with_order);
const sql_typename *parse_type(sql_parser *p);
/* The batch's text from a token up to the next one. */
const char *parse_text_since(sql_parser *p, size_t first_token);
int64_t parse_integer(sql_parser *p); /* optional sign */

sql_expr *parse_new_expr(sql_parser *p, sql_expr_kind kind);
sql_expr *parse_expr(sql_parser *p);                         /* a condition or a value */
sql_expr *parse_value(sql_parser *p);                        /* without AND, OR, NOT, comparisons */
sql_expr *parse_expr_list(sql_parser *p, size_t *ret_count); /* a, b, c */
sql_expr *parse_primary(sql_parser *p);
sql_expr *parse_function_call(sql_parser *p); /* at its name, a ( behind it */
sql_order *parse_order_list(sql_parser *p);

sql_item *parse_items(sql_parser *p);         /* of a select list */
bool parse_starts_query(const sql_parser *p); /* SELECT, WITH, VALUES, ( … */
sql_query *parse_query(sql_parser *p, bool with_order);
sql_cte *parse_with(sql_parser *p);
sql_body *parse_values(sql_parser *p);
sql_table *parse_table_list(sql_parser *p);
sql_table *parse_table_name(sql_parser *p);
const char *parse_alias(sql_parser *p); /* [AS] x; NULL without one */
void parse_table_hints(sql_parser *p);
sql_expr *parse_top(sql_parser *p, bool *ret_percent, bool *ret_ties);
void parse_option_clause(sql_parser *p);

sql_stmt *parse_new_stmt(sql_parser *p, sql_stmt_kind kind);
sql_stmt *parse_statement(sql_parser *p);
/* NULL without failure: not a statement of this file. */
sql_stmt *parse_dml(sql_parser *p);
sql_stmt *parse_ddl(sql_parser *p);
sql_stmt *parse_flow(sql_parser *p);
/* @a int = 1, @b nvarchar(10) …; parameters may be marked OUTPUT. */
sql_declaration *parse_declarations(sql_parser *p, bool parameters);
sql_stmt *parse_execute(sql_parser *p);  /* at EXEC */
sql_stmt *parse_show(sql_parser *p);     /* at SHOW */
sql_stmt *parse_describe(sql_parser *p); /* at DESCRIBE or DESC */
/* IDENTIFIER('a' || :b): a name out of a constant text. */
bool parse_is_identifier_clause(const sql_parser *p);
bool parse_identifier_clause(sql_parser *p, sql_name *ret_name);
sql_stmt *parse_merge(sql_parser *p);             /* at MERGE */
sql_assignment *parse_assignments(sql_parser *p); /* a = 1, b += 2 */
/* The "+= 2" of one, into item. */
bool parse_assigned(sql_parser *p, sql_assignment *item);

#endif
