/*
 * explain.c: which rows were at fault. SQL Server names the constraint and at most one key; the
 * stage still holds all rows, so the others can be asked for.
 */
#include <inttypes.h>
#include <string.h>

#include "sync/change_internal.h"

enum { DUPLICATE_KEY = 2627, DUPLICATE_ROW = 2601, CONSTRAINT = 547, SHOWN_BYTES = 900 };

/* A constraint and the pairs of columns that it speaks of. */
typedef struct constraint {
  sync_rows *rows; /* columns: constraint, column, referenced column, referenced table */
  size_t first, count;
} constraint;

static bool in_source(const sync_change *change, const char *name) {
  for (size_t i = 0; i < sync_source_columns(change->source); i++) {
    if (strcmp(sync_source_column(change->source, i)->name, name) == 0) {
      return true;
    }
  }
  return false;
}

/* The rows of one constraint from `first` on; *ret_usable: the source has all its columns. */
static size_t group_length(const sync_change *change, const sync_rows *rows, size_t first,
                           bool *ret_usable) {
  const char *name = sync_rows_text(rows, first, 0);
  size_t count = 0;
  *ret_usable = name != NULL;
  for (; first + count < sync_rows_count(rows); count++) {
    const char *other = sync_rows_text(rows, first + count, 0);
    if (count > 0 && (name == NULL || other == NULL || strcmp(name, other) != 0)) {
      break;
    }
    *ret_usable = *ret_usable && in_source(change, sync_rows_text(rows, first + count, 1));
  }
  return count;
}

/* The constraint that the message names, if it is usable: the longest name that is in it, for one
 * may begin with another. */
static bool find_group(const sync_change *change, constraint *c, const char *message) {
  size_t longest = 0, count = 0;
  bool found = false;
  for (size_t i = 0; i < sync_rows_count(c->rows); i += count) {
    const char *name = sync_rows_text(c->rows, i, 0);
    bool usable = false;
    count = group_length(change, c->rows, i, &usable);
    if (name != NULL && strlen(name) > longest && strstr(message, name) != NULL) {
      longest = strlen(name);
      found = usable;
      c->first = i;
      c->count = count;
    }
  }
  return found;
}

/* " WHERE [NOT] EXISTS (SELECT 1 FROM <table> AS t WHERE t.[a] = s.[x] …)" */
static br_status fault_condition(const constraint *c, const char *table, bool missing, br_buf *sql,
                                 br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; missing && i < c->count && st == BR_OK; i++) {
    st = br_buf_text(sql, i == 0 ? " WHERE s." : " AND s.", err);
    st = st == BR_OK
             ? sync_quote(sql, SYNC_SQLSERVER, sync_rows_text(c->rows, c->first + i, 1), err)
             : st;
    st = st == BR_OK ? br_buf_text(sql, " IS NOT NULL", err) : st;
  }
  st = st == BR_OK ? br_buf_printf(sql, err, "%sEXISTS (SELECT 1 FROM %s AS t WHERE ",
                                   missing ? " AND NOT " : " WHERE ", table)
                   : st;
  for (size_t i = 0; i < c->count && st == BR_OK; i++) {
    st = br_buf_text(sql, i == 0 ? "t." : " AND t.", err);
    st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER,
                                  sync_rows_text(c->rows, c->first + i, missing ? 2 : 1), err)
                     : st;
    st = st == BR_OK ? br_buf_text(sql, " = s.", err) : st;
    st = st == BR_OK
             ? sync_quote(sql, SYNC_SQLSERVER, sync_rows_text(c->rows, c->first + i, 1), err)
             : st;
  }
  return st == BR_OK ? br_buf_text(sql, ")", err) : st;
}

static br_status count_faults(sync_change *change, const constraint *c, const char *table,
                              bool missing, int64_t *ret_count, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(&sql, err, "SELECT COUNT_BIG(*) FROM %s AS s", change->stage);
  st = st == BR_OK ? fault_condition(c, table, missing, &sql, err) : st;
  st = st == BR_OK ? sync_ask_number(change->conn, &sql, ret_count, err) : st;
  br_buf_done(&sql);
  return st;
}

static br_status list_faults(sync_change *change, const constraint *c, const char *table,
                             bool missing, br_buf *out, br_error *err) {
  br_buf sql;
  sync_rows *rows = NULL;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_text(&sql, "SELECT TOP (20) ", err);
  for (size_t i = 0; i < c->count && st == BR_OK; i++) {
    st = br_buf_text(&sql, i == 0 ? "s." : ", s.", err);
    st = st == BR_OK
             ? sync_quote(&sql, SYNC_SQLSERVER, sync_rows_text(c->rows, c->first + i, 1), err)
             : st;
  }
  st = st == BR_OK ? br_buf_printf(&sql, err, " FROM %s AS s", change->stage) : st;
  st = st == BR_OK ? fault_condition(c, table, missing, &sql, err) : st;
  st = st == BR_OK ? sync_ask(change->conn, &sql, &rows, err) : st;
  for (size_t i = 0; st == BR_OK && i < sync_rows_count(rows); i++) {
    st = br_buf_text(out, i == 0 ? "" : "; ", err);
    st = st == BR_OK ? sync_row_label(rows, i, sync_rows_columns(rows), out, err) : st;
  }
  sync_rows_free(rows);
  br_buf_done(&sql);
  return st;
}

/* Adds "3 rows …: a=1; a=2; a=3" and what to do. */
static void add_faults(sync_change *change, const constraint *c, bool missing, br_error *message) {
  const char *table = missing ? sync_rows_text(c->rows, c->first, 3) : change->target->sql;
  br_error ignored = BR_ERROR_INIT;
  br_buf list;
  int64_t count = 0;
  br_buf_init(&list, SYNC_SQL_MAX);
  br_status st = count_faults(change, c, table, missing, &count, &ignored);
  st = st == BR_OK ? list_faults(change, c, table, missing, &list, &ignored) : st;
  if (st == BR_OK && count > 0) {
    br_error_append(
        message, message->status, "; %" PRId64 " %s of the source %s %s: %.*s%s. %s", count,
        count == 1 ? "row" : "rows", count == 1 ? "is" : "are",
        missing ? "without a partner there" : "there already",
        (int)(list.len < SHOWN_BYTES ? list.len : SHOWN_BYTES), (const char *)list.data,
        count > SYNC_SHOWN ? "; and more" : "",
        missing ? "Send the rows that they refer to first"
                : "Take them out of the source, use UPDATE, or set metadata.mode to 'upsert'");
  }
  br_buf_done(&list);
}

static br_status read_keys(sync_change *change, sync_rows **ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  const char *catalog = change->target->catalog;
  br_status st = br_buf_printf(
      &sql, err,
      "SELECT i.name, c.name FROM %ssys.indexes AS i JOIN %ssys.index_columns AS k ON k.object_id "
      "= i.object_id AND k.index_id = i.index_id JOIN %ssys.columns AS c ON c.object_id = "
      "k.object_id AND c.column_id = k.column_id WHERE i.is_unique = 1 AND k.key_ordinal > 0 AND "
      "i.object_id = OBJECT_ID(",
      catalog, catalog, catalog);
  st = st == BR_OK ? sync_literal(&sql, change->target->sql, err) : st;
  st = st == BR_OK ? br_buf_text(&sql, ") ORDER BY i.name, k.key_ordinal", err) : st;
  st = st == BR_OK ? sync_ask(change->conn, &sql, ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

static br_status read_references(sync_change *change, sync_rows **ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  const char *k = change->target->catalog;
  br_status st = br_buf_text(&sql, "SELECT f.name, c.name, r.name, ", err);
  st = st == BR_OK ? sync_literal(&sql, k, err) : st;
  st =
      st == BR_OK
          ? br_buf_printf(
                &sql, err,
                " + QUOTENAME(s.name) + N'.' + QUOTENAME(o.name) FROM %ssys.foreign_keys AS f JOIN "
                "%ssys.foreign_key_columns AS p ON p.constraint_object_id = "
                "f.object_id JOIN %ssys.columns AS c ON c.object_id = p.parent_object_id AND "
                "c.column_id = "
                "p.parent_column_id JOIN %ssys.columns AS r ON r.object_id = "
                "p.referenced_object_id AND "
                "r.column_id = p.referenced_column_id JOIN %ssys.objects AS o ON o.object_id = "
                "f.referenced_object_id JOIN %ssys.schemas AS s ON s.schema_id = o.schema_id WHERE "
                "f.parent_object_id = OBJECT_ID(",
                k, k, k, k, k, k)
          : st;
  st = st == BR_OK ? sync_literal(&sql, change->target->sql, err) : st;
  st = st == BR_OK ? br_buf_text(&sql, ") ORDER BY f.name, p.constraint_column_id", err) : st;
  st = st == BR_OK ? sync_ask(change->conn, &sql, ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

void sync_change_explain(sync_change *change, br_error *err) {
  const bool duplicate = err->native_code == DUPLICATE_KEY || err->native_code == DUPLICATE_ROW;
  const bool foreign = err->native_code == CONSTRAINT; /* a CHECK's name is none of a foreign key */
  if (err->status != BR_ERR_REMOTE || change->source == NULL || change->event->options.direct ||
      change->event->operation == SYNC_DELETE || (!duplicate && !foreign)) {
    return;
  }
  br_error ignored = BR_ERROR_INIT; /* the error itself is told in any case */
  constraint c = {.rows = NULL};
  br_status st =
      foreign ? read_references(change, &c.rows, &ignored) : read_keys(change, &c.rows, &ignored);
  if (st == BR_OK && find_group(change, &c, err->message)) {
    add_faults(change, &c, foreign, err);
  }
  sync_rows_free(c.rows);
}
