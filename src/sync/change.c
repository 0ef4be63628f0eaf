#include "sync/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sync/cascade.h"
#include "sync/change_internal.h"

/* Bytes of a dry run's words: together with the rest less than a note holds. */
enum { NAMES_ROOM = 1200, DIFFERENCES_ROOM = 4000 };

static const sync_operation_row *operation_of(const sync_change *change) {
  static const sync_operation_row *const rows[] = {&sync_operation_insert, &sync_operation_update,
                                                   &sync_operation_delete};
  return rows[change->event->operation];
}

void sync_change_init(sync_change *change, tds_conn *conn, dbx_client *client, br_cancel *cancel,
                      const sync_event *event, const char *stage) {
  *change = (sync_change){.conn = conn,
                          .client = client,
                          .cancel = cancel,
                          .event = event,
                          .max_delete_rows = UINT64_MAX,
                          .may_read = true};
  (void)snprintf(change->stage, sizeof change->stage, "%s", stage);
  br_buf_init(&change->notes, BR_KIB(64));
}

void sync_change_done(sync_change *change) {
  if (change->source != NULL && change->conn != NULL && tds_is_usable(change->conn)) {
    /* A stage that stays is only memory of the session: the next one drops it first. */
    char sql[4 * SYNC_STAGE_NAME_MAX];
    (void)snprintf(sql, sizeof sql, "IF OBJECT_ID(N'tempdb..%s') IS NOT NULL DROP TABLE %s",
                   change->stage, change->stage);
    br_status ignored = tds_run(change->conn, sql, NULL);
    (void)ignored;
  }
  sync_source_close(change->source);
  sync_target_free(change->target);
  br_buf_done(&change->notes);
}

br_status sync_change_note(sync_change *change, br_error *err, const char *format, ...) {
  br_error text = BR_ERROR_INIT;
  va_list args;
  va_start(args, format);
  br_error_vset(&text, BR_ERR_DATA, format, args);
  va_end(args);
  return br_buf_printf(&change->notes, err, "%s%s", change->notes.len > 0 ? "; " : "",
                       text.message);
}

/* A direct load has staged nothing: its source says how much is coming. */
static uint64_t rows_coming(const sync_change *change) {
  return change->source == NULL || change->staged > 0 ? change->staged
                                                      : sync_source_total(change->source);
}

br_status sync_change_look_at_log(sync_change *change, uint64_t rows, br_error *err) {
  char sql[SYNC_NAME_TEXT_MAX + 128];
  if (rows <= SYNC_MANY_ROWS) {
    return BR_OK;
  }
  int64_t percent = -1;
  br_error ignored = BR_ERROR_INIT; /* no right to look, or no such view: nothing is said */
  (void)snprintf(sql, sizeof sql,
                 "SELECT CAST(used_log_space_in_percent AS int) FROM %ssys.dm_db_log_space_usage",
                 change->target->catalog);
  br_status looked = sync_query_number(change->conn, sql, NULL, 0, &percent, &ignored);
  if (looked != BR_OK && !tds_is_usable(change->conn)) {
    *err = ignored;
    return looked;
  }
  br_status st = sync_change_note(change, err,
                                  "%" PRIu64 " rows in one transaction: the log of the database "
                                  "must hold them all",
                                  rows);
  return st == BR_OK && looked == BR_OK
             ? sync_change_note(change, err, "%" PRId64 " %% of it is in use", percent)
             : st;
}

br_status sync_change_prepare(sync_change *change, br_error *err) {
  const bool with_key = change->event->key_count == 0; /* of the event's own keys rows are named */
  br_status st =
      sync_target_describe(change->conn, &change->event->target, with_key, &change->target, err);
  st = st == BR_OK ? operation_of(change)->prepare(change, err) : st;
  st = st == BR_OK ? sync_change_look_at_log(change, rows_coming(change), err) : st;
  change->prepared = st == BR_OK;
  change->prepared_notes = change->notes.len;
  return st;
}

bool sync_change_is_kept(const sync_change *change) {
  return change->prepared && change->source != NULL && !change->event->options.direct;
}

br_status sync_change_run(sync_change *change, int64_t *ret_rows, br_error *err) {
  change->notes.len = change->prepared_notes; /* an earlier try may have said more */
  return operation_of(change)->run(change, ret_rows, err);
}

static unsigned fires(const sync_event *event) {
  return event->operation == SYNC_DELETE   ? SYNC_FIRES_DELETE
         : event->operation == SYNC_UPDATE ? SYNC_FIRES_UPDATE
         : event->options.upsert           ? SYNC_FIRES_INSERT | SYNC_FIRES_UPDATE
                                           : SYNC_FIRES_INSERT;
}

/* Without allow_cascade there are none, or the change would not have been run. */
static br_status list_cascades(const sync_change *change, sync_listing *list, br_error *err) {
  return change->event->options.allow_cascade ? sync_cascades_list(change, list, err)
                                              : sync_listing_close(list, 0, err);
}

/* What else the change would set off; questions that the server can't answer are left out. */
static br_status add_side_effects(sync_change *change, br_buf *out, br_error *err) {
  sync_listing triggers, cascades;
  br_error ignored = BR_ERROR_INIT;
  sync_listing_init(&triggers, NAMES_ROOM);
  sync_listing_init(&cascades, NAMES_ROOM);
  br_status st = BR_OK;
  if (sync_target_triggers(change->target, change->conn, fires(change->event), &triggers,
                           &ignored) == BR_OK) {
    st = br_buf_printf(out, err, ". Triggers that would fire: %s",
                       triggers.shown > 0 ? (const char *)triggers.text.data : "none");
  }
  if (st == BR_OK && list_cascades(change, &cascades, &ignored) == BR_OK &&
      (change->event->operation == SYNC_DELETE || cascades.shown > 0)) {
    st = br_buf_printf(out, err, ". Foreign keys that would carry it on: %s",
                       cascades.shown > 0 ? (const char *)cascades.text.data : "none");
  }
  sync_listing_done(&triggers);
  sync_listing_done(&cascades);
  return st;
}

/* "Dry run, nothing was changed: 2 rows of dbo.T would be updated and 1 inserted" */
static br_status add_counts(const sync_change *change, int64_t rows, br_buf *out, br_error *err) {
  static const char *const verbs[] = {"inserted", "updated", "deleted"};
  const bool upsert = change->event->operation == SYNC_INSERT && change->event->options.upsert;
  const int64_t first = upsert ? change->updated : rows;
  br_status st =
      br_buf_printf(out, err, "Dry run, nothing was changed: %" PRId64 " %s of %s would be %s",
                    first, first == 1 ? "row" : "rows", change->target->plain,
                    upsert ? "updated" : verbs[change->event->operation]);
  return st == BR_OK && upsert ? br_buf_printf(out, err, " and %" PRId64 " inserted", rows - first)
                               : st;
}

/* The event itself may go well though its first rows are too long for a question. (Where reading
 * them ended the transaction, what follows must not be run.) */
static br_status list_differences(sync_change *change, sync_listing *list, bool *ret_too_long,
                                  br_error *err) {
  const uint64_t begun = tds_transaction(change->conn);
  const br_status st = operation_of(change)->differences(change, list, err);
  *ret_too_long = st == BR_ERR_LIMIT && tds_transaction(change->conn) == begun;
  return *ret_too_long ? BR_OK : st;
}

static br_status add_first_rows(const sync_change *change, const sync_listing *rows, bool too_long,
                                br_buf *out, br_error *err) {
  return !change->may_read
             ? br_buf_printf(out, err, ". First rows are not shown: this user may not read %s",
                             change->target->plain)
         : rows->shown > 0
             ? br_buf_printf(out, err, ". First rows: %s", (const char *)rows->text.data)
         : too_long ? br_buf_text(out, ". First rows are not shown: they are too long", err)
                    : BR_OK;
}

br_status sync_change_preview(sync_change *change, int64_t *ret_rows, br_error *err) {
  sync_listing differences;
  br_buf text;
  int64_t rows = 0;
  bool too_long = false;
  change->notes.len = change->prepared_notes;
  sync_listing_init(&differences, DIFFERENCES_ROOM);
  br_buf_init(&text, BR_KIB(256));
  change->first_rows = change->may_read ? &differences : NULL;
  br_status st = change->may_read ? list_differences(change, &differences, &too_long, err) : BR_OK;
  st = st == BR_OK ? operation_of(change)->run(change, &rows, err) : st;
  change->first_rows = NULL;
  st = st == BR_OK ? sync_listing_close(&differences, differences.shown, err) : st;
  st = st == BR_OK ? add_counts(change, rows, &text, err) : st;
  st = st == BR_OK ? add_side_effects(change, &text, err) : st;
  st = st == BR_OK ? add_first_rows(change, &differences, too_long, &text, err) : st;
  if (st == BR_OK) {
    st = sync_change_note(change, err, "%.*s", (int)text.len, (const char *)text.data);
  }
  sync_listing_done(&differences);
  br_buf_done(&text);
  if (st == BR_OK) {
    *ret_rows = rows;
  }
  return st;
}
