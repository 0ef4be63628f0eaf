/*
 * queue.h: the events table in Databricks: what stands there, what is to be done next, and how the
 * outcome gets back.
 *
 *   sync_queue_open(client, "bridge.events.bridge_events", …)    looks at the table's columns
 *     sync_queue_fetch(queue, 100, …)       pending events (and those somebody left in processing),
 *                                           in their order
 *     sync_queue_write(queue, reports, …)   statuses and results, many rows in one UPDATE
 *
 * Both documented schemas work, and any subset of their columns: primary_keys as ARRAY or text,
 * filter_conditions and metadata as MAP or text. A row is known by its fingerprint, a hash of all
 * that its author wrote, made by the same expression in every statement: ids may be missing, double
 * or very long without one row getting the other's result.
 *
 * A statement that changes the table may be repeated: it sets what a row is to be, and only where
 * the row is still unfinished (or says failed though its event has completed: see queue_write.c).
 */
#ifndef SYNC_QUEUE_H
#define SYNC_QUEUE_H

#include "databricks/databricks.h"
#include "sync/event.h"

typedef struct sync_queue sync_queue;

/* table: as the operator wrote it. BR_ERR_NOT_FOUND where there is none; the message names the
 * command that makes it. */
br_status sync_queue_open(dbx_client *client, const char *table, bool lowest_first,
                          br_cancel *cancel, sync_queue **ret_queue, br_error *err) BR_CHECKED;
void sync_queue_free(sync_queue *queue); /* NULL is fine */
/* "bridge.events.bridge_events", in lower case: part of every event's key. */
const char *sync_queue_name(const sync_queue *queue);
/* Quoted for SQL. */
const char *sync_queue_sql_name(const sync_queue *queue);

typedef struct sync_event_list {
  sync_event **items; /* owned */
  size_t count;
  bool full; /* there may be more than the limit */
} sync_event_list;

/* without: a JSON list of target tables whose events are left out; NULL = none. */
br_status sync_queue_fetch(sync_queue *queue, size_t limit, const char *without, br_cancel *cancel,
                           sync_event_list *ret_list, br_error *err) BR_CHECKED;
void sync_event_list_done(sync_event_list *list);
/* One event by its id, whatever its status; the newest where there are several. BR_ERR_NOT_FOUND.
 */
br_status sync_queue_find(sync_queue *queue, const char *event_id, br_cancel *cancel,
                          sync_event **ret_event, br_error *err) BR_CHECKED;

/* The status of a row; "" where it is gone, "pending" where it has none. Of several rows that are
 * alike, one that has not ended counts. text holds 32 bytes. */
br_status sync_queue_status(sync_queue *queue, const char *fingerprint, char *text,
                            br_cancel *cancel, br_error *err) BR_CHECKED;

typedef enum sync_status {
  SYNC_PENDING, /* goes back to the queue */
  SYNC_PROCESSING,
  SYNC_COMPLETED,
  SYNC_FAILED,
  SYNC_BLOCKED
} sync_status;
const char *sync_status_name(sync_status status);

/* What a row is to say. */
typedef struct sync_report {
  char fingerprint[BR_SHA256_HEX_MAX];
  sync_status status;
  bool has_rows; /* rows_affected is known */
  int64_t rows_affected;
  bool has_discrepancy;
  int64_t discrepancy;
  char *warning; /* owned; NULL = none */
  char *error_message;
} sync_report;
void sync_report_done(sync_report *report);

/* blocked_as: the word for SYNC_BLOCKED, "blocked" or "failed". */
br_status sync_queue_write(sync_queue *queue, const sync_report *reports, size_t count,
                           const char *blocked_as, br_cancel *cancel, br_error *err) BR_CHECKED;

/* The same, where the table may not take each of them: as many as it takes, messages cut where they
 * are too long for it. ret_well: `count` flags, also after a failure: what it has. */
br_status sync_queue_write_each(sync_queue *queue, const sync_report *reports, size_t count,
                                const char *blocked_as, br_cancel *cancel, bool *ret_well,
                                br_error *err) BR_CHECKED;

/* ---- for authors and operators ---- */

typedef struct sync_new_event {
  const char *event_id, *operation, *source_table, *target_table; /* source_table may be NULL */
  const char *const *keys;
  size_t key_count;
  bool has_priority, has_rows_expected;
  int64_t priority, rows_expected;
  const char *filter_conditions, *metadata; /* JSON objects; NULL = none */
} sync_new_event;

/* The event as the poller will read it from the table: key, hash, and what is wrong with it (its
 * problem). Asks the server how a MAP column would show the texts; else nothing is asked. */
br_status sync_queue_check(sync_queue *queue, const sync_new_event *event, br_cancel *cancel,
                           sync_event **ret_event, br_error *err) BR_CHECKED;
/* One conditional insert. BR_ERR_EXISTS where the id is there already. */
br_status sync_queue_emit(sync_queue *queue, const sync_new_event *event, br_cancel *cancel,
                          br_error *err) BR_CHECKED;
/* One row, as sync_queue_list() shows it: another one may have the same id. */
typedef struct sync_row_name {
  const char *event_id, *fingerprint;
} sync_row_name;
/* failed or blocked back to pending; *ret_done false: the event is in another state, or gone. */
br_status sync_queue_retry(sync_queue *queue, const sync_row_name *row, br_cancel *cancel,
                           bool *ret_done, br_error *err) BR_CHECKED;
/* Takes a pending event away. */
br_status sync_queue_delete(sync_queue *queue, const sync_row_name *row, br_cancel *cancel,
                            bool *ret_done, br_error *err) BR_CHECKED;

/* The columns of sync_queue_list(), in this order; every value is text, times as microseconds since
 * 1970, lists and maps as JSON. Columns that the table lacks are NULL. */
typedef enum sync_column {
  SYNC_COLUMN_EVENT_ID,
  SYNC_COLUMN_OPERATION,
  SYNC_COLUMN_SOURCE_TABLE,
  SYNC_COLUMN_TARGET_TABLE,
  SYNC_COLUMN_PRIMARY_KEYS,
  SYNC_COLUMN_PRIORITY,
  SYNC_COLUMN_STATUS,
  SYNC_COLUMN_ROWS_EXPECTED,
  SYNC_COLUMN_ROWS_AFFECTED,
  SYNC_COLUMN_DISCREPANCY,
  SYNC_COLUMN_WARNING,
  SYNC_COLUMN_ERROR_MESSAGE,
  SYNC_COLUMN_FILTER_CONDITIONS,
  SYNC_COLUMN_METADATA,
  SYNC_COLUMN_CREATED_AT,
  SYNC_COLUMN_PROCESSED_AT,
  SYNC_COLUMN_COUNT,
  SYNC_COLUMN_FINGERPRINT = SYNC_COLUMN_COUNT /* only where an event_id is asked for */
} sync_column;
const char *sync_column_name(sync_column column);

typedef struct sync_list_options {
  const char *event_id, *status, *operation; /* NULL = any */
  const char *targets; /* a JSON list of target tables, as they stand there; NULL = any */
  uint64_t limit, offset;
} sync_list_options;
/* Newest first. */
br_status sync_queue_list(sync_queue *queue, const sync_list_options *options, br_cancel *cancel,
                          dbx_result **ret_result, br_error *err) BR_CHECKED;
/* Rows of status, operation, target table, count. */
br_status sync_queue_stats(sync_queue *queue, br_cancel *cancel, dbx_result **ret_result,
                           br_error *err) BR_CHECKED;

#endif
