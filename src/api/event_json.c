#include "api/event_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- from the table ---- */

static json_t *number_or(const char *text, json_t *otherwise) {
  if (text == NULL) {
    return otherwise;
  }
  json_decref(otherwise);
  return json_integer(strtoll(text, NULL, 10));
}

/* A column of JSON text; what is none is shown as the text that it is, in a list or as _text. */
static json_t *parsed(const char *text, bool list) {
  json_error_t ignored;
  json_t *value = json_loads(text, JSON_DECODE_ANY, &ignored);
  value = value != NULL ? value : json_loads(text, JSON_DECODE_INT_AS_REAL, &ignored);
  if (list ? json_is_array(value) : json_is_object(value)) {
    return value;
  }
  json_decref(value);
  return list ? json_pack("[o]", api_json_text(text))
              : json_pack("{s:o}", "_text", api_json_text(text));
}

static json_t *column_json(const char *text, sync_column column) {
  switch (column) {
  case SYNC_COLUMN_PRIMARY_KEYS:
    return text == NULL || text[0] == '\0' ? json_array() : parsed(text, true);
  case SYNC_COLUMN_METADATA:
    return text == NULL || text[0] == '\0' ? json_object() : parsed(text, false);
  case SYNC_COLUMN_FILTER_CONDITIONS:
    return text == NULL || text[0] == '\0' ? json_null() : parsed(text, false);
  case SYNC_COLUMN_PRIORITY:
    return number_or(text, json_integer(0));
  case SYNC_COLUMN_ROWS_EXPECTED:
  case SYNC_COLUMN_ROWS_AFFECTED:
  case SYNC_COLUMN_DISCREPANCY:
    return number_or(text, json_null());
  case SYNC_COLUMN_CREATED_AT:
  case SYNC_COLUMN_PROCESSED_AT:
    return text == NULL ? json_null() : api_json_time(strtoll(text, NULL, 10));
  case SYNC_COLUMN_STATUS:
    return api_json_text(text == NULL ? "pending" : text);
  default:
    return api_json_text(text);
  }
}

json_t *api_event_json(const dbx_result *result, uint64_t row) {
  json_t *event = json_object();
  for (int i = 0; event != NULL && i < SYNC_COLUMN_COUNT; i++) {
    const sync_column column = (sync_column)i;
    json_t *value = column_json(dbx_result_value(result, row, (size_t)column), column);
    if (value == NULL || json_object_set_new(event, sync_column_name(column), value) != 0) {
      json_decref(event);
      event = NULL;
    }
  }
  return event;
}

/* ---- from the request ---- */

static const char *skip_space(const char *at) {
  return at + strspn(at, " \t\r\n");
}

/* Behind the string at `at`, which begins with a quote. */
static const char *skip_string(const char *at) {
  for (at++; *at != '"' && *at != '\0'; at++) {
    at += *at == '\\' && at[1] != '\0';
  }
  return at + (*at == '"');
}

/* Behind the value at `at`. */
static const char *skip_value(const char *at) {
  size_t depth = 0;
  do {
    if (*at == '"') {
      at = skip_string(at);
      continue;
    }
    if (depth == 0 && strchr(",}] \t\r\n", *at) != NULL) {
      return at;
    }
    depth += *at == '{' || *at == '[';
    depth -= depth > 0 && (*at == '}' || *at == ']');
    at++;
  } while (*at != '\0' && (depth > 0 || strchr(",}] \t\r\n", *at) == NULL));
  return at;
}

/* Whether the JSON string from `at` to `end`, quotes included, means the name. */
static bool is_name(const char *at, const char *end, const char *name) {
  json_error_t ignored;
  json_t *text = json_loadb(at, (size_t)(end - at), JSON_DECODE_ANY, &ignored);
  const bool same = json_is_string(text) && strcmp(json_string_value(text), name) == 0;
  json_decref(text);
  return same;
}

br_status api_member_text(const char *object, const char *name, char **ret_text, br_error *err) {
  const char *at = skip_space(object);
  *ret_text = NULL;
  for (at = skip_space(at + (*at == '{')); *at == '"'; at = skip_space(at + (*at == ','))) {
    const char *key_end = skip_string(at);
    const bool found = is_name(at, key_end, name);
    const char *value = skip_space(key_end);
    value = skip_space(value + (*value == ':'));
    at = skip_value(value);
    if (found && strncmp(value, "null", 4) != 0) {
      *ret_text = br_strndup(value, (size_t)(at - value));
      return *ret_text == NULL ? br_error_nomem(err) : BR_OK;
    }
    at = skip_space(at);
  }
  return BR_OK;
}
