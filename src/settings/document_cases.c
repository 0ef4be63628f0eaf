/*
 * document_cases.c: what comes of which settings, as a table of docs/SETTINGS.md; a system test
 * runs every row of the page.
 */
#include "settings/internal.h"

static const char head[] =
    "\n## What comes of which settings\n\n"
    "S stands for a SQL Server that is configured (`SQLSERVER_HOST`, `SQLSERVER_USERNAME`, "
    "`SQLSERVER_PASSWORD`), D for a workspace (`DATABRICKS_HOST`, `DATABRICKS_TOKEN`). The second "
    "column says what the command needs: `extract` to a folder needs `sqlserver`, `sql --on "
    "databricks` needs `databricks`, `sync` needs `both`; `serve` stands for itself.\n\n"
    "| set | needed | outcome |\n|---|---|---|\n";

static const char *const cases[] = {
    "| nothing | both | sandbox: SQL Server and Databricks |\n",
    "| nothing | sqlserver | sandbox: SQL Server |\n",
    "| `SQLSERVER_HOST=db` | both | refused: `SQLSERVER_USERNAME is not set` `SQLSERVER_PASSWORD "
    "is not set` `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and "
    "DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` |\n",
    "| `SQLSERVER_HOST=db` | databricks | refused: `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN "
    "(or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` |\n",
    "| `DATABRICKS_HOST=https://w.invalid` | sqlserver | refused: `SQLSERVER_HOST is not set` "
    "`SQLSERVER_USERNAME is not set` `SQLSERVER_PASSWORD is not set` |\n",
    "| `SQLSERVER_HOST=` `DATABRICKS_TOKEN=` | both | sandbox: SQL Server and Databricks |\n",
    "| `SQLSERVER_HOSTS=db` | both | refused: `SQLSERVER_HOST is not set` `SQLSERVER_USERNAME is "
    "not set` `SQLSERVER_PASSWORD is not set` `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN (or "
    "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` "
    "`SQLSERVER_HOSTS (environment) is not a setting; did you mean SQLSERVER_HOST?` |\n",
    "| S | sqlserver | as configured |\n",
    "| S | both | refused: `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID "
    "and DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` |\n",
    "| S `USE_DATABRICKS=false` | both | sandbox: Databricks |\n",
    "| S `--sandbox databricks` | both | sandbox: Databricks |\n",
    "| S `--sandbox` | both | sandbox: SQL Server and Databricks |\n",
    "| D | both | refused: `SQLSERVER_HOST is not set` `SQLSERVER_USERNAME is not set` "
    "`SQLSERVER_PASSWORD is not set` |\n",
    "| D `--sandbox sqlserver` | both | sandbox: SQL Server |\n",
    "| S D | both | as configured |\n",
    "| S D `USE_DATABRICKS=false` | both | sandbox: Databricks |\n",
    "| S D `ENVIRONMENT=production` | both | as configured |\n",
    "| S D `USE_DATABRICKS=true` | both | as configured |\n",
    "| S D `ENVIRONMENT=staging` `SQLSERVER_PASSWORD=changeme` | both | as configured, warning: "
    "`SQLSERVER_PASSWORD (environment) holds a placeholder, not a value` |\n",
    "| `ENVIRONMENT=production` | both | refused: `SQLSERVER_HOST is not set` `SQLSERVER_USERNAME "
    "is not set` `SQLSERVER_PASSWORD is not set` `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN "
    "(or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` |\n",
    "| `USE_DATABRICKS=true` | both | refused: `SQLSERVER_HOST is not set` `SQLSERVER_USERNAME is "
    "not set` `SQLSERVER_PASSWORD is not set` `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN (or "
    "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` |\n",
    "| `USE_DATABRICKS=true` S | sqlserver | as configured |\n",
    "| `ENVIRONMENT=production` `--sandbox` | both | refused: `--sandbox is not allowed` "
    "`SQLSERVER_HOST is not set` `SQLSERVER_USERNAME is not set` `SQLSERVER_PASSWORD is not set` "
    "`DATABRICKS_HOST is not set` `DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and "
    "DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` |\n",
    "| `ENVIRONMENT=production` `USE_DATABRICKS=false` S | both | refused: `DATABRICKS_HOST is not "
    "set` `DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
    "DATABRICKS_PROFILE) is not set` |\n",
    "| `ENVIRONMENT=production` `SQLSERVER_HOST=your-server` `SQLSERVER_USERNAME=sa` "
    "`SQLSERVER_PASSWORD=changeme` `DATABRICKS_HOST=https://your-workspace.cloud.databricks.com` "
    "`DATABRICKS_TOKEN=your-token` | both | refused: `SQLSERVER_HOST (environment) holds a "
    "placeholder, not a value` `SQLSERVER_PASSWORD (environment) holds a placeholder, not a value` "
    "`DATABRICKS_HOST (environment) holds a placeholder, not a value` `DATABRICKS_TOKEN "
    "(environment) holds a placeholder, not a value` |\n",
    "| `ENVIRONMENT=production` S D `DATABRICKS_TOKEN=<token>` | both | refused: `DATABRICKS_TOKEN "
    "(environment) holds a placeholder, not a value` |\n",
    "| `ENVIRONMENT=production` S D `SQLSERVER_PORT=abc` `SYNC_PRIORITY=high` "
    "`DATABRICKS_WAREHOUSE=x` | both | refused: `SQLSERVER_PORT is 'abc'; it takes a whole number "
    "from 1 to 65535 (environment)` `SYNC_PRIORITY (environment) is not a setting` "
    "`DATABRICKS_WAREHOUSE (environment) is not a setting; did you mean DATABRICKS_WAREHOUSE_ID?` "
    "|\n",
    "| S D `SYNC_PRIORITY=high` | both | as configured, warning: `SYNC_PRIORITY (environment) is "
    "not a setting` |\n",
    "| S D `SQLSERVER_PORT=abc` `LOG_LEVEL=loud` | both | refused: `LOG_LEVEL is 'loud'; it takes "
    "DEBUG, INFO, WARNING or ERROR (environment)` `SQLSERVER_PORT is 'abc'; it takes a whole "
    "number from 1 to 65535 (environment)` |\n",
    "| S `DATABRICKS_HOST=https://w.invalid` `DATABRICKS_CLIENT_ID=me` | both | refused: "
    "`DATABRICKS_CLIENT_SECRET is not set` |\n",
    "| S `DATABRICKS_HOST=https://w.invalid` `DATABRICKS_CLIENT_ID=me` "
    "`DATABRICKS_CLIENT_SECRET=of-mine-1` | both | as configured |\n",
    "| S `DATABRICKS_HOST=http://w.invalid` `DATABRICKS_TOKEN=dapi-1` | both | refused: "
    "`DATABRICKS_HOST is 'http://w.invalid'; http:// would send the token in the clear: use "
    "https:// (environment)` |\n",
    "| S `DATABRICKS_SERVER_HOSTNAME=w.invalid` `DATABRICKS_ACCESS_TOKEN=dapi-1` "
    "`DATABRICKS_HTTP_PATH=/sql/1.0/warehouses/abc` | both | as configured |\n",
    "| S D `DATABRICKS_SERVER_HOSTNAME=other.invalid` | both | refused: `DATABRICKS_HOST "
    "(environment) and DATABRICKS_SERVER_HOSTNAME (environment) say different things: keep one` "
    "|\n",
    "| S D `DATABRICKS_ACCESS_TOKEN=dapi-2` | both | refused: `DATABRICKS_TOKEN (environment) and "
    "DATABRICKS_ACCESS_TOKEN (environment) say different things: keep one` |\n",
    "| S `DATABRICKS_PROFILE=DEFAULT` `DATABRICKS_CONFIG_FILE=profiles` | both | as configured |\n",
    "| `ENVIRONMENT=production` S `DATABRICKS_CONFIG_PROFILE=DEFAULT` "
    "`DATABRICKS_CONFIG_FILE=profiles` | both | as configured |\n",
    "| S `DATABRICKS_PROFILE=nobody` `DATABRICKS_CONFIG_FILE=profiles` | both | refused: `profiles "
    "has no profile \"nobody\"` |\n",
    "| S `DATABRICKS_PROFILE=half` `DATABRICKS_CONFIG_FILE=profiles` | both | refused: `Databricks "
    "needs a token, or a client id and a client secret` |\n",
    "| `ENVIRONMENT=production` `SQLSERVER_HOST=127.0.0.1` `SQLSERVER_USERNAME=sa` "
    "`SQLSERVER_PASSWORD_FILE=secret` `DATABRICKS_HOST=https://w.invalid` "
    "`DATABRICKS_TOKEN_FILE=secret` | both | as configured |\n",
    "| S `SQLSERVER_PASSWORD_FILE=secret` | sqlserver | refused: `SQLSERVER_PASSWORD and "
    "SQLSERVER_PASSWORD_FILE are both set (environment): keep one` |\n",
    "| `SQLSERVER_HOST=127.0.0.1` `SQLSERVER_USERNAME=sa` `SQLSERVER_PASSWORD_FILE=nowhere` | "
    "sqlserver | refused: `SQLSERVER_PASSWORD is not set` `SQLSERVER_PASSWORD_FILE: Can't open "
    "nowhere: No such file or directory` |\n",
    "| `SQLSERVER_HOST=127.0.0.1` `SQLSERVER_USERNAME=sa` `SQLSERVER_PASSWORD_FILE=empty` | "
    "sqlserver | refused: `SQLSERVER_PASSWORD is not set` `SQLSERVER_PASSWORD_FILE: empty is "
    "empty` |\n",
    "| `ENVIRONMENT=production` `SQLSERVER_HOST=127.0.0.1` `SQLSERVER_USERNAME=sa` "
    "`SQLSERVER_PASSWORD=pw-of-sa` `DATABRICKS_PROFILE=sample` `DATABRICKS_CONFIG_FILE=profiles` | "
    "both | refused: `Strict mode refuses the profile sample: its token is a placeholder, not a "
    "value` |\n",
    "| `.env: DATABRICKS_HOST=https://a.invalid` `DATABRICKS_SERVER_HOSTNAME=https://b.invalid` | "
    "none | counts: `DATABRICKS_HOST = https://b.invalid (environment)` |\n",
    "| `.env: DATABRICKS_SERVER_HOSTNAME=https://a.invalid` `DATABRICKS_HOST=https://b.invalid` | "
    "none | counts: `DATABRICKS_HOST = https://b.invalid (environment)` |\n",
    "| `.env: SQLSERVER_PASSWORD_FILE=secret` `SQLSERVER_PASSWORD=pw-of-sa` | none | counts: "
    "`SQLSERVER_PASSWORD = ******** (environment)` |\n",
    "| `.env: SQLSERVER_PASSWORD=pw-of-sa` `SQLSERVER_PASSWORD_FILE=secret` | none | counts: "
    "`SQLSERVER_PASSWORD = ******** (file secret)` |\n",
    "| `.env: SQLSERVER_HOST=db` `SQLSERVER_HOST=` | none | counts: `SQLSERVER_HOST =  (default)` "
    "|\n",
    "| `DATABRICKS_HTTP_PATH=/sql/1.0/warehouses/abc` | none | counts: `DATABRICKS_WAREHOUSE_ID = "
    "abc (environment)` |\n",
    "| nothing | serve | sandbox: SQL Server and Databricks |\n",
    "| S | serve | as configured |\n",
    "| D `DATABRICKS_WAREHOUSE_ID=abc` | serve | as configured |\n",
    "| S D `DATABRICKS_WAREHOUSE_ID=abc` | serve | as configured |\n",
    "| S D `DATABRICKS_HTTP_PATH=/sql/1.0/warehouses/abc` | serve | as configured |\n",
    "| S D | serve | as configured, warning: `DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH) is "
    "not set` |\n",
    "| S D `POLLER_ENABLED=false` | serve | as configured |\n",
    "| S `USE_DATABRICKS=false` | serve | sandbox: Databricks |\n",
    "| S `--sandbox databricks` | serve | sandbox: Databricks |\n",
    "| `SQLSERVER_HOST=db` | serve | refused: `SQLSERVER_USERNAME is not set` `SQLSERVER_PASSWORD "
    "is not set` |\n",
    "| S `AUTH_ENABLED=false` | serve | as configured |\n",
    "| `ENVIRONMENT=production` S D `DATABRICKS_WAREHOUSE_ID=abc` | serve | as configured |\n",
    "| `ENVIRONMENT=production` S D | serve | refused: `DATABRICKS_WAREHOUSE_ID (or "
    "DATABRICKS_HTTP_PATH) is not set` |\n",
    "| `ENVIRONMENT=production` S D `POLLER_ENABLED=false` | serve | as configured |\n",
    "| `ENVIRONMENT=production` S D `DATABRICKS_WAREHOUSE_ID=abc` `AUTH_ENABLED=false` | serve | "
    "refused: `AUTH_ENABLED (environment) is false; strict mode doesn't serve everybody` "
    "|\n",
    "| `ENVIRONMENT=production` S | serve | refused: `DATABRICKS_HOST is not set` "
    "`DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
    "DATABRICKS_PROFILE) is not set` `DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH) is not "
    "set` |\n",
    "| `USE_DATABRICKS=true` S | serve | refused: `DATABRICKS_HOST is not set` `DATABRICKS_TOKEN "
    "(or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_PROFILE) is not set` "
    "`DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH) is not set` |\n",
    "| `ENVIRONMENT=production` D `DATABRICKS_WAREHOUSE_ID=abc` | serve | refused: `SQLSERVER_HOST "
    "is not set` `SQLSERVER_USERNAME is not set` `SQLSERVER_PASSWORD is not set` |\n",
    "| `ENVIRONMENT=production` S `POLLER_ENABLED=false` | serve | as configured |\n",
    "| `ENVIRONMENT=production` D `POLLER_ENABLED=false` | serve | as configured |\n",
    "| `USE_DATABRICKS=true` S `POLLER_ENABLED=false` | serve | refused: `DATABRICKS_HOST is not "
    "set` `DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
    "DATABRICKS_PROFILE) is not set` |\n",
    "| `ENVIRONMENT=production` `POLLER_ENABLED=false` | serve | refused: `SQLSERVER_HOST is not "
    "set` `SQLSERVER_USERNAME is not set` `SQLSERVER_PASSWORD is not set` `DATABRICKS_HOST is not "
    "set` `DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
    "DATABRICKS_PROFILE) is not set` |\n",
    "| `ENVIRONMENT=production` S `DATABRICKS_PROFILE=DEFAULT` `DATABRICKS_CONFIG_FILE=profiles` | "
    "serve | refused: `DATABRICKS_WAREHOUSE_ID (or DATABRICKS_HTTP_PATH) is not set, and the "
    "profile DEFAULT has no warehouse_id` |\n",
    "| `ENVIRONMENT=production` S `DATABRICKS_PROFILE=whole` `DATABRICKS_CONFIG_FILE=profiles` | "
    "serve | as configured |\n"};

br_status settings_document_cases(br_buf *out, br_error *err) {
  br_status st = br_buf_text(out, head, err);
  for (size_t i = 0; st == BR_OK && i < sizeof cases / sizeof cases[0]; i++) {
    st = br_buf_text(out, cases[i], err);
  }
  return st;
}
