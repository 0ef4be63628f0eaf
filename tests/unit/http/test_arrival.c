/* Connections that are waited for too long are cut; the others are left alone. */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/arrival.h"
#include "support/cmocka.h"
#include "support/torture.h"

enum { AT_ONCE = 1, NEVER = 3600 * 1000 };

typedef struct pair {
  int ours, theirs;
  http_arrival_entry *entry;
} pair;

static pair connect_to(http_arrival *arrival) {
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  pair p = {.ours = fds[0], .theirs = fds[1], .entry = http_arrival_add(arrival, fds[0])};
  assert_true(arrival == NULL || p.entry != NULL);
  return p;
}

/* Waits for the end of the stream; a connection that is never cut is a test that never ends. */
static void assert_cut(const pair *p) {
  char byte = 0;
  assert_int_equal(recv(p->theirs, &byte, 1, 0), 0);
}

static void assert_open(const pair *p) {
  char byte = 0;
  assert_int_equal(recv(p->theirs, &byte, 1, MSG_DONTWAIT), -1);
  assert_int_equal(errno, EAGAIN);
}

static void end(http_arrival *arrival, pair *p) {
  http_arrival_remove(arrival, p->entry);
  (void)close(p->ours);
  (void)close(p->theirs);
}

static http_arrival *start_with(uint64_t limit_ms, size_t places) {
  http_arrival *arrival = NULL;
  assert_int_equal(http_arrival_start(limit_ms, places, &arrival, NULL), BR_OK);
  return arrival;
}

static http_arrival *start(uint64_t limit_ms) {
  return start_with(limit_ms, 1000);
}

static void a_request_that_does_not_arrive_is_cut(void **state) {
  (void)state;
  http_arrival *arrival = start(AT_ONCE);
  pair p = connect_to(arrival);
  assert_cut(&p);
  end(arrival, &p);
  http_arrival_stop(arrival);
}

/* All are looked at together: whoever is open once a later one was cut had been passed over. */
static void one_that_is_here_is_left_alone(void **state) {
  (void)state;
  http_arrival *arrival = start(AT_ONCE);
  pair here = connect_to(arrival);
  http_arrival_here(arrival, here.entry);
  pair late = connect_to(arrival);
  assert_cut(&late);
  pair later = connect_to(arrival);
  assert_cut(&later);
  assert_open(&here);
  http_arrival_wait(arrival, here.entry); /* for the next request */
  assert_cut(&here);
  end(arrival, &late);
  end(arrival, &here);
  end(arrival, &later);
  http_arrival_stop(arrival);
}

static void the_limit_is_waited_for(void **state) {
  (void)state;
  http_arrival *arrival = start(NEVER);
  http_arrival *impatient = start(AT_ONCE);
  pair patient = connect_to(arrival);
  http_arrival_wait(arrival, patient.entry);
  for (int i = 0; i < 2; i++) { /* as long as a look takes, twice */
    pair p = connect_to(impatient);
    assert_cut(&p);
    end(impatient, &p);
  }
  assert_open(&patient);
  end(arrival, &patient);
  http_arrival_stop(impatient);
  http_arrival_stop(arrival);
}

/* Never one that is worked on. */
static void the_longest_waited_for_makes_room(void **state) {
  (void)state;
  http_arrival *arrival = start_with(NEVER, 2);
  pair a = connect_to(arrival), b = connect_to(arrival);
  http_arrival_wait(arrival, a.entry); /* its head is here, a body is to come: b is the older one */
  assert_open(&a);
  assert_open(&b);
  pair c = connect_to(arrival);
  assert_cut(&b);
  assert_open(&a);
  http_arrival_here(arrival, a.entry);
  pair d = connect_to(arrival);
  assert_cut(&c);
  http_arrival_here(arrival, d.entry);
  pair e = connect_to(arrival); /* all others are at work */
  assert_cut(&e);
  assert_open(&a);
  assert_open(&d);
  http_arrival_reply(arrival, a.entry);
  http_arrival_wait(arrival, a.entry); /* for its next request: nobody wants its place */
  assert_open(&a);
  http_arrival_here(arrival, c.entry); /* what is cut stays so, and is counted no more */
  pair f = connect_to(arrival);
  assert_cut(&a);
  end(arrival, &b);
  end(arrival, &a);
  end(arrival, &d);
  pair g = connect_to(arrival);
  assert_open(&g);
  assert_open(&f);
  end(arrival, &c);
  end(arrival, &e);
  end(arrival, &f);
  end(arrival, &g);
  http_arrival_stop(arrival);
}

static void a_reply_that_is_not_taken_makes_room(void **state) {
  (void)state;
  http_arrival *arrival = start_with(NEVER, 2);
  pair slow = connect_to(arrival), busy = connect_to(arrival);
  http_arrival_reply(arrival, slow.entry);
  http_arrival_here(arrival, busy.entry);
  struct timespec while_it_is_not = {.tv_nsec = 150000000};
  (void)nanosleep(&while_it_is_not, NULL);
  pair next = connect_to(arrival);
  assert_cut(&slow);
  assert_open(&busy);
  assert_open(&next);
  end(arrival, &slow);
  end(arrival, &busy);
  end(arrival, &next);
  http_arrival_stop(arrival);
}

/* In any order: the first, the last, one in the middle. */
static void connections_end_in_any_order(void **state) {
  (void)state;
  static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
  for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
    http_arrival *arrival = start(NEVER);
    pair pairs[4];
    for (int i = 0; i < 4; i++) {
      pairs[i] = connect_to(arrival);
    }
    for (int i = 0; i < 4; i++) {
      end(arrival, &pairs[orders[o][i]]);
    }
    pair again = connect_to(arrival);
    end(arrival, &again);
    http_arrival_stop(arrival);
  }
}

static void nothing_is_watched_without_a_limit(void **state) {
  (void)state;
  pair p = connect_to(NULL);
  assert_null(p.entry);
  http_arrival_wait(NULL, p.entry);
  http_arrival_here(NULL, p.entry);
  assert_open(&p);
  end(NULL, &p);
  http_arrival_stop(NULL);
  /* No memory for an entry: the connection lives on, unwatched. */
  http_arrival *arrival = start(AT_ONCE);
  br_mem_fail_after(0);
  assert_null(http_arrival_add(arrival, 0));
  br_mem_fail_after(-1);
  http_arrival_wait(arrival, NULL);
  http_arrival_here(arrival, NULL);
  http_arrival_remove(arrival, NULL);
  http_arrival_stop(arrival);
}

static br_status start_and_stop(void *context, br_error *err) {
  (void)context;
  http_arrival *arrival = NULL;
  br_status st = http_arrival_start(NEVER, 1, &arrival, err);
  if (st == BR_OK) {
    http_arrival_stop(arrival);
  }
  return st;
}

static void memory_that_runs_out_is_told(void **state) {
  (void)state;
  torture_allocations(start_and_stop, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_that_does_not_arrive_is_cut),
      cmocka_unit_test(one_that_is_here_is_left_alone),
      cmocka_unit_test(the_limit_is_waited_for),
      cmocka_unit_test(the_longest_waited_for_makes_room),
      cmocka_unit_test(a_reply_that_is_not_taken_makes_room),
      cmocka_unit_test(connections_end_in_any_order),
      cmocka_unit_test(nothing_is_watched_without_a_limit),
      cmocka_unit_test(memory_that_runs_out_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
