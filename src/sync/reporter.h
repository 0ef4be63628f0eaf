/*
 * reporter.h: outcomes on their way to the events table. A thread gathers them for a second and
 * writes many at a time; the column in Databricks is a display, what counts is in the ledger.
 *
 *   workers ──add──▶ [ newest report of each row ] ──▶ one UPDATE ──▶ ledger: reported
 *
 * A write that fails, to either, is repeated until it succeeds or the program ends: then the next
 * one finds the outcome in the ledger and reports it. Before a failure is written that has waited,
 * or was sent before, the ledger is asked: another replica may have told it, and its author put the
 * row back since. Then it is dropped; a row that is still waiting comes with the next list.
 */
#ifndef SYNC_REPORTER_H
#define SYNC_REPORTER_H

#include "sync/ledger.h"
#include "sync/queue.h"
#include "sync/session.h"

typedef struct sync_reporter sync_reporter;

typedef struct sync_reporter_options {
  sync_queue *queue;
  const sync_ledger *ledger;
  const tds_options *sqlserver; /* a session of its own, for the ledger */
  const char *blocked_as;
} sync_reporter_options;

/* The options are copied, what they point to is borrowed. */
br_status sync_reporter_start(const sync_reporter_options *options, sync_reporter **ret_reporter,
                              br_error *err) BR_CHECKED;
/* Writes what is left, for at most timeout_ms, and ends the thread. NULL is fine. */
void sync_reporter_stop(sync_reporter *reporter, uint64_t timeout_ms);

/* Takes the report's texts over, also on failure. event: whose outcome it is; NULL, or without an
 * id = the ledger does not know of it. A later report of the same row replaces an earlier one that
 * is not written yet. */
br_status sync_reporter_add(sync_reporter *reporter, sync_report *report, const sync_event *event,
                            br_error *err) BR_CHECKED;
/* An end of this row is known here that a list read since `list_ms` (monotonic) may not show. */
bool sync_reporter_knows(sync_reporter *reporter, const char *fingerprint, uint64_t list_ms);
/* Forgets ends that were written before `list_ms`: no list will be older. */
void sync_reporter_forget(sync_reporter *reporter, uint64_t list_ms);
/* When a write is due (monotonic) of `count` reports that wait, the oldest since then; UINT64_MAX:
 * never. A failed write may put it off. */
uint64_t sync_reporter_due_ms(size_t count, uint64_t oldest_ms, bool stopping, uint64_t now_ms);
/* Waits until all is written, for at most timeout_ms; false: it is not. */
bool sync_reporter_drain(sync_reporter *reporter, uint64_t timeout_ms);

#endif
