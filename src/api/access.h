/*
 * access.h: who asks: token, source address, rights, audit.
 *
 *   api_access_identify(access, request, …)   token ─▶ user; failures are slowed down
 *   api_may(&caller, "dbo.Orders", AUTH_READ)
 *   api_audit(…)                              in strict mode a line that can't be written is an
 * error
 */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "auth/audit.h"
#include "auth/permissions.h"
#include "http/http.h"
#include "settings/settings.h"

typedef struct api_access api_access;

/* Who asks, with a reference to the permissions that hold for the request. */
typedef struct api_caller {
  auth_permissions *permissions;
  const auth_user *user; /* NULL: nobody, or everybody (authentication is off) */
  bool everything;       /* authentication is off */
} api_caller;

/* Reads permissions and opens the audit. A missing permissions file is a warning in the log. */
br_status api_access_new(const settings *config, api_access **ret_access, br_error *err) BR_CHECKED;
void api_access_free(api_access *access); /* NULL is fine */

/* Opens the audit again and reads the permissions now; failures are logged. */
void api_access_reload(api_access *access);

/* The address that a request comes from: the peer, or what trusted proxies say of it. address holds
 * 64 bytes. */
void api_access_source(const api_access *access, const http_request *request, char *address);

/* The token of "Bearer …", as the header Authorization holds it; NULL: there is none. Borrowed. */
const char *api_bearer(const char *authorization);

typedef enum api_identity {
  API_IDENTITY_KNOWN,
  API_IDENTITY_UNKNOWN, /* no token, or nobody's */
  API_IDENTITY_WAIT,    /* too many failures: *ret_wait_ms */
} api_identity;
/* Release *ret_caller with api_caller_done() in every case. */
api_identity api_access_identify(api_access *access, const http_request *request,
                                 const char *source_ip, api_caller *ret_caller,
                                 uint64_t *ret_wait_ms);
void api_caller_done(api_caller *caller);

/* Counts the request against its user or, without one, its address: milliseconds to wait, 0 = none.
 */
uint64_t api_access_take(api_access *access, const api_caller *caller, const char *source_ip);
/* Whether the login is one for the audit: the user's first from this address in
 * AUDIT_LOGIN_SECONDS. Who is told so has to write the line, or to say that it was lost. */
bool api_access_login_is_due(api_access *access, const api_caller *caller, const char *source_ip);
void api_access_login_was_lost(api_access *access, const api_caller *caller, const char *source_ip);
/* Whether a failed login from this address is one for the audit by itself; else it is counted, and
 * told as a number later. */
bool api_access_failure_is_due(api_access *access, const char *source_ip);
void api_access_failure_was_lost(api_access *access, const char *source_ip);
/* Writes the numbers that are due (everything: all there are); for now and then. */
void api_access_tell_failures(api_access *access, bool everything);
/* There is no permissions file: a hint for people; NULL otherwise. */
const char *api_access_hint(api_access *access);

/* The permissions that hold now, with a reference; NULL: there is no file. */
auth_permissions *api_access_current(api_access *access);
bool api_access_strict(const api_access *access);
bool api_access_enabled(const api_access *access);

const char *api_caller_name(const api_caller *caller); /* NULL: nobody in particular */
/* access: AUTH_READ or AUTH_WRITE bits, all of them needed. */
bool api_may(const api_caller *caller, const char *table, unsigned access);
/* On everything: by the rule `*`. */
bool api_may_all(const api_caller *caller, unsigned access);

/* On something: by any rule. */
bool api_may_any(const api_caller *caller, unsigned access);

/* Writes the line. A failure is logged, and an error in strict mode only. */
br_status api_access_audit(api_access *access, const auth_audit_record *record,
                           br_error *err) BR_CHECKED;

#endif
