#include "settings/dotenv.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

typedef struct scanner {
  const char *p, *end;
  const char *name; /* of the file */
  size_t line;
  br_buf value; /* of the entry being read */
} scanner;

static br_status fail(const scanner *s, size_t line, br_error *err, const char *what) {
  return br_error_set(err, BR_ERR_DATA, "%s, line %zu: %s", s->name, line, what);
}

static bool at_end_of_line(const scanner *s) {
  return s->p == s->end || *s->p == '\n' || (*s->p == '\r' && s->p + 1 < s->end && s->p[1] == '\n');
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static void skip_blanks(scanner *s) {
  while (s->p < s->end && is_blank(*s->p)) {
    s->p++;
  }
}

static void skip_line(scanner *s) {
  while (s->p < s->end && *s->p != '\n') {
    s->p++;
  }
}

static bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static size_t name_length(const scanner *s) {
  const char *p = s->p;
  while (p < s->end && (is_name_start(*p) || (p > s->p && *p >= '0' && *p <= '9'))) {
    p++;
  }
  return (size_t)(p - s->p);
}

static br_status read_name(scanner *s, char **ret_name, br_error *err) {
  size_t length = name_length(s);
  if (length == strlen("export") && memcmp(s->p, "export", length) == 0 && s->p + length < s->end &&
      is_blank(s->p[length])) {
    s->p += length;
    skip_blanks(s);
    length = name_length(s);
  }
  const char *name = s->p;
  s->p += length;
  skip_blanks(s);
  if (length == 0 || s->p == s->end || *s->p != '=') {
    return fail(s, s->line, err, "expected NAME=value");
  }
  s->p++;
  *ret_name = br_strndup(name, length);
  return *ret_name == NULL ? br_error_nomem(err) : BR_OK;
}

/* The character that a backslash in double quotes stands for; other pairs stay as written. */
static br_status add_escape(scanner *s, br_error *err) {
  static const char from[] = "nrt\"\\$`";
  static const char to[] = "\n\r\t\"\\$`";
  const char *found = s->p < s->end && *s->p != '\0' ? strchr(from, *s->p) : NULL;
  if (found == NULL) {
    return br_buf_u8(&s->value, '\\', err);
  }
  s->p++;
  return br_buf_u8(&s->value, (uint8_t)to[found - from], err);
}

/* p stands on the opening quote. */
static br_status read_quoted(scanner *s, br_error *err) {
  char quote = *s->p++;
  size_t start = s->line;
  while (s->p < s->end && *s->p != quote) {
    char c = *s->p++;
    br_status st = BR_OK;
    if (c == '\\' && quote == '"') {
      st = add_escape(s, err);
    } else {
      s->line += c == '\n';
      st = br_buf_u8(&s->value, (uint8_t)c, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  if (s->p == s->end) {
    return fail(s, start, err, "a quote is opened and never closed");
  }
  s->p++;
  skip_blanks(s);
  if (!at_end_of_line(s) && *s->p != '#') {
    return fail(s, s->line, err, "there is text behind the closing quote");
  }
  skip_line(s);
  return BR_OK;
}

static br_status read_plain(scanner *s, br_error *err) {
  const char *start = s->p;
  const char *stop = s->p;
  while (!at_end_of_line(s)) {
    bool comment = *s->p == '#' && (s->p == start || is_blank(s->p[-1]));
    if (comment) {
      break;
    }
    s->p++;
    stop = is_blank(s->p[-1]) ? stop : s->p;
  }
  skip_line(s);
  return br_buf_append(&s->value, start, (size_t)(stop - start), err);
}

static br_status add_entry(scanner *s, dotenv *file, char *name, size_t line, br_error *err) {
  dotenv_entry *entries = br_realloc_array(file->entries, file->count + 1, sizeof *file->entries);
  if (entries == NULL) {
    return br_error_nomem(err);
  }
  file->entries = entries;
  if (memchr(s->value.data == NULL ? (const uint8_t *)"" : s->value.data, 0, s->value.len) !=
      NULL) {
    return fail(s, line, err, "a value holds a NUL byte");
  }
  char *value = br_buf_take(&s->value, NULL);
  if (value == NULL) {
    return br_error_nomem(err);
  }
  file->entries[file->count++] = (dotenv_entry){.name = name, .value = value, .line = line};
  return BR_OK;
}

static br_status read_entry(scanner *s, dotenv *file, br_error *err) {
  size_t line = s->line;
  char *name = NULL;
  br_status st = read_name(s, &name, err);
  if (st != BR_OK) {
    return st;
  }
  skip_blanks(s);
  bool quoted = s->p < s->end && (*s->p == '\'' || *s->p == '"');
  br_buf_clear(&s->value);
  st = quoted ? read_quoted(s, err) : read_plain(s, err);
  if (st == BR_OK) {
    st = add_entry(s, file, name, line, err);
  }
  if (st != BR_OK) {
    br_free(name);
  }
  return st;
}

static br_status check_encoding(const scanner *s, br_error *err) {
  size_t bad = 0;
  if (br_utf8_valid(s->p, (size_t)(s->end - s->p), &bad)) {
    return BR_OK;
  }
  size_t line = 1;
  for (size_t i = 0; i < bad; i++) {
    line += s->p[i] == '\n';
  }
  return fail(s, line, err, "not UTF-8; save the file as UTF-8");
}

br_status dotenv_parse(const char *text, size_t length, const char *name, dotenv *ret_file,
                       br_error *err) {
  scanner s = {.p = text, .end = text + length, .name = name, .line = 1};
  br_buf_init(&s.value, BR_LIMIT_ENV_FILE);
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    s.p += 3;
  }
  dotenv file = {0};
  br_status st = check_encoding(&s, err);
  while (st == BR_OK && s.p < s.end) {
    skip_blanks(&s);
    if (at_end_of_line(&s) || *s.p == '#') {
      skip_line(&s);
    } else {
      st = read_entry(&s, &file, err);
    }
    if (st == BR_OK && s.p < s.end) {
      s.p++; /* the line feed */
      s.line++;
    }
  }
  br_buf_done(&s.value);
  if (st != BR_OK) {
    dotenv_done(&file);
    return st;
  }
  *ret_file = file;
  return BR_OK;
}

void dotenv_done(dotenv *file) {
  for (size_t i = 0; i < file->count; i++) {
    br_free(file->entries[i].name);
    if (file->entries[i].value != NULL) {
      br_wipe(file->entries[i].value, strlen(file->entries[i].value));
    }
    br_free(file->entries[i].value);
  }
  br_free(file->entries);
  *file = (dotenv){0};
}
