#include "sync/shelf.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { KEPT_MS = 600000 };

static bool lives(const sync_shelf_place *place, const sync_session *session) {
  return sync_session_is_usable(session) && place->connection == session->connections;
}

static void drop(sync_shelf_place *place, const sync_session *session) {
  if (!lives(place, session)) {
    place->change.conn = NULL; /* the stage went with its connection */
  }
  sync_change_done(&place->change);
  place->used = false;
}

void sync_shelf_sweep(sync_shelf *shelf, const sync_session *session) {
  const uint64_t now_ms = br_clock_monotonic_ms();
  for (size_t i = 0; i < SYNC_SHELF_PLACES; i++) {
    sync_shelf_place *place = &shelf->places[i];
    if (place->used && (!lives(place, session) || now_ms - place->put_ms > KEPT_MS)) {
      drop(place, session);
    }
  }
}

void sync_shelf_done(sync_shelf *shelf, const sync_session *session) {
  for (size_t i = 0; i < SYNC_SHELF_PLACES; i++) {
    if (shelf->places[i].used) {
      drop(&shelf->places[i], session);
    }
  }
}

/* The first name that no stage on the shelf has: few names, so that the server knows the
 * statements again. */
static void free_name(const sync_shelf *shelf, char *name) {
  bool taken = true;
  for (unsigned n = 0; taken; n++) {
    (void)snprintf(name, SYNC_STAGE_NAME_MAX, n == 0 ? "#bridge_stage" : "#bridge_stage_%u", n);
    taken = false;
    for (size_t i = 0; i < SYNC_SHELF_PLACES; i++) {
      const sync_shelf_place *place = &shelf->places[i];
      taken = taken || (place->used && strcmp(place->change.stage, name) == 0);
    }
  }
}

void sync_shelf_take(sync_shelf *shelf, sync_session *session, dbx_client *client,
                     br_cancel *cancel, const sync_event *event, const sync_ledger_row *known,
                     sync_change *ret_change) {
  char name[SYNC_STAGE_NAME_MAX];
  sync_shelf_sweep(shelf, session);
  for (size_t i = 0; i < SYNC_SHELF_PLACES; i++) {
    sync_shelf_place *place = &shelf->places[i];
    if (place->used && strcmp(place->fingerprint, event->fingerprint) == 0) {
      if (!sync_ledger_is_at(known, &place->known)) { /* its author may have mended the source */
        drop(place, session);
        break;
      }
      *ret_change = place->change;
      ret_change->event = event; /* the same words, read anew */
      place->used = false;
      return;
    }
  }
  free_name(shelf, name);
  sync_change_init(ret_change, session->conn, client, cancel, event, name);
}

void sync_shelf_put(sync_shelf *shelf, const sync_session *session, const sync_change *change,
                    const sync_ledger_row *known) {
  sync_shelf_place *place = &shelf->places[0];
  for (size_t i = 1; i < SYNC_SHELF_PLACES && place->used; i++) {
    if (!shelf->places[i].used || shelf->places[i].put_ms < place->put_ms) {
      place = &shelf->places[i];
    }
  }
  if (place->used) {
    drop(place, session);
  }
  place->used = true;
  place->change = *change;
  place->connection = session->connections;
  place->put_ms = br_clock_monotonic_ms();
  place->known = sync_ledger_mark_of(known);
  memcpy(place->fingerprint, change->event->fingerprint, sizeof place->fingerprint);
  place->change.event = NULL; /* it ends before the next try, and so does who asks for rights */
  place->change.may_change_context = NULL;
}
