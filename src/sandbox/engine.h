/*
 * engine.h: the sandbox's SQL: text in one of two dialects in, typed rows out, SQLite underneath.
 *
 *   text ──lexer──▶ tokens ──parser──▶ tree ──binder (types, names)──▶ typed tree ──emitter──▶
 * SQLite SQL ──▶ batches
 *
 * What the dialect means differently from SQLite (integer division, decimal scale, collation,
 * datetime rounding…) is done its way or refused with a clear error: never a wrong answer. The
 * servers (TDS, REST) know only this header.
 */
#ifndef SANDBOX_ENGINE_H
#define SANDBOX_ENGINE_H

#include "base/cancel.h"
#include "batch/batch.h"

typedef enum engine_dialect { ENGINE_TSQL, ENGINE_DATABRICKS } engine_dialect;

/* One database file with its catalog; shared by sessions. */
typedef struct engine engine;
typedef struct engine_options {
  engine_dialect dialect;
  const char *path;           /* of the SQLite file */
  const char *volumes_folder; /* Databricks: what /Volumes/ stands for on disk; NULL for T-SQL */
} engine_options;
br_status engine_open(const engine_options *options, engine **ret_engine, br_error *err) BR_CHECKED;
void engine_close(engine *e);

/* An error as the dialect reports it. For T-SQL number/state/severity/line; for Databricks
 * condition ("TABLE_OR_VIEW_NOT_FOUND") and sqlstate. */
typedef struct engine_error {
  int32_t number;
  uint8_t state, severity;
  int32_t line;
  char condition[96];
  char sqlstate[6];
  char message[1024];
} engine_error;

/* One user's session: current database (catalog) and schema, options, temporary tables,
 * transaction. Used by one thread at a time. */
typedef struct engine_session engine_session;
br_status engine_session_new(engine *e, engine_session **ret_session, br_error *err) BR_CHECKED;
void engine_session_free(engine_session *s);
/* T-SQL: USE; Databricks: the request's catalog. engine_error number 911 / condition
 * SCHEMA_NOT_FOUND where there is none. */
br_status engine_session_use(engine_session *s, const char *database, const char *schema,
                             engine_error *ret_error, br_error *err) BR_CHECKED;
/* T-SQL: sp_reset_connection: options, temporary tables and session's locks as in a new session, in
 * this database (NULL: master); an open transaction is rolled back unless it is to be kept. */
br_status engine_session_reset(engine_session *s, const char *database, bool keep_transaction,
                               engine_error *ret_error, br_error *err) BR_CHECKED;
const char *engine_session_database(const engine_session *s);
/* SET FMTONLY, for requests of the protocol that it does not concern; returns what it was. */
bool engine_session_set_fmtonly(engine_session *s, bool on);

/* A bound parameter: sp_executesql's @p or Databricks' :name. Value as text of the type's own form
 * (binary: the bytes themselves); NULL = SQL NULL. */
typedef struct engine_parameter {
  const char *name; /* without @ or : */
  batch_sql_typespec type;
  const char *value;
  size_t value_length;
} engine_parameter;

/* Begins a batch of one or more statements. After it engine_next_result() until BR_DONE, or
 * engine_abandon(); until then the session asks `cancel`. */
br_status engine_execute(engine_session *s, const char *sql, size_t length,
                         const engine_parameter *parameters, size_t parameter_count,
                         br_cancel *cancel, br_error *err) BR_CHECKED;

typedef enum engine_result_kind {
  ENGINE_ROWS,    /* engine_result_schema(), engine_read_batch() */
  ENGINE_COUNT,   /* engine_rows_affected() */
  ENGINE_NONE,    /* DDL, SET, PRINT… */
  ENGINE_ERROR,   /* engine_result_error(); in T-SQL the batch may go on */
  ENGINE_MESSAGE, /* PRINT and warnings: engine_result_error() with severity <= 10 */
} engine_result_kind;
/* Next result of the batch, in order. BR_DONE: the batch has ended. Errors of the SQL itself are
 * results (ENGINE_ERROR), not failures of this call. */
br_status engine_next_result(engine_session *s, engine_result_kind *ret_kind,
                             br_error *err) BR_CHECKED;
/* Ends a batch whose results will not be read to the end: what it has done stays; under XACT_ABORT
 * an open transaction is rolled back, as SQL Server answers an attention. */
void engine_abandon(engine_session *s);
/* An error that came from outside (a fault on purpose): ends the batch and does to the transaction
 * what an error of this number does. */
void engine_strike(engine_session *s, int32_t number);
const batch_schema *engine_result_schema(
    const engine_session *s); /* every field has its source type: fields[i].source */
int64_t engine_rows_affected(const engine_session *s); /* -1: not to be told (SET NOCOUNT ON) */
/* Of a MERGE (engine_statement_kind()), which affected their sum. */
typedef struct engine_merge_counts {
  int64_t updated, deleted, inserted;
} engine_merge_counts;
engine_merge_counts engine_rows_merged(const engine_session *s);
const engine_error *engine_result_error(const engine_session *s);
/* A column's type as its dialect writes it: "decimal(10,2)", "ARRAY<STRING>". */
const char *engine_result_type_text(const engine_session *s, size_t column);
/* What batches leave out of datetimeoffset (the offset; its batch holds UTC) and of scale 7 (the
 * 100 ns digit, 0..9), for each row of the batch that was read last. NULL: column is of another
 * type. */
typedef struct engine_extra {
  int16_t offset_minutes;
  uint8_t tick;
} engine_extra;
const engine_extra *engine_result_extra(const engine_session *s, size_t column);
/* The statement's word for DONE's CurCmd and for Databricks' result columns: "SELECT", "INSERT",
 * "MERGE", "CREATE TABLE"… */
const char *engine_statement_kind(const engine_session *s);
/* Appends rows up to capacity; BR_DONE: none left. A failure of the SQL while rows flow (division
 * by zero) is BR_ERR_REMOTE with engine_result_error() filled. */
br_status engine_read_batch(engine_session *s, batch *b, br_error *err) BR_CHECKED;
bool engine_in_transaction(const engine_session *s);
/* What the last EXECUTE returned. */
int32_t engine_return_status(const engine_session *s);
/* What a text run by EXECUTE or a remote call may change and what ends with it: SET options, the
 * current database, #temp tables. */
enum { ENGINE_NAME_MAX = 513 };
typedef struct engine_scope {
  int64_t temporary_mark, identity_insert, row_limit;
  int lock_timeout_ms;
  bool nocount, xact_abort, fmtonly, quoted_identifier, snapshot, serializable;
  char database[ENGINE_NAME_MAX], schema[ENGINE_NAME_MAX];
} engine_scope;
void engine_scope_begin(engine_session *s, engine_scope *ret_scope);
void engine_scope_end(engine_session *s, const engine_scope *scope);

/* Describes the columns that a table takes (bulk load); column list NULL = all insertable. */
br_status engine_describe_table(engine_session *s, const char *table_name,
                                batch_schema **ret_schema, engine_error *ret_error,
                                br_error *err) BR_CHECKED;
/* INSERT BULK's hints that change what is kept. */
typedef struct engine_load_hints {
  bool keep_nulls;        /* a NULL that is sent stays one where its column has a default */
  bool check_constraints; /* CHECK and FOREIGN KEY are looked at */
} engine_load_hints;
/* Around a load of several batches, which is kept whole or not at all: a transaction of its own, or
 * a part of the one that is open. After a failed begin there is no end. Without check_constraints a
 * table that has some is refused (40517): the sandbox knows no rows that were not checked. */
br_status engine_load_begin(engine_session *s, const char *table_name, engine_load_hints hints,
                            engine_error *ret_error, br_error *err) BR_CHECKED;
br_status engine_load_end(engine_session *s, bool keep, engine_error *ret_error,
                          br_error *err) BR_CHECKED;
/* Bulk insert of a batch into a table by column name; all rows or none, but for those that an index
 * with IGNORE_DUP_KEY leaves out: *ret_rows counts the others. Outside of a load as with
 * both hints. */
br_status engine_insert_batch(engine_session *s, const char *table_name, const batch *b,
                              uint64_t *ret_rows, engine_error *ret_error,
                              br_error *err) BR_CHECKED;

#endif
