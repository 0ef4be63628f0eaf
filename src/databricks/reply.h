/*
 * reply.h: an answer of the Statement Execution API, and the result that answers add up to. No
 * network.
 *
 *   dbx_reply_parse(&body, &reply, err)       state, error, manifest, rows still as text
 *   dbx_result_new(&reply, …)                 columns from the manifest
 *   dbx_result_add(result, &reply, …)         the rows of one chunk
 *   dbx_result_finish(result, …)              everything there, nothing cut
 */
#ifndef DATABRICKS_REPLY_H
#define DATABRICKS_REPLY_H

#include <jansson.h>

#include "base/buf.h"
#include "databricks/cells.h"
#include "databricks/databricks.h"

typedef enum dbx_state {
  DBX_STATE_PENDING,
  DBX_STATE_RUNNING,
  DBX_STATE_SUCCEEDED,
  DBX_STATE_FAILED,
  DBX_STATE_CANCELED,
  DBX_STATE_CLOSED
} dbx_state;

typedef struct dbx_reply {
  json_t *root;  /* owned; all but the rows */
  char *text;    /* owned; the body, rows in it */
  dbx_span rows; /* start = end: none */
} dbx_reply;

/* Takes the body over (it is empty afterwards, also after a failure). */
br_status dbx_reply_parse(br_buf *body, dbx_reply *ret_reply, br_error *err) BR_CHECKED;
void dbx_reply_done(dbx_reply *reply);

br_status dbx_reply_state(const dbx_reply *reply, dbx_state *ret_state, br_error *err) BR_CHECKED;
const char *dbx_reply_statement_id(const dbx_reply *reply); /* NULL: none */

/* The failure that a reply in state FAILED, CANCELED or CLOSED reports. Never BR_OK. */
br_status dbx_reply_failure(const dbx_reply *reply, dbx_state state, br_error *err);

/* Columns and totals of a reply in state SUCCEEDED. */
br_status dbx_result_new(const dbx_reply *reply, dbx_result **ret_result, br_error *err) BR_CHECKED;

/* Adds the rows of the reply, whose text moves into the result. index: of the chunk that is due.
 * *ret_next is the index of the chunk behind it; *ret_more whether there is one. */
br_status dbx_result_add(dbx_result *result, dbx_reply *reply, uint64_t index, uint64_t *ret_next,
                         bool *ret_more, br_error *err) BR_CHECKED;

/* All rows are there. limited: the caller asked for a limit, so a cut result is no error. */
br_status dbx_result_finish(const dbx_result *result, bool limited, br_error *err) BR_CHECKED;

#endif
