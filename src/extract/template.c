#include "extract/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* The length of "name}" without the brace at p; 0 = something else. */
static size_t name_before_brace(const char *p, const char *end) {
  const char *start = p;
  while (p < end && (is_name_start(*p) || (p > start && *p >= '0' && *p <= '9'))) {
    p++;
  }
  return p > start && p < end && *p == '}' ? (size_t)(p - start) : 0;
}

typedef enum piece_kind { PIECE_TEXT, PIECE_PLACEHOLDER } piece_kind;

/* The next piece of the SQL: text as it goes to the server, or a placeholder's name. */
typedef struct piece {
  piece_kind kind;
  const char *text;
  size_t length;
} piece;

/* Reads a piece at *p and moves behind it; false at the end. */
static bool next_piece(const char **p, const char *end, piece *ret_piece) {
  const char *start = *p;
  if (start == end) {
    return false;
  }
  if (*start == '{') {
    size_t doubled = start + 1 < end && start[1] == '{' ? name_before_brace(start + 2, end) : 0;
    if (doubled > 0 && start + doubled + 3 < end && start[doubled + 3] == '}') {
      *ret_piece = (piece){PIECE_TEXT, start + 1, doubled + 2};
      *p = start + doubled + 4;
      return true;
    }
    size_t single = name_before_brace(start + 1, end);
    if (single > 0) {
      *ret_piece = (piece){PIECE_PLACEHOLDER, start + 1, single};
      *p = start + single + 2;
      return true;
    }
  }
  const char *brace = memchr(start + 1, '{', (size_t)(end - start - 1));
  *p = brace == NULL ? end : brace;
  *ret_piece = (piece){PIECE_TEXT, start, (size_t)(*p - start)};
  return true;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_and_unify(extract_names *names) {
  if (names->count < 2) {
    return;
  }
  qsort(names->items, names->count, sizeof *names->items, compare_texts);
  size_t kept = 1;
  for (size_t i = 1; i < names->count; i++) {
    if (strcmp(names->items[i], names->items[kept - 1]) == 0) {
      br_free(names->items[i]);
    } else {
      names->items[kept++] = names->items[i];
    }
  }
  names->count = kept;
}

static br_status add_name(extract_names *names, const piece *found, br_error *err) {
  bool full = (names->count & (names->count - 1)) == 0; /* 0 and the powers of two */
  if (full) {
    size_t room = names->count == 0 ? 1 : names->count * 2;
    char **items = br_realloc_array(names->items, room, sizeof *items);
    if (items == NULL) {
      return br_error_nomem(err);
    }
    names->items = items;
  }
  char *copy = br_strndup(found->text, found->length);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  names->items[names->count++] = copy;
  return BR_OK;
}

br_status extract_template_names(const char *sql, size_t length, extract_names *ret_names,
                                 br_error *err) {
  extract_names names = {0};
  const char *p = sql;
  piece found;
  br_status st = BR_OK;
  while (st == BR_OK && next_piece(&p, sql + length, &found)) {
    st = found.kind == PIECE_PLACEHOLDER ? add_name(&names, &found, err) : BR_OK;
  }
  if (st != BR_OK) {
    extract_names_done(&names);
    return st;
  }
  sort_and_unify(&names);
  *ret_names = names;
  return BR_OK;
}

void extract_names_done(extract_names *names) {
  for (size_t i = 0; i < names->count; i++) {
    br_free(names->items[i]);
  }
  br_free(names->items);
  *names = (extract_names){0};
}

/* The names that may have been meant, behind the list of missing ones. */
static void append_nearest(const extract_names *missing, const extract_params *params,
                           br_error *err) {
  const char *between = " (did you mean";
  for (size_t i = 0; i < missing->count; i++) {
    const char *nearest = extract_params_nearest(params, missing->items[i]);
    if (nearest != NULL) {
      br_error_append(err, BR_ERR_USAGE, "%s %s for %s", between, nearest, missing->items[i]);
      between = ",";
    }
  }
  if (between[0] == ',') {
    br_error_append(err, BR_ERR_USAGE, "?)");
  }
}

/* All names have a value each; otherwise one message names all that have none. */
static br_status check_names(const char *query, const extract_names *names,
                             const extract_params *params, br_error *err) {
  extract_names missing = {.items = br_calloc(names->count + 1, sizeof *missing.items)};
  if (missing.items == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < names->count; i++) {
    const extract_param *param = NULL;
    st = extract_params_find(params, names->items[i], &param, err);
    if (st == BR_ERR_NOT_FOUND) {
      missing.items[missing.count++] = names->items[i];
      st = BR_OK;
    }
  }
  if (st == BR_ERR_USAGE) {
    br_error_context(err, st, "Query '%s'", query);
  } else if (missing.count > 0) {
    st = br_error_set(err, BR_ERR_USAGE, "Missing parameters for query '%s':", query);
    for (size_t i = 0; i < missing.count; i++) {
      br_error_append(err, st, "%s %s", i == 0 ? "" : ",", missing.items[i]);
    }
    append_nearest(&missing, params, err);
  }
  br_free(missing.items);
  return st;
}

static br_status expand_piece(const piece *found, const extract_params *params, br_buf *out,
                              br_error *err) {
  if (found->kind == PIECE_TEXT) {
    return br_buf_append(out, found->text, found->length, err);
  }
  char *name = br_strndup(found->text, found->length);
  if (name == NULL) {
    return br_error_nomem(err);
  }
  const extract_param *param = NULL;
  br_status st = extract_params_find(params, name, &param, err);
  br_free(name);
  return st == BR_OK ? br_buf_text(out, param->value, err) : st;
}

br_status extract_template_expand(const char *query, const char *sql, size_t length,
                                  const extract_params *params, br_buf *out, br_error *err) {
  extract_names names = {0};
  br_status st = extract_template_names(sql, length, &names, err);
  if (st == BR_OK) {
    st = check_names(query, &names, params, err);
  }
  extract_names_done(&names);
  size_t before = out->len;
  const char *p = sql;
  piece found;
  while (st == BR_OK && next_piece(&p, sql + length, &found)) {
    st = expand_piece(&found, params, out, err);
  }
  if (st != BR_OK) {
    out->len = before;
  }
  return st;
}
