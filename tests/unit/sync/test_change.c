/* The word about the log that comes with a change of very many rows; a target's columns. */
#include <string.h>

#include "base/mem.h"
#include "canned.h"
#include "support/cmocka.h"
#include "sync/change_internal.h"

enum { MANY = 1000000 };
#define SAID "1000001 rows in one transaction: the log of the database must hold them all"

typedef struct fixture {
  canned server;
  sync_target target;
  sync_change change;
} fixture;

static void set_up(fixture *f) {
  canned_connect(&f->server);
  sync_change_init(&f->change, f->server.conn, NULL, NULL, NULL, "#stage");
  f->target = (sync_target){.count = 0};
  strcpy(f->target.catalog, "[other].");
  f->change.target = &f->target;
}

static void tear_down(fixture *f) {
  br_buf_done(&f->change.notes);
  canned_done(&f->server);
}

static void expect_notes(fixture *f, const char *notes) {
  assert_string_equal(f->change.notes.len == 0 ? "" : br_buf_cstr(&f->change.notes), notes);
  tear_down(f);
}

static void a_million_rows_are_no_news(void **state) {
  (void)state;
  fixture f;
  canned_init(&f.server);
  set_up(&f); /* the server would hang up if it were asked */
  assert_int_equal(sync_change_look_at_log(&f.change, MANY, NULL), BR_OK);
  assert_int_equal(f.server.sent.len, 0);
  expect_notes(&f, "");
}

static void one_more_is_and_the_space_in_use_is_told(void **state) {
  (void)state;
  fixture f;
  canned_init(&f.server);
  canned_number(&f.server, 83);
  set_up(&f);
  assert_int_equal(sync_change_look_at_log(&f.change, MANY + 1, NULL), BR_OK);
  assert_true(canned_was_sent(&f.server, "FROM [other].sys.dm_db_log_space_usage"));
  expect_notes(&f, SAID "; 83 % of it is in use");
}

/* 300 and 262: no VIEW SERVER STATE, VIEW DATABASE STATE; 208: an older server has no such view. */
static void without_the_right_to_look_only_the_rows_are_told(void **state) {
  (void)state;
  static const uint32_t numbers[] = {300, 262, 208};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    fixture f;
    canned_init(&f.server);
    canned_error(&f.server, numbers[i], "no");
    set_up(&f);
    assert_int_equal(sync_change_look_at_log(&f.change, MANY + 1, NULL), BR_OK);
    assert_true(tds_is_usable(f.server.conn));
    expect_notes(&f, SAID);
  }
}

static void a_connection_that_is_lost_is_a_failure(void **state) {
  (void)state;
  fixture f;
  br_error err = BR_ERROR_INIT;
  canned_init(&f.server);
  set_up(&f);
  assert_int_equal(sync_change_look_at_log(&f.change, MANY + 1, &err), BR_ERR_NETWORK);
  assert_int_equal(err.status, BR_ERR_NETWORK);
  expect_notes(&f, "");
}

/* What a #temp table can't have as its own type, or what a load can't carry, is staged as bytes. */
static void clr_columns_are_staged_as_bytes(void **state) {
  (void)state;
  static const struct {
    batch_sql_typespec spec;
    const char *ddl;
  } columns[] = {
      {{.type = BATCH_SQL_HIERARCHYID}, "[a]]b] varbinary(max) NULL"},
      {{.type = BATCH_SQL_GEOMETRY}, "[a]]b] varbinary(max) NULL"},
      {{.type = BATCH_SQL_GEOGRAPHY}, "[a]]b] varbinary(max) NULL"},
      {{.type = BATCH_SQL_UDT}, "[a]]b] varbinary(max) NULL"},
      {{.type = BATCH_SQL_IMAGE}, "[a]]b] varbinary(max) NULL"},
      {{.type = BATCH_SQL_NTEXT}, "[a]]b] nvarchar(max) NULL"},
      {{.type = BATCH_SQL_XML}, "[a]]b] xml NULL"},
      {{.type = BATCH_SQL_VARBINARY, .length = 8}, "[a]]b] varbinary(8) NULL"},
  };
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    char name[] = "a]b";
    const sync_target_column column = {.name = name, .spec = columns[i].spec};
    br_buf out;
    br_buf_init(&out, 1000);
    assert_int_equal(sync_target_column_ddl(&column, &out, NULL), BR_OK);
    assert_string_equal(br_buf_cstr(&out), columns[i].ddl);
    br_buf_done(&out);
  }
}

/* In a case-sensitive database two columns may differ in case only. */
static void a_column_is_found_by_its_spelling(void **state) {
  (void)state;
  static char names[4][8] = {"Name", "NAME", "Id", "name2"};
  sync_target_column columns[4];
  for (size_t i = 0; i < 4; i++) {
    columns[i] = (sync_target_column){.name = names[i]};
  }
  const sync_target target = {.plain = "dbo.T", .columns = columns, .count = 4};
  br_error err = BR_ERROR_INIT;
  assert_ptr_equal(sync_target_find(&target, "Name"), &columns[0]);
  assert_ptr_equal(sync_target_find(&target, "NAME"), &columns[1]);
  assert_ptr_equal(sync_target_find(&target, "ID"), &columns[2]);
  assert_null(sync_target_find(&target, "name"));
  assert_null(sync_target_find(&target, "other"));
  assert_int_equal(sync_target_no_column(&target, "primary_keys", "name", &err), BR_ERR_DATA);
  assert_string_equal(err.message,
                      "primary_keys: several columns of dbo.T could be meant by 'name', for they "
                      "differ in case only: 'Name', 'NAME'; write the one that is meant as the "
                      "table has it");
  br_error_clear(&err);
  assert_int_equal(sync_target_no_column(&target, "primary_keys", "idd", &err), BR_ERR_DATA);
  assert_string_equal(err.message, "primary_keys: the table dbo.T has no column 'idd' (is 'Id' "
                                   "meant?)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_million_rows_are_no_news),
      cmocka_unit_test(one_more_is_and_the_space_in_use_is_told),
      cmocka_unit_test(without_the_right_to_look_only_the_rows_are_told),
      cmocka_unit_test(a_connection_that_is_lost_is_a_failure),
      cmocka_unit_test(clr_columns_are_staged_as_bytes),
      cmocka_unit_test(a_column_is_found_by_its_spelling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
