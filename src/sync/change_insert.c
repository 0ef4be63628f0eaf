/*
 * INSERT: the stage into the target by column name; with mode upsert rows whose key is there are
 * updated first and the others inserted. bulk = "direct" loads the target itself.
 */
#include <inttypes.h>
#include <string.h>

#include "sync/change_internal.h"
#include "sync/reach.h"

static br_status no_data(const sync_change *change, br_error *err) {
  const sync_event *event = change->event;
  return change->empty_is_fine || (event->has_rows_expected && event->rows_expected == 0)
             ? BR_OK
             : br_error_set(err, BR_ERR_DATA, "No data to insert");
}

static br_status prepare(sync_change *change, br_error *err) {
  const sync_event_options *options = &change->event->options;
  if (options->direct && options->upsert) {
    return br_error_set(err, BR_ERR_DATA,
                        "metadata.bulk 'direct' can't go with mode 'upsert': rows must be compared "
                        "with those that are there");
  }
  if (options->direct) {
    br_status opened = sync_source_open(change->client, change->event, change->target, false,
                                        change->cancel, &change->source, err);
    return opened == BR_OK ? sync_source_check_defaults(change->source, err) : opened;
  }
  br_status st = sync_stage_source(change, false, err);
  if (st == BR_OK && change->staged == 0) {
    return no_data(change, err);
  }
  st = st == BR_OK && options->upsert && sync_has_others(change) ? sync_reach_refuse(change, err)
                                                                 : st;
  return st == BR_OK && options->upsert ? sync_check_stage_keys(change, false, err) : st;
}

static br_status set_identity_insert(sync_change *change, bool on, br_error *err) {
  char sql[SYNC_NAME_TEXT_MAX + 64] = "SET IDENTITY_INSERT ";
  if (!sync_source_has_identity(change->source)) {
    return BR_OK;
  }
  const size_t start = strlen(sql), length = strlen(change->target->sql);
  memcpy(sql + start, change->target->sql, length);
  memcpy(sql + start + length, on ? " ON" : " OFF", on ? sizeof " ON" : sizeof " OFF");
  return tds_run(change->conn, sql, err);
}

/* " WHERE NOT EXISTS …": the stage's rows whose key the target lacks. */
static br_status not_there(const sync_change *change, br_buf *sql, br_error *err) {
  br_status st = br_buf_printf(
      sql, err, " WHERE NOT EXISTS (SELECT 1 FROM %s AS t WITH (UPDLOCK, HOLDLOCK) WHERE ",
      change->target->sql);
  st = st == BR_OK ? sync_key_condition(change, "t.", "s.", sql, err) : st;
  return st == BR_OK ? br_buf_text(sql, ")", err) : st;
}

/* INSERT INTO target (…) SELECT … FROM stage [WHERE NOT EXISTS …] */
static br_status insert_rows(sync_change *change, int64_t *ret_rows, br_error *err) {
  br_buf sql;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(&sql, err, "INSERT INTO %s%s (", change->target->sql,
                               change->event->options.table_lock ? " WITH (TABLOCK)" : "");
  st = st == BR_OK ? sync_column_list(change, SYNC_ALL, "", &sql, err) : st;
  st = st == BR_OK ? br_buf_text(&sql, ") SELECT ", err) : st;
  st = st == BR_OK ? sync_column_list(change, SYNC_ALL, "s.", &sql, err) : st;
  st = st == BR_OK ? br_buf_printf(&sql, err, " FROM %s AS s", change->stage) : st;
  if (st == BR_OK && change->event->options.upsert) {
    st = not_there(change, &sql, err);
  }
  st = st == BR_OK ? sync_run_counted(change->conn, &sql, NULL, 0, ret_rows, err) : st;
  br_buf_done(&sql);
  return st;
}

/* The option outlives transactions, so it is switched off whatever became of the rows. Left on, it
 * would make other events fail. */
static br_status insert_with_identities(sync_change *change, int64_t *ret_rows, br_error *err) {
  br_status st = set_identity_insert(change, true, err);
  if (st != BR_OK) {
    return st;
  }
  st = insert_rows(change, ret_rows, err);
  br_status off = tds_is_usable(change->conn)
                      ? set_identity_insert(change, false, st == BR_OK ? err : NULL)
                      : BR_OK;
  change->spoilt = change->spoilt || off != BR_OK;
  return st == BR_OK ? off : st;
}

/* An index with IGNORE_DUP_KEY leaves rows out without an error. Of an upsert's rows that were
 * there already nothing is known where they hold keys alone. */
static br_status note_left_out(sync_change *change, uint64_t sent, int64_t rows, br_error *err) {
  if ((change->event->options.upsert && !sync_has_others(change)) || (uint64_t)rows >= sent) {
    return BR_OK;
  }
  return sync_change_note(change, err,
                          "SQL Server left %" PRIu64 " of the source's %" PRIu64 " rows out, as an "
                          "index with IGNORE_DUP_KEY does with values that are there already",
                          sent - (uint64_t)rows, sent);
}

static br_status staged_insert(sync_change *change, int64_t *ret_rows, br_error *err) {
  int64_t updated = 0, inserted = 0;
  br_status st = BR_OK;
  change->updated = 0;
  if (change->staged == 0) {
    *ret_rows = 0;
    return BR_OK;
  }
  if (change->event->options.upsert && sync_has_others(change)) {
    st = sync_operation_update.run(change, &updated, err);
  }
  st = st == BR_OK ? insert_with_identities(change, &inserted, err) : st;
  st = st == BR_OK ? note_left_out(change, change->staged, updated + inserted, err) : st;
  if (st == BR_OK) {
    change->updated = updated;
    *ret_rows = updated + inserted;
  }
  return st;
}

static br_status direct_insert(sync_change *change, int64_t *ret_rows, br_error *err) {
  uint64_t rows = 0;
  br_status st = sync_source_load(change->source, change->conn, change->event->options.table_lock,
                                  change->first_rows, &rows, err);
  if (st == BR_OK && rows == 0) {
    st = no_data(change, err);
  }
  st = st == BR_OK ? note_left_out(change, sync_source_total(change->source), (int64_t)rows, err)
                   : st;
  if (st == BR_OK) {
    *ret_rows = (int64_t)rows;
  }
  return st;
}

static br_status run(sync_change *change, int64_t *ret_rows, br_error *err) {
  return change->event->options.direct ? direct_insert(change, ret_rows, err)
                                       : staged_insert(change, ret_rows, err);
}

/* The first rows of the stage that would come in. */
static br_status list_new(sync_change *change, sync_listing *list, br_error *err) {
  br_buf sql;
  sync_rows *rows = NULL;
  br_buf_init(&sql, SYNC_SQL_MAX);
  br_status st = br_buf_printf(&sql, err, "SELECT TOP (%d) ", SYNC_DIFFERENCES);
  st = st == BR_OK ? sync_column_list(change, SYNC_ALL, "s.", &sql, err) : st;
  st = st == BR_OK ? br_buf_printf(&sql, err, " FROM %s AS s", change->stage) : st;
  st = st == BR_OK && change->event->options.upsert ? not_there(change, &sql, err) : st;
  st = st == BR_OK ? sync_ask(change->conn, &sql, &rows, err) : st;
  st = st == BR_OK ? sync_list_rows(rows, change->event->options.upsert ? "new: " : "", list, err)
                   : st;
  sync_rows_free(rows);
  br_buf_done(&sql);
  return st;
}

/* A direct load has no stage to ask: it notes its first rows as they pass. */
static br_status differences(sync_change *change, sync_listing *list, br_error *err) {
  if (change->event->options.direct || change->staged == 0) {
    return BR_OK;
  }
  br_status st = change->event->options.upsert && sync_has_others(change)
                     ? sync_operation_update.differences(change, list, err)
                     : BR_OK;
  return st == BR_OK && !list->full ? list_new(change, list, err) : st;
}

const sync_operation_row sync_operation_insert = {
    .prepare = prepare, .run = run, .differences = differences};
