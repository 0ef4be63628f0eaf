/*
 * What the engine gives, as tokens. A DONE waits until it is known whether something follows it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sandbox/tds_session.h"

enum {
  BATCH_ROWS = 512,
  BATCH_ROWS_LARGE = 8, /* where a cell can be of any size */
  KEEP_BYTES = 4 * 1024 * 1024,
  OWN_ERROR = 50000, /* failures of our own side that are no error of SQL Server's */
  DEADLOCK = 1205,
  NO_SPACE = 1105, /* a filegroup is full */
  NO_MEMORY = 701,
};

br_status tds_answer_begin(tds_answer *a, tds_session *s, tds_token done, const char *sql,
                           br_error *err) {
  *a = (tds_answer){.session = s, .done = done, .sql = sql};
  tds_writer_begin(&s->writer, TDS_PACKET_RESPONSE, 0);
  if (!s->reset) {
    return BR_OK;
  }
  s->reset = false;
  br_status st = tds_put_env_bytes(&s->writer, TDS_ENV_RESET_ACK, NULL, 0, NULL, 0, err);
  return st == BR_OK ? tds_answer_environment(a, NULL, err) : st; /* a transaction that it ended */
}

void tds_answer_set_done(tds_answer *a, uint16_t status, uint16_t command, uint64_t rows) {
  a->pending = true;
  a->status = status;
  a->command = command;
  a->rows = rows;
}

br_status tds_answer_flush(tds_answer *a, bool more, br_error *err) {
  if (!a->pending) {
    return BR_OK;
  }
  a->pending = false;
  uint16_t status = (uint16_t)(a->status | (more ? TDS_DONE_MORE : 0) |
                               (a->session->descriptor != 0 ? TDS_DONE_INXACT : 0));
  return tds_put_done(&a->session->writer, a->done, status, a->command, a->rows, err);
}

br_status tds_answer_end(tds_answer *a, br_error *err) {
  if (!a->pending) {
    tds_answer_set_done(a, a->failed ? TDS_DONE_ERROR : 0, 0, 0);
  }
  br_status st = tds_answer_flush(a, false, err);
  return st == BR_OK ? tds_writer_end(&a->session->writer, err) : st;
}

static br_status put_error(tds_answer *a, const engine_error *e, br_error *err) {
  tds_server_error message = {
      .number = e->number, .state = e->state, .severity = e->severity, .line = e->line};
  (void)snprintf(message.server, sizeof message.server, "%s", SANDBOX_SERVER_NAME);
  (void)snprintf(message.message, sizeof message.message, "%s", e->message);
  return tds_put_message(&a->session->writer, &message, err);
}

br_status tds_answer_error(tds_answer *a, const engine_error *e, br_error *err) {
  br_status st = tds_answer_flush(a, true, err);
  if (st == BR_OK) {
    st = put_error(a, e, err);
  }
  if (e->severity > 10) {
    a->failed = true;
    tds_answer_set_done(a, TDS_DONE_ERROR, 0, 0);
  }
  return st;
}

br_status tds_answer_refuse(tds_answer *a, int32_t number, uint8_t severity, br_error *err,
                            const char *format, ...) {
  engine_error e = {.number = number, .state = 1, .severity = severity, .line = 1};
  va_list args;
  va_start(args, format);
  (void)vsnprintf(e.message, sizeof e.message, format, args);
  va_end(args);
  return tds_answer_error(a, &e, err);
}

br_status tds_answer_failure(tds_answer *a, br_status st, br_error *err) {
  if (st == BR_ERR_NETWORK || st == BR_ERR_PROTOCOL || st == BR_ERR_TIMEOUT ||
      st == BR_ERR_CANCELLED) {
    return st;
  }
  br_error own = BR_ERROR_INIT;
  const bool full = st == BR_ERR_DISK_FULL;
  const bool resource = full || st == BR_ERR_NOMEM;
  br_status sent = tds_answer_refuse(a,
                                     full       ? NO_SPACE
                                     : resource ? NO_MEMORY
                                                : OWN_ERROR,
                                     resource ? 17 : 16, &own, "%.900s",
                                     err != NULL ? err->message : br_status_name(st));
  return sent == BR_OK ? BR_OK : br_error_set(err, sent, "%s", own.message);
}

/* What changed outside the result itself. */

static br_status put_database(tds_answer *a, br_error *err) {
  tds_session *s = a->session;
  const char *now = engine_session_database(s->engine);
  tds_server_error message = {.number = 5701, .state = 1, .line = 1};
  if (now == NULL || strcmp(now, s->database) == 0) {
    return BR_OK;
  }
  br_status st = tds_put_env_text(&s->writer, TDS_ENV_DATABASE, now, s->database, err);
  (void)snprintf(s->database, sizeof s->database, "%s", now);
  (void)snprintf(message.server, sizeof message.server, "%s", SANDBOX_SERVER_NAME);
  (void)snprintf(message.message, sizeof message.message, "Changed database context to '%s'.",
                 s->database);
  return st == BR_OK ? tds_put_message(&s->writer, &message, err) : st;
}

br_status tds_answer_environment(tds_answer *a, const char *kind, br_error *err) {
  tds_session *s = a->session;
  const bool open = engine_in_transaction(s->engine);
  uint8_t bytes[8];
  br_status st = tds_answer_flush(a, true, err);
  if (st == BR_OK) {
    st = put_database(a, err);
  }
  if (st != BR_OK || open == (s->descriptor != 0)) {
    return st;
  }
  if (open) {
    s->descriptor = ++s->next_descriptor;
    br_store_u64le(bytes, s->descriptor);
    return tds_put_env_bytes(&s->writer, TDS_ENV_BEGIN_TRANSACTION, bytes, sizeof bytes, NULL, 0,
                             err);
  }
  br_store_u64le(bytes, s->descriptor);
  s->descriptor = 0;
  return tds_put_env_bytes(&s->writer,
                           kind != NULL && br_text_starts_with(kind, "COMMIT")
                               ? TDS_ENV_COMMIT_TRANSACTION
                               : TDS_ENV_ROLLBACK_TRANSACTION,
                           NULL, 0, bytes, sizeof bytes, err);
}

static bool has_changed(const tds_session *s) {
  return engine_in_transaction(s->engine) != (s->descriptor != 0) ||
         strcmp(engine_session_database(s->engine), s->database) != 0;
}

/* An error on purpose: the batch is over, and the transaction is as after a real one. */
static br_status strike(tds_answer *a, int32_t number, uint8_t severity, br_error *err,
                        const char *message) {
  engine_strike(a->session->engine, number);
  br_status st = has_changed(a->session) ? tds_answer_environment(a, NULL, err) : BR_OK;
  return st == BR_OK ? tds_answer_refuse(a, number, severity, err, "%s", message) : st;
}

static uint16_t command_of(const char *kind) {
  static const struct {
    const char *kind;
    uint16_t command;
  } commands[] = {
      {"SELECT", TDS_COMMAND_SELECT}, {"INSERT", TDS_COMMAND_INSERT},
      {"DELETE", TDS_COMMAND_DELETE}, {"UPDATE", TDS_COMMAND_UPDATE},
      {"MERGE", TDS_COMMAND_MERGE},
  };
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (kind != NULL && strcmp(commands[i].kind, kind) == 0) {
      return commands[i].command;
    }
  }
  return 0;
}

/* Rows. */

typedef struct row_faults {
  sandbox_fault close, stall, garbage, error; /* value: the row, 1-based; 0 = none */
} row_faults;

static void find_faults(const tds_answer *a, row_faults *f) {
  const struct {
    sandbox_fault_action action;
    sandbox_fault *fault;
  } kinds[] = {{SANDBOX_FAULT_TDS_CLOSE_ROW, &f->close},
               {SANDBOX_FAULT_TDS_STALL_ROW, &f->stall},
               {SANDBOX_FAULT_TDS_GARBAGE_ROW, &f->garbage},
               {SANDBOX_FAULT_TDS_ERROR_ROW, &f->error}};
  *f = (row_faults){.close = {.value = 0}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    (void)sandbox_fault_strikes(a->session->server->options.faults, kinds[i].action, a->sql, NULL,
                                kinds[i].fault);
  }
}

/* The row that lies in the packet from `start` on is cut in half and sent; then the fault. */
static br_status break_row(tds_answer *a, size_t start, tds_fault_kind kind, br_error *err) {
  static const uint8_t garbage[600] = {0xEE};
  tds_writer *w = &a->session->writer;
  if (w->fill > start + 1) {
    w->fill = start + (w->fill - start + 1) / 2;
  }
  if (kind == TDS_FAULT_GARBAGE) {
    uint8_t bytes[sizeof garbage];
    memset(bytes, 0xEE, sizeof bytes);
    return tds_writer_bytes(w, bytes, sizeof bytes, err);
  }
  br_status st = tds_writer_flush(w, err);
  tds_fault_arm(a->session->stream, kind, 0);
  if (st == BR_OK) {
    st = tds_writer_u8(w, 0, err);
  }
  return st == BR_OK ? tds_writer_flush(w, err) : st;
}

/* A result on its way out. */
typedef struct result {
  const batch_schema *schema;
  tds_type_info *infos;        /* owned; one for each column */
  const tds_precise **precise; /* owned; for each column NULL or what lies in `room` */
  tds_precise *room;           /* owned; NULL until a column needs it */
  batch *b;                    /* owned */
  uint64_t rows;               /* sent */
} result;

static void result_done(result *r) {
  batch_free(r->b);
  br_free(r->infos);
  br_free(r->precise);
  br_free(r->room);
}

/* What the engine knows beyond the batch, for its rows. */
static br_status take_precise(result *r, const engine_session *e, br_error *err) {
  for (size_t i = 0; i < r->schema->count; i++) {
    const engine_extra *extra = engine_result_extra(e, i);
    r->precise[i] = NULL;
    if (extra == NULL) {
      continue;
    }
    if (r->room == NULL) {
      r->room = br_calloc(r->schema->count * r->b->capacity_rows, sizeof *r->room);
      if (r->room == NULL) {
        return br_error_nomem(err);
      }
    }
    tds_precise *own = r->room + i * r->b->capacity_rows;
    for (size_t row = 0; row < r->b->rows; row++) {
      own[row] =
          (tds_precise){.offset_minutes = extra[row].offset_minutes, .tick = extra[row].tick};
    }
    r->precise[i] = own;
  }
  return BR_OK;
}

static br_status put_row(tds_answer *a, const result *r, size_t row, uint64_t number,
                         const row_faults *f, br_error *err) {
  tds_writer *w = &a->session->writer;
  const size_t start = w->fill;
  const uint64_t packets = w->packets;
  br_status st = tds_put_row(w, r->b, r->infos, r->precise, row, err);
  if (st != BR_OK && st != BR_ERR_NETWORK && st != BR_ERR_CANCELLED) {
    /* A value that its type can't hold: the half row is taken back where it has not gone out. */
    st = w->packets == packets ? st : BR_ERR_NETWORK;
    w->fill = start;
    return br_error_context(err, st, "row %" PRIu64, number);
  }
  if (st != BR_OK) {
    return st;
  }
  size_t from = w->packets == packets ? start : TDS_HEADER_SIZE;
  if (number == f->close.value) {
    return break_row(a, from, TDS_FAULT_CLOSE, err);
  }
  if (number == f->stall.value) {
    return break_row(a, from, TDS_FAULT_STALL, err);
  }
  return number == f->garbage.value ? break_row(a, from, TDS_FAULT_GARBAGE, err) : BR_OK;
}

static br_status put_batch(tds_answer *a, result *r, const row_faults *f, bool *ret_stop,
                           br_error *err) {
  for (size_t row = 0; row < r->b->rows; row++) {
    uint64_t number = r->rows + 1;
    if (number == f->error.value) {
      *ret_stop = true;
      return BR_OK;
    }
    br_status st = put_row(a, r, row, number, f, err);
    if (st != BR_OK) {
      return st;
    }
    r->rows = number;
  }
  return br_cancel_check(a->session->cancel, err);
}

static bool has_large(const tds_type_info *infos, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (infos[i].frame == TDS_FRAME_PLP || infos[i].frame == TDS_FRAME_TEXTPTR) {
      return true;
    }
  }
  return false;
}

/* *ret_struck: the fault that ends the batch comes here. */
static br_status put_batches(tds_answer *a, result *r, bool *ret_struck, br_error *err) {
  engine_session *e = a->session->engine;
  row_faults faults;
  find_faults(a, &faults);
  br_status st = BR_OK;
  while (st == BR_OK && !*ret_struck) {
    batch_reset(r->b, KEEP_BYTES);
    st = engine_read_batch(e, r->b, err);
    if (st == BR_ERR_REMOTE) {
      return tds_answer_error(a, engine_result_error(e), err);
    }
    if (st == BR_OK) {
      st = take_precise(r, e, err);
    }
    if (st == BR_OK) {
      st = put_batch(a, r, &faults, ret_struck, err);
    }
  }
  if (st == BR_DONE) {
    tds_answer_set_done(a, TDS_DONE_COUNT, command_of(engine_statement_kind(e)), r->rows);
    st = BR_OK;
  }
  return st;
}

static br_status put_result(tds_answer *a, br_error *err) {
  tds_session *s = a->session;
  bool struck = false;
  result r = {.schema = engine_result_schema(s->engine)};
  r.infos = br_calloc(r.schema->count + 1, sizeof *r.infos);
  r.precise = br_calloc(r.schema->count + 1, sizeof *r.precise);
  br_status st =
      r.infos == NULL || r.precise == NULL ? br_error_nomem(err) : tds_answer_flush(a, true, err);
  if (st == BR_OK) {
    st = tds_result_types(r.schema, s->json, r.infos, err);
  }
  if (st == BR_OK) {
    st = batch_new(r.schema, has_large(r.infos, r.schema->count) ? BATCH_ROWS_LARGE : BATCH_ROWS,
                   &r.b, err);
  }
  if (st == BR_OK) {
    st = tds_put_columns(&s->writer, r.schema, r.infos, err);
  }
  if (st == BR_OK) {
    st = put_batches(a, &r, &struck, err);
  }
  result_done(&r);
  return st == BR_OK && struck ? strike(a, DEADLOCK, 13, err,
                                        "Transaction was deadlocked on lock resources with another "
                                        "process and has been chosen as the deadlock victim. Rerun "
                                        "the transaction.")
                               : st;
}

static br_status put_one(tds_answer *a, engine_result_kind kind, br_error *err) {
  engine_session *e = a->session->engine;
  int64_t count = 0;
  br_status st = BR_OK;
  switch (kind) {
  case ENGINE_ROWS:
    return put_result(a, err);
  case ENGINE_COUNT:
    count = engine_rows_affected(e);
    st = tds_answer_flush(a, true, err);
    tds_answer_set_done(a, count >= 0 ? TDS_DONE_COUNT : 0, command_of(engine_statement_kind(e)),
                        count >= 0 ? (uint64_t)count : 0);
    return st;
  case ENGINE_NONE:
    st = tds_answer_flush(a, true, err);
    tds_answer_set_done(a, 0, command_of(engine_statement_kind(e)), 0);
    return st;
  case ENGINE_ERROR:
  case ENGINE_MESSAGE:
    return tds_answer_error(a, engine_result_error(e), err);
  }
  return br_error_set(err, BR_ERR_INTERNAL, "A result of kind %d", (int)kind);
}

static br_status put_all(tds_answer *a, br_error *err) {
  engine_session *e = a->session->engine;
  br_status st = BR_OK;
  while (st == BR_OK) {
    engine_result_kind kind;
    st = engine_next_result(e, &kind, err);
    if (st == BR_OK && has_changed(a->session)) {
      st = tds_answer_environment(a, engine_statement_kind(e), err);
    }
    if (st == BR_OK) {
      st = put_one(a, kind, err);
    }
  }
  return st == BR_DONE ? BR_OK : st;
}

br_status tds_answer_execute(tds_answer *a, const char *sql, size_t length,
                             const engine_parameter *parameters, size_t count, br_error *err) {
  tds_session *s = a->session;
  sandbox_fault fault;
  if (sandbox_fault_strikes(s->server->options.faults, SANDBOX_FAULT_TDS_ERROR, sql, NULL,
                            &fault)) {
    return strike(a, (int32_t)fault.value, 16, err, "An error on purpose.");
  }
  br_status st = engine_execute(s->engine, sql, length, parameters, count, s->cancel, err);
  if (st == BR_OK) {
    st = put_all(a, err);
  }
  if (st != BR_OK) {
    engine_abandon(s->engine);
    if (st != BR_ERR_NETWORK && has_changed(s)) {
      br_status told = tds_answer_environment(a, NULL, err);
      st = told == BR_OK ? st : told;
    }
  }
  if (st == BR_ERR_CANCELLED || br_cancel_requested(s->cancel)) {
    /* The attention is read as the next message; this answer ends here (2.2.1.7). */
    a->failed = true;
    tds_answer_set_done(a, TDS_DONE_ERROR, 0, 0);
    return st == BR_OK || st == BR_ERR_CANCELLED ? BR_OK : tds_answer_failure(a, st, err);
  }
  return st == BR_OK ? BR_OK : tds_answer_failure(a, st, err);
}
