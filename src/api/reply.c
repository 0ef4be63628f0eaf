/* JSON replies and errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_text.h"
#include "api/service.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

br_status api_reply_json(http_reply *reply, unsigned status, json_t *value, br_error *err) {
  br_buf text;
  if (value == NULL) {
    return br_error_nomem(err);
  }
  br_buf_init(&text, BR_LIMIT_HTTP_BODY);
  br_status st = api_json_write(value, &text, err);
  json_decref(value);
  size_t length = 0;
  char *bytes = st == BR_OK ? br_buf_take(&text, &length) : NULL;
  br_buf_done(&text);
  if (bytes == NULL) {
    return st == BR_OK ? br_error_nomem(err) : st;
  }
  http_reply_status(reply, status);
  return http_reply_take(reply, "application/json", bytes, length, err);
}

json_t *api_json_text(const char *text) {
  if (text == NULL) {
    return json_null();
  }
  json_t *value = json_string(text);
  if (value != NULL) {
    return value;
  }
  char *copy = br_strdup(text);
  for (size_t at = 0, left = copy == NULL ? 0 : strlen(copy); left > 0;) {
    size_t n = br_utf8_char_length(copy + at, left);
    if (n == 0) {
      copy[at] = '?';
      n = 1;
    }
    at += n;
    left -= n;
  }
  value = copy == NULL ? NULL : json_string(copy);
  br_free(copy);
  return value;
}

json_t *api_json_time(int64_t wall_us) {
  char text[BR_CLOCK_TEXT_MAX];
  if (wall_us == 0) {
    return json_null();
  }
  br_clock_format_us(wall_us, text);
  return json_string(text);
}

static br_status reply_detail(http_reply *reply, unsigned status, char *message, br_error *err) {
  br_secret_redact(message);
  json_t *detail = api_json_text(message);
  json_t *body = detail == NULL ? NULL : json_pack("{s:o}", "detail", detail);
  br_status st = api_reply_json(reply, status, body, err);
  if (st == BR_OK && status == 401) {
    st = http_reply_header(reply, "WWW-Authenticate", "Bearer", err);
  }
  return st;
}

br_status api_reply_error(http_reply *reply, unsigned status, br_error *err, const char *format,
                          ...) {
  char message[BR_ERROR_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return reply_detail(reply, status, message, err);
}

static unsigned status_of(const br_error *why) {
  switch (why->status) {
  case BR_ERR_NOT_FOUND:
    return 404;
  case BR_ERR_EXISTS:
  case BR_ERR_CONFLICT:
    return 409;
  case BR_ERR_USAGE:
  case BR_ERR_DATA:
  case BR_ERR_UNSUPPORTED:
    return 400;
  case BR_ERR_NOMEM:
  case BR_ERR_INTERNAL:
    return 500;
  default:
    return 503;
  }
}

br_status api_reply_failure(http_reply *reply, const br_error *why, br_error *err) {
  char message[BR_ERROR_MESSAGE_MAX];
  (void)snprintf(message, sizeof message, "%s", why->message);
  return reply_detail(reply, status_of(why), message, err);
}

br_status api_reply_problems(http_reply *reply, json_t *problems, br_error *err) {
  return api_reply_json(reply, 422, json_pack("{s:o}", "detail", problems), err);
}

br_status api_audit_decision(const api_request *r, bool may, const char *resource,
                             const char *action, const char *problem, br_error *err) {
  const auth_audit_detail details[] = {{.name = "error", .text = problem}};
  const auth_audit_record record = {
      .event = may ? AUTH_AUDIT_PERMISSION_GRANTED : AUTH_AUDIT_PERMISSION_DENIED,
      .user_name = api_caller_name(&r->caller),
      .source_ip = r->source_ip,
      .resource = resource,
      .action = action,
      .status = may ? "success" : "denied",
      .details = details,
      .detail_count = problem == NULL ? 0 : 1,
  };
  return api_access_audit(r->service->access, &record, err);
}

br_status api_reply_denied(const api_request *r, const char *resource, const char *action,
                           const char *message, http_reply *reply, br_error *err) {
  br_error why = BR_ERROR_INIT;
  return api_audit_decision(r, false, resource, action, message, &why) == BR_OK
             ? api_reply_error(reply, 403, err, "%s", message)
             : api_reply_error(reply, 503, err, "%s", why.message);
}

int64_t api_parameter_number(const api_request *r, const char *name, int64_t otherwise) {
  const char *text = http_request_query(r->http, name);
  return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

bool api_parameter_bool(const api_request *r, const char *name, bool otherwise) {
  const char *text = http_request_query(r->http, name);
  return text == NULL ? otherwise : strchr("tT1yo", text[0]) != NULL && strcmp(text, "off") != 0;
}
