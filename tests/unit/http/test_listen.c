#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sys.h"
#include "http/listen.h"

static void a_taken_port_is_a_conflict(void **state) {
  (void)state;
  int fd = -1, other = -1;
  uint16_t port = 0, again = 0;
  assert_int_equal(http_listen_tcp("127.0.0.1", 0, &fd, &port, NULL), BR_OK);
  assert_int_not_equal(port, 0);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(http_listen_tcp("127.0.0.1", port, &other, &again, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, "127.0.0.1"));
  assert_int_equal(other, -1);
  (void)close(fd);
}

static void only_addresses_are_taken(void **state) {
  (void)state;
  int fd = -1;
  uint16_t port = 0;
  assert_int_equal(http_listen_tcp("localhost", 0, &fd, &port, NULL), BR_ERR_USAGE);
}

static void a_unix_socket_is_private_and_seen_only_when_it_listens(void **state) {
  (void)state;
  char folder[] = "/tmp/http-listen-XXXXXX";
  assert_non_null(mkdtemp(folder));
  char path[64], unfinished[80];
  (void)snprintf(path, sizeof path, "%s/a.sock", folder);
  (void)snprintf(unfinished, sizeof unfinished, "%s.new", path);
  assert_false(http_unix_answers(path));
  int fd = -1;
  assert_int_equal(http_listen_unix(path, &fd, NULL), BR_OK);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  assert_int_not_equal(access(unfinished, F_OK), 0);
  assert_true(http_unix_answers(path));
  (void)close(fd);
  assert_false(http_unix_answers(path));
  (void)unlink(path);
  (void)rmdir(folder);
}

static void a_path_too_long_for_an_address_is_refused(void **state) {
  (void)state;
  char path[128];
  memset(path, 'a', sizeof path);
  path[0] = '/';
  path[103] = '\0';
  assert_true(http_unix_path_fits(path));
  path[103] = 'a';
  path[104] = '\0';
  assert_false(http_unix_path_fits(path));
  int fd = -1;
  assert_int_equal(http_listen_unix(path, &fd, NULL), BR_ERR_LIMIT);
}

static int no_listen(int fd, int backlog) {
  (void)fd;
  (void)backlog;
  errno = EADDRINUSE;
  return -1;
}

static int no_rename(const char *from, const char *to) {
  (void)from;
  (void)to;
  errno = EACCES;
  return -1;
}

static void failing_calls_leave_no_file(void **state) {
  (void)state;
  char folder[] = "/tmp/http-listen-XXXXXX";
  assert_non_null(mkdtemp(folder));
  char path[64];
  (void)snprintf(path, sizeof path, "%s/a.sock", folder);
  int fd = -1;
  br_sys.listen = no_listen;
  assert_int_equal(http_listen_unix(path, &fd, NULL), BR_ERR_IO);
  br_sys_reset();
  br_sys.rename = no_rename;
  assert_int_equal(http_listen_unix(path, &fd, NULL), BR_ERR_IO);
  br_sys_reset();
  assert_int_equal(fd, -1);
  assert_int_equal(rmdir(folder), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_taken_port_is_a_conflict),
      cmocka_unit_test(only_addresses_are_taken),
      cmocka_unit_test(a_unix_socket_is_private_and_seen_only_when_it_listens),
      cmocka_unit_test(a_path_too_long_for_an_address_is_refused),
      cmocka_unit_test(failing_calls_leave_no_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
