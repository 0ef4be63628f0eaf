/*
 * paths.h: folders that requests may name: inside BRIDGE_ALLOWED_PATHS, whatever links lie on the
 * way.
 */
#ifndef API_PATHS_H
#define API_PATHS_H

#include "base/file.h"
#include "base/status.h"

/* The real path (no links, no dots) of a folder that lies in one of the allowed ones (separated by
 * ':'); the caller frees. may_be_new: its end need not exist yet. BR_ERR_AUTH: outside, or not to
 * be told from outside; BR_ERR_NOT_FOUND: inside, and not there; BR_ERR_USAGE: no path. */
br_status api_path_resolve(const char *allowed, const char *path, bool may_be_new, char **ret_real,
                           br_error *err) BR_CHECKED;

/* A path that was resolved earlier still leads where it led: BR_ERR_AUTH where a link has come
 * between, else as api_path_resolve(). */
br_status api_path_check_again(const char *allowed, const char *real, bool may_be_new,
                               br_error *err) BR_CHECKED;

/* Lets files be used that lie in one of the allowed folders, whatever links lead there; allowed is
 * borrowed. */
br_file_guard api_path_guard(const char *allowed);

/* A volume's path without "." and ".." parts. */
br_status api_path_check_volume(const char *path, br_error *err) BR_CHECKED;

#endif
