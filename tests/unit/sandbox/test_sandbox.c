/* Where a sandbox lives: folders, sockets, certificate. */
#include <fcntl.h>
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

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "http/listen.h"
#include "sandbox/certificate.h"
#include "sandbox/place.h"
#include "sandbox/sandbox.h"
#include "tds/tds.h"

static char folder[64];

static void check_mode(const char *path, mode_t mode) {
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, mode);
}

static sandbox *start(const char *data_folder) {
  const sandbox_options options = {
      .data_folder = data_folder, .sqlserver = true, .databricks = true};
  sandbox *sb = NULL;
  br_error err = BR_ERROR_INIT;
  if (sandbox_start(&options, &sb, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  return sb;
}

static void sockets_are_private_and_go_with_the_sandbox(void **state) {
  (void)state;
  char socket[256], path[256];
  sandbox *sb = start(folder);
  (void)snprintf(socket, sizeof socket, "%s", sandbox_sqlserver_socket(sb));
  assert_memory_equal(socket, folder, strlen(folder));
  check_mode(socket, 0600);
  check_mode(sandbox_databricks_socket(sb), 0600);
  (void)snprintf(path, sizeof path, "%s/sandbox", folder);
  check_mode(path, 0700);
  (void)snprintf(path, sizeof path, "%s/sandbox/volumes/main/default/landing", folder);
  check_mode(path, 0700);
  assert_true(http_unix_answers(socket));
  assert_int_equal(sandbox_sqlserver_port(sb), 0); /* nothing listens on TCP */
  sandbox_stop(sb);
  assert_int_not_equal(access(socket, F_OK), 0);
}

static void two_sandboxes_share_a_folder(void **state) {
  (void)state;
  sandbox *one = start(folder);
  sandbox *two = start(folder);
  assert_string_not_equal(sandbox_sqlserver_socket(one), sandbox_sqlserver_socket(two));
  assert_true(http_unix_answers(sandbox_sqlserver_socket(one)));
  sandbox_stop(one);
  assert_true(http_unix_answers(sandbox_sqlserver_socket(two)));
  sandbox_stop(two);
}

static void what_a_killed_process_left_is_cleared(void **state) {
  (void)state;
  char path[160];
  sandbox_stop(start(folder));
  (void)snprintf(path, sizeof path, "%s/sandbox/sqlserver-1-0.sock", folder);
  int fd = -1;
  assert_int_equal(http_listen_unix(path, &fd, NULL), BR_OK);
  (void)close(fd); /* the file stays, nobody answers */
  assert_int_equal(access(path, F_OK), 0);
  sandbox_stop(start(folder));
  assert_int_not_equal(access(path, F_OK), 0);
}

static void old_uploads_are_cleared_and_young_ones_kept(void **state) {
  (void)state;
  char old[160], young[160], part[200];
  sandbox_stop(start(folder));
  (void)snprintf(old, sizeof old, "%s/sandbox/uploads/old", folder);
  (void)snprintf(part, sizeof part, "%s/part-1", old);
  (void)snprintf(young, sizeof young, "%s/sandbox/uploads/young", folder);
  assert_int_equal(br_dir_make(old, 0700, NULL), BR_OK);
  assert_int_equal(br_file_write_atomic(part, "x", 1, 0600, NULL), BR_OK);
  assert_int_equal(br_file_write_atomic(young, "x", 1, 0600, NULL), BR_OK);
  const struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
  assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
  sandbox_stop(start(folder));
  assert_int_not_equal(access(old, F_OK), 0);
  assert_int_equal(access(young, F_OK), 0);
}

static void a_long_path_gets_short_sockets(void **state) {
  (void)state;
  char path[300], socket[256];
  (void)snprintf(path, sizeof path, "%s/%0100d", folder, 7);
  sandbox *sb = start(path);
  (void)snprintf(socket, sizeof socket, "%s", sandbox_databricks_socket(sb));
  assert_true(strlen(socket) < 104);
  assert_true(http_unix_answers(socket));
  check_mode(socket, 0600);
  *strrchr(socket, '/') = '\0';
  check_mode(socket, 0700);
  sandbox_stop(sb);
  assert_int_not_equal(access(socket, F_OK), 0);
}

static void a_folder_that_can_not_be_made_is_an_error(void **state) {
  (void)state;
  char path[128];
  (void)snprintf(path, sizeof path, "%s/file", folder);
  assert_int_equal(br_file_write_atomic(path, "x", 1, 0600, NULL), BR_OK);
  const sandbox_options options = {.data_folder = path, .sqlserver = true};
  sandbox *sb = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_not_equal(sandbox_start(&options, &sb, &err), BR_OK);
  assert_memory_equal(err.message, "Sandbox: ", 9);
  assert_null(sb);
}

static void bad_faults_are_an_error(void **state) {
  (void)state;
  const sandbox_options options = {
      .data_folder = folder, .sqlserver = true, .faults = "tds.explode=1"};
  sandbox *sb = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(sandbox_start(&options, &sb, &err), BR_ERR_USAGE);
  assert_non_null(strstr(err.message, "tds.explode"));
}

static void the_certificate_is_made_once_and_the_key_is_private(void **state) {
  (void)state;
  sandbox_certificate_files one, two;
  br_buf first, second;
  assert_int_equal(sandbox_certificate_make(folder, &one, NULL), BR_OK);
  assert_int_equal(br_file_read(one.certificate, 65536, &first, NULL), BR_OK);
  assert_int_equal(sandbox_certificate_make(folder, &two, NULL), BR_OK);
  assert_int_equal(br_file_read(two.certificate, 65536, &second, NULL), BR_OK);
  assert_int_equal(first.len, second.len);
  assert_memory_equal(first.data, second.data, first.len);
  check_mode(one.key, 0600);
  br_buf_done(&first);
  br_buf_done(&second);
  sandbox_certificate_files_done(&one);
  sandbox_certificate_files_done(&two);
}

/* The project's own client checks chain and name. */
static void the_certificate_holds_before_a_client_that_checks(void **state) {
  (void)state;
  const sandbox_options options = {
      .data_folder = folder, .sqlserver = true, .listen = true, .tls = true, .strict = true};
  static const tds_encrypt kinds[] = {TDS_ENCRYPT_OPTIONAL, TDS_ENCRYPT_MANDATORY,
                                      TDS_ENCRYPT_STRICT};
  sandbox *sb = NULL;
  br_secret *password = NULL;
  assert_int_equal(sandbox_start(&options, &sb, NULL), BR_OK);
  assert_int_equal(br_secret_new(SANDBOX_PASSWORD, &password, NULL), BR_OK);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    const tds_options client = {.host = "127.0.0.1",
                                .port = sandbox_sqlserver_port(sb),
                                .username = SANDBOX_USERNAME,
                                .password = password,
                                .encrypt = kinds[i],
                                .ca_file = sandbox_certificate(sb)};
    tds_conn *conn = NULL;
    br_error err = BR_ERROR_INIT;
    if (tds_connect(&client, NULL, &conn, NULL, &err) != BR_OK) {
      fail_msg("kind %zu: %s", i, err.message);
    }
    assert_int_equal(tds_is_strict(conn), kinds[i] == TDS_ENCRYPT_STRICT);
    assert_int_equal(tds_run(conn, "use other", &err), BR_OK);
    tds_close(conn);
  }
  br_secret_free(password);
  br_secret_forget_all();
  sandbox_stop(sb);
}

static int set_up(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/sandbox-test-XXXXXX");
  return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_FOLDER(sockets_are_private_and_go_with_the_sandbox),
      IN_FOLDER(two_sandboxes_share_a_folder),
      IN_FOLDER(what_a_killed_process_left_is_cleared),
      IN_FOLDER(old_uploads_are_cleared_and_young_ones_kept),
      IN_FOLDER(a_long_path_gets_short_sockets),
      IN_FOLDER(a_folder_that_can_not_be_made_is_an_error),
      IN_FOLDER(bad_faults_are_an_error),
      IN_FOLDER(the_certificate_is_made_once_and_the_key_is_private),
      IN_FOLDER(the_certificate_holds_before_a_client_that_checks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
