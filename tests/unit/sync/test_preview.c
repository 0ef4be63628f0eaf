/* Changes against written answers: what a dry run says about triggers, cascades and rows, that the
 * statements carry the lock that the event asks for, and that very many rows are told of before a
 * DELETE. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "change_fixture.h"
#include "support/cmocka.h"
#include "sync/change_internal.h"
#include "sync/reach.h"

static void expect_preview(fixture *f, int64_t expected, const char *words) {
  int64_t rows = -1;
  br_error err = BR_ERROR_INIT;
  if (sync_change_preview(&f->change, &rows, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  assert_int_equal(rows, expected);
  assert_string_equal(br_buf_cstr(&f->change.notes), words);
}

static const char *const trigger_names[] = {"name"};

static void triggers(fixture *f, size_t count, const char *const *names) {
  canned_table(&f->server, 1, trigger_names, count, names);
}

static void an_insert_shows_its_rows_and_triggers(void **state) {
  (void)state;
  static const char *const names[] = {"id", "name"}, *const cells[] = {"1", "a", "2", NULL};
  static const char *const fired[] = {"on_new", "audit it"};
  fixture f;
  fixture_begin(&f, SYNC_INSERT);
  canned_table(&f.server, 2, names, 2, cells);
  canned_number(&f.server, 3);
  triggers(&f, 2, fired);
  fixture_meet(&f);
  expect_preview(&f, 3,
                 "Dry run, nothing was changed: 3 rows of dbo.T would be inserted. Triggers that "
                 "would fire: on_new; audit it. First rows: id=1, name=a; id=2, name=NULL");
  assert_true(canned_was_sent(&f.server, "e.type IN (1)) ORDER BY"));
  fixture_end(&f);
}

static void an_upsert_shows_what_it_updates_and_what_it_inserts(void **state) {
  (void)state;
  static const char *const pair[] = {"id", "name", "name"};
  static const char *const old_and_new[] = {"1", "a", "A", "2", "b", "b", "3", NULL, "c"};
  static const char *const names[] = {"id", "name"}, *const cells[] = {"4", "d"};
  static const char *const fired[] = {"on_change"};
  fixture f;
  fixture_begin(&f, SYNC_INSERT);
  f.event.options.upsert = true;
  canned_table(&f.server, 3, pair, 3, old_and_new);
  canned_table(&f.server, 2, names, 1, cells);
  canned_number(&f.server, 3);
  canned_number(&f.server, 1);
  triggers(&f, 1, fired);
  fixture_meet(&f);
  expect_preview(&f, 4,
                 "Dry run, nothing was changed: 3 rows of dbo.T would be updated and 1 inserted. "
                 "Triggers that would fire: on_change. First rows: id=1: name a -> A; id=2: no "
                 "difference; id=3: name NULL -> c; new: id=4, name=d");
  assert_true(canned_was_sent(&f.server, "e.type IN (1, 2)) ORDER BY"));
  fixture_end(&f);
}

static void an_update_names_the_triggers_of_updates(void **state) {
  (void)state;
  static const char *const pair[] = {"id", "name", "name"};
  static const char *const old_and_new[] = {"1", "a", "A"};
  fixture f;
  fixture_begin(&f, SYNC_UPDATE);
  canned_table(&f.server, 3, pair, 1, old_and_new);
  canned_number(&f.server, 1);
  triggers(&f, 0, NULL);
  fixture_meet(&f);
  expect_preview(&f, 1,
                 "Dry run, nothing was changed: 1 row of dbo.T would be updated. Triggers that "
                 "would fire: none. First rows: id=1: name a -> A");
  assert_true(canned_was_sent(&f.server, "e.type IN (2)) ORDER BY"));
  fixture_end(&f);
}

/* More foreign keys than there is room for are counted. */
static void a_delete_names_triggers_and_cascades(void **state) {
  (void)state;
  static const char *const names[] = {"id", "name"}, *const cells[] = {"7", "a"};
  static const char *const fired[] = {"on_gone"};
  static char ids[25][4];
  const char *found[25 * KEY_CELLS];
  fixture f;
  for (size_t i = 0; i < 25; i++) {
    (void)snprintf(ids[i], sizeof ids[i], "%zu", i + 1);
    const char *const key[] = {ids[i],
                               ids[i],
                               "1",
                               i == 0 ? "FK_lines" : "FK_n",
                               i == 0 ? "dbo" : "x",
                               i == 0 ? "Lines" : "y"};
    memcpy(found + KEY_CELLS * i, key, sizeof key);
  }
  fixture_begin(&f, SYNC_DELETE);
  f.event.options.allow_cascade = true;
  canned_table(&f.server, 2, names, 1, cells);
  canned_number(&f.server, 1);
  triggers(&f, 1, fired);
  fixture_keys(&f, 25, found);
  fixture_keys(&f, 0, NULL);
  fixture_meet(&f);
  int64_t rows = 0;
  assert_int_equal(sync_change_preview(&f.change, &rows, NULL), BR_OK);
  const char *said = br_buf_cstr(&f.change.notes);
  assert_non_null(strstr(said, "1 row of dbo.T would be deleted. Triggers that would fire: "
                               "on_gone. Foreign keys that would carry it on: FK_lines on "
                               "dbo.Lines; FK_n on x.y; FK_n on x.y; "));
  assert_non_null(strstr(said, "; FK_n on x.y; and 5 more. First rows: id=7, name=a"));
  assert_true(canned_was_sent(&f.server, "e.type IN (3)) ORDER BY"));
  fixture_end(&f);
}

/* Who may write and not read learns how many rows, and is not shown one: none is asked for. */
static void without_the_right_to_read_no_row_is_shown(void **state) {
  (void)state;
  static const sync_operation operations[] = {SYNC_INSERT, SYNC_UPDATE, SYNC_DELETE};
  static const char *const verbs[] = {"inserted", "updated", "deleted"};
  for (size_t i = 0; i < 3; i++) {
    char words[256];
    fixture f;
    fixture_begin(&f, operations[i]);
    canned_number(&f.server, 3);
    triggers(&f, 0, NULL);
    fixture_meet(&f);
    f.change.may_read = false;
    (void)snprintf(words, sizeof words,
                   "Dry run, nothing was changed: 3 rows of dbo.T would be %s. Triggers that would "
                   "fire: none%s. First rows are not shown: this user may not read dbo.T",
                   verbs[i],
                   operations[i] == SYNC_DELETE ? ". Foreign keys that would carry it on: none"
                                                : "");
    expect_preview(&f, 3, words);
    assert_null(f.change.first_rows);
    assert_false(canned_was_sent(&f.server, "SELECT TOP (5)"));
    fixture_end(&f);
  }
}

/* A login that may not look is no failure of the dry run. */
static void what_can_not_be_asked_is_left_out(void **state) {
  (void)state;
  fixture f;
  fixture_begin(&f, SYNC_INSERT);
  static const char *const names[] = {"id", "name"}, *const cells[] = {"1", "a"};
  canned_table(&f.server, 2, names, 1, cells);
  canned_number(&f.server, 3);
  canned_error(&f.server, 229, "no");
  fixture_meet(&f);
  expect_preview(&f, 3,
                 "Dry run, nothing was changed: 3 rows of dbo.T would be inserted. First rows: "
                 "id=1, name=a");
  fixture_end(&f);
}

static void statements_lock_the_table_where_the_event_asks(void **state) {
  (void)state;
  static const struct {
    sync_operation operation;
    bool upsert;
    const char *plain, *locked;
  } cases[] = {
      {SYNC_INSERT, false, "INSERT INTO [dbo].[T] (", "INSERT INTO [dbo].[T] WITH (TABLOCK) ("},
      {SYNC_INSERT, true, "FROM [dbo].[T] AS t WITH (UPDLOCK, HOLDLOCK) INNER JOIN",
       "FROM [dbo].[T] AS t WITH (TABLOCKX) INNER JOIN"},
      {SYNC_UPDATE, false, "FROM [dbo].[T] AS t INNER JOIN",
       "FROM [dbo].[T] AS t WITH (TABLOCKX) INNER JOIN"},
      {SYNC_DELETE, false, "t FROM [dbo].[T] AS t WHERE",
       "t FROM [dbo].[T] AS t WITH (TABLOCKX) WHERE"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int lock = 0; lock < 2; lock++) {
      fixture f;
      int64_t rows = 0;
      fixture_begin(&f, cases[i].operation);
      f.event.options.upsert = cases[i].upsert;
      f.event.options.table_lock = lock == 1;
      canned_number(&f.server, 2);
      canned_number(&f.server, 1);
      fixture_meet(&f);
      assert_int_equal(sync_change_run(&f.change, &rows, NULL), BR_OK);
      assert_int_equal(rows, cases[i].upsert ? 3 : 2);
      assert_int_equal(canned_was_sent(&f.server, cases[i].locked), lock);
      assert_int_equal(canned_was_sent(&f.server, cases[i].plain), 1 - lock);
      fixture_end(&f);
    }
  }
}

/* IDENTITY_INSERT stays on for the session, whatever became of the rows: no other event may meet
 * it.
 */
static void a_session_that_keeps_identity_insert_is_spoilt(void **state) {
  (void)state;
  for (int inserted = 0; inserted < 2; inserted++) {
    for (int off = 0; off < 2; off++) {
      fixture f;
      int64_t rows = 0;
      fixture_begin(&f, SYNC_INSERT);
      f.source.has_identity = true;
      canned_nothing(&f.server);
      if (inserted == 1) {
        canned_number(&f.server, 3);
      } else {
        canned_error(&f.server, 2627, "twice");
      }
      if (off == 1) {
        canned_nothing(&f.server);
      } else {
        canned_error(&f.server, 50000, "no");
      }
      fixture_meet(&f);
      assert_int_equal(sync_change_run(&f.change, &rows, NULL),
                       inserted == 1 && off == 1 ? BR_OK : BR_ERR_REMOTE);
      assert_true(canned_was_sent(&f.server, "SET IDENTITY_INSERT [dbo].[T] OFF"));
      assert_int_equal(f.change.spoilt, off == 0);
      fixture_end(&f);
    }
  }
}

/* And that nothing refers to it. */
static void describe(fixture *f) {
  fixture_describe_target(f);
  canned_number(&f->server, 0);
}

static void expect_prepared(fixture *f, uint64_t limit, const char *notes) {
  br_error err = BR_ERROR_INIT;
  fixture_meet_unprepared(f, "dbo.T");
  f->change.max_delete_rows = limit;
  if (sync_change_prepare(&f->change, &err) != BR_OK) {
    fail_msg("%s", err.message);
  }
  assert_string_equal(f->change.notes.len == 0 ? "" : br_buf_cstr(&f->change.notes), notes);
  assert_int_equal(f->change.prepared_notes, strlen(notes));
  fixture_end_prepared(f);
}

#define UNSEEN_WORDS                                                                               \
  "Foreign keys of tables that this login may not see refer to dbo.T, so it is not known whether " \
  "deleting from it would change other tables; grant VIEW DEFINITION on them, or set "             \
  "metadata.allow_cascade to true"

/* A foreign key that came after prepare, or a view: the count says so. */
static void what_a_delete_may_reach_is_looked_at_with_its_count(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_lines", "dbo", "Lines"};
  static const struct {
    int64_t number;
    const char *words;
  } cases[] = {
      {-1, "Deleting from dbo.T would change other tables too, through FK_lines on dbo.Lines; set "
           "metadata.allow_cascade to true if that is meant"},
      {-2, "dbo.T is a view: the foreign keys to the tables behind it are not looked at, so it is "
           "not known whether deleting from it would change other tables; name the table, or set "
           "metadata.allow_cascade to true"},
      {-3, UNSEEN_WORDS},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f;
    int64_t rows = -9;
    br_error err = BR_ERROR_INIT;
    fixture_begin(&f, SYNC_DELETE);
    canned_number(&f.server, cases[i].number);
    fixture_keys(&f, 1, key);
    fixture_keys(&f, 0, NULL);
    fixture_meet(&f);
    f.change.max_delete_rows = 0;
    assert_int_equal(sync_change_run(&f.change, &rows, &err), BR_ERR_DATA);
    assert_string_equal(err.message, cases[i].words);
    assert_int_equal(rows, -9);
    assert_true(canned_was_sent(&f.server, "; SELECT CASE WHEN EXISTS (SELECT 1 FROM sys.foreign"));
    fixture_end(&f);
  }
}

/* The key can be seen, its table can't (this login has no right on it): the same event would find
 * the same again, so it fails and waits for nothing. */
static void a_key_of_a_table_that_is_not_seen_is_no_conflict(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "2", "FK_lines", "dbo", NULL};
  fixture f;
  int64_t rows = -9;
  br_error err = BR_ERROR_INIT;
  fixture_begin(&f, SYNC_DELETE);
  canned_number(&f.server, -1);
  fixture_keys(&f, 1, key);
  fixture_keys(&f, 0, NULL);
  fixture_meet(&f);
  assert_int_equal(sync_change_run(&f.change, &rows, &err), BR_ERR_DATA);
  assert_string_equal(err.message, UNSEEN_WORDS);
  assert_int_equal(rows, -9);
  fixture_end(&f);
  fixture_begin(&f, SYNC_DELETE);
  fixture_describe_target(&f);
  canned_number(&f.server, -1);
  fixture_keys(&f, 0, NULL); /* gone in between */
  fixture_meet_unprepared(&f, "dbo.T");
  f.change.max_delete_rows = 1;
  assert_int_equal(sync_change_prepare(&f.change, &err), BR_ERR_DATA);
  assert_string_equal(err.message, UNSEEN_WORDS);
  fixture_end_prepared(&f);
  fixture_begin(&f, SYNC_UPDATE);
  canned_number(&f.server, -1);
  fixture_keys(&f, 1, key);
  fixture_keys(&f, 0, NULL);
  fixture_meet(&f);
  assert_int_equal(sync_reach_refuse(&f.change, &err), BR_ERR_DATA);
  assert_non_null(strstr(err.message, "it is not known whether updating it would change other"));
  fixture_end(&f);
}

/* The property of tables of another database is asked there; a server that can't be asked so knows
 * none, and is asked for the rest alone. */
static void foreign_keys_that_are_not_seen_are_asked_for_in_their_database(void **state) {
  (void)state;
  static const int64_t numbers[] = {0, -3, -2};
  for (int i = 0; i < 4; i++) {
    fixture f;
    br_error err = BR_ERROR_INIT;
    fixture_begin(&f, SYNC_DELETE);
    fixture_describe_target(&f);
    if (i == 3) {
      canned_error(&f.server, 33557097, "no such procedure");
      canned_number(&f.server, 0);
    } else {
      canned_number(&f.server, numbers[i]);
    }
    fixture_meet_unprepared(&f, "other.dbo.T");
    f.change.max_delete_rows = 1;
    assert_int_equal(sync_change_prepare(&f.change, &err), i % 3 == 0 ? BR_OK : BR_ERR_DATA);
    assert_int_equal(strstr(err.message, "this login may not see refer to other.dbo.T") != NULL,
                     i == 1);
    assert_int_equal(strstr(err.message, "other.dbo.T is a view") != NULL, i == 2);
    assert_true(canned_was_sent(&f.server, "EXEC [other].sys.sp_executesql"));
    assert_true(canned_was_sent(&f.server, "FROM [other].sys.foreign_keys AS f WHERE"));
    fixture_end_prepared(&f);
  }
}

/* What has the id in the session's own database has nothing to do with the target: the property
 * is asked of the database that the session is in. */
static void the_property_is_of_the_sessions_own_database(void **state) {
  (void)state;
  static const char *const targets[] = {"dbo.T", "other.dbo.T"};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    const bool own = i == 0;
    fixture f;
    int64_t rows = -9;
    fixture_begin(&f, SYNC_DELETE);
    fixture_describe_target(&f);
    if (!own) {
      canned_error(&f.server, 2812, "no such procedure");
    }
    canned_number(&f.server, 0);
    canned_number(&f.server, 1);
    fixture_meet_unprepared(&f, targets[i]);
    f.change.max_delete_rows = 1;
    assert_int_equal(sync_change_prepare(&f.change, NULL), BR_OK);
    assert_int_equal(canned_count_sent(&f.server, "TableHasForeignRef"), 1);
    assert_int_equal(sync_change_run(&f.change, &rows, NULL), BR_OK);
    assert_int_equal(rows, 1);
    assert_int_equal(canned_count_sent(&f.server, "TableHasForeignRef"), own ? 2 : 1);
    fixture_end_prepared(&f);
  }
}

/* Context: the table that may not be changed. Writes down which were asked for. */
static char asked_for[256];
static br_status may_change(void *context, const char *table, br_error *err) {
  const size_t used = strlen(asked_for);
  (void)snprintf(asked_for + used, sizeof asked_for - used, "%s;", table);
  return strcmp(context, table) == 0 ? br_error_set(err, BR_ERR_AUTH, "no") : BR_OK;
}

/* Deleted: dbo.Lines, and through it dbo.Deep by two keys; set: a column of dbo.Notes. */
static void cascade(fixture *f) {
  static const char *const first[] = {"11", "101", "1", "FK_lines", "dbo", "Lines",
                                      "12", "102", "2", "FK_notes", "dbo", "Notes"};
  static const char *const second[] = {"13", "103", "1", "FK_deep", "dbo", "Deep",
                                       "14", "103", "1", "FK_more", "dbo", "Deep"};
  canned_number(&f->server, -2); /* one row, and foreign keys carry it on */
  fixture_keys(f, 2, first);
  fixture_keys(f, 2, second);
  fixture_keys(f, 0, NULL);
  fixture_keys(f, 0, NULL);
}

static void each_table_that_a_change_reaches_is_asked_for(void **state) {
  (void)state;
  static char none[] = "", lines[] = "dbo.Lines", notes[] = "dbo.Notes", deep[] = "dbo.Deep";
  static char *const denied[] = {none, lines, notes, deep};
  for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
    fixture f;
    int64_t rows = -9;
    br_error err = BR_ERROR_INIT;
    fixture_begin(&f, SYNC_DELETE);
    f.event.options.allow_cascade = true;
    cascade(&f);
    fixture_meet(&f);
    f.change.may_change = may_change;
    f.change.may_change_context = denied[i];
    asked_for[0] = '\0';
    assert_int_equal(sync_change_run(&f.change, &rows, &err), i == 0 ? BR_OK : BR_ERR_AUTH);
    if (i == 0) {
      assert_string_equal(asked_for, "dbo.Lines;dbo.Notes;dbo.Deep;");
      assert_int_equal(rows, 1);
    } else {
      char words[64];
      (void)snprintf(words, sizeof words, "The change of dbo.T would change %s too: no", denied[i]);
      assert_string_equal(err.message, words);
    }
    fixture_end(&f);
  }
}

/* A table without a name may be written by who may write all. One that refers to the target and
 * whose keys are not seen either is noticed before a DELETE. */
static void a_table_that_is_not_seen_takes_the_right_to_all(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_lines", "dbo", NULL};
  static char none[] = "", every[] = SYNC_UNSEEN_TABLE;
  for (int i = 0; i < 6; i++) {
    const bool denied = i % 2 == 1;
    fixture f;
    br_error err = BR_ERROR_INIT;
    fixture_begin(&f, SYNC_DELETE);
    f.event.options.allow_cascade = true;
    canned_number(&f.server, i < 2 ? -3 : i < 4 ? -1 : -2);
    if (i >= 2) {
      fixture_keys(&f, 1, key);
      fixture_keys(&f, 0, NULL);
    }
    fixture_meet(&f);
    f.change.may_change = may_change;
    f.change.may_change_context = denied ? every : none;
    asked_for[0] = '\0';
    int64_t rows = 1;
    assert_int_equal(i < 4 ? sync_reach_refuse(&f.change, &err)
                           : sync_change_run(&f.change, &rows, &err),
                     denied ? BR_ERR_AUTH : BR_OK);
    assert_string_equal(asked_for, SYNC_UNSEEN_TABLE ";");
    assert_int_equal(rows, 1);
    assert_string_equal(err.message,
                        denied ? "The change of dbo.T may reach tables that this login may not "
                                 "see, and its user may not write every table; grant the login "
                                 "VIEW DEFINITION on them"
                               : "");
    fixture_end(&f);
  }
}

/* Before any row is read, and once more behind the change: see above. */
static void a_change_that_may_not_reach_a_table_is_not_begun(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_lines", "dbo", "Lines"};
  static char lines[] = "dbo.Lines";
  fixture f;
  br_error err = BR_ERROR_INIT;
  fixture_begin(&f, SYNC_DELETE);
  f.event.options.allow_cascade = true;
  fixture_describe_target(&f);
  canned_number(&f.server, -1);
  fixture_keys(&f, 1, key);
  fixture_keys(&f, 0, NULL);
  fixture_meet_unprepared(&f, "dbo.T");
  f.change.may_change = may_change;
  f.change.may_change_context = lines;
  f.change.max_delete_rows = 1;
  assert_int_equal(sync_change_prepare(&f.change, &err), BR_ERR_AUTH);
  assert_string_equal(err.message, "The change of dbo.T would change dbo.Lines too: no");
  assert_false(canned_was_sent(&f.server, "DELETE "));
  fixture_end_prepared(&f);
  for (int upsert = 0; upsert < 2; upsert++) {
    fixture_begin(&f, upsert == 1 ? SYNC_INSERT : SYNC_UPDATE);
    f.event.options.upsert = upsert == 1;
    f.event.options.allow_cascade = true;
    canned_number(&f.server, -1);
    fixture_keys(&f, 1, key);
    fixture_keys(&f, 0, NULL);
    fixture_meet(&f);
    f.change.may_change = may_change;
    f.change.may_change_context = lines;
    assert_int_equal(sync_reach_refuse(&f.change, &err), BR_ERR_AUTH);
    assert_string_equal(err.message, "The change of dbo.T would change dbo.Lines too: no");
    fixture_end(&f);
  }
}

/* While its rows were read, its keys looked at, or it waited for a lock. Its rows are counted all
 * the same where it may go on. */
static void a_key_that_came_since_is_met_inside_the_transaction(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_lines", "dbo", "Lines"};
  static char none[] = "";
  for (int which = 0; which < 4; which++) {
    const bool upsert = (which & 1) != 0, allowed = (which & 2) != 0;
    fixture f;
    int64_t rows = -9;
    br_error err = BR_ERROR_INIT;
    fixture_begin(&f, upsert ? SYNC_INSERT : SYNC_UPDATE);
    f.event.options.upsert = upsert;
    f.event.options.allow_cascade = allowed;
    canned_number(&f.server, allowed ? -1 - 3 : -1);
    fixture_keys(&f, 1, key);
    fixture_keys(&f, 0, NULL);
    if (upsert) {
      canned_number(&f.server, 0);
    }
    fixture_meet(&f);
    f.change.may_change = may_change;
    f.change.may_change_context = none;
    assert_int_equal(sync_change_run(&f.change, &rows, &err), allowed ? BR_OK : BR_ERR_DATA);
    assert_int_equal(rows, allowed ? 3 : -9);
    assert_int_equal(strstr(err.message, "through FK_lines on dbo.Lines; set") != NULL, !allowed);
    fixture_end(&f);
  }
}

/* A catalog may be slow: without foreign keys one question is asked before the change, and none of
 * its own behind it. */
static void what_is_reached_costs_one_request(void **state) {
  (void)state;
  static char none[] = "";
  enum { DESCRIBED = 2 };
  for (int i = 0; i < 6; i++) {
    const bool deletion = i / 2 == 0, upsert = i / 2 == 2, allowed = i % 2 == 1;
    fixture f;
    int64_t rows = -9;
    fixture_begin(&f, deletion ? SYNC_DELETE : upsert ? SYNC_INSERT : SYNC_UPDATE);
    f.event.options.upsert = upsert;
    f.event.options.allow_cascade = allowed;
    if (deletion) {
      fixture_describe_target(&f);
    }
    canned_number(&f.server, 0);
    canned_number(&f.server, 3);
    if (upsert) {
      canned_number(&f.server, 0);
    }
    if (deletion) {
      fixture_meet_unprepared(&f, "dbo.T");
    } else {
      fixture_meet(&f);
    }
    f.change.max_delete_rows = 3;
    f.change.may_change = may_change;
    f.change.may_change_context = none;
    assert_int_equal(deletion ? sync_change_prepare(&f.change, NULL)
                              : sync_reach_refuse(&f.change, NULL),
                     BR_OK);
    const size_t before = deletion ? DESCRIBED + 1 : 1;
    assert_int_equal(canned_requests(&f.server), before);
    assert_int_equal(sync_change_run(&f.change, &rows, NULL), BR_OK);
    assert_int_equal(rows, 3);
    assert_int_equal(canned_requests(&f.server), before + (upsert ? 2 : 1));
    assert_int_equal(canned_count_sent(&f.server, "sys.foreign_keys"), deletion && !allowed ? 4
                                                                       : deletion           ? 3
                                                                                            : 2);
    if (deletion) {
      fixture_end_prepared(&f);
    } else {
      fixture_end(&f);
    }
  }
}

#define LOG "in one transaction: the log of the database must hold them all; 12 % of it is in use"

/* A DELETE by conditions has no source to say how many rows are coming. */
static void very_many_rows_of_a_delete_are_told_beforehand(void **state) {
  (void)state;
  static const struct {
    uint64_t limit;
    int64_t rows;
    const char *notes;
  } cases[] = {
      {1000000, 0, ""}, /* so many it can't be: nothing is asked */
      {1000001, 1000000, ""},
      {1000001, 1000001, "1000001 rows " LOG},
      {UINT64_MAX, 3000000000, "3000000000 rows " LOG},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f;
    fixture_begin(&f, SYNC_DELETE);
    describe(&f);
    if (cases[i].rows > 0) {
      canned_number(&f.server, cases[i].rows);
    }
    if (cases[i].notes[0] != '\0') {
      canned_number(&f.server, 12);
    }
    expect_prepared(&f, cases[i].limit, cases[i].notes);
  }
}

/* 3 rows stand in the stage. An upsert's rows may be updated or inserted. */
static void rows_that_the_server_leaves_out_are_told(void **state) {
  (void)state;
  static const struct {
    bool upsert;
    int64_t updated, inserted;
    const char *notes;
  } cases[] = {
      {false, 0, 3, ""},
      {false, 0, 1,
       "SQL Server left 2 of the source's 3 rows out, as an index with IGNORE_DUP_KEY does with "
       "values that are there already"},
      {true, 2, 1, ""},
      {true, 4, 0, ""}, /* keys may be there twice */
      {true, 1, 1,
       "SQL Server left 1 of the source's 3 rows out, as an index with IGNORE_DUP_KEY does with "
       "values that are there already"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f;
    int64_t rows = 0;
    fixture_begin(&f, SYNC_INSERT);
    f.event.options.upsert = cases[i].upsert;
    if (cases[i].upsert) {
      canned_number(&f.server, cases[i].updated);
    }
    canned_number(&f.server, cases[i].inserted);
    fixture_meet(&f);
    assert_int_equal(sync_change_run(&f.change, &rows, NULL), BR_OK);
    assert_int_equal(rows, cases[i].updated + cases[i].inserted);
    assert_string_equal(f.change.notes.len == 0 ? "" : br_buf_cstr(&f.change.notes),
                        cases[i].notes);
    fixture_end(&f);
  }
}

/* Keys alone: those that were there are neither updated nor inserted. */
static void an_upsert_of_keys_alone_leaves_none_out(void **state) {
  (void)state;
  fixture f;
  int64_t rows = 0;
  fixture_begin(&f, SYNC_INSERT);
  f.event.options.upsert = true;
  f.source.count = 1;
  canned_number(&f.server, 1);
  fixture_meet(&f);
  assert_int_equal(sync_change_run(&f.change, &rows, NULL), BR_OK);
  assert_int_equal(f.change.notes.len, 0);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_insert_shows_its_rows_and_triggers),
      cmocka_unit_test(an_upsert_shows_what_it_updates_and_what_it_inserts),
      cmocka_unit_test(an_update_names_the_triggers_of_updates),
      cmocka_unit_test(a_delete_names_triggers_and_cascades),
      cmocka_unit_test(without_the_right_to_read_no_row_is_shown),
      cmocka_unit_test(what_can_not_be_asked_is_left_out),
      cmocka_unit_test(statements_lock_the_table_where_the_event_asks),
      cmocka_unit_test(a_session_that_keeps_identity_insert_is_spoilt),
      cmocka_unit_test(what_a_delete_may_reach_is_looked_at_with_its_count),
      cmocka_unit_test(a_key_of_a_table_that_is_not_seen_is_no_conflict),
      cmocka_unit_test(the_property_is_of_the_sessions_own_database),
      cmocka_unit_test(foreign_keys_that_are_not_seen_are_asked_for_in_their_database),
      cmocka_unit_test(each_table_that_a_change_reaches_is_asked_for),
      cmocka_unit_test(a_change_that_may_not_reach_a_table_is_not_begun),
      cmocka_unit_test(a_table_that_is_not_seen_takes_the_right_to_all),
      cmocka_unit_test(a_key_that_came_since_is_met_inside_the_transaction),
      cmocka_unit_test(what_is_reached_costs_one_request),
      cmocka_unit_test(very_many_rows_of_a_delete_are_told_beforehand),
      cmocka_unit_test(rows_that_the_server_leaves_out_are_told),
      cmocka_unit_test(an_upsert_of_keys_alone_leaves_none_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
