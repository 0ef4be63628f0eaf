/*
 * column.h: making and freeing the buffers of one column; for the batch itself.
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

#endif
