/*
 * engine_ddl.c: CREATE and DROP of databases, schemas, views, volumes; DROP TABLE; TRUNCATE.
 */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"

static br_status failed(engine_session *s, br_error *err) {
  return engine_context_failed(s, err);
}

static bool is_tsql(const engine_session *s) {
  return s->owner->dialect == ENGINE_TSQL;
}

static const char *schema_of(const catalog_table *table) {
  return table->temporary ? "temp" : "main";
}

br_status engine_drop_object(engine_session *s, const catalog_table *table, br_error *err) {
  static const char *const parts[] = {"c_column", "c_index", "c_check", "c_foreign"};
  const char *schema = schema_of(table);
  bool good =
      table->kind != 'U' ||
      catalog_run(&s->context, s->db, sql_text(&s->context, "DROP TABLE %s", table->physical), "");
  for (size_t i = 0; i < sizeof parts / sizeof parts[0] && good; i++) {
    good = catalog_run(
        &s->context, s->db,
        sql_text(&s->context, "DELETE FROM %s.%s WHERE object_id = ?", schema, parts[i]), "i",
        table->id);
  }
  good = good && catalog_run(&s->context, s->db,
                             sql_text(&s->context, "DELETE FROM %s.c_object WHERE id = ?", schema),
                             "i", table->id);
  return good ? BR_OK : failed(s, err);
}

/* ---- containers ---- */

static br_status create_database(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const char *name = stmt->name.parts[0];
  if (catalog_database(&s->context, s->db, name, NULL) != 0) {
    if (stmt->if_not_exists) {
      return BR_OK;
    }
    (void)(is_tsql(s)
               ? sql_fail(&s->context, 1801, stmt->line,
                          "Database '%s' already exists. Choose a different database name.", name)
               : sql_fail_condition(&s->context, "CATALOG_ALREADY_EXISTS", "42710",
                                    "Catalog '%s' already exists.", name));
    return failed(s, err);
  }
  const char *standard = is_tsql(s) ? "dbo" : "default";
  bool good = catalog_run(&s->context, s->db,
                          "INSERT INTO main.c_database(name, comment, created) VALUES(?, ?, "
                          "unixepoch())",
                          "ss", name, stmt->value) &&
              catalog_run(&s->context, s->db,
                          "INSERT INTO main.c_schema(database_id, name, created) VALUES(?, ?, "
                          "unixepoch())",
                          "is", (int64_t)sqlite3_last_insert_rowid(s->db), standard);
  return good ? BR_OK : failed(s, err);
}

/* All objects of a schema. *ret_any: there were some. */
static br_status drop_objects(engine_session *s, int64_t schema_id, bool *ret_any, bool drop,
                              br_error *err) {
  for (;;) {
    sqlite3_stmt *stmt = catalog_prepare(
        &s->context, s->db, "SELECT id, kind FROM main.c_object WHERE schema_id = ? LIMIT 1", "i",
        schema_id);
    if (stmt == NULL) {
      return failed(s, err);
    }
    bool row = sqlite3_step(stmt) == SQLITE_ROW;
    int64_t id = row ? sqlite3_column_int64(stmt, 0) : 0;
    bool table = row && strcmp((const char *)sqlite3_column_text(stmt, 1), "U") == 0;
    (void)sqlite3_finalize(stmt);
    *ret_any = *ret_any || row;
    if (!row || !drop) {
      return BR_OK;
    }
    catalog_table object = {.id = id,
                            .kind = table ? 'U' : 'V',
                            .physical = sql_text(&s->context, "main.t%lld", (long long)id)};
    br_status st = engine_drop_object(s, &object, err);
    if (st != BR_OK) {
      return st;
    }
  }
}

static br_status drop_schema_id(engine_session *s, int64_t id, bool cascade, const char *name,
                                br_error *err) {
  bool any = false;
  br_status st = drop_objects(s, id, &any, cascade, err);
  if (st == BR_OK && any && !cascade) {
    (void)(is_tsql(s) ? sql_fail(&s->context, 3729, 1,
                                 "Cannot drop schema '%s' because it is being referenced by an "
                                 "object.",
                                 name)
                      : sql_fail_condition(&s->context, "SCHEMA_NOT_EMPTY", "2BP01",
                                           "Cannot drop a schema `%s` because it contains objects. "
                                           "Use DROP SCHEMA ... CASCADE to drop the schema and all "
                                           "its objects.",
                                           name));
    return failed(s, err);
  }
  if (st == BR_OK &&
      !catalog_run(&s->context, s->db, "DELETE FROM main.c_schema WHERE id = ?", "i", id)) {
    return failed(s, err);
  }
  return st;
}

static br_status drop_database(engine_session *s, const sql_stmt *stmt, br_error *err) {
  for (size_t i = 0; i < stmt->object_count; i++) {
    const char *name = stmt->objects[i].parts[0];
    int64_t id = catalog_database(&s->context, s->db, name, NULL);
    if (id == 0 && s->context.status == BR_OK && !stmt->if_exists) {
      (void)(is_tsql(s)
                 ? sql_fail(&s->context, 3701, stmt->line,
                            "Cannot drop the database '%s', because it does not exist or you "
                            "do not have permission.",
                            name)
                 : sql_fail_condition(&s->context, "NO_SUCH_CATALOG_EXCEPTION", "42704",
                                      "Catalog '%s' was not found.", name));
    } else if (id != 0 && is_tsql(s) && id <= 4) {
      (void)sql_fail(&s->context, 3708, stmt->line,
                     "Cannot drop the database '%s' because it is a system database.", name);
    } else if (id != 0 && br_text_equal_nocase(name, s->database)) {
      (void)sql_fail(&s->context, 3702, stmt->line,
                     "Cannot drop database \"%s\" because it is currently in use.", name);
    }
    if (s->context.status != BR_OK) {
      return failed(s, err);
    }
    for (;;) {
      sqlite3_stmt *rows =
          catalog_prepare(&s->context, s->db,
                          "SELECT id FROM main.c_schema WHERE database_id = ? LIMIT 1", "i", id);
      int64_t schema =
          rows != NULL && sqlite3_step(rows) == SQLITE_ROW ? sqlite3_column_int64(rows, 0) : 0;
      (void)sqlite3_finalize(rows);
      if (schema == 0) {
        break;
      }
      br_status st = drop_schema_id(s, schema, true, name, err);
      if (st != BR_OK) {
        return st;
      }
    }
    if (!catalog_run(&s->context, s->db, "DELETE FROM main.c_database WHERE id = ?", "i", id)) {
      return failed(s, err);
    }
  }
  return BR_OK;
}

/* [catalog.]schema */
static int64_t schema_database(engine_session *s, const sql_name *name, const char **ret_schema) {
  const char *database = name->count > 1 ? name->parts[name->count - 2] : s->database;
  *ret_schema = name->parts[name->count - 1];
  int64_t id = catalog_database(&s->context, s->db, database, NULL);
  if (id == 0 && s->context.status == BR_OK) {
    (void)(is_tsql(s) ? sql_fail(&s->context, 911, name->line,
                                 "Database '%s' does not exist. Make sure that the name is entered "
                                 "correctly.",
                                 database)
                      : sql_fail_condition(&s->context, "NO_SUCH_CATALOG_EXCEPTION", "42704",
                                           "Catalog '%s' was not found. Please verify the catalog "
                                           "name and then retry the query or command again.",
                                           database));
  }
  return id;
}

static br_status create_schema(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const char *schema = NULL;
  int64_t database = schema_database(s, &stmt->name, &schema);
  if (database == 0) {
    return failed(s, err);
  }
  if (catalog_schema(&s->context, s->db, database, schema, NULL) != 0) {
    if (stmt->if_not_exists) {
      return BR_OK;
    }
    (void)(is_tsql(s) ? sql_fail(&s->context, 2714, stmt->line,
                                 "There is already an object named '%s' in the database.", schema)
                      : sql_fail_condition(&s->context, "SCHEMA_ALREADY_EXISTS", "42P06",
                                           "Cannot create schema `%s` because it already exists. "
                                           "Choose a different name, drop the existing schema, or "
                                           "add the IF NOT EXISTS clause to tolerate pre-existing "
                                           "schema.",
                                           schema));
    return failed(s, err);
  }
  return catalog_run(&s->context, s->db,
                     "INSERT INTO main.c_schema(database_id, name, comment, created) VALUES(?, ?, "
                     "?, unixepoch())",
                     "iss", database, schema, stmt->value)
             ? BR_OK
             : failed(s, err);
}

static br_status drop_schema(engine_session *s, const sql_stmt *stmt, br_error *err) {
  for (size_t i = 0; i < stmt->object_count; i++) {
    const char *schema = NULL;
    int64_t database = schema_database(s, &stmt->objects[i], &schema);
    int64_t id = database == 0 ? 0 : catalog_schema(&s->context, s->db, database, schema, NULL);
    if (id == 0 && s->context.status == BR_OK && !stmt->if_exists) {
      (void)(is_tsql(s)
                 ? sql_fail(&s->context, 15151, stmt->line,
                            "Cannot drop the schema '%s', because it does not exist or you do "
                            "not have permission.",
                            schema)
                 : sql_fail_condition(&s->context, "SCHEMA_NOT_FOUND", "42704",
                                      "The schema `%s` cannot be found.", schema));
    }
    if (s->context.status != BR_OK) {
      return failed(s, err);
    }
    if (id != 0) {
      br_status st = drop_schema_id(s, id, stmt->unique, schema, err);
      if (st != BR_OK) {
        return st;
      }
    }
  }
  return BR_OK;
}

/* ---- views and volumes ---- */

static br_status insert_named(engine_session *s, const sql_stmt *stmt, const char *kind,
                              const char *definition, int64_t *ret_id, br_error *err) {
  sql_binder b = engine_binder(s);
  const char *database = NULL;
  const char *schema = NULL;
  const char *object = NULL;
  if (!catalog_split(&s->context, &b.names, &stmt->name, &database, &schema, &object)) {
    return failed(s, err);
  }
  int64_t database_id = catalog_database(&s->context, s->db, database, NULL);
  int64_t schema_id =
      database_id == 0 ? 0 : catalog_schema(&s->context, s->db, database_id, schema, NULL);
  if (schema_id == 0 && s->context.status == BR_OK) {
    (void)(is_tsql(s) ? sql_fail(&s->context, 2760, stmt->line,
                                 "The specified schema name \"%s\" either does not exist or you do "
                                 "not have permission to use it.",
                                 schema)
                      : sql_fail_condition(&s->context, "SCHEMA_NOT_FOUND", "42704",
                                           "The schema `%s`.`%s` cannot be found. Verify the "
                                           "spelling and correctness of the schema and catalog.",
                                           database, schema));
  }
  if (s->context.status != BR_OK ||
      !catalog_run(&s->context, s->db,
                   "INSERT INTO main.c_object(schema_id, name, kind, definition, comment, created,"
                   " modified) VALUES(?, ?, ?, ?, ?, unixepoch(), unixepoch())",
                   "issss", schema_id, object, kind, definition, stmt->value)) {
    return failed(s, err);
  }
  *ret_id = sqlite3_last_insert_rowid(s->db);
  return BR_OK;
}

static bool insert_view_column(engine_session *s, int64_t id, size_t number, const char *name,
                               const sql_result_column *c) {
  sql_type type = c->type;
  if (type.kind == SQL_VOID) {
    type = sql_type_of(is_tsql(s) ? SQL_INT : SQL_STRING);
  }
  return catalog_run(&s->context, s->db,
                     "INSERT INTO main.c_column(object_id, id, name, type, type_text, nullable,"
                     " identity, persisted) VALUES(?, ?, ?, ?, ?, ?, 0, 0)",
                     "iisisi", id, (int64_t)number, name, sql_type_pack(&type), type.text,
                     (int64_t)c->nullable);
}

static br_status create_view(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  sql_bound_query query;
  if (is_tsql(s) && stmt->query->order != NULL && stmt->query->fetch == NULL &&
      (stmt->query->body->kind != SQL_BODY_SELECT || stmt->query->body->select->top == NULL)) {
    (void)sql_fail(
        &s->context, 1033, stmt->line,
        "The ORDER BY clause is invalid in views, inline functions, derived tables, "
        "subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also "
        "specified.");
    return failed(s, err);
  }
  catalog_table *old = catalog_find(&s->context, &b.names, &stmt->name, 0);
  if (s->context.status != BR_OK || !bind_query(&b, stmt->query, &query)) {
    return failed(s, err);
  }
  br_status st = BR_OK;
  if (old != NULL && stmt->if_not_exists) {
    return BR_OK;
  }
  if (old != NULL && stmt->or_replace && old->kind == 'V') {
    st = engine_drop_object(s, old, err);
  } else if (old != NULL) {
    (void)(is_tsql(s)
               ? sql_fail(&s->context, 2714, stmt->line,
                          "There is already an object named '%s' in the database.", old->name)
               : sql_fail_condition(&s->context, "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07",
                                    "Cannot create table or view `%s`.`%s` because it "
                                    "already exists.",
                                    old->schema, old->name));
    st = failed(s, err);
  }
  int64_t id = 0;
  if (st == BR_OK) {
    st = insert_named(s, stmt, "V", stmt->text, &id, err);
  }
  const sql_names *names = stmt->names;
  for (size_t i = 0; i < query.count && st == BR_OK; i++) {
    const char *name = names != NULL ? names->name : query.columns[i].name;
    names = names == NULL ? NULL : names->next;
    if (name[0] == '\0') {
      (void)sql_fail(&s->context, 4511, stmt->line,
                     "Create View or Function failed because no column name was specified for "
                     "column %zu.",
                     i + 1);
      st = failed(s, err);
    } else if (!insert_view_column(s, id, i + 1, name, &query.columns[i])) {
      st = failed(s, err);
    }
  }
  return st;
}

static br_status create_volume(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  const char *database = NULL;
  const char *schema = NULL;
  const char *object = NULL;
  int64_t id = 0;
  if (!catalog_split(&s->context, &b.names, &stmt->name, &database, &schema, &object)) {
    return failed(s, err);
  }
  sqlite3_stmt *found = catalog_prepare(
      &s->context, s->db,
      "SELECT 1 FROM main.c_object o JOIN main.c_schema s ON s.id = o.schema_id JOIN"
      " main.c_database d ON d.id = s.database_id WHERE o.name = ? AND s.name = ? AND d.name = ?"
      " AND o.kind = 'L'",
      "sss", object, schema, database);
  bool exists = found != NULL && sqlite3_step(found) == SQLITE_ROW;
  (void)sqlite3_finalize(found);
  if (exists && stmt->if_not_exists) {
    return BR_OK;
  }
  if (exists) {
    (void)sql_fail_condition(&s->context, "VOLUME_ALREADY_EXISTS", "42000",
                             "Cannot create volume `%s`.`%s`.`%s` because it already exists.",
                             database, schema, object);
  }
  br_status st =
      s->context.status == BR_OK ? insert_named(s, stmt, "L", NULL, &id, err) : failed(s, err);
  if (st == BR_OK && s->owner->volumes_folder != NULL) {
    const char *path =
        sql_text(&s->context, "%s/%s/%s/%s", s->owner->volumes_folder, database, schema, object);
    st = path == NULL ? failed(s, err) : br_dir_make(path, 0700, err);
  }
  return st;
}

/* ---- DROP TABLE, VIEW, VOLUME, INDEX ---- */

static br_status drop_tables(engine_session *s, const sql_stmt *stmt, char kind, br_error *err) {
  sql_binder b = engine_binder(s);
  for (size_t i = 0; i < stmt->object_count; i++) {
    const sql_name *name = &stmt->objects[i];
    catalog_table *table = catalog_find(&s->context, &b.names, name, kind);
    const char *text = catalog_name_text(&s->context, name);
    if (table == NULL && s->context.status == BR_OK && !stmt->if_exists) {
      (void)(is_tsql(s) ? sql_fail(&s->context, 3701, stmt->line,
                                   "Cannot drop the %s '%s', because it does not exist or you do "
                                   "not have permission.",
                                   kind == 'U' ? "table" : "view", text)
                        : catalog_unknown(&s->context, name));
      s->context.error.severity = 11;
      s->context.error.state = 5;
    }
    if (table != NULL && table->referenced > 0) {
      size_t others = 0;
      size_t count = 0;
      catalog_foreign *f = catalog_references(&s->context, table, s->db, &count);
      for (size_t j = 0; f != NULL && j < count; j++) {
        others += f[j].table_id != table->id;
      }
      if (others > 0) {
        (void)sql_fail(&s->context, 3726, stmt->line,
                       "Could not drop object '%s' because it is referenced by a FOREIGN KEY "
                       "constraint.",
                       text);
      }
    }
    if (s->context.status != BR_OK) {
      return failed(s, err);
    }
    br_status st = table == NULL ? BR_OK : engine_drop_object(s, table, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static br_status drop_volume(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  const char *database = NULL;
  const char *schema = NULL;
  const char *object = NULL;
  if (!catalog_split(&s->context, &b.names, &stmt->objects[0], &database, &schema, &object) ||
      !catalog_run(&s->context, s->db,
                   "DELETE FROM main.c_object WHERE kind = 'L' AND name = ? AND schema_id IN"
                   " (SELECT s.id FROM main.c_schema s JOIN main.c_database d ON d.id ="
                   " s.database_id WHERE s.name = ? AND d.name = ?)",
                   "sss", object, schema, database)) {
    return failed(s, err);
  }
  if (sqlite3_changes(s->db) == 0 && !stmt->if_exists) {
    (void)sql_fail_condition(&s->context, "VOLUME_NOT_FOUND", "42704",
                             "Volume `%s`.`%s`.`%s` does not exist. Please use 'SHOW VOLUMES' to "
                             "list available volumes.",
                             database, schema, object);
    return failed(s, err);
  }
  return BR_OK;
}

/* DROP INDEX i ON t, and the old DROP INDEX t.i. */
static br_status drop_index(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  const sql_name *name = &stmt->objects[0];
  sql_name owner = stmt->other;
  if (owner.count == 0 && name->count > 1) {
    owner = *name;
    owner.count--;
  }
  catalog_table *table = owner.count == 0 ? NULL : catalog_need(&s->context, &b.names, &owner);
  if (s->context.status != BR_OK) {
    return failed(s, err);
  }
  const char *index = name->parts[name->count - 1];
  for (size_t i = 0; table != NULL && i < table->index_count; i++) {
    const catalog_index *x = &table->indexes[i];
    if (!br_text_equal_nocase(x->name, index)) {
      continue;
    }
    if (x->kind != 'I') {
      (void)sql_fail(&s->context, 3723, stmt->line,
                     "An explicit DROP INDEX is not allowed on index '%s.%s'. It is being used for "
                     "%s constraint enforcement.",
                     table->name, index, x->kind == 'P' ? "PRIMARY KEY" : "UNIQUE KEY");
      return failed(s, err);
    }
    const char *schema = schema_of(table);
    bool good =
        catalog_run(&s->context, s->db,
                    sql_text(&s->context, "DROP INDEX %s.i%lld", schema, (long long)x->id), "") &&
        catalog_run(
            &s->context, s->db,
            sql_text(&s->context, "DROP INDEX IF EXISTS %s.i%lldn", schema, (long long)x->id),
            "") &&
        catalog_run(&s->context, s->db,
                    sql_text(&s->context, "DELETE FROM %s.c_index WHERE id = ?", schema), "i",
                    x->id);
    return good ? BR_OK : failed(s, err);
  }
  if (!stmt->if_exists) {
    (void)sql_fail(&s->context, 3701, stmt->line,
                   "Cannot drop the index '%s.%s', because it does not exist or you do not have "
                   "permission.",
                   owner.count == 0 ? "" : owner.parts[owner.count - 1], index);
    return failed(s, err);
  }
  return BR_OK;
}

static br_status truncate_table(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  catalog_table *table = catalog_find(&s->context, &b.names, &stmt->name, 'U');
  if (table == NULL) {
    const char *text = catalog_name_text(&s->context, &stmt->name);
    (void)(is_tsql(s)
               ? sql_fail(&s->context, 4701, stmt->line,
                          "Cannot find the object \"%s\" because it does not exist or you do "
                          "not have permissions.",
                          text)
               : catalog_unknown(&s->context, &stmt->name));
    return failed(s, err);
  }
  size_t count = 0;
  catalog_foreign *f = catalog_references(&s->context, table, s->db, &count);
  for (size_t i = 0; f != NULL && i < count; i++) {
    if (f[i].table_id != table->id) {
      (void)sql_fail(&s->context, 4712, stmt->line,
                     "Cannot truncate table '%s' because it is being referenced by a FOREIGN KEY "
                     "constraint.",
                     table->name);
      return failed(s, err);
    }
  }
  return catalog_run(&s->context, s->db, sql_text(&s->context, "DELETE FROM %s", table->physical),
                     "") &&
                 catalog_run(&s->context, s->db,
                             sql_text(&s->context,
                                      "UPDATE %s.c_object SET identity_next = NULL WHERE id = ?",
                                      schema_of(table)),
                             "i", table->id)
             ? BR_OK
             : failed(s, err);
}

static br_status dispatch(engine_session *s, const sql_stmt *stmt, br_error *err) {
  switch (stmt->kind) {
  case SQL_S_CREATE_DATABASE:
    return create_database(s, stmt, err);
  case SQL_S_DROP_DATABASE:
    return drop_database(s, stmt, err);
  case SQL_S_CREATE_SCHEMA:
    return create_schema(s, stmt, err);
  case SQL_S_DROP_SCHEMA:
    return drop_schema(s, stmt, err);
  case SQL_S_CREATE_TABLE:
    return engine_create_table(s, stmt, err);
  case SQL_S_DROP_TABLE:
    return drop_tables(s, stmt, 'U', err);
  case SQL_S_ALTER_ADD:
  case SQL_S_ALTER_DROP:
  case SQL_S_ALTER_COLUMN:
    return engine_alter_table(s, stmt, err);
  case SQL_S_CREATE_INDEX:
    return engine_create_index(s, stmt, err);
  case SQL_S_DROP_INDEX:
    return drop_index(s, stmt, err);
  case SQL_S_CREATE_VIEW:
    return create_view(s, stmt, err);
  case SQL_S_DROP_VIEW:
    return drop_tables(s, stmt, 'V', err);
  case SQL_S_TRUNCATE:
    return truncate_table(s, stmt, err);
  case SQL_S_CREATE_VOLUME:
    return create_volume(s, stmt, err);
  case SQL_S_DROP_VOLUME:
    return drop_volume(s, stmt, err);
  default:
    return br_error_set(err, BR_ERR_INTERNAL, "No such statement");
  }
}

static const char *kind_word(const sql_stmt *stmt) {
  static const char *const words[] = {
      [SQL_S_CREATE_DATABASE] = "CREATE DATABASE",
      [SQL_S_DROP_DATABASE] = "DROP DATABASE",
      [SQL_S_CREATE_SCHEMA] = "CREATE SCHEMA",
      [SQL_S_DROP_SCHEMA] = "DROP SCHEMA",
      [SQL_S_CREATE_TABLE] = "CREATE TABLE",
      [SQL_S_DROP_TABLE] = "DROP TABLE",
      [SQL_S_ALTER_ADD] = "ALTER TABLE",
      [SQL_S_ALTER_DROP] = "ALTER TABLE",
      [SQL_S_ALTER_COLUMN] = "ALTER TABLE",
      [SQL_S_CREATE_INDEX] = "CREATE INDEX",
      [SQL_S_DROP_INDEX] = "DROP INDEX",
      [SQL_S_CREATE_VIEW] = "CREATE VIEW",
      [SQL_S_DROP_VIEW] = "DROP VIEW",
      [SQL_S_TRUNCATE] = "TRUNCATE TABLE",
      [SQL_S_CREATE_VOLUME] = "CREATE VOLUME",
      [SQL_S_DROP_VOLUME] = "DROP VOLUME",
  };
  return words[stmt->kind];
}

br_status engine_ddl(engine_session *s, const sql_stmt *stmt, br_error *err) {
  s->statement_kind =
      stmt->kind == SQL_S_CREATE_TABLE && stmt->query != NULL ? "INSERT" : kind_word(stmt);
  br_status st = engine_write_begin(s, false, err);
  if (st != BR_OK) {
    return st;
  }
  st = dispatch(s, stmt, err);
  br_status ended = engine_write_end(s, st == BR_OK, st == BR_OK ? err : NULL);
  return st != BR_OK ? st : ended;
}
