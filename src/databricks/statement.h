/*
 * statement.h: a statement on its way to success, for those who read its result: statement.c
 * (inline, all at once) and rows_links.c (through links).
 */
#ifndef DATABRICKS_STATEMENT_H
#define DATABRICKS_STATEMENT_H

#include "databricks/client.h"
#include "databricks/reply.h"

/* How the rows come: in the reply, or as links to Arrow streams. */
typedef enum dbx_disposition { DBX_INLINE_JSON, DBX_LINKS_ARROW } dbx_disposition;

/* Submits and polls until the statement has succeeded; errors as of dbx_statement_run(). The caller
 * frees *ret_id, and ret_reply (the last answer) with dbx_reply_done(). */
br_status dbx_statement_start(dbx_client *client, const dbx_statement *statement,
                              dbx_disposition disposition, br_cancel *cancel, char **ret_id,
                              dbx_reply *ret_reply, br_error *err) BR_CHECKED;
/* GET statements/{id}/result/chunks/{chunk}. */
br_status dbx_statement_chunk(dbx_client *client, const char *id, uint64_t chunk, br_cancel *cancel,
                              dbx_reply *ret_reply, br_error *err) BR_CHECKED;
/* Lets the server drop the result. Best effort: a server that does not answer is not waited for. */
void dbx_statement_close(dbx_client *client, const char *id);

#endif
