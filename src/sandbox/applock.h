/*
 * applock.h: application locks (sp_getapplock) of one session, between all sessions of a data
 * folder, also those of other processes.
 *
 * A lock is a byte range of one file, locked by the session's own open file description (F_OFD_…
 * of fcntl): the kernel lets go of it when the session closes the file or its process dies. A
 * resource's place in the file is taken from its SHA-256: 61 bits, so that two resources never meet
 * in practice. It has two bytes:
 *
 *   mode           first byte   second byte     kept out
 *   IntentShared   read                         Exclusive
 *   Shared         read                         Exclusive
 *   Update         read         write           Update, Exclusive
 *   Exclusive      write                        all
 *
 * IntentExclusive doesn't fit this (it shares with itself, but not with Shared) and is refused by
 * the caller. Nobody looks for deadlocks.
 */
#ifndef SANDBOX_APPLOCK_H
#define SANDBOX_APPLOCK_H

#include "base/cancel.h"

/* In rising strength. */
typedef enum applock_mode {
  APPLOCK_NONE,
  APPLOCK_INTENT_SHARED,
  APPLOCK_SHARED,
  APPLOCK_UPDATE,
  APPLOCK_EXCLUSIVE,
} applock_mode;

typedef enum applock_owner { APPLOCK_SESSION, APPLOCK_TRANSACTION, APPLOCK_OWNERS } applock_owner;

typedef enum applock_result { APPLOCK_GRANTED, APPLOCK_WAITED, APPLOCK_TIMED_OUT } applock_result;

typedef struct applock_entry applock_entry;

/* One session's locks. Used by one thread at a time. */
typedef struct applocks {
  const char *path; /* of the file; borrowed */
  int fd;           /* -1: not open yet */
  applock_entry *entries;
} applocks;

void applocks_init(applocks *locks, const char *path);
/* Lets go of all. */
void applocks_done(applocks *locks);

/* A resource's place: of the database, the principal and the name, whose bytes all count. */
br_status applock_key(int64_t database_id, const char *principal, const char *resource,
                      uint64_t *ret_key, br_error *err) BR_CHECKED;

/* Takes a lock or strengthens it; each call asks for a release of its own. timeout_ms < 0: waits
 * without end. BR_ERR_CANCELLED: asked to stop while waiting. */
br_status applock_take(applocks *locks, uint64_t key, applock_owner owner, applock_mode mode,
                       int64_t timeout_ms, const br_cancel *cancel, applock_result *ret_result,
                       br_error *err) BR_CHECKED;
/* One release; with the last one the lock is gone. False: the owner doesn't hold it. */
bool applock_release(applocks *locks, uint64_t key, applock_owner owner);
/* All that an owner holds: the transaction has ended. */
void applocks_release_owner(applocks *locks, applock_owner owner);

applock_mode applock_held(const applocks *locks, uint64_t key, applock_owner owner);
/* Whether applock_take() would be granted at once. */
br_status applock_possible(applocks *locks, uint64_t key, applock_mode mode, bool *ret_possible,
                           br_error *err) BR_CHECKED;

#endif
