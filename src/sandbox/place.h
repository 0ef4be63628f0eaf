/*
 * place.h: where a sandbox lives on disk: its folders and the names of its sockets.
 *
 *   <data_folder>/sandbox/  sqlserver.db  databricks.db  volumes/  uploads/  tls/
 *                           <side>-<pid>-<number>.sock
 */
#ifndef SANDBOX_PLACE_H
#define SANDBOX_PLACE_H

#include "base/status.h"

typedef struct sandbox_place {
  char *folder, *volumes, *uploads;           /* owned */
  char *sqlserver_db, *databricks_db;         /* owned */
  char *sqlserver_socket, *databricks_socket; /* owned */
  char *socket_folder; /* owned; made for paths that are too long for a socket, else NULL */
} sandbox_place;

/* Makes the folders (0700) and the default volume, and clears what processes that have ended left
 * behind: sockets, unfinished uploads that are a day old. */
br_status sandbox_place_make(const char *data_folder, sandbox_place *ret_place,
                             br_error *err) BR_CHECKED;
/* Removes the sockets; the data stay. */
void sandbox_place_done(sandbox_place *place);

#endif
