#include "databricks/rows.h"

#include <string.h>

#include "base/mem.h"

/* Under AUTO: as many rows as an inline result surely holds unless they are wide. Where nobody
 * knows how many there are, links: they hold any number, and nothing has to run twice. */
enum { INLINE_ROWS = 1000 };

/* The server's word for a result that is too large for its reply; or the reply was too large for
 * this program. */
static bool is_too_large(br_status st, const br_error *failure) {
  return st == BR_ERR_LIMIT ||
         (st == BR_ERR_REMOTE && strstr(failure->message, "Inline byte limit exceeded") != NULL);
}

static br_status open_way(dbx_rows *rows, const dbx_rows_options *options, br_error *err) {
  bool chosen = options->way != DBX_ROWS_AUTO;
  bool links = chosen ? options->way == DBX_ROWS_LINKS : options->rows_expected > INLINE_ROWS;
  br_error failure = BR_ERROR_INIT;
  br_status st = links ? dbx_rows_links_open(rows, options, &failure)
                       : dbx_rows_inline_open(rows, options, &failure);
  if (!links && !chosen && is_too_large(st, &failure)) {
    st = dbx_rows_links_open(rows, options, &failure);
  }
  if (st != BR_OK && err != NULL) {
    *err = failure;
  }
  return st;
}

br_status dbx_rows_open(dbx_client *client, const dbx_rows_options *options, br_cancel *cancel,
                        dbx_rows **ret_rows, br_error *err) {
  dbx_rows *rows = br_calloc(1, sizeof *rows);
  if (rows == NULL) {
    return br_error_nomem(err);
  }
  rows->client = client;
  rows->cancel = cancel;
  br_status st = dbx_rows_describe(rows, options, err);
  if (st == BR_OK) {
    st = open_way(rows, options, err);
  }
  if (st != BR_OK) {
    dbx_rows_close(rows);
    return st == BR_ERR_CANCELLED || st == BR_ERR_NOMEM
               ? st
               : br_error_context(err, st, "Reading %.200s", options->from);
  }
  *ret_rows = rows;
  return BR_OK;
}

const batch_schema *dbx_rows_schema(const dbx_rows *rows) {
  return rows->schema;
}

const char *dbx_rows_type_text(const dbx_rows *rows, size_t column) {
  return column < rows->schema->count ? rows->columns[column].type_text : NULL;
}

uint64_t dbx_rows_total(const dbx_rows *rows) {
  return rows->total;
}

br_status dbx_rows_next(dbx_rows *rows, batch *b, size_t max_bytes, br_error *err) {
  br_status st = br_cancel_check(rows->cancel, err);
  if (st != BR_OK) {
    return st;
  }
  b->first_row = rows->handed;
  return rows->links != NULL ? dbx_rows_links_next(rows, b, max_bytes, err)
                             : dbx_rows_inline_next(rows, b, max_bytes, err);
}

void dbx_rows_close(dbx_rows *rows) {
  if (rows == NULL) {
    return;
  }
  dbx_rows_links_close(rows);
  dbx_result_free(rows->inline_result);
  for (size_t i = 0; rows->columns != NULL && rows->schema != NULL && i < rows->schema->count;
       i++) {
    br_free(rows->columns[i].type_text);
  }
  br_free(rows->columns);
  batch_schema_free(rows->schema);
  br_free(rows);
}
