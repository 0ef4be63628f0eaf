/*
 * table_name.h: names of tables as people write them, and patterns of them.
 *
 *   dbo.Orders    [dbo].[My Table]    sales.dbo.Orders    Orders (schema dbo)
 *   dbo.*         sales.dbo.*         *                   (patterns)
 *
 * Parts are quoted by [ ], " " or ` `, a closing one inside a part doubled. They are compared
 * without case (ASCII) and without blanks at their end, as SQL Server does. How it compares other
 * letters depends on the database's collation (accents, width, ß and ss): two names that some
 * collation could take for the same "may mean" the same table.
 */
#ifndef AUTH_TABLE_NAME_H
#define AUTH_TABLE_NAME_H

#include "base/status.h"

enum {
  AUTH_NAME_PART_MAX = 384, /* bytes; SQL Server: 128 UTF-16 units (sysname) */
  AUTH_NAME_EXTRA = 8,      /* bytes that a parsed name may need beyond its text */
  AUTH_NAME_MAX = 3 * (2 * AUTH_NAME_PART_MAX + 3), /* the longest text that is looked at */
};

/* Parts in lower case, borrowed from the storage. */
typedef struct auth_table_name {
  const char *database; /* NULL: not named */
  const char *schema;   /* NULL: any (the pattern *) */
  const char *table;    /* NULL: any (patterns *, schema.*, database.schema.*) */
} auth_table_name;

/* storage holds strlen(text) + AUTH_NAME_EXTRA bytes and stays with the caller. BR_ERR_USAGE says
 * what is wrong with the text. A pattern is refused unless patterns is set. */
br_status auth_table_name_parse(const char *text, bool patterns, char *storage,
                                auth_table_name *ret_name, br_error *err) BR_CHECKED;

/* Whether the pattern covers the name for certain: a pattern without a database covers all. */
bool auth_table_name_covers(const auth_table_name *pattern, const auth_table_name *name);
/* Whether it could: some collation takes the parts for the same, or the name doesn't tell its
 * database. True wherever auth_table_name_covers() is. */
bool auth_table_name_may_cover(const auth_table_name *pattern, const auth_table_name *name);
/* 1 for * up to 5 for an exact name with its database; the higher one decides. */
int auth_table_name_specificity(const auth_table_name *pattern);

#endif
