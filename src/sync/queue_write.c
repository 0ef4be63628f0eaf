/*
 * Statuses and results into the events table: one UPDATE for many rows. A statement takes 256
 * parameters, so each column's values come as one JSON map from fingerprint to text:
 *
 *   SET status = element_at(from_json(:status, 'MAP<STRING,STRING>'), <fingerprint>), …
 *   WHERE <unfinished> AND array_contains(from_json(:rows, 'ARRAY<STRING>'), <fingerprint>)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sync/exact_json.h"
#include "sync/queue_columns.h"

enum { STATEMENT_MAX = 512 * 1024 };

void sync_report_done(sync_report *report) {
  br_free(report->warning);
  br_free(report->error_message);
  *report = (sync_report){.status = SYNC_PENDING};
}

/* The text of a report in one of the result columns; false: NULL. number holds 32 bytes. */
static bool report_text(const sync_report *report, sync_column column, const char *blocked_as,
                        bool wide, char *number, const char **ret_text) {
  switch (column) {
  case SYNC_COLUMN_STATUS:
    *ret_text = report->status == SYNC_BLOCKED ? blocked_as : sync_status_name(report->status);
    return true;
  case SYNC_COLUMN_ROWS_AFFECTED:
  case SYNC_COLUMN_DISCREPANCY: {
    const bool rows = column == SYNC_COLUMN_ROWS_AFFECTED;
    const int64_t value = rows ? report->rows_affected : report->discrepancy;
    (void)snprintf(number, 32, "%" PRId64, value);
    *ret_text = number;
    /* A count that the column can't hold would fail the statement and all other rows with it. */
    return (rows ? report->has_rows : report->has_discrepancy) &&
           (wide || (value <= INT32_MAX && value >= INT32_MIN));
  }
  case SYNC_COLUMN_WARNING:
    *ret_text = report->warning;
    return report->warning != NULL;
  default:
    *ret_text = report->error_message;
    return report->error_message != NULL;
  }
}

static br_status column_map(const sync_queue *queue, sync_column column, const sync_report *reports,
                            size_t count, const char *blocked_as, char **ret_text, br_error *err) {
  json_t *map = json_object();
  bool complete = map != NULL;
  for (size_t i = 0; i < count && complete; i++) {
    char number[32];
    const char *text = NULL;
    bool there = report_text(&reports[i], column, blocked_as, queue->wide[column], number, &text);
    json_t *value = there ? json_string(text) : json_null();
    complete = value != NULL && json_object_set_new(map, reports[i].fingerprint, value) == 0;
  }
  return sync_json_dump(map, complete, ret_text, err);
}

static br_status fingerprint_list(const sync_report *reports, size_t count, char **ret_text,
                                  br_error *err) {
  const char **texts = br_calloc(count + 1, sizeof *texts);
  if (texts == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    texts[i] = reports[i].fingerprint;
  }
  br_status st = sync_json_list(texts, count, ret_text, err);
  br_free(texts);
  return st;
}

static const sync_column results[] = {SYNC_COLUMN_STATUS, SYNC_COLUMN_ROWS_AFFECTED,
                                      SYNC_COLUMN_DISCREPANCY, SYNC_COLUMN_WARNING,
                                      SYNC_COLUMN_ERROR_MESSAGE};
enum { RESULT_COUNT = sizeof results / sizeof results[0] };

static br_status set_clause(const sync_queue *queue, br_buf *sql, br_error *err) {
  br_status st = br_buf_printf(sql, err, "UPDATE %s SET ", queue->sql);
  bool first = true;
  for (size_t i = 0; i < RESULT_COUNT && st == BR_OK; i++) {
    const sync_column column = results[i];
    if (!sync_column_there(queue, column)) {
      continue;
    }
    const bool number = queue->forms[column] == SYNC_FORM_NUMBER;
    st = br_buf_printf(sql, err, "%s%s = %selement_at(from_json(:%s, 'MAP<STRING,STRING>'), %s)%s",
                       first ? "" : ", ", sync_column_name(column), number ? "CAST(" : "",
                       sync_column_name(column), queue->fingerprint,
                       !number               ? ""
                       : queue->wide[column] ? " AS BIGINT)"
                                             : " AS INT)");
    first = false;
  }
  return st;
}

/* Rows that were given to two statements at a time must not go back from their end to processing;
 * and what has ended stays as it is. */
static br_status build(const sync_queue *queue, bool starting, br_buf *sql, br_error *err) {
  br_status st = set_clause(queue, sql, err);
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_PROCESSED_AT)) {
    st = br_buf_printf(sql, err, ", processed_at = %s",
                       starting ? "NULL"
                       : queue->forms[SYNC_COLUMN_PROCESSED_AT] == SYNC_FORM_LOCAL
                           ? "CAST(current_timestamp() AS TIMESTAMP_NTZ)"
                           : "current_timestamp()");
  }
  return st == BR_OK
             ? br_buf_printf(sql, err,
                             " WHERE " SYNC_STATUS_WORD " IN ('pending', 'processing') AND "
                             "array_contains(from_json(:fingerprints, 'ARRAY<STRING>'), %s)",
                             queue->fingerprint)
             : st;
}

typedef struct bound {
  dbx_parameter parameters[RESULT_COUNT + 1];
  char *texts[RESULT_COUNT + 1];
  size_t count;
} bound;

static br_status bind(const sync_queue *queue, const sync_report *reports, size_t count,
                      const char *blocked_as, bound *b, br_error *err) {
  br_status st = fingerprint_list(reports, count, &b->texts[0], err);
  if (st == BR_OK) {
    b->parameters[b->count++] = (dbx_parameter){.name = "fingerprints", .value = b->texts[0]};
  }
  for (size_t i = 0; i < RESULT_COUNT && st == BR_OK; i++) {
    if (sync_column_there(queue, results[i])) {
      st = column_map(queue, results[i], reports, count, blocked_as, &b->texts[b->count], err);
      if (st == BR_OK) {
        b->parameters[b->count] =
            (dbx_parameter){.name = sync_column_name(results[i]), .value = b->texts[b->count]};
        b->count++;
      }
    }
  }
  return st;
}

static void bound_done(bound *b) {
  for (size_t i = 0; i < b->count; i++) {
    br_free(b->texts[i]);
  }
}

/* All reports are of one kind: starting and going back, or ending. */
static br_status write_kind(sync_queue *queue, const sync_report *reports, size_t count,
                            bool starting, const char *blocked_as, br_cancel *cancel,
                            br_error *err) {
  dbx_result *result = NULL;
  bound b = {.count = 0};
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = build(queue, starting, &sql, err);
  st = st == BR_OK ? bind(queue, reports, count, blocked_as, &b, err) : st;
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    dbx_statement statement = {.sql = text, .parameters = b.parameters, .parameter_count = b.count};
    st = dbx_statement_run(queue->client, &statement, cancel, &result, err);
  }
  dbx_result_free(result);
  bound_done(&b);
  br_buf_done(&sql);
  return st;
}

static bool is_start(const sync_report *report) {
  return report->status == SYNC_PENDING || report->status == SYNC_PROCESSING;
}

br_status sync_queue_write(sync_queue *queue, const sync_report *reports, size_t count,
                           const char *blocked_as, br_cancel *cancel, br_error *err) {
  br_status st = BR_OK;
  sync_report *some = br_calloc(count + 1, sizeof *some);
  if (some == NULL) {
    return br_error_nomem(err);
  }
  for (int starting = 1; starting >= 0 && st == BR_OK; starting--) {
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++) {
      if (is_start(&reports[i]) == (starting == 1)) {
        some[chosen++] = reports[i]; /* borrows the texts */
      }
    }
    if (chosen > 0) {
      st = write_kind(queue, some, chosen, starting == 1, blocked_as, cancel, err);
    }
  }
  br_free(some);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "writing to %s", queue->plain);
}
