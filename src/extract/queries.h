/*
 * queries.h: the folder of queries: every `*.sql` file directly in it is one, named by the file.
 */
#ifndef EXTRACT_QUERIES_H
#define EXTRACT_QUERIES_H

#include "base/file.h"
#include "base/status.h"

typedef struct extract_query_file {
  char *name;    /* file name without .sql */
  char *sql;     /* UTF-8 without BOM, NUL-terminated */
  size_t length; /* of sql; no NUL byte in it */
} extract_query_file;

typedef struct extract_query_files {
  extract_query_file *items; /* sorted by name */
  size_t count;
} extract_query_files;

/* Reads the queries of a folder, each where the guard (NULL: none) lets it: all of them (only_count
 * 0), or those named; a name twice counts once. BR_ERR_NOT_FOUND "Queries path not found: …";
 * BR_ERR_USAGE for a folder without queries, "Unknown queries: …", a file that is not UTF-8 or
 * empty. */
br_status extract_query_files_load(const char *folder, const char *const *only, size_t only_count,
                                   const br_file_guard *guard, extract_query_files *ret_files,
                                   br_error *err) BR_CHECKED;
void extract_query_files_done(extract_query_files *files);

/* Names become folders and files: no slash, no control character, not hidden (. and _ in front hide
 * files from Spark). what begins the message: "Country". */
br_status extract_check_name(const char *what, const char *name, br_error *err) BR_CHECKED;

/* BR_ERR_NOT_FOUND where a folder of queries or parameters is none. what: "Config". */
br_status extract_check_folder(const char *what, const char *folder, br_error *err) BR_CHECKED;

#endif
