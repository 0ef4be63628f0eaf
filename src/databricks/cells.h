/*
 * cells.h: the rows of a JSON result. A result may hold millions of cells, so they never become
 * JSON values one by one: the array's text is decoded in place, and a cell is an offset and a
 * length in it.
 *
 *   reply:  {"statement_id":…,"result":{…,"data_array":[["1",null],["2","b"]],…}}
 *                                                     └──────── span ────────┘
 *   the rest, with null in the span's place, is a small document for jansson.
 */
#ifndef DATABRICKS_CELLS_H
#define DATABRICKS_CELLS_H

#include "base/buf.h"

typedef struct dbx_span {
  size_t start;
  size_t end; /* = start: there is none */
} dbx_span;

/* Finds the member "data_array" of the root object or of its member "result". Text that is no JSON
 * is left for the parsers of span and rest to refuse. BR_ERR_PROTOCOL where there are two. */
br_status dbx_cells_find(const char *text, size_t length, dbx_span *ret_span,
                         br_error *err) BR_CHECKED;

typedef struct dbx_cell {
  uint32_t offset; /* UINT32_MAX: SQL NULL */
  uint32_t length; /* a NUL stands behind it */
} dbx_cell;
#define DBX_CELL_NULL UINT32_MAX

typedef struct dbx_cells {
  dbx_cell *cells; /* rows × columns */
  size_t count;
  size_t capacity;
  size_t rows;
} dbx_cells;

/* Decodes the span of text in place; every row must have `columns` cells. Offsets count from text.
 * After a failure cells holds nothing. */
br_status dbx_cells_decode(char *text, dbx_span span, size_t columns, dbx_cells *ret_cells,
                           br_error *err) BR_CHECKED;
void dbx_cells_done(dbx_cells *cells);

#endif
