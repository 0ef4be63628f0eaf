/*
 * engine_check.c: CHECK and FOREIGN KEY, looked at when a statement has done all its rows, as SQL
 * Server does.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/engine_internal.h"
#include "sandbox/sql/parser.h"

/* Whether a query has a row. */
static br_status has_row(engine_session *s, const char *sql, bool *ret_found, br_error *err) {
  sqlite3_stmt *stmt = NULL;
  br_status st = engine_prepare(s, sql, &stmt, err);
  if (st != BR_OK) {
    return st;
  }
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    st = engine_step_failed(s, err);
  }
  *ret_found = rc == SQLITE_ROW;
  (void)sqlite3_finalize(stmt);
  return st;
}

static br_status conflict(engine_session *s, const char *verb, const char *what, const char *name,
                          const catalog_table *where, const char *column, br_error *err) {
  const char *table = engine_table_name(&s->context, where);
  if (s->owner->dialect == ENGINE_DATABRICKS) {
    sql_error_condition(&s->error, "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001",
                        "CHECK constraint %s violated by row with values.", name);
  } else {
    sql_error_set(
        &s->error, 547, 16,
        "The %s statement conflicted with the %s constraint \"%s\". The conflict occurred "
        "in database \"%s\", table \"%s\"%s%s%s.",
        verb, what, name, where->database, table == NULL ? "" : table,
        column == NULL ? "" : ", column '", column == NULL ? "" : column,
        column == NULL ? "" : "'");
    s->error.state = 0;
  }
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

/* The condition of a CHECK over the table under its alias. */
static const char *bind_check(engine_session *s, const catalog_table *table,
                              const catalog_check *check, const char **ret_from) {
  sql_expr *expr = NULL;
  sql_context inner = {.dialect = s->owner->dialect,
                       .arena = &s->statement_arena,
                       .text = check->text,
                       .length = strlen(check->text),
                       .quoted_identifier = true};
  if (sql_parse_expression(&inner, &expr) != BR_OK) {
    s->context.status = inner.status;
    s->context.error = inner.error;
    return NULL;
  }
  sql_binder b = engine_binder(s);
  sql_source *source = bind_table_source(&b, table, table->name, true);
  if (source == NULL) {
    return NULL;
  }
  sql_scope scope = {.sources = source, .last = source, .clause = SQL_CLAUSE_WHERE};
  b.scope = &scope;
  *ret_from = sql_text(&s->context, "%s AS %s", table->physical, source->alias);
  return bind_condition(&b, expr);
}

static br_status check_checks(engine_session *s, const catalog_table *table, const char *which,
                              const char *verb, br_error *err) {
  for (size_t i = 0; i < table->check_count; i++) {
    const char *from = NULL;
    const char *condition = bind_check(s, table, &table->checks[i], &from);
    bool found = false;
    if (condition == NULL || from == NULL) {
      return engine_context_failed(s, err);
    }
    br_status st = has_row(s,
                           sql_text(&s->context, "SELECT 1 FROM %s WHERE %s AND NOT %s LIMIT 1",
                                    from, which, condition),
                           &found, err);
    if (st != BR_OK) {
      return st;
    }
    if (found) {
      return conflict(s, verb, "CHECK", table->checks[i].name, table, NULL, err);
    }
  }
  return BR_OK;
}

/* "k.c1 = p.c4 AND …" and "k.c1 IS NOT NULL AND …" of a foreign key. */
static const char *join_text(engine_session *s, const catalog_foreign *f, bool not_null) {
  const char *sql = "";
  for (size_t i = 0; i < f->column_count && sql != NULL; i++) {
    sql = not_null ? sql_text(&s->context, "%s%sk.c%d IS NOT NULL", sql, i == 0 ? "" : " AND ",
                              f->columns[i])
                   : sql_text(&s->context, "%s%sp.c%d = k.c%d", sql, i == 0 ? "" : " AND ",
                              f->target_columns[i], f->columns[i]);
  }
  return sql;
}

static catalog_table *other_table(engine_session *s, const catalog_table *table, int64_t id) {
  if (id == table->id) {
    return (catalog_table *)table;
  }
  return catalog_find_id(&s->context, s->db, id);
}

static const char *first_column(const catalog_table *table, const int *columns, size_t count) {
  const catalog_column *c = catalog_column_id(table, abs(columns[0]));
  return count == 1 && c != NULL ? c->name : NULL;
}

br_status engine_check_rows(engine_session *s, const catalog_table *table, const char *which,
                            const char *verb, br_error *err) {
  br_status st = check_checks(s, table, which, verb, err);
  for (size_t i = 0; i < table->foreign_count && st == BR_OK; i++) {
    const catalog_foreign *f = &table->foreigns[i];
    const catalog_table *target = other_table(s, table, f->target_id);
    bool found = false;
    if (target == NULL) {
      return engine_context_failed(s, err);
    }
    st =
        has_row(s,
                sql_text(&s->context,
                         "SELECT 1 FROM %s AS k WHERE k.%s AND %s AND NOT EXISTS (SELECT 1 FROM %s "
                         "AS p WHERE %s) LIMIT 1",
                         table->physical, which, join_text(s, f, true), target->physical,
                         join_text(s, f, false)),
                &found, err);
    if (st == BR_OK && found) {
      bool same = target->id == table->id;
      return conflict(s, verb, same ? "FOREIGN KEY SAME TABLE" : "FOREIGN KEY", f->name, target,
                      first_column(target, f->target_columns, f->column_count), err);
    }
  }
  return st;
}

/* Children without their parent: they go too, forget it, or stop the statement. */
static br_status settle(engine_session *s, const catalog_table *table, const catalog_foreign *f,
                        bool deleted, int depth, br_error *err);

static br_status settle_all(engine_session *s, const catalog_table *table, bool deleted, int depth,
                            br_error *err) {
  size_t count = 0;
  br_status st = BR_OK;
  catalog_foreign *foreigns = catalog_references(&s->context, table, s->db, &count);
  if (s->context.status != BR_OK) {
    return engine_context_failed(s, err);
  }
  if (depth > 32) {
    return br_error_set(err, BR_ERR_LIMIT, "Foreign keys cascade through more than 32 tables");
  }
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    st = settle(s, table, &foreigns[i], deleted, depth, err);
  }
  return st;
}

/* ON … SET NULL: what the children's own keys, checks and children say to it. */
static br_status forget_parent(engine_session *s, const catalog_table *child,
                               const catalog_foreign *f, const char *orphans, bool deleted,
                               int depth, br_error *err) {
  const char *set = "";
  const char *which = "";
  for (size_t i = 0; i < f->column_count; i++) {
    set = sql_text(&s->context, "%s%sc%d = NULL", set, i == 0 ? "" : ", ", f->columns[i]);
    which = sql_text(&s->context, "%s%sc%d IS NULL", which, i == 0 ? "" : " AND ", f->columns[i]);
  }
  sqlite3_stmt *update = NULL;
  br_status st = engine_prepare(
      s,
      sql_text(&s->context, "UPDATE %s SET %s WHERE rowid IN (%s)", child->physical, set, orphans),
      &update, err);
  if (st == BR_OK && sqlite3_step(update) != SQLITE_DONE) {
    st = engine_key_refused(s, child, err);
  }
  (void)sqlite3_finalize(update);
  if (st == BR_OK) {
    st = check_checks(s, child, which, deleted ? "DELETE" : "UPDATE", err);
  }
  return st == BR_OK ? settle_all(s, child, false, depth + 1, err) : st;
}

static br_status settle(engine_session *s, const catalog_table *table, const catalog_foreign *f,
                        bool deleted, int depth, br_error *err) {
  const catalog_table *child = other_table(s, table, f->table_id);
  bool found = false;
  if (child == NULL) {
    return engine_context_failed(s, err);
  }
  const char *orphans =
      sql_text(&s->context,
               "SELECT k.rowid FROM %s AS k WHERE %s AND NOT EXISTS (SELECT 1 FROM %s AS p WHERE "
               "%s)",
               child->physical, join_text(s, f, true), table->physical, join_text(s, f, false));
  br_status st = has_row(s, sql_text(&s->context, "%s LIMIT 1", orphans), &found, err);
  if (st != BR_OK || !found) {
    return st;
  }
  sql_fk_action action = deleted ? f->on_delete : f->on_update;
  if (action == SQL_FK_CASCADE && deleted) {
    if (!catalog_run(
            &s->context, s->db,
            sql_text(&s->context, "DELETE FROM %s WHERE rowid IN (%s)", child->physical, orphans),
            "")) {
      return engine_context_failed(s, err);
    }
    return settle_all(s, child, true, depth + 1, err);
  }
  if (action == SQL_FK_SET_NULL) {
    return forget_parent(s, child, f, orphans, deleted, depth, err);
  }
  return conflict(s, deleted ? "DELETE" : "UPDATE",
                  child->id == table->id ? "SAME TABLE REFERENCE" : "REFERENCE", f->name, child,
                  first_column(child, f->columns, f->column_count), err);
}

br_status engine_check_references(engine_session *s, const catalog_table *table, bool deleted,
                                  br_error *err) {
  return table->referenced == 0 ? BR_OK : settle_all(s, table, deleted, 0, err);
}
