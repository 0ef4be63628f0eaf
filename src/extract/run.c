#include "extract/run.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/sys.h"
#include "extract/publish.h"
#include "extract/source.h"
#include "extract/spool.h"
#include "flow/sink_parquet.h"

enum {
  TICK_MS = 200,
  RING_BATCHES = 3,
  SMALLEST_BATCH = 256 * 1024,
  LARGEST_BATCH = 4 * 1024 * 1024,
  MOST_WORKERS = 64,
  METADATA_PAIRS = 9,
  RETRY_BASE_MS = 1000, /* before the second attempt; doubles */
};

typedef struct runner {
  extract_request *request;
  char run[64];
  extract_spool spool; /* where the request names a folder */
  atomic_uint missing; /* folders above those of the queries */
  atomic_size_t next;  /* query to be taken */
  atomic_size_t ended;
} runner;

const char *extract_state_name(extract_state state) {
  static const char *const names[] = {"waiting", "running", "completed",
                                      "skipped", "failed",  "cancelled"};
  return names[state];
}

char *extract_server_label(const tds_options *server, bool sandbox) {
  return sandbox ? br_strdup("sandbox") : br_asprintf("%s:%u", server->host, server->port);
}

/* "20130101T050000Z-1a2b3c4d": sorts by time, and is no other run's. */
static br_status make_run_id(char *text, size_t size, br_error *err) {
  uint8_t random[4];
  br_status st = br_random(random, sizeof random, err);
  if (st != BR_OK) {
    return st;
  }
  char now[BR_CLOCK_TEXT_MAX];
  br_clock_format_ms(br_clock_wall_us(), now);
  (void)snprintf(text, size, "%.4s%.2s%.2sT%.2s%.2s%.2sZ-%02x%02x%02x%02x", now, now + 5, now + 8,
                 now + 11, now + 14, now + 17, random[0], random[1], random[2], random[3]);
  return BR_OK;
}

/* A query's spool folder: beside a local result, else the run's. */
static br_status make_spool(const runner *r, extract_place *place, const char *folder,
                            const extract_query *query, char **ret_folder, br_error *err) {
  char *path = NULL;
  br_status st = BR_OK;
  if (r->request->spool_folder == NULL) {
    st = extract_place_spool_hint(place, folder, &path, err);
  } else {
    path = extract_spool_path(&r->spool, query->name);
    st = path == NULL ? br_error_nomem(err) : BR_OK;
  }
  st = st == BR_OK ? extract_spool_make(path, err) : st;
  if (st != BR_OK) {
    br_free(path);
    return st;
  }
  *ret_folder = path;
  return BR_OK;
}

/* ---- one query ---- */

/* What a worker holds while it works on a query. */
typedef struct job {
  runner *r;
  extract_query *query;
  extract_origin origin;
  char *folder; /* below the destination */
  char *spool;
  extract_place *place;
  extract_publisher *publisher;
  extract_source *source;
  flow_parquet_sink *sink;
  bool passing; /* it failed for a reason that may not come again */
  /* The sink's metadata: names and values, NULL behind the last, and two values' text. */
  const char *metadata[METADATA_PAIRS * 2 + 1];
  br_buf parameters;
  char limit[24];
} job;

static br_status describe_origin(job *j, br_error *err) {
  const extract_request *request = j->r->request;
  j->origin = (extract_origin){
      .run = j->r->run,
      .query = j->query->name,
      .country = request->country,
      .parameters = j->query->parameters,
      .parameter_count = j->query->parameter_count,
      .row_limit = request->row_limit,
      .types = request->server.types,
      .server = request->server_label,
      .database = request->database_label,
      .sandbox = request->sandbox,
  };
  br_status st = br_sha256_hex(j->query->sql, strlen(j->query->sql), j->origin.query_sha256, err);
  if (st == BR_OK) {
    j->folder = br_asprintf("%s/%s", request->country, j->query->name);
    st = j->folder == NULL ? br_error_nomem(err) : BR_OK;
  }
  return st;
}

/* A query's part of the memory: the ring of batches, and for the rest pages that wait for their row
 * group's end. */
static size_t share_of(const extract_request *request) {
  return request->memory / request->parallel;
}

static size_t batch_bytes_of(const extract_request *request) {
  size_t bytes = share_of(request) / 16;
  bytes = bytes < SMALLEST_BATCH ? SMALLEST_BATCH : bytes;
  return bytes > LARGEST_BATCH ? LARGEST_BATCH : bytes;
}

static size_t ring_bytes(const extract_request *request) {
  size_t bytes = (RING_BATCHES + 1) * batch_bytes_of(request);
  return bytes > share_of(request) / 2 ? share_of(request) / 2 : bytes;
}

static br_status open_sink(job *j, br_error *err) {
  const extract_request *request = j->r->request;
  flow_parquet_options options = {
      .folder = j->spool,
      .stem = j->query->name,
      .max_rows = request->chunk_rows,
      /* With a row count per file asked for, only the hard ceiling of a file's size is left. */
      .max_bytes = request->chunk_rows != 0 ? BR_LIMIT_RESULT_FILE : 0,
      .writer = {.codec = PARQUET_ZSTD, .memory = share_of(request) - ring_bytes(request)},
      .metadata = j->metadata,
      .on_part = extract_publish_part,
      .on_part_context = j->publisher,
      .progress = &j->query->progress,
  };
  return flow_parquet_sink_new(&options, &j->sink, err);
}

static br_status pump_rows(job *j, br_error *err) {
  const extract_request *request = j->r->request;
  flow_options options = {
      .batches = RING_BATCHES,
      .batch_bytes = batch_bytes_of(request),
      .row_boundary = request->chunk_rows,
      .row_limit = request->row_limit,
      .progress = &j->query->progress,
      .cancel = j->query->stop,
  };
  flow_source source = extract_source_as_source(j->source);
  flow_sink sink = flow_parquet_sink_as_sink(j->sink);
  return flow_pump(&source, &sink, &options, &j->query->rows, err);
}

/* What a file says of itself. */
static br_status describe_files(job *j, br_error *err) {
  const extract_origin *origin = &j->origin;
  br_status st = extract_origin_parameters(origin, &j->parameters, err);
  const char *parameters = st == BR_OK ? br_buf_cstr(&j->parameters) : NULL;
  if (parameters == NULL) {
    return st == BR_OK ? br_error_nomem(err) : st;
  }
  if (origin->row_limit != 0) {
    (void)snprintf(j->limit, sizeof j->limit, "%" PRIu64, origin->row_limit);
  }
  const char *const pairs[METADATA_PAIRS][2] = {
      {"bridge.query", origin->query},
      {"bridge.query_sha256", origin->query_sha256},
      {"bridge.parameters", parameters},
      {"bridge.country", origin->country},
      {"bridge.server", origin->server},
      {"bridge.database", origin->database},
      {"bridge.run", origin->run},
      {"bridge.row_limit", origin->row_limit != 0 ? j->limit : NULL},
      {"bridge.sandbox", origin->sandbox ? "true" : NULL},
  };
  size_t count = 0;
  for (size_t i = 0; i < METADATA_PAIRS; i++) {
    if (pairs[i][1] != NULL) {
      j->metadata[count++] = pairs[i][0];
      j->metadata[count++] = pairs[i][1];
    }
  }
  return BR_OK;
}

static br_status open_source(job *j, br_error *err) {
  br_status st = extract_source_open(&j->r->request->server, j->query->sql, j->r->request->plan,
                                     j->query->stop, &j->source, err);
  j->passing = st != BR_OK && extract_is_passing(err);
  return st;
}

static br_status move_rows(job *j, br_error *err) {
  br_status st = make_spool(j->r, j->place, j->folder, j->query, &j->spool, err);
  if (st == BR_OK) {
    st = open_source(j, err);
  }
  if (st == BR_OK) {
    st = describe_files(j, err);
  }
  if (st == BR_OK) {
    st = open_sink(j, err);
  }
  if (st == BR_OK) {
    st = pump_rows(j, err);
    j->passing = st != BR_OK && extract_source_lost(j->source);
  }
  if (st == BR_OK) {
    j->query->lossy_values = extract_source_lossy_values(j->source);
    st = extract_publish_finish(j->publisher, extract_source_schema(j->source),
                                j->query->lossy_values, &j->query->files, err);
  }
  return st;
}

/* BR_DONE: skipped. */
static br_status extract_one(job *j, br_error *err) {
  const extract_request *request = j->r->request;
  br_status st = describe_origin(j, err);
  if (st == BR_OK) {
    st = extract_place_open(request->destination, request->client, &j->r->spool, j->query->stop,
                            &j->place, err);
  }
  if (st == BR_OK) {
    extract_place_set_guard(j->place, request->guard);
    extract_place_share_missing(j->place, &j->r->missing);
    extract_publish_options options = {.place = j->place,
                                       .origin = &j->origin,
                                       .folder = j->folder,
                                       .overwrite = request->overwrite};
    st = extract_publish_begin(&options, &j->publisher, &j->query->files, err);
  }
  for (size_t i = 0; st == BR_DONE && i < j->query->files.count; i++) {
    j->query->rows += j->query->files.items[i].rows;
  }
  if (st == BR_OK) {
    j->query->rows_before = extract_publish_rows_before(j->publisher);
    st = move_rows(j, err);
  }
  return st;
}

/* Describes the columns, and finds what else the server would say of the batch. */
static br_status plan_one(job *j, br_error *err) {
  br_status st = open_source(j, err);
  if (st == BR_OK) {
    st = extract_source_check_end(j->source, err);
  }
  if (st == BR_ERR_REMOTE && strchr(j->query->sql, '#') != NULL) {
    return br_error_append(err, st, " (--plan runs nothing, so temporary tables are not there)");
  }
  if (st == BR_ERR_USAGE && j->source != NULL) {
    return br_error_append(err, st, " (--plan sees every branch of an IF)");
  }
  return st == BR_OK ? batch_schema_copy(extract_source_schema(j->source), &j->query->schema, err)
                     : st;
}

static void job_done(job *j) {
  flow_parquet_sink_free(j->sink);
  extract_publish_end(j->publisher);
  extract_source_close(j->source);
  if (j->spool != NULL) {
    extract_spool_remove(j->spool); /* while the place is locked: the next run has its own there */
  }
  extract_place_close(j->place);
  br_free(j->spool);
  br_free(j->folder);
  br_buf_done(&j->parameters);
}

static extract_state state_of(const runner *r, br_status st) {
  if (st == BR_OK) {
    return EXTRACT_COMPLETED;
  }
  if (st == BR_DONE) {
    return EXTRACT_SKIPPED;
  }
  return br_cancel_requested(r->request->cancel) ? EXTRACT_CANCELLED : EXTRACT_FAILED;
}

static br_status attempt(runner *r, extract_query *query, bool *ret_passing) {
  job j = {.r = r, .query = query};
  br_buf_init(&j.parameters, BR_LIMIT_HTTP_BODY);
  br_status st = r->request->plan ? plan_one(&j, &query->error) : extract_one(&j, &query->error);
  *ret_passing = st != BR_OK && j.passing;
  br_secret_redact(query->error.message); /* a server may repeat what a query held */
  job_done(&j);
  return st;
}

/* Keeps the failure for those who watch, forgets the rest of the attempt, and waits: 1 s, then 2,
 * and up to half as long again, so that queries that hindered each other don't meet again. */
static br_status wait_for_next_attempt(extract_query *query, unsigned failed) {
  query->failed[failed] = query->error;
  br_error_clear(&query->error);
  query->progress.rows = 0;
  query->progress.batch_bytes = 0;
  query->progress.written_bytes = 0;
  query->retries = failed + 1;
  uint64_t delay = (uint64_t)RETRY_BASE_MS << failed;
  uint16_t random = 0;
  br_status st = br_random(&random, sizeof random, &query->error);
  if (st == BR_OK) {
    st = br_cancel_sleep_ms(query->stop, delay + delay / 2 * random / UINT16_MAX, &query->error);
  }
  return st;
}

static br_status run_attempts(runner *r, extract_query *query) {
  br_status st = br_cancel_check(r->request->cancel, &query->error);
  for (unsigned failed = 0; st == BR_OK; failed++) {
    bool passing = false;
    st = attempt(r, query, &passing);
    bool again = passing && failed + 1 < EXTRACT_ATTEMPTS && !br_cancel_requested(query->stop);
    if (!again) {
      return st;
    }
    st = wait_for_next_attempt(query, failed);
  }
  return st;
}

static void run_query(runner *r, extract_query *query) {
  uint64_t begin = br_clock_monotonic_ms();
  query->state = EXTRACT_RUNNING;
  br_status st = run_attempts(r, query);
  query->duration_ms = br_clock_monotonic_ms() - begin;
  query->state = (int)state_of(r, st);
}

static void *worker_main(void *context) {
  runner *r = context;
  for (;;) {
    size_t i = atomic_fetch_add(&r->next, 1);
    if (i >= r->request->query_count) {
      return NULL;
    }
    run_query(r, &r->request->queries[i]);
    atomic_fetch_add(&r->ended, 1);
  }
}

/* ---- all queries ---- */

static void stop_all(const extract_request *request) {
  for (size_t i = 0; i < request->query_count; i++) {
    br_cancel_request(request->queries[i].stop);
  }
}

/* Until all queries have ended: ticks, and passes a cancel on to every query. */
static void watch(runner *r) {
  bool stopped = false;
  while (atomic_load(&r->ended) < r->request->query_count) {
    if (r->request->on_tick != NULL) {
      r->request->on_tick(r->request->on_tick_context, r->request);
    }
    br_status st = stopped ? br_cancel_sleep_ms(NULL, TICK_MS, NULL)
                           : br_cancel_sleep_ms(r->request->cancel, TICK_MS / 4, NULL);
    if (st == BR_ERR_CANCELLED) {
      stop_all(r->request);
      stopped = true;
    }
  }
  if (r->request->on_tick != NULL) {
    r->request->on_tick(r->request->on_tick_context, r->request);
  }
}

static br_status make_stops(const extract_request *request, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < request->query_count; i++) {
    st = br_cancel_new(&request->queries[i].stop, err);
  }
  return st;
}

static br_status first_failure(const extract_request *request) {
  for (size_t i = 0; i < request->query_count; i++) {
    extract_state state = (extract_state)request->queries[i].state;
    if (state == EXTRACT_FAILED || state == EXTRACT_CANCELLED) {
      return request->queries[i].error.status;
    }
  }
  return BR_OK;
}

/* Starts the workers, watches them, and waits for their end. */
static br_status run_workers(runner *r, br_error *err) {
  pthread_t workers[MOST_WORKERS];
  size_t started = 0;
  for (; started < r->request->parallel; started++) {
    int failed = pthread_create(&workers[started], NULL, worker_main, r);
    if (failed != 0 && started == 0) {
      return br_error_errno(err, failed, "A thread can't be started");
    }
    if (failed != 0) {
      break; /* fewer will do */
    }
  }
  watch(r);
  for (size_t i = 0; i < started; i++) {
    (void)pthread_join(workers[i], NULL);
  }
  return first_failure(r->request);
}

br_status extract_run(extract_request *request, br_error *err) {
  runner r = {.request = request, .spool = EXTRACT_SPOOL_INIT};
  br_status st = make_run_id(r.run, sizeof r.run, err);
  if (st == BR_OK) {
    st = make_stops(request, err);
  }
  if (st == BR_OK && request->spool_folder != NULL) {
    st = extract_spool_open(&r.spool, request->spool_folder, r.run, err);
  }
  /* The memory is shared by as many as really run. */
  if (request->parallel > request->query_count) {
    request->parallel = request->query_count;
  }
  if (request->parallel > MOST_WORKERS) {
    request->parallel = MOST_WORKERS;
  }
  if (st == BR_OK) {
    st = run_workers(&r, err);
  }
  extract_spool_close(&r.spool);
  return st;
}

void extract_queries_done(extract_query *queries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    extract_files_done(&queries[i].files);
    batch_schema_free(queries[i].schema);
    br_cancel_free(queries[i].stop);
  }
}
