/*
 * context.h: what lexer, parser and binder share while they work on one batch: dialect, arena, and
 * the first failure.
 *
 * These three build trees from text, thousands of small steps. They keep the first failure here
 * (status, and for faults of the SQL its engine_error) instead of passing it through every return
 * value: a function that makes a node returns NULL after a failure, and nothing is made any more.
 * The rooms' rule holds at their entrances: sql_parse() and bind_…() return a br_status.
 */
#ifndef SANDBOX_SQL_CONTEXT_H
#define SANDBOX_SQL_CONTEXT_H

#include "sandbox/engine.h"
#include "sandbox/sql/arena.h"

typedef struct sql_context {
  engine_dialect dialect;
  sql_arena *arena;
  const char *text; /* of the batch: for messages that quote it */
  size_t length;
  bool quoted_identifier; /* T-SQL: "x" is a name */
  /* Databricks: a parameter's value for IDENTIFIER(:x); NULL: none, or SQL NULL. NULL: nobody knows
   * parameters. */
  const char *(*parameter_text)(const void *owner, const char *name);
  const void *owner;
  br_status status; /* the first failure; BR_ERR_REMOTE: see error */
  engine_error error;
} sql_context;

/* Records a fault of the SQL (T-SQL: number, severity 16 or 15, state 1) unless there is one. Both
 * return NULL, so that makers of nodes can return them. */
void *sql_fail(sql_context *context, int32_t number, int32_t line, const char *format, ...)
    BR_PRINTF(4, 5);
/* Databricks: condition, SQLSTATE, and the message without "[CONDITION] " and " SQLSTATE: …". */
void *sql_fail_condition(sql_context *context, const char *condition, const char *sqlstate,
                         const char *format, ...) BR_PRINTF(4, 5);
/* One of the two by the dialect: "not supported by the sandbox". */
void *sql_unsupported(sql_context *context, int32_t line, const char *format, ...) BR_PRINTF(3, 4);
/* No memory. */
void *sql_fail_memory(sql_context *context);

/* Fill an engine_error without a context. */
void sql_error_set(engine_error *error, int32_t number, uint8_t severity, const char *format, ...)
    BR_PRINTF(4, 5);
void sql_error_condition(engine_error *error, const char *condition, const char *sqlstate,
                         const char *format, ...) BR_PRINTF(4, 5);

/* Arena allocation that records its failure: no memory, or a batch over the arena's ceiling. */
void *sql_new(sql_context *context, size_t size);
char *sql_text(sql_context *context, const char *format, ...) BR_PRINTF(2, 3);
char *sql_copy(sql_context *context, const char *text, size_t length);

#if defined(__clang_analyzer__) && !defined(SQL_CONTEXT_IMPLEMENTATION)
/* The analyzer looks at one file at a time: tell it that a failure is always recorded, so that it
 * knows what NULL and the context's status say of each other. */
static inline void *sql_analyzed_failure(sql_context *context) {
  context->status = context->status == BR_OK ? BR_ERR_REMOTE : context->status;
  return NULL;
}
static inline void *sql_analyzed_memory(sql_context *context, void *memory) {
  return memory != NULL ? memory : sql_analyzed_failure(context);
}
#define sql_fail(context, ...) ((void)sql_fail(context, __VA_ARGS__), sql_analyzed_failure(context))
#define sql_fail_condition(context, ...)                                                           \
  ((void)sql_fail_condition(context, __VA_ARGS__), sql_analyzed_failure(context))
#define sql_unsupported(context, ...)                                                              \
  ((void)sql_unsupported(context, __VA_ARGS__), sql_analyzed_failure(context))
#define sql_fail_memory(context) ((void)sql_fail_memory(context), sql_analyzed_failure(context))
#define sql_new(context, size)   sql_analyzed_memory(context, sql_new(context, size))
#define sql_text(context, ...)                                                                     \
  ((char *)sql_analyzed_memory(context, sql_text(context, __VA_ARGS__)))
#define sql_copy(context, text, length)                                                            \
  ((char *)sql_analyzed_memory(context, sql_copy(context, text, length)))
#endif

#endif
