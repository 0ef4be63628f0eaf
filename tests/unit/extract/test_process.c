/* A process is taken for gone only where that is sure. */
#include <signal.h>
#include <sys/wait.h>

#include "extract/process.h"
#include "files.h"

static void the_calling_process_is_not_gone(void **state) {
  (void)state;
  extract_process self;
  extract_process_self(&self);
  assert_int_equal(self.pid, getpid());
  assert_true(self.host[0] != '\0' && self.boot[0] != '\0' && self.pid_space[0] != '\0');
  assert_true(self.started > 0);
  assert_false(extract_process_is_gone(&self));
}

/* A child that says who it is and waits. */
static pid_t start_child(extract_process *ret_process) {
  int says[2];
  assert_int_equal(pipe(says), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    extract_process self;
    extract_process_self(&self);
    ssize_t n = write(says[1], &self, sizeof self);
    (void)pause();
    _exit(n < 0);
  }
  assert_int_equal(read(says[0], ret_process, sizeof *ret_process), sizeof *ret_process);
  (void)close(says[0]);
  (void)close(says[1]);
  return child;
}

static void a_process_is_gone_when_it_has_ended(void **state) {
  (void)state;
  extract_process other;
  pid_t child = start_child(&other);
  assert_false(extract_process_is_gone(&other));
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_true(extract_process_is_gone(&other));
}

static void an_id_that_is_used_again_is_another_process(void **state) {
  (void)state;
  extract_process earlier;
  extract_process_self(&earlier);
  earlier.started--;
  assert_true(extract_process_is_gone(&earlier));
}

static void what_cannot_be_seen_from_here_is_never_gone(void **state) {
  (void)state;
  extract_process other;
  pid_t child = start_child(&other);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  extract_process elsewhere = other;
  elsewhere.boot[0] = elsewhere.boot[0] == '0' ? '1' : '0';
  assert_false(extract_process_is_gone(&elsewhere)); /* another machine, or before a restart */
  elsewhere = other;
  memcpy(elsewhere.pid_space, "pid:[1]", sizeof "pid:[1]");
  assert_false(extract_process_is_gone(&elsewhere)); /* another container */
  elsewhere = (extract_process){.pid = other.pid};
  assert_false(extract_process_is_gone(&elsewhere)); /* nothing known */
  elsewhere = other;
  elsewhere.pid = 0;
  assert_false(extract_process_is_gone(&elsewhere));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_calling_process_is_not_gone),
      cmocka_unit_test(a_process_is_gone_when_it_has_ended),
      cmocka_unit_test(an_id_that_is_used_again_is_another_process),
      cmocka_unit_test(what_cannot_be_seen_from_here_is_never_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
