/* A row of the events table becomes an event, or says what is wrong with it; nothing else fails. */
#include "sync/event.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "support/cmocka.h"
#include "support/torture.h"

#define TABLE "bridge.events.bridge_events"

static sync_event *make(const sync_event_row *row) {
  sync_event *event = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(sync_event_make(TABLE, row, &event, &err), BR_OK);
  return event;
}

static sync_event_row insert_row(void) {
  return (sync_event_row){.fingerprint = "f",
                          .event_id = "e1",
                          .operation = "INSERT",
                          .source_table = "cat.sch.src",
                          .target_table = "dbo.target",
                          .primary_keys = "[\"id\"]"};
}

static void a_row_of_five_columns_is_an_event(void **state) {
  (void)state;
  const sync_event_row row = insert_row();
  sync_event *event = make(&row);
  assert_null(event->problem);
  assert_int_equal(event->operation, SYNC_INSERT);
  assert_int_equal(event->key_count, 1);
  assert_string_equal(event->keys[0], "id");
  assert_false(event->has_rows_expected);
  assert_int_equal(event->priority, 0);
  assert_true(event->has_source);
  sync_event_free(event);
}

static void keys_come_in_many_spellings(void **state) {
  (void)state;
  static const char *const spellings[] = {"[\"a\",\"b c\"]", "[a, b c]",     " a , b c ",
                                          "['a','b c']",     "[`a`, `b c`]", "\"a\",\"b c\""};
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
    sync_event_row row = insert_row();
    row.primary_keys = spellings[i];
    sync_event *event = make(&row);
    assert_null(event->problem);
    assert_int_equal(event->key_count, 2);
    assert_string_equal(event->keys[0], "a");
    assert_string_equal(event->keys[1], "b c");
    sync_event_free(event);
  }
  static const char *const none[] = {NULL, "", "[]", " [ ] "};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    sync_event_row row = insert_row();
    row.primary_keys = none[i];
    sync_event *event = make(&row);
    assert_null(event->problem);
    assert_int_equal(event->key_count, 0);
    sync_event_free(event);
  }
}

static void conditions_keep_type_null_and_lists(void **state) {
  (void)state;
  sync_event_row row = {.fingerprint = "f",
                        .event_id = "e",
                        .operation = "delete",
                        .source_table = "",
                        .target_table = "dbo.t",
                        .primary_keys = "[\"id\"]",
                        .filter_conditions =
                            "{\"a\": 12.50, \"b\": \"x\", \"c\": null, \"d\": [1, null, \"z\"]}",
                        .metadata = "{\"filter_conditions\": \"{\\\"e\\\": true}\", \"job\": 1}"};
  sync_event *event = make(&row);
  assert_null(event->problem);
  assert_int_equal(event->condition_count, 5);
  assert_string_equal(event->conditions[0].values[0], "12.50");
  assert_string_equal(event->conditions[1].values[0], "x");
  assert_null(event->conditions[2].values[0]);
  assert_int_equal(event->conditions[3].count, 3);
  assert_null(event->conditions[3].values[1]);
  assert_string_equal(event->conditions[4].column, "e");
  assert_string_equal(event->conditions[4].values[0], "1");
  sync_event_free(event);
}

static void options_come_from_metadata(void **state) {
  (void)state;
  sync_event_row row = insert_row();
  row.metadata = "{\"mode\": \"upsert\", \"identity_insert\": \"true\", \"table_lock\": true, "
                 "\"dry_run\": \"0\", \"job\": \"nightly\"}";
  sync_event *event = make(&row);
  assert_null(event->problem);
  assert_true(event->options.upsert);
  assert_true(event->options.identity_insert);
  assert_true(event->options.table_lock);
  assert_false(event->options.dry_run);
  assert_false(event->options.direct);
  sync_event_free(event);
}

static void what_is_wrong_is_said(void **state) {
  (void)state;
  static const struct {
    sync_event_row row;
    const char *problem;
  } cases[] = {
      {{.operation = "INSERT", .source_table = "s", .target_table = "t"}, "event_id is missing"},
      {{.event_id = " ", .operation = "INSERT", .source_table = "s", .target_table = "t"},
       "event_id is missing"},
      {{.event_id = "e", .source_table = "s", .target_table = "t"}, "operation is missing"},
      {{.event_id = "e", .operation = "UPSERT", .source_table = "s", .target_table = "t"},
       "operation is 'UPSERT'"},
      {{.event_id = "e", .operation = "INSERT", .target_table = "t"}, "source_table is missing"},
      {{.event_id = "e", .operation = "INSERT", .source_table = "s"}, "target_table is missing"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "parquet.`/Volumes/a/b/c`",
        .target_table = "t"},
       "'/Volumes/a/b/c' is a path"},
      {{.event_id = "e", .operation = "INSERT", .source_table = "s", .target_table = "a.b.c.d"},
       "target_table: 'a.b.c.d' is no name"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "tempdb..#bridge_stage"},
       "target_table: '#bridge_stage' is a temporary table"},
      {{.event_id = "e",
        .operation = "DELETE",
        .target_table = " [##t]",
        .primary_keys = "id",
        .filter_conditions = "{\"id\": 1}"},
       "target_table: '##t' is a temporary table"},
      {{.event_id = "e", .operation = "UPDATE", .source_table = "s", .target_table = "t"},
       "Primary keys required for UPDATE operation"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .rows_expected = "9223372036854775808"},
       "rows_expected is '9223372036854775808', which is no whole number"},
      {{.event_id = "e", .operation = "DELETE", .target_table = "t"},
       "Primary keys required for DELETE operation"},
      {{.event_id = "e", .operation = "DELETE", .target_table = "t", .primary_keys = "id"},
       "without any condition is refused"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .filter_conditions = "{\"id\": 1}"},
       "filter_conditions are for a DELETE; an INSERT takes every row of its source"},
      {{.event_id = "e",
        .operation = "UPDATE",
        .source_table = "s",
        .target_table = "t",
        .primary_keys = "id",
        .metadata = "{\"filter_conditions\": {\"id\": 1}}"},
       "filter_conditions are for a DELETE; an UPDATE takes every row of its source"},
      {{.event_id = "e",
        .operation = "DELETE",
        .target_table = "t",
        .primary_keys = "id",
        .filter_conditions = "{\"id\": []}"},
       "has 0 values"},
      {{.event_id = "e",
        .operation = "DELETE",
        .target_table = "t",
        .primary_keys = "id",
        .filter_conditions = "{\"id\": {\"x\": 1}}"},
       "not an object"},
      {{.event_id = "e",
        .operation = "DELETE",
        .target_table = "t",
        .primary_keys = "id",
        .filter_conditions = "{\"id\": 1, \"ID\": 2}"},
       "two conditions are on the column"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .metadata = "{\"mode\": \"upserts\"}"},
       "metadata.mode must be"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .metadata = "{\"mode\": \"upsert\"}"},
       "Primary keys required for INSERT with mode upsert"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .metadata = "{nonsense"},
       "metadata: it is no JSON object"},
      {{.event_id = "e",
        .operation = "DELETE",
        .target_table = "t",
        .primary_keys = "id",
        .filter_conditions = "{\"id\": 1}",
        .metadata = "{\"filter_conditions\": [{\"a\": 1}]}"},
       "metadata.filter_conditions must be a JSON object"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .metadata = "{\"dryRun\": true}"},
       "metadata has 'dryRun'; the option is written 'dry_run'"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .primary_keys = "[1]"},
       "entry 1 is no name"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .primary_keys = "a,A"},
       "twice"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .rows_expected = "many"},
       "rows_expected is 'many'"},
      {{.event_id = "e",
        .operation = "INSERT",
        .source_table = "s",
        .target_table = "t",
        .too_long = "metadata"},
       "metadata is too long for an event, which takes 65536 characters of it"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sync_event *event = make(&cases[i].row);
    assert_non_null(event->problem);
    if (strstr(event->problem, cases[i].problem) == NULL) {
      fail_msg("case %zu: '%s' does not say '%s'", i, event->problem, cases[i].problem);
    }
    sync_event_free(event);
  }
}

static void the_key_is_of_table_and_id_and_minds_case(void **state) {
  (void)state;
  char a[BR_SHA256_HEX_MAX], b[BR_SHA256_HEX_MAX], c[BR_SHA256_HEX_MAX];
  assert_int_equal(sync_event_key("t", "id", a, NULL), BR_OK);
  assert_int_equal(sync_event_key("t", "ID", b, NULL), BR_OK);
  assert_int_equal(sync_event_key("ti", "d", c, NULL), BR_OK);
  assert_string_not_equal(a, b);
  assert_string_not_equal(a, c);
}

static void the_hash_is_of_content_not_of_place_in_the_queue(void **state) {
  (void)state;
  sync_event_row row = insert_row();
  sync_event *one = make(&row);
  row.priority = "9";
  row.fingerprint = "g";
  row.status = "processing";
  sync_event *same = make(&row);
  row.metadata = "{\"dry_run\": true}";
  sync_event *other = make(&row);
  assert_string_equal(one->hash, same->hash);
  assert_string_not_equal(one->hash, other->hash);
  assert_int_equal(same->priority, 9);
  assert_true(same->was_processing);
  sync_event_free(one);
  sync_event_free(same);
  sync_event_free(other);
}

static br_status make_one(void *context, br_error *err) {
  (void)context;
  const sync_event_row row = {.fingerprint = "f",
                              .event_id = "e",
                              .operation = "DELETE",
                              .source_table = "c.s.t",
                              .target_table = "dbo.t",
                              .primary_keys = "a,b",
                              .filter_conditions = "{\"x\": [1, \"y\", null]}"};
  sync_event *event = NULL;
  br_status st = sync_event_make(TABLE, &row, &event, err);
  sync_event_free(event);
  return st;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  torture_allocations(make_one, NULL);
}

/* Lists of conditions c0, c1, … with `values` numbers each; the caller frees. */
static char *conditions_text(size_t count, size_t values) {
  br_buf text;
  br_buf_init(&text, BR_MIB(1));
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(br_buf_printf(&text, NULL, "%s\"c%zu\":[", i == 0 ? "{" : ",", i), BR_OK);
    for (size_t k = 0; k < values; k++) {
      assert_int_equal(br_buf_text(&text, k == 0 ? "1" : ",1", NULL), BR_OK);
    }
    assert_int_equal(br_buf_text(&text, "]", NULL), BR_OK);
  }
  assert_int_equal(br_buf_text(&text, "}", NULL), BR_OK);
  char *made = br_buf_take(&text, NULL);
  assert_non_null(made);
  return made;
}

/* All values count together, from wherever they come, before the first of them is looked at. */
static void too_many_values_are_refused_at_once(void **state) {
  (void)state;
  static const struct {
    size_t count, values;
    const char *metadata, *problem;
  } cases[] = {
      {2, 1000, NULL, NULL},
      {64, 1000, NULL,
       "filter_conditions: the conditions have 64000 values; 2000 are the most. Put the keys into "
       "a source_table instead"},
      {3, 667, NULL, "the conditions have 2001 values"},
      {2, 1000, "{\"filter_conditions\":{\"x\":1}}", "the conditions have 2001 values"},
      {2, 1000, "{\"filter_conditions\":\"{\\\"x\\\":1}\"}",
       "metadata.filter_conditions: the conditions have 2001 values"},
      {65, 1, NULL, "there are more than 64 conditions"},
      {64, 1, "{\"filter_conditions\":{\"x\":1}}", "there are more than 64 conditions"},
      {1, 1001, NULL, "has 1001 values; 1 to 1000 are taken"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char *text = conditions_text(cases[i].count, cases[i].values);
    const sync_event_row row = {.event_id = "e",
                                .operation = "DELETE",
                                .target_table = "t",
                                .primary_keys = "id",
                                .filter_conditions = text,
                                .metadata = cases[i].metadata};
    sync_event *event = make(&row);
    if (cases[i].problem == NULL) {
      assert_null(event->problem);
    } else if (event->problem == NULL || strstr(event->problem, cases[i].problem) == NULL) {
      fail_msg("case %zu: '%s'", i, event->problem == NULL ? "" : event->problem);
    }
    sync_event_free(event);
    br_free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_row_of_five_columns_is_an_event),
      cmocka_unit_test(keys_come_in_many_spellings),
      cmocka_unit_test(conditions_keep_type_null_and_lists),
      cmocka_unit_test(options_come_from_metadata),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(the_key_is_of_table_and_id_and_minds_case),
      cmocka_unit_test(the_hash_is_of_content_not_of_place_in_the_queue),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(too_many_values_are_refused_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
