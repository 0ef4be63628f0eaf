/*
 * syncing.h: what the commands about events start with: both sides by the settings, the events
 * table, the ledger, and, where that is asked, what the permissions file says.
 */
#ifndef CLI_SYNCING_H
#define CLI_SYNCING_H

#include <stdatomic.h>

#include "auth/audit.h"
#include "auth/reload.h"
#include "cli/session.h"
#include "sync/policy.h"
#include "sync/sync.h"

typedef struct cli_syncing {
  cli_session session;
  tds_options sqlserver;
  dbx_client *client;
  const char *warehouse;    /* borrowed; NULL: none is named */
  auth_reload *permissions; /* NULL: there is no file, or nobody asks */
  auth_audit *audit;        /* NULL: the command changes nothing */
  sync_policy policy;
  atomic_bool unaudited; /* a line was lost, in strict mode */
  sync_options options;  /* filled from the settings */
} cli_syncing;

/* sides: SETTINGS_DATABRICKS, with SETTINGS_SQLSERVER where SQL Server is needed too. ret_syncing
 * must stay where it is until closed. */
br_status cli_syncing_open(const cli_arguments *args, unsigned sides, cli_syncing *ret_syncing,
                           br_error *err) BR_CHECKED;
void cli_syncing_close(cli_syncing *syncing);
/* Reads the permissions file, for commands that ask whether an event's author may do what it says.
 */
br_status cli_syncing_rights(cli_syncing *syncing, br_error *err) BR_CHECKED;
/* After cli_syncing_rights(): opens the audit log and writes what is decided and what the poller
 * does into it. In strict mode events wait where that fails, and `unaudited` says so. */
br_status cli_syncing_audit(cli_syncing *syncing, br_error *err) BR_CHECKED;
/* Opens the audit again and reads the permissions now. */
void cli_syncing_reload(cli_syncing *syncing);
/* The events table, opened. */
br_status cli_syncing_queue(cli_syncing *syncing, sync_queue **ret_queue, br_error *err) BR_CHECKED;

#endif
