/* The pump: every row arrives once and in order; errors, limits and cancelling stop both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/flow.h"

/* Counts from 0 to rows - 1 in one int64 column. */
typedef struct counter {
  batch_schema *schema;
  uint64_t rows, next;
  uint64_t fail_at;         /* fails before this row; UINT64_MAX = never */
  br_cancel *cancel_at_end; /* asked to stop once the last row was handed out */
  bool interrupted;
} counter;

static br_status counter_schema(void *context, const batch_schema **ret_schema, br_error *err) {
  (void)err;
  *ret_schema = ((counter *)context)->schema;
  return BR_OK;
}

static br_status counter_next(void *context, batch *b, size_t max_bytes, br_error *err) {
  counter *c = context;
  (void)max_bytes;
  if (c->next == c->fail_at) {
    return br_error_set(err, BR_ERR_NETWORK, "the source broke");
  }
  while (b->rows < b->capacity_rows && c->next < c->rows && c->next != c->fail_at) {
    ((int64_t *)b->columns[0].values)[b->rows++] = (int64_t)c->next++;
  }
  if (c->next == c->rows && c->cancel_at_end != NULL) {
    br_cancel_request(c->cancel_at_end);
  }
  return b->rows == 0 ? BR_DONE : BR_OK;
}

static void counter_interrupt(void *context) {
  ((counter *)context)->interrupted = true;
}

/* Checks that rows come in order. */
typedef struct checker {
  uint64_t expected;
  uint64_t fail_at;  /* write fails once this many rows have come */
  uint64_t boundary; /* no batch may cross a multiple of it; 0 = any may */
  br_status begin_status;
  int begun, finished, aborted;
} checker;

static br_status checker_begin(void *context, const batch_schema *schema, br_error *err) {
  checker *c = context;
  assert_int_equal(schema->count, 1);
  c->begun++;
  return c->begin_status == BR_OK ? BR_OK : br_error_set(err, c->begin_status, "no begin");
}

static br_status checker_write(void *context, const batch *b, br_error *err) {
  checker *c = context;
  assert_int_equal(b->first_row, c->expected);
  if (c->boundary != 0) {
    assert_int_equal(b->first_row / c->boundary, (b->first_row + b->rows - 1) / c->boundary);
  }
  for (size_t row = 0; row < b->rows; row++) {
    assert_int_equal(((int64_t *)b->columns[0].values)[row], c->expected);
    c->expected++;
  }
  if (c->expected >= c->fail_at) {
    return br_error_set(err, BR_ERR_DISK_FULL, "the sink is full");
  }
  return BR_OK;
}

static br_status checker_finish(void *context, br_error *err) {
  (void)err;
  ((checker *)context)->finished++;
  return BR_OK;
}

static void checker_abort(void *context) {
  ((checker *)context)->aborted++;
}

typedef struct fixture {
  counter from;
  checker into;
  flow_source source;
  flow_sink sink;
  flow_progress progress;
  flow_options options;
  br_error err;
} fixture;

static void fixture_init(fixture *f, uint64_t rows) {
  *f = (fixture){.from = {.rows = rows, .fail_at = UINT64_MAX}, .into = {.fail_at = UINT64_MAX}};
  assert_int_equal(batch_schema_new(1, &f->from.schema, NULL), BR_OK);
  batch_type type = {.layout = BATCH_INT64};
  assert_int_equal(batch_schema_set(f->from.schema, 0, "n", type, false, NULL), BR_OK);
  f->source = (flow_source){&f->from, counter_schema, counter_next, counter_interrupt};
  f->sink = (flow_sink){&f->into, checker_begin, checker_write, checker_finish, checker_abort};
  f->options = (flow_options){.batch_rows = 100, .batches = 3, .progress = &f->progress};
}

static br_status fixture_run(fixture *f, uint64_t *rows) {
  br_status st = flow_pump(&f->source, &f->sink, &f->options, rows, &f->err);
  batch_schema_free(f->from.schema);
  return st;
}

static void every_row_arrives_once_and_in_order(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f, 12345);
  uint64_t rows = 0;
  assert_int_equal(fixture_run(&f, &rows), BR_OK);
  assert_int_equal(rows, 12345);
  assert_int_equal(f.into.expected, 12345);
  assert_int_equal(f.progress.rows, 12345);
  assert_int_equal(f.into.finished, 1);
  assert_int_equal(f.into.aborted, 0);
}

static void an_empty_source_begins_and_finishes(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f, 0);
  uint64_t rows = 7;
  assert_int_equal(fixture_run(&f, &rows), BR_OK);
  assert_int_equal(rows, 0);
  assert_int_equal(f.into.begun, 1);
  assert_int_equal(f.into.finished, 1);
}

static void a_row_limit_stops_exactly_there(void **state) {
  (void)state;
  static const uint64_t limits[] = {1, 99, 100, 101, 250, 1000, 1001};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    fixture f;
    fixture_init(&f, 1000);
    f.options.row_limit = limits[i];
    uint64_t rows = 0;
    assert_int_equal(fixture_run(&f, &rows), BR_OK);
    assert_int_equal(rows, limits[i] < 1000 ? limits[i] : 1000);
    assert_int_equal(f.into.finished, 1);
  }
}

static void no_batch_crosses_a_row_boundary(void **state) {
  (void)state;
  static const uint64_t boundaries[] = {1, 7, 100, 333};
  for (size_t i = 0; i < sizeof boundaries / sizeof boundaries[0]; i++) {
    fixture f;
    fixture_init(&f, 1000);
    f.options.row_boundary = f.into.boundary = boundaries[i];
    assert_int_equal(fixture_run(&f, NULL), BR_OK);
    assert_int_equal(f.into.expected, 1000);
  }
}

static void an_error_of_the_source_aborts_the_sink_and_is_reported(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f, 1000);
  f.from.fail_at = 555;
  assert_int_equal(fixture_run(&f, NULL), BR_ERR_NETWORK);
  assert_string_equal(f.err.message, "the source broke");
  assert_int_equal(f.into.expected, 555);
  assert_int_equal(f.into.finished, 0);
  assert_int_equal(f.into.aborted, 1);
}

static void an_error_of_the_sink_interrupts_the_source(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f, 100000);
  f.into.fail_at = 500;
  assert_int_equal(fixture_run(&f, NULL), BR_ERR_DISK_FULL);
  assert_string_equal(f.err.message, "the sink is full");
  assert_true(f.from.interrupted);
  assert_int_equal(f.into.aborted, 1);
  assert_int_equal(f.into.finished, 0);
}

static void a_sink_that_does_not_begin_gets_abort_and_no_rows(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f, 1000);
  f.into.begin_status = BR_ERR_IO;
  assert_int_equal(fixture_run(&f, NULL), BR_ERR_IO);
  assert_int_equal(f.into.expected, 0);
  assert_int_equal(f.into.aborted, 1);
}

static void cancelling_never_finishes_the_sink(void **state) {
  (void)state;
  fixture f;
  fixture_init(&f, 1000);
  br_cancel *cancel = NULL;
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  f.options.cancel = cancel;
  f.from.cancel_at_end = cancel; /* even where all rows have been read */
  assert_int_equal(fixture_run(&f, NULL), BR_ERR_CANCELLED);
  assert_int_equal(f.into.finished, 0);
  assert_int_equal(f.into.aborted, 1);
  br_cancel_free(cancel);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  for (long n = 0;; n++) {
    fixture f;
    fixture_init(&f, 1000);
    br_mem_fail_after(n);
    br_status st = fixture_run(&f, NULL);
    br_mem_fail_after(-1);
    if (st == BR_OK) {
      assert_true(n > 3);
      break;
    }
    assert_int_equal(st, BR_ERR_NOMEM);
    assert_int_equal(f.into.finished, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_arrives_once_and_in_order),
      cmocka_unit_test(an_empty_source_begins_and_finishes),
      cmocka_unit_test(a_row_limit_stops_exactly_there),
      cmocka_unit_test(no_batch_crosses_a_row_boundary),
      cmocka_unit_test(an_error_of_the_source_aborts_the_sink_and_is_reported),
      cmocka_unit_test(an_error_of_the_sink_interrupts_the_source),
      cmocka_unit_test(a_sink_that_does_not_begin_gets_abort_and_no_rows),
      cmocka_unit_test(cancelling_never_finishes_the_sink),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
