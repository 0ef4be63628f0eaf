/*
 * walk.h: the steps of test-connection, one side each, as rows of one table.
 *
 *   SQL Server:  name ▶ TCP ▶ prelogin ▶ TLS ▶ login ▶ database ▶ rights
 *   Databricks:  name ▶ TCP ▶ TLS ▶ token ┬▶ catalog ▶ schema ▶ volume (write and delete)
 *                                         └▶ warehouse ▶ statement ▶ storage
 *
 * A way ends at its first step that fails; that row says what to do.
 */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include "cli/output.h"
#include "cli/session.h"

typedef struct cli_walk {
  cli_table *table; /* side, step, result, details */
  size_t failures;
} cli_walk;

br_status cli_walk_ok(cli_walk *walk, const char *side, const char *step, const char *details,
                      br_error *err) BR_CHECKED;
br_status cli_walk_skipped(cli_walk *walk, const char *side, const char *step, const char *details,
                           br_error *err) BR_CHECKED;
/* "why. advice" */
br_status cli_walk_failed(cli_walk *walk, const char *side, const char *step, const br_error *why,
                          const char *advice, br_error *err) BR_CHECKED;

/* err is for what keeps the report from being made; what fails on a way is in the report. */
br_status cli_walk_sqlserver(cli_walk *walk, cli_session *session, br_error *err) BR_CHECKED;
/* wake: run statements also where that starts the warehouse. */
br_status cli_walk_databricks(cli_walk *walk, cli_session *session, bool wake,
                              br_error *err) BR_CHECKED;

#endif
