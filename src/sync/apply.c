#include "sync/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sync/lock.h"
#include "sync/retry.h"

/* One event under way. */
typedef struct work {
  const sync_apply_options *options;
  sync_session *session;
  sync_shelf *shelf;
  const sync_event *event;
  sync_ledger_row known;
  sync_event_lock lock;
  sync_applied *applied;
  sync_asker asker;
  bool spoilt; /* the session is to be given up once the event is settled */
  bool lost;   /* the attempt's session broke while the event was carried out */
} work;

/* ---- outcomes ---- */

/* Messages show pieces of texts that people wrote, cut wherever they were too long. */
static br_status copy(const char *text, char **ret_copy, br_error *err) {
  char *made = br_strdup(text);
  if (made == NULL) {
    return br_error_nomem(err);
  }
  br_utf8_repair(made);
  br_free(*ret_copy);
  *ret_copy = made;
  return BR_OK;
}

static void begin_report(work *w, sync_status status) {
  sync_report_done(&w->applied->report);
  w->applied->verdict = SYNC_VERDICT_REPORT;
  w->applied->report.status = status;
  memcpy(w->applied->report.fingerprint, w->event->fingerprint, sizeof w->event->fingerprint);
}

/* rows_affected is never negative; what the author expects may be any number. */
static int64_t discrepancy(int64_t expected, int64_t affected) {
  return expected < INT64_MIN + affected ? INT64_MIN : expected - affected;
}

/* What the author expected and what came of it. */
static br_status compare_expected(const work *w, br_buf *warning, br_error *err) {
  sync_report *report = &w->applied->report;
  if (!w->event->has_rows_expected) {
    return BR_OK;
  }
  report->has_discrepancy = true;
  report->discrepancy = discrepancy(w->event->rows_expected, report->rows_affected);
  if (report->discrepancy == 0) {
    return BR_OK;
  }
  return br_buf_printf(warning, err,
                       "%s%" PRId64 " rows were expected, %" PRId64
                       " were affected (discrepancy %" PRId64 ")",
                       warning->len > 0 ? "; " : "", w->event->rows_expected, report->rows_affected,
                       report->discrepancy);
}

static br_status report_success(work *w, sync_change *change, int64_t rows, br_error *err) {
  begin_report(w, SYNC_COMPLETED);
  sync_report *report = &w->applied->report;
  report->has_rows = true;
  report->rows_affected = w->event->options.dry_run ? 0 : rows;
  br_status st = w->event->options.dry_run ? BR_OK : compare_expected(w, &change->notes, err);
  if (st == BR_OK && change->notes.len > 0) {
    const char *text = br_buf_cstr(&change->notes);
    st = text == NULL ? br_error_nomem(err) : copy(text, &report->warning, err);
  }
  return st;
}

static br_status report_failure(work *w, const br_error *why, br_error *err) {
  begin_report(w, why->status == BR_ERR_LIMIT ? SYNC_BLOCKED : SYNC_FAILED);
  w->applied->report.has_rows = true;
  return copy(why->message, &w->applied->report.error_message, err);
}

/* ---- what the ledger knows ---- */

static br_status copy_optional(const char *text, char **ret_copy, br_error *err) {
  return text == NULL ? BR_OK : copy(text, ret_copy, err);
}

static br_status replay(work *w, br_error *err) {
  static const sync_status statuses[] = {[SYNC_LEDGER_COMPLETED] = SYNC_COMPLETED,
                                         [SYNC_LEDGER_FAILED] = SYNC_FAILED,
                                         [SYNC_LEDGER_BLOCKED] = SYNC_BLOCKED};
  begin_report(w, statuses[w->known.state]);
  sync_report *report = &w->applied->report;
  w->applied->replayed = true;
  report->has_rows = w->known.has_rows;
  report->rows_affected = w->known.rows_affected;
  if (w->known.state == SYNC_LEDGER_COMPLETED && w->event->has_rows_expected && w->known.has_rows) {
    report->has_discrepancy = true;
    report->discrepancy = discrepancy(w->event->rows_expected, w->known.rows_affected);
  }
  br_status st = copy_optional(w->known.warning, &report->warning, err);
  return st == BR_OK ? copy_optional(w->known.error_message, &report->error_message, err) : st;
}

/* Another event has used this id. Nothing is written to the ledger, whose row is the other's. */
static br_status id_taken(work *w, br_error *err) {
  br_error why = BR_ERROR_INIT;
  br_error_set(&why, BR_ERR_DATA,
               "The event_id was used before by an event with other content, which is %s; give "
               "this one an id of its own",
               w->known.state == SYNC_LEDGER_COMPLETED ? "completed" : "known to the ledger");
  w->applied->replayed = true;
  return report_failure(w, &why, err);
}

/* Databricks has been told of a failure before. Is the row waiting again (a retry), or is the list
 * that the event came with older than that? */
static br_status ask_queue(work *w, bool *ret_run, br_error *err) {
  char status[32];
  br_status st =
      sync_queue_status(w->options->queue, w->event->fingerprint, status, w->options->cancel, err);
  if (st == BR_OK) {
    *ret_run = strcmp(status, "pending") == 0 || strcmp(status, "processing") == 0;
    w->applied->verdict = SYNC_VERDICT_DROP;
  }
  return st;
}

/* A statement that somebody else's write got in the way of: the event waits for the next look. */
static br_status claim_failed(work *w, const br_error *why, br_error *err) {
  if (dbx_error_is_conflict(why)) {
    w->applied->verdict = SYNC_VERDICT_BUSY;
    return BR_OK;
  }
  if (err != NULL) {
    *err = *why;
  }
  return why->status;
}

/* Who took the event over HTTP refuses its id ever after. So a pending row of the same content,
 * which has not ended once and was not put back then, is none that was sent anew: the DELETE has
 * not come that far, or the INSERT was sent twice because its answer was lost. *ret_done false:
 * there is none. */
static br_status finish_cancelling(work *w, bool *ret_done, br_error *why) {
  const sync_row_name row = {w->event->event_id, w->event->fingerprint};
  return sync_queue_delete(w->options->queue, &row, w->options->cancel, ret_done, why);
}

/* Somebody died while they cancelled the event, and their DELETE may still be on its way: the row
 * says that work on it has begun before any is done, so that the DELETE finds no pending one. */
static br_status claim_cancelled(work *w, bool same, bool *ret_run, br_error *err) {
  sync_report begun = {.status = SYNC_PROCESSING};
  br_error why = BR_ERROR_INIT;
  bool there = false, done = false;
  br_status st = ask_queue(w, &there, err);
  if (st != BR_OK || !there) {
    return st;
  }
  if (same && w->known.principal[0] != '\0' && !w->known.has_rows) {
    st = finish_cancelling(w, &done, &why);
    w->applied->taken_away = done;
    if (st != BR_OK || done) {
      return st == BR_OK ? BR_OK : claim_failed(w, &why, err);
    }
  }
  memcpy(begun.fingerprint, w->event->fingerprint, sizeof begun.fingerprint);
  st = sync_queue_write(w->options->queue, &begun, 1, "", w->options->cancel, &why);
  if (st != BR_OK) {
    return claim_failed(w, &why, err);
  }
  w->applied->claimed = true;
  return ask_queue(w, ret_run, err);
}

/* Decides by the ledger's row. *ret_run: the event is to be carried out. */
static br_status consult(work *w, bool *ret_run, br_error *err) {
  const bool same = strcmp(w->known.hash, w->event->hash) == 0;
  *ret_run = false;
  switch (w->known.state) {
  case SYNC_LEDGER_NONE:
  case SYNC_LEDGER_ACCEPTED:
    *ret_run = true;
    return BR_OK;
  case SYNC_LEDGER_COMPLETED:
    return same ? replay(w, err) : id_taken(w, err);
  case SYNC_LEDGER_FAILED:
  case SYNC_LEDGER_BLOCKED:
    return same && !w->known.reported ? replay(w, err) : ask_queue(w, ret_run, err);
  case SYNC_LEDGER_CANCELLED:
    return claim_cancelled(w, same, ret_run, err);
  }
  return br_error_set(err, BR_ERR_INTERNAL, "A state of the ledger is not handled");
}

/* ---- carrying it out ---- */

/* Inside the transaction: the change and, unless it is only a look, its row in the ledger. */
static br_status change_and_note(work *w, sync_change *change, br_error *err) {
  int64_t rows = 0;
  const bool look = w->event->options.dry_run;
  const uint64_t begun = tds_transaction(w->session->conn);
  br_status st =
      look ? sync_change_preview(change, &rows, err) : sync_change_run(change, &rows, err);
  st = st == BR_OK ? report_success(w, change, rows, err) : st;
  if (st == BR_OK && tds_transaction(w->session->conn) != begun) {
    st = br_error_set(err, BR_ERR_REMOTE,
                      "The transaction was ended from inside the change (a trigger that commits or "
                      "rolls back?)");
  }
  return st == BR_OK && !look ? sync_ledger_write(w->options->ledger, w->session->conn, w->event,
                                                  w->known.state, &w->applied->report, err)
                              : st;
}

/* After a COMMIT that failed too: what follows must not stand in a transaction that nobody ends. */
static void undo(work *w) {
  br_error ignored = BR_ERROR_INIT;
  if (tds_is_usable(w->session->conn) && tds_rollback(w->session->conn, &ignored) != BR_OK) {
    sync_session_close(w->session); /* the server rolls back what it finds open */
  }
}

static br_status in_transaction(work *w, sync_change *change, br_error *err) {
  tds_conn *conn = w->session->conn;
  br_status st = tds_begin(conn, TDS_ISOLATION_READ_COMMITTED, err);
  st = st == BR_OK ? change_and_note(w, change, err) : st;
  if (st == BR_OK && !w->event->options.dry_run) {
    st = tds_commit(conn, err);
    if (st == BR_OK) {
      return BR_OK;
    }
  }
  undo(w);
  if (st != BR_OK) {
    return st;
  }
  /* A dry run: its outcome alone is written. */
  return sync_session_is_usable(w->session)
             ? sync_ledger_write(w->options->ledger, w->session->conn, w->event, w->known.state,
                                 &w->applied->report, err)
             : br_error_set(err, BR_ERR_NETWORK, "The connection was lost at the end of a dry run");
}

static br_status check_rights(work *w, sync_change *change, br_error *err) {
  w->asker =
      (sync_asker){.options = w->options, .actor = sync_actor_of(w->options, &w->known, w->event)};
  return sync_ask_rights(&w->asker, change, err);
}

static br_status carry_out(work *w, br_error *err) {
  sync_change change;
  if (w->event->problem != NULL) {
    return br_error_set(err, BR_ERR_DATA, "%s", w->event->problem);
  }
  sync_shelf_take(w->shelf, w->session, w->options->client, w->options->cancel, w->event, &w->known,
                  &change);
  change.empty_is_fine = w->options->empty_is_fine;
  br_status st = check_rights(w, &change, err);
  if (st == BR_OK && w->options->on_start != NULL) {
    w->applied->started = true;
    w->options->on_start(w->options->on_start_context, w->event, w->applied->principal);
  }
  st = st == BR_OK && !change.prepared ? sync_change_prepare(&change, err) : st;
  st = st == BR_OK ? in_transaction(w, &change, err) : st;
  if (st != BR_OK && sync_session_is_usable(w->session) && sync_is_lock_wait(err) &&
      sync_change_is_kept(&change)) {
    w->spoilt = w->spoilt || change.spoilt;
    sync_shelf_put(w->shelf, w->session, &change, &w->known);
    return st;
  }
  if (st != BR_OK && sync_session_is_usable(w->session)) {
    sync_change_explain(&change, err);
  }
  w->spoilt = w->spoilt || change.spoilt;
  if (st == BR_ERR_LIMIT && !change.over_limit) {
    err->status = st = BR_ERR_DATA; /* a source too large to be read, say: nothing blocks it */
  }
  if (!sync_session_is_usable(w->session)) {
    change.conn = NULL;
  }
  sync_change_done(&change);
  return st;
}

/* A failure of the event itself: it goes into the ledger and to the author. */
static br_status settle_failure(work *w, const br_error *why, br_error *err) {
  br_status st = report_failure(w, why, err);
  return st == BR_OK ? sync_ledger_write(w->options->ledger, w->session->conn, w->event,
                                         w->known.state, &w->applied->report, err)
                     : st;
}

/* ---- attempts ---- */

static br_status lock(work *w, bool *ret_granted, br_error *err) {
  return sync_lock_event(w->session->conn, w->event->key,
                         w->event->problem == NULL ? &w->event->target : NULL, &w->lock,
                         ret_granted, err);
}

/* Each session broke that the event was given, and the ledger has been asked: it left no trace.
 * Left to wait it would be tried for ever, and what comes behind it in its table with it. */
static br_status breaks_sessions(const char *last, br_error *why) {
  return br_error_set(
      why, BR_ERR_REMOTE,
      "The connection to SQL Server was lost in each of %d attempts, and nothing was "
      "changed: %s. Look at SQL Server's error log; retry the event when the cause "
      "is gone",
      SYNC_ATTEMPTS, last);
}

static bool has_lost_enough(const work *w, char ret_last[SYNC_LOSS_MESSAGE_MAX]) {
  return sync_losses_count(w->options->losses, w->event->fingerprint, &w->known, ret_last) >=
         SYNC_ATTEMPTS;
}

/* Under the locks. BR_OK: a verdict stands. */
static br_status locked(work *w, br_error *why, br_error *err) {
  char last_loss[SYNC_LOSS_MESSAGE_MAX];
  bool run = false;
  br_status st =
      sync_ledger_read(w->options->ledger, w->session->conn, w->event->key, &w->known, err);
  st = st == BR_OK ? consult(w, &run, err) : st;
  if (st == BR_ERR_CANCELLED) {
    w->applied->verdict = SYNC_VERDICT_STOP;
    return BR_OK;
  }
  if (st != BR_OK || !run) {
    return st;
  }
  (void)snprintf(w->applied->principal, sizeof w->applied->principal, "%.255s",
                 sync_actor_of(w->options, &w->known, w->event).name);
  br_error_clear(why);
  st = has_lost_enough(w, last_loss) ? breaks_sessions(last_loss, why) : carry_out(w, why);
  if (st == BR_OK) {
    return BR_OK;
  }
  if (st == BR_ERR_CANCELLED) {
    w->applied->verdict = SYNC_VERDICT_STOP;
    return BR_OK;
  }
  if (sync_is_lock_wait(why)) {
    w->applied->verdict = SYNC_VERDICT_BUSY;
    return BR_OK;
  }
  return st;
}

/* Databricks refuses our own credentials, or our own memory is at its end: the event waits for
 * better times. */
static bool is_our_own(const br_error *why) {
  return why->status == BR_ERR_NOMEM || dbx_error_is_unauthenticated(why);
}

static br_status one_attempt(work *w, bool last, bool *ret_settled, br_error *err) {
  br_error why = BR_ERROR_INIT;
  bool granted = false;
  sync_ledger_row_done(&w->known);
  w->lost = false;
  *ret_settled = true;
  br_status st = sync_session_ensure(w->session, err);
  if (st == BR_OK && w->session->slots > 0 && !w->session->has_slot) {
    w->applied->verdict = SYNC_VERDICT_BUSY; /* another replica has taken over */
    return BR_OK;
  }
  st = st == BR_OK ? lock(w, &granted, err) : st;
  if (st != BR_OK) {
    sync_session_close(w->session); /* who knows which of the locks it has */
  }
  if (st != BR_OK || !granted) {
    w->applied->verdict = SYNC_VERDICT_BUSY;
    return st;
  }
  st = locked(w, &why, err);
  if (st != BR_OK && why.status != BR_OK) {
    w->lost = !sync_session_is_usable(w->session) && !is_our_own(&why);
    if (w->lost) {
      sync_losses_add(w->options->losses, w->event->fingerprint, &w->known, why.message);
    }
    if (!last && (w->lost || sync_is_transient(&why))) {
      *ret_settled = false;
      *err = why;
      st = BR_OK;
    } else if (sync_session_is_usable(w->session) && !is_our_own(&why)) {
      st = settle_failure(w, &why, err);
    } else {
      /* Nobody knows what became of it: the ledger will be asked again. Or it is not the event's
       * fault. */
      *err = why;
    }
  }
  br_error ignored = BR_ERROR_INIT;
  if (w->spoilt || (sync_session_is_usable(w->session) &&
                    sync_unlock_event(w->session->conn, &w->lock, &ignored) != BR_OK)) {
    sync_session_close(w->session); /* its locks go with it */
  }
  return st;
}

/* Without an id there is no row in the ledger: the row in the events table alone says it. */
static br_status without_id(work *w, br_error *err) {
  br_error why = BR_ERROR_INIT;
  br_error_set(&why, BR_ERR_DATA, "%s",
               w->event->problem == NULL ? "event_id is missing" : w->event->problem);
  return report_failure(w, &why, err);
}

static br_status attempts(work *w, br_error *err) {
  for (unsigned attempt = 1;; attempt++) {
    char last_loss[SYNC_LOSS_MESSAGE_MAX];
    bool settled = true;
    br_error local = BR_ERROR_INIT;
    br_status st = one_attempt(w, attempt >= SYNC_ATTEMPTS, &settled, &local);
    const bool ask_once_more = w->lost && has_lost_enough(w, last_loss);
    const bool again = (st == BR_OK && !settled) || ask_once_more ||
                       (st != BR_OK && attempt < SYNC_ATTEMPTS && sync_is_transient(&local));
    if (!again) {
      if (st != BR_OK && err != NULL) {
        *err = local;
      }
      return st;
    }
    uint64_t random = 0;
    st = br_random(&random, sizeof random, err);
    if (st == BR_OK && br_cancel_sleep_ms(w->options->cancel, sync_retry_delay_ms(attempt, random),
                                          NULL) != BR_OK) {
      w->applied->verdict = SYNC_VERDICT_STOP;
      return BR_OK;
    }
    if (st != BR_OK) {
      return st;
    }
  }
}

br_status sync_apply(const sync_apply_options *options, sync_session *session, sync_shelf *shelf,
                     const sync_event *event, sync_applied *ret_applied, br_error *err) {
  sync_applied applied = {.verdict = SYNC_VERDICT_BUSY};
  work w = {
      .options = options, .session = session, .shelf = shelf, .event = event, .applied = &applied};
  (void)snprintf(applied.principal, sizeof applied.principal, "%.255s", options->principal);
  br_status st = event->event_id == NULL ? without_id(&w, err) : attempts(&w, err);
  sync_ledger_row_done(&w.known);
  if (st != BR_OK) {
    sync_report_done(&applied.report);
    return st == BR_ERR_NOT_FOUND || (err != NULL && is_our_own(err))
               ? st
               : br_error_context(err, st, "SQL Server");
  }
  if (applied.verdict == SYNC_VERDICT_REPORT || applied.verdict == SYNC_VERDICT_DROP) {
    sync_losses_forget(options->losses, event->fingerprint);
  }
  *ret_applied = applied;
  return BR_OK;
}
