/* The SQL that the operations share: staging, checks of keys, lists of columns, counted changes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/value.h"
#include "sync/change_internal.h"

/* Bytes of an error's message that the keys of rows at fault may take. */
enum { KEYS_ROOM = BR_ERROR_MESSAGE_MAX - 240 };

/* ---- counted changes ---- */

/* The last cell of a result that has one number a row. */
static br_status last_number(tds_conn *conn, int64_t *number, br_error *err) {
  batch *b = NULL;
  br_buf text;
  br_buf_init(&text, BR_LIMIT_CELL_MAX);
  br_status st = batch_new(tds_result_schema(conn), 64, &b, err);
  const tds_batch_limits limits = {.rows = 0};
  while (st == BR_OK) {
    st = tds_read_batch(conn, &limits, b, err);
    if (st == BR_OK) {
      br_buf_clear(&text);
      st = batch_cell_text(b, 0, b->rows - 1, &text, NULL, err);
      const char *value = st == BR_OK ? br_buf_cstr(&text) : NULL;
      *number = value == NULL ? 0 : strtoll(value, NULL, 10);
      batch_reset(b, BR_KIB(64));
    }
  }
  batch_free(b);
  br_buf_done(&text);
  return st == BR_DONE ? BR_OK : st;
}

br_status sync_run_for_number(tds_conn *conn, br_buf *sql, const tds_parameter *parameters,
                              size_t count, int64_t *ret_number, br_error *err) {
  int64_t number = 0;
  const char *text = br_buf_cstr(sql);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  br_status st = count > 0
                     ? tds_execute_parameters(conn, text, strlen(text), parameters, count, err)
                     : tds_execute(conn, text, strlen(text), err);
  while (st == BR_OK && (st = tds_next_result(conn, err)) == BR_OK) {
    st = last_number(conn, &number, err);
  }
  if (st != BR_DONE) {
    return st;
  }
  *ret_number = number;
  return BR_OK;
}

br_status sync_run_counted(tds_conn *conn, br_buf *sql, const tds_parameter *parameters,
                           size_t count, int64_t *ret_rows, br_error *err) {
  br_status st = br_buf_text(sql, "; SELECT ROWCOUNT_BIG()", err);
  return st == BR_OK ? sync_run_for_number(conn, sql, parameters, count, ret_rows, err) : st;
}

/* ---- questions ---- */

br_status sync_ask(tds_conn *conn, br_buf *sql, sync_rows **ret_rows, br_error *err) {
  const char *text = br_buf_cstr(sql);
  return text == NULL ? br_error_nomem(err) : sync_query(conn, text, NULL, 0, ret_rows, err);
}

br_status sync_ask_number(tds_conn *conn, br_buf *sql, int64_t *ret_number, br_error *err) {
  const char *text = br_buf_cstr(sql);
  return text == NULL ? br_error_nomem(err)
                      : sync_query_number(conn, text, NULL, 0, ret_number, err);
}

br_status sync_row_label(const sync_rows *rows, size_t row, size_t columns, sync_listing *list,
                         br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < columns && st == BR_OK; i++) {
    const char *value = sync_rows_text(rows, row, i);
    st = sync_listing_value(list, sync_rows_name(rows, i), value, value == NULL ? 0 : strlen(value),
                            err);
  }
  return st;
}

br_status sync_list_rows(const sync_rows *rows, const char *prefix, sync_listing *list,
                         br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < sync_rows_count(rows) && st == BR_OK && !list->full; i++) {
    sync_listing_begin(list);
    st = sync_listing_words(list, prefix, err);
    st = st == BR_OK ? sync_row_label(rows, i, sync_rows_columns(rows), list, err) : st;
    if (st == BR_OK) {
      sync_listing_end(list);
    }
  }
  return st;
}

/* ---- lists of columns ---- */

static bool is_wanted(const sync_change *change, size_t column, sync_which which) {
  return which == SYNC_ALL || sync_source_is_key(change->source, column) == (which == SYNC_KEYS);
}

bool sync_has_others(const sync_change *change) {
  for (size_t i = 0; i < sync_source_columns(change->source); i++) {
    if (!sync_source_is_key(change->source, i)) {
      return true;
    }
  }
  return false;
}

br_status sync_column_list(const sync_change *change, sync_which which, const char *prefix,
                           br_buf *out, br_error *err) {
  br_status st = BR_OK;
  bool first = true;
  for (size_t i = 0; i < sync_source_columns(change->source) && st == BR_OK; i++) {
    if (is_wanted(change, i, which)) {
      st = br_buf_printf(out, err, "%s%s", first ? "" : ", ", prefix);
      st = st == BR_OK
               ? sync_quote(out, SYNC_SQLSERVER, sync_source_column(change->source, i)->name, err)
               : st;
      first = false;
    }
  }
  return st;
}

br_status sync_key_condition(const sync_change *change, const char *left, const char *right,
                             br_buf *out, br_error *err) {
  br_status st = BR_OK;
  bool first = true;
  for (size_t i = 0; i < sync_source_columns(change->source) && st == BR_OK; i++) {
    if (sync_source_is_key(change->source, i)) {
      const char *name = sync_source_column(change->source, i)->name;
      st = br_buf_printf(out, err, "%s%s", first ? "" : " AND ", left);
      st = st == BR_OK ? sync_quote(out, SYNC_SQLSERVER, name, err) : st;
      st = st == BR_OK ? br_buf_printf(out, err, " = %s", right) : st;
      st = st == BR_OK ? sync_quote(out, SYNC_SQLSERVER, name, err) : st;
      first = false;
    }
  }
  return st;
}

const char *sync_table_hint(const sync_change *change) {
  return change->event->options.table_lock ? " WITH (TABLOCKX)" : "";
}

/* ---- the stage ---- */

br_status sync_stage_source(sync_change *change, bool keys_only, br_error *err) {
  br_status st = sync_source_open(change->client, change->event, change->target, keys_only,
                                  change->cancel, &change->source, err);
  return st == BR_OK
             ? sync_source_stage(change->source, change->conn, change->stage, &change->staged, err)
             : st;
}

static br_status null_keys_sql(const sync_change *change, const char *columns, br_buf *sql,
                               br_error *err) {
  br_status st = br_buf_printf(sql, err, "SELECT %s FROM %s WHERE ", columns, change->stage);
  bool first = true;
  for (size_t i = 0; i < sync_source_columns(change->source) && st == BR_OK; i++) {
    if (sync_source_is_key(change->source, i)) {
      st = br_buf_text(sql, first ? "" : " OR ", err);
      st = st == BR_OK
               ? sync_quote(sql, SYNC_SQLSERVER, sync_source_column(change->source, i)->name, err)
               : st;
      st = st == BR_OK ? br_buf_text(sql, " IS NULL", err) : st;
      first = false;
    }
  }
  return st;
}

static br_status count_null_keys(sync_change *change, int64_t *ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = null_keys_sql(change, "COUNT_BIG(*)", &sql, err);
  st = st == BR_OK ? sync_ask_number(change->conn, &sql, ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

static br_status list_null_keys(sync_change *change, int64_t total, sync_listing *list,
                                br_error *err) {
  br_buf columns, sql;
  sync_rows *rows = NULL;
  br_buf_init(&columns, SYNC_SQL_MAX);
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_text(&columns, "TOP (20) ", err);
  st = st == BR_OK ? sync_column_list(change, SYNC_KEYS, "", &columns, err) : st;
  const char *text = st == BR_OK ? br_buf_cstr(&columns) : NULL;
  if (st == BR_OK) {
    st = text == NULL ? br_error_nomem(err) : null_keys_sql(change, text, &sql, err);
  }
  st = st == BR_OK ? sync_ask(change->conn, &sql, &rows, err) : st;
  st = st == BR_OK ? sync_list_rows(rows, "", list, err) : st;
  st = st == BR_OK ? sync_listing_close(list, (uint64_t)total, err) : st;
  sync_rows_free(rows);
  br_buf_done(&columns);
  br_buf_done(&sql);
  return st;
}

static br_status refuse_null_keys(sync_change *change, br_error *err) {
  sync_listing list;
  int64_t nulls = 0;
  sync_listing_init(&list, KEYS_ROOM);
  br_status st = count_null_keys(change, &nulls, err);
  if (st == BR_OK && nulls > 0) {
    st = list_null_keys(change, nulls, &list, err);
    /* Other keys of those rows may be too large to be asked for: then the number has to do. */
    const char *named = st == BR_OK ? (const char *)list.text.data : "";
    st = st == BR_OK || st == BR_ERR_LIMIT
             ? br_error_set(err, BR_ERR_DATA,
                            "%" PRId64 " %s of the source %s NULL in a key column%s%s. Take %s out "
                            "of the source",
                            nulls, nulls == 1 ? "row" : "rows", nulls == 1 ? "has" : "have",
                            st == BR_OK ? ": " : "", named, nulls == 1 ? "it" : "them")
             : st;
  }
  sync_listing_done(&list);
  return st;
}

/* "SELECT TOP (20) columns, COUNT_BIG(*) … HAVING COUNT_BIG(*) > 1" or, for the number of them,
 * that without TOP inside a count. */
static br_status doubles_sql(const sync_change *change, const char *columns, bool count,
                             br_buf *sql, br_error *err) {
  return br_buf_printf(sql, err,
                       "%s%s, COUNT_BIG(*) AS times FROM %s GROUP BY %s HAVING COUNT_BIG(*) > 1%s",
                       count ? "SELECT COUNT_BIG(*) FROM (SELECT " : "SELECT TOP (20) ", columns,
                       change->stage, columns, count ? ") AS d" : "");
}

/* "id=1 (2 times); …" */
static br_status list_doubles(const sync_rows *rows, sync_listing *list, br_error *err) {
  if (sync_rows_columns(rows) == 0) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The server described no column of the doubled keys");
  }
  const size_t keys = sync_rows_columns(rows) - 1;
  br_status st = BR_OK;
  for (size_t i = 0; i < sync_rows_count(rows) && st == BR_OK && !list->full; i++) {
    char times[48];
    const char *count = sync_rows_text(rows, i, keys);
    (void)snprintf(times, sizeof times, " (%.20s times)", count == NULL ? "?" : count);
    sync_listing_begin(list);
    st = sync_row_label(rows, i, keys, list, err);
    st = st == BR_OK ? sync_listing_words(list, times, err) : st;
    if (st == BR_OK) {
      sync_listing_end(list);
    }
  }
  return st;
}

br_status sync_find_doubles(sync_change *change, const char *columns, sync_listing *list,
                            int64_t *ret_total, br_error *err) {
  br_buf sql;
  sync_rows *rows = NULL;
  int64_t total = 0;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = doubles_sql(change, columns, false, &sql, err);
  st = st == BR_OK ? sync_ask(change->conn, &sql, &rows, err) : st;
  if (st == BR_OK && sync_rows_count(rows) > 0) {
    br_buf_clear(&sql);
    st = doubles_sql(change, columns, true, &sql, err);
    st = st == BR_OK ? sync_ask_number(change->conn, &sql, &total, err) : st;
    st = st == BR_OK ? list_doubles(rows, list, err) : st;
    st = st == BR_OK ? sync_listing_close(list, (uint64_t)total, err) : st;
  }
  sync_rows_free(rows);
  br_buf_done(&sql);
  if (st == BR_OK) {
    *ret_total = total;
  }
  return st;
}

static br_status refuse_doubles(sync_change *change, br_error *err) {
  br_buf keys;
  sync_listing list;
  int64_t total = 0;
  br_buf_init(&keys, SYNC_SQL_MAX);
  sync_listing_init(&list, KEYS_ROOM);
  br_status st = sync_column_list(change, SYNC_KEYS, "", &keys, err);
  const char *columns = st == BR_OK ? br_buf_cstr(&keys) : NULL;
  if (st == BR_OK) {
    st = columns == NULL ? br_error_nomem(err)
                         : sync_find_doubles(change, columns, &list, &total, err);
  }
  if (st == BR_OK && total > 0) {
    st = br_error_set(err, BR_ERR_DATA,
                      "%" PRId64 " %s more than once in the source, so it is not clear which row "
                      "counts: %s. Send one row for each key",
                      total, total == 1 ? "key is" : "keys are", (const char *)list.text.data);
  }
  br_buf_done(&keys);
  sync_listing_done(&list);
  return st;
}

br_status sync_check_stage_keys(sync_change *change, bool doubles_allowed, br_error *err) {
  br_status st = refuse_null_keys(change, err);
  return st == BR_OK && !doubles_allowed ? refuse_doubles(change, err) : st;
}
