/* A process that makes, runs and cancels jobs is killed (-9) again and again at random moments. No
 * job that was accepted is lost, none is called done whose work was not done, and what was
 * cancelled doesn't come back. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "jobs/runner.h"
#include "samples.h"

enum { ROUNDS = 25 };

static char accepted_path[160];  /* ids, a line each, written once jobs_create() has returned */
static char cancelled_path[160]; /* ids, likewise of job_runner_cancel() */
static char worked_path[160];    /* "id position", written when a query's work is done */
static int worked_fd;

static void append(int fd, const char *line) {
  if (write(fd, line, strlen(line)) != (ssize_t)strlen(line)) {
    _exit(3);
  }
}

static void pause_us(long us) {
  struct timespec moment = {.tv_nsec = us * 1000};
  (void)nanosleep(&moment, NULL);
}

static br_status work(void *context, job_run *run, br_error *err) {
  (void)context;
  const job *j = job_run_job(run);
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < j->queries_total; i++) {
    if (j->queries[i].status == JOB_COMPLETED) {
      continue;
    }
    job_query_result result = {.status = JOB_COMPLETED};
    char line[64];
    st = br_cancel_check(job_run_cancel(run), err);
    if (st == BR_OK) {
      st = job_run_query_start(run, i, err);
    }
    if (st != BR_OK) {
      return st;
    }
    pause_us(200);
    (void)snprintf(line, sizeof line, "%s %zu\n", j->id, i);
    append(worked_fd, line);
    st = job_run_query_finish(run, i, &result, err);
  }
  return st;
}

static job_runner *start_runner(jobs *store) {
  job_runner_options options = {.store = store, .workers = 3, .per_server = 2, .run = work};
  job_runner *r = NULL;
  return job_runner_start(&options, &r, NULL) == BR_OK ? r : NULL;
}

static jobs *open_and_recover(void) {
  jobs *store = NULL;
  uint64_t resumed = 0;
  uint64_t failed = 0;
  if (jobs_open(samples_path, &store, NULL) != BR_OK ||
      jobs_recover(store, JOBS_RESUME, 1000, NULL, &resumed, &failed, NULL) != BR_OK ||
      failed != 0) {
    return NULL;
  }
  return store;
}

/* The process that is killed: it never ends by itself. It closes `ready` behind its first job. */
static void live(int ready) {
  jobs *store = open_and_recover();
  job_runner *r = store == NULL ? NULL : start_runner(store);
  int accepted = open(accepted_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
  int cancelled = open(cancelled_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (r == NULL || accepted < 0 || cancelled < 0) {
    _exit(2);
  }
  for (unsigned i = 0;; i++) {
    char id[BR_UUID_MAX];
    char line[BR_UUID_MAX + 1];
    job_request request = samples_request(i % 2 == 0 ? "a" : "b");
    bool existed = false;
    if (jobs_create(store, &request, id, &existed, NULL) != BR_OK) {
      _exit(4);
    }
    (void)snprintf(line, sizeof line, "%s\n", id);
    append(accepted, line);
    if (i == 0) {
      (void)close(ready);
    }
    job_runner_wake(r);
    pause_us(500);
    if (i % 3 == 2 && job_runner_cancel(r, id, NULL) == BR_OK) {
      append(cancelled, line);
    }
  }
}

/* early: also while it opens the store and recovers; else it has accepted a job of its own, however
 * slow the machine is. */
static void kill_at_random(bool early) {
  int ready[2];
  char nothing = 0;
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    (void)close(ready[0]);
    live(ready[1]);
  }
  (void)close(ready[1]);
  if (!early) {
    assert_int_equal(read(ready[0], &nothing, 1), 0);
  }
  (void)close(ready[0]);
  pause_us(random() % 270000);
  assert_int_equal(kill(child, SIGKILL), 0);
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* not of its own */
}

static char *read_text(const char *path) {
  br_buf content;
  if (br_file_read(path, 1 << 26, &content, NULL) != BR_OK) {
    return NULL;
  }
  return br_buf_take(&content, NULL);
}

/* Whatever is called completed has left its trace; returns how many of `ids` are completed or
 * cancelled. */
static size_t check(jobs *store, const char *ids, const char *worked, size_t *ret_count) {
  size_t ended = 0;
  size_t number = 0;
  for (const char *p = ids; p != NULL && *p != '\0'; p += BR_UUID_MAX) {
    char id[BR_UUID_MAX];
    (void)snprintf(id, sizeof id, "%.36s", p);
    job j = samples_get(store, id); /* not lost */
    for (size_t i = 0; i < j.queries_total; i++) {
      char line[64];
      (void)snprintf(line, sizeof line, "%s %zu\n", id, i);
      bool done = j.status == JOB_COMPLETED || j.queries[i].status == JOB_COMPLETED;
      assert_true(!done || (worked != NULL && strstr(worked, line) != NULL));
    }
    assert_int_not_equal(j.status, JOB_FAILED);
    ended += job_status_ended(j.status);
    number++;
    job_done(&j);
  }
  *ret_count = number;
  return ended;
}

static void remember_paths(void) {
  (void)snprintf(cancelled_path, sizeof cancelled_path, "%s/cancelled", samples_folder);
  (void)snprintf(accepted_path, sizeof accepted_path, "%s/accepted", samples_folder);
  (void)snprintf(worked_path, sizeof worked_path, "%s/worked", samples_folder);
}

/* What was cancelled is so, or had done its last query before that was seen. */
static void check_cancelled(jobs *store, const char *ids) {
  for (const char *p = ids; p != NULL && *p != '\0'; p += BR_UUID_MAX) {
    char id[BR_UUID_MAX];
    (void)snprintf(id, sizeof id, "%.36s", p);
    job j = samples_get(store, id);
    assert_true(j.status == JOB_CANCELLED || j.queries_completed == j.queries_total);
    job_done(&j);
  }
}

static void no_job_is_lost_and_none_is_done_that_is_not(void **state) {
  (void)state;
  remember_paths();
  worked_fd = open(worked_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
  assert_true(worked_fd >= 0);
  size_t count = 0;
  for (int i = 0; i < ROUNDS; i++) {
    kill_at_random(i % 4 == 3);
    jobs *store = samples_open();
    char *ids = read_text(accepted_path);
    char *worked = read_text(worked_path);
    (void)check(store, ids, worked, &count);
    br_free(ids);
    br_free(worked);
    jobs_close(store);
  }
  assert_true(count > 0);
  /* Left alone, everything that was accepted comes to its end. */
  jobs *store = open_and_recover();
  assert_non_null(store);
  job_runner *r = start_runner(store);
  assert_non_null(r);
  uint64_t counts[JOB_STATUS_COUNT] = {1};
  while (counts[JOB_PENDING] + counts[JOB_RUNNING] > 0) {
    pause_us(1000);
    assert_int_equal(jobs_count(store, counts, NULL), BR_OK);
  }
  job_runner_stop(r, 60000);
  char *ids = read_text(accepted_path);
  char *worked = read_text(worked_path);
  assert_int_equal(check(store, ids, worked, &count), count);
  assert_true(counts[JOB_COMPLETED] + counts[JOB_CANCELLED] >= count);
  char *cancelled = read_text(cancelled_path);
  check_cancelled(store, cancelled);
  print_message("%zu jobs accepted, %zu of them cancelled, over %d kills\n", count,
                cancelled == NULL ? 0 : strlen(cancelled) / BR_UUID_MAX, (int)ROUNDS);
  br_free(cancelled);
  br_free(ids);
  br_free(worked);
  jobs_close(store);
  (void)close(worked_fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(no_job_is_lost_and_none_is_done_that_is_not, samples_setup,
                                      samples_teardown),
  };
  const unsigned seed = (unsigned)time(NULL);
  print_message("the moments are those of seed %u\n", seed);
  srandom(seed);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
