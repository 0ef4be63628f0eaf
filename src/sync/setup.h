/*
 * setup.h: what `init` makes: the events table in Databricks, the ledger in SQL Server, and, where
 * wanted, a small table to try with. Every statement can be shown instead of run.
 */
#ifndef SYNC_SETUP_H
#define SYNC_SETUP_H

#include "databricks/databricks.h"
#include "sync/ledger.h"
#include "tds/tds.h"

typedef enum sync_setup_side { SYNC_SETUP_DATABRICKS, SYNC_SETUP_SQLSERVER } sync_setup_side;

/* One statement: what it makes, and its text. */
typedef struct sync_setup_step {
  sync_setup_side side;
  char what[SYNC_NAME_TEXT_MAX + 64]; /* "events table bridge.events.bridge_events" */
  char *sql;                          /* owned */
  char *grants;                       /* owned; what lets {} run it */
  char *exists;  /* owned; counts what is there already; NULL: the statement itself asks */
  bool may_fail; /* a catalog or schema that the login may not make, but that may be there */
} sync_setup_step;

typedef struct sync_setup {
  sync_setup_step *steps;
  size_t count;
} sync_setup;

/* test_table: test_market_scope_data beside the events table, with three rows. */
br_status sync_setup_plan(const char *events_table, const char *ledger_table, bool test_table,
                          sync_setup *ret_setup, br_error *err) BR_CHECKED;
void sync_setup_done(sync_setup *setup);

/* Runs a step; *ret_made false: it was there already. A missing right is BR_ERR_AUTH, with the
 * GRANT to run in the message. */
br_status sync_setup_run(const sync_setup_step *step, dbx_client *client, tds_conn *conn,
                         br_cancel *cancel, bool *ret_made, br_error *err) BR_CHECKED;

/* What was there already may be any table of that name: both are read as `sync` would. BR_ERR_DATA:
 * a column is missing. */
br_status sync_setup_check(const char *events_table, const char *ledger_table, dbx_client *client,
                           tds_conn *conn, br_cancel *cancel, br_error *err) BR_CHECKED;

#endif
