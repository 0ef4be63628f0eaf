/*
 * cast.h: rows of one schema into another: what a reader hands out into what a writer's columns
 * take, exactly or not at all.
 *
 *   batch_cast_new(from, to, map, &cast, err)       once: do the types meet?
 *   batch_cast_run(cast, in, out, …, err)           for each batch
 *
 * The target's fields say how strict it is: where has_source is set, length, precision, scale and
 * range are those of the SQL Server type (varchar(10), tinyint, datetime, decimal(9,2)), and NULL
 * is refused where the field is not nullable. A value is taken whole or refused; the only digits
 * that may be dropped are zeros. Text becomes numbers, dates, GUIDs and so on where all of it is
 * one; numbers and dates become text as batch_cell_text() writes them. Instants (UTC) become local
 * types of SQL Server as their UTC clock. datetime and smalldatetime round as SQL Server does when
 * it assigns (datetime to 1/300 s, smalldatetime to the minute): that is their grain, not a loss.
 */
#ifndef BATCH_CAST_H
#define BATCH_CAST_H

#include "batch/batch.h"

typedef struct batch_cast batch_cast;

/* map[i] is the index in `from` of what fills field i of `to`. The schemas are borrowed.
 * BR_ERR_DATA where two types can never meet ("column 'x': BINARY can't become int"). */
br_status batch_cast_new(const batch_schema *from, const batch_schema *to, const size_t *map,
                         batch_cast **ret_cast, br_error *err) BR_CHECKED;
void batch_cast_free(batch_cast *cast);

/* Told of each value that does not fit: row counts from 0 within the batch given to run, column is
 * the target's; `why` is a clause ("'abc' is no int", "12 characters, the column takes 10"). BR_OK:
 * the row is left out and work goes on; anything else ends the run with that status. One call a
 * row: the rest of a rejected row is not looked at. */
typedef br_status (*batch_cast_reject_fn)(void *context, const batch *in, size_t row, size_t column,
                                          const char *why, br_error *err);

/* Fills out (empty, made with `to`, room for in->rows) with the rows of in. on_reject NULL: the
 * first value that does not fit is BR_ERR_DATA naming row (1-based in the whole result, by
 * in->first_row) and column. */
br_status batch_cast_run(batch_cast *cast, const batch *in, batch *out,
                         batch_cast_reject_fn on_reject, void *context, br_error *err) BR_CHECKED;

/* Appends one value given as text to a column of a field's type, under the same rules: `true`,
 * `1`, `-12.50`, `2024-01-31`, `2024-01-31T10:00:00.123456Z`, GUIDs; binary as 0x… or, where
 * base64 is set, base64. text NULL = NULL. Contract of batch_column_append_bytes(). */
br_status batch_append_text(batch_column *column, const batch_field *field, size_t row,
                            const char *text, size_t length, bool base64, br_error *err) BR_CHECKED;

#endif
