/*
 * Threads: one for each listening socket, one for each connection, and the watcher.
 */
#include "sandbox/tds_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "sandbox/tds_session.h"

#define NO_WATCH UINT64_MAX
enum {
  CONNECTIONS_MAX = 256,
  ACCEPT_PAUSE_MS = 50, /* after a failure that may pass: no descriptors, no memory */
  STOP_EVENT = 0,       /* the number that no watch has */
};

static void free_session(tds_session *s) {
  tds_session_close(s);
  br_free(s);
}

/* Takes sessions whose threads are at their end out of the list and joins them. */
static void reap(sandbox_tds_server *server, bool all) {
  tds_session *gone = NULL;
  (void)pthread_mutex_lock(&server->lock);
  tds_session **link = &server->sessions;
  while (*link != NULL) {
    tds_session *s = *link;
    if (all || s->ended) {
      *link = s->next;
      s->next = gone;
      gone = s;
      server->session_count--;
    } else {
      link = &s->next;
    }
  }
  (void)pthread_mutex_unlock(&server->lock);
  while (gone != NULL) {
    tds_session *next = gone->next;
    (void)pthread_join(gone->thread, NULL);
    free_session(gone);
    gone = next;
  }
}

static void *serve(void *context) {
  tds_session *s = context;
  tds_session_run(s);
  (void)epoll_ctl(s->server->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
  /* The client learns at once; the rest is freed when the thread is joined. */
  (void)shutdown(s->fd, SHUT_RDWR);
  (void)pthread_mutex_lock(&s->server->lock);
  s->ended = true;
  (void)pthread_mutex_unlock(&s->server->lock);
  return NULL;
}

static br_status start_session(sandbox_tds_server *server, int fd, bool tcp) {
  tds_session *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return BR_ERR_NOMEM;
  }
  s->server = server;
  s->fd = fd;
  s->tcp = tcp;
  const int on = 1;
  if (tcp) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  (void)pthread_mutex_lock(&server->lock);
  s->id = ++server->next_id;
  struct epoll_event none = {.events = EPOLLONESHOT, .data.u64 = NO_WATCH};
  bool good = server->session_count < CONNECTIONS_MAX &&
              epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &none) == 0 &&
              pthread_create(&s->thread, NULL, serve, s) == 0;
  if (good) {
    s->next = server->sessions;
    server->sessions = s;
    server->session_count++;
  }
  (void)pthread_mutex_unlock(&server->lock);
  if (!good) {
    br_free(s);
    return BR_ERR_LIMIT;
  }
  return BR_OK;
}

typedef struct acceptor {
  sandbox_tds_server *server;
  int fd;
  bool tcp;
} acceptor;

static void *accept_all(void *context) {
  acceptor a = *(acceptor *)context;
  br_free(context);
  const br_cancel *stop = a.server->stop;
  while (!br_cancel_requested(stop)) {
    struct pollfd fds[2] = {{.fd = a.fd, .events = POLLIN},
                            {.fd = br_cancel_fd(stop), .events = POLLIN}};
    if (br_sys.poll(fds, 2, -1) < 0 || fds[0].revents == 0) {
      continue;
    }
    int fd = br_sys.accept4(a.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        (void)!br_cancel_sleep_ms(stop, ACCEPT_PAUSE_MS, NULL);
      }
      continue;
    }
    reap(a.server, false);
    if (start_session(a.server, fd, a.tcp) != BR_OK) {
      (void)br_sys.close(fd);
    }
  }
  return NULL;
}

/* The watcher. */

br_status tds_watch_begin(tds_session *s, br_error *err) {
  br_cancel *cancel = NULL;
  br_status st = br_cancel_new(&cancel, err);
  if (st != BR_OK) {
    return st;
  }
  (void)pthread_mutex_lock(&s->server->lock);
  s->cancel = cancel;
  s->watch = ++s->server->next_watch;
  (void)pthread_mutex_unlock(&s->server->lock);
  /* An attention that came together with the request is in our buffers already. */
  if (s->reader.received > s->reader.end || tds_stream_pending(s->stream) ||
      br_cancel_requested(s->server->stop)) {
    br_cancel_request(cancel);
    return BR_OK;
  }
  struct epoll_event input = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.u64 = s->watch};
  if (epoll_ctl(s->server->epoll_fd, EPOLL_CTL_MOD, s->fd, &input) != 0) {
    st = br_error_errno(err, errno, "Can't watch a connection");
    tds_watch_end(s);
  }
  return st;
}

void tds_watch_end(tds_session *s) {
  struct epoll_event none = {.events = EPOLLONESHOT, .data.u64 = NO_WATCH};
  (void)epoll_ctl(s->server->epoll_fd, EPOLL_CTL_MOD, s->fd, &none);
  (void)pthread_mutex_lock(&s->server->lock);
  br_cancel *cancel = s->cancel;
  s->cancel = NULL;
  s->watch = NO_WATCH;
  (void)pthread_mutex_unlock(&s->server->lock);
  br_cancel_free(cancel);
}

/* An event that is handled late must not hit a later request of the same session: the client may
 * have sent that as soon as it had its answer. */
static void interrupt(sandbox_tds_server *server, uint64_t watch) {
  (void)pthread_mutex_lock(&server->lock);
  for (tds_session *s = server->sessions; s != NULL; s = s->next) {
    if (s->watch == watch || watch == STOP_EVENT) {
      br_cancel_request(s->cancel);
    }
  }
  (void)pthread_mutex_unlock(&server->lock);
}

static void *watch(void *context) {
  sandbox_tds_server *server = context;
  while (!br_cancel_requested(server->stop)) {
    struct epoll_event event;
    if (epoll_wait(server->epoll_fd, &event, 1, -1) == 1) {
      interrupt(server, event.data.u64);
    }
  }
  return NULL;
}

/* Start and stop. */

static br_status make_server(const sandbox_tds_options *options, sandbox_tds_server *server,
                             br_error *err) {
  server->options = *options;
  server->epoll_fd = -1;
  br_status st = br_cancel_new(&server->stop, err);
  if (st == BR_OK && options->certificate_file != NULL) {
    st =
        tds_tls_server_context_new(options->certificate_file, options->key_file, &server->tls, err);
  }
  if (st != BR_OK) {
    return st;
  }
  server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event stop = {.events = EPOLLIN, .data.u64 = STOP_EVENT};
  if (server->epoll_fd < 0 ||
      epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, br_cancel_fd(server->stop), &stop) != 0) {
    return br_error_errno(err, errno, "Can't watch connections");
  }
  return BR_OK;
}

static br_status start_threads(sandbox_tds_server *server, br_error *err) {
  int failed = pthread_create(&server->watcher, NULL, watch, server);
  server->watching = failed == 0;
  for (size_t i = 0; i < server->options.listen_count && failed == 0; i++) {
    acceptor *a = br_malloc(sizeof *a);
    if (a == NULL) {
      return br_error_nomem(err);
    }
    *a = (acceptor){.server = server, .fd = server->options.listen_fds[i], .tcp = i > 0};
    failed = pthread_create(&server->acceptors[i], NULL, accept_all, a);
    if (failed != 0) {
      br_free(a);
    } else {
      server->acceptor_count++;
    }
  }
  return failed == 0 ? BR_OK : br_error_errno(err, failed, "Can't start a thread");
}

br_status sandbox_tds_start(const sandbox_tds_options *options, sandbox_tds_server **ret_server,
                            br_error *err) {
  sandbox_tds_server *server = br_calloc(1, sizeof *server);
  if (server == NULL || pthread_mutex_init(&server->lock, NULL) != 0) {
    for (size_t i = 0; i < options->listen_count; i++) {
      (void)br_sys.close(options->listen_fds[i]);
    }
    br_free(server);
    return br_error_nomem(err);
  }
  br_status st = make_server(options, server, err);
  if (st == BR_OK) {
    st = start_threads(server, err);
  }
  if (st != BR_OK) {
    sandbox_tds_stop(server);
    return st;
  }
  *ret_server = server;
  return BR_OK;
}

void sandbox_tds_stop(sandbox_tds_server *server) {
  if (server == NULL) {
    return;
  }
  br_cancel_request(server->stop);
  for (size_t i = 0; i < server->acceptor_count; i++) {
    (void)pthread_join(server->acceptors[i], NULL);
  }
  for (size_t i = 0; i < server->options.listen_count; i++) {
    (void)br_sys.close(server->options.listen_fds[i]);
  }
  if (server->watching) {
    (void)pthread_join(server->watcher, NULL);
  }
  interrupt(server, STOP_EVENT);
  reap(server, true);
  if (server->epoll_fd >= 0) {
    (void)br_sys.close(server->epoll_fd);
  }
  tds_tls_server_context_free(server->tls);
  br_cancel_free(server->stop);
  (void)pthread_mutex_destroy(&server->lock);
  br_free(server);
}
