/*
 * rows.h: rows to measure with, made here and always the same ones.
 *
 *   lineitem  TPC-H's widest table, after the specification's rules: 16 columns, 13 of them
 * numbers, dates and short texts narrow    two ints text      an id and three nvarchar columns,
 * ASCII, Latin and Cyrillic, of up to 200 characters
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "batch/batch.h"

typedef struct bench_rows {
  batch_schema *schema; /* with the SQL Server types */
  batch **batches;
  size_t count; /* of batches */
} bench_rows;

/* Ends the program where there is no such shape or no memory. */
bench_rows bench_rows_make(const char *shape, size_t rows);
void bench_rows_free(bench_rows *rows);
/* Says why on stderr and ends the program. */
_Noreturn void bench_die(const br_error *err);

#endif
