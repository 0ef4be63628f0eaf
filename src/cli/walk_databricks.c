#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cli/walk_sides.h"

#define SIDE "Databricks"

/* A look is soon over; a statement may have to wait until the warehouse has started. */
enum { LOOK_RETRY_MS = 1500, LOOK_CONNECT_MS = 10000, LOOK_SILENCE_MS = 30000 };

typedef struct workspace {
  dbx_client *look, *run;
  br_cancel *cancel;
  const char *catalog, *schema, *volume; /* NULL: not configured */
  bool has_warehouse, wake;
  char state[64]; /* of the warehouse */
  char details[256];
} workspace;

/* BR_DONE: there is nothing to check; details say why. */
typedef br_status (*check)(workspace *w, br_error *why);

static br_status skip(workspace *w, const char *why_not) {
  (void)snprintf(w->details, sizeof w->details, "%s", why_not);
  return BR_DONE;
}

static br_status check_catalog(workspace *w, br_error *why) {
  if (w->catalog == NULL) {
    return skip(w, "not configured");
  }
  (void)snprintf(w->details, sizeof w->details, "%s", w->catalog);
  return dbx_catalog_exists(w->look, w->catalog, w->cancel, why);
}

static br_status check_schema(workspace *w, br_error *why) {
  if (w->catalog == NULL || w->schema == NULL) {
    return skip(w, "not configured");
  }
  (void)snprintf(w->details, sizeof w->details, "%s.%s", w->catalog, w->schema);
  return dbx_schema_exists(w->look, w->catalog, w->schema, w->cancel, why);
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
  if (w->catalog == NULL || w->schema == NULL || w->volume == NULL) {
    return skip(w, "not configured");
  }
  br_status st = br_uuid(id, why);
  char *path =
      br_asprintf("/Volumes/%s/%s/%s/.bridge-test-%s", w->catalog, w->schema, w->volume, id);
  if (path == NULL) {
    return br_error_nomem(why);
  }
  dbx_body body = {.read_at = no_bytes};
  if (st == BR_OK) {
    st = dbx_files_put(w->look, path, &body, true, w->cancel, why);
  }
  if (st == BR_OK) {
    st = dbx_files_delete(w->look, path, w->cancel, why);
    st = st == BR_OK ? st : br_error_context(why, st, "%s was written and can't be deleted", path);
  }
  (void)snprintf(w->details, sizeof w->details, "%s.%s.%s: written and deleted", w->catalog,
                 w->schema, w->volume);
  br_free(path);
  return st;
}

static br_status check_warehouse(workspace *w, br_error *why) {
  if (!w->has_warehouse) {
    return skip(w, "not configured");
  }
  br_status st = dbx_warehouse_state(w->look, w->state, sizeof w->state, w->cancel, why);
  if (st == BR_OK && strncmp(w->state, "DELET", 5) == 0) {
    return br_error_set(why, BR_ERR_NOT_FOUND, "The warehouse is %s", w->state);
  }
  (void)snprintf(w->details, sizeof w->details, "%s", w->state);
  return st;
}

/* BR_DONE where a statement would wake a warehouse that is to be left asleep. */
static br_status check_awake(workspace *w) {
  if (!w->has_warehouse) {
    return skip(w, "not configured");
  }
  if (!w->wake && strcmp(w->state, "RUNNING") != 0) {
    (void)snprintf(w->details, sizeof w->details,
                   "the warehouse is %.40s, a statement would start it: --wake does", w->state);
    return BR_DONE;
  }
  return BR_OK;
}

static br_status check_statement(workspace *w, br_error *why) {
  dbx_result *result = NULL;
  const dbx_statement statement = {.sql = "SELECT current_user()", .repeatable = true};
  br_status st = check_awake(w);
  if (st != BR_OK) {
    return st;
  }
  st = dbx_statement_run(w->run, &statement, w->cancel, &result, why);
  if (st == BR_OK) {
    const char *user = dbx_result_rows(result) == 1 ? dbx_result_value(result, 0, 0) : NULL;
    (void)snprintf(w->details, sizeof w->details, "as %s", user == NULL ? "?" : user);
  }
  dbx_result_free(result);
  return st;
}

/* Reads through a link to storage, as sync reads large sources. */
static br_status check_storage(workspace *w, br_error *why) {
  dbx_rows *rows = NULL;
  batch *b = NULL;
  const dbx_rows_options options = {.from = "(SELECT 1 AS one)", .way = DBX_ROWS_LINKS};
  br_status st = check_awake(w);
  if (st != BR_OK) {
    return st;
  }
  st = dbx_rows_open(w->run, &options, w->cancel, &rows, why);
  st = st == BR_OK ? batch_new(dbx_rows_schema(rows), 16, &b, why) : st;
  st = st == BR_OK ? dbx_rows_next(rows, b, 0, why) : st;
  (void)snprintf(w->details, sizeof w->details, "a row read through a link");
  batch_free(b);
  dbx_rows_close(rows);
  return st == BR_DONE ? br_error_set(why, BR_ERR_PROTOCOL, "The link leads to no row") : st;
}

typedef struct step {
  const char *name;
  check check;
  const char *advice;
} step;

static const step to_the_volume[] = {
    {"catalog", check_catalog,
     "Check DATABRICKS_CATALOG, and: GRANT USE CATALOG ON CATALOG … TO …"},
    {"schema", check_schema, "Check DATABRICKS_SCHEMA, and: GRANT USE SCHEMA ON SCHEMA … TO …"},
    {"volume", check_volume,
     "Check DATABRICKS_VOLUME, and: GRANT READ VOLUME, WRITE VOLUME ON VOLUME … TO …"},
};

static const step to_the_storage[] = {
    {"warehouse", check_warehouse,
     "Check DATABRICKS_WAREHOUSE_ID or DATABRICKS_HTTP_PATH (SQL Warehouses > Connection details) "
     "and the right to use it"},
    {"statement", check_statement,
     "Check the permission 'Can use' on the warehouse (SQL Warehouses > Permissions), and that it "
     "can start"},
    {"storage", check_storage,
     "Let this machine reach the workspace's cloud storage over HTTPS (firewall, proxy, private "
     "endpoint): results of any size come through links to it"},
};

static br_status walk_way(cli_walk *walk, workspace *w, const step *steps, size_t count,
                          br_error *err) {
  for (size_t i = 0; i < count; i++) {
    br_error why = BR_ERROR_INIT;
    w->details[0] = '\0';
    br_status found = steps[i].check(w, &why);
    if (found != BR_OK && found != BR_DONE) {
      return cli_walk_failed(walk, SIDE, steps[i].name, &why, steps[i].advice, err);
    }
    br_status st = found == BR_OK ? cli_walk_ok(walk, SIDE, steps[i].name, w->details, err)
                                  : cli_walk_skipped(walk, SIDE, steps[i].name, w->details, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

/* ---- the way there ---- */

static const char *const stage_names[] = {
    [DBX_STAGE_NAME] = "name",
    [DBX_STAGE_TCP] = "TCP",
    [DBX_STAGE_TLS] = "TLS",
    [DBX_STAGE_HTTP] = "token",
};

static const char *const stage_advice[] = {
    [DBX_STAGE_NAME] =
        "Check DATABRICKS_HOST and the name service (of HTTPS_PROXY, where that is set)",
    [DBX_STAGE_TCP] =
        "Let this machine reach port 443 of the workspace: firewalls, HTTPS_PROXY, and "
        "the workspace's own list of addresses",
    [DBX_STAGE_TLS] =
        "Where a proxy on the way has a certificate of its own, its issuer must be among "
        "the system's certificates",
    [DBX_STAGE_HTTP] = "Check that DATABRICKS_HOST is the workspace's own address",
};

static const char *token_advice(const br_error *why) {
  return why->status == BR_ERR_AUTH
             ? "Make a new token (Settings > Developer > Access tokens) for DATABRICKS_TOKEN, or "
               "check DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET; where they are good, the "
               "workspace may let only some addresses in"
             : stage_advice[DBX_STAGE_HTTP];
}

/* One request shows name, TCP, TLS and token. BR_DONE: it failed, which has been said. */
static br_status walk_there(cli_walk *walk, workspace *w, const char *tls, br_error *err) {
  br_error why = BR_ERROR_INIT;
  br_status asked = dbx_current_user(w->look, w->details, sizeof w->details, w->cancel, &why);
  const dbx_stage reached = asked == BR_OK ? DBX_STAGE_HTTP : dbx_error_stage(&why);
  br_status st = BR_OK;
  for (int i = DBX_STAGE_NAME; st == BR_OK && i < (int)reached; i++) {
    st = cli_walk_ok(walk, SIDE, stage_names[i], i == DBX_STAGE_TLS ? tls : "", err);
  }
  if (st == BR_OK && asked == BR_OK) {
    return cli_walk_ok(walk, SIDE, "token", w->details, err);
  }
  if (st == BR_OK) {
    st = cli_walk_failed(walk, SIDE, stage_names[reached], &why,
                         reached == DBX_STAGE_HTTP ? token_advice(&why) : stage_advice[reached],
                         err);
  }
  return st == BR_OK ? BR_DONE : st;
}

static br_status open_clients(workspace *w, const dbx_options *connect, br_error *why) {
  dbx_options look = *connect;
  look.retry_budget_ms = LOOK_RETRY_MS;
  look.connect_timeout_ms = LOOK_CONNECT_MS;
  look.request_timeout_ms = LOOK_SILENCE_MS;
  br_status st = dbx_client_new(&look, &w->look, why);
  return st == BR_OK ? dbx_client_new(connect, &w->run, why) : st;
}

static br_status walk_all(cli_walk *walk, workspace *w, const char *tls, br_error *err) {
  br_status st = walk_there(walk, w, tls, err);
  if (st != BR_OK) {
    return st == BR_DONE ? BR_OK : st;
  }
  st = walk_way(walk, w, to_the_volume, sizeof to_the_volume / sizeof to_the_volume[0], err);
  return st == BR_OK ? walk_way(walk, w, to_the_storage,
                                sizeof to_the_storage / sizeof to_the_storage[0], err)
                     : st;
}

br_status cli_walk_databricks(cli_walk *walk, cli_session *s, bool wake, br_error *err) {
  dbx_options connect = {0};
  br_status st = cli_session_dbx_options(s, &connect, err);
  workspace w = {.cancel = s->cancel,
                 .catalog = connect.catalog,
                 .schema = connect.schema,
                 .has_warehouse = connect.warehouse_id != NULL,
                 .wake = wake};
  if ((s->sandbox_sides & SETTINGS_DATABRICKS) != 0) {
    w.volume = SANDBOX_VOLUME;
  } else if (settings_is_set(s->config, SETTING_DATABRICKS_VOLUME)) {
    w.volume = settings_get(s->config, SETTING_DATABRICKS_VOLUME);
  }
  br_error why = BR_ERROR_INIT;
  const bool plain = connect.unix_path != NULL ||
                     (connect.host != NULL && strncmp(connect.host, "http://", 7) == 0);
  if (st == BR_OK) {
    st = open_clients(&w, &connect, &why) == BR_OK
             ? walk_all(walk, &w, plain ? "not encrypted" : "", err)
             : cli_walk_failed(walk, SIDE, "settings", &why, "See 'config show'", err);
  }
  dbx_client_free(w.look);
  dbx_client_free(w.run);
  return st;
}
