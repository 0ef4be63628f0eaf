/*
 * engine_describe.c: SET FMTONLY ON: a batch is looked at, not run. What gives rows tells its
 * columns, what would change anything does nothing, every branch is gone through once.
 */
#include "sandbox/engine_internal.h"

/* The other list is looked at behind the first one. */
static br_status push_both(engine_session *s, const sql_stmt *first, const sql_stmt *other,
                           br_error *err) {
  br_status st = other == NULL ? BR_OK : engine_frame_push(s, (engine_frame){.next = other}, err);
  return st == BR_OK ? engine_frame_push(s, (engine_frame){.next = first}, err) : st;
}

br_status engine_describe(engine_session *s, const sql_stmt *stmt, bool *ret_done, br_error *err) {
  *ret_done = true;
  switch (stmt->kind) {
  case SQL_S_IF:
  case SQL_S_TRY:
    return push_both(s, stmt->body, stmt->other_body, err);
  case SQL_S_WHILE:
    return engine_frame_push(s, (engine_frame){.next = stmt->body}, err);
  case SQL_S_SELECT: /* these look at s->fmtonly themselves: their columns and names are told */
  case SQL_S_INSERT:
  case SQL_S_UPDATE:
  case SQL_S_DELETE:
  case SQL_S_MERGE:
  case SQL_S_EXECUTE:
  case SQL_S_BLOCK:
  case SQL_S_DECLARE: /* these change nothing but the session */
  case SQL_S_SET_VARIABLE:
  case SQL_S_SET_OPTION:
  case SQL_S_USE:
  case SQL_S_NOTHING:
    *ret_done = false;
    return BR_OK;
  default:
    return BR_OK;
  }
}

bool engine_session_set_fmtonly(engine_session *s, bool on) {
  bool before = s->fmtonly;
  s->fmtonly = on;
  return before;
}
