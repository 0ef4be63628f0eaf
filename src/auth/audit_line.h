/*
 * audit_line.h: the text of one line of the audit.
 */
#ifndef AUTH_AUDIT_LINE_H
#define AUTH_AUDIT_LINE_H

#include "auth/audit.h"

/* Makes "\n{…}\n" in out (initialised here; the caller frees on BR_OK): at most AUTH_AUDIT_LINE_MAX
 * bytes, whatever the record holds. */
br_status auth_audit_line(const auth_audit_record *record, int64_t wall_us, br_buf *out,
                          br_error *err) BR_CHECKED;

#endif
