#include "sync/name.h"

#include <string.h>

#include "base/text.h"

static br_status wrong(br_error *err, const char *text, const char *why) {
  return br_error_set(err, BR_ERR_DATA, "'%.200s' is no name of a table: %s", text, why);
}

/* The quote that closes what `open` begins in a dialect; 0: it begins nothing. */
static char closing(sync_dialect dialect, char open) {
  if (dialect == SYNC_DATABRICKS) {
    return open == '`' ? '`' : '\0';
  }
  if (open == '[') {
    return ']';
  }
  return open == '"' ? '"' : '\0';
}

static br_status put(char *part, size_t *fill, char c, const char *text, br_error *err) {
  if (*fill + 1 >= SYNC_NAME_PART_MAX) {
    return wrong(err, text, "a part of it is too long");
  }
  if ((unsigned char)c < 0x20 || c == 0x7F) {
    return wrong(err, text, "it holds a control character");
  }
  part[(*fill)++] = c;
  return BR_OK;
}

/* A quoted part; *at stands on the opening quote and moves behind the closing one. */
static br_status quoted_part(const char *text, const char **at, char close, char *part,
                             br_error *err) {
  size_t fill = 0;
  const char *p = *at + 1;
  for (;; p++) {
    if (*p == '\0') {
      return wrong(err, text, "a quote is not closed");
    }
    if (*p == close && *++p != close) {
      break;
    }
    br_status st = put(part, &fill, *p, text, err);
    if (st != BR_OK) {
      return st;
    }
  }
  part[fill] = '\0';
  *at = p;
  return BR_OK;
}

/* SQL Server takes no notice of blanks at the end of a name. */
static void trim(char *part) {
  size_t length = strlen(part);
  while (length > 0 && part[length - 1] == ' ') {
    part[--length] = '\0';
  }
}

static br_status plain_part(const char *text, const char **at, char *part, br_error *err) {
  size_t fill = 0;
  const char *p = *at;
  for (; *p != '\0' && *p != '.'; p++) {
    if (strchr("`[]\"';", *p) != NULL) {
      return wrong(err, text, "a quote or a semicolon stands inside a part that isn't quoted");
    }
    br_status st = put(part, &fill, *p, text, err);
    if (st != BR_OK) {
      return st;
    }
  }
  part[fill] = '\0';
  trim(part);
  *at = p;
  return BR_OK;
}

static const char *skip_blanks(const char *p) {
  return p + strspn(p, " \t\r\n");
}

static br_status parse_part(sync_dialect dialect, const char *text, const char **at, char *part,
                            br_error *err) {
  const char *p = skip_blanks(*at);
  char close = closing(dialect, *p);
  br_status st =
      close != '\0' ? quoted_part(text, &p, close, part, err) : plain_part(text, &p, part, err);
  if (st != BR_OK) {
    return st;
  }
  if (dialect == SYNC_SQLSERVER) {
    trim(part);
  }
  if (part[0] == '\0' && close != '\0') {
    return wrong(err, text, "a part of it is empty");
  }
  *at = skip_blanks(p);
  return BR_OK;
}

br_status sync_name_parse(sync_dialect dialect, const char *text, sync_name *ret_name,
                          br_error *err) {
  sync_name name = {.dialect = dialect};
  const char *at = text;
  for (;;) {
    if (name.count == SYNC_NAME_PARTS) {
      return wrong(err, text,
                   dialect == SYNC_DATABRICKS
                       ? "it has more than the three parts catalog.schema.table"
                       : "it has more than the three parts database.schema.table");
    }
    char *part = name.parts[name.count++];
    br_status st = parse_part(dialect, text, &at, part, err);
    if (st != BR_OK) {
      return st;
    }
    const bool middle = dialect == SYNC_SQLSERVER && name.count == 2 && *at == '.';
    if (part[0] == '\0' && middle) {
      memcpy(part, "dbo", sizeof "dbo");
    }
    if (part[0] == '\0') {
      return wrong(err, text,
                   name.count == 1 && *at == '\0' ? "it is empty" : "a part of it is empty");
    }
    if (*at == '\0') {
      *ret_name = name;
      return BR_OK;
    }
    if (*at++ != '.') {
      return wrong(err, text, "a dot must stand between its parts");
    }
  }
}

/* A text that grows up to its limit, which is never met: SYNC_NAME_TEXT_MAX holds three parts of
 * full length with every character doubled. */
typedef struct writing {
  char *end;
  const char *limit;
} writing;

static writing begin(char *text) {
  return (writing){.end = text, .limit = text + SYNC_NAME_TEXT_MAX - 1};
}

static void put_char(writing *w, char c) {
  if (w->end < w->limit) {
    *w->end++ = c;
  }
}

static void put_text(writing *w, const char *text) {
  for (; *text != '\0'; text++) {
    put_char(w, *text);
  }
}

static void put_quoted(writing *w, sync_dialect dialect, const char *part) {
  const char close = dialect == SYNC_DATABRICKS ? '`' : ']';
  put_char(w, dialect == SYNC_DATABRICKS ? '`' : '[');
  for (; *part != '\0'; part++) {
    put_char(w, *part);
    if (*part == close) {
      put_char(w, close);
    }
  }
  put_char(w, close);
}

/* A name alone would be looked for in the login's own schema first, which nobody asked for. */
static void put_schema(writing *w, const sync_name *name, const char *dbo) {
  if (name->dialect == SYNC_SQLSERVER && name->count == 1) {
    put_text(w, dbo);
  }
}

void sync_name_sql(const sync_name *name, char *text) {
  writing w = begin(text);
  put_schema(&w, name, "[dbo].");
  for (size_t i = 0; i < name->count; i++) {
    if (i > 0) {
      put_char(&w, '.');
    }
    put_quoted(&w, name->dialect, name->parts[i]);
  }
  *w.end = '\0';
}

void sync_name_database(const sync_name *name, char *text) {
  writing w = begin(text);
  put_quoted(&w, name->dialect, name->parts[0]);
  put_char(&w, '.');
  *w.end = '\0';
}

void sync_name_plain(const sync_name *name, char *text) {
  writing w = begin(text);
  put_schema(&w, name, "dbo.");
  for (size_t i = 0; i < name->count; i++) {
    if (i > 0) {
      put_char(&w, '.');
    }
    if (name->parts[i][0] == ' ' || strpbrk(name->parts[i], ".[]\"`") != NULL) {
      put_quoted(&w, name->dialect, name->parts[i]);
    } else {
      put_text(&w, name->parts[i]);
    }
  }
  *w.end = '\0';
}

/* Parts counted from the table on: 0 = table, 1 = schema, 2 = database; NULL: not named. */
static const char *part_of(const sync_name *name, size_t from_table) {
  if (from_table < name->count) {
    return name->parts[name->count - 1 - from_table];
  }
  return from_table == 1 ? "dbo" : NULL;
}

static void put_key(writing *w, const char *part) {
  put_char(w, '[');
  for (const char *p = part; *p != '\0'; p++) {
    const unsigned char c = (unsigned char)*p;
    if (c >= 0x80) {
      if ((c & 0xC0U) != 0x80) { /* the first byte of a character */
        put_char(w, '?');
      }
    } else {
      put_char(w, (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
      if (c == ']') {
        put_char(w, ']');
      }
    }
  }
  put_char(w, ']');
}

void sync_name_key(const sync_name *name, const char *database, char *text) {
  writing w = begin(text);
  for (size_t i = SYNC_NAME_PARTS; i > 0; i--) {
    const char *part = part_of(name, i - 1);
    put_key(&w, part != NULL ? part : database != NULL ? database : "");
    if (i > 1) {
      put_char(&w, '.');
    }
  }
  *w.end = '\0';
}

static bool all_ascii(const char *part) {
  while (*part != '\0' && (unsigned char)*part < 0x80) {
    part++;
  }
  return *part == '\0';
}

static bool nothing_differs(const sync_name *a, const sync_name *b, bool ascii_alone) {
  for (size_t i = 0; i < SYNC_NAME_PARTS; i++) {
    const char *of_a = part_of(a, i), *of_b = part_of(b, i);
    const bool told =
        of_a != NULL && of_b != NULL && (!ascii_alone || (all_ascii(of_a) && all_ascii(of_b)));
    if (told && !br_text_equal_nocase(of_a, of_b)) {
      return false;
    }
  }
  return true;
}

bool sync_name_may_mean(const sync_name *a, const sync_name *b) {
  return nothing_differs(a, b, false);
}

bool sync_name_could_mean(const sync_name *a, const sync_name *b) {
  return nothing_differs(a, b, true);
}

br_status sync_quote(br_buf *out, sync_dialect dialect, const char *identifier, br_error *err) {
  const char open = dialect == SYNC_DATABRICKS ? '`' : '[';
  const char close = dialect == SYNC_DATABRICKS ? '`' : ']';
  br_status st = br_buf_u8(out, (uint8_t)open, err);
  for (const char *p = identifier; *p != '\0' && st == BR_OK; p++) {
    st = br_buf_u8(out, (uint8_t)*p, err);
    if (st == BR_OK && *p == close) {
      st = br_buf_u8(out, (uint8_t)close, err);
    }
  }
  return st == BR_OK ? br_buf_u8(out, (uint8_t)close, err) : st;
}

br_status sync_literal(br_buf *out, const char *text, br_error *err) {
  br_status st = br_buf_text(out, "N'", err);
  for (const char *p = text; *p != '\0' && st == BR_OK; p++) {
    st = br_buf_u8(out, (uint8_t)*p, err);
    if (st == BR_OK && *p == '\'') {
      st = br_buf_u8(out, '\'', err);
    }
  }
  return st == BR_OK ? br_buf_u8(out, '\'', err) : st;
}
