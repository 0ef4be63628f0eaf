/* The audit: every line is one JSON object whatever the texts hold, no secret gets in, rotation
 * loses no line, and what could not be written is told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "auth/audit.h"
#include "auth/audit_line.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/sys.h"
#include "support/torture.h"

static char folder[64];
static char path[128];

static int setup(void **state) {
  (void)state;
  (void)snprintf(folder, sizeof folder, "/tmp/bridge-audit-XXXXXX");
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/data/audit.jsonl", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  br_sys_reset();
  br_secret_forget_all();
  (void)snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

static auth_audit *open_audit(void) {
  auth_audit *audit = NULL;
  assert_int_equal(auth_audit_open(path, &audit, NULL), BR_OK);
  return audit;
}

static const auth_audit_record simple = {.event = AUTH_AUDIT_AUTH_FAILURE, .status = "failure"};

/* The object of line `index` of a file. */
static json_t *line_of(const char *file, size_t index, size_t *ret_lines) {
  br_buf content;
  assert_int_equal(br_file_read(file, 1 << 24, &content, NULL), BR_OK);
  char *text = (char *)(uintptr_t)br_buf_cstr(&content);
  json_t *found = NULL;
  size_t lines = 0;
  char *rest = text;
  for (char *end = NULL; (end = strchr(rest, '\n')) != NULL; rest = end + 1) {
    if (lines++ == index) {
      found = json_loadb(rest, (size_t)(end - rest), JSON_REJECT_DUPLICATES, NULL);
    }
  }
  assert_string_equal(rest, ""); /* ends with a line break */
  *ret_lines = lines;
  br_buf_done(&content);
  return found;
}

static const char *member(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  assert_non_null(value);
  return json_string_value(value);
}

static void a_line_has_every_field(void **state) {
  (void)state;
  auth_audit *audit = open_audit();
  const auth_audit_detail details[] = {{.name = "rule", .text = "dbo.*"},
                                       {.name = "rows", .number = -12}};
  const auth_audit_record record = {.event = AUTH_AUDIT_DELETE_BLOCKED,
                                    .user_name = "reporting",
                                    .source_ip = "192.0.2.7",
                                    .resource = "dbo.Orders",
                                    .action = "delete",
                                    .status = "blocked",
                                    .details = details,
                                    .detail_count = 2};
  assert_int_equal(auth_audit_write(audit, &record, NULL), BR_OK);
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  auth_audit_close(audit);
  size_t lines = 0;
  json_t *line = line_of(path, 0, &lines);
  assert_int_equal(lines, 2);
  assert_int_equal(json_object_size(line), 8);
  assert_int_equal(strlen(member(line, "timestamp")), strlen("2026-01-02T03:04:05.678901Z"));
  assert_string_equal(member(line, "event_type"), "delete_blocked");
  assert_string_equal(member(line, "user_name"), "reporting");
  assert_string_equal(member(line, "source_ip"), "192.0.2.7");
  assert_string_equal(member(line, "resource"), "dbo.Orders");
  assert_string_equal(member(line, "action"), "delete");
  assert_string_equal(member(line, "status"), "blocked");
  assert_string_equal(member(json_object_get(line, "details"), "rule"), "dbo.*");
  assert_int_equal(json_integer_value(json_object_get(json_object_get(line, "details"), "rows")),
                   -12);
  json_decref(line);
  line = line_of(path, 1, &lines);
  assert_true(json_is_null(json_object_get(line, "user_name")));
  assert_int_equal(json_object_size(json_object_get(line, "details")), 0);
  json_decref(line);
}

static void every_event_has_its_name(void **state) {
  (void)state;
  for (int i = 0; i < AUTH_AUDIT_EVENT_COUNT; i++) {
    assert_non_null(auth_audit_event_name((auth_audit_event)i));
  }
  assert_string_equal(auth_audit_event_name(AUTH_AUDIT_SYNC_COMPLETED), "sync_completed");
}

static void any_bytes_become_valid_json(void **state) {
  (void)state;
  char text[256];
  for (int i = 0; i < 255; i++) {
    text[i] = (char)(i + 1);
  }
  text[255] = '\0';
  const auth_audit_detail detail = {.name = text, .text = text};
  const auth_audit_record record = {.event = AUTH_AUDIT_AUTH_FAILURE,
                                    .user_name = "\"\\\n\r\t",
                                    .resource = text,
                                    .details = &detail,
                                    .detail_count = 1};
  br_buf line;
  assert_int_equal(auth_audit_line(&record, 0, &line, NULL), BR_OK);
  assert_null(memchr(line.data + 1, '\n', line.len - 2));
  json_t *object = json_loadb((const char *)line.data, line.len, 0, NULL);
  assert_non_null(object);
  assert_string_equal(member(object, "user_name"), "\"\\\n\r\t");
  assert_memory_equal(member(object, "resource"), text, 127);
  json_decref(object);
  br_buf_done(&line);
}

static void a_line_is_bounded_whatever_comes(void **state) {
  (void)state;
  static const char *const pieces[] = {
      "a", "\x01", "\"", "\xC3\xB1", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xFF"};
  for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    char text[9001];
    size_t length = strlen(pieces[i]);
    size_t fill = 0;
    while (fill + length < sizeof text) {
      memcpy(text + fill, pieces[i], length);
      fill += length;
    }
    text[fill] = '\0';
    auth_audit_detail details[20];
    for (size_t k = 0; k < 20; k++) {
      details[k] = (auth_audit_detail){.name = text, .text = text};
    }
    const auth_audit_record record = {.event = AUTH_AUDIT_PERMISSION_GRANTED,
                                      .user_name = text,
                                      .source_ip = text,
                                      .resource = text,
                                      .action = text,
                                      .status = text,
                                      .details = details,
                                      .detail_count = 20};
    br_buf line;
    assert_int_equal(auth_audit_line(&record, INT64_C(1700000000000000), &line, NULL), BR_OK);
    assert_true(line.len <= AUTH_AUDIT_LINE_MAX);
    json_t *object = json_loadb((const char *)line.data, line.len, 0, NULL);
    assert_non_null(object);
    assert_true(json_is_true(json_object_get(json_object_get(object, "details"), "truncated")));
    const char *user = member(object, "user_name");
    assert_string_equal(user + strlen(user) - strlen("…"), "…");
    json_decref(object);
    br_buf_done(&line);
  }
}

static void what_just_fits_is_not_cut(void **state) {
  (void)state;
  char text[66];
  memset(text, 'a', sizeof text);
  text[64] = '\0';
  const auth_audit_record record = {.event = AUTH_AUDIT_AUTH_SUCCESS, .action = text};
  br_buf line;
  assert_int_equal(auth_audit_line(&record, 0, &line, NULL), BR_OK);
  json_t *object = json_loadb((const char *)line.data, line.len, 0, NULL);
  assert_string_equal(member(object, "action"), text);
  json_decref(object);
  br_buf_done(&line);
  text[64] = 'a';
  text[65] = '\0';
  assert_int_equal(auth_audit_line(&record, 0, &line, NULL), BR_OK);
  object = json_loadb((const char *)line.data, line.len, 0, NULL);
  text[61] = '\0';
  char want[80];
  (void)snprintf(want, sizeof want, "%s…", text);
  assert_string_equal(member(object, "action"), want);
  json_decref(object);
  br_buf_done(&line);
}

static void no_secret_gets_in(void **state) {
  (void)state;
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("planted-canary-7f3a", &secret, NULL), BR_OK);
  auth_audit *audit = open_audit();
  char longer[400];
  memset(longer, 'x', sizeof longer);
  (void)snprintf(longer + 245, sizeof longer - 245, "planted-canary-7f3a"); /* across the cut */
  const auth_audit_detail details[] = {
      {.name = "url", .text = "/jobs?token=planted%2Dcanary%2D7f3a"},
      {.name = "planted-canary-7f3a", .text = "cGxhbnRlZC1jYW5hcnktN2YzYQ=="}};
  const auth_audit_record record = {.event = AUTH_AUDIT_AUTH_FAILURE,
                                    .user_name = longer,
                                    .source_ip = "planted-canary-7f3a",
                                    .resource = "a planted-canary-7f3a b",
                                    .action = "planted-canary-7f3a",
                                    .status = "planted-canary-7f3a",
                                    .details = details,
                                    .detail_count = 2};
  assert_int_equal(auth_audit_write(audit, &record, NULL), BR_OK);
  auth_audit_close(audit);
  br_buf content;
  assert_int_equal(br_file_read(path, 1 << 16, &content, NULL), BR_OK);
  const char *text = br_buf_cstr(&content);
  static const char *const forms[] = {"planted", "canary", "7f3a", "cGxhbnRl"};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    assert_null(strstr(text, forms[i]));
  }
  assert_non_null(strstr(text, "a *** b"));
  br_buf_done(&content);
  br_secret_free(secret);
}

static void rotation_by_rename_is_followed(void **state) {
  (void)state;
  char old[160];
  size_t lines = 0;
  (void)snprintf(old, sizeof old, "%s.1", path);
  auth_audit *audit = open_audit();
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  assert_int_equal(rename(path, old), 0);
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  json_decref(line_of(old, 0, &lines));
  assert_int_equal(lines, 1);
  json_decref(line_of(path, 0, &lines));
  assert_int_equal(lines, 2);
  /* Copy and truncate: appending goes on at the new end. */
  assert_int_equal(truncate(path, 0), 0);
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  json_decref(line_of(path, 0, &lines));
  assert_int_equal(lines, 1);
  assert_int_equal(auth_audit_reopen(audit, NULL), BR_OK);
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  json_decref(line_of(path, 1, &lines));
  assert_int_equal(lines, 2);
  auth_audit_close(audit);
}

static ssize_t write_half(int fd, const void *bytes, size_t size) {
  return write(fd, bytes, size / 2);
}

static ssize_t write_nothing(int fd, const void *bytes, size_t size) {
  (void)fd;
  (void)bytes;
  (void)size;
  errno = ENOSPC;
  return -1;
}

static void what_is_not_written_is_told(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  auth_audit *audit = open_audit();
  br_sys.write = write_nothing;
  assert_int_equal(auth_audit_write(audit, &simple, &err), BR_ERR_DISK_FULL);
  assert_non_null(strstr(err.message, path));
  br_sys.write = write_half;
  assert_int_equal(auth_audit_write(audit, &simple, &err), BR_ERR_DISK_FULL);
  br_sys_reset();
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  /* The half line spoils no other: the next one starts behind a line break. */
  size_t lines = 0;
  assert_null(line_of(path, 0, &lines));
  assert_int_equal(lines, 2);
  json_t *line = line_of(path, 1, &lines);
  assert_non_null(line);
  json_decref(line);
  auth_audit_close(audit);
}

static int no_open(const char *name, int flags, mode_t mode) {
  (void)name;
  (void)flags;
  (void)mode;
  errno = EACCES;
  return -1;
}

/* ---- a pipe ---- */

static int waited_ms;

static int impatient_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  waited_ms += timeout_ms;
  return poll(fds, count, 0);
}

/* Whoever asks waits for it once, not each time; and nothing is lost once it reads again. */
static void a_reader_that_stops_holds_nobody_up(void **state) {
  (void)state;
  char bytes[65536];
  memset(bytes, 'x', sizeof bytes);
  (void)snprintf(path, sizeof path, "%s/pipe", folder);
  assert_int_equal(mkfifo(path, 0600), 0);
  int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  int filler = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  auth_audit *audit = open_audit();
  br_sys.poll = impatient_poll;
  waited_ms = 0;
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  assert_int_equal(waited_ms, 1000); /* would have waited */
  while (write(filler, bytes, sizeof bytes) > 0) {
  }
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_audit_write(audit, &simple, &err), BR_ERR_TIMEOUT);
  assert_non_null(strstr(err.message, "its reader doesn't read"));
  assert_int_equal(waited_ms, 2000);
  assert_int_equal(auth_audit_write(audit, &simple, &err), BR_ERR_TIMEOUT);
  assert_int_equal(waited_ms, 2000);
  while (read(reader, bytes, sizeof bytes) > 0) {
  }
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  ssize_t n = read(reader, bytes, sizeof bytes - 1);
  assert_true(n > 0);
  bytes[n] = '\0';
  assert_int_equal(bytes[0], '{');
  assert_int_equal(bytes[n - 1], '\n');
  auth_audit_close(audit);
  (void)close(filler);
  (void)close(reader);
}

static void a_path_that_cant_be_opened_is_told(void **state) {
  (void)state;
  auth_audit *audit = open_audit();
  br_sys.open = no_open;
  br_error err = BR_ERROR_INIT;
  auth_audit *other = NULL;
  assert_int_equal(auth_audit_open(path, &other, &err), BR_ERR_IO);
  assert_int_equal(auth_audit_reopen(audit, &err), BR_ERR_IO);
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK); /* the old one is still open */
  assert_int_equal(unlink(path), 0);
  assert_int_equal(auth_audit_write(audit, &simple, &err), BR_ERR_IO);
  br_sys_reset();
  assert_int_equal(auth_audit_write(audit, &simple, NULL), BR_OK);
  auth_audit_close(audit);
}

enum { WRITERS = 4, LINES_EACH = 200 };

static void *write_many(void *context) {
  auth_audit *audit = context;
  size_t failed = 0;
  for (int i = 0; i < LINES_EACH; i++) {
    failed += auth_audit_write(audit, &simple, NULL) != BR_OK;
  }
  return failed == 0 ? NULL : context;
}

static void threads_dont_mix_lines_while_the_file_rotates(void **state) {
  (void)state;
  auth_audit *audit = open_audit();
  pthread_t threads[WRITERS];
  for (int i = 0; i < WRITERS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, write_many, audit), 0);
  }
  char old[200];
  size_t total = 0;
  size_t rotations = 0;
  for (; rotations < 20; rotations++) {
    (void)snprintf(old, sizeof old, "%s.%zu", path, rotations);
    if (rename(path, old) != 0) {
      break; /* nothing was written since the last one */
    }
    assert_int_equal(auth_audit_reopen(audit, NULL), BR_OK);
  }
  for (int i = 0; i < WRITERS; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  auth_audit_close(audit);
  for (size_t i = 0; i <= rotations; i++) {
    size_t lines = 0;
    (void)snprintf(old, sizeof old, "%s.%zu", path, i);
    json_t *first = line_of(i == rotations ? path : old, 0, &lines);
    assert_true(lines == 0 || first != NULL);
    json_decref(first);
    total += lines;
  }
  assert_int_equal(total, WRITERS * LINES_EACH);
}

static void the_settings_say_where(void **state) {
  (void)state;
  static const char *const named[] = {"AUDIT_FILE=-", NULL};
  static const char *const not_named[] = {"BRIDGE_DATA_DIR=/var/lib/x", NULL};
  const char *const *const environments[] = {named, not_named};
  static const char *const wanted[] = {"-", "/var/lib/x/audit.jsonl"};
  for (size_t i = 0; i < 2; i++) {
    settings_load_options options = {.env_file = "/dev/null", .environment = environments[i]};
    settings *s = NULL;
    char *where = NULL;
    assert_int_equal(settings_load(&options, &s, NULL), BR_OK);
    assert_int_equal(auth_audit_path(s, &where, NULL), BR_OK);
    assert_string_equal(where, wanted[i]);
    br_free(where);
    settings_free(s);
  }
}

static br_status open_and_write(void *context, br_error *err) {
  (void)context;
  auth_audit *audit = NULL;
  br_status st = auth_audit_open(path, &audit, err);
  if (st == BR_OK) {
    const auth_audit_detail detail = {.name = "a", .text = "b"};
    const auth_audit_record record = {
        .event = AUTH_AUDIT_AUTH_SUCCESS, .details = &detail, .detail_count = 1};
    st = auth_audit_write(audit, &record, err);
  }
  auth_audit_close(audit);
  return st;
}

static void no_memory_is_an_error_without_leaks(void **state) {
  (void)state;
  torture_allocations(open_and_write, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_line_has_every_field),
      TEST(every_event_has_its_name),
      TEST(any_bytes_become_valid_json),
      TEST(a_line_is_bounded_whatever_comes),
      TEST(what_just_fits_is_not_cut),
      TEST(no_secret_gets_in),
      TEST(rotation_by_rename_is_followed),
      TEST(what_is_not_written_is_told),
      TEST(a_reader_that_stops_holds_nobody_up),
      TEST(a_path_that_cant_be_opened_is_told),
      TEST(threads_dont_mix_lines_while_the_file_rotates),
      TEST(the_settings_say_where),
      TEST(no_memory_is_an_error_without_leaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
