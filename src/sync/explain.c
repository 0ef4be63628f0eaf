/*
 * explain.c: which rows were at fault. SQL Server names the constraint and at most one key; the
 * stage still holds all rows, so the others can be asked for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sync/constraint.h"
#include "sync/listing.h"

/* Bytes of an error's message: for what SQL Server said, and for our words around the rows. */
enum { SERVER_MOST = 900, WORDS_MOST = 300 };

typedef struct advice {
  const char *what, *one_is, *many_are, *do_this;
} advice;

static const advice *advice_of(const sync_change *change, const sync_constraint *c) {
  static const advice missing = {"without a partner there", "is", "are",
                                 "Send the rows that they refer to first"};
  static const advice there = {"there already", "is", "are",
                               "Take them out of the source, use UPDATE, or set metadata.mode to "
                               "'upsert'"};
  static const advice taken = {"there already, in another row", "is", "are",
                               "Mend these values in the source"};
  static const advice against = {"the condition", "breaks", "break",
                                 "Mend these values in the source"};
  const bool by_keys = change->event->operation == SYNC_UPDATE || change->event->options.upsert;
  return c->kind == SYNC_FOREIGN_KEY ? &missing
         : c->kind == SYNC_CHECK     ? &against
         : by_keys                   ? &taken
                                     : &there;
}

/* What names the rows, then the constraint's columns. */
static br_status shown_columns(const sync_change *change, const sync_constraint *c, br_buf *sql,
                               br_error *err) {
  br_status st = BR_OK;
  for (int names = 1; names >= 0; names--) {
    for (size_t i = 0; i < sync_source_columns(change->source) && st == BR_OK; i++) {
      const char *name = sync_source_column(change->source, i)->name;
      const bool is_name = sync_source_names_rows(change->source, i);
      if (names == 1 ? is_name : !is_name && sync_constraint_has(c, name)) {
        st = br_buf_text(sql, sql->len == 0 ? "s." : ", s.", err);
        st = st == BR_OK ? sync_quote(sql, SYNC_SQLSERVER, name, err) : st;
      }
    }
  }
  return st;
}

static br_status count_faults(sync_change *change, const sync_constraint *c, int64_t *ret_count,
                              br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_text(&sql, "SELECT COUNT_BIG(*)", err);
  st = st == BR_OK ? sync_constraint_faults(change, c, &sql, err) : st;
  st = st == BR_OK ? sync_ask_number(change->conn, &sql, ret_count, err) : st;
  br_buf_done(&sql);
  return st;
}

static br_status list_faults(sync_change *change, const sync_constraint *c, int64_t total,
                             sync_listing *list, br_error *err) {
  br_buf sql, columns;
  sync_rows *rows = NULL;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_buf_init(&columns, SYNC_SQL_MAX);
  br_status st = shown_columns(change, c, &columns, err);
  if (st == BR_OK && columns.len > 0) {
    st = br_buf_printf(&sql, err, "SELECT TOP (20) %.*s", (int)columns.len,
                       (const char *)columns.data);
    st = st == BR_OK ? sync_constraint_faults(change, c, &sql, err) : st;
    st = st == BR_OK ? sync_ask(change->conn, &sql, &rows, err) : st;
    st = st == BR_OK ? sync_list_rows(rows, "", list, err) : st;
    st = st == BR_OK ? sync_listing_close(list, (uint64_t)total, err) : st;
  }
  sync_rows_free(rows);
  br_buf_done(&sql);
  br_buf_done(&columns);
  return st;
}

/* What SQL Server says can be as long as two keys: the rows need room too. */
static size_t make_room(br_error *message) {
  size_t length = strlen(message->message);
  if (length > SERVER_MOST) {
    length = br_utf8_cut(message->message, length, SERVER_MOST);
    (void)snprintf(message->message + length, sizeof message->message - length, "…");
    length = strlen(message->message);
  }
  return sizeof message->message - length - WORDS_MOST;
}

/* Between what SQL Server said, mostly a sentence, and our words. */
static const char *joint(const br_error *message) {
  return br_text_ends_with(message->message, ".") ? " " : "; ";
}

/* Adds "3 rows …: a=1; a=2; a=3. " and what to do. *ret_any: there were some. */
static br_status add_faults(sync_change *change, const sync_constraint *c, br_error *message,
                            bool *ret_any, br_error *err) {
  const advice *say = advice_of(change, c);
  br_error room = *message;
  sync_listing list;
  int64_t count = 0;
  sync_listing_init(&list, make_room(&room));
  br_status st = count_faults(change, c, &count, err);
  st = st == BR_OK && count > 0 ? list_faults(change, c, count, &list, err) : st;
  if (st == BR_OK && count > 0) {
    *message = room;
    br_error_append(message, message->status, "%s%" PRId64 " %s of the source %s %s%s%s. %s",
                    joint(message), count, count == 1 ? "row" : "rows",
                    count == 1 ? say->one_is : say->many_are, say->what, list.shown > 0 ? ": " : "",
                    list.shown > 0 ? (const char *)list.text.data : "", say->do_this);
  }
  sync_listing_done(&list);
  *ret_any = count > 0;
  return st;
}

/* The rows are in each other's way. */
static br_status add_doubles(sync_change *change, const sync_constraint *c, br_error *message,
                             br_error *err) {
  br_error room = *message;
  br_buf columns;
  sync_listing list;
  int64_t total = 0;
  sync_listing_init(&list, make_room(&room));
  br_buf_init(&columns, SYNC_SQL_MAX);
  br_status st = sync_constraint_columns(c, &columns, err);
  const char *text = st == BR_OK ? br_buf_cstr(&columns) : NULL;
  if (st == BR_OK) {
    st = text == NULL ? br_error_nomem(err) : sync_find_doubles(change, text, &list, &total, err);
  }
  if (st == BR_OK && total > 0) {
    *message = room;
    br_error_append(message, message->status,
                    "%s%" PRId64 " %s more than once in the source: %s. Send one row for each",
                    joint(message), total, total == 1 ? "value is" : "values are",
                    (const char *)list.text.data);
  }
  br_buf_done(&columns);
  sync_listing_done(&list);
  return st;
}

void sync_change_explain(sync_change *change, br_error *err) {
  if (err->status != BR_ERR_REMOTE || change->source == NULL ||
      change->event->operation == SYNC_DELETE || !sync_constraint_is_cause(err)) {
    return;
  }
  if (change->event->options.direct) {
    br_error_append(err, err->status, ". Without metadata.bulk 'direct' the rows would be named");
    return;
  }
  br_error ignored = BR_ERROR_INIT; /* the error itself is told in any case */
  sync_constraint c = {.rows = NULL};
  bool found = false, any = false;
  br_status st = sync_constraint_find(change, err, &c, &found, &ignored);
  if (st == BR_OK && found) {
    st = add_faults(change, &c, err, &any, &ignored);
  }
  if (st == BR_OK && found && !any && c.kind == SYNC_UNIQUE_KEY) {
    st = add_doubles(change, &c, err, &ignored);
  }
  (void)st;
  sync_constraint_done(&c);
}
