#include "sandbox/rest_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

enum { LINK_SECONDS = 900 };

const char *rest_state_name(rest_state state) {
  static const char *const names[] = {
      [REST_PENDING] = "PENDING", [REST_RUNNING] = "RUNNING",   [REST_SUCCEEDED] = "SUCCEEDED",
      [REST_FAILED] = "FAILED",   [REST_CANCELED] = "CANCELED", [REST_CLOSED] = "CLOSED",
  };
  return names[state];
}

static json_t *make_status(const rest_statement *s, rest_state state) {
  json_t *status = json_pack("{s:s}", "state", rest_state_name(state));
  if (status == NULL || state != REST_FAILED) {
    return status;
  }
  json_t *error = json_pack("{s:s, s:s}", "error_code", s->error_code, "message", s->error_message);
  if (error == NULL) { /* the message was cut inside a character */
    error = json_pack("{s:s}", "error_code", s->error_code);
  }
  bool good = json_object_set_new(status, "error", error) == 0 &&
              (s->sql_state[0] == '\0' ||
               json_object_set_new(status, "sql_state", json_string(s->sql_state)) == 0);
  if (!good) {
    json_decref(status);
    return NULL;
  }
  return status;
}

static json_t *make_chunk_list(const rest_result *result) {
  json_t *list = json_array();
  for (size_t i = 0; list != NULL && i < result->chunk_count; i++) {
    const rest_chunk *chunk = &result->chunks[i];
    json_t *item =
        json_pack("{s:I, s:I, s:I}", "chunk_index", (json_int_t)i, "row_offset",
                  (json_int_t)chunk->row_offset, "row_count", (json_int_t)chunk->row_count);
    bool good =
        item != NULL &&
        (!result->external ||
         json_object_set_new(item, "byte_count", json_integer((json_int_t)chunk->length)) == 0) &&
        json_array_append(list, item) == 0;
    json_decref(item);
    if (!good) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

/* Results without columns have none, those without rows no list of chunks: as recorded. */
static json_t *make_manifest(const rest_result *result) {
  json_t *schema = json_pack("{s:I}", "column_count", (json_int_t)json_array_size(result->columns));
  if (schema != NULL && json_array_size(result->columns) > 0 &&
      json_object_set(schema, "columns", result->columns) != 0) {
    json_decref(schema);
    return NULL;
  }
  json_t *manifest = json_pack(
      "{s:s, s:o, s:I, s:I, s:b}", "format", result->as_arrow ? "ARROW_STREAM" : "JSON_ARRAY",
      "schema", schema, "total_chunk_count", (json_int_t)result->chunk_count, "total_row_count",
      (json_int_t)result->rows, "truncated", (int)result->truncated);
  bool good = manifest != NULL;
  if (good && result->external) {
    good = json_object_set_new(manifest, "total_byte_count",
                               json_integer((json_int_t)result->bytes)) == 0;
  }
  if (good && result->chunk_count > 0) {
    good = json_object_set_new(manifest, "chunks", make_chunk_list(result)) == 0;
  }
  if (!good) {
    json_decref(manifest);
    return NULL;
  }
  return manifest;
}

static int append(const char *text, size_t length, void *context) {
  return br_buf_append(context, text, length, NULL) == BR_OK ? 0 : -1;
}

/* Dumps value (taken over) without its closing brace, so that more can follow. */
static br_status put_open(br_buf *out, json_t *value, br_error *err) {
  int failed = value == NULL || json_dump_callback(value, append, out, JSON_COMPACT) != 0;
  json_decref(value);
  if (failed) {
    return br_error_nomem(err);
  }
  out->len--;
  return BR_OK;
}

static br_status put_next(const rest_statement *s, size_t number, br_buf *out, br_error *err) {
  if (number + 1 >= s->result.chunk_count) {
    return BR_OK;
  }
  return br_buf_printf(out, err,
                       ",\"next_chunk_index\":%zu,\"next_chunk_internal_link\":"
                       "\"/api/2.0/sql/statements/%s/result/chunks/%zu\"",
                       number + 1, s->id, number + 1);
}

static br_status put_inline(const rest_statement *s, size_t number, br_buf *out, br_error *err) {
  const rest_chunk *chunk = &s->result.chunks[number];
  br_status st = br_buf_printf(
      out, err, "{\"chunk_index\":%zu,\"row_offset\":%" PRIu64 ",\"row_count\":%" PRIu64, number,
      chunk->row_offset, chunk->row_count);
  if (st == BR_OK) {
    st = put_next(s, number, out, err);
  }
  if (st == BR_OK) {
    st = br_buf_text(out, ",\"data_array\":", err);
  }
  if (st == BR_OK) {
    st = br_buf_append(out, chunk->text, chunk->length, err);
  }
  return st == BR_OK ? br_buf_u8(out, '}', err) : st;
}

static br_status put_link(const http_request *request, const rest_statement *s, size_t number,
                          br_buf *out, br_error *err) {
  const rest_chunk *chunk = &s->result.chunks[number];
  char path[96], end[BR_CLOCK_TEXT_MAX];
  (void)snprintf(path, sizeof path, "/storage/results/%s/%zu", s->id, number);
  sandbox_fault fault = {.value = LINK_SECONDS};
  (void)sandbox_fault_strikes(rest_of(request)->faults, SANDBOX_FAULT_REST_EXPIRE_LINKS, path,
                              "GET", &fault);
  const int64_t end_us = br_clock_wall_us() + (int64_t)fault.value * 1000000;
  br_clock_format_ms(end_us, end);
  br_status st = br_buf_printf(out, err,
                               "{\"external_links\":[{\"chunk_index\":%zu,\"row_offset\":%" PRIu64
                               ",\"row_count\":%" PRIu64 ",\"byte_count\":%zu",
                               number, chunk->row_offset, chunk->row_count, chunk->length);
  if (st == BR_OK) {
    st = put_next(s, number, out, err);
  }
  if (st == BR_OK) {
    st = br_buf_text(out, ",\"external_link\":\"", err);
  }
  if (st == BR_OK) {
    st = rest_sign_url(request, "GET", path, (uint64_t)(end_us / 1000000), out, err);
  }
  return st == BR_OK ? br_buf_printf(out, err, "\",\"expiration\":\"%s\"}]}", end) : st;
}

static br_status put_chunk(const http_request *request, const rest_statement *s, size_t number,
                           br_buf *out, br_error *err) {
  return s->result.external ? put_link(request, s, number, out, err)
                            : put_inline(s, number, out, err);
}

static br_status send(br_status st, br_buf *out, http_reply *reply, br_error *err) {
  size_t length = 0;
  char *text = st == BR_OK ? br_buf_take(out, &length) : NULL;
  if (text == NULL) {
    br_buf_done(out);
    return st != BR_OK ? st : br_error_nomem(err);
  }
  return http_reply_take(reply, "application/json", text, length, err);
}

br_status rest_answer_chunk(http_request *request, const rest_statement *s, size_t number,
                            http_reply *reply, br_error *err) {
  br_buf out;
  br_buf_init(&out, BR_LIMIT_HTTP_BODY);
  return send(put_chunk(request, s, number, &out, err), &out, reply, err);
}

br_status rest_answer_statement(http_request *request, const rest_statement *s, rest_state state,
                                http_reply *reply, br_error *err) {
  json_t *head = json_pack("{s:s, s:o}", "statement_id", s->id, "status", make_status(s, state));
  if (head == NULL || state != REST_SUCCEEDED) {
    return rest_reply_json(reply, 200, head, err);
  }
  json_t *manifest = make_manifest(&s->result);
  if (manifest == NULL || json_object_set_new(head, "manifest", manifest) != 0) {
    json_decref(head);
    return br_error_nomem(err);
  }
  br_buf out;
  br_buf_init(&out, BR_LIMIT_HTTP_BODY);
  br_status st = put_open(&out, head, err);
  if (st == BR_OK) {
    st = br_buf_text(&out, ",\"result\":", err);
  }
  if (st == BR_OK) {
    st = s->result.chunk_count > 0 ? put_chunk(request, s, 0, &out, err)
                                   : br_buf_text(&out, "{}", err);
  }
  if (st == BR_OK) {
    st = br_buf_u8(&out, '}', err);
  }
  return send(st, &out, reply, err);
}
