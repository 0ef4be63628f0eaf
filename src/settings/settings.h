/*
 * settings.h: what the operator configured: environment first, then .env in the working directory,
 * then defaults. One table (settings_table.c) describes every setting: name, kind, default, secret
 * or not, sentence for the documentation.
 *
 *   settings_load(&load_options, &settings, err)
 *   settings_get(settings, SETTING_SQLSERVER_HOST)     text, never NULL
 *   settings_problems(settings, …)                     all problems at once, for strict mode
 */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"

/* The list of settings: X(identifier). The table in settings_table.c has a row for each, in this
 * order. */
#define SETTINGS_LIST(X)                                                                           \
  X(ENVIRONMENT)                                                                                   \
  X(DEBUG)                                                                                         \
  X(LOG_LEVEL)                                                                                     \
  X(LOG_FORMAT)                                                                                    \
  X(POLLER_ENABLED)                                                                                \
  X(POLLING_INTERVAL_SECONDS)                                                                      \
  X(MAX_EVENTS_PER_POLL)                                                                           \
  X(AUTH_ENABLED)                                                                                  \
  X(PERMISSIONS_FILE)                                                                              \
  X(PERMISSIONS_HOT_RELOAD)                                                                        \
  X(AUDIT_FILE)                                                                                    \
  X(AUDIT_LOGIN_SECONDS)                                                                           \
  X(EVENTS_TABLE)                                                                                  \
  X(BRIDGE_DATA_DIR)                                                                               \
  X(BRIDGE_ALLOWED_PATHS)                                                                          \
  X(TRUSTED_PROXIES)                                                                               \
  X(CORS_ALLOWED_ORIGINS)                                                                          \
  X(HTTP_CONNECTIONS)                                                                              \
  X(HTTP_CONNECTIONS_PER_ADDRESS)                                                                  \
  X(HTTP_REQUESTS_PER_MINUTE)                                                                      \
  X(HTTP_IDLE_SECONDS)                                                                             \
  X(METRICS_AUTH)                                                                                  \
  X(JOBS_WORKERS)                                                                                  \
  X(JOBS_PER_SERVER)                                                                               \
  X(JOBS_PARALLEL_QUERIES)                                                                         \
  X(JOBS_MEMORY_MIB)                                                                               \
  X(JOBS_RETENTION_DAYS)                                                                           \
  X(SYNC_PRIORITY_ORDER)                                                                           \
  X(SYNC_PARALLEL_TABLES)                                                                          \
  X(SYNC_BLOCKED_STATUS)                                                                           \
  X(SYNC_EMPTY_SOURCE)                                                                             \
  X(SYNC_EVENTS_PRINCIPAL)                                                                         \
  X(SYNC_MAX_DELETE_ROWS)                                                                          \
  X(SYNC_LOCK_TIMEOUT_SECONDS)                                                                     \
  X(SYNC_LEDGER_TABLE)                                                                             \
  X(SYNC_LEDGER_DAYS)                                                                              \
  X(SQLSERVER_HOST)                                                                                \
  X(SQLSERVER_PORT)                                                                                \
  X(SQLSERVER_DATABASE)                                                                            \
  X(SQLSERVER_USERNAME)                                                                            \
  X(SQLSERVER_PASSWORD)                                                                            \
  X(SQLSERVER_ENCRYPT)                                                                             \
  X(SQLSERVER_CA_FILE)                                                                             \
  X(SQLSERVER_TRUST_SERVER_CERTIFICATE)                                                            \
  X(SQLSERVER_CONNECT_TIMEOUT_SECONDS)                                                             \
  X(SQLSERVER_QUERY_TIMEOUT_SECONDS)                                                               \
  X(USE_DATABRICKS)                                                                                \
  X(DATABRICKS_HOST)                                                                               \
  X(DATABRICKS_SERVER_HOSTNAME)                                                                    \
  X(DATABRICKS_TOKEN)                                                                              \
  X(DATABRICKS_ACCESS_TOKEN)                                                                       \
  X(DATABRICKS_CLIENT_ID)                                                                          \
  X(DATABRICKS_CLIENT_SECRET)                                                                      \
  X(DATABRICKS_PROFILE)                                                                            \
  X(DATABRICKS_CONFIG_PROFILE)                                                                     \
  X(DATABRICKS_CONFIG_FILE)                                                                        \
  X(DATABRICKS_HTTP_PATH)                                                                          \
  X(DATABRICKS_WAREHOUSE_ID)                                                                       \
  X(DATABRICKS_CATALOG)                                                                            \
  X(DATABRICKS_SCHEMA)                                                                             \
  X(DATABRICKS_VOLUME)                                                                             \
  X(DATABRICKS_CA_FILE)

typedef enum setting {
#define SETTINGS_ENUM(name) SETTING_##name,
  SETTINGS_LIST(SETTINGS_ENUM)
#undef SETTINGS_ENUM
      SETTING_COUNT
} setting;

typedef struct settings settings;

typedef struct settings_load_options {
  const char *env_file;           /* NULL: ".env" in the working directory, which may be missing */
  const char *const *environment; /* "NAME=value"…, NULL-terminated; NULL: the process's own */
} settings_load_options;

/* Reads all sources. Wrong values (a port "abc") don't fail here: they are problems. Fails for an
 * unreadable or malformed .env (line named). A variable of the environment that is set to nothing
 * hides the one of .env. */
br_status settings_load(const settings_load_options *options, settings **ret_settings,
                        br_error *err) BR_CHECKED;
void settings_free(settings *s); /* NULL is fine */

/* Values. An alias (DATABRICKS_SERVER_HOSTNAME) is read through the setting that it stands for. */
const char *settings_get(const settings *s, setting which); /* "" = not set; not for secrets */
const br_secret *settings_secret(const settings *s, setting which); /* NULL = not set */
/* Reads the files again that secrets came from (NAME_FILE). A secret whose file has changed gets
 * the new text wherever it is in use; one that can't be read, is empty or broken stays as it was.
 * report (may be NULL) is told of each: problem NULL = replaced; the same problem once. One thread
 * at a time; others may read the settings meanwhile. */
void settings_refresh_secrets(settings *s,
                              void (*report)(void *context, const char *name, const char *problem),
                              void *context);
bool settings_is_set(const settings *s, setting which);
uint64_t settings_u64(const settings *s, setting which);
bool settings_bool(const settings *s, setting which);
/* "environment", ".env:3", "file /run/secrets/x", "default", "profile DEFAULT". */
const char *settings_origin(const settings *s, setting which);
const char *settings_name(setting which);
bool settings_is_secret(setting which);
/* NULL: no alias. */
const char *settings_alias_of(setting which);
bool settings_strict(const settings *s);

/* Gives a value to a setting that has none so far (from a profile); others stay as they are. */
br_status settings_put(settings *s, setting which, const char *value, const char *origin,
                       br_error *err) BR_CHECKED;

/* Which sides a command needs, and what stands in (docs: "sandbox"). */
typedef enum settings_side {
  SETTINGS_SQLSERVER = 1,
  SETTINGS_DATABRICKS = 2,
  SETTINGS_BOTH = SETTINGS_SQLSERVER | SETTINGS_DATABRICKS,
  SETTINGS_SERVICE = 4, /* no side: the command is the service, whose own needs are judged too */
} settings_side;
/* The sides of which anything at all is configured (bits). */
unsigned settings_configured_sides(const settings *s);
/* Which sides the sandbox takes: asked = the value of --sandbox (0 = not given). BR_ERR_USAGE where
 * a needed side is not configured and nothing allows the sandbox: the message names what is
 * missing. All problems of strict mode are listed at once. */
br_status settings_resolve_sandbox(const settings *s, unsigned needed_sides, unsigned asked,
                                   unsigned *ret_sandbox_sides, br_error *err) BR_CHECKED;

/* Every problem found (wrong values, unknown names with the nearest known one, placeholders,
 * missing secrets), a line each, errors first; strict mode refuses to start with any, otherwise
 * unknown names and placeholders are warnings. */
br_status settings_problems(const settings *s, unsigned needs, br_buf *out, size_t *ret_errors,
                            size_t *ret_warnings, br_error *err) BR_CHECKED;

/* "your-token", "changeme", "<token>"…: what samples put where a value belongs. */
bool settings_is_placeholder(const char *text, bool secret);

/* docs/SETTINGS.md, made from the table. */
br_status settings_document(br_buf *out, br_error *err) BR_CHECKED;

#endif
