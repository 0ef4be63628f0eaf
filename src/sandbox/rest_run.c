/*
 * The thread of a statement: a session of its own, the engine's results into chunks.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sandbox/rest_statement.h"

enum { BATCH_ROWS = 1024 };

static void set_failure(rest_statement *s, const char *code, const char *message) {
  (void)snprintf(s->error_code, sizeof s->error_code, "%s", code);
  size_t length = strnlen(message, sizeof s->error_message - 1);
  memcpy(s->error_message, message, length);
  s->error_message[length] = '\0';
}

/* "[CONDITION] text SQLSTATE: xxxxx", as a workspace words what is wrong with the SQL. */
static br_status sql_failure(rest_statement *s, const engine_error *e) {
  char text[1400];
  const bool worded = e->message[0] == '[' || e->condition[0] == '\0';
  const bool told = e->sqlstate[0] == '\0' || strstr(e->message, "SQLSTATE: ") != NULL;
  (void)snprintf(text, sizeof text, "%s%s%s%s%s%s", worded ? "" : "[", worded ? "" : e->condition,
                 worded ? "" : "] ", e->message,
                 told ? "" : " SQLSTATE: ", told ? "" : e->sqlstate);
  (void)snprintf(s->sql_state, sizeof s->sql_state, "%s", e->sqlstate);
  set_failure(s, "BAD_REQUEST", text);
  return BR_ERR_REMOTE;
}

/* What statements that change rows answer with: one row of counts. */
static const struct {
  const char *kind;
  const char *columns[4];
} count_columns[] = {
    {"INSERT", {"num_affected_rows", "num_inserted_rows"}},
    {"UPDATE", {"num_affected_rows"}},
    {"DELETE", {"num_affected_rows"}},
    {"TRUNCATE", {"num_affected_rows"}},
    {"MERGE", {"num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"}},
};

static br_status add_counts(rest_statement *s, const engine_session *session, br_error *err) {
  const char *kind = engine_statement_kind(session);
  const engine_merge_counts merged = engine_rows_merged(session);
  int64_t counts[] = {engine_rows_affected(session), merged.updated, merged.deleted,
                      merged.inserted};
  const char *const *columns = NULL;
  for (size_t i = 0; i < sizeof count_columns / sizeof count_columns[0]; i++) {
    if (br_text_starts_with(kind, count_columns[i].kind)) {
      columns = count_columns[i].columns;
    }
  }
  if (columns == NULL) {
    return BR_OK;
  }
  if (br_text_starts_with(kind, "INSERT")) {
    counts[1] = counts[0];
  }
  size_t width = 0;
  while (width < 4 && columns[width] != NULL) {
    width++;
  }
  batch_schema *schema = NULL;
  batch *b = NULL;
  br_status st = batch_schema_new(width, &schema, err);
  for (size_t i = 0; i < width && st == BR_OK; i++) {
    st = batch_schema_set(schema, i, columns[i], (batch_type){.layout = BATCH_INT64}, true, err);
  }
  if (st == BR_OK) {
    st = batch_new(schema, 1, &b, err);
  }
  if (st == BR_OK) {
    for (size_t i = 0; i < width; i++) {
      ((int64_t *)b->columns[i].values)[0] = counts[i];
      batch_column_mark_valid(&b->columns[i], 0);
    }
    b->rows = 1;
    st = rest_result_columns(&s->result, schema, NULL, err);
  }
  if (st == BR_OK) {
    st = rest_result_add(&s->result, b, err);
  }
  batch_free(b);
  batch_schema_free(schema);
  return st == BR_DONE ? BR_OK : st;
}

static br_status add_rows(rest_statement *s, engine_session *session, br_error *err) {
  const batch_schema *schema = engine_result_schema(session);
  batch *b = NULL;
  br_status st = rest_result_columns(&s->result, schema, session, err);
  if (st == BR_OK) {
    st = batch_new(schema, BATCH_ROWS, &b, err);
  }
  while (st == BR_OK) {
    batch_reset(b, (size_t)1 << 20);
    st = engine_read_batch(session, b, err);
    if (st == BR_ERR_REMOTE) {
      st = sql_failure(s, engine_result_error(session));
    }
    if (st == BR_OK) {
      st = rest_result_add(&s->result, b, err);
    }
    if (st == BR_OK) {
      st = br_cancel_check(s->cancel, err);
    }
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

static br_status run_results(rest_statement *s, engine_session *session, br_error *err) {
  for (;;) {
    engine_result_kind kind;
    br_status st = engine_next_result(session, &kind, err);
    if (st != BR_OK) {
      return st == BR_DONE ? BR_OK : st;
    }
    if (kind == ENGINE_ROWS) {
      st = add_rows(s, session, err);
    } else if (kind == ENGINE_COUNT) {
      st = add_counts(s, session, err);
    } else if (kind == ENGINE_ERROR) {
      st = sql_failure(s, engine_result_error(session));
    }
    if (st != BR_OK) {
      return st;
    }
  }
}

static br_status run_in_session(rest_statement *s, engine_session *session, br_error *err) {
  if (s->catalog != NULL || s->schema != NULL) {
    engine_error why = {0};
    br_status st = engine_session_use(session, s->catalog, s->schema, &why, err);
    if (st != BR_OK) {
      return st == BR_ERR_REMOTE || why.message[0] != '\0' ? sql_failure(s, &why) : st;
    }
  }
  engine_parameter parameters[REST_PARAMETERS_MAX];
  for (size_t i = 0; i < s->parameter_count; i++) {
    const rest_parameter *p = &s->parameters[i];
    parameters[i] = (engine_parameter){.name = p->name,
                                       .type = p->type,
                                       .value = p->value,
                                       .value_length = p->value != NULL ? strlen(p->value) : 0};
  }
  br_status st = engine_execute(session, s->sql, strlen(s->sql), parameters, s->parameter_count,
                                s->cancel, err);
  if (st == BR_OK) {
    st = run_results(s, session, err);
  }
  return st == BR_OK ? rest_result_finish(&s->result, err) : st;
}

static br_status run(rest_statement *s, br_error *err) {
  engine_session *session = NULL;
  if (s->owner->engine == NULL) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "This workspace has no SQL engine");
  }
  br_status st = engine_session_new(s->owner->engine, &session, err);
  if (st == BR_OK) {
    st = run_in_session(s, session, err);
  }
  engine_session_free(session);
  return st;
}

static void set_state(rest_statement *s, rest_state state) {
  rest_statements *owner = s->owner;
  (void)pthread_mutex_lock(&owner->lock);
  s->state = state;
  if (state >= REST_SUCCEEDED) {
    s->ended_ms = br_clock_monotonic_ms();
    owner->running--;
  }
  (void)pthread_cond_broadcast(&owner->changed);
  (void)pthread_mutex_unlock(&owner->lock);
}

void *rest_statement_run(void *statement) {
  rest_statement *s = statement;
  br_error err = BR_ERROR_INIT;
  set_state(s, REST_RUNNING);
  br_status st = run(s, &err);
  rest_state state = REST_SUCCEEDED;
  if (st != BR_OK) {
    state = REST_FAILED;
    if (br_cancel_requested(s->cancel)) {
      state = REST_CANCELED;
    } else if (s->error_code[0] == '\0') {
      set_failure(s, st == BR_ERR_LIMIT ? "BAD_REQUEST" : "INTERNAL_ERROR", err.message);
    }
  }
  set_state(s, state);
  return NULL;
}

/* Parameter types: SQL's names and the statement API's. */
static const struct {
  const char *name;
  batch_sql_typespec type;
} types[] = {
    {"STRING", {.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX}},
    {"BOOLEAN", {.type = BATCH_SQL_BIT}},
    {"BYTE", {.type = BATCH_SQL_SMALLINT}},
    {"TINYINT", {.type = BATCH_SQL_SMALLINT}},
    {"SHORT", {.type = BATCH_SQL_SMALLINT}},
    {"SMALLINT", {.type = BATCH_SQL_SMALLINT}},
    {"INT", {.type = BATCH_SQL_INT}},
    {"INTEGER", {.type = BATCH_SQL_INT}},
    {"LONG", {.type = BATCH_SQL_BIGINT}},
    {"BIGINT", {.type = BATCH_SQL_BIGINT}},
    {"FLOAT", {.type = BATCH_SQL_REAL}},
    {"REAL", {.type = BATCH_SQL_REAL}},
    {"DOUBLE", {.type = BATCH_SQL_FLOAT}},
    {"DECIMAL", {.type = BATCH_SQL_DECIMAL, .precision = 10}},
    {"NUMERIC", {.type = BATCH_SQL_DECIMAL, .precision = 10}},
    {"DATE", {.type = BATCH_SQL_DATE}},
    {"TIMESTAMP", {.type = BATCH_SQL_DATETIMEOFFSET, .scale = 6}},
    {"TIMESTAMP_NTZ", {.type = BATCH_SQL_DATETIME2, .scale = 6}},
    {"BINARY", {.type = BATCH_SQL_VARBINARY, .length = BATCH_LENGTH_MAX}},
};

br_status rest_type_parse(const char *text, batch_sql_typespec *ret_type, br_error *err) {
  char name[32];
  unsigned precision = 0, scale = 0;
  int used = 0;
  size_t length = strcspn(text, "( ");
  if (length >= sizeof name) {
    length = 0;
  }
  memcpy(name, text, length);
  name[length] = '\0';
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (!br_text_equal_nocase(types[i].name, name)) {
      continue;
    }
    batch_sql_typespec type = types[i].type;
    const char *rest = text + length;
    if (type.type == BATCH_SQL_DECIMAL && *rest == '(') {
      if ((sscanf(rest, "(%2u,%2u)%n", &precision, &scale, &used) != 2 || used == 0) &&
          (sscanf(rest, "(%2u)%n", &precision, &used) != 1 || used == 0)) {
        break;
      }
      rest += used;
      if (precision < 1 || precision > 38 || scale > precision) {
        break;
      }
      type.precision = (uint8_t)precision;
      type.scale = (uint8_t)scale;
    }
    if (*rest != '\0') {
      break;
    }
    *ret_type = type;
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_USAGE, "Parameter type %s is not supported", text);
}
