/*
 * engine_table.c: CREATE TABLE, ALTER TABLE, CREATE INDEX: rows of the catalog and what SQLite
 * stores them in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"
#include "sandbox/sql/parser.h"

typedef struct maker {
  engine_session *s;
  sql_context *c;
  sql_binder b;
  const char *schema; /* "main" or "temp": where its catalog is */
  int64_t id;
  bool temporary, is_tsql;
  const char *database, *schema_name, *name;
} maker;

static bool run(maker *m, const char *sql) {
  return sql != NULL && catalog_run(m->c, m->s->db, sql, "");
}

static void *exists(maker *m, int32_t line) {
  return m->is_tsql
             ? sql_fail(m->c, 2714, line, "There is already an object named '%s' in the database.",
                        m->name)
             : sql_fail_condition(m->c, "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07",
                                  "Cannot create table or view `%s`.`%s` because it already "
                                  "exists. Choose a different name, drop or replace the "
                                  "existing object, add the IF NOT EXISTS clause to tolerate "
                                  "pre-existing objects, or refresh the object.",
                                  m->schema_name, m->name);
}

/* Where a new object goes. */
static int64_t find_schema(maker *m, const sql_name *name) {
  const char *database = NULL;
  const char *schema = NULL;
  if (!catalog_split(m->c, &m->b.names, name, &database, &schema, &m->name)) {
    return 0;
  }
  if (m->is_tsql && m->name[0] == '#') {
    if (m->name[1] == '#') {
      (void)sql_unsupported(m->c, name->line, "A global temporary table");
      return 0;
    }
    m->temporary = true;
    m->schema = "temp";
    m->database = "tempdb";
    m->schema_name = "dbo";
    if (!m->s->has_temporary && catalog_open_temporary(m->s->db, NULL) == BR_OK) {
      m->s->has_temporary = true;
    }
    return 1;
  }
  m->schema = "main";
  int64_t database_id = catalog_database(m->c, m->s->db, database, &m->database);
  int64_t id =
      database_id == 0 ? 0 : catalog_schema(m->c, m->s->db, database_id, schema, &m->schema_name);
  if (id == 0 && m->c->status == BR_OK) {
    (void)(m->is_tsql && database_id == 0
               ? sql_fail(m->c, 911, name->line,
                          "Database '%s' does not exist. Make sure that the name is entered "
                          "correctly.",
                          database)
           : m->is_tsql
               ? sql_fail(m->c, 2760, name->line,
                          "The specified schema name \"%s\" either does not exist or you do not "
                          "have permission to use it.",
                          schema)
               : sql_fail_condition(m->c, "SCHEMA_NOT_FOUND", "42704",
                                    "The schema `%s`.`%s` cannot be found. Verify the spelling and "
                                    "correctness of the schema and catalog.",
                                    database, schema));
  }
  return id;
}

static maker new_maker(engine_session *s) {
  maker m = {
      .s = s, .c = &s->context, .b = engine_binder(s), .is_tsql = s->owner->dialect == ENGINE_TSQL};
  return m;
}

/* "PK__flights__3213E83F": as SQL Server makes names up. */
static const char *made_name(maker *m, const char *prefix, const char *column) {
  uint8_t bytes[4] = {0};
  char hex[9];
  if (br_random(bytes, sizeof bytes, NULL) != BR_OK) {
    return sql_fail_memory(m->c);
  }
  br_hex_encode(bytes, sizeof bytes, hex);
  for (char *p = hex; *p != '\0'; p++) {
    *p = *p >= 'a' ? (char)(*p - 32) : *p;
  }
  return sql_text(m->c, "%s__%.9s__%.*s%s%s", prefix, m->name, column == NULL ? 0 : 5,
                  column == NULL ? "" : column, column == NULL ? "" : "__", hex);
}

static bool insert_object(maker *m, int64_t schema_id, const char *kind, const char *definition,
                          const char *comment) {
  if (!catalog_run(m->c, m->s->db,
                   sql_text(m->c,
                            "INSERT INTO %s.c_object(schema_id, name, kind, definition, comment,"
                            " created, modified) VALUES(?, ?, ?, ?, ?, unixepoch(), unixepoch())",
                            m->schema),
                   "issss", schema_id, m->name, kind, definition, comment)) {
    return false;
  }
  m->id = sqlite3_last_insert_rowid(m->s->db);
  return true;
}

static bool insert_column(maker *m, const catalog_column *c) {
  return catalog_run(
      m->c, m->s->db,
      sql_text(m->c,
               "INSERT INTO %s.c_column(object_id, id, name, type, type_text, nullable, identity,"
               " seed, increment, default_name, default_text, computed, persisted, comment)"
               " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               m->schema),
      "iisisiiiisssis", m->id, (int64_t)c->id, c->name, sql_type_pack(&c->type), c->type.text,
      (int64_t)c->nullable, (int64_t)c->identity, c->seed, c->increment, c->default_name,
      c->default_text, c->computed, (int64_t)c->persisted, c->comment);
}

/* ---- columns ---- */

static bool check_identity(maker *m, const sql_column_def *def, const catalog_column *c) {
  sql_family family = sql_type_family(c->type.kind);
  bool whole = (family == SQL_FAMILY_INTEGER && c->type.kind != SQL_BIT) ||
               (family == SQL_FAMILY_DECIMAL && c->type.scale == 0);
  if (!whole) {
    (void)sql_fail(m->c, 2749, def->line,
                   "Identity column '%s' must be of data type int, bigint, smallint, tinyint, or "
                   "decimal or numeric with a scale of 0, unencrypted, and constrained to be "
                   "nonnullable.",
                   c->name);
  }
  return whole;
}

static bool is_primary(const sql_column_def *def, const sql_stmt *stmt) {
  for (const sql_constraint *k = def->constraints; k != NULL; k = k->next) {
    if (k->kind == SQL_C_PRIMARY) {
      return true;
    }
  }
  for (const sql_constraint *k = stmt->constraints; k != NULL; k = k->next) {
    for (const sql_names *n = k->columns; k->kind == SQL_C_PRIMARY && n != NULL; n = n->next) {
      if (br_text_equal_nocase(n->name, def->name)) {
        return true;
      }
    }
  }
  return false;
}

/* The type of a computed column: of its expression over the columns so far. */
static bool computed_type(maker *m, const sql_column_def *def, catalog_column *columns,
                          size_t count, catalog_column *ret_column) {
  catalog_table so_far = {.name = m->name,
                          .schema = m->schema_name,
                          .database = m->database,
                          .columns = columns,
                          .column_count = count,
                          .physical = "x"};
  sql_expr *expr = NULL;
  sql_context inner = *m->c;
  inner.text = def->computed;
  inner.length = strlen(def->computed);
  if (sql_parse_expression(&inner, &expr) != BR_OK) {
    *m->c = inner;
    return false;
  }
  sql_source *source = bind_table_source(&m->b, &so_far, m->name, false);
  sql_scope scope = {.sources = source, .last = source, .clause = SQL_CLAUSE_OTHER};
  m->b.scope = &scope;
  sql_bound *bound = source == NULL ? NULL : bind_value(&m->b, expr);
  m->b.scope = NULL;
  if (bound == NULL) {
    return false;
  }
  ret_column->type = bound->type;
  ret_column->nullable = true;
  return true;
}

static bool bind_default_of(maker *m, const sql_column_def *def, const catalog_column *c) {
  if (def->default_expr == NULL) {
    return true;
  }
  if (m->is_tsql && def->default_expr->kind == SQL_E_COLUMN) {
    (void)sql_fail(
        m->c, 128, def->line,
        "The name \"%s\" is not permitted in this context. Valid expressions are "
        "constants, constant expressions, and (in some contexts) variables. Column names "
        "are not permitted.",
        def->default_expr->name.parts[0]);
    return false;
  }
  sql_bound *bound = bind_value(&m->b, def->default_expr);
  return bound != NULL && bind_assign(&m->b, bound, &c->type, m->name, c->name, def->line) != NULL;
}

static bool make_column(maker *m, const sql_stmt *stmt, const sql_column_def *def,
                        catalog_column *columns, size_t count) {
  catalog_column *c = &columns[count];
  *c = (catalog_column){.name = def->name,
                        .nullable = def->nullable != 0,
                        .identity = def->identity,
                        .seed = def->seed,
                        .increment = def->increment,
                        .default_text = def->default_text,
                        .computed = def->computed,
                        .persisted = def->persisted,
                        .comment = def->comment};
  for (size_t i = 0; i < count; i++) {
    if (br_text_equal_nocase(columns[i].name, def->name)) {
      (void)(m->is_tsql
                 ? sql_fail(m->c, 2705, def->line,
                            "Column names in each table must be unique. Column name '%s' in table "
                            "'%s' is specified more than once.",
                            def->name, m->name)
                 : sql_fail_condition(
                       m->c, "COLUMN_ALREADY_EXISTS", "42711",
                       "The column `%s` already exists. Choose another name or rename "
                       "the existing column.",
                       def->name));
      return false;
    }
  }
  if (def->computed != NULL) {
    return computed_type(m, def, columns, count, c);
  }
  if (!bind_type(&m->b, def->type, false, &c->type)) {
    return false;
  }
  uint8_t collation = c->type.collation;
  if (def->collation != NULL && !bind_collation(&m->b, def->collation, def->line, &collation)) {
    return false;
  }
  c->type.collation = collation;
  if (def->identity) {
    c->nullable = false;
    if (!check_identity(m, def, c)) {
      return false;
    }
  }
  if (is_primary(def, stmt)) {
    if (def->nullable == 1) {
      (void)sql_fail(m->c, 8111, def->line,
                     "Cannot define PRIMARY KEY constraint on nullable column in table '%s'.",
                     m->name);
      return false;
    }
    c->nullable = false;
  }
  if (def->default_text != NULL && def->default_name == NULL && m->is_tsql) {
    c->default_name = made_name(m, "DF", def->name);
  } else {
    c->default_name = def->default_name;
  }
  return m->c->status == BR_OK && bind_default_of(m, def, c);
}

/* "c1 COLLATE sci": without a type SQLite changes nothing that it is given. */
static const char *physical_column(maker *m, const catalog_column *c) {
  return sql_text(m->c, "c%d%s", c->id, sql_type_collate(&c->type));
}

static bool create_physical(maker *m, const catalog_column *columns, size_t count) {
  const char *sql = sql_text(m->c, "CREATE TABLE %s.t%lld(", m->schema, (long long)m->id);
  size_t stored = 0;
  for (size_t i = 0; i < count && sql != NULL; i++) {
    if (columns[i].computed == NULL) {
      sql =
          sql_text(m->c, "%s%s%s", sql, stored++ == 0 ? "" : ", ", physical_column(m, &columns[i]));
    }
  }
  if (stored == 0 && sql != NULL) {
    sql = sql_text(m->c, "%sempty", sql);
  }
  return run(m, sql_text(m->c, "%s)", sql));
}

/* ---- keys ---- */

/* Column ids of names: "1,-3". */
static const char *column_ids(maker *m, const catalog_column *columns, size_t count,
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

static bool key_possible(maker *m, const catalog_column *c, const char *table, int32_t line) {
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
static bool create_physical_index(maker *m, const catalog_column *columns, size_t count,
                                  const char *ids, int64_t index_id, bool unique, int32_t line) {
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
  if (!run(m, sql_text(m->c, "CREATE %sINDEX %s.i%lld ON t%lld(%s)", unique ? "UNIQUE " : "",
                       m->schema, (long long)index_id, (long long)m->id, plain))) {
    return false;
  }
  return !unique || !nullable || !m->is_tsql ||
         run(m, sql_text(m->c, "CREATE UNIQUE INDEX %s.i%lldn ON t%lld(%s)", m->schema,
                         (long long)index_id, (long long)m->id, replaced));
}

static bool add_index(maker *m, const catalog_column *columns, size_t count, const char *name,
                      char kind, bool unique, bool clustered, const sql_names *names,
                      int32_t line) {
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

static bool add_foreign(maker *m, const catalog_column *columns, size_t count,
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
  const char *name = k->name != NULL ? k->name : made_name(m, "FK", k->columns->name);
  return catalog_run(m->c, m->s->db,
                     "INSERT INTO main.c_foreign(object_id, name, columns, target_id,"
                     " target_columns, on_delete, on_update) VALUES(?, ?, ?, ?, ?, ?, ?)",
                     "issisii", m->id, name, ids, target->id, target_ids, (int64_t)k->on_delete,
                     (int64_t)k->on_update);
}

static bool add_constraint(maker *m, const catalog_column *columns, size_t count,
                           const sql_constraint *k) {
  bool primary = k->kind == SQL_C_PRIMARY;
  const char *name = k->name;
  switch (k->kind) {
  case SQL_C_PRIMARY:
  case SQL_C_UNIQUE:
    if (!m->is_tsql) {
      return true; /* informational there: never enforced */
    }
    name = name != NULL ? name : made_name(m, primary ? "PK" : "UQ", NULL);
    return add_index(m, columns, count, name, primary ? 'P' : 'U', true, k->clustered, k->columns,
                     k->line);
  case SQL_C_CHECK:
    name = name != NULL ? name : made_name(m, "CK", NULL);
    return catalog_run(
        m->c, m->s->db,
        sql_text(m->c, "INSERT INTO %s.c_check(object_id, name, text) VALUES(?, ?, ?)", m->schema),
        "iss", m->id, name, k->expression);
  case SQL_C_FOREIGN:
    return !m->is_tsql || add_foreign(m, columns, count, k);
  default:
    return catalog_run(m->c, m->s->db,
                       sql_text(m->c,
                                "UPDATE %s.c_column SET default_name = ?, default_text = ? WHERE"
                                " object_id = ? AND name = ?",
                                m->schema),
                       "ssis", name != NULL ? name : made_name(m, "DF", k->columns->name),
                       k->expression, m->id, k->columns->name);
  }
}

static bool add_constraints(maker *m, const sql_stmt *stmt, const catalog_column *columns,
                            size_t count) {
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

/* ---- CREATE TABLE ---- */

static bool create_object(maker *m, const sql_name *name, const catalog_column *columns,
                          size_t count, const char *comment) {
  int64_t schema_id = find_schema(m, name);
  if (schema_id == 0 || !insert_object(m, schema_id, "U", NULL, comment)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (!insert_column(m, &columns[i])) {
      return false;
    }
  }
  return catalog_run(
             m->c, m->s->db,
             sql_text(m->c, "UPDATE %s.c_object SET next_column = ? WHERE id = ?", m->schema), "ii",
             (int64_t)count + 1, m->id) &&
         create_physical(m, columns, count);
}

static bool make_columns(maker *m, const sql_stmt *stmt, catalog_column **ret_columns,
                         size_t *ret_count) {
  size_t count = 0;
  for (const sql_column_def *def = stmt->columns; def != NULL; def = def->next) {
    count++;
  }
  catalog_column *columns = sql_new(m->c, (count + 1) * sizeof *columns);
  size_t i = 0;
  m->name = stmt->name.parts[stmt->name.count - 1];
  for (const sql_column_def *def = stmt->columns; columns != NULL && def != NULL;
       def = def->next, i++) {
    if (!make_column(m, stmt, def, columns, i)) {
      return false;
    }
    columns[i].id = (int)i + 1;
  }
  *ret_columns = columns;
  *ret_count = count;
  return columns != NULL;
}

/* Replaces or finds an object of the name. True: go on; *ret_done: there is nothing to do. */
static br_status clear_place(maker *m, const sql_stmt *stmt, bool *ret_done, br_error *err) {
  catalog_table *old = catalog_find(m->c, &m->b.names, &stmt->name, 0);
  *ret_done = false;
  if (m->c->status != BR_OK) {
    return engine_context_failed(m->s, err);
  }
  if (old == NULL) {
    return BR_OK;
  }
  if (stmt->if_not_exists) {
    *ret_done = true;
    return BR_OK;
  }
  if (!stmt->or_replace) {
    m->schema_name = old->schema;
    m->name = old->name;
    (void)exists(m, stmt->line);
    return engine_context_failed(m->s, err);
  }
  return engine_drop_object(m->s, old, err);
}

br_status engine_create_table(engine_session *s, const sql_stmt *stmt, br_error *err) {
  maker m = new_maker(s);
  catalog_column *columns = NULL;
  size_t count = 0;
  bool done = false;
  sql_bound_query query = {0};
  catalog_table *table = NULL;
  if (stmt->query != NULL && stmt->columns == NULL && !bind_query(&m.b, stmt->query, &query)) {
    return engine_context_failed(s, err);
  }
  br_status st = clear_place(&m, stmt, &done, err);
  if (st != BR_OK || done) {
    s->rows_affected = 0;
    return st;
  }
  if (stmt->query != NULL) {
    if (stmt->columns != NULL) {
      (void)sql_unsupported(&s->context, stmt->line, "CREATE TABLE with columns and a query");
      return engine_context_failed(s, err);
    }
    st = engine_create_from(s, &stmt->name, query.columns, query.count, &table, err);
    return st != BR_OK ? st : engine_insert_query(s, table, &query, err);
  }
  if (!make_columns(&m, stmt, &columns, &count) ||
      !create_object(&m, &stmt->name, columns, count, stmt->value) ||
      !add_constraints(&m, stmt, columns, count)) {
    return engine_context_failed(s, err);
  }
  return BR_OK;
}

br_status engine_create_from(engine_session *s, const sql_name *name, const sql_result_column *from,
                             size_t count, catalog_table **ret_table, br_error *err) {
  maker m = new_maker(s);
  catalog_column *columns = sql_new(m.c, (count + 1) * sizeof *columns);
  m.name = name->parts[name->count - 1];
  for (size_t i = 0; columns != NULL && i < count; i++) {
    columns[i] = (catalog_column){.id = (int)i + 1,
                                  .name = from[i].name,
                                  .type = from[i].type,
                                  .nullable = from[i].nullable || !m.is_tsql,
                                  .identity = from[i].identity,
                                  .seed = 1,
                                  .increment = 1};
    if (columns[i].type.kind == SQL_VOID) {
      columns[i].type = sql_type_of(m.is_tsql ? SQL_INT : SQL_STRING);
    }
    if (columns[i].type.kind == SQL_ROWVERSION) {
      columns[i].type = sql_type_of(SQL_BINARY);
      columns[i].type.length = 8;
    }
    for (size_t j = 0; j < i; j++) {
      if (br_text_equal_nocase(columns[i].name, columns[j].name)) {
        (void)(m.is_tsql
                   ? sql_fail(
                         m.c, 2705, name->line,
                         "Column names in each table must be unique. Column name '%s' in table "
                         "'%s' is specified more than once.",
                         columns[i].name, m.name)
                   : sql_fail_condition(m.c, "COLUMN_ALREADY_EXISTS", "42711",
                                        "The column `%s` already exists.", columns[i].name));
      }
    }
  }
  if (m.c->status == BR_OK && catalog_find(m.c, &m.b.names, name, 0) != NULL) {
    (void)exists(&m, name->line);
  }
  if (m.c->status != BR_OK || !create_object(&m, name, columns, count, NULL)) {
    return engine_context_failed(s, err);
  }
  *ret_table = catalog_find(m.c, &m.b.names, name, 'U');
  return *ret_table == NULL ? engine_context_failed(s, err) : BR_OK;
}

/* ---- ALTER TABLE, CREATE INDEX ---- */

static br_status open_table(maker *m, const sql_name *name, catalog_table **ret_table,
                            br_error *err) {
  catalog_table *table = catalog_need(m->c, &m->b.names, name);
  if (table != NULL && table->kind != 'U') {
    (void)sql_unsupported(m->c, name->line, "Changing a view");
  }
  if (m->c->status != BR_OK) {
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
static bool add_column(maker *m, const sql_stmt *stmt, const catalog_table *table,
                       catalog_column *columns, size_t count, const sql_column_def *def) {
  catalog_column *c = &columns[count];
  if (!make_column(m, stmt, def, columns, count)) {
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
  if (!insert_column(m, c)) {
    return false;
  }
  if (c->computed != NULL) {
    return true;
  }
  if (!run(m, sql_text(m->c, "ALTER TABLE %s ADD COLUMN %s", table->physical,
                       physical_column(m, c)))) {
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
         run(m, sql_text(m->c, "UPDATE %s SET c%d = %s", table->physical, c->id, value->sql));
}

static br_status alter_add(maker *m, const sql_stmt *stmt, const catalog_table *table,
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
  if (!add_constraints(m, stmt, columns, count)) {
    return engine_context_failed(m->s, err);
  }
  catalog_table *changed = catalog_need(m->c, &m->b.names, &stmt->name);
  return changed == NULL ? engine_context_failed(m->s, err)
                         : engine_check_rows(m->s, changed, "rowid > 0", "ALTER TABLE", err);
}

static bool drop_named(maker *m, const catalog_table *table, const char *name, bool constraint) {
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
            run(m, sql_text(m->c, "ALTER TABLE %s DROP COLUMN c%d", table->physical, c->id)));
  }
  for (size_t i = 0; i < table->index_count; i++) {
    const catalog_index *x = &table->indexes[i];
    if (br_text_equal_nocase(x->name, name)) {
      return run(m, sql_text(m->c, "DROP INDEX %s.i%lld", m->schema, (long long)x->id)) &&
             run(m,
                 sql_text(m->c, "DROP INDEX IF EXISTS %s.i%lldn", m->schema, (long long)x->id)) &&
             run(m, sql_text(m->c, "DELETE FROM %s.c_index WHERE id = %lld", m->schema,
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
static br_status alter_column(maker *m, const sql_stmt *stmt, const catalog_table *table,
                              br_error *err) {
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
  maker m = new_maker(s);
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
  maker m = new_maker(s);
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
  if (!add_index(&m, table->columns, table->column_count, name, 'I', stmt->unique, stmt->clustered,
                 stmt->names, stmt->line)) {
    return engine_context_failed(s, err);
  }
  return BR_OK;
}
