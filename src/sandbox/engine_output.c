/*
 * engine_output.c: OUTPUT inserted.x, deleted.y of INSERT, UPDATE and DELETE.
 *
 * The rows before and after the change are kept in two temporary tables with the columns of the
 * table and its rowid as r; the clause is a query over them that is read when the change is done.
 */
#include "sandbox/engine_dml.h"
#include "store/store.h"

#define INSERTED "temp.engine_inserted"
#define DELETED  "temp.engine_deleted"

static sql_source *add_side(engine_change *d, sql_scope *scope, const char *name) {
  sql_source *source = bind_table_source(&d->b, d->table, name, false);
  if (source == NULL) {
    return NULL;
  }
  if (scope->last == NULL) {
    scope->sources = source;
  } else {
    scope->last->next = source;
  }
  scope->last = source;
  return source;
}

bool output_prepare(engine_change *d) {
  sql_scope scope = {.clause = SQL_CLAUSE_SELECT, .qualified = true};
  sql_context *c = &d->s->context;
  bool inserts = d->stmt->kind != SQL_S_DELETE;
  bool deletes = d->stmt->kind != SQL_S_INSERT;
  sql_source *inserted = inserts ? add_side(d, &scope, "inserted") : NULL;
  sql_source *deleted = deletes ? add_side(d, &scope, "deleted") : NULL;
  if (d->table->column_count == 0 || (inserts && inserted == NULL) ||
      (deletes && deleted == NULL)) {
    return false;
  }
  const char *from =
      inserts && deletes
          ? sql_text(c, DELETED " AS %s JOIN " INSERTED " AS %s ON %s.r = %s.r", deleted->alias,
                     inserted->alias, deleted->alias, inserted->alias)
          : sql_text(c, "%s AS %s", inserts ? INSERTED : DELETED, scope.sources->alias);
  sql_scope *outer = d->b.scope;
  d->b.scope = &scope;
  bool good = from != NULL && bind_items_over(&d->b, d->stmt->output, from, &d->output);
  d->b.scope = outer;
  return good;
}

static br_status keep(engine_change *d, const char *table, const char *which, br_error *err) {
  br_status st = dml_run(d, sql_text(&d->s->context, "DROP TABLE IF EXISTS %s", table), err);
  return st != BR_OK ? st
                     : dml_run(d,
                               sql_text(&d->s->context,
                                        "CREATE TABLE %s AS SELECT rowid AS r, * FROM %s WHERE %s",
                                        table, d->table->physical, which),
                               err);
}

br_status output_keep_deleted(engine_change *d, const char *which, br_error *err) {
  return d->stmt->output == NULL ? BR_OK : keep(d, DELETED, which, err);
}

br_status output_keep_inserted(engine_change *d, const char *which, br_error *err) {
  return d->stmt->output == NULL ? BR_OK : keep(d, INSERTED, which, err);
}

void engine_output_done(engine_session *s) {
  if (s->has_output) {
    s->has_output = false;
    (void)!store_exec(s->db, "DROP TABLE IF EXISTS " INSERTED "; DROP TABLE IF EXISTS " DELETED,
                      NULL);
  }
}
