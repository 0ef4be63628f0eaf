/*
 * volume.h: paths of volumes: what /Volumes/<catalog>/<schema>/<volume>/… is on disk.
 */
#ifndef SANDBOX_VOLUME_H
#define SANDBOX_VOLUME_H

#include "base/status.h"

typedef struct volume_path {
  char *disk;  /* owned */
  char *root;  /* of the volume on disk; owned */
  char *name;  /* "catalog.schema.volume"; owned */
  char *shown; /* "/Volumes/c/s/v/a/b", without a slash at the end; owned */
  bool is_root;
} volume_path;

/* path: "Volumes/c/s/v/a/b" with or without slashes at its ends. BR_ERR_USAGE for anything else:
 * other beginnings, empty segments, "." and "..", control characters, names over 255 bytes. */
br_status volume_path_parse(const char *volumes_folder, const char *path, volume_path *ret_path,
                            br_error *err) BR_CHECKED;
void volume_path_done(volume_path *path);
/* *ret_exists: the volume itself is there. */
br_status volume_exists(const volume_path *path, bool *ret_exists, br_error *err) BR_CHECKED;

#endif
