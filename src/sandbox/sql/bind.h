/*
 * bind.h: names to columns, every expression to a type, and both to text for SQLite.
 *
 * A bound expression carries its dialect's type and a SQLite expression that yields the type's
 * stored form (types.h). That text is atomic: a name, a literal, a call, or in parentheses. Two
 * expressions are the same (GROUP BY) when their texts are.
 *
 *   bind_literal.c    literals, conversion, comparison
 *   bind_expr.c       operators, CASE, LIKE
 *   bind_column.c     columns, variables
 *   bind_subquery.c   subqueries, IN, EXISTS, ANY, ALL
 *   bind_arith.c      + - * / % & | ^ and their result types
 *   bind_function.c   functions, by the tables in functions_tsql.c and functions_databricks.c
 *   bind_aggregate.c  aggregates and windows
 *   bind_from.c       tables, joins, views, CTEs
 *   bind_query.c      SELECT, ORDER BY, limits
 *   bind_compound.c   VALUES, set operations
 *
 * In SQLite a table is called s1, s2… and its columns c1, c2…
 */
#ifndef SANDBOX_SQL_BIND_H
#define SANDBOX_SQL_BIND_H

#include "sandbox/sql/ast.h"
#include "sandbox/sql/catalog.h"
#include "sandbox/sql/convert.h"

typedef struct sql_bound {
  sql_type type;
  const char *sql;
  bool nullable;
  bool condition; /* T-SQL: true, false or unknown; no value */
  bool literal;   /* value is what sql says */
  sql_value value;
  const char *column; /* a plain column's name: an unnamed item of the select list is called so */
  bool proven;        /* described as NOT NULL where nullable is false; so are columns, literals */
  bool collated;      /* COLLATE asked for the type's collation: it wins over any other */
} sql_bound;

typedef struct sql_result_column {
  const char *name; /* "" = none */
  sql_type type;
  bool nullable, identity;
} sql_result_column;

typedef struct sql_bound_query {
  const char *sql;
  sql_result_column *columns;
  size_t count;
  bool single_row;      /* at most one row, whatever the data */
  const char *compound; /* a set operation without the SELECT around it; NULL for others */
} sql_bound_query;

typedef struct sql_source_column {
  const char *name;
  sql_type type;
  bool nullable, identity;
  const char *sql;
} sql_source_column;

typedef struct sql_source {
  const char *alias;             /* as SQLite knows it */
  const char *name;              /* as the query knows it */
  const char *schema, *database; /* of a table without an alias; else NULL */
  sql_source_column *columns;
  size_t count;
  const catalog_table *table; /* NULL: derived */
  struct sql_source *next;
} sql_source;

typedef enum sql_clause {
  SQL_CLAUSE_SELECT,
  SQL_CLAUSE_WHERE,
  SQL_CLAUSE_ON,
  SQL_CLAUSE_GROUP,
  SQL_CLAUSE_HAVING,
  SQL_CLAUSE_ORDER,
  SQL_CLAUSE_OTHER, /* no query: SET, IF, DEFAULT */
} sql_clause;

typedef struct sql_scope {
  struct sql_scope *outer;
  sql_source *sources, *last;
  sql_clause clause;
  bool qualified; /* columns only by table.column */
  bool grouped;   /* columns must be grouped or inside an aggregate */
  bool in_aggregate;
  const char **group; /* texts of the GROUP BY expressions */
  size_t group_count;
} sql_scope;

typedef struct sql_cte_scope {
  const sql_cte *cte;
  struct sql_cte_scope *earlier;
} sql_cte_scope;

/* What a batch's variables and parameters are called, and their types; number n is SQLite's ?n. */
typedef struct sql_variable {
  const char *name;
  sql_type type;
  sql_value value; /* owned: text and bytes are allocated */
  struct sql_variable *next;
  int number;
} sql_variable;

typedef struct sql_environment {
  sql_variable *variables;
  int64_t rowcount;
  int32_t trancount, error_number, spid, lock_timeout_ms;
  int32_t options; /* @@OPTIONS */
  bool has_identity, doomed;
  int64_t identity; /* SCOPE_IDENTITY() */
  const char *user;
  const engine_error *caught; /* inside CATCH; else NULL */
  /* Rows of parquet files as a table. NULL: there are no files. */
  bool (*files)(void *owner, sql_context *context, const char *path, catalog_table **ret_table);
  void *owner;
} sql_environment;

typedef struct sql_binder {
  sql_context *context;
  catalog_scope names;
  const sql_environment *environment;
  sql_scope *scope;
  sql_cte_scope *ctes;
  int aliases;
  int depth; /* of views and CTEs inside each other */
  bool is_tsql;
} sql_binder;

enum { SQL_MAX_NESTED_VIEWS = 32 };

/* ---- expressions; NULL after a failure ---- */
sql_bound *bind_expr(sql_binder *b, const sql_expr *expr);
sql_bound *bind_value(sql_binder *b, const sql_expr *expr); /* no condition */
/* A text for WHERE, ON, WHEN; NULL after a failure. */
const char *bind_condition(sql_binder *b, const sql_expr *expr);
bool bind_failed(const sql_binder *b);

sql_bound *bind_new(sql_binder *b, sql_type type, bool nullable, const char *sql);
sql_bound *bind_literal(sql_binder *b, sql_type type, sql_value value);
sql_bound *bind_null(sql_binder *b);
sql_bound *bind_integer(sql_binder *b, int64_t value); /* of type int */
sql_bound *bind_string(sql_binder *b, const char *text);
sql_bound *bind_number(sql_binder *b, const sql_expr *expr, bool negative);

typedef enum sql_convert_how { SQL_IMPLICIT, SQL_EXPLICIT, SQL_TRY } sql_convert_how;
sql_bound *bind_convert(sql_binder *b, const sql_bound *value, const sql_type *type,
                        sql_convert_how how, int style, int32_t line);
/* … for a column: table and column name themselves in truncation errors. */
sql_bound *bind_assign(sql_binder *b, const sql_bound *value, const sql_type *type,
                       const char *table, const char *column, int32_t line);
/* The type of both, with an error where there is none. */
bool bind_common(sql_binder *b, const sql_bound *x, const sql_bound *y, const char *what,
                 int32_t line, sql_type *ret_type);
sql_bound *bind_compare(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                        int32_t line);
sql_bound *bind_arithmetic(sql_binder *b, int op, const sql_bound *x, const sql_bound *y,
                           int32_t line);
sql_bound *bind_case(sql_binder *b, const sql_expr *expr);
sql_bound *bind_in(sql_binder *b, const sql_expr *expr);
sql_bound *bind_column(sql_binder *b, const sql_name *name);
sql_bound *bind_variable(sql_binder *b, const sql_expr *expr);
/* Whether a result's column of this value is described as nullable. */
bool bind_described_nullable(const sql_bound *value);
bool bind_is_grouped(const sql_scope *scope, const char *sql);
sql_bound *bind_subquery(sql_binder *b, const sql_expr *expr);
sql_bound *bind_exists(sql_binder *b, const sql_expr *expr);
sql_bound *bind_quantified(sql_binder *b, const sql_expr *expr);
sql_bound *bind_make_condition(sql_binder *b, bool nullable, const char *sql);
sql_bound *bind_negate(sql_binder *b, sql_bound *bound, bool negated);
/* A balanced tree of AND or OR: SQLite's parser counts depth. */
const char *bind_balanced(sql_binder *b, const char **parts, size_t count, const char *word);
sql_bound *bind_global(sql_binder *b, const sql_expr *expr);
/* sql with its collation, where SQLite compares or groups by it. */
const char *bind_collated(sql_binder *b, const sql_bound *value);
/* binary types: the text that compares as SQL Server does; others: sql with its collation. */
const char *bind_key(sql_binder *b, const sql_bound *value);
/* The types inside an ARRAY<…> (value) or a MAP<…, …>. False: failed. */
bool bind_parts(sql_binder *b, const sql_type *type, sql_type *ret_key, sql_type *ret_value);
bool bind_type(sql_binder *b, const sql_typename *name, bool in_cast, sql_type *ret_type);
bool bind_collation(sql_binder *b, const char *name, int32_t line, uint8_t *ret_collation);

/* ---- functions ---- */
sql_bound *bind_function(sql_binder *b, const sql_expr *expr);
/* NULL without failure: no aggregate. */
sql_bound *bind_aggregate(sql_binder *b, const sql_expr *call);
bool sql_has_aggregate(const sql_expr *expr);

typedef struct sql_call {
  const sql_expr *expr;
  sql_bound **args;
  size_t count;
} sql_call;
typedef struct sql_function_row {
  const char *name;
  uint8_t least, most; /* arguments; most 255: any number */
  bool raw;            /* the first argument is a word (DATEADD): args[0] is NULL */
  sql_bound *(*bind)(sql_binder *b, const sql_call *call);
} sql_function_row;
extern const sql_function_row sql_function_rows_tsql[];
extern const sql_function_row sql_function_rows_databricks[];

/* ---- queries ---- */
/* The select list with * expanded. */
typedef struct sql_item_list {
  sql_bound **items;
  const char **names;
  bool *identity;
  size_t count, capacity;
} sql_item_list;
bool bind_add_item(sql_binder *b, sql_item_list *list, sql_bound *item, const char *name,
                   bool identity);
/* "x AS c1, y AS c2…" */
const char *bind_output_list(sql_binder *b, const sql_item_list *list);
bool bind_values(sql_binder *b, const sql_body *body, sql_bound_query *query);
bool bind_set_operation(sql_binder *b, const sql_body *body, sql_bound_query *query);
bool bind_query(sql_binder *b, const sql_query *query, sql_bound_query *ret_query);
bool bind_body(sql_binder *b, const sql_body *body, sql_bound_query *ret_query);
/* A query with the CTEs of a statement around it. */
/* A select list over sources that the scope holds already; from: their text. */
bool bind_items_over(sql_binder *b, sql_item *items, const char *from, sql_bound_query *ret_query);
bool bind_ctes(sql_binder *b, const sql_cte *ctes);
/* The text of FROM; its sources are in the scope. NULL after a failure. */
const char *bind_from(sql_binder *b, const sql_table *table);
sql_source *bind_table_source(sql_binder *b, const catalog_table *table, const char *exposed,
                              bool qualified);
/* "x COLLATE y AS cN" for the output of a SELECT. */
const char *bind_output(sql_binder *b, const sql_bound *value, size_t number);
/* Appends to text in the arena. */
const char *bind_join(sql_binder *b, const char *left, const char *between, const char *right);

#endif
