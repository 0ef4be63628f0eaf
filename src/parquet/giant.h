/*
 * giant.h: writing out a page of a giant value (column.h says what that is).
 */
#ifndef PARQUET_GIANT_H
#define PARQUET_GIANT_H

#include "parquet/column.h"

/* Writes the page that parquet_column_add_giant() has measured. */
br_status parquet_giant_write(parquet_column *column, parquet_encoder *encoder,
                              parquet_output output, br_error *err) BR_CHECKED;

#endif
