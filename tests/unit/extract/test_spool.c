/* Spool folders: what dead runs left goes, what living runs hold stays. */
#include "extract/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "support/cmocka.h"
#include "support/torture.h"

#define RUN   "20130101T050000Z-1a2b3c4d"
#define OTHER "20130101T060000Z-00ff00ff"

static char root[] = "/tmp/bridge-spool-XXXXXX";

static int make_root(void **state) {
  (void)state;
  memcpy(root + strlen(root) - 6, "XXXXXX", 6);
  return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **state) {
  (void)state;
  char command[64] = "rm -rf ";
  return system(strcat(command, root));
}

static char *at(const char *name) {
  char *path = br_path_join(root, name);
  assert_non_null(path);
  return path;
}

static bool exists(const char *name) {
  char *path = at(name);
  bool there = false;
  assert_int_equal(br_file_exists(path, &there, NULL), BR_OK);
  br_free(path);
  return there;
}

static void put(const char *folder, const char *file) {
  char *path = at(folder);
  assert_int_equal(br_dir_make(path, 0700, NULL), BR_OK);
  char *inside = br_path_join(path, file);
  assert_int_equal(br_file_write_atomic(inside, "x", 1, 0600, NULL), BR_OK);
  br_free(inside);
  br_free(path);
}

static void put_lock(const char *name) {
  char *path = at(name);
  assert_int_equal(br_file_write_atomic(path, "", 0, 0600, NULL), BR_OK);
  br_free(path);
}

static void test_files_of_a_dead_run_are_deleted(void **state) {
  (void)state;
  put_lock(RUN ".lock");
  put(RUN "-flights", "flights-00000.parquet");
  put(RUN "-planes", "planes-00000.parquet");
  put(RUN "-.id", ".id.00ff.tmp"); /* it died while it made the folder's id */
  extract_spool spool = EXTRACT_SPOOL_INIT;
  assert_int_equal(extract_spool_open(&spool, root, OTHER, NULL), BR_OK);
  assert_false(exists(RUN "-flights"));
  assert_false(exists(RUN "-planes"));
  assert_false(exists(RUN "-.id"));
  assert_false(exists(RUN ".lock"));
  assert_true(exists(OTHER ".lock"));
  assert_true(exists(".id"));
  assert_false(exists(OTHER "-.id"));
  extract_spool_close(&spool);
  assert_false(exists(OTHER ".lock"));
}

static void test_a_run_is_gone_once_its_lock_is(void **state) {
  (void)state;
  extract_spool dying = EXTRACT_SPOOL_INIT;
  extract_spool next = EXTRACT_SPOOL_INIT;
  assert_int_equal(extract_spool_open(&dying, root, RUN, NULL), BR_OK);
  assert_int_equal(extract_spool_open(&next, root, OTHER, NULL), BR_OK);
  assert_string_equal(next.id, dying.id);
  assert_false(extract_spool_run_is_gone(&next, dying.id, RUN));
  /* As the kernel does when the process dies: the file stays. */
  assert_int_equal(close(dying.lock_fd), 0);
  assert_true(extract_spool_run_is_gone(&next, dying.id, RUN));
  assert_true(exists(RUN ".lock"));
  dying.lock_fd = -1;
  extract_spool_close(&dying);
  put_lock("gone");
  char *lock = at(RUN ".lock");
  assert_int_equal(unlink(lock), 0);
  br_free(lock);
  assert_true(extract_spool_run_is_gone(&next, next.id, RUN));
  /* Nothing is known of runs of other folders, nor of what is no run. */
  assert_false(extract_spool_run_is_gone(&next, "", RUN));
  assert_false(extract_spool_run_is_gone(&next, "00000000-0000-4000-8000-000000000000-7", RUN));
  assert_false(extract_spool_run_is_gone(&next, next.id, "gone"));
  assert_false(extract_spool_run_is_gone(&next, next.id, "../" RUN));
  extract_spool_close(&next);
  extract_spool closed = EXTRACT_SPOOL_INIT;
  assert_false(extract_spool_run_is_gone(&closed, "", RUN));
}

static void test_a_copied_folder_is_another(void **state) {
  (void)state;
  extract_spool first = EXTRACT_SPOOL_INIT;
  extract_spool again = EXTRACT_SPOOL_INIT;
  assert_int_equal(extract_spool_open(&first, root, RUN, NULL), BR_OK);
  char *id = at(".id");
  br_buf text;
  assert_int_equal(br_file_read(id, 4096, &text, NULL), BR_OK);
  assert_int_equal(br_file_write_atomic(id, text.data, text.len, 0600, NULL), BR_OK);
  assert_int_equal(extract_spool_open(&again, root, OTHER, NULL), BR_OK);
  assert_string_not_equal(again.id, first.id);
  extract_spool_close(&again);
  /* A file that is no id is replaced. */
  assert_int_equal(br_file_write_atomic(id, "broken", 6, 0600, NULL), BR_OK);
  assert_int_equal(extract_spool_open(&again, root, OTHER, NULL), BR_OK);
  assert_true(strlen(again.id) > 37);
  extract_spool_close(&again);
  extract_spool_close(&first);
  br_buf_done(&text);
  br_free(id);
}

static void test_files_of_a_living_run_stay(void **state) {
  (void)state;
  extract_spool first = EXTRACT_SPOOL_INIT;
  extract_spool second = EXTRACT_SPOOL_INIT;
  assert_int_equal(extract_spool_open(&first, root, RUN, NULL), BR_OK);
  char *path = extract_spool_path(&first, "flights");
  put(RUN "-flights", "flights-00000.parquet");
  assert_int_equal(extract_spool_open(&second, root, OTHER, NULL), BR_OK);
  assert_true(exists(RUN "-flights/flights-00000.parquet"));
  extract_spool_remove(path);
  assert_false(exists(RUN "-flights"));
  br_free(path);
  extract_spool_close(&first);
  extract_spool_close(&second);
}

static void test_foreign_files_stay(void **state) {
  (void)state;
  put_lock(RUN ".lock");
  put(RUN "0-flights", "a");
  put("notes-1", "b");
  put_lock("notes.lock");
  put_lock("20130101T050000Z-1a2b3c4g.lock");
  extract_spool spool = EXTRACT_SPOOL_INIT;
  assert_int_equal(extract_spool_open(&spool, root, OTHER, NULL), BR_OK);
  assert_true(exists(RUN "0-flights/a"));
  assert_true(exists("notes-1/b"));
  assert_true(exists("notes.lock"));
  assert_true(exists("20130101T050000Z-1a2b3c4g.lock"));
  extract_spool_close(&spool);
}

static void test_a_made_folder_is_empty(void **state) {
  (void)state;
  put(RUN "-flights", "old");
  char *path = at(RUN "-flights");
  assert_int_equal(extract_spool_make(path, NULL), BR_OK);
  assert_false(exists(RUN "-flights/old"));
  assert_true(exists(RUN "-flights"));
  extract_spool_remove(path);
  br_free(path);
}

static void test_a_missing_spool_folder_is_named(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  extract_spool spool = EXTRACT_SPOOL_INIT;
  assert_int_equal(extract_spool_open(&spool, "/nowhere", RUN, &err), BR_ERR_NOT_FOUND);
  assert_non_null(strstr(err.message, "/nowhere/" RUN ".lock"));
  extract_spool_close(&spool); /* closing what was never open is fine */
}

static br_status open_and_close(void *context, br_error *err) {
  (void)context;
  extract_spool spool = EXTRACT_SPOOL_INIT;
  br_status st = extract_spool_open(&spool, root, OTHER, err);
  extract_spool_close(&spool);
  return st;
}

static void test_each_failing_allocation_is_told(void **state) {
  (void)state;
  torture_allocations(open_and_close, NULL);
}

static void test_a_link_in_its_place_goes_and_its_target_stays(void **state) {
  (void)state;
  put("outside", "theirs.txt");
  char *outside = at("outside");
  char *path = at("spool");
  for (int make = 0; make < 2; make++) {
    assert_int_equal(symlink(outside, path), 0);
    if (make == 1) {
      assert_int_equal(extract_spool_make(path, NULL), BR_OK);
      put("spool", "q-00000.parquet");
    }
    extract_spool_remove(path);
    assert_false(exists("spool"));
    assert_true(exists("outside/theirs.txt"));
    assert_false(exists("outside/q-00000.parquet"));
  }
  /* A file is not taken for a folder. */
  put_lock("spool");
  extract_spool_remove(path);
  assert_true(exists("spool"));
  br_free(path);
  br_free(outside);
}

/* Another run that looks for dead ones holds a lock that was just made, for so many tries. */
static int looks_left;
static int look_fd = -1;

static int look_and_open(const char *path, int flags, mode_t mode) {
  bool own = (flags & O_CREAT) != 0 && strstr(path, RUN ".lock") != NULL;
  if (own && look_fd >= 0 && --looks_left == 0) {
    assert_int_equal(unlink(path), 0);
    assert_int_equal(close(look_fd), 0);
    look_fd = -1;
  }
  int fd = open(path, flags, mode);
  if (own && looks_left > 0 && look_fd < 0) {
    look_fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(look_fd >= 0 && flock(look_fd, LOCK_EX | LOCK_NB) == 0);
  }
  return fd;
}

static void test_a_run_that_looks_for_dead_ones_is_waited_for(void **state) {
  (void)state;
  looks_left = 3;
  br_sys.open = look_and_open;
  extract_spool spool = EXTRACT_SPOOL_INIT;
  br_error err = BR_ERROR_INIT;
  br_status st = extract_spool_open(&spool, root, RUN, &err);
  br_sys_reset();
  assert_int_equal(st, BR_OK);
  assert_int_equal(err.status, BR_OK);
  assert_int_equal(looks_left, 0);
  assert_true(exists(RUN ".lock"));
  extract_spool_close(&spool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_files_of_a_dead_run_are_deleted, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_a_run_is_gone_once_its_lock_is, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_a_copied_folder_is_another, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_files_of_a_living_run_stay, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_foreign_files_stay, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_a_made_folder_is_empty, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_a_link_in_its_place_goes_and_its_target_stays, make_root,
                                      remove_root),
      cmocka_unit_test_setup_teardown(test_a_run_that_looks_for_dead_ones_is_waited_for, make_root,
                                      remove_root),
      cmocka_unit_test_setup_teardown(test_a_missing_spool_folder_is_named, make_root, remove_root),
      cmocka_unit_test_setup_teardown(test_each_failing_allocation_is_told, make_root, remove_root),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
