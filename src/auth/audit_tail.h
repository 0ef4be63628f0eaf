/*
 * audit_tail.h: the last lines of an audit file, for showing.
 */
#ifndef AUTH_AUDIT_TAIL_H
#define AUTH_AUDIT_TAIL_H

#include "base/status.h"

/* How far back from the file's end is looked. */
enum { AUTH_AUDIT_TAIL_MAX = 8 * 1024 * 1024 };

/* Hands the lines of the last AUTH_AUDIT_TAIL_MAX bytes to `take` (without their ends, not empty;
 * borrowed for the call), the last one first, until it says false. A line that is still being
 * written, or that begins before those bytes, is left out. A file that is not there has no lines.
 * Only this file is read, not those that rotation has put away. */
br_status auth_audit_tail(const char *path,
                          bool (*take)(void *context, const char *line, size_t length),
                          void *context, br_error *err) BR_CHECKED;

#endif
