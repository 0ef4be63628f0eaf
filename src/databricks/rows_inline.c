/* Rows of a result that came inline, as JSON. */
#include <inttypes.h>

#include "base/limits.h"
#include "databricks/rows.h"

static br_status check_result(const dbx_rows *rows, const dbx_result *result, br_error *err) {
  if (dbx_result_columns(result) != rows->schema->count) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result has %zu columns instead of %zu",
                        dbx_result_columns(result), rows->schema->count);
  }
  br_status st = BR_OK;
  for (size_t i = 0; i < rows->schema->count && st == BR_OK; i++) {
    st = dbx_rows_check_type(rows, i, rows->columns[i].inline_form,
                             dbx_result_column(result, i)->type_text, err);
  }
  return st;
}

br_status dbx_rows_inline_open(dbx_rows *rows, const dbx_rows_options *options, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, BR_LIMIT_SQL_FILE);
  dbx_result *result = NULL;
  br_status st = dbx_rows_select(rows, options, false, &sql, err);
  dbx_statement statement = {.sql = NULL};
  st = st == BR_OK ? dbx_rows_statement(options, &sql, &statement, err) : st;
  if (st == BR_OK) {
    st = dbx_statement_run(rows->client, &statement, rows->cancel, &result, err);
  }
  br_buf_done(&sql);
  if (st == BR_OK) {
    st = check_result(rows, result, err);
  }
  if (st != BR_OK) {
    dbx_result_free(result);
    return st;
  }
  rows->inline_result = result;
  rows->total = dbx_result_rows(result);
  return BR_OK;
}

static br_status append_row(dbx_rows *rows, batch *b, br_error *err) {
  const dbx_result *result = rows->inline_result;
  for (size_t i = 0; i < rows->schema->count; i++) {
    br_status st = dbx_rows_append(&rows->columns[i], &b->columns[i], b->rows,
                                   dbx_result_value(result, rows->handed, i),
                                   dbx_result_value_length(result, rows->handed, i), err);
    if (st != BR_OK) {
      batch_rollback_row(b);
      return br_error_context(err, st, "Row %" PRIu64 ", column %.100s", rows->handed + 1,
                              rows->schema->fields[i].name);
    }
  }
  b->rows++;
  rows->handed++;
  return BR_OK;
}

br_status dbx_rows_inline_next(dbx_rows *rows, batch *b, size_t max_bytes, br_error *err) {
  while (rows->handed < rows->total && b->rows < b->capacity_rows &&
         (b->rows == 0 || max_bytes == 0 || batch_bytes(b) < max_bytes)) {
    br_status st = append_row(rows, b, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return b->rows == 0 ? BR_DONE : BR_OK;
}
