/* A body that is read while it arrives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "databricks/download.h"
#include "unit/databricks/support.h"

enum { BODY = 3 * 1024 * 1024 + 17 };

static uint8_t byte_at(size_t offset) {
  return (uint8_t)(offset * 31 + (offset >> 11));
}

/* A whole answer with a long body; the caller frees. */
static char *long_answer(size_t *ret_length) {
  char head[128];
  int length =
      snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", (int)BODY);
  char *answer = malloc((size_t)length + BODY);
  assert_non_null(answer);
  memcpy(answer, head, (size_t)length);
  for (size_t i = 0; i < BODY; i++) {
    answer[(size_t)length + i] = (char)byte_at(i);
  }
  *ret_length = (size_t)length + BODY;
  return answer;
}

static br_status open_at(dbx_client *client, script_server *server, br_cancel *cancel,
                         dbx_download **ret_download, dbx_http_response *response, br_error *err) {
  char url[128];
  (void)snprintf(url, sizeof url, "%s/x", script_base(server));
  const dbx_http_request request = {.method = "GET", .url = url, .max_body = 64};
  *ret_download = NULL;
  return dbx_download_open(client->transport, &request, cancel, ret_download, response, err);
}

/* However little is taken at a time, the bytes are those that were sent: also where curl had to
 * wait for the reader. */
static void every_byte_arrives_in_pieces_of_any_size(void **state) {
  (void)state;
  size_t length = 0;
  char *answer = long_answer(&length);
  const script_step steps[] = {{.reply = answer, .length = length},
                               {.reply = answer, .length = length},
                               {.reply = answer, .length = length}};
  script_server *server = script_start(steps, 3);
  dbx_client *client = test_client(script_base(server));
  static const size_t sizes[] = {61, 4096, 1024 * 1024};
  uint8_t *bytes = malloc(1024 * 1024);
  assert_non_null(bytes);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    dbx_download *download = NULL;
    dbx_http_response response;
    br_error err = BR_ERROR_INIT;
    assert_status(open_at(client, server, NULL, &download, &response, &err), BR_OK, &err);
    assert_non_null(download);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.length, BODY);
    dbx_http_response_done(&response);
    size_t got = 0;
    size_t piece = 0;
    do {
      assert_status(dbx_download_read(download, bytes, sizes[i], &piece, &err), BR_OK, &err);
      assert_true(piece <= sizes[i]);
      for (size_t k = 0; k < piece; k++, got++) {
        if (bytes[k] != byte_at(got)) {
          fail_msg("byte %zu is another", got);
        }
      }
    } while (piece > 0);
    assert_int_equal(got, BODY);
    assert_int_equal(dbx_download_read(download, bytes, 1, &piece, &err), BR_OK);
    assert_int_equal(piece, 0);
    dbx_download_close(download);
  }
  free(bytes);
  dbx_client_free(client);
  script_stop(server);
  free(answer);
}

/* In the middle of a body: closed, cancelled, cut. The connection is not used again. */
static void a_download_may_end_anywhere(void **state) {
  (void)state;
  size_t length = 0;
  char *answer = long_answer(&length);
  const script_step steps[] = {{.reply = answer, .length = length},
                               {.reply = answer, .length = length},
                               {.reply = answer, .length = length, .cut = length - 5},
                               {.reply = script_json(200, NULL, "{}")}};
  script_server *server = script_start(steps, 4);
  dbx_client *client = test_client(script_base(server));
  br_cancel *cancel = NULL;
  assert_int_equal(br_cancel_new(&cancel, NULL), BR_OK);
  for (unsigned way = 0; way < 4; way++) {
    dbx_download *download = NULL;
    dbx_http_response response;
    br_error err = BR_ERROR_INIT;
    uint8_t bytes[4096];
    size_t piece = 0;
    size_t got = 0;
    br_status st = open_at(client, server, way == 1 ? cancel : NULL, &download, &response, &err);
    assert_status(st, BR_OK, &err);
    dbx_http_response_done(&response);
    if (way == 1) {
      br_cancel_request(cancel);
    }
    do {
      st = dbx_download_read(download, bytes, sizeof bytes, &piece, &err);
      got += piece;
    } while (way != 0 && st == BR_OK && piece > 0);
    dbx_download_close(download);
    static const br_status expected[] = {BR_OK, BR_ERR_CANCELLED, BR_ERR_NETWORK, BR_OK};
    if (way != 1 || st != BR_OK) { /* all of it may have been there before it was cancelled */
      assert_status(st, expected[way], &err);
    }
    assert_int_equal(err.retriable, way == 2);
    assert_true(way != 3 || got == 2);
  }
  br_cancel_free(cancel);
  dbx_client_free(client);
  script_stop(server);
  free(answer);
}

static void another_answer_is_kept_whole(void **state) {
  (void)state;
  static const char long_page[] =
      "HTTP/1.1 500 No\r\nContent-Length: 70\r\n\r\n"
      "1234567890123456789012345678901234567890123456789012345678901234567890";
  const script_step steps[] = {{.reply = script_json(404, NULL, "{\"a\":1}")},
                               {.reply = script_json(302, "Location: /y\r\n", "")},
                               {.reply = long_page},
                               {.then = SCRIPT_CLOSE},
                               {.reply = script_json(204, NULL, "")}};
  script_server *server = script_start(steps, 5);
  dbx_client *client = test_client(script_base(server));
  static const struct {
    br_status st;
    long status;
    const char *body;
  } expected[] = {{BR_OK, 404, "{\"a\":1}"},
                  {BR_OK, 302, ""},
                  {BR_ERR_LIMIT, 0, NULL},
                  {BR_ERR_NETWORK, 0, NULL},
                  {BR_OK, 204, NULL}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    dbx_download *download = NULL;
    dbx_http_response response;
    br_error err = BR_ERROR_INIT;
    assert_status(open_at(client, server, NULL, &download, &response, &err), expected[i].st, &err);
    assert_int_equal(download != NULL, expected[i].status == 204);
    if (expected[i].body != NULL) {
      assert_int_equal(response.status, expected[i].status);
      assert_int_equal(response.body.len, strlen(expected[i].body));
      assert_memory_equal(response.body.data, expected[i].body, response.body.len);
    }
    size_t piece = 1;
    if (download != NULL) {
      assert_int_equal(dbx_download_read(download, &(uint8_t){0}, 1, &piece, &err), BR_OK);
      assert_int_equal(piece, 0);
    }
    dbx_download_close(download);
    dbx_http_response_done(&response);
  }
  dbx_client_free(client);
  script_stop(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_byte_arrives_in_pieces_of_any_size),
      cmocka_unit_test(a_download_may_end_anywhere),
      cmocka_unit_test(another_answer_is_kept_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
