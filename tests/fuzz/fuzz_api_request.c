/* A request's body: checked against its shape, and its members' texts mean what the members are;
 * the same bytes as a query's `reads` header. */
#include <stdlib.h>
#include <string.h>

#include "api/event_json.h"
#include "api/model.h"
#include "api/reads.h"
#include "base/mem.h"
#include "databricks/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_member(const char *text, const char *name, const json_t *value) {
  char *written = NULL;
  if (api_member_text(text, name, &written, NULL) != BR_OK) {
    return;
  }
  json_t *again = written == NULL ? json_null() : json_loads(written, JSON_DECODE_ANY, NULL);
  if (again == NULL || !json_equal(again, value)) {
    abort();
  }
  json_decref(again);
  br_free(written);
}

/* A body that fits has what its model requires; one that doesn't is told in words that are texts.
 */
static void check_model(const api_model *model, const json_t *body) {
  json_t *problems = json_array();
  if (problems == NULL || api_check_body(model, body, problems, NULL) != BR_OK) {
    json_decref(problems);
    return;
  }
  for (size_t i = 0; i < json_array_size(problems); i++) {
    const json_t *problem = json_array_get(problems, i);
    const char *message = json_string_value(json_object_get(problem, "msg"));
    if (message == NULL || message[0] == '\0' ||
        json_array_size(json_object_get(problem, "loc")) < 2) {
      abort();
    }
  }
  for (size_t i = 0; i < model->count && json_array_size(problems) == 0; i++) {
    if ((model->fields[i].flags & API_REQUIRED) != 0 &&
        json_object_get(body, model->fields[i].name) == NULL) {
      abort();
    }
  }
  json_decref(problems);
}

static void check_body(const char *text, size_t size) {
  json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
  const char *name = NULL;
  json_t *value = NULL;
  if (json_is_object(body)) {
    for (size_t i = 0; api_models[i] != NULL; i++) {
      check_model(api_models[i], body);
    }
    json_object_foreach(body, name, value) {
      check_member(text, name, value);
    }
  }
  json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char table[64];
  dbx_json_init();
  char *text = br_strndup((const char *)data, size);
  if (text == NULL) {
    return 0;
  }
  check_body(text, strlen(text));
  for (api_reads reads = {.at = text}; api_reads_next(&reads, table, sizeof table);) {
    if (strlen(table) == 0) {
      abort();
    }
  }
  br_free(text);
  return 0;
}
