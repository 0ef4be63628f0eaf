/* OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) from the tables of routes and models. */
#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "api/routes.h"

/* The members set so far are freed where memory is out: every helper takes what it is given. */

static json_t *reference(const api_model *model) {
  char text[128];
  (void)snprintf(text, sizeof text, "#/components/schemas/%s", model->name);
  return json_pack("{s:s}", "$ref", text);
}

static json_t *words_json(const char *words) {
  json_t *list = json_array();
  for (const char *word = words; list != NULL && word != NULL;) {
    const size_t n = strcspn(word, "|");
    if (json_array_append_new(list, json_stringn(word, n)) != 0) {
      json_decref(list);
      return NULL;
    }
    word = word[n] == '|' ? word + n + 1 : NULL;
  }
  return list;
}

static json_t *kind_schema(const api_field *field) {
  switch (field->kind) {
  case API_INTEGER:
    return json_pack("{s:s}", "type", "integer");
  case API_NUMBER:
    return json_pack("{s:s}", "type", "number");
  case API_BOOL:
    return json_pack("{s:s}", "type", "boolean");
  case API_TEXTS:
    return json_pack("{s:s, s:{s:s}, s:i}", "type", "array", "items", "type", "string", "maxItems",
                     1000);
  case API_OBJECT:
    return json_pack("{s:s}", "type", "object");
  case API_COUNTS:
    return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type", "integer");
  case API_MODEL:
    return reference(field->model);
  case API_MODELS:
    return json_pack("{s:s, s:o}", "type", "array", "items", reference(field->model));
  case API_UUID:
    return json_pack("{s:s, s:s}", "type", "string", "format", "uuid");
  case API_TIME:
    return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
  case API_TEXT:
    break;
  }
  return json_pack("{s:s}", "type", "string");
}

static bool put(json_t *object, const char *name, json_t *value) {
  return object != NULL && json_object_set_new(object, name, value) == 0;
}

static bool put_limits(json_t *schema, const api_field *field) {
  if (field->minimum == 0 && field->maximum == 0) {
    return true;
  }
  const bool text = field->kind == API_TEXT;
  bool well = put(schema, text ? "minLength" : "minimum", json_integer(field->minimum));
  if (field->maximum != INT64_MAX) {
    well = well && put(schema, text ? "maxLength" : "maximum", json_integer(field->maximum));
  }
  return well;
}

static json_t *field_schema(const api_field *field) {
  json_t *schema = kind_schema(field);
  bool well = schema != NULL && put_limits(schema, field);
  if (well && field->words != NULL) {
    well = put(schema, "enum", words_json(field->words));
  }
  if (well && (field->flags & API_NULLABLE) != 0) {
    schema = json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
    well = schema != NULL;
  }
  if (well && field->initial != NULL) {
    well = put(schema, "default", json_loads(field->initial, JSON_DECODE_ANY, NULL));
  }
  if (well && field->kind != API_MODEL) {
    well = put(schema, "description", json_string(field->help));
  }
  if (!well) {
    json_decref(schema);
    return NULL;
  }
  return schema;
}

static json_t *model_schema(const api_model *model) {
  json_t *properties = json_object(), *required = json_array();
  bool well = properties != NULL && required != NULL;
  for (size_t i = 0; well && i < model->count; i++) {
    const api_field *field = &model->fields[i];
    well = put(properties, field->name, field_schema(field));
    if (well && (field->flags & API_REQUIRED) != 0) {
      well = json_array_append_new(required, json_string(field->name)) == 0;
    }
  }
  if (!well) {
    json_decref(properties);
    json_decref(required);
    return NULL;
  }
  return json_pack("{s:s, s:s, s:o, s:o}", "type", "object", "description", model->help,
                   "properties", properties, "required", required);
}

static json_t *schemas(void) {
  json_t *all = json_object();
  for (size_t i = 0; all != NULL && api_models[i] != NULL; i++) {
    if (!put(all, api_models[i]->name, model_schema(api_models[i]))) {
      json_decref(all);
      return NULL;
    }
  }
  return all;
}

/* ---- operations ---- */

static json_t *response(const char *help, const char *type, json_t *schema) {
  if (type == NULL) {
    json_decref(schema);
    return json_pack("{s:s}", "description", help);
  }
  return json_pack("{s:s, s:{s:{s:o}}}", "description", help, "content", type, "schema", schema);
}

static json_t *answer_json(const api_answer *answer) {
  if (answer->model == NULL) {
    const bool any = answer->type != NULL && strstr(answer->type, "json") != NULL;
    return response(answer->help, answer->type,
                    json_pack("{s:s}", "type", any ? "object" : "string"));
  }
  return response(answer->help, "application/json",
                  answer->list
                      ? json_pack("{s:s, s:o}", "type", "array", "items", reference(answer->model))
                      : reference(answer->model));
}

static const char *error_help(unsigned status) {
  static const struct {
    unsigned status;
    const char *help;
  } all[] = {{400, "The request asks for something that can't be"},
             {401, "No token, or nobody's"},
             {403, "The token may not"},
             {404, "Not there"},
             {409, "It is there already, or somebody is at it"},
             {413, "The body is too large"},
             {422, "The request doesn't fit its shape"},
             {429, "Too many failed logins or requests; see Retry-After"},
             {503, "A side can't be reached, or the service is about to end"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (all[i].status == status) {
      return all[i].help;
    }
  }
  return "Failed";
}

static bool put_status(json_t *responses, unsigned status, json_t *value) {
  char text[16];
  (void)snprintf(text, sizeof text, "%u", status);
  return put(responses, text, value);
}

static bool put_error(json_t *responses, unsigned status) {
  return put_status(responses, status,
                    response(error_help(status), "application/json",
                             reference(status == 422 ? &api_model_problems : &api_model_error)));
}

static json_t *responses_json(const api_route *route) {
  json_t *all = json_object();
  bool well = all != NULL;
  for (size_t i = 0; well && i < API_ANSWERS_MAX && route->answers[i].status != 0; i++) {
    well = put_status(all, route->answers[i].status, answer_json(&route->answers[i]));
  }
  for (size_t i = 0; well && i < API_ERRORS_MAX && route->errors[i] != 0; i++) {
    well = put_error(all, route->errors[i]);
  }
  well = well && put_error(all, 400); /* a bad escape in the target */
  if (well && route->rights != NULL) {
    well = put_error(all, 401) && put_error(all, 429) && put_error(all, 503);
  }
  if (well && (route->body != NULL || route->query_count > 0)) {
    well = put_error(all, 422);
  }
  if (well && route->body != NULL) {
    well = put_error(all, 413);
  }
  if (!well) {
    json_decref(all);
    return NULL;
  }
  return all;
}

static bool add_parameter(json_t *list, const char *name, const char *where, bool required,
                          const char *help, json_t *schema) {
  json_t *one = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", where, "required",
                          required, "description", help, "schema", schema);
  return one != NULL && json_array_append_new(list, one) == 0;
}

static json_t *parameters_json(const api_route *route) {
  json_t *list = json_array();
  bool well = list != NULL;
  for (const char *at = strchr(route->path, '{'); well && at != NULL; at = strchr(at + 1, '{')) {
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
    well = add_parameter(list, name, "path", true, "Which one",
                         json_pack("{s:s, s:i}", "type", "string", "minLength", 1));
  }
  for (size_t i = 0; well && i < route->query_count; i++) {
    well = add_parameter(list, route->query[i].name, "query", false, route->query[i].help,
                         field_schema(&route->query[i]));
  }
  if (well && route->handle == api_post_extract) {
    well = add_parameter(list, "Idempotency-Key", "header", false,
                         "A second request with the same key makes no second job",
                         json_pack("{s:s, s:i, s:i, s:s}", "type", "string", "minLength", 1,
                                   "maxLength", 255, "pattern", "^[!-~]+$"));
  }
  if (!well) {
    json_decref(list);
    return NULL;
  }
  return list;
}

static json_t *operation_json(const api_route *route) {
  char help[512];
  (void)snprintf(help, sizeof help, "Needs: %s.",
                 route->rights == NULL ? "nothing" : route->rights);
  json_t *all = json_pack("{s:s, s:[s], s:s, s:s, s:o, s:o}", "operationId", route->id, "tags",
                          route->tag, "summary", route->summary, "description", help, "parameters",
                          parameters_json(route), "responses", responses_json(route));
  bool well = all != NULL;
  if (well && route->rights != NULL) {
    well = put(all, "security", json_pack("[{s:[]}]", "bearer"));
  }
  if (well && route->body != NULL) {
    well = put(all, "requestBody",
               json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json",
                         "schema", reference(route->body)));
  }
  if (!well) {
    json_decref(all);
    return NULL;
  }
  return all;
}

static json_t *paths_json(void) {
  static const char *const names[HTTP_METHOD_COUNT] = {"get", "head",  "post",
                                                       "put", "patch", "delete"};
  json_t *paths = json_object();
  bool well = paths != NULL;
  for (size_t i = 0; well && i < api_route_count; i++) {
    const api_route *route = &api_routes[i];
    if (route->hidden) {
      continue;
    }
    if (json_object_get(paths, route->path) == NULL) {
      well = put(paths, route->path, json_object());
    }
    well = well &&
           put(json_object_get(paths, route->path), names[route->method], operation_json(route));
  }
  if (!well) {
    json_decref(paths);
    return NULL;
  }
  return paths;
}

json_t *api_openapi_json(const char *version) {
  return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:s, s:s}, {s:s, s:s}], s:o, s:{s:o, "
                   "s:{s:{s:s, s:s}}}}",
                   "openapi", "3.1.0", "info", "title", "SQL-Databricks Bridge", "version", version,
                   "description", "Moves data from SQL Server to Databricks, and changes back.",
                   "servers", "url", "/", "description", "This service", "url", "/api/v1",
                   "description", "The same below a prefix", "paths", paths_json(), "components",
                   "schemas", schemas(), "securitySchemes", "bearer", "type", "http", "scheme",
                   "bearer");
}

br_status api_get_openapi(api_request *r, http_reply *reply, br_error *err) {
  return api_reply_json(reply, 200, api_openapi_json(r->service->options.version), err);
}
