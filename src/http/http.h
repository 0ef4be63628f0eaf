/*
 * http.h: an HTTP server as a table of routes; libmicrohttpd underneath, seen by nobody else.
 *
 *   static const http_route routes[] = {
 *     {HTTP_GET, "/files/{name}", get_file, .body = HTTP_BODY_NONE},
 *     {HTTP_PUT, "/files/{*}", put_done, .body = HTTP_BODY_STREAM, .body_max = BR_GIB(5),
 *      .begin = put_begin, .data = put_data, .drop = put_drop},
 *   };
 *   http_server_start(&options, &server, err);  …  http_server_stop(server);
 *
 * A request's way:
 *
 *   head ─▶ route (404, 405) ─▶ authorize() ─▶ length (413) ─▶ begin() ─▶ data()… ─▶ handle() ─▶
 * reply
 *
 * A handler runs on the connection's own thread and may block. It fills the reply; returning
 * anything but BR_OK becomes a 500 through options.fail(). Patterns: {name} takes one segment of
 * the path, {*} (last) all that is left, slashes included; captures are percent-decoded. One slash
 * at the end of a path is ignored unless {*} takes it.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/buf.h"
#include "base/status.h"

/* Ceilings of the seam; bodies have theirs in their route. */
enum {
  HTTP_URI_MAX = 16384,
  HTTP_HEAD_MAX = 131072,       /* all lines; also the window through which a body comes */
  HTTP_UNUSED_BODY_MAX = 65536, /* of a body that its route doesn't take */
  HTTP_CAPTURES_MAX = 4,
  HTTP_QUERY_MAX = 64,
  HTTP_REPLY_HEADERS_MAX = 16,
  HTTP_CONNECTIONS_DEFAULT = 128,
  HTTP_IDLE_SECONDS_DEFAULT = 120,
};

typedef enum http_method {
  HTTP_GET, /* serves HEAD too */
  HTTP_HEAD,
  HTTP_POST,
  HTTP_PUT,
  HTTP_PATCH,
  HTTP_DELETE,
  HTTP_METHOD_COUNT /* in a request: any other method; it has no route */
} http_method;

const char *http_method_name(http_method method); /* "GET"; "?" for HTTP_METHOD_COUNT */

typedef struct http_request http_request;
typedef struct http_reply http_reply;
typedef struct http_route http_route;

/* What a request said; borrowed until the handler returns. Texts are NULL where there is none. */
http_method http_request_method(const http_request *request);
const char *http_request_path(const http_request *request); /* decoded, without query */
const char *http_request_capture(const http_request *request, size_t index);
const char *http_request_query(const http_request *request, const char *name);
const char *http_request_header(const http_request *request, const char *name); /* first line */
/* All lines of a header in the order they came in, joined by ", " as one line would say it (RFC
 * 9110, 5.3); NULL where there is none. The caller frees. */
br_status http_request_header_list(const http_request *request, const char *name, char **ret_text,
                                   br_error *err) BR_CHECKED;
const http_route *http_request_route(const http_request *request);
/* HTTP_BODY_MEMORY: the whole body. */
const uint8_t *http_request_body(const http_request *request, size_t *ret_length);
/* Content-Length; UINT64_MAX where the body is chunked, 0 where there is none. */
uint64_t http_request_length(const http_request *request);
/* What begin() left for data(), drop() and handle(). */
void *http_request_state(const http_request *request);
void http_request_set_state(http_request *request, void *state);
void *http_request_context(const http_request *request); /* options.context */
/* The peer's address as text; "unix" for a Unix socket. */
const char *http_request_peer(const http_request *request);

/* The reply: 200 without a body until something else is said. Setting a body replaces the one
 * before. */
void http_reply_status(http_reply *reply, unsigned status);
unsigned http_reply_get_status(const http_reply *reply);
br_status http_reply_header(http_reply *reply, const char *name, const char *value,
                            br_error *err) BR_CHECKED;
br_status http_reply_bytes(http_reply *reply, const char *content_type, const void *bytes,
                           size_t length, br_error *err) BR_CHECKED;
/* Takes text made by br_malloc() and its family. */
br_status http_reply_take(http_reply *reply, const char *content_type, char *text, size_t length,
                          br_error *err) BR_CHECKED;
/* length bytes of a file from offset on; the reply owns fd from the call on, also on failure. */
br_status http_reply_file(http_reply *reply, const char *content_type, int fd, uint64_t offset,
                          uint64_t length, br_error *err) BR_CHECKED;
/* Bad luck on purpose: the connection breaks after so many bytes of the body. */
void http_reply_cut(http_reply *reply, uint64_t bytes);
/* Bad luck on purpose: the connection is closed without a word. */
void http_reply_hang_up(http_reply *reply);

typedef br_status (*http_handler)(http_request *request, http_reply *reply, br_error *err);

typedef enum http_body {
  HTTP_BODY_NONE,   /* one of up to HTTP_UNUSED_BODY_MAX is read and dropped */
  HTTP_BODY_MEMORY, /* gathered, for http_request_body() */
  HTTP_BODY_STREAM, /* handed to data() as it comes */
} http_body;

struct http_route {
  http_method method;
  const char *pattern;
  http_handler handle;
  http_body body;
  uint64_t body_max; /* bytes; 413 above. Of no effect with HTTP_BODY_NONE */
  /* HTTP_BODY_STREAM. begin() may answer by itself (a status other than 200 in the reply): then the
   * body is dropped and nothing else of the route is called. After the last data() comes handle();
   * a body that broke off never gets there. drop() is called once at the end in every case after a
   * begin() that was called. */
  http_handler begin;
  br_status (*data)(http_request *request, const void *bytes, size_t length, http_reply *reply,
                    br_error *err);
  void (*drop)(http_request *request);
  unsigned flags; /* the server's own, for authorize() */
};

typedef struct http_server_options {
  const http_route *routes;
  size_t route_count;
  void *context;
  int listen_fd; /* a listening socket (listen.h); the server owns it once started */
  /* 0: HTTP_CONNECTIONS_DEFAULT. With arrival_seconds one more costs the one its place whose
   * request has been waited for the longest (arrival.h); else it is closed. */
  unsigned connections;
  unsigned connections_per_address; /* 0: as many as there are */
  unsigned idle_seconds;            /* 0: HTTP_IDLE_SECONDS_DEFAULT */
  /* The longest that a head, and a body that is not streamed, may take to arrive; then the
   * connection is cut. 0: no limit beyond idle_seconds of silence. */
  unsigned arrival_seconds;
  /* How long http_server_stop() waits for requests that have begun. 0: only for their handlers. */
  unsigned end_ms;
  const char *tls_certificate, *tls_key; /* PEM text, both or none */
  /* Headers of every reply, as pairs; ends with NULL. NULL: none. A reply that sets one itself
   * sends its own value. */
  const char *const *reply_headers;
  /* Says no before the body is read by giving the reply another status than 200. NULL: nobody is
   * refused. Called for paths without a route too (route NULL). */
  http_handler authorize;
  /* Words an error that the seam itself finds (400, 404, 405, 413, 500). NULL: plain text. */
  br_status (*fail)(http_request *request, unsigned status, const char *message, http_reply *reply,
                    br_error *err);
  /* Sees every reply before it goes out. NULL: nobody does. */
  void (*finish)(http_request *request, http_reply *reply);
  /* The request is over, answered or broken off: for what authorize() left in its state (with
   * HTTP_BODY_STREAM that is drop()'s business). NULL: nobody is told. */
  void (*done)(http_request *request);
} http_server_options;

typedef struct http_server http_server;

/* The options' tables and context must outlive the server. */
br_status http_server_start(const http_server_options *options, http_server **ret_server,
                            br_error *err) BR_CHECKED;
/* From now on new connections are served with this certificate and key (PEM text, copied); those
 * that are open keep the old one until they end. Where the two can't be used (BR_ERR_TLS), or don't
 * belong together, the old ones stay. Only for a server that was started with some; one thread at a
 * time. */
br_status http_server_set_certificate(http_server *server, const char *certificate, const char *key,
                                      br_error *err) BR_CHECKED;
/* From now on each reply is its connection's last, and says so: clients that keep connections open
 * come back elsewhere. */
void http_server_drain(http_server *server);
/* Frees what earlier certificates were served with, where none of its connections is left. Not
 * beside http_server_set_certificate(). */
void http_server_tidy(http_server *server);
/* Stops listening, lets requests that have begun arrive and be answered for options.end_ms, waits
 * for the handlers that run, closes all connections. NULL is fine. */
void http_server_stop(http_server *server);

#endif
