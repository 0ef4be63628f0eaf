/*
 * Under the event's lock: the ledger is told first, then the row goes. Who dies in between leaves a
 * row that is still pending, and it is carried out: the ledger's note counts only once it is gone.
 * That may come later: a statement goes on in Databricks without who sent it. So where no row has
 * the id any more it has been cancelled, by this DELETE or by an earlier one whose answer was lost.
 */
#include "sync/cancel_event.h"

#include <string.h>

#include "sync/lock.h"

#define NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

static br_status note(const sync_ledger *ledger, tds_conn *conn, const char *key,
                      const char *event_id, sync_ledger_state was, br_error *err) {
  switch (was) {
  case SYNC_LEDGER_NONE:
    return sync_ledger_note(ledger, conn, key, event_id, NO_HASH, SYNC_LEDGER_CANCELLED, NULL, err);
  case SYNC_LEDGER_COMPLETED:
    return br_error_set(err, BR_ERR_EXISTS, "The event '%.200s' has been carried out", event_id);
  case SYNC_LEDGER_CANCELLED:
    return BR_OK;
  default:
    return sync_ledger_move(ledger, conn, key, was, SYNC_LEDGER_CANCELLED, err);
  }
}

static br_status take_back(const sync_ledger *ledger, tds_conn *conn, const char *key,
                           sync_ledger_state was, br_error *err) {
  if (was == SYNC_LEDGER_CANCELLED) {
    return BR_OK;
  }
  return was == SYNC_LEDGER_NONE
             ? sync_ledger_remove(ledger, conn, key, SYNC_LEDGER_CANCELLED, err)
             : sync_ledger_move(ledger, conn, key, SYNC_LEDGER_CANCELLED, was, err);
}

/* The DELETE found no pending row. */
static br_status nothing_deleted(sync_queue *queue, const sync_ledger *ledger, tds_conn *conn,
                                 const char *key, const sync_row_name *event, sync_ledger_state was,
                                 br_cancel *cancel, br_error *err) {
  const sync_list_options options = {.event_id = event->event_id, .limit = 1};
  dbx_result *result = NULL;
  br_status st = sync_queue_list(queue, &options, cancel, &result, err);
  if (st != BR_OK || dbx_result_rows(result) == 0) {
    dbx_result_free(result);
    return st;
  }
  const char *found = dbx_result_value(result, 0, SYNC_COLUMN_FINGERPRINT);
  const bool same = found != NULL && strcmp(found, event->fingerprint) == 0;
  dbx_result_free(result);
  st = take_back(ledger, conn, key, was, err);
  if (st != BR_OK) {
    return st;
  }
  return same ? br_error_set(err, BR_ERR_NOT_FOUND, "There is no pending event '%.200s' in %s",
                             event->event_id, sync_queue_name(queue))
              : br_error_set(err, BR_ERR_CONFLICT,
                             "The event '%.200s' has been written anew meanwhile: look at it, and "
                             "cancel it again",
                             event->event_id);
}

static br_status under_lock(sync_queue *queue, const sync_ledger *ledger, tds_conn *conn,
                            const char *key, const sync_row_name *event, br_cancel *cancel,
                            br_error *err) {
  sync_ledger_row row = {.state = SYNC_LEDGER_NONE};
  bool done = false;
  br_status st = sync_ledger_read(ledger, conn, key, &row, err);
  const sync_ledger_state was = row.state;
  sync_ledger_row_done(&row);
  st = st == BR_OK ? note(ledger, conn, key, event->event_id, was, err) : st;
  if (st != BR_OK) {
    return st;
  }
  br_error why = BR_ERROR_INIT;
  st = sync_queue_delete(queue, event, cancel, &done, &why);
  if (st == BR_OK) {
    return done ? BR_OK : nothing_deleted(queue, ledger, conn, key, event, was, cancel, err);
  }
  /* Others' writes got in its way each time: it is known to have done nothing. */
  br_status back = dbx_error_is_conflict(&why) ? take_back(ledger, conn, key, was, err) : BR_OK;
  if (back == BR_OK && err != NULL) {
    *err = why;
  }
  return back == BR_OK ? st : back;
}

br_status sync_cancel_event(sync_queue *queue, const sync_ledger *ledger, sync_session *session,
                            const sync_row_name *event, br_cancel *cancel, br_error *err) {
  char key[BR_SHA256_HEX_MAX];
  sync_event_lock lock;
  bool granted = false;
  br_status st = sync_event_key(sync_queue_name(queue), event->event_id, key, err);
  st = st == BR_OK ? sync_session_ensure(session, err) : st;
  st = st == BR_OK ? sync_lock_event(session->conn, key, NULL, &lock, &granted, err) : st;
  if (st != BR_OK) {
    return st;
  }
  if (!granted) {
    return br_error_set(err, BR_ERR_CONFLICT, "The event '%.200s' is being carried out",
                        event->event_id);
  }
  st = under_lock(queue, ledger, session->conn, key, event, cancel, err);
  sync_session_leave_event(session, &lock);
  return st;
}
