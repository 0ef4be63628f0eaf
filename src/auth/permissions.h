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

/* A bad file is rejected whole (BR_ERR_DATA); the message lists every problem with its line
 * ("permissions.yaml, line 7: …"), one a line, as many as fit. BR_ERR_NOT_FOUND: there is no such
 * file. Plain tokens of the file are registered with the redaction of br_secret, and their text is
 * wiped from the memory that this module owns. */
br_status auth_permissions_load(const char *path, auth_permissions **ret_permissions,
                                br_error *err) BR_CHECKED;
/* The same from memory; name stands in messages. */
br_status auth_permissions_parse(const char *text, size_t length, const char *name,
                                 auth_permissions **ret_permissions, br_error *err) BR_CHECKED;
auth_permissions *auth_permissions_ref(auth_permissions *permissions);
void auth_permissions_unref(auth_permissions *permissions); /* NULL is fine */
size_t auth_permissions_users(const auth_permissions *permissions);

/* What is allowed and yet should be mended, a line each ("permissions.yaml, line 7: …"): short or
 * placeholder tokens, a pattern twice, plain tokens in a file that everybody may read. index <
 * auth_permissions_warnings(). */
size_t auth_permissions_warnings(const auth_permissions *permissions);
const char *auth_permissions_warning(const auth_permissions *permissions, size_t index);
/* Strict mode takes no token that is short (under AUTH_TOKEN_MIN characters) or a placeholder:
 * BR_ERR_USAGE lists them. */
enum { AUTH_TOKEN_MIN = 16 };
br_status auth_permissions_check_strict(const auth_permissions *permissions,
                                        br_error *err) BR_CHECKED;

/* Borrowed; NULL: nobody. Names are compared exactly. A token is looked for among all users with
 * the same work whatever it is. */
const auth_user *auth_user_of_token(const auth_permissions *permissions, const char *token);
const auth_user *auth_user_of_name(const auth_permissions *permissions, const char *name);
const char *auth_user_name(const auth_user *user);

/* Rights on a table: "schema.table", "db.schema.table" or "table" (schema dbo), with or without
 * brackets, case ignored. The most specific rule wins (exact with database, exact, db.schema.*,
 * schema.*, *); among equals the last of the file. A rule without a database holds in every
 * database; one with a database only where the name has it too. A more specific rule that could
 * mean the same table (auth/table_name.h: other spellings of letters outside ASCII, no database in
 * the name) can only take rights away. A text that is no table's name has no rights. */
auth_rights auth_rights_on(const auth_user *user, const char *table);
/* The rules themselves, for showing. index < auth_user_rules(). */
size_t auth_user_rules(const auth_user *user);
auth_rights auth_user_rule(const auth_user *user, size_t index);

#endif
