/*
 * shelf.h: changes whose source has been read and that wait for a lock in SQL Server: the next try
 * need not read it again. One shelf for each session, which holds the stages.
 *
 *   1222 ──put──▶ [ change ] ──take──▶ the same event again
 *                      └─▶ dropped: ten minutes old, pushed out, its session has ended, or the
 *                          event has, at another worker's: a retry reads its source anew
 */
#ifndef SYNC_SHELF_H
#define SYNC_SHELF_H

#include "sync/change.h"
#include "sync/ledger.h"
#include "sync/session.h"

enum { SYNC_SHELF_PLACES = 4 };

typedef struct sync_shelf_place {
  bool used;
  sync_change change;
  char fingerprint[BR_SHA256_HEX_MAX]; /* the event's */
  sync_ledger_mark known;              /* its row in the ledger */
  uint64_t connection;                 /* of session->connections */
  uint64_t put_ms;
} sync_shelf_place;

typedef struct sync_shelf {
  sync_shelf_place places[SYNC_SHELF_PLACES];
} sync_shelf;

/* The event's change, prepared and the caller's now, or a new one with a stage of its own. known:
 * the event's row in the ledger, as it is now. */
void sync_shelf_take(sync_shelf *shelf, sync_session *session, dbx_client *client,
                     br_cancel *cancel, const sync_event *event, const sync_ledger_row *known,
                     sync_change *ret_change);
/* Takes over a change that sync_change_is_kept(). Where all places are used the oldest gives way.
 */
void sync_shelf_put(sync_shelf *shelf, const sync_session *session, const sync_change *change,
                    const sync_ledger_row *known);
/* Drops what is too old or of a connection that has ended. */
void sync_shelf_sweep(sync_shelf *shelf, const sync_session *session);
void sync_shelf_done(sync_shelf *shelf, const sync_session *session);

#endif
