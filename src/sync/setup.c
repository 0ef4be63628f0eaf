#include "sync/setup.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sync/query.h"

enum { STEPS_MAX = 6, NO_PERMISSION = 262, NO_PERMISSION_ON_SCHEMA = 2760 };

void sync_setup_done(sync_setup *setup) {
  for (size_t i = 0; i < setup->count; i++) {
    br_free(setup->steps[i].sql);
    br_free(setup->steps[i].exists);
  }
  br_free(setup->steps);
  *setup = (sync_setup){.steps = NULL};
}

static sync_setup_step *next_step(sync_setup *setup, sync_setup_side side) {
  sync_setup_step *step = &setup->steps[setup->count++];
  *step = (sync_setup_step){.side = side};
  return step;
}

static br_status finish_step(sync_setup_step *step, br_buf *sql, br_status st, br_error *err) {
  step->sql = st == BR_OK ? br_buf_take(sql, NULL) : NULL;
  br_buf_done(sql);
  return st == BR_OK && step->sql == NULL ? br_error_nomem(err) : st;
}

/* CREATE CATALOG or SCHEMA IF NOT EXISTS of the first `parts` parts. */
static br_status add_container(sync_setup *setup, const sync_name *table, size_t parts,
                               br_error *err) {
  sync_name name = *table;
  char text[SYNC_NAME_TEXT_MAX];
  const char *kind = parts == 1 ? "CATALOG" : "SCHEMA";
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  name.count = parts;
  sync_setup_step *step = next_step(setup, SYNC_SETUP_DATABRICKS);
  sync_name_plain(&name, text);
  (void)snprintf(step->what, sizeof step->what, "%s %s", parts == 1 ? "catalog" : "schema", text);
  step->may_fail = true;
  sync_name_sql(&name, text);
  br_status st = br_buf_printf(&sql, err, "CREATE %s IF NOT EXISTS %s", kind, text);
  return finish_step(step, &sql, st, err);
}

static br_status add_events_table(sync_setup *setup, const sync_name *table, br_error *err) {
  char text[SYNC_NAME_TEXT_MAX];
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  sync_setup_step *step = next_step(setup, SYNC_SETUP_DATABRICKS);
  sync_name_plain(table, text);
  (void)snprintf(step->what, sizeof step->what, "events table %s", text);
  sync_name_sql(table, text);
  br_status st = br_buf_printf(&sql, err,
                               "CREATE TABLE IF NOT EXISTS %s (\n"
                               "  event_id STRING,\n"
                               "  operation STRING COMMENT 'INSERT, UPDATE or DELETE',\n"
                               "  source_table STRING COMMENT 'catalog.schema.table',\n"
                               "  target_table STRING COMMENT 'schema.table in SQL Server',\n"
                               "  primary_keys ARRAY<STRING>,\n"
                               "  priority INT DEFAULT 0,\n"
                               "  status STRING DEFAULT 'pending',\n"
                               "  rows_expected INT,\n"
                               "  rows_affected INT,\n"
                               "  discrepancy INT,\n"
                               "  warning STRING,\n"
                               "  error_message STRING,\n"
                               "  filter_conditions STRING COMMENT 'JSON object, for DELETE',\n"
                               "  metadata STRING COMMENT 'JSON object',\n"
                               "  created_at TIMESTAMP DEFAULT current_timestamp(),\n"
                               "  processed_at TIMESTAMP\n"
                               ") USING DELTA TBLPROPERTIES (\n"
                               "  'delta.feature.allowColumnDefaults' = 'supported',\n"
                               "  'delta.enableDeletionVectors' = 'true'\n"
                               ")",
                               text);
  return finish_step(step, &sql, st, err);
}

static br_status add_test_table(sync_setup *setup, const sync_name *events, br_error *err) {
  sync_name name = *events;
  char text[SYNC_NAME_TEXT_MAX];
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  sync_setup_step *step = next_step(setup, SYNC_SETUP_DATABRICKS);
  (void)snprintf(name.parts[name.count - 1], sizeof name.parts[0], "test_market_scope_data");
  sync_name_plain(&name, text);
  (void)snprintf(step->what, sizeof step->what, "table %s", text);
  sync_name_sql(&name, text);
  br_status st = br_buf_printf(&sql, err,
                               "CREATE TABLE IF NOT EXISTS %s USING DELTA AS "
                               "SELECT 'user_1' AS username, true AS is_user, false AS is_admin "
                               "UNION ALL SELECT 'user_2', true, true "
                               "UNION ALL SELECT 'user_3', false, false",
                               text);
  return finish_step(step, &sql, st, err);
}

static br_status add_ledger(sync_setup *setup, const char *ledger_table, br_error *err) {
  sync_ledger ledger;
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  br_status st = sync_ledger_init(&ledger, ledger_table, err);
  sync_setup_step *step = next_step(setup, SYNC_SETUP_SQLSERVER);
  if (st == BR_OK) {
    (void)snprintf(step->what, sizeof step->what, "ledger %s", ledger.plain);
    st = sync_ledger_ddl(&ledger, &sql, err);
  }
  st = finish_step(step, &sql, st, err);
  br_buf_init(&sql, BR_KIB(64));
  st = st == BR_OK ? br_buf_text(&sql, "SELECT CASE WHEN OBJECT_ID(", err) : st;
  st = st == BR_OK ? sync_literal(&sql, ledger.sql, err) : st;
  st = st == BR_OK ? br_buf_text(&sql, ") IS NULL THEN 0 ELSE 1 END", err) : st;
  step->exists = st == BR_OK ? br_buf_take(&sql, NULL) : NULL;
  br_buf_done(&sql);
  return st == BR_OK && step->exists == NULL ? br_error_nomem(err) : st;
}

br_status sync_setup_plan(const char *events_table, const char *ledger_table, bool test_table,
                          sync_setup *ret_setup, br_error *err) {
  sync_setup setup = {.steps = br_calloc(STEPS_MAX, sizeof *setup.steps)};
  sync_name events;
  if (setup.steps == NULL) {
    return br_error_nomem(err);
  }
  br_status st = sync_name_parse(SYNC_DATABRICKS, events_table, &events, err);
  if (st != BR_OK) {
    br_error_context(err, st, "EVENTS_TABLE");
  }
  if (st == BR_OK && events.count == 3) {
    st = add_container(&setup, &events, 1, err);
  }
  if (st == BR_OK && events.count >= 2) {
    st = add_container(&setup, &events, events.count - 1, err);
  }
  st = st == BR_OK ? add_events_table(&setup, &events, err) : st;
  st = st == BR_OK && test_table ? add_test_table(&setup, &events, err) : st;
  st = st == BR_OK ? add_ledger(&setup, ledger_table, err) : st;
  if (st != BR_OK) {
    sync_setup_done(&setup);
    return st;
  }
  *ret_setup = setup;
  return BR_OK;
}

/* ---- running ---- */

static br_status run_on_databricks(const sync_setup_step *step, dbx_client *client,
                                   br_cancel *cancel, br_error *err) {
  const dbx_statement statement = {.sql = step->sql};
  dbx_result *result = NULL;
  char condition[DBX_CONDITION_MAX];
  br_status st = dbx_statement_run(client, &statement, cancel, &result, err);
  dbx_result_free(result);
  if (st != BR_OK && err != NULL &&
      ((dbx_error_condition(err, condition) && strstr(condition, "PERMISSION") != NULL) ||
       strstr(err->message, "PERMISSION_DENIED") != NULL)) {
    st = br_error_append(err, BR_ERR_AUTH,
                         "; an owner can run it, or: GRANT USE CATALOG, USE SCHEMA, CREATE SCHEMA, "
                         "CREATE TABLE ON CATALOG … TO `this principal`");
    err->status = BR_ERR_AUTH;
  }
  return st;
}

static br_status run_on_sqlserver(const sync_setup_step *step, tds_conn *conn, bool *ret_made,
                                  br_error *err) {
  int64_t there = 0;
  br_status st = sync_query_number(conn, step->exists, NULL, 0, &there, err);
  *ret_made = there == 0;
  st = st == BR_OK && there == 0 ? tds_run(conn, step->sql, err) : st;
  const int64_t number = st == BR_ERR_REMOTE && err != NULL ? err->native_code : 0;
  if (number == NO_PERMISSION || number == NO_PERMISSION_ON_SCHEMA) {
    st = br_error_append(err, BR_ERR_AUTH,
                         "; a DBA can run the statement that --dry-run shows, then: GRANT SELECT, "
                         "INSERT, UPDATE, DELETE ON it TO this login; or GRANT CREATE TABLE and "
                         "ALTER ON SCHEMA::dbo to this login");
    err->status = BR_ERR_AUTH;
  }
  return st;
}

br_status sync_setup_run(const sync_setup_step *step, dbx_client *client, tds_conn *conn,
                         br_cancel *cancel, bool *ret_made, br_error *err) {
  *ret_made = true;
  br_status st = step->side == SYNC_SETUP_DATABRICKS ? run_on_databricks(step, client, cancel, err)
                                                     : run_on_sqlserver(step, conn, ret_made, err);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "%s", step->what);
}
