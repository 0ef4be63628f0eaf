#include "parquet/rope.h"

#include <string.h>

#include "base/mem.h"

void parquet_pool_done(parquet_pool *pool) {
  while (pool->unused != NULL) {
    parquet_block *next = pool->unused->next;
    br_free(pool->unused);
    pool->unused = next;
  }
  pool->blocks = 0;
}

/* An empty block at the end of the rope. */
static br_status add_block(parquet_rope *rope, parquet_pool *pool, br_error *err) {
  parquet_block *block = pool->unused;
  if (block != NULL) {
    pool->unused = block->next;
  } else {
    block = br_malloc(sizeof *block + pool->block_size);
    if (block == NULL) {
      return br_error_nomem(err);
    }
    pool->blocks++;
  }
  block->next = NULL;
  block->used = 0;
  if (rope->last == NULL) {
    rope->first = block;
  } else {
    rope->last->next = block;
  }
  rope->last = block;
  return BR_OK;
}

br_status parquet_rope_append(parquet_rope *rope, parquet_pool *pool, const void *bytes,
                              size_t length, br_error *err) {
  const uint8_t *from = bytes;
  while (length > 0) {
    if (rope->last == NULL || rope->last->used == pool->block_size) {
      br_status st = add_block(rope, pool, err);
      if (st != BR_OK) {
        return st;
      }
    }
    parquet_block *block = rope->last;
    size_t room = pool->block_size - block->used;
    size_t n = length < room ? length : room;
    memcpy(block->bytes + block->used, from, n);
    block->used += n;
    rope->length += n;
    from += n;
    length -= n;
  }
  return BR_OK;
}

br_status parquet_rope_write(const parquet_rope *rope, parquet_output output, br_error *err) {
  for (const parquet_block *block = rope->first; block != NULL; block = block->next) {
    br_status st = output.write(output.context, block->bytes, block->used, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

void parquet_rope_clear(parquet_rope *rope, parquet_pool *pool) {
  if (rope->last != NULL) {
    rope->last->next = pool->unused;
    pool->unused = rope->first;
  }
  *rope = (parquet_rope){0};
}
