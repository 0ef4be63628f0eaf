/*
 * settings.c: reading.
 *
 *   .env ──▶ [ NAME or NAME_FILE ] ──┐
 *   environment ──▶ [ the same ] ────┴▶ values ──▶ aliases folded into what they stand for
 *
 * Whatever is wrong with a value becomes a problem; only a broken .env fails at once.
 */
#include "settings/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "settings/dotenv.h"
#include "settings/internal.h"

#define DEFAULT_ENV_FILE ".env"
enum { SECRET_FILE_MAX = 64 * 1024 };

bool settings_value_is_set(const setting_value *value) {
  return value->text != NULL || value->secret != NULL;
}

setting settings_find(const char *name, size_t length) {
  int which = 0;
  while (which < SETTING_COUNT && (strlen(settings_table[which].name) != length ||
                                   memcmp(settings_table[which].name, name, length) != 0)) {
    which++;
  }
  return (setting)which;
}

br_status settings_add_problem(settings *s, problem_kind kind, br_error *err, const char *format,
                               ...) {
  settings_problem *problems =
      br_realloc_array(s->problems, s->problem_count + 1, sizeof *s->problems);
  if (problems == NULL) {
    return br_error_nomem(err);
  }
  s->problems = problems;
  br_error words = BR_ERROR_INIT;
  va_list args;
  va_start(args, format);
  br_error_vset(&words, BR_ERR_USAGE, format, args);
  va_end(args);
  char *text = br_strdup(words.message);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  s->problems[s->problem_count++] = (settings_problem){.kind = kind, .text = text};
  return BR_OK;
}

/* The bare id of "/sql/1.0/warehouses/<id>", in place. */
static void shorten_warehouse(char *text) {
  const char *slash = strrchr(text, '/');
  if (slash != NULL && slash[1] != '\0') {
    memmove(text, slash + 1, strlen(slash + 1) + 1);
  }
}

/* Stores a value that has been read; value is not empty. */
static br_status store(settings *s, setting which, const char *value, const char *origin,
                       setting_rank rank, br_error *err) {
  const setting_row *row = &settings_table[which];
  setting_value *to = &s->values[which];
  br_error wrong = BR_ERROR_INIT;
  br_status st = row->secret ? BR_OK : settings_hide_embedded(value, err);
  if (st != BR_OK) {
    return st;
  }
  bool good = settings_check_value(row, value, &wrong) == BR_OK;
  if (!good) {
    st = settings_add_problem(s, PROBLEM_ERROR, err, "%s (%s)", wrong.message, origin);
    if (st != BR_OK) {
      return st;
    }
  }
  to->origin = br_strdup(origin);
  to->rank = rank;
  if (to->origin == NULL) {
    return br_error_nomem(err);
  }
  if (row->secret) {
    return br_secret_new(value, &to->secret, err);
  }
  to->text = br_strdup(value);
  if (to->text == NULL) {
    return br_error_nomem(err);
  }
  settings_canonical(row, to->text);
  if (which == SETTING_DATABRICKS_HTTP_PATH || which == SETTING_DATABRICKS_WAREHOUSE_ID) {
    shorten_warehouse(to->text);
  }
  return BR_OK;
}

static void secret_text_done(br_buf *content) {
  if (content->data != NULL) {
    br_wipe(content->data, content->cap);
  }
  br_buf_done(content);
}

/* The text of a secret in a file of its own; one line break at its end doesn't count. The caller
 * wipes and frees. A file that can't be used is BR_ERR_USAGE. */
static br_status read_secret_file(const char *name, const char *path, br_buf *content,
                                  br_error *err) {
  br_error wrong = BR_ERROR_INIT;
  br_status st = br_file_read(path, SECRET_FILE_MAX, content, &wrong);
  if (st == BR_ERR_NOMEM) {
    return br_error_nomem(err);
  }
  if (st != BR_OK) {
    return br_error_set(err, BR_ERR_USAGE, "%s_FILE: %s", name, wrong.message);
  }
  if (content->len > 0 && content->data[content->len - 1] == '\n') {
    content->len -= content->len > 1 && content->data[content->len - 2] == '\r' ? 2 : 1;
  }
  const char *text = br_buf_cstr(content);
  if (text == NULL) {
    st = br_error_nomem(err);
  } else if (strlen(text) != content->len || content->len == 0) {
    st = br_error_set(err, BR_ERR_USAGE, "%s_FILE: %s %s", name, path,
                      content->len == 0 ? "is empty" : "holds a NUL byte");
  }
  if (st != BR_OK) {
    secret_text_done(content);
  }
  return st;
}

static br_status store_from_file(settings *s, setting which, const char *path, setting_rank rank,
                                 br_error *err) {
  br_buf content;
  br_error wrong = BR_ERROR_INIT;
  br_status st = read_secret_file(settings_table[which].name, path, &content, &wrong);
  if (st == BR_ERR_USAGE) {
    return settings_add_problem(s, PROBLEM_ERROR, err, "%s", wrong.message);
  }
  if (st != BR_OK) {
    return br_error_nomem(err);
  }
  char *origin = br_asprintf("file %s", path);
  st = origin == NULL ? br_error_nomem(err)
                      : store(s, which, br_buf_cstr(&content), origin, rank, err);
  br_free(origin);
  if (st == BR_OK) {
    s->values[which].file = br_strdup(path);
    st = s->values[which].file == NULL ? br_error_nomem(err) : BR_OK;
  }
  secret_text_done(&content);
  return st;
}

static br_status refresh(setting_value *value, const setting_row *row, bool *ret_replaced,
                         br_error *err) {
  br_buf content;
  br_status st = read_secret_file(row->name, value->file, &content, err);
  if (st != BR_OK) {
    return st;
  }
  const char *text = br_buf_cstr(&content);
  if (strcmp(text, br_secret_reveal(value->secret)) != 0) {
    st = settings_check_value(row, text, err);
    st = st == BR_OK ? br_secret_replace(value->secret, text, err) : st;
    *ret_replaced = st == BR_OK;
  }
  secret_text_done(&content);
  return st;
}

void settings_refresh_secrets(settings *s,
                              void (*report)(void *context, const char *name, const char *problem),
                              void *context) {
  for (int i = 0; i < SETTING_COUNT; i++) {
    setting_value *value = &s->values[i];
    if (value->file == NULL || value->secret == NULL) {
      continue;
    }
    bool replaced = false;
    br_error err = BR_ERROR_INIT;
    const bool failed = refresh(value, &settings_table[i], &replaced, &err) != BR_OK;
    if (report != NULL && (replaced || (failed && !value->is_stale))) {
      report(context, settings_table[i].name, failed ? err.message : NULL);
    }
    value->is_stale = failed;
  }
}

/* One of the two places that names are looked up in. */
typedef struct source {
  setting_rank rank;
  const char *const *environment; /* NULL for the file */
  const dotenv *file;             /* NULL for the environment */
  const char *file_name;
} source;

/* The value of a name; NULL = not there. *ret_line is 0 in the environment. */
static const char *look_up(const source *from, const char *name, size_t *ret_line) {
  const char *found = NULL;
  size_t length = strlen(name);
  *ret_line = 0;
  for (size_t i = 0; from->environment != NULL && from->environment[i] != NULL; i++) {
    const char *entry = from->environment[i];
    if (strncmp(entry, name, length) == 0 && entry[length] == '=') {
      return entry + length + 1;
    }
  }
  for (size_t i = 0; from->file != NULL && i < from->file->count; i++) {
    if (strcmp(from->file->entries[i].name, name) == 0) {
      found = from->file->entries[i].value;
      *ret_line = from->file->entries[i].line;
    }
  }
  return found;
}

static void describe_origin(const source *from, size_t line, char *text, size_t size) {
  if (line == 0) {
    (void)snprintf(text, size, "environment");
  } else {
    (void)snprintf(text, size, "%s:%zu", from->file_name, line);
  }
}

/* Reads a setting from one source. *ret_found: the source has the name, if only to say "nothing".
 */
static br_status read_setting(settings *s, setting which, const source *from, bool *ret_found,
                              br_error *err) {
  const setting_row *row = &settings_table[which];
  char file_name[96];
  (void)snprintf(file_name, sizeof file_name, "%s_FILE", row->name);
  size_t line = 0;
  size_t file_line = 0;
  const char *value = look_up(from, row->name, &line);
  const char *path = row->secret ? look_up(from, file_name, &file_line) : NULL;
  *ret_found = value != NULL || path != NULL;
  bool has_value = value != NULL && *value != '\0';
  bool has_path = path != NULL && *path != '\0';
  char origin[512];
  describe_origin(from, has_value ? line : file_line, origin, sizeof origin);
  if (has_value && has_path) {
    br_status st =
        settings_add_problem(s, PROBLEM_ERROR, err, "%s and %s are both set (%s): keep one",
                             row->name, file_name, origin);
    if (st != BR_OK) {
      return st;
    }
  }
  if (has_value) {
    return store(s, which, value, origin, from->rank, err);
  }
  return has_path ? store_from_file(s, which, path, from->rank, err) : BR_OK;
}

static bool same_value(const setting_value *a, const setting_value *b) {
  const char *x = a->secret != NULL ? br_secret_reveal(a->secret) : a->text;
  const char *y = b->secret != NULL ? br_secret_reveal(b->secret) : b->text;
  return strcmp(x, y) == 0;
}

static void clear_value(setting_value *value) {
  br_free(value->text);
  br_secret_free(value->secret);
  br_free(value->origin);
  br_free(value->file);
  *value = (setting_value){0};
}

/* Gives the value of an alias to the setting that it stands for. */
static br_status fold_alias(settings *s, setting alias, br_error *err) {
  const char *target_name = settings_table[alias].alias_of;
  setting target = settings_find(target_name, strlen(target_name));
  setting_value *from = &s->values[alias];
  setting_value *to = &s->values[target];
  if (!settings_value_is_set(from)) {
    return BR_OK;
  }
  if (settings_value_is_set(to) && from->rank == to->rank && !same_value(from, to)) {
    return settings_add_problem(s, PROBLEM_ERROR, err,
                                "%s (%s) and %s (%s) say different things: keep one", target_name,
                                to->origin, settings_table[alias].name, from->origin);
  }
  if (settings_value_is_set(to) && from->rank <= to->rank) {
    return BR_OK;
  }
  clear_value(to);
  *to = *from;
  *from = (setting_value){0};
  return BR_OK;
}

static bool has_known_prefix(const char *name) {
  return br_text_starts_with(name, "SQLSERVER_") || br_text_starts_with(name, "DATABRICKS_") ||
         br_text_starts_with(name, "SYNC_");
}

static bool is_known(const char *name, size_t length) {
  setting which = settings_find(name, length);
  if (which != SETTING_COUNT) {
    return true;
  }
  static const char suffix[] = "_FILE";
  size_t suffix_length = sizeof suffix - 1;
  if (length <= suffix_length ||
      memcmp(name + length - suffix_length, suffix, suffix_length) != 0) {
    return false;
  }
  which = settings_find(name, length - suffix_length);
  return which != SETTING_COUNT && settings_table[which].secret;
}

static br_status note_unknown(settings *s, const char *name, const char *origin, br_error *err) {
  const char *names[SETTING_COUNT];
  for (int i = 0; i < SETTING_COUNT; i++) {
    names[i] = settings_table[i].name;
  }
  const char *nearest = br_text_nearest(name, names, SETTING_COUNT);
  if (nearest == NULL) {
    return settings_add_problem(s, PROBLEM_STRICT_ONLY, err, "%s (%s) is not a setting", name,
                                origin);
  }
  return settings_add_problem(s, PROBLEM_STRICT_ONLY, err,
                              "%s (%s) is not a setting; did you mean %s?", name, origin, nearest);
}

/* Looks at a name that somebody set: which side it configures, and whether anything reads it. */
static br_status note_name(settings *s, const char *name, size_t length, const char *value,
                           const char *origin, br_error *err) {
  char copy[128];
  if (length >= sizeof copy) {
    return BR_OK;
  }
  memcpy(copy, name, length);
  copy[length] = '\0';
  if (*value != '\0') {
    s->configured_sides |= br_text_starts_with(copy, "SQLSERVER_") ? SETTINGS_SQLSERVER : 0U;
    s->configured_sides |= br_text_starts_with(copy, "DATABRICKS_") ? SETTINGS_DATABRICKS : 0U;
  }
  return !has_known_prefix(copy) || is_known(copy, length) ? BR_OK
                                                           : note_unknown(s, copy, origin, err);
}

static br_status note_environment(settings *s, const char *const *environment, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && environment[i] != NULL; i++) {
    size_t length = strcspn(environment[i], "=");
    const char *value = environment[i][length] == '=' ? environment[i] + length + 1 : "";
    st = note_name(s, environment[i], length, value, "environment", err);
  }
  return st;
}

static br_status note_file(settings *s, const source *from, const source *environment,
                           br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < from->file->count; i++) {
    const dotenv_entry *entry = &from->file->entries[i];
    size_t last = 0;
    size_t ignored = 0;
    (void)look_up(from, entry->name, &last);
    char origin[512];
    describe_origin(from, entry->line, origin, sizeof origin);
    if (last != entry->line) {
      st = settings_add_problem(s, PROBLEM_WARNING, err,
                                "%s (%s) stands again in line %zu, which counts", entry->name,
                                origin, last);
    } else if (look_up(environment, entry->name, &ignored) == NULL) {
      st = note_name(s, entry->name, strlen(entry->name), entry->value, origin, err);
    }
  }
  return st;
}

static br_status read_all(settings *s, const source *environment, const source *file,
                          br_error *err) {
  br_status st = BR_OK;
  for (int i = 0; st == BR_OK && i < SETTING_COUNT; i++) {
    bool found = false;
    st = read_setting(s, (setting)i, environment, &found, err);
    if (st == BR_OK && !found) {
      st = read_setting(s, (setting)i, file, &found, err);
    }
  }
  for (int i = 0; st == BR_OK && i < SETTING_COUNT; i++) {
    if (settings_table[i].alias_of != NULL) {
      st = fold_alias(s, (setting)i, err);
    }
  }
  if (st == BR_OK) {
    st = note_environment(s, environment->environment, err);
  }
  return st == BR_OK ? note_file(s, file, environment, err) : st;
}

static br_status read_env_file(const char *asked, dotenv *ret_file, br_error *err) {
  br_buf content;
  const char *name = asked != NULL ? asked : DEFAULT_ENV_FILE;
  br_status st = br_file_read(name, BR_LIMIT_ENV_FILE, &content, err);
  if (st == BR_ERR_NOT_FOUND && asked == NULL) {
    br_error_clear(err);
    return BR_OK;
  }
  if (st != BR_OK) {
    return st;
  }
  st = dotenv_parse((const char *)content.data, content.len, name, ret_file, err);
  if (content.data != NULL) {
    br_wipe(content.data, content.cap);
  }
  br_buf_done(&content);
  return st;
}

br_status settings_load(const settings_load_options *options, settings **ret_settings,
                        br_error *err) {
  static const settings_load_options defaults;
  options = options != NULL ? options : &defaults;
  dotenv file = {0};
  br_status st = read_env_file(options->env_file, &file, err);
  if (st != BR_OK) {
    return st;
  }
  const char *const *environment =
      options->environment != NULL ? options->environment : (const char *const *)environ;
  source from_environment = {.rank = SETTING_RANK_ENVIRONMENT, .environment = environment};
  source from_file = {.rank = SETTING_RANK_ENV_FILE,
                      .file = &file,
                      .file_name =
                          options->env_file != NULL ? options->env_file : DEFAULT_ENV_FILE};
  settings *s = br_calloc(1, sizeof *s);
  st = s == NULL ? br_error_nomem(err) : read_all(s, &from_environment, &from_file, err);
  dotenv_done(&file);
  if (st != BR_OK) {
    settings_free(s);
    return st;
  }
  *ret_settings = s;
  return BR_OK;
}

void settings_free(settings *s) {
  if (s == NULL) {
    return;
  }
  for (int i = 0; i < SETTING_COUNT; i++) {
    clear_value(&s->values[i]);
  }
  for (size_t i = 0; i < s->problem_count; i++) {
    br_free(s->problems[i].text);
  }
  br_free(s->problems);
  br_free(s);
}

const char *settings_get(const settings *s, setting which) {
  const char *text = s->values[which].text;
  if (text == NULL) {
    text = settings_table[which].initial;
  }
  return text == NULL ? "" : text;
}

const br_secret *settings_secret(const settings *s, setting which) {
  return s->values[which].secret;
}

bool settings_is_set(const settings *s, setting which) {
  return settings_value_is_set(&s->values[which]);
}

/* A value that isn't of its kind is a problem already; until somebody looks the default counts. */
uint64_t settings_u64(const settings *s, setting which) {
  const setting_row *row = &settings_table[which];
  uint64_t value = 0;
  if (br_text_u64(settings_get(s, which), UINT64_MAX, &value, NULL) != BR_OK ||
      value < row->minimum || value > row->maximum) {
    value = 0;
    if (row->initial != NULL && br_text_u64(row->initial, UINT64_MAX, &value, NULL) != BR_OK) {
      value = 0;
    }
  }
  return value;
}

bool settings_bool(const settings *s, setting which) {
  bool value = false;
  if (!settings_parse_bool(settings_get(s, which), &value)) {
    const char *initial = settings_table[which].initial;
    (void)(initial != NULL && settings_parse_bool(initial, &value));
  }
  return value;
}

const char *settings_origin(const settings *s, setting which) {
  const char *origin = s->values[which].origin;
  return origin == NULL ? "default" : origin;
}

const char *settings_name(setting which) {
  return settings_table[which].name;
}

bool settings_is_secret(setting which) {
  return settings_table[which].secret;
}

const char *settings_alias_of(setting which) {
  return settings_table[which].alias_of;
}

br_status settings_put(settings *s, setting which, const char *value, const char *origin,
                       br_error *err) {
  if (settings_is_set(s, which) || *value == '\0') {
    return BR_OK;
  }
  return store(s, which, value, origin, SETTING_RANK_PUT, err);
}
