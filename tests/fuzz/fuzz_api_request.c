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

static void check_body(const char *text, size_t size) {
  json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
  json_t *problems = json_array();
  const char *name = NULL;
  json_t *value = NULL;
  if (json_is_object(body) && problems != NULL) {
    (void)!api_check_body(&api_model_extract, body, problems, NULL);
    (void)!api_check_body(&api_model_new_event, body, problems, NULL);
    json_object_foreach(body, name, value) {
      check_member(text, name, value);
    }
  }
  json_decref(problems);
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
