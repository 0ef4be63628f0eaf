#include "databricks/json.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static pthread_once_t jansson_once = PTHREAD_ONCE_INIT;

/* Where memory is out jansson may report a syntax error, or even a document that lacks a part: so
 * it is noted here. */
static _Thread_local bool out_of_memory;

static void *noting_malloc(size_t size) {
  void *memory = br_malloc(size);
  out_of_memory = out_of_memory || memory == NULL;
  return memory;
}

static void init_jansson(void) {
  json_set_alloc_funcs(noting_malloc, br_free);
}

void dbx_json_init(void) {
  (void)pthread_once(&jansson_once, init_jansson);
}

br_status dbx_json_load(const void *bytes, size_t length, json_t **ret_root, br_error *err) {
  dbx_json_init();
  if (length == 0) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The answer is empty");
  }
  json_error_t failure = {0};
  out_of_memory = false;
  json_t *root = json_loadb(bytes, length, JSON_ALLOW_NUL, &failure);
  if (out_of_memory) {
    json_decref(root);
    return br_error_nomem(err);
  }
  if (root == NULL) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The answer is not JSON (line %d, column %d)",
                        failure.line, failure.column);
  }
  if (!json_is_object(root)) {
    json_decref(root);
    return br_error_set(err, BR_ERR_PROTOCOL, "The answer is not a JSON object");
  }
  *ret_root = root;
  return BR_OK;
}

const char *dbx_json_text(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

json_t *dbx_json_object(const json_t *object, const char *key) {
  json_t *member = json_object_get(object, key);
  return json_is_object(member) ? member : NULL;
}

json_t *dbx_json_array(const json_t *object, const char *key) {
  json_t *member = json_object_get(object, key);
  return json_is_array(member) ? member : NULL;
}

bool dbx_json_u64(const json_t *object, const char *key, uint64_t *ret_value) {
  const json_t *member = json_object_get(object, key);
  if (json_is_integer(member)) {
    json_int_t value = json_integer_value(member);
    if (value < 0) {
      return false;
    }
    *ret_value = (uint64_t)value;
    return true;
  }
  return json_is_string(member) &&
         br_text_u64(json_string_value(member), UINT64_MAX, ret_value, NULL) == BR_OK;
}

typedef struct dump_target {
  br_buf *out;
  br_error *err;
  br_status status;
} dump_target;

static int dump_piece(const char *bytes, size_t length, void *context) {
  dump_target *target = context;
  target->status = br_buf_append(target->out, bytes, length, target->err);
  return target->status == BR_OK ? 0 : -1;
}

br_status dbx_json_write(const json_t *root, br_buf *out, br_error *err) {
  out_of_memory = false;
  dump_target target = {.out = out, .err = err, .status = BR_OK};
  if (json_dump_callback(root, dump_piece, &target, JSON_COMPACT) != 0) {
    return target.status != BR_OK ? target.status : br_error_nomem(err);
  }
  return out_of_memory ? br_error_nomem(err) : BR_OK;
}
