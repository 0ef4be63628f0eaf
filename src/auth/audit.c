#include "auth/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "auth/audit_line.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"

enum { FILE_MODE = 0640, FOLDER_MODE = 0750, READER_MS = 1000 };

struct auth_audit {
  pthread_mutex_t lock;
  char *path; /* NULL: stdout */
  int fd;
  dev_t device; /* of fd, with inode: which file it is */
  ino_t inode;
  bool torn;    /* the last line was written in part */
  bool stalled; /* a pipe whose reader doesn't read any more */
};

br_status auth_audit_path(const settings *s, char **ret_path, br_error *err) {
  const char *named = settings_get(s, SETTING_AUDIT_FILE);
  char *path = named[0] != '\0'
                   ? br_strdup(named)
                   : br_path_join(settings_get(s, SETTING_BRIDGE_DATA_DIR), "audit.jsonl");
  if (path == NULL) {
    return br_error_nomem(err);
  }
  *ret_path = path;
  return BR_OK;
}

static br_status make_folder(const char *path, br_error *err) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL || slash == path) {
    return BR_OK;
  }
  char *folder = br_strndup(path, (size_t)(slash - path));
  br_status st = folder == NULL ? br_error_nomem(err) : br_dir_make(folder, FOLDER_MODE, err);
  br_free(folder);
  return st;
}

/* Opens the path and replaces the descriptor; the old one stays where that fails. */
static br_status open_path(auth_audit *a, br_error *err) {
  struct stat info;
  int fd = -1;
  do {
    fd = br_sys.open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, FILE_MODE);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    return br_error_errno(err, errno, "Can't open the audit %s", a->path);
  }
  if (br_sys.fstat(fd, &info) != 0) {
    br_status st = br_error_errno(err, errno, "Can't look at the audit %s", a->path);
    (void)br_sys.close(fd);
    return st;
  }
  if (a->fd >= 0) {
    (void)br_sys.close(a->fd);
  }
  a->torn = a->torn && a->device == info.st_dev && a->inode == info.st_ino;
  a->fd = fd;
  a->device = info.st_dev;
  a->inode = info.st_ino;
  return BR_OK;
}

br_status auth_audit_open(const char *path, auth_audit **ret_audit, br_error *err) {
  auth_audit *a = br_calloc(1, sizeof *a);
  if (a == NULL) {
    return br_error_nomem(err);
  }
  (void)pthread_mutex_init(&a->lock, NULL);
  a->fd = -1;
  br_status st = BR_OK;
  if (strcmp(path, "-") == 0) {
    a->fd = STDOUT_FILENO;
  } else {
    a->path = br_strdup(path);
    st = a->path == NULL ? br_error_nomem(err) : make_folder(path, err);
    if (st == BR_OK) {
      st = open_path(a, err);
    }
  }
  if (st != BR_OK) {
    auth_audit_close(a);
    return st;
  }
  *ret_audit = a;
  return BR_OK;
}

void auth_audit_close(auth_audit *audit) {
  if (audit == NULL) {
    return;
  }
  if (audit->path != NULL && audit->fd >= 0) {
    (void)br_sys.close(audit->fd);
  }
  (void)pthread_mutex_destroy(&audit->lock);
  br_free(audit->path);
  br_free(audit);
}

/* Rotation has put another file, or none, under the path. */
static bool was_rotated(const auth_audit *a) {
  struct stat info;
  if (br_sys.stat(a->path, &info) != 0) {
    return errno == ENOENT;
  }
  return info.st_dev != a->device || info.st_ino != a->inode;
}

/* A pipe with room takes a whole line (AUTH_AUDIT_LINE_MAX is no more than PIPE_BUF). Its reader
 * has a moment to make some, and no other one until it has read again: whoever asks waits for it.
 */
static br_status wait_for_room(auth_audit *a, const char *name, br_error *err) {
  struct pollfd fd = {.fd = a->fd, .events = POLLOUT};
  a->stalled = br_sys.poll(&fd, 1, a->stalled ? 0 : READER_MS) == 0;
  return a->stalled ? br_error_set(err, BR_ERR_TIMEOUT,
                                   "Can't write the audit to %s: its reader doesn't read", name)
                    : BR_OK;
}

static br_status write_line(auth_audit *a, const br_buf *line, br_error *err) {
  /* The line break in front of the line closes a torn one; it is sent only then. */
  size_t skip = a->torn ? 0 : 1;
  const uint8_t *bytes = line->data + skip;
  size_t length = line->len - skip;
  ssize_t n = -1;
  const char *name = a->path == NULL ? "stdout" : a->path;
  br_status st = wait_for_room(a, name, err);
  if (st != BR_OK) {
    return st;
  }
  do {
    n = br_sys.write(a->fd, bytes, length);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    return br_error_errno(err, errno, "Can't write the audit to %s", name);
  }
  a->torn = (size_t)n < length && (n > 0 || a->torn);
  if ((size_t)n < length) {
    return br_error_set(err, BR_ERR_DISK_FULL, "Can't write the audit to %s: no room for a line",
                        name);
  }
  return BR_OK;
}

br_status auth_audit_write(auth_audit *audit, const auth_audit_record *record, br_error *err) {
  br_buf line;
  br_status st = auth_audit_line(record, br_clock_wall_us(), &line, err);
  if (st != BR_OK) {
    return st;
  }
  (void)pthread_mutex_lock(&audit->lock);
  if (audit->path != NULL && was_rotated(audit)) {
    st = open_path(audit, err);
  }
  if (st == BR_OK) {
    st = write_line(audit, &line, err);
  }
  (void)pthread_mutex_unlock(&audit->lock);
  br_buf_done(&line);
  return st;
}

br_status auth_audit_reopen(auth_audit *audit, br_error *err) {
  (void)pthread_mutex_lock(&audit->lock);
  br_status st = audit->path == NULL ? BR_OK : open_path(audit, err);
  (void)pthread_mutex_unlock(&audit->lock);
  return st;
}
