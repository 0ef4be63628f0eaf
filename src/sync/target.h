/*
 * target.h: what the table that an event changes looks like: its columns as SQL Server's catalog
 * and a result of it describe them, and what else a change would set off.
 */
#ifndef SYNC_TARGET_H
#define SYNC_TARGET_H

#include "sync/listing.h"
#include "sync/name.h"
#include "tds/tds.h"

typedef struct sync_target_column {
  char *name;
  char *collation; /* NULL: not of a character type */
  bool nullable;
  bool identity;
  bool has_default;
  bool computed;   /* or otherwise the server's own: rowversion */
  bool names_rows; /* in the primary key, where that was asked for */
  batch_sql_typespec spec;
} sync_target_column;

typedef struct sync_target {
  char sql[SYNC_NAME_TEXT_MAX];
  char plain[SYNC_NAME_TEXT_MAX];   /* for people and permissions */
  char catalog[SYNC_NAME_TEXT_MAX]; /* "[db]." in front of sys.…, or "" */
  sync_target_column *columns;
  size_t count;
} sync_target;

/* with_key: asks for the primary key too. BR_ERR_NOT_FOUND: no such table, or this login may not
 * see it. */
br_status sync_target_describe(tds_conn *conn, const sync_name *name, bool with_key,
                               sync_target **ret_target, br_error *err) BR_CHECKED;
void sync_target_free(sync_target *target); /* NULL is fine */
/* Whether the server takes both names for one table, or whatever else they are names of. */
br_status sync_target_is_same(tds_conn *conn, const sync_name *a, const sync_name *b,
                              bool *ret_same, br_error *err) BR_CHECKED;
/* By exact name, then by the only one that differs in case alone; NULL: none. */
const sync_target_column *sync_target_find(const sync_target *target, const char *name);
/* Why it was not found: "the table dbo.T has no column 'x' (is 'y' meant?)", or that several differ
 * in case only. Always BR_ERR_DATA. */
br_status sync_target_no_column(const sync_target *target, const char *what, const char *name,
                                br_error *err);

/* A column's definition in a table beside it: type and collation, NULL allowed. Appended. */
br_status sync_target_column_ddl(const sync_target_column *column, br_buf *out,
                                 br_error *err) BR_CHECKED;

/* Operations that fire triggers, to be joined by |. */
enum { SYNC_FIRES_INSERT = 1, SYNC_FIRES_UPDATE = 2, SYNC_FIRES_DELETE = 4 };

/* Names of enabled triggers that operations fire, as entries of an empty list, which is closed. */
br_status sync_target_triggers(const sync_target *target, tds_conn *conn, unsigned operations,
                               sync_listing *list, br_error *err) BR_CHECKED;

#endif
