/*
 * INSERT BULK: the statement that announces a load, and the stream behind it. A load is done whole
 * or not at all.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sandbox/tds_session.h"

enum { BATCH_ROWS = 1024, BATCH_ROWS_LARGE = 8, KEEP_BYTES = 4 * 1024 * 1024, COLUMNS_MAX = 1024 };

void tds_bulk_forget(tds_session *s) {
  for (size_t i = 0; i < s->bulk_column_count; i++) {
    br_free(s->bulk_columns[i]);
  }
  br_free(s->bulk_columns);
  br_free(s->bulk_table);
  s->bulk_table = NULL;
  s->bulk_columns = NULL;
  s->bulk_column_count = 0;
  s->bulk_hints = (engine_load_hints){.keep_nulls = false};
}

static const char *skip_blanks(const char *p) {
  return p + strspn(p, " \t\r\n");
}

/* A keyword at p; NULL: another word stands there. */
static const char *take_word(const char *p, const char *word) {
  size_t length = strlen(word);
  p = skip_blanks(p);
  if (strncasecmp(p, word, length) != 0 || isalnum((unsigned char)p[length]) || p[length] == '_') {
    return NULL;
  }
  return p + length;
}

bool tds_is_insert_bulk(const char *sql, size_t length) {
  (void)length;
  const char *p = take_word(sql, "INSERT");
  return p != NULL && take_word(p, "BULK") != NULL;
}

/* Behind a name in brackets, in quotes or plain, with dots; NULL: none. */
static const char *end_of_name(const char *p) {
  for (;;) {
    if (*p == '[' || *p == '"') {
      const char close = *p == '[' ? ']' : '"';
      for (p++; *p != '\0' && (*p != close || p[1] == close); p += *p == close ? 2 : 1) {
      }
      if (*p == '\0') {
        return NULL;
      }
      p++;
    } else {
      p += strcspn(p, " \t\r\n.([\"");
    }
    p = skip_blanks(p);
    if (*p != '.') {
      return p;
    }
    p = skip_blanks(p + 1);
  }
}

/* A name without its brackets or quotes; the caller frees. */
static char *plain_name(const char *p, size_t length) {
  char *name = br_malloc(length + 1);
  size_t fill = 0;
  if (name == NULL) {
    return NULL;
  }
  char close = '\0';
  if (p[0] == '[' || p[0] == '"') {
    close = p[0] == '[' ? ']' : '"';
  }
  size_t end = close != '\0' && length > 1 ? length - 1 : length;
  for (size_t i = close != '\0' ? 1 : 0; i < end; i++) {
    name[fill++] = p[i];
    i += close != '\0' && p[i] == close && i + 1 < end && p[i + 1] == close;
  }
  name[fill] = '\0';
  return name;
}

static br_status syntax(br_error *err) {
  return br_error_set(err, BR_ERR_USAGE, "Incorrect syntax near the keyword 'BULK'.");
}

/* "[name] type[(…)] [COLLATE x]" up to the comma or bracket behind it. */
static br_status take_column(tds_session *s, const char **p, br_error *err) {
  const char *start = skip_blanks(*p);
  const char *end = end_of_name(start);
  if (end == NULL || s->bulk_column_count == COLUMNS_MAX) {
    return syntax(err);
  }
  size_t length = (size_t)(end - start);
  while (length > 0 && strchr(" \t\r\n", start[length - 1]) != NULL) {
    length--;
  }
  char *name = plain_name(start, length);
  char **list =
      br_realloc_array(s->bulk_columns, s->bulk_column_count + 1, sizeof *s->bulk_columns);
  if (list != NULL) {
    s->bulk_columns = list;
  }
  if (name == NULL || list == NULL) {
    br_free(name);
    return br_error_nomem(err);
  }
  s->bulk_columns[s->bulk_column_count++] = name;
  int depth = 0;
  for (*p = end; **p != '\0' && (depth > 0 || (**p != ',' && **p != ')')); (*p)++) {
    depth += **p == '(' ? 1 : **p == ')' ? -1 : 0;
  }
  return BR_OK;
}

/* One word of WITH, with its "= number" or its "(…)"; NULL: there is no such hint. Most are for a
 * server with locks and logs. */
static const char *take_hint(tds_session *s, const char *p) {
  const struct {
    const char *word;
    bool *flag;
  } hints[] = {{"KEEP_NULLS", &s->bulk_hints.keep_nulls},
               {"CHECK_CONSTRAINTS", &s->bulk_hints.check_constraints},
               {"TABLOCK", NULL},
               {"FIRE_TRIGGERS", NULL},
               {"ALLOW_ENCRYPTED_VALUE_MODIFICATIONS", NULL},
               {"ROWS_PER_BATCH", NULL},
               {"KILOBYTES_PER_BATCH", NULL},
               {"ORDER", NULL}};
  for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
    const char *rest = take_word(p, hints[i].word);
    if (rest == NULL) {
      continue;
    }
    if (hints[i].flag != NULL) {
      *hints[i].flag = true;
    }
    rest = skip_blanks(rest);
    if (*rest == '=') {
      rest = skip_blanks(rest + 1);
      return skip_blanks(rest + strspn(rest, "0123456789"));
    }
    if (*rest == '(') {
      rest += strcspn(rest, ")");
      return *rest == ')' ? skip_blanks(rest + 1) : NULL;
    }
    return rest;
  }
  return NULL;
}

/* [WITH (hint, …)] and the statement's end. */
static bool take_hints(tds_session *s, const char *p) {
  const char *with = take_word(p, "WITH");
  if (with != NULL) {
    p = skip_blanks(with);
    if (*p != '(') {
      return false;
    }
    do {
      p = take_hint(s, p + 1);
    } while (p != NULL && *p == ',');
    if (p == NULL || *p != ')') {
      return false;
    }
    p++;
  }
  return *(p + strspn(p, " \t\r\n;")) == '\0';
}

/* INSERT BULK table (column type, …) [WITH (…)]. */
static br_status parse_statement(tds_session *s, const char *sql, br_error *err) {
  const char *p = take_word(take_word(sql, "INSERT"), "BULK");
  const char *start = skip_blanks(p);
  const char *end = end_of_name(start);
  if (end == NULL || end == start || *end != '(') {
    return syntax(err);
  }
  size_t length = (size_t)(end - start);
  while (strchr(" \t\r\n", start[length - 1]) != NULL) {
    length--;
  }
  s->bulk_table = br_strndup(start, length);
  if (s->bulk_table == NULL) {
    return br_error_nomem(err);
  }
  p = end;
  do {
    p++;
    br_status st = take_column(s, &p, err);
    if (st != BR_OK) {
      return st;
    }
  } while (*p == ',');
  return *p == ')' && take_hints(s, p + 1) ? BR_OK : syntax(err);
}

static br_status check_table(tds_session *s, tds_answer *a, bool *ret_ok, br_error *err) {
  batch_schema *schema = NULL;
  engine_error why = {0};
  br_status st = engine_describe_table(s->engine, s->bulk_table, &schema, &why, err);
  batch_schema_free(schema);
  *ret_ok = st == BR_OK;
  if (st == BR_OK) {
    return BR_OK;
  }
  return why.number != 0 ? tds_answer_error(a, &why, err) : tds_answer_failure(a, st, err);
}

br_status tds_bulk_announce(tds_session *s, const char *sql, size_t length, br_error *err) {
  (void)length;
  tds_answer a;
  bool ok = false;
  tds_bulk_forget(s);
  br_status st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, sql, err);
  if (st != BR_OK) {
    return st;
  }
  st = parse_statement(s, sql, err);
  if (st == BR_ERR_USAGE) {
    st = tds_answer_refuse(&a, 156, 15, err, "%s", err->message);
  } else if (st == BR_OK) {
    st = check_table(s, &a, &ok, err);
  }
  if (!ok) {
    tds_bulk_forget(s);
  }
  return st == BR_OK ? tds_answer_end(&a, err) : st;
}

/* The load. */

/* Names from the statement: a stream may leave its own empty. */
static br_status name_columns(const tds_session *s, tds_bulk *bulk, br_error *err) {
  if (s->bulk_column_count != bulk->schema->count) {
    return br_error_set(err, BR_ERR_DATA,
                        "INSERT BULK names %zu columns, and the stream brings %zu",
                        s->bulk_column_count, bulk->schema->count);
  }
  for (size_t i = 0; i < bulk->schema->count; i++) {
    br_status st = batch_schema_set(bulk->schema, i, s->bulk_columns[i],
                                    bulk->schema->fields[i].type, true, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static bool has_large(const tds_bulk *bulk) {
  for (size_t i = 0; i < bulk->schema->count; i++) {
    tds_frame frame = bulk->decoders[i].info.frame;
    if (frame == TDS_FRAME_PLP || frame == TDS_FRAME_TEXTPTR) {
      return true;
    }
  }
  return false;
}

/* *ret_error: number of the engine's error that was sent; 0 where there was none. */
static br_status insert_all(tds_session *s, tds_answer *a, tds_bulk *bulk, uint64_t *ret_rows,
                            int32_t *ret_error, br_error *err) {
  batch *b = NULL;
  br_status st = batch_new(bulk->schema, has_large(bulk) ? BATCH_ROWS_LARGE : BATCH_ROWS, &b, err);
  while (st == BR_OK && !a->failed) {
    batch_reset(b, KEEP_BYTES);
    st = tds_bulk_read(bulk, &s->reader, b, err);
    if (st != BR_OK) {
      break;
    }
    uint64_t rows = 0;
    engine_error why = {0};
    st = engine_insert_batch(s->engine, s->bulk_table, b, &rows, &why, err);
    *ret_rows += st == BR_OK ? rows : 0;
    if (st != BR_OK && why.number != 0) {
      *ret_error = why.number;
      st = tds_answer_error(a, &why, err);
    }
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

static br_status load(tds_session *s, tds_answer *a, uint64_t *ret_rows, int32_t *ret_error,
                      br_error *err) {
  tds_bulk bulk;
  br_status st = tds_bulk_begin(&bulk, &s->reader, BR_LIMIT_CELL_MAX, err);
  if (st != BR_OK) {
    return st;
  }
  st = name_columns(s, &bulk, err);
  if (st == BR_OK) {
    st = insert_all(s, a, &bulk, ret_rows, ret_error, err);
  }
  tds_bulk_done(&bulk);
  return st;
}

/* Reads what is left of the message; *ret_abandoned: its sender gave it up. */
static br_status drain(tds_session *s, bool *ret_abandoned, br_error *err) {
  while (!tds_reader_at_end(&s->reader)) {
    s->reader.pos = s->reader.end;
    br_status st = tds_reader_at_end(&s->reader) ? BR_OK : tds_reader_more(&s->reader, err);
    if (st != BR_OK) {
      return st;
    }
  }
  *ret_abandoned = (s->reader.status & TDS_STATUS_IGNORE) != 0;
  return BR_OK;
}

/* Keeps a load that has begun or takes it back, and the transaction with it where the failure ends
 * that. */
static br_status end_load(tds_session *s, tds_answer *a, bool begun, bool keep, int32_t number,
                          br_status st, br_error *err) {
  engine_error why = {0};
  br_status ended =
      begun ? engine_load_end(s->engine, keep, &why, st == BR_OK ? err : NULL) : BR_OK;
  if (ended != BR_OK && st == BR_OK) {
    number = why.number;
    st = number != 0 ? tds_answer_error(a, &why, err) : tds_answer_failure(a, ended, err);
  }
  if (a->failed) {
    engine_strike(s->engine, number);
  }
  return st == BR_OK ? tds_answer_environment(a, NULL, err) : st;
}

/* Which failures leave the connection in order: the message can still be read to its end. */
static bool is_local(br_status st) {
  return st != BR_ERR_NETWORK && st != BR_ERR_TIMEOUT && st != BR_ERR_CANCELLED;
}

br_status tds_bulk_run(tds_session *s, br_error *err) {
  tds_answer a;
  uint64_t rows = 0;
  int32_t number = 0;
  bool abandoned = false;
  engine_error why = {0};
  br_status st = tds_answer_begin(&a, s, TDS_TOKEN_DONE, NULL, err);
  if (st != BR_OK) {
    return st;
  }
  if (s->bulk_table == NULL) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A bulk load that no INSERT BULK announced");
    return st;
  }
  st = engine_load_begin(s->engine, s->bulk_table, s->bulk_hints, &why, err);
  const bool begun = st == BR_OK;
  if (!begun && why.number != 0) {
    number = why.number;
    st = tds_answer_error(&a, &why, err);
  }
  if (begun && !tds_reader_at_end(&s->reader)) {
    st = load(s, &a, &rows, &number, err);
  }
  br_status failure = st;
  if (failure != BR_OK && is_local(failure)) {
    st = tds_answer_failure(&a, failure == BR_ERR_PROTOCOL ? BR_ERR_DATA : failure, err);
  }
  if (st == BR_OK) {
    st = drain(s, &abandoned, err);
  }
  const bool keep = st == BR_OK && !a.failed && !abandoned;
  st = end_load(s, &a, begun, keep, number, st, err);
  tds_bulk_forget(s);
  if (st != BR_OK) {
    return st;
  }
  tds_answer_set_done(&a, a.failed || abandoned ? TDS_DONE_ERROR : TDS_DONE_COUNT,
                      a.failed || abandoned ? TDS_TOKEN_DONE : TDS_COMMAND_BULK_INSERT,
                      a.failed || abandoned ? 0 : rows);
  return tds_answer_end(&a, err);
}
