/*
 * A request from its head to its reply: route, rights, length, body, handler.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/internal.h"

static const char *const method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
};

const char *http_method_name(http_method method) {
  return method < HTTP_METHOD_COUNT ? method_names[method] : "?";
}

http_method http_request_method(const http_request *request) {
  return request->method;
}

const char *http_request_path(const http_request *request) {
  return request->uri.path;
}

const char *http_request_capture(const http_request *request, size_t index) {
  return index < request->captures.count ? request->captures.texts[index] : NULL;
}

const char *http_request_query(const http_request *request, const char *name) {
  return http_uri_query(&request->uri, name);
}

const char *http_request_header(const http_request *request, const char *name) {
  return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

typedef struct header_list {
  const char *name;
  br_buf text;
  br_status st;
} header_list;

static enum MHD_Result add_line(void *context, enum MHD_ValueKind kind, const char *name,
                                const char *value) {
  (void)kind;
  header_list *list = context;
  if (value == NULL || !br_text_equal_nocase(name, list->name)) {
    return MHD_YES;
  }
  list->st = list->text.len == 0 ? BR_OK : br_buf_append(&list->text, ", ", 2, NULL);
  if (list->st == BR_OK) {
    list->st = br_buf_append(&list->text, value, strlen(value), NULL);
  }
  return list->st == BR_OK ? MHD_YES : MHD_NO;
}

br_status http_request_header_list(const http_request *request, const char *name, char **ret_text,
                                   br_error *err) {
  header_list list = {.name = name};
  if (http_request_header(request, name) == NULL) {
    *ret_text = NULL;
    return BR_OK;
  }
  br_buf_init(&list.text, HTTP_HEAD_MAX);
  (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_line, &list);
  char *text = list.st == BR_OK ? br_buf_take(&list.text, NULL) : NULL;
  br_buf_done(&list.text);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  *ret_text = text;
  return BR_OK;
}

const http_route *http_request_route(const http_request *request) {
  return request->route;
}

const uint8_t *http_request_body(const http_request *request, size_t *ret_length) {
  *ret_length = request->body.len;
  return request->body.data;
}

uint64_t http_request_length(const http_request *request) {
  return request->length;
}

void *http_request_state(const http_request *request) {
  return request->state;
}

void http_request_set_state(http_request *request, void *state) {
  request->state = state;
}

void *http_request_context(const http_request *request) {
  return request->server->options.context;
}

const char *http_request_peer(const http_request *request) {
  return request->peer;
}

static void find_peer(http_request *request) {
  (void)snprintf(request->peer, sizeof request->peer, "unix");
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == NULL || info->client_addr == NULL) {
    return;
  }
  const void *address = NULL;
  if (info->client_addr->sa_family == AF_INET) {
    address = &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr;
  } else if (info->client_addr->sa_family == AF_INET6) {
    address = &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr;
  }
  if (address != NULL) {
    (void)inet_ntop(info->client_addr->sa_family, address, request->peer, sizeof request->peer);
  }
}

br_status http_request_new(http_server *server, struct MHD_Connection *connection,
                           const char *target, http_request **ret_request, br_error *err) {
  http_request *request = br_calloc(1, sizeof *request);
  if (request == NULL) {
    return br_error_nomem(err);
  }
  request->server = server;
  request->connection = connection;
  request->target = br_strdup(target);
  if (request->target == NULL) {
    br_free(request);
    return br_error_nomem(err);
  }
  http_reply_init(&request->reply);
  (void)pthread_mutex_lock(&server->lock);
  server->requests++;
  (void)pthread_mutex_unlock(&server->lock);
  *ret_request = request;
  return BR_OK;
}

void http_request_free(http_request *request) {
  if (request == NULL) {
    return;
  }
  if (request->begun && request->route->drop != NULL) {
    request->route->drop(request);
  }
  if (request->server->options.done != NULL) {
    request->server->options.done(request);
  }
  http_reply_done(&request->reply);
  http_captures_done(&request->captures);
  http_uri_done(&request->uri);
  br_buf_done(&request->body);
  br_free(request->target);
  http_server *server = request->server;
  (void)pthread_mutex_lock(&server->lock);
  server->requests--;
  (void)pthread_cond_signal(&server->fewer);
  (void)pthread_mutex_unlock(&server->lock);
  br_free(request);
}

/* Makes the reply to an error that the seam found; hangs up where even that fails. */
static void refuse(http_request *request, unsigned status, const char *message) {
  const http_server_options *options = &request->server->options;
  br_error err = BR_ERROR_INIT;
  http_reply_reset(&request->reply);
  http_reply_status(&request->reply, status);
  br_status st = options->fail != NULL
                     ? options->fail(request, status, message, &request->reply, &err)
                     : http_reply_bytes(&request->reply, "text/plain; charset=utf-8", message,
                                        strlen(message), &err);
  if (st != BR_OK) {
    http_reply_hang_up(&request->reply);
  }
  request->refused = true;
}

static unsigned status_of(br_status st) {
  switch (st) {
  case BR_ERR_PROTOCOL:
  case BR_ERR_USAGE:
  case BR_ERR_DATA:
    return 400;
  case BR_ERR_LIMIT:
    return 414;
  default:
    return 500;
  }
}

/* GET serves HEAD where no route is made for HEAD itself. */
static bool method_fits(const http_route *route, http_method method, bool exact) {
  return route->method == method || (!exact && method == HTTP_HEAD && route->method == HTTP_GET);
}

/* Goes over the table; *ret_allowed gathers the methods that the path has. */
static br_status find_route(http_request *request, bool exact, char *allowed, size_t size,
                            br_error *err) {
  const http_server_options *options = &request->server->options;
  size_t fill = 0;
  for (size_t i = 0; i < options->route_count; i++) {
    const http_route *route = &options->routes[i];
    http_captures captures = {0};
    bool match = false;
    br_status st = http_pattern_match(route->pattern, request->uri.raw, &captures, &match, err);
    if (st != BR_OK) {
      return st;
    }
    if (match && method_fits(route, request->method, exact)) {
      request->captures = captures;
      request->route = route;
      return BR_OK;
    }
    http_captures_done(&captures);
    if (match && fill < size) {
      fill += (size_t)snprintf(allowed + fill, size - fill, "%s%s", fill == 0 ? "" : ", ",
                               method_names[route->method]);
    }
  }
  return BR_OK;
}

static void no_route(http_request *request, const char *allowed) {
  if (allowed[0] == '\0') {
    refuse(request, 404, "Not found");
    return;
  }
  refuse(request, 405, "Method not allowed");
  br_error err = BR_ERROR_INIT;
  if (http_reply_header(&request->reply, "Allow", allowed, &err) != BR_OK) {
    http_reply_hang_up(&request->reply);
  }
}

/* HTTP_METHOD_COUNT for one that no route can have. */
static void find_method(http_request *request, const char *method) {
  request->method = HTTP_METHOD_COUNT;
  for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
    if (strcmp(method_names[i], method) == 0) {
      request->method = (http_method)i;
    }
  }
}

/* The lines that say where a body ends. */
typedef struct framing {
  size_t lengths, codings;
  const char *length, *coding; /* the last one's value; borrowed */
  bool spoilt;                 /* a blank in a name: not every server takes it for the same name */
} framing;

static enum MHD_Result add_framing(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
  (void)kind;
  framing *f = context;
  f->spoilt = f->spoilt || name[strcspn(name, " \t")] != '\0';
  if (br_text_equal_nocase(name, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
    f->lengths++;
    f->length = value == NULL ? "" : value;
  } else if (br_text_equal_nocase(name, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
    f->codings++;
    f->coding = value == NULL ? "" : value;
  }
  return MHD_YES;
}

/* NULL: the head says without doubt how long the body is; else what is wrong with it. libmicrohttpd
 * takes one of several answers where a proxy may have taken another, and would serve what the proxy
 * held for a body as the connection's next request (RFC 9112, 5.1 and 6.3). */
static const char *find_length(http_request *request) {
  framing f = {.lengths = 0};
  (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, add_framing, &f);
  request->length = f.codings > 0 ? UINT64_MAX : 0;
  if (f.spoilt) {
    return "A header's name holds a blank";
  }
  if (f.lengths + f.codings > 1) {
    return "More than one Content-Length or Transfer-Encoding";
  }
  if (f.codings > 0) {
    return br_text_equal_nocase(f.coding, "chunked") ? NULL : "Bad Transfer-Encoding";
  }
  return f.lengths == 0 || br_text_u64(f.length, UINT64_MAX - 1, &request->length, NULL) == BR_OK
             ? NULL
             : "Bad Content-Length";
}

/* Calls a handler that may answer by itself. */
static void ask(http_request *request, http_handler handler) {
  br_error err;
  br_error_clear(&err);
  br_status st = handler(request, &request->reply, &err);
  if (st != BR_OK) {
    refuse(request, 500, err.message);
  } else if (request->reply.status != 200 || request->reply.hang_up) {
    request->refused = true;
  }
}

/* A client may send a little where nothing is asked for: it is dropped. */
static uint64_t most_of(const http_route *route) {
  return route->body == HTTP_BODY_NONE ? HTTP_UNUSED_BODY_MAX : route->body_max;
}

void http_request_start(http_request *request, const char *method) {
  const http_server_options *options = &request->server->options;
  br_error err;
  char allowed[64] = "";
  br_error_clear(&err);
  find_peer(request);
  find_method(request, method);
  const char *unclear = find_length(request);
  br_status st = http_uri_parse(request->target, &request->uri, &err);
  if (st == BR_OK) {
    st = find_route(request, true, allowed, sizeof allowed, &err);
    if (st == BR_OK && request->route == NULL && request->method == HTTP_HEAD) {
      st = find_route(request, false, allowed, 0, &err);
    }
  }
  if (unclear != NULL) {
    request->unclear = true;
    refuse(request, 400, unclear);
    return;
  }
  if (st != BR_OK) {
    refuse(request, status_of(st), err.message);
    return;
  }
  if (options->authorize != NULL) {
    ask(request, options->authorize);
  }
  if (request->refused) {
    return;
  }
  if (request->route == NULL) {
    no_route(request, allowed);
    return;
  }
  br_buf_init(&request->body,
              request->route->body == HTTP_BODY_MEMORY ? (size_t)request->route->body_max : 0);
  if (request->length != UINT64_MAX && request->length > most_of(request->route)) {
    refuse(request, 413, "The request's body is too large");
    return;
  }
  if (request->route->body == HTTP_BODY_STREAM && request->route->begin != NULL) {
    request->begun = true;
    ask(request, request->route->begin);
  }
}

void http_request_data(http_request *request, const void *bytes, size_t length) {
  request->received += length;
  if (request->refused) {
    return;
  }
  if (request->received > most_of(request->route)) {
    refuse(request, 413, "The request's body is too large");
    return;
  }
  if (request->route->body == HTTP_BODY_NONE) {
    return;
  }
  br_error err;
  br_error_clear(&err);
  br_status st = request->route->body == HTTP_BODY_MEMORY
                     ? br_buf_append(&request->body, bytes, length, &err)
                     : request->route->data(request, bytes, length, &request->reply, &err);
  if (st != BR_OK) {
    refuse(request, 500, err.message);
  } else if (request->reply.status != 200 || request->reply.hang_up) {
    request->refused = true;
  }
}

static void count_handled(http_server *server, bool in) {
  (void)pthread_mutex_lock(&server->lock);
  server->handled = in ? server->handled + 1 : server->handled - 1;
  server->handled_ms = br_clock_monotonic_ms();
  (void)pthread_cond_signal(&server->fewer);
  (void)pthread_mutex_unlock(&server->lock);
}

void http_request_finish(http_request *request) {
  if (request->refused) {
    return;
  }
  br_error err;
  br_error_clear(&err);
  count_handled(request->server, true);
  br_status st = request->route->handle(request, &request->reply, &err);
  count_handled(request->server, false);
  if (st != BR_OK) {
    refuse(request, 500, err.message);
  }
}
