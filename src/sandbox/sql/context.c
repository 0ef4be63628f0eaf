#define SQL_CONTEXT_IMPLEMENTATION
#include "sandbox/sql/context.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A text that was cut to its room must not end in half a character: clients refuse it. */
static void keep_whole(char *text) {
  size_t bad = 0;
  if (!br_utf8_valid(text, strlen(text), &bad)) {
    text[bad] = '\0';
  }
}

static void error_vset(engine_error *error, int32_t number, uint8_t severity, const char *format,
                       va_list args) BR_PRINTF(4, 0);
static void error_vset(engine_error *error, int32_t number, uint8_t severity, const char *format,
                       va_list args) {
  memset(error, 0, sizeof *error);
  error->number = number;
  error->severity = severity;
  error->state = 1;
  error->line = 1;
  (void)vsnprintf(error->message, sizeof error->message, format, args);
  keep_whole(error->message);
}

void sql_error_set(engine_error *error, int32_t number, uint8_t severity, const char *format, ...) {
  va_list args;
  va_start(args, format);
  error_vset(error, number, severity, format, args);
  va_end(args);
}

static void condition_vset(engine_error *error, const char *condition, const char *sqlstate,
                           const char *format, va_list args) BR_PRINTF(4, 0);
static void condition_vset(engine_error *error, const char *condition, const char *sqlstate,
                           const char *format, va_list args) {
  char text[sizeof error->message - 160];
  (void)vsnprintf(text, sizeof text, format, args);
  keep_whole(text);
  memset(error, 0, sizeof *error);
  error->severity = 16;
  error->state = 1;
  (void)snprintf(error->condition, sizeof error->condition, "%s", condition);
  (void)snprintf(error->sqlstate, sizeof error->sqlstate, "%s", sqlstate);
  (void)snprintf(error->message, sizeof error->message, "[%s] %s SQLSTATE: %s", condition, text,
                 sqlstate);
}

void sql_error_condition(engine_error *error, const char *condition, const char *sqlstate,
                         const char *format, ...) {
  va_list args;
  va_start(args, format);
  condition_vset(error, condition, sqlstate, format, args);
  va_end(args);
}

/* Faults of grammar are of severity 15. */
static uint8_t severity_of(int32_t number) {
  switch (number) {
  case 102:
  case 103:
  case 105:
  case 113:
  case 132:
  case 134:
  case 137:
  case 139:
  case 142:
  case 144:
  case 147:
  case 155:
  case 156:
  case 178:
  case 191:
  case 195:
  case 319:
  case 1035:
  case 10734:
    return 15;
  default:
    return 16;
  }
}

void *sql_fail(sql_context *context, int32_t number, int32_t line, const char *format, ...) {
  if (context->status == BR_OK) {
    va_list args;
    va_start(args, format);
    error_vset(&context->error, number, severity_of(number), format, args);
    va_end(args);
    context->error.line = line;
    context->status = BR_ERR_REMOTE;
  }
  return NULL;
}

void *sql_fail_condition(sql_context *context, const char *condition, const char *sqlstate,
                         const char *format, ...) {
  if (context->status == BR_OK) {
    va_list args;
    va_start(args, format);
    condition_vset(&context->error, condition, sqlstate, format, args);
    va_end(args);
    context->status = BR_ERR_REMOTE;
  }
  return NULL;
}

void *sql_unsupported(sql_context *context, int32_t line, const char *format, ...) {
  char what[512];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (context->dialect == ENGINE_TSQL) {
    return sql_fail(context, 40517, line, "%s is not supported by the sandbox.", what);
  }
  return sql_fail_condition(context, "UNSUPPORTED_FEATURE", "0A000",
                            "The feature is not supported by the sandbox: %s.", what);
}

void *sql_fail_memory(sql_context *context) {
  if (context->status == BR_OK) {
    context->status = BR_ERR_NOMEM;
  }
  return NULL;
}

/* Functions that use an argument twice grow with every level that they are nested. */
static void *too_complex(sql_context *context) {
  if (context->dialect == ENGINE_TSQL) {
    return sql_fail(context, 8623, 1,
                    "The query processor ran out of internal resources and could not produce a "
                    "query plan. This is a rare event and only expected for extremely complex "
                    "queries or queries that reference a very large number of tables or "
                    "partitions. Please simplify the query.");
  }
  return sql_unsupported(context, 1, "A statement as complex as this");
}

void *sql_new(sql_context *context, size_t size) {
  if (context->status != BR_OK) {
    return NULL;
  }
  const bool fits = size <= context->arena->max - context->arena->used;
  void *memory = fits ? sql_arena_alloc(context->arena, size) : too_complex(context);
  return memory != NULL || !fits ? memory : sql_fail_memory(context);
}

char *sql_text(sql_context *context, const char *format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = n < 0 ? NULL : sql_new(context, (size_t)n + 1);
  if (text != NULL) {
    (void)vsnprintf(text, (size_t)n + 1, format, again);
  }
  va_end(again);
  return text;
}

char *sql_copy(sql_context *context, const char *text, size_t length) {
  char *copy = sql_new(context, length + 1);
  if (copy != NULL && length != 0) {
    memcpy(copy, text, length);
  }
  return copy;
}
