#include "databricks/cells.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* ---- finding the span ---- */

typedef struct scan {
  const char *text;
  size_t length;
  size_t pos;
} scan;

static void skip_blanks(scan *s) {
  while (s->pos < s->length && s->text[s->pos] != '\0' &&
         strchr(" \t\r\n", s->text[s->pos]) != NULL) {
    s->pos++;
  }
}

/* Behind the closing quote; false where the text ends before. */
static bool skip_string(scan *s) {
  for (s->pos++; s->pos < s->length; s->pos++) {
    if (s->text[s->pos] == '\\') {
      s->pos++;
    } else if (s->text[s->pos] == '"') {
      s->pos++;
      return true;
    }
  }
  return false;
}

/* Behind any value: brackets are counted, not matched. */
static bool skip_value(scan *s) {
  size_t depth = 0;
  while (s->pos < s->length) {
    char c = s->text[s->pos];
    if (c == '"') {
      if (!skip_string(s)) {
        return false;
      }
      if (depth == 0) {
        return true;
      }
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
      return true;
    }
    depth += c == '[' || c == '{';
    depth -= c == ']' || c == '}';
    s->pos++;
    if (depth == 0 && (c == ']' || c == '}')) {
      return true;
    }
  }
  return false;
}

static bool key_is(const char *key, size_t length, const char *name) {
  return length == strlen(name) && memcmp(key, name, length) == 0;
}

/* Walks the object at s->pos; result: also look into a member of that name. */
static br_status find_in_object(scan *s, bool result, dbx_span *span, br_error *err) {
  s->pos++;
  for (;;) {
    skip_blanks(s);
    if (s->pos >= s->length || s->text[s->pos] != '"') {
      return BR_OK;
    }
    const char *key = s->text + s->pos + 1;
    if (!skip_string(s)) {
      return BR_OK;
    }
    size_t key_length = (size_t)(s->text + s->pos - 1 - key);
    skip_blanks(s);
    if (s->pos >= s->length || s->text[s->pos] != ':') {
      return BR_OK;
    }
    s->pos++;
    skip_blanks(s);
    size_t start = s->pos;
    if (result && key_is(key, key_length, "result") && start < s->length && s->text[start] == '{') {
      scan inner = *s;
      br_status st = find_in_object(&inner, false, span, err);
      if (st != BR_OK) {
        return st;
      }
    }
    if (!skip_value(s)) {
      return BR_OK;
    }
    if (key_is(key, key_length, "data_array") && s->text[start] == '[') {
      if (span->end != span->start) {
        return br_error_set(err, BR_ERR_PROTOCOL, "The answer has two data_array members");
      }
      *span = (dbx_span){.start = start, .end = s->pos};
    }
    skip_blanks(s);
    if (s->pos >= s->length || s->text[s->pos] != ',') {
      return BR_OK;
    }
    s->pos++;
  }
}

br_status dbx_cells_find(const char *text, size_t length, dbx_span *ret_span, br_error *err) {
  scan s = {.text = text, .length = length};
  dbx_span span = {0};
  skip_blanks(&s);
  if (s.pos < length && text[s.pos] == '{') {
    br_status st = find_in_object(&s, true, &span, err);
    if (st != BR_OK) {
      return st;
    }
  }
  *ret_span = span;
  return BR_OK;
}

/* ---- decoding ---- */

/* Reads at `from`; what is decoded is written behind it or at it, never before what is still to be
 * read. */
typedef struct decoder {
  char *text;
  size_t from;
  size_t end;
  dbx_cells *cells;
  br_error *err;
} decoder;

static br_status broken(const decoder *d, const char *what) {
  return br_error_set(d->err, BR_ERR_PROTOCOL, "The result's rows are broken at byte %zu: %s",
                      d->from, what);
}

static char peek(decoder *d) {
  while (d->from < d->end && d->text[d->from] != '\0' &&
         strchr(" \t\r\n", d->text[d->from]) != NULL) {
    d->from++;
  }
  return (char)(d->from < d->end ? d->text[d->from] : '\0');
}

static bool take(decoder *d, char c) {
  if (peek(d) != c) {
    return false;
  }
  d->from++;
  return true;
}

static br_status add_cell(decoder *d, uint32_t offset, uint32_t length) {
  dbx_cells *cells = d->cells;
  if (cells->count == cells->capacity) {
    size_t capacity = cells->capacity == 0 ? 256 : cells->capacity + cells->capacity / 2;
    dbx_cell *more = br_realloc_array(cells->cells, capacity, sizeof *more);
    if (more == NULL) {
      return br_error_nomem(d->err);
    }
    cells->cells = more;
    cells->capacity = capacity;
  }
  cells->cells[cells->count++] = (dbx_cell){.offset = offset, .length = length};
  return BR_OK;
}

static bool hex4(const char *digits, size_t available, uint32_t *ret_value) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; i++) {
    char c = (char)(i < available ? digits[i] : '\0');
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = (uint32_t)(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = (uint32_t)((c | 0x20) - 'a') + 10;
    } else {
      return false;
    }
    value = value * 16 + digit;
  }
  *ret_value = value;
  return true;
}

/* \uXXXX, or two of them for a character beyond the first plane; from stands behind \u. */
static bool take_code_point(decoder *d, uint32_t *ret_point) {
  uint32_t high = 0;
  uint32_t low = 0;
  if (!hex4(d->text + d->from, d->end - d->from, &high)) {
    return false;
  }
  d->from += 4;
  if (high < 0xD800 || high > 0xDFFF) {
    *ret_point = high;
    return true;
  }
  if (high > 0xDBFF || d->end - d->from < 6 || d->text[d->from] != '\\' ||
      d->text[d->from + 1] != 'u' || !hex4(d->text + d->from + 2, 4, &low) || low < 0xDC00 ||
      low > 0xDFFF) {
    return false;
  }
  d->from += 6;
  *ret_point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  return true;
}

static size_t put_utf8(char *to, uint32_t point) {
  if (point < 0x80) {
    to[0] = (char)point;
    return 1;
  }
  if (point < 0x800) {
    to[0] = (char)(0xC0 | point >> 6);
    to[1] = (char)(0x80 | (point & 0x3F));
    return 2;
  }
  if (point < 0x10000) {
    to[0] = (char)(0xE0 | point >> 12);
    to[1] = (char)(0x80 | (point >> 6 & 0x3F));
    to[2] = (char)(0x80 | (point & 0x3F));
    return 3;
  }
  to[0] = (char)(0xF0 | point >> 18);
  to[1] = (char)(0x80 | (point >> 12 & 0x3F));
  to[2] = (char)(0x80 | (point >> 6 & 0x3F));
  to[3] = (char)(0x80 | (point & 0x3F));
  return 4;
}

/* An escape, from standing behind the backslash; its shortest form is as long as what it means. */
static bool take_escape(decoder *d, size_t *to) {
  static const char letters[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";
  char c = (char)(d->from < d->end ? d->text[d->from] : '\0');
  d->from++;
  if (c == 'u') {
    uint32_t point = 0;
    if (!take_code_point(d, &point)) {
      return false;
    }
    *to += put_utf8(d->text + *to, point);
    return true;
  }
  const char *letter = c == '\0' ? NULL : strchr(letters, c);
  if (letter == NULL) {
    return false;
  }
  d->text[(*to)++] = meanings[letter - letters];
  return true;
}

/* from stands behind the opening quote. The closing quote gives room for the NUL. */
static br_status decode_string(decoder *d) {
  size_t start = d->from;
  size_t to = start;
  while (d->from < d->end && d->text[d->from] != '"') {
    unsigned char c = (unsigned char)d->text[d->from++];
    if (c < ' ') {
      return broken(d, "a control character in a text");
    }
    if (c != '\\') {
      d->text[to++] = (char)c;
    } else if (!take_escape(d, &to)) {
      return broken(d, "a wrong escape");
    }
  }
  if (d->from >= d->end) {
    return broken(d, "a text without end");
  }
  d->from++;
  d->text[to] = '\0';
  return add_cell(d, (uint32_t)start, (uint32_t)(to - start));
}

/* null, or a number, true or false, which some servers send bare: the text moves one byte to the
 * left, over the bracket, comma or blank before it, and so gets room for its NUL. */
static br_status decode_bare(decoder *d) {
  size_t start = d->from;
  size_t length = 0;
  while (start + length < d->end && d->text[start + length] != '\0' &&
         strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", d->text[start + length]) != NULL) {
    length++;
  }
  const char *word = d->text + start;
  bool number = length > 0 && (word[0] == '-' || (word[0] >= '0' && word[0] <= '9'));
  bool known = (length == 4 && (memcmp(word, "null", 4) == 0 || memcmp(word, "true", 4) == 0)) ||
               (length == 5 && memcmp(word, "false", 5) == 0);
  if (!number && !known) {
    return broken(d, "a cell is neither text nor null");
  }
  d->from += length;
  if (word[0] == 'n') {
    return add_cell(d, DBX_CELL_NULL, 0);
  }
  memmove(d->text + start - 1, word, length);
  d->text[start - 1 + length] = '\0';
  return add_cell(d, (uint32_t)(start - 1), (uint32_t)length);
}

static br_status decode_row(decoder *d, size_t columns) {
  size_t before = d->cells->count;
  if (!take(d, '[')) {
    return broken(d, "a row is no array");
  }
  bool more = peek(d) != ']';
  while (more) {
    br_status st = take(d, '"') ? decode_string(d) : decode_bare(d);
    if (st != BR_OK) {
      return st;
    }
    more = take(d, ',');
  }
  if (!take(d, ']')) {
    return broken(d, "a row without end");
  }
  if (d->cells->count - before != columns) {
    return br_error_set(d->err, BR_ERR_PROTOCOL, "Row %zu has %zu values for %zu columns",
                        d->cells->rows + 1, d->cells->count - before, columns);
  }
  d->cells->rows++;
  return BR_OK;
}

static br_status decode_rows(decoder *d, size_t columns) {
  if (!take(d, '[')) {
    return broken(d, "no array");
  }
  bool more = peek(d) != ']';
  while (more) {
    br_status st = decode_row(d, columns);
    if (st != BR_OK) {
      return st;
    }
    more = take(d, ',');
  }
  return take(d, ']') && peek(d) == '\0' && d->from == d->end ? BR_OK
                                                              : broken(d, "rows without end");
}

br_status dbx_cells_decode(char *text, dbx_span span, size_t columns, dbx_cells *ret_cells,
                           br_error *err) {
  size_t offset = 0;
  if (span.end >= UINT32_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "The result is longer than 4 GiB");
  }
  if (!br_utf8_valid(text + span.start, span.end - span.start, &offset)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result's rows are not UTF-8 (byte %zu)",
                        span.start + offset);
  }
  dbx_cells cells = {0};
  decoder d = {.text = text, .from = span.start, .end = span.end, .cells = &cells, .err = err};
  br_status st = decode_rows(&d, columns);
  if (st != BR_OK) {
    dbx_cells_done(&cells);
    return st;
  }
  *ret_cells = cells;
  return BR_OK;
}

void dbx_cells_done(dbx_cells *cells) {
  br_free(cells->cells);
  memset(cells, 0, sizeof *cells);
}
