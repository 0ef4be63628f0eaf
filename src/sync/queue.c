/* The events table: opening it and reading what is to be done. */
#include "sync/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sync/queue_columns.h"

enum { STATEMENT_MAX = 256 * 1024 };

/* The longest text of each column that is read; a longer one fails its event. */
static const struct {
  sync_column column;
  size_t limit; /* characters */
} texts[] = {
    {SYNC_COLUMN_EVENT_ID, 1024},
    {SYNC_COLUMN_OPERATION, 256},
    {SYNC_COLUMN_SOURCE_TABLE, 2048},
    {SYNC_COLUMN_TARGET_TABLE, 2048},
    {SYNC_COLUMN_PRIMARY_KEYS, 16384},
    {SYNC_COLUMN_PRIORITY, 64},
    {SYNC_COLUMN_STATUS, 64},
    {SYNC_COLUMN_ROWS_EXPECTED, 64},
    {SYNC_COLUMN_FILTER_CONDITIONS, 65536},
    {SYNC_COLUMN_METADATA, 65536},
};
enum { TEXT_COUNT = sizeof texts / sizeof texts[0] };

size_t sync_column_limit(sync_column column) {
  size_t limit = 0;
  for (size_t i = 0; i < TEXT_COUNT; i++) {
    limit = texts[i].column == column ? texts[i].limit : limit;
  }
  return limit;
}

/* Of queries only. */
static br_status run(sync_queue *queue, br_buf *sql, const dbx_parameter *parameters, size_t count,
                     br_cancel *cancel, dbx_result **ret_result, br_error *err) {
  const char *text = br_buf_cstr(sql);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  dbx_statement statement = {
      .sql = text, .parameters = parameters, .parameter_count = count, .repeatable = true};
  return dbx_statement_run(queue->client, &statement, cancel, ret_result, err);
}

static br_status describe(sync_queue *queue, br_cancel *cancel, br_error *err) {
  dbx_result *result = NULL;
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = br_buf_printf(&sql, err, "SELECT * FROM %s LIMIT 0", queue->sql);
  st = st == BR_OK ? run(queue, &sql, NULL, 0, cancel, &result, err) : st;
  if (st == BR_OK) {
    st = sync_columns_detect(queue, result, err);
  } else {
    char condition[DBX_CONDITION_MAX];
    if (err != NULL && dbx_error_condition(err, condition) &&
        (strcmp(condition, "TABLE_OR_VIEW_NOT_FOUND") == 0 ||
         strcmp(condition, "SCHEMA_NOT_FOUND") == 0 ||
         strcmp(condition, "NO_SUCH_CATALOG_EXCEPTION") == 0)) {
      st = br_error_set(err, BR_ERR_NOT_FOUND,
                        "The events table %s does not exist, or may not be seen by this login; "
                        "'sql-databricks-bridge init' makes it, EVENTS_TABLE names another",
                        queue->plain);
    } else {
      br_error_context(err, st, "events table %s", queue->plain);
    }
  }
  dbx_result_free(result);
  br_buf_done(&sql);
  return st;
}

static br_status make_fingerprint(sync_queue *queue, br_error *err) {
  br_buf expression;
  br_buf_init(&expression, STATEMENT_MAX);
  br_status st = sync_column_fingerprint(queue, &expression, err);
  queue->fingerprint = st == BR_OK ? br_buf_take(&expression, NULL) : NULL;
  br_buf_done(&expression);
  return st == BR_OK && queue->fingerprint == NULL ? br_error_nomem(err) : st;
}

/* The name is part of every event's key, and Unity Catalog's names have no case: another spelling
 * must not make another queue of the same table. */
static void make_lower(char *text) {
  for (; *text != '\0'; text++) {
    *text = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
  }
}

br_status sync_queue_open(dbx_client *client, const char *table, bool lowest_first,
                          br_cancel *cancel, sync_queue **ret_queue, br_error *err) {
  sync_queue *queue = br_calloc(1, sizeof *queue);
  if (queue == NULL) {
    return br_error_nomem(err);
  }
  queue->client = client;
  queue->lowest_first = lowest_first;
  br_status st = sync_name_parse(SYNC_DATABRICKS, table, &queue->name, err);
  if (st != BR_OK) {
    br_error_context(err, st, "EVENTS_TABLE");
  } else {
    sync_name_plain(&queue->name, queue->plain);
    make_lower(queue->plain);
    sync_name_sql(&queue->name, queue->sql);
    st = describe(queue, cancel, err);
  }
  st = st == BR_OK ? make_fingerprint(queue, err) : st;
  if (st != BR_OK) {
    sync_queue_free(queue);
    return st;
  }
  *ret_queue = queue;
  return BR_OK;
}

void sync_queue_free(sync_queue *queue) {
  if (queue != NULL) {
    br_free(queue->fingerprint);
    br_free(queue);
  }
}

const char *sync_queue_name(const sync_queue *queue) {
  return queue->plain;
}

const char *sync_queue_sql_name(const sync_queue *queue) {
  return queue->sql;
}

const char *sync_status_name(sync_status status) {
  static const char *const names[] = {"pending", "processing", "completed", "failed", "blocked"};
  return names[status];
}

/* ---- fetching ---- */

/* Each text cut at its limit, and the name of the first that was. */
static br_status select_texts(const sync_queue *queue, br_buf *sql, br_error *err) {
  br_status st = br_buf_printf(sql, err, "SELECT %s AS r0", queue->fingerprint);
  for (size_t i = 0; i < TEXT_COUNT && st == BR_OK; i++) {
    st = br_buf_text(sql, ", left(", err);
    st = st == BR_OK ? sync_column_text(queue, texts[i].column, sql, err) : st;
    st = st == BR_OK ? br_buf_printf(sql, err, ", %zu) AS r%zu", texts[i].limit, i + 1) : st;
  }
  st = st == BR_OK ? br_buf_text(sql, ", CASE", err) : st;
  for (size_t i = 0; i < TEXT_COUNT && st == BR_OK; i++) {
    st = br_buf_text(sql, " WHEN length(", err);
    st = st == BR_OK ? sync_column_text(queue, texts[i].column, sql, err) : st;
    st = st == BR_OK ? br_buf_printf(sql, err, ") > %zu THEN '%s'", texts[i].limit,
                                     sync_column_name(texts[i].column))
                     : st;
  }
  return st == BR_OK ? br_buf_text(sql, " END AS r99", err) : st;
}

static br_status order(const sync_queue *queue, br_buf *sql, br_error *err) {
  br_status st = br_buf_text(sql, " ORDER BY ", err);
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_PRIORITY)) {
    st =
        br_buf_printf(sql, err, "coalesce(priority, 0) %s, ", queue->lowest_first ? "ASC" : "DESC");
  }
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_CREATED_AT)) {
    st = br_buf_text(sql, "created_at ASC NULLS FIRST, ", err);
  }
  return st == BR_OK ? br_buf_text(sql, "event_id ASC", err) : st;
}

static br_status make_event(const sync_queue *queue, const dbx_result *result, uint64_t row,
                            sync_event **ret_event, br_error *err) {
  const char *values[TEXT_COUNT], *holds_nul = NULL;
  for (size_t i = 0; i < TEXT_COUNT; i++) {
    values[i] = dbx_result_value(result, row, i + 1);
    if (values[i] != NULL && strlen(values[i]) < dbx_result_value_length(result, row, i + 1)) {
      holds_nul = sync_column_name(texts[i].column);
    }
  }
  const sync_event_row texts_of_row = {
      .fingerprint = dbx_result_value(result, row, 0),
      .event_id = values[0],
      .operation = values[1],
      .source_table = values[2],
      .target_table = values[3],
      .primary_keys = values[4],
      .priority = values[5],
      .status = values[6],
      .rows_expected = values[7],
      .filter_conditions = values[8],
      .metadata = values[9],
      .too_long = dbx_result_value(result, row, TEXT_COUNT + 1),
      .holds_nul = holds_nul,
  };
  return sync_event_make(queue->plain, &texts_of_row, ret_event, err);
}

static br_status take_events(const sync_queue *queue, const dbx_result *result, size_t limit,
                             sync_event_list *ret_list, br_error *err) {
  sync_event_list list = {.full = dbx_result_rows(result) >= limit};
  br_status st = BR_OK;
  list.items = br_calloc((size_t)dbx_result_rows(result) + 1, sizeof(sync_event *));
  if (list.items == NULL) {
    return br_error_nomem(err);
  }
  for (uint64_t row = 0; row < dbx_result_rows(result) && st == BR_OK; row++) {
    st = make_event(queue, result, row, &list.items[list.count], err);
    list.count += st == BR_OK;
  }
  if (st != BR_OK) {
    sync_event_list_done(&list);
    return st;
  }
  *ret_list = list;
  return BR_OK;
}

/* Long texts may add up to more than an answer takes: then fewer events at a time. */
static bool over_inline_limit(const br_error *err) {
  return strstr(err->message, "Inline byte limit") != NULL || err->status == BR_ERR_LIMIT;
}

br_status sync_queue_fetch(sync_queue *queue, size_t limit, const char *without, br_cancel *cancel,
                           sync_event_list *ret_list, br_error *err) {
  br_error local = BR_ERROR_INIT;
  br_error *e = err != NULL ? err : &local;
  const dbx_parameter parameter = {.name = "without", .value = without};
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = BR_OK;
  for (;;) {
    dbx_result *result = NULL;
    br_buf_clear(&sql);
    st = select_texts(queue, &sql, e);
    st = st == BR_OK
             ? br_buf_printf(&sql, e,
                             " FROM %s WHERE " SYNC_STATUS_WORD " IN ('pending', 'processing')",
                             queue->sql)
             : st;
    if (st == BR_OK && without != NULL) {
      st = br_buf_text(&sql,
                       " AND NOT array_contains(from_json(:without, 'ARRAY<STRING>'), "
                       "coalesce(target_table, ''))",
                       e);
    }
    st = st == BR_OK ? order(queue, &sql, e) : st;
    st = st == BR_OK ? br_buf_printf(&sql, e, " LIMIT %zu", limit) : st;
    st = st == BR_OK ? run(queue, &sql, &parameter, without == NULL ? 0 : 1, cancel, &result, e)
                     : st;
    st = st == BR_OK ? take_events(queue, result, limit, ret_list, e) : st;
    dbx_result_free(result);
    if (st == BR_OK || limit == 1 || !over_inline_limit(e)) {
      break;
    }
    limit = limit / 4 + 1 == limit ? 1 : limit / 4 + 1;
  }
  br_buf_done(&sql);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "reading %s", queue->plain);
}

br_status sync_queue_find(sync_queue *queue, const char *event_id, br_cancel *cancel,
                          sync_event **ret_event, br_error *err) {
  br_buf sql;
  dbx_result *result = NULL;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st = select_texts(queue, &sql, err);
  st = st == BR_OK ? br_buf_printf(&sql, err, " FROM %s WHERE event_id = :event_id", queue->sql)
                   : st;
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_CREATED_AT)) {
    st = br_buf_text(&sql, " ORDER BY created_at DESC NULLS LAST", err);
  }
  st = st == BR_OK ? br_buf_text(&sql, " LIMIT 1", err) : st;
  const dbx_parameter parameter = {.name = "event_id", .value = event_id};
  st = st == BR_OK ? run(queue, &sql, &parameter, 1, cancel, &result, err) : st;
  if (st != BR_OK) {
    br_error_context(err, st, "reading %s", queue->plain);
  } else if (dbx_result_rows(result) == 0) {
    st = br_error_set(err, BR_ERR_NOT_FOUND, "There is no event '%.200s' in %s", event_id,
                      queue->plain);
  } else {
    st = make_event(queue, result, 0, ret_event, err);
  }
  dbx_result_free(result);
  br_buf_done(&sql);
  return st;
}

void sync_event_list_done(sync_event_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    sync_event_free(list->items[i]);
  }
  br_free(list->items);
  *list = (sync_event_list){.items = NULL};
}

br_status sync_queue_status(sync_queue *queue, const char *fingerprint, char *text,
                            br_cancel *cancel, br_error *err) {
  dbx_result *result = NULL;
  br_buf sql;
  br_buf_init(&sql, STATEMENT_MAX);
  br_status st =
      br_buf_printf(&sql, err,
                    "SELECT " SYNC_STATUS_WORD " FROM %s WHERE %s = :fingerprint ORDER BY CASE "
                    "WHEN " SYNC_STATUS_WORD " IN ('pending', 'processing') THEN 0 ELSE 1 END "
                    "LIMIT 1",
                    queue->sql, queue->fingerprint);
  const dbx_parameter parameter = {.name = "fingerprint", .value = fingerprint};
  st = st == BR_OK ? run(queue, &sql, &parameter, 1, cancel, &result, err) : st;
  if (st == BR_OK) {
    const char *value = dbx_result_rows(result) > 0 ? dbx_result_value(result, 0, 0) : "";
    (void)snprintf(text, 32, "%.31s", value == NULL ? "" : value);
  }
  dbx_result_free(result);
  br_buf_done(&sql);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "reading %s", queue->plain);
}
