/*
 * engine_internal.h: an engine session inside.
 *
 *   engine.c             open, sessions, what the last result was
 *   engine_run.c         a batch: its statements in order, control of flow, errors
 *   engine_select.c      rows
 *   engine_cell.c        a cell into a batch
 *   engine_dml.c         UPDATE, DELETE: rows are computed, then written one by one;
 *                        engine_insert.c: INSERT
 *   engine_merge.c       MERGE
 *   engine_output.c      OUTPUT
 *   engine_write.c       writing one row; identity; what a failed row means
 *   engine_check.c       CHECK and FOREIGN KEY at a statement's end
 *   engine_ddl.c         CREATE, ALTER, DROP; engine_table.c, engine_constraint.c,
 *                        engine_foreign.c, engine_alter.c: what a table is made of
 *   engine_transaction.c transactions
 *   engine_describe.c    SET FMTONLY ON
 *   engine_option.c      SET, variables, PRINT, RAISERROR, THROW, USE, EXECUTE
 *   engine_procedure.c   EXECUTE: application locks, sp_executesql
 *   engine_bulk.c        batches into a table
 *   engine_files.c       parquet files as tables
 */
#ifndef SANDBOX_ENGINE_INTERNAL_H
#define SANDBOX_ENGINE_INTERNAL_H

#include <stdatomic.h>

#include "sandbox/applock.h"
#include "sandbox/engine.h"
#include "sandbox/sql/bind.h"
#include "sandbox/sql/runtime.h"

struct engine {
  engine_dialect dialect;
  char *path, *volumes_folder;
  char *lock_path; /* of the application locks */
  atomic_int next_spid;
};

enum { ENGINE_FRAMES_MAX = 256, ENGINE_CATCH_MAX = 32, ENGINE_QUEUE_MAX = 4 };

/* A list of statements that is being run. */
typedef struct engine_frame {
  const sql_stmt *next;
  const sql_stmt *loop; /* WHILE: asked again when the list has ended */
  const sql_stmt *try_; /* TRY: where its errors go */
  bool in_catch;
} engine_frame;

/* A text that EXECUTE runs inside the batch; engine_procedure.c. */
typedef struct engine_call engine_call;

struct engine_session {
  engine *owner;
  sqlite3 *db;
  sql_runtime runtime;
  char database[ENGINE_NAME_MAX], schema[ENGINE_NAME_MAX];
  bool has_temporary;

  int file_tables; /* temp.files1 … of the batch */

  /* The batch. */
  sql_arena batch_arena, statement_arena; /* trees; what one statement needs */
  sql_context context;                    /* of the statement */
  engine_frame frames[ENGINE_FRAMES_MAX];
  int frame_count;
  engine_call *calls; /* innermost first */
  char *batch_text;
  br_cancel *cancel;
  bool batch_over;

  /* Variables, @@globals. */
  sql_environment environment;
  engine_error caught[ENGINE_CATCH_MAX]; /* of each CATCH that is being run, outermost first */
  int variable_count;

  /* Options. */
  bool nocount, xact_abort, fmtonly, quoted_identifier, snapshot, serializable;
  int64_t identity_insert; /* table's id; 0 = none */
  int64_t row_limit;       /* SET ROWCOUNT */
  int lock_timeout_ms;

  applocks applocks;
  int32_t return_status; /* of the last EXECUTE */

  /* Transaction. */
  int trancount;
  bool in_sqlite;                         /* SQLite has a transaction of ours */
  char transaction_name[ENGINE_NAME_MAX]; /* of the outermost BEGIN TRANSACTION; "" = none */
  bool part_is_whole;                     /* engine_part_begin() opened the transaction */
  bool keeps_locks;                       /* hints of the statement that is being run */
  bool null_is_default;                   /* a load without KEEP_NULLS is under way */
  bool doomed; /* a CATCH holds a transaction that can only be rolled back */

  /* The result. */
  sqlite3_stmt *rows; /* NULL: no rows are being read */
  batch_schema *schema_of_rows;
  sql_type *row_types;
  char **row_type_texts;
  size_t row_width;
  engine_extra **extras;
  size_t extra_rows;
  bool has_output; /* temporary tables of OUTPUT */
  int64_t rows_affected, rows_read;
  engine_merge_counts merged;
  int32_t rows_line; /* of the statement whose rows are read */
  const char *statement_kind;
  engine_error error;
  engine_error queue[ENGINE_QUEUE_MAX]; /* messages that follow */
  int queue_count;
};

/* ---- engine_option.c ---- */
void engine_set_lock_timeout(engine_session *s, int milliseconds); /* -1: the store's own */

/* ---- engine_run.c ---- */
/* A binder for the statement that is being run. */
sql_binder engine_binder(engine_session *s);
/* The context's failure into session->error; returns the context's status. */
br_status engine_context_failed(engine_session *s, br_error *err);
#if defined(__clang_analyzer__) && !defined(ENGINE_RUN_IMPLEMENTATION)
#define engine_context_failed(s, err) ((void)engine_context_failed(s, err), BR_ERR_REMOTE)
#endif
/* After a failed step: runtime error, constraint, cancel. Fills session->error for
 * BR_ERR_REMOTE. */
br_status engine_step_failed(engine_session *s, br_error *err);
/* Changes with every table and index that any process makes or drops; what was bound before is to
 * be bound again. -1: can't be read now. */
int64_t engine_schema_version(engine_session *s);
br_status engine_prepare(engine_session *s, const char *sql, sqlite3_stmt **ret_stmt,
                         br_error *err) BR_CHECKED;
/* One value of an expression that stands alone (SET, IF, PRINT…): text and bytes belong to the
 * statement's arena. */
br_status engine_evaluate(engine_session *s, const sql_expr *expr, const sql_type *as,
                          sql_value *ret_value, br_error *err) BR_CHECKED;
br_status engine_evaluate_condition(engine_session *s, const sql_expr *expr, bool *ret_true,
                                    br_error *err) BR_CHECKED;
/* Rows broke off with session->error; false: a CATCH takes it, the caller sees no error. */
bool engine_rows_failed(engine_session *s);
void engine_queue_message(engine_session *s, int32_t number, uint8_t severity, const char *text);
/* 0 = BR_OK; the statement is over and has no rows. */
typedef enum engine_outcome {
  ENGINE_OUTCOME_SILENT, /* nothing to report */
  ENGINE_OUTCOME_ROWS,
  ENGINE_OUTCOME_COUNT,
  ENGINE_OUTCOME_NONE,
} engine_outcome;

br_status engine_variable_add(engine_session *s, const char *name, const sql_type *type,
                              sql_variable **ret_variable, br_error *err) BR_CHECKED;
/* Databricks: the type of a parameter. */
br_status engine_parameter_type(const engine_parameter *p, sql_type *ret_type,
                                br_error *err) BR_CHECKED;
/* Converts and stores; the value is copied. */
br_status engine_variable_set(engine_session *s, sql_variable *variable, const sql_type *from,
                              const sql_value *value, br_error *err) BR_CHECKED;

/* Begins a list of statements; BR_ERR_LIMIT: nested too deeply. */
br_status engine_frame_push(engine_session *s, engine_frame frame, br_error *err) BR_CHECKED;

/* ---- engine_describe.c ---- */
/* A statement under SET FMTONLY ON. *ret_done false: what runs it as always keeps to FMTONLY. */
br_status engine_describe(engine_session *s, const sql_stmt *stmt, bool *ret_done,
                          br_error *err) BR_CHECKED;

/* ---- engine_procedure.c ---- */
br_status engine_procedure(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;
/* The innermost text has run to its end. */
br_status engine_call_end(engine_session *s, br_error *err) BR_CHECKED;
/* Drops the #temp tables whose ids are bigger. */
void engine_drop_temporary_since(engine_session *s, int64_t mark);
/* Leaves the innermost frame; the text that it belongs to stays. */
void engine_frame_pop(engine_session *s);
/* A CATCH for session->error; there is room, as its TRY has left. */
void engine_frame_catch(engine_session *s, const sql_stmt *body);
/* Leaves all frames from a number on, with the texts that they belong to. */
void engine_frames_cut(engine_session *s, int count);
const sql_stmt *engine_call_statement(const engine_session *s); /* its EXECUTE */
int engine_call_frame(const engine_session *s); /* lowest frame of the innermost text; -1 */
void engine_variables_free(sql_variable *variables);
/* engine_run.c: a text's statements on top of the frames, checked as a batch is. */
br_status engine_push_text(engine_session *s, const sql_stmt *stmts, br_error *err) BR_CHECKED;

/* ---- the statements ---- */
br_status engine_select(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                        br_error *err) BR_CHECKED;
br_status engine_dml(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                     br_error *err) BR_CHECKED;
/* Rows of a bound query to the caller. */
br_status engine_start_rows(engine_session *s, const sql_bound_query *query,
                            br_error *err) BR_CHECKED;
void engine_output_done(engine_session *s);
br_status engine_ddl(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;
br_status engine_transaction(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;
br_status engine_option(engine_session *s, const sql_stmt *stmt, engine_outcome *ret_outcome,
                        br_error *err) BR_CHECKED;
/* Binds without running: errors that SQL Server finds before a batch begins. */
br_status engine_check_statement(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;

void engine_rows_done(engine_session *s);
void engine_batch_done(engine_session *s);
br_status engine_cell_append(engine_session *s, batch *b, size_t index, size_t row,
                             const sql_type *type, const sql_value *value,
                             br_error *err) BR_CHECKED;
/* A cell of a batch as a stored value of the type that its field stands for. */
br_status engine_cell_value(const batch *b, size_t index, size_t row, const sql_type *type,
                            sql_scratch *scratch, sql_value *ret_value, br_error *err) BR_CHECKED;
sql_type engine_field_type(const batch_field *field, engine_dialect dialect);

/* ---- engine_transaction.c ---- */
/* Around a statement that writes: opens SQLite's transaction where there is none, and a savepoint
 * inside; done(ok) keeps or undoes what lies between. */
br_status engine_write_begin(engine_session *s, bool temporary_only, br_error *err) BR_CHECKED;
br_status engine_write_end(engine_session *s, bool keep, br_error *err) BR_CHECKED;
/* Around several statements that are kept together or not at all. */
br_status engine_part_begin(engine_session *s, br_error *err) BR_CHECKED;
br_status engine_part_end(engine_session *s, bool keep, br_error *err) BR_CHECKED;
/* Before a text of SQLite's is read: SNAPSHOT, SERIALIZABLE and hints that keep
 * locks begin with the first table. */
br_status engine_read_begin(engine_session *s, const char *sql, br_error *err) BR_CHECKED;
void engine_rollback_all(engine_session *s);
/* Behind a failure: where SQLite has taken the transaction back by itself, none is open any more.
 */
void engine_forget_lost(engine_session *s);
/* 3930: a doomed transaction takes no writes and no COMMIT. */
br_status engine_check_doomed(engine_session *s, br_error *err) BR_CHECKED;

/* ---- engine_write.c ---- */
typedef struct engine_writer {
  engine_session *session;
  const catalog_table *table;
  sqlite3_stmt *insert; /* ?1 rowid or NULL, ?2… the stored columns in order of the table */
  int *parameter_of;    /* by column index: its parameter; 0 = computed */
  sql_value *row;       /* by column index */
  ptrdiff_t identity;   /* column index; -1 */
  bool explicit_identity;
  int64_t identity_next, identity_last;
  bool identity_used;
  ptrdiff_t rowversion; /* column index; -1 */
  int64_t first_rowid, last_rowid;
  uint64_t count;
  bool ignores; /* IGNORE_DUP_KEY counts: not for MERGE */
  bool ignored; /* rows were left out for it */
} engine_writer;
br_status engine_writer_open(engine_session *s, const catalog_table *table, bool explicit_identity,
                             engine_writer *ret_writer, br_error *err) BR_CHECKED;
/* Writes writer->row; rowid 0: a new one. */
br_status engine_writer_put(engine_writer *w, int64_t rowid, br_error *err) BR_CHECKED;
br_status engine_writer_finish(engine_writer *w, br_error *err) BR_CHECKED;
void engine_writer_done(engine_writer *w);
/* A statement of SQLite's own has failed, perhaps at a unique key of the table: as its error. */
br_status engine_key_refused(engine_session *s, const catalog_table *table, br_error *err);
const char *engine_table_name(sql_context *context, const catalog_table *table); /* dbo.t */
const char *engine_full_name(sql_context *context, const catalog_table *table);  /* db.dbo.t */

/* ---- engine_check.c ---- */
/* After rows were written: CHECKs and outgoing foreign keys of the rows whose rowid the SQL text
 * `which` names ("rowid >= 5", "rowid IN (…)"). */
br_status engine_check_rows(engine_session *s, const catalog_table *table, const char *which,
                            const char *verb, br_error *err) BR_CHECKED;
/* After rows went or keys changed: what still points to them, with the foreign keys' actions. */
br_status engine_check_references(engine_session *s, const catalog_table *table, bool deleted,
                                  br_error *err) BR_CHECKED;

/* ---- engine_table.c ---- */
/* SELECT INTO and CREATE TABLE AS: a table with a query's columns. */
br_status engine_create_from(engine_session *s, const sql_name *name, const sql_result_column *from,
                             size_t count, catalog_table **ret_table, br_error *err) BR_CHECKED;
br_status engine_create_table(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;
br_status engine_alter_table(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;
br_status engine_create_index(engine_session *s, const sql_stmt *stmt, br_error *err) BR_CHECKED;
br_status engine_drop_object(engine_session *s, const catalog_table *table,
                             br_error *err) BR_CHECKED;
br_status engine_insert_query(engine_session *s, const catalog_table *table,
                              const sql_bound_query *query, br_error *err) BR_CHECKED;

/* ---- engine_files.c ---- */
void engine_files_done(engine_session *s);
bool engine_files_table(void *owner, sql_context *context, const char *path,
                        catalog_table **ret_table);

#endif
