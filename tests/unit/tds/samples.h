/*
 * samples.h: a few values of every type of the table of types, as text and as cells of a batch.
 */
#ifndef TESTS_TDS_SAMPLES_H
#define TESTS_TDS_SAMPLES_H

#include "base/buf.h"
#include "batch/batch.h"

/* A type and values of it as text. */
typedef struct type_sample {
  batch_sql_typespec spec;
  const char *cells[6]; /* those behind the last are NULL */
} type_sample;

extern const type_sample type_samples[];
extern const size_t type_sample_count;

size_t sample_cells(const type_sample *s);
/* Puts a cell given as text into a column, by its layout. */
void sample_put(batch_column *column, const batch_type *type, size_t row, const char *text);
/* The cells of the first column, each with "|" behind it. */
void sample_dump(const batch *b, br_buf *out);

#endif
