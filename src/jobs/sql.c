/* Short SQL calls, and the frame of a change. */
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "jobs/internal.h"

jobs_sql jobs_sql_once(jobs_conn *conn, const char *sql, br_error *err) {
  jobs_sql q = {.db = conn->db, .err = err};
  q.st = store_prepare(conn->db, sql, strlen(sql), &q.stmt, err);
  return q;
}

jobs_sql jobs_sql_of(jobs_conn *conn, const char *sql, br_error *err) {
  jobs_statement *place = NULL;
  for (size_t i = 0; place == NULL && i < JOBS_STATEMENTS_MAX; i++) {
    if (conn->kept[i].sql == sql || conn->kept[i].sql == NULL) {
      place = &conn->kept[i];
    }
  }
  if (place == NULL || place->in_use) {
    return jobs_sql_once(conn, sql, err);
  }
  jobs_sql q = {.db = conn->db, .stmt = place->stmt, .err = err};
  if (place->stmt == NULL) {
    q = jobs_sql_once(conn, sql, err);
    place->stmt = q.stmt;
  }
  if (q.st == BR_OK) {
    place->sql = sql;
    place->in_use = true;
    q.kept = place;
  }
  return q;
}

static void check_bind(jobs_sql *q, int code) {
  if (code != SQLITE_OK) {
    q->st = store_error(q->db, "Job store", q->err);
  }
}

void jobs_sql_text(jobs_sql *q, const char *text) {
  if (q->st == BR_OK) {
    check_bind(q, sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_STATIC));
  }
}

void jobs_sql_i64(jobs_sql *q, int64_t value) {
  if (q->st == BR_OK) {
    check_bind(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
  }
}

br_status jobs_sql_step(jobs_sql *q) {
  bool row = false;
  if (q->st == BR_OK) {
    q->st = store_step(q->db, q->stmt, &row, q->err);
  }
  if (q->st != BR_OK) {
    return q->st;
  }
  return row ? BR_OK : BR_DONE;
}

char *jobs_sql_take_text(jobs_sql *q, int column) {
  const char *text = (const char *)sqlite3_column_text(q->stmt, column);
  if (text == NULL) {
    if (sqlite3_column_type(q->stmt, column) != SQLITE_NULL) {
      q->st = br_error_nomem(q->err);
    }
    return NULL;
  }
  char *copy = br_strdup(text);
  if (copy == NULL) {
    q->st = br_error_nomem(q->err);
  }
  return copy;
}

void jobs_sql_end(jobs_sql *q) {
  if (q->kept != NULL) {
    (void)sqlite3_reset(q->stmt); /* repeats the step's error, which has been told */
    (void)sqlite3_clear_bindings(q->stmt);
    q->kept->in_use = false;
    q->kept = NULL;
  } else {
    (void)sqlite3_finalize(q->stmt);
  }
  q->stmt = NULL;
}

br_status jobs_sql_run(jobs_sql *q) {
  br_status st = BR_OK;
  do {
    st = jobs_sql_step(q);
  } while (st == BR_OK);
  jobs_sql_end(q);
  return st == BR_DONE ? BR_OK : st;
}

br_status jobs_write_begin(jobs *store, br_error *err) {
  (void)pthread_mutex_lock(&store->own.lock);
  br_status st = store_exec(store->own.db, "BEGIN IMMEDIATE", err);
  if (st != BR_OK) {
    (void)pthread_mutex_unlock(&store->own.lock);
  }
  return st;
}

br_status jobs_write_end(jobs *store, br_status st, br_error *err) {
  if (st == BR_OK) {
    st = store_exec(store->own.db, "COMMIT", err);
  }
  if (st != BR_OK) {
    (void)sqlite3_exec(store->own.db, "ROLLBACK", NULL, NULL, NULL);
  }
  (void)pthread_mutex_unlock(&store->own.lock);
  return st;
}

br_status jobs_clean_error(const char *text, char **ret_text, br_error *err) {
  if (text == NULL) {
    *ret_text = NULL;
    return BR_OK;
  }
  char *copy = br_strdup(text);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  br_secret_redact(copy);
  size_t length = 0;
  size_t left = strlen(copy);
  while (left > 0) { /* whole characters, as many as fit; others become a question mark */
    size_t n = br_utf8_char_length(copy + length, left);
    if (n == 0) {
      copy[length] = '?';
      n = 1;
    }
    if (length + n >= BR_ERROR_MESSAGE_MAX) {
      break;
    }
    length += n;
    left -= n;
  }
  copy[length] = '\0';
  *ret_text = copy;
  return BR_OK;
}
