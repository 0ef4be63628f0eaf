/* Files of volumes: the Files API (/api/2.0/fs/files). */
#include <curl/curl.h>
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "databricks/client.h"
#include "databricks/fs_path.h"

/* What one PUT may hold. */
#define LARGEST_UPLOAD BR_GIB(5)

static const char files_api[] = "/api/2.0/fs/files";

/* After a lost answer, "it exists" may speak of our own first try. */
static br_status explain_exists(bool uncertain, br_status st, br_error *err) {
  return st == BR_ERR_EXISTS && uncertain
             ? br_error_append(err, st,
                               " (an earlier try, whose answer was lost, may have made it)")
             : st;
}

br_status dbx_files_put(dbx_client *client, const char *path, const dbx_body *body, bool overwrite,
                        br_cancel *cancel, br_error *err) {
  if (body->size > LARGEST_UPLOAD) {
    return br_error_set(err, BR_ERR_LIMIT,
                        "%s would have %" PRIu64 " bytes; a volume takes files of 5 GiB at most",
                        path, body->size);
  }
  dbx_fs_request fs;
  br_status st = dbx_fs_request_init(&fs, "Upload of", files_api, path,
                                     overwrite ? "?overwrite=true" : "?overwrite=false", err);
  if (st != BR_OK) {
    return st;
  }
  bool uncertain = false;
  fs.request.method = "PUT";
  fs.request.content_type = "application/octet-stream";
  fs.request.upload = body;
  fs.request.uncertain = overwrite ? NULL : &uncertain;
  dbx_http_response response;
  st = dbx_request_send(client, &fs.request, cancel, &response, err);
  if (st == BR_OK) {
    dbx_http_response_done(&response);
  }
  dbx_fs_request_done(&fs);
  return explain_exists(uncertain, st, err);
}

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static br_status fill_info(const char *path, const dbx_http_response *response,
                           dbx_file_info *ret_info, br_error *err) {
  if (!response->has_length) {
    return br_error_set(err, BR_ERR_PROTOCOL, "%s: the answer has no Content-Length", path);
  }
  dbx_file_info info = {.size = response->length};
  time_t modified =
      response->last_modified[0] == '\0' ? -1 : curl_getdate(response->last_modified, NULL);
  info.modified_ms = modified == -1 ? 0 : (int64_t)modified * 1000;
  info.path = br_strdup(path);
  info.name = br_strdup(name_of(path));
  if (info.path == NULL || info.name == NULL) {
    dbx_file_info_done(&info);
    return br_error_nomem(err);
  }
  *ret_info = info;
  return BR_OK;
}

br_status dbx_files_head(dbx_client *client, const char *path, dbx_file_info *ret_info,
                         br_cancel *cancel, br_error *err) {
  dbx_fs_request fs;
  br_status st = dbx_fs_request_init(&fs, "Look at", files_api, path, "", err);
  if (st != BR_OK) {
    return st;
  }
  fs.request.method = "HEAD";
  dbx_http_response response;
  st = dbx_request_send(client, &fs.request, cancel, &response, err);
  if (st == BR_OK) {
    st = fill_info(path, &response, ret_info, err);
    dbx_http_response_done(&response);
  }
  dbx_fs_request_done(&fs);
  return st;
}

br_status dbx_files_get(dbx_client *client, const char *path, size_t max, br_buf *out,
                        br_cancel *cancel, br_error *err) {
  br_buf_init(out, max);
  dbx_fs_request fs;
  br_status st = dbx_fs_request_init(&fs, "Download of", files_api, path, "", err);
  if (st != BR_OK) {
    return st;
  }
  fs.request.method = "GET";
  fs.request.max_body = max;
  dbx_http_response response;
  st = dbx_request_send(client, &fs.request, cancel, &response, err);
  if (st == BR_OK) {
    *out = response.body;
  }
  dbx_fs_request_done(&fs);
  return st;
}

br_status dbx_files_delete(dbx_client *client, const char *path, br_cancel *cancel, br_error *err) {
  return dbx_fs_simple(client, "DELETE", "Deletion of", files_api, path, cancel, err);
}
