/* Every setting, in the order of SETTINGS_LIST. */
#include "settings/table.h"

#define BOOL(text) .kind = SETTING_KIND_BOOL, .initial = (text)
#define NUMBER(text, least, most)                                                                  \
  .kind = SETTING_KIND_NUMBER, .initial = (text), .minimum = (least), .maximum = (most)
#define CHOICE(text, words) .kind = SETTING_KIND_CHOICE, .initial = (text), .choices = (words)
#define TEXT(text)          .kind = SETTING_KIND_TEXT, .initial = (text)
#define URL                 .kind = SETTING_KIND_URL
#define SECRET              .kind = SETTING_KIND_TEXT, .secret = true

#define SERVICE    .group = SETTING_GROUP_SERVICE
#define SYNC       .group = SETTING_GROUP_SYNC
#define SQLSERVER  .group = SETTING_GROUP_SQLSERVER
#define DATABRICKS .group = SETTING_GROUP_DATABRICKS

#define ROW(id) [SETTING_##id] = {.name = #id,

const setting_row settings_table[SETTING_COUNT] =
    {
        /* clang-format off */
    ROW(ENVIRONMENT) SERVICE, CHOICE("development", "development|staging|production"),
     .help = "Where this runs; `production` is strict mode."},
    ROW(DEBUG) SERVICE, BOOL("false"),
     .help = "More detail in errors of the service."},
    ROW(LOG_LEVEL) SERVICE, CHOICE("INFO", "DEBUG|INFO|WARNING|ERROR"),
     .help = "The least level that is logged."},
    ROW(LOG_FORMAT) SERVICE, CHOICE("text", "text|json"),
     .help = "How a line of the log looks."},
    ROW(POLLER_ENABLED) SERVICE, BOOL("true"),
     .help = "Whether `serve` looks for events; without it a sleeping warehouse stays asleep."},
    ROW(POLLING_INTERVAL_SECONDS) SERVICE, NUMBER("10", 1, 86400),
     .help = "How long the poller waits between looks at the events table."},
    ROW(MAX_EVENTS_PER_POLL) SERVICE, NUMBER("100", 1, 10000),
     .help = "How many events the poller takes at a time."},
    ROW(AUTH_ENABLED) SERVICE, BOOL("true"),
     .help = "Whether the REST API asks for a token."},
    ROW(PERMISSIONS_FILE) SERVICE, TEXT("config/permissions.yaml"),
     .help = "Who may do what over HTTP."},
    ROW(PERMISSIONS_HOT_RELOAD) SERVICE, BOOL("true"),
     .help = "Whether a changed permissions file is read without a restart."},
    ROW(AUDIT_FILE) SERVICE, TEXT(NULL),
     .help = "The file of audit lines; `-` is stdout. Not set: `audit.jsonl` in `BRIDGE_DATA_DIR`."},
    ROW(AUDIT_LOGIN_SECONDS) SERVICE, NUMBER("900", 0, 86400),
     .help = "How often a user's successful logins from one address are audited at most; 0: each request, failed ones too."},
    ROW(EVENTS_TABLE) SERVICE, TEXT("bridge.events.bridge_events"),
     .help = "The Delta table that holds the events."},
    ROW(BRIDGE_DATA_DIR) SERVICE, TEXT("bridge-data"),
     .help = "The folder of jobs, spooled files and the sandbox."},
    ROW(BRIDGE_ALLOWED_PATHS) SERVICE, TEXT("."),
     .help = "Folders that HTTP requests may name, separated by `:`."},
    ROW(TRUSTED_PROXIES) SERVICE, TEXT(NULL),
     .help = "Addresses of proxies whose `X-Forwarded-For` is believed, separated by `,`."},
    ROW(CORS_ALLOWED_ORIGINS) SERVICE, TEXT(NULL),
     .help = "Origins whose pages may ask from a browser (`https://app.example.com`), separated by `,`. Not set: none."},
    ROW(HTTP_CONNECTIONS) SERVICE, NUMBER("256", 1, 10000),
     .help = "How many connections the REST API serves at a time. One more takes the place of whom is waited for the longest."},
    ROW(HTTP_CONNECTIONS_PER_ADDRESS) SERVICE, NUMBER("0", 0, 10000),
     .help = "How many of them one address may have; 0: all. Behind a proxy all have the proxy's."},
    ROW(HTTP_REQUESTS_PER_MINUTE) SERVICE, NUMBER("0", 0, 1000000),
     .help = "How many requests a user, or an address without a token, may send a minute, a sixth of them at once; 0: no limit."},
    ROW(HTTP_IDLE_SECONDS) SERVICE, NUMBER("60", 1, 3600),
     .help = "How long a silent connection stays open, and the longest that a request may take to arrive."},
    ROW(METRICS_AUTH) SERVICE, BOOL("false"),
     .help = "Whether `/metrics` asks for a token too."},
    ROW(JOBS_WORKERS) SERVICE, NUMBER("2", 1, 64),
     .help = "How many extraction jobs run at a time."},
    ROW(JOBS_PER_SERVER) SERVICE, NUMBER("2", 0, 64),
     .help = "How many of them on one SQL Server; 0: no limit."},
    ROW(JOBS_PARALLEL_QUERIES) SERVICE, NUMBER("4", 1, 64),
     .help = "How many queries of a job run at a time."},
    ROW(JOBS_MEMORY_MIB) SERVICE, NUMBER("160", 16, 1048576),
     .help = "Buffers of all queries of one job together, in MiB; `JOBS_WORKERS` jobs have as much each."},
    ROW(JOBS_RETENTION_DAYS) SERVICE, NUMBER("30", 0, 36500),
     .help = "How many days jobs that have ended are kept; 0: for ever."},
    ROW(SYNC_PRIORITY_ORDER) SYNC, CHOICE("highest_first", "highest_first|lowest_first"),
     .help = "Which priority goes first."},
    ROW(SYNC_PARALLEL_TABLES) SYNC, NUMBER("1", 1, 64),
     .help = "How many target tables are worked on side by side."},
    ROW(SYNC_BLOCKED_STATUS) SYNC, CHOICE("blocked", "blocked|failed"),
     .help = "The status of an event that a limit stops."},
    ROW(SYNC_EMPTY_SOURCE) SYNC, CHOICE("failed", "failed|completed"),
     .help = "The status of an INSERT whose source has no rows."},
    ROW(SYNC_EVENTS_PRINCIPAL) SYNC, TEXT("databricks"),
     .help = "The user of the permissions file that events of the table act as."},
    ROW(SYNC_MAX_DELETE_ROWS) SYNC, NUMBER("10000", 0, UINT64_MAX),
     .help = "How many rows a DELETE may take where no permission says."},
    ROW(SYNC_LOCK_TIMEOUT_SECONDS) SYNC, NUMBER("30", 1, 3600),
     .help = "How long a statement waits for a lock before its event goes back to the queue."},
    ROW(SYNC_LEDGER_TABLE) SYNC, TEXT("dbo.bridge_ledger"),
     .help = "The SQL Server table that remembers which events were applied."},
    ROW(SYNC_LEDGER_DAYS) SYNC, NUMBER("90", 0, 36500),
     .help = "How many days it remembers them; 0: for ever."},
    ROW(SQLSERVER_HOST) SQLSERVER, TEXT(NULL),
     .help = "Name or address of the server."},
    ROW(SQLSERVER_PORT) SQLSERVER, NUMBER("1433", 1, 65535),
     .help = "Its TCP port."},
    ROW(SQLSERVER_DATABASE) SQLSERVER, TEXT(NULL),
     .help = "The database, where a country's parameters name none."},
    ROW(SQLSERVER_USERNAME) SQLSERVER, TEXT(NULL),
     .help = "The SQL login."},
    ROW(SQLSERVER_PASSWORD) SQLSERVER, SECRET,
     .help = "Its password."},
    ROW(SQLSERVER_ENCRYPT) SQLSERVER, CHOICE("mandatory", "optional|mandatory|strict"),
     .help = "`mandatory`: everything in TLS; `strict`: TDS 8.0; `optional`: at least the login, "
             "where the server can do TLS; where it can't, nothing, the password included, which a "
             "warning tells."},
    ROW(SQLSERVER_CA_FILE) SQLSERVER, TEXT(NULL),
     .help = "Certificates (PEM) that the server's is checked with, instead of the system's."},
    ROW(SQLSERVER_TRUST_SERVER_CERTIFICATE) SQLSERVER, BOOL("false"),
     .help = "Accepts any certificate; for tests only."},
    ROW(SQLSERVER_CONNECT_TIMEOUT_SECONDS) SQLSERVER, NUMBER("15", 1, 3600),
     .help = "The longest that name, TCP, TLS and login may take together."},
    ROW(SQLSERVER_QUERY_TIMEOUT_SECONDS) SQLSERVER, NUMBER("0", 0, 86400),
     .help = "The longest silence of the server during a query; 0 = no limit."},
    ROW(USE_DATABRICKS) DATABRICKS, .kind = SETTING_KIND_BOOL,
     .help = "`true`: strict mode; `false`: the sandbox stands in for Databricks."},
    ROW(DATABRICKS_HOST) DATABRICKS, URL,
     .help = "The workspace, `https://….cloud.databricks.com`."},
    ROW(DATABRICKS_SERVER_HOSTNAME) DATABRICKS, URL, .alias_of = "DATABRICKS_HOST",
     .help = "Another name of `DATABRICKS_HOST`."},
    ROW(DATABRICKS_TOKEN) DATABRICKS, SECRET,
     .help = "A personal access token."},
    ROW(DATABRICKS_ACCESS_TOKEN) DATABRICKS, SECRET, .alias_of = "DATABRICKS_TOKEN",
     .help = "Another name of `DATABRICKS_TOKEN`."},
    ROW(DATABRICKS_CLIENT_ID) DATABRICKS, TEXT(NULL),
     .help = "A service principal (OAuth machine-to-machine)."},
    ROW(DATABRICKS_CLIENT_SECRET) DATABRICKS, SECRET,
     .help = "Its secret."},
    ROW(DATABRICKS_PROFILE) DATABRICKS, TEXT(NULL),
     .help = "A profile of `~/.databrickscfg` that fills in what is not set. A service "
             "reads its secret again when it changes."},
    ROW(DATABRICKS_CONFIG_PROFILE) DATABRICKS, TEXT(NULL), .alias_of = "DATABRICKS_PROFILE",
     .help = "Another name of `DATABRICKS_PROFILE`."},
    ROW(DATABRICKS_CONFIG_FILE) DATABRICKS, TEXT(NULL),
     .help = "The file of profiles, instead of `~/.databrickscfg`."},
    ROW(DATABRICKS_HTTP_PATH) DATABRICKS, TEXT(NULL), .alias_of = "DATABRICKS_WAREHOUSE_ID",
     .help = "`/sql/1.0/warehouses/<id>`, instead of `DATABRICKS_WAREHOUSE_ID`."},
    ROW(DATABRICKS_WAREHOUSE_ID) DATABRICKS, TEXT(NULL),
     .help = "The SQL warehouse that runs statements."},
    ROW(DATABRICKS_CATALOG) DATABRICKS, TEXT(NULL),
     .help = "The default catalog."},
    ROW(DATABRICKS_SCHEMA) DATABRICKS, TEXT(NULL),
     .help = "The default schema."},
    ROW(DATABRICKS_VOLUME) DATABRICKS, TEXT(NULL),
     .help = "The volume for staged files."},
    ROW(DATABRICKS_CA_FILE) DATABRICKS, TEXT(NULL),
     .help = "Certificates (PEM) that the workspace's is checked with, instead of the system's."},
/* clang-format on */
}
;

unsigned settings_side_of(setting which) {
  if (which == SETTING_USE_DATABRICKS) {
    return 0; /* a switch, not part of the configuration of a side */
  }
  switch (settings_table[which].group) {
  case SETTING_GROUP_SQLSERVER:
    return SETTINGS_SQLSERVER;
  case SETTING_GROUP_DATABRICKS:
    return SETTINGS_DATABRICKS;
  default:
    return 0;
  }
}
