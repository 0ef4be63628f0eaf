/*
 * profile.c: profiles of ~/.databrickscfg: an INI file, a profile a section.
 *
 *   [DEFAULT]                       a profile like any other: nobody inherits from it
 *   host  = https://…
 *   token = …
 *   [__settings__]                  no profile: says which one is meant where none is named
 *   default_profile = staging
 *
 * Comments are lines that begin with # or ;. Keys are compared without case.
 */
#include "databricks/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

enum { LONGEST_FILE = 1024 * 1024 };

static const char settings_section[] = "__settings__";

typedef struct entry {
  char *key; /* lower case */
  char *value;
} entry;

typedef struct section {
  char *name;
  entry *entries;
  size_t count;
} section;

typedef struct ini {
  section *sections;
  size_t count;
} ini;

struct dbx_profile {
  section section;
};

static void section_done(section *s) {
  for (size_t i = 0; i < s->count; i++) {
    if (s->entries[i].value != NULL) {
      br_wipe(s->entries[i].value, strlen(s->entries[i].value));
    }
    br_free(s->entries[i].key);
    br_free(s->entries[i].value);
  }
  br_free(s->entries);
  br_free(s->name);
  memset(s, 0, sizeof *s);
}

static void ini_done(ini *file) {
  for (size_t i = 0; i < file->count; i++) {
    section_done(&file->sections[i]);
  }
  br_free(file->sections);
}

static section *find_section(const ini *file, const char *name) {
  for (size_t i = 0; i < file->count; i++) {
    if (strcmp(file->sections[i].name, name) == 0) {
      return &file->sections[i];
    }
  }
  return NULL;
}

static const char *find_value(const section *s, const char *key) {
  for (size_t i = 0; i < s->count; i++) {
    if (br_text_equal_nocase(s->entries[i].key, key)) {
      return s->entries[i].value;
    }
  }
  return NULL;
}

/* ---- reading ---- */

/* A line without blanks around it. */
typedef struct line {
  const char *text;
  size_t length;
  size_t number; /* from 1 */
  const char *file;
} line;

static br_status line_error(const line *at, const char *what, br_error *err) {
  return br_error_set(err, BR_ERR_DATA, "%s, line %zu: %s", at->file, at->number, what);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *length) {
  while (*length > 0 && is_blank(**text)) {
    (*text)++;
    (*length)--;
  }
  while (*length > 0 && is_blank((*text)[*length - 1])) {
    (*length)--;
  }
}

static br_status add_section(ini *file, const line *at, br_error *err) {
  if (at->length < 3 || at->text[at->length - 1] != ']') {
    return line_error(at, "a section must be written as [name]", err);
  }
  const char *text = at->text + 1;
  size_t length = at->length - 2;
  trim(&text, &length);
  char *name = br_strndup(text, length);
  section *sections = br_realloc_array(file->sections, file->count + 1, sizeof *sections);
  if (sections != NULL) {
    file->sections = sections;
  }
  br_status st = name == NULL || sections == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK && find_section(file, name) != NULL) {
    st = line_error(at, "this section is there twice", err);
  }
  if (st != BR_OK) {
    br_free(name);
    return st;
  }
  file->sections[file->count++] = (section){.name = name};
  return BR_OK;
}

static br_status append_entry(section *s, const char *key, size_t key_length, const char *value,
                              size_t value_length, br_error *err) {
  entry *entries = br_realloc_array(s->entries, s->count + 1, sizeof *entries);
  if (entries == NULL) {
    return br_error_nomem(err);
  }
  s->entries = entries;
  entry next = {.key = br_strndup(key, key_length), .value = br_strndup(value, value_length)};
  s->entries[s->count++] = next;
  return next.key == NULL || next.value == NULL ? br_error_nomem(err) : BR_OK;
}

static br_status add_entry(ini *file, const line *at, br_error *err) {
  if (file->count == 0) {
    return line_error(at, "a key before the first [section]", err);
  }
  size_t key_length = 0;
  while (key_length < at->length && at->text[key_length] != '=' && at->text[key_length] != ':') {
    key_length++;
  }
  if (key_length == at->length) {
    return line_error(at, "neither [section] nor key = value", err);
  }
  const char *key = at->text;
  const char *value = at->text + key_length + 1;
  size_t value_length = at->length - key_length - 1;
  trim(&key, &key_length);
  trim(&value, &value_length);
  if (key_length == 0) {
    return line_error(at, "a value without a key", err);
  }
  section *s = &file->sections[file->count - 1];
  br_status st = append_entry(s, key, key_length, value, value_length, err);
  for (size_t i = 0; st == BR_OK && i + 1 < s->count; i++) {
    if (br_text_equal_nocase(s->entries[i].key, s->entries[s->count - 1].key)) {
      st = line_error(at, "this key is in the section twice", err);
    }
  }
  return st;
}

static br_status read_line(ini *file, line at, br_error *err) {
  trim(&at.text, &at.length);
  if (at.length == 0 || at.text[0] == '#' || at.text[0] == ';') {
    return BR_OK;
  }
  size_t offset = 0;
  if (memchr(at.text, '\0', at.length) != NULL || !br_utf8_valid(at.text, at.length, &offset)) {
    return line_error(&at, "not UTF-8 text", err);
  }
  return at.text[0] == '[' ? add_section(file, &at, err) : add_entry(file, &at, err);
}

static br_status read_ini(const char *text, size_t length, const char *name, ini *file,
                          br_error *err) {
  static const char mark[] = "\xEF\xBB\xBF";
  const char *end = text + length;
  if (length >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0) {
    text += sizeof mark - 1;
  }
  for (size_t number = 1; text < end; number++) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    const char *line_end = newline == NULL ? end : newline;
    line at = {.text = text, .length = (size_t)(line_end - text), .number = number, .file = name};
    br_status st = read_line(file, at, err);
    if (st != BR_OK) {
      return st;
    }
    text = newline == NULL ? end : newline + 1;
  }
  return BR_OK;
}

/* ---- choosing ---- */

static br_status choose(const ini *file, const char *name, const char *profile, section **ret_found,
                        br_error *err) {
  const char *wanted = profile;
  if (wanted == NULL || wanted[0] == '\0') {
    const section *settings = find_section(file, settings_section);
    wanted = settings == NULL ? NULL : find_value(settings, "default_profile");
    wanted = wanted == NULL || wanted[0] == '\0' ? "DEFAULT" : wanted;
  }
  section *found = strcmp(wanted, settings_section) == 0 ? NULL : find_section(file, wanted);
  if (found == NULL) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "%s has no profile \"%s\"", name, wanted);
  }
  *ret_found = found;
  return BR_OK;
}

br_status dbx_profile_parse(const char *text, size_t length, const char *file, const char *profile,
                            dbx_profile **ret_profile, br_error *err) {
  dbx_profile *result = br_calloc(1, sizeof *result);
  if (result == NULL) {
    return br_error_nomem(err);
  }
  ini parsed = {0};
  section *found = NULL;
  br_status st = read_ini(text, length, file, &parsed, err);
  if (st == BR_OK) {
    st = choose(&parsed, file, profile, &found, err);
  }
  if (st == BR_OK) {
    result->section = *found;
    memset(found, 0, sizeof *found);
    *ret_profile = result;
  } else {
    br_free(result);
  }
  ini_done(&parsed);
  return st;
}

static br_status default_path(char **ret_path, br_error *err) {
  const char *home = getenv("HOME");
  if (home == NULL || home[0] == '\0') {
    return br_error_set(err, BR_ERR_NOT_FOUND,
                        "HOME is not set, so there is no ~/.databrickscfg to read");
  }
  *ret_path = br_path_join(home, ".databrickscfg");
  return *ret_path == NULL ? br_error_nomem(err) : BR_OK;
}

br_status dbx_profile_load(const char *path, const char *profile, dbx_profile **ret_profile,
                           br_error *err) {
  char *own_path = NULL;
  br_status st = path == NULL || path[0] == '\0' ? default_path(&own_path, err) : BR_OK;
  if (st != BR_OK) {
    return st;
  }
  const char *file = own_path != NULL ? own_path : path;
  br_buf text;
  st = br_file_read(file, LONGEST_FILE, &text, err);
  if (st == BR_OK) {
    st = dbx_profile_parse((const char *)text.data, text.len, file, profile, ret_profile, err);
    if (text.data != NULL) {
      br_wipe(text.data, text.len);
    }
  }
  br_buf_done(&text);
  br_free(own_path);
  return st;
}

const char *dbx_profile_get(const dbx_profile *profile, const char *key) {
  return find_value(&profile->section, key);
}

void dbx_profile_free(dbx_profile *profile) {
  if (profile != NULL) {
    section_done(&profile->section);
    br_free(profile);
  }
}
