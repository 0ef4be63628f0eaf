/*
 * ast.h: the tree that the parser makes of a batch. Nodes live in the batch's arena; text is
 * NUL-terminated.
 */
#ifndef SANDBOX_SQL_AST_H
#define SANDBOX_SQL_AST_H

#include "sandbox/sql/types.h"

enum { SQL_NAME_PARTS = 4 };

/* database.schema.object or alias.column; the last part is the innermost. */
typedef struct sql_name {
  const char *parts[SQL_NAME_PARTS]; /* "" for an empty part (db..t) */
  int count;
  int32_t line;
} sql_name;

typedef struct sql_expr sql_expr;
typedef struct sql_query sql_query;
typedef struct sql_table sql_table;
typedef struct sql_stmt sql_stmt;

typedef struct sql_order {
  sql_expr *expr;
  bool descending;
  int nulls; /* 0: the dialect's own, 1 first, 2 last */
  struct sql_order *next;
} sql_order;

/* One end of a window's frame. */
typedef enum sql_frame_bound {
  SQL_BOUND_NONE,
  SQL_BOUND_UNBOUNDED_PRECEDING,
  SQL_BOUND_PRECEDING,
  SQL_BOUND_CURRENT,
  SQL_BOUND_FOLLOWING,
  SQL_BOUND_UNBOUNDED_FOLLOWING,
} sql_frame_bound;

typedef struct sql_window {
  sql_expr *partition; /* list */
  sql_order *order;
  bool rows; /* ROWS, else RANGE */
  sql_frame_bound start, end;
  uint64_t start_rows, end_rows;
} sql_window;

typedef enum sql_expr_kind {
  SQL_E_NULL,
  SQL_E_NUMBER,     /* text */
  SQL_E_MONEY,      /* text */
  SQL_E_STRING,     /* text, length, national */
  SQL_E_HEX,        /* text: hex digits */
  SQL_E_BOOL,       /* Databricks: op 1 or 0 */
  SQL_E_DEFAULT,    /* DEFAULT in VALUES and SET */
  SQL_E_COLUMN,     /* name */
  SQL_E_STAR,       /* name: qualifier, count 0 for plain * */
  SQL_E_VARIABLE,   /* text: @x or :x */
  SQL_E_GLOBAL,     /* text: @@x */
  SQL_E_UNARY,      /* op: '-', '+', '~'; a */
  SQL_E_BINARY_OP,  /* op: + - * / % & | ^ or SQL_OP_CONCAT; a, b */
  SQL_E_COMPARE,    /* op: = < > SQL_OP_…; a, b */
  SQL_E_AND,        /* list */
  SQL_E_OR,         /* list */
  SQL_E_NOT,        /* a */
  SQL_E_LIKE,       /* a, b, c = escape; negated; op 1: ILIKE */
  SQL_E_IN,         /* a, list or query; negated */
  SQL_E_BETWEEN,    /* a, b, c; negated */
  SQL_E_IS_NULL,    /* a; negated */
  SQL_E_EXISTS,     /* query */
  SQL_E_QUANTIFIED, /* a, op, query; negated = ALL, else ANY */
  SQL_E_SUBQUERY,   /* query */
  SQL_E_CASE,       /* a = operand or NULL, list = WHEN, THEN, WHEN, THEN…, c = ELSE or NULL */
  SQL_E_CAST,       /* a, type, try_, b = style */
  SQL_E_FUNCTION,   /* text, list, distinct, star, window, order */
  SQL_E_COLLATE,    /* a, text */
} sql_expr_kind;

struct sql_expr {
  sql_expr_kind kind;
  int op;
  bool negated, national, distinct, star, try_, parenthesized;
  int32_t line;
  const char *text;
  size_t length;
  sql_name name;
  sql_expr *a, *b, *c;
  sql_expr *list;
  size_t count; /* of list */
  sql_expr *next;
  sql_query *query;
  sql_window *window;
  sql_order *order; /* WITHIN GROUP */
  const sql_typename *type;
};

typedef struct sql_item {
  sql_expr *expr;
  const char *alias;    /* NULL: none */
  const char *variable; /* SELECT @v = expr */
  int assign_op;        /* '=' or SQL_OP_PLUS_SET… */
  struct sql_item *next;
} sql_item;

typedef enum sql_join {
  SQL_JOIN_INNER,
  SQL_JOIN_LEFT,
  SQL_JOIN_RIGHT,
  SQL_JOIN_FULL,
  SQL_JOIN_CROSS
} sql_join;

typedef enum sql_table_kind {
  SQL_T_NAME,
  SQL_T_QUERY,
  SQL_T_JOIN,
  SQL_T_FILES,   /* Databricks: parquet.`path` */
  SQL_T_EXPLODE, /* the same: explode(on): elements of an array, key and value of a map */
  SQL_T_RANGE,   /* the same: range(on): numbers; on is the list of its arguments */
} sql_table_kind;

struct sql_table {
  sql_table_kind kind;
  int32_t line;
  sql_name name;
  const char *path;
  const char *alias;
  const char **columns; /* (a, b) behind the alias */
  size_t column_count;
  sql_query *query;
  sql_table *left, *right;
  sql_join join;
  sql_expr *on;
  sql_table *next; /* FROM a, b */
};

typedef struct sql_select {
  bool distinct, top_percent, with_ties;
  int32_t line;
  sql_expr *top;
  sql_item *items;
  sql_name *into;
  sql_table *from;
  sql_expr *where;
  sql_expr *group; /* list */
  bool grouped;    /* GROUP BY was written */
  sql_expr *having;
} sql_select;

typedef struct sql_row {
  sql_expr *values; /* list */
  size_t count;
  int32_t line;
  struct sql_row *next;
} sql_row;

typedef enum sql_body_kind {
  SQL_BODY_SELECT,
  SQL_BODY_UNION,
  SQL_BODY_UNION_ALL,
  SQL_BODY_INTERSECT,
  SQL_BODY_EXCEPT,
  SQL_BODY_VALUES,
} sql_body_kind;

typedef struct sql_body {
  sql_body_kind kind;
  int32_t line;
  struct sql_body *left, *right;
  sql_select *select;
  sql_row *rows;
  size_t row_count;
} sql_body;

typedef struct sql_cte {
  const char *name;
  const char **columns;
  size_t column_count;
  sql_query *query;
  struct sql_cte *next;
} sql_cte;

struct sql_query {
  sql_cte *ctes;
  sql_body *body;
  sql_order *order;
  sql_expr *offset; /* OFFSET n ROWS; LIMIT's OFFSET */
  sql_expr *fetch;  /* FETCH n ROWS; LIMIT n */
  int32_t line;
};

/* ---- statements ---- */

typedef struct sql_names {
  const char *name;
  bool descending;
  struct sql_names *next;
} sql_names;

typedef enum sql_fk_action {
  SQL_FK_NONE,
  SQL_FK_CASCADE,
  SQL_FK_SET_NULL,
  SQL_FK_SET_DEFAULT
} sql_fk_action;

typedef enum sql_constraint_kind {
  SQL_C_PRIMARY,
  SQL_C_UNIQUE,
  SQL_C_CHECK,
  SQL_C_FOREIGN,
  SQL_C_INDEX,   /* INDEX ix (a) of a table; no constraint, but made with it */
  SQL_C_DEFAULT, /* ALTER TABLE … ADD CONSTRAINT … DEFAULT x FOR c */
} sql_constraint_kind;

typedef struct sql_constraint {
  sql_constraint_kind kind;
  const char *name; /* NULL: made up */
  sql_names *columns;
  bool clustered, has_clustered, unique, ignore_dup_key;
  const char *expression; /* check, default: as written */
  sql_expr *expr;
  sql_name target;
  sql_names *target_columns;
  sql_fk_action on_delete, on_update;
  int32_t line;
  struct sql_constraint *next;
} sql_constraint;

typedef struct sql_column_def {
  const char *name;
  const sql_typename *type; /* NULL: computed */
  int nullable;             /* -1: not said, 0 NOT NULL, 1 NULL */
  bool identity;
  int64_t seed, increment;
  const char *default_text; /* as written; NULL: none */
  const char *default_name;
  sql_expr *default_expr;
  const char *computed; /* expression as written */
  bool persisted;
  const char *collation;
  const char *comment;
  sql_constraint *constraints; /* PRIMARY KEY, UNIQUE, CHECK, REFERENCES of this column */
  int32_t line;
  struct sql_column_def *next;
} sql_column_def;

typedef struct sql_assignment {
  sql_name column;      /* count 0: a variable alone */
  const char *variable; /* SET @v = expr or SET @v = column = expr */
  int op;
  bool output; /* EXECUTE: … OUTPUT */
  sql_expr *value;
  struct sql_assignment *next;
} sql_assignment;

typedef struct sql_declaration {
  const char *name;
  const sql_typename *type;
  sql_expr *value;
  bool output; /* a parameter of sp_executesql */
  struct sql_declaration *next;
} sql_declaration;

typedef enum sql_merge_match {
  SQL_MERGE_MATCHED,
  SQL_MERGE_NOT_MATCHED,           /* [BY TARGET] */
  SQL_MERGE_NOT_MATCHED_BY_SOURCE, /* rows of the target alone */
} sql_merge_match;

/* WHEN … THEN …: assignments: UPDATE; values or names: INSERT; neither and no star: DELETE. */
typedef struct sql_merge_clause {
  sql_merge_match match;
  sql_expr *condition; /* AND …; NULL: none */
  bool update, insert;
  bool star; /* UPDATE SET *, INSERT * */
  sql_assignment *assignments;
  sql_names *names;
  sql_row *row;
  int32_t line;
  struct sql_merge_clause *next;
} sql_merge_clause;

typedef enum sql_stmt_kind {
  SQL_S_SELECT,
  SQL_S_INSERT,
  SQL_S_UPDATE,
  SQL_S_DELETE,
  SQL_S_MERGE,
  SQL_S_CREATE_DATABASE,
  SQL_S_DROP_DATABASE,
  SQL_S_CREATE_SCHEMA,
  SQL_S_DROP_SCHEMA,
  SQL_S_CREATE_TABLE,
  SQL_S_DROP_TABLE,
  SQL_S_ALTER_ADD,
  SQL_S_ALTER_DROP,
  SQL_S_ALTER_COLUMN,
  SQL_S_CREATE_INDEX,
  SQL_S_DROP_INDEX,
  SQL_S_CREATE_VIEW,
  SQL_S_DROP_VIEW,
  SQL_S_TRUNCATE,
  SQL_S_CREATE_VOLUME,
  SQL_S_DROP_VOLUME,
  SQL_S_BEGIN_TRAN,
  SQL_S_COMMIT,
  SQL_S_ROLLBACK,
  SQL_S_SAVE,
  SQL_S_SET_OPTION,
  SQL_S_SET_VARIABLE,
  SQL_S_DECLARE,
  SQL_S_IF,
  SQL_S_WHILE,
  SQL_S_BLOCK,
  SQL_S_TRY,
  SQL_S_BREAK,
  SQL_S_CONTINUE,
  SQL_S_RETURN,
  SQL_S_PRINT,
  SQL_S_RAISERROR,
  SQL_S_THROW,
  SQL_S_USE,
  SQL_S_EXECUTE,
  SQL_S_SHOW,
  SQL_S_WAITFOR, /* DELAY: expr */
  SQL_S_NOTHING, /* accepted without effect: CHECKPOINT, UPDATE STATISTICS… */
} sql_stmt_kind;

struct sql_stmt {
  sql_stmt_kind kind;
  int32_t line;
  sql_stmt *next;
  sql_name name;     /* object, database, savepoint, USE */
  sql_name other;    /* USE/CREATE INDEX: the table */
  sql_names *names;  /* column list; more objects of DROP TABLE a, b */
  sql_name *objects; /* DROP …: the objects */
  size_t object_count;
  bool if_exists, if_not_exists, or_replace, unique, with_work, clustered, ignore_dup_key;
  bool keeps_locks; /* a table hint wants what is read to be locked to the transaction's end */
  sql_query *query; /* SELECT; INSERT … SELECT/VALUES; CTAS; view */
  sql_cte *ctes;    /* WITH before INSERT, UPDATE, DELETE */
  sql_item *output; /* OUTPUT: what of the changed rows is told */
  bool default_values;
  bool overwrite;
  sql_table *target; /* UPDATE, DELETE: what is named behind the verb */
  sql_table *from;
  sql_assignment *assignments;
  sql_merge_clause *clauses; /* MERGE; target, from = source, where = ON */
  sql_expr *where;
  sql_expr *top;
  bool top_percent;
  sql_column_def *columns;
  sql_constraint *constraints;
  sql_declaration *declarations;
  const char *text; /* option name, variable, view's definition; EXECUTE: the status' variable */
  size_t text_length;
  const char *value;    /* option's value; comment */
  sql_expr *expr;       /* condition, value */
  sql_expr *args;       /* RAISERROR, THROW, EXECUTE */
  sql_stmt *body;       /* IF, WHILE, BLOCK, TRY */
  sql_stmt *other_body; /* ELSE, CATCH */
};

#endif
