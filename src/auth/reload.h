/*
 * reload.h: the permissions in force, read anew when their file changes.
 *
 *   auth_reload_start(&options, &reload, err)
 *     p = auth_reload_current(reload);  … answer one request from it …  auth_permissions_unref(p)
 *   auth_reload_stop(reload)
 *
 *        file ──▶ watcher thread ──▶ load ──good──▶ swap under the lock ──▶ auth_reload_current()
 *         folder (inotify) + clock      └──bad───▶ report once; the last good one stays in force
 *
 * A request that holds a reference finishes with the permissions that it began with. Once a reload
 * has returned (or was reported), no later auth_reload_current() knows a token that it took away.
 *
 * The folder is watched, not the file: editors rename a new file over the old one, and Kubernetes
 * swaps the symbolic link ..data beside it. A link that leads elsewhere, a network file system or a
 * kernel without inotify is covered by looking at the content every poll_ms.
 */
#ifndef AUTH_RELOAD_H
#define AUTH_RELOAD_H

#include "auth/permissions.h"

typedef struct auth_reload auth_reload;

typedef enum auth_reload_outcome {
  AUTH_RELOADED,        /* the new file is in force */
  AUTH_RELOAD_REFUSED,  /* it is bad, or can't be read */
  AUTH_RELOAD_MISSING,  /* it is gone */
  AUTH_RELOAD_UNWATCHED /* changes are not noticed at once, but within poll_ms */
} auth_reload_outcome;

typedef struct auth_reload_options {
  const char *path; /* borrowed for the call */
  bool strict;      /* refuse what auth_permissions_check_strict() refuses */
  bool watch;       /* false: only auth_reload_now() reads the file again */
  unsigned poll_ms; /* 0 = 2000 */
  /* Told of each outcome, of the same problem once; message "" for AUTH_RELOADED. Called from the
   * thread that reads, one at a time; it must not call this module. NULL: nobody is told. */
  void (*report)(void *context, auth_reload_outcome outcome, const char *message);
  void *context;
} auth_reload_options;

/* Reads the file and starts to watch it. A missing (BR_ERR_NOT_FOUND) or bad file fails. */
br_status auth_reload_start(const auth_reload_options *options, auth_reload **ret_reload,
                            br_error *err) BR_CHECKED;
void auth_reload_stop(auth_reload *reload); /* NULL is fine; waits for the thread */

/* A reference, for the caller to give back; never NULL. */
auth_permissions *auth_reload_current(auth_reload *reload);

/* Reads the file now, changed or not. On failure the last good permissions stay. */
br_status auth_reload_now(auth_reload *reload, br_error *err) BR_CHECKED;

#endif
