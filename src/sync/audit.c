#include "sync/audit.h"

static auth_audit_event kind_of(const sync_applied *applied) {
  if (applied == NULL) {
    return AUTH_AUDIT_SYNC_STARTED;
  }
  switch (applied->report.status) {
  case SYNC_COMPLETED:
    return AUTH_AUDIT_SYNC_COMPLETED;
  case SYNC_BLOCKED:
    return AUTH_AUDIT_DELETE_BLOCKED;
  default:
    return AUTH_AUDIT_SYNC_FAILED;
  }
}

static const char *word_of(auth_audit_event kind) {
  switch (kind) {
  case AUTH_AUDIT_SYNC_STARTED:
    return "started";
  case AUTH_AUDIT_SYNC_COMPLETED:
    return "success";
  case AUTH_AUDIT_DELETE_BLOCKED:
    return "blocked";
  default:
    return "failure";
  }
}

void sync_audit_describe(const sync_event *event, const char *principal,
                         const sync_applied *applied, sync_audit_line *ret_line) {
  sync_audit_line *line = ret_line;
  const bool known = event->problem == NULL;
  const char *message = applied == NULL ? NULL : applied->report.error_message;
  *line = (sync_audit_line){.table = ""};
  if (known) {
    sync_name_plain(&event->target, line->table);
  }
  line->details[0] = (auth_audit_detail){.name = "event_id",
                                         .text = event->event_id == NULL ? "" : event->event_id};
  if (applied != NULL) {
    line->details[1] =
        (auth_audit_detail){.name = "rows_affected", .number = applied->report.rows_affected};
    line->details[2] = (auth_audit_detail){.name = "message", .text = message};
  }
  const auth_audit_event kind = kind_of(applied);
  line->record = (auth_audit_record){.event = kind,
                                     .user_name = principal[0] == '\0' ? NULL : principal,
                                     .resource = known ? line->table : NULL,
                                     .action = known ? sync_operation_name(event->operation) : NULL,
                                     .status = word_of(kind),
                                     .details = line->details,
                                     .detail_count = applied == NULL   ? 1
                                                     : message == NULL ? 2
                                                                       : 3};
}
