/* Statuses on their way: when a write is due, that the thread makes it by itself, and what it makes
 * of writes that failed or came to nothing; against the embedded servers, or a scripted workspace.
 */
#include "sync/reporter.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "embedded.h"
#include "unit/databricks/support.h"

#define EVENTS "main.default.events"

/* The promise is two seconds; one is left for the write. */
enum { LATEST_MS = 1000, NOW = 50000 };

static void a_write_is_due_a_second_after_the_oldest_report(void **state) {
  (void)state;
  for (size_t count = 1; count < 100; count++) {
    for (uint64_t age = 0; age < 5000; age += 100) {
      const uint64_t due = sync_reporter_due_ms(count, NOW - age, false, NOW);
      assert_int_equal(due, NOW - age + LATEST_MS);
    }
    assert_true(sync_reporter_due_ms(count, NOW, true, NOW) <= NOW);
  }
  assert_true(sync_reporter_due_ms(100, NOW, false, NOW) <= NOW); /* a whole statement's worth */
  assert_true(sync_reporter_due_ms(5000, NOW, false, NOW) <= NOW);
  assert_true(sync_reporter_due_ms(0, UINT64_MAX, false, NOW) == UINT64_MAX);
  assert_true(sync_reporter_due_ms(0, UINT64_MAX, true, NOW) == UINT64_MAX);
}

static embedded both;

static int set_up(void **state) {
  (void)state;
  embedded_start(&both, EVENTS);
  embedded_run(&both,
               "INSERT INTO " EVENTS " (event_id, operation, source_table, target_table) VALUES "
               "('e', 'INSERT', 'main.default.s', 'dbo.T')",
               NULL, 0);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  embedded_stop(&both);
  return 0;
}

static sync_report report_of(const char *fingerprint, sync_status status) {
  sync_report report = {.status = status, .has_rows = status == SYNC_COMPLETED};
  report.rows_affected = 7;
  (void)snprintf(report.fingerprint, sizeof report.fingerprint, "%s", fingerprint);
  return report;
}

static void add_outcome(sync_reporter *reporter, const char *fingerprint, sync_status status,
                        const sync_event *event) {
  br_error err = BR_ERROR_INIT;
  sync_report report = report_of(fingerprint, status);
  embedded_assert_ok(sync_reporter_add(reporter, &report, event, &err), &err);
}

static void add(sync_reporter *reporter, const char *fingerprint, sync_status status) {
  add_outcome(reporter, fingerprint, status, NULL);
}

static void wait_a_little(void) {
  const struct timespec pause = {.tv_nsec = 20000000};
  (void)nanosleep(&pause, NULL);
}

/* Nobody asks for it (a drain would make it due at once). The newest report of a row counts. */
static void a_status_leaves_by_itself(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  sync_reporter *reporter = NULL;
  sync_event_list list = {.count = 0};
  char found[64] = "";
  const sync_reporter_options options = {.queue = both.queue,
                                         .ledger = &both.ledger,
                                         .sqlserver = &both.sqlserver,
                                         .blocked_as = "blocked"};
  embedded_assert_ok(sync_queue_fetch(both.queue, 10, NULL, NULL, &list, &err), &err);
  assert_int_equal(list.count, 1);
  embedded_assert_ok(sync_reporter_start(&options, &reporter, &err), &err);
  add(reporter, list.items[0]->fingerprint, SYNC_PROCESSING);
  add(reporter, list.items[0]->fingerprint, SYNC_COMPLETED);
  for (int i = 0; i < 3000 && strcmp(found, "completed 7") != 0; i++) {
    wait_a_little();
    embedded_run(&both, "SELECT concat(status, ' ', CAST(rows_affected AS STRING)) FROM " EVENTS,
                 found, sizeof found);
  }
  assert_string_equal(found, "completed 7");
  sync_reporter_stop(reporter, 1000);
  sync_event_list_done(&list);
}

/* ---- a row that was written over by a writer that came too late ---- */

/* The first column of all rows. */
static const char *all_of(const char *sql) {
  static char text[1024];
  br_error err = BR_ERROR_INIT;
  dbx_result *result = NULL;
  size_t used = 0;
  const dbx_statement statement = {.sql = sql};
  embedded_assert_ok(dbx_statement_run(both.client, &statement, NULL, &result, &err), &err);
  for (uint64_t i = 0; i < dbx_result_rows(result); i++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : ", ",
                             dbx_result_value(result, i, 0));
  }
  dbx_result_free(result);
  return text;
}

static const char *ids_and_words(void) {
  return all_of("SELECT concat(event_id, ' ', status) FROM " EVENTS " ORDER BY event_id, status");
}

/* The fingerprint of the event's row; of twins it is the same. */
static void find(const char *id, char *ret_fingerprint) {
  br_error err = BR_ERROR_INIT;
  sync_event *event = NULL;
  embedded_assert_ok(sync_queue_find(both.queue, id, NULL, &event, &err), &err);
  memcpy(ret_fingerprint, event->fingerprint, sizeof event->fingerprint);
  sync_event_free(event);
}

/* A row that says failed gets its event's success, and nothing else does: not another word, not an
 * older twin of the row, not a row whose event has really failed. */
static void what_has_completed_is_not_left_as_failed(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  static const char *const ids[] = {"f", "b", "hold", "twin", "really", "gone"};
  sync_report reports[6];
  embedded_run(&both, "DELETE FROM " EVENTS, NULL, 0);
  embedded_run(
      &both,
      "INSERT INTO " EVENTS " (event_id, operation, target_table, status, created_at) VALUES "
      "('f', 'DELETE', 'T', 'failed', NULL), ('b', 'DELETE', 'T', 'BLOCKED ', NULL), "
      "('hold', 'DELETE', 'T', 'on hold', NULL), ('twin', 'DELETE', 'T', 'failed', NULL), "
      "('twin', 'DELETE', 'T', 'pending', NULL), ('really', 'DELETE', 'T', 'failed', NULL), "
      "('gone', 'DELETE', 'T', 'failed', NULL)",
      NULL, 0);
  for (size_t i = 0; i < 6; i++) {
    char fingerprint[BR_SHA256_HEX_MAX];
    find(ids[i], fingerprint);
    reports[i] = report_of(fingerprint, i == 4 ? SYNC_BLOCKED : SYNC_COMPLETED);
  }
  embedded_run(&both, "DELETE FROM " EVENTS " WHERE event_id = 'gone'", NULL, 0);
  embedded_run(&both,
               "INSERT INTO " EVENTS
               " (event_id, operation, target_table, status, created_at) VALUES "
               "('f', 'DELETE', 'another', 'failed', NULL)",
               NULL, 0);
  embedded_assert_ok(sync_queue_write(both.queue, reports, 6, "blocked", NULL, &err), &err);
  assert_string_equal(ids_and_words(),
                      "b completed, f completed, f failed, hold on hold, really failed, "
                      "twin completed, twin failed");
}

/* The same INSERT, without a time, run once more after its event failed; in whatever order the
 * server keeps the rows. */
static void of_twins_the_one_that_waits_is_told(void **state) {
  (void)state;
  static const char *const orders[][3] = {{"'failed'", "'pending'", "pending"},
                                          {"'pending'", "'failed'", "pending"},
                                          {"'failed'", "NULL", "pending"},
                                          {"' Processing'", "'blocked'", "processing"},
                                          {"'blocked'", "'processing'", "processing"},
                                          {"'failed'", "'failed'", "failed"}};
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
    br_error err = BR_ERROR_INIT;
    char fingerprint[BR_SHA256_HEX_MAX], word[32];
    embedded_run(&both, "DELETE FROM " EVENTS, NULL, 0);
    for (size_t k = 0; k < 2; k++) {
      char sql[256];
      (void)snprintf(sql, sizeof sql,
                     "INSERT INTO " EVENTS
                     " (event_id, operation, target_table, status, created_at) VALUES "
                     "('twin', 'DELETE', 'T', %s, NULL)",
                     orders[i][k]);
      embedded_run(&both, sql, NULL, 0);
    }
    find("twin", fingerprint);
    embedded_assert_ok(sync_queue_status(both.queue, fingerprint, word, NULL, &err), &err);
    assert_string_equal(word, orders[i][2]);
  }
}

/* ---- a table that does not take every status ---- */

#define NARROW "main.default.narrow"

/* Rows a to d that wait, and a reporter for them; done with narrow_end(). */
typedef struct narrow {
  sync_queue *queue;
  sync_event_list list;
  sync_reporter *reporter;
} narrow;

static narrow narrow_begin(const char *status, const char *message) {
  br_error err = BR_ERROR_INIT;
  narrow n = {.queue = NULL};
  char sql[256];
  (void)snprintf(sql, sizeof sql,
                 "CREATE OR REPLACE TABLE " NARROW " (event_id STRING, operation STRING, "
                 "target_table STRING, status %s, error_message %s)",
                 status, message);
  embedded_run(&both, sql, NULL, 0);
  embedded_run(&both,
               "INSERT INTO " NARROW " (event_id, operation, target_table, status) VALUES "
               "('a', 'DELETE', 'T', 'pending'), ('b', 'DELETE', 'T', 'pending'), "
               "('c', 'DELETE', 'T', 'pending'), ('d', 'DELETE', 'T', 'pending')",
               NULL, 0);
  embedded_assert_ok(sync_queue_open(both.client, NARROW, false, NULL, &n.queue, &err), &err);
  embedded_assert_ok(sync_queue_fetch(n.queue, 10, NULL, NULL, &n.list, &err), &err);
  assert_int_equal(n.list.count, 4);
  const sync_reporter_options options = {.queue = n.queue,
                                         .ledger = &both.ledger,
                                         .sqlserver = &both.sqlserver,
                                         .blocked_as = "blocked"};
  embedded_assert_ok(sync_reporter_start(&options, &n.reporter, &err), &err);
  return n;
}

static void narrow_end(narrow *n) {
  sync_reporter_stop(n->reporter, 0);
  sync_event_list_done(&n->list);
  sync_queue_free(n->queue);
}

/* With `length` times ä. */
static void narrow_add(narrow *n, size_t row, sync_status status, size_t length) {
  br_error err = BR_ERROR_INIT;
  sync_report report = report_of(n->list.items[row]->fingerprint, status);
  report.error_message = length == 0 ? NULL : br_malloc(2 * length + 1);
  for (size_t i = 0; i < length; i++) {
    memcpy(report.error_message + 2 * i, "ä", sizeof "ä");
  }
  embedded_assert_ok(sync_reporter_add(n->reporter, &report, NULL, &err), &err);
}

static const char *narrow_rows(void) {
  return all_of("SELECT concat(event_id, ' ', status, ' ', CAST(length(coalesce(error_message, "
                "'')) AS STRING)) FROM " NARROW " ORDER BY event_id");
}

/* What is too long for its column is cut, what is a display alone is left out. */
static void a_status_that_the_table_does_not_take_holds_up_no_other(void **state) {
  (void)state;
  static const struct {
    const char *message, *rows;
  } cases[] = {
      {"VARCHAR(500)", "a completed 0, b failed 499, c blocked 498, d pending 0"},
      {"VARCHAR(100)", "a completed 0, b failed 49, c blocked 49, d pending 0"},
      {"VARCHAR(10)", "a completed 0, b failed 0, c blocked 0, d pending 0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    narrow n = narrow_begin("VARCHAR(9)", cases[i].message);
    narrow_add(&n, 0, SYNC_COMPLETED, 0);
    narrow_add(&n, 1, SYNC_FAILED, 501);
    narrow_add(&n, 2, SYNC_BLOCKED, i == 0 ? 498 : 4000);
    narrow_add(&n, 3, SYNC_PROCESSING, 0);
    assert_true(sync_reporter_drain(n.reporter, 60000));
    assert_string_equal(narrow_rows(), cases[i].rows);
    narrow_end(&n);
  }
}

/* What counts is that the row has ended. */
static void a_number_that_the_table_does_not_take_is_left_out(void **state) {
  (void)state;
  br_error err = BR_ERROR_INIT;
  narrow n = narrow_begin("STRING", "STRING, rows_affected SMALLINT");
  for (size_t i = 0; i < 2; i++) {
    sync_report report = report_of(n.list.items[i]->fingerprint, SYNC_COMPLETED);
    report.rows_affected = i == 0 ? 40000 : 32767;
    embedded_assert_ok(sync_reporter_add(n.reporter, &report, NULL, &err), &err);
  }
  assert_true(sync_reporter_drain(n.reporter, 60000));
  assert_string_equal(all_of("SELECT concat(status, ' ', coalesce(CAST(rows_affected AS STRING), "
                             "'-')) FROM " NARROW " ORDER BY event_id"),
                      "completed -, completed 32767, pending -, pending -");
  narrow_end(&n);
}

/* Nothing helps that one: it is tried again and again, and the others are written. */
static void a_word_that_the_table_does_not_take_holds_up_no_other(void **state) {
  (void)state;
  narrow n = narrow_begin("VARCHAR(8)", "STRING");
  static const char expected[] = "a pending 0, b failed 3, c blocked 0, d failed 0";
  narrow_add(&n, 0, SYNC_COMPLETED, 0);
  narrow_add(&n, 1, SYNC_FAILED, 3);
  narrow_add(&n, 2, SYNC_BLOCKED, 0);
  narrow_add(&n, 3, SYNC_FAILED, 0);
  for (int i = 0; i < 3000 && strcmp(narrow_rows(), expected) != 0; i++) {
    wait_a_little();
  }
  assert_string_equal(narrow_rows(), expected);
  assert_false(sync_reporter_drain(n.reporter, 1));
  narrow_end(&n);
}

/* ---- a scripted workspace ---- */

#define ANSWER(columns, rows)                                                                      \
  "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"SUCCEEDED\"" \
  "},\"manifest\":{\"format\":\"JSON_ARRAY\",\"schema\":{\"columns\":[" columns                    \
  "]}},\"result\":{\"data_array\":[" rows "]}}"
#define COLUMN(name, type) "{\"name\":\"" name "\",\"type_text\":\"" type "\"}"

static const char opened[] =
    ANSWER(COLUMN("event_id", "STRING") "," COLUMN("operation", "STRING") "," COLUMN(
               "target_table", "STRING") "," COLUMN("status", "STRING") "," COLUMN("rows_affected",
                                                                                   "BIGINT"),
           "");
static const char changed[] = ANSWER(COLUMN("num_affected_rows", "BIGINT"), "[\"100\"]");
static const char refused[] =
    "{\"statement_id\":\"01f00000-0000-1000-8000-000000000001\",\"status\":{\"state\":\"FAILED\","
    "\"error\":{\"error_code\":\"BAD_REQUEST\",\"message\":\"no such table\"}}}";

typedef struct workspace {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool second_fails;
  /* Guarded by lock: */
  bool held;    /* the first UPDATE is not answered */
  bool arrived; /* the first UPDATE is there */
  script_server *server;
  dbx_client *client;
  sync_queue *queue;
  sync_reporter *reporter;
} workspace;

static script_step answer(void *context, const script_request *request, size_t nth) {
  workspace *w = context;
  (void)request;
  pthread_mutex_lock(&w->lock);
  w->arrived = w->arrived || nth == 1;
  while (nth == 1 && w->held) {
    pthread_cond_wait(&w->changed, &w->lock);
  }
  const bool fails = nth == 2 && w->second_fails;
  pthread_mutex_unlock(&w->lock);
  return (script_step){.reply = script_json(200, NULL,
                                            nth == 0 ? opened
                                            : fails  ? refused
                                                     : changed)};
}

static void open_workspace(workspace *w) {
  br_error err = BR_ERROR_INIT;
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->changed, NULL);
  w->server = script_start_by_body(answer, w);
  w->client = test_client(script_base(w->server));
  assert_status(sync_queue_open(w->client, "c.s.t", false, NULL, &w->queue, &err), BR_OK, &err);
  const sync_reporter_options options = {.queue = w->queue,
                                         .ledger = &both.ledger,
                                         .sqlserver = &both.sqlserver,
                                         .blocked_as = "blocked"};
  embedded_assert_ok(sync_reporter_start(&options, &w->reporter, &err), &err);
}

static void close_workspace(workspace *w) {
  sync_reporter_stop(w->reporter, 1000);
  sync_queue_free(w->queue);
  dbx_client_free(w->client);
  script_stop(w->server);
  pthread_cond_destroy(&w->changed);
  pthread_mutex_destroy(&w->lock);
}

static bool has_arrived(workspace *w) {
  pthread_mutex_lock(&w->lock);
  const bool arrived = w->arrived;
  pthread_mutex_unlock(&w->lock);
  return arrived;
}

/* Of a number: what no other number's name is a part of. */
static const char *name_of(int number) {
  static char name[BR_SHA256_HEX_MAX];
  (void)snprintf(name, sizeof name, "%064d", number);
  return name;
}

/* The first UPDATE is on its way, and goes on until release(): what is added meanwhile goes with
 * the next ones. */
static void occupy(workspace *w, int number) {
  add(w->reporter, name_of(number), SYNC_COMPLETED);
  while (!has_arrived(w)) {
    (void)sync_reporter_drain(w->reporter, 1);
    wait_a_little();
  }
}

static void release(workspace *w) {
  pthread_mutex_lock(&w->lock);
  w->held = false;
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->lock);
}

static bool names(const script_request *request, int number) {
  return strstr((const char *)request->body, name_of(number)) != NULL;
}

/* However many events end, a hundred of them go with one statement, and nothing is asked about
 * them.
 */
static void many_ends_are_few_statements(void **state) {
  (void)state;
  enum { EVENTS_ENDED = 1000 };
  workspace w = {.held = true};
  open_workspace(&w);
  occupy(&w, 0);
  for (int i = 1; i <= EVENTS_ENDED; i++) {
    add(w.reporter, name_of(i), SYNC_PROCESSING);
    add(w.reporter, name_of(i), i % 3 == 0 ? SYNC_FAILED : SYNC_COMPLETED);
  }
  release(&w);
  assert_true(sync_reporter_drain(w.reporter, 60000));
  assert_int_equal(script_request_count(w.server), 2 + EVENTS_ENDED / 100);
  for (int i = 0; i <= EVENTS_ENDED; i++) {
    int found = 0;
    for (size_t k = 1; k < script_request_count(w.server); k++) {
      found += names(script_request_at(w.server, k), i);
    }
    assert_int_equal(found, 1);
  }
  close_workspace(&w);
}

static void note(const char *sql) {
  br_error err = BR_ERROR_INIT;
  embedded_assert_ok(tds_run(both.session.conn, sql, &err), &err);
}

/* What the ledger says when a write is repeated, and whether the outcome goes out. */
static const struct {
  sync_status outcome;
  const char *state; /* NULL: no row */
  bool reported, same;
  bool written;
} ledger_says[] = {
    {SYNC_FAILED, "failed", false, true, true},
    {SYNC_FAILED, "failed", true, true, false}, /* told by somebody; the row may be put back */
    {SYNC_FAILED, "blocked", false, true, true},
    {SYNC_BLOCKED, "blocked", true, true, false},
    {SYNC_FAILED, "completed", false, true, false}, /* the retry has succeeded */
    {SYNC_FAILED, "completed", true, true, false},
    {SYNC_FAILED, "completed", false, false, true}, /* the id was used by another event */
    {SYNC_FAILED, "failed", false, false, false},
    {SYNC_FAILED, "cancelled", false, true, false},
    {SYNC_FAILED, NULL, false, true, false},
    {SYNC_COMPLETED, "completed", true, true, true},
};
enum { CASES = sizeof ledger_says / sizeof ledger_says[0] };

/* Two replicas: this one's way to Databricks was broken while the other one told the failure, and
 * the author put the row back. */
static void an_old_failure_is_not_written_over_a_retry(void **state) {
  (void)state;
  workspace w = {.held = true, .second_fails = true};
  open_workspace(&w);
  occupy(&w, 99);
  for (int i = 0; i < CASES; i++) {
    char sql[512], id[] = "e";
    sync_event event = {.event_id = id};
    memcpy(event.key, name_of(100 + i), sizeof event.key);
    memcpy(event.hash, name_of(ledger_says[i].same ? 1 : 2), sizeof event.hash);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO " EMBEDDED_LEDGER " (event_key, event_id, event_hash, status, "
                   "reported, changed_at) VALUES ('%s', 'e', '%064d', '%s', %d, SYSUTCDATETIME())",
                   event.key, 1, ledger_says[i].state, ledger_says[i].reported);
    if (ledger_says[i].state != NULL) {
      note(sql);
    }
    add_outcome(w.reporter, name_of(i), ledger_says[i].outcome, &event);
  }
  add(w.reporter, name_of(CASES), SYNC_FAILED); /* no event that the ledger could know */
  release(&w);
  assert_true(sync_reporter_drain(w.reporter, 60000));
  assert_true(script_request_count(w.server) == 4);
  for (int i = 0; i < CASES; i++) {
    assert_true(names(script_request_at(w.server, 2), i));
    assert_int_equal(names(script_request_at(w.server, 3), i), ledger_says[i].written);
    assert_int_equal(sync_reporter_knows(w.reporter, name_of(i), 0), ledger_says[i].written);
  }
  assert_true(sync_reporter_knows(w.reporter, name_of(CASES), 0));
  close_workspace(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_write_is_due_a_second_after_the_oldest_report),
      cmocka_unit_test(a_status_leaves_by_itself),
      cmocka_unit_test(a_status_that_the_table_does_not_take_holds_up_no_other),
      cmocka_unit_test(a_number_that_the_table_does_not_take_is_left_out),
      cmocka_unit_test(a_word_that_the_table_does_not_take_holds_up_no_other),
      cmocka_unit_test(what_has_completed_is_not_left_as_failed),
      cmocka_unit_test(of_twins_the_one_that_waits_is_told),
      cmocka_unit_test(many_ends_are_few_statements),
      cmocka_unit_test(an_old_failure_is_not_written_over_a_retry),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
