#include "extract/queries.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"

#define SUFFIX ".sql"
enum { NAME_MAX_BYTES = 200, LISTED_MAX = 20 };

br_status extract_check_name(const char *what, const char *name, br_error *err) {
  size_t length = strlen(name);
  if (length == 0) {
    return br_error_set(err, BR_ERR_USAGE, "%s name is empty", what);
  }
  if (length > NAME_MAX_BYTES) {
    return br_error_set(err, BR_ERR_USAGE, "%s name '%.40s…' is longer than %d bytes", what, name,
                        NAME_MAX_BYTES);
  }
  if (name[0] == '.' || name[0] == '_') {
    return br_error_set(err, BR_ERR_USAGE,
                        "%s name '%s' begins with %c: Spark would not see its files; rename it",
                        what, name, name[0]);
  }
  size_t ignored = 0;
  if (!br_utf8_valid(name, length, &ignored)) {
    return br_error_set(err, BR_ERR_USAGE, "%s name is not UTF-8", what);
  }
  for (const char *p = name; *p != '\0'; p++) {
    if (*p == '/' || *p == '\\' || (unsigned char)*p < 0x20U || *p == 0x7F) {
      return br_error_set(err, BR_ERR_USAGE,
                          "%s name '%s' holds a slash or a control character: it becomes a folder",
                          what, name);
    }
  }
  return BR_OK;
}

br_status extract_check_folder(const char *what, const char *folder, br_error *err) {
  struct stat info;
  if (br_sys.stat(folder, &info) != 0) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "%s path not found: %s", what, folder);
  }
  return S_ISDIR(info.st_mode) ? BR_OK
                               : br_error_set(err, BR_ERR_NOT_FOUND,
                                              "%s path is a file, not a folder: %s", what, folder);
}

/* The line of an offset, 1-based. */
static size_t line_of(const uint8_t *text, size_t offset) {
  size_t line = 1;
  for (size_t i = 0; i < offset; i++) {
    line += text[i] == '\n';
  }
  return line;
}

static br_status check_text(const char *path, const br_buf *text, br_error *err) {
  size_t bad = 0;
  if (text->len >= 2 && ((text->data[0] == 0xFFU && text->data[1] == 0xFEU) ||
                         (text->data[0] == 0xFEU && text->data[1] == 0xFFU))) {
    return br_error_set(err, BR_ERR_USAGE, "%s is UTF-16; save it as UTF-8", path);
  }
  if (!br_utf8_valid((const char *)text->data, text->len, &bad)) {
    return br_error_set(err, BR_ERR_USAGE, "%s, line %zu: not UTF-8; save the file as UTF-8", path,
                        line_of(text->data, bad));
  }
  const uint8_t *nul = text->len == 0 ? NULL : memchr(text->data, 0, text->len);
  if (nul != NULL) {
    return br_error_set(err, BR_ERR_USAGE, "%s, line %zu: a NUL byte", path,
                        line_of(text->data, (size_t)(nul - text->data)));
  }
  for (size_t i = 0; i < text->len; i++) {
    if (strchr(" \t\r\n;", text->data[i]) == NULL) {
      return BR_OK;
    }
  }
  return br_error_set(err, BR_ERR_USAGE, "%s is empty", path);
}

static void drop_bom(br_buf *text) {
  if (text->len >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0) {
    text->len -= 3;
    memmove(text->data, text->data + 3, text->len);
  }
}

static br_status read_query(const char *folder, const char *file_name, const br_file_guard *guard,
                            extract_query_file *query, br_error *err) {
  char *path = br_path_join(folder, file_name);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  br_buf text;
  br_status st = br_file_read_guarded(path, BR_LIMIT_SQL_FILE, guard, &text, err);
  if (st == BR_OK) {
    drop_bom(&text);
    st = check_text(path, &text, err);
  }
  br_free(path);
  if (st == BR_OK) {
    text.max += 1; /* for the NUL behind it */
    query->sql = br_buf_take(&text, &query->length);
    query->name = br_strndup(file_name, strlen(file_name) - strlen(SUFFIX));
    st = query->sql == NULL || query->name == NULL ? br_error_nomem(err)
                                                   : extract_check_name("Query", query->name, err);
  }
  br_buf_done(&text);
  return st;
}

static bool is_query_file(const char *name) {
  return name[0] != '.' && strlen(name) > strlen(SUFFIX) && br_text_ends_with(name, SUFFIX);
}

static bool is_asked(const char *file_name, const char *const *only, size_t only_count) {
  size_t length = strlen(file_name) - strlen(SUFFIX);
  for (size_t i = 0; i < only_count; i++) {
    if (strlen(only[i]) == length && memcmp(only[i], file_name, length) == 0) {
      return true;
    }
  }
  return only_count == 0;
}

/* Keeps the names of queries and drops their number to those. */
static void keep_queries(char **names, size_t *count) {
  size_t kept = 0;
  for (size_t i = 0; i < *count; i++) {
    if (is_query_file(names[i])) {
      names[kept++] = names[i];
    } else {
      br_free(names[i]);
    }
  }
  *count = kept;
}

static bool has_query(char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (is_asked(names[i], &name, 1)) {
      return true;
    }
  }
  return false;
}

/* The nearest name of a query, without its .sql, appended to the message. */
static void append_nearest(char *const *names, size_t count, const char *word, br_error *err) {
  char *file_name = br_asprintf("%s" SUFFIX, word);
  const char *nearest =
      file_name == NULL ? NULL : br_text_nearest(file_name, (const char *const *)names, count);
  if (nearest != NULL) {
    br_error_append(err, BR_ERR_USAGE, "; did you mean %.*s?",
                    (int)(strlen(nearest) - strlen(SUFFIX)), nearest);
  }
  br_free(file_name);
}

static br_status check_asked(char *const *names, size_t count, const char *const *only,
                             size_t only_count, br_error *err) {
  br_status st = BR_OK;
  const char *first = NULL;
  for (size_t i = 0; i < only_count; i++) {
    if (!has_query(names, count, only[i])) {
      if (first == NULL) {
        first = only[i];
        st = br_error_set(err, BR_ERR_USAGE, "Unknown queries: %s", first);
      } else {
        st = br_error_append(err, BR_ERR_USAGE, ", %s", only[i]);
      }
    }
  }
  if (first == NULL) {
    return BR_OK;
  }
  append_nearest(names, count, first, err);
  br_error_append(err, st, " (there are:");
  for (size_t i = 0; i < count && i < LISTED_MAX; i++) {
    br_error_append(err, st, "%s %.*s", i == 0 ? "" : ",", (int)(strlen(names[i]) - strlen(SUFFIX)),
                    names[i]);
  }
  return br_error_append(err, st, "%s", count > LISTED_MAX ? ", …)" : ")");
}

static int compare_queries(const void *a, const void *b) {
  return strcmp(((const extract_query_file *)a)->name, ((const extract_query_file *)b)->name);
}

static br_status read_queries(const char *folder, char *const *names, size_t count,
                              const char *const *only, size_t only_count,
                              const br_file_guard *guard, extract_query_files *files,
                              br_error *err) {
  files->items = br_calloc(count, sizeof *files->items);
  if (files->items == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    if (is_asked(names[i], only, only_count)) {
      st = read_query(folder, names[i], guard, &files->items[files->count++], err);
    }
  }
  if (st == BR_OK) {
    qsort(files->items, files->count, sizeof *files->items, compare_queries);
  }
  return st;
}

static br_status list_folder(const char *folder, char ***ret_names, size_t *ret_count,
                             br_error *err) {
  br_status st = extract_check_folder("Queries", folder, err);
  if (st == BR_OK) {
    st = br_dir_list(folder, ret_names, ret_count, err);
  }
  if (st != BR_OK) {
    return st;
  }
  keep_queries(*ret_names, ret_count);
  if (*ret_count == 0) {
    br_names_free(*ret_names, *ret_count);
    return br_error_set(err, BR_ERR_USAGE, "There are no .sql files in %s", folder);
  }
  return BR_OK;
}

br_status extract_query_files_load(const char *folder, const char *const *only, size_t only_count,
                                   const br_file_guard *guard, extract_query_files *ret_files,
                                   br_error *err) {
  char **names = NULL;
  size_t count = 0;
  br_status st = list_folder(folder, &names, &count, err);
  if (st != BR_OK) {
    return st;
  }
  extract_query_files files = {0};
  st = check_asked(names, count, only, only_count, err);
  if (st == BR_OK) {
    st = read_queries(folder, names, count, only, only_count, guard, &files, err);
  }
  br_names_free(names, count);
  if (st != BR_OK) {
    extract_query_files_done(&files);
    return st;
  }
  *ret_files = files;
  return BR_OK;
}

void extract_query_files_done(extract_query_files *files) {
  for (size_t i = 0; i < files->count; i++) {
    br_free(files->items[i].name);
    br_free(files->items[i].sql);
  }
  br_free(files->items);
  *files = (extract_query_files){0};
}
