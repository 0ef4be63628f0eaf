/*
 * accept_event.h: putting an event into the queue for somebody: the ledger remembers who asked, so
 * that whoever carries it out acts as them.
 */
#ifndef SYNC_ACCEPT_EVENT_H
#define SYNC_ACCEPT_EVENT_H

#include "sync/ledger.h"
#include "sync/session.h"

/* event: checked (sync_queue_check) as `checked`. BR_ERR_EXISTS: the id is there, or was used
 * before; BR_ERR_CONFLICT: somebody is at the event of that id. After any other failure the event
 * may or may not be in the queue; where it is, it acts as the principal. */
br_status sync_accept_event(sync_queue *queue, const sync_ledger *ledger, sync_session *session,
                            const sync_new_event *event, const sync_event *checked,
                            const char *principal, br_cancel *cancel, br_error *err) BR_CHECKED;

#endif
