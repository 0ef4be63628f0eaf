/*
 * audit.h: what the audit says of an event: that it begins, and how it ended.
 */
#ifndef SYNC_AUDIT_H
#define SYNC_AUDIT_H

#include "auth/audit.h"
#include "sync/apply.h"

enum { SYNC_AUDIT_DETAILS = 3 };

/* A line and what it borrows from; it must stay where it is. */
typedef struct sync_audit_line {
  char table[SYNC_NAME_TEXT_MAX];
  auth_audit_detail details[SYNC_AUDIT_DETAILS];
  auth_audit_record record;
} sync_audit_line;

/* principal: in whose name, "" = not known; applied NULL: the event begins. Borrowed from all. */
void sync_audit_describe(const sync_event *event, const char *principal,
                         const sync_applied *applied, sync_audit_line *ret_line);

#endif
