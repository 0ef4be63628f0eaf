/* POST /extract, and the jobs that it makes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/job_work.h"
#include "api/paths.h"
#include "api/routes.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "databricks/json.h"

/* ---- POST /extract ---- */

/* A request on its way to a job. Owned. */
typedef struct wish {
  char key[BR_SHA256_HEX_MAX]; /* of the Idempotency-Key, what clients put there is theirs; "":
                                  there is none */
  char *asked;                 /* the request as it came */
  api_job_options options;
  char *destination;
  const char **only; /* names borrowed from the body */
  size_t only_count;
  extract_prepared prepared;
  const char **names; /* of the prepared queries; borrowed */
  char *options_text;
} wish;

static void wish_done(wish *w) {
  api_job_options_done(&w->options);
  extract_prepared_done(&w->prepared);
  br_free(w->asked);
  br_free(w->destination);
  br_free(w->only);
  br_free(w->names);
  br_free(w->options_text);
}

static const char *text_of(const api_request *r, const char *name) {
  return json_string_value(json_object_get(r->body, name));
}

static br_status resolve(const api_request *r, const char *member, bool may_be_new, char **ret_real,
                         br_error *err) {
  return api_path_resolve(settings_get(r->service->config, SETTING_BRIDGE_ALLOWED_PATHS),
                          text_of(r, member), may_be_new, ret_real, err);
}

static br_status resolve_destination(const api_request *r, wish *w, br_error *err) {
  const char *destination = text_of(r, "destination");
  br_status st = extract_place_check(destination, err);
  if (st == BR_OK && extract_place_is_volume(destination)) {
    st = api_path_check_volume(destination, err);
    if (st == BR_OK && r->service->client == NULL) {
      st = br_error_set(err, BR_ERR_USAGE, "Databricks is not configured");
    }
    w->destination = st == BR_OK ? br_strdup(destination) : NULL;
    return st == BR_OK && w->destination == NULL ? br_error_nomem(err) : st;
  }
  return st == BR_OK ? resolve(r, "destination", true, &w->destination, err) : st;
}

static br_status resolve_paths(const api_request *r, wish *w, br_error *err) {
  br_status st = resolve(r, "queries_path", false, &w->options.queries_path, err);
  if (st == BR_ERR_NOT_FOUND) {
    return br_error_set(err, st, "Queries path not found: %.500s", text_of(r, "queries_path"));
  }
  st = st == BR_OK ? resolve(r, "config_path", false, &w->options.config_path, err) : st;
  if (st == BR_ERR_NOT_FOUND) {
    return br_error_set(err, st, "Config path not found: %.500s", text_of(r, "config_path"));
  }
  return st == BR_OK ? resolve_destination(r, w, err) : st;
}

static br_status take_names(const api_request *r, wish *w, br_error *err) {
  const json_t *list = json_object_get(r->body, "queries");
  w->only_count = json_array_size(list);
  w->only = br_calloc(w->only_count + 1, sizeof *w->only);
  if (w->only == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < w->only_count; i++) {
    w->only[i] = json_string_value(json_array_get(list, i));
  }
  return json_is_array(list) && w->only_count == 0
             ? br_error_set(err, BR_ERR_USAGE, "The list of queries is empty; null means all")
             : BR_OK;
}

/* What the body says beside names and paths. */
static void take_options(const api_request *r, wish *w) {
  int64_t chunk_rows = 0;
  w->options.overwrite = json_is_true(json_object_get(r->body, "overwrite"));
  (void)api_json_integer(json_object_get(r->body, "chunk_size"), &chunk_rows);
  w->options.chunk_rows = (uint64_t)chunk_rows;
}

static br_status prepare(const api_request *r, wish *w, br_error *err) {
  w->options.source_ip = br_strdup(r->source_ip);
  if (w->options.source_ip == NULL) {
    return br_error_nomem(err);
  }
  br_status st = resolve_paths(r, w, err);
  st = st == BR_OK ? take_names(r, w, err) : st;
  if (st == BR_OK) {
    const br_file_guard guard =
        api_path_guard(settings_get(r->service->config, SETTING_BRIDGE_ALLOWED_PATHS));
    const extract_prepare_options what = {.queries_path = w->options.queries_path,
                                          .config_path = w->options.config_path,
                                          .country = text_of(r, "country"),
                                          .only = w->only,
                                          .only_count = w->only_count,
                                          .guard = &guard};
    st = extract_prepare(&what, &w->prepared, err);
  }
  if (st == BR_ERR_AUTH) { /* a path outside of those that are allowed */
    br_error problem = *err;
    const br_status told =
        api_audit_decision(r, false, text_of(r, "destination"), "extract", problem.message, err);
    return told == BR_OK ? br_error_set(err, st, "%s", problem.message) : told;
  }
  return st == BR_OK ? api_job_check_rights(r->service, &r->caller, r->source_ip, &w->prepared, err)
                     : st;
}

static br_status create(const api_request *r, wish *w, char *id, bool *ret_existed, br_error *err) {
  w->names = br_calloc(w->prepared.count + 1, sizeof *w->names);
  if (w->names == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < w->prepared.count; i++) {
    w->names[i] = w->prepared.queries[i].name;
  }
  br_status st = api_job_options_text(&w->options, &w->options_text, err);
  if (st != BR_OK) {
    return st;
  }
  const job_request request = {.server = r->service->server_label,
                               .country = text_of(r, "country"),
                               .destination = w->destination,
                               .queries = w->names,
                               .query_count = w->prepared.count,
                               .options = w->options_text,
                               .user_name = api_caller_name(&r->caller),
                               .idempotency_key = w->key[0] == '\0' ? NULL : w->key,
                               .asked = w->asked};
  return jobs_create(r->service->jobs, &request, id, ret_existed, err);
}

/* ---- a request that comes again ---- */

/* What the client said, with the defaults filled in: whatever has become of folders and files since
 * the first time, a repeated request is the same one. */
static br_status write_asked(const api_request *r, wish *w, br_error *err) {
  br_buf text;
  json_t *asked = json_pack(
      "{s:s, s:s, s:s, s:s, s:O?, s:b, s:I}", "queries_path", text_of(r, "queries_path"),
      "config_path", text_of(r, "config_path"), "country", text_of(r, "country"), "destination",
      text_of(r, "destination"), "queries", json_object_get(r->body, "queries"), "overwrite",
      w->options.overwrite, "chunk_size", (json_int_t)w->options.chunk_rows);
  if (asked == NULL) {
    return br_error_nomem(err);
  }
  br_buf_init(&text, 2 * (size_t)API_BODY_MAX);
  br_status st = dbx_json_write(asked, &text, err);
  json_decref(asked);
  w->asked = st == BR_OK ? br_buf_take(&text, NULL) : NULL;
  br_buf_done(&text);
  return st == BR_OK && w->asked == NULL ? br_error_nomem(err) : st;
}

static bool same_names(const job *j, const json_t *list) {
  size_t found = 0;
  for (size_t i = 0; i < j->queries_total; i++) {
    for (size_t k = 0; k < json_array_size(list); k++) {
      found += strcmp(j->queries[i].name, json_string_value(json_array_get(list, k))) == 0;
    }
  }
  return !json_is_array(list) || (found == j->queries_total && found == json_array_size(list));
}

static bool same_path(const char *now, const char *then) {
  return now == NULL || strcmp(now, then) == 0;
}

/* A job of a version that kept no `asked`: what it does hold is compared. Paths that lead nowhere
 * any more, and queries that were not named, tell nothing. */
static br_status compare(const api_request *r, wish *w, const char *id, br_error *err) {
  job j = {.status = JOB_PENDING};
  api_job_options then = {.queries_path = NULL};
  br_status st = jobs_get(r->service->jobs, id, &j, err);
  st = st == BR_OK ? api_job_options_parse(j.options, &then, err) : st;
  if (st == BR_OK) {
    (void)resolve_paths(r, w, NULL);
    const bool same = strcmp(j.country, text_of(r, "country")) == 0 &&
                      then.overwrite == w->options.overwrite &&
                      then.chunk_rows == w->options.chunk_rows &&
                      same_names(&j, json_object_get(r->body, "queries")) &&
                      same_path(w->options.queries_path, then.queries_path) &&
                      same_path(w->options.config_path, then.config_path) &&
                      same_path(w->destination, j.destination);
    st = same ? BR_OK
              : br_error_set(err, BR_ERR_CONFLICT,
                             "The idempotency key was used for another request, job %s", id);
  }
  api_job_options_done(&then);
  job_done(&j);
  return st;
}

/* BR_DONE: the request is a new one. */
static br_status find_earlier(const api_request *r, wish *w, char *id, br_error *err) {
  const char *key = http_request_header(r->http, "Idempotency-Key");
  bool unsure = false;
  if (key == NULL) {
    return BR_DONE;
  }
  br_status st = write_asked(r, w, err);
  st = st == BR_OK ? br_sha256_hex(key, strlen(key), w->key, err) : st;
  st = st == BR_OK ? jobs_find_key(r->service->jobs, api_caller_name(&r->caller), w->key, w->asked,
                                   id, &unsure, err)
                   : st;
  return st == BR_OK && unsure ? compare(r, w, id, err) : st;
}

/* ---- the answer ---- */

static br_status say_accepted(const api_request *r, const char *id, bool existed, size_t count,
                              http_reply *reply, br_error *err) {
  char message[128];
  job_status status = JOB_PENDING;
  br_log_context("job_id", id); /* the request's line of the log tells what came of it */
  if (existed) {
    job found = {.status = JOB_PENDING};
    br_status st = jobs_get(r->service->jobs, id, &found, err);
    if (st != BR_OK) {
      return st;
    }
    status = found.status;
    count = found.queries_total;
    job_done(&found);
  }
  (void)snprintf(message, sizeof message,
                 existed ? "The job was made before, with the same Idempotency-Key: %zu quer%s"
                         : "Extraction job created with %zu quer%s",
                 count, count == 1 ? "y" : "ies");
  return api_reply_json(reply, 202,
                        json_pack("{s:s, s:s, s:s, s:I}", "job_id", id, "status",
                                  job_status_name(status), "message", message, "queries_count",
                                  (json_int_t)count),
                        err);
}

static br_status refuse(const br_error *why, http_reply *reply, br_error *err) {
  if (why->status == BR_ERR_AUTH) {
    return api_reply_error(reply, 403, err, "%s", why->message);
  }
  return api_reply_failure(reply, why, err);
}

br_status api_post_extract(api_request *r, http_reply *reply, br_error *err) {
  char id[BR_UUID_MAX] = "";
  bool existed = false;
  wish w = {.destination = NULL};
  br_error why = BR_ERROR_INIT;
  const char *key = http_request_header(r->http, "Idempotency-Key");
  br_status st = BR_OK;
  if ((r->service->options.sides & SETTINGS_SQLSERVER) == 0) {
    return api_reply_error(reply, 503, err, "SQL Server is not configured");
  }
  if (key != NULL && (key[0] == '\0' || strlen(key) > 255)) {
    return api_reply_error(reply, 400, err, "An Idempotency-Key has 1 to 255 characters");
  }
  take_options(r, &w);
  st = find_earlier(r, &w, id, &why);
  existed = st == BR_OK;
  if (st == BR_DONE) {
    st = prepare(r, &w, &why);
    st = st == BR_OK ? create(r, &w, id, &existed, &why) : st;
  }
  if (st == BR_OK) {
    job_runner_wake(r->service->runner);
    st = say_accepted(r, id, existed, w.prepared.count, reply, err);
  } else {
    st = refuse(&why, reply, err);
  }
  wish_done(&w);
  return st;
}

/* ---- jobs as JSON ---- */

static json_t *result_json(const job_query *q) {
  return json_pack("{s:o, s:s, s:I, s:I, s:o, s:f}", "query_name", api_json_text(q->name), "status",
                   job_status_name(q->status), "rows_extracted", (json_int_t)q->rows_extracted,
                   "files_created", (json_int_t)q->files_created, "error", api_json_text(q->error),
                   "duration_seconds", (double)q->duration_ms / 1000);
}

static json_t *results_json(const job *j) {
  json_t *list = json_array();
  for (size_t i = 0; list != NULL && j->queries != NULL && i < j->queries_total; i++) {
    json_t *one = result_json(&j->queries[i]);
    if (one == NULL || json_array_append_new(list, one) != 0) {
      json_decref(list);
      list = NULL;
    }
  }
  return list;
}

static json_t *progress_json(api *service, const job *j) {
  job_progress p;
  if (j->status != JOB_RUNNING || !job_runner_progress(service->runner, j->id, &p)) {
    return json_null();
  }
  const double seconds = (double)p.elapsed_ms / 1000;
  const double rate = seconds > 0 ? (double)p.rows / seconds : 0;
  const bool known = p.rows_expected > 0;
  json_t *remaining = known && rate > 0 && p.rows_expected >= p.rows
                          ? json_real((double)(p.rows_expected - p.rows) / rate)
                          : json_null();
  return json_pack("{s:I, s:I, s:f, s:f, s:o, s:o}", "rows", (json_int_t)p.rows, "bytes",
                   (json_int_t)p.bytes, "rows_per_second", rate, "elapsed_seconds", seconds,
                   "rows_expected", known ? json_integer((json_int_t)p.rows_expected) : json_null(),
                   "remaining_seconds", remaining);
}

static json_t *job_json(api *service, const job *j) {
  return json_pack(
      "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:b, s:o}", "job_id",
      j->id, "status", job_status_name(j->status), "country", api_json_text(j->country),
      "destination", api_json_text(j->destination), "created_at", api_json_time(j->created_us),
      "started_at", api_json_time(j->started_us), "completed_at", api_json_time(j->completed_us),
      "queries_total", (json_int_t)j->queries_total, "queries_completed",
      (json_int_t)j->queries_completed, "queries_failed", (json_int_t)j->queries_failed,
      "rows_extracted", (json_int_t)j->rows_extracted, "results", results_json(j), "error",
      api_json_text(j->error), "user_name", api_json_text(j->user_name), "cancel_requested",
      j->cancel_requested, "progress", progress_json(service, j));
}

/* ---- routes ---- */

br_status api_get_jobs(api_request *r, http_reply *reply, br_error *err) {
  const char *word = http_request_query(r->http, "status_filter");
  jobs_filter filter = {.limit = (size_t)api_parameter_number(r, "limit", 100),
                        .offset = (uint64_t)api_parameter_number(r, "offset", 0)};
  filter.has_status = word != NULL && job_status_of(word, &filter.status);
  filter.user_name = api_may_all(&r->caller, AUTH_READ) ? NULL : api_caller_name(&r->caller);
  job *list = NULL;
  size_t count = 0;
  br_status st = jobs_list(r->service->jobs, &filter, &list, &count, err);
  if (st != BR_OK) {
    return st;
  }
  json_t *body = json_array();
  for (size_t i = 0; body != NULL && i < count; i++) {
    json_t *one = job_json(r->service, &list[i]);
    if (one == NULL || json_array_append_new(body, one) != 0) {
      json_decref(body);
      body = NULL;
    }
  }
  jobs_list_free(list, count);
  return api_reply_json(reply, 200, body, err);
}

br_status api_job_find(const api_request *r, job *ret_job, br_error *err) {
  job found = {.status = JOB_PENDING};
  const char *id = http_request_capture(r->http, 0);
  br_status st = jobs_get(r->service->jobs, id, &found, err);
  if (st != BR_OK) {
    return st;
  }
  const char *user = api_caller_name(&r->caller);
  const bool own = user != NULL && found.user_name != NULL && strcmp(user, found.user_name) == 0;
  if (!own && !api_may_all(&r->caller, AUTH_READ)) {
    job_done(&found);
    return br_error_set(err, BR_ERR_NOT_FOUND, "Job not found: %.64s", id);
  }
  *ret_job = found;
  return BR_OK;
}

br_status api_get_job(api_request *r, http_reply *reply, br_error *err) {
  job found = {.status = JOB_PENDING};
  br_error why = BR_ERROR_INIT;
  if (api_job_find(r, &found, &why) != BR_OK) {
    return api_reply_failure(reply, &why, err);
  }
  json_t *body = job_json(r->service, &found);
  job_done(&found);
  return api_reply_json(reply, 200, body, err);
}

static br_status cancel(const api_request *r, const job *j, http_reply *reply, br_error *err) {
  const char *user = api_caller_name(&r->caller);
  const bool own = user != NULL && j->user_name != NULL && strcmp(user, j->user_name) == 0;
  const bool may = own || api_may_all(&r->caller, AUTH_READ | AUTH_WRITE);
  br_error why = BR_ERROR_INIT;
  if (api_audit_decision(r, may, j->id, "cancel_job", NULL, &why) != BR_OK) {
    return api_reply_error(reply, 503, err, "%s", why.message);
  }
  if (!may) {
    return api_reply_error(reply, 403, err, "The token may not cancel jobs of others");
  }
  br_status st = job_runner_cancel(r->service->runner, j->id, &why);
  if (st == BR_ERR_CONFLICT) {
    return api_reply_error(reply, 400, err, "%s", why.message);
  }
  if (st != BR_OK) {
    return api_reply_failure(reply, &why, err);
  }
  http_reply_status(reply, 204);
  return BR_OK;
}

br_status api_delete_job(api_request *r, http_reply *reply, br_error *err) {
  job found = {.status = JOB_PENDING};
  br_error why = BR_ERROR_INIT;
  if (api_job_find(r, &found, &why) != BR_OK) {
    return api_reply_failure(reply, &why, err);
  }
  br_status st = cancel(r, &found, reply, err);
  job_done(&found);
  return st;
}
