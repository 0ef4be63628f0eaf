/*
 * service.h: what the files of the room share: the service, a request on its way, and short words
 * for replies.
 */
#ifndef API_SERVICE_H
#define API_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/access.h"
#include "api/api.h"
#include "api/cors.h"
#include "api/health.h"
#include "api/metrics.h"
#include "api/model.h"
#include "http/http.h"
#include "jobs/runner.h"
#include "sync/policy.h"
#include "sync/sync.h"

typedef struct api_route api_route;

struct api {
  api_options options;
  const settings *config;
  br_cancel *stop; /* breaks off what waits for a side */
  atomic_bool draining;
  atomic_bool started; /* both sides have been looked at once */
  atomic_uint waiting; /* requests in handlers that wait for others */

  http_route *routes; /* each of api_routes at the root and below /api/v1 */
  char **patterns;
  size_t route_count;
  http_server *http;

  api_access *access;
  api_cors *cors; /* NULL: no page of another origin may ask */
  api_metrics *metrics;
  api_health *health;

  jobs *jobs;
  job_runner *runner;
  char *server_label; /* "host:port" */

  dbx_client *client;     /* jobs and the poller: patient */
  dbx_client *ask_client; /* requests: gives up soon */
  tds_options sqlserver;
  sync_options sync;
  sync_policy policy;
  sync_ledger ledger;

  pthread_mutex_t lock;
  sync_queue *queue;   /* opened when first asked for */
  sync_poller *poller; /* NULL: not started yet */
  char poller_problem[512];
  pthread_t keeper; /* starts the poller, clears away old jobs */
  bool keeper_started;
};

/* One HTTP request; lives until its reply is sent. */
typedef struct api_request {
  api *service;
  http_request *http;
  const api_route *route; /* NULL: none fits */
  char id[65];
  char source_ip[64];
  api_caller caller;
  json_t *body;        /* checked against the route's model; NULL: the route takes none */
  const char *csp;     /* Content-Security-Policy; NULL: the strict one of JSON replies */
  uint64_t started_ns; /* monotonic */
} api_request;

typedef br_status (*api_handler)(api_request *r, http_reply *reply, br_error *err);

/* Takes the document (NULL: memory was out). */
br_status api_reply_json(http_reply *reply, unsigned status, json_t *value,
                         br_error *err) BR_CHECKED;
/* {"detail": "…"}, redacted. */
br_status api_reply_error(http_reply *reply, unsigned status, br_error *err, const char *format,
                          ...) BR_PRINTF(4, 5) BR_CHECKED;
/* The error of a side that was asked: 404, 409, 503… by its status. */
br_status api_reply_failure(http_reply *reply, const br_error *why, br_error *err) BR_CHECKED;
/* 422 with a list; takes problems. */
br_status api_reply_problems(http_reply *reply, json_t *problems, br_error *err) BR_CHECKED;
/* "2026-01-02T03:04:05.678901Z", null for 0. NULL: memory is out. */
json_t *api_json_time(int64_t wall_us);
json_t *api_json_text(const char *text); /* null for NULL; bad UTF-8 becomes question marks */

/* Writes the line of a decision; problem NULL: nothing more is to be said. */
br_status api_audit_decision(const api_request *r, bool may, const char *resource,
                             const char *action, const char *problem, br_error *err) BR_CHECKED;
/* The caller may not: audits that and replies 403 with the message; 503 in strict mode where the
 * line can't be written. */
br_status api_reply_denied(const api_request *r, const char *resource, const char *action,
                           const char *message, http_reply *reply, br_error *err) BR_CHECKED;

/* A checked query parameter, or the table's default. */
int64_t api_parameter_number(const api_request *r, const char *name, int64_t otherwise);
bool api_parameter_bool(const api_request *r, const char *name, bool otherwise);

#endif
