/* Checks of requests against their models. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/model.h"
#include "base/text.h"

br_status api_add_problem(json_t *problems, const char *where, const char *name, const char *type,
                          const char *message, br_error *err) {
  json_t *problem =
      name == NULL
          ? json_pack("{s:[s], s:s, s:s}", "loc", where, "msg", message, "type", type)
          : json_pack("{s:[ss], s:s, s:s}", "loc", where, name, "msg", message, "type", type);
  return problem != NULL && json_array_append_new(problems, problem) == 0 ? BR_OK
                                                                          : br_error_nomem(err);
}

static size_t characters(const char *text) {
  size_t count = 0;
  for (; *text != '\0'; text++) {
    count += ((unsigned char)*text & 0xC0U) != 0x80;
  }
  return count;
}

static bool one_of(const char *words, const char *text) {
  const size_t length = strlen(text);
  for (const char *word = words; word != NULL;) {
    const size_t n = strcspn(word, "|");
    if (n == length && memcmp(word, text, n) == 0) {
      return true;
    }
    word = word[n] == '|' ? word + n + 1 : NULL;
  }
  return false;
}

/* What is wrong with a text; NULL: nothing. message holds 256 bytes. */
static const char *text_problem(const api_field *field, const char *text, char *message) {
  if (field->words != NULL && !one_of(field->words, text)) {
    (void)snprintf(message, 256, "Input should be one of %s", field->words);
    return "enum";
  }
  if (field->maximum == 0) {
    return NULL;
  }
  const size_t length = characters(text);
  if (length < (size_t)field->minimum) {
    (void)snprintf(message, 256, "String should have at least %" PRId64 " character%s",
                   field->minimum, field->minimum == 1 ? "" : "s");
    return "string_too_short";
  }
  if (length > (size_t)field->maximum) {
    (void)snprintf(message, 256, "String should have at most %" PRId64 " characters",
                   field->maximum);
    return "string_too_long";
  }
  return NULL;
}

bool api_json_integer(const json_t *value, int64_t *ret_number) {
  if (json_is_integer(value)) {
    *ret_number = json_integer_value(value);
    return true;
  }
  const double number = json_real_value(value);
  if (!json_is_real(value) || number < -9.0e18 || number > 9.0e18 ||
      number != (double)(int64_t)number) {
    return false;
  }
  *ret_number = (int64_t)number;
  return true;
}

static const char *integer_problem(const api_field *field, int64_t value, char *message) {
  if (field->minimum == 0 && field->maximum == 0) {
    return NULL;
  }
  if (value < field->minimum) {
    (void)snprintf(message, 256, "Input should be greater than or equal to %" PRId64,
                   field->minimum);
    return "greater_than_equal";
  }
  if (value > field->maximum) {
    (void)snprintf(message, 256, "Input should be less than or equal to %" PRId64, field->maximum);
    return "less_than_equal";
  }
  return NULL;
}

static const char *texts_problem(const json_t *list, char *message) {
  enum { MOST = 1000 };
  if (!json_is_array(list)) {
    (void)snprintf(message, 256, "Input should be a valid list");
    return "list_type";
  }
  if (json_array_size(list) > MOST) {
    (void)snprintf(message, 256, "List should have at most %d items", (int)MOST);
    return "too_long";
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (!json_is_string(json_array_get(list, i))) {
      (void)snprintf(message, 256, "Item %zu should be a valid string", i);
      return "string_type";
    }
  }
  return NULL;
}

static const char *value_problem(const api_field *field, const json_t *value, char *message) {
  int64_t number = 0;
  switch (field->kind) {
  case API_INTEGER:
    if (!api_json_integer(value, &number)) {
      (void)snprintf(message, 256, "Input should be a valid integer");
      return "int_type";
    }
    return integer_problem(field, number, message);
  case API_BOOL:
    (void)snprintf(message, 256, "Input should be a valid boolean");
    return json_is_boolean(value) ? NULL : "bool_type";
  case API_TEXTS:
    return texts_problem(value, message);
  case API_OBJECT:
    (void)snprintf(message, 256, "Input should be a valid dictionary");
    return json_is_object(value) ? NULL : "dict_type";
  default:
    if (!json_is_string(value)) {
      (void)snprintf(message, 256, "Input should be a valid string");
      return "string_type";
    }
    return text_problem(field, json_string_value(value), message);
  }
}

static bool is_member(const api_model *model, const char *name) {
  for (size_t i = 0; i < model->count; i++) {
    if (strcmp(model->fields[i].name, name) == 0) {
      return true;
    }
  }
  return false;
}

/* Clients may send more than a model knows, what they were shown of an event for one. But a member
 * that looks like another, which is not there, was meant to be that one. */
static br_status check_misspelt(const api_model *model, const json_t *body, json_t *problems,
                                br_error *err) {
  enum { FIELDS_MAX = 32 };
  const char *missing[FIELDS_MAX];
  size_t count = 0;
  const char *name = NULL;
  json_t *value = NULL;
  br_status st = BR_OK;
  for (size_t i = 0; i < model->count && count < FIELDS_MAX; i++) {
    if (json_object_get(body, model->fields[i].name) == NULL) {
      missing[count++] = model->fields[i].name;
    }
  }
  json_object_foreach((json_t *)body, name, value) {
    const bool known = is_member(model, name) || is_member(&api_model_event, name);
    const char *near = known || st != BR_OK ? NULL : br_text_nearest(name, missing, count);
    if (near != NULL) {
      char message[256];
      (void)snprintf(message, sizeof message, "Did you mean '%s'?", near);
      st = api_add_problem(problems, "body", name, "extra_forbidden", message, err);
    }
  }
  return st;
}

br_status api_check_body(const api_model *model, const json_t *body, json_t *problems,
                         br_error *err) {
  char message[256];
  br_status st = BR_OK;
  for (size_t i = 0; i < model->count && st == BR_OK; i++) {
    const api_field *field = &model->fields[i];
    const json_t *value = json_object_get(body, field->name);
    if (value == NULL) {
      st = (field->flags & API_REQUIRED) != 0
               ? api_add_problem(problems, "body", field->name, "missing", "Field required", err)
               : BR_OK;
      continue;
    }
    if (json_is_null(value) && (field->flags & API_NULLABLE) != 0) {
      continue;
    }
    const char *type = value_problem(field, value, message);
    st = type == NULL ? BR_OK : api_add_problem(problems, "body", field->name, type, message, err);
  }
  return st == BR_OK ? check_misspelt(model, body, problems, err) : st;
}

static bool is_bool(const char *text) {
  return one_of("true|false|1|0|True|False|yes|no|on|off", text);
}

br_status api_check_parameter(const api_field *field, const char *text, json_t *problems,
                              br_error *err) {
  char message[256] = "";
  const char *type = NULL;
  if (field->kind == API_INTEGER) {
    char *end = NULL;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || strchr("+ \t\r\n\v\f", text[0]) != NULL) {
      type = "int_parsing";
      (void)snprintf(message, sizeof message, "Input should be a valid integer");
    } else {
      type = integer_problem(field, value, message);
    }
  } else if (field->kind == API_BOOL) {
    type = is_bool(text) ? NULL : "bool_parsing";
    (void)snprintf(message, sizeof message, "Input should be a valid boolean");
  } else {
    type = text_problem(field, text, message);
  }
  return type == NULL ? BR_OK : api_add_problem(problems, "query", field->name, type, message, err);
}
