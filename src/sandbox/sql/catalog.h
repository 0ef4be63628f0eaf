/*
 * catalog.h: what databases, schemas, tables and columns there are. The catalog lives in tables of
 * the same SQLite file (names in c_…), that of #temp tables in the connection's temp schema.
 *
 *   c_database 1:n c_schema 1:n c_object 1:n c_column, c_index, c_check, c_foreign
 *
 * Object n is stored in the SQLite table tn, its column k in ck; renaming never touches data.
 */
#ifndef SANDBOX_SQL_CATALOG_H
#define SANDBOX_SQL_CATALOG_H

#include <sqlite3.h>

#include "sandbox/sql/ast.h"
#include "sandbox/sql/context.h"

typedef struct catalog_column {
  int id; /* of the column cN; never used twice in a table */
  const char *name;
  sql_type type;
  bool nullable, identity, persisted;
  int64_t seed, increment;
  const char *default_name; /* NULL: none */
  const char *default_text;
  const char *computed; /* NULL: stored */
  const char *comment;
} catalog_column;

typedef struct catalog_index {
  int64_t id;
  const char *name;
  char kind; /* 'P' primary key, 'U' unique constraint, 'I' index */
  bool unique, clustered, ignore_dup_key;
  int *columns; /* ids; negative: descending */
  size_t column_count;
} catalog_index;

typedef struct catalog_check {
  int64_t id;
  const char *name, *text;
} catalog_check;

typedef struct catalog_foreign {
  int64_t id, table_id, target_id;
  const char *name;
  int *columns, *target_columns;
  size_t column_count;
  sql_fk_action on_delete, on_update;
} catalog_foreign;

typedef struct catalog_table {
  int64_t id, schema_id;
  bool temporary;
  char kind; /* 'U' table, 'V' view */
  const char *database, *schema, *name;
  const char *definition; /* view: its query */
  const char *physical;   /* main.t5 or temp.t5 */
  catalog_column *columns;
  size_t column_count;
  catalog_index *indexes;
  size_t index_count;
  catalog_check *checks;
  size_t check_count;
  catalog_foreign *foreigns; /* of this table */
  size_t foreign_count;
  size_t referenced; /* foreign keys of any table that point here */
} catalog_table;

/* What c_index.is_unique holds. */
enum {
  CATALOG_NOT_UNIQUE,
  CATALOG_UNIQUE,
  CATALOG_UNIQUE_IGNORED, /* IGNORE_DUP_KEY: rows that would be double are left out */
};

/* Where names without a qualifier are looked up. */
typedef struct catalog_scope {
  sqlite3 *db;
  const char *database, *schema;
} catalog_scope;

br_status catalog_open(sqlite3 *db, engine_dialect dialect, br_error *err) BR_CHECKED;
/* The temp schema's part, once a connection makes its first #temp table. */
br_status catalog_open_temporary(sqlite3 *db, br_error *err) BR_CHECKED;

/* These record failures in the context. 0: there is no such thing. */
int64_t catalog_database(sql_context *context, sqlite3 *db, const char *name,
                         const char **ret_name);
int64_t catalog_schema(sql_context *context, sqlite3 *db, int64_t database_id, const char *name,
                       const char **ret_name);
/* Splits [[database.]schema.]object by the scope. False: more parts than there are. */
bool catalog_split(sql_context *context, const catalog_scope *scope, const sql_name *name,
                   const char **ret_database, const char **ret_schema, const char **ret_object);
/* NULL without a failure: there is no such object. kind 0: any. */
catalog_table *catalog_find(sql_context *context, const catalog_scope *scope, const sql_name *name,
                            char kind);
/* The connection has a catalog of #temp tables. */
bool catalog_has_temporary(sqlite3 *db);
catalog_table *catalog_find_id(sql_context *context, sqlite3 *db, int64_t id);
/* … with error 208 or TABLE_OR_VIEW_NOT_FOUND. */
catalog_table *catalog_need(sql_context *context, const catalog_scope *scope, const sql_name *name);
/* All foreign keys that point to a table. */
catalog_foreign *catalog_references(sql_context *context, const catalog_table *table, sqlite3 *db,
                                    size_t *ret_count);
const catalog_column *catalog_column_named(const catalog_table *table, const char *name);
const catalog_column *catalog_column_id(const catalog_table *table, int id);
/* The error for a name that leads nowhere. */
void *catalog_unknown(sql_context *context, const sql_name *name);
/* "a.b.c" as written. */
const char *catalog_name_text(sql_context *context, const sql_name *name);

/* Runs a statement of the catalog with parameters: each letter of `types` is one: i int64_t, s
 * const char * (NULL is NULL). False: failed; the context knows. */
bool catalog_run(sql_context *context, sqlite3 *db, const char *sql, const char *types, ...);
sqlite3_stmt *catalog_prepare(sql_context *context, sqlite3 *db, const char *sql, const char *types,
                              ...);
/* A failed SQLite call as the context's failure. */
void *catalog_failed(sql_context *context, sqlite3 *db);

/* Ids of constraints, which the catalog counts apart from objects: number spaces of their own
 * within int. SQL texts; CATALOG_DEFAULT_ID is over a row c of c_column. */
#define CATALOG_KEY_BASE     "1100000000"
#define CATALOG_CHECK_BASE   "1200000000"
#define CATALOG_FOREIGN_BASE "1300000000"
#define CATALOG_DEFAULT_ID   "1400000000 + (c.object_id * 1024 + c.id) % 700000000"

/* System views: a table whose rows are a query over the catalog. NULL: no such view. */
typedef struct catalog_view_column {
  const char *name;
  sql_kind kind;
  uint32_t length;
} catalog_view_column;
typedef struct catalog_view {
  const char *schema, *name;
  engine_dialect dialect;
  const char *sql; /* ?D, ?S, ?N: catalog_views.c */
  const catalog_view_column *columns;
} catalog_view;
const catalog_view *catalog_system_view(engine_dialect dialect, const char *schema,
                                        const char *name);

#endif
