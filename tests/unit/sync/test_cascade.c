/* What a change carries on to other tables, against written answers: level by level, and of an
 * UPDATE only through the columns that it sets. */
#include <string.h>

#include "canned.h"
#include "support/cmocka.h"
#include "sync/cascade.h"
#include "sync/source_internal.h"

/* dbo.T (id, name), and a source with both columns; id is the event's key. */
typedef struct fixture {
  canned server;
  sync_target target;
  sync_target_column columns[2];
  const sync_target_column *paired[2];
  bool is_key[2];
  sync_source source;
  sync_event event;
  sync_change change;
} fixture;

static char id_name[] = "id", name_name[] = "name";

static void begin(fixture *f, sync_operation operation, bool upsert) {
  memset(f, 0, sizeof *f);
  canned_init(&f->server);
  f->columns[0] = (sync_target_column){.name = id_name};
  f->columns[1] = (sync_target_column){.name = name_name};
  f->target = (sync_target){.sql = "[dbo].[T]", .plain = "dbo.T", .count = 2};
  f->target.columns = f->columns;
  f->paired[0] = &f->columns[0];
  f->paired[1] = &f->columns[1];
  f->is_key[0] = true;
  f->source =
      (sync_source){.target = &f->target, .columns = f->paired, .is_key = f->is_key, .count = 2};
  f->event.operation = operation;
  f->event.options.upsert = upsert;
}

/* Keys that an answer holds: id, table's id, action, name, schema, table, column referred to. */
static void keys(fixture *f, size_t count, const char *const *cells) {
  static const char *const names[] = {"k", "t", "a", "n", "s", "o", "c"};
  canned_table(&f->server, 7, names, count, cells);
}

static void meet(fixture *f) {
  canned_connect(&f->server);
  sync_change_init(&f->change, f->server.conn, NULL, NULL, &f->event, "#stage");
  f->change.target = &f->target;
  f->change.source = f->event.operation == SYNC_DELETE ? NULL : &f->source;
}

static void end(fixture *f) {
  br_buf_done(&f->change.notes);
  canned_done(&f->server);
}

static void expect_refused(fixture *f, const char *words) {
  br_error err = BR_ERROR_INIT;
  assert_int_equal(sync_cascades_refuse(&f->change, &err), BR_ERR_DATA);
  assert_string_equal(err.message, words);
  end(f);
}

static void a_delete_is_followed_through_every_level(void **state) {
  (void)state;
  static const char *const first[] = {"11", "101", "1", "FK_a", "dbo", "A", NULL,
                                      "12", "102", "2", "FK_n", "x.y", "N", NULL};
  static const char *const deleted[] = {"13", "103", "3", "FK_b", "dbo", "B", NULL};
  static const char *const set[] = {"14", "104", "1", "FK_u", "dbo", "U", NULL};
  fixture f;
  begin(&f, SYNC_DELETE, false);
  keys(&f, 2, first);
  keys(&f, 1, deleted);
  keys(&f, 1, set);
  keys(&f, 0, NULL); /* nothing more is deleted: what is set is asked for alone */
  meet(&f);
  expect_refused(&f, "Deleting from dbo.T would change other tables too, through FK_a on dbo.A; "
                     "FK_n on [x.y].N; FK_b on dbo.B; FK_u on dbo.U; set metadata.allow_cascade to "
                     "true if that is meant");
}

static void the_statements_ask_for_what_the_level_did(void **state) {
  (void)state;
  static const char *const first[] = {"11", "101", "1", "FK_a", "dbo", "A", NULL,
                                      "12", "102", "2", "FK_n", "dbo", "N", NULL};
  fixture f;
  sync_cascades found;
  begin(&f, SYNC_DELETE, false);
  strcpy(f.target.catalog, "[other].");
  f.event.target = (sync_name){.count = 3, .parts = {"other", "dbo", "T"}};
  keys(&f, 2, first);
  keys(&f, 0, NULL);
  keys(&f, 0, NULL);
  meet(&f);
  assert_int_equal(sync_cascades_find(&f.change, &found, NULL), BR_OK);
  assert_int_equal(found.count, 2);
  assert_string_equal(found.items[0].table, "other.dbo.A");
  assert_true(found.items[0].deletes && !found.items[1].deletes);
  sync_cascades_done(&found);
  assert_true(
      canned_was_sent(&f.server, "FROM [other].sys.foreign_keys AS f JOIN [other].sys.objects"));
  assert_true(canned_was_sent(&f.server, "WHERE f.referenced_object_id = OBJECT_ID(@object) AND "
                                         "f.delete_referential_action <> 0 AND f.is_disabled = 0"));
  assert_true(canned_was_sent(&f.server, "WHERE f.referenced_object_id IN (101) AND "
                                         "f.delete_referential_action <> 0 AND f.is_disabled = 0"));
  assert_true(canned_was_sent(&f.server, "p.constraint_object_id IN (12)) AND "
                                         "f.update_referential_action <> 0 AND f.is_disabled = 0"));
  end(&f);
}

static void an_update_counts_where_it_sets_what_is_referred_to(void **state) {
  (void)state;
  static const char *const first[] = {"11", "101", "1", "FK_id",   "dbo", "A", "id",
                                      "12", "102", "1", "FK_name", "dbo", "B", "name"};
  for (int upsert = 0; upsert < 2; upsert++) {
    fixture f;
    begin(&f, upsert == 1 ? SYNC_INSERT : SYNC_UPDATE, upsert == 1);
    keys(&f, 2, first);
    keys(&f, 0, NULL);
    meet(&f);
    expect_refused(&f, "Updating dbo.T would change other tables too, through FK_name on dbo.B; "
                       "set metadata.allow_cascade to true if that is meant");
    begin(&f, upsert == 1 ? SYNC_INSERT : SYNC_UPDATE, upsert == 1);
    keys(&f, 1, first);
    meet(&f);
    assert_int_equal(sync_cascades_refuse(&f.change, NULL), BR_OK);
    end(&f);
  }
}

/* A server that takes keys in a circle (a table that refers to itself): each is asked for once. */
static void a_circle_ends(void **state) {
  (void)state;
  static const char *const key[] = {"11", "101", "1", "FK_self", "dbo", "T", "name"};
  fixture f;
  sync_listing list;
  begin(&f, SYNC_DELETE, false);
  keys(&f, 1, key);
  keys(&f, 1, key);
  meet(&f);
  sync_listing_init(&list, 1000);
  assert_int_equal(sync_cascades_list(&f.change, &list, NULL), BR_OK);
  assert_string_equal((const char *)list.text.data, "FK_self on dbo.T");
  sync_listing_done(&list);
  end(&f);
}

static void what_can_reach_nothing_or_is_allowed_asks_nothing(void **state) {
  (void)state;
  fixture f;
  begin(&f, SYNC_INSERT, false);
  meet(&f); /* the server would hang up if it were asked */
  assert_int_equal(sync_cascades_refuse(&f.change, NULL), BR_OK);
  end(&f);
  begin(&f, SYNC_DELETE, false);
  f.event.options.allow_cascade = true;
  meet(&f);
  assert_int_equal(sync_cascades_refuse(&f.change, NULL), BR_OK);
  end(&f);
}

static void a_question_that_fails_is_a_failure(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  begin(&f, SYNC_UPDATE, false);
  canned_error(&f.server, 229, "no");
  meet(&f);
  assert_int_equal(sync_cascades_refuse(&f.change, &err), BR_ERR_REMOTE);
  assert_non_null(strstr(err.message, "foreign keys to dbo.T"));
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_delete_is_followed_through_every_level),
      cmocka_unit_test(the_statements_ask_for_what_the_level_did),
      cmocka_unit_test(an_update_counts_where_it_sets_what_is_referred_to),
      cmocka_unit_test(a_circle_ends),
      cmocka_unit_test(what_can_reach_nothing_or_is_allowed_asks_nothing),
      cmocka_unit_test(a_question_that_fails_is_a_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
