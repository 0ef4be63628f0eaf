/* The table of sources: one entry each, constant memory, the earliest makes room, and a network, an
 * address and a name are told apart. */
#include <stdio.h>
#include <string.h>

#include "auth/source_table.h"
#include "base/sys.h"
#include "support/torture.h"

typedef struct entry {
  auth_source_entry source;
  uint64_t value;
} entry;

static auth_source_table make(size_t sets) {
  auth_source_table table;
  assert_int_equal(auth_source_table_init(&table, sets, sizeof(entry), NULL), BR_OK);
  return table;
}

static auth_source_key numbered(const auth_source_table *table, unsigned number) {
  char name[16];
  (void)snprintf(name, sizeof name, "%u", number);
  return auth_source_key_of_name(table->seed, name);
}

static void put(auth_source_table *table, unsigned number, uint64_t when) {
  const auth_source_key who = numbered(table, number);
  entry *e = auth_source_table_room(table, &who);
  *e = (entry){.source = {.used = true, .who = who, .when = when}, .value = number};
}

static entry *find(auth_source_table *table, unsigned number) {
  const auth_source_key who = numbered(table, number);
  return auth_source_table_find(table, &who);
}

static void assert_found(auth_source_table *table, unsigned number) {
  const entry *e = find(table, number);
  assert_non_null(e);
  assert_int_equal(e->value, number);
}

static void what_is_put_is_found(void **state) {
  (void)state;
  auth_source_table table = make(512);
  assert_int_equal(auth_source_table_size(&table), 512 * AUTH_SOURCE_WAYS);
  assert_null(find(&table, 0));
  for (unsigned i = 0; i < 100; i++) {
    put(&table, i, i);
  }
  size_t used = 0;
  for (size_t i = 0; i < auth_source_table_size(&table); i++) {
    const entry *e = auth_source_table_at(&table, i);
    used += e->source.used;
  }
  assert_int_equal(used, 100);
  for (unsigned i = 0; i < 100; i++) {
    assert_found(&table, i);
  }
  assert_null(find(&table, 100));
  auth_source_table_done(&table);
}

static void a_free_entry_comes_first_and_then_the_earliest(void **state) {
  (void)state;
  static const uint64_t whens[AUTH_SOURCE_WAYS] = {50, 40, 30, 20, 60, 70, 80, 90};
  auth_source_table table = make(1);
  for (unsigned i = 0; i < AUTH_SOURCE_WAYS; i++) {
    put(&table, i, whens[i]);
  }
  for (unsigned i = 0; i < AUTH_SOURCE_WAYS; i++) {
    assert_found(&table, i);
  }
  put(&table, 100, 99);
  assert_null(find(&table, 3));
  assert_found(&table, 100);
  find(&table, 7)->source.used = false; /* free: 2, now the earliest, stays */
  assert_null(find(&table, 7));
  put(&table, 101, 99);
  assert_found(&table, 2);
  assert_found(&table, 101);
  put(&table, 102, 99);
  assert_null(find(&table, 2));
  auth_source_table_done(&table);
}

/* Two tables put the same sources into other sets: nobody can know which ones share one. */
static void each_table_has_a_seed_of_its_own(void **state) {
  (void)state;
  enum { SETS = 4096, SOURCES = 64 };
  auth_source_table one = make(SETS), other = make(SETS);
  assert_int_not_equal(one.seed, other.seed);
  unsigned same = 0;
  for (unsigned i = 0; i < SOURCES; i++) {
    const auth_source_key key = {.kind = 4, .bytes = {192, 0, 2, (uint8_t)i}};
    const char *here = auth_source_table_room(&one, &key);
    const char *there = auth_source_table_room(&other, &key);
    same += here - (const char *)one.entries == there - (const char *)other.entries;
  }
  assert_in_range(same, 0, SOURCES / 2); /* one in 4096 does so by chance */
  auth_source_table_done(&one);
  auth_source_table_done(&other);
}

static bool is_same(const char *one, const char *other) {
  const auth_source_key a = auth_source_key_of(7, one), b = auth_source_key_of(7, other);
  return memcmp(&a, &b, sizeof a) == 0;
}

static void keys_are_networks_addresses_and_texts(void **state) {
  (void)state;
  assert_true(is_same("192.0.2.1", "192.0.2.1"));
  assert_false(is_same("192.0.2.1", "192.0.2.2"));
  assert_true(is_same("192.0.2.1", "::ffff:192.0.2.1"));
  assert_true(is_same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
  assert_false(is_same("2001:db8:0:1::1", "2001:db8:0:2::1"));
  assert_true(is_same("unix", "unix"));
  assert_false(is_same("unix", ""));
  const auth_source_key name = auth_source_key_of_name(7, "unix");
  const auth_source_key text = auth_source_key_of(7, "unix");
  const auth_source_key other_seed = auth_source_key_of_name(8, "unix");
  assert_memory_not_equal(&name, &text, sizeof name);
  assert_memory_not_equal(&name, &other_seed, sizeof name);
}

static br_status make_and_free(void *context, br_error *err) {
  auth_source_table table;
  (void)context;
  br_status st = auth_source_table_init(&table, 4, sizeof(entry), err);
  if (st == BR_OK) {
    auth_source_table_done(&table);
  }
  return st;
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  torture_allocations(make_and_free, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_put_is_found),
      cmocka_unit_test(a_free_entry_comes_first_and_then_the_earliest),
      cmocka_unit_test(each_table_has_a_seed_of_its_own),
      cmocka_unit_test(keys_are_networks_addresses_and_texts),
      cmocka_unit_test(no_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
