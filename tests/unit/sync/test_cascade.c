/* What a change carries on to other tables, against written answers: level by level, and of an
 * UPDATE only through the columns that it sets. */
#include <string.h>

#include "base/mem.h"
#include "change_fixture.h"
#include "support/cmocka.h"
#include "sync/cascade.h"

static void expect_refused(fixture *f, const char *words, const char *sent) {
  br_error err = BR_ERROR_INIT;
  assert_int_equal(sync_cascades_refuse(&f->change, &err), BR_ERR_DATA);
  assert_string_equal(err.message, words);
  assert_true(canned_was_sent(&f->server, sent));
  fixture_end(f);
}

static void a_delete_is_followed_through_every_level(void **state) {
  (void)state;
  static const char *const first[] = {"11", "101", "1", "FK_a", "dbo", "A",
                                      "12", "102", "2", "FK_n", "x.y", "N"};
  static const char *const deleted[] = {"13", "103", "3", "FK_b", "dbo", "B"};
  static const char *const set[] = {"14", "104", "1", "FK_u", "dbo", "U"};
  fixture f;
  fixture_begin(&f, SYNC_DELETE);
  fixture_keys(&f, 2, first);
  fixture_keys(&f, 1, deleted);
  fixture_keys(&f, 1, set);
  fixture_keys(&f, 0, NULL); /* nothing more is deleted: what is set is asked for alone */
  fixture_meet(&f);
  expect_refused(&f,
                 "Deleting from dbo.T would change other tables too, through FK_a on dbo.A; "
                 "FK_n on [x.y].N; FK_b on dbo.B; FK_u on dbo.U; set metadata.allow_cascade to "
                 "true if that is meant",
                 "p.constraint_object_id IN (13, 14)");
}

static void the_statements_ask_for_what_the_level_did(void **state) {
  (void)state;
  static const char *const first[] = {"11", "101", "1", "FK_a", "dbo", "A",
                                      "12", "102", "2", "FK_n", "dbo", "N"};
  fixture f;
  sync_cascades found;
  fixture_begin(&f, SYNC_DELETE);
  strcpy(f.target.catalog, "[other].");
  f.event.target = (sync_name){.count = 3, .parts = {"other", "dbo", "T"}};
  fixture_keys(&f, 2, first);
  fixture_keys(&f, 0, NULL);
  fixture_keys(&f, 0, NULL);
  fixture_meet(&f);
  assert_int_equal(sync_cascades_find(&f.change, &found, NULL), BR_OK);
  assert_int_equal(found.count, 2);
  assert_string_equal(found.items[0].table, "other.dbo.A");
  assert_true(found.items[0].deletes && !found.items[1].deletes);
  sync_cascades_done(&found);
  assert_true(canned_was_sent(&f.server,
                              "FROM [other].sys.foreign_keys AS f LEFT JOIN [other].sys.tables"));
  assert_true(canned_was_sent(&f.server, "WHERE f.referenced_object_id = OBJECT_ID(@object) AND "
                                         "f.delete_referential_action <> 0 AND f.is_disabled = 0"));
  assert_true(canned_was_sent(&f.server, "WHERE f.referenced_object_id IN (101) AND "
                                         "f.delete_referential_action <> 0 AND f.is_disabled = 0"));
  assert_true(canned_was_sent(&f.server, "p.constraint_object_id IN (12)) AND "
                                         "f.update_referential_action <> 0 AND f.is_disabled = 0"));
  fixture_end(&f);
}

/* The server leaves out keys to columns that stay as they are: the event's keys and what the source
 * lacks. What it computes does not stay. */
static void an_update_counts_where_it_changes_what_is_referred_to(void **state) {
  (void)state;
  static const char *const key[] = {"12", "102", "1", "FK_name", "dbo", "B"};
  static const struct {
    bool id_is_computed, sends_name;
    const char *staying;
  } cases[] = {
      {false, true, "c.name IN (N'id'))) AND f.update_referential_action <> 0"},
      {false, false, "c.name IN (N'id', N'it''s')))"},
      {true, true, "c.name IN (NULL)))"},
  };
  for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
    static char quoted[] = "it's";
    fixture f;
    if (i % 2 == 0 || !cases[i / 2].sends_name) {
      fixture_begin(&f, SYNC_UPDATE);
    } else {
      fixture_begin_upsert(&f);
    }
    f.columns[0].computed = cases[i / 2].id_is_computed;
    f.columns[1].name = quoted;
    f.source.count = cases[i / 2].sends_name ? 2 : 1;
    fixture_keys(&f, 1, key);
    fixture_keys(&f, 0, NULL);
    fixture_meet(&f);
    expect_refused(&f,
                   "Updating dbo.T would change other tables too, through FK_name on dbo.B; "
                   "set metadata.allow_cascade to true if that is meant",
                   cases[i / 2].staying);
  }
}

/* What a level sets changes what the server computes of it. */
static void what_is_computed_of_what_is_set_counts(void **state) {
  (void)state;
  static const char *const first[] = {"12", "102", "2", "FK_n", "dbo", "N"};
  static const char *const second[] = {"13", "103", "1", "FK_c", "dbo", "C"};
  fixture f;
  fixture_begin(&f, SYNC_DELETE);
  fixture_keys(&f, 1, first);
  fixture_keys(&f, 1, second);
  fixture_keys(&f, 0, NULL);
  fixture_meet(&f);
  expect_refused(&f,
                 "Deleting from dbo.T would change other tables too, through FK_n on dbo.N; "
                 "FK_c on dbo.C; set metadata.allow_cascade to true if that is meant",
                 "OR EXISTS (SELECT 1 FROM sys.computed_columns AS c WHERE c.object_id = "
                 "r.referenced_object_id AND c.column_id = r.referenced_column_id)) WHERE");
}

/* Keys whose table this login may not see have no name for it; they are followed all the same. */
static void a_table_that_is_not_seen_is_followed_too(void **state) {
  (void)state;
  static const char *const first[] = {"11", "101", "1", "FK_a", "dbo", NULL,
                                      "12", "102", "1", "FK_b", NULL,  "B"};
  static const char *const second[] = {"13", "103", "1", "FK_c", "dbo", "C"};
  fixture f;
  fixture_begin(&f, SYNC_DELETE);
  fixture_keys(&f, 2, first);
  fixture_keys(&f, 1, second);
  fixture_keys(&f, 0, NULL);
  fixture_meet(&f);
  expect_refused(&f,
                 "Deleting from dbo.T would change other tables too, through FK_a on a table "
                 "that this login may not see; FK_b on a table that this login may not see; "
                 "FK_c on dbo.C; set metadata.allow_cascade to true if that is meant",
                 "f.referenced_object_id IN (101, 102)");
}

/* A server that takes keys in a circle (a table that refers to itself): each is asked for once. */
static void a_circle_ends(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_self", "dbo", "T"};
  fixture f;
  sync_listing list;
  fixture_begin(&f, SYNC_DELETE);
  fixture_keys(&f, 1, key);
  fixture_keys(&f, 1, key);
  fixture_meet(&f);
  sync_listing_init(&list, 1000);
  assert_int_equal(sync_cascades_list(&f.change, &list, NULL), BR_OK);
  assert_string_equal((const char *)list.text.data, "FK_self on dbo.T");
  sync_listing_done(&list);
  fixture_end(&f);
}

/* An upsert of keys alone updates nothing. */
static void an_insert_asks_nothing(void **state) {
  (void)state;
  for (int upsert = 0; upsert < 2; upsert++) {
    fixture f;
    fixture_begin(&f, SYNC_INSERT);
    f.event.options.upsert = upsert == 1;
    f.source.count = upsert == 1 ? 1 : 2;
    fixture_meet(&f); /* the server would hang up if it were asked */
    assert_int_equal(sync_cascades_refuse(&f.change, NULL), BR_OK);
    fixture_end(&f);
  }
}

/* Whatever allocation fails: nothing leaks, and nobody is told that there is nothing. */
static void without_memory_it_fails(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_a", "dbo", "A"};
  br_status st = BR_ERR_NOMEM;
  for (long n = 0; st == BR_ERR_NOMEM; n++) {
    fixture f;
    br_error err = BR_ERROR_INIT;
    fixture_begin(&f, SYNC_DELETE);
    fixture_keys(&f, 1, key);
    fixture_keys(&f, 0, NULL);
    fixture_meet(&f);
    br_mem_fail_after(n);
    st = sync_cascades_refuse(&f.change, &err);
    br_mem_fail_after(-1);
    assert_int_equal(err.status, st);
    fixture_end(&f);
  }
  assert_int_equal(st, BR_ERR_DATA);
}

static void a_question_that_fails_is_a_failure(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  fixture_begin(&f, SYNC_UPDATE);
  canned_error(&f.server, 229, "no");
  fixture_meet(&f);
  assert_int_equal(sync_cascades_refuse(&f.change, &err), BR_ERR_REMOTE);
  assert_non_null(strstr(err.message, "foreign keys to dbo.T"));
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_delete_is_followed_through_every_level),
      cmocka_unit_test(the_statements_ask_for_what_the_level_did),
      cmocka_unit_test(an_update_counts_where_it_changes_what_is_referred_to),
      cmocka_unit_test(what_is_computed_of_what_is_set_counts),
      cmocka_unit_test(a_table_that_is_not_seen_is_followed_too),
      cmocka_unit_test(a_circle_ends),
      cmocka_unit_test(an_insert_asks_nothing),
      cmocka_unit_test(without_memory_it_fails),
      cmocka_unit_test(a_question_that_fails_is_a_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
