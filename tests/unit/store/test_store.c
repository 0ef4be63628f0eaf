/* SQLite as the rooms above use it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

static char folder[] = "/tmp/store-test-XXXXXX";
static char path[64];

static int setup(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/a.db", folder);
  return 0;
}

static int teardown(void **state) {
  char command[96];
  (void)state;
  (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

static int count_of(sqlite3 *db, const char *sql) {
  sqlite3_stmt *stmt = NULL;
  bool row = false;
  assert_int_equal(store_prepare(db, sql, strlen(sql), &stmt, NULL), BR_OK);
  assert_int_equal(store_step(db, stmt, &row, NULL), BR_OK);
  int count = row ? sqlite3_column_int(stmt, 0) : -1;
  (void)sqlite3_finalize(stmt);
  return count;
}

static unsigned mode_of(const char *suffix) {
  char name[96];
  struct stat info;
  (void)snprintf(name, sizeof name, "%s%s", path, suffix);
  assert_int_equal(stat(name, &info), 0);
  return info.st_mode & 07777U;
}

/* A new file and those beside it; one that is there keeps the mode that it has. */
static void a_new_file_is_not_for_everybody(void **state) {
  sqlite3 *db = NULL;
  (void)state;
  const mode_t before = umask(022);
  assert_int_equal(store_open(path, &db, NULL), BR_OK);
  assert_int_equal(store_exec(db, "CREATE TABLE a (x)", NULL), BR_OK);
  assert_int_equal(mode_of(""), 0640);
  assert_int_equal(mode_of("-wal"), 0640);
  assert_int_equal(mode_of("-shm"), 0640);
  store_close(db);
  assert_int_equal(chmod(path, 0600), 0);
  assert_int_equal(store_open(path, &db, NULL), BR_OK);
  assert_int_equal(store_exec(db, "DROP TABLE a", NULL), BR_OK);
  assert_int_equal(mode_of(""), 0600);
  assert_int_equal(mode_of("-wal"), 0600);
  store_close(db);
  assert_int_equal(unlink(path), 0);
  (void)umask(before);
}

static void migration_runs_each_step_once_and_refuses_newer_files(void **state) {
  static const char *const steps[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)"};
  sqlite3 *db = NULL;
  br_error err = BR_ERROR_INIT;
  (void)state;
  assert_int_equal(store_open(path, &db, NULL), BR_OK);
  assert_int_equal(store_migrate(db, steps, 1, NULL), BR_OK);
  assert_int_equal(store_migrate(db, steps, 2, NULL), BR_OK);
  assert_int_equal(store_migrate(db, steps, 2, NULL), BR_OK);
  assert_int_equal(count_of(db, "SELECT count(*) FROM a"), 1);
  assert_int_equal(store_migrate(db, steps, 1, &err), BR_ERR_UNSUPPORTED);
  store_close(db);
}

static void a_failing_step_leaves_the_file_as_it_was(void **state) {
  static const char *const steps[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)",
                                      "CREATE TABLE b (y); INSERT INTO nope VALUES (1)"};
  sqlite3 *db = NULL;
  (void)state;
  assert_int_equal(store_open(path, &db, NULL), BR_OK);
  assert_int_equal(store_migrate(db, steps, 3, NULL), BR_ERR_INTERNAL);
  assert_int_equal(count_of(db, "PRAGMA user_version"), 2);
  assert_int_equal(count_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
  store_close(db);
}

static void errors_say_what_they_are(void **state) {
  sqlite3 *db = NULL;
  sqlite3 *other = NULL;
  br_error err = BR_ERROR_INIT;
  (void)state;
  assert_int_equal(store_open("/nonexistent/folder/x.db", &db, &err), BR_ERR_IO);
  assert_non_null(strstr(err.message, "/nonexistent/folder/x.db"));
  assert_int_equal(store_open(path, &db, NULL), BR_OK);
  assert_int_equal(store_open(path, &other, NULL), BR_OK);
  assert_int_equal(store_exec(db, "CREATE TABLE u (x UNIQUE); INSERT INTO u VALUES (1)", NULL),
                   BR_OK);
  assert_int_equal(store_exec(db, "INSERT INTO u VALUES (1)", NULL), BR_ERR_EXISTS);
  (void)sqlite3_busy_timeout(other, 0);
  assert_int_equal(store_exec(db, "BEGIN IMMEDIATE", NULL), BR_OK);
  assert_int_equal(store_exec(other, "BEGIN IMMEDIATE", &err), BR_ERR_CONFLICT);
  assert_true(err.retriable);
  store_close(db);
  store_close(other);
}

static int make_file(const char *file) {
  static const char *const steps[] = {"CREATE TABLE a (x)", "INSERT INTO a VALUES (1)"};
  br_error err = BR_ERROR_INIT;
  sqlite3 *db = NULL;
  br_status st = store_open(file, &db, &err);
  st = st == BR_OK ? store_migrate(db, steps, 2, &err) : st;
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  store_close(db);
  return st == BR_OK ? 0 : 1;
}

/* Several programs that are started at once on a new folder. */
static void several_processes_may_make_a_file(void **state) {
  enum { ROUNDS = 40, PROCESSES = 6 };
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    char file[80];
    pid_t children[PROCESSES];
    (void)snprintf(file, sizeof file, "%s/made-%d.db", folder, round);
    for (size_t i = 0; i < PROCESSES; i++) {
      children[i] = fork();
      if (children[i] == 0) {
        _exit(make_file(file));
      }
      assert_true(children[i] > 0);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
      int status = -1;
      assert_int_equal(waitpid(children[i], &status, 0), children[i]);
      assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_file_is_not_for_everybody),
      cmocka_unit_test(migration_runs_each_step_once_and_refuses_newer_files),
      cmocka_unit_test(a_failing_step_leaves_the_file_as_it_was),
      cmocka_unit_test(errors_say_what_they_are),
      cmocka_unit_test(several_processes_may_make_a_file),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
