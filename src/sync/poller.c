/*
 * poller.c: the threads: one that looks at the events table, workers that take events, the
 * reporter. One lock guards the schedule and the counters; nothing waits for a server under it.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sync/exact_json.h"
#include "sync/reporter.h"
#include "sync/retry.h"
#include "sync/schedule.h"
#include "sync/strays.h"
#include "sync/sync.h"

enum {
  PING_MS = 30000,    /* a session that nobody uses is asked whether it still lives */
  STANDBY_MS = 2000,  /* between looks for a free slot */
  PRUNE_MS = 3600000, /* between two clean-ups of the ledger */
  DRAIN_MS = 5000,    /* how long a look waits for outcomes to be written */
  WRITTEN_MS = 60000, /* and who waits for all events */
};

struct sync_poller {
  sync_options options;
  sync_ledger ledger;
  sync_queue *queue;
  sync_reporter *reporter;
  br_cancel *stop;
  sync_apply_options apply;
  sync_losses losses;
  char *database; /* the session's, of tables that are named without one */

  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Guarded by lock: */
  sync_schedule schedule;
  sync_poller_status status;
  unsigned slots_held;
  uint64_t slot_tries; /* by all workers */
  bool slot_asked_for; /* SQL Server has answered the last try, and no slot was lost since */
  bool look_now;       /* somebody wants a look before the interval is over */
  bool more_waiting;   /* the last list was cut at its limit */
  bool last_was_full;  /* the same, also while the next one is asked for */
  uint64_t looks_begun, looks_ended;
  uint64_t failures; /* in all; the last one is status.last_error as long as it holds */
  uint64_t ended;    /* events, in all */
  bool stopping;

  pthread_t looker;
  sync_strays strays; /* the looker's own */
  bool looker_started;
  pthread_t *workers;
  unsigned worker_count;
};

static bool is_stopping(sync_poller *p) {
  return br_cancel_requested(p->stop);
}

static void wait_ms(sync_poller *p, uint64_t ms) {
  const uint64_t at_ms = br_clock_monotonic_ms() + ms;
  const struct timespec at = {.tv_sec = (time_t)(at_ms / 1000),
                              .tv_nsec = (long)(at_ms % 1000) * 1000000};
  int ignored = pthread_cond_timedwait(&p->changed, &p->lock, &at);
  (void)ignored;
}

/* Says a failure once, not at every attempt. */
static void say_failure(sync_poller *p, const char *what, const br_error *err) {
  char text[512];
  (void)snprintf(text, sizeof text, "%.120s: %.380s", what, err->message);
  pthread_mutex_lock(&p->lock);
  const bool news = strcmp(p->status.last_error, text) != 0;
  memcpy(p->status.last_error, text, sizeof text);
  p->failures++;
  pthread_mutex_unlock(&p->lock);
  if (news) {
    br_log(BR_LOG_WARNING, "%s", text);
  }
}

static void say_well(sync_poller *p) {
  pthread_mutex_lock(&p->lock);
  const bool news = p->status.last_error[0] != '\0';
  p->status.last_error[0] = '\0';
  pthread_mutex_unlock(&p->lock);
  if (news) {
    br_log(BR_LOG_INFO, "sync goes on");
  }
}

/* ---- looking ---- */

typedef struct known_here {
  sync_poller *poller;
  uint64_t list_ms;
} known_here;

static bool ended_here(void *context, const char *fingerprint) {
  const known_here *k = context;
  return sync_reporter_knows(k->poller->reporter, fingerprint, k->list_ms);
}

/* Where the last list was full of events of tables that nobody may take now, those behind it would
 * never be seen: this look leaves such tables out, the next one takes them in again. NULL: none.
 * Under the lock. */
static br_status stuck_tables(sync_poller *p, bool was_full, char **ret_list, br_error *err) {
  enum { MOST = 100 };
  const char *names[MOST];
  size_t count = 0;
  br_status st = sync_schedule_leave_out(&p->schedule, names, was_full ? MOST : 0, &count, err);
  return st != BR_OK || count == 0 ? st : sync_json_list(names, count, ret_list, err);
}

static br_status look(sync_poller *p, bool was_full, br_error *err) {
  known_here known = {.poller = p, .list_ms = br_clock_monotonic_ms()};
  sync_event_list list = {.items = NULL};
  char *without = NULL;
  pthread_mutex_lock(&p->lock);
  br_status st = stuck_tables(p, was_full, &without, err);
  pthread_mutex_unlock(&p->lock);
  st = st == BR_OK ? sync_queue_fetch(p->queue, p->options.max_events, without, p->stop, &list, err)
                   : st;
  br_free(without);
  if (st == BR_OK) {
    pthread_mutex_lock(&p->lock);
    st = sync_schedule_merge(&p->schedule, &list, ended_here, &known, err);
    p->more_waiting = list.full;
    p->last_was_full = list.full;
    p->status.polls++;
    p->status.last_poll_us = br_clock_wall_us();
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    sync_reporter_forget(p->reporter, known.list_ms);
    sync_strays_look(&p->strays, p->queue, p->stop);
  }
  sync_event_list_done(&list);
  return st;
}

/* There was more than the list could hold, and nothing is left of it that only time can help. */
static bool list_is_used_up(const sync_poller *p) {
  return p->more_waiting && sync_schedule_is_used_up(&p->schedule);
}

/* Waits until it is time to look. Under the lock. */
static void wait_for_look(sync_poller *p, uint64_t last_ms) {
  while (!p->stopping) {
    const uint64_t now_ms = br_clock_monotonic_ms();
    const uint64_t due_ms = last_ms + p->options.interval_ms;
    if (p->slots_held > 0 && (p->look_now || list_is_used_up(p) || now_ms >= due_ms)) {
      return;
    }
    wait_ms(p, p->slots_held == 0 || now_ms >= due_ms ? STANDBY_MS : due_ms - now_ms);
  }
}

/* The list was full: as long as its outcomes aren't written the next one would hold the same rows.
 * cancel: NULL is fine. */
static void wait_for_reports(sync_poller *p, br_cancel *cancel, uint64_t by_ms) {
  while (!is_stopping(p) && !br_cancel_requested(cancel) && br_clock_monotonic_ms() < by_ms &&
         !sync_reporter_drain(p->reporter, 200)) {
  }
}

static void *looker(void *context) {
  sync_poller *p = context;
  uint64_t last_ms = 0;
  pthread_mutex_lock(&p->lock);
  for (;;) {
    wait_for_look(p, last_ms);
    if (p->stopping) {
      break;
    }
    const bool was_full = p->more_waiting;
    p->look_now = false;
    p->more_waiting = false;
    p->looks_begun++;
    pthread_mutex_unlock(&p->lock);
    br_error err = BR_ERROR_INIT;
    if (was_full) {
      wait_for_reports(p, NULL, br_clock_monotonic_ms() + DRAIN_MS);
    }
    last_ms = br_clock_monotonic_ms();
    br_status st = look(p, was_full, &err);
    if (st == BR_OK) {
      say_well(p);
    } else if (st != BR_ERR_CANCELLED) {
      say_failure(p, "the events table can't be read", &err);
    }
    pthread_mutex_lock(&p->lock);
    p->looks_ended = p->looks_begun;
    pthread_cond_broadcast(&p->changed);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

/* ---- working ---- */

static void count_outcome(sync_poller *p, const sync_applied *applied) {
  p->ended++;
  p->status.replayed += applied->replayed;
  p->status.completed += applied->report.status == SYNC_COMPLETED;
  p->status.failed += applied->report.status == SYNC_FAILED;
  p->status.blocked += applied->report.status == SYNC_BLOCKED;
}

static void log_outcome(const sync_event *event, const sync_report *report) {
  char label[128];
  sync_event_label(event, label);
  if (report->status == SYNC_COMPLETED) {
    br_log(BR_LOG_INFO, "%s: %s, %lld row%s%s%s", label, sync_status_name(report->status),
           (long long)report->rows_affected, report->rows_affected == 1 ? "" : "s",
           report->warning == NULL ? "" : "; warning: ",
           report->warning == NULL ? "" : report->warning);
  } else {
    br_log(BR_LOG_WARNING, "%s: %s: %s", label, sync_status_name(report->status),
           report->error_message == NULL ? "" : report->error_message);
  }
}

static void on_start(void *context, const sync_event *event, const char *principal) {
  sync_poller *p = context;
  sync_report report = {.status = SYNC_PROCESSING};
  memcpy(report.fingerprint, event->fingerprint, sizeof report.fingerprint);
  br_error ignored = BR_ERROR_INIT; /* here the word `processing` is a display */
  if (!event->was_processing && sync_reporter_add(p->reporter, &report, NULL, &ignored) != BR_OK) {
    br_log(BR_LOG_DEBUG, "%s", ignored.message);
  }
  if (p->options.on_event != NULL) {
    p->options.on_event(p->options.on_event_context, event, principal, NULL);
  }
}

static void report(sync_poller *p, const sync_event *event, sync_report *report) {
  br_error err = BR_ERROR_INIT;
  if (sync_reporter_add(p->reporter, report, event, &err) != BR_OK) {
    br_log(BR_LOG_WARNING, "an outcome is reported later: %s", err.message);
  }
}

static void settle(sync_poller *p, const sync_event *event, sync_applied *applied) {
  if (applied->verdict == SYNC_VERDICT_REPORT) {
    log_outcome(event, &applied->report);
    if (p->options.on_event != NULL) {
      p->options.on_event(p->options.on_event_context, event, applied->principal, applied);
    }
    pthread_mutex_lock(&p->lock);
    count_outcome(p, applied);
    pthread_mutex_unlock(&p->lock);
    report(p, event, &applied->report);
  } else if (applied->taken_away) {
    char label[128];
    sync_event_label(event, label);
    br_log(BR_LOG_INFO, "%s was cancelled: its row is taken away", label);
  } else if (applied->started && applied->verdict != SYNC_VERDICT_DROP && !applied->claimed) {
    if (applied->verdict == SYNC_VERDICT_BUSY) {
      char label[128];
      sync_event_label(event, label);
      br_log(BR_LOG_INFO, "%s waits for a lock in SQL Server and goes back to the queue", label);
    }
    sync_report back = {.status = SYNC_PENDING}; /* it was shown as processing */
    memcpy(back.fingerprint, event->fingerprint, sizeof back.fingerprint);
    report(p, event, &back);
  }
  sync_report_done(&applied->report);
}

/* The next event, or NULL after a while or at the end. */
static sync_event *take_event(sync_poller *p) {
  const uint64_t by_ms = br_clock_monotonic_ms() + PING_MS;
  sync_event *event = NULL;
  pthread_mutex_lock(&p->lock);
  while (!p->stopping && (event = sync_schedule_take(&p->schedule)) == NULL) {
    const uint64_t now_ms = br_clock_monotonic_ms();
    if (now_ms >= by_ms) {
      break;
    }
    wait_ms(p, by_ms - now_ms);
  }
  pthread_mutex_unlock(&p->lock);
  return event;
}

static void put_event(sync_poller *p, sync_event *event, bool hold) {
  pthread_mutex_lock(&p->lock);
  sync_schedule_put(&p->schedule, event, hold);
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
}

/* A slot was won or lost: what the last list said may be old. */
static void count_slot(sync_poller *p, bool *counted, bool has) {
  if (*counted == has) {
    return;
  }
  *counted = has;
  pthread_mutex_lock(&p->lock);
  p->slots_held += has ? 1U : 0U;
  p->slots_held -= has ? 0U : 1U;
  p->slot_asked_for = p->slot_asked_for && has;
  p->look_now = p->look_now || has;
  if (has || p->slots_held == 0) {
    sync_schedule_clear(&p->schedule);
  }
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
}

static void count_try(sync_poller *p, bool well) {
  pthread_mutex_lock(&p->lock);
  p->slot_tries += well;
  p->slot_asked_for = well;
  pthread_mutex_unlock(&p->lock);
}

static void prune(sync_poller *p, sync_session *session, uint64_t *next_ms) {
  const uint64_t now_ms = br_clock_monotonic_ms();
  if (p->options.ledger_days == 0 || now_ms < *next_ms) {
    return;
  }
  int64_t rows = 0;
  br_error err = BR_ERROR_INIT;
  *next_ms = now_ms + PRUNE_MS;
  br_status st = sync_ledger_prune(&p->ledger, session->conn, p->options.ledger_days, &rows, &err);
  if (st != BR_OK) {
    br_log(BR_LOG_WARNING, "the ledger could not be cleaned up: %s", err.message);
  } else if (rows > 0) {
    br_log(BR_LOG_INFO, "%lld old outcomes were taken out of the ledger", (long long)rows);
  }
}

/* Carries out one event. false: SQL Server can't be asked. */
static bool work_on(sync_poller *p, sync_session *session, sync_shelf *shelf, sync_event *event) {
  sync_applied applied = {.verdict = SYNC_VERDICT_BUSY};
  br_error err = BR_ERROR_INIT;
  br_status st = sync_apply(&p->apply, session, shelf, event, &applied, &err);
  if (st != BR_OK) {
    char label[128];
    sync_event_label(event, label);
    say_failure(p, label, &err);
    put_event(p, event, true);
    return false;
  }
  settle(p, event, &applied);
  put_event(p, event, applied.verdict == SYNC_VERDICT_BUSY || applied.verdict == SYNC_VERDICT_STOP);
  return true;
}

/* With a session and a slot. false: one of them is missing. */
static bool work_once(sync_poller *p, sync_session *session, sync_shelf *shelf,
                      uint64_t *prune_ms) {
  prune(p, session, prune_ms);
  sync_event *event = take_event(p);
  if (event != NULL) {
    return work_on(p, session, shelf, event);
  }
  br_error err = BR_ERROR_INIT;
  sync_shelf_sweep(shelf, session);
  if (!is_stopping(p) && tds_run(session->conn, "SELECT 1", &err) != BR_OK) {
    say_failure(p, "SQL Server", &err);
    return false;
  }
  return true;
}

static void *worker(void *context) {
  sync_poller *p = context;
  sync_session session = {.options = p->options.sqlserver,
                          .queue = sync_queue_name(p->queue),
                          .slots = p->options.parallel_tables,
                          .lock_timeout_s = p->options.lock_timeout_s};
  sync_shelf shelf = {.places = {{.used = false}}};
  uint64_t prune_ms = 0;
  unsigned failures = 0;
  bool counted = false;
  while (!is_stopping(p)) {
    br_error err = BR_ERROR_INIT;
    bool well = sync_session_ensure(&session, &err) == BR_OK;
    if (!well) {
      say_failure(p, "SQL Server can't be reached", &err);
    }
    count_slot(p, &counted, session.has_slot);
    count_try(p, well);
    if (well && session.has_slot) {
      well = work_once(p, &session, &shelf, &prune_ms);
      count_slot(p, &counted, session.has_slot && sync_session_is_usable(&session));
    }
    failures = well ? 0 : failures + 1;
    uint64_t pause_ms = !well              ? sync_retry_delay_ms(failures, br_clock_monotonic_ns())
                        : session.has_slot ? 0
                                           : STANDBY_MS;
    if (pause_ms > 0 && br_cancel_sleep_ms(p->stop, pause_ms, NULL) != BR_OK) {
      break;
    }
  }
  count_slot(p, &counted, false);
  sync_shelf_done(&shelf, &session);
  sync_session_close(&session);
  return NULL;
}

/* ---- the whole ---- */

static void free_poller(sync_poller *p) {
  sync_schedule_done(&p->schedule);
  sync_queue_free(p->queue);
  br_cancel_free(p->stop);
  br_free(p->workers);
  br_free(p->database);
  pthread_cond_destroy(&p->changed);
  pthread_mutex_destroy(&p->lock);
  sync_losses_done(&p->losses);
  br_free(p);
}

/* Both sides are looked at before the first event is taken. */
static br_status check_sides(sync_poller *p, br_error *err) {
  br_cancel *cancel = p->options.start_cancel;
  sync_session session = {.options = p->options.sqlserver, .cancel = cancel};
  br_status st = sync_queue_open(p->options.databricks, p->options.events_table,
                                 p->options.lowest_first, cancel, &p->queue, err);
  st = st == BR_OK ? sync_session_ensure(&session, err) : st;
  st = st == BR_OK ? sync_ledger_check(&p->ledger, session.conn, err) : st;
  if (st == BR_OK) {
    p->database = br_strdup(tds_database(session.conn));
    p->schedule.database = p->database;
    st = p->database == NULL ? br_error_nomem(err) : BR_OK;
  }
  sync_session_close(&session);
  return st;
}

static br_status start_threads(sync_poller *p, br_error *err) {
  int failed = pthread_create(&p->looker, NULL, looker, p);
  p->looker_started = failed == 0;
  while (failed == 0 && p->worker_count < p->options.parallel_tables) {
    failed = pthread_create(&p->workers[p->worker_count], NULL, worker, p);
    p->worker_count += failed == 0;
  }
  return failed == 0 ? BR_OK : br_error_errno(err, failed, "A thread could not be started");
}

static void set_apply_options(sync_poller *p) {
  p->apply = (sync_apply_options){
      .client = p->options.databricks,
      .queue = p->queue,
      .ledger = &p->ledger,
      .losses = &p->losses,
      .principal = p->options.principal,
      .empty_is_fine = p->options.empty_is_fine,
      .cancel = p->stop,
      .rights = p->options.rights,
      .rights_context = p->options.rights_context,
      .on_start = on_start,
      .on_start_context = p,
  };
}

static br_status start(sync_poller *p, br_error *err) {
  p->workers = br_calloc(p->options.parallel_tables, sizeof *p->workers);
  if (p->workers == NULL) {
    return br_error_nomem(err);
  }
  br_status st = br_cancel_new(&p->stop, err);
  st = st == BR_OK ? sync_ledger_init(&p->ledger, p->options.ledger_table, err) : st;
  st = st == BR_OK ? check_sides(p, err) : st;
  if (st == BR_OK) {
    const sync_reporter_options options = {.queue = p->queue,
                                           .ledger = &p->ledger,
                                           .sqlserver = p->options.sqlserver,
                                           .blocked_as = p->options.blocked_as};
    st = sync_reporter_start(&options, &p->reporter, err);
  }
  if (st == BR_OK) {
    p->status.running = true;
    p->status.events_table = sync_queue_name(p->queue);
    set_apply_options(p);
    st = start_threads(p, err);
  }
  return st;
}

br_status sync_poller_start(const sync_options *options, sync_poller **ret_poller, br_error *err) {
  sync_poller *p = br_calloc(1, sizeof *p);
  if (p == NULL) {
    return br_error_nomem(err);
  }
  p->options = *options;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  sync_losses_init(&p->losses);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  br_status st = start(p, err);
  if (st != BR_OK) {
    sync_poller_stop(p, 0);
    return st;
  }
  *ret_poller = p;
  return BR_OK;
}

void sync_poller_wind_down(sync_poller *p) {
  if (p->stop != NULL) {
    br_cancel_request(p->stop);
  }
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
}

void sync_poller_stop(sync_poller *p, uint64_t timeout_ms) {
  if (p == NULL) {
    return;
  }
  sync_poller_wind_down(p);
  if (p->looker_started) {
    pthread_join(p->looker, NULL);
  }
  for (unsigned i = 0; i < p->worker_count; i++) {
    pthread_join(p->workers[i], NULL);
  }
  sync_reporter_stop(p->reporter, timeout_ms);
  free_poller(p);
}

/* All slots are others', and nothing keeps this process from a free one: an earlier failure is
 * over, though nobody looks here who would say so. Under the lock. */
static bool stands_by(const sync_poller *p) {
  return p->slots_held == 0 && p->slot_asked_for;
}

void sync_poller_get_status(sync_poller *p, sync_poller_status *ret_status) {
  pthread_mutex_lock(&p->lock);
  *ret_status = p->status;
  ret_status->standby = p->slots_held == 0;
  if (stands_by(p)) {
    ret_status->last_error[0] = '\0';
  }
  ret_status->waiting = p->schedule.waiting_count;
  ret_status->active = p->schedule.running_count;
  pthread_mutex_unlock(&p->lock);
}

void sync_poller_look(sync_poller *p) {
  pthread_mutex_lock(&p->lock);
  p->look_now = true;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
}

/* A look that began after the request has ended, and all that it brought is done. Under the lock.
 */
static bool round_is_over(const sync_poller *p, uint64_t look) {
  return p->looks_ended >= look && sync_schedule_is_idle(&p->schedule);
}

/* Why a round can't end; BR_OK: nothing speaks against waiting. failures: so many were there before
 * it was asked for; those may be over, but for one that keeps all slots away. Under the lock. */
static br_status check_round(const sync_poller *p, uint64_t failures, br_cancel *cancel,
                             br_error *err) {
  if (p->stopping) {
    return br_error_set(err, BR_ERR_CANCELLED, "Cancelled");
  }
  const bool counts = p->failures > failures || (p->slots_held == 0 && !stands_by(p));
  if (counts && p->status.last_error[0] != '\0') {
    return br_error_set(err, BR_ERR_NETWORK, "%s", p->status.last_error);
  }
  if (p->slots_held == 0 && p->slot_tries >= p->worker_count) {
    return br_error_set(err, BR_ERR_CONFLICT,
                        "Another process works on the events table %s (SYNC_PARALLEL_TABLES is %u)",
                        p->status.events_table, p->options.parallel_tables);
  }
  return br_cancel_check(cancel, err);
}

/* By when the outcomes are to be written. */
static uint64_t written_by(uint64_t by_ms) {
  const uint64_t latest_ms = br_clock_monotonic_ms() + WRITTEN_MS;
  return by_ms < latest_ms ? by_ms : latest_ms;
}

/* Rounds until one brings nothing more, at most until by_ms. A full list that brought nothing may
 * have held nothing but rows whose outcomes were not written yet, so that one more look is needed
 * when they are; but one alone: others may hold the tables of all of them. Under the lock. true:
 * all is done. */
static bool run_rounds(sync_poller *p, br_cancel *cancel, uint64_t by_ms, br_status *ret_st,
                       br_error *err) {
  const uint64_t failures = p->failures;
  br_status st = BR_OK;
  bool more = true, again = false, late = false;
  while (st == BR_OK && more && !late) {
    const uint64_t at_start = p->ended;
    const uint64_t wanted = p->looks_begun + 1;
    p->look_now = true;
    pthread_cond_broadcast(&p->changed);
    while (st == BR_OK && !late && !round_is_over(p, wanted)) {
      wait_ms(p, 200);
      st = check_round(p, failures, cancel, err);
      late = br_clock_monotonic_ms() >= by_ms;
    }
    more = p->ended > at_start;
    again = !more && !again && p->last_was_full;
    if (again && st == BR_OK && !late) {
      more = true;
      pthread_mutex_unlock(&p->lock);
      wait_for_reports(p, cancel, written_by(by_ms));
      pthread_mutex_lock(&p->lock);
    }
  }
  *ret_st = st;
  return !late;
}

br_status sync_poller_run_once(sync_poller *p, br_cancel *cancel, uint64_t patience_ms,
                               uint64_t *ret_events, bool *ret_all, br_error *err) {
  br_status st = BR_OK;
  const uint64_t start_ms = br_clock_monotonic_ms();
  const uint64_t by_ms = patience_ms == 0 ? UINT64_MAX : start_ms + patience_ms;
  pthread_mutex_lock(&p->lock);
  const uint64_t before = p->ended;
  bool all = run_rounds(p, cancel, by_ms, &st, err);
  *ret_events = p->ended - before;
  pthread_mutex_unlock(&p->lock);
  if (st == BR_OK && all) {
    const uint64_t now_ms = br_clock_monotonic_ms();
    const uint64_t left_ms = by_ms > now_ms ? by_ms - now_ms : 0;
    all = sync_reporter_drain(p->reporter, left_ms < WRITTEN_MS ? left_ms : WRITTEN_MS);
    if (!all && patience_ms == 0) {
      st = br_error_set(err, BR_ERR_TIMEOUT, "The statuses could not be written in a minute");
    }
  }
  *ret_all = all;
  return st;
}
