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
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "extract/queries.h"

#define SUFFIX       ".yaml"
#define OTHER_SUFFIX ".yml" /* not read; what is called so was meant to be */
#define SEPARATOR    '\x1F' /* between the keys of a path while it grows: keys may hold dots */
enum { PATH_MAX_BYTES = 4096, LISTED_MAX = 40 };

struct extract_params {
  extract_param *items;
  size_t count, cap;
};

/* A tree and the file that it came from. */
typedef struct layer {
  const settings_yaml *node; /* NULL = not there */
  const char *file;
  const char *path; /* with its folder, for messages */
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
                          from->path, item->line, item->column);
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
    layer below = {.node = child, .file = common.file, .path = common.path};
    layer over = {.node =
                      country.node == NULL ? NULL : settings_yaml_find(country.node, child->key),
                  .file = country.file,
                  .path = country.path};
    st = add_child(params, below, over, child->key, path, err);
  }
  for (size_t i = 0; st == BR_OK && country.node != NULL && i < country.node->count; i++) {
    const settings_yaml *child = &country.node->children[i];
    if (common.node != NULL && settings_yaml_find(common.node, child->key) != NULL) {
      continue;
    }
    layer below = {.file = common.file, .path = common.path};
    layer over = {.node = child, .file = country.file, .path = country.path};
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

/* A link that leads nowhere is there, and somebody wants what it names. */
static br_status check_dangling(const char *path, br_status st, br_error *err) {
  char target[1];
  return st == BR_ERR_NOT_FOUND && readlink(path, target, sizeof target) >= 0
             ? br_error_set(err, BR_ERR_DATA, "%s is a link to a file that does not exist", path)
             : st;
}

/* Reads a file of parameters: a map. BR_ERR_NOT_FOUND: there is none. */
static br_status read_layer(const char *folder, const char *file, const br_file_guard *guard,
                            settings_yaml **ret_root, br_error *err) {
  char *path = br_path_join(folder, file);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  br_status st = check_dangling(path, settings_yaml_read(path, path, guard, ret_root, err), err);
  if (st == BR_OK && (*ret_root)->kind != SETTINGS_YAML_MAP) {
    st = br_error_set(err, BR_ERR_DATA,
                      "%s, line %zu, column %zu: expected parameters as key: value", path,
                      (*ret_root)->line, (*ret_root)->column);
    settings_yaml_free(*ret_root);
    *ret_root = NULL;
  }
  br_free(path);
  return st;
}

/* Files of the configuration folder that are no countries. */
static bool is_country_file(const char *name) {
  return br_text_ends_with(name, SUFFIX) && name[0] != '.' &&
         strcmp(name, EXTRACT_COMMON_PARAMS) != 0 && strcmp(name, "permissions.yaml") != 0;
}

/* What the country may have been meant to be: its name with the suffix, a file with another one, or
 * a name that differs in a letter or two. */
static void append_meant(const char *folder, const char *country, char *const *names, size_t count,
                         bool other_suffix, br_error *err) {
  static const char *const suffixes[] = {SUFFIX, OTHER_SUFFIX};
  if (other_suffix) {
    br_error_append(err, BR_ERR_NOT_FOUND, "; rename %s/%s" OTHER_SUFFIX " to %s" SUFFIX, folder,
                    country, country);
    return;
  }
  const char *nearest = br_text_nearest(country, (const char *const *)names, count);
  for (size_t i = 0; i < count && nearest == NULL; i++) {
    size_t length = strlen(names[i]);
    for (size_t k = 0; k < 2 && strncmp(country, names[i], length) == 0; k++) {
      nearest = strcmp(country + length, suffixes[k]) == 0 ? names[i] : nearest;
    }
  }
  if (nearest != NULL) {
    br_error_append(err, BR_ERR_NOT_FOUND, "; did you mean %s?", nearest);
  }
}

static bool is_other_file(const char *name, const char *country) {
  size_t length = strlen(country);
  return strncmp(name, country, length) == 0 && strcmp(name + length, OTHER_SUFFIX) == 0;
}

static br_status unknown_country(const char *folder, const char *country, br_error *err) {
  char **names = NULL;
  size_t count = 0;
  br_status st = br_dir_list(folder, &names, &count, err);
  if (st != BR_OK) {
    return st;
  }
  size_t kept = 0;
  bool other_suffix = false;
  for (size_t i = 0; i < count; i++) {
    other_suffix = other_suffix || is_other_file(names[i], country);
    if (is_country_file(names[i])) {
      names[i][strlen(names[i]) - strlen(SUFFIX)] = '\0';
      names[kept++] = names[i];
    } else {
      br_free(names[i]);
    }
  }
  st = br_error_set(err, BR_ERR_NOT_FOUND, "There is no country '%s': %s/%s%s does not exist",
                    country, folder, country, SUFFIX);
  append_meant(folder, country, names, kept, other_suffix, err);
  br_error_append(err, st, kept == 0 ? " (there are no countries in that folder" : " (there are:");
  for (size_t i = 0; i < kept && i < LISTED_MAX; i++) {
    br_error_append(err, st, "%s %s", i == 0 ? "" : ",", names[i]);
  }
  br_error_append(err, st, "%s", kept > LISTED_MAX ? ", …)" : ")");
  br_names_free(names, kept);
  return st;
}

static br_status check_folder(const char *folder, br_error *err) {
  return extract_check_folder("Config", folder, err);
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

/* folder: NULL: the trees came from nowhere. */
static br_status merge(const char *folder, const settings_yaml *common, const settings_yaml *own,
                       const char *country, extract_params **ret_params, br_error *err) {
  const char *before = folder == NULL ? "" : folder;
  const char *slash = folder == NULL || br_text_ends_with(folder, "/") ? "" : "/";
  extract_params *params = br_calloc(1, sizeof *params);
  char *common_path = br_asprintf("%s%s%s", before, slash, EXTRACT_COMMON_PARAMS);
  char *own_path = br_asprintf("%s%s%s%s", before, slash, country == NULL ? "" : country, SUFFIX);
  br_status st =
      params == NULL || common_path == NULL || own_path == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK && (common != NULL || own != NULL)) {
    const char *file = own_path + strlen(before) + strlen(slash);
    st = flatten((layer){common, EXTRACT_COMMON_PARAMS, common_path}, (layer){own, file, own_path},
                 country, params, err);
  }
  br_free(common_path);
  br_free(own_path);
  if (st != BR_OK) {
    extract_params_free(params);
    return st;
  }
  *ret_params = params;
  return BR_OK;
}

br_status extract_params_merge(const settings_yaml *common, const settings_yaml *own,
                               const char *country, extract_params **ret_params, br_error *err) {
  return merge(NULL, common, own, country, ret_params, err);
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
    st = merge(folder, common, own, country, ret_params, err);
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
      bool full_names_differ = strcmp(found->name, param->name) != 0;
      return br_error_set(err, BR_ERR_USAGE,
                          "Parameter '%s' is ambiguous: %s (%s) and %s (%s) both answer to it; %s",
                          name, found->path, found->file, param->path, param->file,
                          full_names_differ ? "use a full name, or rename one" : "rename one");
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
