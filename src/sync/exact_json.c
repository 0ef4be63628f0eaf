#include "sync/exact_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

/* A number of the document and where its text lies. */
typedef struct number {
  const json_t *value;
  const char *text;
  size_t length;
} number;

struct sync_json {
  char *text;
  json_t *root;
  number *numbers; /* by the addresses of their values */
  size_t count;
};

/* The next number token at or behind p, in text that is known to be valid JSON. */
static const char *next_number(const char *p, size_t *ret_length) {
  for (; *p != '\0'; p++) {
    if (*p == '"') {
      for (p++; *p != '"'; p++) {
        p += *p == '\\';
      }
    } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
      *ret_length = strspn(p, "+-.0123456789eE");
      return p;
    }
  }
  return NULL;
}

static size_t count_numbers(const json_t *value) {
  size_t count = json_is_number(value) ? 1 : 0;
  size_t index = 0;
  const char *key = NULL;
  json_t *child = NULL;
  json_array_foreach(value, index, child) {
    count += count_numbers(child);
  }
  json_object_foreach((json_t *)value, key, child) {
    count += count_numbers(child);
  }
  return count;
}

/* Pairs the numbers of the tree, in the order of the document, with the tokens. */
static const char *pair_numbers(sync_json *json, const json_t *value, const char *p) {
  if (json_is_number(value)) {
    size_t length = 0;
    const char *token = next_number(p, &length);
    if (token == NULL) {
      return p;
    }
    json->numbers[json->count++] = (number){.value = value, .text = token, .length = length};
    return token + length;
  }
  size_t index = 0;
  const char *key = NULL;
  json_t *child = NULL;
  json_array_foreach(value, index, child) {
    p = pair_numbers(json, child, p);
  }
  json_object_foreach((json_t *)value, key, child) {
    p = pair_numbers(json, child, p);
  }
  return p;
}

static int compare_numbers(const void *a, const void *b) {
  const uintptr_t x = (uintptr_t)((const number *)a)->value;
  const uintptr_t y = (uintptr_t)((const number *)b)->value;
  return (x > y) - (x < y);
}

br_status sync_json_parse(const char *text, sync_json **ret_json, br_error *err) {
  sync_json *json = br_calloc(1, sizeof *json);
  json_error_t wrong;
  if (json == NULL || (json->text = br_strdup(text)) == NULL) {
    sync_json_free(json);
    return br_error_nomem(err);
  }
  /* As reals, integers of any length are taken; their digits come from the text anyway. */
  json->root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &wrong);
  if (json->root == NULL || !json_is_object(json->root)) {
    br_status st =
        json->root == NULL && json_error_code(&wrong) == json_error_out_of_memory
            ? br_error_nomem(err)
            : br_error_set(err, BR_ERR_DATA, "it is no JSON object (line %d, column %d: %s)",
                           json->root == NULL ? wrong.line : 1,
                           json->root == NULL ? wrong.column : 1,
                           json->root == NULL ? wrong.text : "another kind of value");
    sync_json_free(json);
    return st;
  }
  json->numbers = br_calloc(count_numbers(json->root) + 1, sizeof *json->numbers);
  if (json->numbers == NULL) {
    sync_json_free(json);
    return br_error_nomem(err);
  }
  (void)pair_numbers(json, json->root, json->text);
  qsort(json->numbers, json->count, sizeof *json->numbers, compare_numbers);
  *ret_json = json;
  return BR_OK;
}

void sync_json_free(sync_json *json) {
  if (json != NULL) {
    json_decref(json->root);
    br_free(json->numbers);
    br_free(json->text);
    br_free(json);
  }
}

json_t *sync_json_root(const sync_json *json) {
  return json->root;
}

static const number *find_number(const sync_json *json, const json_t *value) {
  const number wanted = {.value = value};
  return bsearch(&wanted, json->numbers, json->count, sizeof wanted, compare_numbers);
}

br_status sync_json_scalar(const sync_json *json, const json_t *value, char **ret_text,
                           br_error *err) {
  char *text = NULL;
  if (json_is_null(value)) {
    *ret_text = NULL;
    return BR_OK;
  }
  if (json_is_boolean(value)) {
    text = br_strdup(json_is_true(value) ? "1" : "0");
  } else if (json_is_string(value)) {
    text = br_strndup(json_string_value(value), json_string_length(value));
  } else if (json_is_number(value)) {
    const number *n = find_number(json, value);
    text = n == NULL ? NULL : br_strndup(n->text, n->length);
  } else {
    return br_error_set(err, BR_ERR_DATA, "a single value is expected, not %s",
                        json_is_array(value) ? "a list" : "an object");
  }
  if (text == NULL) {
    return br_error_nomem(err);
  }
  *ret_text = text;
  return BR_OK;
}

br_status sync_json_dump(json_t *json, bool complete, char **ret_text, br_error *err) {
  char *dumped = complete ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
  char *text = dumped == NULL ? NULL : br_strdup(dumped);
  /* jansson's texts go back through the allocator that it was given. */
  json_malloc_t allocate = NULL;
  json_free_t release = NULL;
  json_get_alloc_funcs(&allocate, &release);
  release(dumped);
  json_decref(json);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  *ret_text = text;
  return BR_OK;
}

static br_status write_dumped(json_t *value, br_buf *out, br_error *err) {
  char *text = NULL;
  br_status st = sync_json_dump(value, value != NULL, &text, err);
  st = st == BR_OK ? br_buf_text(out, text, err) : st;
  br_free(text);
  return st;
}

static br_status write_value(const sync_json *json, const json_t *value, br_buf *out,
                             br_error *err) {
  const bool is_object = json_is_object(value);
  size_t index = 0;
  const char *key = NULL;
  json_t *child = NULL;
  if (json_is_number(value)) {
    const number *n = find_number(json, value);
    return n == NULL ? br_error_set(err, BR_ERR_INTERNAL, "A number of a JSON text got lost")
                     : br_buf_append(out, n->text, n->length, err);
  }
  if (!is_object && !json_is_array(value)) {
    return write_dumped(json_incref((json_t *)value), out, err);
  }
  br_status st = br_buf_text(out, is_object ? "{" : "[", err);
  json_array_foreach(value, index, child) {
    st = st == BR_OK && index > 0 ? br_buf_text(out, ",", err) : st;
    st = st == BR_OK ? write_value(json, child, out, err) : st;
  }
  bool first = true;
  json_object_foreach((json_t *)value, key, child) {
    st = st == BR_OK && !first ? br_buf_text(out, ",", err) : st;
    st = st == BR_OK ? write_dumped(json_string(key), out, err) : st;
    st = st == BR_OK ? br_buf_text(out, ":", err) : st;
    st = st == BR_OK ? write_value(json, child, out, err) : st;
    first = false;
  }
  return st == BR_OK ? br_buf_text(out, is_object ? "}" : "]", err) : st;
}

br_status sync_json_text(const sync_json *json, const json_t *value, char **ret_text,
                         br_error *err) {
  br_buf out;
  br_buf_init(&out, TEXT_MAX);
  br_status st = write_value(json, value, &out, err);
  char *text = st == BR_OK ? br_buf_take(&out, NULL) : NULL;
  br_buf_done(&out);
  if (st != BR_OK || text == NULL) {
    return st == BR_OK ? br_error_nomem(err) : st;
  }
  *ret_text = text;
  return BR_OK;
}

br_status sync_json_list(const char *const *texts, size_t count, char **ret_text, br_error *err) {
  json_t *list = json_array();
  bool complete = list != NULL;
  for (size_t i = 0; i < count && complete; i++) {
    complete = json_array_append_new(list, json_string(texts[i])) == 0;
  }
  return sync_json_dump(list, complete, ret_text, err);
}
