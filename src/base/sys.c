#include "base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* open() and fcntl() are variadic, and glibc declares connect(), bind() and accept4() with a
 * transparent union: none fits a pointer of the table. */
static int real_open(const char *path, int flags, mode_t mode) {
  return open(path, flags, mode);
}

static int real_fcntl_lock(int fd, int command, struct flock *lock) {
  return fcntl(fd, command, lock);
}

static int real_connect(int fd, const struct sockaddr *address, socklen_t length) {
  return connect(fd, address, length);
}

static int real_bind(int fd, const struct sockaddr *address, socklen_t length) {
  return bind(fd, address, length);
}

static int real_accept4(int fd, struct sockaddr *ret_address, socklen_t *ret_length, int flags) {
  return accept4(fd, ret_address, ret_length, flags);
}

#define REAL_CALLS                                                                                 \
  {                                                                                                \
    .open = real_open, .close = close, .read = read, .write = write, .pread = pread,               \
    .pwrite = pwrite, .fsync = fsync, .fcntl_lock = real_fcntl_lock, .fstat = fstat, .stat = stat, \
    .rename = rename, .unlink = unlink, .unlinkat = unlinkat, .mkdir = mkdir, .rmdir = rmdir,      \
    .statvfs = statvfs, .socket = socket, .connect = real_connect, .bind = real_bind,              \
    .listen = listen, .accept4 = real_accept4, .send = send, .recv = recv, .poll = poll,           \
    .clock_gettime = clock_gettime,                                                                \
  }

static const br_sys_table real_calls = REAL_CALLS;

br_sys_table br_sys = REAL_CALLS;

void br_sys_reset(void) {
  br_sys = real_calls;
}
