/* Failed logins on their way into the audit: the first ones by themselves, the others as numbers,
 * none of them lost. Time is the test's. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "auth/failures.h"
#include "auth/source_table.h"
#include "support/test_clock.h"
#include "support/torture.h"

static auth_failures *make(size_t sets) {
  const auth_failures_options options = {.sets = sets, .lines = 3, .window_ms = 1000};
  auth_failures *f = NULL;
  assert_int_equal(auth_failures_new(&options, &f, NULL), BR_OK);
  return f;
}

static unsigned note(auth_failures *f, const char *address, unsigned times) {
  unsigned told = 0;
  for (unsigned i = 0; i < times; i++) {
    told += auth_failures_note(f, address);
  }
  return told;
}

static void assert_sum(auth_failures *f, bool everything, const char *address, uint64_t count) {
  auth_failures_sum sum;
  assert_true(auth_failures_take(f, everything, &sum));
  assert_false(sum.others);
  assert_string_equal(sum.address, address);
  assert_int_equal(sum.count, count);
}

static void assert_none(auth_failures *f, bool everything) {
  auth_failures_sum sum;
  assert_false(auth_failures_take(f, everything, &sum));
}

static void the_first_are_told_and_the_others_counted(void **state) {
  (void)state;
  auth_failures *f = make(16);
  assert_int_equal(note(f, "192.0.2.1", 10), 3);
  assert_int_equal(note(f, "192.0.2.2", 2), 2);
  test_clock_ms += 999;
  assert_none(f, false);
  test_clock_ms++;
  assert_int_equal(note(f, "192.0.2.1", 1), 0); /* its number has not been told yet */
  assert_sum(f, false, "192.0.2.1", 8);
  assert_none(f, false);
  assert_none(f, true);
  /* A new window. */
  assert_int_equal(note(f, "192.0.2.1", 4), 3);
  assert_int_equal(note(f, "192.0.2.2", 3), 3);
  test_clock_ms += 1000;
  assert_int_equal(note(f, "192.0.2.2", 4), 3); /* nothing was counted: a new one by itself */
  auth_failures_sum one, other;                 /* in any order */
  assert_true(auth_failures_take(f, true, &one));
  assert_true(auth_failures_take(f, true, &other));
  assert_string_not_equal(one.address, other.address);
  assert_int_equal(one.count, 1);
  assert_int_equal(other.count, 1);
  assert_none(f, true);
  auth_failures_free(f);
}

static void what_could_not_be_told_is_counted_on(void **state) {
  (void)state;
  auth_failures *f = make(16);
  auth_failures_sum sum;
  assert_int_equal(note(f, "192.0.2.1", 5), 3);
  test_clock_ms += 1000;
  assert_true(auth_failures_take(f, false, &sum));
  auth_failures_give_back(f, &sum);
  assert_none(f, false); /* not again at once */
  assert_int_equal(note(f, "192.0.2.1", 4), 3);
  test_clock_ms += 1000;
  assert_sum(f, false, "192.0.2.1", 3);
  assert_none(f, true);
  auth_failures_free(f);
}

static void a_network_is_one_address(void **state) {
  (void)state;
  auth_failures *f = make(16);
  assert_int_equal(note(f, "2001:db8::1", 2), 2);
  assert_int_equal(note(f, "2001:db8::2", 2), 1);
  assert_int_equal(note(f, "2001:db8:0:1::1", 1), 1);
  assert_int_equal(note(f, "unix", 4), 3);
  assert_int_equal(note(f, "::ffff:192.0.2.1", 2), 2);
  assert_int_equal(note(f, "192.0.2.1", 2), 1);
  auth_failures_free(f);
}

/* More addresses than there is room for: their lines and all numbers together are the failures. */
static void none_is_lost_where_there_is_no_room(void **state) {
  (void)state;
  enum { ADDRESSES = 1000, EACH = 5 };
  auth_failures *f = make(2);
  auth_failures_sum sum;
  uint64_t told = 0, others = 0, counted = 0;
  for (int i = 0; i < ADDRESSES; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "10.0.%d.%d", i / 250, i % 250);
    told += note(f, address, EACH);
    test_clock_ms += 1;
  }
  assert_int_equal(told, ADDRESSES * 3);
  while (auth_failures_take(f, true, &sum)) {
    *(sum.others ? &others : &counted) += sum.count;
    if (sum.others) {
      assert_string_equal(sum.address, "");
    }
  }
  assert_int_equal(counted, 2 * AUTH_SOURCE_WAYS * 2);
  assert_int_equal(told + others + counted, ADDRESSES * EACH);
  sum = (auth_failures_sum){.others = true, .count = 7};
  auth_failures_give_back(f, &sum);
  assert_none(f, false);
  test_clock_ms += 1000;
  assert_true(auth_failures_take(f, false, &sum));
  assert_true(sum.others);
  assert_int_equal(sum.count, 7);
  auth_failures_free(f);
}

/* ---- from many threads ---- */

enum { THREADS = 4, TIMES = 20000 };

static _Atomic uint64_t accounted;

static void *fail_often(void *context) {
  auth_failures *f = context;
  auth_failures_sum sum;
  for (int i = 0; i < TIMES; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "192.0.2.%d", i % 50);
    accounted += auth_failures_note(f, address);
    if (i % 100 == 0 && auth_failures_take(f, i % 200 == 0, &sum)) {
      if (i % 300 == 0) {
        auth_failures_give_back(f, &sum);
      } else {
        accounted += sum.count;
      }
    }
  }
  return NULL;
}

static void none_is_lost_between_threads(void **state) {
  (void)state;
  auth_failures *f = make(4);
  auth_failures_sum sum;
  pthread_t threads[THREADS];
  accounted = 0;
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, fail_often, f), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  }
  while (auth_failures_take(f, true, &sum)) {
    accounted += sum.count;
  }
  assert_int_equal(accounted, THREADS * TIMES);
  auth_failures_free(f);
}

static br_status make_one(void *context, br_error *err) {
  (void)context;
  auth_failures *f = NULL;
  br_status st = auth_failures_new(NULL, &f, err);
  auth_failures_free(f);
  return st;
}

static void no_memory_is_an_error_without_leaks(void **state) {
  (void)state;
  torture_allocations(make_one, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clock_start, test_clock_stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_first_are_told_and_the_others_counted),
      TEST(what_could_not_be_told_is_counted_on),
      TEST(a_network_is_one_address),
      TEST(none_is_lost_where_there_is_no_room),
      TEST(none_is_lost_between_threads),
      cmocka_unit_test(no_memory_is_an_error_without_leaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
