#include "extract/queries.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

#define SUFFIX ".sql"

/* The line (1-based) of a byte in text. */
static size_t line_of(const char *text, size_t offset) {
  size_t line = 1;
  for (size_t i = 0; i < offset; i++) {
    line += text[i] == '\n';
  }
  return line;
}

static bool is_blank(const char *text) {
  return text[strspn(text, " \t\r\n")] == '\0';
}

static br_status check_text(const char *path, const char *text, size_t length, br_error *err) {
  size_t bad = 0;
  if (memchr(text, '\0', length) != NULL) {
    return br_error_set(err, BR_ERR_DATA, "%s is no text: it has a NUL byte; save it as UTF-8",
                        path);
  }
  if (!br_utf8_valid(text, length, &bad)) {
    return br_error_set(err, BR_ERR_DATA, "%s, line %zu: not UTF-8; save the file as UTF-8", path,
                        line_of(text, bad));
  }
  return is_blank(text) ? br_error_set(err, BR_ERR_DATA, "%s is empty", path) : BR_OK;
}

static br_status load_file(const char *folder, const char *name, extract_query_file *ret_file,
                           br_error *err) {
  extract_query_file file = {.name = br_strdup(name),
                             .path = br_asprintf("%s/%s" SUFFIX, folder, name)};
  br_buf text = {0};
  br_status st = file.name == NULL || file.path == NULL
                     ? br_error_nomem(err)
                     : br_file_read(file.path, BR_LIMIT_SQL_FILE, &text, err);
  if (st == BR_OK) {
    size_t bom = text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    file.sql = br_strndup(text.len == 0 ? "" : (const char *)text.data + bom, text.len - bom);
    st = file.sql == NULL ? br_error_nomem(err)
                          : check_text(file.path, file.sql, text.len - bom, err);
  }
  br_buf_done(&text);
  if (st != BR_OK) {
    br_free(file.name);
    br_free(file.path);
    br_free(file.sql);
    return st;
  }
  *ret_file = file;
  return BR_OK;
}

/* Names of the *.sql files, without the suffix; sorted. Free with br_names_free(). */
static br_status find_names(const char *folder, char ***ret_names, size_t *ret_count,
                            br_error *err) {
  char **names = NULL;
  size_t count = 0;
  br_status st = br_dir_list(folder, &names, &count, err);
  if (st == BR_ERR_NOT_FOUND) {
    return br_error_set(err, st, "Queries path not found: %s", folder);
  }
  if (st != BR_OK) {
    return br_error_context(err, st, "Queries path %s", folder);
  }
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    size_t length = strlen(names[i]);
    bool query =
        length > strlen(SUFFIX) && names[i][0] != '.' && br_text_ends_with(names[i], SUFFIX);
    if (!query) {
      br_free(names[i]);
      continue;
    }
    names[i][length - strlen(SUFFIX)] = '\0';
    names[kept++] = names[i];
  }
  if (kept == 0) {
    br_names_free(names, 0);
    return br_error_set(err, BR_ERR_USAGE, "There are no .sql files in %s", folder);
  }
  *ret_names = names;
  *ret_count = kept;
  return BR_OK;
}

static bool has_name(const char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static br_status check_wanted(const char *const *wanted, size_t wanted_count,
                              const char *const *found, size_t found_count, br_error *err) {
  bool unknown = false;
  for (size_t i = 0; i < wanted_count; i++) {
    if (has_name(found, found_count, wanted[i])) {
      continue;
    }
    if (!unknown) {
      br_error_set(err, BR_ERR_USAGE, "Unknown queries: %s", wanted[i]);
    } else {
      br_error_append(err, BR_ERR_USAGE, ", %s", wanted[i]);
    }
    unknown = true;
    const char *nearest = br_text_nearest(wanted[i], found, found_count);
    if (nearest != NULL) {
      br_error_append(err, BR_ERR_USAGE, " (did you mean %s?)", nearest);
    }
  }
  return unknown ? BR_ERR_USAGE : BR_OK;
}

static br_status load_wanted(const char *folder, const char *const *wanted, size_t wanted_count,
                             const char *const *found, size_t found_count,
                             extract_query_file *files, size_t *count, br_error *err) {
  for (size_t i = 0; i < found_count; i++) {
    if (wanted_count > 0 && !has_name(wanted, wanted_count, found[i])) {
      continue;
    }
    br_status st = load_file(folder, found[i], &files[*count], err);
    if (st != BR_OK) {
      return st;
    }
    (*count)++;
  }
  return BR_OK;
}

br_status extract_queries_load(const char *folder, const char *const *names, size_t name_count,
                               extract_query_file **ret_files, size_t *ret_count, br_error *err) {
  char **found = NULL;
  size_t found_count = 0;
  br_status st = find_names(folder, &found, &found_count, err);
  if (st != BR_OK) {
    return st;
  }
  const char *const *view = (const char *const *)found;
  st = check_wanted(names, name_count, view, found_count, err);
  size_t count = 0;
  extract_query_file *files = NULL;
  if (st == BR_OK) {
    files = br_calloc(found_count, sizeof *files);
    st = files == NULL
             ? br_error_nomem(err)
             : load_wanted(folder, names, name_count, view, found_count, files, &count, err);
  }
  br_names_free(found, found_count);
  if (st != BR_OK) {
    extract_queries_free(files, count);
    return st;
  }
  *ret_files = files;
  *ret_count = count;
  return BR_OK;
}

void extract_queries_free(extract_query_file *files, size_t count) {
  for (size_t i = 0; i < count; i++) {
    br_free(files[i].name);
    br_free(files[i].path);
    br_free(files[i].sql);
  }
  br_free(files);
}
