/*
 * Reading permissions.yaml: the tree of settings/yaml.h becomes users and rules. Every problem is
 * told with its line; a problem doesn't end the reading, any other failure does.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "auth/permissions_internal.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/sys.h"
#include "base/text.h"
#include "settings/settings.h"
#include "settings/yaml.h"

enum { NAME_MAX_BYTES = 128 };

typedef struct reading {
  const char *name; /* of the file */
  auth_permissions *made;
  auth_problem_list problems;
  bool has_plain_token;
} reading;

static br_status add_line(const reading *r, auth_problem_list *list, size_t line,
                          const char *format, va_list args, br_error *err) BR_PRINTF(4, 0);
static br_status add_line(const reading *r, auth_problem_list *list, size_t line,
                          const char *format, va_list args, br_error *err) {
  br_error told = BR_ERROR_INIT;
  (void)br_error_vset(&told, BR_ERR_DATA, format, args);
  (void)br_error_context(&told, BR_ERR_DATA, "%.300s, line %zu", r->name, line);
  return auth_problem_add(list, told.message, err);
}

/* What rejects the file. */
static br_status problem(reading *r, size_t line, br_error *err, const char *format, ...)
    BR_PRINTF(4, 5);
static br_status problem(reading *r, size_t line, br_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  br_status st = add_line(r, &r->problems, line, format, args, err);
  va_end(args);
  return st;
}

static br_status warning(reading *r, size_t line, br_error *err, const char *format, ...)
    BR_PRINTF(4, 5);
static br_status warning(reading *r, size_t line, br_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  br_status st = add_line(r, &r->made->warnings, line, format, args, err);
  va_end(args);
  return st;
}

/* A warning of a token that strict mode doesn't take. */
static br_status doubt(reading *r, size_t line, const char *text, br_error *err) {
  br_error told = BR_ERROR_INIT;
  (void)br_error_set(&told, BR_ERR_DATA, "%.300s, line %zu: %s", r->name, line, text);
  br_status st = auth_problem_add(&r->made->warnings, told.message, err);
  return st == BR_OK ? auth_problem_add(&r->made->doubts, told.message, err) : st;
}

static br_status check_keys(reading *r, const settings_yaml *map, const char *const *known,
                            size_t count, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < map->count; i++) {
    const char *key = map->children[i].key;
    bool found = false;
    for (size_t k = 0; k < count; k++) {
      found = found || strcmp(key, known[k]) == 0;
    }
    const char *near = found ? NULL : br_text_nearest(key, known, count);
    if (near != NULL) {
      st = problem(r, map->children[i].key_line, err, "unknown key '%.64s'; did you mean '%s'?",
                   key, near);
    } else if (!found) {
      st = problem(r, map->children[i].key_line, err, "unknown key '%.64s'", key);
    }
  }
  return st;
}

/* The value of a key: text that is not empty. NULL: there is none, or none of that kind, which is
 * told. */
static br_status take_text(reading *r, const settings_yaml *map, const char *key,
                           const settings_yaml **ret_node, br_error *err) {
  const settings_yaml *node = settings_yaml_find(map, key);
  *ret_node = NULL;
  if (node == NULL) {
    return BR_OK;
  }
  if (node->kind != SETTINGS_YAML_SCALAR) {
    return problem(r, node->line, err, "'%s' is a single value", key);
  }
  if (node->is_null || node->text[0] == '\0') {
    return problem(r, node->key_line, err, "'%s' has no value", key);
  }
  *ret_node = node;
  return BR_OK;
}

/* The same of a key that must be there. */
static br_status need_text(reading *r, const settings_yaml *map, const char *key, const char *whose,
                           const settings_yaml **ret_node, br_error *err) {
  if (settings_yaml_find(map, key) == NULL) {
    *ret_node = NULL;
    return problem(r, map->line, err, "%s has no '%s'", whose, key);
  }
  return take_text(r, map, key, ret_node, err);
}

static br_status read_access(reading *r, const settings_yaml *node, auth_rule *rule,
                             br_error *err) {
  static const char *const words[] = {"read", "write", "read_write"};
  for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (br_text_equal_nocase(node->text, words[i])) {
      rule->access = i + 1; /* AUTH_READ, AUTH_WRITE, both */
      return BR_OK;
    }
  }
  return problem(r, node->line, err, "unknown access '%.64s'; it takes read, write or read_write",
                 node->text);
}

static br_status read_max_delete(reading *r, const settings_yaml *node, auth_rule *rule,
                                 br_error *err) {
  uint64_t rows = 0;
  if (node->text[0] == '-' && br_text_u64(node->text + 1, UINT64_MAX, &rows, NULL) == BR_OK) {
    return problem(r, node->line, err, "max_delete_rows is negative: %.64s", node->text);
  }
  if (br_text_u64(node->text, UINT64_MAX, &rows, NULL) != BR_OK) {
    return problem(r, node->line, err, "max_delete_rows takes a whole number, not '%.64s'",
                   node->text);
  }
  if (rule->access == AUTH_READ) {
    return problem(r, node->line, err,
                   "max_delete_rows means nothing with access: read; take it away, or give write");
  }
  rule->has_max_delete_rows = true;
  rule->max_delete_rows = rows;
  return BR_OK;
}

static br_status read_pattern(reading *r, const settings_yaml *node, auth_rule *rule,
                              br_error *err) {
  rule->line = node->line;
  rule->text = br_strdup(node->text);
  rule->storage = br_malloc(strlen(node->text) + AUTH_NAME_EXTRA);
  if (rule->text == NULL || rule->storage == NULL) {
    return br_error_nomem(err);
  }
  br_error why = BR_ERROR_INIT;
  if (auth_table_name_parse(node->text, true, rule->storage, &rule->pattern, &why) == BR_OK) {
    return BR_OK;
  }
  return problem(r, node->line, err,
                 "'%.64s' is no table: %s; it takes schema.table, schema.*, * or these with a "
                 "database in front",
                 node->text, why.message);
}

static br_status read_rule(reading *r, const settings_yaml *map, auth_rule *rule, br_error *err) {
  static const char *const known[] = {"table", "access", "max_delete_rows"};
  static const char whose[] = "a permission";
  if (map->kind != SETTINGS_YAML_MAP) {
    return problem(r, map->line, err, "a permission is a map of table and access");
  }
  const settings_yaml *node = NULL;
  br_status st = check_keys(r, map, known, sizeof known / sizeof known[0], err);
  if (st == BR_OK) {
    st = need_text(r, map, "table", whose, &node, err);
  }
  if (st == BR_OK && node != NULL) {
    st = read_pattern(r, node, rule, err);
  }
  if (st == BR_OK) {
    st = need_text(r, map, "access", whose, &node, err);
  }
  if (st == BR_OK && node != NULL) {
    st = read_access(r, node, rule, err);
  }
  if (st == BR_OK) {
    st = take_text(r, map, "max_delete_rows", &node, err);
  }
  if (st == BR_OK && node != NULL) {
    st = read_max_delete(r, node, rule, err);
  }
  return st;
}

static br_status read_rules(reading *r, const settings_yaml *map, auth_user *user, br_error *err) {
  const settings_yaml *list = settings_yaml_find(map, "permissions");
  if (list == NULL || (list->kind == SETTINGS_YAML_SCALAR && list->is_null)) {
    return warning(r, map->line, err, "this user has no permissions and may do nothing");
  }
  if (list->kind != SETTINGS_YAML_LIST) {
    return problem(r, list->line, err, "'permissions' is a list");
  }
  if (list->count == 0) {
    return BR_OK;
  }
  user->rules = br_calloc(list->count, sizeof *user->rules);
  if (user->rules == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < list->count; i++) {
    user->rule_count++;
    st = read_rule(r, &list->children[i], &user->rules[i], err);
  }
  return st;
}

static bool has_control_character(const char *text) {
  for (; *text != '\0'; text++) {
    if ((unsigned char)*text < 0x20U || *text == 0x7F) {
      return true;
    }
  }
  return false;
}

static br_status read_name(reading *r, const settings_yaml *node, auth_user *user, br_error *err) {
  if (strlen(node->text) > NAME_MAX_BYTES) {
    return problem(r, node->line, err, "a name is at most %d bytes long", (int)NAME_MAX_BYTES);
  }
  if (has_control_character(node->text)) {
    return problem(r, node->line, err, "a name holds a line break or another control character");
  }
  user->name_line = node->line;
  user->name = br_strdup(node->text);
  return user->name == NULL ? br_error_nomem(err) : BR_OK;
}

/* RFC 9110 5.5: the characters that every header's value can hold, without blanks. */
static bool fits_a_header(const char *token) {
  for (; *token != '\0'; token++) {
    if ((unsigned char)*token <= 0x20U || (unsigned char)*token >= 0x7FU) {
      return false;
    }
  }
  return true;
}

static bool is_hash(const char *text) {
  return strlen(text) == BR_SHA256_HEX_MAX - 1 &&
         strspn(text, "0123456789abcdefABCDEF") == BR_SHA256_HEX_MAX - 1;
}

/* Registers the token with redaction before anything is said of the file. */
static br_status register_token(const char *token, br_error *err) {
  br_secret *secret = NULL;
  br_status st = br_secret_new(token, &secret, err);
  br_secret_free(secret);
  return st;
}

static br_status read_plain_token(reading *r, const settings_yaml *node, auth_user *user,
                                  br_error *err) {
  const char *token = node->text;
  r->has_plain_token = true;
  br_status st = register_token(token, err);
  if (st != BR_OK) {
    return st;
  }
  if (!fits_a_header(token)) {
    return problem(r, node->line, err,
                   "the token holds a blank or another character that a header can't carry");
  }
  user->token_line = node->line;
  st = br_sha256_hex(token, strlen(token), user->token_sha256, err);
  if (st == BR_OK && settings_is_placeholder(token, true)) {
    return doubt(r, node->line, "the token is a placeholder, not a value", err);
  }
  if (st == BR_OK && strlen(token) < AUTH_TOKEN_MIN) {
    return doubt(r, node->line, "the token is short: fewer than 16 characters can be guessed", err);
  }
  if (st == BR_OK && is_hash(token)) {
    st = warning(r, node->line, err,
                 "the token looks like a SHA-256; if it is one, name it token_sha256");
  }
  return st;
}

/* Hashes of what samples show; who copies one has no secret. */
static br_status check_known_hash(reading *r, const settings_yaml *node, const auth_user *user,
                                  br_error *err) {
  static const char *const words[] = {"",         "changeme",       "token",        "secret",
                                      "test",     "your-token",     "your_token",   "password",
                                      "my-token", "your-api-token", "project-token"};
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < sizeof words / sizeof words[0]; i++) {
    char hash[BR_SHA256_HEX_MAX];
    st = br_sha256_hex(words[i], strlen(words[i]), hash, err);
    if (st != BR_OK || strcmp(hash, user->token_sha256) != 0) {
      continue;
    }
    st = i == 0
             ? problem(r, node->line, err, "token_sha256 is that of an empty text")
             : doubt(r, node->line, "token_sha256 is that of a placeholder, not of a token", err);
  }
  return st;
}

static br_status read_hashed_token(reading *r, const settings_yaml *node, auth_user *user,
                                   br_error *err) {
  if (!is_hash(node->text)) {
    return problem(r, node->line, err, "token_sha256 takes 64 hex digits");
  }
  for (size_t i = 0; i < BR_SHA256_HEX_MAX; i++) {
    char c = node->text[i];
    user->token_sha256[i] = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
  }
  user->token_line = node->line;
  return check_known_hash(r, node, user, err);
}

static br_status read_token(reading *r, const settings_yaml *map, auth_user *user, br_error *err) {
  const settings_yaml *both[] = {settings_yaml_find(map, "token"),
                                 settings_yaml_find(map, "token_sha256")};
  if (both[0] == NULL && both[1] == NULL) {
    return problem(r, map->line, err, "a user has no 'token_sha256' (or 'token')");
  }
  const settings_yaml *plain = NULL;
  const settings_yaml *hashed = NULL;
  br_status st = take_text(r, map, "token", &plain, err);
  if (st == BR_OK) {
    st = take_text(r, map, "token_sha256", &hashed, err);
  }
  if (st == BR_OK && plain != NULL) {
    st = read_plain_token(r, plain, user, err);
  }
  if (st == BR_OK && both[0] != NULL && both[1] != NULL) {
    return problem(r, both[1]->key_line, err,
                   "a user has either 'token' or 'token_sha256', not both");
  }
  if (st == BR_OK && hashed != NULL) {
    st = read_hashed_token(r, hashed, user, err);
  }
  return st;
}

static br_status read_user(reading *r, const settings_yaml *map, auth_user *user, br_error *err) {
  static const char *const known[] = {"name", "token", "token_sha256", "permissions"};
  if (map->kind != SETTINGS_YAML_MAP) {
    return problem(r, map->line, err, "a user is a map of name, token_sha256 and permissions");
  }
  const settings_yaml *node = NULL;
  br_status st = check_keys(r, map, known, sizeof known / sizeof known[0], err);
  if (st == BR_OK) {
    st = need_text(r, map, "name", "a user", &node, err);
  }
  if (st == BR_OK && node != NULL) {
    st = read_name(r, node, user, err);
  }
  if (st == BR_OK) {
    st = read_token(r, map, user, err);
  }
  return st == BR_OK ? read_rules(r, map, user, err) : st;
}

static br_status read_users(reading *r, const settings_yaml *root, br_error *err) {
  static const char *const known[] = {"users"};
  if (root->kind != SETTINGS_YAML_MAP) {
    return problem(r, root->line, err, "the file is a map with the key 'users'");
  }
  br_status st = check_keys(r, root, known, 1, err);
  const settings_yaml *list = settings_yaml_find(root, "users");
  if (st != BR_OK) {
    return st;
  }
  if (list == NULL) {
    return problem(r, root->line, err, "'users' is missing");
  }
  if (list->kind != SETTINGS_YAML_LIST) {
    return problem(r, list->line, err, "'users' is a list; [] stands for nobody");
  }
  if (list->count == 0) {
    return BR_OK;
  }
  r->made->users = br_calloc(list->count, sizeof *r->made->users);
  if (r->made->users == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; st == BR_OK && i < list->count; i++) {
    r->made->user_count++;
    st = read_user(r, &list->children[i], &r->made->users[i], err);
  }
  return st;
}

static int by_line(size_t a, size_t b) {
  return (a > b) - (a < b);
}

static int by_name(const void *left, const void *right) {
  const auth_user *const *a = left;
  const auth_user *const *b = right;
  int order = strcmp((*a)->name, (*b)->name);
  return order != 0 ? order : by_line((*a)->name_line, (*b)->name_line);
}

static int by_token(const void *left, const void *right) {
  const auth_user *const *a = left;
  const auth_user *const *b = right;
  int order = strcmp((*a)->token_sha256, (*b)->token_sha256);
  return order != 0 ? order : by_line((*a)->token_line, (*b)->token_line);
}

static br_status find_same_names(reading *r, const auth_user **users, br_error *err) {
  size_t count = 0;
  for (size_t i = 0; i < r->made->user_count; i++) {
    if (r->made->users[i].name != NULL) {
      users[count++] = &r->made->users[i];
    }
  }
  qsort(users, count, sizeof *users, by_name);
  br_status st = BR_OK;
  for (size_t i = 1; st == BR_OK && i < count; i++) {
    if (strcmp(users[i - 1]->name, users[i]->name) == 0) {
      st = problem(r, users[i]->name_line, err, "the user '%.64s' stands already in line %zu",
                   users[i]->name, users[i - 1]->name_line);
    }
  }
  return st;
}

static br_status find_same_tokens(reading *r, const auth_user **users, br_error *err) {
  size_t count = 0;
  for (size_t i = 0; i < r->made->user_count; i++) {
    if (r->made->users[i].token_line != 0) {
      users[count++] = &r->made->users[i];
    }
  }
  qsort(users, count, sizeof *users, by_token);
  br_status st = BR_OK;
  for (size_t i = 1; st == BR_OK && i < count; i++) {
    if (strcmp(users[i - 1]->token_sha256, users[i]->token_sha256) == 0) {
      st = problem(r, users[i]->token_line, err, "the same token stands already in line %zu",
                   users[i - 1]->token_line);
    }
  }
  return st;
}

static br_status find_same_users(reading *r, br_error *err) {
  if (r->made->user_count < 2) {
    return BR_OK;
  }
  const auth_user **users = br_calloc(r->made->user_count, sizeof *users);
  if (users == NULL) {
    return br_error_nomem(err);
  }
  br_status st = find_same_names(r, users, err);
  if (st == BR_OK) {
    st = find_same_tokens(r, users, err);
  }
  br_free(users);
  return st;
}

static int compare_parts(const char *a, const char *b) {
  return strcmp(a == NULL ? "" : a, b == NULL ? "" : b); /* no part is empty */
}

static int compare_patterns(const auth_rule *a, const auth_rule *b) {
  int order = compare_parts(a->pattern.database, b->pattern.database);
  order = order != 0 ? order : compare_parts(a->pattern.schema, b->pattern.schema);
  return order != 0 ? order : compare_parts(a->pattern.table, b->pattern.table);
}

static int by_pattern(const void *left, const void *right) {
  const auth_rule *const *a = left;
  const auth_rule *const *b = right;
  int order = compare_patterns(*a, *b);
  return order != 0 ? order : by_line((*a)->line, (*b)->line);
}

static br_status find_same_rules(reading *r, const auth_user *user, br_error *err) {
  if (user->rule_count < 2) {
    return BR_OK;
  }
  const auth_rule **rules = br_calloc(user->rule_count, sizeof *rules);
  if (rules == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < user->rule_count; i++) {
    rules[i] = &user->rules[i];
  }
  qsort(rules, user->rule_count, sizeof *rules, by_pattern);
  br_status st = BR_OK;
  for (size_t i = 1; st == BR_OK && i < user->rule_count; i++) {
    if (compare_patterns(rules[i - 1], rules[i]) == 0) {
      st = warning(r, rules[i]->line, err, "'%.64s' stands already in line %zu; this one holds",
                   rules[i]->text, rules[i - 1]->line);
    }
  }
  br_free(rules);
  return st;
}

static br_status read_tree(reading *r, const settings_yaml *root, br_error *err) {
  br_status st = read_users(r, root, err);
  if (st == BR_OK) {
    st = find_same_users(r, err);
  }
  if (st == BR_OK && r->problems.count > 0) {
    return auth_problem_fail(&r->problems, "", BR_ERR_DATA, err);
  }
  for (size_t i = 0; st == BR_OK && i < r->made->user_count; i++) {
    st = find_same_rules(r, &r->made->users[i], err);
  }
  return st;
}

/* Wipes the values of the keys `token` at any depth: a misplaced one is a secret too. */
static void wipe_tokens(settings_yaml *node) {
  for (size_t i = 0; i < node->count; i++) {
    wipe_tokens(&node->children[i]);
  }
  if (node->text != NULL && node->key != NULL && strcmp(node->key, "token") == 0) {
    br_wipe(node->text, strlen(node->text));
  }
}

static br_status parse(reading *r, const char *text, size_t length, br_error *err) {
  settings_yaml *root = NULL;
  r->made = br_calloc(1, sizeof *r->made);
  if (r->made == NULL) {
    return br_error_nomem(err);
  }
  atomic_init(&r->made->references, 1);
  br_status st = settings_yaml_parse(text, length, r->name, &root, err);
  if (st == BR_OK) {
    st = read_tree(r, root, err);
    wipe_tokens(root);
    settings_yaml_free(root);
  }
  return st;
}

static br_status finish(reading *r, br_status st, auth_permissions **ret_permissions) {
  auth_problem_list_done(&r->problems);
  if (st != BR_OK) {
    auth_permissions_unref(r->made);
    return st;
  }
  *ret_permissions = r->made;
  return BR_OK;
}

br_status auth_permissions_parse(const char *text, size_t length, const char *name,
                                 auth_permissions **ret_permissions, br_error *err) {
  reading r = {.name = name};
  return finish(&r, parse(&r, text, length, err), ret_permissions);
}

static br_status warn_of_mode(reading *r, const char *path, br_error *err) {
  struct stat info;
  if (!r->has_plain_token || br_sys.stat(path, &info) != 0 || (info.st_mode & S_IROTH) == 0) {
    return BR_OK;
  }
  br_error told = BR_ERROR_INIT;
  (void)br_error_set(&told, BR_ERR_DATA,
                     "%.300s holds plain tokens and everybody on this machine may read it; write "
                     "token_sha256 instead, or chmod o-r",
                     path);
  return auth_problem_add(&r->made->warnings, told.message, err);
}

br_status auth_permissions_load(const char *path, auth_permissions **ret_permissions,
                                br_error *err) {
  br_buf content;
  br_status st = br_file_read(path, BR_LIMIT_YAML_FILE, &content, err);
  if (st != BR_OK) {
    return st;
  }
  reading r = {.name = path};
  st = parse(&r, (const char *)content.data, content.len, err);
  if (content.data != NULL) {
    br_wipe(content.data, content.len);
  }
  br_buf_done(&content);
  if (st == BR_OK) {
    st = warn_of_mode(&r, path, err);
  }
  return finish(&r, st, ret_permissions);
}
