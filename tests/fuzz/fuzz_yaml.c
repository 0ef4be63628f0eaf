/* Any bytes are a YAML tree or a clear error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every promise of the header about a node. */
static void check(const settings_yaml *node, const settings_yaml *parent) {
  if ((node->kind == SETTINGS_YAML_SCALAR) != (node->text != NULL) || node->line == 0 ||
      (parent != NULL && parent->kind == SETTINGS_YAML_MAP) != (node->key != NULL) ||
      (node->is_null && node->text[0] != '\0') ||
      (node->kind == SETTINGS_YAML_SCALAR && node->count != 0)) {
    abort();
  }
  for (size_t i = 0; i < node->count; i++) {
    check(&node->children[i], node);
    if (node->kind == SETTINGS_YAML_MAP &&
        settings_yaml_find(node, node->children[i].key) != &node->children[i]) {
      abort();
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  settings_yaml *root = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = settings_yaml_parse((const char *)data, size, "f.yaml", &root, &err);
  if (st == BR_OK) {
    check(root, NULL);
    settings_yaml_free(root);
  } else if (root != NULL || st != BR_ERR_DATA || err.message[0] == '\0') {
    abort();
  }
  return 0;
}
