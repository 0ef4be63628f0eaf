/*
 * ledger.h: the table in SQL Server that remembers what became of each event. It lies beside the
 * data, so an event's row and its change stand or fall in one transaction: that, and nothing in
 * Databricks, makes an event happen exactly once.
 *
 *   event_key   SHA-256 of events table and event id      status   completed, failed, blocked,
 *   event_hash  of what the event asks for                         cancelled, accepted (an event
 *   principal   who asked over HTTP; NULL: the table               that came over HTTP)
 *   reported    Databricks has been told
 *
 * Failed and blocked events are kept too: a replica with an older list must not run what another
 * has just failed.
 */
#ifndef SYNC_LEDGER_H
#define SYNC_LEDGER_H

#include "sync/event.h"
#include "sync/queue.h"
#include "tds/tds.h"

typedef struct sync_ledger {
  sync_name name;
  char sql[SYNC_NAME_TEXT_MAX];
  char plain[SYNC_NAME_TEXT_MAX];
} sync_ledger;

/* table: SYNC_LEDGER_TABLE. */
br_status sync_ledger_init(sync_ledger *ledger, const char *table, br_error *err) BR_CHECKED;

typedef enum sync_ledger_state {
  SYNC_LEDGER_NONE, /* no row */
  SYNC_LEDGER_ACCEPTED,
  SYNC_LEDGER_COMPLETED,
  SYNC_LEDGER_FAILED,
  SYNC_LEDGER_BLOCKED,
  SYNC_LEDGER_CANCELLED,
} sync_ledger_state;

typedef struct sync_ledger_row {
  sync_ledger_state state;
  char hash[BR_SHA256_HEX_MAX];
  char principal[256]; /* "" = none */
  char changed_at[32]; /* when the state was written, as the server shows it; "" = no row */
  bool reported;
  bool has_rows;
  int64_t rows_affected;
  char *warning, *error_message; /* owned; NULL = none */
} sync_ledger_row;
void sync_ledger_row_done(sync_ledger_row *row);

/* What tells a row from what it was before: kept with what was done while it was so. */
typedef struct sync_ledger_mark {
  sync_ledger_state state;
  char changed_at[32];
} sync_ledger_mark;
sync_ledger_mark sync_ledger_mark_of(const sync_ledger_row *row);
/* Nobody has written the row since. */
bool sync_ledger_is_at(const sync_ledger_row *row, const sync_ledger_mark *mark);

/* BR_ERR_NOT_FOUND where there is no ledger; the message names the command that makes it. */
br_status sync_ledger_read(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                           sync_ledger_row *ret_row, br_error *err) BR_CHECKED;
/* Reads as for an event, but none: what is there is a ledger, and this login may read it. */
br_status sync_ledger_check(const sync_ledger *ledger, tds_conn *conn, br_error *err) BR_CHECKED;
/* Writes an event's outcome, inside the caller's transaction if one is open. was: the row as it
 * was read under the event's lock. BR_ERR_CONFLICT where it is another by now: then nothing may be
 * committed. */
br_status sync_ledger_write(const sync_ledger *ledger, tds_conn *conn, const sync_event *event,
                            sync_ledger_state was, const sync_report *report,
                            br_error *err) BR_CHECKED;
/* Moves a row from one state to another; BR_ERR_CONFLICT where it is in neither. */
br_status sync_ledger_move(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                           sync_ledger_state from, sync_ledger_state to, br_error *err) BR_CHECKED;
/* Takes a row in that state away. */
br_status sync_ledger_remove(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                             sync_ledger_state state, br_error *err) BR_CHECKED;
/* The row of an event that has not run yet: cancelled, or accepted with who asked. */
br_status sync_ledger_note(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                           const char *event_id, const char *hash, sync_ledger_state state,
                           const char *principal, br_error *err) BR_CHECKED;
/* Databricks has been told of these. */
br_status sync_ledger_reported(const sync_ledger *ledger, tds_conn *conn, const char *const *keys,
                               size_t count, br_error *err) BR_CHECKED;
/* Whether each of these outcomes, failed or blocked, is still to be told: the ledger has it and
 * nobody has told Databricks, or it is that an event of other content has completed under the id.
 * ret_untold: `count` flags. */
br_status sync_ledger_untold(const sync_ledger *ledger, tds_conn *conn, const char *const *keys,
                             const char *const *hashes, size_t count, bool *ret_untold,
                             br_error *err) BR_CHECKED;
/* Forgets what was reported or cancelled more than `days` days ago; 1,000 rows at a time. What
 * failed for somebody over HTTP stays: a retry, however late, must not act as another. */
br_status sync_ledger_prune(const sync_ledger *ledger, tds_conn *conn, uint64_t days,
                            int64_t *ret_rows, br_error *err) BR_CHECKED;
/* CREATE TABLE, appended. */
br_status sync_ledger_ddl(const sync_ledger *ledger, br_buf *out, br_error *err) BR_CHECKED;

#endif
