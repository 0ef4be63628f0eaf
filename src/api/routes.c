#include "api/routes.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define QUERY(fields) .query = fields, .query_count = COUNT(fields)

#define LIMIT                                                                                      \
  {                                                                                                \
    .name = "limit", .kind = API_INTEGER, .minimum = 1, .maximum = 1000, .initial = "100",         \
    .help = "At most so many"                                                                      \
  }
#define OFFSET                                                                                     \
  {                                                                                                \
    .name = "offset", .kind = API_INTEGER, .minimum = 0, .maximum = INT64_MAX, .initial = "0",     \
    .help = "Steps over so many"                                                                   \
  }

static const api_field job_filters[] = {
    {.name = "status_filter",
     .kind = API_TEXT,
     .words = "pending|running|completed|failed|cancelled",
     .help = "Only jobs in this state"},
    LIMIT,
    OFFSET,
};
static const api_field event_filters[] = {
    {.name = "status_filter",
     .kind = API_TEXT,
     .words = "pending|processing|completed|failed|blocked",
     .help = "Only events in this state"},
    {.name = "operation_filter",
     .kind = API_TEXT,
     .words = "INSERT|UPDATE|DELETE",
     .help = "Only events of this operation"},
    LIMIT,
    OFFSET,
};
static const api_field event_options[] = {
    {.name = "process_immediately",
     .kind = API_BOOL,
     .initial = "false",
     .help = "Let the poller look at once"},
};

static const api_field trigger_options[] = {
    {.name = "wait_seconds",
     .kind = API_INTEGER,
     .minimum = 1,
     .maximum = 30,
     .initial = "30",
     .help = "How long to wait for the events that are there"},
};

static const api_field audit_filters[] = {
    {.name = "logins",
     .kind = API_BOOL,
     .initial = "true",
     .help = "Also the successful logins (auth_success)"},
    LIMIT,
};

#define ANY_TOKEN   "any token"
#define OK(m, text) .answers = {{.status = 200, .model = &api_model_##m, .help = (text)}}
#define LIST(m, text)                                                                              \
  .answers = {{.status = 200, .model = &api_model_##m, .list = true, .help = (text)}}
#define TEXT_OF(content, text) .answers = {{.status = 200, .type = (content), .help = (text)}}
#define GONE(text)             .answers = {{.status = 204, .help = (text)}}
#define HEALTH(m, good, bad)                                                                       \
  .answers = {{.status = 200, .model = &api_model_##m, .help = (good)},                            \
              {.status = 503, .model = &api_model_##m, .help = (bad)}}

/* clang-format off */
const api_route api_routes[] = {
    {HTTP_GET, "/", "root", "service", "What answers here", NULL, api_get_root, OK(service, "The service")},
    {HTTP_GET, "/health/live", "live", "health", "The process serves requests", NULL, api_get_live,
     OK(status, "It does")},
    {HTTP_GET, "/health/startup", "startup", "health", "The service has started", NULL, api_get_startup,
     HEALTH(status, "It has", "Not yet")},
    {HTTP_GET, "/health/ready", "ready", "health", "Both sides can be reached, as last seen", NULL, api_get_ready,
     HEALTH(health, "Healthy", "Degraded, unhealthy, or about to end")},
    {HTTP_POST, "/extract", "start_extraction", "jobs", "Starts an extraction",
     "read on the tables that each query names in `-- reads: …`, on * where it names none", api_post_extract,
     .new_work = true, .body = &api_model_extract,
     .answers = {{.status = 202, .model = &api_model_extract_accepted, .help = "A job was made, or the one of the same Idempotency-Key found"}},
     .errors = {400, 403, 404, 409, 503}},
    {HTTP_GET, "/jobs", "list_jobs", "jobs", "Lists jobs, the newest first",
     "any token: the caller's own jobs; read on *: all", api_get_jobs, QUERY(job_filters), LIST(job, "Jobs")},
    {HTTP_GET, "/jobs/{job_id}", "get_job", "jobs", "Shows a job", "who made it, or read on *", api_get_job,
     OK(job, "The job"), .errors = {404}},
    {HTTP_GET, "/jobs/{job_id}/results/{query_name}/manifest", "get_job_manifest", "jobs",
     "Shows the manifest that stands in the result folder of a job's query now", "who made the job, or read on *",
     api_get_job_manifest, .waits = true, TEXT_OF("application/json", "The manifest: files, rows, checksums, columns, origin"),
     .errors = {403, 404, 503}},
    {HTTP_DELETE, "/jobs/{job_id}", "cancel_job", "jobs", "Cancels a job; its query stops on SQL Server",
     "who made it, or read_write on *", api_delete_job, GONE("It was cancelled, or asked to stop"),
     .errors = {400, 403, 404, 503}},
    {HTTP_POST, "/sync/events", "create_event", "events", "Puts an event into the queue", "write on the target table",
     api_post_event, .waits = true, .new_work = true, .body = &api_model_new_event, QUERY(event_options),
     .answers = {{.status = 202, .model = &api_model_event, .help = "The event waits"}}, .errors = {400, 403, 409, 503}},
    {HTTP_GET, "/sync/events", "list_events", "events", "Lists events, the newest first",
     "any token: events of tables that the caller may read or write", api_get_events, .waits = true, QUERY(event_filters),
     LIST(event, "Events"), .errors = {503}},
    {HTTP_GET, "/sync/events/{event_id}", "get_event", "events", "Shows an event",
     "read or write on its target table", api_get_event, .waits = true, OK(event, "The event"), .errors = {404, 503}},
    {HTTP_POST, "/sync/events/{event_id}/retry", "retry_event", "events", "Puts a failed or blocked event back",
     "write on its target table", api_retry_event, .waits = true, .new_work = true, OK(event, "The event waits again"),
     .errors = {400, 403, 404, 503}},
    {HTTP_DELETE, "/sync/events/{event_id}", "delete_event", "events", "Takes a pending event away",
     "write on its target table", api_delete_event, .waits = true, GONE("It is gone"), .errors = {400, 403, 404, 409, 503}},
    {HTTP_GET, "/sync/stats", "event_stats", "events", "Counts events",
     "any token: events of tables that the caller may read or write", api_get_stats, .waits = true, OK(stats, "Counts"),
     .errors = {503}},
    {HTTP_GET, "/sync/poller/status", "poller_status", "poller", "Says what the poller does", ANY_TOKEN,
     api_get_poller, OK(poller, "Its state")},
    {HTTP_POST, "/sync/poller/trigger", "trigger_poller", "poller",
     "Looks at the events table now and waits, for a while, until what is there has ended", "write on any table",
     api_trigger_poller, .waits = true, .new_work = true, QUERY(trigger_options), OK(triggered, "The look has ended, or goes on without the request"), .errors = {403, 503}},
    {HTTP_GET, "/me", "who_am_i", "access", "The token's user and rights", ANY_TOKEN, api_get_me, OK(me, "The user")},
    {HTTP_GET, "/audit", "audit_tail", "access", "The last lines of the audit file, the newest first", "read_write on *",
     api_get_audit, QUERY(audit_filters), LIST(audit_record, "Lines"), .errors = {403, 404, 503}},
    {HTTP_GET, "/docs", "docs", "service", "This page", NULL, api_get_docs, TEXT_OF("text/html", "A page"), .hidden = true},
    {HTTP_GET, "/openapi.json", "openapi", "service", "This API as OpenAPI 3.1", NULL, api_get_openapi,
     TEXT_OF("application/json", "A document"), .hidden = true},
    {HTTP_GET, "/metrics", "metrics", "service", "Metrics as Prometheus reads them", NULL, api_get_metrics,
     TEXT_OF("text/plain", "Metrics")},
    {HTTP_GET, "/ui", "ui", "service", "The dashboard", NULL, api_get_ui, TEXT_OF("text/html", "A page"), .hidden = true},
    {HTTP_GET, "/ui/{file}", "ui_file", "service", "The dashboard's files", NULL, api_get_ui_file,
     TEXT_OF("text/javascript", "A file"), .hidden = true},
};
/* clang-format on */
const size_t api_route_count = COUNT(api_routes);
