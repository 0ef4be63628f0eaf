#include "fake_engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct engine {
  int unused;
};

struct engine_session {
  char database[129];
  char *sql;  /* owned */
  char *next; /* in sql; NULL: the batch has ended */
  br_cancel *cancel;
  char parameter[256];
  batch_schema *schema;
  int64_t rows, row, affected;
  char kind[24];
  engine_error error;
  bool transaction;
};

static atomic_ullong inserted;

engine *fake_engine_make(void) {
  atomic_store(&inserted, 0);
  return br_calloc(1, sizeof(engine));
}

uint64_t fake_engine_inserted(void) {
  return atomic_load(&inserted);
}

br_status engine_open(const engine_options *options, engine **ret_engine, br_error *err) {
  (void)options;
  *ret_engine = fake_engine_make();
  return *ret_engine != NULL ? BR_OK : br_error_nomem(err);
}

void engine_close(engine *e) {
  br_free(e);
}

br_status engine_session_new(engine *e, engine_session **ret_session, br_error *err) {
  (void)e;
  engine_session *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return br_error_nomem(err);
  }
  (void)snprintf(s->database, sizeof s->database, "master");
  *ret_session = s;
  return BR_OK;
}

void engine_session_free(engine_session *s) {
  if (s != NULL) {
    batch_schema_free(s->schema);
    br_free(s->sql);
    br_free(s);
  }
}

br_status engine_session_use(engine_session *s, const char *database, const char *schema,
                             engine_error *ret_error, br_error *err) {
  (void)schema;
  if (database != NULL && strcmp(database, "nowhere") == 0) {
    *ret_error = (engine_error){.number = 911, .state = 1, .severity = 16};
    (void)snprintf(ret_error->message, sizeof ret_error->message,
                   "Database 'nowhere' does not exist.");
    (void)snprintf(ret_error->condition, sizeof ret_error->condition, "SCHEMA_NOT_FOUND");
    return br_error_set(err, BR_ERR_REMOTE, "no database");
  }
  if (database != NULL) {
    (void)snprintf(s->database, sizeof s->database, "%s", database);
  }
  return BR_OK;
}

bool engine_session_set_fmtonly(engine_session *s, bool on) {
  (void)s;
  return on;
}

const char *engine_session_database(const engine_session *s) {
  return s->database;
}

br_status engine_execute(engine_session *s, const char *sql, size_t length,
                         const engine_parameter *parameters, size_t parameter_count,
                         br_cancel *cancel, br_error *err) {
  br_free(s->sql);
  s->sql = br_strndup(sql, length);
  s->next = s->sql;
  s->cancel = cancel;
  s->parameter[0] = '\0';
  if (parameter_count > 0) {
    (void)snprintf(s->parameter, sizeof s->parameter, "%s=%.*s", parameters[0].name,
                   parameters[0].value != NULL ? (int)parameters[0].value_length : 4,
                   parameters[0].value != NULL ? parameters[0].value : "NULL");
  }
  return s->sql != NULL ? BR_OK : br_error_nomem(err);
}

static br_status set_field(batch_schema *schema, size_t i, const char *name,
                           batch_sql_typespec source, br_error *err) {
  static const batch_type_options plain = {0};
  batch_type type;
  br_status st = batch_type_resolve(&source, &plain, &type, NULL, err);
  if (st == BR_OK) {
    st = batch_schema_set(schema, i, name, type, true, err);
  }
  schema->fields[i].has_source = true;
  schema->fields[i].source = source;
  return st;
}

static const struct {
  const char *name;
  batch_sql_typespec type;
} wide[] = {
    {"bit", {.type = BATCH_SQL_BIT}},
    {"small", {.type = BATCH_SQL_SMALLINT}},
    {"int", {.type = BATCH_SQL_INT}},
    {"big", {.type = BATCH_SQL_BIGINT}},
    {"dec", {.type = BATCH_SQL_DECIMAL, .precision = 20, .scale = 4}},
    {"real", {.type = BATCH_SQL_REAL}},
    {"float", {.type = BATCH_SQL_FLOAT}},
    {"date", {.type = BATCH_SQL_DATE}},
    {"stamp", {.type = BATCH_SQL_DATETIME2, .scale = 3}},
    {"text", {.type = BATCH_SQL_NVARCHAR, .length = BATCH_LENGTH_MAX}},
    {"bytes", {.type = BATCH_SQL_VARBINARY, .length = 10}},
};
enum { WIDE = sizeof wide / sizeof wide[0] };

static br_status make_schema(engine_session *s, const char *what, br_error *err) {
  batch_schema_free(s->schema);
  s->schema = NULL;
  br_status st = BR_OK;
  if (strcmp(what, "wide") == 0) {
    st = batch_schema_new(WIDE, &s->schema, err);
    for (size_t i = 0; i < WIDE && st == BR_OK; i++) {
      st = set_field(s->schema, i, wide[i].name, wide[i].type, err);
    }
    return st;
  }
  st = batch_schema_new(2, &s->schema, err);
  if (st == BR_OK) {
    st = set_field(s->schema, 0, "id", (batch_sql_typespec){.type = BATCH_SQL_INT}, err);
  }
  return st != BR_OK
             ? st
             : set_field(s->schema, 1, "text",
                         (batch_sql_typespec){.type = BATCH_SQL_NVARCHAR, .length = 50}, err);
}

static void set_error(engine_session *s) {
  s->error = (engine_error){.number = 208, .state = 1, .severity = 16, .line = 1};
  (void)snprintf(s->error.message, sizeof s->error.message, "Invalid object name 'fail'.");
  (void)snprintf(s->error.condition, sizeof s->error.condition, "TABLE_OR_VIEW_NOT_FOUND");
  (void)snprintf(s->error.sqlstate, sizeof s->error.sqlstate, "42P01");
}

static br_status run_statement(engine_session *s, char *text, engine_result_kind *ret_kind,
                               br_error *err) {
  long long number = 0;
  (void)snprintf(s->kind, sizeof s->kind, "SELECT");
  s->row = 0;
  if (strncasecmp(text, "set fmtonly on", 14) == 0) {
    s->rows = 0;
    *ret_kind = ENGINE_ROWS;
    return make_schema(s, text, err);
  }
  if (sscanf(text, "rows %lld", &number) == 1 || strcmp(text, "wide") == 0 ||
      strncmp(text, "param", 5) == 0) {
    s->rows = text[0] == 'r' ? number : 1;
    *ret_kind = ENGINE_ROWS;
    return make_schema(s, text, err);
  }
  if (sscanf(text, "count %lld", &number) == 1) {
    (void)snprintf(s->kind, sizeof s->kind, "INSERT");
    s->affected = number;
    *ret_kind = ENGINE_COUNT;
    return BR_OK;
  }
  *ret_kind = ENGINE_NONE;
  (void)snprintf(s->kind, sizeof s->kind, "SET");
  if (strncasecmp(text, "set ", 4) == 0 || strcasecmp(text, "begin transaction") == 0) {
    s->transaction = s->transaction || text[0] == 'b' || text[0] == 'B';
  } else if (strcasecmp(text, "commit transaction") == 0 ||
             strcasecmp(text, "rollback transaction") == 0) {
    (void)snprintf(s->kind, sizeof s->kind, "%s",
                   text[0] == 'c' || text[0] == 'C' ? "COMMIT" : "ROLLBACK");
    s->transaction = false;
  } else if (strncmp(text, "use ", 4) == 0) {
    (void)snprintf(s->database, sizeof s->database, "%.100s", text + 4);
  } else if (strcmp(text, "begin") == 0) {
    s->transaction = true;
  } else if (strcmp(text, "commit") == 0) {
    s->transaction = false;
  } else if (strcmp(text, "full") == 0) {
    return br_error_set(err, BR_ERR_DISK_FULL, "database or disk is full");
  } else if (strcmp(text, "memory") == 0) {
    return br_error_nomem(err);
  } else if (strcmp(text, "wait") == 0) {
    return br_cancel_sleep_ms(s->cancel, 60000, err);
  } else if (text[0] != '\0') {
    set_error(s);
    if (strcmp(text, "fail worded") == 0) {
      (void)snprintf(s->error.message, sizeof s->error.message,
                     "[TABLE_OR_VIEW_NOT_FOUND] Gone. SQLSTATE: 42P01");
    }
    *ret_kind = ENGINE_ERROR;
  }
  return BR_OK;
}

br_status engine_next_result(engine_session *s, engine_result_kind *ret_kind, br_error *err) {
  if (s->next == NULL) {
    return BR_DONE;
  }
  char *text = s->next;
  char *end = strchr(text, ';');
  if (end != NULL) {
    *end++ = '\0';
  }
  s->next = end;
  text += strspn(text, " \n");
  text[strcspn(text, "\n")] = '\0';
  return run_statement(s, text, ret_kind, err);
}

const batch_schema *engine_result_schema(const engine_session *s) {
  return s->schema;
}

int64_t engine_rows_affected(const engine_session *s) {
  return s->affected;
}

const char *engine_result_type_text(const engine_session *s, size_t column) {
  (void)s;
  (void)column;
  return NULL;
}

const engine_extra *engine_result_extra(const engine_session *s, size_t column) {
  (void)s;
  (void)column;
  return NULL;
}

const engine_error *engine_result_error(const engine_session *s) {
  return &s->error;
}

const char *engine_statement_kind(const engine_session *s) {
  return s->kind;
}

static void set_bit(batch_column *column, size_t row) {
  ((uint8_t *)column->values)[row >> 3] |= (uint8_t)(1U << (row & 7U));
}

static br_status wide_row(batch *b, br_error *err) {
  batch_column *c = b->columns;
  set_bit(&c[0], 0);
  ((int16_t *)c[1].values)[0] = -2;
  ((int32_t *)c[2].values)[0] = 3;
  ((int64_t *)c[3].values)[0] = -4000000000;
  const int64_t decimal[2] = {1234567, 0};
  memcpy(c[4].values, decimal, sizeof decimal);
  ((float *)c[5].values)[0] = 1.5F;
  ((double *)c[6].values)[0] = 1e100;
  ((int32_t *)c[7].values)[0] = 15706;
  ((int64_t *)c[8].values)[0] = 1357016400123000;
  br_status st = batch_column_append_bytes(&c[9], 0, "a\"b\n\xC3\xB1", 6, err);
  return st == BR_OK ? batch_column_append_bytes(&c[10], 0, "\x01\xFF", 2, err) : st;
}

static br_status narrow_row(engine_session *s, batch *b, br_error *err) {
  char text[300];
  int length = s->parameter[0] != '\0' ? snprintf(text, sizeof text, "%s", s->parameter)
                                       : snprintf(text, sizeof text, "row %lld", (long long)s->row);
  ((int32_t *)b->columns[0].values)[b->rows] = (int32_t)s->row;
  batch_column_mark_valid(&b->columns[0], b->rows);
  if (s->parameter[0] == '\0' && s->row % 3 == 2) {
    return batch_column_append_null(&b->columns[1], b->rows, err);
  }
  return batch_column_append_bytes(&b->columns[1], b->rows, text, (size_t)length, err);
}

br_status engine_read_batch(engine_session *s, batch *b, br_error *err) {
  if (s->row == s->rows) {
    return BR_DONE;
  }
  while (s->row < s->rows && b->rows < b->capacity_rows) {
    br_status st = b->schema->count == WIDE ? wide_row(b, err) : narrow_row(s, b, err);
    if (st != BR_OK) {
      return st;
    }
    b->rows++;
    s->row++;
  }
  return BR_OK;
}

bool engine_in_transaction(const engine_session *s) {
  return s->transaction;
}

br_status engine_describe_table(engine_session *s, const char *table_name,
                                batch_schema **ret_schema, engine_error *ret_error, br_error *err) {
  (void)s;
  if (strcmp(table_name, "t") != 0 && strcmp(table_name, "[dbo].[t]") != 0) {
    *ret_error = (engine_error){.number = 208, .state = 1, .severity = 16, .line = 1};
    (void)snprintf(ret_error->message, sizeof ret_error->message, "Invalid object name '%.100s'.",
                   table_name);
    return br_error_set(err, BR_ERR_REMOTE, "no table");
  }
  batch_schema *schema = NULL;
  br_status st = batch_schema_new(2, &schema, err);
  if (st == BR_OK) {
    st = set_field(schema, 0, "id", (batch_sql_typespec){.type = BATCH_SQL_INT}, err);
  }
  if (st == BR_OK) {
    st = set_field(schema, 1, "text",
                   (batch_sql_typespec){.type = BATCH_SQL_NVARCHAR, .length = 50}, err);
  }
  if (st != BR_OK) {
    batch_schema_free(schema);
    return st;
  }
  *ret_schema = schema;
  return BR_OK;
}

br_status engine_insert_batch(engine_session *s, const char *table_name, const batch *b,
                              uint64_t *ret_rows, engine_error *ret_error, br_error *err) {
  (void)s;
  (void)table_name;
  (void)ret_error;
  (void)err;
  atomic_fetch_add(&inserted, b->rows);
  *ret_rows = b->rows;
  return BR_OK;
}

int32_t engine_return_status(const engine_session *s) {
  return (int32_t)s->affected;
}

void engine_scope_begin(engine_session *s, engine_scope *ret_scope) {
  (void)s;
  *ret_scope = (engine_scope){0};
}

void engine_scope_end(engine_session *s, const engine_scope *scope) {
  (void)s;
  (void)scope;
}

engine_merge_counts engine_rows_merged(const engine_session *s) {
  return (engine_merge_counts){.inserted = s->affected};
}

br_status engine_session_reset(engine_session *s, const char *database, bool keep_transaction,
                               engine_error *ret_error, br_error *err) {
  s->transaction = s->transaction && keep_transaction;
  return engine_session_use(s, database == NULL ? "master" : database, NULL, ret_error, err);
}

void engine_abandon(engine_session *s) {
  s->next = NULL;
}

void engine_strike(engine_session *s, int32_t number) {
  (void)number;
  s->next = NULL;
}

br_status engine_load_begin(engine_session *s, const char *table_name, engine_load_hints hints,
                            engine_error *ret_error, br_error *err) {
  (void)s;
  (void)table_name;
  (void)hints;
  (void)ret_error;
  (void)err;
  return BR_OK;
}

br_status engine_load_end(engine_session *s, bool keep, engine_error *ret_error, br_error *err) {
  (void)s;
  (void)keep;
  (void)ret_error;
  (void)err;
  return BR_OK;
}
