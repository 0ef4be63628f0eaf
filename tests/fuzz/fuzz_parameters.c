/* Any two YAML files are the parameters of a country or a clear error. A byte 0xFF, which no YAML
 * holds, stands between the two. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "extract/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static settings_yaml *parse(const uint8_t *data, size_t size) {
  settings_yaml *root = NULL;
  br_status st = settings_yaml_parse((const char *)data, size, "f.yaml", &root, NULL);
  if (st == BR_OK && root->kind != SETTINGS_YAML_MAP) {
    settings_yaml_free(root);
    root = NULL;
  }
  return root;
}

static void check(const extract_params *params) {
  for (size_t i = 0; i < extract_params_count(params); i++) {
    const extract_param *param = extract_params_at(params, i);
    const extract_param *found = NULL;
    if (i > 0 && strcmp(extract_params_at(params, i - 1)->name, param->name) > 0) {
      abort();
    }
    /* A full name finds its parameter, or is told to be ambiguous. */
    br_status st = extract_params_find(params, param->name, &found, NULL);
    if (!(st == BR_OK && found == param) && st != BR_ERR_USAGE) {
      abort();
    }
    (void)extract_params_nearest(params, param->value);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *middle = size == 0 ? NULL : memchr(data, 0xFF, size);
  size_t first = middle == NULL ? size : (size_t)(middle - data);
  settings_yaml *common = parse(data, first);
  settings_yaml *own = middle == NULL ? NULL : parse(middle + 1, size - first - 1);
  extract_params *params = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = extract_params_merge(common, own, "North", &params, &err);
  if (st == BR_OK) {
    check(params);
    extract_params_free(params);
  } else if ((st != BR_ERR_DATA && st != BR_ERR_LIMIT) || err.message[0] == '\0') {
    abort();
  }
  settings_yaml_free(common);
  settings_yaml_free(own);
  return 0;
}
