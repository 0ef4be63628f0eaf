/*
 * engine_insert.c: INSERT: which columns, what a row is made of, writing the rows.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/engine_dml.h"

/* T-SQL wants a list of columns for an identity's values. */
static bool takes_values(const engine_change *d, const catalog_column *c) {
  return c->computed == NULL && c->type.kind != SQL_ROWVERSION && !(c->identity && d->is_tsql);
}

bool dml_explicit_identity(const engine_change *d) {
  return !d->is_tsql ||
         d->s->identity_insert == (d->table->temporary ? -d->table->id : d->table->id);
}

/* Which columns a list names, in its order; without one all that take values. */
static bool named_columns(engine_change *d, const sql_names *names, size_t **ret_columns,
                          size_t *ret_count) {
  const catalog_table *t = d->table;
  size_t *columns = sql_new(&d->s->context, (t->column_count + 1) * sizeof *columns);
  size_t count = 0;
  if (columns == NULL) {
    return false;
  }
  for (const sql_names *n = names; n != NULL; n = n->next) {
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
  for (size_t i = 0; names == NULL && i < t->column_count; i++) {
    if (takes_values(d, &t->columns[i])) {
      columns[count++] = i;
    }
  }
  *ret_columns = columns;
  *ret_count = count;
  return true;
}

static bool has_identity(const catalog_table *table) {
  for (size_t i = 0; i < table->column_count; i++) {
    if (table->columns[i].identity) {
      return true;
    }
  }
  return false;
}

bool dml_identity_may_lack(engine_change *d) {
  if (!d->is_tsql || !dml_explicit_identity(d) || !has_identity(d->table)) {
    return true;
  }
  (void)sql_fail(&d->s->context, 545, d->stmt->line,
                 "Explicit value must be specified for identity column in table '%s' either when "
                 "IDENTITY_INSERT is set to ON or when a replication user is inserting into a NOT "
                 "FOR REPLICATION identity column.",
                 d->table->name);
  return false;
}

static bool columns_allowed(engine_change *d, const size_t *columns, size_t count,
                            bool *ret_identity) {
  *ret_identity = false;
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
    *ret_identity = *ret_identity || c->identity;
  }
  if (*ret_identity && !dml_explicit_identity(d)) {
    (void)sql_fail(&d->s->context, 544, d->stmt->line,
                   "Cannot insert explicit value for identity column in table '%s' when "
                   "IDENTITY_INSERT is set to OFF.",
                   d->table->name);
    return false;
  }
  return true;
}

bool dml_insert_columns(engine_change *d, const sql_names *names, size_t **ret_columns,
                        size_t *ret_count) {
  bool identity = false;
  return named_columns(d, names, ret_columns, ret_count) &&
         columns_allowed(d, *ret_columns, *ret_count, &identity) &&
         (names == NULL || identity || dml_identity_may_lack(d));
}

static bool wrong_width(engine_change *d, size_t wanted, size_t given) {
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
  } else if (d->stmt->names == NULL && given == wanted + 1 && has_identity(d->table)) {
    (void)sql_fail(c, 8101, d->stmt->line,
                   "An explicit value for the identity column in table '%s' can only be specified "
                   "when a column list is used and IDENTITY_INSERT is ON.",
                   d->table->name);
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

static bool put_cell(engine_change *d, row_plan *plan, size_t column, const sql_bound *value) {
  const sql_bound *assigned = dml_assign(d, value, &d->table->columns[column]);
  plan->cells[column] = assigned == NULL ? NULL : assigned->sql;
  return assigned != NULL;
}

/* A single row of VALUES: each value straight to its column. */
static bool plan_single_row(engine_change *d, row_plan *plan, const size_t *columns, size_t count) {
  const sql_row *row = d->stmt->query->body->rows;
  size_t i = 0;
  if (row->count != count) {
    return wrong_width(d, count, row->count);
  }
  for (const sql_expr *e = row->values; e != NULL; e = e->next, i++) {
    const catalog_column *c = &d->table->columns[columns[i]];
    if (c->identity && d->is_tsql && (e->kind == SQL_E_DEFAULT || e->kind == SQL_E_NULL)) {
      (void)sql_fail(&d->s->context, 339, d->stmt->line,
                     "DEFAULT or NULL are not allowed as explicit identity values.");
      return false;
    }
    sql_bound *value = e->kind == SQL_E_DEFAULT ? dml_bind_default(d, c) : bind_value(&d->b, e);
    if (value == NULL || !put_cell(d, plan, columns[i], value)) {
      return false;
    }
  }
  return true;
}

static bool plan_query(engine_change *d, row_plan *plan, const size_t *columns, size_t count) {
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

static bool make_plan(engine_change *d, row_plan *plan) {
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
    if (!dml_insert_columns(d, d->stmt->names, &columns, &count)) {
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
  if (d->stmt->names == NULL && !dml_identity_may_lack(d)) {
    return false;
  }
  for (size_t i = 0; i < d->table->column_count; i++) {
    const catalog_column *c = &d->table->columns[i];
    bool own = c->identity || c->computed != NULL || c->type.kind == SQL_ROWVERSION;
    if (plan->cells[i] == NULL && !own && !put_cell(d, plan, i, dml_bind_default(d, c))) {
      return false;
    }
  }
  return true;
}

static const char *plan_text(engine_change *d, const row_plan *plan) {
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
br_status dml_write_rows(engine_session *s, engine_writer *w, const char *sql, bool with_rowid,
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
static br_status stage_if_needed(engine_change *d, const char **sql, br_error *err) {
  const char *marker = sql_text(&d->s->context, "%s AS ", d->table->physical);
  if (marker == NULL || strstr(*sql, marker) == NULL) {
    return BR_OK;
  }
  br_status st =
      dml_run(d, sql_text(&d->s->context, "CREATE TABLE " ENGINE_STAGE " AS %s", *sql), err);
  *sql = "SELECT * FROM " ENGINE_STAGE;
  return st;
}

br_status dml_drop_stage(engine_change *d, br_error *err) {
  return dml_run(d, "DROP TABLE IF EXISTS " ENGINE_STAGE, err);
}

br_status dml_insert_rows(engine_change *d, const char *sql, br_error *err) {
  engine_writer w;
  br_status st = stage_if_needed(d, &sql, err);
  if (st == BR_OK && d->stmt->overwrite) {
    st = dml_run(d, sql_text(&d->s->context, "DELETE FROM %s", d->table->physical), err);
  }
  if (st != BR_OK) {
    return st;
  }
  st = engine_writer_open(d->s, d->table, dml_explicit_identity(d), &w, err);
  if (st != BR_OK) {
    return st;
  }
  w.ignores = true;
  st = dml_write_rows(d->s, &w, sql, false, err);
  if (st == BR_OK) {
    st = engine_writer_finish(&w, err);
  }
  engine_writer_done(&w);
  if (st == BR_OK) {
    st = dml_drop_stage(d, err);
  }
  if (st == BR_OK) {
    d->s->rows_affected = (int64_t)w.count;
    st = engine_check_rows(d->s, d->table,
                           sql_text(&d->s->context, "rowid >= %lld", (long long)w.first_rowid),
                           "INSERT", err);
  }
  if (st == BR_OK) {
    st = output_keep_inserted(
        d, sql_text(&d->s->context, "rowid >= %lld ORDER BY rowid", (long long)w.first_rowid), err);
  }
  return st;
}

br_status dml_prepare_insert(engine_change *d, const char **ret_sql, br_error *err) {
  row_plan plan;
  d->s->statement_kind = "INSERT";
  if (!dml_need_table(d, &d->stmt->target->name) || !make_plan(d, &plan)) {
    return dml_failed(d, err);
  }
  *ret_sql = plan_text(d, &plan);
  return *ret_sql == NULL ? dml_failed(d, err) : BR_OK;
}

br_status engine_insert_query(engine_session *s, const catalog_table *table,
                              const sql_bound_query *query, br_error *err) {
  engine_writer w;
  br_status st = engine_writer_open(s, table, true, &w, err);
  if (st != BR_OK) {
    return st;
  }
  st = dml_write_rows(s, &w, query->sql, false, err);
  if (st == BR_OK) {
    st = engine_writer_finish(&w, err);
  }
  engine_writer_done(&w);
  s->rows_affected = (int64_t)w.count;
  s->environment.rowcount = (int64_t)w.count;
  return st;
}
