/*
 * change_internal.h: the operations behind change.h, and the SQL that they share.
 */
#ifndef SYNC_CHANGE_INTERNAL_H
#define SYNC_CHANGE_INTERNAL_H

#include "sync/change.h"
#include "sync/listing.h"
#include "sync/query.h"

enum { SYNC_SQL_MAX = 4 * 1024 * 1024 };

typedef struct sync_operation_row {
  br_status (*prepare)(sync_change *change, br_error *err);
  br_status (*run)(sync_change *change, int64_t *ret_rows, br_error *err);
  /* "id=1: price 10 -> 12" of the first rows, before run. */
  br_status (*differences)(sync_change *change, sync_listing *list, br_error *err);
} sync_operation_row;

extern const sync_operation_row sync_operation_insert;
extern const sync_operation_row sync_operation_update;
extern const sync_operation_row sync_operation_delete;

/* A change with its row count behind it ("…; SELECT ROWCOUNT_BIG()"): results that triggers send
 * are read over. */
br_status sync_run_counted(tds_conn *conn, br_buf *sql, const tds_parameter *parameters,
                           size_t count, int64_t *ret_rows, br_error *err) BR_CHECKED;

/* The same with a SELECT of its own at its end, whose last number is asked for. */
br_status sync_run_for_number(tds_conn *conn, br_buf *sql, const tds_parameter *parameters,
                              size_t count, int64_t *ret_number, br_error *err) BR_CHECKED;

enum { SYNC_MANY_ROWS = 1000000, SYNC_DIFFERENCES = 5 };
/* A change of more than SYNC_MANY_ROWS fills the log: a note for the author says so, with the space
 * in use where the login may look at it. */
br_status sync_change_look_at_log(sync_change *change, uint64_t rows, br_error *err) BR_CHECKED;

/* Opens the source and fills the stage. */
br_status sync_stage_source(sync_change *change, bool keys_only, br_error *err) BR_CHECKED;
/* No key of the stage is NULL; none is there twice unless doubles are allowed. */
br_status sync_check_stage_keys(sync_change *change, bool doubles_allowed,
                                br_error *err) BR_CHECKED;
/* Values of these columns ("[a], [b]") that more than one row of the stage has, into an empty list,
 * which is closed; *ret_total: how many there are. */
br_status sync_find_doubles(sync_change *change, const char *columns, sync_listing *list,
                            int64_t *ret_total, br_error *err) BR_CHECKED;

/* "[a], [b]" with a prefix before each: which columns of the source. */
typedef enum sync_which { SYNC_ALL, SYNC_KEYS, SYNC_OTHERS } sync_which;
br_status sync_column_list(const sync_change *change, sync_which which, const char *prefix,
                           br_buf *out, br_error *err) BR_CHECKED;
/* The source has a column that is no key: an upsert without one updates nothing. */
bool sync_has_others(const sync_change *change);
/* "t.[k1] = s.[k1] AND …" over the keys; left and right are prefixes with their dot. */
br_status sync_key_condition(const sync_change *change, const char *left, const char *right,
                             br_buf *out, br_error *err) BR_CHECKED;
/* "k1=1, k2=x" of row `row`, whose first columns are named so. */
br_status sync_row_label(const sync_rows *rows, size_t row, size_t columns, sync_listing *list,
                         br_error *err) BR_CHECKED;
/* The rows' labels with all columns, one an entry behind a prefix. */
br_status sync_list_rows(const sync_rows *rows, const char *prefix, sync_listing *list,
                         br_error *err) BR_CHECKED;
/* Runs a question built in sql. */
br_status sync_ask(tds_conn *conn, br_buf *sql, sync_rows **ret_rows, br_error *err) BR_CHECKED;
br_status sync_ask_number(tds_conn *conn, br_buf *sql, int64_t *ret_number,
                          br_error *err) BR_CHECKED;
/* " WITH (TABLOCKX)" where the event asks for it, else "". */
const char *sync_table_hint(const sync_change *change);

#endif
