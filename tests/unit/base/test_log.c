#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/sys.h"
#include "base/text.h"
#include "support/cmocka.h"

static int pipe_ends[2];
static int writes;

static int fixed_clock(clockid_t clock, struct timespec *ret_time) {
  (void)clock;
  *ret_time = (struct timespec){.tv_sec = 1767323045, .tv_nsec = 678901234};
  return 0;
}

static ssize_t counted_write(int fd, const void *buffer, size_t size) {
  writes++;
  return write(fd, buffer, size);
}

static int open_log(void **state) {
  (void)state;
  br_sys.clock_gettime = fixed_clock;
  br_sys.write = counted_write;
  writes = 0;
  return pipe2(pipe_ends, O_NONBLOCK);
}

static int close_log(void **state) {
  (void)state;
  br_sys_reset();
  br_secret_forget_all();
  br_log_configure(BR_LOG_INFO, BR_LOG_TEXT, STDERR_FILENO);
  (void)close(pipe_ends[0]);
  (void)close(pipe_ends[1]);
  return 0;
}

static void assert_logged(const char *wanted) {
  static char text[100000];
  ssize_t n = read(pipe_ends[0], text, sizeof text - 1);
  text[n < 0 ? 0 : n] = '\0';
  assert_string_equal(text, wanted);
}

static void a_line_has_time_level_and_message(void **state) {
  (void)state;
  br_log_configure(BR_LOG_INFO, BR_LOG_TEXT, pipe_ends[1]);
  br_log(BR_LOG_INFO, "%d rows", 7);
  br_log(BR_LOG_WARNING, "slow");
  assert_logged("2026-01-02T03:04:05.678Z INFO 7 rows\n2026-01-02T03:04:05.678Z WARNING slow\n");
  assert_int_equal(writes, 2);
}

static void lines_below_the_lowest_level_are_left_out(void **state) {
  (void)state;
  br_log_configure(BR_LOG_WARNING, BR_LOG_TEXT, pipe_ends[1]);
  assert_int_equal(br_log_lowest(), BR_LOG_WARNING);
  br_log(BR_LOG_DEBUG, "no");
  br_log(BR_LOG_INFO, "no");
  br_log(BR_LOG_ERROR, "yes");
  assert_logged("2026-01-02T03:04:05.678Z ERROR yes\n");
}

static void json_lines_carry_the_threads_context(void **state) {
  (void)state;
  br_log_configure(BR_LOG_DEBUG, BR_LOG_JSON, pipe_ends[1]);
  br_log_context("query", "a \"b\"");
  br_log_context("job_id", "1");
  br_log_context("job_id", "2");
  br_log(BR_LOG_DEBUG, "back\\slash");
  br_log_context("query", NULL);
  br_log_context("job_id", NULL);
  br_log_context("never", NULL);
  br_log(BR_LOG_INFO, "bare");
  assert_logged(
      "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"DEBUG\",\"message\":\"back\\\\slash\","
      "\"query\":\"a \\\"b\\\"\",\"job_id\":\"2\"}\n"
      "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"INFO\",\"message\":\"bare\"}\n");
}

static void text_lines_name_the_context_that_their_message_does_not(void **state) {
  (void)state;
  br_log_configure(BR_LOG_INFO, BR_LOG_TEXT, pipe_ends[1]);
  br_log_context("request_id", "r\n1");
  br_log_context("job_id", "7c");
  br_log(BR_LOG_INFO, "job 7c begins");
  br_log(BR_LOG_INFO, "other");
  br_log_context("request_id", NULL);
  br_log_context("job_id", NULL);
  assert_logged("2026-01-02T03:04:05.678Z INFO job 7c begins request_id=r\\n1\n"
                "2026-01-02T03:04:05.678Z INFO other request_id=r\\n1 job_id=7c\n");
}

static void too_many_fields_are_left_out(void **state) {
  (void)state;
  br_log_configure(BR_LOG_INFO, BR_LOG_JSON, pipe_ends[1]);
  char name[2] = "a";
  for (int i = 0; i < 10; i++) {
    name[0] = (char)('a' + i);
    br_log_context(name, "x");
  }
  br_log(BR_LOG_INFO, "m");
  for (int i = 0; i < 10; i++) {
    name[0] = (char)('a' + i);
    br_log_context(name, NULL);
  }
  assert_logged(
      "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"INFO\",\"message\":\"m\",\"a\":\"x\","
      "\"b\":\"x\",\"c\":\"x\",\"d\":\"x\",\"e\":\"x\",\"f\":\"x\",\"g\":\"x\",\"h\":\"x\"}\n");
}

static void a_message_can_not_forge_a_line(void **state) {
  (void)state;
  br_log_configure(BR_LOG_INFO, BR_LOG_TEXT, pipe_ends[1]);
  br_log(BR_LOG_INFO, "a\nb\r\tc\x1b[31m\x7f");
  assert_logged("2026-01-02T03:04:05.678Z INFO a\\nb\\r\\tc\\u001b[31m\\u007f\n");
}

static void a_line_is_utf8_whatever_the_message_is(void **state) {
  (void)state;
  br_log_configure(BR_LOG_INFO, BR_LOG_JSON, pipe_ends[1]);
  br_log(BR_LOG_INFO, "\xC3\xA9 \xFF\xC3 \xC2\x9B!");
  char text[200] = "";
  for (size_t i = 0; i < 98; i++) {
    strcat(text, "\xC3\xA9");
  }
  br_log_context("f", text);
  br_log(BR_LOG_INFO, "m");
  br_log_context("f", NULL);
  char got[2000];
  ssize_t n = read(pipe_ends[0], got, sizeof got - 1);
  assert_true(n > 0);
  got[n] = '\0';
  assert_true(br_utf8_valid(got, (size_t)n, NULL));
  assert_non_null(strstr(got, "\"\xC3\xA9 \xEF\xBF\xBD\xEF\xBF\xBD \\u009b!\""));
}

static void secrets_are_redacted_in_message_and_context(void **state) {
  (void)state;
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("top\nsecret", &secret, NULL), BR_OK);
  br_secret_free(secret);
  br_log_configure(BR_LOG_INFO, BR_LOG_JSON, pipe_ends[1]);
  br_log_context("who", "is top\nsecret");
  br_log(BR_LOG_INFO, "top%%0Asecret top\nsecret");
  br_log_context("who", NULL);
  assert_logged("{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"INFO\",\"message\":\"*** ***\","
                "\"who\":\"is ***\"}\n");
}

static void a_long_message_is_one_write(void **state) {
  (void)state;
  br_log_configure(BR_LOG_INFO, BR_LOG_TEXT, pipe_ends[1]);
  static char text[20001];
  memset(text, 'x', sizeof text - 1);
  br_log(BR_LOG_INFO, "%s", text);
  assert_int_equal(writes, 1);
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, open_log, close_log)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LOG(a_line_has_time_level_and_message),
      WITH_LOG(lines_below_the_lowest_level_are_left_out),
      WITH_LOG(json_lines_carry_the_threads_context),
      WITH_LOG(text_lines_name_the_context_that_their_message_does_not),
      WITH_LOG(too_many_fields_are_left_out),
      WITH_LOG(a_message_can_not_forge_a_line),
      WITH_LOG(a_line_is_utf8_whatever_the_message_is),
      WITH_LOG(secrets_are_redacted_in_message_and_context),
      WITH_LOG(a_long_message_is_one_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
