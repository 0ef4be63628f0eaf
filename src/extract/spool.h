/*
 * spool.h: the folders that files wait in on their way to a result.
 *
 *   spool folder/RUN.lock       held while the run lives
 *   spool folder/RUN-query/…    a query's files
 *   spool folder/.id            tells it from every other spool folder
 *
 * A run that died leaves its files; the next one that uses the spool folder finds their lock free
 * and deletes them. Where a query spools beside its local result, the lock of that result guards
 * the folder instead, and extract_spool_make() empties it.
 */
#ifndef EXTRACT_SPOOL_H
#define EXTRACT_SPOOL_H

#include "base/status.h"

typedef struct extract_spool {
  char *folder;    /* NULL: not open */
  const char *run; /* borrowed */
  char *lock_path;
  int lock_fd;
  char id[80]; /* the folder's own, also after a restart of the machine or container */
} extract_spool;

#define EXTRACT_SPOOL_INIT                                                                         \
  { .lock_fd = -1 }

/* The folder that files on their way to the destination wait in, made where it is not there: the
 * one asked for, or one in the data folder. NULL: beside the result, where that is a local folder
 * and none was asked for. The caller frees. */
br_status extract_spool_folder(const char *data_folder, const char *asked, const char *destination,
                               char **ret_folder, br_error *err) BR_CHECKED;
/* Deletes what dead runs left in folder, which exists, and takes the lock of this run. On failure
 * nothing is left open. */
br_status extract_spool_open(extract_spool *spool, const char *folder, const char *run,
                             br_error *err) BR_CHECKED;
void extract_spool_close(extract_spool *spool);
/* True only where it is sure that a run is gone: it had its lock in this folder, id tells, and the
 * kernel has given that lock up. */
bool extract_spool_run_is_gone(const extract_spool *spool, const char *id, const char *run);
/* The folder of a query's files; the caller frees; NULL: no memory. */
char *extract_spool_path(const extract_spool *spool, const char *query);

/* An empty folder with enough free space. On failure none is left. */
br_status extract_spool_make(const char *path, br_error *err) BR_CHECKED;
/* Deletes such a folder with the files in it; of a link to one, only the link. */
void extract_spool_remove(const char *path);

#endif
