/*
 * walk_sides.h: the steps of test-connection, one side each.
 *
 *   SQL Server:  name ▶ TCP ▶ prelogin ▶ TLS ▶ login ▶ database ▶ rights
 *   Databricks:  name ▶ TCP ▶ TLS ▶ token ┬▶ catalog ▶ schema ▶ volume (write and delete)
 *                                         └▶ warehouse ▶ statement ▶ storage
 *
 * A way ends at its first step that fails; that row says what to do.
 */
#ifndef CLI_WALK_SIDES_H
#define CLI_WALK_SIDES_H

#include "cli/session.h"
#include "cli/walk.h"

/* err is for what keeps the report from being made; what fails on a way is in the report. */
br_status cli_walk_sqlserver(cli_walk *walk, cli_session *session, br_error *err) BR_CHECKED;
/* wake: run statements also where that starts the warehouse. */
br_status cli_walk_databricks(cli_walk *walk, cli_session *session, bool wake,
                              br_error *err) BR_CHECKED;

#endif
