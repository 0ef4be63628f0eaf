/*
 * engine_dml.c: INSERT, UPDATE, DELETE.
 *
 * SQLite computes the rows; each is then written by the engine, which so knows the values when a
 * key is double. An UPDATE stages its new rows in a temporary table, takes the old ones away and
 * writes the new ones under their old rowids: keys are compared when all rows are done, and no row
 * is met twice.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/engine_dml.h"
#include "sandbox/sql/lexer.h"
#include "sandbox/sql/parser.h"

br_status dml_failed(engine_change *d, br_error *err) {
  return engine_context_failed(d->s, err);
}

br_status dml_run(engine_change *d, const char *sql, br_error *err) {
  sqlite3_stmt *stmt = NULL;
  br_status st = engine_prepare(d->s, sql, &stmt, err);
  if (st == BR_OK && sqlite3_step(stmt) != SQLITE_DONE) {
    st = engine_step_failed(d->s, err);
  }
  (void)sqlite3_finalize(stmt);
  return st;
}

bool dml_need_table(engine_change *d, const sql_name *name) {
  catalog_table *table = catalog_need(&d->s->context, &d->b.names, name);
  if (table != NULL && table->kind == 'V') {
    (void)sql_unsupported(&d->s->context, name->line, "Changing rows through a view");
    return false;
  }
  d->table = table;
  return table != NULL;
}

/* A kept expression (a default) as a value of its column. */
static sql_bound *bind_kept(engine_change *d, const char *text) {
  sql_expr *expr = NULL;
  sql_context inner = {.dialect = d->s->owner->dialect,
                       .arena = &d->s->statement_arena,
                       .text = text,
                       .length = strlen(text),
                       .quoted_identifier = true};
  if (sql_parse_expression(&inner, &expr) != BR_OK) {
    d->s->context.status = inner.status;
    d->s->context.error = inner.error;
    return NULL;
  }
  sql_scope *scope = d->b.scope;
  d->b.scope = NULL;
  sql_bound *bound = bind_value(&d->b, expr);
  d->b.scope = scope;
  return bound;
}

sql_bound *dml_bind_default(engine_change *d, const catalog_column *c) {
  return c->default_text == NULL ? bind_null(&d->b) : bind_kept(d, c->default_text);
}

sql_bound *dml_assign(engine_change *d, const sql_bound *value, const catalog_column *c) {
  const char *table = engine_full_name(&d->s->context, d->table);
  return table == NULL ? NULL : bind_assign(&d->b, value, &c->type, table, c->name, d->stmt->line);
}

/* ---- UPDATE and DELETE: which rows ---- */

static sql_source *find_target(sql_scope *scope, const sql_name *name, const catalog_table *table) {
  const char *object = name->parts[name->count - 1];
  for (sql_source *s = scope->sources; s != NULL && name->count == 1; s = s->next) {
    if (br_text_equal_nocase(s->name, object)) {
      return s;
    }
  }
  for (sql_source *s = scope->sources; s != NULL; s = s->next) {
    if (table != NULL && s->table != NULL && s->table->id == table->id &&
        s->table->temporary == table->temporary) {
      return s;
    }
  }
  return NULL;
}

/* Binds FROM with the target in it. Fills the scope; returns FROM's text. */
static const char *bind_target(engine_change *d, sql_scope *scope, sql_source **ret_source) {
  const sql_stmt *stmt = d->stmt;
  const sql_name *name = &stmt->target->name;
  d->b.scope = scope;
  if (!bind_ctes(&d->b, stmt->ctes)) {
    return NULL;
  }
  if (stmt->from == NULL) {
    if (!dml_need_table(d, name)) {
      return NULL;
    }
    const char *from = bind_from(&d->b, stmt->target);
    *ret_source = scope->sources;
    return from;
  }
  const char *from = bind_from(&d->b, stmt->from);
  if (from == NULL) {
    return NULL;
  }
  catalog_table *table = catalog_find(&d->s->context, &d->b.names, name, 0);
  sql_source *source = find_target(scope, name, table);
  if (source == NULL) { /* a target that FROM doesn't name joins every row */
    if (!dml_need_table(d, name)) {
      return NULL;
    }
    sql_source *last = scope->last;
    const char *target = bind_from(&d->b, stmt->target);
    *ret_source = last == NULL ? scope->sources : last->next;
    return target == NULL ? NULL : bind_join(&d->b, from, " CROSS JOIN ", target);
  }
  if (source->table == NULL || source->table->kind != 'U') {
    return sql_unsupported(&d->s->context, stmt->line, "Changing rows of a derived table");
  }
  d->table = source->table;
  *ret_source = source;
  return from;
}

static const char *where_text(engine_change *d) {
  if (d->stmt->where == NULL) {
    return "";
  }
  d->b.scope->clause = SQL_CLAUSE_WHERE;
  const char *sql = bind_condition(&d->b, d->stmt->where);
  return sql == NULL ? NULL : sql_text(&d->s->context, " WHERE %s", sql);
}

static const char *top_text(engine_change *d) {
  const sql_type bigint = sql_type_of(SQL_BIGINT);
  if (d->stmt->top == NULL) {
    return "";
  }
  if (d->stmt->top_percent) {
    return sql_unsupported(&d->s->context, d->stmt->line, "TOP … PERCENT in UPDATE and DELETE");
  }
  sql_scope *scope = d->b.scope;
  d->b.scope = NULL;
  sql_bound *top = bind_value(&d->b, d->stmt->top);
  d->b.scope = scope;
  top = bind_convert(&d->b, top, &bigint, SQL_IMPLICIT, SQL_STYLE_NONE, d->stmt->line);
  return top == NULL ? NULL : sql_text(&d->s->context, " LIMIT max(0,ifnull(%s,0))", top->sql);
}

/* The rows of an UPDATE or a DELETE, as text. */
typedef struct chosen_rows {
  sql_scope scope; /* the binder's, until the statement is bound */
  sql_source *source;
  const char *from, *where, *top;
} chosen_rows;

static bool bind_rows(engine_change *d, chosen_rows *rows) {
  *rows = (chosen_rows){.source = NULL};
  rows->from = bind_target(d, &rows->scope, &rows->source);
  rows->where = rows->from == NULL ? NULL : where_text(d);
  rows->top = rows->where == NULL ? NULL : top_text(d);
  return rows->top != NULL && rows->source != NULL;
}

/* ---- UPDATE ---- */

static int arithmetic_of(int op) {
  static const char operators[] = "+-*/%";
  return operators[op - SQL_OP_PLUS_SET];
}

static const catalog_column *assigned_column(engine_change *d, const sql_assignment *a) {
  const char *name = a->column.parts[a->column.count - 1];
  const catalog_column *c = catalog_column_named(d->table, name);
  sql_context *context = &d->s->context;
  if (c == NULL) {
    return d->is_tsql ? sql_fail(context, 207, d->stmt->line, "Invalid column name '%s'.", name)
                      : sql_fail_condition(context, "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703",
                                           "A column, variable, or function parameter with name "
                                           "`%s` cannot be resolved.",
                                           name);
  }
  if (c->identity) {
    return sql_fail(context, 8102, d->stmt->line, "Cannot update identity column '%s'.", c->name);
  }
  if (c->computed != NULL) {
    return sql_fail(
        context, 271, d->stmt->line,
        "The column \"%s\" cannot be modified because it is either a computed column or "
        "is the result of a UNION operator.",
        c->name);
  }
  if (c->type.kind == SQL_ROWVERSION) {
    return sql_fail(context, 272, d->stmt->line, "Cannot update a timestamp column.");
  }
  return c;
}

bool dml_bind_assignments(engine_change *d, const sql_assignment *assignments, const char **cells) {
  d->b.scope->clause = SQL_CLAUSE_SELECT;
  for (const sql_assignment *a = assignments; a != NULL; a = a->next) {
    const catalog_column *c = assigned_column(d, a);
    if (c == NULL) {
      return false;
    }
    size_t i = (size_t)(c - d->table->columns);
    if (cells[i] != NULL) {
      (void)sql_fail(&d->s->context, 264, d->stmt->line,
                     "The column name '%s' is specified more than once in the SET clause or column "
                     "list of an INSERT. A column cannot be assigned more than one value in the "
                     "same clause. Modify the clause to make sure that a column is updated only "
                     "once. If this statement updates or inserts columns into a view, column "
                     "aliasing can conceal the duplication in your code.",
                     c->name);
      return false;
    }
    sql_bound *value =
        a->value->kind == SQL_E_DEFAULT ? dml_bind_default(d, c) : bind_value(&d->b, a->value);
    if (value != NULL && a->op != '=') {
      sql_bound *old = bind_column(&d->b, &a->column);
      value = bind_arithmetic(&d->b, arithmetic_of(a->op), old, value, d->stmt->line);
    }
    if (sql_has_aggregate(a->value)) {
      (void)sql_fail(&d->s->context, 157, d->stmt->line,
                     "An aggregate may not appear in the set list of an UPDATE statement.");
      return false;
    }
    const sql_bound *assigned = value == NULL ? NULL : dml_assign(d, value, c);
    if (assigned == NULL) {
      return false;
    }
    cells[i] = assigned->sql;
  }
  return true;
}

/* The query of the new rows: rowid, then every column of the table. */
static const char *update_text(engine_change *d) {
  chosen_rows rows;
  if (!bind_rows(d, &rows)) {
    return NULL;
  }
  const char **cells = sql_new(&d->s->context, (d->table->column_count + 1) * sizeof *cells);
  if (cells == NULL || !dml_bind_assignments(d, d->stmt->assignments, cells)) {
    return NULL;
  }
  const char *sql = sql_text(&d->s->context, "SELECT %s.rowid AS r", rows.source->alias);
  for (size_t i = 0; i < d->table->column_count; i++) {
    const catalog_column *c = &d->table->columns[i];
    const char *cell = cells[i] != NULL ? cells[i]
                       : c->computed != NULL
                           ? "NULL"
                           : sql_text(&d->s->context, "%s.c%d", rows.source->alias, c->id);
    sql = sql_text(&d->s->context, "%s, %s AS v%zu", sql, cell, i);
  }
  return sql_text(&d->s->context, "%s FROM %s%s%s", sql, rows.from, rows.where, rows.top);
}

static const char *stage_definition(engine_change *d) {
  const char *sql = "CREATE TABLE " ENGINE_STAGE "(r INTEGER PRIMARY KEY";
  for (size_t i = 0; i < d->table->column_count; i++) {
    sql = sql_text(&d->s->context, "%s, v%zu", sql, i);
  }
  return sql_text(&d->s->context, "%s)", sql);
}

static br_status update_rows(engine_change *d, const char *sql, br_error *err) {
  engine_writer w;
  br_status st = dml_run(d, stage_definition(d), err);
  if (st == BR_OK) {
    st =
        dml_run(d, sql_text(&d->s->context, "INSERT OR IGNORE INTO " ENGINE_STAGE " %s", sql), err);
  }
  if (st == BR_OK) {
    st = output_keep_deleted(d, "rowid IN (SELECT r FROM " ENGINE_STAGE ")", err);
  }
  if (st == BR_OK) {
    st = dml_run(d,
                 sql_text(&d->s->context,
                          "DELETE FROM %s WHERE rowid IN (SELECT r FROM " ENGINE_STAGE ")",
                          d->table->physical),
                 err);
  }
  if (st == BR_OK) {
    st = engine_writer_open(d->s, d->table, true, &w, err);
  }
  if (st != BR_OK) {
    return st;
  }
  st = dml_write_rows(d->s, &w, "SELECT * FROM " ENGINE_STAGE, true, err);
  engine_writer_done(&w);
  if (st == BR_OK) {
    d->s->rows_affected = (int64_t)w.count;
    st = engine_check_rows(d->s, d->table, "rowid IN (SELECT r FROM " ENGINE_STAGE ")", "UPDATE",
                           err);
  }
  if (st == BR_OK) {
    st = engine_check_references(d->s, d->table, false, err);
  }
  if (st == BR_OK) {
    st = output_keep_inserted(d, "rowid IN (SELECT r FROM " ENGINE_STAGE ")", err);
  }
  return st == BR_OK ? dml_drop_stage(d, err) : st;
}

/* ---- DELETE ---- */

static const char *delete_text(engine_change *d) {
  chosen_rows rows;
  if (!bind_rows(d, &rows)) {
    return NULL;
  }
  if (d->stmt->output != NULL) { /* the rows that are kept are those that go */
    d->which = sql_text(&d->s->context, "rowid IN (SELECT DISTINCT %s.rowid FROM %s%s%s)",
                        rows.source->alias, rows.from, rows.where, rows.top);
    return sql_text(&d->s->context,
                    "DELETE FROM %s WHERE rowid IN (SELECT r FROM temp.engine_deleted)",
                    d->table->physical);
  }
  if (d->stmt->from == NULL && d->stmt->top == NULL) {
    return sql_text(&d->s->context, "DELETE FROM %s%s", rows.from, rows.where);
  }
  return sql_text(&d->s->context,
                  "DELETE FROM %s WHERE rowid IN (SELECT DISTINCT %s.rowid FROM %s%s%s)",
                  d->table->physical, rows.source->alias, rows.from, rows.where, rows.top);
}

static br_status delete_rows(engine_change *d, const char *sql, br_error *err) {
  br_status st = output_keep_deleted(d, d->which, err);
  if (st == BR_OK) {
    st = dml_run(d, sql, err);
  }
  if (st != BR_OK) {
    return st;
  }
  d->s->rows_affected = sqlite3_changes64(d->s->db);
  return engine_check_references(d->s, d->table, true, err);
}

/* ---- all of them ---- */

static br_status prepare_dml(engine_change *d, const char **ret_sql, br_error *err) {
  br_status st = BR_OK;
  switch (d->stmt->kind) {
  case SQL_S_INSERT:
    st = dml_prepare_insert(d, ret_sql, err);
    if (st != BR_OK) {
      return st;
    }
    break;
  case SQL_S_MERGE:
    *ret_sql = merge_prepare(d) ? "" : NULL;
    break;
  case SQL_S_UPDATE:
    d->s->statement_kind = "UPDATE";
    *ret_sql = update_text(d);
    break;
  default:
    d->s->statement_kind = "DELETE";
    *ret_sql = delete_text(d);
    break;
  }
  if (*ret_sql == NULL || (d->stmt->output != NULL && !output_prepare(d))) {
    return dml_failed(d, err);
  }
  return BR_OK;
}

static engine_change begin_dml(engine_session *s, const sql_stmt *stmt) {
  return (engine_change){
      .s = s, .stmt = stmt, .b = engine_binder(s), .is_tsql = s->owner->dialect == ENGINE_TSQL};
}

static br_status change_rows(engine_change *d, const char *sql, br_error *err) {
  switch (d->stmt->kind) {
  case SQL_S_INSERT:
    return dml_insert_rows(d, sql, err);
  case SQL_S_MERGE:
    return engine_merge(d, err);
  case SQL_S_UPDATE:
    return update_rows(d, sql, err);
  default:
    return delete_rows(d, sql, err);
  }
}

/* SET FMTONLY ON: no row changes; OUTPUT tells its columns. */
static br_status describe_dml(engine_change *d, engine_outcome *ret_outcome, br_error *err) {
  if (d->stmt->output == NULL) {
    return BR_OK;
  }
  d->s->has_output = true;
  br_status st = output_keep_deleted(d, "0", err);
  st = st == BR_OK ? output_keep_inserted(d, "0", err) : st;
  *ret_outcome = ENGINE_OUTCOME_ROWS;
  return st == BR_OK ? engine_start_rows(d->s, &d->output, err) : st;
}

br_status engine_dml(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                     br_error *err) {
  engine_change d = begin_dml(s, stmt);
  const char *sql = NULL;
  const int64_t version = engine_schema_version(s);
  if (s->row_limit > 0) { /* it would hold for changes too */
    (void)sql_unsupported(&s->context, stmt->line, "Changing rows under SET ROWCOUNT");
    return engine_context_failed(s, err);
  }
  br_status st = prepare_dml(&d, &sql, err);
  if (st != BR_OK) {
    return st;
  }
  if (s->fmtonly) {
    *ret_outcome = ENGINE_OUTCOME_SILENT;
    return describe_dml(&d, ret_outcome, err);
  }
  if ((st = engine_write_begin(s, d.table->temporary, err)) != BR_OK) {
    return st;
  }
  if (engine_schema_version(s) != version) { /* while this one waited for the lock */
    d = begin_dml(s, stmt);
    st = prepare_dml(&d, &sql, err);
  }
  st = st == BR_OK ? change_rows(&d, sql, err) : st;
  br_status ended = engine_write_end(s, st == BR_OK, st == BR_OK ? err : NULL);
  st = st != BR_OK ? st : ended;
  if (st == BR_OK) {
    s->environment.rowcount = (int64_t)s->rows_affected;
  }
  if (st == BR_OK && stmt->output != NULL) {
    *ret_outcome = ENGINE_OUTCOME_ROWS;
    st = engine_start_rows(s, &d.output, err);
    s->has_output = true;
  }
  return st;
}

br_status engine_check_statement(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  sql_bound_query query;
  const char *sql = NULL;
  switch (stmt->kind) {
  case SQL_S_SELECT:
    return bind_query(&b, stmt->query, &query) ? BR_OK : engine_context_failed(s, err);
  case SQL_S_INSERT:
  case SQL_S_UPDATE:
  case SQL_S_DELETE:
  case SQL_S_MERGE: {
    engine_change d = begin_dml(s, stmt);
    return prepare_dml(&d, &sql, err);
  }
  default:
    return BR_OK;
  }
}
