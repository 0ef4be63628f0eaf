/*
 * engine_alter.c: ALTER TABLE, CREATE INDEX.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/engine_table.h"

static br_status open_table(engine_table_maker *m, const sql_name *name, catalog_table **ret_table,
                            br_error *err) {
  catalog_table *table = catalog_need(m->c, &m->b.names, name);
  if (table != NULL && table->kind != 'U') {
    (void)sql_unsupported(m->c, name->line, "Changing a view");
  }
  if (table == NULL || m->c->status != BR_OK) {
    return engine_context_failed(m->s, err);
  }
  m->id = table->id;
  m->temporary = table->temporary;
  m->schema = table->temporary ? "temp" : "main";
  m->name = table->name;
  m->schema_name = table->schema;
  m->database = table->database;
  *ret_table = table;
  return BR_OK;
}

/* Existing rows get NULL; where that is not allowed, the default. */
static bool add_column(engine_table_maker *m, const sql_stmt *stmt, const catalog_table *table,
                       catalog_column *columns, size_t count, const sql_column_def *def) {
  catalog_column *c = &columns[count];
  if (!table_make_column(m, stmt, def, columns, count)) {
    return false;
  }
  sqlite3_stmt *next =
      catalog_prepare(m->c, m->s->db,
                      sql_text(m->c,
                               "UPDATE %s.c_object SET next_column = next_column + 1 WHERE id = ?"
                               " RETURNING next_column - 1",
                               m->schema),
                      "i", m->id);
  if (next == NULL) {
    return false;
  }
  c->id = sqlite3_step(next) == SQLITE_ROW ? sqlite3_column_int(next, 0) : (int)count + 1;
  (void)sqlite3_finalize(next);
  if (!table_insert_column(m, c)) {
    return false;
  }
  if (c->computed != NULL) {
    return true;
  }
  if (!table_run(m, sql_text(m->c, "ALTER TABLE %s ADD COLUMN %s", table->physical,
                             table_physical_column(m, c)))) {
    return false;
  }
  if (c->identity) {
    (void)sql_unsupported(m->c, def->line, "Adding an identity column");
    return false;
  }
  if (c->nullable) {
    return true;
  }
  if (def->default_expr == NULL) {
    sqlite3_stmt *rows = catalog_prepare(
        m->c, m->s->db, sql_text(m->c, "SELECT 1 FROM %s LIMIT 1", table->physical), "");
    bool any = rows != NULL && sqlite3_step(rows) == SQLITE_ROW;
    (void)sqlite3_finalize(rows);
    if (any) {
      (void)sql_fail(
          m->c, 4901, def->line,
          "ALTER TABLE only allows columns to be added that can contain nulls, or have a "
          "DEFAULT definition specified, or the column being added is an identity or "
          "timestamp column, or alternatively if none of the previous conditions are "
          "satisfied the table must be empty to allow addition of this column. Column "
          "'%s' cannot be added to non-empty table '%s' because it does not satisfy "
          "these conditions.",
          def->name, m->name);
    }
    return !any;
  }
  sql_bound *value = bind_value(&m->b, def->default_expr);
  value = value == NULL ? NULL : bind_assign(&m->b, value, &c->type, m->name, c->name, def->line);
  return value != NULL &&
         table_run(m, sql_text(m->c, "UPDATE %s SET c%d = %s", table->physical, c->id, value->sql));
}

static br_status alter_add(engine_table_maker *m, const sql_stmt *stmt, const catalog_table *table,
                           br_error *err) {
  size_t more = 0;
  for (const sql_column_def *def = stmt->columns; def != NULL; def = def->next) {
    more++;
  }
  catalog_column *columns = sql_new(m->c, (table->column_count + more + 1) * sizeof *columns);
  if (columns == NULL) {
    return engine_context_failed(m->s, err);
  }
  memcpy(columns, table->columns, table->column_count * sizeof *columns);
  size_t count = table->column_count;
  for (const sql_column_def *def = stmt->columns; def != NULL; def = def->next) {
    if (!add_column(m, stmt, table, columns, count, def)) {
      return engine_context_failed(m->s, err);
    }
    count++;
  }
  if (!table_add_constraints(m, stmt, columns, count)) {
    return engine_context_failed(m->s, err);
  }
  catalog_table *changed = catalog_need(m->c, &m->b.names, &stmt->name);
  return changed == NULL ? engine_context_failed(m->s, err)
                         : engine_check_rows(m->s, changed, "rowid > 0", "ALTER TABLE", err);
}

static bool drop_named(engine_table_maker *m, const catalog_table *table, const char *name,
                       bool constraint) {
  if (!constraint) {
    const catalog_column *c = catalog_column_named(table, name);
    if (c == NULL) {
      (void)(m->is_tsql ? sql_fail(m->c, 4924, 1,
                                   "ALTER TABLE DROP COLUMN failed because column '%s' does not "
                                   "exist in table '%s'.",
                                   name, table->name)
                        : sql_fail_condition(m->c, "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703",
                                             "A column with name `%s` cannot be resolved.", name));
      return false;
    }
    for (size_t i = 0; i < table->index_count; i++) {
      for (size_t j = 0; j < table->indexes[i].column_count; j++) {
        if (abs(table->indexes[i].columns[j]) == c->id) {
          (void)sql_fail(m->c, 5074, 1, "The object '%s' is dependent on column '%s'.",
                         table->indexes[i].name, name);
          return false;
        }
      }
    }
    return catalog_run(
               m->c, m->s->db,
               sql_text(m->c, "DELETE FROM %s.c_column WHERE object_id = ? AND id = ?", m->schema),
               "ii", table->id, (int64_t)c->id) &&
           (c->computed != NULL ||
            table_run(m, sql_text(m->c, "ALTER TABLE %s DROP COLUMN c%d", table->physical, c->id)));
  }
  for (size_t i = 0; i < table->index_count; i++) {
    const catalog_index *x = &table->indexes[i];
    if (br_text_equal_nocase(x->name, name)) {
      return table_run(m, sql_text(m->c, "DROP INDEX %s.i%lld", m->schema, (long long)x->id)) &&
             table_run(m, sql_text(m->c, "DROP INDEX IF EXISTS %s.i%lldn", m->schema,
                                   (long long)x->id)) &&
             table_run(m, sql_text(m->c, "DELETE FROM %s.c_index WHERE id = %lld", m->schema,
                                   (long long)x->id));
    }
  }
  int before = sqlite3_total_changes(m->s->db);
  bool good =
      catalog_run(
          m->c, m->s->db,
          sql_text(m->c, "DELETE FROM %s.c_check WHERE object_id = ? AND name = ?", m->schema),
          "is", table->id, name) &&
      catalog_run(
          m->c, m->s->db,
          sql_text(m->c, "DELETE FROM %s.c_foreign WHERE object_id = ? AND name = ?", m->schema),
          "is", table->id, name) &&
      catalog_run(m->c, m->s->db,
                  sql_text(m->c,
                           "UPDATE %s.c_column SET default_text = NULL, default_name = NULL WHERE"
                           " object_id = ? AND default_name = ?",
                           m->schema),
                  "is", table->id, name);
  if (good && sqlite3_total_changes(m->s->db) == before) {
    (void)sql_fail(m->c, 3728, 1, "'%s' is not a constraint.", name);
    return false;
  }
  return good;
}

/* Values go through the assignment to the new type, so that none changes silently. */
static br_status alter_column(engine_table_maker *m, const sql_stmt *stmt,
                              const catalog_table *table, br_error *err) {
  const sql_column_def *def = stmt->columns;
  const catalog_column *old = def == NULL ? NULL : catalog_column_named(table, def->name);
  sql_type type;
  if (old == NULL) {
    (void)sql_fail(m->c, 4924, stmt->line,
                   "ALTER TABLE ALTER COLUMN failed because column '%s' does not exist in table "
                   "'%s'.",
                   def == NULL ? "" : def->name, table->name);
    return engine_context_failed(m->s, err);
  }
  if (!bind_type(&m->b, def->type, false, &type)) {
    return engine_context_failed(m->s, err);
  }
  if (sql_type_is_text(type.kind) && sql_type_is_text(old->type.kind)) {
    type.collation = old->type.collation;
  }
  if (strcmp(sql_type_collate(&type), sql_type_collate(&old->type)) != 0) {
    (void)sql_unsupported(m->c, stmt->line, "ALTER COLUMN to another kind of characters");
    return engine_context_failed(m->s, err);
  }
  sql_bound *value = bind_new(&m->b, old->type, old->nullable, sql_text(m->c, "c%d", old->id));
  value = bind_assign(&m->b, value, &type, m->name, old->name, stmt->line);
  if (value == NULL) {
    return engine_context_failed(m->s, err);
  }
  sqlite3_stmt *update = NULL;
  br_status st = engine_prepare(
      m->s, sql_text(m->c, "UPDATE %s SET c%d = %s", table->physical, old->id, value->sql), &update,
      err);
  if (st == BR_OK && sqlite3_step(update) != SQLITE_DONE) {
    st = engine_step_failed(m->s, err);
  }
  (void)sqlite3_finalize(update);
  if (st != BR_OK) {
    return st;
  }
  if (!catalog_run(m->c, m->s->db,
                   sql_text(m->c,
                            "UPDATE %s.c_column SET type = ?, type_text = ?, nullable = ? WHERE"
                            " object_id = ? AND id = ?",
                            m->schema),
                   "isiii", sql_type_pack(&type), type.text, (int64_t)(def->nullable != 0),
                   table->id, (int64_t)old->id)) {
    return engine_context_failed(m->s, err);
  }
  sqlite3_stmt *nulls = NULL;
  st = def->nullable != 0 ? BR_OK
                          : engine_prepare(m->s,
                                           sql_text(m->c, "SELECT 1 FROM %s WHERE c%d IS NULL",
                                                    table->physical, old->id),
                                           &nulls, err);
  bool any = nulls != NULL && sqlite3_step(nulls) == SQLITE_ROW;
  (void)sqlite3_finalize(nulls);
  if (any) {
    (void)sql_fail(m->c, 515, stmt->line,
                   "Cannot insert the value NULL into column '%s', table '%s.%s.%s'; column does "
                   "not allow nulls. UPDATE fails.",
                   old->name, table->database, table->schema, table->name);
    return engine_context_failed(m->s, err);
  }
  return st;
}

br_status engine_alter_table(engine_session *s, const sql_stmt *stmt, br_error *err) {
  engine_table_maker m = table_new_maker(s);
  catalog_table *table = NULL;
  br_status st = open_table(&m, &stmt->name, &table, err);
  if (st != BR_OK) {
    return st;
  }
  switch (stmt->kind) {
  case SQL_S_ALTER_ADD:
    return alter_add(&m, stmt, table, err);
  case SQL_S_ALTER_COLUMN:
    return alter_column(&m, stmt, table, err);
  default:
    for (size_t i = 0; i < stmt->object_count; i++) {
      const sql_name *name = &stmt->objects[i];
      if (!drop_named(&m, table, name->parts[name->count - 1], stmt->unique)) {
        return engine_context_failed(s, err);
      }
    }
    return BR_OK;
  }
}

br_status engine_create_index(engine_session *s, const sql_stmt *stmt, br_error *err) {
  engine_table_maker m = table_new_maker(s);
  catalog_table *table = NULL;
  br_status st = open_table(&m, &stmt->other, &table, err);
  if (st != BR_OK) {
    return st;
  }
  const char *name = stmt->name.parts[stmt->name.count - 1];
  for (size_t i = 0; i < table->index_count; i++) {
    if (br_text_equal_nocase(table->indexes[i].name, name)) {
      (void)sql_fail(m.c, 1913, stmt->line,
                     "The operation failed because an index or statistics with name '%s' already "
                     "exists on table '%s'.",
                     name, stmt->other.parts[stmt->other.count - 1]);
      return engine_context_failed(s, err);
    }
  }
  const catalog_index index = {.name = name,
                               .kind = 'I',
                               .unique = stmt->unique,
                               .clustered = stmt->clustered,
                               .ignore_dup_key = stmt->ignore_dup_key};
  if (!table_add_index(&m, table->columns, table->column_count, &index, stmt->names, stmt->line)) {
    return engine_context_failed(s, err);
  }
  return BR_OK;
}
