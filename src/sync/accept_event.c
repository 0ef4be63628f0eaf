/*
 * Under the event's lock: the ledger is told first, then the row is written. Who dies in between
 * leaves a note without an event: the next one of that id takes its place. But a statement goes on
 * in Databricks without who sent it: where the row comes after all, the note is put back.
 */
#include "sync/accept_event.h"

#include "sync/lock.h"

static br_status taken(const char *event_id, const char *why, br_error *err) {
  return br_error_set(err, BR_ERR_EXISTS, "There is an event '%.200s' already%s", event_id, why);
}

/* A note of an earlier attempt: BR_OK where its row never came. */
static br_status look_for_row(sync_queue *queue, const sync_event *checked, br_cancel *cancel,
                              br_error *err) {
  const sync_list_options options = {.event_id = checked->event_id, .limit = 1};
  dbx_result *result = NULL;
  br_status st = sync_queue_list(queue, &options, cancel, &result, err);
  if (st == BR_OK && dbx_result_rows(result) > 0) {
    st = taken(checked->event_id, "", err);
  }
  dbx_result_free(result);
  return st;
}

/* Instead of the note that is there: no moment without one. Where it fails the session ends, and
 * the transaction with it. */
static br_status replace_note(const sync_ledger *ledger, tds_conn *conn, const sync_event *checked,
                              const char *hash, const char *principal, br_error *err) {
  br_status st = tds_begin(conn, TDS_ISOLATION_READ_COMMITTED, err);
  st = st == BR_OK ? sync_ledger_remove(ledger, conn, checked->key, SYNC_LEDGER_ACCEPTED, err) : st;
  st = st == BR_OK ? sync_ledger_note(ledger, conn, checked->key, checked->event_id, hash,
                                      SYNC_LEDGER_ACCEPTED, principal, err)
                   : st;
  return st == BR_OK ? tds_commit(conn, err) : st;
}

static br_status note(sync_queue *queue, const sync_ledger *ledger, tds_conn *conn,
                      const sync_event *checked, const char *principal, sync_ledger_state was,
                      br_cancel *cancel, br_error *err) {
  if (was == SYNC_LEDGER_NONE) {
    return sync_ledger_note(ledger, conn, checked->key, checked->event_id, checked->hash,
                            SYNC_LEDGER_ACCEPTED, principal, err);
  }
  if (was != SYNC_LEDGER_ACCEPTED) {
    return taken(checked->event_id, ", or its id was used before", err);
  }
  br_status st = look_for_row(queue, checked, cancel, err);
  return st == BR_OK ? replace_note(ledger, conn, checked, checked->hash, principal, err) : st;
}

/* The row is there, and not by us: what the ledger said before holds. */
static br_status take_back(const sync_ledger *ledger, tds_conn *conn, const sync_event *checked,
                           const sync_ledger_row *was, br_error *err) {
  return was->state == SYNC_LEDGER_ACCEPTED
             ? replace_note(ledger, conn, checked, was->hash, was->principal, err)
             : sync_ledger_remove(ledger, conn, checked->key, SYNC_LEDGER_ACCEPTED, err);
}

static br_status under_lock(sync_queue *queue, const sync_ledger *ledger, tds_conn *conn,
                            const sync_new_event *event, const sync_event *checked,
                            const char *principal, br_cancel *cancel, br_error *err) {
  sync_ledger_row was = {.state = SYNC_LEDGER_NONE};
  br_status st = sync_ledger_read(ledger, conn, checked->key, &was, err);
  st = st == BR_OK ? note(queue, ledger, conn, checked, principal, was.state, cancel, err) : st;
  if (st == BR_OK) {
    st = sync_queue_emit(queue, event, cancel, err);
    if (st == BR_ERR_EXISTS) {
      br_error second = BR_ERROR_INIT;
      br_status undone = take_back(ledger, conn, checked, &was, &second);
      st = undone == BR_OK ? st : br_error_set(err, undone, "%s", second.message);
    }
  }
  sync_ledger_row_done(&was);
  return st;
}

br_status sync_accept_event(sync_queue *queue, const sync_ledger *ledger, sync_session *session,
                            const sync_new_event *event, const sync_event *checked,
                            const char *principal, br_cancel *cancel, br_error *err) {
  sync_event_lock lock;
  bool granted = false;
  br_status st = sync_session_ensure(session, err);
  st = st == BR_OK ? sync_lock_event(session->conn, checked->key, NULL, &lock, &granted, err) : st;
  if (st == BR_OK && !granted) {
    st = br_error_set(err, BR_ERR_CONFLICT,
                      "The event '%.200s' is being sent or carried out at this moment: try again",
                      event->event_id);
  }
  st = st == BR_OK
           ? under_lock(queue, ledger, session->conn, event, checked, principal, cancel, err)
           : st;
  if (granted) {
    sync_session_leave_event(session, &lock);
  } else {
    sync_session_close(session);
  }
  return st;
}
