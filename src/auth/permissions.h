/*
 * permissions.h: who may do what: users, tokens and their rights on tables, read from
 * permissions.yaml.
 *
 *   users:
 *     - name: "reporting"
 *       token_sha256: "…64 hex digits…"          or token: "…"
 *       permissions:
 *         - table: "dbo.Orders"                  exact, or "sales.*", or "*"
 *           access: "read_write"                 read | write | read_write
 *           max_delete_rows: 10000
 *
 *   auth_permissions_load(path, &p, err)
 *     auth_user_of_token(p, token)  ─▶ auth_user ─▶ auth_rights_on(user, "dbo.Orders")
 *   auth_permissions_unref(p)
 *
 * A loaded file never changes: hot reload makes a new one and swaps it (auth/reload.h); who still
 * uses the old one holds a reference. Tokens are kept as SHA-256 only and looked up in constant
 * time.
 */
#ifndef AUTH_PERMISSIONS_H
#define AUTH_PERMISSIONS_H

#include "base/status.h"

typedef struct auth_permissions auth_permissions;
typedef struct auth_user auth_user;

enum { AUTH_READ = 1, AUTH_WRITE = 2 };

/* What a user may do with one table. */
typedef struct auth_rights {
  unsigned access;          /* AUTH_… bits; 0 = nothing. write does not imply read */
  bool has_max_delete_rows; /* a limit stands in the file */
  uint64_t max_delete_rows;
  const char *rule; /* the table pattern that decided, for messages; NULL = none matched */
} auth_rights;

/* A bad file is rejected whole; the message lists every problem with its line ("permissions.yaml,
 * line 7: …"), one a line. BR_ERR_NOT_FOUND: there is no such file. */
br_status auth_permissions_load(const char *path, auth_permissions **ret_permissions,
                                br_error *err) BR_CHECKED;
/* The same from memory; name stands in messages. */
br_status auth_permissions_parse(const char *text, size_t length, const char *name,
                                 auth_permissions **ret_permissions, br_error *err) BR_CHECKED;
auth_permissions *auth_permissions_ref(auth_permissions *permissions);
void auth_permissions_unref(auth_permissions *permissions); /* NULL is fine */
size_t auth_permissions_users(const auth_permissions *permissions);

/* Borrowed; NULL: nobody. Names are compared exactly. */
const auth_user *auth_user_of_token(const auth_permissions *permissions, const char *token);
const auth_user *auth_user_of_name(const auth_permissions *permissions, const char *name);
const char *auth_user_name(const auth_user *user);

/* Rights on a table: "schema.table", "db.schema.table" or "table" (schema dbo), with or without
 * brackets, case ignored. The most specific rule wins (exact with database, exact, schema.*, *);
 * among equals the last of the file. A rule without a database holds in every database. */
auth_rights auth_rights_on(const auth_user *user, const char *table);
/* The rules themselves, for showing. index < auth_user_rules(). */
size_t auth_user_rules(const auth_user *user);
auth_rights auth_user_rule(const auth_user *user, size_t index);

#endif
