/*
 * runner.h: worker threads that take jobs out of the store and run them.
 *
 *   job_runner_start(&options, &runner, err)
 *     jobs_create(store, …);  job_runner_wake(runner)
 *     job_runner_cancel(runner, id, err)
 *   job_runner_stop(runner, patience_ms)
 *
 *   store ──claim──▶ worker ──▶ options.run(context, run, err) ──▶ finish │ release
 *              └ at most per_server of a server at a time
 *
 * The callback does the work, tells of each query that is still to be done (job_run_query_…) and
 * watches the cancel token. How the job ends is decided here: completed only where every query is.
 */
#ifndef JOBS_RUNNER_H
#define JOBS_RUNNER_H

#include "base/cancel.h"
#include "jobs/jobs.h"

enum { JOB_WORKERS_MAX = 64 };

typedef struct job_runner job_runner;
/* A job while it runs, in the hands of the callback. */
typedef struct job_run job_run;

typedef struct job_runner_options {
  jobs *store;         /* borrowed until the stop */
  unsigned workers;    /* 1 to JOB_WORKERS_MAX */
  unsigned per_server; /* 0 = no limit */
  /* From a worker's thread. BR_OK: it did what it could, failed queries included. */
  br_status (*run)(void *context, job_run *run, br_error *err);
  /* Told how the job ends, before that is written down, from the worker's thread; JOB_PENDING: it
   * goes back. The outcome is the store's, unless the job is cancelled while it goes back. error
   * NULL: none. It must not call this module. May be NULL. */
  void (*ended)(void *context, const job *j, job_status status, const char *error);
  /* Told of a failure of the store itself, from a worker's thread; id NULL: while looking for a
   * job. An end is tried again until it is written down or the runner is drained; then
   * jobs_recover() takes the job up again. It must not call this module. May be NULL. */
  void (*report)(void *context, const char *id, const br_error *problem);
  void *context;
} job_runner_options;

br_status job_runner_start(const job_runner_options *options, job_runner **ret_runner,
                           br_error *err) BR_CHECKED;
/* There is a new job. */
void job_runner_wake(job_runner *runner);
/* As jobs_cancel(), and a running job is asked to stop. */
br_status job_runner_cancel(job_runner *runner, const char *id, br_error *err) BR_CHECKED;
/* Starts no further job from now on; those that run go on. */
void job_runner_drain(job_runner *runner);
/* Drains, waits up to patience_ms for what runs, then asks it to stop: such jobs go back to pending
 * and begin again after the next start. Returns without waiting for that. */
void job_runner_wind_down(job_runner *runner, uint64_t patience_ms);
/* The same, and waits until all threads have ended. NULL is fine. */
void job_runner_stop(job_runner *runner, uint64_t patience_ms);

/* Progress of a running job; false: it doesn't run here. Never waits for the disk. */
typedef struct job_progress {
  uint64_t rows, bytes;   /* so far, of all its queries in this run */
  uint64_t rows_expected; /* 0 = not known */
  uint64_t elapsed_ms;    /* of this run */
} job_progress;
bool job_runner_progress(job_runner *runner, const char *id, job_progress *ret_progress);
/* How many jobs run at this moment; never waits for the disk. */
unsigned job_runner_running(job_runner *runner);

/* For the callback. */
const job *
job_run_job(const job_run *run); /* with its queries; those completed are not to be run */
br_cancel *job_run_cancel(const job_run *run);
br_status job_run_query_start(job_run *run, size_t position, br_error *err) BR_CHECKED;
br_status job_run_query_finish(job_run *run, size_t position, const job_query_result *result,
                               br_error *err) BR_CHECKED;
void job_run_progress(job_run *run, uint64_t rows, uint64_t bytes, uint64_t rows_expected);

#endif
