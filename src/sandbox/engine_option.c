/*
 * engine_option.c: SET, variables, PRINT, RAISERROR, THROW, USE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sandbox/engine_internal.h"
#include "sandbox/sql/lexer.h"
#include "store/store.h"

/* ---- variables ---- */

br_status engine_variable_add(engine_session *s, const char *name, const sql_type *type,
                              sql_variable **ret_variable, br_error *err) {
  for (const sql_variable *v = s->environment.variables; v != NULL; v = v->next) {
    if (br_text_equal_nocase(v->name, name)) {
      sql_error_set(&s->error, 134, 15,
                    "The variable name '@%s' has already been declared. Variable names must be "
                    "unique within a query batch or stored procedure.",
                    name);
      return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
    }
  }
  sql_variable *v = br_calloc(1, sizeof *v);
  if (v == NULL || (v->name = br_strdup(name)) == NULL) {
    br_free(v);
    return br_error_nomem(err);
  }
  v->type = *type;
  v->type.text = NULL;
  v->number = ++s->variable_count;
  v->next = s->environment.variables;
  s->environment.variables = v;
  *ret_variable = v;
  return BR_OK;
}

static br_status store_value(sql_variable *v, const sql_value *value, br_error *err) {
  char *copy = NULL;
  bool bytes = value->form == SQL_FORM_TEXT || value->form == SQL_FORM_BLOB;
  if (bytes && (copy = br_strndup(value->p, value->n)) == NULL) {
    return br_error_nomem(err);
  }
  br_free((char *)v->value.p);
  v->value = *value;
  v->value.p = copy;
  return BR_OK;
}

br_status engine_variable_set(engine_session *s, sql_variable *variable, const sql_type *from,
                              const sql_value *value, br_error *err) {
  sql_value out;
  sql_conversion c = {.dialect = s->owner->dialect,
                      .style = SQL_STYLE_NONE,
                      .scratch = &s->runtime.scratch,
                      .error = &s->error,
                      .err = err};
  br_status st = sql_convert(&c, from, &variable->type, value, &out);
  if (st == BR_ERR_REMOTE) {
    return br_error_set(err, st, "%s", s->error.message);
  }
  return st != BR_OK ? st : store_value(variable, &out, err);
}

/* The REST server names Databricks' types by their nearest of SQL Server. */
br_status engine_parameter_type(const engine_parameter *p, sql_type *ret_type, br_error *err) {
  switch (p->type.type) {
  case BATCH_SQL_CHAR:
  case BATCH_SQL_VARCHAR:
  case BATCH_SQL_NCHAR:
  case BATCH_SQL_NVARCHAR:
  case BATCH_SQL_TEXT:
  case BATCH_SQL_NTEXT:
    *ret_type = sql_type_of(SQL_STRING);
    return BR_OK;
  case BATCH_SQL_TINYINT:
    *ret_type = sql_type_of(SQL_BYTE);
    return BR_OK;
  case BATCH_SQL_DATETIME2:
  case BATCH_SQL_DATETIME:
    *ret_type = sql_type_of(SQL_TIMESTAMP_NTZ);
    return BR_OK;
  case BATCH_SQL_DATETIMEOFFSET:
    *ret_type = sql_type_of(SQL_TIMESTAMP);
    return BR_OK;
  default:
    return sql_type_of_spec(&p->type, ret_type, err);
  }
}

static sql_variable *find_variable(engine_session *s, const char *name) {
  for (sql_variable *v = s->environment.variables; v != NULL; v = v->next) {
    if (br_text_equal_nocase(v->name, name)) {
      return v;
    }
  }
  return NULL;
}

static br_status declare(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  for (const sql_declaration *d = stmt->declarations; d != NULL; d = d->next) {
    sql_type type;
    sql_variable *v = NULL;
    sql_value value = sql_value_null();
    if (!bind_type(&b, d->type, false, &type)) {
      return engine_context_failed(s, err);
    }
    v = find_variable(s, d->name);
    bool again = v != NULL && s->frame_count > 1; /* DECLARE inside a loop runs each time */
    br_status st = again ? BR_OK : engine_variable_add(s, d->name, &type, &v, err);
    if (st == BR_OK && d->value != NULL) {
      st = engine_evaluate(s, d->value, &type, &value, err);
      if (st == BR_OK) {
        st = store_value(v, &value, err);
      }
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static int arithmetic_of(int op) {
  static const char operators[] = "+-*/%";
  return operators[op - SQL_OP_PLUS_SET];
}

static br_status set_variable(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_assignment *a = stmt->assignments;
  sql_variable *v = find_variable(s, a->variable);
  sql_value value = sql_value_null();
  if (v == NULL) {
    (void)sql_fail(&s->context, 137, stmt->line, "Must declare the scalar variable \"@%s\".",
                   a->variable);
    return engine_context_failed(s, err);
  }
  sql_expr current = {.kind = SQL_E_VARIABLE, .text = a->variable, .line = stmt->line};
  sql_expr combined = {.kind = SQL_E_BINARY_OP,
                       .op = a->op == '=' ? 0 : arithmetic_of(a->op),
                       .a = &current,
                       .b = a->value,
                       .line = stmt->line};
  br_status st = engine_evaluate(s, a->op == '=' ? a->value : &combined, &v->type, &value, err);
  return st != BR_OK ? st : store_value(v, &value, err);
}

/* ---- SET ---- */

static bool is_on(const sql_stmt *stmt) {
  return br_text_equal_nocase(stmt->value, "ON");
}

static br_status check_switch(engine_session *s, const sql_stmt *stmt, br_error *err) {
  if (is_on(stmt) || br_text_equal_nocase(stmt->value, "OFF")) {
    return BR_OK;
  }
  sql_error_set(&s->error, 102, 15, "Incorrect syntax near '%.100s'.", stmt->value);
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

static br_status set_identity_insert(engine_session *s, const sql_stmt *stmt, br_error *err) {
  sql_binder b = engine_binder(s);
  const catalog_table *table = catalog_need(&s->context, &b.names, &stmt->name);
  if (table == NULL) {
    return engine_context_failed(s, err);
  }
  bool has_identity = false;
  for (size_t i = 0; i < table->column_count; i++) {
    has_identity = has_identity || table->columns[i].identity;
  }
  const char *name = engine_table_name(&s->context, table);
  int64_t id = table->temporary ? -table->id : table->id;
  br_status st = check_switch(s, stmt, err);
  if (st != BR_OK) {
    return st;
  }
  if (!has_identity) {
    sql_error_set(&s->error, 8106, 16,
                  "Table '%s' does not have the identity property. Cannot perform SET operation.",
                  name == NULL ? "" : name);
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  if (is_on(stmt) && s->identity_insert != 0 && s->identity_insert != id) {
    sql_error_set(&s->error, 8107, 16,
                  "IDENTITY_INSERT is already ON for another table. Cannot perform SET operation "
                  "for table '%s'.",
                  name == NULL ? "" : name);
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  s->identity_insert = is_on(stmt) ? id : 0;
  return BR_OK;
}

static br_status set_number(engine_session *s, const sql_stmt *stmt, int64_t least,
                            int64_t *ret_value, br_error *err) {
  char *end = NULL;
  long long value = strtoll(stmt->value, &end, 10);
  if (*end != '\0' || value < least) {
    sql_error_set(&s->error, 102, 15, "Incorrect syntax near '%s'.", stmt->value);
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  *ret_value = value;
  return BR_OK;
}

/* Options that clients set at login and whose only supported value is this. */
static const struct {
  const char *name;
  const char *value; /* the other one is refused; NULL: any */
} accepted[] = {
    {"ANSI_DEFAULTS", NULL},
    {"ANSI_NULL_DFLT_ON", NULL},
    {"ANSI_NULL_DFLT_OFF", NULL},
    {"ANSI_NULLS", "ON"},
    {"ANSI_PADDING", "ON"},
    {"ANSI_WARNINGS", "ON"},
    {"ARITHABORT", NULL},
    {"ARITHIGNORE", "OFF"},
    {"CONCAT_NULL_YIELDS_NULL", "ON"},
    {"CURSOR_CLOSE_ON_COMMIT", NULL},
    {"IMPLICIT_TRANSACTIONS", "OFF"},
    {"NUMERIC_ROUNDABORT", "OFF"},
    {"TEXTSIZE", NULL},
    {"LANGUAGE", "us_english"},
    {"DATEFORMAT", "mdy"},
    {"DATEFIRST", "7"},
    {"DEADLOCK_PRIORITY", NULL},
    {"STATISTICS", NULL},
    {"SHOWPLAN_ALL", "OFF"},
    {"SHOWPLAN_TEXT", "OFF"},
    {"SHOWPLAN_XML", "OFF"},
    {"NOEXEC", "OFF"},
    {"PARSEONLY", "OFF"},
    {"FORCEPLAN", NULL},
    {"NO_BROWSETABLE", NULL},
    {"FIPS_FLAGGER", "OFF"},
    {"CONTEXT_INFO", NULL},
    {"QUERY_GOVERNOR_COST_LIMIT", NULL},
    {"REMOTE_PROC_TRANSACTIONS", NULL},
    {"XML", NULL},
};

static br_status set_isolation(engine_session *s, const sql_stmt *stmt, br_error *err) {
  static const char *const known[] = {"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ",
                                      "SNAPSHOT", "SERIALIZABLE"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (br_text_equal_nocase(stmt->value, known[i])) {
      s->snapshot = i == 3;
      s->serializable = i == 2 || i == 4;
      return BR_OK;
    }
  }
  sql_error_set(&s->error, 102, 15, "Incorrect syntax near '%s'.", stmt->value);
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

static br_status set_accepted(engine_session *s, const sql_stmt *stmt, const char *name,
                              br_error *err) {
  for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
    if (!br_text_equal_nocase(name, accepted[i].name)) {
      continue;
    }
    if (accepted[i].value == NULL || br_text_equal_nocase(stmt->value, accepted[i].value) ||
        (br_text_equal_nocase(name, "LANGUAGE") &&
         br_text_equal_nocase(stmt->value, "English"))) { /* us_english's other name */
      return BR_OK;
    }
    sql_error_set(&s->error, 40517, 16, "SET %s %s is not supported by the sandbox.", name,
                  stmt->value);
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  sql_error_set(&s->error, 195, 15, "'%s' is not a recognized SET option.", name);
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

void engine_set_lock_timeout(engine_session *s, int milliseconds) {
  s->lock_timeout_ms = milliseconds;
  (void)sqlite3_busy_timeout(s->db, milliseconds < 0 ? STORE_BUSY_TIMEOUT_MS : milliseconds);
}

static br_status set_one(engine_session *s, const sql_stmt *stmt, const char *name, br_error *err) {
  const struct {
    const char *name;
    bool *flag;
  } flags[] = {{"NOCOUNT", &s->nocount},
               {"XACT_ABORT", &s->xact_abort},
               {"FMTONLY", &s->fmtonly},
               {"QUOTED_IDENTIFIER", &s->quoted_identifier}};
  int64_t number = 0;
  br_status st = BR_OK;
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (br_text_equal_nocase(name, flags[i].name)) {
      st = check_switch(s, stmt, err);
      *flags[i].flag = st == BR_OK ? is_on(stmt) : *flags[i].flag;
      return st;
    }
  }
  if (br_text_equal_nocase(name, "ISOLATION")) {
    return set_isolation(s, stmt, err);
  }
  if (br_text_equal_nocase(name, "IDENTITY_INSERT")) {
    return set_identity_insert(s, stmt, err);
  }
  if (br_text_equal_nocase(name, "ROWCOUNT")) {
    st = set_number(s, stmt, 0, &number, err);
    s->row_limit = st == BR_OK ? number : s->row_limit;
    return st;
  }
  if (br_text_equal_nocase(name, "LOCK_TIMEOUT")) {
    st = set_number(s, stmt, -1, &number, err);
    if (st == BR_OK) {
      engine_set_lock_timeout(s, (int)(number > 1000000 ? 1000000 : number));
    }
    return st;
  }
  return set_accepted(s, stmt, name, err);
}

static br_status set_option(engine_session *s, const sql_stmt *stmt, br_error *err) {
  br_status st = BR_OK;
  const char *p = stmt->text;
  while (*p != '\0' && st == BR_OK) {
    size_t n = strcspn(p, ",");
    const char *name = sql_copy(&s->context, p, n);
    st = name == NULL ? br_error_nomem(err) : set_one(s, stmt, name, err);
    p += n + (p[n] == ',');
  }
  return st;
}

/* ---- messages ---- */

static br_status print(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_type text = sql_type_text(SQL_NVARCHAR, 4000);
  sql_value value = sql_value_null();
  br_status st = engine_evaluate(s, stmt->expr, &text, &value, err);
  if (st == BR_OK) {
    const char *message =
        value.form == SQL_FORM_TEXT ? sql_copy(&s->context, value.p, value.n) : " ";
    s->error.line = stmt->line;
    engine_queue_message(s, 0, 0, message == NULL ? "" : message);
  }
  return st;
}

/* RAISERROR's message with its %d, %s and so on. */
static br_status format_message(engine_session *s, const char *format, const sql_expr *args,
                                br_buf *out, br_error *err) {
  const sql_type text = sql_type_text(SQL_NVARCHAR, 4000);
  br_status st = BR_OK;
  for (const char *p = format; *p != '\0' && st == BR_OK; p++) {
    if (*p != '%') {
      st = br_buf_u8(out, (uint8_t)*p, err);
      continue;
    }
    p++;
    while (*p != '\0' && strchr("-+0 #123456789.*", *p) != NULL) {
      p++;
    }
    if (*p == '%') {
      st = br_buf_u8(out, '%', err);
    } else if (strchr("disuxXo", *p == '\0' ? '?' : *p) != NULL && args != NULL) {
      sql_value value = sql_value_null();
      st = engine_evaluate(s, args, &text, &value, err);
      if (st == BR_OK) {
        st = value.form == SQL_FORM_TEXT ? br_buf_append(out, value.p, value.n, err)
                                         : br_buf_text(out, "(null)", err);
      }
      args = args->next;
    } else {
      st = br_buf_text(out, "(null)", err);
    }
    if (*p == '\0') {
      break;
    }
  }
  return st;
}

static br_status evaluate_integer(engine_session *s, const sql_expr *expr, int64_t *ret_value,
                                  br_error *err) {
  const sql_type integer = sql_type_of(SQL_INT);
  sql_value value = sql_value_null();
  br_status st = engine_evaluate(s, expr, &integer, &value, err);
  *ret_value = value.form == SQL_FORM_INTEGER ? value.i : 0;
  return st;
}

static br_status raise(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_type text = sql_type_text(SQL_NVARCHAR, 2048);
  const sql_expr *message = stmt->args;
  const sql_expr *severity = message->next;
  const sql_expr *state = severity == NULL ? NULL : severity->next;
  sql_value value = sql_value_null();
  int64_t level = 0;
  int64_t number = 0;
  if (state == NULL) {
    sql_error_set(&s->error, 102, 15, "Incorrect syntax near ')'.");
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  br_status st = engine_evaluate(s, message, &text, &value, err);
  if (st == BR_OK && (st = evaluate_integer(s, severity, &level, err)) == BR_OK) {
    st = evaluate_integer(s, state, &number, err);
  }
  if (st != BR_OK) {
    return st;
  }
  br_buf out;
  br_buf_init(&out, 8192);
  const char *format = value.form == SQL_FORM_TEXT ? sql_copy(&s->context, value.p, value.n) : "";
  st = format_message(s, format == NULL ? "" : format, state->next, &out, err);
  if (st == BR_OK) {
    sql_error_set(&s->error, 50000,
                  (uint8_t)(level < 0    ? 0
                            : level > 18 ? 18
                                         : level),
                  "%.*s", (int)out.len, (const char *)out.data);
    s->error.state = (uint8_t)(number < 0 ? 1 : number > 255 ? 255 : number);
    s->error.line = stmt->line;
    if (level <= 10) {
      s->queue[s->queue_count < ENGINE_QUEUE_MAX ? s->queue_count++ : 0] = s->error;
    } else {
      st = br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
    }
  }
  br_buf_done(&out);
  return st;
}

static br_status throw_error(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_type text = sql_type_text(SQL_NVARCHAR, 2048);
  int64_t number = 0;
  int64_t state = 0;
  sql_value message = sql_value_null();
  if (stmt->args == NULL) {
    if (s->environment.caught == NULL) {
      sql_error_set(&s->error, 10704, 15,
                    "To rethrow an error, a THROW statement must be used inside a CATCH block. "
                    "Insert the THROW statement inside a CATCH block, or add error parameters to "
                    "the THROW statement.");
    } else {
      s->error = *s->environment.caught;
    }
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  br_status st = evaluate_integer(s, stmt->args, &number, err);
  if (st == BR_OK) {
    st = engine_evaluate(s, stmt->args->next, &text, &message, err);
  }
  if (st == BR_OK) {
    st = evaluate_integer(s, stmt->args->next->next, &state, err);
  }
  if (st != BR_OK) {
    return st;
  }
  sql_error_set(&s->error, (int32_t)number, 16, "%.*s", (int)message.n,
                message.form == SQL_FORM_TEXT ? message.p : "");
  s->error.state = (uint8_t)state;
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

/* ---- USE ---- */

static br_status use(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_name *name = &stmt->name;
  bool tsql = s->owner->dialect == ENGINE_TSQL;
  br_status st = BR_OK;
  s->statement_kind = "USE";
  if (tsql || stmt->unique) {
    st = engine_session_use(s, name->parts[0], NULL, &s->error, err);
    if (st == BR_OK && tsql) {
      s->error.line = stmt->line;
      engine_queue_message(s, 5701, 0,
                           sql_text(&s->context, "Changed database context to '%s'.", s->database));
    }
    return st;
  }
  return engine_session_use(s, name->count > 1 ? name->parts[0] : NULL,
                            name->parts[name->count - 1], &s->error, err);
}

/* ---- WAITFOR ---- */

static br_status wait_for(engine_session *s, const sql_stmt *stmt, br_error *err) {
  const sql_type time = sql_type_scaled(SQL_TIME, 3);
  sql_value value = sql_value_null();
  br_status st = engine_evaluate(s, stmt->expr, &time, &value, err);
  if (st == BR_OK && value.form == SQL_FORM_INTEGER) {
    st = br_cancel_sleep_ms(s->cancel, (uint64_t)(value.i / (SQL_TICKS_PER_SECOND / 1000)), err);
  }
  return st;
}

br_status engine_option(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                        br_error *err) {
  *ret_outcome = ENGINE_OUTCOME_SILENT;
  switch (stmt->kind) {
  case SQL_S_DECLARE:
    return declare(s, stmt, err);
  case SQL_S_SET_VARIABLE:
    s->environment.rowcount = 1;
    return set_variable(s, stmt, err);
  case SQL_S_SET_OPTION:
    s->statement_kind = "SET";
    *ret_outcome = ENGINE_OUTCOME_NONE;
    return set_option(s, stmt, err);
  case SQL_S_PRINT:
    return print(s, stmt, err);
  case SQL_S_RAISERROR:
    return raise(s, stmt, err);
  case SQL_S_THROW:
    return throw_error(s, stmt, err);
  case SQL_S_USE:
    *ret_outcome = ENGINE_OUTCOME_NONE;
    return use(s, stmt, err);
  case SQL_S_WAITFOR:
    return wait_for(s, stmt, err);
  case SQL_S_EXECUTE:
    *ret_outcome = ENGINE_OUTCOME_NONE;
    return engine_procedure(s, stmt, err);
  default:
    return BR_OK;
  }
}
