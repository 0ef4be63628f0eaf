#include "api/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/origin.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "databricks/json.h"

#define PREFIX "/api/v1"

enum {
  END_MS = 5000, /* for requests that are on their way when the service ends */
  SHOWN_PATH_MAX = 256,
};

static const char *const headers[] = {
    "X-Content-Type-Options",
    "nosniff",
    "X-Frame-Options",
    "DENY",
    "Referrer-Policy",
    "no-referrer",
    "Cache-Control",
    "no-store",
    NULL,
};
static const char json_csp[] = "default-src 'none'; frame-ancestors 'none'";

/* ---- a request begins ---- */

static bool is_fit_id(const char *text) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return text != NULL && text[0] != '\0' && strlen(text) <= 64 &&
         text[strspn(text, allowed)] == '\0';
}

/* The request's state, made when first asked for; NULL: memory is out. */
static api_request *state_of(http_request *request) {
  api_request *r = http_request_state(request);
  if (r != NULL) {
    return r;
  }
  r = br_calloc(1, sizeof *r);
  if (r == NULL) {
    return NULL;
  }
  r->service = http_request_context(request);
  r->http = request;
  r->started_ns = br_clock_monotonic_ns();
  const http_route *route = http_request_route(request);
  r->route = route == NULL ? NULL : &api_routes[route->flags];
  const char *given = http_request_header(request, "X-Request-Id");
  if (is_fit_id(given)) {
    (void)snprintf(r->id, sizeof r->id, "%s", given);
  } else if (br_uuid(r->id, NULL) != BR_OK) {
    (void)snprintf(r->id, sizeof r->id, "%" PRIu64, r->started_ns);
  }
  api_access_source(r->service->access, request, r->source_ip);
  br_log_context("request_id", r->id);
  http_request_set_state(request, r);
  return r;
}

static void end_request(http_request *request) {
  api_request *r = http_request_state(request);
  if (r != NULL) {
    json_decref(r->body);
    api_caller_done(&r->caller);
    br_free(r);
    http_request_set_state(request, NULL);
  }
  br_log_context("request_id", NULL);
  br_log_context("job_id", NULL);
}

/* ---- who asks ---- */

static bool is_for_audit(const api_request *r, bool known) {
  api_access *access = r->service->access;
  return known ? api_access_login_is_due(access, &r->caller, r->source_ip)
               : api_access_failure_is_due(access, r->source_ip);
}

static br_status audit_login(const api_request *r, bool known, br_error *err) {
  if (!is_for_audit(r, known)) {
    return BR_OK;
  }
  const auth_audit_record record = {
      .event = known ? AUTH_AUDIT_AUTH_SUCCESS : AUTH_AUDIT_AUTH_FAILURE,
      .user_name = api_caller_name(&r->caller),
      .source_ip = r->source_ip,
      .resource = http_request_path(r->http),
      .action = http_method_name(http_request_method(r->http)),
      .status = known ? "success" : "failure",
  };
  br_status st = api_access_audit(r->service->access, &record, err);
  if (st != BR_OK && known) {
    api_access_login_was_lost(r->service->access, &r->caller, r->source_ip);
  } else if (st != BR_OK) {
    api_access_failure_was_lost(r->service->access, r->source_ip);
  }
  return st;
}

static br_status say_wait(http_reply *reply, const char *what, uint64_t wait_ms, br_error *err) {
  char seconds[32];
  (void)snprintf(seconds, sizeof seconds, "%" PRIu64, (wait_ms + 999) / 1000);
  br_status st = api_reply_error(reply, 429, err, "Too many %s; try again in %s s", what, seconds);
  return st == BR_OK ? http_reply_header(reply, "Retry-After", seconds, err) : st;
}

/* Probes are answered whatever else is asked. */
static bool is_counted(const api_request *r) {
  return r->route == NULL || strcmp(r->route->tag, "health") != 0;
}

/* True: the reply says to wait. */
static bool over_rate(const api_request *r, http_reply *reply, br_status *ret_st, br_error *err) {
  const uint64_t wait_ms =
      is_counted(r) ? api_access_take(r->service->access, &r->caller, r->source_ip) : 0;
  if (wait_ms > 0) {
    *ret_st = say_wait(reply, "requests", wait_ms, err);
  }
  return wait_ms > 0;
}

static br_status refuse_unknown(api_request *r, http_reply *reply, br_error *err) {
  const char *hint = api_access_hint(r->service->access);
  if (audit_login(r, false, err) != BR_OK) {
    return api_reply_error(reply, 503, err, "The audit can't be written");
  }
  if (hint != NULL) {
    return api_reply_error(reply, 401, err, "Not authenticated. %s", hint);
  }
  return api_reply_error(reply, 401, err, "Not authenticated");
}

static bool is_open(const api_request *r) {
  return r->route->rights == NULL && !(r->route->handle == api_get_metrics &&
                                       settings_bool(r->service->config, SETTING_METRICS_AUTH));
}

/* Without tokens a browser's user may be somebody else's tool; who needs none asks for nothing to
 * be done. */
static bool is_somebody_elses(const api_request *r) {
  const http_method method = http_request_method(r->http);
  return !api_access_enabled(r->service->access) && method != HTTP_GET && method != HTTP_HEAD &&
         !api_cors_allows(r->service->cors, r->http) &&
         api_origin_is_foreign(http_request_header(r->http, "Origin"),
                               http_request_header(r->http, "Sec-Fetch-Site"),
                               http_request_header(r->http, "Host"));
}

static br_status authorize(http_request *request, http_reply *reply, br_error *err) {
  api_request *r = state_of(request);
  if (r == NULL) {
    return br_error_nomem(err);
  }
  br_status limited = BR_OK;
  if (r->route == NULL || is_open(r)) {
    return over_rate(r, reply, &limited, err)
               ? limited
               : api_cors_preflight(r->service->cors, request, reply, err);
  }
  uint64_t wait_ms = 0;
  const api_identity identity =
      api_access_identify(r->service->access, request, r->source_ip, &r->caller, &wait_ms);
  if (over_rate(r, reply, &limited, err)) {
    return limited;
  }
  switch (identity) {
  case API_IDENTITY_WAIT:
    return say_wait(reply, "failed logins", wait_ms, err);
  case API_IDENTITY_UNKNOWN:
    return refuse_unknown(r, reply, err);
  case API_IDENTITY_KNOWN:
    break;
  }
  if (!r->caller.everything && audit_login(r, true, err) != BR_OK) {
    return api_reply_error(reply, 503, err, "The audit can't be written");
  }
  if (is_somebody_elses(r)) {
    return api_reply_error(reply, 403, err,
                           "AUTH_ENABLED is false: from browsers only pages of this service at an "
                           "address or at localhost may change something, and those of "
                           "CORS_ALLOWED_ORIGINS");
  }
  if (r->route->new_work && atomic_load(&r->service->draining)) {
    br_status st = api_reply_error(reply, 503, err, "The service is about to end");
    return st == BR_OK ? http_reply_header(reply, "Retry-After", "10", err) : st;
  }
  return BR_OK;
}

/* ---- what is asked ---- */

static br_status check_parameters(const api_request *r, json_t *problems, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; i < r->route->query_count && st == BR_OK; i++) {
    const char *text = http_request_query(r->http, r->route->query[i].name);
    st = text == NULL ? BR_OK : api_check_parameter(&r->route->query[i], text, problems, err);
  }
  return st;
}

static br_status check_body(api_request *r, json_t *problems, br_error *err) {
  size_t length = 0;
  const uint8_t *bytes = http_request_body(r->http, &length);
  if (!api_access_enabled(r->service->access) &&
      !api_content_is_json(http_request_header(r->http, "Content-Type"))) {
    return api_add_problem(problems, "header", "Content-Type", "content_type",
                           "Input should be application/json", err);
  }
  json_error_t where = {.line = 0};
  const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
  r->body = length == 0 ? NULL : json_loadb((const char *)bytes, length, flags, &where);
  if (r->body == NULL && length > 0 && json_error_code(&where) == json_error_numeric_overflow) {
    /* A key of twenty digits: its text is taken from the body where it counts. */
    r->body = json_loadb((const char *)bytes, length, flags | JSON_DECODE_INT_AS_REAL, &where);
  }
  if (r->body == NULL) {
    char message[256];
    if (length == 0) {
      (void)snprintf(message, sizeof message, "JSON decode error: the body is empty");
    } else {
      const bool nul = json_error_code(&where) == json_error_null_character;
      (void)snprintf(message, sizeof message, "JSON decode error: %.120s (line %d, column %d)",
                     nul ? "a text holds a NUL character" : where.text, where.line, where.column);
    }
    return api_add_problem(problems, "body", NULL, "json_invalid", message, err);
  }
  if (!json_is_object(r->body)) {
    return api_add_problem(problems, "body", NULL, "model_attributes_type",
                           "Input should be a valid dictionary", err);
  }
  return api_check_body(r->route->body, r->body, problems, err);
}

/* Whoever is slow, a side or the poller, half of the connections are left for probes and for what
 * is answered at once. */
static br_status run_route(api_request *r, http_reply *reply, br_error *err) {
  api *service = r->service;
  const uint64_t half = settings_u64(service->config, SETTING_HTTP_CONNECTIONS) / 2;
  if (!r->route->waits) {
    return r->route->handle(r, reply, err);
  }
  br_status st = BR_OK;
  if (atomic_fetch_add(&service->waiting, 1) < (half == 0 ? 1 : half)) {
    st = r->route->handle(r, reply, err);
  } else {
    st = api_reply_error(reply, 503, err, "Too many requests wait already; try again in 1 s");
    st = st == BR_OK ? http_reply_header(reply, "Retry-After", "1", err) : st;
  }
  (void)atomic_fetch_sub(&service->waiting, 1);
  return st;
}

static br_status handle(http_request *request, http_reply *reply, br_error *err) {
  api_request *r = state_of(request);
  json_t *problems = r == NULL ? NULL : json_array();
  if (problems == NULL) {
    return br_error_nomem(err);
  }
  br_status st = check_parameters(r, problems, err);
  if (st == BR_OK && r->route->body != NULL) {
    st = check_body(r, problems, err);
  }
  if (st == BR_OK && json_array_size(problems) > 0) {
    return api_reply_problems(reply, problems, err);
  }
  json_decref(problems);
  return st == BR_OK ? run_route(r, reply, err) : st;
}

/* ---- the reply ---- */

/* The path as a line of the log shows it: a caller may send 16 KiB of what looks like the rest of a
 * line. Redacted while it is whole; then blanks, controls and what is beyond ASCII are escaped. */
static void show_path(const http_request *request, char shown[static SHOWN_PATH_MAX + 8]) {
  const char *path = http_request_path(request);
  char *copy = path == NULL ? NULL : br_strdup(path);
  size_t fill = 0;
  if (copy == NULL) {
    (void)snprintf(shown, SHOWN_PATH_MAX, "?");
    return;
  }
  br_secret_redact(copy);
  const char *p = copy;
  for (; *p != '\0' && fill < SHOWN_PATH_MAX; p++) {
    const bool plain = *p > ' ' && *p < 0x7F && *p != '%';
    fill += (size_t)snprintf(shown + fill, SHOWN_PATH_MAX + 8 - fill, plain ? "%c" : "%%%02X",
                             plain ? *p : (unsigned char)*p);
  }
  (void)snprintf(shown + fill, SHOWN_PATH_MAX + 8 - fill, "%s", *p == '\0' ? "" : "…");
  br_free(copy);
}

/* An error that the server found, or that a handler could not put into words. */
static br_status fail(http_request *request, unsigned status, const char *message,
                      http_reply *reply, br_error *err) {
  const api_request *r = state_of(request);
  if (status < 500) {
    return api_reply_error(reply, status, err, "%s", message);
  }
  char shown[SHOWN_PATH_MAX + 8];
  show_path(request, shown);
  br_log(BR_LOG_ERROR, "%s %s: %s", http_method_name(http_request_method(request)), shown, message);
  const bool tell = r != NULL && settings_bool(r->service->config, SETTING_DEBUG);
  return api_reply_error(reply, status, err, "%s",
                         tell ? message : "Internal error; the log says more");
}

static void add_header(http_reply *reply, const char *name, const char *value) {
  if (http_reply_header(reply, name, value, NULL) != BR_OK) {
    http_reply_hang_up(reply);
  }
}

static void finish(http_request *request, http_reply *reply) {
  api_request *r = state_of(request);
  if (r == NULL) {
    http_reply_hang_up(reply);
    return;
  }
  const unsigned status = http_reply_get_status(reply);
  const uint64_t took_ns = br_clock_monotonic_ns() - r->started_ns;
  const char *user = api_caller_name(&r->caller);
  char shown[SHOWN_PATH_MAX + 8];
  br_secret_redact(r->id); /* a client's own may be its token, which is known by now */
  add_header(reply, "X-Request-Id", r->id);
  if (api_cors_finish(r->service->cors, request, reply, NULL) != BR_OK) {
    http_reply_hang_up(reply);
  }
  add_header(reply, "Content-Security-Policy", r->csp == NULL ? json_csp : r->csp);
  if (r->service->options.tls_certificate != NULL) {
    add_header(reply, "Strict-Transport-Security", "max-age=31536000");
  }
  api_metrics_request(r->service->metrics,
                      r->route == NULL ? SIZE_MAX : (size_t)(r->route - api_routes),
                      http_request_method(request), status, took_ns);
  const bool quiet = r->route != NULL && r->route->rights == NULL && status < 400;
  show_path(request, shown);
  br_log(quiet ? BR_LOG_DEBUG : BR_LOG_INFO, "%s %s %u %.1f ms %s %s %s",
         http_method_name(http_request_method(request)), shown, status, (double)took_ns / 1e6,
         r->source_ip, user == NULL ? "-" : user, r->id);
}

/* ---- the table ---- */

static http_route http_route_of(const api_route *route, const char *pattern, unsigned index) {
  return (http_route){.method = route->method,
                      .pattern = pattern,
                      .handle = handle,
                      .body = route->body == NULL ? HTTP_BODY_NONE : HTTP_BODY_MEMORY,
                      .body_max = route->body == NULL ? 0 : API_BODY_MAX,
                      .flags = index};
}

static br_status make_routes(api *service, br_error *err) {
  service->routes = br_calloc(2 * api_route_count, sizeof *service->routes);
  service->patterns = br_calloc(api_route_count, sizeof *service->patterns);
  if (service->routes == NULL || service->patterns == NULL) {
    return br_error_nomem(err);
  }
  for (unsigned i = 0; i < api_route_count; i++) {
    const char *path = api_routes[i].path;
    service->patterns[i] = br_asprintf("%s%s", PREFIX, strcmp(path, "/") == 0 ? "" : path);
    if (service->patterns[i] == NULL) {
      return br_error_nomem(err);
    }
    service->routes[service->route_count++] = http_route_of(&api_routes[i], path, i);
    service->routes[service->route_count++] =
        http_route_of(&api_routes[i], service->patterns[i], i);
  }
  return BR_OK;
}

br_status api_server_start(api *service, br_error *err) {
  br_status st = make_routes(service, err);
  if (st != BR_OK) {
    return st;
  }
  dbx_json_init();
  const http_server_options options = {
      .routes = service->routes,
      .route_count = service->route_count,
      .context = service,
      .listen_fd = service->options.listen_fd,
      .connections = (unsigned)settings_u64(service->config, SETTING_HTTP_CONNECTIONS),
      .connections_per_address =
          (unsigned)settings_u64(service->config, SETTING_HTTP_CONNECTIONS_PER_ADDRESS),
      .idle_seconds = (unsigned)settings_u64(service->config, SETTING_HTTP_IDLE_SECONDS),
      .arrival_seconds = (unsigned)settings_u64(service->config, SETTING_HTTP_IDLE_SECONDS),
      .end_ms = END_MS,
      .tls_certificate = service->options.tls_certificate,
      .tls_key = service->options.tls_key,
      .reply_headers = headers,
      .authorize = authorize,
      .fail = fail,
      .finish = finish,
      .done = end_request,
  };
  return http_server_start(&options, &service->http, err);
}

void api_server_done(api *service) {
  for (size_t i = 0; service->patterns != NULL && i < api_route_count; i++) {
    br_free(service->patterns[i]);
  }
  br_free(service->patterns);
  br_free(service->routes);
}
