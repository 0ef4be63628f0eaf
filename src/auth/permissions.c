/* Answering from a permissions file that was read. */
#include "auth/permissions.h"

#include <openssl/crypto.h>
#include <string.h>

#include "auth/permissions_internal.h"
#include "base/mem.h"

auth_permissions *auth_permissions_ref(auth_permissions *permissions) {
  (void)atomic_fetch_add_explicit(&permissions->references, 1, memory_order_relaxed);
  return permissions;
}

static void user_done(auth_user *user) {
  for (size_t i = 0; i < user->rule_count; i++) {
    br_free(user->rules[i].text);
    br_free(user->rules[i].storage);
  }
  br_free(user->rules);
  br_free(user->name);
  br_wipe(user->token_sha256, sizeof user->token_sha256);
}

void auth_permissions_unref(auth_permissions *permissions) {
  if (permissions == NULL ||
      atomic_fetch_sub_explicit(&permissions->references, 1, memory_order_acq_rel) > 1) {
    return;
  }
  for (size_t i = 0; i < permissions->user_count; i++) {
    user_done(&permissions->users[i]);
  }
  br_free(permissions->users);
  auth_problem_list_done(&permissions->warnings);
  auth_problem_list_done(&permissions->doubts);
  br_free(permissions);
}

size_t auth_permissions_users(const auth_permissions *permissions) {
  return permissions->user_count;
}

size_t auth_permissions_warnings(const auth_permissions *permissions) {
  return permissions->warnings.kept;
}

const char *auth_permissions_warning(const auth_permissions *permissions, size_t index) {
  return permissions->warnings.lines[index];
}

br_status auth_permissions_check_strict(const auth_permissions *permissions, br_error *err) {
  if (permissions->doubts.count == 0) {
    return BR_OK;
  }
  return auth_problem_fail(&permissions->doubts,
                           "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses "
                           "these tokens:",
                           BR_ERR_USAGE, err);
}

const auth_user *auth_user_of_token(const auth_permissions *permissions, const char *token) {
  char hash[BR_SHA256_HEX_MAX];
  if (br_sha256_hex(token, strlen(token), hash, NULL) != BR_OK) {
    return NULL;
  }
  /* No early end and no branch on what was found: the time tells nothing of the tokens. */
  size_t found = 0; /* index + 1 */
  for (size_t i = 0; i < permissions->user_count; i++) {
    int differs = CRYPTO_memcmp(hash, permissions->users[i].token_sha256, sizeof hash);
    size_t mask = (size_t)(differs != 0) - 1U;
    found |= (i + 1) & mask;
  }
  br_wipe(hash, sizeof hash);
  return found == 0 ? NULL : &permissions->users[found - 1];
}

const auth_user *auth_user_of_name(const auth_permissions *permissions, const char *name) {
  for (size_t i = 0; i < permissions->user_count; i++) {
    if (strcmp(permissions->users[i].name, name) == 0) {
      return &permissions->users[i];
    }
  }
  return NULL;
}

const char *auth_user_name(const auth_user *user) {
  return user->name;
}

static auth_rights rights_of(const auth_rule *rule) {
  return (auth_rights){
      .access = rule->access,
      .has_max_delete_rows = rule->has_max_delete_rows,
      .max_delete_rows = rule->max_delete_rows,
      .rule = rule->text,
  };
}

/* The rule that decides; NULL: none covers the name. */
static const auth_rule *decide(const auth_user *user, const auth_table_name *name) {
  const auth_rule *best = NULL;
  for (size_t i = 0; i < user->rule_count; i++) {
    const auth_rule *rule = &user->rules[i];
    if (auth_table_name_covers(&rule->pattern, name) &&
        (best == NULL || auth_table_name_specificity(&rule->pattern) >=
                             auth_table_name_specificity(&best->pattern))) {
      best = rule;
    }
  }
  return best;
}

/* Takes from rights what the rule doesn't give. */
static void narrow(auth_rights *rights, const auth_rule *rule) {
  bool lower_limit = rule->has_max_delete_rows && (!rights->has_max_delete_rows ||
                                                   rule->max_delete_rows < rights->max_delete_rows);
  if ((rights->access & ~rule->access) != 0 || lower_limit) {
    rights->rule = rule->text;
  }
  rights->access &= rule->access;
  if (lower_limit) {
    rights->has_max_delete_rows = true;
    rights->max_delete_rows = rule->max_delete_rows;
  }
}

auth_rights auth_rights_on(const auth_user *user, const char *table) {
  char storage[AUTH_NAME_MAX + AUTH_NAME_EXTRA];
  auth_table_name name;
  if (auth_table_name_parse(table, false, storage, &name, NULL) != BR_OK) {
    return (auth_rights){.access = 0};
  }
  const auth_rule *best = decide(user, &name);
  if (best == NULL) {
    return (auth_rights){.access = 0};
  }
  /* Another spelling must not dodge a rule that is meant for the table. */
  auth_rights rights = rights_of(best);
  int specificity = auth_table_name_specificity(&best->pattern);
  for (size_t i = 0; i < user->rule_count; i++) {
    const auth_rule *rule = &user->rules[i];
    if (auth_table_name_specificity(&rule->pattern) > specificity &&
        auth_table_name_may_cover(&rule->pattern, &name)) {
      narrow(&rights, rule);
    }
  }
  return rights;
}

size_t auth_user_rules(const auth_user *user) {
  return user->rule_count;
}

auth_rights auth_user_rule(const auth_user *user, size_t index) {
  return rights_of(&user->rules[index]);
}
