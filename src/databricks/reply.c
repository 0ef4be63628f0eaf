#include "databricks/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "databricks/error.h"
#include "databricks/json.h"

/* ---- the reply ---- */

void dbx_reply_done(dbx_reply *reply) {
  json_decref(reply->root);
  br_free(reply->text);
  memset(reply, 0, sizeof *reply);
}

/* The document without the rows. */
static br_status load_rest(const char *text, size_t length, dbx_span rows, json_t **ret_root,
                           br_error *err) {
  if (rows.start == rows.end) {
    return dbx_json_load(text, length, ret_root, err);
  }
  br_buf rest;
  br_buf_init(&rest, length + 4);
  br_status st = br_buf_append(&rest, text, rows.start, err);
  if (st == BR_OK) {
    st = br_buf_text(&rest, "null", err);
  }
  if (st == BR_OK) {
    st = br_buf_append(&rest, text + rows.end, length - rows.end, err);
  }
  if (st == BR_OK) {
    st = dbx_json_load(rest.data, rest.len, ret_root, err);
  }
  br_buf_done(&rest);
  return st;
}

br_status dbx_reply_parse(br_buf *body, dbx_reply *ret_reply, br_error *err) {
  size_t length = 0;
  dbx_reply reply = {.text = br_buf_take(body, &length)};
  br_buf_done(body);
  if (reply.text == NULL) {
    return br_error_nomem(err);
  }
  br_status st = dbx_cells_find(reply.text, length, &reply.rows, err);
  if (st == BR_OK) {
    st = load_rest(reply.text, length, reply.rows, &reply.root, err);
  }
  if (st != BR_OK) {
    dbx_reply_done(&reply);
    return st;
  }
  *ret_reply = reply;
  return BR_OK;
}

const char *dbx_reply_statement_id(const dbx_reply *reply) {
  return dbx_json_text(reply->root, "statement_id");
}

br_status dbx_reply_state(const dbx_reply *reply, dbx_state *ret_state, br_error *err) {
  static const char *const names[] = {
      [DBX_STATE_PENDING] = "PENDING",     [DBX_STATE_RUNNING] = "RUNNING",
      [DBX_STATE_SUCCEEDED] = "SUCCEEDED", [DBX_STATE_FAILED] = "FAILED",
      [DBX_STATE_CANCELED] = "CANCELED",   [DBX_STATE_CLOSED] = "CLOSED",
  };
  const char *state = dbx_json_text(dbx_json_object(reply->root, "status"), "state");
  for (size_t i = 0; state != NULL && i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(names[i], state) == 0) {
      *ret_state = (dbx_state)i;
      return BR_OK;
    }
  }
  return br_error_set(err, BR_ERR_PROTOCOL, "The answer has no state of a statement");
}

/* ---- a statement that failed ---- */

static bool is_sqlstate(const char *text) {
  size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
  return n == DBX_SQLSTATE_MAX - 1;
}

/* Failures after which the same statement may succeed, and that have changed nothing. */
static bool is_passing(const char *code, const br_error *err) {
  static const char *const passing[] = {"TEMPORARILY_UNAVAILABLE",
                                        "WORKSPACE_TEMPORARILY_UNAVAILABLE",
                                        "SERVICE_UNDER_MAINTENANCE", "RESOURCE_EXHAUSTED"};
  for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
    if (strcmp(passing[i], code) == 0) {
      return true;
    }
  }
  return dbx_error_is_conflict(err);
}

static br_status report_failed(const json_t *status, br_error *err) {
  enum { LONGEST_MESSAGE = 1600 };
  const json_t *error = dbx_json_object(status, "error");
  const char *code = dbx_json_text(error, "error_code");
  const char *said = dbx_json_text(error, "message");
  const char *sqlstate = dbx_json_text(status, "sql_state");
  /* The server repeats the statement's text: it stays out of messages. */
  const char *sql = said == NULL ? NULL : strstr(said, "== SQL ==");
  char *message = said == NULL  ? br_strdup("no reason given")
                  : sql == NULL ? br_strdup(said)
                                : br_strndup(said, (size_t)(sql - said));
  char *kind = br_strdup(code == NULL ? "" : code);
  if (message == NULL || kind == NULL) {
    br_free(message);
    br_free(kind);
    return br_error_nomem(err);
  }
  dbx_text_clean(message);
  dbx_text_clean(kind);
  bool says_all = message[0] == '[' || kind[0] == '\0';
  br_error_set(err, BR_ERR_REMOTE, "%.64s%s%.*s", says_all ? "" : kind, says_all ? "" : ": ",
               LONGEST_MESSAGE, message);
  char known[DBX_SQLSTATE_MAX];
  if (sqlstate != NULL && is_sqlstate(sqlstate) && !dbx_error_sqlstate(err, known)) {
    br_error_append(err, BR_ERR_REMOTE, " (SQLSTATE: %s)", sqlstate);
  }
  if (err != NULL) {
    err->retriable = is_passing(kind, err);
  }
  br_free(message);
  br_free(kind);
  return BR_ERR_REMOTE;
}

br_status dbx_reply_failure(const dbx_reply *reply, dbx_state state, br_error *err) {
  switch (state) {
  case DBX_STATE_FAILED:
    return report_failed(dbx_json_object(reply->root, "status"), err);
  case DBX_STATE_CANCELED:
    return br_error_set(err, BR_ERR_REMOTE, "It was cancelled on the server");
  case DBX_STATE_CLOSED:
    return br_error_set(err, BR_ERR_REMOTE, "It succeeded, but its result is no longer there");
  default:
    return br_error_set(err, BR_ERR_INTERNAL, "A statement that has not failed");
  }
}

bool dbx_error_sqlstate(const br_error *err, char ret_sqlstate[DBX_SQLSTATE_MAX]) {
  static const char mark[] = "SQLSTATE: ";
  const char *found = err == NULL ? NULL : strstr(err->message, mark);
  if (found == NULL || !is_sqlstate(found + sizeof mark - 1)) {
    return false;
  }
  memcpy(ret_sqlstate, found + sizeof mark - 1, DBX_SQLSTATE_MAX - 1);
  ret_sqlstate[DBX_SQLSTATE_MAX - 1] = '\0';
  return true;
}

bool dbx_error_condition(const br_error *err, char ret_condition[DBX_CONDITION_MAX]) {
  const char *open = err == NULL ? NULL : strchr(err->message, '[');
  for (; open != NULL; open = strchr(open + 1, '[')) {
    size_t n = strspn(open + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    if (n > 2 && n < DBX_CONDITION_MAX && open[1 + n] == ']') {
      memcpy(ret_condition, open + 1, n);
      ret_condition[n] = '\0';
      return true;
    }
  }
  return false;
}

bool dbx_error_is_conflict(const br_error *err) {
  static const char concurrent[] = "DELTA_CONCURRENT_";
  char sqlstate[DBX_SQLSTATE_MAX], condition[DBX_CONDITION_MAX];
  if (err == NULL || err->status != BR_ERR_REMOTE) {
    return false;
  }
  /* Where a message is cut or a proxy drops sql_state, the condition alone says it. */
  return dbx_error_sqlstate(err, sqlstate)
             ? strcmp(sqlstate, "2D521") == 0
             : dbx_error_condition(err, condition) &&
                   strncmp(condition, concurrent, sizeof concurrent - 1) == 0;
}
