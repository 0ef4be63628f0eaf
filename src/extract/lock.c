#include "extract/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/sys.h"

/* True where fd is still the file that path names: between open and flock another process may have
 * deleted it. */
static bool still_named(int fd, const char *path) {
  struct stat mine;
  struct stat named;
  return br_sys.fstat(fd, &mine) == 0 && br_sys.stat(path, &named) == 0 &&
         mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

static br_status take(const char *path, int open_flags, int *ret_fd, br_error *err) {
  for (;;) {
    int fd = br_sys.open(path, O_RDWR | O_CLOEXEC | open_flags, 0666);
    if (fd < 0) {
      return br_error_errno(err, errno, "%s can't be %s", path,
                            open_flags != 0 ? "created" : "opened");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      int why = errno;
      (void)br_sys.close(fd);
      return why == EWOULDBLOCK
                 ? br_error_set(err, BR_ERR_CONFLICT, "%s is held by another process", path)
                 : br_error_errno(err, why, "%s can't be locked", path);
    }
    if (still_named(fd, path)) {
      *ret_fd = fd;
      return BR_OK;
    }
    (void)br_sys.close(fd);
  }
}

br_status extract_lock_take(const char *path, int *ret_fd, br_error *err) {
  return take(path, O_CREAT, ret_fd, err);
}

br_status extract_lock_take_over(const char *path, int *ret_fd, br_error *err) {
  return take(path, 0, ret_fd, err);
}

void extract_lock_release(const char *path, int fd) {
  (void)br_sys.unlink(path); /* while it is still locked: who waits on it notices */
  (void)br_sys.close(fd);
}
