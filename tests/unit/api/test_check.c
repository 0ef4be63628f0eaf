/* Requests against their shapes: what fits passes, and each thing that does not is told once, with
 * its place and kind. */
#include <string.h>

#include "api/model.h"
#include "databricks/json.h"
#include "support/cmocka.h"
#include "support/torture.h"

/* "place:type place:type", in order. */
static void problems_text(const json_t *problems, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < json_array_size(problems); i++) {
    const json_t *problem = json_array_get(problems, i);
    const json_t *loc = json_object_get(problem, "loc");
    const char *place = json_string_value(json_array_get(loc, json_array_size(loc) - 1));
    const char *type = json_string_value(json_object_get(problem, "type"));
    assert_string_not_equal(json_string_value(json_object_get(problem, "msg")), "");
    used += (size_t)snprintf(text + used, size - used, "%s%s:%s", i == 0 ? "" : " ", place, type);
  }
}

static void assert_body(const api_model *model, const char *body, const char *want) {
  json_t *object = json_loads(body, 0, NULL), *problems = json_array();
  char got[1024];
  assert_non_null(object);
  assert_int_equal(api_check_body(model, object, problems, NULL), BR_OK);
  problems_text(problems, got, sizeof got);
  json_decref(object);
  json_decref(problems);
  assert_string_equal(got, want);
}

#define EXTRACT(more)                                                                              \
  "{\"queries_path\":\"q\",\"config_path\":\"c\",\"country\":\"N\",\"destination\":\"d\"" more "}"
#define EVENT(more)                                                                                \
  "{\"event_id\":\"e\",\"operation\":\"INSERT\",\"source_table\":\"s\",\"target_table\":"          \
  "\"t\"" more "}"

static void what_fits_passes(void **state) {
  (void)state;
  assert_body(&api_model_extract, EXTRACT(""), "");
  assert_body(&api_model_extract, EXTRACT(",\"queries\":null,\"unknown\":[1]"), "");
  assert_body(&api_model_extract,
              EXTRACT(",\"queries\":[\"a\"],\"overwrite\":true,\"chunk_size\":5"), "");
  assert_body(&api_model_new_event, EVENT(""), "");
  assert_body(&api_model_new_event,
              EVENT(",\"primary_keys\":[],\"priority\":-2147483648,\"rows_expected\":null,"
                    "\"filter_conditions\":null,\"metadata\":{}"),
              "");
}

/* As JSON Schema has it: 5.0 is a whole number. */
static void whole_numbers_may_be_written_as_others(void **state) {
  (void)state;
  assert_body(&api_model_extract, EXTRACT(",\"chunk_size\":5.0"), "");
  assert_body(&api_model_extract, EXTRACT(",\"chunk_size\":5e2"), "");
  assert_body(&api_model_extract, EXTRACT(",\"chunk_size\":1e300"), "chunk_size:int_type");
}

static void each_problem_is_told(void **state) {
  (void)state;
  assert_body(&api_model_extract, "{}",
              "queries_path:missing config_path:missing country:missing destination:missing");
  assert_body(&api_model_extract, EXTRACT(",\"queries\":\"a\""), "queries:list_type");
  assert_body(&api_model_extract, EXTRACT(",\"queries\":[1]"), "queries:string_type");
  assert_body(&api_model_extract, EXTRACT(",\"overwrite\":1"), "overwrite:bool_type");
  assert_body(&api_model_extract, EXTRACT(",\"overwrite\":null"), "overwrite:bool_type");
  assert_body(&api_model_extract, EXTRACT(",\"chunk_size\":-1"), "chunk_size:greater_than_equal");
  assert_body(&api_model_extract, EXTRACT(",\"chunk_size\":1.5"), "chunk_size:int_type");
  assert_body(&api_model_new_event, EVENT(",\"priority\":2147483648"), "priority:less_than_equal");
  assert_body(&api_model_new_event, EVENT(",\"metadata\":[]"), "metadata:dict_type");
  assert_body(
      &api_model_new_event,
      "{\"event_id\":\"\",\"operation\":\"insert\",\"source_table\":null,\"target_table\":\"\"}",
      "event_id:string_too_short operation:enum source_table:string_type "
      "target_table:string_too_short");
}

/* Lengths are of characters, not bytes. */
static void lengths_count_characters(void **state) {
  (void)state;
  char body[2048] = "{\"event_id\":\"";
  for (int i = 0; i < 400; i++) {
    strcat(body, "\xC3\xA4");
  }
  size_t full = strlen(body);
  strcat(body, "\",\"operation\":\"INSERT\",\"source_table\":\"\",\"target_table\":\"t\"}");
  assert_body(&api_model_new_event, body, "");
  body[full] = '\0';
  strcat(body, "x\",\"operation\":\"INSERT\",\"source_table\":\"\",\"target_table\":\"t\"}");
  assert_body(&api_model_new_event, body, "event_id:string_too_long");
}

static void assert_parameter(const api_field *field, const char *text, const char *want) {
  json_t *problems = json_array();
  char got[256];
  assert_int_equal(api_check_parameter(field, text, problems, NULL), BR_OK);
  problems_text(problems, got, sizeof got);
  json_decref(problems);
  assert_string_equal(got, want);
}

static void parameters_are_checked(void **state) {
  (void)state;
  const api_field limit = {.name = "n", .kind = API_INTEGER, .minimum = 1, .maximum = 1000};
  const api_field flag = {.name = "n", .kind = API_BOOL};
  const api_field word = {.name = "n", .kind = API_TEXT, .words = "one|two"};
  static const char *const no_numbers[] = {"", "x", "1x", "+1", " 1", "1.0", "1 ", "0x1", "--1"};
  assert_parameter(&limit, "1", "");
  assert_parameter(&limit, "1000", "");
  assert_parameter(&limit, "0", "n:greater_than_equal");
  assert_parameter(&limit, "1001", "n:less_than_equal");
  assert_parameter(&limit, "99999999999999999999", "n:less_than_equal");
  for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++) {
    assert_parameter(&limit, no_numbers[i], "n:int_parsing");
  }
  assert_parameter(&flag, "true", "");
  assert_parameter(&flag, "0", "");
  assert_parameter(&flag, "", "n:bool_parsing");
  assert_parameter(&flag, "2", "n:bool_parsing");
  assert_parameter(&word, "two", "");
  assert_parameter(&word, "tw", "n:enum");
  assert_parameter(&word, "one|two", "n:enum");
  assert_parameter(&word, "", "n:enum");
}

static br_status check_all(void *context, br_error *err) {
  json_t *problems = json_array();
  br_status st = problems == NULL ? br_error_nomem(err)
                                  : api_check_body(&api_model_extract, context, problems, err);
  json_decref(problems);
  return st;
}

static void lack_of_memory_is_told(void **state) {
  (void)state;
  dbx_json_init();
  json_t *body = json_loads("{\"overwrite\":1}", 0, NULL);
  torture_allocations(check_all, body);
  json_decref(body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_fits_passes),
      cmocka_unit_test(whole_numbers_may_be_written_as_others),
      cmocka_unit_test(each_problem_is_told),
      cmocka_unit_test(lengths_count_characters),
      cmocka_unit_test(parameters_are_checked),
      cmocka_unit_test(lack_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
