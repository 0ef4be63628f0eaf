/* The document: every route is in it with its answers, every reference leads somewhere, and
 * lack of memory at any point is survived. */
#include <string.h>

#include "api/openapi.h"
#include "api/routes.h"
#include "base/mem.h"
#include "databricks/json.h"
#include "support/cmocka.h"

static void check_references(const json_t *root, json_t *value) {
  const char *key = NULL;
  json_t *member = NULL;
  size_t index = 0;
  const char *reference = json_string_value(json_object_get(value, "$ref"));
  if (reference != NULL) {
    static const char prefix[] = "#/components/schemas/";
    assert_memory_equal(reference, prefix, sizeof prefix - 1);
    const json_t *schemas = json_object_get(json_object_get(root, "components"), "schemas");
    assert_non_null(json_object_get(schemas, reference + sizeof prefix - 1));
  }
  json_object_foreach(value, key, member) {
    check_references(root, member);
  }
  json_array_foreach(value, index, member) {
    check_references(root, member);
  }
}

static void every_route_is_described(void **state) {
  (void)state;
  json_t *root = api_openapi_json("1.2.3");
  assert_non_null(root);
  check_references(root, root);
  const json_t *paths = json_object_get(root, "paths");
  for (size_t i = 0; i < api_route_count; i++) {
    const api_route *route = &api_routes[i];
    const json_t *item = json_object_get(paths, route->path);
    if (route->hidden) {
      assert_null(item);
      continue;
    }
    static const char *const names[] = {"get", "head", "post", "put", "patch", "delete"};
    const json_t *operation = json_object_get(item, names[route->method]);
    assert_non_null(operation);
    assert_int_equal(json_object_get(operation, "security") != NULL, route->rights != NULL);
    assert_int_equal(json_object_get(operation, "requestBody") != NULL, route->body != NULL);
    assert_true(json_object_size(json_object_get(operation, "responses")) > 0);
  }
  json_decref(root);
}

/* Two routes with one method and path would hide each other. */
static void routes_and_names_are_unique(void **state) {
  (void)state;
  for (size_t i = 0; i < api_route_count; i++) {
    for (size_t k = i + 1; k < api_route_count; k++) {
      assert_false(api_routes[i].method == api_routes[k].method &&
                   strcmp(api_routes[i].path, api_routes[k].path) == 0);
      assert_string_not_equal(api_routes[i].id, api_routes[k].id);
    }
  }
}

/* Nothing is leaked (the sanitizer watches), whatever allocation fails. jansson may leave a part
 * out instead of failing, so most runs, not all, must tell. */
static void lack_of_memory_is_survived(void **state) {
  (void)state;
  dbx_json_init();
  br_mem_fail_after(-1);
  json_decref(api_openapi_json("1"));
  const long all = br_mem_count();
  long told = 0, runs = 0;
  for (long n = 0; n < all; n += 7) {
    br_mem_fail_after(n);
    json_t *root = api_openapi_json("1");
    br_mem_fail_after(-1);
    told += root == NULL;
    runs++;
    json_decref(root);
  }
  assert_true(all > 1000);
  assert_true(told > runs * 9 / 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_route_is_described),
      cmocka_unit_test(routes_and_names_are_unique),
      cmocka_unit_test(lack_of_memory_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
