/* The columns of what is to be read, asked for before any row is. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "databricks/rows.h"

static br_status take_column(dbx_rows *rows, size_t index, const dbx_column *said, br_error *err) {
  dbx_rows_column column = {0};
  br_status st = dbx_rows_type_parse(said->type_text, &column, err);
  if (st == BR_OK) {
    /* The manifest does not tell which columns refuse NULL. */
    st = batch_schema_set(rows->schema, index, said->name, column.type, true, err);
  }
  if (st == BR_OK && (column.type_text = br_strdup(said->type_text)) == NULL) {
    st = br_error_nomem(err);
  }
  if (st != BR_OK) {
    return br_error_context(err, st, "Column %.100s", said->name);
  }
  rows->columns[index] = column;
  return BR_OK;
}

static br_status take_columns(dbx_rows *rows, const dbx_result *result, br_error *err) {
  size_t count = dbx_result_columns(result);
  if (count == 0) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result has no columns");
  }
  rows->columns = br_calloc(count, sizeof *rows->columns);
  if (rows->columns == NULL) {
    return br_error_nomem(err);
  }
  br_status st = batch_schema_new(count, &rows->schema, err);
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    st = take_column(rows, i, dbx_result_column(result, i), err);
  }
  return st;
}

br_status dbx_rows_describe(dbx_rows *rows, const dbx_rows_options *options, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, BR_LIMIT_SQL_FILE);
  dbx_result *result = NULL;
  br_status st = br_buf_printf(&sql, err, "SELECT * FROM %s LIMIT 0", options->from);
  dbx_statement statement = {.sql = NULL};
  st = st == BR_OK ? dbx_rows_statement(options, &sql, &statement, err) : st;
  if (st == BR_OK) {
    st = dbx_statement_run(rows->client, &statement, rows->cancel, &result, err);
  }
  if (st == BR_OK) {
    st = take_columns(rows, result, err);
  }
  dbx_result_free(result);
  br_buf_done(&sql);
  return st;
}
