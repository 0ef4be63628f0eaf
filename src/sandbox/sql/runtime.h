/*
 * runtime.h: the functions that generated SQL calls inside SQLite. The binder writes their names;
 * docs/internals/sandbox_sql.md lists them.
 *
 *   fn_core.c       conversion, arithmetic, LIKE, scalar subqueries
 *   fn_text.c       character functions
 *   fn_time.c       date and time functions
 *   fn_aggregate.c  SUM, AVG, STRING_AGG…
 *   fn_lock.c       application locks
 *   fn_name.c       names of objects and types, hashes
 *   fn_json.c       arrays and maps
 *   fn_misc.c       the rest
 */
#ifndef SANDBOX_SQL_RUNTIME_H
#define SANDBOX_SQL_RUNTIME_H

#include "sandbox/sql/convert.h"

struct applocks;

/* One connection's; the functions' user data. */
typedef struct sql_runtime {
  engine_dialect dialect;
  sql_scratch scratch;
  engine_error error;     /* of the function that made a statement fail */
  bool raised;            /* error is filled */
  br_status failed;       /* a function failed for another reason: no memory */
  struct applocks *locks; /* the session's */
  int64_t now_us;         /* statement's time, UTC: one for all its rows */
} sql_runtime;

br_status sql_runtime_register(sql_runtime *runtime, sqlite3 *db, br_error *err) BR_CHECKED;

/* ---- inside ---- */

typedef struct sql_function {
  const char *name;
  int args; /* -1: any number */
  void (*call)(sqlite3_context *context, int argc, sqlite3_value **argv);
} sql_function;

typedef struct sql_aggregate {
  const char *name;
  int args;
  void (*step)(sqlite3_context *context, int argc, sqlite3_value **argv);
  void (*final)(sqlite3_context *context);
  void (*value)(sqlite3_context *context);                                   /* NULL: no window */
  void (*inverse)(sqlite3_context *context, int argc, sqlite3_value **argv); /* the same */
} sql_aggregate;

extern const sql_function sql_functions_core[];
extern const sql_function sql_functions_text[];
extern const sql_function sql_functions_time[];
extern const sql_function sql_functions_lock[];
extern const sql_function sql_functions_name[];
extern const sql_function sql_functions_json[];
extern const sql_function sql_functions_misc[];
extern const sql_aggregate sql_aggregates[];

sql_runtime *sql_runtime_of(sqlite3_context *context);
/* Ends the statement with runtime->error, which the caller has filled. */
void sql_raise(sqlite3_context *context);
/* By dialect: 8115 and its like, ARITHMETIC_OVERFLOW. */
void sql_raise_overflow(sqlite3_context *context, const char *type_word);
/* BR_ERR_REMOTE raises, anything else is remembered in runtime->failed. */
void sql_fail_call(sqlite3_context *context, br_status status);
/* value is of type `type`: text with a collation. */
bool sql_any_null(int argc, sqlite3_value **argv);
sql_type sql_type_argument(sqlite3_value *value);
int64_t sql_system_type_id(sql_kind kind); /* as sys.types has it; 0: T-SQL has no such type */

#endif
