/*
 * lock.h: application locks of SQL Server (sp_getapplock), owned by a session: who dies loses them.
 *
 *   bridge:slot:<queue>:<n>   a worker of the queue; as many as SYNC_PARALLEL_TABLES, whatever the
 *                             number of replicas
 *   bridge:event:<key>        somebody is at this event
 *   bridge:table:<name>       somebody is changing this table: events of one table go in their
 * order
 */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "tds/tds.h"

enum { SYNC_LOCK_NAME_MAX = 256 };

/* Both locks of an event or none, without waiting. */
br_status sync_lock_event(tds_conn *conn, const char *event_key, const char *table,
                          bool *ret_granted, br_error *err) BR_CHECKED;
br_status sync_unlock_event(tds_conn *conn, const char *event_key, const char *table,
                            br_error *err) BR_CHECKED;
/* One of `slots` slots of a queue; *ret_granted false: all are taken. */
br_status sync_lock_slot(tds_conn *conn, const char *queue, unsigned slots, bool *ret_granted,
                         br_error *err) BR_CHECKED;

#endif
