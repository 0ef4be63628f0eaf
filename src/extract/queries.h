/*
 * queries.h: the query files of a folder: *.sql directly in it, UTF-8 with or without BOM; a
 * query's name is its file name without .sql.
 */
#ifndef EXTRACT_QUERIES_H
#define EXTRACT_QUERIES_H

#include "base/status.h"

typedef struct extract_query_file {
  char *name;
  char *path;
  char *sql; /* without BOM, NUL-terminated */
} extract_query_file;

/* Loads the named queries, or all where name_count is 0; sorted by name. BR_ERR_NOT_FOUND "Queries
 * path not found: …", BR_ERR_USAGE "Unknown queries: …" with the nearest names, BR_ERR_DATA for a
 * file that is empty or not UTF-8 (line named). Free with extract_queries_free(). */
br_status extract_queries_load(const char *folder, const char *const *names, size_t name_count,
                               extract_query_file **ret_files, size_t *ret_count,
                               br_error *err) BR_CHECKED;
void extract_queries_free(extract_query_file *files, size_t count);

#endif
