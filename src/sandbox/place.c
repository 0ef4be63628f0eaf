#include "sandbox/place.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "http/listen.h"
#include "sandbox/sandbox.h"

enum { STALE_UPLOAD_SECONDS = 86400 };

/* Several sandboxes may run in one process. */
static atomic_uint next_number;

static void remove_tree(const char *path, int depth) {
  char **names = NULL;
  size_t count = 0;
  if (depth > 0 && br_dir_list(path, &names, &count, NULL) == BR_OK) {
    for (size_t i = 0; i < count; i++) {
      char *entry = br_path_join(path, names[i]);
      if (entry != NULL) {
        remove_tree(entry, depth - 1);
      }
      br_free(entry);
    }
    br_names_free(names, count);
  }
  if (br_sys.unlink(path) != 0) {
    (void)br_sys.rmdir(path);
  }
}

/* What is left of uploads that nobody will finish. Errors don't matter: the next start tries again.
 */
static void clear_uploads(const char *folder) {
  char **names = NULL;
  size_t count = 0;
  if (br_dir_list(folder, &names, &count, NULL) != BR_OK) {
    return;
  }
  const time_t now = (time_t)(br_clock_wall_us() / 1000000);
  for (size_t i = 0; i < count; i++) {
    char *path = br_path_join(folder, names[i]);
    struct stat info;
    if (path != NULL && br_sys.stat(path, &info) == 0 &&
        now - info.st_mtime > STALE_UPLOAD_SECONDS) {
      remove_tree(path, 1);
    }
    br_free(path);
  }
  br_names_free(names, count);
}

/* Sockets at which nobody listens. One that is being made does not have its name yet. */
static void clear_sockets(const char *folder) {
  char **names = NULL;
  size_t count = 0;
  if (br_dir_list(folder, &names, &count, NULL) != BR_OK) {
    return;
  }
  for (size_t i = 0; i < count; i++) {
    char *path = br_text_ends_with(names[i], ".sock") ? br_path_join(folder, names[i]) : NULL;
    if (path != NULL && !http_unix_answers(path)) {
      (void)br_sys.unlink(path);
    }
    br_free(path);
  }
  br_names_free(names, count);
}

static char *socket_name(const char *folder, const char *side, unsigned number) {
  return br_asprintf("%s/%s-%ld-%u.sock", folder, side, (long)getpid(), number);
}

/* A socket's address holds 107 bytes: where the data folder's path is longer, the sockets get a
 * private folder of their own. */
static br_status short_folder(char **ret_folder, br_error *err) {
  const char *base = getenv("XDG_RUNTIME_DIR");
  if (base == NULL || base[0] != '/' || strlen(base) > 40) {
    base = "/tmp";
  }
  char *folder = br_asprintf("%s/sql-databricks-bridge-XXXXXX", base);
  if (folder == NULL) {
    return br_error_nomem(err);
  }
  if (mkdtemp(folder) == NULL) {
    br_status st = br_error_errno(err, errno, "%s", folder);
    br_free(folder);
    return st;
  }
  *ret_folder = folder;
  return BR_OK;
}

static br_status name_sockets(sandbox_place *place, br_error *err) {
  const unsigned number = atomic_fetch_add(&next_number, 1);
  place->sqlserver_socket = socket_name(place->folder, "sqlserver", number);
  place->databricks_socket = socket_name(place->folder, "databricks", number);
  if (place->sqlserver_socket == NULL || place->databricks_socket == NULL) {
    return br_error_nomem(err);
  }
  if (http_unix_path_fits(place->databricks_socket)) {
    return BR_OK;
  }
  br_status st = short_folder(&place->socket_folder, err);
  if (st != BR_OK) {
    return st;
  }
  br_free(place->sqlserver_socket);
  br_free(place->databricks_socket);
  place->sqlserver_socket = socket_name(place->socket_folder, "sqlserver", number);
  place->databricks_socket = socket_name(place->socket_folder, "databricks", number);
  return place->sqlserver_socket == NULL || place->databricks_socket == NULL ? br_error_nomem(err)
                                                                             : BR_OK;
}

static br_status make_folders(const sandbox_place *place, br_error *err) {
  char *landing =
      br_asprintf("%s/%s/%s/%s", place->volumes, SANDBOX_CATALOG, SANDBOX_SCHEMA, SANDBOX_VOLUME);
  br_status st = landing == NULL ? br_error_nomem(err) : br_dir_make(place->folder, 0700, err);
  if (st == BR_OK) {
    st = br_dir_make(landing, 0700, err);
  }
  if (st == BR_OK) {
    st = br_dir_make(place->uploads, 0700, err);
  }
  br_free(landing);
  return st;
}

br_status sandbox_place_make(const char *data_folder, sandbox_place *ret_place, br_error *err) {
  sandbox_place place = {.folder = br_path_join(data_folder, "sandbox")};
  if (place.folder == NULL) {
    return br_error_nomem(err);
  }
  place.volumes = br_path_join(place.folder, "volumes");
  place.uploads = br_path_join(place.folder, "uploads");
  place.sqlserver_db = br_path_join(place.folder, "sqlserver.db");
  place.databricks_db = br_path_join(place.folder, "databricks.db");
  br_status st = place.volumes == NULL || place.uploads == NULL || place.sqlserver_db == NULL ||
                         place.databricks_db == NULL
                     ? br_error_nomem(err)
                     : make_folders(&place, err);
  if (st == BR_OK) {
    clear_uploads(place.uploads);
    clear_sockets(place.folder);
    st = name_sockets(&place, err);
  }
  if (st != BR_OK) {
    sandbox_place_done(&place);
    return st;
  }
  *ret_place = place;
  return BR_OK;
}

void sandbox_place_done(sandbox_place *place) {
  if (place->sqlserver_socket != NULL) {
    (void)br_sys.unlink(place->sqlserver_socket);
  }
  if (place->databricks_socket != NULL) {
    (void)br_sys.unlink(place->databricks_socket);
  }
  if (place->socket_folder != NULL) {
    (void)br_sys.rmdir(place->socket_folder);
  }
  br_free(place->folder);
  br_free(place->volumes);
  br_free(place->uploads);
  br_free(place->sqlserver_db);
  br_free(place->databricks_db);
  br_free(place->sqlserver_socket);
  br_free(place->databricks_socket);
  br_free(place->socket_folder);
  *place = (sandbox_place){0};
}
