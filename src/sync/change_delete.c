/*
 * DELETE: by conditions, by the keys of a source, or by both. One row more than the limit is
 * enough to know: then all is rolled back and the event is blocked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sync/change_internal.h"
#include "sync/reach.h"

/* ---- conditions ---- */

typedef struct filter {
  br_buf sql; /* the WHERE clause */
  tds_parameter *parameters;
  char (*names)[16];
  size_t count;
  uint8_t *bytes; /* what values of binary columns were written for, one behind the other */
  size_t used;
} filter;

static void filter_done(filter *f) {
  br_buf_done(&f->sql);
  br_free(f->parameters);
  br_free(f->names);
  br_free(f->bytes);
}

/* A parameter takes binary as its bytes, an event writes it as 0x…: decoded here, into *to. */
static br_status decode(filter *f, const char *text, tds_parameter *to, br_error *err) {
  const size_t length = strlen(text), count = length / 2 - (length >= 2);
  uint8_t *bytes = f->bytes + f->used;
  bool good = length >= 2 && length % 2 == 0 && text[0] == '0' && (text[1] | 0x20) == 'x';
  for (size_t i = 0; i < count && good; i++) {
    const int high = br_hex_digit(text[2 + 2 * i]), low = br_hex_digit(text[3 + 2 * i]);
    good = high >= 0 && low >= 0;
    bytes[i] = (uint8_t)(high * 16 + low);
  }
  if (!good) {
    return br_error_set(err, BR_ERR_DATA,
                        "'%.60s' is no binary value; write its bytes as 0x and two hexadecimal "
                        "digits for each, such as 0x00FF",
                        text);
  }
  f->used += count;
  to->text = (const char *)bytes;
  to->length = count;
  return BR_OK;
}

/* Types that SQL Server compares with nothing, or that no parameter can have. */
static bool is_comparable(batch_sql_type type) {
  static const batch_sql_type none[] = {BATCH_SQL_TEXT,    BATCH_SQL_NTEXT,    BATCH_SQL_IMAGE,
                                        BATCH_SQL_XML,     BATCH_SQL_JSON,     BATCH_SQL_VECTOR,
                                        BATCH_SQL_VARIANT, BATCH_SQL_GEOMETRY, BATCH_SQL_GEOGRAPHY};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    if (type == none[i]) {
      return false;
    }
  }
  return true;
}

static br_status add_value(filter *f, const sync_target_column *column, const char *text,
                           br_error *err) {
  if (!is_comparable(column->spec.type)) {
    return br_error_set(err, BR_ERR_DATA,
                        "a column of type %s can't be compared with a value, only null can be "
                        "asked for; choose the rows by other columns, or put their keys into a "
                        "source_table",
                        batch_type_row_of(column->spec.type)->name);
  }
  char *name = f->names[f->count];
  tds_parameter *to = &f->parameters[f->count];
  (void)snprintf(name, sizeof f->names[0], "p%zu", f->count++);
  *to = (tds_parameter){.name = name, .type = column->spec, .text = text, .length = strlen(text)};
  return batch_type_row_of(column->spec.type)->layout == BATCH_BINARY ? decode(f, text, to, err)
                                                                      : BR_OK;
}

/* "t.[c] = @p3" or "t.[c] IN (@p3, @p4)" over the values that aren't NULL. */
static br_status compare(filter *f, const sync_target_column *column,
                         const sync_condition *condition, size_t values, br_error *err) {
  br_status st = br_buf_text(&f->sql, "t.", err);
  st = st == BR_OK ? sync_quote(&f->sql, SYNC_SQLSERVER, column->name, err) : st;
  st = st == BR_OK ? br_buf_text(&f->sql, values == 1 ? " = " : " IN (", err) : st;
  bool first = true;
  for (size_t i = 0; i < condition->count && st == BR_OK; i++) {
    if (condition->values[i] == NULL) {
      continue;
    }
    st = add_value(f, column, condition->values[i], err);
    if (st != BR_OK) {
      return br_error_context(err, st, "condition on '%.128s'", condition->column);
    }
    st = br_buf_printf(&f->sql, err, "%s@%s", first ? "" : ", ", f->names[f->count - 1]);
    first = false;
  }
  return st == BR_OK && values > 1 ? br_buf_text(&f->sql, ")", err) : st;
}

static br_status is_null(filter *f, const sync_target_column *column, br_error *err) {
  br_status st = br_buf_text(&f->sql, "t.", err);
  st = st == BR_OK ? sync_quote(&f->sql, SYNC_SQLSERVER, column->name, err) : st;
  return st == BR_OK ? br_buf_text(&f->sql, " IS NULL", err) : st;
}

static br_status add_condition(filter *f, const sync_target *target,
                               const sync_condition *condition, br_error *err) {
  const sync_target_column *column = sync_target_find(target, condition->column);
  size_t values = 0;
  for (size_t i = 0; i < condition->count; i++) {
    values += condition->values[i] != NULL;
  }
  const bool null = values < condition->count;
  br_status st = br_buf_text(&f->sql, f->sql.len > 0 ? " AND (" : "(", err);
  if (st == BR_OK && values > 0) {
    st = compare(f, column, condition, values, err);
  }
  if (st == BR_OK && values > 0 && null) {
    st = br_buf_text(&f->sql, " OR ", err);
  }
  st = st == BR_OK && null ? is_null(f, column, err) : st;
  return st == BR_OK ? br_buf_text(&f->sql, ")", err) : st;
}

static br_status filter_build(const sync_change *change, filter *f, br_error *err) {
  const sync_event *event = change->event;
  size_t total = 0, length = 0;
  for (size_t i = 0; i < event->condition_count; i++) {
    const sync_condition *condition = &event->conditions[i];
    total += condition->count;
    for (size_t k = 0; k < condition->count; k++) {
      length += condition->values[k] == NULL ? 0 : strlen(condition->values[k]);
    }
  }
  f->parameters = br_calloc(total + 1, sizeof *f->parameters);
  f->names = br_calloc(total + 1, sizeof *f->names);
  f->bytes = br_malloc(length / 2 + 1);
  br_status st =
      f->parameters == NULL || f->names == NULL || f->bytes == NULL ? br_error_nomem(err) : BR_OK;
  for (size_t i = 0; i < event->condition_count && st == BR_OK; i++) {
    st = add_condition(f, change->target, &event->conditions[i], err);
  }
  if (st == BR_OK && event->has_source) {
    st = br_buf_printf(&f->sql, err, "%sEXISTS (SELECT 1 FROM %s AS s WHERE ",
                       f->sql.len > 0 ? " AND " : "", change->stage);
    st = st == BR_OK ? sync_key_condition(change, "s.", "t.", &f->sql, err) : st;
    st = st == BR_OK ? br_buf_text(&f->sql, ")", err) : st;
  }
  return st;
}

/* ---- prepare and run ---- */

/* The author knows the column, not our name of the parameter. */
static void name_condition(const sync_change *change, br_error *err) {
  size_t index = 0, first = 0;
  int prefix = 0;
  if (err == NULL || err->status != BR_ERR_DATA ||
      sscanf(err->message, "Parameter @p%zu: %n", &index, &prefix) != 1 || prefix == 0) {
    return;
  }
  for (size_t i = 0; i < change->event->condition_count; i++) {
    const sync_condition *condition = &change->event->conditions[i];
    for (size_t k = 0; k < condition->count; k++) {
      first += condition->values[k] != NULL;
    }
    if (index < first) {
      memmove(err->message, err->message + prefix, strlen(err->message + prefix) + 1);
      br_error_context(err, BR_ERR_DATA, "condition on '%.128s'", condition->column);
      return;
    }
  }
}

static br_status delete_rows(sync_change *change, const filter *f, int64_t *ret_rows,
                             br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_text(&sql, "DELETE ", err);
  if (st == BR_OK && change->max_delete_rows < INT64_MAX) {
    st = br_buf_printf(&sql, err, "TOP (%" PRIu64 ") ", change->max_delete_rows + 1);
  }
  st = st == BR_OK
           ? br_buf_printf(&sql, err, "t FROM %s AS t%s WHERE %.*s", change->target->sql,
                           sync_table_hint(change), (int)f->sql.len, (const char *)f->sql.data)
           : st;
  st = st == BR_OK ? sync_reach_run(change, &sql, f->parameters, f->count, ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

/* Rows that the filter takes: before the DELETE, or what it has left. */
static br_status count_rows(sync_change *change, const filter *f, int64_t *ret_rows,
                            br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(&sql, err, "SELECT COUNT_BIG(*) FROM %s AS t WHERE %.*s",
                               change->target->sql, (int)f->sql.len, (const char *)f->sql.data);
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  st = st == BR_OK ? sync_query_number(change->conn, text, f->parameters, f->count, ret_rows, err)
                   : st;
  br_buf_done(&sql);
  return st;
}

/* No source says how many rows are coming, and the limit allows very many: they are counted. */
static br_status look_at_many(sync_change *change, br_error *err) {
  filter f = {.count = 0};
  int64_t rows = 0;
  br_buf_init(&f.sql, SYNC_SQL_MAX);
  br_status st = filter_build(change, &f, err);
  st = st == BR_OK ? count_rows(change, &f, &rows, err) : st;
  if (st != BR_OK) {
    name_condition(change, err);
  }
  filter_done(&f);
  return st == BR_OK ? sync_change_look_at_log(change, (uint64_t)rows, err) : st;
}

static br_status prepare(sync_change *change, br_error *err) {
  const sync_event *event = change->event;
  br_status st = BR_OK;
  for (size_t i = 0; i < event->key_count && st == BR_OK; i++) {
    if (sync_target_find(change->target, event->keys[i]) == NULL) {
      st = sync_target_no_column(change->target, "primary_keys", event->keys[i], err);
    }
  }
  for (size_t i = 0; i < event->condition_count && st == BR_OK; i++) {
    if (sync_target_find(change->target, event->conditions[i].column) == NULL) {
      st = sync_target_no_column(change->target, "filter_conditions", event->conditions[i].column,
                                 err);
    }
  }
  st = st == BR_OK ? sync_reach_refuse(change, err) : st;
  if (st == BR_OK && event->has_source) {
    st = sync_stage_source(change, true, err);
    st = st == BR_OK ? sync_check_stage_keys(change, true, err) : st;
  }
  if (st == BR_OK && !event->has_source && change->max_delete_rows > SYNC_MANY_ROWS) {
    st = look_at_many(change, err);
  }
  return st;
}

static br_status run(sync_change *change, int64_t *ret_rows, br_error *err) {
  filter f = {.count = 0};
  int64_t rows = 0, left = 0;
  br_buf_init(&f.sql, SYNC_SQL_MAX);
  br_status st = filter_build(change, &f, err);
  st = st == BR_OK ? delete_rows(change, &f, &rows, err) : st;
  if (st != BR_OK) {
    name_condition(change, err);
  }
  if (st == BR_OK && (uint64_t)rows > change->max_delete_rows) {
    st = count_rows(change, &f, &left, err);
    if (st == BR_OK) {
      change->over_limit = true;
      st = br_error_set(
          err, BR_ERR_LIMIT,
          "The DELETE would take %" PRId64 " rows from %s; the limit is %" PRIu64
          ". Nothing was deleted. Send several events of fewer rows, or have the limit "
          "(max_delete_rows) raised and retry",
          rows + left, change->target->plain, change->max_delete_rows);
    }
  }
  filter_done(&f);
  if (st == BR_OK) {
    *ret_rows = rows;
  }
  return st;
}

/* The first rows that would go. */
static br_status differences(sync_change *change, sync_listing *list, br_error *err) {
  filter f = {.count = 0};
  br_buf sql;
  sync_rows *rows = NULL;
  br_buf_init(&f.sql, SYNC_SQL_MAX);
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = filter_build(change, &f, err);
  st = st == BR_OK ? br_buf_printf(&sql, err, "SELECT TOP (%d) t.* FROM %s AS t WHERE %.*s",
                                   SYNC_DIFFERENCES, change->target->sql, (int)f.sql.len,
                                   (const char *)f.sql.data)
                   : st;
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  st = st == BR_OK ? sync_query(change->conn, text, f.parameters, f.count, &rows, err) : st;
  if (st != BR_OK) {
    name_condition(change, err);
  }
  st = st == BR_OK ? sync_list_rows(rows, "", list, err) : st;
  sync_rows_free(rows);
  br_buf_done(&sql);
  filter_done(&f);
  return st;
}

const sync_operation_row sync_operation_delete = {
    .prepare = prepare, .run = run, .differences = differences};
