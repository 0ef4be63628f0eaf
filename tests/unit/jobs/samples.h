/*
 * samples.h: a store in a folder of its own, and requests to fill it.
 */
#ifndef TESTS_UNIT_JOBS_SAMPLES_H
#define TESTS_UNIT_JOBS_SAMPLES_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "jobs/jobs.h"
#include "support/cmocka.h"

static char samples_folder[64];
static char samples_path[128];

static inline int samples_setup(void **state) {
  (void)state;
  (void)snprintf(samples_folder, sizeof samples_folder, "/tmp/bridge-jobs-XXXXXX");
  if (mkdtemp(samples_folder) == NULL) {
    return -1;
  }
  (void)snprintf(samples_path, sizeof samples_path, "%s/jobs.db", samples_folder);
  return 0;
}

static inline int samples_teardown(void **state) {
  (void)state;
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf %s", samples_folder);
  return system(command);
}

static inline jobs *samples_open(void) {
  jobs *store = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = jobs_open(samples_path, &store, &err);
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  assert_int_equal(st, BR_OK);
  return store;
}

static const char *const samples_queries[] = {"airports", "flights", "weather"};

static inline job_request samples_request(const char *server) {
  return (job_request){.server = server,
                       .country = "Northland",
                       .destination = "/Volumes/a/b/c",
                       .queries = samples_queries,
                       .query_count = 3,
                       .options = "{\"overwrite\":true}",
                       .user_name = "reporting",
                       .asked = "{\"country\":\"Northland\"}"};
}

static inline void samples_create(jobs *store, const char *server, char *id) {
  job_request request = samples_request(server);
  bool existed = true;
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_false(existed);
}

static inline job samples_get(jobs *store, const char *id) {
  job j = {.status = JOB_PENDING};
  assert_int_equal(jobs_get(store, id, &j, NULL), BR_OK);
  return j;
}

static inline job_status samples_status(jobs *store, const char *id) {
  job j = samples_get(store, id);
  job_status status = j.status;
  job_done(&j);
  return status;
}

static inline br_status samples_run_query(jobs *store, const char *id, size_t position,
                                          job_status status) {
  job_query_result result = {.status = status,
                             .rows_extracted = 10,
                             .files_created = 1,
                             .duration_ms = 5,
                             .error = status == JOB_FAILED ? "Invalid object name" : NULL};
  br_status st = jobs_query_start(store, id, position, NULL);
  return st == BR_OK ? jobs_query_finish(store, id, position, &result, NULL) : st;
}

#endif
