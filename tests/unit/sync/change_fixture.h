/*
 * change_fixture.h: a change of dbo.T (id, name) against written answers. Its source has both
 * columns and three rows in the stage; id is the event's key.
 *
 *   fixture_begin(&f, SYNC_UPDATE);  answers: canned_…(&f.server, …), keys(…)  fixture_meet(&f);  …
 * fixture_end(&f);
 */
#ifndef TESTS_SYNC_CHANGE_FIXTURE_H
#define TESTS_SYNC_CHANGE_FIXTURE_H

#include "canned.h"
#include "sync/change.h"
#include "sync/source_internal.h"

typedef struct fixture {
  canned server;
  sync_target target;
  sync_target_column columns[2];
  const sync_target_column *paired[2];
  bool is_key[2];
  size_t keys[1];
  sync_source source;
  sync_event event;
  char *key_names[1];
  char *values[1];
  sync_condition condition;
  sync_change change;
} fixture;

/* A DELETE takes the rows with id 7. */
void fixture_begin(fixture *f, sync_operation operation);
void fixture_begin_upsert(fixture *f);
/* All answers are there. */
void fixture_meet(fixture *f);
/* The same where the target is asked for too: fixture_describe_target(). */
void fixture_meet_unprepared(fixture *f, const char *target);
void fixture_end(fixture *f);
void fixture_end_prepared(fixture *f);

/* Foreign keys: id, table's id, action, name, schema, table. */
enum { KEY_CELLS = 6 };
void fixture_keys(fixture *f, size_t count, const char *const *cells);
/* What the catalog and the table itself answer about dbo.T: two requests. */
void fixture_describe_target(fixture *f);

#endif
