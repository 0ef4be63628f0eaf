/* GET /me: the caller and his rights. GET /audit: the last lines of the audit. */
#include <string.h>

#include "api/routes.h"
#include "auth/audit_tail.h"
#include "base/mem.h"

/* ---- /me ---- */

static const char *access_word(unsigned access) {
  return access == (AUTH_READ | AUTH_WRITE) ? "read_write"
         : access == AUTH_WRITE             ? "write"
                                            : "read";
}

static json_t *rule_json(const auth_rights *rule) {
  return json_pack("{s:o, s:s, s:o}", "table", api_json_text(rule->rule), "access",
                   access_word(rule->access), "max_delete_rows",
                   rule->has_max_delete_rows ? json_integer((json_int_t)rule->max_delete_rows)
                                             : json_null());
}

static json_t *rules_json(const api_caller *caller) {
  json_t *list = json_array();
  for (size_t i = 0; list != NULL && caller->user != NULL && i < auth_user_rules(caller->user);
       i++) {
    const auth_rights rule = auth_user_rule(caller->user, i);
    if (json_array_append_new(list, rule_json(&rule)) != 0) {
      json_decref(list);
      list = NULL;
    }
  }
  return list;
}

br_status api_get_me(api_request *r, http_reply *reply, br_error *err) {
  const api_caller *caller = &r->caller;
  return api_reply_json(
      reply, 200,
      json_pack("{s:o, s:b, s:b, s:b, s:I, s:o}", "name", api_json_text(api_caller_name(caller)),
                "auth_enabled", !caller->everything, "reads_all", api_may_all(caller, AUTH_READ),
                "administers", api_may_all(caller, AUTH_READ | AUTH_WRITE), "max_delete_rows",
                (json_int_t)settings_u64(r->service->config, SETTING_SYNC_MAX_DELETE_ROWS),
                "permissions", rules_json(caller)),
      err);
}

/* ---- /audit ---- */

typedef struct audit_list {
  json_t *list;
  size_t limit;
  bool logins;
} audit_list;

/* A line that is no object (torn by a full disk) is passed over. */
static bool take_line(void *context, const char *line, size_t length) {
  audit_list *l = context;
  json_error_t ignored;
  json_t *record = json_loadb(line, length, 0, &ignored);
  const char *type = json_string_value(json_object_get(record, "event_type"));
  if (type == NULL || (!l->logins && strcmp(type, "auth_success") == 0)) {
    json_decref(record);
  } else {
    (void)json_array_append_new(l->list, record);
  }
  return json_array_size(l->list) < l->limit;
}

static br_status reply_tail(const api_request *r, const char *path, http_reply *reply,
                            br_error *err) {
  br_error why = BR_ERROR_INIT;
  audit_list l = {.list = json_array(),
                  .limit = (size_t)api_parameter_number(r, "limit", 100),
                  .logins = api_parameter_bool(r, "logins", true)};
  if (l.list == NULL) {
    return br_error_nomem(err);
  }
  if (auth_audit_tail(path, take_line, &l, &why) != BR_OK) {
    json_decref(l.list);
    return api_reply_failure(reply, &why, err);
  }
  return api_reply_json(reply, 200, l.list, err);
}

br_status api_get_audit(api_request *r, http_reply *reply, br_error *err) {
  char *path = NULL;
  if (!api_may_all(&r->caller, AUTH_READ | AUTH_WRITE)) {
    return api_reply_denied(r, "audit", "read_audit", "The audit needs read_write on *", reply,
                            err);
  }
  br_status st = auth_audit_path(r->service->config, &path, err);
  if (st != BR_OK) {
    return st;
  }
  st = strcmp(path, "-") == 0
           ? api_reply_error(reply, 404, err, "The audit goes to stdout (AUDIT_FILE)")
           : reply_tail(r, path, reply, err);
  br_free(path);
  return st;
}
