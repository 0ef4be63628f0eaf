/*
 * query.h: small questions to SQL Server, answered as text: catalog views, the ledger, locks.
 */
#ifndef SYNC_QUERY_H
#define SYNC_QUERY_H

#include "tds/tds.h"

/* The rows of the first result set; few and short, held in memory. */
typedef struct sync_rows sync_rows;

/* BR_ERR_LIMIT: over 4 MiB; a transaction stays open as it was. */
br_status sync_query(tds_conn *conn, const char *sql, const tds_parameter *parameters, size_t count,
                     sync_rows **ret_rows, br_error *err) BR_CHECKED;
void sync_rows_free(sync_rows *rows); /* NULL is fine */
size_t sync_rows_count(const sync_rows *rows);
size_t sync_rows_columns(const sync_rows *rows);
/* The column's name. */
const char *sync_rows_name(const sync_rows *rows, size_t column);
/* As batch_cell_text() writes it; NULL = SQL NULL. Borrowed. */
const char *sync_rows_text(const sync_rows *rows, size_t row, size_t column);
/* The value is true or a number other than 0. */
bool sync_rows_flag(const sync_rows *rows, size_t row, size_t column);

/* The first cell as a number; BR_ERR_PROTOCOL where there is none. */
br_status sync_query_number(tds_conn *conn, const char *sql, const tds_parameter *parameters,
                            size_t count, int64_t *ret_number, br_error *err) BR_CHECKED;

/* An nvarchar parameter; text NULL = SQL NULL. */
tds_parameter sync_text_parameter(const char *name, const char *text);
/* A hash in hex, as the ledger has it: of the column's own type, for an nvarchar would make the
 * server convert every row of an index instead of seeking in it. */
tds_parameter sync_hash_parameter(const char *name, const char *hex);
/* A bigint parameter; text holds the digits and outlives the call. */
tds_parameter sync_number_parameter(const char *name, const char *text);

#endif
