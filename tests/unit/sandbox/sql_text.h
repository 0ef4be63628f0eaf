/*
 * sql_text.h: runs batches on an engine and writes what comes back as text, for tests:
 *
 *   [a int, b nvarchar(10)]   a result's columns
 *   1|x                       its rows
 *   (2)                       a count
 *   !208 Invalid object…      an error;  #0 text: a message
 */
#ifndef TESTS_SANDBOX_SQL_TEXT_H
#define TESTS_SANDBOX_SQL_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "batch/value.h"
#include "sandbox/engine.h"

enum { SQL_TEXT_MAX = 1 << 24 };

static inline br_status sql_text_rows(engine_session *s, br_buf *out, bool types, br_error *err) {
  const batch_schema *schema = engine_result_schema(s);
  batch *b = NULL;
  br_status st = types ? br_buf_text(out, "[", err) : BR_OK;
  for (size_t i = 0; types && i < schema->count && st == BR_OK; i++) {
    st = br_buf_printf(out, err, "%s%s %s", i == 0 ? "" : ", ", schema->fields[i].name,
                       engine_result_type_text(s, i));
  }
  if (types && st == BR_OK) {
    st = br_buf_text(out, "]\n", err);
  }
  if (st == BR_OK) {
    st = batch_new(schema, 7, &b, err);
  }
  while (st == BR_OK) {
    batch_reset(b, 1 << 20);
    st = engine_read_batch(s, b, err);
    for (size_t r = 0; st == BR_OK && r < b->rows; r++) {
      for (size_t i = 0; i < schema->count && st == BR_OK; i++) {
        st = i == 0 ? BR_OK : br_buf_u8(out, '|', err);
        if (st == BR_OK) {
          st = batch_cell_text(b, i, r, out, NULL, err);
        }
      }
      if (st == BR_OK) {
        st = br_buf_u8(out, '\n', err);
      }
    }
  }
  batch_free(b);
  if (st == BR_ERR_REMOTE) {
    const engine_error *e = engine_result_error(s);
    return e->condition[0] != '\0'
               ? br_buf_printf(out, err, "!%s %s\n", e->sqlstate, e->message)
               : br_buf_printf(out, err, "!%d %s\n", (int)e->number, e->message);
  }
  return st == BR_DONE ? BR_OK : st;
}

static inline br_status sql_text_results(engine_session *s, br_buf *out, bool types,
                                         br_error *err) {
  for (;;) {
    engine_result_kind kind;
    br_status st = engine_next_result(s, &kind, err);
    const engine_error *e = engine_result_error(s);
    if (st != BR_OK) {
      return st == BR_DONE ? BR_OK : st;
    }
    switch (kind) {
    case ENGINE_ROWS:
      st = sql_text_rows(s, out, types, err);
      break;
    case ENGINE_COUNT:
      st = br_buf_printf(out, err, "(%lld)\n", (long long)engine_rows_affected(s));
      break;
    case ENGINE_ERROR:
    case ENGINE_MESSAGE:
      st = e->condition[0] != '\0'
               ? br_buf_printf(out, err, "!%s %s\n", e->sqlstate, e->message)
               : br_buf_printf(out, err, "%c%d %s\n", kind == ENGINE_ERROR ? '!' : '#',
                               (int)e->number, e->message);
      break;
    default:
      break;
    }
    if (st != BR_OK) {
      return st;
    }
  }
}

/* What a batch answers; the caller frees with free(). Failures of the engine itself are text too.
 */
static inline char *sql_text_run(engine_session *s, const char *sql, bool types) {
  br_error err = BR_ERROR_INIT;
  br_buf out;
  br_buf_init(&out, SQL_TEXT_MAX);
  br_status st = engine_execute(s, sql, strlen(sql), NULL, 0, NULL, &err);
  if (st == BR_OK) {
    st = sql_text_results(s, &out, types, &err);
  }
  if (st != BR_OK) {
    (void)!br_buf_printf(&out, NULL, "FAILED %s: %s\n", br_status_name(st), err.message);
  }
  char *text = strndup(out.len == 0 ? "" : (const char *)out.data, out.len);
  br_buf_done(&out);
  return text;
}

#endif
