/*
 * arena.h: memory of one SQL batch: trees, names and generated text are allocated one after another
 * and freed together. A ceiling keeps hostile text from taking all memory.
 */
#ifndef SANDBOX_SQL_ARENA_H
#define SANDBOX_SQL_ARENA_H

#include "base/status.h"

typedef struct sql_arena_block sql_arena_block;
typedef struct sql_arena {
  sql_arena_block *blocks; /* newest first */
  size_t used;             /* bytes handed out; <= max */
  size_t max;
} sql_arena;

void sql_arena_init(sql_arena *arena, size_t max);
void sql_arena_done(sql_arena *arena); /* frees everything; the arena is empty and usable again */
/* Zeroed memory, aligned for any type. NULL: no memory or over the ceiling. */
void *sql_arena_alloc(sql_arena *arena, size_t size);
char *sql_arena_strndup(sql_arena *arena, const char *text, size_t length);
char *sql_arena_strdup(sql_arena *arena, const char *text);
char *sql_arena_printf(sql_arena *arena, const char *format, ...) BR_PRINTF(2, 3);

#endif
