/*
 * sync.h: events of a Databricks table become changes in SQL Server, exactly once.
 *
 *   events table ──fetch──▶ schedule ──▶ workers: apply ──▶ SQL Server (change + ledger row)
 *        ▲                                  │
 *        └────────── reporter ◀─────────────┘ outcomes, many at a time
 *
 *   sync_poller_start(&options, &poller, err)   looks every interval, until stopped
 *   sync_poller_stop(poller)                    finishes what runs, reports, ends
 *
 * Any number of replicas may run on one events table: SYNC_PARALLEL_TABLES workers in all hold
 * slots (application locks in SQL Server), the others stand by and take over when one dies.
 */
#ifndef SYNC_SYNC_H
#define SYNC_SYNC_H

#include "settings/settings.h"
#include "sync/apply.h"

typedef struct sync_options {
  const tds_options *sqlserver;
  dbx_client *databricks;
  const char *events_table, *ledger_table;
  bool lowest_first;
  unsigned parallel_tables;
  uint64_t interval_ms;
  size_t max_events;
  const char *blocked_as; /* "blocked" or "failed" */
  bool empty_is_fine;
  const char *principal;
  unsigned lock_timeout_s; /* of a statement in SQL Server */
  uint64_t ledger_days;    /* outcomes are forgotten after so many; 0 = never */
  void (*rights)(void *context, const sync_actor *actor, const char *table,
                 sync_rights *ret_rights);
  void *rights_context;
  /* An event has ended here, or begins (applied NULL): for the audit log. May be NULL. */
  void (*on_event)(void *context, const sync_event *event, const char *principal,
                   const sync_applied *applied);
  void *on_event_context;
  br_cancel *start_cancel; /* breaks off a start that waits for a side; may be NULL */
} sync_options;

/* Fills in what the settings say; sides, rights and on_event are the caller's. Texts are borrowed
 * from the settings. */
void sync_options_of(const settings *config, sync_options *ret_options);

typedef struct sync_poller sync_poller;

typedef struct sync_poller_status {
  bool running;
  bool standby; /* no slot: other replicas do the work */
  const char *events_table;
  uint64_t polls, completed, failed, blocked, replayed;
  size_t waiting, active;
  int64_t last_poll_us; /* wall clock; 0 = never */
  char last_error[512]; /* of looking or connecting; "" = all well */
} sync_poller_status;

/* Checks both sides first: events table and ledger must be there. Options are copied, what they
 * point to is borrowed until the stop. */
br_status sync_poller_start(const sync_options *options, sync_poller **ret_poller,
                            br_error *err) BR_CHECKED;
/* Begins to end, without waiting for it. */
void sync_poller_wind_down(sync_poller *poller);
/* Ends: the change that is under way is finished, or its reading broken off before it begins;
 * outcomes are written for at most timeout_ms. NULL is fine. */
void sync_poller_stop(sync_poller *poller, uint64_t timeout_ms);
void sync_poller_get_status(sync_poller *poller, sync_poller_status *ret_status);
/* Looks soon, without waiting for the interval. */
void sync_poller_look(sync_poller *poller);
/* Looks now, and waits until the events that are there have ended and that is written, for at most
 * patience_ms (0: as long as it takes). *ret_events: how many ended; *ret_all: whether that is all.
 * BR_ERR_CANCELLED where the poller stops or `cancel` asks. */
br_status sync_poller_run_once(sync_poller *poller, br_cancel *cancel, uint64_t patience_ms,
                               uint64_t *ret_events, bool *ret_all, br_error *err) BR_CHECKED;

#endif
