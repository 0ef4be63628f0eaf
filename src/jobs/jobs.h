/*
 * jobs.h: the store of extraction jobs, in a SQLite file that survives restarts.
 *
 *   jobs_open(path, &jobs, err)
 *     jobs_create(jobs, &request, id, &existed, err)
 *     jobs_claim(…)            the oldest pending one ─▶ running
 *       jobs_query_…(…)        what became of each of its queries
 *     jobs_finish(…)           ─▶ completed | failed | cancelled
 *   jobs_close(jobs)
 *
 *                     ┌──────────── jobs_cancel() ────────────┐
 *   create ─▶ pending ┴─ claim ─▶ running ─ finish ─▶ completed│failed│cancelled
 *                ▲                  │ jobs_cancel() only marks it: whoever runs it finishes it
 *                └── release, ──────┘
 *                    recover
 *
 * Each change is one transaction that reaches the disk before the call returns, and each checks the
 * state that it starts from: a job is never completed before all its queries are. Functions may be
 * called from any thread. A second process on the same file is refused (BR_ERR_CONFLICT): it would
 * take the first one's running jobs for left behind.
 */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include "base/hash.h"
#include "base/status.h"

typedef struct jobs jobs;

/* The numbers stand in the file. */
typedef enum job_status {
  JOB_PENDING = 0,
  JOB_RUNNING = 1,
  JOB_COMPLETED = 2,
  JOB_FAILED = 3,
  JOB_CANCELLED = 4,
  JOB_STATUS_COUNT
} job_status;

const char *job_status_name(job_status status); /* "pending" */
bool job_status_of(const char *name, job_status *ret_status);
bool job_status_ended(job_status status);

br_status jobs_open(const char *path, jobs **ret_jobs, br_error *err) BR_CHECKED;
void jobs_close(jobs *store); /* NULL is fine */

/* Borrowed for the call; texts without "may be NULL" must be there. */
typedef struct job_request {
  const char *server; /* what the limit per server counts by, "host:port" */
  const char *country;
  const char *destination;
  const char *const *queries; /* names, at least one */
  size_t query_count;
  const char *options;         /* a JSON object: everything else that whoever runs it needs */
  const char *user_name;       /* may be NULL */
  const char *idempotency_key; /* may be NULL */
  const char *asked; /* with a key: what the user asked for, as they said it; it tells one request
                        from another */
} job_request;

/* The job that the user (NULL: nobody in particular) made with the key; id holds BR_UUID_MAX bytes.
 * BR_DONE: there is none; BR_ERR_CONFLICT: it was made for another request. *ret_unsure: a version
 * that kept no `asked` made it, so whether it is the same request is for the caller to find out. */
br_status jobs_find_key(jobs *store, const char *user_name, const char *key, const char *asked,
                        char *id, bool *ret_unsure, br_error *err) BR_CHECKED;
/* With an idempotency key that the same user has used before as jobs_find_key(), with *ret_existed.
 */
br_status jobs_create(jobs *store, const job_request *request, char *id, bool *ret_existed,
                      br_error *err) BR_CHECKED;

/* A query of a job and what became of it. */
typedef struct job_query {
  char *name;
  job_status status; /* pending, running, completed, failed, cancelled */
  uint64_t rows_extracted;
  uint64_t files_created;
  uint64_t duration_ms;
  char *error; /* NULL = none */
} job_query;

typedef struct job {
  char id[BR_UUID_MAX];
  job_status status;
  bool cancel_requested; /* while it runs */
  unsigned attempts;     /* how often it was started, without those that ended in order */
  char *server, *country, *destination, *options;
  char *user_name;                              /* NULL = none */
  char *error;                                  /* NULL = none */
  int64_t created_us, started_us, completed_us; /* wall clock; 0 = not yet */
  size_t queries_total, queries_completed, queries_failed;
  uint64_t rows_extracted; /* by its queries that have ended */
  job_query *queries;      /* in the order of the request; NULL where a list was asked for */
} job;

void job_done(job *j); /* frees what is inside; zeroed ones are fine */

/* With its queries. BR_ERR_NOT_FOUND: there is no such job. */
br_status jobs_get(jobs *store, const char *id, job *ret_job, br_error *err) BR_CHECKED;

enum { JOBS_LIST_MAX = 1000 };
typedef struct jobs_filter {
  bool has_status;
  job_status status;
  const char *user_name; /* only this user's; NULL: everybody's */
  size_t limit;          /* 1 to JOBS_LIST_MAX */
  uint64_t offset;
} jobs_filter;
/* Newest first, without queries. Free with jobs_list_free(). */
br_status jobs_list(jobs *store, const jobs_filter *filter, job **ret_list, size_t *ret_count,
                    br_error *err) BR_CHECKED;
void jobs_list_free(job *list, size_t count);
/* How many there are in each state; counts holds JOB_STATUS_COUNT. */
br_status jobs_count(jobs *store, uint64_t *counts, br_error *err) BR_CHECKED;

/* How many rows the query of that name had when it was last completed, by one of the latest 20 jobs
 * before j for the same server, country and destination. BR_DONE: nothing is known. */
br_status jobs_rows_before(jobs *store, const job *j, const char *query, uint64_t *ret_rows,
                           br_error *err) BR_CHECKED;

/* Starts the oldest pending job whose server is none of `busy`; with its queries. BR_DONE: there is
 * none. */
br_status jobs_claim(jobs *store, const char *const *busy, size_t busy_count, job *ret_job,
                     br_error *err) BR_CHECKED;
/* Puts a running job back: it begins again, without the queries that it has completed, and this
 * start is not counted. One that is to be cancelled becomes cancelled. */
br_status jobs_release(jobs *store, const char *id, br_error *err) BR_CHECKED;

/* A query of a running job by its position begins, and ends as completed, failed or cancelled.
 * BR_ERR_CONFLICT: the job doesn't run, or the query isn't where it would have to be. Errors are
 * redacted and cut before they are stored. */
typedef struct job_query_result {
  job_status status;
  uint64_t rows_extracted;
  uint64_t files_created;
  uint64_t duration_ms;
  const char *error; /* NULL = none */
} job_query_result;
br_status jobs_query_start(jobs *store, const char *id, size_t position, br_error *err) BR_CHECKED;
br_status jobs_query_finish(jobs *store, const char *id, size_t position,
                            const job_query_result *result, br_error *err) BR_CHECKED;

/* Ends a running job. Its queries that have not ended become cancelled. BR_ERR_CONFLICT: it doesn't
 * run, or it is to be completed and a query is not. */
br_status jobs_finish(jobs *store, const char *id, job_status status, const char *error,
                      br_error *err) BR_CHECKED;

/* A pending job is cancelled at once, a running one marked: *ret_running, and whoever runs it has
 * to stop. BR_ERR_NOT_FOUND: there is none; BR_ERR_CONFLICT: it has ended. */
br_status jobs_cancel(jobs *store, const char *id, bool *ret_running, br_error *err) BR_CHECKED;

/* After a start: what to do with jobs that were running when the last process ended. */
typedef enum jobs_recovery {
  JOBS_FAIL,   /* failed, with why */
  JOBS_RESUME, /* pending again, without the queries that are completed; failed once started
                  max_attempts times, so that a job that kills the process doesn't do so forever */
} jobs_recovery;
/* Who is told of a job (without its queries) that ends, before that is written down: told twice it
 * can be, forgotten it can't. error NULL: none. With the store's lock held: no call to this module.
 */
typedef struct jobs_witness {
  void (*ended)(void *context, const job *j, job_status status, const char *error);
  void *context;
} jobs_witness;
/* Those that were to be cancelled become cancelled. witness NULL: nobody is told. */
br_status jobs_recover(jobs *store, jobs_recovery how, unsigned max_attempts,
                       const jobs_witness *witness, uint64_t *ret_resumed, uint64_t *ret_failed,
                       br_error *err) BR_CHECKED;

/* Deletes jobs that ended before the time, at most `most` of them (so that others aren't kept
 * waiting); call again while *ret_deleted == most. */
br_status jobs_retain(jobs *store, int64_t before_us, size_t most, size_t *ret_deleted,
                      br_error *err) BR_CHECKED;

#endif
