#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sys.h"

enum { BACKLOG = 128, NEW_NAME_SUFFIX = 4 /* ".new" */ };

static br_status listen_on(int fd, const struct sockaddr *address, socklen_t length,
                           const char *name, br_error *err) {
  if (br_sys.bind(fd, address, length) != 0) {
    int errnum = errno;
    return errnum == EADDRINUSE
               ? br_error_set(err, BR_ERR_CONFLICT, "%s is in use by another program", name)
               : br_error_errno(err, errnum, "Can't bind to %s", name);
  }
  if (br_sys.listen(fd, BACKLOG) != 0) {
    return br_error_errno(err, errno, "Can't listen on %s", name);
  }
  return BR_OK;
}

static br_status tcp_address(const char *host, uint16_t port, struct sockaddr_storage *ret_address,
                             socklen_t *ret_length, br_error *err) {
  memset(ret_address, 0, sizeof *ret_address);
  struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    *ret_length = sizeof *v4;
    return BR_OK;
  }
  if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *ret_length = sizeof *v6;
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_USAGE, "\"%s\" is not an IP address to listen on", host);
}

br_status http_listen_tcp(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port,
                          br_error *err) {
  struct sockaddr_storage address;
  socklen_t length = 0;
  br_status st = tcp_address(host, port, &address, &length, err);
  if (st != BR_OK) {
    return st;
  }
  char name[96];
  (void)snprintf(name, sizeof name, "%s port %u", host, port);
  int fd = br_sys.socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return br_error_errno(err, errno, "Can't make a socket for %s", name);
  }
  const int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  st = listen_on(fd, (const struct sockaddr *)&address, length, name, err);
  if (st == BR_OK && getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
    st = br_error_errno(err, errno, "Can't find the port of %s", name);
  }
  if (st != BR_OK) {
    (void)br_sys.close(fd);
    return st;
  }
  *ret_port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                 : ((struct sockaddr_in6 *)&address)->sin6_port);
  *ret_fd = fd;
  return BR_OK;
}

bool http_unix_path_fits(const char *path) {
  return strlen(path) + NEW_NAME_SUFFIX < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

br_status http_listen_unix(const char *path, int *ret_fd, br_error *err) {
  if (!http_unix_path_fits(path)) {
    return br_error_set(err, BR_ERR_LIMIT, "%s: the path is too long for a Unix socket", path);
  }
  /* Made under another name, and renamed when it listens: a client or a clean-up that finds the
   * name and can't connect knows that nobody is there any more. */
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s.new", path);
  int fd = br_sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return br_error_errno(err, errno, "Can't make a Unix socket");
  }
  (void)br_sys.unlink(address.sun_path);
  /* Before bind(): the file never exists with a wider mode. */
  (void)fchmod(fd, 0600);
  br_status st =
      listen_on(fd, (const struct sockaddr *)&address, sizeof address, address.sun_path, err);
  if (st == BR_OK && chmod(address.sun_path, 0600) != 0) {
    st = br_error_errno(err, errno, "Can't protect %s", path);
  }
  if (st == BR_OK && br_sys.rename(address.sun_path, path) != 0) {
    st = br_error_errno(err, errno, "Can't make %s", path);
  }
  if (st != BR_OK) {
    (void)br_sys.close(fd);
    (void)br_sys.unlink(address.sun_path);
    return st;
  }
  *ret_fd = fd;
  return BR_OK;
}

bool http_unix_answers(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof address.sun_path) {
    return false;
  }
  memcpy(address.sun_path, path, length + 1);
  int fd = br_sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return true; /* not known: as if */
  }
  int result = br_sys.connect(fd, (const struct sockaddr *)&address, sizeof address);
  bool answers = result == 0 || (errno != ECONNREFUSED && errno != ENOENT);
  (void)br_sys.close(fd);
  return answers;
}
