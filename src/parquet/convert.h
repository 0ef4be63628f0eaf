/*
 * convert.h: puts decoded values into the columns of a batch.
 */
#ifndef PARQUET_CONVERT_H
#define PARQUET_CONVERT_H

#include "parquet/values.h"

/* Appends rows [row, row + rows) of which present[i] tells whether there is a value; as many values
 * are taken from the decoder. present NULL: all have one. */
br_status parquet_convert_rows(const parquet_leaf *leaf, parquet_values *values,
                               parquet_piece *piece, const uint32_t *present, size_t rows,
                               batch_column *column, size_t row, br_error *err) BR_CHECKED;

#endif
