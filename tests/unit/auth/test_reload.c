/* Hot reload: every way in which a file is replaced is noticed, a bad one changes nothing, and a
 * token that was taken away is honoured no more once the reload has returned. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/reload.h"
#include "base/clock.h"
#include "base/file.h"
#include "support/torture.h"

static char folder[64];
static char path[128];

/* What was reported; counts by outcome, and the last message. */
typedef struct reports {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned counts[AUTH_RELOAD_UNWATCHED + 1];
  char message[BR_ERROR_MESSAGE_MAX];
} reports;

static reports told = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void take_report(void *context, auth_reload_outcome outcome, const char *message) {
  reports *r = context;
  (void)pthread_mutex_lock(&r->lock);
  r->counts[outcome]++;
  (void)snprintf(r->message, sizeof r->message, "%s", message);
  (void)pthread_cond_broadcast(&r->changed);
  (void)pthread_mutex_unlock(&r->lock);
}

/* Waits until an outcome was reported count times; the test's own timeout ends a vain wait. */
static void wait_for(auth_reload_outcome outcome, unsigned count) {
  (void)pthread_mutex_lock(&told.lock);
  while (told.counts[outcome] < count) {
    (void)pthread_cond_wait(&told.changed, &told.lock);
  }
  (void)pthread_mutex_unlock(&told.lock);
}

static unsigned count_of(auth_reload_outcome outcome) {
  (void)pthread_mutex_lock(&told.lock);
  unsigned count = told.counts[outcome];
  (void)pthread_mutex_unlock(&told.lock);
  return count;
}

static int setup(void **state) {
  (void)state;
  memset(told.counts, 0, sizeof told.counts);
  (void)snprintf(folder, sizeof folder, "/tmp/bridge-reload-XXXXXX");
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/permissions.yaml", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

static void make_text(char *text, size_t size, int number) {
  (void)snprintf(text, size, "users: [{name: a, token: sdb_token-number-%d, permissions: []}]\n",
                 number);
}

/* The whole file at once, by rename. */
static void put(const char *where, const char *text) {
  assert_int_equal(br_file_write_atomic(where, text, strlen(text), 0600, NULL), BR_OK);
}

static void put_number(const char *where, int number) {
  char text[128];
  make_text(text, sizeof text, number);
  put(where, text);
}

static auth_reload *start(bool watch, unsigned poll_ms) {
  auth_reload_options options = {
      .path = path, .watch = watch, .poll_ms = poll_ms, .report = take_report, .context = &told};
  auth_reload *r = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = auth_reload_start(&options, &r, &err);
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  assert_int_equal(st, BR_OK);
  return r;
}

static bool knows(auth_reload *r, int number) {
  char token[64];
  (void)snprintf(token, sizeof token, "sdb_token-number-%d", number);
  auth_permissions *p = auth_reload_current(r);
  bool known = auth_user_of_token(p, token) != NULL;
  auth_permissions_unref(p);
  return known;
}

enum { NEVER_MS = 1000000000 };

static void a_renamed_file_is_noticed_at_once(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(true, NEVER_MS);
  assert_true(knows(r, 1));
  for (int i = 2; i < 5; i++) {
    put_number(path, i);
    wait_for(AUTH_RELOADED, (unsigned)i - 1);
    assert_true(knows(r, i));
    assert_false(knows(r, i - 1));
  }
  auth_reload_stop(r);
}

static void a_file_written_in_place_is_noticed(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(true, NEVER_MS);
  char text[128];
  make_text(text, sizeof text, 2);
  FILE *file = fopen(path, "r+");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
  wait_for(AUTH_RELOADED, 1);
  assert_true(knows(r, 2));
  auth_reload_stop(r);
}

/* As a ConfigMap is mounted: permissions.yaml -> ..data/permissions.yaml, ..data -> a folder. */
static void a_swapped_link_of_a_mounted_volume_is_noticed(void **state) {
  (void)state;
  char name[160];
  char data[128];
  char fresh[128];
  (void)snprintf(data, sizeof data, "%s/..data", folder);
  (void)snprintf(fresh, sizeof fresh, "%s/..data_tmp", folder);
  for (int i = 1; i <= 2; i++) {
    (void)snprintf(name, sizeof name, "%s/..v%d", folder, i);
    assert_int_equal(br_dir_make(name, 0700, NULL), BR_OK);
    (void)snprintf(name, sizeof name, "%s/..v%d/permissions.yaml", folder, i);
    put_number(name, i);
  }
  assert_int_equal(symlink("..v1", data), 0);
  assert_int_equal(symlink("..data/permissions.yaml", path), 0);
  auth_reload *r = start(true, NEVER_MS);
  assert_true(knows(r, 1));
  assert_int_equal(symlink("..v2", fresh), 0);
  assert_int_equal(rename(fresh, data), 0);
  wait_for(AUTH_RELOADED, 1);
  assert_true(knows(r, 2));
  assert_false(knows(r, 1));
  auth_reload_stop(r);
}

/* The folder of the link sees nothing of it: looking at the content does. */
static void a_file_behind_a_link_elsewhere_is_noticed(void **state) {
  (void)state;
  char elsewhere[128];
  char file[160];
  (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
  (void)snprintf(file, sizeof file, "%s/p.yaml", elsewhere);
  assert_int_equal(br_dir_make(elsewhere, 0700, NULL), BR_OK);
  put_number(file, 1);
  assert_int_equal(symlink(file, path), 0);
  auth_reload *r = start(true, 10);
  put_number(file, 2);
  wait_for(AUTH_RELOADED, 1);
  assert_true(knows(r, 2));
  auth_reload_stop(r);
}

static void a_bad_file_keeps_the_last_good_one_and_is_told_once(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(true, 5);
  put(path, "users: [{nam: a}]\n");
  wait_for(AUTH_RELOAD_REFUSED, 1);
  assert_true(knows(r, 1));
  assert_non_null(strstr(told.message, "line 1: unknown key 'nam'; did you mean 'name'?"));
  assert_int_equal(auth_reload_now(r, NULL), BR_ERR_DATA); /* the same problem: not told again */
  put(path, "users: 7\n");
  wait_for(AUTH_RELOAD_REFUSED, 2);
  put_number(path, 1); /* the good one again, byte for byte */
  wait_for(AUTH_RELOADED, 1);
  assert_int_equal(count_of(AUTH_RELOAD_REFUSED), 2);
  assert_true(knows(r, 1));
  auth_reload_stop(r);
}

static void a_removed_file_keeps_the_last_good_one(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(true, 5);
  assert_int_equal(unlink(path), 0);
  wait_for(AUTH_RELOAD_MISSING, 1);
  assert_true(knows(r, 1));
  put_number(path, 1);
  wait_for(AUTH_RELOADED, 1);
  assert_int_equal(count_of(AUTH_RELOAD_MISSING), 1);
  auth_reload_stop(r);
}

static void nothing_is_told_while_nothing_changes(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(true, 1);
  char other[128];
  (void)snprintf(other, sizeof other, "%s/other.yaml", folder);
  for (int i = 0; i < 20; i++) {
    put_number(other, i);
  }
  put_number(path, 2);
  wait_for(AUTH_RELOADED, 1);
  auth_reload_stop(r);
  assert_int_equal(count_of(AUTH_RELOADED), 1);
  assert_int_equal(count_of(AUTH_RELOAD_REFUSED), 0);
}

static void a_start_needs_a_good_file(void **state) {
  (void)state;
  auth_reload *r = NULL;
  auth_reload_options options = {.path = path, .watch = true};
  assert_int_equal(auth_reload_start(&options, &r, NULL), BR_ERR_NOT_FOUND);
  put(path, "users: 7\n");
  assert_int_equal(auth_reload_start(&options, &r, NULL), BR_ERR_DATA);
  put(path, "users: [{name: a, token: changeme, permissions: []}]");
  options.strict = true;
  assert_int_equal(auth_reload_start(&options, &r, NULL), BR_ERR_USAGE);
  options.strict = false;
  options.watch = false;
  assert_int_equal(auth_reload_start(&options, &r, NULL), BR_OK);
  auth_reload_stop(r);
}

static void a_held_reference_outlives_the_reload(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(false, 0);
  auth_permissions *held = auth_reload_current(r);
  put_number(path, 2);
  assert_int_equal(auth_reload_now(r, NULL), BR_OK);
  assert_true(knows(r, 2));
  assert_non_null(auth_user_of_token(held, "sdb_token-number-1"));
  auth_reload_stop(r);
  assert_string_equal(auth_user_name(auth_user_of_token(held, "sdb_token-number-1")), "a");
  auth_permissions_unref(held);
}

/* Requests look up tokens all the time while the file changes hands. `valid` is the newest number
 * whose reload has returned: no older one may be known to a look-up that starts after that. */
enum { READERS = 3, RELOADS = 150 };
static atomic_int valid;
static atomic_bool done;

static void *look_up(void *context) {
  auth_reload *r = context;
  size_t dishonoured = 0;
  while (!atomic_load(&done)) {
    int newest = atomic_load(&valid);
    dishonoured += knows(r, newest - 1);
  }
  return dishonoured == 0 ? NULL : context;
}

static void no_removed_token_is_honoured_under_load(void **state) {
  (void)state;
  put_number(path, 1);
  auth_reload *r = start(true, 1); /* the watcher reads at the same time */
  atomic_store(&valid, 1);
  atomic_store(&done, false);
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, look_up, r), 0);
  }
  for (int i = 2; i < RELOADS; i++) {
    put_number(path, i);
    assert_int_equal(auth_reload_now(r, NULL), BR_OK);
    atomic_store(&valid, i);
    assert_true(knows(r, i));
  }
  atomic_store(&done, true);
  for (int i = 0; i < READERS; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  auth_reload_stop(r);
}

static br_status start_and_read(void *context, br_error *err) {
  (void)context;
  auth_reload_options options = {.path = path};
  auth_reload *r = NULL;
  br_status st = auth_reload_start(&options, &r, err);
  if (st == BR_OK) {
    st = auth_reload_now(r, err);
  }
  auth_reload_stop(r);
  return st;
}

static void no_memory_is_an_error_without_leaks(void **state) {
  (void)state;
  put_number(path, 1);
  torture_allocations(start_and_read, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_renamed_file_is_noticed_at_once),
      TEST(a_file_written_in_place_is_noticed),
      TEST(a_swapped_link_of_a_mounted_volume_is_noticed),
      TEST(a_file_behind_a_link_elsewhere_is_noticed),
      TEST(a_bad_file_keeps_the_last_good_one_and_is_told_once),
      TEST(a_removed_file_keeps_the_last_good_one),
      TEST(nothing_is_told_while_nothing_changes),
      TEST(a_start_needs_a_good_file),
      TEST(a_held_reference_outlives_the_reload),
      TEST(no_removed_token_is_honoured_under_load),
      TEST(no_memory_is_an_error_without_leaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
