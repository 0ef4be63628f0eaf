/*
 * The seam itself: libmicrohttpd's callbacks on one side, http_request_…() on the other. A thread
 * for each connection, so that handlers may wait.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "http/internal.h"

enum {
  /* A refused request's body is still read up to here: a client that is busy sending would see a
   * broken connection instead of the reply. */
  DRAIN_MAX = 64 * 1024 * 1024,
  REPLY_MS = 1000, /* for a reply that was made at the last moment */
};

/* The target as it came: libmicrohttpd hands out a decoded one, in which an escaped slash can't be
 * told from a plain one. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection) {
  http_request *request = NULL;
  if (http_request_new(context, connection, target, &request, NULL) != BR_OK) {
    return NULL;
  }
  return request;
}

static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  return strlen(text);
}

/* ---- arrival ---- */

static void on_connection(void *context, struct MHD_Connection *connection, void **entry,
                          enum MHD_ConnectionNotificationCode code) {
  http_server *server = context;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *entry = info == NULL ? NULL : http_arrival_add(server->arrival, info->connect_fd);
  } else {
    http_arrival_remove(server->arrival, *entry);
    *entry = NULL;
  }
}

static http_arrival_entry *entry_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

/* The head is here. A body that is streamed may take its time. */
static void note_head(http_server *server, const http_request *request) {
  const bool stream = request->route != NULL && request->route->body == HTTP_BODY_STREAM;
  if (request->length == 0 || (stream && !request->refused)) {
    http_arrival_here(server->arrival, entry_of(request->connection));
  } else {
    http_arrival_wait(server->arrival, entry_of(request->connection));
  }
}

/* ---- requests ---- */

static bool drains(const http_request *request) {
  const char *expect = http_request_header(request, MHD_HTTP_HEADER_EXPECT);
  return !request->reply.hang_up && !request->unclear && expect == NULL && request->length != 0 &&
         (request->length == UINT64_MAX || request->length <= DRAIN_MAX);
}

static bool ends_with_head(const http_request *request) {
  return !request->reply.hang_up && !request->unclear && request->length == 0;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **con_cls) {
  (void)url;
  (void)version;
  http_server *server = context;
  http_request *request = *con_cls;
  if (request == NULL) {
    return MHD_NO;
  }
  if (!request->seen) {
    request->seen = true;
    http_request_start(request, method);
    note_head(server, request);
    /* Where nothing more comes libmicrohttpd calls once more at once; a reply to the first call
     * would end the connection. */
    if (!request->refused || drains(request) || ends_with_head(request)) {
      return MHD_YES;
    }
  } else if (*upload_size != 0) {
    http_request_data(request, upload, *upload_size);
    *upload_size = 0;
    return request->reply.hang_up || (request->refused && request->received > DRAIN_MAX) ? MHD_NO
                                                                                         : MHD_YES;
  } else {
    http_arrival_here(server->arrival, entry_of(connection));
    http_request_finish(request);
  }
  if (server->options.finish != NULL) {
    server->options.finish(request, &request->reply);
  }
  http_arrival_reply(server->arrival, entry_of(connection));
  return http_reply_queue(&request->reply, connection, server->options.reply_headers,
                          request->unclear || atomic_load(&server->draining));
}

static void on_completed(void *context, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code) {
  (void)code;
  const http_server *server = context;
  http_request_free(*con_cls);
  *con_cls = NULL;
  http_arrival_wait(server->arrival, entry_of(connection)); /* for the next request */
}

static unsigned or_default(unsigned value, unsigned otherwise) {
  return value != 0 ? value : otherwise;
}

/* libmicrohttpd closes what comes over its limit. Where somebody else is to go for it, it has to
 * let some more in: who goes is counted until its thread has ended. */
static unsigned limit_of(const http_server_options *o) {
  const unsigned places = or_default(o->connections, HTTP_CONNECTIONS_DEFAULT);
  return o->arrival_seconds > 0 ? places + places / 4 + 64 : places;
}

/* GnuTLS's words, in a form that libmicrohttpd's options take. TLS 1.0 and 1.1 are history (RFC
 * 8996). */
static char tls_priorities[] = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";

static struct MHD_Daemon *start_daemon(http_server *server, int fd, const char *certificate,
                                       const char *key) {
  const http_server_options *o = &server->options;
  unsigned flags =
      MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC;
  struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL},
                                 {MHD_OPTION_END, 0, NULL},
                                 {MHD_OPTION_END, 0, NULL},
                                 {MHD_OPTION_END, 0, NULL}};
  if (certificate != NULL) {
    flags |= MHD_USE_TLS;
    tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate};
    tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key};
    tls[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities};
  }
  return MHD_start_daemon(
      flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
      MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped,
      NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
      on_connection, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX,
      MHD_OPTION_CONNECTION_LIMIT, limit_of(o), MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      o->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
      or_default(o->idle_seconds, HTTP_IDLE_SECONDS_DEFAULT), MHD_OPTION_ARRAY, tls,
      MHD_OPTION_END);
}

/* ---- listeners ---- */

static void listener_free(http_listener *listener) {
  if (listener->daemon != NULL) {
    MHD_stop_daemon(listener->daemon);
  }
  if (listener->key != NULL) {
    br_wipe(listener->key, strlen(listener->key));
  }
  br_free(listener->key);
  br_free(listener->certificate);
  br_free(listener);
}

/* Listens on a copy of fd beside whoever does so already: whether libmicrohttpd closes a descriptor
 * when it can't start is not said. */
static br_status add_listener(http_server *server, int listen_fd, const char *certificate,
                              const char *key, br_error *err) {
  http_listener *listener = br_calloc(1, sizeof *listener);
  if (listener == NULL) {
    return br_error_nomem(err);
  }
  listener->certificate = certificate == NULL ? NULL : br_strdup(certificate);
  listener->key = key == NULL ? NULL : br_strdup(key);
  if ((listener->certificate == NULL) != (certificate == NULL) ||
      (listener->key == NULL) != (key == NULL)) {
    listener_free(listener);
    return br_error_nomem(err);
  }
  int fd = dup(listen_fd);
  if (fd < 0) {
    int errnum = errno;
    listener_free(listener);
    return br_error_errno(err, errnum, "Can't start the HTTP server");
  }
  listener->daemon = start_daemon(server, fd, listener->certificate, listener->key);
  if (listener->daemon == NULL) {
    listener_free(listener);
    return certificate == NULL
               ? br_error_set(err, BR_ERR_IO, "Can't start the HTTP server")
               : br_error_set(err, BR_ERR_TLS,
                              "Can't start the HTTPS server; are certificate and key PEM files "
                              "that belong together, the key without a password?");
  }
  listener->older = server->listener;
  server->listener = listener;
  return BR_OK;
}

static bool is_idle(const http_listener *listener) {
  const union MHD_DaemonInfo *info =
      MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return info != NULL && info->num_connections == 0;
}

void http_server_tidy(http_server *server) {
  for (http_listener **at = &server->listener->older; *at != NULL;) {
    http_listener *listener = *at;
    if (is_idle(listener)) {
      *at = listener->older;
      listener_free(listener);
    } else {
      at = &listener->older;
    }
  }
}

static void stop_listening(const http_listener *listener) {
  const MHD_socket fd = MHD_quiesce_daemon(listener->daemon);
  if (fd != MHD_INVALID_SOCKET) {
    (void)br_sys.close(fd);
  }
}

br_status http_server_set_certificate(http_server *server, const char *certificate, const char *key,
                                      br_error *err) {
  http_listener *old = server->listener;
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(old->daemon, MHD_DAEMON_INFO_LISTEN_FD);
  if (info == NULL || server->options.tls_certificate == NULL) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "The server was started without TLS");
  }
  /* Both listen for a moment, so that no connection is refused. */
  br_status st = add_listener(server, info->listen_fd, certificate, key, err);
  if (st != BR_OK) {
    return st;
  }
  stop_listening(old);
  http_server_tidy(server);
  return BR_OK;
}

/* ---- start and stop ---- */

static void server_free(http_server *server) {
  http_arrival_stop(server->arrival);
  (void)pthread_cond_destroy(&server->fewer);
  (void)pthread_mutex_destroy(&server->lock);
  br_free(server);
}

br_status http_server_start(const http_server_options *options, http_server **ret_server,
                            br_error *err) {
  pthread_condattr_t monotonic;
  http_server *server = br_calloc(1, sizeof *server);
  if (server == NULL) {
    return br_error_nomem(err);
  }
  server->options = *options;
  (void)pthread_mutex_init(&server->lock, NULL);
  (void)pthread_condattr_init(&monotonic);
  (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&server->fewer, &monotonic);
  (void)pthread_condattr_destroy(&monotonic);
  br_status st =
      options->arrival_seconds == 0
          ? BR_OK
          : http_arrival_start((uint64_t)options->arrival_seconds * 1000,
                               or_default(options->connections, HTTP_CONNECTIONS_DEFAULT),
                               &server->arrival, err);
  if (st == BR_OK) {
    st = add_listener(server, options->listen_fd, options->tls_certificate, options->tls_key, err);
  }
  if (st != BR_OK) {
    server_free(server);
    return st;
  }
  (void)br_sys.close(options->listen_fd);
  server->options.listen_fd = -1;
  *ret_server = server;
  return BR_OK;
}

void http_server_drain(http_server *server) {
  atomic_store(&server->draining, true);
}

/* Who is in a handler is waited for, as libmicrohttpd would; the others have until then, and as
 * long as a reply takes that has just been made. With the lock held. */
static uint64_t wait_until_ms(const http_server *server, uint64_t end_ms) {
  const uint64_t replied_ms = server->handled_ms + REPLY_MS;
  return server->handled > 0 ? UINT64_MAX : end_ms > replied_ms ? end_ms : replied_ms;
}

static void wait_for_requests(http_server *server) {
  const uint64_t end_ms = br_clock_monotonic_ms() + server->options.end_ms;
  (void)pthread_mutex_lock(&server->lock);
  while (server->requests > 0) {
    const uint64_t until_ms = wait_until_ms(server, end_ms);
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000L};
    if (until_ms == UINT64_MAX) {
      (void)pthread_cond_wait(&server->fewer, &server->lock);
    } else if (br_clock_monotonic_ms() >= until_ms) {
      break;
    } else {
      (void)pthread_cond_timedwait(&server->fewer, &server->lock, &until);
    }
  }
  (void)pthread_mutex_unlock(&server->lock);
}

void http_server_stop(http_server *server) {
  if (server == NULL) {
    return;
  }
  http_server_drain(server);
  for (const http_listener *l = server->listener; l != NULL; l = l->older) {
    stop_listening(l);
  }
  if (server->options.end_ms > 0) {
    wait_for_requests(server);
  }
  for (http_listener *l = server->listener, *older = NULL; l != NULL; l = older) {
    older = l->older;
    listener_free(l);
  }
  server_free(server);
}
