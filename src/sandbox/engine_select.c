/*
 * engine_select.c: SELECT: rows to the caller, into variables, or into a new table.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"
#include "sandbox/sql/lexer.h"
#include "store/store.h"

void engine_rows_done(engine_session *s) {
  (void)sqlite3_finalize(s->rows);
  s->rows = NULL;
  batch_schema_free(s->schema_of_rows);
  s->schema_of_rows = NULL;
  for (size_t i = 0; i < s->row_width; i++) {
    br_free(s->row_type_texts == NULL ? NULL : s->row_type_texts[i]);
    br_free(s->extras == NULL ? NULL : s->extras[i]);
  }
  br_free(s->row_type_texts);
  br_free(s->extras);
  br_free(s->row_types);
  s->row_type_texts = NULL;
  s->extras = NULL;
  s->row_types = NULL;
  s->row_width = 0;
  s->extra_rows = 0;
  engine_output_done(s);
}

static br_status describe_rows(engine_session *s, const sql_bound_query *query, br_error *err) {
  size_t width = query->count;
  br_status st = batch_schema_new(width, &s->schema_of_rows, err);
  if (st != BR_OK) {
    return st;
  }
  s->row_types = br_calloc(width, sizeof *s->row_types);
  s->row_type_texts = br_calloc(width, sizeof *s->row_type_texts);
  s->extras = br_calloc(width, sizeof *s->extras);
  if (s->row_types == NULL || s->row_type_texts == NULL || s->extras == NULL) {
    return br_error_nomem(err);
  }
  s->row_width = width;
  for (size_t i = 0; i < width && st == BR_OK; i++) {
    const sql_result_column *c = &query->columns[i];
    char text[160];
    sql_type type = c->type;
    if (type.kind == SQL_VOID && s->owner->dialect == ENGINE_TSQL) {
      type = sql_type_of(SQL_INT);
    }
    sql_type_name(s->owner->dialect, &type, text, sizeof text);
    s->row_types[i] = type;
    s->row_types[i].text = NULL;
    s->row_type_texts[i] = br_strdup(text);
    bool nullable = c->nullable || s->owner->dialect == ENGINE_DATABRICKS;
    st = s->row_type_texts[i] == NULL
             ? br_error_nomem(err)
             : sql_type_to_field(&type, c->name, nullable, s->schema_of_rows, i, err);
  }
  return st;
}

/* SET ROWCOUNT. NULL: no memory. */
static const char *limited_text(engine_session *s, const char *sql) {
  return s->row_limit > 0
             ? sql_text(&s->context, "SELECT * FROM (%s) LIMIT %lld", sql, (long long)s->row_limit)
             : sql;
}

br_status engine_start_rows(engine_session *s, const sql_bound_query *query, br_error *err) {
  br_status st = describe_rows(s, query, err);
  const char *sql = s->fmtonly ? sql_text(&s->context, "SELECT * FROM (%s) LIMIT 0", query->sql)
                               : limited_text(s, query->sql);
  if (st == BR_OK && sql == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    st = engine_read_begin(s, query->sql, err);
  }
  if (st == BR_OK) {
    st = engine_prepare(s, sql, &s->rows, err);
  }
  if (st != BR_OK) {
    engine_rows_done(s);
  }
  s->rows_read = 0;
  return st;
}

/* Room for what batches leave out, for the types that have it. */
static br_status make_extras(engine_session *s, size_t rows, br_error *err) {
  if (rows <= s->extra_rows) {
    return BR_OK;
  }
  for (size_t i = 0; i < s->row_width; i++) {
    sql_kind kind = s->row_types[i].kind;
    if (kind != SQL_DATETIMEOFFSET && kind != SQL_DATETIME2) {
      continue;
    }
    br_free(s->extras[i]);
    s->extras[i] = br_calloc(rows, sizeof **s->extras);
    if (s->extras[i] == NULL) {
      s->extra_rows = 0;
      return br_error_nomem(err);
    }
  }
  s->extra_rows = rows;
  return BR_OK;
}

br_status engine_read_batch(engine_session *s, batch *b, br_error *err) {
  if (s->rows == NULL) {
    return BR_DONE;
  }
  br_status st = make_extras(s, b->capacity_rows, err);
  bool any = false;
  while (st == BR_OK && b->rows < b->capacity_rows) {
    int rc = sqlite3_step(s->rows);
    if (rc == SQLITE_DONE) {
      s->rows_affected = s->rows_read;
      s->environment.rowcount = (int64_t)s->rows_read;
      (void)sqlite3_finalize(s->rows);
      s->rows = NULL;
      return any ? BR_OK : BR_DONE;
    }
    if (rc != SQLITE_ROW) {
      st = engine_step_failed(s, err);
      break;
    }
    for (size_t i = 0; i < s->row_width && st == BR_OK; i++) {
      sql_value value = sql_value_of_column(s->rows, (int)i);
      st = engine_cell_append(s, b, i, b->rows, &s->row_types[i], &value, err);
    }
    if (st == BR_OK) {
      b->rows++;
      s->rows_read++;
      any = true;
    } else {
      batch_rollback_row(b);
    }
  }
  if (st != BR_OK) {
    (void)sqlite3_finalize(s->rows);
    s->rows = NULL;
    engine_forget_lost(s);
    if (st == BR_ERR_REMOTE && !engine_rows_failed(s)) {
      br_error_clear(err);
      return any ? BR_OK : BR_DONE;
    }
  }
  return st;
}

/* ---- SELECT @v = x ---- */

static sql_variable *find_variable(engine_session *s, const char *name) {
  for (sql_variable *v = s->environment.variables; v != NULL; v = v->next) {
    if (br_text_equal_nocase(v->name, name)) {
      return v;
    }
  }
  return NULL;
}

static bool assigns(const sql_stmt *stmt) {
  const sql_body *body = stmt->query->body;
  return body->kind == SQL_BODY_SELECT && body->select->items != NULL &&
         body->select->items->variable != NULL;
}

/* The items as SELECT items of the variables' types; the rows are read, the last one stays. */
static br_status assign_rows(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_select *select = stmt->query->body->select;
  sql_binder b = engine_binder(s);
  sql_bound_query query;
  for (sql_item *item = select->items; item != NULL; item = item->next) {
    if (item->variable == NULL) {
      (void)sql_fail(&s->context, 141, select->line,
                     "A SELECT statement that assigns a value to a variable must not be combined "
                     "with data-retrieval operations.");
    } else if (item->assign_op != '=') {
      (void)sql_unsupported(&s->context, select->line, "SELECT @v += x");
    } else if (find_variable(s, item->variable) == NULL) {
      (void)sql_fail(&s->context, 137, select->line, "Must declare the scalar variable \"@%s\".",
                     item->variable);
    }
  }
  if (!bind_query(&b, stmt->query, &query)) {
    return engine_context_failed(s, err);
  }
  if (s->fmtonly && select->from != NULL) {
    return BR_OK;
  }
  sqlite3_stmt *rows = NULL;
  br_status st = engine_read_begin(s, query.sql, err);
  if (st == BR_OK) {
    st = engine_prepare(s, limited_text(s, query.sql), &rows, err);
  }
  int64_t count = 0;
  while (st == BR_OK) {
    int rc = sqlite3_step(rows);
    if (rc != SQLITE_ROW) {
      st = rc == SQLITE_DONE ? BR_DONE : engine_step_failed(s, err);
      break;
    }
    count++;
    size_t i = 0;
    for (sql_item *item = select->items; item != NULL && st == BR_OK; item = item->next, i++) {
      sql_value value = sql_value_of_column(rows, (int)i);
      st = engine_variable_set(s, find_variable(s, item->variable), &query.columns[i].type, &value,
                               err);
    }
  }
  (void)sqlite3_finalize(rows);
  s->rows_affected = count;
  s->environment.rowcount = (int64_t)count;
  return st == BR_DONE ? BR_OK : st;
}

static br_status select_into(engine_session *s, const sql_stmt *stmt, const sql_bound_query *query,
                             br_error *err) {
  const sql_select *select = stmt->query->body->select;
  catalog_table *table = NULL;
  for (size_t i = 0; i < query->count; i++) {
    if (query->columns[i].name[0] == '\0') {
      (void)sql_fail(&s->context, 1038, stmt->line,
                     "An object or column name is missing or empty. For SELECT INTO statements, "
                     "verify each column has a name. For other statements, look for empty alias "
                     "names. Aliases defined as \"\" or [] are not allowed. Change the alias to a "
                     "valid name.");
      return engine_context_failed(s, err);
    }
  }
  bool temporary = select->into->parts[select->into->count - 1][0] == '#';
  br_status st = engine_write_begin(s, temporary, err);
  if (st != BR_OK) {
    return st;
  }
  st = engine_create_from(s, select->into, query->columns, query->count, &table, err);
  if (st == BR_OK) {
    st = engine_insert_query(s, table, query, err);
  }
  br_status ended = engine_write_end(s, st == BR_OK, st == BR_OK ? err : NULL);
  return st != BR_OK ? st : ended;
}

br_status engine_select(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                        br_error *err) {
  sql_binder b = engine_binder(s);
  sql_bound_query query;
  s->statement_kind = "SELECT";
  const int64_t version = engine_schema_version(s);
  if (assigns(stmt)) {
    *ret_outcome = ENGINE_OUTCOME_SILENT;
    return assign_rows(s, stmt, err);
  }
  if (!bind_query(&b, stmt->query, &query)) {
    return engine_context_failed(s, err);
  }
  const sql_body *body = stmt->query->body;
  if (body->kind == SQL_BODY_SELECT && body->select->into != NULL) {
    s->statement_kind = "SELECT INTO";
    if (s->fmtonly) {
      return BR_OK;
    }
    if (s->row_limit > 0) {
      (void)sql_unsupported(&s->context, stmt->line, "SELECT INTO under SET ROWCOUNT");
      return engine_context_failed(s, err);
    }
    *ret_outcome = ENGINE_OUTCOME_COUNT;
    return select_into(s, stmt, &query, err);
  }
  *ret_outcome = ENGINE_OUTCOME_ROWS;
  br_status st = engine_start_rows(s, &query, err);
  if (st != BR_ERR_REMOTE || engine_schema_version(s) == version) {
    return st;
  }
  /* Another process dropped or made a table in between. */
  b = engine_binder(s);
  br_error_clear(err);
  return bind_query(&b, stmt->query, &query) ? engine_start_rows(s, &query, err)
                                             : engine_context_failed(s, err);
}
