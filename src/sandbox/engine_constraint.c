/*
 * engine_constraint.c: primary and unique keys, checks, foreign keys, defaults, indexes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/engine_table.h"

/* Column ids of names: "1,-3". */
static const char *column_ids(engine_table_maker *m, const catalog_column *columns, size_t count,
                              const sql_names *names, int32_t line) {
  const char *ids = "";
  for (const sql_names *n = names; n != NULL; n = n->next) {
    size_t i = 0;
    while (i < count && !br_text_equal_nocase(columns[i].name, n->name)) {
      i++;
    }
    if (i == count) {
      return sql_fail(m->c, 1911, line,
                      "Column name '%s' does not exist in the target table or view.", n->name);
    }
    ids = sql_text(m->c, "%s%s%s%d", ids, n == names ? "" : ",", n->descending ? "-" : "",
                   columns[i].id);
  }
  return ids;
}

static bool key_possible(engine_table_maker *m, const catalog_column *c, const char *table,
                         int32_t line) {
  sql_kind kind = c->type.kind;
  bool large = kind == SQL_TEXT || kind == SQL_NTEXT || kind == SQL_IMAGE || kind == SQL_XML ||
               ((sql_type_is_text(kind) || sql_type_family(kind) == SQL_FAMILY_BINARY) &&
                c->type.length == SQL_LENGTH_MAX && m->is_tsql);
  if (large) {
    (void)sql_fail(m->c, 1919, line,
                   "Column '%s' in table '%s' is of a type that is invalid for use as a key column "
                   "in an index.",
                   c->name, table);
  } else if (c->computed != NULL) {
    (void)sql_unsupported(m->c, line, "An index on a computed column");
  }
  return m->c->status == BR_OK;
}

/* SQL Server takes NULLs for equal in a unique key, SQLite for different: a second index over the
 * columns with NULL replaced finds them. */
static bool create_physical_index(engine_table_maker *m, const catalog_column *columns,
                                  size_t count, const char *ids, int64_t index_id, bool unique,
                                  int32_t line) {
  const char *plain = "";
  const char *replaced = "";
  bool nullable = false;
  const char *p = ids;
  while (*p != '\0') {
    char *end = NULL;
    long id = strtol(p, &end, 10);
    p = *end == ',' ? end + 1 : end;
    for (size_t i = 0; i < count; i++) {
      const catalog_column *c = &columns[i];
      if (c->id != labs(id)) {
        continue;
      }
      if (!key_possible(m, c, m->name, line)) {
        return false;
      }
      bool blob = sql_type_family(c->type.kind) == SQL_FAMILY_BINARY || c->type.kind == SQL_GUID ||
                  (c->type.kind == SQL_DECIMAL && c->type.precision > 18);
      nullable = nullable || c->nullable;
      plain = sql_text(m->c, "%s%sc%d%s", plain, plain[0] == '\0' ? "" : ", ", c->id,
                       id < 0 ? " DESC" : "");
      replaced = sql_text(m->c, "%s%scoalesce(c%d,%s)%s", replaced, replaced[0] == '\0' ? "" : ", ",
                          c->id, blob ? "''" : "X''", sql_type_collate(&c->type));
    }
  }
  if (!table_run(m, sql_text(m->c, "CREATE %sINDEX %s.i%lld ON t%lld(%s)", unique ? "UNIQUE " : "",
                             m->schema, (long long)index_id, (long long)m->id, plain))) {
    return false;
  }
  return !unique || !nullable || !m->is_tsql ||
         table_run(m, sql_text(m->c, "CREATE UNIQUE INDEX %s.i%lldn ON t%lld(%s)", m->schema,
                               (long long)index_id, (long long)m->id, replaced));
}

bool table_add_index(engine_table_maker *m, const catalog_column *columns, size_t count,
                     const char *name, char kind, bool unique, bool clustered,
                     const sql_names *names, int32_t line) {
  const char kind_text[2] = {kind, '\0'};
  const char *ids = column_ids(m, columns, count, names, line);
  if (ids == NULL ||
      !catalog_run(m->c, m->s->db,
                   sql_text(m->c,
                            "INSERT INTO %s.c_index(object_id, name, kind, is_unique, clustered,"
                            " columns) VALUES(?, ?, ?, ?, ?, ?)",
                            m->schema),
                   "issiis", m->id, name, kind_text, (int64_t)unique, (int64_t)clustered, ids)) {
    return false;
  }
  bool good = create_physical_index(m, columns, count, ids, sqlite3_last_insert_rowid(m->s->db),
                                    unique, line);
  if (m->c->status == BR_ERR_EXISTS) { /* rows that are double already */
    m->c->status = BR_OK;
    (void)sql_fail(m->c, 1505, line,
                   "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found "
                   "for the object name '%s.%s' and the index name '%s'.",
                   m->schema_name, m->name, name);
  }
  return good;
}

static bool add_foreign(engine_table_maker *m, const catalog_column *columns, size_t count,
                        const sql_constraint *k) {
  if (m->temporary) {
    return true; /* SQL Server skips them on temporary tables */
  }
  catalog_table *target = catalog_find(m->c, &m->b.names, &k->target, 'U');
  if (target == NULL) {
    (void)sql_fail(m->c, 1767, k->line, "Foreign key '%s' references invalid table '%s'.",
                   k->name == NULL ? "" : k->name, k->target.parts[k->target.count - 1]);
    return false;
  }
  if (k->on_update == SQL_FK_CASCADE || k->on_update == SQL_FK_SET_DEFAULT ||
      k->on_delete == SQL_FK_SET_DEFAULT) {
    (void)sql_unsupported(m->c, k->line, "ON UPDATE CASCADE and SET DEFAULT");
    return false;
  }
  const char *ids = column_ids(m, columns, count, k->columns, k->line);
  const char *target_ids = NULL;
  if (k->target_columns != NULL) {
    target_ids = column_ids(m, target->columns, target->column_count, k->target_columns, k->line);
  } else {
    for (size_t i = 0; i < target->index_count; i++) {
      const catalog_index *x = &target->indexes[i];
      for (size_t j = 0; x->kind == 'P' && j < x->column_count; j++) {
        target_ids = sql_text(m->c, "%s%s%d", j == 0 ? "" : target_ids, j == 0 ? "" : ",",
                              abs(x->columns[j]));
      }
    }
  }
  if (ids == NULL || target_ids == NULL) {
    (void)sql_fail(m->c, 1776, k->line,
                   "There are no primary or candidate keys in the referenced table '%s' that match "
                   "the referencing column list in the foreign key '%s'.",
                   target->name, k->name == NULL ? "" : k->name);
    return false;
  }
  const char *name = k->name != NULL ? k->name : table_made_name(m, "FK", k->columns->name);
  return catalog_run(m->c, m->s->db,
                     "INSERT INTO main.c_foreign(object_id, name, columns, target_id,"
                     " target_columns, on_delete, on_update) VALUES(?, ?, ?, ?, ?, ?, ?)",
                     "issisii", m->id, name, ids, target->id, target_ids, (int64_t)k->on_delete,
                     (int64_t)k->on_update);
}

static bool add_constraint(engine_table_maker *m, const catalog_column *columns, size_t count,
                           const sql_constraint *k) {
  bool primary = k->kind == SQL_C_PRIMARY;
  const char *name = k->name;
  switch (k->kind) {
  case SQL_C_PRIMARY:
  case SQL_C_UNIQUE:
    if (!m->is_tsql) {
      return true; /* informational there: never enforced */
    }
    name = name != NULL ? name : table_made_name(m, primary ? "PK" : "UQ", NULL);
    return table_add_index(m, columns, count, name, primary ? 'P' : 'U', true, k->clustered,
                           k->columns, k->line);
  case SQL_C_CHECK:
    name = name != NULL ? name : table_made_name(m, "CK", NULL);
    return catalog_run(
        m->c, m->s->db,
        sql_text(m->c, "INSERT INTO %s.c_check(object_id, name, text) VALUES(?, ?, ?)", m->schema),
        "iss", m->id, name, k->expression);
  case SQL_C_INDEX:
    return table_add_index(m, columns, count, name, 'I', k->unique, k->clustered, k->columns,
                           k->line);
  case SQL_C_FOREIGN:
    return !m->is_tsql || add_foreign(m, columns, count, k);
  default:
    return catalog_run(m->c, m->s->db,
                       sql_text(m->c,
                                "UPDATE %s.c_column SET default_name = ?, default_text = ? WHERE"
                                " object_id = ? AND name = ?",
                                m->schema),
                       "ssis", name != NULL ? name : table_made_name(m, "DF", k->columns->name),
                       k->expression, m->id, k->columns->name);
  }
}

bool table_add_constraints(engine_table_maker *m, const sql_stmt *stmt,
                           const catalog_column *columns, size_t count) {
  for (const sql_column_def *def = stmt->columns; def != NULL; def = def->next) {
    for (const sql_constraint *k = def->constraints; k != NULL; k = k->next) {
      if (!add_constraint(m, columns, count, k)) {
        return false;
      }
    }
  }
  for (const sql_constraint *k = stmt->constraints; k != NULL; k = k->next) {
    if (!add_constraint(m, columns, count, k)) {
      return false;
    }
  }
  return true;
}
