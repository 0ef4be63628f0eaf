/*
 * engine_table.c: CREATE TABLE: rows of the catalog and what SQLite stores them in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "sandbox/engine_table.h"
#include "sandbox/sql/parser.h"

bool table_run(engine_table_maker *m, const char *sql) {
  return sql != NULL && catalog_run(m->c, m->s->db, sql, "");
}

static void *exists(engine_table_maker *m, int32_t line) {
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
static int64_t find_schema(engine_table_maker *m, const sql_name *name) {
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
    return catalog_schema(m->c, m->s->db, catalog_database(m->c, m->s->db, "tempdb", NULL), "dbo",
                          NULL);
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

engine_table_maker table_new_maker(engine_session *s) {
  engine_table_maker m = {
      .s = s, .c = &s->context, .b = engine_binder(s), .is_tsql = s->owner->dialect == ENGINE_TSQL};
  return m;
}

/* "PK__flights__3213E83F": as SQL Server makes names up. */
const char *table_made_name(engine_table_maker *m, const char *prefix, const char *column) {
  uint8_t bytes[4] = {0};
  char hex[9];
  if (br_random(bytes, sizeof bytes, NULL) != BR_OK) {
    return sql_fail_memory(m->c);
  }
  br_hex_encode(bytes, sizeof bytes, hex);
  for (char *p = hex; *p != '\0'; p++) {
    *p = (char)(*p >= 'a' ? *p - 32 : *p);
  }
  return sql_text(m->c, "%s__%.9s__%.*s%s%s", prefix, m->name, column == NULL ? 0 : 5,
                  column == NULL ? "" : column, column == NULL ? "" : "__", hex);
}

static bool insert_object(engine_table_maker *m, int64_t schema_id, const char *kind,
                          const char *definition, const char *comment) {
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

bool table_insert_column(engine_table_maker *m, const catalog_column *c) {
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

static bool check_identity(engine_table_maker *m, const sql_column_def *def,
                           const catalog_column *c) {
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
static bool computed_type(engine_table_maker *m, const sql_column_def *def, catalog_column *columns,
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

static bool bind_default_of(engine_table_maker *m, const sql_column_def *def,
                            const catalog_column *c) {
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

bool table_make_column(engine_table_maker *m, const sql_stmt *stmt, const sql_column_def *def,
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
  if (c->type.kind == SQL_ROWVERSION && def->nullable == -1 && m->is_tsql) {
    c->nullable = false;
  }
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
    c->default_name = table_made_name(m, "DF", def->name);
  } else {
    c->default_name = def->default_name;
  }
  return m->c->status == BR_OK && bind_default_of(m, def, c);
}

/* "c1 COLLATE sci": without a type SQLite changes nothing that it is given. */
const char *table_physical_column(engine_table_maker *m, const catalog_column *c) {
  return sql_text(m->c, "c%d%s", c->id, sql_type_collate(&c->type));
}

static bool create_physical(engine_table_maker *m, const catalog_column *columns, size_t count) {
  const char *sql = sql_text(m->c, "CREATE TABLE %s.t%lld(", m->schema, (long long)m->id);
  size_t stored = 0;
  for (size_t i = 0; i < count && sql != NULL; i++) {
    if (columns[i].computed == NULL) {
      sql = sql_text(m->c, "%s%s%s", sql, stored++ == 0 ? "" : ", ",
                     table_physical_column(m, &columns[i]));
    }
  }
  if (stored == 0 && sql != NULL) {
    sql = sql_text(m->c, "%sempty", sql);
  }
  return table_run(m, sql_text(m->c, "%s)", sql));
}

/* ---- CREATE TABLE ---- */

static bool create_object(engine_table_maker *m, const sql_name *name,
                          const catalog_column *columns, size_t count, const char *comment) {
  int64_t schema_id = find_schema(m, name);
  if (schema_id == 0 || !insert_object(m, schema_id, "U", NULL, comment)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (!table_insert_column(m, &columns[i])) {
      return false;
    }
  }
  return catalog_run(
             m->c, m->s->db,
             sql_text(m->c, "UPDATE %s.c_object SET next_column = ? WHERE id = ?", m->schema), "ii",
             (int64_t)count + 1, m->id) &&
         create_physical(m, columns, count);
}

static bool make_columns(engine_table_maker *m, const sql_stmt *stmt, catalog_column **ret_columns,
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
    if (!table_make_column(m, stmt, def, columns, i)) {
      return false;
    }
    columns[i].id = (int)i + 1;
  }
  *ret_columns = columns;
  *ret_count = count;
  return columns != NULL;
}

/* Replaces or finds an object of the name. True: go on; *ret_done: there is nothing to do. */
static br_status clear_place(engine_table_maker *m, const sql_stmt *stmt, bool *ret_done,
                             br_error *err) {
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
  engine_table_maker m = table_new_maker(s);
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
      !table_add_constraints(&m, stmt, columns, count)) {
    return engine_context_failed(s, err);
  }
  return BR_OK;
}

br_status engine_create_from(engine_session *s, const sql_name *name, const sql_result_column *from,
                             size_t count, catalog_table **ret_table, br_error *err) {
  engine_table_maker m = table_new_maker(s);
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
