/*
 * sys.h: the system calls that can fail in ways a test wants to provoke, in one table.
 *
 * Code calls br_sys.open(…) and so on; a test replaces single entries (a full disk, a cut
 * connection, an interrupted call) and puts them back with br_sys_reset(). The entries have the
 * meaning of their POSIX namesakes, errno included.
 */
#ifndef BR_BASE_SYS_H
#define BR_BASE_SYS_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

typedef struct br_sys_table {
  int (*open)(const char *path, int flags, mode_t mode);
  int (*close)(int fd);
  ssize_t (*read)(int fd, void *buffer, size_t size);
  ssize_t (*write)(int fd, const void *buffer, size_t size);
  ssize_t (*pread)(int fd, void *buffer, size_t size, off_t offset);
  ssize_t (*pwrite)(int fd, const void *buffer, size_t size, off_t offset);
  int (*fsync)(int fd);
  int (*fcntl_lock)(int fd, int command, struct flock *lock); /* fcntl() with a lock */
  int (*fstat)(int fd, struct stat *ret_stat);
  int (*stat)(const char *path, struct stat *ret_stat);
  int (*rename)(const char *from, const char *to);
  int (*unlink)(const char *path);
  int (*unlinkat)(int folder, const char *name, int flags);
  int (*mkdir)(const char *path, mode_t mode);
  int (*rmdir)(const char *path);
  int (*statvfs)(const char *path, struct statvfs *ret_stat);
  int (*socket)(int domain, int type, int protocol);
  int (*connect)(int fd, const struct sockaddr *address, socklen_t length);
  int (*bind)(int fd, const struct sockaddr *address, socklen_t length);
  int (*listen)(int fd, int backlog);
  int (*accept4)(int fd, struct sockaddr *ret_address, socklen_t *ret_length, int flags);
  ssize_t (*send)(int fd, const void *buffer, size_t size, int flags);
  ssize_t (*recv)(int fd, void *buffer, size_t size, int flags);
  int (*poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
  int (*clock_gettime)(clockid_t clock, struct timespec *ret_time);
} br_sys_table;

extern br_sys_table br_sys;

void br_sys_reset(void);

#endif
