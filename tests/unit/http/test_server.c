#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/sys.h"
#include "http/http.h"
#include "http/listen.h"

static char folder[64];
static char socket_path[96];
static http_server *server;
static atomic_int begun;
static atomic_bool held;
static int dropped, handled;
static char streamed[128];

static br_status say(http_reply *reply, const char *text, br_error *err) {
  return http_reply_bytes(reply, "text/plain", text, strlen(text), err);
}

static br_status get_item(http_request *request, http_reply *reply, br_error *err) {
  char text[256];
  (void)snprintf(text, sizeof text, "%s|%s|%s", http_request_capture(request, 0),
                 http_request_query(request, "q"), http_request_peer(request));
  return say(reply, text, err);
}

/* Its own value stands instead of the server's. */
static br_status get_named(http_request *request, http_reply *reply, br_error *err) {
  (void)request;
  br_status st = http_reply_header(reply, "server", "my own", err);
  return st == BR_OK ? say(reply, "named", err) : st;
}

static br_status get_held(http_request *request, http_reply *reply, br_error *err) {
  (void)request;
  begun++;
  while (atomic_load(&held)) {
    (void)sched_yield();
  }
  return say(reply, "held long enough", err);
}

static br_status echo(http_request *request, http_reply *reply, br_error *err) {
  size_t length = 0;
  const uint8_t *body = http_request_body(request, &length);
  return http_reply_bytes(reply, "application/octet-stream", body, length, err);
}

static br_status fails(http_request *request, http_reply *reply, br_error *err) {
  (void)request;
  (void)reply;
  return br_error_set(err, BR_ERR_IO, "it broke");
}

static br_status put_begin(http_request *request, http_reply *reply, br_error *err) {
  begun++;
  streamed[0] = '\0';
  http_request_set_state(request, streamed);
  if (http_request_query(request, "no") != NULL) {
    http_reply_status(reply, 409);
    return say(reply, "exists", err);
  }
  return BR_OK;
}

static br_status put_data(http_request *request, const void *bytes, size_t length,
                          http_reply *reply, br_error *err) {
  (void)err;
  char *text = http_request_state(request);
  strncat(text, bytes, length);
  if (http_request_query(request, "cut") != NULL) {
    http_reply_hang_up(reply);
  }
  return BR_OK;
}

static br_status put_done(http_request *request, http_reply *reply, br_error *err) {
  handled++;
  return say(reply, http_request_state(request), err);
}

static void put_drop(http_request *request) {
  (void)request;
  dropped++;
}

static br_status get_file(http_request *request, http_reply *reply, br_error *err) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/file", folder);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (http_request_query(request, "cut") != NULL) {
    http_reply_cut(reply, 3);
  }
  return http_reply_file(reply, "application/octet-stream", fd, 2, 6, err);
}

static br_status authorize(http_request *request, http_reply *reply, br_error *err) {
  const char *token = http_request_header(request, "Authorization");
  if (token != NULL && strcmp(token, "no") == 0) {
    http_reply_status(reply, 401);
    return say(reply, "who are you", err);
  }
  return BR_OK;
}

static br_status word_error(http_request *request, unsigned status, const char *message,
                            http_reply *reply, br_error *err) {
  (void)request;
  char text[128];
  (void)snprintf(text, sizeof text, "{%u %s}", status, message);
  return say(reply, text, err);
}

static const http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/item/{name}", .handle = get_item},
    {.method = HTTP_POST,
     .pattern = "/echo",
     .handle = echo,
     .body = HTTP_BODY_MEMORY,
     .body_max = 16},
    {.method = HTTP_GET, .pattern = "/named", .handle = get_named},
    {.method = HTTP_GET, .pattern = "/held", .handle = get_held},
    {.method = HTTP_GET, .pattern = "/fails", .handle = fails},
    {.method = HTTP_GET, .pattern = "/file", .handle = get_file},
    {.method = HTTP_PUT,
     .pattern = "/put/{*}",
     .handle = put_done,
     .body = HTTP_BODY_STREAM,
     .body_max = 64,
     .begin = put_begin,
     .data = put_data,
     .drop = put_drop},
};
static const char *const reply_headers[] = {"Server", "test", NULL};

/* Sends bytes as they are, reads until the server closes or says nothing more. */
static void exchange(const char *request, char *reply, size_t size) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
  (void)shutdown(fd, SHUT_WR);
  size_t fill = 0;
  for (;;) {
    ssize_t got = recv(fd, reply + fill, size - 1 - fill, 0);
    if (got <= 0) {
      break;
    }
    fill += (size_t)got;
  }
  reply[fill] = '\0';
  (void)close(fd);
}

static char reply[8192];

static void check(const char *request, const char *status, const char *body) {
  exchange(request, reply, sizeof reply);
  assert_memory_equal(reply, "HTTP/1.1 ", 9);
  assert_memory_equal(reply + 9, status, strlen(status));
  const char *end = strstr(reply, "\r\n\r\n");
  assert_non_null(end);
  assert_string_equal(end + 4, body);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

static void routes_get_captures_and_query(void **state) {
  (void)state;
  check("GET /item/a%2Fb?q=1%202 HTTP/1.1\r\n" END, "200", "a/b|1 2|unix");
  assert_non_null(strstr(reply, "Server: test\r\n"));
  assert_non_null(strstr(reply, "Content-Type: text/plain\r\n"));
}

static void head_has_the_length_and_no_body(void **state) {
  (void)state;
  check("HEAD /item/abc?q=1 HTTP/1.1\r\n" END, "200", "");
  assert_non_null(strstr(reply, "Content-Length: 10\r\n"));
}

static void a_reply_overrides_headers_of_the_server(void **state) {
  (void)state;
  check("GET /named HTTP/1.1\r\n" END, "200", "named");
  assert_non_null(strstr(reply, "server: my own\r\n"));
  assert_null(strstr(reply, "Server: test"));
}

static void unknown_paths_and_methods_are_worded(void **state) {
  (void)state;
  check("GET /nothing HTTP/1.1\r\n" END, "404", "{404 Not found}");
  check("DELETE /echo HTTP/1.1\r\n" END, "405", "{405 Method not allowed}");
  assert_non_null(strstr(reply, "Allow: POST\r\n"));
  check("BREW /echo HTTP/1.1\r\n" END, "405", "{405 Method not allowed}");
  check("GET /item/%zz HTTP/1.1\r\n" END, "400",
        "{400 Bad percent escape in the request's target}");
  check("GET /fails HTTP/1.1\r\n" END, "500", "{500 it broke}");
}

static void bodies_in_memory_have_a_ceiling(void **state) {
  (void)state;
  check("POST /echo HTTP/1.1\r\nContent-Length: 16\r\n" END "0123456789abcdef", "200",
        "0123456789abcdef");
  check("POST /echo HTTP/1.1\r\nContent-Length: 17\r\n" END "0123456789abcdefg", "413",
        "{413 The request's body is too large}");
  check("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
        "10\r\n0123456789abcdef\r\n1\r\ng\r\n0\r\n\r\n",
        "413", "{413 The request's body is too large}");
  check("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
        "2\r\n01\r\n1\r\n2\r\n0\r\n\r\n",
        "200", "012");
}

/* Where a route takes none. */
static void bodies_that_nobody_asked_for_have_a_ceiling(void **state) {
  (void)state;
  static char request[HTTP_UNUSED_BODY_MAX + 256];
  check("GET /item/a HTTP/1.1\r\nContent-Length: 3\r\n" END "abc", "200", "a|(null)|unix");
  for (int i = 0; i < 4; i++) {
    const bool chunked = i < 2, fits = i % 2 == 0;
    const size_t size = HTTP_UNUSED_BODY_MAX + (fits ? 0 : 1);
    int head =
        chunked
            ? snprintf(request, sizeof request,
                       "GET /item/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "%zx\r\n", size)
            : snprintf(request, sizeof request,
                       "GET /item/a HTTP/1.1\r\nContent-Length: %zu\r\n" END, size);
    memset(request + head, 'x', size);
    (void)snprintf(request + head + size, sizeof request - (size_t)head - size, "%s",
                   chunked ? "\r\n0\r\n\r\n" : "");
    check(request, fits ? "200" : "413",
          fits ? "a|(null)|unix" : "{413 The request's body is too large}");
  }
}

/* ---- the end ---- */

static int connect_here(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    (void)close(fd);
    return -1;
  }
  return fd;
}

static void send_text(int fd, const char *text) {
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads up to a text, or to the end. */
static void read_up_to(int fd, const char *text) {
  size_t fill = 0;
  ssize_t got = 0;
  reply[0] = '\0';
  while ((text == NULL || strstr(reply, text) == NULL) &&
         (got = recv(fd, reply + fill, sizeof reply - 1 - fill, 0)) > 0) {
    fill += (size_t)got;
    reply[fill] = '\0';
  }
}

static void while_it_drains_each_reply_is_the_last(void **state) {
  (void)state;
  const char *const request = "GET /named HTTP/1.1\r\nHost: x\r\n\r\n";
  int fd = connect_here();
  send_text(fd, request);
  read_up_to(fd, "named");
  assert_null(strstr(reply, "Connection: close"));
  http_server_drain(server);
  send_text(fd, request);
  read_up_to(fd, NULL);
  assert_non_null(strstr(reply, "Connection: close\r\n"));
  assert_non_null(strstr(reply, "named"));
  (void)close(fd);
  check("GET /named HTTP/1.1\r\n" END, "200", "named");
}

static void *stop_it(void *context) {
  http_server_stop(context);
  return NULL;
}

static void what_has_begun_is_answered_at_the_end(void **state) {
  (void)state;
  pthread_t stopper;
  begun = dropped = handled = 0;
  int fd = connect_here(), idle = connect_here();
  send_text(fd, "PUT /put/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
  while (atomic_load(&begun) == 0) {
    (void)sched_yield();
  }
  assert_int_equal(pthread_create(&stopper, NULL, stop_it, server), 0);
  server = NULL;
  for (int other = connect_here(); other >= 0; other = connect_here()) { /* as long as it listens */
    (void)close(other);
    (void)sched_yield();
  }
  send_text(fd, "world");
  read_up_to(fd, NULL);
  assert_non_null(strstr(reply, "HTTP/1.1 200"));
  assert_non_null(strstr(reply, "Connection: close\r\n"));
  assert_non_null(strstr(reply, "helloworld"));
  read_up_to(idle, NULL);
  assert_string_equal(reply, "");
  assert_int_equal(pthread_join(stopper, NULL), 0);
  assert_int_equal(handled, 1);
  (void)close(fd);
  (void)close(idle);
}

/* However long its handler takes: here until the server has stopped to listen. */
static void what_is_being_handled_is_answered_at_the_end(void **state) {
  (void)state;
  pthread_t stopper;
  begun = 0;
  held = true;
  int fd = connect_here();
  send_text(fd, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  while (atomic_load(&begun) == 0) {
    (void)sched_yield();
  }
  assert_int_equal(pthread_create(&stopper, NULL, stop_it, server), 0);
  server = NULL;
  for (int other = connect_here(); other >= 0; other = connect_here()) {
    (void)close(other);
    (void)sched_yield();
  }
  held = false;
  read_up_to(fd, NULL);
  assert_non_null(strstr(reply, "Connection: close\r\n"));
  assert_non_null(strstr(reply, "held long enough"));
  assert_int_equal(pthread_join(stopper, NULL), 0);
  (void)close(fd);
}

static void what_does_not_arrive_is_not_waited_for_for_ever(void **state) {
  (void)state;
  begun = dropped = handled = 0;
  int fd = connect_here();
  send_text(fd, "PUT /put/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
  while (atomic_load(&begun) == 0) {
    (void)sched_yield();
  }
  http_server_stop(server);
  server = NULL;
  assert_int_equal(handled, 0);
  assert_int_equal(dropped, 1);
  (void)close(fd);
}

static void streamed_bodies_come_in_order_and_are_dropped_once(void **state) {
  (void)state;
  begun = dropped = handled = 0;
  check("PUT /put/x/y HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", "200", "hello");
  assert_int_equal(begun, 1);
  assert_int_equal(handled, 1);
  check("PUT /put/x?no HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", "409", "exists");
  assert_int_equal(handled, 1);
  exchange("PUT /put/x HTTP/1.1\r\nContent-Length: 50\r\n" END "short", reply, sizeof reply);
  exchange("PUT /put/x?cut HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", reply, sizeof reply);
  assert_string_equal(reply, "");
  http_server_stop(server); /* all is dropped when it has stopped */
  server = NULL;
  assert_int_equal(handled, 1);
  assert_int_equal(begun, 4);
  assert_int_equal(dropped, 4);
}

static void refusals_come_after_the_body_was_read(void **state) {
  (void)state;
  check("PUT /put/x HTTP/1.1\r\nAuthorization: no\r\nContent-Length: 5\r\n" END "hello", "401",
        "who are you");
  check("GET /nothing HTTP/1.1\r\nAuthorization: no\r\n" END, "401", "who are you");
}

static void files_are_sent_by_range_and_can_be_cut(void **state) {
  (void)state;
  char path[128];
  (void)snprintf(path, sizeof path, "%s/file", folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fputs("0123456789", file) >= 0, 1);
  assert_int_equal(fclose(file), 0);
  check("GET /file HTTP/1.1\r\n" END, "200", "234567");
  check("GET /file?cut HTTP/1.1\r\n" END, "200", "234");
  assert_non_null(strstr(reply, "Content-Length: 6\r\n"));
  (void)unlink(path);
}

static int start_with(unsigned end_ms) {
  (void)snprintf(folder, sizeof folder, "/tmp/http-test-XXXXXX");
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  (void)snprintf(socket_path, sizeof socket_path, "%s/s.sock", folder);
  http_server_options options = {.routes = routes,
                                 .route_count = sizeof routes / sizeof routes[0],
                                 .reply_headers = reply_headers,
                                 .authorize = authorize,
                                 .end_ms = end_ms,
                                 .fail = word_error};
  if (http_listen_unix(socket_path, &options.listen_fd, NULL) != BR_OK) {
    return -1;
  }
  return http_server_start(&options, &server, NULL) == BR_OK ? 0 : -1;
}

static int start(void **state) {
  (void)state;
  return start_with(0);
}

static int start_patient(void **state) {
  (void)state;
  return start_with(60000);
}

static int start_impatient(void **state) {
  (void)state;
  return start_with(1);
}

static int stop(void **state) {
  (void)state;
  http_server_stop(server);
  server = NULL;
  (void)unlink(socket_path);
  (void)rmdir(folder);
  return 0;
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SERVER(routes_get_captures_and_query),
      WITH_SERVER(head_has_the_length_and_no_body),
      WITH_SERVER(a_reply_overrides_headers_of_the_server),
      WITH_SERVER(unknown_paths_and_methods_are_worded),
      WITH_SERVER(bodies_in_memory_have_a_ceiling),
      WITH_SERVER(bodies_that_nobody_asked_for_have_a_ceiling),
      WITH_SERVER(while_it_drains_each_reply_is_the_last),
      cmocka_unit_test_setup_teardown(what_has_begun_is_answered_at_the_end, start_patient, stop),
      cmocka_unit_test_setup_teardown(what_is_being_handled_is_answered_at_the_end, start_impatient,
                                      stop),
      cmocka_unit_test_setup_teardown(what_does_not_arrive_is_not_waited_for_for_ever,
                                      start_impatient, stop),
      WITH_SERVER(streamed_bodies_come_in_order_and_are_dropped_once),
      WITH_SERVER(refusals_come_after_the_body_was_read),
      WITH_SERVER(files_are_sent_by_range_and_can_be_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
