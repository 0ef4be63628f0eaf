/* The service as a whole: what starts in which order, and ends in the opposite one. */
#include "api/service.h"

#include "api/job_work.h"
#include "api/poller.h"
#include "api/routes.h"
#include "api/server.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "databricks/json.h"

enum {
  ATTEMPTS_MAX = 3,    /* starts of a job that takes the process with it */
  ASK_RETRY_MS = 5000, /* a request's client gives up after so long */
  ASK_SILENCE_MS = 30000,
  POLLER_STOP_MS = 20000,
};

static br_status open_jobs(api *service, br_error *err) {
  const char *folder = settings_get(service->config, SETTING_BRIDGE_DATA_DIR);
  char *path = br_path_join(folder, "jobs.db");
  uint64_t resumed = 0, failed = 0;
  br_status st = path == NULL ? br_error_nomem(err) : br_dir_make(folder, 0750, err);
  st = st == BR_OK ? jobs_open(path, &service->jobs, err) : st;
  br_free(path);
  const jobs_witness witness = {.ended = api_job_ended, .context = service};
  st = st == BR_OK ? jobs_recover(service->jobs, JOBS_RESUME, ATTEMPTS_MAX, &witness, &resumed,
                                  &failed, err)
                   : st;
  if (st == BR_OK && resumed + failed > 0) {
    br_log(BR_LOG_WARNING, "%llu jobs that were running go on, %llu are given up",
           (unsigned long long)resumed, (unsigned long long)failed);
  }
  return st;
}

static br_status open_sides(api *service, br_error *err) {
  const api_options *o = &service->options;
  br_status st = BR_OK;
  if ((o->sides & SETTINGS_SQLSERVER) != 0) {
    st = o->sqlserver(o->context, NULL, &service->sqlserver, err);
  }
  if (st == BR_OK) {
    service->server_label =
        extract_server_label(&service->sqlserver, (o->sandbox_sides & SETTINGS_SQLSERVER) != 0 ||
                                                      (o->sides & SETTINGS_SQLSERVER) == 0);
    st = service->server_label == NULL ? br_error_nomem(err) : BR_OK;
  }
  if (st == BR_OK && o->databricks != NULL) {
    dbx_options impatient = *o->databricks;
    impatient.retry_budget_ms = ASK_RETRY_MS;
    impatient.request_timeout_ms = ASK_SILENCE_MS;
    st = dbx_client_new(o->databricks, &service->client, err);
    st = st == BR_OK ? dbx_client_new(&impatient, &service->ask_client, err) : st;
  }
  return st;
}

static br_status start_workers(api *service, br_error *err) {
  const job_runner_options options = {
      .store = service->jobs,
      .workers = (unsigned)settings_u64(service->config, SETTING_JOBS_WORKERS),
      .per_server = (unsigned)settings_u64(service->config, SETTING_JOBS_PER_SERVER),
      .run = api_job_run,
      .ended = api_job_ended,
      .report = api_job_report,
      .context = service,
  };
  br_status st = job_runner_start(&options, &service->runner, err);
  st = st == BR_OK ? api_health_start(service, &service->health, err) : st;
  return st == BR_OK ? api_keeper_start(service, err) : st;
}

/* A name that can't be one doesn't get better with time, as a server that is away does. */
static br_status check_events_table(const api *service, br_error *err) {
  sync_name name;
  br_status st = sync_name_parse(SYNC_DATABRICKS, service->sync.events_table, &name, err);
  return st == BR_OK ? st : br_error_context(err, st, "EVENTS_TABLE");
}

static br_status start(api *service, br_error *err) {
  const settings *config = service->config;
  dbx_json_init();
  br_status st = br_cancel_new(&service->stop, err);
  st = st == BR_OK ? api_metrics_new(api_route_count, &service->metrics, err) : st;
  st = st == BR_OK ? api_access_new(config, &service->access, err) : st;
  st = st == BR_OK ? api_cors_new(config, &service->cors, err) : st;
  st = st == BR_OK ? open_sides(service, err) : st;
  st = st == BR_OK ? open_jobs(service, err) : st;
  if (st == BR_OK) {
    api_poller_prepare(service);
    st = check_events_table(service, err);
    st = st == BR_OK ? sync_ledger_init(&service->ledger, service->sync.ledger_table, err) : st;
  }
  st = st == BR_OK ? start_workers(service, err) : st;
  return st == BR_OK ? api_server_start(service, err) : st;
}

br_status api_start(const api_options *options, api **ret_service, br_error *err) {
  api *service = br_calloc(1, sizeof *service);
  if (service == NULL) {
    return br_error_nomem(err);
  }
  service->options = *options;
  service->config = options->config;
  pthread_mutex_init(&service->lock, NULL);
  br_status st = start(service, err);
  if (st != BR_OK) {
    api_stop(service, 0);
    return st;
  }
  *ret_service = service;
  return BR_OK;
}

void api_reload(api *service) {
  api_access_reload(service->access);
}

br_status api_set_certificate(api *service, const char *certificate, const char *key,
                              br_error *err) {
  return http_server_set_certificate(service->http, certificate, key, err);
}

void api_tidy(api *service) {
  http_server_tidy(service->http);
}

void api_drain(api *service) {
  atomic_store(&service->draining, true);
  http_server_drain(service->http);
  job_runner_drain(service->runner);
}

static void *stop_serving(void *context) {
  http_server_stop(context);
  return NULL;
}

/* Requests, jobs and the poller end side by side: each may wait for a side that doesn't answer.
 * Requests use the other two, which are freed after them. */
static void wind_down(api *service, uint64_t patience_ms) {
  pthread_t thread;
  if (service->stop != NULL) {
    br_cancel_request(service->stop); /* requests that wait for a side end */
  }
  api_poller_wind_down(service);
  const bool beside = service->http != NULL && service->runner != NULL &&
                      pthread_create(&thread, NULL, stop_serving, service->http) == 0;
  if (service->runner != NULL) {
    job_runner_wind_down(service->runner, patience_ms);
  }
  if (beside) {
    (void)pthread_join(thread, NULL);
  } else {
    http_server_stop(service->http);
  }
}

void api_stop(api *service, uint64_t patience_ms) {
  if (service == NULL) {
    return;
  }
  atomic_store(&service->draining, true);
  wind_down(service, patience_ms);
  job_runner_stop(service->runner, 0);
  api_keeper_stop(service);
  api_poller_stop(service, POLLER_STOP_MS);
  api_health_stop(service->health);
  sync_queue_free(service->queue);
  jobs_close(service->jobs);
  dbx_client_free(service->client);
  dbx_client_free(service->ask_client);
  api_access_free(service->access);
  api_cors_free(service->cors);
  api_metrics_free(service->metrics);
  api_server_done(service);
  br_free(service->server_label);
  br_cancel_free(service->stop);
  pthread_mutex_destroy(&service->lock);
  br_free(service);
}
