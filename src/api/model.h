/*
 * model.h: the shapes of bodies and parameters as tables: requests are checked by them, and OpenAPI
 * is made from them.
 */
#ifndef API_MODEL_H
#define API_MODEL_H

#include <jansson.h>

#include "base/status.h"

typedef enum api_kind {
  API_TEXT,
  API_UUID,
  API_TIME, /* ISO 8601, UTC */
  API_INTEGER,
  API_NUMBER,
  API_BOOL,
  API_TEXTS,  /* a list of texts */
  API_OBJECT, /* any members */
  API_COUNTS, /* members are whole numbers */
  API_MODEL,
  API_MODELS, /* a list */
} api_kind;

enum {
  API_REQUIRED = 1, /* must be there (requests), is always there (answers) */
  API_NULLABLE = 2,
};

typedef struct api_model api_model;

typedef struct api_field {
  const char *name;
  api_kind kind;
  unsigned flags;
  int64_t minimum, maximum; /* of a number; of a text's length in characters; both 0: no limits */
  const char *words;        /* "a|b|c": no other text is taken */
  const char *initial;      /* the default, as JSON text; NULL: none */
  const api_model *model;
  const char *help;
} api_field;

struct api_model {
  const char *name;
  const char *help;
  const api_field *fields;
  size_t count;
};

extern const api_model api_model_service, api_model_status, api_model_health, api_model_component,
    api_model_components, api_model_side_details, api_model_extract, api_model_extract_accepted,
    api_model_job, api_model_job_result, api_model_job_progress, api_model_new_event,
    api_model_event, api_model_stats, api_model_poller, api_model_triggered, api_model_error,
    api_model_problem, api_model_problems, api_model_permission, api_model_me,
    api_model_audit_record;

/* Every model that OpenAPI names; ends with NULL. */
extern const api_model *const api_models[];

/* A whole number, also where it is written as 5.0 or 5e2. */
bool api_json_integer(const json_t *value, int64_t *ret_number);

/* Checks a document against the model: each problem is appended to `problems` as {loc, msg, type}.
 * Members that the model lacks are passed over. Fails only for want of memory. */
br_status api_check_body(const api_model *model, const json_t *body, json_t *problems,
                         br_error *err) BR_CHECKED;
/* The same for the text of a query parameter. */
br_status api_check_parameter(const api_field *field, const char *text, json_t *problems,
                              br_error *err) BR_CHECKED;
/* Appends {loc: [where, name], msg, type}; name NULL: {loc: [where]}. */
br_status api_add_problem(json_t *problems, const char *where, const char *name, const char *type,
                          const char *message, br_error *err) BR_CHECKED;

#endif
