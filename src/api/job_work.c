#include "api/job_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/paths.h"
#include "api/reads.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "databricks/json.h"
#include "extract/spool.h"

/* ---- what the store holds ---- */

void api_job_options_done(api_job_options *options) {
  br_free(options->queries_path);
  br_free(options->config_path);
  br_free(options->source_ip);
  *options = (api_job_options){.queries_path = NULL};
}

br_status api_job_options_text(const api_job_options *options, char **ret_text, br_error *err) {
  br_buf text;
  json_t *object =
      json_pack("{s:s, s:s, s:s, s:b, s:I}", "queries_path", options->queries_path, "config_path",
                options->config_path, "source_ip", options->source_ip, "overwrite",
                options->overwrite, "chunk_rows", (json_int_t)options->chunk_rows);
  if (object == NULL) {
    return br_error_nomem(err);
  }
  br_buf_init(&text, BR_KIB(64));
  br_status st = dbx_json_write(object, &text, err);
  json_decref(object);
  char *taken = st == BR_OK ? br_buf_take(&text, NULL) : NULL;
  br_buf_done(&text);
  if (taken == NULL) {
    return st == BR_OK ? br_error_nomem(err) : st;
  }
  *ret_text = taken;
  return BR_OK;
}

br_status api_job_options_parse(const char *text, api_job_options *ret_options, br_error *err) {
  json_t *object = NULL;
  br_status st = dbx_json_load(text, strlen(text), &object, err);
  if (st != BR_OK) {
    return st;
  }
  const char *queries = dbx_json_text(object, "queries_path");
  const char *config = dbx_json_text(object, "config_path");
  const char *source = dbx_json_text(object, "source_ip");
  api_job_options options = {.overwrite = json_is_true(json_object_get(object, "overwrite"))};
  (void)dbx_json_u64(object, "chunk_rows", &options.chunk_rows);
  options.queries_path = br_strdup(queries == NULL ? "" : queries);
  options.config_path = br_strdup(config == NULL ? "" : config);
  options.source_ip = br_strdup(source == NULL ? "" : source);
  json_decref(object);
  if (options.queries_path == NULL || options.config_path == NULL || options.source_ip == NULL) {
    api_job_options_done(&options);
    return br_error_nomem(err);
  }
  *ret_options = options;
  return BR_OK;
}

/* ---- rights ---- */

static br_status audit_right(api *service, const api_caller *caller, const char *source_ip,
                             const char *query, const char *denied, br_error *err) {
  const auth_audit_detail details[] = {{.name = "table", .text = denied}};
  const auth_audit_record record = {
      .event = denied == NULL ? AUTH_AUDIT_PERMISSION_GRANTED : AUTH_AUDIT_PERMISSION_DENIED,
      .user_name = api_caller_name(caller),
      .source_ip = source_ip,
      .resource = query,
      .action = "extract",
      .status = denied == NULL ? "success" : "denied",
      .details = details,
      .detail_count = denied == NULL ? 0 : 1,
  };
  return api_access_audit(service->access, &record, err);
}

br_status api_job_check_rights(api *service, const api_caller *caller, const char *source_ip,
                               const extract_prepared *prepared, br_error *err) {
  const char *own = settings_get(service->config, SETTING_SQLSERVER_DATABASE);
  const char *database = prepared->database != NULL ? prepared->database
                         : own[0] == '\0'           ? NULL
                                                    : own;
  for (size_t i = 0; i < prepared->count; i++) {
    char denied[1024];
    const extract_query *query = &prepared->queries[i];
    const bool may = api_reads_allowed(caller, query->sql, database, denied, sizeof denied);
    br_status st = audit_right(service, caller, source_ip, query->name, may ? NULL : denied, err);
    if (st != BR_OK) {
      return st;
    }
    if (!may) {
      return br_error_set(err, BR_ERR_AUTH,
                          strcmp(denied, "*") == 0
                              ? "Query '%.200s' does not say what it reads (-- reads: "
                                "schema.table, …), so it needs the right to read %s"
                              : "Query '%.200s' reads %.500s, which the token may not",
                          query->name, denied);
    }
  }
  return BR_OK;
}

/* ---- running ---- */

typedef struct work {
  api *service;
  job_run *run;
  const job *job;
  api_job_options options;
  br_file_guard guard; /* against links below the folders that were allowed */
  extract_prepared prepared;
  size_t *positions; /* of prepared.queries, in the job */
  bool *begun, *ended;
  uint64_t *estimates; /* rows of the queries' last runs; UINT64_MAX = not known */
  br_error problem;    /* the store's, the first one */
} work;

/* source_ip NULL: not known. */
static br_status audit_job(const api *service, const job *j, const char *source_ip,
                           auth_audit_event event, const char *status, const char *error,
                           br_error *err) {
  const auth_audit_detail details[] = {
      {.name = "job_id", .text = j->id},
      {.name = "country", .text = j->country},
      {.name = "queries", .number = (int64_t)j->queries_total},
      {.name = "error", .text = error},
  };
  const auth_audit_record record = {
      .event = event,
      .user_name = j->user_name,
      .source_ip = source_ip,
      .resource = j->destination,
      .action = "extract",
      .status = status,
      .details = details,
      .detail_count = error == NULL ? 3 : 4,
  };
  return api_access_audit(service->access, &record, err);
}

static job_status job_status_of_query(extract_state state) {
  switch (state) {
  case EXTRACT_COMPLETED:
  case EXTRACT_SKIPPED:
    return JOB_COMPLETED;
  case EXTRACT_CANCELLED:
    return JOB_CANCELLED;
  default:
    return JOB_FAILED;
  }
}

static void finish_query(work *w, size_t index, const extract_query *query) {
  const extract_state state = (extract_state)atomic_load(&query->state);
  const bool told = state == EXTRACT_FAILED || state == EXTRACT_CANCELLED;
  const job_query_result result = {.status = job_status_of_query(state),
                                   .rows_extracted = told ? 0 : query->rows,
                                   .files_created = told ? 0 : query->files.count,
                                   .duration_ms = query->duration_ms,
                                   .error = told ? query->error.message : NULL};
  br_error err = BR_ERROR_INIT;
  if (job_run_query_finish(w->run, w->positions[index], &result, &err) != BR_OK &&
      w->problem.status == BR_OK) {
    w->problem = err;
  }
  api_metrics_rows(w->service->metrics, state == EXTRACT_SKIPPED ? 0 : result.rows_extracted);
  w->ended[index] = true;
}

static void begin_query(work *w, size_t index) {
  br_error err = BR_ERROR_INIT;
  if (job_run_query_start(w->run, w->positions[index], &err) != BR_OK &&
      w->problem.status == BR_OK) {
    w->problem = err;
  }
  w->begun[index] = true;
}

/* How many rows a query will have: what it has, once it has ended; else as many as last time,
 * unless it is beyond that. false: not known. */
static bool expected_rows(const work *w, size_t index, const extract_query *query,
                          uint64_t *ret_rows) {
  const extract_state state = (extract_state)atomic_load(&query->state);
  const uint64_t rows = atomic_load(&query->progress.rows);
  uint64_t before = w->estimates[index];
  if (before == UINT64_MAX && atomic_load(&query->rows_before) != 0) {
    before = atomic_load(&query->rows_before);
  }
  *ret_rows = state > EXTRACT_RUNNING ? rows : before;
  return state > EXTRACT_RUNNING || (before != UINT64_MAX && before >= rows);
}

/* Writes down what has changed since the last look. */
static void watch(void *context, const extract_request *request) {
  work *w = context;
  uint64_t rows = 0, bytes = 0, expected = 0;
  bool known = true;
  for (size_t i = 0; i < request->query_count; i++) {
    const extract_query *query = &request->queries[i];
    const extract_state state = (extract_state)atomic_load(&query->state);
    rows += atomic_load(&query->progress.rows);
    bytes += atomic_load(&query->progress.written_bytes);
    uint64_t of_query = 0;
    known = expected_rows(w, i, query, &of_query) && known;
    expected += of_query;
    if (state != EXTRACT_WAITING && !w->begun[i]) {
      begin_query(w, i);
    }
    if (state > EXTRACT_RUNNING && !w->ended[i]) {
      finish_query(w, i, query);
    }
  }
  job_run_progress(w->run, rows, bytes, known ? expected : 0);
}

/* Names of the queries that are still to be done, and their places. */
static br_status prepare(work *w, br_error *err) {
  const job *j = w->job;
  const char **names = br_calloc(j->queries_total + 1, sizeof *names);
  w->positions = br_calloc(j->queries_total + 1, sizeof *w->positions);
  w->begun = br_calloc(j->queries_total + 1, sizeof *w->begun);
  w->ended = br_calloc(j->queries_total + 1, sizeof *w->ended);
  w->estimates = br_calloc(j->queries_total + 1, sizeof *w->estimates);
  br_status st = names == NULL || w->positions == NULL || w->begun == NULL || w->ended == NULL ||
                         w->estimates == NULL
                     ? br_error_nomem(err)
                     : BR_OK;
  size_t count = 0;
  for (size_t i = 0; st == BR_OK && i < j->queries_total; i++) {
    if (j->queries[i].status != JOB_COMPLETED) {
      names[count++] = j->queries[i].name;
    }
  }
  if (st == BR_OK && count > 0) {
    const extract_prepare_options what = {.queries_path = w->options.queries_path,
                                          .config_path = w->options.config_path,
                                          .country = j->country,
                                          .only = names,
                                          .only_count = count,
                                          .guard = &w->guard};
    st = extract_prepare(&what, &w->prepared, err);
  }
  br_free(names);
  for (size_t i = 0; st == BR_OK && i < w->prepared.count; i++) {
    for (size_t k = 0; k < j->queries_total; k++) {
      if (strcmp(w->prepared.queries[i].name, j->queries[k].name) == 0) {
        w->positions[i] = k;
      }
    }
  }
  return st;
}

/* From what the store remembers: the server is not asked. */
static br_status estimate(work *w, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < w->prepared.count && (st == BR_OK || st == BR_DONE); i++) {
    w->estimates[i] = UINT64_MAX;
    st = jobs_rows_before(w->service->jobs, w->job, w->prepared.queries[i].name, &w->estimates[i],
                          err);
  }
  return st == BR_DONE ? BR_OK : st;
}

/* The folders are still the ones that were allowed: a link may have come between. */
static br_status check_paths(const work *w, br_error *err) {
  const char *allowed = settings_get(w->service->config, SETTING_BRIDGE_ALLOWED_PATHS);
  const char *const paths[] = {w->options.queries_path, w->options.config_path,
                               w->job->destination};
  br_status st = BR_OK;
  for (size_t i = 0; i < 3 && st == BR_OK; i++) {
    if (i == 2 && extract_place_is_volume(paths[i])) {
      break;
    }
    st = api_path_check_again(allowed, paths[i], i == 2, err);
  }
  return st;
}

/* Who asked may have lost the right meanwhile. */
static br_status check_rights(const work *w, br_error *err) {
  if (!api_access_enabled(w->service->access) || w->job->user_name == NULL) {
    return BR_OK;
  }
  api_caller caller = {.permissions = api_access_current(w->service->access)};
  caller.user =
      caller.permissions == NULL ? NULL : auth_user_of_name(caller.permissions, w->job->user_name);
  br_status st =
      caller.user == NULL
          ? br_error_set(err, BR_ERR_AUTH, "There is no user '%.200s' any more", w->job->user_name)
          : api_job_check_rights(w->service, &caller, w->options.source_ip, &w->prepared, err);
  api_caller_done(&caller);
  return st;
}

static br_status fill_request(work *w, extract_request *request, char **ret_spool, br_error *err) {
  api *service = w->service;
  *request = (extract_request){
      .queries = w->prepared.queries,
      .query_count = w->prepared.count,
      .country = w->job->country,
      .destination = w->job->destination,
      .sandbox = (service->options.sandbox_sides & SETTINGS_SQLSERVER) != 0,
      .guard = &w->guard,
      .overwrite = w->options.overwrite,
      .chunk_rows = w->options.chunk_rows,
      .parallel = (size_t)settings_u64(service->config, SETTING_JOBS_PARALLEL_QUERIES),
      .memory = BR_MIB(settings_u64(service->config, SETTING_JOBS_MEMORY_MIB)),
      .cancel = job_run_cancel(w->run),
      .server_label = service->server_label,
      .client = extract_place_is_volume(w->job->destination) ? service->client : NULL,
      .on_tick = watch,
      .on_tick_context = w,
  };
  br_status st = service->options.sqlserver(service->options.context, w->prepared.database,
                                            &request->server, err);
  request->database_label = request->server.database == NULL ? "" : request->server.database;
  st = st == BR_OK ? extract_spool_folder(settings_get(service->config, SETTING_BRIDGE_DATA_DIR),
                                          NULL, w->job->destination, ret_spool, err)
                   : st;
  request->spool_folder = *ret_spool;
  return st;
}

/* A job that can't even begin marks none of its queries: the error is the job's. */
static br_status run_queries(work *w, br_error *err) {
  extract_request request;
  char *spool = NULL;
  br_status st = fill_request(w, &request, &spool, err);
  if (st == BR_OK) {
    br_error start = BR_ERROR_INIT;
    st = extract_run(&request, &start);
    watch(w, &request);
    if (start.status != BR_OK) {
      *err = start;
    } else if (w->problem.status != BR_OK) {
      st = w->problem.status;
      *err = w->problem;
    } else if (br_cancel_requested(request.cancel)) {
      st = br_error_set(err, BR_ERR_CANCELLED, "Cancelled");
    } else {
      st = BR_OK; /* failed queries say so themselves */
    }
  }
  br_free(spool);
  return st;
}

static br_status run(work *w, br_error *err) {
  br_status st = audit_job(w->service, w->job, w->options.source_ip, AUTH_AUDIT_EXTRACTION_STARTED,
                           "started", NULL, err);
  st = st == BR_OK ? check_paths(w, err) : st;
  st = st == BR_OK ? prepare(w, err) : st;
  st = st == BR_OK ? check_rights(w, err) : st;
  st = st == BR_OK ? estimate(w, err) : st;
  return st == BR_OK && w->prepared.count > 0 ? run_queries(w, err) : st;
}

br_status api_job_run(void *context, job_run *run_of_job, br_error *err) {
  work w = {.service = context, .run = run_of_job, .job = job_run_job(run_of_job)};
  w.guard = api_path_guard(settings_get(w.service->config, SETTING_BRIDGE_ALLOWED_PATHS));
  br_log_context("job_id", w.job->id);
  br_log(BR_LOG_INFO, "job %s begins: %s, %zu %s", w.job->id, w.job->country, w.job->queries_total,
         w.job->queries_total == 1 ? "query" : "queries");
  br_status st = api_job_options_parse(w.job->options, &w.options, err);
  st = st == BR_OK ? run(&w, err) : st;
  extract_queries_done(w.prepared.queries, w.prepared.count);
  extract_prepared_done(&w.prepared);
  api_job_options_done(&w.options);
  br_free(w.positions);
  br_free(w.begun);
  br_free(w.ended);
  br_free(w.estimates);
  br_log_context("job_id", NULL);
  return st;
}

void api_job_ended(void *context, const job *j, job_status status, const char *error) {
  const api *service = context;
  api_job_options options = {.queries_path = NULL};
  br_error ignored = BR_ERROR_INIT;
  const bool good = status == JOB_COMPLETED;
  const char *told = error != NULL           ? error
                     : status == JOB_PENDING ? "The service ends; the job begins again"
                                             : "Cancelled";
  br_log_context("job_id", j->id);
  /* Who asked from where is not known of options that can't be read. */
  const bool known = api_job_options_parse(j->options, &options, &ignored) == BR_OK;
  if (audit_job(service, j, known ? options.source_ip : NULL,
                good ? AUTH_AUDIT_EXTRACTION_COMPLETED : AUTH_AUDIT_EXTRACTION_FAILED,
                good ? "success" : "failure", good ? NULL : told, &ignored) != BR_OK) {
    br_log(BR_LOG_ERROR, "job %s: its end is not in the audit", j->id);
  }
  br_log(good ? BR_LOG_INFO : BR_LOG_WARNING, "job %s ends: %s", j->id, good ? "completed" : told);
  api_job_options_done(&options);
  br_log_context("job_id", NULL);
}

void api_job_report(void *context, const char *id, const br_error *problem) {
  (void)context;
  br_log(BR_LOG_ERROR, "job %s: %s", id == NULL ? "store" : id, problem->message);
}
