#include "extract/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "extract/template.h"
#include "settings/yaml.h"

#define COMMON_FILE "common_params.yaml"
#define SUFFIX      ".yaml"

struct extract_parameters {
  extract_parameter *items; /* sorted by path */
  size_t count;
  char *country_file;
};

/* ---- reading the files ---- */

static bool is_country_file(const char *name) {
  return br_text_ends_with(name, SUFFIX) && name[0] != '.' && strcmp(name, COMMON_FILE) != 0 &&
         strcmp(name, "permissions.yaml") != 0;
}

/* "There is no country 'X' …; countries: A, B". */
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
      char *swap = names[kept];
      names[kept++] = names[i];
      names[i] = swap;
    }
  }
  br_error_set(err, BR_ERR_NOT_FOUND, "There is no country '%s' in %s", country, folder);
  const char *nearest = br_text_nearest(country, (const char *const *)names, kept);
  if (nearest != NULL) {
    br_error_append(err, BR_ERR_NOT_FOUND, "; did you mean %s?", nearest);
  }
  br_error_append(err, BR_ERR_NOT_FOUND,
                  kept == 0 ? "; it has no country files at all" : "; countries: ");
  for (size_t i = 0; i < kept; i++) {
    br_error_append(err, BR_ERR_NOT_FOUND, "%s%s", i == 0 ? "" : ", ", names[i]);
  }
  br_names_free(names, count);
  return BR_ERR_NOT_FOUND;
}

static br_status read_yaml(const char *folder, const char *name, settings_yaml **ret_root,
                           br_error *err) {
  char *path = br_path_join(folder, name);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  settings_yaml *root = NULL;
  br_status st = settings_yaml_read(path, name, &root, err);
  br_free(path);
  if (st == BR_OK && root->kind != SETTINGS_YAML_MAP) {
    st = br_error_set(err, BR_ERR_DATA,
                      "%s, line %zu, column %zu: names with values are expected (name: value)",
                      name, root->line, root->column);
    settings_yaml_free(root);
    return st;
  }
  if (st == BR_OK) {
    *ret_root = root;
  }
  return st;
}

static br_status check_folder(const char *folder, br_error *err) {
  bool exists = false;
  br_status st = br_file_exists(folder, &exists, err);
  return st == BR_OK && !exists
             ? br_error_set(err, BR_ERR_NOT_FOUND, "Config path not found: %s", folder)
             : st;
}

/* A country is a file name: it must not lead anywhere else. */
static br_status check_country(const char *country, br_error *err) {
  if (country[0] == '\0' || country[0] == '.' || strchr(country, '/') != NULL) {
    return br_error_set(err, BR_ERR_USAGE, "'%s' is no country name", country);
  }
  return BR_OK;
}

/* ---- flattening and merging ---- */

/* Where flattening stands: the keys above, joined, and the file they come from. */
typedef struct place {
  extract_parameters *into;
  const char *file;
} place;

static br_status list_text(const settings_yaml *list, const char *file, br_buf *out,
                           br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < list->count; i++) {
    const settings_yaml *item = &list->children[i];
    if (item->kind != SETTINGS_YAML_SCALAR) {
      return br_error_set(err, BR_ERR_DATA,
                          "%s, line %zu, column %zu: a list may hold plain values only", file,
                          item->line, item->column);
    }
    st = i == 0 ? BR_OK : br_buf_text(out, ", ", err);
    st = st == BR_OK ? br_buf_text(out, item->text, err) : st;
  }
  return st;
}

static br_status value_text(const settings_yaml *node, const char *file, char **ret_text,
                            br_error *err) {
  br_buf out;
  br_buf_init(&out, BR_LIMIT_YAML_FILE);
  br_status st = node->kind == SETTINGS_YAML_LIST ? list_text(node, file, &out, err)
                                                  : br_buf_text(&out, node->text, err);
  char *text = st == BR_OK ? br_buf_take(&out, NULL) : NULL;
  br_buf_done(&out);
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    *ret_text = text;
  }
  return st;
}

static void parameter_done(extract_parameter *p) {
  br_free(p->path);
  br_free(p->last);
  br_free(p->value);
}

static const extract_parameter *find_path(const extract_parameters *parameters, const char *path) {
  for (size_t i = 0; i < parameters->count; i++) {
    if (strcmp(parameters->items[i].path, path) == 0) {
      return &parameters->items[i];
    }
  }
  return NULL;
}

static br_status add_value(const place *p, const char *path, const char *last, const char *value,
                           br_error *err) {
  extract_parameter made = {
      .path = br_strdup(path), .last = br_strdup(last), .value = br_strdup(value), .file = p->file};
  extract_parameter *items = br_realloc_array(p->into->items, p->into->count + 1, sizeof *items);
  p->into->items = items == NULL ? p->into->items : items;
  if (items == NULL || made.path == NULL || made.last == NULL || made.value == NULL) {
    parameter_done(&made);
    return br_error_nomem(err);
  }
  items[p->into->count++] = made;
  return BR_OK;
}

static br_status add_leaf(const place *p, const char *path, const settings_yaml *node,
                          br_error *err) {
  if (find_path(p->into, path) != NULL) {
    return br_error_set(
        err, BR_ERR_DATA,
        "%s, line %zu, column %zu: parameter '%s' is there twice, once by its name and once nested",
        p->file, node->key_line, node->key_column, path);
  }
  char *value = NULL;
  br_status st = value_text(node, p->file, &value, err);
  if (st == BR_OK) {
    st = add_value(p, path, node->key, value, err);
  }
  br_free(value);
  return st;
}

/* The overlay's child of the same key; NULL where there is none. */
static const settings_yaml *overlay_of(const settings_yaml *overlay, const char *key) {
  return overlay != NULL && overlay->kind == SETTINGS_YAML_MAP ? settings_yaml_find(overlay, key)
                                                               : NULL;
}

static br_status add_tree(extract_parameters *into, const char *prefix, const settings_yaml *base,
                          const settings_yaml *overlay, const char *country_file, br_error *err);

/* One key of the merge: base or overlay may be NULL, not both. Two maps merge, else the overlay
 * wins. */
static br_status add_node(extract_parameters *into, const char *prefix, const settings_yaml *base,
                          const settings_yaml *overlay, const char *country_file, br_error *err) {
  const settings_yaml *node = overlay != NULL ? overlay : base;
  if (node == NULL) {
    return br_error_set(err, BR_ERR_INTERNAL, "Nothing to merge");
  }
  char *path = prefix[0] == '\0' ? br_strdup(node->key) : br_asprintf("%s_%s", prefix, node->key);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  if (node->kind == SETTINGS_YAML_MAP) {
    bool merge = base != NULL && base->kind == SETTINGS_YAML_MAP;
    st = add_tree(into, path, merge ? base : NULL, overlay, country_file, err);
  } else {
    place p = {.into = into, .file = overlay != NULL ? country_file : COMMON_FILE};
    st = add_leaf(&p, path, node, err);
  }
  br_free(path);
  return st;
}

/* YAML documents are not deep: the reader bounds their nesting. */
static br_status add_tree(extract_parameters *into, const char *prefix, const settings_yaml *base,
                          const settings_yaml *overlay, const char *country_file, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && base != NULL && i < base->count; i++) {
    const settings_yaml *child = &base->children[i];
    st = add_node(into, prefix, child, overlay_of(overlay, child->key), country_file, err);
  }
  for (size_t i = 0; st == BR_OK && overlay != NULL && i < overlay->count; i++) {
    const settings_yaml *child = &overlay->children[i];
    if (base == NULL || settings_yaml_find(base, child->key) == NULL) {
      st = add_node(into, prefix, NULL, child, country_file, err);
    }
  }
  return st;
}

static int compare_paths(const void *a, const void *b) {
  return strcmp(((const extract_parameter *)a)->path, ((const extract_parameter *)b)->path);
}

static br_status load_files(const char *folder, const char *country, extract_parameters *into,
                            br_error *err) {
  settings_yaml *common = NULL;
  settings_yaml *own = NULL;
  br_status st = read_yaml(folder, COMMON_FILE, &common, err);
  if (st == BR_ERR_NOT_FOUND) {
    br_error_clear(err);
    st = BR_OK;
  }
  if (st == BR_OK) {
    st = read_yaml(folder, into->country_file, &own, err);
    if (st == BR_ERR_NOT_FOUND) {
      st = unknown_country(folder, country, err);
    }
  }
  if (st == BR_OK) {
    st = add_tree(into, "", common, own, into->country_file, err);
  }
  settings_yaml_free(common);
  settings_yaml_free(own);
  if (st == BR_OK && find_path(into, "country") == NULL) {
    place p = {.into = into, .file = ""};
    st = add_value(&p, "country", "country", country, err);
  }
  if (st == BR_OK) {
    qsort(into->items, into->count, sizeof *into->items, compare_paths);
  }
  return st;
}

br_status extract_parameters_load(const char *folder, const char *country,
                                  extract_parameters **ret_parameters, br_error *err) {
  br_status st = check_folder(folder, err);
  if (st == BR_OK) {
    st = check_country(country, err);
  }
  if (st != BR_OK) {
    return st;
  }
  extract_parameters *parameters = br_calloc(1, sizeof *parameters);
  if (parameters == NULL) {
    return br_error_nomem(err);
  }
  parameters->country_file = br_asprintf("%s" SUFFIX, country);
  st = parameters->country_file == NULL ? br_error_nomem(err)
                                        : load_files(folder, country, parameters, err);
  if (st != BR_OK) {
    extract_parameters_free(parameters);
    return st;
  }
  *ret_parameters = parameters;
  return BR_OK;
}

void extract_parameters_free(extract_parameters *parameters) {
  if (parameters == NULL) {
    return;
  }
  for (size_t i = 0; i < parameters->count; i++) {
    parameter_done(&parameters->items[i]);
  }
  br_free(parameters->items);
  br_free(parameters->country_file);
  br_free(parameters);
}

size_t extract_parameters_count(const extract_parameters *parameters) {
  return parameters->count;
}

const extract_parameter *extract_parameters_at(const extract_parameters *parameters, size_t index) {
  return &parameters->items[index];
}

/* ---- look-up and expansion ---- */

br_status extract_parameters_find(const extract_parameters *parameters, const char *name,
                                  const extract_parameter **ret_parameter, br_error *err) {
  const extract_parameter *found = find_path(parameters, name);
  if (found != NULL) {
    *ret_parameter = found;
    return BR_OK;
  }
  for (size_t i = 0; i < parameters->count; i++) {
    const extract_parameter *item = &parameters->items[i];
    if (strcmp(item->last, name) != 0) {
      continue;
    }
    if (found != NULL) {
      return br_error_set(err, BR_ERR_USAGE,
                          "Parameter '%s' is ambiguous: it may be %s or %s; write one of these",
                          name, found->path, item->path);
    }
    found = item;
  }
  if (found == NULL) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "There is no parameter '%s'", name);
  }
  *ret_parameter = found;
  return BR_OK;
}

/* " (did you mean x?)" behind the message, where a name is near. */
static void append_nearest(const extract_parameters *parameters, const char *name, br_error *err) {
  const char **names = br_calloc(2 * parameters->count, sizeof *names);
  if (names == NULL) {
    return; /* the message is right without it */
  }
  for (size_t i = 0; i < parameters->count; i++) {
    names[2 * i] = parameters->items[i].last;
    names[2 * i + 1] = parameters->items[i].path;
  }
  const char *nearest = br_text_nearest(name, names, 2 * parameters->count);
  if (nearest != NULL) {
    br_error_append(err, BR_ERR_USAGE, " (did you mean %s?)", nearest);
  }
  br_free(names);
}

/* All missing names in one error. */
static br_status check_names(const extract_parameters *parameters, const char *query,
                             const char *sql, br_error *err) {
  char **names = NULL;
  size_t count = 0;
  br_status st = extract_template_names(sql, &names, &count, err);
  bool missing = false;
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    const extract_parameter *found = NULL;
    br_error why = BR_ERROR_INIT;
    br_status look = extract_parameters_find(parameters, names[i], &found, &why);
    if (look == BR_ERR_USAGE) {
      st = br_error_set(err, look, "Query '%s': %s", query, why.message);
    } else if (look != BR_OK && !missing) {
      br_error_set(err, BR_ERR_USAGE, "Missing parameters for query '%s': %s", query, names[i]);
      append_nearest(parameters, names[i], err);
      missing = true;
    } else if (look != BR_OK) {
      br_error_append(err, BR_ERR_USAGE, ", %s", names[i]);
      append_nearest(parameters, names[i], err);
    }
  }
  br_names_free(names, count);
  return st == BR_OK && missing ? BR_ERR_USAGE : st;
}

br_status extract_parameters_expand(const extract_parameters *parameters, const char *query,
                                    const char *sql, br_buf *out, br_error *err) {
  br_status st = check_names(parameters, query, sql, err);
  extract_piece piece;
  for (const char *at = sql; st == BR_OK && extract_template_next(&at, &piece) == BR_OK;) {
    if (piece.kind == EXTRACT_PIECE_TEXT) {
      st = br_buf_append(out, piece.text, piece.length, err);
      continue;
    }
    char *name = br_strndup(piece.text, piece.length);
    const extract_parameter *found = NULL;
    st =
        name == NULL ? br_error_nomem(err) : extract_parameters_find(parameters, name, &found, err);
    st = st == BR_OK ? br_buf_text(out, found->value, err) : st;
    br_free(name);
  }
  return st;
}
