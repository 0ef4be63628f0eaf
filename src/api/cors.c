#include "api/cors.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { ORIGINS_MAX = 32 };

struct api_cors {
  char *text; /* cut into the origins */
  const char *origins[ORIGINS_MAX];
  size_t count;
};

/* As a browser writes it: scheme, host and port in small letters, nothing behind them. */
static bool is_origin(const char *text) {
  const char *host = br_text_starts_with(text, "https://")  ? text + strlen("https://")
                     : br_text_starts_with(text, "http://") ? text + strlen("http://")
                                                            : NULL;
  return host != NULL && host[0] != '\0' &&
         host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]")] == '\0';
}

static br_status cut(api_cors *cors, br_error *err) {
  char *rest = NULL;
  for (char *word = strtok_r(cors->text, ", ", &rest); word != NULL;
       word = strtok_r(NULL, ", ", &rest)) {
    if (cors->count == ORIGINS_MAX || !is_origin(word)) {
      return br_error_set(err, BR_ERR_DATA,
                          "CORS_ALLOWED_ORIGINS: '%s' is no origin (https://app.example.com, in "
                          "small letters, without a path; at most %d)",
                          word, (int)ORIGINS_MAX);
    }
    cors->origins[cors->count++] = word;
  }
  return BR_OK;
}

br_status api_cors_new(const settings *config, api_cors **ret_cors, br_error *err) {
  const char *text = settings_get(config, SETTING_CORS_ALLOWED_ORIGINS);
  if (text[0] == '\0') {
    *ret_cors = NULL;
    return BR_OK;
  }
  api_cors *cors = br_calloc(1, sizeof *cors);
  if (cors == NULL || (cors->text = br_strdup(text)) == NULL) {
    br_free(cors);
    return br_error_nomem(err);
  }
  br_status st = cut(cors, err);
  if (st != BR_OK) {
    api_cors_free(cors);
    return st;
  }
  *ret_cors = cors;
  return BR_OK;
}

void api_cors_free(api_cors *cors) {
  if (cors != NULL) {
    br_free(cors->text);
    br_free(cors);
  }
}

/* The request's origin, where it is one of those; NULL otherwise. */
static const char *allowed_origin(const api_cors *cors, const http_request *request) {
  const char *origin = http_request_header(request, "Origin");
  for (size_t i = 0; origin != NULL && i < cors->count; i++) {
    if (strcmp(origin, cors->origins[i]) == 0) {
      return cors->origins[i];
    }
  }
  return NULL;
}

bool api_cors_allows(const api_cors *cors, const http_request *request) {
  return cors != NULL && allowed_origin(cors, request) != NULL;
}

/* Pairs; ends with NULL. */
static br_status add(http_reply *reply, const char *const *headers, br_error *err) {
  br_status st = BR_OK;
  for (; st == BR_OK && headers[0] != NULL; headers += 2) {
    st = http_reply_header(reply, headers[0], headers[1], err);
  }
  return st;
}

br_status api_cors_preflight(const api_cors *cors, const http_request *request, http_reply *reply,
                             br_error *err) {
  static const char *const headers[] = {
      "Access-Control-Allow-Methods",
      "GET, POST, DELETE",
      "Access-Control-Allow-Headers",
      "Authorization, Content-Type, Idempotency-Key, X-Request-Id",
      "Access-Control-Max-Age",
      "600",
      NULL,
  };
  if (cors == NULL || http_request_method(request) != HTTP_METHOD_COUNT ||
      http_request_header(request, "Access-Control-Request-Method") == NULL ||
      allowed_origin(cors, request) == NULL) {
    return BR_OK;
  }
  http_reply_status(reply, 204);
  return add(reply, headers, err);
}

br_status api_cors_finish(const api_cors *cors, const http_request *request, http_reply *reply,
                          br_error *err) {
  if (cors == NULL) {
    return BR_OK;
  }
  const char *origin = allowed_origin(cors, request);
  const char *const headers[] = {
      "Vary",
      "Origin", /* whoever keeps the reply keeps it for this page alone */
      origin == NULL ? NULL : "Access-Control-Allow-Origin",
      origin,
      "Access-Control-Expose-Headers",
      "Retry-After, X-Request-Id",
      NULL,
  };
  return add(reply, headers, err);
}
