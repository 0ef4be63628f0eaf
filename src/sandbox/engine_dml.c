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
#include "sandbox/engine_internal.h"
#include "sandbox/sql/lexer.h"
#include "sandbox/sql/parser.h"

#define STAGE "temp.engine_stage"

typedef struct dml {
  engine_session *s;
  const sql_stmt *stmt;
  sql_binder b;
  const catalog_table *table;
  bool is_tsql;
} dml;

static br_status failed(dml *d, br_error *err) {
  return engine_context_failed(d->s, err);
}

static br_status run(dml *d, const char *sql, br_error *err) {
  sqlite3_stmt *stmt = NULL;
  br_status st = engine_prepare(d->s, sql, &stmt, err);
  if (st == BR_OK && sqlite3_step(stmt) != SQLITE_DONE) {
    st = engine_step_failed(d->s, err);
  }
  (void)sqlite3_finalize(stmt);
  return st;
}

static bool need_table(dml *d, const sql_name *name) {
  catalog_table *table = catalog_need(&d->s->context, &d->b.names, name);
  if (table != NULL && table->kind == 'V') {
    (void)sql_unsupported(&d->s->context, name->line, "Changing rows through a view");
    return false;
  }
  d->table = table;
  return table != NULL;
}

/* A kept expression (a default) as a value of its column. */
static sql_bound *bind_kept(dml *d, const char *text) {
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

static sql_bound *bind_default(dml *d, const catalog_column *c) {
  return c->default_text == NULL ? bind_null(&d->b) : bind_kept(d, c->default_text);
}

static sql_bound *assign(dml *d, const sql_bound *value, const catalog_column *c) {
  const char *table = engine_full_name(&d->s->context, d->table);
  return table == NULL ? NULL : bind_assign(&d->b, value, &c->type, table, c->name, d->stmt->line);
}

/* ---- INSERT ---- */

static bool takes_values(const dml *d, const catalog_column *c) {
  return c->computed == NULL && c->type.kind != SQL_ROWVERSION &&
         !(c->identity && d->is_tsql && !d->s->identity_insert);
}

static bool explicit_identity(const dml *d) {
  return !d->is_tsql ||
         d->s->identity_insert == (d->table->temporary ? -d->table->id : d->table->id);
}

/* Which columns the statement names, in its order; without a list all that take values. */
static bool target_columns(dml *d, size_t **ret_columns, size_t *ret_count) {
  const catalog_table *t = d->table;
  size_t *columns = sql_new(&d->s->context, (t->column_count + 1) * sizeof *columns);
  size_t count = 0;
  if (columns == NULL) {
    return false;
  }
  for (const sql_names *n = d->stmt->names; n != NULL; n = n->next) {
    const catalog_column *c = catalog_column_named(t, n->name);
    if (c == NULL) {
      (void)(d->is_tsql ? sql_fail(&d->s->context, 207, d->stmt->line, "Invalid column name '%s'.",
                                   n->name)
                        : sql_fail_condition(&d->s->context, "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
                                             "42703",
                                             "A column, variable, or function parameter with name "
                                             "`%s` cannot be resolved.",
                                             n->name));
      return false;
    }
    for (size_t i = 0; i < count; i++) {
      if (columns[i] == (size_t)(c - t->columns)) {
        (void)(d->is_tsql
                   ? sql_fail(&d->s->context, 264, d->stmt->line,
                              "The column name '%s' is specified more than once in the SET clause "
                              "or column list of an INSERT. A column cannot be assigned more than "
                              "one value in the same clause. Modify the clause to make sure that a "
                              "column is updated only once. If this statement updates or inserts "
                              "columns into a view, column aliasing can conceal the duplication in "
                              "your code.",
                              n->name)
                   : sql_fail_condition(&d->s->context, "COLUMN_ALREADY_EXISTS", "42711",
                                        "The column `%s` already exists.", n->name));
        return false;
      }
    }
    columns[count++] = (size_t)(c - t->columns);
  }
  for (size_t i = 0; d->stmt->names == NULL && i < t->column_count; i++) {
    if (takes_values(d, &t->columns[i])) {
      columns[count++] = i;
    }
  }
  *ret_columns = columns;
  *ret_count = count;
  return true;
}

static bool columns_allowed(dml *d, const size_t *columns, size_t count) {
  bool identity_given = false;
  const char *identity = NULL;
  for (size_t i = 0; i < d->table->column_count; i++) {
    identity = d->table->columns[i].identity ? d->table->columns[i].name : identity;
  }
  for (size_t i = 0; i < count; i++) {
    const catalog_column *c = &d->table->columns[columns[i]];
    if (c->computed != NULL) {
      (void)sql_fail(&d->s->context, 271, d->stmt->line,
                     "The column \"%s\" cannot be modified because it is either a computed column "
                     "or is the result of a UNION operator.",
                     c->name);
      return false;
    }
    if (c->type.kind == SQL_ROWVERSION) {
      (void)sql_fail(&d->s->context, 273, d->stmt->line,
                     "Cannot insert an explicit value into a timestamp column. Use INSERT with a "
                     "column list to exclude the timestamp column, or insert a DEFAULT into the "
                     "timestamp column.");
      return false;
    }
    identity_given = identity_given || c->identity;
  }
  if (identity_given && !explicit_identity(d)) {
    (void)sql_fail(&d->s->context, 544, d->stmt->line,
                   "Cannot insert explicit value for identity column in table '%s' when "
                   "IDENTITY_INSERT is set to OFF.",
                   d->table->name);
    return false;
  }
  if (identity != NULL && !identity_given && d->is_tsql && explicit_identity(d)) {
    (void)sql_fail(
        &d->s->context, 545, d->stmt->line,
        "Explicit value must be specified for identity column in table '%s' either when "
        "IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT "
        "FOR REPLICATION identity column.",
        d->table->name);
    return false;
  }
  return true;
}

static bool wrong_width(dml *d, size_t wanted, size_t given) {
  bool values = d->stmt->query->body->kind == SQL_BODY_VALUES;
  sql_context *c = &d->s->context;
  if (!d->is_tsql) {
    (void)sql_fail_condition(c,
                             given < wanted ? "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"
                                            : "INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS",
                             "21S01",
                             "Cannot write to `%s`.`%s`.`%s`, the reason is %s: table columns %zu, "
                             "data columns %zu.",
                             d->table->database, d->table->schema, d->table->name,
                             given < wanted ? "not enough data columns" : "too many data columns",
                             wanted, given);
  } else if (d->stmt->names == NULL) {
    (void)sql_fail(c, 213, d->stmt->line,
                   "Column name or number of supplied values does not match table definition.");
  } else if (values) {
    (void)sql_fail(c, given < wanted ? 109 : 110, d->stmt->line,
                   "There are %s columns in the INSERT statement than values specified in the "
                   "VALUES clause. The number of values in the VALUES clause must match the number "
                   "of columns specified in the INSERT statement.",
                   given < wanted ? "more" : "fewer");
  } else {
    (void)sql_fail(c, given < wanted ? 120 : 121, d->stmt->line,
                   "The select list for the INSERT statement contains %s items than the insert "
                   "list. The number of SELECT values must match the number of INSERT columns.",
                   given < wanted ? "fewer" : "more");
  }
  return false;
}

/* What a row is made of: per column of the table an expression, or nothing for the identity. */
typedef struct row_plan {
  const char **cells; /* by column index; NULL: written by the engine */
  const char *from;   /* " FROM (…)" or "" */
} row_plan;

static bool put_cell(dml *d, row_plan *plan, size_t column, const sql_bound *value) {
  const sql_bound *assigned = assign(d, value, &d->table->columns[column]);
  plan->cells[column] = assigned == NULL ? NULL : assigned->sql;
  return assigned != NULL;
}

/* A single row of VALUES: each value straight to its column. */
static bool plan_single_row(dml *d, row_plan *plan, const size_t *columns, size_t count) {
  const sql_row *row = d->stmt->query->body->rows;
  size_t i = 0;
  if (row->count != count) {
    return wrong_width(d, count, row->count);
  }
  for (const sql_expr *e = row->values; e != NULL; e = e->next, i++) {
    const catalog_column *c = &d->table->columns[columns[i]];
    sql_bound *value = e->kind == SQL_E_DEFAULT ? bind_default(d, c) : bind_value(&d->b, e);
    if (value == NULL || !put_cell(d, plan, columns[i], value)) {
      return false;
    }
  }
  return true;
}

static bool plan_query(dml *d, row_plan *plan, const size_t *columns, size_t count) {
  sql_bound_query query;
  if (!bind_query(&d->b, d->stmt->query, &query)) {
    return false;
  }
  if (query.count != count) {
    return wrong_width(d, count, query.count);
  }
  for (size_t i = 0; i < count; i++) {
    sql_bound *value = bind_new(&d->b, query.columns[i].type, query.columns[i].nullable,
                                sql_text(&d->s->context, "c%zu", i + 1));
    if (value == NULL || !put_cell(d, plan, columns[i], value)) {
      return false;
    }
  }
  plan->from = sql_text(&d->s->context, " FROM (%s)", query.sql);
  return plan->from != NULL;
}

static bool has_default(const sql_body *body) {
  for (const sql_row *row = body->rows; row != NULL; row = row->next) {
    for (const sql_expr *e = row->values; e != NULL; e = e->next) {
      if (e->kind == SQL_E_DEFAULT) {
        return true;
      }
    }
  }
  return false;
}

static bool make_plan(dml *d, row_plan *plan) {
  size_t *columns = NULL;
  size_t count = 0;
  *plan = (row_plan){.from = ""};
  plan->cells = sql_new(&d->s->context, (d->table->column_count + 1) * sizeof *plan->cells);
  if (plan->cells == NULL || !bind_ctes(&d->b, d->stmt->ctes)) {
    return false;
  }
  if (!d->stmt->default_values) {
    const sql_body *body = d->stmt->query->body;
    bool values = body->kind == SQL_BODY_VALUES;
    if (!target_columns(d, &columns, &count) || !columns_allowed(d, columns, count)) {
      return false;
    }
    if (values && body->row_count > 1000 && d->is_tsql) {
      (void)sql_fail(&d->s->context, 10738, d->stmt->line,
                     "The number of row value expressions in the INSERT statement exceeds the "
                     "maximum allowed number of 1000 row values.");
      return false;
    }
    if (values && body->row_count > 1 && has_default(body)) {
      (void)sql_unsupported(&d->s->context, d->stmt->line, "DEFAULT in one of several rows");
      return false;
    }
    if (values && body->row_count == 1 ? !plan_single_row(d, plan, columns, count)
                                       : !plan_query(d, plan, columns, count)) {
      return false;
    }
  }
  for (size_t i = 0; i < d->table->column_count; i++) {
    const catalog_column *c = &d->table->columns[i];
    bool own = c->identity || c->computed != NULL || c->type.kind == SQL_ROWVERSION;
    if (plan->cells[i] == NULL && !own && !put_cell(d, plan, i, bind_default(d, c))) {
      return false;
    }
  }
  return true;
}

static const char *plan_text(dml *d, const row_plan *plan) {
  const char *sql = "SELECT ";
  br_buf out;
  br_buf_init(&out, 1U << 28);
  br_status st = br_buf_text(&out, sql, NULL);
  for (size_t i = 0; i < d->table->column_count && st == BR_OK; i++) {
    st = br_buf_printf(&out, NULL, "%s%s", i == 0 ? "" : ", ",
                       plan->cells[i] == NULL ? "NULL" : plan->cells[i]);
  }
  if (st == BR_OK) {
    st = br_buf_text(&out, plan->from, NULL);
  }
  const char *text = st == BR_OK ? sql_copy(&d->s->context, (const char *)out.data, out.len) : NULL;
  br_buf_done(&out);
  return text != NULL || d->s->context.status != BR_OK ? text : sql_fail_memory(&d->s->context);
}

/* Every row of a query into the table; column i of the query is column i of the table, from
 * `first` on. rowid: column 0 is the rowid. */
static br_status write_rows(engine_session *s, engine_writer *w, const char *sql, bool with_rowid,
                            br_error *err) {
  sqlite3_stmt *rows = NULL;
  br_status st = engine_prepare(s, sql, &rows, err);
  while (st == BR_OK) {
    int rc = sqlite3_step(rows);
    if (rc != SQLITE_ROW) {
      st = rc == SQLITE_DONE ? BR_DONE : engine_step_failed(s, err);
      break;
    }
    int64_t rowid = with_rowid ? sqlite3_column_int64(rows, 0) : 0;
    for (size_t i = 0; i < w->table->column_count; i++) {
      w->row[i] = sql_value_of_column(rows, (int)i + with_rowid);
    }
    st = engine_writer_put(w, rowid, err);
  }
  (void)sqlite3_finalize(rows);
  return st == BR_DONE ? BR_OK : st;
}

/* A source that reads the table it fills is computed first. */
static br_status stage_if_needed(dml *d, const char **sql, br_error *err) {
  const char *marker = sql_text(&d->s->context, "%s AS ", d->table->physical);
  if (marker == NULL || strstr(*sql, marker) == NULL) {
    return BR_OK;
  }
  br_status st = run(d, sql_text(&d->s->context, "CREATE TABLE " STAGE " AS %s", *sql), err);
  *sql = "SELECT * FROM " STAGE;
  return st;
}

static br_status drop_stage(dml *d, br_error *err) {
  return run(d, "DROP TABLE IF EXISTS " STAGE, err);
}

static br_status insert_rows(dml *d, const char *sql, br_error *err) {
  engine_writer w;
  br_status st = stage_if_needed(d, &sql, err);
  if (st == BR_OK && d->stmt->overwrite) {
    st = run(d, sql_text(&d->s->context, "DELETE FROM %s", d->table->physical), err);
  }
  if (st != BR_OK) {
    return st;
  }
  st = engine_writer_open(d->s, d->table, explicit_identity(d), &w, err);
  if (st != BR_OK) {
    return st;
  }
  st = write_rows(d->s, &w, sql, false, err);
  if (st == BR_OK) {
    st = engine_writer_finish(&w, err);
  }
  engine_writer_done(&w);
  if (st == BR_OK) {
    st = drop_stage(d, err);
  }
  if (st == BR_OK) {
    d->s->rows_affected = (int64_t)w.count;
    st = engine_check_rows(d->s, d->table,
                           sql_text(&d->s->context, "rowid >= %lld", (long long)w.first_rowid),
                           "INSERT", err);
  }
  return st;
}

static br_status prepare_insert(dml *d, const char **ret_sql, br_error *err) {
  row_plan plan;
  d->s->statement_kind = "INSERT";
  if (!need_table(d, &d->stmt->target->name) || !make_plan(d, &plan)) {
    return failed(d, err);
  }
  *ret_sql = plan_text(d, &plan);
  return *ret_sql == NULL ? failed(d, err) : BR_OK;
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
static const char *bind_target(dml *d, sql_scope *scope, sql_source **ret_source) {
  const sql_stmt *stmt = d->stmt;
  const sql_name *name = &stmt->target->name;
  d->b.scope = scope;
  if (!bind_ctes(&d->b, stmt->ctes)) {
    return NULL;
  }
  if (stmt->from == NULL) {
    if (!need_table(d, name)) {
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
    if (!need_table(d, name)) {
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

static const char *where_text(dml *d) {
  if (d->stmt->where == NULL) {
    return "";
  }
  d->b.scope->clause = SQL_CLAUSE_WHERE;
  const char *sql = bind_condition(&d->b, d->stmt->where);
  return sql == NULL ? NULL : sql_text(&d->s->context, " WHERE %s", sql);
}

static const char *top_text(dml *d) {
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

/* ---- UPDATE ---- */

static int arithmetic_of(int op) {
  static const char operators[] = "+-*/%";
  return operators[op - SQL_OP_PLUS_SET];
}

static const catalog_column *assigned_column(dml *d, const sql_assignment *a) {
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

static bool bind_assignments(dml *d, const char **cells) {
  d->b.scope->clause = SQL_CLAUSE_SELECT;
  for (const sql_assignment *a = d->stmt->assignments; a != NULL; a = a->next) {
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
        a->value->kind == SQL_E_DEFAULT ? bind_default(d, c) : bind_value(&d->b, a->value);
    if (value != NULL && a->op != '=') {
      sql_bound *old = bind_column(&d->b, &a->column);
      value = bind_arithmetic(&d->b, arithmetic_of(a->op), old, value, d->stmt->line);
    }
    if (sql_has_aggregate(a->value)) {
      (void)sql_fail(&d->s->context, 157, d->stmt->line,
                     "An aggregate may not appear in the set list of an UPDATE statement.");
      return false;
    }
    const sql_bound *assigned = value == NULL ? NULL : assign(d, value, c);
    if (assigned == NULL) {
      return false;
    }
    cells[i] = assigned->sql;
  }
  return true;
}

/* The query of the new rows: rowid, then every column of the table. */
static const char *update_text(dml *d) {
  sql_scope scope = {0};
  sql_source *source = NULL;
  const char *from = bind_target(d, &scope, &source);
  const char *where = from == NULL ? NULL : where_text(d);
  const char *top = where == NULL ? NULL : top_text(d);
  if (top == NULL) {
    return NULL;
  }
  const char **cells = sql_new(&d->s->context, (d->table->column_count + 1) * sizeof *cells);
  if (cells == NULL || !bind_assignments(d, cells)) {
    return NULL;
  }
  const char *sql = sql_text(&d->s->context, "SELECT %s.rowid AS r", source->alias);
  for (size_t i = 0; i < d->table->column_count; i++) {
    const catalog_column *c = &d->table->columns[i];
    const char *cell = cells[i] != NULL ? cells[i]
                       : c->computed != NULL
                           ? "NULL"
                           : sql_text(&d->s->context, "%s.c%d", source->alias, c->id);
    sql = sql_text(&d->s->context, "%s, %s AS v%zu", sql, cell, i);
  }
  return sql_text(&d->s->context, "%s FROM %s%s%s", sql, from, where, top);
}

static const char *stage_definition(dml *d) {
  const char *sql = "CREATE TABLE " STAGE "(r INTEGER PRIMARY KEY";
  for (size_t i = 0; i < d->table->column_count; i++) {
    sql = sql_text(&d->s->context, "%s, v%zu", sql, i);
  }
  return sql_text(&d->s->context, "%s)", sql);
}

static br_status update_rows(dml *d, const char *sql, br_error *err) {
  engine_writer w;
  br_status st = run(d, stage_definition(d), err);
  if (st == BR_OK) {
    st = run(d, sql_text(&d->s->context, "INSERT OR IGNORE INTO " STAGE " %s", sql), err);
  }
  if (st == BR_OK) {
    st = run(d,
             sql_text(&d->s->context, "DELETE FROM %s WHERE rowid IN (SELECT r FROM " STAGE ")",
                      d->table->physical),
             err);
  }
  if (st == BR_OK) {
    st = engine_writer_open(d->s, d->table, true, &w, err);
  }
  if (st != BR_OK) {
    return st;
  }
  st = write_rows(d->s, &w, "SELECT * FROM " STAGE, true, err);
  engine_writer_done(&w);
  if (st == BR_OK) {
    d->s->rows_affected = (int64_t)w.count;
    st = engine_check_rows(d->s, d->table, "rowid IN (SELECT r FROM " STAGE ")", "UPDATE", err);
  }
  if (st == BR_OK) {
    st = engine_check_references(d->s, d->table, false, err);
  }
  return st == BR_OK ? drop_stage(d, err) : st;
}

/* ---- DELETE ---- */

static const char *delete_text(dml *d) {
  sql_scope scope = {0};
  sql_source *source = NULL;
  const char *from = bind_target(d, &scope, &source);
  const char *where = from == NULL ? NULL : where_text(d);
  const char *top = where == NULL ? NULL : top_text(d);
  if (top == NULL) {
    return NULL;
  }
  if (d->stmt->from == NULL && d->stmt->top == NULL) {
    return sql_text(&d->s->context, "DELETE FROM %s%s", from, where);
  }
  return sql_text(&d->s->context,
                  "DELETE FROM %s WHERE rowid IN (SELECT DISTINCT %s.rowid FROM %s%s%s)",
                  d->table->physical, source->alias, from, where, top);
}

static br_status delete_rows(dml *d, const char *sql, br_error *err) {
  br_status st = run(d, sql, err);
  if (st != BR_OK) {
    return st;
  }
  d->s->rows_affected = sqlite3_changes64(d->s->db);
  return engine_check_references(d->s, d->table, true, err);
}

/* ---- all of them ---- */

static br_status prepare_dml(dml *d, const char **ret_sql, br_error *err) {
  switch (d->stmt->kind) {
  case SQL_S_INSERT:
    return prepare_insert(d, ret_sql, err);
  case SQL_S_UPDATE:
    d->s->statement_kind = "UPDATE";
    *ret_sql = update_text(d);
    break;
  default:
    d->s->statement_kind = "DELETE";
    *ret_sql = delete_text(d);
    break;
  }
  return *ret_sql == NULL ? failed(d, err) : BR_OK;
}

static dml begin_dml(engine_session *s, const sql_stmt *stmt) {
  return (dml){
      .s = s, .stmt = stmt, .b = engine_binder(s), .is_tsql = s->owner->dialect == ENGINE_TSQL};
}

br_status engine_dml(engine_session *s, const sql_stmt *stmt, br_error *err) {
  dml d = begin_dml(s, stmt);
  const char *sql = NULL;
  br_status st = prepare_dml(&d, &sql, err);
  if (st != BR_OK) {
    return st;
  }
  if ((st = engine_write_begin(s, d.table->temporary, err)) != BR_OK) {
    return st;
  }
  switch (stmt->kind) {
  case SQL_S_INSERT:
    st = insert_rows(&d, sql, err);
    break;
  case SQL_S_UPDATE:
    st = update_rows(&d, sql, err);
    break;
  default:
    st = delete_rows(&d, sql, err);
    break;
  }
  br_status ended = engine_write_end(s, st == BR_OK, st == BR_OK ? err : NULL);
  st = st != BR_OK ? st : ended;
  if (st == BR_OK) {
    s->environment.rowcount = (int32_t)s->rows_affected;
  }
  return st;
}

br_status engine_insert_query(engine_session *s, const catalog_table *table,
                              const sql_bound_query *query, br_error *err) {
  engine_writer w;
  br_status st = engine_writer_open(s, table, true, &w, err);
  if (st != BR_OK) {
    return st;
  }
  st = write_rows(s, &w, query->sql, false, err);
  if (st == BR_OK) {
    st = engine_writer_finish(&w, err);
  }
  engine_writer_done(&w);
  s->rows_affected = (int64_t)w.count;
  s->environment.rowcount = (int32_t)w.count;
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
  case SQL_S_DELETE: {
    dml d = begin_dml(s, stmt);
    return prepare_dml(&d, &sql, err);
  }
  default:
    return BR_OK;
  }
}
