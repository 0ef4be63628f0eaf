/*
 * queue_columns.h: the events table's columns as they were found, and the SQL expressions that read
 * them. For queue*.c.
 */
#ifndef SYNC_QUEUE_COLUMNS_H
#define SYNC_QUEUE_COLUMNS_H

#include "sync/queue.h"

/* The status in small letters, without the blanks of a CHAR column; NULL where nothing is left. */
#define SYNC_STATUS_TEXT "nullif(lower(trim(status)), '')"
/* The same, as the queue takes it: a row without a status is pending. */
#define SYNC_STATUS_WORD "coalesce(" SYNC_STATUS_TEXT ", 'pending')"

/* How a column is stored. */
typedef enum sync_form {
  SYNC_FORM_MISSING,
  SYNC_FORM_TEXT,
  SYNC_FORM_NUMBER,
  SYNC_FORM_LIST,    /* ARRAY */
  SYNC_FORM_MAP,     /* MAP, STRUCT, VARIANT */
  SYNC_FORM_INSTANT, /* TIMESTAMP */
  SYNC_FORM_LOCAL,   /* TIMESTAMP_NTZ */
} sync_form;

struct sync_queue {
  dbx_client *client; /* borrowed */
  sync_name name;
  char plain[SYNC_NAME_TEXT_MAX];
  char sql[SYNC_NAME_TEXT_MAX];
  bool lowest_first;
  sync_form forms[SYNC_COLUMN_COUNT];
  bool wide[SYNC_COLUMN_COUNT];   /* numbers: BIGINT */
  bool padded[SYNC_COLUMN_COUNT]; /* texts: CHAR, filled up with blanks */
  char *fingerprint;              /* the expression */
};

/* Reads the manifest of SELECT * … LIMIT 0. */
br_status sync_columns_detect(sync_queue *queue, const dbx_result *result,
                              br_error *err) BR_CHECKED;
/* The column's value as text of any length; "CAST(NULL AS STRING)" where it is missing. */
br_status sync_column_text(const sync_queue *queue, sync_column column, br_buf *out,
                           br_error *err) BR_CHECKED;
/* Characters of the column's text that are read; a longer one fails its event. */
size_t sync_column_limit(sync_column column);
/* The expression that identifies a row, appended. */
br_status sync_column_fingerprint(const sync_queue *queue, br_buf *out, br_error *err) BR_CHECKED;

/* A number that a change answers with, num_affected_rows for instance; -1: it does not say. */
int64_t sync_queue_count(const dbx_result *result, const char *name);

static inline bool sync_column_there(const sync_queue *queue, sync_column column) {
  return queue->forms[column] != SYNC_FORM_MISSING;
}

#endif
