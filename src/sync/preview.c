/* What an event would do: the same road as apply.c, rolled back at its end. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sync/apply.h"
#include "sync/lock.h"

static br_status look(const sync_apply_options *options, const sync_ledger_row *known,
                      sync_change *change, br_error *err) {
  int64_t rows = 0;
  sync_asker asker = {.options = options, .actor = sync_actor_of(options, known, change->event)};
  br_status st = sync_ask_rights(&asker, change, err);
  st = st == BR_OK ? sync_change_prepare(change, err) : st;
  st = st == BR_OK ? tds_begin(change->conn, TDS_ISOLATION_READ_COMMITTED, err) : st;
  st = st == BR_OK ? sync_change_preview(change, &rows, err) : st;
  change->may_change_context = NULL;
  return st;
}

static br_status take_text(const sync_change *change, char **ret_text, br_error *err) {
  *ret_text = br_strndup(change->notes.data == NULL ? "" : (const char *)change->notes.data,
                         change->notes.len);
  if (*ret_text == NULL) {
    return br_error_nomem(err);
  }
  br_utf8_repair(*ret_text);
  return BR_OK;
}

static br_status roll_back(const sync_apply_options *options, sync_session *session,
                           const sync_event *event, const sync_ledger_row *known, char **ret_text,
                           br_error *err) {
  sync_change change;
  sync_change_init(&change, session->conn, options->client, options->cancel, event,
                   "#bridge_stage");
  change.empty_is_fine = options->empty_is_fine;
  br_status st = look(options, known, &change, err);
  if (tds_is_usable(session->conn)) {
    br_error second = BR_ERROR_INIT;
    if (tds_rollback(session->conn, &second) != BR_OK && st == BR_OK) {
      st = second.status;
      *err = second;
    }
    if (st != BR_OK && tds_is_usable(session->conn)) {
      sync_change_explain(&change, err);
    }
  }
  st = st == BR_OK ? take_text(&change, ret_text, err) : st;
  sync_change_done(&change);
  return st;
}

static br_status under_lock(const sync_apply_options *options, sync_session *session,
                            const sync_event *event, char **ret_text, br_error *err) {
  sync_ledger_row known = {.state = SYNC_LEDGER_NONE};
  br_status st = sync_ledger_read(options->ledger, session->conn, event->key, &known, err);
  if (st == BR_ERR_NOT_FOUND) { /* nothing is carried out yet, and nothing was sent over HTTP */
    br_error_clear(err);
    st = BR_OK;
  }
  st = st == BR_OK ? roll_back(options, session, event, &known, ret_text, err) : st;
  sync_ledger_row_done(&known);
  return st;
}

br_status sync_preview(const sync_apply_options *options, sync_session *session,
                       const sync_event *event, char **ret_text, br_error *err) {
  sync_event_lock lock;
  bool granted = false;
  if (event->problem != NULL) {
    return br_error_set(err, BR_ERR_DATA, "%s", event->problem);
  }
  br_status st = sync_session_ensure(session, err);
  st = st == BR_OK
           ? sync_lock_event(session->conn, event->key, &event->target, &lock, &granted, err)
           : st;
  if (st != BR_OK) {
    return st;
  }
  if (!granted) {
    return br_error_set(err, BR_ERR_CONFLICT, "The event or its table is being worked on");
  }
  st = under_lock(options, session, event, ret_text, err);
  sync_session_close(session); /* its locks go with it */
  return st;
}
