#include "sync/setup.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

enum { STEPS_MAX = 6 };
#define LEDGER_RIGHTS "SELECT, INSERT, UPDATE, DELETE"

void sync_setup_done(sync_setup *setup) {
  for (size_t i = 0; i < setup->count; i++) {
    br_free(setup->steps[i].sql);
    br_free(setup->steps[i].exists);
    br_free(setup->steps[i].grants);
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

/* The name's first `parts` parts for a GRANT; words where it has not so many in front of the table.
 */
static void container_text(const sync_name *table, size_t parts, char *text) {
  sync_name name = *table;
  const size_t missing = SYNC_NAME_PARTS - table->count;
  name.count = parts - missing;
  if (parts > missing) {
    sync_name_sql(&name, text);
  } else {
    (void)snprintf(text, SYNC_NAME_TEXT_MAX, "<the default %s>", parts == 1 ? "catalog" : "schema");
  }
}

static br_status set_grants(sync_setup_step *step, br_buf *text, br_status st, br_error *err) {
  step->grants = st == BR_OK ? br_buf_take(text, NULL) : NULL;
  br_buf_done(text);
  return st == BR_OK && step->grants == NULL ? br_error_nomem(err) : st;
}

/* What it takes to make a catalog (parts 1), a schema (2) or a table (3) with this name
 * (https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges).
 */
static br_status grant_making(sync_setup_step *step, const sync_name *table, size_t parts,
                              br_error *err) {
  char catalog[SYNC_NAME_TEXT_MAX], schema[SYNC_NAME_TEXT_MAX];
  br_buf text;
  br_buf_init(&text, BR_KIB(64));
  container_text(table, 1, catalog);
  container_text(table, 2, schema);
  br_status st =
      parts == 1 ? br_buf_text(&text, "GRANT CREATE CATALOG ON METASTORE TO {}", err)
      : parts == 2
          ? br_buf_printf(&text, err, "GRANT USE CATALOG, CREATE SCHEMA ON CATALOG %s TO {}",
                          catalog)
          : br_buf_printf(&text, err,
                          "GRANT USE CATALOG ON CATALOG %s TO {}; GRANT USE SCHEMA, CREATE TABLE "
                          "ON SCHEMA %s TO {}",
                          catalog, schema);
  return set_grants(step, &text, st, err);
}

/* CREATE CATALOG or SCHEMA IF NOT EXISTS of the first `parts` parts. */
static br_status add_container(sync_setup *setup, const sync_name *table, size_t parts,
                               br_error *err) {
  sync_name name = *table;
  char text[SYNC_NAME_TEXT_MAX];
  const bool catalog = table->count == 3 && parts == 1; /* "events.bridge_events": a schema's */
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  name.count = parts;
  sync_setup_step *step = next_step(setup, SYNC_SETUP_DATABRICKS);
  sync_name_plain(&name, text);
  (void)snprintf(step->what, sizeof step->what, "%s %s", catalog ? "catalog" : "schema", text);
  step->may_fail = true;
  sync_name_sql(&name, text);
  br_status st = grant_making(step, table, catalog ? 1 : 2, err);
  st = st == BR_OK ? br_buf_printf(&sql, err, "CREATE %s IF NOT EXISTS %s",
                                   catalog ? "CATALOG" : "SCHEMA", text)
                   : st;
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
  br_status st = grant_making(step, table, 3, err);
  st = st == BR_OK ? br_buf_printf(&sql, err,
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
                                   text)
                   : st;
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
  br_status st = grant_making(step, events, 3, err);
  st = st == BR_OK
           ? br_buf_printf(&sql, err,
                           "CREATE TABLE IF NOT EXISTS %s USING DELTA AS "
                           "SELECT 'user_1' AS username, true AS is_user, false AS is_admin "
                           "UNION ALL SELECT 'user_2', true, true "
                           "UNION ALL SELECT 'user_3', false, false",
                           text)
           : st;
  return finish_step(step, &sql, st, err);
}

/* Who makes a table in somebody else's schema does not own it: the rights to use it are named too.
 */
static br_status grant_ledger(sync_setup_step *step, const sync_ledger *ledger, br_error *err) {
  const sync_name *name = &ledger->name;
  const char *schema = name->count > 1 ? name->parts[name->count - 2] : "dbo";
  br_buf text;
  br_buf_init(&text, BR_KIB(64));
  br_status st = br_buf_text(
      &text, "GRANT CREATE TABLE TO {}; GRANT ALTER, " LEDGER_RIGHTS " ON SCHEMA::", err);
  st = st == BR_OK ? sync_quote(&text, SYNC_SQLSERVER, schema, err) : st;
  st = st == BR_OK ? br_buf_printf(&text, err,
                                   " TO {}; or, when somebody else has made it (--dry-run shows "
                                   "how): GRANT " LEDGER_RIGHTS " ON %s TO {}",
                                   ledger->sql)
                   : st;
  return set_grants(step, &text, st, err);
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
    st = st == BR_OK ? grant_ledger(step, &ledger, err) : st;
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
