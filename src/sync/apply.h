/*
 * apply.h: one event, exactly once.
 *
 *   lock event and table ─▶ ledger: known? ──yes──▶ its stored result is reported again
 *                              │ no
 *                              ▼
 *   rights ─▶ stage the source (no transaction) ─▶ BEGIN ─ change ─ ledger row ─ COMMIT ─▶ report
 *
 * An answer to COMMIT that never comes is no failure and no success: a new session takes the locks
 * and asks the ledger. Waiting for a lock is no attempt, and the
 * source that was read for it is kept. An event is called failed only when SQL
 * Server could be asked and nothing of the change is there.
 */
#ifndef SYNC_APPLY_H
#define SYNC_APPLY_H

#include "sync/change.h"
#include "sync/ledger.h"
#include "sync/losses.h"
#include "sync/queue.h"
#include "sync/session.h"
#include "sync/shelf.h"

/* In whose name an event is carried out. */
typedef struct sync_actor {
  const char *name;
  bool asked; /* over HTTP, for this event; else whom events of the table act as */
} sync_actor;

/* What somebody may do with a table. */
typedef struct sync_rights {
  bool may_write;
  bool may_read;            /* rows of the table may be shown */
  bool not_now;             /* it can't be said at this moment: the event waits */
  uint64_t max_delete_rows; /* UINT64_MAX = no limit */
  char reason[512];         /* where may_write is false: why, and what to do */
} sync_rights;

typedef struct sync_apply_options {
  dbx_client *client;
  sync_queue *queue;
  const sync_ledger *ledger;
  sync_losses *losses;   /* of sync_apply() */
  const char *principal; /* whom events of the table act as */
  bool empty_is_fine;
  br_cancel *cancel; /* stops reading sources and waiting between attempts: the event goes back */
  void (*rights)(void *context, const sync_actor *actor, const char *table,
                 sync_rights *ret_rights);
  void *rights_context;
  /* The work on an event begins, in whose name; may be NULL. */
  void (*on_start)(void *context, const sync_event *event, const char *principal);
  void *on_start_context;
} sync_apply_options;

/* Who asks for rights, and whom. */
typedef struct sync_asker {
  const sync_apply_options *options;
  sync_actor actor;
} sync_asker;

/* Who sent exactly this event over HTTP, as the ledger knows it (known, borrowed): a retry is
 * theirs too. Else whom events of the table act as. */
sync_actor sync_actor_of(const sync_apply_options *options, const sync_ledger_row *known,
                         const sync_event *event);

/* What the actor may do with the change's target, into the change, which borrows the asker: tables
 * that it reaches besides are asked for later. BR_ERR_AUTH: nothing, and why (with the ledger
 * nobody may anything); BR_ERR_CONFLICT: not now. */
br_status sync_ask_rights(sync_asker *asker, sync_change *change, br_error *err) BR_CHECKED;

typedef enum sync_verdict {
  SYNC_VERDICT_REPORT, /* the report is the event's outcome */
  SYNC_VERDICT_BUSY,   /* somebody else is at the event or its table, or holds a lock */
  SYNC_VERDICT_DROP,   /* nothing to do: another worker has reported it, or it is gone */
  SYNC_VERDICT_STOP,   /* asked to stop before anything was done */
} sync_verdict;

typedef struct sync_applied {
  sync_verdict verdict;
  sync_report report;  /* of SYNC_VERDICT_REPORT; free with sync_report_done() */
  bool started;        /* on_start was called */
  bool replayed;       /* the outcome is older: the ledger knew it */
  bool taken_away;     /* a row of an event that was cancelled over HTTP */
  bool claimed;        /* the row has to go on saying `processing`: see claim_cancelled() */
  char principal[256]; /* who acted */
} sync_applied;

/* shelf: the session's. A failure means that SQL Server can't be reached or asked: the event is as
 * it was, or its outcome is in the ledger. */
br_status sync_apply(const sync_apply_options *options, sync_session *session, sync_shelf *shelf,
                     const sync_event *event, sync_applied *ret_applied, br_error *err) BR_CHECKED;

/* What the event would do, in words, through a change that is rolled back; neither the event nor
 * the ledger is touched. The caller frees *ret_text. BR_ERR_CONFLICT: somebody is at the event or
 * its table. Failures are those that the event itself would end with. */
br_status sync_preview(const sync_apply_options *options, sync_session *session,
                       const sync_event *event, char **ret_text, br_error *err) BR_CHECKED;

#endif
