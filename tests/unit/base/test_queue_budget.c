#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/budget.h"
#include "base/mem.h"
#include "base/queue.h"
#include "support/cmocka.h"
#include "support/torture.h"

static int items[8];
static int freed;

static void count_free(void *item) {
  (void)item;
  freed++;
}

static br_queue *make_queue(size_t capacity) {
  br_queue *queue = NULL;
  freed = 0;
  assert_int_equal(br_queue_new(capacity, count_free, &queue, NULL), BR_OK);
  return queue;
}

static void items_come_out_in_the_order_they_went_in(void **state) {
  (void)state;
  br_queue *queue = make_queue(3);
  for (size_t round = 0; round < 5; round++) {
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(br_queue_push(queue, &items[i]), BR_OK);
    }
    for (size_t i = 0; i < 3; i++) {
      void *item = NULL;
      assert_int_equal(br_queue_pop(queue, &item), BR_OK);
      assert_ptr_equal(item, &items[i]);
    }
  }
  br_queue_free(queue);
  assert_int_equal(freed, 0);
}

static void a_closed_queue_is_drained_and_then_done(void **state) {
  (void)state;
  br_queue *queue = make_queue(2);
  assert_int_equal(br_queue_push(queue, &items[0]), BR_OK);
  br_queue_close(queue);
  assert_int_equal(br_queue_push(queue, &items[1]), BR_ERR_CANCELLED);
  void *item = NULL;
  assert_int_equal(br_queue_pop(queue, &item), BR_OK);
  assert_ptr_equal(item, &items[0]);
  item = &items[7];
  assert_int_equal(br_queue_pop(queue, &item), BR_DONE);
  assert_ptr_equal(item, &items[7]);
  br_queue_free(queue);
}

static void an_abort_frees_what_is_left_and_refuses_both_sides(void **state) {
  (void)state;
  br_queue *queue = make_queue(3);
  assert_int_equal(br_queue_push(queue, &items[0]), BR_OK);
  assert_int_equal(br_queue_push(queue, &items[1]), BR_OK);
  br_queue_abort(queue);
  assert_int_equal(freed, 2);
  void *item = NULL;
  assert_int_equal(br_queue_pop(queue, &item), BR_ERR_CANCELLED);
  assert_int_equal(br_queue_push(queue, &items[2]), BR_ERR_CANCELLED);
  br_queue_close(queue);
  assert_int_equal(br_queue_pop(queue, &item), BR_ERR_CANCELLED);
  br_queue_free(queue);
  assert_int_equal(freed, 2);
}

static void freeing_frees_what_is_left(void **state) {
  (void)state;
  br_queue *queue = make_queue(3);
  assert_int_equal(br_queue_push(queue, &items[0]), BR_OK);
  br_queue_free(queue);
  assert_int_equal(freed, 1);
  br_queue_free(NULL);
}

static void a_queue_for_nothing_is_refused(void **state) {
  (void)state;
  br_queue *queue = NULL;
  assert_int_equal(br_queue_new(0, NULL, &queue, NULL), BR_ERR_INTERNAL);
  assert_int_equal(br_queue_new(SIZE_MAX / 4, NULL, &queue, NULL), BR_ERR_INTERNAL);
  assert_null(queue);
}

static void *push_two(void *queue) {
  br_status first = br_queue_push(queue, &items[0]);
  br_status second = br_queue_push(queue, &items[1]);
  return (void *)(intptr_t)(first == BR_OK ? (int)second : -1);
}

static void *pop_one(void *queue) {
  void *item = NULL;
  return (void *)(intptr_t)br_queue_pop(queue, &item);
}

static intptr_t join(pthread_t thread) {
  void *result = NULL;
  assert_int_equal(pthread_join(thread, &result), 0);
  return (intptr_t)result;
}

static void those_who_wait_are_woken_by_an_abort(void **state) {
  (void)state;
  for (int i = 0; i < 50; i++) {
    br_queue *full = make_queue(1);
    br_queue *empty = make_queue(1);
    pthread_t producer;
    pthread_t consumer;
    assert_int_equal(pthread_create(&producer, NULL, push_two, full), 0);
    assert_int_equal(pthread_create(&consumer, NULL, pop_one, empty), 0);
    if (i % 2 == 0) {
      (void)sched_yield();
    }
    br_queue_abort(empty);
    assert_int_equal(join(consumer), BR_ERR_CANCELLED);
    /* A pop makes room, and the second push comes through. */
    void *item = NULL;
    assert_int_equal(br_queue_pop(full, &item), BR_OK);
    assert_int_equal(join(producer), BR_OK);
    br_queue_free(full);
    br_queue_free(empty);
  }
}

static void a_closed_queue_wakes_those_who_wait(void **state) {
  (void)state;
  br_queue *full = make_queue(1);
  br_queue *empty = make_queue(1);
  assert_int_equal(br_queue_push(full, &items[0]), BR_OK);
  pthread_t producer;
  pthread_t consumer;
  assert_int_equal(pthread_create(&producer, NULL, push_two, full), 0);
  assert_int_equal(pthread_create(&consumer, NULL, pop_one, empty), 0);
  br_queue_close(full);
  br_queue_close(empty);
  assert_int_not_equal(join(producer), BR_OK);
  assert_int_equal(join(consumer), BR_DONE);
  br_queue_free(full);
  br_queue_free(empty);
}

enum { PRODUCERS = 4, CONSUMERS = 3, PER_PRODUCER = 5000 };

typedef struct stress {
  br_queue *queue;
  atomic_int producers_left;
  atomic_long sum;
  atomic_long count;
} stress;

static void *produce(void *context) {
  stress *s = context;
  for (long i = 1; i <= PER_PRODUCER; i++) {
    if (br_queue_push(s->queue, (void *)i) != BR_OK) {
      return (void *)1;
    }
  }
  if (atomic_fetch_sub(&s->producers_left, 1) == 1) {
    br_queue_close(s->queue);
  }
  return NULL;
}

static void *consume(void *context) {
  stress *s = context;
  void *item = NULL;
  br_status st = BR_OK;
  while ((st = br_queue_pop(s->queue, &item)) == BR_OK) {
    atomic_fetch_add(&s->sum, (long)item);
    atomic_fetch_add(&s->count, 1);
  }
  return (void *)(intptr_t)(st == BR_DONE ? 0 : 1);
}

static void many_threads_lose_and_double_nothing(void **state) {
  (void)state;
  stress s = {.queue = make_queue(5), .producers_left = PRODUCERS};
  pthread_t threads[PRODUCERS + CONSUMERS];
  for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume, &s), 0);
  }
  for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
    assert_int_equal(join(threads[i]), 0);
  }
  assert_int_equal(atomic_load(&s.count), PRODUCERS * PER_PRODUCER);
  assert_int_equal(atomic_load(&s.sum), (long)PRODUCERS * PER_PRODUCER * (PER_PRODUCER + 1) / 2);
  br_queue_free(s.queue);
}

static br_budget *make_budget(size_t total) {
  br_budget *budget = NULL;
  assert_int_equal(br_budget_new(total, &budget, NULL), BR_OK);
  return budget;
}

static void a_budget_counts_what_is_taken_and_given(void **state) {
  (void)state;
  br_budget *budget = make_budget(100);
  assert_int_equal(br_budget_total(budget), 100);
  assert_int_equal(br_budget_take(budget, 60, NULL, NULL), BR_OK);
  assert_int_equal(br_budget_take(budget, 40, NULL, NULL), BR_OK);
  assert_int_equal(br_budget_used(budget), 100);
  br_budget_give(budget, 60);
  assert_int_equal(br_budget_used(budget), 40);
  assert_int_equal(br_budget_take(budget, 0, NULL, NULL), BR_OK);
  br_budget_free(budget);
  br_budget_free(NULL);
}

static void more_than_the_whole_budget_is_refused_at_once(void **state) {
  (void)state;
  br_budget *budget = make_budget(100);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(br_budget_take(budget, 101, NULL, &err), BR_ERR_LIMIT);
  assert_non_null(strstr(err.message, "101 bytes"));
  assert_int_equal(br_budget_used(budget), 0);
  br_budget_free(budget);
}

static void a_cancelled_waiter_takes_nothing_and_holds_nobody_up(void **state) {
  (void)state;
  br_budget *budget = make_budget(100);
  br_cancel *cancel = NULL;
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  br_cancel_request(cancel);
  assert_int_equal(br_budget_take(budget, 1, cancel, NULL), BR_ERR_CANCELLED);
  assert_int_equal(br_budget_used(budget), 0);
  assert_int_equal(br_budget_take(budget, 100, NULL, NULL), BR_OK);
  br_budget_free(budget);
  br_cancel_free(cancel);
}

typedef struct waiting {
  br_budget *budget;
  const br_cancel *cancel;
  size_t bytes;
  atomic_int *turn;
  br_status st;
} waiting;

static void *take_and_note(void *context) {
  waiting *w = context;
  w->st = br_budget_take(w->budget, w->bytes, w->cancel, NULL);
  if (w->st == BR_OK) {
    atomic_fetch_add(w->turn, 1);
    br_budget_give(w->budget, w->bytes);
  }
  return NULL;
}

enum { WAITERS = 6 };

/* Whatever order they stand in, the cancelled leave the line and the others get their turn. */
static void waiters_are_cancelled_anywhere_in_the_line(void **state) {
  (void)state;
  for (int round = 0; round < 5; round++) {
    br_budget *budget = make_budget(100);
    br_cancel *cancel = NULL;
    assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
    assert_int_equal(br_budget_take(budget, 100, NULL, NULL), BR_OK);
    atomic_int turn = 0;
    waiting waiters[WAITERS];
    pthread_t threads[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
      waiters[i] = (waiting){.budget = budget, .bytes = 60, .turn = &turn};
      waiters[i].cancel = i % 2 == 1 ? cancel : NULL;
      assert_int_equal(pthread_create(&threads[i], NULL, take_and_note, &waiters[i]), 0);
    }
    br_cancel_request(cancel);
    for (int i = 1; i < WAITERS; i += 2) {
      assert_int_equal(join(threads[i]), 0);
      assert_int_equal(waiters[i].st, BR_ERR_CANCELLED);
    }
    br_budget_give(budget, 100);
    for (int i = 0; i < WAITERS; i += 2) {
      assert_int_equal(join(threads[i]), 0);
      assert_int_equal(waiters[i].st, BR_OK);
    }
    assert_int_equal(atomic_load(&turn), WAITERS / 2);
    assert_int_equal(br_budget_used(budget), 0);
    br_budget_free(budget);
    br_cancel_free(cancel);
  }
}

static void *take_and_give_often(void *context) {
  br_budget *budget = context;
  for (size_t i = 1; i <= 300; i++) {
    size_t bytes = i * 37 % 100 + 1;
    if (br_budget_take(budget, bytes, NULL, NULL) != BR_OK || br_budget_used(budget) > 100) {
      return (void *)1;
    }
    br_budget_give(budget, bytes);
  }
  return NULL;
}

static void many_threads_never_exceed_a_budget_and_all_get_their_turn(void **state) {
  (void)state;
  br_budget *budget = make_budget(100);
  pthread_t threads[6];
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_often, budget), 0);
  }
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(join(threads[i]), 0);
  }
  assert_int_equal(br_budget_used(budget), 0);
  br_budget_free(budget);
}

static br_status make_both(void *context, br_error *err) {
  (void)context;
  br_queue *queue = NULL;
  br_budget *budget = NULL;
  br_status st = br_queue_new(4, NULL, &queue, err);
  if (st == BR_OK) {
    st = br_budget_new(4, &budget, err);
  }
  br_queue_free(queue);
  br_budget_free(budget);
  return st;
}

static void both_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(make_both, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(items_come_out_in_the_order_they_went_in),
      cmocka_unit_test(a_closed_queue_is_drained_and_then_done),
      cmocka_unit_test(an_abort_frees_what_is_left_and_refuses_both_sides),
      cmocka_unit_test(freeing_frees_what_is_left),
      cmocka_unit_test(a_queue_for_nothing_is_refused),
      cmocka_unit_test(those_who_wait_are_woken_by_an_abort),
      cmocka_unit_test(a_closed_queue_wakes_those_who_wait),
      cmocka_unit_test(many_threads_lose_and_double_nothing),
      cmocka_unit_test(a_budget_counts_what_is_taken_and_given),
      cmocka_unit_test(more_than_the_whole_budget_is_refused_at_once),
      cmocka_unit_test(a_cancelled_waiter_takes_nothing_and_holds_nobody_up),
      cmocka_unit_test(waiters_are_cancelled_anywhere_in_the_line),
      cmocka_unit_test(many_threads_never_exceed_a_budget_and_all_get_their_turn),
      cmocka_unit_test(both_survive_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
