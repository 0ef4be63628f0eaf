/*
 * download.h: a body that is read while it arrives. What the caller has not asked for yet stays in
 * the socket: little of it is in memory, whatever its length.
 *
 *   dbx_download_open()  request out, status and headers in
 *   dbx_download_read()  … until it gives nothing
 *   dbx_download_close() at any time
 *
 * For one thread. The caller's pace is no silence of the server's.
 */
#ifndef DATABRICKS_DOWNLOAD_H
#define DATABRICKS_DOWNLOAD_H

#include "databricks/transport.h"

typedef struct dbx_download dbx_download;

/* Sends a request without a body of its own. BR_OK with *ret_download: the answer is a success
 * (2xx) and its body is to be read. BR_OK and NULL: response has another answer whole (its body cut
 * at request->max_body is BR_ERR_LIMIT). response is the caller's to free in each case, as of
 * dbx_transport_exchange(). cancel must live as long as the download. */
br_status dbx_download_open(dbx_transport *transport, const dbx_http_request *request,
                            br_cancel *cancel, dbx_download **ret_download,
                            dbx_http_response *response, br_error *err) BR_CHECKED;
/* Waits for bytes; *ret_length 0: the body has ended, as long as was announced. After a failure the
 * download can only be closed. */
br_status dbx_download_read(dbx_download *download, void *bytes, size_t size, size_t *ret_length,
                            br_error *err) BR_CHECKED;
void dbx_download_close(dbx_download *download); /* NULL is fine */

#endif
