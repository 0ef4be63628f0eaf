/*
 * policy.h: what the permissions file says of events: who they act as, which tables they may change
 * and how many rows they may delete.
 *
 *   no such user in the file, or no file:   strict mode: nothing is written
 *                                           otherwise: everything, SYNC_MAX_DELETE_ROWS holds; but
 *                                           nothing for who asked over HTTP, and so was a user once
 *   a user:                                 `write` on the table; its max_delete_rows, or
 *                                           SYNC_MAX_DELETE_ROWS where the rule names none; `read`
 *                                           too where a dry run is to show rows
 */
#ifndef SYNC_POLICY_H
#define SYNC_POLICY_H

#include "auth/audit.h"
#include "auth/permissions.h"
#include "sync/apply.h"

typedef struct sync_policy {
  /* The permissions that hold now, with a reference for the caller; NULL: there is no file. */
  auth_permissions *(*current)(void *context);
  void *context;
  const char *file; /* for messages */
  bool strict;
  uint64_t max_delete_rows;
  /* Writes what is decided into the audit. Where that fails nothing is decided: the event waits.
   * NULL: nothing is audited. */
  br_status (*audit)(void *context, const auth_audit_record *record, br_error *err);
  void *audit_context;
} sync_policy;

/* As sync_options wants it; context is the sync_policy. */
void sync_policy_rights(void *context, const sync_actor *actor, const char *table,
                        sync_rights *ret_rights);

#endif
