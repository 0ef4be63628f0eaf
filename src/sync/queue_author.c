/* What authors and operators do with the events table: emit, retry, cancel, look. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sync/exact_json.h"
#include "sync/queue_columns.h"
#include "sync/queue_objects.h"
#include "sync/retry.h"

enum { STATEMENT_MAX = 256 * 1024, PARAMETERS_MAX = SYNC_COLUMN_COUNT, CONFLICTS_MAX = 8 };

typedef struct statement {
  br_buf sql;
  dbx_parameter parameters[PARAMETERS_MAX];
  size_t count;
  char priority[32], rows_expected[32];
} statement;

static void statement_init(statement *s) {
  *s = (statement){.count = 0};
  br_buf_init(&s->sql, STATEMENT_MAX);
}

static br_status statement_run(sync_queue *queue, statement *s, br_cancel *cancel,
                               dbx_result **ret_result, br_error *err) {
  const char *text = br_buf_cstr(&s->sql);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  const dbx_statement run = {.sql = text, .parameters = s->parameters, .parameter_count = s->count};
  br_error local = BR_ERROR_INIT;
  br_status st = dbx_statement_run(queue->client, &run, cancel, ret_result, &local);
  for (unsigned tries = 1; tries < CONFLICTS_MAX && st != BR_OK && dbx_error_is_conflict(&local);
       tries++) {
    if (br_cancel_sleep_ms(cancel, sync_retry_delay_ms(tries, br_clock_monotonic_ns()), NULL) !=
        BR_OK) {
      break;
    }
    st = dbx_statement_run(queue->client, &run, cancel, ret_result, &local);
  }
  if (st != BR_OK && err != NULL) {
    *err = local;
  }
  return st == BR_OK ? BR_OK : br_error_context(err, st, "events table %s", queue->plain);
}

static void add_parameter(statement *s, const char *name, const char *value) {
  s->parameters[s->count++] = (dbx_parameter){.name = name, .value = value};
}

/* ---- emitting ---- */

/* A column of the new row and the expression of its value. */
static br_status new_column(statement *s, br_buf *values, const char *name, const char *expression,
                            br_error *err) {
  const char *comma = values->len > 0 ? ", " : "";
  br_status st = br_buf_printf(&s->sql, err, "%s%s", comma, name);
  return st == BR_OK ? br_buf_printf(values, err, "%s%s", comma, expression) : st;
}

static br_status new_text(const sync_queue *queue, statement *s, br_buf *values, sync_column column,
                          const char *value, br_error *err) {
  if (!sync_column_there(queue, column)) {
    return value == NULL
               ? BR_OK
               : br_error_set(err, BR_ERR_UNSUPPORTED, "The events table %s has no column %s",
                              queue->plain, sync_column_name(column));
  }
  const char *name = sync_column_name(column);
  char expression[128];
  if (queue->forms[column] == SYNC_FORM_LIST) {
    (void)snprintf(expression, sizeof expression, "from_json(:%s, 'ARRAY<STRING>')", name);
  } else if (queue->forms[column] == SYNC_FORM_MAP) {
    (void)snprintf(expression, sizeof expression, "from_json(:%s, 'MAP<STRING,STRING>')", name);
  } else if (queue->forms[column] == SYNC_FORM_NUMBER) {
    (void)snprintf(expression, sizeof expression, "CAST(:%s AS %s)", name,
                   queue->wide[column] ? "BIGINT" : "INT");
  } else {
    (void)snprintf(expression, sizeof expression, ":%s", name);
  }
  add_parameter(s, name, value);
  return new_column(s, values, name, expression, err);
}

/* ---- looking at a new event ---- */

/* As the column will show the text: MAPs are written anew by the server. */
static br_status ask_shown(sync_queue *queue, const sync_new_event *event, br_cancel *cancel,
                           dbx_result **ret_result, br_error *err) {
  static const char *const as_map = "to_json(from_json(:%s, 'MAP<STRING,STRING>'))";
  statement s;
  statement_init(&s);
  br_status st = br_buf_text(&s.sql, "SELECT ", err);
  st = st == BR_OK ? br_buf_printf(&s.sql, err, as_map, "filter_conditions") : st;
  st = st == BR_OK ? br_buf_text(&s.sql, " AS r0, ", err) : st;
  st = st == BR_OK ? br_buf_printf(&s.sql, err, as_map, "metadata") : st;
  st = st == BR_OK ? br_buf_text(&s.sql, " AS r1", err) : st;
  add_parameter(&s, "filter_conditions", event->filter_conditions);
  add_parameter(&s, "metadata", event->metadata);
  st = st == BR_OK ? statement_run(queue, &s, cancel, ret_result, err) : st;
  br_buf_done(&s.sql);
  return st;
}

static size_t characters(const char *text) {
  size_t count = 0;
  for (; text != NULL && *text != '\0'; text++) {
    count += ((unsigned char)*text & 0xC0U) != 0x80;
  }
  return count;
}

/* The first column whose text is longer than what is read; NULL: none. */
static const char *too_long(const sync_event_row *row) {
  const struct {
    sync_column column;
    const char *text;
  } columns[] = {{SYNC_COLUMN_EVENT_ID, row->event_id},
                 {SYNC_COLUMN_SOURCE_TABLE, row->source_table},
                 {SYNC_COLUMN_TARGET_TABLE, row->target_table},
                 {SYNC_COLUMN_PRIMARY_KEYS, row->primary_keys},
                 {SYNC_COLUMN_FILTER_CONDITIONS, row->filter_conditions},
                 {SYNC_COLUMN_METADATA, row->metadata}};
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
    if (characters(columns[i].text) > sync_column_limit(columns[i].column)) {
      return sync_column_name(columns[i].column);
    }
  }
  return NULL;
}

/* What a column that the table lacks shows. */
static const char *shown(const sync_queue *queue, sync_column column, const char *text) {
  return sync_column_there(queue, column) ? text : NULL;
}

/* What can't be put into the table's columns is wrong with the event, not with us. */
static br_status set_problem(sync_event *event, const br_error *why, br_error *err) {
  if (event->problem == NULL) {
    event->problem = br_strdup(why->message);
  }
  return event->problem == NULL ? br_error_nomem(err) : BR_OK;
}

/* The row's objects, as the columns will show them; *ret_result and objects own the texts. */
static br_status shown_objects(sync_queue *queue, const sync_new_event *event,
                               const sync_objects *objects, br_cancel *cancel, sync_event_row *row,
                               dbx_result **ret_result, br_error *err) {
  const bool filter_is_map = queue->forms[SYNC_COLUMN_FILTER_CONDITIONS] == SYNC_FORM_MAP;
  const bool metadata_is_map = queue->forms[SYNC_COLUMN_METADATA] == SYNC_FORM_MAP;
  sync_new_event put = *event;
  put.filter_conditions = row->filter_conditions = objects->filter_conditions;
  put.metadata = row->metadata = objects->metadata;
  if ((!filter_is_map || put.filter_conditions == NULL) &&
      (!metadata_is_map || put.metadata == NULL)) {
    return BR_OK;
  }
  br_status st = ask_shown(queue, &put, cancel, ret_result, err);
  if (st == BR_OK) {
    row->filter_conditions =
        filter_is_map ? dbx_result_value(*ret_result, 0, 0) : row->filter_conditions;
    row->metadata = metadata_is_map ? dbx_result_value(*ret_result, 0, 1) : row->metadata;
  }
  return st;
}

br_status sync_queue_check(sync_queue *queue, const sync_new_event *event, br_cancel *cancel,
                           sync_event **ret_event, br_error *err) {
  char expected[32];
  char *keys = NULL;
  dbx_result *result = NULL;
  sync_objects objects = {.metadata = NULL};
  br_error wrong = BR_ERROR_INIT;
  sync_event *made = NULL;
  sync_event_row row = {.event_id = event->event_id,
                        .operation = event->operation,
                        .source_table = shown(queue, SYNC_COLUMN_SOURCE_TABLE, event->source_table),
                        .target_table = event->target_table,
                        .filter_conditions = event->filter_conditions,
                        .metadata = event->metadata};
  (void)snprintf(expected, sizeof expected, "%" PRId64, event->rows_expected);
  row.rows_expected =
      event->has_rows_expected ? shown(queue, SYNC_COLUMN_ROWS_EXPECTED, expected) : NULL;
  br_status st = sync_json_list(event->keys, event->key_count, &keys, err);
  row.primary_keys = shown(queue, SYNC_COLUMN_PRIMARY_KEYS, keys);
  br_status put = st == BR_OK ? sync_objects_make(queue, event, &objects, &wrong) : st;
  if (put == BR_OK) {
    st = shown_objects(queue, event, &objects, cancel, &row, &result, err);
  } else if (st == BR_OK && put != BR_ERR_DATA) {
    st = br_error_set(err, put, "%s", wrong.message);
  }
  row.too_long = too_long(&row);
  st = st == BR_OK ? sync_event_make(queue->plain, &row, &made, err) : st;
  st = st == BR_OK && put == BR_ERR_DATA ? set_problem(made, &wrong, err) : st;
  if (st == BR_OK) {
    *ret_event = made;
  } else {
    sync_event_free(made);
  }
  dbx_result_free(result);
  sync_objects_done(&objects);
  br_free(keys);
  return st;
}

/* ---- emitting ---- */

static br_status new_row(const sync_queue *queue, const sync_new_event *event,
                         const sync_objects *objects, const char *keys, statement *s,
                         br_buf *values, br_error *err) {
  (void)snprintf(s->priority, sizeof s->priority, "%" PRId64, event->priority);
  (void)snprintf(s->rows_expected, sizeof s->rows_expected, "%" PRId64, event->rows_expected);
  const struct {
    sync_column column;
    const char *value;
  } columns[] = {
      {SYNC_COLUMN_EVENT_ID, event->event_id},
      {SYNC_COLUMN_OPERATION, event->operation},
      {SYNC_COLUMN_SOURCE_TABLE, event->source_table},
      {SYNC_COLUMN_TARGET_TABLE, event->target_table},
      {SYNC_COLUMN_PRIMARY_KEYS,
       event->key_count > 0 ? keys : shown(queue, SYNC_COLUMN_PRIMARY_KEYS, keys)},
      {SYNC_COLUMN_PRIORITY,
       event->has_priority ? s->priority : shown(queue, SYNC_COLUMN_PRIORITY, s->priority)},
      {SYNC_COLUMN_STATUS, "pending"},
      {SYNC_COLUMN_ROWS_EXPECTED, event->has_rows_expected ? s->rows_expected : NULL},
      {SYNC_COLUMN_FILTER_CONDITIONS, objects->filter_conditions},
      {SYNC_COLUMN_METADATA, objects->metadata},
  };
  br_status st = BR_OK;
  for (size_t i = 0; i < sizeof columns / sizeof columns[0] && st == BR_OK; i++) {
    st = new_text(queue, s, values, columns[i].column, columns[i].value, err);
  }
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_CREATED_AT)) {
    st = new_column(s, values, "created_at",
                    queue->forms[SYNC_COLUMN_CREATED_AT] == SYNC_FORM_LOCAL
                        ? "CAST(current_timestamp() AS TIMESTAMP_NTZ)"
                        : "current_timestamp()",
                    err);
  }
  return st;
}

br_status sync_queue_emit(sync_queue *queue, const sync_new_event *event, br_cancel *cancel,
                          br_error *err) {
  statement s;
  br_buf values;
  char *keys = NULL;
  dbx_result *result = NULL;
  sync_objects objects = {.metadata = NULL};
  statement_init(&s);
  br_buf_init(&values, STATEMENT_MAX);
  br_status st = sync_json_list(event->keys, event->key_count, &keys, err);
  st = st == BR_OK ? sync_objects_make(queue, event, &objects, err) : st;
  st = st == BR_OK ? br_buf_printf(&s.sql, err,
                                   "MERGE INTO %s AS t USING (SELECT :event_id AS id) AS s ON "
                                   "t.event_id = s.id WHEN NOT MATCHED THEN INSERT (",
                                   queue->sql)
                   : st;
  st = st == BR_OK ? new_row(queue, event, &objects, keys, &s, &values, err) : st;
  st = st == BR_OK ? br_buf_printf(&s.sql, err, ") VALUES (%.*s)", (int)values.len,
                                   (const char *)values.data)
                   : st;
  st = st == BR_OK ? statement_run(queue, &s, cancel, &result, err) : st;
  if (st == BR_OK && sync_queue_count(result, "num_inserted_rows") <= 0 &&
      sync_queue_count(result, "num_affected_rows") <= 0) {
    st = br_error_set(err, BR_ERR_EXISTS, "There is an event '%.200s' already", event->event_id);
  }
  dbx_result_free(result);
  sync_objects_done(&objects);
  br_free(keys);
  br_buf_done(&values);
  br_buf_done(&s.sql);
  return st;
}

/* ---- changing ---- */

static br_status change(sync_queue *queue, const sync_row_name *row, const char *before,
                        const char *behind, br_cancel *cancel, bool *ret_done, br_error *err) {
  statement s;
  dbx_result *result = NULL;
  statement_init(&s);
  br_status st =
      br_buf_printf(&s.sql, err, "%s WHERE event_id = :event_id AND %s = :fingerprint AND %s",
                    before, queue->fingerprint, behind);
  add_parameter(&s, "event_id", row->event_id);
  add_parameter(&s, "fingerprint", row->fingerprint);
  st = st == BR_OK ? statement_run(queue, &s, cancel, &result, err) : st;
  if (st == BR_OK) {
    *ret_done = sync_queue_count(result, "num_affected_rows") > 0;
  }
  dbx_result_free(result);
  br_buf_done(&s.sql);
  return st;
}

br_status sync_queue_retry(sync_queue *queue, const sync_row_name *row, br_cancel *cancel,
                           bool *ret_done, br_error *err) {
  static const sync_column cleared[] = {SYNC_COLUMN_ROWS_AFFECTED, SYNC_COLUMN_DISCREPANCY,
                                        SYNC_COLUMN_WARNING, SYNC_COLUMN_ERROR_MESSAGE,
                                        SYNC_COLUMN_PROCESSED_AT};
  br_buf before;
  br_buf_init(&before, STATEMENT_MAX);
  br_status st = br_buf_printf(&before, err, "UPDATE %s SET status = 'pending'", queue->sql);
  for (size_t i = 0; i < sizeof cleared / sizeof cleared[0] && st == BR_OK; i++) {
    if (sync_column_there(queue, cleared[i])) {
      st = br_buf_printf(&before, err, ", %s = NULL", sync_column_name(cleared[i]));
    }
  }
  const char *text = st == BR_OK ? br_buf_cstr(&before) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  st = st == BR_OK ? change(queue, row, text, SYNC_STATUS_WORD " IN ('failed', 'blocked')", cancel,
                            ret_done, err)
                   : st;
  br_buf_done(&before);
  return st;
}

br_status sync_queue_delete(sync_queue *queue, const sync_row_name *row, br_cancel *cancel,
                            bool *ret_done, br_error *err) {
  char before[SYNC_NAME_TEXT_MAX + 32];
  (void)snprintf(before, sizeof before, "DELETE FROM %s", queue->sql);
  return change(queue, row, before, SYNC_STATUS_WORD " = 'pending'", cancel, ret_done, err);
}

/* ---- looking ---- */

static br_status condition(statement *s, bool *first, const char *expression, const char *name,
                           const char *value, br_error *err) {
  if (value == NULL) {
    return BR_OK;
  }
  br_status st =
      br_buf_printf(&s->sql, err, "%s %s = :%s", *first ? " WHERE" : " AND", expression, name);
  *first = false;
  add_parameter(s, name, value);
  return st;
}

static br_status only_targets(statement *s, bool *first, const char *targets, br_error *err) {
  if (targets == NULL) {
    return BR_OK;
  }
  br_status st = br_buf_printf(&s->sql, err,
                               "%s array_contains(from_json(:targets, 'ARRAY<STRING>'), "
                               "coalesce(target_table, ''))",
                               *first ? " WHERE" : " AND");
  *first = false;
  add_parameter(s, "targets", targets);
  return st;
}

static br_status list_sql(const sync_queue *queue, const sync_list_options *options, statement *s,
                          br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < SYNC_COLUMN_COUNT && st == BR_OK; i++) {
    st = br_buf_text(&s->sql, i == 0 ? "SELECT " : ", ", err);
    st = st == BR_OK ? sync_column_text(queue, (sync_column)i, &s->sql, err) : st;
    st = st == BR_OK ? br_buf_printf(&s->sql, err, " AS r%zu", i) : st;
  }
  if (st == BR_OK && options->event_id != NULL) {
    st = br_buf_printf(&s->sql, err, ", %s AS fingerprint", queue->fingerprint);
  }
  bool first = true;
  st = st == BR_OK ? br_buf_printf(&s->sql, err, " FROM %s", queue->sql) : st;
  st = st == BR_OK ? condition(s, &first, "event_id", "event_id", options->event_id, err) : st;
  st = st == BR_OK ? condition(s, &first, SYNC_STATUS_WORD, "status", options->status, err) : st;
  st = st == BR_OK ? condition(s, &first, "upper(operation)", "operation", options->operation, err)
                   : st;
  st = st == BR_OK ? only_targets(s, &first, options->targets, err) : st;
  st = st == BR_OK ? br_buf_text(&s->sql, " ORDER BY ", err) : st;
  if (st == BR_OK && sync_column_there(queue, SYNC_COLUMN_CREATED_AT)) {
    st = br_buf_text(&s->sql, "created_at DESC NULLS LAST, ", err);
  }
  return st == BR_OK
             ? br_buf_printf(&s->sql, err, "event_id DESC LIMIT %" PRIu64 " OFFSET %" PRIu64,
                             options->limit, options->offset)
             : st;
}

br_status sync_queue_list(sync_queue *queue, const sync_list_options *options, br_cancel *cancel,
                          dbx_result **ret_result, br_error *err) {
  statement s;
  statement_init(&s);
  br_status st = list_sql(queue, options, &s, err);
  st = st == BR_OK ? statement_run(queue, &s, cancel, ret_result, err) : st;
  br_buf_done(&s.sql);
  return st;
}

br_status sync_queue_stats(sync_queue *queue, br_cancel *cancel, dbx_result **ret_result,
                           br_error *err) {
  statement s;
  statement_init(&s);
  br_status st = br_buf_printf(&s.sql, err,
                               "SELECT " SYNC_STATUS_WORD " AS r0, upper(operation) AS r1, "
                               "target_table AS r2, CAST(count(*) AS STRING) AS r3 FROM %s GROUP "
                               "BY " SYNC_STATUS_WORD ", upper(operation), target_table "
                               "ORDER BY r0, r1, r2",
                               queue->sql);
  st = st == BR_OK ? statement_run(queue, &s, cancel, ret_result, err) : st;
  br_buf_done(&s.sql);
  return st;
}
