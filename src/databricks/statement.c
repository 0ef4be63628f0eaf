/*
 * statement.c: a statement from submission to result (Statement Execution API 2.0).
 *
 *   POST statements ──▶ PENDING, RUNNING ──GET statements/{id}──▶ SUCCEEDED ──GET …/chunks/{n}──▶
 *        │                    │ cancel                  │
 *        │ answer lost        ▼                         ▼
 *        ▼                POST …/cancel            FAILED, CANCELED, CLOSED
 *   unknown: said so, not sent again unless it is repeatable
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "databricks/json.h"
#include "databricks/statement.h"
#include "databricks/url.h"

enum {
  MOST_PARAMETERS = 256,
  LONGEST_PATH = 1024,
  LONGEST_BODY_FACTOR = 8, /* escapes make JSON longer than the text */
  LINGER_MS = 15 * 1000,   /* for the id of a statement that is to be cancelled */
  CANCEL_MS = 5 * 1000,
  LOOKS_AFTER_CANCEL = 3
};

static const char statements_api[] = "/api/2.0/sql/statements";
static const char unknown_fate[] = "it is not known whether the statement ran";

/* ---- submission ---- */

static br_status check_statement(const dbx_client *client, const dbx_statement *statement,
                                 br_error *err) {
  if (client->warehouse_id == NULL) {
    return br_error_set(err, BR_ERR_USAGE, "The Databricks warehouse id is missing");
  }
  if (statement->parameter_count > MOST_PARAMETERS) {
    return br_error_set(err, BR_ERR_USAGE, "The statement has %zu parameters; %d are possible",
                        statement->parameter_count, MOST_PARAMETERS);
  }
  if (strlen(statement->sql) > BR_LIMIT_SQL_FILE) {
    return br_error_set(err, BR_ERR_LIMIT, "The statement is longer than 16 MiB");
  }
  size_t offset = 0;
  bool valid = br_utf8_valid(statement->sql, strlen(statement->sql), &offset);
  for (size_t i = 0; i < statement->parameter_count && valid; i++) {
    const dbx_parameter *p = &statement->parameters[i];
    valid = br_utf8_valid(p->name, strlen(p->name), &offset) &&
            (p->value == NULL || br_utf8_valid(p->value, strlen(p->value), &offset)) &&
            (p->type == NULL || br_utf8_valid(p->type, strlen(p->type), &offset));
  }
  return valid ? BR_OK
               : br_error_set(err, BR_ERR_DATA,
                              "The statement or one of its parameters is not UTF-8");
}

/* Sets a text member where there is one; false: no memory. */
static bool set_text(json_t *object, const char *key, const char *text) {
  return text == NULL || json_object_set_new(object, key, json_string(text)) == 0;
}

/* A missing value is SQL NULL, a missing type STRING. */
static json_t *parameters_json(const dbx_statement *statement) {
  json_t *list = json_array();
  for (size_t i = 0; i < statement->parameter_count && list != NULL; i++) {
    const dbx_parameter *p = &statement->parameters[i];
    json_t *entry = json_object();
    bool good = entry != NULL && set_text(entry, "name", p->name) &&
                set_text(entry, "value", p->value) && set_text(entry, "type", p->type);
    if (!good || json_array_append_new(list, json_incref(entry)) != 0) {
      json_decref(list);
      list = NULL;
    }
    json_decref(entry);
  }
  return list;
}

static json_t *submission_json(const dbx_client *client, const dbx_statement *statement,
                               dbx_disposition disposition) {
  bool links = disposition == DBX_LINKS_ARROW;
  char wait[16];
  (void)snprintf(wait, sizeof wait, "%us", (unsigned)client->wait_seconds);
  json_t *root = json_object();
  bool good = root != NULL && set_text(root, "statement", statement->sql) &&
              set_text(root, "warehouse_id", client->warehouse_id) &&
              set_text(root, "catalog", client->catalog) &&
              set_text(root, "schema", client->schema) && set_text(root, "wait_timeout", wait) &&
              set_text(root, "on_wait_timeout", "CONTINUE") &&
              set_text(root, "disposition", links ? "EXTERNAL_LINKS" : "INLINE") &&
              set_text(root, "format", links ? "ARROW_STREAM" : "JSON_ARRAY");
  if (good && statement->parameter_count > 0) {
    good = json_object_set_new(root, "parameters", parameters_json(statement)) == 0;
  }
  if (good && statement->row_limit > 0) {
    good =
        json_object_set_new(root, "row_limit", json_integer((json_int_t)statement->row_limit)) == 0;
  }
  if (!good) {
    json_decref(root);
    return NULL;
  }
  return root;
}

static br_status submission_body(const dbx_client *client, const dbx_statement *statement,
                                 dbx_disposition disposition, br_buf *out, br_error *err) {
  json_t *root = submission_json(client, statement, disposition);
  if (root == NULL) {
    return br_error_nomem(err);
  }
  br_status st = dbx_json_write(root, out, err);
  json_decref(root);
  return st;
}

/* ---- one exchange ---- */

static br_status exchange(dbx_client *client, const dbx_request *request, br_cancel *cancel,
                          dbx_reply *ret_reply, br_error *err) {
  dbx_http_response response;
  br_status st = dbx_request_send(client, request, cancel, &response, err);
  if (st != BR_OK) {
    return st;
  }
  st = dbx_reply_parse(&response.body, ret_reply, err);
  dbx_http_response_done(&response);
  return st == BR_OK ? st : br_error_context(err, st, "%s", request->what);
}

/* Where an answer is lost, or the way to the end or to the rows fails, the statement must not look
 * as if it could simply be run again; unless it can. */
static br_status tell_fate(const dbx_statement *statement, br_status st, const char *fate,
                           br_error *err) {
  if (st == BR_ERR_NOMEM || err == NULL) {
    return st;
  }
  if (statement->repeatable) {
    err->retriable = err->retriable || st == BR_ERR_NETWORK || st == BR_ERR_TIMEOUT ||
                     st == BR_ERR_PROTOCOL || st == BR_ERR_REMOTE;
    return st;
  }
  err->retriable = false;
  return br_error_append(err, st, "; %s", fate);
}

static br_status submit(dbx_client *client, const dbx_statement *statement,
                        dbx_disposition disposition, br_cancel *cancel, dbx_reply *ret_reply,
                        br_error *err) {
  br_buf body;
  br_buf_init(&body, (size_t)LONGEST_BODY_FACTOR * BR_LIMIT_SQL_FILE);
  br_status st = submission_body(client, statement, disposition, &body, err);
  if (st == BR_OK) {
    bool uncertain = false;
    dbx_request request = {.what = "Statement",
                           .method = "POST",
                           .path = statements_api,
                           .content_type = "application/json",
                           .body = body.data,
                           .body_length = body.len,
                           .repeatable = statement->repeatable,
                           .linger_ms = LINGER_MS,
                           .uncertain = &uncertain};
    st = exchange(client, &request, cancel, ret_reply, err);
    if (st != BR_OK && (uncertain || st == BR_ERR_PROTOCOL)) {
      st = tell_fate(statement, st, unknown_fate, err);
    }
  }
  br_buf_done(&body);
  return st;
}

typedef enum question { LOOK, CANCEL, CLOSE } question;

/* GET (POST to cancel, DELETE to close) statements/{id}{rest}. */
static br_status ask(dbx_client *client, question what, const char *id, const char *rest,
                     br_cancel *cancel, dbx_reply *ret_reply, br_error *err) {
  static const char *const methods[] = {[LOOK] = "GET", [CANCEL] = "POST", [CLOSE] = "DELETE"};
  static const char *const names[] = {[LOOK] = "Statement",
                                      [CANCEL] = "Cancelling the statement",
                                      [CLOSE] = "Closing the statement"};
  br_buf path;
  br_buf_init(&path, LONGEST_PATH);
  br_status st = br_buf_printf(&path, err, "%s/", statements_api);
  if (st == BR_OK) {
    st = dbx_url_append_encoded(&path, id, "", err);
  }
  if (st == BR_OK) {
    st = br_buf_text(&path, rest, err);
  }
  const char *text = st == BR_OK ? br_buf_cstr(&path) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK) {
    dbx_request request = {.what = names[what],
                           .method = methods[what],
                           .path = text,
                           .content_type = what == CANCEL ? "application/json" : NULL,
                           .body = what == CANCEL ? "{}" : NULL,
                           .body_length = what == CANCEL ? 2 : 0,
                           .repeatable = true,
                           .time_limit_ms = what == LOOK ? 0 : CANCEL_MS};
    st = exchange(client, &request, cancel, ret_reply, err);
  }
  br_buf_done(&path);
  return st;
}

br_status dbx_statement_chunk(dbx_client *client, const char *id, uint64_t chunk, br_cancel *cancel,
                              dbx_reply *ret_reply, br_error *err) {
  char rest[64];
  (void)snprintf(rest, sizeof rest, "/result/chunks/%" PRIu64, chunk);
  return ask(client, LOOK, id, rest, cancel, ret_reply, err);
}

void dbx_statement_close(dbx_client *client, const char *id) {
  dbx_reply reply = {0};
  if (ask(client, CLOSE, id, "", NULL, &reply, NULL) == BR_OK) {
    dbx_reply_done(&reply);
  }
}

/* ---- the way to the end ---- */

static bool is_running(dbx_state state) {
  return state == DBX_STATE_PENDING || state == DBX_STATE_RUNNING;
}

/* Best effort: whoever cancels does not wait for a server that doesn't answer. */
static void cancel_on_server(dbx_client *client, const char *id) {
  dbx_reply reply = {0};
  if (ask(client, CANCEL, id, "/cancel", NULL, &reply, NULL) == BR_OK) {
    dbx_reply_done(&reply);
  }
}

/* Polls with growing pauses until the statement is no longer running; *reply is replaced. */
static br_status wait_for_end(dbx_client *client, const char *id, br_cancel *cancel,
                              dbx_reply *reply, dbx_state *ret_state, br_error *err) {
  uint64_t pause_ms = client->poll_first_ms;
  for (;;) {
    br_status st = dbx_reply_state(reply, ret_state, err);
    if (st != BR_OK || !is_running(*ret_state)) {
      return st;
    }
    st = br_cancel_sleep_ms(cancel, pause_ms, err);
    if (st != BR_OK) {
      return st;
    }
    dbx_reply next = {0};
    st = ask(client, LOOK, id, "", cancel, &next, err);
    if (st != BR_OK) {
      return st;
    }
    dbx_reply_done(reply);
    *reply = next;
    pause_ms += pause_ms / 2;
    pause_ms = pause_ms > client->poll_longest_ms ? client->poll_longest_ms : pause_ms;
  }
}

static br_status read_chunks(dbx_client *client, const char *id, dbx_reply *reply,
                             dbx_result *result, br_cancel *cancel, br_error *err) {
  uint64_t chunk = 0;
  uint64_t next = 0;
  bool more = false;
  br_status st = dbx_result_add(result, reply, chunk, &next, &more, err);
  while (st == BR_OK && more) {
    dbx_reply part = {0};
    st = dbx_statement_chunk(client, id, next, cancel, &part, err);
    if (st == BR_OK) {
      chunk = next;
      st = dbx_result_add(result, &part, chunk, &next, &more, err);
      dbx_reply_done(&part);
    }
  }
  return st;
}

/* From the first answer to success. */
static br_status follow(dbx_client *client, const dbx_statement *statement, const char *id,
                        br_cancel *cancel, dbx_reply *reply, br_error *err) {
  dbx_state state = DBX_STATE_PENDING;
  br_status st = wait_for_end(client, id, cancel, reply, &state, err);
  if (st == BR_ERR_CANCELLED) {
    cancel_on_server(client, id);
    return st;
  }
  if (st != BR_OK) {
    return tell_fate(statement, st, "the statement may have run, or be running still", err);
  }
  return state == DBX_STATE_SUCCEEDED ? BR_OK : dbx_reply_failure(reply, state, err);
}

static br_status name_statement(br_status st, const char *id, br_error *err) {
  return st == BR_OK || st == BR_ERR_CANCELLED || st == BR_ERR_NOMEM
             ? st
             : br_error_context(err, st, "Statement %.64s", id);
}

br_status dbx_statement_start(dbx_client *client, const dbx_statement *statement,
                              dbx_disposition disposition, br_cancel *cancel, char **ret_id,
                              dbx_reply *ret_reply, br_error *err) {
  br_status st = check_statement(client, statement, err);
  if (st != BR_OK) {
    return st;
  }
  dbx_reply reply = {0};
  if ((st = submit(client, statement, disposition, cancel, &reply, err)) != BR_OK) {
    return st;
  }
  const char *said = dbx_reply_statement_id(&reply);
  if (said == NULL || said[0] == '\0') {
    dbx_reply_done(&reply);
    st = br_error_set(err, BR_ERR_PROTOCOL, "Statement: the answer has no statement_id");
    return tell_fate(statement, st, unknown_fate, err);
  }
  char *id = br_strdup(said);
  st = id == NULL ? br_error_nomem(err) : follow(client, statement, id, cancel, &reply, err);
  if (st != BR_OK) {
    st = name_statement(st, id, err);
    br_free(id);
    dbx_reply_done(&reply);
    return st;
  }
  *ret_id = id;
  *ret_reply = reply;
  return BR_OK;
}

static br_status read_result(dbx_client *client, const dbx_statement *statement, const char *id,
                             br_cancel *cancel, dbx_reply *reply, dbx_result **ret_result,
                             br_error *err) {
  dbx_result *result = NULL;
  br_status st = dbx_result_new(reply, &result, err);
  if (st == BR_OK) {
    st = read_chunks(client, id, reply, result, cancel, err);
  }
  if (st == BR_OK) {
    st = dbx_result_finish(result, statement->row_limit > 0, err);
  }
  if (st != BR_OK) {
    dbx_result_free(result);
    return tell_fate(statement, st, "the statement itself succeeded", err);
  }
  *ret_result = result;
  return BR_OK;
}

br_status dbx_statement_run(dbx_client *client, const dbx_statement *statement, br_cancel *cancel,
                            dbx_result **ret_result, br_error *err) {
  char *id = NULL;
  dbx_reply reply = {0};
  br_status st = dbx_statement_start(client, statement, DBX_INLINE_JSON, cancel, &id, &reply, err);
  if (st != BR_OK) {
    return st;
  }
  st = read_result(client, statement, id, cancel, &reply, ret_result, err);
  st = name_statement(st, id, err);
  br_free(id);
  dbx_reply_done(&reply);
  return st;
}
