/* GET /jobs/{job_id}/results/{query_name}/manifest: what stands in a result folder now. */
#include <string.h>

#include "api/job_work.h"
#include "api/paths.h"
#include "api/routes.h"
#include "base/limits.h"
#include "base/mem.h"
#include "extract/manifest.h"
#include "extract/place.h"

static const job_query *query_of(const job *j, const char *name) {
  for (size_t i = 0; i < j->queries_total; i++) {
    if (strcmp(j->queries[i].name, name) == 0) {
      return &j->queries[i];
    }
  }
  return NULL;
}

/* A local folder is still an allowed one: a link may have come since the job was made. */
static br_status check_destination(const api *service, const char *destination, br_error *err) {
  if (extract_place_is_volume(destination)) {
    return BR_OK;
  }
  const char *allowed = settings_get(service->config, SETTING_BRIDGE_ALLOWED_PATHS);
  return api_path_check_again(allowed, destination, true, err);
}

static br_status read_manifest(const api *service, const job *j, const job_query *q, br_buf *out,
                               br_error *err) {
  extract_place *place = NULL;
  char *folder = br_asprintf("%s/%s", j->country, q->name);
  br_status st = folder == NULL ? br_error_nomem(err)
                                : extract_place_open(j->destination, service->ask_client, NULL,
                                                     service->stop, &place, err);
  const br_file_guard guard =
      api_path_guard(settings_get(service->config, SETTING_BRIDGE_ALLOWED_PATHS));
  if (st == BR_OK) {
    extract_place_set_guard(place, &guard);
    st = extract_place_read(place, folder, EXTRACT_MANIFEST_NAME, BR_LIMIT_HTTP_BODY, out, err);
    if (st == BR_ERR_NOT_FOUND) {
      br_error_set(err, st, "There is no manifest in %.500s/%.200s", j->destination, folder);
    }
  }
  extract_place_close(place);
  br_free(folder);
  return st;
}

/* BR_ERR_NOT_FOUND also for a query that the job has not. */
static br_status find_manifest(const api_request *r, const job *j, br_buf *out, br_error *err) {
  const char *name = http_request_capture(r->http, 1);
  const job_query *q = query_of(j, name);
  if (q == NULL) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "The job has no query '%.200s'", name);
  }
  if (extract_place_is_volume(j->destination) && r->service->ask_client == NULL) {
    return br_error_set(err, BR_ERR_IO, "Databricks is not configured");
  }
  br_status st = check_destination(r->service, j->destination, err);
  return st == BR_OK ? read_manifest(r->service, j, q, out, err) : st;
}

br_status api_get_job_manifest(api_request *r, http_reply *reply, br_error *err) {
  job found = {.status = JOB_PENDING};
  br_error why = BR_ERROR_INIT;
  br_buf text;
  br_buf_init(&text, BR_LIMIT_HTTP_BODY);
  br_status st = api_job_find(r, &found, &why);
  st = st == BR_OK ? find_manifest(r, &found, &text, &why) : st;
  if (st == BR_OK) {
    http_reply_status(reply, 200);
    st = http_reply_bytes(reply, "application/json", text.data, text.len, err);
  } else if (why.status == BR_ERR_AUTH && !extract_place_is_volume(found.destination)) {
    st = api_reply_denied(r, found.destination, "read_manifest", why.message, reply, err);
  } else {
    st = api_reply_failure(reply, &why, err);
  }
  br_buf_done(&text);
  job_done(&found);
  return st;
}
