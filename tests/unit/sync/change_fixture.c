#include "change_fixture.h"

#include <string.h>

#include "support/cmocka.h"

static char id_name[] = "id", name_name[] = "name", seven[] = "7";

void fixture_begin(fixture *f, sync_operation operation) {
  memset(f, 0, sizeof *f);
  canned_init(&f->server);
  const batch_sql_typespec text = {.type = BATCH_SQL_NVARCHAR, .length = 128};
  f->columns[0] = (sync_target_column){.name = id_name, .spec = {.type = BATCH_SQL_INT}};
  f->columns[1] = (sync_target_column){.name = name_name, .nullable = true, .spec = text};
  f->target = (sync_target){.sql = "[dbo].[T]", .plain = "dbo.T", .count = 2};
  f->target.columns = f->columns;
  f->paired[0] = &f->columns[0];
  f->paired[1] = &f->columns[1];
  f->is_key[0] = true;
  f->source = (sync_source){.target = &f->target,
                            .columns = f->paired,
                            .is_key = f->is_key,
                            .count = 2,
                            .key_count = 1,
                            .naming = f->keys,
                            .naming_count = 1};
  f->key_names[0] = id_name;
  f->event.operation = operation;
  f->event.keys = f->key_names;
  f->event.key_count = 1;
  if (operation == SYNC_DELETE) {
    f->values[0] = seven;
    f->condition = (sync_condition){.column = id_name, .values = f->values, .count = 1};
    f->event.conditions = &f->condition;
    f->event.condition_count = 1;
  }
}

void fixture_begin_upsert(fixture *f) {
  fixture_begin(f, SYNC_INSERT);
  f->event.options.upsert = true;
}

void fixture_meet(fixture *f) {
  canned_connect(&f->server);
  sync_change_init(&f->change, f->server.conn, NULL, NULL, &f->event, "#stage");
  f->change.target = &f->target;
  if (f->event.operation != SYNC_DELETE) {
    f->change.source = &f->source;
    f->change.staged = 3;
  }
}

void fixture_meet_unprepared(fixture *f, const char *target) {
  canned_connect(&f->server);
  assert_int_equal(sync_name_parse(SYNC_SQLSERVER, target, &f->event.target, NULL), BR_OK);
  sync_change_init(&f->change, f->server.conn, NULL, NULL, &f->event, "#stage");
}

void fixture_end(fixture *f) {
  br_buf_done(&f->change.notes);
  canned_done(&f->server);
}

void fixture_end_prepared(fixture *f) {
  sync_target_free(f->change.target);
  fixture_end(f);
}

void fixture_keys(fixture *f, size_t count, const char *const *cells) {
  static const char *const names[KEY_CELLS] = {"k", "t", "a", "n", "s", "o"};
  canned_table(&f->server, KEY_CELLS, names, count, cells);
}

void fixture_describe_target(fixture *f) {
  static const char *const head[] = {"name", "i", "c", "n", "collation", "d"};
  static const char *const cells[] = {"id",   "0", "0", "0", NULL, "0",
                                      "name", "0", "0", "1", NULL, "0"};
  static const char *const names[] = {"id", "name"};
  canned_table(&f->server, 6, head, 2, cells);
  canned_table(&f->server, 2, names, 0, NULL);
}
