/*
 * cancel_event.h: taking a pending event away so that no replica carries it out any more, not even
 * one whose list is older.
 */
#ifndef SYNC_CANCEL_EVENT_H
#define SYNC_CANCEL_EVENT_H

#include "sync/ledger.h"
#include "sync/session.h"

/* BR_OK too where no row has the id any more. BR_ERR_NOT_FOUND: it is not pending.
 * BR_ERR_CONFLICT: it is being carried out, or was written anew meanwhile. BR_ERR_EXISTS: it has
 * been carried out. After another failure it may be cancelled later: what becomes of its row says
 * it. */
br_status sync_cancel_event(sync_queue *queue, const sync_ledger *ledger, sync_session *session,
                            const sync_row_name *event, br_cancel *cancel,
                            br_error *err) BR_CHECKED;

#endif
