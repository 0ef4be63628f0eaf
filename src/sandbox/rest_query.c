#include "sandbox/rest_query.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/value.h"

enum { BATCH_ROWS = 256, PARAMETERS_MAX = 3, CELL_MAX = 64 * 1024 };

const char *rest_cell(const json_t *row, size_t column) {
  return json_string_value(json_array_get(row, column));
}

static br_status add_row(const batch *b, size_t row, json_t *rows, br_error *err) {
  json_t *cells = json_array();
  br_status st = cells == NULL ? br_error_nomem(err) : BR_OK;
  for (size_t c = 0; c < b->schema->count && st == BR_OK; c++) {
    br_buf text;
    bool null = false;
    br_buf_init(&text, CELL_MAX);
    st = batch_cell_text(b, c, row, &text, &null, err);
    json_t *cell = st != BR_OK ? NULL
                   : null      ? json_null()
                               : json_stringn((const char *)text.data, text.len);
    if (st == BR_OK && json_array_append_new(cells, cell) != 0) {
      st = br_error_nomem(err);
    }
    br_buf_done(&text);
  }
  if (st == BR_OK && json_array_append(rows, cells) != 0) {
    st = br_error_nomem(err);
  }
  json_decref(cells);
  return st;
}

static br_status add_rows(engine_session *session, json_t *rows, br_error *err) {
  batch *b = NULL;
  br_status st = batch_new(engine_result_schema(session), BATCH_ROWS, &b, err);
  while (st == BR_OK) {
    batch_reset(b, BR_MIB(1));
    st = engine_read_batch(session, b, err);
    for (size_t row = 0; st == BR_OK && row < b->rows; row++) {
      st = add_row(b, row, rows, err);
    }
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

static br_status run(engine_session *session, const char *sql, const engine_parameter *parameters,
                     size_t count, json_t *rows, br_error *err) {
  engine_result_kind kind;
  br_status st = engine_execute(session, sql, strlen(sql), parameters, count, NULL, err);
  while (st == BR_OK && (st = engine_next_result(session, &kind, err)) == BR_OK) {
    if (kind == ENGINE_ROWS) {
      st = add_rows(session, rows, err);
    }
  }
  return st == BR_DONE ? BR_OK : st;
}

br_status rest_query(rest_server *server, const char *sql, const char *const *parameters,
                     size_t parameter_count, json_t **ret_rows, br_error *err) {
  static const char *const names[PARAMETERS_MAX] = {"p0", "p1", "p2"};
  engine_parameter bound[PARAMETERS_MAX];
  engine_session *session = NULL;
  json_t *rows = json_array();
  if (rows == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < parameter_count && i < PARAMETERS_MAX; i++) {
    bound[i] = (engine_parameter){.name = names[i],
                                  .type = {.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX},
                                  .value = parameters[i],
                                  .value_length = strlen(parameters[i])};
  }
  br_status st =
      server->engine == NULL ? BR_DONE : engine_session_new(server->engine, &session, err);
  if (st == BR_OK) {
    st = run(session, sql, bound, parameter_count, rows, err);
  }
  engine_session_free(session);
  if (st != BR_OK && st != BR_DONE) {
    json_decref(rows);
    return st;
  }
  *ret_rows = rows;
  return BR_OK;
}
