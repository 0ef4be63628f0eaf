#include "sandbox/sql/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK_SIZE = 16384, ALIGNMENT = 16 };

struct sql_arena_block {
  sql_arena_block *next;
  size_t size; /* of data */
  size_t used;
  _Alignas(ALIGNMENT) unsigned char data[];
};

void sql_arena_init(sql_arena *arena, size_t max) {
  *arena = (sql_arena){.max = max};
}

void sql_arena_done(sql_arena *arena) {
  sql_arena_block *block = arena->blocks;
  while (block != NULL) {
    sql_arena_block *next = block->next;
    br_free(block);
    block = next;
  }
  arena->blocks = NULL;
  arena->used = 0;
}

void *sql_arena_alloc(sql_arena *arena, size_t size) {
  if (size > arena->max - arena->used) {
    return NULL;
  }
  size_t need = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  sql_arena_block *block = arena->blocks;
  if (block == NULL || block->size - block->used < need) {
    size_t data = need > BLOCK_SIZE ? need : BLOCK_SIZE;
    block = br_calloc(1, sizeof *block + data);
    if (block == NULL) {
      return NULL;
    }
    block->size = data;
    block->next = arena->blocks;
    arena->blocks = block;
  }
  void *memory = block->data + block->used;
  block->used += need;
  arena->used += size;
  return memory;
}

char *sql_arena_strndup(sql_arena *arena, const char *text, size_t length) {
  char *copy = sql_arena_alloc(arena, length + 1);
  if (copy != NULL && length != 0) {
    memcpy(copy, text, length);
  }
  return copy;
}

char *sql_arena_strdup(sql_arena *arena, const char *text) {
  return sql_arena_strndup(arena, text, strlen(text));
}

char *sql_arena_printf(sql_arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = n < 0 ? NULL : sql_arena_alloc(arena, (size_t)n + 1);
  if (text != NULL) {
    (void)vsnprintf(text, (size_t)n + 1, format, again);
  }
  va_end(again);
  return text;
}
