/*
 * load.h: bulk load (MS-TDS 2.2.6.1, INSERT BULK): batches into a table, as fast as the wire goes.
 *
 *   tds_load_open(conn, &options, &load, err)   asks the table for its columns' types
 *     tds_load_schema(load)                     what batches must look like: batch/cast.h brings
 *                                               others there
 *     tds_load_write(load, b, err)              the first one sends INSERT BULK
 *   tds_load_finish(load, &rows, err)           the server's answer
 *   tds_load_free(load)                         gives an unfinished one up: nothing of it stays
 *
 * One load is one statement: all its rows or none, inside the connection's transaction where one is
 * open. The connection is the load's alone from the first write to finish or free. A cancel between
 * writes gives the load up and leaves the connection usable; one that finds a packet half sent, to
 * a server that takes no more, loses it.
 */
#ifndef TDS_LOAD_H
#define TDS_LOAD_H

#include "tds/tds.h"

typedef struct tds_load tds_load;

typedef struct tds_load_options {
  const char *table;          /* as SQL names it: "[dbo].[T]", "[db].[dbo].[T]", "#stage" */
  const char *const *columns; /* names, unquoted, in the order of the batches' fields */
  size_t column_count;
  bool check_constraints, fire_triggers, keep_nulls, table_lock; /* hints of INSERT BULK */
  uint64_t rows_expected;                                        /* ROWS_PER_BATCH; 0 = unknown */
} tds_load_options;

/* An identity column in the list keeps the values sent; left out, the server makes them. Computed
 * and rowversion columns can't be in the list (BR_ERR_USAGE naming the column). */
br_status tds_load_open(tds_conn *conn, const tds_load_options *options, tds_load **ret_load,
                        br_error *err) BR_CHECKED;
/* Fields with names, source types and nullability of the table's columns; borrowed from the load.
 * Types that can't be sent as they are (xml, CLR types, text, ntext, image…) show as the max type
 * that the server converts. */
const batch_schema *tds_load_schema(const tds_load *load);
/* Batches in the layouts of that schema. BR_ERR_DATA names row (by b->first_row) and column of a
 * value that does not fit; the load is then given up and the connection usable. */
br_status tds_load_write(tds_load *load, const batch *b, br_error *err) BR_CHECKED;
/* ret_rows: as the server counts them (an index with IGNORE_DUP_KEY drops some); those sent where
 * it does not say. Errors of the server come as tds_next_result() reports them; the connection is
 * usable after them unless the server closed it. */
br_status tds_load_finish(tds_load *load, uint64_t *ret_rows, br_error *err) BR_CHECKED;
void tds_load_free(tds_load *load); /* NULL is fine */

#endif
