/* primary_keys: a JSON array of texts, or a list as people write it. */
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sync/event_parts.h"

enum { KEYS_MAX = 64 };

static br_status add_key(sync_event *event, const char *name, size_t length, br_error *err) {
  if (length == 0) {
    return br_error_set(err, BR_ERR_DATA, "primary_keys holds an empty name");
  }
  if (event->key_count == KEYS_MAX) {
    return br_error_set(err, BR_ERR_DATA, "primary_keys has more than %d names", KEYS_MAX);
  }
  char **keys = br_realloc_array(event->keys, event->key_count + 1, sizeof *keys);
  if (keys == NULL) {
    return br_error_nomem(err);
  }
  event->keys = keys;
  char *key = br_strndup(name, length);
  if (key == NULL) {
    return br_error_nomem(err);
  }
  keys[event->key_count++] = key;
  for (size_t i = 0; i + 1 < event->key_count; i++) {
    if (br_text_equal_nocase(keys[i], key)) {
      return br_error_set(err, BR_ERR_DATA, "primary_keys names '%.100s' twice", key);
    }
  }
  return BR_OK;
}

static br_status add_json(sync_event *event, const json_t *list, br_error *err) {
  size_t index = 0;
  json_t *item = NULL;
  br_status st = BR_OK;
  json_array_foreach(list, index, item) {
    if (!json_is_string(item)) {
      return br_error_set(err, BR_ERR_DATA, "primary_keys: entry %zu is no name of a column",
                          index + 1);
    }
    st = add_key(event, json_string_value(item), json_string_length(item), err);
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

/* A name between blanks and, where there are some, a pair of quotes. */
static br_status add_word(sync_event *event, const char *word, size_t length, br_error *err) {
  while (length > 0 && strchr(" \t\r\n", word[0]) != NULL) {
    word++;
    length--;
  }
  while (length > 0 && strchr(" \t\r\n", word[length - 1]) != NULL) {
    length--;
  }
  if (length >= 2 && word[0] == word[length - 1] && strchr("'\"`", word[0]) != NULL) {
    word++;
    length -= 2;
  }
  return add_key(event, word, length, err);
}

static br_status add_words(sync_event *event, const char *text, size_t length, br_error *err) {
  const char *end = text + length;
  br_status st = BR_OK;
  while (st == BR_OK) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    st = add_word(event, text, (size_t)((comma == NULL ? end : comma) - text), err);
    if (comma == NULL) {
      break;
    }
    text = comma + 1;
  }
  return st;
}

br_status sync_parse_keys(sync_event *event, const char *text, br_error *err) {
  if (text == NULL) {
    return BR_OK;
  }
  text += strspn(text, " \t\r\n");
  size_t length = strlen(text);
  while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
    length--;
  }
  json_t *list = text[0] == '[' ? json_loadb(text, length, 0, NULL) : NULL;
  if (list != NULL) {
    br_status st = add_json(event, list, err);
    json_decref(list);
    return st;
  }
  if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
    text++;
    length -= 2;
  }
  return length == 0 || text[strspn(text, " \t\r\n")] == '\0' ? BR_OK
                                                              : add_words(event, text, length, err);
}
