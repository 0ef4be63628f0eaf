#include "sync/session.h"

#include <stdio.h>
enum { LOCK_TIMEOUT_S = 30 };

void sync_session_close(sync_session *session) {
  tds_close(session->conn);
  session->conn = NULL;
  session->has_slot = false;
}

void sync_session_leave_event(sync_session *session, const sync_event_lock *lock) {
  if (sync_session_is_usable(session)) {
    br_error ignored = BR_ERROR_INIT;
    (void)!sync_unlock_event(session->conn, lock, &ignored);
  }
  sync_session_close(session);
}

bool sync_session_is_usable(const sync_session *session) {
  return session->conn != NULL && tds_is_usable(session->conn);
}

/* A statement that waits for a lock gives up after a while and the event goes back to the queue: no
 * other event waits behind it for longer. The server's "user options" may have switched off counts,
 * which the ledger goes by, and what indexed views and computed columns ask for. */
static br_status set_options(sync_session *session, br_error *err) {
  char sql[256];
  (void)snprintf(sql, sizeof sql,
                 "SET XACT_ABORT ON; SET NOCOUNT OFF; SET ARITHABORT ON; SET NUMERIC_ROUNDABORT "
                 "OFF; SET LOCK_TIMEOUT %u000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
                 session->lock_timeout_s == 0 ? LOCK_TIMEOUT_S : session->lock_timeout_s);
  return tds_run(session->conn, sql, err);
}

static br_status connect(sync_session *session, br_error *err) {
  sync_session_close(session);
  br_status st = tds_connect(session->options, session->cancel, &session->conn, NULL, err);
  if (st == BR_OK) {
    session->connections++;
    st = set_options(session, err);
  }
  if (st != BR_OK) {
    sync_session_close(session);
  }
  return st;
}

br_status sync_session_ensure(sync_session *session, br_error *err) {
  br_status st = sync_session_is_usable(session) ? BR_OK : connect(session, err);
  if (st == BR_OK && session->slots > 0 && !session->has_slot) {
    st = sync_lock_slot(session->conn, session->queue, session->slots, &session->has_slot, err);
  }
  return st;
}
