/*
 * rest_query.h: a query of the workspace's own, as rows of text.
 */
#ifndef SANDBOX_REST_QUERY_H
#define SANDBOX_REST_QUERY_H

#include "sandbox/rest.h"

/* Runs one SELECT whose :p0, :p1… are the texts of `parameters`. ret_rows: an array of arrays of
 * strings and nulls; the caller decrefs. A query that the engine refuses (no such catalog) has no
 * rows. */
br_status rest_query(rest_server *server, const char *sql, const char *const *parameters,
                     size_t parameter_count, json_t **ret_rows, br_error *err) BR_CHECKED;
/* Cell of a row; NULL where it is null or missing. */
const char *rest_cell(const json_t *row, size_t column);

#endif
