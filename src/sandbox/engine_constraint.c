/*
 * engine_constraint.c: primary and unique keys, checks, defaults, indexes.
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
                     const catalog_index *index, const sql_names *names, int32_t line) {
  const char kind_text[2] = {index->kind, '\0'};
  const char *ids = column_ids(m, columns, count, names, line);
  const int64_t unique = !index->unique          ? CATALOG_NOT_UNIQUE
                         : index->ignore_dup_key ? CATALOG_UNIQUE_IGNORED
                                                 : CATALOG_UNIQUE;
  if (index->ignore_dup_key && !index->unique) {
    (void)sql_fail(m->c, 1916, line,
                   "CREATE INDEX options nonunique and ignore_dup_key are mutually exclusive.");
    return false;
  }
  if (ids == NULL ||
      !catalog_run(m->c, m->s->db,
                   sql_text(m->c,
                            "INSERT INTO %s.c_index(object_id, name, kind, is_unique, clustered,"
                            " columns) VALUES(?, ?, ?, ?, ?, ?)",
                            m->schema),
                   "issiis", m->id, index->name, kind_text, unique, (int64_t)index->clustered,
                   ids)) {
    return false;
  }
  bool good = create_physical_index(m, columns, count, ids, sqlite3_last_insert_rowid(m->s->db),
                                    index->unique, line);
  if (m->c->status == BR_ERR_EXISTS) { /* rows that are double already */
    m->c->status = BR_OK;
    (void)sql_fail(m->c, 1505, line,
                   "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found "
                   "for the object name '%s.%s' and the index name '%s'.",
                   m->schema_name, m->name, index->name);
  }
  return good;
}

static bool add_key(engine_table_maker *m, const catalog_column *columns, size_t count,
                    const sql_constraint *k) {
  const bool index = k->kind == SQL_C_INDEX;
  const bool primary = k->kind == SQL_C_PRIMARY;
  catalog_index x = {.name = k->name,
                     .kind = 'U',
                     .unique = !index || k->unique,
                     .clustered = k->clustered,
                     .ignore_dup_key = k->ignore_dup_key};
  if (x.name == NULL) {
    x.name = table_made_name(m, primary ? "PK" : "UQ", NULL);
  }
  if (index || primary) {
    x.kind = index ? 'I' : 'P';
  }
  return table_add_index(m, columns, count, &x, k->columns, k->line);
}

static bool add_constraint(engine_table_maker *m, const catalog_column *columns, size_t count,
                           const sql_constraint *k) {
  const char *name = k->name;
  switch (k->kind) {
  case SQL_C_PRIMARY:
  case SQL_C_UNIQUE: /* informational in Databricks: never enforced */
    return !m->is_tsql || add_key(m, columns, count, k);
  case SQL_C_CHECK:
    name = name != NULL ? name : table_made_name(m, "CK", NULL);
    return catalog_run(
        m->c, m->s->db,
        sql_text(m->c, "INSERT INTO %s.c_check(object_id, name, text) VALUES(?, ?, ?)", m->schema),
        "iss", m->id, name, k->expression);
  case SQL_C_INDEX:
    return add_key(m, columns, count, k);
  case SQL_C_FOREIGN:
    return !m->is_tsql || table_add_foreign(m, columns, count, k);
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

/* Of the columns, then of the table; foreign keys, or all others. */
static bool add_some(engine_table_maker *m, const sql_stmt *stmt, const catalog_column *columns,
                     size_t count, bool foreign) {
  for (const sql_column_def *def = stmt->columns; def != NULL; def = def->next) {
    for (const sql_constraint *k = def->constraints; k != NULL; k = k->next) {
      if ((k->kind == SQL_C_FOREIGN) == foreign && !add_constraint(m, columns, count, k)) {
        return false;
      }
    }
  }
  for (const sql_constraint *k = stmt->constraints; k != NULL; k = k->next) {
    if ((k->kind == SQL_C_FOREIGN) == foreign && !add_constraint(m, columns, count, k)) {
      return false;
    }
  }
  return true;
}

static size_t primary_keys_of(const sql_constraint *list) {
  size_t count = 0;
  for (const sql_constraint *k = list; k != NULL; k = k->next) {
    count += k->kind == SQL_C_PRIMARY;
  }
  return count;
}

/* A table has one primary key. */
static bool check_primary(engine_table_maker *m, const sql_stmt *stmt) {
  size_t keys = primary_keys_of(stmt->constraints);
  for (const sql_column_def *def = stmt->columns; def != NULL; def = def->next) {
    keys += primary_keys_of(def->constraints);
  }
  if (keys == 0 || !m->is_tsql) {
    return true;
  }
  sqlite3_stmt *old = catalog_prepare(
      m->c, m->s->db,
      sql_text(m->c, "SELECT 1 FROM %s.c_index WHERE object_id = ? AND kind = 'P'", m->schema), "i",
      m->id);
  const bool has_one = old != NULL && sqlite3_step(old) == SQLITE_ROW;
  (void)sqlite3_finalize(old);
  if (has_one) {
    (void)sql_fail(m->c, 1779, stmt->line, "Table '%s' already has a primary key defined on it.",
                   m->name);
  } else if (keys > 1) {
    (void)sql_fail(m->c, 8110, stmt->line,
                   "Cannot add multiple PRIMARY KEY constraints to table '%s'.", m->name);
  }
  return m->c->status == BR_OK;
}

/* Keys first: a table's foreign key may point to the table itself. */
bool table_add_constraints(engine_table_maker *m, const sql_stmt *stmt,
                           const catalog_column *columns, size_t count) {
  return check_primary(m, stmt) && add_some(m, stmt, columns, count, false) &&
         add_some(m, stmt, columns, count, true);
}
