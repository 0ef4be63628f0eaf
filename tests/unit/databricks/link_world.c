#include "unit/databricks/link_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/arrow_ipc.h"

#define ID     "01f00000-0000-1000-8000-000000000001"
#define RESULT "/api/2.0/sql/statements/" ID "/result/chunks/"
#define COLUMNS                                                                                    \
  "\"schema\":{\"columns\":[{\"name\":\"id\",\"type_text\":\"BIGINT\"},{\"name\":\"name\","        \
  "\"type_text\":\"STRING\"}]}"

/* Row n is (n, "row n"), but every fifth name is NULL. */
static void name_of(uint64_t n, char *text, size_t size) {
  (void)snprintf(text, size, "row %" PRIu64, n);
}

/* ---- the streams ---- */

static void fill(batch *b, uint64_t first) {
  batch_reset(b, 0);
  for (size_t row = 0; row < WORLD_MESSAGE_ROWS; row++, first++) {
    char name[32];
    name_of(first, name, sizeof name);
    ((int64_t *)b->columns[0].values)[row] = (int64_t)first;
    batch_column_mark_valid(&b->columns[0], row);
    assert_int_equal(first % 5 == 0
                         ? batch_column_append_null(&b->columns[1], row, NULL)
                         : batch_column_append_bytes(&b->columns[1], row, name, strlen(name), NULL),
                     BR_OK);
    b->rows++;
  }
}

static void make_streams(world *w) {
  batch_schema *schema = NULL;
  batch *b = NULL;
  assert_int_equal(batch_schema_new(2, &schema, NULL), BR_OK);
  assert_int_equal(
      batch_schema_set(schema, 0, "id", (batch_type){.layout = BATCH_INT64}, true, NULL), BR_OK);
  assert_int_equal(
      batch_schema_set(schema, 1, "name", (batch_type){.layout = BATCH_STRING}, true, NULL), BR_OK);
  assert_int_equal(batch_new(schema, WORLD_MESSAGE_ROWS, &b, NULL), BR_OK);
  for (unsigned i = 0; i < WORLD_CHUNKS; i++) {
    br_buf *out = &w->streams[i];
    br_buf_init(out, 32 * 1024);
    assert_int_equal(batch_ipc_write_schema(schema, out, NULL), BR_OK);
    for (unsigned m = 0; m < WORLD_MESSAGES; m++) {
      fill(b, i * WORLD_CHUNK_ROWS + m * WORLD_MESSAGE_ROWS);
      assert_int_equal(batch_ipc_write_batch(b, out, NULL), BR_OK);
    }
    assert_int_equal(batch_ipc_write_end(out, NULL), BR_OK);
  }
  batch_free(b);
  batch_schema_free(schema);
}

/* ---- the workspace ---- */

static int put_link(const world *w, unsigned chunk, bool first, char *text, size_t size) {
  char url[512];
  char next[256] = "";
  if (w->url != NULL) {
    (void)snprintf(url, sizeof url, "%s", w->url);
  } else {
    (void)snprintf(url, sizeof url, "%s/storage/%u?signature=s", script_base(w->server), chunk);
  }
  if (chunk + 1 < WORLD_CHUNKS) {
    (void)snprintf(next, sizeof next,
                   ",\"next_chunk_index\":%u,\"next_chunk_internal_link\":\"" RESULT "%u\"",
                   chunk + 1, chunk + 1);
  }
  return snprintf(text, size,
                  "{\"chunk_index\":%u,\"row_offset\":\"%u\",\"row_count\":%u,\"byte_count\":%zu,"
                  "%s%s\"external_link\":\"%s\"%s}",
                  chunk + w->chunk_index_off, chunk * WORLD_CHUNK_ROWS + w->row_offset_off,
                  w->row_count != 0 ? w->row_count : WORLD_CHUNK_ROWS, w->streams[chunk].len,
                  w->link_extra != NULL ? w->link_extra : "",
                  first && w->first_extra != NULL ? w->first_extra : "", url, next);
}

static const char *read_answer(const world *w) {
  static char text[16 * 1024];
  char counts[256];
  if (w->read_reply != NULL) {
    return w->read_reply;
  }
  (void)snprintf(counts, sizeof counts,
                 "\"total_chunk_count\":%d,\"total_row_count\":%d,\"truncated\":false",
                 WORLD_CHUNKS, WORLD_ROWS);
  int length = snprintf(text, sizeof text,
                        "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"SUCCEEDED\"},"
                        "\"manifest\":{\"format\":\"ARROW_STREAM\"," COLUMNS
                        ",%s},\"result\":{\"external_links\":[",
                        w->manifest != NULL ? w->manifest : counts);
  for (unsigned i = 0; i < (w->links_together ? WORLD_CHUNKS : 1); i++) {
    length += snprintf(text + length, sizeof text - (size_t)length, "%s", i > 0 ? "," : "");
    length += put_link(w, i, true, text + length, sizeof text - (size_t)length);
  }
  (void)snprintf(text + length, sizeof text - (size_t)length, "]}}");
  return text;
}

static const char *link_answer(const world *w, unsigned chunk) {
  static char text[4096];
  int length = snprintf(text, sizeof text, "{\"external_links\":[");
  length += put_link(w, chunk, false, text + length, sizeof text - (size_t)length);
  (void)snprintf(text + length, sizeof text - (size_t)length, "]}");
  return text;
}

/* ---- the storage ---- */

static script_step download(world *w, unsigned chunk) {
  w->downloads++;
  const br_buf *stream = &w->streams[chunk];
  bool spoilt = chunk == 1 && w->spoilt > 0;
  w->spoilt -= spoilt;
  if (spoilt && w->answer != NULL) {
    return (script_step){.reply = w->answer, .then = SCRIPT_CLOSE};
  }
  int head = w->no_length ? snprintf(w->reply, sizeof w->reply,
                                     "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                          : snprintf(w->reply, sizeof w->reply,
                                     "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", stream->len);
  memcpy(w->reply + head, stream->data, stream->len);
  return (script_step){.reply = w->reply,
                       .length = (size_t)head + stream->len,
                       .cut = spoilt && w->cut > 0 ? (size_t)head + w->cut : 0,
                       .then = w->no_length || spoilt ? SCRIPT_CLOSE : SCRIPT_KEEP};
}

static script_step answer(void *context, const script_request *request, size_t nth) {
  world *w = context;
  (void)nth;
  const char *body = "{}";
  if (strncmp(request->target, "/storage/", 9) == 0) {
    return download(w, (unsigned)strtoul(request->target + 9, NULL, 10));
  }
  if (strncmp(request->target, RESULT, strlen(RESULT)) == 0) {
    w->asked_links++;
    body = link_answer(w, (unsigned)strtoul(request->target + strlen(RESULT), NULL, 10));
  } else if (strcmp(request->method, "DELETE") == 0) {
    w->deletes++;
  } else if (w->posts++, strstr((const char *)request->body, "LIMIT 0") != NULL) {
    body =
        "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{" COLUMNS
        ",\"total_row_count\":0},\"result\":{}}";
  } else {
    body = read_answer(w);
  }
  return (script_step){.reply = script_json(200, NULL, body)};
}

void world_start(world *w) {
  make_streams(w);
  w->server = script_start_by_body(answer, w);
}

void world_stop(world *w) {
  script_stop(w->server);
  for (size_t i = 0; i < WORLD_CHUNKS; i++) {
    br_buf_done(&w->streams[i]);
  }
}

/* ---- reading ---- */

static void check_rows(const batch *b, uint64_t first) {
  assert_int_equal(b->first_row, first);
  for (size_t row = 0; row < b->rows; row++, first++) {
    const batch_column *names = &b->columns[1];
    char name[32];
    name_of(first, name, sizeof name);
    assert_int_equal(((const int64_t *)b->columns[0].values)[row], (int64_t)first);
    assert_int_equal(batch_column_is_valid(names, row), first % 5 != 0);
    size_t length = (size_t)(names->offsets[row + 1] - names->offsets[row]);
    assert_int_equal(length, first % 5 == 0 ? 0 : strlen(name));
    assert_memory_equal(names->data + names->offsets[row], name, length);
  }
}

br_status world_read(dbx_client *client, size_t batch_rows, size_t *ret_rows, br_error *err) {
  const dbx_rows_options options = {.from = "t", .way = DBX_ROWS_LINKS};
  dbx_rows *rows = NULL;
  batch *b = NULL;
  *ret_rows = 0;
  br_status st = dbx_rows_open(client, &options, NULL, &rows, err);
  if (st == BR_OK) {
    st = batch_new(dbx_rows_schema(rows), batch_rows, &b, err);
  }
  while (st == BR_OK) {
    batch_reset(b, 0);
    st = dbx_rows_next(rows, b, 0, err);
    if (st == BR_OK) {
      assert_true(b->rows > 0);
      check_rows(b, *ret_rows);
      *ret_rows += b->rows;
    }
  }
  batch_free(b);
  dbx_rows_close(rows);
  return st;
}
