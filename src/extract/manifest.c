#include "extract/manifest.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define FORMAT_NAME "sql-databricks-bridge manifest"
enum { FORMAT_VERSION = 1 };

struct extract_manifest {
  json_t *json;
  extract_files files, pending, superseded;
};

br_status extract_files_add(extract_files *files, const extract_file *file, br_error *err) {
  extract_file *items = br_realloc_array(files->items, files->count + 1, sizeof *items);
  if (items == NULL) {
    return br_error_nomem(err);
  }
  files->items = items;
  extract_file copy = *file;
  copy.name = br_strdup(file->name);
  if (copy.name == NULL) {
    return br_error_nomem(err);
  }
  items[files->count++] = copy;
  return BR_OK;
}

const extract_file *extract_files_find(const extract_files *files, const char *name) {
  for (size_t i = 0; i < files->count; i++) {
    if (strcmp(files->items[i].name, name) == 0) {
      return &files->items[i];
    }
  }
  return NULL;
}

void extract_files_done(extract_files *files) {
  for (size_t i = 0; i < files->count; i++) {
    br_free(files->items[i].name);
  }
  br_free(files->items);
  *files = (extract_files){0};
}

/* Members are set one by one; a failed one (no memory, not UTF-8) leaves ok false. */
static void set(json_t *object, const char *name, json_t *value, bool *ok) {
  if (json_object_set_new(object, name, value) != 0) {
    *ok = false;
  }
}

static void append(json_t *array, json_t *value, bool *ok) {
  if (json_array_append_new(array, value) != 0) {
    *ok = false;
  }
}

static json_t *time_text(int64_t us) {
  char text[BR_CLOCK_TEXT_MAX];
  br_clock_format_ms(us, text);
  return json_string(text);
}

static json_t *files_json(const extract_files *files, bool *ok) {
  json_t *array = json_array();
  for (size_t i = 0; i < files->count; i++) {
    const extract_file *file = &files->items[i];
    json_t *item = json_object();
    set(item, "name", json_string(file->name), ok);
    set(item, "rows", json_integer((json_int_t)file->rows), ok);
    set(item, "bytes", json_integer((json_int_t)file->bytes), ok);
    set(item, "row_groups", json_integer(file->row_groups), ok);
    set(item, "sha256", json_string(file->sha256), ok);
    append(array, item, ok);
  }
  return array;
}

static json_t *losses_json(unsigned loss, bool *ok) {
  json_t *array = json_array();
  for (unsigned bit = 1; bit != 0 && bit <= loss; bit <<= 1) {
    if ((loss & bit) != 0) {
      append(array, json_string(batch_loss_text((batch_loss)bit)), ok);
    }
  }
  return array;
}

static json_t *schema_json(const batch_schema *schema, bool *ok) {
  json_t *array = json_array();
  for (size_t i = 0; i < schema->count; i++) {
    const batch_field *field = &schema->fields[i];
    char text[64];
    json_t *item = json_object();
    set(item, "name", json_string(field->name), ok);
    if (field->has_source) {
      batch_sql_typespec_name(&field->source, text, sizeof text);
      set(item, "sql_type", json_string(text), ok);
    }
    batch_type_delta_name(&field->type, text, sizeof text);
    set(item, "delta_type", json_string(text), ok);
    set(item, "nullable", json_boolean(field->nullable), ok);
    set(item, "losses", losses_json(field->loss, ok), ok);
    append(array, item, ok);
  }
  return array;
}

static json_t *parameters_json(const extract_origin *origin, bool *ok) {
  json_t *parameters = json_object();
  for (size_t i = 0; i < origin->parameter_count; i++) {
    set(parameters, origin->parameters[i].name, json_string(origin->parameters[i].value), ok);
  }
  return parameters;
}

/* The options that were asked for, NULL where none was. */
static json_t *types_json(const batch_type_options *types, bool *ok) {
  const struct {
    bool on;
    const char *name;
  } options[] = {
      {types->timestamp_utc, "timestamp_utc"}, {types->time_as_time, "time_as_time"},
      {types->offset_column, "offset_column"}, {types->base_type_column, "base_type_column"},
      {types->clr_decoded, "clr_decoded"},     {types->invalid_replaced, "invalid_replaced"},
  };
  json_t *array = NULL;
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    if (options[i].on) {
      array = array == NULL ? json_array() : array;
      append(array, json_string(options[i].name), ok);
    }
  }
  return array;
}

static void set_origin(json_t *root, const extract_origin *origin, bool *ok) {
  set(root, "run", json_string(origin->run), ok);
  set(root, "query", json_string(origin->query), ok);
  set(root, "country", json_string(origin->country), ok);
  set(root, "query_sha256", json_string(origin->query_sha256), ok);
  set(root, "parameters", parameters_json(origin, ok), ok);
  if (origin->row_limit != 0) {
    set(root, "row_limit", json_integer((json_int_t)origin->row_limit), ok);
  }
  json_t *types = types_json(&origin->types, ok);
  if (types != NULL) {
    set(root, "type_options", types, ok);
  }
  json_t *source = json_object();
  set(source, "server", json_string(origin->server), ok);
  set(source, "database", json_string(origin->database), ok);
  set(root, "source", source, ok);
  /* One statement on one connection: the cut is what its isolation level gives. */
  set(root, "consistency", json_string("single_reader"), ok);
  if (origin->sandbox) {
    set(root, "sandbox", json_true(), ok);
  }
}

static void set_totals(json_t *root, const extract_files *files, bool *ok) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < files->count; i++) {
    rows += files->items[i].rows;
    bytes += files->items[i].bytes;
  }
  set(root, "rows", json_integer((json_int_t)rows), ok);
  set(root, "bytes", json_integer((json_int_t)bytes), ok);
}

static json_t *content_json(const extract_manifest_content *c, bool *ok) {
  json_t *root = json_object();
  set(root, "format", json_string(FORMAT_NAME), ok);
  set(root, "version", json_integer(FORMAT_VERSION), ok);
  set(root, "tool", json_string("sql-databricks-bridge " BRIDGE_VERSION), ok);
  set(root, "state", json_string(c->pending == NULL ? "complete" : "writing"), ok);
  set_origin(root, c->origin, ok);
  set(root, "started_at", time_text(c->started_us), ok);
  if (c->completed_us != 0) {
    set(root, "completed_at", time_text(c->completed_us), ok);
  }
  set_totals(root, c->files, ok);
  if (c->lossy_values > 0) {
    set(root, "lossy_values", json_integer((json_int_t)c->lossy_values), ok);
  }
  set(root, "files", files_json(c->files, ok), ok);
  if (c->pending != NULL) {
    set(root, "pending", files_json(c->pending, ok), ok);
  }
  if (c->superseded != NULL && c->superseded->count > 0) {
    set(root, "superseded", files_json(c->superseded, ok), ok);
  }
  if (c->schema != NULL) {
    set(root, "schema", schema_json(c->schema, ok), ok);
  }
  return root;
}

static int append_text(const char *bytes, size_t length, void *context) {
  return br_buf_append(context, bytes, length, NULL) == BR_OK ? 0 : -1;
}

/* Takes json. */
static br_status dump(json_t *json, bool ok, size_t flags, br_buf *out, br_error *err) {
  if (ok && json_dump_callback(json, append_text, out, flags) != 0) {
    ok = false;
  }
  json_decref(json);
  return ok ? BR_OK : br_error_nomem(err);
}

br_status extract_origin_parameters(const extract_origin *origin, br_buf *out, br_error *err) {
  bool ok = true;
  json_t *parameters = parameters_json(origin, &ok);
  return dump(parameters, ok, JSON_COMPACT, out, err);
}

br_status extract_manifest_write(const extract_manifest_content *content, br_buf *out,
                                 br_error *err) {
  bool ok = true;
  json_t *root = content_json(content, &ok);
  br_status st = dump(root, ok, JSON_INDENT(2), out, err);
  return st == BR_OK ? br_buf_u8(out, '\n', err) : st;
}

/* One entry of files or pending; only plain names count: a manifest never points out of its folder.
 */
static br_status read_file(const json_t *item, extract_files *files, br_error *err) {
  const char *name = json_string_value(json_object_get(item, "name"));
  const char *sha256 = json_string_value(json_object_get(item, "sha256"));
  bool plain = name != NULL && name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
  if (!plain || sha256 == NULL || strlen(sha256) + 1 != BR_SHA256_HEX_MAX) {
    return br_error_set(err, BR_ERR_DATA, "a file entry is broken");
  }
  char copy[256];
  if (strlen(name) >= sizeof copy) {
    return br_error_set(err, BR_ERR_DATA, "a file name is too long");
  }
  memcpy(copy, name, strlen(name) + 1);
  extract_file file = {
      .name = copy,
      .rows = (uint64_t)json_integer_value(json_object_get(item, "rows")),
      .bytes = (uint64_t)json_integer_value(json_object_get(item, "bytes")),
      .row_groups = (uint32_t)json_integer_value(json_object_get(item, "row_groups")),
  };
  memcpy(file.sha256, sha256, sizeof file.sha256);
  return extract_files_add(files, &file, err);
}

static br_status read_files(const json_t *array, extract_files *files, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < json_array_size(array); i++) {
    st = read_file(json_array_get(array, i), files, err);
  }
  return st;
}

static br_status check_format(const json_t *root, br_error *err) {
  const char *format = json_string_value(json_object_get(root, "format"));
  if (format == NULL || strcmp(format, FORMAT_NAME) != 0) {
    return br_error_set(err, BR_ERR_DATA, "it was not written by this program");
  }
  if (json_integer_value(json_object_get(root, "version")) != FORMAT_VERSION) {
    return br_error_set(err, BR_ERR_DATA, "it has a version that this program does not know");
  }
  return BR_OK;
}

br_status extract_manifest_read(const char *text, size_t length, extract_manifest **ret_manifest,
                                br_error *err) {
  json_error_t where;
  json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
  if (root == NULL) {
    return br_error_set(err, BR_ERR_DATA, "line %d: %s", where.line, where.text);
  }
  extract_manifest *m = br_calloc(1, sizeof *m);
  if (m == NULL) {
    json_decref(root);
    return br_error_nomem(err);
  }
  m->json = root;
  br_status st = check_format(root, err);
  if (st == BR_OK) {
    st = read_files(json_object_get(root, "files"), &m->files, err);
  }
  if (st == BR_OK) {
    st = read_files(json_object_get(root, "pending"), &m->pending, err);
  }
  if (st == BR_OK) {
    st = read_files(json_object_get(root, "superseded"), &m->superseded, err);
  }
  if (st != BR_OK) {
    extract_manifest_free(m);
    return st;
  }
  *ret_manifest = m;
  return BR_OK;
}

void extract_manifest_free(extract_manifest *m) {
  if (m != NULL) {
    json_decref(m->json);
    extract_files_done(&m->files);
    extract_files_done(&m->pending);
    extract_files_done(&m->superseded);
    br_free(m);
  }
}

bool extract_manifest_complete(const extract_manifest *m) {
  const char *state = json_string_value(json_object_get(m->json, "state"));
  return state != NULL && strcmp(state, "complete") == 0;
}

const extract_files *extract_manifest_files(const extract_manifest *m) {
  return &m->files;
}

const extract_files *extract_manifest_pending(const extract_manifest *m) {
  return &m->pending;
}

const extract_files *extract_manifest_superseded(const extract_manifest *m) {
  return &m->superseded;
}

static bool text_is(const json_t *object, const char *name, const char *text) {
  const char *value = json_string_value(json_object_get(object, name));
  return value != NULL && strcmp(value, text) == 0;
}

static bool same_parameters(const json_t *object, const extract_origin *origin) {
  if (json_object_size(object) != origin->parameter_count) {
    return false;
  }
  for (size_t i = 0; i < origin->parameter_count; i++) {
    if (!text_is(object, origin->parameters[i].name, origin->parameters[i].value)) {
      return false;
    }
  }
  return true;
}

static bool same_types(const json_t *array, const extract_origin *origin) {
  bool ok = true;
  json_t *types = types_json(&origin->types, &ok);
  bool same = types == NULL ? array == NULL : ok && json_equal(types, array) == 1;
  json_decref(types);
  return same;
}

bool extract_manifest_same_origin(const extract_manifest *m, const extract_origin *origin,
                                  const char **ret_difference) {
  const json_t *source = json_object_get(m->json, "source");
  uint64_t limit = (uint64_t)json_integer_value(json_object_get(m->json, "row_limit"));
  const char *difference = NULL;
  if (!text_is(source, "server", origin->server) ||
      !text_is(source, "database", origin->database)) {
    difference = "a result of another source";
  } else if (!same_parameters(json_object_get(m->json, "parameters"), origin)) {
    difference = "a result of other parameters";
  } else if (!text_is(m->json, "query_sha256", origin->query_sha256)) {
    difference = "a result of another query";
  } else if (!same_types(json_object_get(m->json, "type_options"), origin)) {
    difference = "a result of other options for types";
  } else if (limit != origin->row_limit) {
    difference = limit == 0 ? "the whole result" : "a part of the result, cut by --limit";
  }
  if (ret_difference != NULL) {
    *ret_difference = difference;
  }
  return difference == NULL;
}
