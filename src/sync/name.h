/*
 * name.h: names of tables as people write them, on both sides, and as SQL text that means exactly
 * that table.
 *
 *   "mi-catalog.mi-schema.datos"  "`mi-catalog`.`mi-schema`.datos"   Databricks: backticks
 *   "dbo.Orders"  "[sales].[Order Lines]"  "db.dbo.T"                SQL Server: brackets, quotes
 *
 * Whatever stands in a part is a name and nothing else: sync_name_sql() quotes it, so no text of an
 * event ever becomes SQL.
 */
#ifndef SYNC_NAME_H
#define SYNC_NAME_H

#include "base/buf.h"

typedef enum sync_dialect { SYNC_SQLSERVER, SYNC_DATABRICKS } sync_dialect;

enum {
  SYNC_NAME_PARTS = 3,
  SYNC_NAME_PART_MAX = 255 * 4 + 1,
  SYNC_NAME_TEXT_MAX = 3 * (2 * 1021 + 2) + 16
};

typedef struct sync_name {
  sync_dialect dialect;
  size_t count;                                    /* 1..3; parts[count - 1] is the table */
  char parts[SYNC_NAME_PARTS][SYNC_NAME_PART_MAX]; /* unquoted */
} sync_name;

/* BR_ERR_DATA with what is wrong with the text. An empty middle part ("db..T") of a SQL Server name
 * is dbo. */
br_status sync_name_parse(sync_dialect dialect, const char *text, sync_name *ret_name,
                          br_error *err) BR_CHECKED;
/* Quoted for SQL: "`c`.`s`.`t`", "[db].[dbo].[T]"; schema dbo is put in where a SQL Server name has
 * none. text holds SYNC_NAME_TEXT_MAX bytes. */
void sync_name_sql(const sync_name *name, char *text);
/* "[db].", in front of sys.…, of a SQL Server name with three parts. text as above. */
void sync_name_database(const sync_name *name, char *text);
/* For people and for look-ups in permissions: the parts joined with dots, quoted only where one
 * holds a dot or a quote itself, or begins with a blank; schema dbo put in as above. text holds
 * SYNC_NAME_TEXT_MAX bytes.
 */
void sync_name_plain(const sync_name *name, char *text);
/* By which names of one table of SQL Server are known to be of one, whatever its spelling: database
 * and schema put in (database: the session's; NULL = not known), without regard to the case of
 * ASCII letters. Other characters all count as one: how they compare only the server knows, and two
 * tables may be taken for one, but not one for two. text holds SYNC_NAME_TEXT_MAX bytes. */
void sync_name_key(const sync_name *name, const char *database, char *text);
/* Both names are SQL Server's and may be of one table: nothing that both name differs, but for the
 * case of ASCII letters. */
bool sync_name_may_mean(const sync_name *a, const sync_name *b);
/* The same, where parts with characters beyond ASCII are the same as any others: only the server
 * knows how it compares those (width, accents, characters without weight). */
bool sync_name_could_mean(const sync_name *a, const sync_name *b);
/* One identifier, quoted, appended. */
br_status sync_quote(br_buf *out, sync_dialect dialect, const char *identifier,
                     br_error *err) BR_CHECKED;
/* A text literal of SQL Server, N'…', appended: for catalog queries. */
br_status sync_literal(br_buf *out, const char *text, br_error *err) BR_CHECKED;

#endif
