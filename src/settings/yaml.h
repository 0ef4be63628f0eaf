/*
 * yaml.h: YAML files with the place of everything in them, values as the text that was written.
 *
 *   settings_yaml_parse(text, length, "Northland.yaml", &root, err)
 *     root->children[i].key, .text, .line …
 *   settings_yaml_free(root)
 *
 * Scalars keep their spelling: 1.0 stays 1.0, NO stays NO, 007 stays 007. YAML 1.2's core rules
 * decide one thing only: a plain null, Null, NULL, ~ or nothing is no value (text "", is_null).
 * Refused, with line and column: a key twice in one map (both places), keys that aren't scalars,
 * anchors, aliases and merge keys, tags other than the core ones, more than one document.
 */
#ifndef SETTINGS_YAML_H
#define SETTINGS_YAML_H

#include "base/file.h"
#include "base/status.h"

typedef enum settings_yaml_kind {
  SETTINGS_YAML_SCALAR,
  SETTINGS_YAML_LIST,
  SETTINGS_YAML_MAP
} settings_yaml_kind;

typedef struct settings_yaml settings_yaml;
struct settings_yaml {
  settings_yaml_kind kind;
  char *key; /* in a map; NULL elsewhere */
  size_t key_line, key_column;
  size_t line, column;     /* 1-based, of the value */
  char *text;              /* scalars; never NULL there. A NUL byte in it is refused */
  bool is_null;            /* a scalar without a value */
  settings_yaml *children; /* of lists and maps, in the order of the file */
  size_t count;
};

/* An empty document is an empty map. name is the file's, for messages. BR_ERR_DATA: "name, line 3,
 * column 7: …". */
br_status settings_yaml_parse(const char *text, size_t length, const char *name,
                              settings_yaml **ret_root, br_error *err) BR_CHECKED;
/* Reads and parses a file, where the guard (NULL: none) lets it. BR_ERR_NOT_FOUND where there is
 * none. */
br_status settings_yaml_read(const char *path, const char *name, const br_file_guard *guard,
                             settings_yaml **ret_root, br_error *err) BR_CHECKED;
void settings_yaml_free(settings_yaml *root); /* NULL is fine */

/* The child of that key; NULL: none. */
const settings_yaml *settings_yaml_find(const settings_yaml *map, const char *key);

#endif
