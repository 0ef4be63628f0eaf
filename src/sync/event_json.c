/* filter_conditions and metadata. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sync/event_parts.h"
#include "sync/exact_json.h"

enum { CONDITIONS_MAX = 64, LIST_MAX = 1000 };

static bool is_empty(const char *text) {
  return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* ---- conditions ---- */

static br_status add_value(sync_condition *condition, const sync_json *json, const json_t *value,
                           br_error *err) {
  char *text = NULL;
  br_status st = sync_json_scalar(json, value, &text, err);
  if (st != BR_OK) {
    return br_error_context(err, st, "condition on '%.100s'", condition->column);
  }
  condition->values[condition->count++] = text;
  return BR_OK;
}

static size_t count_values(const json_t *value) {
  return json_is_array(value) ? json_array_size(value) : 1;
}

static br_status add_condition(sync_event *event, const sync_json *json, const char *column,
                               const json_t *value, br_error *err) {
  const size_t count = count_values(value);
  sync_condition *conditions =
      br_realloc_array(event->conditions, event->condition_count + 1, sizeof *conditions);
  if (conditions == NULL) {
    return br_error_nomem(err);
  }
  event->conditions = conditions;
  sync_condition *condition = &conditions[event->condition_count++];
  *condition = (sync_condition){.column = br_strdup(column),
                                .values = br_calloc(count, sizeof *condition->values)};
  if (condition->column == NULL || condition->values == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    st = add_value(condition, json, json_is_array(value) ? json_array_get(value, i) : value, err);
  }
  return st;
}

static br_status check_condition(const char *column, size_t count, br_error *err) {
  if (column[0] == '\0') {
    return br_error_set(err, BR_ERR_DATA, "a condition names no column");
  }
  return count > 0 && count <= LIST_MAX
             ? BR_OK
             : br_error_set(err, BR_ERR_DATA,
                            "the list of the condition on '%.100s' has %zu values; 1 to %d are "
                            "taken",
                            column, count, LIST_MAX);
}

/* How many there are, with those that the event has already, before any is looked at. */
static br_status check_members(const sync_event *event, const json_t *object, br_error *err) {
  const char *column = NULL;
  json_t *value = NULL;
  size_t total = 0, conditions = event->condition_count;
  for (size_t i = 0; i < event->condition_count; i++) {
    total += event->conditions[i].count;
  }
  json_object_foreach((json_t *)object, column, value) {
    br_status st = check_condition(column, count_values(value), err);
    if (st != BR_OK) {
      return st;
    }
    total += count_values(value);
    conditions++;
  }
  if (conditions > CONDITIONS_MAX) {
    return br_error_set(err, BR_ERR_DATA, "there are more than %d conditions", CONDITIONS_MAX);
  }
  return total <= SYNC_VALUES_MAX
             ? BR_OK
             : br_error_set(err, BR_ERR_DATA,
                            "the conditions have %zu values; %d are the most. Put the keys into a "
                            "source_table instead",
                            total, SYNC_VALUES_MAX);
}

static br_status add_members(sync_event *event, const sync_json *json, const json_t *object,
                             br_error *err) {
  const char *column = NULL;
  json_t *value = NULL;
  br_status st = check_members(event, object, err);
  if (st != BR_OK) {
    return st;
  }
  json_object_foreach((json_t *)object, column, value) {
    st = add_condition(event, json, column, value, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

static br_status add_text(sync_event *event, const char *what, const char *text, br_error *err) {
  if (is_empty(text)) {
    return BR_OK;
  }
  sync_json *json = NULL;
  br_status st = sync_json_parse(text, &json, err);
  st = st == BR_OK ? add_members(event, json, sync_json_root(json), err) : st;
  sync_json_free(json);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "%s", what);
}

/* The same column twice would be two conditions of which one is easily overlooked. */
static br_status check_columns(const sync_event *event, br_error *err) {
  for (size_t i = 0; i < event->condition_count; i++) {
    for (size_t k = 0; k < i; k++) {
      if (br_text_equal_nocase(event->conditions[i].column, event->conditions[k].column)) {
        return br_error_set(err, BR_ERR_DATA, "two conditions are on the column '%.100s'",
                            event->conditions[i].column);
      }
    }
  }
  return BR_OK;
}

br_status sync_parse_conditions(sync_event *event, const sync_event_row *row, br_error *err) {
  br_status st = add_text(event, "filter_conditions", row->filter_conditions, err);
  if (st == BR_OK && !is_empty(row->metadata)) {
    sync_json *json = NULL;
    st = sync_json_parse(row->metadata, &json, err);
    const json_t *inner =
        st == BR_OK ? json_object_get(sync_json_root(json), "filter_conditions") : NULL;
    if (json_is_string(inner)) {
      st = add_text(event, "metadata.filter_conditions", json_string_value(inner), err);
    } else if (json_is_object(inner)) {
      st = add_members(event, json, inner, err);
    } else if (st == BR_OK && inner != NULL && !json_is_null(inner)) {
      /* Passing over it would delete more than was asked for. */
      st = br_error_set(err, BR_ERR_DATA,
                        "metadata.filter_conditions must be a JSON object, or one as text");
    }
    sync_json_free(json);
  }
  return st == BR_OK ? check_columns(event, err) : st;
}

/* ---- options ---- */

static br_status read_flag(const json_t *metadata, const char *key, bool *ret_flag, br_error *err) {
  const json_t *value = json_object_get(metadata, key);
  const char *text = json_string_value(value);
  if (value == NULL || json_is_null(value)) {
    return BR_OK;
  }
  if (json_is_boolean(value)) {
    *ret_flag = json_is_true(value);
  } else if (text != NULL && (br_text_equal_nocase(text, "true") || strcmp(text, "1") == 0)) {
    *ret_flag = true;
  } else if (text != NULL && (br_text_equal_nocase(text, "false") || strcmp(text, "0") == 0)) {
    *ret_flag = false;
  } else {
    return br_error_set(err, BR_ERR_DATA, "metadata.%s must be true or false", key);
  }
  return BR_OK;
}

/* One of two words; the second switches on. */
static br_status read_word(const json_t *metadata, const char *key, const char *off, const char *on,
                           bool *ret_on, br_error *err) {
  const json_t *value = json_object_get(metadata, key);
  const char *text = json_string_value(value);
  if (value == NULL || json_is_null(value)) {
    return BR_OK;
  }
  if (text == NULL || (!br_text_equal_nocase(text, off) && !br_text_equal_nocase(text, on))) {
    return br_error_set(err, BR_ERR_DATA, "metadata.%s must be '%s' or '%s'", key, off, on);
  }
  *ret_on = br_text_equal_nocase(text, on);
  return BR_OK;
}

/* The same letters and digits, whatever their case and what stands between them. */
static bool is_spelling_of(const char *key, const char *known) {
  for (;; key++, known++) {
    key += strspn(key, "_- ");
    known += strspn(known, "_- ");
    const char a = (char)(*key >= 'A' && *key <= 'Z' ? *key - 'A' + 'a' : *key);
    if (a != *known || a == '\0') {
      return a == *known;
    }
  }
}

/* metadata belongs to the author, but "dryRun" must not be taken for a note. */
static br_status check_spelling(const json_t *metadata, br_error *err) {
  static const char *const known[] = {"mode",          "bulk",    "identity_insert",  "table_lock",
                                      "allow_cascade", "dry_run", "filter_conditions"};
  const char *key = NULL;
  json_t *value = NULL;
  json_object_foreach((json_t *)metadata, key, value) {
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
      if (strcmp(key, known[i]) != 0 && is_spelling_of(key, known[i])) {
        return br_error_set(err, BR_ERR_DATA, "metadata has '%.60s'; the option is written '%s'",
                            key, known[i]);
      }
    }
  }
  return BR_OK;
}

br_status sync_parse_options(sync_event *event, const sync_event_row *row, br_error *err) {
  if (is_empty(row->metadata)) {
    return BR_OK;
  }
  sync_json *json = NULL;
  sync_event_options *o = &event->options;
  br_status st = sync_json_parse(row->metadata, &json, err);
  if (st != BR_OK) {
    return br_error_context(err, st, "metadata");
  }
  const json_t *root = sync_json_root(json);
  const struct {
    const char *key;
    bool *flag;
  } flags[] = {{"identity_insert", &o->identity_insert},
               {"table_lock", &o->table_lock},
               {"allow_cascade", &o->allow_cascade},
               {"dry_run", &o->dry_run}};
  st = check_spelling(root, err);
  for (size_t i = 0; i < sizeof flags / sizeof flags[0] && st == BR_OK; i++) {
    st = read_flag(root, flags[i].key, flags[i].flag, err);
  }
  st = st == BR_OK ? read_word(root, "bulk", "staged", "direct", &o->direct, err) : st;
  /* Other operations have no mode; the word is then the author's own. */
  if (st == BR_OK && event->operation == SYNC_INSERT) {
    st = read_word(root, "mode", "insert", "upsert", &o->upsert, err);
  }
  sync_json_free(json);
  return st;
}
