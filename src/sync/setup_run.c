/* One step of `init`: run, or explained where a right is missing, with the GRANT that helps. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sync/query.h"
#include "sync/queue.h"
#include "sync/setup.h"

/* Numbers of sys.messages. 2714: the table is there, but OBJECT_ID() did not show it. */
enum { NO_PERMISSION = 262, NO_PERMISSION_ON_SCHEMA = 2760, IS_THERE = 2714 };

/* The step's GRANTs for that principal behind the message. */
static br_status explain(const sync_setup_step *step, const char *principal, br_error *err) {
  br_buf text;
  br_buf_init(&text, BR_KIB(64));
  br_status st = BR_OK;
  const char *p = step->grants;
  const char *mark = NULL;
  while (st == BR_OK && (mark = strstr(p, "{}")) != NULL) {
    st = br_buf_printf(&text, NULL, "%.*s%s", (int)(mark - p), p, principal);
    p = mark + 2;
  }
  st = st == BR_OK ? br_buf_text(&text, p, NULL) : st;
  /* Without memory the server's message alone must do. */
  st = st == BR_OK ? br_error_append(err, BR_ERR_AUTH, "; a right is missing: %.*s", (int)text.len,
                                     (const char *)text.data)
                   : BR_ERR_AUTH;
  err->status = BR_ERR_AUTH;
  br_buf_done(&text);
  return st;
}

/* ---- Databricks ---- */

static bool lacks_right(const br_error *err) {
  char condition[DBX_CONDITION_MAX], sqlstate[DBX_SQLSTATE_MAX];
  return (dbx_error_sqlstate(err, sqlstate) && strcmp(sqlstate, "42501") == 0) ||
         (dbx_error_condition(err, condition) && strstr(condition, "PERMISSION") != NULL) ||
         strstr(err->message, "PERMISSION_DENIED") != NULL;
}

static br_status explain_databricks(const sync_setup_step *step, dbx_client *client,
                                    br_cancel *cancel, br_error *err) {
  char name[256];
  br_buf quoted;
  br_buf_init(&quoted, BR_KIB(4));
  const char *principal = "<principal>";
  if (dbx_current_user(client, name, sizeof name, cancel, NULL) == BR_OK &&
      sync_quote(&quoted, SYNC_DATABRICKS, name, NULL) == BR_OK && br_buf_cstr(&quoted) != NULL) {
    principal = (const char *)quoted.data;
  }
  br_status st = explain(step, principal, err);
  br_buf_done(&quoted);
  return st;
}

static br_status run_on_databricks(const sync_setup_step *step, dbx_client *client,
                                   br_cancel *cancel, br_error *err) {
  const dbx_statement statement = {.sql = step->sql};
  dbx_result *result = NULL;
  br_status st = dbx_statement_run(client, &statement, cancel, &result, err);
  dbx_result_free(result);
  return st != BR_OK && lacks_right(err) ? explain_databricks(step, client, cancel, err) : st;
}

/* ---- SQL Server ---- */

static br_status explain_sqlserver(const sync_setup_step *step, tds_conn *conn, br_error *err) {
  sync_rows *rows = NULL;
  const br_status asked =
      tds_is_usable(conn) ? sync_query(conn, "SELECT QUOTENAME(USER_NAME())", NULL, 0, &rows, NULL)
                          : BR_ERR_NETWORK;
  const char *user = asked == BR_OK ? sync_rows_text(rows, 0, 0) : NULL;
  br_status st = explain(step, user == NULL ? "<user>" : user, err);
  sync_rows_free(rows);
  return st;
}

/* Another `init` may have made it at the same time. Where OBJECT_ID() still does not show it, the
 * right to see it is missing. */
static br_status made_by_another(const sync_setup_step *step, tds_conn *conn, bool *ret_made,
                                 br_error *err) {
  int64_t there = 0;
  br_error ignored = BR_ERROR_INIT;
  if (!tds_is_usable(conn) ||
      sync_query_number(conn, step->exists, NULL, 0, &there, &ignored) != BR_OK || there == 0) {
    return explain_sqlserver(step, conn, err);
  }
  *ret_made = false;
  br_error_clear(err);
  return BR_OK;
}

static br_status run_on_sqlserver(const sync_setup_step *step, tds_conn *conn, bool *ret_made,
                                  br_error *err) {
  int64_t there = 0;
  br_status st = sync_query_number(conn, step->exists, NULL, 0, &there, err);
  *ret_made = there == 0;
  st = st == BR_OK && there == 0 ? tds_run(conn, step->sql, err) : st;
  const int64_t number = st == BR_ERR_REMOTE ? err->native_code : 0;
  switch (number) {
  case IS_THERE:
    return made_by_another(step, conn, ret_made, err);
  case NO_PERMISSION:
    return explain_sqlserver(step, conn, err);
  case NO_PERMISSION_ON_SCHEMA: /* the server does not say which */
    st = explain_sqlserver(step, conn, err);
    return br_error_append(err, st, "; or there is no such schema: CREATE SCHEMA makes it");
  default:
    return st;
  }
}

br_status sync_setup_run(const sync_setup_step *step, dbx_client *client, tds_conn *conn,
                         br_cancel *cancel, bool *ret_made, br_error *err) {
  br_error local = BR_ERROR_INIT;
  br_error *e = err == NULL ? &local : err;
  *ret_made = true;
  br_status st = step->side == SYNC_SETUP_DATABRICKS ? run_on_databricks(step, client, cancel, e)
                                                     : run_on_sqlserver(step, conn, ret_made, e);
  return st == BR_OK ? BR_OK : br_error_context(e, st, "%s", step->what);
}

br_status sync_setup_check(const char *events_table, const char *ledger_table, dbx_client *client,
                           tds_conn *conn, br_cancel *cancel, br_error *err) {
  sync_queue *queue = NULL;
  sync_ledger ledger;
  br_status st = sync_queue_open(client, events_table, false, cancel, &queue, err);
  sync_queue_free(queue);
  st = st == BR_OK ? sync_ledger_init(&ledger, ledger_table, err) : st;
  return st == BR_OK ? sync_ledger_check(&ledger, conn, err) : st;
}
