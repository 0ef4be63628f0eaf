/*
 * rest.h: the Databricks workspace: a REST server over the engine and a folder of volumes.
 *
 *   rest.c            routes, rights, faults, start and stop
 *   rest_reply.c      JSON replies and errors in the workspace's shapes
 *   rest_login.c      discovery documents, OAuth tokens, who am I
 *   rest_files.c      files of volumes        ┐
 *   rest_folders.c    folders of volumes      ├─ volume.h: paths
 *   rest_storage.c    presigned up- and downloads, multipart uploads ┘
 *   rest_statement.c  statements: start, wait, poll, cancel, chunks
 *   rest_result.c     batches to the chunks that results are made of; rest_arrow.c: as Arrow
 * streams rest_catalog.c    Unity Catalog look-ups, warehouses
 */
#ifndef SANDBOX_REST_H
#define SANDBOX_REST_H

#include <stdatomic.h>

#include <jansson.h>

#include "http/http.h"
#include "sandbox/engine.h"
#include "sandbox/fault.h"

#define REST_WORKSPACE_ID "1234567890123456"
enum { REST_SERVERS_MAX = 2, REST_BODY_MAX = 20 * 1024 * 1024, REST_KEY_SIZE = 32 };

typedef struct rest_statements rest_statements;

typedef struct rest_options {
  engine *engine;                   /* borrowed; NULL: statements and look-ups fail */
  const char *volumes_folder;       /* <data_folder>/sandbox/volumes; exists */
  const char *uploads_folder;       /* unfinished uploads; on the same file system; exists */
  sandbox_faults *faults;           /* borrowed; may be NULL */
  int listen_fds[REST_SERVERS_MAX]; /* 0: Unix, 1: TCP; owned from the call on, also on failure */
  size_t listen_count;
  const char *tls_certificate, *tls_key; /* PEM text for TCP sockets (index 1 on); NULL: plain */
} rest_options;

typedef struct rest_server rest_server;
br_status rest_server_start(const rest_options *options, rest_server **ret_server,
                            br_error *err) BR_CHECKED;
void rest_server_stop(rest_server *server);

/* Inside the room: what the handlers see. */
struct rest_server {
  engine *engine;
  char *volumes_folder, *uploads_folder; /* owned */
  sandbox_faults *faults;
  rest_statements *statements; /* owned */
  uint8_t key[REST_KEY_SIZE];  /* signs presigned addresses */
  http_server *servers[REST_SERVERS_MAX];
  size_t server_count;
  bool tls;
  atomic_bool stopped; /* the warehouse, until it is started or a statement comes */
};

static inline rest_server *rest_of(const http_request *request) {
  return http_request_context(request);
}
/* "http://host:port" as the request addressed it. */
br_status rest_base_address(const http_request *request, br_buf *out, br_error *err) BR_CHECKED;

/* rest_reply.c. `value` is taken over, also on failure; NULL is "out of memory". */
br_status rest_reply_json(http_reply *reply, unsigned status, json_t *value,
                          br_error *err) BR_CHECKED;
/* {"error_code", "message"}; reason NULL or the ErrorInfo's reason of the Files API. */
br_status rest_reply_error(http_reply *reply, unsigned status, const char *code, const char *reason,
                           br_error *err, const char *format, ...) BR_PRINTF(6, 7) BR_CHECKED;
br_status rest_reply_empty(http_reply *reply, unsigned status) BR_CHECKED;
/* The request's body as a JSON object; *ret_object NULL: the reply has been made (400). An empty
 * body is an empty object. */
br_status rest_request_json(http_request *request, http_reply *reply, json_t **ret_object,
                            br_error *err) BR_CHECKED;

/* Handlers, named by the routes' table. */
br_status rest_get_config(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_oauth_server(http_request *request, http_reply *reply, br_error *err);
br_status rest_post_token(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_me(http_request *request, http_reply *reply, br_error *err);

br_status rest_get_file(http_request *request, http_reply *reply, br_error *err);
br_status rest_delete_file(http_request *request, http_reply *reply, br_error *err);
br_status rest_put_file_begin(http_request *request, http_reply *reply, br_error *err);
br_status rest_put_file_data(http_request *request, const void *bytes, size_t length,
                             http_reply *reply, br_error *err);
br_status rest_put_file(http_request *request, http_reply *reply, br_error *err);
void rest_put_file_drop(http_request *request);

br_status rest_get_folder(http_request *request, http_reply *reply, br_error *err);
br_status rest_head_folder(http_request *request, http_reply *reply, br_error *err);
br_status rest_put_folder(http_request *request, http_reply *reply, br_error *err);
br_status rest_delete_folder(http_request *request, http_reply *reply, br_error *err);

br_status rest_post_file(http_request *request, http_reply *reply, br_error *err);
br_status rest_post_download_url(http_request *request, http_reply *reply, br_error *err);
br_status rest_post_part_urls(http_request *request, http_reply *reply, br_error *err);
br_status rest_post_abort_url(http_request *request, http_reply *reply, br_error *err);
br_status rest_get_stored(http_request *request, http_reply *reply, br_error *err);
br_status rest_put_part_begin(http_request *request, http_reply *reply, br_error *err);
br_status rest_put_part(http_request *request, http_reply *reply, br_error *err);
br_status rest_delete_upload(http_request *request, http_reply *reply, br_error *err);

#endif
