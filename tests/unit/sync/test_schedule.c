/* Events of one table never overtake each other; a new list replaces what waits, not what runs. */
#include "sync/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"

static sync_event *event_for(const char *id, const char *table) {
  const sync_event_row row = {.fingerprint = id,
                              .event_id = id,
                              .operation = "INSERT",
                              .source_table = "s",
                              .target_table = table};
  sync_event *event = NULL;
  assert_int_equal(sync_event_make("q", &row, &event, NULL), BR_OK);
  return event;
}

static void merge(sync_schedule *schedule, const char *const (*events)[2], size_t count,
                  bool (*skip)(void *, const char *)) {
  sync_event_list list = {.items = br_calloc(count + 1, sizeof(sync_event *)), .count = count};
  for (size_t i = 0; i < count; i++) {
    list.items[i] = event_for(events[i][0], events[i][1]);
  }
  assert_int_equal(sync_schedule_merge(schedule, &list, skip, NULL, NULL), BR_OK);
  sync_event_list_done(&list);
}

static void assert_next(sync_schedule *schedule, const char *id, sync_event **ret_event) {
  *ret_event = sync_schedule_take(schedule);
  if (id == NULL) {
    assert_null(*ret_event);
  } else {
    assert_non_null(*ret_event);
    assert_string_equal((*ret_event)->event_id, id);
  }
}

static void events_of_a_busy_table_wait_and_others_go_on(void **state) {
  (void)state;
  static const char *const events[][2] = {
      {"1", "dbo.A"}, {"2", "[DBO].a"}, {"3", "dbo.B"}, {"4", "A"}};
  sync_schedule schedule = {.waiting = NULL};
  sync_event *first, *second, *none;
  merge(&schedule, events, 4, NULL);
  assert_next(&schedule, "1", &first);
  assert_next(&schedule, "3", &second); /* 2 and 4 are of the table of 1 */
  assert_next(&schedule, NULL, &none);
  assert_false(sync_schedule_is_idle(&schedule));
  sync_schedule_put(&schedule, first, false);
  assert_next(&schedule, "2", &first);
  sync_schedule_put(&schedule, first, false);
  assert_next(&schedule, "4", &first);
  sync_schedule_put(&schedule, first, false);
  assert_false(sync_schedule_is_used_up(&schedule)); /* 3 runs */
  sync_schedule_put(&schedule, second, false);
  assert_true(sync_schedule_is_idle(&schedule));
  assert_true(sync_schedule_is_used_up(&schedule));
  sync_schedule_done(&schedule);
}

static void a_held_table_waits_for_the_next_list(void **state) {
  (void)state;
  static const char *const events[][2] = {{"1", "dbo.A"}, {"2", "dbo.A"}, {"3", "dbo.B"}};
  sync_schedule schedule = {.waiting = NULL};
  sync_event *event;
  merge(&schedule, events, 3, NULL);
  assert_next(&schedule, "1", &event);
  sync_schedule_put(&schedule, event, true);
  assert_next(&schedule, "3", &event);
  sync_schedule_put(&schedule, event, false);
  assert_next(&schedule, NULL, &event);
  assert_true(sync_schedule_is_idle(&schedule)); /* 2 waits, and can't be done now */
  assert_false(sync_schedule_is_used_up(&schedule));
  merge(&schedule, events, 2, NULL);
  assert_next(&schedule, "1", &event);
  sync_schedule_put(&schedule, event, false);
  sync_schedule_done(&schedule);
}

static size_t leave_out(sync_schedule *schedule, const char **ret_names, size_t most) {
  size_t count = 99;
  assert_int_equal(sync_schedule_leave_out(schedule, ret_names, most, &count, NULL), BR_OK);
  return count;
}

static void stuck_tables_are_named_as_written_and_once(void **state) {
  (void)state;
  static const char *const events[][2] = {
      {"1", "dbo.A"}, {"2", "[dbo].[a]"}, {"3", "dbo.A"}, {"4", "dbo.B"}, {"5", ""}};
  sync_schedule schedule = {.waiting = NULL};
  sync_event *event;
  const char *names[4];
  merge(&schedule, events, 5, NULL);
  assert_int_equal(leave_out(&schedule, names, 4), 0);
  assert_next(&schedule, "1", &event);
  assert_int_equal(leave_out(&schedule, names, 4), 2);
  assert_string_equal(names[0], "[dbo].[a]");
  assert_string_equal(names[1], "dbo.A");
  assert_int_equal(leave_out(&schedule, names, 1), 1);
  sync_schedule_put(&schedule, event, true);
  assert_int_equal(leave_out(&schedule, names, 4), 2);
  sync_schedule_done(&schedule);
}

/* The list was full of events of one table, and the next one is read without the spellings that
 * stood there: another spelling of the table does not get ahead. The one after has them all. */
static void another_spelling_does_not_overtake_a_stuck_table(void **state) {
  (void)state;
  static const char *const full[][2] = {{"1", "dbo.T"}, {"2", "dbo.T"}, {"3", "dbo.T"}};
  static const char *const behind[][2] = {{"4", "T"}, {"5", "dbo.U"}, {"6", "sales.[DBO].t"}};
  sync_schedule schedule = {.database = "Sales"};
  sync_event *event;
  const char *names[4];
  merge(&schedule, full, 3, NULL);
  assert_next(&schedule, "1", &event);
  sync_schedule_put(&schedule, event, true);
  assert_int_equal(leave_out(&schedule, names, 4), 1);
  merge(&schedule, behind, 3, NULL);
  assert_next(&schedule, "5", &event);
  sync_schedule_put(&schedule, event, false);
  assert_next(&schedule, NULL, &event);
  assert_true(sync_schedule_is_used_up(&schedule));
  assert_int_equal(leave_out(&schedule, names, 4), 0);
  merge(&schedule, full, 3, NULL);
  assert_next(&schedule, "1", &event); /* it has ended before the next list is there */
  assert_int_equal(leave_out(&schedule, names, 4), 1);
  sync_schedule_put(&schedule, event, false);
  merge(&schedule, behind, 1, NULL);
  assert_next(&schedule, NULL, &event);
  merge(&schedule, behind, 1, NULL);
  assert_next(&schedule, "4", &event);
  sync_schedule_put(&schedule, event, true);
  assert_int_equal(leave_out(&schedule, names, 0), 0); /* and that one is read with all */
  merge(&schedule, behind, 1, NULL);
  assert_next(&schedule, "4", &event);
  sync_schedule_put(&schedule, event, false);
  sync_schedule_done(&schedule);
}

static bool is_two(void *context, const char *fingerprint) {
  (void)context;
  return strcmp(fingerprint, "2") == 0;
}

static void all_names_of_a_table_are_one(void **state) {
  (void)state;
  static const char *const events[][2] = {{"1", "T"},
                                          {"2", "dbo.T"},
                                          {"3", "sales.DBO.t"},
                                          {"4", "[Sales]..T"},
                                          {"5", "other..T"},
                                          {"6", "x.T"},
                                          {"7", "[Ma\xc3\xb1"
                                                "ana]"},
                                          {"8", "MA\xc3\x91"
                                                "ANA"}};
  sync_schedule schedule = {.database = "Sales"};
  sync_event *first, *others[3];
  merge(&schedule, events, 8, NULL);
  assert_next(&schedule, "1", &first);
  assert_next(&schedule, "5", &others[0]);
  assert_next(&schedule, "6", &others[1]);
  assert_next(&schedule, "7", &others[2]);
  sync_event *event;
  assert_next(&schedule, NULL, &event);
  sync_schedule_put(&schedule, first, false);
  for (size_t i = 0; i < 3; i++) {
    sync_schedule_put(&schedule, others[i], false);
  }
  static const char *const order[] = {"2", "3", "4"};
  sync_event *last;
  assert_next(&schedule, order[0], &event);
  assert_next(&schedule, "8", &last);
  sync_schedule_put(&schedule, last, false);
  sync_schedule_put(&schedule, event, false);
  for (size_t i = 1; i < 3; i++) {
    assert_next(&schedule, order[i], &event);
    sync_schedule_put(&schedule, event, false);
  }
  sync_schedule_done(&schedule);
}

static void what_runs_or_has_ended_does_not_come_back(void **state) {
  (void)state;
  static const char *const events[][2] = {{"1", "dbo.A"}, {"2", "dbo.B"}, {"3", "dbo.C"}};
  sync_schedule schedule = {.waiting = NULL};
  sync_event *running, *event;
  merge(&schedule, events, 1, NULL);
  assert_next(&schedule, "1", &running);
  merge(&schedule, events, 3, is_two);
  assert_next(&schedule, "3", &event);
  sync_schedule_put(&schedule, event, false);
  assert_next(&schedule, NULL, &event);
  sync_schedule_put(&schedule, running, false);
  sync_schedule_done(&schedule);
}

static void events_without_a_table_hold_nobody_up(void **state) {
  (void)state;
  static const char *const events[][2] = {{"1", ""}, {"2", ""}, {"3", "dbo.A"}};
  sync_schedule schedule = {.waiting = NULL};
  sync_event *taken[3];
  merge(&schedule, events, 3, NULL);
  assert_next(&schedule, "1", &taken[0]);
  assert_next(&schedule, "2", &taken[1]);
  assert_next(&schedule, "3", &taken[2]);
  for (size_t i = 0; i < 3; i++) {
    sync_schedule_put(&schedule, taken[i], false);
  }
  sync_schedule_done(&schedule);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_of_a_busy_table_wait_and_others_go_on),
      cmocka_unit_test(a_held_table_waits_for_the_next_list),
      cmocka_unit_test(all_names_of_a_table_are_one),
      cmocka_unit_test(what_runs_or_has_ended_does_not_come_back),
      cmocka_unit_test(events_without_a_table_hold_nobody_up),
      cmocka_unit_test(another_spelling_does_not_overtake_a_stuck_table),
      cmocka_unit_test(stuck_tables_are_named_as_written_and_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
