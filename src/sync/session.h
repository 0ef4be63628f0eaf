/*
 * session.h: a worker's connection to SQL Server and the slot that it holds with it.
 */
#ifndef SYNC_SESSION_H
#define SYNC_SESSION_H

#include "sync/lock.h"

typedef struct sync_session {
  const tds_options *options; /* borrowed */
  const char *queue;          /* whose slots; borrowed */
  unsigned slots;             /* how many the queue has; 0: it takes none */
  unsigned lock_timeout_s;    /* a statement that waits longer fails with 1222; 0 = 30 */
  br_cancel *cancel;          /* ends a wait for the connection; NULL = none */
  tds_conn *conn;             /* NULL = not connected */
  uint64_t connections;       /* made so far */
  bool has_slot;
} sync_session;

/* Connects where there is no usable connection, and takes a slot where one is needed and free:
 * has_slot tells. */
br_status sync_session_ensure(sync_session *session, br_error *err) BR_CHECKED;
bool sync_session_is_usable(const sync_session *session);
void sync_session_close(sync_session *session); /* all locks go with it */
/* Closes it when its work on an event is done. The event's locks are given back before: with a
 * closed connection they go only when the server notices, and who comes next may be there first. */
void sync_session_leave_event(sync_session *session, const sync_event_lock *lock);

#endif
