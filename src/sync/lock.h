/*
 * lock.h: application locks of SQL Server (sp_getapplock), owned by a session: who dies loses them.
 *
 *   bridge:slot:<queue>:<n>   a worker of the queue; as many as SYNC_PARALLEL_TABLES, whatever the
 *                             number of replicas
 *   bridge:event:<key>        somebody is at this event
 *   bridge:table:<id>         somebody is changing this table: events of one table go in their
 * order
 */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "sync/name.h"
#include "tds/tds.h"

enum { SYNC_LOCK_NAME_MAX = 256 };

/* What is held: resources' names. */
typedef struct sync_event_lock {
  char event[SYNC_LOCK_NAME_MAX];
  char table[SYNC_LOCK_NAME_MAX]; /* "" = none */
} sync_event_lock;

/* Both locks of an event or none, without waiting. table NULL: the event's alone. A table is known
 * by its id, so all its names are one: with database and schema or without, in any case that the
 * server takes for the same. */
br_status sync_lock_event(tds_conn *conn, const char *event_key, const sync_name *table,
                          sync_event_lock *ret_lock, bool *ret_granted, br_error *err) BR_CHECKED;
br_status sync_unlock_event(tds_conn *conn, const sync_event_lock *lock, br_error *err) BR_CHECKED;
/* One of `slots` slots of a queue; *ret_granted false: all are taken. */
br_status sync_lock_slot(tds_conn *conn, const char *queue, unsigned slots, bool *ret_granted,
                         br_error *err) BR_CHECKED;

#endif
