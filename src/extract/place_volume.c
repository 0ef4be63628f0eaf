/*
 * place_volume.c: a Databricks Volume, through the Files API.
 *
 * The lock is a file that a PUT without overwrite creates: only one of two runs can. It names the
 * process and its spool folder; a lock is taken over where the run is gone for sure (process.h,
 * spool.h) or where it is older than LOCK_STALE_SECONDS. A taker looks again after a moment whether
 * the lock is still its own, because two may have taken over the same dead lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sys.h"
#include "extract/place.h"
#include "extract/process.h"

#define LOCK_NAME "_bridge_lock.json"
enum {
  LOCK_STALE_SECONDS = 12 * 3600, /* longer than a run is expected to take */
  LOCK_SETTLE_MS = 1000,
  LOCK_DROP_MS = 10 * 1000, /* for giving up a lock that may not even be there */
  LOCK_MAX_BYTES = 4096,
};

/* A body in memory, for small files. */
typedef struct bytes_view {
  const uint8_t *bytes;
  size_t length;
} bytes_view;

static br_status view_read_at(void *context, uint64_t offset, void *bytes, size_t length,
                              br_error *err) {
  const bytes_view *view = context;
  if (offset > view->length || length > view->length - offset) {
    return br_error_set(err, BR_ERR_INTERNAL, "Read behind the end of a body");
  }
  memcpy(bytes, view->bytes + offset, length);
  return BR_OK;
}

static br_status put_bytes(extract_place *place, const char *path, const void *bytes, size_t length,
                           bool overwrite, br_error *err) {
  bytes_view view = {.bytes = bytes, .length = length};
  dbx_body body = {.read_at = view_read_at, .context = &view, .size = length};
  return dbx_files_put(place->client, path, &body, overwrite, place->cancel, err);
}

static br_status volume_make(extract_place *place, const char *folder, br_error *err) {
  return dbx_directories_create(place->client, folder, place->cancel, err);
}

static bool volume_is_missing(extract_place *place, const char *folder) {
  return dbx_directories_head(place->client, folder, place->cancel, NULL) == BR_ERR_NOT_FOUND;
}

/* The workspace deletes no folder that holds something. */
static bool volume_remove_empty(extract_place *place, const char *folder) {
  return dbx_directories_delete(place->client, folder, place->cancel, NULL) == BR_OK;
}

/* Who holds a lock. */
typedef struct holder {
  char run[128];
  char spool[128];
  extract_process process;
  int64_t since_us;
} holder;

static void copy_text(char *into, size_t size, const json_t *value) {
  const char *text = json_string_value(value);
  size_t length = text == NULL ? 0 : strlen(text);
  length = length < size ? length : size - 1;
  if (length > 0) {
    memcpy(into, text, length);
  }
  into[length] = '\0';
}

/* A lock that can't be parsed has no holder that could be asked: it counts as one without a name,
 * from the time of 0. */
static br_status read_holder(extract_place *place, const char *path, br_cancel *cancel,
                             holder *ret_holder, br_error *err) {
  br_buf text;
  br_status st = dbx_files_get(place->client, path, LOCK_MAX_BYTES, &text, cancel, err);
  if (st == BR_OK) {
    json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
    extract_process *process = &ret_holder->process;
    *ret_holder = (holder){.since_us = json_integer_value(json_object_get(json, "since_us"))};
    process->pid = json_integer_value(json_object_get(json, "pid"));
    process->started = (uint64_t)json_integer_value(json_object_get(json, "started"));
    copy_text(ret_holder->run, sizeof ret_holder->run, json_object_get(json, "run"));
    copy_text(ret_holder->spool, sizeof ret_holder->spool, json_object_get(json, "spool"));
    copy_text(process->host, sizeof process->host, json_object_get(json, "host"));
    copy_text(process->boot, sizeof process->boot, json_object_get(json, "boot"));
    copy_text(process->pid_space, sizeof process->pid_space, json_object_get(json, "pid_space"));
    json_decref(json);
  }
  br_buf_done(&text);
  return st;
}

static bool is_dead(const extract_place *place, const holder *h) {
  return extract_process_is_gone(&h->process) ||
         (place->spool != NULL && extract_spool_run_is_gone(place->spool, h->spool, h->run)) ||
         br_clock_wall_us() - h->since_us > (int64_t)LOCK_STALE_SECONDS * 1000000;
}

static br_status put_lock(extract_place *place, const char *path, const char *run, br_error *err) {
  extract_process self;
  extract_process_self(&self);
  json_t *json =
      json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I}", "run", run, "spool",
                place->spool == NULL ? "" : place->spool->id, "host", self.host, "pid",
                (json_int_t)self.pid, "boot", self.boot, "pid_space", self.pid_space, "started",
                (json_int_t)self.started, "since_us", (json_int_t)br_clock_wall_us());
  char text[LOCK_MAX_BYTES];
  size_t length = json == NULL ? 0 : json_dumpb(json, text, sizeof text, JSON_COMPACT);
  json_decref(json);
  if (length == 0 || length > sizeof text) {
    return br_error_nomem(err);
  }
  return put_bytes(place, path, text, length, false, err);
}

/* Gives up a lock where it is still ours. What fails here stays: it is taken
 * over once this process is gone. */
static bool drop_own_lock(extract_place *place, const char *path, const char *run,
                          br_cancel *cancel) {
  holder found;
  return read_holder(place, path, cancel, &found, NULL) == BR_OK && strcmp(found.run, run) == 0 &&
         dbx_files_delete(place->client, path, cancel, NULL) == BR_OK;
}

/* Taking the lock failed, by a cancel or without an answer: it may be there all the same. */
static void drop_doubtful_lock(extract_place *place, const char *path, const char *run) {
  br_cancel *cancel = NULL;
  if (br_cancel_new_timed(LOCK_DROP_MS, &cancel, NULL) == BR_OK) {
    (void)drop_own_lock(place, path, run, cancel);
    br_cancel_free(cancel);
  }
}

/* BR_ERR_EXISTS where there is one. */
static br_status create_lock(extract_place *place, const char *path, const char *run,
                             br_error *err) {
  br_status st = put_lock(place, path, run, err);
  if (st != BR_OK && st != BR_ERR_EXISTS) {
    drop_doubtful_lock(place, path, run);
  }
  return st;
}

/* Waits a moment, and looks whether another run has taken over the same dead lock. */
static br_status settle(extract_place *place, const char *path, const char *run, const char *folder,
                        br_error *err) {
  holder found;
  br_status st = br_cancel_sleep_ms(place->cancel, LOCK_SETTLE_MS, err);
  if (st == BR_OK) {
    st = read_holder(place, path, place->cancel, &found, err);
  }
  if (st == BR_OK && strcmp(found.run, run) != 0) {
    return br_error_set(err, BR_ERR_CONFLICT, "Another run has just begun to write to %s", folder);
  }
  if (st != BR_OK) {
    drop_doubtful_lock(place, path, run);
  }
  return st;
}

/* There is a lock: our own, whose answer was lost; or a dead run's, which is removed and taken.
 * BR_ERR_CONFLICT where its holder lives or another was faster. */
static br_status take_over(extract_place *place, const char *path, const char *run,
                           const char *folder, br_error *err) {
  holder found;
  br_status st = read_holder(place, path, place->cancel, &found, err);
  if (st != BR_OK || strcmp(found.run, run) == 0) {
    return st;
  }
  if (!is_dead(place, &found)) {
    return br_error_set(err, BR_ERR_CONFLICT,
                        "Another run (%s on %s, process %" PRId64
                        ") is writing to %s; wait for it, or delete %s if it is gone",
                        found.run, found.process.host, found.process.pid, folder, path);
  }
  st = dbx_files_delete(place->client, path, place->cancel, err);
  if (st == BR_OK || st == BR_ERR_NOT_FOUND) {
    st = create_lock(place, path, run, err);
  }
  if (st == BR_ERR_EXISTS) {
    return br_error_set(err, BR_ERR_CONFLICT, "Another run has just begun to write to %s", folder);
  }
  return st == BR_OK ? settle(place, path, run, folder, err) : st;
}

static br_status volume_lock(extract_place *place, const char *folder, const char *run,
                             br_error *err) {
  char *path = br_path_join(folder, LOCK_NAME);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  br_status st = create_lock(place, path, run, err);
  if (st == BR_ERR_EXISTS) {
    st = take_over(place, path, run, folder, err);
    if (st == BR_OK) {
      br_error_clear(err);
    }
  }
  if (st != BR_OK) {
    br_free(path);
    return st;
  }
  place->lock_path = path;
  return BR_OK;
}

static bool volume_unlock(extract_place *place) {
  /* Also after a cancel, so without its token. A lock that stays is taken over once this process is
   * gone; one that another run has taken over is that run's. */
  return drop_own_lock(place, place->lock_path, place->lock_run, NULL);
}

/* A run that takes longer than LOCK_STALE_SECONDS may have lost its lock to another host. */
static br_status volume_still_locked(extract_place *place, br_error *err) {
  holder found = {0};
  br_status st = read_holder(place, place->lock_path, place->cancel, &found, err);
  if (st == BR_ERR_NOT_FOUND || (st == BR_OK && strcmp(found.run, place->lock_run) != 0)) {
    return br_error_set(err, BR_ERR_CONFLICT,
                        "Another run took over the lock %s; this one leaves the result to it",
                        place->lock_path);
  }
  return st;
}

static br_status volume_read(extract_place *place, const char *path, size_t max, br_buf *out,
                             br_error *err) {
  return dbx_files_get(place->client, path, max, out, place->cancel, err);
}

static br_status volume_write(extract_place *place, const char *path, const void *bytes,
                              size_t length, br_error *err) {
  return put_bytes(place, path, bytes, length, true, err);
}

/* A spooled file as a body. */
typedef struct spooled_file {
  int fd;
  const char *path;
} spooled_file;

static br_status spooled_read_at(void *context, uint64_t offset, void *bytes, size_t length,
                                 br_error *err) {
  const spooled_file *file = context;
  uint8_t *into = bytes;
  while (length > 0) {
    ssize_t n = br_sys.pread(file->fd, into, length, (off_t)offset);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return br_error_errno(err, errno, "%s can't be read", file->path);
    }
    if (n == 0) {
      return br_error_set(err, BR_ERR_IO, "%s became shorter while it was uploaded", file->path);
    }
    into += n;
    offset += (uint64_t)n;
    length -= (size_t)n;
  }
  return BR_OK;
}

static br_status volume_put(extract_place *place, const char *path, const char *spooled,
                            uint64_t bytes, br_error *err) {
  spooled_file file = {.fd = br_sys.open(spooled, O_RDONLY | O_CLOEXEC, 0), .path = spooled};
  if (file.fd < 0) {
    return br_error_errno(err, errno, "%s can't be opened", spooled);
  }
  dbx_body body = {.read_at = spooled_read_at, .context = &file, .size = bytes};
  br_status st = dbx_files_put(place->client, path, &body, true, place->cancel, err);
  (void)br_sys.close(file.fd);
  if (st == BR_OK) {
    (void)br_sys.unlink(spooled);
  }
  return st;
}

static br_status volume_remove(extract_place *place, const char *path, br_error *err) {
  br_status st = dbx_files_delete(place->client, path, place->cancel, err);
  return st == BR_ERR_NOT_FOUND ? BR_OK : st;
}

static br_status volume_exists(extract_place *place, const char *path, bool *ret_exists,
                               br_error *err) {
  dbx_file_info info = {0};
  br_status st = dbx_files_head(place->client, path, &info, place->cancel, err);
  if (st == BR_OK) {
    dbx_file_info_done(&info);
  }
  if (st == BR_OK || st == BR_ERR_NOT_FOUND) {
    *ret_exists = st == BR_OK;
    return BR_OK;
  }
  return st;
}

const extract_place_ops extract_place_volume_ops = {
    .make = volume_make,
    .is_missing = volume_is_missing,
    .remove_empty = volume_remove_empty,
    .lock = volume_lock,
    .unlock = volume_unlock,
    .still_locked = volume_still_locked,
    .read = volume_read,
    .write = volume_write,
    .put = volume_put,
    .remove = volume_remove,
    .exists = volume_exists,
    .replaces_at_once = false,
};
