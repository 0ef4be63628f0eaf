/*
 * engine_dml.h: a statement that changes rows, between engine_dml.c (UPDATE, DELETE) and
 * engine_insert.c.
 */
#ifndef SANDBOX_ENGINE_DML_H
#define SANDBOX_ENGINE_DML_H

#include "sandbox/engine_internal.h"

/* Where rows wait before they are written. */
#define ENGINE_STAGE "temp.engine_stage"

typedef struct engine_change {
  engine_session *s;
  const sql_stmt *stmt;
  sql_binder b;
  const catalog_table *table;
  bool is_tsql;
  const char *which;      /* DELETE … OUTPUT: the rows that go */
  sql_bound_query output; /* OUTPUT, by output_prepare() */
  const char **texts;     /* MERGE: of its clauses, by merge_prepare() */
} engine_change;

/* engine_output.c: binds stmt->output; keeps the rows that `which` ("rowid IN (…)") names, before
 * they go and when they have come. */
bool output_prepare(engine_change *d);
br_status output_keep_deleted(engine_change *d, const char *which, br_error *err) BR_CHECKED;
br_status output_keep_inserted(engine_change *d, const char *which, br_error *err) BR_CHECKED;

br_status engine_merge(engine_change *d, br_error *err) BR_CHECKED;
bool merge_prepare(engine_change *d);

br_status dml_failed(engine_change *d, br_error *err);
br_status dml_run(engine_change *d, const char *sql, br_error *err) BR_CHECKED;
bool dml_need_table(engine_change *d, const sql_name *name);
sql_bound *dml_bind_default(engine_change *d, const catalog_column *c);
sql_bound *dml_assign(engine_change *d, const sql_bound *value, const catalog_column *c);
/* SET a = x, b += y: what each column of the table becomes, by its index; the others stay NULL. */
bool dml_bind_assignments(engine_change *d, const sql_assignment *assignments, const char **cells);
br_status dml_drop_stage(engine_change *d, br_error *err) BR_CHECKED;
/* Every row of a query into the table; column i of the query is column i of the table; with_rowid:
 * one further, behind the rowid. */
br_status dml_write_rows(engine_session *s, engine_writer *w, const char *sql, bool with_rowid,
                         br_error *err) BR_CHECKED;
/* The columns that an INSERT's list names, as indexes in its order. names NULL: all that take
 * values; dml_identity_may_lack() is then asked once their number is found right. */
bool dml_insert_columns(engine_change *d, const sql_names *names, size_t **ret_columns,
                        size_t *ret_count);
bool dml_identity_may_lack(engine_change *d);
/* Whether an identity's values come from the statement. */
bool dml_explicit_identity(const engine_change *d);
/* The query of an INSERT's rows, and writing them. */
br_status dml_prepare_insert(engine_change *d, const char **ret_sql, br_error *err) BR_CHECKED;
br_status dml_insert_rows(engine_change *d, const char *sql, br_error *err) BR_CHECKED;

#endif
