/*
 * rows.h: how a table is read, inside the room.
 *
 *   rows_describe.c   SELECT * … LIMIT 0 ─▶ columns: name, type's text, how to ask for the values
 *   rows_type.c       "DECIMAL(10,2)" ─▶ field type and form
 *   rows_select.c     the statement that reads all rows
 *   rows_inline.c     result as JSON ─▶ batches           rows_value.c: one value's text
 *   rows_links.c      result behind links, as Arrow streams ─▶ batches
 *   rows.c            which way, and the public face
 */
#ifndef DATABRICKS_ROWS_H
#define DATABRICKS_ROWS_H

#include "databricks/client.h"

/* What stands in the select list for a column, so that its values arrive whole. */
typedef enum dbx_form {
  DBX_FORM_PLAIN,  /* `x` */
  DBX_FORM_TEXT,   /* CAST(`x` AS STRING) */
  DBX_FORM_DAYS,   /* unix_date(`x`) */
  DBX_FORM_MICROS, /* unix_micros(`x`): CAST AS STRING would be in the session's time zone */
  DBX_FORM_HEX,    /* hex(`x`): the JSON form of binary is described in two ways */
  DBX_FORM_JSON    /* to_json(`x`) */
} dbx_form;

typedef struct dbx_rows_column {
  char *type_text;      /* owned */
  batch_type type;      /* of the field */
  dbx_form inline_form; /* in a JSON result */
  dbx_form arrow_form;  /* in an Arrow stream: PLAIN, TEXT or JSON */
} dbx_rows_column;

typedef struct dbx_rows_links dbx_rows_links;

struct dbx_rows {
  dbx_client *client;        /* borrowed */
  br_cancel *cancel;         /* borrowed; may be NULL */
  batch_schema *schema;      /* owned */
  dbx_rows_column *columns;  /* owned; schema->count */
  dbx_result *inline_result; /* owned; one of the two is set */
  dbx_rows_links *links;     /* owned */
  uint64_t total;
  uint64_t handed; /* rows given to the caller */
};

/* The column of a type's text. BR_ERR_UNSUPPORTED for types that have no way into a batch.
 * type_text stays NULL. */
br_status dbx_rows_type_parse(const char *type_text, dbx_rows_column *ret_column,
                              br_error *err) BR_CHECKED;
/* Fills rows->schema and rows->columns. */
br_status dbx_rows_describe(dbx_rows *rows, const dbx_rows_options *options,
                            br_error *err) BR_CHECKED;

/* The statement's text (out is empty) that reads all columns, in the forms of one way. */
br_status dbx_rows_select(const dbx_rows *rows, const dbx_rows_options *options, bool arrow,
                          br_buf *out, br_error *err) BR_CHECKED;
/* The statement of that text with the options' parameters; it borrows both. */
br_status dbx_rows_statement(const dbx_rows_options *options, br_buf *sql,
                             dbx_statement *ret_statement, br_error *err) BR_CHECKED;
/* A column of the result has the type that the form gives: the table has not changed since it was
 * described. */
br_status dbx_rows_check_type(const dbx_rows *rows, size_t column, dbx_form form,
                              const char *result_type_text, br_error *err) BR_CHECKED;

/* Appends a value to a row of a column: the text of one of the forms; text NULL = NULL. */
br_status dbx_rows_append(const dbx_rows_column *about, batch_column *column, size_t row,
                          const char *text, size_t length, br_error *err) BR_CHECKED;

br_status dbx_rows_inline_open(dbx_rows *rows, const dbx_rows_options *options,
                               br_error *err) BR_CHECKED;
br_status dbx_rows_inline_next(dbx_rows *rows, batch *b, size_t max_bytes,
                               br_error *err) BR_CHECKED;

br_status dbx_rows_links_open(dbx_rows *rows, const dbx_rows_options *options,
                              br_error *err) BR_CHECKED;
br_status dbx_rows_links_next(dbx_rows *rows, batch *b, size_t max_bytes, br_error *err) BR_CHECKED;
/* Closes the statement on the server too. */
void dbx_rows_links_close(dbx_rows *rows);

#endif
