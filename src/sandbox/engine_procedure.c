/*
 * engine_procedure.c: EXECUTE: application locks, sp_executesql, EXEC ('text').
 *
 * A text runs in the batch's own loop: its statements become a frame above the EXECUTE, with
 * variables of their own; engine_call remembers what comes back when the frame has ended.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"
#include "sandbox/sql/lock_words.h"
#include "sandbox/sql/parser.h"

enum { STATUS_BAD_CALL = -999, STATUS_CANCELLED = -2, STATUS_TIMED_OUT = -1 };

/* ---- the call's arguments ---- */

static sql_variable *find_variable(engine_session *s, const char *name) {
  for (sql_variable *v = s->environment.variables; v != NULL; v = v->next) {
    if (br_text_equal_nocase(v->name, name)) {
      return v;
    }
  }
  return NULL;
}

static br_status set_status(engine_session *s, const sql_stmt *stmt, int32_t status,
                            br_error *err) {
  const sql_type integer = sql_type_of(SQL_INT);
  const sql_value value = sql_value_integer(status);
  s->return_status = status;
  sql_variable *v = stmt->text == NULL ? NULL : find_variable(s, stmt->text);
  return v == NULL ? BR_OK : engine_variable_set(s, v, &integer, &value, err);
}

static br_status failed(engine_session *s, br_error *err) {
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

typedef struct procedure_parameter {
  const char *name;
  sql_kind kind;
  uint32_t length;
  const char *standard; /* NULL: none */
} procedure_parameter;

/* Which parameter an argument is for; count: none. */
static size_t parameter_of(const sql_assignment *a, size_t position,
                           const procedure_parameter *parameters, size_t count) {
  size_t i = 0;
  if (a->variable == NULL) {
    return position < count ? position : count;
  }
  while (i < count && !br_text_equal_nocase(parameters[i].name, a->variable)) {
    i++;
  }
  return i;
}

static br_status no_parameter(engine_session *s, const sql_assignment *a, const char *procedure,
                              br_error *err) {
  if (a->variable != NULL) {
    sql_error_set(&s->error, 8145, 16, "@%s is not a parameter for procedure %s.", a->variable,
                  procedure);
  } else {
    sql_error_set(&s->error, 8144, 16, "Procedure or function %s has too many arguments specified.",
                  procedure);
  }
  return failed(s, err);
}

/* An argument as the parameter's type, then as text; NULL is NULL. */
static br_status argument_text(engine_session *s, const sql_expr *expr,
                               const procedure_parameter *parameter, const char **ret_text,
                               br_error *err) {
  const sql_type text = sql_type_text(SQL_NVARCHAR, SQL_LENGTH_MAX);
  sql_type type = sql_type_of(parameter->kind);
  sql_value value = sql_value_null();
  sql_value out = sql_value_null();
  sql_conversion c = {.dialect = ENGINE_TSQL,
                      .style = SQL_STYLE_NONE,
                      .scratch = &s->runtime.scratch,
                      .error = &s->error,
                      .err = err};
  type.length = parameter->length;
  br_status st = engine_evaluate(s, expr, &type, &value, err);
  if (st == BR_OK) {
    st = sql_convert(&c, &type, &text, &value, &out);
    st = st == BR_ERR_REMOTE ? failed(s, err) : st;
  }
  if (st == BR_OK) {
    *ret_text = out.form == SQL_FORM_TEXT ? sql_copy(&s->context, out.p, out.n) : NULL;
    st = s->context.status == BR_OK ? BR_OK : engine_context_failed(s, err);
  }
  return st;
}

/* The arguments in the order of the parameters. */
static br_status take_arguments(engine_session *s, const sql_stmt *stmt, const char *procedure,
                                const procedure_parameter *parameters, size_t count,
                                const char **values, br_error *err) {
  size_t position = 0;
  br_status st = BR_OK;
  for (size_t i = 0; i < count; i++) {
    values[i] = parameters[i].standard;
  }
  for (const sql_assignment *a = stmt->assignments; a != NULL && st == BR_OK;
       a = a->next, position++) {
    size_t i = parameter_of(a, position, parameters, count);
    if (i == count) {
      return no_parameter(s, a, procedure, err);
    }
    if (a->value->kind != SQL_E_DEFAULT) {
      st = argument_text(s, a->value, &parameters[i], &values[i], err);
    }
  }
  return st;
}

/* ---- application locks ---- */

typedef struct lock_call {
  engine_session *s;
  const sql_stmt *stmt;
  const char *resource, *mode_text, *owner_text, *timeout_text, *principal;
  applock_mode mode;
  applock_owner owner;
  int64_t timeout_ms;
  uint64_t key;
} lock_call;

/* A refused call: its error, and -999 as the status. */
static br_status refuse_lock(const lock_call *l, int32_t number, const char *message,
                             br_error *err) {
  br_status st = set_status(l->s, l->stmt, STATUS_BAD_CALL, err);
  if (st != BR_OK) {
    return st;
  }
  sql_error_set(&l->s->error, number, 16, "%s", message);
  return failed(l->s, err);
}

static br_status check_owner(lock_call *l, br_error *err) {
  if (!applock_owner_of_word(l->owner_text, &l->owner)) {
    return refuse_lock(l, 1226, "An invalid application lock owner was passed to xp_userlock.",
                       err);
  }
  if (l->owner == APPLOCK_TRANSACTION && l->s->trancount == 0) {
    return refuse_lock(l, 3918,
                       "The statement or function must be executed in the context of a user "
                       "transaction.",
                       err);
  }
  if (l->resource == NULL || l->resource[0] == '\0') {
    return refuse_lock(l, 1224, "An invalid application lock resource was passed to xp_userlock.",
                       err);
  }
  int64_t database = catalog_database(&l->s->context, l->s->db, l->s->database, NULL);
  if (l->s->context.status != BR_OK) {
    return engine_context_failed(l->s, err);
  }
  return applock_key(database, l->principal == NULL ? "public" : l->principal, l->resource, &l->key,
                     err);
}

static br_status check_mode(lock_call *l, br_error *err) {
  if (l->mode_text != NULL && br_text_equal_nocase(l->mode_text, "IntentExclusive")) {
    sql_error_set(&l->s->error, 40517, 16,
                  "The lock mode IntentExclusive is not supported by the sandbox.");
    return failed(l->s, err);
  }
  if (!applock_mode_of_word(l->mode_text, &l->mode)) {
    return refuse_lock(l, 1225, "An invalid application lock mode was passed to xp_userlock.", err);
  }
  uint64_t number = 0;
  l->timeout_ms = l->s->lock_timeout_ms;
  if (l->timeout_text == NULL || strcmp(l->timeout_text, "-1") == 0) {
    l->timeout_ms = l->timeout_text == NULL ? l->timeout_ms : -1;
  } else if (br_text_u64(l->timeout_text, INT32_MAX, &number, NULL) == BR_OK) {
    l->timeout_ms = (int64_t)number;
  } else {
    return refuse_lock(l, 1227, "An invalid application lock time-out was passed to xp_userlock.",
                       err);
  }
  return BR_OK;
}

static br_status get_lock(engine_session *s, const sql_stmt *stmt, br_error *err) {
  static const procedure_parameter parameters[] = {{"Resource", SQL_NVARCHAR, 255, NULL},
                                                   {"LockMode", SQL_VARCHAR, 32, NULL},
                                                   {"LockOwner", SQL_VARCHAR, 32, "Transaction"},
                                                   {"LockTimeout", SQL_INT, 0, NULL},
                                                   {"DbPrincipal", SQL_NVARCHAR, 128, "public"}};
  const char *v[5];
  applock_result result = APPLOCK_GRANTED;
  br_status st = take_arguments(s, stmt, "sp_getapplock", parameters, 5, v, err);
  if (st != BR_OK) {
    return st;
  }
  lock_call l = {.s = s,
                 .stmt = stmt,
                 .resource = v[0],
                 .mode_text = v[1],
                 .owner_text = v[2],
                 .timeout_text = v[3],
                 .principal = v[4]};
  st = check_mode(&l, err);
  if (st == BR_OK) {
    st = check_owner(&l, err);
  }
  if (st == BR_OK) {
    st = applock_take(&s->applocks, l.key, l.owner, l.mode, l.timeout_ms, s->cancel, &result, err);
  }
  if (st != BR_OK) {
    s->return_status = st == BR_ERR_CANCELLED ? STATUS_CANCELLED : s->return_status;
    return st;
  }
  return set_status(s, stmt, result == APPLOCK_TIMED_OUT ? STATUS_TIMED_OUT : (int32_t)result, err);
}

static br_status release_lock(engine_session *s, const sql_stmt *stmt, br_error *err) {
  static const procedure_parameter parameters[] = {{"Resource", SQL_NVARCHAR, 255, NULL},
                                                   {"LockOwner", SQL_VARCHAR, 32, "Transaction"},
                                                   {"DbPrincipal", SQL_NVARCHAR, 128, "public"}};
  const char *v[3];
  br_status st = take_arguments(s, stmt, "sp_releaseapplock", parameters, 3, v, err);
  if (st != BR_OK) {
    return st;
  }
  lock_call l = {.s = s, .stmt = stmt, .resource = v[0], .owner_text = v[1], .principal = v[2]};
  st = check_owner(&l, err);
  if (st != BR_OK) {
    return st;
  }
  if (applock_release(&s->applocks, l.key, l.owner)) {
    return set_status(s, stmt, 0, err);
  }
  const char *message =
      sql_text(&s->context,
               "Cannot release the application lock (Database Principal: '%s', Resource: '%s') "
               "because it is not currently held.",
               v[2] == NULL ? "public" : v[2], l.resource);
  return message == NULL ? br_error_nomem(err) : refuse_lock(&l, 1223, message, err);
}

/* ---- texts ---- */

struct engine_call {
  engine_call *outer;
  const sql_stmt *stmt;              /* the EXECUTE */
  const sql_declaration *parameters; /* of the text, in the order of its values */
  sql_variable *variables;           /* of the caller */
  int variable_count;
  int frame; /* the lowest of its frames */
  engine_scope scope;
};

static engine_call *new_call(engine_session *s, const sql_stmt *stmt) {
  engine_call *call = br_calloc(1, sizeof *call);
  if (call == NULL) {
    return NULL;
  }
  *call = (engine_call){.outer = s->calls,
                        .stmt = stmt,
                        .variables = s->environment.variables,
                        .variable_count = s->variable_count,
                        .frame = s->frame_count};
  engine_scope_begin(s, &call->scope);
  return call;
}

/* Everything as it was before the text; its own variables are left in *ret_variables. */
static void restore(engine_session *s, engine_call *call, sql_variable **ret_variables) {
  s->calls = call->outer;
  *ret_variables = s->environment.variables;
  s->environment.variables = call->variables;
  s->variable_count = call->variable_count;
  engine_scope_end(s, &call->scope);
}

/* OUTPUT: what the text's variables hold goes to the caller's. */
static br_status give_back(engine_session *s, const engine_call *call, const sql_variable *inner,
                           br_error *err) {
  const sql_assignment *a = call->stmt->assignments;
  const sql_declaration *d = call->parameters;
  a = a == NULL ? NULL : a->next; /* behind @stmt and @params */
  a = a == NULL ? NULL : a->next;
  for (br_status st = BR_OK; a != NULL; a = a->next, d = d == NULL ? NULL : d->next) {
    const char *name = a->variable != NULL ? a->variable : d == NULL ? NULL : d->name;
    const sql_variable *from = inner;
    while (a->output && from != NULL && (name == NULL || !br_text_equal_nocase(from->name, name))) {
      from = from->next;
    }
    sql_variable *to = a->output ? find_variable(s, a->value->text) : NULL;
    if (from == NULL || to == NULL) {
      continue;
    }
    st = engine_variable_set(s, to, &from->type, &from->value, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

br_status engine_call_end(engine_session *s, br_error *err) {
  engine_call *call = s->calls;
  sql_variable *inner = NULL;
  int32_t status = s->environment.error_number;
  restore(s, call, &inner);
  br_status st = call->parameters != NULL ? give_back(s, call, inner, err) : BR_OK;
  if (st == BR_OK) {
    st = set_status(s, call->stmt, status, err);
  }
  engine_variables_free(inner);
  br_free(call);
  return st;
}

/* What ERROR_NUMBER() and THROW mean: the error of the innermost CATCH. */
static engine_error *find_caught(engine_session *s) {
  int depth = 0;
  for (int i = 0; i < s->frame_count; i++) {
    depth += s->frames[i].in_catch;
  }
  depth = depth > ENGINE_CATCH_MAX ? ENGINE_CATCH_MAX : depth;
  engine_error *caught = depth == 0 ? NULL : &s->caught[depth - 1];
  s->environment.caught = caught;
  return caught;
}

void engine_frame_pop(engine_session *s) {
  s->frame_count--;
  (void)find_caught(s);
}

void engine_frame_catch(engine_session *s, const sql_stmt *body) {
  s->frames[s->frame_count++] = (engine_frame){.next = body, .in_catch = true};
  *find_caught(s) = s->error;
}

void engine_frames_cut(engine_session *s, int count) {
  s->frame_count = count;
  (void)find_caught(s);
  while (s->calls != NULL && s->calls->frame >= count) {
    engine_call *call = s->calls;
    sql_variable *inner = NULL;
    restore(s, call, &inner);
    engine_variables_free(inner);
    br_free(call);
  }
}

const sql_stmt *engine_call_statement(const engine_session *s) {
  return s->calls->stmt;
}

int engine_call_frame(const engine_session *s) {
  return s->calls == NULL ? -1 : s->calls->frame;
}

/* The values of sp_executesql as variables of the text. They were computed by the caller. */
static br_status declare_parameters(engine_session *s, const sql_declaration *parameters,
                                    const sql_assignment *values, br_error *err) {
  sql_binder b = engine_binder(s);
  sql_variable *callers = s->environment.variables;
  sql_variable *own = NULL;
  int count = 0;
  size_t position = 0;
  br_status st = BR_OK;
  for (const sql_declaration *d = parameters; d != NULL && st == BR_OK; d = d->next, position++) {
    sql_type type;
    sql_variable *v = NULL;
    sql_value value = sql_value_null();
    const sql_assignment *a = values;
    for (size_t i = 0;
         a != NULL &&
         (a->variable == NULL ? i != position : !br_text_equal_nocase(a->variable, d->name));
         i++) {
      a = a->next;
    }
    const sql_expr *given = a != NULL ? a->value : d->value;
    s->environment.variables = callers;
    if (given == NULL) {
      sql_error_set(&s->error, 8178, 16,
                    "The parameterized query expects the parameter '@%s', which was not supplied.",
                    d->name);
      st = failed(s, err);
    } else if (!bind_type(&b, d->type, false, &type)) {
      st = engine_context_failed(s, err);
    } else {
      st = engine_evaluate(s, given, &type, &value, err);
    }
    s->environment.variables = own;
    s->variable_count = count;
    if (st == BR_OK) {
      st = engine_variable_add(s, d->name, &type, &v, err);
    }
    if (st == BR_OK) {
      st = engine_variable_set(s, v, &type, &value, err);
    }
    own = s->environment.variables;
    count = s->variable_count;
  }
  s->environment.variables = own;
  s->variable_count = count;
  return st;
}

/* Parses with trees that live as long as the batch. */
static br_status parse_text(engine_session *s, const char *text, bool parameters,
                            sql_stmt **ret_stmts, sql_declaration **ret_parameters, br_error *err) {
  sql_context inner = {.dialect = ENGINE_TSQL,
                       .arena = &s->batch_arena,
                       .text = sql_arena_strdup(&s->batch_arena, text),
                       .length = strlen(text),
                       .quoted_identifier = s->quoted_identifier};
  if (inner.text == NULL) {
    return br_error_nomem(err);
  }
  br_status st =
      parameters ? sql_parse_parameters(&inner, ret_parameters) : sql_parse(&inner, ret_stmts);
  if (st == BR_ERR_REMOTE) {
    s->error = inner.error;
    return failed(s, err);
  }
  return st == BR_OK ? BR_OK : br_error_set(err, st, "%s", inner.error.message);
}

static br_status run_text(engine_session *s, const sql_stmt *stmt, const char *text,
                          const char *declared, const sql_assignment *values, br_error *err) {
  sql_stmt *stmts = NULL;
  sql_declaration *parameters = NULL;
  br_status st = declared == NULL ? BR_OK : parse_text(s, declared, true, NULL, &parameters, err);
  if (st == BR_OK) {
    st = parse_text(s, text, false, &stmts, NULL, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (values != NULL && parameters == NULL) {
    sql_error_set(&s->error, 8144, 16, "Procedure or function  has too many arguments specified.");
    return failed(s, err);
  }
  engine_call *call = new_call(s, stmt);
  if (call == NULL) {
    return br_error_nomem(err);
  }
  call->parameters = parameters;
  s->calls = call;
  st = declare_parameters(s, parameters, values, err);
  if (st == BR_OK) {
    st = engine_push_text(s, stmts, err);
  }
  if (st != BR_OK) {
    engine_frames_cut(s, call->frame);
  }
  return st;
}

static br_status text_of(engine_session *s, const sql_expr *expr, const char **ret_text,
                         br_error *err) {
  const sql_type type = sql_type_text(SQL_NVARCHAR, SQL_LENGTH_MAX);
  sql_value value = sql_value_null();
  br_status st = engine_evaluate(s, expr, &type, &value, err);
  if (st == BR_OK) {
    *ret_text = value.form == SQL_FORM_TEXT ? value.p : "";
  }
  return st;
}

/* @stmt, @params, values… */
static br_status execute_sql(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_assignment *a = stmt->assignments;
  const char *text = NULL;
  const char *declared = NULL;
  if (a == NULL) {
    sql_error_set(&s->error, 201, 16,
                  "Procedure or function 'sp_executesql' expects parameter '@statement', which was "
                  "not supplied.");
    return failed(s, err);
  }
  br_status st = text_of(s, a->value, &text, err);
  if (st == BR_OK && a->next != NULL) {
    st = text_of(s, a->next->value, &declared, err);
  }
  if (st != BR_OK) {
    return st;
  }
  return run_text(s, stmt, text, declared, a->next == NULL ? NULL : a->next->next, err);
}

static br_status reset_connection(engine_session *s, const sql_stmt *stmt, br_error *err) {
  return set_status(s, stmt, 0, err);
}

br_status engine_procedure(engine_session *s, const sql_stmt *stmt, br_error *err) {
  static const struct {
    const char *name;
    br_status (*run)(engine_session *s, const sql_stmt *stmt, br_error *err);
  } procedures[] = {{"sp_getapplock", get_lock},
                    {"sp_releaseapplock", release_lock},
                    {"sp_executesql", execute_sql},
                    {"sp_reset_connection", reset_connection}};
  if (stmt->text != NULL && find_variable(s, stmt->text) == NULL) {
    (void)sql_fail(&s->context, 137, stmt->line, "Must declare the scalar variable \"@%s\".",
                   stmt->text);
    return engine_context_failed(s, err);
  }
  if (stmt->expr != NULL) {
    const char *text = NULL;
    br_status st = text_of(s, stmt->expr, &text, err);
    return st == BR_OK ? run_text(s, stmt, text, NULL, NULL, err) : st;
  }
  const char *name = stmt->name.parts[stmt->name.count - 1];
  for (size_t i = 0; i < sizeof procedures / sizeof procedures[0]; i++) {
    if (br_text_equal_nocase(name, procedures[i].name)) {
      return s->fmtonly && procedures[i].run != execute_sql ? set_status(s, stmt, 0, err)
                                                            : procedures[i].run(s, stmt, err);
    }
  }
  sql_error_set(&s->error, 2812, 16, "Could not find stored procedure '%s'.", name);
  s->error.state = 62;
  return failed(s, err);
}

/* ---- what ends with a text ---- */

static int64_t temporary_mark(engine_session *s) {
  sqlite3_stmt *stmt = NULL;
  int64_t mark = 0;
  if (s->has_temporary &&
      sqlite3_prepare_v2(s->db, "SELECT max(id) FROM temp.c_object", -1, &stmt, NULL) ==
          SQLITE_OK &&
      sqlite3_step(stmt) == SQLITE_ROW) {
    mark = sqlite3_column_int64(stmt, 0);
  }
  (void)sqlite3_finalize(stmt);
  return mark;
}

void engine_drop_temporary_since(engine_session *s, int64_t mark) {
  sql_arena arena;
  int64_t id = 0;
  sql_arena_init(&arena, 1U << 20);
  sql_context kept = s->context;
  s->context = (sql_context){.dialect = s->owner->dialect, .arena = &arena};
  while ((id = temporary_mark(s)) > mark) {
    const catalog_table table = {.id = id,
                                 .kind = 'U',
                                 .temporary = true,
                                 .physical = sql_text(&s->context, "temp.t%lld", (long long)id)};
    if (engine_drop_object(s, &table, NULL) != BR_OK) {
      break;
    }
  }
  s->context = kept;
  sql_arena_done(&arena);
}

void engine_scope_begin(engine_session *s, engine_scope *ret_scope) {
  *ret_scope = (engine_scope){.temporary_mark = temporary_mark(s),
                              .identity_insert = s->identity_insert,
                              .row_limit = s->row_limit,
                              .lock_timeout_ms = s->lock_timeout_ms,
                              .nocount = s->nocount,
                              .xact_abort = s->xact_abort,
                              .fmtonly = s->fmtonly,
                              .quoted_identifier = s->quoted_identifier,
                              .snapshot = s->snapshot,
                              .serializable = s->serializable};
  memcpy(ret_scope->database, s->database, sizeof ret_scope->database);
  memcpy(ret_scope->schema, s->schema, sizeof ret_scope->schema);
}

void engine_scope_end(engine_session *s, const engine_scope *scope) {
  s->identity_insert = scope->identity_insert;
  s->row_limit = scope->row_limit;
  s->nocount = scope->nocount;
  s->xact_abort = scope->xact_abort;
  s->fmtonly = scope->fmtonly;
  s->quoted_identifier = scope->quoted_identifier;
  s->snapshot = scope->snapshot;
  s->serializable = scope->serializable;
  if (s->lock_timeout_ms != scope->lock_timeout_ms) {
    engine_set_lock_timeout(s, scope->lock_timeout_ms);
  }
  memcpy(s->database, scope->database, sizeof s->database);
  memcpy(s->schema, scope->schema, sizeof s->schema);
  engine_drop_temporary_since(s, scope->temporary_mark);
}
