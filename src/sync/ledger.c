#include "sync/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sync/query.h"

enum {
  NO_SUCH_COLUMN = 207,
  NO_SUCH_OBJECT = 208,
  DUPLICATE_KEY = 2627,
  TEXT_MAX = 4000,
  KEYS_AT_A_TIME = 200
};

static const char *const states[] = {"", "accepted", "completed", "failed", "blocked", "cancelled"};

br_status sync_ledger_init(sync_ledger *ledger, const char *table, br_error *err) {
  br_status st = sync_name_parse(SYNC_SQLSERVER, table, &ledger->name, err);
  if (st != BR_OK) {
    return br_error_context(err, st, "SYNC_LEDGER_TABLE");
  }
  sync_name_sql(&ledger->name, ledger->sql);
  sync_name_plain(&ledger->name, ledger->plain);
  return BR_OK;
}

void sync_ledger_row_done(sync_ledger_row *row) {
  br_free(row->warning);
  br_free(row->error_message);
  *row = (sync_ledger_row){.state = SYNC_LEDGER_NONE};
}

sync_ledger_mark sync_ledger_mark_of(const sync_ledger_row *row) {
  sync_ledger_mark mark = {.state = row->state};
  memcpy(mark.changed_at, row->changed_at, sizeof mark.changed_at);
  return mark;
}

bool sync_ledger_is_at(const sync_ledger_row *row, const sync_ledger_mark *mark) {
  return row->state == mark->state && strcmp(row->changed_at, mark->changed_at) == 0;
}

/* Statement texts are short: the ledger's name and a fixed text. */
typedef struct text {
  char sql[SYNC_NAME_TEXT_MAX + 1024];
} text;

static br_status no_ledger(const sync_ledger *ledger, br_status st, br_error *err) {
  if (err != NULL && st == BR_ERR_REMOTE && err->native_code == NO_SUCH_OBJECT) {
    return br_error_set(err, BR_ERR_NOT_FOUND,
                        "The ledger %s does not exist; 'sql-databricks-bridge init' makes it",
                        ledger->plain);
  }
  if (err != NULL && st == BR_ERR_REMOTE && err->native_code == NO_SUCH_COLUMN) {
    st = err->status = BR_ERR_DATA;
    st = br_error_context(err, st, "%s is no ledger", ledger->plain);
    return br_error_append(err, st,
                           "; SYNC_LEDGER_TABLE names another table, which "
                           "'sql-databricks-bridge init' makes");
  }
  return br_error_context(err, st, "ledger %s", ledger->plain);
}

static br_status copy_text(const char *from, char **ret_copy, br_error *err) {
  *ret_copy = from == NULL ? NULL : br_strdup(from);
  return from != NULL && *ret_copy == NULL ? br_error_nomem(err) : BR_OK;
}

/* SYNC_LEDGER_NONE: not known. */
static sync_ledger_state state_named(const char *name) {
  sync_ledger_state state = SYNC_LEDGER_NONE;
  for (size_t i = 1; i < sizeof states / sizeof states[0]; i++) {
    if (name != NULL && strncmp(name, states[i], strlen(states[i])) == 0) {
      state = (sync_ledger_state)i;
    }
  }
  return state;
}

static br_status take_row(const sync_rows *rows, sync_ledger_row *row, br_error *err) {
  const char *state = sync_rows_text(rows, 0, 0);
  row->state = state_named(state);
  if (row->state == SYNC_LEDGER_NONE) {
    return br_error_set(err, BR_ERR_DATA, "The ledger holds the unknown status '%.40s'",
                        state == NULL ? "NULL" : state);
  }
  const char *hash = sync_rows_text(rows, 0, 1), *principal = sync_rows_text(rows, 0, 2);
  const char *affected = sync_rows_text(rows, 0, 3);
  (void)snprintf(row->hash, sizeof row->hash, "%.64s", hash == NULL ? "" : hash);
  (void)snprintf(row->principal, sizeof row->principal, "%.255s",
                 principal == NULL ? "" : principal);
  const char *changed_at = sync_rows_text(rows, 0, 7);
  (void)snprintf(row->changed_at, sizeof row->changed_at, "%.31s",
                 changed_at == NULL ? "" : changed_at);
  row->has_rows = affected != NULL;
  row->rows_affected = affected == NULL ? 0 : strtoll(affected, NULL, 10);
  row->reported = sync_rows_flag(rows, 0, 6);
  br_status st = copy_text(sync_rows_text(rows, 0, 4), &row->warning, err);
  return st == BR_OK ? copy_text(sync_rows_text(rows, 0, 5), &row->error_message, err) : st;
}

br_status sync_ledger_read(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                           sync_ledger_row *ret_row, br_error *err) {
  text t;
  sync_rows *rows = NULL;
  sync_ledger_row row = {.state = SYNC_LEDGER_NONE};
  (void)snprintf(t.sql, sizeof t.sql,
                 "SELECT status, event_hash, principal, rows_affected, warning, error_message, "
                 "reported, changed_at FROM %s WHERE event_key = @event_key",
                 ledger->sql);
  const tds_parameter key = sync_hash_parameter("event_key", event_key);
  br_status st = sync_query(conn, t.sql, &key, 1, &rows, err);
  if (st != BR_OK) {
    return no_ledger(ledger, st, err);
  }
  st = sync_rows_count(rows) == 0 ? BR_OK : take_row(rows, &row, err);
  sync_rows_free(rows);
  if (st != BR_OK) {
    sync_ledger_row_done(&row);
    return br_error_context(err, st, "ledger %s", ledger->plain);
  }
  *ret_row = row;
  return BR_OK;
}

br_status sync_ledger_check(const sync_ledger *ledger, tds_conn *conn, br_error *err) {
  sync_ledger_row row = {.state = SYNC_LEDGER_NONE};
  br_status st = sync_ledger_read(ledger, conn, "-", &row, err);
  sync_ledger_row_done(&row);
  return st;
}

/* More than TEXT_MAX characters, perhaps. */
static bool is_long(const char *message) {
  return message != NULL && strlen(message) >= TEXT_MAX;
}

/* Cut at a character to what the column takes; NULL stays NULL. cut holds TEXT_MAX bytes: never
 * more characters than that. */
static const char *fitting(const char *message, char *cut) {
  if (!is_long(message)) {
    return message;
  }
  const size_t length = br_utf8_cut(message, strlen(message), TEXT_MAX - 1);
  memcpy(cut, message, length);
  cut[length] = '\0';
  return cut;
}

static const char *state_of(sync_status status) {
  return status == SYNC_COMPLETED ? "completed" : status == SYNC_BLOCKED ? "blocked" : "failed";
}

/* An UPDATE that finds the row as it was, or an INSERT that finds none. */
static br_status run_write(const sync_ledger *ledger, tds_conn *conn, const char *sql,
                           const tds_parameter *parameters, size_t count, br_error *err) {
  int64_t rows = 0;
  br_status st = tds_run_parameters(conn, sql, parameters, count, &rows, err);
  if (st == BR_ERR_REMOTE && err != NULL && err->native_code == DUPLICATE_KEY) {
    rows = 0;
    st = BR_OK;
  }
  if (st != BR_OK) {
    return no_ledger(ledger, st, err);
  }
  return rows == 1 ? BR_OK
                   : br_error_set(err, BR_ERR_CONFLICT,
                                  "The event has just been carried out by another worker");
}

/* The parameter of a text, or, where the column may have no room for it, an expression that takes
 * what it has: in older ledgers it is nvarchar(4000). */
static br_status put_text(const sync_ledger *ledger, const char *column, const char *value,
                          br_buf *sql, br_error *err) {
  if (!is_long(value)) {
    return br_buf_printf(sql, err, "@%s", column);
  }
  br_status st = br_buf_text(sql, "CASE COL_LENGTH(", err);
  st = st == BR_OK ? sync_literal(sql, ledger->sql, err) : st;
  return st == BR_OK ? br_buf_printf(sql, err, ", '%s') WHEN -1 THEN @%s ELSE @short_%s END",
                                     column, column, column)
                     : st;
}

static br_status write_sql(const sync_ledger *ledger, bool is_new, const sync_report *report,
                           br_buf *sql, br_error *err) {
  br_status st = br_buf_printf(
      sql, err,
      is_new ? "INSERT INTO %s (event_key, event_id, event_hash, status, rows_affected, reported, "
               "changed_at, warning, error_message) VALUES (@event_key, LEFT(@event_id, 400), "
               "@event_hash, @status, @rows_affected, 0, SYSUTCDATETIME(), "
             : "UPDATE %s SET event_id = LEFT(@event_id, 400), principal = CASE WHEN event_hash = "
               "@event_hash THEN principal END, event_hash = @event_hash, status = @status, "
               "rows_affected = @rows_affected, reported = 0, changed_at = SYSUTCDATETIME(), "
               "warning = ",
      ledger->sql);
  st = st == BR_OK ? put_text(ledger, "warning", report->warning, sql, err) : st;
  st = st == BR_OK ? br_buf_text(sql, is_new ? ", " : ", error_message = ", err) : st;
  st = st == BR_OK ? put_text(ledger, "error_message", report->error_message, sql, err) : st;
  return st == BR_OK
             ? br_buf_text(sql, is_new ? ")" : " WHERE event_key = @event_key AND status = @was",
                           err)
             : st;
}

br_status sync_ledger_write(const sync_ledger *ledger, tds_conn *conn, const sync_event *event,
                            sync_ledger_state was, const sync_report *report, br_error *err) {
  char number[32], warning[TEXT_MAX], message[TEXT_MAX], id[TEXT_MAX];
  (void)snprintf(number, sizeof number, "%" PRId64, report->rows_affected);
  tds_parameter parameters[10] = {
      sync_hash_parameter("event_key", event->key),
      sync_text_parameter("event_id", fitting(event->event_id, id)),
      sync_hash_parameter("event_hash", event->hash),
      sync_text_parameter("status", state_of(report->status)),
      sync_number_parameter("rows_affected", report->has_rows ? number : NULL),
      sync_text_parameter("warning", report->warning),
      sync_text_parameter("error_message", report->error_message),
  };
  size_t count = 7;
  if (was != SYNC_LEDGER_NONE) {
    parameters[count++] = sync_text_parameter("was", states[was]);
  }
  if (is_long(report->warning)) {
    parameters[count++] = sync_text_parameter("short_warning", fitting(report->warning, warning));
  }
  if (is_long(report->error_message)) {
    parameters[count++] =
        sync_text_parameter("short_error_message", fitting(report->error_message, message));
  }
  br_buf sql;
  br_buf_init(&sql, BR_KIB(64));
  br_status st = write_sql(ledger, was == SYNC_LEDGER_NONE, report, &sql, err);
  const char *statement = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK) {
    st = statement == NULL ? br_error_nomem(err)
                           : run_write(ledger, conn, statement, parameters, count, err);
  }
  br_buf_done(&sql);
  return st;
}

br_status sync_ledger_note(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                           const char *event_id, const char *hash, sync_ledger_state state,
                           const char *principal, br_error *err) {
  text t;
  char id[TEXT_MAX];
  (void)snprintf(t.sql, sizeof t.sql,
                 "INSERT INTO %s (event_key, event_id, event_hash, status, principal, reported, "
                 "changed_at) VALUES (@event_key, LEFT(@event_id, 400), @event_hash, @status, "
                 "@principal, 0, SYSUTCDATETIME())",
                 ledger->sql);
  const tds_parameter parameters[] = {
      sync_hash_parameter("event_key", event_key),
      sync_text_parameter("event_id", fitting(event_id, id)),
      sync_hash_parameter("event_hash", hash),
      sync_text_parameter("status", states[state]),
      sync_text_parameter("principal", principal),
  };
  return run_write(ledger, conn, t.sql, parameters, 5, err);
}

br_status sync_ledger_move(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                           sync_ledger_state from, sync_ledger_state to, br_error *err) {
  text t;
  (void)snprintf(t.sql, sizeof t.sql,
                 "UPDATE %s SET status = @to, changed_at = SYSUTCDATETIME() WHERE event_key = "
                 "@event_key AND status = @from",
                 ledger->sql);
  const tds_parameter parameters[] = {sync_hash_parameter("event_key", event_key),
                                      sync_text_parameter("from", states[from]),
                                      sync_text_parameter("to", states[to])};
  return run_write(ledger, conn, t.sql, parameters, 3, err);
}

br_status sync_ledger_remove(const sync_ledger *ledger, tds_conn *conn, const char *event_key,
                             sync_ledger_state state, br_error *err) {
  text t;
  (void)snprintf(t.sql, sizeof t.sql,
                 "DELETE FROM %s WHERE event_key = @event_key AND status = "
                 "@status",
                 ledger->sql);
  const tds_parameter parameters[] = {sync_hash_parameter("event_key", event_key),
                                      sync_text_parameter("status", states[state])};
  return run_write(ledger, conn, t.sql, parameters, 2, err);
}

/* A statement about the rows of at most KEYS_AT_A_TIME keys. */
typedef struct about_keys {
  tds_parameter parameters[KEYS_AT_A_TIME];
  char names[KEYS_AT_A_TIME][8];
  br_buf sql;
} about_keys;

/* "verb <ledger> rest WHERE …"; br_buf_done(&a->sql) frees it, also after a failure. */
static br_status ask_about(const sync_ledger *ledger, const char *verb, const char *rest,
                           const char *const *keys, size_t count, about_keys *a,
                           const char **ret_sql, br_error *err) {
  br_buf_init(&a->sql, BR_KIB(64));
  br_status st =
      br_buf_printf(&a->sql, err, "%s %s %s WHERE event_key IN (", verb, ledger->sql, rest);
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    (void)snprintf(a->names[i], sizeof a->names[i], "k%zu", i);
    a->parameters[i] = sync_hash_parameter(a->names[i], keys[i]);
    st = br_buf_printf(&a->sql, err, "%s@%s", i == 0 ? "" : ", ", a->names[i]);
  }
  st = st == BR_OK ? br_buf_text(&a->sql, ")", err) : st;
  *ret_sql = st == BR_OK ? br_buf_cstr(&a->sql) : NULL;
  return st == BR_OK && *ret_sql == NULL ? br_error_nomem(err) : st;
}

static br_status report_some(const sync_ledger *ledger, tds_conn *conn, const char *const *keys,
                             size_t count, br_error *err) {
  about_keys a;
  const char *sql = NULL;
  br_status st = ask_about(ledger, "UPDATE", "SET reported = 1", keys, count, &a, &sql, err);
  st = st == BR_OK ? tds_run_parameters(conn, sql, a.parameters, count, NULL, err) : st;
  br_buf_done(&a.sql);
  return st == BR_OK ? BR_OK : no_ledger(ledger, st, err);
}

br_status sync_ledger_reported(const sync_ledger *ledger, tds_conn *conn, const char *const *keys,
                               size_t count, br_error *err) {
  br_status st = BR_OK;
  while (count > 0 && st == BR_OK) {
    const size_t some = count < KEYS_AT_A_TIME ? count : KEYS_AT_A_TIME;
    st = report_some(ledger, conn, keys, some, err);
    keys += some;
    count -= some;
  }
  return st;
}

/* By the row of the outcome's own key. */
static bool is_untold(const sync_rows *rows, size_t row, const char *hash) {
  const sync_ledger_state state = state_named(sync_rows_text(rows, row, 2));
  const char *known = sync_rows_text(rows, row, 1);
  if (known == NULL || strcmp(known, hash) != 0) {
    return state == SYNC_LEDGER_COMPLETED;
  }
  return (state == SYNC_LEDGER_FAILED || state == SYNC_LEDGER_BLOCKED) &&
         !sync_rows_flag(rows, row, 3);
}

static br_status untold_of_some(const sync_ledger *ledger, tds_conn *conn, const char *const *keys,
                                const char *const *hashes, size_t count, bool *ret_untold,
                                br_error *err) {
  about_keys a;
  const char *sql = NULL;
  sync_rows *rows = NULL;
  br_status st = ask_about(ledger, "SELECT event_key, event_hash, status, reported FROM", "", keys,
                           count, &a, &sql, err);
  st = st == BR_OK ? sync_query(conn, sql, a.parameters, count, &rows, err) : st;
  br_buf_done(&a.sql);
  if (st != BR_OK) {
    return no_ledger(ledger, st, err);
  }
  for (size_t i = 0; i < count; i++) {
    ret_untold[i] = false;
    for (size_t row = 0; row < sync_rows_count(rows); row++) {
      const char *key = sync_rows_text(rows, row, 0);
      if (key != NULL && strcmp(key, keys[i]) == 0) {
        ret_untold[i] = is_untold(rows, row, hashes[i]);
      }
    }
  }
  sync_rows_free(rows);
  return BR_OK;
}

br_status sync_ledger_untold(const sync_ledger *ledger, tds_conn *conn, const char *const *keys,
                             const char *const *hashes, size_t count, bool *ret_untold,
                             br_error *err) {
  br_status st = BR_OK;
  while (count > 0 && st == BR_OK) {
    const size_t some = count < KEYS_AT_A_TIME ? count : KEYS_AT_A_TIME;
    st = untold_of_some(ledger, conn, keys, hashes, some, ret_untold, err);
    keys += some;
    hashes += some;
    ret_untold += some;
    count -= some;
  }
  return st;
}

br_status sync_ledger_prune(const sync_ledger *ledger, tds_conn *conn, uint64_t days,
                            int64_t *ret_rows, br_error *err) {
  text t;
  char number[32];
  (void)snprintf(number, sizeof number, "%" PRIu64, days);
  (void)snprintf(
      t.sql, sizeof t.sql,
      "DELETE TOP (1000) FROM %s WHERE (status = 'cancelled' OR reported = 1 AND (status = "
      "'completed' OR principal IS NULL)) AND changed_at < DATEADD(day, -CAST(@days AS "
      "int), SYSUTCDATETIME())",
      ledger->sql);
  const tds_parameter parameter = sync_number_parameter("days", number);
  int64_t total = 0, rows = 0;
  br_status st = BR_OK;
  do {
    st = tds_run_parameters(conn, t.sql, &parameter, 1, &rows, err);
    total += st == BR_OK && rows > 0 ? rows : 0;
  } while (st == BR_OK && rows == 1000);
  if (st != BR_OK) {
    return no_ledger(ledger, st, err);
  }
  *ret_rows = total;
  return BR_OK;
}

br_status sync_ledger_ddl(const sync_ledger *ledger, br_buf *out, br_error *err) {
  return br_buf_printf(out, err,
                       "CREATE TABLE %s (\n"
                       "  event_key char(64) NOT NULL PRIMARY KEY,\n"
                       "  event_id nvarchar(400) NULL,\n"
                       "  event_hash char(64) NOT NULL,\n"
                       "  status varchar(16) NOT NULL,\n"
                       "  principal nvarchar(256) NULL,\n"
                       "  rows_affected bigint NULL,\n"
                       "  warning nvarchar(max) NULL,\n"
                       "  error_message nvarchar(max) NULL,\n"
                       "  reported bit NOT NULL,\n"
                       "  changed_at datetime2(3) NOT NULL\n"
                       ")",
                       ledger->sql);
}
