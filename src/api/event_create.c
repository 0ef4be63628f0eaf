/* POST /sync/events. */
#include <string.h>

#include "api/event_json.h"
#include "api/poller.h"
#include "api/routes.h"
#include "base/mem.h"
#include "sync/accept_event.h"

/* A new event and what it borrows from. */
typedef struct draft {
  sync_new_event event;
  const char **keys;
  char *body; /* as it came, with a NUL behind it */
  char *filter, *metadata;
} draft;

static void draft_done(draft *d) {
  br_free(d->keys);
  br_free(d->body);
  br_free(d->filter);
  br_free(d->metadata);
}

static const char *text_of(const api_request *r, const char *name) {
  return json_string_value(json_object_get(r->body, name));
}

static br_status take_keys(const api_request *r, draft *d, br_error *err) {
  const json_t *list = json_object_get(r->body, "primary_keys");
  d->event.key_count = json_array_size(list);
  d->keys = br_calloc(d->event.key_count + 1, sizeof *d->keys);
  if (d->keys == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < d->event.key_count; i++) {
    d->keys[i] = json_string_value(json_array_get(list, i));
  }
  d->event.keys = d->keys;
  return BR_OK;
}

/* The objects as they were written: a number keeps its digits. */
static br_status take_objects(const api_request *r, draft *d, br_error *err) {
  size_t length = 0;
  const uint8_t *bytes = http_request_body(r->http, &length);
  d->body = br_strndup((const char *)bytes, length);
  br_status st = d->body == NULL ? br_error_nomem(err) : BR_OK;
  st = st == BR_OK ? api_member_text(d->body, "filter_conditions", &d->filter, err) : st;
  st = st == BR_OK ? api_member_text(d->body, "metadata", &d->metadata, err) : st;
  if (st == BR_OK && json_object_size(json_object_get(r->body, "metadata")) > 0) {
    d->event.metadata = d->metadata;
  }
  if (st == BR_OK && json_object_size(json_object_get(r->body, "filter_conditions")) > 0) {
    d->event.filter_conditions = d->filter;
  }
  return st;
}

static br_status fill(const api_request *r, draft *d, br_error *err) {
  const char *source = text_of(r, "source_table");
  d->event = (sync_new_event){.event_id = text_of(r, "event_id"),
                              .operation = text_of(r, "operation"),
                              .source_table = source[0] == '\0' ? NULL : source,
                              .target_table = text_of(r, "target_table")};
  d->event.has_priority =
      api_json_integer(json_object_get(r->body, "priority"), &d->event.priority);
  d->event.has_rows_expected =
      api_json_integer(json_object_get(r->body, "rows_expected"), &d->event.rows_expected);
  br_status st = take_keys(r, d, err);
  return st == BR_OK ? take_objects(r, d, err) : st;
}

/* Writes the event; as its user, where there is one. */
static br_status put(const api_request *r, sync_queue *queue, const draft *d,
                     const sync_event *checked, br_error *err) {
  const char *user = api_caller_name(&r->caller);
  sync_session session = {.options = &r->service->sqlserver,
                          .lock_timeout_s = r->service->sync.lock_timeout_s,
                          .cancel = r->service->stop};
  if (user == NULL) {
    return sync_queue_emit(queue, &d->event, r->service->stop, err);
  }
  if ((r->service->options.sides & SETTINGS_SQLSERVER) == 0) {
    return br_error_set(err, BR_ERR_NETWORK, "SQL Server is not configured");
  }
  return sync_accept_event(queue, &r->service->ledger, &session, &d->event, checked, user,
                           r->service->stop, err);
}

static br_status say_created(api_request *r, sync_queue *queue, const draft *d, http_reply *reply,
                             br_error *err) {
  dbx_result *result = NULL;
  br_error why = BR_ERROR_INIT;
  br_status st = api_find_event(queue, d->event.event_id, r->service->stop, &result, &why);
  if (st == BR_DONE) {
    return api_reply_error(reply, 503, err, "The event was written and is gone already");
  }
  if (st != BR_OK) {
    return api_reply_error(reply, 503, err, "The event was written, but can't be read: %s",
                           why.message);
  }
  json_t *event = api_event_json(result, 0);
  dbx_result_free(result);
  if (api_parameter_bool(r, "process_immediately", false)) {
    api_poller_look(r->service);
  }
  return api_reply_json(reply, 202, event, err);
}

static br_status create(api_request *r, const draft *d, http_reply *reply, br_error *err) {
  sync_queue *queue = NULL;
  sync_event *checked = NULL;
  br_error why = BR_ERROR_INIT;
  br_status st = api_queue(r->service, &queue, &why);
  st = st == BR_OK ? sync_queue_check(queue, &d->event, r->service->stop, &checked, &why) : st;
  if (st == BR_OK && checked->problem != NULL) {
    st = api_reply_error(reply, 400, err, "%s", checked->problem);
    sync_event_free(checked);
    return st;
  }
  st = st == BR_OK ? put(r, queue, d, checked, &why) : st;
  sync_event_free(checked);
  if (st == BR_OK) {
    return say_created(r, queue, d, reply, err);
  }
  return st == BR_ERR_EXISTS || st == BR_ERR_CONFLICT || st == BR_ERR_UNSUPPORTED
             ? api_reply_failure(reply, &why, err)
             : api_reply_unreachable(reply, &why, err);
}

br_status api_post_event(api_request *r, http_reply *reply, br_error *err) {
  draft d = {.keys = NULL};
  br_status st = BR_OK;
  if (!api_event_write_allowed(r, text_of(r, "target_table"), text_of(r, "operation"), reply, &st,
                               err)) {
    return st;
  }
  st = fill(r, &d, err);
  st = st == BR_OK ? create(r, &d, reply, err) : st;
  draft_done(&d);
  return st;
}
