/*
 * params.c: two trees of YAML, walked side by side into one flat list.
 *
 *   common ─┐
 *           ├─ walk: both maps? go on below; else the country's node counts ──▶ list, sorted
 *   country ┘
 */
#include "extract/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "extract/queries.h"

#define SUFFIX    ".yaml"
#define SEPARATOR '\x1F' /* between the keys of a path while it grows: keys may hold dots */
enum { PATH_MAX_BYTES = 4096, LISTED_MAX = 40 };

struct extract_params {
  extract_param *items;
  size_t count, cap;
};

/* A tree and the file that it came from. */
typedef struct layer {
  const settings_yaml *node; /* NULL = not there */
  const char *file;
} layer;

static br_status reserve_one(extract_params *params, br_error *err) {
  if (params->count < params->cap) {
    return BR_OK;
  }
  size_t cap = params->cap == 0 ? 16 : params->cap * 2;
  extract_param *items = br_realloc_array(params->items, cap, sizeof *items);
  if (items == NULL) {
    return br_error_nomem(err);
  }
  params->items = items;
  params->cap = cap;
  return BR_OK;
}

static void done_param(extract_param *param) {
  br_free(param->name);
  br_free(param->path);
  br_free(param->value);
  br_free(param->file);
}

static void replace(char *path, char with) {
  for (; *path != '\0'; path++) {
    if (*path == SEPARATOR) {
      *path = with;
    }
  }
}

/* path holds a SEPARATOR between keys. Takes value over, also on failure. */
static br_status add_param(extract_params *params, const char *path, char *value, const char *file,
                           size_t line, br_error *err) {
  extract_param param = {.name = br_strdup(path),
                         .path = br_strdup(path),
                         .value = value,
                         .file = br_strdup(file),
                         .line = line};
  br_status st = BR_OK;
  if (param.name == NULL || param.path == NULL || param.file == NULL || value == NULL) {
    st = br_error_nomem(err);
  } else {
    st = reserve_one(params, err);
  }
  if (st != BR_OK) {
    done_param(&param);
    return st;
  }
  const char *last = strrchr(path, SEPARATOR);
  param.last = last == NULL ? param.path : param.path + (last + 1 - path);
  replace(param.name, '_');
  replace(param.path, '.');
  params->items[params->count++] = param;
  return BR_OK;
}

/* "a, b, c" of a list of scalars. */
static br_status join_list(const layer *from, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < from->node->count; i++) {
    const settings_yaml *item = &from->node->children[i];
    if (item->kind != SETTINGS_YAML_SCALAR) {
      return br_error_set(err, BR_ERR_DATA,
                          "%s, line %zu, column %zu: an entry of the list is no plain value",
                          from->file, item->line, item->column);
    }
    st = i == 0 ? BR_OK : br_buf_text(out, ", ", err);
    if (st == BR_OK) {
      st = br_buf_text(out, item->text, err);
    }
  }
  return st;
}

static br_status add_value(extract_params *params, const layer *from, const char *path,
                           br_error *err) {
  const settings_yaml *node = from->node;
  size_t line = node->key != NULL ? node->key_line : node->line;
  if (node->kind == SETTINGS_YAML_SCALAR) {
    return add_param(params, path, br_strdup(node->text), from->file, line, err);
  }
  br_buf joined;
  br_buf_init(&joined, BR_LIMIT_YAML_FILE * 2);
  br_status st = join_list(from, &joined, err);
  if (st == BR_OK) {
    st = add_param(params, path, br_buf_take(&joined, NULL), from->file, line, err);
  }
  br_buf_done(&joined);
  return st;
}

static br_status add_node(extract_params *params, layer common, layer country, br_buf *path,
                          br_error *err);

static br_status add_child(extract_params *params, layer common, layer country, const char *key,
                           br_buf *path, br_error *err) {
  size_t before = path->len;
  br_status st = before == 0 ? BR_OK : br_buf_u8(path, SEPARATOR, err);
  if (st == BR_OK) {
    st = br_buf_text(path, key, err);
  }
  if (st == BR_OK) {
    st = add_node(params, common, country, path, err);
  }
  path->len = before;
  return st;
}

static bool is_map(const layer *l) {
  return l->node != NULL && l->node->kind == SETTINGS_YAML_MAP;
}

/* What the country says of a key counts, except that two maps are merged. */
static br_status add_node(extract_params *params, layer common, layer country, br_buf *path,
                          br_error *err) {
  if (country.node != NULL && !(is_map(&common) && is_map(&country))) {
    common.node = NULL;
  }
  const layer *first = common.node != NULL ? &common : &country;
  if (!is_map(first)) {
    const char *text = br_buf_cstr(path);
    return text == NULL ? br_error_nomem(err) : add_value(params, first, text, err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && common.node != NULL && i < common.node->count; i++) {
    const settings_yaml *child = &common.node->children[i];
    layer below = {.node = child, .file = common.file};
    layer over = {.node =
                      country.node == NULL ? NULL : settings_yaml_find(country.node, child->key),
                  .file = country.file};
    st = add_child(params, below, over, child->key, path, err);
  }
  for (size_t i = 0; st == BR_OK && country.node != NULL && i < country.node->count; i++) {
    const settings_yaml *child = &country.node->children[i];
    if (common.node != NULL && settings_yaml_find(common.node, child->key) != NULL) {
      continue;
    }
    layer below = {.file = common.file};
    layer over = {.node = child, .file = country.file};
    st = add_child(params, below, over, child->key, path, err);
  }
  return st;
}

static int compare_params(const void *a, const void *b) {
  const extract_param *x = a;
  const extract_param *y = b;
  int order = strcmp(x->name, y->name);
  return order != 0 ? order : strcmp(x->path, y->path);
}

static br_status add_country(extract_params *params, const char *country, br_error *err) {
  for (size_t i = 0; i < params->count; i++) {
    if (strcmp(params->items[i].name, "country") == 0) {
      return BR_OK;
    }
  }
  return add_param(params, "country", br_strdup(country), "--country", 0, err);
}

static br_status flatten(layer common, layer country, const char *country_name,
                         extract_params *params, br_error *err) {
  br_buf path;
  br_buf_init(&path, PATH_MAX_BYTES);
  br_status st = add_node(params, common, country, &path, err);
  br_buf_done(&path);
  if (st == BR_OK && country_name != NULL) {
    st = add_country(params, country_name, err);
  }
  if (st == BR_OK && params->count > 1) {
    qsort(params->items, params->count, sizeof *params->items, compare_params);
  }
  return st;
}

/* Reads a file of parameters: a map. NULL where it is missing and optional. */
static br_status read_layer(const char *folder, const char *file, const br_file_guard *guard,
                            settings_yaml **ret_root, br_error *err) {
  char *path = br_path_join(folder, file);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  br_status st = settings_yaml_read(path, path, guard, ret_root, err);
  br_free(path);
  if (st == BR_OK && (*ret_root)->kind != SETTINGS_YAML_MAP) {
    st = br_error_set(err, BR_ERR_DATA,
                      "%s, line %zu, column %zu: expected parameters as key: value", file,
                      (*ret_root)->line, (*ret_root)->column);
    settings_yaml_free(*ret_root);
    *ret_root = NULL;
  }
  return st;
}

/* Files of the configuration folder that are no countries. */
static bool is_country_file(const char *name) {
  return br_text_ends_with(name, SUFFIX) && name[0] != '.' &&
         strcmp(name, EXTRACT_COMMON_PARAMS) != 0 && strcmp(name, "permissions.yaml") != 0;
}

static br_status unknown_country(const char *folder, const char *country, br_error *err) {
  char **names = NULL;
  size_t count = 0;
  br_status st = br_dir_list(folder, &names, &count, err);
  if (st != BR_OK) {
    return st;
  }
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (is_country_file(names[i])) {
      names[i][strlen(names[i]) - strlen(SUFFIX)] = '\0';
      names[kept++] = names[i];
    } else {
      br_free(names[i]);
    }
  }
  st = br_error_set(err, BR_ERR_NOT_FOUND, "There is no country '%s': %s/%s%s does not exist",
                    country, folder, country, SUFFIX);
  const char *nearest = br_text_nearest(country, (const char *const *)names, kept);
  if (nearest != NULL) {
    br_error_append(err, st, "; did you mean %s?", nearest);
  }
  br_error_append(err, st, kept == 0 ? " (there are no countries in that folder" : " (there are:");
  for (size_t i = 0; i < kept && i < LISTED_MAX; i++) {
    br_error_append(err, st, "%s %s", i == 0 ? "" : ",", names[i]);
  }
  br_error_append(err, st, "%s", kept > LISTED_MAX ? ", …)" : ")");
  br_names_free(names, kept);
  return st;
}

static br_status check_folder(const char *folder, br_error *err) {
  struct stat info;
  if (br_sys.stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "Config path not found: %s", folder);
  }
  return BR_OK;
}

static br_status read_common(const char *folder, const br_file_guard *guard,
                             settings_yaml **ret_root, br_error *err) {
  br_status st = read_layer(folder, EXTRACT_COMMON_PARAMS, guard, ret_root, err);
  if (st == BR_ERR_NOT_FOUND) {
    br_error_clear(err);
    return BR_OK;
  }
  return st;
}

static br_status read_country(const char *folder, const char *country, const br_file_guard *guard,
                              settings_yaml **ret_root, br_error *err) {
  char *file = br_asprintf("%s%s", country, SUFFIX);
  if (file == NULL) {
    return br_error_nomem(err);
  }
  br_status st =
      is_country_file(file) ? read_layer(folder, file, guard, ret_root, err) : BR_ERR_NOT_FOUND;
  br_free(file);
  return st == BR_ERR_NOT_FOUND ? unknown_country(folder, country, err) : st;
}

br_status extract_params_merge(const settings_yaml *common, const settings_yaml *own,
                               const char *country, extract_params **ret_params, br_error *err) {
  extract_params *params = br_calloc(1, sizeof *params);
  char *file = br_asprintf("%s%s", country == NULL ? "" : country, SUFFIX);
  br_status st = params == NULL || file == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK && (common != NULL || own != NULL)) {
    st = flatten((layer){common, EXTRACT_COMMON_PARAMS}, (layer){own, file}, country, params, err);
  }
  br_free(file);
  if (st != BR_OK) {
    extract_params_free(params);
    return st;
  }
  *ret_params = params;
  return BR_OK;
}

br_status extract_params_load(const char *folder, const char *country, const br_file_guard *guard,
                              extract_params **ret_params, br_error *err) {
  br_status st = check_folder(folder, err);
  if (st == BR_OK && country != NULL) {
    st = extract_check_name("Country", country, err);
  }
  settings_yaml *common = NULL;
  settings_yaml *own = NULL;
  if (st == BR_OK) {
    st = read_common(folder, guard, &common, err);
  }
  if (st == BR_OK && country != NULL) {
    st = read_country(folder, country, guard, &own, err);
  }
  if (st == BR_OK) {
    st = extract_params_merge(common, own, country, ret_params, err);
  }
  settings_yaml_free(common);
  settings_yaml_free(own);
  return st;
}

void extract_params_free(extract_params *params) {
  if (params == NULL) {
    return;
  }
  for (size_t i = 0; i < params->count; i++) {
    done_param(&params->items[i]);
  }
  br_free(params->items);
  br_free(params);
}

size_t extract_params_count(const extract_params *params) {
  return params->count;
}

const extract_param *extract_params_at(const extract_params *params, size_t index) {
  return &params->items[index];
}

static bool answers_to(const extract_param *param, const char *name) {
  return strcmp(param->name, name) == 0 || strcmp(param->last, name) == 0;
}

br_status extract_params_find(const extract_params *params, const char *name,
                              const extract_param **ret_param, br_error *err) {
  const extract_param *found = NULL;
  for (size_t i = 0; i < params->count; i++) {
    const extract_param *param = &params->items[i];
    if (!answers_to(param, name)) {
      continue;
    }
    if (found != NULL) {
      return br_error_set(
          err, BR_ERR_USAGE,
          "Parameter '%s' is ambiguous: %s (%s) and %s (%s) both answer to it; use a "
          "full name, or rename one",
          name, found->path, found->file, param->path, param->file);
    }
    found = param;
  }
  if (found == NULL) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "There is no parameter '%s'", name);
  }
  *ret_param = found;
  return BR_OK;
}

const char *extract_params_nearest(const extract_params *params, const char *name) {
  const char *nearest = NULL;
  for (size_t i = 0; i < params->count; i++) {
    const char *pair[3] = {nearest == NULL ? params->items[i].name : nearest, params->items[i].name,
                           params->items[i].last};
    nearest = br_text_nearest(name, pair, 3);
  }
  return nearest;
}
