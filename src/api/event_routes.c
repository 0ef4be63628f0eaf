/* Events: list, show, retry, delete, stats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/event_json.h"
#include "api/poller.h"
#include "api/routes.h"
#include "base/limits.h"
#include "base/mem.h"
#include "databricks/json.h"
#include "sync/cancel_event.h"

enum { PAGE = 250 }; /* rows asked for at a time */

/* As the poller sees the table that it asks rights for. */
bool api_may_table(const api_caller *caller, const char *target, unsigned access) {
  sync_name name;
  char plain[SYNC_NAME_TEXT_MAX];
  if (caller->everything) {
    return true;
  }
  if (target == NULL || sync_name_parse(SYNC_SQLSERVER, target, &name, NULL) != BR_OK) {
    return api_may_all(caller, access);
  }
  sync_name_plain(&name, plain);
  return api_may(caller, plain, access);
}

static bool sees(const api_caller *caller, const char *target) {
  return api_may_table(caller, target, AUTH_READ) || api_may_table(caller, target, AUTH_WRITE);
}

/* ---- list ---- */

typedef struct listing {
  const api_request *r;
  sync_queue *queue;
  json_t *list;
  uint64_t skip; /* rows before the list */
  size_t limit;
} listing;

static br_status take_rows(listing *l, const dbx_result *result, br_error *err) {
  for (uint64_t row = 0; row < dbx_result_rows(result); row++) {
    /* An UPDATE may have come between the statements. */
    if (!sees(&l->r->caller, dbx_result_value(result, row, SYNC_COLUMN_TARGET_TABLE))) {
      continue;
    }
    if (json_array_size(l->list) == l->limit) {
      return BR_OK;
    }
    json_t *event = api_event_json(result, row);
    if (event == NULL || json_array_append_new(l->list, event) != 0) {
      return br_error_nomem(err);
    }
  }
  return BR_OK;
}

static br_status add_seen(const api_caller *caller, const dbx_result *stats, json_t *seen,
                          br_error *err) {
  for (uint64_t row = 0; row < dbx_result_rows(stats); row++) {
    const char *target = dbx_result_value(stats, row, 2);
    if (target != NULL && sees(caller, target) &&
        json_object_set_new(seen, target, json_true()) != 0) {
      return br_error_nomem(err);
    }
  }
  return BR_OK;
}

/* The names that tables of events have, as far as the caller may see them, as a JSON list; "":
 * none. The caller frees. */
static br_status visible_targets(const listing *l, char **ret_targets, br_error *err) {
  dbx_result *stats = NULL;
  json_t *seen = json_object(), *names = json_array();
  const char *name = NULL;
  json_t *ignored = NULL;
  br_buf text;
  br_buf_init(&text, BR_LIMIT_HTTP_BODY);
  br_status st = seen == NULL || names == NULL ? br_error_nomem(err) : BR_OK;
  st = st == BR_OK ? sync_queue_stats(l->queue, l->r->service->stop, &stats, err) : st;
  st = st == BR_OK ? add_seen(&l->r->caller, stats, seen, err) : st;
  if (st == BR_OK) {
    json_object_foreach(seen, name, ignored) {
      st = st == BR_OK && json_array_append_new(names, json_string(name)) != 0 ? br_error_nomem(err)
                                                                               : st;
    }
  }
  st = st == BR_OK && json_array_size(names) > 0 ? dbx_json_write(names, &text, err) : st;
  char *taken = st == BR_OK ? br_buf_take(&text, NULL) : NULL;
  dbx_result_free(stats);
  json_decref(seen);
  json_decref(names);
  br_buf_done(&text);
  if (taken == NULL) {
    return st == BR_OK ? br_error_nomem(err) : st;
  }
  *ret_targets = taken;
  return BR_OK;
}

static br_status list_pages(listing *l, const char *targets, br_error *err) {
  sync_list_options options = {.status = http_request_query(l->r->http, "status_filter"),
                               .operation = http_request_query(l->r->http, "operation_filter"),
                               .targets = targets,
                               .offset = l->skip,
                               .limit = l->limit < PAGE ? l->limit : PAGE};
  const uint64_t page = options.limit;
  br_status st = BR_OK;
  for (uint64_t rows = page; st == BR_OK && rows == page && json_array_size(l->list) < l->limit;
       options.offset += page) {
    dbx_result *result = NULL;
    st = sync_queue_list(l->queue, &options, l->r->service->stop, &result, err);
    if (st == BR_OK) {
      rows = dbx_result_rows(result);
      st = take_rows(l, result, err);
    }
    dbx_result_free(result);
  }
  return st;
}

/* What the caller may not see does not count: who may not see everything has the table asked first
 * for the names that stand in it, so that the list takes no more statements than its pages. */
static br_status list_visible(listing *l, br_error *err) {
  char *targets = NULL;
  if (api_may_all(&l->r->caller, AUTH_READ) || api_may_all(&l->r->caller, AUTH_WRITE)) {
    return list_pages(l, NULL, err);
  }
  br_status st = visible_targets(l, &targets, err);
  if (st == BR_OK && targets[0] != '\0') {
    st = list_pages(l, targets, err);
  }
  br_free(targets);
  return st;
}

br_status api_get_events(api_request *r, http_reply *reply, br_error *err) {
  br_error why = BR_ERROR_INIT;
  listing l = {.r = r,
               .skip = (uint64_t)api_parameter_number(r, "offset", 0),
               .limit = (size_t)api_parameter_number(r, "limit", 100),
               .list = json_array()};
  if (l.list == NULL) {
    return br_error_nomem(err);
  }
  br_status st = api_queue(r->service, &l.queue, &why);
  st = st == BR_OK ? list_visible(&l, &why) : st;
  if (st != BR_OK) {
    json_decref(l.list);
    return api_reply_unreachable(reply, &why, err);
  }
  return api_reply_json(reply, 200, l.list, err);
}

/* ---- one event ---- */

/* The side's failures are the service's: 503, whatever they are. */
br_status api_reply_unreachable(http_reply *reply, const br_error *why, br_error *err) {
  return api_reply_error(reply, why->status == BR_ERR_NOMEM ? 500 : 503, err, "%s", why->message);
}

br_status api_find_event(sync_queue *queue, const char *event_id, br_cancel *cancel,
                         dbx_result **ret_result, br_error *err) {
  const sync_list_options options = {.event_id = event_id, .limit = 1};
  dbx_result *result = NULL;
  br_status st = sync_queue_list(queue, &options, cancel, &result, err);
  if (st == BR_OK && dbx_result_rows(result) == 0) {
    dbx_result_free(result);
    return BR_DONE;
  }
  if (st == BR_OK) {
    *ret_result = result;
  }
  return st;
}

/* The event that the path names, where the caller may see it. false: the reply is made, or *ret_st
 * is a failure. */
static bool find(const api_request *r, sync_queue **ret_queue, dbx_result **ret_result,
                 http_reply *reply, br_status *ret_st, br_error *err) {
  const char *id = http_request_capture(r->http, 0);
  br_error why = BR_ERROR_INIT;
  dbx_result *result = NULL;
  br_status st = api_queue(r->service, ret_queue, &why);
  st = st == BR_OK ? api_find_event(*ret_queue, id, r->service->stop, &result, &why) : st;
  if (st == BR_DONE ||
      (st == BR_OK && !sees(&r->caller, dbx_result_value(result, 0, SYNC_COLUMN_TARGET_TABLE)))) {
    *ret_st = api_reply_error(reply, 404, err, "Event not found: %.400s", id);
  } else if (st != BR_OK) {
    *ret_st = api_reply_unreachable(reply, &why, err);
  } else {
    *ret_result = result;
    return true;
  }
  dbx_result_free(result);
  return false;
}

br_status api_get_event(api_request *r, http_reply *reply, br_error *err) {
  sync_queue *queue = NULL;
  dbx_result *result = NULL;
  br_status st = BR_OK;
  if (!find(r, &queue, &result, reply, &st, err)) {
    return st;
  }
  json_t *event = api_event_json(result, 0);
  dbx_result_free(result);
  return api_reply_json(reply, 200, event, err);
}

/* Audits and, where the caller may not, replies. */
bool api_event_write_allowed(const api_request *r, const char *target, const char *action,
                             http_reply *reply, br_status *ret_st, br_error *err) {
  const bool may = api_may_table(&r->caller, target, AUTH_WRITE);
  br_error why = BR_ERROR_INIT;
  if (api_audit_decision(r, may, target, action, NULL, &why) != BR_OK) {
    *ret_st = api_reply_error(reply, 503, err, "%s", why.message);
    return false;
  }
  if (!may) {
    *ret_st = api_reply_error(reply, 403, err, "The token may not write %.400s",
                              target == NULL ? "this table" : target);
  }
  return may;
}

/* The row that the caller's rights were checked for. */
static sync_row_name row_name(const dbx_result *result) {
  return (sync_row_name){.event_id = dbx_result_value(result, 0, SYNC_COLUMN_EVENT_ID),
                         .fingerprint = dbx_result_value(result, 0, SYNC_COLUMN_FINGERPRINT)};
}

static br_status retry(const api_request *r, sync_queue *queue, const dbx_result *found,
                       http_reply *reply, br_error *err) {
  const char *id = http_request_capture(r->http, 0);
  const char *status = dbx_result_value(found, 0, SYNC_COLUMN_STATUS);
  const sync_row_name row = row_name(found);
  br_error why = BR_ERROR_INIT;
  dbx_result *result = NULL;
  bool done = false;
  br_status st = sync_queue_retry(queue, &row, r->service->stop, &done, &why);
  if (st == BR_OK && !done) {
    return api_reply_error(reply, 400, err,
                           "Only failed and blocked events can be retried; this "
                           "one is %.40s",
                           status == NULL ? "pending" : status);
  }
  st = st == BR_OK ? api_find_event(queue, id, r->service->stop, &result, &why) : st;
  if (st == BR_DONE) {
    return api_reply_error(reply, 404, err, "Event not found: %.400s", id);
  }
  if (st != BR_OK) {
    return api_reply_unreachable(reply, &why, err);
  }
  api_poller_look(r->service);
  json_t *event = api_event_json(result, 0);
  dbx_result_free(result);
  return api_reply_json(reply, 200, event, err);
}

br_status api_retry_event(api_request *r, http_reply *reply, br_error *err) {
  sync_queue *queue = NULL;
  dbx_result *result = NULL;
  br_status st = BR_OK;
  if (!find(r, &queue, &result, reply, &st, err)) {
    return st;
  }
  if (api_event_write_allowed(r, dbx_result_value(result, 0, SYNC_COLUMN_TARGET_TABLE), "retry",
                              reply, &st, err)) {
    st = retry(r, queue, result, reply, err);
  }
  dbx_result_free(result);
  return st;
}

static br_status delete (const api_request *r, sync_queue *queue, const dbx_result *found,
                         http_reply *reply, br_error *err) {
  const char *status = dbx_result_value(found, 0, SYNC_COLUMN_STATUS);
  const sync_row_name row = row_name(found);
  br_error why = BR_ERROR_INIT;
  sync_session session = {.options = &r->service->sqlserver,
                          .lock_timeout_s = r->service->sync.lock_timeout_s,
                          .cancel = r->service->stop};
  if (status != NULL && strcmp(status, "pending") != 0) {
    return api_reply_error(reply, 400, err, "Only pending events can be deleted; this one is %.40s",
                           status);
  }
  if ((r->service->options.sides & SETTINGS_SQLSERVER) == 0) {
    return api_reply_error(reply, 503, err, "SQL Server is not configured");
  }
  br_status st =
      sync_cancel_event(queue, &r->service->ledger, &session, &row, r->service->stop, &why);
  sync_session_close(&session);
  switch (st) {
  case BR_OK:
    http_reply_status(reply, 204);
    return BR_OK;
  case BR_ERR_CONFLICT:
    return api_reply_error(reply, 409, err, "%s", why.message);
  case BR_ERR_EXISTS:
  case BR_ERR_NOT_FOUND:
    return api_reply_error(reply, 400, err, "%s", why.message);
  default:
    return api_reply_unreachable(reply, &why, err);
  }
}

br_status api_delete_event(api_request *r, http_reply *reply, br_error *err) {
  sync_queue *queue = NULL;
  dbx_result *result = NULL;
  br_status st = BR_OK;
  if (!find(r, &queue, &result, reply, &st, err)) {
    return st;
  }
  if (api_event_write_allowed(r, dbx_result_value(result, 0, SYNC_COLUMN_TARGET_TABLE), "delete",
                              reply, &st, err)) {
    st = delete (r, queue, result, reply, err);
  }
  dbx_result_free(result);
  return st;
}

/* ---- stats ---- */

static bool count_up(json_t *counts, const char *name, json_int_t more) {
  const json_t *old = json_object_get(counts, name);
  return json_object_set_new(counts, name, json_integer(json_integer_value(old) + more)) == 0;
}

static json_t *stats_json(const api_request *r, const dbx_result *result) {
  json_int_t total = 0;
  json_t *by_status = json_object(), *by_operation = json_object();
  bool complete = by_status != NULL && by_operation != NULL;
  for (uint64_t row = 0; complete && row < dbx_result_rows(result); row++) {
    if (!sees(&r->caller, dbx_result_value(result, row, 2))) {
      continue;
    }
    const char *status = dbx_result_value(result, row, 0);
    const char *operation = dbx_result_value(result, row, 1);
    const char *count = dbx_result_value(result, row, 3);
    const json_int_t number = count == NULL ? 0 : strtoll(count, NULL, 10);
    total += number;
    complete = count_up(by_status, status == NULL ? "pending" : status, number) &&
               count_up(by_operation, operation == NULL ? "unknown" : operation, number);
  }
  if (!complete) {
    json_decref(by_status);
    json_decref(by_operation);
    return NULL;
  }
  return json_pack("{s:I, s:o, s:o}", "total", total, "by_status", by_status, "by_operation",
                   by_operation);
}

br_status api_get_stats(api_request *r, http_reply *reply, br_error *err) {
  br_error why = BR_ERROR_INIT;
  sync_queue *queue = NULL;
  dbx_result *result = NULL;
  br_status st = api_queue(r->service, &queue, &why);
  st = st == BR_OK ? sync_queue_stats(queue, r->service->stop, &result, &why) : st;
  if (st != BR_OK) {
    return api_reply_unreachable(reply, &why, err);
  }
  json_t *body = stats_json(r, result);
  dbx_result_free(result);
  return api_reply_json(reply, 200, body, err);
}
