/* Failed logins: waits double up to a ceiling, other addresses don't notice, memory is constant.
 * Time is the test's. */
#include <stdio.h>
#include <string.h>

#include "auth/source_table.h"
#include "auth/throttle.h"
#include "support/test_clock.h"
#include "support/torture.h"

static auth_throttle *make(size_t sets) {
  auth_throttle_options options = {
      .sets = sets, .free_tries = 3, .first_ms = 100, .longest_ms = 1000, .forgotten_ms = 60000};
  auth_throttle *t = NULL;
  assert_int_equal(auth_throttle_new(&options, &t, NULL), BR_OK);
  return t;
}

static void waits_double_up_to_the_longest(void **state) {
  (void)state;
  static const uint64_t waits[] = {0, 0, 0, 100, 200, 400, 800, 1000, 1000};
  auth_throttle *t = make(16);
  for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.1"), 0);
    auth_throttle_failed(t, "192.0.2.1");
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.1"), waits[i]);
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.2"), 0);
    test_clock_ms += waits[i] / 2;
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.1"), waits[i] - waits[i] / 2);
    test_clock_ms += waits[i];
  }
  auth_throttle_free(t);
}

static void success_and_time_wipe_the_slate(void **state) {
  (void)state;
  auth_throttle *t = make(16);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 6; i++) {
      auth_throttle_failed(t, "192.0.2.1");
    }
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.1"), 400);
    if (round == 0) {
      auth_throttle_succeeded(t, "192.0.2.1");
    } else {
      test_clock_ms += 60000;
    }
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.1"), 0);
    auth_throttle_failed(t, "192.0.2.1");
    assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.1"), 0); /* one free try is used up */
    auth_throttle_succeeded(t, "192.0.2.1");
  }
  auth_throttle_free(t);
}

static void fail_often(auth_throttle *t, const char *address) {
  for (int i = 0; i < 5; i++) {
    auth_throttle_failed(t, address);
  }
}

static void a_network_of_ipv6_is_one_address(void **state) {
  (void)state;
  auth_throttle *t = make(16);
  fail_often(t, "2001:db8:0:1::1");
  assert_true(auth_throttle_wait_ms(t, "2001:db8:0:1:ffff::2") > 0);
  assert_int_equal(auth_throttle_wait_ms(t, "2001:db8:0:2::1"), 0);
  fail_often(t, "::ffff:192.0.2.9");
  assert_true(auth_throttle_wait_ms(t, "192.0.2.9") > 0);
  assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.8"), 0);
  fail_often(t, "not an address");
  assert_true(auth_throttle_wait_ms(t, "not an address") > 0);
  assert_int_equal(auth_throttle_wait_ms(t, ""), 0);
  auth_throttle_free(t);
}

static void the_oldest_makes_room(void **state) {
  (void)state;
  auth_throttle *t = make(1);
  char address[32];
  for (int i = 0; i <= AUTH_SOURCE_WAYS; i++) {
    (void)snprintf(address, sizeof address, "192.0.2.%d", i);
    fail_often(t, address);
    test_clock_ms++;
  }
  assert_int_equal(auth_throttle_wait_ms(t, "192.0.2.0"), 0);
  for (int i = 1; i <= AUTH_SOURCE_WAYS; i++) {
    (void)snprintf(address, sizeof address, "192.0.2.%d", i);
    assert_true(auth_throttle_wait_ms(t, address) > 0);
  }
  auth_throttle_free(t);
}

static void many_addresses_take_no_more_memory(void **state) {
  (void)state;
  auth_throttle *t = make(4);
  br_mem_fail_after(-1);
  long before = br_mem_count();
  for (int i = 0; i < 100000; i++) {
    char address[32];
    (void)snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
    auth_throttle_failed(t, address);
  }
  assert_int_equal(br_mem_count(), before);
  auth_throttle_free(t);
}

static br_status make_default(void *context, br_error *err) {
  (void)context;
  auth_throttle *t = NULL;
  br_status st = auth_throttle_new(NULL, &t, err);
  auth_throttle_free(t);
  return st;
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  torture_allocations(make_default, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_clock_start, test_clock_stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(waits_double_up_to_the_longest),     TEST(success_and_time_wipe_the_slate),
      TEST(a_network_of_ipv6_is_one_address),   TEST(the_oldest_makes_room),
      TEST(many_addresses_take_no_more_memory), cmocka_unit_test(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
