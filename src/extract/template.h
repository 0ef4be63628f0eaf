/*
 * template.h: placeholders in SQL.
 *
 *   {name}     the parameter's value, also in strings and comments; name = [A-Za-z_][A-Za-z0-9_]*
 *   {{name}}   the text {name}
 *   any other brace stays as it is: ODBC's {d '2024-01-01'}, JSON
 *
 * One pass from left to right: a value is never expanded again.
 */
#ifndef EXTRACT_TEMPLATE_H
#define EXTRACT_TEMPLATE_H

#include "base/buf.h"
#include "extract/params.h"

/* The names of a query's placeholders, each once, sorted. */
typedef struct extract_names {
  char **items;
  size_t count;
} extract_names;
br_status extract_template_names(const char *sql, size_t length, extract_names *ret_names,
                                 br_error *err) BR_CHECKED;
void extract_names_done(extract_names *names);

/* Appends the SQL with every placeholder replaced. BR_ERR_USAGE "Missing parameters for query 'q':
 * a, b", or the first ambiguous one; out is then not changed. */
br_status extract_template_expand(const char *query, const char *sql, size_t length,
                                  const extract_params *params, br_buf *out,
                                  br_error *err) BR_CHECKED;

#endif
