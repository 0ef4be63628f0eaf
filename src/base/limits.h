/*
 * limits.h: every ceiling of the program in one place. Bytes unless the name says otherwise.
 */
#ifndef BR_BASE_LIMITS_H
#define BR_BASE_LIMITS_H

#include <stdint.h>

#define BR_KIB(n) ((size_t)(n)*1024U)
#define BR_MIB(n) ((size_t)(n)*1024U * 1024U)
#define BR_GIB(n) ((uint64_t)(n)*1024U * 1024U * 1024U)

/* The largest value of a single cell by default (--max-cell), and the largest that can be asked
 * for: string offsets are 32 bits wide. */
#define BR_LIMIT_CELL_DEFAULT BR_MIB(128)
#define BR_LIMIT_CELL_MAX     (BR_MIB(2048) - BR_MIB(64))
/* Files that the user writes. */
#define BR_LIMIT_SQL_FILE     BR_MIB(16)
#define BR_LIMIT_YAML_FILE    BR_MIB(4)
#define BR_LIMIT_ENV_FILE     BR_MIB(1)
/* A result has at most this many columns (SQL Server: 4,096 in a SELECT). */
#define BR_LIMIT_COLUMNS      4096
/* One file of a result stays below this. */
#define BR_LIMIT_RESULT_FILE  (BR_GIB(4) - BR_MIB(256))
/* TDS: the longest message of a server, tokens other than rows (MS-TDS 2.2.7: lengths of 16 bits,
 * FEATUREEXTACK 32). */
#define BR_LIMIT_TDS_TOKEN    BR_MIB(4)
/* HTTP answers that are parsed in memory (statement results inline: 25 MiB of data, more as JSON).
 */
#define BR_LIMIT_HTTP_BODY    BR_MIB(64)
#define BR_LIMIT_HTTP_HEADER  BR_KIB(64)

#endif
