/*
 * JSON replies, and errors as a workspace words them.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/rest.h"

static int append(const char *text, size_t length, void *context) {
  return br_buf_append(context, text, length, NULL) == BR_OK ? 0 : -1;
}

br_status rest_reply_json(http_reply *reply, unsigned status, json_t *value, br_error *err) {
  if (value == NULL) {
    return br_error_nomem(err);
  }
  br_buf text;
  br_buf_init(&text, BR_LIMIT_HTTP_BODY);
  int failed = json_dump_callback(value, append, &text, JSON_COMPACT | JSON_ENCODE_ANY);
  json_decref(value);
  size_t length = 0;
  char *bytes = failed == 0 ? br_buf_take(&text, &length) : NULL;
  if (bytes == NULL) {
    br_buf_done(&text);
    return br_error_nomem(err);
  }
  http_reply_status(reply, status);
  return http_reply_take(reply, "application/json", bytes, length, err);
}

/* What stands beside an error of the Files API, as recorded; Unity Catalog's own words where it is
 * the one that refuses. NULL: out of memory. */
static json_t *make_details(const char *reason, const char *message, br_error *err) {
  char id[BR_UUID_MAX];
  if (br_uuid(id, err) != BR_OK) {
    return NULL;
  }
  json_t *words = json_object();
  if (words != NULL && strcmp(reason, "FILES_API_RESOURCE_NOT_FOUND") == 0) {
    (void)json_object_set_new(words, "unity_catalog_error_message", json_string(message));
  }
  return json_pack("[{s:s, s:s, s:s, s:o}, {s:s, s:s, s:s}]", "@type",
                   "type.googleapis.com/google.rpc.ErrorInfo", "reason", reason, "domain",
                   "filesystem.databricks.com", "metadata", words, "@type",
                   "type.googleapis.com/google.rpc.RequestInfo", "request_id", id, "serving_data",
                   "");
}

br_status rest_reply_error(http_reply *reply, unsigned status, const char *code, const char *reason,
                           br_error *err, const char *format, ...) {
  char message[1200];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(message, sizeof message, format, args);
  va_end(args);
  json_t *body = json_pack("{s:s, s:s}", "error_code", code, "message", message);
  if (body == NULL) {
    /* Cut inside a character. */
    body = json_pack("{s:s, s:s}", "error_code", code, "message", "Invalid request");
  }
  if (body != NULL && reason != NULL) {
    json_t *details = make_details(reason, message, err);
    if (details == NULL || json_object_set_new(body, "details", details) != 0) {
      json_decref(body);
      body = NULL;
    }
  }
  return rest_reply_json(reply, status, body, err);
}

br_status rest_reply_empty(http_reply *reply, unsigned status) {
  http_reply_status(reply, status);
  return BR_OK;
}

br_status rest_request_json(http_request *request, http_reply *reply, json_t **ret_object,
                            br_error *err) {
  size_t length = 0;
  const uint8_t *body = http_request_body(request, &length);
  json_error_t where;
  json_t *object = length == 0 ? json_object()
                               : json_loadb((const char *)body, length,
                                            JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
  *ret_object = NULL;
  if (json_is_object(object)) {
    *ret_object = object;
    return BR_OK;
  }
  if (object == NULL && length == 0) {
    return br_error_nomem(err);
  }
  json_decref(object);
  return rest_reply_error(reply, 400, "MALFORMED_REQUEST", NULL, err,
                          "Invalid JSON given in the body of the request - expected a map");
}
