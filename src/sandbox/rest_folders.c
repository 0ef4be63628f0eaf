/*
 * Folders of volumes: make, look, list by pages, remove.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/rest_upload.h"

enum { PAGE_MAX = 1000 };

static br_status folder_not_found(http_reply *reply, const volume_path *path, br_error *err) {
  return rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_DIRECTORY_NOT_FOUND", err,
                          "The directory %s does not exist.", path->shown);
}

static br_status find_folder(http_request *request, http_reply *reply, volume_path *ret_path,
                             bool *ret_ok, br_error *err) {
  br_status st =
      rest_parse_path(request, http_request_capture(request, 0), reply, ret_path, ret_ok, err);
  if (st != BR_OK || !*ret_ok) {
    return st;
  }
  struct stat info;
  if (br_sys.stat(ret_path->disk, &info) == 0 && S_ISDIR(info.st_mode)) {
    return BR_OK;
  }
  *ret_ok = false;
  st = folder_not_found(reply, ret_path, err);
  volume_path_done(ret_path);
  return st;
}

br_status rest_head_folder(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false;
  br_status st = find_folder(request, reply, &path, &ok, err);
  if (st == BR_OK && ok) {
    volume_path_done(&path);
  }
  return st;
}

br_status rest_put_folder(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false;
  br_status st = rest_parse_path(request, http_request_capture(request, 0), reply, &path, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  br_error why = BR_ERROR_INIT;
  struct stat info;
  st = br_dir_make(path.disk, 0700, &why);
  if (st == BR_OK && (br_sys.stat(path.disk, &info) != 0 || !S_ISDIR(info.st_mode))) {
    st = BR_ERR_EXISTS;
  }
  if (st == BR_OK) {
    st = rest_reply_empty(reply, 204);
  } else if (st == BR_ERR_EXISTS || why.native_code == ENOTDIR) {
    st = rest_reply_error(reply, 409, "ALREADY_EXISTS", "FILES_API_FILE_ALREADY_EXISTS", err,
                          "There is a file on the way to %s.", path.shown);
  } else {
    st = br_error_set(err, st, "%s", why.message);
  }
  volume_path_done(&path);
  return st;
}

br_status rest_delete_folder(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false;
  br_status st = find_folder(request, reply, &path, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  if (path.is_root) {
    st = rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                          "%s is a volume and can't be deleted as a directory.", path.shown);
  } else if (br_sys.rmdir(path.disk) == 0) {
    st = rest_reply_empty(reply, 204);
  } else if (errno == ENOTEMPTY || errno == EEXIST) {
    st = rest_reply_error(reply, 400, "BAD_REQUEST", "FILES_API_DIRECTORY_IS_NOT_EMPTY", err,
                          "The directory %s is not empty.", path.shown);
  } else {
    st = br_error_errno(err, errno, "%s", path.shown);
  }
  volume_path_done(&path);
  return st;
}

/* One entry; *ret_entry NULL: it has gone in the meantime. */
static br_status make_entry(const volume_path *folder, const char *name, json_t **ret_entry,
                            br_error *err) {
  *ret_entry = NULL;
  char *disk = br_path_join(folder->disk, name);
  char *shown = br_path_join(folder->shown, name);
  struct stat info;
  br_status st = disk == NULL || shown == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK && br_sys.stat(disk, &info) == 0) {
    bool is_folder = S_ISDIR(info.st_mode);
    json_t *entry = json_pack("{s:s, s:b, s:s, s:I}", "path", shown, "is_directory", is_folder,
                              "name", name, "last_modified",
                              (json_int_t)info.st_mtim.tv_sec * 1000 +
                                  (json_int_t)info.st_mtim.tv_nsec / 1000000);
    if (entry == NULL ||
        (!is_folder && json_object_set_new(entry, "file_size", json_integer(info.st_size)) != 0)) {
      json_decref(entry);
      st = br_error_nomem(err);
    } else {
      *ret_entry = entry;
    }
  }
  br_free(disk);
  br_free(shown);
  return st;
}

/* Names behind `after` in order, `limit` of them; the token is the last name given. */
static br_status make_page(const volume_path *folder, char *const *names, size_t count,
                           const char *after, size_t limit, json_t *page, br_error *err) {
  json_t *contents = json_array();
  if (contents == NULL || json_object_set_new(page, "contents", contents) != 0) {
    return br_error_nomem(err);
  }
  const char *last = NULL;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i], after) <= 0) {
      continue;
    }
    if (json_array_size(contents) == limit) {
      return json_object_set_new(page, "next_page_token", json_string(last)) == 0
                 ? BR_OK
                 : br_error_nomem(err);
    }
    json_t *entry = NULL;
    br_status st = make_entry(folder, names[i], &entry, err);
    if (st != BR_OK) {
      return st;
    }
    if (entry != NULL) {
      last = names[i];
      if (json_array_append_new(contents, entry) != 0) {
        return br_error_nomem(err);
      }
    }
  }
  /* An empty folder has no list at all. */
  if (json_array_size(contents) == 0) {
    (void)json_object_del(page, "contents");
  }
  return BR_OK;
}

br_status rest_get_folder(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false;
  uint64_t limit = PAGE_MAX;
  const char *size = http_request_query(request, "page_size");
  const char *after = http_request_query(request, "page_token");
  if (size != NULL && size[0] != '\0' && br_text_u64(size, UINT64_MAX - 1, &limit, NULL) != BR_OK) {
    return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                            "page_size is not a number.");
  }
  limit = limit == 0 || limit > PAGE_MAX ? PAGE_MAX : limit;
  br_status st = find_folder(request, reply, &path, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  char **names = NULL;
  size_t count = 0;
  json_t *page = json_object();
  st = page == NULL ? br_error_nomem(err) : br_dir_list(path.disk, &names, &count, err);
  if (st == BR_OK) {
    st = make_page(&path, names, count, after != NULL ? after : "", (size_t)limit, page, err);
  }
  br_names_free(names, count);
  volume_path_done(&path);
  if (st != BR_OK) {
    json_decref(page);
    return st;
  }
  return rest_reply_json(reply, 200, page, err);
}
