/*
 * http_script.h: an HTTP server for tests that does what its script says, also what no server
 * should: close at any byte, stall, lie, never end.
 *
 *   script_server *server = script_start(steps, count);       answers in the order of the steps
 *   script_start_routed(choose, context)                      or whatever choose() decides
 *   script_base(server)                                       "http://127.0.0.1:port"
 *   script_request_count(server), script_request_at(server, i)
 *   script_stop(server)
 *
 * It uses no allocation of the product, so that a test may make those fail.
 */
#ifndef TESTS_DATABRICKS_HTTP_SCRIPT_H
#define TESTS_DATABRICKS_HTTP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum script_then {
  SCRIPT_KEEP,           /* the connection stays open for the next request */
  SCRIPT_CLOSE,          /* close after the reply */
  SCRIPT_STALL,          /* say nothing more until the client goes away */
  SCRIPT_ENDLESS_HEADERS /* after the reply's bytes, header lines without end */
} script_then;

typedef struct script_step {
  const char *reply; /* raw bytes; NULL: none */
  size_t length;     /* 0: strlen(reply) */
  size_t cut;        /* 0: whole; else 1 + the number of bytes sent */
  script_then then;
  bool unread; /* don't read the request's body first */
} script_step;

typedef struct script_request {
  char head[8192]; /* request line and headers */
  char method[16];
  char target[4096];
  unsigned char *body; /* owned by the server */
  size_t body_length;
  bool complete; /* all of the body came */
} script_request;

typedef struct script_server script_server;
typedef script_step (*script_choose)(void *context, const script_request *request, size_t nth);

script_server *script_start(const script_step *steps, size_t count);
script_server *script_start_routed(script_choose choose, void *context);
/* The same, but choose() is called when the request's body is there. */
script_server *script_start_by_body(script_choose choose, void *context);
script_server *script_start_unix(const char *path, const script_step *steps, size_t count);
void script_stop(script_server *server);
const char *script_base(const script_server *server);
size_t script_request_count(script_server *server);
/* Valid until the server stops. */
const script_request *script_request_at(script_server *server, size_t index);
/* The header's value in text; false where the request has none. */
bool script_header(const script_request *request, const char *name, char *text, size_t size);
/* Requests with this method and a target that begins so. */
size_t script_count(script_server *server, const char *method, const char *target);

/* A whole reply of JSON, in static memory of the calling thread (valid for the next 8 calls). */
const char *script_json(int status, const char *extra_headers, const char *body);

#endif
