#include "api/poller.h"

#include <stdio.h>
#include <string.h>

#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "sync/audit.h"
#include "sync/setup.h"

enum {
  FIRST_MS = 1000,
  LONGEST_MS = 60000,
  TICK_MS = 1000,
  RETAIN_MS = 60000,
  RETAIN_AT_A_TIME = 500
};

static const unsigned both = SETTINGS_SQLSERVER | SETTINGS_DATABRICKS;

static bool is_enabled(const api *service) {
  return (service->options.sides & both) == both &&
         settings_bool(service->config, SETTING_POLLER_ENABLED);
}

/* ---- who may, and the audit ---- */

static auth_permissions *current_permissions(void *context) {
  return api_access_current(context);
}

/* Fails in strict mode alone. */
static br_status write_audit(void *context, const auth_audit_record *record, br_error *err) {
  return api_access_audit(context, record, err);
}

static void audit_event(void *context, const sync_event *event, const char *principal,
                        const sync_applied *applied) {
  api *service = context;
  sync_audit_line line;
  br_error ignored = BR_ERROR_INIT; /* what could not be written is in the log */
  sync_audit_describe(event, principal, applied, &line);
  if (api_access_audit(service->access, &line.record, &ignored) != BR_OK) {
    br_log(BR_LOG_ERROR, "event '%.100s': not in the audit",
           event->event_id == NULL ? "" : event->event_id);
  }
}

/* For good: before any thread runs. */
static void note_no_poller(api *service, const char *why) {
  (void)snprintf(service->poller_problem, sizeof service->poller_problem, "%s", why);
  br_log(BR_LOG_INFO, "no poller: %s", why);
}

void api_poller_prepare(api *service) {
  const settings *config = service->config;
  service->policy =
      (sync_policy){.current = current_permissions,
                    .context = service->access,
                    .file = settings_get(config, SETTING_PERMISSIONS_FILE),
                    .strict = settings_strict(config),
                    .max_delete_rows = settings_u64(config, SETTING_SYNC_MAX_DELETE_ROWS),
                    .audit = write_audit,
                    .audit_context = service->access};
  sync_options_of(config, &service->sync);
  service->sync.sqlserver = &service->sqlserver;
  service->sync.databricks = service->client;
  service->sync.rights = sync_policy_rights;
  service->sync.rights_context = &service->policy;
  service->sync.on_event = audit_event;
  service->sync.on_event_context = service;
  service->sync.start_cancel = service->stop;
  if (!settings_bool(config, SETTING_POLLER_ENABLED)) {
    note_no_poller(service, "Switched off (POLLER_ENABLED=false)");
  } else if (!is_enabled(service)) {
    note_no_poller(service, (service->options.sides & SETTINGS_SQLSERVER) == 0
                                ? "It needs both sides; SQL Server is not configured"
                                : "It needs both sides; Databricks is not configured");
  }
}

/* ---- the keeper ---- */

/* The sandbox begins empty: the tables are made as `init` would, also for events that others take.
 */
static bool needs_tables(const api *service) {
  return (service->options.sandbox_sides & both) == both;
}

static br_status make_tables(api *service, br_error *err) {
  sync_setup setup = {.count = 0};
  tds_conn *conn = NULL;
  br_status st =
      sync_setup_plan(service->sync.events_table, service->sync.ledger_table, false, &setup, err);
  st = st == BR_OK ? tds_connect(&service->sqlserver, service->stop, &conn, NULL, err) : st;
  for (size_t i = 0; i < setup.count && st == BR_OK; i++) {
    bool made = false;
    st = sync_setup_run(&setup.steps[i], service->client, conn, service->stop, &made, err);
    if (st != BR_OK && setup.steps[i].may_fail) {
      br_error_clear(err);
      st = BR_OK;
    }
  }
  tds_close(conn);
  sync_setup_done(&setup);
  return st;
}

static void note_problem(api *service, const char *text) {
  pthread_mutex_lock(&service->lock);
  const bool news = strcmp(service->poller_problem, text) != 0;
  (void)snprintf(service->poller_problem, sizeof service->poller_problem, "%s", text);
  pthread_mutex_unlock(&service->lock);
  if (news && text[0] != '\0') {
    br_log(BR_LOG_WARNING, "the poller can't start yet: %s", text);
  }
}

static br_status start_poller(api *service, br_error *err) {
  sync_poller *poller = NULL;
  br_status st = needs_tables(service) ? make_tables(service, err) : BR_OK;
  if (st == BR_OK && !is_enabled(service)) {
    return BR_OK;
  }
  st = st == BR_OK ? sync_poller_start(&service->sync, &poller, err) : st;
  if (st != BR_OK) {
    char text[512];
    (void)snprintf(text, sizeof text, "%.500s", err->message);
    note_problem(service, text);
    return st;
  }
  pthread_mutex_lock(&service->lock);
  service->poller = poller;
  pthread_mutex_unlock(&service->lock);
  note_problem(service, "");
  br_log(BR_LOG_INFO, "the poller looks for events in %s", service->sync.events_table);
  return BR_OK;
}

static void clear_jobs(api *service) {
  const uint64_t days = settings_u64(service->config, SETTING_JOBS_RETENTION_DAYS);
  size_t deleted = 0;
  br_error err = BR_ERROR_INIT;
  if (days == 0) {
    return;
  }
  const int64_t before_us = br_clock_wall_us() - (int64_t)days * 86400 * 1000000;
  do {
    if (jobs_retain(service->jobs, before_us, RETAIN_AT_A_TIME, &deleted, &err) != BR_OK) {
      br_log(BR_LOG_WARNING, "old jobs could not be cleared away: %s", err.message);
      return;
    }
  } while (deleted == RETAIN_AT_A_TIME && !br_cancel_requested(service->stop));
}

static void *keeper(void *context) {
  api *service = context;
  uint64_t pause_ms = FIRST_MS, try_ms = 0, clear_ms = 0;
  bool running = !is_enabled(service) && !needs_tables(service);
  do {
    const uint64_t now_ms = br_clock_monotonic_ms();
    if (now_ms >= clear_ms) { /* first: it waits for no side */
      clear_jobs(service);
      clear_ms = now_ms + RETAIN_MS;
    }
    if (!running && now_ms >= try_ms) {
      br_error err = BR_ERROR_INIT;
      running = start_poller(service, &err) == BR_OK;
      try_ms = br_clock_monotonic_ms() + pause_ms;
      pause_ms = pause_ms * 2 < LONGEST_MS ? pause_ms * 2 : LONGEST_MS;
    }
  } while (br_cancel_sleep_ms(service->stop, TICK_MS, NULL) == BR_OK);
  return NULL;
}

br_status api_keeper_start(api *service, br_error *err) {
  int failed = pthread_create(&service->keeper, NULL, keeper, service);
  service->keeper_started = failed == 0;
  return failed == 0 ? BR_OK : br_error_errno(err, failed, "A thread could not be started");
}

void api_keeper_stop(api *service) {
  if (service->keeper_started) {
    pthread_join(service->keeper, NULL);
  }
}

/* Once started it stays until the service stops, after the last request. */
static sync_poller *poller_of(api *service) {
  pthread_mutex_lock(&service->lock);
  sync_poller *poller = service->poller;
  pthread_mutex_unlock(&service->lock);
  return poller;
}

void api_poller_wind_down(api *service) {
  sync_poller *poller = poller_of(service);
  if (poller != NULL) {
    sync_poller_wind_down(poller);
  }
}

void api_poller_stop(api *service, uint64_t timeout_ms) {
  sync_poller_stop(service->poller, timeout_ms);
  service->poller = NULL;
}

/* ---- asking ---- */

void api_poller_get(api *service, sync_poller_status *ret_status) {
  sync_poller *poller = poller_of(service);
  if (poller != NULL) {
    sync_poller_get_status(poller, ret_status);
  } else {
    *ret_status = (sync_poller_status){.running = false};
  }
}

void api_poller_look(api *service) {
  sync_poller *poller = poller_of(service);
  if (poller != NULL) {
    sync_poller_look(poller);
  }
}

br_status api_queue(api *service, sync_queue **ret_queue, br_error *err) {
  if (service->ask_client == NULL) {
    return br_error_set(err, BR_ERR_NETWORK, "Databricks is not configured");
  }
  pthread_mutex_lock(&service->lock);
  sync_queue *queue = service->queue;
  pthread_mutex_unlock(&service->lock);
  if (queue != NULL) {
    *ret_queue = queue;
    return BR_OK;
  }
  br_status st = sync_queue_open(service->ask_client, service->sync.events_table,
                                 service->sync.lowest_first, service->stop, &queue, err);
  if (st != BR_OK) {
    return st;
  }
  pthread_mutex_lock(&service->lock);
  if (service->queue == NULL) {
    service->queue = queue;
    queue = NULL;
  }
  *ret_queue = service->queue;
  pthread_mutex_unlock(&service->lock);
  sync_queue_free(queue);
  return BR_OK;
}

/* ---- routes ---- */

br_status api_get_poller(api_request *r, http_reply *reply, br_error *err) {
  api *service = r->service;
  sync_poller_status status = {.running = false};
  char problem[512];
  api_poller_get(service, &status);
  pthread_mutex_lock(&service->lock);
  (void)snprintf(problem, sizeof problem, "%s",
                 status.running ? status.last_error : service->poller_problem);
  pthread_mutex_unlock(&service->lock);
  return api_reply_json(
      reply, 200,
      json_pack("{s:b, s:b, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "enabled",
                is_enabled(service), "running", status.running, "standby",
                status.running && status.standby, "events_table",
                api_json_text(settings_get(service->config, SETTING_EVENTS_TABLE)),
                "poll_interval_seconds",
                (json_int_t)settings_u64(service->config, SETTING_POLLING_INTERVAL_SECONDS),
                "max_events_per_poll",
                (json_int_t)settings_u64(service->config, SETTING_MAX_EVENTS_PER_POLL), "polls",
                (json_int_t)status.polls, "events_completed", (json_int_t)status.completed,
                "events_failed", (json_int_t)status.failed, "events_blocked",
                (json_int_t)status.blocked, "waiting", (json_int_t)status.waiting, "active",
                (json_int_t)status.active, "last_poll_at", api_json_time(status.last_poll_us),
                "last_error", api_json_text(problem[0] == '\0' ? NULL : problem)),
      err);
}

/* A look costs a statement, so it is for who may write something at all. False: *ret_st replies. */
static bool may_trigger(const api_request *r, http_reply *reply, br_status *ret_st, br_error *err) {
  const bool may = api_may_any(&r->caller, AUTH_WRITE);
  br_error why = BR_ERROR_INIT;
  if (api_audit_decision(r, may, settings_get(r->service->config, SETTING_EVENTS_TABLE),
                         "trigger_poller", NULL, &why) != BR_OK) {
    *ret_st = api_reply_error(reply, 503, err, "%s", why.message);
    return false;
  }
  if (!may) {
    *ret_st = api_reply_error(reply, 403, err, "The token may not write any table");
  }
  return may;
}

br_status api_trigger_poller(api_request *r, http_reply *reply, br_error *err) {
  api *service = r->service;
  sync_poller *poller = poller_of(service);
  uint64_t events = 0;
  bool all = false;
  br_error why = BR_ERROR_INIT;
  br_status st = BR_OK;
  if (!may_trigger(r, reply, &st, err)) {
    return st;
  }
  if (poller == NULL) {
    char problem[512];
    pthread_mutex_lock(&service->lock);
    (void)snprintf(problem, sizeof problem, "%s", service->poller_problem);
    pthread_mutex_unlock(&service->lock);
    return api_reply_error(reply, 503, err, "%s%s%s",
                           is_enabled(service) ? "The poller has not started"
                                               : "There is no poller",
                           problem[0] == '\0' ? "" : ": ", problem);
  }
  const uint64_t patience_ms = 1000 * (uint64_t)api_parameter_number(r, "wait_seconds", 30);
  if (sync_poller_run_once(poller, service->stop, patience_ms, &events, &all, &why) != BR_OK) {
    return api_reply_error(reply, 503, err, "%s", why.message);
  }
  return api_reply_json(reply, 200,
                        json_pack("{s:b, s:I, s:b}", "success", 1, "events_processed",
                                  (json_int_t)events, "finished", all),
                        err);
}
