#include "http/arrival.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"

enum { LOOK_MS = 500 };

struct http_arrival_entry {
  http_arrival_entry *next, *previous;
  int fd;
  uint64_t due_ms; /* UINT64_MAX: nothing is waited for */
};

struct http_arrival {
  uint64_t limit_ms;
  br_cancel *stop;
  pthread_mutex_t lock;
  http_arrival_entry *first;
  pthread_t thread;
};

static void *watch(void *context) {
  http_arrival *arrival = context;
  while (br_cancel_sleep_ms(arrival->stop, LOOK_MS, NULL) == BR_OK) {
    const uint64_t now_ms = br_clock_monotonic_ms();
    pthread_mutex_lock(&arrival->lock);
    for (http_arrival_entry *e = arrival->first; e != NULL; e = e->next) {
      if (now_ms >= e->due_ms) {
        e->due_ms = UINT64_MAX;
        (void)shutdown(e->fd, SHUT_RDWR); /* its thread finds the end of the stream */
      }
    }
    pthread_mutex_unlock(&arrival->lock);
  }
  return NULL;
}

br_status http_arrival_start(uint64_t limit_ms, http_arrival **ret_arrival, br_error *err) {
  http_arrival *arrival = br_calloc(1, sizeof *arrival);
  if (arrival == NULL) {
    return br_error_nomem(err);
  }
  arrival->limit_ms = limit_ms;
  br_status st = br_cancel_new(&arrival->stop, err);
  if (st == BR_OK) {
    pthread_mutex_init(&arrival->lock, NULL);
    int failed = pthread_create(&arrival->thread, NULL, watch, arrival);
    if (failed != 0) {
      pthread_mutex_destroy(&arrival->lock);
      st = br_error_errno(err, failed, "A thread could not be started");
    }
  }
  if (st != BR_OK) {
    br_cancel_free(arrival->stop);
    br_free(arrival);
    return st;
  }
  *ret_arrival = arrival;
  return BR_OK;
}

void http_arrival_stop(http_arrival *arrival) {
  if (arrival == NULL) {
    return;
  }
  br_cancel_request(arrival->stop);
  pthread_join(arrival->thread, NULL);
  pthread_mutex_destroy(&arrival->lock);
  br_cancel_free(arrival->stop);
  br_free(arrival);
}

static void set_due(http_arrival *arrival, http_arrival_entry *entry, uint64_t due_ms) {
  if (arrival != NULL && entry != NULL) {
    pthread_mutex_lock(&arrival->lock);
    entry->due_ms = due_ms;
    pthread_mutex_unlock(&arrival->lock);
  }
}

http_arrival_entry *http_arrival_add(http_arrival *arrival, int fd) {
  http_arrival_entry *entry = arrival == NULL ? NULL : br_calloc(1, sizeof *entry);
  if (entry == NULL) {
    return NULL;
  }
  entry->fd = fd;
  entry->due_ms = br_clock_monotonic_ms() + arrival->limit_ms;
  pthread_mutex_lock(&arrival->lock);
  entry->next = arrival->first;
  if (arrival->first != NULL) {
    arrival->first->previous = entry;
  }
  arrival->first = entry;
  pthread_mutex_unlock(&arrival->lock);
  return entry;
}

void http_arrival_wait(http_arrival *arrival, http_arrival_entry *entry) {
  set_due(arrival, entry, arrival == NULL ? 0 : br_clock_monotonic_ms() + arrival->limit_ms);
}

void http_arrival_here(http_arrival *arrival, http_arrival_entry *entry) {
  set_due(arrival, entry, UINT64_MAX);
}

void http_arrival_remove(http_arrival *arrival, http_arrival_entry *entry) {
  if (arrival == NULL || entry == NULL) {
    return;
  }
  pthread_mutex_lock(&arrival->lock);
  if (entry->previous != NULL) {
    entry->previous->next = entry->next;
  } else {
    arrival->first = entry->next;
  }
  if (entry->next != NULL) {
    entry->next->previous = entry->previous;
  }
  pthread_mutex_unlock(&arrival->lock);
  br_free(entry);
}
