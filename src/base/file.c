#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"

enum { READ_STEP = 64 * 1024 };

/* open() that an interrupting signal doesn't fail. */
static int open_retrying(const char *path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = br_sys.open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

/* Appends what is left in fd; a byte more than the buffer may hold is BR_ERR_LIMIT. */
static br_status read_rest(int fd, const char *path, br_buf *out, br_error *err) {
  for (;;) {
    size_t room = out->max - out->len;
    size_t step = room < READ_STEP ? room : READ_STEP;
    uint8_t probe = 0;
    br_status st = br_buf_reserve(out, step, err);
    if (st != BR_OK) {
      return br_error_context(err, st, "%s", path);
    }
    void *to = step == 0 ? &probe : out->data + out->len;
    ssize_t n = br_sys.read(fd, to, step == 0 ? 1 : step);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return br_error_errno(err, errno, "Can't read %s", path);
    }
    if (n == 0) {
      return BR_OK;
    }
    if (step == 0) {
      return br_error_set(err, BR_ERR_LIMIT, "%s is larger than the %zu bytes allowed", path,
                          out->max);
    }
    out->len += (size_t)n;
  }
}

/* Takes fd. */
static br_status read_open(int fd, const char *path, br_buf *out, br_error *err) {
  br_status st = BR_OK;
  struct stat info;
  /* The size is a hint only: pipes and /proc have none. */
  if (br_sys.fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
      (uint64_t)info.st_size < out->max) {
    st = br_buf_reserve(out, (size_t)info.st_size, err);
  }
  if (st == BR_OK) {
    st = read_rest(fd, path, out, err);
  }
  (void)br_sys.close(fd);
  if (st != BR_OK) {
    br_buf_done(out);
  }
  return st;
}

br_status br_file_read(const char *path, size_t max, br_buf *out, br_error *err) {
  br_buf_init(out, max);
  int fd = open_retrying(path, O_RDONLY, 0);
  return fd < 0 ? br_error_errno(err, errno, "Can't open %s", path) : read_open(fd, path, out, err);
}

/* The place is found first and kept: what is opened is what was looked at, whatever links become
 * meanwhile. */
br_status br_file_read_guarded(const char *path, size_t max, const br_file_guard *guard,
                               br_buf *out, br_error *err) {
  char real[PATH_MAX], link[64];
  if (guard == NULL) {
    return br_file_read(path, max, out, err);
  }
  br_buf_init(out, max);
  int place = open_retrying(path, O_PATH, 0);
  if (place < 0) {
    return br_error_errno(err, errno, "Can't open %s", path);
  }
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", place);
  const ssize_t length = readlink(link, real, sizeof real - 1);
  br_status st = BR_OK;
  if (length < 0) {
    st = br_error_errno(err, errno, "Can't find where %s lies", path);
  } else {
    real[length] = '\0';
    st = guard->check(guard->context, path, real, err);
  }
  int fd = st == BR_OK ? open_retrying(link, O_RDONLY, 0) : -1;
  if (st == BR_OK && fd < 0) {
    st = br_error_errno(err, errno, "Can't open %s", path);
  }
  (void)br_sys.close(place);
  return st == BR_OK ? read_open(fd, path, out, err) : st;
}

br_status br_file_write_all(int fd, const void *bytes, size_t length, const char *name,
                            br_error *err) {
  const uint8_t *place = bytes;
  while (length > 0) {
    ssize_t n = br_sys.write(fd, place, length);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return br_error_errno(err, n < 0 ? errno : EIO, "Can't write %s", name);
    }
    place += n;
    length -= (size_t)n;
  }
  return BR_OK;
}

static br_status fsync_and_close(int fd, const char *name, br_status st, br_error *err) {
  if (st == BR_OK && br_sys.fsync(fd) != 0) {
    st = br_error_errno(err, errno, "Can't write %s to disk", name);
  }
  /* Some file systems tell of a full disk only here. */
  if (br_sys.close(fd) != 0 && st == BR_OK && errno != EINTR) {
    st = br_error_errno(err, errno, "Can't close %s", name);
  }
  return st;
}

/* Makes the new name itself survive a crash. */
static br_status fsync_folder_of(const char *path, br_error *err) {
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path);
  char *folder = slash == NULL ? br_strdup(".") : br_strndup(path, length == 0 ? 1 : length);
  if (folder == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  int fd = open_retrying(folder, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) {
    st = br_error_errno(err, errno, "Can't open %s", folder);
  } else {
    st = fsync_and_close(fd, folder, BR_OK, err);
  }
  br_free(folder);
  return st;
}

static br_status write_new_file(const char *path, const void *bytes, size_t length, unsigned mode,
                                br_error *err) {
  int fd = open_retrying(path, O_WRONLY | O_CREAT | O_EXCL, (mode_t)mode);
  if (fd < 0) {
    return br_error_errno(err, errno, "Can't create %s", path);
  }
  br_status st = br_file_write_all(fd, bytes, length, path, err);
  st = fsync_and_close(fd, path, st, err);
  if (st != BR_OK) {
    (void)br_sys.unlink(path);
  }
  return st;
}

br_status br_file_write_atomic(const char *path, const void *bytes, size_t length, unsigned mode,
                               br_error *err) {
  uint8_t random[8];
  char suffix[2 * sizeof random + 1];
  br_status st = br_random(random, sizeof random, err);
  if (st != BR_OK) {
    return st;
  }
  br_hex_encode(random, sizeof random, suffix);
  char *temporary = br_asprintf("%s.%s.tmp", path, suffix);
  if (temporary == NULL) {
    return br_error_nomem(err);
  }
  st = write_new_file(temporary, bytes, length, mode, err);
  if (st == BR_OK) {
    if (br_sys.rename(temporary, path) != 0) {
      st = br_error_errno(err, errno, "Can't rename %s to %s", temporary, path);
      (void)br_sys.unlink(temporary);
    } else {
      st = fsync_folder_of(path, err);
    }
  }
  br_free(temporary);
  return st;
}

br_status br_file_exists(const char *path, bool *ret_exists, br_error *err) {
  struct stat info;
  if (br_sys.stat(path, &info) == 0) {
    *ret_exists = true;
    return BR_OK;
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    *ret_exists = false;
    return BR_OK;
  }
  return br_error_errno(err, errno, "Can't look at %s", path);
}

char *br_path_join(const char *folder, const char *name) {
  size_t length = strlen(folder);
  const char *between = length == 0 || folder[length - 1] == '/' ? "" : "/";
  return br_asprintf("%s%s%s", folder, between, name);
}
