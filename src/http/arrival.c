#include "http/arrival.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"

enum { LOOK_MS = 500, TAKE_REPLY_MS = 100 };

typedef enum entry_state { WAITING, WORKING, REPLYING, CUT } entry_state;

struct http_arrival_entry {
  http_arrival_entry *next, *previous;
  int fd;
  entry_state state;
  uint64_t since_ms; /* of the state */
  uint64_t turn;     /* the smaller, the longer it has had it */
};

struct http_arrival {
  uint64_t limit_ms;
  size_t places;
  br_cancel *stop;
  pthread_mutex_t lock;
  http_arrival_entry *first;
  size_t count; /* without those that are cut */
  uint64_t turns;
  pthread_t thread;
};

/* Under the lock, like all that begins with an entry. */
static void cut(http_arrival *arrival, http_arrival_entry *e) {
  e->state = CUT;
  arrival->count--;
  (void)shutdown(e->fd, SHUT_RDWR); /* its thread finds the end of the stream */
}

static void enter(http_arrival *arrival, http_arrival_entry *e, entry_state state) {
  e->state = state;
  e->since_ms = br_clock_monotonic_ms();
  e->turn = arrival->turns++;
}

/* Who has had a state for the longest; NULL: nobody but the newest. */
static http_arrival_entry *longest(const http_arrival *arrival, entry_state state,
                                   const http_arrival_entry *newest) {
  http_arrival_entry *oldest = NULL;
  for (http_arrival_entry *e = arrival->first; e != NULL; e = e->next) {
    if (e->state == state && e != newest && (oldest == NULL || e->turn < oldest->turn)) {
      oldest = e;
    }
  }
  return oldest;
}

static void make_room(http_arrival *arrival, http_arrival_entry *newest) {
  if (arrival->count <= arrival->places) {
    return;
  }
  http_arrival_entry *goes = longest(arrival, WAITING, newest);
  if (goes == NULL) {
    goes = longest(arrival, REPLYING, newest);
    if (goes != NULL && newest->since_ms - goes->since_ms < TAKE_REPLY_MS) {
      goes = NULL;
    }
  }
  cut(arrival, goes == NULL ? newest : goes);
}

static void *watch(void *context) {
  http_arrival *arrival = context;
  while (br_cancel_sleep_ms(arrival->stop, LOOK_MS, NULL) == BR_OK) {
    pthread_mutex_lock(&arrival->lock);
    const uint64_t now_ms = br_clock_monotonic_ms();
    for (http_arrival_entry *e = arrival->first; e != NULL; e = e->next) {
      if (e->state == WAITING && now_ms - e->since_ms >= arrival->limit_ms) {
        cut(arrival, e);
      }
    }
    pthread_mutex_unlock(&arrival->lock);
  }
  return NULL;
}

br_status http_arrival_start(uint64_t limit_ms, size_t places, http_arrival **ret_arrival,
                             br_error *err) {
  http_arrival *arrival = br_calloc(1, sizeof *arrival);
  if (arrival == NULL) {
    return br_error_nomem(err);
  }
  arrival->limit_ms = limit_ms;
  arrival->places = places;
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

http_arrival_entry *http_arrival_add(http_arrival *arrival, int fd) {
  http_arrival_entry *entry = arrival == NULL ? NULL : br_calloc(1, sizeof *entry);
  if (entry == NULL) {
    return NULL;
  }
  entry->fd = fd;
  pthread_mutex_lock(&arrival->lock);
  enter(arrival, entry, WAITING);
  entry->next = arrival->first;
  if (arrival->first != NULL) {
    arrival->first->previous = entry;
  }
  arrival->first = entry;
  arrival->count++;
  make_room(arrival, entry);
  pthread_mutex_unlock(&arrival->lock);
  return entry;
}

static void set_state(http_arrival *arrival, http_arrival_entry *entry, entry_state state) {
  if (arrival == NULL || entry == NULL) {
    return;
  }
  pthread_mutex_lock(&arrival->lock);
  if (entry->state != CUT) {
    enter(arrival, entry, state);
  }
  pthread_mutex_unlock(&arrival->lock);
}

void http_arrival_wait(http_arrival *arrival, http_arrival_entry *entry) {
  set_state(arrival, entry, WAITING);
}

void http_arrival_here(http_arrival *arrival, http_arrival_entry *entry) {
  set_state(arrival, entry, WORKING);
}

void http_arrival_reply(http_arrival *arrival, http_arrival_entry *entry) {
  set_state(arrival, entry, REPLYING);
}

void http_arrival_remove(http_arrival *arrival, http_arrival_entry *entry) {
  if (arrival == NULL || entry == NULL) {
    return;
  }
  pthread_mutex_lock(&arrival->lock);
  arrival->count -= entry->state != CUT;
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
