/*
 * routes.h: the routes of the service as one table; the server, OpenAPI and the API page are made
 * from it.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/service.h"

typedef struct api_answer {
  unsigned status;
  const api_model *model; /* NULL: no body, or one of another type */
  bool list;              /* an array of the model */
  const char *type;       /* NULL: application/json */
  const char *help;
} api_answer;

enum { API_ANSWERS_MAX = 2, API_ERRORS_MAX = 8 };

struct api_route {
  http_method method;
  const char *path; /* "/jobs/{job_id}" */
  const char *id;   /* operationId */
  const char *tag;
  const char *summary;
  const char *rights; /* what the caller needs, in words; NULL: nothing, not even a token */
  api_handler handle;
  bool hidden;   /* not in OpenAPI */
  bool new_work; /* refused while the service ends */
  bool waits;    /* for a side or the poller: only half of the connections may at a time */
  const api_model *body;
  const api_field *query;
  size_t query_count;
  api_answer answers[API_ANSWERS_MAX];
  unsigned errors[API_ERRORS_MAX]; /* beyond 401, 422 and 429, which follow from the rest */
};

extern const api_route api_routes[];
extern const size_t api_route_count;

enum { API_BODY_MAX = 1024 * 1024 };

/* Handlers, by file. */
br_status api_get_root(api_request *r, http_reply *reply, br_error *err);
br_status api_get_docs(api_request *r, http_reply *reply, br_error *err);
br_status api_get_openapi(api_request *r, http_reply *reply, br_error *err);
br_status api_get_live(api_request *r, http_reply *reply, br_error *err);
br_status api_get_startup(api_request *r, http_reply *reply, br_error *err);
br_status api_get_ready(api_request *r, http_reply *reply, br_error *err);
br_status api_get_metrics(api_request *r, http_reply *reply, br_error *err);
br_status api_post_extract(api_request *r, http_reply *reply, br_error *err);
br_status api_get_jobs(api_request *r, http_reply *reply, br_error *err);
br_status api_get_job(api_request *r, http_reply *reply, br_error *err);
br_status api_get_job_manifest(api_request *r, http_reply *reply, br_error *err);
br_status api_delete_job(api_request *r, http_reply *reply, br_error *err);
br_status api_post_event(api_request *r, http_reply *reply, br_error *err);
br_status api_get_events(api_request *r, http_reply *reply, br_error *err);
br_status api_get_event(api_request *r, http_reply *reply, br_error *err);
br_status api_retry_event(api_request *r, http_reply *reply, br_error *err);
br_status api_delete_event(api_request *r, http_reply *reply, br_error *err);
br_status api_get_stats(api_request *r, http_reply *reply, br_error *err);
br_status api_get_poller(api_request *r, http_reply *reply, br_error *err);
br_status api_trigger_poller(api_request *r, http_reply *reply, br_error *err);
br_status api_get_me(api_request *r, http_reply *reply, br_error *err);
br_status api_get_audit(api_request *r, http_reply *reply, br_error *err);
br_status api_get_ui(api_request *r, http_reply *reply, br_error *err);
br_status api_get_ui_file(api_request *r, http_reply *reply, br_error *err);

#endif
