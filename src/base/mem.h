/*
 * mem.h: the program's only way to the heap.
 *
 * Every allocation goes through one table so that a test can make the n-th one fail (torture).
 * Callers check for NULL, always. Sizes are bytes; the *_array forms refuse a product that
 * overflows.
 */
#ifndef BR_BASE_MEM_H
#define BR_BASE_MEM_H

#include <stddef.h>

#include "base/status.h"

void *br_malloc(size_t size);
void *br_calloc(size_t count, size_t size);
void *br_realloc(void *memory, size_t size);
void *br_realloc_array(void *memory, size_t count, size_t size);
void br_free(void *memory); /* NULL is fine */

/* A copy of NUL-terminated text, or of its first length bytes; the caller frees. NULL: no memory.
 */
char *br_strdup(const char *text);
char *br_strndup(const char *text, size_t length);

/* Text by printf's rules; the caller frees. NULL: no memory. */
char *br_asprintf(const char *format, ...) BR_PRINTF(1, 2);

/* For tests: the allocation after the next `countdown` ones fails, once; a negative number switches
 * this off. br_mem_count() tells how many allocations were made since the last call of
 * br_mem_fail_after(). */
void br_mem_fail_after(long countdown);
long br_mem_count(void);

/* For a process that runs for days with a thread per connection: glibc gives threads heaps of their
 * own, up to eight for each core, and each of them keeps what it once needed most (mallopt(3),
 * M_ARENA_MAX). Two are enough for as many cores as wait for a database. */
void br_mem_share_heaps(void);

/* Wipes memory in a way that the compiler keeps. */
void br_wipe(void *memory, size_t size);

#endif
