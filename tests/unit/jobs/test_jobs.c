/* The store of jobs: what was accepted stays, states change only along their arrows, and lists are
 * what was asked for. */
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "jobs/internal.h"
#include "samples.h"
#include "store/store.h"
#include "support/torture.h"

static void a_job_comes_back_as_it_was_asked_for(void **state) {
  (void)state;
  char id[BR_UUID_MAX];
  jobs *store = samples_open();
  samples_create(store, "db:1433", id);
  jobs_close(store);
  store = samples_open(); /* after a restart */
  job j = samples_get(store, id);
  assert_string_equal(j.id, id);
  assert_int_equal(strlen(id), 36);
  assert_int_equal(j.status, JOB_PENDING);
  assert_string_equal(j.server, "db:1433");
  assert_string_equal(j.country, "Northland");
  assert_string_equal(j.destination, "/Volumes/a/b/c");
  assert_string_equal(j.options, "{\"overwrite\":true}");
  assert_string_equal(j.user_name, "reporting");
  assert_null(j.error);
  assert_true(j.created_us > 0);
  assert_int_equal(j.started_us, 0);
  assert_int_equal(j.completed_us, 0);
  assert_int_equal(j.queries_total, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_string_equal(j.queries[i].name, samples_queries[i]);
    assert_int_equal(j.queries[i].status, JOB_PENDING);
    assert_null(j.queries[i].error);
  }
  job_done(&j);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(jobs_get(store, "no-such-job", &j, &err), BR_ERR_NOT_FOUND);
  assert_string_equal(err.message, "Job not found: no-such-job");
  jobs_close(store);
}

static void a_job_without_queries_is_refused(void **state) {
  (void)state;
  jobs *store = samples_open();
  job_request request = samples_request("a");
  request.query_count = 0;
  char id[BR_UUID_MAX] = "untouched";
  bool existed = true;
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_ERR_USAGE);
  assert_string_equal(id, "untouched");
  jobs_close(store);
}

static void an_idempotency_key_makes_one_job(void **state) {
  (void)state;
  jobs *store = samples_open();
  job_request request = samples_request("a");
  request.idempotency_key = "key-1";
  char first[BR_UUID_MAX];
  char id[BR_UUID_MAX];
  bool existed = true;
  assert_int_equal(jobs_create(store, &request, first, &existed, NULL), BR_OK);
  assert_false(existed);
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_true(existed);
  assert_string_equal(id, first);
  /* What became of the request doesn't count, only what was asked for. */
  static const char *const more[] = {"airports", "flights", "weather", "carriers"};
  request.queries = more;
  request.query_count = 4;
  request.options = "{\"source_ip\":\"192.0.2.7\"}";
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_true(existed);
  assert_string_equal(id, first);
  request.asked = "{\"country\":\"Southland\"}";
  br_error err = BR_ERROR_INIT;
  assert_int_equal(jobs_create(store, &request, id, &existed, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, first));
  /* Another user's key is another key, nobody's too. */
  request.user_name = "other";
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_false(existed);
  request.user_name = NULL;
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_false(existed);
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_true(existed);
  jobs_close(store);
}

static void a_key_is_found_before_anything_else_is_done(void **state) {
  (void)state;
  jobs *store = samples_open();
  job_request request = samples_request("a");
  char first[BR_UUID_MAX], id[BR_UUID_MAX] = "";
  bool existed = true, unsure = true;
  assert_int_equal(
      jobs_find_key(store, request.user_name, "key-1", request.asked, id, &unsure, NULL), BR_DONE);
  request.idempotency_key = "key-1";
  assert_int_equal(jobs_create(store, &request, first, &existed, NULL), BR_OK);
  assert_int_equal(
      jobs_find_key(store, request.user_name, "key-1", request.asked, id, &unsure, NULL), BR_OK);
  assert_false(unsure);
  assert_string_equal(id, first);
  assert_int_equal(jobs_find_key(store, request.user_name, "key-1", "{}", id, &unsure, NULL),
                   BR_ERR_CONFLICT);
  assert_int_equal(jobs_find_key(store, NULL, "key-1", request.asked, id, &unsure, NULL), BR_DONE);
  assert_int_equal(
      jobs_find_key(store, request.user_name, "key-2", request.asked, id, &unsure, NULL), BR_DONE);
  jobs_close(store);
}

/* Hashes of an earlier version say nothing about what was asked for. */
static void a_key_of_an_earlier_version_is_unsure(void **state) {
  (void)state;
  jobs *store = samples_open();
  job_request request = samples_request("a");
  char first[BR_UUID_MAX], id[BR_UUID_MAX] = "";
  bool existed = true, unsure = false;
  request.idempotency_key = "key-1";
  assert_int_equal(jobs_create(store, &request, first, &existed, NULL), BR_OK);
  jobs_close(store);
  sqlite3 *db = NULL;
  assert_int_equal(store_open(samples_path, &db, NULL), BR_OK);
  assert_int_equal(
      store_exec(db, "UPDATE job SET request_sha256='0123abcd'; PRAGMA user_version=4", NULL),
      BR_OK);
  store_close(db);
  store = samples_open();
  assert_int_equal(jobs_find_key(store, request.user_name, "key-1", "{}", id, &unsure, NULL),
                   BR_OK);
  assert_true(unsure);
  assert_string_equal(id, first);
  request.asked = "{}";
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  assert_true(existed);
  assert_string_equal(id, first);
  jobs_close(store);
}

static void the_states_follow_their_arrows(void **state) {
  (void)state;
  char id[BR_UUID_MAX];
  jobs *store = samples_open();
  samples_create(store, "a", id);
  /* Nothing of a job that doesn't run begins, ends or completes. */
  assert_int_equal(jobs_query_start(store, id, 0, NULL), BR_ERR_CONFLICT);
  assert_int_equal(jobs_finish(store, id, JOB_COMPLETED, NULL, NULL), BR_ERR_CONFLICT);
  job j = {.status = JOB_PENDING};
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
  assert_string_equal(j.id, id);
  assert_int_equal(j.status, JOB_RUNNING);
  assert_int_equal(j.attempts, 1);
  assert_true(j.started_us > 0);
  assert_int_equal(j.queries_total, 3);
  assert_string_equal(j.queries[2].name, "weather");
  job_done(&j);
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_DONE);
  assert_int_equal(samples_run_query(store, id, 0, JOB_COMPLETED), BR_OK);
  assert_int_equal(samples_run_query(store, id, 0, JOB_COMPLETED), BR_ERR_CONFLICT);
  assert_int_equal(samples_run_query(store, id, 3, JOB_COMPLETED), BR_ERR_CONFLICT);
  assert_int_equal(samples_run_query(store, id, 1, JOB_FAILED), BR_OK);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(jobs_finish(store, id, JOB_COMPLETED, NULL, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, "is running and can't be completed"));
  assert_int_equal(jobs_finish(store, id, JOB_RUNNING, NULL, NULL), BR_ERR_INTERNAL);
  assert_int_equal(jobs_finish(store, id, JOB_FAILED, "1 of 3 queries failed", NULL), BR_OK);
  assert_int_equal(jobs_finish(store, id, JOB_FAILED, "again", NULL), BR_ERR_CONFLICT);
  j = samples_get(store, id);
  assert_int_equal(j.status, JOB_FAILED);
  assert_string_equal(j.error, "1 of 3 queries failed");
  assert_true(j.completed_us >= j.started_us);
  assert_int_equal(j.queries_completed, 1);
  assert_int_equal(j.queries_failed, 1);
  assert_int_equal(j.queries[0].status, JOB_COMPLETED);
  assert_int_equal(j.queries[0].rows_extracted, 10);
  assert_int_equal(j.queries[0].files_created, 1);
  assert_int_equal(j.queries[0].duration_ms, 5);
  assert_string_equal(j.queries[1].error, "Invalid object name");
  assert_int_equal(j.queries[2].status, JOB_CANCELLED);
  job_done(&j);
  jobs_close(store);
}

static void a_job_is_completed_once_all_its_queries_are(void **state) {
  (void)state;
  char id[BR_UUID_MAX];
  jobs *store = samples_open();
  samples_create(store, "a", id);
  job j = {.status = JOB_PENDING};
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
  job_done(&j);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(jobs_finish(store, id, JOB_COMPLETED, NULL, NULL), BR_ERR_CONFLICT);
    assert_int_equal(samples_run_query(store, id, i, JOB_COMPLETED), BR_OK);
  }
  assert_int_equal(jobs_finish(store, id, JOB_COMPLETED, NULL, NULL), BR_OK);
  assert_int_equal(samples_status(store, id), JOB_COMPLETED);
  jobs_close(store);
}

static void cancelling_depends_on_the_state(void **state) {
  (void)state;
  char id[BR_UUID_MAX];
  bool running = true;
  jobs *store = samples_open();
  samples_create(store, "a", id);
  assert_int_equal(jobs_cancel(store, id, &running, NULL), BR_OK);
  assert_false(running);
  job j = samples_get(store, id);
  assert_int_equal(j.status, JOB_CANCELLED);
  assert_int_equal(j.queries[0].status, JOB_CANCELLED);
  job_done(&j);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(jobs_cancel(store, id, &running, &err), BR_ERR_CONFLICT);
  assert_non_null(strstr(err.message, "is cancelled and can't be cancelled"));
  assert_int_equal(jobs_cancel(store, "x", &running, NULL), BR_ERR_NOT_FOUND);
  samples_create(store, "a", id);
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
  job_done(&j);
  assert_int_equal(jobs_cancel(store, id, &running, NULL), BR_OK);
  assert_true(running);
  j = samples_get(store, id);
  assert_int_equal(j.status, JOB_RUNNING);
  assert_true(j.cancel_requested);
  job_done(&j);
  assert_int_equal(jobs_release(store, id, NULL), BR_OK); /* it doesn't begin again */
  assert_int_equal(samples_status(store, id), JOB_CANCELLED);
  jobs_close(store);
}

static void a_released_job_begins_again_where_it_was(void **state) {
  (void)state;
  char id[BR_UUID_MAX];
  jobs *store = samples_open();
  samples_create(store, "a", id);
  job j = {.status = JOB_PENDING};
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
  job_done(&j);
  assert_int_equal(samples_run_query(store, id, 0, JOB_COMPLETED), BR_OK);
  assert_int_equal(samples_run_query(store, id, 1, JOB_FAILED), BR_OK);
  assert_int_equal(jobs_query_start(store, id, 2, NULL), BR_OK);
  assert_int_equal(jobs_release(store, id, NULL), BR_OK);
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
  assert_int_equal(j.attempts, 1); /* an end in order is none of its attempts */
  assert_int_equal(j.queries_completed, 1);
  assert_int_equal(j.queries_failed, 0);
  assert_int_equal(j.queries[0].status, JOB_COMPLETED);
  assert_int_equal(j.queries[1].status, JOB_PENDING);
  assert_null(j.queries[1].error);
  assert_int_equal(j.queries[2].status, JOB_PENDING);
  job_done(&j);
  jobs_close(store);
}

static void the_oldest_of_a_free_server_is_claimed(void **state) {
  (void)state;
  char ids[4][BR_UUID_MAX];
  static const char *const servers[] = {"a", "a", "b", ""};
  jobs *store = samples_open();
  for (size_t i = 0; i < 4; i++) {
    samples_create(store, servers[i], ids[i]);
  }
  static const char *const busy[] = {"a", "x"};
  job j = {.status = JOB_PENDING};
  assert_int_equal(jobs_claim(store, busy, 2, &j, NULL), BR_OK);
  assert_string_equal(j.id, ids[2]);
  job_done(&j);
  static const size_t order[] = {0, 1, 3};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
    assert_string_equal(j.id, ids[order[i]]);
    job_done(&j);
  }
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_DONE);
  jobs_close(store);
}

static void lists_are_newest_first_and_filtered(void **state) {
  (void)state;
  char ids[10][BR_UUID_MAX];
  bool running = false;
  jobs *store = samples_open();
  for (size_t i = 0; i < 10; i++) {
    samples_create(store, "a", ids[i]);
    if (i % 2 == 1) {
      assert_int_equal(jobs_cancel(store, ids[i], &running, NULL), BR_OK);
    }
  }
  job *list = NULL;
  size_t count = 0;
  jobs_filter filter = {.limit = 4, .offset = 3};
  assert_int_equal(jobs_list(store, &filter, &list, &count, NULL), BR_OK);
  assert_int_equal(count, 4);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(list[i].id, ids[6 - i]);
    assert_null(list[i].queries);
    assert_int_equal(list[i].queries_total, 3);
  }
  jobs_list_free(list, count);
  filter = (jobs_filter){.has_status = true, .status = JOB_CANCELLED, .limit = 3, .offset = 1};
  assert_int_equal(jobs_list(store, &filter, &list, &count, NULL), BR_OK);
  assert_int_equal(count, 3);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(list[i].id, ids[7 - 2 * i]);
    assert_int_equal(list[i].status, JOB_CANCELLED);
  }
  jobs_list_free(list, count);
  filter = (jobs_filter){.limit = 1000, .offset = UINT64_MAX};
  assert_int_equal(jobs_list(store, &filter, &list, &count, NULL), BR_OK);
  assert_int_equal(count, 0);
  jobs_list_free(list, count);
  filter.limit = 0;
  assert_int_equal(jobs_list(store, &filter, &list, &count, NULL), BR_ERR_USAGE);
  filter.limit = JOBS_LIST_MAX + 1;
  assert_int_equal(jobs_list(store, &filter, &list, &count, NULL), BR_ERR_USAGE);
  uint64_t counts[JOB_STATUS_COUNT];
  assert_int_equal(jobs_count(store, counts, NULL), BR_OK);
  static const uint64_t wanted[JOB_STATUS_COUNT] = {5, 0, 0, 0, 5};
  assert_memory_equal(counts, wanted, sizeof wanted);
  jobs_close(store);
}

static void rows_of_the_last_run_of_the_same_query_are_known(void **state) {
  (void)state;
  char ids[4][BR_UUID_MAX];
  jobs *store = samples_open();
  uint64_t rows = 99;
  for (size_t i = 0; i < 4; i++) {
    samples_create(store, i == 3 ? "elsewhere" : "a", ids[i]);
  }
  job j = {.status = JOB_PENDING};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
    job_done(&j);
  }
  static const uint64_t counts[] = {10, 20};
  for (size_t i = 0; i < 2; i++) {
    const job_query_result result = {.status = JOB_COMPLETED, .rows_extracted = counts[i]};
    assert_int_equal(jobs_query_start(store, ids[i], 0, NULL), BR_OK);
    assert_int_equal(jobs_query_finish(store, ids[i], 0, &result, NULL), BR_OK);
  }
  assert_int_equal(samples_run_query(store, ids[0], 1, JOB_FAILED), BR_OK);
  j = samples_get(store, ids[2]);
  assert_int_equal(jobs_rows_before(store, &j, samples_queries[0], &rows, NULL), BR_OK);
  assert_int_equal(rows, 20);
  rows = 99;
  assert_int_equal(jobs_rows_before(store, &j, samples_queries[1], &rows, NULL), BR_DONE);
  assert_int_equal(jobs_rows_before(store, &j, samples_queries[2], &rows, NULL), BR_DONE);
  assert_int_equal(rows, 99);
  job_done(&j);
  j = samples_get(store, ids[1]); /* its own rows are not an earlier run's */
  assert_int_equal(j.rows_extracted, 20);
  assert_int_equal(jobs_rows_before(store, &j, samples_queries[0], &rows, NULL), BR_OK);
  assert_int_equal(rows, 10);
  job_done(&j);
  j = samples_get(store, ids[3]);
  assert_int_equal(jobs_rows_before(store, &j, samples_queries[0], &rows, NULL), BR_DONE);
  job_done(&j);
  jobs_close(store);
}

typedef struct told_end {
  char id[BR_UUID_MAX], user[64];
  job_status status;
  bool has_error;
} told_end;
typedef struct told_ends {
  told_end list[8];
  size_t count;
} told_ends;

static void take_end(void *context, const job *j, job_status status, const char *error) {
  told_ends *ends = context;
  told_end *end = &ends->list[ends->count++];
  (void)snprintf(end->id, sizeof end->id, "%s", j->id);
  (void)snprintf(end->user, sizeof end->user, "%s", j->user_name == NULL ? "" : j->user_name);
  end->status = status;
  end->has_error = error != NULL;
}

static void recovery_takes_care_of_what_was_running(void **state) {
  (void)state;
  enum { PLAIN, TO_CANCEL, COMPLETE, WORN, UNTOUCHED, COUNT };
  static const job_status wanted[][COUNT] = {
      {JOB_FAILED, JOB_CANCELLED, JOB_COMPLETED, JOB_FAILED, JOB_PENDING},
      {JOB_PENDING, JOB_CANCELLED, JOB_COMPLETED, JOB_FAILED, JOB_PENDING}};
  static const uint64_t counts[][2] = {{0, 2}, {1, 1}};
  for (size_t how = 0; how < 2; how++) {
    char ids[COUNT][BR_UUID_MAX];
    jobs *store = samples_open();
    bool running = false;
    uint64_t resumed = 9;
    uint64_t failed = 9;
    told_ends ends = {.count = 0};
    const jobs_witness witness = {.ended = take_end, .context = &ends};
    job j = {.status = JOB_PENDING};
    samples_create(store, "a", ids[WORN]);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
      job_done(&j);
      assert_int_equal(jobs_recover(store, JOBS_RESUME, 3, NULL, &resumed, &failed, NULL), BR_OK);
      assert_int_equal(resumed, 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
      if (i != WORN) {
        samples_create(store, i == UNTOUCHED ? "busy" : "a", ids[i]);
      }
    }
    static const char *const busy[] = {"busy"};
    while (jobs_claim(store, busy, 1, &j, NULL) == BR_OK) {
      job_done(&j);
    }
    assert_int_equal(jobs_cancel(store, ids[TO_CANCEL], &running, NULL), BR_OK);
    assert_int_equal(samples_run_query(store, ids[PLAIN], 1, JOB_COMPLETED), BR_OK);
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(samples_run_query(store, ids[COMPLETE], i, JOB_COMPLETED), BR_OK);
    }
    jobs_close(store);
    store = samples_open();
    assert_int_equal(jobs_recover(store, how == 0 ? JOBS_FAIL : JOBS_RESUME, 3, &witness, &resumed,
                                  &failed, NULL),
                     BR_OK);
    size_t told = 0, ended = 0;
    assert_int_equal(resumed, counts[how][0]);
    assert_int_equal(failed, counts[how][1]);
    for (size_t i = 0; i < COUNT; i++) {
      j = samples_get(store, ids[i]);
      assert_int_equal(j.status, wanted[how][i]);
      for (size_t k = 0; k < ends.count; k++) {
        if (strcmp(ends.list[k].id, ids[i]) == 0) {
          assert_int_equal(ends.list[k].status, j.status);
          assert_int_equal(ends.list[k].has_error, j.error != NULL);
          assert_string_equal(ends.list[k].user, j.user_name);
          told++;
        }
      }
      assert_int_equal(told, ended += job_status_ended(j.status));
      if (j.status == JOB_FAILED) {
        assert_string_equal(j.error, "The service ended while the job was running");
      }
      if (i == PLAIN) {
        assert_int_equal(j.queries[1].status, JOB_COMPLETED);
        assert_int_equal(j.queries[0].status, how == 0 ? JOB_CANCELLED : JOB_PENDING);
      }
      job_done(&j);
    }
    jobs_close(store);
    assert_int_equal(unlink(samples_path), 0);
  }
}

static void retention_takes_only_what_ended_before(void **state) {
  (void)state;
  char ids[5][BR_UUID_MAX];
  bool running = false;
  jobs *store = samples_open();
  for (size_t i = 0; i < 5; i++) {
    samples_create(store, "a", ids[i]);
    if (i < 4) {
      assert_int_equal(jobs_cancel(store, ids[i], &running, NULL), BR_OK);
    }
  }
  job third = samples_get(store, ids[3]);
  size_t deleted = 0;
  assert_int_equal(jobs_retain(store, third.completed_us, 2, &deleted, NULL), BR_OK);
  assert_int_equal(deleted, 2);
  assert_int_equal(jobs_retain(store, third.completed_us, 2, &deleted, NULL), BR_OK);
  assert_int_equal(deleted, 1);
  job_done(&third);
  assert_int_equal(samples_status(store, ids[3]), JOB_CANCELLED);
  assert_int_equal(jobs_retain(store, INT64_MAX, 9, &deleted, NULL), BR_OK);
  assert_int_equal(samples_status(store, ids[4]), JOB_PENDING);
  jobs_sql q = jobs_sql_of(&store->own, "SELECT count(*) FROM job_query", NULL);
  assert_int_equal(jobs_sql_step(&q), BR_OK);
  assert_int_equal(sqlite3_column_int(q.stmt, 0), 3); /* those of the one that is left */
  jobs_sql_end(&q);
  jobs_close(store);
}

static void a_second_process_is_refused(void **state) {
  (void)state;
  jobs *store = samples_open();
  jobs *second = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(jobs_open(samples_path, &second, &err), BR_ERR_CONFLICT);
  assert_null(second);
  jobs_close(store);
  jobs_close(samples_open());
}

static void errors_are_redacted_and_cut(void **state) {
  (void)state;
  br_secret *secret = NULL;
  assert_int_equal(br_secret_new("planted-canary-2b91", &secret, NULL), BR_OK);
  char id[BR_UUID_MAX];
  jobs *store = samples_open();
  samples_create(store, "a", id);
  job j = {.status = JOB_PENDING};
  assert_int_equal(jobs_claim(store, NULL, 0, &j, NULL), BR_OK);
  job_done(&j);
  static char long_text[10000];
  memset(long_text, 'x', sizeof long_text - 1);
  job_query_result result = {.status = JOB_FAILED, .error = "planted%2Dcanary-2b91 \xFF"};
  assert_int_equal(jobs_query_start(store, id, 0, NULL), BR_OK);
  assert_int_equal(jobs_query_finish(store, id, 0, &result, NULL), BR_OK);
  assert_int_equal(jobs_finish(store, id, JOB_FAILED, long_text, NULL), BR_OK);
  j = samples_get(store, id);
  assert_string_equal(j.queries[0].error, "*** ?");
  assert_int_equal(strlen(j.error), BR_ERROR_MESSAGE_MAX - 1);
  job_done(&j);
  jobs_close(store);
  br_secret_free(secret);
  br_secret_forget_all();
}

static void a_full_disk_is_told_and_loses_nothing(void **state) {
  (void)state;
  char first[BR_UUID_MAX];
  char id[BR_UUID_MAX] = "untouched";
  jobs *store = samples_open();
  samples_create(store, "a", first);
  assert_int_equal(store_exec(store->own.db, "PRAGMA max_page_count=1", NULL), BR_OK);
  job_request request = samples_request("a");
  br_status st = BR_OK;
  bool existed = false;
  for (int i = 0; i < 1000 && st == BR_OK; i++) {
    st = jobs_create(store, &request, id, &existed, NULL);
  }
  assert_int_equal(st, BR_ERR_DISK_FULL);
  assert_int_equal(samples_status(store, first), JOB_PENDING);
  assert_int_equal(store_exec(store->own.db, "PRAGMA max_page_count=100000", NULL), BR_OK);
  assert_int_equal(jobs_create(store, &request, id, &existed, NULL), BR_OK);
  jobs_close(store);
}

/* One look into that index, without sorting. */
static void assert_plan(jobs *store, const char *search, const char *index) {
  char sql[256];
  (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", search);
  jobs_sql q = jobs_sql_once(&store->own, sql, NULL);
  assert_int_equal(jobs_sql_step(&q), BR_OK);
  assert_non_null(strstr((const char *)sqlite3_column_text(q.stmt, 3), index));
  assert_int_equal(jobs_sql_step(&q), BR_DONE);
  jobs_sql_end(&q);
}

static void no_list_reads_more_rows_than_it_shows(void **state) {
  (void)state;
  jobs *store = samples_open();
  static const char *const searches[] = {
      "SELECT seq FROM job WHERE status=1 ORDER BY seq DESC LIMIT 1 OFFSET 5",
      "SELECT seq FROM job WHERE status=0 AND server NOT IN ('a') ORDER BY seq LIMIT 1",
      "SELECT status,count(*) FROM job GROUP BY status",
  };
  for (size_t i = 0; i < sizeof searches / sizeof searches[0]; i++) {
    assert_plan(store, searches[i], "COVERING INDEX job_by_status");
  }
  jobs_close(store);
}

static void old_jobs_are_found_without_a_look_at_the_others(void **state) {
  (void)state;
  jobs *store = samples_open();
  assert_plan(store,
              "SELECT seq FROM job WHERE completed_us>0 AND completed_us<1"
              " ORDER BY completed_us LIMIT 500",
              "SEARCH job USING COVERING INDEX job_by_end");
  jobs_close(store);
}

static br_status live_a_life(void *context, br_error *err) {
  (void)context;
  jobs *store = NULL;
  char id[BR_UUID_MAX];
  bool existed = false;
  job j = {.status = JOB_PENDING};
  job *list = NULL;
  size_t count = 0;
  uint64_t number = 0;
  job_request request = samples_request("a");
  static const char *const busy[] = {"b"};
  job_query_result result = {.status = JOB_FAILED, .error = "why"};
  jobs_filter filter = {.limit = 10};
  br_status st = jobs_open(":memory:", &store, err);
  st = st == BR_OK ? jobs_create(store, &request, id, &existed, err) : st;
  st = st == BR_OK ? jobs_claim(store, busy, 1, &j, err) : st;
  job_done(&j);
  st = st == BR_OK ? jobs_query_start(store, id, 0, err) : st;
  st = st == BR_OK ? jobs_query_finish(store, id, 0, &result, err) : st;
  st = st == BR_OK ? jobs_recover(store, JOBS_RESUME, 3, NULL, &number, &number, err) : st;
  st = st == BR_OK ? jobs_claim(store, NULL, 0, &j, err) : st;
  job_done(&j);
  st = st == BR_OK ? jobs_finish(store, id, JOB_FAILED, "why", err) : st;
  st = st == BR_OK ? jobs_get(store, id, &j, err) : st;
  job_done(&j);
  if (st == BR_OK && (st = jobs_list(store, &filter, &list, &count, err)) == BR_OK) {
    jobs_list_free(list, count);
  }
  jobs_close(store);
  return st;
}

static void no_memory_is_an_error_without_leaks(void **state) {
  (void)state;
  torture_allocations(live_a_life, NULL);
}

static void names_of_states_go_both_ways(void **state) {
  (void)state;
  for (int i = 0; i < JOB_STATUS_COUNT; i++) {
    job_status found = JOB_STATUS_COUNT;
    assert_true(job_status_of(job_status_name((job_status)i), &found));
    assert_int_equal(found, i);
    assert_int_equal(job_status_ended(found), i >= JOB_COMPLETED);
  }
  job_status none = JOB_PENDING;
  assert_false(job_status_of("Running", &none));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_setup, samples_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_job_comes_back_as_it_was_asked_for),
      TEST(a_job_without_queries_is_refused),
      TEST(an_idempotency_key_makes_one_job),
      TEST(a_key_is_found_before_anything_else_is_done),
      TEST(a_key_of_an_earlier_version_is_unsure),
      TEST(the_states_follow_their_arrows),
      TEST(a_job_is_completed_once_all_its_queries_are),
      TEST(cancelling_depends_on_the_state),
      TEST(a_released_job_begins_again_where_it_was),
      TEST(the_oldest_of_a_free_server_is_claimed),
      TEST(lists_are_newest_first_and_filtered),
      TEST(rows_of_the_last_run_of_the_same_query_are_known),
      TEST(recovery_takes_care_of_what_was_running),
      TEST(retention_takes_only_what_ended_before),
      TEST(a_second_process_is_refused),
      TEST(errors_are_redacted_and_cut),
      TEST(a_full_disk_is_told_and_loses_nothing),
      TEST(no_list_reads_more_rows_than_it_shows),
      TEST(old_jobs_are_found_without_a_look_at_the_others),
      cmocka_unit_test(no_memory_is_an_error_without_leaks),
      cmocka_unit_test(names_of_states_go_both_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
