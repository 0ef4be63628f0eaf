/*
 * Who waits stands in a line (a list of nodes on the waiters' stacks); only the first may take.
 * Cancelling has no condition to signal, so waiters look at their token a few times a second.
 */
#include "base/budget.h"

#include <pthread.h>
#include <time.h>

#include "base/mem.h"
#include "base/sys.h"

enum { CANCEL_LOOK_MS = 50 };

typedef struct waiter {
  struct waiter *next;
} waiter;

struct br_budget {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  size_t total;
  size_t used; /* <= total */
  waiter *first;
  waiter **last; /* where the next waiter is linked in */
};

/* Waiting goes by the monotonic clock: setting the wall clock must not stretch it. */
static int init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes) != 0) {
    return -1;
  }
  int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
               pthread_cond_init(condition, &attributes) != 0;
  (void)pthread_condattr_destroy(&attributes);
  return failed ? -1 : 0;
}

br_status br_budget_new(size_t total_bytes, br_budget **ret_budget, br_error *err) {
  br_budget *budget = br_calloc(1, sizeof *budget);
  if (budget == NULL) {
    return br_error_nomem(err);
  }
  budget->total = total_bytes;
  budget->last = &budget->first;
  if (pthread_mutex_init(&budget->mutex, NULL) != 0) {
    br_free(budget);
    return br_error_nomem(err);
  }
  if (init_condition(&budget->changed) != 0) {
    (void)pthread_mutex_destroy(&budget->mutex);
    br_free(budget);
    return br_error_nomem(err);
  }
  *ret_budget = budget;
  return BR_OK;
}

void br_budget_free(br_budget *budget) {
  if (budget != NULL) {
    (void)pthread_cond_destroy(&budget->changed);
    (void)pthread_mutex_destroy(&budget->mutex);
    br_free(budget);
  }
}

static void wait_a_moment(br_budget *budget) {
  struct timespec until = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += CANCEL_LOOK_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_nsec -= 1000000000L;
    until.tv_sec++;
  }
  (void)pthread_cond_timedwait(&budget->changed, &budget->mutex, &until);
}

static void leave_line(br_budget *budget, const waiter *self) {
  waiter **link = &budget->first;
  while (*link != self) {
    link = &(*link)->next;
  }
  *link = self->next;
  if (self->next == NULL) {
    budget->last = link;
  }
}

/* Under the mutex: waits in line until the bytes are free or the token asks to stop. */
static br_status wait_for_room(br_budget *budget, size_t bytes, const br_cancel *cancel,
                               br_error *err) {
  waiter self = {.next = NULL};
  *budget->last = &self;
  budget->last = &self.next;
  br_status st = BR_OK;
  while (st == BR_OK && (budget->first != &self || bytes > budget->total - budget->used)) {
    wait_a_moment(budget);
    st = br_cancel_check(cancel, err);
  }
  leave_line(budget, &self);
  if (budget->first != NULL) {
    (void)pthread_cond_broadcast(&budget->changed);
  }
  return st;
}

br_status br_budget_take(br_budget *budget, size_t bytes, const br_cancel *cancel, br_error *err) {
  if (bytes > budget->total) {
    return br_error_set(err, BR_ERR_LIMIT,
                        "%zu bytes are wanted at once, over the memory budget of %zu", bytes,
                        budget->total);
  }
  br_status st = br_cancel_check(cancel, err);
  if (st != BR_OK) {
    return st;
  }
  (void)pthread_mutex_lock(&budget->mutex);
  if (budget->first != NULL || bytes > budget->total - budget->used) {
    st = wait_for_room(budget, bytes, cancel, err);
  }
  if (st == BR_OK) {
    budget->used += bytes;
  }
  (void)pthread_mutex_unlock(&budget->mutex);
  return st;
}

void br_budget_give(br_budget *budget, size_t bytes) {
  (void)pthread_mutex_lock(&budget->mutex);
  budget->used = bytes > budget->used ? 0 : budget->used - bytes;
  (void)pthread_cond_broadcast(&budget->changed);
  (void)pthread_mutex_unlock(&budget->mutex);
}

size_t br_budget_total(const br_budget *budget) {
  return budget->total;
}

size_t br_budget_used(br_budget *budget) {
  (void)pthread_mutex_lock(&budget->mutex);
  size_t used = budget->used;
  (void)pthread_mutex_unlock(&budget->mutex);
  return used;
}
