/*
 * column.h: making and freeing the buffers of one column, and filling them from other columns'
 * buffers; for the batch room itself.
 */
#ifndef BATCH_COLUMN_H
#define BATCH_COLUMN_H

#include "batch/batch.h"

/* The buffers for capacity_rows values of a field. On failure the column is empty. */
br_status batch_column_init(batch_column *column, const batch_field *field, size_t capacity_rows,
                            br_error *err) BR_CHECKED;
void batch_column_done(batch_column *column);
/* Gives the memory of data over keep_bytes back; data_len must be 0. */
void batch_column_shrink_data(batch_column *column, size_t keep_bytes);

/* Copies `rows` bits from bit `start` on to bit 0 on; returns how many of them are 0. What follows
 * in the last byte is 0. */
size_t batch_bits_copy(const uint8_t *from, size_t start, size_t rows, uint8_t *to);
/* A NULL may have any value in Arrow; in a batch it is zero. For columns without offsets. */
void batch_column_zero_nulls(batch_column *column, size_t rows);

#endif
