#include "extract/place.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"

bool extract_place_is_volume(const char *destination) {
  return br_text_starts_with(destination, "/Volumes/");
}

/* "catalog.schema" as a table destination: two names of letters, digits, - and _, no slash, and no
 * such folder meant. */
static bool looks_like_schema(const char *destination) {
  const char *dot = strchr(destination, '.');
  if (dot == NULL || dot == destination || dot[1] == '\0' || strchr(destination, '/') != NULL) {
    return false;
  }
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-{}`";
  size_t first = strspn(destination, allowed);
  size_t second = strspn(dot + 1, allowed);
  return destination + first == dot && (dot[1 + second] == '\0' || dot[1 + second] == '.');
}

/* An address of something else: dbfs:/…, s3://…, abfss://…. */
static bool looks_like_url(const char *destination) {
  return br_text_starts_with(destination, "dbfs:") || strstr(destination, "://") != NULL;
}

/* "/volumes/…" or "Volumes/…" where there is no such folder on this machine: a slip of the pen that
 * would make one. */
static bool looks_like_volume(const char *destination) {
  bool rooted = destination[0] == '/';
  char top[] = "/Volumes";
  if (strncasecmp(destination + rooted, "volumes/", strlen("volumes/")) != 0) {
    return false;
  }
  memcpy(top + !rooted, destination, strlen(top) - !rooted);
  struct stat info;
  return br_sys.stat(top + !rooted, &info) != 0;
}

br_status extract_place_check(const char *destination, br_error *err) {
  if (looks_like_schema(destination)) {
    return br_error_set(
        err, BR_ERR_USAGE,
        "Delta tables are not supported as a destination; use a /Volumes path or a folder.");
  }
  if (destination[0] == '\0') {
    return br_error_set(err, BR_ERR_USAGE,
                        "The destination is empty; use a /Volumes path or a folder");
  }
  if (looks_like_url(destination)) {
    return br_error_set(err, BR_ERR_USAGE,
                        "The destination '%s' is no path; write /Volumes/catalog/schema/volume or "
                        "a folder",
                        destination);
  }
  if (strcmp(destination, "/Volumes") != 0 && !extract_place_is_volume(destination)) {
    return looks_like_volume(destination)
               ? br_error_set(err, BR_ERR_USAGE,
                              "The destination '%s' is no volume: a volume's path begins with "
                              "/Volumes/",
                              destination)
               : BR_OK;
  }
  int names = 0;
  for (const char *p = destination + strlen("/Volumes"); *p == '/';) {
    size_t length = strcspn(p + 1, "/");
    names += length > 0;
    p += 1 + length;
  }
  if (names < 3) {
    return br_error_set(err, BR_ERR_USAGE,
                        "The destination '%s' is no volume; write /Volumes/catalog/schema/volume",
                        destination);
  }
  return BR_OK;
}

br_status extract_place_open(const char *destination, dbx_client *client,
                             const extract_spool *spool, br_cancel *cancel,
                             extract_place **ret_place, br_error *err) {
  extract_place *place = br_calloc(1, sizeof *place);
  size_t length = strlen(destination);
  while (length > 1 && destination[length - 1] == '/') {
    length--;
  }
  char *root = br_strndup(destination, length);
  if (place == NULL || root == NULL) {
    br_free(place);
    br_free(root);
    return br_error_nomem(err);
  }
  *place = (extract_place){
      .ops = extract_place_is_volume(destination) ? &extract_place_volume_ops
                                                  : &extract_place_folder_ops,
      .root = root,
      .client = client,
      .spool = spool,
      .cancel = cancel,
      .lock_fd = -1,
  };
  *ret_place = place;
  return BR_OK;
}

/* The folder above; false: there is none. */
static bool cut_last(char *path) {
  char *slash = strrchr(path, '/');
  if (slash == NULL || slash == path) {
    return false;
  }
  *slash = '\0';
  return true;
}

/* How many of the folders above a missing one are missing too. */
static unsigned count_missing_above(extract_place *place, const char *path) {
  unsigned levels = 0;
  char *above = br_strdup(path);
  while (above != NULL && cut_last(above) && place->ops->is_missing(place, above)) {
    levels++;
  }
  br_free(above);
  return levels;
}

/* Queries of a run look one after another; the first one sees what was there before all of them. */
static void note_missing_above(extract_place *place, const char *path) {
  if (place->missing_above != NULL) {
    unsigned levels = count_missing_above(place, path);
    unsigned before = atomic_load(place->missing_above);
    while (levels > before &&
           !atomic_compare_exchange_weak(place->missing_above, &before, levels)) {
    }
  }
}

/* Upwards until one is not empty: another query's, another run's, or a result. */
static void remove_made(extract_place *place) {
  unsigned levels = place->missing_above == NULL ? 0 : atomic_load(place->missing_above);
  place->cancel = NULL; /* cleaning up is not what was asked to stop */
  while (place->ops->remove_empty(place, place->made) && levels > 0 && cut_last(place->made)) {
    levels--;
  }
}

void extract_place_close(extract_place *place) {
  if (place != NULL) {
    if (extract_place_unlock(place) && place->made != NULL) {
      remove_made(place);
    }
    br_free(place->made);
    br_free(place->root);
    br_free(place);
  }
}

void extract_place_set_guard(extract_place *place, const br_file_guard *guard) {
  place->guard = place->ops == &extract_place_folder_ops ? guard : NULL;
}

static char *full_path(const extract_place *place, const char *folder, const char *name) {
  return name == NULL ? br_asprintf("%s/%s", place->root, folder)
                      : br_asprintf("%s/%s/%s", place->root, folder, name);
}

br_status extract_place_check_path(const extract_place *place, const char *path, br_error *err) {
  const br_file_guard *guard = place->guard;
  return guard == NULL ? BR_OK : guard->check(guard->context, path, NULL, err);
}

/* The path of a folder, or of a file in it (name not NULL), where the guard lets it be used. */
static br_status find_path(const extract_place *place, const char *folder, const char *name,
                           char **ret_path, br_error *err) {
  char *path = full_path(place, folder, name);
  br_status st = path == NULL ? br_error_nomem(err) : extract_place_check_path(place, path, err);
  if (st != BR_OK) {
    br_free(path);
    return st;
  }
  *ret_path = path;
  return BR_OK;
}

void extract_place_share_missing(extract_place *place, atomic_uint *levels) {
  place->missing_above = levels;
}

br_status extract_place_make(extract_place *place, const char *folder, br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, NULL, &path, err);
  bool missing = st == BR_OK && place->ops->is_missing(place, path);
  if (missing) {
    note_missing_above(place, path);
  }
  st = st == BR_OK ? place->ops->make(place, path, err) : st;
  if (st == BR_OK && missing) {
    br_free(place->made);
    place->made = path;
    path = NULL;
  }
  br_free(path);
  return st;
}

void extract_place_keep(extract_place *place) {
  br_free(place->made);
  place->made = NULL;
}

br_status extract_place_lock(extract_place *place, const char *folder, const char *run,
                             br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, NULL, &path, err);
  place->lock_run = br_strdup(run);
  if (st == BR_OK) {
    st = place->lock_run == NULL ? br_error_nomem(err) : place->ops->lock(place, path, run, err);
  }
  br_free(path);
  if (st != BR_OK) {
    br_free(place->lock_run);
    place->lock_run = NULL;
  }
  return st;
}

br_status extract_place_still_locked(extract_place *place, br_error *err) {
  return place->ops->still_locked(place, err);
}

bool extract_place_unlock(extract_place *place) {
  if (place->lock_path == NULL) {
    return false;
  }
  bool gone = place->ops->unlock(place);
  br_free(place->lock_path);
  br_free(place->lock_run);
  place->lock_path = NULL;
  place->lock_run = NULL;
  return gone;
}

br_status extract_place_read(extract_place *place, const char *folder, const char *name, size_t max,
                             br_buf *out, br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, name, &path, err);
  st = st == BR_OK ? place->ops->read(place, path, max, out, err) : st;
  br_free(path);
  return st;
}

br_status extract_place_write(extract_place *place, const char *folder, const char *name,
                              const void *bytes, size_t length, br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, name, &path, err);
  place->unwritten = st != BR_OK;
  st = st == BR_OK ? place->ops->write(place, path, bytes, length, err) : st;
  br_free(path);
  return st;
}

br_status extract_place_put(extract_place *place, const char *folder, const char *name,
                            const char *spooled, uint64_t bytes, br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, name, &path, err);
  st = st == BR_OK ? place->ops->put(place, path, spooled, bytes, err) : st;
  br_free(path);
  return st;
}

br_status extract_place_remove(extract_place *place, const char *folder, const char *name,
                               br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, name, &path, err);
  st = st == BR_OK ? place->ops->remove(place, path, err) : st;
  br_free(path);
  return st;
}

br_status extract_place_exists(extract_place *place, const char *folder, const char *name,
                               bool *ret_exists, br_error *err) {
  char *path = NULL;
  br_status st = find_path(place, folder, name, &path, err);
  st = st == BR_OK ? place->ops->exists(place, path, ret_exists, err) : st;
  br_free(path);
  return st;
}

char *extract_place_describe(const extract_place *place, const char *folder) {
  return full_path(place, folder, NULL);
}

br_status extract_place_spool_hint(const extract_place *place, const char *folder, char **ret_path,
                                   br_error *err) {
  return find_path(place, folder, ".bridge-spool", ret_path, err);
}
