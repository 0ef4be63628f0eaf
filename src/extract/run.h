/*
 * run.h: the queries of one extraction, several at a time, each from SQL Server through Parquet
 * files into its result folder.
 *
 *   worker ─┬─ query a:  publish_begin ▶ source ▶ pump ▶ parquet sink ▶ publish_finish
 *   worker ─┴─ query b:  …
 *
 * A failing query does not stop the others. A query that the server gave up for a passing reason
 * (deadlock, fail-over, throttling, a lost connection) begins anew, EXTRACT_ATTEMPTS times in all:
 * nothing is lost by it, because the result is switched at the end only. A server that can't be
 * reached, and a query that takes too long, are told at once.
 *
 * The caller's thread only watches: on_tick is called a few times a second with the state of every
 * query.
 */
#ifndef EXTRACT_RUN_H
#define EXTRACT_RUN_H

#include "extract/manifest.h"
#include "extract/place.h"
#include "flow/flow.h"
#include "parquet/parquet.h"
#include "tds/tds.h"

typedef enum extract_state {
  EXTRACT_WAITING,
  EXTRACT_RUNNING,
  EXTRACT_COMPLETED,
  EXTRACT_SKIPPED, /* a complete result of the same origin was there */
  EXTRACT_FAILED,
  EXTRACT_CANCELLED,
} extract_state;

enum { EXTRACT_ATTEMPTS = 3 };

const char *extract_state_name(extract_state state); /* "completed" */

/* A query and, after the run, what became of it. Fill the first part; zero the rest. */
typedef struct extract_query {
  const char *name; /* borrowed, as are the next three */
  const char *sql;  /* expanded */
  const extract_pair *parameters;
  size_t parameter_count;
  /* Results. `state` and `progress` may be read from any thread while it runs, the rest afterwards.
   */
  _Atomic int state; /* extract_state */
  flow_progress progress;
  _Atomic uint64_t rows_before; /* of the result that this one replaces; 0 = not known */
  /* Attempts that failed and were followed by another; so many of failed[] may be read from any
   * thread as well. */
  _Atomic unsigned retries;
  br_error failed[EXTRACT_ATTEMPTS - 1];
  uint64_t rows; /* of the result; where it was skipped, of the one that is kept */
  uint64_t lossy_values;
  extract_files files; /* likewise */
  uint64_t duration_ms;
  batch_schema *schema; /* plan only */
  br_error error;
  br_cancel *stop;
} extract_query;

typedef struct extract_request {
  extract_query *queries;
  size_t query_count;
  const char *country;
  const char *destination;
  tds_options server;                        /* of every connection */
  const char *server_label, *database_label; /* for the manifest */
  bool sandbox;
  dbx_client *client;         /* volumes; NULL otherwise */
  const char *spool_folder;   /* exists; NULL: beside the result where that is a local folder */
  const br_file_guard *guard; /* which files below a local destination may be used; NULL: all */
  bool overwrite;
  bool plan;           /* describe only */
  uint64_t chunk_rows; /* rows per file; 0: files of about 256 MiB */
  uint64_t row_limit;  /* 0 = all */
  size_t parallel;     /* >= 1 */
  size_t memory;       /* bytes, for all queries together */
  br_cancel *cancel;
  void (*on_tick)(void *context, const struct extract_request *request);
  void *on_tick_context;
} extract_request;

/* "host:port" for the manifest; the caller frees. NULL: no memory. */
char *extract_server_label(const tds_options *server, bool sandbox);
/* Runs or plans all queries. BR_OK where all went well; otherwise the first failure's status, with
 * every query's own error in place. Failing to start at all (threads, run id) is the only thing err
 * tells. */
br_status extract_run(extract_request *request, br_error *err) BR_CHECKED;
/* Frees what the run put into the queries (not the array). */
void extract_queries_done(extract_query *queries, size_t count);

#endif
