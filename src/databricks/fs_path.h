/*
 * fs_path.h: requests of the Files API, which carry the path of a file or folder in their URL.
 */
#ifndef DATABRICKS_FS_PATH_H
#define DATABRICKS_FS_PATH_H

#include "databricks/client.h"

typedef struct dbx_fs_request {
  dbx_request request; /* what, path, repeatable, plain are set */
  br_buf url;          /* owns request.path */
  char *what;          /* owns request.what */
} dbx_fs_request;

/* what: "Upload of"; query: "?overwrite=true" or "". After a failure there is nothing to free. */
br_status dbx_fs_request_init(dbx_fs_request *fs, const char *what, const char *api,
                              const char *path, const char *query, br_error *err) BR_CHECKED;
void dbx_fs_request_done(dbx_fs_request *fs);

/* A request whose answer says no more than that it worked. */
br_status dbx_fs_simple(dbx_client *client, const char *method, const char *what, const char *api,
                        const char *path, br_cancel *cancel, br_error *err) BR_CHECKED;

#endif
