/* The shapes, as tables. */
#include "api/model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MODEL(id, n, text)                                                                         \
  const api_model api_model_##id = {n, text, id##_fields, COUNT(id##_fields)}

#define MUST     .flags = API_REQUIRED
#define MAY_NULL .flags = API_REQUIRED | API_NULLABLE
#define STATUSES "pending|running|completed|failed|cancelled"

static const api_field service_fields[] = {
    {"service", API_TEXT, MUST, .help = "The service's name"},
    {"version", API_TEXT, MUST, .help = "Its version"},
    {"environment", API_TEXT, MUST, .help = "ENVIRONMENT"},
    {"docs", API_TEXT, MUST, .help = "Where the API page is"},
    {"auth_enabled", API_BOOL, MUST, .help = "Requests need a token"},
};
MODEL(service, "Service", "What answers here");

static const api_field status_fields[] = {{"status", API_TEXT, MUST, .help = "ok or started"}};
MODEL(status, "Status", "A word");

static const api_field side_details_fields[] = {
    {"host", API_TEXT, MAY_NULL, .help = "Host of the side"},
    {"database", API_TEXT, .flags = API_NULLABLE, .help = "SQL Server: the database"},
    {"catalog", API_TEXT, .flags = API_NULLABLE, .help = "Databricks: the catalog"},
};
MODEL(side_details, "SideDetails", "Where a side is");

static const api_field component_fields[] = {
    {"status", API_TEXT, MUST, .words = "healthy|degraded|unhealthy|not_configured",
     .help = "State of the side"},
    {"message", API_TEXT, MAY_NULL, .help = "Why it is so"},
    {"details", API_MODEL, MUST, .model = &api_model_side_details, .help = "Where it is"},
    {"checked_at", API_TIME, MAY_NULL, .help = "When it was looked at last"},
};
MODEL(component, "Component", "A side, as last seen");

static const api_field components_fields[] = {
    {"sql_server", API_MODEL, MUST, .model = &api_model_component, .help = "SQL Server"},
    {"databricks", API_MODEL, MUST, .model = &api_model_component, .help = "Databricks"},
};
MODEL(components, "Components", "The sides");

static const api_field health_fields[] = {
    {"status", API_TEXT, MUST, .words = "healthy|degraded|unhealthy", .help = "State of all"},
    {"version", API_TEXT, MUST, .help = "The service's version"},
    {"environment", API_TEXT, MUST, .help = "ENVIRONMENT"},
    {"components", API_MODEL, MUST, .model = &api_model_components, .help = "The sides"},
};
MODEL(health, "Health", "Whether the service can do its work");

static const api_field extract_fields[] = {
    {"queries_path", API_TEXT, MUST, .minimum = 1, .maximum = 4095,
     .help = "Folder with the query files, inside BRIDGE_ALLOWED_PATHS"},
    {"config_path", API_TEXT, MUST, .minimum = 1, .maximum = 4095,
     .help = "Folder with the parameters, inside BRIDGE_ALLOWED_PATHS"},
    {"country", API_TEXT, MUST, .minimum = 1, .maximum = 128, .help = "Whose parameters"},
    {"destination", API_TEXT, MUST, .minimum = 1, .maximum = 4095,
     .help = "/Volumes/catalog/schema/volume[/…], or a folder inside BRIDGE_ALLOWED_PATHS"},
    {"queries", API_TEXTS, .flags = API_NULLABLE, .initial = "null", .help = "Names; null: all"},
    {"overwrite", API_BOOL, .flags = 0, .initial = "false", .help = "Replace an earlier result"},
    {"chunk_size", API_INTEGER, .flags = 0, .minimum = 0, .maximum = INT64_MAX, .initial = "0",
     .help = "Rows per file; 0: files of about 256 MiB"},
};
MODEL(extract, "ExtractRequest", "An extraction to run");

static const api_field extract_accepted_fields[] = {
    {"job_id", API_UUID, MUST, .help = "The job"},
    {"status", API_TEXT, MUST, .words = STATUSES, .help = "pending"},
    {"message", API_TEXT, MUST, .help = "In words"},
    {"queries_count", API_INTEGER, MUST, .help = "How many queries it has"},
};
MODEL(extract_accepted, "ExtractAccepted", "A job was made");

static const api_field job_result_fields[] = {
    {"query_name", API_TEXT, MUST, .help = "The query"},
    {"status", API_TEXT, MUST, .words = STATUSES, .help = "What became of it"},
    {"rows_extracted", API_INTEGER, MUST, .help = "Rows"},
    {"files_created", API_INTEGER, MUST, .help = "Files"},
    {"error", API_TEXT, MAY_NULL, .help = "Why it failed"},
    {"duration_seconds", API_NUMBER, MUST, .help = "How long it took"},
};
MODEL(job_result, "QueryResult", "What became of a query");

static const api_field job_progress_fields[] = {
    {"rows", API_INTEGER, MUST, .help = "Rows read so far"},
    {"bytes", API_INTEGER, MUST, .help = "Bytes of files written so far"},
    {"rows_per_second", API_NUMBER, MUST, .help = "Since this run began"},
    {"elapsed_seconds", API_NUMBER, MUST, .help = "Since this run began"},
    {"rows_expected", API_INTEGER, MAY_NULL,
     .help =
         "An estimate: as many as the same queries had last time; null where that is not known"},
    {"remaining_seconds", API_NUMBER, MAY_NULL,
     .help = "An estimate by the rate so far; null where rows_expected is"},
};
MODEL(job_progress, "JobProgress", "How far a running job is");

static const api_field job_fields[] = {
    {"job_id", API_UUID, MUST, .help = "The job"},
    {"status", API_TEXT, MUST, .words = STATUSES, .help = "Its state"},
    {"country", API_TEXT, MUST, .help = "Whose parameters"},
    {"destination", API_TEXT, MUST, .help = "Where results go"},
    {"created_at", API_TIME, MUST, .help = "When it was asked for"},
    {"started_at", API_TIME, MAY_NULL, .help = "When it began last"},
    {"completed_at", API_TIME, MAY_NULL, .help = "When it ended"},
    {"queries_total", API_INTEGER, MUST, .help = "Queries in all"},
    {"queries_completed", API_INTEGER, MUST, .help = "Queries completed"},
    {"queries_failed", API_INTEGER, MUST, .help = "Queries failed"},
    {"rows_extracted", API_INTEGER, MUST, .help = "Rows of the queries that have ended"},
    {"results", API_MODELS, MUST, .model = &api_model_job_result,
     .help = "What became of each query; empty in a list of jobs"},
    {"error", API_TEXT, MAY_NULL, .help = "Why the job failed"},
    {"user_name", API_TEXT, MAY_NULL, .help = "Who asked"},
    {"cancel_requested", API_BOOL, MUST, .help = "It was asked to stop"},
    {"progress", API_MODEL, MAY_NULL, .model = &api_model_job_progress,
     .help = "Of a job that runs here"},
};
MODEL(job, "Job", "An extraction and what became of it");

#define OPERATIONS     "INSERT|UPDATE|DELETE"
#define EVENT_STATUSES "pending|processing|completed|failed|blocked"

static const api_field new_event_fields[] = {
    {"event_id", API_TEXT, MUST, .minimum = 1, .maximum = 400, .help = "Unique"},
    {"operation", API_TEXT, MUST, .words = OPERATIONS, .help = "What is to be done"},
    {"source_table", API_TEXT, MUST, .minimum = 0, .maximum = 2048,
     .help = "Table of Databricks; empty for a DELETE by conditions"},
    {"target_table", API_TEXT, MUST, .minimum = 1, .maximum = 2048, .help = "Table of SQL Server"},
    {"primary_keys", API_TEXTS, .flags = API_NULLABLE, .initial = "[]",
     .help = "Columns; needed for UPDATE and DELETE"},
    {"priority", API_INTEGER, .flags = 0, .minimum = INT32_MIN, .maximum = INT32_MAX,
     .initial = "0", .help = "Place in the queue"},
    {"rows_expected", API_INTEGER, .flags = API_NULLABLE, .minimum = 0, .maximum = INT32_MAX,
     .initial = "null", .help = "How many rows should be affected"},
    {"filter_conditions", API_OBJECT, .flags = API_NULLABLE, .initial = "null",
     .help = "Conditions of a DELETE: column and value, null, or a list of values"},
    {"metadata", API_OBJECT, .flags = API_NULLABLE, .initial = "{}", .help = "Options and notes"},
};
MODEL(new_event, "NewEvent", "A change to be made on SQL Server");

static const api_field event_fields[] = {
    {"event_id", API_TEXT, MAY_NULL, .help = "Unique"},
    {"operation", API_TEXT, MAY_NULL, .help = "What is to be done"},
    {"source_table", API_TEXT, MAY_NULL, .help = "Table of Databricks"},
    {"target_table", API_TEXT, MAY_NULL, .help = "Table of SQL Server"},
    {"primary_keys", API_TEXTS, MUST, .help = "Columns"},
    {"priority", API_INTEGER, MUST, .help = "Place in the queue"},
    {"status", API_TEXT, MUST, .help = EVENT_STATUSES},
    {"rows_expected", API_INTEGER, MAY_NULL, .help = "How many rows should be affected"},
    {"rows_affected", API_INTEGER, MAY_NULL, .help = "How many were"},
    {"discrepancy", API_INTEGER, MAY_NULL, .help = "Expected less affected"},
    {"warning", API_TEXT, MAY_NULL, .help = "What should be looked at"},
    {"error_message", API_TEXT, MAY_NULL, .help = "Why it failed or was blocked"},
    {"filter_conditions", API_OBJECT, MAY_NULL, .help = "Conditions of a DELETE"},
    {"metadata", API_OBJECT, MUST, .help = "Options and notes"},
    {"created_at", API_TIME, MAY_NULL, .help = "When it was written"},
    {"processed_at", API_TIME, MAY_NULL, .help = "When it ended"},
};
MODEL(event, "Event", "A row of the events table");

static const api_field stats_fields[] = {
    {"total", API_INTEGER, MUST, .help = "Events in all"},
    {"by_status", API_COUNTS, MUST, .help = "How many of each status"},
    {"by_operation", API_COUNTS, MUST, .help = "How many of each operation"},
};
MODEL(stats, "EventStats", "How many events there are");

static const api_field poller_fields[] = {
    {"enabled", API_BOOL, MUST, .help = "POLLER_ENABLED, and both sides are there"},
    {"running", API_BOOL, MUST, .help = "It looks for events"},
    {"standby", API_BOOL, MUST, .help = "Other processes do the work"},
    {"events_table", API_TEXT, MUST, .help = "EVENTS_TABLE"},
    {"poll_interval_seconds", API_INTEGER, MUST, .help = "POLLING_INTERVAL_SECONDS"},
    {"max_events_per_poll", API_INTEGER, MUST, .help = "MAX_EVENTS_PER_POLL"},
    {"polls", API_INTEGER, MUST, .help = "Looks so far"},
    {"events_completed", API_INTEGER, MUST, .help = "By this process"},
    {"events_failed", API_INTEGER, MUST, .help = "By this process"},
    {"events_blocked", API_INTEGER, MUST, .help = "By this process"},
    {"waiting", API_INTEGER, MUST, .help = "Events read and not begun"},
    {"active", API_INTEGER, MUST, .help = "Events being carried out"},
    {"last_poll_at", API_TIME, MAY_NULL, .help = "The last look"},
    {"last_error", API_TEXT, MAY_NULL, .help = "What keeps it from working"},
};
MODEL(poller, "PollerStatus", "The poller");

static const api_field triggered_fields[] = {
    {"success", API_BOOL, MUST, .help = "The poller looked"},
    {"events_processed", API_INTEGER, MUST, .help = "How many events ended meanwhile"},
    {"finished", API_BOOL, MUST, .help = "All that were there; false: the poller works on"},
};
MODEL(triggered, "PollerTriggered", "A look at the events table");

static const api_field permission_fields[] = {
    {"table", API_TEXT, MUST, .help = "A table, schema.* or *"},
    {"access", API_TEXT, MUST, .words = "read|write|read_write", .help = "What is allowed on it"},
    {"max_delete_rows", API_INTEGER, MAY_NULL, .help = "The most rows that one DELETE may take"},
};
MODEL(permission, "Permission", "A rule of the permissions file");

static const api_field me_fields[] = {
    {"name", API_TEXT, MAY_NULL, .help = "The user; null where authentication is off"},
    {"auth_enabled", API_BOOL, MUST, .help = "AUTH_ENABLED; false: everybody may do everything"},
    {"reads_all", API_BOOL, MUST, .help = "read on *: sees the jobs of all users"},
    {"administers", API_BOOL, MUST, .help = "read_write on *: cancels all jobs, sees the audit"},
    {"max_delete_rows", API_INTEGER, MUST,
     .help = "SYNC_MAX_DELETE_ROWS: holds where a rule has no limit of its own"},
    {"permissions", API_MODELS, MUST, .model = &api_model_permission,
     .help = "The rules; the most specific one decides"},
};
MODEL(me, "Me", "Who asks, and what he may");

static const api_field audit_record_fields[] = {
    {"timestamp", API_TIME, MUST, .help = "When"},
    {"event_type", API_TEXT, MUST, .help = "auth_success, permission_denied, sync_completed…"},
    {"user_name", API_TEXT, MAY_NULL, .help = "Who"},
    {"source_ip", API_TEXT, MAY_NULL, .help = "From where"},
    {"resource", API_TEXT, MAY_NULL, .help = "What it was about"},
    {"action", API_TEXT, MAY_NULL, .help = "What was asked"},
    {"status", API_TEXT, MAY_NULL, .help = "How it ended"},
    {"details", API_OBJECT, MUST, .help = "Texts and numbers"},
};
MODEL(audit_record, "AuditRecord", "A line of the audit");

static const api_field error_fields[] = {{"detail", API_TEXT, MUST, .help = "What is wrong"}};
MODEL(error, "Error", "A request that failed");

static const api_field problem_fields[] = {
    {"loc", API_TEXTS, MUST, .help = "Where: body or query, and the name"},
    {"msg", API_TEXT, MUST, .help = "What is wrong"},
    {"type", API_TEXT, MUST, .help = "The kind of problem"},
};
MODEL(problem, "Problem", "Something wrong with a request");

static const api_field problems_fields[] = {
    {"detail", API_MODELS, MUST, .model = &api_model_problem, .help = "All problems"},
};
MODEL(problems, "ValidationError", "A request that doesn't fit its shape");

const api_model *const api_models[] = {
    &api_model_service,
    &api_model_status,
    &api_model_side_details,
    &api_model_component,
    &api_model_components,
    &api_model_health,
    &api_model_extract,
    &api_model_extract_accepted,
    &api_model_job_result,
    &api_model_job_progress,
    &api_model_job,
    &api_model_new_event,
    &api_model_event,
    &api_model_stats,
    &api_model_poller,
    &api_model_triggered,
    &api_model_error,
    &api_model_problem,
    &api_model_problems,
    &api_model_permission,
    &api_model_me,
    &api_model_audit_record,
    NULL,
};
