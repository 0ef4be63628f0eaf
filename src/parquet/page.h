/*
 * page.h: page headers, and what goes in front of the values of a data page.
 */
#ifndef PARQUET_PAGE_H
#define PARQUET_PAGE_H

#include "base/buf.h"
#include "parquet/format.h"

/* Puts a header into out, which is emptied first. */
br_status parquet_page_header(br_buf *out, parquet_page_type type, size_t raw, size_t compressed,
                              size_t values, parquet_encoding encoding, br_error *err) BR_CHECKED;

enum { PARQUET_LEVELS_MAX = 4 + 5 + 1 }; /* levels of a page without NULLs */
/* Definition levels of rows that all have a value; returns their length. */
size_t parquet_levels_full(uint8_t *out, size_t rows);

#endif
