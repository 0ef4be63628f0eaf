/*
 * Files of volumes: GET (ranges), HEAD, PUT, DELETE.
 *
 * An upload goes into a file of its own in uploads_folder and is renamed when it is complete: a
 * reader sees the old file or the new one, and an upload that breaks off leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/rest_upload.h"
#include "sandbox/volume.h"

#define FILE_TYPE "application/octet-stream"
enum { DATE_MAX = 40 };

br_status rest_parse_path(http_request *request, const char *path, http_reply *reply,
                          volume_path *ret_path, bool *ret_ok, br_error *err) {
  *ret_ok = false;
  br_error why = BR_ERROR_INIT;
  br_status st =
      volume_path_parse(rest_of(request)->volumes_folder, path != NULL ? path : "", ret_path, &why);
  if (st == BR_ERR_USAGE) {
    return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err, "%s", why.message);
  }
  if (st != BR_OK) {
    return br_error_set(err, st, "%s", why.message);
  }
  bool exists = false;
  st = volume_exists(ret_path, &exists, err);
  if (st == BR_OK && exists) {
    *ret_ok = true;
    return BR_OK;
  }
  if (st == BR_OK) {
    st = rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_RESOURCE_NOT_FOUND", err,
                          "Volume '%s' does not exist.", ret_path->name);
  }
  volume_path_done(ret_path);
  return st;
}

static br_status file_not_found(http_reply *reply, const char *name, br_error *err) {
  return rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_FILE_NOT_FOUND", err,
                          "The file %s does not exist.", name);
}

static br_status add_date(http_reply *reply, time_t when, br_error *err) {
  char text[DATE_MAX];
  struct tm utc;
  if (gmtime_r(&when, &utc) == NULL ||
      strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0) {
    return br_error_set(err, BR_ERR_DATA, "A file's time can't be shown");
  }
  return http_reply_header(reply, "Last-Modified", text, err);
}

/* If-Unmodified-Since: *ret_fails where the file is younger. */
static void check_unmodified(const http_request *request, time_t when, bool *ret_fails) {
  const char *header = http_request_header(request, "If-Unmodified-Since");
  struct tm utc = {0};
  *ret_fails = header != NULL && strptime(header, "%a, %d %b %Y %H:%M:%S GMT", &utc) != NULL &&
               when > timegm(&utc);
}

/* "bytes=a-b", "bytes=a-" and "bytes=-n" (RFC 9110, 14.1.2). false: no range is asked for (other
 * forms are ignored, as the RFC allows). *ret_good: the range lies in the file. */
static bool parse_range(const char *header, uint64_t size, uint64_t *ret_first, uint64_t *ret_last,
                        bool *ret_good) {
  char first_text[24] = "", last_text[24] = "";
  if (header == NULL || sscanf(header, "bytes=%23[0-9]", first_text) < 0) {
    return false;
  }
  const char *rest = header + strlen("bytes=") + strlen(first_text);
  if (!br_text_starts_with(header, "bytes=") || *rest != '-' || strlen(rest + 1) > 20) {
    return false;
  }
  (void)snprintf(last_text, sizeof last_text, "%s", rest + 1);
  uint64_t first = 0, last = UINT64_MAX - 1;
  if ((first_text[0] == '\0' && last_text[0] == '\0') ||
      (first_text[0] != '\0' && br_text_u64(first_text, UINT64_MAX - 1, &first, NULL) != BR_OK) ||
      (last_text[0] != '\0' && br_text_u64(last_text, UINT64_MAX - 1, &last, NULL) != BR_OK)) {
    return false;
  }
  if (first_text[0] == '\0') {
    first = last < size ? size - last : 0;
    *ret_good = last > 0 && size > 0;
    last = size - 1;
  } else {
    if (last < first) {
      return false;
    }
    *ret_good = first < size;
    last = last >= size ? size - 1 : last;
  }
  *ret_first = first;
  *ret_last = last;
  return true;
}

static br_status send_range(const http_request *request, int fd, uint64_t size, http_reply *reply,
                            br_error *err) {
  uint64_t first = 0, last = 0;
  bool good = true;
  char text[96];
  if (!parse_range(http_request_header(request, "Range"), size, &first, &last, &good)) {
    return http_reply_file(reply, FILE_TYPE, fd, 0, size, err);
  }
  http_reply_status(reply, good ? 206 : 416);
  if (good) {
    (void)snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, size);
  } else {
    (void)snprintf(text, sizeof text, "bytes */%" PRIu64, size);
  }
  br_status st = http_reply_header(reply, "Content-Range", text, err);
  if (st != BR_OK || !good) {
    (void)br_sys.close(fd);
    return st;
  }
  return http_reply_file(reply, FILE_TYPE, fd, first, last - first + 1, err);
}

br_status rest_send_file(http_request *request, const char *path, const char *name,
                         http_reply *reply, br_error *err) {
  int fd = br_sys.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
  if (fd < 0) {
    return errno == ENOENT || errno == ENOTDIR ? file_not_found(reply, name, err)
                                               : br_error_errno(err, errno, "%s", name);
  }
  struct stat info;
  if (br_sys.fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    (void)br_sys.close(fd);
    return file_not_found(reply, name, err);
  }
  bool modified = false;
  check_unmodified(request, info.st_mtime, &modified);
  br_status st = modified ? rest_reply_error(reply, 412, "ABORTED", NULL, err,
                                             "The file %s was changed in the meantime.", name)
                          : add_date(reply, info.st_mtime, err);
  if (st == BR_OK && !modified) {
    st = http_reply_header(reply, "Accept-Ranges", "bytes", err);
  }
  if (st != BR_OK || modified) {
    (void)br_sys.close(fd);
    return st;
  }
  return send_range(request, fd, (uint64_t)info.st_size, reply, err);
}

br_status rest_get_file(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false;
  br_status st = rest_parse_path(request, http_request_capture(request, 0), reply, &path, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  st = rest_send_file(request, path.disk, path.shown, reply, err);
  volume_path_done(&path);
  return st;
}

br_status rest_delete_file(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false;
  br_status st = rest_parse_path(request, http_request_capture(request, 0), reply, &path, &ok, err);
  if (st != BR_OK || !ok) {
    return st;
  }
  if (br_sys.unlink(path.disk) == 0) {
    st = rest_reply_empty(reply, 204);
  } else if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) {
    st = file_not_found(reply, path.shown, err);
  } else {
    st = br_error_errno(err, errno, "%s", path.shown);
  }
  volume_path_done(&path);
  return st;
}

/* An upload: the bytes on their way to a temporary file. */

br_status rest_upload_new(const char *temporary, rest_upload **ret_upload, br_error *err) {
  rest_upload *upload = br_calloc(1, sizeof *upload);
  char *name = br_strdup(temporary);
  if (upload == NULL || name == NULL) {
    br_free(upload);
    br_free(name);
    return br_error_nomem(err);
  }
  upload->temporary = name;
  upload->fd = br_sys.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (upload->fd < 0) {
    br_status st = br_error_errno(err, errno, "%s", temporary);
    br_free(name);
    br_free(upload);
    return st;
  }
  *ret_upload = upload;
  return BR_OK;
}

void rest_upload_free(rest_upload *upload) {
  if (upload == NULL) {
    return;
  }
  if (upload->fd >= 0) {
    (void)br_sys.close(upload->fd);
  }
  if (!upload->kept) {
    (void)br_sys.unlink(upload->temporary);
  }
  volume_path_done(&upload->target);
  br_free(upload->temporary);
  br_free(upload);
}

br_status rest_upload_write(rest_upload *upload, const void *bytes, size_t length, br_error *err) {
  upload->received += length;
  return br_file_write_all(upload->fd, bytes, length, upload->temporary, err);
}

br_status rest_upload_close(rest_upload *upload, br_error *err) {
  int fd = upload->fd;
  upload->fd = -1;
  return br_sys.close(fd) == 0 ? BR_OK : br_error_errno(err, errno, "%s", upload->temporary);
}

br_status rest_upload_publish(rest_upload *upload, bool overwrite, http_reply *reply,
                              br_error *err) {
  const volume_path *target = &upload->target;
  /* link() refuses what is there already, rename() replaces it: both at once and whole. */
  int result = overwrite ? br_sys.rename(upload->temporary, target->disk)
                         : link(upload->temporary, target->disk);
  if (result == 0) {
    upload->kept = overwrite;
    return rest_reply_empty(reply, 204);
  }
  if (errno == EEXIST) {
    return rest_reply_error(reply, 409, "ALREADY_EXISTS", "FILES_API_FILE_ALREADY_EXISTS", err,
                            "The file being created already exists.");
  }
  if (errno == EISDIR) {
    return rest_reply_error(reply, 409, "ALREADY_EXISTS", "FILES_API_DIRECTORY_ALREADY_EXISTS", err,
                            "There is a directory at %s.", target->shown);
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_DIRECTORY_NOT_FOUND", err,
                            "The directory of %s does not exist.", target->shown);
  }
  return br_error_errno(err, errno, "%s", target->shown);
}

br_status rest_overwrites(const http_request *request, http_reply *reply, bool *ret_overwrite,
                          bool *ret_ok, br_error *err) {
  const char *text = http_request_query(request, "overwrite");
  *ret_overwrite = text == NULL || strcmp(text, "true") == 0;
  *ret_ok = *ret_overwrite || strcmp(text, "false") == 0;
  return *ret_ok ? BR_OK
                 : rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                                    "overwrite must be true or false, not %s.", text);
}

/* The folder must be there: a client that makes it first is right either way. */
static br_status check_target(const volume_path *path, bool overwrite, http_reply *reply,
                              bool *ret_ok, br_error *err) {
  struct stat info;
  *ret_ok = false;
  if (path->is_root) {
    return rest_reply_error(reply, 400, "INVALID_PARAMETER_VALUE", NULL, err,
                            "%s is a volume, not a file.", path->shown);
  }
  if (br_sys.stat(path->disk, &info) == 0) {
    if (S_ISDIR(info.st_mode) || !overwrite) {
      return rest_reply_error(reply, 409, "ALREADY_EXISTS", "FILES_API_FILE_ALREADY_EXISTS", err,
                              "The file being created already exists.");
    }
    *ret_ok = true;
    return BR_OK;
  }
  char *folder = br_strdup(path->disk);
  if (folder == NULL) {
    return br_error_nomem(err);
  }
  *strrchr(folder, '/') = '\0';
  *ret_ok = br_sys.stat(folder, &info) == 0 && S_ISDIR(info.st_mode);
  br_free(folder);
  return *ret_ok ? BR_OK
                 : rest_reply_error(reply, 404, "NOT_FOUND", "FILES_API_DIRECTORY_NOT_FOUND", err,
                                    "The directory of %s does not exist.", path->shown);
}

static br_status open_upload(const http_request *request, rest_upload **ret_upload, br_error *err) {
  char id[BR_UUID_MAX];
  br_status st = br_uuid(id, err);
  if (st != BR_OK) {
    return st;
  }
  char *temporary = br_path_join(rest_of(request)->uploads_folder, id);
  if (temporary == NULL) {
    return br_error_nomem(err);
  }
  st = rest_upload_new(temporary, ret_upload, err);
  br_free(temporary);
  return st;
}

br_status rest_put_file_begin(http_request *request, http_reply *reply, br_error *err) {
  volume_path path;
  bool ok = false, overwrite = false;
  br_status st = rest_overwrites(request, reply, &overwrite, &ok, err);
  if (st == BR_OK && ok) {
    st = rest_parse_path(request, http_request_capture(request, 0), reply, &path, &ok, err);
  }
  if (st != BR_OK || !ok) {
    return st;
  }
  rest_upload *upload = NULL;
  st = check_target(&path, overwrite, reply, &ok, err);
  if (st == BR_OK && ok) {
    st = open_upload(request, &upload, err);
  }
  if (st != BR_OK || !ok) {
    volume_path_done(&path);
    return st;
  }
  upload->target = path;
  rest_upload_arm(request, upload);
  http_request_set_state(request, upload);
  return BR_OK;
}

void rest_upload_arm(http_request *request, rest_upload *upload) {
  sandbox_fault fault;
  upload->cut_at = UINT64_MAX;
  if (sandbox_fault_strikes(rest_of(request)->faults, SANDBOX_FAULT_REST_CUT_UPLOAD,
                            http_request_path(request), "PUT", &fault)) {
    upload->cut_at = fault.value;
  }
}

br_status rest_put_file_data(http_request *request, const void *bytes, size_t length,
                             http_reply *reply, br_error *err) {
  rest_upload *upload = http_request_state(request);
  br_status st = rest_upload_write(upload, bytes, length, err);
  if (st == BR_OK && upload->received >= upload->cut_at) {
    http_reply_hang_up(reply);
  }
  return st;
}

br_status rest_put_file(http_request *request, http_reply *reply, br_error *err) {
  rest_upload *upload = http_request_state(request);
  const char *overwrite = http_request_query(request, "overwrite");
  br_status st = rest_upload_close(upload, err);
  return st != BR_OK ? st
                     : rest_upload_publish(
                           upload, overwrite == NULL || strcmp(overwrite, "true") == 0, reply, err);
}

void rest_put_file_drop(http_request *request) {
  rest_upload_free(http_request_state(request));
}
