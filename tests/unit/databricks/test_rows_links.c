/* Reading tables through links to Arrow streams: downloads that break anywhere, links that expire,
 * servers that lie. */
#include <stdio.h>
#include <string.h>

#include "batch/arrow_ipc.h"
#include "databricks/rows.h"
#include "unit/databricks/link_world.h"

static void read_well(world *w, size_t batch_rows) {
  dbx_client *client = test_client(script_base(w->server));
  size_t rows = 0;
  br_error err = BR_ERROR_INIT;
  assert_status(world_read(client, batch_rows, &rows, &err), BR_DONE, &err);
  assert_int_equal(rows, WORLD_ROWS);
  assert_int_equal(w->deletes, 1);
  dbx_client_free(client);
}

static br_status read_badly(world *w, size_t *rows, br_error *err) {
  world_start(w);
  dbx_client *client = test_client(script_base(w->server));
  br_status st = world_read(client, 5, rows, err);
  assert_true(st != BR_DONE);
  dbx_client_free(client);
  world_stop(w);
  return st;
}

static void rows_arrive_in_order(void **state) {
  (void)state;
  for (unsigned way = 0; way < 4; way++) {
    world w = {.links_together = (way & 1U) != 0, .no_length = (way & 2U) != 0};
    world_start(&w);
    read_well(&w, way == 0 ? 1 : 100);
    assert_int_equal(w.downloads, WORLD_CHUNKS);
    assert_int_equal(w.asked_links, w.links_together ? 0 : WORLD_CHUNKS - 1);
    assert_contains((const char *)script_request_at(w.server, 1)->body,
                    "\"disposition\":\"EXTERNAL_LINKS\",\"format\":\"ARROW_STREAM\"");
    world_stop(&w);
  }
}

/* The signature is the only thing that storage is told, with the headers that the link wants. */
static void the_token_never_goes_to_a_link(void **state) {
  (void)state;
  world w = {.link_extra = "\"http_headers\":{\"x-ms-blob\":\"a b\"},"};
  world_start(&w);
  read_well(&w, 100);
  size_t seen = 0;
  for (size_t i = 0; i < script_request_count(w.server); i++) {
    const script_request *request = script_request_at(w.server, i);
    char text[64] = "";
    if (strncmp(request->target, "/storage/", 9) != 0) {
      continue;
    }
    assert_lacks(request->head, TEST_TOKEN);
    assert_false(script_header(request, "Authorization", text, sizeof text));
    assert_true(script_header(request, "x-ms-blob", text, sizeof text));
    assert_string_equal(text, "a b");
    seen++;
  }
  assert_int_equal(seen, WORLD_CHUNKS);
  world_stop(&w);
}

/* Cut after every number of bytes, with and without a length that tells: no row is lost, none comes
 * twice. */
static void a_download_that_breaks_is_read_again(void **state) {
  (void)state;
  for (unsigned way = 0; way < 2; way++) {
    world w = {.no_length = way == 1};
    world_start(&w);
    size_t length = w.streams[1].len;
    dbx_client *client = test_client(script_base(w.server));
    for (size_t cut = 1; cut <= length; cut += 3) {
      w.spoilt = 1;
      w.cut = cut;
      size_t before = w.downloads;
      size_t rows = 0;
      br_error err = BR_ERROR_INIT;
      assert_status(world_read(client, 5, &rows, &err), BR_DONE, &err);
      assert_int_equal(rows, WORLD_ROWS);
      assert_int_equal(w.spoilt, 0);
      assert_true(w.downloads - before <= WORLD_CHUNKS + 1);
    }
    assert_true(w.asked_links > 2 * (length / 3));
    dbx_client_free(client);
    world_stop(&w);
  }
}

static const char expired[] =
    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 118\r\n\r\n"
    "<Error><Code>AccessDenied</Code><Message>Request\nhas expired</Message>"
    "<StringToSign>all that was signed</StringToSign>";

static void an_expired_link_is_asked_for_anew(void **state) {
  (void)state;
  world w = {.links_together = true, .spoilt = 3, .answer = expired};
  world_start(&w);
  read_well(&w, 100);
  assert_int_equal(w.asked_links, 3);
  assert_int_equal(w.downloads, WORLD_CHUNKS + 3);
  world_stop(&w);
}

/* A cached link that ends soon is not tried; one that has just been given is, whatever it says. */
static void a_link_that_ends_soon_is_not_used(void **state) {
  (void)state;
  world w = {.links_together = true,
             .first_extra = "\"expiration\":\"2020-01-01T00:00:00.000Z\",",
             .link_extra = ""};
  world_start(&w);
  read_well(&w, 100);
  assert_int_equal(w.downloads, WORLD_CHUNKS);
  assert_int_equal(w.asked_links, WORLD_CHUNKS);
  world_stop(&w);
}

static void links_that_always_fail_end_it(void **state) {
  (void)state;
  static const char *const answers[] = {
      expired,
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\xFF\xFF\xFF\xFF\0\0\0",
  };
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    world w = {.spoilt = 1000, .answer = answers[i]};
    size_t rows = 0;
    br_error err = BR_ERROR_INIT;
    br_status st = read_badly(&w, &rows, &err);
    assert_int_equal(rows, WORLD_CHUNK_ROWS);
    assert_int_equal(err.status, st);
    assert_contains(err.message, "Chunk 1 of the result: ");
    assert_contains(err.message, "(after 5 tries)");
    assert_lacks(err.message, "signature=");
    assert_lacks(err.message, "signed");
    if (i == 0) {
      assert_contains(err.message, "answers HTTP 403 AccessDenied: Request has expired (after");
      assert_int_equal(err.native_code, 403);
    }
    assert_int_equal(w.downloads, 1 + 5);
    assert_int_equal(w.deletes, 1);
  }
}

static void what_is_wrong_for_good_is_not_tried_again(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    const char *says;
  } cases[] = {
      {"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", "307"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nno Arrow at all!", "Chunk 1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    world w = {.spoilt = 1000, .answer = cases[i].answer};
    size_t rows = 0;
    br_error err = BR_ERROR_INIT;
    assert_true(read_badly(&w, &rows, &err) != BR_OK);
    assert_contains(err.message, cases[i].says);
    assert_int_equal(rows, WORLD_CHUNK_ROWS);
    assert_int_equal(w.downloads, 2);
  }
}

/* Links that must not be followed, and headers that must not be sent. */
static void links_that_are_unsafe_are_refused(void **state) {
  (void)state;
  static const char *const urls[] = {
      "http://storage.example.com/x",
      "http://127.0.0.1:80@storage.example.com/x",
      "http://localhost.example.com/x",
      "ftp://127.0.0.1/x",
      "file:///etc/passwd",
      "/storage/0",
      "https://",
      "https://user:word@storage.example.com/x",
      "https://storage.example.com/x y",
      "",
  };
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    world w = {.url = urls[i]};
    size_t rows = 0;
    br_error err = BR_ERROR_INIT;
    assert_status(read_badly(&w, &rows, &err), BR_ERR_PROTOCOL, &err);
    assert_contains(err.message, "refused");
  }
  static const char *const headers[] = {
      "\"http_headers\":{\"Authorization\":\"Bearer x\"},",
      "\"http_headers\":{\"host\":\"x\"},",
      "\"http_headers\":{\"a\":\"b\\r\\nc: d\"},",
      "\"http_headers\":{\"a b\":\"c\"},",
      "\"http_headers\":{\"\":\"c\"},",
      "\"http_headers\":{\"a\":7},",
      "\"expiration\":\"soon\",",
  };
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    world w = {.link_extra = headers[i]};
    size_t rows = 0;
    br_error err = BR_ERROR_INIT;
    assert_status(read_badly(&w, &rows, &err), BR_ERR_PROTOCOL, &err);
    assert_int_equal(w.downloads, 0);
  }
}

static void counts_that_lie_are_found(void **state) {
  (void)state;
#define COUNTS(chunks, rows, cut)                                                                  \
  "\"total_chunk_count\":" #chunks ",\"total_row_count\":" #rows ",\"truncated\":" #cut
  static const struct {
    world w;
    br_status expected;
    const char *says;
  } cases[] = {
      {{.manifest = COUNTS(3, 35, false)}, BR_ERR_PROTOCOL, "36 rows instead of 35"},
      {{.manifest = COUNTS(3, 37, false)}, BR_ERR_PROTOCOL, "36 rows instead of 37"},
      {{.manifest = COUNTS(2, 36, false)}, BR_ERR_PROTOCOL, "24 rows instead of 36"},
      {{.manifest = COUNTS(3, 36, true)}, BR_ERR_LIMIT, "cut the result"},
      {{.manifest = "\"total_row_count\":36"}, BR_ERR_PROTOCOL, "counts"},
      {{.manifest = "\"total_chunk_count\":3"}, BR_ERR_PROTOCOL, "counts"},
      {{.row_count = 11}, BR_ERR_PROTOCOL, "more than its 11 rows"},
      {{.row_count = 13}, BR_ERR_PROTOCOL, "ends after 12 of its 13 rows"},
      {{.row_offset_off = 1}, BR_ERR_PROTOCOL, "begins with row 1 instead of 0"},
      {{.chunk_index_off = 1}, BR_ERR_PROTOCOL, "gives no link"},
  };
#undef COUNTS
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    world w = cases[i].w;
    size_t rows = 0;
    br_error err = BR_ERROR_INIT;
    assert_status(read_badly(&w, &rows, &err), cases[i].expected, &err);
    assert_contains(err.message, cases[i].says);
  }
}

#define ID "01f00000-0000-1000-8000-000000000001"
#define SUCCEEDED(manifest)                                                                        \
  "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"SUCCEEDED\"},\"manifest\":{" manifest      \
  "},\"result\":{}}"
#define ARROW   "\"format\":\"ARROW_STREAM\",\"truncated\":false,"
#define NO_ROWS "\"total_chunk_count\":0,\"total_row_count\":0,"

static void an_empty_result_has_no_chunks(void **state) {
  (void)state;
  world w = {.read_reply = SUCCEEDED(ARROW NO_ROWS
                                     "\"schema\":{\"columns\":[{\"name\":\"id\",\"type_text\":"
                                     "\"BIGINT\"},{\"name\":\"name\",\"type_text\":\"STRING\"}]}")};
  world_start(&w);
  dbx_client *client = test_client(script_base(w.server));
  size_t rows = 0;
  br_error err = BR_ERROR_INIT;
  assert_status(world_read(client, 5, &rows, &err), BR_DONE, &err);
  assert_int_equal(rows, 0);
  assert_int_equal(w.downloads, 0);
  dbx_client_free(client);
  world_stop(&w);
}

static void results_of_other_shapes_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *reply;
    br_status expected;
  } cases[] = {
      {SUCCEEDED(NO_ROWS "\"format\":\"JSON_ARRAY\""), BR_ERR_PROTOCOL},
      {SUCCEEDED(ARROW NO_ROWS "\"schema\":{\"columns\":[{\"name\":\"id\",\"type_text\":\"INT\"},"
                               "{\"name\":\"name\",\"type_text\":\"STRING\"}]}"),
       BR_ERR_CONFLICT},
      {SUCCEEDED(ARROW NO_ROWS "\"schema\":{\"columns\":[{\"name\":\"id\",\"type_text\":"
                               "\"BIGINT\"}]}"),
       BR_ERR_PROTOCOL},
      {SUCCEEDED(""), BR_ERR_PROTOCOL},
      {"{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"CLOSED\"}}", BR_ERR_REMOTE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    world w = {.read_reply = cases[i].reply};
    size_t rows = 0;
    br_error err = BR_ERROR_INIT;
    assert_status(read_badly(&w, &rows, &err), cases[i].expected, &err);
  }
}

/* Rows of another type than the manifest's. */
static void streams_of_other_types_are_refused(void **state) {
  (void)state;
  world w = {0};
  world_start(&w);
  /* "id" of the third chunk says in its metadata that it has 32 bits: the stream is another. */
  br_buf_done(&w.streams[2]);
  br_buf_init(&w.streams[2], 1024);
  batch_schema *schema = NULL;
  assert_int_equal(batch_schema_new(2, &schema, NULL), BR_OK);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(
        batch_schema_set(schema, i, "x", (batch_type){.layout = BATCH_INT32}, true, NULL), BR_OK);
  }
  assert_int_equal(batch_ipc_write_schema(schema, &w.streams[2], NULL), BR_OK);
  assert_int_equal(batch_ipc_write_end(&w.streams[2], NULL), BR_OK);
  batch_schema_free(schema);
  dbx_client *client = test_client(script_base(w.server));
  size_t rows = 0;
  br_error err = BR_ERROR_INIT;
  assert_status(world_read(client, 5, &rows, &err), BR_ERR_PROTOCOL, &err);
  assert_int_equal(rows, 2 * WORLD_CHUNK_ROWS);
  assert_contains(err.message, "Column id: the stream has Arrow's type i for BIGINT");
  dbx_client_free(client);
  world_stop(&w);
}

static void auto_goes_over_to_links(void **state) {
  (void)state;
  static const char too_large[] =
      "{\"statement_id\":\"" ID "\",\"status\":{\"state\":\"FAILED\",\"error\":{\"error_code\":"
      "\"BAD_REQUEST\",\"message\":\"Inline byte limit exceeded. Statements executed with …\"}}}";
  for (unsigned way = 0; way < 2; way++) {
    world w = {.read_reply = too_large};
    world_start(&w);
    dbx_client *client = test_client(script_base(w.server));
    const dbx_rows_options options = {
        .from = "t", .rows_expected = 1000, .way = way == 0 ? DBX_ROWS_AUTO : DBX_ROWS_INLINE};
    dbx_rows *rows = NULL;
    br_error err = BR_ERROR_INIT;
    assert_status(dbx_rows_open(client, &options, NULL, &rows, &err), BR_ERR_REMOTE, &err);
    assert_int_equal(w.posts, way == 0 ? 3 : 2);
    assert_contains((const char *)script_request_at(w.server, 1)->body, "\"INLINE\"");
    if (way == 0) {
      assert_contains((const char *)script_request_at(w.server, 2)->body, "\"EXTERNAL_LINKS\"");
    }
    dbx_client_free(client);
    world_stop(&w);
  }
}

/* Asked to stop in the middle: the next rows are not waited for. */
static void cancelling_ends_it(void **state) {
  (void)state;
  world w = {0};
  world_start(&w);
  dbx_client *client = test_client(script_base(w.server));
  br_cancel *cancel = NULL;
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  const dbx_rows_options options = {.from = "t", .way = DBX_ROWS_LINKS};
  dbx_rows *rows = NULL;
  batch *b = NULL;
  br_error err = BR_ERROR_INIT;
  assert_status(dbx_rows_open(client, &options, cancel, &rows, &err), BR_OK, &err);
  assert_int_equal(batch_new(dbx_rows_schema(rows), 2, &b, NULL), BR_OK);
  assert_status(dbx_rows_next(rows, b, 0, &err), BR_OK, &err);
  br_cancel_request(cancel);
  batch_reset(b, 0);
  assert_int_equal(dbx_rows_next(rows, b, 0, &err), BR_ERR_CANCELLED);
  batch_free(b);
  dbx_rows_close(rows);
  assert_int_equal(w.deletes, 1);
  br_cancel_free(cancel);
  dbx_client_free(client);
  world_stop(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_arrive_in_order),
      cmocka_unit_test(the_token_never_goes_to_a_link),
      cmocka_unit_test(a_download_that_breaks_is_read_again),
      cmocka_unit_test(an_expired_link_is_asked_for_anew),
      cmocka_unit_test(a_link_that_ends_soon_is_not_used),
      cmocka_unit_test(links_that_always_fail_end_it),
      cmocka_unit_test(what_is_wrong_for_good_is_not_tried_again),
      cmocka_unit_test(links_that_are_unsafe_are_refused),
      cmocka_unit_test(counts_that_lie_are_found),
      cmocka_unit_test(an_empty_result_has_no_chunks),
      cmocka_unit_test(results_of_other_shapes_are_refused),
      cmocka_unit_test(streams_of_other_types_are_refused),
      cmocka_unit_test(auto_goes_over_to_links),
      cmocka_unit_test(cancelling_ends_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
