/*
 * Remote procedure calls: sp_executesql, sp_prepare and its kin, the engine's own procedures
 * (MS-TDS 2.2.6.6).
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "batch/value.h"
#include "sandbox/tds_session.h"

enum { NO_PROCEDURE = 2812, NO_HANDLE = 8179, MISSING_PARAMETER = 201, NO_PARAMETER = 8145 };

void tds_prepared_clear(tds_session *s) {
  for (size_t i = 0; i < s->prepared_count; i++) {
    br_free(s->prepared[i].sql);
    br_free(s->prepared[i].names);
  }
  br_free(s->prepared);
  s->prepared = NULL;
  s->prepared_count = 0;
}

static tds_prepared *find_prepared(const tds_session *s, int32_t handle) {
  for (size_t i = 0; i < s->prepared_count; i++) {
    if (s->prepared[i].handle == handle) {
      return &s->prepared[i];
    }
  }
  return NULL;
}

static void forget_prepared(tds_session *s, tds_prepared *p) {
  br_free(p->sql);
  br_free(p->names);
  *p = s->prepared[--s->prepared_count];
}

/* Parameters of the call. */

/* The text of a character parameter; NULL where it is none, or NULL. */
static char *text_of(const tds_rpc_parameter *p, size_t *ret_length) {
  const batch_column *column = &p->value->columns[0];
  if (column->layout != BATCH_STRING || tds_rpc_parameter_is_null(p)) {
    return NULL;
  }
  *ret_length = (size_t)column->offsets[1];
  return (char *)column->data;
}

/* A copy with a NUL behind it; "" where the parameter is none of text. */
static char *copy_text(const tds_rpc *rpc, size_t index, size_t *ret_length) {
  size_t length = 0;
  const char *text = index < rpc->count ? text_of(&rpc->parameters[index], &length) : NULL;
  *ret_length = length;
  return br_strndup(text != NULL ? text : "", length);
}

/* An integer parameter; 0 where it is none. */
static int32_t integer_of(const tds_rpc *rpc, size_t index) {
  if (index >= rpc->count || tds_rpc_parameter_is_null(&rpc->parameters[index])) {
    return 0;
  }
  const batch_column *column = &rpc->parameters[index].value->columns[0];
  switch (column->layout) {
  case BATCH_INT16:
    return ((const int16_t *)column->values)[0];
  case BATCH_INT32:
    return ((const int32_t *)column->values)[0];
  default:
    return 0;
  }
}

/* The n-th name of "@a int, @b nvarchar(10)"; "" where there is none. */
static void declared_name(const char *names, size_t index, char *name, size_t size) {
  int depth = 0;
  bool start = true;
  name[0] = '\0';
  for (const char *p = names; *p != '\0'; p++) {
    depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    if (*p == ',' && depth == 0) {
      start = true;
    } else if (*p == '@' && start) {
      start = false;
      if (index-- == 0) {
        size_t length = strcspn(p, " \t\r\n,");
        (void)snprintf(name, size, "%.*s", (int)(length < size ? length : size - 1), p);
        return;
      }
    }
  }
}

typedef struct bound {
  engine_parameter *parameters;
  char (*names)[TDS_NAME_MAX];
  br_buf *values;
  size_t count;
} bound;

static void bound_done(bound *b) {
  for (size_t i = 0; b->values != NULL && i < b->count; i++) {
    br_buf_done(&b->values[i]);
  }
  br_free(b->parameters);
  br_free(b->names);
  br_free(b->values);
}

/* One parameter as the engine wants it: text of the type's own form. */
static br_status bind_one(const tds_rpc_parameter *p, size_t index, const char *names, bound *b,
                          br_error *err) {
  char *name = b->names[index];
  bool null = false;
  if (p->name[0] != '\0') {
    (void)snprintf(name, TDS_NAME_MAX, "%s", p->name);
  } else {
    declared_name(names, index, name, TDS_NAME_MAX);
  }
  br_buf_init(&b->values[index], BR_LIMIT_CELL_MAX);
  const batch_column *column = &p->value->columns[0];
  br_status st = BR_OK;
  if (column->layout == BATCH_BINARY && batch_column_is_valid(column, 0)) {
    st = br_buf_append(&b->values[index], column->data, (size_t)column->offsets[1], err);
  } else if (column->layout == BATCH_BOOL && batch_column_is_valid(column, 0)) {
    st = br_buf_text(&b->values[index], *(const uint8_t *)column->values & 1U ? "1" : "0", err);
  } else {
    st = batch_cell_text(p->value, 0, 0, &b->values[index], &null, err);
  }
  const char *value = st == BR_OK ? br_buf_cstr(&b->values[index]) : NULL;
  if (st == BR_OK && value == NULL) {
    st = br_error_nomem(err);
  }
  b->parameters[index] = (engine_parameter){.name = name[0] == '@' ? name + 1 : name,
                                            .type = p->spec,
                                            .value = null ? NULL : value,
                                            .value_length = null ? 0 : b->values[index].len};
  return st;
}

static br_status bind_from(const tds_rpc *rpc, size_t first, const char *names, bound *ret_bound,
                           br_error *err) {
  bound b = {.count = rpc->count > first ? rpc->count - first : 0};
  b.parameters = br_calloc(b.count + 1, sizeof *b.parameters);
  b.names = br_calloc(b.count + 1, sizeof *b.names);
  b.values = br_calloc(b.count + 1, sizeof *b.values);
  br_status st =
      b.parameters == NULL || b.names == NULL || b.values == NULL ? br_error_nomem(err) : BR_OK;
  for (size_t i = 0; i < b.count && st == BR_OK; i++) {
    st = bind_one(&rpc->parameters[first + i], i, names, &b, err);
    if (st != BR_OK) {
      st = br_error_context(err, st, "parameter %zu", i + 1);
    }
  }
  if (st != BR_OK) {
    bound_done(&b);
    return st;
  }
  *ret_bound = b;
  return BR_OK;
}

static br_status run_bound(tds_answer *a, const tds_rpc *rpc, size_t first, const char *sql,
                           size_t length, const char *names, br_error *err) {
  bound b;
  a->sql = sql;
  br_status st = bind_from(rpc, first, names, &b, err);
  if (st != BR_OK) {
    return tds_answer_failure(a, st, err);
  }
  engine_scope scope;
  engine_scope_begin(a->session->engine, &scope);
  st = tds_answer_execute(a, sql, length, b.parameters, b.count, err);
  engine_scope_end(a->session->engine, &scope);
  bound_done(&b);
  return st == BR_OK ? tds_answer_environment(a, NULL, err) : st;
}

/* The procedures. */

typedef br_status (*procedure)(tds_answer *a, const tds_rpc *rpc, br_error *err);

/* @stmt, @params, values… */
static br_status executesql(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  size_t length = 0, unused = 0;
  char *sql = copy_text(rpc, 0, &length), *names = copy_text(rpc, 1, &unused);
  br_status st = sql == NULL || names == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK) {
    st = run_bound(a, rpc, 2, sql, length, names, err);
  }
  br_free(sql);
  br_free(names);
  return st;
}

static br_status prepare(tds_session *s, const tds_rpc *rpc, tds_prepared **ret_prepared,
                         br_error *err) {
  if (s->prepared_count == TDS_PREPARED_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "A session holds at most %d prepared statements",
                        TDS_PREPARED_MAX);
  }
  size_t unused = 0;
  tds_prepared p = {.names = copy_text(rpc, 1, &unused)};
  p.sql = copy_text(rpc, 2, &p.sql_length);
  tds_prepared *list = br_realloc_array(s->prepared, s->prepared_count + 1, sizeof *list);
  if (list != NULL) {
    s->prepared = list;
  }
  if (list == NULL || p.sql == NULL || p.names == NULL) {
    br_free(p.sql);
    br_free(p.names);
    return br_error_nomem(err);
  }
  p.handle = ++s->next_handle;
  s->prepared[s->prepared_count] = p;
  *ret_prepared = &s->prepared[s->prepared_count++];
  return BR_OK;
}

/* The handle goes back as the first parameter. */
static br_status put_handle(tds_answer *a, const tds_rpc *rpc, int32_t handle, br_error *err) {
  tds_writer *w = &a->session->writer;
  br_status st = tds_answer_flush(a, true, err);
  if (st == BR_OK) {
    st = tds_put_return_status(w, 0, err);
  }
  const char *name = rpc->count > 0 ? rpc->parameters[0].name : "";
  a->status_sent = true;
  return st == BR_OK ? tds_put_return_int(w, 0, name, &handle, err) : st;
}

/* @handle OUTPUT, @params, @stmt, values… */
static br_status prepexec(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  tds_prepared *p = NULL, *old = find_prepared(a->session, integer_of(rpc, 0));
  if (old != NULL) {
    forget_prepared(a->session, old);
  }
  br_status st = prepare(a->session, rpc, &p, err);
  if (st != BR_OK) {
    return tds_answer_failure(a, st, err);
  }
  const int32_t handle = p->handle;
  st = run_bound(a, rpc, 3, p->sql, p->sql_length, p->names, err);
  return st == BR_OK ? put_handle(a, rpc, handle, err) : st;
}

/* @handle OUTPUT, @params, @stmt, @options */
static br_status prepare_only(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  tds_prepared *p = NULL;
  br_status st = prepare(a->session, rpc, &p, err);
  return st == BR_OK ? put_handle(a, rpc, p->handle, err) : tds_answer_failure(a, st, err);
}

static br_status no_handle(tds_answer *a, int32_t handle, br_error *err) {
  return tds_answer_refuse(a, NO_HANDLE, 16, err,
                           "Could not find prepared statement with handle %d.", handle);
}

/* @handle, values… */
static br_status execute(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  const int32_t handle = integer_of(rpc, 0);
  const tds_prepared *p = find_prepared(a->session, handle);
  return p != NULL ? run_bound(a, rpc, 1, p->sql, p->sql_length, p->names, err)
                   : no_handle(a, handle, err);
}

static br_status unprepare(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  const int32_t handle = integer_of(rpc, 0);
  tds_prepared *p = find_prepared(a->session, handle);
  if (p == NULL) {
    return no_handle(a, handle, err);
  }
  forget_prepared(a->session, p);
  return BR_OK;
}

/* A parameter's own name is part of the call's text. */
static bool is_plain_name(const char *name) {
  return name[0] == '@' && name[1] != '\0' &&
         name[1 + strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789_@#$")] == '\0';
}

/* "EXEC sp_x @Resource = @p0, @p1": the engine's own procedures, their values as parameters. */
static br_status call_text(tds_answer *a, const tds_rpc *rpc, const char *called, br_buf *text,
                           br_error *err) {
  br_status st = br_buf_printf(text, err, "EXEC %s", called);
  for (size_t i = 0; i < rpc->count && st == BR_OK; i++) {
    const char *name = rpc->parameters[i].name;
    if (name[0] != '\0' && !is_plain_name(name)) {
      return tds_answer_refuse(a, NO_PARAMETER, 16, err,
                               "%.100s is not a parameter for procedure %s.", name, called);
    }
    st = br_buf_printf(text, err, "%s %s%s@p%zu", i == 0 ? "" : ",", name,
                       name[0] == '\0' ? "" : " = ", i);
  }
  return st;
}

static br_status run_own(tds_answer *a, const tds_rpc *rpc, const char *called, br_error *err) {
  bound b;
  br_buf text;
  br_buf_init(&text, TDS_REQUEST_MAX);
  br_status st = call_text(a, rpc, called, &text, err);
  if (st != BR_OK || a->failed) {
    br_buf_done(&text);
    return st;
  }
  const char *sql = br_buf_cstr(&text);
  st = sql == NULL ? br_error_nomem(err) : bind_from(rpc, 0, "", &b, err);
  if (st != BR_OK) {
    br_buf_done(&text);
    return tds_answer_failure(a, st, err);
  }
  for (size_t i = 0; i < b.count; i++) {
    (void)snprintf(b.names[i], TDS_NAME_MAX, "p%zu", i);
    b.parameters[i].name = b.names[i];
  }
  a->sql = sql;
  st = tds_answer_execute(a, sql, text.len, b.parameters, b.count, err);
  a->sql = NULL;
  a->has_return_status = true;
  a->return_status = engine_return_status(a->session->engine);
  bound_done(&b);
  br_buf_done(&text);
  return st;
}

static br_status get_lock(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  return run_own(a, rpc, "sp_getapplock", err);
}

static br_status release_lock(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  return run_own(a, rpc, "sp_releaseapplock", err);
}

static const struct {
  const char *name;
  uint16_t number;
  procedure run;
  size_t least; /* parameters */
} procedures[] = {
    {"sp_executesql", TDS_PROCEDURE_EXECUTESQL, executesql, 1},
    {"sp_prepare", TDS_PROCEDURE_PREPARE, prepare_only, 3},
    {"sp_execute", TDS_PROCEDURE_EXECUTE, execute, 1},
    {"sp_prepexec", TDS_PROCEDURE_PREPEXEC, prepexec, 3},
    {"sp_unprepare", TDS_PROCEDURE_UNPREPARE, unprepare, 1},
    {"sp_getapplock", 0, get_lock, 0},
    {"sp_releaseapplock", 0, release_lock, 0},
};

/* Without "sys.", "dbo." or a database in front. */
static const char *last_part(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot != NULL ? dot + 1 : name;
}

static br_status run_call(tds_answer *a, const tds_rpc *rpc, br_error *err) {
  for (size_t i = 0; i < sizeof procedures / sizeof procedures[0]; i++) {
    bool named =
        rpc->procedure == 0 && br_text_equal_nocase(last_part(rpc->name), procedures[i].name);
    if (!named && (rpc->procedure == 0 || rpc->procedure != procedures[i].number)) {
      continue;
    }
    return rpc->count >= procedures[i].least
               ? procedures[i].run(a, rpc, err)
               : tds_answer_refuse(a, MISSING_PARAMETER, 16, err,
                                   "Procedure or function '%s' expects parameters, which were not "
                                   "supplied.",
                                   procedures[i].name);
  }
  return rpc->procedure != 0
             ? tds_answer_refuse(a, NO_PROCEDURE, 16, err,
                                 "The system procedure number %u is not supported.", rpc->procedure)
             : tds_answer_refuse(a, NO_PROCEDURE, 16, err,
                                 "Could not find stored procedure '%.400s'.", rpc->name);
}

/* RETURNSTATUS and DONEPROC behind what a call sent. A handle has brought its own status. */
static br_status end_call(tds_answer *a, bool more, br_error *err) {
  br_status st = tds_answer_flush(a, true, err);
  if (st == BR_OK && !a->status_sent) {
    int32_t result = a->has_return_status ? a->return_status : a->failed ? 1 : 0;
    st = tds_put_return_status(&a->session->writer, result, err);
  }
  uint16_t status = (uint16_t)((a->failed ? TDS_DONE_ERROR : 0) | (more ? TDS_DONE_MORE : 0) |
                               (a->session->descriptor != 0 ? TDS_DONE_INXACT : 0));
  return st == BR_OK ? tds_put_done(&a->session->writer, TDS_TOKEN_DONEPROC, status, 0, 0, err)
                     : st;
}

br_status tds_call_run(tds_session *s, const uint8_t *payload, size_t length, br_error *err) {
  tds_reader r;
  tds_answer a;
  tds_reader_init_memory(&r, payload, length);
  br_status st = tds_answer_begin(&a, s, TDS_TOKEN_DONEINPROC, NULL, err);
  bool more = false;
  do {
    tds_rpc rpc;
    if (st == BR_OK) {
      st = tds_rpc_read(&r, &rpc, err);
    }
    if (st == BR_ERR_UNSUPPORTED || st == BR_ERR_DATA || st == BR_ERR_LIMIT) {
      /* What comes behind can't be found any more. */
      st = tds_answer_failure(&a, st, err);
      return st == BR_OK ? tds_answer_end(&a, err) : st;
    }
    if (st != BR_OK) {
      return st;
    }
    st = run_call(&a, &rpc, err);
    /* Asked once: what the last DONEPROC says must be what is done, also where a cancel comes. */
    more = !tds_reader_at_end(&r) && !br_cancel_requested(s->cancel);
    if (st == BR_OK) {
      st = end_call(&a, more, err);
    }
    a.failed = a.has_return_status = a.status_sent = false;
    tds_rpc_done(&rpc);
  } while (st == BR_OK && more);
  return st == BR_OK ? tds_writer_end(&s->writer, err) : st;
}
