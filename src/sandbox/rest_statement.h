/*
 * rest_statement.h: statements that run, have run, and their results.
 *
 *   POST ─▶ statement (PENDING) ─ its own thread: engine session ─▶ RUNNING ─▶ chunks ─▶ SUCCEEDED
 *     └─ waits wait_timeout ◀── any change ───────────────────────────────▶ FAILED, CANCELED
 *
 * A statement lives on after its reply, so that it can be asked for, until STATEMENTS_MAX younger
 * ones have ended or an hour is over.
 */
#ifndef SANDBOX_REST_STATEMENT_H
#define SANDBOX_REST_STATEMENT_H

#include <pthread.h>

#include "base/cancel.h"
#include "base/hash.h"
#include "sandbox/rest.h"
#include "sandbox/rest_arrow.h"

enum {
  REST_STATEMENTS_MAX = 200, /* that have ended and are kept */
  REST_RUNNING_MAX = 64,     /* at a time */
  REST_PARAMETERS_MAX = 256,
  REST_INLINE_MAX = 26214400, /* bytes of a result in the reply itself */
  REST_CHUNK_BYTES = 4 * 1024 * 1024,
  REST_CHUNK_ROWS = 16 * 1024, /* of an Arrow stream: many chunks for little data */
  REST_LIFE_MS = 3600 * 1000,
};

typedef enum rest_state {
  REST_PENDING,
  REST_RUNNING,
  REST_SUCCEEDED,
  REST_FAILED,
  REST_CANCELED,
  REST_CLOSED,
} rest_state;
const char *rest_state_name(rest_state state);

/* A piece of a result: the text of a JSON array of rows, or an Arrow stream, in memory or in a
 * file. */
typedef struct rest_chunk {
  char *text; /* owned; NULL: in a file */
  char *file; /* owned; NULL: in memory */
  size_t length;
  uint64_t row_offset, row_count;
} rest_chunk;

/* A result on its way from batches to chunks. */
typedef struct rest_result {
  bool external;                  /* chunks go to files */
  bool as_arrow;                  /* ARROW_STREAM instead of JSON_ARRAY */
  rest_arrow *arrow;              /* owned; NULL until the columns are known */
  char *file_prefix;              /* owned */
  uint64_t row_limit, byte_limit; /* UINT64_MAX: none */
  json_t *columns;                /* manifest.schema.columns; NULL until known */
  rest_chunk *chunks;             /* owned */
  size_t chunk_count;
  br_buf open; /* the chunk that is being filled */
  uint64_t open_rows;
  uint64_t rows, bytes;
  bool truncated;
} rest_result;

void rest_result_init(rest_result *result);
void rest_result_done(rest_result *result);
/* Takes the columns from a schema. session: knows the types' own names; NULL: they are plain. */
br_status rest_result_columns(rest_result *result, const batch_schema *schema,
                              const engine_session *session, br_error *err) BR_CHECKED;
/* BR_DONE: a limit was reached and the rest is not wanted. BR_ERR_LIMIT: too much for INLINE. */
br_status rest_result_add(rest_result *result, const batch *b, br_error *err) BR_CHECKED;
br_status rest_result_finish(rest_result *result, br_error *err) BR_CHECKED;

typedef struct rest_parameter {
  char *name, *value; /* owned; value NULL: SQL NULL */
  batch_sql_typespec type;
} rest_parameter;

typedef struct rest_statement {
  struct rest_statement *next;
  rest_statements *owner;
  char id[BR_UUID_MAX];
  size_t references; /* the list's one and those of handlers; under the owner's lock */
  pthread_t thread;
  br_cancel *cancel;
  /* The request. */
  char *sql, *catalog, *schema; /* owned */
  rest_parameter *parameters;
  size_t parameter_count;
  /* Under the owner's lock. */
  rest_state state;
  uint64_t ended_ms;
  /* Written by the thread before it ends, read after. */
  rest_result result;
  char error_code[40], sql_state[6];
  char error_message[1400];
} rest_statement;

struct rest_statements {
  pthread_mutex_t lock;
  pthread_cond_t changed; /* any statement's state */
  rest_statement *list;   /* youngest first */
  size_t count, running;
  engine *engine;
  br_cancel *stop;
};

br_status rest_statements_new(engine *e, rest_statements **ret_statements,
                              br_error *err) BR_CHECKED;
/* Cancels all that runs and wakes all that wait. */
void rest_statements_stop(rest_statements *statements);
void rest_statements_free(rest_statements *statements);
const br_cancel *rest_stop_token(const rest_server *server);

/* rest_run.c: the thread of a statement. */
void *rest_statement_run(void *statement);
/* "DECIMAL(10,2)" and the like as parameters name their types. */
br_status rest_type_parse(const char *text, batch_sql_typespec *ret_type, br_error *err) BR_CHECKED;
/* What the statement API calls a type: "LONG" for "BIGINT", "ARRAY" for "ARRAY<INT>". */
void rest_type_name(const char *type_text, char *name, size_t size);

br_status rest_post_statement(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_statement(http_request *request, http_reply *reply, br_error *err);
br_status rest_close_statement(http_request *request, http_reply *reply, br_error *err);
br_status rest_cancel_statement(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_chunk(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_result_file(http_request *request, http_reply *reply, br_error *err);

#endif
