#include "sync/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "batch/value.h"

enum { BATCH_ROWS = 64, TEXT_MAX = 4 * 1024 * 1024, NULL_CELL = -1 };

struct sync_rows {
  size_t columns, rows;
  batch_schema *schema;
  int64_t *cells; /* rows × columns: where the text begins; NULL_CELL = SQL NULL */
  size_t capacity;
  br_buf text;   /* each value with a NUL behind it */
  bool too_long; /* more than text may hold */
};

void sync_rows_free(sync_rows *rows) {
  if (rows != NULL) {
    batch_schema_free(rows->schema);
    br_free(rows->cells);
    br_buf_done(&rows->text);
    br_free(rows);
  }
}

size_t sync_rows_count(const sync_rows *rows) {
  return rows->rows;
}

size_t sync_rows_columns(const sync_rows *rows) {
  return rows->columns;
}

const char *sync_rows_name(const sync_rows *rows, size_t column) {
  return rows->schema->fields[column].name;
}

const char *sync_rows_text(const sync_rows *rows, size_t row, size_t column) {
  if (row >= rows->rows || column >= rows->columns) {
    return NULL;
  }
  int64_t at = rows->cells[row * rows->columns + column];
  return at == NULL_CELL ? NULL : (const char *)rows->text.data + at;
}

bool sync_rows_flag(const sync_rows *rows, size_t row, size_t column) {
  const char *text = sync_rows_text(rows, row, column);
  return text != NULL && (strcmp(text, "true") == 0 || strtoll(text, NULL, 10) != 0);
}

static br_status reserve(sync_rows *rows, size_t more, br_error *err) {
  size_t need = (rows->rows + more) * rows->columns;
  if (need <= rows->capacity) {
    return BR_OK;
  }
  int64_t *cells = br_realloc_array(rows->cells, need * 2, sizeof *cells);
  if (cells == NULL) {
    return br_error_nomem(err);
  }
  rows->cells = cells;
  rows->capacity = need * 2;
  return BR_OK;
}

static br_status take_batch(sync_rows *rows, const batch *b, br_error *err) {
  br_status st = reserve(rows, b->rows, err);
  for (size_t row = 0; row < b->rows && st == BR_OK; row++) {
    for (size_t column = 0; column < rows->columns && st == BR_OK; column++) {
      bool null = false;
      int64_t at = (int64_t)rows->text.len;
      st = batch_cell_text(b, column, row, &rows->text, &null, err);
      st = st == BR_OK ? br_buf_u8(&rows->text, 0, err) : st;
      rows->cells[rows->rows * rows->columns + column] = null ? NULL_CELL : at;
    }
    rows->rows += st == BR_OK;
  }
  return st;
}

/* What is too long is read over: breaking it off would end a transaction under XACT_ABORT. */
static br_status read_result(tds_conn *conn, sync_rows *rows, br_error *err) {
  br_status st = batch_schema_copy(tds_result_schema(conn), &rows->schema, err);
  batch *b = NULL;
  if (st == BR_OK) {
    rows->columns = rows->schema->count;
    st = batch_new(rows->schema, BATCH_ROWS, &b, err);
  }
  const tds_batch_limits limits = {.bytes = 0};
  while (st == BR_OK) {
    st = tds_read_batch(conn, &limits, b, err);
    if (st == BR_OK && !rows->too_long) {
      st = take_batch(rows, b, err);
      rows->too_long = st == BR_ERR_LIMIT;
      st = rows->too_long ? BR_OK : st;
    }
    batch_reset(b, BR_KIB(64));
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

/* What is left of the answer must be read, whatever became of the first result: errors of the
 * server stand at its end. */
static br_status drain(tds_conn *conn, br_error *err) {
  br_status st = BR_OK;
  while (st == BR_OK) {
    st = tds_next_result(conn, err);
  }
  return st == BR_DONE ? BR_OK : st;
}

br_status sync_query(tds_conn *conn, const char *sql, const tds_parameter *parameters, size_t count,
                     sync_rows **ret_rows, br_error *err) {
  sync_rows *rows = br_calloc(1, sizeof *rows);
  if (rows == NULL) {
    return br_error_nomem(err);
  }
  br_buf_init(&rows->text, TEXT_MAX);
  br_status st = count > 0 ? tds_execute_parameters(conn, sql, strlen(sql), parameters, count, err)
                           : tds_execute(conn, sql, strlen(sql), err);
  st = st == BR_OK ? tds_next_result(conn, err) : st;
  if (st == BR_OK) {
    st = read_result(conn, rows, err);
    if (st == BR_OK) {
      st = drain(conn, err);
    } else if (tds_is_usable(conn)) {
      br_status ignored = tds_cancel_query(conn, NULL); /* the failure above is the news */
      (void)ignored;
    }
  } else if (st == BR_DONE) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "SQL Server sent no rows for a question");
  }
  if (st == BR_OK && rows->too_long) {
    st = br_error_set(err, BR_ERR_LIMIT, "SQL Server's answer to a question is over %d bytes",
                      TEXT_MAX);
  }
  if (st != BR_OK) {
    sync_rows_free(rows);
    return st;
  }
  *ret_rows = rows;
  return BR_OK;
}

br_status sync_query_number(tds_conn *conn, const char *sql, const tds_parameter *parameters,
                            size_t count, int64_t *ret_number, br_error *err) {
  sync_rows *rows = NULL;
  br_status st = sync_query(conn, sql, parameters, count, &rows, err);
  if (st != BR_OK) {
    return st;
  }
  const char *text = sync_rows_text(rows, 0, 0);
  if (text == NULL) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "SQL Server sent no number for a question");
  } else {
    *ret_number = strcmp(text, "true") == 0 ? 1 : strtoll(text, NULL, 10);
  }
  sync_rows_free(rows);
  return st;
}

tds_parameter sync_text_parameter(const char *name, const char *text) {
  const size_t length = text == NULL ? 0 : strlen(text);
  return (tds_parameter){
      .name = name,
      .type = {.type = BATCH_SQL_NVARCHAR, .length = length > 4000 ? BATCH_LENGTH_MAX : 4000},
      .text = text,
      .length = length};
}

tds_parameter sync_hash_parameter(const char *name, const char *hex) {
  return (tds_parameter){.name = name,
                         .type = {.type = BATCH_SQL_VARCHAR, .length = BR_SHA256_HEX_MAX - 1},
                         .text = hex,
                         .length = strlen(hex)};
}

tds_parameter sync_number_parameter(const char *name, const char *text) {
  return (tds_parameter){.name = name,
                         .type = {.type = BATCH_SQL_BIGINT},
                         .text = text,
                         .length = text == NULL ? 0 : strlen(text)};
}
