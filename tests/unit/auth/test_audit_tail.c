/* The tail of the audit: the last lines, the last one first, whatever their length and wherever the
 * blocks that are read happen to begin. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/audit.h"
#include "auth/audit_tail.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "support/torture.h"

static char path[64];

static int setup(void **state) {
  (void)state;
  (void)snprintf(path, sizeof path, "/tmp/bridge-tail-XXXXXX");
  const int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state) {
  (void)state;
  br_sys_reset();
  return unlink(path);
}

static void write_file(const char *text, size_t length) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

typedef struct taken {
  br_buf text; /* the lines, each with "|" behind it */
  size_t lines, limit;
} taken;

static bool take(void *context, const char *line, size_t length) {
  taken *t = context;
  assert_int_equal(br_buf_append(&t->text, line, length, NULL), BR_OK);
  assert_int_equal(br_buf_text(&t->text, "|", NULL), BR_OK);
  return ++t->lines < t->limit;
}

static void expect(const char *content, const char *lines) {
  taken t = {.limit = SIZE_MAX};
  br_buf_init(&t.text, 1 << 20);
  write_file(content, strlen(content));
  assert_int_equal(auth_audit_tail(path, take, &t, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&t.text), lines);
  br_buf_done(&t.text);
}

static void lines_come_from_the_end(void **state) {
  (void)state;
  expect("", "");
  expect("\n", "");
  expect("one\n", "one|");
  expect("one\ntwo\nthree\n", "three|two|one|");
  expect("\n\none\n\n\ntwo\n\n", "two|one|");
}

static void a_line_that_is_still_written_is_left_out(void **state) {
  (void)state;
  expect("one", "");
  expect("one\ntw", "one|");
}

static bool check_number(void *context, const char *line, size_t length) {
  size_t *next = context;
  char wanted[32];
  const size_t digits = (size_t)snprintf(wanted, sizeof wanted, "%zu:", *next);
  assert_true(length > digits);
  assert_memory_equal(line, wanted, digits);
  assert_int_equal(length, digits + *next * 37 % 4000); /* as it was written */
  (*next)--;
  return *next > 0;
}

/* 400 lines of all lengths, over several blocks. */
static void blocks_cut_lines_anywhere(void **state) {
  (void)state;
  br_buf content;
  br_buf_init(&content, 1 << 24);
  for (size_t i = 1; i <= 400; i++) {
    assert_int_equal(br_buf_printf(&content, NULL, "%zu:", i), BR_OK);
    for (size_t k = 0; k < i * 37 % 4000; k++) {
      assert_int_equal(br_buf_u8(&content, 'x', NULL), BR_OK);
    }
    assert_int_equal(br_buf_u8(&content, '\n', NULL), BR_OK);
  }
  assert_true(content.len > (size_t)4 * 64 * 1024);
  write_file((const char *)content.data, content.len);
  br_buf_done(&content);
  size_t next = 400;
  assert_int_equal(auth_audit_tail(path, check_number, &next, NULL), BR_OK);
  assert_int_equal(next, 0);
}

static void who_has_enough_is_asked_no_more(void **state) {
  (void)state;
  taken t = {.limit = 2};
  br_buf_init(&t.text, 1 << 20);
  write_file("one\ntwo\nthree\n", 14);
  assert_int_equal(auth_audit_tail(path, take, &t, NULL), BR_OK);
  assert_string_equal(br_buf_cstr(&t.text), "three|two|");
  br_buf_done(&t.text);
}

/* What no audit writes: 200,000 bytes without a line break, then two lines. */
static void a_line_without_end_is_passed_over(void **state) {
  (void)state;
  char *content = br_calloc(1, 200100);
  assert_non_null(content);
  (void)snprintf(content, 16, "first\n");
  memset(content + 6, 'x', 200000);
  (void)snprintf(content + 200006, 16, "\nlast\n");
  expect(content, "last|first|");
  br_free(content);
}

static bool count(void *context, const char *line, size_t length) {
  (void)line;
  assert_int_equal(length, 99);
  (*(size_t *)context)++;
  return true;
}

static void no_more_is_read_than_the_bound(void **state) {
  (void)state;
  const size_t lines = AUTH_AUDIT_TAIL_MAX / 100 + 5000;
  char *content = br_malloc(lines * 100);
  size_t counted = 0;
  assert_non_null(content);
  memset(content, 'x', lines * 100);
  for (size_t i = 0; i < lines; i++) {
    content[i * 100 + 99] = '\n';
  }
  write_file(content, lines * 100);
  br_free(content);
  assert_int_equal(auth_audit_tail(path, count, &counted, NULL), BR_OK);
  assert_in_range(counted, AUTH_AUDIT_TAIL_MAX / 100 - 1, AUTH_AUDIT_TAIL_MAX / 100);
}

static ssize_t failing_pread(int fd, void *buffer, size_t size, off_t offset) {
  (void)fd;
  (void)buffer;
  (void)size;
  (void)offset;
  errno = EIO;
  return -1;
}

static ssize_t empty_pread(int fd, void *buffer, size_t size, off_t offset) {
  (void)fd;
  (void)buffer;
  (void)size;
  (void)offset;
  return 0;
}

static void failures_are_told(void **state) {
  (void)state;
  taken t = {.limit = SIZE_MAX};
  br_error err = BR_ERROR_INIT;
  br_buf_init(&t.text, 1 << 20);
  assert_int_equal(auth_audit_tail("/tmp/no-such-audit.jsonl", take, &t, &err), BR_OK);
  assert_int_not_equal(auth_audit_tail("/proc/self/mem/x", take, &t, &err), BR_OK);
  br_error_clear(&err);
  write_file("one\n", 4);
  br_sys.pread = failing_pread;
  assert_int_not_equal(auth_audit_tail(path, take, &t, &err), BR_OK);
  assert_non_null(strstr(err.message, "Can't read the audit"));
  br_error_clear(&err);
  br_sys.pread = empty_pread; /* somebody truncates it meanwhile */
  assert_int_equal(auth_audit_tail(path, take, &t, &err), BR_ERR_IO);
  assert_int_equal(t.lines, 0);
  br_buf_done(&t.text);
}

static br_status read_tail(void *context, br_error *err) {
  size_t lines = 0;
  (void)context;
  return auth_audit_tail(path, count, &lines, err);
}

static void no_memory_is_an_error_without_leaks(void **state) {
  (void)state;
  torture_allocations(read_tail, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(lines_come_from_the_end),
      TEST(a_line_that_is_still_written_is_left_out),
      TEST(blocks_cut_lines_anywhere),
      TEST(who_has_enough_is_asked_no_more),
      TEST(a_line_without_end_is_passed_over),
      TEST(no_more_is_read_than_the_bound),
      TEST(failures_are_told),
      TEST(no_memory_is_an_error_without_leaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
