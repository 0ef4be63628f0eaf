/*
 * reads.h: which tables a query says it reads, in comments in front of it:
 *
 *   -- reads: dbo.Orders, sales.[Order Lines]
 */
#ifndef API_READS_H
#define API_READS_H

#include "api/access.h"

/* Whether the caller may read all that the SQL text says it reads, on everything (`*`) where it
 * says nothing. database: where the query runs; NULL: not known. On false denied (holds size bytes)
 * names the table, or "*". */
bool api_reads_allowed(const api_caller *caller, const char *sql, const char *database,
                       char *denied, size_t size);

/* A place in a text of SQL: begin with {.at = sql}. */
typedef struct api_reads {
  const char *at;
  bool in_header; /* among the names of one */
} api_reads;

/* The next table of the headers; false: there is none, or no more. table holds size bytes; a longer
 * name is cut, which is then no name that a right covers. */
bool api_reads_next(api_reads *reads, char *table, size_t size);

#endif
