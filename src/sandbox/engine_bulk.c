/*
 * engine_bulk.c: whole batches into a table: a prepared INSERT, one transaction, values straight
 * from the columns.
 */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"
#include "sandbox/sql/parser.h"

static void begin(engine_session *s) {
  engine_rows_done(s);
  sql_arena_done(&s->statement_arena);
  s->context = (sql_context){
      .dialect = s->owner->dialect, .arena = &s->statement_arena, .quoted_identifier = true};
  memset(&s->error, 0, sizeof s->error);
}

/* A table's name as text: the parser's own rules for brackets and dots. */
static catalog_table *open_table(engine_session *s, const char *table_name) {
  sql_expr *expr = NULL;
  sql_context parsed = s->context;
  sql_binder b = engine_binder(s);
  parsed.text = table_name;
  parsed.length = strlen(table_name);
  if (sql_parse_expression(&parsed, &expr) != BR_OK || expr->kind != SQL_E_COLUMN) {
    return sql_fail(&s->context, 208, 1, "Invalid object name '%s'.", table_name);
  }
  sql_name name = expr->name;
  if (name.count == 3 && name.parts[2][0] == '#') { /* tempdb..#t */
    name = (sql_name){.parts = {name.parts[2]}, .count = 1, .line = 1};
  }
  catalog_table *table = catalog_need(&s->context, &b.names, &name);
  if (table != NULL && table->kind != 'U') {
    return sql_unsupported(&s->context, 1, "A bulk load into a view");
  }
  return table;
}

static br_status give_error(engine_session *s, engine_error *ret_error, br_status st) {
  if (st != BR_OK) {
    engine_forget_lost(s);
  }
  if (st == BR_ERR_REMOTE) {
    *ret_error = s->error;
  }
  return st;
}

static bool takes_values(const catalog_column *c) {
  return c->computed == NULL && c->type.kind != SQL_ROWVERSION;
}

br_status engine_describe_table(engine_session *s, const char *table_name,
                                batch_schema **ret_schema, engine_error *ret_error, br_error *err) {
  begin(s);
  catalog_table *table = open_table(s, table_name);
  if (table == NULL) {
    return give_error(s, ret_error, engine_context_failed(s, err));
  }
  size_t count = 0;
  for (size_t i = 0; i < table->column_count; i++) {
    count += takes_values(&table->columns[i]);
  }
  batch_schema *schema = NULL;
  br_status st = batch_schema_new(count, &schema, err);
  size_t at = 0;
  for (size_t i = 0; i < table->column_count && st == BR_OK; i++) {
    const catalog_column *c = &table->columns[i];
    if (takes_values(c)) {
      st = sql_type_to_field(&c->type, c->name, c->nullable || c->identity, schema, at++, err);
    }
  }
  if (st != BR_OK) {
    batch_schema_free(schema);
    return st;
  }
  *ret_schema = schema;
  return BR_OK;
}

/* How a column of the table gets its value. */
typedef struct feed {
  ptrdiff_t source; /* column of the batch; -1: default or NULL */
  sql_type from;
  bool direct;          /* the batch's form is the stored form */
  sql_value constant;   /* default's value, for source -1 */
  bool null_is_default; /* the same for a NULL that is sent */
  bool varies;          /* the default is another one for each row */
} feed;

static br_status default_value(engine_session *s, const catalog_column *c, sql_value *ret_value,
                               br_error *err) {
  sql_expr *expr = NULL;
  sql_context parsed = s->context;
  *ret_value = sql_value_null();
  if (c->default_text == NULL) {
    return BR_OK;
  }
  parsed.text = c->default_text;
  parsed.length = strlen(c->default_text);
  if (sql_parse_expression(&parsed, &expr) != BR_OK) {
    return br_error_set(err, BR_ERR_INTERNAL, "The default of column %s", c->name);
  }
  return engine_evaluate(s, expr, &c->type, ret_value, err);
}

static bool same_form(const sql_type *from, const sql_type *to) {
  if (from->kind == SQL_TIMESTAMP || from->kind == SQL_TIMESTAMP_NTZ) {
    return from->kind == to->kind;
  }
  return sql_type_same_form(from, to) && from->kind != SQL_DATETIME2 &&
         from->kind != SQL_DATETIME && from->kind != SQL_SMALLDATETIME && from->kind != SQL_TIME;
}

static br_status plan_feeds(engine_session *s, const catalog_table *table, const batch *b,
                            feed *feeds, br_error *err) {
  for (size_t i = 0; i < table->column_count; i++) {
    const catalog_column *c = &table->columns[i];
    feeds[i] = (feed){.source = -1};
    for (size_t k = 0; k < b->schema->count; k++) {
      if (br_text_equal_nocase(b->schema->fields[k].name, c->name)) {
        feeds[i].source = (ptrdiff_t)k;
        feeds[i].from = engine_field_type(&b->schema->fields[k], s->owner->dialect);
        /* What a stream says of its lengths isn't believed. */
        if (sql_type_is_text(feeds[i].from.kind)) {
          bool unicode = sql_type_is_unicode(feeds[i].from.kind);
          bool databricks = feeds[i].from.kind == SQL_STRING;
          feeds[i].from.kind = databricks ? SQL_STRING : unicode ? SQL_NVARCHAR : SQL_VARCHAR;
          feeds[i].from.length = SQL_LENGTH_MAX;
        } else if (sql_type_family(feeds[i].from.kind) == SQL_FAMILY_BINARY) {
          feeds[i].from = sql_type_of(SQL_VARBINARY);
        }
        feeds[i].direct = same_form(&feeds[i].from, &c->type);
      }
    }
    feeds[i].varies =
        c->default_text != NULL && (strcasestr(c->default_text, "NEWID") != NULL ||
                                    strcasestr(c->default_text, "NEWSEQUENTIALID") != NULL);
    feeds[i].null_is_default =
        s->null_is_default && feeds[i].source >= 0 && c->default_text != NULL && !c->identity;
    if ((feeds[i].source < 0 || feeds[i].null_is_default) && takes_values(c) && !c->identity) {
      br_status st = default_value(s, c, &feeds[i].constant, err);
      if (st != BR_OK) {
        return st;
      }
    }
  }
  for (size_t k = 0; k < b->schema->count; k++) {
    const catalog_column *c = catalog_column_named(table, b->schema->fields[k].name);
    if (c == NULL || !takes_values(c)) {
      (void)sql_fail(&s->context, 207, 1, "Invalid column name '%s'.", b->schema->fields[k].name);
      return engine_context_failed(s, err);
    }
  }
  return BR_OK;
}

/* A converted value may lie in the scratch, which the next column uses again. */
static bool in_scratch(const engine_session *s, const sql_value *value) {
  return (value->form == SQL_FORM_TEXT || value->form == SQL_FORM_BLOB) &&
         (value->p == (const char *)s->runtime.scratch.fixed ||
          value->p == (const char *)s->runtime.scratch.buf.data);
}

static br_status keep(sql_value *value, br_buf *bytes, br_error *err) {
  br_buf_clear(bytes);
  br_status st = br_buf_append(bytes, value->p, value->n, err);
  value->p = bytes->data == NULL ? "" : (const char *)bytes->data;
  return st;
}

static br_status take_default(const engine_writer *w, const feed *f, size_t column,
                              sql_value *ret_value, br_error *err) {
  if (!f->varies) {
    *ret_value = f->constant;
    return BR_OK;
  }
  return default_value(w->session, &w->table->columns[column], ret_value, err);
}

static br_status read_row(engine_writer *w, const char *full, const batch *b, size_t row,
                          const feed *feeds, br_buf *kept, br_error *err) {
  engine_session *s = w->session;
  for (size_t i = 0; i < w->table->column_count; i++) {
    if (feeds[i].source < 0) {
      br_status given = take_default(w, &feeds[i], i, &w->row[i], err);
      if (given != BR_OK) {
        return given;
      }
      continue;
    }
    sql_value in;
    sql_conversion c = {.dialect = s->owner->dialect,
                        .style = SQL_STYLE_NONE,
                        .table = full,
                        .column = w->table->columns[i].name,
                        .scratch = &s->runtime.scratch,
                        .error = &s->error,
                        .err = err};
    br_status st = engine_cell_value(b, (size_t)feeds[i].source, row, &feeds[i].from,
                                     &s->runtime.scratch, &in, err);
    if (st == BR_OK && !feeds[i].direct && in.form != SQL_FORM_NULL) {
      sql_value moved = in;
      if (in_scratch(s, &in)) {
        st = keep(&moved, &kept[i], err);
      }
      if (st == BR_OK) {
        st = sql_convert(&c, &feeds[i].from, &w->table->columns[i].type, &moved, &in);
      }
      if (st == BR_ERR_REMOTE) {
        return br_error_set(err, st, "%s", s->error.message);
      }
    }
    if (st == BR_OK && in_scratch(s, &in)) {
      st = keep(&in, &kept[i], err);
    }
    if (st != BR_OK) {
      return st;
    }
    if (in.form == SQL_FORM_NULL && feeds[i].null_is_default) {
      st = take_default(w, &feeds[i], i, &in, err);
    }
    if (st != BR_OK) {
      return st;
    }
    w->row[i] = in;
  }
  return BR_OK;
}

static br_status write_batch(engine_session *s, const catalog_table *table, const batch *b,
                             const feed *feeds, br_buf *kept, uint64_t *ret_rows, br_error *err) {
  engine_writer w;
  bool explicit_identity = false;
  for (size_t i = 0; i < table->column_count; i++) {
    explicit_identity = explicit_identity || (table->columns[i].identity && feeds[i].source >= 0);
  }
  br_status st = engine_writer_open(s, table, explicit_identity, &w, err);
  if (st != BR_OK) {
    return st;
  }
  w.ignores = true;
  const char *full = engine_full_name(&s->context, table);
  for (size_t row = 0; row < b->rows && st == BR_OK; row++) {
    st = read_row(&w, full, b, row, feeds, kept, err);
    if (st == BR_OK) {
      st = engine_writer_put(&w, 0, err);
    }
  }
  if (st == BR_OK) {
    st = engine_writer_finish(&w, err);
  }
  engine_writer_done(&w);
  *ret_rows = w.count;
  return st != BR_OK
             ? st
             : engine_check_rows(s, table,
                                 sql_text(&s->context, "rowid >= %lld", (long long)w.first_rowid),
                                 "INSERT", err);
}

br_status engine_load_begin(engine_session *s, const char *table_name, engine_load_hints hints,
                            engine_error *ret_error, br_error *err) {
  begin(s);
  const catalog_table *table = open_table(s, table_name);
  if (table != NULL && !hints.check_constraints &&
      (table->check_count != 0 || table->foreign_count != 0)) {
    (void)sql_unsupported(
        &s->context, 1, "A bulk load without CHECK_CONSTRAINTS into a table that has constraints");
  }
  if (s->context.status != BR_OK) {
    return give_error(s, ret_error, engine_context_failed(s, err));
  }
  br_status st = engine_part_begin(s, err);
  s->null_is_default = st == BR_OK && !hints.keep_nulls;
  return give_error(s, ret_error, st);
}

br_status engine_load_end(engine_session *s, bool keep, engine_error *ret_error, br_error *err) {
  begin(s);
  s->null_is_default = false;
  return give_error(s, ret_error, engine_part_end(s, keep, err));
}

br_status engine_insert_batch(engine_session *s, const char *table_name, const batch *b,
                              uint64_t *ret_rows, engine_error *ret_error, br_error *err) {
  begin(s);
  catalog_table *table = open_table(s, table_name);
  if (table == NULL) {
    return give_error(s, ret_error, engine_context_failed(s, err));
  }
  feed *feeds = sql_new(&s->context, (table->column_count + 1) * sizeof *feeds);
  br_buf *kept = sql_new(&s->context, (table->column_count + 1) * sizeof *kept);
  if (feeds == NULL || kept == NULL) {
    return engine_context_failed(s, err);
  }
  uint64_t written = 0;
  for (size_t i = 0; i < table->column_count; i++) {
    br_buf_init(&kept[i], BR_LIMIT_CELL_MAX);
  }
  br_status st = plan_feeds(s, table, b, feeds, err);
  if (st == BR_OK) {
    st = engine_write_begin(s, table->temporary, err);
    if (st == BR_OK) {
      st = write_batch(s, table, b, feeds, kept, &written, err);
      br_status ended = engine_write_end(s, st == BR_OK, st == BR_OK ? err : NULL);
      st = st != BR_OK ? st : ended;
    }
  }
  for (size_t i = 0; i < table->column_count; i++) {
    br_buf_done(&kept[i]);
  }
  if (st == BR_OK) {
    *ret_rows = written;
    s->environment.rowcount = (int64_t)written;
  }
  return give_error(s, ret_error, st);
}
