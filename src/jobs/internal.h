/*
 * internal.h: what the files of the store share: its connections and short SQL calls.
 *
 *   jobs_sql q = jobs_sql_of(&store->own, "UPDATE job SET status=? WHERE id=?", err);
 *   jobs_sql_i64(&q, JOB_RUNNING);
 *   jobs_sql_text(&q, id);
 *   st = jobs_sql_run(&q);
 *
 * Errors stick: after the first one the calls do nothing, and the last call returns it.
 */
#ifndef JOBS_INTERNAL_H
#define JOBS_INTERNAL_H

#include <pthread.h>

#include "jobs/jobs.h"
#include "store/store.h"

enum { JOBS_STATEMENTS_MAX = 24 };

/* A statement that is kept: parsing takes longer than most of them run. */
typedef struct jobs_statement {
  const char *sql; /* a literal: its address says which */
  sqlite3_stmt *stmt;
  bool in_use;
} jobs_statement;

typedef struct jobs_conn {
  pthread_mutex_t lock; /* one user of the connection at a time */
  sqlite3 *db;
  jobs_statement kept[JOBS_STATEMENTS_MAX];
} jobs_conn;

struct jobs {
  jobs_conn own; /* writes */
  jobs_conn
      reader; /* looks, so that nobody who looks waits for the disk; not for a file in memory */
  jobs_conn *reading; /* the one of the two */
  int lock_fd;        /* holds the file's lock; -1: in memory */
};

typedef struct jobs_sql {
  sqlite3 *db;
  sqlite3_stmt *stmt;
  jobs_statement *kept; /* NULL: made for this call */
  int bound;
  br_status st;
  br_error *err;
} jobs_sql;

/* sql is a literal; with the connection's lock held. */
jobs_sql jobs_sql_of(jobs_conn *conn, const char *sql, br_error *err);
/* Any text; not kept. */
jobs_sql jobs_sql_once(jobs_conn *conn, const char *sql, br_error *err);
void jobs_sql_text(jobs_sql *q, const char *text); /* NULL = NULL; borrowed until the end */
void jobs_sql_i64(jobs_sql *q, int64_t value);
/* BR_OK: a row is there; BR_DONE: the end. */
br_status jobs_sql_step(jobs_sql *q);
/* A copy of the text in a column, NULL for NULL; the caller frees. */
char *jobs_sql_take_text(jobs_sql *q, int column);
void jobs_sql_end(jobs_sql *q);
/* Steps to the end and ends; the rows are of no interest. */
br_status jobs_sql_run(jobs_sql *q);

/* Takes the writing connection's lock and begins to write; jobs_write_end() commits where st is
 * BR_OK, else rolls back, gives the lock back and returns the outcome. */
br_status jobs_write_begin(jobs *store, br_error *err) BR_CHECKED;
br_status jobs_write_end(jobs *store, br_status st, br_error *err) BR_CHECKED;

/* Redacted and cut copy of an error's text, NULL for NULL. */
br_status jobs_clean_error(const char *text, char **ret_text, br_error *err) BR_CHECKED;

/* Reads the queries of the job with that sequence number into it. With the lock held. */
br_status jobs_read_queries(jobs_conn *conn, int64_t seq, job *j, br_error *err) BR_CHECKED;
/* The columns of a job for jobs_read_row(), which fills a job from the row at hand. */
#define JOBS_COLUMNS                                                                               \
  "seq,id,status,cancel_requested,attempts,server,country,destination,options,user_name,error,"    \
  "created_us,started_us,completed_us,queries_total,queries_completed,queries_failed,"             \
  "rows_extracted"
br_status jobs_read_row(jobs_sql *q, int64_t *ret_seq, job *ret_job, br_error *err) BR_CHECKED;

#endif
