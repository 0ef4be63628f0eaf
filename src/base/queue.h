/*
 * queue.h: a bounded queue of pointers between threads.
 *
 * push waits while the queue is full, pop while it is empty. Closing (by the producer) lets the
 * consumer drain what is there and then get BR_DONE; aborting (by either) wakes everybody at once
 * with BR_ERR_CANCELLED, and what is left in the queue is handed to the free function.
 */
#ifndef BR_BASE_QUEUE_H
#define BR_BASE_QUEUE_H

#include "base/status.h"

typedef struct br_queue br_queue;

br_status br_queue_new(size_t capacity, void (*free_item)(void *item), br_queue **ret_queue,
                       br_error *err) BR_CHECKED;
void br_queue_free(br_queue *queue);
/* The queue owns the item on BR_OK only. BR_ERR_CANCELLED after an abort or a close. */
br_status br_queue_push(br_queue *queue, void *item) BR_CHECKED;
br_status br_queue_pop(br_queue *queue, void **ret_item) BR_CHECKED;
void br_queue_close(br_queue *queue);
void br_queue_abort(br_queue *queue);

#endif
