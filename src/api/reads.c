#include "api/reads.h"

#include <stdio.h>
#include <string.h>

#include "auth/table_name.h"
#include "base/text.h"

enum { TABLE_MAX = AUTH_NAME_MAX + 1 };

static const char *skip_blanks(const char *at) {
  return at + strspn(at, " \t\r");
}

/* Behind "-- reads:" where the line at `at` is such a comment; NULL where it is none. */
static const char *header(const char *at) {
  char word[8];
  at = skip_blanks(at + 2);
  (void)snprintf(word, sizeof word, "%.6s", at);
  return br_text_equal_nocase(word, "reads:") ? at + 6 : NULL;
}

/* To the first name of the next header; false: a line that is no comment, or the end, came first.
 */
static bool find_header(api_reads *reads) {
  for (;;) {
    const char *line = reads->at + strspn(reads->at, " \t\r\n");
    if (strncmp(line, "--", 2) != 0) {
      return false;
    }
    const char *names = header(line);
    reads->in_header = names != NULL;
    reads->at = names != NULL ? names : line + strcspn(line, "\n");
    if (reads->in_header) {
      return true;
    }
  }
}

/* The length of a name up to a comma or the line's end; brackets and quotes keep commas inside. */
static size_t name_length(const char *at) {
  char closing = '\0';
  size_t length = 0;
  for (; at[length] != '\0' && at[length] != '\n'; length++) {
    const char c = at[length];
    if (closing != '\0') {
      if (c == closing) {
        closing = '\0';
      }
    } else if (c == '[') {
      closing = ']';
    } else if (c == '"' || c == '`') {
      closing = c;
    } else if (c == ',') {
      break;
    }
  }
  return length;
}

bool api_reads_next(api_reads *reads, char *table, size_t size) {
  for (;;) {
    if (!reads->in_header && !find_header(reads)) {
      return false;
    }
    const char *name = skip_blanks(reads->at);
    size_t length = name_length(name);
    reads->at = name + length + (name[length] == ',');
    reads->in_header = name[length] == ',';
    while (length > 0 && strchr(" \t\r;", name[length - 1]) != NULL) {
      length--;
    }
    if (length > 0) {
      (void)snprintf(table, size, "%.*s", (int)(length < size ? length : size), name);
      return true;
    }
  }
}

/* A part in brackets, appended; false: no room. */
static bool add_part(char *text, size_t size, const char *part, bool last) {
  size_t used = strlen(text);
  if (used + 1 >= size) {
    return false;
  }
  text[used++] = '[';
  for (; *part != '\0' && used + 4 < size; part++) {
    text[used++] = *part;
    if (*part == ']') {
      text[used++] = ']';
    }
  }
  if (*part != '\0' || used + 3 >= size) {
    return false;
  }
  text[used++] = ']';
  if (!last) {
    text[used++] = '.';
  }
  text[used] = '\0';
  return true;
}

static bool may_read(const api_caller *caller, const char *table, const char *database) {
  char storage[TABLE_MAX + AUTH_NAME_EXTRA], full[TABLE_MAX + 2 * AUTH_NAME_PART_MAX];
  auth_table_name name;
  if (auth_table_name_parse(table, false, storage, &name, NULL) != BR_OK) {
    return false;
  }
  if (name.database != NULL || database == NULL) {
    return api_may(caller, table, AUTH_READ);
  }
  full[0] = '\0';
  return add_part(full, sizeof full, database, false) &&
         add_part(full, sizeof full, name.schema, false) &&
         add_part(full, sizeof full, name.table, true) && api_may(caller, full, AUTH_READ);
}

bool api_reads_allowed(const api_caller *caller, const char *sql, const char *database,
                       char *denied, size_t size) {
  char table[TABLE_MAX];
  size_t count = 0;
  if (caller->everything) {
    return true;
  }
  for (api_reads reads = {.at = sql}; api_reads_next(&reads, table, sizeof table); count++) {
    if (!may_read(caller, table, database)) {
      (void)snprintf(denied, size, "%s", table);
      return false;
    }
  }
  if (count == 0 && !api_may_all(caller, AUTH_READ)) {
    (void)snprintf(denied, size, "*");
    return false;
  }
  return true;
}
