/*
 * place_folder.c: a folder of this machine.
 *
 * Files are renamed into place, so that a reader sees the old content or the new. The lock is
 * flock() on a hidden file: the kernel gives it up when a run dies, however it dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "extract/lock.h"
#include "extract/place.h"

#define LOCK_NAME ".bridge-lock"
enum { COPY_BYTES = 1 << 20, MAKE_TRIES = 10 };

/* Another run may take an empty folder on the way away at any moment. */
static br_status folder_make(extract_place *place, const char *folder, br_error *err) {
  br_status st = BR_ERR_NOT_FOUND;
  (void)place;
  for (int i = 0; i < MAKE_TRIES && (st == BR_ERR_NOT_FOUND || st == BR_ERR_EXISTS); i++) {
    br_error_clear(err);
    st = br_dir_make(folder, 0777, err);
  }
  return st;
}

static bool folder_is_missing(extract_place *place, const char *folder) {
  struct stat info;
  (void)place;
  return br_sys.stat(folder, &info) != 0 && errno == ENOENT;
}

static bool folder_remove_empty(extract_place *place, const char *folder) {
  return extract_place_check_path(place, folder, NULL) == BR_OK && br_sys.rmdir(folder) == 0;
}

/* Files that a dead run was just writing, under names that only this program gives. The lock is
 * held: nobody else's are among them. What can't be deleted harms no reader. */
static void remove_unfinished(const char *folder) {
  char **names = NULL;
  size_t count = 0;
  if (br_dir_list(folder, &names, &count, NULL) != BR_OK) {
    return;
  }
  for (size_t i = 0; i < count; i++) {
    bool ours = br_text_starts_with(names[i], "_manifest.json.") ||
                br_text_starts_with(names[i], ".bridge-");
    char *path =
        ours && br_text_ends_with(names[i], ".tmp") ? br_path_join(folder, names[i]) : NULL;
    if (path != NULL) {
      (void)br_sys.unlink(path);
    }
    br_free(path);
  }
  br_names_free(names, count);
}

static br_status folder_lock(extract_place *place, const char *folder, const char *run,
                             br_error *err) {
  (void)run;
  char *path = br_path_join(folder, LOCK_NAME);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  br_status st = extract_place_check_path(place, path, err);
  st = st == BR_OK ? extract_lock_take(path, &place->lock_fd, err) : st;
  if (st == BR_ERR_CONFLICT) {
    br_error_set(err, st, "Another run is writing to %s; wait for it, or stop it", folder);
  }
  if (st != BR_OK) {
    br_free(path);
    return st;
  }
  place->lock_path = path;
  remove_unfinished(folder);
  return BR_OK;
}

static bool folder_unlock(extract_place *place) {
  extract_lock_release(place->lock_path, place->lock_fd);
  place->lock_fd = -1;
  return true;
}

/* The kernel gives a lock to nobody else while its process lives. */
static br_status folder_still_locked(extract_place *place, br_error *err) {
  (void)place;
  (void)err;
  return BR_OK;
}

static br_status folder_read(extract_place *place, const char *path, size_t max, br_buf *out,
                             br_error *err) {
  return br_file_read_guarded(path, max, place->guard, out, err);
}

/* The name has a new file from the rename on, so the same one as before tells that there was none:
 * also where the disk is full or no file can be opened. */
static br_status folder_write(extract_place *place, const char *path, const void *bytes,
                              size_t length, br_error *err) {
  struct stat before;
  struct stat after;
  bool known = br_sys.stat(path, &before) == 0;
  br_status st = br_file_write_atomic(path, bytes, length, 0644, err);
  place->unwritten = st != BR_OK && known && br_sys.stat(path, &after) == 0 &&
                     after.st_ino == before.st_ino && after.st_dev == before.st_dev;
  return st;
}

/* Makes a file's bytes durable before its name appears. */
static br_status sync_file(const char *path, br_error *err) {
  int fd = br_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return br_error_errno(err, errno, "%s can't be opened", path);
  }
  br_status st = br_sys.fsync(fd) == 0
                     ? BR_OK
                     : br_error_errno(err, errno, "%s can't be written to disk", path);
  (void)br_sys.close(fd);
  return st;
}

static br_status copy_bytes(int from, int into, const char *name, br_error *err) {
  uint8_t *bytes = br_malloc(COPY_BYTES);
  if (bytes == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  while (st == BR_OK) {
    ssize_t n = br_sys.read(from, bytes, COPY_BYTES);
    if (n == 0) {
      break;
    }
    if (n < 0 && errno != EINTR) {
      st = br_error_errno(err, errno, "The spooled file can't be read");
    } else if (n > 0) {
      st = br_file_write_all(into, bytes, (size_t)n, name, err);
    }
  }
  br_free(bytes);
  return st;
}

/* The spool folder is on another file system: copies beside the target, so that the rename is one
 * again. */
static br_status copy_aside(const char *spooled, const char *aside, br_error *err) {
  int from = br_sys.open(spooled, O_RDONLY | O_CLOEXEC, 0);
  if (from < 0) {
    return br_error_errno(err, errno, "%s can't be opened", spooled);
  }
  int into = br_sys.open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  br_status st = into < 0 ? br_error_errno(err, errno, "%s can't be created", aside)
                          : copy_bytes(from, into, aside, err);
  if (into >= 0 && br_sys.close(into) != 0 && st == BR_OK) {
    st = br_error_errno(err, errno, "%s can't be closed", aside);
  }
  (void)br_sys.close(from);
  return st;
}

static br_status move_across(const char *spooled, const char *path, br_error *err) {
  const char *name = strrchr(path, '/') + 1;
  char *aside = br_asprintf("%.*s.bridge-%s.tmp", (int)(name - path), path, name);
  if (aside == NULL) {
    return br_error_nomem(err);
  }
  br_status st = copy_aside(spooled, aside, err);
  if (st == BR_OK) {
    st = sync_file(aside, err);
  }
  if (st == BR_OK && br_sys.rename(aside, path) != 0) {
    st = br_error_errno(err, errno, "%s can't be put in place", path);
  }
  if (st != BR_OK) {
    (void)br_sys.unlink(aside);
  } else {
    (void)br_sys.unlink(spooled);
  }
  br_free(aside);
  return st;
}

static br_status folder_put(extract_place *place, const char *path, const char *spooled,
                            uint64_t bytes, br_error *err) {
  (void)place;
  (void)bytes;
  br_status st = sync_file(spooled, err);
  if (st != BR_OK) {
    return st;
  }
  if (br_sys.rename(spooled, path) == 0) {
    return BR_OK;
  }
  if (errno == EXDEV) {
    return move_across(spooled, path, err);
  }
  return br_error_errno(err, errno, "%s can't be put in place", path);
}

static br_status folder_remove(extract_place *place, const char *path, br_error *err) {
  (void)place;
  if (br_sys.unlink(path) != 0 && errno != ENOENT) {
    return br_error_errno(err, errno, "%s can't be deleted", path);
  }
  return BR_OK;
}

static br_status folder_exists(extract_place *place, const char *path, bool *ret_exists,
                               br_error *err) {
  (void)place;
  return br_file_exists(path, ret_exists, err);
}

const extract_place_ops extract_place_folder_ops = {
    .make = folder_make,
    .is_missing = folder_is_missing,
    .remove_empty = folder_remove_empty,
    .lock = folder_lock,
    .unlock = folder_unlock,
    .still_locked = folder_still_locked,
    .read = folder_read,
    .write = folder_write,
    .put = folder_put,
    .remove = folder_remove,
    .exists = folder_exists,
    .replaces_at_once = true,
};
