/*
 * yaml.c: libyaml's events to a tree.
 *
 *   events ──▶ stack of open lists and maps ──▶ tree
 *
 * The stack is an array, so the depth of a file is bounded by DEPTH_MAX and never by the C stack.
 */
#include "settings/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

enum { DEPTH_MAX = 64, KEY_MAX = 256, MAP_KEYS_MAX = 10000 };

typedef struct pending_key {
  char *text; /* NULL = none waits for its value */
  size_t line, column;
} pending_key;

typedef struct builder {
  yaml_parser_t *parser;
  const char *name;
  settings_yaml *root; /* NULL until the first value */
  /* The open lists and maps from the outside in; open[i + 1] is the last child of open[i]. A
   * parent's array may move only while none of its children is open, so the pointers hold. */
  settings_yaml *open[DEPTH_MAX];
  pending_key keys[DEPTH_MAX]; /* one for each open map */
  size_t depth;
  size_t documents;
} builder;

static br_status fail_at(const builder *b, const yaml_mark_t *mark, br_error *err,
                         const char *what) {
  return br_error_set(err, BR_ERR_DATA, "%s, line %zu, column %zu: %s", b->name, mark->line + 1,
                      mark->column + 1, what);
}

static bool is_core_tag(const char *tag) {
  static const char *const names[] = {"str", "int", "float", "bool", "null", "seq", "map"};
  static const char prefix[] = "tag:yaml.org,2002:";
  if (strcmp(tag, "!") == 0) {
    return true;
  }
  if (!br_text_starts_with(tag, prefix)) {
    return false;
  }
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(tag + sizeof prefix - 1, names[i]) == 0) {
      return true;
    }
  }
  return false;
}

/* YAML 1.2.2, 10.3.2: what the core schema resolves to null. */
static bool is_null_word(const char *text) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(text, words[i]) == 0) {
      return true;
    }
  }
  return false;
}

static br_status check_properties(const builder *b, const yaml_mark_t *mark,
                                  const yaml_char_t *anchor, const yaml_char_t *tag,
                                  br_error *err) {
  if (anchor != NULL) {
    return fail_at(b, mark, err, "anchors (&name) are not supported; write the value out");
  }
  if (tag != NULL && !is_core_tag((const char *)tag)) {
    return fail_at(b, mark, err, "this tag (!…) is not supported; write a plain value");
  }
  return BR_OK;
}

/* A new child of the innermost open list or map, or the root. */
static br_status add_node(builder *b, const yaml_mark_t *mark, settings_yaml_kind kind,
                          settings_yaml **ret_node, br_error *err) {
  settings_yaml node = {.kind = kind, .line = mark->line + 1, .column = mark->column + 1};
  if (b->depth == 0) {
    b->root = br_malloc(sizeof *b->root);
    if (b->root == NULL) {
      return br_error_nomem(err);
    }
    *b->root = node;
    *ret_node = b->root;
    return BR_OK;
  }
  settings_yaml *parent = b->open[b->depth - 1];
  bool full = (parent->count & (parent->count - 1)) == 0; /* 0 and the powers of two */
  if (full) {
    size_t room = parent->count == 0 ? 1 : parent->count * 2;
    settings_yaml *children = br_realloc_array(parent->children, room, sizeof *children);
    if (children == NULL) {
      return br_error_nomem(err);
    }
    parent->children = children;
  }
  if (parent->kind == SETTINGS_YAML_MAP) {
    pending_key *key = &b->keys[b->depth - 1];
    node.key = key->text;
    node.key_line = key->line;
    node.key_column = key->column;
    key->text = NULL;
  }
  *ret_node = &parent->children[parent->count++];
  **ret_node = node;
  return BR_OK;
}

static bool wants_key(const builder *b) {
  return b->depth > 0 && b->open[b->depth - 1]->kind == SETTINGS_YAML_MAP &&
         b->keys[b->depth - 1].text == NULL;
}

static br_status take_key(builder *b, const yaml_event_t *event, br_error *err) {
  const char *text = (const char *)event->data.scalar.value;
  size_t length = event->data.scalar.length;
  const yaml_mark_t *mark = &event->start_mark;
  if (strlen(text) != length || length > KEY_MAX) {
    return fail_at(b, mark, err, "this key is too long or holds a NUL byte");
  }
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(text, "<<") == 0) {
    return fail_at(b, mark, err, "merge keys (<<) are not supported; write the keys out");
  }
  if (b->open[b->depth - 1]->count == MAP_KEYS_MAX) {
    return fail_at(b, mark, err, "a map holds too many keys");
  }
  const settings_yaml *before = settings_yaml_find(b->open[b->depth - 1], text);
  if (before != NULL) {
    return br_error_set(err, BR_ERR_DATA,
                        "%s, line %zu, column %zu: the key '%s' stands already in line %zu",
                        b->name, mark->line + 1, mark->column + 1, text, before->key_line);
  }
  char *copy = br_strdup(text);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  b->keys[b->depth - 1] =
      (pending_key){.text = copy, .line = mark->line + 1, .column = mark->column + 1};
  return BR_OK;
}

static br_status take_scalar(builder *b, const yaml_event_t *event, br_error *err) {
  const char *text = (const char *)event->data.scalar.value;
  const char *tag = (const char *)event->data.scalar.tag;
  br_status st = check_properties(b, &event->start_mark, event->data.scalar.anchor,
                                  event->data.scalar.tag, err);
  if (st != BR_OK) {
    return st;
  }
  if (wants_key(b)) {
    return take_key(b, event, err);
  }
  if (strlen(text) != event->data.scalar.length) {
    return fail_at(b, &event->start_mark, err, "a value holds a NUL byte");
  }
  bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  bool tagged_null = tag != NULL && br_text_ends_with(tag, ":null");
  bool is_null = tagged_null || (plain && tag == NULL && is_null_word(text));
  char *copy = br_strdup(is_null ? "" : text);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  settings_yaml *node = NULL;
  st = add_node(b, &event->start_mark, SETTINGS_YAML_SCALAR, &node, err);
  if (st != BR_OK) {
    br_free(copy);
    return st;
  }
  node->text = copy;
  node->is_null = is_null;
  return BR_OK;
}

static br_status open_node(builder *b, const yaml_event_t *event, settings_yaml_kind kind,
                           const yaml_char_t *anchor, const yaml_char_t *tag, br_error *err) {
  br_status st = check_properties(b, &event->start_mark, anchor, tag, err);
  if (st != BR_OK) {
    return st;
  }
  if (wants_key(b)) {
    return fail_at(b, &event->start_mark, err, "a key must be a plain name");
  }
  if (b->depth == DEPTH_MAX) {
    return fail_at(b, &event->start_mark, err, "nested too deep");
  }
  settings_yaml *node = NULL;
  st = add_node(b, &event->start_mark, kind, &node, err);
  if (st == BR_OK) {
    b->keys[b->depth] = (pending_key){0};
    b->open[b->depth++] = node;
  }
  return st;
}

static br_status take_event(builder *b, const yaml_event_t *event, br_error *err) {
  switch (event->type) {
  case YAML_DOCUMENT_START_EVENT:
    b->documents++;
    return b->documents == 1
               ? BR_OK
               : fail_at(b, &event->start_mark, err, "a second document (---) begins here");
  case YAML_ALIAS_EVENT:
    return fail_at(b, &event->start_mark, err,
                   "aliases (*name) are not supported; write the value out");
  case YAML_SCALAR_EVENT:
    return take_scalar(b, event, err);
  case YAML_SEQUENCE_START_EVENT:
    return open_node(b, event, SETTINGS_YAML_LIST, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag, err);
  case YAML_MAPPING_START_EVENT:
    return open_node(b, event, SETTINGS_YAML_MAP, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag, err);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    b->depth--;
    return BR_OK;
  default:
    return BR_OK;
  }
}

/* libyaml's own words and the place that they are about. */
static br_status fail_parse(const builder *b, br_error *err) {
  const yaml_parser_t *p = b->parser;
  if (p->error == YAML_MEMORY_ERROR) {
    return br_error_nomem(err);
  }
  const char *problem = p->problem != NULL ? p->problem : "not YAML";
  if (p->error == YAML_READER_ERROR) {
    return br_error_set(err, BR_ERR_DATA, "%s, byte %zu: %s; save the file as UTF-8", b->name,
                        p->problem_offset, problem);
  }
  fail_at(b, &p->problem_mark, err, problem);
  if (p->context != NULL && p->context_mark.line != p->problem_mark.line) {
    br_error_append(err, BR_ERR_DATA, " (%s from line %zu on)", p->context,
                    p->context_mark.line + 1);
  }
  return BR_ERR_DATA;
}

static br_status run(builder *b, br_error *err) {
  br_status st = BR_OK;
  bool ended = false;
  while (st == BR_OK && !ended) {
    yaml_event_t event;
    if (!yaml_parser_parse(b->parser, &event)) {
      return fail_parse(b, err);
    }
    ended = event.type == YAML_STREAM_END_EVENT;
    st = take_event(b, &event, err);
    yaml_event_delete(&event);
  }
  return st;
}

/* An empty file, or one that holds only a null, is a map without keys. */
static br_status normalize_root(builder *b, br_error *err) {
  if (b->root != NULL && b->root->kind == SETTINGS_YAML_SCALAR && b->root->is_null) {
    settings_yaml_free(b->root);
    b->root = NULL;
  }
  if (b->root == NULL) {
    yaml_mark_t start = {0};
    settings_yaml *node = NULL;
    return add_node(b, &start, SETTINGS_YAML_MAP, &node, err);
  }
  return BR_OK;
}

br_status settings_yaml_parse(const char *text, size_t length, const char *name,
                              settings_yaml **ret_root, br_error *err) {
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) {
    return br_error_nomem(err);
  }
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3;
    length -= 3;
  }
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)(text != NULL ? text : ""), length);
  builder b = {.parser = &parser, .name = name};
  br_status st = run(&b, err);
  for (size_t i = 0; i < DEPTH_MAX; i++) {
    br_free(b.keys[i].text);
  }
  if (st == BR_OK) {
    st = normalize_root(&b, err);
  }
  yaml_parser_delete(&parser);
  if (st != BR_OK) {
    settings_yaml_free(b.root);
    return st;
  }
  *ret_root = b.root;
  return BR_OK;
}

br_status settings_yaml_read(const char *path, const char *name, const br_file_guard *guard,
                             settings_yaml **ret_root, br_error *err) {
  br_buf content;
  br_status st = br_file_read_guarded(path, BR_LIMIT_YAML_FILE, guard, &content, err);
  if (st != BR_OK) {
    return st;
  }
  st = settings_yaml_parse((const char *)content.data, content.len, name, ret_root, err);
  br_buf_done(&content);
  return st;
}

/* Frees what hangs below a node; files are at most DEPTH_MAX deep. */
static void done_node(settings_yaml *node) {
  for (size_t i = 0; i < node->count; i++) {
    done_node(&node->children[i]);
  }
  br_free(node->children);
  br_free(node->key);
  br_free(node->text);
}

void settings_yaml_free(settings_yaml *root) {
  if (root != NULL) {
    done_node(root);
    br_free(root);
  }
}

const settings_yaml *settings_yaml_find(const settings_yaml *map, const char *key) {
  for (size_t i = 0; map->kind == SETTINGS_YAML_MAP && i < map->count; i++) {
    if (strcmp(map->children[i].key, key) == 0) {
      return &map->children[i];
    }
  }
  return NULL;
}
