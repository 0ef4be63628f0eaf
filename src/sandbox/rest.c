/*
 * The workspace's routes, who may use them, and the faults that strike any of them.
 */
#include "sandbox/rest.h"

#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/rest_catalog.h"
#include "sandbox/rest_statement.h"
#include "sandbox/sandbox.h"

/* Route flags. */
enum { PUBLIC = 1 /* no token is asked for */ };

#define JSON_BODY      .body = HTTP_BODY_MEMORY, .body_max = REST_BODY_MAX
#define FILE_MAX       BR_GIB(5)
#define ROUTE(m, p, h) .method = (m), .pattern = (p), .handle = (h)

static const http_route routes[] = {
    {ROUTE(HTTP_GET, "/.well-known/databricks-config", rest_get_config), .flags = PUBLIC},
    {ROUTE(HTTP_GET, "/oidc/.well-known/oauth-authorization-server", rest_get_oauth_server),
     .flags = PUBLIC},
    {ROUTE(HTTP_POST, "/oidc/v1/token", rest_post_token), JSON_BODY, .flags = PUBLIC},
    {ROUTE(HTTP_GET, "/api/2.0/preview/scim/v2/Me", rest_get_me)},

    {ROUTE(HTTP_POST, "/api/2.0/sql/statements", rest_post_statement), JSON_BODY},
    {ROUTE(HTTP_GET, "/api/2.0/sql/statements/{id}", rest_get_statement)},
    {ROUTE(HTTP_DELETE, "/api/2.0/sql/statements/{id}", rest_close_statement)},
    {ROUTE(HTTP_POST, "/api/2.0/sql/statements/{id}/cancel", rest_cancel_statement), JSON_BODY},
    {ROUTE(HTTP_GET, "/api/2.0/sql/statements/{id}/result/chunks/{n}", rest_get_chunk)},
    {ROUTE(HTTP_GET, "/storage/results/{id}/{n}", rest_get_result_file), .flags = PUBLIC},

    {ROUTE(HTTP_GET, "/api/2.0/sql/warehouses", rest_list_warehouses)},
    {ROUTE(HTTP_GET, "/api/2.0/sql/warehouses/{id}", rest_get_warehouse)},
    {ROUTE(HTTP_POST, "/api/2.0/sql/warehouses/{id}/start", rest_start_warehouse), JSON_BODY},
    {ROUTE(HTTP_POST, "/api/2.0/sql/warehouses/{id}/stop", rest_stop_warehouse), JSON_BODY},

    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/catalogs", rest_list_catalogs)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/catalogs/{name}", rest_get_catalog)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/schemas", rest_list_schemas)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/schemas/{name}", rest_get_schema)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/tables", rest_list_tables)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/tables/{name}", rest_get_table)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/tables/{name}/exists", rest_table_exists)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/volumes", rest_list_volumes)},
    {ROUTE(HTTP_GET, "/api/2.1/unity-catalog/volumes/{name}", rest_get_volume)},

    {ROUTE(HTTP_GET, "/api/2.0/fs/files/{*}", rest_get_file)},
    {ROUTE(HTTP_DELETE, "/api/2.0/fs/files/{*}", rest_delete_file)},
    {ROUTE(HTTP_PUT, "/api/2.0/fs/files/{*}", rest_put_file), .body = HTTP_BODY_STREAM,
     .body_max = FILE_MAX, .begin = rest_put_file_begin, .data = rest_put_file_data,
     .drop = rest_put_file_drop},
    {ROUTE(HTTP_POST, "/api/2.0/fs/files/{*}", rest_post_file), JSON_BODY},
    {ROUTE(HTTP_GET, "/api/2.0/fs/directories/{*}", rest_get_folder)},
    {ROUTE(HTTP_HEAD, "/api/2.0/fs/directories/{*}", rest_head_folder)},
    {ROUTE(HTTP_PUT, "/api/2.0/fs/directories/{*}", rest_put_folder), JSON_BODY},
    {ROUTE(HTTP_DELETE, "/api/2.0/fs/directories/{*}", rest_delete_folder)},
    {ROUTE(HTTP_POST, "/api/2.0/fs/create-download-url", rest_post_download_url), JSON_BODY},
    {ROUTE(HTTP_POST, "/api/2.0/fs/create-upload-part-urls", rest_post_part_urls), JSON_BODY},
    {ROUTE(HTTP_POST, "/api/2.0/fs/create-abort-upload-url", rest_post_abort_url), JSON_BODY},
    {ROUTE(HTTP_GET, "/storage/files/{*}", rest_get_stored), .flags = PUBLIC},
    {ROUTE(HTTP_PUT, "/storage/uploads/{session}/{part}", rest_put_part), .body = HTTP_BODY_STREAM,
     .body_max = FILE_MAX, .begin = rest_put_part_begin, .data = rest_put_file_data,
     .drop = rest_put_file_drop, .flags = PUBLIC},
    {ROUTE(HTTP_DELETE, "/storage/uploads/{session}", rest_delete_upload), .flags = PUBLIC},
};

static const char *const reply_headers[] = {"Server", "databricks", "X-Databricks-Org-Id",
                                            REST_WORKSPACE_ID, NULL};

static const char *const method_names[HTTP_METHOD_COUNT] = {"GET", "HEAD",  "POST",
                                                            "PUT", "PATCH", "DELETE"};

/* error_code is a number where the gateway speaks, not a service. */
static br_status refuse_token(http_reply *reply, unsigned status, const char *message,
                              br_error *err) {
  return rest_reply_json(
      reply, status, json_pack("{s:i, s:s}", "error_code", (int)status, "message", message), err);
}

static br_status check_token(http_request *request, http_reply *reply, br_error *err) {
  const char *header = http_request_header(request, "Authorization");
  if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0) {
    return refuse_token(reply, 401,
                        "Credential was not sent or was of an unsupported type for this API.", err);
  }
  if (!br_text_starts_with(header + 7, SANDBOX_TOKEN)) {
    return refuse_token(reply, 403, "Invalid access token.", err);
  }
  return BR_OK;
}

static const struct {
  unsigned status;
  const char *code, *message;
} status_words[] = {
    {400, "BAD_REQUEST", "Bad request"},
    {401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API."},
    {403, "PERMISSION_DENIED", "User does not have permission for this operation."},
    {404, "NOT_FOUND", "Not found"},
    {409, "ABORTED", "The operation was aborted."},
    {429, "REQUEST_LIMIT_EXCEEDED", "Current request has exceeded the rate limit."},
    {500, "INTERNAL_ERROR", "An internal error occurred."},
    {503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable."},
};

static br_status strike_status(const sandbox_fault *fault, http_reply *reply, br_error *err) {
  const char *code = "INTERNAL_ERROR", *message = "An internal error occurred.";
  for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++) {
    if (status_words[i].status == fault->value) {
      code = status_words[i].code;
      message = status_words[i].message;
    }
  }
  if (fault->retry_after != UINT64_MAX) {
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)fault->retry_after);
    br_status st = http_reply_header(reply, "Retry-After", seconds, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return rest_reply_error(reply, (unsigned)fault->value, code, NULL, err, "%s", message);
}

/* Faults that need no handler. */
static br_status strike(http_request *request, http_reply *reply, br_error *err) {
  sandbox_faults *faults = rest_of(request)->faults;
  const char *path = http_request_path(request);
  const char *method = method_names[http_request_method(request)];
  sandbox_fault fault;
  if (sandbox_fault_strikes(faults, SANDBOX_FAULT_REST_DELAY, path, method, &fault)) {
    br_status st = br_cancel_sleep_ms(rest_stop_token(rest_of(request)), fault.value, err);
    if (st != BR_OK) {
      return st;
    }
  }
  if (sandbox_fault_strikes(faults, SANDBOX_FAULT_REST_HANG_UP, path, method, &fault)) {
    http_reply_hang_up(reply);
    return BR_OK;
  }
  return sandbox_fault_strikes(faults, SANDBOX_FAULT_REST_STATUS, path, method, &fault)
             ? strike_status(&fault, reply, err)
             : BR_OK;
}

static br_status authorize(http_request *request, http_reply *reply, br_error *err) {
  const http_route *route = http_request_route(request);
  br_status st = strike(request, reply, err);
  if (st != BR_OK || http_reply_get_status(reply) != 200) {
    return st;
  }
  if (route != NULL && (route->flags & PUBLIC) != 0) {
    return BR_OK;
  }
  return check_token(request, reply, err);
}

/* Faults that strike when the handler has done its work. */
static void spoil(http_request *request, http_reply *reply) {
  sandbox_faults *faults = rest_of(request)->faults;
  const char *path = http_request_path(request);
  const char *method = method_names[http_request_method(request)];
  sandbox_fault fault;
  if (sandbox_fault_strikes(faults, SANDBOX_FAULT_REST_LOSE_REPLY, path, method, &fault)) {
    http_reply_hang_up(reply);
  }
  if (sandbox_fault_strikes(faults, SANDBOX_FAULT_REST_CUT_REPLY, path, method, &fault)) {
    http_reply_cut(reply, fault.value);
  }
}

static br_status fail(http_request *request, unsigned status, const char *message,
                      http_reply *reply, br_error *err) {
  (void)request;
  switch (status) {
  case 404:
    return rest_reply_error(reply, status, "ENDPOINT_NOT_FOUND", NULL, err,
                            "No API found for '%s %s'", method_names[http_request_method(request)],
                            http_request_path(request));
  case 500:
    return rest_reply_error(reply, status, "INTERNAL_ERROR", NULL, err, "%s", message);
  default:
    return rest_reply_error(reply, status, "BAD_REQUEST", NULL, err, "%s", message);
  }
}

static void close_listeners(const rest_options *options, size_t from) {
  for (size_t i = from; i < options->listen_count; i++) {
    (void)br_sys.close(options->listen_fds[i]);
  }
}

static br_status start_servers(const rest_options *options, rest_server *server, br_error *err) {
  for (size_t i = 0; i < options->listen_count; i++) {
    const bool tls = i > 0 && options->tls_certificate != NULL;
    const http_server_options http = {
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = server,
        .listen_fd = options->listen_fds[i],
        .tls_certificate = tls ? options->tls_certificate : NULL,
        .tls_key = tls ? options->tls_key : NULL,
        .reply_headers = reply_headers,
        .authorize = authorize,
        .fail = fail,
        .finish = spoil,
    };
    br_status st = http_server_start(&http, &server->servers[i], err);
    if (st != BR_OK) {
      close_listeners(options, i);
      return br_error_context(err, st, "The workspace");
    }
    server->server_count++;
  }
  return BR_OK;
}

br_status rest_server_start(const rest_options *options, rest_server **ret_server, br_error *err) {
  rest_server *server = br_calloc(1, sizeof *server);
  if (server == NULL) {
    close_listeners(options, 0);
    return br_error_nomem(err);
  }
  server->engine = options->engine;
  server->faults = options->faults;
  server->tls = options->tls_certificate != NULL;
  server->volumes_folder = br_strdup(options->volumes_folder);
  server->uploads_folder = br_strdup(options->uploads_folder);
  br_status st = server->volumes_folder == NULL || server->uploads_folder == NULL
                     ? br_error_nomem(err)
                     : br_random(server->key, sizeof server->key, err);
  if (st == BR_OK) {
    st = rest_statements_new(server->engine, &server->statements, err);
  }
  if (st == BR_OK) {
    st = start_servers(options, server, err);
  } else {
    close_listeners(options, 0);
  }
  if (st != BR_OK) {
    rest_server_stop(server);
    return st;
  }
  *ret_server = server;
  return BR_OK;
}

void rest_server_stop(rest_server *server) {
  if (server == NULL) {
    return;
  }
  rest_statements_stop(server->statements);
  for (size_t i = 0; i < server->server_count; i++) {
    http_server_stop(server->servers[i]);
  }
  rest_statements_free(server->statements);
  br_free(server->volumes_folder);
  br_free(server->uploads_folder);
  br_wipe(server->key, sizeof server->key);
  br_free(server);
}
