/*
 * collate.h: comparison of text as the collations of SQL Server mean it, and LIKE.
 *
 * SQLite collations (types.h's sql_type_collate()):
 *   sci, scs   varchar under SQL_Latin1_General_CP1_CI_AS / _CS_AS: every character counts
 *   wci, wcs   nvarchar: Windows' rules: ß = ss, hyphen and apostrophe count last
 *   bin2       by code point
 *   dto        stored datetimeoffset: by the instant
 * All but dto ignore blanks at the end. Accents count, case counts in the _cs ones only. Letters
 * outside Latin and its neighbours compare by their lower-case code points.
 */
#ifndef SANDBOX_SQL_COLLATE_H
#define SANDBOX_SQL_COLLATE_H

#include <sqlite3.h>

#include "sandbox/sql/types.h"

br_status sql_collations_register(sqlite3 *db, br_error *err) BR_CHECKED;

/* <0, 0, >0 by the type's collation. */
int sql_text_compare(const sql_type *type, const char *a, size_t a_length, const char *b,
                     size_t b_length);
/* T-SQL: % _ [set] [^set]; Databricks: % _ and \ as escape. escape 0: none. ignore_case: ILIKE. */
bool sql_text_like(const sql_type *type, const char *text, size_t length, const char *pattern,
                   size_t pattern_length, uint32_t escape, bool sets, bool ignore_case);
/* Position in bytes of what as the collation finds it, from a byte on; -1: not there. *ret_length:
 * how many bytes matched. */
ptrdiff_t sql_text_find(const sql_type *type, const char *text, size_t length, size_t from,
                        const char *what, size_t what_length, size_t *ret_length);
uint32_t sql_utf8_next(const char **p, const char *end);
uint32_t sql_lower(uint32_t c);
uint32_t sql_upper(uint32_t c);

#endif
