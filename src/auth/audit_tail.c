#include "auth/audit_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/audit.h"
#include "base/mem.h"
#include "base/sys.h"

/* Blocks are read from the end; a line that begins in an earlier one is kept for it. */
enum { BLOCK = 64 * 1024 };

typedef struct tail {
  const char *path;
  int fd;
  char *text; /* the block, and behind it the rest of a line that began in it: BLOCK + LINE_MAX */
  size_t rest;
  bool whole; /* the rest ends in a line break of the file */
  bool (*take)(void *context, const char *line, size_t length);
  void *context;
} tail;

static br_status read_at(const tail *t, off_t offset, size_t length, br_error *err) {
  for (size_t got = 0; got < length;) {
    const ssize_t n = br_sys.pread(t->fd, t->text + got, length - got, offset + (off_t)got);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return br_error_errno(err, errno, "Can't read the audit %s", t->path);
    }
    if (n == 0) {
      return br_error_set(err, BR_ERR_IO, "The audit %s was cut while it was read", t->path);
    }
    got += (size_t)n;
  }
  return BR_OK;
}

/* Takes the lines of text[0, length) but the first, which may have begun earlier and becomes the
 * rest. */
static bool take_lines(tail *t, size_t length) {
  size_t end = length;
  for (const char *at; (at = memrchr(t->text, '\n', end)) != NULL;) {
    const size_t start = (size_t)(at - t->text) + 1;
    if (t->whole && end > start && !t->take(t->context, t->text + start, end - start)) {
      return false;
    }
    t->whole = true;
    end = start - 1;
  }
  t->rest = end;
  return true;
}

static br_status read_back(tail *t, off_t size, br_error *err) {
  const off_t first = size > AUTH_AUDIT_TAIL_MAX ? size - AUTH_AUDIT_TAIL_MAX : 0;
  for (off_t end = size; end > first;) {
    const size_t length = end - first < BLOCK ? (size_t)(end - first) : BLOCK;
    if (t->rest > AUTH_AUDIT_LINE_MAX) {
      t->rest = 0; /* no line of an audit is as long */
      t->whole = false;
    }
    memmove(t->text + length, t->text, t->rest);
    end -= (off_t)length;
    br_status st = read_at(t, end, length, err);
    if (st != BR_OK || !take_lines(t, length + t->rest)) {
      return st;
    }
  }
  if (first == 0 && t->whole && t->rest > 0) {
    (void)t->take(t->context, t->text, t->rest);
  }
  return BR_OK;
}

br_status auth_audit_tail(const char *path,
                          bool (*take)(void *context, const char *line, size_t length),
                          void *context, br_error *err) {
  struct stat info;
  tail t = {.path = path, .take = take, .context = context};
  do {
    t.fd = br_sys.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
  } while (t.fd < 0 && errno == EINTR);
  if (t.fd < 0) {
    return errno == ENOENT ? BR_OK : br_error_errno(err, errno, "Can't open the audit %s", path);
  }
  br_status st = BR_OK;
  if (br_sys.fstat(t.fd, &info) != 0) {
    st = br_error_errno(err, errno, "Can't look at the audit %s", path);
  } else if (S_ISREG(info.st_mode)) {
    t.text = br_malloc(BLOCK + AUTH_AUDIT_LINE_MAX);
    st = t.text == NULL ? br_error_nomem(err) : read_back(&t, info.st_size, err);
  }
  br_free(t.text);
  (void)br_sys.close(t.fd);
  return st;
}
