/*
 * engine_table.h: a table in the making, between engine_table.c (columns, CREATE TABLE),
 * engine_constraint.c (keys, checks), engine_foreign.c (foreign keys) and engine_alter.c (ALTER
 * TABLE, CREATE INDEX).
 */
#ifndef SANDBOX_ENGINE_TABLE_H
#define SANDBOX_ENGINE_TABLE_H

#include "sandbox/engine_internal.h"

typedef struct engine_table_maker {
  engine_session *s;
  sql_context *c;
  sql_binder b;
  const char *schema; /* "main" or "temp": where its catalog is */
  int64_t id;
  bool temporary, is_tsql;
  const char *database, *schema_name, *name;
} engine_table_maker;

engine_table_maker table_new_maker(engine_session *s);
/* False: failed; the context knows. */
bool table_run(engine_table_maker *m, const char *sql);
bool table_insert_column(engine_table_maker *m, const catalog_column *c);
bool table_make_column(engine_table_maker *m, const sql_stmt *stmt, const sql_column_def *def,
                       catalog_column *columns, size_t count);
/* index: name, kind and flags; its columns are `names`. */
bool table_add_index(engine_table_maker *m, const catalog_column *columns, size_t count,
                     const catalog_index *index, const sql_names *names, int32_t line);
/* engine_foreign.c */
bool table_add_foreign(engine_table_maker *m, const catalog_column *columns, size_t count,
                       const sql_constraint *k);
bool table_add_constraints(engine_table_maker *m, const sql_stmt *stmt,
                           const catalog_column *columns, size_t count);
/* "PK__flights__3213E83F": as SQL Server makes names up. */
const char *table_made_name(engine_table_maker *m, const char *prefix, const char *column);
/* "c1 COLLATE sci": without a type SQLite changes nothing that it is given. */
const char *table_physical_column(engine_table_maker *m, const catalog_column *c);

#endif
