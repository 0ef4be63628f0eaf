#include "databricks/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "databricks/json.h"

enum { LONGEST_CODE = 64, LONGEST_READ = 16 * 1024, LONGEST_SHOWN = 1500 };

/* The parts of an error, borrowed from the parsed body but for the code. */
typedef struct api_error {
  char code[LONGEST_CODE];
  const char *message; /* NULL: none */
  size_t length;
  const char *request_id; /* NULL: none */
} api_error;

/* ---- text for people ---- */

static void blank_out(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; from++) {
    unsigned char byte = (unsigned char)*from;
    bool blank = byte <= ' ' || byte == 0x7F;
    if (!blank) {
      *to++ = *from;
    } else if (to > text && to[-1] != ' ') {
      *to++ = ' ';
    }
  }
  while (to > text && to[-1] == ' ') {
    to--;
  }
  *to = '\0';
}

void dbx_text_clean(char *text) {
  size_t length = strlen(text);
  size_t offset = 0;
  while (!br_utf8_valid(text, length, &offset)) {
    text[offset] = '?';
  }
  br_secret_redact(text);
  blank_out(text);
}

/* ---- the shapes ---- */

static void take_message(api_error *found, const char *text) {
  if (text != NULL && found->message == NULL) {
    found->message = text;
    found->length = strlen(text);
  }
}

static void take_code(api_error *found, const json_t *value) {
  if (found->code[0] != '\0') {
    return;
  }
  if (json_is_string(value)) {
    (void)snprintf(found->code, sizeof found->code, "%s", json_string_value(value));
  } else if (json_is_integer(value)) {
    (void)snprintf(found->code, sizeof found->code, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(value));
  }
}

/* {"error_code","message","details":[{"@type","request_id"}]}; {"error"} (API 1.2);
 * {"error","error_description"} and {"errorCode","errorSummary"} (OAuth); {"detail","scimType"}
 * (SCIM). */
static void read_json(const json_t *root, api_error *found) {
  static const char *const codes[] = {"error_code", "errorCode", "scimType"};
  static const char *const messages[] = {"message", "error_description", "errorSummary", "detail"};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    take_code(found, json_object_get(root, codes[i]));
  }
  for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
    take_message(found, dbx_json_text(root, messages[i]));
  }
  const json_t *error = json_object_get(root, "error");
  if (found->message == NULL) {
    take_message(found, json_string_value(error));
  } else {
    take_code(found, error);
  }
  json_t *details = dbx_json_array(root, "details");
  for (size_t i = 0; i < json_array_size(details) && found->request_id == NULL; i++) {
    found->request_id = dbx_json_text(json_array_get(details, i), "request_id");
  }
}

/* What stands between two tags of a page. */
static bool read_element(const char *text, const char *open, const char *close, api_error *found) {
  const char *start = strcasestr(text, open);
  const char *end = start == NULL ? NULL : strcasestr(start, close);
  if (end == NULL) {
    return false;
  }
  start += strlen(open);
  found->message = start;
  found->length = (size_t)(end - start);
  return found->length > 0;
}

static void read_plain(const char *text, api_error *found) {
  if (strcasestr(text, "<html") != NULL || strcasestr(text, "<!doctype") != NULL) {
    if (!read_element(text, "<pre>", "</pre>", found) &&
        !read_element(text, "<title>", "</title>", found)) {
      found->message = "a web page, not an answer of the API";
      found->length = strlen(found->message);
    }
    return;
  }
  size_t code = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  if (code > 2 && code < LONGEST_CODE && text[code] == ':') {
    memcpy(found->code, text, code);
    found->code[code] = '\0';
    text += code + 1;
  }
  take_message(found, text);
}

/* ---- the status ---- */

static br_status status_of(long http, const char *code) {
  static const struct {
    const char *code;
    br_status status;
  } by_code[] = {
      {"ALREADY_EXISTS", BR_ERR_EXISTS},
      {"RESOURCE_ALREADY_EXISTS", BR_ERR_EXISTS},
      {"RESOURCE_DOES_NOT_EXIST", BR_ERR_NOT_FOUND},
      {"NOT_FOUND", BR_ERR_NOT_FOUND},
      {"PERMISSION_DENIED", BR_ERR_AUTH},
      {"UNAUTHENTICATED", BR_ERR_AUTH},
      {"invalid_client", BR_ERR_AUTH},
      {"invalid_grant", BR_ERR_AUTH},
      {"unauthorized_client", BR_ERR_AUTH},
      {"ABORTED", BR_ERR_CONFLICT},
      {"RESOURCE_CONFLICT", BR_ERR_CONFLICT},
  };
  static const struct {
    long http;
    br_status status;
  } by_http[] = {
      {401, BR_ERR_AUTH},   {403, BR_ERR_AUTH},  {404, BR_ERR_NOT_FOUND},
      {409, BR_ERR_EXISTS}, {413, BR_ERR_LIMIT}, {407, BR_ERR_NETWORK},
  };
  for (size_t i = 0; i < sizeof by_code / sizeof by_code[0]; i++) {
    if (strcmp(by_code[i].code, code) == 0) {
      return by_code[i].status;
    }
  }
  for (size_t i = 0; i < sizeof by_http / sizeof by_http[0]; i++) {
    if (by_http[i].http == http) {
      return by_http[i].status;
    }
  }
  return BR_ERR_REMOTE;
}

/* A cleaned copy; NULL: no memory. */
static char *shown_copy(const char *text, size_t length) {
  char *copy = br_strndup(text, length < LONGEST_READ ? length : LONGEST_READ);
  if (copy != NULL) {
    dbx_text_clean(copy);
  }
  return copy;
}

static br_status report(const dbx_http_response *response, const api_error *found, br_error *err) {
  char *message = shown_copy(found->message == NULL ? "" : found->message, found->length);
  char *code = shown_copy(found->code, strlen(found->code));
  char *request_id =
      found->request_id == NULL ? NULL : shown_copy(found->request_id, strlen(found->request_id));
  br_status st = status_of(response->status, found->code);
  if (message == NULL || code == NULL || (found->request_id != NULL && request_id == NULL)) {
    st = br_error_nomem(err);
  } else {
    br_error_set(err, st, "HTTP %ld%s%s%s%.*s", response->status, code[0] == '\0' ? "" : " ", code,
                 message[0] == '\0' ? "" : ": ", LONGEST_SHOWN, message);
    if (request_id != NULL) {
      st = br_error_append(err, st, " (request %.64s)", request_id);
    }
  }
  br_free(message);
  br_free(code);
  br_free(request_id);
  return st;
}

/* Some answers have no body; the status must do. */
static const char *words_for(long http) {
  switch (http) {
  case 401:
    return "The credentials were refused";
  case 403:
    return "No right to do this";
  case 404:
    return "Not found";
  case 409:
    return "It exists already";
  case 429:
    return "Too many requests";
  case 503:
    return "The service is not available";
  default:
    return http >= 500 ? "The service failed" : "The request was refused";
  }
}

static br_status report_redirect(const dbx_http_response *response, br_error *err) {
  char location[DBX_HEADER_TEXT_MAX];
  memcpy(location, response->location, sizeof location);
  location[strcspn(location, "?#")] = '\0';
  dbx_text_clean(location);
  return br_error_set(err, BR_ERR_REMOTE,
                      "HTTP %ld: the host redirects to \"%s\" instead of answering; is it the "
                      "workspace's address, and is it reachable from this network?",
                      response->status, location);
}

br_status dbx_error_of_answer(const dbx_http_response *response, br_error *err) {
  br_status st = BR_OK;
  if (response->status >= 300 && response->status < 400) {
    st = report_redirect(response, err);
  } else {
    size_t length = response->body.len < BR_MIB(1) ? response->body.len : BR_MIB(1);
    char *text = br_strndup(length == 0 ? "" : (const char *)response->body.data, length);
    if (text == NULL) {
      return br_error_nomem(err);
    }
    api_error found = {0};
    json_t *root = NULL;
    if (length > 0 &&
        dbx_json_load(response->body.data, response->body.len, &root, NULL) == BR_OK) {
      read_json(root, &found);
    } else {
      read_plain(text, &found);
    }
    if (found.message == NULL || found.length == 0) {
      found.message = words_for(response->status);
      found.length = strlen(found.message);
    }
    st = report(response, &found, err);
    json_decref(root);
    br_wipe(text, length);
    br_free(text);
  }
  if (err != NULL && st != BR_ERR_NOMEM) {
    err->native_code = response->status;
    err->retriable = dbx_retry_tries_of_status(response->status, true) > 1;
  }
  return st;
}

/* A token that has run out may also come back as 403 with these words. */
static const char invalid[] = "Invalid access token";

bool dbx_error_is_unauthenticated(const br_error *err) {
  /* A retriable one is of the storage behind a link, which has no token. */
  return err != NULL && err->status == BR_ERR_AUTH && !err->retriable &&
         (err->native_code == 401 ||
          (err->native_code == 403 && strstr(err->message, invalid) != NULL));
}

bool dbx_answer_refuses_credentials(const dbx_http_response *response) {
  return response->status == 401 ||
         (response->status == 403 && response->body.len > 0 &&
          memmem(response->body.data, response->body.len, invalid, sizeof invalid - 1) != NULL);
}
