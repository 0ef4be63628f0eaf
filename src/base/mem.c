#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_countdown = -1;
static atomic_long allocation_count;

void br_mem_fail_after(long countdown) {
  atomic_store(&allocation_count, 0);
  atomic_store(&fail_countdown, countdown);
}

long br_mem_count(void) {
  return atomic_load(&allocation_count);
}

/* True where a test has asked that this allocation fails. */
static bool must_fail(void) {
  if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) < 0) {
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    return false;
  }
  atomic_fetch_add(&allocation_count, 1);
  return atomic_fetch_sub(&fail_countdown, 1) == 0;
}

void *br_malloc(size_t size) {
  return must_fail() ? NULL : malloc(size == 0 ? 1 : size);
}

void *br_calloc(size_t count, size_t size) {
  if (count == 0 || size == 0) {
    count = size = 1;
  }
  return must_fail() ? NULL : calloc(count, size);
}

void *br_realloc(void *memory, size_t size) {
  return must_fail() ? NULL : realloc(memory, size == 0 ? 1 : size);
}

void *br_realloc_array(void *memory, size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    return NULL;
  }
  return br_realloc(memory, bytes);
}

void br_free(void *memory) {
  free(memory);
}

char *br_strndup(const char *text, size_t length) {
  char *copy = br_malloc(length + 1);
  if (copy != NULL) {
    memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

char *br_strdup(const char *text) {
  return br_strndup(text, strlen(text));
}

char *br_asprintf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = n < 0 ? NULL : br_malloc((size_t)n + 1);
  if (text != NULL) {
    (void)vsnprintf(text, (size_t)n + 1, format, again);
  }
  va_end(again);
  return text;
}

void br_mem_share_heaps(void) {
#ifdef M_ARENA_MAX
  (void)mallopt(M_ARENA_MAX, 2);
#endif
}

void br_wipe(void *memory, size_t size) {
  if (memory != NULL) {
    explicit_bzero(memory, size);
  }
}
