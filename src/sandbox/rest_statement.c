/*
 * The statement execution API: requests in, states and results out.
 */
#include "sandbox/rest_statement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/rest_answer.h"
#include "sandbox/sandbox.h"

/* The list. */

static void statement_free(rest_statement *s) {
  if (s == NULL) {
    return;
  }
  for (size_t i = 0; i < s->parameter_count; i++) {
    br_free(s->parameters[i].name);
    br_free(s->parameters[i].value);
  }
  br_free(s->parameters);
  br_free(s->sql);
  br_free(s->catalog);
  br_free(s->schema);
  rest_result_done(&s->result);
  br_cancel_free(s->cancel);
  br_free(s);
}

br_status rest_statements_new(engine *e, rest_statements **ret_statements, br_error *err) {
  rest_statements *statements = br_calloc(1, sizeof *statements);
  if (statements == NULL) {
    return br_error_nomem(err);
  }
  statements->engine = e;
  br_status st = br_cancel_new(&statements->stop, err);
  pthread_condattr_t monotonic;
  if (st == BR_OK && (pthread_condattr_init(&monotonic) != 0 ||
                      pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
                      pthread_mutex_init(&statements->lock, NULL) != 0 ||
                      pthread_cond_init(&statements->changed, &monotonic) != 0)) {
    st = br_error_set(err, BR_ERR_IO, "Can't make a lock");
  }
  if (st != BR_OK) {
    br_cancel_free(statements->stop);
    br_free(statements);
    return st;
  }
  (void)pthread_condattr_destroy(&monotonic);
  *ret_statements = statements;
  return BR_OK;
}

void rest_statements_stop(rest_statements *statements) {
  if (statements == NULL) {
    return;
  }
  br_cancel_request(statements->stop);
  (void)pthread_mutex_lock(&statements->lock);
  for (rest_statement *s = statements->list; s != NULL; s = s->next) {
    br_cancel_request(s->cancel);
  }
  (void)pthread_cond_broadcast(&statements->changed);
  (void)pthread_mutex_unlock(&statements->lock);
}

/* No handler runs any more. */
void rest_statements_free(rest_statements *statements) {
  if (statements == NULL) {
    return;
  }
  while (statements->list != NULL) {
    rest_statement *s = statements->list;
    statements->list = s->next;
    (void)pthread_join(s->thread, NULL);
    statement_free(s);
  }
  br_cancel_free(statements->stop);
  (void)pthread_cond_destroy(&statements->changed);
  (void)pthread_mutex_destroy(&statements->lock);
  br_free(statements);
}

const br_cancel *rest_stop_token(const rest_server *server) {
  return server->statements->stop;
}

/* Takes what is old or too much out of the list; the caller holds the lock and frees the returned
 * list without it. */
static rest_statement *take_old(rest_statements *statements) {
  rest_statement *old = NULL;
  size_t kept = 0;
  const uint64_t now = br_clock_monotonic_ms();
  rest_statement **link = &statements->list;
  while (*link != NULL) {
    rest_statement *s = *link;
    bool ended = s->state >= REST_SUCCEEDED && s->references == 1;
    if (ended && (now - s->ended_ms > REST_LIFE_MS || ++kept > REST_STATEMENTS_MAX ||
                  s->state == REST_CLOSED)) {
      *link = s->next;
      s->next = old;
      old = s;
      statements->count--;
    } else {
      link = &s->next;
    }
  }
  return old;
}

static void free_old(rest_statement *old) {
  while (old != NULL) {
    rest_statement *next = old->next;
    (void)pthread_join(old->thread, NULL);
    statement_free(old);
    old = next;
  }
}

static void statement_release(rest_statement *s) {
  (void)pthread_mutex_lock(&s->owner->lock);
  s->references--;
  (void)pthread_mutex_unlock(&s->owner->lock);
}

/* Found and held; NULL: the reply says 404. */
static br_status find_statement(http_request *request, http_reply *reply,
                                rest_statement **ret_statement, br_error *err) {
  rest_statements *statements = rest_of(request)->statements;
  const char *id = http_request_capture(request, 0);
  (void)pthread_mutex_lock(&statements->lock);
  rest_statement *s = statements->list;
  while (s != NULL && strcmp(s->id, id) != 0) {
    s = s->next;
  }
  if (s != NULL) {
    s->references++;
  }
  (void)pthread_mutex_unlock(&statements->lock);
  *ret_statement = s;
  return s != NULL ? BR_OK
                   : rest_reply_error(reply, 404, "NOT_FOUND", NULL, err,
                                      "The statement %s was not found.", id);
}

/* The request. */

typedef struct statement_request {
  json_t *body;
  const char *sql, *warehouse, *catalog, *schema, *disposition, *format;
  const json_t *parameters;
  uint64_t wait_ms, row_limit, byte_limit;
  bool cancel_on_timeout;
} statement_request;

static br_status refuse(http_reply *reply, br_error *err, const char *message) {
  return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err, "%s", message);
}

static const char *text_or(const json_t *body, const char *name, const char *otherwise) {
  const char *text = json_string_value(json_object_get(body, name));
  return text != NULL ? text : otherwise;
}

static bool parse_wait(const char *text, uint64_t *ret_ms) {
  char digits[8];
  size_t length = strlen(text);
  uint64_t seconds = 0;
  if (length < 2 || length > sizeof digits || text[length - 1] != 's') {
    return false;
  }
  memcpy(digits, text, length - 1);
  digits[length - 1] = '\0';
  if (br_text_u64(digits, 50, &seconds, NULL) != BR_OK || (seconds > 0 && seconds < 5)) {
    return false;
  }
  *ret_ms = seconds * 1000;
  return true;
}

static uint64_t limit_of(const json_t *body, const char *name) {
  const json_t *value = json_object_get(body, name);
  const char *text = json_string_value(value);
  uint64_t limit = UINT64_MAX;
  if (json_is_integer(value) && json_integer_value(value) >= 0) {
    return (uint64_t)json_integer_value(value);
  }
  if (text != NULL && br_text_u64(text, UINT64_MAX - 1, &limit, NULL) != BR_OK) {
    return UINT64_MAX;
  }
  return limit;
}

/* What is wrong with the request; NULL: nothing. */
static const char *check_request(statement_request *r) {
  if (r->sql == NULL || r->sql[0] == '\0') {
    return "The statement field is required.";
  }
  if (r->warehouse == NULL) {
    return "The warehouse_id field is required.";
  }
  if (!parse_wait(text_or(r->body, "wait_timeout", "10s"), &r->wait_ms)) {
    return "wait_timeout must be 0s or between 5s and 50s.";
  }
  if (strcmp(r->disposition, "INLINE") != 0 && strcmp(r->disposition, "EXTERNAL_LINKS") != 0) {
    return "disposition must be INLINE or EXTERNAL_LINKS.";
  }
  if (strcmp(r->disposition, "INLINE") == 0 && strcmp(r->format, "JSON_ARRAY") != 0) {
    return "The format field must be JSON_ARRAY when the disposition field is INLINE.";
  }
  if (strcmp(r->format, "JSON_ARRAY") != 0 && strcmp(r->format, "ARROW_STREAM") != 0) {
    return "The sandbox gives results in the formats JSON_ARRAY and ARROW_STREAM only.";
  }
  if (json_array_size(r->parameters) > REST_PARAMETERS_MAX) {
    return "A statement takes 256 parameters at most.";
  }
  return NULL;
}

static void read_request(json_t *body, statement_request *r) {
  *r = (statement_request){
      .body = body,
      .sql = text_or(body, "statement", NULL),
      .warehouse = text_or(body, "warehouse_id", NULL),
      .catalog = text_or(body, "catalog", NULL),
      .schema = text_or(body, "schema", NULL),
      .disposition = text_or(body, "disposition", "INLINE"),
      .format = text_or(body, "format", "JSON_ARRAY"),
      .parameters = json_object_get(body, "parameters"),
      .row_limit = limit_of(body, "row_limit"),
      .byte_limit = limit_of(body, "byte_limit"),
      .cancel_on_timeout = strcmp(text_or(body, "on_wait_timeout", "CONTINUE"), "CANCEL") == 0,
  };
}

static br_status copy_text(const char *text, char **ret_copy, br_error *err) {
  *ret_copy = text != NULL ? br_strdup(text) : NULL;
  return text != NULL && *ret_copy == NULL ? br_error_nomem(err) : BR_OK;
}

/* BR_ERR_USAGE: the request is wrong. */
static br_status copy_parameters(const json_t *array, rest_statement *s, br_error *err) {
  size_t count = json_array_size(array);
  if (count == 0) {
    return BR_OK;
  }
  s->parameters = br_calloc(count, sizeof *s->parameters);
  if (s->parameters == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *item = json_array_get(array, i);
    const char *name = json_string_value(json_object_get(item, "name"));
    rest_parameter *p = &s->parameters[i];
    const json_t *value = json_object_get(item, "value");
    if (name == NULL || name[0] == '\0') {
      return br_error_set(err, BR_ERR_USAGE, "Every parameter needs a name.");
    }
    if (value != NULL && !json_is_string(value) && !json_is_null(value)) {
      return br_error_set(err, BR_ERR_USAGE, "The value of the parameter %.100s is no string.",
                          name);
    }
    s->parameter_count++;
    br_status st = rest_type_parse(text_or(item, "type", "STRING"), &p->type, err);
    if (st == BR_OK) {
      st = copy_text(name, &p->name, err);
    }
    if (st == BR_OK) {
      st = copy_text(json_string_value(value), &p->value, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

static br_status fill_statement(const rest_server *server, const statement_request *r,
                                rest_statement *s, br_error *err) {
  s->owner = server->statements;
  s->references = 2; /* the list's and the caller's */
  rest_result_init(&s->result);
  s->result.row_limit = r->row_limit;
  s->result.byte_limit = r->byte_limit;
  s->result.external = strcmp(r->disposition, "EXTERNAL_LINKS") == 0;
  s->result.as_arrow = strcmp(r->format, "ARROW_STREAM") == 0;
  br_status st = br_uuid(s->id, err);
  if (st == BR_OK) {
    s->result.file_prefix = br_asprintf("%s/result-%s", server->uploads_folder, s->id);
    st = s->result.file_prefix == NULL ? br_error_nomem(err) : br_cancel_new(&s->cancel, err);
  }
  if (st == BR_OK) {
    st = copy_text(r->sql, &s->sql, err);
  }
  if (st == BR_OK) {
    st = copy_text(r->catalog, &s->catalog, err);
  }
  if (st == BR_OK) {
    st = copy_text(r->schema, &s->schema, err);
  }
  return st == BR_OK ? copy_parameters(r->parameters, s, err) : st;
}

/* Starts the thread and puts the statement into the list. BR_ERR_LIMIT: too many are running. */
static br_status launch(rest_statement *s, br_error *err) {
  rest_statements *owner = s->owner;
  br_status st = BR_OK;
  (void)pthread_mutex_lock(&owner->lock);
  if (owner->running == REST_RUNNING_MAX || br_cancel_requested(owner->stop)) {
    st = br_error_set(err, BR_ERR_LIMIT, "Too many statements are running.");
  } else {
    int failed = pthread_create(&s->thread, NULL, rest_statement_run, s);
    st = failed != 0 ? br_error_errno(err, failed, "Can't start a thread") : BR_OK;
  }
  rest_statement *old = NULL;
  if (st == BR_OK) {
    owner->running++;
    owner->count++;
    s->next = owner->list;
    owner->list = s;
    old = take_old(owner);
  }
  (void)pthread_mutex_unlock(&owner->lock);
  free_old(old);
  return st;
}

/* Waits until the statement has ended or the time is over; returns its state then. */
static rest_state wait_for(rest_statement *s, uint64_t wait_ms) {
  rest_statements *owner = s->owner;
  struct timespec until;
  (void)br_sys.clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)(wait_ms / 1000);
  (void)pthread_mutex_lock(&owner->lock);
  while (wait_ms != 0 && s->state < REST_SUCCEEDED && !br_cancel_requested(owner->stop) &&
         pthread_cond_timedwait(&owner->changed, &owner->lock, &until) != ETIMEDOUT) {
  }
  rest_state state = s->state;
  (void)pthread_mutex_unlock(&owner->lock);
  return state;
}

static br_status run_request(http_request *request, const statement_request *r, http_reply *reply,
                             br_error *err) {
  rest_statement *s = br_calloc(1, sizeof *s);
  br_error why = BR_ERROR_INIT;
  if (s == NULL) {
    return br_error_nomem(err);
  }
  br_status st = fill_statement(rest_of(request), r, s, &why);
  if (st == BR_OK) {
    st = launch(s, &why);
  }
  if (st != BR_OK) {
    statement_free(s);
    if (st == BR_ERR_USAGE) {
      return refuse(reply, err, why.message);
    }
    return st == BR_ERR_LIMIT
               ? rest_reply_error(reply, 429, "RESOURCE_EXHAUSTED", NULL, err, "%s", why.message)
               : br_error_set(err, st, "%s", why.message);
  }
  rest_state state = wait_for(s, r->wait_ms);
  if (state < REST_SUCCEEDED && r->cancel_on_timeout && r->wait_ms != 0) {
    br_cancel_request(s->cancel);
    state = wait_for(s, REST_LIFE_MS);
  }
  st = rest_answer_statement(request, s, state, reply, err);
  statement_release(s);
  return st;
}

br_status rest_post_statement(http_request *request, http_reply *reply, br_error *err) {
  atomic_store(&rest_of(request)->stopped, false);
  json_t *body = NULL;
  br_status st = rest_request_json(request, reply, &body, err);
  if (st != BR_OK || body == NULL) {
    return st;
  }
  statement_request r;
  read_request(body, &r);
  const char *wrong = check_request(&r);
  if (wrong != NULL) {
    st = refuse(reply, err, wrong);
  } else if (strcmp(r.warehouse, SANDBOX_WAREHOUSE) != 0) {
    st = rest_reply_error(reply, 404, "RESOURCE_DOES_NOT_EXIST", NULL, err,
                          "SQL warehouse %s does not exist", r.warehouse);
  } else {
    st = run_request(request, &r, reply, err);
  }
  json_decref(body);
  return st;
}

br_status rest_get_statement(http_request *request, http_reply *reply, br_error *err) {
  rest_statement *s = NULL;
  br_status st = find_statement(request, reply, &s, err);
  if (st != BR_OK || s == NULL) {
    return st;
  }
  st = rest_answer_statement(request, s, wait_for(s, 0), reply, err);
  statement_release(s);
  return st;
}

br_status rest_cancel_statement(http_request *request, http_reply *reply, br_error *err) {
  rest_statement *s = NULL;
  br_status st = find_statement(request, reply, &s, err);
  if (st != BR_OK || s == NULL) {
    return st;
  }
  br_cancel_request(s->cancel);
  statement_release(s);
  return rest_reply_json(reply, 200, json_object(), err);
}

br_status rest_close_statement(http_request *request, http_reply *reply, br_error *err) {
  rest_statement *s = NULL;
  br_status st = find_statement(request, reply, &s, err);
  if (st != BR_OK || s == NULL) {
    return st;
  }
  br_cancel_request(s->cancel);
  (void)wait_for(s, REST_LIFE_MS);
  (void)pthread_mutex_lock(&s->owner->lock);
  s->state = REST_CLOSED;
  (void)pthread_mutex_unlock(&s->owner->lock);
  statement_release(s);
  return rest_reply_json(reply, 200, json_object(), err);
}

/* The chunk that the address names; NULL: the reply says why not. */
static br_status find_chunk(http_request *request, const rest_statement *s, http_reply *reply,
                            const rest_chunk **ret_chunk, br_error *err) {
  uint64_t number = 0;
  *ret_chunk = NULL;
  if (wait_for((rest_statement *)s, 0) != REST_SUCCEEDED) {
    return rest_reply_error(reply, 404, "NOT_FOUND", NULL, err,
                            "The result of the statement %s was not found.", s->id);
  }
  if (br_text_u64(http_request_capture(request, 1), UINT64_MAX, &number, NULL) != BR_OK ||
      number >= s->result.chunk_count) {
    return rest_reply_error(reply, 404, "NOT_FOUND", NULL, err,
                            "The result of the statement %s has no chunk %s.", s->id,
                            http_request_capture(request, 1));
  }
  *ret_chunk = &s->result.chunks[number];
  return BR_OK;
}

br_status rest_get_chunk(http_request *request, http_reply *reply, br_error *err) {
  rest_statement *s = NULL;
  const rest_chunk *chunk = NULL;
  br_status st = find_statement(request, reply, &s, err);
  if (st != BR_OK || s == NULL) {
    return st;
  }
  st = find_chunk(request, s, reply, &chunk, err);
  if (st == BR_OK && chunk != NULL) {
    st = rest_answer_chunk(request, s, (size_t)(chunk - s->result.chunks), reply, err);
  }
  statement_release(s);
  return st;
}

br_status rest_get_result_file(http_request *request, http_reply *reply, br_error *err) {
  rest_statement *s = NULL;
  const rest_chunk *chunk = NULL;
  bool ok = false;
  br_status st = rest_check_signature(request, "GET", reply, &ok, err);
  if (st == BR_OK && ok) {
    st = find_statement(request, reply, &s, err);
  }
  if (st != BR_OK || s == NULL) {
    return st;
  }
  st = find_chunk(request, s, reply, &chunk, err);
  if (st == BR_OK && chunk != NULL && chunk->file != NULL) {
    int fd = br_sys.open(chunk->file, O_RDONLY | O_CLOEXEC, 0);
    st = fd < 0 ? br_error_errno(err, errno, "%s", chunk->file)
                : http_reply_file(reply, "application/octet-stream", fd, 0, chunk->length, err);
  } else if (st == BR_OK && chunk != NULL) {
    st = rest_reply_error(reply, 404, "NOT_FOUND", NULL, err, "This result has no files.");
  }
  statement_release(s);
  return st;
}
