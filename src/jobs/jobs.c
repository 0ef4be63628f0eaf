/* Opening the store; creating, reading and listing jobs. */
#include "jobs/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "jobs/internal.h"

/* seq is the order of creation and is never used twice. The index of states covers what a list's
 * offset and the search for a job to run step over. */
static const char *const steps[] = {
    "CREATE TABLE job("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " status INTEGER NOT NULL,"
    " cancel_requested INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " server TEXT NOT NULL,"
    " country TEXT NOT NULL,"
    " destination TEXT NOT NULL,"
    " options TEXT NOT NULL,"
    " user_name TEXT,"
    " idempotency_key TEXT,"
    " request_sha256 TEXT NOT NULL,"
    " error TEXT,"
    " created_us INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL DEFAULT 0,"
    " completed_us INTEGER NOT NULL DEFAULT 0,"
    " queries_total INTEGER NOT NULL,"
    " queries_completed INTEGER NOT NULL DEFAULT 0,"
    " queries_failed INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX job_by_status ON job(status, seq, server);"
    "CREATE UNIQUE INDEX job_by_key ON job(ifnull(user_name,''), idempotency_key)"
    " WHERE idempotency_key IS NOT NULL;"
    "CREATE INDEX job_by_end ON job(completed_us) WHERE completed_us > 0;"
    "CREATE TABLE job_query("
    " job_seq INTEGER NOT NULL REFERENCES job(seq) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " status INTEGER NOT NULL,"
    " rows_extracted INTEGER NOT NULL DEFAULT 0,"
    " files_created INTEGER NOT NULL DEFAULT 0,"
    " duration_ms INTEGER NOT NULL DEFAULT 0,"
    " error TEXT,"
    " PRIMARY KEY(job_seq, position)) WITHOUT ROWID;",
    "CREATE INDEX job_by_user ON job(user_name, seq, status);",
    /* A list's offset steps over short entries, not over whole rows; and whoever asks how many
     * there are need not count. */
    "CREATE INDEX job_in_order ON job(seq);"
    "CREATE TABLE job_count(status INTEGER PRIMARY KEY, count INTEGER NOT NULL);"
    "INSERT INTO job_count SELECT column1,(SELECT count(*) FROM job WHERE status=column1)"
    " FROM (VALUES(0),(1),(2),(3),(4));"
    "CREATE TRIGGER job_count_more AFTER INSERT ON job BEGIN"
    " UPDATE job_count SET count=count+1 WHERE status=new.status; END;"
    "CREATE TRIGGER job_count_less AFTER DELETE ON job BEGIN"
    " UPDATE job_count SET count=count-1 WHERE status=old.status; END;"
    "CREATE TRIGGER job_count_other AFTER UPDATE OF status ON job BEGIN"
    " UPDATE job_count SET count=count-1 WHERE status=old.status;"
    " UPDATE job_count SET count=count+1 WHERE status=new.status; END;",
    "ALTER TABLE job ADD COLUMN rows_extracted INTEGER NOT NULL DEFAULT 0;"
    "UPDATE job SET rows_extracted=(SELECT ifnull(sum(rows_extracted),0) FROM job_query"
    " WHERE job_seq=seq);"
    "CREATE INDEX job_by_destination ON job(destination, country, seq);",
    /* Hashes of something else than what was asked for: empty, they are told from new ones. */
    "UPDATE job SET request_sha256='' WHERE idempotency_key IS NOT NULL;",
};

static const char *const status_names[JOB_STATUS_COUNT] = {
    [JOB_PENDING] = "pending", [JOB_RUNNING] = "running",     [JOB_COMPLETED] = "completed",
    [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};

const char *job_status_name(job_status status) {
  return status_names[status];
}

bool job_status_of(const char *name, job_status *ret_status) {
  for (int i = 0; i < JOB_STATUS_COUNT; i++) {
    if (strcmp(name, status_names[i]) == 0) {
      *ret_status = (job_status)i;
      return true;
    }
  }
  return false;
}

bool job_status_ended(job_status status) {
  return status >= JOB_COMPLETED;
}

/* One process per file: the lock goes with the process, however it ends. */
static br_status lock_file(const char *path, int *ret_fd, br_error *err) {
  char *name = br_asprintf("%s.lock", path);
  if (name == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  int fd = br_sys.open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    st = br_error_errno(err, errno, "Can't open %s", name);
  } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    st = errno == EWOULDBLOCK
             ? br_error_set(err, BR_ERR_CONFLICT, "Another process uses the job store %s", path)
             : br_error_errno(err, errno, "Can't lock %s", name);
    (void)br_sys.close(fd);
  }
  br_free(name);
  if (st == BR_OK) {
    *ret_fd = fd;
  }
  return st;
}

/* A second connection, on which whoever looks doesn't wait while a change reaches the disk. In
 * memory there is only the one. */
static br_status open_reader(jobs *store, const char *path, br_error *err) {
  store->reading = &store->own;
  if (strcmp(path, ":memory:") == 0) {
    return BR_OK;
  }
  br_status st = store_open(path, &store->reader.db, err);
  if (st == BR_OK) {
    store->reading = &store->reader;
    st = store_exec(store->reader.db, "PRAGMA query_only=ON", err);
  }
  return st;
}

static br_status open_store(jobs *store, const char *path, br_error *err) {
  br_status st = BR_OK;
  if (strcmp(path, ":memory:") != 0) {
    st = lock_file(path, &store->lock_fd, err);
  }
  if (st == BR_OK) {
    st = store_open(path, &store->own.db, err);
  }
  /* An accepted job must outlive a power cut too. */
  if (st == BR_OK) {
    st = store_exec(store->own.db, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON", err);
  }
  if (st == BR_OK) {
    st = store_migrate(store->own.db, steps, sizeof steps / sizeof steps[0], err);
  }
  return st == BR_OK ? open_reader(store, path, err) : st;
}

br_status jobs_open(const char *path, jobs **ret_jobs, br_error *err) {
  jobs *store = br_calloc(1, sizeof *store);
  if (store == NULL) {
    return br_error_nomem(err);
  }
  store->lock_fd = -1;
  (void)pthread_mutex_init(&store->own.lock, NULL);
  (void)pthread_mutex_init(&store->reader.lock, NULL);
  br_status st = open_store(store, path, err);
  if (st != BR_OK) {
    jobs_close(store);
    return br_error_context(err, st, "Job store");
  }
  *ret_jobs = store;
  return BR_OK;
}

void jobs_close(jobs *store) {
  if (store == NULL) {
    return;
  }
  store_close(store->reader.db);
  store_close(store->own.db);
  if (store->lock_fd >= 0) {
    (void)br_sys.close(store->lock_fd);
  }
  (void)pthread_mutex_destroy(&store->own.lock);
  (void)pthread_mutex_destroy(&store->reader.lock);
  br_free(store);
}

/* BR_DONE: the key is new. With the connection's lock held. */
static br_status find_key(jobs_conn *conn, const char *user_name, const char *key, const char *hash,
                          char *id, bool *ret_unsure, br_error *err) {
  jobs_sql q = jobs_sql_of(conn,
                           "SELECT id,request_sha256 FROM job"
                           " WHERE ifnull(user_name,'')=ifnull(?,'') AND idempotency_key=?",
                           err);
  jobs_sql_text(&q, user_name);
  jobs_sql_text(&q, key);
  br_status st = jobs_sql_step(&q);
  if (st == BR_OK) {
    const char *found = (const char *)sqlite3_column_text(q.stmt, 0);
    const char *found_hash = (const char *)sqlite3_column_text(q.stmt, 1);
    if (found == NULL || found_hash == NULL) {
      st = br_error_nomem(err);
    } else if (found_hash[0] != '\0' && strcmp(found_hash, hash) != 0) {
      st = br_error_set(err, BR_ERR_CONFLICT,
                        "The idempotency key was used for another request, job %s", found);
    } else {
      (void)snprintf(id, BR_UUID_MAX, "%s", found);
      *ret_unsure = found_hash[0] == '\0';
    }
  }
  jobs_sql_end(&q);
  return st;
}

static br_status insert_job(jobs *store, const job_request *r, const char *hash, const char *id,
                            br_error *err) {
  jobs_sql q = jobs_sql_of(&store->own,
                           "INSERT INTO job(id,status,server,country,destination,options,user_name,"
                           "idempotency_key,request_sha256,created_us,queries_total)"
                           " VALUES(?,0,?,?,?,?,?,?,?,?,?)",
                           err);
  const char *const texts[] = {id,         r->server,    r->country,         r->destination,
                               r->options, r->user_name, r->idempotency_key, hash};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    jobs_sql_text(&q, texts[i]);
  }
  jobs_sql_i64(&q, br_clock_wall_us());
  jobs_sql_i64(&q, (int64_t)r->query_count);
  br_status st = jobs_sql_run(&q);
  int64_t seq = sqlite3_last_insert_rowid(store->own.db);
  for (size_t i = 0; st == BR_OK && i < r->query_count; i++) {
    q = jobs_sql_of(&store->own,
                    "INSERT INTO job_query(job_seq,position,name,status) VALUES(?,?,?,0)", err);
    jobs_sql_i64(&q, seq);
    jobs_sql_i64(&q, (int64_t)i);
    jobs_sql_text(&q, r->queries[i]);
    st = jobs_sql_run(&q);
  }
  return st;
}

br_status jobs_create(jobs *store, const job_request *request, char *id, bool *ret_existed,
                      br_error *err) {
  char hash[BR_SHA256_HEX_MAX] = "";
  char fresh[BR_UUID_MAX];
  bool unsure = false;
  if (request->query_count == 0) {
    return br_error_set(err, BR_ERR_USAGE, "A job needs at least one query");
  }
  br_status st = br_uuid(fresh, err);
  if (st == BR_OK && request->idempotency_key != NULL) {
    st = br_sha256_hex(request->asked, strlen(request->asked), hash, err);
  }
  if (st == BR_OK) {
    st = jobs_write_begin(store, err);
  }
  if (st != BR_OK) {
    return st;
  }
  bool existed = request->idempotency_key != NULL;
  if (existed) {
    st = find_key(&store->own, request->user_name, request->idempotency_key, hash, fresh, &unsure,
                  err);
    existed = st != BR_DONE;
  }
  if (!existed) {
    st = insert_job(store, request, hash, fresh, err);
  }
  st = jobs_write_end(store, st, err);
  if (st == BR_OK) {
    memcpy(id, fresh, sizeof fresh);
    *ret_existed = existed;
  }
  return st;
}

void job_done(job *j) {
  for (size_t i = 0; j->queries != NULL && i < j->queries_total; i++) {
    br_free(j->queries[i].name);
    br_free(j->queries[i].error);
  }
  br_free(j->queries);
  br_free(j->server);
  br_free(j->country);
  br_free(j->destination);
  br_free(j->options);
  br_free(j->user_name);
  br_free(j->error);
  *j = (job){.status = JOB_PENDING};
}

static job_status status_in(const jobs_sql *q, int column) {
  int value = sqlite3_column_int(q->stmt, column);
  return value >= 0 && value < JOB_STATUS_COUNT ? (job_status)value : JOB_FAILED;
}

br_status jobs_read_row(jobs_sql *q, int64_t *ret_seq, job *ret_job, br_error *err) {
  job j = {.status = status_in(q, 2)};
  const char *id = (const char *)sqlite3_column_text(q->stmt, 1);
  if (id == NULL) {
    return br_error_nomem(err);
  }
  (void)snprintf(j.id, sizeof j.id, "%s", id);
  int64_t seq = sqlite3_column_int64(q->stmt, 0);
  j.cancel_requested = sqlite3_column_int(q->stmt, 3) != 0;
  j.attempts = (unsigned)sqlite3_column_int(q->stmt, 4);
  char **const texts[] = {&j.server,  &j.country,   &j.destination,
                          &j.options, &j.user_name, &j.error};
  for (size_t i = 0; q->st == BR_OK && i < sizeof texts / sizeof texts[0]; i++) {
    *texts[i] = jobs_sql_take_text(q, 5 + (int)i);
  }
  j.created_us = sqlite3_column_int64(q->stmt, 11);
  j.started_us = sqlite3_column_int64(q->stmt, 12);
  j.completed_us = sqlite3_column_int64(q->stmt, 13);
  j.queries_total = (size_t)sqlite3_column_int64(q->stmt, 14);
  j.queries_completed = (size_t)sqlite3_column_int64(q->stmt, 15);
  j.queries_failed = (size_t)sqlite3_column_int64(q->stmt, 16);
  j.rows_extracted = (uint64_t)sqlite3_column_int64(q->stmt, 17);
  if (q->st != BR_OK) {
    job_done(&j);
    return q->st;
  }
  *ret_seq = seq;
  *ret_job = j;
  return BR_OK;
}

static void read_query(jobs_sql *q, job_query *query) {
  query->name = jobs_sql_take_text(q, 0);
  query->status = status_in(q, 1);
  query->rows_extracted = (uint64_t)sqlite3_column_int64(q->stmt, 2);
  query->files_created = (uint64_t)sqlite3_column_int64(q->stmt, 3);
  query->duration_ms = (uint64_t)sqlite3_column_int64(q->stmt, 4);
  query->error = jobs_sql_take_text(q, 5);
}

br_status jobs_read_queries(jobs_conn *conn, int64_t seq, job *j, br_error *err) {
  j->queries = br_calloc(j->queries_total == 0 ? 1 : j->queries_total, sizeof *j->queries);
  if (j->queries == NULL) {
    return br_error_nomem(err);
  }
  jobs_sql q = jobs_sql_of(conn,
                           "SELECT name,status,rows_extracted,files_created,duration_ms,error"
                           " FROM job_query WHERE job_seq=? ORDER BY position",
                           err);
  jobs_sql_i64(&q, seq);
  size_t count = 0;
  br_status st = BR_OK;
  while ((st = jobs_sql_step(&q)) == BR_OK && count < j->queries_total) {
    read_query(&q, &j->queries[count++]);
  }
  jobs_sql_end(&q);
  if (st == BR_OK || (st == BR_DONE && count < j->queries_total)) {
    return br_error_set(err, BR_ERR_DATA, "Job %s has another number of queries than it says",
                        j->id);
  }
  return st == BR_DONE ? BR_OK : st;
}

/* What is read until read_end() is of one moment. */
static br_status read_begin(jobs *store, br_error *err) {
  (void)pthread_mutex_lock(&store->reading->lock);
  jobs_sql q = jobs_sql_of(store->reading, "BEGIN", err);
  br_status st = jobs_sql_run(&q);
  if (st != BR_OK) {
    (void)pthread_mutex_unlock(&store->reading->lock);
  }
  return st;
}

/* Returns st. */
static br_status read_end(jobs *store, br_status st) {
  jobs_sql q = jobs_sql_of(store->reading, "COMMIT", NULL);
  if (jobs_sql_run(&q) != BR_OK) {
    (void)sqlite3_exec(store->reading->db, "ROLLBACK", NULL, NULL, NULL);
  }
  (void)pthread_mutex_unlock(&store->reading->lock);
  return st;
}

static br_status get_locked(jobs_conn *conn, const char *id, job *ret_job, br_error *err) {
  jobs_sql q = jobs_sql_of(conn, "SELECT " JOBS_COLUMNS " FROM job WHERE id=?", err);
  jobs_sql_text(&q, id);
  job found = {.status = JOB_PENDING};
  int64_t seq = 0;
  br_status st = jobs_sql_step(&q);
  if (st == BR_OK) {
    st = jobs_read_row(&q, &seq, &found, err);
  } else if (st == BR_DONE) {
    st = br_error_set(err, BR_ERR_NOT_FOUND, "Job not found: %.64s", id);
  }
  jobs_sql_end(&q);
  if (st == BR_OK) {
    st = jobs_read_queries(conn, seq, &found, err);
  }
  if (st != BR_OK) {
    job_done(&found);
    return st;
  }
  *ret_job = found;
  return BR_OK;
}

br_status jobs_get(jobs *store, const char *id, job *ret_job, br_error *err) {
  br_status st = read_begin(store, err);
  return st == BR_OK ? read_end(store, get_locked(store->reading, id, ret_job, err)) : st;
}

/* The offset steps over entries of an index, the rows are read only for what is shown. */
static br_status list_locked(jobs_conn *conn, const jobs_filter *f, job *list, size_t *ret_count,
                             br_error *err) {
#define LIST(where)                                                                                \
  "SELECT " JOBS_COLUMNS " FROM job WHERE seq IN (SELECT seq FROM job" where                       \
  " ORDER BY seq DESC LIMIT ? OFFSET ?) ORDER BY seq DESC"
  static const char *const statements[] = {LIST(""), LIST(" WHERE status=?"),
                                           LIST(" WHERE user_name=?"),
                                           LIST(" WHERE user_name=? AND status=?")};
#undef LIST
  jobs_sql q =
      jobs_sql_of(conn, statements[2 * (f->user_name != NULL) + (f->has_status ? 1 : 0)], err);
  if (f->user_name != NULL) {
    jobs_sql_text(&q, f->user_name);
  }
  if (f->has_status) {
    jobs_sql_i64(&q, (int64_t)f->status);
  }
  jobs_sql_i64(&q, (int64_t)f->limit);
  jobs_sql_i64(&q, f->offset > INT64_MAX ? INT64_MAX : (int64_t)f->offset);
  br_status st = BR_OK;
  while (*ret_count < f->limit && (st = jobs_sql_step(&q)) == BR_OK) {
    int64_t seq = 0;
    st = jobs_read_row(&q, &seq, &list[*ret_count], err);
    if (st != BR_OK) {
      break;
    }
    (*ret_count)++;
  }
  jobs_sql_end(&q);
  return st == BR_DONE ? BR_OK : st;
}

br_status jobs_list(jobs *store, const jobs_filter *filter, job **ret_list, size_t *ret_count,
                    br_error *err) {
  if (filter->limit == 0 || filter->limit > JOBS_LIST_MAX) {
    return br_error_set(err, BR_ERR_USAGE, "A list has 1 to %d jobs", (int)JOBS_LIST_MAX);
  }
  job *list = br_calloc(filter->limit, sizeof *list);
  if (list == NULL) {
    return br_error_nomem(err);
  }
  size_t count = 0;
  br_status st = read_begin(store, err);
  if (st == BR_OK) {
    st = read_end(store, list_locked(store->reading, filter, list, &count, err));
  }
  if (st != BR_OK) {
    jobs_list_free(list, count);
    return st;
  }
  *ret_list = list;
  *ret_count = count;
  return BR_OK;
}

void jobs_list_free(job *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    job_done(&list[i]);
  }
  br_free(list);
}

static br_status rows_before_locked(jobs_conn *conn, const job *j, const char *query,
                                    uint64_t *ret_rows, br_error *err) {
  jobs_sql q =
      jobs_sql_of(conn,
                  "SELECT rows_extracted FROM job_query WHERE name=? AND status=2 AND job_seq IN"
                  " (SELECT seq FROM job WHERE destination=? AND country=? AND server=?"
                  " AND seq<(SELECT seq FROM job WHERE id=?) ORDER BY seq DESC LIMIT 20)"
                  " ORDER BY job_seq DESC LIMIT 1",
                  err);
  const char *const texts[] = {query, j->destination, j->country, j->server, j->id};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    jobs_sql_text(&q, texts[i]);
  }
  br_status st = jobs_sql_step(&q);
  if (st == BR_OK) {
    *ret_rows = (uint64_t)sqlite3_column_int64(q.stmt, 0);
  }
  jobs_sql_end(&q);
  return st;
}

br_status jobs_rows_before(jobs *store, const job *j, const char *query, uint64_t *ret_rows,
                           br_error *err) {
  br_status st = read_begin(store, err);
  return st == BR_OK ? read_end(store, rows_before_locked(store->reading, j, query, ret_rows, err))
                     : st;
}

br_status jobs_count(jobs *store, uint64_t *counts, br_error *err) {
  uint64_t found[JOB_STATUS_COUNT] = {0};
  br_status st = read_begin(store, err);
  if (st != BR_OK) {
    return st;
  }
  jobs_sql q = jobs_sql_of(store->reading, "SELECT status,count FROM job_count", err);
  while ((st = jobs_sql_step(&q)) == BR_OK) {
    found[status_in(&q, 0)] += (uint64_t)sqlite3_column_int64(q.stmt, 1);
  }
  jobs_sql_end(&q);
  st = read_end(store, st);
  if (st != BR_DONE) {
    return st;
  }
  memcpy(counts, found, sizeof found);
  return BR_OK;
}

br_status jobs_find_key(jobs *store, const char *user_name, const char *key, const char *asked,
                        char *id, bool *ret_unsure, br_error *err) {
  char hash[BR_SHA256_HEX_MAX];
  br_status st = br_sha256_hex(asked, strlen(asked), hash, err);
  st = st == BR_OK ? read_begin(store, err) : st;
  return st == BR_OK
             ? read_end(store, find_key(store->reading, user_name, key, hash, id, ret_unsure, err))
             : st;
}
