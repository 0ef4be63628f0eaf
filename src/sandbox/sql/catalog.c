#include "sandbox/sql/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/store.h"

/* Of both the main and the temp schema; %s is the schema. */
#define OBJECT_TABLES(s)                                                                           \
  "CREATE TABLE " s "c_object(id INTEGER PRIMARY KEY AUTOINCREMENT, schema_id INTEGER NOT NULL,"   \
  " name TEXT NOT NULL COLLATE wci, kind TEXT NOT NULL, definition TEXT, comment TEXT,"            \
  " created INTEGER NOT NULL, modified INTEGER NOT NULL, identity_next INTEGER,"                   \
  " next_column INTEGER NOT NULL DEFAULT 1, UNIQUE(schema_id, name));"                             \
  "CREATE TABLE " s "c_column(object_id INTEGER NOT NULL, id INTEGER NOT NULL,"                    \
  " name TEXT NOT NULL COLLATE wci, type INTEGER NOT NULL, type_text TEXT,"                        \
  " nullable INTEGER NOT NULL, identity INTEGER NOT NULL, seed INTEGER, increment INTEGER,"        \
  " default_name TEXT, default_text TEXT, computed TEXT, persisted INTEGER NOT NULL,"              \
  " comment TEXT, PRIMARY KEY(object_id, id)) WITHOUT ROWID;"                                      \
  "CREATE TABLE " s "c_index(id INTEGER PRIMARY KEY AUTOINCREMENT, object_id INTEGER NOT NULL,"    \
  " name TEXT NOT NULL COLLATE wci, kind TEXT NOT NULL, is_unique INTEGER NOT NULL,"               \
  " clustered INTEGER NOT NULL, columns TEXT NOT NULL);"                                           \
  "CREATE TABLE " s "c_check(id INTEGER PRIMARY KEY AUTOINCREMENT, object_id INTEGER NOT NULL,"    \
  " name TEXT NOT NULL COLLATE wci, text TEXT NOT NULL);"                                          \
  "CREATE TABLE " s "c_foreign(id INTEGER PRIMARY KEY AUTOINCREMENT, object_id INTEGER NOT NULL,"  \
  " name TEXT NOT NULL COLLATE wci, columns TEXT NOT NULL, target_id INTEGER NOT NULL,"            \
  " target_columns TEXT NOT NULL, on_delete INTEGER NOT NULL, on_update INTEGER NOT NULL);"

#define CONTAINER_TABLES                                                                           \
  "CREATE TABLE c_database(id INTEGER PRIMARY KEY AUTOINCREMENT,"                                  \
  " name TEXT NOT NULL UNIQUE COLLATE wci, created INTEGER NOT NULL, comment TEXT);"               \
  "CREATE TABLE c_schema(id INTEGER PRIMARY KEY AUTOINCREMENT, database_id INTEGER NOT NULL,"      \
  " name TEXT NOT NULL COLLATE wci, comment TEXT, created INTEGER NOT NULL,"                       \
  " UNIQUE(database_id, name));"

#define NOW "CAST(unixepoch() AS INTEGER)"

static const char *const steps_tsql[] = {
    CONTAINER_TABLES OBJECT_TABLES(
        "") "INSERT INTO c_database(name, created) VALUES('master', " NOW "), ('tempdb', " NOW "),"
            " ('model', " NOW "), ('msdb', " NOW ");"
            "INSERT INTO c_schema(database_id, name, created) SELECT id, 'dbo', " NOW
            " FROM c_database;"
            "UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'c_object';"
            "INSERT INTO sqlite_sequence(name, seq) SELECT 'c_object', 1000"
            " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'c_object');",
};

static const char *const steps_databricks[] = {
    CONTAINER_TABLES OBJECT_TABLES(
        "") "INSERT INTO c_database(name, created) VALUES('main', " NOW ");"
            "INSERT INTO c_schema(database_id, name, created) SELECT id, 'default', " NOW
            " FROM c_database;",
};

br_status catalog_open(sqlite3 *db, engine_dialect dialect, br_error *err) {
  return dialect == ENGINE_TSQL ? store_migrate(db, steps_tsql, 1, err)
                                : store_migrate(db, steps_databricks, 1, err);
}

br_status catalog_open_temporary(sqlite3 *db, br_error *err) {
  return store_exec(db, OBJECT_TABLES("temp."), err);
}

void *catalog_failed(sql_context *context, sqlite3 *db) {
  if (context->status == BR_OK) {
    br_error err = BR_ERROR_INIT;
    context->status = store_error(db, "catalog", &err);
    if (context->status == BR_ERR_CONFLICT) {
      context->status = BR_OK;
      return context->dialect == ENGINE_TSQL
                 ? sql_fail(context, 1222, 0, "Lock request time out period exceeded.")
                 : sql_fail_condition(context, "DELTA_CONCURRENT_APPEND", "2D521",
                                      "Another statement is writing. Please retry the "
                                      "operation.");
    }
    (void)snprintf(context->error.message, sizeof context->error.message, "%.1000s", err.message);
  }
  return NULL;
}

static sqlite3_stmt *prepare_v(sql_context *context, sqlite3 *db, const char *sql,
                               const char *types, va_list args) {
  sqlite3_stmt *stmt = NULL;
  if (context->status != BR_OK) {
    return NULL;
  }
  if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
    return catalog_failed(context, db);
  }
  int rc = SQLITE_OK;
  for (int i = 0; types[i] != '\0' && rc == SQLITE_OK; i++) {
    if (types[i] == 'i') {
      rc = sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
    } else {
      rc = sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
  }
  if (rc != SQLITE_OK) {
    (void)catalog_failed(context, db);
    (void)sqlite3_finalize(stmt);
    return NULL;
  }
  return stmt;
}

sqlite3_stmt *catalog_prepare(sql_context *context, sqlite3 *db, const char *sql, const char *types,
                              ...) {
  va_list args;
  va_start(args, types);
  sqlite3_stmt *stmt = prepare_v(context, db, sql, types, args);
  va_end(args);
  return stmt;
}

bool catalog_run(sql_context *context, sqlite3 *db, const char *sql, const char *types, ...) {
  va_list args;
  va_start(args, types);
  sqlite3_stmt *stmt = prepare_v(context, db, sql, types, args);
  va_end(args);
  if (stmt == NULL) {
    return false;
  }
  int rc = SQLITE_ROW;
  while (rc == SQLITE_ROW) {
    rc = sqlite3_step(stmt);
  }
  if (rc != SQLITE_DONE) {
    (void)catalog_failed(context, db);
  }
  (void)sqlite3_finalize(stmt);
  return context->status == BR_OK;
}

/* The next row; false at the end or on failure. */
static bool next_row(sql_context *context, sqlite3 *db, sqlite3_stmt *stmt) {
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    (void)catalog_failed(context, db);
  }
  return rc == SQLITE_ROW && context->status == BR_OK;
}

static const char *column_text(sql_context *context, sqlite3_stmt *stmt, int column) {
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  return text == NULL ? NULL : sql_copy(context, text, strlen(text));
}

static int64_t find_container(sql_context *context, sqlite3 *db, sqlite3_stmt *stmt,
                              const char **ret_name) {
  int64_t id = 0;
  if (stmt == NULL) {
    return 0;
  }
  if (next_row(context, db, stmt)) {
    id = sqlite3_column_int64(stmt, 0);
    if (ret_name != NULL) {
      *ret_name = column_text(context, stmt, 1);
    }
  }
  (void)sqlite3_finalize(stmt);
  return id;
}

int64_t catalog_database(sql_context *context, sqlite3 *db, const char *name,
                         const char **ret_name) {
  return find_container(context, db,
                        catalog_prepare(context, db,
                                        "SELECT id, name FROM main.c_database WHERE name = ?", "s",
                                        name),
                        ret_name);
}

int64_t catalog_schema(sql_context *context, sqlite3 *db, int64_t database_id, const char *name,
                       const char **ret_name) {
  return find_container(
      context, db,
      catalog_prepare(context, db,
                      "SELECT id, name FROM main.c_schema WHERE database_id = ? AND name = ?", "is",
                      database_id, name),
      ret_name);
}

bool catalog_split(sql_context *context, const catalog_scope *scope, const sql_name *name,
                   const char **ret_database, const char **ret_schema, const char **ret_object) {
  if (name->count > 3) {
    (void)sql_unsupported(context, name->line, "A name with a server");
    return false;
  }
  const char *schema = name->count >= 2 ? name->parts[name->count - 2] : "";
  const char *database = name->count == 3 ? name->parts[0] : "";
  const char *standard = context->dialect == ENGINE_TSQL ? "dbo" : "default";
  *ret_object = name->parts[name->count - 1];
  *ret_database = database[0] != '\0' ? database : scope->database;
  *ret_schema = schema[0] != '\0'          ? schema
                : name->count == 3         ? standard
                : scope->schema[0] != '\0' ? scope->schema
                                           : standard;
  return true;
}

const char *catalog_name_text(sql_context *context, const sql_name *name) {
  char text[600] = "";
  size_t used = 0;
  const char *quote = context->dialect == ENGINE_TSQL ? "" : "`";
  for (int i = 0; i < name->count && used < sizeof text; i++) {
    int n = snprintf(text + used, sizeof text - used, "%s%s%s%s", i == 0 ? "" : ".", quote,
                     name->parts[i], quote);
    used += n < 0 ? 0 : (size_t)n;
  }
  return sql_text(context, "%s", text);
}

void *catalog_unknown(sql_context *context, const sql_name *name) {
  const char *text = catalog_name_text(context, name);
  if (context->dialect == ENGINE_TSQL) {
    return sql_fail(context, 208, name->line, "Invalid object name '%s'.", text);
  }
  return sql_fail_condition(context, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
                            "The table or view %s cannot be found. Verify the spelling and "
                            "correctness of the schema and catalog. If you did not qualify the "
                            "name with a schema, verify the current_schema() output, or qualify "
                            "the name with the correct schema and catalog. To tolerate the error "
                            "on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.",
                            text == NULL ? "" : text);
}

/* "1,-3" to numbers. */
static int *parse_ids(sql_context *context, const char *text, size_t *ret_count) {
  size_t count = 1;
  for (const char *p = text; *p != '\0'; p++) {
    count += *p == ',';
  }
  int *ids = sql_new(context, count * sizeof *ids);
  if (ids == NULL) {
    return NULL;
  }
  char *end = NULL;
  for (size_t i = 0; i < count; i++) {
    ids[i] = (int)strtol(text, &end, 10);
    text = *end == ',' ? end + 1 : end;
  }
  *ret_count = count;
  return ids;
}

/* Rows of a query over one table's part of the catalog, each put into an array by `fill`. */
typedef bool (*fill_row)(sql_context *context, sqlite3_stmt *stmt, void *row);

static void *load_rows(sql_context *context, sqlite3 *db, const char *sql, int64_t id, size_t size,
                       fill_row fill, size_t *ret_count) {
  sqlite3_stmt *stmt = catalog_prepare(context, db, sql, "i", id);
  size_t capacity = 0;
  size_t count = 0;
  unsigned char *rows = NULL;
  while (stmt != NULL && next_row(context, db, stmt)) {
    if (count == capacity) {
      size_t more = capacity == 0 ? 8 : capacity * 2;
      unsigned char *bigger = sql_new(context, more * size);
      if (bigger == NULL) {
        break;
      }
      if (count != 0) {
        memcpy(bigger, rows, count * size);
      }
      rows = bigger;
      capacity = more;
    }
    if (!fill(context, stmt, rows + count * size)) {
      break;
    }
    count++;
  }
  (void)sqlite3_finalize(stmt);
  *ret_count = count;
  return rows;
}

static bool fill_column(sql_context *context, sqlite3_stmt *stmt, void *row) {
  catalog_column *c = row;
  c->id = sqlite3_column_int(stmt, 0);
  c->name = column_text(context, stmt, 1);
  c->type = sql_type_unpack(sqlite3_column_int64(stmt, 2));
  c->type.text = column_text(context, stmt, 3);
  c->nullable = sqlite3_column_int(stmt, 4) != 0;
  c->identity = sqlite3_column_int(stmt, 5) != 0;
  c->seed = sqlite3_column_int64(stmt, 6);
  c->increment = sqlite3_column_int64(stmt, 7);
  c->default_name = column_text(context, stmt, 8);
  c->default_text = column_text(context, stmt, 9);
  c->computed = column_text(context, stmt, 10);
  c->persisted = sqlite3_column_int(stmt, 11) != 0;
  c->comment = column_text(context, stmt, 12);
  return context->status == BR_OK;
}

static bool fill_index(sql_context *context, sqlite3_stmt *stmt, void *row) {
  catalog_index *x = row;
  const char *kind = (const char *)sqlite3_column_text(stmt, 2);
  x->id = sqlite3_column_int64(stmt, 0);
  x->name = column_text(context, stmt, 1);
  x->kind = (char)(kind == NULL ? 'I' : kind[0]);
  x->unique = sqlite3_column_int(stmt, 3) != CATALOG_NOT_UNIQUE;
  x->ignore_dup_key = sqlite3_column_int(stmt, 3) == CATALOG_UNIQUE_IGNORED;
  x->clustered = sqlite3_column_int(stmt, 4) != 0;
  x->columns = parse_ids(context, (const char *)sqlite3_column_text(stmt, 5), &x->column_count);
  return context->status == BR_OK;
}

static bool fill_check(sql_context *context, sqlite3_stmt *stmt, void *row) {
  catalog_check *c = row;
  c->id = sqlite3_column_int64(stmt, 0);
  c->name = column_text(context, stmt, 1);
  c->text = column_text(context, stmt, 2);
  return context->status == BR_OK;
}

static bool fill_foreign(sql_context *context, sqlite3_stmt *stmt, void *row) {
  catalog_foreign *f = row;
  f->id = sqlite3_column_int64(stmt, 0);
  f->table_id = sqlite3_column_int64(stmt, 1);
  f->name = column_text(context, stmt, 2);
  f->columns = parse_ids(context, (const char *)sqlite3_column_text(stmt, 3), &f->column_count);
  f->target_id = sqlite3_column_int64(stmt, 4);
  f->target_columns =
      parse_ids(context, (const char *)sqlite3_column_text(stmt, 5), &f->column_count);
  f->on_delete = (sql_fk_action)sqlite3_column_int(stmt, 6);
  f->on_update = (sql_fk_action)sqlite3_column_int(stmt, 7);
  return context->status == BR_OK;
}

#define FOREIGN_COLUMNS                                                                            \
  "SELECT id, object_id, name, columns, target_id, target_columns, on_delete, on_update FROM "

static void load_parts(sql_context *context, sqlite3 *db, catalog_table *t) {
  const char *s = t->temporary ? "temp" : "main";
  t->columns = load_rows(
      context, db,
      sql_text(context,
               "SELECT id, name, type, type_text, nullable, identity, seed, increment,"
               " default_name, default_text, computed, persisted, comment FROM %s.c_column"
               " WHERE object_id = ? ORDER BY id",
               s),
      t->id, sizeof *t->columns, fill_column, &t->column_count);
  if (context->status != BR_OK || t->kind != 'U') {
    return;
  }
  t->indexes = load_rows(context, db,
                         sql_text(context,
                                  "SELECT id, name, kind, is_unique, clustered, columns FROM"
                                  " %s.c_index WHERE object_id = ? ORDER BY id",
                                  s),
                         t->id, sizeof *t->indexes, fill_index, &t->index_count);
  t->checks = load_rows(
      context, db,
      sql_text(context, "SELECT id, name, text FROM %s.c_check WHERE object_id = ? ORDER BY id", s),
      t->id, sizeof *t->checks, fill_check, &t->check_count);
  t->foreigns = load_rows(
      context, db,
      sql_text(context, FOREIGN_COLUMNS "%s.c_foreign WHERE object_id = ? ORDER BY id", s), t->id,
      sizeof *t->foreigns, fill_foreign, &t->foreign_count);
  (void)catalog_references(context, t, db, &t->referenced);
}

catalog_foreign *catalog_references(sql_context *context, const catalog_table *table, sqlite3 *db,
                                    size_t *ret_count) {
  *ret_count = 0;
  return context->status != BR_OK
             ? NULL
             : load_rows(context, db,
                         sql_text(context,
                                  FOREIGN_COLUMNS "%s.c_foreign WHERE target_id = ? ORDER BY id",
                                  table->temporary ? "temp" : "main"),
                         table->id, sizeof(catalog_foreign), fill_foreign, ret_count);
}

static catalog_table *load_table(sql_context *context, sqlite3 *db, sqlite3_stmt *stmt,
                                 bool temporary) {
  catalog_table *table = NULL;
  if (stmt == NULL) {
    return NULL;
  }
  if (next_row(context, db, stmt) && (table = sql_new(context, sizeof *table)) != NULL) {
    const char *kind = (const char *)sqlite3_column_text(stmt, 2);
    table->temporary = temporary;
    table->id = sqlite3_column_int64(stmt, 0);
    table->name = column_text(context, stmt, 1);
    table->kind = (char)(kind == NULL ? 'U' : kind[0]);
    table->definition = column_text(context, stmt, 3);
    table->schema_id = sqlite3_column_int64(stmt, 4);
    table->schema = column_text(context, stmt, 5);
    table->database = column_text(context, stmt, 6);
    table->physical =
        sql_text(context, "%s.t%lld", temporary ? "temp" : "main", (long long)table->id);
  }
  (void)sqlite3_finalize(stmt);
  if (table != NULL && context->status == BR_OK) {
    load_parts(context, db, table);
  }
  return context->status == BR_OK ? table : NULL;
}

#define OBJECT_COLUMNS                                                                             \
  "SELECT o.id, o.name, o.kind, o.definition, o.schema_id, s.name, d.name FROM main.c_object o"    \
  " JOIN main.c_schema s ON s.id = o.schema_id JOIN main.c_database d ON d.id = s.database_id"

bool catalog_has_temporary(sqlite3 *db) {
  return sqlite3_table_column_metadata(db, "temp", "c_object", NULL, NULL, NULL, NULL, NULL,
                                       NULL) == SQLITE_OK;
}

static catalog_table *find_temporary(sql_context *context, sqlite3 *db, const char *name) {
  if (!catalog_has_temporary(db)) {
    return NULL;
  }
  return load_table(context, db,
                    catalog_prepare(context, db,
                                    "SELECT id, name, kind, definition, schema_id, 'dbo', 'tempdb'"
                                    " FROM temp.c_object WHERE name = ?",
                                    "s", name),
                    true);
}

catalog_table *catalog_find(sql_context *context, const catalog_scope *scope, const sql_name *name,
                            char kind) {
  const char *database = NULL;
  const char *schema = NULL;
  const char *object = NULL;
  if (context->status != BR_OK ||
      !catalog_split(context, scope, name, &database, &schema, &object)) {
    return NULL;
  }
  catalog_table *table = NULL;
  if (context->dialect == ENGINE_TSQL && object[0] == '#') {
    table = find_temporary(context, scope->db, object);
  } else {
    table =
        load_table(context, scope->db,
                   catalog_prepare(context, scope->db,
                                   OBJECT_COLUMNS " WHERE o.name = ? AND s.name = ? AND d.name = ?"
                                                  " AND o.kind IN ('U', 'V')",
                                   "sss", object, schema, database),
                   false);
  }
  return table != NULL && kind != 0 && table->kind != kind ? NULL : table;
}

catalog_table *catalog_find_id(sql_context *context, sqlite3 *db, int64_t id) {
  return load_table(context, db,
                    catalog_prepare(context, db, OBJECT_COLUMNS " WHERE o.id = ?", "i", id), false);
}

catalog_table *catalog_need(sql_context *context, const catalog_scope *scope,
                            const sql_name *name) {
  catalog_table *table = catalog_find(context, scope, name, 0);
  return table != NULL ? table : catalog_unknown(context, name);
}

const catalog_column *catalog_column_named(const catalog_table *table, const char *name) {
  for (size_t i = 0; i < table->column_count; i++) {
    if (br_text_equal_nocase(table->columns[i].name, name)) {
      return &table->columns[i];
    }
  }
  return NULL;
}

const catalog_column *catalog_column_id(const catalog_table *table, int id) {
  for (size_t i = 0; i < table->column_count; i++) {
    if (table->columns[i].id == id) {
      return &table->columns[i];
    }
  }
  return NULL;
}
