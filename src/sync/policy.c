#include "sync/policy.h"

#include <stdio.h>
#include <string.h>

static void allow(const sync_policy *policy, sync_rights *rights) {
  rights->may_write = true;
  rights->may_read = true;
  rights->max_delete_rows = policy->max_delete_rows;
}

/* Who asked over HTTP was a user then: taken out of the file, they must not have more rights than
 * before. */
static void no_user(const sync_policy *policy, const sync_actor *actor, bool has_file,
                    sync_rights *rights) {
  if (actor->asked) {
    (void)snprintf(rights->reason, sizeof rights->reason,
                   "There is no user '%.100s' any more, who asked for this over HTTP: add it to "
                   "%.200s again, or send the event anew as another user",
                   actor->name, policy->file);
    return;
  }
  if (!policy->strict) {
    allow(policy, rights);
    return;
  }
  (void)snprintf(rights->reason, sizeof rights->reason,
                 has_file ? "There is no user '%.100s' in %.300s, and strict mode writes nothing "
                            "without one: add it, with the tables it may write"
                          : "Strict mode writes nothing for the user '%.100s' without a "
                            "permissions file (%.300s)",
                 actor->name, policy->file);
}

/* A table that is not seen may be any one: what one rule keeps back, it keeps back here. */
static auth_rights rights_on(const auth_user *user, const char *table) {
  auth_rights rights = auth_rights_on(user, table);
  for (size_t i = 0; strcmp(table, SYNC_UNSEEN_TABLE) == 0 && i < auth_user_rules(user); i++) {
    rights.access &= auth_user_rule(user, i).access;
  }
  return rights;
}

static void rights_of_user(const sync_policy *policy, const auth_user *user, const char *table,
                           sync_rights *rights) {
  const auth_rights found = rights_on(user, table);
  if ((found.access & AUTH_WRITE) == 0) {
    (void)snprintf(rights->reason, sizeof rights->reason,
                   "The user '%.100s' may not write %.200s: give it access write or read_write on "
                   "the table in %.100s",
                   auth_user_name(user), table, policy->file);
    return;
  }
  allow(policy, rights);
  rights->may_read = (found.access & AUTH_READ) != 0;
  if (found.has_max_delete_rows) {
    rights->max_delete_rows = found.max_delete_rows;
  }
}

static void audit(const sync_policy *policy, const sync_actor *actor, const char *table,
                  sync_rights *rights) {
  br_error err = BR_ERROR_INIT;
  const auth_audit_record record = {
      .event = rights->may_write ? AUTH_AUDIT_PERMISSION_GRANTED : AUTH_AUDIT_PERMISSION_DENIED,
      .user_name = actor->name,
      .resource = table,
      .action = "sync",
      .status = rights->may_write ? "success" : "denied",
  };
  if (policy->audit(policy->audit_context, &record, &err) != BR_OK) {
    *rights = (sync_rights){.not_now = true};
    (void)snprintf(rights->reason, sizeof rights->reason, "%.500s", err.message);
  }
}

void sync_policy_rights(void *context, const sync_actor *actor, const char *table,
                        sync_rights *ret_rights) {
  const sync_policy *policy = context;
  auth_permissions *permissions = policy->current(policy->context);
  const auth_user *user = permissions == NULL ? NULL : auth_user_of_name(permissions, actor->name);
  *ret_rights = (sync_rights){.may_write = false};
  if (user == NULL) {
    no_user(policy, actor, permissions != NULL, ret_rights);
  } else {
    rights_of_user(policy, user, table, ret_rights);
  }
  auth_permissions_unref(permissions);
  if (policy->audit != NULL) {
    audit(policy, actor, table, ret_rights);
  }
}
