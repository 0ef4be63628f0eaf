/*
 * place.h: where a result goes: a folder of this machine or a Databricks Volume, behind one table
 * of operations.
 *
 *   extract_place_open(destination, client, spool, cancel, &place, err)
 *   extract_place_lock(place, folder, run, err)         one run at a time per result folder
 *   extract_place_put(place, folder, name, spooled, …)  a spooled file becomes folder/name
 *   extract_place_write(place, folder, name, bytes, …)  a small file, whole
 *   extract_place_close(place)
 *
 * /Volumes/… is a volume, everything else a folder. A place is used by one thread at a time. In a
 * folder every file appears whole or not at all (written aside,
 * then renamed); for a volume that is not promised by its API, and nothing here relies on it.
 */
#ifndef EXTRACT_PLACE_H
#define EXTRACT_PLACE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/file.h"
#include "databricks/databricks.h"
#include "extract/spool.h"
#include "flow/flow.h"

typedef struct extract_place extract_place;

/* True for "/Volumes/catalog/schema/volume[/…]". */
bool extract_place_is_volume(const char *destination);
/* Checks a destination's form: a volume path needs catalog, schema and volume; "catalog.schema" is
 * a table destination, which is not supported; BR_ERR_USAGE with what to write instead. */
br_status extract_place_check(const char *destination, br_error *err) BR_CHECKED;

/* client and spool are used for volumes only and borrowed; by the spool folder of a lock's run a
 * later one tells whether that run is gone. spool and cancel may be NULL. */
br_status extract_place_open(const char *destination, dbx_client *client,
                             const extract_spool *spool, br_cancel *cancel,
                             extract_place **ret_place, br_error *err) BR_CHECKED;
/* Gives up the lock. A folder that extract_place_make() made goes where it is empty and not to be
 * kept, and so do those above it that were missing. */
void extract_place_close(extract_place *place);
/* For a folder: the guard (borrowed; NULL: none) is asked before anything is done with a path below
 * it, which need not exist yet. A volume has no links. */
void extract_place_set_guard(extract_place *place, const br_file_guard *guard);

/* How many folders above a query's were missing before the first query of a run made its own;
 * shared by the run's places, so that the last query to fail takes the upper ones away. NULL: none
 * is taken away. */
void extract_place_share_missing(extract_place *place, atomic_uint *levels);

/* `folder` is a path below the destination, "Country/query". */
br_status extract_place_make(extract_place *place, const char *folder, br_error *err) BR_CHECKED;
/* What was made stays: it holds a result. */
void extract_place_keep(extract_place *place);
/* BR_ERR_CONFLICT "Another run …" where somebody else holds it. A dead run's lock is taken over. */
br_status extract_place_lock(extract_place *place, const char *folder, const char *run,
                             br_error *err) BR_CHECKED;
/* False: no lock was held, or it could not be given up. */
bool extract_place_unlock(extract_place *place);
/* BR_ERR_CONFLICT where another run has taken the lock over meanwhile: nothing more may be written.
 */
br_status extract_place_still_locked(extract_place *place, br_error *err) BR_CHECKED;
/* BR_ERR_NOT_FOUND. out is initialised here. */
br_status extract_place_read(extract_place *place, const char *folder, const char *name, size_t max,
                             br_buf *out, br_error *err) BR_CHECKED;
/* Where it fails, place->unwritten says whether it surely did nothing. */
br_status extract_place_write(extract_place *place, const char *folder, const char *name,
                              const void *bytes, size_t length, br_error *err) BR_CHECKED;
br_status extract_place_exists(extract_place *place, const char *folder, const char *name,
                               bool *ret_exists, br_error *err) BR_CHECKED;
/* Moves or uploads a spooled file; the spooled one is gone afterwards. */
br_status extract_place_put(extract_place *place, const char *folder, const char *name,
                            const char *spooled, uint64_t bytes, br_error *err) BR_CHECKED;
/* A file that is not there is no error. */
br_status extract_place_remove(extract_place *place, const char *folder, const char *name,
                               br_error *err) BR_CHECKED;
/* For messages: "/data/out/Northland/flights". The caller frees; NULL: no memory. */
char *extract_place_describe(const extract_place *place, const char *folder);
/* A folder of this machine to spool into that makes put a rename: beside the result, which is no
 * volume's. The caller frees. */
br_status extract_place_spool_hint(const extract_place *place, const char *folder, char **ret_path,
                                   br_error *err) BR_CHECKED;

/* Asks the guard, where there is one. For the two kinds, whose table this is. */
br_status extract_place_check_path(const extract_place *place, const char *path,
                                   br_error *err) BR_CHECKED;
typedef struct extract_place_ops {
  br_status (*make)(extract_place *place, const char *folder, br_error *err);
  bool (*is_missing)(extract_place *place, const char *folder);   /* false where nobody can tell */
  bool (*remove_empty)(extract_place *place, const char *folder); /* true: it is gone */
  br_status (*lock)(extract_place *place, const char *folder, const char *run, br_error *err);
  bool (*unlock)(extract_place *place); /* true: the lock is gone */
  br_status (*still_locked)(extract_place *place, br_error *err);
  br_status (*read)(extract_place *place, const char *path, size_t max, br_buf *out, br_error *err);
  br_status (*write)(extract_place *place, const char *path, const void *bytes, size_t length,
                     br_error *err);
  br_status (*put)(extract_place *place, const char *path, const char *spooled, uint64_t bytes,
                   br_error *err);
  br_status (*remove)(extract_place *place, const char *path, br_error *err);
  br_status (*exists)(extract_place *place, const char *path, bool *ret_exists, br_error *err);
  /* write() shows the old content or the new, whenever somebody looks or the run dies. */
  bool replaces_at_once;
} extract_place_ops;

extern const extract_place_ops extract_place_folder_ops;
extern const extract_place_ops extract_place_volume_ops;

struct extract_place {
  const extract_place_ops *ops;
  char *root; /* destination without a slash at its end */
  dbx_client *client;
  const extract_spool *spool; /* NULL = none */
  br_cancel *cancel;
  const br_file_guard *guard; /* NULL = none */
  char *made;                 /* the folder that was missing; NULL = none */
  atomic_uint *missing_above; /* NULL = not told */
  /* The lock that is held; lock_path NULL: none. */
  char *lock_path;
  char *lock_run; /* the run that took it */
  int lock_fd;    /* folder: the flock; -1 */
  bool unwritten; /* the last extract_place_write() failed and surely changed nothing */
};

#endif
