/*
 * cmd_test_connection.c: walks each side step by step and says for the first step that fails what
 * to do.
 *
 *   SQL Server:  name ▶ TCP ▶ prelogin ▶ TLS ▶ login ▶ database
 *   Databricks:  token ▶ warehouse ▶ catalog ▶ schema ▶ volume (write and delete)
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/commands.h"
#include "cli/output.h"

static const cli_option options[] = {
    {.name = "side",
     .kind = CLI_CHOICE,
     .choices = "sqlserver|databricks|both",
     .initial = "both",
     .help = "what to test"},
    CLI_OPTION_OUTPUT,
    CLI_OPTION_SANDBOX,
    CLI_OPTION_VERBOSE,
};

static const cli_column columns[] = {
    {.name = "side"}, {.name = "step"}, {.name = "result"}, {.name = "details"}};

/* One row of the report; ok false counts as a failure. */
typedef struct report {
  cli_table *table;
  size_t failures;
} report;

static br_status add(report *r, const char *side, const char *step, const char *result,
                     const char *details, br_error *err) {
  br_status st = cli_table_cstr(r->table, side, err);
  st = st == BR_OK ? cli_table_cstr(r->table, step, err) : st;
  st = st == BR_OK ? cli_table_cstr(r->table, result, err) : st;
  return st == BR_OK ? cli_table_cstr(r->table, details, err) : st;
}

static br_status add_failure(report *r, const char *side, const char *step, const br_error *why,
                             const char *advice, br_error *err) {
  r->failures++;
  char *details = br_asprintf("%s. %s", why->message, advice);
  if (details != NULL) {
    br_secret_redact(details); /* a server may repeat what it was sent */
  }
  br_status st = details == NULL ? br_error_nomem(err) : add(r, side, step, "failed", details, err);
  br_free(details);
  return st;
}

/* What to do where a connection attempt got no further than a stage. */
static const char *const stage_advice[] = {
    [TDS_STAGE_NAME] = "Check SQLSERVER_HOST and the name service",
    [TDS_STAGE_TCP] = "Check SQLSERVER_PORT, firewalls, and that SQL Server listens on TCP",
    [TDS_STAGE_PRELOGIN] = "Check that the port belongs to SQL Server; with "
                           "SQLSERVER_ENCRYPT=strict the server must speak TDS 8.0",
    [TDS_STAGE_TLS] = "Name the certificate's issuer in SQLSERVER_CA_FILE, or use the host name "
                      "that the certificate has",
    [TDS_STAGE_LOGIN] = "Check SQLSERVER_USERNAME, SQLSERVER_PASSWORD and SQLSERVER_DATABASE",
    [TDS_STAGE_READY] = "Try again",
};

static br_status add_passed_stages(report *r, tds_stage reached, const tds_conn *conn,
                                   br_error *err) {
  br_status st = BR_OK;
  for (int stage = TDS_STAGE_NAME; st == BR_OK && stage < (int)reached; stage++) {
    const char *details = "";
    if (conn != NULL && stage == TDS_STAGE_TLS) {
      details = tds_tls_version(conn)[0] == '\0' ? "not encrypted" : tds_tls_version(conn);
    } else if (conn != NULL && stage == TDS_STAGE_LOGIN) {
      details = tds_server_version(conn);
    }
    st = add(r, "SQL Server", tds_stage_name((tds_stage)stage), "ok", details, err);
  }
  return st;
}

static br_status test_sqlserver(report *r, cli_session *s, br_error *err) {
  tds_options connect = {0};
  tds_conn *conn = NULL;
  tds_stage reached = TDS_STAGE_NAME;
  br_error why = BR_ERROR_INIT;
  br_status st = cli_session_tds_options(s, NULL, &connect, err);
  if (st != BR_OK) {
    return st;
  }
  br_status connected = tds_connect(&connect, s->cancel, &conn, &reached, &why);
  st = add_passed_stages(r, connected == BR_OK ? TDS_STAGE_READY : reached, conn, err);
  if (st == BR_OK && connected != BR_OK) {
    /* Where no TLS came back at all, the certificate is not what to look at. */
    bool no_tls = reached == TDS_STAGE_TLS && why.status != BR_ERR_TLS;
    const char *advice = stage_advice[no_tls ? TDS_STAGE_PRELOGIN : reached];
    st = add_failure(r, "SQL Server", tds_stage_name(reached), &why, advice, err);
  } else if (st == BR_OK) {
    st = add(r, "SQL Server", "database", "ok", tds_database(conn), err);
  }
  tds_close(conn);
  return st;
}

/* What the Databricks steps share. */
typedef struct workspace {
  dbx_client *client;
  br_cancel *cancel;
  const char *catalog, *schema, *volume;
  char details[256];
} workspace;

static br_status check_token(workspace *w, br_error *why) {
  return dbx_current_user(w->client, w->details, sizeof w->details, w->cancel, why);
}

static br_status check_warehouse(workspace *w, br_error *why) {
  return dbx_warehouse_state(w->client, w->details, sizeof w->details, w->cancel, why);
}

static br_status check_catalog(workspace *w, br_error *why) {
  (void)snprintf(w->details, sizeof w->details, "%s", w->catalog);
  return dbx_catalog_exists(w->client, w->catalog, w->cancel, why);
}

static br_status check_schema(workspace *w, br_error *why) {
  (void)snprintf(w->details, sizeof w->details, "%s.%s", w->catalog, w->schema);
  return dbx_schema_exists(w->client, w->catalog, w->schema, w->cancel, why);
}

static br_status no_bytes(void *context, uint64_t offset, void *bytes, size_t length,
                          br_error *err) {
  (void)context;
  (void)offset;
  (void)bytes;
  return length == 0 ? BR_OK : br_error_set(err, BR_ERR_INTERNAL, "An empty body has no bytes");
}

/* Writes and deletes an empty file: the right to list a volume does not show the right to write. */
static br_status check_volume(workspace *w, br_error *why) {
  char id[BR_UUID_MAX];
  br_status st = br_uuid(id, why);
  char *path =
      br_asprintf("/Volumes/%s/%s/%s/.bridge-test-%s", w->catalog, w->schema, w->volume, id);
  if (path == NULL) {
    return br_error_nomem(why);
  }
  dbx_body body = {.read_at = no_bytes};
  if (st == BR_OK) {
    st = dbx_files_put(w->client, path, &body, true, w->cancel, why);
  }
  if (st == BR_OK) {
    st = dbx_files_delete(w->client, path, w->cancel, why);
  }
  (void)snprintf(w->details, sizeof w->details, "%s.%s.%s: written and deleted", w->catalog,
                 w->schema, w->volume);
  br_free(path);
  return st;
}

/* The steps in order, with the names that each needs and what to do where it fails. */
static const struct step {
  const char *name;
  br_status (*check)(workspace *w, br_error *why);
  int names; /* how many of catalog, schema, volume must be set */
  const char *advice;
} steps[] = {
    {"token", check_token, 0,
     "Check DATABRICKS_HOST and DATABRICKS_TOKEN, or client id and secret"},
    {"warehouse", check_warehouse, 0,
     "Check DATABRICKS_WAREHOUSE_ID (SQL Warehouses > Connection details) and the right to use it"},
    {"catalog", check_catalog, 1,
     "Check DATABRICKS_CATALOG, and: GRANT USE CATALOG ON CATALOG … TO …"},
    {"schema", check_schema, 2, "Check DATABRICKS_SCHEMA, and: GRANT USE SCHEMA ON SCHEMA … TO …"},
    {"volume", check_volume, 3,
     "Check DATABRICKS_VOLUME, and: GRANT READ VOLUME, WRITE VOLUME ON VOLUME … TO …"},
};

static int names_set(const workspace *w) {
  if (w->catalog == NULL) {
    return 0;
  }
  if (w->schema == NULL) {
    return 1;
  }
  return w->volume == NULL ? 2 : 3;
}

static br_status walk_workspace(report *r, workspace *w, bool has_warehouse, br_error *err) {
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    const struct step *step = &steps[i];
    bool skip = names_set(w) < step->names || (step->check == check_warehouse && !has_warehouse);
    br_error why = BR_ERROR_INIT;
    w->details[0] = '\0';
    br_status found = skip ? BR_OK : step->check(w, &why);
    br_status st = BR_OK;
    if (found != BR_OK) {
      return add_failure(r, "Databricks", step->name, &why, step->advice, err);
    }
    st = add(r, "Databricks", step->name, skip ? "skipped" : "ok",
             skip ? "not configured" : w->details, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static br_status test_databricks(report *r, cli_session *s, br_error *err) {
  dbx_options connect = {0};
  br_status st = cli_session_dbx_options(s, &connect, err);
  workspace w = {.cancel = s->cancel, .catalog = connect.catalog, .schema = connect.schema};
  if ((s->sandbox_sides & SETTINGS_DATABRICKS) != 0) {
    w.volume = SANDBOX_VOLUME;
  } else if (settings_is_set(s->config, SETTING_DATABRICKS_VOLUME)) {
    w.volume = settings_get(s->config, SETTING_DATABRICKS_VOLUME);
  }
  br_error why = BR_ERROR_INIT;
  if (st == BR_OK && dbx_client_new(&connect, &w.client, &why) != BR_OK) {
    return add_failure(r, "Databricks", "settings", &why, "See 'config show'", err);
  }
  if (st == BR_OK) {
    st = walk_workspace(r, &w, connect.warehouse_id != NULL, err);
  }
  dbx_client_free(w.client);
  return st;
}

static br_status test_sides(const cli_arguments *args, report *r, unsigned sides, br_error *err) {
  cli_session s;
  br_status st = cli_session_open(args, sides, &s, err);
  if (st != BR_OK) {
    return st;
  }
  st = cli_table_new(cli_format_of(cli_text(args, "output")), columns,
                     sizeof columns / sizeof columns[0], cli_session_json_mark(&s), &r->table, err);
  if (st == BR_OK && (sides & SETTINGS_SQLSERVER) != 0) {
    st = test_sqlserver(r, &s, err);
  }
  if (st == BR_OK && (sides & SETTINGS_DATABRICKS) != 0) {
    st = test_databricks(r, &s, err);
  }
  if (st == BR_OK) {
    st = cli_table_end(r->table, err);
  }
  cli_table_free(r->table);
  cli_session_close(&s);
  return st;
}

static int run(const cli_arguments *args) {
  const char *side = cli_text(args, "side");
  unsigned sides = SETTINGS_SQLSERVER | SETTINGS_DATABRICKS;
  if (strcmp(side, "both") != 0) {
    sides = strcmp(side, "sqlserver") == 0 ? SETTINGS_SQLSERVER : SETTINGS_DATABRICKS;
  }
  br_error err = BR_ERROR_INIT;
  report r = {0};
  br_status st = test_sides(args, &r, sides, &err);
  if (st != BR_OK) {
    if (strcmp(side, "both") == 0) {
      br_error_append(&err, st, "\n--side sqlserver or --side databricks tests only that one");
    }
    return cli_fail_run(&err);
  }
  return r.failures == 0 ? 0 : 1;
}

const cli_command cli_command_test_connection = {
    .name = "test-connection",
    .summary = "Walks each side step by step and says what to do about what fails",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
