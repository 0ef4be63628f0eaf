/*
 * change.h: what an event does to its target: one row of a table per operation.
 *
 *   prepare   outside any transaction: describe the target, read the source, fill the stage, check
 *             its keys
 *   run       inside the caller's transaction: the change itself, rows counted
 *   preview   inside a transaction that is rolled back: what would change, in words
 *
 * Failures: BR_ERR_DATA, BR_ERR_NOT_FOUND and errors of SQL Server are the event's own (it fails
 * with them). With over_limit set it is the limit of a DELETE that holds the event back (it is
 * blocked).
 */
#ifndef SYNC_CHANGE_H
#define SYNC_CHANGE_H

#include "sync/listing.h"
#include "sync/source.h"

/* In a table's place: the login may not see which, so it may be any. */
#define SYNC_UNSEEN_TABLE "?.?"

typedef struct sync_change {
  tds_conn *conn;
  dbx_client *client;
  br_cancel *cancel; /* stops reading from Databricks */
  const sync_event *event;
  uint64_t max_delete_rows; /* UINT64_MAX = no limit */
  bool empty_is_fine;       /* an INSERT from an empty source is completed */
  bool may_read;            /* preview shows rows */

  /* Whether the event's user may change a table besides, or SYNC_UNSEEN_TABLE: BR_ERR_AUTH says why
   * not. NULL: any. */
  br_status (*may_change)(void *context, const char *table, br_error *err);
  void *may_change_context; /* borrowed */

  sync_target *target; /* owned; below filled by prepare */
  sync_source *source; /* owned; NULL: the event has none */
  char stage[SYNC_STAGE_NAME_MAX];
  uint64_t staged;          /* rows in the stage */
  int64_t updated;          /* of an upsert, by its last run: the other rows were inserted */
  sync_listing *first_rows; /* NULL, or where a direct load notes what it loads; borrowed */
  bool over_limit; /* the last run has failed with BR_ERR_LIMIT, for the DELETE would take too much
                    */
  bool spoilt;     /* the session has a setting that could not be undone: no other event in it */
  bool prepared;
  br_buf notes;          /* what the author should know though all went well, joined by "; " */
  size_t prepared_notes; /* so much of them prepare has said */
} sync_change;

/* stage: the name of the table that its source's rows go to first. */
void sync_change_init(sync_change *change, tds_conn *conn, dbx_client *client, br_cancel *cancel,
                      const sync_event *event, const char *stage);
/* Drops the stage where the connection still can. */
void sync_change_done(sync_change *change);

br_status sync_change_prepare(sync_change *change, br_error *err) BR_CHECKED;
/* Prepared, and run or preview may be tried again without reading the source again. */
bool sync_change_is_kept(const sync_change *change);
br_status sync_change_run(sync_change *change, int64_t *ret_rows, br_error *err) BR_CHECKED;
br_status sync_change_preview(sync_change *change, int64_t *ret_rows, br_error *err) BR_CHECKED;

/* A sentence for the author, into change->notes. */
br_status sync_change_note(sync_change *change, br_error *err, const char *format, ...)
    BR_PRINTF(3, 4) BR_CHECKED;

/* After a failed run, with the transaction rolled back: adds to an error of SQL Server which rows
 * were at fault and what to do, where that can be found out. */
void sync_change_explain(sync_change *change, br_error *err);

#endif
