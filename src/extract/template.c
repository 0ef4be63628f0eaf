#include "extract/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static const char name_start[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
static const char name_rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

/* Length of "{name}" at p, or 0. */
static size_t placeholder_at(const char *p) {
  if (p[0] != '{' || p[1] == '\0' || strchr(name_start, p[1]) == NULL) {
    return 0;
  }
  size_t length = 1 + strspn(p + 1, name_rest);
  return p[length] == '}' ? length + 1 : 0;
}

br_status extract_template_next(const char **at, extract_piece *ret_piece) {
  const char *p = *at;
  if (*p == '\0') {
    return BR_DONE;
  }
  size_t inner = p[0] == '{' ? placeholder_at(p + 1) : 0;
  if (inner > 0 && p[1 + inner] == '}') { /* {{name}}: the middle stays */
    *ret_piece = (extract_piece){EXTRACT_PIECE_TEXT, p + 1, inner};
    *at = p + inner + 2;
    return BR_OK;
  }
  size_t length = placeholder_at(p);
  if (length > 0) {
    *ret_piece = (extract_piece){EXTRACT_PIECE_NAME, p + 1, length - 2};
    *at = p + length;
    return BR_OK;
  }
  length = 1 + strcspn(p + 1, "{");
  *ret_piece = (extract_piece){EXTRACT_PIECE_TEXT, p, length};
  *at = p + length;
  return BR_OK;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts, and frees what is there twice. */
static size_t keep_unique(char **names, size_t count) {
  if (count == 0) {
    return 0;
  }
  qsort(names, count, sizeof *names, compare_names);
  size_t kept = 1;
  for (size_t i = 1; i < count; i++) {
    if (strcmp(names[i], names[kept - 1]) == 0) {
      br_free(names[i]);
    } else {
      names[kept++] = names[i];
    }
  }
  return kept;
}

br_status extract_template_names(const char *sql, char ***ret_names, size_t *ret_count,
                                 br_error *err) {
  char **names = NULL;
  size_t count = 0;
  extract_piece piece;
  for (const char *at = sql; extract_template_next(&at, &piece) == BR_OK;) {
    if (piece.kind != EXTRACT_PIECE_NAME) {
      continue;
    }
    char **more = br_realloc_array(names, count + 1, sizeof *names);
    char *name = more == NULL ? NULL : br_strndup(piece.text, piece.length);
    names = more == NULL ? names : more;
    if (name == NULL) {
      br_names_free(names, count);
      return br_error_nomem(err);
    }
    names[count++] = name;
  }
  *ret_names = names;
  *ret_count = keep_unique(names, count);
  return BR_OK;
}
