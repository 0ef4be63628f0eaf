/*
 * engine_run.c: a batch: its statements one after another, control of flow, TRY and CATCH, and what
 * an error ends: the statement, the batch, the transaction.
 */
#define ENGINE_RUN_IMPLEMENTATION
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"
#include "sandbox/sql/parser.h"
#include "store/store.h"

/* The bits of @@OPTIONS: ANSI_WARNINGS, ANSI_PADDING, ANSI_NULLS, ARITHABORT, ANSI_NULL_DFLT_ON and
 * CONCAT_NULL_YIELDS_NULL are always on. */
static int32_t options_of(const engine_session *s) {
  return (8 | 16 | 32 | 64 | 1024 | 4096) | (s->quoted_identifier ? 256 : 0) |
         (s->nocount ? 512 : 0) | (s->xact_abort ? 16384 : 0);
}

sql_binder engine_binder(engine_session *s) {
  s->environment.options = options_of(s);
  s->environment.trancount = s->trancount;
  s->environment.lock_timeout_ms = s->lock_timeout_ms;
  s->environment.doomed = s->doomed;
  return (sql_binder){.context = &s->context,
                      .names = {.db = s->db, .database = s->database, .schema = s->schema},
                      .environment = &s->environment,
                      .is_tsql = s->owner->dialect == ENGINE_TSQL};
}

br_status engine_context_failed(engine_session *s, br_error *err) {
  switch (s->context.status) {
  case BR_ERR_REMOTE:
    s->error = s->context.error;
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  case BR_OK:
    return br_error_set(err, BR_ERR_INTERNAL, "The sandbox's binder failed without a reason");
  case BR_ERR_NOMEM:
    return br_error_nomem(err);
  default:
    return br_error_set(err, s->context.status, "%s", s->context.error.message);
  }
}

/* SQLite's words for what the engine let through: a limit, or a hole in the binder. */
static br_status refuse(engine_session *s, br_error *err) {
  if (s->owner->dialect == ENGINE_TSQL) {
    sql_error_set(&s->error, 40517, 16, "The sandbox can't run this statement: %.600s.",
                  sqlite3_errmsg(s->db));
  } else {
    sql_error_condition(&s->error, "UNSUPPORTED_FEATURE", "0A000",
                        "The sandbox can't run this statement: %.600s.", sqlite3_errmsg(s->db));
  }
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

br_status engine_step_failed(engine_session *s, br_error *err) {
  int code = sqlite3_extended_errcode(s->db);
  if (s->runtime.raised) {
    s->runtime.raised = false;
    s->error = s->runtime.error;
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  if (s->runtime.failed != BR_OK) {
    br_status st = s->runtime.failed;
    s->runtime.failed = BR_OK;
    return st == BR_ERR_NOMEM ? br_error_nomem(err)
                              : br_error_set(err, st, "A value failed: %s", br_status_name(st));
  }
  switch (code & 0xff) {
  case SQLITE_INTERRUPT:
    return br_error_set(err, BR_ERR_CANCELLED, "Cancelled");
  case SQLITE_BUSY:
    if (s->owner->dialect == ENGINE_TSQL) {
      bool snapshot = code == SQLITE_BUSY_SNAPSHOT;
      sql_error_set(&s->error, snapshot ? 3960 : 1222, 16,
                    snapshot ? "Snapshot isolation transaction aborted due to update conflict. The "
                               "data changed since the transaction began."
                             : "Lock request time out period exceeded.");
    } else {
      sql_error_condition(&s->error, "DELTA_CONCURRENT_APPEND", "2D521",
                          "Another statement is writing. Please retry the operation.");
    }
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  case SQLITE_ERROR:
  case SQLITE_TOOBIG:
  case SQLITE_MISMATCH:
    return refuse(s, err);
  default:
    return store_error(s->db, "SQLite", err);
  }
}

int64_t engine_schema_version(engine_session *s) {
  sqlite3_stmt *stmt = NULL;
  int64_t version = -1;
  if (sqlite3_prepare_v2(s->db, "PRAGMA main.schema_version", -1, &stmt, NULL) == SQLITE_OK &&
      sqlite3_step(stmt) == SQLITE_ROW) {
    version = sqlite3_column_int64(stmt, 0);
  }
  (void)sqlite3_finalize(stmt);
  return version;
}

static br_status bind_variables(engine_session *s, sqlite3_stmt *stmt, br_error *err) {
  int most = sqlite3_bind_parameter_count(stmt);
  for (const sql_variable *v = s->environment.variables; v != NULL; v = v->next) {
    if (v->number <= most && sql_value_bind(stmt, v->number, &v->value) != SQLITE_OK) {
      return store_error(s->db, "Variable", err);
    }
  }
  return BR_OK;
}

br_status engine_prepare(engine_session *s, const char *sql, sqlite3_stmt **ret_stmt,
                         br_error *err) {
  sqlite3_stmt *stmt = NULL;
  if (sql == NULL) {
    return br_error_nomem(err);
  }
  if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
    return engine_step_failed(s, err);
  }
  br_status st = bind_variables(s, stmt, err);
  if (st != BR_OK) {
    (void)sqlite3_finalize(stmt);
    return st;
  }
  *ret_stmt = stmt;
  return BR_OK;
}

static br_status evaluate_text(engine_session *s, const char *sql, sql_value *ret_value,
                               br_error *err) {
  sqlite3_stmt *stmt = NULL;
  br_status st = engine_read_begin(s, sql, err);
  if (st != BR_OK) {
    return st;
  }
  st = engine_prepare(s, sql_text(&s->context, "SELECT %s", sql), &stmt, err);
  if (st != BR_OK) {
    return st;
  }
  if (sqlite3_step(stmt) != SQLITE_ROW) {
    st = engine_step_failed(s, err);
  } else {
    sql_value value = sql_value_of_column(stmt, 0);
    if (value.form == SQL_FORM_TEXT || value.form == SQL_FORM_BLOB) {
      value.p = sql_copy(&s->context, value.p, value.n);
    }
    *ret_value = value;
    st = s->context.status == BR_OK ? BR_OK : engine_context_failed(s, err);
  }
  (void)sqlite3_finalize(stmt);
  return st;
}

br_status engine_evaluate(engine_session *s, const sql_expr *expr, const sql_type *as,
                          sql_value *ret_value, br_error *err) {
  sql_binder b = engine_binder(s);
  sql_bound *bound = bind_value(&b, expr);
  bound =
      bound == NULL ? NULL : bind_convert(&b, bound, as, SQL_IMPLICIT, SQL_STYLE_NONE, expr->line);
  return bound == NULL ? engine_context_failed(s, err)
                       : evaluate_text(s, bound->sql, ret_value, err);
}

br_status engine_evaluate_condition(engine_session *s, const sql_expr *expr, bool *ret_true,
                                    br_error *err) {
  sql_binder b = engine_binder(s);
  sql_value value = sql_value_null();
  const char *sql = bind_condition(&b, expr);
  if (sql == NULL) {
    return engine_context_failed(s, err);
  }
  br_status st = evaluate_text(s, sql, &value, err);
  *ret_true = st == BR_OK && value.form == SQL_FORM_INTEGER && value.i != 0;
  return st;
}

void engine_queue_message(engine_session *s, int32_t number, uint8_t severity, const char *text) {
  if (s->queue_count < ENGINE_QUEUE_MAX) {
    sql_error_set(&s->queue[s->queue_count], number, severity, "%s", text);
    s->queue[s->queue_count++].line = s->error.line;
  }
}

/* ---- beginning ---- */

br_status engine_frame_push(engine_session *s, engine_frame frame, br_error *err) {
  if (s->frame_count == ENGINE_FRAMES_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "Statements are nested too deeply");
  }
  s->frames[s->frame_count++] = frame;
  return BR_OK;
}

static br_status add_parameter(engine_session *s, const engine_parameter *p, br_error *err) {
  sql_type type;
  const sql_type text =
      sql_type_text(s->owner->dialect == ENGINE_TSQL ? SQL_NVARCHAR : SQL_STRING, SQL_LENGTH_MAX);
  sql_variable *v = NULL;
  br_status st = s->owner->dialect == ENGINE_TSQL ? sql_type_of_spec(&p->type, &type, err)
                                                  : engine_parameter_type(p, &type, err);
  if (st == BR_OK) {
    st = engine_variable_add(s, p->name, &type, &v, err);
  }
  if (st != BR_OK || p->value == NULL) {
    return st;
  }
  sql_value value = sql_value_text(p->value, p->value_length);
  bool binary = sql_type_family(type.kind) == SQL_FAMILY_BINARY;
  if (binary) { /* its own form is the bytes */
    value = sql_value_blob(p->value, p->value_length);
  }
  return engine_variable_set(s, v, binary ? &type : &text, &value, err);
}

static void begin_context(engine_session *s) {
  sql_arena_done(&s->statement_arena);
  s->context = (sql_context){.dialect = s->owner->dialect,
                             .arena = &s->statement_arena,
                             .quoted_identifier = s->quoted_identifier};
  s->runtime.now_us = br_clock_wall_us();
  s->runtime.raised = false;
  s->runtime.failed = BR_OK;
}

/* SQL Server compiles a batch before it runs: a column that isn't there stops it all; an object
 * that isn't there yet may come. */
static br_status check_batch(engine_session *s, const sql_stmt *stmts, br_error *err) {
  for (const sql_stmt *stmt = stmts; stmt != NULL; stmt = stmt->next) {
    br_status st = BR_OK;
    if (stmt->kind == SQL_S_DECLARE || stmt->kind == SQL_S_USE) {
      break; /* what follows depends on it: found when it runs */
    }
    begin_context(s);
    st = engine_check_statement(s, stmt, err);
    if (st == BR_ERR_REMOTE) {
      switch (s->error.number) {
      case 102:
      case 156:
      case 207:
      case 209:
      case 4104:
      case 8120:
        return st;
      default:
        br_error_clear(err);
        st = BR_OK;
        break;
      }
    }
    if (st != BR_OK) {
      return st;
    }
    if (stmt->kind != SQL_S_SELECT && stmt->kind != SQL_S_INSERT && stmt->kind != SQL_S_UPDATE &&
        stmt->kind != SQL_S_DELETE && stmt->kind != SQL_S_SET_OPTION && stmt->kind != SQL_S_PRINT) {
      break;
    }
  }
  return BR_OK;
}

br_status engine_push_text(engine_session *s, const sql_stmt *stmts, br_error *err) {
  br_status st = check_batch(s, stmts, err);
  if (st == BR_OK) {
    begin_context(s);
    st = engine_frame_push(s, (engine_frame){.next = stmts}, err);
  } else if (st == BR_ERR_REMOTE) {
    s->context.status = BR_OK; /* ends the text, not the batch */
  }
  return st;
}

/* A parameter of a character type, for IDENTIFIER. */
static const char *parameter_text(const void *owner, const char *name) {
  const engine_session *s = owner;
  for (const sql_variable *v = s->environment.variables; v != NULL; v = v->next) {
    if (br_text_equal_nocase(v->name, name) && v->value.form == SQL_FORM_TEXT) {
      return v->value.p;
    }
  }
  return NULL;
}

static br_status begin_batch(engine_session *s, const char *sql, size_t length,
                             const engine_parameter *parameters, size_t parameter_count,
                             br_error *err) {
  sql_stmt *stmts = NULL;
  s->batch_text = br_strndup(sql, length);
  if (s->batch_text == NULL) {
    return br_error_nomem(err);
  }
  begin_context(s);
  for (size_t i = 0; i < parameter_count; i++) {
    br_status st = add_parameter(s, &parameters[i], err);
    if (st != BR_OK) {
      return st;
    }
  }
  s->context.arena = &s->batch_arena;
  s->context.text = s->batch_text;
  s->context.length = length;
  s->context.parameter_text = parameter_text;
  s->context.owner = s;
  if (sql_parse(&s->context, &stmts) != BR_OK) {
    return engine_context_failed(s, err);
  }
  if (s->owner->dialect == ENGINE_TSQL) {
    br_status st = check_batch(s, stmts, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return engine_frame_push(s, (engine_frame){.next = stmts}, err);
}

br_status engine_execute(engine_session *s, const char *sql, size_t length,
                         const engine_parameter *parameters, size_t parameter_count,
                         br_cancel *cancel, br_error *err) {
  engine_batch_done(s);
  s->cancel = cancel;
  s->batch_over = false;
  s->statement_kind = "";
  memset(&s->error, 0, sizeof s->error);
  br_status st = begin_batch(s, sql, length, parameters, parameter_count, err);
  if (st == BR_ERR_REMOTE) { /* the text's own fault is the batch's only result */
    br_error_clear(err);
    s->queue[0] = s->error;
    s->queue_count = 1;
    engine_frames_cut(s, 0);
    return BR_OK;
  }
  return st;
}

/* ---- errors ---- */

/* Failed conversions end the batch and its transaction. */
static bool ends_batch(const engine_session *s) {
  static const int32_t numbers[] = {235, 241,  242,  244,  245,  248, 295,
                                    296, 8114, 8169, 8170, 1205, 3960};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (s->error.number == numbers[i]) {
      return true;
    }
  }
  return s->owner->dialect == ENGINE_DATABRICKS;
}

static bool is_dml(const sql_stmt *stmt) {
  return stmt->kind == SQL_S_INSERT || stmt->kind == SQL_S_UPDATE || stmt->kind == SQL_S_DELETE ||
         stmt->kind == SQL_S_MERGE;
}

/* An error inside TRY goes to its CATCH. */
static bool catch_error(engine_session *s) {
  for (int i = s->frame_count; i-- > 0;) {
    const sql_stmt *try_ = s->frames[i].try_;
    if (try_ != NULL) {
      engine_frames_cut(s, i);
      engine_frame_catch(s, try_->other_body);
      return true;
    }
  }
  return false;
}

static bool in_try(const engine_session *s) {
  for (int i = 0; i < s->frame_count; i++) {
    if (s->frames[i].try_ != NULL) {
      return true;
    }
  }
  return false;
}

/* Decides what a failed statement ends; true: the error is to be reported. */
static bool handle_error(engine_session *s, const sql_stmt *stmt, bool compile) {
  if (s->error.line <= 1) {
    s->error.line = stmt->line;
  }
  s->environment.error_number = s->error.number;
  s->environment.rowcount = 0;
  bool fatal = compile || ends_batch(s);
  bool rolls_back = (!compile && ends_batch(s)) ||
                    (s->xact_abort && s->error.number != 0 && stmt->kind != SQL_S_RAISERROR);
  if (rolls_back && s->trancount > 0) {
    if (in_try(s)) {
      s->doomed = true; /* the CATCH has to roll it back */
    } else {
      engine_rollback_all(s);
    }
  }
  if (catch_error(s)) {
    return false;
  }
  if (stmt->kind == SQL_S_THROW || s->xact_abort) {
    fatal = fatal || stmt->kind != SQL_S_RAISERROR;
  }
  if (fatal) {
    engine_frames_cut(s, 0);
  }
  if (is_dml(stmt) && !compile && !ends_batch(s) && s->owner->dialect == ENGINE_TSQL) {
    engine_queue_message(s, 3621, 0, "The statement has been terminated.");
  }
  return true;
}

bool engine_rows_failed(engine_session *s) {
  const sql_stmt select = {.kind = SQL_S_SELECT, .line = s->rows_line};
  return handle_error(s, &select, false);
}

/* ---- running ---- */

static br_status run_flow(engine_session *s, const sql_stmt *stmt, bool *ret_done, br_error *err) {
  bool truth = false;
  br_status st = BR_OK;
  *ret_done = true;
  switch (stmt->kind) {
  case SQL_S_IF:
    st = engine_evaluate_condition(s, stmt->expr, &truth, err);
    if (st == BR_OK && (truth || stmt->other_body != NULL)) {
      st = engine_frame_push(s, (engine_frame){.next = truth ? stmt->body : stmt->other_body}, err);
    }
    return st;
  case SQL_S_WHILE:
    st = engine_evaluate_condition(s, stmt->expr, &truth, err);
    return st == BR_OK && truth
               ? engine_frame_push(s, (engine_frame){.next = stmt->body, .loop = stmt}, err)
               : st;
  case SQL_S_BLOCK:
    return engine_frame_push(s, (engine_frame){.next = stmt->body}, err);
  case SQL_S_TRY:
    return engine_frame_push(s, (engine_frame){.next = stmt->body, .try_ = stmt}, err);
  case SQL_S_BREAK:
  case SQL_S_CONTINUE:
    while (s->frame_count > engine_call_frame(s) + 1 && s->frame_count > 0 &&
           s->frames[s->frame_count - 1].loop == NULL) {
      engine_frame_pop(s);
    }
    if (s->frame_count == 0 || s->frames[s->frame_count - 1].loop == NULL) {
      sql_error_set(&s->error, stmt->kind == SQL_S_BREAK ? 135 : 136, 15,
                    "Cannot use a %s statement outside the scope of a WHILE statement.",
                    stmt->kind == SQL_S_BREAK ? "BREAK" : "CONTINUE");
      return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
    }
    if (stmt->kind == SQL_S_BREAK) {
      engine_frame_pop(s);
    } else {
      s->frames[s->frame_count - 1].next = NULL;
    }
    return BR_OK;
  case SQL_S_RETURN: /* leaves the text, or the batch */
    engine_frames_cut(s, engine_call_frame(s) + 1);
    if (s->frame_count > 0) {
      s->frames[s->frame_count - 1] = (engine_frame){.next = NULL};
    }
    return BR_OK;
  default:
    *ret_done = false;
    return BR_OK;
  }
}

static br_status run_statement(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                               br_error *err) {
  bool done = false;
  *ret_outcome = ENGINE_OUTCOME_SILENT;
  br_status st = s->fmtonly ? engine_describe(s, stmt, &done, err) : BR_OK;
  if (st == BR_OK && !done) {
    st = run_flow(s, stmt, &done, err);
  }
  if (done || st != BR_OK) {
    return st;
  }
  switch (stmt->kind) {
  case SQL_S_SELECT:
    return engine_select(s, stmt, ret_outcome, err);
  case SQL_S_INSERT:
  case SQL_S_UPDATE:
  case SQL_S_DELETE:
  case SQL_S_MERGE:
    *ret_outcome = ENGINE_OUTCOME_COUNT;
    return engine_dml(s, stmt, ret_outcome, err);
  case SQL_S_BEGIN_TRAN:
  case SQL_S_COMMIT:
  case SQL_S_ROLLBACK:
  case SQL_S_SAVE:
    *ret_outcome = ENGINE_OUTCOME_NONE;
    return engine_transaction(s, stmt, err);
  case SQL_S_SET_OPTION:
  case SQL_S_SET_VARIABLE:
  case SQL_S_DECLARE:
  case SQL_S_PRINT:
  case SQL_S_RAISERROR:
  case SQL_S_THROW:
  case SQL_S_USE:
  case SQL_S_EXECUTE:
  case SQL_S_WAITFOR:
  case SQL_S_NOTHING:
    return engine_option(s, stmt, ret_outcome, err);
  default:
    *ret_outcome = stmt->query != NULL && stmt->kind == SQL_S_CREATE_TABLE ? ENGINE_OUTCOME_COUNT
                                                                           : ENGINE_OUTCOME_NONE;
    return engine_ddl(s, stmt, err);
  }
}

/* The statement to run next; NULL: the batch has ended. */
static const sql_stmt *next_statement(engine_session *s, br_status *ret_status, br_error *err) {
  while (s->frame_count > 0) {
    engine_frame *f = &s->frames[s->frame_count - 1];
    if (f->next != NULL) {
      const sql_stmt *stmt = f->next;
      f->next = stmt->next;
      return stmt;
    }
    if (f->loop != NULL) {
      const sql_stmt *loop = f->loop;
      bool truth = false;
      begin_context(s);
      s->keeps_locks = loop->keeps_locks;
      *ret_status = br_cancel_check(s->cancel, err);
      if (*ret_status == BR_OK) {
        *ret_status = engine_evaluate_condition(s, loop->expr, &truth, err);
      }
      if (*ret_status != BR_OK) {
        engine_frame_pop(s); /* the failure ends the loop */
        return loop;
      }
      if (truth) {
        f->next = loop->body;
        continue;
      }
    }
    engine_frame_pop(s);
    if (s->calls != NULL && engine_call_frame(s) == s->frame_count) {
      const sql_stmt *stmt = engine_call_statement(s);
      begin_context(s);
      *ret_status = engine_call_end(s, err);
      if (*ret_status != BR_OK) {
        return stmt;
      }
    }
  }
  return NULL;
}

static bool take_message(engine_session *s, engine_result_kind *ret_kind) {
  if (s->queue_count == 0) {
    return false;
  }
  s->error = s->queue[0];
  s->queue_count--;
  memmove(s->queue, s->queue + 1, (size_t)s->queue_count * sizeof s->queue[0]);
  *ret_kind =
      s->error.severity > 10 || s->error.condition[0] != '\0' ? ENGINE_ERROR : ENGINE_MESSAGE;
  return true;
}

/* True: *ret_kind is to be told to the caller. */
static bool report(engine_outcome outcome, engine_result_kind *ret_kind) {
  switch (outcome) {
  case ENGINE_OUTCOME_ROWS:
    *ret_kind = ENGINE_ROWS;
    return true;
  case ENGINE_OUTCOME_COUNT:
    *ret_kind = ENGINE_COUNT;
    return true;
  case ENGINE_OUTCOME_NONE:
    *ret_kind = ENGINE_NONE;
    return true;
  default:
    return false;
  }
}

/* Rows that the caller left unread still count. */
static void finish_rows(engine_session *s) {
  if (s->rows != NULL) {
    s->environment.rowcount = (int64_t)s->rows_read;
  }
  engine_rows_done(s);
}

br_status engine_next_result(engine_session *s, engine_result_kind *ret_kind, br_error *err) {
  finish_rows(s);
  for (;;) {
    br_status st = BR_OK;
    if (take_message(s, ret_kind)) {
      return BR_OK;
    }
    const sql_stmt *stmt = next_statement(s, &st, err);
    if (stmt == NULL && s->doomed) {
      engine_rollback_all(s);
      sql_error_set(&s->error, 3998, 16,
                    "Uncommittable transaction is detected at the end of the batch. The "
                    "transaction is rolled back.");
      *ret_kind = ENGINE_ERROR;
      return BR_OK;
    }
    if (stmt == NULL) {
      s->cancel = NULL; /* its owner may free it now */
      return BR_DONE;
    }
    /* Asked only where something is left to do: what is done is not called cancelled. */
    st = st == BR_OK ? br_cancel_check(s->cancel, err) : st;
    engine_outcome outcome = ENGINE_OUTCOME_SILENT;
    if (st == BR_OK) {
      begin_context(s);
      memset(&s->error, 0, sizeof s->error);
      s->rows_affected = 0;
      s->keeps_locks = stmt->keeps_locks;
      s->rows_line = stmt->line;
      st = run_statement(s, stmt, &outcome, err);
    }
    if (st != BR_OK) {
      engine_forget_lost(s);
    }
    if (st == BR_ERR_REMOTE) {
      br_error_clear(err);
      if (handle_error(s, stmt, s->context.status == BR_ERR_REMOTE)) {
        *ret_kind = ENGINE_ERROR;
        return BR_OK;
      }
      continue;
    }
    if (st != BR_OK) {
      return st;
    }
    if (stmt->kind != SQL_S_DECLARE && stmt->kind != SQL_S_IF && stmt->kind != SQL_S_WHILE) {
      s->environment.error_number = 0;
    }
    if (report(outcome, ret_kind)) {
      return BR_OK;
    }
  }
}

static void end_batch(engine_session *s, bool rolls_back) {
  engine_batch_done(s);
  engine_forget_lost(s);
  if ((rolls_back && s->trancount > 0) || s->doomed) {
    engine_rollback_all(s);
  }
}

void engine_abandon(engine_session *s) {
  end_batch(s, s->xact_abort);
}

void engine_strike(engine_session *s, int32_t number) {
  s->error.number = number;
  end_batch(s, s->xact_abort || ends_batch(s));
}
