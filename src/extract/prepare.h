/*
 * prepare.h: everything about an extraction that can be known before anything runs: which queries,
 * their parameters, their SQL as it will be sent.
 */
#ifndef EXTRACT_PREPARE_H
#define EXTRACT_PREPARE_H

#include "extract/params.h"
#include "extract/queries.h"
#include "extract/run.h"

typedef struct extract_prepare_options {
  const char *queries_path, *config_path, *country;
  const char *const *only; /* names of queries; only_count 0 = all */
  size_t only_count;
  const br_file_guard *guard; /* which files may be read; NULL: all */
} extract_prepare_options;

typedef struct extract_prepared {
  extract_query *queries; /* sorted by name; give them to extract_request */
  size_t count;
  const char *database; /* the parameter `database`; NULL = none */
  /* What the queries borrow. */
  extract_query_files files;
  extract_params *params;
} extract_prepared;

/* All problems with placeholders, of all queries, are told in one message, a line a query. */
br_status extract_prepare(const extract_prepare_options *options, extract_prepared *ret_prepared,
                          br_error *err) BR_CHECKED;
void extract_prepared_done(extract_prepared *prepared);

#endif
