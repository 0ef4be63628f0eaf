/*
 * engine_write.c: one row into a table: identity, rowversion, NOT NULL, and what a refused row is
 * called.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sandbox/engine_internal.h"
#include "store/store.h"

const char *engine_table_name(sql_context *context, const catalog_table *table) {
  return sql_text(context, "%s.%s", table->schema, table->name);
}

const char *engine_full_name(sql_context *context, const catalog_table *table) {
  return sql_text(context, "%s.%s.%s", table->database, table->schema, table->name);
}

static const char *schema_of(const catalog_table *table) {
  return table->temporary ? "temp" : "main";
}

static br_status read_identity(engine_writer *w, br_error *err) {
  engine_session *s = w->session;
  const catalog_column *c = &w->table->columns[w->identity];
  sqlite3_stmt *stmt =
      catalog_prepare(&s->context, s->db,
                      sql_text(&s->context, "SELECT identity_next FROM %s.c_object WHERE id = ?",
                               schema_of(w->table)),
                      "i", w->table->id);
  if (stmt == NULL) {
    return engine_context_failed(s, err);
  }
  bool row = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
  w->identity_next = row ? sqlite3_column_int64(stmt, 0) : c->seed;
  (void)sqlite3_finalize(stmt);
  return BR_OK;
}

static const char *insert_text(engine_writer *w) {
  sql_context *context = &w->session->context;
  br_buf columns;
  br_buf values;
  br_buf_init(&columns, BR_MIB(4));
  br_buf_init(&values, BR_MIB(4));
  br_status st = br_buf_text(&columns, "rowid", NULL);
  if (st == BR_OK) {
    st = br_buf_text(&values, "?1", NULL);
  }
  int number = 1;
  for (size_t i = 0; i < w->table->column_count && st == BR_OK; i++) {
    if (w->table->columns[i].computed != NULL) {
      continue;
    }
    w->parameter_of[i] = ++number;
    st = br_buf_printf(&columns, NULL, ",c%d", w->table->columns[i].id);
    if (st == BR_OK) {
      st = br_buf_printf(&values, NULL, ",?%d", number);
    }
  }
  const char *text = NULL;
  if (st == BR_OK) {
    text =
        sql_text(context, "INSERT INTO %s(%.*s) VALUES(%.*s)", w->table->physical, (int)columns.len,
                 (const char *)columns.data, (int)values.len, (const char *)values.data);
  } else {
    (void)sql_fail_memory(context);
  }
  br_buf_done(&columns);
  br_buf_done(&values);
  return text;
}

static br_status read_last_rowid(engine_writer *w, br_error *err) {
  engine_session *s = w->session;
  sqlite3_stmt *stmt =
      catalog_prepare(&s->context, s->db,
                      sql_text(&s->context, "SELECT max(rowid) FROM %s", w->table->physical), "");
  if (stmt == NULL) {
    return engine_context_failed(s, err);
  }
  w->first_rowid = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) + 1 : 1;
  (void)sqlite3_finalize(stmt);
  return BR_OK;
}

br_status engine_writer_open(engine_session *s, const catalog_table *table, bool explicit_identity,
                             engine_writer *ret_writer, br_error *err) {
  engine_writer w = {.session = s,
                     .table = table,
                     .identity = -1,
                     .rowversion = -1,
                     .explicit_identity = explicit_identity};
  w.parameter_of = sql_new(&s->context, (table->column_count + 1) * sizeof *w.parameter_of);
  w.row = sql_new(&s->context, (table->column_count + 1) * sizeof *w.row);
  for (size_t i = 0; i < table->column_count; i++) {
    if (table->columns[i].identity) {
      w.identity = (ptrdiff_t)i;
    }
    if (table->columns[i].type.kind == SQL_ROWVERSION) {
      w.rowversion = (ptrdiff_t)i;
    }
  }
  const char *sql = s->context.status == BR_OK ? insert_text(&w) : NULL;
  if (sql == NULL) {
    return engine_context_failed(s, err);
  }
  br_status st = w.identity >= 0 ? read_identity(&w, err) : BR_OK;
  if (st == BR_OK) {
    st = read_last_rowid(&w, err);
  }
  if (st == BR_OK &&
      sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &w.insert, NULL) != SQLITE_OK) {
    st = engine_step_failed(s, err);
  }
  if (st == BR_OK) {
    *ret_writer = w;
  }
  return st;
}

static br_status null_refused(engine_writer *w, size_t column, bool update, br_error *err) {
  engine_session *s = w->session;
  const char *table = engine_full_name(&s->context, w->table);
  if (s->owner->dialect == ENGINE_TSQL) {
    sql_error_set(
        &s->error, 515, 16,
        "Cannot insert the value NULL into column '%s', table '%s'; column does not allow "
        "nulls. %s fails.",
        w->table->columns[column].name, table == NULL ? "" : table, update ? "UPDATE" : "INSERT");
    s->error.state = 2;
  } else {
    sql_error_condition(&s->error, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502",
                        "NOT NULL constraint violated for column: %s.",
                        w->table->columns[column].name);
  }
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

/* "The duplicate key value is (1, abc).": of the row that was refused, where it is known. */
static const char *key_text(engine_writer *w, const catalog_index *index) {
  engine_session *s = w->session;
  if (index == NULL || w->row == NULL) {
    return "";
  }
  const sql_type text = sql_type_text(SQL_NVARCHAR, SQL_LENGTH_MAX);
  const char *result = "";
  for (size_t i = 0; i < index->column_count && result != NULL; i++) {
    const catalog_column *c = catalog_column_id(w->table, abs(index->columns[i]));
    size_t position = c == NULL ? 0 : (size_t)(c - w->table->columns);
    sql_value out = sql_value_null();
    engine_error error;
    sql_conversion conversion = {
        .dialect = ENGINE_TSQL,
        .style =
            c != NULL && sql_type_family(c->type.kind) == SQL_FAMILY_BINARY ? 1 : SQL_STYLE_NONE,
        .scratch = &s->runtime.scratch,
        .error = &error};
    if (c == NULL || sql_convert(&conversion, &c->type, &text, &w->row[position], &out) != BR_OK) {
      out = sql_value_null();
    }
    while (out.form == SQL_FORM_TEXT && out.n > 0 && out.p[out.n - 1] == ' ') {
      out.n--;
    }
    result = sql_text(&s->context, "%s%s%.*s", result, i == 0 ? "" : ", ",
                      out.form == SQL_FORM_NULL ? 6 : (int)(out.n > 200 ? 200 : out.n),
                      out.form == SQL_FORM_NULL ? "<NULL>" : out.p);
  }
  result =
      result == NULL ? NULL : sql_text(&s->context, " The duplicate key value is (%s).", result);
  return result == NULL ? "" : result;
}

/* SQLite names the index ("index 'i7n'") or its columns ("t5.c1, t5.c2"). */
static const catalog_index *failed_index(engine_writer *w) {
  const char *message = sqlite3_errmsg(w->session->db);
  const char *quoted = strstr(message, "index 'i");
  const char *colon = strstr(message, ": ");
  int64_t id = quoted == NULL ? 0 : strtoll(quoted + strlen("index 'i"), NULL, 10);
  for (size_t i = 0; i < w->table->index_count; i++) {
    const catalog_index *x = &w->table->indexes[i];
    if (x->id == id) {
      return x;
    }
    const char *p = colon;
    bool same = p != NULL && quoted == NULL;
    for (size_t k = 0; same && k < x->column_count; k++) {
      p = strstr(p, ".c");
      same = p != NULL && strtol(p + 2, NULL, 10) == abs(x->columns[k]);
      p = p == NULL ? NULL : p + 2;
    }
    if (same && x->unique && strstr(p, ".c") == NULL) {
      return x;
    }
  }
  return NULL;
}

/* *ret_ignored: the row is left out, and that is no error. */
static br_status refused(engine_writer *w, bool update, bool *ret_ignored, br_error *err) {
  engine_session *s = w->session;
  int code = sqlite3_extended_errcode(s->db);
  if (code != SQLITE_CONSTRAINT_UNIQUE && code != SQLITE_CONSTRAINT_PRIMARYKEY &&
      code != SQLITE_CONSTRAINT_ROWID) {
    return engine_step_failed(s, err);
  }
  const catalog_index *index = failed_index(w);
  if (index != NULL && index->ignore_dup_key && w->ignores && !update) {
    *ret_ignored = true;
    return BR_OK;
  }
  const char *table = engine_table_name(&s->context, w->table);
  const char *key = key_text(w, index);
  const char *name = index == NULL ? "" : index->name;
  if (index == NULL || index->kind == 'I') {
    sql_error_set(&s->error, 2601, 14,
                  "Cannot insert duplicate key row in object '%s' with unique index '%s'.%s",
                  table == NULL ? "" : table, name, key);
  } else {
    sql_error_set(&s->error, 2627, 14,
                  "Violation of %s constraint '%s'. Cannot insert duplicate key in object '%s'.%s",
                  index->kind == 'P' ? "PRIMARY KEY" : "UNIQUE KEY", name,
                  table == NULL ? "" : table, key);
  }
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

br_status engine_key_refused(engine_session *s, const catalog_table *table, br_error *err) {
  engine_writer w = {.session = s, .table = table};
  bool ignored = false;
  return refused(&w, true, &ignored, err);
}

static br_status next_identity(engine_writer *w, br_error *err) {
  engine_session *s = w->session;
  const catalog_column *c = &w->table->columns[w->identity];
  sql_value *cell = &w->row[w->identity];
  const sql_type bigint = sql_type_of(SQL_BIGINT);
  sql_conversion conversion = {.dialect = s->owner->dialect,
                               .style = SQL_STYLE_NONE,
                               .scratch = &s->runtime.scratch,
                               .error = &s->error,
                               .err = err};
  if (w->explicit_identity && cell->form == SQL_FORM_NULL && s->owner->dialect == ENGINE_TSQL) {
    return null_refused(w, (size_t)w->identity, false, err);
  }
  if (w->explicit_identity && cell->form != SQL_FORM_NULL) {
    int64_t given = (int64_t)sql_decimal_get(cell);
    bool beyond = c->increment > 0 ? given >= w->identity_next : given <= w->identity_next;
    w->identity_next = beyond ? given + c->increment : w->identity_next;
    w->identity_last = given;
  } else {
    sql_value value = sql_value_integer(w->identity_next);
    br_status st = sql_convert(&conversion, &bigint, &c->type, &value, cell);
    if (st != BR_OK) {
      return st == BR_ERR_REMOTE ? br_error_set(err, st, "%s", s->error.message) : st;
    }
    w->identity_last = w->identity_next;
    w->identity_next += c->increment;
  }
  w->identity_used = true;
  return BR_OK;
}

/* One counter for the file: bigger at every write. */
static br_status next_rowversion(engine_writer *w, uint8_t bytes[8], br_error *err) {
  engine_session *s = w->session;
  if (!catalog_run(&s->context, s->db,
                   "INSERT INTO main.sqlite_sequence(name, seq) SELECT 'rowversion', 2000 WHERE "
                   "NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = 'rowversion')",
                   "") ||
      !catalog_run(&s->context, s->db,
                   "UPDATE main.sqlite_sequence SET seq = seq + 1 WHERE name = 'rowversion'", "")) {
    return engine_context_failed(s, err);
  }
  sqlite3_stmt *stmt = catalog_prepare(
      &s->context, s->db, "SELECT seq FROM main.sqlite_sequence WHERE name = 'rowversion'", "");
  if (stmt == NULL) {
    return engine_context_failed(s, err);
  }
  uint64_t value = sqlite3_step(stmt) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
  (void)sqlite3_finalize(stmt);
  for (size_t i = 8; i-- > 0;) {
    bytes[i] = (uint8_t)value;
    value >>= 8;
  }
  return BR_OK;
}

br_status engine_writer_put(engine_writer *w, int64_t rowid, br_error *err) {
  engine_session *s = w->session;
  uint8_t version[8];
  br_status st = BR_OK;
  if (w->identity >= 0 && rowid == 0 && (st = next_identity(w, err)) != BR_OK) {
    return st;
  }
  if (w->rowversion >= 0) {
    if ((st = next_rowversion(w, version, err)) != BR_OK) {
      return st;
    }
    w->row[w->rowversion] = sql_value_blob(version, sizeof version);
  }
  int rc = rowid == 0 ? sqlite3_bind_null(w->insert, 1) : sqlite3_bind_int64(w->insert, 1, rowid);
  for (size_t i = 0; i < w->table->column_count && rc == SQLITE_OK; i++) {
    if (w->parameter_of[i] == 0) {
      continue;
    }
    if (w->row[i].form == SQL_FORM_NULL && !w->table->columns[i].nullable) {
      return null_refused(w, i, rowid != 0, err);
    }
    rc = sql_value_bind(w->insert, w->parameter_of[i], &w->row[i]);
  }
  if (rc != SQLITE_OK) {
    return store_error(s->db, "Row", err);
  }
  bool ignored = false;
  rc = sqlite3_step(w->insert);
  st = rc == SQLITE_DONE ? BR_OK : refused(w, rowid != 0, &ignored, err);
  (void)sqlite3_reset(w->insert);
  w->ignored = w->ignored || ignored;
  w->count += st == BR_OK && !ignored;
  return st;
}

br_status engine_writer_finish(engine_writer *w, br_error *err) {
  engine_session *s = w->session;
  if (w->ignored) {
    engine_queue_message(s, 3604, 0, "Duplicate key was ignored.");
  }
  if (w->identity_used) {
    if (!catalog_run(&s->context, s->db,
                     sql_text(&s->context, "UPDATE %s.c_object SET identity_next = ? WHERE id = ?",
                              schema_of(w->table)),
                     "ii", w->identity_next, w->table->id)) {
      return engine_context_failed(s, err);
    }
    s->environment.identity = w->identity_last;
    s->environment.has_identity = true;
  }
  return BR_OK;
}

void engine_writer_done(engine_writer *w) {
  (void)sqlite3_finalize(w->insert);
  w->insert = NULL;
}
