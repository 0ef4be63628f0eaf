/*
 * internal.h: what a request and a reply are inside the room.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/arrival.h"
#include "http/http.h"
#include "http/uri.h"

typedef struct http_header {
  char *name, *value; /* owned */
} http_header;

typedef enum http_content {
  HTTP_CONTENT_NONE,
  HTTP_CONTENT_BYTES,
  HTTP_CONTENT_FILE,
} http_content;

struct http_reply {
  unsigned status;
  http_header headers[HTTP_REPLY_HEADERS_MAX];
  size_t header_count;
  http_content content;
  char *bytes; /* owned; HTTP_CONTENT_BYTES */
  int fd;      /* owned; HTTP_CONTENT_FILE */
  uint64_t offset, length;
  uint64_t cut_after; /* UINT64_MAX: nowhere */
  bool hang_up;
};

void http_reply_init(http_reply *reply);
void http_reply_done(http_reply *reply);
/* Takes body and headers back: as after http_reply_init(). */
void http_reply_reset(http_reply *reply);
/* Hands the reply to libmicrohttpd. last: the connection ends with it, and the reply says so.
 * MHD_NO: the connection is to be closed. */
enum MHD_Result http_reply_queue(http_reply *reply, struct MHD_Connection *connection,
                                 const char *const *extra_headers, bool last);

/* What serves the connections that were made under one certificate. */
typedef struct http_listener http_listener;
struct http_listener {
  http_listener *older; /* these take no new connections any more */
  struct MHD_Daemon *daemon;
  char *certificate, *key; /* owned; NULL: none */
};

struct http_server {
  http_server_options options;
  http_arrival *arrival; /* NULL: no limit */
  http_listener *listener;
  atomic_bool draining;
  pthread_mutex_t lock;
  pthread_cond_t fewer; /* of the next two */
  size_t requests;      /* under way: from their first line to the end of their replies */
  size_t handled;       /* of them: in their handlers */
  uint64_t handled_ms;  /* when the last one came out of its handler */
};

struct http_request {
  http_server *server;
  struct MHD_Connection *connection;
  char *target; /* as it came; owned */
  http_uri uri;
  http_captures captures;
  http_method method;
  const http_route *route; /* NULL: none fits */
  uint64_t length;         /* announced; UINT64_MAX: chunked */
  uint64_t received;
  br_buf body;
  void *state;
  char peer[64];
  bool seen;    /* the head has been looked at */
  bool begun;   /* begin() was called: drop() is due */
  bool refused; /* the reply is made; what comes of the body is dropped */
  bool unclear; /* where the body ends is not certain: the connection ends with the reply */
  http_reply reply;
};

/* Looks at the head: finds the route, asks authorize(), checks the length, calls begin(). Leaves
 * `refused` set where the reply is made already. */
void http_request_start(http_request *request, const char *method);
void http_request_data(http_request *request, const void *bytes, size_t length);
/* The body is complete: makes the reply. */
void http_request_finish(http_request *request);
br_status http_request_new(http_server *server, struct MHD_Connection *connection,
                           const char *target, http_request **ret_request,
                           br_error *err) BR_CHECKED;
void http_request_free(http_request *request);

#endif
