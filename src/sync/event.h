/*
 * event.h: one row of the events table: what a notebook asks to be done on SQL Server.
 *
 *   row (texts as the queue reads them) ──sync_event_make()──▶ sync_event
 *                                            │ wrong somewhere: .problem says what; the event fails
 *                                            ▼ alone, the others go on
 *                                 operation, names, keys, conditions, options
 *
 * Nothing here touches a server.
 */
#ifndef SYNC_EVENT_H
#define SYNC_EVENT_H

#include "base/hash.h"
#include "sync/name.h"

typedef enum sync_operation { SYNC_INSERT, SYNC_UPDATE, SYNC_DELETE } sync_operation;
const char *sync_operation_name(sync_operation operation);

/* What the row holds; NULL = SQL NULL. */
typedef struct sync_event_row {
  const char *fingerprint; /* identifies the row: see queue.h */
  const char *event_id, *operation, *source_table, *target_table;
  const char *primary_keys; /* JSON array, or what people write instead: "[a, b]", "a,b" */
  const char *priority, *status, *rows_expected;
  const char *filter_conditions, *metadata; /* JSON objects */
  const char *too_long; /* name of a column whose text is over the limit; NULL = none */
  /* Name of a column whose text goes on behind a NUL; NULL = none. What is cut there may look like
   * another event, so the event has no id then. */
  const char *holds_nul;
} sync_event_row;

/* Values of all conditions of an event together; a statement of SQL Server takes 2,100 parameters.
 */
enum { SYNC_VALUES_MAX = 2000 };

/* One condition of a DELETE: column = value, IS NULL, or IN (values). */
typedef struct sync_condition {
  char *column;
  char **values; /* NULL entries are SQL NULL */
  size_t count;
} sync_condition;

/* metadata's known keys; all others are the author's own. */
typedef struct sync_event_options {
  bool upsert;          /* mode = "upsert" */
  bool identity_insert; /* keep the source's values of an identity column */
  bool direct;          /* bulk = "direct": load the target itself */
  bool table_lock;
  bool allow_cascade; /* other tables may be reached through ON DELETE and ON UPDATE */
  bool dry_run;
} sync_event_options;

typedef struct sync_event {
  char fingerprint[BR_SHA256_HEX_MAX];
  char *event_id;               /* NULL where the row has none */
  char key[BR_SHA256_HEX_MAX];  /* of events table and event_id: the ledger's key */
  char hash[BR_SHA256_HEX_MAX]; /* of what the event asks for */
  int64_t priority;
  bool was_processing; /* its status said so: somebody began it */
  char *problem;       /* why it can't be carried out; NULL = nothing wrong */

  /* Below only where problem is NULL. */
  sync_operation operation;
  bool has_source;
  sync_name source;
  sync_name target;
  char *target_text; /* as the author wrote it */
  char **keys;
  size_t key_count;
  sync_condition *conditions;
  size_t condition_count;
  bool has_rows_expected;
  int64_t rows_expected;
  sync_event_options options;
} sync_event;

/* events_table: its plain name. Fails only where memory is out; what is wrong with the event goes
 * into its problem. */
br_status sync_event_make(const char *events_table, const sync_event_row *row,
                          sync_event **ret_event, br_error *err) BR_CHECKED;
void sync_event_free(sync_event *event); /* NULL is fine */
/* "event 'abc'", for messages; text holds 128 bytes. */
void sync_event_label(const sync_event *event, char *text);

/* The ledger's key of an event: SHA-256 of table and id, in hex. */
br_status sync_event_key(const char *events_table, const char *event_id,
                         char ret_key[BR_SHA256_HEX_MAX], br_error *err) BR_CHECKED;

#endif
