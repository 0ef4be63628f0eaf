/* UPDATE: one statement that joins target and stage by the keys: all rows or none. */
#include <string.h>

#include "sync/change_internal.h"
#include "sync/reach.h"

static br_status prepare(sync_change *change, br_error *err) {
  br_status st = sync_stage_source(change, false, err);
  st = st == BR_OK ? sync_reach_refuse(change, err) : st;
  return st == BR_OK ? sync_check_stage_keys(change, false, err) : st;
}

static br_status set_list(const sync_change *change, br_buf *sql, br_error *err) {
  br_status st = BR_OK;
  bool first = true;
  for (size_t i = 0; i < sync_source_columns(change->source) && st == BR_OK; i++) {
    if (!sync_source_is_key(change->source, i)) {
      const char *name = sync_source_column(change->source, i)->name;
      st = br_buf_text(sql, first ? "" : ", ", err);
      st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER, name, err) : st;
      st = st == BR_OK ? br_buf_text(sql, " = s.", err) : st;
      st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER, name, err) : st;
      first = false;
    }
  }
  return st;
}

/* An upsert inserts what this did not find: until then nobody else may. */
static const char *hint(const sync_change *change) {
  const sync_event_options *options = &change->event->options;
  return options->upsert && !options->table_lock ? " WITH (UPDLOCK, HOLDLOCK)"
                                                 : sync_table_hint(change);
}

static br_status join(const sync_change *change, br_buf *sql, br_error *err) {
  br_status st = br_buf_printf(sql, err, " FROM %s AS t%s INNER JOIN %s AS s ON ",
                               change->target->sql, hint(change), change->stage);
  return st == BR_OK ? sync_key_condition(change, "t.", "s.", sql, err) : st;
}

static br_status run(sync_change *change, int64_t *ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_text(&sql, "UPDATE t SET ", err);
  st = st == BR_OK ? set_list(change, &sql, err) : st;
  st = st == BR_OK ? join(change, &sql, err) : st;
  st = st == BR_OK ? sync_reach_run(change, &sql, NULL, 0, ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

/* Keys first, then the old and the new value of each other column. */
static br_status difference_sql(const sync_change *change, br_buf *sql, br_error *err) {
  br_status st = br_buf_text(sql, "SELECT TOP (5) ", err);
  st = st == BR_OK ? sync_column_list(change, SYNC_KEYS, "s.", sql, err) : st;
  for (size_t i = 0; i < sync_source_columns(change->source) && st == BR_OK; i++) {
    if (!sync_source_is_key(change->source, i)) {
      const char *name = sync_source_column(change->source, i)->name;
      st = br_buf_text(sql, ", t.", err);
      st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER, name, err) : st;
      st = st == BR_OK ? br_buf_text(sql, ", s.", err) : st;
      st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER, name, err) : st;
    }
  }
  return st == BR_OK ? join(change, sql, err) : st;
}

static br_status add_value(sync_listing *list, const char *words, const char *value,
                           br_error *err) {
  br_status st = sync_listing_add(list, SYNC_PIECE_WORDS, words, strlen(words), err);
  const char *text = value == NULL ? "NULL" : value;
  return st == BR_OK ? sync_listing_add(list, SYNC_PIECE_VALUE, text, strlen(text), err) : st;
}

static br_status one_difference(const sync_rows *rows, size_t row, size_t keys, sync_listing *list,
                                br_error *err) {
  br_status st = sync_row_label(rows, row, keys, list, err);
  bool any = false;
  for (size_t i = keys; i + 1 < sync_rows_columns(rows) && st == BR_OK; i += 2) {
    const char *was = sync_rows_text(rows, row, i), *is = sync_rows_text(rows, row, i + 1);
    const bool same = was == NULL || is == NULL ? was == is : strcmp(was, is) == 0;
    if (!same) {
      const char *name = sync_rows_name(rows, i);
      st = sync_listing_field(list, any ? ", " : ": ", err);
      st = st == BR_OK ? sync_listing_add(list, SYNC_PIECE_NAME, name, strlen(name), err) : st;
      st = st == BR_OK ? add_value(list, " ", was, err) : st;
      st = st == BR_OK ? add_value(list, " -> ", is, err) : st;
      any = true;
    }
  }
  return st == BR_OK && !any ? sync_listing_words(list, ": no difference", err) : st;
}

static br_status differences(sync_change *change, sync_listing *list, br_error *err) {
  br_buf sql;
  sync_rows *rows = NULL;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = difference_sql(change, &sql, err);
  st = st == BR_OK ? sync_ask(change->conn, &sql, &rows, err) : st;
  size_t keys = 0;
  for (size_t i = 0; i < sync_source_columns(change->source); i++) {
    keys += sync_source_is_key(change->source, i);
  }
  for (size_t i = 0; st == BR_OK && i < sync_rows_count(rows) && !list->full; i++) {
    sync_listing_begin(list);
    st = one_difference(rows, i, keys, list, err);
    if (st == BR_OK) {
      sync_listing_end(list);
    }
  }
  sync_rows_free(rows);
  br_buf_done(&sql);
  return st;
}

const sync_operation_row sync_operation_update = {
    .prepare = prepare, .run = run, .differences = differences};
