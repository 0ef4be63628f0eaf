/*
 * A ring of pointers under one mutex. Waiting is on two conditions, so that a push wakes a consumer
 * and a pop wakes a producer; closing and aborting wake all.
 */
#include "base/queue.h"

#include <pthread.h>

#include "base/mem.h"

struct br_queue {
  pthread_mutex_t mutex;
  pthread_cond_t has_item;
  pthread_cond_t has_room;
  void (*free_item)(void *item);
  bool closed;
  bool aborted;
  size_t capacity;
  size_t first; /* index of the oldest item */
  size_t count; /* <= capacity */
  void *items[];
};

static br_status init_locks(br_queue *queue, br_error *err) {
  if (pthread_mutex_init(&queue->mutex, NULL) != 0) {
    return br_error_nomem(err);
  }
  if (pthread_cond_init(&queue->has_item, NULL) != 0) {
    (void)pthread_mutex_destroy(&queue->mutex);
    return br_error_nomem(err);
  }
  if (pthread_cond_init(&queue->has_room, NULL) != 0) {
    (void)pthread_cond_destroy(&queue->has_item);
    (void)pthread_mutex_destroy(&queue->mutex);
    return br_error_nomem(err);
  }
  return BR_OK;
}

br_status br_queue_new(size_t capacity, void (*free_item)(void *item), br_queue **ret_queue,
                       br_error *err) {
  if (capacity == 0 || capacity > SIZE_MAX / sizeof(void *) - sizeof(br_queue)) {
    return br_error_set(err, BR_ERR_INTERNAL, "A queue can't hold %zu items", capacity);
  }
  br_queue *queue = br_calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);
  if (queue == NULL) {
    return br_error_nomem(err);
  }
  queue->capacity = capacity;
  queue->free_item = free_item;
  br_status st = init_locks(queue, err);
  if (st != BR_OK) {
    br_free(queue);
    return st;
  }
  *ret_queue = queue;
  return BR_OK;
}

static void *take_first(br_queue *queue) {
  void *item = queue->items[queue->first];
  queue->items[queue->first] = NULL;
  queue->first = (queue->first + 1) % queue->capacity;
  queue->count--;
  return item;
}

/* Under the mutex, or when nobody else knows the queue any more. */
static void free_items(br_queue *queue) {
  while (queue->count > 0) {
    void *item = take_first(queue);
    if (queue->free_item != NULL) {
      queue->free_item(item);
    }
  }
}

void br_queue_free(br_queue *queue) {
  if (queue == NULL) {
    return;
  }
  free_items(queue);
  (void)pthread_cond_destroy(&queue->has_room);
  (void)pthread_cond_destroy(&queue->has_item);
  (void)pthread_mutex_destroy(&queue->mutex);
  br_free(queue);
}

br_status br_queue_push(br_queue *queue, void *item) {
  (void)pthread_mutex_lock(&queue->mutex);
  while (queue->count == queue->capacity && !queue->closed && !queue->aborted) {
    (void)pthread_cond_wait(&queue->has_room, &queue->mutex);
  }
  br_status st = BR_ERR_CANCELLED;
  if (!queue->closed && !queue->aborted) {
    queue->items[(queue->first + queue->count) % queue->capacity] = item;
    queue->count++;
    (void)pthread_cond_signal(&queue->has_item);
    st = BR_OK;
  }
  (void)pthread_mutex_unlock(&queue->mutex);
  return st;
}

br_status br_queue_pop(br_queue *queue, void **ret_item) {
  (void)pthread_mutex_lock(&queue->mutex);
  while (queue->count == 0 && !queue->closed && !queue->aborted) {
    (void)pthread_cond_wait(&queue->has_item, &queue->mutex);
  }
  br_status st = BR_DONE;
  if (queue->aborted) {
    st = BR_ERR_CANCELLED;
  } else if (queue->count > 0) {
    *ret_item = take_first(queue);
    (void)pthread_cond_signal(&queue->has_room);
    st = BR_OK;
  }
  (void)pthread_mutex_unlock(&queue->mutex);
  return st;
}

static void wake_all(br_queue *queue) {
  (void)pthread_cond_broadcast(&queue->has_item);
  (void)pthread_cond_broadcast(&queue->has_room);
}

void br_queue_close(br_queue *queue) {
  (void)pthread_mutex_lock(&queue->mutex);
  queue->closed = true;
  wake_all(queue);
  (void)pthread_mutex_unlock(&queue->mutex);
}

void br_queue_abort(br_queue *queue) {
  (void)pthread_mutex_lock(&queue->mutex);
  queue->aborted = true;
  free_items(queue);
  wake_all(queue);
  (void)pthread_mutex_unlock(&queue->mutex);
}
