#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "support/cmocka.h"
#include "support/torture.h"

static char folder[64];

static int make_folder(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/bridge-test-file-XXXXXX");
  return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
  (void)state;
  br_sys_reset();
  char **names = NULL;
  size_t count = 0;
  if (br_dir_list(folder, &names, &count, NULL) != BR_OK) {
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    char *path = br_path_join(folder, names[i]);
    if (unlink(path) != 0) {
      (void)rmdir(path);
    }
    br_free(path);
  }
  br_names_free(names, count);
  return rmdir(folder);
}

static const char *path_of(const char *name) {
  static char path[256];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  assert_int_equal(br_file_write_atomic(path_of(name), text, strlen(text), 0600, NULL), BR_OK);
}

static void assert_file(const char *name, const char *text) {
  br_buf buf;
  assert_int_equal(br_file_read(path_of(name), 1000000, &buf, NULL), BR_OK);
  assert_int_equal(buf.len, strlen(text));
  assert_memory_equal(buf.data == NULL ? (const uint8_t *)"" : buf.data, text, buf.len);
  br_buf_done(&buf);
}

/* The names in the folder, joined by blanks. */
static void assert_names(const char *wanted) {
  char **names = NULL;
  size_t count = 0;
  char joined[1000] = "";
  assert_int_equal(br_dir_list(folder, &names, &count, NULL), BR_OK);
  for (size_t i = 0; i < count; i++) {
    (void)snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s",
                   i == 0 ? "" : " ", names[i]);
  }
  br_names_free(names, count);
  assert_string_equal(joined, wanted);
}

static void what_was_written_is_read_back(void **state) {
  (void)state;
  write_file("a", "hello");
  assert_file("a", "hello");
  write_file("a", "");
  assert_file("a", "");
  assert_names("a");
}

static void a_file_over_the_limit_is_refused_and_one_at_it_is_read(void **state) {
  (void)state;
  write_file("a", "12345");
  br_error err = BR_ERROR_INIT;
  br_buf buf;
  assert_int_equal(br_file_read(path_of("a"), 4, &buf, &err), BR_ERR_LIMIT);
  assert_non_null(strstr(err.message, "/a is larger than the 4 bytes"));
  assert_null(buf.data);
  assert_int_equal(br_file_read(path_of("a"), 5, &buf, &err), BR_OK);
  assert_int_equal(buf.len, 5);
  br_buf_done(&buf);
}

static void a_missing_file_is_not_found_by_name(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  br_buf buf;
  assert_int_equal(br_file_read(path_of("none"), 10, &buf, &err), BR_ERR_NOT_FOUND);
  assert_non_null(strstr(err.message, "/none: "));
  bool exists = true;
  assert_int_equal(br_file_exists(path_of("none"), &exists, &err), BR_OK);
  assert_false(exists);
  assert_int_equal(br_file_exists(folder, &exists, &err), BR_OK);
  assert_true(exists);
}

static void reading_a_folder_is_an_error(void **state) {
  (void)state;
  br_buf buf;
  assert_int_equal(br_file_read(folder, 10, &buf, NULL), BR_ERR_IO);
}

/* System calls that fail now and then. */
static int interruptions;

static ssize_t interrupted_short_read(int fd, void *buffer, size_t size) {
  (void)size;
  if (interruptions++ % 2 == 0) {
    errno = EINTR;
    return -1;
  }
  return read(fd, buffer, 1);
}

static ssize_t interrupted_short_write(int fd, const void *buffer, size_t size) {
  (void)size;
  if (interruptions++ % 2 == 0) {
    errno = EINTR;
    return -1;
  }
  return write(fd, buffer, 1);
}

static int interrupted_open(const char *path, int flags, mode_t mode) {
  if (interruptions++ % 2 == 0) {
    errno = EINTR;
    return -1;
  }
  return open(path, flags, mode);
}

static void interrupted_and_short_calls_go_on(void **state) {
  (void)state;
  interruptions = 0;
  br_sys.open = interrupted_open;
  br_sys.read = interrupted_short_read;
  br_sys.write = interrupted_short_write;
  write_file("a", "byte by byte");
  assert_file("a", "byte by byte");
  assert_true(interruptions > 24);
}

static ssize_t full_disk_write(int fd, const void *buffer, size_t size) {
  if (size > 3) {
    return write(fd, buffer, 3);
  }
  errno = ENOSPC;
  return -1;
}

static ssize_t write_of_nothing(int fd, const void *buffer, size_t size) {
  (void)fd;
  (void)buffer;
  (void)size;
  return 0;
}

static ssize_t failing_read(int fd, void *buffer, size_t size) {
  (void)fd;
  (void)buffer;
  (void)size;
  errno = EIO;
  return -1;
}

static int failing_fsync(int fd) {
  (void)fd;
  errno = EIO;
  return -1;
}

static int failing_close(int fd) {
  (void)close(fd);
  errno = ENOSPC;
  return -1;
}

static int failing_rename(const char *from, const char *to) {
  (void)from;
  (void)to;
  errno = EXDEV;
  return -1;
}

static void assert_old_file_stays(br_status wanted) {
  br_error err = BR_ERROR_INIT;
  assert_int_equal(br_file_write_atomic(path_of("a"), "newer", 5, 0600, &err), wanted);
  assert_non_null(strstr(err.message, "/a"));
  br_sys_reset();
  assert_file("a", "old");
  assert_names("a");
}

static void a_failed_write_leaves_the_old_file_and_nothing_else(void **state) {
  (void)state;
  write_file("a", "old");
  br_sys.write = full_disk_write;
  assert_old_file_stays(BR_ERR_DISK_FULL);
  br_sys.write = write_of_nothing;
  assert_old_file_stays(BR_ERR_IO);
  br_sys.fsync = failing_fsync;
  assert_old_file_stays(BR_ERR_IO);
  br_sys.close = failing_close;
  assert_old_file_stays(BR_ERR_DISK_FULL);
  br_sys.rename = failing_rename;
  assert_old_file_stays(BR_ERR_IO);
}

static int no_open(const char *path, int flags, mode_t mode) {
  (void)path;
  (void)flags;
  (void)mode;
  errno = EACCES;
  return -1;
}

static int no_open_of_folders(const char *path, int flags, mode_t mode) {
  return (flags & O_DIRECTORY) != 0 ? no_open(path, flags, mode) : open(path, flags, mode);
}

static int no_stat(const char *path, struct stat *ret_stat) {
  (void)path;
  (void)ret_stat;
  errno = EACCES;
  return -1;
}

static void what_may_not_be_opened_or_seen_is_an_error_by_name(void **state) {
  (void)state;
  write_file("a", "old");
  br_error err = BR_ERROR_INIT;
  br_sys.open = no_open;
  assert_old_file_stays(BR_ERR_IO);
  /* The file is in place, but would it be there after a crash? */
  br_sys.open = no_open_of_folders;
  assert_int_equal(br_file_write_atomic(path_of("a"), "new", 3, 0600, &err), BR_ERR_IO);
  assert_non_null(strstr(err.message, folder));
  br_sys_reset();
  assert_file("a", "new");
  br_sys.stat = no_stat;
  bool exists = false;
  assert_int_equal(br_file_exists(path_of("a"), &exists, &err), BR_ERR_IO);
  assert_non_null(strstr(err.message, "/a"));
}

static void a_failed_read_is_an_error_and_gives_nothing(void **state) {
  (void)state;
  write_file("a", "old");
  br_sys.read = failing_read;
  br_buf buf;
  assert_int_equal(br_file_read(path_of("a"), 100, &buf, NULL), BR_ERR_IO);
  assert_null(buf.data);
}

static void the_mode_asked_for_is_the_files(void **state) {
  (void)state;
  write_file("a", "x");
  struct stat info;
  assert_int_equal(stat(path_of("a"), &info), 0);
  assert_int_equal(info.st_mode & 0777U, 0600);
}

static void folders_are_made_with_their_parents_once(void **state) {
  (void)state;
  char deep[300];
  (void)snprintf(deep, sizeof deep, "%s//x/y/", folder);
  assert_int_equal(br_dir_make(deep, 0700, NULL), BR_OK);
  assert_int_equal(br_dir_make(deep, 0700, NULL), BR_OK);
  bool exists = false;
  (void)snprintf(deep, sizeof deep, "%s/x/y", folder);
  assert_int_equal(br_file_exists(deep, &exists, NULL), BR_OK);
  assert_true(exists);
  assert_int_equal(rmdir(deep), 0);
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state) {
  (void)state;
  write_file("a", "x");
  char deep[300];
  (void)snprintf(deep, sizeof deep, "%s/a/b", folder);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(br_dir_make(deep, 0700, &err), BR_ERR_IO);
  assert_int_equal(err.native_code, ENOTDIR);
}

static void names_are_listed_in_order(void **state) {
  (void)state;
  char name[8];
  for (int i = 30; i > 0; i--) {
    (void)snprintf(name, sizeof name, "%c", 'A' + i);
    write_file(name, "");
  }
  assert_names("B C D E F G H I J K L M N O P Q R S T U V W X Y Z [ \\ ] ^ _");
}

static void listing_what_is_no_folder_is_an_error(void **state) {
  (void)state;
  char **names = NULL;
  size_t count = 0;
  assert_int_equal(br_dir_list(path_of("none"), &names, &count, NULL), BR_ERR_NOT_FOUND);
  assert_null(names);
}

static int half_full(const char *path, struct statvfs *ret_stat) {
  (void)path;
  *ret_stat = (struct statvfs){.f_frsize = 4096, .f_bavail = 1000, .f_bfree = 2000};
  return 0;
}

static void free_space_is_what_an_ordinary_user_gets(void **state) {
  (void)state;
  uint64_t bytes = 0;
  br_sys.statvfs = half_full;
  assert_int_equal(br_dir_free_space(folder, &bytes, NULL), BR_OK);
  assert_int_equal(bytes, 4096 * 1000);
  br_sys_reset();
  assert_int_equal(br_dir_free_space(path_of("none"), &bytes, NULL), BR_ERR_NOT_FOUND);
}

static void paths_are_joined_by_one_slash(void **state) {
  (void)state;
  static const char *const cases[][3] = {
      {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char *path = br_path_join(cases[i][0], cases[i][1]);
    assert_string_equal(path, cases[i][2]);
    br_free(path);
  }
}

static br_status all_calls(void *context, br_error *err) {
  (void)context;
  char **names = NULL;
  size_t count = 0;
  br_buf buf;
  br_status st = br_file_write_atomic(path_of("a"), "text", 4, 0600, err);
  if (st == BR_OK) {
    st = br_file_read(path_of("a"), 1000, &buf, err);
    br_buf_done(&buf);
  }
  if (st == BR_OK && (st = br_dir_list(folder, &names, &count, err)) == BR_OK) {
    br_names_free(names, count);
  }
  return st == BR_OK ? br_dir_make(path_of("d"), 0700, err) : st;
}

static void files_survive_every_failing_allocation(void **state) {
  (void)state;
  torture_allocations(all_calls, NULL);
}

/* ---- guarded ---- */

/* Agrees with what lies in the folder itself, and may swap the link that led there. */
static br_status only_here(void *context, const char *path, const char *real, br_error *err) {
  const char *swap = context;
  if (swap != NULL) {
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(swap, path), 0);
  }
  return strncmp(real, folder, strlen(folder)) == 0
             ? BR_OK
             : br_error_set(err, BR_ERR_AUTH, "%s is elsewhere", path);
}

static void a_guard_sees_where_a_file_lies(void **state) {
  (void)state;
  br_file_guard guard = {.check = only_here};
  br_buf buf;
  br_error err = BR_ERROR_INIT;
  write_file("a", "hello");
  assert_int_equal(symlink("a", path_of("near")), 0);
  assert_int_equal(symlink("/etc/passwd", path_of("far")), 0);
  static const char *const good[] = {"a", "near"};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(br_file_read_guarded(path_of(good[i]), 5, &guard, &buf, &err), BR_OK);
    assert_int_equal(buf.len, 5);
    br_buf_done(&buf);
  }
  assert_int_equal(br_file_read_guarded(path_of("a"), 4, &guard, &buf, &err), BR_ERR_LIMIT);
  assert_int_equal(br_file_read_guarded(path_of("none"), 5, &guard, &buf, &err), BR_ERR_NOT_FOUND);
  assert_int_equal(br_file_read_guarded(path_of("far"), 1 << 20, &guard, &buf, &err), BR_ERR_AUTH);
  assert_string_equal(err.message + strlen(folder), "/far is elsewhere");
  assert_int_equal(br_file_read_guarded(path_of("far"), 1 << 20, NULL, &buf, &err), BR_OK);
  br_buf_done(&buf);
  /* What the guard has seen is read, whatever the name leads to by now. */
  guard.context = (void *)"/etc/passwd";
  assert_int_equal(br_file_read_guarded(path_of("near"), 5, &guard, &buf, &err), BR_OK);
  assert_memory_equal(buf.data, "hello", 5);
  br_buf_done(&buf);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FOLDER(what_was_written_is_read_back),
      WITH_FOLDER(a_file_over_the_limit_is_refused_and_one_at_it_is_read),
      WITH_FOLDER(a_missing_file_is_not_found_by_name),
      WITH_FOLDER(reading_a_folder_is_an_error),
      WITH_FOLDER(interrupted_and_short_calls_go_on),
      WITH_FOLDER(a_failed_write_leaves_the_old_file_and_nothing_else),
      WITH_FOLDER(what_may_not_be_opened_or_seen_is_an_error_by_name),
      WITH_FOLDER(a_failed_read_is_an_error_and_gives_nothing),
      WITH_FOLDER(the_mode_asked_for_is_the_files),
      WITH_FOLDER(folders_are_made_with_their_parents_once),
      WITH_FOLDER(a_file_in_the_way_of_a_folder_is_an_error),
      WITH_FOLDER(names_are_listed_in_order),
      WITH_FOLDER(listing_what_is_no_folder_is_an_error),
      WITH_FOLDER(free_space_is_what_an_ordinary_user_gets),
      WITH_FOLDER(a_guard_sees_where_a_file_lies),
      cmocka_unit_test(paths_are_joined_by_one_slash),
      WITH_FOLDER(files_survive_every_failing_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
