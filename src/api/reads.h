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

/* The next table of the headers at *at, which moves behind it; false: there is none, or no more.
 * table holds size bytes; a longer name is cut, which no right covers. */
bool api_reads_next(const char **at, char *table, size_t size);

#endif
