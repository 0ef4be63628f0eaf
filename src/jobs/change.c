/* Changes of a job's state, each from the state that it must be in. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "jobs/internal.h"

/* Runs it; BR_DONE where no row was in the state that it asks for. */
static br_status run_change(jobs_sql *q) {
  br_status st = jobs_sql_run(q);
  return st == BR_OK && sqlite3_changes(q->db) == 0 ? BR_DONE : st;
}

/* Why a change found no row. */
static br_status explain(jobs *store, const char *id, const char *wanted, br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own, "SELECT status FROM job WHERE id=?", err);
  jobs_sql_text(&q, id);
  br_status st = jobs_sql_step(&q);
  int status = st == BR_OK ? sqlite3_column_int(q.stmt, 0) : 0;
  jobs_sql_end(&q);
  if (st == BR_DONE) {
    return br_error_set(err, BR_ERR_NOT_FOUND, "Job not found: %.64s", id);
  }
  if (st != BR_OK) {
    return st;
  }
  const char *name =
      status >= 0 && status < JOB_STATUS_COUNT ? job_status_name((job_status)status) : "broken";
  return br_error_set(err, BR_ERR_CONFLICT, "Job %s is %s and can't be %s", id, name, wanted);
}

/* Queries of a job that are in one of two states take another. */
static br_status move_queries(jobs *store, const char *id, job_status from, job_status or_from,
                              job_status to, br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job_query SET status=? WHERE status IN (?,?)"
                           " AND job_seq=(SELECT seq FROM job WHERE id=?)",
                           err);
  jobs_sql_i64(&q, to);
  jobs_sql_i64(&q, from);
  jobs_sql_i64(&q, or_from);
  jobs_sql_text(&q, id);
  return jobs_sql_run(&q);
}

static br_status find_pending(jobs *store, const char *const *busy, size_t busy_count,
                              int64_t *ret_seq, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  br_status st = br_buf_text(&sql, "SELECT seq FROM job WHERE status=0 AND server NOT IN (", err);
  for (size_t i = 0; st == BR_OK && i < busy_count; i++) {
    st = br_buf_text(&sql, i == 0 ? "?" : ",?", err);
  }
  if (st == BR_OK) {
    st = br_buf_text(&sql, ") ORDER BY seq LIMIT 1", err);
  }
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    jobs_sql q = jobs_sql_once(&store->own, text, err);
    for (size_t i = 0; i < busy_count; i++) {
      jobs_sql_text(&q, busy[i]);
    }
    st = jobs_sql_step(&q);
    if (st == BR_OK) {
      *ret_seq = sqlite3_column_int64(q.stmt, 0);
    }
    jobs_sql_end(&q);
  }
  br_buf_done(&sql);
  return st;
}

static br_status start_job(jobs *store, int64_t seq, job *ret_job, br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job SET status=1,attempts=attempts+1,"
                           "started_us=iif(started_us=0,?,started_us) WHERE seq=? AND status=0",
                           err);
  jobs_sql_i64(&q, br_clock_wall_us());
  jobs_sql_i64(&q, seq);
  br_status st = jobs_sql_run(&q);
  if (st != BR_OK) {
    return st;
  }
  q = jobs_sql_of(&store->own, "SELECT " JOBS_COLUMNS " FROM job WHERE seq=?", err);
  jobs_sql_i64(&q, seq);
  st = jobs_sql_step(&q);
  if (st == BR_OK) {
    st = jobs_read_row(&q, &seq, ret_job, err);
  } else if (st == BR_DONE) {
    st = br_error_set(err, BR_ERR_INTERNAL, "A job vanished while it was started");
  }
  jobs_sql_end(&q);
  return st == BR_OK ? jobs_read_queries(&store->own, seq, ret_job, err) : st;
}

br_status jobs_claim(jobs *store, const char *const *busy, size_t busy_count, job *ret_job,
                     br_error *err) {
  br_status st = jobs_write_begin(store, err);
  if (st != BR_OK) {
    return st;
  }
  job found = {.status = JOB_PENDING};
  int64_t seq = 0;
  st = find_pending(store, busy, busy_count, &seq, err);
  if (st == BR_OK) {
    st = start_job(store, seq, &found, err);
  }
  st = jobs_write_end(store, st, err);
  if (st != BR_OK) {
    job_done(&found);
    return st;
  }
  *ret_job = found;
  return BR_OK;
}

br_status jobs_query_start(jobs *store, const char *id, size_t position, br_error *err) {
  br_status st = jobs_write_begin(store, err);
  if (st != BR_OK) {
    return st;
  }
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job_query SET status=1 WHERE position=? AND status=0"
                           " AND job_seq=(SELECT seq FROM job WHERE id=? AND status=1)",
                           err);
  jobs_sql_i64(&q, (int64_t)position);
  jobs_sql_text(&q, id);
  st = run_change(&q);
  if (st == BR_DONE) {
    st = br_error_set(err, BR_ERR_CONFLICT, "Query %zu of job %.64s can't begin now", position, id);
  }
  return jobs_write_end(store, st, err);
}

static br_status end_query(jobs *store, const char *id, size_t position,
                           const job_query_result *result, const char *error, br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job_query SET status=?,rows_extracted=?,files_created=?,"
                           "duration_ms=?,error=? WHERE position=? AND status=1"
                           " AND job_seq=(SELECT seq FROM job WHERE id=? AND status=1)",
                           err);
  jobs_sql_i64(&q, result->status);
  jobs_sql_i64(&q, (int64_t)result->rows_extracted);
  jobs_sql_i64(&q, (int64_t)result->files_created);
  jobs_sql_i64(&q, (int64_t)result->duration_ms);
  jobs_sql_text(&q, error);
  jobs_sql_i64(&q, (int64_t)position);
  jobs_sql_text(&q, id);
  br_status st = run_change(&q);
  if (st == BR_DONE) {
    return br_error_set(err, BR_ERR_CONFLICT, "Query %zu of job %.64s can't end now", position, id);
  }
  if (st != BR_OK) {
    return st;
  }
  q = jobs_sql_of(&store->own,
                  "UPDATE job SET queries_completed=queries_completed+?,"
                  "queries_failed=queries_failed+?,rows_extracted=rows_extracted+? WHERE id=?",
                  err);
  jobs_sql_i64(&q, result->status == JOB_COMPLETED);
  jobs_sql_i64(&q, result->status == JOB_FAILED);
  jobs_sql_i64(&q, (int64_t)result->rows_extracted);
  jobs_sql_text(&q, id);
  return jobs_sql_run(&q);
}

br_status jobs_query_finish(jobs *store, const char *id, size_t position,
                            const job_query_result *result, br_error *err) {
  if (!job_status_ended(result->status)) {
    return br_error_set(err, BR_ERR_INTERNAL, "A query can't end as %s",
                        job_status_name(result->status));
  }
  char *error = NULL;
  br_status st = jobs_clean_error(result->error, &error, err);
  if (st == BR_OK) {
    st = jobs_write_begin(store, err);
  }
  if (st == BR_OK) {
    st = jobs_write_end(store, end_query(store, id, position, result, error, err), err);
  }
  br_free(error);
  return st;
}

/* error is clean. */
static br_status finish_locked(jobs *store, const char *id, job_status status, const char *error,
                               br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job SET status=?,error=?,completed_us=? WHERE id=? AND status=1"
                           " AND (?<>2 OR queries_completed=queries_total)",
                           err);
  jobs_sql_i64(&q, status);
  jobs_sql_text(&q, error);
  jobs_sql_i64(&q, br_clock_wall_us());
  jobs_sql_text(&q, id);
  jobs_sql_i64(&q, status);
  br_status st = run_change(&q);
  if (st == BR_DONE) {
    return explain(store, id, job_status_name(status), err);
  }
  return st == BR_OK ? move_queries(store, id, JOB_PENDING, JOB_RUNNING, JOB_CANCELLED, err) : st;
}

br_status jobs_finish(jobs *store, const char *id, job_status status, const char *error,
                      br_error *err) {
  if (!job_status_ended(status)) {
    return br_error_set(err, BR_ERR_INTERNAL, "A job can't end as %s", job_status_name(status));
  }
  char *clean = NULL;
  br_status st = jobs_clean_error(error, &clean, err);
  if (st == BR_OK) {
    st = jobs_write_begin(store, err);
  }
  if (st == BR_OK) {
    st = jobs_write_end(store, finish_locked(store, id, status, clean, err), err);
  }
  br_free(clean);
  return st;
}

/* BR_DONE: it doesn't run, or is to be cancelled. */
static br_status put_back(jobs *store, const char *id, bool counts, br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job SET status=0,queries_failed=0,attempts=attempts-?"
                           " WHERE id=? AND status=1 AND cancel_requested=0",
                           err);
  jobs_sql_i64(&q, counts ? 0 : 1);
  jobs_sql_text(&q, id);
  br_status st = run_change(&q);
  if (st != BR_OK) {
    return st;
  }
  q = jobs_sql_of(
      &store->own,
      "UPDATE job SET rows_extracted=rows_extracted-(SELECT ifnull(sum(rows_extracted),0)"
      " FROM job_query WHERE job_seq=seq AND status<>2) WHERE id=?",
      err);
  jobs_sql_text(&q, id);
  st = jobs_sql_run(&q);
  if (st != BR_OK) {
    return st;
  }
  q = jobs_sql_of(&store->own,
                  "UPDATE job_query SET status=0,rows_extracted=0,files_created=0,duration_ms=0,"
                  "error=NULL WHERE status<>2 AND job_seq=(SELECT seq FROM job WHERE id=?)",
                  err);
  jobs_sql_text(&q, id);
  return jobs_sql_run(&q);
}

br_status jobs_release(jobs *store, const char *id, br_error *err) {
  br_status st = jobs_write_begin(store, err);
  if (st != BR_OK) {
    return st;
  }
  st = put_back(store, id, false, err);
  if (st == BR_DONE) {
    st = finish_locked(store, id, JOB_CANCELLED, NULL, err);
  }
  return jobs_write_end(store, st, err);
}

static br_status cancel_locked(jobs *store, const char *id, bool *ret_running, br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "UPDATE job SET status=4,completed_us=? WHERE id=? AND status=0", err);
  jobs_sql_i64(&q, br_clock_wall_us());
  jobs_sql_text(&q, id);
  br_status st = run_change(&q);
  if (st == BR_OK) {
    return move_queries(store, id, JOB_PENDING, JOB_RUNNING, JOB_CANCELLED, err);
  }
  if (st != BR_DONE) {
    return st;
  }
  q = jobs_sql_of(&store->own, "UPDATE job SET cancel_requested=1 WHERE id=? AND status=1", err);
  jobs_sql_text(&q, id);
  st = run_change(&q);
  if (st == BR_DONE) {
    return explain(store, id, "cancelled", err);
  }
  *ret_running = st == BR_OK;
  return st;
}

br_status jobs_cancel(jobs *store, const char *id, bool *ret_running, br_error *err) {
  bool running = false;
  br_status st = jobs_write_begin(store, err);
  if (st == BR_OK) {
    st = jobs_write_end(store, cancel_locked(store, id, &running, err), err);
  }
  if (st == BR_OK) {
    *ret_running = running;
  }
  return st;
}

/* A job that was left running, without its queries; BR_DONE: there is none any more. Recovery
 * changes the state of each. */
static br_status next_left_behind(jobs *store, job *ret_job, br_error *err) {
  int64_t seq = 0;
  jobs_sql q = jobs_sql_of(
      &store->own, "SELECT " JOBS_COLUMNS " FROM job WHERE status=1 ORDER BY seq LIMIT 1", err);
  br_status st = jobs_sql_step(&q);
  st = st == BR_OK ? jobs_read_row(&q, &seq, ret_job, err) : st;
  jobs_sql_end(&q);
  return st;
}

static br_status end_left_behind(jobs *store, const job *j, job_status status, const char *error,
                                 const jobs_witness *witness, br_error *err) {
  if (witness != NULL) {
    witness->ended(witness->context, j, status, error);
  }
  return finish_locked(store, j->id, status, error, err);
}

typedef struct recovery {
  bool resume; /* where it may begin once more */
  unsigned max_attempts;
  const jobs_witness *witness;
  uint64_t resumed, failed;
} recovery;

static br_status recover_one(jobs *store, const job *j, recovery *r, br_error *err) {
  if (j->queries_completed == j->queries_total) { /* only its end was not written */
    return end_left_behind(store, j, JOB_COMPLETED, NULL, r->witness, err);
  }
  if (j->cancel_requested) {
    return end_left_behind(store, j, JOB_CANCELLED, NULL, r->witness, err);
  }
  if (r->resume && j->attempts < r->max_attempts) {
    r->resumed++;
    return put_back(store, j->id, true, err);
  }
  r->failed++;
  return end_left_behind(store, j, JOB_FAILED, "The service ended while the job was running",
                         r->witness, err);
}

br_status jobs_recover(jobs *store, jobs_recovery how, unsigned max_attempts,
                       const jobs_witness *witness, uint64_t *ret_resumed, uint64_t *ret_failed,
                       br_error *err) {
  recovery r = {
      .resume = how == JOBS_RESUME, .max_attempts = max_attempts, .witness = witness, .resumed = 0};
  br_status st = jobs_write_begin(store, err);
  if (st != BR_OK) {
    return st;
  }
  while (st == BR_OK) {
    job j = {.status = JOB_PENDING};
    st = next_left_behind(store, &j, err);
    st = st == BR_OK ? recover_one(store, &j, &r, err) : st;
    job_done(&j);
  }
  st = jobs_write_end(store, st == BR_DONE ? BR_OK : st, err);
  if (st == BR_OK) {
    *ret_resumed = r.resumed;
    *ret_failed = r.failed;
  }
  return st;
}

br_status jobs_retain(jobs *store, int64_t before_us, size_t most, size_t *ret_deleted,
                      br_error *err) {
  br_status st = jobs_write_begin(store, err);
  if (st != BR_OK) {
    return st;
  }
  jobs_sql q =
      jobs_sql_of(&store->own,
                  "DELETE FROM job WHERE seq IN (SELECT seq FROM job"
                  " WHERE completed_us>0 AND completed_us<? ORDER BY completed_us LIMIT ?)",
                  err);
  jobs_sql_i64(&q, before_us);
  jobs_sql_i64(&q, (int64_t)most);
  st = jobs_sql_run(&q);
  size_t deleted = (size_t)sqlite3_changes(store->own.db);
  st = jobs_write_end(store, st, err);
  if (st == BR_OK) {
    *ret_deleted = deleted;
  }
  return st;
}
