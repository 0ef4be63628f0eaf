#include "sync/queue_objects.h"

#include <string.h>

#include "base/mem.h"
#include "sync/exact_json.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

void sync_objects_done(sync_objects *objects) {
  br_free(objects->filter_conditions);
  br_free(objects->metadata);
  *objects = (sync_objects){.metadata = NULL};
}

static bool is_map(const sync_queue *queue, sync_column column) {
  return queue->forms[column] == SYNC_FORM_MAP;
}

static br_status copy(const char *text, char **ret_text, br_error *err) {
  char *made = text == NULL ? NULL : br_strdup(text);
  if (text != NULL && made == NULL) {
    return br_error_nomem(err);
  }
  *ret_text = made;
  return BR_OK;
}

static bool has_nested(const json_t *object) {
  const char *key = NULL;
  json_t *value = NULL;
  json_object_foreach((json_t *)object, key, value) {
    if (json_is_array(value) || json_is_object(value)) {
      return true;
    }
  }
  return false;
}

static br_status parse(const char *what, const char *text, sync_json **ret_json, br_error *err) {
  br_status st = sync_json_parse(text, ret_json, err);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "%s", what);
}

/* Conditions compare a truth value with 1 and 0; in metadata it is a word. */
static br_status member_text(const sync_json *json, const json_t *value, bool conditions,
                             char **ret_text, br_error *err) {
  const bool is_text = json_is_string(value) || json_is_null(value);
  return is_text || conditions ? sync_json_scalar(json, value, ret_text, err)
                               : sync_json_text(json, value, ret_text, err);
}

/* {"a": 1.50, "b": [1]} as {"a":"1.50","b":"[1]"}. */
static br_status flatten(const sync_json *json, bool conditions, const char *filter,
                         char **ret_text, br_error *err) {
  json_t *flat = json_object();
  const char *key = NULL;
  json_t *value = NULL;
  br_status st = flat == NULL ? br_error_nomem(err) : BR_OK;
  json_object_foreach(sync_json_root(json), key, value) {
    char *text = NULL;
    st = st == BR_OK ? member_text(json, value, conditions, &text, err) : st;
    if (st == BR_OK &&
        json_object_set_new(flat, key, text == NULL ? json_null() : json_string(text)) != 0) {
      st = br_error_nomem(err);
    }
    br_free(text);
  }
  if (st == BR_OK && filter != NULL &&
      json_object_set_new(flat, "filter_conditions", json_string(filter)) != 0) {
    st = br_error_nomem(err);
  }
  if (st != BR_OK) {
    json_decref(flat);
    return st;
  }
  return sync_json_dump(flat, true, ret_text, err);
}

/* The conditions in front of what metadata's text holds already. */
static br_status join(const char *filter, const char *metadata, const sync_json *parsed,
                      char **ret_text, br_error *err) {
  br_buf out;
  br_buf_init(&out, TEXT_MAX);
  const char *rest = metadata == NULL ? "}" : strchr(metadata, '{') + 1;
  const bool any = parsed != NULL && json_object_size(sync_json_root(parsed)) > 0;
  br_status st =
      br_buf_printf(&out, err, "{\"filter_conditions\":%s%s%s", filter, any ? "," : "", rest);
  char *text = st == BR_OK ? br_buf_take(&out, NULL) : NULL;
  br_buf_done(&out);
  if (st != BR_OK || text == NULL) {
    return st == BR_OK ? br_error_nomem(err) : st;
  }
  *ret_text = text;
  return BR_OK;
}

/* filter: conditions that metadata has to hold; NULL = none. */
static br_status make_metadata(const sync_queue *queue, const char *metadata, const char *filter,
                               char **ret_text, br_error *err) {
  const bool map = is_map(queue, SYNC_COLUMN_METADATA);
  sync_json *json = NULL;
  if (filter == NULL && (metadata == NULL || !map)) {
    return copy(metadata, ret_text, err);
  }
  br_status st = parse("metadata", metadata == NULL ? "{}" : metadata, &json, err);
  const json_t *own =
      st == BR_OK ? json_object_get(sync_json_root(json), "filter_conditions") : NULL;
  if (st == BR_OK && filter != NULL && own != NULL) {
    st = br_error_set(err, BR_ERR_DATA,
                      "filter_conditions is a MAP in the table %s, which holds no list: such "
                      "conditions stand in metadata.filter_conditions, where this event has others",
                      queue->plain);
  }
  if (st == BR_OK) {
    st = map ? flatten(json, false, filter, ret_text, err)
             : join(filter, metadata, json, ret_text, err);
  }
  sync_json_free(json);
  return st;
}

/* *ret_moved: the conditions must go into metadata. */
static br_status make_filter(const sync_queue *queue, const char *filter, bool *ret_moved,
                             char **ret_text, br_error *err) {
  sync_json *json = NULL;
  *ret_moved = false;
  if (filter == NULL || !is_map(queue, SYNC_COLUMN_FILTER_CONDITIONS)) {
    return copy(filter, ret_text, err);
  }
  br_status st = parse("filter_conditions", filter, &json, err);
  if (st == BR_OK) {
    *ret_moved = has_nested(sync_json_root(json));
    st = *ret_moved ? BR_OK : flatten(json, true, NULL, ret_text, err);
  }
  sync_json_free(json);
  return st;
}

br_status sync_objects_make(const sync_queue *queue, const sync_new_event *event,
                            sync_objects *ret_objects, br_error *err) {
  sync_objects objects = {.metadata = NULL};
  bool moved = false;
  br_status st =
      make_filter(queue, event->filter_conditions, &moved, &objects.filter_conditions, err);
  st = st == BR_OK ? make_metadata(queue, event->metadata, moved ? event->filter_conditions : NULL,
                                   &objects.metadata, err)
                   : st;
  if (st != BR_OK) {
    sync_objects_done(&objects);
    return st;
  }
  *ret_objects = objects;
  return BR_OK;
}
