#include "api/health.h"

#include <stdio.h>
#include <string.h>

#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

/* Between two looks: while a side is well, and after failures (doubling). */
enum { WELL_MS = 30000, FIRST_MS = 1000, LONGEST_MS = 60000 };

typedef struct side {
  struct api *service;
  unsigned which; /* SETTINGS_… */
  const char *name;
  br_status (*look)(struct side *s, char *message, size_t size, br_error *err);
  pthread_t thread;
  bool thread_started;
  /* Guarded by the health's lock. */
  bool looked, up;
  char message[512];
  int64_t looked_us;
} side;

struct api_health {
  pthread_mutex_t lock;
  side sides[2];
};

static br_status look_at_sqlserver(side *s, char *message, size_t size, br_error *err) {
  tds_conn *conn = NULL;
  br_status st = tds_connect(&s->service->sqlserver, s->service->stop, &conn, NULL, err);
  st = st == BR_OK ? tds_run(conn, "SELECT 1", err) : st;
  tds_close(conn);
  (void)snprintf(message, size, "Connected");
  return st;
}

/* Without a warehouse, which files in volumes don't need, by who the credentials are. */
static br_status look_at_databricks(side *s, char *message, size_t size, br_error *err) {
  char state[64], user[128];
  if (s->service->options.databricks->warehouse_id == NULL) {
    (void)snprintf(message, size, "Connected; no warehouse is configured");
    return dbx_current_user(s->service->ask_client, user, sizeof user, s->service->stop, err);
  }
  br_status st =
      dbx_warehouse_state(s->service->ask_client, state, sizeof state, s->service->stop, err);
  if (st == BR_OK) {
    (void)snprintf(message, size, "The warehouse is %.60s%s", state,
                   strcmp(state, "STOPPED") == 0 ? " and starts with the next statement" : "");
  }
  return st == BR_OK && (strcmp(state, "DELETED") == 0 || strcmp(state, "DELETING") == 0)
             ? br_error_set(err, BR_ERR_NOT_FOUND, "The warehouse is %s", state)
             : st;
}

static void note(api_health *h, side *s, bool up, const char *message) {
  pthread_mutex_lock(&h->lock);
  const bool news = !s->looked || s->up != up;
  s->looked = true;
  s->up = up;
  s->looked_us = br_clock_wall_us();
  (void)snprintf(s->message, sizeof s->message, "%.500s", message);
  br_secret_redact(s->message);
  pthread_mutex_unlock(&h->lock);
  if (news) {
    br_log(up ? BR_LOG_INFO : BR_LOG_WARNING, "%s: %s", s->name, message);
  }
}

static void *watch(void *context) {
  side *s = context;
  api *service = s->service;
  uint64_t failure_ms = FIRST_MS;
  for (;;) {
    char message[512] = "";
    br_error err = BR_ERROR_INIT;
    br_status st = s->look(s, message, sizeof message, &err);
    if (br_cancel_requested(service->stop)) {
      return NULL;
    }
    note(service->health, s, st == BR_OK, st == BR_OK ? message : err.message);
    if (api_health_has_looked(service->health)) {
      atomic_store(&service->started, true);
    }
    const uint64_t pause_ms = st == BR_OK ? WELL_MS : failure_ms;
    failure_ms = st == BR_OK ? FIRST_MS : failure_ms * 2 < LONGEST_MS ? failure_ms * 2 : LONGEST_MS;
    if (br_cancel_sleep_ms(service->stop, pause_ms, NULL) != BR_OK) {
      return NULL;
    }
  }
}

static br_status start_sides(api *service, api_health *h, br_error *err) {
  bool any = false;
  for (size_t i = 0; i < 2; i++) {
    side *s = &h->sides[i];
    if ((service->options.sides & s->which) == 0) {
      continue;
    }
    int failed = pthread_create(&s->thread, NULL, watch, s);
    if (failed != 0) {
      return br_error_errno(err, failed, "A thread could not be started");
    }
    s->thread_started = any = true;
  }
  if (!any) {
    atomic_store(&service->started, true);
  }
  return BR_OK;
}

br_status api_health_start(api *service, api_health **ret_health, br_error *err) {
  api_health *h = br_calloc(1, sizeof *h);
  if (h == NULL) {
    return br_error_nomem(err);
  }
  pthread_mutex_init(&h->lock, NULL);
  h->sides[0] = (side){.service = service,
                       .which = SETTINGS_SQLSERVER,
                       .name = "SQL Server",
                       .look = look_at_sqlserver};
  h->sides[1] = (side){.service = service,
                       .which = SETTINGS_DATABRICKS,
                       .name = "Databricks",
                       .look = look_at_databricks};
  *ret_health = h; /* the threads look there */
  return start_sides(service, h, err);
}

void api_health_stop(api_health *health) {
  if (health == NULL) {
    return;
  }
  for (size_t i = 0; i < 2; i++) {
    if (health->sides[i].thread_started) {
      pthread_join(health->sides[i].thread, NULL);
    }
  }
  pthread_mutex_destroy(&health->lock);
  br_free(health);
}

bool api_health_is_up(api_health *h, unsigned which) {
  pthread_mutex_lock(&h->lock);
  const bool up = h->sides[which == SETTINGS_SQLSERVER ? 0 : 1].up;
  pthread_mutex_unlock(&h->lock);
  return up;
}

bool api_health_has_looked(api_health *h) {
  bool all = true;
  pthread_mutex_lock(&h->lock);
  for (size_t i = 0; i < 2; i++) {
    const bool there = (h->sides[i].service->options.sides & h->sides[i].which) != 0;
    all = all && (!there || h->sides[i].looked);
  }
  pthread_mutex_unlock(&h->lock);
  return all;
}

/* ---- routes ---- */

static json_t *text_or_null(const char *text) {
  return api_json_text(text == NULL || text[0] == '\0' ? NULL : text);
}

static json_t *details_of(const api *service, unsigned which) {
  if (which == SETTINGS_SQLSERVER) {
    return json_pack("{s:o, s:o}", "host", text_or_null(service->sqlserver.host), "database",
                     text_or_null(service->sqlserver.database));
  }
  const dbx_options *options = service->options.databricks;
  return json_pack("{s:o, s:o}", "host", text_or_null(options == NULL ? NULL : options->host),
                   "catalog", text_or_null(options == NULL ? NULL : options->catalog));
}

static json_t *component(const api *service, api_health *h, const side *s) {
  const bool there = (service->options.sides & s->which) != 0;
  char message[512];
  pthread_mutex_lock(&h->lock);
  const char *word = !there ? "not_configured" : s->up ? "healthy" : "unhealthy";
  (void)snprintf(message, sizeof message, "%s",
                 !there      ? "Not configured"
                 : s->looked ? s->message
                             : "Not looked at yet");
  const int64_t looked_us = s->looked_us;
  pthread_mutex_unlock(&h->lock);
  return json_pack("{s:s, s:o, s:o, s:o}", "status", word, "message", api_json_text(message),
                   "details", details_of(service, s->which), "checked_at",
                   api_json_time(looked_us));
}

br_status api_get_ready(api_request *r, http_reply *reply, br_error *err) {
  const api *service = r->service;
  api_health *h = service->health;
  unsigned up = 0, there = 0;
  for (size_t i = 0; i < 2; i++) {
    there += (service->options.sides & h->sides[i].which) != 0;
    up += api_health_is_up(h, h->sides[i].which);
  }
  const bool well = up == there && !atomic_load(&service->draining);
  json_t *body = json_pack("{s:s, s:s, s:s, s:{s:o, s:o}}", "status",
                           well                                         ? "healthy"
                           : atomic_load(&service->draining) || up == 0 ? "unhealthy"
                                                                        : "degraded",
                           "version", service->options.version, "environment",
                           settings_get(service->config, SETTING_ENVIRONMENT), "components",
                           "sql_server", component(service, h, &h->sides[0]), "databricks",
                           component(service, h, &h->sides[1]));
  return api_reply_json(reply, well ? 200 : 503, body, err);
}

br_status api_get_live(api_request *r, http_reply *reply, br_error *err) {
  (void)r;
  return api_reply_json(reply, 200, json_pack("{s:s}", "status", "ok"), err);
}

br_status api_get_startup(api_request *r, http_reply *reply, br_error *err) {
  const bool started = atomic_load(&r->service->started);
  return api_reply_json(reply, started ? 200 : 503,
                        json_pack("{s:s}", "status", started ? "started" : "starting"), err);
}

br_status api_get_root(api_request *r, http_reply *reply, br_error *err) {
  return api_reply_json(reply, 200,
                        json_pack("{s:s, s:s, s:s, s:s, s:b}", "service", "sql-databricks-bridge",
                                  "version", r->service->options.version, "environment",
                                  settings_get(r->service->config, SETTING_ENVIRONMENT), "docs",
                                  "/docs", "auth_enabled", api_access_enabled(r->service->access)),
                        err);
}
