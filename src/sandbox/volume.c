#include "sandbox/volume.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"

enum { PREFIX_SEGMENTS = 4 /* Volumes, catalog, schema, volume */, PATH_BYTES_MAX = 4096 };

static bool segment_is_good(const char *segment, size_t length) {
  if (length == 0 || length > NAME_MAX || (length == 1 && segment[0] == '.') ||
      (length == 2 && segment[0] == '.' && segment[1] == '.')) {
    return false;
  }
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)segment[i] < 0x20 || segment[i] == 0x7F) {
      return false;
    }
  }
  return br_utf8_valid(segment, length, NULL);
}

static br_status refuse(const char *path, br_error *err) {
  return br_error_set(err, BR_ERR_USAGE,
                      "Invalid path: %s. A path has the form /Volumes/catalog/schema/volume/…",
                      path);
}

/* The length of the first `count` segments of path, all checked; *ret_total: segments in all. */
static br_status check_segments(const char *path, size_t *ret_root, size_t *ret_length,
                                br_error *err) {
  size_t segments = 0, pos = 0, root = 0;
  while (path[pos] != '\0') {
    size_t length = strcspn(path + pos, "/");
    if (!segment_is_good(path + pos, length)) {
      return refuse(path, err);
    }
    pos += length;
    segments++;
    root = segments == PREFIX_SEGMENTS ? pos : root;
    if (path[pos] == '/' && path[pos + 1] == '\0') {
      break;
    }
    pos += path[pos] == '/';
  }
  if (segments < PREFIX_SEGMENTS || !br_text_starts_with(path, "Volumes/") ||
      pos > PATH_BYTES_MAX) {
    return refuse(path, err);
  }
  *ret_root = root;
  *ret_length = pos;
  return BR_OK;
}

br_status volume_path_parse(const char *volumes_folder, const char *path, volume_path *ret_path,
                            br_error *err) {
  const char *p = path[0] == '/' ? path + 1 : path;
  size_t root = 0, length = 0;
  br_status st = check_segments(p, &root, &length, err);
  if (st != BR_OK) {
    return st;
  }
  const size_t prefix = strlen("Volumes/");
  volume_path v = {
      .disk = br_asprintf("%s/%.*s", volumes_folder, (int)(length - prefix), p + prefix),
      .root = br_asprintf("%s/%.*s", volumes_folder, (int)(root - prefix), p + prefix),
      .name = br_strndup(p + prefix, root - prefix),
      .shown = br_asprintf("/%.*s", (int)length, p),
      .is_root = root == length,
  };
  if (v.disk == NULL || v.root == NULL || v.name == NULL || v.shown == NULL) {
    volume_path_done(&v);
    return br_error_nomem(err);
  }
  for (char *c = v.name; *c != '\0'; c++) {
    if (*c == '/') {
      *c = '.';
    }
  }
  *ret_path = v;
  return BR_OK;
}

void volume_path_done(volume_path *path) {
  br_free(path->disk);
  br_free(path->root);
  br_free(path->name);
  br_free(path->shown);
  *path = (volume_path){0};
}

br_status volume_exists(const volume_path *path, bool *ret_exists, br_error *err) {
  struct stat info;
  if (br_sys.stat(path->root, &info) == 0) {
    *ret_exists = S_ISDIR(info.st_mode);
    return BR_OK;
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    *ret_exists = false;
    return BR_OK;
  }
  return br_error_errno(err, errno, "%s", path->root);
}
