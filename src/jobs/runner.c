#include "jobs/runner.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
  STORE_RETRY_MS = 1000,
  FINISH_TRIES = 5,
  FINISH_PAUSE_MS = 200,
  FINISH_LONG_PAUSE_MS = 5000
};

/* A worker and the job that it runs. Its runner's lock guards busy; what the job is, is written
 * while busy is false and read by others while it is true. busy changes with both locks held: who
 * holds only the first one may go on reading. */
struct job_run {
  job_runner *runner;
  pthread_t thread;
  bool busy;
  job job;
  br_cancel *cancel;
  uint64_t started_ms;
  _Atomic uint64_t rows, bytes, rows_expected;
};

struct job_runner {
  job_runner_options options;
  pthread_mutex_t claiming; /* held over the store's changes: a job is in it or in a worker's hands.
                               Taken before `lock` and the store's */
  pthread_mutex_t lock;     /* never held over the disk */
  pthread_cond_t changed;   /* a job was added or has ended, or it is time to stop */
  uint64_t changes;         /* how often it was told */
  bool draining;
  bool stopping; /* running jobs are asked to stop, and go back */
  unsigned started;
  job_run runs[JOB_WORKERS_MAX];
};

static void report(const job_runner *r, const char *id, const br_error *problem) {
  if (r->options.report != NULL) {
    r->options.report(r->options.context, id, problem);
  }
}

/* The servers that have as many jobs as they may; at most one entry a worker. With both locks held;
 * the names stay while the first one is. */
static size_t list_busy(const job_runner *r, const char **busy) {
  size_t count = 0;
  for (unsigned i = 0; r->options.per_server > 0 && i < r->started; i++) {
    unsigned same = 0;
    for (unsigned k = 0; r->runs[i].busy && k < r->started; k++) {
      same += r->runs[k].busy && strcmp(r->runs[k].job.server, r->runs[i].job.server) == 0;
    }
    if (same >= r->options.per_server) {
      busy[count++] = r->runs[i].job.server;
    }
  }
  return count;
}

static void tell(job_runner *r) {
  r->changes++;
  (void)pthread_cond_broadcast(&r->changed);
}

/* With the claiming lock held. */
static void begin_run(job_run *run, const job *j, br_cancel *cancel) {
  job_runner *r = run->runner;
  (void)pthread_mutex_lock(&r->lock);
  run->job = *j;
  run->cancel = cancel;
  atomic_store(&run->rows, 0);
  atomic_store(&run->bytes, 0);
  atomic_store(&run->rows_expected, 0);
  run->started_ms = br_clock_monotonic_ms();
  run->busy = true;
  (void)pthread_mutex_unlock(&r->lock);
}

/* Fills an idle run with the next job. BR_DONE: there is none, or none is to begin any more. */
static br_status claim(job_run *run, br_error *err) {
  job_runner *r = run->runner;
  const char *busy[JOB_WORKERS_MAX];
  job found = {.status = JOB_PENDING};
  br_cancel *cancel = NULL;
  br_status st = br_cancel_new(&cancel, err);
  if (st != BR_OK) {
    return st;
  }
  (void)pthread_mutex_lock(&r->claiming);
  (void)pthread_mutex_lock(&r->lock);
  const bool draining = r->draining;
  const size_t busy_count = list_busy(r, busy);
  (void)pthread_mutex_unlock(&r->lock);
  st = draining ? BR_DONE : jobs_claim(r->options.store, busy, busy_count, &found, err);
  if (st == BR_OK) {
    begin_run(run, &found, cancel);
    cancel = NULL;
  }
  (void)pthread_mutex_unlock(&r->claiming);
  br_cancel_free(cancel);
  return st;
}

static void end_run(job_run *run) {
  job_runner *r = run->runner;
  (void)pthread_mutex_lock(&r->claiming);
  (void)pthread_mutex_lock(&r->lock);
  run->busy = false;
  job_done(&run->job);
  br_cancel_free(run->cancel);
  run->cancel = NULL;
  tell(r);
  (void)pthread_mutex_unlock(&r->lock);
  (void)pthread_mutex_unlock(&r->claiming);
}

/* With the lock held. */
static void wait_until(job_runner *r, uint64_t timeout_ms) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)(timeout_ms / 1000);
  until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

/* With the lock held: until something has changed since. */
static void wait_for_change(job_runner *r, uint64_t seen) {
  while (!r->draining && r->changes == seen) {
    (void)pthread_cond_wait(&r->changed, &r->lock);
  }
}

/* Waits for a job; false: it is time to end. */
static bool next_job(job_run *run) {
  job_runner *r = run->runner;
  for (;;) {
    br_error problem = BR_ERROR_INIT;
    (void)pthread_mutex_lock(&r->lock);
    const uint64_t seen = r->changes;
    (void)pthread_mutex_unlock(&r->lock);
    br_status st = claim(run, &problem);
    if (st == BR_OK) {
      return true;
    }
    if (st != BR_DONE) {
      report(r, NULL, &problem);
    }
    (void)pthread_mutex_lock(&r->lock);
    if (st == BR_DONE) {
      wait_for_change(r, seen);
    } else if (!r->draining) {
      wait_until(r, STORE_RETRY_MS);
    }
    const bool draining = r->draining;
    (void)pthread_mutex_unlock(&r->lock);
    if (draining) {
      return false;
    }
  }
}

static bool is_stopping(job_runner *r) {
  (void)pthread_mutex_lock(&r->lock);
  bool stopping = r->stopping;
  (void)pthread_mutex_unlock(&r->lock);
  return stopping;
}

/* How a job ends; JOB_PENDING: it goes back. */
typedef struct job_end {
  job_status status;
  const char *error; /* NULL: none */
  br_error told;
} job_end;

/* By what its queries became. */
static br_status decide_end(job_run *run, br_status st, const br_error *why, job_end *ret_end,
                            br_error *err) {
  job now = {.status = JOB_PENDING};
  br_status read = jobs_get(run->runner->options.store, run->job.id, &now, err);
  if (read != BR_OK) {
    return read;
  }
  const size_t failed = now.queries_failed;
  const bool complete = now.queries_completed == now.queries_total;
  const bool cancelled = now.cancel_requested;
  job_done(&now);
  *ret_end = (job_end){.status = JOB_FAILED, .told = *why};
  if (complete && (st == BR_OK || st == BR_ERR_CANCELLED)) {
    ret_end->status = JOB_COMPLETED;
  } else if (cancelled) {
    ret_end->status = JOB_CANCELLED;
  } else if (st == BR_ERR_CANCELLED && is_stopping(run->runner)) {
    ret_end->status = JOB_PENDING;
  } else if (st == BR_OK && failed > 0) {
    (void)br_error_set(&ret_end->told, BR_ERR_DATA, "%zu of %zu queries failed", failed,
                       run->job.queries_total);
  } else if (st == BR_OK) {
    (void)br_error_set(&ret_end->told, BR_ERR_INTERNAL, "The job ended without all its queries");
  }
  ret_end->error = ret_end->status == JOB_FAILED ? ret_end->told.message : NULL;
  return BR_OK;
}

static br_status write_end(const job_run *run, const job_end *end, br_error *err) {
  jobs *store = run->runner->options.store;
  return end->status == JOB_PENDING ? jobs_release(store, run->job.id, err)
                                    : jobs_finish(store, run->job.id, end->status, end->error, err);
}

/* Whether the end is to be tried once more, after a pause: a full disk passes, and nobody else
 * would end the job before the next start. What the store says of the job itself does not. */
static bool try_again(job_runner *r, unsigned tries, br_status problem) {
  const bool passes = problem != BR_ERR_CONFLICT && problem != BR_ERR_NOT_FOUND;
  if (tries < FINISH_TRIES) {
    struct timespec pause = {.tv_nsec = FINISH_PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
    return true;
  }
  (void)pthread_mutex_lock(&r->lock);
  const bool again = passes && !r->draining;
  if (again) {
    wait_until(r, FINISH_LONG_PAUSE_MS);
  }
  (void)pthread_mutex_unlock(&r->lock);
  return again;
}

/* Where the service ends before the store could take it, the job stays running there, which
 * recovery finds. */
static void end_job(job_run *run, br_status st, const br_error *why) {
  const job_runner_options *options = &run->runner->options;
  bool decided = false, again = true;
  job_end end;
  for (unsigned tries = 1; again; tries++) {
    br_error problem = BR_ERROR_INIT;
    if (!decided && decide_end(run, st, why, &end, &problem) == BR_OK) {
      decided = true;
      if (options->ended != NULL) {
        options->ended(options->context, &run->job, end.status, end.error);
      }
    }
    if (decided && write_end(run, &end, &problem) == BR_OK) {
      return;
    }
    report(run->runner, run->job.id, &problem);
    again = try_again(run->runner, tries, problem.status);
  }
}

static void *worker_main(void *context) {
  job_run *run = context;
  job_runner *r = run->runner;
  while (next_job(run)) {
    br_error why = BR_ERROR_INIT;
    br_status st = r->options.run(r->options.context, run, &why);
    end_job(run, st, &why);
    end_run(run);
  }
  return NULL;
}

static br_status start_workers(job_runner *r, br_error *err) {
  sigset_t all;
  sigset_t before;
  int failed = 0;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  (void)pthread_mutex_lock(&r->lock);
  while (failed == 0 && r->started < r->options.workers) {
    job_run *run = &r->runs[r->started];
    run->runner = r;
    failed = pthread_create(&run->thread, NULL, worker_main, run);
    r->started += failed == 0;
  }
  (void)pthread_mutex_unlock(&r->lock);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed == 0 ? BR_OK : br_error_errno(err, failed, "Can't start the jobs' workers");
}

br_status job_runner_start(const job_runner_options *options, job_runner **ret_runner,
                           br_error *err) {
  if (options->workers == 0 || options->workers > JOB_WORKERS_MAX) {
    return br_error_set(err, BR_ERR_USAGE, "There can be 1 to %d workers", (int)JOB_WORKERS_MAX);
  }
  job_runner *r = br_calloc(1, sizeof *r);
  if (r == NULL) {
    return br_error_nomem(err);
  }
  r->options = *options;
  pthread_condattr_t monotonic;
  (void)pthread_condattr_init(&monotonic);
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&r->changed, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  (void)pthread_mutex_init(&r->claiming, NULL);
  (void)pthread_mutex_init(&r->lock, NULL);
  br_status st = start_workers(r, err);
  if (st != BR_OK) {
    job_runner_stop(r, 0);
    return st;
  }
  *ret_runner = r;
  return BR_OK;
}

void job_runner_wake(job_runner *runner) {
  (void)pthread_mutex_lock(&runner->lock);
  tell(runner);
  (void)pthread_mutex_unlock(&runner->lock);
}

/* With the lock held. NULL: it doesn't run here. */
static job_run *find(job_runner *r, const char *id) {
  for (unsigned i = 0; i < r->started; i++) {
    if (r->runs[i].busy && strcmp(r->runs[i].job.id, id) == 0) {
      return &r->runs[i];
    }
  }
  return NULL;
}

br_status job_runner_cancel(job_runner *runner, const char *id, br_error *err) {
  bool running = false;
  (void)pthread_mutex_lock(&runner->claiming); /* no job begins in between */
  br_status st = jobs_cancel(runner->options.store, id, &running, err);
  (void)pthread_mutex_lock(&runner->lock);
  job_run *run = st == BR_OK && running ? find(runner, id) : NULL;
  if (run != NULL) {
    br_cancel_request(run->cancel);
  }
  (void)pthread_mutex_unlock(&runner->lock);
  (void)pthread_mutex_unlock(&runner->claiming);
  return st;
}

void job_runner_drain(job_runner *runner) {
  (void)pthread_mutex_lock(&runner->claiming);
  (void)pthread_mutex_lock(&runner->lock);
  runner->draining = true;
  tell(runner);
  (void)pthread_mutex_unlock(&runner->lock);
  (void)pthread_mutex_unlock(&runner->claiming);
}

/* With the lock held. */
static unsigned count_running(const job_runner *r) {
  unsigned count = 0;
  for (unsigned i = 0; i < r->started; i++) {
    count += r->runs[i].busy;
  }
  return count;
}

unsigned job_runner_running(job_runner *runner) {
  (void)pthread_mutex_lock(&runner->lock);
  unsigned count = count_running(runner);
  (void)pthread_mutex_unlock(&runner->lock);
  return count;
}

void job_runner_wind_down(job_runner *runner, uint64_t patience_ms) {
  job_runner_drain(runner);
  uint64_t start = br_clock_monotonic_ms();
  (void)pthread_mutex_lock(&runner->lock);
  for (uint64_t waited = 0; count_running(runner) > 0 && waited < patience_ms;
       waited = br_clock_monotonic_ms() - start) {
    wait_until(runner, patience_ms - waited);
  }
  runner->stopping = true;
  for (unsigned i = 0; i < runner->started; i++) {
    if (runner->runs[i].busy) {
      br_cancel_request(runner->runs[i].cancel);
    }
  }
  (void)pthread_mutex_unlock(&runner->lock);
}

void job_runner_stop(job_runner *runner, uint64_t patience_ms) {
  if (runner == NULL) {
    return;
  }
  job_runner_wind_down(runner, patience_ms);
  for (unsigned i = 0; i < runner->started; i++) {
    (void)pthread_join(runner->runs[i].thread, NULL);
  }
  (void)pthread_cond_destroy(&runner->changed);
  (void)pthread_mutex_destroy(&runner->lock);
  (void)pthread_mutex_destroy(&runner->claiming);
  br_free(runner);
}

bool job_runner_progress(job_runner *runner, const char *id, job_progress *ret_progress) {
  (void)pthread_mutex_lock(&runner->lock);
  const job_run *run = find(runner, id);
  if (run != NULL) {
    *ret_progress = (job_progress){
        .rows = atomic_load(&run->rows),
        .bytes = atomic_load(&run->bytes),
        .rows_expected = atomic_load(&run->rows_expected),
        .elapsed_ms = br_clock_monotonic_ms() - run->started_ms,
    };
  }
  (void)pthread_mutex_unlock(&runner->lock);
  return run != NULL;
}

const job *job_run_job(const job_run *run) {
  return &run->job;
}

br_cancel *job_run_cancel(const job_run *run) {
  return run->cancel;
}

br_status job_run_query_start(job_run *run, size_t position, br_error *err) {
  return jobs_query_start(run->runner->options.store, run->job.id, position, err);
}

br_status job_run_query_finish(job_run *run, size_t position, const job_query_result *result,
                               br_error *err) {
  return jobs_query_finish(run->runner->options.store, run->job.id, position, result, err);
}

void job_run_progress(job_run *run, uint64_t rows, uint64_t bytes, uint64_t rows_expected) {
  atomic_store(&run->rows, rows);
  atomic_store(&run->bytes, bytes);
  atomic_store(&run->rows_expected, rows_expected);
}
