/*
 * source.h: the rows of an event's source table, on their way into SQL Server.
 *
 *   dbx_rows (one statement, one snapshot) ──▶ cast to the target's types ──▶ bulk load
 *                                                 └─▶ rejected rows, by key and column
 *
 * The load goes into a stage (#bridge_stage), made with the target's types and collations, or into
 * the target itself. Memory does not grow with the number of rows.
 */
#ifndef SYNC_SOURCE_H
#define SYNC_SOURCE_H

#include "databricks/databricks.h"
#include "sync/event.h"
#include "sync/target.h"

enum { SYNC_STAGE_NAME_MAX = 32 };

typedef struct sync_source sync_source;

/* Opens the event's source and pairs its columns with the target's. Only the keys are read where
 * keys_only. Errors of the event: a column that the target lacks, an identity, computed or missing
 * column. The target is borrowed. */
br_status sync_source_open(dbx_client *client, const sync_event *event, const sync_target *target,
                           bool keys_only, br_cancel *cancel, sync_source **ret_source,
                           br_error *err) BR_CHECKED;
void sync_source_close(sync_source *source); /* NULL is fine */

/* The target's columns that the source fills, in the source's order. */
size_t sync_source_columns(const sync_source *source);
const sync_target_column *sync_source_column(const sync_source *source, size_t index);
bool sync_source_is_key(const sync_source *source, size_t index);
/* It names a row to people: a key of the event, or where it names none of the target's primary key.
 */
bool sync_source_names_rows(const sync_source *source, size_t index);
/* An identity column of the target is among them. */
bool sync_source_has_identity(const sync_source *source);
/* What the server says the source has. */
uint64_t sync_source_total(const sync_source *source);

/* Makes the stage of that name and loads all rows into it. BR_ERR_DATA: rows can't be taken. */
br_status sync_source_stage(sync_source *source, tds_conn *conn, const char *stage,
                            uint64_t *ret_rows, br_error *err) BR_CHECKED;
/* A load takes NULL for what a column of the target shall have, or its default: for the columns
 * that are sent and for those that are not alike. BR_ERR_DATA where the source needs both. */
br_status sync_source_check_defaults(const sync_source *source, br_error *err) BR_CHECKED;
/* Loads all rows into the target itself, constraints and triggers on, inside the caller's
 * transaction. first_rows: NULL, or a list that gets the first five rows as they are sent. */
br_status sync_source_load(sync_source *source, tds_conn *conn, bool table_lock,
                           sync_listing *first_rows, uint64_t *ret_rows, br_error *err) BR_CHECKED;

#endif
