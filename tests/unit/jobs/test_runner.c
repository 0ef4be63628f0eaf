/* The runner: every job runs once, no server gets more than its share, cancelling really stops, and
 * an end in between leaves jobs that begin again. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/sys.h"
#include "jobs/internal.h"
#include "jobs/runner.h"
#include "samples.h"

/* What the callback does and has seen. */
typedef struct stage {
  jobs *store;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned running, most_running, runs;
  unsigned at_a, most_at_a; /* jobs of server "a" */
  bool hold;                /* jobs wait until this is taken away, or they are cancelled */
  job_status outcome;       /* of each query */
  size_t skip;              /* queries that are left out at the end */
  br_status answer;
  _Atomic unsigned reports;
  /* What was told of the last end. */
  unsigned told;
  job_status told_status;
  char told_error[128]; /* "": none */
} stage;

static stage *stage_new(void) {
  static stage s;
  s = (stage){.store = samples_open(),
              .lock = PTHREAD_MUTEX_INITIALIZER,
              .changed = PTHREAD_COND_INITIALIZER,
              .outcome = JOB_COMPLETED};
  return &s;
}

/* Counts a job in or out. */
static void count(stage *s, const job *j, bool in) {
  bool a = strcmp(j->server, "a") == 0;
  (void)pthread_mutex_lock(&s->lock);
  s->running = in ? s->running + 1 : s->running - 1;
  s->at_a = in ? s->at_a + a : s->at_a - a;
  s->runs += in;
  s->most_running = s->running > s->most_running ? s->running : s->most_running;
  s->most_at_a = s->at_a > s->most_at_a ? s->at_a : s->most_at_a;
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->lock);
}

static bool is_held(stage *s) {
  (void)pthread_mutex_lock(&s->lock);
  bool hold = s->hold;
  (void)pthread_mutex_unlock(&s->lock);
  return hold;
}

static br_status play_query(stage *s, job_run *run, size_t i, br_error *err) {
  br_status st = job_run_query_start(run, i, err);
  while (st == BR_OK && is_held(s)) {
    st = br_cancel_sleep_ms(job_run_cancel(run), 1, err);
  }
  job_query_result result = {.status = st == BR_OK ? s->outcome : JOB_CANCELLED};
  br_status ended = job_run_query_finish(run, i, &result, NULL);
  return st == BR_OK ? ended : st;
}

static br_status play(void *context, job_run *run, br_error *err) {
  stage *s = context;
  const job *j = job_run_job(run);
  count(s, j, true);
  job_run_progress(run, 7, 8, 9);
  br_status st = br_cancel_check(job_run_cancel(run), err);
  for (size_t i = 0; st == BR_OK && i + s->skip < j->queries_total; i++) {
    if (j->queries[i].status != JOB_COMPLETED) {
      st = play_query(s, run, i, err);
    }
  }
  count(s, j, false);
  if (st == BR_OK && s->answer != BR_OK) {
    st = br_error_set(err, s->answer, "No place to write to");
  }
  return st;
}

static void take_end(void *context, const job *j, job_status status, const char *error) {
  stage *s = context;
  assert_int_equal(samples_status(s->store, j->id), JOB_RUNNING); /* before it is written down */
  s->told++;
  s->told_status = status;
  (void)snprintf(s->told_error, sizeof s->told_error, "%s", error == NULL ? "" : error);
}

static void take_report(void *context, const char *id, const br_error *problem) {
  stage *s = context;
  (void)id;
  assert_string_not_equal(problem->message, "");
  atomic_fetch_add(&s->reports, 1);
}

static job_runner *start(stage *s, unsigned workers, unsigned per_server) {
  job_runner_options options = {.store = s->store,
                                .workers = workers,
                                .per_server = per_server,
                                .run = play,
                                .ended = take_end,
                                .report = take_report,
                                .context = s};
  job_runner *r = NULL;
  assert_int_equal(job_runner_start(&options, &r, NULL), BR_OK);
  return r;
}

static void set_hold(stage *s, bool hold) {
  (void)pthread_mutex_lock(&s->lock);
  s->hold = hold;
  (void)pthread_mutex_unlock(&s->lock);
}

static void pause_a_moment(void) {
  struct timespec moment = {.tv_nsec = 1000000};
  (void)nanosleep(&moment, NULL);
}

static void wait_running(stage *s, unsigned number) {
  (void)pthread_mutex_lock(&s->lock);
  while (s->running < number) {
    (void)pthread_cond_wait(&s->changed, &s->lock);
  }
  (void)pthread_mutex_unlock(&s->lock);
}

static job_status wait_ended(jobs *store, const char *id) {
  job_status status = JOB_PENDING;
  while (!job_status_ended(status = samples_status(store, id))) {
    pause_a_moment();
  }
  return status;
}

/* ---- while a change waits for the disk ---- */

typedef struct canceller {
  job_runner *runner;
  const char *id;
  _Atomic pid_t thread;
} canceller;

static void *cancel_it(void *context) {
  canceller *c = context;
  atomic_store(&c->thread, gettid());
  assert_int_equal(job_runner_cancel(c->runner, c->id, NULL), BR_OK);
  return NULL;
}

/* Waits until the thread waits. */
static void wait_asleep(canceller *c) {
  char path[64], line[256] = "";
  while (strstr(line, ") S ") == NULL) {
    pause_a_moment();
    if (atomic_load(&c->thread) != 0) {
      (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)atomic_load(&c->thread));
      FILE *file = fopen(path, "r");
      assert_non_null(file);
      assert_non_null(fgets(line, sizeof line, file));
      (void)fclose(file);
    }
  }
}

static void readers_do_not_wait_for_the_disk(void **state) {
  (void)state;
  stage *s = stage_new();
  pthread_t thread;
  job_progress progress;
  char id[BR_UUID_MAX];
  samples_create(s->store, "a", id);
  set_hold(s, true);
  job_runner *r = start(s, 2, 0);
  wait_running(s, 1);
  (void)pthread_mutex_lock(&s->store->own.lock); /* as a change does that is on its way */
  canceller c = {.runner = r, .id = id};
  assert_int_equal(pthread_create(&thread, NULL, cancel_it, &c), 0);
  wait_asleep(&c);
  assert_true(job_runner_progress(r, id, &progress));
  assert_int_equal(job_runner_running(r), 1);
  job_runner_wake(r);
  (void)pthread_mutex_unlock(&s->store->own.lock);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(wait_ended(s->store, id), JOB_CANCELLED);
  job_runner_stop(r, 0);
  jobs_close(s->store);
}

static void every_job_runs_once_within_the_limits(void **state) {
  (void)state;
  enum { JOBS = 30, WORKERS = 4, PER_SERVER = 2 };
  stage *s = stage_new();
  char ids[JOBS][BR_UUID_MAX];
  static const char *const servers[] = {"a", "a", "b"};
  for (size_t i = 0; i < JOBS / 2; i++) {
    samples_create(s->store, servers[i % 3], ids[i]);
  }
  set_hold(s, true);
  job_runner *r = start(s, WORKERS, PER_SERVER);
  wait_running(s, WORKERS); /* two of a, two of b */
  assert_int_equal(job_runner_running(r), WORKERS);
  set_hold(s, false);
  for (size_t i = JOBS / 2; i < JOBS; i++) {
    samples_create(s->store, servers[i % 3], ids[i]);
    job_runner_wake(r);
  }
  for (size_t i = 0; i < JOBS; i++) {
    assert_int_equal(wait_ended(s->store, ids[i]), JOB_COMPLETED);
  }
  job_runner_stop(r, 60000);
  assert_int_equal(s->runs, JOBS);
  assert_int_equal(s->most_running, WORKERS);
  assert_int_equal(s->most_at_a, PER_SERVER);
  assert_int_equal(atomic_load(&s->reports), 0);
  jobs_close(s->store);
}

static void how_a_job_ends_depends_on_its_queries(void **state) {
  (void)state;
  static const struct {
    job_status outcome;
    size_t skip;
    br_status answer;
    job_status wanted;
    const char *error;
  } cases[] = {
      {JOB_COMPLETED, 0, BR_OK, JOB_COMPLETED, NULL},
      {JOB_FAILED, 0, BR_OK, JOB_FAILED, "3 of 3 queries failed"},
      {JOB_COMPLETED, 1, BR_OK, JOB_FAILED, "The job ended without all its queries"},
      {JOB_COMPLETED, 1, BR_ERR_IO, JOB_FAILED, "No place to write to"},
      {JOB_COMPLETED, 0, BR_ERR_IO, JOB_FAILED, "No place to write to"},
      /* Asked to stop after its last query: nothing was left to be stopped. */
      {JOB_COMPLETED, 0, BR_ERR_CANCELLED, JOB_COMPLETED, NULL},
  };
  stage *s = stage_new();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char id[BR_UUID_MAX];
    samples_create(s->store, "a", id);
    s->outcome = cases[i].outcome;
    s->skip = cases[i].skip;
    s->answer = cases[i].answer;
    job_runner *r = start(s, 1, 0);
    assert_int_equal(wait_ended(s->store, id), cases[i].wanted);
    job_runner_stop(r, 0);
    assert_int_equal(s->told, i + 1);
    assert_int_equal(s->told_status, cases[i].wanted);
    assert_string_equal(s->told_error, cases[i].error == NULL ? "" : cases[i].error);
    job j = samples_get(s->store, id);
    if (cases[i].error == NULL) {
      assert_null(j.error);
    } else {
      assert_string_equal(j.error, cases[i].error);
    }
    job_done(&j);
  }
  jobs_close(s->store);
}

static void cancelling_stops_a_running_job(void **state) {
  (void)state;
  stage *s = stage_new();
  char ids[2][BR_UUID_MAX];
  samples_create(s->store, "a", ids[0]);
  set_hold(s, true);
  job_runner *r = start(s, 1, 0);
  wait_running(s, 1);
  samples_create(s->store, "a", ids[1]);
  job_progress progress = {.rows = 0};
  assert_true(job_runner_progress(r, ids[0], &progress));
  assert_int_equal(progress.rows, 7);
  assert_int_equal(progress.bytes, 8);
  assert_int_equal(progress.rows_expected, 9);
  assert_false(job_runner_progress(r, ids[1], &progress));
  assert_int_equal(job_runner_cancel(r, ids[1], NULL), BR_OK); /* never begins */
  assert_int_equal(job_runner_cancel(r, ids[0], NULL), BR_OK);
  assert_int_equal(wait_ended(s->store, ids[0]), JOB_CANCELLED);
  assert_int_equal(samples_status(s->store, ids[1]), JOB_CANCELLED);
  assert_int_equal(job_runner_cancel(r, ids[0], NULL), BR_ERR_CONFLICT);
  assert_int_equal(job_runner_cancel(r, "none", NULL), BR_ERR_NOT_FOUND);
  job_runner_stop(r, 0);
  assert_int_equal(s->runs, 1);
  assert_int_equal(s->told, 1);
  assert_int_equal(s->told_status, JOB_CANCELLED);
  jobs_close(s->store);
}

static void a_stop_without_patience_puts_jobs_back(void **state) {
  (void)state;
  stage *s = stage_new();
  char id[BR_UUID_MAX];
  samples_create(s->store, "a", id);
  set_hold(s, true);
  job_runner *r = start(s, 2, 0);
  wait_running(s, 1);
  job_runner_stop(r, 5);
  assert_int_equal(s->told, 1);
  assert_int_equal(s->told_status, JOB_PENDING);
  job j = samples_get(s->store, id);
  assert_int_equal(j.status, JOB_PENDING);
  assert_int_equal(j.queries[0].status, JOB_PENDING);
  job_done(&j);
  set_hold(s, false);
  r = start(s, 2, 0);
  assert_int_equal(wait_ended(s->store, id), JOB_COMPLETED);
  job_runner_stop(r, 0);
  jobs_close(s->store);
}

static void *release_hold(void *context) {
  stage *s = context;
  pause_a_moment();
  set_hold(s, false);
  return NULL;
}

static void a_drained_runner_ends_its_jobs_and_begins_none(void **state) {
  (void)state;
  stage *s = stage_new();
  char ids[2][BR_UUID_MAX];
  samples_create(s->store, "a", ids[0]);
  set_hold(s, true);
  job_runner *r = start(s, 2, 0);
  wait_running(s, 1);
  job_runner_drain(r);
  samples_create(s->store, "a", ids[1]);
  job_runner_wake(r);
  pthread_t helper;
  assert_int_equal(pthread_create(&helper, NULL, release_hold, s), 0);
  job_runner_stop(r, 600000); /* as long as it takes */
  assert_int_equal(pthread_join(helper, NULL), 0);
  assert_int_equal(samples_status(s->store, ids[0]), JOB_COMPLETED);
  assert_int_equal(samples_status(s->store, ids[1]), JOB_PENDING);
  jobs_close(s->store);
}

static void run_sql(stage *s, const char *sql) {
  (void)pthread_mutex_lock(&s->store->own.lock);
  assert_int_equal(store_exec(s->store->own.db, sql, NULL), BR_OK);
  (void)pthread_mutex_unlock(&s->store->own.lock);
}

/* A job whose end can't be written. */
static job_runner *start_without_room(stage *s, char *id) {
  samples_create(s->store, "a", id);
  run_sql(s, "CREATE TRIGGER no_end BEFORE UPDATE OF completed_us ON job BEGIN"
             " SELECT RAISE(ABORT,'broken'); END");
  job_runner *r = start(s, 1, 0);
  while (atomic_load(&s->reports) < 5) {
    pause_a_moment();
  }
  return r;
}

/* However long that takes: the job ends while the service runs, and is told once. */
static void an_end_is_written_once_there_is_room(void **state) {
  (void)state;
  stage *s = stage_new();
  char id[BR_UUID_MAX];
  job_runner *r = start_without_room(s, id);
  while (atomic_load(&s->reports) < 7) {
    job_runner_wake(r);
    pause_a_moment();
  }
  assert_int_equal(samples_status(s->store, id), JOB_RUNNING);
  run_sql(s, "DROP TRIGGER no_end");
  job_runner_wake(r);
  assert_int_equal(wait_ended(s->store, id), JOB_COMPLETED);
  job_runner_stop(r, 0);
  assert_int_equal(s->told, 1);
  jobs_close(s->store);
}

/* The service ends before: it is told, and the job is not called done. */
static void an_end_that_cant_be_written_is_told(void **state) {
  (void)state;
  stage *s = stage_new();
  char id[BR_UUID_MAX];
  job_runner *r = start_without_room(s, id);
  job_runner_stop(r, 600000); /* nothing is waited for */
  assert_int_equal(s->told, 1);
  assert_int_equal(samples_status(s->store, id), JOB_RUNNING);
  assert_int_equal(store_exec(s->store->own.db, "DROP TRIGGER no_end", NULL), BR_OK);
  uint64_t resumed = 0;
  uint64_t failed = 0;
  assert_int_equal(jobs_recover(s->store, JOBS_RESUME, 3, NULL, &resumed, &failed, NULL), BR_OK);
  assert_int_equal(samples_status(s->store, id), JOB_COMPLETED); /* all its queries were */
  jobs_close(s->store);
}

static void wrong_numbers_of_workers_are_refused(void **state) {
  (void)state;
  job_runner *r = NULL;
  job_runner_options options = {.workers = 0};
  assert_int_equal(job_runner_start(&options, &r, NULL), BR_ERR_USAGE);
  options.workers = JOB_WORKERS_MAX + 1;
  assert_int_equal(job_runner_start(&options, &r, NULL), BR_ERR_USAGE);
  job_runner_stop(NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_setup, samples_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(every_job_runs_once_within_the_limits),
      TEST(readers_do_not_wait_for_the_disk),
      TEST(how_a_job_ends_depends_on_its_queries),
      TEST(cancelling_stops_a_running_job),
      TEST(a_stop_without_patience_puts_jobs_back),
      TEST(a_drained_runner_ends_its_jobs_and_begins_none),
      TEST(an_end_is_written_once_there_is_room),
      TEST(an_end_that_cant_be_written_is_told),
      cmocka_unit_test(wrong_numbers_of_workers_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
