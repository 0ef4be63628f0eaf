/*
 * Statuses and results into the events table: one UPDATE for many rows. A statement takes 256
 * parameters, so each column's values come as one JSON map from fingerprint to text:
 *
 *   SET status = element_at(from_json(:status, 'MAP<STRING,STRING>'), <fingerprint>), …
 *   WHERE <unfinished> AND array_contains(from_json(:rows, 'ARRAY<STRING>'), <fingerprint>)
 *
 * Where fewer rows than reports were changed, a look at the rows follows: one that says failed or
 * blocked, though its event has completed, was written over by a writer that came too late. (Twins
 * of another report's row can make up for the one that is missing: then nobody looks.)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sync/exact_json.h"
#include "sync/queue_columns.h"

enum { STATEMENT_MAX = 512 * 1024 };

/* What a statement does with its rows. */
typedef enum kind { KIND_START, KIND_END, KIND_AMEND } kind;

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

int64_t sync_queue_count(const dbx_result *result, const char *name) {
  for (size_t i = 0; i < dbx_result_columns(result); i++) {
    if (strcmp(dbx_result_column(result, i)->name, name) == 0 && dbx_result_rows(result) > 0) {
      const char *text = dbx_result_value(result, 0, i);
      uint64_t value = 0;
      for (; text != NULL && *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
      }
      return (int64_t)value;
    }
  }
  return -1;
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

static br_status of_rows(const sync_queue *queue, br_buf *sql, br_error *err) {
  return br_buf_printf(sql, err, "array_contains(from_json(:fingerprints, 'ARRAY<STRING>'), %s)",
                       queue->fingerprint);
}

/* Rows that were given to two statements at a time must not go back from their end to processing;
 * and what has ended stays as it is, but for what is amended. */
static br_status build(const sync_queue *queue, kind what, br_buf *sql, br_error *err) {
  br_status st = set_clause(queue, sql, err);
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_PROCESSED_AT)) {
    st = br_buf_printf(sql, err, ", processed_at = %s",
                       what == KIND_START ? "NULL"
                       : queue->forms[SYNC_COLUMN_PROCESSED_AT] == SYNC_FORM_LOCAL
                           ? "CAST(current_timestamp() AS TIMESTAMP_NTZ)"
                           : "current_timestamp()");
  }
  st = st == BR_OK
           ? br_buf_printf(sql, err, " WHERE " SYNC_STATUS_WORD " IN (%s) AND ",
                           what == KIND_AMEND ? "'failed', 'blocked'" : "'pending', 'processing'")
           : st;
  return st == BR_OK ? of_rows(queue, sql, err) : st;
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

static br_status run(sync_queue *queue, br_buf *sql, const dbx_parameter *parameters, size_t count,
                     bool repeatable, br_cancel *cancel, dbx_result **ret_result, br_error *err) {
  const char *text = br_buf_cstr(sql);
  const dbx_statement statement = {
      .sql = text, .parameters = parameters, .parameter_count = count, .repeatable = repeatable};
  return text == NULL ? br_error_nomem(err)
                      : dbx_statement_run(queue->client, &statement, cancel, ret_result, err);
}

/* All reports are of one kind. *ret_rows: how many rows were changed; -1: the server does not say.
 */
static br_status write_kind(sync_queue *queue, const sync_report *reports, size_t count, kind what,
                            const char *blocked_as, br_cancel *cancel, int64_t *ret_rows,
                            br_error *err) {
  dbx_result *result = NULL;
  bound b = {.count = 0};
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = build(queue, what, &sql, err);
  st = st == BR_OK ? bind(queue, reports, count, blocked_as, &b, err) : st;
  st = st == BR_OK ? run(queue, &sql, b.parameters, b.count, false, cancel, &result, err) : st;
  *ret_rows = st == BR_OK ? sync_queue_count(result, "num_affected_rows") : -1;
  dbx_result_free(result);
  bound_done(&b);
  br_buf_done(&sql);
  return st;
}

/* ---- what came to nothing ---- */

/* The statuses of the reports' rows: fingerprint and word. */
static br_status look(sync_queue *queue, const sync_report *reports, size_t count,
                      br_cancel *cancel, dbx_result **ret_result, br_error *err) {
  char *rows = NULL;
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = br_buf_printf(
      &sql, err, "SELECT DISTINCT %s AS r0, " SYNC_STATUS_WORD " AS r1 FROM %s WHERE ",
      queue->fingerprint, queue->sql);
  st = st == BR_OK ? of_rows(queue, &sql, err) : st;
  st = st == BR_OK ? fingerprint_list(reports, count, &rows, err) : st;
  const dbx_parameter parameter = {.name = "fingerprints", .value = rows};
  st = st == BR_OK ? run(queue, &sql, &parameter, 1, true, cancel, ret_result, err) : st;
  br_free(rows);
  br_buf_done(&sql);
  return st;
}

/* Every row of that fingerprint says so: where one has another word, that one is the event's, and
 * the other an older twin of it. */
static bool says_failed(const dbx_result *statuses, const char *fingerprint) {
  bool found = false;
  for (uint64_t i = 0; i < dbx_result_rows(statuses); i++) {
    const char *row = dbx_result_value(statuses, i, 0), *word = dbx_result_value(statuses, i, 1);
    if (row != NULL && strcmp(row, fingerprint) == 0) {
      found = true;
      if (word == NULL || (strcmp(word, "failed") != 0 && strcmp(word, "blocked") != 0)) {
        return false;
      }
    }
  }
  return found;
}

/* What has completed must not be shown as failed: whoever wrote that knew less. Rows that are gone,
 * or that somebody else has ended in the same way, stay. */
static br_status amend(sync_queue *queue, const sync_report *reports, size_t count,
                       const char *blocked_as, br_cancel *cancel, br_error *err) {
  dbx_result *statuses = NULL;
  size_t chosen = 0;
  int64_t ignored = 0;
  sync_report *some = br_calloc(count + 1, sizeof *some);
  if (some == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    if (reports[i].status == SYNC_COMPLETED) {
      some[chosen++] = reports[i];
    }
  }
  br_status st = chosen > 0 ? look(queue, some, chosen, cancel, &statuses, err) : BR_OK;
  const size_t completed = st == BR_OK ? chosen : 0;
  chosen = 0;
  for (size_t i = 0; i < completed; i++) {
    if (says_failed(statuses, some[i].fingerprint)) {
      some[chosen++] = some[i];
    }
  }
  st = chosen > 0 ? write_kind(queue, some, chosen, KIND_AMEND, blocked_as, cancel, &ignored, err)
                  : st;
  dbx_result_free(statuses);
  br_free(some);
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
  for (kind what = KIND_START; what <= KIND_END && st == BR_OK; what++) {
    size_t chosen = 0;
    int64_t rows = -1;
    for (size_t i = 0; i < count; i++) {
      if (is_start(&reports[i]) == (what == KIND_START)) {
        some[chosen++] = reports[i]; /* borrows the texts */
      }
    }
    if (chosen > 0) {
      st = write_kind(queue, some, chosen, what, blocked_as, cancel, &rows, err);
    }
    if (st == BR_OK && what == KIND_END && rows >= 0 && (uint64_t)rows < chosen) {
      st = amend(queue, some, chosen, blocked_as, cancel, err);
    }
  }
  br_free(some);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "writing to %s", queue->plain);
}
