/*
 * rope.h: encoded pages in memory, as chains of blocks of one size from a pool that all columns
 * share. Nothing is moved when a chain grows, and a row group's blocks serve the next one.
 */
#ifndef PARQUET_ROPE_H
#define PARQUET_ROPE_H

#include "parquet/parquet.h"

typedef struct parquet_block {
  struct parquet_block *next;
  size_t used;
  uint8_t bytes[];
} parquet_block;

typedef struct parquet_pool {
  size_t block_size; /* bytes of a block */
  parquet_block *unused;
  size_t blocks; /* all there are, used or not */
} parquet_pool;

void parquet_pool_done(parquet_pool *pool); /* all ropes are empty by then */
static inline size_t parquet_pool_memory(const parquet_pool *pool) {
  return pool->blocks * (pool->block_size + sizeof(parquet_block));
}

typedef struct parquet_rope {
  parquet_block *first;
  parquet_block *last;
  uint64_t length;
} parquet_rope;

/* After a failure the rope may hold a part of the bytes. */
br_status parquet_rope_append(parquet_rope *rope, parquet_pool *pool, const void *bytes,
                              size_t length, br_error *err) BR_CHECKED;
br_status parquet_rope_write(const parquet_rope *rope, parquet_output output,
                             br_error *err) BR_CHECKED;
/* Empty again; the blocks go back to the pool. */
void parquet_rope_clear(parquet_rope *rope, parquet_pool *pool);

#endif
