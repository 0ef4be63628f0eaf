#include "sync/name.h"

#include <string.h>

static br_status wrong(br_error *err, const char *text, const char *why) {
  return br_error_set(err, BR_ERR_DATA, "'%.200s' is no name of a table: %s", text, why);
}

/* The quote that closes what `open` begins in a dialect; 0: it begins nothing. */
static char closing(sync_dialect dialect, char open) {
  if (dialect == SYNC_DATABRICKS) {
    return open == '`' ? '`' : '\0';
  }
  return open == '[' ? ']' : open == '"' ? '"' : '\0';
}

static br_status put(char *part, size_t *fill, char c, const char *text, br_error *err) {
  if (*fill + 1 >= SYNC_NAME_PART_MAX) {
    return wrong(err, text, "a part of it is too long");
  }
  if ((unsigned char)c < 0x20) {
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
  while (fill > 0 && part[fill - 1] == ' ') {
    fill--;
  }
  part[fill] = '\0';
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

/* SYNC_NAME_TEXT_MAX holds three parts of full length with every character doubled: the limit is
 * never met. */
static char *append(char *end, const char *limit, char c) {
  if (end < limit) {
    *end++ = c;
  }
  return end;
}

void sync_name_sql(const sync_name *name, char *text) {
  const char open = name->dialect == SYNC_DATABRICKS ? '`' : '[';
  const char close = name->dialect == SYNC_DATABRICKS ? '`' : ']';
  const char *limit = text + SYNC_NAME_TEXT_MAX - 1;
  char *end = text;
  for (size_t i = 0; i < name->count; i++) {
    if (i > 0) {
      end = append(end, limit, '.');
    }
    end = append(end, limit, open);
    for (const char *p = name->parts[i]; *p != '\0'; p++) {
      end = append(end, limit, *p);
      if (*p == close) {
        end = append(end, limit, close);
      }
    }
    end = append(end, limit, close);
  }
  *end = '\0';
}

void sync_name_plain(const sync_name *name, char *text) {
  const char *limit = text + SYNC_NAME_TEXT_MAX - 1;
  char *end = text;
  if (name->dialect == SYNC_SQLSERVER && name->count == 1) {
    for (const char *p = "dbo."; *p != '\0'; p++) {
      end = append(end, limit, *p);
    }
  }
  for (size_t i = 0; i < name->count; i++) {
    if (i > 0) {
      end = append(end, limit, '.');
    }
    for (const char *p = name->parts[i]; *p != '\0'; p++) {
      end = append(end, limit, *p);
    }
  }
  *end = '\0';
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
