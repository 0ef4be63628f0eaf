/*
 * Sockets, TCP and Unix, as streams. They are non-blocking; every wait is a poll() on the socket
 * and on the cancel token, and ends at the deadline or after the longest silence allowed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/sys.h"
#include "tds/resolve.h"
#include "tds/stream.h"

typedef struct socket_stream {
  tds_stream base;
  int fd;
} socket_stream;

/* Waits until the socket is ready for `events`. */
static br_status wait_for(int fd, short events, const tds_wait *wait, br_error *err) {
  br_deadline silence = br_deadline_after_ms(wait->silence_ms);
  bool silence_first = silence.at_ms < wait->deadline.at_ms;
  br_deadline until = silence_first ? silence : wait->deadline;
  for (;;) {
    br_status st = br_cancel_check(wait->cancel, err);
    if (st != BR_OK) {
      return st;
    }
    struct pollfd fds[2] = {{.fd = fd, .events = events},
                            {.fd = br_cancel_fd(wait->cancel), .events = POLLIN}};
    int n = br_sys.poll(fds, fds[1].fd >= 0 ? 2 : 1, br_deadline_poll_ms(until));
    if (n < 0 && errno != EINTR) {
      return br_error_errno(err, errno, "Can't wait for the connection");
    }
    if (n > 0 && fds[0].revents != 0) {
      return BR_OK;
    }
    if (n == 0 && br_deadline_passed(until)) {
      br_error_set(err, BR_ERR_TIMEOUT, silence_first ? "No answer within %llu ms" : "Timed out",
                   (unsigned long long)wait->silence_ms);
      return br_error_set_retriable(err, BR_ERR_TIMEOUT);
    }
  }
}

static br_status network_error(br_error *err, int errnum, const char *what) {
  char text[128];
  br_error_set(err, BR_ERR_NETWORK, "%s: %s", what, strerror_r(errnum, text, sizeof text));
  if (err != NULL) {
    err->native_code = errnum;
  }
  return br_error_set_retriable(err, BR_ERR_NETWORK);
}

static br_status socket_read(tds_stream *s, void *buffer, size_t size, size_t *ret_length,
                             br_error *err) {
  const socket_stream *self = (const socket_stream *)s;
  br_status st = br_cancel_check(s->wait.cancel, err);
  while (st == BR_OK) {
    ssize_t n = br_sys.recv(self->fd, buffer, size, 0);
    if (n > 0) {
      *ret_length = (size_t)n;
      return BR_OK;
    }
    if (n == 0) {
      return BR_DONE;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      st = wait_for(self->fd, POLLIN, &s->wait, err);
    } else if (errno != EINTR) {
      st = network_error(err, errno, "The connection broke");
    }
  }
  return st;
}

static br_status socket_write(tds_stream *s, const void *bytes, size_t length, br_error *err) {
  const socket_stream *self = (const socket_stream *)s;
  const uint8_t *from = bytes;
  br_status st = BR_OK;
  while (st == BR_OK && length > 0) {
    ssize_t n = br_sys.send(self->fd, from, length, MSG_NOSIGNAL);
    if (n >= 0) {
      from += n;
      length -= (size_t)n;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      st = wait_for(self->fd, POLLOUT, &s->wait, err);
    } else if (errno != EINTR) {
      st = network_error(err, errno, "The connection broke");
    }
  }
  return st;
}

static int socket_fd(const tds_stream *s) {
  return ((const socket_stream *)s)->fd;
}

static bool socket_pending(const tds_stream *s) {
  (void)s;
  return false;
}

static void socket_close(tds_stream *s) {
  socket_stream *self = (socket_stream *)s;
  (void)br_sys.close(self->fd);
  br_free(self);
}

static const tds_stream_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .fd = socket_fd,
    .pending = socket_pending,
    .close = socket_close,
};

static br_status make_non_blocking(int fd, br_error *err) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    return br_error_errno(err, errno, "Can't set up the connection");
  }
  return BR_OK;
}

br_status tds_stream_of_socket(int fd, tds_wait wait, tds_stream **ret_stream, br_error *err) {
  br_status st = make_non_blocking(fd, err);
  if (st != BR_OK) {
    return st;
  }
  socket_stream *self = br_calloc(1, sizeof *self);
  if (self == NULL) {
    return br_error_nomem(err);
  }
  self->base = (tds_stream){.ops = &socket_ops, .wait = wait};
  self->fd = fd;
  *ret_stream = &self->base;
  return BR_OK;
}

/* Connects one address within the wait. */
static br_status connect_fd(int fd, const struct sockaddr *address, socklen_t length,
                            const tds_wait *wait, br_error *err) {
  br_status st = make_non_blocking(fd, err);
  if (st != BR_OK) {
    return st;
  }
  if (br_sys.connect(fd, address, length) == 0) {
    return BR_OK;
  }
  if (errno != EINPROGRESS && errno != EINTR && errno != EAGAIN) {
    return network_error(err, errno, "Can't connect");
  }
  st = wait_for(fd, POLLOUT, wait, err);
  if (st != BR_OK) {
    return st;
  }
  int problem = 0;
  socklen_t size = sizeof problem;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0) {
    problem = errno;
  }
  return problem == 0 ? BR_OK : network_error(err, problem, "Can't connect");
}

static br_status open_and_connect(int family, const struct sockaddr *address, socklen_t length,
                                  const tds_wait *wait, int *ret_fd, br_error *err) {
  int fd = br_sys.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return network_error(err, errno, "Can't make a socket");
  }
  br_status st = connect_fd(fd, address, length, wait, err);
  if (st != BR_OK) {
    (void)br_sys.close(fd);
    return st;
  }
  *ret_fd = fd;
  return BR_OK;
}

static br_status stream_of_new_socket(int fd, tds_wait wait, tds_stream **ret_stream,
                                      br_error *err) {
  br_status st = tds_stream_of_socket(fd, wait, ret_stream, err);
  if (st != BR_OK) {
    (void)br_sys.close(fd);
  }
  return st;
}

br_status tds_stream_unix(const char *path, tds_wait wait, tds_stream **ret_stream, br_error *err) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    return br_error_set(err, BR_ERR_USAGE, "The socket's path is longer than %zu bytes: %s",
                        sizeof address.sun_path - 1, path);
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = -1;
  br_status st =
      open_and_connect(AF_UNIX, (const struct sockaddr *)&address, sizeof address, &wait, &fd, err);
  if (st != BR_OK) {
    return br_error_context(err, st, "%s", path);
  }
  return stream_of_new_socket(fd, wait, ret_stream, err);
}

/* Small requests must go out at once; a peer that vanished must be noticed in time. */
static void tune_tcp(int fd) {
  const int on = 1;
  const int idle = 30;
  const int interval = 10;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
}

/* An address that does not answer must leave time for those behind it: the first of n gets 1/n of
 * what is left. */
static tds_wait share_of(tds_wait wait, size_t addresses_left) {
  if (wait.deadline.at_ms != UINT64_MAX && addresses_left > 1) {
    int left = br_deadline_poll_ms(wait.deadline);
    wait.deadline = br_deadline_after_ms((uint64_t)left / addresses_left + 1);
  }
  return wait;
}

br_status tds_stream_tcp(const char *host, uint16_t port, tds_wait wait, bool *ret_resolved,
                         tds_stream **ret_stream, br_error *err) {
  struct addrinfo *list = NULL;
  br_status st = tds_resolve(host, port, &wait, &list, err);
  if (st != BR_OK) {
    return st;
  }
  if (ret_resolved != NULL) {
    *ret_resolved = true;
  }
  size_t left = 0;
  for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
    left++;
  }
  int fd = -1;
  st = br_error_set(err, BR_ERR_NETWORK, "The name has no address");
  for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
    tds_wait share = share_of(wait, left--);
    st = open_and_connect(a->ai_family, a->ai_addr, a->ai_addrlen, &share, &fd, err);
    if (st == BR_OK || st == BR_ERR_CANCELLED || br_deadline_passed(wait.deadline)) {
      break;
    }
  }
  freeaddrinfo(list);
  if (st != BR_OK) {
    return st;
  }
  tune_tcp(fd);
  return stream_of_new_socket(fd, wait, ret_stream, err);
}
