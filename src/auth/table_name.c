#include "auth/table_name.h"

#include <string.h>

#include "base/text.h"

enum { PARTS_MAX = 3 };

/* Parts as they are found; a wildcard is a part * without quotes. */
typedef struct parts {
  const char *text[PARTS_MAX];
  bool wildcard[PARTS_MAX];
  size_t count;
} parts;

static char lower(char c) {
  return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static char closing_quote(char c) {
  switch (c) {
  case '[':
    return ']';
  case '"':
  case '`':
    return c;
  default:
    return '\0';
  }
}

static br_status fail(br_error *err, const char *why) {
  return br_error_set(err, BR_ERR_USAGE, "%s", why);
}

/* A quoted part from its opening character on. */
static br_status take_quoted(const char **text, char **to, br_error *err) {
  const char *p = *text;
  char end = closing_quote(*p++);
  while (*p != '\0' && (*p != end || p[1] == end)) {
    p += *p == end; /* a doubled one stands for itself */
    *(*to)++ = lower(*p++);
  }
  if (*p == '\0') {
    return br_error_set(err, BR_ERR_USAGE, "%c is missing", end);
  }
  *text = p + 1;
  return BR_OK;
}

static br_status take_plain(const char **text, char **to, br_error *err) {
  size_t length = strcspn(*text, ".");
  if (strcspn(*text, "[]\"`") < length) {
    return fail(err, "a quote or bracket stands inside a part");
  }
  for (size_t i = 0; i < length; i++) {
    *(*to)++ = lower((*text)[i]);
  }
  *text += length;
  return BR_OK;
}

static const char *skip_blanks(const char *text) {
  return text + strspn(text, " ");
}

static br_status take_part(const char **text, char **to, parts *found, br_error *err) {
  *text = skip_blanks(*text);
  char *start = *to;
  bool quoted = closing_quote(**text) != '\0';
  br_status st = quoted ? take_quoted(text, to, err) : take_plain(text, to, err);
  if (st != BR_OK) {
    return st;
  }
  while (*to > start && (*to)[-1] == ' ') {
    (*to)--;
  }
  size_t length = (size_t)(*to - start);
  *(*to)++ = '\0';
  if (length == 0) {
    return fail(err, "a part is empty");
  }
  if (length > AUTH_NAME_PART_MAX) {
    return fail(err, "a part is too long");
  }
  *text = skip_blanks(*text);
  found->wildcard[found->count] = !quoted && strcmp(start, "*") == 0;
  if (!quoted && !found->wildcard[found->count] && strchr(start, '*') != NULL) {
    return fail(err, "* stands only for a whole part");
  }
  found->text[found->count++] = start;
  return BR_OK;
}

static br_status take_parts(const char *text, char *to, parts *found, br_error *err) {
  for (;;) {
    if (found->count == PARTS_MAX) {
      return fail(err, "it has more than three parts");
    }
    br_status st = take_part(&text, &to, found, err);
    if (st != BR_OK) {
      return st;
    }
    if (*text == '\0') {
      return BR_OK;
    }
    if (*text != '.') {
      return fail(err, "something stands behind a closing quote");
    }
    text++;
  }
}

static bool has_control_character(const char *text) {
  for (; *text != '\0'; text++) {
    if ((unsigned char)*text < 0x20U || *text == 0x7F) {
      return true;
    }
  }
  return false;
}

/* Which wildcards there may be: the last part, or all of a text that is only *. */
static br_status check_wildcards(const parts *found, bool patterns, br_error *err) {
  for (size_t i = 0; i < found->count; i++) {
    bool last = i + 1 == found->count;
    if (found->wildcard[i] && (!last || !patterns)) {
      return fail(err, patterns ? "* stands only for the last part" : "* is no table");
    }
  }
  return BR_OK;
}

br_status auth_table_name_parse(const char *text, bool patterns, char *storage,
                                auth_table_name *ret_name, br_error *err) {
  static const char default_schema[] = "dbo";
  size_t length = strnlen(text, AUTH_NAME_MAX + 1);
  if (length > AUTH_NAME_MAX) {
    return fail(err, "it is too long");
  }
  if (!br_utf8_valid(text, length, NULL) || has_control_character(text)) {
    return fail(err, "it holds characters that no name has");
  }
  parts found = {.count = 0};
  br_status st = take_parts(text, storage, &found, err);
  if (st == BR_OK) {
    st = check_wildcards(&found, patterns, err);
  }
  if (st != BR_OK) {
    return st;
  }
  size_t last = found.count - 1;
  bool any_table = found.wildcard[last];
  *ret_name = (auth_table_name){
      .database = found.count == PARTS_MAX ? found.text[0] : NULL,
      .table = any_table ? NULL : found.text[last],
  };
  if (found.count > 1) {
    ret_name->schema = found.text[last - 1];
  } else {
    ret_name->schema = any_table ? NULL : default_schema;
  }
  return BR_OK;
}

static bool is_ascii(char c) {
  return (unsigned char)c < 0x80U;
}

static bool all_ascii(const char *text) {
  while (*text != '\0' && is_ascii(*text)) {
    text++;
  }
  return *text == '\0';
}

/* Whether two names can be the same where every byte outside ASCII stands for any text, none
 * included. may[j] tells it of the beginning of a that was looked at and the first j bytes of b. */
static bool may_be_same(const char *a, const char *b) {
  if (all_ascii(a) && all_ascii(b)) {
    return strcmp(a, b) == 0;
  }
  bool rows[2][AUTH_NAME_PART_MAX + 1] = {{false}};
  size_t length = strlen(b);
  bool *before = rows[0];
  bool *now = rows[1];
  before[0] = true;
  for (size_t j = 1; j <= length; j++) {
    before[j] = before[j - 1] && !is_ascii(b[j - 1]);
  }
  for (; *a != '\0'; a++) {
    now[0] = before[0] && !is_ascii(*a);
    for (size_t j = 1; j <= length; j++) {
      bool any_a = !is_ascii(*a);
      bool any_b = !is_ascii(b[j - 1]);
      now[j] = ((any_a || any_b) && (before[j] || now[j - 1])) || (*a == b[j - 1] && before[j - 1]);
    }
    bool *swap = before;
    before = now;
    now = swap;
  }
  return before[length];
}

/* pattern NULL: any. */
static bool covers_part(const char *pattern, const char *part) {
  return pattern == NULL || (part != NULL && strcmp(pattern, part) == 0);
}

bool auth_table_name_covers(const auth_table_name *pattern, const auth_table_name *name) {
  return covers_part(pattern->database, name->database) &&
         covers_part(pattern->schema, name->schema) && covers_part(pattern->table, name->table);
}

static bool may_cover_part(const char *pattern, const char *part) {
  return pattern == NULL || part == NULL || may_be_same(pattern, part);
}

bool auth_table_name_may_cover(const auth_table_name *pattern, const auth_table_name *name) {
  return may_cover_part(pattern->database, name->database) &&
         may_cover_part(pattern->schema, name->schema) &&
         may_cover_part(pattern->table, name->table);
}

int auth_table_name_specificity(const auth_table_name *pattern) {
  if (pattern->schema == NULL) {
    return 1;
  }
  return (pattern->table != NULL ? 4 : 2) + (pattern->database != NULL ? 1 : 0);
}
