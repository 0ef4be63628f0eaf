/*
 * strays.h: rows of the events table whose status is none of the queue's words. Nobody takes them
 * (the word may be the author's own way to put a row aside), so each such word is told once.
 */
#ifndef SYNC_STRAYS_H
#define SYNC_STRAYS_H

#include "sync/queue.h"

enum { SYNC_STRAYS_MAX = 16, SYNC_STRAY_WORD_MAX = 64 * 4 + 1 };

typedef struct sync_strays {
  uint64_t next_ms; /* not before; monotonic */
  char told[SYNC_STRAYS_MAX][SYNC_STRAY_WORD_MAX];
  size_t count;
} sync_strays;

/* Looks for them, now and then once an hour, and logs a warning for each word that was not told
 * before. A failed look says nothing: it is tried again an hour later. */
void sync_strays_look(sync_strays *strays, sync_queue *queue, br_cancel *cancel);

#endif
