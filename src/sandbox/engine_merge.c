/*
 * engine_merge.c: MERGE.
 *
 * Each WHEN clause is a query of the rows that it takes: of the pairs that match, of the source
 * rows or target rows without a partner, less those that an earlier clause of its kind takes. All
 * are computed into one stage (a: clause, r: the target's rowid, v…: the new row) before the first
 * change.
 */
#include <string.h>

#include "base/text.h"
#include "sandbox/engine_dml.h"

typedef struct merge {
  engine_change *d;
  sql_scope scope;
  sql_source *target, *first_of_source, *last_of_source;
  const char *source_from, *target_from, *on;
} merge;

/* ---- what each side sees ---- */

/* Leaves in the scope what a kind of clause sees: both sides, the source or the target. */
static void see(merge *m, sql_merge_match match) {
  bool source = match != SQL_MERGE_NOT_MATCHED_BY_SOURCE;
  bool target = match != SQL_MERGE_NOT_MATCHED;
  m->scope.sources = source ? m->first_of_source : m->target;
  m->last_of_source->next = target ? m->target : NULL;
  m->scope.last = target ? m->target : m->last_of_source;
}

static bool bind_sides(merge *m) {
  engine_change *d = m->d;
  d->b.scope = &m->scope;
  if (!bind_ctes(&d->b, d->stmt->ctes)) {
    return false;
  }
  m->source_from = bind_from(&d->b, d->stmt->from);
  if (m->source_from == NULL || !dml_need_table(d, &d->stmt->target->name)) {
    return false;
  }
  m->first_of_source = m->scope.sources;
  m->last_of_source = m->scope.last;
  m->target_from = bind_from(&d->b, d->stmt->target);
  if (m->target_from == NULL) {
    return false;
  }
  m->target = m->last_of_source->next;
  m->scope.clause = SQL_CLAUSE_ON;
  m->on = bind_condition(&d->b, d->stmt->where);
  return m->on != NULL;
}

/* ---- what a clause makes of a row ---- */

/* SET * and INSERT *: each column from the source's of its name. */
static bool bind_star(merge *m, const char **cells) {
  engine_change *d = m->d;
  sql_merge_match seen = m->scope.last == m->target ? SQL_MERGE_MATCHED : SQL_MERGE_NOT_MATCHED;
  bool good = true;
  see(m, SQL_MERGE_NOT_MATCHED);
  for (size_t i = 0; i < d->table->column_count && good; i++) {
    const catalog_column *c = &d->table->columns[i];
    const sql_name name = {.parts = {c->name}, .count = 1, .line = d->stmt->line};
    sql_bound *value = bind_column(&d->b, &name);
    const sql_bound *assigned = value == NULL ? NULL : dml_assign(d, value, c);
    cells[i] = assigned == NULL ? NULL : assigned->sql;
    good = assigned != NULL;
  }
  see(m, seen);
  return good;
}

static bool wrong_width(engine_change *d, size_t wanted, size_t given) {
  (void)(d->is_tsql
             ? sql_fail(&d->s->context, given < wanted ? 109 : 110, d->stmt->line,
                        "There are %s columns in the INSERT statement than values specified in the "
                        "VALUES clause. The number of values in the VALUES clause must match the "
                        "number of columns specified in the INSERT statement.",
                        given < wanted ? "more" : "fewer")
             : sql_fail_condition(&d->s->context, "INSERT_COLUMN_ARITY_MISMATCH", "21S01",
                                  "The INSERT of a MERGE names %zu columns and %zu values.", wanted,
                                  given));
  return false;
}

static bool bind_insert(merge *m, const sql_merge_clause *clause, const char **cells) {
  engine_change *d = m->d;
  size_t *columns = NULL;
  size_t count = 0;
  size_t i = 0;
  if (!dml_insert_columns(d, clause->names, &columns, &count)) {
    return false;
  }
  if (count != clause->row->count) {
    return wrong_width(d, count, clause->row->count);
  }
  for (const sql_expr *e = clause->row->values; e != NULL; e = e->next, i++) {
    const catalog_column *c = &d->table->columns[columns[i]];
    sql_bound *value = e->kind == SQL_E_DEFAULT ? dml_bind_default(d, c) : bind_value(&d->b, e);
    const sql_bound *assigned = value == NULL ? NULL : dml_assign(d, value, c);
    if (assigned == NULL) {
      return false;
    }
    cells[columns[i]] = assigned->sql;
  }
  return clause->names != NULL || dml_identity_may_lack(d);
}

/* Columns that an INSERT leaves out have their defaults. */
static bool fill_defaults(engine_change *d, const char **cells) {
  for (size_t i = 0; i < d->table->column_count; i++) {
    const catalog_column *c = &d->table->columns[i];
    if (cells[i] != NULL || c->identity || c->computed != NULL) {
      continue;
    }
    sql_bound *value = dml_bind_default(d, c);
    const sql_bound *assigned = value == NULL ? NULL : dml_assign(d, value, c);
    if (assigned == NULL) {
      return false;
    }
    cells[i] = assigned->sql;
  }
  return true;
}

static bool bind_action(merge *m, const sql_merge_clause *clause, const char **cells) {
  m->scope.clause = SQL_CLAUSE_SELECT;
  if (clause->insert) {
    return (clause->star ? bind_star(m, cells) : bind_insert(m, clause, cells)) &&
           fill_defaults(m->d, cells);
  }
  if (clause->update) {
    return clause->star ? bind_star(m, cells)
                        : dml_bind_assignments(m->d, clause->assignments, cells);
  }
  return true;
}

/* ---- which rows it takes ---- */

/* Its own condition, and none of the earlier ones of its kind. */
static const char *bind_taken(merge *m, const sql_merge_clause *clause) {
  sql_context *c = &m->d->s->context;
  const char *sql = "1";
  m->scope.clause = SQL_CLAUSE_WHERE;
  for (const sql_merge_clause *k = m->d->stmt->clauses; sql != NULL; k = k->next) {
    if (k->match != clause->match && k != clause) {
      continue;
    }
    if (k != clause && k->condition == NULL) {
      return sql_fail_condition(
          c,
          k->match == SQL_MERGE_MATCHED ? "NON_LAST_MATCHED_CLAUSE_OMIT_CONDITION"
          : k->match == SQL_MERGE_NOT_MATCHED
              ? "NON_LAST_NOT_MATCHED_BY_TARGET_CLAUSE_OMIT_CONDITION"
              : "NON_LAST_NOT_MATCHED_BY_SOURCE_CLAUSE_OMIT_CONDITION",
          "42613",
          "When there are more than one clauses of a kind in a MERGE statement, only the last one "
          "can omit the condition.");
    }
    const char *condition = k->condition == NULL ? "1" : bind_condition(&m->d->b, k->condition);
    if (condition == NULL) {
      return NULL;
    }
    if (k == clause) {
      return sql_text(c, "%s AND %s", sql, condition);
    }
    sql = sql_text(c, "%s AND NOT ifnull(%s,0)", sql, condition);
  }
  return NULL;
}

static const char *rows_text(merge *m, sql_merge_match match) {
  sql_context *c = &m->d->s->context;
  switch (match) {
  case SQL_MERGE_MATCHED:
    return sql_text(c, "%s JOIN %s ON %s WHERE 1", m->source_from, m->target_from, m->on);
  case SQL_MERGE_NOT_MATCHED:
    return sql_text(c, "%s LEFT JOIN %s ON %s WHERE %s.rowid IS NULL", m->source_from,
                    m->target_from, m->on, m->target->alias);
  default:
    return sql_text(c, "%s WHERE %s.rowid NOT IN (SELECT %s.rowid FROM %s JOIN %s ON %s)",
                    m->target_from, m->target->alias, m->target->alias, m->source_from,
                    m->target_from, m->on);
  }
}

static const char *clause_text(merge *m, const sql_merge_clause *clause, size_t number) {
  engine_change *d = m->d;
  sql_context *c = &d->s->context;
  const char **cells = sql_new(c, (d->table->column_count + 1) * sizeof *cells);
  see(m, clause->match);
  const char *taken = cells == NULL ? NULL : bind_taken(m, clause);
  bool good = taken != NULL && bind_action(m, clause, cells);
  see(m, SQL_MERGE_MATCHED);
  if (!good) {
    return NULL;
  }
  const char *rowid =
      clause->match == SQL_MERGE_NOT_MATCHED ? "NULL" : sql_text(c, "%s.rowid", m->target->alias);
  const char *sql = sql_text(c, "SELECT %zu, %s", number, rowid);
  for (size_t i = 0; i < d->table->column_count && sql != NULL; i++) {
    const catalog_column *column = &d->table->columns[i];
    const char *cell = cells[i] != NULL ? cells[i]
                       : column->computed != NULL || !clause->update
                           ? "NULL"
                           : sql_text(c, "%s.c%d", m->target->alias, column->id);
    sql = sql_text(c, "%s, %s", sql, cell);
  }
  return sql == NULL ? NULL
                     : sql_text(c, "%s FROM %s AND %s", sql, rows_text(m, clause->match), taken);
}

/* The texts of all clauses; NULL after a failure. */
static const char **bind_merge(engine_change *d) {
  merge m = {.d = d};
  size_t count = 0;
  for (const sql_merge_clause *k = d->stmt->clauses; k != NULL; k = k->next) {
    count++;
  }
  d->s->statement_kind = "MERGE";
  const char **texts = sql_new(&d->s->context, (count + 1) * sizeof *texts);
  if (texts == NULL || !bind_sides(&m)) {
    return NULL;
  }
  count = 0;
  for (const sql_merge_clause *k = d->stmt->clauses; k != NULL; k = k->next, count++) {
    texts[count] = clause_text(&m, k, count);
    if (texts[count] == NULL) {
      return NULL;
    }
  }
  return texts;
}

bool merge_prepare(engine_change *d) {
  d->texts = bind_merge(d);
  return d->texts != NULL;
}

/* ---- changes ---- */

static br_status fill_stage(engine_change *d, const char *const *texts, br_error *err) {
  const char *sql = "CREATE TABLE " ENGINE_STAGE "(a INTEGER, r INTEGER";
  for (size_t i = 0; i < d->table->column_count; i++) {
    sql = sql_text(&d->s->context, "%s, v%zu", sql, i);
  }
  br_status st = dml_run(d, sql_text(&d->s->context, "%s)", sql), err);
  for (size_t i = 0; texts[i] != NULL && st == BR_OK; i++) {
    st = dml_run(d, sql_text(&d->s->context, "INSERT INTO " ENGINE_STAGE " %s", texts[i]), err);
  }
  return st;
}

/* A target row may be changed once; a plain DELETE may take it twice. */
static br_status check_matches(engine_change *d, br_error *err) {
  const sql_merge_clause *matched = NULL;
  size_t count = 0;
  for (const sql_merge_clause *k = d->stmt->clauses; k != NULL; k = k->next) {
    matched = k->match == SQL_MERGE_MATCHED ? k : matched;
    count += k->match == SQL_MERGE_MATCHED;
  }
  sqlite3_stmt *stmt = NULL;
  if (count == 1 && !matched->update && matched->condition == NULL && !d->is_tsql) {
    return BR_OK;
  }
  br_status st = engine_prepare(d->s,
                                "SELECT 1 FROM " ENGINE_STAGE
                                " WHERE r IS NOT NULL GROUP BY r HAVING count(*) > 1 LIMIT 1",
                                &stmt, err);
  if (st != BR_OK) {
    return st;
  }
  int rc = sqlite3_step(stmt);
  (void)sqlite3_finalize(stmt);
  if (rc == SQLITE_DONE) {
    return BR_OK;
  }
  if (rc != SQLITE_ROW) {
    return engine_step_failed(d->s, err);
  }
  if (d->is_tsql) {
    sql_error_set(&d->s->error, 8672, 16,
                  "The MERGE statement attempted to UPDATE or DELETE the same row more than once. "
                  "This happens when a target row matches more than one source row. A MERGE "
                  "statement cannot UPDATE/DELETE the same row of the target table multiple times. "
                  "Refine the ON clause to ensure a target row matches at most one source row, or "
                  "use the GROUP BY clause to group the source rows.");
  } else {
    sql_error_condition(&d->s->error, "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
                        "21506",
                        "Cannot perform Merge as multiple source rows matched and attempted to "
                        "modify the same target row in the Delta table in possibly conflicting "
                        "ways.");
  }
  return br_error_set(err, BR_ERR_REMOTE, "%s", d->s->error.message);
}

/* "a IN (0, 2)": the clauses that do this. */
static const char *clauses_text(engine_change *d, bool update, bool insert) {
  const char *sql = "a IN (-1";
  size_t i = 0;
  for (const sql_merge_clause *k = d->stmt->clauses; k != NULL && sql != NULL; k = k->next, i++) {
    if (k->update == update && k->insert == insert) {
      sql = sql_text(&d->s->context, "%s,%zu", sql, i);
    }
  }
  return sql == NULL ? NULL : sql_text(&d->s->context, "%s)", sql);
}

static br_status remove_old(engine_change *d, const char *which, int64_t *ret_count,
                            br_error *err) {
  br_status st =
      dml_run(d,
              sql_text(&d->s->context,
                       "DELETE FROM %s WHERE rowid IN (SELECT r FROM " ENGINE_STAGE " WHERE %s)",
                       d->table->physical, which),
              err);
  *ret_count = st == BR_OK ? sqlite3_changes64(d->s->db) : 0;
  return st;
}

/* Rows of the stage into the table, under their rowids or new ones; then the constraints. */
static br_status write_rows(engine_change *d, const char *which, bool updates, br_error *err) {
  engine_writer w;
  sql_context *c = &d->s->context;
  const char *columns = updates ? "r" : "";
  for (size_t i = 0; i < d->table->column_count && columns != NULL; i++) {
    columns = sql_text(c, "%s%sv%zu", columns, columns[0] == '\0' ? "" : ", ", i);
  }
  br_status st = engine_writer_open(d->s, d->table, updates || dml_explicit_identity(d), &w, err);
  if (st != BR_OK) {
    return st;
  }
  st = dml_write_rows(d->s, &w,
                      sql_text(c, "SELECT %s FROM " ENGINE_STAGE " WHERE %s", columns, which),
                      updates, err);
  if (st == BR_OK && !updates) {
    st = engine_writer_finish(&w, err);
  }
  engine_writer_done(&w);
  if (st != BR_OK) {
    return st;
  }
  *(updates ? &d->s->merged.updated : &d->s->merged.inserted) = (int64_t)w.count;
  return engine_check_rows(
      d->s, d->table,
      updates ? sql_text(c, "rowid IN (SELECT r FROM " ENGINE_STAGE " WHERE %s)", which)
              : sql_text(c, "rowid >= %lld", (long long)w.first_rowid),
      "MERGE", err);
}

static br_status change_rows(engine_change *d, br_error *err) {
  engine_merge_counts *n = &d->s->merged;
  int64_t old = 0;
  const char *deletes = clauses_text(d, false, false);
  const char *updates = clauses_text(d, true, false);
  const char *inserts = clauses_text(d, false, true);
  if (deletes == NULL || updates == NULL || inserts == NULL) {
    return dml_failed(d, err);
  }
  br_status st = remove_old(d, deletes, &n->deleted, err);
  if (st == BR_OK && n->deleted > 0) {
    st = engine_check_references(d->s, d->table, true, err);
  }
  if (st == BR_OK) {
    st = remove_old(d, updates, &old, err);
  }
  if (st == BR_OK) {
    st = write_rows(d, updates, true, err);
  }
  if (st == BR_OK) {
    st = write_rows(d, inserts, false, err);
  }
  if (st == BR_OK) {
    st = engine_check_references(d->s, d->table, false, err);
  }
  return st;
}

br_status engine_merge(engine_change *d, br_error *err) {
  d->s->merged = (engine_merge_counts){0};
  br_status st = fill_stage(d, d->texts, err);
  if (st == BR_OK) {
    st = check_matches(d, err);
  }
  if (st == BR_OK) {
    st = change_rows(d, err);
  }
  if (st == BR_OK) {
    st = dml_drop_stage(d, err);
  }
  const engine_merge_counts *n = &d->s->merged;
  d->s->rows_affected = n->updated + n->deleted + n->inserted;
  return st;
}
