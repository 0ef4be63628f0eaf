/* parquet_dump.h: prints a Parquet file as our reader sees it. */
#ifndef INTEROP_PARQUET_DUMP_H
#define INTEROP_PARQUET_DUMP_H

#include <stdio.h>

#include "base/status.h"

/* A line with the schema as [[name, Arrow format, nullable]…], then a JSON array per row: integers,
 * days and microseconds as numbers, decimals as their unscaled integer in text, floats as
 * hexadecimal text, strings as text, binary as hexadecimal text. */
br_status parquet_dump(const char *path, FILE *out, br_error *err) BR_CHECKED;

#endif
