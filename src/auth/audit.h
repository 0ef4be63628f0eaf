/*
 * audit.h: who did what, when and with which outcome: JSON lines in a file or on stdout.
 *
 *   {"timestamp":"2026-01-02T03:04:05.678901Z","event_type":"permission_denied",
 *    "user_name":"reporting","source_ip":"192.0.2.7","resource":"dbo.Orders","action":"delete",
 *    "status":"denied","details":{"rule":"dbo.*"}}
 *
 * A line is one write() of at most AUTH_AUDIT_LINE_MAX bytes (what a pipe takes whole) to a file
 * opened for appending, so that lines of several processes don't mix. Texts are redacted and made
 * valid UTF-8; what is too long is cut and ends in "…". Log rotation may rename the file (it is
 * opened again once its path leads to another file) or copy and truncate it. Functions may be
 * called from any thread.
 */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include "base/status.h"
#include "settings/settings.h"

enum { AUTH_AUDIT_LINE_MAX = 4096 };

typedef struct auth_audit auth_audit;

typedef enum auth_audit_event {
  AUTH_AUDIT_AUTH_SUCCESS,
  AUTH_AUDIT_AUTH_FAILURE,
  AUTH_AUDIT_PERMISSION_GRANTED,
  AUTH_AUDIT_PERMISSION_DENIED,
  AUTH_AUDIT_EXTRACTION_STARTED,
  AUTH_AUDIT_EXTRACTION_COMPLETED,
  AUTH_AUDIT_EXTRACTION_FAILED,
  AUTH_AUDIT_SYNC_STARTED,
  AUTH_AUDIT_SYNC_COMPLETED,
  AUTH_AUDIT_SYNC_FAILED,
  AUTH_AUDIT_DELETE_BLOCKED,
  AUTH_AUDIT_EVENT_COUNT
} auth_audit_event;
const char *auth_audit_event_name(auth_audit_event event); /* "auth_success" */

/* A member of "details": text, or a number where text is NULL. */
typedef struct auth_audit_detail {
  const char *name;
  const char *text;
  int64_t number;
} auth_audit_detail;

/* Borrowed for the call. Texts may be NULL: null in the line. */
typedef struct auth_audit_record {
  auth_audit_event event;
  const char *user_name;
  const char *source_ip;
  const char *resource; /* a table, a query, a route */
  const char *action;   /* read, write, delete, extract… */
  const char *status;   /* success, failure, denied, blocked… */
  const auth_audit_detail *details;
  size_t detail_count;
} auth_audit_record;

/* Where the settings want it: AUDIT_FILE, or audit.jsonl in BRIDGE_DATA_DIR; "-" is stdout. The
 * caller frees. */
br_status auth_audit_path(const settings *s, char **ret_path, br_error *err) BR_CHECKED;

/* Opens or creates the file (mode 0640) and its folder; "-": stdout. */
br_status auth_audit_open(const char *path, auth_audit **ret_audit, br_error *err) BR_CHECKED;
void auth_audit_close(auth_audit *audit); /* NULL is fine */

/* Writes the line; a pipe's reader that has stopped to read is waited for once, for a second, until
 * it reads again. On failure nothing is audited: in strict mode the action must then fail too. A
 * line that was cut by a full disk ends where the next one begins. */
br_status auth_audit_write(auth_audit *audit, const auth_audit_record *record,
                           br_error *err) BR_CHECKED;
/* Opens the path again, on request (SIGHUP). On failure the old file stays open. */
br_status auth_audit_reopen(auth_audit *audit, br_error *err) BR_CHECKED;

#endif
