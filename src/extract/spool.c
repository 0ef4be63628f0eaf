#include "extract/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "extract/lock.h"
#include "extract/place.h"

#define LOCK_SUFFIX  ".lock"
#define ID_NAME      ".id"
#define ID_FILE_MAX  4096
#define SPACE_WANTED BR_MIB(512) /* a file and the beginning of the next */
enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 20 };

/* A link in the folder's place goes itself; what it leads to is somebody else's. */
static void remove_link(const char *path) {
  struct stat info;
  if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode)) {
    (void)br_sys.unlink(path);
  }
}

void extract_spool_remove(const char *path) {
  int fd = br_sys.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (folder == NULL) {
    if (fd >= 0) {
      (void)br_sys.close(fd);
    }
    remove_link(path);
    return;
  }
  for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    (void)br_sys.unlinkat(fd, entry->d_name, 0); /* "." and ".." are refused, as all folders are */
  }
  (void)closedir(folder);
  (void)br_sys.rmdir(path);
}

static br_status check_space(const char *path, br_error *err) {
  uint64_t space = 0;
  br_status st = br_dir_free_space(path, &space, err);
  if (st == BR_OK && space < SPACE_WANTED) {
    st = br_error_set(
        err, BR_ERR_DISK_FULL,
        "%s has only %" PRIu64
        " MiB free for spooling; free some space or name another folder with --spool-dir",
        path, space >> 20);
  }
  return st;
}

br_status extract_spool_make(const char *path, br_error *err) {
  extract_spool_remove(path);
  br_status st = br_dir_make(path, 0700, err);
  if (st == BR_OK) {
    st = check_space(path, err);
  }
  if (st != BR_OK) {
    extract_spool_remove(path);
  }
  return st;
}

/* The folders of a run: their names are its own and a dash, then the query's. */
static void remove_folders(const char *folder, char *const *names, size_t count, const char *run) {
  size_t length = strlen(run);
  for (size_t i = 0; i < count; i++) {
    if (br_text_starts_with(names[i], run) && names[i][length] == '-') {
      char *path = br_path_join(folder, names[i]);
      if (path != NULL) {
        extract_spool_remove(path);
      }
      br_free(path);
    }
  }
}

/* "20130101T050000Z-1a2b3c4d.lock": in a folder that others use too, other locks are not ours. */
static bool is_run_lock(const char *name) {
  static const char form[] = "ddddddddTddddddZ-xxxxxxxx" LOCK_SUFFIX;
  if (strlen(name) != strlen(form)) {
    return false;
  }
  for (size_t i = 0; form[i] != '\0'; i++) {
    static const char digits[] = "0123456789abcdef";
    const char *found = name[i] == '\0' ? NULL : strchr(digits, name[i]);
    bool suffix = i >= strlen(form) - strlen(LOCK_SUFFIX);
    bool fits = suffix || (form[i] != 'd' && form[i] != 'x')
                    ? name[i] == form[i]
                    : found != NULL && (form[i] == 'x' || found - digits < 10);
    if (!fits) {
      return false;
    }
  }
  return true;
}

/* A run whose lock is free has died. What can't be deleted now is left to the next run. */
static void remove_if_dead(const char *folder, char *const *names, size_t count,
                           const char *lock_name) {
  char *path = br_path_join(folder, lock_name);
  char *run = br_strndup(lock_name, strlen(lock_name) - strlen(LOCK_SUFFIX));
  int fd = -1;
  if (path != NULL && run != NULL && extract_lock_take_over(path, &fd, NULL) == BR_OK) {
    remove_folders(folder, names, count, run);
    extract_lock_release(path, fd);
  }
  br_free(path);
  br_free(run);
}

static void remove_dead_runs(const char *folder) {
  char **names = NULL;
  size_t count = 0;
  if (br_dir_list(folder, &names, &count, NULL) != BR_OK) {
    return;
  }
  for (size_t i = 0; i < count; i++) {
    if (is_run_lock(names[i])) {
      remove_if_dead(folder, names, count, names[i]);
    }
  }
  br_names_free(names, count);
}

br_status extract_spool_folder(const char *data_folder, const char *asked, const char *destination,
                               char **ret_folder, br_error *err) {
  if (asked == NULL && !extract_place_is_volume(destination)) {
    *ret_folder = NULL;
    return BR_OK;
  }
  char *folder = asked != NULL ? br_strdup(asked) : br_path_join(data_folder, "spool");
  br_status st = folder == NULL ? br_error_nomem(err) : br_dir_make(folder, 0700, err);
  if (st != BR_OK) {
    br_free(folder);
    return br_error_context(err, st, "The spool folder can't be made");
  }
  *ret_folder = folder;
  return BR_OK;
}

/* A copy of a folder is another folder: the file's number in its file system is part of the id. */
static br_status read_id(extract_spool *spool, const char *path, br_error *err) {
  br_buf text;
  struct stat info;
  br_status st = br_file_read(path, ID_FILE_MAX, &text, err);
  if (st == BR_OK && br_sys.stat(path, &info) != 0) {
    st = br_error_set(err, BR_ERR_NOT_FOUND, "%s has gone", path);
  }
  if (st == BR_OK && text.len != BR_UUID_MAX - 1) {
    st = br_error_set(err, BR_ERR_NOT_FOUND, "%s holds no id", path);
  }
  if (st == BR_OK) {
    (void)snprintf(spool->id, sizeof spool->id, "%.*s-%" PRIu64, (int)text.len,
                   (const char *)text.data, (uint64_t)info.st_ino);
  }
  br_buf_done(&text);
  return st;
}

/* Written in a folder of the run, which the next run deletes where this one dies meanwhile. Of two
 * runs that make the id at once one may keep the id of a file that is replaced: its locks are
 * nobody's to take over then. */
static br_status make_id(const extract_spool *spool, const char *path, br_error *err) {
  char text[BR_UUID_MAX];
  char *aside = extract_spool_path(spool, ID_NAME);
  char *written = aside == NULL ? NULL : br_path_join(aside, ID_NAME);
  br_status st = written == NULL ? br_error_nomem(err) : br_uuid(text, err);
  st = st == BR_OK ? br_dir_make(aside, 0700, err) : st;
  st = st == BR_OK ? br_file_write_atomic(written, text, strlen(text), 0600, err) : st;
  if (st == BR_OK && br_sys.rename(written, path) != 0) {
    st = br_error_errno(err, errno, "%s can't be put in place", path);
  }
  if (written != NULL) {
    extract_spool_remove(aside);
  }
  br_free(written);
  br_free(aside);
  return st;
}

static br_status find_id(extract_spool *spool, br_error *err) {
  char *path = br_path_join(spool->folder, ID_NAME);
  br_status st = path == NULL ? br_error_nomem(err) : read_id(spool, path, err);
  if (st == BR_ERR_NOT_FOUND) {
    st = make_id(spool, path, err);
    st = st == BR_OK ? read_id(spool, path, err) : st;
    if (st == BR_OK) {
      br_error_clear(err);
    }
  }
  br_free(path);
  return st;
}

/* Nobody else has the name; but a run that looks for dead ones may hold the lock for a moment,
 * where it came between the file's making and its locking. */
static br_status take_own_lock(extract_spool *spool, br_error *err) {
  br_status st = BR_ERR_CONFLICT;
  for (int i = 0; i < LOCK_TRIES && st == BR_ERR_CONFLICT; i++) {
    br_error_clear(err);
    st = extract_lock_take(spool->lock_path, &spool->lock_fd, err);
    if (st == BR_ERR_CONFLICT && br_cancel_sleep_ms(NULL, LOCK_PAUSE_MS, NULL) != BR_OK) {
      return st;
    }
  }
  return st;
}

br_status extract_spool_open(extract_spool *spool, const char *folder, const char *run,
                             br_error *err) {
  remove_dead_runs(folder);
  extract_spool s = {.run = run, .lock_fd = -1, .folder = br_strdup(folder)};
  s.lock_path = br_asprintf("%s/%s" LOCK_SUFFIX, folder, run);
  br_status st =
      s.folder == NULL || s.lock_path == NULL ? br_error_nomem(err) : take_own_lock(&s, err);
  st = st == BR_OK ? find_id(&s, err) : st;
  if (st == BR_OK) {
    *spool = s;
    return BR_OK;
  }
  extract_spool_close(&s);
  return br_error_context(err, st, "The spool folder can't be used");
}

void extract_spool_close(extract_spool *spool) {
  if (spool->lock_fd >= 0) {
    extract_lock_release(spool->lock_path, spool->lock_fd);
  }
  br_free(spool->folder);
  br_free(spool->lock_path);
  *spool = (extract_spool)EXTRACT_SPOOL_INIT;
}

bool extract_spool_run_is_gone(const extract_spool *spool, const char *id, const char *run) {
  char name[64];
  if (spool->id[0] == '\0' || strcmp(id, spool->id) != 0 ||
      strlen(run) + sizeof LOCK_SUFFIX > sizeof name) {
    return false;
  }
  (void)snprintf(name, sizeof name, "%s" LOCK_SUFFIX, run);
  char *path = is_run_lock(name) ? br_path_join(spool->folder, name) : NULL;
  if (path == NULL) {
    return false;
  }
  int fd = -1;
  br_status st = extract_lock_take_over(path, &fd, NULL);
  if (st == BR_OK) {
    (void)br_sys.close(fd); /* the file stays: by it the run's files are found and deleted */
  }
  br_free(path);
  return st == BR_OK || st == BR_ERR_NOT_FOUND;
}

char *extract_spool_path(const extract_spool *spool, const char *query) {
  return br_asprintf("%s/%s-%s", spool->folder, spool->run, query);
}
